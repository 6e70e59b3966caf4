// SPDX-License-Identifier: BSD-3-Clause
/* What a device may get wrong: each breaks the queue with its reason, and no token is lost. */
#include "peer_device.h"

#define SIZE 16u
#define TOKENS 4u

/*
 * Three published buffers of two descriptors (tokens 100..102, taken by the device) and one that is
 * staged only (token 103).
 */
struct scene {
	struct rig rig;
	struct peer_device peer;
	struct peer_chain chain[3];
	uint32_t staged_id;
	uint32_t free_id;
	bool handed_out[TOKENS];
};

/* An id that none of the buffers has. */
static uint32_t find_free_id(const struct scene *s)
{
	for (uint32_t id = SIZE - 1;; id--)
		if (!s->peer.busy[id] && id != s->staged_id && id != (s->staged_id + 1) % SIZE)
			return id;
}

static void scene_open(struct scene *s, uint64_t features)
{
	const struct rig_shape shape = { .features = features, .size = SIZE };
	struct vr_segment segments[2];
	struct vr_buffer buffer;

	memset(s, 0, sizeof(*s));
	rig_open(&s->rig, &shape);
	rig_start_driver(&s->rig);
	peer_device_open(&s->peer, &s->rig);
	for (unsigned int i = 0; i < 3; i++) {
		rig_send(&s->rig, 1, 1, 16, 100 + i);
		s->chain[i] = peer_device_take_one(&s->peer);
	}
	buffer = rig_buffer(segments, 1, 1, 16, 0, 103);
	CHECK_EQ(vr_driver_add(s->rig.driver, &buffer, 1), 1);
	if (is_packed(features))
		s->staged_id = packed_desc(s->rig.raw.descriptors, 7).id;
	else
		s->staged_id = le16(at_avail_slot(&s->rig.raw, 3));
	s->free_id = find_free_id(s);
}

static void scene_close(struct scene *s)
{
	peer_device_close(&s->peer);
	rig_close(&s->rig);
}

/* Makes @id used at the current position, with the used index moving by @jump (split). */
static void use_id(struct scene *s, uint32_t id, uint32_t jump)
{
	struct raw_desc d = { .id = (uint16_t)id, .len = 16 };

	if (!is_packed(s->peer.features)) {
		put_used_slot(&s->rig.raw, s->peer.used, id, 16);
		s->peer.used = (s->peer.used + jump) & 0xffff;
		put_le16(at_used_idx(&s->rig.raw), (uint16_t)s->peer.used);
		return;
	}
	d.flags = peer_device_used_flags(&s->peer, true);
	put_packed_desc(s->rig.raw.descriptors, s->peer.used, d);
}

static void note_token(struct scene *s, const struct vr_used *used)
{
	CHECK(used->token >= 100 && used->token < 100 + TOKENS);
	CHECK(!s->handed_out[used->token - 100]);
	CHECK(used->context == ~used->token);
	s->handed_out[used->token - 100] = true;
}

/* The queue is broken, stays broken, gives every token back once and starts again. */
static void expect_broken(struct scene *s, enum vr_fault_reason reason, uint64_t value)
{
	struct vr_segment segments[2];
	struct vr_buffer buffer = rig_buffer(segments, 1, 0, 16, 0, 7);
	struct vr_fault fault;
	struct vr_used used[2];
	unsigned int back = 0;

	CHECK_EQ(vr_driver_get(s->rig.driver, used, 2), VR_E_BROKEN);
	fault = rig_driver_fault(&s->rig);
	CHECK_EQ(fault.reason, reason);
	if (reason != VR_FAULT_CALLER)
		CHECK_EQ(fault.value, value);
	CHECK_EQ(vr_driver_add(s->rig.driver, &buffer, 1), VR_E_BROKEN);
	CHECK_EQ(vr_driver_publish(s->rig.driver), VR_E_BROKEN);
	CHECK_EQ(vr_driver_publish_and_verdict(s->rig.driver), VR_E_BROKEN);
	CHECK_EQ(vr_driver_get(s->rig.driver, used, 2), VR_E_BROKEN);
	CHECK(vr_driver_pending(s->rig.driver));
	CHECK(vr_driver_arm(s->rig.driver, NULL));
	CHECK(vr_driver_arm_delayed(s->rig.driver, 2, NULL));
	vr_driver_disarm(s->rig.driver, NULL);
	CHECK_EQ(vr_driver_reclaim(s->rig.driver, used, 2), VR_E_STATE);
	vr_driver_stop(s->rig.driver);
	for (;;) {
		int n = vr_driver_reclaim(s->rig.driver, used, 2);

		CHECK(n >= 0);
		if (!n)
			break;
		for (int i = 0; i < n; i++, back++) {
			CHECK_EQ(used[i].len, 0);
			note_token(s, &used[i]);
		}
		CHECK(back <= TOKENS);
	}
	for (unsigned int i = 0; i < TOKENS; i++)
		CHECK(s->handed_out[i]);
	CHECK_EQ(rig_driver_fault(&s->rig).reason, reason);
	CHECK_EQ(vr_driver_reset(s->rig.driver), 0);
	CHECK(!vr_driver_fault(s->rig.driver, &fault));
	CHECK_EQ(fault.reason, VR_FAULT_NONE);
	rig_send(&s->rig, 1, 1, 16, 1);
}

static void an_id_out_of_range_breaks(void **state)
{
	static const uint32_t split_ids[] = { SIZE, 77, 0x10000, 0x10002, 0x80000000u, 0xffffffffu };
	static const uint32_t packed_ids[] = { SIZE, 77, 0x8000, 0xffff };

	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);
		const uint32_t *ids = packed ? packed_ids : split_ids;
		size_t count = packed ? ARRAY_SIZE(packed_ids) : ARRAY_SIZE(split_ids);

		for (size_t i = 0; i < count; i++) {
			struct scene s;

			context("%s, id 0x%x", form->name, ids[i]);
			scene_open(&s, form->features);
			use_id(&s, ids[i], 1);
			expect_broken(&s, VR_FAULT_USED_ID_RANGE, ids[i]);
			scene_close(&s);
		}
	}
}

enum wrong_id {
	FREE_ID,
	STAGED_ID,
	MIDDLE_ID,
	AGAIN_ID
};

static void an_id_that_is_not_outstanding_breaks(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (int kind = FREE_ID; kind <= AGAIN_ID; kind++) {
			struct vr_used used;
			struct scene s;
			uint32_t id;

			context("%s, kind %d", form->name, kind);
			if (kind == MIDDLE_ID && is_packed(form->features))
				continue; /* ids and slots are different things there */
			scene_open(&s, form->features);
			id = s.free_id;
			if (kind == STAGED_ID)
				id = s.staged_id;
			if (kind == MIDDLE_ID)
				id = s.peer.next[s.chain[1].id];
			if (kind == AGAIN_ID) {
				id = s.chain[0].id;
				peer_device_use(&s.peer, &s.chain[0], 16);
				CHECK_EQ(vr_driver_get(s.rig.driver, &used, 1), 1);
				note_token(&s, &used);
			}
			use_id(&s, id, 1);
			expect_broken(&s, VR_FAULT_USED_ID_FREE, id);
			scene_close(&s);
		}
	}
}

/* What was validated is handed out first, then the fault shows. */
static void good_ones_come_before_the_fault(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_used used[4];
		struct scene s;

		context("%s", form->name);
		scene_open(&s, form->features);
		peer_device_use(&s.peer, &s.chain[0], 16);
		use_id(&s, SIZE + 1, 1);
		CHECK_EQ(vr_driver_get(s.rig.driver, used, 4), 1);
		note_token(&s, &used[0]);
		expect_broken(&s, VR_FAULT_USED_ID_RANGE, SIZE + 1);
		scene_close(&s);
	}
}

static void an_index_beyond_what_is_published_breaks(void **state)
{
	/* Three are published, a fourth is staged only. */
	static const uint32_t jumps[] = { 4, 5, SIZE, SIZE + 1, 0x7fff, 0x8000, 0xffff };
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(jumps); i++) {
		uint64_t features = layouts[i % 2];
		uint32_t jump = jumps[i / 2];
		struct scene s;

		context("%s, jump %u", form_name(features), jump);
		scene_open(&s, features);
		use_id(&s, s.chain[0].id, jump);
		expect_broken(&s, VR_FAULT_USED_INDEX, jump);
		scene_close(&s);
	}
}

/* In order: the entry names a buffer further on than the index has moved. */
static void an_id_beyond_the_jump_breaks(void **state)
{
	(void)state;
	for (uint32_t last = 1; last < 3; last++) {
		for (uint32_t jump = 1; jump <= last; jump++) {
			struct scene s;

			context("id of buffer %u, jump %u", last, jump);
			scene_open(&s, SPLIT_IN_ORDER);
			use_id(&s, s.chain[last].id, jump);
			expect_broken(&s, VR_FAULT_USED_BATCH, s.chain[last].id);
			scene_close(&s);
		}
	}
}

/* In order: a wrong entry after a batch; the batch is handed out in pieces first. */
static void a_fault_behind_a_batch_waits_for_its_end(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_used used[4];
		struct scene s;

		context("%s", form_name(layouts[l]));
		scene_open(&s, layouts[l]);
		peer_device_use_run(&s.peer, s.chain, 2, 16);
		CHECK_EQ(vr_driver_get(s.rig.driver, used, 1), 1);
		note_token(&s, &used[0]);
		use_id(&s, s.free_id, 1);
		CHECK_EQ(vr_driver_get(s.rig.driver, used, 4), 1);
		note_token(&s, &used[0]);
		expect_broken(&s, VR_FAULT_USED_ID_FREE, s.free_id);
		scene_close(&s);
	}
}

/* vr_driver_break() in the middle of a batch: the validated rest still comes. */
static void a_break_keeps_what_was_validated(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_used used[4];
		struct scene s;

		context("%s", form_name(layouts[l]));
		scene_open(&s, layouts[l]);
		peer_device_use_run(&s.peer, s.chain, 3, 16);
		CHECK_EQ(vr_driver_get(s.rig.driver, used, 1), 1);
		note_token(&s, &used[0]);
		vr_driver_break(s.rig.driver);
		CHECK_EQ(vr_driver_get(s.rig.driver, used, 4), 2);
		note_token(&s, &used[0]);
		note_token(&s, &used[1]);
		expect_broken(&s, VR_FAULT_CALLER, 0);
		scene_close(&s);
	}
}

/* Without handing out the rest first: reclaim gives it as well. */
static void reclaim_includes_the_rest_of_a_batch(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct vr_used used[8];
		struct scene s;
		int n;

		context("%s", form_name(layouts[l]));
		scene_open(&s, layouts[l]);
		peer_device_use_run(&s.peer, s.chain, 3, 16);
		CHECK_EQ(vr_driver_get(s.rig.driver, used, 1), 1);
		note_token(&s, &used[0]);
		vr_driver_stop(s.rig.driver);
		n = vr_driver_reclaim(s.rig.driver, used, 8);
		CHECK_EQ(n, 3);
		for (int i = 0; i < n; i++) {
			CHECK_EQ(used[i].token, 101 + i);
			note_token(&s, &used[i]);
		}
		CHECK_EQ(vr_driver_reclaim(s.rig.driver, used, 8), 0);
		CHECK_EQ(vr_driver_reset(s.rig.driver), 0);
		scene_close(&s);
	}
}

static void a_break_latches_with_the_caller_as_reason(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct scene s;

		context("%s", form->name);
		scene_open(&s, form->features);
		vr_driver_break(s.rig.driver);
		peer_device_use(&s.peer, &s.chain[0], 16);
		expect_broken(&s, VR_FAULT_CALLER, 0);
		scene_close(&s);
	}
}

/* A slot whose two bits agree with each other but not with the lap is not used (2.8.1). */
static void stale_packed_flags_are_not_used(void **state)
{
	static const uint16_t flags[] = { 0, RAW_AVAIL, RAW_USED };
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(flags); i++) {
		struct vr_used used;
		struct raw_desc d;
		struct scene s;

		context("%s, flags 0x%x", form_name(layouts[i % 2]), flags[i / 2]);
		scene_open(&s, layouts[i % 2]);
		d = packed_desc(s.rig.raw.descriptors, 0);
		d.flags = flags[i / 2];
		put_packed_desc(s.rig.raw.descriptors, 0, d);
		CHECK_EQ(vr_driver_get(s.rig.driver, &used, 1), 0);
		CHECK(!vr_driver_pending(s.rig.driver));
		scene_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_out_of_range_breaks),
		cmocka_unit_test(an_id_that_is_not_outstanding_breaks),
		cmocka_unit_test(good_ones_come_before_the_fault),
		cmocka_unit_test(an_index_beyond_what_is_published_breaks),
		cmocka_unit_test(an_id_beyond_the_jump_breaks),
		cmocka_unit_test(a_fault_behind_a_batch_waits_for_its_end),
		cmocka_unit_test(a_break_keeps_what_was_validated),
		cmocka_unit_test(reclaim_includes_the_rest_of_a_batch),
		cmocka_unit_test(a_break_latches_with_the_caller_as_reason),
		cmocka_unit_test(stale_packed_flags_are_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
