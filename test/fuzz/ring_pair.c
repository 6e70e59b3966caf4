// SPDX-License-Identifier: BSD-3-Clause
/*
 * Both halves on one ring under any honest schedule, against a model: a queue of what was added and a
 * queue of what was used. FUZZ_FEATURES fixes the form.
 *
 * Held for every input: the device gets each buffer once, in order, with the segments that were added;
 * the driver gets it back once, with the length that the device gave, in the order of use; nobody who
 * armed and found nothing is left asleep when something comes; nothing breaks.
 */
#include <string.h>

#include "ring_peer.h"
#include "ring_stage.h"

#define TOKENS 512u
#define STEPS 300u
#define BURST 8u
#define PIECES (BURST * RING_SEGMENTS_MAX * 3)

struct sent {
	uint64_t readable;
	uint64_t writable;
	uint64_t handle;
	uint32_t len;
	bool completed;
};

struct run {
	struct fuzz fuzz;
	struct ring_stage stage;
	uint64_t added, published, popped; /* tokens below each */
	uint64_t staged_use; /* entries of @used that are decided, */
	uint64_t seen_use; /* that the driver may see, */
	uint64_t back; /* and that it has taken */
	bool driver_sleeps;
	bool device_sleeps;
	uint64_t driver_slept_at; /* how much had been used when it armed */
	uint64_t device_slept_at; /* how much had been published when it armed */
	uint64_t used[TOKENS]; /* tokens in the order of use */
	struct sent sent[TOKENS]; /* by token; last, as these two are not cleared for each input */
};

/* No address space goes on behind its end; what such a buffer does is the device target's subject. */
static void keep_within(struct vr_segment *segments, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (segments[i].addr > UINT64_MAX - segments[i].len)
			segments[i].addr = RING_BOTH;
}

static void driver_add(struct run *run)
{
	struct vr_segment segments[BURST][RING_SEGMENTS_MAX];
	struct vr_buffer buffers[BURST] = { 0 };
	unsigned int count = 1 + fuzz_below(&run->fuzz, BURST);
	int taken;

	if (run->added + BURST > TOKENS)
		return;
	for (unsigned int i = 0; i < count; i++) {
		keep_within(segments[i], ring_stage_segments(&run->fuzz, segments[i], &buffers[i]));
		buffers[i].token = run->added + i;
	}
	taken = vr_driver_add(run->stage.driver, buffers, count);
	FUZZ_CHECK(taken <= (int)count && taken != VR_E_BROKEN && taken != VR_E_STATE);
	for (int i = 0; i < taken; i++) {
		struct sent *sent = &run->sent[run->added++];

		memset(sent, 0, sizeof(*sent));
		sent->writable = ring_stage_capacity(&buffers[i]);
		for (unsigned int k = 0; k < buffers[i].readable; k++)
			sent->readable += segments[i][k].len;
	}
}

static void driver_publish(struct run *run)
{
	int count = vr_driver_publish(run->stage.driver);

	FUZZ_CHECK(count == (int)(run->added - run->published));
	run->published = run->added;
}

static void driver_verdict(struct run *run)
{
	bool notify = vr_driver_must_notify(run->stage.driver);

	if (run->device_sleeps && run->published > run->device_slept_at) {
		FUZZ_CHECK(notify);
		run->device_sleeps = false;
	}
}

/* A split half reads the index again only when it has used up what it saw: it may get fewer, once. */
static void check_count(int got, uint64_t there, unsigned int count)
{
	FUZZ_CHECK(got >= (there ? 1 : 0));
	FUZZ_CHECK((uint64_t)got <= there && (unsigned int)got <= count);
}

static void driver_get(struct run *run)
{
	struct vr_used used[BURST];
	unsigned int count = 1 + fuzz_below(&run->fuzz, BURST);
	uint64_t there = run->seen_use - run->back;
	int got;

	FUZZ_CHECK(vr_driver_pending(run->stage.driver) == (there > 0));
	got = vr_driver_get(run->stage.driver, used, count);
	check_count(got, there, count);
	for (int i = 0; i < got; i++) {
		FUZZ_CHECK(used[i].token == run->used[run->back]);
		FUZZ_CHECK(used[i].len == run->sent[used[i].token].len);
		run->back++;
	}
}

static void driver_arm(struct run *run)
{
	bool there = run->seen_use > run->back;
	bool arrived = vr_driver_arm(run->stage.driver, NULL);

	FUZZ_CHECK(arrived == there);
	run->driver_sleeps = !arrived;
	run->driver_slept_at = run->seen_use;
}

static void note_popped(struct run *run, const struct vr_chain *chain)
{
	struct sent *sent = &run->sent[run->popped++];

	FUZZ_CHECK(chain->readable_bytes == sent->readable);
	FUZZ_CHECK(chain->writable_bytes == sent->writable);
	sent->handle = chain->handle;
}

static void device_pop(struct run *run)
{
	struct vr_iovec pieces[PIECES];
	struct vr_chain chains[BURST];
	unsigned int count = 1 + fuzz_below(&run->fuzz, BURST);
	uint64_t there = run->published - run->popped;
	int got;

	FUZZ_CHECK(vr_device_pending(run->stage.device) == (there > 0));
	got = vr_device_pop(run->stage.device, chains, count, pieces, PIECES);
	check_count(got, there, count);
	for (int i = 0; i < got; i++)
		note_popped(run, &chains[i]);
}

/* In order: all that is complete from the oldest on is used, in that order. */
static void use_in_order(struct run *run)
{
	while (run->staged_use < run->popped && run->sent[run->staged_use].completed) {
		run->used[run->staged_use] = run->staged_use;
		run->staged_use++;
	}
}

static uint32_t some_len(struct run *run, uint64_t token)
{
	uint64_t capacity = run->sent[token].writable;
	uint8_t how = fuzz_u8(&run->fuzz);

	return (uint32_t)(how & 0x80 ? capacity : how % (capacity + 1));
}

static void complete(struct run *run, uint64_t token)
{
	struct sent *sent = &run->sent[token];

	sent->len = some_len(run, token);
	FUZZ_CHECK(!vr_device_complete(run->stage.device, sent->handle, sent->len));
	sent->completed = true;
	if (ring_in_order(&run->stage))
		use_in_order(run);
	else
		run->used[run->staged_use++] = token;
	FUZZ_CHECK(vr_device_complete(run->stage.device, sent->handle, 0) == VR_E_STALE);
}

/* One that is popped and not completed, from any place among them. */
static void device_complete(struct run *run)
{
	uint64_t token = run->popped;
	unsigned int skip = fuzz_below(&run->fuzz, RING_SIZE_MAX);

	while (token > 0 && run->popped - token < RING_SIZE_MAX + TOKENS) {
		token--;
		if (run->sent[token].completed)
			continue;
		if (skip-- == 0 || token == 0)
			break;
	}
	if (token < run->popped && !run->sent[token].completed)
		complete(run, token);
}

static void device_complete_oldest(struct run *run)
{
	uint32_t lens[BURST];
	unsigned int count = 1 + fuzz_below(&run->fuzz, BURST);
	uint64_t tokens[BURST];
	unsigned int open = 0;
	int done;

	for (uint64_t token = 0; token < run->popped && open < count; token++) {
		if (run->sent[token].completed)
			continue;
		/* In order it stops before one that was completed early. */
		if (ring_in_order(&run->stage) && token != run->staged_use + open)
			break;
		lens[open] = some_len(run, token);
		tokens[open++] = token;
	}
	done = open ? vr_device_complete_oldest(run->stage.device, lens, open) : 0;
	FUZZ_CHECK(done == (int)open);
	for (unsigned int i = 0; i < open; i++) {
		run->sent[tokens[i]].len = lens[i];
		run->sent[tokens[i]].completed = true;
		if (!ring_in_order(&run->stage))
			run->used[run->staged_use++] = tokens[i];
	}
	if (ring_in_order(&run->stage))
		use_in_order(run);
}

static void device_publish(struct run *run)
{
	int count = vr_device_publish(run->stage.device, NULL);

	FUZZ_CHECK(count == (int)(run->staged_use - run->seen_use));
	run->seen_use = run->staged_use;
}

static void device_verdict(struct run *run)
{
	bool notify = vr_device_must_notify(run->stage.device);

	if (run->driver_sleeps && run->seen_use > run->driver_slept_at) {
		FUZZ_CHECK(notify);
		run->driver_sleeps = false;
	}
}

static void device_arm(struct run *run)
{
	bool there = run->published > run->popped;
	bool arrived = vr_device_arm(run->stage.device, NULL);

	FUZZ_CHECK(arrived == there);
	run->device_sleeps = !arrived;
	run->device_slept_at = run->published;
}

static void device_unpop(struct run *run)
{
	uint64_t handle;

	if (run->popped == 0 || run->sent[run->popped - 1].completed)
		return;
	handle = run->sent[run->popped - 1].handle;
	if (vr_device_unpop(run->stage.device, handle))
		return;
	run->popped--;
	FUZZ_CHECK(vr_device_complete(run->stage.device, handle, 0) == VR_E_STALE);
}

/* Back end goes, back end comes: in the middle of everything when nothing is in flight. */
static void device_restart(struct run *run)
{
	uint32_t base;

	if (vr_device_save(run->stage.device, false, &base)) {
		FUZZ_CHECK(run->popped > run->seen_use);
		return;
	}
	FUZZ_CHECK(run->popped == run->seen_use);
	vr_device_reset(run->stage.device);
	FUZZ_CHECK(vr_device_restore(run->stage.device, base) == 0);
	run->device_sleeps = false;
	/* Who restarts tells the driver once, as a front end sees a call descriptor written. */
	run->driver_sleeps = false;
}

static void step(struct run *run)
{
	static void (*const steps[])(struct run *) = {
		driver_add,	driver_add,	 driver_publish,  driver_verdict,
		driver_get,	driver_get,	 driver_arm,	  device_pop,
		device_pop,	device_complete, device_complete, device_complete_oldest,
		device_publish, device_verdict,	 device_arm,	  device_unpop,
		device_restart,
	};
	struct vr_fault fault;

	steps[fuzz_below(&run->fuzz, sizeof(steps) / sizeof(steps[0]))](run);
	FUZZ_CHECK(!vr_driver_fault(run->stage.driver, &fault));
	FUZZ_CHECK(!vr_device_fault(run->stage.device, &fault));
}

/* What is under way ends well. */
static void finish(struct run *run)
{
	for (int i = 0; i < 2; i++)
		driver_publish(run);
	while (run->popped < run->published)
		device_pop(run);
	for (uint64_t token = 0; token < run->popped; token++)
		if (!run->sent[token].completed)
			complete(run, token);
	device_publish(run);
	while (run->back < run->seen_use)
		driver_get(run);
	FUZZ_CHECK(vr_driver_free(run->stage.driver) == run->stage.size);
	FUZZ_CHECK(vr_device_in_flight(run->stage.device) == 0);
}

/* All that the driver may send the device can take; nobody touches it. The tables are where they are. */
static void map_everything(struct ring_stage *stage)
{
	struct vr_map_range *range = stage->ranges;
	struct vr_map_range tables = range[3];

	tables.access = VR_ACCESS_READ | VR_ACCESS_WRITE;
	range[0] = tables;
	range[0].addr = 0;
	range[0].size = RING_TABLES;
	range[1] = tables;
	range[2] = tables;
	range[2].addr = RING_TABLES + tables.size;
	range[2].size = 0 - range[2].addr;
	stage->map.count = 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;

	memset(&run, 0, offsetof(struct run, used));
	run.fuzz = fuzz_begin(data, size);
	ring_peer_off();
	ring_stage_open(&run.stage, &run.fuzz, FUZZ_FEATURES);
	map_everything(&run.stage);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	finish(&run);
	ring_stage_close(&run.stage);
	return 0;
}
