// SPDX-License-Identifier: BSD-3-Clause
/* The options that all contests have, and the lines above and below their tables. */
#include "contest_args.h"

#include <string.h>

#include <virtring/version.h>

#include "bench_words.h"
#include "json_parts.h"

enum key {
	KEY_CPUS = 'c',
	KEY_SECONDS = 512,
	KEY_ROUNDS,
	KEY_NEAR,
	KEY_FAR,
	KEY_JSON,
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "How:", 8 },
	{ "cpus", KEY_CPUS, "DRIVER,DEVICE", 0, "CPUs to run on (chosen)", 8 },
	{ "seconds", KEY_SECONDS, "S", 0, "length of a round (0.1)", 8 },
	{ "rounds", KEY_ROUNDS, "N", 0, "rounds of each row, in turns (5)", 8 },
	{ "near", KEY_NEAR, "NS", 0,
	  "CPUs are near when a cache line that both write in turn goes there and back in at most "
	  "so many nanoseconds (80)",
	  8 },
	{ "far", KEY_FAR, "NS", 0, "and far when it takes at least so many (200)", 8 },
	{ NULL, 0, NULL, 0, "Output:", 9 },
	{ "json", KEY_JSON, "FILE", 0, "write everything, all rounds included", 9 },
	{ 0 },
};

static error_t take(int key, char *text, struct argp_state *state)
{
	struct contest_options *options = state->input;

	switch (key) {
	case KEY_CPUS:
		bench_cpus(text, options->cpus);
		return 0;
	case KEY_SECONDS:
		options->seconds = bench_number("seconds", text, 0.001, 3600);
		return 0;
	case KEY_ROUNDS:
		options->rounds = bench_whole("rounds", text, 1, CONTEST_ROUNDS_MAX);
		return 0;
	case KEY_NEAR:
		options->near_ns = bench_number("near", text, 1, 1e6);
		return 0;
	case KEY_FAR:
		options->far_ns = bench_number("far", text, 1, 1e6);
		return 0;
	case KEY_JSON:
		options->json = text;
		return 0;
	case ARGP_KEY_END:
		if (options->near_ns >= options->far_ns)
			bench_refuse("--near %g is not below --far %g", options->near_ns,
				     options->far_ns);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp contest_parser = { arguments, take, NULL, NULL, NULL, NULL, NULL };

void contest_head(FILE *to, const struct contest_options *options, const struct topology *topology)
{
	fprintf(to, "virtring %s on %s, %s; CPUs %d and %d\n", vr_version(), topology->model,
		topology->kernel, topology->cpu[SIDE_DRIVER], topology->cpu[SIDE_DEVICE]);
	fprintf(to,
		"%u rounds of %g s each, in turns; near: round trip of a cache line at most %g ns, "
		"far: at least %g ns\n",
		options->rounds, options->seconds, options->near_ns, options->far_ns);
}

void contest_foot(FILE *to, const struct contest *contest, double took)
{
	unsigned int disturbed = contest_disturbed(contest);
	unsigned int idle = contest_idle(contest);
	int error = contest_instructions_error(contest);

	if (disturbed)
		fprintf(to,
			"note: in %u rounds a side had less than %.0f %% of its CPU, as something "
			"else runs on this machine; they only count where there are no others\n",
			disturbed, CONTEST_CPU_ENOUGH * 100);
	if (idle)
		fprintf(to, "note: in %u rounds, which do not count, nothing went through at all\n",
			idle);
	if (error)
		fprintf(to, "instructions: unavailable (perf_event_open: %s)\n", strerror(error));
	fprintf(to, "%u rounds, %u dropped because the CPUs' distance changed, %.0f s\n",
		contest->cells * contest->played, contest_dropped(contest), took);
}

json_object *contest_options_json(const struct contest_options *options,
				  const struct topology *topology)
{
	json_object *json = json_object_new_object();

	json_put_text(json, "virtring", vr_version());
	json_put(json, "machine", json_machine(topology));
	json_put(json, "seconds", json_number(options->seconds));
	json_put(json, "rounds", json_count(options->rounds));
	json_put(json, "near_ns", json_number(options->near_ns));
	json_put(json, "far_ns", json_number(options->far_ns));
	return json;
}
