// SPDX-License-Identifier: BSD-3-Clause
/*
 * Linux guests on a disk that `virtring serve blk` serves: partitions, file systems, files with their
 * checksums, read again by the guest and in the image. One case for each guest and ring form.
 */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <signal.h>

#include "guest_cell.h"

#define DISK_BYTES (256u << 20)
#define MODULES "virtio_pci? virtio_blk crc32c_generic? ext4"
#define PROGRAMS "mkfs.ext4 e2fsck sfdisk"

static const struct guest_cell cells[] = {
	{ "QEMU 7.2, Linux 6.1, split",
	  QEMU7_LINUX6,
	  "",
	  ALL_FORMS,
	  { "INDIRECT_DESC", "EVENT_IDX" },
	  { "RING_PACKED", "IN_ORDER" },
	  1 },
	{ "QEMU 7.2, Linux 6.1, packed, 2 queues",
	  QEMU7_LINUX6,
	  ",packed=on",
	  ALL_FORMS,
	  { "RING_PACKED", "MQ" },
	  { "IN_ORDER" },
	  2 },
	{ "UML 7, split", UML7, "", SPLIT, { "EVENT_IDX" }, { "RING_PACKED", "IN_ORDER" }, 1 },
	{ "UML 7, split in order", UML7, "", SPLIT_IN_ORDER, { "IN_ORDER" }, { "RING_PACKED" }, 1 },
	{ "UML 7, packed", UML7, "", PACKED, { "RING_PACKED" }, { "IN_ORDER" }, 1 },
	{ "UML 7, packed in order", UML7, "", ALL_FORMS, { "RING_PACKED", "IN_ORDER" }, { 0 }, 1 },
	{ "UML 6.1, split", UML6, "", SPLIT_IN_ORDER, { "EVENT_IDX" }, { "IN_ORDER" }, 1 },
	{ "UML 6.1, packed", UML6, "", PACKED_IN_ORDER, { "RING_PACKED" }, { "IN_ORDER" }, 1 },
	{ "UML 6.12, split", UML612, "", SPLIT_IN_ORDER, { "EVENT_IDX" }, { "IN_ORDER" }, 1 },
	{ "UML 6.12, packed", UML612, "", PACKED_IN_ORDER, { "RING_PACKED" }, { "IN_ORDER" }, 1 },
	{ "QEMU 11, Linux 6.1, in order not taken",
	  QEMU11_LINUX6,
	  ",in_order=on",
	  ALL_FORMS,
	  { "EVENT_IDX" },
	  { "IN_ORDER" },
	  1 },
	{ "QEMU 10, Linux 7, split",
	  QEMU10_LINUX7,
	  "",
	  ALL_FORMS,
	  { "EVENT_IDX" },
	  { "RING_PACKED", "IN_ORDER" },
	  1 },
	{ "QEMU 10, Linux 7, split in order",
	  QEMU10_LINUX7,
	  ",in_order=on",
	  ALL_FORMS,
	  { "IN_ORDER" },
	  { "RING_PACKED" },
	  1 },
	{ "QEMU 10, Linux 7, packed",
	  QEMU10_LINUX7,
	  ",packed=on",
	  ALL_FORMS,
	  { "RING_PACKED" },
	  { "IN_ORDER" },
	  1 },
	{ "QEMU 10, Linux 7, packed in order",
	  QEMU10_LINUX7,
	  ",packed=on,in_order=on",
	  ALL_FORMS,
	  { "RING_PACKED", "IN_ORDER" },
	  { 0 },
	  1 },
	{ "QEMU 11, Linux 7, split in order, 2 queues",
	  QEMU11_LINUX7,
	  ",in_order=on",
	  ALL_FORMS,
	  { "IN_ORDER", "MQ" },
	  { "RING_PACKED" },
	  2 },
	{ "QEMU 11, Linux 7, packed in order, 2 queues",
	  QEMU11_LINUX7,
	  ",packed=on,in_order=on",
	  ALL_FORMS,
	  { "RING_PACKED", "IN_ORDER", "MQ" },
	  { 0 },
	  2 },
};

#define CELLS (sizeof(cells) / sizeof(cells[0]))

static struct program server;
static struct program guest;
static struct program checker;
static char initrd_path[128];

static void start_server(const struct guest_cell *cell)
{
	char queues[8];
	const char *argv[] = { VIRTRING_TOOL, "serve",	 "blk",		 "--socket",
			       socket_path,   "--image", image_path,	 "--queues",
			       queues,	      "--mask",	 cell->withheld, NULL };

	snprintf(queues, sizeof(queues), "%u", cell->queues);
	if (!*cell->withheld)
		argv[9] = NULL;
	program_start(&server, argv);
	assert_true(program_wait(&server, "offering: ", 60000));
}

static int stop_all(void **state)
{
	(void)state;
	if (guest.pid)
		guest_stop(&guest);
	if (server.pid) {
		kill(server.pid, SIGTERM);
		program_stop(&server, NULL);
		fputs(server.text, stdout);
	}
	guest.pid = server.pid = 0;
	unlink(initrd_path);
	unlink(image_path);
	return 0;
}

static void boot(const struct guest_cell *cell)
{
	const struct guest_device device = {
		.socket = socket_path,
		.type = GUEST_BLK,
		.queues = cell->queues,
		.options = cell->options,
		.cpus = cell->queues,
	};

	make_file(image_path, 4096, 1);
	assert_int_equal(truncate(image_path, DISK_BYTES), 0);
	assert_int_equal(guest_initrd(&cell->kind, initrd_path, "guest_blk.sh", MODULES, PROGRAMS),
			 0);
	start_server(cell);
	guest_start(&guest, &cell->kind, &device, initrd_path);
}

/* The files are what the guest says they are, without any ring. */
static void check_outside(void)
{
	const char *const arguments[] = { image_path, test_folder(), NULL };
	char first[64], second[64], label[80];

	assert_int_equal(run_script(&checker, "check_ext4.sh", arguments, 60000), 0);
	word_after(&guest, "GUEST sums /dev/vda1 ", first, sizeof(first));
	word_after(&guest, "GUEST sums /dev/vda2 ", second, sizeof(second));
	assert_int_equal(strlen(first), 32);
	assert_int_equal(strlen(second), 32);
	snprintf(label, sizeof(label), "sums %s", first);
	assert_non_null(strstr(checker.text, label));
	snprintf(label, sizeof(label), "sums %s", second);
	assert_non_null(strstr(checker.text, label));
}

static void report(const struct guest_cell *cell)
{
	char kernel[64], sectors[24];
	unsigned long read, written;

	word_after(&guest, "GUEST kernel ", kernel, sizeof(kernel));
	word_after(&guest, "GUEST sectors read ", sectors, sizeof(sectors));
	read = strtoul(sectors, NULL, 10);
	word_after(&guest, "GUEST sectors written ", sectors, sizeof(sectors));
	written = strtoul(sectors, NULL, 10);
	/* Each of two file systems has 17 MiB of files, written once and read once. */
	assert_true(read > 2 * 2048 * 16 && written > 2 * 2048 * 16);
	printf("REPORT: %s (%s): negotiated%s\n", cell->name, kernel, guest_negotiated(&server));
	printf("REPORT: %s: wrote %.1f MiB, read %.1f MiB, 430 files verified in guest and image\n",
	       cell->name, (double)written / 2048, (double)read / 2048);
}

static void test_guest(void **state)
{
	const struct guest_cell *cell = *state;
	guest_cell_need(cell);
	boot(cell);
	if (!program_wait(&guest, "GUEST end", GUEST_MS))
		fail_msg("the guest said: %s", guest.text);
	assert_true(program_wait(&server, "front end gone", GUEST_MS));
	assert_non_null(strstr(guest.text, "disk 524288 sectors"));
	assert_non_null(strstr(guest.text, "GUEST identity image"));
	guest_cell_check(cell, &server);
	check_outside();
	report(cell);
}

/* A part of a name as argument chooses among all. */
int main(int argc, char **argv)
{
	int failed;

	need_program("busybox");
	need_program("setsid");
	snprintf(initrd_path, sizeof(initrd_path), "%s/initrd", test_folder());
	(void)blk_setup(NULL);
	failed = guest_cells_run(cells, CELLS, test_guest, stop_all, argc > 1 ? argv[1] : NULL);
	(void)blk_teardown(NULL);
	return failed;
}
