// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --floor. */
#include <stdio.h>

#include <virtring/ring.h>

#include "bench_mode.h"
#include "bench_words.h"
#include "contest_run.h"
#include "floor.h"
#include "json_parts.h"

#define PACKET_MAX 9216u

enum key {
	KEY_SIZE = 256,
	KEY_BURST,
	KEY_PACKET,
	KEY_KIND,
};

/* What is handed over of a packet: payload, header, both. */
enum kind {
	KIND_SENT,
	KIND_DROPPED,
	KIND_RECEIVED,
	KINDS
};

static const char *const kind_names[KINDS] = { "sent", "dropped", "received" };

struct options {
	struct contest_options how;
	struct bench_list size;
	struct bench_list burst;
	struct bench_list kinds;
	unsigned int packet;
};

/* All that a round needs. */
struct floor_bench {
	struct options options;
	struct topology topology;
	struct floor_config cells[KINDS * BENCH_LIST_MAX * BENCH_LIST_MAX];
	unsigned int count;
	uint64_t page_bytes;
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "What is handed over:", 1 },
	{ "size", KEY_SIZE, "N,...", 0, "buffers under way at most (256)", 1 },
	{ "burst", KEY_BURST, "N,...", 0, "buffers for each store of the index (1,8,32,64)", 1 },
	{ "packet", KEY_PACKET, "BYTES", 0, "bytes of a packet, behind a header of 12 (64)", 1 },
	{ "kind", KEY_KIND, "sent|dropped|received|all", 0,
	  "sent: the header says the same every time and is only read, the payload is copied; "
	  "received: both are written and read; dropped: both are written, the header alone is read "
	  "(all)",
	  1 },
	{ 0 },
};

static const char about[] =
	"What is left to pay between two CPUs when there is no ring: a thread writes the payload of each buffer, and "
	"the header if that is wanted, and stores one index a burst; the other one copies both out. "
	"There are no "
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
	case KEY_KIND:
		bench_names("kind", text, kind_names, KINDS, &options->kinds);
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
	const unsigned int *bursts = options->burst.value;

	for (unsigned int i = 0; i < options->kinds.count; i++)
		for (unsigned int j = 0; j < options->size.count; j++)
			for (unsigned int k = 0; k < options->burst.count; k++) {
				if (bursts[k] > options->size.value[j])
					continue;
				bench->cells[bench->count++] = (struct floor_config){
					.slots = options->size.value[j],
					.burst = bursts[k],
					.bytes = options->packet,
					.header = options->kinds.value[i] != KIND_SENT,
					.dropped = options->kinds.value[i] == KIND_DROPPED,
					.seconds = options->how.seconds,
				};
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

static const char *kind_name(const struct floor_config *cell)
{
	if (!cell->header)
		return kind_names[KIND_SENT];
	return kind_names[cell->dropped ? KIND_DROPPED : KIND_RECEIVED];
}

static void table(void *context, const struct contest *contest)
{
	const struct floor_bench *bench = context;

	printf("\n%-8s %6s %5s  %-8s %4s %9s %9s %9s %9s %7s\n", "kind", "size", "burst", "CPUs",
	       "RTT", "ns/buffer", "min", "max", "Mpps", "rounds");
	for (unsigned int cell = 0; cell < contest->cells; cell++)
		for (int distance = 0; distance < DISTANCES; distance++) {
			struct contest_group group;

			contest_group(contest, cell, (enum distance)distance, &group);
			if (!group.ns.count)
				continue;
			printf("%-8s %6u %5u  %-8s %4.0f %9.2f %9.2f %9.2f %9.2f %7zu\n",
			       kind_name(&bench->cells[cell]), bench->cells[cell].slots,
			       bench->cells[cell].burst, distance_name((enum distance)distance),
			       group.roundtrip_ns, group.ns.median, group.ns.min, group.ns.max,
			       1000 / group.ns.median, group.ns.count);
		}
	printf("\npackets of %u bytes behind a header of %u; pages of %llu bytes\n",
	       bench->options.packet, FLOOR_HEADER, (unsigned long long)bench->page_bytes);
}

static void common_json(const void *context, json_object *json)
{
	const struct floor_bench *bench = context;
	const struct options *options = &bench->options;

	json_put(json, "packet", json_count(options->packet));
	json_put(json, "header", json_count(FLOOR_HEADER));
	json_put(json, "memory_page_bytes", json_count(bench->page_bytes));
}

static json_object *row_json(const void *context, const struct contest *contest, unsigned int cell)
{
	const struct floor_bench *bench = context;
	json_object *row = contest_json(contest, cell);

	json_put(row, "size", json_count(bench->cells[cell].slots));
	json_put_text(row, "kind", kind_name(&bench->cells[cell]));
	json_put(row, "burst", json_count(bench->cells[cell].burst));
	return row;
}

static const struct contest_mode mode = {
	.name = "floor",
	.play = play,
	.table = table,
	.json = common_json,
	.row_json = row_json,
};

int floor_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &contest_parser, 0, NULL, 0 }, { 0 } };
	static const struct argp parser = { arguments, take, NULL, about, children, NULL, NULL };
	static struct floor_bench bench = {
		.options = {
			.how = CONTEST_DEFAULTS,
			.size = { { 256 }, 1 },
			.burst = { { 1, 8, 32, 64 }, 4 },
			.kinds = { { 0, 1, 2 }, KINDS },
			.packet = 64,
		},
	};
	struct contest_run run;

	argp_parse(&parser, argc, argv, 0, NULL, &bench.options);
	plan(&bench);
	run = (struct contest_run){
		.options = &bench.options.how,
		.cells = bench.count,
		.topology = &bench.topology,
		.context = &bench,
	};
	return contest_run(&mode, &run);
}
