// SPDX-License-Identifier: BSD-3-Clause
/* Clauses IO-DEV: what a device does when IN_ORDER was negotiated (2.7.9, 2.8.9 and 6). */
#include "bench.h"
#include "random.h"
#include "verdict.h"

#define STATE (RAW_AVAIL | RAW_USED)

static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };
static const struct rig_shape split = { .features = SPLIT_IN_ORDER, .size = 8 };

static const struct peer_element in[] = { { RIG_IN, 100, true } };
static const struct peer_element out[] = { { RIG_OUT, 8, false },
					   { RIG_OUT, 8, false },
					   { RIG_OUT, 8, false } };

/* A device that finishes at random: the driver sees the order of the adds all the same. */
static void used_in_the_order_of_availability(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };
		struct vr_chain chain[8];
		struct random random;
		struct device_bench b;
		uint16_t id[8];

		CLAUSE("IO-DEV-001");
		CLAUSE("IO-DEV-002");
		random_start(&random, l);
		device_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 300; lap++) {
			for (unsigned int i = 0; i < 8; i++)
				id[i] = peer_driver_send(&b.peer, in, 1);
			CHECK_EQ(vr_device_pop(b.rig.device, chain, 8, b.segment, 8), 8);
			for (unsigned int left = 8; left > 0; left--) {
				unsigned int pick = random_below(&random, left);
				uint32_t len = random_below(&random, 101);

				CHECK_EQ(vr_device_complete(b.rig.device, chain[pick].handle, len),
					 0);
				chain[pick] = chain[left - 1];
				CHECK(vr_device_publish(b.rig.device, NULL) >= 0);
			}
			for (unsigned int i = 0; i < 8; i++) {
				uint32_t len;
				uint16_t got;

				CHECK(peer_driver_get(&b.peer, &got, &len));
				CHECK_EQ(got, id[i]);
			}
		}
		device_bench_close(&b);
	}
}

static void one_element_for_a_split_run(void **state)
{
	struct device_bench b;

	(void)state;
	CLAUSE("IO-DEV-003");
	CLAUSE("IO-DEV-004");
	device_bench_open(&b, &split);
	for (unsigned int lap = 0; lap < 12; lap++) {
		uint32_t old = le16(at_used_idx(&b.rig.raw));
		unsigned int count = 2 + lap % 3;
		struct vr_chain chain = { 0 };

		step("lap %u", lap);
		memset(b.rig.device_area.driver + 4, 0xcc, 8 * 8);
		for (unsigned int i = 0; i < count; i++)
			chain = device_bench_send(&b, in, 1);
		for (unsigned int i = 0; i < count; i++)
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 100 }, 1),
				 1);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), count);
		CHECK_EQ(le16(at_used_idx(&b.rig.raw)), old + count);
		for (uint32_t i = 0; i < 8; i++)
			CHECK_EQ(le32(at_used_slot(&b.rig.raw, old + i)),
				 i ? 0xcccccccc : chain.id);
		for (uint32_t i = 0; i < count; i++)
			device_bench_get(&b);
	}
	device_bench_close(&b);
}

static void what_may_be_skipped(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };
		struct vr_device_stats stats;
		struct device_bench b;

		CLAUSE("IO-DEV-005");
		CLAUSE("IO-DEV-009");
		device_bench_open(&b, &shape);
		/* Full, partly filled, nothing writable, full, full: entries at 1 and at the end. */
		for (unsigned int i = 0; i < 5; i++)
			device_bench_send(&b, i == 2 ? out : in, 1);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device,
						   (uint32_t[]){ 100, 60, 0, 100, 100 }, 5),
			 5);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 5);
		vr_device_stats(b.rig.device, &stats);
		CHECK_EQ(stats.entries, 2);
		CHECK_EQ(device_bench_get(&b), 100);
		CHECK_EQ(device_bench_get(&b), 60);
		CHECK_EQ(device_bench_get(&b), 0);
		CHECK_EQ(device_bench_get(&b), 100);
		CHECK_EQ(device_bench_get(&b), 100);
		device_bench_close(&b);
	}
}

/* Lists of 3, 1 and 2 descriptors from slot @start on; only slot @start changes. */
static void one_descriptor_for_a_packed_run(void **state)
{
	static const unsigned int lists[] = { 3, 1, 2 };
	const struct rig_shape shape = { .features = PACKED_IN_ORDER, .size = 7 };
	struct device_bench b;

	(void)state;
	CLAUSE("IO-DEV-006");
	CLAUSE("IO-DEV-007");
	CLAUSE("IO-DEV-008");
	device_bench_open(&b, &shape);
	for (unsigned int lap = 0; lap < 14; lap++) {
		uint32_t start = 6 * lap % 7;
		bool wrap = 6 * lap / 7 % 2 == 0;
		uint8_t before[16 * 7];
		struct vr_chain chain = { 0 };
		struct raw_desc d;

		step("lap %u", lap);
		for (unsigned int i = 0; i < 3; i++)
			chain = device_bench_send(&b, out, lists[i]);
		memcpy(before, b.rig.descriptors.driver, sizeof(before));
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 3), 3);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
		for (uint32_t i = 0; i < 7; i++)
			CHECK_EQ(memcmp(before + 16 * (size_t)i,
					b.rig.descriptors.driver + 16 * (size_t)i, 16) == 0,
				 i != start);
		d = packed_desc(b.rig.raw.descriptors, start);
		CHECK_EQ(d.id, chain.id);
		CHECK_EQ(d.flags & STATE, wrap ? STATE : 0);
		for (unsigned int i = 0; i < 3; i++)
			device_bench_get(&b);
	}
	device_bench_close(&b);
}

/* Runs that end at N-1, cross the end, and cover all N slots. */
static void the_wrap_counter_of_a_run(void **state)
{
	static const unsigned int runs[] = { 4, 4, 2, 4, 1, 3, 4, 2 };
	const struct rig_shape shape = { .features = PACKED_IN_ORDER, .size = 4 };
	struct device_bench b;
	unsigned int at = 0;

	(void)state;
	CLAUSE("IO-DEV-008");
	device_bench_open(&b, &shape);
	for (size_t i = 0; i < 5 * ARRAY_SIZE(runs); i++) {
		unsigned int count = runs[i % ARRAY_SIZE(runs)];

		step("run %zu of %u at %u", i, count, at);
		for (unsigned int n = 0; n < count; n++)
			device_bench_send(&b, out, 1);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, count), count);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), count);
		CHECK_EQ(packed_desc(b.rig.raw.descriptors, at % 4).flags & STATE,
			 at / 4 % 2 ? 0 : STATE);
		for (unsigned int n = 0; n < count; n++)
			device_bench_get(&b);
		at += count;
	}
	device_bench_close(&b);
}

/* The event lies on each buffer of a run in turn, before it and behind it. */
static void the_verdict_covers_a_run(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l] | VR_F_EVENT_IDX,
						 .size = 8 };
		struct device_bench b;
		uint32_t at = 0;

		CLAUSE(l ? "IO-DEV-011" : "IO-DEV-010");
		device_bench_open(&b, &shape);
		for (uint32_t i = 0; i < 64; i++) {
			uint32_t event = at + i % 8 - 1; /* from one before the run on */
			uint16_t word = (uint16_t)event;

			step("at %u, %u further", at, i % 8);
			if (l)
				word = (uint16_t)((event & 7) | (event / 8 % 2 ? 0 : 0x8000));
			put_le16(l ? at_off_wrap(b.rig.raw.driver) : at_used_event(&b.rig.raw),
				 word);
			if (l)
				put_le16(at_event_flags(b.rig.raw.driver), RAW_EVENT_DESC);
			/* Three buffers, four descriptors; split counts the buffers. */
			device_bench_send(&b, out, 1);
			device_bench_send(&b, out, l ? 2 : 1);
			device_bench_send(&b, out, 1);
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 3), 3);
			CHECK_EQ(vr_device_publish_and_verdict(b.rig.device, NULL),
				 i % 8 >= 1 && i % 8 < (l ? 5u : 4u));
			at += l ? 4 : 3;
			for (unsigned int n = 0; n < 3; n++)
				device_bench_get(&b);
		}
		device_bench_close(&b);
	}
}

static void the_entry_describes_the_last_buffer(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };
		struct device_bench b;

		CLAUSE("IO-DEV-012");
		device_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 4; i++)
			device_bench_send(&b, in, 1);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 100, 100, 100, 7 },
						   4),
			 4);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 4);
		if (l) {
			CHECK_EQ(packed_desc(b.rig.raw.descriptors, 0).len, 7);
			CHECK_EQ(packed_desc(b.rig.raw.descriptors, 0).flags, STATE | RAW_WRITE);
		} else {
			CHECK_EQ(le32(at_used_slot(&b.rig.raw, 0) + 4), 7);
		}
		device_bench_close(&b);
		/* A run whose last buffer got nothing has no WRITE. */
		device_bench_open(&b, &shape);
		device_bench_send(&b, in, 1);
		device_bench_send(&b, out, 1);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 100, 0 }, 2), 2);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 2);
		if (l)
			CHECK_EQ(packed_desc(b.rig.raw.descriptors, 0).flags, STATE);
		CHECK_EQ(device_bench_get(&b), 100);
		CHECK_EQ(device_bench_get(&b), 0);
		device_bench_close(&b);
	}
}

/* With and without reading the available ring the same chains come; a wrong head is seen. */
static void heads_are_predicted(void **state)
{
	(void)state;
	CLAUSE("IO-DEV-013");
	for (int checked = 0; checked < 2; checked++) {
		const struct rig_shape shape = { .features = SPLIT_IN_ORDER | VR_F_INDIRECT_DESC,
						 .size = 8,
						 .entries = 3,
						 .device_flags = checked ? VR_DEVICE_CHECK_HEADS :
									   0 };
		struct device_bench b;
		struct vr_chain chain;

		device_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 60; i++) {
			int head = peer_driver_add(&b.peer, out, 1 + i % 3,
						   i % 5 ? PEER_DIRECT : PEER_INDIRECT, 0);

			CHECK(head >= 0);
			peer_driver_publish(&b.peer);
			if (!checked) /* the slot is not looked at */
				put_le16(at_avail_slot(&b.rig.raw, i), i ? 0x7777 : 0);
			chain = device_bench_pop(&b);
			CHECK_EQ(chain.id, head);
			CHECK_EQ(chain.readable, 1 + i % 3);
			rig_use(&b.rig, &chain, 0);
			device_bench_get(&b);
		}
		if (checked) {
			peer_driver_send(&b.peer, out, 1);
			put_le16(at_avail_slot(&b.rig.raw, 60), (uint16_t)(chain.id + 5) % 8);
			CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, 4), VR_E_BROKEN);
			CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_HEAD_ORDER);
		}
		device_bench_close(&b);
	}
}

static void the_element_is_there_before_the_index(void **state)
{
	struct device_bench b;

	(void)state;
	CLAUSE("IO-DEV-014");
	device_bench_open(&b, &split);
	for (unsigned int i = 0; i < 3; i++)
		device_bench_send(&b, in, 1);
	CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 100, 100, 7 }, 3), 3);
	/* The run ended with a short buffer: its element stands, the index does not cover it. */
	CHECK_EQ(le32(at_used_slot(&b.rig.raw, 0) + 4), 7);
	CHECK_EQ(le16(at_used_idx(&b.rig.raw)), 0);
	CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
	CHECK_EQ(le16(at_used_idx(&b.rig.raw)), 3);
	device_bench_close(&b);
}

static void failed_buffers_keep_their_place(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };
		struct vr_device_stats stats;
		struct device_bench b;
		unsigned int failures = 0;

		CLAUSE("IO-DEV-015");
		device_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 6; i++)
			device_bench_send(&b, in, 1);
		for (unsigned int i = 0; i < 6; i++) {
			failures += i % 3 == 1;
			CHECK_EQ(vr_device_complete_oldest(b.rig.device,
							   (uint32_t[]){ i % 3 == 1 ? 0 : 100 }, 1),
				 1);
		}
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 6);
		vr_device_stats(b.rig.device, &stats);
		CHECK_EQ(stats.entries, failures + 1);
		for (unsigned int i = 0; i < 6; i++)
			CHECK_EQ(device_bench_get(&b), i % 3 == 1 ? 0 : 100);
		device_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used_in_the_order_of_availability),
		cmocka_unit_test(one_element_for_a_split_run),
		cmocka_unit_test(what_may_be_skipped),
		cmocka_unit_test(one_descriptor_for_a_packed_run),
		cmocka_unit_test(the_wrap_counter_of_a_run),
		cmocka_unit_test(the_verdict_covers_a_run),
		cmocka_unit_test(the_entry_describes_the_last_buffer),
		cmocka_unit_test(heads_are_predicted),
		cmocka_unit_test(the_element_is_there_before_the_index),
		cmocka_unit_test(failed_buffers_keep_their_place),
	};

	return RIG_RUN_TESTS(tests);
}
