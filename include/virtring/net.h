/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/net.h - network packets over virtqueues, both halves (virtio 5.1).
 *
 * Each of the four kinds of object moves packets in one direction over one queue:
 *
 *   struct vr_net_driver_tx  the driver sends       struct vr_net_device_tx  the device takes them
 *   struct vr_net_driver_rx  the driver receives    struct vr_net_device_rx  the device delivers
 *
 * None of them allocates, blocks, notifies or copies a packet that it receives. The caller makes
 * the queue (driver.h, device.h), asks it for the notification verdict, and arms it; one thread at
 * a time may use an object and its queue.
 *
 * The other side is not trusted. Headers are copied once and judged on the copy; the bytes of a
 * packet stay in shared memory, where the other side can go on changing them: who parses a packet
 * copies it first. Sent headers ask for nothing, unless a device's half is told to pass them on
 * (VR_NET_DEVICE_PASS_HEADERS); received ones are handed over as they came, for
 * vr_net_header_allow() to judge. Configuration space and control queue are in net_control.h.
 *
 * Return values are those of ring.h: 0 or a count, or a negative enum vr_error.
 */
#ifndef VIRTRING_NET_H
#define VIRTRING_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "driver.h"
#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Feature bits of a network device (5.1.3). */
#define VR_NET_F_CSUM (1ull << 0)
#define VR_NET_F_GUEST_CSUM (1ull << 1)
#define VR_NET_F_CTRL_GUEST_OFFLOADS (1ull << 2)
#define VR_NET_F_MTU (1ull << 3)
#define VR_NET_F_MAC (1ull << 5)
#define VR_NET_F_GUEST_TSO4 (1ull << 7)
#define VR_NET_F_GUEST_TSO6 (1ull << 8)
#define VR_NET_F_GUEST_ECN (1ull << 9)
#define VR_NET_F_GUEST_UFO (1ull << 10)
#define VR_NET_F_HOST_TSO4 (1ull << 11)
#define VR_NET_F_HOST_TSO6 (1ull << 12)
#define VR_NET_F_HOST_ECN (1ull << 13)
#define VR_NET_F_HOST_UFO (1ull << 14)
#define VR_NET_F_MRG_RXBUF (1ull << 15)
#define VR_NET_F_STATUS (1ull << 16)
#define VR_NET_F_CTRL_VQ (1ull << 17)
#define VR_NET_F_CTRL_RX (1ull << 18)
#define VR_NET_F_CTRL_VLAN (1ull << 19)
#define VR_NET_F_CTRL_RX_EXTRA (1ull << 20)
#define VR_NET_F_GUEST_ANNOUNCE (1ull << 21)
#define VR_NET_F_MQ (1ull << 22)
#define VR_NET_F_CTRL_MAC_ADDR (1ull << 23)
#define VR_NET_F_GUEST_UDP_TUNNEL_GSO (1ull << 46)
#define VR_NET_F_HOST_UDP_TUNNEL_GSO (1ull << 48)
#define VR_NET_F_GUEST_USO4 (1ull << 54)
#define VR_NET_F_GUEST_USO6 (1ull << 55)
#define VR_NET_F_HOST_USO (1ull << 56)
#define VR_NET_F_HASH_REPORT (1ull << 57)
#define VR_NET_F_RSS (1ull << 60)
#define VR_NET_F_SPEED_DUPLEX (1ull << 63)

/* What a driver may be handed unfinished: bits that VR_NET_CTRL_GUEST_OFFLOADS can switch. */
#define VR_NET_GUEST_OFFLOADS \
	(VR_NET_F_GUEST_CSUM | VR_NET_F_GUEST_TSO4 | VR_NET_F_GUEST_TSO6 | VR_NET_F_GUEST_ECN | \
	 VR_NET_F_GUEST_UFO | VR_NET_F_GUEST_USO4 | VR_NET_F_GUEST_USO6)

/* Bytes of an Ethernet address. */
#define VR_NET_MAC_BYTES 6u

/* Bytes that a frame may have beyond the MTU: addresses, type, one VLAN tag. */
#define VR_NET_LINK_HEADER 18u

/* The largest header that vr_net_header_bytes() answers. */
#define VR_NET_HEADER_MAX 24u

/* Queue numbers of a pair: receive, transmit (5.1.2). */
#define VR_NET_RX_QUEUE(pair) (2u * (pair))
#define VR_NET_TX_QUEUE(pair) (2u * (pair) + 1u)

/**
 * vr_net_header_bytes() - size of the header in front of every packet
 * @features: negotiated feature bits
 *
 * 10 when neither VERSION_1 nor MRG_RXBUF is there (num_buffers does not exist), 20 with
 * HASH_REPORT, 24 with a UDP tunnel GSO feature, else 12. Both directions have the same.
 *
 * Return: bytes. Any thread. (5.1.6, 5.1.6.3.1, 5.1.6.1)
 */
uint32_t vr_net_header_bytes(uint64_t features);

/**
 * struct vr_net_header - the header of a packet, in this machine's byte order
 * @flags: VIRTIO_NET_HDR_F_* bits, unknown ones included
 * @gso_type: VIRTIO_NET_HDR_GSO_*
 * @hdr_len: a hint at most
 * @gso_size: bytes
 * @csum_start: offset
 * @csum_offset: offset
 * @num_buffers: buffers that the packet takes; received packets only, already obeyed
 */
struct vr_net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};

/* Bits of flags that are known (5.1.6). */
#define VR_NET_HDR_NEEDS_CSUM 1u
#define VR_NET_HDR_DATA_VALID 2u

/* Values of gso_type; ECN is a bit on top of those for TCP (5.1.6). */
#define VR_NET_GSO_NONE 0u
#define VR_NET_GSO_TCPV4 1u
#define VR_NET_GSO_UDP 3u
#define VR_NET_GSO_TCPV6 4u
#define VR_NET_GSO_UDP_L4 5u
#define VR_NET_GSO_ECN 0x80u

/**
 * vr_net_host_offloads() - what a device may be handed, in the bits of the other direction
 * @features: negotiated feature bits
 *
 * Return: the VR_NET_F_GUEST_* bits that correspond to the CSUM and VR_NET_F_HOST_* ones. Any thread.
 */
uint64_t vr_net_host_offloads(uint64_t features);

/**
 * vr_net_header_allow() - may a packet be handed over with this header?
 * @header: a private copy; flags that nobody knows are cleared, and so is what cannot matter
 * @offloads: what the receiving side takes: VR_NET_F_GUEST_* bits
 *
 * Return: false when its checksum is unfinished or it is to be segmented, and @offloads do not cover
 * that, or when what the header says of it makes no sense. Any thread. (5.1.6.2, 5.1.6.4)
 */
bool vr_net_header_allow(struct vr_net_header *header, uint64_t offloads);

/**
 * struct vr_net_packet - a packet, possibly in several pieces
 * @pieces: its bytes, the header left out, in order
 * @piece_count: number of pieces, at least 1 in what is received
 * @len: sum of the pieces in bytes
 * @header: as received; ignored in what is sent, unless a half was told to pass it on
 */
struct vr_net_packet {
	const struct vr_iovec *pieces;
	uint32_t piece_count;
	uint32_t len;
	struct vr_net_header header;
};

/**
 * enum vr_net_fault - what made this room break a queue
 * @VR_NET_FAULT_NONE: nothing; the queue may still be broken, see vr_driver_fault()
 * @VR_NET_FAULT_NO_BUFFERS: driver: a header with num_buffers 0
 * @VR_NET_FAULT_MISSING: driver: a header with more buffers than were used together with it
 * @VR_NET_FAULT_SEGMENTS: device: a buffer of more segments than there is room for
 */
enum vr_net_fault {
	VR_NET_FAULT_NONE = 0,
	VR_NET_FAULT_NO_BUFFERS,
	VR_NET_FAULT_MISSING,
	VR_NET_FAULT_SEGMENTS,
	VR_NET_FAULT_COUNT
};

/**
 * vr_net_fault_text() - a fault in words
 * @fault: any number
 *
 * Return: a static string, never NULL. Any thread.
 */
const char *vr_net_fault_text(enum vr_net_fault fault);

/**
 * struct vr_net_stats - counters since init
 * @packets: packets that went through: published (sending sides), handed out (receiving sides)
 * @bytes: their bytes, headers left out
 * @dropped_short: receiving sides: buffers without a whole header and at least one byte behind it
 * @dropped_long: packets that can fit no buffer (vr_net_device_rx_deliver()) or exceed max_packet
 * @dropped_offload: packets whose headers the driver does not take (VR_NET_DEVICE_PASS_HEADERS)
 * @small_buffers: vr_net_device_rx_deliver(): buffers too small for a header, handed back empty
 * @fault: why this room broke the queue
 */
struct vr_net_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t dropped_short;
	uint64_t dropped_long;
	uint64_t dropped_offload;
	uint64_t small_buffers;
	enum vr_net_fault fault;
};

/* ---- buffers of the driver's two halves ---- */

/* Where the packet starts in a slot; the header ends there. */
#define VR_NET_HEADROOM 64u

/**
 * struct vr_net_slots - equal pieces of shared memory for packets, one packet or part of one each
 * @base: host address, aligned to 64
 * @addr: device address of the same byte
 * @count: number of slots, 1..65535. As many as the queue has descriptors, and each descriptor
 *         keeps its slot; more, and they rotate, so that the caller can hold some for longer.
 * @stride: bytes from slot to slot, a multiple of 64 from vr_net_slot_bytes()
 *
 * The header lies in the end of the line before the packet: one segment a packet, aligned payload,
 * and a header line that nobody writes once it says what it should. Slots are first used in an order that
 * no processor guesses, see vr_net_slot_step().
 */
struct vr_net_slots {
	void *base;
	uint64_t addr;
	uint32_t count;
	uint32_t stride;
};

/**
 * vr_net_slot_bytes() - the stride for packets of a size
 * @packet: largest packet, or part of one, in bytes
 *
 * An odd number of lines, so that the slots spread over all sets of a cache.
 *
 * Return: bytes, or 0 when @packet is 0 or above 2^30.
 */
uint32_t vr_net_slot_bytes(uint32_t packet);

/**
 * vr_net_slot_step() - how far to go from one slot to the next one to be used
 * @count: slots, 1..65535
 *
 * For who keeps buffers of his own. In rising order the other side's processor fetches ahead of what it
 * reads: the lines of the buffers that this side writes next, and has to fetch back. With
 * this step, modulo @count, each slot comes once a round, and neighbours in time are some pages apart,
 * across which no processor fetches ahead.
 *
 * Return: the step, 1..@count, which has no divisor in common with @count.
 */
uint32_t vr_net_slot_step(uint32_t count);

/**
 * struct vr_net_driver_config - the shape of one of the driver's halves
 * @struct_size: sizeof(struct vr_net_driver_config)
 * @features: negotiated feature bits
 * @queue: a queue of its own with nothing outstanding; the object uses its tokens
 * @slots: memory for the packets; init clears the headers
 * @max_packet: receive: longer packets are dropped and counted; 0: no limit
 */
struct vr_net_driver_config {
	size_t struct_size;
	uint64_t features;
	struct vr_driver *queue;
	struct vr_net_slots slots;
	uint32_t max_packet;
};

/* ---- the driver sends ---- */

struct vr_net_driver_tx;

/**
 * struct vr_net_slot - a slot to write a packet to
 * @data: where it goes, aligned to 64
 * @len: in: room in bytes; out: bytes of the packet
 * @index: the slot's number
 */
struct vr_net_slot {
	void *data;
	uint32_t len;
	uint32_t index;
};

/**
 * vr_net_driver_tx_size() - private memory that it needs
 * @config: the queue and the slots' addresses need not be there yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_net_driver_tx_size(const struct vr_net_driver_config *config);

/**
 * vr_net_driver_tx_init() - make a sending half
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_net_driver_tx_size()
 * @config: copied
 * @tx: set on success
 *
 * Return: 0 or VR_E_INVAL.
 */
int vr_net_driver_tx_init(void *state, size_t bytes, const struct vr_net_driver_config *config,
			  struct vr_net_driver_tx **tx);

/**
 * vr_net_driver_tx_reserve() - slots to write packets to
 * @tx: the half
 * @slots: filled
 * @count: how many, 1..slots.count
 *
 * Takes back what the device has used when fewer than @count are at hand. Each slot reserved goes
 * to vr_net_driver_tx_send() or vr_net_driver_tx_cancel() before the next reserve.
 *
 * Return: the number of slots, 0 when all are on their way, or VR_E_BROKEN.
 */
int vr_net_driver_tx_reserve(struct vr_net_driver_tx *tx, struct vr_net_slot *slots,
			     unsigned int count);

/**
 * vr_net_driver_tx_send() - make packets available to the device, with one publish
 * @tx: the half
 * @slots: the first ones of what was reserved, with @len set to 1..room
 * @count: number of slots
 *
 * Return: the number sent, short when the queue is full; or, when not even one was, VR_E_INVAL
 * (a length out of bounds), VR_E_BROKEN or VR_E_STATE. What was not sent stays reserved.
 */
int vr_net_driver_tx_send(struct vr_net_driver_tx *tx, const struct vr_net_slot *slots,
			  unsigned int count);

/**
 * vr_net_driver_tx_cancel() - give reserved slots back unused
 * @tx: the half
 * @slots: the last ones of what was reserved and not sent
 * @count: number of slots
 */
void vr_net_driver_tx_cancel(struct vr_net_driver_tx *tx, const struct vr_net_slot *slots,
			     unsigned int count);

/**
 * vr_net_driver_tx_copy() - reserve, copy and send
 * @tx: the half
 * @packets: what to send; the headers are ignored
 * @count: number of packets; at most 64 are looked at
 *
 * Return: the number sent, short when there is no room now or a packet does not fit a slot; or,
 * when that is the first one, VR_E_TOO_LONG (too large, or empty), or as the calls above.
 */
int vr_net_driver_tx_copy(struct vr_net_driver_tx *tx, const struct vr_net_packet *packets,
			  unsigned int count);

/**
 * vr_net_driver_tx_reap() - take back what the device has used
 * @tx: the half
 *
 * Return: the number of packets, or VR_E_BROKEN.
 */
int vr_net_driver_tx_reap(struct vr_net_driver_tx *tx);

/**
 * vr_net_driver_tx_stats() - counters
 * @tx: the half
 * @stats: filled
 */
void vr_net_driver_tx_stats(const struct vr_net_driver_tx *tx, struct vr_net_stats *stats);

/* ---- the driver receives ---- */

struct vr_net_driver_rx;

/**
 * vr_net_driver_rx_size() - private memory that it needs
 * @config: the queue and the slots' addresses need not be there yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_net_driver_rx_size(const struct vr_net_driver_config *config);

/**
 * vr_net_driver_rx_init() - make a receiving half
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_net_driver_rx_size()
 * @config: copied
 * @rx: set on success
 *
 * Return: 0 or VR_E_INVAL.
 */
int vr_net_driver_rx_init(void *state, size_t bytes, const struct vr_net_driver_config *config,
			  struct vr_net_driver_rx **rx);

/**
 * vr_net_driver_rx_fill() - make all free slots available to the device, with one publish
 * @rx: the half
 *
 * Return: the number of buffers, or VR_E_BROKEN or VR_E_STATE. (5.1.6.3)
 */
int vr_net_driver_rx_fill(struct vr_net_driver_rx *rx);

/**
 * vr_net_driver_rx_burst() - receive packets
 * @rx: the half
 * @packets: filled; the pieces are described until the next burst, and their memory is the
 *           caller's until vr_net_driver_rx_release()
 * @count: capacity of @packets
 *
 * With MRG_RXBUF a packet is put together from as many buffers as its header says (5.1.6.4.1).
 * A header that lies breaks the queue, as nobody can tell where the next packet starts.
 *
 * Return: the number of packets, 0 when there is none, or VR_E_BROKEN (vr_net_driver_rx_stats()
 * and vr_driver_fault() say why).
 */
int vr_net_driver_rx_burst(struct vr_net_driver_rx *rx, struct vr_net_packet *packets,
			   unsigned int count);

/**
 * vr_net_driver_rx_release() - done with packets: their slots go back to the device
 * @rx: the half
 * @count: number of packets, the oldest ones first
 *
 * Return: the number of buffers made available again, or as vr_net_driver_rx_fill().
 */
int vr_net_driver_rx_release(struct vr_net_driver_rx *rx, unsigned int count);

/**
 * vr_net_driver_rx_stats() - counters
 * @rx: the half
 * @stats: filled
 */
void vr_net_driver_rx_stats(const struct vr_net_driver_rx *rx, struct vr_net_stats *stats);

/* ---- the device's two halves ---- */

/*
 * Receive: a header that a buffer still holds from its last packet is not written again, so that its
 * cache line need not change hands. For that the device reads memory that is there to be written,
 * which the specification advises against (2.7.5) and other devices do all the same.
 */
#define VR_NET_DEVICE_KEEP_HEADERS 1u

/*
 * Receive: packets are delivered with their headers, for those that come from a network card or a
 * tap with unfinished checksums or unsegmented; what the driver does not take is dropped and
 * counted. Without this flag every header asks for nothing, and those of the packets are ignored.
 */
#define VR_NET_DEVICE_PASS_HEADERS 2u

/**
 * struct vr_net_device_config - the shape of one of the device's halves
 * @struct_size: sizeof(struct vr_net_device_config)
 * @features: negotiated feature bits
 * @queue: a queue of its own with nothing popped
 * @burst: most buffers popped at a time, 1..1024; 0 means 64. Receive: also the most buffers that
 *         one packet can take.
 * @segments: most segments of all those buffers; 0 means 16 for each, and at least 1024. One of
 *            more segments breaks the queue.
 * @max_packet: longer packets are dropped and counted, but for those that will be segmented; 0: no
 *              limit
 * @queue_size: receive: descriptors of the queue, which tells when a driver can have no more
 *              buffers for a large packet; 0: wait for them
 * @flags: VR_NET_DEVICE_* bits
 * @reserved: zero
 */
struct vr_net_device_config {
	size_t struct_size;
	uint64_t features;
	struct vr_device *queue;
	uint32_t burst;
	uint32_t segments;
	uint32_t max_packet;
	uint32_t queue_size;
	uint32_t flags;
	uint32_t reserved;
};

/* ---- the device takes what the driver sends ---- */

struct vr_net_device_tx;

/**
 * vr_net_device_tx_size() - private memory that it needs
 * @config: the queue need not be there yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_net_device_tx_size(const struct vr_net_device_config *config);

/**
 * vr_net_device_tx_init() - make the half that takes packets
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_net_device_tx_size()
 * @config: copied
 * @tx: set on success
 *
 * Return: 0 or VR_E_INVAL.
 */
int vr_net_device_tx_init(void *state, size_t bytes, const struct vr_net_device_config *config,
			  struct vr_net_device_tx **tx);

/**
 * vr_net_device_tx_burst() - take packets that the driver sent
 * @tx: the half
 * @packets: filled; valid until vr_net_device_tx_release()
 * @count: capacity of @packets; at most config.burst are taken
 *
 * To be followed by vr_net_device_tx_release(), also when the answer is 0: buffers without a whole
 * header and a byte behind it are left out, counted, and used with the others. A header may lie
 * over any number of segments (2.7.4.2).
 *
 * Return: the number of packets, 0 when there is none; VR_E_MISS (the map has no answer yet; call
 * again), VR_E_STATE (the burst before is not released) or VR_E_BROKEN.
 */
int vr_net_device_tx_burst(struct vr_net_device_tx *tx, struct vr_net_packet *packets,
			   unsigned int count);

/**
 * vr_net_device_tx_release() - done with the packets of the burst; used, with one publish
 * @tx: the half
 * @stored: as vr_device_publish()
 *
 * Return: the number of buffers used, or VR_E_BROKEN.
 */
int vr_net_device_tx_release(struct vr_net_device_tx *tx, struct vr_stored *stored);

/**
 * vr_net_device_tx_settle() - done with some packets of the burst; the others go back
 * @tx: the half
 * @done: packets that are used, the first ones of the burst
 * @stored: as vr_device_publish()
 *
 * Instead of vr_net_device_tx_release(), before the queue stops: what was not carried out is for
 * who continues with the queue.
 *
 * Return: as vr_net_device_tx_release().
 */
int vr_net_device_tx_settle(struct vr_net_device_tx *tx, unsigned int done,
			    struct vr_stored *stored);

/**
 * vr_net_device_tx_stats() - counters
 * @tx: the half
 * @stats: filled
 */
void vr_net_device_tx_stats(const struct vr_net_device_tx *tx, struct vr_net_stats *stats);

/* ---- the device delivers what the driver receives ---- */

struct vr_net_device_rx;

/**
 * vr_net_device_rx_size() - private memory that it needs
 * @config: the queue need not be there yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_net_device_rx_size(const struct vr_net_device_config *config);

/**
 * vr_net_device_rx_init() - make the half that delivers packets
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_net_device_rx_size()
 * @config: copied
 * @rx: set on success
 *
 * Return: 0 or VR_E_INVAL.
 */
int vr_net_device_rx_init(void *state, size_t bytes, const struct vr_net_device_config *config,
			  struct vr_net_device_rx **rx);

/**
 * vr_net_device_rx_deliver() - copy packets into the driver's buffers, with one publish
 * @rx: the half
 * @packets: what to deliver; the headers matter with VR_NET_DEVICE_PASS_HEADERS only
 * @count: number of packets
 * @stored: as vr_device_publish()
 *
 * With MRG_RXBUF a packet is spread over as many buffers as it takes, all but the last filled,
 * and all are used together. Without, it takes one. A packet for which no buffer can ever be
 * large enough, and an empty one, is dropped and counted. (5.1.6.4)
 *
 * Return: the number of packets delivered or dropped, short when the driver has no more buffers
 * now; VR_E_MISS when that is so because the map has no answer yet; or VR_E_BROKEN.
 */
int vr_net_device_rx_deliver(struct vr_net_device_rx *rx, const struct vr_net_packet *packets,
			     unsigned int count, struct vr_stored *stored);

/**
 * vr_net_device_rx_settle() - put back the buffers that it holds in advance
 * @rx: the half
 *
 * Before vr_device_save(), and before the queue's map changes.
 *
 * Return: the number of buffers put back.
 */
int vr_net_device_rx_settle(struct vr_net_device_rx *rx);

/**
 * vr_net_device_rx_offloads() - the driver changed what it takes
 * @rx: the half, with VR_NET_DEVICE_PASS_HEADERS
 * @offloads: VR_NET_F_GUEST_* bits; at first those that were negotiated
 */
void vr_net_device_rx_offloads(struct vr_net_device_rx *rx, uint64_t offloads);

/**
 * vr_net_device_rx_stats() - counters
 * @rx: the half
 * @stats: filled
 */
void vr_net_device_rx_stats(const struct vr_net_device_rx *rx, struct vr_net_stats *stats);

/* ---- packet endpoints ---- */

/* The smallest packet that the generator makes: a number and a byte of pattern behind the frame. */
#define VR_NET_GENERATOR_MIN 60u

/**
 * struct vr_net_generator - makes numbered packets
 * @sequence: number of the next packet
 * @length: bytes of each packet, VR_NET_GENERATOR_MIN..65535
 *
 * Ethernet frames of the local experimental type 0x88b5, with the number and a pattern that
 * depends on it. The fields are the caller's to change.
 */
struct vr_net_generator {
	uint64_t sequence;
	uint32_t length;
};

/**
 * vr_net_generate() - write the next packet
 * @generator: whose number is then one higher
 * @data: room for @generator->length bytes
 */
void vr_net_generate(struct vr_net_generator *generator, void *data);

/**
 * vr_net_number() - the number of a packet that a generator made
 * @packet: as received
 * @number: set when it is one
 *
 * Looks at addresses, type and number; whether the rest is right, a sink says that expects this
 * number.
 *
 * Return: true when it has a number.
 */
bool vr_net_number(const struct vr_net_packet *packet, uint64_t *number);

/**
 * enum vr_net_pattern - what a sink expects packets to look like
 * @VR_NET_PATTERN_NUMBERED: those of struct vr_net_generator, all and in order
 * @VR_NET_PATTERN_UDP: IPv4 UDP frames, such as DPDK's testpmd sends
 */
enum vr_net_pattern {
	VR_NET_PATTERN_NUMBERED,
	VR_NET_PATTERN_UDP,
};

/**
 * struct vr_net_sink - counts packets and looks into some
 * @pattern: what they should look like
 * @length: bytes that each should have
 * @interval: one in so many is looked into, 1: each, 0: none
 * @next: number of the one looked into next
 * @copy: copy each packet to private memory of @copy_bytes, as one does who passes it on; or NULL
 * @copy_bytes: longer packets are not copied
 * @packets: taken so far; also the number expected next of a numbered packet
 * @bytes: their bytes
 * @checked: packets looked into
 * @bad: how many of them were wrong
 * @wrong: about the first of them: what was wrong, or NULL
 */
struct vr_net_sink {
	enum vr_net_pattern pattern;
	uint32_t length;
	uint32_t interval;
	uint64_t next;
	void *copy;
	uint32_t copy_bytes;
	uint64_t packets;
	uint64_t bytes;
	uint64_t checked;
	uint64_t bad;
	const char *wrong;
};

/**
 * vr_net_sink_take() - count packets, copy them when wanted, look into some
 * @sink: the sink
 * @packets: as received
 * @count: number of packets
 */
void vr_net_sink_take(struct vr_net_sink *sink, const struct vr_net_packet *packets,
		      unsigned int count);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_NET_H */
