// SPDX-License-Identifier: BSD-3-Clause
/*
 * What memory alone proves. Between two equal reads of an index its owner has shown nothing new (but
 * for a whole lap of 65536, which takes longer than a look), so that what was read in between was
 * there at one moment.
 */
#include <errno.h>

#include "watch/state.h"

struct look {
	const struct vr_ring *ring;
	uint32_t size;
	void (*report)(void *context, enum vr_watch_what what, uint32_t value, uint32_t bound);
	void *context;
	int reports;
};

static uint16_t index_of(const void *area)
{
	const uint16_t *word = (const void *)((const char *)area + 2);

	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void say(struct look *look, enum vr_watch_what what, uint32_t value, uint32_t bound)
{
	look->report(look->context, what, value, bound);
	look->reports++;
}

/* How far the driver is ahead: too far, or, where the device is ahead of it, far too far. */
static bool look_at_indexes(struct look *look)
{
	uint16_t used = index_of(look->ring->device.host);
	uint16_t avail = index_of(look->ring->driver.host);
	uint16_t ahead = (uint16_t)(watch_ld16(&avail, 0) - watch_ld16(&used, 0));

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (index_of(look->ring->device.host) != used)
		return false;
	if (ahead > look->size)
		say(look, VR_WATCH_INDEX, ahead, look->size);
	return true;
}

/* The newest entry of a ring cannot change before its index has gone round. */
static bool look_at_entry(struct look *look, const void *area, size_t entry, bool used)
{
	uint16_t raw = index_of(area);
	uint16_t index = watch_ld16(&raw, 0);
	size_t at = 4 + (size_t)((uint16_t)(index - 1) % look->size) * entry;
	uint32_t id = used ? watch_ld32(area, at) : watch_ld16(area, at);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (index_of(area) != raw)
		return false;
	if (index != 0 && id >= look->size)
		say(look, VR_WATCH_BUFFER, id, look->size);
	return true;
}

int vr_watch_look(uint64_t features, const struct vr_ring *ring, uint32_t queue_size,
		  void (*report)(void *context, enum vr_watch_what what, uint32_t value,
				 uint32_t bound),
		  void *context)
{
	struct look look = { ring, queue_size, report, context, 0 };
	bool still;

	if (features & VR_F_RING_PACKED)
		return -ENOTSUP;
	if (!ring || !report || !ring->driver.host || !ring->device.host ||
	    !vr_ring_bytes(features, queue_size, VR_AREA_DRIVER))
		return -EINVAL;
	still = look_at_indexes(&look);
	still = look_at_entry(&look, ring->driver.host, 2, false) && still;
	/* In order the newest entry lies where its batch began, which only its device knows. */
	if (!(features & VR_F_IN_ORDER))
		still = look_at_entry(&look, ring->device.host, 8, true) && still;
	return look.reports || still ? look.reports : -EAGAIN;
}
