/* SPDX-License-Identifier: BSD-3-Clause */
/* The port header of a traced core; included by src/ring/port.h as VR_PORT_HEADER. */
#ifndef TEST_TRACE_PORT_H
#define TEST_TRACE_PORT_H

#include "trace.h"

#define vr_likely(x) (x)
#define vr_unlikely(x) (x)

/* A build that counts coverage has it on the command line. */
#ifndef VR_INLINE
#define VR_INLINE static inline __attribute__((unused))
#endif
#define VR_COLD __attribute__((cold, noinline))
#define VR_NOINLINE __attribute__((noinline, unused))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VR_SWAP_16(x) ((uint16_t)(x))
#define VR_SWAP_32(x) ((uint32_t)(x))
#define VR_SWAP_64(x) ((uint64_t)(x))
#else
#define VR_SWAP_16(x) __builtin_bswap16(x)
#define VR_SWAP_32(x) __builtin_bswap32(x)
#define VR_SWAP_64(x) __builtin_bswap64(x)
#endif

#define VR_PLATFORM_STORES() trace_note(TRACE_PLATFORM_STORES, NULL, 0)
#define VR_PLATFORM_LOADS() trace_note(TRACE_PLATFORM_LOADS, NULL, 0)
#define VR_PLATFORM_FULL() trace_note(TRACE_PLATFORM_FULL, NULL, 0)

#endif
