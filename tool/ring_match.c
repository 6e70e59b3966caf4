// SPDX-License-Identifier: BSD-3-Clause
#include "ring_match.h"

#include <stdlib.h>
#include <string.h>

#include "ring_pair.h"

#define CLOCK_EVERY 64u /* turns between two looks at the clock */

/* What both threads see; nothing in it changes while they play, but for what is said below. */
struct ground {
	const struct ring_match *match;
	struct ring_pair *pair;
	struct ring_drain *drain; /* the device's side only */
	/* Set when a side is done. */
	uint64_t buffers;
	double seconds;
	/* Stored once each, by the driver and by whoever finds a queue broken. */
	_Alignas(ROUNDTRIP_ALIGN) _Atomic bool stop;
	_Atomic int error;
};

static void broken(struct ground *ground, int error)
{
	atomic_store_explicit(&ground->error, error, memory_order_relaxed);
}

static bool is_broken(struct ground *ground)
{
	return atomic_load_explicit(&ground->error, memory_order_relaxed) != 0;
}

static void device_side(void *context)
{
	struct ground *ground = context;

	while (!atomic_load_explicit(&ground->stop, memory_order_relaxed)) {
		int count = ring_pair_drain(ground->pair, ground->drain);

		if (count < 0) {
			broken(ground, count);
			return;
		}
	}
}

/* Takes back what there is and adds a burst if it fits; the buffers that came back, or an error. */
static int drive(struct ring_pair *pair, struct vr_used *used, unsigned int room)
{
	unsigned int burst = pair->cell.burst;
	int got = vr_driver_get(pair->driver, used, burst);
	int added = 0;

	if (got >= 0 && vr_driver_free(pair->driver) >= room)
		added = ring_pair_add(pair, burst);
	return added < 0 ? added : got;
}

static void driver_side(void *context)
{
	struct ground *ground = context;
	struct ring_pair *pair = ground->pair;
	unsigned int room = pair->cell.burst * ring_cell_descriptors(&pair->cell);
	struct vr_used used[RING_BURST_MAX];
	double start = tool_now();
	double now = start;
	uint64_t buffers = 0;
	unsigned int turns = 0;

	while (now - start < ground->match->seconds && !is_broken(ground)) {
		int got = drive(pair, used, room);

		if (got < 0)
			broken(ground, got);
		else
			buffers += (unsigned int)got;
		if (++turns % CLOCK_EVERY == 0)
			now = tool_now();
	}
	ground->buffers = buffers;
	ground->seconds = now - start;
	atomic_store_explicit(&ground->stop, true, memory_order_relaxed);
}

/* One burst there and back; the buffers that made it, or an error. */
static int turn_around(struct ground *ground, struct vr_used *used)
{
	struct ring_pair *pair = ground->pair;
	int count = ring_pair_add(pair, pair->cell.burst);

	if (count >= 0)
		count = ring_pair_drain(pair, ground->drain);
	return count < 0 ? count : vr_driver_get(pair->driver, used, pair->cell.burst);
}

static void both_sides(void *context)
{
	struct ground *ground = context;
	struct vr_used used[RING_BURST_MAX];
	double start = tool_now();
	double now = start;
	uint64_t buffers = 0;
	unsigned int turns = 0;

	while (now - start < ground->match->seconds && !is_broken(ground)) {
		int got = turn_around(ground, used);

		if (got != (int)ground->pair->cell.burst)
			broken(ground, got < 0 ? got : VR_E_STATE);
		else
			buffers += (unsigned int)got;
		if (++turns % CLOCK_EVERY == 0)
			now = tool_now();
	}
	ground->buffers = buffers;
	ground->seconds = now - start;
}

static int play(struct ground *ground, struct ring_score *score, char *error)
{
	const struct ring_match *match = ground->match;
	struct duel duel = {
		.play = { match->alone ? both_sides : driver_side, device_side },
		.context = ground,
		.cpu = { match->cpu[SIDE_DRIVER], match->cpu[SIDE_DEVICE] },
	};
	int result = match->alone ? duel_alone(&duel, &score->duel, error) :
				    duel_play(&duel, &score->duel, error);

	if (!result && ground->error)
		result = tool_text(error, "a ring of form %s failed: %s",
				   ring_form_names[match->cell.form], vr_strerror(ground->error));
	score->buffers = ground->buffers;
	score->ns = ground->buffers ? ground->seconds * 1e9 / (double)ground->buffers : 0;
	return result;
}

/* Memory for a side, away from whatever else is written. */
static void *own_memory(size_t bytes)
{
	size_t whole = (bytes + ROUNDTRIP_ALIGN - 1) / ROUNDTRIP_ALIGN * ROUNDTRIP_ALIGN;
	void *memory = aligned_alloc(ROUNDTRIP_ALIGN, whole);

	if (memory)
		memset(memory, 0, whole);
	return memory;
}

int ring_match_play(const struct ring_match *match, struct ring_score *score, char *error)
{
	struct ground *ground = own_memory(sizeof(*ground));
	struct ring_pair *pair = own_memory(sizeof(*pair));
	struct ring_drain *drain = own_memory(sizeof(*drain));
	int result;

	memset(score, 0, sizeof(*score));
	if (!ground || !pair || !drain || ring_pair_open(pair, &match->cell)) {
		result = tool_text(error, "a ring of %u descriptors cannot be set up",
				   match->cell.size);
	} else {
		ground->match = match;
		ground->pair = pair;
		ground->drain = drain;
		ring_drain_init(drain, &match->cell);
		result = play(ground, score, error);
		ring_pair_close(pair);
	}
	free(drain);
	free(pair);
	free(ground);
	return result;
}
