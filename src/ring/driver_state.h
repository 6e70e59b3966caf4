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

/* A buffer that was added. Plain forms find it by id, in-order forms by age. */
struct vr_driver_buffer {
	uint64_t token;
	uint64_t context;
	uint32_t capacity; /* bytes of its writable segments */
	uint32_t kept; /* its first node in the pool of kept segments */
	uint16_t descriptors; /* ring descriptors; plain forms: 0 when not outstanding */
	uint16_t segments;
	union {
		uint32_t serial; /* plain forms: low half of the count of buffers added before */
		uint32_t head; /* split in order: first descriptor */
	} u;
};

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
	struct vr_driver_buffer *buffers;
	struct vr_shadow *shadow; /* split */
	uint16_t *avail_shadow; /* split */
	uint16_t *free_ids; /* plain: split a queue of descriptors, packed a stack of ids */
	struct vr_kept *kept;
	struct vr_desc *tables;
	uint64_t tables_addr;

	/* adding */
	uint64_t added;
	uint64_t published;
	uint64_t posted; /* index steps published: split buffers, packed descriptors */
	uint64_t verdict; /* posted, when the last verdict was given */
	uint64_t held; /* packed: the word that publishes what is staged */
	uint32_t free; /* descriptors */
	uint32_t take; /* split: descriptors taken so far */
	uint32_t staged_descs; /* packed */
	struct vr_position next; /* packed: where the next descriptor goes */
	struct vr_position first; /* packed: where the first staged descriptor went */
	uint32_t add_slot; /* in order: the next buffer's record */
	uint32_t kept_free; /* head of the free kept nodes */

	/* getting */
	uint64_t handed;
	uint64_t seen; /* split: the used index as last read, on the scale of handed */
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

int vr_buffer_shape_many(const struct vr_driver *driver, const struct vr_buffer *buffer,
			 struct vr_shape *shape);

/* Judges a buffer before anything is touched. */
VR_INLINE int vr_buffer_shape(const struct vr_driver *driver, const struct vr_buffer *buffer,
			      struct vr_shape *shape)
{
	shape->segments = (uint32_t)buffer->readable + buffer->writable;
	if (vr_unlikely(shape->segments != 1))
		return vr_buffer_shape_many(driver, buffer, shape);
	shape->descriptors = 1;
	shape->capacity = buffer->writable ? buffer->segments[0].len : 0;
	return vr_likely(buffer->segments[0].len) ? 0 : VR_E_INVAL;
}

VR_INLINE bool vr_shape_indirect(const struct vr_shape *shape)
{
	return shape->descriptors != shape->segments;
}

uint64_t vr_driver_fill_table(struct vr_driver *driver, const struct vr_buffer *buffer,
			      uint32_t slot, uint32_t segments);
uint32_t vr_driver_keep(struct vr_driver *driver, const struct vr_buffer *buffer,
			uint32_t segments);
void vr_driver_unkeep(struct vr_driver *driver, const struct vr_driver_buffer *record);

VR_INLINE void vr_driver_record(struct vr_driver *driver, struct vr_driver_buffer *record,
				const struct vr_buffer *buffer, const struct vr_shape *shape)
{
	record->token = buffer->token;
	record->context = buffer->context;
	record->capacity = shape->capacity;
	record->descriptors = (uint16_t)shape->descriptors;
	if (vr_unlikely(driver->keep)) {
		record->segments = (uint16_t)shape->segments;
		record->kept = vr_driver_keep(driver, buffer, shape->segments);
	}
}

VR_INLINE void vr_driver_hand_out(struct vr_driver *driver, const struct vr_driver_buffer *record,
				  uint32_t len, struct vr_used *used)
{
	used->token = record->token;
	used->context = record->context;
	used->len = len;
	used->segments = 0;
	used->reserved = 0;
	used->kept = 0;
	used->reserved2 = 0;
	if (vr_unlikely(driver->keep)) {
		used->segments = record->segments;
		used->kept = record->kept;
		vr_driver_unkeep(driver, record);
	}
}

VR_COLD bool vr_driver_length_wrong(struct vr_driver *driver, uint32_t *len, uint32_t capacity);

/* A device may report too much: cut, or under strict rules a fault. False: the queue is broken. */
VR_INLINE bool vr_driver_length(struct vr_driver *driver, uint32_t *len, uint32_t capacity)
{
	return vr_likely(*len <= capacity) || vr_driver_length_wrong(driver, len, capacity);
}

/* In-order records form a ring of any size. */
VR_INLINE uint32_t vr_next_slot(uint32_t slot, uint32_t size)
{
	return slot + 1 == size ? 0 : slot + 1;
}

/* Hands out the oldest buffer; all but the last of a batch were used completely (2.7.9, 2.8.9). */
VR_INLINE uint32_t vr_driver_hand_oldest(struct vr_driver *driver, struct vr_used *used)
{
	const struct vr_driver_buffer *record = &driver->buffers[driver->get_slot];
	bool last = --driver->batch_left == 0;

	vr_driver_hand_out(driver, record, last ? driver->batch_len : record->capacity, used);
	driver->stats.batched += !last;
	driver->get_slot = vr_next_slot(driver->get_slot, driver->size);
	driver->free += record->descriptors;
	driver->handed++;
	return record->descriptors;
}

#endif
