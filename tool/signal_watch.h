/* SPDX-License-Identifier: BSD-3-Clause */
/* A signal that a server answers between two turns of its loop, where all calls are allowed. */
#ifndef SIGNAL_WATCH_H
#define SIGNAL_WATCH_H

#include <virtring/vhost_user_loop.h>

/**
 * struct signal_watch - a signal that is waited for; zero: none
 * @seen: called after it has come, once for all that came meanwhile
 * @context: for @seen
 * @fd: the signal's, 0: not open
 * @watch: of @fd
 */
struct signal_watch {
	void (*seen)(void *context);
	void *context;
	int fd;
	struct vr_vu_watch *watch;
};

/**
 * signal_watch_open() - take a signal
 * @watch: @seen and @context are set and the rest zero; must outlive the loop
 * @number: of the signal
 *
 * To be called before anybody can tell that the program runs: until then the signal does what it
 * does to others.
 *
 * Return: 0 or a negative errno value.
 */
int signal_watch_open(struct signal_watch *watch, int number);

/** signal_watch_start() - answer it from now on, in @loop; 0 or a negative errno value */
int signal_watch_start(struct signal_watch *watch, struct vr_vu_loop *loop);

/** signal_watch_close() - end, before the loop does; one that was never opened is fine */
void signal_watch_close(struct signal_watch *watch);

#endif
