// SPDX-License-Identifier: BSD-3-Clause
/* Clauses S-FMT: what a split queue looks like in memory (2.7). */
#include "bench.h"

static void sizes(void **state)
{
	static const uint32_t good[] = { 1, 2, 256, 32768 };
	static const uint32_t bad[] = { 0, 3, 1000, 65536 };

	(void)state;
	CLAUSE("S-FMT-001");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t features = SPLIT | VR_F_EVENT_IDX;

		CHECK_EQ(vr_ring_bytes(features, good[i], VR_AREA_DESCRIPTORS), 16 * good[i]);
		CHECK_EQ(vr_ring_bytes(features, good[i], VR_AREA_DRIVER), 6 + 2 * good[i]);
		CHECK_EQ(vr_ring_bytes(features, good[i], VR_AREA_DEVICE), 6 + 8 * good[i]);
	}
	CLAUSE("S-FMT-002");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vr_driver_config d = { .struct_size = sizeof(d), .queue_size = bad[i] };
		struct vr_device_config v = { .struct_size = sizeof(v), .queue_size = bad[i] };

		CHECK_EQ(vr_driver_size(&d), 0);
		CHECK_EQ(vr_device_size(&v), 0);
		d.queue_size = v.queue_size = good[i];
		CHECK(vr_driver_size(&d) > 0);
		CHECK(vr_device_size(&v) > 0);
	}
}

/* Traffic of both sides; the guard bytes and pages around each area are checked by rig_close(). */
static void guards(void **state)
{
	static const uint32_t queue[] = { 1, 2, 256 };
	struct vr_iovec segment[2];
	struct vr_chain chain;
	struct vr_used used;
	struct rig rig;

	(void)state;
	CLAUSE("S-FMT-001");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(queue); i++) {
		const struct rig_shape shape = { .features = SPLIT | (i % 2 ? VR_F_EVENT_IDX : 0),
						 .size = queue[i / 2] };

		/* Without EVENT_IDX the pages begin right behind ring[N-1]. */
		if (!(i % 2))
			CLAUSE("S-FMT-009");
		rig_open_both(&rig, &shape);
		for (unsigned int n = 0; n < 600; n++) {
			rig_send(&rig, 1, 0, 8, n);
			vr_driver_must_notify(rig.driver);
			chain = rig_pop(&rig, segment, 2);
			rig_use(&rig, &chain, 0);
			vr_device_must_notify(rig.device);
			vr_driver_arm(rig.driver, NULL);
			vr_device_disarm(rig.device, NULL);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
			vr_driver_disarm(rig.driver, NULL);
			vr_device_arm(rig.device, NULL);
		}
		rig_close(&rig);
	}
}

static void golden_bytes_of_an_add(void **state)
{
	static const uint8_t descriptors[32] = {
		0x00, 0x00, 0x00, 0x10, 0x07, 0x00, 0x00, 0x00, 0x04, 0x03, 0x02, 0x01, 1, 0, 1, 0,
		0x21, 0x00, 0x00, 0x00, 0xf0, 0xff, 0xff, 0xff, 0x0d, 0x0c, 0x00, 0x00, 2, 0, 0, 0,
	};
	static const uint8_t available[] = { 0, 0, 1, 0, 0, 0, 0, 0 };
	const struct vr_segment segments[] = { { RIG_OUT, 0x01020304, 0 },
					       { RIG_IN + 0x21, 0x0c0d, 0 } };
	const struct vr_buffer buffer = { .segments = segments, .readable = 1, .writable = 1 };
	const struct rig_shape shape = { .features = SPLIT_IN_ORDER, .size = 2 };
	struct driver_bench b;

	(void)state;
	CLAUSE("S-FMT-003");
	driver_bench_open(&b, &shape);
	CHECK_EQ(vr_driver_add(b.rig.driver, &buffer, 1), 1);
	CHECK_EQ(vr_driver_publish(b.rig.driver), 1);
	CHECK_BYTES(b.rig.descriptors.driver, descriptors, 32);
	CHECK_BYTES(b.rig.driver_area.driver, available, 8);
	CLAUSE("S-FMT-004");
	CHECK_EQ(split_desc(b.rig.raw.descriptors, 0).flags, 1);
	CHECK_EQ(split_desc(b.rig.raw.descriptors, 1).flags, 2);
	driver_bench_close(&b);
}

/* Flags of everything that is published, and of both sides' suppression words. */
static void only_defined_flags(void **state)
{
	const struct rig_shape shape = {
		.features = SPLIT | VR_F_INDIRECT_DESC, .size = 8, .entries = 4, .indirect_min = 3
	};
	struct vr_iovec segment[4];
	struct vr_chain chain;
	struct vr_used used;
	struct rig rig;

	(void)state;
	CLAUSE("S-FMT-004");
	rig_open_both(&rig, &shape);
	for (unsigned int n = 0; n < 40; n++) {
		rig_send(&rig, n % 2, 1 + n % 3, 8, n);
		for (uint32_t i = 0; i < 8; i++)
			CHECK_EQ(split_desc(rig.raw.descriptors, i).flags & ~7u, 0);
		chain = rig_pop(&rig, segment, 4);
		rig_use(&rig, &chain, 0);
		CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
		vr_driver_disarm(rig.driver, NULL);
		vr_device_disarm(rig.device, NULL);
		CHECK_EQ(le16(at_avail_flags(&rig.raw)), 1);
		CHECK_EQ(le16(at_used_flags(&rig.raw)), 1);
		vr_driver_arm(rig.driver, NULL);
		vr_device_arm(rig.device, NULL);
		CHECK_EQ(le16(at_avail_flags(&rig.raw)), 0);
		CHECK_EQ(le16(at_used_flags(&rig.raw)), 0);
	}
	rig_close(&rig);
}

static void indexes_run_freely(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct vr_iovec segment;
	struct vr_chain chain;
	struct vr_used used;
	struct rig rig;

	(void)state;
	CLAUSE("S-FMT-005");
	CLAUSE("S-FMT-006");
	rig_open_both(&rig, &shape);
	for (uint32_t n = 0; n < 65536 + 20; n++) {
		step("buffer %u", n);
		CHECK_EQ(le16(at_avail_idx(&rig.raw)), n & 0xffff);
		CHECK_EQ(le16(at_used_idx(&rig.raw)), n & 0xffff);
		rig_send(&rig, 0, 1, 8, n);
		chain = rig_pop(&rig, &segment, 1);
		CHECK_EQ(le16(rig.raw.driver + 4 + 2 * (n & 7)), chain.id);
		rig_use(&rig, &chain, n & 7);
		CHECK_EQ(le32(rig.raw.device + 4 + 8 * (n & 7)), chain.id);
		CHECK_EQ(le32(rig.raw.device + 8 + 8 * (n & 7)), n & 7);
		CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
	}
	rig_close(&rig);
}

static void used_elements(void **state)
{
	static const struct peer_element request[] = { { RIG_OUT, 16, false },
						       { RIG_IN, 512, true },
						       { RIG_IN + 600, 1, true } };
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct device_bench b;
	struct vr_chain chain;

	(void)state;
	CLAUSE("S-FMT-007");
	device_bench_open(&b, &shape);
	peer_driver_send(&b.peer, request, 1);
	device_bench_pop(&b);
	chain = device_bench_send(&b, request, 3);
	CHECK_EQ(chain.id, 1);
	rig_use(&b.rig, &chain, 0x105);
	CHECK_BYTES(at_used_slot(&b.rig.raw, 0), ((uint8_t[]){ 1, 0, 0, 0, 5, 1, 0, 0 }), 8);
	CLAUSE("S-FMT-008");
	chain = device_bench_send(&b, request, 3);
	CHECK_EQ(chain.writable_bytes, 513);
	CHECK_EQ(vr_device_complete(b.rig.device, chain.handle, 529), VR_E_INVAL);
	rig_use(&b.rig, &chain, 513);
	CHECK_EQ(le32(at_used_slot(&b.rig.raw, 1) + 4), 513);
	chain = device_bench_send(&b, request, 1);
	CHECK_EQ(vr_device_complete(b.rig.device, chain.handle, 1), VR_E_INVAL);
	rig_use(&b.rig, &chain, 0);
	CHECK_EQ(le32(at_used_slot(&b.rig.raw, 2) + 4), 0);
	device_bench_close(&b);
}

static void a_full_table_refuses(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 4 };
	struct rig_image image;
	struct driver_bench b;

	(void)state;
	CLAUSE("S-FMT-011");
	driver_bench_open(&b, &shape);
	for (unsigned int left = 4; left > 0; left -= 2) {
		rig_image_take(&image, &b.rig);
		CHECK_EQ(driver_bench_add(&b, 0, 5), VR_E_TOO_LONG);
		if (left == 2)
			CHECK_EQ(driver_bench_add(&b, 2, 1), 0);
		rig_image_same(&image, &b.rig);
		rig_send(&b.rig, 1, 1, 8, 1);
	}
	rig_image_take(&image, &b.rig);
	CHECK_EQ(driver_bench_add(&b, 1, 0), 0);
	rig_image_same(&image, &b.rig);
	driver_bench_close(&b);
}

static void chains(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct driver_bench b;

	(void)state;
	CLAUSE("S-FMT-012");
	driver_bench_open(&b, &shape);
	CHECK_EQ(driver_bench_add(&b, 0, 0), VR_E_INVAL);
	for (unsigned int k = 1; k <= 8; k++) {
		unsigned int next = 0;
		uint32_t i;

		rig_send(&b.rig, k / 2, k - k / 2, 8, k);
		i = le16(at_avail_slot(&b.rig.raw, k - 1));
		while (split_desc(b.rig.raw.descriptors, i).flags & RAW_NEXT) {
			i = split_desc(b.rig.raw.descriptors, i).next;
			CHECK(++next < k);
		}
		CHECK_EQ(next, k - 1);
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

/* The table { 0 -> 2 -> 1 }, and every way to leave it that is not there. */
static void indirect_tables_are_followed(void **state)
{
	static const struct {
		uint32_t bytes;
		uint16_t next[3];
		enum vr_fault_reason reason;
	} rows[] = {
		{ 48, { 2, 0, 1 }, VR_FAULT_NONE },
		{ 0, { 2, 0, 1 }, VR_FAULT_INDIRECT_SIZE },
		{ 47, { 2, 0, 1 }, VR_FAULT_INDIRECT_SIZE },
		{ 48, { 3, 0, 1 }, VR_FAULT_NEXT_RANGE },
		{ 32, { 2, 0, 1 }, VR_FAULT_NEXT_RANGE },
	};
	const struct rig_shape shape = { .features = SPLIT | VR_F_INDIRECT_DESC,
					 .size = 2,
					 .entries = 3 };

	(void)state;
	CLAUSE("S-FMT-013");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct device_bench b;
		struct vr_chain chain;

		context("row %zu", i);
		device_bench_open(&b, &shape);
		for (uint32_t n = 0; n < 3; n++)
			put_split_desc(b.rig.tables.driver, n,
				       (struct raw_desc){ .addr = RIG_OUT + 16 * n,
							  .len = 4,
							  .flags =
								  (uint16_t)(n == 1 ? 0 : RAW_NEXT),
							  .next = rows[i].next[n] });
		put_split_desc(b.rig.raw.descriptors, 0,
			       (struct raw_desc){ RIG_TABLES, rows[i].bytes, RAW_INDIRECT, 0, 0 });
		put_le16(at_avail_idx(&b.rig.raw), 1);
		if (rows[i].reason) {
			CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, 8), VR_E_BROKEN);
			CHECK_EQ(rig_device_fault(&b.rig).reason, rows[i].reason);
		} else {
			chain = device_bench_pop(&b);
			CHECK_EQ(chain.readable, 3);
			CHECK(b.segment[1].base == b.rig.out.device + 32);
			CHECK(b.segment[2].base == b.rig.out.device + 16);
		}
		device_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(guards),
		cmocka_unit_test(golden_bytes_of_an_add),
		cmocka_unit_test(only_defined_flags),
		cmocka_unit_test(indexes_run_freely),
		cmocka_unit_test(used_elements),
		cmocka_unit_test(a_full_table_refuses),
		cmocka_unit_test(chains),
		cmocka_unit_test(indirect_tables_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
