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

/* The private copy of a chain's first descriptor. */
struct vr_split_first {
	uint32_t head;
	uint64_t addr;
	uint64_t rest;
};

VR_INLINE void vr_split_load(const struct vr_device *device, uint32_t id, uint64_t *addr,
			     uint64_t *rest)
{
	*addr = vr_ld64(&device->desc[id].addr);
	*rest = vr_ld64(&device->desc[id].rest);
}

/* Judges where a chain goes on, and goes there. */
static inline int vr_split_follow(struct vr_device *device, uint64_t rest, uint32_t count,
				  uint32_t *id, bool in_order)
{
	uint32_t following = (*id + 1) & (device->size - 1);
	uint32_t next = vr_split_next(rest);

	if (count == device->size)
		return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_LENGTH, count + 1ull,
				     device->size);
	if (next >= device->size)
		return vr_halt_fault(&device->halt, VR_FAULT_NEXT_RANGE, next, device->size);
	if (in_order && next != following)
		return vr_halt_fault(&device->halt, VR_FAULT_NEXT_ORDER, next, following);
	*id = next;
	return 0;
}

/* Follows a chain from its first descriptor. Each one is copied once, and judged in the copy. */
static inline int vr_split_walk(struct vr_device *device, struct vr_gather *gather,
				struct vr_split_first first, uint32_t *descriptors, bool in_order)
{
	uint64_t addr = first.addr;
	uint64_t rest = first.rest;
	uint32_t id = first.head;
	uint32_t count = 0;

	for (;;) {
		uint16_t flags = vr_split_flags(rest);
		int error;

		count++;
		if (!(flags & VR_DESC_INDIRECT))
			error = vr_gather_element(device, gather, addr, (uint32_t)rest,
						  flags & VR_DESC_WRITE);
		else if (flags & VR_DESC_NEXT)
			error = vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_NEXT, flags, 0);
		else
			error = vr_gather_table(device, gather, addr, (uint32_t)rest, false);
		if (error)
			return error;
		if (!(flags & VR_DESC_NEXT))
			break;
		error = vr_split_follow(device, rest, count, &id, in_order);
		if (error)
			return error;
		vr_split_load(device, id, &addr, &rest);
	}
	*descriptors = count;
	return vr_gather_finish(device, gather);
}

/*
 * In order the head follows from the buffer before (2.7.5, 2.7.9), so the ring is read only when that is
 * not known, after a restart, or when the owner asked for a check.
 */
VR_INLINE bool vr_split_predicts(const struct vr_device *device)
{
	return vr_likely(device->head_known) && vr_likely(!device->check_heads);
}

static inline int vr_split_next_head(struct vr_device *device, uint32_t *head, bool in_order)
{
	uint32_t slot = (uint32_t)device->avail & (device->size - 1);

	if (in_order && vr_split_predicts(device)) {
		*head = device->head;
		return 0;
	}
	*head = vr_ld16(&device->avail_ring->ring[slot]);
	if (*head >= device->size)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_RANGE, *head, device->size);
	if (in_order && device->head_known && *head != device->head)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_ORDER, *head, device->head);
	return 0;
}

/* Pops a buffer of any shape, from the copy of its first descriptor on. */
static inline int vr_split_pop_one(struct vr_device *device, struct vr_gather *gather,
				   struct vr_split_first first, struct vr_chain *chain,
				   bool in_order)
{
	uint32_t place = in_order ? device->pop_place : first.head;
	uint32_t descriptors;
	int error;

	if (first.head >= device->size)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_RANGE, first.head, device->size);
	/* A head that comes twice would get two records in one place. */
	if (device->records[place].handle)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_BUSY, first.head, 0);
	device->kind = vr_split_flags(first.rest) & VR_DESC_WRITE;
	error = vr_split_walk(device, gather, first, &descriptors, in_order);
	if (error)
		return error;
	vr_device_record(device, gather, place, first.head, descriptors, in_order, chain);
	if (in_order) {
		device->pop_place = vr_next_place(place, device->size);
		device->head = (first.head + descriptors) & (device->size - 1);
		device->head_known = true;
	}
	device->avail++;
	device->unpop_left++;
	return 0;
}

/*
 * Pops common buffers, as long as nothing wraps. What ended the run is left in @first, read once; @odd
 * says whether there is something. In order this needs heads that are predicted.
 */
VR_INLINE unsigned int vr_split_pop_run(struct vr_device *device, struct vr_chain *chains,
					unsigned int count, struct vr_iovec *segments,
					struct vr_split_first *first, bool *odd, uint32_t kind,
					bool in_order)
{
	uint32_t slot = (uint32_t)device->avail & (device->size - 1);
	const struct vr_le16 *avail = &device->avail_ring->ring[slot];
	uint32_t start = in_order ? device->head : 0;
	uint32_t place = in_order ? device->pop_place : 0;
	const struct vr_desc *desc = device->desc;
	uint32_t size = device->size;
	uint64_t addr = 0, rest = 0;
	struct vr_pop_run run;
	uint32_t head = 0;
	unsigned int i;

	vr_pop_run_begin(device, &run, chains, segments);
	for (i = 0; i < count; i++) {
		head = in_order ? start + i : vr_ld16(&avail[i]);
		if (!in_order &&
		    (vr_unlikely(head >= size) || vr_unlikely(run.records[head].handle)))
			break;
		addr = vr_ld64(&desc[head].addr);
		rest = vr_ld64(&desc[head].rest);
		if (!vr_pop_run_one(&run, i, in_order ? place + i : head, head, addr,
				    (uint32_t)rest, vr_split_flags(rest), kind, in_order))
			break;
	}
	first->head = head;
	first->addr = addr;
	first->rest = rest;
	*odd = i < count;
	vr_pop_run_end(device, &run, i, in_order);
	device->avail += i;
	if (in_order) {
		device->head = (start + i) & (size - 1);
		device->pop_place = place + i == size ? 0 : place + i;
	}
	return i;
}

/* How many buffers follow each other before something wraps. */
VR_INLINE unsigned int vr_split_pop_most(const struct vr_device *device, unsigned int count,
					 bool in_order)
{
	uint32_t slot = (uint32_t)device->avail & (device->size - 1);
	unsigned int most = vr_min(count, (uint32_t)(device->seen - device->avail));

	most = vr_min(most, device->size - slot);
	if (!in_order)
		return most;
	if (!vr_split_predicts(device))
		return 0;
	most = vr_min(most, device->size - device->head);
	return vr_min(most, device->size - device->pop_place);
}

/* Copies the first descriptor of the next buffer. */
static inline int vr_split_load_first(struct vr_device *device, struct vr_split_first *first,
				      bool in_order)
{
	int error = vr_split_next_head(device, &first->head, in_order);

	if (!error)
		vr_split_load(device, first->head, &first->addr, &first->rest);
	return error;
}

VR_INLINE int vr_split_pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
			   struct vr_iovec *segments, unsigned int room, bool in_order)
{
	unsigned int done = 0;

	if (device->seen == device->avail) {
		int more = vr_split_device_look(device);

		if (more <= 0)
			return more;
	}
	while (done < count && device->avail != device->seen) {
		struct vr_gather gather = { NULL, 0, 0, 0, 0, 0, 0 };
		struct vr_split_first first = { 0, 0, 0 };
		unsigned int most = vr_split_pop_most(device, vr_min(count - done, room), in_order);
		unsigned int run = 0;
		bool odd = true;
		int error = 0;

		if (most && device->kind)
			run = vr_split_pop_run(device, chains + done, most, segments, &first, &odd,
					       VR_DESC_WRITE, in_order);
		else if (most)
			run = vr_split_pop_run(device, chains + done, most, segments, &first, &odd,
					       0, in_order);
		else
			error = vr_split_load_first(device, &first, in_order);
		done += run;
		segments += run;
		room -= run;
		if (!odd)
			continue;
		gather.segments = segments;
		gather.room = room;
		if (!error)
			error = vr_split_pop_one(device, &gather, first, &chains[done], in_order);
		if (error)
			return done ? (int)done : error;
		done++;
		segments += gather.pieces;
		room -= gather.pieces;
	}
	return (int)done;
}

#endif
