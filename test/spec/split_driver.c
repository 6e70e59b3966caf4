// SPDX-License-Identifier: BSD-3-Clause
/* Clauses S-DRV: what the driver of a split queue does (2.7). */
#include "bench.h"
#include "random.h"
#include "verdict.h"

#define INDIRECT VR_F_INDIRECT_DESC

static void areas_are_aligned(void **state)
{
	static const struct {
		enum vr_area area;
		unsigned int align;
	} rows[] = { { VR_AREA_DESCRIPTORS, 16 }, { VR_AREA_DRIVER, 2 }, { VR_AREA_DEVICE, 4 } };
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct rig rig;

	(void)state;
	CLAUSE("S-DRV-001");
	rig_open(&rig, &shape);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(vr_ring_align(SPLIT, rows[i].area), rows[i].align);
		for (unsigned int off = 1; off < 16; off *= 2) {
			struct vr_driver_config config = rig_driver_config(&rig);
			struct vr_ring_area *areas[] = { &config.ring.descriptors,
							 &config.ring.driver, &config.ring.device };
			bool good = off % rows[i].align == 0;

			if (good)
				continue; /* would only move it off the area */
			areas[rows[i].area]->host = (uint8_t *)areas[rows[i].area]->host - off;
			CHECK_EQ(rig_init_driver(&rig, &config), VR_E_INVAL);
		}
	}
	rig_close(&rig);
}

/* Random adds; the honest device checks each chain (order, length, loops, flags) as it takes it. */
static void random_chains(uint64_t features)
{
	const struct rig_shape shape = {
		.features = features, .size = 8, .entries = 6, .indirect_min = 3
	};
	struct random random;
	struct driver_bench b;

	random_start(&random, 1);
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 3000; i++) {
		unsigned int readable = random_below(&random, 4);
		unsigned int writable = random_below(&random, 4) + !readable;

		rig_send(&b.rig, readable, writable, 8, i);
		for (uint32_t n = 0; n < 8; n++) {
			uint16_t flags = split_desc(b.rig.raw.descriptors, n).flags;

			CHECK((flags & (RAW_NEXT | RAW_INDIRECT)) != (RAW_NEXT | RAW_INDIRECT));
			if (!(features & INDIRECT))
				CHECK_EQ(flags & RAW_INDIRECT, 0);
		}
		CHECK_EQ(driver_bench_turn(&b, 0).token, i);
	}
	driver_bench_close(&b);
}

static void chains_are_well_formed(void **state)
{
	(void)state;
	CLAUSE("S-DRV-002");
	random_chains(SPLIT | INDIRECT);
	CLAUSE("S-DRV-005");
	random_chains(SPLIT);
	CLAUSE("S-DRV-006");
	random_chains(SPLIT | INDIRECT);
	CLAUSE("S-DRV-008");
	random_chains(SPLIT | INDIRECT);
}

static void one_segment_is_one_descriptor(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct driver_bench b;

	(void)state;
	CLAUSE("S-DRV-003");
	driver_bench_open(&b, &shape);
	rig_send(&b.rig, 1, 0, 60000, 1);
	CHECK_EQ(vr_driver_free(b.rig.driver), 7);
	CHECK_EQ(peer_device_take_one(&b.peer).count, 1);
	driver_bench_close(&b);
}

static void no_chain_is_too_long(void **state)
{
	const struct vr_segment huge[] = { { RIG_OUT, 0x80000000, 0 },
					   { RIG_OUT, 0x80000000, 0 },
					   { RIG_OUT, 1, 0 } };
	const struct vr_buffer buffer = { .segments = huge, .readable = 3 };
	const struct rig_shape shape = { .features = SPLIT | INDIRECT, .size = 4, .entries = 16 };
	struct driver_bench b;

	(void)state;
	CLAUSE("S-DRV-004");
	driver_bench_open(&b, &shape);
	CHECK_EQ(vr_driver_add(b.rig.driver, &buffer, 1), VR_E_INVAL);
	CLAUSE("S-DRV-007");
	CHECK_EQ(driver_bench_add(&b, 5, 0), VR_E_TOO_LONG);
	CHECK_EQ(driver_bench_add(&b, 2, 2), 1);
	CHECK_EQ(vr_driver_publish(b.rig.driver), 1);
	CHECK_EQ(peer_device_take_one(&b.peer).count, 4);
	driver_bench_close(&b);
	/* The chains themselves: the honest device walks each to its end within the queue size. */
	CLAUSE("S-DRV-004");
	random_chains(SPLIT);
}

static void what_is_available_stays_available(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 4 };
	struct driver_bench b;
	struct vr_used used;
	uint16_t last = 0;

	(void)state;
	CLAUSE("S-DRV-009");
	driver_bench_open(&b, &shape);
	for (uint32_t i = 0; i < 65536 + 50; i++) {
		uint16_t now;

		CHECK_EQ(driver_bench_add(&b, 1, 0), 1);
		if (i % 3 == 2)
			continue;
		CHECK(vr_driver_publish(b.rig.driver) > 0);
		now = le16(at_avail_idx(&b.rig.raw));
		CHECK((uint16_t)(now - last) <= 4);
		last = now;
		while (vr_driver_outstanding(b.rig.driver))
			driver_bench_turn(&b, 0);
	}
	CHECK_EQ(driver_bench_add(&b, 1, 0), 1);
	CHECK_EQ(vr_driver_reclaim(b.rig.driver, &used, 1), VR_E_STATE);
	driver_bench_close(&b);
}

static void suppression_flags(void **state)
{
	const struct rig_shape plain = { .features = SPLIT, .size = 4 };
	const struct rig_shape event = { .features = SPLIT | VR_F_EVENT_IDX, .size = 4 };
	struct driver_bench b;

	(void)state;
	CLAUSE("S-DRV-010");
	driver_bench_open(&b, &plain);
	CHECK_EQ(le16(at_avail_flags(&b.rig.raw)), 0);
	CLAUSE("S-DRV-011");
	vr_driver_disarm(b.rig.driver, NULL);
	CHECK_EQ(le16(at_avail_flags(&b.rig.raw)), 1);
	rig_send(&b.rig, 1, 0, 8, 1);
	CHECK_EQ(le16(at_avail_flags(&b.rig.raw)), 1);
	CHECK(!vr_driver_arm(b.rig.driver, NULL));
	CHECK_EQ(le16(at_avail_flags(&b.rig.raw)), 0);
	driver_bench_close(&b);

	CLAUSE("S-DRV-012");
	driver_bench_open(&b, &event);
	for (unsigned int i = 0; i < 10; i++) {
		vr_driver_disarm(b.rig.driver, NULL);
		CHECK_EQ(le16(at_avail_flags(&b.rig.raw)), 0);
		rig_send(&b.rig, 1, 0, 8, i);
		CHECK(!vr_driver_arm(b.rig.driver, NULL));
		CHECK_EQ(le16(at_avail_flags(&b.rig.raw)), 0);
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

static void a_delayed_notification(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_EVENT_IDX, .size = 8 };
	struct driver_bench b;

	(void)state;
	CLAUSE("S-DRV-013");
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 7; i++)
		rig_send(&b.rig, 1, 0, 8, i);
	for (unsigned int i = 0; i < 2; i++)
		driver_bench_turn(&b, 0);
	CHECK(!vr_driver_arm_delayed(b.rig.driver, 3, NULL));
	CHECK_EQ(le16(at_used_event(&b.rig.raw)), 2 + 3 - 1);
	CHECK(!split_event_passed(le16(at_used_event(&b.rig.raw)), 2, 2));
	CHECK(split_event_passed(le16(at_used_event(&b.rig.raw)), 2, 3));
	driver_bench_close(&b);
}

static void a_notification_without_news(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct rig_image image;
	struct driver_bench b;
	struct vr_used used;

	(void)state;
	CLAUSE("S-DRV-014");
	driver_bench_open(&b, &shape);
	rig_send(&b.rig, 1, 0, 8, 1);
	rig_image_take(&image, &b.rig);
	for (unsigned int i = 0; i < 100; i++)
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 0);
	rig_image_same(&image, &b.rig);
	driver_bench_turn(&b, 0);
	driver_bench_close(&b);
}

/* The rest of the buffer lies behind an inaccessible page: nobody looks at it. */
static void bytes_beyond_the_length(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct driver_bench b;
	struct vr_used used;

	(void)state;
	CLAUSE("S-DRV-015");
	driver_bench_open(&b, &shape);
	rig_send(&b.rig, 0, 1, 100, 1);
	used = driver_bench_turn(&b, 10);
	CHECK_EQ(used.len, 10);
	CLAUSE("S-DRV-016");
	area_driver_read_only(&b.rig.in, true);
	rig_send(&b.rig, 0, 1, 100, 1);
	CHECK_EQ(driver_bench_turn(&b, 10).len, 10);
	for (size_t i = 0; i < 100; i++)
		CHECK_EQ(b.rig.in.driver[i], 0);
	driver_bench_close(&b);
}

static void used_flags_start_at_zero(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct rig rig;

	(void)state;
	CLAUSE("S-DRV-017");
	rig_open(&rig, &shape);
	memset(rig.device_area.driver, 0xff, rig.device_area.bytes);
	rig_start_driver(&rig);
	CHECK_EQ(le16(at_used_flags(&rig.raw)), 0);
	rig_close(&rig);
}

static void kicks_without_event_index(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct driver_bench b;

	(void)state;
	/* The word that EVENT_IDX would have is an inaccessible page here. */
	CLAUSE("S-DRV-018");
	driver_bench_open(&b, &shape);
	CLAUSE("S-DRV-020");
	rig_send(&b.rig, 1, 0, 8, 1);
	CHECK(vr_driver_must_notify(b.rig.driver));
	CLAUSE("S-DRV-019");
	put_le16(at_used_flags(&b.rig.raw), 1);
	rig_send(&b.rig, 1, 0, 8, 1);
	CHECK(!vr_driver_must_notify(b.rig.driver));
	driver_bench_close(&b);
}

static void kicks_with_event_index(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_EVENT_IDX, .size = 8 };
	struct driver_bench b;
	uint16_t old = 0;

	(void)state;
	driver_bench_open(&b, &shape);
	CLAUSE("S-DRV-021");
	put_le16(at_used_flags(&b.rig.raw), 1);
	rig_send(&b.rig, 1, 0, 8, 1);
	CHECK(vr_driver_must_notify(b.rig.driver));
	driver_bench_turn(&b, 0);
	CLAUSE("S-DRV-022");
	CLAUSE("S-DRV-023");
	for (old = 1; old != 0;) {
		uint16_t count = (uint16_t)(1 + old % 7);
		uint16_t event = (uint16_t)(old + (old / 3) % 12 - 2);

		step("old %u, %u buffers, event %u", old, count, event);
		put_le16(at_avail_event(&b.rig.raw), event);
		for (uint16_t i = 0; i < count; i++)
			CHECK_EQ(driver_bench_add(&b, 1, 0), 1);
		CHECK_EQ(vr_driver_publish_and_verdict(b.rig.driver),
			 split_event_passed(event, old, count));
		for (uint16_t i = 0; i < count; i++)
			driver_bench_turn(&b, 0);
		old = old > 65500 ? 0 : (uint16_t)(old + count);
	}
	driver_bench_close(&b);
}

static void several_chains_by_one_index_store(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct driver_bench b;

	(void)state;
	CLAUSE("S-DRV-026");
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 5; i++) {
		CHECK_EQ(driver_bench_add(&b, 1, 0), 1);
		CHECK_EQ(le16(at_avail_idx(&b.rig.raw)), 0);
	}
	CHECK_EQ(vr_driver_publish(b.rig.driver), 5);
	CHECK_EQ(le16(at_avail_idx(&b.rig.raw)), 5);
	driver_bench_close(&b);
}

static void draining_with_notifications_off(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct peer_chain chain;
	struct driver_bench b;
	struct vr_used used;

	(void)state;
	CLAUSE("S-DRV-027");
	driver_bench_open(&b, &shape);
	rig_send(&b.rig, 1, 0, 8, 1);
	vr_driver_disarm(b.rig.driver, NULL);
	CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 0);
	/* Between the last look and arming. */
	chain = peer_device_take_one(&b.peer);
	peer_device_use(&b.peer, &chain, 0);
	CHECK(vr_driver_arm(b.rig.driver, NULL));
	CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
	CHECK(!vr_driver_arm(b.rig.driver, NULL));
	driver_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_are_aligned),
		cmocka_unit_test(chains_are_well_formed),
		cmocka_unit_test(one_segment_is_one_descriptor),
		cmocka_unit_test(no_chain_is_too_long),
		cmocka_unit_test(what_is_available_stays_available),
		cmocka_unit_test(suppression_flags),
		cmocka_unit_test(a_delayed_notification),
		cmocka_unit_test(a_notification_without_news),
		cmocka_unit_test(bytes_beyond_the_length),
		cmocka_unit_test(used_flags_start_at_zero),
		cmocka_unit_test(kicks_without_event_index),
		cmocka_unit_test(kicks_with_event_index),
		cmocka_unit_test(several_chains_by_one_index_store),
		cmocka_unit_test(draining_with_notifications_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
