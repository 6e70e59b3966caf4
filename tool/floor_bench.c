// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --floor. */
#include <stdio.h>

#include <virtring/ring.h>

#include "bench_mode.h"
#include "bench_words.h"
#include "contest_args.h"
#include "floor.h"
#include "json_parts.h"

#define PACKET_MAX 9216u

enum key {
	KEY_SIZE = 256,
	KEY_BURST,
	KEY_PACKET,
};

struct options {
	struct contest_options how;
	struct bench_list size;
	struct bench_list burst;
	unsigned int packet;
};

/* All that a round needs. */
struct floor_bench {
	struct options options;
	struct topology topology;
	struct floor_config cells[BENCH_LIST_MAX * BENCH_LIST_MAX];
	unsigned int count;
	uint64_t page_bytes;
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "What is handed over:", 1 },
	{ "size", KEY_SIZE, "N,...", 0, "buffers under way at most (256)", 1 },
	{ "burst", KEY_BURST, "N,...", 0, "buffers for each store of the index (1,8,32,64)", 1 },
	{ "packet", KEY_PACKET, "BYTES", 0, "bytes of a packet, behind a header of 12 (64)", 1 },
	{ 0 },
};

static const char about[] =
	"What any ring must cost between two CPUs: a thread writes the header and the payload of "
	"each buffer and stores one index a burst, the other one copies them out. There are no "
	"descriptors, no used entries and no checks but of the buffer's number.\v"
	"Exit status: 0, 1 when a buffer was not the one that had to follow, 2 when there was "
	"nothing to measure with.";

static error_t take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->how;
		return 0;
	case KEY_SIZE:
		bench_wholes("size", text, 1, VR_QUEUE_SIZE_MAX, &options->size);
		return 0;
	case KEY_BURST:
		bench_wholes("burst", text, 1, FLOOR_BURST_MAX, &options->burst);
		return 0;
	case KEY_PACKET:
		options->packet = bench_whole("packet", text, FLOOR_BYTES_MIN, PACKET_MAX);
		return 0;
	case ARGP_KEY_ARG:
		bench_refuse("no argument such as '%s' is expected", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void plan(struct floor_bench *bench)
{
	const struct options *options = &bench->options;

	for (unsigned int i = 0; i < options->size.count; i++)
		for (unsigned int j = 0; j < options->burst.count; j++) {
			struct floor_config *cell = &bench->cells[bench->count];

			if (options->burst.value[j] > options->size.value[i])
				continue;
			*cell = (struct floor_config){
				.slots = options->size.value[i],
				.burst = options->burst.value[j],
				.bytes = options->packet,
				.seconds = options->how.seconds,
			};
			bench->count++;
		}
	if (!bench->count)
		bench_refuse("every --burst is above every --size");
}

static int play(void *context, unsigned int cell, struct contest_sample *sample, char *error)
{
	struct floor_bench *bench = context;
	struct floor_config *config = &bench->cells[cell];
	struct floor_figures figures;

	for (int side = 0; side < SIDES; side++)
		config->cpu[side] = bench->topology.cpu[side];
	if (floor_play(config, &figures, error))
		return -1;
	if (figures.wrong)
		return tool_text(error, "%llu of %llu buffers were not the one that had to follow",
				 (unsigned long long)figures.wrong,
				 (unsigned long long)figures.buffers);
	bench->page_bytes = figures.page_bytes;
	sample->figures = figures.duel;
	sample->items = figures.buffers;
	sample->ns = figures.ns;
	return 0;
}

static void table(const struct floor_bench *bench, const struct contest *contest)
{
	printf("\n%6s %5s  %-8s %4s %9s %9s %9s %9s %7s\n", "size", "burst", "CPUs", "RTT",
	       "ns/buffer", "min", "max", "Mpps", "rounds");
	for (unsigned int cell = 0; cell < contest->cells; cell++)
		for (int distance = 0; distance < DISTANCES; distance++) {
			struct contest_group group;

			contest_group(contest, cell, (enum distance)distance, &group);
			if (!group.ns.count)
				continue;
			printf("%6u %5u  %-8s %4.0f %9.2f %9.2f %9.2f %9.2f %7zu\n",
			       bench->cells[cell].slots, bench->cells[cell].burst,
			       distance_name((enum distance)distance), group.roundtrip_ns,
			       group.ns.median, group.ns.min, group.ns.max, 1000 / group.ns.median,
			       group.ns.count);
		}
	printf("\npackets of %u bytes behind a header of %u; pages of %llu bytes\n",
	       bench->options.packet, FLOOR_HEADER, (unsigned long long)bench->page_bytes);
}

static int write_json(const struct floor_bench *bench, const struct contest *contest, char *error)
{
	const struct options *options = &bench->options;
	json_object *json = contest_options_json(&options->how, &bench->topology);
	json_object *rows = json_object_new_array();
	int result;

	json_put_text(json, "measured", "floor");
	json_put(json, "packet", json_count(options->packet));
	json_put(json, "header", json_count(FLOOR_HEADER));
	json_put(json, "memory_page_bytes", json_count(bench->page_bytes));
	for (unsigned int cell = 0; cell < contest->cells; cell++) {
		json_object *row = contest_json(contest, cell);

		json_put(row, "size", json_count(bench->cells[cell].slots));
		json_put(row, "burst", json_count(bench->cells[cell].burst));
		json_object_array_add(rows, row);
	}
	json_put(json, "rows", rows);
	result = json_file(options->how.json, json, error);
	json_object_put(json);
	return result;
}

static int cannot(const char *text, int status)
{
	fprintf(stderr, "virtring bench --floor: %s\n", text);
	return status;
}

static int measure(struct floor_bench *bench)
{
	struct contest contest = {
		.cells = bench->count,
		.rounds = bench->options.how.rounds,
		.near_ns = bench->options.how.near_ns,
		.far_ns = bench->options.how.far_ns,
		.play = play,
		.context = bench,
	};
	double start = tool_now();
	char error[TOOL_TEXT];
	int status = 0;

	if (contest_open(&contest))
		return cannot("out of memory", TOOL_CANNOT);
	contest_head(stdout, &bench->options.how, &bench->topology);
	fflush(stdout);
	if (contest_play(&contest, error)) {
		status = cannot(error, TOOL_FAILED);
	} else {
		table(bench, &contest);
		contest_foot(stdout, &contest, tool_now() - start);
		if (bench->options.how.json && write_json(bench, &contest, error))
			status = cannot(error, TOOL_CANNOT);
	}
	contest_close(&contest);
	return status;
}

int floor_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &contest_parser, 0, NULL, 0 }, { 0 } };
	static const struct argp parser = { arguments, take, NULL, about, children, NULL, NULL };
	static struct floor_bench bench = {
		.options = {
			.how = CONTEST_DEFAULTS,
			.size = { { 256 }, 1 },
			.burst = { { 1, 8, 32, 64 }, 4 },
			.packet = 64,
		},
	};
	char error[TOOL_TEXT];

	argp_parse(&parser, argc, argv, 0, NULL, &bench.options);
	plan(&bench);
	if (topology_find(&bench.topology, bench.options.how.cpus, error))
		return cannot(error, TOOL_CANNOT);
	return measure(&bench);
}
