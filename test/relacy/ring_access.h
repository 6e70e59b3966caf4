/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The accessors of the simulated core; included by src/ring/access.h as VR_ACCESS_HEADER. Every
 * field is an atomic variable of the simulator, found by the field's address.
 */
#ifndef TEST_RELACY_RING_ACCESS_H
#define TEST_RELACY_RING_ACCESS_H

#include "port.h"

/* Orders of a load or store: none, or acquire and release as the case may be. */
uint64_t sim_load(const void *field, unsigned int bytes, bool acquire);
void sim_store(void *field, unsigned int bytes, uint64_t value, bool release);
void sim_fence(void);

/* Only indirect tables, which have no alignment, are read by bytes; the simulated queues have none. */
VR_INLINE uint8_t vr_raw_ld8(const uint8_t *field)
{
	return (uint8_t)sim_load(field, 1, false);
}

VR_INLINE uint16_t vr_raw_ld16(const uint16_t *field)
{
	return (uint16_t)sim_load(field, 2, false);
}

VR_INLINE uint16_t vr_raw_ld16_acquire(const uint16_t *field)
{
	return (uint16_t)sim_load(field, 2, true);
}

VR_INLINE void vr_raw_st16(uint16_t *field, uint16_t value)
{
	sim_store(field, 2, value, false);
}

VR_INLINE void vr_raw_st16_release(uint16_t *field, uint16_t value)
{
	sim_store(field, 2, value, true);
}

VR_INLINE uint32_t vr_raw_ld32(const uint32_t *field)
{
	return (uint32_t)sim_load(field, 4, false);
}

VR_INLINE void vr_raw_st32(uint32_t *field, uint32_t value)
{
	sim_store(field, 4, value, false);
}

VR_INLINE uint64_t vr_raw_ld64(const struct vr_le64 *field)
{
	return sim_load(field, 8, false);
}

VR_INLINE uint64_t vr_raw_ld64_acquire(const struct vr_le64 *field)
{
	return sim_load(field, 8, true);
}

VR_INLINE void vr_raw_st64(struct vr_le64 *field, uint64_t value)
{
	sim_store(field, 8, value, false);
}

VR_INLINE void vr_raw_st64_release(struct vr_le64 *field, uint64_t value)
{
	sim_store(field, 8, value, true);
}

VR_INLINE void vr_raw_fence(void)
{
	sim_fence();
}

#endif
