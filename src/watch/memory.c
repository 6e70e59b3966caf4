// SPDX-License-Identifier: BSD-3-Clause
/* The ring as a watcher reads it, and the buffers it knows of. */
#include "watch/state.h"

#include <endian.h>

uint16_t watch_ld16(const void *area, size_t at)
{
	const uint16_t *word = (const void *)((const char *)area + at);

	return le16toh(__atomic_load_n(word, __ATOMIC_RELAXED));
}

/* Used elements are aligned to 4 only. */
uint32_t watch_ld32(const void *area, size_t at)
{
	const uint32_t *word = (const void *)((const char *)area + at);

	return le32toh(__atomic_load_n(word, __ATOMIC_RELAXED));
}

uint64_t watch_ld64(const void *area, size_t at)
{
	const uint64_t *word = (const void *)((const char *)area + at);

	return le64toh(__atomic_load_n(word, __ATOMIC_RELAXED));
}

static struct watch_desc split_up(bool packed, uint64_t addr, uint64_t rest)
{
	uint16_t low = (uint16_t)(rest >> 32);
	uint16_t high = (uint16_t)(rest >> 48);

	return (struct watch_desc){
		.addr = addr,
		.len = (uint32_t)rest,
		.flags = packed ? high : low,
		.id = packed ? low : high,
	};
}

struct watch_desc watch_desc(const struct vr_watch *watch, uint32_t slot)
{
	const void *area = watch->config.ring.descriptors.host;
	size_t at = (size_t)slot * 16;

	return split_up(watch->packed, watch_ld64(area, at), watch_ld64(area, at + 8));
}

bool watch_table(const struct vr_watch *watch, const struct watch_desc *desc, uint32_t *capacity)
{
	const struct vr_watch_config *config = &watch->config;
	uint64_t offset = desc->addr - config->tables.addr;

	*capacity = 0;
	if (!config->tables.host || offset % 16 || offset > config->table_bytes ||
	    desc->len > config->table_bytes - offset)
		return false;
	for (uint32_t i = 0; i < desc->len / 16; i++) {
		size_t at = (size_t)offset + (size_t)i * 16;
		struct watch_desc entry = split_up(watch->packed,
						   watch_ld64(config->tables.host, at),
						   watch_ld64(config->tables.host, at + 8));

		*capacity += entry.flags & WATCH_WRITE ? entry.len : 0;
	}
	return true;
}

void watch_open(struct vr_watch *watch, uint32_t id, const struct watch_buffer *buffer)
{
	/* Whoever gives two buffers one id has been reported; the later one is remembered. */
	if (!watch->buffers[id].open)
		watch->open++;
	watch->buffers[id] = *buffer;
	watch->buffers[id].open = true;
	if (watch->in_order && watch->age_count < watch->size)
		watch->ages[(watch->age_first + watch->age_count++) % watch->size] = (uint16_t)id;
}

void watch_close(struct vr_watch *watch, uint32_t id)
{
	if (!watch->buffers[id].open)
		return;
	watch->buffers[id].open = false;
	watch->open--;
	if (!watch->in_order || !watch->age_count)
		return;
	watch->age_first = (watch->age_first + 1) % watch->size;
	watch->age_count--;
}

uint32_t watch_age(const struct vr_watch *watch, uint32_t id)
{
	for (uint32_t i = 0; i < watch->age_count; i++)
		if (watch->ages[(watch->age_first + i) % watch->size] == id)
			return i + 1;
	return 0;
}
