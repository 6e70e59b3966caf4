/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Driver half of the packed ring (2.8), in order and not.
 *
 * All staged descriptors but the first are written as available at once: the device looks at them
 * only after the first, whose second word is held back until vr_driver_publish().
 */
#ifndef VR_RING_DRIVER_PACKED_H
#define VR_RING_DRIVER_PACKED_H

#include "driver_split.h"

/* Writes one descriptor, or holds its second word back when it is the first one staged. */
VR_INLINE void vr_packed_put(struct vr_driver *driver, bool first, uint64_t addr, uint64_t rest)
{
	struct vr_desc *desc = &driver->desc[driver->next.slot];

	rest |= (uint64_t)vr_available_state(driver->next.wrap) << 48;
	vr_st64(&desc->addr, addr);
	if (first) {
		driver->held = rest;
		driver->first = driver->next;
	} else {
		vr_st64(&desc->rest, rest);
	}
	vr_advance(&driver->next, 1, driver->size);
}

static inline void vr_packed_write(struct vr_driver *driver, const struct vr_buffer *buffer,
				   const struct vr_shape *shape, uint32_t id, bool first)
{
	uint32_t i;

	if (vr_shape_indirect(shape)) {
		uint64_t table = vr_driver_fill_table(driver, buffer, id, shape->segments);
		uint32_t bytes = shape->segments * (uint32_t)sizeof(struct vr_desc);

		vr_packed_put(driver, first, table, vr_packed_rest(bytes, id, VR_DESC_INDIRECT));
		return;
	}
	for (i = 0; i < shape->segments; i++) {
		const struct vr_segment *segment = &buffer->segments[i];
		uint32_t flags = i < buffer->readable ? 0 : VR_DESC_WRITE;

		if (i + 1 < shape->segments)
			flags |= VR_DESC_NEXT;
		vr_packed_put(driver, first && i == 0, segment->addr,
			      vr_packed_rest(segment->len, id, flags));
	}
}

/* Plain: the ids that are not on the stack are outstanding. */
VR_INLINE uint32_t vr_packed_free_id(const struct vr_driver *driver)
{
	return driver->free_ids[driver->size - 1 - (uint32_t)(driver->added - driver->handed)];
}

/* Stages a buffer of any shape. 1; 0 when it does not fit now; an error. */
static VR_NOINLINE int vr_packed_add_one(struct vr_driver *driver, const struct vr_buffer *buffer,
					 bool in_order)
{
	struct vr_shape shape;
	uint32_t id;
	int error = vr_buffer_shape(driver, buffer, &shape);

	if (error || shape.descriptors > driver->free)
		return error;
	id = in_order ? driver->add_slot : vr_packed_free_id(driver);
	vr_driver_record(driver, &driver->buffers[id], buffer, &shape);
	driver->buffers[id].cookie = in_order ? driver->next.slot : (uint32_t)driver->added;
	if (in_order)
		driver->add_slot = id + 1 == driver->size ? 0 : id + 1;
	vr_packed_write(driver, buffer, &shape, id, driver->added == driver->published);
	driver->free -= shape.descriptors;
	driver->staged_descs += shape.descriptors;
	driver->added++;
	if (in_order)
		vr_driver_lap_note(driver, &shape);
	return 1;
}

/* Where a run of buffers of one segment goes. */
struct vr_packed_run {
	const struct vr_buffer *buffers;
	struct vr_used *records;
	const uint16_t *top; /* plain: behind the next free id; goes backwards */
	struct vr_desc *desc;
	uint64_t upper; /* of a second word: flags, in order the next buffer's id, too */
	uint32_t serial; /* cookie of the first buffer */
};

/*
 * Stages the @i-th buffer of a run, if it is of this kind. Its second word is held back if there is a
 * place for it. In order, its record's cookie may be known to be right.
 */
VR_INLINE bool vr_packed_stage(struct vr_packed_run *run, size_t i, uint32_t kind, bool in_order,
			       bool known, uint64_t *held)
{
	const struct vr_buffer *buffer = &run->buffers[i];
	uint32_t id = in_order ? 0 : *(run->top - (i + 1));
	struct vr_used *record = &run->records[in_order ? i : id];
	struct vr_segment segment;
	uint64_t rest;

	if (!vr_buffer_single(buffer, kind, &segment))
		return false;
	vr_driver_record_single(record, buffer, segment.len, kind, known);
	if (!in_order)
		vr_driver_mark(record, 1);
	if (!known)
		record->cookie = run->serial + (uint32_t)i;
	vr_st64(&run->desc[i].addr, segment.addr);
	rest = vr_packed_rest(segment.len, id, 0) + run->upper;
	if (in_order)
		run->upper += vr_packed_rest(0, 1, 0);
	if (held)
		*held = rest;
	else
		vr_st64(&run->desc[i].rest, rest);
	return true;
}

/* The next @count buffers of a run come first now. */
VR_INLINE void vr_packed_run_on(struct vr_packed_run *run, unsigned int count, bool in_order)
{
	run->buffers += count;
	if (in_order)
		run->records += count;
	else
		run->top -= count;
	run->desc += count;
	run->serial += count;
}

/* Stages the next four buffers of a run, in order with known cookies; stops at one of another kind. */
VR_INLINE unsigned int vr_packed_stage_four(struct vr_packed_run *run, uint32_t kind, bool in_order,
					    uint64_t *held)
{
	if (!vr_packed_stage(run, 0, kind, in_order, in_order, held))
		return 0;
	if (!vr_packed_stage(run, 1, kind, in_order, in_order, NULL))
		return 1;
	if (!vr_packed_stage(run, 2, kind, in_order, in_order, NULL))
		return 2;
	if (!vr_packed_stage(run, 3, kind, in_order, in_order, NULL))
		return 3;
	vr_packed_run_on(run, 4, in_order);
	return 4;
}

/* Stages the buffers of a run, as long as they are of one kind. In order, the cookies may be known. */
VR_INLINE unsigned int vr_packed_stage_run(struct vr_packed_run *run, unsigned int count,
					   uint32_t kind, bool in_order, bool known, uint64_t *held)
{
	bool fours = !in_order || known;
	unsigned int done = 0, four;

	/* The first four apart, so that the others need not ask whether to hold back. */
	if (held && fours && count >= 4) {
		done = vr_packed_stage_four(run, kind, in_order, held);
		if (done < 4)
			return done;
		held = NULL;
	}
	while (fours && done + 4 <= count) {
		four = vr_packed_stage_four(run, kind, in_order, NULL);
		done += four;
		if (four < 4)
			return done;
	}
	for (; done < count && vr_packed_stage(run, 0, kind, in_order, false, held); done++) {
		held = NULL;
		vr_packed_run_on(run, 1, in_order);
	}
	return done;
}

/*
 * Stages buffers of one segment, as long as they are of one kind and nothing wraps. The first one
 * staged is held back; nobody looks at what is written behind it before that is published.
 */
VR_INLINE unsigned int vr_packed_stage_kind(struct vr_driver *driver,
					    const struct vr_buffer *buffers, unsigned int count,
					    uint32_t kind, bool in_order)
{
	uint32_t write = kind == VR_KIND_WRITABLE ? VR_DESC_WRITE : 0;
	uint32_t flags = write | vr_available_state(driver->next.wrap);
	uint32_t open = (uint32_t)(driver->added - driver->handed);
	bool known = in_order && vr_driver_lap_known(driver, kind);
	struct vr_packed_run run;
	uint64_t *held = NULL;

	run.buffers = buffers;
	run.records = driver->buffers + (in_order ? driver->add_slot : 0);
	run.top = in_order ? NULL : driver->free_ids + (driver->size - open);
	run.desc = &driver->desc[driver->next.slot];
	run.upper = vr_packed_rest(0, in_order ? driver->add_slot : 0, flags);
	run.serial = in_order ? driver->next.slot : (uint32_t)driver->added;
	if (driver->added == driver->published) {
		driver->first = driver->next;
		held = &driver->held;
	}
	return vr_packed_stage_run(&run, count, kind, in_order, known, held);
}

VR_INLINE unsigned int vr_packed_add_run(struct vr_driver *driver, const struct vr_buffer *buffers,
					 unsigned int count, bool in_order)
{
	uint32_t kind = vr_buffer_kind(buffers);
	unsigned int run = 0;

	count = vr_min(vr_min(count, driver->free), driver->size - driver->next.slot);
	if (in_order)
		count = vr_min(count, driver->size - driver->add_slot);
	if (count == 0)
		return 0;
	if (kind == VR_KIND_READABLE)
		run = vr_packed_stage_kind(driver, buffers, count, VR_KIND_READABLE, in_order);
	else if (kind == VR_KIND_WRITABLE)
		run = vr_packed_stage_kind(driver, buffers, count, VR_KIND_WRITABLE, in_order);
	vr_advance(&driver->next, run, driver->size);
	if (in_order)
		driver->add_slot = driver->add_slot + run == driver->size ? 0 :
									    driver->add_slot + run;
	driver->free -= run;
	driver->staged_descs += run;
	driver->added += run;
	if (in_order && kind != VR_KIND_READABLE)
		driver->readables = driver->added;
	return run;
}

VR_INLINE int vr_packed_add(struct vr_driver *driver, const struct vr_buffer *buffers,
			    unsigned int count, bool in_order)
{
	unsigned int done = 0;

	while (done < count) {
		unsigned int run = 0;
		int one;

		if (vr_likely(!driver->keep))
			run = vr_packed_add_run(driver, buffers + done, count - done, in_order);
		done += run;
		if (run)
			continue;
		one = vr_packed_add_one(driver, buffers + done, in_order);
		if (one <= 0)
			return done ? (int)done : one;
		done++;
	}
	return (int)done;
}

VR_INLINE void vr_packed_publish(struct vr_driver *driver)
{
	/* Partner: the device's acquire load of the same word. */
	vr_before_publish(driver->platform);
	vr_st64_release(&driver->desc[driver->first.slot].rest, driver->held);
	driver->posted += driver->staged_descs;
	driver->staged_descs = 0;
	driver->published = driver->added;
}

/* Where the next descriptor to be made available goes: behind all that is published. */
static inline struct vr_position vr_packed_published(const struct vr_driver *driver)
{
	return driver->added == driver->published ? driver->next : driver->first;
}

VR_INLINE bool vr_packed_verdict(const struct vr_driver *driver)
{
	return vr_packed_event_wants(vr_ld32(&driver->device_event->word), driver->event_idx,
				     driver->posted - driver->verdict, vr_packed_published(driver),
				     driver->size);
}

/* Does this word say that its descriptor is used, at the used position's wrap counter? */
VR_INLINE bool vr_packed_is_used(const struct vr_driver *driver, uint64_t rest)
{
	return (vr_packed_flags(rest) & VR_DESC_STATE) == vr_used_state(driver->used.wrap);
}

/* Takes the word at the used position: true when that descriptor is used. */
VR_INLINE bool vr_packed_look(const struct vr_driver *driver, uint64_t *rest)
{
	/* Partner: the device's release store of the same word. */
	*rest = vr_ld64_acquire(&driver->desc[driver->used.slot].rest);
	if (!vr_packed_is_used(driver, *rest))
		return false;
	vr_after_consume(driver->platform);
	return true;
}

/* Without WRITE the length means nothing (2.8.5). */
VR_INLINE uint32_t vr_packed_length(uint64_t rest)
{
	return (vr_packed_flags(rest) & VR_DESC_WRITE) ? (uint32_t)rest : 0;
}

/*
 * A run of used descriptors. A queue's buffers are mostly of one kind, so their flags are expected to
 * be those that a descriptor had which was not as expected; then one comparison is enough. Each word
 * is read once.
 */
struct vr_packed_found {
	const struct vr_desc *desc;
	struct vr_used *used;
	struct vr_used *records;
	uint16_t *free_ids; /* plain */
	uint32_t size; /* plain */
	uint32_t expect; /* upper half of the second word: flags, in order the first id, too */
	uint32_t length; /* the bits of a length that mean something */
	uint64_t rest; /* the last one that was read */
};

VR_INLINE void vr_packed_expect(const struct vr_driver *driver, struct vr_packed_found *run,
				uint32_t id)
{
	uint32_t flags = driver->guess | vr_used_state(driver->used.wrap);

	run->expect = flags << 16 | id;
	run->length = (flags & VR_DESC_WRITE) ? UINT32_MAX : 0;
}

/* This one was not as expected; the next ones may be like it. */
VR_INLINE void vr_packed_guess(struct vr_driver *driver, uint64_t rest)
{
	driver->guess = vr_packed_flags(rest) & ~VR_DESC_STATE;
}

/* Plain: an entry that is not common. 1 or an error. */
static inline int vr_packed_get_one(struct vr_driver *driver, uint64_t rest, struct vr_used *used)
{
	uint32_t id = vr_packed_id(rest);
	uint32_t len = vr_packed_length(rest);
	uint32_t descriptors;
	int error = vr_driver_judge(driver, id, &len);

	if (error)
		return error;
	vr_packed_guess(driver, rest);
	descriptors = vr_driver_hand_out(driver, id, len, used);
	vr_advance(&driver->used, descriptors, driver->size);
	driver->free += descriptors;
	driver->handed++;
	driver->free_ids[driver->size - 1 - (uint32_t)(driver->added - driver->handed)] =
		(uint16_t)id;
	return 1;
}

/* Plain: takes the @i-th descriptor of a run, if it is used, and common. */
VR_INLINE bool vr_packed_take_plain(struct vr_packed_found *run, size_t i)
{
	uint32_t id;

	/* Partner: the device's release store of the same word. */
	run->rest = vr_ld64_acquire(&run->desc[i].rest);
	/* With other flags than those expected it is above the size of any queue. */
	id = (uint32_t)(run->rest >> 32) ^ run->expect;
	if (!vr_common_get(run->records, run->size, id, (uint32_t)run->rest & run->length,
			   &run->used[i]))
		return false;
	run->free_ids[i] = (uint16_t)id;
	return true;
}

/* Plain: takes descriptors up to the first one that is not to be taken here. */
VR_INLINE unsigned int vr_packed_take_run(struct vr_packed_found *run, unsigned int count)
{
	size_t i;

	for (i = 0; i + 4 <= count; i += 4) {
		if (!vr_packed_take_plain(run, i))
			return (unsigned int)i;
		if (!vr_packed_take_plain(run, i + 1))
			return (unsigned int)i + 1;
		if (!vr_packed_take_plain(run, i + 2))
			return (unsigned int)i + 2;
		if (!vr_packed_take_plain(run, i + 3))
			return (unsigned int)i + 3;
	}
	while (i < count && vr_packed_take_plain(run, i))
		i++;
	return (unsigned int)i;
}

/*
 * Plain: takes common descriptors, as long as nothing wraps. What ended the run is left in @rest; @odd
 * says whether it is a used descriptor, though not a common one.
 */
VR_INLINE unsigned int vr_packed_get_run(struct vr_driver *driver, struct vr_used *used,
					 unsigned int count, uint64_t *rest, bool *odd)
{
	uint32_t open = (uint32_t)(driver->added - driver->handed);
	struct vr_packed_found run;
	unsigned int done;

	run.desc = &driver->desc[driver->used.slot];
	run.used = used;
	run.records = driver->buffers;
	run.free_ids = driver->free_ids + (driver->size - open);
	run.size = driver->size;
	run.rest = 0; /* gcc -Os does not see that a run that ends early sets it */
	vr_packed_expect(driver, &run, 0);
	done = vr_packed_take_run(&run, count);
	/* Nothing that the entries stand for has been looked at before this. */
	vr_after_consume(driver->platform);
	*rest = run.rest;
	*odd = done < count && vr_packed_is_used(driver, run.rest);
	vr_advance(&driver->used, done, driver->size);
	driver->free += done;
	driver->handed += done;
	return done;
}

VR_INLINE int vr_packed_get(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		unsigned int run = 0, most;
		uint64_t rest;
		bool odd;
		int one;

		if (vr_common_none(driver)) {
			odd = vr_packed_look(driver, &rest);
		} else {
			most = vr_min(count - done, driver->size - driver->used.slot);
			run = vr_packed_get_run(driver, used + done, most, &rest, &odd);
			done += run;
			if (run == most)
				continue;
		}
		if (!odd)
			break;
		one = vr_packed_get_one(driver, rest, &used[done]);
		if (one < 0)
			return done ? (int)done : one;
		done++;
	}
	return (int)done;
}

/* In order: ids are record numbers, so the id's distance from the oldest is the batch (2.8.9). */
VR_INLINE int vr_packed_begin_batch(struct vr_driver *driver, uint64_t rest)
{
	uint32_t id = vr_packed_id(rest);
	uint32_t len = vr_packed_length(rest);
	uint32_t distance;

	if (vr_unlikely(id >= driver->size))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_RANGE, id, driver->size);
	distance = id >= driver->get_slot ? id - driver->get_slot :
					    id + driver->size - driver->get_slot;
	if (vr_unlikely(distance >= vr_driver_on_ring(driver)))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_FREE, id, 0);
	if (!vr_driver_length(driver, &len, driver->buffers[id].len))
		return VR_E_BROKEN;
	driver->batch_left = distance + 1;
	driver->batch_len = len;
	vr_packed_guess(driver, rest);
	return 1;
}

/* In order: takes the @slot-th descriptor of a run, if it is used and stands for the @i-th record alone. */
VR_INLINE bool vr_packed_take_ordered(struct vr_packed_found *run, size_t i, size_t slot, bool read)
{
	const struct vr_used *record = &run->records[i];
	uint32_t len;

	/* Partner: the device's release store of the same word. */
	if (!read)
		run->rest = vr_ld64_acquire(&run->desc[slot].rest);
	len = (uint32_t)run->rest & run->length;
	if ((uint32_t)(run->rest >> 32) != run->expect + (uint32_t)i ||
	    vr_unlikely(len > record->len))
		return false;
	run->used[i] = *record;
	run->used[i].len = len;
	return true;
}

/*
 * In order: takes descriptors up to the first that is not to be taken here, or to the ring's end. The
 * very first one has been read already.
 */
VR_INLINE unsigned int vr_packed_take_row(struct vr_packed_found *run, unsigned int count)
{
	uint32_t start = run->records->cookie;
	bool read = true;
	size_t i;

	/* Buffers whose last one starts no later than this have one descriptor each. */
	for (i = 0; i + 4 <= count && run->records[i + 3].cookie == start + i + 3; i += 4) {
		if (!vr_packed_take_ordered(run, i, i, read))
			return (unsigned int)i;
		read = false;
		if (!vr_packed_take_ordered(run, i + 1, i + 1, false))
			return (unsigned int)i + 1;
		if (!vr_packed_take_ordered(run, i + 2, i + 2, false))
			return (unsigned int)i + 2;
		if (!vr_packed_take_ordered(run, i + 3, i + 3, false))
			return (unsigned int)i + 3;
	}
	for (; i < count && run->records[i].cookie >= start; i++) {
		if (!vr_packed_take_ordered(run, i, run->records[i].cookie - start, read))
			break;
		read = false;
	}
	return (unsigned int)i;
}

/*
 * In order: hands out buffers that have a used descriptor each, which is found where that buffer
 * starts, as long as nothing wraps. What ended the run is left in @rest; @odd says whether it is a
 * used descriptor that stands for more. Mostly it is the first.
 */
VR_INLINE unsigned int vr_packed_get_singles(struct vr_driver *driver, struct vr_used *used,
					     unsigned int count, uint64_t *rest, bool *odd)
{
	struct vr_packed_found run;
	unsigned int done = 0;

	run.desc = &driver->desc[driver->used.slot];
	run.used = used;
	run.records = &driver->buffers[driver->get_slot];
	*odd = vr_packed_look(driver, rest);
	if (!*odd || vr_packed_id(*rest) != driver->get_slot)
		return 0;
	vr_packed_expect(driver, &run, driver->get_slot);
	run.rest = *rest;
	done = vr_packed_take_row(&run, count);
	/* Nothing that the entries stand for has been looked at before this. */
	vr_after_consume(driver->platform);
	*rest = run.rest;
	*odd = done < count && run.records[done].cookie >= driver->used.slot &&
	       vr_packed_is_used(driver, run.rest);
	if (done)
		vr_driver_retire(driver, done, true);
	return done;
}

/* In order, with nothing outstanding: a used descriptor here is a device's mistake. */
VR_COLD int vr_packed_get_nothing(struct vr_driver *driver);

VR_INLINE int vr_packed_get_in_order(struct vr_driver *driver, struct vr_used *used,
				     unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		uint32_t singles, run;
		uint64_t rest;
		bool odd;
		int more = 1;

		if (driver->batch_left) {
			done += vr_driver_hand_batch(driver, used + done, count - done, true);
			continue;
		}
		if (vr_unlikely(vr_halted(&driver->halt)))
			break;
		singles = vr_min(count - done, (uint32_t)vr_driver_on_ring(driver));
		if (vr_unlikely(singles == 0))
			return done ? (int)done : vr_packed_get_nothing(driver);
		singles = vr_min(singles, driver->size - driver->get_slot);
		run = vr_packed_get_singles(driver, used + done, singles, &rest, &odd);
		done += run;
		if (odd)
			more = vr_packed_begin_batch(driver, rest);
		else if (run == 0)
			break;
		if (vr_unlikely(more < 0))
			return done ? (int)done : more;
	}
	return (int)done;
}

#endif
