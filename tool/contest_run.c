// SPDX-License-Identifier: BSD-3-Clause
/* From options that were read to an exit status: what all modes that are contests have in common. */
#include "contest_run.h"

#include <stdio.h>

#include "bench.h"
#include "json_parts.h"

int contest_cannot(const struct contest_mode *mode, const char *text, int status)
{
	fprintf(stderr, "virtring bench --%s: %s\n", mode->name, text);
	return status;
}

static int write_json(const struct contest_mode *mode, const struct contest_run *run,
		      const struct contest *contest, char *error)
{
	json_object *json = contest_options_json(run->options, run->topology);
	json_object *rows = json_object_new_array();
	int result;

	json_put_text(json, "measured", mode->name);
	json_put(json, "realtime", json_object_new_boolean(run->realtime));
	if (mode->json)
		mode->json(run->context, json);
	for (unsigned int cell = 0; cell < contest->cells; cell++)
		json_object_array_add(rows, mode->row_json(run->context, contest, cell));
	json_put(json, "rows", rows);
	result = json_file(run->options->json, json, error);
	json_object_put(json);
	return result;
}

static int play_all(const struct contest_mode *mode, const struct contest_run *run,
		    struct contest *contest, char *error)
{
	if (mode->prepare && mode->prepare(run->context, error))
		return -1;
	return contest_play(contest, error);
}

static int measure(const struct contest_mode *mode, const struct contest_run *run)
{
	struct contest contest = {
		.cells = run->cells,
		.rounds = run->options->rounds,
		.near_ns = run->options->near_ns,
		.far_ns = run->options->far_ns,
		.play = mode->play,
		.context = run->context,
	};
	double start = tool_now();
	char error[TOOL_TEXT];
	int status = 0;

	if (contest_open(&contest))
		return contest_cannot(mode, "out of memory", TOOL_CANNOT);
	contest_head(stdout, run->options, run->topology);
	fflush(stdout);
	if (play_all(mode, run, &contest, error)) {
		status = contest_cannot(mode, error, TOOL_FAILED);
	} else {
		mode->table(run->context, &contest);
		contest_foot(stdout, &contest, tool_now() - start);
		if (run->options->json && write_json(mode, run, &contest, error))
			status = contest_cannot(mode, error, TOOL_CANNOT);
	}
	contest_close(&contest);
	return status;
}

int contest_run(const struct contest_mode *mode, const struct contest_run *run)
{
	char error[TOOL_TEXT];

	if (topology_find(run->topology, run->options->cpus, error))
		return contest_cannot(mode, error, TOOL_CANNOT);
	if (run->realtime && topology_realtime(0, BENCH_PRIORITY))
		return contest_cannot(mode, "--realtime needs the capability CAP_SYS_NICE",
				      TOOL_CANNOT);
	return measure(mode, run);
}
