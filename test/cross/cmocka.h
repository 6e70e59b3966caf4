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

enum shim_verdict {
	SHIM_RUNNING,
	SHIM_PASSED,
	SHIM_FAILED,
	SHIM_SKIPPED,
};

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	int (*setup_func)(void **state);
	int (*teardown_func)(void **state);
	void *initial_state;
};

static jmp_buf shim_leave;

__attribute__((unused, noreturn)) static void shim_fail(const char *file, int line)
{
	fprintf(stderr, "[  ERROR   ] --- %s:%d: error: Failure!\n", file, line);
	longjmp(shim_leave, SHIM_FAILED);
}

__attribute__((unused)) static void shim_true(int truth, const char *text, const char *file,
					      int line)
{
	if (truth)
		return;
	fprintf(stderr, "[  ERROR   ] --- %s\n", text);
	shim_fail(file, line);
}

__attribute__((unused)) static void shim_equal(uintmax_t a, uintmax_t b, int want, const char *file,
					       int line)
{
	if ((a == b) == want)
		return;
	fprintf(stderr, "[  ERROR   ] --- %#jx %s %#jx\n", a, want ? "!=" : "==", b);
	shim_fail(file, line);
}

__attribute__((unused)) static void shim_range(uintmax_t value, uintmax_t low, uintmax_t high,
					       int want, const char *file, int line)
{
	if ((value >= low && value <= high) == want)
		return;
	fprintf(stderr, "[  ERROR   ] --- %#jx is %s the range %#jx-%#jx\n", value,
		want ? "not within" : "within", low, high);
	shim_fail(file, line);
}

__attribute__((unused)) static void shim_memory(const void *a, const void *b, size_t size, int want,
						const char *file, int line)
{
	const unsigned char *left = (const unsigned char *)a;
	const unsigned char *right = (const unsigned char *)b;
	size_t i;

	if ((memcmp(a, b, size) == 0) == want)
		return;
	for (i = 0; i < size && want; i++) {
		if (left[i] != right[i])
			fprintf(stderr, "[  ERROR   ] --- difference at offset %zu 0x%02x 0x%02x\n",
				i, left[i], right[i]);
	}
	shim_fail(file, line);
}

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
#define skip() longjmp(shim_leave, SHIM_SKIPPED)
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

/* What a test may have changed when it leaves by longjmp cannot live in its caller's frame. */
static void *shim_state;

static enum shim_verdict shim_call(const struct CMUnitTest *test)
{
	int left = setjmp(shim_leave);

	if (left)
		return (enum shim_verdict)left;
	test->test_func(&shim_state);
	return SHIM_PASSED;
}

static enum shim_verdict shim_run_one(const struct CMUnitTest *test, void *group_state)
{
	static const char *const names[] = { "", "     OK", "FAILED ", "SKIPPED" };
	enum shim_verdict verdict;

	printf("[ RUN      ] %s\n", test->name);
	shim_state = test->initial_state ? test->initial_state : group_state;
	if (test->setup_func && test->setup_func(&shim_state)) {
		fprintf(stderr, "[  ERROR   ] %s: setup failed\n", test->name);
		return SHIM_FAILED;
	}
	verdict = shim_call(test);
	if (test->teardown_func && test->teardown_func(&shim_state)) {
		fprintf(stderr, "[  ERROR   ] %s: teardown failed\n", test->name);
		verdict = SHIM_FAILED;
	}
	printf("[  %s ] %s\n", names[verdict], test->name);
	return verdict;
}

static int shim_run_group(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
			  int (*teardown)(void **state))
{
	size_t total[4] = { 0, 0, 0, 0 };
	void *state = NULL;
	size_t i;

	printf("[==========] Running %zu test(s).\n", count);
	if (setup && setup(&state)) {
		fprintf(stderr, "[  ERROR   ] group setup failed\n");
		fprintf(stderr, "[  FAILED  ] %zu test(s)\n", count);
		return (int)count;
	}
	for (i = 0; i < count; i++)
		total[shim_run_one(&tests[i], state)]++;
	if (teardown && teardown(&state)) {
		fprintf(stderr, "[  ERROR   ] group teardown failed\n");
		total[SHIM_FAILED]++;
	}
	printf("[==========] %zu test(s) run.\n", count);
	fprintf(stderr, "[  PASSED  ] %zu test(s).\n", total[SHIM_PASSED]);
	if (total[SHIM_SKIPPED])
		fprintf(stderr, "[  SKIPPED ] %zu test(s)\n", total[SHIM_SKIPPED]);
	if (total[SHIM_FAILED])
		fprintf(stderr, "[  FAILED  ] %zu test(s)\n", total[SHIM_FAILED]);
	return (int)total[SHIM_FAILED];
}

#define cmocka_run_group_tests(tests, setup, teardown) \
	shim_run_group(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	shim_run_group(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

#endif /* VIRTRING_TEST_CMOCKA_H */
