// SPDX-License-Identifier: BSD-3-Clause
/* Memory of the front end, as the played device maps it. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "play_inner.h"

static bool overlap(uint64_t a, uint64_t b, uint64_t a_size, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static void judge_region(struct play *play, const struct play_region *region, uint64_t offset,
			 int fd)
{
	struct stat stat;
	bool wraps = region->guest + region->size < region->guest ||
		     region->user + region->size < region->user;

	(void)ledger_judge(play->ledger, SEEN_PAY_5, region->size && !wraps,
			   "region of %#llx bytes at guest %#llx, user %#llx",
			   (unsigned long long)region->size, (unsigned long long)region->guest,
			   (unsigned long long)region->user);
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode))
		(void)ledger_judge(play->ledger, SEEN_MEM_2,
				   offset + region->size <= (uint64_t)stat.st_size,
				   "offset %#llx and %#llx bytes in a file of %#llx",
				   (unsigned long long)offset, (unsigned long long)region->size,
				   (unsigned long long)stat.st_size);
	for (uint32_t i = 0; i < play->region_count; i++) {
		const struct play_region *other = &play->regions[i];

		(void)ledger_judge(
			play->ledger, SEEN_MEM_1,
			!overlap(region->guest, other->guest, region->size, other->size) &&
				!overlap(region->user, other->user, region->size, other->size),
			"guest %#llx, user %#llx overlaps guest %#llx, user %#llx",
			(unsigned long long)region->guest, (unsigned long long)region->user,
			(unsigned long long)other->guest, (unsigned long long)other->user);
	}
}

bool play_memory_add(struct play *play, const uint8_t *wire, int fd)
{
	struct play_region region = {
		.guest = get64(wire),
		.size = get64(wire + 8),
		.user = get64(wire + 16),
	};
	uint64_t offset = get64(wire + 24);

	judge_region(play, &region, offset, fd);
	if (play->region_count == PLAY_REGIONS || region.size == 0 ||
	    offset + region.size < offset || offset + region.size > SIZE_MAX / 2)
		return false;
	region.map_bytes = (size_t)(offset + region.size);
	region.map = mmap(NULL, region.map_bytes, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (region.map == MAP_FAILED)
		return false;
	region.host = region.map + offset;
	play->regions[play->region_count++] = region;
	return true;
}

bool play_memory_remove(struct play *play, const uint8_t *wire)
{
	for (uint32_t i = 0; i < play->region_count; i++) {
		struct play_region *region = &play->regions[i];

		if (region->guest != get64(wire) || region->size != get64(wire + 8) ||
		    region->user != get64(wire + 16))
			continue;
		munmap(region->map, region->map_bytes);
		*region = play->regions[--play->region_count];
		return true;
	}
	return false;
}

void play_memory_clear(struct play *play)
{
	for (uint32_t i = 0; i < play->region_count; i++)
		munmap(play->regions[i].map, play->regions[i].map_bytes);
	play->region_count = 0;
}

uint8_t *play_user(struct play *play, uint64_t addr, uint64_t len)
{
	for (uint32_t i = 0; i < play->region_count; i++) {
		const struct play_region *region = &play->regions[i];

		if (addr >= region->user && addr - region->user < region->size &&
		    len <= region->size - (addr - region->user))
			return region->host + (addr - region->user);
	}
	return NULL;
}

uint8_t *play_guest(struct play *play, uint64_t addr, uint64_t len, uint64_t *got)
{
	for (uint32_t i = 0; i < play->region_count; i++) {
		const struct play_region *region = &play->regions[i];
		uint64_t at = addr - region->guest;

		if (addr < region->guest || at >= region->size)
			continue;
		*got = len < region->size - at ? len : region->size - at;
		return region->host + at;
	}
	return NULL;
}

void play_dirty(struct play *play, uint64_t guest, uint64_t len)
{
	if (!play->log || !(play->features & F_LOG) || len == 0)
		return;
	for (uint64_t page = guest / 4096; page <= (guest + len - 1) / 4096; page++)
		if (page / 8 < play->log_bytes)
			__atomic_fetch_or(play->log + page / 8, (uint8_t)(1u << page % 8),
					  __ATOMIC_SEQ_CST);
}
