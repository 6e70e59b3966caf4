// SPDX-License-Identifier: BSD-3-Clause
/*
 * What hostile or buggy devices did to other drivers. Each test is named after what happened and
 * says where; bugs.tsv has the whole list. in_order_abuse.c has what in-order rings add.
 */
#include <unistd.h>

#include "bench.h"

#define SIZE 8u

/* The next used entry, as the device likes it. */
static void use_raw(struct driver_bench *b, uint32_t id, uint32_t len)
{
	const struct raw *raw = &b->rig.raw;

	if (is_packed(b->peer.features)) {
		put_packed_desc(
			raw->descriptors, b->peer.used,
			(struct raw_desc){ .id = (uint16_t)id,
					   .len = len,
					   .flags = peer_device_used_flags(&b->peer, true) });
		return;
	}
	put_used_slot(raw, b->peer.used, id, len);
	put_le16(at_used_idx(raw), (uint16_t)(b->peer.used + 1));
}

/*
 * B20, zephyr#113343, RT-Thread#11326, osv#1450, MigTD#986, #989, rcore virtio-drivers#245: an id that is out of
 * range, free, or in the middle of a chain led to a wild pointer, a panic or a second release.
 */
static void any_id_at_all(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = SIZE };

		for (uint32_t id = 0; id < 0x10000; id = id < 3 * SIZE ? id + 1 : id * 2 + 1) {
			struct peer_chain chain;
			struct vr_used used[SIZE];
			struct driver_bench b;

			context("%s, id %u", form->name, id);
			driver_bench_open(&b, &shape);
			rig_send(&b.rig, 1, 1, 8, 1);
			chain = peer_device_take_one(&b.peer);
			use_raw(&b, id, 8);
			if (id == chain.id) {
				CHECK_EQ(vr_driver_get(b.rig.driver, used, SIZE), 1);
				CHECK_EQ(used[0].token, 1);
			} else {
				CHECK_EQ(vr_driver_get(b.rig.driver, used, SIZE), VR_E_BROKEN);
				CHECK_EQ(rig_driver_fault(&b.rig).reason,
					 id < SIZE ? VR_FAULT_USED_ID_FREE :
						     VR_FAULT_USED_ID_RANGE);
				vr_driver_stop(b.rig.driver);
				CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, SIZE), 1);
				CHECK_EQ(used[0].token, 1);
			}
			driver_bench_close(&b);
		}
	}
}

/* B20, MigTD#989: the same buffer used twice; the second time it was somebody else's. */
static void the_same_id_twice(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = SIZE };
		struct peer_chain chain[2];
		struct vr_used used[SIZE];
		struct driver_bench b;

		context("%s", form->name);
		driver_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 2; i++) {
			rig_send(&b.rig, 1, 0, 8, i);
			chain[i] = peer_device_take_one(&b.peer);
		}
		peer_device_use(&b.peer, &chain[0], 0);
		use_raw(&b, chain[0].id, 0);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, SIZE), 1);
		CHECK_EQ(used[0].token, 0);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, SIZE), VR_E_BROKEN);
		CHECK_EQ(rig_driver_fault(&b.rig).reason, VR_FAULT_USED_ID_FREE);
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), 1);
		driver_bench_close(&b);
	}
}

/* B20, rcore virtio-drivers#245: a length beyond the buffer made the driver panic. */
static void a_length_beyond_the_buffer(void **state)
{
	static const uint32_t lens[] = { 9, 4096, 0x7fffffff, 0x80000000u, 0xffffffffu };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lens) * FORM_COUNT; i++) {
		const struct form *form = &forms[i % FORM_COUNT];
		const struct rig_shape shape = { .features = form->features, .size = SIZE };
		struct vr_driver_stats stats;
		struct vr_used used;
		struct driver_bench b;

		context("%s, %u bytes", form->name, lens[i / FORM_COUNT]);
		driver_bench_open(&b, &shape);
		rig_send(&b.rig, 1, 1, 8, 1);
		use_raw(&b, peer_device_take_one(&b.peer).id, lens[i / FORM_COUNT]);
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
		CHECK_EQ(used.len, 8);
		vr_driver_stats(b.rig.driver, &stats);
		CHECK_EQ(stats.clamped, 1);
		driver_bench_close(&b);
	}
}

/* B21, DPDK 5c75a8efcd, e788032aac: one used entry for a batch was not understood, in any length. */
static void one_entry_for_a_batch(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (unsigned int i = 0; i < 2 * SIZE; i++) {
		const struct rig_shape shape = { .features = layouts[i % 2], .size = SIZE };
		const unsigned int batch = 1 + i / 2;
		struct peer_chain chain[SIZE];
		struct vr_used used[SIZE];
		struct driver_bench b;

		context("%s, %u buffers", form_name(shape.features), batch);
		driver_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 20; lap++) {
			for (unsigned int n = 0; n < batch; n++) {
				rig_send(&b.rig, 0, 1, 8, 10 * lap + n);
				chain[n] = peer_device_take_one(&b.peer);
			}
			peer_device_use_run(&b.peer, chain, batch, 5);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, SIZE), batch);
			for (unsigned int n = 0; n < batch; n++) {
				CHECK_EQ(used[n].token, 10 * lap + n);
				CHECK_EQ(used[n].len, n + 1 == batch ? 5 : 8);
			}
			CHECK_EQ(vr_driver_free(b.rig.driver), SIZE);
		}
		driver_bench_close(&b);
	}
}

/*
 * B21, DPDK f923636411: NEXT was missing between the descriptors of a list. B22, kvm-host#50: the id
 * must be in the last one. The peer fails the test otherwise; here the bytes are looked at.
 */
static void lists_are_linked(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = SIZE };
		uint32_t slot = 0;
		struct driver_bench b;

		context("%s", form_name(layouts[l]));
		driver_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 30; i++) {
			const unsigned int count = 1 + i % 4;
			struct peer_chain chain;
			struct vr_used used;

			rig_send(&b.rig, count, 0, 8, i);
			for (unsigned int n = 0; n < count; n++)
				CHECK_EQ(
					packed_desc(b.rig.raw.descriptors, (slot + n) % SIZE).flags &
						RAW_NEXT,
					n + 1 < count ? RAW_NEXT : 0);
			chain = peer_device_take_one(&b.peer);
			CHECK_EQ(chain.id,
				 packed_desc(b.rig.raw.descriptors, (slot + count - 1) % SIZE).id);
			slot = (slot + count) % SIZE;
			peer_device_use(&b.peer, &chain, 0);
			CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
		}
		driver_bench_close(&b);
	}
}

/* B22, hermit#1274: the wrong bits of the event flags were written. */
static void event_flags(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const bool event_idx = i / 2;
		const struct rig_shape shape = {
			.features = layouts[i % 2] | (event_idx ? VR_F_EVENT_IDX : 0),
			.size = SIZE,
		};
		struct driver_bench b;

		context("%s", form_name(shape.features));
		driver_bench_open(&b, &shape);
		CHECK_EQ(le16(at_event_flags(b.rig.raw.driver)), RAW_EVENT_ENABLE);
		vr_driver_disarm(b.rig.driver, NULL);
		CHECK_EQ(le16(at_event_flags(b.rig.raw.driver)), RAW_EVENT_DISABLE);
		vr_driver_arm(b.rig.driver, NULL);
		CHECK_EQ(le16(at_event_flags(b.rig.raw.driver)),
			 event_idx ? RAW_EVENT_DESC : RAW_EVENT_ENABLE);
		if (event_idx)
			CHECK_EQ(le16(at_off_wrap(b.rig.raw.driver)), 0x8000);
		driver_bench_close(&b);
	}
}

/* B25: `>=` where only arithmetic modulo 2^16 is right; wrong once the index has wrapped. */
static void events_beyond_the_wrap(void **state)
{
	const struct rig_shape shape = { .features = SPLIT | VR_F_EVENT_IDX, .size = SIZE };
	struct driver_bench b;

	(void)state;
	driver_bench_open(&b, &shape);
	for (uint32_t i = 0; i < 0x20010; i++) {
		const bool asked = i % 5 == 0;

		/* Of the buffer that comes, or of one that came long ago, or comes much later. */
		put_le16(at_avail_event(&b.rig.raw),
			 (uint16_t)(asked ? i : i + (i % 2 ? 1 : 0xfff0)));
		step("buffer %u", i);
		rig_send(&b.rig, 1, 0, 8, i);
		CHECK_EQ(vr_driver_must_notify(b.rig.driver), asked);
		driver_bench_turn(&b, 0);
	}
	driver_bench_close(&b);
}

/*
 * B37, DPDK's virtio-user: a torn or impossible used index. Both bytes of the index are written one
 * after the other; what a reader sees between them is a jump that cannot be.
 */
static void a_torn_index(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		const struct rig_shape shape = { .features = layouts[i % 2], .size = SIZE };
		struct vr_used used[SIZE];
		struct driver_bench b;

		context("%s, byte %u first", form_name(shape.features), i / 2);
		driver_bench_open(&b, &shape);
		for (unsigned int n = 0; n < 0xff; n++) {
			rig_send(&b.rig, 1, 0, 8, n);
			driver_bench_turn(&b, 0);
		}
		/* From 0x00ff to 0x0100, in two steps. */
		rig_send(&b.rig, 1, 0, 8, 7);
		put_used_slot(&b.rig.raw, b.peer.used, peer_device_take_one(&b.peer).id, 0);
		at_used_idx(&b.rig.raw)[i / 2] = i / 2 ? 1 : 0;
		CHECK_EQ(vr_driver_get(b.rig.driver, used, SIZE), VR_E_BROKEN);
		CHECK_EQ(rig_driver_fault(&b.rig).reason, VR_FAULT_USED_INDEX);
		at_used_idx(&b.rig.raw)[1 - i / 2] = i / 2 ? 0 : 1;
		CHECK_EQ(vr_driver_get(b.rig.driver, used, SIZE), VR_E_BROKEN);
		vr_driver_stop(b.rig.driver);
		CHECK_EQ(vr_driver_reclaim(b.rig.driver, used, SIZE), 1);
		CHECK_EQ(used[0].token, 7);
		driver_bench_close(&b);
	}
}

/* B37, DPDK: its packed in-order clean-up goes on "until the id matches". */
static void an_id_that_never_matches(void **state)
{
	const struct rig_shape shape = { .features = PACKED_IN_ORDER, .size = SIZE };
	struct vr_used used[SIZE];
	struct driver_bench b;

	(void)state;
	for (uint32_t id = 0; id < 0x10000; id += id < SIZE ? 1 : 1021) {
		bool right = false;
		int got;

		context("id %u", id);
		driver_bench_open(&b, &shape);
		for (unsigned int n = 0; n < 5; n++) {
			rig_send(&b.rig, 1, 0, 8, n);
			right |= peer_device_take_one(&b.peer).id == id;
		}
		use_raw(&b, id, 0);
		got = vr_driver_get(b.rig.driver, used, SIZE);
		CHECK(right ? got > 0 : got == VR_E_BROKEN);
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), right ? 5 - got : 5);
		driver_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_id_at_all),
		cmocka_unit_test(the_same_id_twice),
		cmocka_unit_test(a_length_beyond_the_buffer),
		cmocka_unit_test(one_entry_for_a_batch),
		cmocka_unit_test(lists_are_linked),
		cmocka_unit_test(event_flags),
		cmocka_unit_test(events_beyond_the_wrap),
		cmocka_unit_test(a_torn_index),
		cmocka_unit_test(an_id_that_never_matches),
	};

	alarm(60); /* an endless walk fails, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
