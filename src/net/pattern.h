/* SPDX-License-Identifier: BSD-3-Clause */
/* What numbered packets look like: the generator writes it, the sink compares. */
#ifndef VR_NET_PATTERN_H
#define VR_NET_PATTERN_H

#include <stdint.h>
#include <string.h>

/* Ethernet addresses and type, padded to two words; then the number, then words of pattern. */
#define VR_NET_FRAME_HEAD 16u
#define VR_NET_NUMBER_AT 16u
#define VR_NET_FILL_AT 24u

/* Any odd numbers will do that leave no two neighbours alike. */
#define VR_NET_FILL_START 0x9e3779b97f4a7c15ull
#define VR_NET_FILL_STEP 0xbf58476d1ce4e5b9ull

static inline void vr_net_frame_head(uint8_t *head)
{
	static const uint8_t bytes[VR_NET_FRAME_HEAD] = {
		0x02, 0x76, 0x72, 0, 0, 2, /* to: locally administered */
		0x02, 0x76, 0x72, 0, 0, 1, /* from */
		0x88, 0xb5, 0,	  0, /* local experimental type */
	};

	memcpy(head, bytes, sizeof(bytes));
}

/* Stored in this machine's byte order: both ends are on it. */
static inline uint64_t vr_net_fill_word(uint64_t sequence, uint64_t index)
{
	return (sequence + 1) * VR_NET_FILL_START + index * VR_NET_FILL_STEP;
}

#endif
