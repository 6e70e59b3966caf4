/* SPDX-License-Identifier: BSD-3-Clause */
/* Little-endian fields in bytes. */
#ifndef VR_NET_WIRE_H
#define VR_NET_WIRE_H

#include <stdint.h>

static inline uint16_t vr_net_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t vr_net_get32(const uint8_t *p)
{
	return (uint32_t)vr_net_get16(p) | (uint32_t)vr_net_get16(p + 2) << 16;
}

static inline uint64_t vr_net_get64(const uint8_t *p)
{
	return (uint64_t)vr_net_get32(p) | (uint64_t)vr_net_get32(p + 4) << 32;
}

static inline void vr_net_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline void vr_net_put32(uint8_t *p, uint32_t value)
{
	vr_net_put16(p, (uint16_t)value);
	vr_net_put16(p + 2, (uint16_t)(value >> 16));
}

static inline void vr_net_put64(uint8_t *p, uint64_t value)
{
	vr_net_put32(p, (uint32_t)value);
	vr_net_put32(p + 4, (uint32_t)(value >> 32));
}

#endif
