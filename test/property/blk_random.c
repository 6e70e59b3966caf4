// SPDX-License-Identifier: BSD-3-Clause
/*
 * Random requests, good and bad, cut at random, against the device half and a disk: each gets the
 * status that a short reading of the specification (5.2.6) gives it, and after each the file holds
 * what a model holds, also beside and behind what the device half is told to be the disk.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "../unit/blk_pair.h"
#include "random.h"

#define SECTORS 96u /* of the file */
#define ROUNDS 3000u
#define BUFFER 8192u
#define UNTOUCHED 0xe7u
#define NO_STATUS 0xeeu

/* What is told to be the disk, and the way the file is used. */
struct scene {
	uint64_t form;
	uint64_t capacity; /* what the device half believes; the file has SECTORS */
	uint32_t disk_flags;
	bool read_only;
};

/* A request as it lies in memory, and what it is to come to. */
struct asked {
	uint32_t type;
	uint64_t sector;
	uint32_t out_bytes; /* readable, the header included */
	uint32_t in_bytes; /* writable, the status included */
	struct vr_blk_range ranges[8];
	uint32_t range_count;
};

struct world {
	struct scene scene;
	struct random random;
	struct pair pair;
	struct vr_blk_device *device;
	struct vr_blk_disk *disk;
	uint8_t *out;
	uint8_t *in;
	uint8_t model[SECTORS * 512];
	uint32_t statuses[3];
};

static char path[] = "/var/tmp/virtring-blk-random.XXXXXX";

/* ---- what the specification says ---- */

static bool within(uint64_t end, uint64_t sector, uint64_t sectors)
{
	return sectors <= end && sector <= end - sectors;
}

static bool inside(const struct world *w, uint64_t sector, uint64_t sectors)
{
	uint64_t end = w->scene.capacity < SECTORS ? w->scene.capacity : SECTORS;

	return within(end, sector, sectors);
}

static unsigned int expect_data(const struct world *w, const struct asked *a, uint32_t bytes)
{
	if (bytes % 512)
		return VR_BLK_S_IOERR;
	/* Nothing at a place that the device half knows to be there reaches no disk. */
	if (bytes == 0)
		return a->sector <= w->scene.capacity ? VR_BLK_S_OK : VR_BLK_S_IOERR;
	return inside(w, a->sector, bytes / 512) ? VR_BLK_S_OK : VR_BLK_S_IOERR;
}

static unsigned int expect_ranges(const struct world *w, const struct asked *a)
{
	uint32_t count = (a->out_bytes - 16) / 16;
	uint32_t known = a->type == VR_BLK_T_WRITE_ZEROES ? VR_BLK_UNMAP : 0;

	if (w->scene.read_only || a->in_bytes != 1 || (a->out_bytes - 16) % 16 || count == 0 ||
	    count > disk_space.max_discard_seg)
		return VR_BLK_S_IOERR;
	for (uint32_t i = 0; i < count; i++) {
		if (a->ranges[i].flags & ~known)
			return VR_BLK_S_UNSUPP;
		if (a->ranges[i].sectors > disk_space.max_discard_sectors ||
		    !within(w->scene.capacity, a->ranges[i].sector, a->ranges[i].sectors))
			return VR_BLK_S_IOERR;
	}
	/* The disk has the last word, on what the device half let through. */
	for (uint32_t i = 0; i < count; i++)
		if (!inside(w, a->ranges[i].sector, a->ranges[i].sectors))
			return VR_BLK_S_IOERR;
	return VR_BLK_S_OK;
}

static unsigned int expect(const struct world *w, const struct asked *a)
{
	bool plain = a->out_bytes == 16;

	if (a->out_bytes < 16)
		return VR_BLK_S_IOERR;
	switch (a->type) {
	case VR_BLK_T_IN:
		return plain ? expect_data(w, a, a->in_bytes - 1) : VR_BLK_S_IOERR;
	case VR_BLK_T_OUT:
		return a->in_bytes == 1 && !w->scene.read_only ?
			       expect_data(w, a, a->out_bytes - 16) :
			       VR_BLK_S_IOERR;
	case VR_BLK_T_FLUSH:
		return plain && a->in_bytes == 1 ? VR_BLK_S_OK : VR_BLK_S_IOERR;
	case VR_BLK_T_GET_ID:
		return plain && a->in_bytes == 21 ? VR_BLK_S_OK : VR_BLK_S_IOERR;
	case VR_BLK_T_DISCARD:
	case VR_BLK_T_WRITE_ZEROES:
		return expect_ranges(w, a);
	default:
		return VR_BLK_S_UNSUPP;
	}
}

/* ---- requests ---- */

static uint64_t some_sector(struct world *w)
{
	switch (random_below(&w->random, 8)) {
	case 0:
		return UINT64_MAX - random_below(&w->random, 4);
	case 1:
		return (UINT64_MAX / 512) + random_below(&w->random, 4) - 2;
	case 2:
		return w->scene.capacity - random_below(&w->random, 4);
	default:
		return random_below(&w->random, SECTORS + 4);
	}
}

/* Mostly whole sectors. */
static uint32_t some_bytes(struct world *w)
{
	return random_chance(&w->random, 1, 8) ? random_below(&w->random, 4000) :
						 512 * random_below(&w->random, 9);
}

static void ask_ranges(struct world *w, struct asked *a)
{
	a->range_count = random_below(&w->random, 6);
	for (uint32_t i = 0; i < a->range_count; i++) {
		uint8_t *wire = w->out + 16 + (size_t)i * 16;

		a->ranges[i].sector = some_sector(w);
		a->ranges[i].sectors = random_chance(&w->random, 1, 8) ?
					       UINT32_MAX - random_below(&w->random, 2) :
					       random_below(&w->random, 20);
		a->ranges[i].flags = random_chance(&w->random, 1, 8) ?
					     1u << random_below(&w->random, 32) :
					     random_below(&w->random, 2);
		put64(wire, a->ranges[i].sector);
		put32(wire + 8, a->ranges[i].sectors);
		put32(wire + 12, a->ranges[i].flags);
	}
	a->out_bytes = 16 + 16 * a->range_count + (random_chance(&w->random, 1, 16) ? 5 : 0);
}

static void ask(struct world *w, struct asked *a)
{
	static const uint32_t types[] = { VR_BLK_T_IN,	    VR_BLK_T_OUT,	  VR_BLK_T_IN,
					  VR_BLK_T_OUT,	    VR_BLK_T_FLUSH,	  VR_BLK_T_GET_ID,
					  VR_BLK_T_DISCARD, VR_BLK_T_WRITE_ZEROES };

	for (uint32_t i = 0; i < BUFFER; i++)
		w->out[i] = (uint8_t)random_next(&w->random);
	memset(w->in, UNTOUCHED, BUFFER);
	*a = (struct asked){ .type = types[random_below(&w->random, 8)],
			     .sector = some_sector(w),
			     .out_bytes = 16,
			     .in_bytes = 1 };
	if (random_chance(&w->random, 1, 16))
		a->type = (uint32_t)random_next(&w->random) | 32;
	if (a->type == VR_BLK_T_IN)
		a->in_bytes += some_bytes(w);
	else if (a->type == VR_BLK_T_OUT)
		a->out_bytes += some_bytes(w);
	else if (a->type == VR_BLK_T_GET_ID)
		a->in_bytes += random_chance(&w->random, 1, 4) ? 19 : 20;
	else
		ask_ranges(w, a);
	if (a->type == VR_BLK_T_FLUSH)
		a->out_bytes = 16;
	/* A side that should have nothing more. */
	if (random_chance(&w->random, 1, 16))
		a->in_bytes += 512;
	if (random_chance(&w->random, 1, 16))
		a->out_bytes += 512;
	if (random_chance(&w->random, 1, 32))
		a->out_bytes = random_below(&w->random, 16);
	put_header(w->out, a->type, a->sector);
	w->in[a->in_bytes - 1] = NO_STATUS;
}

static uint16_t cut(struct world *w, struct vr_segment *segments, const uint8_t *data,
		    uint32_t bytes)
{
	uint64_t addr = pair_addr(&w->pair, data);
	uint16_t count = 0;

	while (bytes > 0) {
		uint32_t part = count == 6 ? bytes : 1 + random_below(&w->random, bytes);

		if (random_chance(&w->random, 1, 2) && bytes > 1 && count < 6)
			part = 1 + random_below(&w->random, bytes < 40 ? bytes : 40);
		segments[count++] = (struct vr_segment){ .addr = addr, .len = part };
		addr += part;
		bytes -= part;
	}
	return count;
}

/* ---- carrying out ---- */

static void carry_out(struct world *w, struct vr_blk_request *request)
{
	struct vr_blk_done done;

	assert_int_equal(vr_blk_disk_submit(w->disk, request), 0);
	for (int i = 0; i < 1000; i++) {
		struct pollfd fd = { .fd = vr_blk_disk_fd(w->disk), .events = POLLIN };

		assert_int_equal(vr_blk_disk_start(w->disk), 0);
		if (vr_blk_disk_reap(w->disk, &done, 1) == 1)
			break;
		assert_int_equal(vr_blk_disk_start(w->disk), 0);
		poll(&fd, 1, 100);
	}
	assert_int_equal(vr_blk_disk_busy(w->disk), 0);
	assert_int_equal(vr_blk_device_done(w->device, done.request, done.status), 0);
}

/* What a good request does to the model. */
static void apply(struct world *w, const struct asked *a)
{
	if (a->type == VR_BLK_T_OUT && a->out_bytes > 16)
		memcpy(w->model + a->sector * 512, w->out + 16, a->out_bytes - 16);
	for (uint32_t i = 0; i < a->range_count; i++)
		if (a->type == VR_BLK_T_DISCARD || a->type == VR_BLK_T_WRITE_ZEROES)
			memset(w->model + a->ranges[i].sector * 512, 0,
			       (size_t)a->ranges[i].sectors * 512);
}

static void check_file(const struct world *w)
{
	uint8_t found[SECTORS * 512 + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, found, sizeof(found)), SECTORS * 512);
	close(fd);
	assert_memory_equal(found, w->model, SECTORS * 512);
}

static void check_memory(const struct world *w, const struct asked *a, unsigned int status)
{
	bool whole = a->type == VR_BLK_T_IN && status == VR_BLK_S_OK && a->in_bytes > 1;

	if (whole)
		assert_memory_equal(w->in, w->model + a->sector * 512, a->in_bytes - 1);
	for (uint32_t i = a->in_bytes; i < BUFFER; i++)
		assert_int_equal(w->in[i], UNTOUCHED);
}

static void one(struct world *w)
{
	struct vr_segment segments[16];
	struct vr_blk_request *request;
	struct vr_used used;
	struct asked a;
	uint16_t readable, writable;
	unsigned int wanted;
	int got;

	ask(w, &a);
	wanted = expect(w, &a);
	readable = cut(w, segments, w->out, a.out_bytes);
	writable = cut(w, segments + readable, w->in, a.in_bytes);
	pair_add(&w->pair, segments, readable, writable);
	got = vr_blk_device_take(w->device, &request, 1);
	assert_in_range(got, 0, 1);
	if (got == 1)
		carry_out(w, request);
	assert_int_equal(vr_device_publish(w->pair.device, NULL), 1);
	assert_int_equal(vr_driver_get(w->pair.driver, &used, 1), 1);
	/* A file system need not know how to free blocks; then the answer says so. */
	if (a.type == VR_BLK_T_DISCARD && wanted == VR_BLK_S_OK &&
	    w->in[a.in_bytes - 1] == VR_BLK_S_UNSUPP)
		return;
	if (w->in[a.in_bytes - 1] != wanted)
		fail_msg("type %u, sector %#llx, %u + %u bytes: status %u instead of %u", a.type,
			 (unsigned long long)a.sector, a.out_bytes, a.in_bytes,
			 w->in[a.in_bytes - 1], wanted);
	if (wanted == VR_BLK_S_OK) {
		assert_int_equal(used.len, a.in_bytes);
		apply(w, &a);
	} else {
		assert_int_equal(used.len, a.in_bytes == 1 ? 1 : 0);
	}
	w->statuses[wanted]++;
	check_memory(w, &a, wanted);
}

static void open_disk(struct world *w)
{
	struct vr_blk_disk_config config = { .struct_size = sizeof(config), .path = path };

	config.flags = w->scene.disk_flags | (w->scene.read_only ? VR_BLK_DISK_READ_ONLY : 0);
	assert_int_equal(vr_blk_disk_open(&config, &w->disk), 0);
}

static void fill_file(struct world *w)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);

	for (size_t i = 0; i < sizeof(w->model); i++)
		w->model[i] = (uint8_t)random_next(&w->random);
	assert_int_equal(write(fd, w->model, sizeof(w->model)), sizeof(w->model));
	close(fd);
}

static void play(const struct scene *scene, uint64_t seed)
{
	static struct world w;
	struct vr_blk_space space = disk_space;
	struct vr_blk_device_config config = { .features = ALL_FEATURES,
					       .space = &space,
					       .read_only = scene->read_only };

	memset(&w, 0, sizeof(w));
	w.scene = *scene;
	space.capacity = scene->capacity;
	random_start(&w.random, seed);
	pair_open(&w.pair, scene->form);
	w.device = pair_blk_device(&w.pair, &config);
	w.out = pair_alloc(&w.pair, BUFFER);
	w.in = pair_alloc(&w.pair, BUFFER);
	fill_file(&w);
	open_disk(&w);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		one(&w);
		if (i % 16 == 0)
			check_file(&w);
	}
	check_file(&w);
	/* The mixture has something of everything. */
	for (unsigned int i = 0; i < 3; i++)
		assert_true(w.statuses[i] > ROUNDS / 50);
	vr_blk_disk_close(w.disk);
	pair_close(&w.pair);
}

static void test_random(void **state)
{
	static const struct scene scenes[] = {
		{ .capacity = 64 },
		{ .capacity = 64, .disk_flags = VR_BLK_DISK_PLAIN },
		/* The disk is smaller than the device half was told. */
		{ .capacity = 1000 },
		{ .capacity = 64, .read_only = true },
	};
	uint64_t seed = random_seed(20261122);

	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
			struct scene scene = scenes[i];

			scene.form = pair_forms[form];
			play(&scene, seed + form * 16 + i);
		}
	}
}

static int make_file(void **state)
{
	int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
