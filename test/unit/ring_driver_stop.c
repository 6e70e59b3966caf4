// SPDX-License-Identifier: BSD-3-Clause
/* The driver half after a stop: reclaim, reset, resize; and attaching to a live ring. */
#include "peer_device.h"

struct bench {
	struct rig rig;
	struct peer_device peer;
	struct peer_chain chain[16];
};

static void bench_open(struct bench *b, const struct rig_shape *shape)
{
	rig_open(&b->rig, shape);
	rig_start_driver(&b->rig);
	peer_device_open(&b->peer, &b->rig);
}

static void bench_close(struct bench *b)
{
	peer_device_close(&b->peer);
	rig_close(&b->rig);
}

/* The honest device starts anew as well; the ring may have another size now. */
static void bench_restart(struct bench *b, uint32_t size)
{
	peer_device_close(&b->peer);
	b->rig.raw.size = size;
	b->rig.shape.size = size;
	peer_device_open(&b->peer, &b->rig);
}

/* @laps rounds of @count buffers, each exactly as long as told and back in order. */
static void traffic(struct bench *b, unsigned int laps, unsigned int count)
{
	struct vr_used used[16];

	for (unsigned int lap = 0; lap < laps; lap++) {
		for (unsigned int i = 0; i < count; i++)
			rig_send(&b->rig, i % 2, 1, 8, 1000 * lap + i);
		for (unsigned int i = 0; i < count; i++)
			b->chain[i] = peer_device_take_one(&b->peer);
		for (unsigned int i = 0; i < count; i++)
			peer_device_use(&b->peer, &b->chain[i], 8);
		CHECK_EQ(vr_driver_get(b->rig.driver, used, 16), count);
		for (unsigned int i = 0; i < count; i++)
			CHECK_EQ(used[i].token, 1000 * lap + i);
	}
}

static void a_live_queue_gives_nothing_back(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_used used;
		struct vr_ring ring;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, &shape);
		rig_send(&b.rig, 1, 0, 8, 1);
		ring = rig_driver_ring(&b.rig);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, &used, 1), VR_E_STATE);
		CHECK_EQ(vr_driver_reset(b.rig.driver), VR_E_STATE);
		CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, 8), VR_E_STATE);
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), 1);
		bench_close(&b);
	}
}

static void a_stopped_queue_takes_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_segment segment;
		struct vr_buffer buffer = rig_buffer(&segment, 1, 0, 8, 0, 1);
		struct rig_image image;
		struct vr_used used;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, &shape);
		rig_send(&b.rig, 1, 0, 8, 1);
		CHECK_EQ(vr_driver_add(b.rig.driver, &buffer, 1), 1);
		vr_driver_stop(b.rig.driver);
		rig_image_take(&image, &b.rig);
		CHECK_EQ(vr_driver_add(b.rig.driver, &buffer, 1), VR_E_STATE);
		CHECK_EQ(vr_driver_publish(b.rig.driver), VR_E_STATE);
		CHECK_EQ(vr_driver_publish_and_verdict(b.rig.driver), VR_E_STATE);
		CHECK(vr_driver_get(b.rig.driver, &used, 1) < 0);
		rig_image_same(&image, &b.rig);
		bench_close(&b);
	}
}

/* Published, staged, used but not fetched: all come back, each once, in the order of the adds. */
static void reclaim_gives_each_buffer_once(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features,
						 .size = 16,
						 .driver_flags = VR_DRIVER_KEEP_SEGMENTS };
		bool seen[6] = { false };
		struct vr_segment segments[2];
		struct vr_buffer buffer;
		struct vr_used used[4];
		struct bench b;
		int total = 0;
		int n;

		context("%s", form->name);
		bench_open(&b, &shape);
		traffic(&b, 3, 5);
		for (unsigned int i = 0; i < 4; i++)
			rig_send(&b.rig, 1, 1, 8, i);
		b.chain[0] = peer_device_take_one(&b.peer);
		peer_device_use(&b.peer, &b.chain[0], 8);
		buffer = rig_buffer(segments, 1, 1, 8, 0, 4);
		CHECK_EQ(vr_driver_add(b.rig.driver, &buffer, 1), 1);
		buffer.token = 5;
		CHECK_EQ(vr_driver_add(b.rig.driver, &buffer, 1), 1);
		vr_driver_stop(b.rig.driver);
		CHECK_EQ(vr_driver_reset(b.rig.driver), VR_E_BUSY);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 0), 0);
		while ((n = vr_driver_reclaim(b.rig.driver, used, 4)) > 0) {
			for (int i = 0; i < n; i++, total++) {
				struct vr_segment back[4];

				CHECK(used[i].token < 6);
				CHECK(!seen[used[i].token]);
				seen[used[i].token] = true;
				CHECK_EQ(used[i].len, 0);
				if (is_in_order(form->features))
					CHECK_EQ(used[i].token, total);
				CHECK_EQ(used[i].segments, 2);
				CHECK_EQ(vr_driver_used_segments(b.rig.driver, &used[i], back, 4),
					 2);
				CHECK(back[1].addr == RIG_IN);
			}
		}
		CHECK_EQ(n, 0);
		CHECK_EQ(total, 6);
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), 0);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 4), 0);
		CHECK_EQ(vr_driver_reset(b.rig.driver), 0);
		CHECK_EQ(vr_driver_free(b.rig.driver), 16);
		bench_close(&b);
	}
}

/* After any amount of traffic a reset queue behaves like a fresh one. */
static void a_reset_starts_from_the_beginning(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int laps = 0; laps < 7; laps++) {
			const struct rig_shape shape = {
				.features = form->features | VR_F_EVENT_IDX, .size = 8
			};
			struct vr_driver_stats stats;
			struct vr_used used[8];
			struct bench b;

			context("%s, %u laps before", form->name, laps);
			bench_open(&b, &shape);
			traffic(&b, laps, 3);
			rig_send(&b.rig, 1, 1, 8, 5);
			vr_driver_disarm(b.rig.driver, NULL);
			vr_driver_stop(b.rig.driver);
			CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 8), 1);
			memset(b.rig.device_area.driver, 0xff, b.rig.device_area.bytes);
			CHECK_EQ(vr_driver_reset(b.rig.driver), 0);
			for (size_t i = 0; i < b.rig.device_area.bytes; i++)
				CHECK_EQ(b.rig.device_area.driver[i], 0);
			CHECK_EQ(vr_driver_base(b.rig.driver),
				 is_packed(form->features) ? 0x80008000LL : 0);
			vr_driver_stats(b.rig.driver, &stats);
			CHECK_EQ(stats.used, 3 * laps);
			bench_restart(&b, 8);
			traffic(&b, 5, 4);
			bench_close(&b);
		}
	}
}

/* A reset in the middle of a partly handed-out batch must not leave anything of it. */
static void a_reset_forgets_a_batch(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };
		struct vr_used used[8];
		struct bench b;

		context("%s", form_name(layouts[l]));
		bench_open(&b, &shape);
		traffic(&b, 1, 3);
		for (unsigned int i = 0; i < 5; i++)
			rig_send(&b.rig, 0, 1, 8, i);
		for (unsigned int i = 0; i < 5; i++)
			b.chain[i] = peer_device_take_one(&b.peer);
		peer_device_use_run(&b.peer, b.chain, 4, 8);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 2), 2);
		vr_driver_stop(b.rig.driver);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 8), 3);
		CHECK_EQ(vr_driver_reset(b.rig.driver), 0);
		CHECK(!vr_driver_pending(b.rig.driver));
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 8), 0);
		bench_restart(&b, 8);
		traffic(&b, 5, 4);
		bench_close(&b);
	}
}

static void a_resize_changes_the_memory_and_the_size(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | VR_F_INDIRECT_DESC,
						 .size = 4,
						 .max_size = 16,
						 .entries = 3 };
		static const uint32_t sizes[] = { 16, 8, 2, 1, 4, 16 };
		struct vr_ring ring;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, &shape);
		traffic(&b, 5, 2);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			step("size %u", sizes[i]);
			vr_driver_stop(b.rig.driver);
			memset(b.rig.descriptors.driver, 0xff, b.rig.descriptors.bytes);
			memset(b.rig.driver_area.driver, 0xff, b.rig.driver_area.bytes);
			memset(b.rig.device_area.driver, 0xff, b.rig.device_area.bytes);
			ring = rig_driver_ring(&b.rig);
			CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, sizes[i]), 0);
			CHECK_EQ(vr_driver_free(b.rig.driver), sizes[i]);
			bench_restart(&b, sizes[i]);
			traffic(&b, 7, sizes[i] > 8 ? 8 : sizes[i]);
		}
		bench_close(&b);
	}
}

static void a_bad_resize_changes_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features,
						 .size = 4,
						 .max_size = 8 };
		struct vr_used used[4];
		struct vr_ring ring;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, &shape);
		traffic(&b, 3, 3);
		rig_send(&b.rig, 1, 0, 8, 1);
		vr_driver_stop(b.rig.driver);
		ring = rig_driver_ring(&b.rig);
		CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, 8), VR_E_BUSY);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, 4), 1);
		CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, 0), VR_E_INVAL);
		CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, 16), VR_E_INVAL);
		if (!is_packed(form->features))
			CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, 3), VR_E_INVAL);
		ring.descriptors.host = (uint8_t *)ring.descriptors.host + 8;
		CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, 4), VR_E_INVAL);
		ring = rig_driver_ring(&b.rig);
		ring.device.host = NULL;
		CHECK_EQ(vr_driver_resize(b.rig.driver, &ring, 4), VR_E_INVAL);
		CHECK_EQ(vr_driver_free(b.rig.driver), 4);
		CHECK_EQ(vr_driver_reset(b.rig.driver), 0);
		bench_restart(&b, 4);
		traffic(&b, 3, 3);
		bench_close(&b);
	}
}

/* An honest device that goes on at @index (split) or @slot, @wrap (packed). */
static void peer_continue_at(struct peer_device *peer, uint32_t at, bool wrap)
{
	peer->avail = at;
	peer->used = at;
	peer->avail_wrap = wrap;
	peer->used_wrap = wrap;
}

static void attaching_does_not_clear_and_starts_at_the_base(void **state)
{
	static const uint32_t starts[] = { 0, 3, 8, 0x7fff, 0x8005, 0xffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		const struct rig_shape shape = { .features = SPLIT,
						 .size = 8,
						 .driver_flags = VR_DRIVER_ATTACH,
						 .base = starts[i] };
		struct bench b;

		context("index %u", starts[i]);
		rig_open(&b.rig, &shape);
		put_le16(at_avail_idx(&b.rig.raw), (uint16_t)starts[i]);
		put_le16(at_used_idx(&b.rig.raw), (uint16_t)starts[i]);
		put_used_slot(&b.rig.raw, 7, 0x1234, 99);
		rig_start_driver(&b.rig);
		CHECK_EQ(le32(at_used_slot(&b.rig.raw, 7)), 0x1234);
		CHECK_EQ(vr_driver_base(b.rig.driver), starts[i]);
		peer_device_open(&b.peer, &b.rig);
		peer_continue_at(&b.peer, starts[i], false);
		traffic(&b, 5, 4);
		CHECK_EQ(vr_driver_base(b.rig.driver), (starts[i] + 20) & 0xffff);
		bench_close(&b);
	}
}

static void attaching_to_a_packed_ring(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (uint32_t at = 0; at < 2 * 2 * 5; at++) {
		uint32_t slot = at / 4;
		bool wrap = at / 2 % 2;
		const struct rig_shape shape = { .features = layouts[at % 2],
						 .size = 5,
						 .driver_flags = VR_DRIVER_ATTACH,
						 .base = (slot | (uint32_t)wrap << 15) * 0x10001u };
		struct bench b;

		context("slot %u wrap %d", slot, wrap);
		rig_open(&b.rig, &shape);
		/* As the laps before left it: slots before this one used in this lap. */
		for (uint32_t i = 0; i < 5; i++)
			put_packed_desc(b.rig.raw.descriptors, i,
					(struct raw_desc){ .flags = (i < slot) == wrap ? 0x8080 :
											 0 });
		rig_start_driver(&b.rig);
		CHECK(!vr_driver_pending(b.rig.driver));
		CHECK_EQ(vr_driver_base(b.rig.driver), shape.base);
		peer_device_open(&b.peer, &b.rig);
		peer_continue_at(&b.peer, slot, wrap);
		traffic(&b, 5, 2);
		bench_close(&b);
	}
}

static void an_impossible_base_is_refused(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t base;
	} rows[] = {
		{ SPLIT, 0x10000 },
		{ SPLIT, 0xffffffff },
		{ PACKED, 0x80058005 }, /* slot 5 of 5 */
		{ PACKED, 0x7fff7fff },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rig_shape shape = { .features = rows[i].features,
						 .size = is_packed(rows[i].features) ? 5 : 4,
						 .driver_flags = VR_DRIVER_ATTACH,
						 .base = rows[i].base };
		struct vr_driver_config config;
		struct rig rig;

		context("row %zu", i);
		rig_open(&rig, &shape);
		config = rig_driver_config(&rig);
		CHECK_EQ(rig_init_driver(&rig, &config), VR_E_INVAL);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_live_queue_gives_nothing_back),
		cmocka_unit_test(a_stopped_queue_takes_nothing),
		cmocka_unit_test(reclaim_gives_each_buffer_once),
		cmocka_unit_test(a_reset_starts_from_the_beginning),
		cmocka_unit_test(a_reset_forgets_a_batch),
		cmocka_unit_test(a_resize_changes_the_memory_and_the_size),
		cmocka_unit_test(a_bad_resize_changes_nothing),
		cmocka_unit_test(attaching_does_not_clear_and_starts_at_the_base),
		cmocka_unit_test(attaching_to_a_packed_ring),
		cmocka_unit_test(an_impossible_base_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
