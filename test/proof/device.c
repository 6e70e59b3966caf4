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
	PROVE(!named ||
		      (answer == VR_E_INVAL) == (len > vr_record_capacity(old_records[place].word)),
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
