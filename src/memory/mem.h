/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share; no other room includes it. */
#ifndef VR_SRC_MEMORY_MEM_H
#define VR_SRC_MEMORY_MEM_H

#include <stdatomic.h>
#include <sys/types.h>

#include <virtring/memory.h>

struct mem_watch;

/**
 * struct mem_mapping - one mapped region, shared by all snapshots that have it
 * @refs: snapshots (and the table's work in progress) that hold it
 * @start: first byte mapped, page-aligned
 * @length: bytes mapped, whole pages
 * @base: the region's first byte; behind @start where its offset is not page-aligned
 * @device: of the file, with @inode its identity
 * @inode: of the file
 * @offset: of the region in it
 * @lost: set by the SIGBUS handler
 * @watch: entry of the SIGBUS handler's list, NULL when not watched
 */
struct mem_mapping {
	atomic_uint refs;
	void *start;
	size_t length;
	unsigned char *base;
	dev_t device;
	ino_t inode;
	uint64_t offset;
	atomic_bool lost;
	struct mem_watch *watch;
};

/* Maps a region whose numbers have been checked. Returns 0 or -errno; @why is set on failure. */
int vri_mapping_create(const struct vr_mem_region *region, struct mem_mapping **mapping,
		       const char **why);
/* Whether @region is that piece of that file. */
bool vri_mapping_is_of(const struct mem_mapping *mapping, const struct vr_mem_region *region);
void vri_mapping_get(struct mem_mapping *mapping);
void vri_mapping_put(struct mem_mapping *mapping);

/**
 * struct mem_entry - a region of a snapshot, beside the vr_map_range of the same index
 * @user_addr: address in the front end
 * @again: how often it was added once more
 * @mapping: a reference
 */
struct mem_entry {
	uint64_t user_addr;
	uint32_t again;
	struct mem_mapping *mapping;
};

/**
 * struct vr_mem - an immutable snapshot
 * @refs: holders
 * @generation: number
 * @map: for the ring's device half; its ranges are @ranges
 * @ranges: sorted by device address
 * @entries: the same regions in the same order
 * @under: of a view, the snapshot that it stands for; its own ranges are empty
 */
struct vr_mem {
	atomic_uint refs;
	uint64_t generation;
	struct vr_map map;
	struct vr_map_range *ranges;
	struct mem_entry *entries;
	struct vr_mem *under;
};

/* An empty snapshot with room for @count regions, or NULL; the caller fills it in. */
struct vr_mem *vri_mem_new(uint32_t count, uint64_t generation);

/* Starts to watch a mapping, if the handler is installed. 0 or -ENOMEM. */
int vri_sigbus_watch(struct mem_mapping *mapping);
/* Ends it; before the memory is unmapped. */
void vri_sigbus_unwatch(struct mem_mapping *mapping);

#endif
