// SPDX-License-Identifier: BSD-3-Clause
/*
 * The first implementation left in-order cursors behind in a reset: the next honest completion broke
 * the queue, or buffers came back from a device that had not used any.
 */
#include "bench.h"

static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

/* A few honest turns on what must be a fresh queue. */
static void fresh(struct driver_bench *b)
{
	struct vr_used used[8];

	peer_device_close(&b->peer);
	peer_device_open(&b->peer, &b->rig);
	CHECK(!vr_driver_pending(b->rig.driver));
	CHECK_EQ(vr_driver_get(b->rig.driver, used, 8), 0);
	CHECK_EQ(vr_driver_outstanding(b->rig.driver), 0);
	for (unsigned int i = 0; i < 20; i++) {
		rig_send(&b->rig, 1, 1, 8, i);
		CHECK_EQ(vr_driver_get(b->rig.driver, used, 8), 0);
		CHECK_EQ(driver_bench_turn(b, 3).token, i);
	}
}

/* @used turns, then a batch of three of which @fetched were handed out, then @left unused ones. */
static void reset_case(uint64_t features, unsigned int turns, unsigned int fetched,
		       unsigned int left)
{
	const struct rig_shape shape = { .features = features, .size = 16 };
	struct peer_chain chain[3];
	struct vr_used used[16];
	struct driver_bench b;

	context("%s: %u turns, %u of 3 fetched, %u unused", form_name(features), turns, fetched,
		left);
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < turns; i++) {
		rig_send(&b.rig, 1, i % 2, 8, i);
		driver_bench_turn(&b, 0);
	}
	for (unsigned int i = 0; i < 3; i++) {
		rig_send(&b.rig, 1, 1, 8, i);
		chain[i] = peer_device_take_one(&b.peer);
	}
	peer_device_use_run(&b.peer, chain, 3, 8);
	if (fetched)
		CHECK_EQ(vr_driver_get(b.rig.driver, used, fetched), fetched);
	for (unsigned int i = 0; i < left; i++)
		rig_send(&b.rig, 1, 1, 8, i);
	vr_driver_stop(b.rig.driver);
	CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 16), 3 - fetched + left);
	CHECK_EQ(vr_driver_reset(b.rig.driver), 0);
	fresh(&b);
	driver_bench_close(&b);
}

static void a_driver_starts_anew(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++)
		for (unsigned int turns = 0; turns < 9; turns++)
			for (unsigned int fetched = 0; fetched <= 3; fetched++)
				reset_case(layouts[l], turns, fetched, turns % 3);
}

static void a_device_starts_anew(void **state)
{
	static const struct peer_element in[] = { { RIG_OUT, 8, false }, { RIG_IN, 8, true } };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };

		for (unsigned int before = 0; before < 9; before++) {
			struct vr_chain chain[2];
			struct device_bench b;

			context("%s, %u before", form_name(layouts[l]), before);
			device_bench_open(&b, &shape);
			for (unsigned int i = 0; i < before; i++) {
				chain[0] = device_bench_send(&b, in, 2);
				rig_use(&b.rig, &chain[0], 8);
				device_bench_get(&b);
			}
			/* One is parked, an open run is staged. */
			for (unsigned int i = 0; i < 2; i++)
				chain[i] = device_bench_send(&b, in, 2);
			CHECK_EQ(vr_device_complete(b.rig.device, chain[before % 2].handle, 8), 0);
			vr_device_reset(b.rig.device);
			memset(b.rig.descriptors.driver, 0, b.rig.descriptors.bytes);
			memset(b.rig.driver_area.driver, 0, b.rig.driver_area.bytes);
			memset(b.rig.device_area.driver, 0, b.rig.device_area.bytes);
			peer_driver_close(&b.peer);
			peer_driver_open(&b.peer, &b.rig, NULL);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 0);
			for (unsigned int i = 0; i < 20; i++) {
				chain[0] = device_bench_send(&b, in, 1 + i % 2);
				rig_use(&b.rig, &chain[0], 0);
				CHECK_EQ(device_bench_get(&b), 0);
			}
			device_bench_close(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_driver_starts_anew),
					    cmocka_unit_test(a_device_starts_anew) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
