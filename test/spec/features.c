// SPDX-License-Identifier: BSD-3-Clause
/* Clauses F, as far as a feature changes what a queue does (6). */
#include "bench.h"

/* One buffer there and back; answers the ring descriptors that it took. */
static unsigned int one_turn(const struct rig_shape *shape, unsigned int segments)
{
	struct vr_iovec segment[16];
	struct vr_chain chain;
	struct vr_used used;
	unsigned int taken;
	struct rig rig;

	rig_open_both(&rig, shape);
	rig_send(&rig, segments, 0, 8, 3);
	taken = shape->size - vr_driver_free(rig.driver);
	chain = rig_pop(&rig, segment, 16);
	CHECK_EQ(chain.readable, segments);
	rig_use(&rig, &chain, 0);
	CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
	CHECK_EQ(used.token, 3);
	rig_close(&rig);
	return taken;
}

static void the_layout_follows_the_bit(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 3 };
	struct rig rig;

	(void)state;
	CLAUSE("F-DRV-006");
	rig_open(&rig, &shape);
	rig_start_driver(&rig);
	rig_send(&rig, 1, 0, 8, 1);
	CHECK_EQ(packed_desc(rig.raw.descriptors, 0).flags, RAW_AVAIL);
	rig_close(&rig);
}

static void indirect_tables_need_the_bit(void **state)
{
	(void)state;
	CLAUSE("F-DRV-011");
	FOR_EACH_FORM(form)
	{
		struct rig_shape shape = { .features = form->features | VR_F_INDIRECT_DESC,
					   .size = 64,
					   .entries = 16 };

		context("%s", form->name);
		CHECK_EQ(one_turn(&shape, 10), 1);
		shape.features = form->features;
		CHECK_EQ(one_turn(&shape, 10), 10);
	}
}

static void event_words_need_the_bit(void **state)
{
	(void)state;
	CLAUSE("F-DRV-012");
	FOR_EACH_FORM(form)
	{
		for (int event = 0; event < 2; event++) {
			const struct rig_shape shape = {
				.features = form->features | (event ? VR_F_EVENT_IDX : 0), .size = 8
			};
			bool packed = is_packed(form->features);
			struct rig rig;

			context("%s, event index %d", form->name, event);
			rig_open_both(&rig, &shape);
			rig_send(&rig, 1, 0, 8, 1);
			CHECK(!vr_driver_arm_delayed(rig.driver, 1, NULL));
			vr_device_arm(rig.device, NULL);
			if (packed) {
				CHECK_EQ(le16(at_event_flags(rig.raw.driver)) == RAW_EVENT_DESC,
					 event);
				CHECK_EQ(le16(at_event_flags(rig.raw.device)) == RAW_EVENT_DESC,
					 event);
			} else if (event) {
				vr_driver_disarm(rig.driver, NULL);
				CHECK_EQ(le16(at_used_event(&rig.raw)), 0xffff);
			}
			/* Without it the split words are inaccessible. */
			rig_close(&rig);
		}
	}
}

static void queues_can_be_reset_one_by_one(void **state)
{
	(void)state;
	CLAUSE("F-DRV-013");
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | VR_F_RING_RESET,
						 .size = 8 };
		struct vr_used used;
		struct rig rig;

		context("%s", form->name);
		rig_open_both(&rig, &shape);
		for (unsigned int lap = 0; lap < 5; lap++) {
			rig_send(&rig, 1, 0, 8, lap);
			rig_pop(&rig, &(struct vr_iovec){ 0 }, 1);
			vr_driver_stop(rig.driver);
			vr_device_reset(rig.device);
			CHECK_EQ(vr_driver_reclaim(rig.driver, &used, 1), 1);
			CHECK_EQ(vr_driver_reset(rig.driver), 0);
			CHECK(!vr_device_pending(rig.device));
		}
		rig_close(&rig);
	}
}

/* Without ACCESS_PLATFORM addresses are what they are: the core neither adds nor translates. */
static void addresses_are_passed_as_given(void **state)
{
	(void)state;
	CLAUSE("F-DRV-005");
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct driver_bench b;

		driver_bench_open(&b, &shape);
		rig_send(&b.rig, 1, 1, 8, 1);
		CHECK(peer_device_take_one(&b.peer).element[1].addr == RIG_IN);
		driver_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layout_follows_the_bit),
		cmocka_unit_test(indirect_tables_need_the_bit),
		cmocka_unit_test(event_words_need_the_bit),
		cmocka_unit_test(queues_can_be_reset_one_by_one),
		cmocka_unit_test(addresses_are_passed_as_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
