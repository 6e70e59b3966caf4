/* SPDX-License-Identifier: BSD-3-Clause */
/* One message at a time over a stream socket, in pieces if need be; never waits. */
#ifndef VR_SRC_VHOST_USER_CHANNEL_H
#define VR_SRC_VHOST_USER_CHANNEL_H

#include "transport/vhost_user/message.h"

/* Results of vri_rx(), beside negative errno values. */
enum vu_rx_result {
	VU_RX_MORE = 0,
	VU_RX_DONE = 1,
	VU_RX_EOF = 2
};

/**
 * struct vu_rx - a message being received
 * @header: complete when @have is at least 12
 * @payload: complete when vri_rx() said VU_RX_DONE
 * @have: bytes received, header and payload
 * @fds: descriptors received; one that is taken is replaced with -1
 * @fd_count: number of them
 * @fd_problem: what is wrong with the descriptors, or NULL; those concerned are closed
 * @problem: what is wrong with the header, after -EPROTO
 */
struct vu_rx {
	struct vu_header header;
	union vu_payload payload;
	size_t have;
	int fds[VU_MAX_FDS];
	uint32_t fd_count;
	const char *fd_problem;
	const char *problem;
};

/*
 * Receives more of a message. @reply: whether it has to be a reply. Returns an enum vu_rx_result;
 * -EPROTO when the header is wrong; -ECONNRESET when the connection ended within the message; or
 * what recvmsg() failed with.
 */
int vri_rx(int sock, struct vu_rx *rx, bool reply);

/* Ready for the next message; descriptors that nobody took are closed. */
void vri_rx_reset(struct vu_rx *rx);

/* As vri_rx_reset(), but not if only the beginning of a message is there. */
void vri_rx_next(struct vu_rx *rx);

/* Takes descriptor @i, which is then the caller's. */
int vri_rx_take_fd(struct vu_rx *rx, uint32_t i);

/**
 * struct vu_tx - a message being sent
 * @bytes: header and payload
 * @size: of them; 0: nothing to send
 * @done: bytes sent
 * @fds: to go with the first byte; they stay their owner's
 * @fd_count: number of them
 */
struct vu_tx {
	unsigned char bytes[sizeof(struct vu_header) + VU_PAYLOAD_MAX];
	size_t size;
	size_t done;
	int fds[VU_MAX_FDS];
	uint32_t fd_count;
};

/* Prepares a message; @size at most VU_PAYLOAD_MAX, @fd_count at most VU_MAX_FDS. */
void vri_tx_set(struct vu_tx *tx, uint32_t request, uint32_t flags, const void *payload,
		uint32_t size, const int *fds, uint32_t fd_count);

/* Sends more of it. Returns 0 when all is sent, -EAGAIN, or what sendmsg() failed with. */
int vri_tx_flush(int sock, struct vu_tx *tx);

#endif
