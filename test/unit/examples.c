// SPDX-License-Identifier: BSD-3-Clause
/* The programs of examples/ that talk to somebody, in every form: they are to be started from. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "vu_rig.h"

#define SECTORS 64u
#define SECTOR 512u

static char folder[] = "/tmp/virtring-examples-XXXXXX";
static char socket_path[64];
static char disk_path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	snprintf(disk_path, sizeof(disk_path), "%s/disk", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(disk_path);
	return rmdir(folder);
}

/* Runs a program; its standard output goes to @out unless that is -1. */
static pid_t start(int out, const char *const *argv)
{
	const pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	/* Nothing of a test that fails goes on. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (out >= 0)
		dup2(out, 1);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int result_of(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* A connection to the program that has just been started; it takes its time to listen. */
static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(sock >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	for (int i = 0; i < 6000; i++) {
		if (!connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
			return sock;
		usleep(10000);
	}
	fail_msg("nobody listens at %s", path);
	return -1;
}

/* Asks for entropy @count times, three requests at a time, and checks that it is some. */
static void ask_for_entropy(struct vu_rig *rig, unsigned int count)
{
	static const unsigned char zero[VU_RIG_SLOT];
	struct vr_used used;

	for (unsigned int i = 0; i < count; i++) {
		for (uint32_t slot = 0; slot < 3; slot++) {
			memset(vu_rig_in(rig, 0, slot), 0, VU_RIG_SLOT);
			/* One of them has something for the device to read, which is no use to it. */
			CHECK(vu_rig_add(rig, 0, slot, slot == 2 ? 8 : 0, VU_RIG_SLOT - slot));
		}
		vu_rig_kick(rig, 0);
		for (uint32_t slot = 0; slot < 3; slot++) {
			const unsigned char *in = vu_rig_in(rig, 0, slot);

			CHECK(vu_rig_get(rig, 0, &used, VU_RIG_MS));
			CHECK_EQ(used.len, VU_RIG_SLOT - slot);
			CHECK(memcmp(in, zero, VU_RIG_SLOT) != 0);
			CHECK(memcmp(in + 16, in + 32, 16) != 0);
			CHECK_BYTES(in + VU_RIG_SLOT - slot, zero, slot);
		}
	}
}

static void entropy_in_every_form(void **state)
{
	const char *argv[] = { EXAMPLE_RNG_DEVICE, socket_path, NULL };
	pid_t pid = start(-1, argv);

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = { .features = form->features | VR_F_EVENT_IDX,
				      .size = 8,
				      .count = 1 };

		context("%s", form->name);
		vu_rig_create(&rig);
		vu_rig_start(&rig, connect_to(socket_path), 0);
		CHECK_EQ(rig.offer.accepted & (VR_F_RING_PACKED | VR_F_IN_ORDER),
			 form->features & (VR_F_RING_PACKED | VR_F_IN_ORDER));
		ask_for_entropy(&rig, 20);
		vu_rig_stop(&rig);
		vu_rig_disconnect(&rig);
		vu_rig_destroy(&rig);
	}
	CHECK_EQ(kill(pid, SIGTERM), 0);
	CHECK_EQ(result_of(pid), 0);
	CHECK(access(socket_path, F_OK) != 0);
}

/* ---- the front end ---- */

static void fill_disk(unsigned char *bytes)
{
	const int fd = open(disk_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	for (uint32_t i = 0; i < SECTORS * SECTOR; i++)
		bytes[i] = (unsigned char)(i / SECTOR + 7 * i);
	CHECK_EQ(write(fd, bytes, SECTORS * SECTOR), SECTORS * SECTOR);
	close(fd);
}

/* What the program says and how it ends, for a sector in decimal. */
static int read_sector(const char *sector, unsigned char *bytes, size_t *length)
{
	const char *argv[] = { EXAMPLE_READ_SECTOR, socket_path, sector, NULL };
	int pipes[2];
	ssize_t got;
	pid_t pid;

	CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
	pid = start(pipes[1], argv);
	close(pipes[1]);
	*length = 0;
	while ((got = read(pipes[0], bytes + *length, 2 * SECTOR - *length)) > 0)
		*length += (size_t)got;
	close(pipes[0]);
	return result_of(pid);
}

static void a_sector_in_every_form(void **state)
{
	static const char *const masks[] = { "RING_PACKED,IN_ORDER", "RING_PACKED", "IN_ORDER",
					     "FLUSH" };
	unsigned char disk[SECTORS * SECTOR], bytes[2 * SECTOR];
	size_t length;

	(void)state;
	fill_disk(disk);
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		const char *argv[] = { VIRTRING_TOOL, "serve",	 "blk",	   "--socket", socket_path,
				       "--image",     disk_path, "--mask", masks[i],   NULL };
		const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		const pid_t pid = start(null, argv);

		context("without %s", masks[i]);
		close(null);
		CHECK_EQ(read_sector("0", bytes, &length), 0);
		CHECK_EQ(length, SECTOR);
		CHECK_BYTES(bytes, disk, SECTOR);
		CHECK_EQ(read_sector("63", bytes, &length), 0);
		CHECK_BYTES(bytes, disk + 63 * SECTOR, SECTOR);
		/* Behind the end: said, and nothing written. */
		CHECK_EQ(read_sector("64", bytes, &length), 1);
		CHECK_EQ(length, 0);
		CHECK_EQ(kill(pid, SIGTERM), 0);
		CHECK_EQ(result_of(pid), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entropy_in_every_form),
		cmocka_unit_test(a_sector_in_every_form),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
