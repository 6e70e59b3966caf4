// SPDX-License-Identifier: BSD-3-Clause
/* Few numbers out of many. */
#include "stats.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

struct stats stats_of(double *samples, size_t count)
{
	struct stats stats = { .count = count };

	if (count == 0)
		return stats;
	qsort(samples, count, sizeof(*samples), compare);
	stats.min = samples[0];
	stats.max = samples[count - 1];
	stats.median = samples[count / 2];
	if (count % 2 == 0)
		stats.median = (stats.median + samples[count / 2 - 1]) / 2;
	return stats;
}

double stats_gain(double with, double without)
{
	return (with / without - 1) * 100;
}
