// SPDX-License-Identifier: BSD-3-Clause
/* virtring serve net: the two queues of a pair at work. */
#include <stdlib.h>
#include <string.h>

#include <virtring/memory.h>

#include "pcap_file.h"
#include "serve_net.h"

/* Buffers popped in advance; a packet of 64 KiB takes 44 of the usual size. */
#define RX_BURST 128u

static void *state_memory(size_t bytes)
{
	return bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
}

static bool is_rx(const struct vr_vu_queue *queue)
{
	return vr_vu_queue_vring(queue)->index % 2 == 0;
}

/* May the driver be given packets on this pair? */
static bool in_use(const struct net_server *s, const struct net_pair *pair)
{
	/* Without the control queue, those are in use that the front end enables. */
	if (!pair->rx_queue || !vr_vu_queue_vring(pair->rx_queue)->enabled)
		return false;
	return !s->control || pair->index < s->settings.pairs;
}

/* ---- life ---- */

static struct vr_net_device_config device_config(const struct vr_vu_queue *queue)
{
	const struct vr_vu_vring *vring = vr_vu_queue_vring(queue);

	return (struct vr_net_device_config){
		.struct_size = sizeof(struct vr_net_device_config),
		.features = vring->features,
		.queue = vr_vu_queue_device(queue),
		.queue_size = vring->size,
	};
}

static int start_rx(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue)
{
	struct vr_net_device_config config = device_config(queue);
	size_t bytes;

	config.burst = RX_BURST;
	if (config.features & VR_NET_F_MTU)
		config.max_packet = s->space.mtu + VR_NET_LINK_HEADER;
	if (s->source && s->source->ops->offloads)
		config.flags = VR_NET_DEVICE_PASS_HEADERS;
	bytes = vr_net_device_rx_size(&config);
	pair->rx_state = state_memory(bytes);
	if (!pair->rx_state || vr_net_device_rx_init(pair->rx_state, bytes, &config, &pair->rx))
		return -1;
	vr_net_device_rx_offloads(pair->rx, s->settings.offloads);
	pair->rx_queue = queue;
	return 0;
}

static int start_tx(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue)
{
	struct vr_net_device_config config = device_config(queue);
	size_t bytes;

	config.burst = ENDPOINT_BURST;
	config.max_packet = PACKET_BYTES_MAX;
	bytes = vr_net_device_tx_size(&config);
	pair->tx_state = state_memory(bytes);
	if (s->options->loop && !pair->copy)
		pair->copy = malloc((size_t)ENDPOINT_BURST * PACKET_BYTES_MAX);
	if (!pair->tx_state || (s->options->loop && !pair->copy) ||
	    vr_net_device_tx_init(pair->tx_state, bytes, &config, &pair->tx))
		return -1;
	pair->tx_queue = queue;
	return 0;
}

int net_pair_start(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue)
{
	int result = is_rx(queue) ? start_rx(s, pair, queue) : start_tx(s, pair, queue);

	if (result) {
		free(is_rx(queue) ? pair->rx_state : pair->tx_state);
		*(is_rx(queue) ? &pair->rx_state : &pair->tx_state) = NULL;
	}
	return result;
}

static void add_rx(const struct net_pair *pair, struct net_counts *counts)
{
	struct vr_net_stats stats;

	vr_net_device_rx_stats(pair->rx, &stats);
	counts->given += stats.packets;
	counts->given_bytes += stats.bytes;
	counts->dropped += stats.dropped_long + stats.dropped_offload;
}

static void add_tx(const struct net_pair *pair, struct net_counts *counts)
{
	struct vr_net_stats stats;

	vr_net_device_tx_stats(pair->tx, &stats);
	counts->taken += stats.packets;
	counts->taken_bytes += stats.bytes;
	counts->dropped += stats.dropped_long + stats.dropped_short;
}

void net_pair_counts(const struct net_pair *pair, struct net_counts *counts)
{
	*counts = pair->counts;
	if (pair->rx_queue)
		add_rx(pair, counts);
	if (pair->tx_queue)
		add_tx(pair, counts);
}

static void attach(struct net_server *s, struct net_pair *pair, bool attached)
{
	if (s->source && s->source->ops->attach)
		s->source->ops->attach(s->source, pair->index, attached);
	if (pair->watch && !attached)
		vr_vu_watch_enable(pair->watch, false);
}

void net_pair_stop(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue)
{
	if (is_rx(queue)) {
		attach(s, pair, false);
		(void)vr_net_device_rx_settle(pair->rx);
		add_rx(pair, &pair->counts);
		free(pair->rx_state);
		pair->rx_state = NULL;
		pair->rx_queue = NULL;
		/* What was to go back has nowhere to go now. */
		vr_vu_loop_again(s->loop, VR_NET_TX_QUEUE(pair->index));
		return;
	}
	/* What has not gone back yet is taken again by who continues. */
	(void)vr_net_device_tx_settle(pair->tx, pair->back.next, NULL);
	pair->back.next = pair->back.count = 0;
	add_tx(pair, &pair->counts);
	free(pair->tx_state);
	pair->tx_state = NULL;
	pair->tx_queue = NULL;
}

void net_pair_reset(struct net_pair *pair)
{
	pair->out.next = pair->out.count = 0;
}

void net_pair_wake(struct net_server *s, struct net_pair *pair)
{
	/* Its descriptor stays readable until somebody has taken what there is. */
	if (pair->watch)
		vr_vu_watch_enable(pair->watch, false);
	vr_vu_loop_again(s->loop, VR_NET_RX_QUEUE(pair->index));
}

/* ---- packets for the driver ---- */

/* Leaves out what the driver does not want. */
static void filter(struct net_server *s, struct net_pair *pair)
{
	struct net_batch *out = &pair->out;
	unsigned int kept = 0;

	if (s->settings.promiscuous)
		return;
	for (unsigned int i = 0; i < out->count; i++)
		if (vr_net_settings_accept(&s->settings, &out->packets[i]))
			out->packets[kept++] = out->packets[i];
	pair->counts.filtered += out->count - kept;
	out->count = kept;
}

/* More packets from the endpoint; false when it has none now. */
static bool fetch(struct net_server *s, struct net_pair *pair)
{
	struct net_batch *out = &pair->out;
	int got = s->source->ops->receive(s->source, pair->index, out->packets, ENDPOINT_BURST);

	out->next = 0;
	out->count = got > 0 ? (unsigned int)got : 0;
	filter(s, pair);
	return got > 0;
}

static int give(struct net_server *s, struct net_pair *pair)
{
	struct net_batch *out = &pair->out;
	int done;

	/* The driver has buffers again, for what has to go back to it. */
	if (s->options->loop)
		vr_vu_loop_again(s->loop, VR_NET_TX_QUEUE(pair->index));
	if (!s->source || !s->source->ops->receive || !in_use(s, pair)) {
		attach(s, pair, false);
		return VR_E_BUSY;
	}
	attach(s, pair, true);
	if (out->next == out->count && !fetch(s, pair)) {
		if (pair->watch)
			vr_vu_watch_enable(pair->watch, true);
		return VR_E_BUSY;
	}
	if (out->count == 0)
		return 1;
	done = vr_net_device_rx_deliver(pair->rx, out->packets + out->next, out->count - out->next,
					NULL);
	if (done > 0)
		out->next += (unsigned int)done;
	return done;
}

/* ---- packets from the driver ---- */

static int release(struct net_pair *pair)
{
	int used = vr_net_device_tx_release(pair->tx, NULL);

	return used > 0 ? 1 : used;
}

/* Copies a burst out of the driver's memory, so that it cannot lie where it is to be written. */
static void copy_back(struct net_pair *pair, unsigned int count)
{
	struct net_batch *back = &pair->back;
	uint8_t *to = pair->copy;

	for (unsigned int i = 0; i < count; i++) {
		struct vr_net_packet *packet = &back->packets[i];

		vr_iov_read(packet->pieces, packet->piece_count, 0, to, packet->len);
		pair->pieces[i] = (struct vr_iovec){ to, packet->len };
		packet->pieces = &pair->pieces[i];
		packet->piece_count = 1;
		to += packet->len;
	}
	back->next = 0;
	back->count = count;
}

/* Gives back what was sent, as far as the driver has buffers for it. */
static int send_back(struct net_server *s, struct net_pair *pair)
{
	struct net_batch *back = &pair->back;
	int done;

	if (!in_use(s, pair)) {
		pair->counts.dropped += back->count - back->next;
		back->next = back->count = 0;
		return release(pair);
	}
	done = vr_net_device_rx_deliver(pair->rx, back->packets + back->next,
					back->count - back->next, NULL);
	/* A queue that is broken takes nothing; the loop will see to it. */
	if (done < 0 && done != VR_E_MISS)
		done = (int)(back->count - back->next);
	if (done > 0)
		back->next += (unsigned int)done;
	if (vr_vu_queue_flush(pair->rx_queue))
		back->next = back->count;
	if (back->next == back->count) {
		back->next = back->count = 0;
		return release(pair);
	}
	if (done != 0)
		return done < 0 ? done : 1;
	return vr_vu_queue_arm(pair->rx_queue) ? 1 : VR_E_BUSY;
}

static int take(struct net_server *s, struct net_pair *pair)
{
	struct net_batch *back = &pair->back;
	int got;

	if (back->next < back->count)
		return send_back(s, pair);
	got = vr_net_device_tx_burst(pair->tx, back->packets, ENDPOINT_BURST);
	if (got < 0)
		return got;
	if (got > 0 && s->options->loop) {
		copy_back(pair, (unsigned int)got);
		return send_back(s, pair);
	}
	if (got > 0 && s->sink && s->sink->ops->send)
		s->sink->ops->send(s->sink, pair->index, back->packets, (unsigned int)got);
	return release(pair);
}

int net_pair_work(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue)
{
	return is_rx(queue) ? give(s, pair) : take(s, pair);
}

int net_pair_drop(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue)
{
	struct vr_net_packet packets[ENDPOINT_BURST];
	int got;

	if (is_rx(queue)) {
		attach(s, pair, false);
		return VR_E_BUSY;
	}
	/* With packets on their way back, those are dropped first. */
	if (pair->back.next < pair->back.count) {
		pair->counts.dropped += pair->back.count - pair->back.next;
		pair->back.next = pair->back.count = 0;
		return release(pair);
	}
	got = vr_net_device_tx_burst(pair->tx, packets, ENDPOINT_BURST);
	if (got < 0)
		return got;
	pair->counts.dropped += (unsigned int)got;
	return release(pair);
}
