// SPDX-License-Identifier: BSD-3-Clause
/*
 * A device is killed before each of its stores, to the ring and to the record of what is in flight,
 * and a successor takes over: every buffer comes back exactly once, in every form, whether the
 * device works one by one or in batches; also when the successor is killed, too, and when the
 * driver goes on meanwhile.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "peer_driver.h"
#include "trace.h"

#include "transport/vhost_user/record.h"

#define SEGMENTS 8
#define BUFFERS 24 /* sent in all */
#define SIZE_MAX_ 16

static struct {
	bool armed;
	uint32_t left; /* stores until the kill */
	uint32_t made;
	jmp_buf dead;
} killer;

/* Called before each store. */
void trace_note(enum trace_kind kind, const void *field, size_t bytes)
{
	(void)field;
	(void)bytes;
	if (!killer.armed || (kind != TRACE_STORE && kind != TRACE_STORE_RELEASE))
		return;
	killer.made++;
	if (killer.left-- == 0) {
		killer.armed = false;
		longjmp(killer.dead, 1);
	}
}

/* Of one length, and of several; the device fills all, or a part. */
static const struct peer_element pieces[] = { { RIG_OUT, 4, false },
					      { RIG_OUT + 64, 4, false },
					      { RIG_IN, 16, true } };

static uint64_t seed;

/**
 * struct scene - what outlives a kill, and what does not
 * @rig: ring and driver
 * @peer: the driver
 * @record_memory: kept by the front end
 * @sent: buffers sent
 * @got: buffers that came back
 * @record: of the device that lives
 * @held: what it holds
 * @held_count: how many
 * @random: decides what it does; reset with each run
 * @batch: most buffers popped at a time
 */
struct scene {
	struct rig rig;
	struct peer_driver peer;
	void *record_memory;
	unsigned int sent;
	unsigned int got;
	struct vu_record record;
	struct vr_chain held[SIZE_MAX_];
	struct vr_iovec segments[SIZE_MAX_][SEGMENTS];
	unsigned int held_count;
	struct random random;
	unsigned int batch;
};

static uint32_t below(struct scene *s, uint32_t bound)
{
	return random_below(&s->random, bound);
}

/* ---- the driver ---- */

static void drive(struct scene *s, unsigned int most)
{
	uint16_t id;
	uint32_t len;

	/* Fails the test when an id comes that is not outstanding. */
	while (peer_driver_get(&s->peer, &id, &len))
		s->got++;
	while (most-- && s->sent < BUFFERS) {
		const unsigned int count = 1 + s->sent % 3;

		if (peer_driver_add(&s->peer, pieces + (3 - count), count, PEER_DIRECT, 0) < 0)
			break;
		s->sent++;
	}
	peer_driver_publish(&s->peer);
}

/* ---- the device ---- */

static void begin(struct scene *s)
{
	struct vr_device_config config = rig_device_config(&s->rig);
	const bool packed = is_packed(s->rig.shape.features);
	const struct vr_ring ring = rig_device_ring(&s->rig);
	uint32_t base = packed ? 0x80008000u : 0, popped = 0;
	const char *why = "";
	int ret;

	CHECK_EQ(vri_record_create(&s->record, s->rig.shape.features, s->rig.shape.size), 0);
	s->held_count = 0;
	config.observer = &s->record.observer;
	CHECK_EQ(rig_init_device(&s->rig, &config), 0);
	ret = vri_inflight_recover(&s->record.inflight, packed, s->rig.shape.size, s->record_memory,
				   &ring, &base, &popped, &why);
	if (ret < 0)
		fail_msg("the record: %s", why);
	if (ret == 0) {
		/* Killed before it had one: it took nothing. */
		CHECK_EQ(s->got, 0);
		CHECK_EQ(vri_inflight_begin(&s->record.inflight, packed, s->rig.shape.size,
					    s->record_memory, &ring, base),
			 0);
	}
	s->record.tracks = true;
	CHECK_EQ(vr_device_restore_in_flight(s->rig.device, base, popped), 0);
	vri_record_at(&s->record, base, popped);
}

static void end(struct scene *s)
{
	/* Killed in the middle of a recovery it may have private parts already. */
	s->record.tracks = true;
	vri_record_free(&s->record);
}

static void pop_some(struct scene *s)
{
	unsigned int count = s->batch;

	while (count--) {
		const unsigned int i = s->held_count;
		int got;

		if (i == SIZE_MAX_)
			return;
		got = vr_device_pop(s->rig.device, &s->held[i], 1, s->segments[i], SEGMENTS);
		CHECK(got >= 0);
		if (!got)
			return;
		s->held_count++;
	}
}

/* Completes some of what is held, in any order. */
static void complete_some(struct scene *s, unsigned int count)
{
	while (count-- && s->held_count) {
		const unsigned int i = below(s, s->held_count);
		const struct vr_chain chain = s->held[i];

		s->held[i] = s->held[--s->held_count];
		/* Short ones end a batch in order. */
		CHECK_EQ(vr_device_complete(s->rig.device, chain.handle,
					    below(s, 4) ? chain.writable_bytes :
							  chain.writable_bytes / 2),
			 0);
	}
}

static void put_one_back(struct scene *s)
{
	if (s->held_count && vr_device_unpop(s->rig.device, s->held[s->held_count - 1].handle) == 0)
		s->held_count--;
}

/* Both sides until all is done. */
static void live(struct scene *s)
{
	unsigned int turn;

	for (turn = 0; s->got < BUFFERS; turn++) {
		CHECK(turn < 1000);
		drive(s, 5);
		pop_some(s);
		if (turn % 7 == 3)
			put_one_back(s);
		complete_some(s, 1 + below(s, s->batch));
		if (s->batch == 1 || turn % 2)
			CHECK(vr_device_publish(s->rig.device, NULL) >= 0);
	}
	CHECK_EQ(s->got, s->sent);
}

/* A device that begins, or takes over, and is killed before its store number @at; false: it lived. */
static bool killed(struct scene *s, uint32_t at)
{
	killer.left = at;
	killer.made = 0;
	if (setjmp(killer.dead)) {
		end(s);
		return true;
	}
	killer.armed = true;
	begin(s);
	live(s);
	killer.armed = false;
	end(s);
	return false;
}

static void open_scene(struct scene *s, uint64_t features, unsigned int batch)
{
	const bool packed = is_packed(features);
	const struct rig_shape shape = { .features = features, .size = packed ? 13 : 16 };
	const size_t bytes = vri_inflight_bytes(packed, shape.size);

	*s = (struct scene){ .batch = batch };
	random_start(&s->random, seed);
	s->record_memory = aligned_alloc(64, bytes);
	CHECK(s->record_memory);
	memset(s->record_memory, 0, bytes);
	rig_open(&s->rig, &shape);
	peer_driver_open(&s->peer, &s->rig, NULL);
}

static void close_scene(struct scene *s)
{
	uint16_t id;
	uint32_t len;

	CHECK(!peer_driver_get(&s->peer, &id, &len));
	CHECK_EQ(s->got, BUFFERS);
	peer_driver_close(&s->peer);
	rig_close(&s->rig);
	free(s->record_memory);
}

/* Kills at store @first, the successor at its store @second (not at all when UINT32_MAX), and so on. */
static bool run(uint64_t features, unsigned int batch, uint32_t first, uint32_t second,
		bool meanwhile)
{
	static struct scene s;
	bool dead;

	context("%s, batches of %u, killed at %u, then at %u, driver %s", form_name(features),
		batch, first, second, meanwhile ? "goes on" : "waits");
	open_scene(&s, features, batch);
	dead = killed(&s, first);
	if (dead) {
		if (meanwhile)
			drive(&s, 3);
		if (!killed(&s, second)) {
			close_scene(&s);
			return true;
		}
		if (meanwhile)
			drive(&s, 3);
		CHECK(!killed(&s, UINT32_MAX));
	}
	close_scene(&s);
	return dead;
}

static const unsigned int batches[] = { 1, 8 };

static void every_store(void **state)
{
	uint32_t runs = 0;

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int i = 0; i < 2 * ARRAY_SIZE(batches); i++) {
			uint32_t at = 0;

			while (run(form->features, batches[i / 2], at, UINT32_MAX, i % 2)) {
				at++;
				runs++;
			}
			CHECK(at > 100);
		}
	}
	printf("REPORT: killed before each store: %u runs\n", runs);
}

static void every_store_and_the_successor(void **state)
{
	uint32_t runs = 0;

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int i = 0; i < 2 * ARRAY_SIZE(batches); i++) {
			uint32_t at = 0, second = 0;

			/* Most of a recovery lies within the first stores. */
			while (run(form->features, batches[i / 2], at, second, i % 2)) {
				second = second < 60 ? second + 1 : 0;
				at += second ? 0 : 11;
				runs++;
			}
		}
	}
	printf("REPORT: the successor killed, too: %u runs\n", runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_store),
		cmocka_unit_test(every_store_and_the_successor),
	};

	seed = random_seed(17);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
