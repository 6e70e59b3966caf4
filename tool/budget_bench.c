// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --budget. */
#include <stdio.h>

#include "bench_mode.h"
#include "bench_words.h"
#include "budget.h"
#include "contest_run.h"
#include "json_parts.h"

enum key {
	KEY_SIZE = 256,
	KEY_BURST,
	KEY_PACKET,
	KEY_REALTIME,
};

/* Time of each step at one distance; [DISTANCES]: one thread. */
struct sum {
	double ns[SIDES][BUDGET_STEPS + 1];
	double packets;
	unsigned int rounds;
};

struct cell {
	enum layout layout;
	bool in_order;
	struct budget_config config;
	struct sum sums[DISTANCES + 1];
};

struct options {
	struct contest_options how;
	unsigned int size;
	unsigned int burst;
	unsigned int packet;
	bool realtime;
};

struct budget_bench {
	struct options options;
	struct topology topology;
	struct cell cells[DIRECTIONS * LAYOUTS * 2 * 2];
	unsigned int count;
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "What is sent:", 1 },
	{ "size", KEY_SIZE, "N", 0, "descriptors of each queue (256)", 1 },
	{ "burst", KEY_BURST, "N", 0, "packets at a time (32)", 1 },
	{ "packet", KEY_PACKET, "BYTES", 0, "bytes of a packet (64)", 1 },
	{ "realtime", KEY_REALTIME, NULL, 0,
	  "all threads under SCHED_RR, so that nothing else takes their CPUs (needs CAP_SYS_NICE)",
	  1 },
	{ 0 },
};

static const char about[] =
	"Where the time of a packet goes: the steps of both sides, in nanoseconds of a packet, in "
	"two threads and in one.\v"
	"Exit status: 0, 1 when a round failed, 2 when there was nothing to measure with.";

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
	case ARGP_KEY_ARG:
		bench_refuse("no argument such as '%s' is expected", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void add_cell(struct budget_bench *bench, unsigned int which)
{
	const struct options *options = &bench->options;
	struct cell *cell = &bench->cells[bench->count++];

	cell->layout = which & 4 ? LAYOUT_PACKED : LAYOUT_SPLIT;
	cell->in_order = which & 2;
	cell->config = (struct budget_config){
		.nic = {
			.features = VR_F_VERSION_1 | (which & 4 ? VR_F_RING_PACKED : 0) |
				    (which & 2 ? VR_F_IN_ORDER : 0),
			.size = options->size,
			.burst = options->burst,
			.packet = options->packet,
		},
		.direction = which & 8 ? DIRECTION_RX : DIRECTION_TX,
		.threads = which & 1 ? 1 : 2,
		.seconds = options->how.seconds,
	};
}

static int play(void *context, unsigned int index, struct contest_sample *sample, char *error)
{
	struct budget_bench *bench = context;
	struct cell *cell = &bench->cells[index];
	struct budget_figures figures;
	enum distance distance = DISTANCES;
	struct sum *sum;
	double ns;

	for (int side = 0; side < SIDES; side++)
		cell->config.cpu[side] = bench->topology.cpu[side];
	if (budget_play(&cell->config, &figures, error))
		return -1;
	sample->figures = figures.duel;
	/* The driver's side is the one whose time is taken. */
	sample->items = figures.side[SIDE_DRIVER].packets;
	sample->ns = figures.duel.seconds * 1e9 / (double)sample->items;
	if (cell->config.threads == 1)
		sample->distance = DISTANCES;
	else
		distance = duel_distance(&figures.duel, bench->options.how.near_ns,
					 bench->options.how.far_ns);
	if (distance == DISTANCE_UNKNOWN)
		return 0;
	sum = &cell->sums[distance];
	ns = figures.duel.seconds * 1e9 / (double)figures.duel.cycles;
	for (int side = 0; side < SIDES; side++)
		for (unsigned int step = 0; step <= BUDGET_STEPS; step++)
			sum->ns[side][step] += (double)figures.side[side].cycles[step] * ns;
	sum->packets += (double)sample->items;
	sum->rounds++;
	return 0;
}

static void steps(const struct cell *cell, const struct sum *sum, enum side side)
{
	double all = 0;

	printf("    %-7s", side == SIDE_DRIVER ? "driver" : "device");
	for (unsigned int step = 0; step <= BUDGET_STEPS; step++) {
		double ns = sum->ns[side][step] / sum->packets;
		const char *name = budget_step_name(cell->config.direction, side, step);

		if (name[0] == '-')
			continue;
		printf("%s %s %.2f", step ? ";" : "", name, ns);
		if (step != BUDGET_WAIT)
			all += ns;
	}
	printf("; busy %.2f\n", all);
}

static void table(void *context, const struct contest *contest)
{
	const struct budget_bench *bench = context;

	printf("\n%u-byte packets, burst %u, queue %u%s; nanoseconds of a packet\n",
	       bench->options.packet, bench->options.burst, bench->options.size,
	       bench->options.realtime ? ", SCHED_RR" : "");
	for (unsigned int i = 0; i < bench->count; i++)
		for (unsigned int distance = 0; distance <= DISTANCES; distance++) {
			const struct cell *cell = &bench->cells[i];
			struct contest_group group;

			if (!cell->sums[distance].rounds)
				continue;
			contest_group(contest, i, (enum distance)distance, &group);
			printf("\n%s %s, in_order %s, %s: %.2f (%.2f-%.2f, %zu rounds)\n",
			       bench_direction_name(cell->config.direction),
			       bench_layout_name(cell->layout), cell->in_order ? "on" : "off",
			       cell->config.threads == 1 ? "one thread" :
							   distance_name((enum distance)distance),
			       group.ns.median, group.ns.min, group.ns.max, group.ns.count);
			for (int side = 0; side < SIDES; side++)
				steps(cell, &cell->sums[distance], (enum side)side);
		}
	puts("\nsteps are means over all rounds, the figure in front of them is a median; waiting is "
	     "looking for work and finding none");
}

static json_object *sum_json(const struct cell *cell, const struct sum *sum)
{
	json_object *json = json_object_new_object();

	json_put(json, "rounds", json_count(sum->rounds));
	for (int side = 0; side < SIDES; side++) {
		json_object *one = json_object_new_object();

		for (unsigned int step = 0; step <= BUDGET_STEPS; step++)
			json_put(one,
				 budget_step_name(cell->config.direction, (enum side)side, step),
				 json_number(sum->ns[side][step] / sum->packets));
		json_put(json, side == SIDE_DRIVER ? "driver_ns" : "device_ns", one);
	}
	return json;
}

static void common_json(const void *context, json_object *json)
{
	const struct budget_bench *bench = context;
	const struct options *options = &bench->options;

	json_put(json, "size", json_count(options->size));
	json_put(json, "burst", json_count(options->burst));
	json_put(json, "packet", json_count(options->packet));
}

static json_object *row_json(const void *context, const struct contest *contest, unsigned int i)
{
	const struct budget_bench *bench = context;
	const struct cell *cell = &bench->cells[i];
	json_object *row = contest_json(contest, i);

	json_put_text(row, "direction", bench_direction_name(cell->config.direction));
	json_put_text(row, "layout", bench_layout_name(cell->layout));
	json_put(row, "in_order", json_object_new_boolean(cell->in_order));
	json_put(row, "threads", json_count(cell->config.threads));
	for (unsigned int distance = 0; distance <= DISTANCES; distance++)
		if (cell->sums[distance].rounds)
			json_put(row,
				 distance == DISTANCES ? "steps_one_thread" :
							 distance_name((enum distance)distance),
				 sum_json(cell, &cell->sums[distance]));
	return row;
}

static const struct contest_mode mode = {
	.name = "budget",
	.play = play,
	.table = table,
	.json = common_json,
	.row_json = row_json,
};

int budget_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &contest_parser, 0, NULL, 0 }, { 0 } };
	static const struct argp parser = { arguments, take, NULL, about, children, NULL, NULL };
	static struct budget_bench bench = {
		.options = { .how = CONTEST_DEFAULTS, .size = 256, .burst = 32, .packet = 64 },
	};
	struct contest_run run;

	argp_parse(&parser, argc, argv, 0, NULL, &bench.options);
	bench_judge_queue(bench.options.size, bench.options.burst);
	for (unsigned int which = 0; which < 16; which++)
		add_cell(&bench, which);
	run = (struct contest_run){
		.options = &bench.options.how,
		.cells = bench.count,
		.realtime = bench.options.realtime,
		.topology = &bench.topology,
		.context = &bench,
	};
	return contest_run(&mode, &run);
}
