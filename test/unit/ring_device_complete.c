// SPDX-License-Identifier: BSD-3-Clause
/* Completing, putting back and publishing: order, handles, staged counts, stored ranges. */
#include "peer_driver.h"

#define COUNT 6

/* COUNT buffers of one writable byte-counted element are available and popped. */
struct bench {
	struct rig rig;
	struct peer_driver peer;
	struct vr_iovec segment[4 * COUNT];
	struct vr_chain chain[COUNT];
	uint16_t id[COUNT];
};

static const struct peer_element element[] = { { RIG_OUT, 4, false }, { RIG_IN, 100, true } };

static void open_shape(struct bench *b, uint64_t features, uint32_t size, uint32_t flags)
{
	const struct rig_shape shape = { .features = features,
					 .size = size,
					 .device_flags = flags };

	rig_open(&b->rig, &shape);
	rig_start_device(&b->rig);
	peer_driver_open(&b->peer, &b->rig, NULL);
}

static void pop_all(struct bench *b)
{
	for (unsigned int i = 0; i < COUNT; i++)
		b->id[i] = peer_driver_send(&b->peer, element + 1, 1);
	CHECK_EQ(vr_device_pop(b->rig.device, b->chain, COUNT, b->segment, 4 * COUNT), COUNT);
}

static void bench_open(struct bench *b, uint64_t features)
{
	open_shape(b, features, 16, 0);
	pop_all(b);
}

static void bench_close(struct bench *b)
{
	peer_driver_close(&b->peer);
	rig_close(&b->rig);
}

static int complete(struct bench *b, unsigned int i, uint32_t len)
{
	return vr_device_complete(b->rig.device, b->chain[i].handle, len);
}

/* The driver sees exactly buffer @i with @len next. */
static void expect_used(struct bench *b, unsigned int i, uint32_t len)
{
	uint32_t got;
	uint16_t id;

	step("buffer %u", i);
	CHECK(peer_driver_get(&b->peer, &id, &got));
	CHECK_EQ(id, b->id[i]);
	CHECK_EQ(got, len);
}

static void expect_nothing_used(struct bench *b)
{
	uint32_t len;
	uint16_t id;

	CHECK(!peer_driver_get(&b->peer, &id, &len));
}

/* Every order of completing: all permutations of four, the rest behind them. */
static void any_order_of_completion(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int code = 0; code < 4 * 4 * 4 * 4; code++) {
			unsigned int order[4] = { code % 4, code / 4 % 4, code / 16 % 4,
						  code / 64 };
			unsigned int seen = 0;
			struct bench b;

			for (unsigned int i = 0; i < 4; i++)
				seen |= 1u << order[i];
			if (seen != 15)
				continue;
			context("%s, order %u%u%u%u", form->name, order[0], order[1], order[2],
				order[3]);
			bench_open(&b, form->features);
			for (unsigned int i = 0; i < 4; i++) {
				CHECK_EQ(complete(&b, order[i], 10 * order[i]), 0);
				CHECK(vr_device_publish(b.rig.device, NULL) >= 0);
				CHECK_EQ(complete(&b, order[i], 0), VR_E_STALE);
			}
			CHECK_EQ(vr_device_in_flight(b.rig.device), 2);
			for (unsigned int i = 0; i < 4; i++) {
				unsigned int n = is_in_order(form->features) ? i : order[i];

				expect_used(&b, n, 10 * n);
			}
			expect_nothing_used(&b);
			bench_close(&b);
		}
	}
}

static void what_is_completed_too_early_is_parked(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct bench b;

		context("%s", form_name(layouts[l]));
		bench_open(&b, layouts[l]);
		CHECK_EQ(complete(&b, 2, 100), 0);
		CHECK_EQ(complete(&b, 1, 7), 0);
		CHECK_EQ(vr_device_staged(b.rig.device), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 0);
		CHECK_EQ(vr_device_in_flight(b.rig.device), COUNT);
		expect_nothing_used(&b);
		CHECK_EQ(complete(&b, 0, 0), 0);
		CHECK_EQ(vr_device_staged(b.rig.device), 3);
		expect_nothing_used(&b);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
		CHECK_EQ(vr_device_in_flight(b.rig.device), COUNT - 3);
		expect_used(&b, 0, 0);
		expect_used(&b, 1, 7);
		expect_used(&b, 2, 100);
		bench_close(&b);
	}
}

static void a_length_above_the_capacity_is_refused(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features);
		CHECK_EQ(complete(&b, 0, 101), VR_E_INVAL);
		CHECK_EQ(complete(&b, 0, 0xffffffff), VR_E_INVAL);
		CHECK_EQ(vr_device_staged(b.rig.device), 0);
		CHECK_EQ(complete(&b, 0, 100), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
		expect_used(&b, 0, 100);
		bench_close(&b);
	}
}

static void stale_handles_change_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		uint64_t old[3];
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features);
		CHECK_EQ(complete(&b, 0, 1), 0);
		CHECK_EQ(complete(&b, 0, 1), VR_E_STALE);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
		CHECK_EQ(complete(&b, 0, 1), VR_E_STALE);
		CHECK_EQ(vr_device_complete(b.rig.device, 0, 0), VR_E_STALE);
		CHECK_EQ(vr_device_complete(b.rig.device, ~0ull, 0), VR_E_STALE);
		CHECK_EQ(vr_device_complete(b.rig.device, b.chain[1].handle ^ 1ull << 40, 0),
			 VR_E_STALE);
		old[0] = b.chain[0].handle;
		old[1] = b.chain[5].handle;
		CHECK_EQ(vr_device_unpop(b.rig.device, old[1]), 0);
		CHECK_EQ(vr_device_complete(b.rig.device, old[1], 0), VR_E_STALE);
		CHECK_EQ(vr_device_pop(b.rig.device, &b.chain[5], 1, b.segment, 4), 1);
		CHECK(b.chain[5].handle != old[1]);
		CHECK_EQ(vr_device_complete(b.rig.device, old[1], 0), VR_E_STALE);
		/* The same slot again, a lap later. */
		expect_used(&b, 0, 1);
		for (unsigned int i = 0; i < 40; i++) {
			struct vr_chain chain;

			b.id[0] = peer_driver_send(&b.peer, element + 1, 1);
			chain = rig_pop(&b.rig, b.segment, 4);
			CHECK(chain.handle != old[0]);
			CHECK_EQ(vr_device_complete(b.rig.device, old[0], 0), VR_E_STALE);
			CHECK_EQ(vr_device_unpop(b.rig.device, chain.handle), 0);
			chain = rig_pop(&b.rig, b.segment, 4);
			if (i < 8)
				continue;
			CHECK_EQ(vr_device_unpop(b.rig.device, chain.handle), 0);
			break;
		}
		old[2] = b.chain[2].handle;
		vr_device_reset(b.rig.device);
		CHECK_EQ(vr_device_complete(b.rig.device, old[2], 0), VR_E_STALE);
		CHECK_EQ(vr_device_unpop(b.rig.device, old[2]), VR_E_STALE);
		bench_close(&b);
	}
}

static void only_the_newest_run_can_be_put_back(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_device_stats stats;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features);
		CHECK_EQ(vr_device_unpop(b.rig.device, b.chain[4].handle), VR_E_STALE);
		CHECK_EQ(vr_device_unpop(b.rig.device, b.chain[0].handle), VR_E_STALE);
		CHECK_EQ(vr_device_unpop(b.rig.device, b.chain[5].handle), 0);
		CHECK_EQ(vr_device_unpop(b.rig.device, b.chain[5].handle), VR_E_STALE);
		CHECK_EQ(vr_device_unpop(b.rig.device, b.chain[4].handle), 0);
		CHECK_EQ(complete(&b, 3, 100), 0);
		CHECK_EQ(vr_device_unpop(b.rig.device, b.chain[3].handle), VR_E_STALE);
		CHECK_EQ(vr_device_unpop(b.rig.device, b.chain[2].handle), VR_E_STALE);
		CHECK_EQ(vr_device_in_flight(b.rig.device), 4);
		vr_device_stats(b.rig.device, &stats);
		CHECK_EQ(stats.popped, 4);
		/* The two come again, in their order. */
		CHECK(vr_device_pending(b.rig.device));
		CHECK_EQ(vr_device_pop(b.rig.device, b.chain + 4, 2, b.segment, 8), 2);
		CHECK_EQ(b.chain[4].id, b.id[4]);
		CHECK_EQ(b.chain[5].id, b.id[5]);
		for (unsigned int i = 0; i < COUNT; i++)
			if (i != 3)
				CHECK_EQ(complete(&b, i, 100), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), COUNT);
		if (!is_in_order(form->features))
			expect_used(&b, 3, 100);
		for (unsigned int i = 0; i < COUNT; i++)
			if (i != 3 || is_in_order(form->features))
				expect_used(&b, i, 100);
		bench_close(&b);
	}
}

/* A chain of several descriptors goes back whole, over the end of the ring too (B05). */
static void a_long_chain_is_put_back_whole(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		uint32_t size = is_packed(form->features) ? 5 : 8;
		struct bench b;

		open_shape(&b, form->features, size, 0);
		for (unsigned int lap = 0; lap < 4 * size; lap++) {
			uint16_t id = peer_driver_send(&b.peer, element, 2);
			uint16_t next = peer_driver_send(&b.peer, element, 2);
			struct vr_chain one;
			struct vr_chain two;
			uint32_t len;

			context("%s, lap %u", form->name, lap);
			one = rig_pop(&b.rig, b.segment, 8);
			two = rig_pop(&b.rig, b.segment, 8);
			CHECK_EQ(vr_device_unpop(b.rig.device, two.handle), 0);
			CHECK_EQ(vr_device_unpop(b.rig.device, one.handle), 0);
			CHECK_EQ(vr_device_in_flight(b.rig.device), 0);
			one = rig_pop(&b.rig, b.segment, 8);
			two = rig_pop(&b.rig, b.segment, 8);
			CHECK_EQ(one.id, id);
			CHECK_EQ(two.id, next);
			CHECK_EQ(one.descriptors, 2);
			rig_use(&b.rig, &one, 100);
			rig_use(&b.rig, &two, 100);
			CHECK(peer_driver_get(&b.peer, &id, &len));
			CHECK(peer_driver_get(&b.peer, &id, &len));
			CHECK_EQ(id, next);
			if (lap % 3 == 0) {
				peer_driver_send(&b.peer, element, 1);
				one = rig_pop(&b.rig, b.segment, 8);
				rig_use(&b.rig, &one, 0);
				CHECK(peer_driver_get(&b.peer, &id, &len));
			}
		}
		bench_close(&b);
	}
}

static void the_oldest_are_completed_in_order(void **state)
{
	static const uint32_t lens[] = { 1, 100, 3 };
	static const uint32_t bad[] = { 5, 101, 6 };

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, lens, 0), 0);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, lens, 3), 3);
		CHECK_EQ(vr_device_staged(b.rig.device), 3);
		CHECK_EQ(complete(&b, 1, 0), VR_E_STALE);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, bad + 1, 1), VR_E_INVAL);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, bad, 2), 1);
		CHECK_EQ(vr_device_staged(b.rig.device), 4);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 9), 2);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 1), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), COUNT);
		expect_used(&b, 0, 1);
		expect_used(&b, 1, 100);
		expect_used(&b, 2, 3);
		expect_used(&b, 3, 5);
		expect_used(&b, 4, 0);
		expect_used(&b, 5, 0);
		bench_close(&b);
	}
}

/* One more comes before the oldest goes, so the device is never without any, for many laps. */
static void the_oldest_is_known_after_many_laps(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct bench b;

		context("%s", form->name);
		open_shape(&b, form->features, 8, 0);
		b.id[0] = peer_driver_send(&b.peer, element + 1, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, b.chain, 1, b.segment, 4), 1);
		for (unsigned int i = 1; i < 100; i++) {
			b.id[i % 2] = peer_driver_send(&b.peer, element + 1, 1);
			CHECK_EQ(vr_device_pop(b.rig.device, b.chain, 1, b.segment, 4), 1);
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 1), 1);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
			expect_used(&b, (i - 1) % 2, 0);
		}
		bench_close(&b);
	}
}

/* Some were completed out of order before: the oldest of the others come next. */
static void the_oldest_among_completed_ones(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool in_order = is_in_order(form->features);
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features);
		CHECK_EQ(complete(&b, 1, 11), 0);
		CHECK_EQ(complete(&b, 2, 22), 0);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 1, 44 }, 2),
			 in_order ? 1 : 2);
		/* What was parked behind the oldest one is due now. */
		CHECK_EQ(vr_device_staged(b.rig.device), in_order ? 3 : 4);
		if (in_order)
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 44 }, 1), 1);
		CHECK_EQ(vr_device_staged(b.rig.device), 4);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 4);
		if (in_order)
			expect_used(&b, 0, 1);
		expect_used(&b, 1, 11);
		expect_used(&b, 2, 22);
		if (!in_order)
			expect_used(&b, 0, 1);
		expect_used(&b, 3, 44);
		expect_nothing_used(&b);
		bench_close(&b);
	}
}

/* What is not common among the oldest: a length that is, or a buffer of two descriptors. */
enum odd {
	ODD_FULL,
	ODD_UNWRITTEN,
	ODD_TOO_LONG,
	ODD_CHAIN,
	ODDS
};

/* COUNT buffers that are common but for the one at @at, in one call. */
static void odd_among_oldest(struct bench *b, enum odd odd, unsigned int at)
{
	uint32_t lens[COUNT] = { 61, 62, 63, 64, 65, 66 };
	int done;

	for (unsigned int i = 0; i < COUNT; i++)
		b->id[i] = odd == ODD_CHAIN && i == at ? peer_driver_send(&b->peer, element, 2) :
							 peer_driver_send(&b->peer, element + 1, 1);
	CHECK_EQ(vr_device_pop(b->rig.device, b->chain, COUNT, b->segment, 4 * COUNT), COUNT);
	if (odd == ODD_FULL)
		lens[at] = 100;
	if (odd == ODD_UNWRITTEN)
		lens[at] = 0;
	if (odd == ODD_TOO_LONG) {
		lens[at] = 101;
		done = vr_device_complete_oldest(b->rig.device, lens, COUNT);
		CHECK_EQ(done, at ? (int)at : VR_E_INVAL);
		CHECK_EQ(vr_device_staged(b->rig.device), at);
		lens[at] = 67;
		CHECK_EQ(vr_device_complete_oldest(b->rig.device, lens + at, COUNT - at),
			 COUNT - at);
	} else {
		CHECK_EQ(vr_device_complete_oldest(b->rig.device, lens, COUNT), COUNT);
	}
	CHECK_EQ(vr_device_publish(b->rig.device, NULL), COUNT);
	for (unsigned int i = 0; i < COUNT; i++)
		expect_used(b, i, lens[i]);
	expect_nothing_used(b);
}

static void the_oldest_are_not_all_alike(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int i = 0; i < ODDS * COUNT; i++) {
			struct bench b;

			open_shape(&b, form->features, 16, 0);
			for (unsigned int lap = 0; lap < 8; lap++) {
				context("%s, odd %u at %u, turn %u", form->name, i / COUNT,
					i % COUNT, lap);
				odd_among_oldest(&b, (enum odd)(i / COUNT), i % COUNT);
			}
			bench_close(&b);
		}
	}
}

/* Which entries a run of completions with these lengths costs; 100 fills a buffer. */
struct run_row {
	uint32_t lens[COUNT];
	unsigned int entries;
};

static void only_full_buffers_are_skipped(void **state)
{
	static const struct run_row rows[] = {
		{ { 100, 100, 100, 100, 100, 100 }, 1 }, { { 100, 100, 100, 100, 100, 0 }, 1 },
		{ { 0, 100, 100, 100, 100, 100 }, 2 },	 { { 0, 0, 0, 0, 0, 0 }, 6 },
		{ { 100, 99, 100, 100, 100, 1 }, 2 },	 { { 100, 100, 5, 100, 6, 100 }, 3 },
		{ { 99, 100, 99, 100, 99, 100 }, 4 },
	};
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_SIZE(rows); i++) {
		const struct run_row *row = &rows[i / 4];
		bool each = i / 2 % 2;
		struct vr_device_stats stats;
		struct bench b;

		context("%s, row %zu, each %d", form_name(layouts[i % 2]), i / 4, each);
		open_shape(&b, layouts[i % 2], 16, each ? VR_DEVICE_ENTRY_EACH : 0);
		pop_all(&b);
		for (unsigned int n = 0; n < COUNT; n++)
			CHECK_EQ(complete(&b, n, row->lens[n]), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), COUNT);
		vr_device_stats(b.rig.device, &stats);
		CHECK_EQ(stats.entries, each ? COUNT : row->entries);
		CHECK_EQ(stats.published, COUNT);
		for (unsigned int n = 0; n < COUNT; n++)
			expect_used(&b, n, row->lens[n]);
		bench_close(&b);
	}
}

/* A buffer without a writable part may always be skipped. */
static void buffers_without_a_writable_part_are_skipped(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_device_stats stats;
		struct bench b;

		context("%s", form_name(layouts[l]));
		open_shape(&b, layouts[l], 16, 0);
		for (unsigned int i = 0; i < COUNT; i++)
			b.id[i] = peer_driver_send(&b.peer, element, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, b.chain, COUNT, b.segment, 8), COUNT);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, COUNT), COUNT);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), COUNT);
		vr_device_stats(b.rig.device, &stats);
		CHECK_EQ(stats.entries, 1);
		for (unsigned int i = 0; i < COUNT; i++)
			expect_used(&b, i, 0);
		bench_close(&b);
	}
}

/* What a run leaves in ring memory: one entry where it starts, all others untouched. */
static void a_run_is_one_entry_at_its_first_slot(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, SPLIT_IN_ORDER);
	memset(b.rig.device_area.driver + 4, 0xcc, 8 * 16);
	CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 100, 100, 7 }, 3), 3);
	CHECK_EQ(le16(at_used_idx(&b.rig.raw)), 0);
	CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
	CHECK_EQ(le16(at_used_idx(&b.rig.raw)), 3);
	CHECK_EQ(le32(at_used_slot(&b.rig.raw, 0)), b.id[2]);
	CHECK_EQ(le32(at_used_slot(&b.rig.raw, 0) + 4), 7);
	for (unsigned int i = 8; i < 8 * 16; i++)
		CHECK_EQ(b.rig.device_area.driver[4 + i], 0xcc);
	CHECK_EQ(vr_device_complete_oldest(b.rig.device, (uint32_t[]){ 100 }, 1), 1);
	CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
	CHECK_EQ(le32(at_used_slot(&b.rig.raw, 3)), b.id[3]);
	bench_close(&b);
}

struct range {
	uint32_t area;
	uint32_t offset;
	uint32_t length;
};

static void expect_stored(const struct vr_stored *stored, const struct range *want,
			  unsigned int count)
{
	CHECK_EQ(stored->count, count);
	for (unsigned int i = 0; i < count; i++) {
		bool found = false;

		for (unsigned int n = 0; n < count; n++)
			found |= stored->range[n].area == want[i].area &&
				 stored->range[n].offset == want[i].offset &&
				 stored->range[n].length == want[i].length;
		step("range %u", i);
		CHECK(found);
	}
}

/* @before buffers bring the used cursor somewhere, then @count are published at once. */
static void stored_case(uint64_t features, uint32_t size, unsigned int before, unsigned int count,
			uint32_t len, struct vr_stored *stored)
{
	struct bench b;

	open_shape(&b, features, size, 0);
	for (unsigned int i = 0; i < before; i++) {
		uint16_t id;
		uint32_t got;

		peer_driver_send(&b.peer, element + 1, 1);
		b.chain[0] = rig_pop(&b.rig, b.segment, 1);
		rig_use(&b.rig, &b.chain[0], 1);
		CHECK(peer_driver_get(&b.peer, &id, &got));
	}
	for (unsigned int i = 0; i < count; i++) {
		peer_driver_send(&b.peer, element + 1, 1);
		b.chain[i] = rig_pop(&b.rig, b.segment, 1);
		CHECK_EQ(vr_device_complete(b.rig.device, b.chain[i].handle, len), 0);
	}
	CHECK_EQ(vr_device_publish(b.rig.device, stored), count);
	bench_close(&b);
}

static void publish_reports_what_it_stored(void **state)
{
	struct vr_stored stored;
	const struct range index = { VR_AREA_DEVICE, 2, 2 };

	(void)state;
	for (int in_order = 0; in_order < 2; in_order++) {
		uint64_t split = in_order ? SPLIT_IN_ORDER : SPLIT;
		uint64_t packed = in_order ? PACKED_IN_ORDER : PACKED;

		context("in order %d", in_order);
		stored_case(split, 8, 0, 1, 5, &stored);
		expect_stored(&stored, (struct range[]){ { VR_AREA_DEVICE, 4, 8 }, index }, 2);
		stored_case(split, 8, 2, 3, 5, &stored);
		expect_stored(&stored, (struct range[]){ { VR_AREA_DEVICE, 4 + 16, 24 }, index },
			      2);
		/* Over the end of the ring. */
		stored_case(split, 8, 6, 4, 5, &stored);
		expect_stored(&stored,
			      (struct range[]){ { VR_AREA_DEVICE, 4 + 48, 16 },
						{ VR_AREA_DEVICE, 4, 16 },
						index },
			      3);
		stored_case(packed, 7, 0, 1, 5, &stored);
		expect_stored(&stored, (struct range[]){ { VR_AREA_DESCRIPTORS, 0, 16 } }, 1);
		stored_case(packed, 7, 6, 3, 5, &stored);
		expect_stored(&stored,
			      (struct range[]){ { VR_AREA_DESCRIPTORS, 96, 16 },
						{ VR_AREA_DESCRIPTORS, 0, 32 } },
			      2);
	}
	/* A run stores one entry only. */
	stored_case(SPLIT_IN_ORDER, 8, 6, 4, 100, &stored);
	expect_stored(&stored, (struct range[]){ { VR_AREA_DEVICE, 4 + 48, 8 }, index }, 2);
	stored_case(PACKED_IN_ORDER, 7, 6, 4, 100, &stored);
	expect_stored(&stored, (struct range[]){ { VR_AREA_DESCRIPTORS, 96, 16 } }, 1);
	stored.count = 99;
	stored_case(SPLIT, 8, 3, 0, 0, &stored);
	CHECK_EQ(stored.count, 0);
}

/* Packed: the first of several is held back; until then nothing shows. */
static void staged_entries_cannot_be_seen(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features);
		for (unsigned int i = 0; i < COUNT; i++) {
			CHECK_EQ(complete(&b, i, i), 0);
			CHECK_EQ(vr_device_staged(b.rig.device), i + 1);
			expect_nothing_used(&b);
		}
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), COUNT);
		CHECK_EQ(vr_device_staged(b.rig.device), 0);
		for (unsigned int i = 0; i < COUNT; i++)
			expect_used(&b, i, i);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 0);
		bench_close(&b);
	}
}

/* A queue that broke after a pop: completing is harmless, and nothing is shown any more. */
static void a_broken_queue_publishes_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct rig_image image;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features);
		CHECK_EQ(complete(&b, 0, 1), 0);
		vr_device_break(b.rig.device);
		rig_image_take(&image, &b.rig);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), VR_E_BROKEN);
		rig_image_same(&image, &b.rig);
		expect_nothing_used(&b);
		CHECK(complete(&b, 1, 1) <= 0);
		CHECK(vr_device_unpop(b.rig.device, b.chain[5].handle) <= 0);
		bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_completion),
		cmocka_unit_test(what_is_completed_too_early_is_parked),
		cmocka_unit_test(a_length_above_the_capacity_is_refused),
		cmocka_unit_test(stale_handles_change_nothing),
		cmocka_unit_test(only_the_newest_run_can_be_put_back),
		cmocka_unit_test(a_long_chain_is_put_back_whole),
		cmocka_unit_test(the_oldest_are_completed_in_order),
		cmocka_unit_test(the_oldest_is_known_after_many_laps),
		cmocka_unit_test(the_oldest_among_completed_ones),
		cmocka_unit_test(the_oldest_are_not_all_alike),
		cmocka_unit_test(only_full_buffers_are_skipped),
		cmocka_unit_test(buffers_without_a_writable_part_are_skipped),
		cmocka_unit_test(a_run_is_one_entry_at_its_first_slot),
		cmocka_unit_test(publish_reports_what_it_stored),
		cmocka_unit_test(staged_entries_cannot_be_seen),
		cmocka_unit_test(a_broken_queue_publishes_nothing),
	};

	return RIG_RUN_TESTS(tests);
}
