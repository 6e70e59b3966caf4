/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Where a device half starts: shared by init and restore. */
#ifndef VR_RING_DEVICE_LIFE_H
#define VR_RING_DEVICE_LIFE_H

#include "device_state.h"

struct vr_device_place {
	uint64_t avail; /* split: available index */
	uint64_t used; /* split: used index, on the same scale */
	struct vr_position next; /* packed */
	struct vr_position used_position; /* packed */
	uint32_t descriptors; /* packed: between the two */
	bool fresh; /* split in order: the first chain starts at entry 0 (2.7.5) */
};

/* Forgets every buffer, cursor and fault, and starts there. */
void vr_device_start(struct vr_device *device, const struct vr_device_place *place);

#endif
