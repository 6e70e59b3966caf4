// SPDX-License-Identifier: BSD-3-Clause
/* vr_version(): three numbers with dots between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <virtring/version.h>

static void version_is_three_numbers(void **state)
{
	const char *at = vr_version();
	char *end;
	int part;

	(void)state;
	for (part = 0; part < 3; part++) {
		assert_in_range(*at, '0', '9');
		(void)strtoul(at, &end, 10);
		assert_int_equal(*end, part < 2 ? '.' : '\0');
		at = end + 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_three_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
