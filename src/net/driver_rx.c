// SPDX-License-Identifier: BSD-3-Clause
/* The driver receives packets, with and without buffers that are merged. */
#include <string.h>

#include "net/header.h"
#include "net/slots.h"

struct vr_net_driver_rx {
	struct vr_driver *queue;
	struct vr_net_slots slots;
	struct vr_net_fifo free;
	struct vr_net_fifo held; /* slots of packets that the caller has, oldest first */
	struct vr_net_stats stats;
	uint16_t *held_buffers; /* a FIFO beside it: how many slots each packet took */
	uint32_t held_head;
	uint32_t held_packets;
	struct vr_iovec *pieces; /* of the last burst */
	uint32_t piece_count;
	uint32_t header;
	uint32_t max_packet;
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
	       config->slots.count * (sizeof(struct vr_iovec) + 3 * sizeof(uint16_t));
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
	r->pieces = (struct vr_iovec *)(r + 1);
	r->free.number = (uint16_t *)(r->pieces + count);
	r->free.size = count;
	r->held.number = r->free.number + count;
	r->held.size = count;
	r->held_buffers = r->held.number + count;
	for (uint32_t i = 0; i < count; i++)
		vr_net_fifo_push(&r->free, i);
	for (unsigned int i = 0; i < VR_NET_STAGE; i++) {
		r->segments[i].len = vr_net_slot_room(&r->slots) + r->header;
		r->buffers[i].segments = &r->segments[i];
		r->buffers[i].writable = 1;
	}
	vr_net_slots_clear(&r->slots);
	*rx = r;
	return 0;
}

/* Stages up to VR_NET_STAGE free slots; the number taken, or an error. */
static int stage(struct vr_net_driver_rx *rx)
{
	uint32_t n = rx->free.count < VR_NET_STAGE ? rx->free.count : VR_NET_STAGE;
	uint32_t room = vr_driver_free(rx->queue);
	int taken;

	if (n > room)
		n = room;
	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t number = vr_net_fifo_pop(&rx->free);

		rx->segments[i].addr = vr_net_slot_addr(&rx->slots, number) - rx->header;
		rx->buffers[i].token = number;
	}
	taken = vr_driver_add(rx->queue, rx->buffers, n);
	for (uint32_t i = n; i > (taken > 0 ? (uint32_t)taken : 0); i--)
		vr_net_fifo_unpop(&rx->free, (uint32_t)rx->buffers[i - 1].token);
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

/* One more buffer; its slot is held whether or not it adds a piece. */
static void append(struct vr_net_driver_rx *rx, struct assembly *now, const struct vr_used *used)
{
	uint32_t number = (uint32_t)used->token;
	struct vr_iovec *piece = &rx->pieces[rx->piece_count];
	uint32_t skip = now->buffers == 0 ? rx->header : 0;

	vr_net_fifo_push(&rx->held, number);
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

/* Gives the newest slots back to the pool: a packet that the caller does not get. */
static void forget(struct vr_net_driver_rx *rx, struct assembly *now)
{
	for (; now->buffers > 0; now->buffers--)
		vr_net_fifo_push(&rx->free, vr_net_fifo_unpush(&rx->held));
	rx->piece_count = now->first_piece;
}

/* The last buffer is there: true when the packet is one for the caller. */
static bool finish(struct vr_net_driver_rx *rx, struct assembly *now)
{
	uint32_t at;

	if (now->drop || now->packet->len > rx->max_packet) {
		*(now->drop ? &rx->stats.dropped_short : &rx->stats.dropped_long) += 1;
		forget(rx, now);
		return false;
	}
	now->packet->pieces = &rx->pieces[now->first_piece];
	now->packet->piece_count = rx->piece_count - now->first_piece;
	at = rx->held_head + rx->held_packets++;
	rx->held_buffers[at >= rx->held.size ? at - rx->held.size : at] = (uint16_t)now->buffers;
	rx->stats.packets++;
	rx->stats.bytes += now->packet->len;
	return true;
}

/* Makes packets of @got used buffers; the number of packets done, or an error. */
static int assemble(struct vr_net_driver_rx *rx, struct assembly *now,
		    struct vr_net_packet *packets, int got)
{
	int done = 0;

	for (int i = 0; i < got; i++) {
		int error = 0;

		now->packet = &packets[done];
		if (now->missing == 0)
			error = begin(rx, now, &rx->used[i], (uint32_t)(got - i - 1));
		if (error) {
			now->missing = 0;
			for (; i < got; i++)
				vr_net_fifo_push(&rx->free, (uint32_t)rx->used[i].token);
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
			forget(rx, &now);
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
	for (; count > 0; count--) {
		uint32_t buffers = rx->held_buffers[rx->held_head];

		if (++rx->held_head == rx->held.size)
			rx->held_head = 0;
		rx->held_packets--;
		for (; buffers > 0; buffers--)
			vr_net_fifo_push(&rx->free, vr_net_fifo_pop(&rx->held));
	}
	return vr_net_driver_rx_fill(rx);
}

void vr_net_driver_rx_stats(const struct vr_net_driver_rx *rx, struct vr_net_stats *stats)
{
	*stats = rx->stats;
}
