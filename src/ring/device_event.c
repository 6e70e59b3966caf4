// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * Available buffer notifications, as the device wants them (2.7.10, 2.8.14).
 *
 * Only arm and disarm write event words. Arm looks at the ring again behind a full fence: either
 * the driver sees the event word, or this side sees the buffer.
 */
#include "device_packed.h"

bool vr_device_pending(struct vr_device *device)
{
	uint64_t rest;

	if (vr_halted(&device->halt))
		return true;
	/* Recorded buffers that the next pop gives again. */
	if (device->resubmit_left && device->observer && device->observer->again)
		return true;
	if (vr_form_is_packed(device->form))
		return vr_packed_device_look(device, &rest);
	return device->seen != device->avail ||
	       vr_ld16_acquire(&device->avail_ring->idx) != (uint16_t)device->avail;
}

static void store_flags(struct vr_device *device, uint16_t flags, struct vr_stored *stored)
{
	if (device->flags == flags)
		return;
	device->flags = flags;
	vr_st16(&device->used_ring->flags, flags);
	vr_stored_add(stored, VR_AREA_DEVICE, offsetof(struct vr_used_ring, flags), sizeof(flags));
}

static void store_avail_event(struct vr_device *device, uint16_t event, struct vr_stored *stored)
{
	struct vr_le16 *field = vr_avail_event(device->used_ring, device->size);

	if (device->event == event)
		return;
	device->event = event;
	vr_st16(field, event);
	vr_stored_add(stored, VR_AREA_DEVICE,
		      (size_t)((uintptr_t)field - (uintptr_t)device->used_ring), sizeof(event));
}

static void store_packed_event(struct vr_device *device, uint32_t mode, uint32_t position,
			       struct vr_stored *stored)
{
	uint32_t word = mode << 16 | position;

	if (device->event == word)
		return;
	device->event = word;
	vr_st32(&device->device_event->word, word);
	vr_stored_add(stored, VR_AREA_DEVICE, 0, sizeof(word));
}

static void tell_stored(const struct vr_device *device, const struct vr_stored *stored)
{
	if (device->observer && stored->count)
		device->observer->stored(device->observer->context, stored);
}

bool vr_device_arm(struct vr_device *device, struct vr_stored *stored)
{
	struct vr_stored own;

	if (!stored)
		stored = &own;
	stored->count = 0;
	if (vr_form_is_packed(device->form)) {
		if (device->event_idx)
			store_packed_event(device, VR_EVENT_DESC, vr_position_encode(device->next),
					   stored);
		else
			store_packed_event(device, VR_EVENT_ENABLE, 0, stored);
	} else if (device->event_idx) {
		store_avail_event(device, (uint16_t)device->avail, stored);
	} else {
		store_flags(device, 0, stored);
	}
	tell_stored(device, stored);
	vr_fence(device->platform);
	return vr_device_pending(device);
}

void vr_device_disarm(struct vr_device *device, struct vr_stored *stored)
{
	struct vr_stored own;

	if (!stored)
		stored = &own;
	stored->count = 0;
	if (vr_form_is_packed(device->form))
		store_packed_event(device, VR_EVENT_DISABLE, 0, stored);
	else if (device->event_idx)
		/* Flags must stay 0 (2.7.10.1); this index was passed a moment ago. */
		store_avail_event(device, (uint16_t)(device->avail - 1), stored);
	else
		store_flags(device, VR_USED_NO_NOTIFY, stored);
	tell_stored(device, stored);
}
