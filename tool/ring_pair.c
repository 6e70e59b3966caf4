// SPDX-License-Identifier: BSD-3-Clause
#include "ring_pair.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u
#define TABLE_ALIGN 4u /* entries, so that each table begins with a line */
#define BUFFERS_AT 0x100000u
#define STRIDE 2048u

enum memory {
	MEMORY_RING, /* three areas */
	MEMORY_TABLES = 3,
	MEMORY_DRIVER,
	MEMORY_DEVICE,
	MEMORY_BUFFERS,
	MEMORY_SEGMENTS,
};

static void *page_aligned(struct ring_pair *pair, enum memory which, size_t bytes)
{
	size_t whole = (bytes + PAGE - 1) / PAGE * PAGE;

	pair->memory[which] = aligned_alloc(PAGE, whole);
	if (pair->memory[which])
		memset(pair->memory[which], 0, whole);
	return pair->memory[which];
}

void ring_pair_close(struct ring_pair *pair)
{
	for (size_t i = 0; i < sizeof(pair->memory) / sizeof(pair->memory[0]); i++)
		free(pair->memory[i]);
	memset(pair->memory, 0, sizeof(pair->memory));
}

static int make_ring(struct ring_pair *pair, uint64_t features, struct vr_ring *ring)
{
	struct vr_ring_area *areas[] = { &ring->descriptors, &ring->driver, &ring->device };

	for (unsigned int i = 0; i < 3; i++) {
		size_t bytes = vr_ring_bytes(features, pair->cell.size, (enum vr_area)i);

		if (!bytes)
			return -1;
		areas[i]->host = page_aligned(pair, (enum memory)(MEMORY_RING + i), bytes);
		areas[i]->addr = (uintptr_t)areas[i]->host;
		if (!areas[i]->host)
			return -1;
	}
	return 0;
}

static int make_driver(struct ring_pair *pair, uint64_t features, const struct vr_ring *ring)
{
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = features,
		.queue_size = pair->cell.size,
		.ring = *ring,
	};
	void *state;

	if (pair->cell.indirect) {
		unsigned int entries =
			(pair->cell.segments + TABLE_ALIGN - 1) / TABLE_ALIGN * TABLE_ALIGN;

		config.indirect_entries = (uint16_t)entries;
		config.indirect.host =
			page_aligned(pair, MEMORY_TABLES, (size_t)pair->cell.size * entries * 16);
		config.indirect.addr = (uintptr_t)config.indirect.host;
		if (!config.indirect.host)
			return -1;
	}
	state = page_aligned(pair, MEMORY_DRIVER, vr_driver_size(&config));
	return !state || vr_driver_init(state, vr_driver_size(&config), &config, &pair->driver);
}

static int make_device(struct ring_pair *pair, uint64_t features, const struct vr_ring *ring)
{
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = features,
		.queue_size = pair->cell.size,
		.ring = *ring,
		.map = &pair->map,
	};
	void *state;

	pair->range.size = UINT64_MAX;
	pair->range.access = VR_ACCESS_READ | VR_ACCESS_WRITE;
	pair->map.ranges = &pair->range;
	pair->map.count = 1;
	state = page_aligned(pair, MEMORY_DEVICE, vr_device_size(&config));
	return !state || vr_device_init(state, vr_device_size(&config), &config, &pair->device);
}

/* As many buffers as descriptors; or nearly twice as many, which is no multiple of any lap. */
static int make_buffers(struct ring_pair *pair)
{
	const struct ring_cell *cell = &pair->cell;
	unsigned int count = cell->rotate ? 2 * cell->size - 1 : cell->size;
	struct vr_segment *segments = page_aligned(
		pair, MEMORY_SEGMENTS, (size_t)count * cell->segments * sizeof(*segments));

	pair->buffers = page_aligned(pair, MEMORY_BUFFERS, count * sizeof(*pair->buffers));
	if (!segments || !pair->buffers)
		return -1;
	pair->buffer_count = count;
	for (unsigned int i = 0; i < count; i++) {
		struct vr_segment *own = segments + (size_t)i * cell->segments;

		for (unsigned int j = 0; j < cell->segments; j++) {
			own[j].addr = BUFFERS_AT + ((uint64_t)i * cell->segments + j) * STRIDE;
			own[j].len = RING_SEGMENT_BYTES;
		}
		pair->buffers[i].segments = own;
		pair->buffers[i].readable = cell->writable ? 0 : (uint16_t)cell->segments;
		pair->buffers[i].writable = cell->writable ? (uint16_t)cell->segments : 0;
		pair->buffers[i].token = i;
	}
	return 0;
}

int ring_pair_open(struct ring_pair *pair, const struct ring_cell *cell)
{
	uint64_t features = ring_cell_features(cell);
	struct vr_ring ring = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };

	memset(pair, 0, sizeof(*pair));
	pair->cell = *cell;
	if (make_ring(pair, features, &ring) || make_driver(pair, features, &ring) ||
	    make_device(pair, features, &ring) || make_buffers(pair)) {
		ring_pair_close(pair);
		return -1;
	}
	return 0;
}

int ring_pair_add(struct ring_pair *pair, unsigned int count)
{
	unsigned int taken = 0;

	while (taken < count) {
		unsigned int run = pair->buffer_count - pair->next;
		int added;

		run = run < count - taken ? run : count - taken;
		added = vr_driver_add(pair->driver, pair->buffers + pair->next, run);
		if (added < 0)
			return added;
		taken += (unsigned int)added;
		pair->next += (unsigned int)added;
		if (pair->next == pair->buffer_count)
			pair->next = 0;
		if ((unsigned int)added < run)
			break;
	}
	if (taken)
		vr_driver_publish(pair->driver);
	return (int)taken;
}

void ring_drain_init(struct ring_drain *drain, const struct ring_cell *cell)
{
	uint32_t len = ring_cell_used_bytes(cell);

	for (unsigned int i = 0; i < RING_BURST_MAX; i++)
		drain->lens_of[i] = len;
	drain->lens = len ? drain->lens_of : NULL;
}

int ring_pair_drain(struct ring_pair *pair, struct ring_drain *drain)
{
	unsigned int burst = pair->cell.burst;
	int count = vr_device_pop(pair->device, drain->chains, burst, drain->pieces,
				  burst * pair->cell.segments);
	int done;

	if (count <= 0)
		return count;
	done = vr_device_complete_oldest(pair->device, drain->lens, (unsigned int)count);
	if (done != count)
		return done < 0 ? done : VR_E_STATE;
	done = vr_device_publish(pair->device, NULL);
	return done < 0 ? done : count;
}
