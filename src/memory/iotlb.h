/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translations of an IOMMU: from the addresses that a device is given to those of the front end, and
 * with them to a snapshot's memory. A cache of fixed size: what was dropped is missed again. For the
 * transports; workers look up while the transport changes it.
 */
#ifndef VR_SRC_MEMORY_IOTLB_H
#define VR_SRC_MEMORY_IOTLB_H

#include <virtring/memory.h>

struct mem_iotlb;

/* An empty cache of at most @max translations. 0 or -ENOMEM. */
int vri_iotlb_create(uint32_t max, struct mem_iotlb **iotlb);
/* @iotlb may be NULL. */
void vri_iotlb_destroy(struct mem_iotlb *iotlb);

/*
 * Adds a translation to memory of @mem; what it overlaps is dropped. 0, -EINVAL (nothing, or a range
 * that wraps around), -EFAULT (not all in regions).
 */
int vri_iotlb_update(struct mem_iotlb *iotlb, const struct vr_mem *mem, uint64_t iova,
		     uint64_t size, uint64_t user_addr, uint32_t access);
/* Drops all that overlaps a range, which must not wrap around. */
void vri_iotlb_invalidate(struct mem_iotlb *iotlb, uint64_t iova, uint64_t size);
/* Could a worker have something of this range in use, if it looked up since vri_iotlb_rested()? */
bool vri_iotlb_in_use(struct mem_iotlb *iotlb, uint64_t iova, uint64_t size);
/* No worker has anything in use. */
void vri_iotlb_rested(struct mem_iotlb *iotlb);
/* The same translations to the memory of another snapshot; those without memory are dropped. */
void vri_iotlb_rebase(struct mem_iotlb *iotlb, const struct vr_mem *mem);

/* The translation that holds @iova. 0 or -ENOENT. */
int vri_iotlb_find(struct mem_iotlb *iotlb, uint64_t iova, struct vr_map_range *range);
/*
 * Host pointer of a range that may be accessed so. 0; -ENOENT, with @iova set to what is missing;
 * -EACCES (not like that); -EFAULT (not in one piece).
 */
int vri_iotlb_ptr(struct mem_iotlb *iotlb, uint64_t *iova, uint64_t len, uint32_t access,
		  void **host);

typedef int vri_mem_miss(const struct vr_map *map, uint64_t addr, uint32_t access,
			 struct vr_map_range *range);

/*
 * A snapshot for workers that may not reach the regions by guest addresses: its map has no ranges,
 * but asks. Its map.context is @context. NULL without memory.
 */
struct vr_mem *vri_mem_view(struct vr_mem *mem, vri_mem_miss *miss, void *context);

#endif
