// SPDX-License-Identifier: BSD-3-Clause
/* The driver sends packets: one descriptor each, header and payload in one slot. */
#include <string.h>

#include "net/header.h"
#include "net/slots.h"

struct vr_net_driver_tx {
	struct vr_driver *queue;
	struct vr_net_slots slots;
	struct vr_net_fifo free;
	struct vr_net_stats stats;
	uint32_t header;
	/* What add takes; all but addresses, lengths and tokens is set once. */
	struct vr_segment segments[VR_NET_STAGE];
	struct vr_buffer buffers[VR_NET_STAGE];
	struct vr_used used[VR_NET_STAGE];
};

size_t vr_net_driver_tx_size(const struct vr_net_driver_config *config)
{
	if (!vr_net_driver_config_ok(config, false))
		return 0;
	return sizeof(struct vr_net_driver_tx) + config->slots.count * sizeof(uint16_t);
}

int vr_net_driver_tx_init(void *state, size_t bytes, const struct vr_net_driver_config *config,
			  struct vr_net_driver_tx **tx)
{
	struct vr_net_driver_tx *t = state;

	if (!vr_net_driver_config_ok(config, true) || !state || (uintptr_t)state % 64 ||
	    bytes < vr_net_driver_tx_size(config) || !tx)
		return VR_E_INVAL;
	memset(t, 0, sizeof(*t));
	t->queue = config->queue;
	t->slots = config->slots;
	t->header = vr_net_header_bytes(config->features);
	t->free.number = (uint16_t *)(t + 1);
	t->free.size = config->slots.count;
	vr_net_fifo_fill(&t->free, config->slots.count);
	for (unsigned int i = 0; i < VR_NET_STAGE; i++) {
		t->buffers[i].segments = &t->segments[i];
		t->buffers[i].readable = 1;
	}
	/* No offload, no num_buffers: every header is zeros, and nobody writes it again. */
	vr_net_slots_clear(&t->slots);
	*tx = t;
	return 0;
}

/* The slots of used buffers are free again. */
static inline void take_back(struct vr_net_driver_tx *tx, uint32_t count)
{
	const struct vr_used *used = tx->used;

	while (count > 0) {
		uint32_t at = vr_net_ring_at(tx->free.size, tx->free.head + tx->free.count);
		uint32_t run = vr_net_ring_run(tx->free.size, at, count);
		uint16_t *number = tx->free.number + at;

		for (uint32_t i = 0; i < run; i++)
			number[i] = (uint16_t)used[i].token;
		tx->free.count += run;
		used += run;
		count -= run;
	}
}

int vr_net_driver_tx_reap(struct vr_net_driver_tx *tx)
{
	int total = 0;
	int got;

	do {
		got = vr_driver_get(tx->queue, tx->used, VR_NET_STAGE);
		take_back(tx, got > 0 ? (uint32_t)got : 0);
		total += got > 0 ? got : 0;
	} while (got == (int)VR_NET_STAGE);
	return got < 0 && total == 0 ? got : total;
}

/* The first free slots, of which there are so many. */
static inline void hand_out(struct vr_net_driver_tx *tx, struct vr_net_slot *slots, uint32_t count)
{
	struct vr_net_slots all = tx->slots;
	struct vr_net_fifo *free = &tx->free;

	while (count > 0) {
		uint32_t run = vr_net_ring_run(free->size, free->head, count);
		const uint16_t *number = free->number + free->head;

		for (uint32_t i = 0; i < run; i++) {
			slots[i].data = vr_net_slot_packet(&all, number[i]);
			vr_net_will_write(slots[i].data);
			slots[i].len = vr_net_slot_room(&all);
			slots[i].index = number[i];
		}
		free->head = vr_net_ring_at(free->size, free->head + run);
		free->count -= run;
		slots += run;
		count -= run;
	}
}

int vr_net_driver_tx_reserve(struct vr_net_driver_tx *tx, struct vr_net_slot *slots,
			     unsigned int count)
{
	if (tx->free.count < count || vr_driver_free(tx->queue) < count) {
		int got = vr_net_driver_tx_reap(tx);
		unsigned int room = vr_driver_free(tx->queue);

		if (got < 0)
			return got;
		if (count > tx->free.count)
			count = tx->free.count;
		if (count > room)
			count = room;
	}
	hand_out(tx, slots, count);
	return (int)count;
}

/* Stages up to VR_NET_STAGE packets; the number taken, or an error for the first one. */
static int stage(struct vr_net_driver_tx *tx, const struct vr_net_slot *slots, unsigned int count)
{
	struct vr_net_slots all = tx->slots;
	uint32_t room = vr_net_slot_room(&all);
	uint32_t header = tx->header;
	uint64_t bytes = 0;
	unsigned int n;
	int taken;

	if (count > VR_NET_STAGE)
		count = VR_NET_STAGE;
	for (n = 0; n < count; n++) {
		uint32_t len = slots[n].len;
		uint32_t index = slots[n].index;

		/* No byte is as wrong as too many. */
		if (len - 1 >= room || index >= all.count)
			break;
		tx->segments[n].addr = vr_net_slot_addr(&all, index) - header;
		tx->segments[n].len = len + header;
		tx->buffers[n].token = index;
		bytes += len;
	}
	if (n == 0)
		return VR_E_INVAL;
	taken = vr_driver_add(tx->queue, tx->buffers, n);
	if (taken > 0) {
		while (n > (unsigned int)taken)
			bytes -= slots[--n].len;
		tx->stats.packets += n;
		tx->stats.bytes += bytes;
	}
	return taken;
}

int vr_net_driver_tx_send(struct vr_net_driver_tx *tx, const struct vr_net_slot *slots,
			  unsigned int count)
{
	unsigned int sent = 0;
	int taken = 0;

	while (sent < count) {
		taken = stage(tx, slots + sent, count - sent);
		if (taken <= 0)
			break;
		sent += (unsigned int)taken;
	}
	if (sent > 0) {
		int error = vr_driver_publish(tx->queue);

		if (error < 0)
			return error;
	}
	return sent > 0 ? (int)sent : taken;
}

void vr_net_driver_tx_cancel(struct vr_net_driver_tx *tx, const struct vr_net_slot *slots,
			     unsigned int count)
{
	while (count > 0)
		vr_net_fifo_unpop(&tx->free, slots[--count].index);
}

/* Copies a packet into its slot; false when it does not fit. */
static bool copy_in(struct vr_net_slot *slot, const struct vr_net_packet *packet)
{
	uint8_t *to = slot->data;
	size_t left = slot->len;

	for (uint32_t i = 0; i < packet->piece_count; i++) {
		const struct vr_iovec *piece = &packet->pieces[i];

		if (piece->len > left)
			return false;
		vr_net_copy(to, piece->base, piece->len);
		to += piece->len;
		left -= piece->len;
	}
	slot->len -= (uint32_t)left;
	return slot->len > 0;
}

int vr_net_driver_tx_copy(struct vr_net_driver_tx *tx, const struct vr_net_packet *packets,
			  unsigned int count)
{
	struct vr_net_slot slots[VR_NET_STAGE] = { 0 };
	unsigned int n = 0;
	int got;
	int sent;

	got = vr_net_driver_tx_reserve(tx, slots, count < VR_NET_STAGE ? count : VR_NET_STAGE);
	if (got <= 0)
		return got;
	while (n < (unsigned int)got && copy_in(&slots[n], &packets[n]))
		n++;
	sent = n > 0 ? vr_net_driver_tx_send(tx, slots, n) : VR_E_TOO_LONG;
	if (sent < got) {
		unsigned int kept = sent > 0 ? (unsigned int)sent : 0;

		vr_net_driver_tx_cancel(tx, slots + kept, (unsigned int)got - kept);
	}
	return sent;
}

void vr_net_driver_tx_stats(const struct vr_net_driver_tx *tx, struct vr_net_stats *stats)
{
	*stats = tx->stats;
}
