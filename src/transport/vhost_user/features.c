// SPDX-License-Identifier: BSD-3-Clause
/* Feature bits by name. */
#include <stddef.h>

#include <virtring/features.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* virtio 6, and what vhost-user uses of the same word. */
static const char *const common_names[] = {
	[24] = "NOTIFY_ON_EMPTY",   [26] = "VHOST_LOG_ALL",	[27] = "ANY_LAYOUT",
	[28] = "INDIRECT_DESC",	    [29] = "EVENT_IDX",		[30] = "VHOST_PROTOCOL_FEATURES",
	[32] = "VERSION_1",	    [33] = "ACCESS_PLATFORM",	[34] = "RING_PACKED",
	[35] = "IN_ORDER",	    [36] = "ORDER_PLATFORM",	[37] = "SR_IOV",
	[38] = "NOTIFICATION_DATA", [39] = "NOTIF_CONFIG_DATA", [40] = "RING_RESET",
	[41] = "ADMIN_VQ",
};

/* virtio 5.1.3 */
static const char *const net_names[] = {
	[0] = "CSUM",
	[1] = "GUEST_CSUM",
	[2] = "CTRL_GUEST_OFFLOADS",
	[3] = "MTU",
	[5] = "MAC",
	[6] = "GSO",
	[7] = "GUEST_TSO4",
	[8] = "GUEST_TSO6",
	[9] = "GUEST_ECN",
	[10] = "GUEST_UFO",
	[11] = "HOST_TSO4",
	[12] = "HOST_TSO6",
	[13] = "HOST_ECN",
	[14] = "HOST_UFO",
	[15] = "MRG_RXBUF",
	[16] = "STATUS",
	[17] = "CTRL_VQ",
	[18] = "CTRL_RX",
	[19] = "CTRL_VLAN",
	[20] = "CTRL_RX_EXTRA",
	[21] = "GUEST_ANNOUNCE",
	[22] = "MQ",
	[23] = "CTRL_MAC_ADDR",
	[50] = "DEVICE_STATS",
	[51] = "HASH_TUNNEL",
	[52] = "VQ_NOTF_COAL",
	[53] = "NOTF_COAL",
	[54] = "GUEST_USO4",
	[55] = "GUEST_USO6",
	[56] = "HOST_USO",
	[57] = "HASH_REPORT",
	[59] = "GUEST_HDRLEN",
	[60] = "RSS",
	[61] = "RSC_EXT",
	[62] = "STANDBY",
	[63] = "SPEED_DUPLEX",
};

/* virtio 5.2.3 */
static const char *const blk_names[] = {
	[0] = "BARRIER",       [1] = "SIZE_MAX",  [2] = "SEG_MAX",
	[4] = "GEOMETRY",      [5] = "RO",	  [6] = "BLK_SIZE",
	[7] = "SCSI",	       [9] = "FLUSH",	  [10] = "TOPOLOGY",
	[11] = "CONFIG_WCE",   [12] = "MQ",	  [13] = "DISCARD",
	[14] = "WRITE_ZEROES", [15] = "LIFETIME", [16] = "SECURE_ERASE",
	[17] = "ZONED",
};

static const char *const protocol_names[] = {
	[0] = "MQ",
	[1] = "LOG_SHMFD",
	[2] = "RARP",
	[3] = "REPLY_ACK",
	[4] = "MTU",
	[5] = "BACKEND_REQ",
	[6] = "CROSS_ENDIAN",
	[7] = "CRYPTO_SESSION",
	[8] = "PAGEFAULT",
	[9] = "CONFIG",
	[10] = "BACKEND_SEND_FD",
	[11] = "HOST_NOTIFIER",
	[12] = "INFLIGHT_SHMFD",
	[13] = "RESET_DEVICE",
	[14] = "INBAND_NOTIFICATIONS",
	[15] = "CONFIGURE_MEM_SLOTS",
	[16] = "STATUS",
	[17] = "XEN_MMAP",
	[18] = "SHARED_OBJECT",
	[19] = "DEVICE_STATE",
	[20] = "GET_VRING_BASE_INFLIGHT",
	[21] = "GPA_ADDRESSES",
	[22] = "SHMEM",
	[23] = "GET_VRING_BASE_SKIP_DRAIN",
};

static const char *lookup(const char *const *names, size_t count, uint32_t bit)
{
	return bit < count ? names[bit] : NULL;
}

const char *vr_feature_name(uint32_t device_type, uint32_t bit)
{
	const char *name = lookup(common_names, COUNT(common_names), bit);

	if (!name && device_type == VR_DEVICE_NET)
		name = lookup(net_names, COUNT(net_names), bit);
	if (!name && device_type == VR_DEVICE_BLK)
		name = lookup(blk_names, COUNT(blk_names), bit);
	return name;
}

const char *vr_vu_protocol_feature_name(uint32_t bit)
{
	return lookup(protocol_names, COUNT(protocol_names), bit);
}
