// SPDX-License-Identifier: BSD-3-Clause
/* The other side of a split queue (2.7). */
#include "watch/state.h"

#define AT_FLAGS 0u
#define AT_INDEX 2u
#define AT_RING 4u

static uint16_t avail_entry(const struct vr_watch *watch, uint16_t index)
{
	return watch_ld16(watch->config.ring.driver.host,
			  AT_RING + (size_t)(index % watch->size) * 2);
}

static size_t event_offset(const struct vr_watch *watch, enum vr_area area)
{
	return AT_RING + (size_t)watch->size * (area == VR_AREA_DRIVER ? 2 : 8);
}

/* What a chain holds; where the driver goes on in order. Ends with the queue's size at the latest. */
static void measure(const struct vr_watch *watch, uint32_t head, struct watch_buffer *buffer)
{
	uint32_t slot = head;
	struct watch_desc desc;

	*buffer = (struct watch_buffer){ .capacity_known = true };
	do {
		uint32_t capacity = 0;

		desc = watch_desc(watch, slot);
		if (desc.flags & WATCH_INDIRECT)
			buffer->capacity_known &= watch_table(watch, &desc, &capacity);
		else if (desc.flags & WATCH_WRITE)
			capacity = desc.len;
		buffer->capacity += capacity;
		slot = desc.id % watch->size;
	} while (++buffer->descriptors < watch->size && desc.flags & WATCH_NEXT);
}

/* ---- our half is the driver's ---- */

static void made_available(struct vr_watch *watch, uint16_t index)
{
	while (watch->avail != index) {
		uint32_t head = avail_entry(watch, watch->avail) % watch->size;
		struct watch_buffer buffer;

		measure(watch, head, &buffer);
		watch_open(watch, head, &buffer);
		watch->avail++;
	}
}

static void judge_length(const struct vr_watch *watch, uint32_t id, uint32_t len)
{
	const struct watch_buffer *buffer = &watch->buffers[id];

	if (buffer->capacity_known && len > buffer->capacity)
		watch_report(watch, VR_WATCH_LENGTH, len, buffer->capacity);
}

/* One used element; how many buffers it stands for. */
static uint32_t judge_element(struct vr_watch *watch, uint32_t id, uint32_t len, uint32_t jump)
{
	uint32_t count = 1;

	if (id >= watch->size || !watch->buffers[id].open) {
		watch_report(watch, VR_WATCH_BUFFER, id, watch->size);
		return jump;
	}
	judge_length(watch, id, len);
	if (watch->in_order) {
		count = watch_age(watch, id);
		if (count > jump) {
			watch_report(watch, VR_WATCH_ORDER, id, watch->ages[watch->age_first]);
			return jump;
		}
		for (uint32_t i = 1; i < count; i++)
			watch_close(watch, watch->ages[watch->age_first]);
	}
	watch_close(watch, id);
	return count;
}

static void saw_used(struct vr_watch *watch, uint16_t index)
{
	uint16_t before = watch->used;
	uint16_t jump = (uint16_t)(index - before);

	if (jump > watch->open) {
		watch_report(watch, VR_WATCH_INDEX, index, (uint16_t)(before + watch->open));
		watch->used = index;
		return;
	}
	while (jump) {
		size_t at = AT_RING + (size_t)(watch->used % watch->size) * 8;
		const void *area = watch->config.ring.device.host;
		uint32_t count =
			judge_element(watch, watch_ld32(area, at), watch_ld32(area, at + 4), jump);

		watch->used = (uint16_t)(watch->used + count);
		jump = (uint16_t)(jump - count);
	}
	watch_passed(watch, before, index);
}

/* ---- our half is the device's ---- */

static void judge_head(struct vr_watch *watch, uint32_t head)
{
	struct watch_buffer buffer;

	if (head >= watch->size || watch->buffers[head].open) {
		watch_report(watch, VR_WATCH_BUFFER, head, watch->size);
		watch->next_head = UINT32_MAX;
		return;
	}
	if (watch->in_order && watch->next_head != UINT32_MAX && head != watch->next_head)
		watch_report(watch, VR_WATCH_ORDER, head, watch->next_head);
	measure(watch, head, &buffer);
	watch_open(watch, head, &buffer);
	watch->next_head = (head + buffer.descriptors) % watch->size;
}

static void saw_available(struct vr_watch *watch, uint16_t index)
{
	uint16_t before = watch->avail;
	uint16_t jump = (uint16_t)(index - before);

	if (jump > watch->size - watch->open) {
		watch_report(watch, VR_WATCH_INDEX, index,
			     (uint16_t)(before + watch->size - watch->open));
		watch->avail = index;
		return;
	}
	for (; watch->avail != index; watch->avail++)
		judge_head(watch, avail_entry(watch, watch->avail));
	watch_passed(watch, before, index);
}

/* Our own used elements, to know what is available again. */
static void made_used(struct vr_watch *watch, uint16_t index)
{
	uint16_t count = (uint16_t)(index - watch->used);

	for (uint16_t i = 0; i < count && watch->open; i++) {
		uint16_t at = (uint16_t)(watch->used + i);
		uint32_t id = watch->in_order ?
				      watch->ages[watch->age_first] :
				      watch_ld32(watch->config.ring.device.host,
						 AT_RING + (size_t)(at % watch->size) * 8);

		watch_close(watch, id % watch->size);
	}
	watch->used = index;
}

/* ---- what our half loads and stores ---- */

void watch_split_load(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value)
{
	if (offset != AT_INDEX)
		return;
	if (area == VR_AREA_DEVICE && watch->config.driver)
		saw_used(watch, (uint16_t)value);
	else if (area == VR_AREA_DRIVER && !watch->config.driver)
		saw_available(watch, (uint16_t)value);
}

void watch_split_store(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value)
{
	if (area != (watch->config.driver ? VR_AREA_DRIVER : VR_AREA_DEVICE))
		return;
	if (offset == AT_INDEX && watch->config.driver)
		made_available(watch, (uint16_t)value);
	else if (offset == AT_INDEX)
		made_used(watch, (uint16_t)value);
	else if (offset == AT_FLAGS && !watch->event_idx)
		watch_wants(watch, value & 1 ? WATCH_NONE : WATCH_ALL, 0);
	else if (watch->event_idx && offset == event_offset(watch, area))
		watch_wants(watch, WATCH_AT, (uint16_t)value);
}
