/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds of several cells that take turns, so that a machine that drifts favours none; those that
 * were near and those that were far are summed up apart, and those that changed are dropped.
 */
#ifndef CONTEST_H
#define CONTEST_H

#include <json.h>

#include "duel.h"
#include "stats.h"

#define CONTEST_ROUNDS_MAX 1000u

/* A side that had less of its CPU than this was disturbed. */
#define CONTEST_CPU_ENOUGH 0.95

/**
 * struct contest_sample - one round of one cell
 * @figures: of the threads
 * @items: that went through
 * @ns: nanoseconds of one
 * @kept: false when the distance of the CPUs changed, or nothing went through
 * @distance: of the CPUs; DISTANCES when one thread played alone
 */
struct contest_sample {
	struct duel_figures figures;
	uint64_t items;
	double ns;
	bool kept;
	enum distance distance;
};

/**
 * struct contest - what is played
 * @cells: number of cells
 * @rounds: of each
 * @near_ns: largest round trip that is near
 * @far_ns: smallest that is far
 * @play: plays a cell once: sets figures, items and ns, and distance when one thread plays alone;
 *        -1 with @error set ends everything
 * @context: for @play
 * @samples: [cell][round]
 * @played: rounds that were played of each cell
 */
struct contest {
	unsigned int cells;
	unsigned int rounds;
	double near_ns;
	double far_ns;
	int (*play)(void *context, unsigned int cell, struct contest_sample *sample, char *error);
	void *context;
	struct contest_sample *samples;
	unsigned int played;
};

/**
 * struct contest_group - the rounds of a cell at one distance
 * @ns: of an item
 * @cycles: of the time stamp counter, median, 0: not counted
 * @instructions: of each side, median, 0: not counted
 * @roundtrip_ns: median
 * @cpu: smallest part of its CPU that a side had
 */
struct contest_group {
	struct stats ns;
	double cycles;
	double instructions[SIDES];
	double roundtrip_ns;
	double cpu;
};

/**
 * contest_open() - room for all rounds
 * @contest: with cells, rounds, limits and @play set
 *
 * Return: 0, or -1: out of memory.
 */
int contest_open(struct contest *contest);

/** contest_close() - give the room back */
void contest_close(struct contest *contest);

/**
 * contest_play() - all rounds
 * @contest: opened
 * @error: TOOL_TEXT bytes
 *
 * A line on standard error tells how far it is, if that is a terminal.
 *
 * Return: 0, or -1 with @error set.
 */
int contest_play(struct contest *contest, char *error);

/**
 * contest_group() - sum up
 * @contest: played
 * @cell: which cell
 * @distance: which rounds; DISTANCES: those of one thread alone
 * @group: filled
 *
 * Rounds that were disturbed only count where there are no others.
 */
void contest_group(const struct contest *contest, unsigned int cell, enum distance distance,
		   struct contest_group *group);

/** contest_dropped() - rounds during which the distance changed */
unsigned int contest_dropped(const struct contest *contest);

/** contest_idle() - rounds in which nothing went through, as a side had no time of its CPU */
unsigned int contest_idle(const struct contest *contest);

/** contest_disturbed() - kept rounds in which a side had less than CONTEST_CPU_ENOUGH of its CPU */
unsigned int contest_disturbed(const struct contest *contest);

/** contest_instructions_error() - why instructions were not counted, an errno value, or 0 */
int contest_instructions_error(const struct contest *contest);

/** contest_distance_name() - "near", ..., or "alone" for DISTANCES */
const char *contest_distance_name(unsigned int distance);

/** contest_json() - the rounds of a cell, and what they come to */
json_object *contest_json(const struct contest *contest, unsigned int cell);

#endif
