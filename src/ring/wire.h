/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The layout of ring memory (2.7.5 to 2.7.8, 2.8.13, 2.8.14).
 *
 * A descriptor of either layout is two 64-bit words, the address and the rest, and is accessed as
 * such: one store publishes a packed descriptor, one load takes flags, id and length together.
 */
#ifndef VR_RING_WIRE_H
#define VR_RING_WIRE_H

#include "access.h"

/* The second word: len in bits 0-31; split: flags, next above; packed: id, flags above. */
struct vr_desc {
	struct vr_le64 addr;
	struct vr_le64 rest;
};

#define VR_DESC_NEXT 1u
#define VR_DESC_WRITE 2u
#define VR_DESC_INDIRECT 4u

/* Packed only. */
#define VR_DESC_AVAIL 0x80u
#define VR_DESC_USED 0x8000u
#define VR_DESC_STATE (VR_DESC_AVAIL | VR_DESC_USED)

struct vr_avail {
	struct vr_le16 flags;
	struct vr_le16 idx;
	struct vr_le16 ring[]; /* and, with EVENT_IDX, used_event behind the last entry */
};

#define VR_AVAIL_NO_INTERRUPT 1u

/* The ring is aligned to 4 only, so an element is no 64-bit field. */
struct vr_used_elem {
	struct vr_le32 id;
	struct vr_le32 len;
};

struct vr_used_ring {
	struct vr_le16 flags;
	struct vr_le16 idx;
	struct vr_used_elem ring[]; /* and, with EVENT_IDX, avail_event behind the last entry */
};

#define VR_USED_NO_NOTIFY 1u

/* Packed event suppression: offset in bits 0-14, wrap counter in 15, mode in 16-17. */
struct vr_packed_event {
	struct vr_le32 word;
};

#define VR_EVENT_ENABLE 0u
#define VR_EVENT_DISABLE 1u
#define VR_EVENT_DESC 2u

VR_INLINE uint64_t vr_split_rest(uint32_t len, uint32_t flags, uint32_t next)
{
	return len | (uint64_t)flags << 32 | (uint64_t)next << 48;
}

VR_INLINE uint16_t vr_split_flags(uint64_t rest)
{
	return (uint16_t)(rest >> 32);
}

VR_INLINE uint16_t vr_split_next(uint64_t rest)
{
	return (uint16_t)(rest >> 48);
}

VR_INLINE uint64_t vr_packed_rest(uint32_t len, uint32_t id, uint32_t flags)
{
	return len | (uint64_t)id << 32 | (uint64_t)flags << 48;
}

VR_INLINE uint16_t vr_packed_id(uint64_t rest)
{
	return (uint16_t)(rest >> 32);
}

VR_INLINE uint16_t vr_packed_flags(uint64_t rest)
{
	return (uint16_t)(rest >> 48);
}

/* The state bits of a descriptor that is available, or used, at this wrap counter (2.8.1). */
VR_INLINE uint32_t vr_available_state(bool wrap)
{
	return wrap ? VR_DESC_AVAIL : VR_DESC_USED;
}

VR_INLINE uint32_t vr_used_state(bool wrap)
{
	return wrap ? VR_DESC_STATE : 0;
}

/* The event words behind the rings of a split queue. */
VR_INLINE struct vr_le16 *vr_used_event(struct vr_avail *avail, uint32_t size)
{
	return &avail->ring[size];
}

VR_INLINE struct vr_le16 *vr_avail_event(struct vr_used_ring *used, uint32_t size)
{
	return (struct vr_le16 *)(void *)&used->ring[size];
}

#endif
