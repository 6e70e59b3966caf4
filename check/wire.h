/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user messages byte by byte, from the text of the specification: numbers, sizes, who is
 * answered and what has to be negotiated are spelled out here again, with nothing taken from
 * src/transport. The tests of the library use them, too.
 */
#ifndef CHECK_WIRE_H
#define CHECK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
 * @name: what the specification calls it
 */
struct wire_request {
	uint32_t id;
	uint32_t size;
	uint32_t fds;
	bool answered;
	int feature;
	bool optional;
	const char *name;
};

#define WIRE_REQUESTS 45u
extern const struct wire_request wire_requests[WIRE_REQUESTS];

/* The name of a request of the front end, or "?". */
const char *wire_name(uint32_t request);

/* Sends a message and its descriptors; false when the other side does not take it. */
bool wire_send(int sock, const struct wire *wire);

#endif
