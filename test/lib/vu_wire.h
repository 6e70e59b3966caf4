/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user messages byte by byte, from the text of the specification: numbers, sizes, who is
 * answered and what has to be negotiated are spelled out here again, with nothing taken from
 * src/transport. And a back end of such bytes, for tests of the front end.
 */
#ifndef TEST_VU_WIRE_H
#define TEST_VU_WIRE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <virtring/vhost_user.h>

#define WIRE_HEADER 12u
#define WIRE_PAYLOAD 2056u /* the largest that is defined */
#define WIRE_FDS 8u

#define WIRE_VERSION 1u
#define WIRE_REPLY 4u
#define WIRE_NEED_REPLY 8u

/**
 * struct wire - one message, or its payload alone
 * @size: bytes
 * @bytes: in host byte order
 * @fd_count: descriptors
 * @fds: which
 */
struct wire {
	uint32_t size;
	unsigned char bytes[WIRE_HEADER + WIRE_PAYLOAD + 64];
	uint32_t fd_count;
	int fds[WIRE_FDS];
};

static inline void wire_bytes(struct wire *wire, const void *bytes, uint32_t size)
{
	memcpy(wire->bytes + wire->size, bytes, size);
	wire->size += size;
}

static inline void wire_u16(struct wire *wire, uint16_t value)
{
	wire_bytes(wire, &value, sizeof(value));
}

static inline void wire_u32(struct wire *wire, uint32_t value)
{
	wire_bytes(wire, &value, sizeof(value));
}

static inline void wire_u64(struct wire *wire, uint64_t value)
{
	wire_bytes(wire, &value, sizeof(value));
}

static inline uint32_t wire_get_u32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t wire_get_u64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The first 64 bits of a message's payload. */
static inline uint64_t wire_value(const struct wire *message)
{
	return wire_get_u64(message->bytes + WIRE_HEADER);
}

/* Has the header say how long the payload is. */
static inline void wire_set_size(struct wire *wire)
{
	const uint32_t size = wire->size - WIRE_HEADER;

	memcpy(wire->bytes + 8, &size, sizeof(size));
}

/* A message with its header; @size is what the header says. */
static inline struct wire wire_message(uint32_t request, uint32_t flags, uint32_t size)
{
	struct wire wire = { .size = 0 };

	wire_u32(&wire, request);
	wire_u32(&wire, flags);
	wire_u32(&wire, size);
	return wire;
}

/**
 * struct wire_request - a request of the front end, as the specification has it
 * @id: number
 * @size: bytes of its payload (the shortest one that makes sense)
 * @fds: descriptors that belong to it
 * @answered: always, REPLY_ACK or not
 * @feature: bit of the protocol feature that it needs, or -1
 * @optional: it is for other devices, or for hosts that this library is not made for
 */
struct wire_request {
	uint32_t id;
	uint32_t size;
	uint32_t fds;
	bool answered;
	int feature;
	bool optional;
};

#define WIRE_REQUESTS 45u
extern const struct wire_request wire_requests[WIRE_REQUESTS];

/* Sends a message and its descriptors; false when the other side does not take it. */
bool wire_send(int sock, const struct wire *wire);
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
