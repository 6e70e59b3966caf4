// SPDX-License-Identifier: BSD-3-Clause
/*
 * A region table whose regions a front end describes: any addresses, sizes, offsets and files.
 *
 * Held for every input: what translates lies within a mapping that was accepted, whole, in order and
 * without overlap; a refused change changes nothing; a snapshot stays usable when its table goes on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtring/memory.h>

#include "fuzz.h"

#define STEPS 60u
#define FILE_BYTES 0x8000u
#define TABLE_REGIONS 6u
#define HELD 4u

struct run {
	struct fuzz fuzz;
	struct vr_mem_table *table;
	struct vr_mem *held[HELD];
	unsigned int held_count;
};

/* A file to map, one that is no file, and none; open for the whole process. */
static int some_fd(uint8_t which)
{
	static int files[3] = { -1, -1, -1 };

	if (files[0] < 0) {
		files[0] = memfd_create("virtring-fuzz", MFD_CLOEXEC);
		files[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
		FUZZ_CHECK(files[0] >= 0 && files[1] >= 0);
		FUZZ_CHECK(ftruncate(files[0], FILE_BYTES) == 0);
	}
	return files[which < 0xf0 ? 0 : which % 3];
}

/* Small numbers for the most part, so that regions touch and overlap. */
static uint64_t some_number(struct fuzz *fuzz)
{
	uint8_t how = fuzz_u8(fuzz);

	switch (how >> 5) {
	case 7:
		return fuzz_u64(fuzz);
	case 6:
		return 0 - (uint64_t)fuzz_u16(fuzz);
	case 5:
		return fuzz_u16(fuzz);
	default:
		return (uint64_t)(how & 0x1f) << 12;
	}
}

static struct vr_mem_region some_region(struct fuzz *fuzz)
{
	struct vr_mem_region region = {
		.guest_addr = some_number(fuzz),
		.size = some_number(fuzz),
		.user_addr = some_number(fuzz),
		.mmap_offset = some_number(fuzz),
		.fd = some_fd(fuzz_u8(fuzz)),
	};

	return region;
}

/* Every piece can be read, and all of them are as long as was asked. */
static void translate(struct run *run, const struct vr_mem *mem)
{
	struct vr_iovec pieces[TABLE_REGIONS];
	uint64_t addr = some_number(&run->fuzz);
	uint64_t len = some_number(&run->fuzz);
	uint64_t guest = 0, sum = 0;
	uint8_t *user;
	int count = vr_mem_translate(mem, addr, len, pieces, TABLE_REGIONS);

	FUZZ_CHECK(count != 0);
	for (int i = 0; i < count; i++) {
		const volatile uint8_t *bytes = pieces[i].base;

		FUZZ_CHECK(pieces[i].len > 0 && pieces[i].len <= FILE_BYTES);
		sum += pieces[i].len;
		(void)bytes[0];
		(void)bytes[pieces[i].len - 1];
	}
	FUZZ_CHECK(count < 0 || sum == len);
	FUZZ_CHECK(!vr_mem_guest_ptr(mem, addr, len) == (count != 1));
	user = len ? vr_mem_user_ptr(mem, addr, len, &guest) : NULL;
	if (user) {
		(void)*(const volatile uint8_t *)user;
		(void)*(const volatile uint8_t *)(user + len - 1);
		FUZZ_CHECK(vr_mem_guest_ptr(mem, guest, len) == user);
	}
}

static void check_sorted(struct run *run)
{
	struct vr_mem *mem = vr_mem_table_get(run->table);
	const struct vr_map *map = vr_mem_map(mem);

	FUZZ_CHECK(map->count == vr_mem_count(mem) && map->count <= TABLE_REGIONS);
	for (uint32_t i = 0; i < map->count; i++) {
		FUZZ_CHECK(map->ranges[i].size > 0);
		FUZZ_CHECK(map->ranges[i].addr <= UINT64_MAX - (map->ranges[i].size - 1));
		if (i)
			FUZZ_CHECK(map->ranges[i].addr - map->ranges[i - 1].addr >=
				   map->ranges[i - 1].size);
	}
	vr_mem_put(mem);
}

static void change(struct run *run, unsigned int how)
{
	uint64_t before = vr_mem_table_generation(run->table);
	struct vr_mem_reason reason = { "", 0 };
	struct vr_mem_region regions[3];
	unsigned int count = 1;
	int error;

	for (unsigned int i = 0; i < 3; i++)
		regions[i] = some_region(&run->fuzz);
	if (how == 0) {
		error = vr_mem_table_add(run->table, &regions[0], &reason);
	} else if (how == 1) {
		error = vr_mem_table_remove(run->table, regions[0].guest_addr, regions[0].user_addr,
					    regions[0].size);
	} else {
		count = fuzz_below(&run->fuzz, 4);
		error = vr_mem_table_replace(run->table, regions, count, &reason);
	}
	FUZZ_CHECK((error != 0) == (vr_mem_table_generation(run->table) == before));
	if (error && how != 1)
		FUZZ_CHECK(reason.text && reason.text[0] && (count == 0 || reason.region < count));
}

static void hold(struct run *run)
{
	if (run->held_count == HELD)
		vr_mem_put(run->held[--run->held_count]);
	else
		run->held[run->held_count++] = vr_mem_table_get(run->table);
}

static void step(struct run *run)
{
	unsigned int how = fuzz_below(&run->fuzz, 8);
	struct vr_mem *mem;

	if (how < 3) {
		change(run, how);
		check_sorted(run);
	} else if (how == 3) {
		hold(run);
	} else if (how == 4 && run->held_count) {
		translate(run, run->held[run->held_count - 1]);
	} else {
		mem = vr_mem_table_get(run->table);
		translate(run, mem);
		vr_mem_put(mem);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .fuzz = fuzz_begin(data, size) };

	FUZZ_CHECK(vr_mem_table_create(TABLE_REGIONS, &run.table) == 0);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	vr_mem_table_destroy(run.table);
	while (run.held_count) {
		translate(&run, run.held[run.held_count - 1]);
		vr_mem_put(run.held[--run.held_count]);
	}
	return 0;
}
