// SPDX-License-Identifier: BSD-3-Clause
/*
 * A packed ring's record. Used entries overwrite descriptors, so the record has copies of them, in
 * entries that are taken from a free list; the first entry of a buffer stands for it.
 *
 * Taking and using move the free list's head and the used position ahead of their "old" twins, which
 * follow when all is done. Who finds them apart looks at the ring: was the used entry at the old
 * position shown, the new values count, else the old ones. Each pair of twins lies in one word, so
 * that no kill leaves half of it.
 */
#include <endian.h>
#include <errno.h>

#include "transport/vhost_user/inflight.h"
#include "transport/vhost_user/shared.h"

struct packed_entry {
	uint8_t inflight;
	uint8_t padding;
	uint16_t next;
	uint16_t last;
	uint16_t num;
	uint64_t counter;
	uint16_t id;
	uint16_t flags;
	uint32_t len;
	uint64_t addr;
};

struct free_list {
	uint16_t version;
	uint16_t desc_num;
	uint16_t head;
	uint16_t old_head;
};

struct used_place {
	uint16_t idx;
	uint16_t old_idx;
	uint8_t wrap;
	uint8_t old_wrap;
	uint16_t padding;
};

/* Words that are stored whole. */
union free_word {
	struct free_list list;
	uint64_t word;
};

union used_word {
	struct used_place place;
	uint64_t word;
};

struct packed_record {
	uint64_t features;
	union free_word free;
	union used_word used;
	uint64_t padding;
	struct packed_entry entries[];
};

_Static_assert(sizeof(struct packed_entry) == VU_INFLIGHT_PACKED_ENTRY &&
		       offsetof(struct packed_entry, next) == 2 &&
		       offsetof(struct packed_entry, last) == 4 &&
		       offsetof(struct packed_entry, num) == 6 &&
		       offsetof(struct packed_entry, counter) == 8 &&
		       offsetof(struct packed_entry, id) == 16 &&
		       offsetof(struct packed_entry, flags) == 18 &&
		       offsetof(struct packed_entry, len) == 20 &&
		       offsetof(struct packed_entry, addr) == 24,
	       "entry");
_Static_assert(offsetof(struct packed_record, free) == 8 && offsetof(struct free_list, head) == 4 &&
		       offsetof(struct free_list, old_head) == 6 &&
		       offsetof(struct packed_record, used) == 16 &&
		       offsetof(struct used_place, old_idx) == 2 &&
		       offsetof(struct used_place, wrap) == 4 &&
		       offsetof(struct used_place, old_wrap) == 5 &&
		       offsetof(struct packed_record, entries) == VU_INFLIGHT_PACKED_HEAD,
	       "header");

#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define DESC_INDIRECT 4u
#define DESC_USED 0x8000u

/* A descriptor of the ring (virtio 2.8.13), little endian. */
struct ring_desc {
	uint64_t addr;
	uint64_t rest; /* length, id, flags */
};

static const struct ring_desc *ring_desc(const struct vu_inflight *f, uint32_t slot)
{
	return (const struct ring_desc *)f->ring.descriptors.host + slot;
}

static struct vr_descriptor copy_desc(const struct vu_inflight *f, uint32_t slot)
{
	const struct ring_desc *desc = ring_desc(f, slot);
	const uint64_t rest = le64toh(__atomic_load_n(&desc->rest, __ATOMIC_RELAXED));

	return (struct vr_descriptor){
		.addr = le64toh(__atomic_load_n(&desc->addr, __ATOMIC_RELAXED)),
		.len = (uint32_t)rest,
		.id = (uint16_t)(rest >> 32),
		.flags = (uint16_t)(rest >> 48),
	};
}

/* The free list's head and its old twin, in one store. */
static void store_free(struct vu_inflight *f)
{
	struct packed_record *r = f->memory;
	const union free_word word = { .list = { .version = 1,
						 .desc_num = (uint16_t)f->size,
						 .head = f->free_head,
						 .old_head = f->old_free_head } };

	vu_st64(&r->free.word, word.word);
}

/* The used position and its old twin, in one store. */
static void store_used(struct vu_inflight *f)
{
	struct packed_record *r = f->memory;
	const union used_word word = { .place = { .idx = f->used,
						  .wrap = f->wrap,
						  .old_idx = f->old_used,
						  .old_wrap = f->old_wrap } };

	vu_st64(&r->used.word, word.word);
}

/* What the twins are when nothing is half done. */
static void level(struct vu_inflight *f)
{
	f->old_free_head = f->free_head;
	f->old_used = f->used;
	f->old_wrap = f->wrap;
}

void vri_inflight_packed_begin(struct vu_inflight *f)
{
	struct packed_record *r = f->memory;
	uint32_t i;

	/* First not valid, at the end valid: a kill meanwhile leaves fresh memory. */
	vu_st64(&r->free.word, 0);
	for (i = 0; i < f->size; i++) {
		f->next[i] = (uint16_t)(i + 1);
		vu_st8(&r->entries[i].inflight, 0);
		vu_st16(&r->entries[i].next, f->next[i]);
	}
	f->free_head = 0;
	level(f);
	vu_st64(&r->features, 0);
	store_used(f);
	store_free(f);
}

/* ---- recovery ---- */

static bool header_valid(const struct vu_inflight *f, const struct free_list *list,
			 const struct used_place *used, const char **why)
{
	*why = "unknown version";
	if (list->version != 1)
		return false;
	*why = "it is for another queue size";
	if (list->desc_num != f->size)
		return false;
	*why = "a position is beyond the ring";
	return used->idx < f->size && used->old_idx < f->size && used->wrap <= 1 &&
	       used->old_wrap <= 1 && list->head <= f->size && list->old_head <= f->size;
}

/*
 * Was the entry at the old used position shown? Its used bit says so even if the driver has made the
 * slot available again since: only the other bit changes then.
 */
static bool was_shown(const struct vu_inflight *f, const struct used_place *used)
{
	const struct vr_descriptor desc = copy_desc(f, used->old_idx);

	return !!(desc.flags & DESC_USED) == used->old_wrap;
}

/* Makes twins the same again: what was shown is done, what was not never began. */
static void settle(struct vu_inflight *f, const struct free_list *list,
		   const struct used_place *used)
{
	const bool apart = used->idx != used->old_idx || used->wrap != used->old_wrap;

	if (apart && was_shown(f, used)) {
		f->free_head = list->head;
		f->used = used->idx;
		f->wrap = used->wrap;
	} else {
		f->free_head = list->old_head;
		f->used = used->old_idx;
		f->wrap = used->old_wrap;
	}
	level(f);
	store_free(f);
}

/* Of an entry that no list has led to yet. */
#define NOT_SEEN UINT16_MAX

/* Copies an entry's link; false when the entry was seen before. */
static bool follow(struct vu_inflight *f, const struct packed_record *r, uint32_t at)
{
	const uint16_t next = vu_ld16(&r->entries[at].next);

	if (f->next[at] != NOT_SEEN)
		return false;
	f->next[at] = next < f->size ? next : (uint16_t)f->size;
	return true;
}

/* Copies the free list; what is there is in flight no more. Counts it, up to a circle. */
static uint32_t walk_free(struct vu_inflight *f, struct packed_record *r)
{
	uint32_t count, at = f->free_head;

	for (count = 0; at < f->size && follow(f, r, at); count++) {
		vu_st8(&r->entries[at].inflight, 0);
		at = f->next[at];
	}
	return at < f->size ? f->size + 1 : count;
}

/* Copies a buffer's descriptors; @room is what @f->saved has left. Returns how many, or 0. */
static uint32_t copy_saved(struct vu_inflight *f, const struct packed_record *r,
			   struct vu_taken *taken, uint32_t room)
{
	const uint32_t num = vu_ld16(&r->entries[taken->head].num);
	struct vr_descriptor *to = f->saved + taken->saved;
	uint32_t at = taken->head, i;

	if (!num || num > room)
		return 0;
	for (i = 0; i < num; i++) {
		const struct packed_entry *entry = &r->entries[at];

		if (!follow(f, r, at))
			return 0;
		to[i] = (struct vr_descriptor){
			.addr = vu_ld64(&entry->addr),
			.len = vu_ld32(&entry->len),
			.id = vu_ld16(&entry->id),
			.flags = vu_ld16(&entry->flags) & (DESC_NEXT | DESC_WRITE | DESC_INDIRECT),
		};
		taken->last = (uint16_t)at;
		at = f->next[at];
		if (at == f->size && i + 1 < num)
			return 0;
	}
	taken->count = (uint16_t)num;
	return num;
}

int vri_inflight_packed_recover(struct vu_inflight *f, uint32_t *base, uint32_t *popped,
				const char **why)
{
	struct packed_record *r = f->memory;
	const union free_word list = { .word = vu_ld64(&r->free.word) };
	const union used_word used = { .word = vu_ld64(&r->used.word) };
	uint32_t descriptors = 0, spare, i, position;

	if (!list.list.version)
		return 0;
	if (!header_valid(f, &list.list, &used.place, why))
		return -EINVAL;
	for (i = 0; i < f->size; i++)
		f->next[i] = NOT_SEEN;
	settle(f, &list.list, &used.place);
	spare = walk_free(f, r);
	store_used(f);
	*why = "a buffer in flight has descriptors that cannot be its";
	for (i = 0; i < f->size; i++) {
		struct vu_taken taken = { .head = (uint16_t)i, .saved = (uint16_t)descriptors };
		uint32_t count;

		if (!vu_ld8(&r->entries[i].inflight))
			continue;
		count = copy_saved(f, r, &taken, f->size - descriptors);
		if (!count)
			return -EINVAL;
		descriptors += count;
		taken.counter = vu_ld64(&r->entries[i].counter);
		f->again[f->again_count++] = taken;
	}
	*why = "free and used entries are not those of the ring";
	if (spare + descriptors != f->size)
		return -EINVAL;
	position = f->used | (f->wrap ? 0x8000u : 0);
	*base = position | position << 16;
	*popped = descriptors;
	return 1;
}

/* ---- while the queue runs ---- */

static void store_desc(struct packed_entry *entry, const struct vr_descriptor *desc)
{
	vu_st64(&entry->addr, desc->addr);
	vu_st32(&entry->len, desc->len);
	vu_st16(&entry->flags, desc->flags);
	vu_st16(&entry->id, desc->id);
}

struct vu_taken vri_inflight_packed_take(struct vu_inflight *f, const struct vr_chain *chain,
					 uint32_t slot)
{
	struct vu_taken taken = { .head = f->free_head, .count = chain->descriptors };
	struct packed_record *r = f->memory;
	struct packed_entry *head = &r->entries[taken.head];
	uint32_t i;

	vu_st16(&head->num, 0);
	vu_st64(&head->counter, f->counter++);
	vu_st8(&head->inflight, 1);
	/* Not more than the ring has: what is in flight never takes more descriptors than that. */
	for (i = 0; i < chain->descriptors; i++) {
		const struct vr_descriptor desc = copy_desc(f, slot);

		taken.last = f->free_head;
		store_desc(&r->entries[taken.last], &desc);
		vu_st16(&head->num, (uint16_t)(i + 1));
		f->free_head = f->next[taken.last];
		slot = slot + 1 == f->size ? 0 : slot + 1;
	}
	vu_st16(&head->last, taken.last);
	/* Both twins at once: until here the entries are in the free list. */
	level(f);
	store_free(f);
	return taken;
}

/* To the front of the free list, though not yet for who comes after a kill. */
static void give_back(struct vu_inflight *f, const struct vu_taken *taken)
{
	struct packed_record *r = f->memory;

	f->next[taken->last] = f->free_head;
	vu_st16(&r->entries[taken->last].next, f->free_head);
	f->free_head = taken->head;
}

void vri_inflight_packed_put_back(struct vu_inflight *f, const struct vu_taken *taken)
{
	give_back(f, taken);
	level(f);
	store_free(f);
	vri_inflight_packed_clear(f, taken);
}

void vri_inflight_packed_link(struct vu_inflight *f, const struct vu_taken *taken)
{
	give_back(f, taken);
	f->used = (uint16_t)(f->used + taken->count);
	if (f->used >= f->size) {
		f->used = (uint16_t)(f->used - f->size);
		f->wrap = !f->wrap;
	}
}

void vri_inflight_packed_linked(struct vu_inflight *f)
{
	store_free(f);
	store_used(f);
}

void vri_inflight_packed_clear(struct vu_inflight *f, const struct vu_taken *taken)
{
	struct packed_record *r = f->memory;

	vu_st8(&r->entries[taken->head].inflight, 0);
}

void vri_inflight_packed_cleared(struct vu_inflight *f)
{
	level(f);
	store_free(f);
	store_used(f);
}
