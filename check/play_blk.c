// SPDX-License-Identifier: BSD-3-Clause
/* The played disk (virtio 5.2): in memory, every sector numbered. */
#include <stdlib.h>

#include "play_inner.h"

#define F_SIZE_MAX (1ull << 1)
#define F_SEG_MAX (1ull << 2)
#define F_BLK_SIZE (1ull << 6)
#define F_FLUSH (1ull << 9)
#define F_DISCARD (1ull << 13)
#define F_ZEROES (1ull << 14)

#define SECTOR 512u
#define SIZE_MAX_BYTES (1u << 20)
#define SEG_MAX 126u
#define RANGE_SEGMENTS 4u

#define T_IN 0u
#define T_OUT 1u
#define T_FLUSH 4u
#define T_GET_ID 8u
#define T_DISCARD 11u
#define T_ZEROES 13u

#define S_OK 0u
#define S_IOERR 1u
#define S_UNSUPP 2u

void play_pattern(uint64_t sector, uint8_t *bytes)
{
	for (uint32_t i = 0; i < SECTOR / 8; i++) {
		uint64_t word = htole64((sector << 8 | i) * 0x9e3779b97f4a7c15ull);

		memcpy(bytes + 8 * i, &word, 8);
	}
}

uint64_t play_blk_features(void)
{
	return F_SIZE_MAX | F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_DISCARD | F_ZEROES;
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, 4);
}

void play_blk_config(const struct play *play, uint8_t *space)
{
	uint64_t capacity = htole64(play->disk_bytes / SECTOR);

	memcpy(space, &capacity, 8);
	put32(space + 8, SIZE_MAX_BYTES);
	put32(space + 12, SEG_MAX);
	put32(space + 20, SECTOR);
	put32(space + 32, 1); /* writeback */
	put32(space + 34, 1); /* num_queues */
	put32(space + 36, 65536);
	put32(space + 40, RANGE_SEGMENTS);
	put32(space + 44, 1);
	put32(space + 48, 65536);
	put32(space + 52, RANGE_SEGMENTS);
	space[56] = 1;
}

static bool ok(struct play *play, struct play_chain *chain, enum seen which, bool good,
	       const char *what, uint64_t value)
{
	return ledger_judge(play->ledger, which, good,
			    "request of %llu readable and %llu writable bytes: %s %llu",
			    (unsigned long long)chain->readable,
			    (unsigned long long)chain->writable, what, (unsigned long long)value);
}

static uint32_t transfer(struct play *play, struct play_chain *chain, uint32_t type,
			 uint64_t sector, uint32_t *len)
{
	uint64_t bytes = type == T_IN ? chain->writable - 1 : chain->readable - 16;
	bool good = ok(play, chain, SEEN_BLK_DRV_4, bytes % SECTOR == 0, "bytes of data:", bytes);
	uint64_t at = sector * SECTOR;

	good &= ok(play, chain, SEEN_BLK_DRV_2,
		   sector <= play->disk_bytes / SECTOR && bytes <= play->disk_bytes - at, "sector",
		   sector);
	if (!good)
		return S_IOERR;
	if (play->policy.fail_every && play->requests % play->policy.fail_every == 0)
		return S_IOERR;
	if (type == T_IN)
		*len = (uint32_t)play_scatter(play, chain, 0, play->disk + at, bytes);
	else
		(void)play_gather(chain, 16, play->disk + at, bytes);
	play->data_bytes += bytes;
	return S_OK;
}

static uint32_t ranges(struct play *play, struct play_chain *chain, uint32_t type)
{
	uint64_t bytes = chain->readable - 16;
	uint32_t status = S_OK;

	if (!ok(play, chain, SEEN_BLK_DRV_5, bytes && bytes % 16 == 0, "bytes of segments:", bytes))
		return S_IOERR;
	if (!ok(play, chain, SEEN_BLK_DRV_7, bytes / 16 <= RANGE_SEGMENTS, "segments:", bytes / 16))
		return S_IOERR;
	for (uint64_t at = 0; at < bytes; at += 16) {
		uint8_t wire[16];
		uint64_t sector;
		uint64_t count;

		(void)play_gather(chain, 16 + at, wire, 16);
		sector = le64_at(wire);
		count = le32_at(wire + 8);
		if (type == T_DISCARD)
			(void)ok(play, chain, SEEN_BLK_DRV_8, !(le32_at(wire + 12) & 1),
				 "flags of a discard:", le32_at(wire + 12));
		if (!ok(play, chain, SEEN_BLK_DRV_2,
			sector <= play->disk_bytes / SECTOR &&
				count <= play->disk_bytes / SECTOR - sector,
			"a range at sector", sector))
			status = S_IOERR;
		else if (type == T_ZEROES)
			memset(play->disk + sector * SECTOR, 0, count * SECTOR);
	}
	return status;
}

static uint32_t execute(struct play *play, struct play_chain *chain, const uint8_t *header,
			uint32_t *len)
{
	static const uint8_t id[20] = "virtring-check";
	uint32_t type = le32_at(header);
	uint64_t sector = le64_at(header + 8);

	switch (type) {
	case T_IN:
	case T_OUT:
		return transfer(play, chain, type, sector, len);
	case T_FLUSH:
		(void)ok(play, chain, SEEN_BLK_DRV_3, sector == 0, "FLUSH of sector", sector);
		(void)ok(play, chain, SEEN_BLK_DRV_3, chain->readable == 16 && chain->writable == 1,
			 "FLUSH with data, sector", sector);
		return S_OK;
	case T_GET_ID:
		(void)ok(play, chain, SEEN_BLK_DRV_6, chain->writable == 21, "GET_ID, type", type);
		*len = (uint32_t)play_scatter(play, chain, 0, id,
					      chain->writable - 1 < 20 ? chain->writable - 1 : 20);
		return S_OK;
	case T_DISCARD:
	case T_ZEROES:
		return ranges(play, chain, type);
	default:
		return S_UNSUPP;
	}
}

static void judge_segments(struct play *play, struct play_chain *chain)
{
	if (play->features & F_SEG_MAX && chain->elements >= 2)
		(void)ok(play, chain, SEEN_BLK_DRV_11, chain->elements - 2 <= SEG_MAX,
			 "elements:", chain->elements);
	for (uint32_t i = 0; play->features & F_SIZE_MAX && i < chain->count; i++)
		(void)ok(play, chain, SEEN_BLK_DRV_11, chain->pieces[i].len <= SIZE_MAX_BYTES,
			 "an element of bytes:", chain->pieces[i].len);
}

void play_blk_do(struct play *play, struct play_ring *ring, struct play_chain *chain)
{
	uint8_t header[16];
	uint8_t status;
	uint32_t len = 0;

	(void)ring;
	play->requests++;
	judge_segments(play, chain);
	chain->done = true;
	if (!ok(play, chain, SEEN_BLK_DRV_1, chain->readable >= 16 && chain->writable >= 1,
		"no header or no status; elements:", chain->elements))
		return;
	(void)play_gather(chain, 0, header, sizeof(header));
	status = (uint8_t)execute(play, chain, header, &len);
	(void)play_scatter(play, chain, chain->writable - 1, &status, 1);
	/* A gap before the status is not to be counted over (2.7.8.2). */
	chain->len = status == S_OK || chain->writable == 1 ? len + 1 : 0;
	if (status == S_OK && chain->writable != len + 1)
		chain->len = len;
}
