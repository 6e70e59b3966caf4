/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs of the calls of a device half: each from any valid state, against a driver that writes anything. */
#ifndef CHAIN
#define CHAIN 3 /* most elements of a buffer */
#endif
#ifndef INDIRECT
#define INDIRECT 0
#endif

#include "device_any.h"

static struct vr_device old;
static struct vr_device_record old_records[N];
static uint64_t old_parked[N];
static _Bool old_open[N];

static void remember(void)
{
	uint32_t i;

	old = *d;
	for (i = 0; i < N; i++) {
		old_records[i] = proof_records[i];
		old_parked[i] = proof_parked[i];
		old_open[i] = proof_open(i);
	}
}

static uint32_t old_in_flight(void)
{
	return old.open + (uint32_t)(old.staged - old.published);
}

static void prove_same(void)
{
	uint32_t i;

	PROVE(d->avail == old.avail && d->popped == old.popped && d->open == old.open &&
		      d->staged == old.staged && d->published == old.published &&
		      d->next.slot == old.next.slot && d->next.wrap == old.next.wrap &&
		      d->used.slot == old.used.slot && d->in_flight_descs == old.in_flight_descs &&
		      d->entries == old.entries && d->pop_place == old.pop_place &&
		      d->handles == old.handles,
	      "nothing has moved");
	for (i = 0; i < N; i++)
		PROVE(proof_records[i].owner == old_records[i].owner &&
			      proof_parked[i] == old_parked[i],
		      "no buffer has changed");
}

void prove_complete(void)
{
	uint64_t handle = nondet_uint64();
	uint32_t len = nondet_uint32();
	uint32_t place = (uint32_t)(handle & VR_PLACE_MASK);
	_Bool named;
	int answer;

	proof_valid_device();
	ASSUME(place < N || handle != 0);
	remember();
	named = place < N && handle && old_open[place] && old_records[place].owner == handle &&
		!(IN_ORDER && old_parked[place]);
	answer = vr_device_complete(d, handle, len);
	PROVE(vr_device_valid(), "the state is valid");
	PROVE((answer == VR_E_STALE) == !named, "stale, unless it names a popped buffer");
	PROVE(!named || (answer == VR_E_INVAL) == (len > old_records[place].capacity),
	      "refused when the length is too large");
	PROVE(d->published == old.published && d->avail == old.avail &&
		      vr_device_in_flight(d) == old_in_flight(),
	      "nothing is published");
	if (answer) {
		prove_same();
		return;
	}
	PROVE(vr_device_complete(d, handle, len) == VR_E_STALE, "completing twice is stale");
	REACH(d->staged == old.staged + 1, "one is staged");
	REACH(!IN_ORDER || d->staged == old.staged, "one is parked");
	REACH(!IN_ORDER || d->staged == old.staged + 2, "one takes along what waited");
}

/* The place of the oldest that is popped and not completed or staged; N without one. */
static uint32_t old_oldest(void)
{
	uint32_t i;

	if (IN_ORDER)
		return old.open ? old.stage_place : N;
	for (i = 0; i < 2 * N; i++) {
		uint32_t place = (uint32_t)(proof_ages[i] & VR_PLACE_MASK);

		if (i >= old.age_head && i < old.age_tail && place < N &&
		    old_records[place].owner == proof_ages[i])
			return place;
	}
	return N;
}

void prove_oldest(void)
{
	uint32_t len = nondet_uint32();
	_Bool ask = nondet_bool();
	uint32_t place, given;
	_Bool fits;
	int answer;

	proof_valid_device();
	remember();
	place = old_oldest();
	given = ask ? len : 0;
	fits = place < N && given <= old_records[place].capacity;
	answer = vr_device_complete_oldest(d, ask ? &len : NULL, 1);
	PROVE(vr_device_valid(), "the state is valid");
	PROVE(answer == (place == N ? 0 : fits ? 1 : VR_E_INVAL), "one, if there is and it fits");
	PROVE(d->published == old.published && d->avail == old.avail &&
		      vr_device_in_flight(d) == old_in_flight(),
	      "nothing is published");
	if (answer != 1) {
		prove_same();
		return;
	}
	PROVE(!proof_open(place), "it is the oldest that is staged");
	PROVE(IN_ORDER || d->staged == old.staged + 1, "and no other");
	REACH(d->staged == old.staged + 1, "one is staged");
	REACH(!IN_ORDER || d->staged == old.staged + 2, "one takes along what waited");
	REACH(given > 0, "one with a length");
}

void prove_publish(void)
{
	struct vr_stored stored;
	_Bool ask = nondet_bool();
	int count;

	proof_valid_device();
	remember();
	count = vr_device_publish(d, ask ? &stored : NULL);
	PROVE(vr_device_valid(), "the state is valid");
	PROVE(count >= 0 && (uint64_t)count == old.staged - old.published, "all that is staged");
	PROVE(vr_device_in_flight(d) == old_in_flight() - (uint32_t)count && d->open == old.open,
	      "published, and nothing else");
	PROVE(!ask || stored.count <= VR_STORED_MAX, "the ranges fit");
	if (SPLIT && count)
		PROVE(proof_used.idx == (uint16_t)d->published, "the index says so");
	REACH(count == N, "a whole ring is published");
	REACH(count == 0, "nothing is published");
}

void prove_unpop(void)
{
	uint64_t handle = nondet_uint64();
	int answer;

	proof_valid_device();
	/* It came from the ring. */
	ASSUME(d->unpop_left == 0 ||
	       (SPLIT ? d->avail - d->published : d->in_flight_descs) > d->resubmit_left);
	remember();
	answer = vr_device_unpop(d, handle);
	PROVE(vr_device_valid(), "the state is valid");
	PROVE(answer == 0 || answer == VR_E_STALE, "0 or stale");
	if (answer)
		prove_same();
	else
		PROVE(d->popped == old.popped - 1 && d->open == old.open - 1, "one is put back");
	REACH(answer == 0, "one is put back");
	REACH(answer != 0, "one is not");
}

void prove_events(void)
{
	struct vr_stored stored;
	_Bool answer = 0, ask = nondet_bool();
	uint32_t what = nondet_uint32();

	proof_valid_device();
	d->halt.word = nondet_uint32();
	remember();
	switch (what) {
	case 0:
		answer = vr_device_must_notify(d);
		PROVE(!answer || old.posted != old.verdict, "no verdict without a publish");
		PROVE(d->verdict == d->posted, "the verdict covers all that is published");
		break;
	case 1:
		answer = vr_device_pending(d);
		PROVE(answer || !d->halt.word, "a broken queue wakes its waiter");
		break;
	case 2:
		answer = vr_device_arm(d, ask ? &stored : NULL);
		PROVE(answer || !d->halt.word, "a broken queue wakes its waiter");
		break;
	default:
		vr_device_disarm(d, ask ? &stored : NULL);
	}
	if (ask && what >= 2)
		PROVE(stored.count <= 1, "at most one event word is stored");
	PROVE(vr_device_valid(), "the state is valid");
	PROVE(d->halt.word == old.halt.word, "no verdict on the peer");
	prove_same();
	REACH(what == 0 && answer, "a notification is wanted");
	REACH(what == 2 && !answer, "the waiter may sleep");
}

/* Whatever was saved, by whomever: refused without a trace, or a valid state. */
void prove_restore(void)
{
	uint32_t base = nondet_uint32();
	int answer;

	proof_valid_device();
	remember();
	if (nondet_bool())
		answer = vr_device_restore(d, base);
	else
		answer = vr_device_restore_in_flight(d, base, nondet_uint32());
	PROVE(vr_device_valid(), "the state is valid");
	PROVE(answer == 0 || answer == VR_E_INVAL, "0 or refused");
	if (answer)
		prove_same();
	else
		PROVE(d->open == 0 && vr_device_in_flight(d) == 0, "no buffer is popped");
	REACH(answer == 0 && d->resubmit_left == N, "a whole ring is to be resubmitted");
	REACH(answer != 0, "a base is refused");
}

/* A constant, so that what must not be entered is not. */
static void halted_by(uint32_t word)
{
	struct vr_chain chain;
	struct vr_iovec segments[CHAIN];
	struct vr_stored stored;
	_Bool pops = nondet_bool();
	_Bool ask = nondet_bool();
	int answer;

	d->halt.word = word;
	remember();
	if (pops)
		answer = vr_device_pop(d, &chain, nondet_uint32(), segments, CHAIN);
	else
		answer = vr_device_publish(d, ask ? &stored : NULL);
	PROVE(answer == VR_E_BROKEN, "broken stays broken");
	PROVE(d->halt.word == word, "for the reason that it had");
	prove_same();
	REACH(pops, "a pop of a broken queue");
	REACH(!pops && old.staged > old.published, "what is staged stays unpublished");
}

/* A queue that broke, or was broken, gives nothing out and publishes nothing. */
void prove_halted(void)
{
	proof_valid_device();
	switch (nondet_uint8()) {
	case 0:
		halted_by(VR_FAULT_CALLER);
		break;
	case 1:
		halted_by(VR_FAULT_UNMAPPED);
		break;
	default:
		halted_by(VR_FAULT_COUNT - 1);
	}
}

/* A reset, or another size, is a new start: all handles are stale, nothing is left of a row or an age. */
void prove_reset(void)
{
	struct vr_ring ring = { { 0 } };
	uint64_t handle = nondet_uint64();
	int answer = 0;

	proof_valid_device();
	d->halt.word = nondet_uint32();
	remember();
	ring.descriptors.host = proof_desc;
	ring.driver.host = PACKED ? (void *)&proof_driver_event : (void *)&proof_avail;
	ring.device.host = PACKED ? (void *)&proof_device_event : (void *)&proof_used;
	if (nondet_bool())
		vr_device_reset(d);
	else
		answer = vr_device_resize(d, &ring, N);
	PROVE(answer == 0, "a size that fits is taken");
	d->max_chain = CHAIN; /* which a resize works out anew */
	PROVE(vr_device_valid(), "the state is valid");
	PROVE(vr_device_in_flight(d) == 0 && d->halt.word == 0, "nothing is in flight or broken");
	ASSUME((handle & VR_PLACE_MASK) < N);
	PROVE(vr_device_complete(d, handle, 0) == VR_E_STALE, "a handle of before is stale");
	PROVE(d->handles == old.handles, "and will not be given out again");
	REACH(old.open == N, "a reset with a whole ring in flight");
}

/* The base case: what init makes of any configuration of this shape is valid. */
static struct {
	_Alignas(64) struct vr_device device;
	_Alignas(64) struct vr_device_record records[N];
#if IN_ORDER
	_Alignas(64) uint64_t parked[N];
#else
	_Alignas(64) uint64_t ages[2 * N];
#if PACKED
	_Alignas(64) uint16_t free_places[N];
#endif
#endif
#if SPLIT
	_Alignas(64) uint64_t used_shadow[N];
#endif
} state;

static void init_as(_Bool event_idx)
{
	struct vr_device_config config = { 0 };
	struct vr_device *made = NULL;
	uint32_t i;
	int answer;

	config.struct_size = sizeof(config);
	config.features = (PACKED ? VR_F_RING_PACKED : 0) | (IN_ORDER ? VR_F_IN_ORDER : 0) |
			  (event_idx ? VR_F_EVENT_IDX : 0);
	config.queue_size = N;
	config.flags = nondet_uint32();
	config.max_chain = nondet_uint32();
	config.map = &proof_map;
	config.ring.descriptors.host = proof_desc;
	config.ring.driver.host = PACKED ? (void *)&proof_driver_event : (void *)&proof_avail;
	config.ring.device.host = PACKED ? (void *)&proof_device_event : (void *)&proof_used;
	__CPROVER_havoc_object(&state);
	answer = vr_device_init(&state, sizeof(state), &config, &made);
	if (answer) {
		PROVE(answer == VR_E_INVAL && made == NULL, "refused, and nothing made");
		return;
	}
	PROVE(made == &state.device, "made in the caller's memory");
	/* The invariant is about the harness's own arrays: the state moves there. */
	*d = *made;
	for (i = 0; i < N; i++)
		proof_records[i] = state.records[i];
#if IN_ORDER
	for (i = 0; i < N; i++)
		proof_parked[i] = state.parked[i];
#elif PACKED
	for (i = 0; i < N; i++)
		proof_free_places[i] = state.free_places[i];
#endif
	d->records = proof_records;
	PROVE(vr_device_valid(), "the state is valid");
	PROVE(d->halt.word == 0 && vr_device_in_flight(d) == 0, "nothing is in flight");
	REACH(1, "a new queue");
}

void prove_init(void)
{
	/* Constants each, so that the layout is one. */
	if (nondet_bool())
		init_as(0);
	else
		init_as(1);
}
