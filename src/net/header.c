// SPDX-License-Identifier: BSD-3-Clause
/* The size of the header, and what can be wrong with packets, in words. */
#include <virtring/net.h>

uint32_t vr_net_header_bytes(uint64_t features)
{
	if (features & (VR_NET_F_GUEST_UDP_TUNNEL_GSO | VR_NET_F_HOST_UDP_TUNNEL_GSO))
		return 24;
	if (features & VR_NET_F_HASH_REPORT)
		return 20;
	if (features & (VR_F_VERSION_1 | VR_NET_F_MRG_RXBUF))
		return 12;
	return 10;
}

uint64_t vr_net_host_offloads(uint64_t features)
{
	static const struct {
		uint64_t host;
		uint64_t guest;
	} bits[] = {
		{ VR_NET_F_CSUM, VR_NET_F_GUEST_CSUM },
		{ VR_NET_F_HOST_TSO4, VR_NET_F_GUEST_TSO4 },
		{ VR_NET_F_HOST_TSO6, VR_NET_F_GUEST_TSO6 },
		{ VR_NET_F_HOST_ECN, VR_NET_F_GUEST_ECN },
		{ VR_NET_F_HOST_UFO, VR_NET_F_GUEST_UFO },
		{ VR_NET_F_HOST_USO, VR_NET_F_GUEST_USO4 | VR_NET_F_GUEST_USO6 },
	};
	uint64_t offloads = 0;

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (features & bits[i].host)
			offloads |= bits[i].guest;
	return offloads;
}

/* The features of which one is needed for a kind of segmentation; 0: there is no such kind. */
static uint64_t gso_features(uint8_t type)
{
	switch (type) {
	case VR_NET_GSO_TCPV4:
		return VR_NET_F_GUEST_TSO4;
	case VR_NET_GSO_TCPV6:
		return VR_NET_F_GUEST_TSO6;
	case VR_NET_GSO_UDP:
		return VR_NET_F_GUEST_UFO;
	case VR_NET_GSO_UDP_L4:
		return VR_NET_F_GUEST_USO4 | VR_NET_F_GUEST_USO6;
	default:
		return 0;
	}
}

bool vr_net_header_allow(struct vr_net_header *header, uint64_t offloads)
{
	uint8_t type = header->gso_type & (uint8_t)~VR_NET_GSO_ECN;

	header->flags &= VR_NET_HDR_NEEDS_CSUM | VR_NET_HDR_DATA_VALID;
	if (!(offloads & VR_NET_F_GUEST_CSUM))
		header->flags &= (uint8_t)~VR_NET_HDR_DATA_VALID;
	if (header->flags & VR_NET_HDR_NEEDS_CSUM && !(offloads & VR_NET_F_GUEST_CSUM))
		return false;
	if (header->gso_type == VR_NET_GSO_NONE) {
		header->gso_size = 0;
		return true;
	}
	if (header->gso_type & VR_NET_GSO_ECN &&
	    !(offloads & VR_NET_F_GUEST_ECN &&
	      gso_features(type) & (VR_NET_F_GUEST_TSO4 | VR_NET_F_GUEST_TSO6)))
		return false;
	return gso_features(type) & offloads && header->gso_size > 0 &&
	       header->flags & VR_NET_HDR_NEEDS_CSUM;
}

const char *vr_net_fault_text(enum vr_net_fault fault)
{
	switch (fault) {
	case VR_NET_FAULT_NONE:
		return "no fault";
	case VR_NET_FAULT_NO_BUFFERS:
		return "a received header says that the packet takes 0 buffers";
	case VR_NET_FAULT_MISSING:
		return "a received header says that the packet takes more buffers than were used "
		       "with it";
	case VR_NET_FAULT_SEGMENTS:
		return "a buffer has more segments than the device has room for";
	case VR_NET_FAULT_COUNT:
		break;
	}
	return "unknown fault";
}
