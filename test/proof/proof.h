/* SPDX-License-Identifier: BSD-3-Clause */
/* What all harnesses use. N is the queue's size, FORM an enum vr_form, both from the command line. */
#ifndef VR_PROOF_H
#define VR_PROOF_H

#include "form.h"

#define PROVE(condition, what) __CPROVER_assert(condition, what)
#define ASSUME(condition) __CPROVER_assume(condition)

/* The runner demands that each of these fails: the proof is not empty. */
#ifdef PROOF_NO_REACH
#define REACH(condition, what) ((void)0)
#else
#define REACH(condition, what) __CPROVER_assert(!(condition), "reach: " what)
#endif

#define SPLIT (FORM == 0 || FORM == 1)
#define PACKED (!SPLIT)
#define IN_ORDER (FORM == 1 || FORM == 3)

_Bool nondet_bool(void);

/* Ring memory, each area exactly as large as it has to be. */
struct proof_avail {
	uint16_t flags, idx, ring[N], event;
};

struct proof_used {
	uint16_t flags, idx;
	struct vr_used_elem ring[N];
	uint16_t event;
};

static inline _Bool proof_within(const void *field, size_t bytes, const void *area, size_t size)
{
	return __CPROVER_same_object(field, area) && __CPROVER_POINTER_OFFSET(field) >= 0 &&
	       (size_t)__CPROVER_POINTER_OFFSET(field) + bytes <= size;
}

#endif
