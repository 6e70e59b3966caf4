// SPDX-License-Identifier: BSD-3-Clause
/*
 * A guest of QEMU that uses its disk all the time, while the back end is killed and started again, and
 * while the guest moves to another QEMU with another back end on the same image.
 */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "guest_cell.h"

#define DISK_BYTES (256u << 20)
#define MODULES "virtio_pci? virtio_blk crc32c_generic? ext4"
#define PROGRAMS "mkfs.ext4 e2fsck sfdisk"
#define KILLS 5
#define ROUNDS 2 /* of the guest, between two events */
#define ANSWER_MS 300000

static const struct guest_cell cells[] = {
	{ "QEMU 7.2, Linux 6.1, split",
	  QEMU7_LINUX6,
	  "",
	  ALL_FORMS,
	  { "EVENT_IDX" },
	  { "RING_PACKED", "IN_ORDER" },
	  1 },
	{ "QEMU 7.2, Linux 6.1, packed",
	  QEMU7_LINUX6_LATER,
	  ",packed=on",
	  ALL_FORMS,
	  { "RING_PACKED" },
	  { "IN_ORDER" },
	  1 },
	{ "QEMU 10, Linux 7, split in order",
	  QEMU10_LINUX7,
	  ",in_order=on",
	  ALL_FORMS,
	  { "IN_ORDER" },
	  { "RING_PACKED" },
	  1 },
	{ "QEMU 10, Linux 7, packed in order",
	  QEMU10_LINUX7,
	  ",packed=on,in_order=on",
	  ALL_FORMS,
	  { "RING_PACKED", "IN_ORDER" },
	  { 0 },
	  1 },
};

#define CELLS (sizeof(cells) / sizeof(cells[0]))

/* Both sides of a migration; a restart needs the first only. */
static struct program servers[2];
static struct program guests[2];
static struct program checker;
static char initrd_path[128];
static char sockets[2][128];
static char monitors[2][100];
static char incoming[128];

static void start_server(int side)
{
	const char *argv[] = { VIRTRING_TOOL, "serve",	 "blk",	     "--socket",
			       sockets[side], "--image", image_path, NULL };

	program_start(&servers[side], argv);
	if (!program_wait(&servers[side], "offering: ", 60000))
		fail_msg("no server: %s", servers[side].text);
}

static void start_guest(const struct guest_cell *cell, int side, const char *from,
			const char *chardev)
{
	const struct guest_device device = {
		.socket = sockets[side],
		.type = GUEST_BLK,
		.queues = 1,
		.options = cell->options,
		.monitor = monitors[side],
		.incoming = from,
		.chardev = chardev,
	};

	guest_start(&guests[side], &cell->kind, &device, initrd_path);
}

static int stop_all(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		if (guests[side].pid)
			guest_stop(&guests[side]);
		if (servers[side].pid) {
			kill(servers[side].pid, SIGTERM);
			program_stop(&servers[side], NULL);
			fputs(servers[side].text, stdout);
		}
		guests[side].pid = servers[side].pid = 0;
		unlink(monitors[side]);
		unlink(sockets[side]);
	}
	unlink(incoming);
	unlink(initrd_path);
	unlink(image_path);
	return 0;
}

static void prepare(const struct guest_cell *cell)
{
	guest_cell_need(cell);
	make_file(image_path, 4096, 1);
	assert_int_equal(truncate(image_path, DISK_BYTES), 0);
	assert_int_equal(guest_initrd(&cell->kind, initrd_path, "guest_load.sh", MODULES, PROGRAMS),
			 0);
}

/* The guest gets on with its work. */
static void wait_rounds(int side, int count)
{
	for (int i = 0; i < count; i++)
		if (!program_wait(&guests[side], "GUEST round ", GUEST_MS))
			fail_msg("the guest said: %s", guests[side].text);
}

static unsigned long number_after(int side, const char *label)
{
	char word[24];

	word_after(&guests[side], label, word, sizeof(word));
	return strtoul(word, NULL, 10);
}

/* Ends the guest's work; what it says it has written is in the image. */
static void finish(const struct guest_cell *cell, int side, const char *what)
{
	const char *const arguments[] = { image_path, test_folder(), NULL };
	char sum[64], label[80];

	program_type(&guests[side], "stop");
	if (!program_wait(&guests[side], "GUEST end", GUEST_MS))
		fail_msg("the guest said: %s", guests[side].text);
	word_after(&guests[side], "GUEST sums /dev/vda1 ", sum, sizeof(sum));
	assert_int_equal(strlen(sum), 32);
	assert_int_equal(run_script(&checker, "check_ext4.sh", arguments, 60000), 0);
	snprintf(label, sizeof(label), "sums %s", sum);
	assert_non_null(strstr(checker.text, label));
	program_read(&servers[side]);
	guest_cell_check(cell, &servers[side]);
	printf("REPORT: %s: %s; %.1f MiB written and %.1f MiB read in all, each round verified, "
	       "then the image\n",
	       cell->name, what, (double)number_after(side, "GUEST sectors written ") / 2048,
	       (double)number_after(side, "GUEST sectors read ") / 2048);
}

/* Killed while requests are in flight, and started on the same socket. */
static void test_restart(void **state)
{
	const struct guest_cell *cell = *state;
	const bool seconds = !*cell->kind.emulator;
	const struct timespec gone = { .tv_nsec = 300000000 };
	char what[64];

	prepare(cell);
	start_server(0);
	/* Its name, and its unit, changed. */
	start_guest(cell, 0, NULL, seconds ? "reconnect=1" : "reconnect-ms=1000");
	wait_rounds(0, ROUNDS);
	for (int i = 0; i < KILLS; i++) {
		kill(servers[0].pid, SIGKILL);
		program_stop(&servers[0], NULL);
		nanosleep(&gone, NULL);
		start_server(0);
		wait_rounds(0, ROUNDS);
	}
	snprintf(what, sizeof(what), "back end killed and started again %d times", KILLS);
	finish(cell, 0, what);
}

/* One prompt greets, the next one follows the answer: until then the line may not even have been read. */
static bool has_answered(const char *text)
{
	const char *greeting = strstr(text, "(qemu)");

	return greeting && strstr(greeting + 1, "(qemu)");
}

/* A line for QEMU's monitor; waits until it was carried out, and for @wanted in what was said. */
static void monitor(int side, const char *line, const char *wanted)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[32768] = ""; /* each key of the line is echoed with all before it */
	size_t length = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", monitors[side]);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(dprintf(fd, "%s\n", line) > 0);
	while (!has_answered(text)) {
		struct pollfd pollfd = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&pollfd, 1, ANSWER_MS) != 1)
			fail_msg("%s: no %s in: %s", line, wanted, text);
		got = read(fd, text + length, sizeof(text) - 1 - length);
		if (got <= 0)
			fail_msg("%s: no %s, but: %s", line, wanted, text);
		length += (size_t)got;
		text[length] = '\0';
	}
	if (!strstr(text, wanted))
		fail_msg("%s: no %s in: %s", line, wanted, text);
	close(fd);
}

static void migrate(void)
{
	char line[256];

	monitor(0, "migrate_set_parameter max-bandwidth 40m", "40m");
	monitor(0, "migrate_set_parameter downtime-limit 3000", "3000");
	snprintf(line, sizeof(line), "migrate -d unix:%s", incoming);
	monitor(0, line, "(qemu)");
}

static void test_migration(void **state)
{
	const struct guest_cell *cell = *state;
	char from[160];

	prepare(cell);
	snprintf(from, sizeof(from), "unix:%s", incoming);
	start_server(0);
	start_server(1);
	start_guest(cell, 0, NULL, NULL);
	start_guest(cell, 1, from, NULL);
	wait_rounds(0, ROUNDS);
	migrate();
	/* The guest goes on where it was, on the other side. */
	wait_rounds(1, 2 * ROUNDS);
	monitor(0, "info migrate", "completed");
	finish(cell, 1, "migrated while it wrote");
}

/* A part of a name as argument chooses among all. */
int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	int failed;

	need_program("busybox");
	need_program("setsid");
	snprintf(initrd_path, sizeof(initrd_path), "%s/initrd", test_folder());
	snprintf(incoming, sizeof(incoming), "%s/incoming", test_folder());
	for (int side = 0; side < 2; side++) {
		snprintf(sockets[side], sizeof(sockets[side]), "%s/blk%d", test_folder(), side);
		snprintf(monitors[side], sizeof(monitors[side]), "%s/monitor%d", test_folder(),
			 side);
	}
	(void)blk_setup(NULL);
	failed = guest_cells_run(cells, CELLS, test_restart, stop_all, only);
	failed += guest_cells_run(cells, CELLS, test_migration, stop_all, only);
	(void)blk_teardown(NULL);
	return failed;
}
