// SPDX-License-Identifier: BSD-3-Clause
#include "ring_peer.h"

#include <string.h>

#include "ring_hook.h"

static struct fuzz *peer;
static unsigned int loads;
static bool any_change;

void ring_peer_on(struct fuzz *fuzz)
{
	peer = fuzz;
	loads = 0;
	any_change = false;
}

void ring_peer_off(void)
{
	peer = NULL;
}

bool ring_peer_changed(void)
{
	return any_change;
}

/* A 16-bit part of the word: an index, an id, flags, half a length. */
static uint64_t with_lane(uint64_t word, size_t bytes, uint8_t lane, uint16_t value)
{
	unsigned int shift = bytes < 2 ? 0 : 16 * (lane % (unsigned int)(bytes / 2));

	return (word & ~((uint64_t)0xffff << shift)) | (uint64_t)value << shift;
}

static uint16_t lane_of(uint64_t word, size_t bytes, uint8_t lane)
{
	return (uint16_t)(word >> (bytes < 2 ? 0 : 16 * (lane % (unsigned int)(bytes / 2))));
}

/* What the peer does to @word when the next byte of its part is @how; most often nothing. */
static uint64_t changed(uint64_t word, size_t bytes, uint8_t how)
{
	uint8_t lane;

	switch (how >> 4) {
	case 0xa: /* a little more or less */
		lane = fuzz_peer_u8(peer);
		return with_lane(word, bytes, lane,
				 (uint16_t)(lane_of(word, bytes, lane) + (how & 15) - 7));
	case 0xb: /* a small number */
		lane = fuzz_peer_u8(peer);
		return with_lane(word, bytes, lane, how & 15);
	case 0xc: /* one bit */
		return word ^ 1ull << (fuzz_peer_u8(peer) % (8 * bytes));
	case 0xd: /* as if another lap had begun: the state bits of a packed descriptor */
		return word ^ (bytes == 8 ? 0x8080ull << 48 : 0x8000);
	case 0xe: /* the largest of its kind */
		lane = fuzz_peer_u8(peer);
		return with_lane(word, bytes, lane, (uint16_t)(0xffff - (how & 15)));
	case 0xf: /* anything */
		return fuzz_peer_word(peer, bytes);
	default:
		return word;
	}
}

void fuzz_before_load(const void *field, size_t bytes)
{
	/* The peer shares this memory and is not bound by the const of our side. */
	void *theirs = (void *)(uintptr_t)field;
	uint64_t word = 0, before;
	uint8_t how;

	if (!peer)
		return;
	FUZZ_CHECK(++loads < RING_LOADS_MAX);
	how = fuzz_peer_u8(peer);
	if (how < 0xa0)
		return;
	memcpy(&word, field, bytes);
	before = word;
	word = changed(word, bytes, how);
	any_change |= word != before;
	memcpy(theirs, &word, bytes);
}

void fuzz_before_store(const void *field, size_t bytes)
{
	(void)field;
	(void)bytes;
	if (peer)
		FUZZ_CHECK(++loads < RING_LOADS_MAX);
}
