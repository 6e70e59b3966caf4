// SPDX-License-Identifier: BSD-3-Clause
/*
 * A disk's device half and requests of any shape and any content, in memory that changes meanwhile.
 *
 * Held for every input: what is to be carried out lies within the disk and within memory that may be
 * read, or written; each request is answered once; nothing else breaks than the queue.
 */
#include <stdlib.h>
#include <string.h>

#include <virtring/blk.h>

#include "ring_peer.h"
#include "ring_stage.h"

#define STEPS 100u
#define TAKEN 8u
#define SECTORS 64u

struct run {
	struct fuzz fuzz;
	struct ring_stage stage;
	struct vr_blk_device *blk;
	void *state;
	bool read_only;
	struct vr_blk_request *taken[TAKEN];
	unsigned int count;
};

static void put(uint8_t *at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* A request as it should be, but for what the input makes of it. */
static void send_request(struct run *run)
{
	static const uint8_t types[] = { 0, 1, 4, 8, 11, 13, 2, 14 };
	uint8_t how = fuzz_u8(&run->fuzz);
	uint8_t *header = run->stage.memory[0];
	uint32_t type = types[how & 7];
	struct vr_segment segments[3] = {
		{ RING_BOTH, 16, 0 },
		{ RING_BOTH + 512, 512u * (1 + (how >> 3 & 3)), 0 },
		{ RING_BOTH + 64, 1, 0 },
	};
	struct vr_buffer buffer = { .segments = segments, .readable = 2, .writable = 1 };

	put(header, type, 4);
	put(header + 8, fuzz_u8(&run->fuzz) % (SECTORS + 2), 8);
	if (type == VR_BLK_T_IN || type == VR_BLK_T_GET_ID) {
		buffer.readable = 1;
		buffer.writable = 2;
	}
	if (type == VR_BLK_T_DISCARD || type == VR_BLK_T_WRITE_ZEROES) {
		segments[1].len = 16u * (how >> 3 & 3);
		for (unsigned int i = 0; i < 3; i++) {
			put(header + 512 + 16 * i, fuzz_u8(&run->fuzz) % SECTORS, 8);
			put(header + 520 + 16 * i, fuzz_u8(&run->fuzz) % SECTORS, 4);
			put(header + 524 + 16 * i, fuzz_u8(&run->fuzz) & 3, 4);
		}
	}
	if (how & 0x40)
		segments[0].len = fuzz_u8(&run->fuzz);
	if (how & 0x80)
		segments[1].len = fuzz_u16(&run->fuzz) & 0x7ff;
	(void)vr_driver_add(run->stage.driver, &buffer, 1);
	(void)vr_driver_publish(run->stage.driver);
}

static void check_request(struct run *run, const struct vr_blk_request *request)
{
	bool reads = request->type == VR_BLK_T_IN;
	uint64_t bytes = 0;

	if (reads || request->type == VR_BLK_T_OUT) {
		FUZZ_CHECK(request->bytes > 0 && request->bytes % 512 == 0);
		FUZZ_CHECK(request->sector < SECTORS &&
			   request->bytes / 512 <= SECTORS - request->sector);
		for (uint32_t i = 0; i < request->piece_count; i++) {
			ring_stage_check_access(&run->stage, &request->pieces[i],
						reads ? VR_ACCESS_WRITE : VR_ACCESS_READ);
			bytes += request->pieces[i].len;
		}
		FUZZ_CHECK(bytes == request->bytes);
	} else if (request->type != VR_BLK_T_FLUSH) {
		FUZZ_CHECK(request->type == VR_BLK_T_DISCARD ||
			   request->type == VR_BLK_T_WRITE_ZEROES);
		FUZZ_CHECK(request->range_count >= 1 && request->range_count <= VR_BLK_RANGES_MAX);
		for (uint32_t i = 0; i < request->range_count; i++)
			FUZZ_CHECK(request->ranges[i].sector <= SECTORS &&
				   request->ranges[i].sectors <=
					   SECTORS - request->ranges[i].sector);
	}
	if (run->read_only)
		FUZZ_CHECK(reads || request->type == VR_BLK_T_FLUSH);
}

static void take(struct run *run)
{
	unsigned int room = TAKEN - run->count;
	int got;

	if (room == 0)
		return;
	RING_CALL(&run->fuzz, got, vr_blk_device_take(run->blk, run->taken + run->count, room));
	FUZZ_CHECK(got <= (int)room);
	FUZZ_CHECK(got >= 0 || got == VR_E_BUSY || got == VR_E_BROKEN);
	for (int i = 0; i < got; i++)
		check_request(run, run->taken[run->count++]);
	FUZZ_CHECK(vr_blk_device_busy(run->blk) == run->count);
}

static void answer(struct run *run)
{
	unsigned int at;
	int result;

	if (run->count == 0)
		return;
	at = fuzz_below(&run->fuzz, run->count);
	RING_CALL(&run->fuzz, result,
		  vr_blk_device_done(run->blk, run->taken[at], fuzz_u8(&run->fuzz) % 3));
	FUZZ_CHECK(result == 0);
	run->taken[at] = run->taken[--run->count];
	FUZZ_CHECK(vr_blk_device_busy(run->blk) == run->count);
}

static void step(struct run *run)
{
	int result;

	switch (fuzz_below(&run->fuzz, 10)) {
	case 0:
	case 1:
		send_request(run);
		break;
	case 2:
		ring_stage_send(&run->stage, &run->fuzz);
		break;
	case 3:
		ring_stage_fill(&run->stage, &run->fuzz);
		break;
	case 4:
		ring_stage_poke(&run->stage, &run->fuzz);
		break;
	case 5:
	case 6:
		take(run);
		break;
	case 7:
		answer(run);
		break;
	case 8:
		RING_CALL(&run->fuzz, result, vr_device_publish(run->stage.device, NULL));
		FUZZ_CHECK(result >= 0 || result == VR_E_BROKEN);
		break;
	default:
		ring_stage_take_back(&run->stage);
		break;
	}
}

static void open_blk(struct run *run)
{
	static const struct vr_blk_space space = {
		.capacity = SECTORS,
		.seg_max = 4,
		.blk_size = 512,
		.num_queues = 1,
		.max_discard_sectors = 16,
		.max_discard_seg = 2,
		.discard_sector_alignment = 1,
		.max_write_zeroes_sectors = 32,
		.max_write_zeroes_seg = 3,
		.write_zeroes_may_unmap = 1,
	};
	uint8_t how = fuzz_u8(&run->fuzz);
	struct vr_blk_device_config config = {
		.struct_size = sizeof(config),
		.features = run->stage.features,
		.queue = run->stage.device,
		.space = &space,
		.read_only = how & 1,
		.requests = 1 + (how >> 1 & 3),
		.segments = 3 + (how >> 3 & 3),
	};
	size_t bytes;

	if (how & 0x20)
		config.features |= VR_BLK_F_FLUSH | VR_BLK_F_DISCARD | VR_BLK_F_WRITE_ZEROES;
	run->read_only = config.read_only;
	bytes = vr_blk_device_size(&config);
	FUZZ_CHECK(bytes > 0);
	run->state = fuzz_memory(bytes);
	FUZZ_CHECK(!vr_blk_device_init(run->state, bytes, &config, &run->blk));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .fuzz = fuzz_begin(data, size) };

	ring_stage_open(&run.stage, &run.fuzz, ring_stage_form(&run.fuzz));
	open_blk(&run);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	while (run.count)
		answer(&run);
	ring_stage_close(&run.stage);
	free(run.state);
	return 0;
}
