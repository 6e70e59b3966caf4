// SPDX-License-Identifier: BSD-3-Clause
/* Times sorted into buckets whose width grows with them. */
#include "histogram.h"

/*
 * Values below HISTOGRAM_PARTS have a bucket each. Above, a bucket's number is made of the power of
 * two and the bits behind the leading one.
 */
unsigned int histogram_bucket(uint64_t value)
{
	unsigned int shift;

	if (value < HISTOGRAM_PARTS)
		return (unsigned int)value;
	shift = 63u - (unsigned int)__builtin_clzll(value) - HISTOGRAM_PARTS_BITS;
	return (shift + 1) * HISTOGRAM_PARTS + (unsigned int)(value >> shift) - HISTOGRAM_PARTS;
}

uint64_t histogram_low(unsigned int bucket)
{
	unsigned int power = bucket / HISTOGRAM_PARTS;

	if (power == 0)
		return bucket;
	return (uint64_t)(bucket % HISTOGRAM_PARTS + HISTOGRAM_PARTS) << (power - 1);
}

uint64_t histogram_high(unsigned int bucket)
{
	return bucket + 1 < HISTOGRAM_BUCKETS ? histogram_low(bucket + 1) - 1 : UINT64_MAX;
}

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times)
{
	histogram->count[histogram_bucket(value)] += times;
	histogram->total += times;
	if (times > 0 && value > histogram->max)
		histogram->max = value;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->count[i] += from->count[i];
	to->total += from->total;
	if (from->max > to->max)
		to->max = from->max;
}

uint64_t histogram_quantile(const struct histogram *histogram, double part)
{
	double wanted = part * (double)histogram->total;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS && histogram->total > 0; i++) {
		seen += histogram->count[i];
		if (histogram->count[i] > 0 && (double)seen >= wanted)
			return histogram_high(i) < histogram->max ? histogram_high(i) :
								    histogram->max;
	}
	return histogram->max;
}
