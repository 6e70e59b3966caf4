/* SPDX-License-Identifier: BSD-3-Clause */
/* Ctrl-C and SIGTERM: noticed where the controlling process waits, and nowhere else. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>

/**
 * interrupt_setup() - hold SIGINT and SIGTERM back, but for interrupt_poll()
 */
void interrupt_setup(void);

/**
 * interrupt_seen() - which signal came
 *
 * Return: its number, or 0.
 */
int interrupt_seen(void);

/**
 * interrupt_poll() - poll(), which a signal ends
 * @fds: as poll()
 * @count: as poll()
 * @ms: as poll()
 *
 * Return: as poll(); -1 with errno EINTR when a signal came, now or before.
 */
int interrupt_poll(struct pollfd *fds, nfds_t count, int ms);

/**
 * interrupt_epoll() - epoll_wait(), which a signal ends
 * @epoll: as epoll_wait()
 * @events: as epoll_wait()
 * @count: as epoll_wait()
 * @ms: as epoll_wait()
 *
 * Return: as interrupt_poll().
 */
int interrupt_epoll(int epoll, struct epoll_event *events, int count, int ms);

/**
 * interrupt_calls() - have a signal call a function, from here on at any time
 * @stop: called from the signal handler
 * @context: for @stop
 */
void interrupt_calls(void (*stop)(void *context), void *context);

/**
 * interrupt_sleep() - sleep, which a signal ends
 * @seconds: how long
 *
 * Return: true when the time has passed, false when a signal came.
 */
bool interrupt_sleep(double seconds);

#endif
