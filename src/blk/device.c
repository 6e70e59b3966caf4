// SPDX-License-Identifier: BSD-3-Clause
/* The device's half of virtio-blk: takes requests, judges them, answers them (5.2.6). */
#include <string.h>

#include <virtring/blk.h>
#include <virtring/memory.h>

#include "blk/wire.h"

/* Buffers that one take looks at for each request that it may give; the rest is for later. */
#define LOOKS 4u

/* One room for a request: what was popped, and the private copy of what it says. */
struct slot {
	struct vr_blk_request request; /* first: the address that the caller knows */
	struct vr_chain chain;
	struct vr_iovec *segments;
	uint8_t *status; /* in the driver's memory */
	uint64_t data; /* writable bytes before it */
	struct slot *next; /* free list */
	bool taken;
	bool large;
	struct vr_blk_range ranges[VR_BLK_RANGES_MAX];
};

struct vr_blk_device {
	struct vr_device *queue;
	struct vr_blk_space space;
	struct vr_blk_stats stats;
	uint64_t features;
	uint32_t segments;
	uint32_t max_chain;
	uint32_t busy;
	bool read_only;
	bool write_through;
	uint8_t id[VR_BLK_ID_BYTES];
	struct slot *free;
	struct slot *large;
	struct slot slots[];
};

const char *vr_blk_fault_text(enum vr_blk_fault fault)
{
	switch (fault) {
	case VR_BLK_FAULT_NONE:
		return "no fault";
	case VR_BLK_FAULT_STATUS:
		return "a request without a writable byte for its status";
	case VR_BLK_FAULT_SEGMENTS:
		return "a request of more pieces than there is room for";
	default:
		return "unknown fault";
	}
}

/* Copies the configuration with its defaults filled in; false when it is invalid. */
static bool config_read(const struct vr_blk_device_config *config, struct vr_blk_device_config *c)
{
	if (!config || config->struct_size < sizeof(*config))
		return false;
	*c = *config;
	if (c->requests == 0)
		c->requests = 128;
	if (c->segments == 0)
		c->segments = 128;
	if (c->max_chain == 0)
		c->max_chain = 1024;
	return c->requests <= 32768 && c->segments >= 3 && c->segments <= 32770 &&
	       c->max_chain <= 65536;
}

/* The large slot comes after the others; its room is that of the longest buffer. */
static size_t segments_total(const struct vr_blk_device_config *c)
{
	return (size_t)c->requests * c->segments + c->max_chain;
}

size_t vr_blk_device_size(const struct vr_blk_device_config *config)
{
	struct vr_blk_device_config c;

	if (!config_read(config, &c))
		return 0;
	return sizeof(struct vr_blk_device) + (c.requests + 1) * sizeof(struct slot) +
	       segments_total(&c) * sizeof(struct vr_iovec);
}

int vr_blk_device_init(void *state, size_t bytes, const struct vr_blk_device_config *config,
		       struct vr_blk_device **device)
{
	struct vr_blk_device_config c;
	struct vr_blk_device *d = state;
	struct vr_iovec *segments;

	if (!config_read(config, &c) || !c.queue || !c.space || !state || (uintptr_t)state % 64 ||
	    bytes < vr_blk_device_size(config) || !device)
		return VR_E_INVAL;
	memset(d, 0, sizeof(*d) + (c.requests + 1) * sizeof(struct slot));
	d->queue = c.queue;
	d->space = *c.space;
	d->features = c.features;
	d->segments = c.segments;
	d->max_chain = c.max_chain;
	d->read_only = c.read_only;
	d->write_through = c.write_through;
	memcpy(d->id, c.id, sizeof(d->id));
	segments = (struct vr_iovec *)(d->slots + c.requests + 1);
	for (uint32_t i = c.requests; i-- > 0;) {
		d->slots[i].segments = segments + (size_t)i * c.segments;
		d->slots[i].next = d->free;
		d->free = &d->slots[i];
	}
	d->large = &d->slots[c.requests];
	d->large->segments = segments + (size_t)c.requests * c.segments;
	d->large->large = true;
	*device = d;
	return 0;
}

static int broken(struct vr_blk_device *d, enum vr_blk_fault fault)
{
	d->stats.fault = fault;
	vr_device_break(d->queue);
	return VR_E_BROKEN;
}

/* A buffer of more pieces than the usual slot has goes to the large one, if that is free. */
static int pop_large(struct vr_blk_device *d, struct slot **slot)
{
	struct vr_need need;

	vr_device_need(d->queue, &need);
	if (need.segments > d->max_chain)
		return broken(d, VR_BLK_FAULT_SEGMENTS);
	if (d->large->taken)
		return VR_E_BUSY;
	*slot = d->large;
	return vr_device_pop(d->queue, &d->large->chain, 1, d->large->segments, d->max_chain);
}

/* One buffer into a slot, which is then taken; else 0 or an error, and nothing has changed. */
static int pop(struct vr_blk_device *d, struct slot **slot)
{
	int got;

	*slot = d->free;
	if (!*slot)
		return VR_E_BUSY;
	got = vr_device_pop(d->queue, &(*slot)->chain, 1, (*slot)->segments, d->segments);
	if (got == VR_E_SEGMENTS)
		got = pop_large(d, slot);
	if (got != 1)
		return got;
	if (!(*slot)->large)
		d->free = (*slot)->next;
	(*slot)->taken = true;
	d->busy++;
	return 1;
}

/* Takes @bytes, which are there, off the front of the readable pieces, each byte read once. */
static void take_front(struct slot *slot, uint8_t *copy, size_t bytes)
{
	struct vr_chain *chain = &slot->chain;

	for (size_t at = 0; at < bytes;) {
		struct vr_iovec *piece = chain->segments;
		size_t part = piece->len < bytes - at ? piece->len : bytes - at;

		memcpy(copy + at, piece->base, part);
		at += part;
		piece->base = (uint8_t *)piece->base + part;
		piece->len -= part;
		if (piece->len == 0) {
			chain->segments++;
			chain->readable--;
		}
	}
	chain->readable_bytes -= bytes;
	/* The compiler must not go back to shared memory for bytes that are judged on the copy. */
	__asm__ volatile("" : : "r"(copy) : "memory");
}

/* The last writable byte is the status, wherever it lies; the chain has one. */
static void take_status(struct slot *slot)
{
	struct vr_chain *chain = &slot->chain;
	struct vr_iovec *last = &chain->segments[chain->readable + chain->writable - 1];

	last->len--;
	slot->status = (uint8_t *)last->base + last->len;
	if (last->len == 0)
		chain->writable--;
	slot->data = chain->writable_bytes - 1;
}

/* Data in the driver's memory: whole sectors, within the disk. */
static uint8_t judge_data(const struct vr_blk_device *d, struct slot *slot, uint64_t bytes)
{
	struct vr_blk_request *request = &slot->request;

	if (bytes % VR_BLK_SECTOR ||
	    !vr_blk_within(request->sector, bytes / VR_BLK_SECTOR, d->space.capacity))
		return VR_BLK_S_IOERR;
	request->bytes = bytes;
	return VR_BLK_S_OK;
}

static uint8_t judge_in(const struct vr_blk_device *d, struct slot *slot)
{
	if (slot->chain.readable_bytes)
		return VR_BLK_S_IOERR;
	slot->request.pieces = slot->chain.segments + slot->chain.readable;
	slot->request.piece_count = slot->chain.writable;
	return judge_data(d, slot, slot->data);
}

static uint8_t judge_out(const struct vr_blk_device *d, struct slot *slot)
{
	if (slot->data || d->read_only)
		return VR_BLK_S_IOERR;
	slot->request.pieces = slot->chain.segments;
	slot->request.piece_count = slot->chain.readable;
	return judge_data(d, slot, slot->chain.readable_bytes);
}

/* One range of a discard or of zeroes; its flags come first, as the specification has it. */
static uint8_t judge_range(const struct vr_blk_device *d, const struct vr_blk_range *range,
			   bool discard)
{
	uint32_t most = discard ? d->space.max_discard_sectors : d->space.max_write_zeroes_sectors;

	if (range->flags & ~(discard ? 0 : VR_BLK_UNMAP))
		return VR_BLK_S_UNSUPP;
	if (range->sectors > most ||
	    !vr_blk_within(range->sector, range->sectors, d->space.capacity))
		return VR_BLK_S_IOERR;
	return VR_BLK_S_OK;
}

static uint8_t judge_ranges(const struct vr_blk_device *d, struct slot *slot, bool discard)
{
	uint64_t bytes = slot->chain.readable_bytes;
	uint32_t most = discard ? d->space.max_discard_seg : d->space.max_write_zeroes_seg;
	uint64_t count = bytes / VR_BLK_RANGE_BYTES;
	uint8_t status = VR_BLK_S_OK;

	if (!(d->features & (discard ? VR_BLK_F_DISCARD : VR_BLK_F_WRITE_ZEROES)))
		return VR_BLK_S_UNSUPP;
	if (d->read_only || slot->data || bytes % VR_BLK_RANGE_BYTES || count == 0 ||
	    count > most || count > VR_BLK_RANGES_MAX)
		return VR_BLK_S_IOERR;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t wire[VR_BLK_RANGE_BYTES];
		uint8_t one;

		take_front(slot, wire, sizeof(wire));
		slot->ranges[i].sector = vr_blk_get64(wire);
		slot->ranges[i].sectors = vr_blk_get32(wire + 8);
		slot->ranges[i].flags = vr_blk_get32(wire + 12);
		one = judge_range(d, &slot->ranges[i], discard);
		if (one != VR_BLK_S_OK && status == VR_BLK_S_OK)
			status = one;
	}
	slot->request.ranges = slot->ranges;
	slot->request.range_count = (uint32_t)count;
	return status;
}

/* The identity needs no disk. */
static uint8_t give_id(const struct vr_blk_device *d, const struct slot *slot)
{
	const struct vr_chain *chain = &slot->chain;

	if (chain->readable_bytes || slot->data != VR_BLK_ID_BYTES)
		return VR_BLK_S_IOERR;
	vr_iov_write(chain->segments + chain->readable, chain->writable, 0, d->id, sizeof(d->id));
	return VR_BLK_S_OK;
}

static uint8_t judge(const struct vr_blk_device *d, struct slot *slot)
{
	switch (slot->request.type) {
	case VR_BLK_T_IN:
		return judge_in(d, slot);
	case VR_BLK_T_OUT:
		return judge_out(d, slot);
	case VR_BLK_T_FLUSH:
		return slot->data || slot->chain.readable_bytes ? VR_BLK_S_IOERR : VR_BLK_S_OK;
	case VR_BLK_T_GET_ID:
		return give_id(d, slot);
	case VR_BLK_T_DISCARD:
		return judge_ranges(d, slot, true);
	case VR_BLK_T_WRITE_ZEROES:
		return judge_ranges(d, slot, false);
	default:
		return VR_BLK_S_UNSUPP;
	}
}

/* Reads the header and fills the request from it. */
static uint8_t parse(const struct vr_blk_device *d, struct slot *slot)
{
	uint8_t header[VR_BLK_HEADER_BYTES];

	memset(&slot->request, 0, sizeof(slot->request));
	/* Until it is known to be something else, it is nothing that a counter should claim. */
	slot->request.type = UINT32_MAX;
	if (slot->chain.readable_bytes < sizeof(header))
		return VR_BLK_S_IOERR;
	take_front(slot, header, sizeof(header));
	slot->request.type = vr_blk_get32(header);
	slot->request.sector = vr_blk_get64(header + 8);
	/* Without FLUSH the driver has no other way to make a write last (5.2.6.2). */
	if (d->write_through || !(d->features & VR_BLK_F_FLUSH))
		slot->request.flags = VR_BLK_STABLE;
	return judge(d, slot);
}

static void count_good(struct vr_blk_device *d, const struct vr_blk_request *request)
{
	switch (request->type) {
	case VR_BLK_T_IN:
		d->stats.reads++;
		d->stats.read_bytes += request->bytes;
		break;
	case VR_BLK_T_OUT:
		d->stats.writes++;
		d->stats.written_bytes += request->bytes;
		break;
	default:
		d->stats.others++;
		break;
	}
}

static int answer(struct vr_blk_device *d, struct slot *slot, uint8_t status)
{
	uint32_t len = slot->chain.writable_bytes;

	if (status == VR_BLK_S_OK)
		count_good(d, &slot->request);
	else if (slot->data)
		len = 0; /* nothing of the data counts, and the status lies behind it */
	*slot->status = status;
	slot->taken = false;
	d->busy--;
	if (!slot->large) {
		slot->next = d->free;
		d->free = slot;
	}
	return vr_device_complete(d->queue, slot->chain.handle, len);
}

/* What the disk has to do with; a transfer of nothing is done already. */
static bool needs_disk(const struct vr_blk_request *request)
{
	if (request->type == VR_BLK_T_IN || request->type == VR_BLK_T_OUT)
		return request->bytes > 0;
	return request->type != VR_BLK_T_GET_ID;
}

/* True when the request is to be carried out; otherwise it has been answered. */
static bool accept(struct vr_blk_device *d, struct slot *slot)
{
	uint8_t status = parse(d, slot);

	if (status == VR_BLK_S_OK && needs_disk(&slot->request))
		return true;
	if (status == VR_BLK_S_IOERR)
		d->stats.malformed++;
	else if (status == VR_BLK_S_UNSUPP)
		d->stats.unsupported++;
	(void)answer(d, slot, status);
	return false;
}

int vr_blk_device_take(struct vr_blk_device *device, struct vr_blk_request **requests,
		       unsigned int count)
{
	unsigned int done = 0;
	int got = 0;

	for (unsigned int looks = 0; done < count && looks / LOOKS < count; looks++) {
		struct slot *slot;

		got = pop(device, &slot);
		if (got != 1)
			break;
		if (slot->chain.writable_bytes == 0) {
			/* Nobody will answer it; the queue takes no more. */
			slot->taken = false;
			device->busy--;
			got = broken(device, VR_BLK_FAULT_STATUS);
			break;
		}
		take_status(slot);
		if (accept(device, slot))
			requests[done++] = &slot->request;
	}
	if (done > 0 || got >= 0)
		return (int)done;
	return got;
}

int vr_blk_device_done(struct vr_blk_device *device, struct vr_blk_request *request, uint8_t status)
{
	struct slot *slot = (struct slot *)request;

	if (!slot->taken)
		return VR_E_STALE;
	if (status != VR_BLK_S_OK)
		device->stats.failed++;
	return answer(device, slot, status);
}

void vr_blk_device_write_through(struct vr_blk_device *device, bool through)
{
	device->write_through = through;
}

void vr_blk_device_resize(struct vr_blk_device *device, uint64_t capacity)
{
	device->space.capacity = capacity;
}

unsigned int vr_blk_device_busy(const struct vr_blk_device *device)
{
	return device->busy;
}

void vr_blk_device_stats(const struct vr_blk_device *device, struct vr_blk_stats *stats)
{
	*stats = device->stats;
}
