/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a virtqueue, read and written from the text of the specification (2.7, 2.8), with
 * nothing taken from src/ring: offsets, flag values and byte order are spelled out here again.
 */
#ifndef TEST_RAW_H
#define TEST_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAW_NEXT 1u
#define RAW_WRITE 2u
#define RAW_INDIRECT 4u
#define RAW_AVAIL 0x0080u
#define RAW_USED 0x8000u

#define RAW_NO_INTERRUPT 1u
#define RAW_NO_NOTIFY 1u

#define RAW_EVENT_ENABLE 0u
#define RAW_EVENT_DISABLE 1u
#define RAW_EVENT_DESC 2u

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const uint8_t *p)
{
	return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static inline uint64_t le64(const uint8_t *p)
{
	return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static inline void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

/* The areas of a queue, through either side's view. */
struct raw {
	uint32_t size;
	uint8_t *descriptors;
	uint8_t *driver;
	uint8_t *device;
};

/* A descriptor of either layout; @next is the split one's link, @id the packed one's buffer id. */
struct raw_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
	uint16_t id;
};

/* Split: addr, len, flags, next. @table is a descriptor table or an indirect one. */
static inline struct raw_desc split_desc(const uint8_t *table, uint32_t i)
{
	const uint8_t *p = table + 16 * (size_t)i;

	return (struct raw_desc){
		.addr = le64(p), .len = le32(p + 8), .flags = le16(p + 12), .next = le16(p + 14)
	};
}

static inline void put_split_desc(uint8_t *table, uint32_t i, struct raw_desc d)
{
	uint8_t *p = table + 16 * (size_t)i;

	put_le64(p, d.addr);
	put_le32(p + 8, d.len);
	put_le16(p + 12, d.flags);
	put_le16(p + 14, d.next);
}

/* Packed: addr, len, id, flags. */
static inline struct raw_desc packed_desc(const uint8_t *ring, uint32_t i)
{
	const uint8_t *p = ring + 16 * (size_t)i;

	return (struct raw_desc){
		.addr = le64(p), .len = le32(p + 8), .id = le16(p + 12), .flags = le16(p + 14)
	};
}

static inline void put_packed_desc(uint8_t *ring, uint32_t i, struct raw_desc d)
{
	uint8_t *p = ring + 16 * (size_t)i;

	put_le64(p, d.addr);
	put_le32(p + 8, d.len);
	put_le16(p + 12, d.id);
	put_le16(p + 14, d.flags);
}

/* Split: the available ring is flags, idx, ring[N], used_event. */
static inline uint8_t *at_avail_flags(const struct raw *raw)
{
	return raw->driver;
}

static inline uint8_t *at_avail_idx(const struct raw *raw)
{
	return raw->driver + 2;
}

static inline uint8_t *at_avail_slot(const struct raw *raw, uint32_t index)
{
	return raw->driver + 4 + 2 * (size_t)(index & (raw->size - 1));
}

static inline uint8_t *at_used_event(const struct raw *raw)
{
	return raw->driver + 4 + 2 * (size_t)raw->size;
}

/* Split: the used ring is flags, idx, {id, len}[N], avail_event. */
static inline uint8_t *at_used_flags(const struct raw *raw)
{
	return raw->device;
}

static inline uint8_t *at_used_idx(const struct raw *raw)
{
	return raw->device + 2;
}

static inline uint8_t *at_used_slot(const struct raw *raw, uint32_t index)
{
	return raw->device + 4 + 8 * (size_t)(index & (raw->size - 1));
}

static inline uint8_t *at_avail_event(const struct raw *raw)
{
	return raw->device + 4 + 8 * (size_t)raw->size;
}

static inline void put_used_slot(const struct raw *raw, uint32_t index, uint32_t id, uint32_t len)
{
	put_le32(at_used_slot(raw, index), id);
	put_le32(at_used_slot(raw, index) + 4, len);
}

/* Packed: each event structure is off_wrap, flags. */
static inline uint8_t *at_off_wrap(uint8_t *event)
{
	return event;
}

static inline uint8_t *at_event_flags(uint8_t *event)
{
	return event + 2;
}

#endif
