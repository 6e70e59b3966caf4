// SPDX-License-Identifier: BSD-3-Clause
/* A queue on a test bench. */
#include "rig.h"

#include <stdlib.h>

#define RIG_PAYLOAD 65536u

bool rig_wide;

static size_t ring_bytes(const struct rig_shape *shape, enum vr_area area)
{
	uint32_t size = shape->max_size > shape->size ? shape->max_size : shape->size;
	bool event = has_event_idx(shape->features);

	if (area == VR_AREA_DESCRIPTORS)
		return 16 * (size_t)size;
	if (is_packed(shape->features))
		return 4;
	if (area == VR_AREA_DRIVER)
		return 4 + 2 * (size_t)size + (event ? 2 : 0);
	return 4 + 8 * (size_t)size + (event ? 2 : 0);
}

static struct vr_map_range range_of(const struct rig *rig, const struct area *area, uint64_t addr,
				    uint32_t access)
{
	const uint32_t both = VR_ACCESS_READ | VR_ACCESS_WRITE;
	const uint8_t *base = rig->shape.one_view ? area->driver : area->device;

	return (struct vr_map_range){ .addr = addr,
				      .size = area->bytes,
				      .base = (uintptr_t)base,
				      .access = rig->shape.wide || rig_wide ? both : access };
}

static void open_ranges(struct rig *rig)
{
	uint32_t count = 0;

	if (rig->tables.bytes)
		rig->ranges[count++] = range_of(rig, &rig->tables, RIG_TABLES, VR_ACCESS_READ);
	rig->ranges[count++] = range_of(rig, &rig->out, RIG_OUT, VR_ACCESS_READ);
	rig->ranges[count++] = range_of(rig, &rig->in, RIG_IN, VR_ACCESS_WRITE);
	rig->map = (struct vr_map){ .ranges = rig->ranges, .count = count };
}

void rig_open(struct rig *rig, const struct rig_shape *shape)
{
	bool packed = is_packed(shape->features);
	uint32_t slots = shape->max_size > shape->size ? shape->max_size : shape->size;
	size_t payload = shape->payload ? shape->payload : RIG_PAYLOAD;

	memset(rig, 0, sizeof(*rig));
	rig->shape = *shape;
	area_open(&rig->descriptors, ring_bytes(shape, VR_AREA_DESCRIPTORS), 16);
	area_open(&rig->driver_area, ring_bytes(shape, VR_AREA_DRIVER), packed ? 4 : 2);
	area_open(&rig->device_area, ring_bytes(shape, VR_AREA_DEVICE), 4);
	area_open(&rig->out, payload, 64);
	area_open(&rig->in, payload, 64);
	if (shape->features & VR_F_INDIRECT_DESC && shape->entries)
		area_open(&rig->tables, 16 * (size_t)slots * shape->entries, 16);
	area_device_read_only(&rig->driver_area, true);
	area_device_read_only(&rig->out, true);
	if (rig->tables.bytes)
		area_device_read_only(&rig->tables, true);
	if (!packed)
		area_device_read_only(&rig->descriptors, true);
	rig->raw = (struct raw){ .size = shape->size,
				 .descriptors = rig->descriptors.driver,
				 .driver = rig->driver_area.driver,
				 .device = rig->device_area.driver };
	open_ranges(rig);
}

struct vr_ring rig_driver_ring(const struct rig *rig)
{
	return (struct vr_ring){ .descriptors = { rig->descriptors.driver, 0x1000 },
				 .driver = { rig->driver_area.driver, 0x2000 },
				 .device = { rig->device_area.driver, 0x3000 } };
}

struct vr_ring rig_device_ring(const struct rig *rig)
{
	if (rig->shape.one_view)
		return rig_driver_ring(rig);
	return (struct vr_ring){ .descriptors = { rig->descriptors.device, 0x1000 },
				 .driver = { rig->driver_area.device, 0x2000 },
				 .device = { rig->device_area.device, 0x3000 } };
}

struct vr_driver_config rig_driver_config(const struct rig *rig)
{
	const struct rig_shape *shape = &rig->shape;
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = shape->features,
		.ring = rig_driver_ring(rig),
		.queue_size = shape->size,
		.max_queue_size = shape->max_size,
		.flags = shape->driver_flags,
		.base = shape->base,
		.max_segments = shape->max_segments,
		.indirect_entries = shape->entries,
		.indirect_min = shape->indirect_min,
	};

	if (rig->tables.bytes)
		config.indirect = (struct vr_ring_area){ rig->tables.driver, RIG_TABLES };
	return config;
}

struct vr_device_config rig_device_config(const struct rig *rig)
{
	const struct rig_shape *shape = &rig->shape;

	return (struct vr_device_config){
		.struct_size = sizeof(struct vr_device_config),
		.features = shape->features,
		.ring = rig_device_ring(rig),
		.queue_size = shape->size,
		.max_queue_size = shape->max_size,
		.flags = shape->device_flags,
		.max_chain = shape->max_chain,
		.map = &rig->map,
	};
}

/* Exactly as many bytes as asked for, so that the address sanitizer sees one more. */
static void *state_memory(size_t bytes)
{
	void *state = NULL;

	CHECK(bytes > 0);
	CHECK(posix_memalign(&state, 64, bytes) == 0);
	memset(state, 0x5a, bytes);
	return state;
}

int rig_init_driver(struct rig *rig, const struct vr_driver_config *config)
{
	size_t bytes = vr_driver_size(config);
	int result;

	free(rig->driver_state);
	rig->driver_state = state_memory(bytes);
	result = vr_driver_init(rig->driver_state, bytes, config, &rig->driver);
	return result;
}

int rig_init_device(struct rig *rig, const struct vr_device_config *config)
{
	size_t bytes = vr_device_size(config);

	free(rig->device_state);
	rig->device_state = state_memory(bytes);
	return vr_device_init(rig->device_state, bytes, config, &rig->device);
}

void rig_start_driver(struct rig *rig)
{
	struct vr_driver_config config = rig_driver_config(rig);

	CHECK_EQ(rig_init_driver(rig, &config), 0);
}

void rig_start_device(struct rig *rig)
{
	struct vr_device_config config = rig_device_config(rig);

	CHECK_EQ(rig_init_device(rig, &config), 0);
}

void rig_open_both(struct rig *rig, const struct rig_shape *shape)
{
	rig_open(rig, shape);
	rig_start_driver(rig);
	rig_start_device(rig);
}

void rig_close(struct rig *rig)
{
	area_close(&rig->descriptors);
	area_close(&rig->driver_area);
	area_close(&rig->device_area);
	area_close(&rig->tables);
	area_close(&rig->out);
	area_close(&rig->in);
	free(rig->driver_state);
	free(rig->device_state);
	memset(rig, 0, sizeof(*rig));
}

/* Copies the areas one behind the other; answers the byte after them. */
static uint8_t *copy_areas(uint8_t *to, const struct rig *rig)
{
	const struct area *areas[] = { &rig->descriptors, &rig->driver_area, &rig->device_area,
				       &rig->tables };

	for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
		if (areas[i]->bytes)
			memcpy(to, areas[i]->driver, areas[i]->bytes);
		to += areas[i]->bytes;
	}
	return to;
}

void rig_image_take(struct rig_image *image, const struct rig *rig)
{
	image->count = rig->descriptors.bytes + rig->driver_area.bytes + rig->device_area.bytes +
		       rig->tables.bytes;
	image->bytes = malloc(image->count);
	CHECK(image->bytes);
	copy_areas(image->bytes, rig);
}

void rig_image_same(struct rig_image *image, const struct rig *rig)
{
	uint8_t *now = malloc(image->count);

	CHECK(now);
	copy_areas(now, rig);
	CHECK_BYTES(now, image->bytes, image->count);
	free(now);
	free(image->bytes);
	image->bytes = NULL;
}

struct vr_buffer rig_buffer(struct vr_segment *segments, unsigned int readable,
			    unsigned int writable, uint32_t len, uint32_t offset, uint64_t token)
{
	for (unsigned int i = 0; i < readable; i++)
		segments[i] = (struct vr_segment){ RIG_OUT + offset + i * (uint64_t)len, len, 0 };
	for (unsigned int i = 0; i < writable; i++)
		segments[readable + i] =
			(struct vr_segment){ RIG_IN + offset + i * (uint64_t)len, len, 0 };
	return (struct vr_buffer){ .segments = segments,
				   .readable = (uint16_t)readable,
				   .writable = (uint16_t)writable,
				   .token = token,
				   .context = ~token };
}

void rig_send(struct rig *rig, unsigned int readable, unsigned int writable, uint32_t len,
	      uint64_t token)
{
	struct vr_segment segments[64];
	struct vr_buffer buffer;

	CHECK(readable + writable <= ARRAY_SIZE(segments));
	buffer = rig_buffer(segments, readable, writable, len, 0, token);
	CHECK_EQ(vr_driver_add(rig->driver, &buffer, 1), 1);
	CHECK_EQ(vr_driver_publish(rig->driver), 1);
}

struct vr_chain rig_pop(struct rig *rig, struct vr_iovec *segments, unsigned int count)
{
	struct vr_chain chain = { 0 };

	CHECK_EQ(vr_device_pop(rig->device, &chain, 1, segments, count), 1);
	return chain;
}

void rig_use(struct rig *rig, const struct vr_chain *chain, uint32_t len)
{
	CHECK_EQ(vr_device_complete(rig->device, chain->handle, len), 0);
	CHECK_EQ(vr_device_publish(rig->device, NULL), 1);
}

struct vr_fault rig_driver_fault(const struct rig *rig)
{
	struct vr_fault fault;

	CHECK(vr_driver_fault(rig->driver, &fault));
	return fault;
}

struct vr_fault rig_device_fault(const struct rig *rig)
{
	struct vr_fault fault;

	CHECK(vr_device_fault(rig->device, &fault));
	return fault;
}
