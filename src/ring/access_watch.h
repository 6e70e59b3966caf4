/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Accessors that tell somebody of each load and store of a word of the ring, after it was done: for
 * a build that watches the other side (src/watch). Included as VR_ACCESS_HEADER.
 */
#ifndef VR_RING_ACCESS_WATCH_H
#define VR_RING_ACCESS_WATCH_H

#define VR_WATCH_LOAD 0u
#define VR_WATCH_ACQUIRE 1u
#define VR_WATCH_STORE 2u
#define VR_WATCH_RELEASE 3u

#include "port.h"

/* @value is as it is in memory, in the ring's byte order. */
void vr_watch_access(const void *field, unsigned int bytes, uint64_t value, unsigned int kind);

/* The atomics, under other names. */
#define vr_raw_ld16 vr_plain_ld16
#define vr_raw_ld16_acquire vr_plain_ld16_acquire
#define vr_raw_ld64_acquire vr_plain_ld64_acquire
#define vr_raw_st16 vr_plain_st16
#define vr_raw_st16_release vr_plain_st16_release
#define vr_raw_st32 vr_plain_st32
#define vr_raw_st64 vr_plain_st64
#define vr_raw_st64_release vr_plain_st64_release
#include "access_atomic.h"
#undef vr_raw_ld16
#undef vr_raw_ld16_acquire
#undef vr_raw_ld64_acquire
#undef vr_raw_st16
#undef vr_raw_st16_release
#undef vr_raw_st32
#undef vr_raw_st64
#undef vr_raw_st64_release

VR_INLINE uint16_t vr_raw_ld16(const uint16_t *field)
{
	uint16_t value = vr_plain_ld16(field);

	vr_watch_access(field, 2, value, VR_WATCH_LOAD);
	return value;
}

VR_INLINE uint16_t vr_raw_ld16_acquire(const uint16_t *field)
{
	uint16_t value = vr_plain_ld16_acquire(field);

	vr_watch_access(field, 2, value, VR_WATCH_ACQUIRE);
	return value;
}

VR_INLINE uint64_t vr_raw_ld64_acquire(const struct vr_le64 *field)
{
	uint64_t value = vr_plain_ld64_acquire(field);

	vr_watch_access(field, 8, value, VR_WATCH_ACQUIRE);
	return value;
}

VR_INLINE void vr_raw_st16(uint16_t *field, uint16_t value)
{
	vr_plain_st16(field, value);
	vr_watch_access(field, 2, value, VR_WATCH_STORE);
}

VR_INLINE void vr_raw_st16_release(uint16_t *field, uint16_t value)
{
	vr_plain_st16_release(field, value);
	vr_watch_access(field, 2, value, VR_WATCH_RELEASE);
}

VR_INLINE void vr_raw_st32(uint32_t *field, uint32_t value)
{
	vr_plain_st32(field, value);
	vr_watch_access(field, 4, value, VR_WATCH_STORE);
}

VR_INLINE void vr_raw_st64(struct vr_le64 *field, uint64_t value)
{
	vr_plain_st64(field, value);
	vr_watch_access(field, 8, value, VR_WATCH_STORE);
}

VR_INLINE void vr_raw_st64_release(struct vr_le64 *field, uint64_t value)
{
	vr_plain_st64_release(field, value);
	vr_watch_access(field, 8, value, VR_WATCH_RELEASE);
}

#endif
