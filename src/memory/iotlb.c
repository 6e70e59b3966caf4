// SPDX-License-Identifier: BSD-3-Clause
/* A bounded cache of translations, sorted by address; each is within one region. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "memory/iotlb.h"
#include "memory/mem.h"

/**
 * struct mem_translation - a piece of the device's address space
 * @iova: first address
 * @size: bytes
 * @user_addr: address in the front end
 * @base: host address
 * @access: VR_ACCESS_* bits
 */
struct mem_translation {
	uint64_t iova;
	uint64_t size;
	uint64_t user_addr;
	uintptr_t base;
	uint32_t access;
};

/**
 * struct mem_iotlb - the cache
 * @lock: for the rest
 * @max: room in @entries
 * @count: entries in use
 * @victim: where to drop one when there is no room
 * @forgot: one was dropped for want of room, and may still be in use
 * @entries: sorted by address, without overlaps
 */
struct mem_iotlb {
	pthread_mutex_t lock;
	uint32_t max;
	uint32_t count;
	uint32_t victim;
	bool forgot;
	struct mem_translation *entries;
};

int vri_iotlb_create(uint32_t max, struct mem_iotlb **iotlb)
{
	struct mem_iotlb *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	t->entries = calloc(max, sizeof(*t->entries));
	if (!t->entries || pthread_mutex_init(&t->lock, NULL)) {
		free(t->entries);
		free(t);
		return -ENOMEM;
	}
	*iotlb = t;
	return 0;
}

void vri_iotlb_destroy(struct mem_iotlb *iotlb)
{
	if (!iotlb)
		return;
	pthread_mutex_destroy(&iotlb->lock);
	free(iotlb->entries);
	free(iotlb);
}

/* Index of the first entry that ends behind @iova. */
static uint32_t first_behind(const struct mem_iotlb *iotlb, uint64_t iova)
{
	uint32_t low = 0, high = iotlb->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct mem_translation *entry = &iotlb->entries[mid];

		if (entry->iova + (entry->size - 1) < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Number of entries from @first on that begin within the range that ends at @last. */
static uint32_t count_overlaps(const struct mem_iotlb *iotlb, uint32_t first, uint64_t last)
{
	uint32_t end = first;

	while (end < iotlb->count && iotlb->entries[end].iova <= last)
		end++;
	return end - first;
}

static void drop(struct mem_iotlb *iotlb, uint32_t first, uint32_t count)
{
	struct mem_translation *entries = iotlb->entries;

	memmove(&entries[first], &entries[first + count],
		(iotlb->count - first - count) * sizeof(*entries));
	iotlb->count -= count;
}

static void invalidate(struct mem_iotlb *iotlb, uint64_t iova, uint64_t size)
{
	const uint32_t first = first_behind(iotlb, iova);

	drop(iotlb, first, count_overlaps(iotlb, first, iova + (size - 1)));
}

static void insert(struct mem_iotlb *iotlb, const struct mem_translation *entry)
{
	struct mem_translation *entries = iotlb->entries;
	uint32_t at;

	if (iotlb->count == iotlb->max) {
		drop(iotlb, iotlb->victim++ % iotlb->count, 1);
		iotlb->forgot = true;
	}
	at = first_behind(iotlb, entry->iova);
	memmove(&entries[at + 1], &entries[at], (iotlb->count - at) * sizeof(*entries));
	entries[at] = *entry;
	iotlb->count++;
}

/* Cuts @entry to what is in one region of @mem, and finds that; false if nothing is. */
static bool place(const struct vr_mem *mem, struct mem_translation *entry)
{
	uint32_t i;

	for (i = 0; i < mem->map.count; i++) {
		const uint64_t skip = entry->user_addr - mem->entries[i].user_addr;
		const uint64_t size = mem->ranges[i].size;

		if (skip >= size)
			continue;
		if (entry->size > size - skip)
			entry->size = size - skip;
		entry->base = mem->ranges[i].base + (uintptr_t)skip;
		return true;
	}
	return false;
}

/* Goes over the pieces of a translation; to put them in, or only to see that they are there. */
static int update(struct mem_iotlb *iotlb, const struct vr_mem *mem, struct mem_translation all,
		  bool store)
{
	while (all.size) {
		struct mem_translation piece = all;

		if (!place(mem, &piece))
			return -EFAULT;
		if (store)
			insert(iotlb, &piece);
		all.iova += piece.size;
		all.user_addr += piece.size;
		all.size -= piece.size;
	}
	return 0;
}

int vri_iotlb_update(struct mem_iotlb *iotlb, const struct vr_mem *mem, uint64_t iova,
		     uint64_t size, uint64_t user_addr, uint32_t access)
{
	const struct mem_translation all = {
		.iova = iova,
		.size = size,
		.user_addr = user_addr,
		.access = access,
	};
	int ret;

	if (!size || iova > UINT64_MAX - (size - 1) || user_addr > UINT64_MAX - (size - 1) ||
	    !access || access & ~(VR_ACCESS_READ | VR_ACCESS_WRITE))
		return -EINVAL;
	pthread_mutex_lock(&iotlb->lock);
	ret = update(iotlb, mem, all, false);
	if (!ret) {
		invalidate(iotlb, iova, size);
		ret = update(iotlb, mem, all, true);
	}
	pthread_mutex_unlock(&iotlb->lock);
	return ret;
}

void vri_iotlb_invalidate(struct mem_iotlb *iotlb, uint64_t iova, uint64_t size)
{
	pthread_mutex_lock(&iotlb->lock);
	invalidate(iotlb, iova, size);
	pthread_mutex_unlock(&iotlb->lock);
}

bool vri_iotlb_in_use(struct mem_iotlb *iotlb, uint64_t iova, uint64_t size)
{
	bool found;

	pthread_mutex_lock(&iotlb->lock);
	found = iotlb->forgot ||
		count_overlaps(iotlb, first_behind(iotlb, iova), iova + (size - 1));
	pthread_mutex_unlock(&iotlb->lock);
	return found;
}

void vri_iotlb_rested(struct mem_iotlb *iotlb)
{
	pthread_mutex_lock(&iotlb->lock);
	iotlb->forgot = false;
	pthread_mutex_unlock(&iotlb->lock);
}

void vri_iotlb_rebase(struct mem_iotlb *iotlb, const struct vr_mem *mem)
{
	uint32_t i, kept = 0;

	pthread_mutex_lock(&iotlb->lock);
	for (i = 0; i < iotlb->count; i++) {
		struct mem_translation entry = iotlb->entries[i];

		if (place(mem, &entry) && entry.size == iotlb->entries[i].size)
			iotlb->entries[kept++] = entry;
	}
	iotlb->count = kept;
	pthread_mutex_unlock(&iotlb->lock);
}

/* With the lock held. */
static const struct mem_translation *find(const struct mem_iotlb *iotlb, uint64_t iova)
{
	const uint32_t i = first_behind(iotlb, iova);

	return i < iotlb->count && iotlb->entries[i].iova <= iova ? &iotlb->entries[i] : NULL;
}

int vri_iotlb_find(struct mem_iotlb *iotlb, uint64_t iova, struct vr_map_range *range)
{
	const struct mem_translation *entry;

	pthread_mutex_lock(&iotlb->lock);
	entry = find(iotlb, iova);
	if (entry)
		*range = (struct vr_map_range){
			.addr = entry->iova,
			.size = entry->size,
			.base = entry->base,
			.access = entry->access,
		};
	pthread_mutex_unlock(&iotlb->lock);
	return entry ? 0 : -ENOENT;
}

int vri_iotlb_ptr(struct mem_iotlb *iotlb, uint64_t *iova, uint64_t len, uint32_t access,
		  void **host)
{
	uintptr_t next = 0;

	while (len) {
		struct vr_map_range range;
		uint64_t skip, here;

		if (vri_iotlb_find(iotlb, *iova, &range))
			return -ENOENT;
		skip = *iova - range.addr;
		here = range.size - skip < len ? range.size - skip : len;
		if (access & ~range.access)
			return -EACCES;
		if (!next)
			*host = (void *)(range.base + (uintptr_t)skip);
		else if (next != range.base)
			return -EFAULT;
		next = range.base + (uintptr_t)(skip + here);
		*iova += here;
		len -= here;
		if (len && !*iova)
			return -EFAULT;
	}
	return 0;
}
