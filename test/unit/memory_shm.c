// SPDX-License-Identifier: BSD-3-Clause
/* Memory of a front end, its pieces and its seals; copies in and out of scattered buffers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/memory.h>

static struct vr_shm_config config_of(uint64_t size, uint32_t flags)
{
	return (struct vr_shm_config){
		.struct_size = sizeof(struct vr_shm_config),
		.flags = flags,
		.size = size,
		.guest_addr = 0x40000000,
	};
}

static void refuses_bad_config(void **state)
{
	struct vr_shm_config config = config_of(0, 0);
	struct vr_shm *shm;

	(void)state;
	assert_int_equal(vr_shm_create(&config, &shm), -EINVAL);
	config = config_of(4096, 1u << 31);
	assert_int_equal(vr_shm_create(&config, &shm), -EINVAL);
	config = config_of(UINT64_MAX, 0);
	assert_int_equal(vr_shm_create(&config, &shm), -EINVAL);
	config = config_of(4096, 0);
	config.guest_addr = 1;
	assert_int_equal(vr_shm_create(&config, &shm), -EINVAL);
	config.guest_addr = UINT64_MAX - 4095;
	assert_int_equal(vr_shm_create(&config, &shm), -EINVAL);
	config = config_of(4096, 0);
	config.struct_size--;
	assert_int_equal(vr_shm_create(&config, &shm), -EINVAL);
	vr_shm_destroy(NULL);
}

static void cannot_be_resized(void **state)
{
	const struct vr_shm_config config = config_of(10000, VR_SHM_POPULATE);
	struct vr_mem_region region;
	struct vr_shm_info info;
	struct vr_shm *shm;

	(void)state;
	assert_int_equal(vr_shm_create(&config, &shm), 0);
	vr_shm_info(shm, &info);
	assert_int_equal(info.size, 12288);
	assert_int_equal(info.free, 12288);
	assert_int_equal(info.page_size, 4096);
	assert_int_equal(info.huge_error, 0);
	vr_shm_region(shm, &region);
	assert_int_equal(region.size, 12288);
	assert_int_equal(region.guest_addr, 0x40000000);
	assert_int_equal(ftruncate(region.fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(region.fd, 1 << 20), -1);
	assert_int_equal(fcntl(region.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(fcntl(region.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	vr_shm_destroy(shm);
}

static void gives_out_pieces(void **state)
{
	const struct vr_shm_config config = config_of(8192, 0);
	struct vr_shm_info info;
	struct vr_shm *shm;
	unsigned char *a, *b;

	(void)state;
	assert_int_equal(vr_shm_create(&config, &shm), 0);
	a = vr_shm_alloc(shm, 3, 1);
	b = vr_shm_alloc(shm, 100, 64);
	assert_non_null(a);
	assert_ptr_equal(b, a + 64);
	assert_int_equal(vr_shm_addr(shm, a), 0x40000000);
	assert_int_equal(vr_shm_addr(shm, b + 99), 0x40000000 + 163);
	assert_int_equal(vr_shm_addr(shm, a + 8192), UINT64_MAX);
	assert_int_equal(vr_shm_addr(shm, a - 1), UINT64_MAX);
	assert_ptr_equal(vr_shm_ptr(shm, 0x40000000 + 64, 8192 - 64), b);
	assert_null(vr_shm_ptr(shm, 0x40000000 + 64, 8192 - 63));
	assert_null(vr_shm_ptr(shm, 0x40000000 + 64, 0));
	assert_null(vr_shm_ptr(shm, 0x3fffffff, 2));
	assert_null(vr_shm_ptr(shm, 0x40000000 + 8192, 1));
	assert_null(vr_shm_alloc(shm, 0, 1));
	assert_null(vr_shm_alloc(shm, 1, 0));
	assert_null(vr_shm_alloc(shm, 1, 3));
	assert_null(vr_shm_alloc(shm, 1, 8192));
	assert_null(vr_shm_alloc(shm, 8192, 1));
	assert_null(vr_shm_alloc(shm, UINT64_MAX, 1));
	assert_non_null(vr_shm_alloc(shm, 4096, 4096));
	assert_null(vr_shm_alloc(shm, 1, 1));
	vr_shm_info(shm, &info);
	assert_int_equal(info.free, 0);
	vr_shm_reset(shm);
	assert_ptr_equal(vr_shm_alloc(shm, 8192, 4096), a);
	vr_shm_destroy(shm);
}

/* Either there are huge pages, or the reason is told and normal ones are used. */
static void huge_pages_or_a_reason(void **state)
{
	struct vr_shm_config config = config_of(1, VR_SHM_HUGE);
	struct vr_shm_info info;
	struct vr_shm *shm;
	int ret;

	(void)state;
	assert_int_equal(vr_shm_create(&config, &shm), 0);
	vr_shm_info(shm, &info);
	assert_true(info.huge_error ? info.page_size == 4096 : info.page_size > 4096);
	*(char *)vr_shm_alloc(shm, 1, 1) = 1;
	assert_int_equal(info.size, info.page_size);
	vr_shm_destroy(shm);
	config.flags = VR_SHM_HUGE_ONLY;
	ret = vr_shm_create(&config, &shm);
	assert_int_equal(ret, -info.huge_error);
	if (ret)
		print_message("no free huge pages here: the fallback was tested\n");
	else
		vr_shm_destroy(shm);
}

static void huge_region_can_be_mapped(void **state)
{
	const struct vr_shm_config config = config_of(1, VR_SHM_HUGE_ONLY);
	struct vr_mem_table *table;
	struct vr_mem_region region;
	struct vr_mem *mem;
	struct vr_shm *shm;

	(void)state;
	if (vr_shm_create(&config, &shm)) {
		print_message("SKIP: no free huge pages\n");
		skip();
	}
	vr_shm_region(shm, &region);
	/* Part of a huge page, at an offset that is no huge page. */
	region.mmap_offset = 4096;
	region.size = 8192;
	strcpy(vr_shm_ptr(shm, 0x40000000 + 4096, 8192), "inside");
	assert_int_equal(vr_mem_table_create(1, &table), 0);
	assert_int_equal(vr_mem_table_add(table, &region, NULL), 0);
	mem = vr_mem_table_get(table);
	assert_string_equal(vr_mem_guest_ptr(mem, 0x40000000, 8192), "inside");
	vr_mem_put(mem);
	vr_mem_table_destroy(table);
	vr_shm_destroy(shm);
}

static void copies_scattered(void **state)
{
	char a[4] = "abc", b[2] = "d", c[4] = "efg", out[16] = { 0 };
	const struct vr_iovec iov[] = { { a, 3 }, { NULL, 0 }, { b, 1 }, { c, 3 } };

	(void)state;
	assert_int_equal(vr_iov_size(iov, 4), 7);
	assert_int_equal(vr_iov_size(iov, 0), 0);
	assert_int_equal(vr_iov_read(iov, 4, 0, out, 16), 7);
	assert_string_equal(out, "abcdefg");
	memset(out, 0, sizeof(out));
	assert_int_equal(vr_iov_read(iov, 4, 2, out, 3), 3);
	assert_string_equal(out, "cde");
	assert_int_equal(vr_iov_read(iov, 4, 7, out, 1), 0);
	assert_int_equal(vr_iov_read(iov, 4, SIZE_MAX, out, 1), 0);
	assert_int_equal(vr_iov_read(iov, 4, 3, out, 0), 0);
	assert_int_equal(vr_iov_write(iov, 4, 2, "XYZ", 3), 3);
	assert_string_equal(a, "abX");
	assert_string_equal(b, "Y");
	assert_string_equal(c, "Zfg");
	assert_int_equal(vr_iov_write(iov, 4, 5, "12345", 5), 2);
	assert_string_equal(c, "Z12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_config),
		cmocka_unit_test(cannot_be_resized),
		cmocka_unit_test(gives_out_pieces),
		cmocka_unit_test(huge_pages_or_a_reason),
		cmocka_unit_test(huge_region_can_be_mapped),
		cmocka_unit_test(copies_scattered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
