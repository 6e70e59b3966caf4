// SPDX-License-Identifier: BSD-3-Clause
/* The other side of a packed queue (2.8). */
#include "watch/state.h"

static uint32_t after(const struct vr_watch *watch, uint32_t slot)
{
	return slot + 1 == watch->size ? 0 : slot + 1;
}

void watch_packed_begin(struct vr_watch *watch)
{
	for (uint32_t i = 0; i < watch->size; i++)
		watch->flags[i] = watch_desc(watch, i).flags;
}

/* A list from one slot on, and its id, which stands in its last descriptor (2.8.6). */
static uint32_t measure(const struct vr_watch *watch, uint32_t slot, struct watch_buffer *buffer)
{
	struct watch_desc desc;

	*buffer = (struct watch_buffer){ .capacity_known = true };
	for (;;) {
		uint32_t capacity = 0;

		desc = watch->config.driver ? watch->shadow[slot] : watch_desc(watch, slot);
		if (desc.flags & WATCH_INDIRECT)
			buffer->capacity_known &= watch_table(watch, &desc, &capacity);
		else if (desc.flags & WATCH_WRITE)
			capacity = desc.len;
		buffer->capacity += capacity;
		if (++buffer->descriptors == watch->size || !(desc.flags & WATCH_NEXT))
			return desc.id;
		slot = after(watch, slot);
	}
}

/* ---- our half is the driver's ---- */

/* Nothing in between can be wrong: it was our half that wrote it. */
static void made_available(struct vr_watch *watch, uint32_t slot)
{
	while (watch->mine[slot]) {
		struct watch_buffer buffer;
		uint32_t id = measure(watch, slot, &buffer);

		for (uint32_t i = 0; i < buffer.descriptors; i++) {
			watch->mine[slot] = 0;
			slot = after(watch, slot);
		}
		watch_open(watch, id % watch->size, &buffer);
	}
}

static void judge_used(struct vr_watch *watch, const struct watch_desc *desc)
{
	uint16_t before = watch_position(watch);
	uint32_t len = desc->flags & WATCH_WRITE ? desc->len : 0;
	uint32_t id = desc->id;
	uint32_t steps, count;

	if (id >= watch->size || !watch->buffers[id].open) {
		watch_report(watch, VR_WATCH_BUFFER, id, watch->size);
		watch_advance(watch, 1);
		return;
	}
	if (watch->buffers[id].capacity_known && len > watch->buffers[id].capacity)
		watch_report(watch, VR_WATCH_LENGTH, len, watch->buffers[id].capacity);
	steps = watch->buffers[id].descriptors;
	for (count = watch->in_order ? watch_age(watch, id) : 1; count > 1; count--) {
		uint32_t older = watch->ages[watch->age_first];

		steps += watch->buffers[older].descriptors;
		watch_close(watch, older);
	}
	watch_close(watch, id);
	watch_advance(watch, steps);
	watch_passed(watch, before, watch_position(watch));
}

/* What stands where the next used descriptor will be: still our own, used, or wrong. */
static void saw_used(struct vr_watch *watch, const struct watch_desc *desc)
{
	uint16_t state = desc->flags & WATCH_STATE;

	if (state == watch_used_state(watch->wrap)) {
		/* With nothing outstanding our half does not take it, either. */
		judge_used(watch, desc);
	} else if (watch->open && state != watch_available_state(watch->wrap) &&
		   desc->flags != watch->flags[watch->slot]) {
		watch->flags[watch->slot] = desc->flags;
		watch_report(watch, VR_WATCH_WRAP, watch->slot, watch->wrap);
	}
}

/* ---- our half is the device's ---- */

static void judge_available(struct vr_watch *watch)
{
	uint16_t before = watch_position(watch);
	struct watch_buffer buffer;
	uint32_t id = measure(watch, watch->slot, &buffer);
	uint32_t slot = watch->slot;

	for (uint32_t i = 0; i < buffer.descriptors; i++) {
		watch->flags[slot] = watch_desc(watch, slot).flags;
		slot = after(watch, slot);
	}
	/* Ids are the driver's to choose, as long as they differ among what is outstanding. */
	if (id < watch->size) {
		if (watch->buffers[id].open)
			watch_report(watch, VR_WATCH_BUFFER, id, watch->size);
		watch_open(watch, id, &buffer);
	}
	watch_advance(watch, buffer.descriptors);
	watch_passed(watch, before, watch_position(watch));
}

static void saw_available(struct vr_watch *watch, const struct watch_desc *desc)
{
	uint16_t state = desc->flags & WATCH_STATE;

	if (state == watch_available_state(watch->wrap)) {
		judge_available(watch);
	} else if (desc->flags != watch->flags[watch->slot]) {
		watch->flags[watch->slot] = desc->flags;
		watch_report(watch, VR_WATCH_WRAP, watch->slot, watch->wrap);
	}
}

/* Our own used descriptor; in order all before its buffer go with it. */
static void made_used(struct vr_watch *watch, uint32_t id)
{
	uint32_t count = 1;

	if (id >= watch->size || !watch->buffers[id].open)
		return;
	if (watch->in_order)
		for (count = watch_age(watch, id); count > 1; count--)
			watch_close(watch, watch->ages[watch->age_first]);
	watch_close(watch, id);
}

/* ---- what our half loads and stores ---- */

/* Only the second word of a descriptor says anything, and only at the next position. */
void watch_packed_load(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value)
{
	struct watch_desc desc = { .len = (uint32_t)value,
				   .id = (uint16_t)(value >> 32),
				   .flags = (uint16_t)(value >> 48) };

	if (area != VR_AREA_DESCRIPTORS || offset != (size_t)watch->slot * 16 + 8)
		return;
	if (watch->config.driver)
		saw_used(watch, &desc);
	else
		saw_available(watch, &desc);
}

static void stored_event(struct vr_watch *watch, uint32_t word)
{
	uint32_t mode = word >> 16;

	if (mode == 2 && watch->event_idx)
		watch_wants(watch, WATCH_AT, (uint16_t)word);
	else
		watch_wants(watch, mode == 1 ? WATCH_NONE : WATCH_ALL, 0);
}

void watch_packed_store(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value,
			bool release)
{
	uint32_t slot = (uint32_t)(offset / 16);

	if (area == (watch->config.driver ? VR_AREA_DRIVER : VR_AREA_DEVICE))
		stored_event(watch, (uint32_t)value);
	if (area != VR_AREA_DESCRIPTORS)
		return;
	if (offset % 16 == 0) {
		watch->shadow[slot].addr = value;
		return;
	}
	watch->flags[slot] = (uint16_t)(value >> 48);
	if (!watch->config.driver) {
		made_used(watch, (uint16_t)(value >> 32));
		return;
	}
	watch->shadow[slot].len = (uint32_t)value;
	watch->shadow[slot].id = (uint16_t)(value >> 32);
	watch->shadow[slot].flags = (uint16_t)(value >> 48);
	watch->mine[slot] = 1;
	if (release)
		made_available(watch, slot);
}
