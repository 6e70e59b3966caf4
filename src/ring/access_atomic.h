/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The back end of access.h that programs run: the compiler's atomics. */
#ifndef VR_RING_ACCESS_ATOMIC_H
#define VR_RING_ACCESS_ATOMIC_H

#include "port.h"

VR_INLINE uint8_t vr_raw_ld8(const uint8_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

VR_INLINE uint16_t vr_raw_ld16(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

VR_INLINE uint16_t vr_raw_ld16_acquire(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_ACQUIRE);
}

VR_INLINE void vr_raw_st16(uint16_t *field, uint16_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

VR_INLINE void vr_raw_st16_release(uint16_t *field, uint16_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELEASE);
}

VR_INLINE uint32_t vr_raw_ld32(const uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

VR_INLINE void vr_raw_st32(uint32_t *field, uint32_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

#if __SIZEOF_POINTER__ >= 8

VR_INLINE uint64_t vr_raw_ld64(const struct vr_le64 *field)
{
	return __atomic_load_n(&field->u.raw, __ATOMIC_RELAXED);
}

VR_INLINE uint64_t vr_raw_ld64_acquire(const struct vr_le64 *field)
{
	return __atomic_load_n(&field->u.raw, __ATOMIC_ACQUIRE);
}

VR_INLINE void vr_raw_st64(struct vr_le64 *field, uint64_t value)
{
	__atomic_store_n(&field->u.raw, value, __ATOMIC_RELAXED);
}

VR_INLINE void vr_raw_st64_release(struct vr_le64 *field, uint64_t value)
{
	__atomic_store_n(&field->u.raw, value, __ATOMIC_RELEASE);
}

#else /* two words, the second one stored last and loaded first: it holds the packed flags */

VR_INLINE uint64_t vr_raw_ld64(const struct vr_le64 *field)
{
	struct vr_le64 copy;

	copy.u.word[1] = __atomic_load_n(&field->u.word[1], __ATOMIC_RELAXED);
	copy.u.word[0] = __atomic_load_n(&field->u.word[0], __ATOMIC_RELAXED);
	return copy.u.raw;
}

VR_INLINE uint64_t vr_raw_ld64_acquire(const struct vr_le64 *field)
{
	struct vr_le64 copy;

	copy.u.word[1] = __atomic_load_n(&field->u.word[1], __ATOMIC_ACQUIRE);
	copy.u.word[0] = __atomic_load_n(&field->u.word[0], __ATOMIC_RELAXED);
	return copy.u.raw;
}

VR_INLINE void vr_raw_st64(struct vr_le64 *field, uint64_t value)
{
	struct vr_le64 copy;

	copy.u.raw = value;
	__atomic_store_n(&field->u.word[0], copy.u.word[0], __ATOMIC_RELAXED);
	__atomic_store_n(&field->u.word[1], copy.u.word[1], __ATOMIC_RELAXED);
}

VR_INLINE void vr_raw_st64_release(struct vr_le64 *field, uint64_t value)
{
	struct vr_le64 copy;

	copy.u.raw = value;
	__atomic_store_n(&field->u.word[0], copy.u.word[0], __ATOMIC_RELAXED);
	__atomic_store_n(&field->u.word[1], copy.u.word[1], __ATOMIC_RELEASE);
}

#endif

VR_INLINE void vr_raw_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
