/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of cmocka's interface that the tests use, for machines whose packages are not at hand
 * (a cross build). Same names, same output; a failed assertion leaves the test by longjmp.
 */
#ifndef VIRTRING_TEST_CMOCKA_H
#define VIRTRING_TEST_CMOCKA_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	int (*setup_func)(void **state);
	int (*teardown_func)(void **state);
	void *initial_state;
};

/* What the macros stand on: test/cross/cmocka.c. */
__attribute__((noreturn)) void shim_fail(const char *file, int line);
__attribute__((noreturn)) void shim_skip(void);
void shim_true(int truth, const char *text, const char *file, int line);
void shim_equal(uintmax_t a, uintmax_t b, int want, const char *file, int line);
void shim_range(uintmax_t value, uintmax_t low, uintmax_t high, int want, const char *file,
		int line);
void shim_memory(const void *a, const void *b, size_t size, int want, const char *file, int line);
int shim_run_group(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
		   int (*teardown)(void **state));

#define shim_int(value) ((uintmax_t)(value))
#define shim_ptr(value) ((uintmax_t)(uintptr_t)(value))

#define assert_true(c) shim_true((c) ? 1 : 0, #c, __FILE__, __LINE__)
#define assert_false(c) shim_true((c) ? 0 : 1, "!(" #c ")", __FILE__, __LINE__)
#define assert_non_null(p) shim_true((p) != NULL, #p, __FILE__, __LINE__)
#define assert_null(p) shim_true((p) == NULL, "!(" #p ")", __FILE__, __LINE__)
#define assert_int_equal(a, b) shim_equal(shim_int(a), shim_int(b), 1, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) shim_equal(shim_int(a), shim_int(b), 0, __FILE__, __LINE__)
#define assert_ptr_equal(a, b) shim_equal(shim_ptr(a), shim_ptr(b), 1, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b) shim_equal(shim_ptr(a), shim_ptr(b), 0, __FILE__, __LINE__)
#define assert_in_range(v, low, high) \
	shim_range(shim_int(v), shim_int(low), shim_int(high), 1, __FILE__, __LINE__)
#define assert_not_in_range(v, low, high) \
	shim_range(shim_int(v), shim_int(low), shim_int(high), 0, __FILE__, __LINE__)
#define assert_memory_equal(a, b, size) shim_memory(a, b, size, 1, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, size) shim_memory(a, b, size, 0, __FILE__, __LINE__)
#define assert_string_equal(a, b) shim_true(strcmp(a, b) == 0, #a " == " #b, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) shim_true(strcmp(a, b) != 0, #a " != " #b, __FILE__, __LINE__)
#define fail() shim_fail(__FILE__, __LINE__)
#define fail_msg(...) \
	do { \
		fprintf(stderr, "[  ERROR   ] --- " __VA_ARGS__); \
		fputc('\n', stderr); \
		shim_fail(__FILE__, __LINE__); \
	} while (0)
#define skip() shim_skip()
#define print_message(...) printf(__VA_ARGS__)
#define print_error(...) fprintf(stderr, __VA_ARGS__)

#define cmocka_unit_test(f) \
	{ \
#f, f, NULL, NULL, NULL \
	}
#define cmocka_unit_test_setup(f, setup) \
	{ \
#f, f, setup, NULL, NULL \
	}
#define cmocka_unit_test_teardown(f, teardown) \
	{ \
#f, f, NULL, teardown, NULL \
	}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
	{ \
#f, f, setup, teardown, NULL \
	}
#define cmocka_unit_test_prestate(f, state) \
	{ \
#f, f, NULL, NULL, state \
	}
#define cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, state) \
	{ \
#f, f, setup, teardown, state \
	}

#define cmocka_run_group_tests(tests, setup, teardown) \
	shim_run_group(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	shim_run_group(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

#endif /* VIRTRING_TEST_CMOCKA_H */
