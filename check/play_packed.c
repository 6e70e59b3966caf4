// SPDX-License-Identifier: BSD-3-Clause
/* The packed layout, seen by the device (virtio 2.8). */
#include <stdlib.h>

#include "play_inner.h"

#define NEXT 1u
#define WRITE 2u
#define INDIRECT 4u
#define AVAIL 0x80u
#define USED 0x8000u

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

static struct desc desc_at(const uint8_t *table, uint32_t i)
{
	const uint8_t *p = table + 16 * (size_t)i;

	return (struct desc){ le64_at(p), le32_at(p + 8), le16_at(p + 12), le16_at(p + 14) };
}

static bool ok(struct play *play, struct play_ring *ring, enum seen which, bool good,
	       const char *what, uint64_t value)
{
	return ledger_judge(play->ledger, which, good, "ring %u, position %u, wrap %d: %s 0x%llx",
			    ring->index, ring->avail, ring->avail_wrap, what,
			    (unsigned long long)value);
}

static bool available(uint16_t flags, bool wrap)
{
	return !!(flags & AVAIL) == wrap && !!(flags & USED) != wrap;
}

static bool walk_table(struct play *play, struct play_ring *ring, struct play_chain *chain,
		       struct desc outer)
{
	uint64_t got = 0;
	const uint8_t *table = play_guest(play, outer.addr, outer.len, &got);

	if (!ok(play, ring, SEEN_P_FMT_15,
		outer.len && outer.len % 16 == 0 && table && got == outer.len &&
			outer.len <= 16 * 65536,
		"an indirect table of bytes:", outer.len))
		return false;
	chain->table = table;
	chain->table_bytes = outer.len;
	chain->table_copy = malloc(outer.len);
	if (!chain->table_copy)
		return false;
	memcpy(chain->table_copy, table, outer.len);
	for (uint32_t i = 0; i < outer.len / 16; i++) {
		struct desc d = desc_at(chain->table_copy, i);

		(void)ok(play, ring, SEEN_P_DRV_13, !(d.flags & ~WRITE),
			 "a table's entry has flags", d.flags);
		if (!play_piece(play, ring, chain, d.addr, d.len, d.flags & WRITE))
			return false;
	}
	return true;
}

/* The descriptor at the position, whose list is being taken. */
static bool take_desc(struct play *play, struct play_ring *ring, struct play_chain *chain,
		      uint32_t at, bool wrap, struct desc *d)
{
	const uint8_t *from = ring->descriptors + 16 * (size_t)at;
	uint16_t flags = shared16(from + 14);
	bool there = available(flags, wrap);

	if (chain->descriptors && !ok(play, ring, SEEN_P_DRV_11, there,
				      "the list goes on where nothing is available: flags", flags))
		return false;
	chain->slots[chain->descriptors] = at;
	ring->scribbled[at] = false;
	memcpy(chain->copy + 16 * (size_t)chain->descriptors, from, 16);
	*d = desc_at(chain->copy, chain->descriptors++);
	ledger_held(play->ledger, SEEN_P_FMT_9);
	(void)ok(play, ring, SEEN_P_FMT_7, !(d->flags & 0x7f78u), "a descriptor has flags",
		 d->flags);
	(void)ok(play, ring, SEEN_P_DRV_15, (d->flags & (INDIRECT | NEXT)) != (INDIRECT | NEXT),
		 "INDIRECT and NEXT: flags", d->flags);
	if (d->flags & INDIRECT) {
		(void)ok(play, ring, SEEN_P_DRV_12, play->features & F_INDIRECT,
			 "INDIRECT was not negotiated: flags", d->flags);
		(void)ok(play, ring, SEEN_P_FMT_17, chain->descriptors == 1,
			 "INDIRECT after NEXT: flags", d->flags);
	}
	return true;
}

static bool walk(struct play *play, struct play_ring *ring, struct play_chain *chain)
{
	uint32_t at = ring->avail;
	bool wrap = ring->avail_wrap;
	struct desc d;

	do {
		if (!ok(play, ring, SEEN_P_DRV_7,
			ring->busy_descriptors + chain->descriptors < ring->size,
			"a list longer than the ring has room: descriptors",
			chain->descriptors + 1))
			return false;
		if (!take_desc(play, ring, chain, at, wrap, &d))
			return false;
		if (d.flags & INDIRECT) {
			if (!walk_table(play, ring, chain, d))
				return false;
		} else if (!play_piece(play, ring, chain, d.addr, d.len, d.flags & WRITE)) {
			return false;
		}
		if (++at == ring->size) {
			at = 0;
			wrap = !wrap;
		}
	} while (d.flags & NEXT);
	chain->id = d.id;
	ledger_held(play->ledger, SEEN_P_FMT_8);
	ring->avail_at += chain->descriptors;
	ring->avail = at;
	ring->avail_wrap = wrap;
	return true;
}

static void judge_event(struct play *play, struct play_ring *ring)
{
	uint16_t off_wrap = shared16(ring->driver);
	uint16_t flags = shared16(ring->driver + 2);

	(void)ok(play, ring, SEEN_P_FMT_18, flags <= 2, "driver event flags", flags);
	if (flags != 2)
		return;
	(void)ok(play, ring, SEEN_F_DRV_12, ring->event_idx, "without EVENT_IDX driver event flags",
		 flags);
	(void)ok(play, ring, SEEN_P_FMT_18, (off_wrap & 0x7fffu) < ring->size,
		 "driver event offset and wrap", off_wrap);
}

int play_packed_take(struct play *play, struct play_ring *ring, struct play_chain *chain)
{
	chain->slot = ring->avail;
	chain->wrap = ring->avail_wrap;
	if (!available(shared16(ring->descriptors + 16 * (size_t)ring->avail + 14),
		       ring->avail_wrap))
		return 0;
	judge_event(play, ring);
	if (!walk(play, ring, chain))
		return -1;
	if (ring->fresh && ring->avail_at < ring->size)
		ledger_held(play->ledger, SEEN_P_FMT_3);
	if (!ok(play, ring, SEEN_P_FMT_26, chain->id < ring->size && !ring->busy[chain->id],
		"a buffer id above the size, or outstanding already:", chain->id))
		return -1;
	ring->busy[chain->id] = true;
	return 1;
}

void play_packed_write(struct play_ring *ring, uint32_t slot, bool wrap, uint16_t id, uint32_t len,
		       uint16_t more_flags)
{
	uint8_t *at = ring->descriptors + 16 * (size_t)slot;
	uint16_t flags = (uint16_t)((wrap ? AVAIL | USED : 0) | more_flags);

	ring->scribbled[slot] = true;
	share32(at + 8, len);
	__atomic_store_n((uint16_t *)(void *)(at + 12), htole16(id), __ATOMIC_RELAXED);
	share16(at + 14, flags);
}

void play_packed_pass(struct play_ring *ring, uint32_t descriptors)
{
	ring->used += descriptors;
	ring->used_at += descriptors;
	if (ring->used >= ring->size) {
		ring->used -= ring->size;
		ring->used_wrap = !ring->used_wrap;
	}
}

void play_packed_use(struct play *play, struct play_ring *ring, uint32_t slot, bool wrap,
		     const struct play_chain *chain)
{
	uint16_t flags = chain->len && !play->policy.hide_write ? WRITE : 0;
	uint32_t len = chain->len;

	if (play->policy.stale_len) {
		/* Neither means anything (2.8.5, 2.8.6). */
		flags |= NEXT | INDIRECT;
		len = flags & WRITE ? len : 1514;
	}
	play_packed_write(ring, slot, wrap, chain->id, len, flags);
}
