// SPDX-License-Identifier: BSD-3-Clause
/* Records of buffers in flight: what both layouts share. */
#include <errno.h>
#include <stdlib.h>

#include "transport/vhost_user/inflight.h"

size_t vri_inflight_bytes(bool packed, uint32_t size)
{
	const size_t head = packed ? VU_INFLIGHT_PACKED_HEAD : VU_INFLIGHT_SPLIT_HEAD;
	const size_t entry = packed ? VU_INFLIGHT_PACKED_ENTRY : VU_INFLIGHT_SPLIT_ENTRY;

	return (head + size * entry + 63) / 64 * 64;
}

void vri_inflight_free(struct vu_inflight *f)
{
	free(f->next);
	free(f->again);
	free(f->saved);
	f->next = NULL;
	f->again = NULL;
	f->saved = NULL;
	f->again_count = 0;
}

static int prepare(struct vu_inflight *f, bool packed, uint32_t size, void *memory,
		   const struct vr_ring *ring)
{
	*f = (struct vu_inflight){
		.packed = packed,
		.size = size,
		.memory = memory,
		.ring = *ring,
	};
	if (!packed)
		return 0;
	f->next = calloc(size, sizeof(*f->next));
	return f->next ? 0 : -ENOMEM;
}

int vri_inflight_begin(struct vu_inflight *f, bool packed, uint32_t size, void *memory,
		       const struct vr_ring *ring, uint32_t base)
{
	const int ret = prepare(f, packed, size, memory, ring);

	if (ret)
		return ret;
	if (packed) {
		/* The used half: the other one is the same while nothing is in flight. */
		f->used = (uint16_t)(base >> 16 & 0x7fff);
		f->wrap = base >> 31;
		vri_inflight_packed_begin(f);
	} else {
		vri_inflight_split_begin(f);
	}
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct vu_taken *one = a, *other = b;

	/* Counters may be anything, also the same; heads are not. */
	if (one->counter != other->counter)
		return one->counter < other->counter ? -1 : 1;
	return one->head - other->head;
}

int vri_inflight_recover(struct vu_inflight *f, bool packed, uint32_t size, void *memory,
			 const struct vr_ring *ring, uint32_t *base, uint32_t *popped,
			 const char **why)
{
	int ret = prepare(f, packed, size, memory, ring);

	if (ret)
		return ret;
	f->again = calloc(size, sizeof(*f->again));
	if (packed)
		f->saved = calloc(size, sizeof(*f->saved));
	if (!f->again || (packed && !f->saved))
		ret = -ENOMEM;
	else
		ret = packed ? vri_inflight_packed_recover(f, base, popped, why) :
			       vri_inflight_split_recover(f, base, popped, why);
	if (ret <= 0) {
		vri_inflight_free(f);
		return ret;
	}
	qsort(f->again, f->again_count, sizeof(*f->again), by_age);
	if (f->again_count)
		f->counter = f->again[f->again_count - 1].counter + 1;
	return 1;
}

struct vu_taken vri_inflight_take(struct vu_inflight *f, const struct vr_chain *chain,
				  uint32_t slot)
{
	return f->packed ? vri_inflight_packed_take(f, chain, slot) :
			   vri_inflight_split_take(f, chain);
}

void vri_inflight_put_back(struct vu_inflight *f, const struct vu_taken *taken)
{
	if (f->packed)
		vri_inflight_packed_put_back(f, taken);
	else
		vri_inflight_split_put_back(f, taken);
}

void vri_inflight_link(struct vu_inflight *f, const struct vu_taken *taken)
{
	if (f->packed)
		vri_inflight_packed_link(f, taken);
	else
		vri_inflight_split_link(f, taken);
}

void vri_inflight_linked(struct vu_inflight *f)
{
	if (f->packed)
		vri_inflight_packed_linked(f);
}

void vri_inflight_clear(struct vu_inflight *f, const struct vu_taken *taken)
{
	if (f->packed)
		vri_inflight_packed_clear(f, taken);
	else
		vri_inflight_split_clear(f, taken);
}

void vri_inflight_cleared(struct vu_inflight *f, uint32_t count)
{
	if (f->packed)
		vri_inflight_packed_cleared(f);
	else
		vri_inflight_split_cleared(f, count);
}
