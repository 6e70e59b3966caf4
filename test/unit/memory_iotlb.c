// SPDX-License-Identifier: BSD-3-Clause
/* The cache of translations: what it holds, what it drops, what it finds. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/iotlb.h"

#define PAGE 4096u
#define USER 0x7f0000000000ull
#define RW (VR_ACCESS_READ | VR_ACCESS_WRITE)

/* Two regions of four pages whose user addresses are adjacent; in host memory they need not be. */
static struct vr_mem *make_memory(struct vr_mem_table **table, uint64_t guest)
{
	const int fd = memfd_create("memory", MFD_CLOEXEC);
	const struct vr_mem_region regions[] = {
		{ guest, 4 * PAGE, USER, 8 * PAGE, fd },
		{ guest + 0x100000, 4 * PAGE, USER + 4 * PAGE, 0, fd },
	};

	assert_int_equal(ftruncate(fd, 12 * PAGE), 0);
	assert_int_equal(vr_mem_table_create(4, table), 0);
	assert_int_equal(vr_mem_table_replace(*table, regions, 2, NULL), 0);
	close(fd);
	return vr_mem_table_get(*table);
}

struct fixture {
	struct vr_mem_table *table;
	struct vr_mem *mem;
	struct mem_iotlb *iotlb;
};

static void setup(struct fixture *f, uint32_t max)
{
	f->mem = make_memory(&f->table, 0x5000);
	assert_int_equal(vri_iotlb_create(max, &f->iotlb), 0);
}

static void teardown(struct fixture *f)
{
	vri_iotlb_destroy(f->iotlb);
	vr_mem_put(f->mem);
	vr_mem_table_destroy(f->table);
}

static int put(struct fixture *f, uint64_t iova, uint64_t size, uint64_t user, uint32_t access)
{
	return vri_iotlb_update(f->iotlb, f->mem, iova, size, USER + user, access);
}

static uintptr_t host(const struct fixture *f, uint64_t user)
{
	return (uintptr_t)vr_mem_user_ptr(f->mem, USER + user, 1, NULL);
}

/* Where the cache says that @iova is; 0: nowhere. */
static uintptr_t where(const struct fixture *f, uint64_t iova)
{
	struct vr_map_range range;

	if (vri_iotlb_find(f->iotlb, iova, &range))
		return 0;
	assert_true(iova - range.addr < range.size);
	return range.base + (uintptr_t)(iova - range.addr);
}

static void finds_what_it_holds(void **state)
{
	struct fixture f;
	int i;

	(void)state;
	setup(&f, 16);
	assert_int_equal(where(&f, 0), 0);
	/* In no order. */
	for (i = 0; i < 4; i++)
		assert_int_equal(put(&f, (uint64_t)(i * 3 % 4) * 2 * PAGE, PAGE,
				     (uint64_t)(i * 3 % 4) * PAGE, RW),
				 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(where(&f, (uint64_t)i * 2 * PAGE), host(&f, (uint64_t)i * PAGE));
		assert_int_equal(where(&f, (uint64_t)i * 2 * PAGE + PAGE - 1),
				 host(&f, (uint64_t)i * PAGE + PAGE - 1));
		assert_int_equal(where(&f, (uint64_t)i * 2 * PAGE + PAGE), 0);
	}
	/* The ends of the address space. */
	assert_int_equal(put(&f, UINT64_MAX - PAGE + 1, PAGE, PAGE, RW), 0);
	assert_int_equal(where(&f, UINT64_MAX), host(&f, 2 * PAGE - 1));
	assert_int_equal(where(&f, UINT64_MAX - PAGE), 0);
	teardown(&f);
}

static void refuses(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 16);
	assert_int_equal(put(&f, 0, 0, 0, RW), -EINVAL);
	assert_int_equal(put(&f, 0, PAGE, 0, 0), -EINVAL);
	assert_int_equal(put(&f, 0, PAGE, 0, 4), -EINVAL);
	assert_int_equal(put(&f, 2, UINT64_MAX, 0, RW), -EINVAL);
	assert_int_equal(put(&f, 0, PAGE, UINT64_MAX - USER, RW), -EINVAL);
	assert_int_equal(put(&f, 0, PAGE, 8 * PAGE, RW), -EFAULT);
	/* Not all of it: then none of it. */
	assert_int_equal(put(&f, 0, 2 * PAGE, 7 * PAGE, RW), -EFAULT);
	assert_int_equal(where(&f, 0), 0);
	assert_int_equal(vri_iotlb_update(f.iotlb, f.mem, 0, PAGE, USER - 1, RW), -EFAULT);
	teardown(&f);
}

static void pieces_of_two_regions(void **state)
{
	struct fixture f;
	uint64_t at;
	void *ptr;
	bool joined;

	(void)state;
	setup(&f, 16);
	assert_int_equal(put(&f, 0x10000, 8 * PAGE, 0, VR_ACCESS_READ), 0);
	assert_int_equal(where(&f, 0x10000 + 3 * PAGE), host(&f, 3 * PAGE));
	assert_int_equal(where(&f, 0x10000 + 5 * PAGE), host(&f, 5 * PAGE));
	at = 0x10000;
	assert_int_equal(vri_iotlb_ptr(f.iotlb, &at, 4 * PAGE, VR_ACCESS_READ, &ptr), 0);
	assert_int_equal((uintptr_t)ptr, host(&f, 0));
	/* The system may have put one right behind the other, as it does under valgrind. */
	joined = host(&f, 4 * PAGE) == host(&f, 0) + 4 * PAGE;
	at = 0x10000;
	assert_int_equal(vri_iotlb_ptr(f.iotlb, &at, 5 * PAGE, VR_ACCESS_READ, &ptr),
			 joined ? 0 : -EFAULT);
	at = 0x10000;
	assert_int_equal(vri_iotlb_ptr(f.iotlb, &at, 16, VR_ACCESS_WRITE, &ptr), -EACCES);
	at = 0x10000 + 7 * PAGE;
	assert_int_equal(vri_iotlb_ptr(f.iotlb, &at, PAGE + 1, VR_ACCESS_READ, &ptr), -ENOENT);
	assert_int_equal(at, 0x10000 + 8 * PAGE);
	/* Pages that happen to be one piece in the host's memory, too. */
	assert_int_equal(put(&f, 0x40000, PAGE, PAGE, RW), 0);
	assert_int_equal(put(&f, 0x41000, PAGE, 2 * PAGE, RW), 0);
	at = 0x40010;
	assert_int_equal(vri_iotlb_ptr(f.iotlb, &at, PAGE, RW, &ptr), 0);
	assert_int_equal((uintptr_t)ptr, host(&f, PAGE + 16));
	teardown(&f);
}

static void drops_what_overlaps(void **state)
{
	struct fixture f;
	uint64_t i;

	(void)state;
	setup(&f, 16);
	for (i = 0; i < 4; i++)
		assert_int_equal(put(&f, i * PAGE, PAGE, i * PAGE, RW), 0);
	assert_true(vri_iotlb_in_use(f.iotlb, PAGE, 1));
	assert_false(vri_iotlb_in_use(f.iotlb, 4 * PAGE, 100 * PAGE));
	vri_iotlb_invalidate(f.iotlb, 2 * PAGE - 1, 2);
	assert_int_not_equal(where(&f, 0), 0);
	assert_int_equal(where(&f, PAGE), 0);
	assert_int_equal(where(&f, 2 * PAGE), 0);
	assert_int_not_equal(where(&f, 3 * PAGE), 0);
	/* A new one in the place of old ones. */
	assert_int_equal(put(&f, 0, 4 * PAGE, 4 * PAGE, RW), 0);
	assert_int_equal(where(&f, 3 * PAGE), host(&f, 7 * PAGE));
	vri_iotlb_invalidate(f.iotlb, 0, UINT64_MAX);
	assert_int_equal(where(&f, 0), 0);
	teardown(&f);
}

/* A full cache drops something, and knows that it may be in use. */
static void bounded(void **state)
{
	struct fixture f;
	uint64_t i;
	int held = 0;

	(void)state;
	setup(&f, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(put(&f, i * PAGE, PAGE, 0, RW), 0);
	assert_false(vri_iotlb_in_use(f.iotlb, 100 * PAGE, 1));
	for (; i < 50; i++) {
		assert_int_equal(put(&f, i * PAGE, PAGE, 0, RW), 0);
		assert_int_not_equal(where(&f, i * PAGE), 0);
	}
	assert_true(vri_iotlb_in_use(f.iotlb, 100 * PAGE, 1));
	vri_iotlb_rested(f.iotlb);
	assert_false(vri_iotlb_in_use(f.iotlb, 100 * PAGE, 1));
	for (i = 0; i < 50; i++)
		held += where(&f, i * PAGE) != 0;
	assert_int_equal(held, 3);
	teardown(&f);
}

static void follows_the_memory(void **state)
{
	struct vr_mem_table *table;
	struct fixture f;

	(void)state;
	setup(&f, 16);
	assert_int_equal(put(&f, 0, PAGE, 0, RW), 0);
	assert_int_equal(put(&f, PAGE, PAGE, 5 * PAGE, RW), 0);
	vr_mem_put(f.mem);
	f.mem = make_memory(&table, 0x900000);
	vr_mem_table_destroy(f.table);
	f.table = table;
	vri_iotlb_rebase(f.iotlb, f.mem);
	assert_int_equal(where(&f, 0), host(&f, 0));
	assert_int_equal(where(&f, PAGE), host(&f, 5 * PAGE));
	/* One region goes, and what led to it. */
	assert_int_equal(vr_mem_table_remove(f.table, 0x900000, USER, 4 * PAGE), 0);
	vr_mem_put(f.mem);
	f.mem = vr_mem_table_get(f.table);
	vri_iotlb_rebase(f.iotlb, f.mem);
	assert_int_equal(where(&f, 0), 0);
	assert_int_equal(where(&f, PAGE), host(&f, 5 * PAGE));
	teardown(&f);
}

static int never(const struct vr_map *map, uint64_t addr, uint32_t access,
		 struct vr_map_range *range)
{
	(void)addr;
	(void)access;
	(void)range;
	return *(int *)map->context;
}

/* A view asks, keeps the memory alive, and knows as much of the user addresses. */
static void views(void **state)
{
	struct vr_map_range range;
	struct vr_mem *view;
	struct fixture f;
	int answer = 77;

	(void)state;
	setup(&f, 1);
	view = vri_mem_view(f.mem, never, &answer);
	assert_non_null(view);
	assert_int_equal(vr_mem_map(view)->count, 0);
	assert_int_equal(vr_mem_map(view)->miss(vr_mem_map(view), 1, 1, &range), 77);
	assert_int_equal(vr_mem_count(view), 2);
	assert_int_equal(vr_mem_generation(view), vr_mem_generation(f.mem));
	assert_false(vr_mem_lost(view));
	assert_null(vr_mem_guest_ptr(view, 0x5000, 1));
	vr_mem_put(f.mem);
	vr_mem_table_destroy(f.table);
	f.mem = view;
	f.table = NULL;
	*(volatile char *)host(&f, 7 * PAGE) = 1;
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_it_holds),
		cmocka_unit_test(refuses),
		cmocka_unit_test(pieces_of_two_regions),
		cmocka_unit_test(drops_what_overlaps),
		cmocka_unit_test(bounded),
		cmocka_unit_test(follows_the_memory),
		cmocka_unit_test(views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
