// SPDX-License-Identifier: BSD-3-Clause
/* Clauses S-DEV: what the device of a split queue does (2.7). */
#include "bench.h"
#include "verdict.h"

static const struct peer_element out[] = { { RIG_OUT, 8, false } };
static const struct peer_element in[] = { { RIG_IN, 100, true } };

/* A request of 12 + 512 bytes cut at every place, in every layout: the same bytes come together. */
static void framing_does_not_matter(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_INDIRECT_DESC,
					 .size = 8,
					 .entries = 4 };
	struct device_bench b;

	(void)state;
	CLAUSE("S-DEV-001");
	device_bench_open(&b, &shape);
	for (uint32_t cut = 1; cut < 12; cut++) {
		for (int layout = PEER_DIRECT; layout <= PEER_TAIL; layout++) {
			const struct peer_element e[] = { { RIG_OUT, cut, false },
							  { RIG_OUT + cut, 12 - cut, false },
							  { RIG_IN, cut, true },
							  { RIG_IN + cut, 512 - cut, true } };
			struct vr_chain chain;

			context("cut at %u, layout %d", cut, layout);
			CHECK(peer_driver_add(&b.peer, e, 4, (enum peer_shape)layout, 2) >= 0);
			peer_driver_publish(&b.peer);
			chain = device_bench_pop(&b);
			CHECK_EQ(chain.readable_bytes, 12);
			CHECK_EQ(chain.writable_bytes, 512);
			CHECK(b.segment[1].base == b.rig.out.device + cut);
			CHECK(b.segment[3].base == b.rig.in.device + cut);
			rig_use(&b.rig, &chain, 512);
			CHECK_EQ(device_bench_get(&b), 512);
		}
	}
	device_bench_close(&b);
}

static void a_limit_on_descriptors(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8, .max_chain = 3 };
	static const struct peer_element four[] = { { RIG_OUT, 8, false },
						    { RIG_OUT, 8, false },
						    { RIG_OUT, 8, false },
						    { RIG_OUT, 8, false } };
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	CLAUSE("S-DEV-002");
	device_bench_open(&b, &shape);
	chain = device_bench_send(&b, four, 3);
	CHECK_EQ(chain.readable, 3);
	peer_driver_send(&b.peer, four, 4);
	CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, 8), VR_E_BROKEN);
	CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_CHAIN_LENGTH);
	device_bench_close(&b);
}

/* Readable payload, table, indirect tables and available ring are read-only in the device's view. */
static void what_a_device_must_not_touch(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_INDIRECT_DESC | VR_F_EVENT_IDX,
					 .size = 8,
					 .entries = 4 };
	static const struct peer_element both[] = { { RIG_OUT, 8, false }, { RIG_IN, 100, true } };
	struct vr_chain chain;
	struct device_bench b;
	int writable_pieces;

	(void)state;
	CLAUSE("S-DEV-003");
	CLAUSE("S-DEV-005");
	device_bench_open(&b, &shape);
	for (unsigned int i = 0; i < 100; i++) {
		CHECK(peer_driver_add(&b.peer, both, 2, (enum peer_shape)(i % 3), 1) >= 0);
		peer_driver_publish(&b.peer);
		chain = device_bench_pop(&b);
		vr_device_arm(b.rig.device, NULL);
		vr_device_disarm(b.rig.device, NULL);
		/* Only what the map lets be written is in the writable part. */
		writable_pieces = 0;
		for (uint32_t s = 0; s < chain.readable + chain.writable; s++)
			writable_pieces += (uint8_t *)b.segment[s].base >= b.rig.in.device &&
					   (uint8_t *)b.segment[s].base < b.rig.in.device + 65536;
		CHECK_EQ(writable_pieces, chain.writable);
		rig_use(&b.rig, &chain, 100);
		device_bench_get(&b);
	}
	/* No access at all to writable payload by the core. */
	CLAUSE("S-DEV-004");
	for (size_t i = 0; i < b.rig.in.bytes; i++)
		CHECK_EQ(b.rig.in.driver[i], 0);
	area_device_read_only(&b.rig.in, true);
	chain = device_bench_send(&b, in, 1);
	rig_use(&b.rig, &chain, 100);
	device_bench_close(&b);
}

/* The same request with and without WRITE on the descriptor that carries INDIRECT. */
static void write_beside_indirect(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_INDIRECT_DESC,
					 .size = 8,
					 .entries = 4 };

	(void)state;
	CLAUSE("S-DEV-006");
	for (unsigned int flag = 0; flag <= RAW_WRITE; flag += RAW_WRITE) {
		struct device_bench b;
		struct vr_chain chain;
		struct raw_desc d;

		device_bench_open(&b, &shape);
		CHECK(peer_driver_add(&b.peer, out, 1, PEER_INDIRECT, 0) >= 0);
		d = split_desc(b.rig.raw.descriptors, 0);
		d.flags = (uint16_t)(d.flags | flag);
		put_split_desc(b.rig.raw.descriptors, 0, d);
		peer_driver_publish(&b.peer);
		chain = device_bench_pop(&b);
		CHECK_EQ(chain.readable_bytes, 8);
		CHECK_EQ(chain.writable_bytes, 0);
		device_bench_close(&b);
	}
}

static void direct_descriptors_then_an_indirect_one(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_INDIRECT_DESC,
					 .size = 8,
					 .entries = 6 };
	struct peer_element e[6];
	struct device_bench b;

	(void)state;
	CLAUSE("S-DEV-007");
	for (unsigned int i = 0; i < 6; i++)
		e[i] = (struct peer_element){ RIG_OUT + 10 * i, 10, false };
	device_bench_open(&b, &shape);
	for (unsigned int direct = 0; direct < 6; direct++) {
		struct vr_chain chain;

		CHECK(peer_driver_add(&b.peer, e, 6, PEER_TAIL, direct) >= 0);
		peer_driver_publish(&b.peer);
		chain = device_bench_pop(&b);
		CHECK_EQ(chain.descriptors, direct + 1);
		CHECK_EQ(chain.readable, 6);
		for (unsigned int i = 0; i < 6; i++)
			CHECK(b.segment[i].base == b.rig.out.device + 10 * i);
		rig_use(&b.rig, &chain, 0);
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

static void notifications_without_event_index(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct device_bench b;
	struct vr_chain chain;

	(void)state;
	/* The used_event word would be on an inaccessible page here. */
	CLAUSE("S-DEV-008");
	device_bench_open(&b, &shape);
	CLAUSE("S-DEV-009");
	put_le16(at_avail_flags(&b.rig.raw), 1);
	for (unsigned int i = 0; i < 3; i++) {
		chain = device_bench_send(&b, out, 1);
		rig_use(&b.rig, &chain, 0);
		CHECK(!vr_device_must_notify(b.rig.device));
	}
	CLAUSE("S-DEV-010");
	put_le16(at_avail_flags(&b.rig.raw), 0);
	chain = device_bench_send(&b, out, 1);
	rig_use(&b.rig, &chain, 0);
	CHECK(vr_device_must_notify(b.rig.device));
	device_bench_close(&b);
}

static void notifications_with_event_index(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_EVENT_IDX, .size = 8 };
	struct device_bench b;
	struct vr_chain chain;
	uint16_t old = 0;

	(void)state;
	device_bench_open(&b, &shape);
	CLAUSE("S-DEV-011");
	put_le16(at_avail_flags(&b.rig.raw), 1);
	chain = device_bench_send(&b, out, 1);
	rig_use(&b.rig, &chain, 0);
	CHECK(vr_device_must_notify(b.rig.device)); /* the first one, used_event 0 */
	device_bench_get(&b);
	CLAUSE("S-DEV-012");
	CLAUSE("S-DEV-013");
	for (old = 1; old != 0;) {
		uint16_t count = (uint16_t)(1 + old % 7);
		uint16_t event = (uint16_t)(old + (old / 3) % 12 - 2);

		step("old %u, %u buffers, event %u", old, count, event);
		put_le16(at_used_event(&b.rig.raw), event);
		for (uint16_t i = 0; i < count; i++)
			device_bench_send(&b, out, 1);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, count), count);
		CHECK_EQ(vr_device_publish_and_verdict(b.rig.device, NULL),
			 split_event_passed(event, old, count));
		for (uint16_t i = 0; i < count; i++)
			device_bench_get(&b);
		old = old > 65500 ? 0 : (uint16_t)(old + count);
	}
	device_bench_close(&b);
}

/* The API cannot say less than it did: a length covers bytes from the start of the writable part. */
static void the_length_and_the_bytes(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	static const struct peer_element pieces[] = { { RIG_IN + 500, 30, true },
						      { RIG_IN + 100, 70, true } };
	struct device_bench b;
	struct vr_chain chain;

	(void)state;
	CLAUSE("S-DEV-015");
	device_bench_open(&b, &shape);
	chain = device_bench_send(&b, pieces, 2);
	memset(b.segment[0].base, 0x11, b.segment[0].len);
	memset(b.segment[1].base, 0x22, 20);
	CHECK_EQ(vr_device_complete(b.rig.device, chain.handle, 50), 0);
	CHECK_EQ(le16(at_used_idx(&b.rig.raw)), 0);
	CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
	CHECK_EQ(device_bench_get(&b), 50);
	CHECK_EQ(b.rig.in.driver[500], 0x11);
	CHECK_EQ(b.rig.in.driver[529], 0x11);
	CHECK_EQ(b.rig.in.driver[119], 0x22);
	CLAUSE("S-DEV-016");
	chain = device_bench_send(&b, pieces, 2);
	memset(b.segment[0].base, 0x33, 30);
	rig_use(&b.rig, &chain, 4); /* an error: fewer than were stored, never more than there is */
	CHECK_EQ(device_bench_get(&b), 4);
	device_bench_close(&b);
}

static void suppression_flags(void **state)
{
	const struct rig_shape plain = { .features = SPLIT, .size = 8 };
	const struct rig_shape event = { .features = SPLIT | VR_F_EVENT_IDX, .size = 8 };
	struct device_bench b;

	(void)state;
	CLAUSE("S-DEV-017");
	device_bench_open(&b, &plain);
	for (unsigned int i = 0; i < 5; i++) {
		vr_device_disarm(b.rig.device, NULL);
		CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 1);
		CHECK(!vr_device_arm(b.rig.device, NULL));
		CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 0);
	}
	CLAUSE("S-DEV-018");
	vr_device_disarm(b.rig.device, NULL);
	peer_driver_send(&b.peer, out, 1);
	CHECK(vr_device_arm(b.rig.device, NULL)); /* the late one is found */
	device_bench_close(&b);

	CLAUSE("S-DEV-019");
	device_bench_open(&b, &event);
	for (unsigned int i = 0; i < 5; i++) {
		vr_device_disarm(b.rig.device, NULL);
		CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 0);
		CHECK(!vr_device_arm(b.rig.device, NULL));
		CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 0);
	}
	device_bench_close(&b);
}

static void the_available_event(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_EVENT_IDX, .size = 8 };
	struct device_bench b;

	(void)state;
	CLAUSE("S-DEV-020");
	device_bench_open(&b, &shape);
	for (uint16_t n = 0; n < 20; n++) {
		struct vr_chain chain;

		CHECK(!vr_device_arm(b.rig.device, NULL));
		CHECK_EQ(le16(at_avail_event(&b.rig.raw)), n);
		CHECK(split_event_passed(le16(at_avail_event(&b.rig.raw)), n, 1));
		chain = device_bench_send(&b, out, 1);
		rig_use(&b.rig, &chain, 0);
		device_bench_get(&b);
	}
	device_bench_close(&b);
}

static void kicks_and_their_absence(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct rig_image image;
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	CLAUSE("S-DEV-021");
	device_bench_open(&b, &shape);
	rig_image_take(&image, &b.rig);
	for (unsigned int i = 0; i < 100; i++)
		CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, 8), 0);
	rig_image_same(&image, &b.rig);
	CLAUSE("S-DEV-022");
	vr_device_disarm(b.rig.device, NULL);
	chain = device_bench_send(&b, out, 1); /* nobody notified anybody */
	rig_use(&b.rig, &chain, 0);
	CLAUSE("S-DEV-023");
	for (unsigned int i = 0; i < 50; i++) {
		CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 1);
		device_bench_get(&b);
		chain = device_bench_send(&b, out, 1);
		rig_use(&b.rig, &chain, 0);
	}
	device_bench_close(&b);
}

static void any_order(void **state)
{
	static const unsigned int orders[][4] = { { 3, 2, 1, 0 }, { 1, 3, 0, 2 } };
	const struct rig_shape shape = { .size = 8 };

	(void)state;
	CLAUSE("S-DEV-024");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		struct rig_shape with = shape;
		struct vr_chain chain[4];
		struct vr_used used[4];
		struct rig rig;

		with.features = i % 2 ? PACKED : SPLIT;
		rig_open_both(&rig, &with);
		for (unsigned int n = 0; n < 4; n++)
			rig_send(&rig, n % 2, 1, 8, n);
		for (unsigned int n = 0; n < 4; n++)
			chain[n] = rig_pop(&rig, (struct vr_iovec[2]){ { 0 } }, 2);
		for (unsigned int n = 0; n < 4; n++)
			rig_use(&rig, &chain[orders[i / 2][n]], n);
		CHECK_EQ(vr_driver_get(rig.driver, used, 4), 4);
		for (unsigned int n = 0; n < 4; n++) {
			CHECK_EQ(used[n].token, orders[i / 2][n]);
			CHECK_EQ(used[n].len, n);
		}
		CHECK_EQ(vr_driver_free(rig.driver), 8);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(framing_does_not_matter),
		cmocka_unit_test(a_limit_on_descriptors),
		cmocka_unit_test(what_a_device_must_not_touch),
		cmocka_unit_test(write_beside_indirect),
		cmocka_unit_test(direct_descriptors_then_an_indirect_one),
		cmocka_unit_test(notifications_without_event_index),
		cmocka_unit_test(notifications_with_event_index),
		cmocka_unit_test(the_length_and_the_bytes),
		cmocka_unit_test(suppression_flags),
		cmocka_unit_test(the_available_event),
		cmocka_unit_test(kicks_and_their_absence),
		cmocka_unit_test(any_order),
	};

	return RIG_RUN_TESTS(tests);
}
