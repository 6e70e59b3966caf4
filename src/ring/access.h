/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The only way to ring memory.
 *
 * Ring fields have types of their own (vr_le16, vr_le32, vr_le64), so that nothing else compiles.
 * Each load takes one private copy; what the other side stores afterwards does not matter. All
 * fields are relaxed atomics but for the one that publishes, which is a release store here and
 * an acquire load there. Both sides of this library access a field with the same width.
 *
 * VR_ACCESS_HEADER may name a file that defines the vr_raw_* functions instead: counting them, or
 * answering whatever a hostile peer could have written.
 */
#ifndef VR_RING_ACCESS_H
#define VR_RING_ACCESS_H

#include "port.h"

struct vr_le16 {
	uint16_t raw;
};

struct vr_le32 {
	uint32_t raw;
};

/* On a 32-bit machine a 64-bit field is two words, of which the second is the one that publishes. */
struct vr_le64 {
	union {
		uint64_t raw;
		uint32_t word[2];
	} u;
};

#ifdef VR_ACCESS_HEADER
#include VR_ACCESS_HEADER
#else
#include "access_atomic.h"
#endif

VR_INLINE uint16_t vr_ld16(const struct vr_le16 *field)
{
	return VR_SWAP_16(vr_raw_ld16(&field->raw));
}

VR_INLINE uint16_t vr_ld16_acquire(const struct vr_le16 *field)
{
	return VR_SWAP_16(vr_raw_ld16_acquire(&field->raw));
}

VR_INLINE void vr_st16(struct vr_le16 *field, uint16_t value)
{
	vr_raw_st16(&field->raw, VR_SWAP_16(value));
}

VR_INLINE void vr_st16_release(struct vr_le16 *field, uint16_t value)
{
	vr_raw_st16_release(&field->raw, VR_SWAP_16(value));
}

VR_INLINE uint32_t vr_ld32(const struct vr_le32 *field)
{
	return VR_SWAP_32(vr_raw_ld32(&field->raw));
}

VR_INLINE void vr_st32(struct vr_le32 *field, uint32_t value)
{
	vr_raw_st32(&field->raw, VR_SWAP_32(value));
}

VR_INLINE uint64_t vr_ld64(const struct vr_le64 *field)
{
	return VR_SWAP_64(vr_raw_ld64(field));
}

VR_INLINE uint64_t vr_ld64_acquire(const struct vr_le64 *field)
{
	return VR_SWAP_64(vr_raw_ld64_acquire(field));
}

VR_INLINE void vr_st64(struct vr_le64 *field, uint64_t value)
{
	vr_raw_st64(field, VR_SWAP_64(value));
}

VR_INLINE void vr_st64_release(struct vr_le64 *field, uint64_t value)
{
	vr_raw_st64_release(field, VR_SWAP_64(value));
}

/* A field at any address, byte by byte: an indirect table has no alignment (2.7.5.3). */
static inline uint64_t vr_ld64_unaligned(const void *field)
{
	const uint8_t *byte = (const uint8_t *)field;
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		value |= (uint64_t)vr_raw_ld8(byte + i) << (8 * i);
	return value;
}

/*
 * The one stand-alone fence: a store of ours (index, flags, event word) before a load of the other
 * side's field, which nothing weaker orders.
 */
VR_INLINE void vr_fence(bool platform)
{
	if (vr_unlikely(platform))
		VR_PLATFORM_FULL();
	else
		vr_raw_fence();
}

/* With ORDER_PLATFORM: everything stored so far, before the release store that follows. */
VR_INLINE void vr_before_publish(bool platform)
{
	if (vr_unlikely(platform))
		VR_PLATFORM_STORES();
}

/* With ORDER_PLATFORM: the acquire load that went before, before everything loaded from now on. */
VR_INLINE void vr_after_consume(bool platform)
{
	if (vr_unlikely(platform))
		VR_PLATFORM_LOADS();
}

#endif
