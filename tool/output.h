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

/** table_machine() - the lines of table_head() about the machine */
void table_machine(FILE *to, const struct topology *topology);

/** table_features() - the names of feature bits */
void table_features(FILE *to, uint64_t features);

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

/** json_row() - a row of a bench with all its rounds */
struct json_object *json_row(const struct bench_options *options,
			     const struct bench_result *result);

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

/** plot_quoted() - a text as gnuplot wants it: nothing in '' is special but '' */
void plot_quoted(FILE *to, const char *text);

/** plot_script_fn - writes what gnuplot is told about a report, for a picture at @path */
typedef void plot_script_fn(FILE *to, const char *path, const void *report);

/**
 * plot_draw() - have gnuplot draw something
 * @path: the picture, .svg or .png
 * @script: writes the commands
 * @report: for @script
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int plot_draw(const char *path, plot_script_fn *script, const void *report, char *error);

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
