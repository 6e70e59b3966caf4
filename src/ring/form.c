// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* Shapes, faults and event verdicts: what is the same for a driver and a device. */
#include "form.h"

enum vr_form vr_form_of(uint64_t features)
{
	bool in_order = VR_WITH_IN_ORDER && (features & VR_F_IN_ORDER);

	if (features & VR_F_RING_PACKED)
		return in_order ? VR_FORM_PACKED_IN_ORDER : VR_FORM_PACKED;
	return in_order ? VR_FORM_SPLIT_IN_ORDER : VR_FORM_SPLIT;
}

bool vr_queue_size_valid(uint64_t features, uint32_t queue_size)
{
	if (queue_size == 0 || queue_size > VR_QUEUE_SIZE_MAX)
		return false;
	return (features & VR_F_RING_PACKED) || (queue_size & (queue_size - 1)) == 0;
}

size_t vr_ring_bytes(uint64_t features, uint32_t queue_size, enum vr_area area)
{
	size_t event = (features & VR_F_EVENT_IDX) ? sizeof(struct vr_le16) : 0;

	if (!vr_queue_size_valid(features, queue_size))
		return 0;
	if (area == VR_AREA_DESCRIPTORS)
		return queue_size * sizeof(struct vr_desc);
	if (area != VR_AREA_DRIVER && area != VR_AREA_DEVICE)
		return 0;
	if (features & VR_F_RING_PACKED)
		return sizeof(struct vr_packed_event);
	if (area == VR_AREA_DRIVER)
		return sizeof(struct vr_avail) + queue_size * sizeof(struct vr_le16) + event;
	return sizeof(struct vr_used_ring) + queue_size * sizeof(struct vr_used_elem) + event;
}

size_t vr_ring_align(uint64_t features, enum vr_area area)
{
	if (area == VR_AREA_DESCRIPTORS)
		return 16;
	if (area == VR_AREA_DRIVER && !(features & VR_F_RING_PACKED))
		return 2;
	return 4;
}

static bool area_valid(uint64_t features, const struct vr_ring_area *part, enum vr_area area)
{
	size_t mask = vr_ring_align(features, area) - 1;

	return part->host && ((uintptr_t)part->host & mask) == 0 && (part->addr & mask) == 0;
}

bool vr_ring_valid(uint64_t features, const struct vr_ring *ring)
{
	return area_valid(features, &ring->descriptors, VR_AREA_DESCRIPTORS) &&
	       area_valid(features, &ring->driver, VR_AREA_DRIVER) &&
	       area_valid(features, &ring->device, VR_AREA_DEVICE);
}

/* Sets the reason if there is none yet; true when it was the first. */
bool vr_halt_break(struct vr_halt *halt, enum vr_fault_reason reason)
{
	uint32_t old = vr_halted(halt);

	do {
		if (vr_halt_broken(old))
			return false;
	} while (!__atomic_compare_exchange_n(&halt->word, &old, old | (uint32_t)reason, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void vr_halt_detail(struct vr_halt *halt, enum vr_fault_reason reason, uint64_t value,
		    uint64_t limit)
{
	if (!vr_halt_break(halt, reason))
		return;
	halt->value = value;
	halt->limit = limit;
}

void vr_halt_stop(struct vr_halt *halt)
{
	__atomic_fetch_or(&halt->word, VR_HALT_STOPPED, __ATOMIC_RELAXED);
}

void vr_halt_clear(struct vr_halt *halt)
{
	halt->value = 0;
	halt->limit = 0;
	__atomic_store_n(&halt->word, 0, __ATOMIC_RELAXED);
}

bool vr_halt_get(const struct vr_halt *halt, struct vr_fault *fault)
{
	fault->reason = (enum vr_fault_reason)(vr_halted(halt) & VR_HALT_REASON);
	fault->reserved = 0;
	fault->value = halt->value;
	fault->limit = halt->limit;
	return fault->reason != VR_FAULT_NONE;
}

/*
 * Does a packed event structure ask for a notification after the last @count descriptors, which
 * ended at @now? Reserved modes, and offsets that no ring of this size has, ask for all (2.8.14).
 */
bool vr_packed_event_wants(uint32_t event, bool event_idx, uint64_t count, struct vr_position now,
			   uint32_t size)
{
	struct vr_position wanted = vr_position_decode(event);
	uint32_t mode = event >> 16 & 3;
	uint32_t distance;

	if (mode == VR_EVENT_DISABLE)
		return false;
	if (mode != VR_EVENT_DESC || !event_idx || wanted.slot >= size)
		return true;
	distance = vr_position_distance(wanted, now, size);
	return distance != 0 ? distance <= count : count >= 2 * (uint64_t)size;
}

void vr_stored_add(struct vr_stored *stored, enum vr_area area, size_t offset, size_t length)
{
	struct vr_stored_range *range;

	if (!stored)
		return;
	range = &stored->range[stored->count++];
	range->area = (uint32_t)area;
	range->offset = (uint32_t)offset;
	range->length = (uint32_t)length;
}

void vr_stored_entries(struct vr_stored *stored, enum vr_area area, uint32_t start, uint32_t each,
		       uint32_t first, uint32_t last, uint32_t size)
{
	if (!stored)
		return;
	if (last < first) {
		vr_stored_add(stored, area, start + (size_t)first * each,
			      (size_t)(size - first) * each);
		first = 0;
	}
	vr_stored_add(stored, area, start + (size_t)first * each,
		      (size_t)(last - first + 1) * each);
}
