// SPDX-License-Identifier: BSD-3-Clause
/*
 * Ring images, as a file and as memory: what is read, printed and compared may come from anybody.
 *
 * Held for every input: what was read is written and read again as the same; every image that there
 * is can be printed, compared and turned into JSON; what is refused is said with its line.
 */
#define _GNU_SOURCE
#include <json.h>
#include <stdlib.h>
#include <string.h>

#include "dump/image.h"
#include "fuzz.h"

/* Larger ones are read, written, and printed in part: a table of 32768 rows is no other one. */
#define PRINTED 256u

static FILE *open_text(char **text, size_t *size)
{
	FILE *to = open_memstream(text, size);

	FUZZ_CHECK(to);
	return to;
}

static void same(const struct ring_image *a, const struct ring_image *b)
{
	FUZZ_CHECK(a->features == b->features && a->size == b->size && a->moved == b->moved);
	FUZZ_CHECK(a->known == b->known && !strcmp(a->name, b->name));
	FUZZ_CHECK(!strcmp(a->broken, b->broken));
	FUZZ_CHECK(!memcmp(a->cursor, b->cursor, sizeof(a->cursor)));
	for (int i = 0; i < 3; i++) {
		FUZZ_CHECK(a->part[i].addr == b->part[i].addr);
		FUZZ_CHECK(a->part[i].length == b->part[i].length);
		FUZZ_CHECK(!memcmp(a->part[i].bytes, b->part[i].bytes, a->part[i].length));
	}
}

static void write_and_read(const struct ring_image *image)
{
	struct ring_reader reader = { .from = NULL };
	struct ring_image copy;
	char *text = NULL;
	size_t size;
	FILE *to = open_text(&text, &size);

	FUZZ_CHECK(ring_image_write(to, image) == 0);
	fclose(to);
	reader.from = fmemopen(text, size, "r");
	FUZZ_CHECK(reader.from && ring_image_read(&reader, &copy) == 1);
	same(image, &copy);
	ring_image_free(&copy);
	FUZZ_CHECK(ring_image_read(&reader, &copy) == 0);
	fclose(reader.from);
	free(text);
}

static void print(const struct ring_image *image, const struct ring_image *before)
{
	struct json_object *json;
	char *text = NULL;
	size_t size;
	FILE *to;

	if (image->size > PRINTED)
		return;
	to = open_text(&text, &size);
	FUZZ_CHECK(ring_text(to, image) == 0 && ring_text_all(to, image) == 0);
	FUZZ_CHECK(ring_diff(to, image, image) == 0);
	FUZZ_CHECK(before->size > PRINTED || ring_diff(to, before, image) >= 0);
	fclose(to);
	free(text);
	json = ring_json(image);
	FUZZ_CHECK(json && json_object_to_json_string(json));
	json_object_put(json);
}

/* A queue whose memory the input fills. */
static void make(struct fuzz *fuzz, struct ring_image *image)
{
	static const uint64_t features[] = { 0, VR_F_IN_ORDER, VR_F_RING_PACKED,
					     VR_F_RING_PACKED | VR_F_IN_ORDER };
	uint8_t how = fuzz_u8(fuzz);
	bool packed = how & 2;
	uint32_t size = packed ? 1 + fuzz_below(fuzz, 9) : 1u << fuzz_below(fuzz, 4);

	FUZZ_CHECK(!ring_image_init(image, "memory",
				    features[how % 4] | (how & 4 ? VR_F_EVENT_IDX : 0), size));
	for (int i = 0; i < RING_CURSORS; i++) {
		uint16_t value = fuzz_u16(fuzz);

		if (packed)
			value = (uint16_t)(value % size | (value & 0x8000));
		if (how >> (4 + i) & 1)
			ring_image_cursor(image, (enum ring_cursor)i, value);
	}
	for (int i = 2; i >= 0; i--)
		fuzz_bytes(fuzz, image->part[i].bytes, image->part[i].length);
}

static void run_memory(struct fuzz *fuzz)
{
	struct ring_image before;
	struct ring_image image;

	make(fuzz, &before);
	make(fuzz, &image);
	write_and_read(&image);
	print(&image, &before);
	ring_image_free(&before);
	ring_image_free(&image);
}

static void run_file(const uint8_t *data, size_t size)
{
	struct ring_reader reader = { .from = fmemopen((void *)(uintptr_t)data, size, "r") };
	struct ring_image before = { .size = 0 };
	struct ring_image image;
	int got;

	FUZZ_CHECK(reader.from);
	while ((got = ring_image_read(&reader, &image)) > 0) {
		write_and_read(&image);
		print(&image, before.size ? &before : &image);
		ring_image_free(&before);
		before = image;
	}
	FUZZ_CHECK(got == 0 || !strncmp(reader.error, "line ", 5));
	ring_image_free(&before);
	fclose(reader.from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = fuzz_begin(data, size);

	if (size < 2)
		return 0;
	if (fuzz_flag(&fuzz))
		run_memory(&fuzz);
	else
		run_file(data + 1, size - 1);
	return 0;
}
