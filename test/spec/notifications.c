// SPDX-License-Identifier: BSD-3-Clause
/* Clauses N: what a notification carries and means (2.9, 2.7.7, 2.8.14). */
#include "bench.h"

/* The core's part of it: the value for the queue with this number. */
static void what_a_kick_carries(void **state)
{
	const struct rig_shape plain = { .features = SPLIT, .size = 8 };
	const struct rig_shape at_8000 = { .features = SPLIT | VR_F_NOTIFICATION_DATA,
					   .size = 8,
					   .driver_flags = VR_DRIVER_ATTACH,
					   .base = 0x8002 };
	const struct rig_shape packed = { .features = PACKED | VR_F_NOTIFICATION_DATA, .size = 3 };
	struct driver_bench b;

	(void)state;
	/* Without the feature the transport sends the queue's number, which is the low half. */
	CLAUSE("N-DRV-001");
	driver_bench_open(&b, &plain);
	rig_send(&b.rig, 1, 0, 8, 1);
	CHECK_EQ(vr_driver_notification_data(b.rig.driver, 0x1234) & 0xffff, 0x1234);
	driver_bench_close(&b);

	CLAUSE("N-DRV-002");
	driver_bench_open(&b, &at_8000);
	CHECK_EQ(driver_bench_add(&b, 1, 0), 1);
	CHECK_EQ(vr_driver_publish(b.rig.driver), 1);
	CHECK_EQ(le16(at_avail_idx(&b.rig.raw)), 0x8003);
	CHECK_EQ(vr_driver_notification_data(b.rig.driver, 7), 0x80030007u);
	CLAUSE("N-DRV-004");
	CHECK_EQ(vr_driver_notification_data(b.rig.driver, 7), 0x80030007u);
	driver_bench_close(&b);

	CLAUSE("N-DRV-003");
	driver_bench_open(&b, &packed);
	for (unsigned int i = 0; i < 3; i++)
		rig_send(&b.rig, 1, 0, 8, i);
	CHECK_EQ(vr_driver_notification_data(b.rig.driver, 1), 0x00000001u);
	driver_bench_turn(&b, 0);
	rig_send(&b.rig, 1, 0, 8, 4);
	CHECK_EQ(vr_driver_notification_data(b.rig.driver, 1), 0x00010001u);
	driver_bench_close(&b);
}

/* Staged buffers are not available yet: the value must not name slots behind them. */
static void only_what_is_published(void **state)
{
	const struct rig_shape packed = { .features = PACKED | VR_F_NOTIFICATION_DATA, .size = 3 };
	struct driver_bench b;

	(void)state;
	CLAUSE("N-DRV-003");
	driver_bench_open(&b, &packed);
	CHECK_EQ(driver_bench_add(&b, 2, 0), 1);
	CHECK_EQ(vr_driver_notification_data(b.rig.driver, 1), 0x80000001u);
	CHECK_EQ(vr_driver_publish(b.rig.driver), 1);
	CHECK_EQ(vr_driver_notification_data(b.rig.driver, 1), 0x80020001u);
	driver_bench_close(&b);
}

static void one_notification_for_many(void **state)
{
	(void)state;
	CLAUSE("N-DEV-001");
	FOR_EACH_FORM(form)
	{
		for (int event = 0; event < 2; event++) {
			const struct rig_shape shape = { .features = form->features |
								     (event ? VR_F_EVENT_IDX : 0),
							 .size = 64 };
			struct vr_used used[64];
			unsigned int told = 0;
			struct rig rig;

			context("%s, event index %d", form->name, event);
			rig_open_both(&rig, &shape);
			CHECK(!vr_driver_arm(rig.driver, NULL));
			for (unsigned int i = 0; i < 64; i++) {
				struct vr_iovec segment;

				rig_send(&rig, 0, 1, 8, i);
				rig_pop(&rig, &segment, 1);
				CHECK_EQ(vr_device_complete_oldest(rig.device,
								   (uint32_t[]){ i % 9 }, 1),
					 1);
			}
			told += vr_device_publish_and_verdict(rig.device, NULL) == 1;
			told += vr_device_publish_and_verdict(rig.device, NULL) == 1;
			CHECK_EQ(told, 1);
			CHECK_EQ(vr_driver_get(rig.driver, used, 64), 64);
			CHECK_EQ(vr_driver_get(rig.driver, used, 64), 0);
			rig_close(&rig);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_kick_carries),
		cmocka_unit_test(only_what_is_published),
		cmocka_unit_test(one_notification_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
