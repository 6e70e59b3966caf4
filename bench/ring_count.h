/* SPDX-License-Identifier: BSD-3-Clause */
/* What a ring costs in accesses to shared memory: counted on the accesses that the core makes. */
#ifndef RING_COUNT_H
#define RING_COUNT_H

#include "bus.h"
#include "layout.h"
#include "topology.h"

/**
 * struct role_count - accesses of one side, to ring memory and tables; never to what buffers hold
 * @loads: number of loads
 * @stores: number of stores
 * @load_bytes: that they loaded
 * @store_bytes: that they stored
 * @reads: lines that the other side's cache served
 * @upgrades: lines that were taken away from the other side's cache, for a store
 */
struct role_count {
	uint64_t loads;
	uint64_t stores;
	uint64_t load_bytes;
	uint64_t store_bytes;
	uint64_t reads;
	uint64_t upgrades;
};

/**
 * struct ring_count - a cell, counted
 * @buffers: that went through
 * @role: what each side did for them
 * @bus_reads: of the device, were it behind a bus
 * @bus_writes: posted
 * @floor: what the layout must cost; of as many buffers
 */
struct ring_count {
	uint64_t buffers;
	struct role_count role[SIDES];
	uint64_t bus_reads;
	uint64_t bus_writes;
	struct layout_floor floor;
};

/**
 * ring_count() - count a cell
 * @cell: a possible one
 * @count: filled
 *
 * The driver adds a burst, the device drains it, the driver takes it back; so for several laps,
 * after two laps that are not counted. The same every time, to the digit.
 *
 * Return: 0, or -1: a queue could not be set up, or lost buffers.
 */
int ring_count(const struct ring_cell *cell, struct ring_count *count);

#endif
