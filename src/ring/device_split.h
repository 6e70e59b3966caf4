/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Device half of the split ring (2.7), in order and not: popping. */
#ifndef VR_RING_DEVICE_SPLIT_H
#define VR_RING_DEVICE_SPLIT_H

#include "device_state.h"

/* Reads the available index, only called when the last one is used up. 1: there is more; 0; an error. */
VR_INLINE int vr_split_device_look(struct vr_device *device)
{
	/* Partner: the driver's release store in vr_split_publish(). */
	uint16_t index = vr_ld16_acquire(&device->avail_ring->idx);
	uint16_t jump = (uint16_t)(index - (uint16_t)device->avail);
	uint64_t ahead = device->avail - device->published + jump;

	if (jump == 0)
		return 0;
	vr_after_consume(device->platform);
	if (vr_unlikely(ahead > device->size))
		return vr_halt_fault(&device->halt, VR_FAULT_AVAIL_INDEX, ahead, device->size);
	device->seen = device->avail + jump;
	return 1;
}

/* Follows a chain from its head. Each descriptor is copied once, and judged in the copy. */
VR_INLINE int vr_split_walk(struct vr_device *device, struct vr_gather *gather, uint32_t head,
			    uint32_t *descriptors, bool in_order)
{
	uint32_t mask = device->size - 1;
	uint32_t id = head;
	uint32_t count = 0;

	for (;;) {
		const struct vr_desc *desc = &device->desc[id];
		uint64_t addr = vr_ld64(&desc->addr);
		uint64_t rest = vr_ld64(&desc->rest);
		uint16_t flags = vr_split_flags(rest);
		uint32_t next = vr_split_next(rest);
		int error;

		count++;
		if (vr_likely(!(flags & VR_DESC_INDIRECT)))
			error = vr_gather_element(device, gather, addr, (uint32_t)rest,
						  flags & VR_DESC_WRITE);
		else if (flags & VR_DESC_NEXT)
			error = vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_NEXT, flags, 0);
		else
			error = vr_gather_table(device, gather, addr, (uint32_t)rest, false);
		if (vr_unlikely(error))
			return error;
		if (vr_likely(!(flags & VR_DESC_NEXT)))
			break;
		if (vr_unlikely(count == device->size))
			return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_LENGTH, count + 1ull,
					     device->size);
		if (vr_unlikely(next >= device->size))
			return vr_halt_fault(&device->halt, VR_FAULT_NEXT_RANGE, next,
					     device->size);
		if (in_order && vr_unlikely(next != ((id + 1) & mask)))
			return vr_halt_fault(&device->halt, VR_FAULT_NEXT_ORDER, next,
					     (id + 1) & mask);
		id = next;
	}
	*descriptors = count;
	return vr_gather_finish(device, gather);
}

/*
 * The head of the next buffer. In order it follows from the one before (2.7.5, 2.7.9), so the ring is
 * read only when that is not known, after a restart, or when the owner asked for a check.
 */
VR_INLINE int vr_split_next_head(struct vr_device *device, uint32_t *head, bool in_order)
{
	const struct vr_le16 *slot =
		&device->avail_ring->ring[(uint32_t)device->avail & (device->size - 1)];

	if (in_order && device->head_known && !device->check_heads) {
		*head = device->head;
		return 0;
	}
	*head = vr_ld16(slot);
	if (vr_unlikely(*head >= device->size))
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_RANGE, *head, device->size);
	if (in_order && device->head_known && *head != device->head)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_ORDER, *head, device->head);
	return 0;
}

VR_INLINE int vr_split_pop_one(struct vr_device *device, struct vr_gather *gather,
			       struct vr_chain *chain, bool in_order)
{
	uint32_t head, descriptors;
	int error = vr_split_next_head(device, &head, in_order);

	if (vr_unlikely(error))
		return error;
	/* A head that comes twice would get two records in one place. */
	if (!in_order && vr_unlikely(device->records[head].handle))
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_BUSY, head, 0);
	error = vr_split_walk(device, gather, head, &descriptors, in_order);
	if (vr_unlikely(error))
		return error;
	if (in_order) {
		vr_device_record(device, gather, device->pop_place, head, descriptors, true, chain);
		device->pop_place = vr_next_place(device->pop_place, device->size);
		device->head = (head + descriptors) & (device->size - 1);
		device->head_known = true;
	} else {
		vr_device_record(device, gather, head, head, descriptors, false, chain);
	}
	device->avail++;
	device->unpop_left++;
	return 0;
}

VR_INLINE int vr_split_pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
			   struct vr_iovec *segments, unsigned int room, bool in_order)
{
	unsigned int done;
	int error = 0;

	if (device->seen == device->avail) {
		int more = vr_split_device_look(device);

		if (more <= 0)
			return more;
	}
	for (done = 0; done < count && device->avail != device->seen; done++) {
		struct vr_gather gather = { segments, room, 0, 0, 0, 0, 0 };

		error = vr_split_pop_one(device, &gather, &chains[done], in_order);
		if (vr_unlikely(error))
			break;
		segments += gather.pieces;
		room -= gather.pieces;
	}
	return done ? (int)done : error;
}

#endif
