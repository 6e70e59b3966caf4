/* SPDX-License-Identifier: BSD-3-Clause */
/* Little-endian fields in bytes, and the request header that both halves know. */
#ifndef VR_BLK_WIRE_H
#define VR_BLK_WIRE_H

#include <stdbool.h>
#include <stdint.h>

/* struct virtio_blk_req begins with type, reserved, sector (5.2.6). */
#define VR_BLK_HEADER_BYTES 16u

/* struct virtio_blk_discard_write_zeroes */
#define VR_BLK_RANGE_BYTES 16u

static inline uint16_t vr_blk_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t vr_blk_get32(const uint8_t *p)
{
	return (uint32_t)vr_blk_get16(p) | (uint32_t)vr_blk_get16(p + 2) << 16;
}

static inline uint64_t vr_blk_get64(const uint8_t *p)
{
	return (uint64_t)vr_blk_get32(p) | (uint64_t)vr_blk_get32(p + 4) << 32;
}

static inline void vr_blk_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline void vr_blk_put32(uint8_t *p, uint32_t value)
{
	vr_blk_put16(p, (uint16_t)value);
	vr_blk_put16(p + 2, (uint16_t)(value >> 16));
}

static inline void vr_blk_put64(uint8_t *p, uint64_t value)
{
	vr_blk_put32(p, (uint32_t)value);
	vr_blk_put32(p + 4, (uint32_t)(value >> 32));
}

/**
 * vr_blk_within() - do sectors lie within a disk?
 * @sector: the first
 * @sectors: how many
 * @capacity: of the disk
 *
 * Return: true when they do; no sum is made that could overflow.
 */
static inline bool vr_blk_within(uint64_t sector, uint64_t sectors, uint64_t capacity)
{
	return sectors <= capacity && sector <= capacity - sectors;
}

#endif
