// SPDX-License-Identifier: BSD-3-Clause
/* Setting bits in the dirty log. */
#include "transport/vhost_user/dirty.h"

/*
 * Release: who finds the bit set finds the data behind it. Each bit is set even if it is set already:
 * a look would have to be fenced against the data, which is no cheaper.
 */
static void set_bits(const struct vu_dirty *dirty, uint64_t byte, unsigned char bits)
{
	(void)__atomic_fetch_or(&dirty->bits[byte], bits, __ATOMIC_RELEASE);
}

void vri_dirty_mark(const struct vu_dirty *dirty, uint64_t addr, uint64_t bytes)
{
	uint64_t page = addr >> VU_PAGE_BITS, last;

	if (!bytes || page >= dirty->pages)
		return;
	last = bytes - 1 > UINT64_MAX - addr ? UINT64_MAX : addr + (bytes - 1);
	last >>= VU_PAGE_BITS;
	if (last >= dirty->pages)
		last = dirty->pages - 1;
	for (; page <= last && page % 8; page++)
		set_bits(dirty, page / 8, (unsigned char)(1u << page % 8));
	for (; page + 7 <= last; page += 8)
		set_bits(dirty, page / 8, 0xff);
	for (; page <= last; page++)
		set_bits(dirty, page / 8, (unsigned char)(1u << page % 8));
}

bool vri_dirty_addr(const struct vu_dirty *dirty, const void *host, uint64_t *addr)
{
	const struct vr_map *map = vr_mem_map(dirty->mem);
	uint32_t i;

	/* A few regions as a rule, and only while a guest migrates. */
	for (i = 0; i < map->count; i++) {
		const struct vr_map_range *range = &map->ranges[i];
		const uintptr_t skip = (uintptr_t)host - range->base;

		if ((uintptr_t)host < range->base || skip >= range->size)
			continue;
		*addr = range->addr + skip;
		return true;
	}
	return false;
}

void vri_dirty_mark_all(const struct vu_dirty *dirty)
{
	const struct vr_map *map = vr_mem_map(dirty->mem);
	uint32_t i;

	for (i = 0; i < map->count; i++)
		vri_dirty_mark(dirty, map->ranges[i].addr, map->ranges[i].size);
}
