/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/net_control.h - the configuration space and the control queue of a network device, both
 * halves (virtio 5.1.4, 5.1.6.5).
 *
 *   struct vr_net_space           configuration space, encoded and decoded
 *   struct vr_net_settings        what a driver has set: filters, pairs, offloads
 *   struct vr_net_control_device  takes commands, judges them, keeps the settings
 *   struct vr_net_control_driver  gives commands, one at a time
 *
 * As in net.h: nothing allocates, blocks or notifies; one thread at a time; return values are
 * those of ring.h. Commands are copied out of shared memory once and judged on the copy.
 */
#ifndef VIRTRING_NET_CONTROL_H
#define VIRTRING_NET_CONTROL_H

#include "net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- configuration space ---- */

/* All that vr_net_space_encode() writes. */
#define VR_NET_SPACE_BYTES 24u

/* Bits of the status field (5.1.4). */
#define VR_NET_S_LINK_UP 1u
#define VR_NET_S_ANNOUNCE 2u

/* A speed or duplex that nobody knows (5.1.4). */
#define VR_NET_SPEED_UNKNOWN UINT32_MAX
#define VR_NET_DUPLEX_UNKNOWN UINT8_MAX

/* Most pairs of queues (5.1.6.5.5). */
#define VR_NET_PAIRS_MAX 0x8000u

/**
 * struct vr_net_space - configuration space, in this machine's byte order (5.1.4)
 * @mac: MAC: the device's address
 * @status: STATUS: VR_NET_S_* bits
 * @max_pairs: MQ or RSS: most pairs of queues
 * @mtu: MTU: bytes
 * @speed: SPEED_DUPLEX: in Mbit/s, or VR_NET_SPEED_UNKNOWN
 * @duplex: SPEED_DUPLEX: 0 half, 1 full, or VR_NET_DUPLEX_UNKNOWN
 * @rss_max_key_size: RSS or HASH_REPORT: bytes
 * @rss_max_table_length: RSS: entries
 * @hash_types: RSS or HASH_REPORT: supported ones
 */
struct vr_net_space {
	uint8_t mac[VR_NET_MAC_BYTES];
	uint16_t status;
	uint16_t max_pairs;
	uint16_t mtu;
	uint32_t speed;
	uint8_t duplex;
	uint8_t rss_max_key_size;
	uint16_t rss_max_table_length;
	uint32_t hash_types;
};

/**
 * vr_net_space_bytes() - how much of the space a set of features gives a meaning
 * @features: feature bits
 *
 * Return: 0..VR_NET_SPACE_BYTES. Any thread.
 */
uint32_t vr_net_space_bytes(uint64_t features);

/**
 * vr_net_space_encode() - as a driver reads it
 * @space: the fields
 * @features: feature bits that are offered; fields of others are zero
 * @wire: VR_NET_SPACE_BYTES bytes
 */
void vr_net_space_encode(const struct vr_net_space *space, uint64_t features, uint8_t *wire);

/**
 * vr_net_space_decode() - from what a driver read
 * @space: filled; without the feature status is LINK_UP, max_pairs 1, speed and duplex unknown and
 *         the others are 0
 * @features: negotiated feature bits
 * @wire: vr_net_space_bytes(@features) bytes
 */
void vr_net_space_decode(struct vr_net_space *space, uint64_t features, const uint8_t *wire);

/* ---- commands ---- */

/* Classes and, below each, its commands (5.1.6.5). */
#define VR_NET_CTRL_RX 0u
#define VR_NET_CTRL_RX_PROMISC 0u
#define VR_NET_CTRL_RX_ALLMULTI 1u
#define VR_NET_CTRL_RX_ALLUNI 2u
#define VR_NET_CTRL_RX_NOMULTI 3u
#define VR_NET_CTRL_RX_NOUNI 4u
#define VR_NET_CTRL_RX_NOBCAST 5u
#define VR_NET_CTRL_MAC 1u
#define VR_NET_CTRL_MAC_TABLE_SET 0u
#define VR_NET_CTRL_MAC_ADDR_SET 1u
#define VR_NET_CTRL_VLAN 2u
#define VR_NET_CTRL_VLAN_ADD 0u
#define VR_NET_CTRL_VLAN_DEL 1u
#define VR_NET_CTRL_ANNOUNCE 3u
#define VR_NET_CTRL_ANNOUNCE_ACK 0u
#define VR_NET_CTRL_MQ 4u
#define VR_NET_CTRL_MQ_VQ_PAIRS_SET 0u
#define VR_NET_CTRL_GUEST_OFFLOADS 5u
#define VR_NET_CTRL_GUEST_OFFLOADS_SET 0u

/* What a device answers. */
#define VR_NET_OK 0u
#define VR_NET_ERR 1u

/**
 * vr_net_control_queue() - number of the control queue (5.1.2)
 * @features: negotiated feature bits
 * @max_pairs: max_virtqueue_pairs of the configuration space
 *
 * Return: 2 without MQ and RSS, else behind all pairs. Any thread.
 */
uint32_t vr_net_control_queue(uint64_t features, uint32_t max_pairs);

/* ---- settings ---- */

/* Addresses kept of either table; with more, all of that kind pass. */
#define VR_NET_TABLE_MAX 64u

/* VLAN numbers. */
#define VR_NET_VLANS 4096u

/**
 * struct vr_net_settings - what a driver has set
 * @pairs: pairs of queues in use
 * @offloads: VR_NET_F_GUEST_* bits in use
 * @announce: the driver is asked to announce itself, and has not yet acknowledged it
 * @promiscuous: everything passes
 * @all_multicast: all multicast passes
 * @all_unicast: all unicast passes
 * @no_multicast: no multicast passes
 * @no_unicast: no unicast passes
 * @no_broadcast: no broadcast passes
 * @filter_vlans: only VLANs of the table pass
 * @mac: the device's address
 * @unicast_count: addresses of the table; VR_NET_TABLE_MAX + 1: more than fit
 * @multicast_count: likewise
 * @unicast: the table
 * @multicast: the table
 * @vlans: a bit for each number
 */
struct vr_net_settings {
	uint32_t pairs;
	uint64_t offloads;
	bool announce;
	bool promiscuous;
	bool all_multicast;
	bool all_unicast;
	bool no_multicast;
	bool no_unicast;
	bool no_broadcast;
	bool filter_vlans;
	uint8_t mac[VR_NET_MAC_BYTES];
	uint32_t unicast_count;
	uint32_t multicast_count;
	uint8_t unicast[VR_NET_TABLE_MAX][VR_NET_MAC_BYTES];
	uint8_t multicast[VR_NET_TABLE_MAX][VR_NET_MAC_BYTES];
	uint32_t vlans[VR_NET_VLANS / 32];
};

/**
 * vr_net_settings_accept() - does a packet pass the driver's filters?
 * @settings: the settings
 * @packet: the packet, its first bytes in private memory
 *
 * What no filter was set for passes: a device starts promiscuous, with one pair in use.
 *
 * Return: true when the driver is to get it. (5.1.6.5.1, 5.1.6.5.2, 5.1.6.5.3)
 */
bool vr_net_settings_accept(const struct vr_net_settings *settings,
			    const struct vr_net_packet *packet);

/* ---- the device's half ---- */

struct vr_net_control_device;

/**
 * struct vr_net_control_device_config - the shape of the device's half
 * @struct_size: sizeof(struct vr_net_control_device_config)
 * @features: negotiated feature bits
 * @queue: a queue of its own with nothing popped
 * @space: configuration space as offered: mac and max_pairs matter
 * @settings: what the driver has set before, when the queue goes on after a pause; copied. NULL: it
 *            begins anew
 * @apply: called before a command takes effect: @next is what the settings would be. Negative:
 *         refused, the settings stay, the driver gets VR_NET_ERR. May be NULL.
 * @context: for @apply
 */
struct vr_net_control_device_config {
	size_t struct_size;
	uint64_t features;
	struct vr_device *queue;
	const struct vr_net_space *space;
	const struct vr_net_settings *settings;
	int (*apply)(void *context, const struct vr_net_settings *next);
	void *context;
};

/**
 * struct vr_net_control_stats - counters since init
 * @commands: answered with VR_NET_OK
 * @refused: answered with VR_NET_ERR
 * @mute: without a byte for the answer; nothing was done
 */
struct vr_net_control_stats {
	uint64_t commands;
	uint64_t refused;
	uint64_t mute;
};

/**
 * vr_net_control_device_size() - private memory that it needs
 *
 * Return: bytes. Any thread.
 */
size_t vr_net_control_device_size(void);

/**
 * vr_net_control_device_init() - make the device's half
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_net_control_device_size()
 * @config: copied, @space too
 * @control: set on success
 *
 * Return: 0 or VR_E_INVAL.
 */
int vr_net_control_device_init(void *state, size_t bytes,
			       const struct vr_net_control_device_config *config,
			       struct vr_net_control_device **control);

/**
 * vr_net_control_device_run() - carry out commands
 * @control: the half
 * @count: most commands
 *
 * Answers are staged: vr_device_publish() is the caller's. A command that is malformed, that was
 * not negotiated or that makes no sense gets VR_NET_ERR and changes nothing.
 *
 * Return: the number of buffers taken, 0 when there is none; VR_E_MISS (the map has no answer yet;
 * call again) or VR_E_BROKEN.
 */
int vr_net_control_device_run(struct vr_net_control_device *control, unsigned int count);

/**
 * vr_net_control_device_announce() - ask the driver to announce itself
 * @control: the half
 *
 * The status field then has VR_NET_S_ANNOUNCE until the driver acknowledges it; telling the driver
 * that its configuration changed is the transport's. (5.1.6.5.4)
 *
 * Return: true, or false when GUEST_ANNOUNCE was not negotiated.
 */
bool vr_net_control_device_announce(struct vr_net_control_device *control);

/**
 * vr_net_control_device_settings() - what the driver has set
 * @control: the half
 *
 * Return: the settings, valid as long as @control; they change in vr_net_control_device_run().
 */
const struct vr_net_settings *
vr_net_control_device_settings(const struct vr_net_control_device *control);

/**
 * vr_net_control_device_stats() - counters
 * @control: the half
 * @stats: filled
 */
void vr_net_control_device_stats(const struct vr_net_control_device *control,
				 struct vr_net_control_stats *stats);

/**
 * vr_net_settings_reset() - what holds before a driver has set anything
 * @settings: filled
 * @features: negotiated feature bits
 * @space: configuration space: the address
 */
void vr_net_settings_reset(struct vr_net_settings *settings, uint64_t features,
			   const struct vr_net_space *space);

/* ---- the driver's half ---- */

/* Memory for one command, its answer included: a full table of addresses of both kinds. */
#define VR_NET_CONTROL_BYTES 1024u

struct vr_net_control_driver;

/**
 * struct vr_net_control_driver_config - the shape of the driver's half
 * @struct_size: sizeof(struct vr_net_control_driver_config)
 * @features: negotiated feature bits
 * @queue: a queue of its own with nothing outstanding, of at least 2 descriptors
 * @memory: VR_NET_CONTROL_BYTES of shared memory
 * @max_pairs: max_virtqueue_pairs of the configuration space
 */
struct vr_net_control_driver_config {
	size_t struct_size;
	uint64_t features;
	struct vr_driver *queue;
	struct vr_ring_area memory;
	uint32_t max_pairs;
};

/**
 * vr_net_control_driver_size() - private memory that it needs
 *
 * Return: bytes. Any thread.
 */
size_t vr_net_control_driver_size(void);

/**
 * vr_net_control_driver_init() - make the driver's half
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_net_control_driver_size()
 * @config: copied
 * @control: set on success
 *
 * Return: 0 or VR_E_INVAL (also without CTRL_VQ).
 */
int vr_net_control_driver_init(void *state, size_t bytes,
			       const struct vr_net_control_driver_config *config,
			       struct vr_net_control_driver **control);

/**
 * vr_net_control_driver_result() - has the command been answered?
 * @control: the half
 *
 * Return: 1: it was, with VR_NET_OK; 0: not yet; VR_E_STATE: no command was given; VR_E_INVAL: the
 * device answered VR_NET_ERR, or anything else but VR_NET_OK; VR_E_BROKEN.
 */
int vr_net_control_driver_result(struct vr_net_control_driver *control);

/*
 * The commands. Each is made available at once; the notification verdict on the queue is the
 * caller's. Each answers 0, VR_E_BUSY (the last one has not been answered), VR_E_INVAL (its feature
 * was not negotiated, or an argument is out of bounds), or as vr_driver_add().
 */

/** vr_net_control_driver_rx_mode() - VR_NET_CTRL_RX: one of its modes on or off (5.1.6.5.1) */
int vr_net_control_driver_rx_mode(struct vr_net_control_driver *control, uint8_t mode, bool on);

/**
 * vr_net_control_driver_mac_table() - VR_NET_CTRL_MAC_TABLE_SET: which addresses to receive
 * @control: the half
 * @unicast: @unicast_count addresses
 * @unicast_count: 0..VR_NET_TABLE_MAX
 * @multicast: @multicast_count addresses
 * @multicast_count: 0..VR_NET_TABLE_MAX
 *
 * Return: see above. (5.1.6.5.2)
 */
int vr_net_control_driver_mac_table(struct vr_net_control_driver *control, const uint8_t *unicast,
				    uint32_t unicast_count, const uint8_t *multicast,
				    uint32_t multicast_count);

/** vr_net_control_driver_mac() - VR_NET_CTRL_MAC_ADDR_SET: the device's address, 6 bytes */
int vr_net_control_driver_mac(struct vr_net_control_driver *control, const uint8_t *mac);

/** vr_net_control_driver_vlan() - VR_NET_CTRL_VLAN: let a VLAN, 0..4095, pass or not (5.1.6.5.3) */
int vr_net_control_driver_vlan(struct vr_net_control_driver *control, uint16_t vlan, bool pass);

/** vr_net_control_driver_announced() - VR_NET_CTRL_ANNOUNCE_ACK (5.1.6.5.4) */
int vr_net_control_driver_announced(struct vr_net_control_driver *control);

/** vr_net_control_driver_pairs() - VR_NET_CTRL_MQ_VQ_PAIRS_SET: 1..max_pairs (5.1.6.5.5) */
int vr_net_control_driver_pairs(struct vr_net_control_driver *control, uint32_t pairs);

/** vr_net_control_driver_offloads() - VR_NET_CTRL_GUEST_OFFLOADS_SET: VR_NET_F_GUEST_* bits */
int vr_net_control_driver_offloads(struct vr_net_control_driver *control, uint64_t offloads);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_NET_CONTROL_H */
