// SPDX-License-Identifier: BSD-3-Clause
/* The driver's half of virtio-blk: commands in, results out (5.2.6). */
#include <string.h>

#include <virtring/blk.h>

#include "blk/wire.h"

/* Where things are in a slot of shared memory: header, id and status, ranges. */
#define AT_HEADER 0u
#define AT_ID 16u
#define AT_RANGES 64u

/* A status that no device may write: seen afterwards, nobody wrote one. */
#define STATUS_NONE 0xffu

/* Commands that go to the queue in one call. */
#define STAGE 16u

_Static_assert(AT_RANGES + VR_BLK_RANGES_MAX * VR_BLK_RANGE_BYTES <= VR_BLK_SLOT_BYTES, "fits");

/* A command in flight. */
struct flight {
	uint64_t token;
	uint64_t bytes;
	uint32_t type;
	uint32_t next; /* free list */
};

struct vr_blk_driver {
	struct vr_driver *queue;
	struct vr_blk_space space;
	uint64_t features;
	struct vr_ring_area slots;
	uint32_t requests;
	uint32_t segments;
	uint32_t busy;
	uint32_t free; /* first free flight, or requests: none */
	struct vr_segment *list;
	struct flight flights[];
};

/* The status lies right behind the id, so that the two are one writable segment. */
static uint32_t status_at(uint32_t type)
{
	return type == VR_BLK_T_GET_ID ? AT_ID + VR_BLK_ID_BYTES : AT_ID;
}

static bool config_read(const struct vr_blk_driver_config *config, struct vr_blk_driver_config *c)
{
	if (!config || config->struct_size < sizeof(*config))
		return false;
	*c = *config;
	if (c->segments == 0)
		c->segments = 126;
	return c->requests > 0 && c->requests <= 32768 && c->segments <= 32766;
}

size_t vr_blk_driver_size(const struct vr_blk_driver_config *config)
{
	struct vr_blk_driver_config c;

	if (!config_read(config, &c))
		return 0;
	return sizeof(struct vr_blk_driver) + c.requests * sizeof(struct flight) +
	       (size_t)(c.segments + 2) * sizeof(struct vr_segment);
}

int vr_blk_driver_init(void *state, size_t bytes, const struct vr_blk_driver_config *config,
		       struct vr_blk_driver **driver)
{
	struct vr_blk_driver_config c;
	struct vr_blk_driver *d = state;

	if (!config_read(config, &c) || !c.queue || !c.space || !c.slots.host || !state ||
	    (uintptr_t)c.slots.host % 64 || (uintptr_t)state % 64 ||
	    bytes < vr_blk_driver_size(config) || !driver)
		return VR_E_INVAL;
	memset(d, 0, sizeof(*d));
	d->queue = c.queue;
	d->space = *c.space;
	d->features = c.features;
	d->slots = c.slots;
	d->requests = c.requests;
	d->segments = c.segments;
	/* A device that says 0 means to say nothing; one segment is always possible. */
	if (c.features & VR_BLK_F_SEG_MAX && c.space->seg_max && c.space->seg_max < d->segments)
		d->segments = c.space->seg_max;
	d->list = (struct vr_segment *)(d->flights + c.requests);
	for (uint32_t i = 0; i < c.requests; i++)
		d->flights[i].next = i + 1;
	*driver = d;
	return 0;
}

/* IN and OUT: whole sectors within the disk, in segments that the device takes. */
static int check_data(const struct vr_blk_driver *d, const struct vr_blk_command *command,
		      uint64_t *bytes)
{
	*bytes = 0;
	if (!command->segments || command->segment_count == 0 || command->range_count ||
	    (command->type == VR_BLK_T_OUT && d->features & VR_BLK_F_RO))
		return VR_E_INVAL;
	if (command->segment_count > d->segments)
		return VR_E_TOO_LONG;
	for (uint32_t i = 0; i < command->segment_count; i++) {
		if (d->features & VR_BLK_F_SIZE_MAX && d->space.size_max &&
		    command->segments[i].len > d->space.size_max)
			return VR_E_INVAL;
		*bytes += command->segments[i].len;
	}
	if (*bytes == 0 || *bytes % VR_BLK_SECTOR ||
	    !vr_blk_within(command->sector, *bytes / VR_BLK_SECTOR, d->space.capacity))
		return VR_E_INVAL;
	return 0;
}

static int check_ranges(const struct vr_blk_driver *d, const struct vr_blk_command *command)
{
	const struct vr_blk_space *space = &d->space;
	bool discard = command->type == VR_BLK_T_DISCARD;
	uint32_t most = discard ? space->max_discard_seg : space->max_write_zeroes_seg;
	uint32_t sectors = discard ? space->max_discard_sectors : space->max_write_zeroes_sectors;

	if (!(d->features & (discard ? VR_BLK_F_DISCARD : VR_BLK_F_WRITE_ZEROES)) ||
	    d->features & VR_BLK_F_RO || command->sector || command->segment_count ||
	    !command->ranges || command->range_count == 0 || command->range_count > most ||
	    command->range_count > VR_BLK_RANGES_MAX)
		return VR_E_INVAL;
	for (uint32_t i = 0; i < command->range_count; i++) {
		const struct vr_blk_range *range = &command->ranges[i];

		if (range->flags & ~(discard ? 0 : VR_BLK_UNMAP) || range->sectors > sectors ||
		    !vr_blk_within(range->sector, range->sectors, space->capacity))
			return VR_E_INVAL;
	}
	return 0;
}

static int check(const struct vr_blk_driver *d, const struct vr_blk_command *command,
		 uint64_t *bytes)
{
	*bytes = 0;
	switch (command->type) {
	case VR_BLK_T_IN:
	case VR_BLK_T_OUT:
		return check_data(d, command, bytes);
	case VR_BLK_T_DISCARD:
	case VR_BLK_T_WRITE_ZEROES:
		return check_ranges(d, command);
	case VR_BLK_T_FLUSH:
		if (!(d->features & VR_BLK_F_FLUSH))
			return VR_E_INVAL;
		break;
	case VR_BLK_T_GET_ID:
		break;
	default:
		return VR_E_INVAL;
	}
	return command->sector || command->segment_count || command->range_count ? VR_E_INVAL : 0;
}

static void write_slot(const struct vr_blk_command *command, uint8_t *slot)
{
	vr_blk_put32(slot + AT_HEADER, command->type);
	vr_blk_put32(slot + AT_HEADER + 4, 0);
	vr_blk_put64(slot + AT_HEADER + 8, command->sector);
	for (uint32_t i = 0; i < command->range_count; i++) {
		uint8_t *wire = slot + AT_RANGES + (size_t)i * VR_BLK_RANGE_BYTES;

		vr_blk_put64(wire, command->ranges[i].sector);
		vr_blk_put32(wire + 8, command->ranges[i].sectors);
		vr_blk_put32(wire + 12, command->ranges[i].flags);
	}
	slot[status_at(command->type)] = STATUS_NONE;
}

/* Header, data, status, as one buffer: descriptors in the order that the device reads them. */
static void describe(struct vr_blk_driver *d, const struct vr_blk_command *command, uint32_t index,
		     struct vr_buffer *buffer)
{
	uint64_t addr = d->slots.addr + (uint64_t)index * VR_BLK_SLOT_BYTES;
	struct vr_segment *to = d->list;
	bool in = command->type == VR_BLK_T_IN;
	uint32_t status = 1;

	*to++ = (struct vr_segment){ .addr = addr + AT_HEADER, .len = VR_BLK_HEADER_BYTES };
	for (uint32_t i = 0; i < command->segment_count; i++)
		*to++ = command->segments[i];
	if (command->range_count)
		*to++ = (struct vr_segment){ .addr = addr + AT_RANGES,
					     .len = command->range_count * VR_BLK_RANGE_BYTES };
	if (command->type == VR_BLK_T_GET_ID)
		status += VR_BLK_ID_BYTES;
	*to++ = (struct vr_segment){ .addr = addr + AT_ID, .len = status };
	*buffer = (struct vr_buffer){
		.segments = d->list,
		.readable = (uint16_t)(in ? 1 : to - d->list - 1),
		.writable = (uint16_t)(in ? command->segment_count + 1 : 1),
		.token = index,
	};
}

static int add_one(struct vr_blk_driver *d, const struct vr_blk_command *command)
{
	uint32_t index = d->free;
	struct vr_buffer buffer;
	uint64_t bytes;
	int taken = check(d, command, &bytes);

	if (taken)
		return taken;
	if (index == d->requests)
		return 0;
	write_slot(command, (uint8_t *)d->slots.host + (size_t)index * VR_BLK_SLOT_BYTES);
	describe(d, command, index, &buffer);
	taken = vr_driver_add(d->queue, &buffer, 1);
	if (taken != 1)
		return taken;
	d->free = d->flights[index].next;
	d->flights[index] = (struct flight){ command->token, bytes, command->type, 0 };
	d->busy++;
	return 1;
}

int vr_blk_driver_add(struct vr_blk_driver *driver, const struct vr_blk_command *commands,
		      unsigned int count)
{
	unsigned int done;

	for (done = 0; done < count; done++) {
		int taken = add_one(driver, &commands[done]);

		if (taken == 1)
			continue;
		return done > 0 ? (int)done : taken;
	}
	return (int)done;
}

/* The status byte decides; lengths of old devices say anything (5.2.6.4). */
static void finish(struct vr_blk_driver *d, uint32_t index, struct vr_blk_result *result)
{
	struct flight *flight = &d->flights[index];
	const uint8_t *slot = (uint8_t *)d->slots.host + (size_t)index * VR_BLK_SLOT_BYTES;
	uint8_t status = *(const volatile uint8_t *)(slot + status_at(flight->type));

	memset(result, 0, sizeof(*result));
	result->token = flight->token;
	result->type = flight->type;
	result->status = status <= VR_BLK_S_UNSUPP ? status : VR_BLK_S_IOERR;
	if (result->status == VR_BLK_S_OK) {
		result->bytes = flight->bytes;
		if (flight->type == VR_BLK_T_GET_ID)
			memcpy(result->id, slot + AT_ID, VR_BLK_ID_BYTES);
	}
	flight->next = d->free;
	d->free = index;
	d->busy--;
}

int vr_blk_driver_get(struct vr_blk_driver *driver, struct vr_blk_result *results,
		      unsigned int count)
{
	struct vr_used used[STAGE];
	unsigned int done = 0;
	int got;

	while (done < count) {
		unsigned int want = count - done < STAGE ? count - done : STAGE;

		got = vr_driver_get(driver->queue, used, want);
		if (got <= 0)
			return done > 0 ? (int)done : got;
		/* Tokens are private to this process: the core gives back what it was given. */
		for (int i = 0; i < got; i++)
			finish(driver, (uint32_t)used[i].token, &results[done++]);
		if ((unsigned int)got < want)
			break;
	}
	return (int)done;
}

void vr_blk_driver_resize(struct vr_blk_driver *driver, uint64_t capacity)
{
	driver->space.capacity = capacity;
}

unsigned int vr_blk_driver_busy(const struct vr_blk_driver *driver)
{
	return driver->busy;
}
