// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* The life of a device half: init, reset, resize. */
#include "device_life.h"

/* Where the parts of the private state lie. */
struct layout {
	size_t records;
	size_t parked;
	size_t ages;
	size_t free_places;
	size_t used_shadow;
	size_t bytes;
};

static uint32_t max_size(const struct vr_device_config *config)
{
	return config->max_queue_size ? config->max_queue_size : config->queue_size;
}

static bool shape_valid(const struct vr_device_config *config)
{
	return config && config->struct_size == sizeof(*config) &&
	       vr_queue_size_valid(config->features, config->queue_size) &&
	       vr_queue_size_valid(config->features, max_size(config)) &&
	       config->queue_size <= max_size(config) &&
	       !(config->flags & ~(VR_DEVICE_ENTRY_EACH | VR_DEVICE_CHECK_HEADS));
}

static void lay_out(const struct vr_device_config *config, struct layout *layout)
{
	enum vr_form form = vr_form_of(config->features);
	size_t size = max_size(config);
	size_t end = sizeof(struct vr_device);

	layout->records = vr_carve(&end, size, sizeof(struct vr_device_record));
	layout->parked = vr_carve(&end, vr_form_is_in_order(form) ? size : 0, sizeof(uint64_t));
	layout->ages = vr_carve(&end, vr_form_is_in_order(form) ? 0 : 2 * size, sizeof(uint64_t));
	layout->free_places = vr_carve(&end, form == VR_FORM_PACKED ? size : 0, sizeof(uint16_t));
	layout->used_shadow = vr_carve(&end, vr_form_is_packed(form) ? 0 : size, sizeof(uint64_t));
	layout->bytes = end;
}

size_t vr_device_size(const struct vr_device_config *config)
{
	struct layout layout;

	if (!shape_valid(config))
		return 0;
	lay_out(config, &layout);
	return layout.bytes;
}

static void set_ring(struct vr_device *device, const struct vr_ring *ring, uint32_t size)
{
	device->size = size;
	device->desc = (struct vr_desc *)ring->descriptors.host;
	device->avail_ring = (struct vr_avail *)ring->driver.host;
	device->used_ring = (struct vr_used_ring *)ring->device.host;
	device->driver_event = (struct vr_packed_event *)ring->driver.host;
	device->device_event = (struct vr_packed_event *)ring->device.host;
	device->max_chain = device->configured_chain;
	if (device->max_chain == 0)
		device->max_chain = size > 1024 ? size : 1024;
}

/* No buffer is popped, staged or parked any more; all handles are stale. */
static void forget_buffers(struct vr_device *device)
{
	bool in_order = vr_form_is_in_order(device->form);
	uint32_t i;

	for (i = 0; i < device->size; i++) {
		device->records[i].owner = 0;
		if (in_order)
			device->parked[i] = 0;
		if (device->free_places)
			device->free_places[i] = (uint16_t)(device->size - 1 - i);
	}
	device->age_head = 0;
	device->age_tail = 0;
	device->parked_count = 0;
	device->special = device->popped;
	device->pop_place = 0;
	device->stage_place = 0;
	device->open = 0;
	device->unpop_left = 0;
	device->resubmit_left = 0;
	device->run.buffers = 0;
	device->run.descriptors = 0;
	device->staged_descs = 0;
	device->entries = 0;
}

void vr_device_start(struct vr_device *device, const struct vr_device_place *place)
{
	uint32_t i;

	forget_buffers(device);
	device->avail = place->avail;
	device->seen = place->avail;
	device->staged = place->used;
	device->published = place->used;
	device->next = place->next;
	device->used = place->used_position;
	device->first = place->used_position;
	device->in_flight_descs = place->descriptors;
	device->verdict = device->posted;
	device->head = 0;
	device->head_known = place->fresh;
	device->event = VR_EVENT_UNKNOWN;
	device->flags = VR_EVENT_UNKNOWN;
	/* No id has its upper half set, so no element looks like this. */
	for (i = 0; !vr_form_is_packed(device->form) && i < device->size; i++)
		device->used_shadow[i] = UINT64_MAX;
	vr_halt_clear(&device->halt);
}

static void start_fresh(struct vr_device *device)
{
	struct vr_device_place place = { 0, 0, { 0, true }, { 0, true }, 0, true };

	vr_device_start(device, &place);
}

int vr_device_init(void *state, size_t bytes, const struct vr_device_config *config,
		   struct vr_device **result)
{
	struct vr_device *device = (struct vr_device *)state;
	char *memory = (char *)state;
	struct layout layout;

	if (!state || !result || ((uintptr_t)state & 63) || !shape_valid(config) || !config->map ||
	    !vr_ring_valid(config->features, &config->ring))
		return VR_E_INVAL;
	lay_out(config, &layout);
	if (bytes < layout.bytes)
		return VR_E_INVAL;
	__builtin_memset(state, 0, layout.bytes);
	device->form = vr_form_of(config->features);
	device->event_idx = config->features & VR_F_EVENT_IDX;
	device->platform = config->features & VR_F_ORDER_PLATFORM;
	device->indirect = config->features & VR_F_INDIRECT_DESC;
	device->entry_each = config->flags & VR_DEVICE_ENTRY_EACH;
	device->check_heads = config->flags & VR_DEVICE_CHECK_HEADS;
	device->max_size = max_size(config);
	device->configured_chain = config->max_chain;
	device->map = config->map;
	device->observer = config->observer;
	device->records = (struct vr_device_record *)(void *)(memory + layout.records);
	device->parked = (uint64_t *)(void *)(memory + layout.parked);
	device->ages = (uint64_t *)(void *)(memory + layout.ages);
	if (device->form == VR_FORM_PACKED)
		device->free_places = (uint16_t *)(void *)(memory + layout.free_places);
	device->used_shadow = (uint64_t *)(void *)(memory + layout.used_shadow);
	set_ring(device, &config->ring, config->queue_size);
	start_fresh(device);
	*result = device;
	return 0;
}

int vr_device_resize(struct vr_device *device, const struct vr_ring *ring, uint32_t queue_size)
{
	uint64_t features = vr_form_is_packed(device->form) ? VR_F_RING_PACKED : 0;

	if (!vr_queue_size_valid(features, queue_size) || queue_size > device->max_size ||
	    !vr_ring_valid(features, ring))
		return VR_E_INVAL;
	set_ring(device, ring, queue_size);
	start_fresh(device);
	return 0;
}

void vr_device_reset(struct vr_device *device)
{
	start_fresh(device);
}
