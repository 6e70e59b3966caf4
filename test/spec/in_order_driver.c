// SPDX-License-Identifier: BSD-3-Clause
/* Clauses IO-DRV: what a driver does when IN_ORDER was negotiated (2.7.9, 2.8.9 and 6). */
#include "bench.h"
#include "random.h"

static const struct rig_shape split = { .features = SPLIT_IN_ORDER, .size = 8 };
static const struct rig_shape packed = { .features = PACKED_IN_ORDER, .size = 7 };

static struct peer_chain taken[8];

/* Sends @count buffers of one readable (16) and one writable (16) segment, tokens 0, 1, … */
static void send_and_take(struct driver_bench *b, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		rig_send(&b->rig, 1, 1, 16, i);
	for (unsigned int i = 0; i < count; i++)
		taken[i] = peer_device_take_one(&b->peer);
}

/* The honest device checks each head, each next and each entry of a table when it takes a chain. */
static void descriptors_in_ring_order(void **state)
{
	const struct rig_shape shape = { .features = SPLIT_IN_ORDER | VR_F_INDIRECT_DESC,
					 .size = 8,
					 .entries = 4,
					 .indirect_min = 4 };
	struct driver_bench b;
	struct vr_used used;
	uint32_t head = 0;
	struct random random;

	(void)state;
	CLAUSE("IO-DRV-001");
	CLAUSE("IO-DRV-002");
	CLAUSE("IO-DRV-003");
	CLAUSE("IO-DRV-010");
	random_start(&random, 3);
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int segments = 1 + random_below(&random, 4);

		rig_send(&b.rig, 1, segments - 1, 8, i);
		CHECK_EQ(le16(at_avail_slot(&b.rig.raw, i)), head);
		head = (head + (segments == 4 ? 1 : segments)) % 8;
		driver_bench_turn(&b, 0);
	}
	/* From the start again after a reset. */
	rig_send(&b.rig, 1, 0, 8, 1);
	vr_driver_stop(b.rig.driver);
	CHECK_EQ(vr_driver_reclaim(b.rig.driver, &used, 1), 1);
	CHECK_EQ(vr_driver_reset(b.rig.driver), 0);
	rig_send(&b.rig, 1, 0, 8, 1);
	CHECK_EQ(le16(at_avail_slot(&b.rig.raw, 0)), 0);
	driver_bench_close(&b);
}

static void split_batches(void **state)
{
	struct driver_bench b;
	struct vr_used used[4];

	(void)state;
	CLAUSE("IO-DRV-004");
	driver_bench_open(&b, &split);
	for (unsigned int lap = 0; lap < 20; lap++) {
		unsigned int count = 1 + lap % 4;

		send_and_take(&b, count);
		peer_device_use_run(&b.peer, taken, count, 16);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), count);
		for (unsigned int i = 0; i < count; i++)
			CHECK_EQ(used[i].token, i);
		CHECK_EQ(vr_driver_base(b.rig.driver), b.peer.used);
	}
	driver_bench_close(&b);
}

static void packed_batches(void **state)
{
	static const unsigned int lengths[][3] = { { 3, 1, 2 }, { 1, 1, 1 }, { 2, 2, 3 } };
	struct driver_bench b;
	struct vr_used used[4];

	(void)state;
	CLAUSE("IO-DRV-005");
	driver_bench_open(&b, &packed);
	for (unsigned int lap = 0; lap < 21; lap++) {
		for (unsigned int i = 0; i < 3; i++)
			rig_send(&b.rig, lengths[lap % 3][i], 0, 8, i);
		for (unsigned int i = 0; i < 3; i++)
			taken[i] = peer_device_take_one(&b.peer);
		peer_device_use_run(&b.peer, taken, 3, 0);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 3);
		CHECK_EQ(used[2].token, 2);
		CHECK_EQ(vr_driver_base(b.rig.driver) >> 16,
			 b.peer.used | (b.peer.used_wrap ? 0x8000u : 0));
	}
	driver_bench_close(&b);
}

static void lengths_of_skipped_buffers(void **state)
{
	static const struct rig_shape *const shapes[] = { &split, &packed };
	const struct vr_segment segments[] = { { RIG_OUT, 16, 0 },
					       { RIG_IN, 512, 0 },
					       { RIG_IN + 600, 1, 0 } };
	const struct vr_buffer buffers[] = {
		{ .segments = segments, .readable = 1, .writable = 2 },
		{ .segments = segments, .readable = 1 },
	};

	(void)state;
	CLAUSE("IO-DRV-006");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct vr_used used[3];
		struct driver_bench b;

		driver_bench_open(&b, shapes[i]);
		CHECK_EQ(vr_driver_add(b.rig.driver, buffers, 2), 2);
		CHECK_EQ(vr_driver_add(b.rig.driver, buffers, 1), 1);
		CHECK_EQ(vr_driver_publish(b.rig.driver), 3);
		for (unsigned int n = 0; n < 3; n++)
			taken[n] = peer_device_take_one(&b.peer);
		peer_device_use_run(&b.peer, taken, 3, 7);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 3), 3);
		CHECK_EQ(used[0].len, 513);
		CHECK_EQ(used[1].len, 0);
		CHECK_EQ(used[2].len, 7);
		driver_bench_close(&b);
	}
}

static void a_wrong_id_breaks_the_queue(void **state)
{
	static const uint32_t ids[] = { 1, 5, 6, 77, 0xffff };
	struct vr_used used[8];

	(void)state;
	CLAUSE("IO-DRV-007");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(ids); i++) {
		bool in_packed = i % 2;
		struct driver_bench b;

		step("id %u", ids[i / 2]);
		driver_bench_open(&b, in_packed ? &packed : &split);
		send_and_take(&b, 2);
		if (in_packed && ids[i / 2] < 7 && b.peer.busy[ids[i / 2]]) {
			driver_bench_close(&b);
			continue; /* packed ids are not slots: this one is fine */
		}
		taken[0].id = (uint16_t)ids[i / 2];
		if (in_packed)
			put_packed_desc(b.rig.raw.descriptors, 0,
					(struct raw_desc){ .id = taken[0].id,
							   .flags = RAW_AVAIL | RAW_USED });
		else
			put_used_slot(&b.rig.raw, 0, ids[i / 2], 0);
		put_le16(at_used_idx(&b.rig.raw), in_packed ? 0 : 1);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 8), VR_E_BROKEN);
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), 2);
		vr_driver_stop(b.rig.driver);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 8), 2);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 8), 0);
		driver_bench_close(&b);
	}
}

static void a_device_that_does_not_batch(void **state)
{
	static const struct rig_shape *const shapes[] = { &split, &packed };

	(void)state;
	CLAUSE("IO-DRV-008");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct vr_used used[3];
		struct driver_bench b;

		driver_bench_open(&b, shapes[i]);
		for (unsigned int lap = 0; lap < 20; lap++) {
			send_and_take(&b, 3);
			for (unsigned int n = 0; n < 3; n++)
				peer_device_use(&b.peer, &taken[n], n);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 3), 3);
			for (unsigned int n = 0; n < 3; n++) {
				CHECK_EQ(used[n].token, n);
				CHECK_EQ(used[n].len, n);
			}
		}
		driver_bench_close(&b);
	}
}

static void the_event_index_counts_buffers(void **state)
{
	const struct rig_shape shape = { .features = SPLIT_IN_ORDER | VR_F_EVENT_IDX, .size = 16 };
	struct driver_bench b;
	struct vr_used used[4];

	(void)state;
	CLAUSE("IO-DRV-009");
	driver_bench_open(&b, &shape);
	send_and_take(&b, 4);
	peer_device_use_run(&b.peer, taken, 3, 16);
	CHECK_EQ(vr_driver_get(b.rig.driver, used, 1), 1);
	CHECK(vr_driver_arm(b.rig.driver, NULL)); /* two are there */
	CHECK_EQ(le16(at_used_event(&b.rig.raw)), 1);
	CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 2);
	CHECK(!vr_driver_arm(b.rig.driver, NULL));
	CHECK_EQ(le16(at_used_event(&b.rig.raw)), 3); /* buffers, not descriptors or entries */
	driver_bench_close(&b);
}

static void a_refused_add_moves_no_cursor(void **state)
{
	const struct vr_segment segments[] = { { RIG_OUT, 16, 0 }, { RIG_IN, 0, 0 } };
	const struct vr_buffer bad = { .segments = segments, .readable = 1, .writable = 1 };
	struct driver_bench b;

	(void)state;
	CLAUSE("IO-DRV-011");
	driver_bench_open(&b, &split);
	for (unsigned int i = 0; i < 20; i++) {
		uint32_t head = b.peer.next_slot;

		CHECK_EQ(vr_driver_add(b.rig.driver, &bad, 1), VR_E_INVAL);
		CHECK_EQ(driver_bench_add(&b, 4, 5), VR_E_TOO_LONG);
		rig_send(&b.rig, 1, i % 3, 8, i);
		CHECK_EQ(le16(at_avail_slot(&b.rig.raw, i)), head);
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

static void an_indirect_buffer_is_one_descriptor(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	CLAUSE("IO-DRV-012");
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l] | VR_F_INDIRECT_DESC,
						 .size = 8,
						 .entries = 8,
						 .indirect_min = 4 };
		struct rig rig;

		rig_open_both(&rig, &shape);
		for (unsigned int lap = 0; lap < 30; lap++) {
			unsigned int segments = lap % 2 ? 8 : 1 + lap % 3;
			struct vr_iovec segment[8];
			struct vr_used used;
			struct vr_chain chain;

			rig_send(&rig, segments, 0, 8, lap);
			CHECK_EQ(vr_driver_free(rig.driver), 8 - (lap % 2 ? 1 : segments));
			chain = rig_pop(&rig, segment, 8);
			CHECK_EQ(chain.descriptors, lap % 2 ? 1 : segments);
			CHECK_EQ(chain.readable, segments);
			rig_use(&rig, &chain, 0);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
			CHECK_EQ(used.token, lap);
		}
		rig_close(&rig);
	}
}

static void the_rest_of_a_batch_is_more_work(void **state)
{
	static const struct rig_shape *const shapes[] = { &packed, &split };

	(void)state;
	CLAUSE("IO-DRV-013");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct vr_used used[4];
		struct driver_bench b;

		driver_bench_open(&b, shapes[i]);
		send_and_take(&b, 3);
		peer_device_use_run(&b.peer, taken, 3, 16);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 1), 1);
		CHECK(vr_driver_pending(b.rig.driver));
		CHECK(vr_driver_arm(b.rig.driver, NULL));
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 2);
		CHECK(!vr_driver_pending(b.rig.driver));
		driver_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_in_ring_order),
		cmocka_unit_test(split_batches),
		cmocka_unit_test(packed_batches),
		cmocka_unit_test(lengths_of_skipped_buffers),
		cmocka_unit_test(a_wrong_id_breaks_the_queue),
		cmocka_unit_test(a_device_that_does_not_batch),
		cmocka_unit_test(the_event_index_counts_buffers),
		cmocka_unit_test(a_refused_add_moves_no_cursor),
		cmocka_unit_test(an_indirect_buffer_is_one_descriptor),
		cmocka_unit_test(the_rest_of_a_batch_is_more_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
