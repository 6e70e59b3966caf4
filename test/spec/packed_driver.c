// SPDX-License-Identifier: BSD-3-Clause
/* Clauses P-DRV: what the driver of a packed queue does (2.8). */
#include "bench.h"
#include "random.h"

#define INDIRECT VR_F_INDIRECT_DESC
#define STATE (RAW_AVAIL | RAW_USED)

static const struct rig_shape five = { .features = PACKED, .size = 5 };

static uint16_t flags_at(const struct rig *rig, uint32_t slot)
{
	return packed_desc(rig->raw.descriptors, slot).flags;
}

static void areas_are_aligned(void **state)
{
	struct vr_driver_config config;
	struct rig rig;

	(void)state;
	CLAUSE("P-DRV-001");
	rig_open(&rig, &five);
	for (unsigned int off = 1; off <= 8; off *= 2) {
		config = rig_driver_config(&rig);
		config.ring.descriptors.host = rig.descriptors.driver - off;
		CHECK_EQ(rig_init_driver(&rig, &config), VR_E_INVAL);
		if (off >= 4)
			continue;
		config = rig_driver_config(&rig);
		config.ring.driver.host = rig.driver_area.driver - off;
		CHECK_EQ(rig_init_driver(&rig, &config), VR_E_INVAL);
		config = rig_driver_config(&rig);
		config.ring.device.host = rig.device_area.driver - off;
		CHECK_EQ(rig_init_driver(&rig, &config), VR_E_INVAL);
	}
	rig_close(&rig);
}

/* The slots of @from on, @count of them, hold what they held in @before. */
static void same_slots(const struct rig *rig, const uint8_t *before, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++) {
		size_t at = 16 * (size_t)(i % rig->raw.size);

		CHECK_BYTES(rig->descriptors.driver + at, before + at, 16);
	}
}

/* Descriptors are read-only while the device owns them: a store of the driver would be a SIGSEGV. */
static void slots_of_the_device_are_left_alone(void **state)
{
	struct driver_bench b;
	struct vr_used used[4];
	uint8_t before[16 * 5];

	(void)state;
	CLAUSE("P-DRV-002");
	CLAUSE("P-DRV-003");
	driver_bench_open(&b, &five);
	for (unsigned int lap = 0; lap < 12; lap++) {
		uint32_t first = lap * 4 % 5;

		step("lap %u", lap);
		rig_send(&b.rig, 3, 0, 8, 1);
		memcpy(before, b.rig.descriptors.driver, sizeof(before));
		area_driver_read_only(&b.rig.descriptors, true);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 0);
		vr_driver_disarm(b.rig.driver, NULL);
		vr_driver_arm(b.rig.driver, NULL);
		vr_driver_must_notify(b.rig.driver);
		CHECK_EQ(driver_bench_add(&b, 3, 0), 0);
		area_driver_read_only(&b.rig.descriptors, false);
		/* Other buffers are added behind them meanwhile. */
		rig_send(&b.rig, 1, 0, 8, 2);
		same_slots(&b.rig, before, first, 3);
		driver_bench_turn(&b, 0);
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

static void notification_data(void **state)
{
	const struct rig_shape shape = { .features = PACKED | VR_F_NOTIFICATION_DATA, .size = 3 };
	struct driver_bench b;

	(void)state;
	CLAUSE("P-DRV-004");
	driver_bench_open(&b, &shape);
	for (uint32_t n = 1; n < 10; n++) {
		uint32_t want = (n % 3) << 16 | (n / 3 % 2 ? 0u : 1u << 31) | 9;

		rig_send(&b.rig, 1, 0, 8, n);
		CHECK_EQ(vr_driver_notification_data(b.rig.driver, 9), want);
		CLAUSE("P-DRV-005");
		CHECK_EQ(vr_driver_notification_data(b.rig.driver, 9), want);
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

static void limits(void **state)
{
	const struct rig_shape limited = { .features = PACKED, .size = 8, .max_segments = 3 };
	const struct rig_shape tables = {
		.features = PACKED | INDIRECT, .size = 8, .max_segments = 3, .entries = 8
	};
	const struct rig_shape four = { .features = PACKED, .size = 4 };
	struct rig_image image;
	struct driver_bench b;

	(void)state;
	CLAUSE("P-DRV-006");
	driver_bench_open(&b, &limited);
	rig_image_take(&image, &b.rig);
	CHECK_EQ(driver_bench_add(&b, 4, 0), VR_E_TOO_LONG);
	rig_image_same(&image, &b.rig);
	CHECK_EQ(driver_bench_add(&b, 3, 0), 1);
	driver_bench_close(&b);

	CLAUSE("P-DRV-014");
	driver_bench_open(&b, &tables);
	rig_image_take(&image, &b.rig);
	CHECK_EQ(driver_bench_add(&b, 2, 2), VR_E_TOO_LONG);
	rig_image_same(&image, &b.rig);
	CHECK_EQ(driver_bench_add(&b, 1, 2), 1);
	CHECK_EQ(vr_driver_publish(b.rig.driver), 1);
	CHECK(peer_device_take_one(&b.peer).indirect);
	driver_bench_close(&b);

	CLAUSE("P-DRV-007");
	driver_bench_open(&b, &four);
	CHECK_EQ(driver_bench_add(&b, 5, 0), VR_E_TOO_LONG);
	CHECK_EQ(driver_bench_add(&b, 4, 0), 1);
	driver_bench_close(&b);
}

/* The honest device checks order, flags and tables of every list that it takes. */
static void random_lists(uint64_t features)
{
	const struct rig_shape shape = {
		.features = features, .size = 9, .entries = 6, .indirect_min = 3
	};
	struct random random;
	struct driver_bench b;

	random_start(&random, 5);
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 3000; i++) {
		unsigned int readable = random_below(&random, 4);
		unsigned int writable = random_below(&random, 4) + !readable;

		rig_send(&b.rig, readable, writable, 8, i);
		for (uint32_t n = 0; n < 9; n++)
			if (!(features & INDIRECT))
				CHECK_EQ(flags_at(&b.rig, n) & RAW_INDIRECT, 0);
		CHECK_EQ(driver_bench_turn(&b, 0).token, i);
	}
	driver_bench_close(&b);
}

static void lists_are_well_formed(void **state)
{
	(void)state;
	CLAUSE("P-DRV-008");
	random_lists(PACKED);
	CLAUSE("P-DRV-012");
	random_lists(PACKED);
	CLAUSE("P-DRV-013");
	random_lists(PACKED | INDIRECT);
	CLAUSE("P-DRV-015");
	random_lists(PACKED | INDIRECT);
}

/* At every fill level: either the whole list or nothing. */
static void room_for_the_whole_list(void **state)
{
	(void)state;
	CLAUSE("P-DRV-009");
	CLAUSE("P-DRV-010");
	for (unsigned int filled = 0; filled <= 5; filled++) {
		struct rig_image image;
		struct driver_bench b;

		step("%u filled", filled);
		driver_bench_open(&b, &five);
		for (unsigned int i = 0; i < filled; i++)
			rig_send(&b.rig, 1, 0, 8, i);
		if (filled <= 2) {
			CHECK_EQ(driver_bench_add(&b, 1, 2), 1);
			CHECK_EQ(flags_at(&b.rig, filled) & STATE, 0);
		} else {
			rig_image_take(&image, &b.rig);
			CHECK_EQ(driver_bench_add(&b, 1, 2), 0);
			rig_image_same(&image, &b.rig);
		}
		driver_bench_close(&b);
	}
}

static void the_head_comes_last(void **state)
{
	struct peer_chain chain;
	struct driver_bench b;

	(void)state;
	CLAUSE("P-DRV-011");
	CLAUSE("P-DRV-018");
	driver_bench_open(&b, &five);
	CHECK_EQ(driver_bench_add(&b, 2, 0), 1);
	CHECK_EQ(driver_bench_add(&b, 2, 1), 1);
	CHECK_EQ(flags_at(&b.rig, 0) & STATE, 0);
	for (uint32_t i = 1; i < 5; i++)
		CHECK_EQ(flags_at(&b.rig, i) & STATE, RAW_AVAIL);
	CHECK(!peer_device_take(&b.peer, &chain));
	CHECK_EQ(vr_driver_publish(b.rig.driver), 2);
	CHECK_EQ(peer_device_take_one(&b.peer).count, 2);
	CHECK_EQ(peer_device_take_one(&b.peer).count, 3);
	driver_bench_close(&b);
}

static void draining_with_notifications_off(void **state)
{
	const struct rig_shape shapes[] = { five,
					    { .features = PACKED | VR_F_EVENT_IDX, .size = 5 } };

	(void)state;
	CLAUSE("P-DRV-019");
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct peer_chain chain;
		struct driver_bench b;
		struct vr_used used;

		driver_bench_open(&b, &shapes[i]);
		rig_send(&b.rig, 1, 0, 8, 1);
		vr_driver_disarm(b.rig.driver, NULL);
		CHECK_EQ(le16(at_event_flags(b.rig.raw.driver)), RAW_EVENT_DISABLE);
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 0);
		chain = peer_device_take_one(&b.peer);
		peer_device_use(&b.peer, &chain, 0);
		CHECK(vr_driver_arm(b.rig.driver, NULL));
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
		CHECK(!vr_driver_arm(b.rig.driver, NULL));
		driver_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_are_aligned),
		cmocka_unit_test(slots_of_the_device_are_left_alone),
		cmocka_unit_test(notification_data),
		cmocka_unit_test(limits),
		cmocka_unit_test(lists_are_well_formed),
		cmocka_unit_test(room_for_the_whole_list),
		cmocka_unit_test(the_head_comes_last),
		cmocka_unit_test(draining_with_notifications_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
