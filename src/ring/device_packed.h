/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Device half of the packed ring (2.8), in order and not: popping. */
#ifndef VR_RING_DEVICE_PACKED_H
#define VR_RING_DEVICE_PACKED_H

#include "device_pop.h"

/* Does this word say that the descriptor at the next position is available (2.8.1)? */
VR_INLINE bool vr_packed_available(const struct vr_device *device, uint64_t rest)
{
	return (vr_packed_flags(rest) & VR_DESC_STATE) == vr_available_state(device->next.wrap);
}

/* Takes the word at the next position: true when that descriptor is available. */
VR_INLINE bool vr_packed_device_look(const struct vr_device *device, uint64_t *rest)
{
	/* Partner: the driver's release store in vr_packed_publish(). */
	*rest = vr_ld64_acquire(&device->desc[device->next.slot].rest);
	if (!vr_packed_available(device, *rest))
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
 * Follows the list at the next position from its first descriptor. What is in flight and this list
 * together cannot be longer than the ring. Returns the id of the last descriptor (2.8.6).
 */
static inline int vr_packed_walk(struct vr_device *device, struct vr_gather *gather,
				 const struct vr_pop *first, uint32_t *descriptors, uint32_t *id)
{
	uint64_t addr = first->addr;
	uint64_t rest = first->rest;
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
 * What ends a run: its last word, and its address when there is one; that of a descriptor with other flags
 * has not been read.
 */
VR_INLINE bool vr_packed_end(const struct vr_device *device, struct vr_pop *pop,
			     const struct vr_desc *desc, uint64_t rest)
{
	pop->rest = rest;
	if (vr_packed_available(device, rest))
		pop->addr = vr_ld64(&desc->addr);
	return false;
}

VR_INLINE bool vr_packed_end_far(struct vr_device *device, struct vr_pop *pop, uint64_t offset,
				 uint64_t rest)
{
	pop->rest = rest;
	pop->addr = vr_hit_addr(device, offset);
	return false;
}

/* The record of a buffer with this second word, which has no flags. */
VR_INLINE uint64_t vr_packed_record_word(const struct vr_pop_run *run, uint64_t rest, uint32_t kind)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return rest + run->limit - (kind ? 0 : (uint32_t)rest);
#else
	(void)run;
	return VR_RECORD_WORD(kind ? (uint32_t)rest : 0, vr_packed_id(rest), 1);
#endif
}

/*
 * Pops the @i-th buffer of a group if it is a common one: available, of this kind, and no other flag is
 * set.
 */
VR_INLINE bool vr_packed_take(struct vr_device *device, struct vr_pop *pop,
			      const struct vr_pop_run *run, uint32_t i, uint32_t kind,
			      bool in_order)
{
	/* Partner: the driver's release store in vr_packed_publish(). */
	uint64_t rest = vr_ld64_acquire(&run->desc[i].rest) - run->flags;
	struct vr_device_record *record = &run->record[i];
	uint64_t offset, handle, place;

	VR_KEEP(rest);
	if (vr_unlikely(rest >= run->limit))
		return vr_packed_end(device, pop, &run->desc[i], rest + run->flags);
	offset = vr_hit_offset(device, vr_ld64(&run->desc[i].addr));
	if (!vr_pop_run_place(device, run, i, offset, (uint32_t)rest))
		return vr_packed_end_far(device, pop, offset, rest + run->flags);
	if (in_order) {
		handle = run->handle + (i + 1ull) * (VR_HANDLE_STEP + 1);
	} else {
		place = *(run->free_place - (i + 1));
		VR_KEEP(place);
		VR_OPERAND(device->records);
		record = &device->records[place];
		handle = run->handle + (i + 1ull) * VR_HANDLE_STEP + place;
		run->age[i] = handle;
	}
	vr_pop_run_fill(run, i, record, handle, vr_packed_record_word(run, rest, kind),
			(uint32_t)rest, kind);
	return true;
}

VR_INLINE void vr_packed_step(struct vr_pop_run *run, uint32_t count, bool in_order)
{
	run->desc += count;
	if (!in_order)
		run->free_place -= count;
	vr_pop_run_step(run, count, in_order);
}

/* Pops common buffers, until another one comes. */
VR_INLINE uint32_t vr_packed_take_run(struct vr_device *device, struct vr_pop *pop,
				      struct vr_pop_run *run, uint32_t count, uint32_t kind,
				      bool in_order)
{
	uint32_t done, i;

	for (done = 0; count - done >= VR_GROUP; done += VR_GROUP) {
		VR_UNROLL_4
		for (i = 0; i < VR_GROUP; i++)
			if (!vr_packed_take(device, pop, run, i, kind, in_order))
				return done + i;
		vr_packed_step(run, VR_GROUP, in_order);
	}
	for (; done < count; done++) {
		if (!vr_packed_take(device, pop, run, 0, kind, in_order))
			return done;
		vr_packed_step(run, 1, in_order);
	}
	return done;
}

/* As far as nothing wraps. What ended the run, if something did, is left in @pop, read once. */
VR_INLINE uint32_t vr_packed_pop_run(struct vr_device *device, struct vr_pop *pop, uint32_t count,
				     uint32_t kind, bool in_order)
{
	struct vr_pop_run run;
	uint32_t done;

	vr_pop_run_begin(device, pop, &run, in_order);
	run.desc = &device->desc[device->next.slot];
	run.free_place = in_order ? NULL : device->free_places + (device->size - device->open);
	run.flags = vr_packed_rest(0, 0, vr_available_state(device->next.wrap) | kind);
	run.limit = vr_packed_rest(0, 0, 1);
	VR_KEEP(run.limit);
	VR_KEEP(run.flags);
	done = vr_packed_take_run(device, pop, &run, count, kind, in_order);
	vr_pop_run_end(device, done, kind, in_order);
	vr_advance(&device->next, done, device->size);
	device->in_flight_descs += done;
	return done;
}

/* Each kind has a function, so that its loop has the registers to itself. */
VR_APART uint32_t vr_packed_run_read(struct vr_device *device, struct vr_pop *pop, uint32_t count)
{
	return vr_packed_pop_run(device, pop, count, 0, false);
}

VR_APART uint32_t vr_packed_run_write(struct vr_device *device, struct vr_pop *pop, uint32_t count)
{
	return vr_packed_pop_run(device, pop, count, VR_DESC_WRITE, false);
}

VR_APART uint32_t vr_packed_run_read_ordered(struct vr_device *device, struct vr_pop *pop,
					     uint32_t count)
{
	return vr_packed_pop_run(device, pop, count, 0, true);
}

VR_APART uint32_t vr_packed_run_write_ordered(struct vr_device *device, struct vr_pop *pop,
					      uint32_t count)
{
	return vr_packed_pop_run(device, pop, count, VR_DESC_WRITE, true);
}

VR_INLINE uint32_t vr_packed_run(struct vr_device *device, struct vr_pop *pop, uint32_t count,
				 bool in_order)
{
	if (in_order)
		return device->kind ? vr_packed_run_write_ordered(device, pop, count) :
				      vr_packed_run_read_ordered(device, pop, count);
	return device->kind ? vr_packed_run_write(device, pop, count) :
			      vr_packed_run_read(device, pop, count);
}

/* Pops a buffer of any shape, from the copy of its first descriptor on. */
static inline int vr_packed_pop_one(struct vr_device *device, struct vr_gather *gather,
				    const struct vr_pop *pop, bool in_order)
{
	uint32_t descriptors, id;
	int error;

	device->kind = vr_packed_flags(pop->rest) & VR_DESC_WRITE;
	error = vr_packed_walk(device, gather, pop, &descriptors, &id);
	if (error)
		return error;
	vr_packed_record(device, gather, id, descriptors, pop->chains, in_order);
	vr_advance(&device->next, descriptors, device->size);
	device->in_flight_descs += descriptors;
	device->unpop_left++;
	return 0;
}

/*
 * How many buffers follow each other before something wraps, or the ring is all in flight. A device that
 * needs barriers of its platform needs one for each buffer, and takes them one by one.
 */
VR_INLINE uint32_t vr_packed_pop_most(const struct vr_device *device, uint32_t count, bool in_order)
{
	uint32_t most = vr_min(count, device->size - device->in_flight_descs);

	if (vr_unlikely(device->platform) || vr_unlikely(!vr_pop_may_run(device)))
		return 0;
	most = vr_min(most, device->size - device->next.slot);
	return vr_min(most, in_order ? device->size - device->pop_place : vr_ages_room(device));
}

/* Copies the first descriptor of the next buffer, if there is one. */
static inline bool vr_packed_load_first(const struct vr_device *device, struct vr_pop *pop)
{
	if (!vr_packed_device_look(device, &pop->rest))
		return false;
	pop->addr = vr_ld64(&device->desc[device->next.slot].addr);
	return true;
}

/* Pops the buffer whose first descriptor has been copied, whatever its shape. */
VR_APART int vr_packed_pop_other(struct vr_device *device, struct vr_pop *pop)
{
	struct vr_gather gather = { pop->segments, pop->room, 0, 0, 0, 0, 0 };
	int error = device->form == VR_FORM_PACKED_IN_ORDER ?
			    vr_packed_pop_one(device, &gather, pop, true) :
			    vr_packed_pop_one(device, &gather, pop, false);

	if (!error)
		vr_pop_advance(pop, 1, gather.pieces);
	return error;
}

VR_INLINE int vr_packed_pop(struct vr_device *device, struct vr_pop *pop, bool in_order)
{
	while (pop->count) {
		uint32_t most = vr_packed_pop_most(device, vr_min(pop->count, pop->room), in_order);
		uint32_t run = 0;
		bool found;
		int error;

		if (vr_likely(most)) {
			run = vr_packed_run(device, pop, most, in_order);
			if (vr_likely(run == pop->count))
				return (int)(pop->done + run);
			found = run == most || vr_packed_available(device, pop->rest);
		} else {
			found = vr_packed_load_first(device, pop);
		}
		vr_pop_advance(pop, run, run);
		if (!found)
			break;
		if (run && run == most)
			continue;
		error = vr_packed_pop_other(device, pop);
		if (error)
			return pop->done ? (int)pop->done : error;
	}
	return (int)pop->done;
}

#endif
