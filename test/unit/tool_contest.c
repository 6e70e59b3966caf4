// SPDX-License-Identifier: BSD-3-Clause
/* Rounds that take turns: who plays when, what is dropped, what it comes to; and the floor. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json.h>

#include "tool/contest.h"
#include "tool/floor.h"
#include "tool/ring_match.h"

/* ---- a contest of known rounds ---- */

/* The order in which cells were played, and the round trips that each round is given. */
struct known {
	char order[64];
	unsigned int played;
	const double (*trips)[2];
	int fails_at;
	unsigned int idle;
};

static int play_known(void *context, unsigned int cell, struct contest_sample *sample, char *error)
{
	struct known *known = context;

	if ((int)known->played == known->fails_at)
		return tool_text(error, "failed as told");
	known->order[known->played] = (char)('a' + cell);
	sample->items = known->played == known->idle ? 0 : 100;
	sample->ns = known->played;
	sample->figures.cycles = 300;
	sample->figures.instructions[SIDE_DRIVER] = 1000;
	sample->figures.instructions[SIDE_DEVICE] = 2000;
	sample->figures.cpu[SIDE_DRIVER] = 1;
	sample->figures.cpu[SIDE_DEVICE] = 0.5;
	memcpy(sample->figures.roundtrip_ns, known->trips[known->played],
	       sizeof(sample->figures.roundtrip_ns));
	known->played++;
	return 0;
}

static const double trips[6][2] = {
	{ 50, 60 }, { 50, 300 }, { 300, 400 }, { 70, 80 }, { 50, -1 }, { 80, 81 },
};

static void play_six(struct contest *contest, struct known *known)
{
	char error[TOOL_TEXT];

	*known = (struct known){ .trips = trips, .fails_at = -1, .idle = 6 };
	*contest = (struct contest){
		.cells = 2,
		.rounds = 3,
		.near_ns = 80,
		.far_ns = 200,
		.play = play_known,
		.context = known,
	};
	assert_int_equal(contest_open(contest), 0);
	assert_int_equal(contest_play(contest, error), 0);
}

static void test_turns_and_distances(void **state)
{
	struct contest contest;
	struct contest_group group;
	struct known known;

	(void)state;
	play_six(&contest, &known);
	/* Cell a: rounds 0 (near), 3 (near), 4 (not measured); b: 1 (changed), 2 (far), 5 (changed). */
	assert_string_equal(known.order, "abbaab");
	assert_int_equal(contest_dropped(&contest), 3);
	/* The device's side had half of its CPU in all those that count, so they do count. */
	assert_int_equal(contest_disturbed(&contest), 3);
	contest_group(&contest, 0, DISTANCE_NEAR, &group);
	assert_int_equal(group.ns.count, 2);
	assert_true(group.ns.median == 1.5 && group.ns.min == 0 && group.ns.max == 3);
	assert_true(group.cycles == 3 && group.instructions[SIDE_DRIVER] == 10 &&
		    group.instructions[SIDE_DEVICE] == 20);
	assert_true(group.roundtrip_ns == 65 && group.cpu == 0.5);
	/* Beside one that was not disturbed they do not. */
	contest.samples[0].figures.cpu[SIDE_DEVICE] = 0.96;
	assert_int_equal(contest_disturbed(&contest), 2);
	contest_group(&contest, 0, DISTANCE_NEAR, &group);
	assert_int_equal(group.ns.count, 1);
	assert_true(group.ns.median == 0 && group.cpu == 0.96);
	contest_group(&contest, 0, DISTANCE_FAR, &group);
	assert_int_equal(group.ns.count, 0);
	contest_group(&contest, 1, DISTANCE_FAR, &group);
	assert_int_equal(group.ns.count, 1);
	assert_true(group.ns.median == 2 && group.roundtrip_ns == 350);
	contest_close(&contest);
}

/* A round in which nothing got through says nothing of how fast that is. */
static void test_idle_round(void **state)
{
	struct known known = { .trips = trips, .fails_at = -1, .idle = 0 };
	struct contest contest = {
		.cells = 1,
		.rounds = 1,
		.near_ns = 80,
		.far_ns = 200,
		.play = play_known,
		.context = &known,
	};
	struct contest_group group;
	char error[TOOL_TEXT];

	(void)state;
	assert_int_equal(contest_open(&contest), 0);
	assert_int_equal(contest_play(&contest, error), 0);
	contest_group(&contest, 0, DISTANCE_NEAR, &group);
	assert_int_equal(group.ns.count, 0);
	assert_int_equal(contest_idle(&contest), 1);
	assert_int_equal(contest_dropped(&contest), 0);
	contest_close(&contest);
}

static void test_json(void **state)
{
	struct contest contest;
	struct known known;
	json_object *json, *results, *part, *value;

	(void)state;
	play_six(&contest, &known);
	json = contest_json(&contest, 0);
	assert_true(json_object_object_get_ex(json, "rounds", &part));
	assert_int_equal(json_object_array_length(part), 3);
	assert_true(json_object_object_get_ex(json, "results", &results));
	assert_false(json_object_object_get_ex(results, "far", &part));
	assert_true(json_object_object_get_ex(results, "near", &part));
	assert_true(json_object_object_get_ex(part, "ns_median", &value));
	assert_true(json_object_get_double(value) == 1.5);
	json_object_put(json);
	contest_close(&contest);
}

static void test_failure_ends_it(void **state)
{
	struct known known = { .trips = trips, .fails_at = 3, .idle = 6 };
	struct contest contest = {
		.cells = 2,
		.rounds = 3,
		.near_ns = 80,
		.far_ns = 200,
		.play = play_known,
		.context = &known,
	};
	char error[TOOL_TEXT];

	(void)state;
	assert_int_equal(contest_open(&contest), 0);
	assert_int_equal(contest_play(&contest, error), -1);
	assert_string_equal(error, "failed as told");
	assert_int_equal(known.played, 3);
	assert_int_equal(contest.played, 1);
	contest_close(&contest);
}

/* ---- two threads ---- */

static bool two_cpus(int cpus[SIDES])
{
	cpu_set_t set;
	int count = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && count < SIDES; cpu++)
		if (CPU_ISSET((size_t)cpu, &set))
			cpus[count++] = cpu;
	return count == SIDES;
}

static void need_two_cpus(int cpus[SIDES])
{
	if (two_cpus(cpus))
		return;
	puts("SKIP: only one CPU");
	skip();
}

struct pair {
	_Atomic bool over;
	int cpu[SIDES];
};

static void first(void *context)
{
	struct pair *pair = context;
	double end = tool_now() + 0.02;

	pair->cpu[SIDE_DRIVER] = sched_getcpu();
	while (tool_now() < end)
		;
	pair->over = true;
}

static void second(void *context)
{
	struct pair *pair = context;

	pair->cpu[SIDE_DEVICE] = sched_getcpu();
	while (!pair->over)
		;
}

static void test_duel(void **state)
{
	struct pair pair = { .over = false };
	struct duel duel = { .play = { first, second }, .context = &pair };
	struct duel_figures figures;
	char error[TOOL_TEXT];

	(void)state;
	need_two_cpus(duel.cpu);
	assert_int_equal(duel_play(&duel, &figures, error), 0);
	assert_int_equal(pair.cpu[SIDE_DRIVER], duel.cpu[SIDE_DRIVER]);
	assert_int_equal(pair.cpu[SIDE_DEVICE], duel.cpu[SIDE_DEVICE]);
	assert_true(figures.seconds >= 0.02);
	assert_true(figures.cpu[SIDE_DRIVER] > 0 && figures.cpu[SIDE_DRIVER] < 1.5);
	/* Counted or not, and if not it is said why. */
	for (int side = 0; side < SIDES; side++)
		assert_true((figures.instructions[side] > 0) == (figures.instructions_error == 0));
	assert_int_equal(duel_alone(&duel, &figures, error), 0);
	assert_true(figures.seconds >= 0.02);
	assert_true(figures.cpu[SIDE_DEVICE] == 0);
	duel.cpu[SIDE_DEVICE] = CPU_SETSIZE - 1;
	pair.over = false;
	assert_int_equal(duel_play(&duel, &figures, error), -1);
	assert_non_null(strstr(error, "no thread may run on CPU 1023"));
}

/* Room for one burst only, for several, and payloads of other lengths than a line. */
static void test_floor(void **state)
{
	static const unsigned int shapes[][3] = {
		{ 1, 1, 8 },
		{ 64, 64, 64 },
		{ 100, 7, 65 },
		{ 256, 32, 1500 },
	};
	struct floor_config config = { .seconds = 0.02 };
	char error[TOOL_TEXT];

	(void)state;
	need_two_cpus(config.cpu);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct floor_figures figures;

		config.slots = shapes[i][0];
		config.burst = shapes[i][1];
		config.bytes = shapes[i][2];
		config.header = i > 0;
		config.dropped = i == 2;
		assert_int_equal(floor_play(&config, &figures, error), 0);
		assert_true(figures.buffers > 0);
		assert_int_equal(figures.buffers % config.burst, 0);
		assert_int_equal(figures.wrong, 0);
		assert_true(figures.ns > 0 && figures.page_bytes >= 4096);
	}
}

/* ---- the ring alone ---- */

static const struct ring_axes all_axes = {
	.forms = { { 0, 1, 2, 3 }, 4 },
	.sizes = { { 64, 96 }, 2 },
	.bursts = { { 1, 32 }, 2 },
	.segments = { { 1, 3 }, 2 },
	.tables = { { 0, 1 }, 2 },
	.buffers = { { 0, 1 }, 2 },
	.slots = { { 0, 1 }, 2 },
};

/* Which combinations there are; those that are not are left out, all others are there once. */
static void test_ring_cells(void **state)
{
	static struct ring_cell cells[RING_CELLS_MAX];
	int count = ring_axes_cells(&all_axes, cells, RING_CELLS_MAX);

	(void)state;
	/*
	 * Of 64 descriptors: each of 4 forms with 2 bursts of 1 segment, 2 of tables, and 1 of 3
	 * segments, as 32 of those do not fit; of 96, packed ones only, which all fit; all that
	 * readable and writable, kept and rotating.
	 */
	assert_int_equal(count, (4 * 5 + 2 * 6) * 4);
	for (int i = 0; i < count; i++) {
		assert_true(cells[i].size == 64 || cells[i].form >= 2);
		assert_true(cells[i].burst * ring_cell_descriptors(&cells[i]) <= cells[i].size);
		assert_false(cells[i].indirect && cells[i].segments == 1);
		for (int j = 0; j < i; j++)
			assert_false(cells[i].form == cells[j].form &&
				     ring_cell_alike(&cells[i], &cells[j]));
	}
	/* The forms of a cell are next to each other. */
	for (int i = 1; i < 4; i++)
		assert_true(ring_cell_alike(&cells[0], &cells[i]));
	assert_int_equal(ring_axes_cells(&all_axes, cells, 10), -1);
}

/* All of them turn buffers around, in one thread and, some, in two. */
static void test_ring_matches(void **state)
{
	static struct ring_cell cells[RING_CELLS_MAX];
	int count = ring_axes_cells(&all_axes, cells, RING_CELLS_MAX);
	struct ring_match match = { .seconds = 0.0005 };
	struct ring_score score;
	char error[TOOL_TEXT];

	(void)state;
	need_two_cpus(match.cpu);
	for (int i = 0; i < count; i++) {
		match.cell = cells[i];
		match.alone = true;
		if (ring_match_play(&match, &score, error))
			fail_msg("%s", error);
		assert_true(score.buffers > 0 && score.buffers % cells[i].burst == 0);
		assert_true(score.ns > 0);
	}
	match.seconds = 0.01;
	for (int i = 0; i < count; i += 11) {
		match.cell = cells[i];
		match.alone = false;
		if (ring_match_play(&match, &score, error))
			fail_msg("%s", error);
		assert_true(score.duel.roundtrip_ns[0] != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns_and_distances),
		cmocka_unit_test(test_idle_round),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_failure_ends_it),
		cmocka_unit_test(test_duel),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_ring_cells),
		cmocka_unit_test(test_ring_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
