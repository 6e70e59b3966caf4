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
static inline int vr_packed_add_one(struct vr_driver *driver, const struct vr_buffer *buffer,
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
	return 1;
}

/* Where a run of buffers of one segment goes. */
struct vr_packed_run {
	struct vr_used *records;
	const uint16_t *top; /* plain: the stack of free ids */
	struct vr_desc *desc;
	uint64_t flags;
	uint32_t first; /* in order: record, and so id, of the first buffer */
	uint32_t serial; /* cookie of the first buffer */
};

/* Stages the @i-th buffer of a run and returns its descriptor's second word. */
VR_INLINE uint64_t vr_packed_stage(const struct vr_packed_run *run, const struct vr_buffer *buffer,
				   uint32_t i, uint32_t kind, bool in_order)
{
	uint32_t id = in_order ? run->first + i : *(run->top - i);
	struct vr_used *record = &run->records[in_order ? i : id];

	vr_driver_record_single(record, buffer, kind);
	if (!in_order) {
		record->segments = 0;
		record->descriptors = 1;
	}
	record->cookie = run->serial + i;
	vr_st64(&run->desc[i].addr, buffer->segments->addr);
	return vr_packed_rest(buffer->segments->len, id, 0) | run->flags;
}

/*
 * Stages buffers of one segment, as long as they are of one kind and nothing wraps. The first one
 * staged is held back; nobody looks at what is written behind it before that is published.
 */
VR_INLINE unsigned int vr_packed_stage_run(struct vr_driver *driver,
					   const struct vr_buffer *buffers, unsigned int count,
					   uint32_t kind, bool in_order)
{
	uint32_t write = kind == VR_KIND_WRITABLE ? VR_DESC_WRITE : 0;
	uint32_t open = (uint32_t)(driver->added - driver->handed);
	struct vr_packed_run run;
	unsigned int i = 0;

	run.first = in_order ? driver->add_slot : 0;
	run.records = driver->buffers + run.first;
	run.top = in_order ? NULL : driver->free_ids + (driver->size - 1 - open);
	run.desc = &driver->desc[driver->next.slot];
	run.flags = vr_packed_rest(0, 0, write | vr_available_state(driver->next.wrap));
	run.serial = in_order ? driver->next.slot : (uint32_t)driver->added;
	if (driver->added == driver->published && vr_buffer_single(buffers, kind)) {
		driver->held = vr_packed_stage(&run, buffers, i++, kind, in_order);
		driver->first = driver->next;
	}
	for (; i < count && vr_buffer_single(&buffers[i], kind); i++)
		vr_st64(&run.desc[i].rest, vr_packed_stage(&run, &buffers[i], i, kind, in_order));
	return i;
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
		run = vr_packed_stage_run(driver, buffers, count, VR_KIND_READABLE, in_order);
	else if (kind == VR_KIND_WRITABLE)
		run = vr_packed_stage_run(driver, buffers, count, VR_KIND_WRITABLE, in_order);
	vr_advance(&driver->next, run, driver->size);
	if (in_order)
		driver->add_slot = driver->add_slot + run == driver->size ? 0 :
									    driver->add_slot + run;
	driver->free -= run;
	driver->staged_descs += run;
	driver->added += run;
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

/* Takes the word at the used position: true when that descriptor is used. */
VR_INLINE bool vr_packed_look(const struct vr_driver *driver, uint64_t *rest)
{
	/* Partner: the device's release store of the same word. */
	*rest = vr_ld64_acquire(&driver->desc[driver->used.slot].rest);
	if ((vr_packed_flags(*rest) & VR_DESC_STATE) != vr_used_state(driver->used.wrap))
		return false;
	vr_after_consume(driver->platform);
	return true;
}

/* Without WRITE the length means nothing (2.8.5). */
VR_INLINE uint32_t vr_packed_length(uint64_t rest)
{
	return (vr_packed_flags(rest) & VR_DESC_WRITE) ? (uint32_t)rest : 0;
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
	descriptors = vr_driver_hand_out(driver, id, len, used);
	vr_advance(&driver->used, descriptors, driver->size);
	driver->free += descriptors;
	driver->handed++;
	driver->free_ids[driver->size - 1 - (uint32_t)(driver->added - driver->handed)] =
		(uint16_t)id;
	return 1;
}

/*
 * Plain: takes common descriptors, as long as nothing wraps. What ended the run is left in @rest, read
 * once; @odd says whether it is a used descriptor, though not a common one.
 */
VR_INLINE unsigned int vr_packed_get_run(struct vr_driver *driver, struct vr_used *used,
					 unsigned int count, uint64_t *rest, bool *odd)
{
	const struct vr_desc *desc = &driver->desc[driver->used.slot];
	uint32_t open = (uint32_t)(driver->added - driver->handed);
	uint32_t state = vr_used_state(driver->used.wrap);
	uint16_t *free_ids = driver->free_ids + (driver->size - open);
	struct vr_used *records = driver->buffers;
	uint32_t size = driver->size;
	unsigned int i;

	*odd = false;
	for (i = 0; i < count; i++) {
		uint32_t id;

		/* Partner: the device's release store of the same word. */
		*rest = vr_ld64_acquire(&desc[i].rest);
		if ((vr_packed_flags(*rest) & VR_DESC_STATE) != state)
			break;
		id = vr_packed_id(*rest);
		*odd = !vr_common_get(records, size, id, vr_packed_length(*rest), &used[i]);
		if (*odd)
			break;
		free_ids[i] = (uint16_t)id;
	}
	/* Nothing that the entries stand for has been looked at before this. */
	vr_after_consume(driver->platform);
	vr_advance(&driver->used, i, size);
	driver->free += i;
	driver->handed += i;
	return i;
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
VR_INLINE int vr_packed_begin_batch(struct vr_driver *driver, uint32_t id, uint32_t len)
{
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
	return 1;
}

/*
 * In order: takes used descriptors that stand for one buffer each, which is found where that buffer
 * starts, as long as nothing wraps. What ended the run is left in @rest, read once; @odd says
 * whether it is a used descriptor.
 */
VR_INLINE unsigned int vr_packed_get_singles(struct vr_driver *driver, struct vr_used *used,
					     unsigned int count, uint64_t *rest, bool *odd)
{
	const struct vr_used *record = &driver->buffers[driver->get_slot];
	uint32_t state = vr_used_state(driver->used.wrap);
	uint32_t start = driver->used.slot;
	unsigned int i;

	*odd = false;
	for (i = 0; i < count && record[i].cookie >= start; i++) {
		uint32_t len;

		/* Partner: the device's release store of the same word. */
		*rest = vr_ld64_acquire(&driver->desc[record[i].cookie].rest);
		if ((vr_packed_flags(*rest) & VR_DESC_STATE) != state)
			break;
		len = vr_packed_length(*rest);
		*odd = vr_packed_id(*rest) != driver->get_slot + i || len > record[i].len;
		if (*odd)
			break;
		used[i] = record[i];
		used[i].len = len;
	}
	/* Nothing that the entries stand for has been looked at before this. */
	vr_after_consume(driver->platform);
	if (i)
		vr_driver_retire(driver, i);
	return i;
}

/* In order, with nothing outstanding: a used descriptor here is a device's mistake. */
VR_COLD int vr_packed_get_nothing(struct vr_driver *driver);

VR_INLINE int vr_packed_get_in_order(struct vr_driver *driver, struct vr_used *used,
				     unsigned int count, bool halted)
{
	unsigned int done = 0;

	while (done < count) {
		uint32_t singles, run;
		uint64_t rest;
		bool odd;
		int more = 1;

		if (driver->batch_left) {
			done += vr_driver_hand_batch(driver, used + done, count - done);
			continue;
		}
		if (vr_unlikely(halted))
			break;
		singles = vr_min(count - done, (uint32_t)vr_driver_on_ring(driver));
		if (vr_unlikely(singles == 0))
			return done ? (int)done : vr_packed_get_nothing(driver);
		singles = vr_min(singles, driver->size - driver->get_slot);
		run = vr_packed_get_singles(driver, used + done, singles, &rest, &odd);
		done += run;
		if (odd)
			more = vr_packed_begin_batch(driver, vr_packed_id(rest),
						     vr_packed_length(rest));
		else if (run == 0)
			break;
		if (vr_unlikely(more < 0))
			return done ? (int)done : more;
	}
	return (int)done;
}

#endif
