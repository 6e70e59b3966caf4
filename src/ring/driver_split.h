/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Driver half of the split ring (2.7), in order and not.
 *
 * Descriptors are taken from a queue of free ones; in order that queue is the table itself. A shadow
 * of the table and of the available ring knows what they hold, so that a value which is there
 * already is not stored again and the line stays with the device.
 */
#ifndef VR_RING_DRIVER_SPLIT_H
#define VR_RING_DRIVER_SPLIT_H

#include "driver_state.h"

VR_INLINE uint32_t vr_split_take(const struct vr_driver *driver, uint32_t index, bool in_order)
{
	uint32_t slot = index & (driver->size - 1);

	return in_order ? slot : driver->free_ids[slot];
}

VR_INLINE void vr_split_put(struct vr_driver *driver, uint32_t id, uint64_t addr, uint64_t rest)
{
	struct vr_shadow *shadow = &driver->shadow[id];
	struct vr_desc *desc = &driver->desc[id];

	if (shadow->rest != rest) {
		shadow->rest = rest;
		vr_st64(&desc->rest, rest);
		shadow->addr = addr;
		vr_st64(&desc->addr, addr);
	} else if (shadow->addr != addr) {
		shadow->addr = addr;
		vr_st64(&desc->addr, addr);
	}
}

/* Writes a buffer's descriptors and returns its head. */
VR_INLINE uint32_t vr_split_write(struct vr_driver *driver, const struct vr_buffer *buffer,
				  const struct vr_shape *shape, uint32_t take, bool in_order)
{
	uint32_t head = vr_split_take(driver, take, in_order);
	uint32_t id = head;
	uint32_t i;

	if (vr_unlikely(vr_shape_indirect(shape))) {
		uint64_t table = vr_driver_fill_table(driver, buffer, head, shape->segments);
		uint32_t bytes = shape->segments * (uint32_t)sizeof(struct vr_desc);

		vr_split_put(driver, head, table, vr_split_rest(bytes, VR_DESC_INDIRECT, 0));
		return head;
	}
	for (i = 0;; i++) {
		const struct vr_segment *segment = &buffer->segments[i];
		uint32_t flags = i < buffer->readable ? 0 : VR_DESC_WRITE;
		uint32_t next;

		if (vr_likely(i + 1 == shape->segments)) {
			vr_split_put(driver, id, segment->addr,
				     vr_split_rest(segment->len, flags, 0));
			return head;
		}
		next = vr_split_take(driver, take + i + 1, in_order);
		vr_split_put(driver, id, segment->addr,
			     vr_split_rest(segment->len, flags | VR_DESC_NEXT, next));
		id = next;
	}
}

VR_INLINE int vr_split_add(struct vr_driver *driver, const struct vr_buffer *buffers,
			   unsigned int count, bool in_order)
{
	uint32_t free = driver->free;
	uint32_t take = driver->take;
	uint64_t added = driver->added;
	unsigned int done;
	int error = 0;

	for (done = 0; done < count; done++) {
		struct vr_driver_buffer *record;
		struct vr_shape shape;
		uint32_t slot, head;

		error = vr_buffer_shape(driver, &buffers[done], &shape);
		if (vr_unlikely(error) || shape.descriptors > free)
			break;
		head = vr_split_write(driver, &buffers[done], &shape, take, in_order);
		if (in_order) {
			record = &driver->buffers[driver->add_slot];
			driver->add_slot = vr_next_slot(driver->add_slot, driver->size);
			record->u.head = head;
		} else {
			record = &driver->buffers[head];
			record->u.serial = (uint32_t)added;
		}
		vr_driver_record(driver, record, &buffers[done], &shape);
		slot = (uint32_t)added & (driver->size - 1);
		if (driver->avail_shadow[slot] != head) {
			driver->avail_shadow[slot] = (uint16_t)head;
			vr_st16(&driver->avail->ring[slot], (uint16_t)head);
		}
		free -= shape.descriptors;
		take += shape.descriptors;
		added++;
	}
	driver->free = free;
	driver->take = take;
	driver->added = added;
	return done ? (int)done : error;
}

VR_INLINE void vr_split_publish(struct vr_driver *driver)
{
	/* Partner: the device's acquire load in vr_split_device_look(). */
	vr_before_publish(driver->platform);
	vr_st16_release(&driver->avail->idx, (uint16_t)driver->added);
	driver->posted += driver->added - driver->published;
	driver->published = driver->added;
}

VR_INLINE bool vr_split_verdict(const struct vr_driver *driver)
{
	if (!driver->event_idx)
		return !(vr_ld16(&driver->used_ring->flags) & VR_USED_NO_NOTIFY);
	return vr_split_event_passed(driver->posted - driver->verdict, (uint16_t)driver->published,
				     vr_ld16(vr_avail_event(driver->used_ring, driver->size)));
}

/* Reads the used index, only called when the last one is used up. 1: there is more; 0; an error. */
VR_INLINE int vr_split_look(struct vr_driver *driver)
{
	/* Partner: the device's release store of used.idx. */
	uint16_t index = vr_ld16_acquire(&driver->used_ring->idx);
	uint16_t jump = (uint16_t)(index - (uint16_t)driver->handed);

	if (jump == 0)
		return 0;
	vr_after_consume(driver->platform);
	if (vr_unlikely(jump > vr_driver_on_ring(driver)))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_INDEX, jump,
				     vr_driver_on_ring(driver));
	driver->seen = driver->handed + jump;
	return 1;
}

/* Gives a chain's descriptors back to the queue of free ones. */
VR_INLINE void vr_split_release(struct vr_driver *driver, uint32_t id, uint32_t descriptors)
{
	uint32_t put = driver->take + driver->free;
	uint32_t i;

	for (i = 0; i < descriptors; i++) {
		driver->free_ids[(put + i) & (driver->size - 1)] = (uint16_t)id;
		id = vr_split_next(driver->shadow[id].rest);
	}
	driver->free += descriptors;
}

/*
 * Plain: judges what a used entry says before anything is handed out. The id must be one of a buffer
 * that the device can know of: outstanding, and not merely staged.
 */
VR_INLINE int vr_driver_judge(struct vr_driver *driver, uint32_t id, uint32_t *len)
{
	const struct vr_driver_buffer *record;

	if (vr_unlikely(id >= driver->size))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_RANGE, id, driver->size);
	record = &driver->buffers[id];
	if (vr_unlikely(record->descriptors == 0 ||
			(int32_t)((uint32_t)driver->published - record->u.serial) <= 0))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_FREE, id, 0);
	return vr_driver_length(driver, len, record->capacity) ? 0 : VR_E_BROKEN;
}

/* Plain: each used element names its buffer. */
VR_INLINE int vr_split_get(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	unsigned int done;
	int error = 0;

	if (driver->seen == driver->handed) {
		int more = vr_split_look(driver);

		if (more <= 0)
			return more;
	}
	for (done = 0; done < count && driver->handed != driver->seen; done++) {
		uint32_t slot = (uint32_t)driver->handed & (driver->size - 1);
		const struct vr_used_elem *elem = &driver->used_ring->ring[slot];
		uint32_t id = vr_ld32(&elem->id);
		uint32_t len = vr_ld32(&elem->len);
		struct vr_driver_buffer *record;

		error = vr_driver_judge(driver, id, &len);
		if (vr_unlikely(error))
			break;
		record = &driver->buffers[id];
		vr_driver_hand_out(driver, record, len, &used[done]);
		vr_split_release(driver, id, record->descriptors);
		record->descriptors = 0;
		driver->handed++;
	}
	return done ? (int)done : error;
}

VR_INLINE struct vr_driver_buffer *vr_driver_nth(const struct vr_driver *driver, uint32_t n)
{
	uint32_t slot = driver->get_slot + n;

	return &driver->buffers[slot >= driver->size ? slot - driver->size : slot];
}

int vr_split_find_batch(struct vr_driver *driver, uint32_t id, uint32_t jump);

/*
 * In order: one element may stand for several buffers, and names the last of them (2.7.9). Finds how
 * many, before anything is handed out.
 */
VR_INLINE int vr_split_look_batch(struct vr_driver *driver)
{
	const struct vr_used_elem *elem;
	uint32_t id, len, jump;
	int batch = 1;

	if (driver->seen == driver->handed) {
		int more = vr_split_look(driver);

		if (more <= 0)
			return more;
	}
	elem = &driver->used_ring->ring[(uint32_t)driver->handed & (driver->size - 1)];
	id = vr_ld32(&elem->id);
	len = vr_ld32(&elem->len);
	jump = (uint32_t)(driver->seen - driver->handed);
	if (vr_driver_nth(driver, 0)->u.head != id) {
		batch = (int)jump;
		if (vr_driver_nth(driver, jump - 1)->u.head != id)
			batch = vr_split_find_batch(driver, id, jump);
		if (vr_unlikely(batch < 0))
			return batch;
	}
	if (!vr_driver_length(driver, &len, vr_driver_nth(driver, (uint32_t)batch - 1)->capacity))
		return VR_E_BROKEN;
	driver->batch_left = (uint32_t)batch;
	driver->batch_len = len;
	return 1;
}

VR_INLINE int vr_split_get_in_order(struct vr_driver *driver, struct vr_used *used,
				    unsigned int count, bool halted)
{
	unsigned int done;
	int more = 0;

	for (done = 0; done < count; done++) {
		if (driver->batch_left == 0) {
			/* The index is looked at once a call: a device must not keep us here. */
			if (halted || (done && driver->seen == driver->handed))
				break;
			more = vr_split_look_batch(driver);
			if (more <= 0)
				break;
		}
		vr_driver_hand_oldest(driver, &used[done]);
	}
	return done ? (int)done : more;
}

#endif
