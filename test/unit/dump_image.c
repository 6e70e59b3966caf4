// SPDX-License-Identifier: BSD-3-Clause
/* Ring images: taken from live queues, saved and read again, refused, printed, compared. */
#include <stdlib.h>

#include "dump/decode.h"
#include "random.h"
#include "rig.h"

#define SIZE 8

/* ---- saved and read ---- */

static char *text_of(const struct ring_image *image,
		     int (*print)(FILE *, const struct ring_image *))
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	CHECK_EQ(print(to, image), 0);
	fclose(to);
	return text;
}

static int read_text(const char *text, struct ring_image *image, char *error)
{
	struct ring_reader reader = { .from = fmemopen((void *)text, strlen(text), "r") };
	int got;

	assert_non_null(reader.from);
	got = ring_image_read(&reader, image);
	memcpy(error, reader.error, RING_ERROR);
	fclose(reader.from);
	return got;
}

static void same(const struct ring_image *a, const struct ring_image *b)
{
	CHECK(strcmp(a->name, b->name) == 0);
	CHECK(strcmp(a->broken, b->broken) == 0);
	CHECK_EQ(a->features, b->features);
	CHECK_EQ(a->size, b->size);
	CHECK_EQ(a->moved, b->moved);
	CHECK_EQ(a->known, b->known);
	for (int i = 0; i < RING_CURSORS; i++)
		CHECK_EQ(a->cursor[i], b->cursor[i]);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(a->part[i].addr, b->part[i].addr);
		CHECK_EQ(a->part[i].length, b->part[i].length);
		CHECK_BYTES(a->part[i].bytes, b->part[i].bytes, a->part[i].length);
	}
}

static void fill(struct ring_image *image, struct random *random)
{
	for (int i = 0; i < 3; i++) {
		image->part[i].addr = random_next(random);
		for (size_t at = 0; at < image->part[i].length; at++)
			image->part[i].bytes[at] = (uint8_t)random_next(random);
	}
	for (int i = 0; i < RING_CURSORS; i++) {
		uint16_t value = (uint16_t)random_next(random);

		if (ring_image_is_packed(image))
			value = (uint16_t)(value % image->size | (random_next(random) & 0x8000));
		if (random_next(random) & 1)
			ring_image_cursor(image, (enum ring_cursor)i, value);
	}
}

static void test_round_trip(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 64, 1024 };
	struct random random;

	(void)state;
	random_start(&random, random_seed(0xd0));
	FOR_EACH_FORM(form)
	{
		for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
			uint64_t features = form->features | (i % 2 ? VR_F_EVENT_IDX : 0);
			struct ring_image image, copy;
			char error[RING_ERROR];
			char *text;

			context("%s, %u", form_name(features), sizes[i / 2]);
			CHECK_EQ(ring_image_init(&image, "a queue: 3", features, sizes[i / 2]), 0);
			fill(&image, &random);
			image.moved = i & 1;
			ring_image_broken(&image, i & 2 ? "it broke\n" : "");
			text = text_of(&image, ring_image_write);
			CHECK_EQ(read_text(text, &copy, error), 1);
			same(&image, &copy);
			/* Whatever is in them, they can be printed. */
			free(text);
			text = text_of(&copy, ring_text_all);
			CHECK(strlen(text) > 100);
			free(text);
			ring_image_free(&image);
			ring_image_free(&copy);
		}
	}
}

static void test_several(void **state)
{
	struct ring_reader reader = { 0 };
	struct ring_image image;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	for (uint32_t n = 1; n <= 4; n *= 2) {
		CHECK_EQ(ring_image_init(&image, "", SPLIT, n), 0);
		CHECK_EQ(ring_image_write(to, &image), 0);
		ring_image_free(&image);
	}
	fclose(to);
	reader.from = fmemopen(text, size, "r");
	for (uint32_t n = 1; n <= 4; n *= 2) {
		CHECK_EQ(ring_image_read(&reader, &image), 1);
		CHECK_EQ(image.size, n);
		ring_image_free(&image);
	}
	CHECK_EQ(ring_image_read(&reader, &image), 0);
	fclose(reader.from);
	free(text);
}

#define HEAD "virtring-ring 1\n"
#define SPLIT_4 HEAD "features 0x100000000\nsize 4\n"
#define PACKED_3 HEAD "features 0x500000000\nsize 3\n"
#define AREAS "area descriptors 0x0\narea driver 0x0\narea device 0x0\n"

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{ "virtring-ring 2\n", "line 1: no image begins with this" },
		{ "\n# a remark\nhello\n", "line 3: no image begins with this" },
		{ HEAD, "ends within an image" },
		{ HEAD "end\n", "without area descriptors" },
		{ HEAD "size 4\n" AREAS "end\n", "features and size have to come first" },
		{ HEAD "features 0x0\n" AREAS, "features and size have to come first" },
		{ HEAD "features 12\n", "line 2: features takes one number" },
		{ HEAD "features 0x\n", "features takes one number" },
		{ HEAD "features 0x1 2\n", "features takes one number" },
		{ HEAD "features 0x10000000000000000\n", "features takes one number" },
		{ HEAD "features 0x0\nsize 0\n", "line 3: size takes a number from 1 to 32768" },
		{ HEAD "size 32769\n", "size takes a number" },
		{ HEAD "size -1\n", "size takes a number" },
		{ HEAD "size  4\n", "size takes a number" },
		{ HEAD "features 0x0\nsize 6\ncursor used 1\n", "no split queue has 6" },
		{ SPLIT_4 "cursor used 65536\n", "an index from 0 to 65535" },
		{ SPLIT_4 "cursor used 1 1\n", "an index from 0 to 65535" },
		{ SPLIT_4 "cursor last 1\n", "cursors are made" },
		{ SPLIT_4 "cursor \n", "cursors are made" },
		{ PACKED_3 "cursor used 3 0\n", "a slot of the ring" },
		{ PACKED_3 "cursor used 2 2\n", "a slot of the ring" },
		{ PACKED_3 "cursor used 2\n", "a slot of the ring" },
		{ SPLIT_4 "area driver 0x0\n", "has to follow is descriptors" },
		{ SPLIT_4 "area descriptors 17\n", "one address in hexadecimal" },
		{ SPLIT_4 AREAS "area device 0x0\n", "a fourth area" },
		{ SPLIT_4 "area descriptors 0x0\nend\n", "without area driver" },
		{ SPLIT_4 AREAS "features 0x0\n", "features come first" },
		{ SPLIT_4 AREAS "size 4\n", "the size comes first" },
		{ SPLIT_4 "0: 00\n", "bytes of no area" },
		{ SPLIT_4 "area descriptors 0x0\n41: 00\n", "offsets go up, and end at 40" },
		{ SPLIT_4 "area descriptors 0x0\n8: 00\n0: 00\n", "offsets go up" },
		{ SPLIT_4 "area descriptors 0x0\n3f: 00 00\n", "more bytes than the area has" },
		{ SPLIT_4 "area descriptors 0x0\n40:\n", "a row without bytes" },
		{ SPLIT_4 "area descriptors 0x0\n40: 00\n", "more bytes than the area has" },
		{ SPLIT_4 "area descriptors 0x0\n0: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e "
			  "0f 10\n",
		  "more bytes than the 16 of a row" },
		{ SPLIT_4 "area descriptors 0x0\n0: 0\n", "two small hexadecimal digits" },
		{ SPLIT_4 "area descriptors 0x0\n0: 0G\n", "two small hexadecimal digits" },
		{ SPLIT_4 "area descriptors 0x0\n0:00\n", "two small hexadecimal digits" },
		{ SPLIT_4 AREAS "end", "no whole line" },
		{ SPLIT_4 "name \t\n", "cannot be printed" },
		{ SPLIT_4 "name 1234567890123456789012345678901234567890123456789012345678901234\n",
		  "more than 63 characters" },
		{ SPLIT_4 "surname x\n", "no line of an image begins like this" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ring_image image;
		char error[RING_ERROR];

		context("%s", cases[i].text);
		CHECK_EQ(read_text(cases[i].text, &image, error), -1);
		watch(error);
		CHECK(strstr(error, cases[i].error) != NULL);
		watch(NULL);
	}
}

static void test_long_line(void **state)
{
	char text[600];
	struct ring_image image;
	char error[RING_ERROR];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	CHECK_EQ(read_text(text, &image, error), -1);
	CHECK(strstr(error, "longer than") != NULL);
}

/* ---- owners ---- */

struct scene {
	struct rig rig;
	struct ring_image image;
	struct ring_owners owners;
};

static void scene_open(struct scene *scene, uint64_t features, uint32_t size)
{
	const struct rig_shape shape = { .features = features, .size = size };

	rig_open_both(&scene->rig, &shape);
	memset(&scene->image, 0, sizeof(scene->image));
	memset(&scene->owners, 0, sizeof(scene->owners));
}

static void scene_drop(struct scene *scene)
{
	ring_image_free(&scene->image);
	free(scene->owners.of);
	scene->owners.of = NULL;
}

/* A new image of the queue, without cursors. */
static void scene_take(struct scene *scene)
{
	const struct rig_shape *shape = &scene->rig.shape;
	struct vr_ring ring = rig_driver_ring(&scene->rig);

	scene_drop(scene);
	CHECK_EQ(ring_image_init(&scene->image, "a queue", shape->features, shape->size), 0);
	ring_image_take(&scene->image, &ring);
	CHECK(!scene->image.moved);
}

static void scene_look(struct scene *scene)
{
	free(scene->owners.of);
	scene->owners.of = NULL;
	CHECK_EQ(ring_owners_find(&scene->image, &scene->owners), 0);
}

static void scene_close(struct scene *scene)
{
	scene_drop(scene);
	rig_close(&scene->rig);
}

/* A letter for each slot. */
static void owners_are(const struct scene *scene, const char *wanted)
{
	static const char letters[] = "-uDwtn";
	char got[SIZE + 1] = "";

	for (uint32_t i = 0; i < scene->image.size; i++)
		got[i] = letters[scene->owners.of ? scene->owners.of[i] : RING_NOT_KNOWN];
	watch(got);
	CHECK(strcmp(got, wanted) == 0);
	watch(NULL);
}

static uint16_t position(unsigned int slot, bool wrap)
{
	return (uint16_t)(slot | (wrap ? 0x8000u : 0));
}

/* Three buffers of two descriptors; the first is used, the second taken, the third waits. */
static void test_owners(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct scene scene;
		struct vr_iovec segments[8];
		struct vr_chain first;
		bool packed = is_packed(form->features);

		context("%s", form->name);
		scene_open(&scene, form->features, SIZE);
		for (uint64_t token = 0; token < 3; token++)
			rig_send(&scene.rig, 1, 1, 64, token);
		first = rig_pop(&scene.rig, segments, 8);
		rig_pop(&scene.rig, segments, 8);
		rig_use(&scene.rig, &first, 64);

		scene_take(&scene);
		scene_look(&scene);
		CHECK_EQ(scene.owners.outstanding, packed ? -1 : 2);
		CHECK(scene.owners.wrong == NULL);
		owners_are(&scene, packed ? "-nnnnn--" : "--DDDD--");

		if (packed) {
			/* The driver's view: something was used, and before that nothing was. */
			ring_image_cursor(&scene.image, RING_AT_MADE, position(6, true));
			ring_image_cursor(&scene.image, RING_AT_SEEN, position(0, true));
			scene_look(&scene);
			owners_are(&scene, "unnnnn--");
			ring_image_cursor(&scene.image, RING_AT_SEEN, position(2, true));
			scene_look(&scene);
			owners_are(&scene, "--DDDD--");
			CHECK_EQ(scene.owners.outstanding, 4);
			scene.image.known = 0;
			ring_image_cursor(&scene.image, RING_AT_USED, position(2, true));
			scene_look(&scene);
			owners_are(&scene, "--DDDD--");
			CHECK_EQ(scene.owners.outstanding, 4);
		}
		ring_image_cursor(&scene.image, RING_AT_TAKEN, packed ? position(4, true) : 2);
		ring_image_cursor(&scene.image, RING_AT_SEEN, packed ? position(0, true) : 0);
		scene_look(&scene);
		owners_are(&scene, "uuttww--");
		CHECK_EQ(scene.owners.next, packed || is_in_order(form->features) ? 6 : -1);
		scene_close(&scene);
	}
}

/* Out of order the rings have to be read together. */
static void test_out_of_order(void **state)
{
	struct vr_iovec segments[8][2];
	struct vr_chain chains[4];
	struct scene scene;
	struct vr_used used;

	(void)state;
	scene_open(&scene, SPLIT, SIZE);
	for (unsigned int i = 0; i < 4; i++) {
		rig_send(&scene.rig, 1, 1, 64, i);
		chains[i] = rig_pop(&scene.rig, segments[i], 2);
	}
	rig_use(&scene.rig, &chains[2], 1);
	rig_use(&scene.rig, &chains[0], 1);
	scene_take(&scene);
	scene_look(&scene);
	owners_are(&scene, "--DD--DD");
	CHECK(scene.owners.guessed);
	CHECK_EQ(scene.owners.next, -1);

	/* Made available again: the descriptors of the first one that came back, by the second. */
	CHECK_EQ(vr_driver_get(scene.rig.driver, &used, 1), 1);
	rig_send(&scene.rig, 0, 1, 64, 9);
	scene_take(&scene);
	scene_look(&scene);
	CHECK_EQ(scene.owners.outstanding, 3);
	CHECK(!scene.owners.wrong);
	scene_close(&scene);
}

/* Many laps of a packed ring of no round size: the AVAIL bits tell where the driver is. */
static void test_packed_position(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, PACKED, 5);
	for (unsigned int i = 0; i < 33; i++) {
		struct vr_iovec segments[2];
		struct vr_used used;
		struct vr_chain chain;

		step("buffer %u", i);
		rig_send(&scene.rig, 1, 1, 64, i);
		scene_take(&scene);
		ring_image_cursor(&scene.image, RING_AT_USED,
				  position(2 * i % 5, 2 * i / 5 % 2 == 0));
		scene_look(&scene);
		CHECK(!scene.owners.wrong);
		CHECK_EQ(scene.owners.outstanding, 2);
		CHECK_EQ(scene.owners.next, 2 * (i + 1) % 5);
		chain = rig_pop(&scene.rig, segments, 2);
		rig_use(&scene.rig, &chain, 64);
		CHECK_EQ(vr_driver_get(scene.rig.driver, &used, 1), 1);
	}
	scene_close(&scene);
}

static void put16(struct ring_image *image, enum vr_area area, size_t at, uint16_t value)
{
	image->part[area].bytes[at] = (uint8_t)value;
	image->part[area].bytes[at + 1] = (uint8_t)(value >> 8);
}

/* What contradicts itself is said, and ends nothing. */
static void test_wrong(void **state)
{
	struct scene scene = { .image = { .size = 0 } };
	struct ring_image *image = &scene.image;

	(void)state;
	CHECK_EQ(ring_image_init(image, "", SPLIT_IN_ORDER, SIZE), 0);
	put16(image, VR_AREA_DRIVER, 2, SIZE + 1);
	scene_look(&scene);
	CHECK(strstr(scene.owners.wrong, "further ahead") != NULL);
	owners_are(&scene, "nnnnnnnn");

	/* A chain that bites its tail, behind a head that is none. */
	put16(image, VR_AREA_DRIVER, 2, 1);
	put16(image, VR_AREA_DESCRIPTORS, 12, RING_NEXT);
	scene_look(&scene);
	CHECK(strstr(scene.owners.wrong, "does not end") != NULL);
	put16(image, VR_AREA_DESCRIPTORS, 14, SIZE);
	scene_look(&scene);
	CHECK(strstr(scene.owners.wrong, "next field") != NULL);
	put16(image, VR_AREA_DRIVER, 4, SIZE);
	scene_look(&scene);
	CHECK(strstr(scene.owners.wrong, "a head that is no descriptor") != NULL);
	put16(image, VR_AREA_DRIVER, 4, 0);
	put16(image, VR_AREA_DESCRIPTORS, 12, 0);
	put16(image, VR_AREA_DRIVER, 2, 2);
	put16(image, VR_AREA_DRIVER, 6, 5);
	scene_look(&scene);
	CHECK(strstr(scene.owners.wrong, "does not follow") != NULL);
	ring_image_cursor(image, RING_AT_TAKEN, 3);
	scene_look(&scene);
	scene_drop(&scene);

	CHECK_EQ(ring_image_init(image, "", PACKED, SIZE), 0);
	for (size_t slot = 0; slot < SIZE; slot += 2)
		put16(image, VR_AREA_DESCRIPTORS, slot * 16 + 14, RING_AVAIL);
	scene_look(&scene);
	CHECK(strstr(scene.owners.wrong, "more than once") != NULL);
	owners_are(&scene, "n-n-n-n-");
	ring_image_cursor(image, RING_AT_MADE, position(1, false));
	ring_image_cursor(image, RING_AT_USED, position(0, true));
	scene_look(&scene);
	CHECK(strstr(scene.owners.wrong, "more descriptors") != NULL);
	scene_drop(&scene);
}

/* ---- printed and compared ---- */

static void has(const char *text, const char *what)
{
	watch(text);
	context("'%s'", what);
	CHECK(strstr(text, what) != NULL);
	watch(NULL);
}

static void test_text(void **state)
{
	struct scene scene;
	char *text;

	(void)state;
	scene_open(&scene, SPLIT_IN_ORDER | VR_F_EVENT_IDX, SIZE);
	rig_send(&scene.rig, 1, 1, 64, 1);
	vr_driver_arm(scene.rig.driver, NULL);
	scene_take(&scene);
	text = text_of(&scene.image, ring_text);
	has(text, "a queue\n");
	has(text, "split in order, 8 descriptors");
	has(text, "EVENT_IDX VERSION_1 IN_ORDER");
	has(text, "available   index 1, next slot 1");
	has(text, "1 buffer with the device");
	has(text, "begins with descriptor 2");
	has(text, "driver asks to be told when index 0 is used (used_event)");
	has(text, "NEXT\n");
	has(text, "WRITE\n");
	has(text, "(6 more)");
	free(text);
	scene_close(&scene);

	scene_open(&scene, PACKED, SIZE);
	rig_send(&scene.rig, 0, 1, 64, 1);
	vr_driver_disarm(scene.rig.driver, NULL);
	scene_take(&scene);
	ring_image_cursor(&scene.image, RING_AT_TAKEN, position(0, true));
	ring_image_cursor(&scene.image, RING_AT_USED, position(0, true));
	ring_image_broken(&scene.image, "why not");
	text = text_of(&scene.image, ring_text);
	has(text, "takes next at slot 0 wrap 1");
	has(text, "not to be told (DISABLE)");
	has(text, "WRITE AVAIL");
	has(text, "device, waiting");
	has(text, "broken      why not");
	free(text);
	scene_close(&scene);
}

static int diff_text(const struct ring_image *a, const struct ring_image *b, char **text)
{
	size_t size;
	FILE *to = open_memstream(text, &size);
	int lines = ring_diff(to, a, b);

	fclose(to);
	return lines;
}

static void test_diff(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct ring_image other;
		struct scene scene;
		char *text;

		scene_open(&scene, form->features, SIZE);
		scene_take(&scene);
		other = scene.image;
		memset(&scene.image, 0, sizeof(scene.image));
		CHECK_EQ(diff_text(&other, &other, &text), 0);
		CHECK_EQ(strlen(text), 0);
		free(text);
		rig_send(&scene.rig, 0, 1, 48, 1);
		scene_take(&scene);
		CHECK(diff_text(&other, &scene.image, &text) > 0);
		has(text, "- available");
		has(text, "+ available");
		has(text, " 48 ");
		free(text);
		ring_image_free(&other);
		CHECK_EQ(ring_image_init(&other, "", form->features, 1), 0);
		CHECK(diff_text(&other, &scene.image, &text) > 0);
		has(text, "+ form");
		free(text);
		ring_image_free(&other);
		scene_close(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_packed_position),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
