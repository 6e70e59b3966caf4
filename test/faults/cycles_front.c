// SPDX-License-Identifier: BSD-3-Clause
/*
 * A front end that comes and goes ten thousand times, each time with memory, rings and buffers:
 * descriptors, mappings and memory of this process, which has both ends, are counted.
 * (cycles.py has front ends that get less far.)
 *
 * VIRTRING_CYCLES=N: how many (10000).
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vu_echo.h"
#include "vu_peer.h"

#define WARM 100u

struct count {
	int fds;
	unsigned int mappings;
	size_t bytes;
};

static struct count count_all(void)
{
	struct count count = { .fds = count_fds(), .bytes = mallinfo2().uordblks };
	FILE *file = fopen("/proc/self/maps", "r");
	char line[512];

	CHECK(file);
	/* Shared memory; what an allocator maps for itself is not among them. */
	while (fgets(line, sizeof(line), file))
		count.mappings += strstr(line, "memfd:") != NULL;
	fclose(file);
	return count;
}

/* Waits until the back end has done with the front end that has gone. */
static void wait_for_the_end(const struct echo *echo, uint32_t stops)
{
	for (int i = 0; echo->stops < stops && i < VU_RIG_MS; i++)
		usleep(1000);
	CHECK_EQ(echo->stops, stops);
}

static void cycle(struct echo *echo, struct vu_rig *rig, uint32_t number)
{
	int ends[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	echo_serve(echo, ends[1]);
	vu_rig_create(rig);
	vu_rig_start(rig, ends[0], 0);
	echo_exchange(rig, 1);
	/* Half of them leave buffers behind that nobody asks for any more. */
	if (number % 2)
		echo_put(rig, 0, 0, number);
	vu_rig_disconnect(rig);
	wait_for_the_end(echo, 2 * (number + 1));
	echo_stop(echo);
	vu_rig_destroy(rig);
}

static void come_and_go(void **state)
{
	const char *text = getenv("VIRTRING_CYCLES");
	const uint32_t cycles = text ? (uint32_t)strtoul(text, NULL, 10) : 10000;
	struct count before = { 0 }, after;
	static struct echo echo;

	(void)state;
	echo_create(&echo);
	for (uint32_t i = 0; i < cycles + WARM; i++) {
		struct vu_rig rig = echo_rig(&forms[i % FORM_COUNT], 2);

		context("cycle %u", i);
		if (i == WARM)
			before = count_all();
		cycle(&echo, &rig, i);
	}
	after = count_all();
	CHECK_EQ(after.fds, before.fds);
	CHECK_EQ(after.mappings, before.mappings);
	/* What stdio or a thread keeps; not a byte a cycle. */
	CHECK(after.bytes <= before.bytes + 4096);
	printf("REPORT: %u cycles: %d descriptors, %u mappings, %+ld bytes\n", cycles, after.fds,
	       after.mappings, (long)(after.bytes - before.bytes));
	echo_destroy(&echo);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(come_and_go) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
