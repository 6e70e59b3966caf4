// SPDX-License-Identifier: BSD-3-Clause
/* Notifications that came and should not have, and those that should have come. */
#include "watch/state.h"

/* Is what we asked for still to come? */
static bool wanted(const struct vr_watch *watch)
{
	uint16_t seen = watch->config.driver ? watch->used : watch->avail;

	if (watch->want != WATCH_AT)
		return watch->want == WATCH_ALL;
	if (watch->packed)
		return watch_distance(watch, watch_position(watch), watch->event) < watch->size;
	return (uint16_t)(watch->event - seen) < 0x8000;
}

void watch_wants(struct vr_watch *watch, enum watch_want want, uint16_t event)
{
	watch->want = want;
	watch->event = event;
	if (!wanted(watch))
		return;
	watch->unwanted = 0;
	watch->missed = false;
}

/* Once the event has been passed, nothing is wanted until we ask again. */
void watch_passed(struct vr_watch *watch, uint16_t before, uint16_t now)
{
	if (before != now && !wanted(watch))
		watch->missed = false;
}

void vr_watch_notified(struct vr_watch *watch)
{
	if (wanted(watch) || ++watch->unwanted <= WATCH_EXCUSED)
		return;
	watch_report(watch, VR_WATCH_SUPPRESSED, watch->unwanted, WATCH_EXCUSED);
}

static bool split_passed(const struct vr_watch *watch)
{
	const struct vr_ring *ring = &watch->config.ring;
	uint16_t seen = watch->config.driver ? watch->used : watch->avail;
	uint16_t now = watch_ld16(watch->config.driver ? ring->device.host : ring->driver.host, 2);

	if (watch->want == WATCH_ALL)
		return now != seen;
	return (uint16_t)(now - watch->event - 1) < (uint16_t)(now - seen);
}

/* Has the other side written this slot at this wrap counter? */
static bool written(const struct vr_watch *watch, uint16_t position)
{
	uint16_t state = watch_desc(watch, position & 0x7fffu).flags & WATCH_STATE;
	bool wrap = position & 0x8000u;

	return state ==
	       (watch->config.driver ? watch_used_state(wrap) : watch_available_state(wrap));
}

/* In a run of used descriptors some may be left out; then nothing is proved. */
static bool packed_passed(const struct vr_watch *watch)
{
	if (watch->config.driver && !watch->open)
		return false;
	if (!written(watch, watch_position(watch)))
		return false;
	return watch->want == WATCH_ALL || written(watch, watch->event);
}

void vr_watch_quiet(struct vr_watch *watch)
{
	if (watch->missed || !wanted(watch))
		return;
	if (watch->packed ? !packed_passed(watch) : !split_passed(watch))
		return;
	watch->missed = true;
	watch_report(watch, VR_WATCH_MISSED, watch->event, 0);
}
