// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * Used buffer notifications, as the driver wants them (2.7.7, 2.8.14).
 *
 * Only arm, delay and disarm write event words. Each of the first two looks at the ring again
 * behind a full fence: either the device sees the event word, or this side sees the buffer.
 */
#include "driver_packed.h"

/* Something is there that vr_driver_get() would hand out without looking at the ring. */
static bool known(const struct vr_driver *driver)
{
	return vr_halted(&driver->halt) || driver->batch_left != 0 ||
	       (!vr_form_is_packed(driver->form) && driver->seen != driver->handed);
}

bool vr_driver_pending(struct vr_driver *driver)
{
	uint64_t rest;

	if (known(driver))
		return true;
	if (vr_form_is_packed(driver->form))
		return vr_packed_look(driver, &rest);
	return vr_ld16_acquire(&driver->used_ring->idx) != (uint16_t)driver->handed;
}

static void store_flags(struct vr_driver *driver, uint16_t flags, struct vr_stored *stored)
{
	if (driver->flags == flags)
		return;
	driver->flags = flags;
	vr_st16(&driver->avail->flags, flags);
	vr_stored_add(stored, VR_AREA_DRIVER, offsetof(struct vr_avail, flags), sizeof(flags));
}

static void store_used_event(struct vr_driver *driver, uint16_t event, struct vr_stored *stored)
{
	struct vr_le16 *field = vr_used_event(driver->avail, driver->size);

	if (driver->event == event)
		return;
	driver->event = event;
	vr_st16(field, event);
	vr_stored_add(stored, VR_AREA_DRIVER, (size_t)((uintptr_t)field - (uintptr_t)driver->avail),
		      sizeof(event));
}

static void store_packed_event(struct vr_driver *driver, uint32_t mode, uint32_t position,
			       struct vr_stored *stored)
{
	uint32_t word = mode << 16 | position;

	if (driver->event == word)
		return;
	driver->event = word;
	vr_st32(&driver->driver_event->word, word);
	vr_stored_add(stored, VR_AREA_DRIVER, 0, sizeof(word));
}

/* Asks for a notification once @steps index steps beyond the hand-out cursor have been taken. */
static void store_event(struct vr_driver *driver, uint32_t steps, struct vr_stored *stored)
{
	struct vr_position wanted = driver->used;

	if (!vr_form_is_packed(driver->form)) {
		if (driver->event_idx)
			store_used_event(driver, (uint16_t)(driver->handed + steps - 1), stored);
		else
			store_flags(driver, 0, stored);
		return;
	}
	if (!driver->event_idx) {
		store_packed_event(driver, VR_EVENT_ENABLE, 0, stored);
		return;
	}
	vr_advance(&wanted, steps - 1, driver->size);
	store_packed_event(driver, VR_EVENT_DESC, vr_position_encode(wanted), stored);
}

bool vr_driver_arm(struct vr_driver *driver, struct vr_stored *stored)
{
	if (stored)
		stored->count = 0;
	store_event(driver, 1, stored);
	vr_fence(driver->platform);
	return vr_driver_pending(driver);
}

/* Index steps up to and including the first one of the @buffers-th outstanding buffer. */
static uint32_t delayed_steps(const struct vr_driver *driver, uint32_t buffers)
{
	if (driver->form != VR_FORM_PACKED_IN_ORDER)
		return buffers;
	return vr_driver_span(driver, buffers - 1) + 1;
}

bool vr_driver_arm_delayed(struct vr_driver *driver, unsigned int buffers, struct vr_stored *stored)
{
	uint32_t most = (uint32_t)vr_driver_on_ring(driver);

	if (!driver->event_idx || most == 0)
		return vr_driver_arm(driver, stored);
	if (buffers == 0)
		buffers = most - most / 4;
	if (buffers > most)
		buffers = most;
	if (stored)
		stored->count = 0;
	store_event(driver, delayed_steps(driver, buffers), stored);
	vr_fence(driver->platform);
	if (vr_form_is_packed(driver->form))
		return vr_driver_pending(driver);
	return vr_halted(&driver->halt) || (uint16_t)(vr_ld16_acquire(&driver->used_ring->idx) -
						      (uint16_t)driver->handed) >= buffers;
}

void vr_driver_disarm(struct vr_driver *driver, struct vr_stored *stored)
{
	if (stored)
		stored->count = 0;
	if (vr_form_is_packed(driver->form))
		store_packed_event(driver, VR_EVENT_DISABLE, 0, stored);
	else if (driver->event_idx)
		/* Flags must stay 0 (2.7.7.1); this index was passed a moment ago. */
		store_used_event(driver, (uint16_t)(driver->handed - 1), stored);
	else
		store_flags(driver, VR_AVAIL_NO_INTERRUPT, stored);
}
