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

VR_INLINE void vr_split_put(struct vr_shadow *shadow, struct vr_desc *desc, uint64_t addr,
			    uint64_t rest)
{
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

/* Writes a buffer's descriptors, or its table, from the next free descriptor on: its head. */
static inline void vr_split_write(struct vr_driver *driver, const struct vr_buffer *buffer,
				  const struct vr_shape *shape, uint32_t head, bool in_order)
{
	uint32_t id = head;
	uint32_t i;

	if (vr_shape_indirect(shape)) {
		uint64_t table = vr_driver_fill_table(driver, buffer, head, shape->segments);
		uint32_t bytes = shape->segments * (uint32_t)sizeof(struct vr_desc);

		vr_split_put(&driver->shadow[head], &driver->desc[head], table,
			     vr_split_rest(bytes, VR_DESC_INDIRECT, 0));
		return;
	}
	for (i = 0; i < shape->segments; i++) {
		const struct vr_segment *segment = &buffer->segments[i];
		uint32_t flags = i < buffer->readable ? 0 : VR_DESC_WRITE;
		uint32_t next = 0;

		if (i + 1 < shape->segments) {
			flags |= VR_DESC_NEXT;
			next = vr_split_take(driver, driver->take + i + 1, in_order);
		}
		vr_split_put(&driver->shadow[id], &driver->desc[id], segment->addr,
			     vr_split_rest(segment->len, flags, next));
		id = next;
	}
}

/* Stages a buffer of any shape. 1; 0 when it does not fit now; an error. */
static inline int vr_split_add_one(struct vr_driver *driver, const struct vr_buffer *buffer,
				   bool in_order)
{
	uint32_t slot = (uint32_t)driver->added & (driver->size - 1);
	struct vr_shape shape;
	uint32_t head;
	int error = vr_buffer_shape(driver, buffer, &shape);

	if (error || shape.descriptors > driver->free)
		return error;
	head = vr_split_take(driver, driver->take, in_order);
	vr_split_write(driver, buffer, &shape, head, in_order);
	if (in_order) {
		vr_driver_record(driver, &driver->buffers[slot], buffer, &shape);
		driver->buffers[slot].cookie = head;
	} else {
		vr_driver_record(driver, &driver->buffers[head], buffer, &shape);
		driver->buffers[head].cookie = (uint32_t)driver->added;
		driver->avail_shadow[slot] = (uint16_t)head;
	}
	vr_st16(&driver->avail->ring[slot], (uint16_t)head);
	driver->free -= shape.descriptors;
	driver->take += shape.descriptors;
	driver->added++;
	return 1;
}

/* How many descriptors and index slots follow each other before one of the two wraps. */
VR_INLINE unsigned int vr_split_run(const struct vr_driver *driver, unsigned int count)
{
	uint32_t first = driver->take & (driver->size - 1);
	uint32_t slot = (uint32_t)driver->added & (driver->size - 1);

	return vr_min(vr_min(count, driver->free), driver->size - (first > slot ? first : slot));
}

/* In order: stages buffers of one segment, as long as they are of one kind and nothing wraps. */
VR_INLINE unsigned int vr_split_add_ordered(struct vr_driver *driver,
					    const struct vr_buffer *buffers, unsigned int count,
					    uint32_t kind)
{
	uint32_t first = driver->take & (driver->size - 1);
	uint32_t slot = (uint32_t)driver->added & (driver->size - 1);
	struct vr_shadow *shadow = &driver->shadow[first];
	struct vr_desc *desc = &driver->desc[first];
	struct vr_used *record = &driver->buffers[slot];
	struct vr_le16 *avail = &driver->avail->ring[slot];
	uint32_t flags = kind == VR_KIND_WRITABLE ? VR_DESC_WRITE : 0;
	unsigned int i;

	for (i = 0; i < count && vr_buffer_single(&buffers[i], kind); i++) {
		const struct vr_segment *segment = buffers[i].segments;
		uint32_t head = first + i;

		vr_split_put(&shadow[i], &desc[i], segment->addr,
			     vr_split_rest(segment->len, flags, 0));
		vr_driver_record_single(&record[i], &buffers[i], kind);
		if (vr_unlikely(record[i].cookie != head)) {
			record[i].cookie = head;
			vr_st16(&avail[i], (uint16_t)head);
		}
	}
	return i;
}

/* Plain: the same, with the descriptors in the order in which they became free. */
VR_INLINE unsigned int vr_split_add_plain(struct vr_driver *driver, const struct vr_buffer *buffers,
					  unsigned int count, uint32_t kind)
{
	uint32_t slot = (uint32_t)driver->added & (driver->size - 1);
	const uint16_t *free_ids = &driver->free_ids[driver->take & (driver->size - 1)];
	uint16_t *avail_shadow = &driver->avail_shadow[slot];
	struct vr_le16 *avail = &driver->avail->ring[slot];
	struct vr_shadow *shadow = driver->shadow;
	struct vr_desc *desc = driver->desc;
	struct vr_used *records = driver->buffers;
	uint32_t serial = (uint32_t)driver->added;
	uint32_t flags = kind == VR_KIND_WRITABLE ? VR_DESC_WRITE : 0;
	unsigned int i;

	for (i = 0; i < count && vr_buffer_single(&buffers[i], kind); i++) {
		const struct vr_segment *segment = buffers[i].segments;
		uint32_t head = free_ids[i];
		struct vr_used *record = &records[head];

		vr_split_put(&shadow[head], &desc[head], segment->addr,
			     vr_split_rest(segment->len, flags, 0));
		vr_driver_record_single(record, &buffers[i], kind);
		record->segments = 0;
		record->descriptors = 1;
		record->cookie = serial + i;
		if (vr_unlikely(avail_shadow[i] != head)) {
			avail_shadow[i] = (uint16_t)head;
			vr_st16(&avail[i], (uint16_t)head);
		}
	}
	return i;
}

VR_INLINE unsigned int vr_split_add_run(struct vr_driver *driver, const struct vr_buffer *buffers,
					unsigned int count, bool in_order)
{
	uint32_t kind = vr_buffer_kind(buffers);
	unsigned int run = 0;

	count = vr_split_run(driver, count);
	if (kind == VR_KIND_READABLE)
		run = in_order ? vr_split_add_ordered(driver, buffers, count, VR_KIND_READABLE) :
				 vr_split_add_plain(driver, buffers, count, VR_KIND_READABLE);
	else if (kind == VR_KIND_WRITABLE)
		run = in_order ? vr_split_add_ordered(driver, buffers, count, VR_KIND_WRITABLE) :
				 vr_split_add_plain(driver, buffers, count, VR_KIND_WRITABLE);
	driver->free -= run;
	driver->take += run;
	driver->added += run;
	return run;
}

VR_INLINE int vr_split_add(struct vr_driver *driver, const struct vr_buffer *buffers,
			   unsigned int count, bool in_order)
{
	unsigned int done = 0;

	while (done < count) {
		unsigned int run = 0;
		int one;

		if (vr_likely(!driver->keep))
			run = vr_split_add_run(driver, buffers + done, count - done, in_order);
		done += run;
		if (run)
			continue;
		one = vr_split_add_one(driver, buffers + done, in_order);
		if (one <= 0)
			return done ? (int)done : one;
		done++;
	}
	return (int)done;
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
	uint32_t mask = driver->size - 1;
	uint32_t put = driver->take + driver->free;

	driver->free += descriptors;
	driver->free_ids[put & mask] = (uint16_t)id;
	while (vr_unlikely(--descriptors)) {
		id = vr_split_next(driver->shadow[id].rest);
		driver->free_ids[++put & mask] = (uint16_t)id;
	}
}

/*
 * Plain: judges what a used entry says before anything is handed out. The id must be one of a buffer
 * that the device can know of: outstanding, and not merely staged.
 */
VR_INLINE int vr_driver_judge(struct vr_driver *driver, uint32_t id, uint32_t *len)
{
	uint32_t staged = (uint32_t)(driver->added - driver->published);
	const struct vr_used *record;

	if (vr_unlikely(id >= driver->size))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_RANGE, id, driver->size);
	record = &driver->buffers[id];
	/* Staged is what was added behind all that is published, however long ago the others were. */
	if (vr_unlikely(record->descriptors == 0 ||
			record->cookie - (uint32_t)driver->published < staged))
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_FREE, id, 0);
	return vr_driver_length(driver, len, record->len) ? 0 : VR_E_BROKEN;
}

/* Plain: hands out the buffer that a used entry names. Returns its descriptors. */
static inline uint32_t vr_driver_hand_out(struct vr_driver *driver, uint32_t id, uint32_t len,
					  struct vr_used *used)
{
	struct vr_used *record = &driver->buffers[id];
	uint32_t descriptors = record->descriptors;

	*used = *record;
	used->len = len;
	record->descriptors = 0;
	if (driver->keep)
		vr_driver_unkeep(driver, record);
	return descriptors;
}

/*
 * Plain: hands out the buffer of a common used entry: of one descriptor, with a length that it can
 * have. Leaves everything as it is when the entry is another one; then the long way, which also says
 * what is wrong with it, has to judge it. So it has for all entries while buffers are staged, which
 * the device cannot know of, or segments are kept.
 */
VR_INLINE bool vr_common_get(struct vr_used *records, uint32_t size, uint32_t id, uint32_t len,
			     struct vr_used *used)
{
	struct vr_used *record;

	if (vr_unlikely(id >= size))
		return false;
	record = &records[id];
	if (vr_unlikely(record->descriptors != 1) || vr_unlikely(len > record->len))
		return false;
	*used = *record;
	used->len = len;
	record->descriptors = 0;
	return true;
}

VR_INLINE bool vr_common_none(const struct vr_driver *driver)
{
	return vr_unlikely(driver->keep) || vr_unlikely(driver->added != driver->published);
}

/* Plain: an entry that is not common. 1 or an error. */
static inline int vr_split_get_one(struct vr_driver *driver, uint32_t id, uint32_t len,
				   struct vr_used *used)
{
	int error = vr_driver_judge(driver, id, &len);

	if (error)
		return error;
	vr_split_release(driver, id, vr_driver_hand_out(driver, id, len, used));
	driver->handed++;
	return 1;
}

/*
 * Plain: takes common elements, as long as nothing wraps. One that is not common ends the run and is
 * left in @id and @len, read once; @odd says so.
 */
VR_INLINE unsigned int vr_split_get_run(struct vr_driver *driver, struct vr_used *used,
					unsigned int count, uint32_t *id, uint32_t *len, bool *odd)
{
	uint32_t mask = driver->size - 1;
	uint32_t slot = (uint32_t)driver->handed & mask;
	uint32_t put = (driver->take + driver->free) & mask;
	const struct vr_used_elem *elem = &driver->used_ring->ring[slot];
	uint16_t *free_ids = &driver->free_ids[put];
	struct vr_used *records = driver->buffers;
	unsigned int i;

	count = vr_min(count, mask + 1 - (slot > put ? slot : put));
	for (i = 0; i < count; i++) {
		*id = vr_ld32(&elem[i].id);
		*len = vr_ld32(&elem[i].len);
		if (!vr_common_get(records, mask + 1, *id, *len, &used[i]))
			break;
		free_ids[i] = (uint16_t)*id;
	}
	*odd = i < count;
	driver->free += i;
	driver->handed += i;
	return i;
}

/* Plain: each used element names its buffer, and is read once. */
VR_INLINE int vr_split_get(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	unsigned int done = 0;

	if (driver->seen == driver->handed) {
		int more = vr_split_look(driver);

		if (more <= 0)
			return more;
	}
	count = vr_min(count, (uint32_t)(driver->seen - driver->handed));
	while (done < count) {
		const struct vr_used_elem *elem;
		uint32_t id = 0, len = 0; /* gcc -Os does not see that a run that ends sets them */
		bool odd = true;
		int one;

		if (vr_common_none(driver)) {
			elem = &driver->used_ring
					->ring[(uint32_t)driver->handed & (driver->size - 1)];
			id = vr_ld32(&elem->id);
			len = vr_ld32(&elem->len);
		} else {
			done += vr_split_get_run(driver, used + done, count - done, &id, &len,
						 &odd);
		}
		if (!odd)
			continue;
		one = vr_split_get_one(driver, id, len, &used[done]);
		if (one < 0)
			return done ? (int)done : one;
		done++;
	}
	return (int)done;
}

int vr_split_find_batch(struct vr_driver *driver, uint32_t id, uint32_t jump);

/*
 * In order: one element may stand for several buffers, and names the last of them (2.7.9). Finds how
 * many, before anything is handed out. 1 or an error.
 */
VR_INLINE int vr_split_begin_batch(struct vr_driver *driver, uint32_t id, uint32_t len)
{
	uint32_t jump = (uint32_t)(driver->seen - driver->handed);
	int batch = (int)jump;

	if (vr_driver_nth(driver, jump - 1)->cookie != id)
		batch = vr_split_find_batch(driver, id, jump);
	if (vr_unlikely(batch < 0))
		return batch;
	if (!vr_driver_length(driver, &len, vr_driver_nth(driver, (uint32_t)batch - 1)->len))
		return VR_E_BROKEN;
	driver->batch_left = (uint32_t)batch;
	driver->batch_len = len;
	return 1;
}

/*
 * In order: takes elements that stand for one buffer each, as long as nothing wraps. The one that does
 * not is left in @id and @len, read once.
 */
VR_INLINE unsigned int vr_split_get_singles(struct vr_driver *driver, struct vr_used *used,
					    unsigned int count, uint32_t *id, uint32_t *len)
{
	const struct vr_used *record = &driver->buffers[driver->get_slot];
	const struct vr_used_elem *elem = &driver->used_ring->ring[driver->get_slot];
	unsigned int i;

	for (i = 0; i < count; i++) {
		*id = vr_ld32(&elem[i].id);
		*len = vr_ld32(&elem[i].len);
		if (record[i].cookie != *id || vr_unlikely(*len > record[i].len))
			break;
		used[i] = record[i];
		used[i].len = *len;
	}
	if (i)
		vr_driver_retire(driver, i);
	return i;
}

VR_INLINE int vr_split_get_in_order(struct vr_driver *driver, struct vr_used *used,
				    unsigned int count, bool halted)
{
	unsigned int done = 0;

	while (done < count) {
		uint32_t id = 0, len = 0; /* as in vr_split_get() */
		uint32_t singles, run;
		int more = 1;

		if (driver->batch_left) {
			done += vr_driver_hand_batch(driver, used + done, count - done);
			continue;
		}
		/* The index is looked at once a call: a device must not keep us here. */
		if (vr_unlikely(halted) || (done && driver->seen == driver->handed))
			break;
		if (driver->seen == driver->handed)
			more = vr_split_look(driver);
		if (more <= 0)
			return more;
		singles = vr_min(count - done, (uint32_t)(driver->seen - driver->handed));
		singles = vr_min(singles, driver->size - driver->get_slot);
		run = vr_split_get_singles(driver, used + done, singles, &id, &len);
		done += run;
		if (run < singles)
			more = vr_split_begin_batch(driver, id, len);
		if (vr_unlikely(more < 0))
			return done ? (int)done : more;
	}
	return (int)done;
}

#endif
