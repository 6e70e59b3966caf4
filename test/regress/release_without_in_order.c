// SPDX-License-Identifier: BSD-3-Clause
/*
 * The first implementation ran the in-order release for queues that had not negotiated it: what came
 * before a used buffer was handed out with it, though the device was still writing there.
 */
#include "bench.h"

static void only_the_named_buffer_comes_back(void **state)
{
	static const uint64_t layouts[] = { SPLIT, PACKED };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };

		for (unsigned int which = 0; which < 4; which++) {
			struct peer_chain chain[4];
			struct vr_used used[4];
			struct driver_bench b;

			context("%s, buffer %u", form_name(layouts[l]), which);
			driver_bench_open(&b, &shape);
			for (unsigned int i = 0; i < 4; i++)
				rig_send(&b.rig, 1, 1, 8, i);
			for (unsigned int i = 0; i < 4; i++)
				chain[i] = peer_device_take_one(&b.peer);
			peer_device_use(&b.peer, &chain[which], 5);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 1);
			CHECK_EQ(used[0].token, which);
			CHECK_EQ(used[0].len, 5);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 0);
			CHECK_EQ(vr_driver_outstanding(b.rig.driver), 3);
			driver_bench_close(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_the_named_buffer_comes_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
