// SPDX-License-Identifier: BSD-3-Clause
/* The fields of an image. Every offset is within the area, whatever the numbers in it are. */
#include "decode.h"

#include <string.h>

static uint64_t word(const struct ring_part *part, size_t at, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)part->bytes[at + i] << (8 * i);
	return value;
}

struct ring_desc ring_desc_of(const struct ring_image *image, uint32_t slot)
{
	const struct ring_part *part = &image->part[VR_AREA_DESCRIPTORS];
	size_t at = (size_t)(slot % image->size) * 16;
	uint16_t low = (uint16_t)word(part, at + 12, 2);
	uint16_t high = (uint16_t)word(part, at + 14, 2);
	bool packed = ring_image_is_packed(image);

	return (struct ring_desc){
		.addr = word(part, at, 8),
		.len = (uint32_t)word(part, at + 8, 4),
		.flags = packed ? high : low,
		.id = packed ? low : high,
	};
}

uint16_t ring_flags_of(const struct ring_image *image, enum vr_area area)
{
	return (uint16_t)word(&image->part[area], 0, 2);
}

uint16_t ring_index_of(const struct ring_image *image, enum vr_area area)
{
	return (uint16_t)word(&image->part[area], 2, 2);
}

uint16_t ring_avail_entry(const struct ring_image *image, uint32_t index)
{
	size_t at = 4 + (size_t)(index % image->size) * 2;

	return (uint16_t)word(&image->part[VR_AREA_DRIVER], at, 2);
}

struct ring_used_entry ring_used_entry(const struct ring_image *image, uint32_t index)
{
	const struct ring_part *part = &image->part[VR_AREA_DEVICE];
	size_t at = 4 + (size_t)(index % image->size) * 8;

	return (struct ring_used_entry){ (uint32_t)word(part, at, 4),
					 (uint32_t)word(part, at + 4, 4) };
}

uint16_t ring_event_of(const struct ring_image *image, enum vr_area area)
{
	return (uint16_t)word(&image->part[area], image->part[area].length - 2, 2);
}

uint16_t ring_event_position(const struct ring_image *image, enum vr_area area)
{
	return (uint16_t)word(&image->part[area], 0, 2);
}

uint16_t ring_event_mode(const struct ring_image *image, enum vr_area area)
{
	return (uint16_t)word(&image->part[area], 2, 2);
}

const char *ring_flags_text(uint16_t flags, bool packed, char *text)
{
	static const struct {
		uint16_t flag;
		bool packed;
		const char *name;
	} names[] = {
		{ RING_NEXT, false, "NEXT" },	      { RING_WRITE, false, "WRITE" },
		{ RING_INDIRECT, false, "INDIRECT" }, { RING_AVAIL, true, "AVAIL" },
		{ RING_USED_BIT, true, "USED" },
	};
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags & names[i].flag) || (names[i].packed && !packed))
			continue;
		flags &= (uint16_t)~names[i].flag;
		at += (size_t)snprintf(text + at, RING_FLAGS_TEXT - at, "%s%s", at ? " " : "",
				       names[i].name);
	}
	if (flags)
		snprintf(text + at, RING_FLAGS_TEXT - at, "%s0x%x", at ? " " : "", flags);
	else if (!at)
		snprintf(text, RING_FLAGS_TEXT, "-");
	return text;
}
