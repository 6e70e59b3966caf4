// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --latency. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_mode.h"
#include "bench_words.h"
#include "contest_run.h"
#include "echo.h"
#include "json_parts.h"

enum key {
	KEY_LAYOUT = 256,
	KEY_IN_ORDER,
	KEY_MODE,
	KEY_LOAD,
	KEY_SIZE,
	KEY_BURST,
	KEY_PACKET,
	KEY_REALTIME,
};

/* Per cent of what the form can do; as much as goes is played first, to know that. */
#define LOAD_FULL 100u

enum mode {
	MODE_POLL,
	MODE_NOTIFY,
	MODES
};

static const char *const mode_names[MODES] = { "poll", "notify" };

/* What was measured of a cell at one distance. */
struct sum {
	struct histogram times;
	double seconds;
	double cpu[SIDES]; /* seconds */
	uint64_t sent;
	uint64_t received;
	uint64_t batches[SIDES];
	uint64_t notifications[SIDES];
	double rate;
	unsigned int rounds;
};

struct cell {
	enum layout layout;
	bool in_order;
	enum mode mode;
	unsigned int load;
	unsigned int full; /* the cell of the same form and mode that goes as fast as it can */
	double capacity; /* of the last round of that one, in packets a second */
	struct sum sums[DISTANCES];
};

struct options {
	struct contest_options how;
	struct bench_list layouts;
	struct bench_list orders;
	struct bench_list modes;
	struct bench_list loads;
	unsigned int size;
	unsigned int burst;
	unsigned int packet;
	bool realtime;
};

struct latency_bench {
	struct options options;
	struct topology topology;
	struct cell *cells;
	unsigned int count;
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "Which cells (lists have commas, or are the word all):", 1 },
	{ "layout", KEY_LAYOUT, "LIST", 0, "of split, packed (all)", 1 },
	{ "in-order", KEY_IN_ORDER, "LIST", 0, "of off, on (all)", 1 },
	{ "mode", KEY_MODE, "LIST", 0,
	  "of poll, notify: both sides look again and again, or sleep until woken (all)", 1 },
	{ "load", KEY_LOAD, "PERCENT,...", 0,
	  "of what the same form and mode can do (10,50,90); 100 is always played, to know that",
	  1 },
	{ NULL, 0, NULL, 0, "What is sent:", 2 },
	{ "size", KEY_SIZE, "N", 0, "descriptors of each queue (256)", 2 },
	{ "burst", KEY_BURST, "N", 0, "packets that become due at the same time (32)", 2 },
	{ "packet", KEY_PACKET, "BYTES", 0, "bytes of a packet (64)", 2 },
	{ "realtime", KEY_REALTIME, NULL, 0,
	  "both sides under SCHED_RR, so that nothing else takes their CPUs (needs CAP_SYS_NICE)",
	  2 },
	{ 0 },
};

static const char about[] =
	"Packets that go to the device and come back: the time from when a packet is due to when it "
	"is back, the CPU time that it costs, and how often somebody has to be woken.\v"
	"Exit status: 0, 1 when a round failed, 2 when there was nothing to measure with.";

static error_t take(int key, char *text, struct argp_state *state)
{
	static const char *const layouts[] = { "split", "packed" };
	static const char *const orders[] = { "off", "on" };
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->how;
		return 0;
	case KEY_LAYOUT:
		bench_names("layout", text, layouts, 2, &options->layouts);
		return 0;
	case KEY_IN_ORDER:
		bench_names("in-order", text, orders, 2, &options->orders);
		return 0;
	case KEY_MODE:
		bench_names("mode", text, mode_names, MODES, &options->modes);
		return 0;
	case KEY_LOAD:
		bench_wholes("load", text, 1, LOAD_FULL, &options->loads);
		return 0;
	case KEY_SIZE:
		options->size = bench_whole("size", text, 2, VR_QUEUE_SIZE_MAX);
		return 0;
	case KEY_BURST:
		options->burst = bench_whole("burst", text, 1, ECHO_BURST_MAX);
		return 0;
	case KEY_PACKET:
		options->packet = bench_whole("packet", text, ECHO_PACKET_MIN, BENCH_PACKET_MAX);
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

/* The full load comes first, then those that were asked for. */
static void plan_form(struct latency_bench *bench, enum layout layout, bool in_order,
		      enum mode mode)
{
	const struct bench_list *loads = &bench->options.loads;
	unsigned int full = bench->count;

	for (unsigned int i = 0; i <= loads->count; i++) {
		unsigned int load = i ? loads->value[i - 1] : LOAD_FULL;

		if (i && load == LOAD_FULL)
			continue;
		bench->cells[bench->count++] = (struct cell){
			.layout = layout,
			.in_order = in_order,
			.mode = mode,
			.load = load,
			.full = full,
		};
	}
}

static void plan(struct latency_bench *bench)
{
	const struct options *options = &bench->options;

	for (unsigned int i = 0; i < options->layouts.count; i++)
		for (unsigned int j = 0; j < options->orders.count; j++)
			for (unsigned int k = 0; k < options->modes.count; k++)
				plan_form(bench, (enum layout)options->layouts.value[i],
					  options->orders.value[j] == 1,
					  (enum mode)options->modes.value[k]);
}

static void config_of(const struct latency_bench *bench, const struct cell *cell,
		      struct echo_config *config)
{
	const struct options *options = &bench->options;
	uint64_t features = VR_F_VERSION_1;

	if (cell->layout == LAYOUT_PACKED)
		features |= VR_F_RING_PACKED;
	if (cell->in_order)
		features |= VR_F_IN_ORDER;
	if (cell->mode == MODE_NOTIFY)
		features |= VR_F_EVENT_IDX;
	*config = (struct echo_config){
		.nic = {
			.features = features,
			.size = options->size,
			.burst = options->burst,
			.packet = options->packet,
		},
		.notify = cell->mode == MODE_NOTIFY,
		.seconds = options->how.seconds,
		.cpu = { bench->topology.cpu[0], bench->topology.cpu[1] },
	};
	if (cell->load != LOAD_FULL)
		config->rate = bench->cells[cell->full].capacity * cell->load / LOAD_FULL;
}

static void add(struct sum *sum, const struct echo_config *config,
		const struct echo_figures *figures)
{
	histogram_merge(&sum->times, &figures->times);
	sum->seconds += figures->duel.seconds;
	sum->sent += figures->sent;
	sum->received += figures->received;
	sum->rate += config->rate;
	sum->rounds++;
	for (int side = 0; side < SIDES; side++) {
		sum->cpu[side] += figures->duel.cpu[side] * figures->duel.seconds;
		sum->batches[side] += figures->batches[side];
		sum->notifications[side] += figures->notifications[side];
	}
}

static int play(void *context, unsigned int index, struct contest_sample *sample, char *error)
{
	struct latency_bench *bench = context;
	struct cell *cell = &bench->cells[index];
	struct echo_config config;
	static struct echo_figures figures;
	enum distance distance;

	config_of(bench, cell, &config);
	if (echo_play(&config, &figures, error))
		return -1;
	if (cell->load == LOAD_FULL)
		cell->capacity = (double)figures.received / figures.duel.seconds;
	sample->figures = figures.duel;
	sample->items = figures.received;
	sample->ns = figures.duel.seconds * 1e9 / (double)figures.received;
	distance =
		duel_distance(&figures.duel, bench->options.how.near_ns, bench->options.how.far_ns);
	if (distance != DISTANCE_UNKNOWN)
		add(&cell->sums[distance], &config, &figures);
	return 0;
}

static double per(double value, uint64_t count)
{
	return count ? value / (double)count : 0;
}

static void line(const struct cell *cell, enum distance distance)
{
	const struct sum *sum = &cell->sums[distance];

	printf("%-6s %-3s %-6s %4u %-7s %8.3f ", bench_layout_name(cell->layout),
	       cell->in_order ? "on" : "off", mode_names[cell->mode], cell->load,
	       distance_name(distance), (double)sum->received / sum->seconds / 1e6);
	printf("%8.1f %8.1f %8.1f %8.1f %9.1f", (double)histogram_quantile(&sum->times, 0.5) / 1e3,
	       (double)histogram_quantile(&sum->times, 0.9) / 1e3,
	       (double)histogram_quantile(&sum->times, 0.99) / 1e3,
	       (double)histogram_quantile(&sum->times, 0.999) / 1e3, (double)sum->times.max / 1e3);
	for (int side = 0; side < SIDES; side++)
		printf(" %7.1f", per(sum->cpu[side] * 1e9, sum->received));
	for (int side = 0; side < SIDES; side++)
		printf(" %8llu %8llu %5.2f", (unsigned long long)sum->batches[side],
		       (unsigned long long)sum->notifications[side],
		       per((double)sum->notifications[side], sum->batches[side]));
	printf(" %3u\n", sum->rounds);
}

static void table(void *context, const struct contest *contest)
{
	const struct latency_bench *bench = context;

	(void)contest;
	printf("\n%u-byte packets, %u due at a time, queue %u%s\n\n", bench->options.packet,
	       bench->options.burst, bench->options.size,
	       bench->options.realtime ? ", SCHED_RR" : "");
	puts("       in_                            round trip, microseconds                    CPU "
	     "ns/packet       driver                  device\n"
	     "form   ord mode   load CPUs        Mpps      p50      p90      p99    p99.9       max  "
	     "driver  device  batches    kicks  each  batches    calls  each   n");
	for (unsigned int i = 0; i < bench->count; i++)
		for (int distance = 0; distance < DISTANCES; distance++)
			if (bench->cells[i].sums[distance].rounds)
				line(&bench->cells[i], (enum distance)distance);
	puts("\nload: per cent of what the same form and mode can do, which is the line of 100; there "
	     "a packet's time begins when it is sent, elsewhere when it is due\n"
	     "each: notifications for each batch that was published; both sides' CPU time is counted "
	     "where they sleep, too");
}

static json_object *histogram_json(const struct histogram *times)
{
	json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		json_object *one;

		if (!times->count[i])
			continue;
		one = json_object_new_array();
		json_object_array_add(one, json_count(histogram_low(i)));
		json_object_array_add(one, json_count(histogram_high(i)));
		json_object_array_add(one, json_count(times->count[i]));
		json_object_array_add(list, one);
	}
	return list;
}

static json_object *sum_json(const struct sum *sum)
{
	json_object *json = json_object_new_object();

	json_put(json, "rounds", json_count(sum->rounds));
	json_put(json, "seconds", json_number(sum->seconds));
	json_put(json, "packets_per_second_wanted", json_number(sum->rate / sum->rounds));
	json_put(json, "sent", json_count(sum->sent));
	json_put(json, "received", json_count(sum->received));
	json_put(json, "driver_cpu_seconds", json_number(sum->cpu[SIDE_DRIVER]));
	json_put(json, "device_cpu_seconds", json_number(sum->cpu[SIDE_DEVICE]));
	json_put(json, "driver_batches", json_count(sum->batches[SIDE_DRIVER]));
	json_put(json, "device_batches", json_count(sum->batches[SIDE_DEVICE]));
	json_put(json, "kicks", json_count(sum->notifications[SIDE_DRIVER]));
	json_put(json, "calls", json_count(sum->notifications[SIDE_DEVICE]));
	json_put(json, "max_ns", json_count(sum->times.max));
	/* [least, most, count] of each bucket that is not empty. */
	json_put(json, "histogram_ns", histogram_json(&sum->times));
	return json;
}

static void common_json(const void *context, json_object *json)
{
	const struct latency_bench *bench = context;
	const struct options *options = &bench->options;

	json_put(json, "size", json_count(options->size));
	json_put(json, "burst", json_count(options->burst));
	json_put(json, "packet", json_count(options->packet));
}

static json_object *row_json(const void *context, const struct contest *contest, unsigned int i)
{
	const struct latency_bench *bench = context;
	const struct cell *cell = &bench->cells[i];
	json_object *row = json_object_new_object();

	(void)contest;
	json_put_text(row, "layout", bench_layout_name(cell->layout));
	json_put(row, "in_order", json_object_new_boolean(cell->in_order));
	json_put_text(row, "mode", mode_names[cell->mode]);
	json_put(row, "load", json_count(cell->load));
	for (int distance = 0; distance < DISTANCES; distance++)
		if (cell->sums[distance].rounds)
			json_put(row, distance_name((enum distance)distance),
				 sum_json(&cell->sums[distance]));
	return row;
}

/* What is full must be known before the first round that goes by it. */
static int find_capacity(void *context, char *error)
{
	struct latency_bench *bench = context;

	for (unsigned int i = 0; i < bench->count; i++) {
		struct contest_sample sample;

		if (bench->cells[i].load == LOAD_FULL && play(bench, i, &sample, error))
			return -1;
		memset(bench->cells[i].sums, 0, sizeof(bench->cells[i].sums));
	}
	return 0;
}

static const struct contest_mode mode = {
	.name = "latency",
	.prepare = find_capacity,
	.play = play,
	.table = table,
	.json = common_json,
	.row_json = row_json,
};

int latency_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &contest_parser, 0, NULL, 0 }, { 0 } };
	static const struct argp parser = { arguments, take, NULL, about, children, NULL, NULL };
	struct latency_bench bench = {
		.options = {
			.how = CONTEST_DEFAULTS,
			.layouts = { { 0, 1 }, 2 },
			.orders = { { 0, 1 }, 2 },
			.modes = { { 0, 1 }, MODES },
			.loads = { { 10, 50, 90 }, 3 },
			.size = 256,
			.burst = 32,
			.packet = 64,
		},
	};
	struct contest_run run;
	int status;

	argp_parse(&parser, argc, argv, 0, NULL, &bench.options);
	bench_judge_queue(bench.options.size, bench.options.burst);
	bench.cells =
		calloc((size_t)LAYOUTS * 2 * MODES * (BENCH_LIST_MAX + 1), sizeof(*bench.cells));
	if (!bench.cells)
		return contest_cannot(&mode, "out of memory", TOOL_CANNOT);
	plan(&bench);
	run = (struct contest_run){
		.options = &bench.options.how,
		.cells = bench.count,
		.realtime = bench.options.realtime,
		.topology = &bench.topology,
		.context = &bench,
	};
	status = contest_run(&mode, &run);
	free(bench.cells);
	return status;
}
