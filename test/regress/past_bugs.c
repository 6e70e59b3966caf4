// SPDX-License-Identifier: BSD-3-Clause
/*
 * What hostile or buggy peers did to other implementations of the ring, one test a case. Names say
 * where it happened; what the ring's unit tests hold down already is not repeated here.
 */
#include <unistd.h>

#include "bench.h"

#define STATE (RAW_AVAIL | RAW_USED)

static const struct peer_element out[] = { { RIG_OUT, 4, false },
					   { RIG_OUT, 4, false },
					   { RIG_OUT, 4, false },
					   { RIG_OUT, 4, false } };

static void expect_device_fault(struct device_bench *b, enum vr_fault_reason reason)
{
	struct vr_chain chain;

	CHECK_EQ(vr_device_pop(b->rig.device, &chain, 1, b->segment, 64), VR_E_BROKEN);
	CHECK_EQ(rig_device_fault(&b->rig).reason, reason);
}

/* QEMU CVE-2026-16457: a packed descriptor with INDIRECT and NEXT, endless. */
static void packed_indirect_with_next(void **state)
{
	const struct rig_shape shape = { .features = PACKED | VR_F_INDIRECT_DESC,
					 .size = 4,
					 .entries = 4 };
	struct device_bench b;

	(void)state;
	device_bench_open(&b, &shape);
	for (uint32_t i = 0; i < 4; i++)
		put_packed_desc(b.rig.raw.descriptors, i,
				(struct raw_desc){ RIG_TABLES, 16,
						   RAW_INDIRECT | RAW_NEXT | RAW_AVAIL, 0, 0 });
	expect_device_fault(&b, VR_FAULT_INDIRECT_NEXT);
	device_bench_close(&b);
}

/* QEMU 6fcf5ebafad6: in-order fill stepped by the wrong length; distance 0 with N outstanding. */
static void in_order_fill_with_n_outstanding(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };
		struct vr_chain chain[8];
		struct device_bench b;

		context("%s", form_name(layouts[l]));
		device_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 20; lap++) {
			unsigned int each = 1 + lap % 2;
			unsigned int count = 8 / each;

			for (unsigned int i = 0; i < count; i++)
				chain[i] = device_bench_send(&b, out, each);
			/* Backwards: everything is parked until the last call. */
			for (unsigned int i = count; i-- > 0;)
				CHECK_EQ(vr_device_complete(b.rig.device, chain[i].handle, 0), 0);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), count);
			for (unsigned int i = 0; i < count; i++)
				CHECK_EQ(device_bench_get(&b), 0);
		}
		device_bench_close(&b);
	}
}

/* Linux dbd29e075228: the loop limit of vringh was wrong inside indirect tables. */
static void loops_in_tables(void **state)
{
	static const struct {
		uint32_t entries;
		uint16_t last_next;
	} rows[] = { { 1, 0 }, { 2, 0 }, { 2, 1 }, { 4, 0 }, { 4, 2 }, { 4, 3 } };
	const struct rig_shape shape = { .features = SPLIT | VR_F_INDIRECT_DESC,
					 .size = 8,
					 .entries = 4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct device_bench b;

		context("%u entries, the last leads to %u", rows[i].entries, rows[i].last_next);
		device_bench_open(&b, &shape);
		for (uint32_t n = 0; n < rows[i].entries; n++) {
			uint16_t next = (uint16_t)(n + 1);

			if (n + 1 == rows[i].entries)
				next = rows[i].last_next;
			put_split_desc(b.rig.tables.driver, n,
				       (struct raw_desc){ RIG_OUT, 0, RAW_NEXT, next, 0 });
		}
		put_split_desc(b.rig.raw.descriptors, 0,
			       (struct raw_desc){ RIG_TABLES, 16 * rows[i].entries, RAW_INDIRECT, 0,
						  0 });
		put_le16(at_avail_idx(&b.rig.raw), 1);
		expect_device_fault(&b, VR_FAULT_CHAIN_LENGTH);
		device_bench_close(&b);
	}
}

/* Cloud Hypervisor fbcf2fd6b: draining never ends while the driver keeps adding. */
static int add_on_every_miss(const struct vr_map *map, uint64_t addr, uint32_t access,
			     struct vr_map_range *range)
{
	struct device_bench *b = map->context;
	uint16_t idx = le16(at_avail_idx(&b->rig.raw));

	(void)addr;
	(void)access;
	put_le16(at_avail_slot(&b->rig.raw, idx), idx % 8);
	put_le16(at_avail_idx(&b->rig.raw), (uint16_t)(idx + 1));
	*range = b->rig.ranges[0];
	return 0;
}

static void a_driver_that_keeps_adding(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct vr_map map = { .miss = add_on_every_miss };
	struct vr_chain chains[64];
	struct device_bench b;

	(void)state;
	device_bench_open(&b, &shape);
	map.context = &b;
	vr_device_set_map(b.rig.device, &map);
	for (uint32_t i = 0; i < 8; i++)
		put_split_desc(b.rig.raw.descriptors, i, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
	put_le16(at_avail_slot(&b.rig.raw, 1), 1);
	put_le16(at_avail_idx(&b.rig.raw), 2);
	/* What was there when the index was read, however much comes meanwhile. */
	CHECK_EQ(vr_device_pop(b.rig.device, chains, 64, b.segment, 64), 2);
	device_bench_close(&b);
}

/* Cloud Hypervisor 376434a69: lengths were checked one by one, not their sum. */
static void lengths_are_summed(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		static const struct peer_element huge[] = { { RIG_IN, 0x80000000, true },
							    { RIG_IN, 0x80000000, true } };
		struct device_bench b;

		context("%s", form->name);
		device_bench_open(&b, &shape);
		b.rig.ranges[1].size = 1ull << 33;
		peer_driver_send(&b.peer, huge, 2);
		expect_device_fault(&b, VR_FAULT_CHAIN_BYTES);
		device_bench_close(&b);
	}
}

/* OpenVMM 547661407, openvmm#3990: exactly N descriptors passed did not flip the wrap counter. */
static void exactly_n_descriptors_are_passed(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 4 };
		struct device_bench b;

		context("%s", form_name(layouts[l]));
		device_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 20; lap++) {
			unsigned int each = 1u << lap % 3; /* 1, 2 or 4: they fill the ring */

			for (unsigned int i = 0; i < 4 / each; i++)
				device_bench_send(&b, out, each);
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 4 / each), 4 / each);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 4 / each);
			for (unsigned int i = 0; i < 4 / each; i++)
				device_bench_get(&b);
		}
		device_bench_close(&b);
	}
}

/* OpenVMM e375025c7: an error was not latched, and the device spun on it. */
static void an_error_is_latched(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct device_bench b;

	(void)state;
	device_bench_open(&b, &shape);
	put_le16(at_avail_idx(&b.rig.raw), 9);
	expect_device_fault(&b, VR_FAULT_AVAIL_INDEX);
	put_le16(at_avail_idx(&b.rig.raw), 1); /* repaired: too late */
	put_split_desc(b.rig.raw.descriptors, 0, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
	expect_device_fault(&b, VR_FAULT_AVAIL_INDEX);
	device_bench_close(&b);
}

/* A zero-length descriptor whose NEXT leads to itself. */
static void an_empty_self_loop(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct device_bench b;

	(void)state;
	device_bench_open(&b, &shape);
	put_split_desc(b.rig.raw.descriptors, 3, (struct raw_desc){ 0, 0, RAW_NEXT, 3, 0 });
	put_le16(at_avail_slot(&b.rig.raw, 0), 3);
	put_le16(at_avail_idx(&b.rig.raw), 1);
	expect_device_fault(&b, VR_FAULT_CHAIN_LENGTH);
	device_bench_close(&b);
}

/* DPDK ad6f01945a: the device rewrites descriptors, ids included; the driver keeps its own. */
static void a_device_that_rewrites_the_ring(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 7 };
		struct driver_bench b;

		context("%s", form_name(layouts[l]));
		driver_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 30; lap++) {
			struct peer_chain chain;
			struct vr_used used;

			rig_send(&b.rig, 2, 1, 8, lap);
			chain = peer_device_take_one(&b.peer);
			for (uint32_t i = 0; i < chain.descriptors; i++) {
				uint32_t slot = (chain.slot + i) % 7;
				struct raw_desc d = packed_desc(b.rig.raw.descriptors, slot);

				d.addr = 0x666;
				d.len = 0x777;
				d.id = 0x888;
				d.flags = (uint16_t)((d.flags & STATE) | RAW_NEXT);
				put_packed_desc(b.rig.raw.descriptors, slot, d);
			}
			peer_device_use(&b.peer, &chain, 3);
			CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
			CHECK_EQ(used.token, lap);
			CHECK_EQ(used.len, 3);
			CHECK_EQ(vr_driver_free(b.rig.driver), 7);
		}
		driver_bench_close(&b);
	}
}

/* A device that wrote avail_event without EVENT_IDX destroyed what lies behind the ring. */
static void no_event_word_behind_the_ring(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct device_bench b;

	(void)state;
	device_bench_open(&b, &shape); /* an inaccessible page lies behind it */
	for (unsigned int i = 0; i < 20; i++) {
		struct vr_chain chain = device_bench_send(&b, out, 1);

		vr_device_disarm(b.rig.device, NULL);
		rig_use(&b.rig, &chain, 0);
		vr_device_arm(b.rig.device, NULL);
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

/* A driver that asserted that the device wrote all it may: fewer bytes are legal. */
static void fewer_bytes_than_expected(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features,
						 .size = 8,
						 .driver_flags = VR_DRIVER_STRICT };
		struct driver_bench b;

		context("%s", form->name);
		driver_bench_open(&b, &shape);
		for (uint32_t len = 0; len <= 8; len++) {
			rig_send(&b.rig, 0, 1, 8, len);
			CHECK_EQ(driver_bench_turn(&b, len).len, len);
		}
		driver_bench_close(&b);
	}
}

/* Linux 7.3: used.idx +1 with the third buffer's id, and +100 with nothing more outstanding. */
static void an_index_that_does_not_fit_the_id(void **state)
{
	static const struct {
		unsigned int buffer;
		uint16_t jump;
		enum vr_fault_reason reason;
	} rows[] = { { 2, 1, VR_FAULT_USED_BATCH },
		     { 2, 2, VR_FAULT_USED_BATCH },
		     { 0, 100, VR_FAULT_USED_INDEX },
		     { 2, 4, VR_FAULT_USED_INDEX } };
	const struct rig_shape shape = { .features = SPLIT_IN_ORDER, .size = 8 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vr_used used[8];
		uint16_t head = 0;
		struct driver_bench b;

		context("row %zu", i);
		driver_bench_open(&b, &shape);
		for (unsigned int n = 0; n < 3; n++) {
			rig_send(&b.rig, 1, 1, 8, n);
			if (n == rows[i].buffer)
				head = le16(at_avail_slot(&b.rig.raw, n));
		}
		put_used_slot(&b.rig.raw, 0, head, 8);
		put_le16(at_used_idx(&b.rig.raw), rows[i].jump);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 8), VR_E_BROKEN);
		CHECK_EQ(rig_driver_fault(&b.rig).reason, rows[i].reason);
		driver_bench_close(&b);
	}
}

/* Linux 7.3: the length to log was computed after the start had moved; entries went unlogged. */
static void the_log_covers_in_order_entries(void **state)
{
	const struct rig_shape shape = { .features = SPLIT_IN_ORDER, .size = 8 };
	static const struct peer_element in[] = { { RIG_IN, 8, true } };
	struct device_bench b;

	(void)state;
	device_bench_open(&b, &shape);
	for (unsigned int lap = 0; lap < 20; lap++) {
		uint8_t before[4 + 8 * 8];
		struct vr_stored stored;

		for (unsigned int i = 0; i < 3; i++)
			device_bench_send(&b, in, 1);
		memcpy(before, b.rig.device_area.driver, sizeof(before));
		/* Two entries: the first buffer's, which is short, and one for the two others. */
		CHECK_EQ(vr_device_complete_oldest(b.rig.device,
						   (uint32_t[]){ 1 + lap % 7, 8, lap % 8 }, 3),
			 3);
		CHECK_EQ(vr_device_publish(b.rig.device, &stored), 3);
		for (uint32_t i = 0; i < sizeof(before); i++) {
			bool covered = before[i] == b.rig.device_area.driver[i];

			for (uint32_t r = 0; r < stored.count; r++)
				covered |= i - stored.range[r].offset < stored.range[r].length;
			step("lap %u byte %u", lap, i);
			CHECK(covered);
		}
		for (unsigned int i = 0; i < 3; i++)
			device_bench_get(&b);
	}
	device_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_indirect_with_next),
		cmocka_unit_test(in_order_fill_with_n_outstanding),
		cmocka_unit_test(loops_in_tables),
		cmocka_unit_test(a_driver_that_keeps_adding),
		cmocka_unit_test(lengths_are_summed),
		cmocka_unit_test(exactly_n_descriptors_are_passed),
		cmocka_unit_test(an_error_is_latched),
		cmocka_unit_test(an_empty_self_loop),
		cmocka_unit_test(a_device_that_rewrites_the_ring),
		cmocka_unit_test(no_event_word_behind_the_ring),
		cmocka_unit_test(fewer_bytes_than_expected),
		cmocka_unit_test(an_index_that_does_not_fit_the_id),
		cmocka_unit_test(the_log_covers_in_order_entries),
	};

	alarm(60); /* an endless walk fails, too */
	return RIG_RUN_TESTS(tests);
}
