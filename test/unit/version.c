// SPDX-License-Identifier: BSD-3-Clause
/* vr_version(): three numbers with dots between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <virtring/version.h>

static void version_is_three_numbers(void **state)
{
	unsigned int part[3];
	char rest;

	(void)state;
	assert_int_equal(sscanf(vr_version(), "%u.%u.%u%c", &part[0], &part[1], &part[2], &rest), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_three_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
