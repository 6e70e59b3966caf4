// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --versus: the rounds, and what is done with them. */
#include "versus.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_mode.h"
#include "floor.h"
#include "interrupt.h"
#include "output.h"
#include "round.h"

/* Rounds that were dropped are played again, up to this many times the number asked for. */
#define TRIES 2u

static void progress(const struct versus *versus, const struct versus_cell *cell)
{
	const struct bench_row *row = &cell->result.row;

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr,
		"\r\033[Kcell %u of %u: %s %s, in_order %s, queue %u, %s %s, round %u of %u",
		(unsigned int)(cell - versus->cells) + 1, versus->count,
		bench_direction_name(row->direction), bench_layout_name(row->layout),
		row->in_order ? "on" : "off", cell->options.size,
		versus_pairing_name(cell->pairing), versus_variant_name(cell),
		cell->result.count + 1, cell->options.rounds);
}

static void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static bool wanted(const struct versus_cell *cell)
{
	const struct bench_result *result = &cell->result;
	unsigned int kept = 0;

	if (cell->skipped[0])
		return false;
	for (unsigned int i = 0; i < result->count; i++) {
		if (result->samples[i].failed)
			return false;
		kept += result->samples[i].kept;
	}
	return result->count < result->room && kept < cell->options.rounds;
}

/* DPDK takes another path without a word when it cannot take the one asked for. */
static void judge_path(struct versus_cell *cell, const struct bench_sample *sample)
{
	const char *path = sample->path[SIDE_DRIVER];

	if (!cell->options.vectorized || !path[0] || strstr(path, "vectorized"))
		return;
	tool_text(
		cell->skipped,
		"DPDK takes '%s' although it was asked for its vectorized path (which needs AVX-512 "
		"for packed)",
		path);
	cell->result.count = 0;
}

/* The floor of a cell, as a round like the others. */
static int play_floor(const struct versus *versus, const struct versus_cell *cell,
		      struct bench_sample *sample)
{
	const struct bench_options *options = &cell->options;
	bool rx = cell->result.row.direction == DIRECTION_RX;
	const struct floor_config config = {
		.cpu = { versus->topology->cpu[rx ? SIDE_DEVICE : SIDE_DRIVER],
			 versus->topology->cpu[rx ? SIDE_DRIVER : SIDE_DEVICE] },
		.slots = options->size,
		.burst = options->burst,
		.bytes = options->packet,
		/* A sent header is always the same; of what arrives, our driver reads that alone. */
		.header = rx,
		.dropped = rx,
		.seconds = options->seconds,
	};
	struct floor_figures figures;

	memset(sample, 0, sizeof(*sample));
	if (floor_play(&config, &figures, sample->text))
		return -1;
	sample->packets = sample->sent = sample->received = figures.buffers;
	sample->seconds = figures.duel.seconds;
	sample->failed = figures.wrong > 0;
	if (sample->failed)
		tool_text(sample->text, "buffers were not the ones that had to follow");
	sample->kept = !sample->failed && duel_distance(&figures.duel, options->near_ns,
							options->far_ns) != DISTANCE_UNKNOWN;
	for (int i = 0; i < 2; i++) {
		sample->roundtrip_ns[i] = figures.duel.roundtrip_ns[i];
		sample->distance[i] = roundtrip_distance(figures.duel.roundtrip_ns[i],
							 options->near_ns, options->far_ns);
		sample->cpu[rx ? 1 - i : i] = figures.duel.cpu[i];
		sample->found[i] = -1;
	}
	return 0;
}

/* One more round of a cell: 0, or -1 when that was the end. */
static int play(struct stage *stage, struct versus *versus, struct versus_cell *cell, char *error)
{
	struct bench_sample *sample = &cell->result.samples[cell->result.count];

	progress(versus, cell);
	stage->options = &cell->options;
	if (cell->pairing == PAIRING_FLOOR ? play_floor(versus, cell, sample) :
					     round_play(stage, &cell->result.row, sample)) {
		memcpy(error, sample->text, sizeof(sample->text));
		return -1;
	}
	cell->result.count++;
	judge_path(cell, sample);
	return 0;
}

/* A group's cells take turns, forwards and backwards, so that a drifting machine favours none. */
static int play_group(struct stage *stage, struct versus *versus, unsigned int first,
		      unsigned int count, char *error)
{
	bool more = true;

	for (unsigned int turn = 0; more; turn++) {
		more = false;
		for (unsigned int i = 0; i < count; i++) {
			unsigned int place = turn % 2 ? count - 1 - i : i;
			struct versus_cell *cell = &versus->cells[first + place];

			if (!wanted(cell))
				continue;
			more = true;
			if (play(stage, versus, cell, error))
				return -1;
		}
	}
	return 0;
}

static int play_all(struct stage *stage, struct versus *versus, char *error)
{
	unsigned int count;

	for (unsigned int first = 0; first < versus->count; first += count) {
		count = versus_group(versus, first);
		if (play_group(stage, versus, first, count, error))
			return -1;
	}
	return 0;
}

static int make_room(struct versus *versus)
{
	for (unsigned int i = 0; i < versus->count; i++) {
		struct bench_result *result = &versus->cells[i].result;

		if (versus->cells[i].skipped[0])
			continue;
		result->room = TRIES * versus->options->base.rounds;
		/* One more: a round that could not be played leaves its reason there. */
		result->samples = calloc(result->room + 1, sizeof(*result->samples));
		if (!result->samples)
			return -1;
	}
	return 0;
}

/* What must be there before the first round. */
static int check(struct versus *versus)
{
	const struct bench_options *base = &versus->options->base;
	unsigned int largest = 0;
	unsigned long needed;

	if (base->plot && !plot_possible())
		return bench_cannot("--plot needs gnuplot, which is not installed");
	if ((base->plot && !bench_writable(base->plot)) ||
	    (base->json && !bench_writable(base->json)))
		return TOOL_CANNOT;
	if (!testpmd_installed())
		return bench_cannot("dpdk-testpmd is not installed (Debian: dpdk-dev)");
	if (base->realtime && topology_realtime(0, BENCH_PRIORITY_CONTROL))
		return bench_cannot("--realtime needs the capability CAP_SYS_NICE");
	for (unsigned int i = 0; i < versus->options->sizes.count; i++)
		if (versus->options->sizes.value[i] > largest)
			largest = versus->options->sizes.value[i];
	versus->huge = stage_huge(versus->topology, largest, 2, &needed);
	if (!versus->huge)
		fprintf(stderr,
			"virtring bench: too few free huge pages (%lu MiB wanted): testpmd runs "
			"without them\n",
			needed);
	return 0;
}

static int measure(struct versus *versus, struct stage *stage)
{
	char error[TOOL_TEXT] = "";
	double start = tool_now();
	int result;

	stage->options = &versus->options->base;
	stage->topology = versus->topology;
	stage->huge = versus->huge;
	interrupt_setup();
	result = stage_open(stage, error);
	if (!result)
		result = play_all(stage, versus, error);
	stage_close(stage);
	progress_end();
	versus->took = tool_now() - start;
	versus->page_bytes = stage->page_bytes;
	memcpy(versus->dpdk, stage->dpdk, sizeof(versus->dpdk));
	if (interrupt_seen())
		return bench_die_of(interrupt_seen());
	return result ? bench_cannot(error) : 0;
}

static void script_of(FILE *to, const char *path, const void *versus)
{
	versus_script(to, path, versus);
}

static int report(const struct versus *versus)
{
	const struct bench_options *base = &versus->options->base;
	char error[TOOL_TEXT];
	int status = 0;

	versus_table(stdout, versus);
	if (base->json && versus_json(base->json, versus, error))
		status = bench_cannot(error);
	if (base->plot && plot_draw(base->plot, script_of, versus, error))
		status = bench_cannot(error);
	for (unsigned int i = 0; i < versus->count && !status; i++)
		if (!versus->cells[i].skipped[0] && bench_failure(&versus->cells[i].result))
			status = TOOL_FAILED;
	return status;
}

static int play_on(struct versus *versus, struct stage *stage)
{
	int status = check(versus);

	if (status)
		return status;
	if (versus->topology->controller >= 0)
		(void)topology_pin(versus->topology->controller);
	versus_head(stdout, versus);
	fflush(stdout);
	return measure(versus, stage);
}

static int run(struct versus *versus)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	int status;

	if (!stage)
		return bench_cannot("out of memory");
	status = play_on(versus, stage);
	free(stage);
	return status ? status : report(versus);
}

int versus_main(int argc, char **argv)
{
	struct versus_options options;
	struct topology topology;
	struct versus versus = {
		.options = &options,
		.topology = &topology,
		.started = (long)time(NULL),
	};
	char error[TOOL_TEXT];
	int status;

	versus_arguments(&options, argc, argv);
	versus.cells = calloc(VERSUS_CELLS_MAX, sizeof(*versus.cells));
	if (versus.cells)
		versus.count = versus_plan(&options, versus.cells);
	if (!versus.cells || make_room(&versus))
		status = bench_cannot("out of memory");
	else if (topology_find(&topology, options.base.cpus, error))
		status = bench_cannot(error);
	else
		status = run(&versus);
	for (unsigned int i = 0; i < versus.count; i++)
		free(versus.cells[i].result.samples);
	free(versus.cells);
	return status;
}
