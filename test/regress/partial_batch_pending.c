// SPDX-License-Identifier: BSD-3-Clause
/*
 * In the first implementation a batch that was handed out in part was invisible to "is there more?",
 * to enabling callbacks and to delayed callbacks: the driver went to sleep on buffers that were
 * there, and the device, which had told of them, never woke it.
 */
#include "bench.h"

static void nobody_sleeps_on_a_batch(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4 * 3; i++) {
		const struct rig_shape shape = {
			.features = (i % 2 ? PACKED_IN_ORDER : SPLIT_IN_ORDER) |
				    (i / 2 % 2 ? VR_F_EVENT_IDX : 0),
			.size = 16,
		};
		unsigned int fetched = 1 + i / 4;
		struct peer_chain chain[4];
		struct vr_used used[4];
		struct driver_bench b;

		context("%s, %u of 4 fetched", form_name(shape.features), fetched);
		driver_bench_open(&b, &shape);
		for (unsigned int n = 0; n < 6; n++)
			rig_send(&b.rig, 1, 1, 8, n);
		for (unsigned int n = 0; n < 4; n++)
			chain[n] = peer_device_take_one(&b.peer);
		peer_device_use_run(&b.peer, chain, 4, 8);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, fetched), fetched);
		CHECK(vr_driver_pending(b.rig.driver));
		CHECK(vr_driver_arm(b.rig.driver, NULL));
		CHECK(vr_driver_arm_delayed(b.rig.driver, 4 - fetched, NULL));
		CHECK(vr_driver_arm_delayed(b.rig.driver, 1, NULL));
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), 6 - fetched);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 4 - fetched);
		CHECK(!vr_driver_pending(b.rig.driver));
		CHECK(!vr_driver_arm(b.rig.driver, NULL));
		driver_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_sleeps_on_a_batch) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
