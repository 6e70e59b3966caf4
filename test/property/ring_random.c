// SPDX-License-Identifier: BSD-3-Clause
/*
 * Long random traffic between both halves of the core, against a model: which buffer is where, what
 * its bytes are, and who sleeps. VR_SEED repeats a run.
 *
 * Payload is real: the driver fills readable memory, the device checks it and fills writable memory,
 * the driver checks that. Each side sleeps only when arming found nothing, and is woken only by the
 * other's verdict: a lost wake-up is work that waits for someone who sleeps.
 */
#include <stdlib.h>

#include "random.h"
#include "rig.h"

#define SLOT_BYTES 64u /* of payload, for each buffer and direction */
#define MOST_SEGMENTS 6u

struct record {
	uint64_t token;
	uint64_t handle;
	uint32_t out;
	uint32_t in;
	uint32_t len;
	uint32_t descriptors;
	uint32_t place; /* of its payload */
	bool complete;
};

/* A queue of records, by place. */
struct queue {
	uint32_t *item;
	uint32_t head;
	uint32_t count;
	uint32_t room;
};

struct world {
	struct rig rig;
	struct random random;
	const char *name;
	bool in_order;
	bool event_idx;
	uint32_t size;
	struct record *record; /* by place */
	struct queue places; /* free ones */
	struct queue staged;
	struct queue available;
	struct queue popped;
	struct queue done;
	struct queue used;
	uint32_t free; /* descriptors; only meaningful without tables */
	bool tables;
	uint64_t token; /* of the next buffer */
	uint64_t handed;
	bool driver_sleeps;
	uint32_t driver_wants; /* buffers; 0: any */
	bool device_sleeps;
	uint32_t burst;
};

static uint32_t queue_at(const struct queue *queue, uint32_t index)
{
	return queue->item[(queue->head + index) % queue->room];
}

static void queue_push(struct queue *queue, uint32_t value)
{
	queue->item[(queue->head + queue->count++) % queue->room] = value;
}

static void queue_unshift(struct queue *queue, uint32_t value)
{
	queue->head = (queue->head + queue->room - 1) % queue->room;
	queue->item[queue->head] = value;
	queue->count++;
}

static uint32_t queue_take(struct queue *queue, uint32_t index)
{
	uint32_t value = queue_at(queue, index);

	/* Close the gap from the side of the head: takes are mostly there. */
	for (uint32_t i = index; i > 0; i--)
		queue->item[(queue->head + i) % queue->room] =
			queue->item[(queue->head + i - 1) % queue->room];
	queue->head = (queue->head + 1) % queue->room;
	queue->count--;
	return value;
}

static void queue_open(struct queue *queue, uint32_t room)
{
	queue->item = calloc(room, sizeof(*queue->item));
	queue->room = room;
	queue->head = 0;
	queue->count = 0;
	CHECK(queue->item);
}

static struct queue *queues(struct world *w, unsigned int index)
{
	struct queue *all[] = { &w->places, &w->staged, &w->available,
				&w->popped, &w->done,	&w->used };

	return index < ARRAY_SIZE(all) ? all[index] : NULL;
}

static uint8_t pattern(uint64_t token, uint32_t at)
{
	return (uint8_t)(token * 31 + at * 7 + 1);
}

/* Cuts @bytes at @addr into 1..@most segments; answers how many. */
static unsigned int cut(struct world *w, uint64_t addr, uint32_t bytes, unsigned int most,
			struct vr_segment *segments)
{
	unsigned int count = 0;

	while (bytes && count + 1 < most && random_chance(&w->random, 1, 2)) {
		uint32_t piece = 1 + random_below(&w->random, bytes);

		segments[count++] = (struct vr_segment){ addr, piece, 0 };
		addr += piece;
		bytes -= piece;
	}
	if (bytes)
		segments[count++] = (struct vr_segment){ addr, bytes, 0 };
	return count;
}

/* A random buffer at @place, its readable bytes filled in. */
static struct vr_buffer make_buffer(struct world *w, uint32_t place, struct vr_segment *segments)
{
	struct record *r = &w->record[place];
	uint32_t at = place * SLOT_BYTES;
	uint32_t kind = random_below(&w->random, 3);
	unsigned int most = w->size < MOST_SEGMENTS ? w->size : MOST_SEGMENTS;
	struct vr_buffer b = { .segments = segments };

	if (w->size == 1 && kind == 2)
		kind = 0;
	r->place = place;
	r->token = w->token;
	r->complete = false;
	r->out = kind != 1 ? 1 + random_below(&w->random, SLOT_BYTES) : 0;
	r->in = kind != 0 ? 1 + random_below(&w->random, SLOT_BYTES) : 0;
	for (uint32_t i = 0; i < r->out; i++)
		w->rig.out.driver[at + i] = pattern(r->token, i);
	if (r->out)
		b.readable =
			(uint16_t)cut(w, RIG_OUT + at, r->out, r->in ? most / 2 : most, segments);
	if (r->in)
		b.writable = (uint16_t)cut(w, RIG_IN + at, r->in, most - b.readable,
					   segments + b.readable);
	b.token = r->token;
	b.context = r->token ^ place;
	return b;
}

static void step_add(struct world *w)
{
	uint32_t burst = 1 + random_below(&w->random, w->burst);

	while (burst--) {
		struct vr_segment segments[MOST_SEGMENTS];
		struct vr_buffer buffer;
		uint32_t before = vr_driver_free(w->rig.driver);
		uint32_t place;
		int taken;

		if (!w->places.count)
			return;
		place = queue_at(&w->places, 0);
		buffer = make_buffer(w, place, segments);
		taken = vr_driver_add(w->rig.driver, &buffer, 1);
		if (!w->tables)
			CHECK_EQ(taken, buffer.readable + buffer.writable <= (int)before);
		CHECK(taken == 0 || taken == 1);
		if (!taken)
			return;
		w->record[place].descriptors = before - vr_driver_free(w->rig.driver);
		queue_push(&w->staged, queue_take(&w->places, 0));
		w->token++;
	}
}

static void move_all(struct queue *from, struct queue *to)
{
	while (from->count)
		queue_push(to, queue_take(from, 0));
}

/* The driver publishes, and mostly asks for a verdict. */
static void step_publish(struct world *w)
{
	bool wake;

	CHECK_EQ(vr_driver_publish(w->rig.driver), w->staged.count);
	move_all(&w->staged, &w->available);
	if (!w->device_sleeps && random_chance(&w->random, 1, 3))
		return; /* one who polls asks for none */
	wake = vr_driver_must_notify(w->rig.driver);
	if (w->device_sleeps && w->available.count)
		CHECK(wake);
	if (wake)
		w->device_sleeps = false;
}

static void check_payload(struct world *w, const struct vr_chain *chain, struct record *r)
{
	uint32_t at = 0;

	CHECK_EQ(chain->readable_bytes, r->out);
	CHECK_EQ(chain->writable_bytes, r->in);
	for (uint32_t s = 0; s < chain->readable; s++)
		for (size_t i = 0; i < chain->segments[s].len; i++, at++)
			CHECK_EQ(((uint8_t *)chain->segments[s].base)[i], pattern(r->token, at));
	/* Write all of it now; how much counts is told when it is completed. */
	at = 0;
	for (uint32_t s = chain->readable; s < chain->readable + chain->writable; s++)
		for (size_t i = 0; i < chain->segments[s].len; i++, at++)
			((uint8_t *)chain->segments[s].base)[i] = pattern(~r->token, at);
	(void)w;
}

static void step_pop(struct world *w)
{
	struct vr_iovec segments[8 * MOST_SEGMENTS];
	struct vr_chain chains[8];
	uint32_t count = 1 + random_below(&w->random, 8);
	int got;

	if (w->device_sleeps)
		return;
	CHECK_EQ(vr_device_pending(w->rig.device), w->available.count > 0);
	got = vr_device_pop(w->rig.device, chains, count, segments, ARRAY_SIZE(segments));
	CHECK(got >= (w->available.count ? 1 : 0));
	CHECK((uint32_t)got <= w->available.count);
	for (int i = 0; i < got; i++) {
		struct record *r = &w->record[queue_take(&w->available, 0)];

		r->handle = chains[i].handle;
		CHECK_EQ(chains[i].descriptors, r->descriptors);
		check_payload(w, &chains[i], r);
		queue_push(&w->popped, r->place);
	}
	/* Sometimes the newest go back. */
	while (got-- > 0 && random_chance(&w->random, 1, 8)) {
		uint32_t place = queue_take(&w->popped, w->popped.count - 1);

		CHECK_EQ(vr_device_unpop(w->rig.device, w->record[place].handle), 0);
		queue_unshift(&w->available, place);
	}
}

static uint32_t random_len(struct world *w, const struct record *r)
{
	if (random_chance(&w->random, 1, 2))
		return r->in;
	return random_below(&w->random, r->in + 1);
}

/* Completes one, mostly among the oldest, sometimes any. */
static void step_complete(struct world *w)
{
	uint32_t burst = 1 + random_below(&w->random, w->burst);

	while (burst-- && w->popped.count) {
		uint32_t reach = random_chance(&w->random, 1, 2) ? 1 : w->popped.count;
		uint32_t index = random_below(&w->random, reach < 64 ? reach : 64);
		struct record *r = &w->record[queue_at(&w->popped, index)];
		uint32_t len = random_len(w, r);

		if (r->complete) {
			CHECK_EQ(vr_device_complete(w->rig.device, r->handle, 0), VR_E_STALE);
			continue;
		}
		if (index == 0 && random_chance(&w->random, 1, 2))
			CHECK_EQ(vr_device_complete_oldest(w->rig.device, &len, 1), 1);
		else
			CHECK_EQ(vr_device_complete(w->rig.device, r->handle, len), 0);
		r->len = len;
		r->complete = true;
		if (!w->in_order)
			queue_push(&w->done, queue_take(&w->popped, index));
		while (w->in_order && w->popped.count &&
		       w->record[queue_at(&w->popped, 0)].complete)
			queue_push(&w->done, queue_take(&w->popped, 0));
	}
	CHECK_EQ(vr_device_staged(w->rig.device), w->done.count);
}

/* The device publishes; the driver must hear of it if it waits for this many. */
static void step_use(struct world *w)
{
	bool wake;

	CHECK_EQ(vr_device_publish(w->rig.device, NULL), w->done.count);
	move_all(&w->done, &w->used);
	if (!w->driver_sleeps && random_chance(&w->random, 1, 3))
		return;
	wake = vr_device_must_notify(w->rig.device);
	if (w->driver_sleeps && w->used.count >= w->driver_wants)
		CHECK(wake);
	if (wake)
		w->driver_sleeps = false;
}

static void check_written(struct world *w, const struct record *r)
{
	for (uint32_t i = 0; i < r->len; i++)
		CHECK_EQ(w->rig.in.driver[r->place * SLOT_BYTES + i], pattern(~r->token, i));
}

static void step_get(struct world *w)
{
	struct vr_used used[8];
	uint32_t count = 1 + random_below(&w->random, 8);
	int got;

	if (w->driver_sleeps)
		return;
	got = vr_driver_get(w->rig.driver, used, count);
	CHECK(got >= (w->used.count ? 1 : 0));
	CHECK((uint32_t)got <= w->used.count);
	for (int i = 0; i < got; i++) {
		struct record *r = &w->record[queue_take(&w->used, 0)];

		CHECK(used[i].token == r->token);
		CHECK(used[i].context == (r->token ^ r->place));
		CHECK_EQ(used[i].len, r->len);
		check_written(w, r);
		queue_push(&w->places, r->place);
		w->handed++;
	}
	CHECK_EQ(vr_driver_pending(w->rig.driver), w->used.count > 0);
}

/* Going to sleep: only when arming found nothing. */
static void step_arm_driver(struct world *w)
{
	if (w->driver_sleeps)
		return;
	if (random_chance(&w->random, 1, 4)) {
		vr_driver_disarm(w->rig.driver, NULL);
		return;
	}
	if (random_chance(&w->random, 1, 2)) {
		bool there = vr_driver_arm(w->rig.driver, NULL);

		CHECK_EQ(there, w->used.count > 0);
		w->driver_wants = 1;
		w->driver_sleeps = !there;
	} else {
		uint32_t wants = random_below(&w->random, w->size + 2);
		uint32_t most =
			w->available.count + w->popped.count + w->done.count + w->used.count;

		w->driver_sleeps = !vr_driver_arm_delayed(w->rig.driver, wants, NULL);
		/* At the latest when all that the device has is used. */
		w->driver_wants = !wants || wants > most ? most : wants;
		if (!w->driver_wants)
			w->driver_wants = 1;
		if (w->driver_sleeps)
			CHECK(w->used.count < w->driver_wants);
	}
}

static void step_arm_device(struct world *w)
{
	if (w->device_sleeps)
		return;
	if (random_chance(&w->random, 1, 4)) {
		vr_device_disarm(w->rig.device, NULL);
		return;
	}
	w->device_sleeps = !vr_device_arm(w->rig.device, NULL);
	CHECK_EQ(w->device_sleeps, w->available.count == 0);
}

/* Stop, take everything back, start again on another size. */
static void step_reset(struct world *w)
{
	struct vr_used used[8];
	struct vr_ring ring = rig_driver_ring(&w->rig);
	uint64_t last = 0;
	uint32_t left = vr_driver_outstanding(w->rig.driver);
	int got;

	CHECK_EQ(left, w->staged.count + w->available.count + w->popped.count + w->done.count +
			       w->used.count);
	vr_driver_stop(w->rig.driver);
	while ((got = vr_driver_reclaim(w->rig.driver, used, 8)) > 0) {
		for (int i = 0; i < got; i++, left--) {
			struct record *r = &w->record[used[i].token ^ used[i].context];

			CHECK(r->token == used[i].token);
			if (w->in_order)
				CHECK(used[i].token >= last);
			last = used[i].token + 1;
			r->token = ~0ull; /* a second time would not match */
			queue_push(&w->places, r->place);
		}
	}
	CHECK_EQ(left, 0);
	for (unsigned int i = 1; queues(w, i); i++)
		queues(w, i)->count = 0;
	CHECK_EQ(vr_driver_resize(w->rig.driver, &ring, w->size), 0);
	ring = rig_device_ring(&w->rig);
	CHECK_EQ(vr_device_resize(w->rig.device, &ring, w->size), 0);
	w->driver_sleeps = false;
	w->device_sleeps = false;
}

/* The device half is replaced by another one when it may. */
static void step_move(struct world *w)
{
	uint32_t base;
	int result = vr_device_save(w->rig.device, false, &base);

	CHECK_EQ(result, w->popped.count + w->done.count ? VR_E_BUSY : 0);
	if (result)
		return;
	rig_start_device(&w->rig);
	CHECK_EQ(vr_device_restore(w->rig.device, base), 0);
	/* It has not armed, and the driver's verdict is about the one before. */
	w->device_sleeps = false;
}

static void any_step(struct world *w)
{
	uint32_t dice = random_below(&w->random, 1000);

	if (dice < 220)
		step_add(w);
	else if (dice < 380)
		step_publish(w);
	else if (dice < 540)
		step_pop(w);
	else if (dice < 700)
		step_complete(w);
	else if (dice < 820)
		step_use(w);
	else if (dice < 940)
		step_get(w);
	else if (dice < 968)
		step_arm_driver(w);
	else if (dice < 996)
		step_arm_device(w);
	else if (dice < 999)
		step_move(w);
	else if (random_chance(&w->random, 1, 20))
		step_reset(w);
}

/* Until nothing is on its way: no buffer may be stuck. */
static void drain(struct world *w)
{
	for (unsigned int rounds = 0; w->places.count < w->places.room; rounds++) {
		CHECK(rounds < 20 * w->size + 1000);
		step_publish(w);
		step_pop(w);
		step_complete(w);
		step_use(w);
		step_get(w);
		if (w->driver_sleeps && w->driver_wants > 1)
			w->driver_sleeps = false; /* a delay may wait for more than there is */
	}
}

struct plan {
	uint64_t more;
	uint32_t split_size;
	uint32_t packed_size;
	uint32_t burst;
	uint32_t buffers;
	uint32_t device_flags;
};

/* Machines that may be emulated get a shorter run; on small queues the indexes still wrap. */
static uint32_t buffers_of(const struct plan *plan, uint32_t size)
{
#ifndef __x86_64__
	if (size > 16)
		return plan->buffers / 10;
#endif
	(void)size;
	return plan->buffers;
}

static void run(const struct form *form, const struct plan *plan, uint64_t seed)
{
	uint32_t size = is_packed(form->features) ? plan->packed_size : plan->split_size;
	const struct rig_shape shape = { .features = form->features | plan->more,
					 .size = size,
					 .entries = 4,
					 .indirect_min = 3,
					 .device_flags = plan->device_flags,
					 .payload = (size_t)(size + 4) * SLOT_BYTES };
	struct world w = { .size = size,
			   .free = size,
			   .burst = plan->burst,
			   .in_order = is_in_order(form->features),
			   .tables = plan->more & VR_F_INDIRECT_DESC };

	context("%s, size %u, burst %u, seed %llu", form_name(shape.features), size, plan->burst,
		(unsigned long long)seed);
	random_start(&w.random, seed);
	rig_open_both(&w.rig, &shape);
	w.record = calloc(size + 4, sizeof(*w.record));
	CHECK(w.record);
	for (unsigned int i = 0; queues(&w, i); i++)
		queue_open(queues(&w, i), size + 4);
	for (uint32_t i = 0; i < size + 4; i++)
		queue_push(&w.places, i);
	while (w.handed < buffers_of(plan, size))
		any_step(&w);
	drain(&w);
	for (unsigned int i = 0; queues(&w, i); i++)
		free(queues(&w, i)->item);
	free(w.record);
	rig_close(&w.rig);
}

static uint64_t seed;

static void run_forms(const struct plan *plan)
{
	FOR_EACH_FORM(form)
	run(form, plan, seed++);
}

static void small_queues(void **state)
{
	static const struct plan plans[] = {
		{ 0, 1, 1, 2, 3000, 0 },
		{ VR_F_EVENT_IDX, 1, 1, 2, 3000, 0 },
		{ VR_F_EVENT_IDX, 2, 2, 3, 3000, 0 },
		{ VR_F_EVENT_IDX, 4, 3, 3, 3000, VR_DEVICE_ENTRY_EACH },
		{ VR_F_EVENT_IDX | VR_F_INDIRECT_DESC, 4, 5, 4, 5000, VR_DEVICE_CHECK_HEADS },
		{ VR_F_EVENT_IDX, 8, 7, 6, 5000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
		run_forms(&plans[i]);
}

/* More than 65536 buffers, so that every index wraps. */
static void indexes_wrap(void **state)
{
	static const struct plan plans[] = {
		{ VR_F_EVENT_IDX, 16, 13, 8, 70000, 0 },
		{ VR_F_EVENT_IDX | VR_F_INDIRECT_DESC, 256, 1000, 40, 70000, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
		run_forms(&plans[i]);
}

static void the_largest_queue(void **state)
{
	static const struct plan plan = { VR_F_EVENT_IDX, 32768, 32768, 2000, 70000, 0 };

	(void)state;
	run_forms(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_queues),
		cmocka_unit_test(indexes_wrap),
		cmocka_unit_test(the_largest_queue),
	};

	seed = random_seed(20240229);
	return RIG_RUN_TESTS(tests);
}
