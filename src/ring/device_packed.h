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

/* The private copy of a list's first descriptor. */
struct vr_packed_first {
	uint64_t addr;
	uint64_t rest;
};

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
				 struct vr_packed_first first, uint32_t *descriptors, uint32_t *id)
{
	uint64_t addr = first.addr;
	uint64_t rest = first.rest;
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
 * Pops the @i-th buffer of a group if it is a common one: available, of this kind, and no other flag is
 * set. @flags stand where they do in the second word.
 */
VR_INLINE bool vr_packed_take(struct vr_pop_run *run, uint64_t flags, uint32_t i, uint32_t kind,
			      bool in_order)
{
	/* Partner: the driver's release store in vr_packed_publish(). */
	uint64_t word = vr_ld64_acquire(&run->desc[i].rest) - flags;

	VR_KEEP(word);
	run->rest = word;
	if (vr_unlikely(word >= run->single))
		return false;
	run->offset = vr_ld64(&run->desc[i].addr) - run->low;
	VR_KEEP(run->offset);
	return vr_pop_run_one(run, i, in_order ? i : *(run->free_place - i),
			      word - (uint32_t)word + run->single, (uint32_t)word, kind, in_order);
}

VR_INLINE void vr_packed_step(struct vr_pop_run *run, uint32_t count, bool in_order)
{
	run->desc += count;
	if (!in_order)
		run->free_place -= count;
	vr_pop_run_step(run, count, in_order);
}

/* Pops common buffers, until another one comes. */
VR_INLINE uint32_t vr_packed_take_run(struct vr_pop_run *run, uint64_t flags, uint32_t count,
				      uint32_t kind, bool in_order)
{
	uint32_t done, i;

	for (done = 0; count - done >= VR_GROUP; done += VR_GROUP) {
		VR_UNROLL_4
		for (i = 0; i < VR_GROUP; i++)
			if (!vr_packed_take(run, flags, i, kind, in_order))
				return done + i;
		vr_packed_step(run, VR_GROUP, in_order);
	}
	for (; done < count; done++) {
		if (!vr_packed_take(run, flags, 0, kind, in_order))
			return done;
		vr_packed_step(run, 1, in_order);
	}
	return done;
}

/*
 * As far as nothing wraps. What ended the run, if something did, is left in @first, read once; @odd says
 * whether it is an available descriptor.
 */
VR_INLINE uint32_t vr_packed_pop_run(struct vr_device *device, struct vr_chain *chains,
				     uint32_t count, struct vr_iovec *segments,
				     struct vr_packed_first *first, bool *odd, uint32_t kind,
				     bool in_order)
{
	const struct vr_desc *desc = &device->desc[device->next.slot];
	const uint64_t flags = vr_packed_rest(0, 0, vr_available_state(device->next.wrap) | kind);
	struct vr_pop_run run;
	uint32_t done;

	vr_pop_run_begin(device, &run, chains, segments, in_order);
	run.desc = desc;
	run.free_place = in_order ? NULL : &device->free_places[device->size - 1 - device->open];
	run.single = VR_RECORD_SINGLE;
	VR_KEEP(run.single);
	done = vr_packed_take_run(&run, flags, count, kind, in_order);
	first->rest = run.rest + flags;
	*odd = done < count && vr_packed_available(device, first->rest);
	/* Without other flags it was not for them that the run has ended, and the address is here. */
	if (*odd)
		first->addr = run.rest < VR_RECORD_SINGLE ? vr_pop_run_addr(&run) :
							    vr_ld64(&desc[done].addr);
	vr_pop_run_end(device, done, kind, in_order);
	vr_advance(&device->next, done, device->size);
	device->in_flight_descs += done;
	return done;
}

/* Pops a buffer of any shape, from the copy of its first descriptor on. */
static inline int vr_packed_pop_one(struct vr_device *device, struct vr_gather *gather,
				    struct vr_packed_first first, struct vr_chain *chain,
				    bool in_order)
{
	uint32_t descriptors, id;
	int error;

	device->kind = vr_packed_flags(first.rest) & VR_DESC_WRITE;
	error = vr_packed_walk(device, gather, first, &descriptors, &id);
	if (error)
		return error;
	vr_packed_record(device, gather, id, descriptors, chain, in_order);
	vr_advance(&device->next, descriptors, device->size);
	device->in_flight_descs += descriptors;
	device->unpop_left++;
	return 0;
}

/*
 * How many buffers follow each other before something wraps, or the ring is all in flight. A device that
 * needs barriers of its platform needs one for each buffer, and takes them one by one.
 */
VR_INLINE unsigned int vr_packed_pop_most(const struct vr_device *device, unsigned int count,
					  bool in_order)
{
	unsigned int most = vr_min(count, device->size - device->in_flight_descs);

	if (vr_unlikely(device->platform))
		return 0;
	most = vr_min(most, device->size - device->next.slot);
	return vr_min(most, in_order ? device->size - device->pop_place : vr_ages_room(device));
}

/* Copies the first descriptor of the next buffer, if there is one. */
static inline bool vr_packed_load_first(const struct vr_device *device,
					struct vr_packed_first *first)
{
	if (!vr_packed_device_look(device, &first->rest))
		return false;
	first->addr = vr_ld64(&device->desc[device->next.slot].addr);
	return true;
}

/* Pops the buffer that starts with @first. Returns its pieces or an error. */
VR_APART int vr_packed_pop_other(struct vr_device *device, const struct vr_packed_first *first,
				 struct vr_chain *chain, struct vr_iovec *segments, uint32_t room)
{
	struct vr_gather gather = { segments, room, 0, 0, 0, 0, 0 };
	int error = device->form == VR_FORM_PACKED_IN_ORDER ?
			    vr_packed_pop_one(device, &gather, *first, chain, true) :
			    vr_packed_pop_one(device, &gather, *first, chain, false);

	return error ? error : (int)gather.pieces;
}

VR_INLINE int vr_packed_pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
			    struct vr_iovec *segments, unsigned int room, bool in_order)
{
	unsigned int done = 0;

	while (done < count) {
		uint32_t most = vr_packed_pop_most(device, vr_min(count - done, room), in_order);
		struct vr_packed_first first;
		uint32_t run = 0;
		bool odd;
		int pieces;

		if (vr_unlikely(most == 0))
			odd = vr_packed_load_first(device, &first);
		else if (device->kind)
			run = vr_packed_pop_run(device, chains + done, most, segments, &first, &odd,
						VR_DESC_WRITE, in_order);
		else
			run = vr_packed_pop_run(device, chains + done, most, segments, &first, &odd,
						0, in_order);
		done += run;
		segments += run;
		room -= run;
		if (run && run == most)
			continue;
		if (!odd)
			break;
		pieces = vr_packed_pop_other(device, &first, &chains[done], segments, room);
		if (pieces < 0)
			return done ? (int)done : pieces;
		done++;
		segments += pieces;
		room -= (uint32_t)pieces;
	}
	return (int)done;
}

#endif
