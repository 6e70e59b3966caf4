/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks that say where they stood: a failed one prints the context (form, size, step, seed, clause)
 * that the test announced before it, then fails the cmocka test.
 */
#ifndef TEST_CHECK_H
#define TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What the following checks are about; replaces what the last call said. */
void context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for the step inside that context; context() forgets it. */
void step(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text that is looked at only when a check fails, as it is then; NULL: none. */
void watch(const char *text);

/* A clause of the specification: printed, and part of every failure until the next one. */
void clause(const char *id);
#define CLAUSE(id) clause(id)

void check_true(const char *file, int line, const char *text, bool ok);
void check_equal(const char *file, int line, const char *text, long long got, long long want);
void check_bytes(const char *file, int line, const char *text, const void *got, const void *want,
		 size_t bytes);

#define CHECK(condition) check_true(__FILE__, __LINE__, #condition, (condition))
#define CHECK_EQ(got, want) \
	check_equal(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define CHECK_BYTES(got, want, bytes) check_bytes(__FILE__, __LINE__, #got, (got), (want), (bytes))

#endif
