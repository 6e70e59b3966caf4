// SPDX-License-Identifier: BSD-3-Clause
/* vr_driver_get(): order, tokens, lengths, batches and the rest of a batch. */
#include "peer_device.h"

/* A driver of @size slots against the honest device, with @count buffers taken. */
struct bench {
	struct rig rig;
	struct peer_device peer;
	struct peer_chain chain[16];
};

static void bench_open(struct bench *b, uint64_t features, uint32_t size, uint32_t flags)
{
	const struct rig_shape shape = { .features = features,
					 .size = size,
					 .driver_flags = flags };

	rig_open(&b->rig, &shape);
	rig_start_driver(&b->rig);
	peer_device_open(&b->peer, &b->rig);
}

static void bench_close(struct bench *b)
{
	peer_device_close(&b->peer);
	rig_close(&b->rig);
}

/* Sends @count buffers of one readable (16 bytes) and one writable segment; tokens 100, 101, … */
static void send_and_take(struct bench *b, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		rig_send(&b->rig, 1, 1, 16, 100 + i);
	for (unsigned int i = 0; i < count; i++)
		b->chain[i] = peer_device_take_one(&b->peer);
}

static void a_burst_takes_what_is_there(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_used used[4];
		struct rig_image image;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 16, 0);
		send_and_take(&b, 5);
		CHECK(!vr_driver_pending(b.rig.driver));
		for (unsigned int i = 0; i < 5; i++)
			peer_device_use(&b.peer, &b.chain[i], i);
		rig_image_take(&image, &b.rig);
		CHECK(vr_driver_pending(b.rig.driver));
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 0), 0);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 2), 2);
		CHECK(used[0].token == 100 && used[1].token == 101);
		CHECK(used[0].context == ~100ull);
		CHECK_EQ(used[1].len, 1);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 3);
		CHECK(used[2].token == 104);
		CHECK_EQ(used[2].len, 4);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 0);
		CHECK(!vr_driver_pending(b.rig.driver));
		CHECK_EQ(vr_driver_free(b.rig.driver), 16);
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), 0);
		rig_image_same(&image, &b.rig);
		bench_close(&b);
	}
}

static void buffers_come_back_in_the_order_of_their_use(void **state)
{
	static const unsigned int order[] = { 3, 0, 4, 1, 2 };
	static const uint64_t layouts[] = { SPLIT, PACKED };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_used used[5];
		struct bench b;

		context("%s", form_name(layouts[l]));
		bench_open(&b, layouts[l], 16, 0);
		for (unsigned int lap = 0; lap < 9; lap++) {
			send_and_take(&b, 5);
			for (unsigned int i = 0; i < 5; i++)
				peer_device_use(&b.peer, &b.chain[order[i]], 1 + i);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 5), 5);
			for (unsigned int i = 0; i < 5; i++) {
				CHECK(used[i].token == 100 + order[i]);
				CHECK_EQ(used[i].len, 1 + i);
			}
		}
		CHECK_EQ(vr_driver_free(b.rig.driver), 16);
		bench_close(&b);
	}
}

/* A run of four retired by one entry, fetched in pieces of every size. */
static void a_batch_is_handed_out_in_pieces(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		for (unsigned int piece = 1; piece <= 5; piece++) {
			struct vr_driver_stats stats;
			struct vr_used used[5];
			unsigned int got = 0;
			struct bench b;

			context("%s, pieces of %u", form_name(layouts[l]), piece);
			bench_open(&b, layouts[l], 16, 0);
			send_and_take(&b, 5);
			peer_device_use_run(&b.peer, b.chain, 4, 7);
			while (got < 4) {
				int n = vr_driver_get(b.rig.driver, used, piece);

				step("after %u", got);
				CHECK(n > 0 && (unsigned int)n <= piece);
				for (int i = 0; i < n; i++, got++) {
					CHECK(used[i].token == 100 + got);
					CHECK_EQ(used[i].len, got == 3 ? 7 : 16);
				}
				CHECK_EQ(vr_driver_pending(b.rig.driver), got < 4);
				CHECK_EQ(vr_driver_outstanding(b.rig.driver), 5 - got);
			}
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 5), 0);
			vr_driver_stats(b.rig.driver, &stats);
			CHECK_EQ(stats.batched, 3);
			CHECK_EQ(stats.used, 4);
			bench_close(&b);
		}
	}
}

static void several_batches_make_one_burst(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_used used[8];
		struct bench b;

		context("%s", form_name(layouts[l]));
		bench_open(&b, layouts[l], 16, 0);
		for (unsigned int lap = 0; lap < 5; lap++) {
			send_and_take(&b, 7);
			peer_device_use_run(&b.peer, b.chain, 3, 16);
			peer_device_use_run(&b.peer, b.chain + 3, 1, 2);
			peer_device_use_run(&b.peer, b.chain + 4, 3, 1);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 8), 7);
			for (unsigned int i = 0; i < 7; i++) {
				step("lap %u buffer %u", lap, i);
				CHECK(used[i].token == 100 + i);
				CHECK_EQ(used[i].len, i == 3 ? 2 : i == 6 ? 1 : 16);
			}
		}
		bench_close(&b);
	}
}

/* Exactly the whole ring retired by one entry, at every starting slot. */
static void a_batch_of_all_n(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };
	static const uint32_t sizes[] = { 1, 2, 4, 8, 3, 5 };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		uint64_t features = layouts[i % 2];
		uint32_t size = sizes[i / 2];
		struct vr_used used[8];
		struct bench b;

		context("%s, size %u", form_name(features), size);
		if (!is_packed(features) && (size & (size - 1)))
			continue;
		bench_open(&b, features, size, 0);
		for (uint32_t lap = 0; lap < 3 * size; lap++) {
			for (uint32_t n = 0; n < size; n++)
				rig_send(&b.rig, 0, 1, 16, n);
			for (uint32_t n = 0; n < size; n++)
				b.chain[n] = peer_device_take_one(&b.peer);
			peer_device_use_run(&b.peer, b.chain, size, 3);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 8), size);
			CHECK_EQ(used[size - 1].len, 3);
			CHECK(used[size - 1].token == size - 1);
			/* One more moves the next lap's start. */
			rig_send(&b.rig, 1, 0, 16, 50);
			b.chain[0] = peer_device_take_one(&b.peer);
			peer_device_use(&b.peer, &b.chain[0], 0);
			CHECK_EQ(vr_driver_get(b.rig.driver, used, 8), 1);
		}
		bench_close(&b);
	}
}

static void a_length_above_the_capacity_is_cut_and_counted(void **state)
{
	static const uint32_t lens[] = { 17, 1514, 0x80000000u, 0xffffffffu };

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_driver_stats stats;
		struct vr_used used;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 16, 0);
		for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
			/* Buffers of one descriptor have a way of their own. */
			rig_send(&b.rig, i % 2, 1, 16, 100);
			b.chain[0] = peer_device_take_one(&b.peer);
			peer_device_use(&b.peer, &b.chain[0], lens[i]);
			CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
			CHECK_EQ(used.len, 16);
			vr_driver_stats(b.rig.driver, &stats);
			CHECK_EQ(stats.clamped, i + 1);
		}
		send_and_take(&b, 1);
		peer_device_use(&b.peer, &b.chain[0], 16);
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
		vr_driver_stats(b.rig.driver, &stats);
		CHECK_EQ(stats.clamped, ARRAY_SIZE(lens));
		bench_close(&b);
	}
}

static void strict_breaks_on_a_length_above_the_capacity(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_fault fault;
		struct vr_used used;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 16, VR_DRIVER_STRICT);
		send_and_take(&b, 2);
		peer_device_use(&b.peer, &b.chain[0], 16);
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
		peer_device_use(&b.peer, &b.chain[1], 17);
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), VR_E_BROKEN);
		fault = rig_driver_fault(&b.rig);
		CHECK_EQ(fault.reason, VR_FAULT_USED_LENGTH);
		CHECK_EQ(fault.value, 17);
		CHECK_EQ(fault.limit, 16);
		CHECK_EQ(vr_driver_outstanding(b.rig.driver), 1);
		bench_close(&b);
	}
}

/* A device that wrote nothing may leave any length behind (2.8.9). */
static void a_packed_length_counts_only_with_write(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct vr_driver_stats stats;
		struct raw_desc d;
		struct vr_used used;
		struct bench b;

		context("%s", form_name(layouts[i]));
		bench_open(&b, layouts[i], 16, VR_DRIVER_STRICT);
		send_and_take(&b, 1);
		d = (struct raw_desc){ .addr = 5, .len = 1514, .id = b.chain[0].id };
		d.flags = peer_device_used_flags(&b.peer, false);
		put_packed_desc(b.rig.raw.descriptors, 0, d);
		CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
		CHECK_EQ(used.len, 0);
		vr_driver_stats(b.rig.driver, &stats);
		CHECK_EQ(stats.clamped, 0);
		bench_close(&b);
	}
}

static void leftover_flags_of_a_used_descriptor_mean_nothing(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct vr_used used[2];
		struct raw_desc d;
		struct bench b;

		context("%s", form_name(layouts[i]));
		bench_open(&b, layouts[i], 16, 0);
		send_and_take(&b, 2);
		for (unsigned int n = 0; n < 2; n++) {
			peer_device_use(&b.peer, &b.chain[n], 4);
			d = packed_desc(b.rig.raw.descriptors, 2 * n);
			d.flags |= 0x7f7f & ~RAW_AVAIL;
			put_packed_desc(b.rig.raw.descriptors, 2 * n, d);
		}
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 2), 2);
		CHECK_EQ(used[0].len, 4);
		CHECK(used[1].token == 101);
		bench_close(&b);
	}
}

/* Chains that end nowhere, and ids that are not there, as a device might leave them. */
static void scribble(const struct raw *raw, bool packed)
{
	for (uint32_t i = 0; i < raw->size; i++) {
		struct raw_desc d = { .addr = 1, .len = 1, .flags = RAW_NEXT, .next = (uint16_t)i };

		if (!packed) {
			put_split_desc(raw->descriptors, i, d);
			continue;
		}
		d.flags |= packed_desc(raw->descriptors, i).flags & (RAW_AVAIL | RAW_USED);
		d.id = 0x7777;
		put_packed_desc(raw->descriptors, i, d);
	}
}

/* Nothing that the device writes into descriptors is ever used to free them. */
static void scribbled_descriptors_do_not_matter(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_used used[4];
		uint8_t table[16 * 8];
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 8, 0);
		for (unsigned int lap = 0; lap < 6; lap++) {
			send_and_take(&b, 4);
			memcpy(table, b.rig.descriptors.driver, sizeof(table));
			scribble(&b.rig.raw, is_packed(form->features));
			for (unsigned int i = 0; i < 4; i++) {
				peer_device_use(&b.peer, &b.chain[i], 16);
				CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 1);
				CHECK(used[0].token == 100 + i);
			}
			CHECK_EQ(vr_driver_free(b.rig.driver), 8);
			/* A split table is the driver's: it need not store again what is there. */
			if (!is_packed(form->features))
				memcpy(b.rig.descriptors.driver, table, sizeof(table));
		}
		bench_close(&b);
	}
}

/* The end of the last validated batch, not the hand-out cursor. */
static void the_base_counts_a_batch_that_is_partly_handed_out(void **state)
{
	struct vr_used used;
	struct bench b;

	(void)state;
	bench_open(&b, SPLIT_IN_ORDER, 16, 0);
	send_and_take(&b, 5);
	CHECK_EQ(vr_driver_base(b.rig.driver), 0);
	peer_device_use_run(&b.peer, b.chain, 4, 16);
	CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
	CHECK_EQ(vr_driver_base(b.rig.driver), 4);
	bench_close(&b);

	bench_open(&b, PACKED_IN_ORDER, 10, 0);
	CHECK_EQ(vr_driver_base(b.rig.driver), 0x80008000u);
	send_and_take(&b, 5);
	peer_device_use_run(&b.peer, b.chain, 4, 16);
	CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
	CHECK_EQ(vr_driver_base(b.rig.driver), 0x80088008u);
	CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
	peer_device_use(&b.peer, &b.chain[4], 16);
	while (vr_driver_get(b.rig.driver, &used, 1) > 0)
		;
	CHECK_EQ(vr_driver_base(b.rig.driver), 0);
	bench_close(&b);
}

static void the_counters_count(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_driver_stats stats;
		struct vr_used used[4];
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 16, 0);
		send_and_take(&b, 6);
		for (unsigned int i = 0; i < 3; i++)
			peer_device_use(&b.peer, &b.chain[i], 0);
		vr_driver_stats(b.rig.driver, &stats);
		CHECK_EQ(stats.added, 6);
		CHECK_EQ(stats.used, 0);
		CHECK_EQ(vr_driver_get(b.rig.driver, used, 4), 3);
		vr_driver_stats(b.rig.driver, &stats);
		CHECK_EQ(stats.added, 6);
		CHECK_EQ(stats.used, 3);
		CHECK_EQ(stats.batched, 0);
		CHECK_EQ(stats.clamped, 0);
		bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_takes_what_is_there),
		cmocka_unit_test(buffers_come_back_in_the_order_of_their_use),
		cmocka_unit_test(a_batch_is_handed_out_in_pieces),
		cmocka_unit_test(several_batches_make_one_burst),
		cmocka_unit_test(a_batch_of_all_n),
		cmocka_unit_test(a_length_above_the_capacity_is_cut_and_counted),
		cmocka_unit_test(strict_breaks_on_a_length_above_the_capacity),
		cmocka_unit_test(a_packed_length_counts_only_with_write),
		cmocka_unit_test(leftover_flags_of_a_used_descriptor_mean_nothing),
		cmocka_unit_test(scribbled_descriptors_do_not_matter),
		cmocka_unit_test(the_base_counts_a_batch_that_is_partly_handed_out),
		cmocka_unit_test(the_counters_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
