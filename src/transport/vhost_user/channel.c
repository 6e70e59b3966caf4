// SPDX-License-Identifier: BSD-3-Clause
/* Receiving and sending one message, with its descriptors. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/vhost_user/channel.h"

#define HEADER sizeof(struct vu_header)

/* Room for twice what a message may have: the surplus can be counted and named then. */
#define FDS_SEEN (2 * VU_MAX_FDS)

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE((size_t)FDS_SEEN * sizeof(int))];
};

static void keep_fd(struct vu_rx *rx, int fd, bool first)
{
	if (!first)
		rx->fd_problem = "descriptors came behind the first byte";
	else if (rx->fd_count == VU_MAX_FDS)
		rx->fd_problem = "too many descriptors";
	if (rx->fd_problem)
		close(fd);
	else
		rx->fds[rx->fd_count++] = fd;
}

static void keep_fds(struct vu_rx *rx, struct msghdr *msg, bool first)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t i, count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			keep_fd(rx, fd, first);
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		rx->fd_problem = "far too many descriptors";
}

/* Bytes received, 0 at the end of the connection, or -errno. */
static ssize_t receive(int sock, struct vu_rx *rx, void *to, size_t size)
{
	struct iovec iov = { .iov_base = to, .iov_len = size };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	do
		got = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	keep_fds(rx, &msg, rx->have == 0);
	return got;
}

static int check_header(struct vu_rx *rx, bool reply)
{
	const uint32_t flags = rx->header.flags;

	if ((flags & VU_FLAG_VERSION) != VU_VERSION)
		rx->problem = "protocol version is not 1";
	else if (flags & ~(VU_FLAG_VERSION | VU_FLAG_REPLY | VU_FLAG_NEED_REPLY))
		rx->problem = "unknown flags";
	else if (!(flags & VU_FLAG_REPLY) == reply)
		rx->problem = reply ? "a request where a reply is due" : "a reply to no request";
	else if (rx->header.size > VU_PAYLOAD_MAX)
		rx->problem = "size is larger than any payload";
	else
		return 0;
	return -EPROTO;
}

int vri_rx(int sock, struct vu_rx *rx, bool reply)
{
	for (;;) {
		unsigned char *to;
		ssize_t got;
		size_t want;

		if (rx->have < HEADER) {
			to = (unsigned char *)&rx->header + rx->have;
			want = HEADER - rx->have;
		} else {
			to = rx->payload.bytes + (rx->have - HEADER);
			want = HEADER + rx->header.size - rx->have;
			if (!want)
				return VU_RX_DONE;
		}
		got = receive(sock, rx, to, want);
		if (got == -EAGAIN || got == -EWOULDBLOCK)
			return VU_RX_MORE;
		if (got < 0)
			return (int)got;
		if (!got)
			return rx->have ? -ECONNRESET : VU_RX_EOF;
		rx->have += (size_t)got;
		if (rx->have == HEADER && check_header(rx, reply))
			return -EPROTO;
	}
}

void vri_rx_reset(struct vu_rx *rx)
{
	uint32_t i;

	for (i = 0; i < rx->fd_count; i++)
		if (rx->fds[i] >= 0)
			close(rx->fds[i]);
	rx->fd_count = 0;
	rx->fd_problem = NULL;
	rx->problem = NULL;
	rx->have = 0;
}

void vri_rx_next(struct vu_rx *rx)
{
	if (rx->have == HEADER + rx->header.size)
		vri_rx_reset(rx);
}

int vri_rx_take_fd(struct vu_rx *rx, uint32_t i)
{
	int fd = rx->fds[i];

	rx->fds[i] = -1;
	return fd;
}

void vri_tx_set(struct vu_tx *tx, uint32_t request, uint32_t flags, const void *payload,
		uint32_t size, const int *fds, uint32_t fd_count)
{
	const struct vu_header header = { request, VU_VERSION | flags, size };

	memcpy(tx->bytes, &header, HEADER);
	if (size)
		memcpy(tx->bytes + HEADER, payload, size);
	if (fd_count)
		memcpy(tx->fds, fds, fd_count * sizeof(*fds));
	tx->fd_count = fd_count;
	tx->size = HEADER + size;
	tx->done = 0;
}

/* The descriptors go with the first byte, and only there. */
static void attach_fds(const struct vu_tx *tx, struct msghdr *msg, union control *control)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(tx->fd_count * sizeof(int));
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(tx->fd_count * sizeof(int));
	memcpy(CMSG_DATA(c), tx->fds, tx->fd_count * sizeof(int));
}

int vri_tx_flush(int sock, struct vu_tx *tx)
{
	while (tx->done < tx->size) {
		struct iovec iov = { tx->bytes + tx->done, tx->size - tx->done };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		union control control;
		ssize_t sent;

		if (!tx->done && tx->fd_count)
			attach_fds(tx, &msg, &control);
		sent = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		tx->done += (size_t)sent;
	}
	tx->size = 0;
	return 0;
}
