// SPDX-License-Identifier: BSD-3-Clause
/*
 * Both halves in one thread, for callgrind: bursts are added, popped, completed and taken back, a
 * given number of times. It measures nothing itself; test/groups/count.sh counts its instructions.
 */
#include "ring_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 32
#define QUEUE_SIZE 256

/* One burst through the ring. Returns the number of buffers that made it. */
static int turn(struct ring_pair *pair, struct ring_drain *drain)
{
	struct vr_used used[BURST];
	int count = ring_pair_add(pair, BURST);

	if (count > 0)
		count = ring_pair_drain(pair, drain);
	return count <= 0 ? count : vr_driver_get(pair->driver, used, BURST);
}

int main(int argc, char **argv)
{
	struct ring_cell cell = { .size = QUEUE_SIZE, .burst = BURST, .segments = 1 };
	static struct ring_drain drain;
	struct ring_pair pair;
	long turns, i;

	if (argc != 4) {
		fprintf(stderr, "usage: bench-ring_loop FORM readable|writable TURNS\n");
		return 2;
	}
	while (cell.form < RING_FORMS && strcmp(argv[1], ring_form_names[cell.form]) != 0)
		cell.form++;
	cell.writable = strcmp(argv[2], "writable") == 0;
	turns = strtol(argv[3], NULL, 10);
	if (cell.form == RING_FORMS || ring_pair_open(&pair, &cell)) {
		fprintf(stderr, "bench-ring_loop: cannot set up a ring of form '%s'\n", argv[1]);
		return 2;
	}
	ring_drain_init(&drain, &cell);
	for (i = 0; i < turns; i++) {
		if (turn(&pair, &drain) != BURST) {
			fprintf(stderr, "bench-ring_loop: turn %ld lost buffers\n", i);
			return 1;
		}
	}
	printf("%ld buffers\n", turns * BURST);
	ring_pair_close(&pair);
	return 0;
}
