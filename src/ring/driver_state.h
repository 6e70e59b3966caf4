/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Private state of a driver half, and what its four forms share.
 *
 * Nothing in here is ever read back from ring memory. Buffers are counted from the first one ever
 * added (split: from the base index), so that cursors only grow and differences are what is
 * staged (added - published) and outstanding (added - handed).
 */
#ifndef VR_RING_DRIVER_STATE_H
#define VR_RING_DRIVER_STATE_H

#include "form.h"

#include <virtring/driver.h>

/*
 * A buffer that was added is remembered as what vr_driver_get() will say of it, so that handing it out
 * is a copy. Its len is its writable capacity meanwhile. Plain forms find it by id: descriptors is 0
 * when it is not outstanding, the cookie is the low half of the count of buffers added before it.
 * In-order forms find it by age: the cookie is its first descriptor, and where the next buffer
 * starts says how many it has.
 */
#define VR_COOKIE_UNKNOWN UINT32_MAX

/* What the descriptor table holds, as far as this side has written it. */
struct vr_shadow {
	uint64_t addr;
	uint64_t rest;
};

/* No descriptor ever looks like this: all flags set. */
#define VR_SHADOW_UNKNOWN UINT64_MAX

struct vr_kept {
	uint64_t addr;
	uint32_t len;
	uint32_t next;
};

struct vr_driver {
	struct vr_halt halt;

	/* fixed by the configuration */
	enum vr_form form;
	bool event_idx;
	bool platform;
	bool strict;
	bool keep;
	uint32_t size;
	uint32_t max_size;
	uint32_t max_segments;
	uint32_t configured_segments;
	uint32_t indirect_min; /* above any buffer's segments when tables are not to be used */
	uint32_t indirect_entries;
	struct vr_desc *desc;
	struct vr_avail *avail;
	struct vr_used_ring *used_ring;
	struct vr_packed_event *driver_event;
	struct vr_packed_event *device_event;
	struct vr_used *buffers;
	struct vr_shadow *shadow; /* split */
	uint16_t *avail_shadow; /* split plain */
	uint16_t *free_ids; /* plain: split a queue of descriptors, packed a stack of ids */
	struct vr_kept *kept;
	struct vr_desc *tables;
	uint64_t tables_addr;

	/* adding */
	uint64_t added;
	uint64_t published;
	uint64_t verdict; /* posted, when the last verdict was given */
	uint64_t posted; /* index steps published: split buffers, packed descriptors */
	uint64_t held; /* packed: the word that publishes what is staged */
	uint32_t free; /* descriptors */
	uint32_t take; /* split: descriptors taken so far */
	uint32_t staged_descs; /* packed */
	struct vr_position next; /* packed: where the next descriptor goes */
	struct vr_position first; /* packed: where the first staged descriptor went */
	uint32_t add_slot; /* packed in order: the next buffer's record */
	uint64_t singles; /* in order: buffers added before the latest row of one-descriptor ones */
	uint64_t readables; /* the same for one-descriptor buffers that are readable only */
	uint32_t kept_free; /* head of the free kept nodes */

	/* getting */
	uint64_t handed;
	uint64_t seen; /* split: the used index as last read, on the scale of handed */
	uint32_t guess; /* packed: flags that the next used descriptor is expected to have */
	struct vr_position used; /* packed: where the next used descriptor appears */
	uint32_t get_slot; /* in order: the oldest outstanding buffer's record */
	uint32_t batch_left; /* in order: validated buffers that were not handed out yet */
	uint32_t batch_len; /* what the entry said of the last of them */
	uint32_t reclaim_id; /* plain: where reclaim goes on */
	uint32_t event; /* event word last stored, or VR_EVENT_UNKNOWN */
	uint32_t flags; /* split: avail.flags last stored, or VR_EVENT_UNKNOWN */

	uint64_t origin; /* added at the last init or reset */
	struct vr_driver_stats stats; /* of the time before that */
};

VR_INLINE uint64_t vr_driver_on_ring(const struct vr_driver *driver)
{
	return driver->published - driver->handed;
}

/* What a buffer needs. */
struct vr_shape {
	uint32_t segments;
	uint32_t descriptors;
	uint32_t capacity;
};

int vr_buffer_shape(const struct vr_driver *driver, const struct vr_buffer *buffer,
		    struct vr_shape *shape);

VR_INLINE bool vr_shape_indirect(const struct vr_shape *shape)
{
	return shape->descriptors != shape->segments;
}

/*
 * The common buffers, of one segment, have a path of their own through the add of each form, which
 * takes runs of one kind: the numbers of readable and writable segments in one word. What depends on
 * the kind is a constant there.
 */
#define VR_KIND_READABLE 1u
#define VR_KIND_WRITABLE (1u << 16)

VR_INLINE uint32_t vr_buffer_kind(const struct vr_buffer *buffer)
{
	return buffer->readable | (uint32_t)buffer->writable << 16;
}

/* Is it such a buffer? Then what it says is taken, so that it is loaded once. */
VR_INLINE bool vr_buffer_single(const struct vr_buffer *buffer, uint32_t kind,
				struct vr_segment *segment)
{
	if (vr_unlikely(vr_buffer_kind(buffer) != kind))
		return false;
	segment->addr = buffer->segments->addr;
	segment->len = buffer->segments->len;
	return vr_likely(segment->len);
}

/* Remembers such a buffer; that nothing of it is writable may be known. */
VR_INLINE void vr_driver_record_single(struct vr_used *record, const struct vr_buffer *buffer,
				       uint32_t len, uint32_t kind, bool known)
{
	record->token = buffer->token;
	record->context = buffer->context;
	if (kind == VR_KIND_WRITABLE)
		record->len = len;
	else if (!known)
		record->len = 0;
}

/*
 * Plain, without kept segments, of which there are none then: outstanding, with one descriptor, or
 * not. Both fields, because one word is cheaper to store than half of it.
 */
VR_INLINE void vr_driver_mark(struct vr_used *record, uint16_t descriptors)
{
	record->segments = 0;
	record->descriptors = descriptors;
}

uint64_t vr_driver_fill_table(struct vr_driver *driver, const struct vr_buffer *buffer,
			      uint32_t slot, uint32_t segments);
uint32_t vr_driver_keep(struct vr_driver *driver, const struct vr_buffer *buffer,
			uint32_t segments);
void vr_driver_unkeep(struct vr_driver *driver, const struct vr_used *record);

/* Remembers a buffer of any shape, but for the cookie. */
static inline void vr_driver_record(struct vr_driver *driver, struct vr_used *record,
				    const struct vr_buffer *buffer, const struct vr_shape *shape)
{
	record->token = buffer->token;
	record->context = buffer->context;
	record->len = shape->capacity;
	record->descriptors = (uint16_t)shape->descriptors;
	if (driver->keep) {
		record->segments = (uint16_t)shape->segments;
		record->kept = vr_driver_keep(driver, buffer, shape->segments);
	}
}

/*
 * In order: once all buffers of a lap took one descriptor, each record is about the same descriptor
 * in the next lap, too; and if all of them were readable, its capacity is 0 already.
 */
VR_INLINE bool vr_driver_lap_known(const struct vr_driver *driver, uint32_t kind)
{
	uint64_t since = kind == VR_KIND_READABLE ? driver->readables : driver->singles;

	return driver->added - since >= driver->size;
}

/* In order: the latest of the buffers added so far was not of one descriptor, or was writable. */
static inline void vr_driver_lap_note(struct vr_driver *driver, const struct vr_shape *shape)
{
	if (shape->descriptors != 1)
		driver->singles = driver->added;
	if (shape->descriptors != 1 || shape->capacity)
		driver->readables = driver->added;
}

VR_COLD bool vr_driver_length_wrong(struct vr_driver *driver, uint32_t *len, uint32_t capacity);

/* A device may report too much: cut, or under strict rules a fault. False: the queue is broken. */
VR_INLINE bool vr_driver_length(struct vr_driver *driver, uint32_t *len, uint32_t capacity)
{
	return vr_likely(*len <= capacity) || vr_driver_length_wrong(driver, len, capacity);
}

/* In-order records form a ring of any size. */
VR_INLINE struct vr_used *vr_driver_nth(const struct vr_driver *driver, uint32_t n)
{
	uint32_t slot = driver->get_slot + n;

	return &driver->buffers[slot >= driver->size ? slot - driver->size : slot];
}

/* In order: where the @n-th outstanding buffer starts, or behind the last one the next will. */
VR_INLINE uint32_t vr_driver_start_of(const struct vr_driver *driver, uint32_t n)
{
	if (n < driver->added - driver->handed)
		return vr_driver_nth(driver, n)->cookie;
	return driver->form == VR_FORM_SPLIT_IN_ORDER ? driver->take & (driver->size - 1) :
							driver->next.slot;
}

/* In order: descriptors of the first @n outstanding buffers. */
VR_INLINE uint32_t vr_driver_span(const struct vr_driver *driver, uint32_t n)
{
	uint32_t start, end;

	if (n == 0)
		return 0;
	start = vr_driver_start_of(driver, 0);
	end = vr_driver_start_of(driver, n);
	/* Back where they start, they fill the ring. */
	return end > start ? end - start : end + driver->size - start;
}

/* Packed in order: the oldest outstanding buffer starts at @slot now, at most a lap further on. */
VR_INLINE void vr_driver_move_used(struct vr_driver *driver, uint32_t slot)
{
	if (slot <= driver->used.slot) {
		driver->free += driver->size;
		driver->used.wrap = !driver->used.wrap;
	}
	driver->free += slot - driver->used.slot;
	driver->used.slot = (uint16_t)slot;
}

/* In order: the @count oldest buffers were handed out; they do not wrap in memory. */
VR_INLINE void vr_driver_retire(struct vr_driver *driver, uint32_t count, bool packed)
{
	uint32_t slot = driver->get_slot;
	uint32_t start, i;

	if (vr_unlikely(driver->keep)) {
		for (i = 0; i < count; i++)
			vr_driver_unkeep(driver, &driver->buffers[slot + i]);
	}
	slot = slot + count == driver->size ? 0 : slot + count;
	driver->get_slot = slot;
	driver->handed += count;
	if (driver->handed == driver->added) {
		driver->free = driver->size;
		driver->used = driver->next;
		return;
	}
	/* What is in use starts with the oldest buffer now. */
	start = driver->buffers[slot].cookie;
	if (packed)
		vr_driver_move_used(driver, start);
	else
		driver->free = (start - driver->take) & (driver->size - 1);
}

/*
 * In order: hands out a piece of the validated batch. Its buffers were used completely (2.7.9, 2.8.9),
 * and what was remembered of them says so; only of the last one there is a length.
 */
VR_INLINE uint32_t vr_driver_hand_batch(struct vr_driver *driver, struct vr_used *used,
					uint32_t count, bool packed)
{
	count = vr_min(count, driver->batch_left);
	count = vr_min(count, driver->size - driver->get_slot);
	__builtin_memcpy(used, &driver->buffers[driver->get_slot], count * sizeof(*used));
	driver->batch_left -= count;
	if (driver->batch_left == 0)
		used[count - 1].len = driver->batch_len;
	driver->stats.batched += count - (driver->batch_left == 0);
	vr_driver_retire(driver, count, packed);
	return count;
}

#endif
