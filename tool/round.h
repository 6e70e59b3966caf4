/* SPDX-License-Identifier: BSD-3-Clause */
/* One round of a bench: both sides set up, run for a while, drained, counted. */
#ifndef ROUND_H
#define ROUND_H

#include "bench.h"
#include "testpmd.h"
#include "worker.h"

/**
 * struct stage - where rounds are played
 * @options: the bench; may be others from one round to the next
 * @topology: the machine
 * @arena: memory that the workers share
 * @workers: one for each side; one whose side is DPDK's only measures round trips
 * @testpmd: the sides that DPDK plays
 * @huge: DPDK with huge pages
 * @folder: where the socket is made
 * @page_bytes: pages that our driver had
 * @huge_error: why they are no huge pages
 * @dpdk: DPDK's version, once known
 */
struct stage {
	const struct bench_options *options;
	const struct topology *topology;
	struct arena *arena;
	struct worker workers[SIDES];
	struct testpmd testpmd[SIDES];
	bool huge;
	char folder[64];
	uint64_t page_bytes;
	int huge_error;
	char dpdk[64];
};

/**
 * stage_open() - make what all rounds need
 * @stage: filled; @options and @topology are set
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int stage_open(struct stage *stage, char *error);

/**
 * stage_huge() - are there huge pages enough for testpmd?
 * @topology: the machine
 * @size: descriptors of a queue
 * @peers: number of testpmds at a time
 * @needed: filled: MiB that they want
 *
 * Return: true when there are.
 */
bool stage_huge(const struct topology *topology, unsigned int size, unsigned int peers,
		unsigned long *needed);

/** stage_close() - end the workers and peers, remove the folder */
void stage_close(struct stage *stage);

/**
 * round_play() - play one round
 * @stage: where
 * @row: which form
 * @sample: filled
 *
 * Return: 0, also when the round failed and @sample says so; -1 when nothing can be measured
 * (@sample->text says why) or a signal came.
 */
int round_play(struct stage *stage, const struct bench_row *row, struct bench_sample *sample);

#endif
