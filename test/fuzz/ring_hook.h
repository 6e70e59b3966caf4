/* SPDX-License-Identifier: BSD-3-Clause */
/* What the accessors of the fuzzed core call: the peer's moment. */
#ifndef TEST_FUZZ_RING_HOOK_H
#define TEST_FUZZ_RING_HOOK_H

#include <stddef.h>

/* May change the @bytes bytes of ring memory at @field, which are loaded next. */
void fuzz_before_load(const void *field, size_t bytes);

/* Counts a store of the half under test. */
void fuzz_before_store(const void *field, size_t bytes);

#endif
