/* SPDX-License-Identifier: BSD-3-Clause */
/* What a bench prints and writes. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdio.h>

#include "bench.h"

/**
 * table_head() - say what is measured, and on what
 * @to: where to
 * @report: machine and options
 */
void table_head(FILE *to, const struct bench_report *report);

/**
 * table_rows() - the table, and under it what the reader has to know
 * @to: where to
 * @report: everything
 *
 * A row has a line for each distance at which it was measured, and figures are only compared
 * within one.
 */
void table_rows(FILE *to, const struct bench_report *report);

/**
 * json_write() - write everything
 * @path: the file
 * @report: everything
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int json_write(const char *path, const struct bench_report *report, char *error);

/**
 * plot_possible() - is there a gnuplot?
 *
 * Return: true when PATH has one.
 */
bool plot_possible(void);

/**
 * plot_script() - what gnuplot is told
 * @to: where to
 * @path: the picture, .svg or .png
 * @report: everything
 */
void plot_script(FILE *to, const char *path, const struct bench_report *report);

/**
 * plot_write() - draw the table
 * @path: the picture, .svg or .png
 * @report: everything
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int plot_write(const char *path, const struct bench_report *report, char *error);

#endif
