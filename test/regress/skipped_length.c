// SPDX-License-Identifier: BSD-3-Clause
/*
 * The first implementation of in-order drivers counted readable bytes in the length of a skipped
 * buffer. It is the sum of the writable elements alone (2.7.9, 2.8.9), 0 if there are none.
 */
#include "bench.h"

static void only_writable_bytes_count(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };
	static const struct {
		unsigned int readable;
		unsigned int writable;
	} rows[] = { { 1, 1 }, { 3, 1 }, { 2, 0 }, { 0, 2 }, { 1, 2 } };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts) * 2; l++) {
		const struct rig_shape shape = {
			.features = layouts[l % 2] | (l / 2 ? VR_F_INDIRECT_DESC : 0),
			.size = 32,
			.entries = 4,
		};
		struct peer_chain chain[6];
		struct vr_used used[6];
		struct driver_bench b;

		context("%s", form_name(shape.features));
		driver_bench_open(&b, &shape);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			rig_send(&b.rig, rows[i].readable, rows[i].writable, 16, i);
		rig_send(&b.rig, 1, 1, 16, 5);
		for (unsigned int i = 0; i < 6; i++)
			chain[i] = peer_device_take_one(&b.peer);
		peer_device_use_run(&b.peer, chain, 6, 3);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 6), 6);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			CHECK_EQ(used[i].len, 16 * rows[i].writable);
		CHECK_EQ(used[5].len, 3);
		driver_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_writable_bytes_count) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
