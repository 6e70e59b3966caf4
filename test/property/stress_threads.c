// SPDX-License-Identifier: BSD-3-Clause
/*
 * Driver and device in two threads, polling or sleeping. Payload is plain memory, and ring memory is
 * touched by the core alone, so ThreadSanitizer judges whether the ring orders the payload. A
 * sleeper that nobody wakes in time is a lost notification and fails the test.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "random.h"
#include "rig.h"

#define BURST 16u
#define BUFFER_BYTES 32u
#define WAIT_SECONDS 30

/* Like an eventfd: signalled until somebody waits. */
struct event {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool set;
};

enum mode {
	POLL,
	SLEEP,
	SLEEP_DELAYED
};

struct side {
	struct world *world;
	struct event event;
	struct random random;
	uint64_t sleeps;
};

struct world {
	struct rig rig;
	enum mode mode;
	bool in_order;
	uint32_t total;
	struct side driver;
	struct side device;
	_Atomic(const char *) failure;
};

static void give_up(struct world *w, const char *why)
{
	const char *none = NULL;

	atomic_compare_exchange_strong(&w->failure, &none, why);
}

static bool failed(struct world *w)
{
	return atomic_load(&w->failure) != NULL;
}

static void event_signal(struct event *event)
{
	pthread_mutex_lock(&event->lock);
	event->set = true;
	pthread_cond_signal(&event->changed);
	pthread_mutex_unlock(&event->lock);
}

/* False after a time in which any honest notification would have come. */
static bool event_wait(struct event *event)
{
	struct timespec until;
	bool set;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_SECONDS;
	pthread_mutex_lock(&event->lock);
	while (!event->set &&
	       pthread_cond_timedwait(&event->changed, &event->lock, &until) != ETIMEDOUT)
		;
	set = event->set;
	event->set = false;
	pthread_mutex_unlock(&event->lock);
	return set;
}

/* Sleeps until notified, unless arming found something. */
static void rest(struct world *w, struct side *side, bool something_arrived)
{
	if (something_arrived)
		return;
	side->sleeps++;
	if (!event_wait(&side->event))
		give_up(w, side == &w->driver ? "the driver was not notified" :
						"the device was not notified");
}

static uint8_t pattern(uint64_t token, uint32_t at)
{
	return (uint8_t)(token * 13 + at + 1);
}

/* Buffer @token: 1..2 readable segments and, two times of three, a writable one. */
static struct vr_buffer make_buffer(struct world *w, uint64_t token, uint32_t place,
				    struct vr_segment *segments)
{
	uint32_t at = place * BUFFER_BYTES;
	struct vr_buffer b = { .segments = segments,
			       .readable =
				       (uint16_t)(w->rig.shape.size > 3 && token % 4 == 0 ? 2 : 1),
			       .writable = w->rig.shape.size > 1 && token % 3 != 0,
			       .token = token,
			       .context = place };

	for (uint32_t i = 0; i < BUFFER_BYTES; i++)
		w->rig.out.driver[at + i] = pattern(token, i);
	segments[0] = (struct vr_segment){ RIG_OUT + at, BUFFER_BYTES / b.readable, 0 };
	segments[1] = (struct vr_segment){ RIG_OUT + at + BUFFER_BYTES / 2, BUFFER_BYTES / 2, 0 };
	segments[b.readable] = (struct vr_segment){ RIG_IN + at, BUFFER_BYTES, 0 };
	return b;
}

/* Places of payload that no outstanding buffer has. */
struct places {
	uint32_t free[1024];
	uint32_t count;
};

static uint32_t driver_adds(struct world *w, struct places *places, uint64_t *token)
{
	uint32_t burst = 1 + random_below(&w->driver.random, BURST);
	uint32_t added = 0;

	while (added < burst && places->count && *token < w->total) {
		struct vr_segment segments[3];
		struct vr_buffer buffer =
			make_buffer(w, *token, places->free[places->count - 1], segments);
		int taken = vr_driver_add(w->rig.driver, &buffer, 1);

		if (taken < 0)
			give_up(w, "add was refused");
		if (taken <= 0)
			break;
		places->count--;
		added++;
		++*token;
	}
	if (!added)
		return 0;
	if (vr_driver_publish(w->rig.driver) != (int)added)
		give_up(w, "publish did not count what was added");
	if (w->mode != POLL && vr_driver_must_notify(w->rig.driver))
		event_signal(&w->device.event);
	return added;
}

static void check_used(struct world *w, const struct vr_used *used)
{
	uint32_t at = (uint32_t)used->context * BUFFER_BYTES;

	for (uint32_t i = 0; i < used->len; i++)
		if (w->rig.in.driver[at + i] != pattern(~used->token, i))
			give_up(w, "the driver found other bytes than were written");
	if (w->rig.shape.size > 1 && used->token % 3 != 0 && used->token % 2 &&
	    used->len != BUFFER_BYTES)
		give_up(w, "a length is not what was written");
}

static uint32_t driver_gets(struct world *w, struct places *places, uint64_t *next)
{
	struct vr_used used[BURST];
	int got = vr_driver_get(w->rig.driver, used, BURST);

	if (got < 0) {
		give_up(w, "the driver's queue broke");
		return 0;
	}
	for (int i = 0; i < got; i++) {
		if (w->in_order && used[i].token != *next)
			give_up(w, "buffers came back out of order");
		++*next;
		check_used(w, &used[i]);
		places->free[places->count++] = (uint32_t)used[i].context;
	}
	return (uint32_t)got;
}

static void driver_rests(struct world *w)
{
	bool arrived;

	if (w->mode == POLL) {
		sched_yield();
		return;
	}
	if (w->mode == SLEEP_DELAYED && random_chance(&w->driver.random, 1, 2))
		arrived = vr_driver_arm_delayed(w->rig.driver, random_below(&w->driver.random, 6),
						NULL);
	else
		arrived = vr_driver_arm(w->rig.driver, NULL);
	rest(w, &w->driver, arrived);
	if (random_chance(&w->driver.random, 1, 2))
		vr_driver_disarm(w->rig.driver, NULL);
}

static void *driver_thread(void *argument)
{
	struct world *w = argument;
	struct places places = { .count = 0 };
	uint64_t token = 0;
	uint64_t back = 0;

	for (uint32_t i = 0; i < w->rig.shape.size + 2; i++)
		places.free[places.count++] = i;
	while (back < w->total && !failed(w)) {
		uint32_t moved = driver_adds(w, &places, &token);

		moved += driver_gets(w, &places, &back);
		if (!moved)
			driver_rests(w);
	}
	event_signal(&w->device.event);
	return NULL;
}

/* Checks what it may read, fills what it may write; answers how much of it counts. */
static uint32_t serve(struct world *w, const struct vr_chain *chain, uint64_t token)
{
	uint32_t at = 0;

	for (uint32_t s = 0; s < chain->readable; s++)
		for (size_t i = 0; i < chain->segments[s].len; i++, at++)
			if (((uint8_t *)chain->segments[s].base)[i] != pattern(token, at))
				give_up(w, "the device found other bytes than were sent");
	at = 0;
	for (uint32_t s = chain->readable; s < chain->readable + chain->writable; s++)
		for (size_t i = 0; i < chain->segments[s].len; i++, at++)
			((uint8_t *)chain->segments[s].base)[i] = pattern(~token, at);
	return token % 2 ? chain->writable_bytes : chain->writable_bytes / 2;
}

static uint32_t device_works(struct world *w, uint64_t *token)
{
	struct vr_iovec segments[3 * BURST];
	struct vr_chain chains[BURST];
	uint32_t lens[BURST];
	uint32_t first;
	int got = vr_device_pop(w->rig.device, chains, BURST, segments, ARRAY_SIZE(segments));

	if (got < 0)
		give_up(w, "the device's queue broke");
	if (got <= 0)
		return 0;
	for (int i = 0; i < got; i++)
		lens[i] = serve(w, &chains[i], (*token)++);
	/* In any order: the core sorts it out. */
	first = random_below(&w->device.random, (uint32_t)got);
	for (uint32_t i = 0; i < (uint32_t)got; i++) {
		uint32_t at = (first + i) % (uint32_t)got;

		if (vr_device_complete(w->rig.device, chains[at].handle, lens[at]) != 0)
			give_up(w, "complete was refused");
	}
	if (vr_device_publish(w->rig.device, NULL) != got)
		give_up(w, "publish did not count what was completed");
	if (w->mode != POLL && vr_device_must_notify(w->rig.device))
		event_signal(&w->driver.event);
	return (uint32_t)got;
}

static void *device_thread(void *argument)
{
	struct world *w = argument;
	uint64_t token = 0;

	while (token < w->total && !failed(w)) {
		if (device_works(w, &token))
			continue;
		if (w->mode == POLL) {
			sched_yield();
			continue;
		}
		rest(w, &w->device, vr_device_arm(w->rig.device, NULL));
		if (random_chance(&w->device.random, 1, 2))
			vr_device_disarm(w->rig.device, NULL);
	}
	event_signal(&w->driver.event);
	return NULL;
}

static void side_open(struct side *side, struct world *w, uint64_t seed)
{
	side->world = w;
	pthread_mutex_init(&side->event.lock, NULL);
	pthread_cond_init(&side->event.changed, NULL);
	side->event.set = false;
	side->sleeps = 0;
	random_start(&side->random, seed);
}

static void run(uint64_t features, uint32_t size, enum mode mode, uint32_t total, uint64_t seed)
{
	const struct rig_shape shape = {
		.features = features, .size = size, .entries = 4, .wide = true, .one_view = true
	};
	static struct world w;
	pthread_t threads[2];

	context("%s, size %u, mode %d, seed %llu", form_name(features), size, (int)mode,
		(unsigned long long)seed);
	rig_open_both(&w.rig, &shape);
	w.mode = mode;
	w.in_order = is_in_order(features);
	w.total = total;
	atomic_store(&w.failure, NULL);
	side_open(&w.driver, &w, seed);
	side_open(&w.device, &w, seed + 1);
	CHECK_EQ(pthread_create(&threads[0], NULL, driver_thread, &w), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, device_thread, &w), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	if (failed(&w))
		print_error("%s\n", atomic_load(&w.failure));
	CHECK(!failed(&w));
	CHECK_EQ(vr_driver_outstanding(w.rig.driver), 0);
	CHECK_EQ(vr_device_in_flight(w.rig.device), 0);
	rig_close(&w.rig);
}

static uint64_t seed;

#define TOTAL 20000u

static void both_poll(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);

		run(form->features, packed ? 7 : 8, POLL, TOTAL, seed++);
		run(form->features | VR_F_INDIRECT_DESC, 256, POLL, 4 * TOTAL, seed++);
	}
}

static void both_sleep_on_flags(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		run(form->features, 1, SLEEP, TOTAL / 4, seed++);
		run(form->features, 8, SLEEP, TOTAL, seed++);
	}
}

static void both_sleep_on_event_indexes(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);

		run(form->features | VR_F_EVENT_IDX, 1, SLEEP, TOTAL / 4, seed++);
		run(form->features | VR_F_EVENT_IDX, packed ? 5 : 4, SLEEP, TOTAL, seed++);
		run(form->features | VR_F_EVENT_IDX, 64, SLEEP, 4 * TOTAL, seed++);
	}
}

static void the_driver_sleeps_longer(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		run(form->features | VR_F_EVENT_IDX, 8, SLEEP_DELAYED, TOTAL, seed++);
		run(form->features | VR_F_EVENT_IDX | VR_F_INDIRECT_DESC, 32, SLEEP_DELAYED, TOTAL,
		    seed++);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_poll),
		cmocka_unit_test(both_sleep_on_flags),
		cmocka_unit_test(both_sleep_on_event_indexes),
		cmocka_unit_test(the_driver_sleeps_longer),
	};

	seed = random_seed(11);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
