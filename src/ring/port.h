/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What a kernel or an RTOS replaces: branch hints, byte order, platform-strength barriers.
 *
 * VR_PORT_HEADER may name a file that defines all of this instead.
 */
#ifndef VR_RING_PORT_H
#define VR_RING_PORT_H

#ifdef VR_PORT_HEADER
#include VR_PORT_HEADER
#else

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define vr_likely(x) __builtin_expect(!!(x), 1)
#define vr_unlikely(x) __builtin_expect(!!(x), 0)

/*
 * The bodies of the four forms are meant to be specialised where they are called. A build that
 * counts coverage defines it as plain static: each branch is then counted once, not per copy.
 */
#ifndef VR_INLINE
#define VR_INLINE static inline __attribute__((always_inline))
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

/*
 * Barriers between this program and a real device (VIRTIO_F_ORDER_PLATFORM, 6.3). The compiler's
 * atomics order processors only, so these are instructions by name. Where the architecture is
 * not known the strongest thing that the compiler has must do.
 */
#if defined(__x86_64__) || defined(__SSE2__)
#define VR_PLATFORM_STORES() __asm__ __volatile__("sfence" ::: "memory")
#define VR_PLATFORM_LOADS() __asm__ __volatile__("lfence" ::: "memory")
#define VR_PLATFORM_FULL() __asm__ __volatile__("mfence" ::: "memory")
#elif defined(__aarch64__)
#define VR_PLATFORM_STORES() __asm__ __volatile__("dmb oshst" ::: "memory")
#define VR_PLATFORM_LOADS() __asm__ __volatile__("dmb oshld" ::: "memory")
#define VR_PLATFORM_FULL() __asm__ __volatile__("dmb osh" ::: "memory")
#elif defined(__riscv)
#define VR_PLATFORM_STORES() __asm__ __volatile__("fence ow, ow" ::: "memory")
#define VR_PLATFORM_LOADS() __asm__ __volatile__("fence ir, ir" ::: "memory")
#define VR_PLATFORM_FULL() __asm__ __volatile__("fence iorw, iorw" ::: "memory")
#else
#define VR_PLATFORM_STORES() __sync_synchronize()
#define VR_PLATFORM_LOADS() __sync_synchronize()
#define VR_PLATFORM_FULL() __sync_synchronize()
#endif

#endif /* VR_PORT_HEADER */

/* Hints to the compiler, in every port. */

/* A loop that is to have all registers to itself is a function of its own. */
#define VR_APART static __attribute__((noinline, unused))

/* A loop of so many turns that becomes straight code; clang does that unasked. */
#if defined(__GNUC__) && !defined(__clang__)
#define VR_UNROLL_4 _Pragma("GCC unroll 4")
#else
#define VR_UNROLL_4
#endif

/*
 * Keeps a running value in its variable: without it gcc 12 works such a value out again and again from
 * another one that runs along. A tool that does not know assembly may define it as nothing.
 */
#ifndef VR_KEEP
#define VR_KEEP(value) __asm__("" : "+r"(value))
#endif

/*
 * Has a value that does not change read from memory where it is used, as an operand: where a loop has more
 * of them than there are registers, gcc 12 loads each into a register that it takes from another.
 */
#ifndef VR_OPERAND
#define VR_OPERAND(value) __asm__("" : "+m"(value))
#endif

#endif
