/* SPDX-License-Identifier: BSD-3-Clause */
/* Few numbers out of many. */
#ifndef STATS_H
#define STATS_H

#include <stddef.h>

/**
 * struct stats - what is said about samples
 * @count: number of them
 * @median: the middle one, or the mean of the two in the middle; 0 without samples
 * @min: smallest
 * @max: largest
 */
struct stats {
	size_t count;
	double median;
	double min;
	double max;
};

/**
 * stats_of() - sum up samples
 * @samples: sorted in place
 * @count: number of them, 0 is allowed
 *
 * Return: the summary.
 */
struct stats stats_of(double *samples, size_t count);

/**
 * stats_gain() - how much more @with is than @without
 * @with: a rate
 * @without: the rate to compare it with, above 0
 *
 * Return: per cent.
 */
double stats_gain(double with, double without);

#endif
