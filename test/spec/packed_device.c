// SPDX-License-Identifier: BSD-3-Clause
/* Clauses P-DEV: what the device of a packed queue does (2.8). */
#include "bench.h"
#include "verdict.h"

#define STATE (RAW_AVAIL | RAW_USED)

static const struct rig_shape five = { .features = PACKED, .size = 5 };

static const struct peer_element out[] = { { RIG_OUT, 8, false },
					   { RIG_OUT + 20, 8, false },
					   { RIG_OUT + 40, 8, false },
					   { RIG_OUT + 60, 8, false } };

static void buffers_are_begun_in_ring_order(void **state)
{
	struct device_bench b;

	(void)state;
	CLAUSE("P-DEV-001");
	device_bench_open(&b, &five);
	for (unsigned int lap = 0; lap < 10; lap++) {
		uint16_t id[3];

		for (unsigned int i = 0; i < 3; i++)
			id[i] = peer_driver_send(&b.peer, out, 1);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(device_bench_pop(&b).id, id[i]);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 3), 3);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
		for (unsigned int i = 0; i < 3; i++)
			device_bench_get(&b);
	}
	device_bench_close(&b);
}

static void used_descriptors_in_order_of_completion(void **state)
{
	static const unsigned int order[] = { 2, 0, 1 };
	struct vr_chain chain[3];
	struct device_bench b;

	(void)state;
	CLAUSE("P-DEV-002");
	device_bench_open(&b, &five);
	for (unsigned int i = 0; i < 3; i++)
		chain[i] = device_bench_send(&b, out, 1);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(vr_device_complete(b.rig.device, chain[order[i]].handle, 0), 0);
	CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
	for (uint32_t i = 0; i < 3; i++)
		CHECK_EQ(packed_desc(b.rig.raw.descriptors, i).id, chain[order[i]].id);
	device_bench_close(&b);
}

/* The driver's side of it: a later used descriptor that shows first has to wait. */
static void used_descriptors_may_show_in_another_order(void **state)
{
	struct peer_chain chain[2];
	struct driver_bench b;
	struct vr_used used[2];
	uint8_t first[16];

	(void)state;
	CLAUSE("P-DEV-003");
	driver_bench_open(&b, &five);
	for (unsigned int i = 0; i < 2; i++)
		rig_send(&b.rig, 1, 0, 8, i);
	memcpy(first, b.rig.descriptors.driver, 16);
	for (unsigned int i = 0; i < 2; i++)
		chain[i] = peer_device_take_one(&b.peer);
	peer_device_use(&b.peer, &chain[0], 0);
	peer_device_use(&b.peer, &chain[1], 0);
	for (unsigned int i = 0; i < 16; i++) { /* the first store is not there yet */
		uint8_t late = b.rig.descriptors.driver[i];

		b.rig.descriptors.driver[i] = first[i];
		first[i] = late;
	}
	CHECK_EQ(vr_driver_get(b.rig.driver, used, 2), 0);
	memcpy(b.rig.descriptors.driver, first, 16);
	CHECK_EQ(vr_driver_get(b.rig.driver, used, 2), 2);
	CHECK_EQ(used[0].token, 0);
	driver_bench_close(&b);
}

/* Readable payload and tables are read-only in the device's view, all else of payload unread. */
static void what_a_device_must_not_touch(void **state)
{
	const struct rig_shape shape = { .features = PACKED | VR_F_INDIRECT_DESC,
					 .size = 5,
					 .entries = 4 };
	static const struct peer_element both[] = { { RIG_OUT, 8, false }, { RIG_IN, 100, true } };
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	CLAUSE("P-DEV-004");
	CLAUSE("P-DEV-005");
	device_bench_open(&b, &shape);
	area_device_read_only(&b.rig.in, true);
	for (unsigned int i = 0; i < 50; i++) {
		CHECK(peer_driver_add(&b.peer, both, 2, i % 2 ? PEER_INDIRECT : PEER_DIRECT, 0) >=
		      0);
		peer_driver_publish(&b.peer);
		chain = device_bench_pop(&b);
		CHECK(b.segment[0].base == b.rig.out.device);
		CHECK(b.segment[1].base == b.rig.in.device);
		rig_use(&b.rig, &chain, 100);
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

/* All four combinations of the two bits, in a lap of either wrap counter. */
static void only_the_right_bits_are_available(void **state)
{
	static const uint16_t bits[] = { 0, RAW_AVAIL, RAW_USED, STATE };

	(void)state;
	CLAUSE("P-DEV-006");
	for (unsigned int lap = 0; lap < 2; lap++) {
		for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
			uint16_t right = lap ? RAW_USED : RAW_AVAIL;
			struct vr_chain chain;
			struct device_bench b;

			step("lap %u bits 0x%x", lap, bits[i]);
			device_bench_open(&b, &five);
			for (unsigned int n = 0; n < 5 * lap; n++) {
				chain = device_bench_send(&b, out, 1);
				rig_use(&b.rig, &chain, 0);
				device_bench_get(&b);
			}
			put_packed_desc(b.rig.raw.descriptors, 0,
					(struct raw_desc){ RIG_OUT, 4, bits[i], 0, 0 });
			CHECK_EQ(vr_device_pending(b.rig.device), bits[i] == right);
			CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, 4),
				 bits[i] == right);
			device_bench_close(&b);
		}
	}
}

/* After a publish the whole ring is read-only to the device until it completes something else. */
static void a_used_slot_is_left_alone(void **state)
{
	const struct rig_shape shape = { .features = PACKED | VR_F_EVENT_IDX, .size = 5 };
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	CLAUSE("P-DEV-007");
	device_bench_open(&b, &shape);
	for (unsigned int lap = 0; lap < 12; lap++) {
		chain = device_bench_send(&b, out, 2);
		rig_use(&b.rig, &chain, 0);
		area_device_read_only(&b.rig.descriptors, true);
		vr_device_must_notify(b.rig.device);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 0);
		CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, 4), 0);
		vr_device_disarm(b.rig.device, NULL);
		CHECK(!vr_device_arm(b.rig.device, NULL));
		area_device_read_only(&b.rig.descriptors, false);
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

static void elements_in_the_order_of_the_ring(void **state)
{
	struct device_bench b;

	(void)state;
	CLAUSE("P-DEV-008");
	device_bench_open(&b, &five);
	for (unsigned int lap = 0; lap < 10; lap++) { /* starts at each slot, over the end too */
		struct vr_chain chain = device_bench_send(&b, out, 4);

		for (unsigned int i = 0; i < 4; i++)
			CHECK(b.segment[i].base == b.rig.out.device + 20 * i);
		rig_use(&b.rig, &chain, 0);
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

static void a_limit_on_elements(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 5, .max_chain = 3 };
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	CLAUSE("P-DEV-009");
	device_bench_open(&b, &shape);
	chain = device_bench_send(&b, out, 3);
	rig_use(&b.rig, &chain, 0);
	device_bench_get(&b);
	peer_driver_send(&b.peer, out, 4);
	CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, 8), VR_E_BROKEN);
	CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_CHAIN_LENGTH);
	device_bench_close(&b);
}

static void polling_and_suppression(void **state)
{
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	CLAUSE("P-DEV-010");
	device_bench_open(&b, &five);
	vr_device_disarm(b.rig.device, NULL);
	chain = device_bench_send(&b, out, 2); /* nobody notified anybody */
	rig_use(&b.rig, &chain, 0);
	device_bench_get(&b);
	CLAUSE("P-DEV-011");
	for (unsigned int i = 0; i < 20; i++) {
		CHECK_EQ(le16(at_event_flags(b.rig.raw.device)), RAW_EVENT_DISABLE);
		CHECK(!packed_verdict(b.rig.raw.device, false, 5, b.peer.avail, b.peer.avail_wrap,
				      3));
		chain = device_bench_send(&b, out, 1 + i % 3);
		rig_use(&b.rig, &chain, 0);
		device_bench_get(&b);
	}
	peer_driver_send(&b.peer, out, 1);
	CHECK(vr_device_arm(b.rig.device, NULL));
	device_bench_pop(&b);
	CHECK(!vr_device_arm(b.rig.device, NULL));
	CHECK(packed_verdict(b.rig.raw.device, false, 5, b.peer.avail, b.peer.avail_wrap, 1));
	device_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_are_begun_in_ring_order),
		cmocka_unit_test(used_descriptors_in_order_of_completion),
		cmocka_unit_test(used_descriptors_may_show_in_another_order),
		cmocka_unit_test(what_a_device_must_not_touch),
		cmocka_unit_test(only_the_right_bits_are_available),
		cmocka_unit_test(a_used_slot_is_left_alone),
		cmocka_unit_test(elements_in_the_order_of_the_ring),
		cmocka_unit_test(a_limit_on_elements),
		cmocka_unit_test(polling_and_suppression),
	};

	return RIG_RUN_TESTS(tests);
}
