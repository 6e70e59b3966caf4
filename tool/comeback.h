/* SPDX-License-Identifier: BSD-3-Clause */
/* A back end that went away: whoever listens there next goes on from the record of what is in flight. */
#ifndef COMEBACK_H
#define COMEBACK_H

#include <virtring/vhost_user.h>

#include "tool.h"

/**
 * struct comeback - what is to go on
 * @path: the socket
 * @frontend: the connection that was lost
 * @offer: what was negotiated on it
 * @features: those of the device; the next one has to have them all
 * @start: give it the record and start the rings; 0 or a negative errno
 * @context: for @start
 */
struct comeback {
	const char *path;
	struct vr_vu_frontend *frontend;
	const struct vr_vu_offer *offer;
	uint64_t features;
	int (*start)(void *context);
	void *context;
};

/**
 * comeback_give_record() - make the record, or give again the one that there is
 * @frontend: a connected front end
 * @offer: what was negotiated
 * @record: with fd -1: made, for @record->queues and @record->queue_size
 * @timeout_ms: for each message
 *
 * Return: 0 or a negative errno.
 */
int comeback_give_record(struct vr_vu_frontend *frontend, const struct vr_vu_offer *offer,
			 struct vr_vu_inflight *record, int timeout_ms);

/**
 * comeback_await() - try until somebody listens there and takes what was negotiated before
 * @comeback: what is to go on
 * @seconds: for so long
 * @timeout_ms: for each message
 * @error: TOOL_TEXT bytes
 *
 * SIGINT and SIGTERM end it, see interrupt_seen().
 *
 * Return: 0, or -1 with @error set; the connection is then down.
 */
int comeback_await(const struct comeback *comeback, double seconds, int timeout_ms, char *error);

#endif
