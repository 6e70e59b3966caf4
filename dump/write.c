// SPDX-License-Identifier: BSD-3-Clause
/*
 * Images saved: a text, so that it can be looked at, sent and edited. doc/virtring-dump.1 has the
 * format; read.c reads it.
 */
#include <inttypes.h>

#include "format.h"

const char *const ring_cursor_names[RING_CURSORS] = { "made", "seen", "taken", "used" };
const char *const ring_area_names[3] = { "descriptors", "driver", "device" };

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

static void write_part(FILE *to, const struct ring_part *part, const char *name)
{
	fprintf(to, "area %s 0x%" PRIx64 "\n", name, part->addr);
	for (size_t at = 0; at < part->length; at += RING_ROW) {
		size_t count = part->length - at < RING_ROW ? part->length - at : RING_ROW;

		if (all_zero(part->bytes + at, count))
			continue;
		fprintf(to, "%06zx:", at);
		for (size_t i = 0; i < count; i++)
			fprintf(to, " %02x", part->bytes[at + i]);
		fputc('\n', to);
	}
}

static void write_cursors(FILE *to, const struct ring_image *image)
{
	for (int i = 0; i < RING_CURSORS; i++) {
		unsigned int value = image->cursor[i];

		if (!(image->known >> i & 1))
			continue;
		if (ring_image_is_packed(image))
			fprintf(to, "cursor %s %u %u\n", ring_cursor_names[i], value & 0x7fff,
				value >> 15);
		else
			fprintf(to, "cursor %s %u\n", ring_cursor_names[i], value);
	}
}

int ring_image_write(FILE *to, const struct ring_image *image)
{
	fprintf(to, "%s\nfeatures 0x%" PRIx64 "\nsize %" PRIu32 "\n", RING_HEAD, image->features,
		image->size);
	if (image->name[0])
		fprintf(to, "name %s\n", image->name);
	if (image->broken[0])
		fprintf(to, "broken %s\n", image->broken);
	if (image->moved)
		fputs("moved\n", to);
	write_cursors(to, image);
	for (int i = 0; i < 3; i++)
		write_part(to, &image->part[i], ring_area_names[i]);
	fputs("end\n", to);
	return ferror(to) ? -1 : 0;
}
