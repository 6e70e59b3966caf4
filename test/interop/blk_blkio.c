// SPDX-License-Identifier: BSD-3-Clause
/* libblkio's driver as the front end of `virtring serve blk`, and qemu-img on top of it. */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <signal.h>

static struct program server;

static void start_server(const char *first, const char *second)
{
	const char *argv[] = { VIRTRING_TOOL, "serve",	  "blk", "--socket", socket_path,
			       "--image",     image_path, first, second,     NULL };

	program_start(&server, argv);
	assert_true(program_wait(&server, "offering: ", 60000));
}

static int stop_server(void **state)
{
	(void)state;
	kill(server.pid, SIGTERM);
	program_stop(&server, NULL);
	server.pid = 0;
	fputs(server.text, stdout);
	return 0;
}

/* Runs a program with words separated by spaces; its exit status. */
static int run_words(const char *format, ...)
{
	char text[1024];
	char *arguments[ARGUMENTS_MAX] = { text };
	char *rest = text;
	char *word;
	va_list values;
	int count = 0;
	int status;
	pid_t pid;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	puts(text);
	fflush(stdout);
	while ((word = strsep(&rest, " ")) && count < ARGUMENTS_MAX - 1)
		if (*word)
			arguments[count++] = word;
	arguments[count] = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (arguments[0])
			execv(arguments[0], arguments);
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void expect_zeroes(size_t offset, size_t bytes)
{
	uint8_t *data = malloc(bytes);
	int fd = open(image_path, O_RDONLY | O_CLOEXEC);

	assert_non_null(data);
	assert_int_equal(pread(fd, data, bytes, (off_t)offset), bytes);
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(data[i], 0);
	close(fd);
	free(data);
}

static void use_library(void)
{
	assert_int_equal(run_words(VIRTRING_BLKIO " %s write 3145728 %s", socket_path, data_path),
			 0);
	check_image(3u << 20, 4u << 20);
	assert_int_equal(run_words(VIRTRING_BLKIO " %s verify 3145728 %s", socket_path, data_path),
			 0);
	assert_int_equal(run_words(VIRTRING_BLKIO " %s verify 3146240 %s", socket_path, data_path),
			 1);
	assert_int_equal(run_words(VIRTRING_BLKIO " %s zero 8388608 1048576", socket_path), 0);
	expect_zeroes(8u << 20, 1u << 20);
	assert_int_equal(run_words(VIRTRING_BLKIO " %s discard 10485760 65536", socket_path), 0);
	assert_int_equal(run_words(VIRTRING_BLKIO " %s bench 1 32 4096", socket_path), 0);
}

static void test_writeback(void **state)
{
	(void)state;
	start_server("--cache", "writeback");
	use_library();
}

static void test_direct(void **state)
{
	(void)state;
	start_server("--cache", "none");
	use_library();
}

static void test_read_only(void **state)
{
	(void)state;
	start_server("--read-only", NULL);
	/* The library itself refuses to start on such a disk without being told so. */
	assert_int_not_equal(run_words(VIRTRING_BLKIO " %s write 0 %s", socket_path, data_path), 0);
}

/* The same library inside QEMU's tools, from its newest version. */
static void test_qemu_img(void **state)
{
	const char *options = "driver=virtio-blk-vhost-user,cache.direct=on,path=";
	const char *runner;

	(void)state;
	if (peer_missing("qemu-11")) {
		printf("SKIP: qemu-img with libblkio: peer qemu-11: %s\n", peer_missing("qemu-11"));
		skip();
	}
	runner = peer_runner("qemu-11");
	start_server("--cache", "writeback");
	assert_int_equal(
		run_words("%s /usr/bin/qemu-img convert -n -f raw -t none --target-image-opts "
			  "%s %s%s",
			  runner, data_path, options, socket_path),
		0);
	check_image(0, 4u << 20);
	assert_int_equal(run_words("%s /usr/bin/qemu-img bench -c 20000 -d 16 -t none --image-opts "
				   "%s%s",
				   runner, options, socket_path),
			 0);
}

static int teardown_if_started(void **state)
{
	return server.pid ? stop_server(state) : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_writeback, stop_server),
		cmocka_unit_test_teardown(test_direct, stop_server),
		cmocka_unit_test_teardown(test_read_only, stop_server),
		cmocka_unit_test_teardown(test_qemu_img, teardown_if_started),
	};

	need_peer("libblkio");
	if (access(VIRTRING_BLKIO, X_OK)) {
		puts("SKIP: no libblkio client was built, ./dev test interop builds one");
		return 77;
	}
	return cmocka_run_group_tests(tests, blk_setup, blk_teardown);
}
