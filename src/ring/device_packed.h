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
static inline int vr_packed_element(struct vr_device *device, struct vr_gather *gather,
				    uint64_t addr, uint64_t rest, uint32_t count)
{
	uint16_t flags = vr_packed_flags(rest);

	if (!(flags & VR_DESC_INDIRECT))
		return vr_gather_element(device, gather, addr, (uint32_t)rest,
					 flags & VR_DESC_WRITE);
	if (count > 1 || (flags & VR_DESC_NEXT))
		return vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_NEXT, flags, 0);
	return vr_gather_table(device, gather, addr, (uint32_t)rest, true);
}

/*
 * Follows the list at the next position, whose first descriptor is in @addr and @rest already. What is in flight and this
 * list together cannot be longer than the ring. Returns the id of the last descriptor (2.8.6).
 */
static inline int vr_packed_walk(struct vr_device *device, struct vr_gather *gather, uint64_t addr,
				 uint64_t rest, uint32_t *descriptors, uint32_t *id)
{
	uint32_t room = device->size - device->in_flight_descs;
	struct vr_position at = device->next;
	uint32_t count = 0;

	for (;;) {
		int error;

		if (vr_unlikely(count == room))
			return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_LENGTH, count + 1ull,
					     room);
		count++;
		error = vr_packed_element(device, gather, addr, rest, count);
		if (vr_unlikely(error))
			return error;
		if (vr_likely(!(vr_packed_flags(rest) & VR_DESC_NEXT)))
			break;
		vr_advance(&at, 1, device->size);
		addr = vr_ld64(&device->desc[at.slot].addr);
		rest = vr_ld64(&device->desc[at.slot].rest);
	}
	*id = vr_packed_id(rest);
	*descriptors = count;
	return vr_gather_finish(device, gather);
}

static inline void vr_packed_record(struct vr_device *device, const struct vr_gather *gather,
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

/*
 * Pops common buffers, as long as nothing wraps. What ended the run is left in @first_addr and
 * @first_rest, read once; @odd says whether it is an available descriptor, though not a common one.
 */
VR_INLINE unsigned int vr_packed_pop_run(struct vr_device *device, struct vr_chain *chains,
					 unsigned int count, struct vr_iovec *segments,
					 uint64_t *first_addr, uint64_t *first_rest, bool *odd,
					 uint32_t kind, bool in_order)
{
	const struct vr_desc *desc = &device->desc[device->next.slot];
	uint32_t state = vr_available_state(device->next.wrap);
	uint32_t place = in_order ? device->pop_place : 0;
	const uint16_t *top = in_order ? NULL :
					 &device->free_places[device->size - 1 - device->open];
	uint64_t addr = 0, rest = 0;
	struct vr_pop_run run;
	bool found = false;
	unsigned int i;

	vr_pop_run_begin(device, &run, chains, segments);
	for (i = 0; i < count; i++) {
		uint32_t flags;

		/* Partner: the driver's release store in vr_packed_publish(). */
		rest = vr_ld64_acquire(&desc[i].rest);
		flags = vr_packed_flags(rest);
		found = (flags & VR_DESC_STATE) == state;
		if (!found)
			break;
		vr_after_consume(device->platform);
		addr = vr_ld64(&desc[i].addr);
		if (!vr_pop_run_one(&run, i, in_order ? place + i : *(top - i), vr_packed_id(rest),
				    addr, (uint32_t)rest, flags, kind, in_order))
			break;
	}
	*odd = found && i < count;
	*first_addr = addr;
	*first_rest = rest;
	vr_pop_run_end(device, &run, i, in_order);
	vr_advance(&device->next, i, device->size);
	device->in_flight_descs += i;
	if (in_order)
		device->pop_place = place + i == device->size ? 0 : place + i;
	return i;
}

/* Pops a buffer of any shape, from the copy of its first descriptor on. */
static inline int vr_packed_pop_one(struct vr_device *device, struct vr_gather *gather,
				    uint64_t addr, uint64_t rest, struct vr_chain *chain,
				    bool in_order)
{
	uint32_t descriptors, id;
	int error;

	device->kind = vr_packed_flags(rest) & VR_DESC_WRITE;
	error = vr_packed_walk(device, gather, addr, rest, &descriptors, &id);
	if (error)
		return error;
	vr_packed_record(device, gather, id, descriptors, chain, in_order);
	vr_advance(&device->next, descriptors, device->size);
	device->in_flight_descs += descriptors;
	device->unpop_left++;
	return 0;
}

/* How many buffers follow each other before something wraps, or the ring is all in flight. */
VR_INLINE unsigned int vr_packed_pop_most(const struct vr_device *device, unsigned int count,
					  bool in_order)
{
	unsigned int most = vr_min(count, device->size - device->in_flight_descs);

	most = vr_min(most, device->size - device->next.slot);
	return in_order ? vr_min(most, device->size - device->pop_place) : most;
}

VR_INLINE int vr_packed_pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
			    struct vr_iovec *segments, unsigned int room, bool in_order)
{
	unsigned int done = 0;

	while (done < count) {
		struct vr_gather gather = { NULL, 0, 0, 0, 0, 0, 0 };
		unsigned int most =
			vr_packed_pop_most(device, vr_min(count - done, room), in_order);
		unsigned int run = 0;
		uint64_t addr = 0, rest;
		bool odd;
		int error;

		if (most && device->kind) {
			run = vr_packed_pop_run(device, chains + done, most, segments, &addr, &rest,
						&odd, VR_DESC_WRITE, in_order);
		} else if (most) {
			run = vr_packed_pop_run(device, chains + done, most, segments, &addr, &rest,
						&odd, 0, in_order);
		} else {
			odd = vr_packed_device_look(device, &rest);
			if (odd)
				addr = vr_ld64(&device->desc[device->next.slot].addr);
		}
		done += run;
		segments += run;
		room -= run;
		if (run && run == most)
			continue;
		if (!odd)
			break;
		gather.segments = segments;
		gather.room = room;
		error = vr_packed_pop_one(device, &gather, addr, rest, &chains[done], in_order);
		if (error)
			return done ? (int)done : error;
		done++;
		segments += gather.pieces;
		room -= gather.pieces;
	}
	return (int)done;
}

#endif
