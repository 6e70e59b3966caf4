// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench: which rounds are played, in which order, and what is done with them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_mode.h"
#include "interrupt.h"
#include "output.h"
#include "round.h"

/* Rounds that were dropped are played again, up to this many times the number asked for. */
#define TRIES 2u

int bench_cannot(const char *text)
{
	fprintf(stderr, "virtring bench: %s\n", text);
	return TOOL_CANNOT;
}

/* The rows in the order of the table; the two of a pair follow each other. */
static unsigned int plan(const struct bench_options *options, struct bench_result *results)
{
	unsigned int count = 0;

	for (int direction = 0; direction < DIRECTIONS; direction++)
		for (int layout = 0; layout < LAYOUTS; layout++)
			for (int in_order = 0; in_order < 2; in_order++) {
				if (!options->direction[direction] || !options->layout[layout] ||
				    !options->in_order[in_order])
					continue;
				results[count++].row = (struct bench_row){
					.layout = (enum layout)layout,
					.in_order = in_order,
					.direction = (enum direction)direction,
				};
			}
	return count;
}

static void progress(const struct bench_report *report, const struct bench_result *result,
		     double last)
{
	unsigned int row = (unsigned int)(result - report->results);

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[Krow %u of %u: %s %s, in_order %s, round %u of %u", row + 1,
		report->count, bench_direction_name(result->row.direction),
		bench_layout_name(result->row.layout), result->row.in_order ? "on" : "off",
		result->count + 1, report->options->rounds);
	if (last > 0)
		fprintf(stderr, " (last: %.2f Mpps)", last);
}

static void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static unsigned int kept_rounds(const struct bench_result *result)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < result->count; i++)
		kept += result->samples[i].kept;
	return kept;
}

/* More rounds of this row? Not after a failure, and not for ever. */
static bool wanted(const struct bench_report *report, const struct bench_result *result)
{
	for (unsigned int i = 0; i < result->count; i++)
		if (result->samples[i].failed)
			return false;
	return result->count < result->room && kept_rounds(result) < report->options->rounds;
}

/* One more round of a row: 0, or -1 when that was the end. */
static int play(struct stage *stage, struct bench_report *report, struct bench_result *result,
		double *last)
{
	struct bench_sample *sample = &result->samples[result->count];

	progress(report, result, *last);
	if (round_play(stage, &result->row, sample))
		return -1;
	*last = bench_mpps(sample);
	result->count++;
	return 0;
}

/* All rows that differ only in IN_ORDER take turns, so that a drifting machine favours none. */
static int play_pair(struct stage *stage, struct bench_report *report, unsigned int first,
		     unsigned int count, char *error)
{
	double last = 0;
	bool more = true;

	for (unsigned int turn = 0; more; turn++) {
		more = false;
		for (unsigned int i = 0; i < count; i++) {
			/* Now one goes first, now the other. */
			unsigned int place = turn % 2 ? count - 1 - i : i;
			struct bench_result *result = &report->results[first + place];

			if (!wanted(report, result))
				continue;
			more = true;
			if (play(stage, report, result, &last)) {
				memcpy(error, result->samples[result->count].text, TOOL_TEXT);
				return -1;
			}
		}
	}
	return 0;
}

static int play_all(struct stage *stage, struct bench_report *report, char *error)
{
	unsigned int first = 0;

	while (first < report->count) {
		const struct bench_row *row = &report->results[first].row;
		unsigned int count = 1;

		if (first + 1 < report->count &&
		    report->results[first + 1].row.layout == row->layout &&
		    report->results[first + 1].row.direction == row->direction)
			count = 2;
		if (play_pair(stage, report, first, count, error))
			return -1;
		first += count;
	}
	return 0;
}

static int make_room(struct bench_report *report)
{
	for (unsigned int i = 0; i < report->count; i++) {
		struct bench_result *result = &report->results[i];

		result->room = TRIES * report->options->rounds;
		/* One more: a round that could not be played at all leaves its reason there. */
		result->samples = calloc(result->room + 1, sizeof(*result->samples));
		if (!result->samples)
			return -1;
	}
	return 0;
}

bool bench_writable(const char *path)
{
	bool there = access(path, F_OK) == 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0) {
		fprintf(stderr, "virtring bench: cannot write %s: %s\n", path, strerror(errno));
		return false;
	}
	close(fd);
	if (!there)
		unlink(path);
	return true;
}

/* What must be there before the first round; asked now rather than after two minutes. */
static int check(const struct bench_options *options, const struct topology *topology,
		 struct stage *stage)
{
	bool dpdk[SIDES] = { options->party[0] == PARTY_DPDK, options->party[1] == PARTY_DPDK };
	unsigned long needed;

	if (options->plot && !plot_possible())
		return bench_cannot("--plot needs gnuplot, which is not installed");
	if ((options->plot && !bench_writable(options->plot)) ||
	    (options->json && !bench_writable(options->json)))
		return TOOL_CANNOT;
	if (!dpdk[0] && !dpdk[1])
		return 0;
	if (!testpmd_installed())
		return bench_cannot("dpdk-testpmd is not installed (Debian: dpdk-dev)");
	stage->huge = stage_huge(topology, options->size, (unsigned int)dpdk[0] + dpdk[1], &needed);
	if (!stage->huge)
		fprintf(stderr,
			"virtring bench: too few free huge pages (%lu MiB wanted): testpmd runs "
			"without them\n",
			needed);
	return 0;
}

static void describe_memory(struct bench_report *report, const struct stage *stage)
{
	const struct bench_options *options = report->options;

	report->page_bytes = stage->page_bytes;
	memcpy(report->dpdk, stage->dpdk, sizeof(report->dpdk));
	if (options->party[SIDE_DRIVER] == PARTY_SELF && stage->huge_error)
		tool_text(report->memory_note,
			  "the driver's memory is in pages of %llu bytes, as "
			  "no huge pages are free",
			  (unsigned long long)stage->page_bytes);
	else if (options->party[SIDE_DRIVER] == PARTY_DPDK && !stage->huge)
		tool_text(report->memory_note, "testpmd ran without huge pages");
}

static int write_files(const struct bench_report *report)
{
	char error[TOOL_TEXT];
	int status = 0;

	if (report->options->json && json_write(report->options->json, report, error))
		status = bench_cannot(error);
	if (report->options->plot && plot_write(report->options->plot, report, error))
		status = bench_cannot(error);
	return status;
}

int bench_die_of(int number)
{
	signal(number, SIG_DFL);
	raise(number);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 128 + number;
}

static int measure(struct stage *stage, struct bench_report *report)
{
	char error[TOOL_TEXT] = "";
	double start = tool_now();
	int result;

	interrupt_setup();
	result = stage_open(stage, error);
	if (!result)
		result = play_all(stage, report, error);
	stage_close(stage);
	progress_end();
	report->took = tool_now() - start;
	if (interrupt_seen())
		return bench_die_of(interrupt_seen());
	return result ? bench_cannot(error) : 0;
}

static int bench(struct stage *stage, struct bench_report *report)
{
	int status = check(report->options, report->topology, stage);

	if (status)
		return status;
	if (report->topology->controller >= 0)
		(void)topology_pin(report->topology->controller);
	table_head(stdout, report);
	fflush(stdout);
	status = measure(stage, report);
	if (status)
		return status;
	describe_memory(report, stage);
	table_rows(stdout, report);
	status = write_files(report);
	for (unsigned int i = 0; i < report->count && !status; i++)
		if (bench_failure(&report->results[i]))
			status = TOOL_FAILED;
	return status;
}

int bench_main(int argc, char **argv)
{
	struct bench_result results[DIRECTIONS * LAYOUTS * 2] = { 0 };
	struct bench_options options;
	struct topology topology;
	struct bench_report report = {
		.options = &options,
		.topology = &topology,
		.results = results,
		.started = (long)time(NULL),
	};
	struct stage *stage = calloc(1, sizeof(*stage));
	int (*other)(int argc, char **argv) = bench_mode_find(&argc, argv);
	char error[TOOL_TEXT];
	int status;

	if (other) {
		free(stage);
		return other(argc, argv);
	}
	bench_arguments(&options, argc, argv);
	report.count = plan(&options, results);
	if (topology_find(&topology, options.cpus, error)) {
		status = bench_cannot(error);
	} else if (!stage || make_room(&report)) {
		status = bench_cannot("out of memory");
	} else {
		stage->options = &options;
		stage->topology = &topology;
		status = bench(stage, &report);
	}
	for (unsigned int i = 0; i < report.count; i++)
		free(results[i].samples);
	free(stage);
	return status;
}
