// SPDX-License-Identifier: BSD-3-Clause
/* The region table: what it refuses, what it finds, and that snapshots outlive changes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/memory.h>

#define PAGE 4096u

static int make_file(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static struct vr_mem_table *make_table(uint32_t max)
{
	struct vr_mem_table *table;

	assert_int_equal(vr_mem_table_create(max, &table), 0);
	return table;
}

static int add(struct vr_mem_table *table, uint64_t guest, uint64_t size, uint64_t user,
	       uint64_t offset, int fd)
{
	const struct vr_mem_region region = { guest, size, user, offset, fd };
	struct vr_mem_reason reason = { 0 };
	int ret = vr_mem_table_add(table, &region, &reason);

	/* A refusal always says why, a success never. */
	assert_int_equal(ret != 0, reason.text != NULL);
	return ret;
}

static uint32_t count_regions(struct vr_mem_table *table)
{
	struct vr_mem *mem = vr_mem_table_get(table);
	uint32_t count = vr_mem_count(mem);

	vr_mem_put(mem);
	return count;
}

static void table_limits(void **state)
{
	struct vr_mem_table *table;

	(void)state;
	assert_int_equal(vr_mem_table_create(0, &table), -EINVAL);
	assert_int_equal(vr_mem_table_create(VR_MEM_MAX_REGIONS + 1, &table), -EINVAL);
	vr_mem_table_destroy(NULL);
	vr_mem_put(NULL);
}

static void refuses_bad_numbers(void **state)
{
	struct vr_mem_table *table = make_table(8);
	int fd = make_file(16 * PAGE);

	(void)state;
	assert_int_equal(add(table, 0, 0, 0, 0, fd), -EINVAL);
	assert_int_equal(add(table, UINT64_MAX - PAGE + 1, PAGE, 0, 0, fd), -EINVAL);
	assert_int_equal(add(table, 0, PAGE, UINT64_MAX - 1, 0, fd), -EINVAL);
	assert_int_equal(add(table, 0, PAGE, 0, UINT64_MAX - PAGE + 1, fd), -EINVAL);
	assert_int_equal(add(table, 0, UINT64_MAX, 0, 0, fd), -EINVAL);
	assert_int_equal(add(table, 0, PAGE, 0, INT64_MAX, fd), -EINVAL);
	/* One byte more than the file holds. */
	assert_int_equal(add(table, 0, 16 * PAGE + 1, 0, 0, fd), -EINVAL);
	assert_int_equal(add(table, 0, 16 * PAGE, 0, 1, fd), -EINVAL);
	assert_int_equal(count_regions(table), 0);
	assert_int_equal(add(table, 0, 16 * PAGE, 0, 0, fd), 0);
	assert_int_equal(count_regions(table), 1);
	close(fd);
	vr_mem_table_destroy(table);
}

static void refuses_what_is_no_file(void **state)
{
	struct vr_mem_table *table = make_table(8);
	int pipes[2], fd;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(add(table, 0, PAGE, 0, 0, pipes[0]), -EINVAL);
	assert_int_equal(add(table, 0, PAGE, 0, 0, -1), -EBADF);
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(add(table, 0, PAGE, 0, 0, fd), -EINVAL);
	close(fd);
	/* Readable only: mapping it for writing is refused by the system. */
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(add(table, 0, PAGE, 0, 0, fd), -EACCES);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	vr_mem_table_destroy(table);
}

static void refuses_overlap_in_either_space(void **state)
{
	struct vr_mem_table *table = make_table(8);
	int fd = make_file(4 * PAGE);

	(void)state;
	assert_int_equal(add(table, 0x10000, 2 * PAGE, 0x50000, 0, fd), 0);
	assert_int_equal(add(table, 0x10000, PAGE, 0x90000, 0, fd), -EEXIST);
	assert_int_equal(add(table, 0x10000 + 2 * PAGE - 1, PAGE, 0x90000, 0, fd), -EEXIST);
	assert_int_equal(add(table, 0x10000 - PAGE + 1, PAGE, 0x90000, 0, fd), -EEXIST);
	assert_int_equal(add(table, 0xf000, 4 * PAGE, 0x90000, 0, fd), -EEXIST);
	assert_int_equal(add(table, 0x90000, PAGE, 0x50000 + PAGE, 0, fd), -EEXIST);
	/* Neighbours on both sides are fine. */
	assert_int_equal(add(table, 0x10000 + 2 * PAGE, PAGE, 0x50000 + 2 * PAGE, 0, fd), 0);
	assert_int_equal(add(table, 0x10000 - PAGE, PAGE, 0x50000 - PAGE, 0, fd), 0);
	assert_int_equal(count_regions(table), 3);
	close(fd);
	vr_mem_table_destroy(table);
}

/* QEMU 7.2 with several queue pairs. */
static void counts_the_same_region(void **state)
{
	struct vr_mem_table *table = make_table(1);
	int fd = make_file(4 * PAGE);
	int other = make_file(4 * PAGE);
	int copy = dup(fd);

	(void)state;
	assert_int_equal(add(table, 0x10000, PAGE, 0x50000, PAGE, fd), 0);
	/* By another descriptor, and though no slot is free. */
	assert_int_equal(add(table, 0x10000, PAGE, 0x50000, PAGE, copy), 0);
	assert_int_equal(count_regions(table), 1);
	/* Another file or another piece of it would be another memory at the same address. */
	assert_int_equal(add(table, 0x10000, PAGE, 0x50000, PAGE, other), -ENOSPC);
	assert_int_equal(add(table, 0x10000, PAGE, 0x50000, 0, fd), -ENOSPC);
	assert_int_equal(vr_mem_table_remove(table, 0x10000, 0x50000, PAGE), 0);
	assert_int_equal(count_regions(table), 1);
	assert_int_equal(vr_mem_table_remove(table, 0x10000, 0x50000, PAGE), 0);
	assert_int_equal(count_regions(table), 0);
	assert_int_equal(vr_mem_table_remove(table, 0x10000, 0x50000, PAGE), -ENOENT);
	/* A new table has never had it. */
	assert_int_equal(add(table, 0x10000, PAGE, 0x50000, PAGE, fd), 0);
	assert_int_equal(add(table, 0x10000, PAGE, 0x50000, PAGE, fd), 0);
	assert_int_equal(vr_mem_table_replace(table, NULL, 0, NULL), 0);
	assert_int_equal(count_regions(table), 0);
	close(fd);
	close(copy);
	close(other);
	vr_mem_table_destroy(table);
}

static void removes_by_three_numbers(void **state)
{
	struct vr_mem_table *table = make_table(2);
	int fd = make_file(2 * PAGE);

	(void)state;
	assert_int_equal(add(table, 0x1000, PAGE, 0x5000, 0, fd), 0);
	assert_int_equal(add(table, 0x2000, PAGE, 0x6000, PAGE, fd), 0);
	assert_int_equal(add(table, 0x3000, PAGE, 0x7000, 0, fd), -ENOSPC);
	assert_int_equal(vr_mem_table_remove(table, 0x1000, 0x6000, PAGE), -ENOENT);
	assert_int_equal(vr_mem_table_remove(table, 0x2000, 0x5000, PAGE), -ENOENT);
	assert_int_equal(vr_mem_table_remove(table, 0x1000, 0x5000, 2 * PAGE), -ENOENT);
	assert_int_equal(vr_mem_table_remove(table, 0x1000, 0x5000, PAGE), 0);
	assert_int_equal(vr_mem_table_remove(table, 0x1000, 0x5000, PAGE), -ENOENT);
	assert_int_equal(count_regions(table), 1);
	close(fd);
	vr_mem_table_destroy(table);
}

static void replace_is_all_or_nothing(void **state)
{
	struct vr_mem_table *table = make_table(4);
	struct vr_mem_reason reason;
	int fd = make_file(4 * PAGE);
	struct vr_mem_region regions[5] = {
		{ 0x1000, PAGE, 0x10000, 0, fd }, { 0x2000, PAGE, 0x20000, 0, fd },
		{ 0x2fff, PAGE, 0x30000, 0, fd }, { 0x8000, PAGE, 0x80000, 0, fd },
		{ 0x9000, PAGE, 0x90000, 0, fd },
	};
	uint64_t before;

	(void)state;
	assert_int_equal(add(table, 0x100000, PAGE, 0x100000, 0, fd), 0);
	before = vr_mem_table_generation(table);
	assert_int_equal(vr_mem_table_replace(table, regions, 4, &reason), -EEXIST);
	assert_int_equal(reason.region, 2);
	assert_int_equal(vr_mem_table_replace(table, regions, 5, &reason), -ENOSPC);
	assert_int_equal(vr_mem_table_generation(table), before);
	assert_int_equal(count_regions(table), 1);
	regions[2].guest_addr = 0x3000;
	assert_int_equal(vr_mem_table_replace(table, regions, 4, NULL), 0);
	assert_int_equal(vr_mem_table_generation(table), before + 1);
	assert_int_equal(count_regions(table), 4);
	assert_int_equal(vr_mem_table_replace(table, NULL, 0, NULL), 0);
	assert_int_equal(count_regions(table), 0);
	close(fd);
	vr_mem_table_destroy(table);
}

static void offset_need_not_be_a_page(void **state)
{
	struct vr_mem_table *table = make_table(1);
	int fd = make_file(4 * PAGE);
	struct vr_mem *mem;
	char *at, last;

	(void)state;
	assert_int_equal(pwrite(fd, "here", 4, PAGE + 123), 4);
	assert_int_equal(add(table, 0x7000, 2 * PAGE, 0x1234, PAGE + 123, fd), 0);
	mem = vr_mem_table_get(table);
	at = vr_mem_guest_ptr(mem, 0x7000, 2 * PAGE);
	assert_non_null(at);
	assert_memory_equal(at, "here", 4);
	assert_ptr_equal(vr_mem_user_ptr(mem, 0x1234, 4, NULL), at);
	/* Two pages of data lie in three of the file: the last one is mapped too. */
	at[2 * PAGE - 1] = 'z';
	assert_int_equal(pread(fd, &last, 1, PAGE + 123 + 2 * PAGE - 1), 1);
	assert_int_equal(last, 'z');
	close(fd);
	vr_mem_put(mem);
	vr_mem_table_destroy(table);
}

static void translates_over_neighbours(void **state)
{
	struct vr_mem_table *table = make_table(8);
	int fd = make_file(8 * PAGE);
	struct vr_iovec iov[3];
	struct vr_mem *mem;

	(void)state;
	/* Added in no order; 0x1000 and 0x2000 are neighbours for the guest, not in the file. */
	assert_int_equal(add(table, 0x2000, PAGE, 0xa000, 0, fd), 0);
	assert_int_equal(add(table, 0x8000, PAGE, 0xf000, 6 * PAGE, fd), 0);
	assert_int_equal(add(table, 0x1000, PAGE, 0xc000, 4 * PAGE, fd), 0);
	mem = vr_mem_table_get(table);
	assert_int_equal(vr_mem_translate(mem, 0x1800, PAGE, iov, 3), 2);
	assert_int_equal(iov[0].len, 0x800);
	assert_int_equal(iov[1].len, 0x800);
	assert_ptr_equal(iov[0].base, vr_mem_user_ptr(mem, 0xc800, 1, NULL));
	assert_ptr_equal(iov[1].base, vr_mem_user_ptr(mem, 0xa000, 1, NULL));
	assert_int_equal(vr_mem_translate(mem, 0x1000, 2 * PAGE, iov, 3), 2);
	assert_int_equal(vr_mem_translate(mem, 0x2000, PAGE, iov, 1), 1);
	assert_int_equal(vr_mem_translate(mem, 0x1800, PAGE, iov, 1), -ENOSPC);
	assert_int_equal(vr_mem_translate(mem, 0x1800, 0, iov, 3), -EINVAL);
	assert_int_equal(vr_mem_translate(mem, 0xfff, 1, iov, 3), -EFAULT);
	assert_int_equal(vr_mem_translate(mem, 0x2800, PAGE, iov, 3), -EFAULT);
	assert_int_equal(vr_mem_translate(mem, 0x8000, PAGE + 1, iov, 3), -EFAULT);
	assert_int_equal(vr_mem_translate(mem, 0x9000, 1, iov, 3), -EFAULT);
	assert_int_equal(vr_mem_translate(mem, 0x1000, UINT64_MAX, iov, 3), -EFAULT);
	assert_int_equal(vr_mem_translate(mem, UINT64_MAX, 2, iov, 3), -EFAULT);
	/* Within one region only. */
	assert_null(vr_mem_guest_ptr(mem, 0x1800, PAGE));
	assert_null(vr_mem_guest_ptr(mem, 0x1800, 0));
	assert_null(vr_mem_guest_ptr(mem, 0x1800, UINT64_MAX));
	vr_mem_put(mem);
	vr_mem_table_destroy(table);
	close(fd);
}

static void user_addresses_are_opaque(void **state)
{
	struct vr_mem_table *table = make_table(2);
	int fd = make_file(PAGE);
	uint64_t guest = 0;
	struct vr_mem *mem;

	(void)state;
	assert_int_equal(add(table, 0x1000, PAGE, 0xfffffffffff00000, 0, fd), 0);
	mem = vr_mem_table_get(table);
	assert_non_null(vr_mem_user_ptr(mem, 0xfffffffffff00010, 16, &guest));
	assert_int_equal(guest, 0x1010);
	assert_null(vr_mem_user_ptr(mem, 0xfffffffffff00010, PAGE, NULL));
	assert_null(vr_mem_user_ptr(mem, 0xfffffffffff00010, UINT64_MAX, NULL));
	assert_null(vr_mem_user_ptr(mem, 0xfffffffffff00010, 0, NULL));
	assert_null(vr_mem_user_ptr(mem, 0x1000, 16, NULL));
	assert_null(vr_mem_user_ptr(mem, 0xfffffffffff01000, 1, NULL));
	vr_mem_put(mem);
	vr_mem_table_destroy(table);
	close(fd);
}

static void map_is_sorted_for_the_ring(void **state)
{
	struct vr_mem_table *table = make_table(VR_MEM_MAX_REGIONS);
	int fd = make_file(PAGE);
	const struct vr_map *map;
	struct vr_mem *mem;
	uint32_t i;

	(void)state;
	/* 509 regions, in an order that is neither up nor down. */
	for (i = 0; i < 509; i++) {
		uint64_t at = (uint64_t)(i * 211 % 509) * 2 * PAGE;

		assert_int_equal(add(table, at, PAGE, at + PAGE, 0, fd), 0);
	}
	mem = vr_mem_table_get(table);
	map = vr_mem_map(mem);
	assert_int_equal(map->count, 509);
	for (i = 0; i < 509; i++) {
		assert_int_equal(map->ranges[i].addr, (uint64_t)i * 2 * PAGE);
		assert_int_equal(map->ranges[i].access, VR_ACCESS_READ | VR_ACCESS_WRITE);
		assert_ptr_equal((void *)map->ranges[i].base,
				 vr_mem_guest_ptr(mem, (uint64_t)i * 2 * PAGE, PAGE));
	}
	vr_mem_put(mem);
	vr_mem_table_destroy(table);
	close(fd);
}

static void snapshot_outlives_change_and_table(void **state)
{
	struct vr_mem_table *table = make_table(2);
	int fd = make_file(PAGE);
	struct vr_mem *old, *now;
	char *at;

	(void)state;
	assert_int_equal(add(table, 0, PAGE, 0, 0, fd), 0);
	old = vr_mem_table_get(table);
	at = vr_mem_guest_ptr(old, 0, PAGE);
	assert_int_equal(vr_mem_table_remove(table, 0, 0, PAGE), 0);
	now = vr_mem_table_get(table);
	assert_int_equal(vr_mem_count(now), 0);
	assert_true(vr_mem_generation(now) > vr_mem_generation(old));
	vr_mem_put(now);
	vr_mem_table_destroy(table);
	strcpy(at, "still mapped");
	assert_int_equal(pread(fd, at + 100, 13, 0), 13);
	assert_string_equal(at + 100, "still mapped");
	assert_ptr_equal(vr_mem_ref(old), old);
	vr_mem_put(old);
	vr_mem_put(old);
	close(fd);
}

struct reader {
	struct vr_mem_table *table;
	atomic_bool stop;
	unsigned long rounds;
};

/* Each snapshot is whole: the region that it names can be touched as long as it is held. */
static void *read_snapshots(void *arg)
{
	struct reader *reader = arg;

	while (!atomic_load(&reader->stop)) {
		struct vr_mem *mem = vr_mem_table_get(reader->table);

		if (vr_mem_count(mem)) {
			uint64_t addr = vr_mem_map(mem)->ranges[0].addr;
			unsigned char *at = vr_mem_guest_ptr(mem, addr, PAGE);

			reader->rounds += *at == 0;
		}
		vr_mem_put(mem);
	}
	return NULL;
}

static void readers_run_beside_changes(void **state)
{
	struct reader reader = { .table = make_table(2) };
	int fd = make_file(PAGE), i;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, read_snapshots, &reader), 0);
	for (i = 0; i < 3000; i++) {
		uint64_t at = (uint64_t)(i + 1) * PAGE;

		assert_int_equal(add(reader.table, at, PAGE, at, 0, fd), 0);
		if (i % 3 == 0)
			sched_yield();
		assert_int_equal(vr_mem_table_remove(reader.table, at, at, PAGE), 0);
	}
	atomic_store(&reader.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(vr_mem_table_generation(reader.table), 6000);
	vr_mem_table_destroy(reader.table);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_limits),
		cmocka_unit_test(refuses_bad_numbers),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(refuses_overlap_in_either_space),
		cmocka_unit_test(counts_the_same_region),
		cmocka_unit_test(removes_by_three_numbers),
		cmocka_unit_test(replace_is_all_or_nothing),
		cmocka_unit_test(offset_need_not_be_a_page),
		cmocka_unit_test(translates_over_neighbours),
		cmocka_unit_test(user_addresses_are_opaque),
		cmocka_unit_test(map_is_sorted_for_the_ring),
		cmocka_unit_test(snapshot_outlives_change_and_table),
		cmocka_unit_test(readers_run_beside_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
