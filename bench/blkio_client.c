// SPDX-License-Identifier: BSD-3-Clause
/*
 * libblkio as a client of a vhost-user-blk back end: what `virtring blk` is measured against, and
 * what test/interop/blk_blkio.c moves data with. Compiled by script/blkio.sh, where the library is.
 *
 *   blkio_client SOCKET bench SECONDS DEPTH BLOCK
 *   blkio_client SOCKET (write|verify) OFFSET FILE
 *   blkio_client SOCKET (zero|discard) OFFSET LENGTH
 */
#define _GNU_SOURCE
#include <blkio.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH_MAX 256
#define BLOCK 65536u
#define DEPTH 16

struct client {
	struct blkio *blkio;
	struct blkioq *queue;
	struct blkio_mem_region memory;
	uint64_t capacity;
};

static void fail(const char *what)
{
	fprintf(stderr, "blkio_client: %s: %s\n", what, blkio_get_error_msg());
	exit(2);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void client_open(struct client *c, const char *path, size_t bytes)
{
	if (blkio_create("virtio-blk-vhost-user", &c->blkio) ||
	    blkio_set_str(c->blkio, "path", path) || blkio_connect(c->blkio) ||
	    blkio_start(c->blkio))
		fail(path);
	if (blkio_get_uint64(c->blkio, "capacity", &c->capacity) ||
	    blkio_alloc_mem_region(c->blkio, &c->memory, bytes) ||
	    blkio_map_mem_region(c->blkio, &c->memory))
		fail("memory");
	c->queue = blkio_get_queue(c->blkio, 0);
}

static char *block_of(const struct client *c, uintptr_t slot, size_t block)
{
	return (char *)c->memory.addr + slot * block;
}

/* At least one completion; each has to be good. */
static int wait_some(struct client *c, struct blkio_completion *done)
{
	int got = blkioq_do_io(c->queue, done, 1, DEPTH_MAX, NULL);

	if (got < 0)
		fail("do_io");
	for (int i = 0; i < got; i++) {
		if (done[i].ret == 0)
			continue;
		fprintf(stderr, "blkio_client: a request ends with: %s\n", strerror(-done[i].ret));
		exit(1);
	}
	return got;
}

/* The same places in the same order as those of `virtring blk bench`. */
static uint64_t next_place(uint64_t places)
{
	static uint64_t random = 0x9e3779b97f4a7c15ull;

	random ^= random >> 12;
	random ^= random << 25;
	random ^= random >> 27;
	return (random * 0x2545f4914f6cdd1dull >> 11) % places;
}

static int bench(struct client *c, double length, uintptr_t depth, size_t block)
{
	struct blkio_completion done[DEPTH_MAX];
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	double start = seconds(CLOCK_MONOTONIC);
	uint64_t places = c->capacity / block;
	uint64_t requests = 0;
	uintptr_t busy = depth;

	for (uintptr_t slot = 0; slot < depth; slot++)
		blkioq_read(c->queue, next_place(places) * block, block_of(c, slot, block), block,
			    (void *)slot, 0);
	while (busy > 0) {
		int got = wait_some(c, done);
		double now = seconds(CLOCK_MONOTONIC);

		requests += (uint64_t)got;
		for (int i = 0; i < got; i++) {
			uintptr_t slot = (uintptr_t)done[i].user_data;

			if (now - start >= length)
				busy--;
			else
				blkioq_read(c->queue, next_place(places) * block,
					    block_of(c, slot, block), block, (void *)slot, 0);
		}
	}
	length = seconds(CLOCK_MONOTONIC) - start;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("{ \"requests\": %" PRIu64 ", \"seconds\": %.9f, \"cpu_seconds\": %.9f }\n",
	       requests, length, cpu);
	return 0;
}

/* One batch of blocks after the other, all of a batch in flight at the same time. */
static int move(struct client *c, uint64_t at, FILE *file, int write)
{
	struct blkio_completion done[DEPTH_MAX];
	static char data[DEPTH][BLOCK];
	size_t bytes[DEPTH];

	for (;;) {
		int busy = 0;
		int count = 0;

		for (; count < DEPTH; count++) {
			char *block = block_of(c, (uintptr_t)count, BLOCK);

			bytes[count] = fread(data[count], 1, BLOCK, file);
			if (bytes[count] == 0)
				break;
			memcpy(block, data[count], write ? bytes[count] : 0);
			if (write)
				blkioq_write(c->queue, at, block, bytes[count], NULL, 0);
			else
				blkioq_read(c->queue, at, block, bytes[count], NULL, 0);
			at += bytes[count];
		}
		while (busy < count)
			busy += wait_some(c, done);
		for (int i = 0; i < count && !write; i++) {
			if (!memcmp(block_of(c, (uintptr_t)i, BLOCK), data[i], bytes[i]))
				continue;
			fprintf(stderr, "blkio_client: disk and file differ\n");
			return 1;
		}
		if (count < DEPTH)
			break;
	}
	blkioq_flush(c->queue, NULL, 0);
	wait_some(c, done);
	return 0;
}

static int ranges(struct client *c, int zero, uint64_t offset, uint64_t length)
{
	struct blkio_completion done[DEPTH_MAX];

	if (zero)
		blkioq_write_zeroes(c->queue, offset, length, NULL, 0);
	else
		blkioq_discard(c->queue, offset, length, NULL, 0);
	wait_some(c, done);
	return 0;
}

static int run(struct client *c, const char *verb, int argc, char **argv)
{
	FILE *file;
	int result;

	if (!strcmp(verb, "bench") && argc == 3)
		return bench(c, atof(argv[0]), strtoul(argv[1], NULL, 10),
			     strtoul(argv[2], NULL, 10));
	if (!strcmp(verb, "zero") || !strcmp(verb, "discard"))
		return ranges(c, *verb == 'z', strtoull(argv[0], NULL, 10),
			      strtoull(argv[1], NULL, 10));
	file = fopen(argv[1], "rbe");
	if (!file) {
		perror(argv[1]);
		return 2;
	}
	result = move(c, strtoull(argv[0], NULL, 10), file, !strcmp(verb, "write"));
	fclose(file);
	return result;
}

int main(int argc, char **argv)
{
	struct client client;
	int result;

	if (argc < 5) {
		fprintf(stderr, "usage: see the head of blkio_client.c\n");
		return 2;
	}
	client_open(&client, argv[1], (size_t)DEPTH_MAX * BLOCK);
	result = run(&client, argv[2], argc - 3, argv + 3);
	blkio_destroy(&client.blkio);
	return result;
}
