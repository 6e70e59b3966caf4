/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring alone, once: both halves turn buffers around, in two threads that poll or in one. */
#ifndef RING_MATCH_H
#define RING_MATCH_H

#include "duel.h"
#include "ring_cell.h"

/**
 * struct ring_match - what is played
 * @cell: which ring
 * @cpu: CPUs of both sides
 * @seconds: for so long
 * @alone: both halves in one thread, on the driver's CPU: a burst is added, drained, taken back
 */
struct ring_match {
	struct ring_cell cell;
	int cpu[SIDES];
	double seconds;
	bool alone;
};

/**
 * struct ring_score - what came out
 * @duel: of the threads
 * @buffers: that came back to the driver
 * @ns: of one
 */
struct ring_score {
	struct duel_figures duel;
	uint64_t buffers;
	double ns;
};

/**
 * ring_match_play() - once
 * @match: what
 * @score: filled
 * @error: TOOL_TEXT bytes
 *
 * With two threads the driver adds a burst whenever there is room for one, and the device takes up
 * to a burst whenever there is something. Nothing touches what the buffers hold.
 *
 * Return: 0, or -1 with @error set: out of memory, a CPU that may not be used, a queue that broke.
 */
int ring_match_play(const struct ring_match *match, struct ring_score *score, char *error);

#endif
