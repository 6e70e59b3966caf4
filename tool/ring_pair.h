/* SPDX-License-Identifier: BSD-3-Clause */
/* Both halves of one queue on one ring, and buffers for it: the same in every bench of the core. */
#ifndef RING_PAIR_H
#define RING_PAIR_H

#include <virtring/device.h>
#include <virtring/driver.h>

#include "ring_cell.h"

/**
 * struct ring_pair - a queue with both its halves
 * @driver: the driver half
 * @device: the device half
 * @cell: what it was made for
 * @buffers: what the driver adds, in turn
 * @buffer_count: number of them
 * @next: the one that is added next
 */
struct ring_pair {
	struct vr_driver *driver;
	struct vr_device *device;
	struct ring_cell cell;
	struct vr_buffer *buffers;
	unsigned int buffer_count;
	/* private */
	struct vr_map_range range;
	struct vr_map map;
	void *memory[8];
	/* The one member that changes, away from what the device's thread reads. */
	_Alignas(128) unsigned int next;
};

/**
 * ring_pair_open() - make a pair
 * @pair: filled; it must stay where it is
 * @cell: a possible one
 *
 * Each area of the ring is on pages of its own. The map lets the device reach any address, as it
 * is, so that tables are found where they are and nothing looks at what the buffers hold.
 *
 * Return: 0 or -1 (no memory, or a size that the layout does not have).
 */
int ring_pair_open(struct ring_pair *pair, const struct ring_cell *cell);

/** ring_pair_close() - free all of it */
void ring_pair_close(struct ring_pair *pair);

/**
 * ring_pair_add() - add the next buffers and publish them
 * @pair: the pair
 * @count: at most RING_BURST_MAX
 *
 * Return: how many there was room for, or a negative error.
 */
int ring_pair_add(struct ring_pair *pair, unsigned int count);

/**
 * struct ring_drain - what the device's half needs while it drains
 * @chains: popped
 * @pieces: their segments
 * @lens_of: a length for each
 * @lens: what it says that it wrote, or NULL
 */
struct ring_drain {
	struct vr_chain chains[RING_BURST_MAX];
	struct vr_iovec pieces[RING_BURST_MAX * RING_SEGMENTS_MAX];
	uint32_t lens_of[RING_BURST_MAX];
	const uint32_t *lens;
};

/** ring_drain_init() - set the lengths for a cell */
void ring_drain_init(struct ring_drain *drain, const struct ring_cell *cell);

/**
 * ring_pair_drain() - pop what there is, up to a burst, complete it and publish that
 * @pair: the pair
 * @drain: set up
 *
 * Return: the number of buffers, 0 when there is none, or a negative error.
 */
int ring_pair_drain(struct ring_pair *pair, struct ring_drain *drain);

#endif
