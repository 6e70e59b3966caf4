/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Device half: from a judged buffer to a popped one, for all four forms. */
#ifndef VR_RING_DEVICE_POP_H
#define VR_RING_DEVICE_POP_H

#include "device_age.h"
#include "device_gather.h"

/* Makes a gathered buffer a popped one. */
VR_INLINE void vr_device_record(struct vr_device *device, const struct vr_gather *gather,
				uint32_t place, uint32_t id, uint32_t descriptors, bool in_order,
				struct vr_chain *chain)
{
	uint32_t capacity = (uint32_t)gather->writable_bytes;

	device->handles += VR_HANDLE_STEP;
	chain->handle = device->handles | place;
	chain->segments = gather->segments;
	chain->readable = gather->readable;
	chain->writable = gather->pieces - gather->readable;
	chain->readable_bytes = gather->readable_bytes;
	chain->writable_bytes = capacity;
	chain->id = (uint16_t)id;
	chain->descriptors = (uint16_t)descriptors;
	device->records[place] =
		(struct vr_device_record){ capacity, chain->id, chain->descriptors, chain->handle };
	device->popped++;
	device->open++;
	if (!in_order)
		vr_age_append(device, chain->handle);
	else if (capacity || descriptors != 1)
		device->special = device->popped;
}

/* A pop while it is under way: what is left of the caller's arrays. */
struct vr_pop {
	struct vr_chain *chains;
	struct vr_iovec *segments;
	uint32_t count;
	uint32_t room; /* segments */
	uint32_t done;
	/* the private copy of the first descriptor of the buffer that ended a run */
	uint32_t head; /* split */
	uint64_t addr;
	uint64_t rest;
};

VR_INLINE void vr_pop_advance(struct vr_pop *pop, uint32_t buffers, uint32_t pieces)
{
	pop->chains += buffers;
	pop->segments += pieces;
	pop->count -= buffers;
	pop->room -= pieces;
	pop->done += buffers;
}

/*
 * The common buffers, of one direct descriptor whose memory is where the last one's was, have a path of
 * their own through the pop of each form, which takes runs of one kind: WRITE or not. What depends on
 * the kind is a constant there; a queue hardly ever mixes them, so the last kind is the best guess.
 *
 * This is what the loop moves on. Pointers stand at the next buffer, or at the first of a group of
 * VR_GROUP whose members are named by number, so that nothing is counted for each of them. What is the same
 * for all of them stays in the queue: there it is an operand, and takes no register.
 */
struct vr_pop_run {
	struct vr_chain *chain;
	struct vr_iovec *segment;
	struct vr_device_record *record; /* in order */
	const struct vr_desc *desc; /* not split plain */
	const struct vr_le16 *avail; /* split plain */
	const uint16_t *free_place; /* packed plain: behind the next one; goes backwards */
	uint64_t *age; /* plain */
	uint64_t handle; /* the last one; plain: with no place */
	uint64_t word; /* split in order: of the next record, without a length */
	uint64_t next; /* and from there to the one after it; packed: of one descriptor */
	uint64_t flags; /* that a common descriptor has, where they stand in its second word */
	uint64_t limit; /* packed: what its second word is below, once those are taken off */
	uint64_t others; /* split: that it does without, once those are taken off */
};

VR_INLINE void vr_pop_run_begin(const struct vr_device *device, const struct vr_pop *pop,
				struct vr_pop_run *run, bool in_order)
{
	uint32_t place = in_order ? device->pop_place : 0;

	run->chain = pop->chains;
	run->segment = pop->segments;
	run->record = device->records + place;
	run->age = in_order ? NULL : device->ages + device->age_tail;
	/* In order the first step is onto this place, and the next ones onto the places behind it. */
	run->handle = device->handles + place - in_order;
}

VR_INLINE void vr_pop_run_step(struct vr_pop_run *run, uint32_t count, bool in_order)
{
	run->chain += count;
	run->segment += count;
	run->handle += (uint64_t)count * (in_order ? VR_HANDLE_STEP + 1 : VR_HANDLE_STEP);
	if (in_order)
		run->record += count;
	else
		run->age += count;
}

/* Where an address is in the range of the last hit, and back. */
VR_INLINE uint64_t vr_hit_offset(struct vr_device *device, uint64_t addr)
{
	VR_OPERAND(device->hit.addr);
	return addr - device->hit.addr;
}

VR_INLINE uint64_t vr_hit_addr(struct vr_device *device, uint64_t offset)
{
	VR_OPERAND(device->hit.addr);
	return device->hit.addr + offset;
}

/* Judges where the memory of the @i-th buffer of a group lies, and makes its segment of that. */
VR_INLINE bool vr_pop_run_place(struct vr_device *device, const struct vr_pop_run *run, uint32_t i,
				uint64_t offset, uint64_t len)
{
	uint64_t end = offset + len;

	/* Empty, or beyond the address space, or beyond the range. */
	if (vr_unlikely(end <= offset))
		return false;
	run->segment[i].len = (size_t)len;
	VR_OPERAND(device->hit.size);
	if (vr_unlikely(end > device->hit.size))
		return false;
	VR_OPERAND(device->hit.base);
	run->segment[i].base = (void *)(device->hit.base + (uintptr_t)offset);
	return true;
}

/* Makes it a popped one. @word is that of its record. */
VR_INLINE void vr_pop_run_fill(const struct vr_pop_run *run, uint32_t i,
			       struct vr_device_record *record, uint64_t handle, uint64_t word,
			       uint64_t len, uint32_t kind)
{
	struct vr_chain *chain = &run->chain[i];

	vr_record_put(record, offsetof(struct vr_device_record, capacity), word);
	record->owner = handle;
	chain->handle = handle;
	chain->segments = &run->segment[i];
	chain->readable = kind != VR_DESC_WRITE;
	chain->writable = kind == VR_DESC_WRITE;
	chain->readable_bytes = kind != VR_DESC_WRITE ? len : 0;
	vr_record_put(chain, offsetof(struct vr_chain, writable_bytes), word);
}

VR_INLINE void vr_pop_run_end(struct vr_device *device, uint32_t count, uint32_t kind,
			      bool in_order)
{
	device->handles += (uint64_t)count * VR_HANDLE_STEP;
	device->popped += count;
	device->open += count;
	device->unpop_left += count;
	if (!in_order) {
		device->age_tail += count;
		return;
	}
	device->pop_place = vr_later_place(device->pop_place, count, device->size);
	if (kind == VR_DESC_WRITE && count)
		device->special = device->popped;
}

/* Are runs worth a try? They take memory for granted that may be read and written. */
VR_INLINE bool vr_pop_may_run(const struct vr_device *device)
{
	const uint32_t both = VR_ACCESS_READ | VR_ACCESS_WRITE;

	return vr_likely((device->hit.access & both) == both);
}

#endif
