/* SPDX-License-Identifier: BSD-3-Clause */
/* The options that all contests have, and the lines above and below their tables. */
#ifndef CONTEST_ARGS_H
#define CONTEST_ARGS_H

#include <argp.h>
#include <stdio.h>

#include "contest.h"

/**
 * struct contest_options - how to measure
 * @seconds: length of a round
 * @rounds: of each cell
 * @near_ns: largest round trip that is near
 * @far_ns: smallest that is far
 * @cpus: driver's, device's and (not used) controller's CPU, -1: choose
 * @json: file for everything, or NULL
 */
struct contest_options {
	double seconds;
	unsigned int rounds;
	double near_ns;
	double far_ns;
	int cpus[3];
	const char *json;
};

/** CONTEST_DEFAULTS - near as the project's targets have it */
#define CONTEST_DEFAULTS \
	{ \
		.seconds = 0.1, .rounds = 5, .near_ns = 80, .far_ns = 200, .cpus = { -1, -1, -1 } \
	}

/** contest_parser - reads them; its input is a struct contest_options */
extern const struct argp contest_parser;

/**
 * contest_head() - the lines above a table
 * @to: where to
 * @options: how it is measured
 * @topology: where
 */
void contest_head(FILE *to, const struct contest_options *options, const struct topology *topology);

/** contest_foot() - the lines below it: what was dropped, not counted, disturbed */
void contest_foot(FILE *to, const struct contest *contest, double took);

/** contest_options_json() - how it was measured, and where */
json_object *contest_options_json(const struct contest_options *options,
				  const struct topology *topology);

#endif
