// SPDX-License-Identifier: BSD-3-Clause
/*
 * The first implementation took the slot of the used ring for a descriptor's number. Both run in
 * ring order, and are the same only while every buffer has one descriptor: there are two cursors.
 */
#include "bench.h"

static const struct rig_shape shape = { .features = SPLIT_IN_ORDER, .size = 8 };

static void the_driver_has_two_cursors(void **state)
{
	struct driver_bench b;

	(void)state;
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 40; i++) {
		unsigned int segments = 1 + i % 3;
		struct vr_used used;

		step("buffer %u", i);
		rig_send(&b.rig, segments, 0, 8, i);
		rig_send(&b.rig, segments, 0, 8, 100 + i);
		used = driver_bench_turn(&b, 0);
		CHECK_EQ(used.token, i);
		CHECK_EQ(vr_driver_free(b.rig.driver), 8 - segments);
		CHECK_EQ(driver_bench_turn(&b, 0).token, 100 + i);
	}
	driver_bench_close(&b);
}

static void the_device_has_two_cursors(void **state)
{
	static const struct peer_element out[] = { { RIG_OUT, 8, false },
						   { RIG_OUT, 8, false },
						   { RIG_OUT, 8, false } };
	struct device_bench b;
	uint32_t head = 0;

	(void)state;
	device_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 40; i++) {
		struct vr_chain chain = device_bench_send(&b, out, 1 + i % 3);

		step("buffer %u", i);
		CHECK_EQ(chain.id, head);
		rig_use(&b.rig, &chain, 0);
		CHECK_EQ(le32(at_used_slot(&b.rig.raw, i)), head);
		device_bench_get(&b);
		head = (head + 1 + i % 3) % 8;
	}
	device_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_driver_has_two_cursors),
					    cmocka_unit_test(the_device_has_two_cursors) };

	return RIG_RUN_TESTS(tests);
}
