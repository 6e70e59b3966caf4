/* SPDX-License-Identifier: BSD-3-Clause */
/* How far a long copy is, for who watches it on a terminal. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct progress - a line on standard error
 * @terminal: there is somebody to see it
 * @start: when it began, in seconds
 * @shown: when it was printed last; 0: never
 */
struct progress {
	bool terminal;
	double start;
	double shown;
};

/** progress_begin() - begin; prints nothing, and never will if standard error is no terminal */
void progress_begin(struct progress *progress);

/**
 * progress_show() - print the line anew, a few times a second
 * @progress: the line
 * @done: bytes
 * @total: bytes
 *
 * What is done within half a second needs no line.
 */
void progress_show(struct progress *progress, uint64_t done, uint64_t total);

/** progress_end() - remove the line, before something else is printed */
void progress_end(struct progress *progress);

#endif
