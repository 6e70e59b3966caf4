/* SPDX-License-Identifier: BSD-3-Clause */
/* Two threads, each on a CPU of its own, that work with each other while they are measured. */
#ifndef DUEL_H
#define DUEL_H

#include <stdint.h>

#include "roundtrip.h"
#include "topology.h"

/**
 * struct duel - who plays, and where
 * @play: what each side does until it is over; the driver's side ends first, and tells the other
 * @context: for both
 * @cpu: where each side runs
 */
struct duel {
	void (*play[SIDES])(void *context);
	void *context;
	int cpu[SIDES];
};

/**
 * struct duel_figures - what was measured
 * @seconds: how long the driver's side played
 * @cycles: of the processor's time stamp counter meanwhile, 0: it has none that is known here
 * @cpu: the part of its CPU that each side had
 * @instructions: that each side executed, 0: not counted
 * @instructions_error: why not, an errno value, or 0
 * @roundtrip_ns: of a cache line between the two CPUs, before and after; negative: not measured
 */
struct duel_figures {
	double seconds;
	uint64_t cycles;
	double cpu[SIDES];
	uint64_t instructions[SIDES];
	int instructions_error;
	double roundtrip_ns[2];
};

/**
 * duel_play() - once
 * @duel: who and where
 * @figures: filled
 * @error: TOOL_TEXT bytes
 *
 * The calling thread waits and keeps its own CPUs.
 *
 * Return: 0, or -1 with @error set: no thread could be made, or none may run on that CPU.
 */
int duel_play(const struct duel *duel, struct duel_figures *figures, char *error);

/**
 * duel_alone() - one thread, on the driver's CPU
 * @duel: the driver's side is played
 * @figures: filled; the device's are 0
 * @error: TOOL_TEXT bytes
 *
 * Return: as duel_play().
 */
int duel_alone(const struct duel *duel, struct duel_figures *figures, char *error);

/**
 * duel_distance() - how far the CPUs were from each other
 * @figures: of a round
 * @near_ns: largest round trip that is near
 * @far_ns: smallest that is far
 *
 * Return: the distance, or DISTANCE_UNKNOWN when it was not the same before and after.
 */
enum distance duel_distance(const struct duel_figures *figures, double near_ns, double far_ns);

#endif
