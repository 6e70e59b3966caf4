// SPDX-License-Identifier: BSD-3-Clause
/* See check_load.h. The library's public calls only: this is what a user's driver looks like. */
#include "check_load.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <virtring/driver.h>
#include <virtring/memory.h>
#include <virtring/vhost_user.h>

#include "check/play.h"

#define GUEST_ADDR 0x100000000ull
#define MESSAGE_MS 4000
/* Without any progress for so long, something is lost. */
#define HUNG_MS 4000
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
	uint64_t number;
	struct vr_segment segments[PIECES + 4];
	uint8_t wanted[DATA];
};

struct load {
	const struct load_job *job;
	struct vr_vu_frontend *frontend;
	struct vr_shm *shm;
	struct vr_vu_offer offer;
	struct vr_vu_vring vring;
	struct vr_driver *driver;
	void *state;
	struct slot *slots;
	uint32_t slot_count;
	uint32_t busy;
	uint64_t added;
	uint64_t got;
	uint64_t random;
	uint32_t config_reads;
	bool channel;
};

static uint32_t below(struct load *l, uint32_t bound)
{
	l->random ^= l->random >> 12;
	l->random ^= l->random << 25;
	l->random ^= l->random >> 27;
	return (uint32_t)(((l->random * 0x2545f4914f6cdd1dull) >> 33) % bound);
}

static int say(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int say(int status, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	(void)fputc('\n', stderr);
	return status;
}

/* ---- setting up ---- */

static int broken(const struct load *l)
{
	struct vr_fault fault;

	vr_driver_fault(l->driver, &fault);
	return say(l->job->hostile ? LOAD_REFUSED : LOAD_CORRUPT, "the queue is broken: %s",
		   vr_fault_text(fault.reason));
}

/* A session that ends is the device's right, or what a hostile one is answered with. */
static int lost(const struct load *l, int code)
{
	return say(l->job->hostile ? LOAD_REFUSED : LOAD_FAILED, "%s (%s)",
		   vr_vu_frontend_error(l->frontend), strerror(-code));
}

static int connect_to(struct load *l)
{
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = l->job->path,
		.rings_per_queue = 1,
	};
	int code = vr_vu_frontend_create(&config, &l->frontend);

	if (!code)
		code = vr_vu_frontend_connect(l->frontend, MESSAGE_MS);
	if (!code)
		code = vr_vu_frontend_negotiate(l->frontend, l->job->features, VR_F_VERSION_1,
						&l->offer, MESSAGE_MS);
	return code ? lost(l, code) : LOAD_OK;
}

static bool area(struct load *l, struct vr_ring_area *ring_area, uint64_t bytes)
{
	ring_area->host = vr_shm_alloc(l->shm, bytes, 128);
	ring_area->addr = ring_area->host ? vr_shm_addr(l->shm, ring_area->host) : 0;
	return ring_area->host;
}

static int make_memory(struct load *l)
{
	struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.size = (uint64_t)l->slot_count * (AREA + 64) + (1u << 20) +
			(uint64_t)l->job->size * l->job->indirect * 16,
		.guest_addr = GUEST_ADDR,
	};

	if (vr_shm_create(&config, &l->shm))
		return say(LOAD_FAILED, "no shared memory");
	for (uint32_t i = 0; i < l->slot_count; i++) {
		struct slot *slot = &l->slots[i];

		slot->area = vr_shm_alloc(l->shm, AREA, 64);
		if (!slot->area)
			return say(LOAD_FAILED, "no room for the requests");
		slot->addr = vr_shm_addr(l->shm, slot->area);
		for (uint32_t k = 0; k < SECTORS; k++)
			play_pattern((uint64_t)i * SECTORS + k, slot->wanted + (size_t)512 * k);
	}
	return LOAD_OK;
}

static int make_driver(struct load *l)
{
	uint64_t features = l->offer.accepted & l->job->features;
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = features,
		.queue_size = l->job->size,
		.indirect_entries = l->job->indirect,
	};
	struct vr_ring_area *areas[] = { &config.ring.descriptors, &config.ring.driver,
					 &config.ring.device };
	size_t bytes;

	for (int i = 0; i < 3; i++) {
		bytes = vr_ring_bytes(features, l->job->size, (enum vr_area)i);
		if (!area(l, areas[i], bytes))
			return say(LOAD_FAILED, "no room for the ring");
		/* The half has to clear it itself (2.7.10.1). */
		memset(areas[i]->host, 0xa5, bytes);
	}
	if (l->job->indirect &&
	    !area(l, &config.indirect, (uint64_t)l->job->size * l->job->indirect * 16))
		return say(LOAD_FAILED, "no room for tables");
	bytes = vr_driver_size(&config);
	l->state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!l->state || vr_driver_init(l->state, bytes, &config, &l->driver))
		return say(LOAD_FAILED, "no driver half");
	l->vring = (struct vr_vu_vring){
		.index = 0,
		.size = l->job->size,
		.base = features & VR_F_RING_PACKED ? VR_VU_BASE_FRESH_PACKED :
						      VR_VU_BASE_FRESH_SPLIT,
		.enabled = true,
		.ring = config.ring,
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.err_fd = -1,
	};
	return LOAD_OK;
}

static int start(struct load *l)
{
	struct vr_mem_region region;
	int code;

	vr_shm_region(l->shm, &region);
	code = vr_vu_frontend_start(l->frontend, l->offer.accepted, &region, 1, &l->vring, 1,
				    MESSAGE_MS);
	return code ? lost(l, code) : LOAD_OK;
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
		uint32_t len = slot->count + 1 == most ? left : 1 + below(l, left);

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
	uint32_t sectors = 1 + below(l, SECTORS);

	slot->type = l->added >= l->job->requests ? T_FLUSH : types[below(l, 16)];
	slot->first = below(l, SECTORS - sectors + 1);
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
		bytes[i] = (uint8_t)(l->random >> (i % 56)) ^ (uint8_t)(i * 7);
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
	uint32_t room = l->job->size;
	uint32_t count = 0;
	bool in;

	choose(l, slot);
	in = slot->type == T_IN || slot->type == T_GET_ID;
	room = room > PIECES + 3 ? PIECES : room - 3;
	room = l->job->hostile && room > 4 ? 4 : room;
	cut(l, slot, slot->bytes ? 1 + below(l, room) : 1);
	fill(l, slot, index);
	/* The header in one piece, or in two. */
	if (slot->count < room && slot->bytes && below(l, 4) == 0) {
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
	taken = vr_driver_add(l->driver, buffers, count);
	if (taken == VR_E_BROKEN)
		return broken(l);
	if (taken < 0 || taken > (int)count)
		return say(LOAD_CORRUPT, "a request is refused: %s", vr_strerror(taken));
	for (uint32_t i = 0; i < (uint32_t)taken; i++) {
		struct slot *slot = &l->slots[buffers[i].token];

		note_change(slot);
		slot->busy = true;
		slot->number = l->added++;
		l->busy++;
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
		return say(l->job->hostile ? LOAD_REFUSED : LOAD_CORRUPT, "a request has status %u",
			   slot->area[slot->status]);
	if (slot->type != T_IN && slot->type != T_GET_ID)
		return LOAD_OK;
	for (uint32_t i = 0; i < slot->count; i++) {
		if (memcmp(slot->area + slot->data[i], wanted + done, slot->lens[i]) != 0)
			return say(LOAD_CORRUPT, "request %llu read other bytes than it should",
				   (unsigned long long)slot->number);
		done += slot->lens[i];
	}
	return LOAD_OK;
}

static int check_used(struct load *l, const struct vr_used *used)
{
	struct slot *slot = used->token < l->slot_count ? &l->slots[used->token] : NULL;

	if (!slot || !slot->busy)
		return say(LOAD_CORRUPT, "token %llu comes back, which is not outstanding",
			   (unsigned long long)used->token);
	if (used->context != ~used->token)
		return say(LOAD_CORRUPT, "token %llu comes back with another's context",
			   (unsigned long long)used->token);
	if (l->offer.accepted & VR_F_IN_ORDER && slot->number != l->got)
		return say(LOAD_CORRUPT, "in order request %llu comes back, %llu was due",
			   (unsigned long long)slot->number, (unsigned long long)l->got);
	slot->busy = false;
	l->busy--;
	l->got++;
	if (used->len != slot->expect)
		return say(l->job->hostile && used->len < slot->expect ? LOAD_REFUSED :
									 LOAD_CORRUPT,
			   "request %llu has length %u, not %u", (unsigned long long)slot->number,
			   used->len, slot->expect);
	return check_data(l, slot);
}

static int take_burst(struct load *l, uint32_t most, uint32_t *count)
{
	struct vr_used used[SLOTS_MAX];
	int got = vr_driver_get(l->driver, used, most);

	*count = got > 0 ? (uint32_t)got : 0;
	if (got == VR_E_BROKEN)
		return broken(l);
	for (int i = 0; i < got; i++) {
		int status = check_used(l, &used[i]);

		if (status)
			return status;
	}
	return LOAD_OK;
}

/* ---- waiting ---- */

static void config_changed(void *context)
{
	((struct load *)context)->config_reads++;
}

static int serve_channel(struct load *l)
{
	uint8_t space[PLAY_CONFIG_BYTES];
	int code = vr_vu_frontend_channel_process(l->frontend);

	/* Whatever happens on the channel, the session goes on. */
	if (code < 0)
		l->channel = false;
	if (!l->config_reads)
		return LOAD_OK;
	l->config_reads = 0;
	code = vr_vu_frontend_get_config(l->frontend, 0, space, sizeof(space), MESSAGE_MS);
	return code ? lost(l, code) : LOAD_OK;
}

static int sleep_on(struct load *l, int64_t since)
{
	struct pollfd fds[] = {
		{ .fd = l->vring.call_fd, .events = POLLIN },
		{ .fd = vr_vu_frontend_fd(l->frontend), .events = POLLRDHUP },
		{ .fd = l->channel ? vr_vu_frontend_channel_fd(l->frontend) : -1,
		  .events = POLLIN },
	};
	int got = poll(fds, 3, HUNG_MS);

	if (fds[2].revents)
		return serve_channel(l);
	if (fds[1].revents)
		return say(l->job->hostile ? LOAD_REFUSED : LOAD_FAILED, "the device is gone");
	if (got > 0)
		(void)vr_vu_drain(l->vring.call_fd);
	if (got <= 0 || play_now() - since > 2L * HUNG_MS)
		return say(
			l->job->hostile ? LOAD_REFUSED : LOAD_HUNG, "%u outstanding, %s", l->busy,
			vr_driver_pending(l->driver) ? "used, but no call came" : "none is used");
	return LOAD_OK;
}

static int rest(struct load *l, int64_t since)
{
	bool there;

	switch (below(l, 4)) {
	case 0:
		vr_driver_disarm(l->driver, NULL);
		return LOAD_OK; /* looks again, awake */
	case 1:
		there = vr_driver_arm_delayed(l->driver, below(l, l->busy + 1), NULL);
		break;
	default:
		there = vr_driver_arm(l->driver, NULL);
		break;
	}
	return there ? LOAD_OK : sleep_on(l, since);
}

static void kick(struct load *l)
{
	/* Several publications may have one verdict. */
	(void)vr_driver_publish(l->driver);
	if (vr_driver_must_notify(l->driver))
		(void)vr_vu_notify(l->vring.kick_fd);
}

/* Takes back all that is outstanding. */
static int drain(struct load *l, uint32_t down_to)
{
	int64_t since = play_now();

	while (l->busy > down_to) {
		uint32_t count;
		int status = take_burst(l, 1 + below(l, SLOTS_MAX), &count);

		if (!status && count == 0)
			status = rest(l, since);
		if (status)
			return status;
		if (count)
			since = play_now();
		if (!count && play_now() - since > 2L * HUNG_MS)
			return say(LOAD_HUNG, "%u outstanding, and no end", l->busy);
	}
	return LOAD_OK;
}

static int round_trip(struct load *l)
{
	/* A hostile device needs descriptors that nobody has. */
	uint32_t part = l->job->hostile ? 8 : l->job->shallow ? 4 : 1;
	uint32_t most = (l->slot_count + part - 1) / part;
	uint32_t room = most > l->busy ? most - l->busy : 0;
	int status = LOAD_OK;

	if (room && below(l, 3) == 0)
		room = 1 + below(l, room);
	if (room)
		status = add_burst(l, room);
	if (status)
		return status;
	if (below(l, 3) == 0) {
		(void)vr_driver_publish(l->driver);
		status = add_burst(l, 1);
	}
	kick(l);
	/* To the end now and then, else to where there is room. */
	return status ? status : drain(l, below(l, 8) ? below(l, l->busy + 1) : 0);
}

/* The base that the device answers is where this half is. */
static int restart(struct load *l)
{
	int status = drain(l, 0);
	int code;

	if (status)
		return status;
	code = vr_vu_frontend_stop(l->frontend, &l->vring, 1, MESSAGE_MS);
	if (code)
		return lost(l, code);
	if (l->vring.base != vr_driver_base(l->driver))
		return say(LOAD_CORRUPT, "the device stopped at 0x%x, the driver is at 0x%x",
			   l->vring.base, vr_driver_base(l->driver));
	return start(l);
}

static int work(struct load *l)
{
	uint64_t next = l->job->requests / (l->job->restarts + 1);
	uint32_t restarts = 0;
	int status = LOAD_OK;

	while (!status && l->added < (uint64_t)l->job->requests + l->job->small) {
		if (restarts < l->job->restarts && l->added >= next * (restarts + 1)) {
			restarts++;
			status = restart(l);
		}
		if (!status)
			status = round_trip(l);
	}
	return status ? status : drain(l, 0);
}

static void open_channel(struct load *l)
{
	static const struct vr_vu_channel_ops ops = { .config_changed = config_changed };

	if (l->job->config && l->offer.accepted_protocol & VR_VU_PF_BACKEND_REQ)
		l->channel = !vr_vu_frontend_open_channel(l->frontend, &ops, l, MESSAGE_MS);
}

static int read_config(struct load *l)
{
	uint8_t space[PLAY_CONFIG_BYTES];
	int code;

	if (!(l->offer.accepted_protocol & VR_VU_PF_CONFIG))
		return LOAD_OK;
	code = vr_vu_frontend_get_config(l->frontend, 0, space, sizeof(space), MESSAGE_MS);
	return code ? lost(l, code) : LOAD_OK;
}

static int session(struct load *l)
{
	int status = connect_to(l);
	int code;

	if (!status)
		status = read_config(l);
	if (!status)
		status = make_memory(l);
	if (!status)
		status = make_driver(l);
	if (status)
		return status;
	open_channel(l);
	status = start(l);
	if (!status)
		status = work(l);
	if (status)
		return status;
	code = vr_vu_frontend_stop(l->frontend, &l->vring, 1, MESSAGE_MS);
	return code ? lost(l, code) : LOAD_OK;
}

int load_run(const struct load_job *job)
{
	struct load l = { .job = job, .random = job->seed | 1 };
	int status;

	/* More slots than descriptors: the ring is full before they are used up. */
	l.slot_count = job->size + 2 < SLOTS_MAX ? job->size + 2 : SLOTS_MAX;
	l.slots = calloc(l.slot_count, sizeof(*l.slots));
	if (!l.slots)
		return LOAD_FAILED;
	status = session(&l);
	vr_vu_frontend_destroy(l.frontend);
	if (l.state) {
		close(l.vring.kick_fd);
		close(l.vring.call_fd);
	}
	free(l.state);
	free(l.slots);
	vr_shm_destroy(l.shm);
	return status;
}
