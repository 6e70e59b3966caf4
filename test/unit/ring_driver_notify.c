// SPDX-License-Identifier: BSD-3-Clause
/* The driver's notification verdict, its notification data, and arming for used buffers. */
#include <stdlib.h>

#include "peer_device.h"
#include "verdict.h"

static void add_n(struct rig *rig, uint32_t count)
{
	struct vr_segment segment;
	struct vr_buffer buffer = rig_buffer(&segment, 1, 0, 8, 0, 1);

	for (uint32_t i = 0; i < count; i++)
		CHECK_EQ(vr_driver_add(rig->driver, &buffer, 1), 1);
}

/* A live split ring whose index stands at @index. */
static void open_split_at(struct rig *rig, uint64_t features, uint32_t size, uint16_t index)
{
	const struct rig_shape shape = {
		.features = features, .size = size, .driver_flags = VR_DRIVER_ATTACH, .base = index
	};

	rig_open(rig, &shape);
	put_le16(at_avail_idx(&rig->raw), index);
	put_le16(at_used_idx(&rig->raw), index);
	rig_start_driver(rig);
}

static void split_event_index_agrees_with_the_walk(void **state)
{
	static const uint16_t starts[] = { 0, 1, 7, 8, 0x7ffe, 0x8000, 0xfffa, 0xffff };
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t s = 0; s < 2 * ARRAY_SIZE(starts); s++) {
		uint64_t features = layouts[s % 2] | VR_F_EVENT_IDX;
		uint16_t old = starts[s / 2];

		for (uint32_t count = 1; count <= 8; count++) {
			for (int shift = -12; shift <= 12; shift++) {
				uint16_t event = (uint16_t)(old + shift);
				struct rig rig;

				context("old %u, %u buffers, event %u", old, count, event);
				open_split_at(&rig, features, 8, old);
				put_le16(at_avail_event(&rig.raw), event);
				/* The flag must not matter (2.7.10.1). */
				put_le16(at_used_flags(&rig.raw), (uint16_t)(count & 1));
				add_n(&rig, count);
				CHECK_EQ(vr_driver_publish(rig.driver), count);
				CHECK_EQ(vr_driver_must_notify(rig.driver),
					 split_event_passed(event, old, count));
				CHECK(!vr_driver_must_notify(rig.driver));
				rig_close(&rig);
			}
		}
	}
}

/* Many combinations on one queue: the event word walks over all 65536 values. */
static void split_event_index_all_events(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_EVENT_IDX, .size = 8 };
	struct peer_device peer;
	struct peer_chain chain;
	struct vr_used used[8];
	uint16_t index = 0;
	struct rig rig;

	(void)state;
	rig_open(&rig, &shape);
	rig_start_driver(&rig);
	peer_device_open(&peer, &rig);
	for (uint32_t round = 0; round < 65536 + 100; round++) {
		uint32_t count = 1 + round % 8;
		uint16_t event = (uint16_t)(index + (round / 8) % 11 - 1);

		if (round % 16 == 5)
			event = (uint16_t)round;
		context("index %u, %u buffers, event %u", index, count, event);
		put_le16(at_avail_event(&rig.raw), event);
		add_n(&rig, count);
		CHECK_EQ(vr_driver_publish_and_verdict(rig.driver),
			 split_event_passed(event, index, count));
		index = (uint16_t)(index + count);
		while (peer_device_take(&peer, &chain))
			peer_device_use(&peer, &chain, 0);
		CHECK_EQ(vr_driver_get(rig.driver, used, 8), count);
	}
	peer_device_close(&peer);
	rig_close(&rig);
}

static void split_flags_decide_without_event_index(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct rig_shape shape = { .features = layouts[i], .size = 8 };
		struct rig rig;

		context("%s", form_name(layouts[i]));
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		add_n(&rig, 1);
		CHECK_EQ(vr_driver_publish(rig.driver), 1);
		CHECK(vr_driver_must_notify(rig.driver));
		put_le16(at_used_flags(&rig.raw), RAW_NO_NOTIFY);
		add_n(&rig, 2);
		CHECK_EQ(vr_driver_publish_and_verdict(rig.driver), 0);
		put_le16(at_used_flags(&rig.raw), 0);
		add_n(&rig, 1);
		CHECK_EQ(vr_driver_publish_and_verdict(rig.driver), 1);
		rig_close(&rig);
	}
}

/* Every start, count, offset and wrap of a small ring; offsets that do not exist included. */
static void packed_event_agrees_with_the_walk_at(uint64_t features, uint32_t size, uint32_t slot,
						 bool wrap)
{
	const struct rig_shape shape = { .features = features,
					 .size = size,
					 .driver_flags = VR_DRIVER_ATTACH,
					 .base = (slot | (uint32_t)wrap << 15) * 0x10001u };

	for (uint32_t count = 1; count <= size; count++) {
		for (uint32_t off_wrap = 0; off_wrap < 2 * (size + 2); off_wrap++) {
			uint16_t event = (uint16_t)(off_wrap / 2 | (off_wrap % 2) << 15);
			bool want = packed_event_passed(event, size, slot, wrap, count);
			struct rig rig;

			context("size %u, slot %u wrap %d, %u buffers, event 0x%x", size, slot,
				wrap, count, event);
			rig_open(&rig, &shape);
			rig_start_driver(&rig);
			put_le16(at_off_wrap(rig.raw.device), event);
			put_le16(at_event_flags(rig.raw.device), RAW_EVENT_DESC);
			add_n(&rig, count);
			CHECK_EQ(vr_driver_publish(rig.driver), count);
			if ((off_wrap / 2) < size)
				CHECK_EQ(vr_driver_must_notify(rig.driver), want);
			else
				(void)vr_driver_must_notify(rig.driver);
			CHECK(!vr_driver_must_notify(rig.driver));
			rig_close(&rig);
		}
	}
}

static void packed_event_agrees_with_the_walk(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++)
		for (uint32_t size = 1; size <= 5; size++)
			for (uint32_t at = 0; at < 2 * size; at++)
				packed_event_agrees_with_the_walk_at(layouts[l] | VR_F_EVENT_IDX,
								     size, at / 2, at % 2);
}

static void packed_modes_decide(void **state)
{
	/* Descriptor mode without the feature, and the reserved value, count as enabled. */
	static const struct {
		uint64_t features;
		uint16_t flags;
		bool want;
	} rows[] = {
		{ 0, RAW_EVENT_ENABLE, true },
		{ 0, RAW_EVENT_DISABLE, false },
		{ 0, RAW_EVENT_DESC, true },
		{ 0, 3, true },
		{ VR_F_EVENT_IDX, RAW_EVENT_ENABLE, true },
		{ VR_F_EVENT_IDX, RAW_EVENT_DISABLE, false },
		{ VR_F_EVENT_IDX, 3, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rig_shape shape = { .features = PACKED | rows[i].features, .size = 5 };
		struct rig rig;

		context("row %zu", i);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		put_le16(at_off_wrap(rig.raw.device), 4); /* far away */
		put_le16(at_event_flags(rig.raw.device), rows[i].flags);
		add_n(&rig, 2);
		CHECK_EQ(vr_driver_publish_and_verdict(rig.driver), rows[i].want);
		rig_close(&rig);
	}
}

/*
 * Someone who polled for long and asks only now: the jump is longer than the index or the ring.
 * The device armed a little before the last buffers, so it must be told.
 */
static void a_verdict_after_a_long_time_is_not_lost(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);
		const struct rig_shape shape = { .features = form->features | VR_F_EVENT_IDX,
						 .size = 8 };
		uint32_t total = packed ? 2 * 8 + 2 : 65536 + 2;
		struct peer_device peer;
		struct peer_chain chain;
		struct vr_used used;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		for (uint32_t i = 0; i < total; i++) {
			rig_send(&rig, 1, 0, 8, i);
			chain = peer_device_take_one(&peer);
			peer_device_use(&peer, &chain, 0);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
		}
		if (packed) {
			/* 13 = slot 5 of the second lap, whose wrap counter is 0. */
			put_le16(at_off_wrap(rig.raw.device), 13 % 8);
			put_le16(at_event_flags(rig.raw.device), RAW_EVENT_DESC);
		} else {
			put_le16(at_avail_event(&rig.raw), (uint16_t)(total - 5));
		}
		CHECK(vr_driver_must_notify(rig.driver));
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

static void notification_data_of_a_split_queue(void **state)
{
	static const struct {
		uint16_t start;
		uint32_t count;
		uint32_t want;
	} rows[] = {
		{ 0, 1, 0x00010000 },	   { 0x7fff, 1, 0x80000000 }, { 0x8002, 1, 0x80030000 },
		{ 0xffff, 1, 0x00000000 }, { 0xfffe, 1, 0xffff0000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig rig;

		context("row %zu", i);
		open_split_at(&rig, SPLIT | VR_F_NOTIFICATION_DATA, 8, rows[i].start);
		add_n(&rig, rows[i].count);
		CHECK_EQ(vr_driver_publish(rig.driver), rows[i].count);
		CHECK_EQ(vr_driver_notification_data(rig.driver, 0), rows[i].want);
		CHECK_EQ(vr_driver_notification_data(rig.driver, 0xabcd), rows[i].want | 0xabcd);
		rig_close(&rig);
	}
}

static void notification_data_of_a_packed_queue(void **state)
{
	/* A ring of three, one slot at a time: the next slot and its wrap counter. */
	static const uint32_t want[] = { 0x80010000, 0x80020000, 0x00000000, 0x00010000,
					 0x00020000, 0x80000000, 0x80010000 };
	const struct rig_shape shape = { .features = PACKED | VR_F_NOTIFICATION_DATA, .size = 3 };
	struct peer_device peer;
	struct peer_chain chain;
	struct vr_used used;
	struct rig rig;

	(void)state;
	rig_open(&rig, &shape);
	rig_start_driver(&rig);
	peer_device_open(&peer, &rig);
	CHECK_EQ(vr_driver_notification_data(rig.driver, 2), 0x80000002u);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		context("after %zu", i + 1);
		rig_send(&rig, 1, 0, 8, i);
		CHECK_EQ(vr_driver_notification_data(rig.driver, 2), want[i] | 2);
		CHECK_EQ(vr_driver_notification_data(rig.driver, 2), want[i] | 2);
		chain = peer_device_take_one(&peer);
		peer_device_use(&peer, &chain, 0);
		CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
	}
	peer_device_close(&peer);
	rig_close(&rig);
}

/* Would an honest device notify of its next @count used descriptors, or buffers (split)? */
static bool device_would_notify(const struct peer_device *peer, uint32_t count)
{
	bool event_idx = has_event_idx(peer->features);

	if (is_packed(peer->features))
		return packed_verdict(peer->raw->driver, event_idx, peer->raw->size, peer->used,
				      peer->used_wrap, count);
	return split_verdict(at_avail_flags(peer->raw), at_used_event(peer->raw), event_idx,
			     (uint16_t)peer->used, count);
}

/* Every byte that changed since @image lies in a reported range. */
static void stored_covers_changes(struct rig_image *image, const struct rig *rig,
				  const struct vr_stored *stored)
{
	const struct area *areas[] = { &rig->descriptors, &rig->driver_area, &rig->device_area };
	size_t at = 0;

	CHECK(stored->count <= VR_STORED_MAX);
	for (uint32_t a = 0; a < 3; a++) {
		for (size_t i = 0; i < areas[a]->bytes; i++, at++) {
			bool covered = false;

			if (areas[a]->driver[i] == image->bytes[at])
				continue;
			for (uint32_t r = 0; r < stored->count; r++)
				covered |= stored->range[r].area == a &&
					   i - stored->range[r].offset < stored->range[r].length;
			step("area %u byte %zu", a, i);
			CHECK(covered);
		}
	}
	free(image->bytes);
	rig_image_take(image, rig);
}

static void arming_asks_for_the_next_used_buffer(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2 * FORM_COUNT; f++) {
		uint64_t event = f % 2 ? VR_F_EVENT_IDX : 0;
		const struct rig_shape shape = { .features = forms[f / 2].features | event,
						 .size = 5 - !is_packed(forms[f / 2].features) };
		struct rig_image image;
		struct vr_stored stored;
		struct peer_device peer;
		struct peer_chain chain;
		struct vr_used used;
		struct rig rig;

		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		rig_image_take(&image, &rig);
		for (unsigned int lap = 0; lap < 23; lap++) {
			context("%s, lap %u", form_name(shape.features), lap);
			rig_send(&rig, 0, 1, 8, lap);
			free(image.bytes);
			rig_image_take(&image, &rig);
			vr_driver_disarm(rig.driver, &stored);
			stored_covers_changes(&image, &rig, &stored);
			CHECK(!device_would_notify(&peer, 1));
			CHECK(!vr_driver_arm(rig.driver, &stored));
			stored_covers_changes(&image, &rig, &stored);
			CHECK(device_would_notify(&peer, 1));
			chain = peer_device_take_one(&peer);
			peer_device_use(&peer, &chain, 8);
			CHECK(vr_driver_arm(rig.driver, NULL));
			CHECK(vr_driver_pending(rig.driver));
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
			CHECK(!vr_driver_arm(rig.driver, NULL));
			CHECK(device_would_notify(&peer, 1));
		}
		free(image.bytes);
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

static void a_fresh_queue_is_armed(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2 * FORM_COUNT; f++) {
		uint64_t event = f % 2 ? VR_F_EVENT_IDX : 0;
		const struct rig_shape shape = { .features = forms[f / 2].features | event,
						 .size = 4 };
		struct peer_device peer;
		struct rig rig;

		context("%s", form_name(shape.features));
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		CHECK(device_would_notify(&peer, 1));
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

static void split_words_of_arming(void **state)
{
	struct rig rig;

	(void)state;
	open_split_at(&rig, SPLIT, 8, 10);
	vr_driver_disarm(rig.driver, NULL);
	CHECK_EQ(le16(at_avail_flags(&rig.raw)), RAW_NO_INTERRUPT);
	CHECK(!vr_driver_arm(rig.driver, NULL));
	CHECK_EQ(le16(at_avail_flags(&rig.raw)), 0);
	rig_close(&rig);

	open_split_at(&rig, SPLIT | VR_F_EVENT_IDX, 8, 10);
	vr_driver_disarm(rig.driver, NULL);
	CHECK_EQ(le16(at_avail_flags(&rig.raw)), 0);
	CHECK_EQ(le16(at_used_event(&rig.raw)), 9);
	CHECK(!vr_driver_arm(rig.driver, NULL));
	CHECK_EQ(le16(at_avail_flags(&rig.raw)), 0);
	CHECK_EQ(le16(at_used_event(&rig.raw)), 10);
	rig_close(&rig);
}

static void packed_words_of_arming(void **state)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		const struct rig_shape shape = {
			.features = PACKED | (event_idx ? VR_F_EVENT_IDX : 0), .size = 5
		};
		struct rig rig;
		uint8_t *event;
		uint16_t mode;

		(void)state;
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		event = rig.raw.driver;
		vr_driver_disarm(rig.driver, NULL);
		CHECK_EQ(le16(at_event_flags(event)), RAW_EVENT_DISABLE);
		CHECK(!vr_driver_arm(rig.driver, NULL));
		mode = le16(at_event_flags(event));
		CHECK(mode == RAW_EVENT_ENABLE || (event_idx && mode == RAW_EVENT_DESC));
		if (mode == RAW_EVENT_DESC)
			CHECK_EQ(le16(at_off_wrap(event)), 0x8000);
		rig_close(&rig);
	}
}

static void a_delayed_arm_reports_what_it_stored(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | VR_F_EVENT_IDX,
						 .size = 8 };
		struct rig_image image;
		struct vr_stored stored;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		for (unsigned int i = 0; i < 5; i++)
			rig_send(&rig, 1, 0, 8, i);
		rig_image_take(&image, &rig);
		CHECK(!vr_driver_arm_delayed(rig.driver, 3, &stored));
		CHECK_EQ(stored.count, 1);
		stored_covers_changes(&image, &rig, &stored);
		/* The same again stores nothing. */
		CHECK(!vr_driver_arm_delayed(rig.driver, 3, &stored));
		CHECK_EQ(stored.count, 0);
		rig_image_same(&image, &rig);
		rig_close(&rig);
	}
}

/* With @outstanding buffers, asks for @buffers; the device must stay silent before, not after. */
static void delayed_case(uint64_t features, unsigned int outstanding, unsigned int buffers)
{
	const struct rig_shape shape = { .features = features, .size = 16 };
	unsigned int due = buffers > outstanding ? outstanding : buffers;
	struct peer_chain chain[8];
	struct vr_used used[8];
	struct peer_device peer;
	struct rig rig;

	rig_open(&rig, &shape);
	rig_start_driver(&rig);
	peer_device_open(&peer, &rig);
	for (unsigned int lap = 0; lap < 9; lap++) {
		context("%s, lap %u: %u of %u", form_name(features), lap, buffers, outstanding);
		for (unsigned int i = 0; i < outstanding; i++)
			rig_send(&rig, 0, 1, 8, i);
		CHECK(!vr_driver_arm_delayed(rig.driver, buffers, NULL));
		for (unsigned int i = 0; i < outstanding; i++) {
			bool tell = device_would_notify(&peer, 1);

			step("buffer %u", i);
			chain[i] = peer_device_take_one(&peer);
			if (buffers)
				CHECK_EQ(tell, i + 1 == due);
			peer_device_use(&peer, &chain[i], 8);
			if (buffers && i + 1 == due)
				CHECK(vr_driver_arm_delayed(rig.driver, buffers, NULL));
		}
		CHECK_EQ(vr_driver_get(rig.driver, used, 8), outstanding);
	}
	peer_device_close(&peer);
	rig_close(&rig);
}

static void a_delayed_arm_waits_for_several(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	for (unsigned int outstanding = 1; outstanding <= 6; outstanding++)
		for (unsigned int n = 1; n <= outstanding + 2; n++)
			delayed_case(form->features | VR_F_EVENT_IDX, outstanding, n);
}

/* The default waits for three quarters: never for more than is outstanding. */
static void the_default_delay_is_three_quarters(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int outstanding = 1; outstanding <= 8; outstanding++) {
			const struct rig_shape shape = {
				.features = form->features | VR_F_EVENT_IDX, .size = 16
			};
			struct peer_device peer;
			struct rig rig;

			context("%s, %u outstanding", form->name, outstanding);
			rig_open(&rig, &shape);
			rig_start_driver(&rig);
			peer_device_open(&peer, &rig);
			for (unsigned int i = 0; i < outstanding; i++)
				rig_send(&rig, 0, 1, 8, i);
			CHECK(!vr_driver_arm_delayed(rig.driver, 0, NULL));
			CHECK(device_would_notify(&peer, outstanding));
			if (outstanding >= 4)
				CHECK(!device_would_notify(&peer, outstanding / 2));
			peer_device_close(&peer);
			rig_close(&rig);
		}
	}
}

/* A delayed arm with nothing outstanding, and one without the feature, are plain arms. */
static void a_delayed_arm_without_need_is_an_arm(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2 * FORM_COUNT; f++) {
		uint64_t event = f % 2 ? VR_F_EVENT_IDX : 0;
		const struct rig_shape shape = { .features = forms[f / 2].features | event,
						 .size = 4 };
		struct peer_device peer;
		struct peer_chain chain;
		struct rig rig;

		context("%s", form_name(shape.features));
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		vr_driver_disarm(rig.driver, NULL);
		if (!event) {
			rig_send(&rig, 0, 1, 8, 1);
			rig_send(&rig, 0, 1, 8, 2);
			CHECK(!vr_driver_arm_delayed(rig.driver, 2, NULL));
			CHECK(device_would_notify(&peer, 1));
			chain = peer_device_take_one(&peer);
			peer_device_use(&peer, &chain, 8);
			CHECK(vr_driver_arm_delayed(rig.driver, 2, NULL));
		} else {
			CHECK(!vr_driver_arm_delayed(rig.driver, 3, NULL));
			CHECK(device_would_notify(&peer, 1));
		}
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

/* "Is there more?", arming and delayed arming count the rest of a batch. */
static void the_rest_of_a_batch_counts_when_arming(void **state)
{
	for (size_t i = 0; i < 4; i++) {
		const struct rig_shape shape = { .features = (i % 2 ? PACKED_IN_ORDER :
								      SPLIT_IN_ORDER) |
							     (i / 2 ? VR_F_EVENT_IDX : 0),
						 .size = 8 };
		struct peer_chain chain[4];
		struct peer_device peer;
		struct vr_used used[4];
		struct rig rig;

		(void)state;
		context("%s", form_name(shape.features));
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		for (unsigned int n = 0; n < 4; n++)
			rig_send(&rig, 0, 1, 8, n);
		for (unsigned int n = 0; n < 4; n++)
			chain[n] = peer_device_take_one(&peer);
		peer_device_use_run(&peer, chain, 4, 8);
		CHECK_EQ(vr_driver_get(rig.driver, used, 1), 1);
		CHECK(vr_driver_pending(rig.driver));
		CHECK(vr_driver_arm(rig.driver, NULL));
		CHECK(vr_driver_arm_delayed(rig.driver, 3, NULL));
		CHECK_EQ(vr_driver_get(rig.driver, used, 4), 3);
		CHECK(!vr_driver_pending(rig.driver));
		CHECK(!vr_driver_arm(rig.driver, NULL));
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

/* What 2.7.10 says about a ring with EVENT_IDX off: the word is not there. */
static void no_event_word_is_touched_without_the_feature(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 4 };
	struct rig rig;

	(void)state;
	/* The guard page behind the areas is the check. */
	rig_open(&rig, &shape);
	rig_start_driver(&rig);
	vr_driver_disarm(rig.driver, NULL);
	CHECK(!vr_driver_arm_delayed(rig.driver, 3, NULL));
	CHECK(!vr_driver_arm(rig.driver, NULL));
	add_n(&rig, 3);
	CHECK_EQ(vr_driver_publish_and_verdict(rig.driver), 1);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_event_index_agrees_with_the_walk),
		cmocka_unit_test(split_event_index_all_events),
		cmocka_unit_test(split_flags_decide_without_event_index),
		cmocka_unit_test(packed_event_agrees_with_the_walk),
		cmocka_unit_test(packed_modes_decide),
		cmocka_unit_test(a_verdict_after_a_long_time_is_not_lost),
		cmocka_unit_test(notification_data_of_a_split_queue),
		cmocka_unit_test(notification_data_of_a_packed_queue),
		cmocka_unit_test(arming_asks_for_the_next_used_buffer),
		cmocka_unit_test(a_fresh_queue_is_armed),
		cmocka_unit_test(split_words_of_arming),
		cmocka_unit_test(packed_words_of_arming),
		cmocka_unit_test(a_delayed_arm_reports_what_it_stored),
		cmocka_unit_test(a_delayed_arm_waits_for_several),
		cmocka_unit_test(the_default_delay_is_three_quarters),
		cmocka_unit_test(a_delayed_arm_without_need_is_an_arm),
		cmocka_unit_test(the_rest_of_a_batch_counts_when_arming),
		cmocka_unit_test(no_event_word_is_touched_without_the_feature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
