// SPDX-License-Identifier: BSD-3-Clause
/*
 * A driver half against a hostile device. FUZZ_FEATURES fixes the form.
 *
 * Held for every input: a token comes back at most once, and only if it was added and published; in
 * order, in order, and from split rings as many as the used elements name; no length is above what
 * the buffer holds; free and outstanding descriptors are the
 * queue, broken or not; a refused add changes nothing; what is broken stays broken; after a
 * stop each outstanding token is reclaimed once, and a reset starts afresh.
 */
#include <endian.h>
#include <string.h>

#include "ring_peer.h"
#include "ring_stage.h"

#define TOKENS 512u
#define STEPS 200u
#define BURST 4u

enum where {
	NOWHERE,
	STAGED,
	PUBLISHED,
	BACK,
};

struct sent {
	enum where where;
	unsigned int descriptors;
	uint32_t head; /* in order */
	uint64_t capacity;
	unsigned int segment_count;
	struct vr_segment segments[RING_SEGMENTS_MAX];
};

struct run {
	struct fuzz fuzz;
	struct ring_stage stage;
	uint64_t added; /* tokens are counted */
	uint64_t oldest; /* the first that is not back */
	bool broken;
	bool stopped;
	/* Split in order, since the last reset. */
	uint32_t taken; /* descriptors */
	uint32_t used; /* buffers that came back */
	uint32_t batch_left; /* of them, more that the last element stands for */
	bool batch_unknown; /* the peer changed something, and the element read is gone */
	struct sent sent[TOKENS]; /* by token; last, as it is not cleared for each input */
};

static void check_counts(const struct run *run)
{
	unsigned int outstanding = 0, descriptors = 0;

	for (uint64_t token = run->oldest; token < run->added; token++) {
		const struct sent *sent = &run->sent[token];

		if (sent->where != STAGED && sent->where != PUBLISHED)
			continue;
		outstanding++;
		descriptors += sent->descriptors;
	}
	FUZZ_CHECK(vr_driver_outstanding(run->stage.driver) == outstanding);
	FUZZ_CHECK(vr_driver_free(run->stage.driver) + descriptors == run->stage.size);
}

/* A fault latches, and can be named. */
static void check_fault(struct run *run, int result)
{
	struct vr_fault fault;
	bool broken = vr_driver_fault(run->stage.driver, &fault);

	if (result == VR_E_BROKEN)
		FUZZ_CHECK(broken);
	if (run->broken)
		FUZZ_CHECK(broken);
	FUZZ_CHECK(broken == (fault.reason != VR_FAULT_NONE));
	FUZZ_CHECK(vr_fault_text(fault.reason)[0]);
	run->broken = broken;
}

static void note_added(struct run *run, const struct vr_buffer *buffer)
{
	struct sent *sent = &run->sent[run->added++];

	memset(sent, 0, sizeof(*sent));
	sent->where = STAGED;
	sent->descriptors = ring_stage_descriptors(&run->stage, buffer);
	sent->head = run->taken % run->stage.size;
	run->taken += sent->descriptors;
	sent->capacity = ring_stage_capacity(buffer);
	sent->segment_count = buffer->readable + buffer->writable;
	memcpy(sent->segments, buffer->segments, sent->segment_count * sizeof(sent->segments[0]));
}

/* How many of these have to be taken, or what the first one is to be refused with. */
static int expect_add(const struct run *run, const struct vr_buffer *buffers, unsigned int count)
{
	unsigned int room = vr_driver_free(run->stage.driver);
	unsigned int i;

	if (run->stopped)
		return VR_E_STATE;
	for (i = 0; i < count; i++) {
		unsigned int need = ring_stage_descriptors(&run->stage, &buffers[i]);
		unsigned int segments = buffers[i].readable + buffers[i].writable;

		if (segments > run->stage.size)
			return i ? (int)i : VR_E_TOO_LONG;
		if (ring_stage_capacity(&buffers[i]) == UINT64_MAX)
			return i ? (int)i : VR_E_INVAL;
		if (need > room)
			return (int)i;
		room -= need;
	}
	return (int)i;
}

static void check_unchanged(const struct run *run, const uint8_t *before)
{
	size_t bytes = run->stage.area_bytes[VR_AREA_DESCRIPTORS];

	FUZZ_CHECK(memcmp(run->stage.area[VR_AREA_DESCRIPTORS], before, bytes) == 0);
}

static void add(struct run *run)
{
	struct vr_segment segments[BURST][RING_SEGMENTS_MAX];
	struct vr_buffer buffers[BURST] = { 0 };
	unsigned int count = 1 + fuzz_below(&run->fuzz, BURST);
	uint8_t before[RING_SIZE_MAX * 16];
	int expected, taken;

	if (run->added + BURST > TOKENS)
		return;
	for (unsigned int i = 0; i < count; i++) {
		ring_stage_segments(&run->fuzz, segments[i], &buffers[i]);
		buffers[i].token = run->added + i;
		buffers[i].context = ~buffers[i].token;
	}
	expected = expect_add(run, buffers, count);
	memcpy(before, run->stage.area[VR_AREA_DESCRIPTORS],
	       run->stage.area_bytes[VR_AREA_DESCRIPTORS]);
	RING_CALL(&run->fuzz, taken, vr_driver_add(run->stage.driver, buffers, count));
	if (run->broken && !run->stopped)
		FUZZ_CHECK(taken == VR_E_BROKEN);
	else if (!run->broken)
		FUZZ_CHECK(taken == expected);
	if (taken <= 0)
		check_unchanged(run, before);
	for (int i = 0; i < taken; i++)
		note_added(run, &buffers[i]);
	check_fault(run, taken);
}

static void publish(struct run *run)
{
	unsigned int staged = 0;
	int count;

	for (uint64_t token = run->oldest; token < run->added; token++)
		staged += run->sent[token].where == STAGED;
	RING_CALL(&run->fuzz, count, vr_driver_publish(run->stage.driver));
	if (count >= 0) {
		FUZZ_CHECK(!run->broken && !run->stopped && (unsigned int)count == staged);
		for (uint64_t token = run->oldest; token < run->added; token++)
			if (run->sent[token].where == STAGED)
				run->sent[token].where = PUBLISHED;
	}
	check_fault(run, count);
}

static void check_segments(const struct run *run, const struct vr_used *used)
{
	const struct sent *sent = &run->sent[used->token];
	struct vr_segment segments[RING_SEGMENTS_MAX];
	unsigned int count;

	if (!(run->stage.driver_flags & VR_DRIVER_KEEP_SEGMENTS))
		return;
	FUZZ_CHECK(used->segments == sent->segment_count);
	count = vr_driver_used_segments(run->stage.driver, used, segments, RING_SEGMENTS_MAX);
	FUZZ_CHECK(count == sent->segment_count);
	for (unsigned int i = 0; i < count; i++)
		FUZZ_CHECK(segments[i].addr == sent->segments[i].addr &&
			   segments[i].len == sent->segments[i].len);
}

/* Buffers that came back, used or reclaimed. */
static void take_back(struct run *run, const struct vr_used *used, int count, bool reclaimed)
{
	for (int i = 0; i < count; i++) {
		struct sent *sent;

		FUZZ_CHECK(used[i].token < run->added);
		FUZZ_CHECK(used[i].context == ~used[i].token);
		sent = &run->sent[used[i].token];
		FUZZ_CHECK(sent->where == PUBLISHED || (reclaimed && sent->where == STAGED));
		FUZZ_CHECK(used[i].len <= (reclaimed ? 0 : sent->capacity));
		check_segments(run, &used[i]);
		sent->where = BACK;
		while (run->oldest < run->added && run->sent[run->oldest].where == BACK)
			run->oldest++;
		/* In order nothing older is left behind. */
		if (ring_in_order(&run->stage))
			FUZZ_CHECK(run->oldest == used[i].token + 1);
	}
}

/* The head that a used element names. */
static uint32_t used_head(const struct run *run, uint32_t index)
{
	const uint8_t *ring = run->stage.area[VR_AREA_DEVICE];
	uint32_t id;

	memcpy(&id, ring + 4 + 8 * (size_t)(index % run->stage.size), sizeof(id));
	return le32toh(id);
}

/* How many buffers from the given token on an element stands for that names @head: up to that one. */
static uint32_t batch_of(const struct run *run, uint64_t token, uint32_t head)
{
	uint64_t last = token;

	while (last < run->added && run->sent[last].head != head)
		last++;
	FUZZ_CHECK(last < run->added);
	return (uint32_t)(last + 1 - token);
}

/*
 * Split in order: what came back, from the token @first on, is what the elements say that are in the
 * ring still; the rest of the last batch may have been asked for no more.
 */
static void check_batches(struct run *run, uint64_t first, uint32_t got, uint32_t asked)
{
	uint32_t named = run->batch_left;

	while (!run->batch_unknown && named < got)
		named += batch_of(run, first + named, used_head(run, run->used + named));
	run->used += got;
	run->batch_left = named > got ? named - got : 0;
	/* Whoever got less than was asked for got all there is. */
	if (got == asked)
		return;
	FUZZ_CHECK(run->batch_unknown || run->batch_left == 0 || run->broken);
	run->batch_left = 0;
	run->batch_unknown = false;
}

static void get(struct run *run, bool hostile)
{
	struct vr_used used[8];
	unsigned int count = 1 + fuzz_below(&run->fuzz, 8);
	uint64_t first = run->oldest;
	bool pending = hostile || vr_driver_pending(run->stage.driver);
	int got;

	if (hostile)
		RING_CALL(&run->fuzz, got, vr_driver_get(run->stage.driver, used, count));
	else
		got = vr_driver_get(run->stage.driver, used, count);
	FUZZ_CHECK(got <= (int)count && (got >= 0 || got == VR_E_BROKEN || got == VR_E_STATE));
	/* While nothing changes, "is there more?" and what there is agree. */
	if (!hostile && !run->stopped)
		FUZZ_CHECK(pending == (got != 0));
	take_back(run, used, got, false);
	check_fault(run, got);
	if (!ring_in_order(&run->stage) || ring_packed(&run->stage))
		return;
	run->batch_unknown |= hostile && ring_peer_changed();
	if (got >= 0)
		check_batches(run, first, (uint32_t)got, count);
}

static void arm(struct run *run)
{
	struct vr_stored stored;
	uint8_t how = fuzz_u8(&run->fuzz);
	bool arrived = false;

	ring_peer_on(&run->fuzz);
	if (how & 1)
		arrived = vr_driver_arm(run->stage.driver, how & 2 ? &stored : NULL);
	else if (how & 4)
		arrived = vr_driver_arm_delayed(run->stage.driver, how >> 4,
						how & 2 ? &stored : NULL);
	else
		vr_driver_disarm(run->stage.driver, how & 2 ? &stored : NULL);
	ring_peer_off();
	if (run->broken && (how & 5))
		FUZZ_CHECK(arrived);
	check_fault(run, 0);
}

static void verdict(struct run *run)
{
	bool notify;

	RING_CALL(&run->fuzz, notify, vr_driver_must_notify(run->stage.driver));
	(void)notify;
	(void)vr_driver_notification_data(run->stage.driver, 1);
	check_fault(run, 0);
}

/* An honest device, as far as what the hostile one left allows. */
static void device(struct run *run)
{
	struct vr_device *device = run->stage.device;
	struct vr_iovec pieces[32];
	struct vr_chain chains[8];
	uint8_t how = fuzz_u8(&run->fuzz);
	int count = vr_device_pop(device, chains, 1 + (how & 7), pieces, 32);

	if (count == VR_E_BROKEN && (how & 0x80)) {
		vr_device_reset(device);
		(void)vr_device_restore(device, vr_driver_base(run->stage.driver));
	}
	for (int i = 0; i < count; i++) {
		int at = how & 8 ? count - 1 - i : i;
		uint32_t len = chains[at].writable_bytes;

		if (how & 0x10 && len)
			len -= fuzz_u8(&run->fuzz) % len;
		(void)vr_device_complete(device, chains[at].handle, len);
	}
	if (!(how & 0x20))
		(void)vr_device_publish(device, NULL);
}

static void reclaim_all(struct run *run)
{
	struct vr_used used[3];
	int got;

	vr_driver_stop(run->stage.driver);
	run->stopped = true;
	do {
		RING_CALL(&run->fuzz, got, vr_driver_reclaim(run->stage.driver, used, 3));
		FUZZ_CHECK(got >= 0 && got <= 3);
		take_back(run, used, got, true);
	} while (got > 0);
	FUZZ_CHECK(run->oldest == run->added);
	check_counts(run);
}

static void reset(struct run *run)
{
	struct vr_fault fault;
	int result;

	reclaim_all(run);
	RING_CALL(&run->fuzz, result, vr_driver_reset(run->stage.driver));
	FUZZ_CHECK(result == 0);
	FUZZ_CHECK(!vr_driver_fault(run->stage.driver, &fault));
	run->broken = false;
	run->stopped = false;
	run->taken = run->used = run->batch_left = 0;
	run->batch_unknown = false;
	/* An idle device has used nothing, whatever was used before. */
	FUZZ_CHECK(!vr_driver_pending(run->stage.driver));
	vr_device_reset(run->stage.device);
}

static void stop(struct run *run)
{
	struct vr_used used[2];
	int got;

	vr_driver_stop(run->stage.driver);
	run->stopped = true;
	RING_CALL(&run->fuzz, got, vr_driver_reclaim(run->stage.driver, used, 2));
	FUZZ_CHECK(got >= 0);
	take_back(run, used, got, true);
}

static void step(struct run *run)
{
	switch (fuzz_below(&run->fuzz, 16)) {
	case 0:
	case 1:
	case 2:
		add(run);
		break;
	case 3:
	case 4:
		publish(run);
		break;
	case 5:
	case 6:
		get(run, true);
		break;
	case 7:
		get(run, false);
		break;
	case 8:
		arm(run);
		break;
	case 9:
		verdict(run);
		break;
	case 10:
	case 11:
	case 12:
		device(run);
		break;
	case 13:
		ring_stage_poke(&run->stage, &run->fuzz);
		break;
	case 14:
		if (fuzz_flag(&run->fuzz))
			vr_driver_break(run->stage.driver);
		else
			stop(run);
		check_fault(run, 0);
		break;
	default:
		reset(run);
		break;
	}
	check_counts(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;

	memset(&run, 0, offsetof(struct run, sent));
	run.fuzz = fuzz_begin(data, size);
	ring_stage_open(&run.stage, &run.fuzz, FUZZ_FEATURES);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	reset(&run);
	ring_stage_close(&run.stage);
	return 0;
}
