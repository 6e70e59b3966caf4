/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A back end of src/ring/access.h that writes down each access to ring memory, in the order in
 * which the core asks for it, with the strength that it asks for. The core is compiled anew with
 * it (test/spec/meson.build).
 */
#ifndef TEST_TRACE_H
#define TEST_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	TRACE_LOAD,
	TRACE_LOAD_ACQUIRE,
	TRACE_STORE,
	TRACE_STORE_RELEASE,
	TRACE_FENCE,
	TRACE_PLATFORM_STORES,
	TRACE_PLATFORM_LOADS,
	TRACE_PLATFORM_FULL,
};

void trace_note(enum trace_kind kind, const void *field, size_t bytes);

#endif
