// SPDX-License-Identifier: BSD-3-Clause
/* The device's notification verdict, and arming for available buffers. */
#include <stdlib.h>

#include "peer_driver.h"
#include "verdict.h"

static const struct peer_element out[] = { { RIG_OUT, 4, false }, { RIG_OUT, 4, false } };

struct bench {
	struct rig rig;
	struct peer_driver peer;
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

/* @count buffers of @elements go through; answers how many the driver took back. */
static void use(struct bench *b, unsigned int count, unsigned int elements)
{
	struct vr_iovec segment[2];
	struct vr_chain chain;

	for (unsigned int i = 0; i < count; i++)
		peer_driver_send(&b->peer, out, elements);
	for (unsigned int i = 0; i < count; i++)
		chain = rig_pop(&b->rig, segment, 2);
	(void)chain;
	CHECK_EQ(vr_device_complete_oldest(b->rig.device, NULL, count), count);
	CHECK_EQ(vr_device_publish(b->rig.device, NULL), count);
}

static void take_back(struct bench *b, unsigned int count)
{
	uint32_t len;
	uint16_t id;

	for (unsigned int i = 0; i < count; i++)
		CHECK(peer_driver_get(&b->peer, &id, &len));
	CHECK(!peer_driver_get(&b->peer, &id, &len));
}

static void split_event_index_agrees_with_the_walk(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		uint16_t index = 0;
		struct bench b;

		bench_open(&b, layouts[l] | VR_F_EVENT_IDX, 8);
		for (uint32_t round = 0; round < 40000; round++) {
			uint32_t count = 1 + round % 8;
			uint16_t event = (uint16_t)(index + (round / 8) % 12 - 2);

			if (round % 16 == 5)
				event = (uint16_t)(round * 40503u >> 3);
			context("%s, index %u, %u buffers, event %u", form_name(layouts[l]), index,
				count, event);
			put_le16(at_used_event(&b.rig.raw), event);
			/* The flag must not matter (2.7.7.2). */
			put_le16(at_avail_flags(&b.rig.raw), (uint16_t)(round / 5 % 2));
			use(&b, count, 1);
			CHECK_EQ(vr_device_must_notify(b.rig.device),
				 split_event_passed(event, index, count));
			CHECK(!vr_device_must_notify(b.rig.device));
			index = (uint16_t)(index + count);
			take_back(&b, count);
		}
		bench_close(&b);
	}
}

/* Every position, count, offset and wrap of small rings; in order all of it is one entry. */
static void packed_rounds(uint64_t features, uint32_t size, unsigned int elements)
{
	bool wrap = true;
	uint32_t slot = 0;
	struct bench b;

	bench_open(&b, features, size);
	for (uint32_t round = 0; round < 60 * size * size; round++) {
		uint32_t count = 1 + (round / (2 * size)) % (size / elements);
		uint32_t steps = count * elements;
		uint16_t event = (uint16_t)((round % size) | (round / size % 2) << 15);
		uint8_t *suppression = b.rig.raw.driver;

		context("%s, size %u, slot %u wrap %d, %u buffers of %u, event 0x%x",
			form_name(features), size, slot, wrap, count, elements, event);
		put_le16(at_off_wrap(suppression), event);
		put_le16(at_event_flags(suppression), RAW_EVENT_DESC);
		use(&b, count, elements);
		CHECK_EQ(vr_device_must_notify(b.rig.device),
			 packed_event_passed(event, size, slot, wrap, steps));
		CHECK(!vr_device_must_notify(b.rig.device));
		slot += steps;
		if (slot >= size) {
			slot -= size;
			wrap = !wrap;
		}
		take_back(&b, count);
	}
	bench_close(&b);
}

static void packed_event_agrees_with_the_walk(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= 7; size++) {
		for (unsigned int elements = 1; elements <= 2 && elements <= size; elements++) {
			packed_rounds(PACKED | VR_F_EVENT_IDX, size, elements);
			packed_rounds(PACKED_IN_ORDER | VR_F_EVENT_IDX, size, elements);
		}
	}
}

static void flags_decide_without_event_index(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct bench b;
		uint8_t *word;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		word = is_packed(form->features) ? at_event_flags(b.rig.raw.driver) :
						   at_avail_flags(&b.rig.raw);
		use(&b, 1, 1);
		CHECK(vr_device_must_notify(b.rig.device));
		take_back(&b, 1);
		put_le16(word, 1);
		use(&b, 2, 1);
		CHECK(!vr_device_must_notify(b.rig.device));
		take_back(&b, 2);
		put_le16(word, 0);
		peer_driver_send(&b.peer, out, 1);
		CHECK_EQ(vr_device_publish_and_verdict(b.rig.device, NULL), 0);
		rig_pop(&b.rig, &(struct vr_iovec){ 0 }, 1);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 1), 1);
		CHECK_EQ(vr_device_publish_and_verdict(b.rig.device, NULL), 1);
		bench_close(&b);
	}
}

/* Packed: descriptor mode without the feature, and the reserved value, count as enabled. */
static void odd_packed_modes_are_enabled(void **state)
{
	static const struct {
		uint16_t mode;
		uint64_t features;
	} rows[] = { { RAW_EVENT_DESC, 0 }, { 3, 0 }, { 3, VR_F_EVENT_IDX } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bench b;

		context("row %zu", i);
		bench_open(&b, PACKED | rows[i].features, 5);
		put_le16(at_off_wrap(b.rig.raw.driver), 4);
		put_le16(at_event_flags(b.rig.raw.driver), rows[i].mode);
		use(&b, 1, 1);
		CHECK(vr_device_must_notify(b.rig.device));
		bench_close(&b);
	}
}

/* A device that never asked for a verdict until now: the driver armed near the end. */
static void a_verdict_after_a_long_time_is_not_lost(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);
		uint32_t total = packed ? 2 * 8 + 2 : 65536 + 2;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features | VR_F_EVENT_IDX, 8);
		for (uint32_t i = 0; i < total; i++) {
			use(&b, 1, 1);
			take_back(&b, 1);
		}
		if (packed) {
			/* 13 = slot 5 of the second lap, whose wrap counter is 0. */
			put_le16(at_off_wrap(b.rig.raw.driver), 5);
			put_le16(at_event_flags(b.rig.raw.driver), RAW_EVENT_DESC);
		} else {
			put_le16(at_used_event(&b.rig.raw), (uint16_t)(total - 5));
		}
		CHECK(vr_device_must_notify(b.rig.device));
		bench_close(&b);
	}
}

/* Would an honest driver notify of the next @count slots or buffers that it makes available? */
static bool driver_would_notify(struct bench *b, uint32_t count)
{
	bool event_idx = has_event_idx(b->peer.features);

	if (is_packed(b->peer.features))
		return packed_verdict(b->rig.raw.device, event_idx, b->rig.raw.size, b->peer.avail,
				      b->peer.avail_wrap, count);
	return split_verdict(at_used_flags(&b->rig.raw), at_avail_event(&b->rig.raw), event_idx,
			     (uint16_t)b->peer.avail, count);
}

/* The bytes of the device area that changed are within the ranges, and are this side's. */
static void check_stored(const struct bench *b, const uint8_t *before,
			 const struct vr_stored *stored)
{
	for (size_t i = 0; i < b->rig.device_area.bytes; i++) {
		bool covered = false;

		if (b->rig.device_area.driver[i] == before[i])
			continue;
		for (uint32_t r = 0; r < stored->count; r++)
			covered |= stored->range[r].area == VR_AREA_DEVICE &&
				   i - stored->range[r].offset < stored->range[r].length;
		step("byte %zu", i);
		CHECK(covered);
	}
}

static void arming_asks_for_the_next_available_buffer(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2 * FORM_COUNT; f++) {
		uint64_t features = forms[f / 2].features | (f % 2 ? VR_F_EVENT_IDX : 0);
		uint8_t before[4 + 8 * 8 + 2];
		struct vr_stored stored;
		struct bench b;

		bench_open(&b, features, 8);
		for (unsigned int lap = 0; lap < 29; lap++) {
			context("%s, lap %u", form_name(features), lap);
			memcpy(before, b.rig.device_area.driver, b.rig.device_area.bytes);
			vr_device_disarm(b.rig.device, &stored);
			check_stored(&b, before, &stored);
			CHECK(!driver_would_notify(&b, 1));
			memcpy(before, b.rig.device_area.driver, b.rig.device_area.bytes);
			CHECK(!vr_device_arm(b.rig.device, &stored));
			check_stored(&b, before, &stored);
			CHECK(driver_would_notify(&b, 1));
			if (!is_packed(features) && f % 2)
				CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 0);
			peer_driver_send(&b.peer, out, 1 + lap % 2);
			CHECK(vr_device_arm(b.rig.device, NULL));
			rig_pop(&b.rig, &(struct vr_iovec[2]){ { 0 } }[0], 2);
			CHECK(!vr_device_arm(b.rig.device, NULL));
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 1), 1);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
			take_back(&b, 1);
		}
		bench_close(&b);
	}
}

/* Put back buffers are there again for who asks. */
static void arming_sees_what_was_put_back(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain;
		struct vr_iovec segment;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features | VR_F_EVENT_IDX, 8);
		peer_driver_send(&b.peer, out, 1);
		chain = rig_pop(&b.rig, &segment, 1);
		CHECK(!vr_device_arm(b.rig.device, NULL));
		CHECK_EQ(vr_device_unpop(b.rig.device, chain.handle), 0);
		CHECK(vr_device_pending(b.rig.device));
		CHECK(vr_device_arm(b.rig.device, NULL));
		bench_close(&b);
	}
}

static void the_words_of_arming(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, SPLIT, 8);
	vr_device_disarm(b.rig.device, NULL);
	CHECK_EQ(le16(at_used_flags(&b.rig.raw)), RAW_NO_NOTIFY);
	vr_device_arm(b.rig.device, NULL);
	CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 0);
	bench_close(&b);

	bench_open(&b, SPLIT | VR_F_EVENT_IDX, 8);
	use(&b, 3, 1);
	vr_device_arm(b.rig.device, NULL);
	CHECK_EQ(le16(at_avail_event(&b.rig.raw)), 3);
	vr_device_disarm(b.rig.device, NULL);
	CHECK_EQ(le16(at_used_flags(&b.rig.raw)), 0);
	CHECK_EQ(le16(at_avail_event(&b.rig.raw)), 2);
	bench_close(&b);

	bench_open(&b, PACKED, 8);
	vr_device_disarm(b.rig.device, NULL);
	CHECK_EQ(le16(at_event_flags(b.rig.raw.device)), RAW_EVENT_DISABLE);
	vr_device_arm(b.rig.device, NULL);
	CHECK_EQ(le16(at_event_flags(b.rig.raw.device)), RAW_EVENT_ENABLE);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_event_index_agrees_with_the_walk),
		cmocka_unit_test(packed_event_agrees_with_the_walk),
		cmocka_unit_test(flags_decide_without_event_index),
		cmocka_unit_test(odd_packed_modes_are_enabled),
		cmocka_unit_test(a_verdict_after_a_long_time_is_not_lost),
		cmocka_unit_test(arming_asks_for_the_next_available_buffer),
		cmocka_unit_test(arming_sees_what_was_put_back),
		cmocka_unit_test(the_words_of_arming),
	};

	return RIG_RUN_TESTS(tests);
}
