/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Device half of the packed ring (2.8), in order and not: popping. */
#ifndef VR_RING_DEVICE_PACKED_H
#define VR_RING_DEVICE_PACKED_H

#include "device_state.h"

/* Takes the word at the next position: true when that descriptor is available (2.8.1). */
VR_INLINE bool vr_packed_device_look(const struct vr_device *device, uint64_t *rest)
{
	/* Partner: the driver's release store in vr_packed_publish(). */
	*rest = vr_ld64_acquire(&device->desc[device->next.slot].rest);
	if ((vr_packed_flags(*rest) & VR_DESC_STATE) != vr_available_state(device->next.wrap))
		return false;
	vr_after_consume(device->platform);
	return true;
}

/* A list is all direct, or one descriptor that points to a table (2.8.6). */
VR_INLINE int vr_packed_element(struct vr_device *device, struct vr_gather *gather, uint64_t addr,
				uint64_t rest, uint32_t count)
{
	uint16_t flags = vr_packed_flags(rest);

	if (vr_likely(!(flags & VR_DESC_INDIRECT)))
		return vr_gather_element(device, gather, addr, (uint32_t)rest,
					 flags & VR_DESC_WRITE);
	if (count > 1 || (flags & VR_DESC_NEXT))
		return vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_NEXT, flags, 0);
	return vr_gather_table(device, gather, addr, (uint32_t)rest, true);
}

/*
 * Follows the list at the next position, whose first word is @rest already. What is in flight and this
 * list together cannot be longer than the ring. Returns the id of the last descriptor (2.8.6).
 */
VR_INLINE int vr_packed_walk(struct vr_device *device, struct vr_gather *gather, uint64_t rest,
			     uint32_t *descriptors, uint32_t *id)
{
	uint32_t room = device->size - device->in_flight_descs;
	struct vr_position at = device->next;
	uint32_t count = 0;

	for (;;) {
		const struct vr_desc *desc = &device->desc[at.slot];
		int error;

		if (vr_unlikely(count == room))
			return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_LENGTH, count + 1ull,
					     room);
		count++;
		error = vr_packed_element(device, gather, vr_ld64(&desc->addr), rest, count);
		if (vr_unlikely(error))
			return error;
		if (vr_likely(!(vr_packed_flags(rest) & VR_DESC_NEXT)))
			break;
		vr_advance(&at, 1, device->size);
		rest = vr_ld64(&device->desc[at.slot].rest);
	}
	*id = vr_packed_id(rest);
	*descriptors = count;
	return vr_gather_finish(device, gather);
}

VR_INLINE void vr_packed_record(struct vr_device *device, const struct vr_gather *gather,
				uint32_t id, uint32_t descriptors, struct vr_chain *chain,
				bool in_order)
{
	uint32_t place;

	if (in_order) {
		place = device->pop_place;
		device->pop_place = vr_next_place(place, device->size);
	} else {
		/* What is not on the stack is open. */
		place = device->free_places[device->size - 1 - device->open];
	}
	vr_device_record(device, gather, place, id, descriptors, in_order, chain);
}

VR_INLINE int vr_packed_pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
			    struct vr_iovec *segments, unsigned int room, bool in_order)
{
	unsigned int done;
	int error = 0;

	for (done = 0; done < count; done++) {
		struct vr_gather gather = { segments, room, 0, 0, 0, 0, 0 };
		uint32_t descriptors, id;
		uint64_t rest;

		if (!vr_packed_device_look(device, &rest))
			break;
		error = vr_packed_walk(device, &gather, rest, &descriptors, &id);
		if (vr_unlikely(error))
			break;
		vr_packed_record(device, &gather, id, descriptors, &chains[done], in_order);
		vr_advance(&device->next, descriptors, device->size);
		device->in_flight_descs += descriptors;
		device->unpop_left++;
		segments += gather.pieces;
		room -= gather.pieces;
	}
	return done ? (int)done : error;
}

#endif
