/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/net_tap.h - a tap interface of Linux as the other end of a network device.
 *
 * Packets keep their virtio-net headers on both ways, so checksums that are unfinished and packets
 * that are to be segmented go through as they are. Nothing here blocks; each queue belongs to one
 * thread at a time, everything else to one thread. Functions that can fail return a negative errno
 * value.
 */
#ifndef VIRTRING_NET_TAP_H
#define VIRTRING_NET_TAP_H

#include "net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most queues; Linux's own limit. */
#define VR_NET_TAP_QUEUES_MAX 256u

/* Most packets that one receive gives. */
#define VR_NET_TAP_BURST 32u

struct vr_net_tap;

/**
 * struct vr_net_tap_config - which interface
 * @struct_size: sizeof(struct vr_net_tap_config)
 * @name: its name, up to 15 characters; "%d" in it is replaced by a number; NULL or "": any
 * @queues: 1..VR_NET_TAP_QUEUES_MAX; 0 means 1. More than one need an interface with IFF_MULTI_QUEUE,
 *	if it exists already.
 * @reserved: zero
 */
struct vr_net_tap_config {
	size_t struct_size;
	const char *name;
	uint32_t queues;
	uint32_t reserved;
};

/**
 * struct vr_net_tap_stats - counters of one queue
 * @sent: packets that went into the interface
 * @sent_bytes: their bytes
 * @received: packets that came out of it
 * @received_bytes: their bytes
 * @refused: packets to send that the kernel did not take, or whose headers ask for what was not
 *	agreed upon
 */
struct vr_net_tap_stats {
	uint64_t sent;
	uint64_t sent_bytes;
	uint64_t received;
	uint64_t received_bytes;
	uint64_t refused;
};

/**
 * vr_net_tap_open() - open an interface, made if there is none of that name
 * @config: which
 * @tap: set on success
 *
 * An interface that was made goes with the last of its users. Setting it up, and its addresses, is
 * the business of others. No offload is agreed upon, and all queues are attached.
 *
 * Return: 0, -EINVAL (config; or an interface of that name is of another kind), -EPERM or -EACCES
 * (needs CAP_NET_ADMIN, or to be its owner), -EBUSY, -ENODEV or -ENOENT (no /dev/net/tun), or what
 * the system said.
 */
int vr_net_tap_open(const struct vr_net_tap_config *config, struct vr_net_tap **tap);

/**
 * vr_net_tap_close() - let go of it
 * @tap: the tap, or NULL
 */
void vr_net_tap_close(struct vr_net_tap *tap);

/**
 * vr_net_tap_name() - the interface's name
 * @tap: the tap
 *
 * Return: a string, valid as long as @tap.
 */
const char *vr_net_tap_name(const struct vr_net_tap *tap);

/**
 * vr_net_tap_fd() - what to poll for packets
 * @tap: the tap
 * @queue: 0..queues-1
 *
 * Return: a descriptor, as long as @tap.
 */
int vr_net_tap_fd(const struct vr_net_tap *tap, uint32_t queue);

/**
 * vr_net_tap_features() - offloads that the kernel can do
 * @tap: the tap
 *
 * Return: features to offer: CSUM and GUEST_CSUM, and those of HOST_* and GUEST_* that it knows.
 */
uint64_t vr_net_tap_features(const struct vr_net_tap *tap);

/**
 * vr_net_tap_offloads() - agree upon offloads
 * @tap: the tap
 * @receive: VR_NET_F_GUEST_* bits: what packets that are received may need to have done
 * @send: the same for packets that are sent: vr_net_host_offloads() of what was negotiated
 *
 * Return: 0, or what the system said; then nothing has changed.
 */
int vr_net_tap_offloads(struct vr_net_tap *tap, uint64_t receive, uint64_t send);

/**
 * vr_net_tap_attach() - have packets come through a queue, or not
 * @tap: the tap, with more than one queue; else nothing is done
 * @queue: 0..queues-1
 * @attached: whether
 *
 * Return: 0, or what the system said.
 */
int vr_net_tap_attach(struct vr_net_tap *tap, uint32_t queue, bool attached);

/**
 * vr_net_tap_send() - packets into the interface
 * @tap: the tap
 * @queue: 0..queues-1
 * @packets: with headers, which are judged with vr_net_header_allow()
 * @count: how many
 *
 * Each is sent or counted as refused: a card does not wait for a wire that is cut.
 */
void vr_net_tap_send(struct vr_net_tap *tap, uint32_t queue, const struct vr_net_packet *packets,
		     unsigned int count);

/**
 * vr_net_tap_receive() - packets out of the interface
 * @tap: the tap
 * @queue: 0..queues-1
 * @packets: filled, with headers; valid until the next receive of this queue
 * @count: capacity of @packets; at most VR_NET_TAP_BURST are given
 *
 * Return: the number, 0 when there is none, or what the system said.
 */
int vr_net_tap_receive(struct vr_net_tap *tap, uint32_t queue, struct vr_net_packet *packets,
		       unsigned int count);

/**
 * vr_net_tap_stats() - counters
 * @tap: the tap
 * @queue: 0..queues-1
 * @stats: filled
 */
void vr_net_tap_stats(const struct vr_net_tap *tap, uint32_t queue, struct vr_net_tap_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_NET_TAP_H */
