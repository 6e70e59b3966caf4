/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fuzzed core calls: the peer's moment, and where the parts of private state end. */
#ifndef TEST_FUZZ_RING_HOOK_H
#define TEST_FUZZ_RING_HOOK_H

#include <stddef.h>

/* May change the @bytes bytes of ring memory at @field, which are loaded next. */
void fuzz_before_load(const void *field, size_t bytes);

/* Counts a store of the half under test. */
void fuzz_before_store(const void *field, size_t bytes);

/* A part of private state ends at the offset @from. Returns how many bytes are to be nobody's there. */
size_t fuzz_state_gap(size_t from);

#endif
