// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --latency, --scale and --budget: the histogram, and short rounds of every form. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <virtring/ring.h>

#include "tool/budget.h"
#include "tool/echo.h"
#include "tool/scale.h"

/* ---- the histogram ---- */

static void test_buckets(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket(31), 31);
	assert_int_equal(histogram_bucket(32), 32);
	assert_int_equal(histogram_bucket(63), 63);
	assert_int_equal(histogram_bucket(64), 64);
	assert_int_equal(histogram_bucket(65), 64);
	assert_int_equal(histogram_bucket(66), 65);
	assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	/* Every bucket begins where the one before it ends, and is no wider than 1/32. */
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_low(i);
		uint64_t high = histogram_high(i);

		assert_int_equal(histogram_bucket(low), i);
		assert_int_equal(histogram_bucket(high), i);
		assert_true(high - low <= low / HISTOGRAM_PARTS);
		if (i > 0)
			assert_true(low == histogram_high(i - 1) + 1);
	}
}

static void test_quantiles(void **state)
{
	struct histogram *one = calloc(1, sizeof(*one));
	struct histogram *two = calloc(1, sizeof(*two));

	(void)state;
	assert_non_null(one);
	assert_non_null(two);
	assert_int_equal(histogram_quantile(one, 0.5), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(one, i, 1);
	assert_int_equal(one->total, 1000);
	/* At most 1/32 above the true value, never below it. */
	assert_in_range(histogram_quantile(one, 0.5), 500, 516);
	assert_in_range(histogram_quantile(one, 0.99), 990, 1000);
	assert_int_equal(histogram_quantile(one, 1), 1000);
	assert_int_equal(histogram_quantile(one, 0), 1);
	histogram_add(two, 5000, 1000);
	histogram_add(two, 9000, 0);
	assert_int_equal(two->max, 5000);
	histogram_merge(one, two);
	assert_int_equal(one->total, 2000);
	assert_int_equal(one->max, 5000);
	assert_in_range(histogram_quantile(one, 0.5), 1000, 1032);
	assert_int_equal(histogram_quantile(one, 0.51), 5000);
	free(one);
	free(two);
}

/* ---- short rounds ---- */

static void need_two_cpus(int *cpus)
{
	cpu_set_t allowed;
	int found = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			cpus[found++] = (int)cpu;
	if (found < 2) {
		puts("SKIP: only one CPU");
		skip();
	}
}

static struct nic_config card(unsigned int form)
{
	return (struct nic_config){
		.features = VR_F_VERSION_1 | (form & 1 ? VR_F_RING_PACKED : 0) |
			    (form & 2 ? VR_F_IN_ORDER : 0) | (form & 4 ? VR_F_EVENT_IDX : 0),
		.size = 64,
		.burst = 16,
		.packet = 64,
	};
}

/* On a machine that has other work a thread may not run for a while: then once more, for longer. */
static bool longer(double *seconds, const char *error)
{
	if (strncmp(error, "no packet c", 11) != 0 && strncmp(error, "a pair had no", 13) != 0)
		return false;
	*seconds *= 4;
	return *seconds < 30;
}

/* All forms, without and with event indices, polling and asleep, in a hurry and not. */
static void test_echo(void **state)
{
	static struct echo_figures figures;
	char error[TOOL_TEXT];

	(void)state;
	for (unsigned int i = 0; i < 32; i++) {
		struct echo_config config = {
			.nic = card(i & 7),
			.notify = i & 8,
			.rate = i & 16 ? 20000 : 0,
			.seconds = 0.05,
		};

		need_two_cpus(config.cpu);
		while (echo_play(&config, &figures, error))
			if (!longer(&config.seconds, error))
				fail_msg("%u: %s", i, error);
		assert_true(figures.received > 0 && figures.received <= figures.sent);
		assert_true(figures.times.total == figures.received);
		assert_true(figures.batches[0] > 0 && figures.batches[1] > 0);
		/* Who polls is never woken; who sleeps must be. */
		assert_true((figures.notifications[SIDE_DRIVER] > 0) == config.notify);
		assert_true(config.notify || figures.notifications[SIDE_DEVICE] == 0);
		/* Not faster than was asked for, but for the last burst. */
		if (config.rate > 0)
			assert_true((double)figures.sent <= 20000 * figures.duel.seconds + 2 * 16);
	}
}

static void test_scale(void **state)
{
	struct scale_figures figures;
	char error[TOOL_TEXT];

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		struct scale_config config = {
			.nic = card(i & 3),
			.pairs = i & 4 ? 3 : 1,
			.direction = i & 8 ? DIRECTION_RX : DIRECTION_TX,
			.seconds = 0.1,
		};

		need_two_cpus(config.cpu);
		while (scale_play(&config, &figures, error))
			if (!longer(&config.seconds, error))
				fail_msg("%u: %s", i, error);
		assert_true(figures.fewest > 0 && figures.fewest * config.pairs <= figures.packets);
		assert_true(figures.checked > 0);
		assert_true(figures.ring_bytes >= 2 * 64 * 16);
		assert_true(figures.state_bytes > 0 && figures.slot_bytes >= 2 * 64 * 1536);
	}
}

static void test_budget(void **state)
{
	struct budget_figures figures;
	char error[TOOL_TEXT];

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		struct budget_config config = {
			.nic = card(i & 3),
			.threads = i & 4 ? 1 : 2,
			.direction = i & 8 ? DIRECTION_RX : DIRECTION_TX,
			.seconds = 0.05,
		};

		need_two_cpus(config.cpu);
		while (budget_play(&config, &figures, error)) {
#if !defined(__x86_64__)
			if (strstr(error, "time stamp counter"))
				skip();
#endif
			if (!longer(&config.seconds, error))
				fail_msg("%u: %s", i, error);
		}
		for (int side = 0; side < SIDES; side++) {
			const struct budget_side *its = &figures.side[side];

			assert_true(its->packets >= its->bursts && its->bursts > 0);
			assert_true(its->cycles[0] > 0 && its->cycles[1] > 0);
			assert_string_not_equal(
				budget_step_name(config.direction, (enum side)side, 0), "wait");
			assert_string_equal(budget_step_name(config.direction, (enum side)side,
							     BUDGET_WAIT),
					    "wait");
		}
	}
}

/* What no queue can be like is refused, and nothing stays behind. */
static void test_refused(void **state)
{
	static struct echo_figures figures;
	struct echo_config echo = { .nic = card(0), .seconds = 0.01 };
	struct scale_config scale = { .nic = card(0), .pairs = 2, .seconds = 0.01 };
	struct budget_config budget = { .nic = card(0), .threads = 2, .seconds = 0.01 };
	struct scale_figures scaled;
	struct budget_figures spent;
	char error[TOOL_TEXT] = "";

	(void)state;
	echo.nic.size = 100;
	assert_int_equal(echo_play(&echo, &figures, error), -1);
	assert_non_null(strstr(error, "of descriptors"));
	error[0] = '\0';
	budget.nic.size = 100;
	assert_int_equal(budget_play(&budget, &spent, error), -1);
	assert_non_null(strstr(error, "of descriptors"));
	error[0] = '\0';
	scale.nic.size = 100;
	assert_int_equal(scale_play(&scale, &scaled, error), -1);
	assert_non_null(strstr(error, "of descriptors"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets), cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_echo),	cmocka_unit_test(test_scale),
		cmocka_unit_test(test_budget),	cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
