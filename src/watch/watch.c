// SPDX-License-Identifier: BSD-3-Clause
/* The life of a watcher. */
#include <errno.h>
#include <string.h>

#include "watch/state.h"

static bool config_valid(const struct vr_watch_config *config)
{
	return config && config->struct_size == sizeof(*config) && config->report &&
	       vr_ring_bytes(config->features, config->queue_size, VR_AREA_DRIVER) &&
	       config->ring.descriptors.host && config->ring.driver.host &&
	       config->ring.device.host &&
	       (!(config->features & VR_F_RING_PACKED) ||
		((config->base & 0x7fff) < config->queue_size &&
		 (config->base >> 16 & 0x7fff) < config->queue_size));
}

static bool make_memory(struct vr_watch *watch)
{
	uint32_t size = watch->size;

	watch->buffers = calloc(size, sizeof(*watch->buffers));
	watch->ages = calloc(size, sizeof(*watch->ages));
	watch->flags = calloc(size, sizeof(*watch->flags));
	watch->mine = calloc(size, sizeof(*watch->mine));
	watch->shadow = calloc(size, sizeof(*watch->shadow));
	return watch->buffers && watch->ages && watch->flags && watch->mine && watch->shadow;
}

static void free_memory(struct vr_watch *watch)
{
	free(watch->buffers);
	free(watch->ages);
	free(watch->flags);
	free(watch->mine);
	free(watch->shadow);
	free(watch);
}

/* Where both sides stand, with nothing outstanding: what our half's first load will find. */
static void begin_split(struct vr_watch *watch)
{
	const struct vr_ring *ring = &watch->config.ring;

	watch->used = watch_ld16(ring->device.host, 2);
	watch->avail = watch->used;
	watch->next_head = watch->used == 0 ? 0 : UINT32_MAX;
}

/* The driver half looks for used descriptors, the device half for available ones. */
static void begin_packed(struct vr_watch *watch)
{
	uint32_t base = watch->config.base;
	uint16_t position = (uint16_t)(watch->config.driver ? base >> 16 : base);

	watch_packed_begin(watch);
	watch->slot = position & 0x7fff;
	watch->wrap = position & 0x8000;
}

/* What our half asks for as it begins. */
static void begin_events(struct vr_watch *watch)
{
	const struct vr_ring *ring = &watch->config.ring;
	enum vr_area area = watch->config.driver ? VR_AREA_DRIVER : VR_AREA_DEVICE;
	const void *host = watch->config.driver ? ring->driver.host : ring->device.host;
	size_t bytes = vr_ring_bytes(watch->config.features, watch->size, area);

	if (watch->packed)
		watch_packed_store(watch, area, 0, watch_ld32(host, 0), false);
	else if (watch->event_idx)
		watch_split_store(watch, area, bytes - 2, watch_ld16(host, bytes - 2));
	else
		watch_split_store(watch, area, 0, watch_ld16(host, 0));
}

int vr_watch_create(const struct vr_watch_config *config, struct vr_watch **result)
{
	struct vr_watch *watch;
	int error;

	if (!config_valid(config) || !result)
		return -EINVAL;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->config = *config;
	watch->size = config->queue_size;
	watch->packed = config->features & VR_F_RING_PACKED;
	watch->in_order = config->features & VR_F_IN_ORDER;
	watch->event_idx = config->features & VR_F_EVENT_IDX;
	if (!make_memory(watch)) {
		free_memory(watch);
		return -ENOMEM;
	}
	if (watch->packed)
		begin_packed(watch);
	else
		begin_split(watch);
	begin_events(watch);
	error = watch_list_add(watch);
	if (error) {
		free_memory(watch);
		return error;
	}
	*result = watch;
	return 0;
}

void vr_watch_destroy(struct vr_watch *watch)
{
	if (!watch)
		return;
	watch_list_remove(watch);
	free_memory(watch);
}

const char *vr_watch_text(enum vr_watch_what what)
{
	switch (what) {
	case VR_WATCH_INDEX:
		return "its index moved backwards, or further than it may";
	case VR_WATCH_BUFFER:
		return "a buffer that was not its own to give";
	case VR_WATCH_ORDER:
		return "out of order";
	case VR_WATCH_LENGTH:
		return "more bytes than there was room for";
	case VR_WATCH_WRAP:
		return "a descriptor whose wrap counter is wrong";
	case VR_WATCH_SUPPRESSED:
		return "a notification that was not wanted";
	case VR_WATCH_MISSED:
		return "no notification although one was wanted";
	}
	return "nothing that is known";
}
