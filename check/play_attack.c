// SPDX-License-Identifier: BSD-3-Clause
/* What the played device does against the rules, once in a session. */
#include "play_inner.h"

/* At most so long are buffers held back until there are enough of them. */
#define COLLECT_MS 300

/* A used element (split), or descriptor (packed), as it is asked for, and the device moves on. */
static void claim(struct play_ring *ring, uint32_t id, uint32_t len, uint32_t buffers,
		  uint32_t descriptors)
{
	uint8_t *slot = ring->device + 4 + 8 * (size_t)(ring->used & (ring->size - 1));

	if (ring->packed) {
		play_packed_write(ring, ring->used, ring->used_wrap, (uint16_t)id, len,
				  len ? 2 : 0);
		play_packed_pass(ring, descriptors);
		return;
	}
	share32(slot, id);
	share32(slot + 4, len);
	ring->used = (uint16_t)(ring->used + buffers);
	ring->used_at += buffers;
	play_split_publish(ring);
}

static bool claim_first(struct play_ring *ring, uint32_t id, uint32_t len)
{
	claim(ring, id, len, 1, ring->held[0]->descriptors);
	return true;
}

static bool id_size(struct play *play, struct play_ring *ring)
{
	(void)play;
	return claim_first(ring, ring->size, ring->held[0]->len);
}

static bool id_ones(struct play *play, struct play_ring *ring)
{
	(void)play;
	return claim_first(ring, UINT32_MAX, ring->held[0]->len);
}

static bool id_half(struct play *play, struct play_ring *ring)
{
	(void)play;
	return claim_first(ring, 0x10000u | ring->held[0]->id, ring->held[0]->len);
}

/* A descriptor in the middle of an outstanding chain. */
static bool id_middle(struct play *play, struct play_ring *ring)
{
	(void)play;
	for (uint32_t i = 0; i < ring->held_count; i++)
		if (ring->held[i]->descriptors > 1)
			return claim_first(ring, ring->held[i]->slots[1], ring->held[0]->len);
	return false;
}

/* In range, but nobody's. */
static bool id_nobody(struct play *play, struct play_ring *ring)
{
	(void)play;
	for (uint32_t id = ring->size; id-- > 0;)
		if (!ring->busy[id])
			return claim_first(ring, id, ring->held[0]->len);
	return false;
}

static bool id_twice(struct play *play, struct play_ring *ring)
{
	uint32_t id = ring->held[0]->id;
	uint32_t len = ring->held[0]->len;

	play_use(play, ring, 0);
	return claim_first(ring, id, len);
}

/* In order: the one that was completed last, instead of the one that is due. */
static bool id_old(struct play *play, struct play_ring *ring)
{
	uint32_t id = ring->held[0]->id;
	uint32_t len = ring->held[0]->len;

	play_use(play, ring, 0);
	claim(ring, id, len, 2, ring->held[0]->descriptors + ring->held[1]->descriptors);
	return true;
}

/* A run that ends at the third buffer, and an index that moves by one. */
static bool run_too_long(struct play *play, struct play_ring *ring)
{
	uint8_t bytes[64];

	/* The two that the index does not cover are still the device's, and hold nothing yet. */
	memset(bytes, 0x5a, sizeof(bytes));
	for (uint32_t i = 1; i < 3; i++)
		for (uint64_t at = 0; at < ring->held[i]->writable; at += sizeof(bytes))
			(void)play_scatter(play, ring->held[i], at, bytes, sizeof(bytes));
	claim(ring, ring->held[2]->id, ring->held[2]->len, 1, 1);
	/* Whoever believes the id is now ahead of the index; nothing that follows shall tell it so. */
	ring->broken = true;
	return true;
}

/* A run that ends at the first buffer, and an index that moves by three. */
static bool run_too_short(struct play *play, struct play_ring *ring)
{
	(void)play;
	claim(ring, ring->held[0]->id, ring->held[0]->len, 3, 1);
	return true;
}

static bool jump_100(struct play *play, struct play_ring *ring)
{
	(void)play;
	claim(ring, ring->held[ring->held_count - 1]->id, 0, 100 + ring->held_count, 1);
	return true;
}

static bool jump_back(struct play *play, struct play_ring *ring)
{
	(void)play;
	/* By more than the driver can be behind: else that could be where it is. */
	claim(ring, ring->held[0]->id, 0, UINT16_MAX - ring->size, 1);
	return true;
}

static bool jump_half(struct play *play, struct play_ring *ring)
{
	(void)play;
	claim(ring, ring->held[0]->id, 0, 0x8000, 1);
	return true;
}

static bool len_over(struct play *play, struct play_ring *ring)
{
	(void)play;
	return claim_first(ring, ring->held[0]->id, (uint32_t)ring->held[0]->writable + 1);
}

static bool len_ones(struct play *play, struct play_ring *ring)
{
	(void)play;
	return claim_first(ring, ring->held[0]->id, UINT32_MAX);
}

static bool len_nothing(struct play *play, struct play_ring *ring)
{
	(void)play;
	return claim_first(ring, ring->held[0]->id, 0);
}

/* A length beside flags which say that nothing was written: it is none. */
static bool len_without_write(struct play *play, struct play_ring *ring)
{
	if (!ring->held[0]->len)
		return false;
	play->policy.hide_write = true;
	play_use(play, ring, 0);
	play->policy.hide_write = false;
	return true;
}

/* Bits that are reserved, in the words that a driver looks at before it kicks. */
static bool event_words(struct play *play, struct play_ring *ring)
{
	(void)play;
	if (ring->packed) {
		share16(ring->device, 0x7fff);
		share16(ring->device + 2, 0xffff);
	} else {
		share16(ring->device, 0xfffe);
		share16(ring->device + 4 + 8 * (size_t)ring->size, 0x7fff);
	}
	play_use(play, ring, 0);
	play_call_now(ring);
	return true;
}

/* A used descriptor of the lap before: nobody may take it for one of this lap. */
static bool wrap_wrong(struct play *play, struct play_ring *ring)
{
	(void)play;
	play_packed_write(ring, ring->used, !ring->used_wrap, ring->held[0]->id, 0, 0);
	return true;
}

const struct attack attacks[] = {
	{ "used-id-is-size", "S-FMT-007", "a used id equal to the queue size", CHECK_FORMS, 1,
	  false, NOTICE_HALF, id_size },
	{ "used-id-all-ones", "S-FMT-007", "a used id of ones only", CHECK_FORMS, 1, false,
	  NOTICE_HALF, id_ones },
	{ "used-id-upper-half", "S-FMT-007", "a used id with something in the upper half",
	  CHECK_ANY_SPLIT, 1, false, NOTICE_HALF, id_half },
	{ "used-id-middle", "S-FMT-007", "the id of a descriptor in the middle of a chain",
	  CHECK_ANY_SPLIT, 1, false, NOTICE_HALF, id_middle },
	{ "used-id-nobody", "S-FMT-007", "the id of a buffer that is not outstanding", CHECK_SPLIT,
	  1, false, NOTICE_HALF, id_nobody },
	{ "used-id-nobody-packed", "P-FMT-026", "the id of a buffer that is not outstanding",
	  CHECK_PACKED, 1, false, NOTICE_HALF, id_nobody },
	{ "used-id-nobody-in-order", "IO-DRV-007", "the id of a buffer that is not outstanding",
	  CHECK_ANY_IN_ORDER, 1, false, NOTICE_HALF, id_nobody },
	{ "used-twice", "S-FMT-007", "the same buffer used twice", CHECK_SPLIT, 2, false,
	  NOTICE_HALF, id_twice },
	{ "used-twice-packed", "P-FMT-026", "the same buffer used twice", CHECK_PACKED, 2, false,
	  NOTICE_HALF, id_twice },
	{ "used-twice-in-order", "IO-DRV-007", "the same buffer used twice", CHECK_ANY_IN_ORDER, 2,
	  false, NOTICE_HALF, id_twice },
	{ "run-ends-at-old-id", "IO-DRV-007", "a run of two that ends at a buffer used before",
	  CHECK_ANY_IN_ORDER, 3, false, NOTICE_HALF, id_old },
	{ "run-beyond-index", "IO-DRV-007", "used.idx moves by 1, with the id three buffers on",
	  CHECK_SPLIT_IN_ORDER, 3, false, NOTICE_HALF, run_too_long },
	{ "run-short-of-index", "IO-DRV-007", "used.idx moves by 3, with the first buffer's id",
	  CHECK_SPLIT_IN_ORDER, 3, false, NOTICE_HALF, run_too_short },
	{ "index-jumps", "S-FMT-006", "used.idx moves by 100 more than is outstanding", CHECK_SPLIT,
	  3, false, NOTICE_HALF, jump_100 },
	{ "index-jumps-in-order", "IO-DRV-007", "used.idx moves by 100 more than is outstanding",
	  CHECK_SPLIT_IN_ORDER, 3, false, NOTICE_HALF, jump_100 },
	{ "index-moves-back", "S-FMT-006", "used.idx moves backwards", CHECK_ANY_SPLIT, 1, false,
	  NOTICE_HALF, jump_back },
	{ "index-half-way", "S-FMT-006", "used.idx moves by 32768", CHECK_ANY_SPLIT, 1, false,
	  NOTICE_HALF, jump_half },
	{ "length-above-capacity", "S-DEV-015", "a used length above what is writable",
	  CHECK_ANY_SPLIT, 1, true, NOTICE_NONE, len_over },
	{ "length-above-capacity-packed", "P-FMT-012", "a used length above what is writable",
	  CHECK_ANY_PACKED, 1, true, NOTICE_NONE, len_over },
	{ "length-all-ones", "S-DEV-015", "a used length of 2^32 - 1", CHECK_ANY_SPLIT, 1, true,
	  NOTICE_NONE, len_ones },
	{ "length-all-ones-packed", "P-FMT-012", "a used length of 2^32 - 1", CHECK_ANY_PACKED, 1,
	  true, NOTICE_NONE, len_ones },
	{ "length-nothing", "S-DRV-015", "a used length of 0", CHECK_FORMS, 1, true, NOTICE_NONE,
	  len_nothing },
	{ "length-without-write", "P-FMT-013",
	  "a used length beside flags that say that nothing was written", CHECK_ANY_PACKED, 1, true,
	  NOTICE_USER, len_without_write },
	{ "event-words-reserved", "S-DEV-017", "reserved bits in used.flags and avail_event",
	  CHECK_ANY_SPLIT, 1, false, NOTICE_NONE, event_words },
	{ "event-words-reserved-packed", "P-FMT-018", "a reserved mode in the device's event words",
	  CHECK_ANY_PACKED, 1, false, NOTICE_NONE, event_words },
	{ "wrap-of-the-lap-before", "P-FMT-023",
	  "a descriptor with the wrap bits of the lap before", CHECK_ANY_PACKED, 1, false,
	  NOTICE_NONE, wrap_wrong },
};

const uint32_t attack_count = sizeof(attacks) / sizeof(attacks[0]);

static bool aims_at(const struct play *play, const struct play_ring *ring)
{
	uint32_t index = play->type == PLAY_NET && !play->policy.attack->receive ? 1 : 0;

	return play->policy.attack && !play->attacked && !play->attack_failed &&
	       ring->index == index && ring->completed >= play->policy.attack_after;
}

static uint32_t done_first(const struct play_ring *ring)
{
	uint32_t count = 0;

	while (count < ring->held_count && ring->held[count]->done)
		count++;
	return count;
}

bool play_attack_waits(struct play *play, const struct play_ring *ring)
{
	return play->policy.attack && aims_at(play, ring);
}

bool play_attack(struct play *play, struct play_ring *ring)
{
	if (!play->policy.attack || !aims_at(play, ring))
		return false;
	if (play->attack_since == 0)
		play->attack_since = play_now();
	if (done_first(ring) < play->policy.attack->needs) {
		play->attack_failed = play_now() - play->attack_since > COLLECT_MS;
		return false;
	}
	if (!play->policy.attack->run(play, ring)) {
		play->attack_failed = play_now() - play->attack_since > COLLECT_MS;
		return false;
	}
	play->attacked = true;
	play_call_now(ring);
	return true;
}
