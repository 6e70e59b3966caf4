// SPDX-License-Identifier: BSD-3-Clause
/*
 * The device delivers packets into the buffers that the driver made available.
 *
 * Buffers are popped a burst ahead and kept in a stock, so that what a packet needs is known before
 * its first byte is written.
 */
#include <string.h>

#include "net/device_config.h"
#include "net/header.h"

struct vr_net_device_rx {
	struct vr_device *queue;
	struct vr_net_stats stats;
	struct vr_iovec *segments;
	uint32_t segment_count;
	uint32_t segments_used;
	uint32_t burst;
	uint32_t queue_size;
	uint32_t first; /* the stock: chains first..last-1 */
	uint32_t last;
	uint32_t header;
	uint32_t max_packet;
	bool mergeable;
	bool keep_headers;
	bool pass_headers;
	uint64_t offloads; /* with pass_headers: VR_NET_F_GUEST_* bits that the driver takes */
	bool staged; /* something was completed since the last publish */
	uint32_t done; /* lengths of the oldest buffers, which are filled and not yet completed */
	uint32_t *lengths;
	struct vr_chain chains[];
};

/* Where the next byte of a packet comes from. */
struct source {
	const struct vr_iovec *piece;
	size_t offset;
};

size_t vr_net_device_rx_size(const struct vr_net_device_config *config)
{
	struct vr_net_device_config c;

	if (!vr_net_device_config_read(config, &c))
		return 0;
	return sizeof(struct vr_net_device_rx) + c.burst * sizeof(struct vr_chain) +
	       c.segments * sizeof(struct vr_iovec) + c.burst * sizeof(uint32_t);
}

int vr_net_device_rx_init(void *state, size_t bytes, const struct vr_net_device_config *config,
			  struct vr_net_device_rx **rx)
{
	struct vr_net_device_config c;
	struct vr_net_device_rx *r = state;

	if (!vr_net_device_config_read(config, &c) || !c.queue || !state || (uintptr_t)state % 64 ||
	    bytes < vr_net_device_rx_size(config) || !rx)
		return VR_E_INVAL;
	memset(r, 0, sizeof(*r));
	r->queue = c.queue;
	r->burst = c.burst;
	r->queue_size = c.queue_size;
	r->segment_count = c.segments;
	r->max_packet = c.max_packet;
	r->keep_headers = c.flags & VR_NET_DEVICE_KEEP_HEADERS;
	r->pass_headers = c.flags & VR_NET_DEVICE_PASS_HEADERS;
	r->offloads = c.features & VR_NET_GUEST_OFFLOADS;
	r->mergeable = c.features & VR_NET_F_MRG_RXBUF;
	r->header = vr_net_header_bytes(c.features);
	r->segments = (struct vr_iovec *)(r->chains + c.burst);
	r->lengths = (uint32_t *)(r->segments + c.segments);
	*rx = r;
	return 0;
}

/* Moves the stock to the front of its arrays, so that more can be popped behind it. */
static void compact(struct vr_net_device_rx *rx)
{
	uint32_t count = rx->last - rx->first;
	uint32_t used = 0;

	if (count > 0 && rx->first > 0) {
		struct vr_iovec *start = rx->chains[rx->first].segments;

		used = rx->segments_used - (uint32_t)(start - rx->segments);
		memmove(rx->segments, start, used * sizeof(*start));
		memmove(rx->chains, rx->chains + rx->first, count * sizeof(*rx->chains));
		for (uint32_t i = 0; i < count; i++)
			rx->chains[i].segments -= start - rx->segments;
	} else if (count > 0) {
		used = rx->segments_used;
	}
	rx->segments_used = used;
	rx->first = 0;
	rx->last = count;
}

/* So many buffers more are in the stock: the lines behind their headers will be written. */
static void look_ahead(struct vr_net_device_rx *rx, uint32_t popped)
{
	const struct vr_chain *chain = rx->chains + rx->last;
	const struct vr_chain *end = chain + popped;
	uint32_t header = rx->header;
	uint32_t segments = 0;

	for (; chain < end; chain++) {
		if (chain->writable > 0)
			vr_net_will_write((uint8_t *)chain->segments[chain->readable].base +
					  header);
		segments += chain->readable + chain->writable;
	}
	rx->last += popped;
	rx->segments_used += segments;
}

/* Pops more buffers behind the stock: the number, 0 when there is none or no room, or an error. */
static int restock(struct vr_net_device_rx *rx)
{
	int popped;

	compact(rx);
	if (rx->last == rx->burst || rx->segments_used == rx->segment_count)
		return 0;
	popped = vr_device_pop(rx->queue, rx->chains + rx->last, rx->burst - rx->last,
			       rx->segments + rx->segments_used,
			       rx->segment_count - rx->segments_used);
	if (popped == VR_E_SEGMENTS && rx->last > 0)
		return 0;
	if (popped == VR_E_SEGMENTS) {
		rx->stats.fault = VR_NET_FAULT_SEGMENTS;
		vr_device_break(rx->queue);
		return VR_E_BROKEN;
	}
	if (popped > 0)
		look_ahead(rx, (uint32_t)popped);
	return popped;
}

/* Hands the filled buffers to the queue, in one call for all of them. */
static void flush(struct vr_net_device_rx *rx)
{
	if (rx->done == 0)
		return;
	/* They are the oldest ones, and no length is above the capacity: it can but succeed. */
	(void)vr_device_complete_oldest(rx->queue, rx->lengths, rx->done);
	rx->done = 0;
	rx->staged = true;
}

static inline void complete(struct vr_net_device_rx *rx, uint32_t len)
{
	rx->lengths[rx->done++] = len;
	rx->first++;
	if (rx->done == rx->burst)
		flush(rx);
}

/* Can the driver still add a buffer while it has these? */
static bool queue_is_full(const struct vr_net_device_rx *rx)
{
	uint32_t descriptors = 0;

	for (uint32_t i = rx->first; i < rx->last; i++)
		descriptors += rx->chains[i].descriptors;
	return rx->queue_size > 0 && descriptors >= rx->queue_size;
}

/*
 * Sees to it that the oldest buffers of the stock hold @bytes: the number of buffers that it takes,
 * 0 when the driver has no more of them now, VR_E_TOO_LONG when it can never have enough, or
 * another error.
 */
static int gather(struct vr_net_device_rx *rx, uint64_t bytes)
{
	uint64_t capacity = 0;
	uint32_t n = 0;

	for (;;) {
		const struct vr_chain *chain;
		int got = 1;

		if (rx->first + n == rx->last)
			got = restock(rx);
		if (got == 0 && n > 0 &&
		    (rx->last == rx->burst || rx->segments_used == rx->segment_count ||
		     queue_is_full(rx)))
			return VR_E_TOO_LONG;
		if (got <= 0)
			return got;
		chain = &rx->chains[rx->first + n];
		if (n == 0 && chain->writable_bytes < rx->header) {
			rx->stats.small_buffers++;
			complete(rx, 0);
			continue;
		}
		capacity += chain->writable_bytes;
		n++;
		if (capacity >= bytes)
			return (int)n;
		if (!rx->mergeable)
			return VR_E_TOO_LONG;
	}
}

/* Copies the next @bytes of a packet. */
static void pull(struct source *from, uint8_t *to, size_t bytes)
{
	while (bytes > 0) {
		size_t part = from->piece->len - from->offset;

		if (part > bytes)
			part = bytes;
		vr_net_copy(to, (const uint8_t *)from->piece->base + from->offset, part);
		to += part;
		bytes -= part;
		from->offset += part;
		if (from->offset == from->piece->len) {
			from->piece++;
			from->offset = 0;
		}
	}
}

/*
 * Writes a header; where that is wanted, only if its bytes are not there already. What is read
 * decides nothing else, so a driver that plays with it gets a wrong header and no more.
 */
static inline void put_header(void *shared, const uint8_t *wire, uint32_t bytes, bool keep)
{
	uint8_t there[VR_NET_HEADER_MAX];

	if (keep) {
		vr_net_header_copy(there, shared, bytes);
		if (memcmp(there, wire, bytes) == 0)
			return;
	}
	memcpy(shared, wire, bytes);
}

/* The same for the usual header, which comes with every packet. */
static inline void put_words(void *shared, const struct vr_net_words *words, bool keep)
{
	if (keep) {
		struct vr_net_words there = vr_net_words_read(shared);

		if (there.front == words->front && there.back == words->back)
			return;
	}
	vr_net_words_write(shared, words);
}

/* Fills one buffer with the header, if it is the first, and up to @bytes of the packet. */
static void fill(const struct vr_net_device_rx *rx, const struct vr_chain *chain,
		 const uint8_t *wire, uint32_t header, struct source *from, uint64_t bytes)
{
	const struct vr_iovec *segment = chain->segments + chain->readable;
	size_t offset = 0;

	for (uint32_t at = 0; at < header; segment++, offset = 0) {
		size_t part = segment->len < header - at ? segment->len : header - at;

		if (part == header)
			put_header(segment->base, wire, header, rx->keep_headers);
		else
			memcpy(segment->base, wire + at, part);
		at += (uint32_t)part;
		offset = part;
		if (at == header && part < segment->len)
			break;
	}
	while (bytes > 0) {
		size_t part = segment->len - offset;

		if (part > bytes)
			part = (size_t)bytes;
		pull(from, (uint8_t *)segment->base + offset, part);
		bytes -= part;
		offset = 0;
		segment++;
	}
}

/*
 * The packets that come by the million: in one piece, into buffers of one segment that are at hand.
 * Stops at the first one of another kind, and when the lengths of a burst are noted. Returns how many
 * were delivered, and adds up their bytes.
 */
static inline unsigned int deliver_run(struct vr_net_device_rx *rx,
				       const struct vr_net_packet *packets, unsigned int count,
				       const uint8_t *wire, uint32_t header, bool keep,
				       uint64_t *sum)
{
	const struct vr_net_words words = vr_net_words_read(wire);
	const struct vr_chain *chains = rx->chains + rx->first;
	uint32_t *lengths = rx->lengths + rx->done;
	uint32_t longest = rx->max_packet;
	uint64_t bytes = 0;
	unsigned int n;

	if (count > rx->last - rx->first)
		count = rx->last - rx->first;
	if (count > rx->burst - rx->done)
		count = rx->burst - rx->done;
	for (n = 0; n < count; n++) {
		const struct vr_iovec *segment = chains[n].segments + chains[n].readable;
		uint32_t len = packets[n].len;
		uint64_t all = (uint64_t)len + header;

		/* No byte is as wrong as too many. */
		if (packets[n].piece_count != 1 || len - 1 >= longest ||
		    chains[n].writable_bytes < all || segment->len < all)
			break;
		if (header == VR_NET_HEADER_USUAL)
			put_words(segment->base, &words, keep);
		else
			put_header(segment->base, wire, header, keep);
		vr_net_copy((uint8_t *)segment->base + header, packets[n].pieces->base, len);
		lengths[n] = (uint32_t)all;
		bytes += len;
	}
	rx->first += n;
	rx->done += n;
	*sum += bytes;
	return n;
}

static unsigned int deliver_simple(struct vr_net_device_rx *rx, const struct vr_net_packet *packets,
				   unsigned int count, const uint8_t *wire, uint64_t *bytes)
{
	uint32_t header = rx->header;
	unsigned int done;

	if (header != VR_NET_HEADER_USUAL)
		done = deliver_run(rx, packets, count, wire, header, rx->keep_headers, bytes);
	else if (rx->keep_headers)
		done = deliver_run(rx, packets, count, wire, VR_NET_HEADER_USUAL, true, bytes);
	else
		done = deliver_run(rx, packets, count, wire, VR_NET_HEADER_USUAL, false, bytes);
	if (rx->done == rx->burst)
		flush(rx);
	return done;
}

static void deliver(struct vr_net_device_rx *rx, const struct vr_net_packet *packet,
		    const uint8_t *header_wire, uint32_t buffers)
{
	struct source from = { .piece = packet->pieces };
	uint8_t wire[VR_NET_HEADER_MAX];
	uint64_t left = packet->len;

	memcpy(wire, header_wire, sizeof(wire));
	if (rx->header > VR_NET_NUM_BUFFERS_AT) {
		wire[VR_NET_NUM_BUFFERS_AT] = (uint8_t)buffers;
		wire[VR_NET_NUM_BUFFERS_AT + 1] = (uint8_t)(buffers >> 8);
	}
	for (uint32_t i = 0; i < buffers; i++) {
		const struct vr_chain *chain = &rx->chains[rx->first];
		uint32_t header = i == 0 ? rx->header : 0;
		uint64_t bytes = chain->writable_bytes - header;

		if (bytes > left)
			bytes = left;
		fill(rx, chain, wire, header, &from, bytes);
		complete(rx, (uint32_t)bytes + header);
		left -= bytes;
	}
}

/* Delivers or drops one packet: a positive number, or why that cannot be done now. */
static int deliver_any(struct vr_net_device_rx *rx, const struct vr_net_packet *packet,
		       const uint8_t *wire, uint32_t longest)
{
	int got = VR_E_TOO_LONG;

	if (packet->len > 0 && packet->len <= longest)
		got = gather(rx, (uint64_t)packet->len + rx->header);
	if (got == VR_E_TOO_LONG) {
		rx->stats.dropped_long++;
		return 1;
	}
	if (got <= 0)
		return got;
	deliver(rx, packet, wire, (uint32_t)got);
	rx->stats.packets++;
	rx->stats.bytes += packet->len;
	return got;
}

/* Packets whose headers say nothing: the number delivered or dropped, @got why there are no more. */
static unsigned int deliver_plain(struct vr_net_device_rx *rx, const struct vr_net_packet *packets,
				  unsigned int count, int *got)
{
	uint8_t wire[VR_NET_HEADER_MAX] = { 0 };
	unsigned int simple = 0;
	unsigned int done;
	uint64_t bytes = 0;

	if (rx->header > VR_NET_NUM_BUFFERS_AT)
		wire[VR_NET_NUM_BUFFERS_AT] = 1;
	for (done = 0; done < count; done++) {
		unsigned int run = deliver_simple(rx, packets + done, count - done, wire, &bytes);

		simple += run;
		done += run;
		if (done == count)
			break;
		*got = deliver_any(rx, &packets[done], wire, rx->max_packet);
		if (*got <= 0)
			break;
	}
	rx->stats.packets += simple;
	rx->stats.bytes += bytes;
	return done;
}

/* The same with the headers that the packets came with, as far as the driver takes them. */
static unsigned int deliver_headers(struct vr_net_device_rx *rx,
				    const struct vr_net_packet *packets, unsigned int count,
				    int *got)
{
	unsigned int done;

	for (done = 0; done < count; done++) {
		struct vr_net_header header = packets[done].header;
		uint8_t wire[VR_NET_HEADER_MAX] = { 0 };
		uint32_t longest = rx->max_packet;

		if (!vr_net_header_allow(&header, rx->offloads)) {
			rx->stats.dropped_offload++;
			continue;
		}
		/* It will be cut into packets that are shorter (5.1.4.1). */
		if (header.gso_type != VR_NET_GSO_NONE)
			longest = UINT32_MAX;
		vr_net_header_encode(wire, &header);
		*got = deliver_any(rx, &packets[done], wire, longest);
		if (*got <= 0)
			break;
	}
	return done;
}

int vr_net_device_rx_deliver(struct vr_net_device_rx *rx, const struct vr_net_packet *packets,
			     unsigned int count, struct vr_stored *stored)
{
	unsigned int done;
	int got = 0;

	if (stored)
		stored->count = 0;
	if (rx->pass_headers)
		done = deliver_headers(rx, packets, count, &got);
	else
		done = deliver_plain(rx, packets, count, &got);
	flush(rx);
	if (rx->staged) {
		int error = vr_device_publish(rx->queue, stored);

		rx->staged = false;
		if (error < 0)
			return error;
	}
	return done > 0 ? (int)done : got;
}

int vr_net_device_rx_settle(struct vr_net_device_rx *rx)
{
	int done = 0;

	while (rx->last > rx->first) {
		if (vr_device_unpop(rx->queue, rx->chains[rx->last - 1].handle))
			break;
		rx->last--;
		done++;
	}
	rx->first = 0;
	rx->last = 0;
	rx->segments_used = 0;
	return done;
}

void vr_net_device_rx_offloads(struct vr_net_device_rx *rx, uint64_t offloads)
{
	rx->offloads = offloads & VR_NET_GUEST_OFFLOADS;
}

void vr_net_device_rx_stats(const struct vr_net_device_rx *rx, struct vr_net_stats *stats)
{
	*stats = rx->stats;
}
