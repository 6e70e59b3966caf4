// SPDX-License-Identifier: BSD-3-Clause
/* The played device's end of the socket: messages in, answers out. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "play_inner.h"

#define HEADER 12u
#define VERSION 1u
#define REPLY 4u

/* Time for the rest of a message whose beginning is there, and for an answer to be taken. */
#define REST_MS 3000

union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(PLAY_FDS * sizeof(int))];
};

void play_close_fds(struct play_message *message)
{
	for (uint32_t i = 0; i < message->fd_count; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	message->fd_count = 0;
}

static uint32_t fds_of(struct msghdr *header, int *fds)
{
	uint32_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		count = count < PLAY_FDS ? count : PLAY_FDS;
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	}
	return count;
}

/* Some bytes, and the descriptors that lie with them. */
static ssize_t take_some(int sock, void *to, size_t want, int *fds, uint32_t *fd_count)
{
	struct iovec iov = { to, want };
	union control control;
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	do
		got = recvmsg(sock, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*fd_count = got >= 0 ? fds_of(&header, fds) : 0;
	return got;
}

static bool ready(int sock, short events)
{
	struct pollfd poll_fd = { .fd = sock, .events = events };

	return poll(&poll_fd, 1, REST_MS) > 0;
}

/* All of @want. 1, 0: closed before the first byte, -1: closed or silent in the middle. */
static int take_all(int sock, uint8_t *to, uint32_t want, struct play_message *message, bool header)
{
	uint32_t have = 0;

	while (have < want) {
		int fds[PLAY_FDS];
		uint32_t count;
		ssize_t got = take_some(sock, to + have, want - have, fds, &count);

		if (got < 0 && errno == EAGAIN && ready(sock, POLLIN))
			continue;
		if (got <= 0)
			return header && have == 0 && (got == 0 || errno == ECONNRESET) ? 0 : -1;
		if (header && have == 0) {
			memcpy(message->fds, fds, count * sizeof(int));
			message->fd_count = count;
		} else {
			message->late_fds += count;
			for (uint32_t i = 0; i < count; i++)
				close(fds[i]);
		}
		have += (uint32_t)got;
	}
	return 1;
}

int play_receive(struct play *play, int sock, struct play_message *message)
{
	uint8_t header[HEADER];
	int got;

	message->fd_count = 0;
	message->late_fds = 0;
	got = take_all(sock, header, HEADER, message, true);
	if (got <= 0) {
		if (got < 0) {
			ledger_broken(play->ledger, SEEN_HDR_1, "a header that is not complete");
			play_fail(play, "half a header, then nothing");
		}
		return got;
	}
	message->request = get32(header);
	message->flags = get32(header + 4);
	message->size = get32(header + 8);
	if (message->size > PLAY_PAYLOAD) {
		ledger_broken(play->ledger, SEEN_HDR_5, "request %u announces %u bytes",
			      message->request, message->size);
		play_fail(play, "request %u announces %u bytes", message->request, message->size);
		return -1;
	}
	memset(message->payload, 0, sizeof(message->payload));
	if (message->size && take_all(sock, message->payload, message->size, message, false) != 1) {
		ledger_broken(play->ledger, SEEN_HDR_1,
			      "request %u: %u bytes of payload do not come", message->request,
			      message->size);
		play_fail(play, "request %u: the payload is not complete", message->request);
		return -1;
	}
	ledger_held(play->ledger, SEEN_HDR_1);
	return 1;
}

/* @fd goes with the first byte. */
static bool put_all(int sock, const uint8_t *bytes, size_t size, int fd, size_t at_once)
{
	size_t sent = 0;

	while (sent < size) {
		size_t part = size - sent < at_once ? size - sent : at_once;
		struct iovec iov = { (void *)(uintptr_t)(bytes + sent), part };
		struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
		union control control;
		ssize_t got;

		if (fd >= 0 && sent == 0) {
			memset(&control, 0, sizeof(control));
			header.msg_control = &control;
			header.msg_controllen = CMSG_SPACE(sizeof(int));
			control.align.cmsg_level = SOL_SOCKET;
			control.align.cmsg_type = SCM_RIGHTS;
			control.align.cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
		}
		got = sendmsg(sock, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN && ready(sock, POLLOUT))
			continue;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		sent += (size_t)got;
	}
	return true;
}

static size_t header_of(uint8_t *bytes, uint32_t request, uint32_t flags, uint32_t size)
{
	memcpy(bytes, &request, 4);
	memcpy(bytes + 4, &flags, 4);
	memcpy(bytes + 8, &size, 4);
	return HEADER;
}

bool play_send(struct play *play, int sock, uint32_t request, uint32_t flags, const void *payload,
	       uint32_t size, int fd)
{
	uint8_t bytes[HEADER + PLAY_PAYLOAD];
	size_t length = header_of(bytes, request, flags, size);

	if (size > PLAY_PAYLOAD)
		return false;
	if (size)
		memcpy(bytes + length, payload, size);
	return put_all(sock, bytes, length + size, fd, play->policy.dribble ? 1 : SIZE_MAX);
}

/* An answer that the specification forbids, or that no sound device gives. */
static void answer_falsely(struct play *play, uint32_t request, const uint8_t *payload,
			   uint32_t size)
{
	uint8_t bytes[HEADER + PLAY_PAYLOAD] = { 0 };
	uint32_t flags = VERSION | REPLY;
	uint32_t says = size;
	uint32_t sends = size;
	int fds[2] = { -1, -1 };

	memcpy(bytes + HEADER, payload, size);
	switch (play->policy.lie) {
	case LIE_ID:
		request += 100;
		break;
	case LIE_SIZE_0:
		says = sends = 0;
		break;
	case LIE_SIZE_HUGE:
		says = UINT32_MAX;
		break;
	case LIE_SIZE_SHORT:
		says = sends = size / 2;
		break;
	case LIE_NO_REPLY_BIT:
		flags = VERSION;
		break;
	case LIE_VERSION:
		flags = REPLY | 2;
		break;
	case LIE_FDS:
		if (pipe(fds))
			fds[0] = fds[1] = -1;
		break;
	case LIE_ONES:
		memset(bytes + HEADER, 0xff, size);
		break;
	case LIE_ZEROES:
		memset(bytes + HEADER, 0, size);
		break;
	case LIE_HALF:
		sends = size / 2;
		break;
	case LIE_CLOSE:
	case LIE_TWICE:
	case LIE_NONE:
		break;
	}
	(void)header_of(bytes, request, flags, says);
	if (play->policy.lie != LIE_CLOSE)
		(void)put_all(play->sock, bytes, HEADER + sends, fds[0], SIZE_MAX);
	if (play->policy.lie == LIE_TWICE)
		(void)put_all(play->sock, bytes, HEADER + sends, -1, SIZE_MAX);
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (play->policy.lie == LIE_CLOSE || play->policy.lie == LIE_HALF)
		play_fail(play, "the device closed on purpose");
}

void play_answer(struct play *play, const struct play_message *message, const void *payload,
		 uint32_t size, int fd)
{
	if (play->policy.lie != LIE_NONE && play->policy.lie_request == message->request &&
	    !play->lied) {
		play->lied = true;
		answer_falsely(play, message->request, payload, size);
		return;
	}
	if (!play_send(play, play->sock, message->request, VERSION | REPLY, payload, size, fd))
		play_fail(play, "the front end does not take the answer to request %u",
			  message->request);
}
