// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --ring. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_mode.h"
#include "bench_words.h"
#include "contest_run.h"
#include "json_parts.h"
#include "ring_match.h"

#define KEY_THREADS 256

static const char *const thread_names[] = { "two", "one" };

struct options {
	struct contest_options how;
	struct ring_axes axes;
	struct bench_list threads; /* 0: two, 1: one */
};

struct ring_bench {
	struct options options;
	struct topology topology;
	struct ring_match *matches;
	unsigned int count;
};

static const struct argp_option arguments[] = {
	{ "threads", KEY_THREADS, "two|one|all", 0,
	  "each half polls on a CPU of its own, or both take turns on one (all)", 1 },
	{ 0 },
};

static const char about[] =
	"The ring alone: both halves turn buffers around and touch nothing of what they hold. "
	"Nanoseconds of a buffer, cycles of the time stamp counter, and instructions where the "
	"machine counts them. Without options: --size 256,1024 --burst 1,32 --slots keep, about half "
	"a minute. --burst 1,8,32,64 --segments 1,3 --descriptors all --slots all is the whole.\v"
	"Exit status: 0, 1 when a queue broke, 2 when there was nothing to measure with.";

static error_t take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->axes;
		state->child_inputs[1] = &options->how;
		return 0;
	case KEY_THREADS:
		bench_names("threads", text, thread_names, 2, &options->threads);
		return 0;
	case ARGP_KEY_ARG:
		bench_refuse("no argument such as '%s' is expected", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* One match for each cell and each way to play it. */
static int plan(struct ring_bench *bench)
{
	static struct ring_cell cells[RING_CELLS_MAX];
	const struct options *options = &bench->options;
	int count = ring_axes_cells(&options->axes, cells, RING_CELLS_MAX);

	if (count <= 0)
		bench_refuse(count ? "more than %u rows" :
				     "none of at most %u rows is possible: no burst fits a queue",
			     RING_CELLS_MAX);
	bench->matches = calloc((size_t)count * options->threads.count, sizeof(*bench->matches));
	if (!bench->matches)
		return -1;
	for (unsigned int i = 0; i < options->threads.count; i++)
		for (int j = 0; j < count; j++)
			bench->matches[bench->count++] = (struct ring_match){
				.cell = cells[j],
				.seconds = options->how.seconds,
				.alone = options->threads.value[i],
			};
	return 0;
}

static int play(void *context, unsigned int cell, struct contest_sample *sample, char *error)
{
	struct ring_bench *bench = context;
	struct ring_match *match = &bench->matches[cell];
	struct ring_score score;

	for (int side = 0; side < SIDES; side++)
		match->cpu[side] = bench->topology.cpu[side];
	if (ring_match_play(match, &score, error))
		return -1;
	sample->figures = score.duel;
	sample->items = score.buffers;
	sample->ns = score.ns;
	if (match->alone)
		sample->distance = DISTANCES;
	return 0;
}

static void heading(const struct ring_match *match)
{
	char text[64];

	printf("\nqueue %u, %s, %s\n", match->cell.size, ring_cell_name(&match->cell, text),
	       match->alone ? "both halves in one thread" : "a thread for each half");
	printf("%-16s %-8s %4s %9s %8s %8s %8s %19s %7s\n", "form", "CPUs", "RTT", "ns/buffer",
	       "min", "max", "TSC", "instructions", "rounds");
}

static void optional(double value, int width)
{
	if (value > 0)
		printf(" %*.1f", width, value);
	else
		printf(" %*s", width, "-");
}

static void line(const struct ring_match *match, const struct contest_group *group,
		 unsigned int distance)
{
	printf("%-16s %-8s", ring_form_names[match->cell.form], contest_distance_name(distance));
	if (match->alone)
		printf(" %4s", "-");
	else
		printf(" %4.0f", group->roundtrip_ns);
	printf(" %9.2f %8.2f %8.2f", group->ns.median, group->ns.min, group->ns.max);
	optional(group->cycles, 8);
	optional(group->instructions[SIDE_DRIVER], 9);
	optional(group->instructions[SIDE_DEVICE], 9);
	printf(" %7zu\n", group->ns.count);
}

static void table(void *context, const struct contest *contest)
{
	const struct ring_bench *bench = context;

	for (unsigned int cell = 0; cell < contest->cells; cell++) {
		const struct ring_match *match = &bench->matches[cell];

		if (cell == 0 || match->alone != match[-1].alone ||
		    !ring_cell_alike(&match->cell, &match[-1].cell))
			heading(match);
		for (unsigned int distance = 0; distance <= DISTANCES; distance++) {
			struct contest_group group;

			contest_group(contest, cell, (enum distance)distance, &group);
			if (group.ns.count)
				line(match, &group, distance);
		}
	}
	putchar('\n');
}

static json_object *row_json(const void *context, const struct contest *contest, unsigned int cell)
{
	const struct ring_bench *bench = context;
	const struct ring_match *match = &bench->matches[cell];
	json_object *row = contest_json(contest, cell);

	json_put_text(row, "form", ring_form_names[match->cell.form]);
	json_put(row, "size", json_count(match->cell.size));
	json_put(row, "burst", json_count(match->cell.burst));
	json_put(row, "segments", json_count(match->cell.segments));
	json_put(row, "indirect", json_object_new_boolean(match->cell.indirect));
	json_put(row, "writable", json_object_new_boolean(match->cell.writable));
	json_put(row, "rotating", json_object_new_boolean(match->cell.rotate));
	json_put(row, "threads", json_count(match->alone ? 1 : 2));
	return row;
}

static const struct contest_mode mode = {
	.name = "ring",
	.play = play,
	.table = table,
	.row_json = row_json,
};

int ring_main(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ &ring_axes_parser, 0, NULL, 0 },
		{ &contest_parser, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp parser = { arguments, take, NULL, about, children, NULL, NULL };
	struct ring_bench bench = {
		.options = {
			.how = CONTEST_DEFAULTS,
			.axes = {
				.forms = { { 0, 1, 2, 3 }, 4 },
				.sizes = { { 256, 1024 }, 2 },
				.bursts = { { 1, 32 }, 2 },
				.segments = { { 1 }, 1 },
				.tables = { { 0 }, 1 },
				.buffers = { { 0, 1 }, 2 },
				.slots = { { 0 }, 1 },
			},
			.threads = { { 0, 1 }, 2 },
		},
	};
	struct contest_run run = {
		.options = &bench.options.how,
		.topology = &bench.topology,
		.context = &bench,
	};
	int status;

	argp_parse(&parser, argc, argv, 0, NULL, &bench.options);
	if (plan(&bench)) {
		status = contest_cannot(&mode, "out of memory", TOOL_CANNOT);
	} else {
		run.cells = bench.count;
		status = contest_run(&mode, &run);
	}
	free(bench.matches);
	return status;
}
