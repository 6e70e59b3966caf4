/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the layout of a ring must hand over, whoever plays: a model of the ring's memory in which a
 * driver and a device without any fault put what the specification says must be there, and store
 * nothing that is there already. The lines that a burst changes are what one side must take for
 * itself and the other one must read; a device behind a bus must read what it cannot know.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "ring_cell.h"

/**
 * struct layout_floor - lines, or blocks of a bus, in @buffers buffers
 * @buffers: how many buffers were looked at
 * @driver_lines: changed by the driver, so to be read by the device
 * @device_lines: changed by the device, so to be read by the driver
 * @bus_reads: blocks that a device behind a bus must read
 * @bus_writes: and must write
 */
struct layout_floor {
	uint64_t buffers;
	uint64_t driver_lines;
	uint64_t device_lines;
	uint64_t bus_reads;
	uint64_t bus_writes;
};

/**
 * layout_floor() - find out
 * @cell: a possible one
 * @warm: bursts that go before
 * @bursts: bursts that are looked at
 * @floor: filled
 *
 * Return: 0, or -1: out of memory.
 */
int layout_floor(const struct ring_cell *cell, uint64_t warm, uint64_t bursts,
		 struct layout_floor *floor);

#endif
