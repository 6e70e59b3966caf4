/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtqueue's words in memory that another process reads and writes meanwhile, from the text of
 * the specification (2.7, 2.8), with nothing taken from src/ring: offsets, flag values and byte
 * order are spelled out here again, for both sides. Every word is loaded and stored whole; those
 * that hand something over acquire and release.
 */
#ifndef CHECK_RING_H
#define CHECK_RING_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_NEXT 1u
#define RING_WRITE 2u
#define RING_INDIRECT 4u
#define RING_AVAIL 0x0080u
#define RING_USED 0x8000u

/* Split: in the flags of the available and of the used ring. */
#define RING_NO_INTERRUPT 1u
#define RING_NO_NOTIFY 1u

/* Packed: in the flags of an event structure. */
#define RING_EVENT_ENABLE 0u
#define RING_EVENT_DISABLE 1u
#define RING_EVENT_DESC 2u

#define RING_DESC 16u

/**
 * struct ring - the three areas of a queue
 * @size: descriptors
 * @packed: which layout
 * @desc: descriptor table, or descriptor ring
 * @driver: available ring, or the driver's event structure
 * @device: used ring, or the device's event structure
 */
struct ring {
	uint32_t size;
	bool packed;
	uint8_t *desc;
	uint8_t *driver;
	uint8_t *device;
};

/**
 * struct ring_desc - a descriptor of either layout
 * @addr: device address
 * @len: bytes
 * @flags: RING_*
 * @link: next (split), or buffer id (packed)
 */
struct ring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t link;
};

static inline uint16_t ring_load16(const uint8_t *at)
{
	return le16toh(__atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE));
}

static inline uint32_t ring_load32(const uint8_t *at)
{
	return le32toh(__atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE));
}

static inline uint64_t ring_load64(const uint8_t *at)
{
	return le64toh(__atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_ACQUIRE));
}

static inline void ring_store16(uint8_t *at, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)at, htole16(value), __ATOMIC_RELEASE);
}

static inline void ring_store32(uint8_t *at, uint32_t value)
{
	__atomic_store_n((uint32_t *)(void *)at, htole32(value), __ATOMIC_RELEASE);
}

static inline void ring_store64(uint8_t *at, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)at, htole64(value), __ATOMIC_RELEASE);
}

/* A store before it is seen by the other side before what is loaded after it. */
static inline void ring_full_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* ---- bytes of the areas; @size descriptors ---- */

static inline size_t ring_desc_bytes(uint32_t size)
{
	return RING_DESC * (size_t)size;
}

static inline size_t ring_driver_bytes(uint32_t size, bool packed)
{
	return packed ? 4 : 6 + 2 * (size_t)size;
}

static inline size_t ring_device_bytes(uint32_t size, bool packed)
{
	return packed ? 4 : 6 + 8 * (size_t)size;
}

/* ---- descriptors; @table is the queue's or an indirect one ---- */

/* Split: addr, len, flags, next. */
static inline struct ring_desc split_desc_at(const uint8_t *table, uint32_t i)
{
	const uint8_t *at = table + RING_DESC * (size_t)i;

	return (struct ring_desc){ ring_load64(at), ring_load32(at + 8), ring_load16(at + 12),
				   ring_load16(at + 14) };
}

static inline void split_desc_put(uint8_t *table, uint32_t i, struct ring_desc d)
{
	uint8_t *at = table + RING_DESC * (size_t)i;

	ring_store64(at, d.addr);
	ring_store32(at + 8, d.len);
	ring_store16(at + 12, d.flags);
	ring_store16(at + 14, d.link);
}

/* Packed: addr, len, id, flags; whoever sees the flags sees the rest. */
static inline struct ring_desc packed_desc_at(const uint8_t *ring, uint32_t i)
{
	const uint8_t *at = ring + RING_DESC * (size_t)i;
	const uint16_t flags = ring_load16(at + 14);

	return (struct ring_desc){ ring_load64(at), ring_load32(at + 8), flags,
				   ring_load16(at + 12) };
}

/* Everything but the flags. */
static inline void packed_desc_put_body(uint8_t *ring, uint32_t i, struct ring_desc d)
{
	uint8_t *at = ring + RING_DESC * (size_t)i;

	ring_store64(at, d.addr);
	ring_store32(at + 8, d.len);
	ring_store16(at + 12, d.link);
}

static inline void packed_desc_put_flags(uint8_t *ring, uint32_t i, uint16_t flags)
{
	ring_store16(ring + RING_DESC * (size_t)i + 14, flags);
}

static inline void packed_desc_put(uint8_t *ring, uint32_t i, struct ring_desc d)
{
	packed_desc_put_body(ring, i, d);
	packed_desc_put_flags(ring, i, d.flags);
}

/* AVAIL and USED of a descriptor that a driver with this wrap counter makes available. */
static inline uint16_t packed_avail_flags(bool wrap)
{
	return wrap ? RING_AVAIL : RING_USED;
}

/* AVAIL and USED of one that a device with this wrap counter has used. */
static inline uint16_t packed_used_flags(bool wrap)
{
	return wrap ? RING_AVAIL | RING_USED : 0;
}

static inline bool packed_is_avail(uint16_t flags, bool wrap)
{
	return (flags & (RING_AVAIL | RING_USED)) == packed_avail_flags(wrap);
}

static inline bool packed_is_used(uint16_t flags, bool wrap)
{
	return (flags & (RING_AVAIL | RING_USED)) == packed_used_flags(wrap);
}

/* ---- split: the available ring is flags, idx, ring[N], used_event ---- */

static inline uint8_t *at_avail_flags(const struct ring *ring)
{
	return ring->driver;
}

static inline uint8_t *at_avail_idx(const struct ring *ring)
{
	return ring->driver + 2;
}

static inline uint8_t *at_avail_slot(const struct ring *ring, uint32_t index)
{
	return ring->driver + 4 + 2 * (size_t)(index & (ring->size - 1));
}

static inline uint8_t *at_used_event(const struct ring *ring)
{
	return ring->driver + 4 + 2 * (size_t)ring->size;
}

/* ---- split: the used ring is flags, idx, {id, len}[N], avail_event ---- */

static inline uint8_t *at_used_flags(const struct ring *ring)
{
	return ring->device;
}

static inline uint8_t *at_used_idx(const struct ring *ring)
{
	return ring->device + 2;
}

static inline uint8_t *at_used_slot(const struct ring *ring, uint32_t index)
{
	return ring->device + 4 + 8 * (size_t)(index & (ring->size - 1));
}

static inline uint8_t *at_avail_event(const struct ring *ring)
{
	return ring->device + 4 + 8 * (size_t)ring->size;
}

/* ---- packed: an event structure is off_wrap, flags ---- */

static inline uint8_t *at_off_wrap(uint8_t *event)
{
	return event;
}

static inline uint8_t *at_event_flags(uint8_t *event)
{
	return event + 2;
}

/* Did an index that went from @old to @now (mod 65536) pass @event? (2.7.7.2, 2.7.10) */
static inline bool ring_passed(uint16_t event, uint16_t old, uint16_t now)
{
	uint16_t index;

	/* Walked, not computed: the formula is what is being checked. */
	for (index = old; index != now; index++)
		if (index == event)
			return true;
	return false;
}

#endif
