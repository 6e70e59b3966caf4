// SPDX-License-Identifier: BSD-3-Clause
/* What a driver may get wrong: each breaks the queue with its reason, in bounded time. */
#include "peer_driver.h"

#define SIZE 8u
#define SEGMENTS 64

struct bench {
	struct rig rig;
	struct vr_iovec segment[SEGMENTS];
};

static void bench_open(struct bench *b, uint64_t features, uint32_t max_chain)
{
	const struct rig_shape shape = {
		.features = features, .size = SIZE, .entries = 16, .max_chain = max_chain
	};

	rig_open(&b->rig, &shape);
	rig_start_device(&b->rig);
}

/* Broken with @reason, for good. */
static void expect_broken(struct bench *b, enum vr_fault_reason reason)
{
	struct vr_stored stored;
	struct vr_chain chain;

	CHECK_EQ(vr_device_pop(b->rig.device, &chain, 1, b->segment, SEGMENTS), VR_E_BROKEN);
	CHECK_EQ(rig_device_fault(&b->rig).reason, reason);
	CHECK_EQ(vr_device_pop(b->rig.device, &chain, 1, b->segment, SEGMENTS), VR_E_BROKEN);
	CHECK(vr_device_pending(b->rig.device));
	CHECK(vr_device_arm(b->rig.device, &stored));
	vr_device_disarm(b->rig.device, NULL);
	CHECK_EQ(vr_device_publish(b->rig.device, &stored), VR_E_BROKEN);
	CHECK_EQ(vr_device_publish_and_verdict(b->rig.device, NULL), VR_E_BROKEN);
	CHECK_EQ(rig_device_fault(&b->rig).reason, reason);
}

/* A row of a descriptor table: addr 0 means some good payload of the right kind. */
struct row {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

static uint64_t address(const struct row *row)
{
	if (row->addr)
		return row->addr;
	return row->flags & RAW_WRITE ? RIG_IN : RIG_OUT;
}

static void write_split(uint8_t *table, const struct row *rows, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		put_split_desc(table, i,
			       (struct raw_desc){ .addr = address(&rows[i]),
						  .len = rows[i].len,
						  .flags = rows[i].flags,
						  .next = rows[i].next });
}

static void write_packed(uint8_t *ring, const struct row *rows, unsigned int count,
			 unsigned int bits)
{
	for (unsigned int i = count; i-- > 0;)
		put_packed_desc(ring, i,
				(struct raw_desc){ .addr = address(&rows[i]),
						   .len = rows[i].len,
						   .flags = (uint16_t)(rows[i].flags | bits),
						   .id = rows[i].next });
}

#define N RAW_NEXT
#define W RAW_WRITE
#define I RAW_INDIRECT

struct split_case {
	const char *name;
	enum vr_fault_reason reason;
	uint16_t head;
	bool no_indirect;
	bool in_order_too;
	struct row ring[6];
	struct row table[6];
};

/* In order next must be x+1, so what follows a wrong next there is another fault. */
static const struct split_case split_cases[] = {
	{ "self loop", VR_FAULT_CHAIN_LENGTH, .ring = { { 0, 4, N, 0 } } },
	{ "self loop of zero length", VR_FAULT_CHAIN_LENGTH, .ring = { { 0, 0, N, 0 } } },
	{ "loop of two", VR_FAULT_CHAIN_LENGTH, .ring = { { 0, 4, N, 1 }, { 0, 4, N, 0 } } },
	{ "next at the size", VR_FAULT_NEXT_RANGE, .ring = { { 0, 4, N, SIZE } } },
	{ "next far out", VR_FAULT_NEXT_RANGE, .ring = { { 0, 4, N, 0xffff } } },
	{ "head at the size", VR_FAULT_HEAD_RANGE, .ring = { { 0, 4, 0, 0 } }, .head = SIZE },
	{ "head far out", VR_FAULT_HEAD_RANGE, .ring = { { 0, 4, 0, 0 } }, .head = 0xffff },
	{ "readable after writable", VR_FAULT_CHAIN_ORDER,
	  .ring = { { 0, 4, N | W, 1 }, { 0, 4, 0, 0 } }, .in_order_too = true },
	{ "empty readable after writable", VR_FAULT_CHAIN_ORDER,
	  .ring = { { 0, 4, N | W, 1 }, { 0, 0, 0, 0 } }, .in_order_too = true },
	{ "readable after writable in a table", VR_FAULT_CHAIN_ORDER,
	  .ring = { { RIG_TABLES, 32, I, 0 } }, .table = { { 0, 4, N | W, 1 }, { 0, 4, 0, 0 } },
	  .in_order_too = true },
	{ "readable table after a writable descriptor", VR_FAULT_CHAIN_ORDER,
	  .ring = { { 0, 4, N | W, 1 }, { RIG_TABLES, 16, I, 0 } }, .table = { { 0, 4, 0, 0 } },
	  .in_order_too = true },
	{ "indirect without the feature", VR_FAULT_INDIRECT_FEATURE,
	  .ring = { { RIG_TABLES, 16, I, 0 } }, .table = { { 0, 4, 0, 0 } }, .no_indirect = true,
	  .in_order_too = true },
	{ "indirect with next", VR_FAULT_INDIRECT_NEXT,
	  .ring = { { RIG_TABLES, 16, I | N, 1 }, { 0, 4, 0, 0 } }, .table = { { 0, 4, 0, 0 } },
	  .in_order_too = true },
	{ "indirect in a table", VR_FAULT_INDIRECT_NESTED, .ring = { { RIG_TABLES, 32, I, 0 } },
	  .table = { { 0, 4, N, 1 }, { RIG_TABLES, 16, I, 0 } }, .in_order_too = true },
	{ "table of no bytes", VR_FAULT_INDIRECT_SIZE, .ring = { { RIG_TABLES, 0, I, 0 } },
	  .in_order_too = true },
	{ "table of 15 bytes", VR_FAULT_INDIRECT_SIZE, .ring = { { RIG_TABLES, 15, I, 0 } },
	  .in_order_too = true },
	{ "table of 17 bytes", VR_FAULT_INDIRECT_SIZE, .ring = { { RIG_TABLES, 17, I, 0 } },
	  .in_order_too = true },
	{ "table of 2^32-1 bytes", VR_FAULT_INDIRECT_SIZE,
	  .ring = { { RIG_TABLES, 0xffffffff, I, 0 } }, .in_order_too = true },
	{ "table that is nowhere", VR_FAULT_UNMAPPED, .ring = { { 0x10, 16, I, 0 } },
	  .in_order_too = true },
	{ "table in memory that is only written", VR_FAULT_ACCESS, .ring = { { RIG_IN, 16, I, 0 } },
	  .in_order_too = true },
	{ "next beyond the table", VR_FAULT_NEXT_RANGE, .ring = { { RIG_TABLES, 32, I, 0 } },
	  .table = { { 0, 4, N, 2 } } },
	{ "loop in a table", VR_FAULT_CHAIN_LENGTH, .ring = { { RIG_TABLES, 32, I, 0 } },
	  .table = { { 0, 4, N, 1 }, { 0, 4, N, 0 } } },
	{ "more than 2^32 bytes", VR_FAULT_CHAIN_BYTES, .ring = { { RIG_TABLES, 48, I, 0 } },
	  .table = { { 0, 0x80000000, N, 1 }, { 0, 0x80000000, N, 2 }, { 0, 1, 0, 0 } },
	  .in_order_too = true },
};

static void a_bad_split_chain_breaks(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(split_cases); i++) {
		const struct split_case *c = &split_cases[i / 2];
		uint64_t features = (i % 2 ? SPLIT_IN_ORDER : SPLIT) | VR_F_INDIRECT_DESC;
		struct bench b;

		context("%s: %s", form_name(features), c->name);
		if (i % 2 && !c->in_order_too)
			continue;
		if (rig_wide && c->reason == VR_FAULT_ACCESS)
			continue; /* nothing is forbidden there */
		if (c->no_indirect)
			features &= ~VR_F_INDIRECT_DESC;
		bench_open(&b, features | VR_F_EVENT_IDX, 0);
		if (c->reason == VR_FAULT_CHAIN_BYTES)
			b.rig.ranges[b.rig.map.count - 2].size = 1ull << 33;
		write_split(b.rig.raw.descriptors, c->ring, 6);
		if (b.rig.tables.bytes)
			write_split(b.rig.tables.driver, c->table, 6);
		put_le16(at_avail_slot(&b.rig.raw, 0), c->head);
		put_le16(at_avail_idx(&b.rig.raw), 1);
		expect_broken(&b, c->reason);
		rig_close(&b.rig);
	}
}

/* Split in order: head and next are known beforehand. */
static void a_chain_out_of_ring_order_breaks(void **state)
{
	static const struct {
		uint16_t next;
		enum vr_fault_reason reason;
	} rows[] = {
		{ 0, VR_FAULT_NEXT_ORDER },
		{ 2, VR_FAULT_NEXT_ORDER },
		{ 7, VR_FAULT_NEXT_ORDER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bench b;

		context("next %u", rows[i].next);
		bench_open(&b, SPLIT_IN_ORDER, 0);
		put_split_desc(b.rig.raw.descriptors, 0,
			       (struct raw_desc){ RIG_OUT, 4, RAW_NEXT, rows[i].next, 0 });
		put_split_desc(b.rig.raw.descriptors, 1, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
		put_le16(at_avail_idx(&b.rig.raw), 1);
		expect_broken(&b, rows[i].reason);
		rig_close(&b.rig);
	}
}

/* The checking mode: a head in the available ring that is not the predicted one. */
static void a_head_out_of_ring_order_is_seen_when_checked(void **state)
{
	for (int checked = 0; checked < 2; checked++) {
		const struct rig_shape shape = { .features = SPLIT_IN_ORDER,
						 .size = SIZE,
						 .device_flags = checked ? VR_DEVICE_CHECK_HEADS :
									   0 };
		struct bench b;

		(void)state;
		context("checked %d", checked);
		rig_open(&b.rig, &shape);
		rig_start_device(&b.rig);
		for (uint32_t i = 0; i < SIZE; i++)
			put_split_desc(b.rig.raw.descriptors, i,
				       (struct raw_desc){ RIG_OUT + i, 4, 0, 0, 0 });
		put_le16(at_avail_slot(&b.rig.raw, 0), 0);
		put_le16(at_avail_slot(&b.rig.raw, 1), 5);
		put_le16(at_avail_idx(&b.rig.raw), 2);
		CHECK_EQ(rig_pop(&b.rig, b.segment, SEGMENTS).id, 0);
		if (checked) {
			expect_broken(&b, VR_FAULT_HEAD_ORDER);
			CHECK_EQ(rig_device_fault(&b.rig).value, 5);
			CHECK_EQ(rig_device_fault(&b.rig).limit, 1);
		} else {
			CHECK_EQ(rig_pop(&b.rig, b.segment, SEGMENTS).id, 1);
		}
		rig_close(&b.rig);
	}
}

static void the_same_head_twice_in_flight_breaks(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, SPLIT, 0);
	put_split_desc(b.rig.raw.descriptors, 3, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
	put_le16(at_avail_slot(&b.rig.raw, 0), 3);
	put_le16(at_avail_slot(&b.rig.raw, 1), 3);
	put_le16(at_avail_idx(&b.rig.raw), 2);
	CHECK_EQ(rig_pop(&b.rig, b.segment, SEGMENTS).id, 3);
	expect_broken(&b, VR_FAULT_HEAD_BUSY);
	CHECK_EQ(rig_device_fault(&b.rig).value, 3);
	rig_close(&b.rig);
}

static void an_available_index_that_jumps_too_far_breaks(void **state)
{
	static const uint16_t jumps[] = { SIZE + 1, SIZE + 2, 0x7fff, 0x8000, 0xffff };
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(jumps); i++) {
		struct bench b;

		context("%s, jump %u", form_name(layouts[i % 2]), jumps[i / 2]);
		bench_open(&b, layouts[i % 2], 0);
		put_le16(at_avail_idx(&b.rig.raw), jumps[i / 2]);
		expect_broken(&b, VR_FAULT_AVAIL_INDEX);
		rig_close(&b.rig);
	}
}

/* Buffers in flight count: one popped leaves room for N-1 more. */
static void an_available_index_beyond_what_is_in_flight_breaks(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, SPLIT, 0);
	for (uint32_t i = 0; i < SIZE; i++) {
		put_split_desc(b.rig.raw.descriptors, i, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
		put_le16(at_avail_slot(&b.rig.raw, i), (uint16_t)i);
	}
	put_le16(at_avail_idx(&b.rig.raw), SIZE);
	for (uint32_t i = 0; i < SIZE; i++)
		CHECK_EQ(rig_pop(&b.rig, b.segment, SEGMENTS).id, i);
	put_le16(at_avail_idx(&b.rig.raw), SIZE + 1);
	CHECK_EQ(vr_device_pop(b.rig.device, &(struct vr_chain){ 0 }, 1, b.segment, SEGMENTS),
		 VR_E_BROKEN);
	CHECK(rig_device_fault(&b.rig).reason == VR_FAULT_AVAIL_INDEX ||
	      rig_device_fault(&b.rig).reason == VR_FAULT_HEAD_BUSY);
	rig_close(&b.rig);
}

struct packed_case {
	const char *name;
	enum vr_fault_reason reason;
	struct row ring[6]; /* next is the id */
	struct row table[6];
	unsigned int descriptors;
	bool no_indirect;
};

static const struct packed_case packed_cases[] = {
	{ "readable after writable", VR_FAULT_CHAIN_ORDER,
	  .ring = { { 0, 4, N | W, 0 }, { 0, 4, 0, 0 } }, .descriptors = 2 },
	{ "readable after writable in a table", VR_FAULT_CHAIN_ORDER,
	  .ring = { { RIG_TABLES, 32, I, 0 } }, .table = { { 0, 4, W, 0 }, { 0, 4, 0, 0 } },
	  .descriptors = 1 },
	{ "indirect without the feature", VR_FAULT_INDIRECT_FEATURE,
	  .ring = { { RIG_TABLES, 16, I, 0 } }, .descriptors = 1, .no_indirect = true },
	{ "indirect with next", VR_FAULT_INDIRECT_NEXT,
	  .ring = { { RIG_TABLES, 16, I | N, 0 }, { 0, 4, 0, 0 } }, .table = { { 0, 4, 0, 0 } },
	  .descriptors = 2 },
	{ "next, then indirect", VR_FAULT_INDIRECT_NEXT,
	  .ring = { { 0, 4, N, 0 }, { RIG_TABLES, 16, I, 0 } }, .table = { { 0, 4, 0, 0 } },
	  .descriptors = 2 },
	{ "table of no bytes", VR_FAULT_INDIRECT_SIZE, .ring = { { RIG_TABLES, 0, I, 0 } },
	  .descriptors = 1 },
	{ "table of 24 bytes", VR_FAULT_INDIRECT_SIZE, .ring = { { RIG_TABLES, 24, I, 0 } },
	  .descriptors = 1 },
	{ "table that is nowhere", VR_FAULT_UNMAPPED, .ring = { { 0x10, 16, I, 0 } },
	  .descriptors = 1 },
	{ "more than 2^32 bytes", VR_FAULT_CHAIN_BYTES, .ring = { { RIG_TABLES, 48, I, 0 } },
	  .table = { { 0, 0x80000000, 0, 0 }, { 0, 0x80000000, 0, 0 }, { 0, 1, 0, 0 } },
	  .descriptors = 1 },
};

static void a_bad_packed_list_breaks(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(packed_cases); i++) {
		const struct packed_case *c = &packed_cases[i / 2];
		uint64_t features = (i % 2 ? PACKED_IN_ORDER : PACKED) | VR_F_INDIRECT_DESC;
		struct bench b;

		context("%s: %s", form_name(features), c->name);
		if (c->no_indirect)
			features &= ~VR_F_INDIRECT_DESC;
		bench_open(&b, features | VR_F_EVENT_IDX, 0);
		if (c->reason == VR_FAULT_CHAIN_BYTES)
			b.rig.ranges[b.rig.map.count - 2].size = 1ull << 33;
		if (b.rig.tables.bytes)
			write_packed(b.rig.tables.driver, c->table, 6, 0);
		write_packed(b.rig.raw.descriptors, c->ring, c->descriptors, RAW_AVAIL);
		expect_broken(&b, c->reason);
		rig_close(&b.rig);
	}
}

/* NEXT everywhere: a list that goes round the ring must end, whatever the flags say. */
static void a_packed_list_longer_than_the_ring_breaks(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct bench b;

		context("%s", form_name(layouts[l]));
		bench_open(&b, layouts[l], 0);
		for (uint32_t i = 0; i < SIZE; i++)
			put_packed_desc(b.rig.raw.descriptors, i,
					(struct raw_desc){ RIG_OUT, 4, RAW_NEXT | RAW_AVAIL, 0,
							   0 });
		expect_broken(&b, VR_FAULT_CHAIN_LENGTH);
		rig_close(&b.rig);
	}
}

/* A buffer of N-1 descriptors in flight, then a list that would run into it. */
static void a_packed_list_into_slots_in_flight_breaks(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_chain chain;
		struct bench b;

		context("%s", form_name(layouts[l]));
		bench_open(&b, layouts[l], 0);
		for (uint32_t i = 0; i < SIZE; i++) {
			unsigned int flags = RAW_AVAIL | (i == SIZE - 2 ? 0u : RAW_NEXT);

			put_packed_desc(b.rig.raw.descriptors, i,
					(struct raw_desc){ RIG_OUT, 4, (uint16_t)flags, 0,
							   (uint16_t)(i == SIZE - 1) });
		}
		chain = rig_pop(&b.rig, b.segment, SEGMENTS);
		CHECK_EQ(chain.descriptors, SIZE - 1);
		expect_broken(&b, VR_FAULT_CHAIN_LENGTH);
		rig_close(&b.rig);
	}
}

/* A packed id is the driver's business: any value, even twice, comes back as it was given. */
static void a_packed_id_is_opaque(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };
	static const uint16_t ids[] = { 0, SIZE - 1, SIZE, 0x7fff, 0x8000, 0xffff };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(ids); i++) {
		struct vr_chain chain;
		struct bench b;

		context("%s, id %u", form_name(layouts[i % 2]), ids[i / 2]);
		bench_open(&b, layouts[i % 2], 0);
		for (uint32_t n = 0; n < 2; n++)
			put_packed_desc(b.rig.raw.descriptors, n,
					(struct raw_desc){ RIG_OUT, 4, RAW_AVAIL, 0, ids[i / 2] });
		for (uint32_t n = 0; n < 2; n++) {
			chain = rig_pop(&b.rig, b.segment, SEGMENTS);
			CHECK_EQ(chain.id, ids[i / 2]);
			rig_use(&b.rig, &chain, 0);
			CHECK_EQ(packed_desc(b.rig.raw.descriptors, n).id, ids[i / 2]);
		}
		rig_close(&b.rig);
	}
}

/* The device's own limit on elements: as many are taken, one more breaks. */
static void a_chain_above_the_limit_breaks(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int count = 3; count <= 5; count++) {
			struct peer_element elements[5];
			struct peer_driver peer;
			struct bench b;

			context("%s, %u elements", form->name, count);
			bench_open(&b, form->features | VR_F_INDIRECT_DESC, 4);
			peer_driver_open(&peer, &b.rig, NULL);
			for (unsigned int i = 0; i < count; i++)
				elements[i] = (struct peer_element){ RIG_OUT + i, 1, false };
			CHECK(peer_driver_add(&peer, elements, count,
					      count % 2 ? PEER_INDIRECT : PEER_DIRECT, 0) >= 0);
			peer_driver_publish(&peer);
			if (count <= 4)
				CHECK_EQ(rig_pop(&b.rig, b.segment, SEGMENTS).readable, count);
			else
				expect_broken(&b, VR_FAULT_CHAIN_LENGTH);
			peer_driver_close(&peer);
			rig_close(&b.rig);
		}
	}
}

/* Good buffers ahead of a bad one are handed out first. */
static void good_ones_come_before_the_fault(void **state)
{
	static const struct peer_element good = { RIG_OUT, 4, false };
	static const struct peer_element bad = { 0x666, 4, false };

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain[4];
		struct peer_driver peer;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 0);
		peer_driver_open(&peer, &b.rig, NULL);
		peer_driver_send(&peer, &good, 1);
		peer_driver_send(&peer, &good, 1);
		peer_driver_send(&peer, &bad, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 4, b.segment, SEGMENTS), 2);
		expect_broken(&b, VR_FAULT_UNMAPPED);
		CHECK_EQ(vr_device_in_flight(b.rig.device), 2);
		peer_driver_close(&peer);
		rig_close(&b.rig);
	}
}

static void a_break_latches_with_the_caller_as_reason(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 0);
		CHECK(!vr_device_fault(b.rig.device, &(struct vr_fault){ 0 }));
		vr_device_break(b.rig.device);
		expect_broken(&b, VR_FAULT_CALLER);
		vr_device_break(b.rig.device);
		CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_CALLER);
		rig_close(&b.rig);
	}
}

/* The first reason stays, even if the caller breaks the queue afterwards. */
static void the_first_fault_stays(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, SPLIT, 0);
	put_le16(at_avail_idx(&b.rig.raw), 100);
	expect_broken(&b, VR_FAULT_AVAIL_INDEX);
	vr_device_break(b.rig.device);
	CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_AVAIL_INDEX);
	rig_close(&b.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_split_chain_breaks),
		cmocka_unit_test(a_chain_out_of_ring_order_breaks),
		cmocka_unit_test(a_head_out_of_ring_order_is_seen_when_checked),
		cmocka_unit_test(the_same_head_twice_in_flight_breaks),
		cmocka_unit_test(an_available_index_that_jumps_too_far_breaks),
		cmocka_unit_test(an_available_index_beyond_what_is_in_flight_breaks),
		cmocka_unit_test(a_bad_packed_list_breaks),
		cmocka_unit_test(a_packed_list_longer_than_the_ring_breaks),
		cmocka_unit_test(a_packed_list_into_slots_in_flight_breaks),
		cmocka_unit_test(a_packed_id_is_opaque),
		cmocka_unit_test(a_chain_above_the_limit_breaks),
		cmocka_unit_test(good_ones_come_before_the_fault),
		cmocka_unit_test(a_break_latches_with_the_caller_as_reason),
		cmocka_unit_test(the_first_fault_stays),
	};

	return RIG_RUN_TESTS(tests);
}
