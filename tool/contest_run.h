/* SPDX-License-Identifier: BSD-3-Clause */
/* From options that were read to an exit status: what all modes that are contests have in common. */
#ifndef CONTEST_RUN_H
#define CONTEST_RUN_H

#include "contest_args.h"

/**
 * struct contest_mode - a mode of virtring bench that is a contest
 * @name: its option without the dashes; the JSON file says so, too
 * @prepare: done before the first round, or NULL; -1 with @error set ends everything
 * @play: plays a cell once, see struct contest
 * @table: prints what came out
 * @json: adds what holds for all rows to the JSON file, or NULL
 * @row_json: a row of it
 */
struct contest_mode {
	const char *name;
	int (*prepare)(void *context, char *error);
	int (*play)(void *context, unsigned int cell, struct contest_sample *sample, char *error);
	void (*table)(void *context, const struct contest *contest);
	void (*json)(const void *context, json_object *json);
	json_object *(*row_json)(const void *context, const struct contest *contest,
				 unsigned int cell);
};

/**
 * struct contest_run - what is to be measured, and where
 * @options: as they were read
 * @cells: number of rows
 * @realtime: with real-time priority
 * @topology: filled before the first round
 * @context: for the functions of the mode
 */
struct contest_run {
	const struct contest_options *options;
	unsigned int cells;
	bool realtime;
	struct topology *topology;
	void *context;
};

/**
 * contest_run() - find the CPUs, play, print, write the JSON file
 * @mode: what is measured
 * @run: what of it
 *
 * Return: the exit status: 0, TOOL_FAILED when a round failed, TOOL_CANNOT when there was nothing to
 * measure with, or nothing to write to.
 */
int contest_run(const struct contest_mode *mode, const struct contest_run *run);

/** contest_cannot() - say why on standard error; returns @status */
int contest_cannot(const struct contest_mode *mode, const char *text, int status);

#endif
