// SPDX-License-Identifier: BSD-3-Clause
/* See check_load.h: the disk's driver. */
#include "check_load.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "check/play.h"
#include "check_load_ring.h"

#define SLOTS_MAX 256u
#define SECTORS 8u
#define DATA (512u * SECTORS)
#define PIECES 24u
/* Pieces lie apart, so that no one could say that they should have been one. */
#define GAP 64u
#define AREA (16 + GAP + DATA + PIECES * GAP + 64)

#define T_IN 0u
#define T_OUT 1u
#define T_FLUSH 4u
#define T_GET_ID 8u
#define T_DISCARD 11u
#define T_ZEROES 13u

/**
 * struct slot - a request
 * @area: its shared memory, at @addr for the device
 * @data: where the pieces of its data are, from @area
 * @wanted: content of its sectors
 * @expect: used length
 * @total: pieces of all of it
 */
struct slot {
	uint8_t *area;
	uint64_t addr;
	bool busy;
	uint32_t type;
	uint32_t bytes;
	uint32_t first; /* sector, from its own first one */
	uint32_t data[PIECES];
	uint32_t lens[PIECES];
	uint32_t count;
	uint32_t status;
	uint32_t expect;
	uint32_t total;
	uint64_t number;
	struct vr_segment segments[PIECES + 4];
	uint8_t wanted[DATA];
};

struct load {
	struct load_session s;
	struct slot *slots;
	uint32_t slot_count;
	uint32_t busy;
	uint32_t segments; /* of all that are busy */
	uint64_t added;
	uint64_t got;
};

/* ---- setting up ---- */

static int make_slots(struct load *l)
{
	int status = load_make_memory(&l->s, (uint64_t)l->slot_count * (AREA + 64));

	for (uint32_t i = 0; !status && i < l->slot_count; i++) {
		struct slot *slot = &l->slots[i];

		slot->area = vr_shm_alloc(l->s.shm, AREA, 64);
		if (!slot->area)
			return load_say(LOAD_FAILED, "no room for the requests");
		slot->addr = vr_shm_addr(l->s.shm, slot->area);
		for (uint32_t k = 0; k < SECTORS; k++)
			play_pattern((uint64_t)i * SECTORS + k, slot->wanted + (size_t)512 * k);
	}
	return status;
}

/* ---- requests ---- */

static void segment(struct slot *slot, uint32_t *count, uint32_t at, uint32_t len)
{
	slot->segments[(*count)++] = (struct vr_segment){ .addr = slot->addr + at, .len = len };
}

/* Cuts the data into pieces, each at another place. */
static void cut(struct load *l, struct slot *slot, uint32_t most)
{
	uint32_t left = slot->bytes;
	uint32_t at = 16 + GAP;

	slot->count = 0;
	while (left) {
		uint32_t len = slot->count + 1 == most ? left : 1 + load_below(&l->s, left);

		slot->data[slot->count] = at;
		slot->lens[slot->count++] = len;
		left -= len;
		at += len + GAP;
	}
	slot->status = at;
}

static void choose(struct load *l, struct slot *slot)
{
	static const uint32_t types[16] = { T_IN,    T_IN,     T_IN,	  T_IN,	   T_IN,  T_IN,
					    T_IN,    T_OUT,    T_OUT,	  T_OUT,   T_OUT, T_FLUSH,
					    T_FLUSH, T_GET_ID, T_DISCARD, T_ZEROES };
	uint32_t sectors = 1 + load_below(&l->s, SECTORS);

	slot->type = l->added >= l->s.job->requests ? T_FLUSH : types[load_below(&l->s, 16)];
	slot->first = load_below(&l->s, SECTORS - sectors + 1);
	slot->bytes = sectors * 512;
	if (slot->type == T_FLUSH)
		slot->bytes = 0;
	else if (slot->type == T_GET_ID)
		slot->bytes = 20;
	else if (slot->type == T_DISCARD || slot->type == T_ZEROES)
		slot->bytes = 16;
}

static void put_32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static void put_64(uint8_t *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static void fill(struct load *l, struct slot *slot, uint32_t index)
{
	uint64_t sector = (uint64_t)index * SECTORS + slot->first;
	uint32_t done = 0;
	uint8_t bytes[DATA];

	for (uint32_t i = 0; i < slot->bytes; i++)
		bytes[i] = (uint8_t)(l->s.random >> (i % 56)) ^ (uint8_t)(i * 7);
	if (slot->type == T_DISCARD || slot->type == T_ZEROES) {
		memset(bytes, 0, 16);
		put_64(bytes, sector);
		put_32(bytes + 8, 1);
	}
	put_32(slot->area, slot->type);
	memset(slot->area + 4, 0, 4);
	if (slot->type != T_IN && slot->type != T_OUT)
		sector = 0;
	put_64(slot->area + 8, sector);
	for (uint32_t i = 0; i < slot->count; i++) {
		memcpy(slot->area + slot->data[i], bytes + done, slot->lens[i]);
		done += slot->lens[i];
	}
	slot->area[slot->status] = 0xee;
}

/* Makes a request of a free slot into a buffer. */
static void prepare(struct load *l, uint32_t index, struct vr_buffer *buffer)
{
	struct slot *slot = &l->slots[index];
	uint32_t room = l->s.job->size;
	uint32_t count = 0;
	bool in;

	choose(l, slot);
	in = slot->type == T_IN || slot->type == T_GET_ID;
	room = room > PIECES + 3 ? PIECES : room - 3;
	room = l->s.job->hostile && room > 4 ? 4 : room;
	cut(l, slot, slot->bytes ? 1 + load_below(&l->s, room) : 1);
	fill(l, slot, index);
	/* The header in one piece, or in two. */
	if (slot->count < room && slot->bytes && load_below(&l->s, 4) == 0) {
		segment(slot, &count, 0, 7);
		segment(slot, &count, 7, 9);
	} else {
		segment(slot, &count, 0, 16);
	}
	buffer->readable = (uint16_t)count;
	for (uint32_t i = 0; i < slot->count; i++)
		segment(slot, &count, slot->data[i], slot->lens[i]);
	if (!in)
		buffer->readable = (uint16_t)count;
	segment(slot, &count, slot->status, 1);
	buffer->writable = (uint16_t)(count - buffer->readable);
	buffer->segments = slot->segments;
	buffer->token = index;
	buffer->context = ~(uint64_t)index;
	slot->expect = in ? slot->bytes + 1 : 1;
	slot->total = count;
}

/* A request that is on its way changes what its sectors hold. */
static void note_change(struct slot *slot)
{
	uint8_t *to = slot->wanted + (size_t)512 * slot->first;

	if (slot->type == T_ZEROES)
		memset(to, 0, 512);
	for (uint32_t i = 0; slot->type == T_OUT && i < slot->count; i++) {
		memcpy(to, slot->area + slot->data[i], slot->lens[i]);
		to += slot->lens[i];
	}
}

/* Puts requests of free slots into the ring, in one burst. */
static int add_burst(struct load *l, uint32_t want)
{
	struct vr_buffer buffers[SLOTS_MAX] = { 0 };
	uint32_t count = 0;
	int taken;

	for (uint32_t i = 0; i < l->slot_count && count < want; i++) {
		uint32_t index = (uint32_t)(l->added + i) % l->slot_count;

		if (!l->slots[index].busy)
			prepare(l, index, &buffers[count++]);
	}
	if (count == 0)
		return LOAD_OK;
	taken = vr_driver_add(l->s.drivers[0], buffers, count);
	if (taken == VR_E_BROKEN)
		return load_broken(&l->s, 0);
	if (taken < 0 || taken > (int)count)
		return load_say(LOAD_CORRUPT, "a request is refused: %s", vr_strerror(taken));
	for (uint32_t i = 0; i < (uint32_t)taken; i++) {
		struct slot *slot = &l->slots[buffers[i].token];

		note_change(slot);
		slot->busy = true;
		slot->number = l->added++;
		l->busy++;
		l->segments += slot->total;
	}
	return LOAD_OK;
}

static int check_data(const struct load *l, const struct slot *slot)
{
	static const uint8_t id[20] = "virtring-check";
	const uint8_t *wanted = slot->type == T_GET_ID ? id :
							 slot->wanted + (size_t)512 * slot->first;
	uint32_t done = 0;

	if (slot->area[slot->status] != 0)
		return load_say(l->s.job->hostile ? LOAD_CHEATED : LOAD_CORRUPT,
				"a request has status %u", slot->area[slot->status]);
	if (slot->type != T_IN && slot->type != T_GET_ID)
		return LOAD_OK;
	for (uint32_t i = 0; i < slot->count; i++) {
		if (memcmp(slot->area + slot->data[i], wanted + done, slot->lens[i]) != 0)
			return load_say(LOAD_CORRUPT,
					"request %llu read other bytes than it should",
					(unsigned long long)slot->number);
		done += slot->lens[i];
	}
	return LOAD_OK;
}

static int check_used(struct load *l, const struct vr_used *used)
{
	struct slot *slot = used->token < l->slot_count ? &l->slots[used->token] : NULL;

	if (!slot || !slot->busy)
		return load_say(LOAD_CORRUPT, "token %llu comes back, which is not outstanding",
				(unsigned long long)used->token);
	if (used->context != ~used->token)
		return load_say(LOAD_CORRUPT, "token %llu comes back with another's context",
				(unsigned long long)used->token);
	if (l->s.offer.accepted & VR_F_IN_ORDER && slot->number != l->got)
		return load_say(LOAD_CORRUPT, "in order request %llu comes back, %llu was due",
				(unsigned long long)slot->number, (unsigned long long)l->got);
	slot->busy = false;
	l->busy--;
	l->segments -= slot->total;
	l->got++;
	if (used->len != slot->expect)
		return load_say(l->s.job->hostile && used->len < slot->expect ? LOAD_CHEATED :
										LOAD_CORRUPT,
				"request %llu has length %u, not %u",
				(unsigned long long)slot->number, used->len, slot->expect);
	return check_data(l, slot);
}

/* What has come back is free for others. */
static int check_free(struct load *l)
{
	uint32_t free = vr_driver_free(l->s.drivers[0]);

	if (free + l->segments >= l->s.job->size)
		return LOAD_OK;
	return load_say(LOAD_CORRUPT, "%u descriptors are free, at most %u are in use", free,
			l->segments);
}

static int take_burst(struct load *l, uint32_t most, uint32_t *count)
{
	struct vr_used used[SLOTS_MAX];
	int got = vr_driver_get(l->s.drivers[0], used, most);

	*count = got > 0 ? (uint32_t)got : 0;
	if (got == VR_E_BROKEN)
		return load_broken(&l->s, 0);
	for (int i = 0; i < got; i++) {
		int status = check_used(l, &used[i]);

		if (status)
			return status;
	}
	return check_free(l);
}

/* ---- the work ---- */

/* Takes back all that is outstanding. */
static int drain(struct load *l, uint32_t down_to)
{
	int64_t since = play_now();

	while (l->busy > down_to) {
		uint32_t count;
		int status = take_burst(l, 1 + load_below(&l->s, SLOTS_MAX), &count);

		if (!status && count == 0)
			status = load_rest(&l->s, since);
		if (status)
			return status;
		if (count)
			since = play_now();
		if (!count && play_now() - since > 2L * LOAD_HUNG_MS)
			return load_say(LOAD_HUNG, "%u outstanding, and no end", l->busy);
	}
	return LOAD_OK;
}

static int round_trip(struct load *l)
{
	/* A hostile device needs descriptors that nobody has. */
	uint32_t part = l->s.job->hostile ? 8 : l->s.job->shallow ? 4 : 1;
	uint32_t most = (l->slot_count + part - 1) / part;
	uint32_t room = most > l->busy ? most - l->busy : 0;
	int status = LOAD_OK;

	if (room && load_below(&l->s, 3) == 0)
		room = 1 + load_below(&l->s, room);
	if (room)
		status = add_burst(l, room);
	if (status)
		return status;
	if (load_below(&l->s, 3) == 0) {
		(void)vr_driver_publish(l->s.drivers[0]);
		status = add_burst(l, 1);
	}
	load_kick(&l->s, 0);
	/* To the end now and then, else to where there is room. */
	return status ? status :
			drain(l, load_below(&l->s, 8) ? load_below(&l->s, l->busy + 1) : 0);
}

static int work(struct load *l)
{
	uint64_t next = l->s.job->requests / (l->s.job->restarts + 1);
	uint32_t restarts = 0;
	int status = LOAD_OK;

	while (!status && l->added < (uint64_t)l->s.job->requests + l->s.job->small) {
		if (restarts < l->s.job->restarts && l->added >= next * (restarts + 1)) {
			restarts++;
			status = drain(l, 0);
			if (!status)
				status = load_stop(&l->s);
			if (!status)
				status = load_go_on(&l->s);
		}
		if (!status)
			status = round_trip(l);
	}
	return status ? status : drain(l, 0);
}

static int session(struct load *l)
{
	int status = load_connect(&l->s, 1);

	if (!status)
		status = make_slots(l);
	if (!status)
		status = load_make_ring(&l->s);
	if (status)
		return status;
	load_open_channel(&l->s);
	status = load_start(&l->s);
	if (!status)
		status = work(l);
	return status ? status : load_stop(&l->s);
}

int load_run(const struct load_job *job)
{
	struct load l = { .s = { .job = job, .random = job->seed | 1 } };
	int status;

	/* More slots than descriptors: the ring is full before they are used up. */
	l.slot_count = job->size + 2 < SLOTS_MAX ? job->size + 2 : SLOTS_MAX;
	l.slots = calloc(l.slot_count, sizeof(*l.slots));
	if (!l.slots)
		return LOAD_FAILED;
	status = session(&l);
	load_end(&l.s);
	free(l.slots);
	return status;
}
