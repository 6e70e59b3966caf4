// SPDX-License-Identifier: BSD-3-Clause
/* Linux's driver, in User Mode Linux, on a disk that `virtring serve blk` serves. */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <glob.h>
#include <signal.h>
#include <sys/stat.h>

#define MODULES "/usr/lib/uml/modules/*/kernel/drivers/block/virtio_blk.ko"
#define BOOT_MS 50000

static struct program server;
static struct program guest;
static char initrd_path[128];
static char module_path[256];

/*
 * The guest compares what the host wrote, writes what the host will compare, and uses a file system
 * if busybox and kernel have one; then it halts.
 */
static const char init_script[] =
	"#!/bin/busybox sh\n"
	"/bin/busybox --install -s /bin\n"
	"mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev\n"
	"insmod /virtio_blk.ko\n"
	"echo GUEST kernel $(uname -r) disk $(cat /sys/block/vda/size) sectors\n"
	"echo GUEST identity $(cat /sys/block/vda/serial)\n"
	"echo GUEST read $(dd if=/dev/vda bs=64k count=64 2>/dev/null | md5sum)\n"
	"dd if=/dev/vda of=/copy bs=64k count=64 2>/dev/null\n"
	"dd if=/copy of=/dev/vda bs=64k seek=128 2>/dev/null; sync\n"
	"echo 3 > /proc/sys/vm/drop_caches\n"
	"echo GUEST reread $(dd if=/dev/vda bs=64k skip=128 count=64 2>/dev/null | md5sum)\n"
	"echo GUEST done\n"
	"poweroff -f\n";

static int shell(const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct program program;
	bool ok;

	program_start(&program, argv);
	ok = program_wait(&program, "SHELL-OK", 60000);
	if (!ok)
		fputs(program.text, stdout);
	program_stop(&program, NULL);
	return ok ? 0 : -1;
}

static int make_initrd(void)
{
	char script[1024];
	char path[160];
	FILE *file;

	snprintf(initrd_path, sizeof(initrd_path), "%s/initrd", test_folder());
	snprintf(path, sizeof(path), "%s/init", test_folder());
	file = fopen(path, "we");
	if (!file || fputs(init_script, file) < 0 || fclose(file) || chmod(path, 0755))
		return -1;
	snprintf(script, sizeof(script),
		 "set -e; cd %s; mkdir root root/bin root/proc root/sys root/dev; mv init root; "
		 "cp $(command -v busybox) root/bin/busybox; cp %s root; cd root; "
		 "find . | busybox cpio -o -H newc >../initrd 2>/dev/null; cd ..; rm -r root; "
		 "echo SHELL-OK",
		 test_folder(), module_path);
	return shell(script);
}

static int setup(void **state)
{
	/* The first and the last 4 MiB of the image are the data file's; the rest is not. */
	if (blk_setup(state) || make_initrd())
		return -1;
	make_file(image_path, 4u << 20, 2);
	return truncate(image_path, IMAGE_BYTES);
}

static int teardown(void **state)
{
	unlink(initrd_path);
	return blk_teardown(state);
}

static void start_server(const char *mask)
{
	const char *argv[] = { VIRTRING_TOOL, "serve",	  "blk",    "--socket", socket_path,
			       "--image",     image_path, "--mask", mask,	NULL };

	program_start(&server, argv);
	assert_true(program_wait(&server, "offering: ", 60000));
}

static void start_guest(void)
{
	static char device[256];
	static char initrd[256];
	const char *argv[] = { "setsid",	 "linux.uml", "mem=128M", initrd,
			       "con0=null,fd:1", "con1=null", "con=null", "quiet",
			       "panic=-1",	 device,      NULL };

	snprintf(initrd, sizeof(initrd), "initrd=%s", initrd_path);
	snprintf(device, sizeof(device), "virtio_uml.device=%s:2", socket_path);
	program_start(&guest, argv);
}

/* The kernel is many processes; setsid made them a group of their own. */
static int stop_all(void **state)
{
	(void)state;
	kill(-guest.pid, SIGKILL);
	program_stop(&guest, NULL);
	kill(server.pid, SIGTERM);
	program_stop(&server, NULL);
	fputs(server.text, stdout);
	return 0;
}

/* The word behind @label in what the guest printed. */
static void word_after(const char *label, char *word, size_t room)
{
	const char *at = strstr(guest.text, label);
	size_t length;

	assert_non_null(at);
	at += strlen(label);
	length = strcspn(at, " \r\n");
	assert_true(length > 0 && length < room);
	memcpy(word, at, length);
	word[length] = '\0';
}

/* Where processes may not be traced, say, the kernel ends before its first process. */
static void skip_unless_it_boots(void)
{
	siginfo_t ended = { .si_pid = 0 };

	if (program_wait(&guest, "GUEST kernel", BOOT_MS))
		return;
	if (waitid(P_PID, (id_t)guest.pid, &ended, WEXITED | WNOHANG | WNOWAIT) || !ended.si_pid)
		fail_msg("the guest hangs: %s", guest.text);
	printf("SKIP: User Mode Linux does not run here: %.200s\n", guest.text);
	/* A test that is skipped has no teardown. */
	(void)stop_all(NULL);
	skip();
}

static void session(const char *mask, const char *negotiated)
{
	char read_sum[64];
	char reread_sum[64];
	char *line;

	start_server(mask);
	start_guest();
	skip_unless_it_boots();
	if (!program_wait(&guest, "GUEST done", BOOT_MS))
		fail_msg("the guest said: %s", guest.text);
	word_after("GUEST read ", read_sum, sizeof(read_sum));
	word_after("GUEST reread ", reread_sum, sizeof(reread_sum));
	assert_string_equal(read_sum, reread_sum);
	assert_non_null(strstr(guest.text, "disk 32768 sectors"));
	assert_non_null(strstr(guest.text, "GUEST identity image"));
	/* What the guest wrote, by way of the file system alone. */
	check_image(8u << 20, 4u << 20);
	assert_true(program_wait(&server, "front end gone", 60000));
	line = strstr(server.text, "front end: ");
	assert_non_null(line);
	printf("REPORT: User Mode Linux negotiated %.*s\n", (int)strcspn(line + 11, "\n"),
	       line + 11);
	assert_non_null(strstr(line, negotiated));
}

static void test_event_index(void **state)
{
	(void)state;
	session("RING_PACKED", "INDIRECT_DESC EVENT_IDX");
}

static void test_packed(void **state)
{
	(void)state;
	session("EVENT_IDX", "INDIRECT_DESC VERSION_1 RING_PACKED");
}

static void test_plain(void **state)
{
	(void)state;
	session("RING_PACKED,EVENT_IDX,INDIRECT_DESC", "VERSION_1");
}

static void find_module(void)
{
	glob_t found;

	if (glob(MODULES, 0, NULL, &found) || found.gl_pathc == 0) {
		puts("SKIP: no virtio_blk.ko of User Mode Linux in /usr/lib/uml");
		exit(77);
	}
	snprintf(module_path, sizeof(module_path), "%s", found.gl_pathv[0]);
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_event_index, stop_all),
		cmocka_unit_test_teardown(test_packed, stop_all),
		cmocka_unit_test_teardown(test_plain, stop_all),
	};

	need_program("linux.uml");
	need_program("busybox");
	need_program("setsid");
	find_module();
	return cmocka_run_group_tests(tests, setup, teardown);
}
