/* SPDX-License-Identifier: BSD-3-Clause */
/* Both halves of one queue on one ring, set up the same way by every benchmark of the core. */
#ifndef BENCH_RING_PAIR_H
#define BENCH_RING_PAIR_H

#include <stdint.h>
#include <virtring/device.h>
#include <virtring/driver.h>

/**
 * struct ring_form - a form of the ring by name
 * @name: as options and tables have it
 * @features: its feature bits
 */
struct ring_form {
	const char *name;
	uint64_t features;
};

#define RING_FORMS 4
extern const struct ring_form ring_forms[RING_FORMS];

/**
 * struct ring_pair - a queue with both its halves
 * @driver: the driver half
 * @device: the device half
 */
struct ring_pair {
	struct vr_driver *driver;
	struct vr_device *device;
	struct vr_map_range range;
	struct vr_map map;
	void *memory[5];
};

/**
 * ring_pair_open() - make a pair
 * @pair: filled
 * @features: feature bits
 * @queue_size: descriptors
 *
 * The map lets the device reach any address, as it is.
 *
 * Return: 0 or -1 (no memory, or a size that the layout does not have).
 */
int ring_pair_open(struct ring_pair *pair, uint64_t features, uint32_t queue_size);

/** ring_pair_close() - free all of it */
void ring_pair_close(struct ring_pair *pair);

#endif
