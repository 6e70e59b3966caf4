// SPDX-License-Identifier: BSD-3-Clause
#include "ring_stage.h"

#include <stdlib.h>
#include <string.h>
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED
#endif
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#endif

#include "ring_hook.h"

/*
 * A stage's memory. With AddressSanitizer it lies in one array that all executions use, each piece
 * between bytes that are nobody's: the same is found as with pieces of the heap, whose allocation
 * would take a fifth of the time. Without it, pieces of the heap are what valgrind can watch.
 */
#ifdef WATCHED
#define POOL (64u << 10)
#define BETWEEN 256u

static uint8_t pool[POOL] __attribute__((aligned(64)));
static size_t taken;

static void nobodys(const uint8_t *from, size_t bytes)
{
	ASAN_POISON_MEMORY_REGION(from, bytes);
}

static void *stage_memory(size_t bytes)
{
	uint8_t *memory = pool + taken + BETWEEN;

	FUZZ_CHECK(bytes <= POOL - 2 * BETWEEN - taken);
	if (!taken)
		nobodys(pool, POOL);
	taken += BETWEEN + (bytes + 63) / 64 * 64;
	ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
	memset(memory, 0, bytes);
	return memory;
}

static void stage_memory_end(struct ring_stage *stage)
{
	(void)stage;
	nobodys(pool, taken);
	taken = 0;
}
#else
static void nobodys(const uint8_t *from, size_t bytes)
{
	(void)from;
	(void)bytes;
}

static void *stage_memory(size_t bytes)
{
	return fuzz_memory(bytes);
}

static void stage_memory_end(struct ring_stage *stage)
{
	for (int i = 0; i < 3; i++)
		free(stage->area[i]);
	for (int i = 0; i < RING_RANGES; i++)
		free(stage->memory[i]);
	free(stage->driver_state);
	free(stage->device_state);
}
#endif

static const uint8_t sizes[] = { 4, 8, 2, 16, 1 };
static const uint8_t packed_sizes[] = { 4, 8, 2, 16, 1, 3, 5 };

static void add_range(struct ring_stage *stage, unsigned int i, uint64_t addr, size_t bytes,
		      uint32_t access)
{
	stage->memory[i] = stage_memory(bytes);
	stage->ranges[i] = (struct vr_map_range){
		.addr = addr, .size = bytes, .base = (uintptr_t)stage->memory[i], .access = access
	};
}

static void open_memory(struct ring_stage *stage)
{
	const uint32_t both = VR_ACCESS_READ | VR_ACCESS_WRITE;
	size_t tables = (size_t)stage->size * stage->entries * 16;

	for (int i = 0; i < 3; i++) {
		stage->area_bytes[i] = vr_ring_bytes(stage->features, stage->size, (enum vr_area)i);
		stage->area[i] = stage_memory(stage->area_bytes[i]);
	}
	add_range(stage, 0, RING_BOTH, RING_NEXT - RING_BOTH, both);
	add_range(stage, 1, RING_NEXT, 0x800, both);
	add_range(stage, 2, RING_READ, 0x800, VR_ACCESS_READ);
	add_range(stage, 3, RING_TABLES, tables ? tables : 16, VR_ACCESS_READ);
	add_range(stage, 4, RING_WRITE, 0x1000, VR_ACCESS_WRITE);
	stage->map.ranges = stage->ranges;
	stage->map.count = RING_RANGES;
}

struct vr_ring ring_stage_areas(const struct ring_stage *stage)
{
	struct vr_ring ring = { 0 };

	ring.descriptors.host = stage->area[VR_AREA_DESCRIPTORS];
	ring.driver.host = stage->area[VR_AREA_DRIVER];
	ring.device.host = stage->area[VR_AREA_DEVICE];
	return ring;
}

/* Where the parts of the private state end that is being laid out; see vr_carve(). */
#define GAPS 8u
#define GAP 64u

static size_t gaps[GAPS];
static unsigned int gap_count;

size_t fuzz_state_gap(size_t from)
{
	FUZZ_CHECK(gap_count < GAPS);
	gaps[gap_count++] = from;
	return GAP;
}

/* From here on an access to what lies between the parts is a finding. */
static void watch_gaps(const uint8_t *state, size_t bytes)
{
	for (unsigned int i = 0; i < gap_count; i++) {
		size_t room = bytes - gaps[i] < GAP ? bytes - gaps[i] : GAP;

		nobodys(state + gaps[i], room);
	}
}

static void open_driver(struct ring_stage *stage)
{
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = stage->features,
		.ring = ring_stage_areas(stage),
		.queue_size = stage->size,
		.flags = stage->driver_flags,
		.indirect_entries = (uint16_t)stage->entries,
		.indirect = { stage->memory[3], RING_TABLES },
	};
	size_t bytes;

	gap_count = 0;
	bytes = vr_driver_size(&config);
	FUZZ_CHECK(bytes > 0);
	stage->driver_state = stage_memory(bytes);
	gap_count = 0;
	FUZZ_CHECK(!vr_driver_init(stage->driver_state, bytes, &config, &stage->driver));
	watch_gaps(stage->driver_state, bytes);
}

static void open_device(struct ring_stage *stage)
{
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = stage->features,
		.ring = ring_stage_areas(stage),
		.queue_size = stage->size,
		.flags = stage->device_flags,
		.map = &stage->map,
	};
	size_t bytes;

	gap_count = 0;
	bytes = vr_device_size(&config);
	FUZZ_CHECK(bytes > 0);
	stage->device_state = stage_memory(bytes);
	gap_count = 0;
	FUZZ_CHECK(!vr_device_init(stage->device_state, bytes, &config, &stage->device));
	watch_gaps(stage->device_state, bytes);
}

void ring_stage_open(struct ring_stage *stage, struct fuzz *fuzz, uint64_t features)
{
	uint8_t shape = fuzz_u8(fuzz);
	uint8_t flags = fuzz_u8(fuzz);

	memset(stage, 0, sizeof(*stage));
	stage->features = features | VR_F_VERSION_1;
	if (shape & 0x80)
		stage->features |= VR_F_EVENT_IDX;
	if (shape & 0x40) {
		stage->features |= VR_F_INDIRECT_DESC;
		stage->entries = 1 + (flags >> 6);
	}
	stage->size = ring_packed(stage) ? packed_sizes[(shape & 0x3f) % sizeof(packed_sizes)] :
					   sizes[(shape & 0x3f) % sizeof(sizes)];
	stage->driver_flags = flags & (VR_DRIVER_STRICT | VR_DRIVER_KEEP_SEGMENTS);
	stage->device_flags = flags >> 3 & (VR_DEVICE_ENTRY_EACH | VR_DEVICE_CHECK_HEADS);
	open_memory(stage);
	open_driver(stage);
	open_device(stage);
}

void ring_stage_close(struct ring_stage *stage)
{
	stage_memory_end(stage);
}

void ring_stage_poke(struct ring_stage *stage, struct fuzz *fuzz)
{
	uint8_t where = fuzz_u8(fuzz);
	unsigned int area = where & 3;
	uint8_t *memory = stage->memory[3];
	size_t bytes = stage->ranges[3].size;
	size_t offset, count;

	if (area < 3) {
		memory = stage->area[area];
		bytes = stage->area_bytes[area];
	}
	offset = 2u * fuzz_u8(fuzz) % bytes;
	count = 1 + (where >> 2) % 16;
	if (count > bytes - offset)
		count = bytes - offset;
	fuzz_bytes(fuzz, memory + offset, count);
}

static struct vr_segment segment(struct fuzz *fuzz, bool writable)
{
	static const uint32_t lens[] = { 16, 1, 64, 512, 4096, 0, 0x80000000, 0xffffffff };
	uint8_t kind = fuzz_u8(fuzz);
	struct vr_segment segment = { .addr = RING_BOTH, .len = lens[(kind & 0xf) % 5] };

	if (kind >= 0xf0)
		segment.len = lens[5 + (kind & 0xf) % 3];
	if (kind & 0x10)
		segment.addr = writable ? RING_WRITE : RING_READ;
	else if (kind & 0x20)
		segment.addr = RING_NEXT - segment.len / 2;
	if (kind & 0x40)
		segment.addr += fuzz_u8(fuzz);
	return segment;
}

unsigned int ring_stage_segments(struct fuzz *fuzz, struct vr_segment *segments,
				 struct vr_buffer *buffer)
{
	uint8_t counts = fuzz_u8(fuzz);
	unsigned int count;

	buffer->segments = segments;
	buffer->readable = counts & 3;
	buffer->writable = counts >> 2 & 3;
	count = buffer->readable + buffer->writable;
	for (unsigned int i = 0; i < count; i++)
		segments[i] = segment(fuzz, i >= buffer->readable);
	return count;
}

uint64_t ring_stage_capacity(const struct vr_buffer *buffer)
{
	unsigned int count = buffer->readable + buffer->writable;
	uint64_t all = 0, writable = 0;

	for (unsigned int i = 0; i < count; i++) {
		all += buffer->segments[i].len;
		if (i >= buffer->readable)
			writable += buffer->segments[i].len;
		if (buffer->segments[i].len == 0)
			return UINT64_MAX;
	}
	if (count == 0 || writable > UINT32_MAX || all > (uint64_t)UINT32_MAX + 1)
		return UINT64_MAX;
	return writable;
}

unsigned int ring_stage_descriptors(const struct ring_stage *stage, const struct vr_buffer *buffer)
{
	unsigned int count = buffer->readable + buffer->writable;

	return count > 1 && count <= stage->entries ? 1 : count;
}

uint64_t ring_stage_form(struct fuzz *fuzz)
{
	uint8_t how = fuzz_u8(fuzz);

	return (how & 1 ? VR_F_RING_PACKED : 0) | (how & 2 ? VR_F_IN_ORDER : 0);
}

void ring_stage_send(struct ring_stage *stage, struct fuzz *fuzz)
{
	struct vr_segment segments[RING_SEGMENTS_MAX];
	struct vr_buffer buffer = { 0 };

	ring_stage_segments(fuzz, segments, &buffer);
	(void)vr_driver_add(stage->driver, &buffer, 1);
	(void)vr_driver_publish(stage->driver);
}

void ring_stage_fill(struct ring_stage *stage, struct fuzz *fuzz)
{
	uint8_t *memory = stage->memory[fuzz_flag(fuzz) ? 2 : 0];
	size_t offset = fuzz_u8(fuzz);

	fuzz_bytes(fuzz, memory + offset, 1 + fuzz_u8(fuzz) % 32);
}

void ring_stage_take_back(struct ring_stage *stage)
{
	struct vr_used used[8];

	(void)vr_driver_get(stage->driver, used, 8);
}

void ring_stage_check_access(const struct ring_stage *stage, const struct vr_iovec *piece,
			     uint32_t access)
{
	uintptr_t base = (uintptr_t)piece->base;

	FUZZ_CHECK(piece->len > 0);
	for (unsigned int i = 0; i < RING_RANGES; i++) {
		const struct vr_map_range *range = &stage->ranges[i];

		if ((range->access & access) && base - range->base < range->size &&
		    piece->len <= range->size - (base - range->base))
			return;
	}
	fuzz_wrong(__FILE__, __LINE__, "a piece lies in memory that may be accessed this way");
}
