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
#define BYTES 64
#define USED_BYTES 60 /* what a device writes into a buffer that it does not fill */

static struct vr_segment segments[BURST];
static struct vr_buffer buffers[BURST];

static void fill_buffers(int writable)
{
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		segments[i].addr = 0x10000 + i * BYTES;
		segments[i].len = BYTES;
		buffers[i].segments = &segments[i];
		buffers[i].readable = writable ? 0 : 1;
		buffers[i].writable = writable ? 1 : 0;
		buffers[i].token = i;
	}
}

/* One burst through the ring. Returns the number of buffers that made it. */
static int turn(struct ring_pair *pair, const uint32_t *lens)
{
	struct vr_iovec pieces[BURST];
	struct vr_chain chains[BURST];
	struct vr_used used[BURST];
	int count;

	vr_driver_add(pair->driver, buffers, BURST);
	vr_driver_publish(pair->driver);
	count = vr_device_pop(pair->device, chains, BURST, pieces, BURST);
	if (count <= 0)
		return count;
	vr_device_complete_oldest(pair->device, lens, (unsigned int)count);
	vr_device_publish(pair->device, NULL);
	return vr_driver_get(pair->driver, used, BURST);
}

int main(int argc, char **argv)
{
	uint32_t lens[BURST];
	struct ring_pair pair;
	long turns, i;
	int form = 0, writable;

	if (argc != 4) {
		fprintf(stderr, "usage: bench-ring_loop FORM readable|writable TURNS\n");
		return 2;
	}
	while (form < RING_FORMS && strcmp(argv[1], ring_forms[form].name) != 0)
		form++;
	writable = strcmp(argv[2], "writable") == 0;
	turns = strtol(argv[3], NULL, 10);
	if (form == RING_FORMS || ring_pair_open(&pair, ring_forms[form].features, QUEUE_SIZE)) {
		fprintf(stderr, "bench-ring_loop: cannot set up a ring of form '%s'\n", argv[1]);
		return 2;
	}
	fill_buffers(writable);
	for (i = 0; i < BURST; i++)
		lens[i] = USED_BYTES;
	for (i = 0; i < turns; i++) {
		if (turn(&pair, writable ? lens : NULL) != BURST) {
			fprintf(stderr, "bench-ring_loop: turn %ld lost buffers\n", i);
			return 1;
		}
	}
	printf("%ld buffers\n", turns * BURST);
	ring_pair_close(&pair);
	return 0;
}
