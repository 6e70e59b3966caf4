/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front end, as its files see it:
 *   frontend.c        life, connection, one message and its answer
 *   frontend_calls.c  a function for each message
 *   frontend_start.c  negotiation, start and stop in the usual order
 */
#ifndef VR_SRC_VHOST_USER_FRONTEND_H
#define VR_SRC_VHOST_USER_FRONTEND_H

#include "transport/vhost_user/channel.h"
#include "transport/vhost_user/socket.h"

/**
 * struct vr_vu_frontend - a front end and its session
 * @path: socket, "" if there is none
 * @listen: wait for connections
 * @listener: listening socket
 * @sock: connection, or -1
 * @protocol_wanted: protocol features to accept
 * @rings_per_queue: see struct vr_vu_frontend_config
 * @queue_num: answer of GET_QUEUE_NUM, 0 if it was not asked
 * @negotiated: features
 * @rx: answer being received
 * @tx: message being sent
 * @error: see vr_vu_frontend_error()
 */
struct vr_vu_frontend {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool listen;
	struct vu_listener listener;
	int sock;
	uint64_t protocol_wanted;
	uint32_t rings_per_queue;
	uint64_t queue_num;
	struct vu_negotiated negotiated;
	struct vu_rx rx;
	struct vu_tx tx;
	char error[256];
};

/**
 * struct vu_call - a message to send
 * @request: its number
 * @size: bytes of payload
 * @payload: payload
 * @fds: descriptors to send, they stay the caller's
 * @fd_count: number of them
 * @timeout_ms: for sending and the answer together; -1: no limit
 */
struct vu_call {
	uint32_t request;
	uint32_t size;
	const void *payload;
	const int *fds;
	uint32_t fd_count;
	int timeout_ms;
};

/*
 * Sends a message and waits for its answer, or its acknowledgement where that can be had. An answer
 * is in @f->rx. Returns as vr_vu_frontend_get_features() documents.
 */
int vri_frontend_call(struct vr_vu_frontend *f, const struct vu_call *call);

/* Notes what is wrong. Returns @error. */
int vri_frontend_refuse(struct vr_vu_frontend *f, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
