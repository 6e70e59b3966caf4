/* SPDX-License-Identifier: BSD-3-Clause */
/* Both halves of a block device on one queue, for the tests of the blk room. */
#ifndef TEST_BLK_PAIR_H
#define TEST_BLK_PAIR_H

#include <virtring/blk.h>

/* The queue and its memory are the same whatever travels over it. */
#include "net_pair.h"

#define DISK_SECTORS 1000u
#define ALL_FEATURES (VR_BLK_F_FLUSH | VR_BLK_F_DISCARD | VR_BLK_F_WRITE_ZEROES | VR_BLK_F_SEG_MAX)

static const struct vr_blk_space disk_space = {
	.capacity = DISK_SECTORS,
	.seg_max = 10,
	.blk_size = 512,
	.num_queues = 1,
	.max_discard_sectors = 64,
	.max_discard_seg = 4,
	.discard_sector_alignment = 1,
	.max_write_zeroes_sectors = 64,
	.max_write_zeroes_seg = 4,
	.write_zeroes_may_unmap = 1,
};

/* Also frees what the two functions below made. */
static inline struct vr_blk_device *pair_blk_device(struct pair *pair,
						    struct vr_blk_device_config *config)
{
	struct vr_blk_device *device;
	size_t bytes;

	config->struct_size = sizeof(*config);
	config->features |= pair->features;
	config->queue = pair->device;
	if (!config->space)
		config->space = &disk_space;
	memcpy(config->id, "a disk for the tests", VR_BLK_ID_BYTES);
	bytes = vr_blk_device_size(config);
	pair->net_state[1] = pair_state(bytes);
	assert_int_equal(vr_blk_device_init(pair->net_state[1], bytes, config, &device), 0);
	return device;
}

static inline struct vr_blk_driver *pair_blk_driver(struct pair *pair,
						    struct vr_blk_driver_config *config)
{
	struct vr_blk_driver *driver;
	size_t bytes;

	config->struct_size = sizeof(*config);
	config->features |= pair->features;
	config->queue = pair->driver;
	if (!config->space)
		config->space = &disk_space;
	if (!config->requests)
		config->requests = 4;
	config->slots.host = pair_alloc(pair, config->requests * VR_BLK_SLOT_BYTES);
	config->slots.addr = pair_addr(pair, config->slots.host);
	bytes = vr_blk_driver_size(config);
	pair->net_state[0] = pair_state(bytes);
	assert_int_equal(vr_blk_driver_init(pair->net_state[0], bytes, config, &driver), 0);
	return driver;
}

static inline void put32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static inline void put64(uint8_t *p, uint64_t value)
{
	put32(p, (uint32_t)value);
	put32(p + 4, (uint32_t)(value >> 32));
}

/* A request header as the specification draws it (5.2.6). */
static inline void put_header(uint8_t *p, uint32_t type, uint64_t sector)
{
	put32(p, type);
	put32(p + 4, 0);
	put64(p + 8, sector);
}

#endif
