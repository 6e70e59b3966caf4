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
	device->records[place].word = vr_record(capacity, id, descriptors);
	device->records[place].owner = chain->handle;
	device->popped++;
	device->open++;
	if (!in_order)
		vr_age_append(device, chain->handle);
	else if (capacity || descriptors != 1)
		device->special = device->popped;
}

/*
 * The common buffers, of one direct descriptor whose memory is where the last one's was, have a path of
 * their own through the pop of each form, which takes runs of one kind: WRITE or not. What depends on
 * the kind is a constant there; a queue hardly ever mixes them, so the last kind is the best guess.
 *
 * This has what the loop needs in one place. Pointers stand at the next buffer, or at the first of a
 * group of VR_GROUP whose members are named by number, so that nothing is counted for each of them.
 */
struct vr_pop_run {
	struct vr_chain *chain;
	struct vr_iovec *segment;
	struct vr_device_record *record; /* plain: the first of all */
	const struct vr_desc *desc; /* split plain: the first of all */
	const struct vr_le16 *avail; /* split plain */
	const uint16_t *free_place; /* packed plain; goes backwards */
	uint64_t *age; /* plain */
	uint64_t word; /* split in order: of the next record, without a length */
	uint64_t next; /* and from there to the one after it */
	uint64_t shape; /* split: the flags that a common descriptor does without */
	uint64_t single; /* packed: VR_RECORD_SINGLE */
	uint64_t handle; /* the last one; plain: with no place */
	uint64_t low; /* the range of the last hit */
	uint64_t size;
	uintptr_t base;
	/* the descriptor last copied */
	uint64_t offset; /* of its memory in that range */
	uint64_t rest; /* packed: without the flags of a common one */
	uint32_t head; /* split plain */
};

VR_INLINE void vr_pop_run_begin(const struct vr_device *device, struct vr_pop_run *run,
				struct vr_chain *chains, struct vr_iovec *segments, bool in_order)
{
	const uint32_t both = VR_ACCESS_READ | VR_ACCESS_WRITE;
	uint32_t place = in_order ? device->pop_place : 0;

	run->chain = chains;
	run->segment = segments;
	run->record = device->records + place;
	run->age = in_order ? NULL : device->ages + device->age_tail;
	/* In order the first step is onto this place, and the next ones onto the places behind it. */
	run->handle = device->handles + place - in_order;
	run->low = device->hit.addr;
	run->size = (device->hit.access & both) == both ? device->hit.size : 0;
	run->base = device->hit.base;
	run->offset = 0;
	run->rest = 0;
}

/* The address that was copied last. */
VR_INLINE uint64_t vr_pop_run_addr(const struct vr_pop_run *run)
{
	return run->low + run->offset;
}

VR_INLINE void vr_pop_run_step(struct vr_pop_run *run, uint32_t count, bool in_order)
{
	run->chain += count;
	run->segment += count;
	if (in_order)
		run->record += count;
	else
		run->age += count;
}

/* The last fields of a chain are those of its record; on most machines the compiler cannot see it. */
VR_INLINE void vr_chain_fill(struct vr_chain *chain, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__builtin_memcpy((char *)chain + offsetof(struct vr_chain, writable_bytes), (char *)&word,
			 sizeof(word));
#else
	chain->writable_bytes = vr_record_capacity(word);
	chain->id = vr_record_id(word);
	chain->descriptors = vr_record_descriptors(word);
#endif
}

/*
 * Pops the @i-th buffer of a group from its private copy, or leaves everything as it is. @word is that
 * of its record but for the length.
 */
VR_INLINE bool vr_pop_run_one(struct vr_pop_run *run, uint32_t i, uint32_t place, uint64_t word,
			      uint64_t len, uint32_t kind, bool in_order)
{
	struct vr_chain *chain = &run->chain[i];
	uint64_t end = run->offset + len;
	uint64_t handle;

	/* Empty, or beyond the address space, or beyond the range. */
	if (vr_unlikely(end <= run->offset))
		return false;
	run->segment[i].len = (size_t)len;
	if (vr_unlikely(end > run->size))
		return false;
	run->segment[i].base = (void *)(run->base + (uintptr_t)run->offset);
	if (kind == VR_DESC_WRITE)
		word += len;
	run->handle += in_order ? VR_HANDLE_STEP + 1 : VR_HANDLE_STEP;
	handle = in_order ? run->handle : run->handle + place;
	chain->handle = handle;
	chain->segments = &run->segment[i];
	chain->readable = kind != VR_DESC_WRITE;
	chain->writable = kind == VR_DESC_WRITE;
	chain->readable_bytes = kind != VR_DESC_WRITE ? len : 0;
	vr_chain_fill(chain, word);
	run->record[place].word = word;
	run->record[place].owner = handle;
	if (!in_order)
		run->age[i] = handle;
	return true;
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

#endif
