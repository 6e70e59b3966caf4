/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back end of src/ring/access.h for proofs: the peer may have written anything, at any instant. A
 * load checks that it stays within what the peer shares with us and answers with any value; a store
 * checks that it stays within what this half may write, and is done, so that a proof can look at what
 * the peer was told.
 */
#ifndef VR_ACCESS_NONDET_H
#define VR_ACCESS_NONDET_H

#include "port.h"

/* Hints to a compiler, which say nothing here. */
#undef VR_KEEP
#undef VR_OPERAND
#undef VR_WILL_WRITE
#define VR_KEEP(value) ((void)0)
#define VR_OPERAND(value) ((void)0)
#define VR_WILL_WRITE(...) ((void)0)

uint8_t nondet_uint8(void);
uint16_t nondet_uint16(void);
uint32_t nondet_uint32(void);
uint64_t nondet_uint64(void);

/* Defined by the harness: is this shared memory; memory that this half may write? */
_Bool proof_may_load(const void *field, size_t bytes);
_Bool proof_may_store(const void *field, size_t bytes);

/* CBMC has no body for the builtin; the core copies whole objects, of the type of the source, with it. */
#define __builtin_memcpy(to, from, bytes) \
	do { \
		for (size_t each_ = 0; each_ < (bytes) / sizeof(*(from)); each_++) \
			((__typeof__(*(from)) *)(void *)(to))[each_] = (from)[each_]; \
	} while (0)

#define PROOF_LOAD(field, bytes) \
	__CPROVER_assert(proof_may_load(field, bytes), "a load stays within shared memory")
#define PROOF_STORE(field, bytes) \
	__CPROVER_assert(proof_may_store(field, bytes), "a store stays within our part")

static inline uint8_t vr_raw_ld8(const uint8_t *field)
{
	PROOF_LOAD(field, 1);
	return nondet_uint8();
}

static inline uint16_t vr_raw_ld16(const uint16_t *field)
{
	PROOF_LOAD(field, 2);
	return nondet_uint16();
}

static inline uint16_t vr_raw_ld16_acquire(const uint16_t *field)
{
	return vr_raw_ld16(field);
}

static inline void vr_raw_st16(uint16_t *field, uint16_t value)
{
	PROOF_STORE(field, 2);
	*field = value;
}

static inline void vr_raw_st16_release(uint16_t *field, uint16_t value)
{
	vr_raw_st16(field, value);
}

static inline uint32_t vr_raw_ld32(const uint32_t *field)
{
	PROOF_LOAD(field, 4);
	return nondet_uint32();
}

static inline void vr_raw_st32(uint32_t *field, uint32_t value)
{
	PROOF_STORE(field, 4);
	*field = value;
}

static inline uint64_t vr_raw_ld64(const struct vr_le64 *field)
{
	PROOF_LOAD(field, 8);
	return nondet_uint64();
}

static inline uint64_t vr_raw_ld64_acquire(const struct vr_le64 *field)
{
	return vr_raw_ld64(field);
}

static inline void vr_raw_st64(struct vr_le64 *field, uint64_t value)
{
	PROOF_STORE(field, 8);
	field->u.raw = value;
}

static inline void vr_raw_st64_release(struct vr_le64 *field, uint64_t value)
{
	vr_raw_st64(field, value);
}

static inline void vr_raw_fence(void)
{
}

#endif
