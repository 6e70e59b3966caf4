// SPDX-License-Identifier: BSD-3-Clause
/* What is made of the rounds of a row. */
#include <stdlib.h>
#include <string.h>

#include <virtring/net.h>

#include "bench.h"

/* Dropped rounds are played again, but not for ever. */
#define SAMPLES_MAX ((size_t)2 * BENCH_ROUNDS_MAX)

double bench_mpps(const struct bench_sample *sample)
{
	return sample->seconds > 0 ? (double)sample->packets / sample->seconds / 1e6 : 0;
}

/* The median of one figure over the kept samples of a distance. */
static struct stats figure(const struct bench_result *result, enum distance distance,
			   double (*of)(const struct bench_sample *sample))
{
	double values[SAMPLES_MAX];
	size_t count = 0;

	for (unsigned int i = 0; i < result->count && count < SAMPLES_MAX; i++) {
		const struct bench_sample *sample = &result->samples[i];

		if (!sample->kept || (distance != DISTANCES && sample->distance[0] != distance))
			continue;
		values[count++] = of(sample);
	}
	return stats_of(values, count);
}

static double driver_cpu(const struct bench_sample *sample)
{
	return sample->cpu[SIDE_DRIVER];
}

static double device_cpu(const struct bench_sample *sample)
{
	return sample->cpu[SIDE_DEVICE];
}

static double driver_found(const struct bench_sample *sample)
{
	return sample->found[SIDE_DRIVER];
}

static double device_found(const struct bench_sample *sample)
{
	return sample->found[SIDE_DEVICE];
}

static double mean_roundtrip(const struct bench_sample *sample)
{
	return (sample->roundtrip_ns[0] + sample->roundtrip_ns[1]) / 2;
}

void bench_group(const struct bench_result *result, enum distance distance,
		 struct bench_group *group)
{
	group->mpps = figure(result, distance, bench_mpps);
	group->cpu[SIDE_DRIVER] = figure(result, distance, driver_cpu).median;
	group->cpu[SIDE_DEVICE] = figure(result, distance, device_cpu).median;
	group->found[SIDE_DRIVER] = figure(result, distance, driver_found).median;
	group->found[SIDE_DEVICE] = figure(result, distance, device_found).median;
	group->roundtrip_ns = figure(result, distance, mean_roundtrip).median;
}

const char *bench_failure(const struct bench_result *result)
{
	bool kept = false;

	for (unsigned int i = 0; i < result->count; i++) {
		if (result->samples[i].failed)
			return result->samples[i].text;
		kept |= result->samples[i].kept;
	}
	if (result->count == 0)
		return "not measured";
	return kept ? NULL : "in no round did the CPUs stay as near, or as far, as they were";
}

unsigned int bench_dropped_rounds(const struct bench_result *result)
{
	unsigned int dropped = 0;

	for (unsigned int i = 0; i < result->count; i++)
		dropped += !result->samples[i].kept && !result->samples[i].failed;
	return dropped;
}

const char *bench_direction_name(enum direction direction)
{
	return direction == DIRECTION_TX ? "TX" : "RX";
}

const char *bench_layout_name(enum layout layout)
{
	return layout == LAYOUT_SPLIT ? "split" : "packed";
}

const char *bench_party_name(enum party party)
{
	return party == PARTY_SELF ? "self" : "dpdk";
}

uint64_t bench_wanted(const struct bench_options *options, const struct bench_row *row)
{
	uint64_t features = VR_F_VERSION_1;

	if (row->layout == LAYOUT_PACKED)
		features |= VR_F_RING_PACKED;
	if (row->in_order)
		features |= VR_F_IN_ORDER;
	if (options->mergeable)
		features |= VR_NET_F_MRG_RXBUF;
	/* Event indices only pay where somebody sleeps. */
	if (options->notify)
		features |= VR_F_EVENT_IDX;
	return features;
}
