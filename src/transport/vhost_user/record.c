// SPDX-License-Identifier: BSD-3-Clause
/* What a started ring writes down. */
#include <errno.h>
#include <stdlib.h>

#include "transport/vhost_user/record.h"

/* The low half of a handle: below the queue size, and no other open buffer's. */
#define PLACE_MASK 0xffffu

static uint16_t *line_at(struct vu_record *r, uint32_t i)
{
	const uint32_t at = r->line_first + i;

	return &r->line[at < r->size ? at : at - r->size];
}

static void line_up(struct vu_record *r, uint16_t index)
{
	*line_at(r, r->line_count++) = index;
}

/* A buffer is in flight. Never more than the ring has descriptors. */
static void hold(struct vu_record *r, uint64_t handle, const struct vu_taken *taken)
{
	const uint16_t index = r->free[--r->free_count];

	r->popped[index] = (struct vu_popped){ .handle = handle, .taken = *taken };
	r->of_place[handle & PLACE_MASK] = index;
	if (r->in_order)
		line_up(r, index);
}

static void popped(void *context, const struct vr_chain *chains, unsigned int count)
{
	struct vu_record *r = context;
	struct vu_taken taken = { .head = 0 };
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (r->tracks)
			taken = vri_inflight_take(&r->inflight, &chains[i], r->slot);
		hold(r, chains[i].handle, &taken);
		r->slot = (r->slot + chains[i].descriptors) % r->size;
	}
}

static void unpopped(void *context, uint64_t handle)
{
	struct vu_record *r = context;
	const uint16_t index = r->of_place[handle & PLACE_MASK];
	const struct vu_popped *p = &r->popped[index];

	if (r->tracks) {
		vri_inflight_put_back(&r->inflight, &p->taken);
		r->slot = (r->slot + r->size - p->taken.count) % r->size;
	}
	if (r->in_order)
		r->line_count--;
	r->free[r->free_count++] = index;
}

static void completed(void *context, uint64_t handle)
{
	struct vu_record *r = context;

	if (!r->in_order)
		line_up(r, r->of_place[handle & PLACE_MASK]);
}

static void publishing(void *context, unsigned int count)
{
	struct vu_record *r = context;
	unsigned int i;

	if (!r->tracks)
		return;
	for (i = 0; i < count; i++)
		vri_inflight_link(&r->inflight, &r->popped[*line_at(r, i)].taken);
	vri_inflight_linked(&r->inflight);
}

static void published(void *context, unsigned int count)
{
	struct vu_record *r = context;
	unsigned int i;

	for (i = 0; i < count; i++) {
		const uint16_t index = *line_at(r, i);

		if (r->tracks)
			vri_inflight_clear(&r->inflight, &r->popped[index].taken);
		r->free[r->free_count++] = index;
	}
	if (r->tracks)
		vri_inflight_cleared(&r->inflight, count);
	r->line_first = (r->line_first + count) % r->size;
	r->line_count -= count;
}

static void stored(void *context, const struct vr_stored *ranges)
{
	(void)context;
	(void)ranges;
}

static int again(void *context, struct vr_device *device, struct vr_chain *chain,
		 struct vr_iovec *segments, unsigned int segment_count)
{
	struct vu_record *r = context;
	const struct vu_taken *taken = &r->inflight.again[r->next_again];
	int ret;

	if (r->inflight.packed)
		ret = vr_device_resubmit_packed(device, r->inflight.saved + taken->saved,
						taken->count, chain, segments, segment_count);
	else
		ret = vr_device_resubmit_split(device, taken->head, chain, segments, segment_count);
	if (ret == 1) {
		hold(r, chain->handle, taken);
		r->next_again++;
	}
	return ret;
}

int vri_record_create(struct vu_record *record, uint64_t features, uint32_t size)
{
	uint32_t i;

	*record = (struct vu_record){
		.observer = {
			.popped = popped,
			.unpopped = unpopped,
			.completed = completed,
			.publishing = publishing,
			.published = published,
			.stored = stored,
			.again = again,
			.context = record,
		},
		.in_order = features & VR_F_IN_ORDER,
		.size = size,
		.popped = calloc(size, sizeof(*record->popped)),
		.free = calloc(size, sizeof(*record->free)),
		.of_place = calloc(size, sizeof(*record->of_place)),
		.line = calloc(size, sizeof(*record->line)),
	};
	if (!record->popped || !record->free || !record->of_place || !record->line) {
		vri_record_free(record);
		return -ENOMEM;
	}
	for (i = 0; i < size; i++)
		record->free[i] = (uint16_t)i;
	record->free_count = size;
	return 0;
}

void vri_record_free(struct vu_record *record)
{
	free(record->popped);
	free(record->free);
	free(record->of_place);
	free(record->line);
	if (record->tracks)
		vri_inflight_free(&record->inflight);
	*record = (struct vu_record){ .size = 0 };
}

void vri_record_at(struct vu_record *record, uint32_t base, uint32_t taken)
{
	record->slot = ((base & 0x7fff) + taken) % record->size;
}

bool vri_record_in_flight(const struct vu_record *record)
{
	return record->tracks && (record->free_count < record->size ||
				  record->next_again < record->inflight.again_count);
}
