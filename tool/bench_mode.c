// SPDX-License-Identifier: BSD-3-Clause
/* The other measurements of virtring bench: found before the arguments are read. */
#include "bench_mode.h"

#include <string.h>

#include "bench_words.h"

/* Beyond the characters, so that there is no short option, and the keys of other parsers. */
#define KEY_MODE 1024

static const struct mode {
	const char *option;
	const char *command;
	int (*run)(int argc, char **argv);
} modes[] = {
	{ "--floor", "virtring bench --floor", floor_main },
	{ "--versus", "virtring bench --versus", versus_main },
	{ "--ring", "virtring bench --ring", ring_main },
	{ "--latency", "virtring bench --latency", latency_main },
	{ "--scale", "virtring bench --scale", scale_main },
	{ "--budget", "virtring bench --budget", budget_main },
};

#define MODES (sizeof(modes) / sizeof(modes[0]))

int (*bench_mode_find(int *argc, char **argv))(int argc, char **argv)
{
	for (size_t i = 0; i < MODES; i++) {
		for (int at = 1; at < *argc; at++) {
			if (strcmp(argv[at], modes[i].option) != 0)
				continue;
			/* The word is taken out; argp and the messages name the whole command. */
			memmove(argv + at, argv + at + 1, (size_t)(*argc - at) * sizeof(*argv));
			(*argc)--;
			argv[0] = (char *)modes[i].command;
			bench_words_for("virtring bench", modes[i].command);
			return modes[i].run;
		}
	}
	return NULL;
}

/* What comes here was not found above: a part of the word, or a second measurement. */
/* NOLINTNEXTLINE(readability-non-const-parameter): argp's type */
static error_t take(int key, char *text, struct argp_state *state)
{
	(void)text;
	(void)state;
	if (key != KEY_MODE)
		return ARGP_ERR_UNKNOWN;
	bench_refuse("other measurements are asked for one at a time, in full words");
}

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Other measurements, each with options of its own:", 5 },
	{ "floor", KEY_MODE, NULL, OPTION_NO_USAGE,
	  "what is left to pay without a ring: lines of packets and an index, handed over; see "
	  "--floor --help",
	  5 },
	{ "versus", KEY_MODE, "dpdk", OPTION_NO_USAGE,
	  "our halves against DPDK's in all four pairings; see --versus --help", 5 },
	{ "ring", KEY_MODE, NULL, OPTION_NO_USAGE,
	  "the ring alone, in two threads and in one; see --ring --help", 5 },
	{ "latency", KEY_MODE, NULL, OPTION_NO_USAGE,
	  "round trips of packets, CPU time and notifications at several loads; see --latency --help",
	  5 },
	{ "scale", KEY_MODE, NULL, OPTION_NO_USAGE,
	  "several queue pairs that one thread serves; see --scale --help", 5 },
	{ "budget", KEY_MODE, NULL, OPTION_NO_USAGE,
	  "where the time of a packet goes, step by step; see --budget --help", 5 },
	{ 0 },
};

static const struct argp parser = { options, take, NULL, NULL, NULL, NULL, NULL };

const struct argp_child bench_modes[] = {
	{ &parser, 0, NULL, 5 },
	{ 0 },
};
