// SPDX-License-Identifier: BSD-3-Clause
/*
 * A device half against a hostile driver. FUZZ_FEATURES fixes the form.
 *
 * Held for every input: a popped buffer lies in memory that may be accessed that way, whole, and fits
 * into the arrays given; a handle can be completed once, and neither after that nor after a reset; counts
 * of what is popped, staged and published agree with what was done; a restored state is
 * either refused or as good as any other; what is broken stays broken.
 */
#include <string.h>

#include "ring_peer.h"
#include "ring_stage.h"

#define STEPS 200u
#define CHAINS 8u
#define PIECES 24u
#define HANDLES 64u

struct popped {
	uint64_t handle;
	uint64_t capacity;
	bool completed; /* in order: parked or staged, and not published */
};

struct run {
	struct fuzz fuzz;
	struct ring_stage stage;
	struct popped popped[HANDLES]; /* not published; in order oldest first */
	unsigned int count;
	unsigned int staged;
	uint64_t old; /* a handle that is no longer valid */
	uint64_t token;
	bool broken;
	bool recorded; /* restored with buffers to be resubmitted */
};

static void check_fault(struct run *run, int result)
{
	struct vr_fault fault;
	bool broken = vr_device_fault(run->stage.device, &fault);

	if (result == VR_E_BROKEN)
		FUZZ_CHECK(broken);
	if (run->broken)
		FUZZ_CHECK(broken);
	FUZZ_CHECK(broken == (fault.reason != VR_FAULT_NONE));
	run->broken = broken;
}

static void check_counts(const struct run *run)
{
	FUZZ_CHECK(vr_device_in_flight(run->stage.device) == run->count);
	FUZZ_CHECK(vr_device_staged(run->stage.device) == run->staged);
}

/* Touches every byte as its access says; a sanitizer sees what lies outside. */
static void touch(const struct vr_chain *chain)
{
	uint64_t bytes = 0;
	uint8_t sum = 0;

	for (uint32_t i = 0; i < chain->readable; i++) {
		const uint8_t *piece = chain->segments[i].base;

		FUZZ_CHECK(chain->segments[i].len > 0);
		for (size_t k = 0; k < chain->segments[i].len; k++)
			sum = (uint8_t)(sum + ((const volatile uint8_t *)piece)[k]);
		bytes += chain->segments[i].len;
	}
	FUZZ_CHECK(bytes == chain->readable_bytes);
	bytes = 0;
	for (uint32_t i = 0; i < chain->writable; i++) {
		const struct vr_iovec *piece = &chain->segments[chain->readable + i];

		FUZZ_CHECK(piece->len > 0);
		memset(piece->base, sum, piece->len);
		bytes += piece->len;
	}
	FUZZ_CHECK(bytes == chain->writable_bytes);
}

static void check_access(const struct run *run, const struct vr_chain *chain)
{
	for (uint32_t i = 0; i < chain->readable + chain->writable; i++)
		ring_stage_check_access(&run->stage, &chain->segments[i],
					i < chain->readable ? VR_ACCESS_READ : VR_ACCESS_WRITE);
}

static void note_popped(struct run *run, const struct vr_chain *chain)
{
	FUZZ_CHECK(run->count < run->stage.size && run->count < HANDLES);
	FUZZ_CHECK(chain->handle != 0);
	for (unsigned int i = 0; i < run->count; i++)
		FUZZ_CHECK(run->popped[i].handle != chain->handle);
	FUZZ_CHECK(chain->descriptors >= 1 && chain->descriptors <= run->stage.size);
	check_access(run, chain);
	touch(chain);
	run->popped[run->count++] =
		(struct popped){ .handle = chain->handle, .capacity = chain->writable_bytes };
}

static void pop(struct run *run)
{
	struct vr_iovec pieces[PIECES];
	struct vr_chain chains[CHAINS];
	unsigned int count = 1 + fuzz_below(&run->fuzz, CHAINS);
	unsigned int room = fuzz_below(&run->fuzz, PIECES + 1);
	unsigned int used = 0;
	struct vr_need need;
	int got;

	if (room == 0)
		room = PIECES;
	RING_CALL(&run->fuzz, got, vr_device_pop(run->stage.device, chains, count, pieces, room));
	FUZZ_CHECK(got <= (int)count);
	FUZZ_CHECK(got >= 0 || got == VR_E_BROKEN || got == VR_E_SEGMENTS || got == VR_E_BUSY);
	if (run->broken)
		FUZZ_CHECK(got == VR_E_BROKEN);
	if (got == VR_E_BUSY)
		FUZZ_CHECK(run->recorded && ring_in_order(&run->stage));
	if (got == VR_E_SEGMENTS) {
		vr_device_need(run->stage.device, &need);
		FUZZ_CHECK(need.segments > room);
	}
	for (int i = 0; i < got; i++) {
		FUZZ_CHECK(chains[i].segments == &pieces[used]);
		used += chains[i].readable + chains[i].writable;
		FUZZ_CHECK(used <= room);
		note_popped(run, &chains[i]);
	}
	check_fault(run, got);
}

/* In order: what is complete from the oldest on is staged. */
static void count_staged(struct run *run)
{
	unsigned int i;

	if (!ring_in_order(&run->stage))
		return;
	for (i = 0; i < run->count && run->popped[i].completed; i++)
		;
	run->staged = i;
}

static void complete(struct run *run)
{
	unsigned int at = run->count ? fuzz_below(&run->fuzz, run->count) : 0;
	struct popped *popped = &run->popped[at];
	uint32_t len = fuzz_u16(&run->fuzz);
	bool known = run->count && !popped->completed;
	uint64_t handle = run->count ? popped->handle : run->old;
	int expected = known ? 0 : VR_E_STALE;
	int result;

	if (len & 0x8000)
		len = (uint32_t)(run->count ? popped->capacity : 0);
	if (known && len > popped->capacity)
		expected = VR_E_INVAL;
	RING_CALL(&run->fuzz, result, vr_device_complete(run->stage.device, handle, len));
	FUZZ_CHECK(result == expected);
	if (result == 0) {
		popped->completed = true;
		if (!ring_in_order(&run->stage))
			run->staged++;
		count_staged(run);
	}
}

/* A handle that names nothing: an old one, or one that was never given, or not with this place. */
static void complete_stale(struct run *run)
{
	uint8_t how = fuzz_u8(&run->fuzz);
	uint64_t handle = how & 1 ? run->old : fuzz_u64(&run->fuzz);
	int result;

	if (how & 2)
		handle = (handle & ~(uint64_t)0xffff) | fuzz_below(&run->fuzz, RING_SIZE_MAX + 4);
	for (unsigned int i = 0; i < run->count; i++)
		if (run->popped[i].handle == handle)
			return;
	RING_CALL(&run->fuzz, result, vr_device_complete(run->stage.device, handle, 0));
	FUZZ_CHECK(result == VR_E_STALE);
	RING_CALL(&run->fuzz, result, vr_device_unpop(run->stage.device, handle));
	FUZZ_CHECK(result == VR_E_STALE);
}

static void complete_oldest(struct run *run)
{
	uint32_t lens[CHAINS];
	unsigned int count = 1 + fuzz_below(&run->fuzz, CHAINS);
	unsigned int open = 0, done = 0;
	int result;

	for (unsigned int i = 0; i < count; i++)
		lens[i] = fuzz_u8(&run->fuzz);
	for (unsigned int i = 0; i < run->count; i++)
		open += !run->popped[i].completed;
	RING_CALL(&run->fuzz, result, vr_device_complete_oldest(run->stage.device, lens, count));
	FUZZ_CHECK(result == VR_E_INVAL || (result >= 0 && (unsigned int)result <= count));
	if (result < (int)count && result >= 0 && open == run->count)
		FUZZ_CHECK((unsigned int)result == open ||
			   lens[result] > run->popped[result].capacity);
	for (unsigned int i = 0; i < run->count && (int)done < result; i++) {
		if (run->popped[i].completed)
			continue;
		FUZZ_CHECK(lens[done] <= run->popped[i].capacity);
		run->popped[i].completed = true;
		done++;
	}
	FUZZ_CHECK(result < 0 || (int)done == result);
	if (!ring_in_order(&run->stage))
		run->staged += done;
	count_staged(run);
}

static void unpop(struct run *run)
{
	struct popped *newest;
	int result;

	if (!run->count)
		return;
	newest = &run->popped[run->count - 1];
	RING_CALL(&run->fuzz, result, vr_device_unpop(run->stage.device, newest->handle));
	FUZZ_CHECK(result == 0 || result == VR_E_STALE);
	if (newest->completed)
		FUZZ_CHECK(result == VR_E_STALE);
	if (result == 0) {
		run->old = newest->handle;
		run->count--;
	}
}

static void check_stored(const struct run *run, const struct vr_stored *stored)
{
	FUZZ_CHECK(stored->count <= VR_STORED_MAX);
	for (uint32_t i = 0; i < stored->count; i++) {
		const struct vr_stored_range *range = &stored->range[i];

		FUZZ_CHECK((unsigned int)range->area < 3);
		FUZZ_CHECK(range->length <= run->stage.area_bytes[range->area]);
		FUZZ_CHECK(range->offset <= run->stage.area_bytes[range->area] - range->length);
	}
}

/* Everything completed has been published, which takes it off the list. */
static void forget_published(struct run *run)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < run->count; i++) {
		bool gone = run->popped[i].completed &&
			    (!ring_in_order(&run->stage) || i < run->staged);

		if (gone)
			run->old = run->popped[i].handle;
		else
			run->popped[kept++] = run->popped[i];
	}
	run->count = kept;
	run->staged = 0;
}

static void publish(struct run *run)
{
	struct vr_stored stored = { 0 };
	int result;

	RING_CALL(&run->fuzz, result, vr_device_publish(run->stage.device, &stored));
	if (run->broken) {
		FUZZ_CHECK(result == VR_E_BROKEN);
		return;
	}
	FUZZ_CHECK(result == (int)run->staged);
	check_stored(run, &stored);
	forget_published(run);
	RING_CALL(&run->fuzz, result, vr_device_must_notify(run->stage.device));
	check_fault(run, 0);
}

static void arm(struct run *run)
{
	struct vr_stored stored = { 0 };
	bool arrived = true;

	ring_peer_on(&run->fuzz);
	if (fuzz_flag(&run->fuzz))
		arrived = vr_device_arm(run->stage.device, &stored);
	else
		vr_device_disarm(run->stage.device, &stored);
	(void)vr_device_pending(run->stage.device);
	ring_peer_off();
	FUZZ_CHECK(arrived || !run->broken);
	check_stored(run, &stored);
	check_fault(run, 0);
}

/* An honest driver, as far as what the hostile one left allows. */
static void driver(struct run *run)
{
	struct vr_driver *half = run->stage.driver;
	struct vr_segment segments[RING_SEGMENTS_MAX];
	struct vr_buffer buffer = { 0 };
	struct vr_used used[8];
	uint8_t how = fuzz_u8(&run->fuzz);
	int got = 1;

	for (unsigned int i = 0; i < 1u + (how & 7); i++) {
		ring_stage_segments(&run->fuzz, segments, &buffer);
		buffer.token = run->token++;
		if (vr_driver_add(half, &buffer, 1) != 1)
			break;
	}
	(void)vr_driver_publish(half);
	if (how & 8)
		(void)vr_driver_get(half, used, 8);
	if (!(how & 0x10))
		return;
	/* A new driver on the same ring, whose memory stays as it is. */
	vr_driver_stop(half);
	while (got > 0)
		got = vr_driver_reclaim(half, used, 8);
	if (how & 0x20)
		(void)vr_driver_reset(half);
}

static void forget_all(struct run *run)
{
	if (run->count)
		run->old = run->popped[0].handle;
	run->count = 0;
	run->staged = 0;
	run->recorded = false;
}

static void resubmit(struct run *run, uint32_t recorded)
{
	for (uint32_t i = 0; i < recorded; i++) {
		struct vr_descriptor descriptors[3];
		unsigned int count = 1 + fuzz_below(&run->fuzz, 3);
		struct vr_iovec pieces[PIECES];
		struct vr_chain chain;
		int result;

		for (unsigned int k = 0; k < count; k++)
			descriptors[k] = (struct vr_descriptor){
				.addr = RING_BOTH + 16u * fuzz_u8(&run->fuzz),
				.len = fuzz_u8(&run->fuzz),
				.id = (uint16_t)fuzz_below(&run->fuzz, 20),
				.flags = (uint16_t)(fuzz_u8(&run->fuzz) & 7),
			};
		if (ring_packed(&run->stage))
			RING_CALL(&run->fuzz, result,
				  vr_device_resubmit_packed(run->stage.device, descriptors, count,
							    &chain, pieces, PIECES));
		else
			RING_CALL(&run->fuzz, result,
				  vr_device_resubmit_split(run->stage.device, descriptors[0].id,
							   &chain, pieces, PIECES));
		check_fault(run, result);
		if (result != 1)
			return;
		note_popped(run, &chain);
	}
}

/* A saved state comes from the peer, too: true ones, and any. */
static void restore(struct run *run)
{
	uint8_t how = fuzz_u8(&run->fuzz);
	uint32_t base = fuzz_u32(&run->fuzz);
	uint32_t recorded = how >> 4;
	bool busy = run->count > 0;
	int result;

	if (how & 1) {
		result = vr_device_save(run->stage.device, how & 2, &base);
		/* What is recorded and not resubmitted counts, too. */
		if (result != VR_E_BUSY || !run->recorded || (how & 2))
			FUZZ_CHECK(result == (busy && !(how & 2) ? VR_E_BUSY : 0));
		if (result)
			return;
	}
	if (how & 4)
		RING_CALL(&run->fuzz, result, vr_device_restore(run->stage.device, base));
	else
		RING_CALL(&run->fuzz, result,
			  vr_device_restore_in_flight(run->stage.device, base, recorded));
	FUZZ_CHECK(result == 0 || result == VR_E_INVAL);
	if (result)
		return;
	forget_all(run);
	run->broken = false;
	check_fault(run, 0);
	if (how & 4)
		return;
	run->recorded = recorded > 0;
	resubmit(run, recorded);
}

static void reset(struct run *run)
{
	struct vr_fault fault;

	vr_device_reset(run->stage.device);
	forget_all(run);
	run->broken = false;
	FUZZ_CHECK(!vr_device_fault(run->stage.device, &fault));
}

static void step(struct run *run)
{
	switch (fuzz_below(&run->fuzz, 16)) {
	case 0:
	case 1:
	case 2:
		driver(run);
		break;
	case 3:
	case 4:
	case 5:
		pop(run);
		break;
	case 6:
	case 7:
		complete(run);
		break;
	case 8:
		complete_oldest(run);
		break;
	case 9:
		unpop(run);
		break;
	case 10:
		publish(run);
		break;
	case 11:
		arm(run);
		break;
	case 12:
		complete_stale(run);
		break;
	case 13:
		ring_stage_poke(&run->stage, &run->fuzz);
		break;
	case 14:
		restore(run);
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

	memset(&run, 0, sizeof(run));
	run.fuzz = fuzz_begin(data, size);
	ring_stage_open(&run.stage, &run.fuzz, FUZZ_FEATURES);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	ring_stage_close(&run.stage);
	return 0;
}
