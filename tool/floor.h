/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor under every ring: two threads that hand over the lines of a header and a payload, and
 * one index line a burst. No descriptors, no used entries, no checks: what a ring costs between the
 * same two CPUs is best told beside this.
 *
 * A yardstick, not a law of nature: which side waits for the other one decides how many lines are
 * under way at a time, and when far a ring with another rhythm may well come out ahead.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "duel.h"

/* The header is in the tail of the line before its payload, as in our network card's buffers. */
#define FLOOR_HEADER 12u
#define FLOOR_BYTES_MIN 8u
#define FLOOR_BURST_MAX 512u

/**
 * struct floor_config - one round
 * @cpu: [SIDE_DRIVER] writes, [SIDE_DEVICE] reads; to be swapped for what a device sends
 * @slots: buffers that may be under way, at least @burst
 * @burst: buffers that one store of the index hands over, 1..FLOOR_BURST_MAX
 * @bytes: of a payload, at least FLOOR_BYTES_MIN
 * @header: the header is written for each buffer, as a device must do that has no idea what is in
 *          it; else it is only read, as it says the same every time: what a driver sends without
 *          offloads
 * @dropped: the reader looks at the header alone, as who counts packets and drops them; with @header
 * @seconds: length of the round
 */
struct floor_config {
	int cpu[SIDES];
	unsigned int slots;
	unsigned int burst;
	unsigned int bytes;
	bool header;
	bool dropped;
	double seconds;
};

/**
 * struct floor_figures - what came out
 * @duel: of the two threads
 * @buffers: that were handed over
 * @wrong: those that were not the one that had to follow
 * @ns: of a buffer; 1000 / @ns are million buffers a second
 * @page_bytes: of the memory: huge pages if there are free ones, as for the bench's own driver
 */
struct floor_figures {
	struct duel_figures duel;
	uint64_t buffers;
	uint64_t wrong;
	double ns;
	uint64_t page_bytes;
};

/**
 * floor_play() - one round
 * @config: in its bounds
 * @figures: filled
 * @error: TOOL_TEXT bytes
 *
 * The caller judges the round trips in @figures->duel, see duel_distance(). Blocks for the length of
 * the round and the measurements around it; the calling thread stays where it is.
 *
 * Return: 0, or -1 with @error set.
 */
int floor_play(const struct floor_config *config, struct floor_figures *figures, char *error);

#endif
