// SPDX-License-Identifier: BSD-3-Clause
/* The device takes the packets that the driver sends. */
#include <string.h>

#include "net/device_config.h"
#include "net/header.h"

struct vr_net_device_tx {
	struct vr_device *queue;
	struct vr_net_stats stats;
	struct vr_iovec *segments;
	uint32_t burst;
	uint32_t segment_count;
	uint32_t header;
	uint32_t max_packet;
	uint32_t popped; /* buffers of the burst that is not released */
	struct vr_chain chains[];
};

size_t vr_net_device_tx_size(const struct vr_net_device_config *config)
{
	struct vr_net_device_config c;

	if (!vr_net_device_config_read(config, &c))
		return 0;
	return sizeof(struct vr_net_device_tx) + c.burst * sizeof(struct vr_chain) +
	       c.segments * sizeof(struct vr_iovec);
}

int vr_net_device_tx_init(void *state, size_t bytes, const struct vr_net_device_config *config,
			  struct vr_net_device_tx **tx)
{
	struct vr_net_device_config c;
	struct vr_net_device_tx *t = state;

	if (!vr_net_device_config_read(config, &c) || !c.queue || !state || (uintptr_t)state % 64 ||
	    bytes < vr_net_device_tx_size(config) || !tx)
		return VR_E_INVAL;
	memset(t, 0, sizeof(*t));
	t->queue = c.queue;
	t->burst = c.burst;
	t->segment_count = c.segments;
	t->max_packet = c.max_packet;
	t->header = vr_net_header_bytes(c.features);
	t->segments = (struct vr_iovec *)(t->chains + c.burst);
	*tx = t;
	return 0;
}

/*
 * Takes the header off the front of @chain, whatever segments it lies over. The chain has more
 * bytes than that.
 */
static void take_header(struct vr_chain *chain, uint8_t *wire, uint32_t left)
{
	uint32_t at = 0;

	while (left > 0) {
		struct vr_iovec *segment = chain->segments;
		uint32_t part = segment->len < left ? (uint32_t)segment->len : left;

		memcpy(wire + at, segment->base, part);
		at += part;
		left -= part;
		segment->base = (uint8_t *)segment->base + part;
		segment->len -= part;
		if (segment->len == 0) {
			chain->segments++;
			chain->readable--;
		}
	}
	__asm__ volatile("" : : "r"(wire) : "memory");
}

/*
 * Makes packets of buffers of the usual kind, with header and packet in one segment, and adds up their
 * bytes. Stops at the first one of another kind. Returns how many there were.
 */
static inline unsigned int read_usual(const struct vr_net_device_tx *tx,
				      const struct vr_chain *chains, unsigned int count,
				      struct vr_net_packet *packets, uint32_t header,
				      uint64_t *bytes)
{
	uint64_t longest = tx->max_packet;
	uint64_t sum = 0;
	unsigned int n;

	for (n = 0; n < count; n++) {
		struct vr_iovec *segment = chains[n].segments;
		uint64_t len = chains[n].readable_bytes - header;

		/* Without a byte behind the header it is above any limit, too. */
		if (chains[n].readable != 1 || len - 1 >= longest)
			break;
		vr_net_header_read(&packets[n].header, segment->base, header);
		segment->base = (uint8_t *)segment->base + header;
		segment->len = len;
		packets[n].pieces = segment;
		packets[n].piece_count = 1;
		packets[n].len = (uint32_t)len;
		sum += len;
	}
	*bytes += sum;
	return n;
}

/* Makes a packet of a buffer; false when there is none in it. */
static bool read_packet(struct vr_net_device_tx *tx, struct vr_chain *chain,
			struct vr_net_packet *packet)
{
	struct vr_iovec *first = chain->segments;
	uint32_t header = tx->header;

	if (chain->readable_bytes <= header) {
		tx->stats.dropped_short++;
		return false;
	}
	if (chain->readable_bytes - header > tx->max_packet) {
		tx->stats.dropped_long++;
		return false;
	}
	if (first->len > header) {
		vr_net_header_read(&packet->header, first->base, header);
		first->base = (uint8_t *)first->base + header;
		first->len -= header;
	} else {
		uint8_t wire[VR_NET_HEADER_MAX];

		take_header(chain, wire, header);
		vr_net_header_decode(&packet->header, wire, header);
	}
	packet->pieces = chain->segments;
	packet->piece_count = chain->readable;
	packet->len = (uint32_t)(chain->readable_bytes - header);
	return true;
}

/* The lines of the header and of what comes behind it, in the usual case of one segment. */
static inline void look_ahead(const struct vr_chain *chain, uint32_t header)
{
	if (chain->readable == 0)
		return;
	vr_net_will_read(chain->segments->base);
	vr_net_will_read((const uint8_t *)chain->segments->base + header);
}

int vr_net_device_tx_burst(struct vr_net_device_tx *tx, struct vr_net_packet *packets,
			   unsigned int count)
{
	uint64_t bytes = 0;
	unsigned int done = 0;
	int popped;

	if (tx->popped > 0)
		return VR_E_STATE;
	popped = vr_device_pop(tx->queue, tx->chains, count < tx->burst ? count : tx->burst,
			       tx->segments, tx->segment_count);
	if (popped == VR_E_SEGMENTS) {
		tx->stats.fault = VR_NET_FAULT_SEGMENTS;
		vr_device_break(tx->queue);
		return VR_E_BROKEN;
	}
	if (popped <= 0)
		return popped;
	tx->popped = (uint32_t)popped;
	for (int i = 0; i < popped; i++)
		look_ahead(&tx->chains[i], tx->header);
	for (unsigned int i = 0; i < (unsigned int)popped; i++) {
		unsigned int left = (unsigned int)popped - i;
		unsigned int usual = tx->header == VR_NET_HEADER_USUAL ?
					     read_usual(tx, tx->chains + i, left, packets + done,
							VR_NET_HEADER_USUAL, &bytes) :
					     0;

		done += usual;
		i += usual;
		if (usual == left || !read_packet(tx, &tx->chains[i], &packets[done]))
			continue;
		bytes += packets[done].len;
		done++;
	}
	tx->stats.packets += done;
	tx->stats.bytes += bytes;
	return (int)done;
}

int vr_net_device_tx_release(struct vr_net_device_tx *tx, struct vr_stored *stored)
{
	int done;

	if (stored)
		stored->count = 0;
	if (tx->popped == 0)
		return 0;
	/* A packet has nothing to write, so each is used with length 0. */
	done = vr_device_complete_oldest(tx->queue, NULL, tx->popped);
	tx->popped = 0;
	if (done < 0)
		return done;
	return vr_device_publish(tx->queue, stored);
}

/* Was it made a packet of? As read_packet() saw it: the core's copy of the sizes does not change. */
static bool was_packet(const struct vr_net_device_tx *tx, const struct vr_chain *chain)
{
	return chain->readable_bytes > tx->header &&
	       chain->readable_bytes - tx->header <= tx->max_packet;
}

int vr_net_device_tx_settle(struct vr_net_device_tx *tx, unsigned int done,
			    struct vr_stored *stored)
{
	uint32_t used = 0;

	if (stored)
		stored->count = 0;
	for (unsigned int packets = 0; used < tx->popped; used++) {
		bool packet = was_packet(tx, &tx->chains[used]);

		if (packet && packets == done)
			break;
		packets += packet;
	}
	while (tx->popped > used) {
		const struct vr_chain *chain = &tx->chains[tx->popped - 1];

		if (vr_device_unpop(tx->queue, chain->handle))
			return VR_E_BROKEN;
		if (was_packet(tx, chain)) {
			tx->stats.packets--;
			tx->stats.bytes -= chain->readable_bytes - tx->header;
		} else {
			tx->stats.dropped_long -= chain->readable_bytes > tx->header;
			tx->stats.dropped_short -= chain->readable_bytes <= tx->header;
		}
		tx->popped--;
	}
	return vr_net_device_tx_release(tx, stored);
}

void vr_net_device_tx_stats(const struct vr_net_device_tx *tx, struct vr_net_stats *stats)
{
	*stats = tx->stats;
}
