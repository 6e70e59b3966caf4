/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Private state of a device half, and what its four forms share.
 *
 * A buffer goes through four steps: available -> popped (it has a record and a handle) -> staged (its
 * used entry is decided) -> published. Completing a buffer stages it, except in order, where it
 * is parked until all before it are complete.
 *
 * A popped buffer has a place. Split: its head; packed: any free one; in order: the next in a row
 * that goes round and round, so that the buffers that are not staged lie side by side, by age. A
 * handle is a count of pops in bits 16-63 over that place, and 0 for none.
 */
#ifndef VR_RING_DEVICE_STATE_H
#define VR_RING_DEVICE_STATE_H

#include "form.h"

#include <virtring/device.h>

#define VR_PLACE_MASK 0xffffu
#define VR_HANDLE_STEP 0x10000u

/* Buffers that the loops take at a time: a cache line of packed descriptors. */
#define VR_GROUP 4u

/*
 * What is known of a popped buffer, by place. The first three fields are stored as one word, as the last
 * three of a struct vr_chain are, which are the same.
 */
struct vr_device_record {
	uint32_t capacity; /* bytes of its writable elements */
	uint16_t id; /* split: the head */
	uint16_t descriptors; /* of the ring */
	uint64_t owner; /* the handle; plain: 0 when nobody's. In order: only counts in the row */
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VR_RECORD_WORD(capacity, id, descriptors) \
	((capacity) | ((id) + ((uint64_t)(descriptors) << 16)) << 32)
#else
#define VR_RECORD_WORD(capacity, id, descriptors) \
	((uint64_t)(capacity) << 32 | (uint64_t)(id) << 16 | (descriptors))
#endif

/* The fields from @at bytes of a struct on. */
VR_INLINE void vr_record_put(void *record, size_t at, uint64_t word)
{
	__builtin_memcpy((char *)record + at, &word, sizeof(word));
}

/* In order, of a buffer that was completed too early: this bit over its length. */
#define VR_PARKED (1ull << 32)

/* In order: completed buffers that one used entry will stand for. */
struct vr_run {
	uint32_t buffers;
	uint32_t descriptors;
	uint32_t id; /* of the last */
	uint32_t len;
};

struct vr_device {
	struct vr_halt halt;

	/* fixed by the configuration */
	enum vr_form form;
	bool event_idx;
	bool platform;
	bool indirect;
	bool entry_each;
	bool check_heads;
	uint32_t size;
	uint32_t max_size;
	uint32_t configured_chain;
	uint32_t max_chain;
	struct vr_desc *desc;
	struct vr_avail *avail_ring;
	struct vr_used_ring *used_ring;
	struct vr_packed_event *driver_event;
	struct vr_packed_event *device_event;
	const struct vr_device_observer *observer;
	struct vr_device_record *records;
	uint64_t *parked; /* in order, by place: 0, or VR_PARKED and a length */
	uint64_t *ages; /* plain: handles by age, see device_age.h */
	uint16_t *free_places; /* packed plain: a stack */
	uint64_t *used_shadow; /* split: elements as last stored */

	/* popping */
	const struct vr_map *map;
	struct vr_map_range hit; /* where the last address was found */
	uint64_t avail; /* split: index of the next buffer to pop */
	uint64_t seen; /* split: available index as last read, on the same scale */
	uint64_t popped; /* buffers */
	uint64_t special; /* popped, when last one had a writable part or several descriptors */
	uint64_t handles; /* bits 16-63 of the last handle */
	struct vr_position next; /* packed: the next descriptor to pop */
	uint32_t head; /* split in order: the next head, if known */
	bool head_known;
	uint32_t pop_place; /* in order: where the row ends, the place of the next buffer */
	uint32_t open; /* popped, not completed; in order: not staged, the length of the row */
	uint32_t in_flight_descs; /* packed: descriptors between the used and the next position */
	uint32_t kind; /* WRITE or 0: of the last buffer that was not common */
	uint32_t unpop_left; /* newest buffers that were taken from the available ring */
	uint32_t resubmit_left; /* recorded buffers (packed: descriptors) still to be resubmitted */
	struct vr_need need;

	/* completing */
	uint64_t staged; /* split: used index once staged; packed: buffers */
	uint64_t published;
	uint64_t posted; /* index steps published: split buffers, packed descriptors */
	uint64_t verdict; /* posted, when the last verdict was given */
	uint64_t held; /* packed: the word that publishes what is staged */
	struct vr_position used; /* packed: where the next used descriptor goes */
	struct vr_position first; /* packed: where the first staged one went */
	struct vr_run run;
	uint32_t staged_descs; /* packed: covered by staged entries */
	uint32_t entries; /* staged, not published */
	uint32_t first_slot; /* where the first and the last of them went */
	uint32_t last_slot;
	uint32_t stage_place; /* in order: where the row starts, the oldest that is not staged */
	uint32_t parked_count; /* in order: buffers in the row that are parked */
	uint32_t age_head; /* plain: entries of @ages in use */
	uint32_t age_tail;
	uint32_t event; /* event word last stored, or VR_EVENT_UNKNOWN */
	uint32_t flags; /* split: used.flags last stored, or VR_EVENT_UNKNOWN */

	struct vr_device_stats stats;
};

VR_INLINE uint32_t vr_next_place(uint32_t place, uint32_t size)
{
	return place + 1 == size ? 0 : place + 1;
}

/* Moves a place in the row on by 0..size. */
VR_INLINE uint32_t vr_later_place(uint32_t place, uint32_t count, uint32_t size)
{
	place += count;
	return place < size ? place : place - size;
}

/* Is the place in the row of those that are popped and not staged? */
VR_INLINE bool vr_row_has(const struct vr_device *device, uint32_t place)
{
	uint32_t start = device->stage_place;

	return (place < start ? place + device->size : place) - start < device->open;
}

/* Does the handle name a buffer which is popped and not completed? */
VR_INLINE bool vr_device_owns(const struct vr_device *device, uint64_t handle, bool in_order)
{
	uint32_t place = (uint32_t)(handle & VR_PLACE_MASK);

	if (vr_unlikely(place >= device->size) ||
	    vr_unlikely(device->records[place].owner != handle))
		return false;
	if (in_order)
		return vr_row_has(device, place) && !device->parked[place];
	return handle != 0;
}

/* Notes where used entries went, for the dirty log. */
VR_INLINE void vr_device_note_entries(struct vr_device *device, uint32_t first, uint32_t last,
				      uint32_t count)
{
	if (device->entries == 0)
		device->first_slot = first;
	device->last_slot = last;
	device->entries += count;
}

#endif
