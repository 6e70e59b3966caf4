// SPDX-License-Identifier: BSD-3-Clause
/*
 * Long random traffic between one half of the core and an honest peer that was written from the
 * specification alone: what both halves of the core might get wrong in the same way shows here. The
 * peers check every rule that the other side can see. VR_SEED repeats a run.
 */
#include "peer_driver.h"

#define MOST 6u
#define OUTSTANDING 64u

struct entry {
	uint64_t token;
	uint16_t id;
	unsigned int elements;
	uint32_t capacity;
	uint32_t len;
	uint32_t offset;
};

/* Random elements: readable ones, then writable ones. Answers how many are readable. */
static unsigned int shape_of(struct random *random, uint32_t size, unsigned int *count)
{
	*count = 1 + random_below(random, size < MOST ? size : MOST);
	return random_below(random, *count + 1);
}

/* The driver half against the honest device. */

struct driver_run {
	struct rig rig;
	struct peer_device peer;
	struct random random;
	bool in_order;
	struct entry expected[OUTSTANDING]; /* by token */
	struct peer_chain taken[OUTSTANDING];
	uint64_t taken_token[OUTSTANDING];
	unsigned int taken_count;
	uint64_t used[OUTSTANDING]; /* tokens, in the order of use */
	unsigned int used_count;
	uint64_t added;
	uint64_t published;
	uint64_t popped;
	uint64_t handed;
};

static void driver_adds(struct driver_run *run)
{
	struct vr_segment segments[MOST];
	struct entry *e = &run->expected[run->added % OUTSTANDING];
	unsigned int count;
	unsigned int readable;
	uint32_t len = 1 + random_below(&run->random, 100);
	struct vr_buffer buffer;
	int taken;

	if (run->added - run->handed == OUTSTANDING)
		return;
	readable = shape_of(&run->random, run->rig.shape.size, &count);
	buffer = rig_buffer(segments, readable, count - readable, len,
			    random_below(&run->random, 1000), run->added);
	taken = vr_driver_add(run->rig.driver, &buffer, 1);
	CHECK(taken == 0 || taken == 1);
	if (!taken) {
		CHECK(vr_driver_free(run->rig.driver) < count);
		return;
	}
	*e = (struct entry){ .token = run->added,
			     .elements = count,
			     .capacity = len * (count - readable),
			     .offset = (uint32_t)(count > readable ?
							  segments[readable].addr - RIG_IN :
							  segments[0].addr - RIG_OUT) };
	run->added++;
	if (random_chance(&run->random, 1, 2)) {
		CHECK_EQ(vr_driver_publish(run->rig.driver), run->added - run->published);
		run->published = run->added;
	}
}

static void peer_takes(struct driver_run *run)
{
	struct peer_chain *chain = &run->taken[run->taken_count];
	const struct entry *e = &run->expected[run->popped % OUTSTANDING];
	const struct peer_element *last;

	if (!peer_device_take(&run->peer, chain)) {
		CHECK_EQ(run->popped, run->published);
		return;
	}
	CHECK(run->popped < run->published);
	CHECK_EQ(chain->count, e->elements);
	CHECK_EQ(chain->capacity, e->capacity);
	last = &chain->element[0];
	for (unsigned int i = 0; i < chain->count && !last->write; i++)
		last = &chain->element[i];
	CHECK_EQ(last->addr - (last->write ? RIG_IN : RIG_OUT),
		 last->write ? e->offset : e->offset + (e->elements - 1) * last->len);
	run->taken_token[run->taken_count++] = run->popped++;
}

/* In order a run of 1..all oldest ones by one entry, else any one. */
static void peer_uses(struct driver_run *run)
{
	unsigned int count = 1;
	unsigned int at = 0;
	struct entry *e;

	if (!run->taken_count)
		return;
	if (run->in_order)
		count = 1 + random_below(&run->random, run->taken_count);
	else
		at = random_below(&run->random, run->taken_count);
	for (unsigned int i = 0; i < count; i++) {
		e = &run->expected[run->taken_token[at + i] % OUTSTANDING];
		e->len = e->capacity;
		run->used[run->used_count++] = e->token;
	}
	e = &run->expected[run->taken_token[at + count - 1] % OUTSTANDING];
	e->len = random_below(&run->random, e->capacity + 1);
	peer_device_use_run(&run->peer, &run->taken[at], count, e->len);
	run->taken_count -= count;
	memmove(&run->taken[at], &run->taken[at + count],
		(run->taken_count - at) * sizeof(run->taken[0]));
	memmove(&run->taken_token[at], &run->taken_token[at + count],
		(run->taken_count - at) * sizeof(run->taken_token[0]));
}

static void driver_gets(struct driver_run *run)
{
	struct vr_used used[8];
	int got = vr_driver_get(run->rig.driver, used, 1 + random_below(&run->random, 8));

	CHECK(got >= (run->used_count ? 1 : 0));
	CHECK((unsigned int)got <= run->used_count);
	for (int i = 0; i < got; i++) {
		CHECK_EQ(used[i].token, run->used[i]);
		CHECK_EQ(used[i].len, run->expected[run->used[i] % OUTSTANDING].len);
	}
	run->used_count -= (unsigned int)got;
	memmove(run->used, run->used + got, run->used_count * sizeof(run->used[0]));
	run->handed += (unsigned int)got;
	CHECK_EQ(vr_driver_pending(run->rig.driver), run->used_count > 0);
}

/* A buffer's entry is by token; out of order the window must not overtake the oldest. */
static bool window_open(const struct driver_run *run)
{
	uint64_t oldest = run->added;

	for (unsigned int i = 0; i < run->taken_count; i++)
		if (run->taken_token[i] < oldest)
			oldest = run->taken_token[i];
	for (unsigned int i = 0; i < run->used_count; i++)
		if (run->used[i] < oldest)
			oldest = run->used[i];
	return run->added - oldest < OUTSTANDING && run->added - run->popped < OUTSTANDING / 2;
}

static void driver_against_peer(uint64_t features, uint32_t size, uint32_t buffers, uint64_t seed)
{
	const struct rig_shape shape = {
		.features = features, .size = size, .entries = 5, .indirect_min = 3
	};
	static struct driver_run run;

	memset(&run, 0, sizeof(run));
	context("driver, %s, size %u, seed %llu", form_name(features), size,
		(unsigned long long)seed);
	random_start(&run.random, seed);
	run.in_order = is_in_order(features);
	rig_open(&run.rig, &shape);
	rig_start_driver(&run.rig);
	peer_device_open(&run.peer, &run.rig);
	while (run.handed < buffers) {
		switch (random_below(&run.random, 4)) {
		case 0:
			if (window_open(&run))
				driver_adds(&run);
			break;
		case 1:
			if (run.taken_count < OUTSTANDING)
				peer_takes(&run);
			break;
		case 2:
			peer_uses(&run);
			break;
		default:
			driver_gets(&run);
		}
		if (run.published < run.added && random_chance(&run.random, 1, 4)) {
			CHECK(vr_driver_publish(run.rig.driver) > 0);
			run.published = run.added;
		}
	}
	peer_device_close(&run.peer);
	rig_close(&run.rig);
}

/* The device half against the honest driver. */

struct device_run {
	struct rig rig;
	struct peer_driver peer;
	struct random random;
	bool in_order;
	struct entry queued[OUTSTANDING]; /* available, oldest first */
	unsigned int queued_count;
	struct entry popped[OUTSTANDING];
	uint64_t handle[OUTSTANDING];
	unsigned int popped_count;
	struct entry used[OUTSTANDING]; /* published or to be published, in this order */
	unsigned int used_count;
	unsigned int visible; /* of used */
	uint64_t done;
};

static void peer_adds(struct device_run *run)
{
	struct peer_element elements[MOST];
	struct entry e = { .capacity = 0 };
	unsigned int readable;
	enum peer_shape shape;
	unsigned int direct;
	int id;

	if (run->queued_count + run->popped_count + run->used_count >= OUTSTANDING - 1)
		return;
	readable = shape_of(&run->random, run->rig.shape.size, &e.elements);
	for (unsigned int i = 0; i < e.elements; i++) {
		bool write = i >= readable;

		elements[i] = (struct peer_element){ (write ? RIG_IN : RIG_OUT) +
							     random_below(&run->random, 60000),
						     random_below(&run->random, 4000), write };
		e.capacity += write ? elements[i].len : 0;
	}
	shape = (enum peer_shape)random_below(&run->random, is_packed(run->peer.features) ? 2 : 3);
	direct = random_below(&run->random, e.elements);
	id = peer_driver_add(&run->peer, elements, e.elements, shape, direct);
	if (id < 0)
		return;
	e.id = (uint16_t)id;
	peer_driver_publish(&run->peer);
	run->queued[run->queued_count++] = e;
}

static void device_pops(struct device_run *run)
{
	struct vr_iovec segments[4 * MOST];
	struct vr_chain chains[4];
	int got = vr_device_pop(run->rig.device, chains, 1 + random_below(&run->random, 4),
				segments, ARRAY_SIZE(segments));

	CHECK(got >= (run->queued_count ? 1 : 0));
	CHECK((unsigned int)got <= run->queued_count);
	for (int i = 0; i < got; i++) {
		CHECK_EQ(chains[i].id, run->queued[i].id);
		CHECK_EQ(chains[i].writable_bytes, run->queued[i].capacity);
		run->handle[run->popped_count] = chains[i].handle;
		run->popped[run->popped_count++] = run->queued[i];
	}
	run->queued_count -= (unsigned int)got;
	memmove(run->queued, run->queued + got, run->queued_count * sizeof(run->queued[0]));
}

/* Completes any popped one; the driver must see them in order all the same. */
static void device_completes(struct device_run *run)
{
	unsigned int at;
	struct entry *e;

	if (!run->popped_count)
		return;
	at = random_below(&run->random, run->popped_count);
	e = &run->popped[at];
	if (e->token)
		return; /* complete, parked */
	e->len = random_chance(&run->random, 1, 2) ? e->capacity :
						     random_below(&run->random, e->capacity + 1);
	CHECK_EQ(vr_device_complete(run->rig.device, run->handle[at], e->len), 0);
	e->token = 1;
	for (at = run->in_order ? 0 : at; run->popped_count && run->popped[at].token; at = 0) {
		run->used[run->used_count++] = run->popped[at];
		run->popped_count--;
		memmove(run->popped + at, run->popped + at + 1,
			(run->popped_count - at) * sizeof(run->popped[0]));
		memmove(run->handle + at, run->handle + at + 1,
			(run->popped_count - at) * sizeof(run->handle[0]));
	}
}

static void device_publishes(struct device_run *run)
{
	CHECK_EQ(vr_device_publish(run->rig.device, NULL), run->used_count - run->visible);
	run->visible = run->used_count;
}

static void peer_gets(struct device_run *run)
{
	uint32_t len;
	uint16_t id;

	if (!peer_driver_get(&run->peer, &id, &len)) {
		CHECK_EQ(run->visible, 0);
		return;
	}
	CHECK(run->visible > 0);
	CHECK_EQ(id, run->used[0].id);
	CHECK_EQ(len, run->used[0].len);
	run->visible--;
	run->used_count--;
	memmove(run->used, run->used + 1, run->used_count * sizeof(run->used[0]));
	run->done++;
}

static void device_against_peer(uint64_t features, uint32_t size, uint32_t flags, uint32_t buffers,
				uint64_t seed)
{
	const struct rig_shape shape = { .features = features | VR_F_INDIRECT_DESC,
					 .size = size,
					 .entries = MOST,
					 .device_flags = flags };
	static struct device_run run;

	memset(&run, 0, sizeof(run));
	context("device, %s, size %u, seed %llu", form_name(features), size,
		(unsigned long long)seed);
	random_start(&run.random, seed);
	run.in_order = is_in_order(features);
	rig_open(&run.rig, &shape);
	rig_start_device(&run.rig);
	peer_driver_open(&run.peer, &run.rig, &run.random);
	while (run.done < buffers) {
		switch (random_below(&run.random, 5)) {
		case 0:
			peer_adds(&run);
			break;
		case 1:
			device_pops(&run);
			break;
		case 2:
			device_completes(&run);
			break;
		case 3:
			device_publishes(&run);
			break;
		default:
			peer_gets(&run);
		}
	}
	peer_driver_close(&run.peer);
	rig_close(&run.rig);
}

static uint64_t seed;

struct plan {
	uint32_t split_size;
	uint32_t packed_size;
	uint32_t buffers;
};

/* Machines that may be emulated get a shorter run. */
#ifdef __x86_64__
#define LONG 70000
#else
#define LONG 10000
#endif

static const struct plan plans[] = {
	{ 1, 1, 2000 }, { 2, 2, 3000 }, { 4, 3, 5000 }, { 8, 11, LONG }, { 64, 65, LONG / 4 },
};

static void the_driver_half(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		FOR_EACH_FORM(form)
		{
			uint32_t size = is_packed(form->features) ? plans[i].packed_size :
								    plans[i].split_size;

			driver_against_peer(form->features, size, plans[i].buffers, seed++);
			driver_against_peer(form->features | VR_F_INDIRECT_DESC, size,
					    plans[i].buffers, seed++);
		}
	}
}

static void the_device_half(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		FOR_EACH_FORM(form)
		{
			uint32_t size = is_packed(form->features) ? plans[i].packed_size :
								    plans[i].split_size;

			device_against_peer(form->features, size, 0, plans[i].buffers, seed++);
			device_against_peer(form->features, size,
					    VR_DEVICE_ENTRY_EACH | VR_DEVICE_CHECK_HEADS,
					    plans[i].buffers, seed++);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_driver_half),
		cmocka_unit_test(the_device_half),
	};

	seed = random_seed(7);
	return RIG_RUN_TESTS(tests);
}
