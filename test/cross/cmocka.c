// SPDX-License-Identifier: BSD-3-Clause
/* What the macros of test/cross/cmocka.h stand on. A failed or skipped test leaves by longjmp. */
#include "cmocka.h"

enum shim_verdict {
	SHIM_RUNNING,
	SHIM_PASSED,
	SHIM_FAILED,
	SHIM_SKIPPED,
};

static jmp_buf shim_leave;

void shim_fail(const char *file, int line)
{
	fprintf(stderr, "[  ERROR   ] --- %s:%d: error: Failure!\n", file, line);
	longjmp(shim_leave, SHIM_FAILED);
}

void shim_skip(void)
{
	longjmp(shim_leave, SHIM_SKIPPED);
}

void shim_true(int truth, const char *text, const char *file, int line)
{
	if (truth)
		return;
	fprintf(stderr, "[  ERROR   ] --- %s\n", text);
	shim_fail(file, line);
}

void shim_equal(uintmax_t a, uintmax_t b, int want, const char *file, int line)
{
	if ((a == b) == want)
		return;
	fprintf(stderr, "[  ERROR   ] --- %#jx %s %#jx\n", a, want ? "!=" : "==", b);
	shim_fail(file, line);
}

void shim_range(uintmax_t value, uintmax_t low, uintmax_t high, int want, const char *file,
		int line)
{
	if ((value >= low && value <= high) == want)
		return;
	fprintf(stderr, "[  ERROR   ] --- %#jx is %s the range %#jx-%#jx\n", value,
		want ? "not within" : "within", low, high);
	shim_fail(file, line);
}

void shim_memory(const void *a, const void *b, size_t size, int want, const char *file, int line)
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

int shim_run_group(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
		   int (*teardown)(void **state))
{
	size_t total[4] = { 0, 0, 0, 0 };
	void *state = NULL;
	size_t i;

	printf("[==========] Running %zu test(s).\n", count);
	if (setup && setup(&state)) {
		fprintf(stderr, "[  ERROR   ] group setup failed\n");
		fprintf(stderr, "\n %zu FAILED TEST(S)\n", count);
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
		fprintf(stderr, "\n %zu FAILED TEST(S)\n", total[SHIM_FAILED]);
	return (int)total[SHIM_FAILED];
}
