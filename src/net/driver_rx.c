// SPDX-License-Identifier: BSD-3-Clause
/* The driver receives packets, with and without buffers that are merged. */
#include <string.h>

#include "net/header.h"
#include "net/slots.h"

struct vr_net_driver_rx {
	struct vr_driver *queue;
	struct vr_net_slots slots;
	struct vr_net_fifo here; /* slots that are not with the device, oldest first */
	uint32_t free; /* so many of them are free; the others have packets of the caller's */
	struct vr_net_stats stats;
	uint16_t *buffers_of; /* a FIFO beside it: how many slots each such packet took */
	uint32_t held_head;
	uint32_t held_packets;
	struct vr_iovec *pieces; /* of the last burst */
	uint32_t piece_count;
	uint32_t header;
	uint32_t max_packet;
	uint32_t longest; /* packet in one buffer */
	bool mergeable;
	/* What add takes; all but addresses and tokens is set once. */
	struct vr_segment segments[VR_NET_STAGE];
	struct vr_buffer buffers[VR_NET_STAGE];
	struct vr_used used[VR_NET_STAGE];
};

/* A packet while it is put together. */
struct assembly {
	struct vr_net_packet *packet;
	uint32_t first_piece;
	uint32_t buffers;
	uint32_t missing;
	bool drop;
};

size_t vr_net_driver_rx_size(const struct vr_net_driver_config *config)
{
	if (!vr_net_driver_config_ok(config, false))
		return 0;
	return sizeof(struct vr_net_driver_rx) +
	       config->slots.count * (sizeof(struct vr_iovec) + 2 * sizeof(uint16_t));
}

int vr_net_driver_rx_init(void *state, size_t bytes, const struct vr_net_driver_config *config,
			  struct vr_net_driver_rx **rx)
{
	struct vr_net_driver_rx *r = state;
	uint32_t count;

	if (!vr_net_driver_config_ok(config, true) || !state || (uintptr_t)state % 64 ||
	    bytes < vr_net_driver_rx_size(config) || !rx)
		return VR_E_INVAL;
	count = config->slots.count;
	memset(r, 0, sizeof(*r));
	r->queue = config->queue;
	r->slots = config->slots;
	r->header = vr_net_header_bytes(config->features);
	r->mergeable = config->features & VR_NET_F_MRG_RXBUF;
	r->max_packet = config->max_packet ? config->max_packet : UINT32_MAX;
	r->longest = vr_net_slot_room(&r->slots);
	if (r->longest > r->max_packet)
		r->longest = r->max_packet;
	r->pieces = (struct vr_iovec *)(r + 1);
	r->here.number = (uint16_t *)(r->pieces + count);
	r->here.size = count;
	r->buffers_of = r->here.number + count;
	vr_net_fifo_fill(&r->here, count);
	r->free = count;
	for (unsigned int i = 0; i < VR_NET_STAGE; i++) {
		r->segments[i].len = vr_net_slot_room(&r->slots) + r->header;
		r->buffers[i].segments = &r->segments[i];
		r->buffers[i].writable = 1;
	}
	vr_net_slots_clear(&r->slots);
	*rx = r;
	return 0;
}

/* The oldest slots go into @count buffers; they are still here. */
static void prepare(struct vr_net_driver_rx *rx, uint32_t count)
{
	struct vr_net_slots all = rx->slots;
	uint32_t header = rx->header;
	uint32_t at = rx->here.head;

	for (uint32_t n = 0; n < count;) {
		uint32_t run = vr_net_ring_run(rx->here.size, at, count - n);
		const uint16_t *number = rx->here.number + at;
		struct vr_segment *segments = rx->segments + n;
		struct vr_buffer *buffers = rx->buffers + n;

		for (uint32_t i = 0; i < run; i++) {
			segments[i].addr = vr_net_slot_addr(&all, number[i]) - header;
			buffers[i].token = number[i];
		}
		n += run;
		at = 0;
	}
}

/* Stages up to VR_NET_STAGE free slots; the number taken, or an error. */
static int stage(struct vr_net_driver_rx *rx)
{
	uint32_t n = rx->free < VR_NET_STAGE ? rx->free : VR_NET_STAGE;
	uint32_t room = vr_driver_free(rx->queue);
	int taken;

	if (n > room)
		n = room;
	if (n == 0)
		return 0;
	prepare(rx, n);
	taken = vr_driver_add(rx->queue, rx->buffers, n);
	if (taken <= 0)
		return taken;
	rx->here.head = vr_net_ring_at(rx->here.size, rx->here.head + (uint32_t)taken);
	rx->here.count -= (uint32_t)taken;
	rx->free -= (uint32_t)taken;
	return taken;
}

int vr_net_driver_rx_fill(struct vr_net_driver_rx *rx)
{
	int total = 0;
	int taken;
	int error;

	do {
		taken = stage(rx);
		total += taken > 0 ? taken : 0;
	} while (taken == (int)VR_NET_STAGE);
	if (total == 0)
		return taken;
	error = vr_driver_publish(rx->queue);
	return error < 0 ? error : total;
}

static int break_queue(struct vr_net_driver_rx *rx, enum vr_net_fault fault)
{
	rx->stats.fault = fault;
	vr_driver_break(rx->queue);
	return VR_E_BROKEN;
}

/* The first buffer of a packet: judges its header. */
static int begin(struct vr_net_driver_rx *rx, struct assembly *now, const struct vr_used *used,
		 uint32_t behind)
{
	uint32_t number = (uint32_t)used->token;
	uint8_t *packet = vr_net_slot_packet(&rx->slots, number);
	uint8_t wire[VR_NET_HEADER_MAX];

	now->buffers = 0;
	now->missing = 1;
	now->first_piece = rx->piece_count;
	now->packet->len = 0;
	now->drop = used->len <= rx->header;
	/* A buffer that has not even a header stands for itself alone. */
	if (used->len < rx->header)
		return 0;
	vr_net_header_copy(wire, packet - rx->header, rx->header);
	vr_net_header_decode(&now->packet->header, wire, rx->header);
	if (!rx->mergeable)
		return 0;
	now->missing = now->packet->header.num_buffers;
	if (now->missing == 0)
		return break_queue(rx, VR_NET_FAULT_NO_BUFFERS);
	if (now->missing - 1 > behind + vr_driver_outstanding(rx->queue))
		return break_queue(rx, VR_NET_FAULT_MISSING);
	return 0;
}

/* One more buffer; its slot is kept whether or not it adds a piece. */
static void append(struct vr_net_driver_rx *rx, struct assembly *now, const struct vr_used *used)
{
	uint32_t number = (uint32_t)used->token;
	struct vr_iovec *piece = &rx->pieces[rx->piece_count];
	uint32_t skip = now->buffers == 0 ? rx->header : 0;

	vr_net_fifo_push(&rx->here, number);
	now->buffers++;
	now->missing--;
	if (used->len <= skip)
		return;
	/* The buffer starts at the header's place, of which only the first has one. */
	piece->base = vr_net_slot_packet(&rx->slots, number) - rx->header + skip;
	piece->len = used->len - skip;
	now->packet->len += used->len - skip;
	rx->piece_count++;
}

/*
 * The newest slots hold nothing for the caller. They are free once the packets before them are
 * released, as slots come and go in one order: they go with the last of those.
 */
static void forget(struct vr_net_driver_rx *rx, uint32_t buffers)
{
	uint32_t last = rx->held_head + rx->held_packets - 1;

	if (rx->held_packets == 0)
		rx->free += buffers;
	else
		rx->buffers_of[last >= rx->here.size ? last - rx->here.size : last] +=
			(uint16_t)buffers;
}

static inline void hold(struct vr_net_driver_rx *rx, uint32_t buffers)
{
	uint32_t at = rx->held_head + rx->held_packets++;

	rx->buffers_of[at >= rx->here.size ? at - rx->here.size : at] = (uint16_t)buffers;
}

/* The last buffer is there: true when the packet is one for the caller. */
static bool finish(struct vr_net_driver_rx *rx, struct assembly *now)
{
	if (now->drop || now->packet->len > rx->max_packet) {
		*(now->drop ? &rx->stats.dropped_short : &rx->stats.dropped_long) += 1;
		forget(rx, now->buffers);
		rx->piece_count = now->first_piece;
		return false;
	}
	now->packet->pieces = &rx->pieces[now->first_piece];
	now->packet->piece_count = rx->piece_count - now->first_piece;
	hold(rx, now->buffers);
	rx->stats.packets++;
	rx->stats.bytes += now->packet->len;
	return true;
}

/*
 * Packets that are whole in one buffer each: takes those that come first, as far as both FIFOs go without
 * wrapping. Returns how many there were.
 */
static inline uint32_t take_run(struct vr_net_driver_rx *rx, const struct vr_used *used,
				struct vr_net_packet *packets, uint32_t count, uint32_t header,
				bool mergeable)
{
	struct vr_net_slots all = rx->slots;
	uint32_t at = vr_net_ring_at(rx->here.size, rx->here.head + rx->here.count);
	uint32_t held = vr_net_ring_at(rx->here.size, rx->held_head + rx->held_packets);
	uint32_t longest = rx->longest;
	struct vr_iovec *pieces = rx->pieces + rx->piece_count;
	uint16_t *number = rx->here.number + at;
	uint16_t *buffers = rx->buffers_of + held;
	uint64_t bytes = 0;
	uint32_t n;

	count = vr_net_ring_run(rx->here.size, at > held ? at : held, count);
	for (n = 0; n < count; n++) {
		uint32_t slot = (uint32_t)used[n].token;
		uint8_t *base = vr_net_slot_packet(&all, slot);
		uint32_t len = used[n].len - header;

		/* Without a byte behind the header it is above any limit, too. */
		if (len - 1 >= longest)
			break;
		vr_net_header_read(&packets[n].header, base - header, header);
		/* Whoever reads it again reads another copy, and judges that one. */
		if (mergeable && packets[n].header.num_buffers != 1)
			break;
		pieces[n] = (struct vr_iovec){ base, len };
		packets[n].pieces = &pieces[n];
		packets[n].piece_count = 1;
		packets[n].len = len;
		number[n] = (uint16_t)slot;
		buffers[n] = 1;
		bytes += len;
	}
	rx->piece_count += n;
	rx->here.count += n;
	rx->held_packets += n;
	rx->stats.packets += n;
	rx->stats.bytes += bytes;
	return n;
}

static uint32_t take_simple(struct vr_net_driver_rx *rx, const struct vr_used *used,
			    struct vr_net_packet *packets, uint32_t count)
{
	if (rx->header != VR_NET_HEADER_USUAL)
		return take_run(rx, used, packets, count, rx->header, rx->mergeable);
	if (rx->mergeable)
		return take_run(rx, used, packets, count, VR_NET_HEADER_USUAL, true);
	return take_run(rx, used, packets, count, VR_NET_HEADER_USUAL, false);
}

/* Makes packets of @got used buffers; the number of packets done, or an error. */
static int assemble(struct vr_net_driver_rx *rx, struct assembly *now,
		    struct vr_net_packet *packets, int got)
{
	int done = 0;

	for (int i = 0; i < got; i++) {
		int error = 0;

		if (now->missing == 0) {
			int simple = (int)take_simple(rx, &rx->used[i], &packets[done],
						      (uint32_t)(got - i));

			done += simple;
			i += simple;
			if (i == got)
				break;
		}
		now->packet = &packets[done];
		if (now->missing == 0)
			error = begin(rx, now, &rx->used[i], (uint32_t)(got - i - 1));
		if (error) {
			now->missing = 0;
			forget(rx, (uint32_t)(got - i));
			for (; i < got; i++)
				vr_net_fifo_push(&rx->here, (uint32_t)rx->used[i].token);
			return done > 0 ? done : error;
		}
		append(rx, now, &rx->used[i]);
		if (now->missing == 0 && finish(rx, now))
			done++;
	}
	return done;
}

int vr_net_driver_rx_burst(struct vr_net_driver_rx *rx, struct vr_net_packet *packets,
			   unsigned int count)
{
	struct assembly now = { .packet = packets };
	unsigned int done = 0;
	int error = 0;

	rx->piece_count = 0;
	while (done < count) {
		/* No more than what is sure to have a place among the packets. */
		uint32_t want = now.missing > 0 ? now.missing : count - done;
		int got;

		if (want > VR_NET_STAGE)
			want = VR_NET_STAGE;
		got = vr_driver_get(rx->queue, rx->used, want);
		if (got > 0) {
			error = assemble(rx, &now, packets + done, got);
			done += error > 0 ? (unsigned int)error : 0;
		} else if (now.missing > 0) {
			/* All buffers of a packet become used together (5.1.6.4.1). */
			forget(rx, now.buffers);
			error = break_queue(rx, VR_NET_FAULT_MISSING);
		} else {
			error = got;
		}
		if (error < 0 || (got < (int)want && now.missing == 0))
			break;
	}
	return done > 0 ? (int)done : error;
}

int vr_net_driver_rx_release(struct vr_net_driver_rx *rx, unsigned int count)
{
	if (count > rx->held_packets)
		count = rx->held_packets;
	rx->held_packets -= count;
	while (count > 0) {
		uint32_t run = vr_net_ring_run(rx->here.size, rx->held_head, count);
		const uint16_t *buffers = rx->buffers_of + rx->held_head;

		for (uint32_t i = 0; i < run; i++)
			rx->free += buffers[i];
		rx->held_head = vr_net_ring_at(rx->here.size, rx->held_head + run);
		count -= run;
	}
	return vr_net_driver_rx_fill(rx);
}

void vr_net_driver_rx_stats(const struct vr_net_driver_rx *rx, struct vr_net_stats *stats)
{
	*stats = rx->stats;
}
