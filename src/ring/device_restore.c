// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* Positions saved and restored, buffers taken again. What is restored came from the peer. */
#include "device_life.h"
#include "device_packed.h"
#include "device_split.h"

int vr_device_save(const struct vr_device *device, bool force, uint32_t *base)
{
	struct vr_position used = device->entries ? device->first : device->used;
	struct vr_position next = force ? used : device->next;

	if (!force && (vr_device_in_flight(device) || device->resubmit_left))
		return VR_E_BUSY;
	if (vr_form_is_packed(device->form))
		*base = vr_position_encode(next) | vr_position_encode(used) << 16;
	else
		*base = (uint16_t)(force ? device->published : device->avail);
	return 0;
}

/* The used index is not carried (vhost-user): it is in ring memory, and as good as its writer. */
static int place_split(struct vr_device *device, uint32_t base, struct vr_device_place *place)
{
	uint16_t used = vr_ld16(&device->used_ring->idx);
	uint16_t behind = (uint16_t)(base - used);

	if (base > UINT16_MAX || behind > device->size)
		return VR_E_INVAL;
	place->used = used;
	place->avail = place->used + behind;
	return behind;
}

static int place_packed(const struct vr_device *device, uint32_t base,
			struct vr_device_place *place)
{
	uint32_t behind;

	place->next = vr_position_decode(base);
	place->used_position = vr_position_decode(base >> 16);
	if (place->next.slot >= device->size || place->used_position.slot >= device->size)
		return VR_E_INVAL;
	behind = vr_position_distance(place->used_position, place->next, device->size);
	if (behind > device->size)
		return VR_E_INVAL;
	place->descriptors = behind;
	return (int)behind;
}

int vr_device_restore(struct vr_device *device, uint32_t base)
{
	struct vr_device_place place = { 0, 0, { 0, true }, { 0, true }, 0, false };
	int behind = vr_form_is_packed(device->form) ? place_packed(device, base, &place) :
						       place_split(device, base, &place);

	if (behind < 0)
		return behind;
	/* In order the next used entry names the oldest buffer in flight, and nobody has that. */
	if (behind > 0 && vr_form_is_in_order(device->form))
		return VR_E_INVAL;
	vr_device_start(device, &place);
	return 0;
}

/*
 * A batch of several entries that was cut short: the first was held back, the others are in the ring
 * already. None of these slots has been shown to the driver, so that they are still this side's.
 */
static void unmark_used(struct vr_device *device)
{
	struct vr_position at = device->used;
	uint32_t i;

	for (i = 0; i < device->in_flight_descs; i++) {
		uint64_t rest = vr_ld64(&device->desc[at.slot].rest);

		if ((vr_packed_flags(rest) & VR_DESC_STATE) == vr_used_state(at.wrap))
			vr_st64(&device->desc[at.slot].rest,
				vr_packed_rest(0, 0, vr_available_state(at.wrap)));
		vr_advance(&at, 1, device->size);
	}
}

int vr_device_restore_in_flight(struct vr_device *device, uint32_t base, uint32_t popped)
{
	struct vr_device_place place = { 0, 0, { 0, true }, { 0, true }, 0, false };

	if (popped > device->size)
		return VR_E_INVAL;
	if (vr_form_is_packed(device->form)) {
		if (place_packed(device, (base & 0xffff) * 0x10001u, &place) < 0)
			return VR_E_INVAL;
		vr_advance(&place.next, popped, device->size);
		place.descriptors = popped;
	} else {
		if (base > UINT16_MAX)
			return VR_E_INVAL;
		place.used = base;
		place.avail = (uint64_t)base + popped;
	}
	vr_device_start(device, &place);
	device->resubmit_left = popped;
	if (vr_form_is_packed(device->form))
		unmark_used(device);
	return 0;
}

static int resubmit_check(const struct vr_device *device, bool packed)
{
	if (vr_halted(&device->halt))
		return VR_E_BROKEN;
	if (vr_form_is_packed(device->form) != packed)
		return VR_E_STATE;
	return device->resubmit_left ? 0 : VR_E_BUSY;
}

int vr_device_resubmit_split(struct vr_device *device, uint16_t head, struct vr_chain *chain,
			     struct vr_iovec *segments, unsigned int segment_count)
{
	struct vr_gather gather = { segments, segment_count, 0, 0, 0, 0, 0 };
	bool ordered = device->form == VR_FORM_SPLIT_IN_ORDER;
	struct vr_pop first;
	uint32_t place = ordered ? device->pop_place : head;
	uint32_t descriptors;
	int error = resubmit_check(device, false);

	if (error)
		return error;
	if (head >= device->size)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_RANGE, head, device->size);
	if (ordered ? device->open == device->size : device->records[place].owner != 0)
		return vr_halt_fault(&device->halt, VR_FAULT_HEAD_BUSY, head, 0);
	first.head = head;
	vr_split_load(device, head, &first.addr, &first.rest);
	error = vr_split_walk(device, &gather, &first, &descriptors, ordered);
	if (error)
		return error;
	vr_device_record(device, &gather, place, head, descriptors, ordered, chain);
	if (ordered)
		device->pop_place = vr_next_place(place, device->size);
	device->unpop_left = 0;
	device->resubmit_left--;
	return 1;
}

/* The descriptors are the caller's copy, but it was the driver that wrote them. */
static int walk_saved(struct vr_device *device, struct vr_gather *gather,
		      const struct vr_descriptor *saved, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint64_t rest = vr_packed_rest(saved[i].len, saved[i].id, saved[i].flags);
		bool more = saved[i].flags & VR_DESC_NEXT;
		int error = vr_packed_element(device, gather, saved[i].addr, rest, i + 1);

		if (error)
			return error;
		if (more != (i + 1 < count))
			return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_LENGTH, i + 1ull, count);
	}
	return vr_gather_finish(device, gather);
}

int vr_device_resubmit_packed(struct vr_device *device, const struct vr_descriptor *descriptors,
			      unsigned int descriptor_count, struct vr_chain *chain,
			      struct vr_iovec *segments, unsigned int segment_count)
{
	struct vr_gather gather = { segments, segment_count, 0, 0, 0, 0, 0 };
	int error = resubmit_check(device, true);

	if (error)
		return error;
	if (descriptor_count == 0 || descriptor_count > device->resubmit_left)
		return VR_E_INVAL;
	error = walk_saved(device, &gather, descriptors, descriptor_count);
	if (error)
		return error;
	vr_packed_record(device, &gather, descriptors[descriptor_count - 1].id, descriptor_count,
			 chain, device->form == VR_FORM_PACKED_IN_ORDER);
	device->unpop_left = 0;
	device->resubmit_left -= descriptor_count;
	return 1;
}
