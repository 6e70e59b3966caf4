/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A back end of messages that are put together byte by byte (check/wire.h), for tests of the front
 * end.
 */
#ifndef TEST_VU_WIRE_H
#define TEST_VU_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <virtring/vhost_user.h>

#include "check/wire.h"

/* Takes a message, without waiting for its first byte. False: there is none. */
bool wire_take(int sock, struct wire *wire);
/* Has the other side closed the connection (and is everything read)? */
bool wire_closed(int sock);
/* Closes the descriptors that came with a message. */
void wire_close_fds(struct wire *wire);

/* ---- a back end of bytes ---- */

#define STUB_LOG 256u
#define STUB_RINGS 8u

/**
 * struct stub_message - what a front end sent
 * @request: number
 * @flags: of the header
 * @size: of the payload
 * @payload: its first bytes
 * @fd_count: descriptors that came with it
 */
struct stub_message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	unsigned char payload[512];
	uint32_t fd_count;
};

/**
 * struct stub - a back end that answers everything as the specification has it, and writes it down
 * @sock: its end of the connection
 * @thread: runs until the front end closes
 * @features: offered
 * @protocol: offered
 * @queue_num: answered to GET_QUEUE_NUM
 * @slots: answered to GET_MAX_MEM_SLOTS
 * @bases: answered to GET_VRING_BASE
 * @status: answered to GET_STATUS
 * @dribble: answer byte by byte
 * @fail: acknowledge this request with a failure
 * @acks: REPLY_ACK has been set
 * @channel: what came with SET_BACKEND_REQ_FD, or -1
 * @count: messages in @log
 * @log: all that came
 */
struct stub {
	int sock;
	pthread_t thread;
	uint64_t features;
	uint64_t protocol;
	uint64_t queue_num;
	uint64_t slots;
	uint32_t bases[STUB_RINGS];
	uint8_t status;
	bool dribble;
	uint32_t fail;
	bool acks;
	int channel;
	uint32_t count;
	struct stub_message log[STUB_LOG];
};

/*
 * Starts it on a new connection, with a front end that wants @protocol (0: what it wants by itself)
 * and counts @rings_per_queue, connected.
 */
struct vr_vu_frontend *stub_start(struct stub *stub, uint64_t protocol, uint32_t rings_per_queue);
/* Destroys the front end and waits until the stub has read everything. */
void stub_finish(struct stub *stub, struct vr_vu_frontend *frontend);
/* The @nth message with this number, from 0, or NULL. After stub_finish(). */
const struct stub_message *stub_find(const struct stub *stub, uint32_t request, uint32_t nth);
/* How many there were. */
uint32_t stub_seen(const struct stub *stub, uint32_t request);

#endif
