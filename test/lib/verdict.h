/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does the other side want a notification? Answered by walking every index or slot that was passed,
 * from the text of the specification (2.7.7.2, 2.7.10, 2.8.14), for comparison with the core.
 */
#ifndef TEST_VERDICT_H
#define TEST_VERDICT_H

#include "raw.h"

/* Event index: an entry was placed at index @event while the index went from @from on by @count. */
static inline bool split_event_passed(uint16_t event, uint16_t from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if ((uint16_t)(from + i) == event)
			return true;
	return false;
}

/* Packed: some slot of the @count from @slot on, with its wrap counter, is the one asked for. */
static inline bool packed_event_passed(uint16_t off_wrap, uint32_t size, uint32_t slot, bool wrap,
				       uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if ((off_wrap & 0x7fff) == slot && (off_wrap >> 15) == wrap)
			return true;
		if (++slot == size) {
			slot = 0;
			wrap = !wrap;
		}
	}
	return false;
}

/* The whole packed verdict; @event is the other side's event suppression structure. */
static inline bool packed_verdict(uint8_t *event, bool event_idx, uint32_t size, uint32_t slot,
				  bool wrap, uint32_t count)
{
	switch (le16(at_event_flags(event)) & 3) {
	case RAW_EVENT_DISABLE:
		return false;
	case RAW_EVENT_DESC:
		if (event_idx)
			return packed_event_passed(le16(at_off_wrap(event)), size, slot, wrap,
						   count);
		return count > 0;
	default:
		return count > 0;
	}
}

/* The whole split verdict; @flags and @event are the other side's words. */
static inline bool split_verdict(const uint8_t *flags, const uint8_t *event, bool event_idx,
				 uint16_t from, uint32_t count)
{
	if (event_idx)
		return split_event_passed(le16(event), from, count);
	return count > 0 && !(le16(flags) & 1);
}

#endif
