// SPDX-License-Identifier: BSD-3-Clause
/*
 * Messages about memory. The new state is built and checked first; then running rings are paused,
 * switched to it and started again. Whoever holds an old snapshot keeps its mappings alive.
 */
#include <errno.h>
#include <inttypes.h>

#include "transport/vhost_user/backend.h"

static void use_table(struct vr_vu_backend *b, struct vr_mem_table *table)
{
	vr_mem_put(b->mem);
	b->mem = vr_mem_table_get(table);
	if (b->table != table)
		vr_mem_table_destroy(b->table);
	b->table = table;
}

int vri_memory_reset(struct vr_vu_backend *b)
{
	struct vr_mem_table *table;
	int ret;

	ret = vr_mem_table_create(b->config.max_regions, &table);
	if (!ret)
		use_table(b, table);
	return ret;
}

/* Every running ring is still. */
static int switch_memory(struct vr_vu_backend *b)
{
	use_table(b, b->next_table);
	b->next_table = NULL;
	if (b->iotlb)
		vri_iotlb_rebase(b->iotlb, b->mem);
	return 0;
}

int vri_memory_switch(struct vr_vu_backend *b, struct vr_mem_table *table)
{
	b->next_table = table;
	return vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_PAUSE, switch_memory);
}

/* A running ring whose memory would go away, or -1. */
static int ring_outside(const struct vr_vu_backend *b, struct vr_mem_table *table)
{
	struct vr_mem *mem = vr_mem_table_get(table);
	int found = -1;
	uint32_t i;

	/* Rings that are translated wait for a translation instead. */
	for (i = 0; i < b->config.vrings && found < 0 && !vri_has_iommu(b); i++)
		if (b->rings[i].view.running && !vri_ring_in_memory(b, &b->rings[i], mem))
			found = (int)i;
	vr_mem_put(mem);
	return found;
}

static struct vr_mem_region region_of(const struct vu_region *wire, int fd)
{
	return (struct vr_mem_region){
		.guest_addr = wire->guest_addr,
		.size = wire->size,
		.user_addr = wire->user_addr,
		.mmap_offset = wire->mmap_offset,
		.fd = fd,
	};
}

static int refuse_region(struct vr_vu_backend *b, int error, const struct vr_mem_reason *reason,
			 const struct vu_region *wire)
{
	return vri_backend_refuse(b, error,
				  "region %u: %s (guest 0x%" PRIx64 " size 0x%" PRIx64
				  " user 0x%" PRIx64 " offset 0x%" PRIx64 ")",
				  reason->region, reason->text, wire->guest_addr, wire->size,
				  wire->user_addr, wire->mmap_offset);
}

/* The count against what came with the message. */
static int check_table(struct vr_vu_backend *b)
{
	const struct vu_region_table *wire = &b->rx.payload.table;
	const uint32_t size = b->rx.header.size;

	if (!wire->count || wire->count > VU_TABLE_REGIONS)
		return vri_backend_refuse(b, -EINVAL, "%u regions, not 1..8", wire->count);
	/* Some send their whole structure whatever the count; Linux's has room for two regions. */
	if (size < 8 + 32 * wire->count || (size - 8) % 32)
		return vri_backend_refuse(b, -EINVAL, "%u bytes for %u regions", size, wire->count);
	if (b->rx.fd_count != wire->count)
		return vri_backend_refuse(b, -EINVAL, "%u descriptors for %u regions",
					  b->rx.fd_count, wire->count);
	if (wire->count > b->config.max_regions)
		return vri_backend_refuse(b, -ENOSPC, "%u regions, but %u memory slots",
					  wire->count, b->config.max_regions);
	return 0;
}

static int fill_table(struct vr_vu_backend *b, struct vr_mem_table *table)
{
	const struct vu_region_table *wire = &b->rx.payload.table;
	struct vr_mem_region regions[VU_TABLE_REGIONS];
	struct vr_mem_reason reason;
	uint32_t i;
	int ret;

	for (i = 0; i < wire->count; i++)
		regions[i] = region_of(&wire->regions[i], b->rx.fds[i]);
	ret = vr_mem_table_replace(table, regions, wire->count, &reason);
	if (ret)
		return refuse_region(b, ret, &reason,
				     &wire->regions[reason.region % VU_TABLE_REGIONS]);
	ret = ring_outside(b, table);
	if (ret >= 0)
		return vri_backend_refuse(b, -EINVAL, "ring %d runs in memory that would go away",
					  ret);
	return 0;
}

int vri_set_mem_table(struct vr_vu_backend *b)
{
	struct vr_mem_table *table;
	int ret;

	ret = check_table(b);
	if (ret)
		return ret;
	/* A table of its own: the one in use stays as it is until the rings have left it. */
	if (vr_mem_table_create(b->config.max_regions, &table))
		return vri_backend_refuse(b, -ENOMEM, "no memory");
	ret = fill_table(b, table);
	if (ret) {
		vr_mem_table_destroy(table);
		return ret;
	}
	if (b->postcopy.listening)
		return vri_postcopy_table(b, table);
	return vri_memory_switch(b, table);
}

int vri_get_max_mem_slots(struct vr_vu_backend *b)
{
	const uint64_t slots = b->config.max_regions;

	vri_reply(b, &slots, sizeof(slots));
	return 0;
}

int vri_add_mem_reg(struct vr_vu_backend *b)
{
	const struct vu_region *wire = &b->rx.payload.single.region;
	const struct vr_mem_region region = region_of(wire, b->rx.fds[0]);
	struct vr_mem_reason reason;
	int ret;

	ret = vr_mem_table_add(b->table, &region, &reason);
	if (ret)
		return refuse_region(b, ret, &reason, wire);
	return vri_memory_switch(b, b->table);
}

/* Does a running ring have an area in this region? */
static int ring_inside(const struct vr_vu_backend *b, const struct vu_region *wire)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings && !vri_has_iommu(b); i++) {
		const struct vu_vring_addr *addr = &b->rings[i].addr;

		if (b->rings[i].view.running && (addr->descriptors - wire->user_addr < wire->size ||
						 addr->driver - wire->user_addr < wire->size ||
						 addr->device - wire->user_addr < wire->size))
			return (int)i;
	}
	return -1;
}

int vri_rem_mem_reg(struct vr_vu_backend *b)
{
	const struct vu_region *wire = &b->rx.payload.single.region;
	int ret;

	ret = ring_inside(b, wire);
	if (ret >= 0)
		return vri_backend_refuse(b, -EBUSY, "ring %d runs in that region", ret);
	ret = vr_mem_table_remove(b->table, wire->guest_addr, wire->user_addr, wire->size);
	if (ret)
		return vri_backend_refuse(b, ret,
					  "no region has guest 0x%" PRIx64 " user 0x%" PRIx64
					  " size 0x%" PRIx64,
					  wire->guest_addr, wire->user_addr, wire->size);
	return vri_memory_switch(b, b->table);
}
