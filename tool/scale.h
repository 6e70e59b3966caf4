/* SPDX-License-Identifier: BSD-3-Clause */
/* Several queue pairs that one thread serves on each side. */
#ifndef SCALE_H
#define SCALE_H

#include "bench.h"
#include "duel.h"
#include "nic.h"

#define SCALE_PAIRS_MAX 64u

/**
 * struct scale_config - one round
 * @nic: each pair
 * @pairs: number of them, 1..SCALE_PAIRS_MAX
 * @direction: who sends
 * @seconds: length of the round
 * @cpu: of each side
 */
struct scale_config {
	struct nic_config nic;
	unsigned int pairs;
	enum direction direction;
	double seconds;
	int cpu[SIDES];
};

/**
 * struct scale_figures - what came out
 * @duel: of the two threads
 * @packets: that were received by the end of the round
 * @fewest: received on the pair that had the fewest
 * @checked: packets that were looked into
 * @ring_bytes: shared memory of the rings of a pair
 * @state_bytes: private memory of a pair, both sides together
 * @slot_bytes: packet buffers of a pair
 */
struct scale_figures {
	struct duel_figures duel;
	uint64_t packets;
	uint64_t fewest;
	uint64_t checked;
	size_t ring_bytes;
	size_t state_bytes;
	size_t slot_bytes;
};

/**
 * scale_play() - one round
 * @config: in its bounds
 * @figures: filled
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set: a packet that is wrong counts as well.
 */
int scale_play(const struct scale_config *config, struct scale_figures *figures, char *error);

#endif
