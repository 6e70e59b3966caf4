// SPDX-License-Identifier: BSD-3-Clause
/* Images for programs. json-c does the quoting, as elsewhere in the command. */
#include <inttypes.h>
#include <json.h>
#include <stdlib.h>

#include "line.h"

static void put(json_object *to, const char *name, json_object *value)
{
	json_object_object_add(to, name, value);
}

static void put_number(json_object *to, const char *name, uint64_t value)
{
	put(to, name, json_object_new_uint64(value));
}

static void put_hex(json_object *to, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	put(to, name, json_object_new_string(text));
}

static json_object *descriptor(const struct ring_view *view, uint32_t slot)
{
	struct ring_desc desc = ring_desc_of(view->image, slot);
	bool packed = ring_image_is_packed(view->image);
	json_object *json = json_object_new_object();
	char flags[RING_FLAGS_TEXT];

	put_hex(json, "address", desc.addr);
	put_number(json, "bytes", desc.len);
	put(json, "flags", json_object_new_string(ring_flags_text(desc.flags, packed, flags)));
	put_number(json, packed ? "id" : "next", desc.id);
	put(json, "owner",
	    json_object_new_string(ring_owner_text((enum ring_owner)view->owners.of[slot])));
	return json;
}

static json_object *descriptors(const struct ring_view *view)
{
	json_object *json = json_object_new_array();

	for (uint32_t i = 0; i < view->image->size; i++)
		json_object_array_add(json, descriptor(view, i));
	return json;
}

static json_object *available(const struct ring_image *image)
{
	json_object *json = json_object_new_object();
	json_object *ring = json_object_new_array();

	put_number(json, "flags", ring_flags_of(image, VR_AREA_DRIVER));
	put_number(json, "index", ring_index_of(image, VR_AREA_DRIVER));
	for (uint32_t i = 0; i < image->size; i++)
		json_object_array_add(ring, json_object_new_int(ring_avail_entry(image, i)));
	put(json, "ring", ring);
	if (image->features & VR_F_EVENT_IDX)
		put_number(json, "used_event", ring_event_of(image, VR_AREA_DRIVER));
	return json;
}

static json_object *used(const struct ring_image *image)
{
	json_object *json = json_object_new_object();
	json_object *ring = json_object_new_array();

	put_number(json, "flags", ring_flags_of(image, VR_AREA_DEVICE));
	put_number(json, "index", ring_index_of(image, VR_AREA_DEVICE));
	for (uint32_t i = 0; i < image->size; i++) {
		struct ring_used_entry entry = ring_used_entry(image, i);
		json_object *one = json_object_new_object();

		put_number(one, "id", entry.id);
		put_number(one, "bytes", entry.len);
		json_object_array_add(ring, one);
	}
	put(json, "ring", ring);
	if (image->features & VR_F_EVENT_IDX)
		put_number(json, "avail_event", ring_event_of(image, VR_AREA_DEVICE));
	return json;
}

static json_object *event(const struct ring_image *image, enum vr_area area)
{
	json_object *json = json_object_new_object();
	uint16_t position = ring_event_position(image, area);

	put_number(json, "mode", ring_event_mode(image, area));
	put_number(json, "slot", position & 0x7fffu);
	put_number(json, "wrap", position >> 15);
	return json;
}

static json_object *cursors(const struct ring_image *image)
{
	static const char *const names[RING_CURSORS] = { "made", "seen", "taken", "used" };
	json_object *json = json_object_new_object();

	for (int i = 0; i < RING_CURSORS; i++) {
		json_object *one;

		if (!ring_has(image, (enum ring_cursor)i))
			continue;
		if (!ring_image_is_packed(image)) {
			put_number(json, names[i], image->cursor[i]);
			continue;
		}
		one = json_object_new_object();
		put_number(one, "slot", image->cursor[i] & 0x7fffu);
		put_number(one, "wrap", image->cursor[i] >> 15);
		put(json, names[i], one);
	}
	return json;
}

static void put_head(json_object *json, const struct ring_image *image)
{
	put(json, "name", json_object_new_string(image->name));
	put_hex(json, "features", image->features);
	put(json, "packed", json_object_new_boolean(ring_image_is_packed(image)));
	put(json, "in_order", json_object_new_boolean((image->features & VR_F_IN_ORDER) != 0));
	put_number(json, "size", image->size);
	put_hex(json, "descriptor_area", image->part[VR_AREA_DESCRIPTORS].addr);
	put_hex(json, "driver_area", image->part[VR_AREA_DRIVER].addr);
	put_hex(json, "device_area", image->part[VR_AREA_DEVICE].addr);
	put(json, "moved", json_object_new_boolean(image->moved));
	if (image->broken[0])
		put(json, "broken", json_object_new_string(image->broken));
	put(json, "cursors", cursors(image));
}

struct json_object *ring_json(const struct ring_image *image)
{
	struct ring_view view = { .image = image };
	json_object *json = json_object_new_object();

	if (!json || ring_owners_find(image, &view.owners)) {
		json_object_put(json);
		return NULL;
	}
	put_head(json, image);
	if (view.owners.outstanding >= 0)
		put_number(json, "outstanding", (uint64_t)view.owners.outstanding);
	if (view.owners.next >= 0)
		put_number(json, "next_descriptor", (uint64_t)view.owners.next);
	if (view.owners.wrong)
		put(json, "wrong", json_object_new_string(view.owners.wrong));
	put(json, "owners_guessed", json_object_new_boolean(view.owners.guessed));
	put(json, "descriptors", descriptors(&view));
	if (ring_image_is_packed(image)) {
		put(json, "driver_event", event(image, VR_AREA_DRIVER));
		put(json, "device_event", event(image, VR_AREA_DEVICE));
	} else {
		put(json, "available", available(image));
		put(json, "used", used(image));
	}
	free(view.owners.of);
	return json;
}
