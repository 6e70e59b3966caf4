// SPDX-License-Identifier: BSD-3-Clause
/* Saving and restoring a device half, and buffers that were in flight when it went away. */
#include "peer_driver.h"

#define SEGMENTS 16

static const struct peer_element out[] = { { RIG_OUT, 4, false },
					   { RIG_OUT + 64, 4, false },
					   { RIG_IN, 16, true } };

struct bench {
	struct rig rig;
	struct peer_driver peer;
	struct vr_iovec segment[SEGMENTS];
};

static void bench_open(struct bench *b, uint64_t features, uint32_t size)
{
	const struct rig_shape shape = { .features = features, .size = size };

	rig_open(&b->rig, &shape);
	rig_start_device(&b->rig);
	peer_driver_open(&b->peer, &b->rig, NULL);
}

static void bench_close(struct bench *b)
{
	peer_driver_close(&b->peer);
	rig_close(&b->rig);
}

/* @count buffers of @elements each go through one by one. */
static void traffic(struct bench *b, unsigned int count, unsigned int elements)
{
	for (unsigned int i = 0; i < count; i++) {
		uint16_t id = peer_driver_send(&b->peer, out, elements);
		struct vr_chain chain = rig_pop(&b->rig, b->segment, SEGMENTS);
		uint16_t back;
		uint32_t len;

		step("buffer %u", i);
		CHECK_EQ(chain.id, id);
		CHECK_EQ(chain.descriptors, elements);
		rig_use(&b->rig, &chain, 0);
		CHECK(peer_driver_get(&b->peer, &back, &len));
		CHECK_EQ(back, id);
	}
}

/* Another device half takes over the ring, knowing nothing but the base. */
static int take_over(struct bench *b, uint32_t base)
{
	rig_start_device(&b->rig);
	return vr_device_restore(b->rig.device, base);
}

static void a_saved_position_is_continued_elsewhere(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		uint32_t size = is_packed(form->features) ? 7 : 8;

		for (unsigned int before = 0; before < 20; before++) {
			unsigned int elements = 1 + before % 3;
			struct bench b;
			uint32_t base = 0xdead;

			context("%s, %u before, %u elements", form->name, before, elements);
			bench_open(&b, form->features | VR_F_EVENT_IDX, size);
			traffic(&b, before, elements);
			CHECK_EQ(vr_device_save(b.rig.device, false, &base), 0);
			if (is_packed(form->features)) {
				uint32_t at = before * elements;
				uint32_t word = at % size | (at / size % 2 ? 0u : 0x8000u);

				CHECK_EQ(base, word | word << 16);
			} else {
				CHECK_EQ(base, before);
			}
			CHECK_EQ(take_over(&b, base), 0);
			CHECK(!vr_device_pending(b.rig.device));
			traffic(&b, 25, 4 - elements);
			bench_close(&b);
		}
	}
}

static void an_index_beyond_16_bits_is_saved_as_16(void **state)
{
	struct bench b;
	uint32_t base;

	(void)state;
	bench_open(&b, SPLIT, 8);
	traffic(&b, 65536 + 5, 1);
	CHECK_EQ(vr_device_save(b.rig.device, false, &base), 0);
	CHECK_EQ(base, 5);
	CHECK_EQ(take_over(&b, base), 0);
	traffic(&b, 9, 1);
	bench_close(&b);
}

static void a_save_refuses_while_anything_is_in_the_air(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);
		struct vr_chain chain[2];
		uint32_t base = 0xdead;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		traffic(&b, 3, 1);
		peer_driver_send(&b.peer, out, 2);
		peer_driver_send(&b.peer, out, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 2, b.segment, SEGMENTS), 2);
		CHECK_EQ(vr_device_save(b.rig.device, false, &base), VR_E_BUSY); /* popped */
		CHECK_EQ(base, 0xdead);
		CHECK_EQ(vr_device_save(b.rig.device, true, &base), 0);
		CHECK_EQ(base, packed ? 0x80038003u : 3);
		CHECK_EQ(vr_device_complete(b.rig.device, chain[1].handle, 0), 0);
		CHECK_EQ(vr_device_save(b.rig.device, false, &base), VR_E_BUSY); /* parked */
		CHECK_EQ(vr_device_complete(b.rig.device, chain[0].handle, 0), 0);
		CHECK_EQ(vr_device_save(b.rig.device, false, &base), VR_E_BUSY); /* staged */
		CHECK_EQ(vr_device_save(b.rig.device, true, &base), 0);
		CHECK_EQ(base, packed ? 0x80038003u : 3);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 2);
		CHECK_EQ(vr_device_save(b.rig.device, false, &base), 0);
		CHECK_EQ(base, packed ? 0x80068006u : 5);
		vr_device_break(b.rig.device);
		CHECK_EQ(vr_device_save(b.rig.device, false, &base), 0);
		bench_close(&b);
	}
}

/* What was popped and not used counts as not taken: the successor gets it again. */
static void a_forced_save_gives_buffers_again(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain[3];
		uint16_t id[3];
		struct bench b;
		uint32_t base;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		traffic(&b, 6, 1);
		for (unsigned int i = 0; i < 3; i++)
			id[i] = peer_driver_send(&b.peer, out, 1 + i % 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, SEGMENTS), 3);
		CHECK_EQ(vr_device_complete(b.rig.device, chain[0].handle, 0), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
		CHECK_EQ(vr_device_save(b.rig.device, true, &base), 0);
		CHECK_EQ(take_over(&b, base), 0);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, SEGMENTS), 2);
		CHECK_EQ(chain[0].id, id[1]);
		CHECK_EQ(chain[1].id, id[2]);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 2), 2);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 2);
		for (unsigned int i = 0; i < 3; i++) {
			uint32_t len;
			uint16_t got;

			CHECK(peer_driver_get(&b.peer, &got, &len));
			CHECK_EQ(got, id[i]);
		}
		traffic(&b, 9, 2);
		bench_close(&b);
	}
}

static void an_impossible_base_changes_nothing(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t base;
	} rows[] = {
		{ SPLIT, 0x10000 },
		{ SPLIT, 0xffffffff },
		{ SPLIT, 3 + 9 },
		{ SPLIT, 2 },
		{ SPLIT_IN_ORDER, 4 },
		{ SPLIT_IN_ORDER, 0x10003 },
		{ PACKED, 0x80038008 },
		{ PACKED, 0x80088003 },
		{ PACKED, 0x7fff7fff },
		{ PACKED, 0x00028003 },
		{ PACKED, 0x80048003 },
		{ PACKED_IN_ORDER, 0x80038004 },
		{ PACKED_IN_ORDER, 0xffffffff },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vr_chain chain;
		uint32_t len;
		uint16_t id;
		struct bench b;

		context("%s, base 0x%x", form_name(rows[i].features), rows[i].base);
		bench_open(&b, rows[i].features, 8);
		traffic(&b, 3, 1);
		peer_driver_send(&b.peer, out, 1);
		chain = rig_pop(&b.rig, b.segment, SEGMENTS);
		CHECK_EQ(vr_device_restore(b.rig.device, rows[i].base), VR_E_INVAL);
		rig_use(&b.rig, &chain, 0);
		CHECK(peer_driver_get(&b.peer, &id, &len));
		traffic(&b, 9, 1);
		bench_close(&b);
	}
}

static void handles_from_before_a_restore_are_stale(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain[3];
		struct bench b;
		uint32_t base;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		for (unsigned int i = 0; i < 3; i++)
			peer_driver_send(&b.peer, out, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, SEGMENTS), 3);
		CHECK_EQ(vr_device_save(b.rig.device, true, &base), 0);
		CHECK_EQ(vr_device_restore(b.rig.device, base), 0);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(vr_device_complete(b.rig.device, chain[i].handle, 0), VR_E_STALE);
		rig_pop(&b.rig, b.segment, SEGMENTS);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(vr_device_complete(b.rig.device, chain[i].handle, 0), VR_E_STALE);
		CHECK_EQ(vr_device_staged(b.rig.device), 0);
		bench_close(&b);
	}
}

/* A split device that goes away with buffers in flight and knows their heads. */
static void recorded_split_buffers_are_taken_again(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 2 * 10; i++) {
		bool ordered = i % 2;
		struct vr_chain chain[3];
		uint16_t id[4];
		struct bench b;
		uint32_t base;

		context("%s, %zu before", form_name(layouts[i % 2]), i / 2);
		bench_open(&b, layouts[i % 2], 8);
		traffic(&b, (unsigned int)i / 2, 2);
		for (unsigned int n = 0; n < 3; n++)
			id[n] = peer_driver_send(&b.peer, out, 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, SEGMENTS), 3);
		id[3] = peer_driver_send(&b.peer, out, 2);
		CHECK_EQ(vr_device_save(b.rig.device, true, &base), 0);
		rig_start_device(&b.rig);
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, base, 3), 0);
		CHECK_EQ(vr_device_save(b.rig.device, false, &base), VR_E_BUSY);
		if (ordered)
			CHECK(vr_device_pop(b.rig.device, chain, 1, b.segment, SEGMENTS) < 0);
		for (unsigned int n = 0; n < 3; n++) {
			CHECK_EQ(vr_device_resubmit_split(b.rig.device, id[n], &chain[n], b.segment,
							  1),
				 VR_E_SEGMENTS);
			CHECK_EQ(vr_device_resubmit_split(b.rig.device, id[n], &chain[n],
							  b.segment + 2 * n, 2),
				 1);
			CHECK_EQ(chain[n].id, id[n]);
			CHECK_EQ(chain[n].readable_bytes, 8);
			CHECK_EQ(vr_device_unpop(b.rig.device, chain[n].handle), VR_E_STALE);
		}
		CHECK_EQ(vr_device_resubmit_split(b.rig.device, id[3], &chain[0], b.segment, 2),
			 VR_E_BUSY);
		CHECK_EQ(rig_pop(&b.rig, b.segment + 8, 2).id, id[3]);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 4), 4);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 4);
		for (unsigned int n = 0; n < 4; n++) {
			uint32_t len;
			uint16_t got;

			CHECK(peer_driver_get(&b.peer, &got, &len));
			CHECK_EQ(got, id[n]);
		}
		traffic(&b, 9, 3);
		bench_close(&b);
	}
}

/* Reads a list out of the ring as an inflight record would have it. */
static void record(const struct bench *b, uint32_t slot, unsigned int count,
		   struct vr_descriptor *saved)
{
	for (unsigned int i = 0; i < count; i++) {
		struct raw_desc d =
			packed_desc(b->rig.raw.descriptors, (slot + i) % b->rig.raw.size);

		saved[i] = (struct vr_descriptor){ .addr = d.addr,
						   .len = d.len,
						   .id = d.id,
						   .flags = d.flags &
							    (RAW_NEXT | RAW_WRITE | RAW_INDIRECT) };
	}
}

static void recorded_packed_buffers_are_taken_again(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 2 * 14; i++) {
		bool ordered = i % 2;
		uint32_t first = (uint32_t)(i / 2 * 2) % 7;
		struct vr_descriptor saved[2][2];
		struct vr_chain chain[3];
		uint16_t id[3];
		struct bench b;
		uint32_t base;

		context("%s, %zu before", form_name(layouts[i % 2]), i / 2);
		bench_open(&b, layouts[i % 2], 7);
		traffic(&b, (unsigned int)i / 2, 2);
		id[0] = peer_driver_send(&b.peer, out, 2);
		id[1] = peer_driver_send(&b.peer, out, 2);
		record(&b, first, 2, saved[0]);
		record(&b, first + 2, 2, saved[1]);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 2, b.segment, SEGMENTS), 2);
		id[2] = peer_driver_send(&b.peer, out, 1);
		CHECK_EQ(vr_device_save(b.rig.device, true, &base), 0);
		rig_start_device(&b.rig);
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, base, 4), 0);
		if (ordered)
			CHECK(vr_device_pop(b.rig.device, chain, 1, b.segment, SEGMENTS) < 0);
		for (unsigned int n = 0; n < 2; n++) {
			CHECK_EQ(vr_device_resubmit_packed(b.rig.device, saved[n], 2, &chain[n],
							   b.segment, 1),
				 VR_E_SEGMENTS);
			CHECK_EQ(vr_device_resubmit_packed(b.rig.device, saved[n], 2, &chain[n],
							   b.segment, 4),
				 1);
			CHECK_EQ(chain[n].id, id[n]);
			CHECK_EQ(chain[n].descriptors, 2);
		}
		CHECK_EQ(vr_device_resubmit_packed(b.rig.device, saved[0], 2, &chain[0], b.segment,
						   4),
			 VR_E_BUSY);
		CHECK_EQ(rig_pop(&b.rig, b.segment + 8, 2).id, id[2]);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 3), 3);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
		for (unsigned int n = 0; n < 3; n++) {
			uint32_t len;
			uint16_t got;

			CHECK(peer_driver_get(&b.peer, &got, &len));
			CHECK_EQ(got, id[n]);
		}
		traffic(&b, 9, 3);
		bench_close(&b);
	}
}

/* The wrong call for the layout, no record at all, and a position that cannot be. */
static void resubmitting_at_the_wrong_time(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);
		const struct vr_descriptor saved = { RIG_OUT, 4, 1, 0 };
		struct vr_chain chain;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		CHECK_EQ(vr_device_resubmit_split(b.rig.device, 0, &chain, b.segment, 4),
			 packed ? VR_E_STATE : VR_E_BUSY);
		CHECK_EQ(vr_device_resubmit_packed(b.rig.device, &saved, 1, &chain, b.segment, 4),
			 packed ? VR_E_BUSY : VR_E_STATE);
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, packed ? 0x80008000 : 0, 9),
			 VR_E_INVAL);
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, packed ? 8 : 0x10000, 1),
			 VR_E_INVAL);
		traffic(&b, 3, 1);
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, packed ? 0x80008000 : 0, 2), 0);
		vr_device_break(b.rig.device);
		CHECK_EQ(vr_device_resubmit_split(b.rig.device, 0, &chain, b.segment, 4),
			 VR_E_BROKEN);
		CHECK_EQ(vr_device_resubmit_packed(b.rig.device, &saved, 1, &chain, b.segment, 4),
			 VR_E_BROKEN);
		bench_close(&b);
	}
}

/* Records come from shared memory: they are judged as the driver's descriptors are. */
static void a_bad_split_record_breaks(void **state)
{
	static const struct {
		uint16_t head;
		enum vr_fault_reason reason;
	} rows[] = {
		{ 8, VR_FAULT_HEAD_RANGE },   { 0xffff, VR_FAULT_HEAD_RANGE },
		{ 1, VR_FAULT_CHAIN_LENGTH }, { 2, VR_FAULT_UNMAPPED },
		{ 0, VR_FAULT_HEAD_BUSY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vr_chain chain;
		struct bench b;

		context("head %u", rows[i].head);
		bench_open(&b, SPLIT, 8);
		put_split_desc(b.rig.raw.descriptors, 0, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
		put_split_desc(b.rig.raw.descriptors, 1,
			       (struct raw_desc){ RIG_OUT, 4, RAW_NEXT, 1, 0 });
		put_split_desc(b.rig.raw.descriptors, 2, (struct raw_desc){ 0x66, 4, 0, 0, 0 });
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, 0, 3), 0);
		CHECK_EQ(vr_device_resubmit_split(b.rig.device, 0, &chain, b.segment, 4), 1);
		CHECK_EQ(vr_device_resubmit_split(b.rig.device, rows[i].head, &chain, b.segment, 4),
			 VR_E_BROKEN);
		CHECK_EQ(rig_device_fault(&b.rig).reason, rows[i].reason);
		bench_close(&b);
	}
}

static void a_bad_packed_record_breaks(void **state)
{
	static const struct {
		struct vr_descriptor saved[3];
		unsigned int count;
		int result;
	} rows[] = {
		{ { { RIG_OUT, 4, 0, 0 } }, 0, VR_E_INVAL },
		{ { { RIG_OUT, 4, 0, RAW_NEXT } }, 4, VR_E_INVAL },
		{ { { RIG_OUT, 4, 0, RAW_NEXT } }, 1, VR_E_BROKEN },
		{ { { RIG_OUT, 4, 0, 0 }, { RIG_OUT, 4, 0, 0 } }, 2, VR_E_BROKEN },
		{ { { RIG_IN, 4, 0, RAW_NEXT | RAW_WRITE }, { RIG_OUT, 4, 0, 0 } }, 2, VR_E_BROKEN },
		{ { { 0x66, 4, 0, 0 } }, 1, VR_E_BROKEN },
		{ { { RIG_OUT, 16, 0, RAW_INDIRECT } }, 1, VR_E_BROKEN },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		struct vr_chain chain;
		struct bench b;

		context("row %zu", i);
		bench_open(&b, i % 2 ? PACKED_IN_ORDER : PACKED, 8);
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, 0x80008000, 3), 0);
		CHECK_EQ(vr_device_resubmit_packed(b.rig.device, rows[i / 2].saved,
						   rows[i / 2].count, &chain, b.segment, 4),
			 rows[i / 2].result);
		CHECK_EQ(vr_device_fault(b.rig.device, &(struct vr_fault){ 0 }),
			 rows[i / 2].result == VR_E_BROKEN);
		bench_close(&b);
	}
}

/*
 * B33: after a restart the next head is not the base index once a buffer took two descriptors, and
 * the slot is stale until avail.idx covers it.
 */
static void the_predicted_head_is_read_again_after_a_restart(void **state)
{
	struct bench b;
	uint32_t base;

	(void)state;
	bench_open(&b, SPLIT_IN_ORDER, 8);
	traffic(&b, 3, 2);
	CHECK_EQ(vr_device_save(b.rig.device, false, &base), 0);
	CHECK_EQ(base, 3);
	CHECK_EQ(take_over(&b, base), 0);
	put_le16(at_avail_slot(&b.rig.raw, 3), 5); /* stale: must not be used */
	CHECK_EQ(vr_device_pop(b.rig.device, &(struct vr_chain){ 0 }, 1, b.segment, 4), 0);
	traffic(&b, 9, 2);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_saved_position_is_continued_elsewhere),
		cmocka_unit_test(an_index_beyond_16_bits_is_saved_as_16),
		cmocka_unit_test(a_save_refuses_while_anything_is_in_the_air),
		cmocka_unit_test(a_forced_save_gives_buffers_again),
		cmocka_unit_test(an_impossible_base_changes_nothing),
		cmocka_unit_test(handles_from_before_a_restore_are_stale),
		cmocka_unit_test(recorded_split_buffers_are_taken_again),
		cmocka_unit_test(recorded_packed_buffers_are_taken_again),
		cmocka_unit_test(resubmitting_at_the_wrong_time),
		cmocka_unit_test(a_bad_split_record_breaks),
		cmocka_unit_test(a_bad_packed_record_breaks),
		cmocka_unit_test(the_predicted_head_is_read_again_after_a_restart),
	};

	return RIG_RUN_TESTS(tests);
}
