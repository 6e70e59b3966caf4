/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access to what the front end keeps for this process: records of buffers in flight. What the
 * process stores there has to be there in program order for whoever finds it after a kill; the order
 * of one thread's stores is all that takes. Loads are private copies.
 *
 * VU_SHARED_HEADER may name a file that defines vu_shared_note(), called before each store.
 */
#ifndef VR_SRC_VHOST_USER_SHARED_H
#define VR_SRC_VHOST_USER_SHARED_H

#include <stdint.h>

#ifdef VU_SHARED_HEADER
#include VU_SHARED_HEADER
#else
#define vu_shared_note(field, bytes) ((void)(field))
#endif

/*
 * Arguments that are types cannot have parentheses; and the builtin writes to what it is given.
 * NOLINTBEGIN(bugprone-macro-parentheses, readability-non-const-parameter)
 */
#define VU_SHARED_ACCESS(bits) \
	static inline uint##bits##_t vu_ld##bits(const uint##bits##_t *field) \
	{ \
		return __atomic_load_n(field, __ATOMIC_RELAXED); \
	} \
	static inline void vu_st##bits(uint##bits##_t *field, uint##bits##_t value) \
	{ \
		vu_shared_note(field, bits / 8); \
		__atomic_store_n(field, value, __ATOMIC_RELEASE); \
		__atomic_signal_fence(__ATOMIC_SEQ_CST); \
	}

VU_SHARED_ACCESS(8)
VU_SHARED_ACCESS(16)
VU_SHARED_ACCESS(32)
VU_SHARED_ACCESS(64)
/* NOLINTEND(bugprone-macro-parentheses, readability-non-const-parameter) */

#endif
