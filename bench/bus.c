// SPDX-License-Identifier: BSD-3-Clause
#include "bus.h"

#include <stdbool.h>

static bool has(const uintptr_t *blocks, size_t count, uintptr_t block)
{
	/* The latest first: the next access is most often to the same one. */
	for (size_t i = count; i > 0; i--)
		if (blocks[i - 1] == block)
			return true;
	return false;
}

static void load_block(struct bus *bus, uintptr_t block, int acquire)
{
	if (has(bus->held, bus->held_count, block))
		return;
	if (acquire || bus->held_count == BUS_HELD_MAX)
		bus->held_count = 0;
	bus->held[bus->held_count++] = block;
	bus->reads++;
}

void bus_load(struct bus *bus, uintptr_t address, size_t bytes, int acquire)
{
	load_block(bus, address / BUS_BLOCK, acquire);
	if ((address + bytes - 1) / BUS_BLOCK != address / BUS_BLOCK)
		load_block(bus, address / BUS_BLOCK + 1, false);
}

static void flush(struct bus *bus)
{
	bus->writes += bus->pending_count;
	bus->pending_count = 0;
}

static void store_block(struct bus *bus, uintptr_t block)
{
	if (has(bus->pending, bus->pending_count, block))
		return;
	if (bus->pending_count == BUS_HELD_MAX)
		flush(bus);
	bus->pending[bus->pending_count++] = block;
}

void bus_store(struct bus *bus, uintptr_t address, size_t bytes, int release)
{
	if (release)
		flush(bus);
	store_block(bus, address / BUS_BLOCK);
	if ((address + bytes - 1) / BUS_BLOCK != address / BUS_BLOCK)
		store_block(bus, address / BUS_BLOCK + 1);
	if (release)
		flush(bus);
}

void bus_fence(struct bus *bus)
{
	flush(bus);
	bus->held_count = 0;
}
