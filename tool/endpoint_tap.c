// SPDX-License-Identifier: BSD-3-Clause
/* A tap interface as an endpoint. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/net_tap.h>

#include "endpoint.h"

struct tap {
	struct endpoint endpoint;
	struct vr_net_tap *tap;
	uint32_t pairs;
};

static struct tap *tap_of(struct endpoint *e)
{
	return (struct tap *)e;
}

static void tap_send(struct endpoint *e, uint32_t pair, const struct vr_net_packet *packets,
		     unsigned int count)
{
	vr_net_tap_send(tap_of(e)->tap, pair, packets, count);
}

/* An interface that is being taken away has nothing, and says so until it is gone. */
static int tap_receive(struct endpoint *e, uint32_t pair, struct vr_net_packet *packets,
		       unsigned int count)
{
	int got = vr_net_tap_receive(tap_of(e)->tap, pair, packets, count);

	return got < 0 ? -1 : got;
}

static int tap_fd(struct endpoint *e, uint32_t pair)
{
	return vr_net_tap_fd(tap_of(e)->tap, pair);
}

static void tap_attach(struct endpoint *e, uint32_t pair, bool attached)
{
	(void)vr_net_tap_attach(tap_of(e)->tap, pair, attached);
}

static int tap_offloads(struct endpoint *e, uint64_t receive, uint64_t send)
{
	return vr_net_tap_offloads(tap_of(e)->tap, receive, send) ? -1 : 0;
}

static void tap_report(struct endpoint *e, FILE *to)
{
	struct tap *t = tap_of(e);
	struct vr_net_tap_stats all = { 0 };

	for (uint32_t i = 0; i < t->pairs; i++) {
		struct vr_net_tap_stats one;

		vr_net_tap_stats(t->tap, i, &one);
		all.sent += one.sent;
		all.received += one.received;
		all.refused += one.refused;
	}
	fprintf(to, "tap %s: %" PRIu64 " packets sent, %" PRIu64 " received, %" PRIu64 " refused\n",
		vr_net_tap_name(t->tap), all.sent, all.received, all.refused);
}

static void tap_close(struct endpoint *e)
{
	vr_net_tap_close(tap_of(e)->tap);
	free(e);
}

struct endpoint *endpoint_tap(const char *name, uint32_t pairs, char *error)
{
	static const struct endpoint_ops ops = {
		.send = tap_send,
		.receive = tap_receive,
		.fd = tap_fd,
		.attach = tap_attach,
		.offloads = tap_offloads,
		.report = tap_report,
		.close = tap_close,
	};
	struct vr_net_tap_config config = {
		.struct_size = sizeof(config),
		.name = name,
		.queues = pairs,
	};
	struct tap *t = calloc(1, sizeof(*t));
	int code = t ? vr_net_tap_open(&config, &t->tap) : -ENOMEM;

	if (code) {
		tool_text(error, "tap %s: %s%s", name, strerror(-code),
			  code == -EINVAL ? ": it is of another kind, or has one queue" : "");
		free(t);
		return NULL;
	}
	t->endpoint.ops = &ops;
	t->endpoint.features = vr_net_tap_features(t->tap) | VR_NET_F_CTRL_GUEST_OFFLOADS;
	t->pairs = pairs;
	for (uint32_t i = 0; i < pairs; i++)
		(void)vr_net_tap_attach(t->tap, i, false);
	return &t->endpoint;
}
