// SPDX-License-Identifier: BSD-3-Clause
/* Immutable snapshots of a region table, and what is looked up in them. */
#include <errno.h>
#include <stdlib.h>

#include "memory/iotlb.h"
#include "memory/mem.h"

/* What a view stands for, or the snapshot itself. */
static const struct vr_mem *under(const struct vr_mem *mem)
{
	return mem->under ? mem->under : mem;
}

struct vr_mem *vri_mem_new(uint32_t count, uint64_t generation)
{
	struct vr_mem *mem;

	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return NULL;
	/* One element more, so that an empty snapshot has arrays too. */
	mem->ranges = calloc(count + 1u, sizeof(*mem->ranges));
	mem->entries = calloc(count + 1u, sizeof(*mem->entries));
	if (!mem->ranges || !mem->entries) {
		free(mem->ranges);
		free(mem->entries);
		free(mem);
		return NULL;
	}
	atomic_init(&mem->refs, 1);
	mem->generation = generation;
	mem->map.ranges = mem->ranges;
	return mem;
}

struct vr_mem *vr_mem_ref(struct vr_mem *mem)
{
	atomic_fetch_add_explicit(&mem->refs, 1, memory_order_relaxed);
	return mem;
}

static void free_mem(struct vr_mem *mem)
{
	uint32_t i;

	for (i = 0; i < mem->map.count; i++)
		vri_mapping_put(mem->entries[i].mapping);
	free(mem->ranges);
	free(mem->entries);
	free(mem);
}

void vr_mem_put(struct vr_mem *mem)
{
	struct vr_mem *next;

	/* The last user of a view lets go of what is under it. */
	for (; mem; mem = next) {
		if (atomic_fetch_sub_explicit(&mem->refs, 1, memory_order_acq_rel) != 1)
			return;
		next = mem->under;
		free_mem(mem);
	}
}

struct vr_mem *vri_mem_view(struct vr_mem *mem, vri_mem_miss *miss, void *context)
{
	struct vr_mem *view = vri_mem_new(0, mem->generation);

	if (!view)
		return NULL;
	view->under = vr_mem_ref(mem);
	view->map.miss = miss;
	view->map.context = context;
	return view;
}

uint64_t vr_mem_generation(const struct vr_mem *mem)
{
	return mem->generation;
}

uint32_t vr_mem_count(const struct vr_mem *mem)
{
	return under(mem)->map.count;
}

const struct vr_map *vr_mem_map(const struct vr_mem *mem)
{
	return &mem->map;
}

/* Index of the range that holds @addr, or the number of ranges. */
static uint32_t find_range(const struct vr_mem *mem, uint64_t addr)
{
	uint32_t low = 0, high = mem->map.count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct vr_map_range *range = &mem->ranges[mid];

		if (addr < range->addr)
			high = mid;
		else if (addr - range->addr >= range->size)
			low = mid + 1;
		else
			return mid;
	}
	return mem->map.count;
}

int vr_mem_translate(const struct vr_mem *mem, uint64_t addr, uint64_t len, struct vr_iovec *iov,
		     uint32_t max)
{
	uint32_t i, pieces = 0;

	if (!len)
		return -EINVAL;
	if (addr > UINT64_MAX - (len - 1))
		return -EFAULT;
	for (i = find_range(mem, addr); i < mem->map.count; i++) {
		const struct vr_map_range *range = &mem->ranges[i];
		uint64_t here, skip;

		/* Ranges are sorted: the next one continues at @addr, or there is a hole. */
		if (addr < range->addr || addr - range->addr >= range->size)
			return -EFAULT;
		if (pieces == max)
			return -ENOSPC;
		skip = addr - range->addr;
		here = range->size - skip < len ? range->size - skip : len;
		iov[pieces].base = (void *)(range->base + (uintptr_t)skip);
		iov[pieces].len = (size_t)here;
		pieces++;
		addr += here;
		len -= here;
		if (!len)
			return (int)pieces;
	}
	return -EFAULT;
}

void *vr_mem_guest_ptr(const struct vr_mem *mem, uint64_t addr, uint64_t len)
{
	const struct vr_map_range *range;
	uint32_t i = find_range(mem, addr);
	uint64_t skip;

	if (!len || i == mem->map.count)
		return NULL;
	range = &mem->ranges[i];
	skip = addr - range->addr;
	if (len > range->size - skip)
		return NULL;
	return (void *)(range->base + (uintptr_t)skip);
}

void *vr_mem_user_ptr(const struct vr_mem *mem, uint64_t user_addr, uint64_t len,
		      uint64_t *guest_addr)
{
	uint32_t i;

	if (!len)
		return NULL;
	mem = under(mem);
	/* Only ring areas are found this way, a few times a session: no index for it. */
	for (i = 0; i < mem->map.count; i++) {
		const struct vr_map_range *range = &mem->ranges[i];
		uint64_t skip = user_addr - mem->entries[i].user_addr;

		if (user_addr < mem->entries[i].user_addr || skip >= range->size)
			continue;
		if (len > range->size - skip)
			return NULL;
		if (guest_addr)
			*guest_addr = range->addr + skip;
		return (void *)(range->base + (uintptr_t)skip);
	}
	return NULL;
}

bool vr_mem_lost(const struct vr_mem *mem)
{
	uint32_t i;

	mem = under(mem);
	for (i = 0; i < mem->map.count; i++)
		if (atomic_load_explicit(&mem->entries[i].mapping->lost, memory_order_relaxed))
			return true;
	return false;
}
