/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any valid state of a driver half: everything that the invariant below allows, not only what some run
 * reaches. The invariant is what each harness assumes before a call and proves after it.
 */
#ifndef VR_PROOF_DRIVER_ANY_H
#define VR_PROOF_DRIVER_ANY_H

#include "proof.h"

#include "driver_packed.h"

#ifndef KEEP
#define KEEP 0
#endif
#ifndef TABLE
#define TABLE 0 /* entries of each indirect table */
#endif
#define KEPT (TABLE ? N * TABLE : N)

static struct vr_driver proof_driver;
#define d (&proof_driver)
static struct vr_used proof_buffers[N];
static struct vr_shadow proof_shadow[N];
static uint16_t proof_avail_shadow[N];
static uint16_t proof_free_ids[N];
static struct vr_kept proof_kept[KEPT];
static struct vr_desc proof_tables[TABLE ? N * TABLE : 1];
static struct vr_desc proof_desc[N];
static struct proof_avail proof_avail;
static struct proof_used proof_used;
static struct vr_packed_event proof_driver_event, proof_device_event;

static inline size_t proof_event_bytes(void)
{
	return d->event_idx ? sizeof(uint16_t) : 0;
}

_Bool proof_may_load(const void *field, size_t bytes)
{
	if (proof_within(field, bytes, proof_desc, sizeof(proof_desc)))
		return 1;
	if (PACKED)
		return proof_within(field, bytes, &proof_device_event, sizeof(proof_device_event));
	return proof_within(field, bytes, &proof_used,
			    offsetof(struct proof_used, event) + proof_event_bytes());
}

/* A reset clears what is the device's, too (2.7.10.1, 2.8.13). */
static _Bool proof_clears;

_Bool proof_may_store(const void *field, size_t bytes)
{
	if (proof_within(field, bytes, proof_desc, sizeof(proof_desc)) ||
	    (TABLE && proof_within(field, bytes, proof_tables, sizeof(proof_tables))))
		return 1;
	if (proof_clears && proof_may_load(field, bytes))
		return 1;
	if (PACKED)
		return proof_within(field, bytes, &proof_driver_event, sizeof(proof_driver_event));
	return proof_within(field, bytes, &proof_avail,
			    offsetof(struct proof_avail, event) + proof_event_bytes());
}

static inline uint32_t proof_open(void)
{
	return (uint32_t)(d->added - d->handed);
}

/* Is the buffer of a plain record outstanding; and is it staged, so that no device knows of it? */
static inline _Bool proof_outstanding(uint32_t id)
{
	return proof_buffers[id].descriptors != 0;
}

static inline _Bool proof_staged(uint32_t id)
{
	return proof_outstanding(id) &&
	       proof_buffers[id].cookie - (uint32_t)d->published < d->added - d->published;
}

static _Bool valid_counts(void)
{
	return d->added - d->handed <= N && d->published - d->handed <= d->added - d->handed &&
	       d->free <= N && proof_open() <= N - d->free;
}

/* Plain: who has each descriptor (split) or id (packed): the free ones, or exactly one buffer. */
static _Bool valid_owners(void)
{
	uint32_t descriptors = 0, buffers = 0, staged = 0, staged_descs = 0;
	_Bool owned[N] = { 0 };
	uint32_t i, j;

	for (i = 0; i < (SPLIT ? d->free : N - proof_open()); i++) {
		uint32_t id = proof_free_ids[SPLIT ? (d->take + i) & (N - 1) : i];

		if (id >= N || owned[id])
			return 0;
		owned[id] = 1;
	}
	for (i = 0; i < N; i++) {
		uint32_t id = i;

		if (!proof_outstanding(i))
			continue;
		buffers++;
		descriptors += proof_buffers[i].descriptors;
		if (proof_staged(i)) {
			staged++;
			staged_descs += proof_buffers[i].descriptors;
		}
		for (j = 0; j < (SPLIT ? proof_buffers[i].descriptors : 1u); j++) {
			if (j >= N || id >= N || owned[id])
				return 0;
			owned[id] = 1;
			id = vr_split_next(proof_shadow[id].rest);
		}
	}
	return descriptors == N - d->free && buffers == proof_open() &&
	       staged == d->added - d->published && (SPLIT || staged_descs == d->staged_descs);
}

/* Plain: staged buffers have consecutive serial numbers, each one. */
static _Bool valid_serials(void)
{
	uint32_t i, j;

	for (i = 0; i < N; i++)
		for (j = 0; j < i; j++)
			if (proof_staged(i) && proof_staged(j) &&
			    proof_buffers[i].cookie == proof_buffers[j].cookie)
				return 0;
	return 1;
}

/* In order: the outstanding records lie in a row, and so do their descriptors. */
static _Bool valid_row(void)
{
	uint32_t start = SPLIT ? (d->take + d->free) & (N - 1) : d->used.slot;
	uint32_t last = 0;
	uint32_t n;

	if (d->get_slot >= N || (SPLIT && d->get_slot != (d->handed & (N - 1))) ||
	    (PACKED && d->add_slot != (d->get_slot + proof_open()) % N))
		return 0;
	for (n = 0; n < proof_open(); n++) {
		uint32_t slot = d->get_slot + n < N ? d->get_slot + n : d->get_slot + n - N;
		uint32_t cookie = proof_buffers[slot].cookie;
		uint32_t from = cookie >= start ? cookie - start : cookie + N - start;

		if (cookie >= N || (n == 0 ? from != 0 : from <= last))
			return 0;
		/* The first staged buffer starts at the first staged descriptor. */
		if (PACKED && n == d->published - d->handed && cookie != d->first.slot)
			return 0;
		last = from;
	}
	return proof_open() == 0 ? d->free == N : last < N - d->free;
}

/* In order: the validated batch is published, and its last length is one that the buffer can have. */
static _Bool valid_batch(void)
{
	uint64_t most = SPLIT ? d->seen - d->handed : d->published - d->handed;
	uint32_t last = d->get_slot + d->batch_left - 1;

	if (d->batch_left > most)
		return 0;
	return d->batch_left == 0 || d->batch_len <= proof_buffers[last < N ? last : last - N].len;
}

static _Bool valid_positions(void)
{
	if (d->next.slot >= N || d->used.slot >= N || d->first.slot >= N ||
	    vr_position_distance(d->used, d->next, N) != N - d->free)
		return 0;
	if (d->added == d->published)
		return d->staged_descs == 0;
	return d->staged_descs >= 1 && d->staged_descs <= N - d->free &&
	       vr_position_distance(d->first, d->next, N) == d->staged_descs;
}

/* What is stored when it changes only is in memory, as far as this side knows. */
static _Bool valid_shadows(void)
{
	uint32_t i;

	for (i = 0; SPLIT && i < N; i++) {
		uint32_t head = IN_ORDER ? proof_buffers[i].cookie : proof_avail_shadow[i];

		if (proof_shadow[i].rest != VR_SHADOW_UNKNOWN &&
		    (proof_desc[i].rest.u.raw != proof_shadow[i].rest ||
		     proof_desc[i].addr.u.raw != proof_shadow[i].addr ||
		     (uint32_t)proof_shadow[i].rest == 0)) /* nothing is empty */
			return 0;
		if (head < N && proof_avail.ring[i] != head)
			return 0;
	}
	return 1;
}

static _Bool valid_kept(void)
{
	uint32_t i;

	if (!KEEP)
		return 1;
	if (d->kept_free >= KEPT)
		return 0;
	for (i = 0; i < KEPT; i++)
		if (proof_kept[i].next >= KEPT)
			return 0;
	for (i = 0; i < N; i++)
		if (proof_buffers[i].kept >= KEPT ||
		    proof_buffers[i].segments > (TABLE > N ? TABLE : N))
			return 0;
	return 1;
}

/* What init fixed. */
static _Bool valid_constants(void)
{
	return d->form == FORM && d->size == N && d->max_size == N && d->desc == proof_desc &&
	       d->buffers == proof_buffers && d->keep == KEEP && d->max_segments <= N &&
	       d->max_segments >= 1 &&
	       (TABLE ? d->indirect_min >= 2 && d->indirect_entries == TABLE :
			d->indirect_min == UINT32_MAX);
}

static _Bool vr_driver_valid(void)
{
	return valid_constants() && valid_counts() &&
	       (PACKED || d->seen - d->handed <= d->published - d->handed) &&
	       (IN_ORDER ? valid_row() && valid_batch() :
			   d->batch_left == 0 && valid_owners() && valid_serials()) &&
	       (SPLIT || valid_positions()) && valid_shadows() && valid_kept();
}

/*
 * Once reclaim has begun, what is free is counted but not kept in order; only a reset, which starts
 * anew, goes on from there.
 */
static _Bool vr_driver_stopped_valid(void)
{
	uint32_t descriptors = 0, buffers = 0;
	uint32_t i;

	if (IN_ORDER)
		return valid_constants() && d->added - d->handed <= N && d->free <= N &&
		       proof_open() <= N - d->free && valid_row() && valid_kept() &&
		       (SPLIT || (d->next.slot < N && d->used.slot < N && d->first.slot < N &&
				  vr_position_distance(d->used, d->next, N) == N - d->free));
	for (i = 0; i < N; i++) {
		descriptors += proof_buffers[i].descriptors;
		buffers += proof_outstanding(i);
		if (proof_outstanding(i) && i < d->reclaim_id)
			return 0;
	}
	return valid_constants() && d->added - d->handed <= N && descriptors == N - d->free &&
	       buffers == proof_open() && d->batch_left == 0 && valid_kept() && d->used.slot < N &&
	       d->next.slot < N && d->first.slot < N;
}

struct vr_driver nondet_driver(void);

/* The memory of a half in any state; the caller assumes what it needs. */
static void proof_any_driver(void)
{
	__CPROVER_havoc_object(proof_buffers);
	__CPROVER_havoc_object(proof_shadow);
	__CPROVER_havoc_object(proof_avail_shadow);
	__CPROVER_havoc_object(proof_free_ids);
	__CPROVER_havoc_object(proof_kept);
	__CPROVER_havoc_object(proof_desc);
	__CPROVER_havoc_object(&proof_avail);
	*d = nondet_driver();
	d->form = FORM;
	d->size = N;
	d->max_size = N;
	d->event_idx = nondet_bool();
	d->platform = nondet_bool();
	d->strict = nondet_bool();
	d->keep = KEEP;
	d->desc = proof_desc;
	d->avail = PACKED ? (struct vr_avail *)(void *)&proof_driver_event :
			    (struct vr_avail *)(void *)&proof_avail;
	d->used_ring = PACKED ? (struct vr_used_ring *)(void *)&proof_device_event :
				(struct vr_used_ring *)(void *)&proof_used;
	d->driver_event = &proof_driver_event;
	d->device_event = &proof_device_event;
	d->buffers = proof_buffers;
	d->shadow = SPLIT ? proof_shadow : NULL;
	d->avail_shadow = SPLIT && !IN_ORDER ? proof_avail_shadow : NULL;
	d->free_ids = IN_ORDER ? NULL : proof_free_ids;
	d->kept = proof_kept;
	d->tables = TABLE ? proof_tables : NULL;
	d->indirect_entries = TABLE;
	if (!TABLE)
		d->indirect_min = UINT32_MAX;
	d->next.wrap = nondet_bool();
	d->first.wrap = nondet_bool();
	d->used.wrap = nondet_bool();
	/* A large contract is proved case by case: a constant makes the formula smaller. */
#ifdef SLOT
	d->next.slot = SLOT;
#endif
}

/* The buffers are told from each other by their tokens, which the core only copies. */
static uint64_t proof_token;

static void proof_name_buffers(void)
{
	uint32_t i;

	proof_token = nondet_uint64();
	for (i = 0; i < N; i++) {
		proof_buffers[i].token = proof_token + i;
		proof_buffers[i].context = ~proof_token - i;
	}
}

/* A live half in any valid state. */
static void proof_valid_driver(void)
{
	proof_any_driver();
	d->halt.word = 0;
	ASSUME(vr_driver_valid());
	proof_name_buffers();
}

#endif
