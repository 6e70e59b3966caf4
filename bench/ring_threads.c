// SPDX-License-Identifier: BSD-3-Clause
/*
 * The ring alone: a driver and a device that only turn buffers around, each polling in a thread on a
 * CPU of its own. Nanoseconds per buffer, for each form, in rounds that take turns.
 *
 * The round trip of a cache line between the two CPUs is measured before and after every round;
 * a round during which it changed its class is dropped and counted.
 */
#include "ring_pair.h"

#include "roundtrip.h"
#include "stats.h"
#include "topology.h"

#include <argp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST_MAX 64
#define ROUNDS_MAX 1000
#define SPINS 64 /* between two looks at the clock */

enum direction {
	READABLE,
	WRITABLE,
	DIRECTIONS
};

static const char *const direction_names[DIRECTIONS] = { "readable", "writable" };

struct options {
	uint32_t queue_size;
	unsigned int burst;
	unsigned int rounds;
	double seconds;
	double near_ns;
	double far_ns;
	bool rotate;
	int cpus[3];
};

static struct options options = { 256, 32, 10, 0.2, 80, 200, false, { -1, -1, -1 } };

/* One round: what both threads share. The device stops when the driver says so. */
struct duel {
	struct ring_pair pair;
	const struct topology *topology;
	enum direction direction;
	struct roundtrip before;
	struct roundtrip after;
	double rtt[2];
	double ns; /* per buffer */
	uint64_t buffers;
	int failed;
	_Atomic int stop __attribute__((aligned(128)));
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void turn_around(struct duel *duel)
{
	struct vr_iovec pieces[BURST_MAX];
	struct vr_chain chains[BURST_MAX];
	uint32_t lens[BURST_MAX];
	unsigned int i;

	/* As a received packet: less than the buffer takes. */
	for (i = 0; i < BURST_MAX; i++)
		lens[i] = 60;
	while (!atomic_load_explicit(&duel->stop, memory_order_relaxed)) {
		int count = vr_device_pop(duel->pair.device, chains, options.burst, pieces,
					  options.burst);

		if (count == 0)
			continue;
		if (count < 0 ||
		    vr_device_complete_oldest(duel->pair.device,
					      duel->direction == WRITABLE ? lens : NULL,
					      (unsigned int)count) != count ||
		    vr_device_publish(duel->pair.device, NULL) < 0) {
			duel->failed = 1;
			return;
		}
	}
}

static void *device_thread(void *argument)
{
	struct duel *duel = (struct duel *)argument;

	topology_pin(duel->topology->cpu[SIDE_DEVICE]);
	roundtrip_measure(&duel->before, 0, 1);
	turn_around(duel);
	roundtrip_measure(&duel->after, 0, 1);
	return NULL;
}

/* The driver's buffers: a pool, of which a burst is used again and again, or all in turn. */
struct pool {
	struct vr_segment segments[2 * VR_QUEUE_SIZE_MAX];
	unsigned int count;
	unsigned int next;
};

static void fill_pool(struct pool *pool)
{
	unsigned int i;

	/* A pool that is no multiple of the queue never meets the same slot with the same buffer. */
	pool->count = options.rotate ? 2 * options.queue_size - 1 : options.queue_size;
	pool->next = 0;
	for (i = 0; i < pool->count; i++) {
		pool->segments[i].addr = 0x100000 + (uint64_t)i * 2048;
		pool->segments[i].len = 64;
	}
}

static unsigned int add_burst(struct duel *duel, struct pool *pool)
{
	struct vr_buffer buffers[BURST_MAX];
	unsigned int i, at = pool->next;
	int added;

	for (i = 0; i < options.burst; i++) {
		buffers[i].segments = &pool->segments[at];
		buffers[i].readable = duel->direction == READABLE;
		buffers[i].writable = duel->direction == WRITABLE;
		buffers[i].token = at;
		buffers[i].context = 0;
		at = at + 1 == pool->count ? 0 : at + 1;
	}
	added = vr_driver_add(duel->pair.driver, buffers, options.burst);
	if (added <= 0) {
		duel->failed |= added < 0;
		return 0;
	}
	pool->next += (unsigned int)added;
	if (pool->next >= pool->count)
		pool->next -= pool->count;
	vr_driver_publish(duel->pair.driver);
	return (unsigned int)added;
}

static void drive(struct duel *duel)
{
	static struct pool pool;
	struct vr_used used[BURST_MAX];
	double start, now;
	uint64_t taken = 0;
	unsigned int spins = 0;

	fill_pool(&pool);
	start = now = seconds_now();
	while (now - start < options.seconds && !duel->failed) {
		int got = vr_driver_get(duel->pair.driver, used, options.burst);

		if (got < 0)
			duel->failed = 1;
		else
			taken += (unsigned int)got;
		if (vr_driver_free(duel->pair.driver) >= options.burst)
			add_burst(duel, &pool);
		if (++spins % SPINS == 0)
			now = seconds_now();
	}
	duel->buffers = taken;
	duel->ns = taken ? (now - start) * 1e9 / (double)taken : 0;
	atomic_store_explicit(&duel->stop, 1, memory_order_relaxed);
}

/* Returns the class of the round, or DISTANCE_UNKNOWN when it has to be dropped. */
static enum distance play(struct duel *duel, const struct ring_form *form)
{
	enum distance before, after;
	pthread_t thread;

	if (ring_pair_open(&duel->pair, form->features, options.queue_size)) {
		duel->failed = 1;
		return DISTANCE_UNKNOWN;
	}
	pthread_create(&thread, NULL, device_thread, duel);
	topology_pin(duel->topology->cpu[SIDE_DRIVER]);
	duel->rtt[0] = roundtrip_measure(&duel->before, 1, 1);
	drive(duel);
	duel->rtt[1] = roundtrip_measure(&duel->after, 1, 1);
	pthread_join(thread, NULL);
	ring_pair_close(&duel->pair);
	before = roundtrip_distance(duel->rtt[0], options.near_ns, options.far_ns);
	after = roundtrip_distance(duel->rtt[1], options.near_ns, options.far_ns);
	return before == after ? before : DISTANCE_UNKNOWN;
}

struct cell {
	double ns[DISTANCES][ROUNDS_MAX];
	size_t count[DISTANCES];
};

static struct cell cells[RING_FORMS][DIRECTIONS];

static int play_all(const struct topology *topology, unsigned int *dropped)
{
	unsigned int round;
	int form, direction;

	for (round = 0; round < options.rounds; round++) {
		for (form = 0; form < RING_FORMS * DIRECTIONS; form++) {
			struct cell *cell;
			struct duel *duel = (struct duel *)aligned_alloc(128, sizeof(*duel));
			enum distance distance;

			if (!duel)
				return -1;
			memset(duel, 0, sizeof(*duel));
			direction = form % DIRECTIONS;
			duel->topology = topology;
			duel->direction = (enum direction)direction;
			distance = play(duel, &ring_forms[form / DIRECTIONS]);
			if (duel->failed) {
				free(duel);
				return -1;
			}
			cell = &cells[form / DIRECTIONS][direction];
			if (distance == DISTANCE_UNKNOWN)
				(*dropped)++;
			else
				cell->ns[distance][cell->count[distance]++] = duel->ns;
			free(duel);
		}
	}
	return 0;
}

static void print_table(void)
{
	int form, direction, distance;

	printf("%-16s %-9s %-8s %6s %8s %8s %8s\n", "form", "buffers", "CPUs", "rounds", "median",
	       "min", "max");
	for (direction = 0; direction < DIRECTIONS; direction++) {
		for (form = 0; form < RING_FORMS; form++) {
			for (distance = 0; distance < DISTANCE_UNKNOWN; distance++) {
				struct cell *cell = &cells[form][direction];
				struct stats stats =
					stats_of(cell->ns[distance], cell->count[distance]);

				if (stats.count == 0)
					continue;
				printf("%-16s %-9s %-8s %6zu %8.1f %8.1f %8.1f\n",
				       ring_forms[form].name, direction_names[direction],
				       distance_name((enum distance)distance), stats.count,
				       stats.median, stats.min, stats.max);
			}
		}
	}
}

static const struct argp_option argp_options[] = {
	{ "size", 's', "N", 0, "descriptors of the queue (256)", 0 },
	{ "burst", 'b', "N", 0, "buffers at a time, up to 64 (32)", 0 },
	{ "rounds", 'r', "N", 0, "rounds of each cell, in turn, up to 1000 (10)", 0 },
	{ "seconds", 't', "S", 0, "length of a round (0.2)", 0 },
	{ "near", 'n', "NS", 0, "longest round trip of near CPUs (80)", 0 },
	{ "far", 'f', "NS", 0, "shortest round trip of far CPUs (200)", 0 },
	{ "rotate", 'o', NULL, 0, "slots do not keep their buffers", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	switch (key) {
	case 's':
		options.queue_size = (uint32_t)strtoul(argument, NULL, 10);
		break;
	case 'b':
		options.burst = (unsigned int)strtoul(argument, NULL, 10);
		break;
	case 'r':
		options.rounds = (unsigned int)strtoul(argument, NULL, 10);
		break;
	case 't':
		options.seconds = strtod(argument, NULL);
		break;
	case 'n':
		options.near_ns = strtod(argument, NULL);
		break;
	case 'f':
		options.far_ns = strtod(argument, NULL);
		break;
	case 'o':
		options.rotate = true;
		break;
	case ARGP_KEY_END:
		if (options.burst < 1 || options.burst > BURST_MAX ||
		    options.burst > options.queue_size)
			argp_error(state, "--burst is from 1 to 64, and not above --size");
		if (options.rounds < 1 || options.rounds > ROUNDS_MAX)
			argp_error(state, "--rounds is from 1 to 1000");
		if (!(options.seconds > 0 && options.seconds <= 60))
			argp_error(state, "--seconds is above 0 and at most 60");
		if (!vr_ring_bytes(0, options.queue_size, VR_AREA_DESCRIPTORS))
			argp_error(state, "--size is a power of two up to 32768");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		argp_options, parse,
		NULL,	      "The ring alone, two threads: nanoseconds per buffer of each form.",
		NULL,	      NULL,
		NULL
	};
	struct topology topology;
	unsigned int dropped = 0;
	char error[TOOL_TEXT];

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (topology_find(&topology, options.cpus, error)) {
		fprintf(stderr, "bench-ring_threads: %s\n", error);
		return 2;
	}
	printf("%s, %s; CPUs %d and %d; queue %u, burst %u, %s, %u rounds of %g s\n",
	       topology.model, topology.kernel, topology.cpu[SIDE_DRIVER],
	       topology.cpu[SIDE_DEVICE], options.queue_size, options.burst,
	       options.rotate ? "buffers rotate" : "slots keep their buffers", options.rounds,
	       options.seconds);
	printf("ns per buffer; near: round trip of a cache line at most %g ns, far: at least %g ns\n",
	       options.near_ns, options.far_ns);
	if (play_all(&topology, &dropped)) {
		fprintf(stderr, "bench-ring_threads: a queue broke or could not be set up\n");
		return 1;
	}
	print_table();
	printf("%u of %u rounds dropped because the distance of the CPUs changed\n", dropped,
	       options.rounds * RING_FORMS * DIRECTIONS);
	return 0;
}
