// SPDX-License-Identifier: BSD-3-Clause
/* A session with somebody's network device. */
#include "net_session.h"

#include <stdlib.h>
#include <string.h>

/* Time for a command on the control queue. */
#define COMMAND_MS 10000

#define CONTROL_SIZE 16u

/* Receive buffers hold the usual frame, or what the device says (5.1.6.3.1). */
#define FRAME_BYTES 1526u

#define WANTED \
	(VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_EVENT_IDX | VR_NET_F_MAC | \
	 VR_NET_F_STATUS | VR_NET_F_MTU | VR_NET_F_MRG_RXBUF)

#define WANTED_CONTROL \
	(VR_NET_F_CTRL_VQ | VR_NET_F_CTRL_RX | VR_NET_F_CTRL_RX_EXTRA | VR_NET_F_CTRL_MAC_ADDR)

static uint32_t frame_bytes(const struct net_session *s)
{
	uint32_t mtu = s->space.mtu + VR_NET_LINK_HEADER;

	return mtu > FRAME_BYTES && !(s->front.features & VR_NET_F_MRG_RXBUF) ? mtu : FRAME_BYTES;
}

static int read_space(struct net_session *s, char *error)
{
	uint8_t wire[VR_NET_SPACE_BYTES] = { 0 };
	uint64_t features = s->front.features;
	int got = front_config(&s->front, wire, vr_net_space_bytes(features), error);

	if (got < 0)
		return -1;
	/* What the fields would say, only the number of pairs is known by another way. */
	vr_net_space_decode(&s->space, got > 0 ? features : 0, wire);
	if (got == 0)
		s->space.max_pairs = (uint16_t)s->front.offer.queue_num;
	return 0;
}

static int negotiate(struct net_session *s, char *error)
{
	const struct net_session_options *o = &s->options;
	uint64_t wanted = WANTED;

	wanted |= o->pairs > 1 || o->ask_pairs ? VR_NET_F_MQ : 0;
	wanted |= o->control ? WANTED_CONTROL : 0;
	if (front_open(&s->front, o->path, wanted & ~o->mask, o->reconnect, error) ||
	    read_space(s, error))
		return -1;
	if (o->control && !(s->front.features & VR_NET_F_CTRL_VQ))
		return tool_text(error, "%s: it offers no control queue", o->path);
	if (o->filter && !(s->front.features & VR_NET_F_CTRL_RX))
		return tool_text(error, "%s: it offers no filters", o->path);
	if (o->pairs > 1 && !(s->front.features & VR_NET_F_MQ))
		return tool_text(error, "%s: --pairs %u, but it has one", o->path, o->pairs);
	if (o->pairs > s->front.offer.queue_num || o->pairs > s->space.max_pairs)
		return tool_text(error, "%s: --pairs %u, but it has %u", o->path, o->pairs,
				 (unsigned int)s->front.offer.queue_num);
	return 0;
}

struct front_queue *net_session_queue(struct net_session *s, uint32_t pair, bool tx)
{
	return &s->front.queues[tx ? VR_NET_TX_QUEUE(pair) : VR_NET_RX_QUEUE(pair)];
}

static int make_memory(struct net_session *s, char *error)
{
	uint64_t slots = (uint64_t)s->options.size * vr_net_slot_bytes(frame_bytes(s)) + 4096;
	uint64_t queue = front_ring_bytes(&s->front, s->options.size) + slots;
	uint64_t control = front_ring_bytes(&s->front, CONTROL_SIZE) + VR_NET_CONTROL_BYTES + 4096;

	return front_memory(&s->front, 2ull * s->options.pairs * queue + control, error);
}

static int make_half(struct net_session *s, uint32_t pair, bool tx)
{
	struct net_link *link = &s->links[pair];
	struct vr_net_driver_config config = {
		.struct_size = sizeof(config),
		.features = s->front.features,
		.queue = net_session_queue(s, pair, tx)->driver,
	};
	struct vr_ring_area area;
	void **state = tx ? &link->tx_state : &link->rx_state;
	size_t bytes;

	config.slots.count = s->options.size;
	config.slots.stride = vr_net_slot_bytes(frame_bytes(s));
	if (front_area(&s->front, &area, (uint64_t)config.slots.count * config.slots.stride))
		return -1;
	config.slots.base = area.host;
	config.slots.addr = area.addr;
	bytes = tx ? vr_net_driver_tx_size(&config) : vr_net_driver_rx_size(&config);
	*state = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
	if (!*state)
		return -1;
	return tx ? vr_net_driver_tx_init(*state, bytes, &config, &link->tx) :
		    vr_net_driver_rx_init(*state, bytes, &config, &link->rx);
}

static int make_control(struct net_session *s, char *error)
{
	uint32_t index = vr_net_control_queue(s->front.features, s->space.max_pairs);
	struct vr_net_control_driver_config config = {
		.struct_size = sizeof(config),
		.features = s->front.features,
		.max_pairs = s->space.max_pairs,
	};
	size_t bytes = vr_net_control_driver_size();

	if (index >= FRONT_QUEUES_MAX)
		return tool_text(error, "the control queue has number %u", index);
	if (front_queue(&s->front, index, CONTROL_SIZE, error))
		return -1;
	config.queue = s->front.queues[index].driver;
	s->control_state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!s->control_state || front_area(&s->front, &config.memory, VR_NET_CONTROL_BYTES) ||
	    vr_net_control_driver_init(s->control_state, bytes, &config, &s->control))
		return tool_text(error, "cannot make the control queue");
	return 0;
}

static int make_queues(struct net_session *s, char *error)
{
	for (uint32_t i = 0; i < 2 * s->options.pairs; i++) {
		if (front_queue(&s->front, i, s->options.size, error))
			return -1;
		if (make_half(s, i / 2, i % 2))
			return tool_text(error, "cannot make the packets' half of queue %u", i);
		if (i % 2 == 0 && vr_net_driver_rx_fill(s->links[i / 2].rx) < 0)
			return front_broken(&s->front.queues[i], error);
	}
	return s->options.control ? make_control(s, error) : 0;
}

/* Waits for the answer to a command. @given: what the command's call answered. */
static int command(struct net_session *s, const char *what, int given, char *error)
{
	uint32_t index = vr_net_control_queue(s->front.features, s->space.max_pairs);
	double end = tool_now() + COMMAND_MS / 1000.0;
	int result;

	if (given < 0)
		return tool_text(error, "%s: %s", what, vr_strerror(given));
	front_kick(&s->front, &s->front.queues[index]);
	while ((result = vr_net_control_driver_result(s->control)) == 0) {
		double left = end - tool_now();

		if (left <= 0)
			return tool_text(error, "%s: no answer on the control queue for %d seconds",
					 what, COMMAND_MS / 1000);
		if (front_rest(&s->front, (int)(left * 1000) + 1, error) < 0)
			return -1;
	}
	if (result == VR_E_BROKEN)
		return front_broken(&s->front.queues[index], error);
	return result == 1 ? 0 : tool_text(error, "%s: the device refuses", what);
}

/* A device that goes away meanwhile has to be told all of it again. */
static int set_up(struct net_session *s, char *error)
{
	struct vr_net_control_driver *c = s->control;

	if (!c)
		return 0;
	do {
		s->set_up = s->front.returns;
		if (s->options.pairs > 1 &&
		    command(s, "pairs in use", vr_net_control_driver_pairs(c, s->options.pairs),
			    error))
			return -1;
		if (s->options.filter &&
		    command(s, "filter",
			    vr_net_control_driver_rx_mode(c, VR_NET_CTRL_RX_PROMISC, false), error))
			return -1;
	} while (s->set_up != s->front.returns);
	return 0;
}

int net_session_open(struct net_session *s, const struct net_session_options *options, char *error)
{
	memset(s, 0, sizeof(*s));
	s->options = *options;
	if (negotiate(s, error) || make_memory(s, error) || make_queues(s, error))
		return -1;
	return front_start(&s->front, error) || set_up(s, error) ? -1 : 0;
}

int net_session_rest(struct net_session *s, int ms, char *error)
{
	int got = front_rest(&s->front, ms, error);

	if (got > 0 && s->set_up != s->front.returns && set_up(s, error))
		return -1;
	return got;
}

void net_session_close(struct net_session *s)
{
	front_close(&s->front);
	for (uint32_t i = 0; i < NET_PAIRS_MAX; i++) {
		free(s->links[i].tx_state);
		free(s->links[i].rx_state);
	}
	free(s->control_state);
	memset(s, 0, sizeof(*s));
}
