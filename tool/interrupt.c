// SPDX-License-Identifier: BSD-3-Clause
/* Ctrl-C and SIGTERM. */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "tool.h"

static volatile sig_atomic_t seen;
static void (*to_call)(void *context);
static void *call_context;

static void note(int number)
{
	seen = number;
	if (to_call)
		to_call(call_context);
}

void interrupt_setup(void)
{
	struct sigaction action = { .sa_handler = note };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void interrupt_calls(void (*stop)(void *context), void *context)
{
	sigset_t set;

	to_call = stop;
	call_context = context;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(stop ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

int interrupt_seen(void)
{
	return seen;
}

int interrupt_poll(struct pollfd *fds, nfds_t count, int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	sigset_t none;

	if (seen) {
		errno = EINTR;
		return -1;
	}
	/* The signals can only come in here, so none falls between a look and a sleep. */
	sigemptyset(&none);
	return ppoll(fds, count, ms < 0 ? NULL : &time, &none);
}

int interrupt_epoll(int epoll, struct epoll_event *events, int count, int ms)
{
	sigset_t none;
	int got;

	if (seen) {
		errno = EINTR;
		return -1;
	}
	sigemptyset(&none);
	/* Unlike poll(), it also ends when this process was stopped and goes on: that is no signal. */
	do
		got = epoll_pwait(epoll, events, count, ms, &none);
	while (got < 0 && errno == EINTR && !seen);
	return got;
}

bool interrupt_sleep(double seconds)
{
	double end = tool_now() + seconds;

	for (;;) {
		double left = end - tool_now();

		if (left <= 0)
			return true;
		if (interrupt_poll(NULL, 0, (int)(left * 1000) + 1) < 0 && seen)
			return false;
	}
}
