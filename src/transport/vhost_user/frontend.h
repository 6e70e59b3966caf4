/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front end, as its files see it:
 *   frontend.c        life, connection, one message and its answer
 *   frontend_calls.c  a function for each message
 *   frontend_start.c  negotiation, start and stop in the usual order
 *   frontend_state.c  the device's internal state
 *   frontend_channel.c  requests of the back end; translations
 */
#ifndef VR_SRC_VHOST_USER_FRONTEND_H
#define VR_SRC_VHOST_USER_FRONTEND_H

#include "transport/vhost_user/channel.h"
#include "transport/vhost_user/socket.h"

/**
 * struct vu_front_channel - the socket for requests of the back end, and translations
 * @sock: our end, or -1
 * @ops: what the program does
 * @context: for @ops
 * @rx: request being received
 * @tx: acknowledgement being sent
 * @serving: an operation is being called, which must not call back
 * @update: answer to a miss, to be sent on the main connection
 * @update_due: it has not been begun
 * @update_tx: being sent
 * @unanswered: translations sent whose answer nobody has waited for
 */
struct vu_front_channel {
	int sock;
	struct vr_vu_channel_ops ops;
	void *context;
	struct vu_rx rx;
	struct vu_tx tx;
	bool serving;
	struct vu_iotlb update;
	bool update_due;
	struct vu_tx update_tx;
	uint32_t unanswered;
};

/**
 * struct vr_vu_frontend - a front end and its session
 * @path: socket, "" if there is none
 * @listen: wait for connections
 * @listener: listening socket
 * @sock: connection, or -1
 * @protocol_wanted: protocol features to accept
 * @rings_per_queue: see struct vr_vu_frontend_config
 * @queue_num: answer of GET_QUEUE_NUM, 0 if it was not asked
 * @status: what the back end was told last
 * @running: rings that were started and not stopped since
 * @negotiated: features
 * @rx: answer being received
 * @tx: message being sent
 * @channel: see there
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
	uint8_t status;
	uint32_t running;
	struct vu_negotiated negotiated;
	struct vu_rx rx;
	struct vu_tx tx;
	struct vu_front_channel channel;
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

/*
 * Serves requests of the back end, never waits. @idle: nobody waits for an answer on the main
 * connection, so those to our updates are taken.
 */
void vri_channel_serve(struct vr_vu_frontend *f, bool idle);
/* What to wait for at the main connection and at the channel for vri_channel_serve() to go on. */
short vri_main_events(const struct vr_vu_frontend *f);
short vri_channel_events(const struct vr_vu_frontend *f);
/* Sends more of it: 0 when all is sent, -EAGAIN or what sending failed with. */
int vri_channel_flush(struct vr_vu_frontend *f);
/* Is what was received the answer to an update that nobody waits for? Then it is dealt with. */
bool vri_update_answered(struct vr_vu_frontend *f);
/* Closes our end and forgets all. */
void vri_front_channel_close(struct vr_vu_frontend *f);

/* Requests of the back end, see back_message.c. */
int vri_serve_iotlb(struct vr_vu_frontend *f);
int vri_serve_config_change(struct vr_vu_frontend *f);
int vri_serve_vring_call(struct vr_vu_frontend *f);
int vri_serve_vring_err(struct vr_vu_frontend *f);

/* Notes what is wrong. Returns @error. */
int vri_frontend_refuse(struct vr_vu_frontend *f, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
