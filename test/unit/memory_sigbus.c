// SPDX-License-Identifier: BSD-3-Clause
/* A peer truncates its memory: the access survives, the region is flagged, others are not. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/memory.h>

#define PAGE 4096u

static sigjmp_buf escape;

static void own_handler(int sig)
{
	siglongjmp(escape, sig);
}

static int make_file(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void truncated_region_becomes_zeros(void **state)
{
	int victim = make_file(8 * PAGE), other = make_file(PAGE);
	const struct vr_mem_region regions[] = {
		{ 0, 8 * PAGE, 0, 0, victim },
		{ 0x100000, PAGE, 0x100000, 0, other },
	};
	struct vr_mem_table *table;
	volatile unsigned char *at, *kept;
	struct vr_mem *both, *one;

	(void)state;
	assert_int_equal(vr_sigbus_install(), 0);
	assert_int_equal(vr_sigbus_install(), -EALREADY);
	assert_int_equal(vr_mem_table_create(2, &table), 0);
	assert_int_equal(vr_mem_table_replace(table, regions, 2, NULL), 0);
	both = vr_mem_table_get(table);
	assert_int_equal(vr_mem_table_remove(table, 0, 0, 8 * PAGE), 0);
	one = vr_mem_table_get(table);
	at = vr_mem_guest_ptr(both, 0, 8 * PAGE);
	kept = vr_mem_guest_ptr(both, 0x100000, PAGE);
	at[5 * PAGE] = 7;
	kept[0] = 9;
	assert_false(vr_mem_lost(both));
	assert_int_equal(ftruncate(victim, 0), 0);
	assert_int_equal(at[5 * PAGE], 0);
	at[7 * PAGE] = 3;
	assert_int_equal(at[7 * PAGE], 3);
	assert_true(vr_mem_lost(both));
	assert_false(vr_mem_lost(one));
	assert_int_equal(kept[0], 9);
	vr_mem_put(both);
	vr_mem_put(one);
	vr_mem_table_destroy(table);
	assert_int_equal(vr_sigbus_remove(), 0);
	assert_int_equal(vr_sigbus_remove(), -ENOENT);
	close(victim);
	close(other);
}

/* More regions than one block of the handler's list; the last one is found too. */
static void many_regions_are_watched(void **state)
{
	int fd = make_file(PAGE), last = make_file(PAGE);
	struct vr_mem_table *table;
	struct vr_mem *mem;
	volatile char *at;
	uint64_t i;

	(void)state;
	assert_int_equal(vr_sigbus_install(), 0);
	assert_int_equal(vr_mem_table_create(200, &table), 0);
	for (i = 0; i < 200; i++) {
		const struct vr_mem_region region = { i * PAGE, PAGE, i * PAGE, 0,
						      i == 199 ? last : fd };

		assert_int_equal(vr_mem_table_add(table, &region, NULL), 0);
	}
	mem = vr_mem_table_get(table);
	at = vr_mem_guest_ptr(mem, 199 * PAGE, PAGE);
	assert_int_equal(ftruncate(last, 0), 0);
	assert_int_equal(at[10], 0);
	assert_true(vr_mem_lost(mem));
	vr_mem_put(mem);
	vr_mem_table_destroy(table);
	assert_int_equal(vr_sigbus_remove(), 0);
	close(fd);
	close(last);
}

static void foreign_fault_goes_to_the_previous_handler(void **state)
{
	struct sigaction action = { .sa_handler = own_handler };
	int fd = make_file(PAGE);
	volatile char *at;

	(void)state;
	assert_int_equal(sigaction(SIGBUS, &action, NULL), 0);
	assert_int_equal(vr_sigbus_install(), 0);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal((void *)(uintptr_t)at, MAP_FAILED);
	assert_int_equal(ftruncate(fd, 0), 0);
	if (!sigsetjmp(escape, 1)) {
		at[0] = 1;
		fail_msg("no fault");
	}
	/* Somebody else is on top: it cannot be removed. */
	assert_int_equal(sigaction(SIGBUS, &action, NULL), 0);
	assert_int_equal(vr_sigbus_remove(), -EBUSY);
	munmap((void *)(uintptr_t)at, PAGE);
	close(fd);
}

/* Without anybody before us a foreign fault still ends the process with SIGBUS. */
static void foreign_fault_kills_by_default(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct sigaction action = { .sa_handler = SIG_DFL };
		int fd = memfd_create("test", MFD_CLOEXEC);
		volatile char *at;

		sigaction(SIGBUS, &action, NULL);
		vr_sigbus_remove();
		if (vr_sigbus_install() || ftruncate(fd, PAGE))
			_exit(1);
		at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (ftruncate(fd, 0))
			_exit(1);
		at[0] = 1;
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

int main(void)
{
	/* The last one leaves our handler below another: it has to stay the last. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_region_becomes_zeros),
		cmocka_unit_test(many_regions_are_watched),
		cmocka_unit_test(foreign_fault_kills_by_default),
		cmocka_unit_test(foreign_fault_goes_to_the_previous_handler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
