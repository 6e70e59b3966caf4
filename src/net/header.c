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
