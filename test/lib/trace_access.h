/* SPDX-License-Identifier: BSD-3-Clause */
/* The accessors of trace.h; included by src/ring/access.h as VR_ACCESS_HEADER. */
#ifndef TEST_TRACE_ACCESS_H
#define TEST_TRACE_ACCESS_H

#include "trace.h"

/* The load or store itself is plain: a traced program has one thread. */
/* NOLINTBEGIN(bugprone-macro-parentheses): arguments that are types cannot have any */
#define TRACE_LOADER(name, kind, type) \
	VR_INLINE type name(const type *field) \
	{ \
		trace_note(kind, field, sizeof(type)); \
		return *(const volatile type *)field; \
	}
#define TRACE_STORER(name, kind, type) \
	VR_INLINE void name(type *field, type value) \
	{ \
		trace_note(kind, field, sizeof(type)); \
		*(volatile type *)field = value; \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

TRACE_LOADER(vr_raw_ld8, TRACE_LOAD, uint8_t)
TRACE_LOADER(vr_raw_ld16, TRACE_LOAD, uint16_t)
TRACE_LOADER(vr_raw_ld16_acquire, TRACE_LOAD_ACQUIRE, uint16_t)
TRACE_LOADER(vr_raw_ld32, TRACE_LOAD, uint32_t)
TRACE_STORER(vr_raw_st16, TRACE_STORE, uint16_t)
TRACE_STORER(vr_raw_st16_release, TRACE_STORE_RELEASE, uint16_t)
TRACE_STORER(vr_raw_st32, TRACE_STORE, uint32_t)

VR_INLINE uint64_t vr_raw_ld64(const struct vr_le64 *field)
{
	trace_note(TRACE_LOAD, field, 8);
	return field->u.raw;
}

VR_INLINE uint64_t vr_raw_ld64_acquire(const struct vr_le64 *field)
{
	trace_note(TRACE_LOAD_ACQUIRE, field, 8);
	return field->u.raw;
}

VR_INLINE void vr_raw_st64(struct vr_le64 *field, uint64_t value)
{
	trace_note(TRACE_STORE, field, 8);
	field->u.raw = value;
}

VR_INLINE void vr_raw_st64_release(struct vr_le64 *field, uint64_t value)
{
	trace_note(TRACE_STORE_RELEASE, field, 8);
	field->u.raw = value;
}

VR_INLINE void vr_raw_fence(void)
{
	trace_note(TRACE_FENCE, NULL, 0);
}

#endif
