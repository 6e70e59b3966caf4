/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any valid state of a device half, and the invariant that each harness assumes before a call and
 * proves after it.
 */
#ifndef VR_PROOF_DEVICE_ANY_H
#define VR_PROOF_DEVICE_ANY_H

#include "proof.h"

#include "device_complete.h"
#include "device_packed.h"
#include "device_split.h"

static struct vr_device proof_device;
#define d (&proof_device)
static struct vr_device_record proof_records[N];
static uint64_t proof_parked[N];
static uint64_t proof_ages[2 * N];
static uint16_t proof_free_places[N];
static uint64_t proof_used_shadow[N];
static struct vr_desc proof_desc[N];
static struct proof_avail proof_avail;
static struct proof_used proof_used;
static struct vr_packed_event proof_driver_event, proof_device_event;

/* The driver's memory is one range at any address, here and there; nobody looks into it. */
static struct vr_map_range proof_range;
static struct vr_map proof_map;

static inline size_t proof_event_bytes(void)
{
	return d->event_idx ? sizeof(uint16_t) : 0;
}

static inline _Bool proof_mapped(uintptr_t from, uint64_t bytes, uint32_t access)
{
	return (proof_range.access & access) == access &&
	       from - proof_range.base <= proof_range.size &&
	       bytes <= proof_range.size - (from - proof_range.base);
}

_Bool proof_may_load(const void *field, size_t bytes)
{
	if (proof_within(field, bytes, proof_desc, sizeof(proof_desc)))
		return 1;
	if (PACKED)
		return proof_within(field, bytes, &proof_driver_event,
				    sizeof(proof_driver_event)) ||
		       proof_mapped((uintptr_t)field, bytes, VR_ACCESS_READ);
	return proof_within(field, bytes, &proof_avail,
			    offsetof(struct proof_avail, event) + proof_event_bytes()) ||
	       /* a restored half takes its own index from memory */
	       (field == &proof_used.idx && bytes == sizeof(proof_used.idx)) ||
	       proof_mapped((uintptr_t)field, bytes, VR_ACCESS_READ);
}

_Bool proof_may_store(const void *field, size_t bytes)
{
	if (PACKED)
		return proof_within(field, bytes, &proof_device_event,
				    sizeof(proof_device_event)) ||
		       proof_within(field, bytes, proof_desc, sizeof(proof_desc));
	return proof_within(field, bytes, &proof_used,
			    offsetof(struct proof_used, event) + proof_event_bytes());
}

static inline uint32_t proof_staged(void)
{
	return (uint32_t)(d->staged - d->published);
}

static _Bool valid_counts(void)
{
	return d->staged - d->published <= N && d->open <= N && d->open + proof_staged() <= N &&
	       d->resubmit_left <= N &&
	       (!IN_ORDER || (d->special <= d->popped && d->open <= d->popped)) &&
	       d->entries <= proof_staged() && d->first_slot < N && d->last_slot < N &&
	       (proof_staged() == 0) == (d->entries == 0 && d->run.buffers == 0) &&
	       d->run.buffers <= proof_staged();
}

static _Bool valid_split(void)
{
	return d->avail - d->published <= N && d->seen - d->published <= N &&
	       d->seen - d->published >= d->avail - d->published &&
	       d->open + proof_staged() + d->resubmit_left <= d->avail - d->published &&
	       d->head < N;
}

/* In order: how far behind the start of the row is this place? */
static uint32_t nth(uint32_t place)
{
	return (place - d->stage_place) & (N - 1); /* N is a power of two in these proofs */
}

/* Is the buffer at this place popped, and not completed or, in order, not staged? */
static _Bool proof_open(uint32_t place)
{
	if (IN_ORDER)
		return nth(place) < d->open;
	return proof_records[place].owner != 0;
}

/* Packed: what is in flight lies in a row, from the used position to the next one. */
static _Bool valid_packed(void)
{
	uint32_t descriptors = 0;
	uint32_t i;

	for (i = 0; i < N; i++)
		if (proof_open(i))
			descriptors += proof_records[i].descriptors;
	return d->next.slot < N && d->used.slot < N && d->first.slot < N &&
	       d->in_flight_descs <= N && d->run.descriptors <= N && d->staged_descs <= N &&
	       d->run.descriptors + d->staged_descs + descriptors + d->resubmit_left <=
		       d->in_flight_descs &&
	       d->run.buffers <= d->run.descriptors && d->entries <= d->staged_descs &&
	       /* each staged buffer has a descriptor */
	       proof_staged() <= d->run.descriptors + d->staged_descs &&
	       (d->entries == 0) == (d->staged_descs == 0);
}

/* The record of each open buffer; each handle was given out before. */
static _Bool valid_records(void)
{
	uint32_t common = d->popped - d->special < N ? (uint32_t)(d->popped - d->special) : N;
	uint32_t open = 0;
	uint32_t i;

	if (d->handles & VR_PLACE_MASK)
		return 0;
	for (i = 0; i < N; i++) {
		const struct vr_device_record *r = &proof_records[i];
		uint32_t descriptors = r->descriptors;

		if (!proof_open(i))
			continue;
		open++;
		if ((r->owner & VR_PLACE_MASK) != i || r->owner - i > d->handles || r->owner == i ||
		    descriptors < 1 || descriptors > N)
			return 0;
		if (SPLIT && r->id >= N)
			return 0;
		/* In order, the last ones of the row are common: counted from its end, which only pops move. */
		if (IN_ORDER && ((d->pop_place - 1 - i) & (N - 1)) < common &&
		    (r->capacity || descriptors != 1))
			return 0;
	}
	return open == d->open;
}

/* Plain: all that are open, each once, are in the queue by age; its other entries are dead. */
static _Bool valid_ages(void)
{
	_Bool seen[N] = { 0 };
	uint32_t live = 0;
	uint32_t i;

	if (d->age_head > d->age_tail || d->age_tail > 2 * N)
		return 0;
	for (i = 0; i < 2 * N; i++) {
		uint32_t place = (uint32_t)(proof_ages[i] & VR_PLACE_MASK);

		if (i < d->age_head || i >= d->age_tail)
			continue;
		if (place >= N || proof_ages[i] == place)
			return 0;
		if (proof_records[place].owner != proof_ages[i])
			continue;
		if (seen[place])
			return 0;
		seen[place] = 1;
		live++;
	}
	for (i = 0; i < N; i++)
		if (SPLIT && proof_records[i].owner && proof_records[i].id != i)
			return 0;
	return live == d->open;
}

/* Packed plain: the places that are not popped are on the stack, each once. */
static _Bool valid_places(void)
{
	_Bool on[N] = { 0 };
	uint32_t i;

	for (i = 0; i < N; i++) {
		uint32_t place = proof_free_places[i];

		if (i >= N - d->open)
			break;
		if (place >= N || on[place] || proof_records[place].owner)
			return 0;
		on[place] = 1;
	}
	return 1;
}

/* In order: the row ends where the next is popped; in it, but never at its start, some are parked. */
static _Bool valid_row(void)
{
	uint32_t end = d->stage_place + d->open;
	uint32_t parked = 0;
	uint32_t i;

	if (d->stage_place >= N || d->pop_place != (end < N ? end : end - N))
		return 0;
	for (i = 0; i < N; i++) {
		if (!proof_parked[i])
			continue;
		parked++;
		if (!proof_open(i) || i == d->stage_place || proof_parked[i] >> 32 != 1 ||
		    (uint32_t)proof_parked[i] > proof_records[i].capacity)
			return 0;
	}
	return parked == d->parked_count;
}

static _Bool valid_constants(void)
{
	return d->form == FORM && d->size == N && d->max_size == N && d->records == proof_records &&
	       d->map == &proof_map;
}

/* The range of the last hit is one that the map has, or empty. */
static _Bool valid_hit(void)
{
	return d->hit.size == 0 ||
	       (d->hit.size == proof_range.size && d->hit.addr == proof_range.addr &&
		d->hit.base == proof_range.base && d->hit.access == proof_range.access);
}

static _Bool vr_device_valid(void)
{
	return valid_constants() && valid_hit() && valid_counts() && valid_records() &&
	       (SPLIT ? valid_split() : valid_packed()) &&
	       (IN_ORDER ? valid_row() :
			   d->run.buffers == 0 && d->run.descriptors == 0 && valid_ages()) &&
	       (SPLIT || IN_ORDER || valid_places());
}

struct vr_device nondet_device(void);

static void proof_any_device(void)
{
	__CPROVER_havoc_object(proof_records);
	__CPROVER_havoc_object(proof_parked);
	__CPROVER_havoc_object(proof_ages);
	__CPROVER_havoc_object(proof_free_places);
	__CPROVER_havoc_object(proof_used_shadow);
	proof_range.addr = nondet_uint64();
	proof_range.size = nondet_uint64();
	proof_range.base = nondet_uint64();
	proof_range.access = nondet_uint32();
	ASSUME(proof_range.size >= 1 &&
	       proof_range.addr + (proof_range.size - 1) >= proof_range.addr &&
	       proof_range.base + (proof_range.size - 1) >= proof_range.base);
	proof_map.ranges = &proof_range;
	proof_map.count = 1;
	proof_map.miss = NULL;
	*d = nondet_device();
	d->form = FORM;
	d->size = N;
	d->max_size = N;
	d->event_idx = nondet_bool();
	d->platform = nondet_bool();
	d->indirect = INDIRECT;
	d->entry_each = nondet_bool();
	d->check_heads = nondet_bool();
	d->head_known = nondet_bool();
	d->max_chain = CHAIN;
	d->next.wrap = nondet_bool();
	d->used.wrap = nondet_bool();
	d->first.wrap = nondet_bool();
	d->desc = proof_desc;
	d->avail_ring = (struct vr_avail *)(void *)&proof_avail;
	d->used_ring = (struct vr_used_ring *)(void *)&proof_used;
	d->driver_event = &proof_driver_event;
	d->device_event = &proof_device_event;
	d->records = proof_records;
	d->parked = IN_ORDER ? proof_parked : NULL;
	d->ages = IN_ORDER ? NULL : proof_ages;
	d->free_places = PACKED && !IN_ORDER ? proof_free_places : NULL;
	d->used_shadow = SPLIT ? proof_used_shadow : NULL;
	d->map = &proof_map;
	d->observer = NULL;
}

static void proof_valid_device(void)
{
	proof_any_device();
	d->halt.word = 0;
	ASSUME(vr_device_valid());
}

#endif
