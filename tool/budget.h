/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the time of a packet goes: each step of both sides, timed burst by burst. */
#ifndef BUDGET_H
#define BUDGET_H

#include "bench.h"
#include "duel.h"
#include "nic.h"

/* What a side does with a burst: waiting is looking for work and finding none. */
#define BUDGET_STEPS 3u
#define BUDGET_WAIT BUDGET_STEPS

/**
 * struct budget_config - one round
 * @nic: the card; polling
 * @direction: who sends
 * @threads: 2: a thread for each side; 1: one for both, so that no line changes its cache
 * @seconds: length of the round
 * @cpu: of each side
 */
struct budget_config {
	struct nic_config nic;
	enum direction direction;
	unsigned int threads;
	double seconds;
	int cpu[SIDES];
};

/**
 * struct budget_side - a side's share of the time
 * @cycles: of the time stamp counter, of each step and of waiting
 * @packets: sent or received
 * @bursts: how often it found work
 */
struct budget_side {
	uint64_t cycles[BUDGET_STEPS + 1];
	uint64_t packets;
	uint64_t bursts;
};

/**
 * struct budget_figures - what came out
 * @duel: of the threads
 * @side: of each side
 */
struct budget_figures {
	struct duel_figures duel;
	struct budget_side side[SIDES];
};

/** budget_step_name() - what a step is called */
const char *budget_step_name(enum direction direction, enum side side, unsigned int step);

/**
 * budget_play() - one round
 * @config: in its bounds
 * @figures: filled
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set; also on machines without a time stamp counter that we know.
 */
int budget_play(const struct budget_config *config, struct budget_figures *figures, char *error);

#endif
