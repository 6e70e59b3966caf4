/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Private state of a device half, and what its four forms share.
 *
 * A buffer goes through four steps: available -> popped (it has a record and a handle) -> staged (its
 * used entry is decided) -> published. Completing a buffer stages it, except in order, where it
 * is parked in its record until all before it are complete.
 */
#ifndef VR_RING_DEVICE_STATE_H
#define VR_RING_DEVICE_STATE_H

#include "form.h"

#include <virtring/device.h>

/*
 * A popped buffer. Its place in the array: split its head; split and packed in order its age; packed
 * any free one. A handle is a count of pops in bits 16-63 over that place, and 0 for none.
 */
struct vr_device_record {
	uint64_t handle;
	uint32_t capacity; /* bytes of its writable elements */
	uint32_t len; /* once completed */
	uint32_t serial; /* low half of the count of buffers popped before */
	uint16_t id; /* split: head; packed: buffer id */
	uint16_t descriptors;
	uint16_t older; /* plain: neighbours among the popped, by age */
	uint16_t newer;
	bool parked; /* in order: completed */
};

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
	struct vr_device_record *records; /* one more than the queue can be large: head of the list */
	uint16_t *free_places; /* packed plain: a stack */
	uint64_t *used_shadow; /* split: elements as last stored */

	/* popping */
	const struct vr_map *map;
	struct vr_map_range hit; /* where the last address was found */
	uint64_t avail; /* split: index of the next buffer to pop */
	uint64_t seen; /* split: available index as last read, on the same scale */
	uint64_t popped; /* buffers */
	uint64_t handles; /* bits 16-63 of the last handle */
	struct vr_position next; /* packed: the next descriptor to pop */
	uint32_t head; /* split in order: the next head, if known */
	bool head_known;
	uint32_t pop_place; /* in order: record for the next buffer */
	uint32_t open; /* popped, not completed; in order: not staged */
	uint32_t in_flight; /* popped, not published */
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
	uint32_t stage_place; /* in order: record of the oldest buffer that is not staged */
	uint32_t event; /* event word last stored, or VR_EVENT_UNKNOWN */
	uint32_t flags; /* split: used.flags last stored, or VR_EVENT_UNKNOWN */

	struct vr_device_stats stats;
};

#define VR_PLACE_MASK 0xffffu

/* The segments of a buffer while they are put together. */
struct vr_gather {
	struct vr_iovec *segments;
	uint32_t room;
	uint32_t pieces; /* may go beyond the room: what would be needed */
	uint32_t readable; /* pieces */
	uint32_t elements;
	uint64_t readable_bytes;
	uint64_t writable_bytes;
};

int vr_gather_far(struct vr_device *device, struct vr_gather *gather, uint64_t addr, uint32_t len,
		  uint32_t access);
int vr_gather_table(struct vr_device *device, struct vr_gather *gather, uint64_t addr, uint32_t len,
		    bool packed);
int vr_gather_misplaced(struct vr_device *device, const struct vr_gather *gather, uint32_t len);

VR_INLINE void vr_gather_push(struct vr_gather *gather, uintptr_t base, uint64_t len)
{
	if (vr_likely(gather->pieces < gather->room)) {
		gather->segments[gather->pieces].base = (void *)base;
		gather->segments[gather->pieces].len = (size_t)len;
	}
	gather->pieces++;
}

/* Adds one element of a buffer: validated, translated, split where host memory is apart. */
VR_INLINE int vr_gather_element(struct vr_device *device, struct vr_gather *gather, uint64_t addr,
				uint32_t len, bool writable)
{
	const struct vr_map_range *hit = &device->hit;
	uint32_t access = writable ? VR_ACCESS_WRITE : VR_ACCESS_READ;
	uint64_t offset = addr - hit->addr;
	int error = 0;

	if (vr_unlikely(++gather->elements > device->max_chain ||
			(!writable && gather->writable_bytes)))
		return vr_gather_misplaced(device, gather, len);
	if (writable)
		gather->writable_bytes += len;
	else
		gather->readable_bytes += len;
	if (vr_likely(len && offset < hit->size && len <= hit->size - offset &&
		      (hit->access & access)))
		vr_gather_push(gather, hit->base + (uintptr_t)offset, len);
	else
		error = vr_gather_far(device, gather, addr, len, access);
	if (!writable)
		gather->readable = gather->pieces;
	return error;
}

int vr_gather_check(struct vr_device *device, const struct vr_gather *gather);

/* The last word on a gathered buffer: its bytes in all, and whether the caller's array held it. */
VR_INLINE int vr_gather_finish(struct vr_device *device, const struct vr_gather *gather)
{
	if (vr_unlikely(gather->pieces > gather->room ||
			gather->readable_bytes + gather->writable_bytes > UINT32_MAX))
		return vr_gather_check(device, gather);
	return 0;
}

VR_INLINE uint32_t vr_next_place(uint32_t place, uint32_t size)
{
	return place + 1 == size ? 0 : place + 1;
}

/* Plain: the popped buffers by age, a ring closed by the record behind the last. */
VR_INLINE void vr_age_append(struct vr_device *device, uint32_t place)
{
	struct vr_device_record *records = device->records;
	struct vr_device_record *ends = &records[device->max_size];

	records[place].older = ends->older;
	records[place].newer = (uint16_t)device->max_size;
	records[ends->older].newer = (uint16_t)place;
	ends->older = (uint16_t)place;
}

VR_INLINE void vr_age_remove(struct vr_device *device, const struct vr_device_record *record)
{
	device->records[record->older].newer = record->newer;
	device->records[record->newer].older = record->older;
}

/* Makes a gathered buffer a popped one. */
VR_INLINE void vr_device_record(struct vr_device *device, const struct vr_gather *gather,
				uint32_t place, uint32_t id, uint32_t descriptors, bool in_order,
				struct vr_chain *chain)
{
	struct vr_device_record *record = &device->records[place];

	device->handles += VR_PLACE_MASK + 1;
	record->handle = device->handles | place;
	record->capacity = (uint32_t)gather->writable_bytes;
	record->serial = (uint32_t)device->popped++;
	record->id = (uint16_t)id;
	record->descriptors = (uint16_t)descriptors;
	if (!in_order)
		vr_age_append(device, place);
	device->open++;
	device->in_flight++;
	chain->handle = record->handle;
	chain->segments = gather->segments;
	chain->readable = gather->readable;
	chain->writable = gather->pieces - gather->readable;
	chain->readable_bytes = gather->readable_bytes;
	chain->writable_bytes = record->capacity;
	chain->id = record->id;
	chain->descriptors = record->descriptors;
}

/*
 * The common buffers, of one direct descriptor whose memory is where the last one's was, have a path of
 * their own through the pop of each form, which takes runs of one kind: WRITE or not. What depends on
 * the kind is a constant there; a queue hardly ever mixes them, so the last kind is the best guess.
 * This has what the loop needs in one place.
 */
struct vr_pop_run {
	struct vr_chain *chains;
	struct vr_iovec *segments;
	struct vr_device_record *records;
	uint64_t handles;
	uint64_t addr; /* the range of the last hit */
	uint64_t size;
	uintptr_t base;
	uint32_t serial;
	uint32_t ends; /* plain: the record that closes the list by age */
	uint32_t older; /* plain: the newest popped so far */
};

VR_INLINE void vr_pop_run_begin(const struct vr_device *device, struct vr_pop_run *run,
				struct vr_chain *chains, struct vr_iovec *segments)
{
	const uint32_t both = VR_ACCESS_READ | VR_ACCESS_WRITE;

	run->chains = chains;
	run->segments = segments;
	run->records = device->records;
	run->handles = device->handles;
	run->addr = device->hit.addr;
	run->size = (device->hit.access & both) == both ? device->hit.size : 0;
	run->base = device->hit.base;
	run->serial = (uint32_t)device->popped;
	run->ends = device->max_size;
	run->older = device->records[device->max_size].older;
}

/* Pops the @i-th buffer of a run from its private copy, or leaves everything as it is. */
VR_INLINE bool vr_pop_run_one(struct vr_pop_run *run, uint32_t i, uint32_t place, uint32_t id,
			      uint64_t addr, uint32_t len, uint32_t flags, uint32_t kind,
			      bool in_order)
{
	const uint32_t shape = VR_DESC_NEXT | VR_DESC_WRITE | VR_DESC_INDIRECT;
	struct vr_device_record *record = &run->records[place];
	struct vr_chain *chain = &run->chains[i];
	uint64_t offset = addr - run->addr;

	if (vr_unlikely((flags & shape) != kind) || vr_unlikely(offset >= run->size) ||
	    vr_unlikely(len > run->size - offset) || vr_unlikely(len == 0))
		return false;
	run->segments[i].base = (void *)(run->base + (uintptr_t)offset);
	run->segments[i].len = len;
	run->handles += VR_PLACE_MASK + 1;
	record->handle = run->handles | place;
	record->serial = run->serial + i;
	record->id = (uint16_t)id;
	record->descriptors = 1;
	if (!in_order) {
		record->older = (uint16_t)run->older;
		run->records[run->older].newer = (uint16_t)place;
		run->older = place;
	}
	chain->handle = run->handles | place;
	chain->segments = &run->segments[i];
	chain->id = (uint16_t)id;
	chain->descriptors = 1;
	if (kind == VR_DESC_WRITE) {
		record->capacity = len;
		chain->readable = 0;
		chain->writable = 1;
		chain->readable_bytes = 0;
		chain->writable_bytes = len;
	} else {
		record->capacity = 0;
		chain->readable = 1;
		chain->writable = 0;
		chain->readable_bytes = len;
		chain->writable_bytes = 0;
	}
	return true;
}

VR_INLINE void vr_pop_run_end(struct vr_device *device, const struct vr_pop_run *run,
			      uint32_t count, bool in_order)
{
	struct vr_device_record *records = device->records;

	if (!in_order) {
		records[run->older].newer = (uint16_t)run->ends;
		records[run->ends].older = (uint16_t)run->older;
	}
	device->handles = run->handles;
	device->popped += count;
	device->open += count;
	device->in_flight += count;
	device->unpop_left += count;
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
