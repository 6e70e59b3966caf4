// SPDX-License-Identifier: BSD-3-Clause
/*
 * Command lines: the words behind `virtring blk`, `virtring bench --ring` and so on.
 *
 * Held for every input: each word is judged, and the command is either about to run or refused with a
 * text that says why. Nothing is run: the linker's --wrap leads argp_parse(), argp_error() and exit()
 * of the command here. They come back out of the option that called them as an error, through argp,
 * so that it gives back what it holds.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tool/bench.h"
#include "tool/bench_mode.h"
#include "tool/serve_net.h"
#include "tool/tool.h"
#include "tool/versus.h"

#define WORDS 16
#define PARSERS 4 /* one and its children */

error_t __real_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags,
			  int *index, void *input);
error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags,
			  int *index, void *input);
void __wrap_argp_error(const struct argp_state *state, const char *format, ...);
_Noreturn void __real_exit(int status);
_Noreturn void __wrap_exit(int status);

/* Where to go from what does not return; NULL: no command line is being read. */
static jmp_buf *way_out;
static const struct argp *parsers[PARSERS];

static error_t judged(unsigned int which, int key, char *text, struct argp_state *state)
{
	jmp_buf *outer = way_out;
	jmp_buf here;
	error_t result = EINVAL;

	if (!setjmp(here)) {
		way_out = &here;
		result = parsers[which]->parser(key, text, state);
	}
	way_out = outer;
	return result;
}

static error_t judge_0(int key, char *text, struct argp_state *state)
{
	return judged(0, key, text, state);
}

static error_t judge_1(int key, char *text, struct argp_state *state)
{
	return judged(1, key, text, state);
}

static error_t judge_2(int key, char *text, struct argp_state *state)
{
	return judged(2, key, text, state);
}

static error_t judge_3(int key, char *text, struct argp_state *state)
{
	return judged(3, key, text, state);
}

error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags,
			  int *index, void *input)
{
	static const argp_parser_t judges[PARSERS] = { judge_0, judge_1, judge_2, judge_3 };
	struct argp_child children[PARSERS] = { { 0 } };
	struct argp copies[PARSERS];

	parsers[0] = argp;
	copies[0] = *argp;
	copies[0].parser = judges[0];
	for (unsigned int i = 1; argp->children && argp->children[i - 1].argp; i++) {
		FUZZ_CHECK(i < PARSERS && !argp->children[i - 1].argp->children);
		parsers[i] = argp->children[i - 1].argp;
		copies[i] = *parsers[i];
		copies[i].parser = judges[i];
		children[i - 1] = argp->children[i - 1];
		children[i - 1].argp = &copies[i];
	}
	if (argp->children)
		copies[0].children = children;
	/* Taken or refused: the command ends here, and so do bench_arguments() and its like. */
	__real_argp_parse(&copies[0], argc, argv,
			  flags | ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, index, input);
	longjmp(*way_out, 1);
}

void __wrap_argp_error(const struct argp_state *state, const char *format, ...)
{
	char text[4096];
	va_list values;
	int length;

	(void)state;
	va_start(values, format);
	length = vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	FUZZ_CHECK(length > 0 && text[length < 4095 ? length - 1 : 4094] != '\n');
	FUZZ_CHECK(way_out);
	longjmp(*way_out, 1);
}

void __wrap_exit(int status)
{
	if (!way_out)
		__real_exit(status);
	FUZZ_CHECK(status == TOOL_CANNOT);
	longjmp(*way_out, 1);
}

static int plain_bench(int argc, char **argv)
{
	struct bench_options options;

	memset(&options, 0, sizeof(options));
	bench_arguments(&options, argc, argv);
	return 0;
}

static int versus(int argc, char **argv)
{
	struct versus_options options;

	memset(&options, 0, sizeof(options));
	versus_arguments(&options, argc, argv);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "blk", blk_main },	 { "net", net_main },	    { "serve", serve_main },
	{ "probe", probe_main }, { "dump", dump_main },	    { "check", check_main },
	{ "floor", floor_main }, { "ring", ring_main },	    { "latency", latency_main },
	{ "scale", scale_main }, { "budget", budget_main }, { "bench", plain_bench },
	{ "versus", versus },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* What it says goes nowhere: texts of several thousand refusals a second. */
static void run(unsigned int which, int argc, char **argv)
{
	static FILE *nowhere;
	FILE *out = stdout;
	FILE *err = stderr;
	jmp_buf here;

	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	FUZZ_CHECK(nowhere);
	stdout = nowhere;
	stderr = nowhere;
	if (!setjmp(here)) {
		way_out = &here;
		commands[which].run(argc, argv);
	}
	way_out = NULL;
	stdout = out;
	stderr = err;
}

/* An input is the command and then its words, a line each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS + 2];
	char *text;
	char *rest;
	int argc = 1;

	if (size < 1)
		return 0;
	text = malloc(size);
	FUZZ_CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	rest = text;
	argv[0] = (char *)(uintptr_t)commands[data[0] % COMMANDS].name;
	while (argc <= WORDS && rest && *rest)
		argv[argc++] = strsep(&rest, "\n");
	argv[argc] = NULL;
	run(data[0] % COMMANDS, argc, argv);
	free(text);
	return 0;
}
