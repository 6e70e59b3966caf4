// SPDX-License-Identifier: BSD-3-Clause
/* One test for each way in which a test can end, for the stand-in for cmocka (test/cross). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int fail_setup(void **state)
{
	(void)state;
	return -1;
}

static void passes(void **state)
{
	const char text[] = "text";

	assert_string_equal(*state, "state");
	assert_int_equal(-1, -1);
	assert_int_not_equal(1, 2);
	assert_in_range(5, 5, 6);
	assert_not_in_range(7, 5, 6);
	assert_memory_equal(text, "text", 5);
	assert_memory_not_equal(text, "tent", 5);
	assert_ptr_equal(text, &text[0]);
	assert_non_null(text);
	assert_true(1);
	assert_false(0);
}

#define WRONG(name, assertion) \
	static void name(void **state) \
	{ \
		(void)state; \
		assertion; \
	}

WRONG(wrong_true, assert_true(0))
WRONG(wrong_false, assert_false(1))
WRONG(wrong_equal, assert_int_equal(1, 2))
WRONG(wrong_not_equal, assert_int_not_equal(2, 2))
WRONG(wrong_range, assert_in_range(4, 5, 6))
WRONG(wrong_not_range, assert_not_in_range(5, 5, 6))
WRONG(wrong_memory, assert_memory_equal("ab", "ac", 2))
WRONG(wrong_not_memory, assert_memory_not_equal("ab", "ab", 2))
WRONG(wrong_string, assert_string_equal("a", "b"))
WRONG(wrong_pointer, assert_ptr_equal(*state, NULL))
WRONG(wrong_null, assert_null("x"))
WRONG(wrong_non_null, assert_non_null(NULL))
WRONG(just_fails, fail())
WRONG(fails_with_words, fail_msg("%d words", 2))
WRONG(is_skipped, skip())

int main(void)
{
	static char text[] = "state";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(passes, text),
		cmocka_unit_test(wrong_true),
		cmocka_unit_test(wrong_false),
		cmocka_unit_test(wrong_equal),
		cmocka_unit_test(wrong_not_equal),
		cmocka_unit_test(wrong_range),
		cmocka_unit_test(wrong_not_range),
		cmocka_unit_test(wrong_memory),
		cmocka_unit_test(wrong_not_memory),
		cmocka_unit_test(wrong_string),
		cmocka_unit_test_prestate(wrong_pointer, text),
		cmocka_unit_test(wrong_null),
		cmocka_unit_test(wrong_non_null),
		cmocka_unit_test(just_fails),
		cmocka_unit_test(fails_with_words),
		cmocka_unit_test_setup(passes, fail_setup),
		cmocka_unit_test(is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
