// SPDX-License-Identifier: BSD-3-Clause
/* What is said of a queue, line by line. */
#include "line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include <virtring/features.h>

__attribute__((format(printf, 2, 3))) static void say(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + used, RING_LINE - used, format, list);
	va_end(list);
}

/* ---- heads ---- */

static void form_value(const struct ring_view *view, char *text)
{
	const struct ring_image *image = view->image;

	say(text, "%s%s, %" PRIu32 " descriptors", ring_image_is_packed(image) ? "packed" : "split",
	    image->features & VR_F_IN_ORDER ? " in order" : "", image->size);
}

static void features_value(const struct ring_view *view, char *text)
{
	uint64_t features = view->image->features;

	say(text, "0x%" PRIx64, features);
	for (uint32_t bit = 24; bit < 41; bit++)
		if (features >> bit & 1 && vr_feature_name(0, bit))
			say(text, " %s", vr_feature_name(0, bit));
}

static void areas_value(const struct ring_view *view, char *text)
{
	const struct ring_part *part = view->image->part;

	say(text, "descriptors 0x%" PRIx64 ", driver 0x%" PRIx64 ", device 0x%" PRIx64,
	    part[0].addr, part[1].addr, part[2].addr);
}

static void broken_value(const struct ring_view *view, char *text)
{
	say(text, "%s", view->image->broken);
}

static void moved_value(const struct ring_view *view, char *text)
{
	if (view->image->moved)
		say(text, "the ring changed while it was copied: its parts may not fit together");
}

static void index_value(const struct ring_view *view, enum vr_area area, char *text)
{
	const struct ring_image *image = view->image;
	uint16_t index = ring_index_of(image, area);

	if (!ring_image_is_packed(image))
		say(text, "index %u, next slot %" PRIu32, index, index % image->size);
}

static void available_value(const struct ring_view *view, char *text)
{
	index_value(view, VR_AREA_DRIVER, text);
	if (ring_image_is_packed(view->image) && view->owners.next >= 0)
		say(text, "next slot %" PRId32, view->owners.next);
}

static void used_value(const struct ring_view *view, char *text)
{
	const struct ring_image *image = view->image;

	index_value(view, VR_AREA_DEVICE, text);
	if (ring_image_is_packed(image) && ring_has(image, RING_AT_USED))
		say(text, "next slot %u", image->cursor[RING_AT_USED] & 0x7fffu);
}

static void outstanding_value(const struct ring_view *view, char *text)
{
	const char *what = ring_image_is_packed(view->image) ? "descriptor" : "buffer";

	if (view->owners.outstanding < 0)
		say(text, "not known");
	else
		say(text, "%" PRId32 " %s%s with the device", view->owners.outstanding, what,
		    view->owners.outstanding == 1 ? "" : "s");
}

static void one_cursor(const struct ring_image *image, enum ring_cursor cursor, const char *name,
		       char *text)
{
	uint16_t value = image->cursor[cursor];

	if (!ring_has(image, cursor))
		return;
	say(text, "%s%s ", text[0] ? ", " : "", name);
	if (ring_image_is_packed(image))
		say(text, "slot %u wrap %u", value & 0x7fffu, value >> 15);
	else
		say(text, "index %u", value);
}

static void driver_value(const struct ring_view *view, char *text)
{
	one_cursor(view->image, RING_AT_MADE, "makes available next at", text);
	one_cursor(view->image, RING_AT_SEEN, "looks for used at", text);
}

static void device_value(const struct ring_view *view, char *text)
{
	one_cursor(view->image, RING_AT_TAKEN, "takes next at", text);
	one_cursor(view->image, RING_AT_USED, "shows used next at", text);
}

static void in_order_value(const struct ring_view *view, char *text)
{
	if (view->image->features & VR_F_IN_ORDER && view->owners.next >= 0)
		say(text, "the next buffer begins with descriptor %" PRId32, view->owners.next);
}

static void split_event(const struct ring_image *image, enum vr_area area, char *text)
{
	const char *what = area == VR_AREA_DRIVER ? "used" : "available";
	uint16_t flags = ring_flags_of(image, area);
	uint16_t event;

	if (image->features & VR_F_EVENT_IDX) {
		event = ring_event_of(image, area);
		say(text, "to be told when index %u is %s (%s_event)", event, what,
		    area == VR_AREA_DRIVER ? "used" : "avail");
	} else if (flags & 1) {
		say(text, "not to be told (NO_%s)",
		    area == VR_AREA_DRIVER ? "INTERRUPT" : "NOTIFY");
	} else {
		say(text, "to be told of each buffer");
	}
	if (flags & (image->features & VR_F_EVENT_IDX ? 0xffff : 0xfffe))
		say(text, "; flags 0x%x", flags);
}

static void packed_event(const struct ring_image *image, enum vr_area area, char *text)
{
	uint16_t position = ring_event_position(image, area);
	uint16_t mode = ring_event_mode(image, area);

	switch (mode) {
	case 0:
		say(text, "to be told of each buffer (ENABLE)");
		break;
	case 1:
		say(text, "not to be told (DISABLE)");
		break;
	case 2:
		say(text, "to be told of slot %u wrap %u (DESC)", position & 0x7fffu,
		    position >> 15);
		break;
	default:
		say(text, "what is reserved: mode 0x%x, position 0x%x", mode, position);
		break;
	}
}

static void event_value(const struct ring_image *image, enum vr_area area, char *text)
{
	if (ring_image_is_packed(image))
		packed_event(image, area, text);
	else
		split_event(image, area, text);
}

static void driver_event_value(const struct ring_view *view, char *text)
{
	event_value(view->image, VR_AREA_DRIVER, text);
}

static void device_event_value(const struct ring_view *view, char *text)
{
	event_value(view->image, VR_AREA_DEVICE, text);
}

static void guessed_value(const struct ring_view *view, char *text)
{
	if (view->owners.guessed)
		say(text, "worked out of both rings; a queue out of order may have another story");
}

static void wrong_value(const struct ring_view *view, char *text)
{
	if (view->owners.wrong)
		say(text, "%s (%" PRIu32 ")", view->owners.wrong, view->owners.wrong_at);
}

static const struct {
	const char *label;
	void (*value)(const struct ring_view *view, char *text);
} heads[] = {
	{ "form", form_value },
	{ "features", features_value },
	{ "areas", areas_value },
	{ "broken", broken_value },
	{ "moved", moved_value },
	{ "available", available_value },
	{ "used", used_value },
	{ "outstanding", outstanding_value },
	{ "driver", driver_value },
	{ "device", device_value },
	{ "in order", in_order_value },
	{ "driver asks", driver_event_value },
	{ "device asks", device_event_value },
	{ "owners", guessed_value },
	{ "wrong", wrong_value },
};

unsigned int ring_heads(void)
{
	return sizeof(heads) / sizeof(heads[0]);
}

const char *ring_head_label(unsigned int head)
{
	return heads[head].label;
}

void ring_head_value(const struct ring_view *view, unsigned int head, char *text)
{
	text[0] = '\0';
	heads[head].value(view, text);
}

/* ---- tables ---- */

unsigned int ring_tables(const struct ring_image *image)
{
	return ring_image_is_packed(image) ? 1 : RING_TABLES;
}

const char *ring_table_title(enum ring_table table)
{
	static const char *const titles[RING_TABLES] = { "descriptors", "available ring",
							 "used ring" };

	return titles[table];
}

const char *ring_table_columns(const struct ring_image *image, enum ring_table table)
{
	if (table == RING_TABLE_AVAILABLE)
		return " slot  index   head";
	if (table == RING_TABLE_USED)
		return " slot  index   head      bytes";
	if (ring_image_is_packed(image))
		return " slot             address      bytes     id  owner            flags";
	return " slot             address      bytes   next  owner            flags";
}

/* The newest index that fell on this slot. */
static uint16_t index_at(const struct ring_image *image, enum vr_area area, uint32_t slot)
{
	uint16_t newest = (uint16_t)(ring_index_of(image, area) - 1);

	return (uint16_t)(newest - ((newest - slot) & (image->size - 1)));
}

static void desc_row(const struct ring_view *view, uint32_t slot, char *text)
{
	bool packed = ring_image_is_packed(view->image);
	struct ring_desc desc = ring_desc_of(view->image, slot);
	char flags[RING_FLAGS_TEXT];
	char id[8] = "-";

	if (packed || desc.flags & RING_NEXT)
		snprintf(id, sizeof(id), "%u", desc.id);
	say(text, "%5" PRIu32 "  0x%016" PRIx64 " %10" PRIu32 "  %5s  %-15s  %s", slot, desc.addr,
	    desc.len, id, ring_owner_text((enum ring_owner)view->owners.of[slot]),
	    ring_flags_text(desc.flags, packed, flags));
}

void ring_row(const struct ring_view *view, enum ring_table table, uint32_t slot, char *text)
{
	struct ring_used_entry entry;

	text[0] = '\0';
	switch (table) {
	case RING_TABLE_AVAILABLE:
		say(text, "%5" PRIu32 "  %5u  %5u", slot,
		    index_at(view->image, VR_AREA_DRIVER, slot),
		    ring_avail_entry(view->image, slot));
		break;
	case RING_TABLE_USED:
		entry = ring_used_entry(view->image, slot);
		say(text, "%5" PRIu32 "  %5u  %5" PRIu32 " %10" PRIu32, slot,
		    index_at(view->image, VR_AREA_DEVICE, slot), entry.id, entry.len);
		break;
	default:
		desc_row(view, slot, text);
		break;
	}
}

/* How many entries before an index are worth looking at when nobody's cursor says. */
#define RECENT 4

static bool recent(const struct ring_image *image, enum vr_area area, uint32_t slot, uint16_t from)
{
	uint16_t index = ring_index_of(image, area);
	uint16_t count = (uint16_t)(index - from);

	if (count < RECENT)
		count = index < RECENT ? index : RECENT;
	return (uint16_t)(index - 1 - index_at(image, area, slot)) < count;
}

bool ring_row_matters(const struct ring_view *view, enum ring_table table, uint32_t slot)
{
	const struct ring_image *image = view->image;
	uint16_t used = ring_index_of(image, VR_AREA_DEVICE);
	static const uint8_t nothing[16];
	enum ring_owner owner;

	if (table == RING_TABLE_AVAILABLE)
		return recent(image, VR_AREA_DRIVER, slot, used);
	if (table == RING_TABLE_USED)
		return recent(image, VR_AREA_DEVICE, slot,
			      ring_has(image, RING_AT_SEEN) ? image->cursor[RING_AT_SEEN] : used);
	owner = (enum ring_owner)view->owners.of[slot];
	if (owner == RING_NOT_KNOWN)
		return memcmp(image->part[VR_AREA_DESCRIPTORS].bytes + (size_t)slot * 16, nothing,
			      16) != 0;
	return owner != RING_DRIVERS;
}
