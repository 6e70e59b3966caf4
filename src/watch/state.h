/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a watcher knows. The other side's words come from what our half loaded; what they stand for
 * is read from the ring behind that load, where it cannot change any more if the other side keeps
 * to the rules.
 */
#ifndef WATCH_STATE_H
#define WATCH_STATE_H

#include <stdlib.h>

#include <virtring/watch.h>

#define WATCH_NEXT 1u
#define WATCH_WRITE 2u
#define WATCH_INDIRECT 4u
#define WATCH_AVAIL 0x80u
#define WATCH_USED 0x8000u
#define WATCH_STATE (WATCH_AVAIL | WATCH_USED)

struct watch_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t id; /* split: next */
};

/* A buffer between being made available and being used. */
struct watch_buffer {
	bool open;
	uint32_t capacity; /* bytes that the device may write */
	uint32_t descriptors;
	bool capacity_known;
};

/* What our half asks of the other side. */
enum watch_want {
	WATCH_ALL,
	WATCH_NONE,
	WATCH_AT /* once @event is passed */
};

struct vr_watch {
	struct vr_watch_config config;
	bool packed;
	bool in_order;
	bool event_idx;
	uint32_t size;

	/* buffers by head or id; in order also by age: oldest first, a ring of @size */
	struct watch_buffer *buffers;
	uint16_t *ages;
	uint32_t age_first;
	uint32_t age_count;
	uint32_t open; /* buffers */

	/* split: indexes that are accounted for */
	uint16_t avail;
	uint16_t used;
	uint32_t next_head; /* in order, the driver's next descriptor; above the size: not known */

	/* packed: where the other side's next word appears, and the flags seen there */
	uint16_t slot;
	bool wrap;
	uint16_t *flags; /* by slot, as last stored by us or judged */
	uint8_t *mine; /* driver: stored by us and not yet a buffer */
	struct watch_desc *shadow; /* driver: as stored by us; the device may be writing there */

	/* notifications */
	enum watch_want want;
	uint16_t event; /* split: an index; packed: slot and wrap counter */
	unsigned int unwanted; /* notifications since nothing is wanted */
	bool missed; /* reported, until something is asked for again */
};

/* Notifications that may still come after nothing is wanted any more. */
#define WATCH_EXCUSED 2u

static inline void watch_report(const struct vr_watch *watch, enum vr_watch_what what,
				uint32_t value, uint32_t bound)
{
	watch->config.report(watch->config.context, what, value, bound);
}

/* ---- memory, in the machine's byte order ---- */

uint16_t watch_ld16(const void *area, size_t at);
uint32_t watch_ld32(const void *area, size_t at);
uint64_t watch_ld64(const void *area, size_t at);

struct watch_desc watch_desc(const struct vr_watch *watch, uint32_t slot);

/* Bytes of the writable entries of an indirect table of ours; false where it is not ours. */
bool watch_table(const struct vr_watch *watch, const struct watch_desc *desc, uint32_t *capacity);

/* ---- buffers ---- */

void watch_open(struct vr_watch *watch, uint32_t id, const struct watch_buffer *buffer);
void watch_close(struct vr_watch *watch, uint32_t id);
/* In order: how many buffers, from the oldest on, end with this one; 0: it is not among them. */
uint32_t watch_age(const struct vr_watch *watch, uint32_t id);

/* ---- the two layouts; @offset is within the area ---- */

void watch_split_load(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value);
void watch_split_store(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value);
void watch_packed_load(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value);
void watch_packed_store(struct vr_watch *watch, enum vr_area area, size_t offset, uint64_t value,
			bool release);
void watch_packed_begin(struct vr_watch *watch);

/* Steps of the other side were seen: the index, or the position, went from one to the other. */
void watch_passed(struct vr_watch *watch, uint16_t before, uint16_t now);
void watch_wants(struct vr_watch *watch, enum watch_want want, uint16_t event);

static inline uint16_t watch_position(const struct vr_watch *watch)
{
	return (uint16_t)(watch->slot | (watch->wrap ? 0x8000u : 0));
}

static inline void watch_advance(struct vr_watch *watch, uint32_t count)
{
	uint32_t slot = watch->slot + count;

	if (slot >= watch->size) {
		slot -= watch->size;
		watch->wrap = !watch->wrap;
	}
	watch->slot = (uint16_t)slot;
}

/* Steps from one packed position to a later one, below two laps. */
static inline uint32_t watch_distance(const struct vr_watch *watch, uint16_t from, uint16_t to)
{
	uint32_t size = watch->size;
	uint32_t start = (from & 0x7fffu) + (from & 0x8000u ? 0 : size);
	uint32_t end = (to & 0x7fffu) + (to & 0x8000u ? 0 : size);

	return (end + 2 * size - start) % (2 * size);
}

static inline uint16_t watch_available_state(bool wrap)
{
	return wrap ? WATCH_AVAIL : WATCH_USED;
}

static inline uint16_t watch_used_state(bool wrap)
{
	return wrap ? WATCH_STATE : 0;
}

/* The build's taps find watchers here; -EAGAIN when there is no place left. */
int watch_list_add(struct vr_watch *watch);
void watch_list_remove(struct vr_watch *watch);

#endif
