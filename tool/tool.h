/* SPDX-License-Identifier: BSD-3-Clause */
/* What the verbs of the command have in common. */
#ifndef TOOL_H
#define TOOL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Exit statuses: what was asked for was found wanting, or could not be done at all. */
#define TOOL_FAILED 1
#define TOOL_CANNOT 2

/* A text that goes from where something failed to where it is printed. */
#define TOOL_TEXT 320

/**
 * bench_main() - virtring bench
 * @argc: number of arguments, the verb included
 * @argv: the arguments; argv[0] is "virtring bench"
 *
 * Return: exit status.
 */
int bench_main(int argc, char **argv);

/** check_main() - virtring check, as bench_main() */
int check_main(int argc, char **argv);

/** probe_main() - virtring probe, as bench_main() */
int probe_main(int argc, char **argv);

/** blk_main() - virtring blk, as bench_main() */
int blk_main(int argc, char **argv);

/** dump_main() - virtring dump, as bench_main() */
int dump_main(int argc, char **argv);

/** net_main() - virtring net, as bench_main() */
int net_main(int argc, char **argv);

/** serve_main() - virtring serve, as bench_main() */
int serve_main(int argc, char **argv);

/**
 * tool_text() - write a text, cut to the room there is
 * @text: TOOL_TEXT bytes
 * @format: as printf()
 *
 * Return: -1, which is what most callers answer next.
 */
__attribute__((format(printf, 2, 3))) int tool_text(char *text, const char *format, ...);

/**
 * tool_now() - seconds on the monotonic clock
 *
 * Return: seconds.
 */
static inline double tool_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/**
 * tool_cpu_seconds() - CPU time that this thread has had
 *
 * Return: seconds.
 */
static inline double tool_cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
