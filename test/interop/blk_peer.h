/* SPDX-License-Identifier: BSD-3-Clause */
/* The command as client and as server of disks, and an image between the two. */
#ifndef VR_TEST_INTEROP_BLK_PEER_H
#define VR_TEST_INTEROP_BLK_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

#define IMAGE_BYTES (16u << 20)
#define ARGUMENTS_MAX 24

static char image_path[128];
static char data_path[128];
static char socket_path[128];

/* Pseudo-random bytes into a file; the same for the same seed. */
static inline void make_file(const char *path, size_t bytes, uint64_t seed)
{
	uint64_t *words = malloc(bytes);
	FILE *file = fopen(path, "we");

	assert_non_null(words);
	assert_non_null(file);
	for (size_t i = 0; i < bytes / 8; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		words[i] = seed ^ seed >> 29;
	}
	assert_int_equal(fwrite(words, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
	free(words);
}

static inline int blk_setup(void **state)
{
	(void)state;
	snprintf(image_path, sizeof(image_path), "%s/image", test_folder());
	snprintf(data_path, sizeof(data_path), "%s/data", test_folder());
	snprintf(socket_path, sizeof(socket_path), "%s/blk", test_folder());
	make_file(image_path, IMAGE_BYTES, 1);
	make_file(data_path, 4u << 20, 2);
	return 0;
}

static inline int blk_teardown(void **state)
{
	(void)state;
	unlink(image_path);
	unlink(data_path);
	unlink(socket_path);
	return 0;
}

/* Compares a range of the image with the data file, through the file system alone. */
static inline void check_image(uint64_t offset, size_t bytes)
{
	uint8_t *here = malloc(bytes);
	uint8_t *there = malloc(bytes);
	int image = open(image_path, O_RDONLY | O_CLOEXEC);
	int data = open(data_path, O_RDONLY | O_CLOEXEC);

	assert_non_null(here);
	assert_non_null(there);
	assert_int_equal(pread(image, here, bytes, (off_t)offset), bytes);
	assert_int_equal(pread(data, there, bytes, 0), bytes);
	assert_memory_equal(here, there, bytes);
	close(image);
	close(data);
	free(here);
	free(there);
}

/* Runs the command with words separated by spaces; its exit status. */
static inline int client(const char *format, ...)
{
	static char program[] = VIRTRING_TOOL;
	char *arguments[ARGUMENTS_MAX] = { program };
	char text[512];
	char *rest = text;
	char *word;
	va_list values;
	int count = 1;
	int status;
	pid_t pid;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("virtring %s\n", text);
	fflush(stdout);
	while ((word = strsep(&rest, " ")) && count < ARGUMENTS_MAX - 1)
		if (*word)
			arguments[count++] = word;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execv(program, arguments);
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Writes, compares over the ring, compares in the file: with large and small, cut requests. */
static inline void write_and_verify(const char *mask, unsigned int queues, uint32_t megabyte)
{
	const char *common = mask;

	assert_int_equal(client("blk write --socket %s --mask=%s --queues %u --offset %uM "
				"--segment 4000 %s",
				socket_path, common, queues, megabyte, data_path),
			 0);
	check_image((uint64_t)megabyte << 20, 4u << 20);
	assert_int_equal(client("blk verify --socket %s --mask=%s --queues %u --offset %uM "
				"--length 4M --block 4K --depth 64 %s",
				socket_path, common, queues, megabyte, data_path),
			 0);
	assert_int_equal(client("blk verify --socket %s --mask=%s --offset %uM --length 4M "
				"--block 512K --segment 8K --depth 3 %s",
				socket_path, common, megabyte, data_path),
			 0);
	/* One sector off, so it must differ. */
	assert_int_equal(client("blk verify --socket %s --mask=%s --offset 512 --length 1M %s",
				socket_path, common, data_path),
			 1);
}

#endif
