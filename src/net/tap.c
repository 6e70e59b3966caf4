// SPDX-License-Identifier: BSD-3-Clause
/* A tap interface of Linux. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <virtring/net_tap.h>

#include "net/header.h"

/* Kernel headers before 6.2 do not have these. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* What the kernel puts before each packet unless it is told otherwise: no num_buffers. */
#define HEADER_BYTES 10u

/* The largest packet that is to be segmented, with its Ethernet header and two VLAN tags. */
#define PACKET_BYTES (65535u + 14u + 8u)

/* Pieces that one system call takes, the header's included. */
#define PIECES_MAX 1024u

#define SEGMENTATION (VR_NET_F_GUEST_TSO4 | VR_NET_F_GUEST_TSO6)

struct tap_queue {
	int fd;
	bool attached;
	uint8_t *memory; /* VR_NET_TAP_BURST packets, of PACKET_BYTES each */
	struct vr_iovec pieces[VR_NET_TAP_BURST];
	struct vr_net_tap_stats stats;
};

struct vr_net_tap {
	char name[IFNAMSIZ];
	uint32_t queues;
	uint64_t known; /* VR_NET_F_GUEST_* bits */
	uint64_t send;
	struct tap_queue queue[];
};

/* TUNSETOFFLOAD's word for a set of bits; those that need others are nothing without them. */
static unsigned int tun_bits(uint64_t offloads)
{
	unsigned int bits = 0;

	if (!(offloads & VR_NET_F_GUEST_CSUM))
		return 0;
	bits = TUN_F_CSUM;
	bits |= offloads & VR_NET_F_GUEST_TSO4 ? TUN_F_TSO4 : 0;
	bits |= offloads & VR_NET_F_GUEST_TSO6 ? TUN_F_TSO6 : 0;
	if (offloads & SEGMENTATION && offloads & VR_NET_F_GUEST_ECN)
		bits |= TUN_F_TSO_ECN;
	bits |= offloads & VR_NET_F_GUEST_UFO ? TUN_F_UFO : 0;
	bits |= offloads & VR_NET_F_GUEST_USO4 ? TUN_F_USO4 : 0;
	bits |= offloads & VR_NET_F_GUEST_USO6 ? TUN_F_USO6 : 0;
	return bits;
}

static int set_offloads(int fd, uint64_t offloads)
{
	return ioctl(fd, TUNSETOFFLOAD, (unsigned long)tun_bits(offloads)) ? -errno : 0;
}

static int open_queue(struct tap_queue *q, const char *name, bool many, char *given)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	const int little_endian = 1;

	q->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (q->fd < 0)
		return -errno;
	if (many)
		request.ifr_flags |= IFF_MULTI_QUEUE;
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(q->fd, TUNSETIFF, &request) || ioctl(q->fd, TUNSETVNETLE, &little_endian))
		return -errno;
	memcpy(given, request.ifr_name, IFNAMSIZ);
	given[IFNAMSIZ - 1] = '\0';
	q->attached = true;
	q->memory = malloc((size_t)VR_NET_TAP_BURST * PACKET_BYTES);
	return q->memory ? 0 : -ENOMEM;
}

/* What the kernel knows: old ones do not know USO. */
static int probe(struct vr_net_tap *tap)
{
	tap->known = VR_NET_GUEST_OFFLOADS;
	if (set_offloads(tap->queue[0].fd, tap->known)) {
		tap->known &= ~(VR_NET_F_GUEST_USO4 | VR_NET_F_GUEST_USO6);
		if (set_offloads(tap->queue[0].fd, tap->known))
			tap->known = 0;
	}
	return set_offloads(tap->queue[0].fd, 0);
}

static int open_all(struct vr_net_tap *tap, const char *name)
{
	bool many = tap->queues > 1;
	int error = open_queue(&tap->queue[0], name, many, tap->name);

	/* One of several queues of an interface that exists serves as well. */
	if (error == -EINVAL && !many) {
		close(tap->queue[0].fd);
		error = open_queue(&tap->queue[0], name, true, tap->name);
	}
	for (uint32_t i = 1; i < tap->queues && !error; i++)
		error = open_queue(&tap->queue[i], tap->name, true, tap->name);
	return error ? error : probe(tap);
}

int vr_net_tap_open(const struct vr_net_tap_config *config, struct vr_net_tap **tap)
{
	struct vr_net_tap *t;
	const char *name;
	uint32_t queues;
	int error;

	if (!config || config->struct_size < sizeof(*config) || config->reserved || !tap)
		return -EINVAL;
	name = config->name ? config->name : "";
	queues = config->queues ? config->queues : 1;
	if (queues > VR_NET_TAP_QUEUES_MAX || strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	t = calloc(1, sizeof(*t) + queues * sizeof(t->queue[0]));
	if (!t)
		return -ENOMEM;
	t->queues = queues;
	for (uint32_t i = 0; i < queues; i++)
		t->queue[i].fd = -1;
	error = open_all(t, name);
	if (error) {
		vr_net_tap_close(t);
		return error;
	}
	*tap = t;
	return 0;
}

void vr_net_tap_close(struct vr_net_tap *tap)
{
	if (!tap)
		return;
	for (uint32_t i = 0; i < tap->queues; i++) {
		if (tap->queue[i].fd >= 0)
			close(tap->queue[i].fd);
		free(tap->queue[i].memory);
	}
	free(tap);
}

const char *vr_net_tap_name(const struct vr_net_tap *tap)
{
	return tap->name;
}

int vr_net_tap_fd(const struct vr_net_tap *tap, uint32_t queue)
{
	return tap->queue[queue].fd;
}

uint64_t vr_net_tap_features(const struct vr_net_tap *tap)
{
	static const struct {
		uint64_t guest;
		uint64_t host;
	} bits[] = {
		{ VR_NET_F_GUEST_CSUM, VR_NET_F_CSUM },
		{ VR_NET_F_GUEST_TSO4, VR_NET_F_HOST_TSO4 },
		{ VR_NET_F_GUEST_TSO6, VR_NET_F_HOST_TSO6 },
		{ VR_NET_F_GUEST_ECN, VR_NET_F_HOST_ECN },
		{ VR_NET_F_GUEST_UFO, VR_NET_F_HOST_UFO },
		{ VR_NET_F_GUEST_USO4, VR_NET_F_HOST_USO },
	};
	uint64_t features = tap->known;

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (tap->known & bits[i].guest)
			features |= bits[i].host;
	return features;
}

int vr_net_tap_offloads(struct vr_net_tap *tap, uint64_t receive, uint64_t send)
{
	/* They are the interface's, whichever of its queues is asked. */
	int error = set_offloads(tap->queue[0].fd, receive & tap->known);

	if (!error)
		tap->send = send;
	return error;
}

int vr_net_tap_attach(struct vr_net_tap *tap, uint32_t queue, bool attached)
{
	struct ifreq request = { .ifr_flags = IFF_ATTACH_QUEUE };
	struct tap_queue *q = &tap->queue[queue];

	if (tap->queues == 1 || q->attached == attached)
		return 0;
	if (!attached)
		request.ifr_flags = IFF_DETACH_QUEUE;
	if (ioctl(q->fd, TUNSETQUEUE, &request))
		return -errno;
	q->attached = attached;
	return 0;
}

/* Into the interface: header and pieces in one call. False when the kernel does not want it. */
static bool send_one(const struct vr_net_tap *tap, int fd, const struct vr_net_packet *packet)
{
	struct vr_net_header header = packet->header;
	struct vr_iovec pieces[PIECES_MAX];
	uint8_t wire[VR_NET_HEADER_MAX];
	ssize_t put;

	if (packet->piece_count >= PIECES_MAX || !vr_net_header_allow(&header, tap->send))
		return false;
	vr_net_header_encode(wire, &header);
	pieces[0] = (struct vr_iovec){ wire, HEADER_BYTES };
	memcpy(pieces + 1, packet->pieces, packet->piece_count * sizeof(pieces[0]));
	do
		put = writev(fd, (const struct iovec *)pieces, (int)packet->piece_count + 1);
	while (put < 0 && errno == EINTR);
	return put >= 0;
}

void vr_net_tap_send(struct vr_net_tap *tap, uint32_t queue, const struct vr_net_packet *packets,
		     unsigned int count)
{
	struct tap_queue *q = &tap->queue[queue];

	for (unsigned int i = 0; i < count; i++) {
		if (!send_one(tap, q->fd, &packets[i])) {
			q->stats.refused++;
			continue;
		}
		q->stats.sent++;
		q->stats.sent_bytes += packets[i].len;
	}
}

int vr_net_tap_receive(struct vr_net_tap *tap, uint32_t queue, struct vr_net_packet *packets,
		       unsigned int count)
{
	struct tap_queue *q = &tap->queue[queue];
	unsigned int done = 0;

	while (done < count && done < VR_NET_TAP_BURST) {
		uint8_t *memory = q->memory + (size_t)done * PACKET_BYTES;
		uint8_t wire[VR_NET_HEADER_MAX] = { 0 };
		const struct iovec into[2] = { { wire, HEADER_BYTES }, { memory, PACKET_BYTES } };
		ssize_t got = readv(q->fd, into, 2);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || done > 0))
			break;
		if (got < 0)
			return -errno;
		if (got <= (ssize_t)HEADER_BYTES)
			continue;
		q->pieces[done] = (struct vr_iovec){ memory, (size_t)got - HEADER_BYTES };
		packets[done].pieces = &q->pieces[done];
		packets[done].piece_count = 1;
		packets[done].len = (uint32_t)got - HEADER_BYTES;
		vr_net_header_decode(&packets[done].header, wire, HEADER_BYTES);
		q->stats.received_bytes += packets[done].len;
		done++;
	}
	q->stats.received += done;
	return (int)done;
}

void vr_net_tap_stats(const struct vr_net_tap *tap, uint32_t queue, struct vr_net_tap_stats *stats)
{
	*stats = tap->queue[queue].stats;
}
