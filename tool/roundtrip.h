/* SPDX-License-Identifier: BSD-3-Clause */
/* How far two CPUs are from each other: one cache line that both write in turn. */
#ifndef ROUNDTRIP_H
#define ROUNDTRIP_H

#include <stdatomic.h>
#include <stdint.h>

/* Line pairs, as some machines fetch two lines at a time. */
#define ROUNDTRIP_ALIGN 128

/**
 * struct roundtrip - the line, in memory that both processes share
 * @ball: even: the server's turn; odd: the other's
 *
 * Zero at the start of each measurement.
 */
struct roundtrip {
	_Alignas(ROUNDTRIP_ALIGN) _Atomic uint64_t ball;
};

/**
 * roundtrip_measure() - play, on both sides at the same time
 * @line: the line
 * @serve: true on one side, false on the other
 * @seconds: give up after so long
 *
 * The median of many short series, so that a side which lost its CPU for a while does not count.
 *
 * Return: nanoseconds for one round trip, or a negative number when the other side did not play.
 */
double roundtrip_measure(struct roundtrip *line, int serve, double seconds);

/**
 * enum distance - what a round trip says about two CPUs
 * @DISTANCE_NEAR: at most the limit of near
 * @DISTANCE_BETWEEN: neither
 * @DISTANCE_FAR: at least the limit of far
 * @DISTANCE_UNKNOWN: not measured
 */
enum distance {
	DISTANCE_NEAR,
	DISTANCE_BETWEEN,
	DISTANCE_FAR,
	DISTANCE_UNKNOWN,
	DISTANCES,
};

/**
 * roundtrip_distance() - judge a round trip
 * @ns: nanoseconds, negative: not measured
 * @near_ns: largest that is near
 * @far_ns: smallest that is far
 *
 * Return: the judgement.
 */
enum distance roundtrip_distance(double ns, double near_ns, double far_ns);

/** distance_name() - "near", "between", "far", "unknown" */
const char *distance_name(enum distance distance);

#endif
