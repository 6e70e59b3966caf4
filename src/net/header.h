/* SPDX-License-Identifier: BSD-3-Clause */
/* The header in front of every packet, between shared memory and this machine's byte order. */
#ifndef VR_NET_HEADER_H
#define VR_NET_HEADER_H

#include <string.h>

#include <virtring/net.h>

#include "net/wire.h"

/* Where num_buffers is, and the smallest header that has it. */
#define VR_NET_NUM_BUFFERS_AT 10u

/* Its size but for old drivers and rare features. */
#define VR_NET_HEADER_USUAL 12u

/**
 * vr_net_header_decode() - from wire to host
 * @header: filled; num_buffers is 1 where the wire has none
 * @wire: a private copy of the bytes, VR_NET_HEADER_MAX in size
 * @bytes: how many the negotiated header has
 */
static inline void vr_net_header_decode(struct vr_net_header *header, const uint8_t *wire,
					uint32_t bytes)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* The struct is the wire format then; two moves instead of a dozen. */
	memcpy(header, wire, sizeof(*header));
#else
	header->flags = wire[0];
	header->gso_type = wire[1];
	header->hdr_len = vr_net_get16(wire + 2);
	header->gso_size = vr_net_get16(wire + 4);
	header->csum_start = vr_net_get16(wire + 6);
	header->csum_offset = vr_net_get16(wire + 8);
	header->num_buffers = vr_net_get16(wire + VR_NET_NUM_BUFFERS_AT);
#endif
	if (bytes <= VR_NET_NUM_BUFFERS_AT)
		header->num_buffers = 1;
}

_Static_assert(sizeof(struct vr_net_header) == 12, "as on the wire");

/**
 * vr_net_header_encode() - from host to wire, but for num_buffers
 * @wire: VR_NET_HEADER_MAX bytes
 * @header: the header
 */
static inline void vr_net_header_encode(uint8_t *wire, const struct vr_net_header *header)
{
	wire[0] = header->flags;
	wire[1] = header->gso_type;
	vr_net_put16(wire + 2, header->hdr_len);
	vr_net_put16(wire + 4, header->gso_size);
	vr_net_put16(wire + 6, header->csum_start);
	vr_net_put16(wire + 8, header->csum_offset);
}

/**
 * vr_net_header_copy() - the first bytes of a packet out of shared memory, each read once
 * @wire: VR_NET_HEADER_MAX bytes
 * @shared: where they are
 * @bytes: 10..VR_NET_HEADER_MAX
 *
 * The usual size has a branch of its own because a copy of constant length is two loads.
 */
static inline void vr_net_header_copy(uint8_t *wire, const void *shared, uint32_t bytes)
{
	if (bytes == 12)
		memcpy(wire, shared, 12);
	else
		memcpy(wire, shared, bytes);
	/* The compiler must not go back to @shared for bytes that it has judged. */
	__asm__ volatile("" : : "r"(wire) : "memory");
}

/* A header of the usual size in two registers. */
struct vr_net_words {
	uint64_t front;
	uint32_t back;
};

/*
 * Out of shared memory, each byte read once. Nothing else has to be loaded again behind it, as behind a
 * copy in memory that the compiler must not see through.
 */
static inline struct vr_net_words vr_net_words_read(const void *shared)
{
	struct vr_net_words words;

	memcpy(&words.front, shared, sizeof(words.front));
	memcpy(&words.back, (const uint8_t *)shared + sizeof(words.front), sizeof(words.back));
	__asm__ volatile("" : "+r"(words.front), "+r"(words.back));
	return words;
}

static inline void vr_net_words_write(void *to, const struct vr_net_words *words)
{
	memcpy(to, &words->front, sizeof(words->front));
	memcpy((uint8_t *)to + sizeof(words->front), &words->back, sizeof(words->back));
}

/**
 * vr_net_header_read() - a header out of shared memory, each byte read once
 * @header: filled; num_buffers is 1 where the wire has none
 * @shared: where it is
 * @bytes: 10..VR_NET_HEADER_MAX
 */
static inline void vr_net_header_read(struct vr_net_header *header, const void *shared,
				      uint32_t bytes)
{
	uint8_t wire[VR_NET_HEADER_MAX];

	if (bytes == VR_NET_HEADER_USUAL) {
		struct vr_net_words words = vr_net_words_read(shared);

		vr_net_words_write(wire, &words);
	} else {
		vr_net_header_copy(wire, shared, bytes);
	}
	vr_net_header_decode(header, wire, bytes);
}

/**
 * vr_net_will_read() - have a line fetched that the other side has written
 * @at: an address that may be read
 *
 * Lines come one by one when they are asked for one by one: a burst asks for all of them first.
 */
static inline void vr_net_will_read(const void *at)
{
	__builtin_prefetch(at, 0, 3);
}

/**
 * vr_net_will_write() - have a line fetched, for writing, that the other side has read
 * @at: an address that may be written
 */
static inline void vr_net_will_write(void *at)
{
#if defined(__x86_64__)
	/* The builtin would ask for a copy to read, as the first of these processors had no other. */
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)at));
#else
	__builtin_prefetch(at, 1, 3);
#endif
}

/**
 * vr_net_copy() - copy the bytes of a packet
 * @to: where to
 * @from: where from
 * @bytes: how many
 *
 * The smallest packets are the ones that come by the million, so they do not go through a call.
 */
static inline void vr_net_copy(void *to, const void *from, size_t bytes)
{
	if (bytes == 64)
		memcpy(to, from, 64);
	else
		memcpy(to, from, bytes);
}

#endif
