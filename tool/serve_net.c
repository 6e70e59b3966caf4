// SPDX-License-Identifier: BSD-3-Clause
/* virtring serve net: a network device behind a vhost-user socket, in one thread. */
#include "serve_net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/features.h>
#include <virtring/memory.h>

#include "interrupt.h"
#include "mask.h"
#include "sandbox.h"

/*
 * All that a network device can use; MQ too, with several pairs. Of one pair it says nothing, and User
 * Mode Linux takes the number of pairs for that of queues, of which the control queue is a third.
 */
#define PROTOCOL \
	(VR_VU_PF_RARP | VR_VU_PF_REPLY_ACK | VR_VU_PF_MTU | VR_VU_PF_BACKEND_REQ | \
	 VR_VU_PF_CONFIG | VR_VU_PF_RESET_DEVICE | VR_VU_PF_CONFIGURE_MEM_SLOTS | \
	 VR_VU_PF_STATUS | VR_VU_PF_QUEUE)

/* Without endpoints' own. */
#define FEATURES \
	(VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_INDIRECT_DESC | VR_F_EVENT_IDX | \
	 VR_NET_F_MAC | VR_NET_F_STATUS | VR_NET_F_MRG_RXBUF | VR_NET_F_CTRL_VQ | \
	 VR_NET_F_CTRL_RX | VR_NET_F_CTRL_RX_EXTRA | VR_NET_F_CTRL_VLAN | VR_NET_F_CTRL_MAC_ADDR | \
	 VR_NET_F_GUEST_ANNOUNCE)

static int cannot(const char *what, const char *why)
{
	fprintf(stderr, "virtring serve net: %s: %s\n", what, why);
	return TOOL_CANNOT;
}

static void log_line(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "virtring serve net: %s\n", text);
}

/* ---- queues ---- */

static bool is_control(const struct net_server *s, const struct vr_vu_queue *queue)
{
	const struct vr_vu_vring *vring = vr_vu_queue_vring(queue);

	return vring->features & VR_NET_F_CTRL_VQ &&
	       vring->index == vr_net_control_queue(vring->features, s->options->pairs);
}

/* The pair of a queue, or NULL: the driver has not negotiated what would make it one. */
static struct net_pair *pair_of(struct net_server *s, const struct vr_vu_queue *queue)
{
	uint32_t pair = vr_vu_queue_vring(queue)->index / 2;

	return pair < s->options->pairs ? &s->pairs[pair] : NULL;
}

static void say_negotiated(struct net_server *s)
{
	char text[FEATURES_TEXT];

	if (s->said)
		return;
	s->said = true;
	printf("front end: %s\n", features_text(s->negotiated, VR_DEVICE_NET, text));
	fflush(stdout);
}

/* The first of a session's queues to start knows what was negotiated. */
static int begin(struct net_server *s, uint64_t features)
{
	if (s->said && s->negotiated == features)
		return 0;
	/* A firmware may have used the card before the kernel, through the same connection. */
	s->said = false;
	s->negotiated = features;
	net_control_reset(s);
	s->unset = true;
	say_negotiated(s);
	return net_control_offloads(s, s->settings.offloads);
}

/* Does the driver go on where another card ended, or the same one before it stopped? */
static bool goes_on(const struct vr_vu_vring *vring)
{
	return vring->base != (vring->features & VR_F_RING_PACKED ? VR_VU_BASE_FRESH_PACKED :
								    VR_VU_BASE_FRESH_SPLIT);
}

static int start(struct net_server *s, struct vr_vu_queue *queue)
{
	struct net_pair *pair = pair_of(s, queue);

	if (is_control(s, queue))
		return net_control_start(s, queue);
	return pair ? net_pair_start(s, pair, queue) : -1;
}

static int queue_start(void *context, struct vr_vu_queue *queue)
{
	struct net_server *s = context;
	const struct vr_vu_vring *vring = vr_vu_queue_vring(queue);

	if (begin(s, vring->features))
		return -1;
	if (s->unset && goes_on(vring))
		net_control_go_on(s);
	/* A ring that was used by another connection. One that pauses in this one has not moved. */
	if (goes_on(vring) && !s->met[vring->index])
		s->moved = true;
	s->met[vring->index] = true;
	if (start(s, queue))
		return -1;
	net_control_announce(s);
	return 0;
}

static void queue_stop(void *context, struct vr_vu_queue *queue)
{
	struct net_server *s = context;

	if (queue == s->control_queue)
		net_control_stop(s);
	else
		net_pair_stop(s, pair_of(s, queue), queue);
}

static int queue_work(void *context, struct vr_vu_queue *queue)
{
	struct net_server *s = context;

	if (queue == s->control_queue)
		return net_control_work(s);
	return net_pair_work(s, pair_of(s, queue), queue);
}

/* Front ends need not enable the control queue. */
static int queue_drop(void *context, struct vr_vu_queue *queue)
{
	struct net_server *s = context;

	if (queue == s->control_queue)
		return net_control_work(s);
	return net_pair_drop(s, pair_of(s, queue), queue);
}

static const char *net_fault(struct net_server *s, struct vr_vu_queue *queue)
{
	struct net_pair *pair = pair_of(s, queue);
	struct vr_net_stats stats = { 0 };

	if (queue == s->control_queue)
		return NULL;
	if (vr_vu_queue_vring(queue)->index % 2)
		vr_net_device_tx_stats(pair->tx, &stats);
	else
		vr_net_device_rx_stats(pair->rx, &stats);
	return stats.fault ? vr_net_fault_text(stats.fault) : NULL;
}

static void queue_broken(void *context, struct vr_vu_queue *queue)
{
	const char *text = net_fault(context, queue);
	uint32_t index = vr_vu_queue_vring(queue)->index;
	struct vr_fault fault;

	vr_device_fault(vr_vu_queue_device(queue), &fault);
	if (text)
		fprintf(stderr, "virtring serve net: queue %u is broken: %s\n", index, text);
	else
		fprintf(stderr,
			"virtring serve net: queue %u is broken: %s (%#" PRIx64 ", bound %#" PRIx64
			")\n",
			index, vr_fault_text(fault.reason), fault.value, fault.limit);
}

static int turn(void *context)
{
	struct net_server *s = context;

	if (s->sink && s->sink->ops->idle)
		s->sink->ops->idle(s->sink);
	return -1;
}

/* ---- sessions ---- */

static void sum(const struct net_server *s, struct net_counts *all)
{
	*all = (struct net_counts){ 0 };
	for (uint32_t i = 0; i < s->options->pairs; i++) {
		struct net_counts one;

		net_pair_counts(&s->pairs[i], &one);
		all->taken += one.taken;
		all->taken_bytes += one.taken_bytes;
		all->given += one.given;
		all->given_bytes += one.given_bytes;
		all->dropped += one.dropped;
		all->filtered += one.filtered;
	}
}

static void report(const struct net_server *s)
{
	struct net_counts all;

	sum(s, &all);
	printf("from the driver: %" PRIu64 " packets, %" PRIu64 " bytes; to the driver: %" PRIu64
	       " packets, %" PRIu64 " bytes; dropped: %" PRIu64 ", filtered: %" PRIu64 "\n",
	       all.taken, all.taken_bytes, all.given, all.given_bytes, all.dropped, all.filtered);
	if (s->source && s->source->ops->report)
		s->source->ops->report(s->source, stdout);
	if (s->sink && s->sink != s->source && s->sink->ops->report)
		s->sink->ops->report(s->sink, stdout);
	fflush(stdout);
}

static void connected(void *context)
{
	struct net_server *s = context;

	s->said = s->moved = false;
	s->space.status = VR_NET_S_LINK_UP;
	memset(s->met, 0, sizeof(s->met));
	for (uint32_t i = 0; i < s->options->pairs; i++)
		net_pair_reset(&s->pairs[i]);
	if (s->source && s->source->ops->restart)
		s->source->ops->restart(s->source);
	if (s->sink && s->sink != s->source && s->sink->ops->restart)
		s->sink->ops->restart(s->sink);
}

static void disconnected(void *context, const char *error)
{
	printf("front end gone%s%s\n", error ? ": " : "", error ? error : "");
	report(context);
}

static int status_written(void *context, uint8_t status)
{
	struct net_server *s = context;

	/* A driver that begins anew has set nothing. */
	if (status == 0) {
		net_control_reset(s);
		return net_control_offloads(s, s->settings.offloads);
	}
	return 0;
}

static int config_read(void *context, uint32_t offset, void *data, uint32_t size)
{
	struct net_server *s = context;
	uint8_t wire[VR_NET_SPACE_BYTES];

	if (offset > sizeof(wire) || size > sizeof(wire) - offset)
		return -1;
	vr_net_space_encode(&s->space, s->offered, wire);
	memcpy(data, wire + offset, size);
	return 0;
}

/* Where the driver is now, for switches that still send to where it was. */
static int rarp(void *context, const uint8_t *mac)
{
	struct net_server *s = context;
	uint8_t frame[60] = { 255,	255,	     255,	  255,	    255,
			      255,	[12] = 0x80, [13] = 0x35, [15] = 1, [16] = 8,
			      [18] = 6, [19] = 4,    [21] = 3 };
	const struct vr_iovec piece = { frame, sizeof(frame) };
	const struct vr_net_packet packet = { .pieces = &piece, .piece_count = 1, .len = 60 };

	memcpy(frame + 6, mac, VR_NET_MAC_BYTES);
	memcpy(frame + 22, mac, VR_NET_MAC_BYTES);
	memcpy(frame + 32, mac, VR_NET_MAC_BYTES);
	if (s->sink && s->sink->ops->send)
		s->sink->ops->send(s->sink, 0, &packet, 1);
	return 0;
}

/* ---- beginning and end ---- */

static int open_endpoints(struct net_server *s)
{
	const struct serve_net_options *o = s->options;
	char error[TOOL_TEXT] = "";

	if (o->tap) {
		s->source = s->sink = endpoint_tap(o->tap, o->pairs, error);
	} else {
		if (o->pcap_in)
			s->source = endpoint_pcap_in(o->pcap_in, error);
		else if (o->generate)
			s->source = endpoint_generate(o->pairs, o->generate, o->count, error);
		if (!*error && o->pcap_out)
			s->sink = endpoint_pcap_out(o->pcap_out, error);
		else if (!*error && o->sink)
			s->sink = endpoint_sink(error);
	}
	if (!*error)
		return 0;
	fprintf(stderr, "virtring serve net: %s\n", error);
	return TOOL_CANNOT;
}

static int close_endpoint(struct endpoint *e)
{
	char error[TOOL_TEXT];
	int result = 0;

	if (!e)
		return 0;
	if (e->ops->finish)
		result = e->ops->finish(e, error);
	if (result)
		fprintf(stderr, "virtring serve net: %s\n", error);
	e->ops->close(e);
	return result ? TOOL_CANNOT : 0;
}

static int close_endpoints(struct net_server *s)
{
	int status = close_endpoint(s->source);

	if (s->sink != s->source && close_endpoint(s->sink))
		status = TOOL_CANNOT;
	return status;
}

static void describe(struct net_server *s)
{
	const struct serve_net_options *o = s->options;

	s->offered = FEATURES | (s->source ? s->source->features : 0);
	s->offered |= o->pairs > 1 ? VR_NET_F_MQ : 0;
	s->offered |= o->mtu ? VR_NET_F_MTU : 0;
	s->offered &= ~o->mask;
	s->space = (struct vr_net_space){
		.status = VR_NET_S_LINK_UP,
		.max_pairs = (uint16_t)o->pairs,
		.mtu = o->mtu,
	};
	memcpy(s->space.mac, o->mac, VR_NET_MAC_BYTES);
}

struct ready {
	struct net_server *server;
	struct net_pair *pair;
};

static void ready(void *context)
{
	struct ready *r = context;

	net_pair_wake(r->server, r->pair);
}

static int watch(struct net_server *s)
{
	static struct ready contexts[SERVE_PAIRS_MAX];

	for (uint32_t i = 0; i < s->options->pairs; i++) {
		int error;

		s->pairs[i].index = i;
		if (!s->source || !s->source->ops->fd)
			continue;
		contexts[i] = (struct ready){ s, &s->pairs[i] };
		error = vr_vu_loop_watch(s->loop, s->source->ops->fd(s->source, i), ready,
					 &contexts[i], &s->pairs[i].watch);
		if (error)
			return error;
		vr_vu_watch_enable(s->pairs[i].watch, false);
	}
	return 0;
}

static void watched(void *context, uint32_t index, enum vr_watch_what what, uint32_t value,
		    uint32_t bound)
{
	(void)context;
	fprintf(stderr, "virtring serve net: queue %u: the driver: %s (%u, bound %u)\n", index,
		vr_watch_text(what), value, bound);
}

static int open_backend(struct net_server *s)
{
	static const struct vr_vu_backend_ops device = {
		.struct_size = sizeof(device),
		.connected = connected,
		.disconnected = disconnected,
		.status = status_written,
		.config_read = config_read,
		.rarp = rarp,
	};
	static const struct vr_vu_loop_ops queues = {
		.struct_size = sizeof(queues),
		.queue_start = queue_start,
		.queue_work = queue_work,
		.queue_drop = queue_drop,
		.queue_stop = queue_stop,
		.queue_broken = queue_broken,
		.turn = turn,
	};
	const struct vr_vu_backend_config backend = {
		.struct_size = sizeof(backend),
		.path = s->options->socket,
		.vrings = 2 * s->options->pairs + 1,
		.queue_num = s->options->pairs,
		.config_size = VR_NET_SPACE_BYTES,
		.features = s->offered,
		.protocol_features = PROTOCOL | (s->options->pairs > 1 ? VR_VU_PF_MQ : 0),
		.ops = &device,
		.context = s,
		.log = log_line,
	};
	const struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &queues,
		.watched = s->options->watch ? watched : NULL,
	};
	int error = vr_vu_loop_create(&config, &s->loop);

	if (!error)
		error = watch(s);
	if (!error)
		error = dump_signal_watch(&s->dump, s->loop);
	if (!error)
		error = vr_vu_backend_open(vr_vu_loop_backend(s->loop));
	if (error == -ENOTSUP && s->options->watch)
		return cannot("--watch", "this build has no watcher (meson -Dwatch=true)");
	return error ? cannot(s->options->socket, strerror(-error)) : 0;
}

static int open_dump(struct net_server *s)
{
	int error;

	s->dump.device = "net";
	s->dump.queues = 2 * s->options->pairs + 1;
	error = dump_signal_open(&s->dump, s->options->dump);
	return error ? cannot(s->options->dump, strerror(-error)) : 0;
}

static void stop(void *loop)
{
	vr_vu_loop_stop(loop);
}

static int run(struct net_server *s)
{
	const uint8_t *mac = s->space.mac;
	char text[FEATURES_TEXT];
	int error;

	printf("serving a network device (%02x:%02x:%02x:%02x:%02x:%02x, %u pair%s) on %s\n"
	       "offering: %s\n",
	       mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], s->options->pairs,
	       s->options->pairs > 1 ? "s" : "", s->options->socket,
	       features_text(s->offered, VR_DEVICE_NET, text));
	fflush(stdout);
	interrupt_calls(stop, s->loop);
	error = vr_vu_loop_run(s->loop);
	interrupt_calls(NULL, NULL);
	return error ? cannot(s->options->socket, strerror(-error)) : 0;
}

int serve_net(const struct serve_net_options *options)
{
	/* Large, and zero where nothing is set. */
	static struct net_server server;
	struct net_server *s = &server;
	int status;

	s->options = options;
	interrupt_setup();
	/* A front end that cuts its memory must not end this process. */
	(void)vr_sigbus_install();
	status = open_endpoints(s);
	if (!status)
		status = open_dump(s);
	if (!status) {
		describe(s);
		status = open_backend(s);
	}
	/* All that has a name is open now; front ends are met without the right to open more. */
	if (!status)
		status = sandbox_serve(SANDBOX_NET, "virtring serve net", options->no_sandbox);
	if (!status)
		status = run(s);
	dump_signal_close(&s->dump);
	vr_vu_loop_destroy(s->loop);
	if (!status)
		report(s);
	if (close_endpoints(s))
		status = TOOL_CANNOT;
	for (uint32_t i = 0; i < options->pairs; i++)
		free(s->pairs[i].copy);
	(void)vr_sigbus_remove();
	return status;
}
