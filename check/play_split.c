// SPDX-License-Identifier: BSD-3-Clause
/* The split layout, seen by the device (virtio 2.7). */
#include <stdlib.h>

#include "play_inner.h"

#define NEXT 1u
#define WRITE 2u
#define INDIRECT 4u

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

static struct desc desc_at(const uint8_t *table, uint32_t i)
{
	const uint8_t *p = table + 16 * (size_t)i;

	return (struct desc){ le64_at(p), le32_at(p + 8), le16_at(p + 12), le16_at(p + 14) };
}

static bool ok(struct play *play, struct play_ring *ring, enum seen which, bool good,
	       const char *what, uint64_t value)
{
	return ledger_judge(play->ledger, which, good, "ring %u, avail.idx %u: %s %llu",
			    ring->index, ring->avail, what, (unsigned long long)value);
}

/* The entries of an indirect table. False: it cannot be gone on from. */
static bool walk_table(struct play *play, struct play_ring *ring, struct play_chain *chain,
		       struct desc outer)
{
	uint32_t entries = outer.len / 16;
	uint64_t got = 0;
	const uint8_t *table = play_guest(play, outer.addr, outer.len, &got);
	uint32_t at = 0;

	if (!ok(play, ring, SEEN_S_FMT_13,
		outer.len && outer.len % 16 == 0 && table && got == outer.len && entries <= 65536,
		"an indirect table of bytes:", outer.len))
		return false;
	chain->table = table;
	chain->table_bytes = outer.len;
	chain->table_copy = malloc(outer.len);
	if (!chain->table_copy)
		return false;
	memcpy(chain->table_copy, table, outer.len);
	for (uint32_t i = 0;; i++) {
		struct desc d = desc_at(chain->table_copy, at);

		(void)ok(play, ring, SEEN_S_DRV_6, !(d.flags & INDIRECT), "INDIRECT in entry", at);
		(void)ok(play, ring, SEEN_S_FMT_4, !(d.flags & ~7u), "a table's entry has flags",
			 d.flags);
		if (!play_piece(play, ring, chain, d.addr, d.len, d.flags & WRITE))
			return false;
		if (!(d.flags & NEXT))
			return true;
		if (ring->in_order)
			(void)ok(play, ring, SEEN_IO_DRV_3, d.next == at + 1,
				 "in a table an entry links to", d.next);
		if (!ok(play, ring, SEEN_S_FMT_13, d.next < entries && i < entries,
			"in a table a link to", d.next))
			return false;
		at = d.next;
	}
}

static bool take_desc(struct play *play, struct play_ring *ring, struct play_chain *chain,
		      uint32_t at, struct desc *d)
{
	const uint8_t *from = ring->descriptors + 16 * (size_t)at;

	if (!ok(play, ring, SEEN_DRV_18, !ring->busy[at],
		"a descriptor of an outstanding buffer is used again:", at))
		return false;
	ring->busy[at] = true;
	chain->slots[chain->descriptors] = at;
	memcpy(chain->copy + 16 * (size_t)chain->descriptors, from, 16);
	*d = desc_at(chain->copy, chain->descriptors++);
	(void)ok(play, ring, SEEN_S_FMT_4, !(d->flags & ~7u), "a descriptor has flags", d->flags);
	(void)ok(play, ring, SEEN_S_DRV_8, (d->flags & (INDIRECT | NEXT)) != (INDIRECT | NEXT),
		 "INDIRECT and NEXT in descriptor", at);
	if (d->flags & INDIRECT)
		(void)ok(play, ring, SEEN_S_DRV_5, play->features & F_INDIRECT,
			 "INDIRECT was not negotiated; descriptor", at);
	return true;
}

static bool walk(struct play *play, struct play_ring *ring, struct play_chain *chain, uint32_t at)
{
	for (;;) {
		struct desc d;

		if (!ok(play, ring, SEEN_S_DRV_4, chain->descriptors < ring->size,
			"a chain without an end, from head", chain->id))
			return false;
		if (!take_desc(play, ring, chain, at, &d))
			return false;
		if (d.flags & INDIRECT) {
			ring->next_slot = (at + 1) % ring->size;
			return walk_table(play, ring, chain, d);
		}
		if (!play_piece(play, ring, chain, d.addr, d.len, d.flags & WRITE))
			return false;
		if (!(d.flags & NEXT))
			break;
		if (ring->in_order)
			(void)ok(play, ring, SEEN_IO_DRV_2, d.next == (at + 1) % ring->size,
				 "in order a descriptor links to", d.next);
		if (!ok(play, ring, SEEN_S_FMT_12, d.next < ring->size, "a link to", d.next))
			return false;
		at = d.next;
	}
	ring->next_slot = (at + 1) % ring->size;
	return true;
}

static void judge_flags(struct play *play, struct play_ring *ring)
{
	uint16_t flags = shared16(ring->driver);

	if (ring->event_idx)
		(void)ok(play, ring, SEEN_S_DRV_12, flags == 0, "with EVENT_IDX avail.flags",
			 flags);
	else
		(void)ok(play, ring, SEEN_S_DRV_10, flags <= 1, "avail.flags", flags);
}

int play_split_take(struct play *play, struct play_ring *ring, struct play_chain *chain)
{
	uint16_t index = shared16(ring->driver + 2);
	uint16_t jump = (uint16_t)(index - ring->avail);
	uint32_t head;

	if (jump == 0)
		return 0;
	if (!ok(play, ring, SEEN_S_DRV_9, jump <= ring->size, "avail.idx is", index))
		return -1;
	judge_flags(play, ring);
	head = shared16(ring->driver + 4 + 2 * (size_t)(ring->avail & (ring->size - 1)));
	if (!ok(play, ring, SEEN_S_FMT_5, head < ring->size, "a head", head))
		return -1;
	if (ring->in_order && ring->next_slot != UINT32_MAX) {
		(void)ok(play, ring, SEEN_IO_DRV_1, head == ring->next_slot,
			 "in order another head was due than", head);
		(void)ok(play, ring, SEEN_IO_DRV_10, head == ring->next_slot,
			 "the available slot holds", head);
	}
	chain->id = (uint16_t)head;
	if (!walk(play, ring, chain, head))
		return -1;
	(void)ok(play, ring, SEEN_S_DRV_7, chain->elements <= ring->size,
		 "elements in a chain:", chain->elements);
	(void)ok(play, ring, SEEN_S_DRV_4, chain->readable + chain->writable <= 1ull << 32,
		 "bytes in a chain:", chain->readable + chain->writable);
	ledger_held(play->ledger, SEEN_S_FMT_12);
	ring->avail = (uint16_t)(ring->avail + 1);
	ring->avail_at++;
	return 1;
}

void play_split_use(struct play_ring *ring, const struct play_chain *chain, uint32_t buffers)
{
	uint8_t *slot = ring->device + 4 + 8 * (size_t)(ring->used & (ring->size - 1));

	share32(slot, chain->id);
	share32(slot + 4, chain->len);
	ring->used = (uint16_t)(ring->used + buffers);
	ring->used_at += buffers;
}

void play_split_publish(struct play_ring *ring)
{
	share16(ring->device + 2, (uint16_t)ring->used);
}
