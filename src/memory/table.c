// SPDX-License-Identifier: BSD-3-Clause
/* The region table: every change builds a new snapshot and publishes it whole. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "memory/mem.h"

/* More often than a front end has queue pairs. */
#define AGAIN_MAX 65536u

/**
 * struct vr_mem_table - the table
 * @lock: held while @current is exchanged, or read together with taking a reference to it
 * @current: newest snapshot, one reference
 * @generation: its number, readable without the lock
 * @max_regions: limit
 */
struct vr_mem_table {
	pthread_mutex_t lock;
	struct vr_mem *current;
	_Atomic uint64_t generation;
	uint32_t max_regions;
};

int vr_mem_table_create(uint32_t max_regions, struct vr_mem_table **table)
{
	struct vr_mem_table *t;

	if (!max_regions || max_regions > VR_MEM_MAX_REGIONS)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->max_regions = max_regions;
	t->current = vri_mem_new(0, 0);
	if (!t->current || pthread_mutex_init(&t->lock, NULL)) {
		vr_mem_put(t->current);
		free(t);
		return -ENOMEM;
	}
	*table = t;
	return 0;
}

void vr_mem_table_destroy(struct vr_mem_table *table)
{
	if (!table)
		return;
	vr_mem_put(table->current);
	pthread_mutex_destroy(&table->lock);
	free(table);
}

struct vr_mem *vr_mem_table_get(struct vr_mem_table *table)
{
	struct vr_mem *mem;

	pthread_mutex_lock(&table->lock);
	mem = vr_mem_ref(table->current);
	pthread_mutex_unlock(&table->lock);
	return mem;
}

uint64_t vr_mem_table_generation(const struct vr_mem_table *table)
{
	return atomic_load_explicit(&table->generation, memory_order_relaxed);
}

static void publish(struct vr_mem_table *table, struct vr_mem *mem)
{
	struct vr_mem *old;

	pthread_mutex_lock(&table->lock);
	old = table->current;
	table->current = mem;
	atomic_store_explicit(&table->generation, mem->generation, memory_order_relaxed);
	pthread_mutex_unlock(&table->lock);
	vr_mem_put(old);
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b ? b - a < a_size : a - b < b_size;
}

static int refuse(const char **why, const char *text, int error)
{
	*why = text;
	return error;
}

/* The numbers of a region on their own. */
static int check_region(const struct vr_mem_region *region, const char **why)
{
	if (!region->size)
		return refuse(why, "size is 0", -EINVAL);
	if (region->guest_addr > UINT64_MAX - region->size)
		return refuse(why, "guest address + size wraps around", -EINVAL);
	if (region->user_addr > UINT64_MAX - region->size)
		return refuse(why, "user address + size wraps around", -EINVAL);
	/* Offsets are signed where the system takes them. */
	if (region->size > INT64_MAX || region->mmap_offset > INT64_MAX - region->size)
		return refuse(why, "mmap offset + size wraps around", -EINVAL);
	return 0;
}

/* A region against those that are in @mem already. */
static int check_overlap(const struct vr_mem *mem, const struct vr_mem_region *region,
			 const char **why)
{
	uint32_t i;

	for (i = 0; i < mem->map.count; i++) {
		uint64_t size = mem->ranges[i].size;

		if (overlap(mem->ranges[i].addr, size, region->guest_addr, region->size))
			return refuse(why, "guest addresses overlap another region", -EEXIST);
		if (overlap(mem->entries[i].user_addr, size, region->user_addr, region->size))
			return refuse(why, "user addresses overlap another region", -EEXIST);
	}
	return 0;
}

/* Puts a region where it belongs by address; @mem has room. Takes over the mapping's reference. */
static void insert(struct vr_mem *mem, const struct vr_mem_region *region,
		   struct mem_mapping *mapping)
{
	uint32_t i = mem->map.count;

	for (; i && mem->ranges[i - 1].addr > region->guest_addr; i--) {
		mem->ranges[i] = mem->ranges[i - 1];
		mem->entries[i] = mem->entries[i - 1];
	}
	mem->ranges[i] = (struct vr_map_range){
		.addr = region->guest_addr,
		.size = region->size,
		.base = (uintptr_t)mapping->base,
		.access = VR_ACCESS_READ | VR_ACCESS_WRITE,
	};
	mem->entries[i] = (struct mem_entry){
		.user_addr = region->user_addr,
		.mapping = mapping,
	};
	mem->map.count++;
}

static int add_region(struct vr_mem *mem, const struct vr_mem_region *region, const char **why)
{
	struct mem_mapping *mapping;
	int ret;

	ret = check_region(region, why);
	if (!ret)
		ret = check_overlap(mem, region, why);
	if (!ret)
		ret = vri_mapping_create(region, &mapping, why);
	if (!ret)
		insert(mem, region, mapping);
	return ret;
}

/* Copies all regions but number @without; the mappings are shared. */
static void copy_regions(struct vr_mem *to, const struct vr_mem *from, uint32_t without)
{
	uint32_t i;

	for (i = 0; i < from->map.count; i++) {
		if (i == without)
			continue;
		to->ranges[to->map.count] = from->ranges[i];
		to->entries[to->map.count] = from->entries[i];
		vri_mapping_get(from->entries[i].mapping);
		to->map.count++;
	}
}

static int failed(struct vr_mem_reason *reason, const char *why, uint32_t region, int error)
{
	if (reason) {
		reason->text = why;
		reason->region = region;
	}
	return error;
}

/* The index of the region with these three numbers; the number of regions if there is none. */
static uint32_t find(const struct vr_mem *mem, uint64_t guest_addr, uint64_t user_addr,
		     uint64_t size)
{
	uint32_t i;

	for (i = 0; i < mem->map.count; i++)
		if (mem->ranges[i].addr == guest_addr && mem->ranges[i].size == size &&
		    mem->entries[i].user_addr == user_addr)
			break;
	return i;
}

/* The same regions; number @i was added @change times more than before. */
static int count_again(struct vr_mem_table *table, uint32_t i, int change)
{
	const struct vr_mem *old = table->current;
	struct vr_mem *mem = vri_mem_new(old->map.count, old->generation + 1);

	if (!mem)
		return -ENOMEM;
	copy_regions(mem, old, UINT32_MAX);
	mem->entries[i].again += (uint32_t)change;
	publish(table, mem);
	return 0;
}

int vr_mem_table_add(struct vr_mem_table *table, const struct vr_mem_region *region,
		     struct vr_mem_reason *reason)
{
	const struct vr_mem *old = table->current;
	const char *why = NULL;
	struct vr_mem *mem;
	uint32_t same;
	int ret;

	same = find(old, region->guest_addr, region->user_addr, region->size);
	if (same < old->map.count && old->entries[same].again < AGAIN_MAX &&
	    vri_mapping_is_of(old->entries[same].mapping, region)) {
		ret = count_again(table, same, 1);
		return failed(reason, ret ? "no memory" : NULL, 0, ret);
	}
	if (old->map.count >= table->max_regions)
		return failed(reason, "no memory slot is free", 0, -ENOSPC);
	mem = vri_mem_new(old->map.count + 1, old->generation + 1);
	if (!mem)
		return failed(reason, "no memory", 0, -ENOMEM);
	copy_regions(mem, old, UINT32_MAX);
	ret = add_region(mem, region, &why);
	if (ret) {
		vr_mem_put(mem);
		return failed(reason, why, 0, ret);
	}
	publish(table, mem);
	return failed(reason, NULL, 0, 0);
}

int vr_mem_table_remove(struct vr_mem_table *table, uint64_t guest_addr, uint64_t user_addr,
			uint64_t size)
{
	const struct vr_mem *old = table->current;
	struct vr_mem *mem;
	uint32_t i = find(old, guest_addr, user_addr, size);

	if (i == old->map.count)
		return -ENOENT;
	if (old->entries[i].again)
		return count_again(table, i, -1);
	mem = vri_mem_new(old->map.count - 1, old->generation + 1);
	if (!mem)
		return -ENOMEM;
	copy_regions(mem, old, i);
	publish(table, mem);
	return 0;
}

int vr_mem_table_replace(struct vr_mem_table *table, const struct vr_mem_region *regions,
			 uint32_t count, struct vr_mem_reason *reason)
{
	const char *why = NULL;
	struct vr_mem *mem;
	uint32_t i;
	int ret;

	if (count > table->max_regions)
		return failed(reason, "more regions than memory slots", table->max_regions,
			      -ENOSPC);
	mem = vri_mem_new(count, table->current->generation + 1);
	if (!mem)
		return failed(reason, "no memory", 0, -ENOMEM);
	for (i = 0; i < count; i++) {
		ret = add_region(mem, &regions[i], &why);
		if (ret) {
			vr_mem_put(mem);
			return failed(reason, why, i, ret);
		}
	}
	publish(table, mem);
	return failed(reason, NULL, 0, 0);
}
