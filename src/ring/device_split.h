/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Device half of the split ring (2.7), in order and not: popping. */
#ifndef VR_RING_DEVICE_SPLIT_H
#define VR_RING_DEVICE_SPLIT_H

#include "device_pop.h"

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
	if (in_order ? device->open == device->size : device->records[place].owner != 0)
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

/* Pops the @i-th buffer of a group if it is a common one. In order, heads are predicted. */
VR_INLINE bool vr_split_take(struct vr_pop_run *run, uint32_t size, uint32_t i, uint32_t kind,
			     bool in_order)
{
	uint32_t head = in_order ? i : vr_ld16(&run->avail[i]);
	uint64_t word = in_order ? run->word : vr_record(0, head, 1);

	if (!in_order) {
		run->head = head;
		if (vr_unlikely(head >= size) || vr_unlikely(run->record[head].owner))
			return false;
	}
	run->rest = vr_ld64(&run->desc[head].rest);
	run->offset = vr_ld64(&run->desc[head].addr) - run->low;
	VR_KEEP(run->offset);
	if (vr_unlikely((run->rest & run->shape) != (uint64_t)kind << 32) ||
	    !vr_pop_run_one(run, i, head, word, (uint32_t)run->rest, kind, in_order))
		return false;
	run->word += run->next;
	VR_KEEP(run->word);
	return true;
}

VR_INLINE void vr_split_step(struct vr_pop_run *run, uint32_t count, bool in_order)
{
	if (in_order)
		run->desc += count;
	else
		run->avail += count;
	vr_pop_run_step(run, count, in_order);
}

/* Pops common buffers, until another one comes. */
VR_INLINE uint32_t vr_split_take_run(struct vr_pop_run *run, uint32_t size, uint32_t count,
				     uint32_t kind, bool in_order)
{
	uint32_t done, i;

	for (done = 0; count - done >= VR_GROUP; done += VR_GROUP) {
		VR_UNROLL_4
		for (i = 0; i < VR_GROUP; i++)
			if (!vr_split_take(run, size, i, kind, in_order))
				return done + i;
		vr_split_step(run, VR_GROUP, in_order);
	}
	for (; done < count; done++) {
		if (!vr_split_take(run, size, 0, kind, in_order))
			return done;
		vr_split_step(run, 1, in_order);
	}
	return done;
}

/* As far as nothing wraps. The descriptor that ended the run, if one did, is left in @first, read once. */
VR_INLINE uint32_t vr_split_pop_run(struct vr_device *device, struct vr_chain *chains,
				    uint32_t count, struct vr_iovec *segments,
				    struct vr_split_first *first, uint32_t kind, bool in_order)
{
	uint32_t slot = (uint32_t)device->avail & (device->size - 1);
	struct vr_pop_run run;
	uint32_t done;

	vr_pop_run_begin(device, &run, chains, segments, in_order);
	run.desc = device->desc + (in_order ? device->head : 0);
	run.avail = &device->avail_ring->ring[slot];
	run.word = vr_record(0, device->head, 1);
	run.next = vr_record(0, 1, 0);
	run.shape = (uint64_t)(VR_DESC_NEXT | VR_DESC_WRITE | VR_DESC_INDIRECT) << 32;
	VR_KEEP(run.next);
	VR_KEEP(run.shape);
	run.head = 0;
	done = vr_split_take_run(&run, device->size, count, kind, in_order);
	vr_pop_run_end(device, done, kind, in_order);
	device->avail += done;
	if (in_order)
		device->head = (device->head + done) & (device->size - 1);
	first->head = in_order ? device->head : run.head;
	first->addr = vr_pop_run_addr(&run);
	first->rest = run.rest;
	return done;
}

/* How many buffers follow each other before something wraps. */
VR_INLINE unsigned int vr_split_pop_most(const struct vr_device *device, unsigned int count,
					 bool in_order)
{
	uint32_t slot = (uint32_t)device->avail & (device->size - 1);
	unsigned int most = vr_min(count, (uint32_t)(device->seen - device->avail));

	most = vr_min(most, device->size - slot);
	if (!in_order)
		return vr_min(most, vr_ages_room(device));
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

/* Pops the buffer that starts with @first. Returns its pieces or an error. */
VR_APART int vr_split_pop_other(struct vr_device *device, const struct vr_split_first *first,
				struct vr_chain *chain, struct vr_iovec *segments, uint32_t room)
{
	struct vr_gather gather = { segments, room, 0, 0, 0, 0, 0 };
	int error = device->form == VR_FORM_SPLIT_IN_ORDER ?
			    vr_split_pop_one(device, &gather, *first, chain, true) :
			    vr_split_pop_one(device, &gather, *first, chain, false);

	return error ? error : (int)gather.pieces;
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
		uint32_t most = vr_split_pop_most(device, vr_min(count - done, room), in_order);
		struct vr_split_first first;
		uint32_t run = 0;
		int pieces = 0;

		if (vr_unlikely(most == 0))
			pieces = vr_split_load_first(device, &first, in_order);
		else if (device->kind)
			run = vr_split_pop_run(device, chains + done, most, segments, &first,
					       VR_DESC_WRITE, in_order);
		else
			run = vr_split_pop_run(device, chains + done, most, segments, &first, 0,
					       in_order);
		done += run;
		segments += run;
		room -= run;
		if (run && run == most)
			continue;
		if (pieces == 0)
			pieces = vr_split_pop_other(device, &first, &chains[done], segments, room);
		if (pieces < 0)
			return done ? (int)done : pieces;
		done++;
		segments += pieces;
		room -= (uint32_t)pieces;
	}
	return (int)done;
}

#endif
