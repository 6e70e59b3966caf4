// SPDX-License-Identifier: BSD-3-Clause
/* Clauses P-FMT: what a packed queue looks like in memory (2.8). */
#include "bench.h"
#include "verdict.h"

static const struct peer_element out[] = { { RIG_OUT, 8, false },
					   { RIG_OUT + 8, 8, false },
					   { RIG_OUT + 16, 8, false } };

static uint16_t flags_at(const struct rig *rig, uint32_t slot)
{
	return packed_desc(rig->raw.descriptors, slot).flags;
}

#define STATE (RAW_AVAIL | RAW_USED)

static void sizes(void **state)
{
	static const uint32_t good[] = { 1, 3, 7, 256, 1000, 32768 };

	(void)state;
	CLAUSE("P-FMT-001");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CHECK_EQ(vr_ring_bytes(PACKED, good[i], VR_AREA_DESCRIPTORS), 16 * good[i]);
		CHECK_EQ(vr_ring_bytes(PACKED, good[i], VR_AREA_DRIVER), 4);
		CHECK_EQ(vr_ring_bytes(PACKED, good[i], VR_AREA_DEVICE), 4);
	}
	CHECK_EQ(vr_ring_align(PACKED, VR_AREA_DESCRIPTORS), 16);
	CHECK_EQ(vr_ring_align(PACKED, VR_AREA_DRIVER), 4);
	CHECK_EQ(vr_ring_align(PACKED, VR_AREA_DEVICE), 4);
	CLAUSE("P-FMT-002");
	CHECK_EQ(vr_ring_bytes(PACKED, 0, VR_AREA_DESCRIPTORS), 0);
	CHECK_EQ(vr_ring_bytes(PACKED, 32769, VR_AREA_DESCRIPTORS), 0);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const struct rig_shape shape = { .features = PACKED, .size = good[i] };
		struct vr_iovec segment;
		struct vr_chain chain;
		struct vr_used used;
		struct rig rig;

		context("size %u", good[i]);
		rig_open_both(&rig, &shape);
		for (uint32_t n = 0; n < 3 * good[i]; n++) {
			rig_send(&rig, 1, 0, 8, n);
			chain = rig_pop(&rig, &segment, 1);
			rig_use(&rig, &chain, 0);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
		}
		CHECK_EQ(flags_at(&rig, 0) & STATE, STATE); /* three laps: wrap 1, 0, 1 */
		rig_close(&rig);
	}
}

static void wrap_counters(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 3 };
	struct vr_iovec segment;
	struct vr_chain chain;
	struct vr_used used;
	struct rig rig;

	(void)state;
	CLAUSE("P-FMT-003");
	CLAUSE("P-FMT-004");
	CLAUSE("P-FMT-005");
	CLAUSE("P-FMT-006");
	rig_open_both(&rig, &shape);
	for (uint32_t n = 0; n < 12; n++) {
		bool wrap = n / 3 % 2 == 0;

		step("buffer %u", n);
		rig_send(&rig, 1, 0, 8, n);
		CHECK_EQ(flags_at(&rig, n % 3) & STATE, wrap ? RAW_AVAIL : RAW_USED);
		chain = rig_pop(&rig, &segment, 1);
		rig_use(&rig, &chain, 0);
		CHECK_EQ(flags_at(&rig, n % 3) & STATE, wrap ? STATE : 0);
		CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
	}
	rig_close(&rig);
}

/* A list of exactly N descriptors comes back to the slot where it began, with the bit flipped. */
static void a_list_as_long_as_the_ring(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 3 };
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	CLAUSE("P-FMT-004");
	device_bench_open(&b, &shape);
	for (unsigned int lap = 0; lap < 4; lap++) {
		chain = device_bench_send(&b, out, 3);
		CHECK_EQ(chain.descriptors, 3);
		rig_use(&b.rig, &chain, 0);
		CHECK_EQ(flags_at(&b.rig, 0) & STATE, lap % 2 ? 0 : STATE);
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

static void golden_bytes_of_an_add(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 1 };
	const struct vr_segment segment = { RIG_IN + 0x21, 0x0c0d, 0 };
	const struct vr_buffer buffer = { .segments = &segment, .writable = 1 };
	static const uint8_t golden[16] = { 0x21, 0x00, 0x00, 0x00, 0xf0, 0xff, 0xff, 0xff,
					    0x0d, 0x0c, 0x00, 0x00, 0,	  0,	0x82, 0x00 };
	struct vr_used used;
	struct rig rig;

	(void)state;
	CLAUSE("P-FMT-007");
	rig_open(&rig, &shape);
	memset(rig.descriptors.driver, 0xff, 16);
	rig_start_driver(&rig);
	for (unsigned int i = 0; i < 16; i++)
		CHECK_EQ(rig.descriptors.driver[i], 0);
	CHECK_EQ(vr_driver_add(rig.driver, &buffer, 1), 1);
	CHECK_EQ(vr_driver_publish(rig.driver), 1);
	CHECK_BYTES(rig.descriptors.driver, golden, 16);
	vr_driver_stop(rig.driver);
	CHECK_EQ(vr_driver_reclaim(rig.driver, &used, 1), 1);
	CHECK_EQ(vr_driver_reset(rig.driver), 0);
	for (unsigned int i = 0; i < 16; i++)
		CHECK_EQ(rig.descriptors.driver[i], 0);
	rig_close(&rig);
}

static void lists(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 7 };
	struct driver_bench d;
	struct device_bench v;
	struct vr_chain chain;

	(void)state;
	CLAUSE("P-FMT-008");
	driver_bench_open(&d, &shape);
	rig_send(&d.rig, 3, 1, 8, 5);
	for (uint32_t i = 0; i < 4; i++)
		CHECK_EQ(!!(flags_at(&d.rig, i) & RAW_NEXT), i < 3);
	CHECK_EQ(driver_bench_turn(&d, 0).token, 5);
	driver_bench_close(&d);
	/* The honest driver puts nonsense into the ids of all but the last. */
	device_bench_open(&v, &shape);
	peer_driver_send(&v.peer, out, 1);
	device_bench_pop(&v);
	chain = device_bench_send(&v, out, 3);
	CHECK(packed_desc(v.rig.raw.descriptors, 1).id != 1);
	CHECK_EQ(chain.id, 1);
	device_bench_close(&v);
}

/* Over the end of the ring; the first descriptor is the last to become available. */
static void a_list_over_the_end(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 4 };
	struct driver_bench b;

	(void)state;
	CLAUSE("P-FMT-009");
	driver_bench_open(&b, &shape);
	for (unsigned int lap = 0; lap < 9; lap++) {
		uint32_t first = lap * 3 % 4;
		bool wrap = lap * 3 / 4 % 2 == 0;
		uint16_t before = flags_at(&b.rig, first);

		step("lap %u", lap);
		CHECK_EQ(driver_bench_add(&b, 1, 2), 1);
		CHECK_EQ(flags_at(&b.rig, first), before);
		CHECK_EQ(vr_driver_publish(b.rig.driver), 1);
		for (uint32_t i = 0; i < 3; i++) {
			bool w = first + i < 4 ? wrap : !wrap;

			CHECK_EQ(flags_at(&b.rig, (first + i) % 4) & STATE,
				 w ? RAW_AVAIL : RAW_USED);
			CHECK_EQ(!!(flags_at(&b.rig, (first + i) % 4) & RAW_WRITE), i > 0);
		}
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

static void one_used_descriptor_for_a_list(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 7 };
	struct device_bench b;
	struct vr_chain chain;
	uint8_t before[16 * 7];

	(void)state;
	CLAUSE("P-FMT-010");
	device_bench_open(&b, &shape);
	for (unsigned int lap = 0; lap < 8; lap++) {
		uint32_t slot = lap * 3 % 7;

		chain = device_bench_send(&b, out, 3);
		memcpy(before, b.rig.descriptors.driver, sizeof(before));
		rig_use(&b.rig, &chain, 0);
		for (uint32_t i = 0; i < 7; i++) {
			bool same = !memcmp(before + 16 * (size_t)i,
					    b.rig.descriptors.driver + 16 * (size_t)i, 16);

			step("lap %u slot %u", lap, i);
			CHECK_EQ(same, i != slot);
		}
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

/* Lists of mixed lengths completed out of order: the honest device keeps the right position. */
static void the_driver_remembers_lengths(void **state)
{
	static const unsigned int order[] = { 2, 0, 1 };
	const struct rig_shape shape = { .features = PACKED, .size = 7 };
	struct driver_bench b;

	(void)state;
	CLAUSE("P-FMT-011");
	driver_bench_open(&b, &shape);
	for (unsigned int lap = 0; lap < 20; lap++) {
		struct peer_chain chain[3];
		struct vr_used used;

		for (unsigned int i = 0; i < 3; i++)
			rig_send(&b.rig, 1 + i, 0, 8, i);
		for (unsigned int i = 0; i < 3; i++)
			chain[i] = peer_device_take_one(&b.peer);
		for (unsigned int i = 0; i < 3; i++) {
			peer_device_use(&b.peer, &chain[order[i]], 0);
			CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
			CHECK_EQ(used.token, order[i]);
		}
		CHECK_EQ(vr_driver_free(b.rig.driver), 7);
	}
	driver_bench_close(&b);
}

static void used_descriptors(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 5 };
	static const struct peer_element in[] = { { RIG_IN, 200, true } };
	struct device_bench v;
	struct driver_bench d;
	struct vr_chain chain;
	struct peer_chain taken;
	struct vr_used used;
	struct raw_desc desc;

	(void)state;
	CLAUSE("P-FMT-012");
	device_bench_open(&v, &shape);
	chain = device_bench_send(&v, in, 1);
	rig_use(&v.rig, &chain, 100);
	CHECK_EQ(flags_at(&v.rig, 0), STATE | RAW_WRITE);
	CHECK_EQ(packed_desc(v.rig.raw.descriptors, 0).len, 100);
	chain = device_bench_send(&v, out, 1);
	rig_use(&v.rig, &chain, 0);
	CHECK_EQ(flags_at(&v.rig, 1), STATE);
	device_bench_close(&v);

	CLAUSE("P-FMT-013");
	driver_bench_open(&d, &shape);
	rig_send(&d.rig, 0, 1, 100, 1);
	taken = peer_device_take_one(&d.peer);
	peer_device_use(&d.peer, &taken, 0);
	desc = packed_desc(d.rig.raw.descriptors, 0);
	desc.len = 1514;
	put_packed_desc(d.rig.raw.descriptors, 0, desc);
	CHECK_EQ(vr_driver_get(d.rig.driver, &used, 1), 1);
	CHECK_EQ(used.len, 0);
	CLAUSE("P-FMT-014");
	rig_send(&d.rig, 0, 1, 100, 2);
	taken = peer_device_take_one(&d.peer);
	peer_device_use(&d.peer, &taken, 7);
	desc = packed_desc(d.rig.raw.descriptors, 1);
	desc.flags |= RAW_NEXT | RAW_INDIRECT | 0x7f78;
	put_packed_desc(d.rig.raw.descriptors, 1, desc);
	CHECK_EQ(vr_driver_get(d.rig.driver, &used, 1), 1);
	CHECK_EQ(used.len, 7);
	CHECK_EQ(vr_driver_free(d.rig.driver), 5);
	driver_bench_close(&d);
}

/* A table is an array: nothing but WRITE counts in it, nor WRITE beside INDIRECT. */
static void indirect_tables(void **state)
{
	const struct rig_shape shape = { .features = PACKED | VR_F_INDIRECT_DESC,
					 .size = 5,
					 .entries = 4 };
	static const struct peer_element e[] = { { RIG_OUT, 4, false },
						 { RIG_OUT + 9, 5, false },
						 { RIG_IN, 6, true } };

	(void)state;
	for (unsigned int flag = 0; flag <= RAW_WRITE; flag += RAW_WRITE) {
		struct device_bench b;
		struct vr_chain chain;
		struct raw_desc d;

		CLAUSE("P-FMT-015");
		device_bench_open(&b, &shape);
		CHECK(peer_driver_add(&b.peer, e, 3, PEER_INDIRECT, 0) >= 0);
		for (uint32_t i = 0; i < 3; i++) {
			d = packed_desc(b.rig.tables.driver, i);
			d.flags |= 0xffff & ~RAW_WRITE;
			d.id = 0x7777;
			put_packed_desc(b.rig.tables.driver, i, d);
		}
		CLAUSE("P-FMT-016");
		d = packed_desc(b.rig.raw.descriptors, 0);
		d.flags = (uint16_t)(d.flags | flag);
		put_packed_desc(b.rig.raw.descriptors, 0, d);
		b.peer.staged_flags = (uint16_t)(b.peer.staged_flags | flag);
		peer_driver_publish(&b.peer);
		chain = device_bench_pop(&b);
		CHECK_EQ(chain.readable, 2);
		CHECK_EQ(chain.writable, 1);
		CHECK_EQ(chain.readable_bytes, 9);
		CHECK_EQ(chain.writable_bytes, 6);
		device_bench_close(&b);
	}
}

/* The honest device refuses a list of both kinds. */
static void lists_are_of_one_kind(void **state)
{
	const struct rig_shape shape = {
		.features = PACKED | VR_F_INDIRECT_DESC, .size = 9, .entries = 4, .indirect_min = 3
	};
	struct driver_bench b;

	(void)state;
	CLAUSE("P-FMT-017");
	driver_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 200; i++) {
		rig_send(&b.rig, i % 4, 1 + i % 3, 8, i);
		for (uint32_t n = 0; n < 9; n++)
			CHECK((flags_at(&b.rig, n) & (RAW_NEXT | RAW_INDIRECT)) !=
			      (RAW_NEXT | RAW_INDIRECT));
		CHECK_EQ(driver_bench_turn(&b, 0).token, i);
	}
	driver_bench_close(&b);
}

static void event_words(void **state)
{
	const struct rig_shape shape = { .features = PACKED | VR_F_EVENT_IDX, .size = 3 };
	struct vr_iovec segment;
	struct vr_chain chain;
	struct vr_used used;
	struct rig rig;

	(void)state;
	CLAUSE("P-FMT-018");
	rig_open_both(&rig, &shape);
	for (uint32_t n = 0; n < 7; n++) {
		uint8_t *words[] = { rig.raw.driver, rig.raw.device };

		vr_driver_disarm(rig.driver, NULL);
		vr_device_disarm(rig.device, NULL);
		for (int side = 0; side < 2; side++)
			CHECK_EQ(le16(at_event_flags(words[side])), RAW_EVENT_DISABLE);
		CHECK(!vr_driver_arm(rig.driver, NULL));
		CHECK(!vr_device_arm(rig.device, NULL));
		for (int side = 0; side < 2; side++) {
			CHECK_EQ(le16(at_event_flags(words[side])), RAW_EVENT_DESC);
			CHECK_EQ(le16(at_off_wrap(words[side])),
				 n % 3 | (n / 3 % 2 ? 0u : 0x8000u));
		}
		rig_send(&rig, 1, 0, 8, n);
		chain = rig_pop(&rig, &segment, 1);
		rig_use(&rig, &chain, 0);
		CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
	}
	rig_close(&rig);
}

/* The three modes and the reserved one, for both sides' verdicts. */
static void event_modes(void **state)
{
	const struct rig_shape shape = { .features = PACKED | VR_F_EVENT_IDX, .size = 4 };

	(void)state;
	for (uint32_t mode = 0; mode < 4; mode++) {
		for (uint32_t at = 0; at < 8; at++) {
			uint16_t word = (uint16_t)(at % 4 | (at / 4) << 15);
			struct vr_iovec segment[2];
			struct vr_chain chain;
			struct rig rig;
			bool wanted;

			context("mode %u, event 0x%x", mode, word);
			rig_open_both(&rig, &shape);
			put_le16(at_event_flags(rig.raw.driver), (uint16_t)mode);
			put_le16(at_off_wrap(rig.raw.driver), word);
			put_le16(at_event_flags(rig.raw.device), (uint16_t)mode);
			put_le16(at_off_wrap(rig.raw.device), word);
			wanted = packed_verdict(rig.raw.driver, true, 4, 0, true, 2);
			CLAUSE("P-FMT-020");
			rig_send(&rig, 2, 0, 8, 1);
			CHECK_EQ(vr_driver_must_notify(rig.driver), wanted);
			CLAUSE("P-FMT-019");
			chain = rig_pop(&rig, segment, 2);
			rig_use(&rig, &chain, 0);
			CHECK_EQ(vr_device_must_notify(rig.device), wanted);
			rig_close(&rig);
		}
	}
}

/* A later slot that shows first is not looked at. */
static void only_the_next_slot_counts(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 5 };
	struct driver_bench d;
	struct device_bench v;
	struct vr_used used;

	(void)state;
	CLAUSE("P-FMT-022");
	driver_bench_open(&d, &shape);
	for (unsigned int i = 0; i < 3; i++)
		rig_send(&d.rig, 1, 0, 8, i);
	put_packed_desc(d.rig.raw.descriptors, 1, (struct raw_desc){ .id = 1, .flags = STATE });
	CHECK_EQ(vr_driver_get(d.rig.driver, &used, 1), 0);
	CHECK(!vr_driver_pending(d.rig.driver));
	driver_bench_close(&d);
	device_bench_open(&v, &shape);
	put_packed_desc(v.rig.raw.descriptors, 1,
			(struct raw_desc){ .addr = RIG_OUT, .len = 4, .flags = RAW_AVAIL });
	CHECK_EQ(vr_device_pop(v.rig.device, &(struct vr_chain){ 0 }, 1, v.segment, 4), 0);
	device_bench_close(&v);

	CLAUSE("P-FMT-023");
	driver_bench_open(&d, &shape);
	rig_start_device(&d.rig);
	CHECK_EQ(vr_driver_get(d.rig.driver, &used, 1), 0);
	CHECK(!vr_device_pending(d.rig.device));
	/* Used in the last lap: equal bits, but not this lap's. */
	for (unsigned int i = 0; i < 7; i++) {
		rig_send(&d.rig, 1, 0, 8, i);
		driver_bench_turn(&d, 0);
		CHECK_EQ(vr_driver_get(d.rig.driver, &used, 1), 0);
	}
	driver_bench_close(&d);
}

/* Several buffers for one frame: with one publish the first slot shows when all others are there. */
static void the_first_of_several_shows_last(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 5 };
	struct vr_chain chain[3];
	struct device_bench b;

	(void)state;
	CLAUSE("P-FMT-024");
	device_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 3; i++)
		chain[i] = device_bench_send(&b, out, 1);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(vr_device_complete(b.rig.device, chain[i].handle, 0), 0);
		CHECK_EQ(flags_at(&b.rig, 0) & STATE, RAW_AVAIL);
	}
	CHECK_EQ(flags_at(&b.rig, 1) & STATE, STATE);
	CHECK_EQ(flags_at(&b.rig, 2) & STATE, STATE);
	CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
	CHECK_EQ(flags_at(&b.rig, 0) & STATE, STATE);
	device_bench_close(&b);
}

static void a_full_ring_and_its_ids(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 5 };
	struct rig_image image;
	struct driver_bench b;

	(void)state;
	CLAUSE("P-FMT-025");
	driver_bench_open(&b, &shape);
	rig_send(&b.rig, 3, 0, 8, 1);
	rig_send(&b.rig, 2, 0, 8, 2);
	rig_image_take(&image, &b.rig);
	CHECK_EQ(driver_bench_add(&b, 1, 0), 0);
	rig_image_same(&image, &b.rig);
	driver_bench_turn(&b, 0);
	CHECK_EQ(vr_driver_free(b.rig.driver), 3);
	/* The honest device fails on an id that is out of range or taken. */
	CLAUSE("P-FMT-026");
	for (unsigned int i = 0; i < 300; i++) {
		rig_send(&b.rig, 1 + i % 3, 0, 8, i);
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(wrap_counters),
		cmocka_unit_test(a_list_as_long_as_the_ring),
		cmocka_unit_test(golden_bytes_of_an_add),
		cmocka_unit_test(lists),
		cmocka_unit_test(a_list_over_the_end),
		cmocka_unit_test(one_used_descriptor_for_a_list),
		cmocka_unit_test(the_driver_remembers_lengths),
		cmocka_unit_test(used_descriptors),
		cmocka_unit_test(indirect_tables),
		cmocka_unit_test(lists_are_of_one_kind),
		cmocka_unit_test(event_words),
		cmocka_unit_test(event_modes),
		cmocka_unit_test(only_the_next_slot_counts),
		cmocka_unit_test(the_first_of_several_shows_last),
		cmocka_unit_test(a_full_ring_and_its_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
