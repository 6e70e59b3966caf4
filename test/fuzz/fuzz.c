// SPDX-License-Identifier: BSD-3-Clause
#include "fuzz.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t fuzz_bytes(struct fuzz *fuzz, void *to, size_t size)
{
	size_t there = fuzz_left(fuzz) < size ? fuzz_left(fuzz) : size;

	memset(to, 0, size);
	if (there)
		memcpy(to, fuzz->front, there);
	fuzz->front += there;
	return there;
}

uint64_t fuzz_peer_word(struct fuzz *fuzz, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | fuzz_peer_u8(fuzz);
	return value;
}

unsigned int fuzz_open_descriptors(void)
{
	struct pollfd fds[64];
	unsigned int open = 0;

	for (int i = 0; i < 64; i++)
		fds[i] = (struct pollfd){ .fd = i };
	/* One that is not open is an event nobody has to ask for. */
	FUZZ_CHECK(poll(fds, 64, 0) >= 0);
	for (int i = 0; i < 64; i++)
		open += !(fds[i].revents & POLLNVAL);
	return open;
}

void *fuzz_memory(size_t bytes)
{
	void *memory = NULL;

	/* Not aligned_alloc(), whose size has to be a multiple of the alignment. */
	if (posix_memalign(&memory, 64, bytes ? bytes : 1))
		abort();
	memset(memory, 0, bytes ? bytes : 1);
	return memory;
}

void fuzz_wrong(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: wrong: %s\n", file, line, what);
	abort();
}
