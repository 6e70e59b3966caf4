// SPDX-License-Identifier: BSD-3-Clause
/* Configuration space of a block device (5.2.4). */
#include <string.h>

#include <virtring/blk.h>

#include "blk/wire.h"

/* Offsets of the fields. */
enum {
	AT_CAPACITY = 0,
	AT_SIZE_MAX = 8,
	AT_SEG_MAX = 12,
	AT_BLK_SIZE = 20,
	AT_PHYSICAL_BLOCK_EXP = 24,
	AT_ALIGNMENT_OFFSET = 25,
	AT_MIN_IO_SIZE = 26,
	AT_OPT_IO_SIZE = 28,
	AT_WRITEBACK = VR_BLK_SPACE_WRITEBACK,
	AT_NUM_QUEUES = 34,
	AT_MAX_DISCARD_SECTORS = 36,
	AT_MAX_DISCARD_SEG = 40,
	AT_DISCARD_SECTOR_ALIGNMENT = 44,
	AT_MAX_WRITE_ZEROES_SECTORS = 48,
	AT_MAX_WRITE_ZEROES_SEG = 52,
	AT_WRITE_ZEROES_MAY_UNMAP = 56,
};

uint32_t vr_blk_space_bytes(uint64_t features)
{
	/* In the order of the space, last field first. */
	static const struct {
		uint64_t feature;
		uint32_t bytes;
	} ends[] = {
		{ VR_BLK_F_WRITE_ZEROES, 60 }, { VR_BLK_F_DISCARD, 48 },  { VR_BLK_F_MQ, 36 },
		{ VR_BLK_F_CONFIG_WCE, 33 },   { VR_BLK_F_TOPOLOGY, 32 }, { VR_BLK_F_BLK_SIZE, 24 },
		{ VR_BLK_F_SEG_MAX, 16 },      { VR_BLK_F_SIZE_MAX, 12 },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (features & ends[i].feature)
			return ends[i].bytes;
	return 8;
}

void vr_blk_space_encode(const struct vr_blk_space *space, uint64_t features, uint8_t *wire)
{
	memset(wire, 0, VR_BLK_SPACE_BYTES);
	vr_blk_put64(wire + AT_CAPACITY, space->capacity);
	if (features & VR_BLK_F_SIZE_MAX)
		vr_blk_put32(wire + AT_SIZE_MAX, space->size_max);
	if (features & VR_BLK_F_SEG_MAX)
		vr_blk_put32(wire + AT_SEG_MAX, space->seg_max);
	if (features & VR_BLK_F_BLK_SIZE)
		vr_blk_put32(wire + AT_BLK_SIZE, space->blk_size);
	if (features & VR_BLK_F_TOPOLOGY) {
		wire[AT_PHYSICAL_BLOCK_EXP] = space->physical_block_exp;
		wire[AT_ALIGNMENT_OFFSET] = space->alignment_offset;
		vr_blk_put16(wire + AT_MIN_IO_SIZE, space->min_io_size);
		vr_blk_put32(wire + AT_OPT_IO_SIZE, space->opt_io_size);
	}
	if (features & VR_BLK_F_CONFIG_WCE)
		wire[AT_WRITEBACK] = space->writeback != 0;
	if (features & VR_BLK_F_MQ)
		vr_blk_put16(wire + AT_NUM_QUEUES, space->num_queues);
	if (features & VR_BLK_F_DISCARD) {
		vr_blk_put32(wire + AT_MAX_DISCARD_SECTORS, space->max_discard_sectors);
		vr_blk_put32(wire + AT_MAX_DISCARD_SEG, space->max_discard_seg);
		vr_blk_put32(wire + AT_DISCARD_SECTOR_ALIGNMENT, space->discard_sector_alignment);
	}
	if (features & VR_BLK_F_WRITE_ZEROES) {
		vr_blk_put32(wire + AT_MAX_WRITE_ZEROES_SECTORS, space->max_write_zeroes_sectors);
		vr_blk_put32(wire + AT_MAX_WRITE_ZEROES_SEG, space->max_write_zeroes_seg);
		wire[AT_WRITE_ZEROES_MAY_UNMAP] = space->write_zeroes_may_unmap;
	}
}

void vr_blk_space_decode(struct vr_blk_space *space, uint64_t features, const uint8_t *wire)
{
	memset(space, 0, sizeof(*space));
	space->capacity = vr_blk_get64(wire + AT_CAPACITY);
	space->blk_size = VR_BLK_SECTOR;
	space->num_queues = 1;
	if (features & VR_BLK_F_SIZE_MAX)
		space->size_max = vr_blk_get32(wire + AT_SIZE_MAX);
	if (features & VR_BLK_F_SEG_MAX)
		space->seg_max = vr_blk_get32(wire + AT_SEG_MAX);
	if (features & VR_BLK_F_BLK_SIZE)
		space->blk_size = vr_blk_get32(wire + AT_BLK_SIZE);
	if (features & VR_BLK_F_TOPOLOGY) {
		space->physical_block_exp = wire[AT_PHYSICAL_BLOCK_EXP];
		space->alignment_offset = wire[AT_ALIGNMENT_OFFSET];
		space->min_io_size = vr_blk_get16(wire + AT_MIN_IO_SIZE);
		space->opt_io_size = vr_blk_get32(wire + AT_OPT_IO_SIZE);
	}
	space->writeback = features & VR_BLK_F_CONFIG_WCE ? wire[AT_WRITEBACK] & 1 :
							    (features & VR_BLK_F_FLUSH) != 0;
	if (features & VR_BLK_F_MQ)
		space->num_queues = vr_blk_get16(wire + AT_NUM_QUEUES);
	if (features & VR_BLK_F_DISCARD) {
		space->max_discard_sectors = vr_blk_get32(wire + AT_MAX_DISCARD_SECTORS);
		space->max_discard_seg = vr_blk_get32(wire + AT_MAX_DISCARD_SEG);
		space->discard_sector_alignment = vr_blk_get32(wire + AT_DISCARD_SECTOR_ALIGNMENT);
	}
	if (features & VR_BLK_F_WRITE_ZEROES) {
		space->max_write_zeroes_sectors = vr_blk_get32(wire + AT_MAX_WRITE_ZEROES_SECTORS);
		space->max_write_zeroes_seg = vr_blk_get32(wire + AT_MAX_WRITE_ZEROES_SEG);
		space->write_zeroes_may_unmap = wire[AT_WRITE_ZEROES_MAY_UNMAP];
	}
}
