/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The segments of a buffer, put together element by element. */
#ifndef VR_RING_DEVICE_GATHER_H
#define VR_RING_DEVICE_GATHER_H

#include "device_state.h"

/* The segments of a buffer while they are put together. */
struct vr_gather {
	struct vr_iovec *segments;
	uint32_t room;
	uint32_t pieces; /* may go beyond the room: what would be needed */
	uint32_t readable; /* pieces */
	uint32_t elements;
	uint64_t readable_bytes;
	uint64_t writable_bytes;
};

int vr_gather_far(struct vr_device *device, struct vr_gather *gather, uint64_t addr, uint32_t len,
		  uint32_t access);
int vr_gather_table(struct vr_device *device, struct vr_gather *gather, uint64_t addr, uint32_t len,
		    bool packed);
int vr_gather_misplaced(struct vr_device *device, const struct vr_gather *gather, uint32_t len);

VR_INLINE void vr_gather_push(struct vr_gather *gather, uintptr_t base, uint64_t len)
{
	if (vr_likely(gather->pieces < gather->room)) {
		gather->segments[gather->pieces].base = (void *)base;
		gather->segments[gather->pieces].len = (size_t)len;
	}
	gather->pieces++;
}

/* Adds one element of a buffer: validated, translated, split where host memory is apart. */
VR_INLINE int vr_gather_element(struct vr_device *device, struct vr_gather *gather, uint64_t addr,
				uint32_t len, bool writable)
{
	const struct vr_map_range *hit = &device->hit;
	uint32_t access = writable ? VR_ACCESS_WRITE : VR_ACCESS_READ;
	uint64_t offset = addr - hit->addr;
	int error = 0;

	if (vr_unlikely(++gather->elements > device->max_chain ||
			(!writable && gather->writable_bytes)))
		return vr_gather_misplaced(device, gather, len);
	if (writable)
		gather->writable_bytes += len;
	else
		gather->readable_bytes += len;
	if (vr_likely(len && offset < hit->size && len <= hit->size - offset &&
		      (hit->access & access)))
		vr_gather_push(gather, hit->base + (uintptr_t)offset, len);
	else
		error = vr_gather_far(device, gather, addr, len, access);
	if (!writable)
		gather->readable = gather->pieces;
	return error;
}

int vr_gather_check(struct vr_device *device, const struct vr_gather *gather);

/* The last word on a gathered buffer: its bytes in all, and whether the caller's array held it. */
VR_INLINE int vr_gather_finish(struct vr_device *device, const struct vr_gather *gather)
{
	if (vr_unlikely(gather->pieces > gather->room ||
			gather->readable_bytes + gather->writable_bytes > UINT32_MAX))
		return vr_gather_check(device, gather);
	return 0;
}

#endif
