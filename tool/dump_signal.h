/* SPDX-License-Identifier: BSD-3-Clause */
/* --dump-on-signal: with each SIGUSR1 the memory of all queues that run goes to a file. */
#ifndef DUMP_SIGNAL_H
#define DUMP_SIGNAL_H

#include <virtring/vhost_user_loop.h>

#include "signal_watch.h"

/**
 * struct dump_signal - a file that waits for a signal
 * @device: what to call the queues after
 * @loop: whose queues
 * @queues: how many there may be
 * @signal: SIGUSR1
 * @file_fd: where images are appended
 * @open: there is a file
 */
struct dump_signal {
	const char *device;
	struct vr_vu_loop *loop;
	uint32_t queues;
	struct signal_watch signal;
	int file_fd;
	bool open;
};

/**
 * dump_signal_open() - open the file, and take the signal
 * @dump: @device and @queues are set and the rest zero. Must outlive the loop.
 * @path: the file, made if it is not there, appended to if it is; NULL: nothing is done
 *
 * To be called before anybody can tell that the program runs: until then the signal ends it. And
 * before the right to open files is given up.
 *
 * Return: 0 or a negative errno value.
 */
int dump_signal_open(struct dump_signal *dump, const char *path);

/** dump_signal_watch() - from now on write what @loop has; 0 or a negative errno value */
int dump_signal_watch(struct dump_signal *dump, struct vr_vu_loop *loop);

/** dump_signal_close() - end, before the loop does; one that was never opened is fine */
void dump_signal_close(struct dump_signal *dump);

#endif
