// SPDX-License-Identifier: BSD-3-Clause
/* Our driver's half of virtio-blk against QEMU's storage daemon. */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <signal.h>

static struct program daemon_program;

static void start_daemon(bool writable)
{
	char file[256];
	char export[256];
	const char *argv[] = { "qemu-storage-daemon",		"--blockdev", file,   "--blockdev",
			       "driver=raw,node-name=d,file=f", "--export",   export, NULL };

	snprintf(file, sizeof(file), "driver=file,node-name=f,filename=%s", image_path);
	snprintf(export, sizeof(export),
		 "type=vhost-user-blk,id=e,node-name=d,addr.type=unix,addr.path=%s,writable=%s",
		 socket_path, writable ? "on" : "off");
	program_start(&daemon_program, argv);
	for (int i = 0; i < 1200 && access(socket_path, F_OK); i++)
		usleep(50000);
	assert_int_equal(access(socket_path, F_OK), 0);
}

static int stop_daemon(void **state)
{
	(void)state;
	kill(daemon_program.pid, SIGTERM);
	program_stop(&daemon_program, NULL);
	return 0;
}

static void test_data(void **state)
{
	(void)state;
	start_daemon(true);
	assert_int_equal(client("blk info --socket %s", socket_path), 0);
	write_and_verify("", 1, 3);
	write_and_verify("EVENT_IDX", 1, 9);
	write_and_verify("INDIRECT_DESC", 1, 5);
	/* A file with holes, both ways; the daemon makes the zeroes itself. */
	assert_int_equal(truncate(data_path, 8 << 20), 0);
	assert_int_equal(client("blk copy %s %s", data_path, socket_path), 0);
	check_image(0, 8u << 20);
	assert_int_equal(client("blk verify --socket %s --length 8M %s", socket_path, data_path),
			 0);
	assert_int_equal(client("blk bench --socket %s --seconds 1 --json", socket_path), 0);
}

static void test_read_only(void **state)
{
	(void)state;
	start_daemon(false);
	assert_int_equal(client("blk write --socket %s %s", socket_path, data_path), 2);
	assert_int_equal(client("blk verify --socket %s %s", socket_path, image_path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_data, stop_daemon),
		cmocka_unit_test_teardown(test_read_only, stop_daemon),
	};

	need_program("qemu-storage-daemon");
	return cmocka_run_group_tests(tests, blk_setup, blk_teardown);
}
