// SPDX-License-Identifier: BSD-3-Clause
/* Who is told of each step of a device half, and gives it buffers again. */
#include "peer_driver.h"

#define SEGMENTS 16

static const struct peer_element out[] = { { RIG_OUT, 4, false }, { RIG_IN, 16, true } };

/* What was told, a letter each: Popped, Unpopped, Completed, publishinG, published (V), Stored. */
struct told {
	char steps[64];
	unsigned int count;
	uint64_t handles[8]; /* completed */
	unsigned int completed;
	unsigned int publishing;
	uint32_t stored; /* bytes */
	uint16_t heads[8]; /* to be given again */
	struct vr_descriptor saved[8][2];
	unsigned int again;
	unsigned int next;
};

static void note(struct told *told, char step)
{
	CHECK(told->count < sizeof(told->steps) - 1);
	told->steps[told->count++] = step;
}

static void popped(void *context, const struct vr_chain *chains, unsigned int count)
{
	(void)chains;
	for (unsigned int i = 0; i < count; i++)
		note(context, 'P');
}

static void unpopped(void *context, uint64_t handle)
{
	(void)handle;
	note(context, 'U');
}

static void completed(void *context, uint64_t handle)
{
	struct told *told = context;

	note(told, 'C');
	told->handles[told->completed++ % 8] = handle;
}

static void publishing(void *context, unsigned int count)
{
	struct told *told = context;

	note(told, 'G');
	told->publishing = count;
}

static void published(void *context, unsigned int count)
{
	struct told *told = context;

	note(told, 'V');
	CHECK_EQ(told->publishing, count);
}

static void stored(void *context, const struct vr_stored *ranges)
{
	struct told *told = context;

	note(told, 'S');
	for (uint32_t i = 0; i < ranges->count; i++)
		told->stored += ranges->range[i].length;
}

static int again(void *context, struct vr_device *device, struct vr_chain *chain,
		 struct vr_iovec *segments, unsigned int segment_count)
{
	struct told *told = context;
	unsigned int n = told->next;
	int got;

	CHECK(n < told->again);
	got = vr_device_resubmit_split(device, told->heads[n], chain, segments, segment_count);
	if (got == VR_E_STATE)
		got = vr_device_resubmit_packed(device, told->saved[n], 2, chain, segments,
						segment_count);
	told->next += got == 1;
	return got;
}

struct bench {
	struct rig rig;
	struct peer_driver peer;
	struct told told;
	struct vr_device_observer observer;
	struct vr_iovec segment[SEGMENTS];
};

static void start(struct bench *b)
{
	struct vr_device_config config = rig_device_config(&b->rig);

	config.observer = &b->observer;
	CHECK_EQ(rig_init_device(&b->rig, &config), 0);
}

static void bench_open(struct bench *b, uint64_t features, uint32_t size)
{
	const struct rig_shape shape = { .features = features, .size = size };

	*b = (struct bench){ .told.count = 0 };
	b->observer = (struct vr_device_observer){
		.popped = popped,
		.unpopped = unpopped,
		.completed = completed,
		.publishing = publishing,
		.published = published,
		.stored = stored,
		.again = again,
		.context = &b->told,
	};
	rig_open(&b->rig, &shape);
	start(b);
	peer_driver_open(&b->peer, &b->rig, NULL);
}

static void bench_close(struct bench *b)
{
	peer_driver_close(&b->peer);
	rig_close(&b->rig);
}

static void told_is(struct bench *b, const char *steps)
{
	b->told.steps[b->told.count] = '\0';
	assert_string_equal(b->told.steps, steps);
	b->told.count = 0;
}

static void every_step_is_told(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain[3];
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features | VR_F_EVENT_IDX, 8);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, SEGMENTS), 0);
		CHECK(!vr_device_arm(b.rig.device, NULL));
		told_is(&b, "S");
		for (unsigned int i = 0; i < 3; i++)
			peer_driver_send(&b.peer, out, 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, SEGMENTS), 3);
		told_is(&b, "PPP");
		CHECK_EQ(vr_device_unpop(b.rig.device, chain[0].handle), VR_E_STALE);
		CHECK_EQ(vr_device_unpop(b.rig.device, chain[2].handle), 0);
		told_is(&b, "U");
		/* What is refused is not told. */
		CHECK_EQ(vr_device_complete(b.rig.device, chain[1].handle, 17), VR_E_INVAL);
		CHECK_EQ(vr_device_complete(b.rig.device, chain[2].handle, 0), VR_E_STALE);
		told_is(&b, "");
		CHECK_EQ(vr_device_complete(b.rig.device, chain[1].handle, 16), 0);
		CHECK_EQ(b.told.handles[0], chain[1].handle);
		CHECK_EQ(vr_device_complete(b.rig.device, chain[0].handle, 16), 0);
		told_is(&b, "CC");
		b.told.stored = 0;
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 2);
		told_is(&b, "GVS");
		CHECK_EQ(b.told.publishing, 2);
		/* The entries, and the index of a split ring. */
		CHECK(b.told.stored >= (is_packed(form->features) ? 16 : 10));
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 0);
		vr_device_disarm(b.rig.device, NULL);
		told_is(&b, "S");
		vr_device_disarm(b.rig.device, NULL);
		told_is(&b, "");
		bench_close(&b);
	}
}

/* In order a publish shows fewer than were completed, and later more. */
static void parked_buffers_are_not_published(void **state)
{
	static const uint64_t layouts[] = { SPLIT_IN_ORDER, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vr_chain chain[3];
		struct bench b;

		context("%s", form_name(layouts[i]));
		bench_open(&b, layouts[i], 8);
		for (unsigned int n = 0; n < 3; n++)
			peer_driver_send(&b.peer, out, 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, SEGMENTS), 3);
		CHECK_EQ(vr_device_complete(b.rig.device, chain[1].handle, 16), 0);
		CHECK_EQ(vr_device_complete(b.rig.device, chain[2].handle, 16), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 0);
		told_is(&b, "PPPCC");
		CHECK_EQ(vr_device_complete(b.rig.device, chain[0].handle, 16), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 3);
		told_is(&b, "CGVS");
		CHECK_EQ(b.told.publishing, 3);
		bench_close(&b);
	}
}

static void the_oldest_are_told_one_by_one(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const uint32_t lens[3] = { 16, 16, 17 };
		struct vr_chain chain[4];
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		for (unsigned int n = 0; n < 4; n++)
			peer_driver_send(&b.peer, out, 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 4, b.segment, SEGMENTS), 4);
		b.told.count = 0;
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, lens, 3), 2);
		told_is(&b, "CC");
		CHECK_EQ(b.told.handles[0], chain[0].handle);
		CHECK_EQ(b.told.handles[1], chain[1].handle);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, lens + 2, 1), VR_E_INVAL);
		/* In order the parked one goes along with the third, and ends the call. */
		CHECK_EQ(vr_device_complete(b.rig.device, chain[3].handle, 16), 0);
		told_is(&b, "C");
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, lens, 2), 1);
		told_is(&b, "C");
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 4);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, lens, 2), 0);
		bench_close(&b);
	}
}

/* Recorded buffers come out of the pop, before what is new. */
static void recorded_buffers_are_popped(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);
		struct vr_chain chain[3];
		struct bench b;
		uint16_t id[3];
		uint32_t base;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		for (uint32_t n = 0; n < 2; n++) {
			id[n] = peer_driver_send(&b.peer, out, 2);
			b.told.heads[n] = id[n];
			for (uint32_t i = 0; i < 2 && packed; i++) {
				struct raw_desc d = packed_desc(b.rig.raw.descriptors, n * 2 + i);

				b.told.saved[n][i] =
					(struct vr_descriptor){ d.addr, d.len, d.id,
								d.flags & (RAW_NEXT | RAW_WRITE) };
			}
		}
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 2, b.segment, SEGMENTS), 2);
		/* Of the two entries the second is in the ring already: it must not come to light. */
		if (!is_in_order(form->features))
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 2), 2);
		CHECK_EQ(vr_device_save(b.rig.device, true, &base), 0);
		b.told.again = 2;
		start(&b);
		CHECK_EQ(vr_device_restore_in_flight(b.rig.device, base, packed ? 4 : 2), 0);
		CHECK(vr_device_pending(b.rig.device));
		id[2] = peer_driver_send(&b.peer, out, 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, 1), VR_E_SEGMENTS);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 3, b.segment, 3), 1);
		CHECK_EQ(chain[0].id, id[0]);
		CHECK_EQ(vr_device_pop(b.rig.device, chain + 1, 2, b.segment + 2, SEGMENTS - 2), 1);
		CHECK_EQ(chain[1].id, id[1]);
		for (unsigned int n = 0; n < 3; n++) {
			uint16_t got;
			uint32_t len;

			if (n == 2)
				CHECK_EQ(vr_device_pop(b.rig.device, chain + 2, 1, b.segment, 2),
					 1);
			CHECK_EQ(vr_device_complete(b.rig.device, chain[n].handle, 16), 0);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
			CHECK(peer_driver_get(&b.peer, &got, &len));
			CHECK_EQ(got, id[n]);
			/* Nothing of what was cut short is seen. */
			CHECK(!peer_driver_get(&b.peer, &got, &len));
		}
		bench_close(&b);
	}
}

static void a_broken_queue_gives_nothing_again(void **state)
{
	struct vr_chain chain;
	struct bench b;

	(void)state;
	bench_open(&b, SPLIT, 8);
	b.told.again = 1;
	b.told.heads[0] = 9;
	CHECK_EQ(vr_device_restore_in_flight(b.rig.device, 0, 1), 0);
	CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS), VR_E_BROKEN);
	CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS), VR_E_BROKEN);
	CHECK(vr_device_pending(b.rig.device));
	CHECK_EQ(vr_device_publish(b.rig.device, NULL), VR_E_BROKEN);
	told_is(&b, "");
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_is_told),
		cmocka_unit_test(parked_buffers_are_not_published),
		cmocka_unit_test(the_oldest_are_told_one_by_one),
		cmocka_unit_test(recorded_buffers_are_popped),
		cmocka_unit_test(a_broken_queue_gives_nothing_again),
	};

	return RIG_RUN_TESTS(tests);
}
