// SPDX-License-Identifier: BSD-3-Clause
/*
 * A split ring's record: an entry for each head, and a list through the entries of the last batch. If the
 * used index in the ring is ahead of the record's, the process died between showing a batch and
 * clearing it: the difference says how many entries of the list are that batch.
 */
#include <endian.h>
#include <errno.h>

#include "transport/vhost_user/inflight.h"
#include "transport/vhost_user/shared.h"

struct split_entry {
	uint8_t inflight;
	uint8_t padding[5];
	uint16_t next;
	uint64_t counter;
};

struct split_record {
	uint64_t features;
	uint16_t version;
	uint16_t desc_num;
	uint16_t last_batch_head;
	uint16_t used_idx;
	struct split_entry entries[];
};

_Static_assert(sizeof(struct split_entry) == VU_INFLIGHT_SPLIT_ENTRY &&
		       offsetof(struct split_entry, next) == 6 &&
		       offsetof(struct split_entry, counter) == 8,
	       "entry");
_Static_assert(offsetof(struct split_record, version) == 8 &&
		       offsetof(struct split_record, desc_num) == 10 &&
		       offsetof(struct split_record, last_batch_head) == 12 &&
		       offsetof(struct split_record, used_idx) == 14 &&
		       offsetof(struct split_record, entries) == VU_INFLIGHT_SPLIT_HEAD,
	       "header");

/* Behind the flags of the used ring (virtio 2.7.8). */
static uint16_t ring_used(const struct vu_inflight *f)
{
	const uint16_t *index = (const uint16_t *)f->ring.device.host + 1;

	return le16toh(__atomic_load_n(index, __ATOMIC_RELAXED));
}

void vri_inflight_split_begin(struct vu_inflight *f)
{
	struct split_record *r = f->memory;
	uint32_t i;

	/* First not valid, at the end valid: a kill meanwhile leaves fresh memory. */
	vu_st16(&r->version, 0);
	for (i = 0; i < f->size; i++)
		vu_st8(&r->entries[i].inflight, 0);
	f->used = ring_used(f);
	vu_st64(&r->features, 0);
	vu_st16(&r->desc_num, (uint16_t)f->size);
	vu_st16(&r->last_batch_head, 0);
	vu_st16(&r->used_idx, f->used);
	vu_st16(&r->version, 1);
}

/* The batch that was shown and not cleared. */
static int settle(struct vu_inflight *f, struct split_record *r, const char **why)
{
	const uint16_t used = ring_used(f);
	const uint16_t shown = (uint16_t)(used - vu_ld16(&r->used_idx));
	uint16_t head = vu_ld16(&r->last_batch_head);
	uint16_t i;

	*why = "the last batch is larger than the ring";
	if (shown > f->size)
		return -EINVAL;
	*why = "the last batch has a head beyond the ring";
	for (i = 0; i < shown; i++) {
		if (head >= f->size)
			return -EINVAL;
		vu_st8(&r->entries[head].inflight, 0);
		head = vu_ld16(&r->entries[head].next);
	}
	vu_st16(&r->used_idx, used);
	f->used = used;
	return 0;
}

int vri_inflight_split_recover(struct vu_inflight *f, uint32_t *base, uint32_t *popped,
			       const char **why)
{
	struct split_record *r = f->memory;
	const uint16_t version = vu_ld16(&r->version);
	uint32_t i;
	int ret;

	if (!version)
		return 0;
	*why = "unknown version";
	if (version != 1)
		return -EINVAL;
	*why = "it is for another queue size";
	if (vu_ld16(&r->desc_num) != f->size)
		return -EINVAL;
	ret = settle(f, r, why);
	if (ret)
		return ret;
	for (i = 0; i < f->size; i++) {
		if (!vu_ld8(&r->entries[i].inflight))
			continue;
		f->again[f->again_count++] = (struct vu_taken){
			.head = (uint16_t)i,
			.counter = vu_ld64(&r->entries[i].counter),
		};
	}
	*base = f->used;
	*popped = f->again_count;
	return 1;
}

struct vu_taken vri_inflight_split_take(struct vu_inflight *f, const struct vr_chain *chain)
{
	struct split_record *r = f->memory;

	vu_st64(&r->entries[chain->id].counter, f->counter++);
	vu_st8(&r->entries[chain->id].inflight, 1);
	return (struct vu_taken){ .head = chain->id };
}

void vri_inflight_split_put_back(struct vu_inflight *f, const struct vu_taken *taken)
{
	struct split_record *r = f->memory;

	vu_st8(&r->entries[taken->head].inflight, 0);
}

void vri_inflight_split_link(struct vu_inflight *f, const struct vu_taken *taken)
{
	struct split_record *r = f->memory;

	vu_st16(&r->entries[taken->head].next, f->last_batch);
	f->last_batch = taken->head;
	vu_st16(&r->last_batch_head, f->last_batch);
}

void vri_inflight_split_clear(struct vu_inflight *f, const struct vu_taken *taken)
{
	struct split_record *r = f->memory;

	vu_st8(&r->entries[taken->head].inflight, 0);
}

void vri_inflight_split_cleared(struct vu_inflight *f, uint32_t count)
{
	struct split_record *r = f->memory;

	f->used = (uint16_t)(f->used + count);
	vu_st16(&r->used_idx, f->used);
}
