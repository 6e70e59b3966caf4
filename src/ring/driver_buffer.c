// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* What a driver half does for buffers of several segments, and for odd ones. */
#include "driver_split.h"

/* The bytes of one buffer must not exceed 2^32, those of its writable part must fit a length. */
int vr_buffer_shape(const struct vr_driver *driver, const struct vr_buffer *buffer,
		    struct vr_shape *shape)
{
	uint64_t readable = 0, writable = 0;
	uint32_t i;

	shape->segments = (uint32_t)buffer->readable + buffer->writable;
	if (shape->segments == 0)
		return VR_E_INVAL;
	if (shape->segments > driver->max_segments)
		return VR_E_TOO_LONG;
	for (i = 0; i < shape->segments; i++) {
		uint32_t len = buffer->segments[i].len;

		if (len == 0)
			return VR_E_INVAL;
		if (i < buffer->readable)
			readable += len;
		else
			writable += len;
	}
	if (writable > UINT32_MAX || readable + writable > (uint64_t)UINT32_MAX + 1)
		return VR_E_INVAL;
	shape->capacity = (uint32_t)writable;
	shape->descriptors = shape->segments;
	if (shape->segments >= driver->indirect_min && shape->segments <= driver->indirect_entries)
		shape->descriptors = 1;
	return 0;
}

/*
 * Writes a buffer into the indirect table that belongs to @slot and returns the table's address. A
 * split table is linked in order, entry to entry; a packed one is an array (2.7.5.3, 2.8.7).
 */
uint64_t vr_driver_fill_table(struct vr_driver *driver, const struct vr_buffer *buffer,
			      uint32_t slot, uint32_t segments)
{
	size_t start = (size_t)slot * driver->indirect_entries;
	bool packed = vr_form_is_packed(driver->form);
	uint32_t i;

	for (i = 0; i < segments; i++) {
		const struct vr_segment *segment = &buffer->segments[i];
		struct vr_desc *entry = &driver->tables[start + i];
		uint32_t flags = i < buffer->readable ? 0 : VR_DESC_WRITE;
		uint64_t rest;

		if (packed)
			rest = vr_packed_rest(segment->len, 0, flags);
		else if (i + 1 < segments)
			rest = vr_split_rest(segment->len, flags | VR_DESC_NEXT, i + 1);
		else
			rest = vr_split_rest(segment->len, flags, 0);
		vr_st64(&entry->addr, segment->addr);
		vr_st64(&entry->rest, rest);
	}
	return driver->tables_addr + start * sizeof(struct vr_desc);
}

/*
 * The pool of kept segments has a node for every segment that can be outstanding, so it never runs
 * dry; its free list ends in an index that is in range.
 */
uint32_t vr_driver_keep(struct vr_driver *driver, const struct vr_buffer *buffer, uint32_t segments)
{
	uint32_t first = driver->kept_free;
	uint32_t i;

	for (i = 0; i < segments; i++) {
		struct vr_kept *node = &driver->kept[driver->kept_free];

		node->addr = buffer->segments[i].addr;
		node->len = buffer->segments[i].len;
		driver->kept_free = node->next;
	}
	return first;
}

/* The nodes keep their contents and their order until the next add takes them. */
void vr_driver_unkeep(struct vr_driver *driver, const struct vr_used *record)
{
	struct vr_kept *last = &driver->kept[record->kept];
	uint32_t i;

	for (i = 1; i < record->segments; i++)
		last = &driver->kept[last->next];
	last->next = driver->kept_free;
	driver->kept_free = record->kept;
}

unsigned int vr_driver_used_segments(const struct vr_driver *driver, const struct vr_used *used,
				     struct vr_segment *segments, unsigned int count)
{
	uint32_t node = used->kept;
	unsigned int i;

	if (count > used->segments)
		count = used->segments;
	for (i = 0; i < count; i++) {
		segments[i].addr = driver->kept[node].addr;
		segments[i].len = driver->kept[node].len;
		segments[i].reserved = 0;
		node = driver->kept[node].next;
	}
	return count;
}

bool vr_driver_length_wrong(struct vr_driver *driver, uint32_t *len, uint32_t capacity)
{
	if (driver->strict) {
		vr_halt_fault(&driver->halt, VR_FAULT_USED_LENGTH, *len, capacity);
		return false;
	}
	driver->stats.clamped++;
	*len = capacity;
	return true;
}

/*
 * Split in order: how many buffers, from the oldest, does a used element stand for that names the head
 * @id? Heads lie in ring order, so their distances from the oldest one grow: a binary search. Only
 * the @jump buffers that the used index covers may be meant.
 */
int vr_split_find_batch(struct vr_driver *driver, uint32_t id, uint32_t jump)
{
	uint32_t mask = driver->size - 1;
	uint32_t oldest = vr_driver_nth(driver, 0)->cookie;
	uint32_t below = 0, above = (uint32_t)vr_driver_on_ring(driver);

	if (id >= driver->size)
		return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_RANGE, id, driver->size);
	while (below < above) {
		uint32_t middle = (below + above) / 2;
		uint32_t head = vr_driver_nth(driver, middle)->cookie;

		if (head == id && middle < jump)
			return (int)middle + 1;
		if (head == id)
			return vr_halt_fault(&driver->halt, VR_FAULT_USED_BATCH, id, jump);
		if (((head - oldest) & mask) < ((id - oldest) & mask))
			below = middle + 1;
		else
			above = middle;
	}
	return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_FREE, id, 0);
}
