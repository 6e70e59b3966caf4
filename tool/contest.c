// SPDX-License-Identifier: BSD-3-Clause
/* Rounds of several cells that take turns. */
#include "contest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "json_parts.h"

static struct contest_sample *sample_of(const struct contest *contest, unsigned int cell,
					unsigned int round)
{
	return &contest->samples[(size_t)cell * contest->rounds + round];
}

int contest_open(struct contest *contest)
{
	contest->played = 0;
	contest->samples =
		calloc((size_t)contest->cells * contest->rounds, sizeof(*contest->samples));
	return contest->samples ? 0 : -1;
}

void contest_close(struct contest *contest)
{
	free(contest->samples);
	contest->samples = NULL;
}

static void judge(const struct contest *contest, struct contest_sample *sample)
{
	if (sample->distance != DISTANCES)
		sample->distance =
			duel_distance(&sample->figures, contest->near_ns, contest->far_ns);
	sample->kept = sample->distance != DISTANCE_UNKNOWN && sample->items > 0;
}

int contest_play(struct contest *contest, char *error)
{
	bool terminal = isatty(STDERR_FILENO);
	int result = 0;

	for (unsigned int round = 0; round < contest->rounds && !result; round++) {
		for (unsigned int turn = 0; turn < contest->cells && !result; turn++) {
			/* Now one end goes first, now the other. */
			unsigned int cell = round % 2 ? contest->cells - 1 - turn : turn;
			struct contest_sample *sample = sample_of(contest, cell, round);

			if (terminal)
				fprintf(stderr, "\r\033[Kround %u of %u, %u of %u", round + 1,
					contest->rounds, turn + 1, contest->cells);
			result = contest->play(contest->context, cell, sample, error);
			judge(contest, sample);
		}
		contest->played += !result;
	}
	if (terminal)
		fputs("\r\033[K", stderr);
	return result;
}

/* Was a side away for a part of the round? */
static bool was_disturbed(const struct contest_sample *sample)
{
	const double *cpu = sample->figures.cpu;

	return cpu[SIDE_DRIVER] < CONTEST_CPU_ENOUGH ||
	       (sample->distance != DISTANCES && cpu[SIDE_DEVICE] < CONTEST_CPU_ENOUGH);
}

/* Does a cell have rounds at a distance during which both sides had their CPUs? */
static bool has_quiet(const struct contest *contest, unsigned int cell, enum distance distance)
{
	for (unsigned int round = 0; round < contest->played; round++) {
		const struct contest_sample *sample = sample_of(contest, cell, round);

		if (sample->kept && sample->distance == distance && !was_disturbed(sample))
			return true;
	}
	return false;
}

/* The median of one figure over the rounds of a cell at one distance. */
static struct stats figure(const struct contest *contest, unsigned int cell, enum distance distance,
			   double (*of)(const struct contest_sample *))
{
	bool quiet = has_quiet(contest, cell, distance);
	double values[CONTEST_ROUNDS_MAX];
	size_t count = 0;

	for (unsigned int round = 0; round < contest->played; round++) {
		const struct contest_sample *sample = sample_of(contest, cell, round);

		if (!sample->kept || sample->distance != distance)
			continue;
		if (!quiet || !was_disturbed(sample))
			values[count++] = of(sample);
	}
	return stats_of(values, count);
}

static double per_item(const struct contest_sample *sample, uint64_t count)
{
	return sample->items ? (double)count / (double)sample->items : 0;
}

static double ns_of(const struct contest_sample *sample)
{
	return sample->ns;
}

static double cycles_of(const struct contest_sample *sample)
{
	return per_item(sample, sample->figures.cycles);
}

static double driver_instructions(const struct contest_sample *sample)
{
	return per_item(sample, sample->figures.instructions[SIDE_DRIVER]);
}

static double device_instructions(const struct contest_sample *sample)
{
	return per_item(sample, sample->figures.instructions[SIDE_DEVICE]);
}

static double roundtrip_of(const struct contest_sample *sample)
{
	return (sample->figures.roundtrip_ns[0] + sample->figures.roundtrip_ns[1]) / 2;
}

static double cpu_of(const struct contest_sample *sample)
{
	const double *cpu = sample->figures.cpu;

	if (sample->distance == DISTANCES || cpu[SIDE_DRIVER] < cpu[SIDE_DEVICE])
		return cpu[SIDE_DRIVER];
	return cpu[SIDE_DEVICE];
}

void contest_group(const struct contest *contest, unsigned int cell, enum distance distance,
		   struct contest_group *group)
{
	group->ns = figure(contest, cell, distance, ns_of);
	group->cycles = figure(contest, cell, distance, cycles_of).median;
	group->instructions[SIDE_DRIVER] =
		figure(contest, cell, distance, driver_instructions).median;
	group->instructions[SIDE_DEVICE] =
		figure(contest, cell, distance, device_instructions).median;
	group->roundtrip_ns = figure(contest, cell, distance, roundtrip_of).median;
	group->cpu = figure(contest, cell, distance, cpu_of).min;
}

/* Rounds of all cells of which something is true. */
static unsigned int count_rounds(const struct contest *contest,
				 bool (*is)(const struct contest_sample *sample))
{
	unsigned int count = 0;

	for (unsigned int cell = 0; cell < contest->cells; cell++)
		for (unsigned int round = 0; round < contest->played; round++)
			count += is(sample_of(contest, cell, round));
	return count;
}

static bool is_idle(const struct contest_sample *sample)
{
	return sample->items == 0;
}

static bool is_dropped(const struct contest_sample *sample)
{
	return !sample->kept && sample->items > 0;
}

static bool is_disturbed(const struct contest_sample *sample)
{
	return sample->kept && was_disturbed(sample);
}

unsigned int contest_dropped(const struct contest *contest)
{
	return count_rounds(contest, is_dropped);
}

unsigned int contest_idle(const struct contest *contest)
{
	return count_rounds(contest, is_idle);
}

unsigned int contest_disturbed(const struct contest *contest)
{
	return count_rounds(contest, is_disturbed);
}

int contest_instructions_error(const struct contest *contest)
{
	return contest->played ? contest->samples[0].figures.instructions_error : 0;
}

const char *contest_distance_name(unsigned int distance)
{
	return distance == DISTANCES ? "alone" : distance_name((enum distance)distance);
}

static json_object *counted(double value)
{
	return value > 0 ? json_number(value) : NULL;
}

static json_object *group_json(const struct contest_group *group, unsigned int distance)
{
	json_object *json = json_object_new_object();

	json_put(json, "rounds", json_count(group->ns.count));
	json_put(json, "ns_median", json_number(group->ns.median));
	json_put(json, "ns_min", json_number(group->ns.min));
	json_put(json, "ns_max", json_number(group->ns.max));
	json_put(json, "tsc_cycles", counted(group->cycles));
	json_put(json, "driver_instructions", counted(group->instructions[SIDE_DRIVER]));
	json_put(json, "device_instructions", counted(group->instructions[SIDE_DEVICE]));
	json_put(json, "least_cpu_share", json_number(group->cpu));
	if (distance != DISTANCES)
		json_put(json, "roundtrip_ns", json_number(group->roundtrip_ns));
	return json;
}

static json_object *sample_json(const struct contest_sample *sample)
{
	json_object *json = json_object_new_object();
	const struct duel_figures *figures = &sample->figures;

	json_put(json, "kept", json_object_new_boolean(sample->kept));
	json_put_text(json, "distance", contest_distance_name(sample->distance));
	json_put(json, "ns", json_number(sample->ns));
	json_put(json, "items", json_count(sample->items));
	json_put(json, "seconds", json_number(figures->seconds));
	json_put(json, "driver_cpu_share", json_number(figures->cpu[SIDE_DRIVER]));
	if (sample->distance == DISTANCES)
		return json;
	json_put(json, "device_cpu_share", json_number(figures->cpu[SIDE_DEVICE]));
	json_put(json, "roundtrip_ns_before", json_number(figures->roundtrip_ns[0]));
	json_put(json, "roundtrip_ns_after", json_number(figures->roundtrip_ns[1]));
	return json;
}

json_object *contest_json(const struct contest *contest, unsigned int cell)
{
	json_object *json = json_object_new_object();
	json_object *results = json_object_new_object();
	json_object *rounds = json_object_new_array();

	for (unsigned int distance = 0; distance <= DISTANCES; distance++) {
		struct contest_group group;

		contest_group(contest, cell, (enum distance)distance, &group);
		if (group.ns.count)
			json_put(results, contest_distance_name(distance),
				 group_json(&group, distance));
	}
	for (unsigned int round = 0; round < contest->played; round++)
		json_object_array_add(rounds, sample_json(sample_of(contest, cell, round)));
	json_put(json, "results", results);
	json_put(json, "rounds", rounds);
	return json;
}
