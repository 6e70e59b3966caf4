// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
#include "device_age.h"

/*
 * Drops the dead entries. A buffer can be put back only if none that is newer was completed, and a dead
 * entry is what shows that: so from here on, only those behind the last dead one can.
 */
void vr_ages_compact(struct vr_device *device)
{
	uint32_t left = 0, behind = 0;
	uint32_t i;

	for (i = device->age_head; i < device->age_tail; i++) {
		uint64_t handle = device->ages[i];

		if (vr_age_dead(device, handle)) {
			behind = 0;
			continue;
		}
		device->ages[left++] = handle;
		behind++;
	}
	device->age_head = 0;
	device->age_tail = left;
	device->unpop_left = vr_min(device->unpop_left, behind);
}
