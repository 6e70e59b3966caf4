// SPDX-License-Identifier: BSD-3-Clause
/* What a driver has set, and which packets it wants (5.1.6.5.1 to 5.1.6.5.3). */
#include <string.h>

#include <virtring/memory.h>
#include <virtring/net_control.h>

/* An Ethernet header with a VLAN tag. */
#define HEAD_BYTES 18u
#define TYPE_AT 12u
#define VLAN_AT 14u
#define ETHERTYPE_VLAN 0x8100u
#define VLAN_MASK 0x0fffu

void vr_net_settings_reset(struct vr_net_settings *settings, uint64_t features,
			   const struct vr_net_space *space)
{
	memset(settings, 0, sizeof(*settings));
	settings->pairs = 1;
	/* Until the driver says what it wants, nothing is kept from it. */
	settings->promiscuous = true;
	settings->filter_vlans = features & VR_NET_F_CTRL_VLAN;
	settings->offloads = features & VR_NET_GUEST_OFFLOADS;
	memcpy(settings->mac, space->mac, VR_NET_MAC_BYTES);
}

static bool in_table(const uint8_t (*table)[VR_NET_MAC_BYTES], uint32_t count, const uint8_t *mac)
{
	if (count > VR_NET_TABLE_MAX)
		return true;
	for (uint32_t i = 0; i < count; i++)
		if (!memcmp(table[i], mac, VR_NET_MAC_BYTES))
			return true;
	return false;
}

static bool vlan_passes(const struct vr_net_settings *s, const uint8_t *head, size_t bytes)
{
	unsigned int vlan;

	if (!s->filter_vlans || bytes < HEAD_BYTES ||
	    (head[TYPE_AT] << 8 | head[TYPE_AT + 1]) != ETHERTYPE_VLAN)
		return true;
	vlan = (unsigned int)(head[VLAN_AT] << 8 | head[VLAN_AT + 1]) & VLAN_MASK;
	return s->vlans[vlan / 32] >> vlan % 32 & 1;
}

bool vr_net_settings_accept(const struct vr_net_settings *settings,
			    const struct vr_net_packet *packet)
{
	static const uint8_t broadcast[VR_NET_MAC_BYTES] = { 255, 255, 255, 255, 255, 255 };
	const struct vr_net_settings *s = settings;
	uint8_t head[HEAD_BYTES];
	size_t bytes;

	if (s->promiscuous)
		return true;
	bytes = vr_iov_read(packet->pieces, packet->piece_count, 0, head, sizeof(head));
	/* Nobody can tell to whom it is. */
	if (bytes < VR_NET_MAC_BYTES)
		return false;
	if (!vlan_passes(s, head, bytes))
		return false;
	if (!memcmp(head, broadcast, VR_NET_MAC_BYTES))
		return !s->no_broadcast;
	if (head[0] & 1)
		return !s->no_multicast &&
		       (s->all_multicast || in_table(s->multicast, s->multicast_count, head));
	return !s->no_unicast && (s->all_unicast || !memcmp(head, s->mac, VR_NET_MAC_BYTES) ||
				  in_table(s->unicast, s->unicast_count, head));
}
