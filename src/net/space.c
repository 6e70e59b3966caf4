// SPDX-License-Identifier: BSD-3-Clause
/* Configuration space of a network device (5.1.4). */
#include <string.h>

#include <virtring/net_control.h>

#include "net/wire.h"

/* Offsets of the fields. */
enum {
	AT_MAC = 0,
	AT_STATUS = 6,
	AT_MAX_PAIRS = 8,
	AT_MTU = 10,
	AT_SPEED = 12,
	AT_DUPLEX = 16,
	AT_RSS_MAX_KEY_SIZE = 17,
	AT_RSS_MAX_TABLE_LENGTH = 18,
	AT_HASH_TYPES = 20,
};

#define HAS_PAIRS (VR_NET_F_MQ | VR_NET_F_RSS)
#define HAS_HASH (VR_NET_F_RSS | VR_NET_F_HASH_REPORT)

uint32_t vr_net_space_bytes(uint64_t features)
{
	/* In the order of the space, last field first. */
	static const struct {
		uint64_t features;
		uint32_t bytes;
	} ends[] = {
		{ HAS_HASH, 24 },  { VR_NET_F_SPEED_DUPLEX, 17 }, { VR_NET_F_MTU, 12 },
		{ HAS_PAIRS, 10 }, { VR_NET_F_STATUS, 8 },	  { VR_NET_F_MAC, 6 },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (features & ends[i].features)
			return ends[i].bytes;
	return 0;
}

void vr_net_space_encode(const struct vr_net_space *space, uint64_t features, uint8_t *wire)
{
	memset(wire, 0, VR_NET_SPACE_BYTES);
	if (features & VR_NET_F_MAC)
		memcpy(wire + AT_MAC, space->mac, VR_NET_MAC_BYTES);
	if (features & VR_NET_F_STATUS)
		vr_net_put16(wire + AT_STATUS, space->status);
	if (features & HAS_PAIRS)
		vr_net_put16(wire + AT_MAX_PAIRS, space->max_pairs);
	if (features & VR_NET_F_MTU)
		vr_net_put16(wire + AT_MTU, space->mtu);
	if (features & VR_NET_F_SPEED_DUPLEX) {
		vr_net_put32(wire + AT_SPEED, space->speed);
		wire[AT_DUPLEX] = space->duplex;
	}
	if (features & HAS_HASH) {
		wire[AT_RSS_MAX_KEY_SIZE] = space->rss_max_key_size;
		vr_net_put32(wire + AT_HASH_TYPES, space->hash_types);
	}
	if (features & VR_NET_F_RSS)
		vr_net_put16(wire + AT_RSS_MAX_TABLE_LENGTH, space->rss_max_table_length);
}

void vr_net_space_decode(struct vr_net_space *space, uint64_t features, const uint8_t *wire)
{
	*space = (struct vr_net_space){
		.status = VR_NET_S_LINK_UP,
		.max_pairs = 1,
		.speed = VR_NET_SPEED_UNKNOWN,
		.duplex = VR_NET_DUPLEX_UNKNOWN,
	};
	if (features & VR_NET_F_MAC)
		memcpy(space->mac, wire + AT_MAC, VR_NET_MAC_BYTES);
	if (features & VR_NET_F_STATUS)
		space->status = vr_net_get16(wire + AT_STATUS);
	if (features & HAS_PAIRS)
		space->max_pairs = vr_net_get16(wire + AT_MAX_PAIRS);
	if (features & VR_NET_F_MTU)
		space->mtu = vr_net_get16(wire + AT_MTU);
	if (features & VR_NET_F_SPEED_DUPLEX) {
		space->speed = vr_net_get32(wire + AT_SPEED);
		space->duplex = wire[AT_DUPLEX];
	}
	if (features & HAS_HASH) {
		space->rss_max_key_size = wire[AT_RSS_MAX_KEY_SIZE];
		space->hash_types = vr_net_get32(wire + AT_HASH_TYPES);
	}
	if (features & VR_NET_F_RSS)
		space->rss_max_table_length = vr_net_get16(wire + AT_RSS_MAX_TABLE_LENGTH);
}

uint32_t vr_net_control_queue(uint64_t features, uint32_t max_pairs)
{
	return features & HAS_PAIRS ? 2 * max_pairs : 2;
}
