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
				const struct vr_pop *first, uint32_t *descriptors, bool in_order)
{
	uint64_t addr = first->addr;
	uint64_t rest = first->rest;
	uint32_t id = first->head;
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
				   const struct vr_pop *pop, bool in_order)
{
	uint32_t place = in_order ? device->pop_place : pop->head;
	uint32_t descriptors;
	int error;

	if (pop->head >= device->size)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_RANGE, pop->head, device->size);
	/* A head that comes twice would get two records in one place. */
	if (in_order ? device->open == device->size : device->records[place].owner != 0)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_BUSY, pop->head, 0);
	device->kind = vr_split_flags(pop->rest) & VR_DESC_WRITE;
	error = vr_split_walk(device, gather, pop, &descriptors, in_order);
	if (error)
		return error;
	vr_device_record(device, gather, place, pop->head, descriptors, in_order, pop->chains);
	if (in_order) {
		device->pop_place = vr_next_place(place, device->size);
		device->head = (pop->head + descriptors) & (device->size - 1);
		device->head_known = true;
	}
	device->avail++;
	device->unpop_left++;
	return 0;
}

/* Takes the flags of this kind off, and says whether none is left that matters. */
VR_INLINE bool vr_split_common(const struct vr_pop_run *run, uint64_t *rest, uint32_t kind)
{
	if (kind) {
		*rest -= run->flags;
		VR_KEEP(*rest);
	}
	return vr_likely((*rest & run->others) == 0);
}

/* The buffer that ends a run; it has been read so far. */
VR_INLINE bool vr_split_end(struct vr_device *device, struct vr_pop *pop, uint64_t head,
			    uint64_t offset, uint64_t rest)
{
	pop->head = (uint32_t)head;
	pop->addr = vr_hit_addr(device, offset);
	pop->rest = rest;
	return false;
}

/* So that it does not have to be kept. */
VR_INLINE uint32_t vr_record_place(struct vr_device *device, const struct vr_device_record *record)
{
	VR_OPERAND(device->records);
	return (uint32_t)(record - device->records);
}

/* Pops the @i-th buffer of a group if it is a common one. */
VR_INLINE bool vr_split_take_plain(struct vr_device *device, struct vr_pop *pop,
				   const struct vr_pop_run *run, uint32_t i, uint32_t kind)
{
	uint64_t head = vr_ld16(&run->avail[i]);
	struct vr_device_record *record;
	uint64_t offset, rest, handle;

	VR_KEEP(head);
	VR_OPERAND(device->size);
	if (vr_unlikely((uint32_t)head >= device->size))
		return vr_split_end(device, pop, head, 0, 0);
	VR_OPERAND(device->records);
	record = &device->records[head];
	if (vr_unlikely(record->owner))
		return vr_split_end(device, pop, vr_record_place(device, record), 0, 0);
	VR_OPERAND(device->desc);
	rest = vr_ld64(&device->desc[head].rest);
	offset = vr_hit_offset(device, vr_ld64(&device->desc[head].addr));
	if (!vr_split_common(run, &rest, kind) ||
	    !vr_pop_run_place(device, run, i, offset, (uint32_t)rest))
		return vr_split_end(device, pop, vr_record_place(device, record), offset,
				    rest + run->flags);
	handle = run->handle + (i + 1ull) * VR_HANDLE_STEP + head;
	run->age[i] = handle;
	vr_pop_run_fill(run, i, record, handle, VR_RECORD_WORD(kind ? (uint32_t)rest : 0, head, 1),
			(uint32_t)rest, kind);
	return true;
}

/* The same in order, where heads are predicted. */
VR_INLINE bool vr_split_take_ordered(struct vr_device *device, struct vr_pop *pop,
				     struct vr_pop_run *run, uint32_t i, uint32_t kind)
{
	uint64_t rest = vr_ld64(&run->desc[i].rest);
	uint64_t offset = vr_hit_offset(device, vr_ld64(&run->desc[i].addr));
	uint64_t word;

	if (!vr_split_common(run, &rest, kind) ||
	    !vr_pop_run_place(device, run, i, offset, (uint32_t)rest))
		return vr_split_end(device, pop, 0, offset, rest + run->flags);
	word = run->word + VR_RECORD_WORD(kind ? (uint32_t)rest : 0, 0, 0);
	vr_pop_run_fill(run, i, &run->record[i], run->handle + (i + 1ull) * (VR_HANDLE_STEP + 1),
			word, (uint32_t)rest, kind);
	run->word += run->next;
	VR_KEEP(run->word);
	return true;
}

VR_INLINE bool vr_split_take(struct vr_device *device, struct vr_pop *pop, struct vr_pop_run *run,
			     uint32_t i, uint32_t kind, bool in_order)
{
	return in_order ? vr_split_take_ordered(device, pop, run, i, kind) :
			  vr_split_take_plain(device, pop, run, i, kind);
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
VR_INLINE uint32_t vr_split_take_run(struct vr_device *device, struct vr_pop *pop,
				     struct vr_pop_run *run, uint32_t count, uint32_t kind,
				     bool in_order)
{
	uint32_t done, i;

	for (done = 0; count - done >= VR_GROUP; done += VR_GROUP) {
		VR_UNROLL_4
		for (i = 0; i < VR_GROUP; i++)
			if (!vr_split_take(device, pop, run, i, kind, in_order))
				return done + i;
		vr_split_step(run, VR_GROUP, in_order);
	}
	for (; done < count; done++) {
		if (!vr_split_take(device, pop, run, 0, kind, in_order))
			return done;
		vr_split_step(run, 1, in_order);
	}
	return done;
}

/* As far as nothing wraps. The descriptor that ended the run, if one did, is left in @pop, read once. */
VR_INLINE uint32_t vr_split_pop_run(struct vr_device *device, struct vr_pop *pop, uint32_t count,
				    uint32_t kind, bool in_order)
{
	uint32_t slot = (uint32_t)device->avail & (device->size - 1);
	struct vr_pop_run run;
	uint32_t done;

	vr_pop_run_begin(device, pop, &run, in_order);
	run.desc = device->desc + (in_order ? device->head : 0);
	run.avail = in_order ? NULL : &device->avail_ring->ring[slot];
	run.word = VR_RECORD_WORD(0, device->head, 1);
	run.next = VR_RECORD_WORD(0, 1, 0);
	run.flags = (uint64_t)kind << 32;
	run.others = (uint64_t)(VR_DESC_NEXT | VR_DESC_WRITE | VR_DESC_INDIRECT) << 32;
	VR_KEEP(run.next);
	VR_KEEP(run.others);
	if (kind)
		VR_KEEP(run.flags);
	done = vr_split_take_run(device, pop, &run, count, kind, in_order);
	vr_pop_run_end(device, done, kind, in_order);
	device->avail += done;
	if (in_order) {
		device->head = (device->head + done) & (device->size - 1);
		pop->head = device->head;
	}
	return done;
}

/* Each kind has a function, so that its loop has the registers to itself. */
VR_APART uint32_t vr_split_run_read(struct vr_device *device, struct vr_pop *pop, uint32_t count)
{
	return vr_split_pop_run(device, pop, count, 0, false);
}

VR_APART uint32_t vr_split_run_write(struct vr_device *device, struct vr_pop *pop, uint32_t count)
{
	return vr_split_pop_run(device, pop, count, VR_DESC_WRITE, false);
}

VR_APART uint32_t vr_split_run_read_ordered(struct vr_device *device, struct vr_pop *pop,
					    uint32_t count)
{
	return vr_split_pop_run(device, pop, count, 0, true);
}

VR_APART uint32_t vr_split_run_write_ordered(struct vr_device *device, struct vr_pop *pop,
					     uint32_t count)
{
	return vr_split_pop_run(device, pop, count, VR_DESC_WRITE, true);
}

VR_INLINE uint32_t vr_split_run(struct vr_device *device, struct vr_pop *pop, uint32_t count,
				bool in_order)
{
	if (in_order)
		return device->kind ? vr_split_run_write_ordered(device, pop, count) :
				      vr_split_run_read_ordered(device, pop, count);
	return device->kind ? vr_split_run_write(device, pop, count) :
			      vr_split_run_read(device, pop, count);
}

/*
 * How many buffers follow each other before something wraps. In order the available ring is not read, so it
 * does not matter where that does.
 */
VR_INLINE uint32_t vr_split_pop_most(const struct vr_device *device, uint32_t count, bool in_order)
{
	uint32_t most = vr_min(count, (uint32_t)(device->seen - device->avail));

	if (vr_unlikely(!vr_pop_may_run(device)))
		return 0;
	if (in_order) {
		if (!vr_split_predicts(device))
			return 0;
		most = vr_min(most, device->size - device->head);
		return vr_min(most, device->size - device->pop_place);
	}
	most = vr_min(most, device->size - ((uint32_t)device->avail & (device->size - 1)));
	return vr_min(most, vr_ages_room(device));
}

/* Copies the first descriptor of the next buffer. */
static inline int vr_split_load_first(struct vr_device *device, struct vr_pop *pop, bool in_order)
{
	int error = vr_split_next_head(device, &pop->head, in_order);

	if (!error)
		vr_split_load(device, pop->head, &pop->addr, &pop->rest);
	return error;
}

/* Pops the buffer whose first descriptor has been copied, whatever its shape. */
VR_APART int vr_split_pop_other(struct vr_device *device, struct vr_pop *pop)
{
	struct vr_gather gather = { pop->segments, pop->room, 0, 0, 0, 0, 0 };
	int error = device->form == VR_FORM_SPLIT_IN_ORDER ?
			    vr_split_pop_one(device, &gather, pop, true) :
			    vr_split_pop_one(device, &gather, pop, false);

	if (!error)
		vr_pop_advance(pop, 1, gather.pieces);
	return error;
}

VR_INLINE int vr_split_pop(struct vr_device *device, struct vr_pop *pop, bool in_order)
{
	if (device->seen == device->avail) {
		int more = vr_split_device_look(device);

		if (more <= 0)
			return more;
	}
	while (pop->count && device->avail != device->seen) {
		uint32_t most = vr_split_pop_most(device, vr_min(pop->count, pop->room), in_order);
		uint32_t run = 0;
		int error = 0;

		if (vr_likely(most))
			run = vr_split_run(device, pop, most, in_order);
		else
			error = vr_split_load_first(device, pop, in_order);
		/* All that was wanted, or all that there is. */
		if (vr_likely(run == pop->count || device->avail == device->seen))
			return (int)(pop->done + run);
		vr_pop_advance(pop, run, run);
		if (run && run == most)
			continue;
		if (!error)
			error = vr_split_pop_other(device, pop);
		if (error)
			return pop->done ? (int)pop->done : error;
	}
	return (int)pop->done;
}

#endif
