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

VR_INLINE void vr_split_put_addr(struct vr_shadow *shadow, struct vr_desc *desc, uint64_t addr)
{
	shadow->addr = addr;
	vr_st64(&desc->addr, addr);
}

VR_INLINE void vr_split_put_both(struct vr_shadow *shadow, struct vr_desc *desc, uint64_t addr,
				 uint64_t rest)
{
	shadow->rest = rest;
	vr_st64(&desc->rest, rest);
	vr_split_put_addr(shadow, desc, addr);
}

VR_INLINE void vr_split_put(struct vr_shadow *shadow, struct vr_desc *desc, uint64_t addr,
			    uint64_t rest)
{
	if (shadow->rest != rest)
		vr_split_put_both(shadow, desc, addr, rest);
	else if (shadow->addr != addr)
		vr_split_put_addr(shadow, desc, addr);
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
static VR_NOINLINE int vr_split_add_one(struct vr_driver *driver, const struct vr_buffer *buffer,
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
	if (in_order)
		vr_driver_lap_note(driver, &shape);
	return 1;
}

/* Where a run of buffers of one segment goes. */
struct vr_split_run {
	const struct vr_buffer *buffers;
	const uint16_t *free_ids; /* plain */
	uint16_t *avail_shadow; /* plain */
	struct vr_le16 *avail;
	struct vr_shadow *shadow;
	struct vr_desc *desc;
	struct vr_used *records;
	uint32_t first; /* in order: the first buffer's descriptor; plain: its serial number */
};

/*
 * Writes the descriptor of a buffer of one segment, if it is of this kind. No length is 0 that the
 * descriptor holds already.
 */
VR_INLINE bool vr_split_put_single(struct vr_shadow *shadow, struct vr_desc *desc,
				   const struct vr_buffer *buffer, uint32_t kind, uint32_t *len)
{
	uint32_t flags = kind == VR_KIND_WRITABLE ? VR_DESC_WRITE : 0;
	uint64_t addr, rest;

	if (vr_unlikely(vr_buffer_kind(buffer) != kind))
		return false;
	addr = buffer->segments->addr;
	*len = buffer->segments->len;
	rest = vr_split_rest(*len, flags, 0);
	if (shadow->rest != rest) {
		if (vr_unlikely(*len == 0))
			return false;
		vr_split_put_both(shadow, desc, addr, rest);
	} else if (shadow->addr != addr) {
		vr_split_put_addr(shadow, desc, addr);
	}
	return true;
}

/*
 * In order: stages the @i-th buffer of a run, if it is of this kind. The available entry and the
 * record's cookie may be known to be right.
 */
VR_INLINE bool vr_split_stage_ordered(const struct vr_split_run *run, size_t i, uint32_t kind,
				      bool known)
{
	uint32_t head = run->first + (uint32_t)i;
	struct vr_used *record = &run->records[i];
	uint32_t len;

	if (!vr_split_put_single(&run->shadow[i], &run->desc[i], &run->buffers[i], kind, &len))
		return false;
	vr_driver_record_single(record, &run->buffers[i], len, kind, known);
	if (!known && record->cookie != head) {
		record->cookie = head;
		vr_st16(&run->avail[i], (uint16_t)head);
	}
	return true;
}

/* The next @count buffers of a run come first now. */
VR_INLINE void vr_split_run_on(struct vr_split_run *run, unsigned int count, bool in_order)
{
	run->buffers += count;
	run->avail += count;
	run->first += count;
	if (in_order) {
		run->shadow += count;
		run->desc += count;
		run->records += count;
	} else {
		run->free_ids += count;
		run->avail_shadow += count;
	}
}

/* In order: stages the buffers of a run, as long as they are of one kind. */
VR_INLINE unsigned int vr_split_stage_row(struct vr_split_run *run, unsigned int count,
					  uint32_t kind, bool known)
{
	unsigned int left = count;

	while (known && left >= 4) {
		if (!vr_split_stage_ordered(run, 0, kind, true))
			return count - left;
		if (!vr_split_stage_ordered(run, 1, kind, true))
			return count - left + 1;
		if (!vr_split_stage_ordered(run, 2, kind, true))
			return count - left + 2;
		if (!vr_split_stage_ordered(run, 3, kind, true))
			return count - left + 3;
		vr_split_run_on(run, 4, true);
		left -= 4;
	}
	for (; left && vr_split_stage_ordered(run, 0, kind, false); left--)
		vr_split_run_on(run, 1, true);
	return count - left;
}

/* Plain: stages the @i-th buffer of a run, with the descriptors in the order of becoming free. */
VR_INLINE bool vr_split_stage_plain(const struct vr_split_run *run, size_t i, uint32_t kind)
{
	size_t head = run->free_ids[i];
	struct vr_used *record = &run->records[head];
	uint32_t len;

	if (!vr_split_put_single(&run->shadow[head], &run->desc[head], &run->buffers[i], kind,
				 &len))
		return false;
	vr_driver_record_single(record, &run->buffers[i], len, kind, false);
	vr_driver_mark(record, 1);
	record->cookie = run->first + (uint32_t)i;
	if (vr_unlikely(run->avail_shadow[i] != head)) {
		run->avail_shadow[i] = (uint16_t)head;
		vr_st16(&run->avail[i], (uint16_t)head);
	}
	return true;
}

/* Plain: stages the buffers of a run, as long as they are of one kind. */
VR_INLINE unsigned int vr_split_stage_run(struct vr_split_run *run, unsigned int count,
					  uint32_t kind)
{
	unsigned int left = count;

	while (left >= 4) {
		if (!vr_split_stage_plain(run, 0, kind))
			return count - left;
		if (!vr_split_stage_plain(run, 1, kind))
			return count - left + 1;
		if (!vr_split_stage_plain(run, 2, kind))
			return count - left + 2;
		if (!vr_split_stage_plain(run, 3, kind))
			return count - left + 3;
		vr_split_run_on(run, 4, false);
		left -= 4;
	}
	for (; left && vr_split_stage_plain(run, 0, kind); left--)
		vr_split_run_on(run, 1, false);
	return count - left;
}

VR_INLINE unsigned int vr_split_stage_kind(const struct vr_driver *driver, struct vr_split_run *run,
					   unsigned int count, uint32_t kind, bool in_order)
{
	if (in_order)
		return vr_split_stage_row(run, count, kind, vr_driver_lap_known(driver, kind));
	return vr_split_stage_run(run, count, kind);
}

/* Stages buffers of one segment, as long as they are of one kind and nothing wraps. */
VR_INLINE unsigned int vr_split_add_run(struct vr_driver *driver, const struct vr_buffer *buffers,
					unsigned int count, bool in_order)
{
	uint32_t first = driver->take & (driver->size - 1);
	uint32_t slot = (uint32_t)driver->added & (driver->size - 1);
	uint32_t kind = vr_buffer_kind(buffers);
	struct vr_split_run run;
	unsigned int done = 0;

	run.buffers = buffers;
	run.free_ids = in_order ? NULL : &driver->free_ids[first];
	run.avail_shadow = in_order ? NULL : &driver->avail_shadow[slot];
	run.avail = &driver->avail->ring[slot];
	run.shadow = driver->shadow + (in_order ? first : 0);
	run.desc = driver->desc + (in_order ? first : 0);
	run.records = driver->buffers + (in_order ? slot : 0);
	run.first = in_order ? first : (uint32_t)driver->added;
	/* One of the two wraps. */
	count = vr_min(vr_min(count, driver->free), driver->size - (first > slot ? first : slot));
	if (kind == VR_KIND_READABLE)
		done = vr_split_stage_kind(driver, &run, count, VR_KIND_READABLE, in_order);
	else if (kind == VR_KIND_WRITABLE)
		done = vr_split_stage_kind(driver, &run, count, VR_KIND_WRITABLE, in_order);
	driver->free -= done;
	driver->take += done;
	driver->added += done;
	if (in_order && kind != VR_KIND_READABLE)
		driver->readables = driver->added;
	return done;
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
	driver->posted = driver->added;
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
	vr_driver_mark(record, 0);
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

/* A run of used elements, each of which is read once. */
struct vr_split_found {
	const struct vr_used_elem *elem;
	struct vr_used *used;
	struct vr_used *records;
	uint16_t *free_ids; /* plain */
	uint32_t size; /* plain */
	uint32_t id; /* of the last element that was read */
	uint32_t len;
};

/* Reads the @i-th element of a run. */
VR_INLINE void vr_split_read(struct vr_split_found *run, size_t i)
{
	run->id = vr_ld32(&run->elem[i].id);
	run->len = vr_ld32(&run->elem[i].len);
}

/* Plain: takes the @i-th element of a run, if it is common. */
VR_INLINE bool vr_split_take_plain(struct vr_split_found *run, size_t i)
{
	vr_split_read(run, i);
	if (!vr_common_get(run->records, run->size, run->id, run->len, &run->used[i]))
		return false;
	run->free_ids[i] = (uint16_t)run->id;
	return true;
}

/* Plain: takes elements up to the first one that is not common, which is left in @run. */
VR_INLINE unsigned int vr_split_take_run(struct vr_split_found *run, unsigned int count)
{
	size_t i;

	for (i = 0; i + 4 <= count; i += 4) {
		if (!vr_split_take_plain(run, i))
			return (unsigned int)i;
		if (!vr_split_take_plain(run, i + 1))
			return (unsigned int)i + 1;
		if (!vr_split_take_plain(run, i + 2))
			return (unsigned int)i + 2;
		if (!vr_split_take_plain(run, i + 3))
			return (unsigned int)i + 3;
	}
	while (i < count && vr_split_take_plain(run, i))
		i++;
	return (unsigned int)i;
}

/*
 * Plain: takes common elements, as long as nothing wraps. One that is not common ends the run and is
 * left in @id and @len; @odd says so.
 */
VR_INLINE unsigned int vr_split_get_run(struct vr_driver *driver, struct vr_used *used,
					unsigned int count, uint32_t *id, uint32_t *len, bool *odd)
{
	uint32_t mask = driver->size - 1;
	uint32_t slot = (uint32_t)driver->handed & mask;
	uint32_t put = (driver->take + driver->free) & mask;
	struct vr_split_found run;
	unsigned int done;

	count = vr_min(count, driver->size - (slot > put ? slot : put));
	run.elem = &driver->used_ring->ring[slot];
	run.used = used;
	run.records = driver->buffers;
	run.free_ids = &driver->free_ids[put];
	run.size = driver->size;
	run.id = 0; /* gcc -Os does not see that a run that ends early sets them */
	run.len = 0;
	done = vr_split_take_run(&run, count);
	*id = run.id;
	*len = run.len;
	*odd = done < count;
	driver->free += done;
	driver->handed += done;
	return done;
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

/* In order: takes the @i-th element of a run, if it stands for the @i-th record alone. */
VR_INLINE bool vr_split_take_ordered(struct vr_split_found *run, size_t i, bool read)
{
	const struct vr_used *record = &run->records[i];

	if (!read)
		vr_split_read(run, i);
	if (record->cookie != run->id || vr_unlikely(run->len > record->len))
		return false;
	run->used[i] = *record;
	run->used[i].len = run->len;
	return true;
}

/*
 * In order: takes elements up to the first one that does not stand for one buffer, which is left in
 * @run. The very first one has been read already.
 */
VR_INLINE unsigned int vr_split_take_row(struct vr_split_found *run, unsigned int count)
{
	bool read = true;
	size_t i;

	for (i = 0; i + 4 <= count; i += 4) {
		if (!vr_split_take_ordered(run, i, read))
			return (unsigned int)i;
		read = false;
		if (!vr_split_take_ordered(run, i + 1, false))
			return (unsigned int)i + 1;
		if (!vr_split_take_ordered(run, i + 2, false))
			return (unsigned int)i + 2;
		if (!vr_split_take_ordered(run, i + 3, false))
			return (unsigned int)i + 3;
	}
	for (; i < count; i++) {
		if (!vr_split_take_ordered(run, i, read))
			break;
		read = false;
	}
	return (unsigned int)i;
}

/*
 * In order: hands out buffers that have an element each, as long as nothing wraps. The element that
 * stands for more is left in @id and @len; mostly it is the first.
 */
VR_INLINE unsigned int vr_split_get_singles(struct vr_driver *driver, struct vr_used *used,
					    unsigned int count, uint32_t *id, uint32_t *len)
{
	struct vr_split_found run;
	unsigned int done = 0;

	run.elem = &driver->used_ring->ring[driver->get_slot];
	run.used = used;
	run.records = &driver->buffers[driver->get_slot];
	vr_split_read(&run, 0);
	if (run.records->cookie == run.id)
		done = vr_split_take_row(&run, count);
	if (done)
		vr_driver_retire(driver, done, false);
	*id = run.id;
	*len = run.len;
	return done;
}

VR_INLINE int vr_split_get_in_order(struct vr_driver *driver, struct vr_used *used,
				    unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		uint32_t id, len, singles, run;
		int more = 1;

		if (driver->batch_left) {
			done += vr_driver_hand_batch(driver, used + done, count - done, false);
			continue;
		}
		/* The index is looked at once a call: a device must not keep us here. */
		if (vr_unlikely(vr_halted(&driver->halt)) ||
		    (done && driver->seen == driver->handed))
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
