// SPDX-License-Identifier: BSD-3-Clause
/*
 * A record of buffers in flight that a front end kept, or made up, and the work on it afterwards.
 *
 * Held for every input: a record is taken over, begun anew or refused with a reason; what it says is
 * in flight fits the ring, each buffer once, oldest first; whatever is taken and used afterwards stays
 * within the record (a sanitizer sees the rest); taking it over twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "transport/vhost_user/inflight.h"

#define STEPS 60u
#define SIZE_MAX_HERE 16u

struct run {
	struct fuzz fuzz;
	bool packed;
	uint32_t size;
	void *memory;
	size_t bytes;
	void *area[3];
	struct vr_ring ring;
	struct vu_inflight record;
	struct vu_taken taken[SIZE_MAX_HERE];
	uint32_t count;
	uint32_t descriptors;
};

static void open_memory(struct run *run)
{
	static const uint8_t sizes[] = { 4, 8, 2, 16, 1 };
	uint64_t features = run->packed ? VR_F_RING_PACKED | VR_F_VERSION_1 : VR_F_VERSION_1;

	run->size = sizes[fuzz_below(&run->fuzz, sizeof(sizes))];
	run->bytes = vri_inflight_bytes(run->packed, run->size);
	run->memory = fuzz_memory(run->bytes);
	for (int i = 0; i < 3; i++)
		run->area[i] = fuzz_memory(vr_ring_bytes(features, run->size, (enum vr_area)i));
	run->ring.descriptors.host = run->area[VR_AREA_DESCRIPTORS];
	run->ring.driver.host = run->area[VR_AREA_DRIVER];
	run->ring.device.host = run->area[VR_AREA_DEVICE];
	fuzz_bytes(&run->fuzz, run->area[VR_AREA_DEVICE], 4);
	if (run->packed)
		fuzz_bytes(&run->fuzz, run->area[VR_AREA_DESCRIPTORS], 16 * (size_t)run->size);
}

/* A record that could be one: its header is right but for what the input says. */
static void make_up(struct run *run)
{
	uint8_t *bytes = run->memory;

	fuzz_bytes(&run->fuzz, bytes, run->bytes);
	if (fuzz_flag(&run->fuzz))
		return;
	memset(bytes + 8, 0, 4);
	bytes[8] = 1;
	bytes[10] = (uint8_t)run->size;
	if (!run->packed)
		return;
	/* head, old head, positions: in range */
	for (unsigned int i = 12; i < 20; i += 2) {
		bytes[i] = (uint8_t)(bytes[i] % run->size);
		bytes[i + 1] = 0;
	}
	bytes[20] &= 1;
	bytes[21] &= 1;
}

static void check_again(const struct run *run)
{
	const struct vu_inflight *record = &run->record;
	bool seen[SIZE_MAX_HERE] = { false };
	uint32_t descriptors = 0;

	FUZZ_CHECK(record->again_count <= run->size);
	for (uint32_t i = 0; i < record->again_count; i++) {
		const struct vu_taken *taken = &record->again[i];

		FUZZ_CHECK(taken->head < run->size && !seen[taken->head]);
		seen[taken->head] = true;
		if (i)
			FUZZ_CHECK(record->again[i - 1].counter <= taken->counter);
		if (!run->packed)
			continue;
		FUZZ_CHECK(taken->count >= 1 && taken->last < run->size);
		FUZZ_CHECK(taken->saved + taken->count <= run->size);
		descriptors += taken->count;
	}
	FUZZ_CHECK(descriptors <= run->size);
}

/* Returns what vri_inflight_recover() did. */
static int recover(struct run *run)
{
	const char *why = NULL;
	uint32_t base = 0, popped = 0;
	int result = vri_inflight_recover(&run->record, run->packed, run->size, run->memory,
					  &run->ring, &base, &popped, &why);

	FUZZ_CHECK(result >= -22 && result <= 1);
	if (result < 0)
		FUZZ_CHECK(why && why[0]);
	if (result < 1)
		return result;
	check_again(run);
	FUZZ_CHECK(popped <= run->size && popped >= run->record.again_count);
	FUZZ_CHECK((base & 0x7fff) < (run->packed ? run->size : 0x10000));
	run->count = run->record.again_count;
	memcpy(run->taken, run->record.again, run->count * sizeof(run->taken[0]));
	run->descriptors = popped;
	return 1;
}

/* The same again, by a successor that comes at once. */
static void recover_twice(struct run *run)
{
	uint32_t count = run->count;
	struct vu_taken before[SIZE_MAX_HERE];

	memcpy(before, run->taken, sizeof(before));
	vri_inflight_free(&run->record);
	FUZZ_CHECK(recover(run) == 1);
	FUZZ_CHECK(run->count == count);
	for (uint32_t i = 0; i < count; i++)
		FUZZ_CHECK(run->taken[i].counter == before[i].counter);
}

static bool is_taken(const struct run *run, uint16_t head)
{
	for (uint32_t i = 0; i < run->count; i++)
		if (run->taken[i].head == head)
			return true;
	return false;
}

static void take(struct run *run)
{
	struct vr_chain chain = { .descriptors = 1, .id = fuzz_u8(&run->fuzz) % SIZE_MAX_HERE };

	if (run->descriptors >= run->size || run->count >= run->size || chain.id >= run->size ||
	    (!run->packed && is_taken(run, chain.id)))
		return;
	run->taken[run->count++] =
		vri_inflight_take(&run->record, &chain, fuzz_u8(&run->fuzz) % run->size);
	run->descriptors++;
}

static void use(struct run *run)
{
	uint32_t some = 1 + fuzz_below(&run->fuzz, 4);
	uint32_t i;

	if (some > run->count)
		some = run->count;
	for (i = 0; i < some; i++)
		vri_inflight_link(&run->record, &run->taken[i]);
	vri_inflight_linked(&run->record);
	for (i = 0; i < some; i++)
		vri_inflight_clear(&run->record, &run->taken[i]);
	vri_inflight_cleared(&run->record, some);
	for (i = 0; i < some; i++)
		run->descriptors -= run->packed && run->taken[i].count ? run->taken[i].count : 1;
	run->count -= some;
	memmove(run->taken, run->taken + some, run->count * sizeof(run->taken[0]));
}

static void put_back(struct run *run)
{
	if (run->count == 0 || run->taken[run->count - 1].count > 1)
		return;
	vri_inflight_put_back(&run->record, &run->taken[--run->count]);
	run->descriptors--;
}

static void step(struct run *run)
{
	switch (fuzz_below(&run->fuzz, 5)) {
	case 0:
	case 1:
		take(run);
		break;
	case 2:
		use(run);
		break;
	case 3:
		put_back(run);
		break;
	default:
		/* The peer writes to it all the time; a running queue reads nothing back. */
		((uint8_t *)run->memory)[fuzz_u16(&run->fuzz) % run->bytes] = fuzz_u8(&run->fuzz);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .fuzz = fuzz_begin(data, size) };
	int result;

	run.packed = fuzz_flag(&run.fuzz);
	open_memory(&run);
	make_up(&run);
	result = recover(&run);
	if (result == 1)
		recover_twice(&run);
	if (result == 0)
		result = vri_inflight_begin(&run.record, run.packed, run.size, run.memory,
					    &run.ring, 0) == 0;
	for (unsigned int i = 0; i < STEPS && result == 1 && fuzz_left(&run.fuzz); i++)
		step(&run);
	if (result == 1)
		vri_inflight_free(&run.record);
	for (int i = 0; i < 3; i++)
		free(run.area[i]);
	free(run.memory);
	return 0;
}
