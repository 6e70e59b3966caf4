// SPDX-License-Identifier: BSD-3-Clause
/* Signals of a server. */
#include "signal_watch.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void ready(void *context)
{
	struct signal_watch *watch = context;
	struct signalfd_siginfo info;

	if (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		watch->seen(watch->context);
}

int signal_watch_open(struct signal_watch *watch, int number)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	watch->fd = fd;
	return 0;
}

int signal_watch_start(struct signal_watch *watch, struct vr_vu_loop *loop)
{
	return watch->fd ? vr_vu_loop_watch(loop, watch->fd, ready, watch, &watch->watch) : 0;
}

void signal_watch_close(struct signal_watch *watch)
{
	if (!watch->fd)
		return;
	vr_vu_watch_end(watch->watch);
	close(watch->fd);
	watch->fd = 0;
}
