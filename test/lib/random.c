// SPDX-License-Identifier: BSD-3-Clause
/* Pseudo-random numbers that can be repeated (splitmix64). */
#include "random.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t random_seed(uint64_t fallback)
{
	const char *text = getenv("VR_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;

	printf("seed %llu (VR_SEED repeats it)\n", (unsigned long long)seed);
	return seed;
}

void random_start(struct random *random, uint64_t seed)
{
	random->state = seed;
}

uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t random_below(struct random *random, uint32_t bound)
{
	return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}
