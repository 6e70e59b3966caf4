/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pseudo-random numbers that can be repeated: VR_SEED=number in the environment sets the seed, and
 * the one in use is printed.
 */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* The seed of this run: VR_SEED, or @fallback. Prints it once. */
uint64_t random_seed(uint64_t fallback);

void random_start(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);

/* A number in 0..@bound-1; @bound is at least 1. */
uint32_t random_below(struct random *random, uint32_t bound);

/* True in @of calls out of @total. */
static inline bool random_chance(struct random *random, uint32_t of, uint32_t total)
{
	return random_below(random, total) < of;
}

#endif
