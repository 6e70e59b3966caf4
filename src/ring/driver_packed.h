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
VR_INLINE void vr_packed_put(struct vr_driver *driver, struct vr_position *next, bool first,
			     uint64_t addr, uint64_t rest)
{
	struct vr_desc *desc = &driver->desc[next->slot];

	rest |= (uint64_t)vr_available_state(next->wrap) << 48;
	vr_st64(&desc->addr, addr);
	if (first) {
		driver->held = rest;
		driver->first = *next;
	} else {
		vr_st64(&desc->rest, rest);
	}
	vr_advance(next, 1, driver->size);
}

VR_INLINE void vr_packed_write(struct vr_driver *driver, const struct vr_buffer *buffer,
			       const struct vr_shape *shape, uint32_t id, bool first)
{
	struct vr_position next = driver->next;
	uint32_t i;

	if (vr_unlikely(vr_shape_indirect(shape))) {
		uint64_t table = vr_driver_fill_table(driver, buffer, id, shape->segments);
		uint32_t bytes = shape->segments * (uint32_t)sizeof(struct vr_desc);

		vr_packed_put(driver, &next, first, table,
			      vr_packed_rest(bytes, id, VR_DESC_INDIRECT));
		driver->next = next;
		return;
	}
	for (i = 0; i < shape->segments; i++) {
		const struct vr_segment *segment = &buffer->segments[i];
		uint32_t flags = i < buffer->readable ? 0 : VR_DESC_WRITE;

		if (vr_unlikely(i + 1 < shape->segments))
			flags |= VR_DESC_NEXT;
		vr_packed_put(driver, &next, first && i == 0, segment->addr,
			      vr_packed_rest(segment->len, id, flags));
	}
	driver->next = next;
}

VR_INLINE int vr_packed_add(struct vr_driver *driver, const struct vr_buffer *buffers,
			    unsigned int count, bool in_order)
{
	uint32_t free = driver->free;
	uint64_t added = driver->added;
	unsigned int done;
	int error = 0;

	for (done = 0; done < count; done++) {
		struct vr_driver_buffer *record;
		struct vr_shape shape;
		uint32_t id;

		error = vr_buffer_shape(driver, &buffers[done], &shape);
		if (vr_unlikely(error) || shape.descriptors > free)
			break;
		if (in_order) {
			id = driver->add_slot;
			driver->add_slot = vr_next_slot(id, driver->size);
			record = &driver->buffers[id];
		} else {
			/* What is not on the stack is outstanding. */
			id = driver->free_ids[driver->size - 1 - (uint32_t)(added - driver->handed)];
			record = &driver->buffers[id];
			record->u.serial = (uint32_t)added;
		}
		vr_driver_record(driver, record, &buffers[done], &shape);
		vr_packed_write(driver, &buffers[done], &shape, id, added == driver->published);
		free -= shape.descriptors;
		added++;
	}
	driver->staged_descs += driver->free - free;
	driver->free = free;
	driver->added = added;
	return done ? (int)done : error;
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

VR_INLINE void vr_packed_release(struct vr_driver *driver, uint32_t id, uint32_t descriptors)
{
	driver->free += descriptors;
	driver->handed++;
	driver->free_ids[driver->size - 1 - (uint32_t)(driver->added - driver->handed)] =
		(uint16_t)id;
}

VR_INLINE int vr_packed_get(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	unsigned int done;
	int error = 0;

	for (done = 0; done < count; done++) {
		struct vr_driver_buffer *record;
		uint32_t id, len;
		uint64_t rest;

		if (!vr_packed_look(driver, &rest))
			break;
		id = vr_packed_id(rest);
		len = vr_packed_length(rest);
		error = vr_driver_judge(driver, id, &len);
		if (vr_unlikely(error))
			break;
		record = &driver->buffers[id];
		vr_driver_hand_out(driver, record, len, &used[done]);
		vr_advance(&driver->used, record->descriptors, driver->size);
		vr_packed_release(driver, id, record->descriptors);
		record->descriptors = 0;
	}
	return done ? (int)done : error;
}

/* In order: ids are record numbers, so the id's distance from the oldest is the batch (2.8.9). */
VR_INLINE int vr_packed_look_batch(struct vr_driver *driver)
{
	uint32_t id, len, distance;
	uint64_t rest;

	if (!vr_packed_look(driver, &rest))
		return 0;
	id = vr_packed_id(rest);
	len = vr_packed_length(rest);
	if (vr_unlikely(id >= driver->size))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_RANGE, id, driver->size);
	distance = id >= driver->get_slot ? id - driver->get_slot :
					    id + driver->size - driver->get_slot;
	if (vr_unlikely(distance >= vr_driver_on_ring(driver)))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_FREE, id, 0);
	if (!vr_driver_length(driver, &len, driver->buffers[id].capacity))
		return VR_E_BROKEN;
	driver->batch_left = distance + 1;
	driver->batch_len = len;
	return 1;
}

VR_INLINE int vr_packed_get_in_order(struct vr_driver *driver, struct vr_used *used,
				     unsigned int count, bool halted)
{
	unsigned int done;
	int more = 0;

	for (done = 0; done < count; done++) {
		if (driver->batch_left == 0) {
			if (halted)
				break;
			more = vr_packed_look_batch(driver);
			if (more <= 0)
				break;
		}
		vr_advance(&driver->used, vr_driver_hand_oldest(driver, &used[done]), driver->size);
	}
	return done ? (int)done : more;
}

#endif
