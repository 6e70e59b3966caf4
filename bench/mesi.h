/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two caches that keep each other coherent: MESI, 64-byte lines, and room for everything, so that a
 * line only ever leaves a cache because the other one wants it.
 */
#ifndef MESI_H
#define MESI_H

#include <stdbool.h>
#include <stdint.h>

#define MESI_LINE 64u
#define MESI_CACHES 2u

/**
 * enum mesi_event - what an access to a line took
 * @MESI_HIT: nothing
 * @MESI_MEMORY: the line from memory, as no cache had it
 * @MESI_READ: a copy of the line from the other cache
 * @MESI_UPGRADE: the word that the other cache's copy is void, for a store to a line that both had
 * @MESI_FETCH: both at once, for a store to a line that only the other cache had
 */
enum mesi_event {
	MESI_HIT,
	MESI_MEMORY,
	MESI_READ,
	MESI_UPGRADE,
	MESI_FETCH,
};

enum mesi_state {
	MESI_INVALID,
	MESI_SHARED,
	MESI_EXCLUSIVE,
	MESI_MODIFIED,
};

struct mesi;

/**
 * mesi_new() - two empty caches
 *
 * Return: NULL when there is no memory.
 */
struct mesi *mesi_new(void);

/** mesi_free() - end of them */
void mesi_free(struct mesi *mesi);

/**
 * mesi_access() - a load or a store
 * @mesi: the caches
 * @cache: whose, 0 or 1
 * @address: of a byte; its line is what counts
 * @store: or load
 *
 * Return: what it took. Ends the program when there is no memory left.
 */
enum mesi_event mesi_access(struct mesi *mesi, unsigned int cache, uintptr_t address, bool store);

/** mesi_state() - the state of an address's line in a cache */
enum mesi_state mesi_state(const struct mesi *mesi, unsigned int cache, uintptr_t address);

#endif
