// SPDX-License-Identifier: BSD-3-Clause
/* A ring of the played device, as far as both layouts have it in common. */
#include <stdlib.h>
#include <unistd.h>

#include "play_inner.h"

void play_chain_free(struct play_chain *chain)
{
	free(chain->slots);
	free(chain->copy);
	free(chain->table_copy);
	free(chain->pieces);
	free(chain);
}

static struct play_chain *chain_new(uint32_t size)
{
	struct play_chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return NULL;
	chain->slots = calloc(size, sizeof(*chain->slots));
	chain->copy = calloc(size, 16);
	if (!chain->slots || !chain->copy) {
		play_chain_free(chain);
		return NULL;
	}
	return chain;
}

/*
 * Of a fresh ring, whose wrap counters are 1, User Mode Linux says 0, and DPDK's front end says nothing
 * about the used half. Once buffers went through it both are positions like any other: a list over the
 * end of the ring leaves its first slot as a fresh one's looks.
 */
static uint32_t packed_base(const struct play_ring *ring)
{
	uint32_t base = ring->base;

	if (base == 0 && !ring->taken && !(le16_at(ring->descriptors + 14) & 0x8000))
		return 0x80008000;
	if (base >> 16 == 0 && (base == 0x8000 || !ring->taken))
		return base | base << 16;
	return base;
}

static void positions(struct play *play, struct play_ring *ring)
{
	uint32_t base = ring->base;

	ring->packed = play->features & F_PACKED;
	ring->in_order = play->features & F_IN_ORDER;
	ring->event_idx = play->features & F_EVENT;
	ring->used_wrap = ring->avail_wrap = true;
	if (ring->packed) {
		base = packed_base(ring);
		ring->fresh = (base & 0x7fff) == 0 && (base >> 16 & 0x7fff) == 0;
		ring->avail = (base & 0x7fff) % ring->size;
		ring->avail_wrap = base >> 15 & 1;
		ring->used = (base >> 16 & 0x7fff) % ring->size;
		ring->used_wrap = base >> 31 & 1;
		ring->avail_at = ring->avail + (ring->avail_wrap ? 0 : ring->size);
		ring->used_at = ring->avail_at;
	} else {
		ring->avail = base & 0xffff;
		ring->used = shared16(ring->device + 2);
		ring->fresh = ring->avail == 0 && ring->used == 0;
		ring->avail_at = ring->avail;
		ring->used_at = ring->used;
	}
	/* After whole laps one that goes on stands at 0 too, and its memory is full of them. */
	ring->fresh = ring->fresh && !ring->lived;
	ring->called_at = ring->used_at;
	ring->next_slot = ring->fresh ? 0 : UINT32_MAX;
}

/* A fresh ring starts cleared; one that goes on does so where it was used to the end. */
static void judge_start(struct play *play, const struct play_ring *ring)
{
	uint16_t word = le16_at(ring->device);

	if (ring->packed) {
		word = le16_at(ring->descriptors + 14) & 0x8080;
		if (ring->fresh && ring->avail_wrap)
			(void)ledger_judge(play->ledger, SEEN_P_FMT_7, word == 0 || word == 0x80,
					   "ring %u: flags 0x%04x in the first descriptor of a "
					   "fresh ring",
					   ring->index, word);
		return;
	}
	if (ring->fresh)
		(void)ledger_judge(play->ledger, SEEN_S_DRV_17, word == 0,
				   "ring %u: used.flags 0x%04x at the start", ring->index, word);
	else
		(void)ledger_judge(play->ledger, SEEN_ACK_5, ring->avail == ring->used,
				   "ring %u: base %u, used.idx %u", ring->index, ring->avail,
				   ring->used);
}

bool play_ring_begin(struct play *play, struct play_ring *ring)
{
	positions(play, ring);
	judge_start(play, ring);
	ring->lived = true;
	free(ring->busy);
	free(ring->held);
	free(ring->scribbled);
	ring->scribbled = calloc(ring->size, sizeof(*ring->scribbled));
	ring->busy = calloc(ring->packed ? 65536 : ring->size, sizeof(*ring->busy));
	ring->held = calloc(ring->size, sizeof(*ring->held));
	if (!ring->busy || !ring->held || !ring->scribbled)
		return false;
	ring->held_count = 0;
	ring->busy_descriptors = 0;
	ring->broken = false;
	ring->armed = false;
	ring->excused = true;
	ring->told = false;
	ring->waits_since = 0;
	ring->idle_since = 0;
	ring->started = true;
	/* Without bit 30 a ring is enabled from the start. */
	if (!(play->features & F_PROTOCOL))
		ring->enabled = true;
	return true;
}

void play_ring_free(struct play_ring *ring)
{
	for (uint32_t i = 0; i < ring->held_count; i++)
		play_chain_free(ring->held[i]);
	ring->held_count = 0;
	free(ring->held);
	free(ring->busy);
	free(ring->scribbled);
	ring->scribbled = NULL;
	ring->held = NULL;
	ring->busy = NULL;
}

static uint32_t base_of(const struct play_ring *ring)
{
	const struct play_chain *first = ring->held_count ? ring->held[0] : NULL;
	uint32_t slot = first ? first->slot : ring->avail;
	bool wrap = first ? first->wrap : ring->avail_wrap;

	/* What was taken and is not used is left to the next start. */
	if (!ring->packed)
		return (uint16_t)(ring->avail - ring->held_count);
	return slot | (uint32_t)wrap << 15 | ring->used << 16 | (uint32_t)ring->used_wrap << 31;
}

void play_ring_stop(struct play *play, struct play_ring *ring, uint32_t *base)
{
	*base = ring->base;
	if (ring->started) {
		/* A kick that lies there belongs to before, whatever becomes of the descriptor. */
		play_kicked(play, ring);
		if (!ring->broken)
			play_settle(play);
		*base = base_of(ring);
		play_ring_free(ring);
	}
	ring->started = false;
	ring->has_base = false;
}

static void give_up(struct play *play, struct play_ring *ring)
{
	ring->broken = true;
	if (play->close_broken)
		play_fail(play, "ring %u is broken: what is available cannot be taken",
			  ring->index);
}

/* ---- taking ---- */

static bool add_piece(struct play_chain *chain, struct play_piece piece)
{
	if (!chain->pieces || chain->count == chain->room) {
		uint32_t room = chain->room ? 2 * chain->room : 8;
		struct play_piece *more = realloc(chain->pieces, room * sizeof(*more));

		if (!more)
			return false;
		chain->pieces = more;
		chain->room = room;
	}
	chain->pieces[chain->count] = piece;
	chain->count++;
	return true;
}

bool play_piece(struct play *play, struct play_ring *ring, struct play_chain *chain, uint64_t addr,
		uint32_t len, bool write)
{
	const struct play_piece *last = chain->count ? &chain->pieces[chain->count - 1] : NULL;

	(void)ledger_judge(play->ledger, ring->packed ? SEEN_P_DRV_8 : SEEN_S_DRV_2,
			   write || !last || !last->write,
			   "ring %u, buffer %u: a readable element after a writable one",
			   ring->index, chain->id);
	/* Up to three pieces may have their reasons: headers, the end of a page. */
	if (last && last->write == write && last->addr + last->len == addr && last->len < 65536)
		chain->side_by_side++;
	if (!ring->packed)
		(void)ledger_judge(play->ledger, SEEN_S_DRV_3, chain->side_by_side < 3,
				   "ring %u, buffer %u: %u elements side by side", ring->index,
				   chain->id, chain->side_by_side + 1);
	*(write ? &chain->writable : &chain->readable) += len;
	chain->elements++;
	while (len) {
		uint64_t got = 0;
		uint8_t *host = play_guest(play, addr, len, &got);

		if (!ledger_judge(play->ledger, SEEN_MEM_3, host,
				  "ring %u, buffer %u: %u bytes at 0x%llx are in no region",
				  ring->index, chain->id, len, (unsigned long long)addr))
			return false;
		if (!add_piece(chain, (struct play_piece){ host, addr, (uint32_t)got, write }))
			return false;
		addr += got;
		len -= (uint32_t)got;
	}
	return true;
}

int play_ring_take(struct play *play, struct play_ring *ring)
{
	struct play_chain *chain;
	int got;

	if (ring->broken || ring->held_count == ring->size)
		return ring->broken ? -1 : 0;
	/* Most looks find nothing. */
	if (play_published(ring) == ring->avail_at)
		return 0;
	chain = chain_new(ring->size);
	if (!chain)
		return -1;
	got = ring->packed ? play_packed_take(play, ring, chain) :
			     play_split_take(play, ring, chain);
	if (got != 1) {
		play_chain_free(chain);
		if (got < 0)
			give_up(play, ring);
		return got;
	}
	ring->taken++;
	ring->busy_descriptors += chain->descriptors;
	(void)ledger_judge(play->ledger, ring->packed ? SEEN_P_FMT_25 : SEEN_S_FMT_2,
			   ring->busy_descriptors <= ring->size,
			   "ring %u of %u: %u descriptors outstanding", ring->index, ring->size,
			   ring->busy_descriptors);
	ring->held[ring->held_count++] = chain;
	play->last_progress = play_now();
	return 1;
}

void play_unchanged(struct play *play, struct play_ring *ring, const struct play_chain *chain)
{
	for (uint32_t i = 0; i < chain->descriptors; i++) {
		const uint8_t *now = ring->descriptors + 16 * (size_t)chain->slots[i];
		const uint8_t *then = chain->copy + 16 * (size_t)i;
		bool same = ring->scribbled[chain->slots[i]] || memcmp(now, then, 16) == 0;

		(void)ledger_judge(play->ledger, SEEN_DRV_18, same,
				   "ring %u: descriptor %u of a buffer that is outstanding went "
				   "from %016llx %016llx to %016llx %016llx",
				   ring->index, chain->slots[i], (unsigned long long)le64_at(then),
				   (unsigned long long)le64_at(then + 8),
				   (unsigned long long)le64_at(now),
				   (unsigned long long)le64_at(now + 8));
		(void)ledger_judge(play->ledger, ring->packed ? SEEN_P_DRV_2 : SEEN_S_DRV_24, same,
				   "ring %u: descriptor %u is not what it was when it was taken",
				   ring->index, chain->slots[i]);
	}
	if (chain->table)
		(void)ledger_judge(
			play->ledger, SEEN_DRV_18,
			memcmp(chain->table, chain->table_copy, chain->table_bytes) == 0,
			"ring %u: the indirect table of buffer %u, which is outstanding, "
			"changed",
			ring->index, chain->id);
}

/* ---- using ---- */

static void let_go(struct play_ring *ring, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct play_chain *chain = ring->held[i];

		ring->busy_descriptors -= chain->descriptors;
		if (ring->packed)
			ring->busy[chain->id] = false;
		for (uint32_t k = 0; !ring->packed && k < chain->descriptors; k++)
			ring->busy[chain->slots[k]] = false;
		play_chain_free(chain);
	}
	ring->held_count -= count;
	memmove(ring->held + first, ring->held + first + count,
		(ring->held_count - first) * sizeof(*ring->held));
	ring->completed += count;
}

static void use_one(struct play *play, struct play_ring *ring, const struct play_chain *chain)
{
	play_unchanged(play, ring, chain);
	if (!ring->packed) {
		play_split_use(ring, chain, 1);
		return;
	}
	play_packed_use(play, ring, ring->used, ring->used_wrap, chain);
	play_packed_pass(ring, chain->descriptors);
}

void play_use(struct play *play, struct play_ring *ring, uint32_t nth)
{
	use_one(play, ring, ring->held[nth]);
	if (!ring->packed)
		play_split_publish(ring);
	let_go(ring, nth, 1);
}

void play_use_run(struct play *play, struct play_ring *ring, uint32_t count)
{
	const struct play_chain *last = ring->held[count - 1];

	for (uint32_t i = 0; i < count; i++)
		play_unchanged(play, ring, ring->held[i]);
	if (ring->packed) {
		play_packed_use(play, ring, ring->used, ring->used_wrap, last);
		for (uint32_t i = 0; i < count; i++)
			play_packed_pass(ring, ring->held[i]->descriptors);
	} else {
		play_split_use(ring, last, count);
		play_split_publish(ring);
	}
	ring->batched += count - 1;
	ring->longest = count > ring->longest ? count : ring->longest;
	let_go(ring, 0, count);
}

void play_use_group(struct play *play, struct play_ring *ring, uint32_t count)
{
	const struct play_chain *first = ring->held[0];
	uint32_t slot = ring->used;
	bool wrap = ring->used_wrap;

	play_unchanged(play, ring, first);
	if (ring->packed)
		play_packed_pass(ring, first->descriptors);
	else
		play_split_use(ring, first, 1);
	for (uint32_t i = 1; i < count; i++)
		use_one(play, ring, ring->held[i]);
	/* The first packed descriptor comes last: whoever sees it sees all. */
	if (ring->packed)
		play_packed_use(play, ring, slot, wrap, first);
	else
		play_split_publish(ring);
	let_go(ring, 0, count);
}

/* ---- data ---- */

uint64_t play_gather(const struct play_chain *chain, uint64_t offset, void *to, uint64_t len)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < chain->count && done < len; i++) {
		const struct play_piece *piece = &chain->pieces[i];
		uint64_t part;

		if (piece->write)
			continue;
		if (offset >= piece->len) {
			offset -= piece->len;
			continue;
		}
		part = piece->len - offset < len - done ? piece->len - offset : len - done;
		memcpy((uint8_t *)to + done, piece->host + offset, part);
		done += part;
		offset = 0;
	}
	return done;
}

uint64_t play_scatter(struct play *play, const struct play_chain *chain, uint64_t offset,
		      const void *from, uint64_t len)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < chain->count && done < len; i++) {
		const struct play_piece *piece = &chain->pieces[i];
		uint64_t part;

		if (!piece->write)
			continue;
		if (offset >= piece->len) {
			offset -= piece->len;
			continue;
		}
		part = piece->len - offset < len - done ? piece->len - offset : len - done;
		memcpy(piece->host + offset, (const uint8_t *)from + done, part);
		play_dirty(play, piece->addr + offset, part);
		done += part;
		offset = 0;
	}
	return done;
}
