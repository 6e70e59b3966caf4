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

/* ---- the dirty log ---- */

/*
 * What the device may write, as long as it is known where: who works on the buffer may change the
 * segments. All of it counts, as a request that failed may have written more than its length says.
 */
static void note_pieces(struct vu_record *r, struct vu_popped *p, const struct vr_chain *chain)
{
	const struct vr_iovec *segments = chain->segments + chain->readable;
	struct vu_piece *to = p->near;
	uint32_t i;

	if (chain->writable > VU_NEAR_PIECES) {
		p->far = calloc(chain->writable, sizeof(*p->far));
		to = p->far;
	}
	if (!to) {
		r->forgot = true;
		return;
	}
	for (i = 0; i < chain->writable; i++) {
		to[i].bytes = segments[i].len;
		if (!vri_dirty_addr(&r->dirty, segments[i].base, &to[i].addr))
			to[i].bytes = 0;
	}
	p->pieces = chain->writable;
}

/* The data is there; the driver does not know it yet. */
static void mark_pieces(struct vu_record *r, struct vu_popped *p)
{
	const struct vu_piece *pieces = p->far ? p->far : p->near;
	uint32_t i;

	for (i = 0; i < p->pieces; i++)
		vri_dirty_mark(&r->dirty, pieces[i].addr, pieces[i].bytes);
	free(p->far);
	p->far = NULL;
	p->pieces = 0;
}

static void stored(void *context, const struct vr_stored *ranges)
{
	const struct vu_record *r = context;
	uint32_t i;

	if (!r->logs_ring)
		return;
	for (i = 0; i < ranges->count; i++)
		vri_dirty_mark(&r->dirty,
			       r->ring_addr[ranges->range[i].area] + ranges->range[i].offset,
			       ranges->range[i].length);
}

/* ---- buffers ---- */

/* A buffer is in flight. Never more than the ring has descriptors. */
static void hold(struct vu_record *r, const struct vr_chain *chain, const struct vu_taken *taken)
{
	const uint16_t index = r->free[--r->free_count];
	struct vu_popped *p = &r->popped[index];

	p->handle = chain->handle;
	p->taken = *taken;
	p->pieces = 0;
	if (r->logs)
		note_pieces(r, p, chain);
	r->of_place[chain->handle & PLACE_MASK] = index;
	if (r->in_order)
		line_up(r, index);
}

static void let_go(struct vu_record *r, uint16_t index)
{
	free(r->popped[index].far);
	r->popped[index].far = NULL;
	r->free[r->free_count++] = index;
}

static void popped(void *context, const struct vr_chain *chains, unsigned int count)
{
	struct vu_record *r = context;
	struct vu_taken taken = { .head = 0 };
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (r->tracks)
			taken = vri_inflight_take(&r->inflight, &chains[i], r->slot);
		hold(r, &chains[i], &taken);
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
	let_go(r, index);
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

	for (i = 0; i < count && r->logs; i++)
		mark_pieces(r, &r->popped[*line_at(r, i)]);
	if (r->forgot)
		vri_dirty_mark_all(&r->dirty);
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
		let_go(r, index);
	}
	if (r->tracks)
		vri_inflight_cleared(&r->inflight, count);
	r->line_first = (r->line_first + count) % r->size;
	r->line_count -= count;
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
		hold(r, chain, taken);
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
	uint32_t i;

	for (i = 0; i < record->size && record->popped; i++)
		free(record->popped[i].far);
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

bool vri_record_again(const struct vu_record *record)
{
	return record->tracks && record->next_again < record->inflight.again_count;
}

bool vri_record_in_flight(const struct vu_record *record)
{
	return vri_record_again(record) || (record->tracks && record->free_count < record->size);
}
