/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs of the calls of a driver half: each from any valid state, against a device that writes anything. */
#include "driver_any.h"

#ifndef BURST
#define BURST 2
#endif
#ifndef SEGMENTS
#define SEGMENTS 2 /* of a buffer that is added */
#endif

/* The state before the call. */
static struct vr_driver old;
static struct vr_used old_buffers[N];
static uint16_t old_free_ids[N];
static _Bool old_staged[N];

static void remember(void)
{
	uint32_t i;

	old = *d;
	for (i = 0; i < N; i++) {
		old_buffers[i] = proof_buffers[i];
		old_free_ids[i] = proof_free_ids[i];
		old_staged[i] = !IN_ORDER && proof_staged(i);
	}
}

static _Bool same_buffer(uint32_t i)
{
	return proof_buffers[i].token == old_buffers[i].token &&
	       proof_buffers[i].context == old_buffers[i].context &&
	       proof_buffers[i].len == old_buffers[i].len &&
	       proof_buffers[i].descriptors == old_buffers[i].descriptors &&
	       proof_buffers[i].cookie == old_buffers[i].cookie;
}

static void prove_same_cursors(void)
{
	PROVE(d->added == old.added && d->published == old.published && d->posted == old.posted &&
		      d->handed == old.handed && d->free == old.free && d->take == old.take &&
		      d->held == old.held && d->next.slot == old.next.slot &&
		      d->next.wrap == old.next.wrap && d->add_slot == old.add_slot &&
		      d->staged_descs == old.staged_descs,
	      "nothing has moved");
}

/* Plain: every token handed out was outstanding, published, and has not come back before. */
static void prove_handed_plain(const struct vr_used *used, int got)
{
	_Bool back[N] = { 0 };
	uint32_t i;
	int j;

	for (j = 0; j < got; j++) {
		uint64_t k = used[j].token - proof_token;

		PROVE(k < N, "a token that was added");
		PROVE(old_buffers[k].descriptors != 0, "a token that was outstanding");
		PROVE(!old_staged[k], "a token that was published");
		PROVE(!back[k], "a token comes back once");
		back[k] = 1;
		PROVE(used[j].context == ~proof_token - k, "with its context");
		PROVE(used[j].len <= old_buffers[k].len, "with a length that it can have");
	}
	for (i = 0; i < N; i++) {
		if (back[i])
			PROVE(!proof_outstanding(i), "what came back is not outstanding");
		else
			PROVE(same_buffer(i), "what did not is as it was");
	}
}

/* In order: first in, first out. */
static void prove_handed_row(const struct vr_used *used, int got)
{
	int j;

	for (j = 0; j < got; j++) {
		uint32_t slot = old.get_slot + (uint32_t)j;

		slot = slot < N ? slot : slot - N;
		PROVE(used[j].token == proof_token + slot, "first in, first out");
		PROVE(used[j].context == ~proof_token - slot, "with its context");
		PROVE(used[j].len <= old_buffers[slot].len, "with a length that it can have");
	}
}

void prove_get(void)
{
	struct vr_used used[BURST];
	unsigned int count = nondet_uint32();
	int got;

	proof_valid_driver();
	ASSUME(count <= BURST);
	remember();
	got = vr_driver_get(d, used, count);

	PROVE(vr_driver_valid(), "the state is valid");
	PROVE(got <= (int)count && (got >= 0 || got == VR_E_BROKEN),
	      "a get answers a count or broken");
	PROVE(d->handed - old.handed == (got > 0 ? (uint64_t)got : 0),
	      "what was got is handed out");
	PROVE(d->handed - old.handed <= old.published - old.handed, "no more than was published");
	PROVE(d->added == old.added && d->published == old.published, "nothing else moved");
	PROVE((got == VR_E_BROKEN) <= (d->halt.word != 0), "broken has a reason");
	PROVE(!d->strict || d->stats.clamped == old.stats.clamped, "strict clamps nothing");
	if (IN_ORDER)
		prove_handed_row(used, got);
	else
		prove_handed_plain(used, got);
	REACH(got == BURST, "a burst comes back");
	REACH(BURST == 1 || (got == 1 && d->halt.word), "one comes back before a fault");
	REACH(got == VR_E_BROKEN, "a device is caught");
	REACH(got > 0 && d->stats.clamped > old.stats.clamped, "a length is clamped");
	REACH(!IN_ORDER || (got == BURST && d->batch_left), "a part of a batch comes back");
}

void prove_publish(void)
{
	int count;

	proof_valid_driver();
	remember();
	count = vr_driver_publish(d);
	PROVE(vr_driver_valid(), "the state is valid");
	PROVE(count >= 0 && (uint64_t)count == old.added - old.published, "all that is staged");
	PROVE(d->published == d->added && d->free == old.free && d->handed == old.handed,
	      "published, and nothing else");
	PROVE(count || d->posted == old.posted, "no steps without a buffer");
	if (SPLIT && count)
		PROVE(proof_avail.idx == (uint16_t)d->added, "the index says so");
	if (PACKED && count)
		PROVE(proof_desc[old.first.slot].rest.u.raw == old.held, "the first word says so");
	REACH(count == N, "a whole ring is published");
	REACH(count == 0, "nothing is published");
}

static struct vr_desc old_desc[N];
static struct proof_avail old_avail;

static _Bool same_descriptor(uint32_t slot)
{
	return proof_desc[slot].addr.u.raw == old_desc[slot].addr.u.raw &&
	       proof_desc[slot].rest.u.raw == old_desc[slot].rest.u.raw;
}

/* Refused, an add leaves no trace; neither in private state nor in memory. */
static void prove_no_trace(void)
{
	uint32_t i;

	prove_same_cursors();
	for (i = 0; i < N; i++)
		PROVE(same_buffer(i) && same_descriptor(i) &&
			      proof_avail.ring[i] == old_avail.ring[i],
		      "refused, nothing changes");
}

void prove_add(void)
{
	struct vr_segment segments[SEGMENTS];
	struct vr_buffer buffer;
	uint32_t gate, i;
	int taken;

	proof_valid_driver();
	__CPROVER_havoc_object(segments);
	buffer.segments = segments;
	buffer.readable = nondet_uint16();
	buffer.writable = nondet_uint16();
	buffer.token = nondet_uint64();
	buffer.context = nondet_uint64();
	ASSUME((uint32_t)buffer.readable + buffer.writable <= SEGMENTS);
	/* None has been out there while 2^32 others were added. */
	for (i = 0; i < N; i++)
		ASSUME(IN_ORDER || !proof_outstanding(i) || proof_staged(i) ||
		       proof_buffers[i].cookie != (uint32_t)d->added);
	remember();
	for (i = 0; i < N; i++)
		old_desc[i] = proof_desc[i];
	old_avail = proof_avail;
	taken = vr_driver_add(d, &buffer, 1);
	PROVE(vr_driver_valid(), "the state is valid");
	PROVE(taken == 1 || taken == 0 || taken == VR_E_INVAL || taken == VR_E_TOO_LONG,
	      "one, none, or refused");
	PROVE(d->published == old.published && d->handed == old.handed && d->halt.word == 0,
	      "nothing is published");
	/* What a device looks at next says nothing new: the index, or the first staged descriptor. */
	gate = old.added == old.published ? old.next.slot : old.first.slot;
	PROVE(SPLIT ? proof_avail.idx == old_avail.idx :
		      proof_desc[gate].rest.u.raw == old_desc[gate].rest.u.raw,
	      "the device sees nothing of it");
	if (taken != 1)
		prove_no_trace();
	else
		PROVE(d->added == old.added + 1 && d->free < old.free && segments[0].len != 0 &&
			      buffer.readable + buffer.writable > 0,
		      "one is added, which is not empty");
	for (i = 0; i < N; i++)
		PROVE(IN_ORDER || old_buffers[i].descriptors == 0 || same_buffer(i),
		      "no outstanding buffer changes");
	REACH(taken == 1 && old.free - d->free == SEGMENTS, "a buffer of several segments");
	REACH(taken == 1 && d->free == 0, "the last descriptor is taken");
	REACH(taken == 0, "there is no room");
	REACH(taken == VR_E_INVAL, "a buffer is refused");
}

/* Calls that only read the state, or write event words. */
void prove_events(void)
{
	struct vr_stored stored;
	_Bool answer, ask = nondet_bool();
	uint32_t what = nondet_uint32();
	uint32_t i;

	proof_valid_driver();
	d->halt.word = nondet_uint32();
	__CPROVER_havoc_object(&stored);
	remember();
	switch (what) {
	case 0:
		answer = vr_driver_must_notify(d);
		PROVE(!answer || old.posted != old.verdict, "no verdict without a publish");
		PROVE(d->verdict == d->posted, "the verdict covers all that is published");
		break;
	case 1:
		answer = vr_driver_pending(d);
		PROVE(answer || !d->halt.word, "a broken queue wakes its waiter");
		PROVE(answer || d->batch_left == 0, "the rest of a batch is something");
		break;
	case 2:
		answer = vr_driver_arm(d, ask ? &stored : NULL);
		PROVE(answer || !d->halt.word, "a broken queue wakes its waiter");
		PROVE(answer || d->batch_left == 0, "the rest of a batch is something");
		break;
	case 3:
		answer = vr_driver_arm_delayed(d, nondet_uint32(), ask ? &stored : NULL);
		PROVE(answer || !d->halt.word, "a broken queue wakes its waiter");
		break;
	case 4:
		vr_driver_disarm(d, ask ? &stored : NULL);
		break;
	case 5:
		vr_driver_notification_data(d, nondet_uint16());
		break;
	default:
		vr_driver_base(d);
	}
	PROVE(vr_driver_valid(), "the state is valid");
	prove_same_cursors();
	for (i = 0; i < N; i++)
		PROVE(same_buffer(i), "no buffer changes");
	PROVE(d->halt.word == old.halt.word, "no verdict on the peer");
	if (ask && what >= 2 && what <= 4)
		PROVE(stored.count <= 1, "at most one event word is stored");
	REACH(what == 0 && answer, "a notification is wanted");
	REACH(what == 3 && !answer, "the waiter may sleep");
	REACH(what > 5, "the last call is reached");
}

void prove_reset(void)
{
	int answer;

	proof_any_driver();
	d->halt.word = nondet_uint32();
	ASSUME(vr_driver_stopped_valid());
	remember();
	proof_clears = 1;
	answer = vr_driver_reset(d);
	if (answer) {
		PROVE(answer == VR_E_STATE || answer == VR_E_BUSY, "refused");
		PROVE(!(old.halt.word & VR_HALT_STOPPED) || old.added != old.handed,
		      "for a reason");
		PROVE(d->halt.word == old.halt.word, "still halted");
		prove_same_cursors();
		return;
	}
	PROVE((old.halt.word & VR_HALT_STOPPED) && old.added == old.handed,
	      "only when all came back");
	PROVE(vr_driver_valid(), "the state is valid");
	PROVE(d->free == N && d->added == d->handed && d->halt.word == 0, "all is free");
	REACH(1, "a reset");
}

/* After the stop: each outstanding token comes back, staged ones, too. */
void prove_reclaim(void)
{
	struct vr_used used[1];
	_Bool stopped = nondet_bool();
	uint64_t k;
	int got;

	proof_any_driver();
	d->halt.word = (nondet_bool() ? VR_FAULT_CALLER : 0) | (stopped ? VR_HALT_STOPPED : 0);
	ASSUME(IN_ORDER || d->reclaim_id <= N);
	ASSUME(vr_driver_stopped_valid());
	proof_name_buffers();
	remember();
	got = vr_driver_reclaim(d, used, 1);
	if (!stopped) {
		PROVE(got == VR_E_STATE, "only after a stop");
		prove_same_cursors();
		return;
	}
	PROVE(vr_driver_stopped_valid(), "the state is valid");
	PROVE(got == (old.added != old.handed), "one comes back if there is one");
	PROVE(d->handed == old.handed + (uint64_t)got && d->added == old.added, "and is counted");
	PROVE(d->halt.word == old.halt.word, "still stopped");
	if (got != 1)
		return;
	k = used[0].token - proof_token;
	PROVE(k < N && used[0].context == ~proof_token - k, "a token that was added");
	PROVE(used[0].len == 0, "of no length");
	PROVE(!IN_ORDER || k == old.get_slot, "first in, first out");
	PROVE(IN_ORDER || (k < N && old_buffers[k].descriptors != 0 &&
			   proof_buffers[k].descriptors == 0),
	      "that was outstanding, and is not any more");
	REACH(old.added - old.handed == N, "of a full ring");
	REACH(d->added == d->handed, "the last one");
}

/* The base case: what init makes of any configuration of this shape is valid. */
static struct {
	_Alignas(64) struct vr_driver driver;
	_Alignas(64) struct vr_used buffers[N];
#if SPLIT
	_Alignas(64) struct vr_shadow shadow[N];
#if !IN_ORDER
	_Alignas(64) uint16_t avail_shadow[N];
#endif
#endif
#if !IN_ORDER
	_Alignas(64) uint16_t free_ids[N];
#endif
#if KEEP
	_Alignas(64) struct vr_kept kept[KEPT];
#endif
} state;

static void init_as(_Bool event_idx, _Bool attach)
{
	struct vr_driver_config config = { 0 };
	struct vr_driver *made = NULL;
	uint32_t i;
	int answer;

	config.struct_size = sizeof(config);
	config.features = (PACKED ? VR_F_RING_PACKED : 0) | (IN_ORDER ? VR_F_IN_ORDER : 0) |
			  (event_idx ? VR_F_EVENT_IDX : 0) | (TABLE ? VR_F_INDIRECT_DESC : 0);
	config.queue_size = N;
	config.flags = (KEEP ? VR_DRIVER_KEEP_SEGMENTS : 0) | (attach ? VR_DRIVER_ATTACH : 0);
	config.base = nondet_uint32();
	config.max_segments = nondet_uint16();
	config.indirect_min = nondet_uint16();
	config.indirect_entries = TABLE;
	config.indirect.host = proof_tables;
	config.ring.descriptors.host = proof_desc;
	config.ring.driver.host = PACKED ? (void *)&proof_driver_event : (void *)&proof_avail;
	config.ring.device.host = PACKED ? (void *)&proof_device_event : (void *)&proof_used;
	__CPROVER_havoc_object(&state);
	d->event_idx = event_idx; /* for proof_may_store() */
	proof_clears = 1;
	answer = vr_driver_init(&state, sizeof(state), &config, &made);
	if (answer) {
		PROVE(answer == VR_E_INVAL && made == NULL, "refused, and nothing made");
		return;
	}
	PROVE(made == &state.driver, "made in the caller's memory");
	/* The invariant is about the harness's own arrays: the state moves there. */
	*d = *made;
	for (i = 0; i < N; i++) {
		proof_buffers[i] = state.buffers[i];
#if SPLIT
		proof_shadow[i] = state.shadow[i];
#if !IN_ORDER
		proof_avail_shadow[i] = state.avail_shadow[i];
#endif
#endif
#if !IN_ORDER
		proof_free_ids[i] = state.free_ids[i];
#endif
	}
#if KEEP
	for (i = 0; i < KEPT; i++)
		proof_kept[i] = state.kept[i];
#endif
	d->buffers = proof_buffers;
	PROVE(vr_driver_valid(), "the state is valid");
	PROVE(d->halt.word == 0 && d->free == N && d->added == d->handed, "nothing is outstanding");
	REACH(1, "a new queue");
}

void prove_init(void)
{
	__CPROVER_havoc_object(proof_desc);
	__CPROVER_havoc_object(&proof_avail);
	/* Constants each, so that the layout is one. */
	switch (nondet_uint8()) {
	case 0:
		init_as(0, 0);
		break;
	case 1:
		init_as(0, 1);
		break;
	case 2:
		init_as(1, 0);
		break;
	default:
		init_as(1, 1);
	}
}
