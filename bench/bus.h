/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device behind a bus, without a cache that anybody keeps coherent: each look at memory is a read
 * that has to come back, each store a write that is posted. Both are of at most 64 bytes, one
 * aligned block, which is read and written as a whole.
 *
 * What a read brought may be used until a load with acquire order wants a block that is not at hand:
 * all that was read before it may be older than what it says. Stores to one block become one write;
 * a store with release order goes behind all others, in a write of its own.
 */
#ifndef BUS_H
#define BUS_H

#include <stddef.h>
#include <stdint.h>

#define BUS_BLOCK 64u
#define BUS_HELD_MAX 1024u

/**
 * struct bus - what the device holds, and what it cost
 * @reads: that had to come back
 * @writes: posted
 */
struct bus {
	uint64_t reads;
	uint64_t writes;
	/* private */
	uintptr_t held[BUS_HELD_MAX];
	size_t held_count;
	uintptr_t pending[BUS_HELD_MAX];
	size_t pending_count;
};

/** bus_load() - the device looks at @bytes at @address; @acquire: at news */
void bus_load(struct bus *bus, uintptr_t address, size_t bytes, int acquire);

/** bus_store() - the device writes; @release: behind all that it wrote before */
void bus_store(struct bus *bus, uintptr_t address, size_t bytes, int release);

/** bus_fence() - all is written, and nothing that was read is of use any more */
void bus_fence(struct bus *bus);

#endif
