/* SPDX-License-Identifier: BSD-3-Clause */
/* Instructions that a thread executes, where the machine counts them and says so. */
#ifndef INSTRUCTIONS_H
#define INSTRUCTIONS_H

#include <stdint.h>

/**
 * instructions_open() - a counter of this thread's instructions in user mode
 *
 * Return: a descriptor, or a negative errno value: virtual machines seldom have such counters, and
 * kernel.perf_event_paranoid may forbid them.
 */
int instructions_open(void);

/**
 * instructions_read() - how many so far
 * @fd: from instructions_open(), or negative
 *
 * Return: the count, or 0.
 */
uint64_t instructions_read(int fd);

/** instructions_close() - close the counter; negative: none */
void instructions_close(int fd);

#endif
