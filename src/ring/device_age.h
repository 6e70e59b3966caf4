/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Plain forms: which popped buffer is the oldest, which the newest?
 *
 * Handles are queued as buffers are popped. Completing one does not search for it there: an entry is
 * dead when the place that it names has another owner. The dead ones at the head are passed over; those
 * between are dropped when the queue has come to the end of its memory, which is two rings long: so
 * each entry is moved less than once on average.
 */
#ifndef VR_RING_DEVICE_AGE_H
#define VR_RING_DEVICE_AGE_H

#include "device_state.h"

VR_INLINE uint32_t vr_ages_room(const struct vr_device *device)
{
	return 2 * device->size - device->age_tail;
}

VR_INLINE bool vr_age_dead(const struct vr_device *device, uint64_t handle)
{
	return device->records[handle & VR_PLACE_MASK].owner != handle;
}

/* Makes the head an open buffer, and says whether it was none; only called while there is one. */
VR_INLINE bool vr_ages_skip(struct vr_device *device)
{
	uint32_t head = device->age_head;

	while (device->age_head < device->age_tail &&
	       vr_age_dead(device, device->ages[device->age_head]))
		device->age_head++;
	return device->age_head != head;
}

/* Whoever is in step with the driver starts over, and so keeps to a few cache lines. */
VR_INLINE void vr_ages_rest(struct vr_device *device)
{
	if (device->open == 0) {
		device->age_head = 0;
		device->age_tail = 0;
	}
}

VR_COLD void vr_ages_compact(struct vr_device *device);

VR_INLINE void vr_age_append(struct vr_device *device, uint64_t handle)
{
	if (vr_unlikely(vr_ages_room(device) == 0))
		vr_ages_compact(device);
	device->ages[device->age_tail++] = handle;
}

#endif
