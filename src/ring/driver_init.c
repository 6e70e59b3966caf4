// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* The life of a driver half: init, stop, reclaim, reset, resize. */
#include "driver_packed.h"

/* Where the parts of the private state lie. */
struct layout {
	size_t buffers;
	size_t shadow;
	size_t avail_shadow;
	size_t free_ids;
	size_t kept;
	size_t kept_count;
	size_t bytes;
};

static uint32_t max_size(const struct vr_driver_config *config)
{
	return config->max_queue_size ? config->max_queue_size : config->queue_size;
}

static bool uses_tables(const struct vr_driver_config *config)
{
	return (config->features & VR_F_INDIRECT_DESC) && config->indirect_entries;
}

static bool shape_valid(const struct vr_driver_config *config)
{
	return config && config->struct_size == sizeof(*config) &&
	       vr_queue_size_valid(config->features, config->queue_size) &&
	       vr_queue_size_valid(config->features, max_size(config)) &&
	       config->queue_size <= max_size(config) &&
	       !(config->flags &
		 ~(VR_DRIVER_ATTACH | VR_DRIVER_STRICT | VR_DRIVER_KEEP_SEGMENTS)) &&
	       config->indirect_entries <= VR_QUEUE_SIZE_MAX;
}

static void lay_out(const struct vr_driver_config *config, struct layout *layout)
{
	enum vr_form form = vr_form_of(config->features);
	bool packed = vr_form_is_packed(form);
	bool in_order = form == VR_FORM_SPLIT_IN_ORDER || form == VR_FORM_PACKED_IN_ORDER;
	size_t size = max_size(config);
	size_t end = sizeof(struct vr_driver);

	layout->kept_count = 0;
	if (config->flags & VR_DRIVER_KEEP_SEGMENTS)
		layout->kept_count = uses_tables(config) ? size * config->indirect_entries : size;
	layout->buffers = vr_carve(&end, size, sizeof(struct vr_used));
	layout->shadow = vr_carve(&end, packed ? 0 : size, sizeof(struct vr_shadow));
	layout->avail_shadow = vr_carve(&end, packed || in_order ? 0 : size, sizeof(uint16_t));
	layout->free_ids = vr_carve(&end, in_order ? 0 : size, sizeof(uint16_t));
	layout->kept = vr_carve(&end, layout->kept_count, sizeof(struct vr_kept));
	layout->bytes = end;
}

size_t vr_driver_size(const struct vr_driver_config *config)
{
	struct layout layout;

	if (!shape_valid(config))
		return 0;
	lay_out(config, &layout);
	return layout.bytes;
}

/* No buffer is outstanding, and what the ring holds is not known. */
static void forget_memory(struct vr_driver *driver)
{
	uint32_t i;

	for (i = 0; i < driver->size; i++) {
		driver->buffers[i].descriptors = 0;
		driver->buffers[i].cookie = VR_COOKIE_UNKNOWN;
		if (driver->shadow)
			driver->shadow[i].rest = VR_SHADOW_UNKNOWN;
		if (driver->form == VR_FORM_SPLIT) {
			driver->avail_shadow[i] = UINT16_MAX;
			driver->free_ids[i] = (uint16_t)i;
		} else if (driver->form == VR_FORM_PACKED) {
			driver->free_ids[i] = (uint16_t)(driver->size - 1 - i);
		}
	}
}

/* Every cursor back to the start. @base is where the other side stands, in vr_driver_base()'s format. */
static void start(struct vr_driver *driver, uint32_t base)
{
	bool packed = vr_form_is_packed(driver->form);
	uint64_t index = packed ? 0 : (uint16_t)base;

	driver->added = index;
	driver->published = index;
	driver->posted = index;
	driver->verdict = index;
	driver->handed = index;
	driver->seen = index;
	driver->origin = index;
	driver->singles = index;
	driver->readables = index;
	driver->held = 0;
	driver->free = driver->size;
	driver->take = 0;
	driver->staged_descs = 0;
	driver->next = vr_position_decode(base);
	driver->first = driver->next;
	driver->used = vr_position_decode(base >> 16);
	driver->guess = 0;
	driver->add_slot = 0;
	driver->get_slot = (uint32_t)index & (driver->size - 1);
	driver->batch_left = 0;
	driver->batch_len = 0;
	driver->reclaim_id = 0;
	driver->event = VR_EVENT_UNKNOWN;
	driver->flags = VR_EVENT_UNKNOWN;
	forget_memory(driver);
	vr_halt_clear(&driver->halt);
}

/* used.flags has to start at 0 (2.7.10.1), a packed ring as zeroes (2.8.13); the rest is hygiene. */
static void clear_ring(struct vr_driver *driver)
{
	uint32_t i;

	for (i = 0; i < driver->size; i++) {
		vr_st64(&driver->desc[i].addr, 0);
		vr_st64(&driver->desc[i].rest, 0);
	}
	if (vr_form_is_packed(driver->form)) {
		vr_st32(&driver->driver_event->word, 0);
		vr_st32(&driver->device_event->word, 0);
		return;
	}
	vr_st16(&driver->avail->flags, 0);
	vr_st16(&driver->avail->idx, 0);
	vr_st16(&driver->used_ring->flags, 0);
	vr_st16(&driver->used_ring->idx, 0);
	for (i = 0; i < driver->size; i++) {
		vr_st16(&driver->avail->ring[i], 0);
		vr_st32(&driver->used_ring->ring[i].id, 0);
		vr_st32(&driver->used_ring->ring[i].len, 0);
	}
	if (driver->event_idx) {
		vr_st16(vr_used_event(driver->avail, driver->size), 0);
		vr_st16(vr_avail_event(driver->used_ring, driver->size), 0);
	}
}

static void set_ring(struct vr_driver *driver, const struct vr_ring *ring, uint32_t size)
{
	driver->size = size;
	driver->desc = (struct vr_desc *)ring->descriptors.host;
	driver->avail = (struct vr_avail *)ring->driver.host;
	driver->used_ring = (struct vr_used_ring *)ring->device.host;
	driver->driver_event = (struct vr_packed_event *)ring->driver.host;
	driver->device_event = (struct vr_packed_event *)ring->device.host;
}

/* A buffer of more segments than the queue has descriptors can never be added (2.7.5.3.1). */
static uint32_t segment_limit(uint32_t configured, uint32_t size)
{
	return configured && configured < size ? configured : size;
}

/* Where a fresh ring starts. */
static uint32_t fresh_base(const struct vr_driver *driver)
{
	return vr_form_is_packed(driver->form) ? 0x80008000u : 0;
}

static bool base_valid(uint64_t features, uint32_t size, uint32_t base)
{
	/* With nothing outstanding both positions are the same. */
	if (features & VR_F_RING_PACKED)
		return (base & 0x7fff) < size && (base & 0xffff) == base >> 16;
	return base <= UINT16_MAX;
}

static bool config_valid(const struct vr_driver_config *config)
{
	const struct vr_ring_area *tables = &config->indirect;

	if (!shape_valid(config) || !vr_ring_valid(config->features, &config->ring))
		return false;
	if ((config->flags & VR_DRIVER_ATTACH) &&
	    !base_valid(config->features, config->queue_size, config->base))
		return false;
	if (uses_tables(config) &&
	    (!tables->host || ((uintptr_t)tables->host & 15) || (tables->addr & 15)))
		return false;
	return true;
}

int vr_driver_init(void *state, size_t bytes, const struct vr_driver_config *config,
		   struct vr_driver **result)
{
	struct vr_driver *driver = (struct vr_driver *)state;
	char *memory = (char *)state;
	struct layout layout;
	uint32_t i;

	if (!state || !result || ((uintptr_t)state & 63) || !config || !config_valid(config))
		return VR_E_INVAL;
	lay_out(config, &layout);
	if (bytes < layout.bytes)
		return VR_E_INVAL;
	__builtin_memset(state, 0, layout.bytes);
	driver->form = vr_form_of(config->features);
	driver->event_idx = config->features & VR_F_EVENT_IDX;
	driver->platform = config->features & VR_F_ORDER_PLATFORM;
	driver->strict = config->flags & VR_DRIVER_STRICT;
	driver->keep = config->flags & VR_DRIVER_KEEP_SEGMENTS;
	driver->max_size = max_size(config);
	driver->configured_segments = config->max_segments;
	driver->max_segments = segment_limit(config->max_segments, config->queue_size);
	driver->indirect_min = UINT32_MAX;
	if (uses_tables(config)) {
		driver->indirect_min = config->indirect_min > 1 ? config->indirect_min : 2;
		driver->indirect_entries = config->indirect_entries;
		driver->tables = (struct vr_desc *)config->indirect.host;
		driver->tables_addr = config->indirect.addr;
	}
	driver->buffers = (struct vr_used *)(void *)(memory + layout.buffers);
	if (!vr_form_is_packed(driver->form))
		driver->shadow = (struct vr_shadow *)(void *)(memory + layout.shadow);
	if (driver->form == VR_FORM_SPLIT)
		driver->avail_shadow = (uint16_t *)(void *)(memory + layout.avail_shadow);
	if (driver->form == VR_FORM_SPLIT || driver->form == VR_FORM_PACKED)
		driver->free_ids = (uint16_t *)(void *)(memory + layout.free_ids);
	driver->kept = (struct vr_kept *)(void *)(memory + layout.kept);
	for (i = 0; i < layout.kept_count; i++)
		driver->kept[i].next = i + 1 < layout.kept_count ? i + 1 : 0;
	set_ring(driver, &config->ring, config->queue_size);
	if (config->flags & VR_DRIVER_ATTACH) {
		start(driver, config->base);
	} else {
		clear_ring(driver);
		start(driver, fresh_base(driver));
	}
	*result = driver;
	return 0;
}

void vr_driver_stop(struct vr_driver *driver)
{
	vr_halt_stop(&driver->halt);
}

/* In order the oldest comes first; what was validated but not handed out is taken back, too. */
static int reclaim_in_order(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	bool packed = vr_form_is_packed(driver->form);
	unsigned int done = 0;

	driver->batch_left = (uint32_t)(driver->added - driver->handed);
	while (done < count && driver->batch_left)
		done += vr_driver_hand_batch(driver, used + done, count - done, packed);
	driver->batch_left = 0;
	return (int)done;
}

static int reclaim_plain(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	unsigned int done = 0;

	for (; done < count && driver->reclaim_id < driver->size; driver->reclaim_id++) {
		uint32_t id = driver->reclaim_id;

		if (driver->buffers[id].descriptors == 0)
			continue;
		driver->free += vr_driver_hand_out(driver, id, 0, &used[done++]);
		driver->handed++;
	}
	return (int)done;
}

int vr_driver_reclaim(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	uint64_t batched = driver->stats.batched;
	int done, i;

	if (!(vr_halted(&driver->halt) & VR_HALT_STOPPED))
		return VR_E_STATE;
	done = driver->free_ids ? reclaim_plain(driver, used, count) :
				  reclaim_in_order(driver, used, count);
	for (i = 0; i < done; i++)
		used[i].len = 0;
	driver->stats.batched = batched;
	driver->stats.reclaimed += (unsigned int)done;
	driver->stats.used -= (unsigned int)done;
	return done;
}

int vr_driver_resize(struct vr_driver *driver, const struct vr_ring *ring, uint32_t queue_size)
{
	uint64_t features = vr_form_is_packed(driver->form) ? VR_F_RING_PACKED : 0;

	if (!(vr_halted(&driver->halt) & VR_HALT_STOPPED))
		return VR_E_STATE;
	if (driver->added != driver->handed)
		return VR_E_BUSY;
	if (!vr_queue_size_valid(features, queue_size) || queue_size > driver->max_size ||
	    !vr_ring_valid(features, ring))
		return VR_E_INVAL;
	vr_driver_stats(driver, &driver->stats);
	driver->max_segments = segment_limit(driver->configured_segments, queue_size);
	set_ring(driver, ring, queue_size);
	clear_ring(driver);
	start(driver, fresh_base(driver));
	return 0;
}

int vr_driver_reset(struct vr_driver *driver)
{
	struct vr_ring ring = {
		{ driver->desc, 0 },
		{ driver->avail, 0 },
		{ driver->used_ring, 0 },
	};

	return vr_driver_resize(driver, &ring, driver->size);
}

uint32_t vr_driver_base(const struct vr_driver *driver)
{
	struct vr_position position = driver->used;

	if (!vr_form_is_packed(driver->form))
		return (uint16_t)(driver->handed + driver->batch_left);
	vr_advance(&position, vr_driver_span(driver, driver->batch_left), driver->size);
	return vr_position_encode(position) * 0x10001u;
}

void vr_driver_stats(const struct vr_driver *driver, struct vr_driver_stats *stats)
{
	*stats = driver->stats;
	stats->added += driver->added - driver->origin;
	stats->used += driver->handed - driver->origin;
}
