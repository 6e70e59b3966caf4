// SPDX-License-Identifier: BSD-3-Clause
/* How far two CPUs are from each other: one cache line that both write in turn. */
#include "roundtrip.h"

#include <sched.h>
#include <stdbool.h>

#include "stats.h"
#include "tool.h"

#define SERIES 21
#define TRIPS 400
#define CLOCK_EVERY 4096

/* Waits for the ball to be at @turn; false when it took too long. */
static bool wait_for(struct roundtrip *line, uint64_t turn, double deadline)
{
	unsigned int spins = 0;

	while (atomic_load_explicit(&line->ball, memory_order_acquire) != turn) {
		if (++spins % CLOCK_EVERY)
			continue;
		if (tool_now() > deadline)
			return false;
		/* Far beyond any distance: the other one waits for a CPU, perhaps for this one. */
		sched_yield();
	}
	return true;
}

double roundtrip_measure(struct roundtrip *line, int serve, double seconds)
{
	double deadline = tool_now() + seconds;
	double samples[SERIES];
	uint64_t turn = serve ? 0 : 1;

	for (int i = 0; i < SERIES; i++) {
		double start = tool_now();

		for (int j = 0; j < TRIPS; j++) {
			if (!wait_for(line, turn, deadline))
				return -1;
			atomic_store_explicit(&line->ball, turn + 1, memory_order_release);
			turn += 2;
		}
		samples[i] = (tool_now() - start) / TRIPS * 1e9;
	}
	return stats_of(samples, SERIES).median;
}

enum distance roundtrip_distance(double ns, double near_ns, double far_ns)
{
	if (ns < 0)
		return DISTANCE_UNKNOWN;
	if (ns <= near_ns)
		return DISTANCE_NEAR;
	return ns >= far_ns ? DISTANCE_FAR : DISTANCE_BETWEEN;
}

const char *distance_name(enum distance distance)
{
	static const char *const names[] = { "near", "between", "far", "unknown" };

	return (unsigned int)distance < DISTANCES ? names[distance] : "unknown";
}
