/* SPDX-License-Identifier: BSD-3-Clause */
/* Times sorted into buckets whose width grows with them, as HdrHistogram has it. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

/* Each power of two is cut into so many buckets: none is wider than 1/32 of what is in it. */
#define HISTOGRAM_PARTS_BITS 5u
#define HISTOGRAM_PARTS (1u << HISTOGRAM_PARTS_BITS)
#define HISTOGRAM_BUCKETS ((64u - HISTOGRAM_PARTS_BITS + 1u) * HISTOGRAM_PARTS)

/**
 * struct histogram - how often which time was seen; zero is empty
 * @total: number of times
 * @max: the largest
 * @count: of each bucket
 */
struct histogram {
	uint64_t total;
	uint64_t max;
	uint64_t count[HISTOGRAM_BUCKETS];
};

/** histogram_bucket() - the bucket of a value */
unsigned int histogram_bucket(uint64_t value);

/** histogram_low() - the smallest value of a bucket, which is below HISTOGRAM_BUCKETS */
uint64_t histogram_low(unsigned int bucket);

/** histogram_high() - the largest value of a bucket */
uint64_t histogram_high(unsigned int bucket);

/** histogram_add() - one more value, seen @times times */
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times);

/** histogram_merge() - all values of another one */
void histogram_merge(struct histogram *to, const struct histogram *from);

/**
 * histogram_quantile() - the value that a part of all values is not above
 * @histogram: where they are
 * @part: 0..1
 *
 * Return: the largest value of the bucket where it lies, at most @max; 0 when there are no values.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double part);

#endif
