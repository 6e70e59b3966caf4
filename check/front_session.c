// SPDX-License-Identifier: BSD-3-Clause
/* Sessions with the front end that is checked. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "front_inner.h"

/* Who did not come back once, will hardly do so later. */
#define ALONE_MS 200u

int front_listen(struct front *front)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct check_target *target = front->plan->target;
	enum play_type type = target->device == CHECK_NET ? PLAY_NET : PLAY_BLK;

	front->listener = -1;
	front->ledger = calloc(1, sizeof(*front->ledger));
	front->outcome = check_outcome_new();
	if (!front->ledger || !front->outcome || strlen(target->path) >= sizeof(address.sun_path))
		return -1;
	if (play_open(&front->play, type, front->options->disk_bytes, front->ledger))
		return -1;
	if (front->options->kick_ms)
		front->play.kick_ms = front->options->kick_ms;
	memcpy(address.sun_path, target->path, strlen(target->path));
	(void)unlink(target->path);
	front->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (front->listener < 0 ||
	    bind(front->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(front->listener, 4))
		return -1;
	return 0;
}

void front_shut(struct front *front)
{
	front_leave(front);
	play_close(&front->play);
	if (front->listener >= 0) {
		close(front->listener);
		(void)unlink(front->plan->target->path);
	}
	check_outcome_free(front->outcome);
	free(front->ledger);
}

/* What a form offers of the three bits that make it. */
static uint64_t offered(const struct front *front, uint32_t form)
{
	uint64_t base = F_PACKED | F_IN_ORDER;

	(void)front;
	switch (form) {
	case CHECK_SPLIT:
		return 0;
	case CHECK_PACKED:
		return F_PACKED;
	case CHECK_SPLIT_IN_ORDER:
		return F_IN_ORDER;
	default:
		return base;
	}
}

uint32_t front_form(const struct front *front)
{
	bool in_order = front->play.features & F_IN_ORDER;

	if (front->play.features & F_PACKED)
		return in_order ? CHECK_PACKED_IN_ORDER : CHECK_PACKED;
	return in_order ? CHECK_SPLIT_IN_ORDER : CHECK_SPLIT;
}

static int next_connection(struct front *front)
{
	uint32_t wait_ms = front->alone ? ALONE_MS : front->options->wait_ms;
	int64_t until = play_now() + wait_ms;

	for (;;) {
		struct pollfd poll_fd = { .fd = front->listener, .events = POLLIN };
		int fd = accept4(front->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			return fd;
		/* One that was started and has ended will not come any more. */
		if (front->child.pid && front_child_ended(&front->child))
			return -1;
		if (play_now() >= until) {
			front->alone = !front->child.pid;
			return -1;
		}
		(void)poll(&poll_fd, 1, front->child.pid ? 10 : 200);
	}
}

static void learn_peer(struct front *front)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	front->peer = 0;
	if (!getsockopt(front->play.sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
	    peer.pid != getpid())
		front->peer = peer.pid;
}

/* The same check in the same form has the same session: what failed there can be tried alone. */
static uint32_t number_of(const struct check *check, uint32_t form)
{
	uint32_t number = form;

	for (const char *c = check ? check->name : ""; *c; c++)
		number = number * 33 + (uint8_t)*c;
	return number;
}

bool front_session(struct front *front, uint32_t form, const struct check *check, uint64_t without,
		   const struct play_policy *policy, bool hostile)
{
	struct front_job job = {
		.path = front->plan->target->path,
		.type = front->plan->target->device,
		.form = form ? form : CHECK_PACKED_IN_ORDER,
		.check = check,
		.hostile = hostile,
		.number = number_of(check, form),
	};
	struct play *play = &front->play;
	int fd;

	front_leave(front);
	if (front->options->start && !front_child_start(&front->child, front->options->start, &job))
		return false;
	fd = next_connection(front);
	if (fd < 0)
		return false;
	play->offer |= F_PACKED | F_IN_ORDER | F_EVENT | F_INDIRECT | F_PROTOCOL | F_MRG_RXBUF |
		       F_UNKNOWN;
	play->offer &= ~(F_PACKED | F_IN_ORDER) | offered(front, form);
	if (play->type == PLAY_BLK)
		play->offer &= ~F_MRG_RXBUF;
	play->offer &= ~without;
	play->policy = *policy;
	play->close_broken = front->options->start;
	/* One that was started compares with what a new disk holds. */
	if (front->options->start) {
		play_renew(play);
		play_forget(play);
	}
	play_begin(play, fd);
	learn_peer(front);
	front->live = true;
	return true;
}

void front_leave(struct front *front)
{
	if (front->live && !front->play.closed)
		play_settle(&front->play);
	play_end(&front->play);
	front->live = false;
	(void)front_child_end(&front->child, 0);
}

bool front_lives(struct front *front)
{
	if (front->child.pid)
		return !front_child_ended(&front->child);
	return !front->peer || kill(front->peer, 0) == 0 || errno == EPERM;
}
