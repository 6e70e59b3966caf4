// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* From the addresses of a driver to host memory: map look-ups, indirect tables, odd cases. */
#include "device_gather.h"

static const struct vr_map_range *find_range(const struct vr_map *map, uint64_t addr)
{
	uint32_t below = 0, above = map->count;

	while (below < above) {
		uint32_t middle = below + (above - below) / 2;
		const struct vr_map_range *range = &map->ranges[middle];

		if (addr < range->addr)
			above = middle;
		else if (addr - range->addr >= range->size)
			below = middle + 1;
		else
			return range;
	}
	return NULL;
}

static int ask_map(struct vr_device *device, uint64_t addr, uint32_t access,
		   struct vr_map_range *range)
{
	const struct vr_map *map = device->map;
	int error = VR_E_INVAL;

	if (map->miss)
		error = map->miss(map, addr, access, range);
	if (error == 0 && addr - range->addr < range->size)
		return 0;
	if (error == VR_E_MISS) {
		device->need.addr = addr;
		device->need.access = access;
		return VR_E_MISS;
	}
	return vr_halt_fault(&device->halt, VR_FAULT_UNMAPPED, addr, 0);
}

/* Finds the piece of memory that holds @addr and may be accessed this way. */
static int resolve(struct vr_device *device, uint64_t addr, uint32_t access,
		   struct vr_map_range *range)
{
	*range = device->hit;
	if (addr - range->addr >= range->size) {
		const struct vr_map_range *found = find_range(device->map, addr);

		if (found) {
			device->hit = *found;
			*range = *found;
		} else {
			int error = ask_map(device, addr, access, range);

			if (error)
				return error;
		}
	}
	if (!(range->access & access))
		return vr_halt_fault(&device->halt, VR_FAULT_ACCESS, addr, access);
	return 0;
}

/* An element that is not all in the range of the last one. Zero lengths are dropped unread. */
int vr_gather_far(struct vr_device *device, struct vr_gather *gather, uint64_t addr, uint32_t len,
		  uint32_t access)
{
	while (len) {
		struct vr_map_range range;
		uint64_t offset, piece;
		int error = resolve(device, addr, access, &range);

		if (error)
			return error;
		offset = addr - range.addr;
		piece = range.size - offset < len ? range.size - offset : len;
		vr_gather_push(gather, range.base + (uintptr_t)offset, piece);
		addr += piece;
		len -= (uint32_t)piece;
		if (len && addr == 0) /* beyond the end of the address space, not at its start */
			return vr_halt_fault(&device->halt, VR_FAULT_UNMAPPED, UINT64_MAX, len);
	}
	return 0;
}

int vr_gather_misplaced(struct vr_device *device, const struct vr_gather *gather, uint32_t len)
{
	if (gather->elements > device->max_chain)
		return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_LENGTH, gather->elements,
				     device->max_chain);
	return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_ORDER, len, 0);
}

int vr_gather_check(struct vr_device *device, const struct vr_gather *gather)
{
	uint64_t bytes = gather->readable_bytes + gather->writable_bytes;

	if (bytes > (uint64_t)UINT32_MAX + 1)
		return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_BYTES, bytes,
				     (uint64_t)UINT32_MAX + 1);
	if (gather->writable_bytes > UINT32_MAX)
		return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_BYTES, bytes, UINT32_MAX);
	if (gather->pieces <= gather->room)
		return 0;
	device->need.segments = gather->pieces;
	return VR_E_SEGMENTS;
}

/* Takes a private copy of entry @index of the table at @table. */
static int load_entry(struct vr_device *device, uint64_t table, uint32_t index,
		      struct vr_map_range *range, uint64_t *addr, uint64_t *rest)
{
	uint64_t at = table + (uint64_t)index * sizeof(struct vr_desc);
	uint64_t offset = at - range->addr;
	uintptr_t host;

	if (offset >= range->size) {
		int error = resolve(device, at, VR_ACCESS_READ, range);

		if (error)
			return error;
		offset = at - range->addr;
	}
	if (range->size - offset < sizeof(struct vr_desc))
		return vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_SPLIT, at, 0);
	host = range->base + (uintptr_t)offset;
	if (vr_likely((host & 7) == 0)) {
		const struct vr_desc *entry = (const struct vr_desc *)host;

		*addr = vr_ld64(&entry->addr);
		*rest = vr_ld64(&entry->rest);
	} else {
		*addr = vr_ld64_unaligned((const void *)host);
		*rest = vr_ld64_unaligned((const void *)(host + 8));
	}
	return 0;
}

/* Where does a split entry lead? A packed table is an array, and only WRITE counts in it (2.8.7). */
static int next_entry(struct vr_device *device, uint64_t rest, uint32_t count, uint32_t *index)
{
	uint16_t flags = vr_split_flags(rest);
	uint16_t next = vr_split_next(rest);

	if (flags & VR_DESC_INDIRECT)
		return vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_NESTED, flags, 0);
	if (!(flags & VR_DESC_NEXT)) {
		*index = count;
		return 0;
	}
	if (next >= count)
		return vr_halt_fault(&device->halt, VR_FAULT_NEXT_RANGE, next, count);
	*index = next;
	return 0;
}

/*
 * Gathers an indirect table. A split one is entered at 0 and followed; it cannot keep us longer than
 * it has entries, nor than max_chain elements. A missing translation gives up the whole pop.
 */
int vr_gather_table(struct vr_device *device, struct vr_gather *gather, uint64_t addr, uint32_t len,
		    bool packed)
{
	uint32_t count = len / (uint32_t)sizeof(struct vr_desc);
	struct vr_map_range range = { 0, 0, 0, 0, 0 };
	uint32_t index = 0, steps;

	if (!device->indirect)
		return vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_FEATURE, VR_DESC_INDIRECT, 0);
	if (len == 0 || len % sizeof(struct vr_desc))
		return vr_halt_fault(&device->halt, VR_FAULT_INDIRECT_SIZE, len, 0);
	for (steps = 0; index < count; steps++) {
		uint64_t at, rest;
		uint16_t flags;
		int error;

		if (steps == count)
			return vr_halt_fault(&device->halt, VR_FAULT_CHAIN_LENGTH, steps + 1ull,
					     count);
		error = load_entry(device, addr, index, &range, &at, &rest);
		if (error)
			return error;
		flags = packed ? vr_packed_flags(rest) : vr_split_flags(rest);
		error = vr_gather_element(device, gather, at, (uint32_t)rest,
					  flags & VR_DESC_WRITE);
		if (error)
			return error;
		if (packed)
			index++;
		else
			error = next_entry(device, rest, count, &index);
		if (error)
			return error;
	}
	return 0;
}
