/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device's two halves make of their configuration. */
#ifndef VR_NET_DEVICE_CONFIG_H
#define VR_NET_DEVICE_CONFIG_H

#include <virtring/net.h>

#define VR_NET_BURST_DEFAULT 64u
#define VR_NET_BURST_MAX 1024u
#define VR_NET_SEGMENTS_EACH 16u
#define VR_NET_SEGMENTS_DEFAULT 1024u
#define VR_NET_SEGMENTS_MAX (1u << 20)

/* Replaces zeros by their defaults; false when something is out of bounds. */
static inline bool vr_net_device_config_read(const struct vr_net_device_config *config,
					     struct vr_net_device_config *read)
{
	if (!config || config->struct_size < sizeof(*config) ||
	    (config->flags & ~(VR_NET_DEVICE_KEEP_HEADERS | VR_NET_DEVICE_PASS_HEADERS)) ||
	    config->reserved)
		return false;
	*read = *config;
	if (!read->burst)
		read->burst = VR_NET_BURST_DEFAULT;
	if (!read->segments)
		read->segments = read->burst * VR_NET_SEGMENTS_EACH > VR_NET_SEGMENTS_DEFAULT ?
					 read->burst * VR_NET_SEGMENTS_EACH :
					 VR_NET_SEGMENTS_DEFAULT;
	if (!read->max_packet)
		read->max_packet = UINT32_MAX;
	return read->burst <= VR_NET_BURST_MAX && read->segments >= read->burst &&
	       read->segments <= VR_NET_SEGMENTS_MAX;
}

#endif
