/* SPDX-License-Identifier: BSD-3-Clause */
/* virtring check self: each of our own halves against the checks. */
#ifndef CHECK_SELF_H
#define CHECK_SELF_H

#include <stdbool.h>

#include "check/check.h"

/* Is there such a part? */
bool check_self_part(const char *part);

/**
 * check_self() - check the driver half, this command's clients, and this command's devices
 * @plan: patterns, forms, hostile, and who is told; what is checked is filled in here
 * @part: only the one of this name, or NULL
 * @results: what comes is added
 *
 * Return: 0, or -1 when something could not be started.
 */
int check_self(const struct check_plan *plan, const char *part, struct check_results *results);

#endif
