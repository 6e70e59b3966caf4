// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --scale. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_mode.h"
#include "bench_words.h"
#include "contest_run.h"
#include "json_parts.h"
#include "scale.h"

enum key {
	KEY_LAYOUT = 256,
	KEY_IN_ORDER,
	KEY_DIRECTION,
	KEY_PAIRS,
	KEY_SIZE,
	KEY_BURST,
	KEY_PACKET,
	KEY_REALTIME,
};

struct cell {
	enum layout layout;
	bool in_order;
	enum direction direction;
	struct scale_config config;
	unsigned int first; /* the same with the first number of pairs of the list */
	size_t ring_bytes;
	size_t state_bytes;
	size_t slot_bytes;
	double fairness; /* least share of a pair, 1: all the same */
};

struct options {
	struct contest_options how;
	struct bench_list layouts;
	struct bench_list orders;
	struct bench_list directions;
	struct bench_list pairs;
	unsigned int size;
	unsigned int burst;
	unsigned int packet;
	bool realtime;
};

struct scale_bench {
	struct options options;
	struct topology topology;
	struct cell cells[LAYOUTS * 2 * DIRECTIONS * BENCH_LIST_MAX];
	unsigned int count;
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "Which cells (lists have commas, or are the word all):", 1 },
	{ "layout", KEY_LAYOUT, "LIST", 0, "of split, packed (all)", 1 },
	{ "in-order", KEY_IN_ORDER, "LIST", 0, "of off, on (all)", 1 },
	{ "direction", KEY_DIRECTION, "LIST", 0, "of tx, rx (all)", 1 },
	{ "pairs", KEY_PAIRS, "N,...", 0,
	  "queue pairs; the first number is the one that the others are compared with (1,2,4,8)",
	  1 },
	{ NULL, 0, NULL, 0, "What is sent:", 2 },
	{ "size", KEY_SIZE, "N", 0, "descriptors of each queue (256)", 2 },
	{ "burst", KEY_BURST, "N", 0, "packets of a pair at a time (32)", 2 },
	{ "packet", KEY_PACKET, "BYTES", 0, "bytes of a packet (64)", 2 },
	{ "realtime", KEY_REALTIME, NULL, 0,
	  "both sides under SCHED_RR, so that nothing else takes their CPUs (needs CAP_SYS_NICE)",
	  2 },
	{ 0 },
};

static const char about[] =
	"Several queue pairs that one thread of the driver's and one of the device's serve in turn: "
	"packets per second of all, and the memory that each pair takes.\v"
	"Exit status: 0, 1 when a round failed, 2 when there was nothing to measure with.";

static error_t take_lists(int key, const char *text, struct options *options)
{
	static const char *const layouts[] = { "split", "packed" };
	static const char *const orders[] = { "off", "on" };
	static const char *const directions[] = { "tx", "rx" };

	switch (key) {
	case KEY_LAYOUT:
		bench_names("layout", text, layouts, 2, &options->layouts);
		return 0;
	case KEY_IN_ORDER:
		bench_names("in-order", text, orders, 2, &options->orders);
		return 0;
	case KEY_DIRECTION:
		bench_names("direction", text, directions, 2, &options->directions);
		return 0;
	case KEY_PAIRS:
		bench_wholes("pairs", text, 1, SCALE_PAIRS_MAX, &options->pairs);
		return 0;
	case ARGP_KEY_ARG:
		bench_refuse("no argument such as '%s' is expected", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->how;
		return 0;
	case KEY_SIZE:
		options->size = bench_whole("size", text, 2, VR_QUEUE_SIZE_MAX);
		return 0;
	case KEY_BURST:
		options->burst = bench_whole("burst", text, 1, BENCH_BURST_MAX);
		return 0;
	case KEY_PACKET:
		options->packet = bench_whole("packet", text, BENCH_PACKET_MIN, BENCH_PACKET_MAX);
		return 0;
	case KEY_REALTIME:
		options->realtime = true;
		return 0;
	default:
		return take_lists(key, text, options);
	}
}

static uint64_t features_of(const struct cell *cell)
{
	return VR_F_VERSION_1 | (cell->layout == LAYOUT_PACKED ? VR_F_RING_PACKED : 0) |
	       (cell->in_order ? VR_F_IN_ORDER : 0);
}

static void plan_form(struct scale_bench *bench, struct cell cell)
{
	const struct options *options = &bench->options;

	cell.first = bench->count;
	cell.fairness = 1;
	for (unsigned int i = 0; i < options->pairs.count; i++) {
		cell.config = (struct scale_config){
			.nic = {
				.features = features_of(&cell),
				.size = options->size,
				.burst = options->burst,
				.packet = options->packet,
			},
			.pairs = options->pairs.value[i],
			.direction = cell.direction,
			.seconds = options->how.seconds,
		};
		bench->cells[bench->count++] = cell;
	}
}

static void plan(struct scale_bench *bench)
{
	const struct options *options = &bench->options;

	for (unsigned int i = 0; i < options->directions.count; i++)
		for (unsigned int j = 0; j < options->layouts.count; j++)
			for (unsigned int k = 0; k < options->orders.count; k++) {
				const struct cell cell = {
					.layout = (enum layout)options->layouts.value[j],
					.in_order = options->orders.value[k] == 1,
					.direction = (enum direction)options->directions.value[i],
				};

				plan_form(bench, cell);
			}
}

static int play(void *context, unsigned int index, struct contest_sample *sample, char *error)
{
	struct scale_bench *bench = context;
	struct cell *cell = &bench->cells[index];
	struct scale_figures figures;
	double share;

	for (int side = 0; side < SIDES; side++)
		cell->config.cpu[side] = bench->topology.cpu[side];
	if (scale_play(&cell->config, &figures, error))
		return -1;
	cell->ring_bytes = figures.ring_bytes;
	cell->state_bytes = figures.state_bytes;
	cell->slot_bytes = figures.slot_bytes;
	share = (double)figures.fewest * cell->config.pairs / (double)figures.packets;
	if (share < cell->fairness)
		cell->fairness = share;
	sample->figures = figures.duel;
	sample->items = figures.packets;
	sample->ns = figures.duel.seconds * 1e9 / (double)figures.packets;
	return 0;
}

static void line(const struct scale_bench *bench, const struct contest *contest, unsigned int index,
		 enum distance distance)
{
	const struct cell *cell = &bench->cells[index];
	struct contest_group group;
	struct contest_group first;

	contest_group(contest, index, distance, &group);
	if (!group.ns.count)
		return;
	contest_group(contest, cell->first, distance, &first);
	printf("%-3s %-7s %-3s %5u %-8s %4.0f %8.2f %8.2f-%-8.2f %9.2f",
	       bench_direction_name(cell->direction), bench_layout_name(cell->layout),
	       cell->in_order ? "on" : "off", cell->config.pairs, distance_name(distance),
	       group.roundtrip_ns, 1000 / group.ns.median, 1000 / group.ns.max, 1000 / group.ns.min,
	       group.ns.median);
	if (first.ns.count)
		printf(" %7.2f", first.ns.median / group.ns.median);
	else
		printf("       -");
	printf(" %8.2f %3zu %8zu %8zu %9zu\n", cell->fairness, group.ns.count, cell->ring_bytes,
	       cell->state_bytes, cell->slot_bytes);
}

static void table(void *context, const struct contest *contest)
{
	const struct scale_bench *bench = context;

	printf("\n%u-byte packets, burst %u, queue %u, one thread a side%s\n",
	       bench->options.packet, bench->options.burst, bench->options.size,
	       bench->options.realtime ? ", SCHED_RR" : "");
	puts("\n            in_                                                          to           "
	     "         bytes of a pair\n"
	     "            ord pairs CPUs      RTT     Mpps      min-max      ns/packet   first "
	     "fairness   n    rings    state   buffers");
	for (unsigned int i = 0; i < bench->count; i++)
		for (int distance = 0; distance < DISTANCES; distance++)
			line(bench, contest, i, (enum distance)distance);
	puts("\nto first: packets per second to those of the first number of pairs; fairness: the "
	     "least that a pair had of its share in any round");
}

static void common_json(const void *context, json_object *json)
{
	const struct scale_bench *bench = context;
	const struct options *options = &bench->options;

	json_put(json, "size", json_count(options->size));
	json_put(json, "burst", json_count(options->burst));
	json_put(json, "packet", json_count(options->packet));
}

static json_object *row_json(const void *context, const struct contest *contest, unsigned int i)
{
	const struct scale_bench *bench = context;
	const struct cell *cell = &bench->cells[i];
	json_object *row = contest_json(contest, i);

	json_put_text(row, "direction", bench_direction_name(cell->direction));
	json_put_text(row, "layout", bench_layout_name(cell->layout));
	json_put(row, "in_order", json_object_new_boolean(cell->in_order));
	json_put(row, "pairs", json_count(cell->config.pairs));
	json_put(row, "fairness", json_number(cell->fairness));
	json_put(row, "ring_bytes", json_count(cell->ring_bytes));
	json_put(row, "state_bytes", json_count(cell->state_bytes));
	json_put(row, "slot_bytes", json_count(cell->slot_bytes));
	return row;
}

static const struct contest_mode mode = {
	.name = "scale",
	.play = play,
	.table = table,
	.json = common_json,
	.row_json = row_json,
};

int scale_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &contest_parser, 0, NULL, 0 }, { 0 } };
	static const struct argp parser = { arguments, take, NULL, about, children, NULL, NULL };
	static struct scale_bench bench = {
		.options = {
			.how = CONTEST_DEFAULTS,
			.layouts = { { 0, 1 }, 2 },
			.orders = { { 0, 1 }, 2 },
			.directions = { { 0, 1 }, 2 },
			.pairs = { { 1, 2, 4, 8 }, 4 },
			.size = 256,
			.burst = 32,
			.packet = 64,
		},
	};
	struct contest_run run;

	argp_parse(&parser, argc, argv, 0, NULL, &bench.options);
	bench_judge_queue(bench.options.size, bench.options.burst);
	plan(&bench);
	run = (struct contest_run){
		.options = &bench.options.how,
		.cells = bench.count,
		.realtime = bench.options.realtime,
		.topology = &bench.topology,
		.context = &bench,
	};
	return contest_run(&mode, &run);
}
