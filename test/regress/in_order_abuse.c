// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a device can do to an in-order driver. The driver of Linux 7.3, run in user space, handed
 * out every outstanding buffer before it noticed a wrong id, took an index that did not fit, believed
 * any length, followed links that the device had written, forgot a batch that was taken in part,
 * and after a reset gave buffers back that nobody had used (B26).
 */
#include <unistd.h>

#include "bench.h"

#define SIZE 16u
#define COUNT 3u /* buffers outstanding, of two descriptors each: heads 0, 2, 4 */
#define LEN 64u

struct scene {
	struct driver_bench b;
	struct peer_chain chain[COUNT];
};

static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

static void scene_open(struct scene *s, uint64_t features, uint32_t flags)
{
	const struct rig_shape shape = { .features = features,
					 .size = SIZE,
					 .driver_flags = flags };

	driver_bench_open(&s->b, &shape);
	for (unsigned int i = 0; i < COUNT; i++) {
		rig_send(&s->b.rig, 1, 1, LEN, i);
		s->chain[i] = peer_device_take_one(&s->b.peer);
	}
}

/* A used entry that names @id, with the index moved by @jump (which packed rings do not have). */
static void use(struct scene *s, uint32_t id, uint32_t len, uint16_t jump)
{
	const struct raw *raw = &s->b.rig.raw;

	if (is_packed(s->b.peer.features)) {
		put_packed_desc(
			raw->descriptors, s->b.peer.used,
			(struct raw_desc){ .id = (uint16_t)id,
					   .len = len,
					   .flags = peer_device_used_flags(&s->b.peer, true) });
		return;
	}
	put_used_slot(raw, s->b.peer.used, id, len);
	s->b.peer.used += jump;
	put_le16(at_used_idx(raw), (uint16_t)s->b.peer.used);
}

/* Nothing is handed out, the reason is told, and each token comes back once after a stop. */
static void expect_refused(struct scene *s, enum vr_fault_reason reason)
{
	struct vr_driver *driver = s->b.rig.driver;
	struct vr_used used[SIZE];

	CHECK_EQ(vr_driver_get(driver, used, SIZE), VR_E_BROKEN);
	CHECK_EQ(rig_driver_fault(&s->b.rig).reason, reason);
	CHECK_EQ(vr_driver_outstanding(driver), COUNT);
	vr_driver_stop(driver);
	CHECK_EQ(vr_driver_reclaim(driver, used, SIZE), COUNT);
	for (unsigned int i = 0; i < COUNT; i++)
		CHECK_EQ(used[i].token, i);
	CHECK_EQ(vr_driver_reclaim(driver, used, SIZE), 0);
}

/* Each with the index moved by as much as would fit a right id. */
static void a_wrong_id(void **state)
{
	static const struct {
		const char *what;
		uint32_t id;
		enum vr_fault_reason split;
		enum vr_fault_reason packed;
	} rows[] = {
		{ "never outstanding", 77, VR_FAULT_USED_ID_RANGE, VR_FAULT_USED_ID_RANGE },
		{ "in range, no head", 6, VR_FAULT_USED_ID_FREE, VR_FAULT_USED_ID_FREE },
		{ "in range, the last", SIZE - 1, VR_FAULT_USED_ID_FREE, VR_FAULT_USED_ID_FREE },
		{ "middle of the first", 1, VR_FAULT_USED_ID_FREE, VR_FAULT_NONE },
		{ "middle of the second", 3, VR_FAULT_USED_ID_FREE, VR_FAULT_NONE },
		{ "middle of the third", 5, VR_FAULT_USED_ID_FREE, VR_FAULT_NONE },
		{ "the queue size", SIZE, VR_FAULT_USED_ID_RANGE, VR_FAULT_USED_ID_RANGE },
		{ "15 bits set", 0x7fff, VR_FAULT_USED_ID_RANGE, VR_FAULT_USED_ID_RANGE },
		{ "the largest queue", 0x8000, VR_FAULT_USED_ID_RANGE, VR_FAULT_USED_ID_RANGE },
		{ "16 bits set", 0xffff, VR_FAULT_USED_ID_RANGE, VR_FAULT_USED_ID_RANGE },
		{ "a head, and a bit above", 0x10000, VR_FAULT_USED_ID_RANGE, VR_FAULT_NONE },
		{ "31 bits set", 0x7fffffff, VR_FAULT_USED_ID_RANGE, VR_FAULT_NONE },
		{ "32 bits set", 0xffffffff, VR_FAULT_USED_ID_RANGE, VR_FAULT_NONE },
	};

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			enum vr_fault_reason reason = is_packed(layouts[l]) ? rows[i].packed :
									      rows[i].split;
			struct scene s;

			/* Packed ids have 16 bits and are no slots. */
			if (reason == VR_FAULT_NONE)
				continue;
			context("%s: %s", form_name(layouts[l]), rows[i].what);
			scene_open(&s, layouts[l], 0);
			for (unsigned int n = 0; is_packed(layouts[l]) && n < COUNT; n++)
				CHECK(s.chain[n].id != rows[i].id);
			use(&s, rows[i].id, LEN, COUNT);
			expect_refused(&s, reason);
			driver_bench_close(&s.b);
		}
	}
}

/* Twice: an id that was outstanding until it came back. */
static void an_id_that_came_back(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_used used[SIZE];
		struct scene s;

		context("%s", form_name(layouts[l]));
		scene_open(&s, layouts[l], 0);
		peer_device_use(&s.b.peer, &s.chain[0], LEN);
		CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), 1);
		use(&s, s.chain[0].id, LEN, 1);
		CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), VR_E_BROKEN);
		CHECK_EQ(rig_driver_fault(&s.b.rig).reason, VR_FAULT_USED_ID_FREE);
		CHECK_EQ(vr_driver_outstanding(s.b.rig.driver), COUNT - 1);
		driver_bench_close(&s.b);
	}
}

/* Packed rings have no index; there any outstanding id ends a batch. */
static void an_index_that_does_not_fit(void **state)
{
	static const struct {
		unsigned int buffer;
		uint16_t jump;
		enum vr_fault_reason reason;
	} rows[] = {
		{ 2, 1, VR_FAULT_USED_BATCH },	    { 2, 2, VR_FAULT_USED_BATCH },
		{ 1, 1, VR_FAULT_USED_BATCH },	    { 2, 4, VR_FAULT_USED_INDEX },
		{ 0, 100, VR_FAULT_USED_INDEX },    { 2, 100, VR_FAULT_USED_INDEX },
		{ 0, 0x8000, VR_FAULT_USED_INDEX }, { 0, 0xffff, VR_FAULT_USED_INDEX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scene s;

		context("buffer %u, index +%u", rows[i].buffer, rows[i].jump);
		scene_open(&s, SPLIT_IN_ORDER, 0);
		use(&s, s.chain[rows[i].buffer].id, LEN, rows[i].jump);
		expect_refused(&s, rows[i].reason);
		driver_bench_close(&s.b);
	}
}

/* Index +3, and the first element names the first buffer: legal. The next is judged alone. */
static void a_first_element_of_its_own(void **state)
{
	static const struct {
		uint32_t second; /* buffer that the second element names; COUNT: none of them */
		int got;
	} rows[] = { { 1, 3 }, { 2, 3 }, { COUNT, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vr_used used[SIZE];
		struct scene s;

		context("second element names buffer %u", rows[i].second);
		scene_open(&s, SPLIT_IN_ORDER, 0);
		for (unsigned int n = 0; n < SIZE; n++)
			put_used_slot(&s.b.rig.raw, n, 9, LEN);
		put_used_slot(&s.b.rig.raw, 1,
			      rows[i].second < COUNT ? s.chain[rows[i].second].id : 9, LEN);
		put_used_slot(&s.b.rig.raw, 2, s.chain[2].id, LEN);
		use(&s, s.chain[0].id, LEN, COUNT);
		CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), rows[i].got);
		for (int n = 0; n < rows[i].got; n++)
			CHECK_EQ(used[n].token, n);
		if (rows[i].got < (int)COUNT) {
			CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), VR_E_BROKEN);
			CHECK_EQ(rig_driver_fault(&s.b.rig).reason, VR_FAULT_USED_ID_FREE);
		}
		driver_bench_close(&s.b);
	}
}

/* 4096 bytes into 64: cut and counted, or under the strict option a fault. A skipped one counts its
 * own capacity, whatever the batch's entry says. */
static void a_length_beyond_the_buffer(void **state)
{
	static const uint32_t lens[] = { LEN + 1, 4096, 0x80000000u, 0xffffffffu };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lens) * ARRAY_SIZE(layouts) * 2; i++) {
		uint64_t features = layouts[i % 2];
		unsigned int last = i / 2 % 2 ? 2 : 0;
		uint32_t len = lens[i / 4];
		struct vr_driver_stats stats;
		struct vr_used used[SIZE];
		struct scene s;

		context("%s: length %u for buffer %u", form_name(features), len, last);
		scene_open(&s, features, 0);
		use(&s, s.chain[last].id, len, (uint16_t)(last + 1));
		CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), last + 1);
		for (unsigned int n = 0; n <= last; n++)
			CHECK_EQ(used[n].len, LEN);
		vr_driver_stats(s.b.rig.driver, &stats);
		CHECK_EQ(stats.clamped, 1);
		driver_bench_close(&s.b);

		scene_open(&s, features, VR_DRIVER_STRICT);
		use(&s, s.chain[last].id, len, (uint16_t)(last + 1));
		expect_refused(&s, VR_FAULT_USED_LENGTH);
		driver_bench_close(&s.b);
	}
}

/* After the add, every descriptor gets NEXT and a link to itself: an endless chain, if followed. */
static void next_set_everywhere(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		bool packed = is_packed(layouts[l]);
		struct vr_used used[SIZE];
		struct scene s;

		context("%s", form_name(layouts[l]));
		scene_open(&s, layouts[l], 0);
		for (uint32_t i = 0; i < SIZE; i++) {
			uint8_t *flags = s.b.rig.raw.descriptors + 16 * i + (packed ? 14 : 12);

			put_le16(flags, (uint16_t)(le16(flags) | RAW_NEXT));
			if (!packed)
				put_le16(flags + 2, (uint16_t)i);
		}
		use(&s, s.chain[2].id, LEN, COUNT);
		CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), COUNT);
		for (unsigned int n = 0; n < COUNT; n++)
			CHECK_EQ(used[n].token, n);
		CHECK_EQ(vr_driver_free(s.b.rig.driver), SIZE);
		driver_bench_close(&s.b);
	}
}

/* A reset while one of a batch of three was taken; then new buffers, and a device that does nothing. */
static void a_reset_within_a_batch(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_used used[SIZE];
		struct scene s;

		context("%s", form_name(layouts[l]));
		scene_open(&s, layouts[l], 0);
		use(&s, s.chain[2].id, LEN, COUNT);
		CHECK_EQ(vr_driver_get(s.b.rig.driver, used, 1), 1);
		vr_driver_stop(s.b.rig.driver);
		CHECK_EQ(vr_driver_reclaim(s.b.rig.driver, used, SIZE), COUNT - 1);
		CHECK_EQ(vr_driver_reset(s.b.rig.driver), 0);
		for (unsigned int i = 0; i < 5; i++) {
			rig_send(&s.b.rig, 1, 1, LEN, 100 + i);
			CHECK(!vr_driver_pending(s.b.rig.driver));
			CHECK(!vr_driver_arm(s.b.rig.driver, NULL));
			CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), 0);
		}
		CHECK_EQ(vr_driver_outstanding(s.b.rig.driver), 5);
		peer_device_close(&s.b.peer);
		peer_device_open(&s.b.peer, &s.b.rig);
		for (unsigned int i = 0; i < 5; i++)
			CHECK_EQ(driver_bench_turn(&s.b, 7).token, 100 + i);
		driver_bench_close(&s.b);
	}
}

/* A reset after use, then one buffer used honestly. */
static void a_reset_after_use(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		for (unsigned int before = 1; before < 2 * SIZE; before++) {
			struct vr_used used[SIZE];
			struct scene s;

			context("%s, %u used before", form_name(layouts[l]), before);
			scene_open(&s, layouts[l], 0);
			peer_device_use_run(&s.b.peer, s.chain, COUNT, LEN);
			CHECK_EQ(vr_driver_get(s.b.rig.driver, used, SIZE), COUNT);
			for (unsigned int i = 0; i < before; i++) {
				rig_send(&s.b.rig, 1, 1, LEN, i);
				driver_bench_turn(&s.b, 1);
			}
			vr_driver_stop(s.b.rig.driver);
			CHECK_EQ(vr_driver_reclaim(s.b.rig.driver, used, SIZE), 0);
			CHECK_EQ(vr_driver_reset(s.b.rig.driver), 0);
			peer_device_close(&s.b.peer);
			peer_device_open(&s.b.peer, &s.b.rig);
			rig_send(&s.b.rig, 1, 1, LEN, 5);
			CHECK_EQ(driver_bench_turn(&s.b, 9).token, 5);
			CHECK_EQ(vr_driver_free(s.b.rig.driver), SIZE);
			driver_bench_close(&s.b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_id),
		cmocka_unit_test(an_id_that_came_back),
		cmocka_unit_test(an_index_that_does_not_fit),
		cmocka_unit_test(a_first_element_of_its_own),
		cmocka_unit_test(a_length_beyond_the_buffer),
		cmocka_unit_test(next_set_everywhere),
		cmocka_unit_test(a_reset_within_a_batch),
		cmocka_unit_test(a_reset_after_use),
	};

	alarm(60); /* an endless walk fails, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
