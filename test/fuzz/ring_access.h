/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The accessors of the fuzzed core; included by src/ring/access.h as VR_ACCESS_HEADER. Right before
 * each load the peer may write what is about to be loaded: no other moment and no other place makes
 * a difference to the core, which sees shared memory by loading it and in no other way.
 */
#ifndef TEST_FUZZ_RING_ACCESS_H
#define TEST_FUZZ_RING_ACCESS_H

#include "ring_hook.h"

/* One element too far is nobody's memory, and not the next part of the private state. */
#define VR_CARVE_GAP(from) fuzz_state_gap(from)

/* The load or store itself is plain: a fuzzed program has one thread. */
/* NOLINTBEGIN(bugprone-macro-parentheses): arguments that are types cannot have any */
#define FUZZ_LOADER(name, type) \
	VR_INLINE type name(const type *field) \
	{ \
		fuzz_before_load(field, sizeof(type)); \
		return *(const volatile type *)field; \
	}
#define FUZZ_STORER(name, type) \
	VR_INLINE void name(type *field, type value) \
	{ \
		fuzz_before_store(field, sizeof(type)); \
		*(volatile type *)field = value; \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

FUZZ_LOADER(vr_raw_ld8, uint8_t)
FUZZ_LOADER(vr_raw_ld16, uint16_t)
FUZZ_LOADER(vr_raw_ld16_acquire, uint16_t)
FUZZ_LOADER(vr_raw_ld32, uint32_t)
FUZZ_STORER(vr_raw_st16, uint16_t)
FUZZ_STORER(vr_raw_st16_release, uint16_t)
FUZZ_STORER(vr_raw_st32, uint32_t)

VR_INLINE uint64_t vr_raw_ld64(const struct vr_le64 *field)
{
	fuzz_before_load(field, 8);
	return *(const volatile uint64_t *)&field->u.raw;
}

VR_INLINE uint64_t vr_raw_ld64_acquire(const struct vr_le64 *field)
{
	return vr_raw_ld64(field);
}

VR_INLINE void vr_raw_st64(struct vr_le64 *field, uint64_t value)
{
	fuzz_before_store(field, 8);
	*(volatile uint64_t *)&field->u.raw = value;
}

VR_INLINE void vr_raw_st64_release(struct vr_le64 *field, uint64_t value)
{
	vr_raw_st64(field, value);
}

VR_INLINE void vr_raw_fence(void)
{
}

#endif
