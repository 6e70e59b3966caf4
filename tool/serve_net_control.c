// SPDX-License-Identifier: BSD-3-Clause
/* virtring serve net: the control queue, and what the driver sets through it. */
#include <stdlib.h>

#include "serve_net.h"

/* Commands carried out at a time. */
#define COMMANDS 16u

int net_control_offloads(struct net_server *s, uint64_t offloads)
{
	struct endpoint *e = s->source;

	if (e && e->ops->offloads &&
	    e->ops->offloads(e, offloads, vr_net_host_offloads(s->negotiated)))
		return -1;
	for (uint32_t i = 0; i < s->options->pairs; i++)
		if (s->pairs[i].rx_queue)
			vr_net_device_rx_offloads(s->pairs[i].rx, offloads);
	return 0;
}

void net_control_reset(struct net_server *s)
{
	s->space.status = VR_NET_S_LINK_UP;
	vr_net_settings_reset(&s->settings, s->negotiated, &s->space);
}

void net_control_go_on(struct net_server *s)
{
	s->unset = false;
	s->settings.pairs = s->options->pairs;
	s->settings.promiscuous = true;
}

void net_control_announce(struct net_server *s)
{
	if (!s->moved || !s->control)
		return;
	s->moved = false;
	/* The request is a bit of the status. */
	if (!(s->negotiated & VR_NET_F_STATUS) || !vr_net_control_device_announce(s->control))
		return;
	s->settings.announce = true;
	s->space.status |= VR_NET_S_ANNOUNCE;
	vr_vu_backend_config_changed(vr_vu_loop_backend(s->loop));
}

static void wake_pairs(struct net_server *s)
{
	for (uint32_t i = 0; i < s->options->pairs; i++)
		net_pair_wake(s, &s->pairs[i]);
}

static int apply(void *context, const struct vr_net_settings *next)
{
	struct net_server *s = context;
	bool pairs = next->pairs != s->settings.pairs;

	if (next->offloads != s->settings.offloads && net_control_offloads(s, next->offloads))
		return -1;
	s->settings = *next;
	s->unset = false;
	s->space.status = VR_NET_S_LINK_UP | (next->announce ? VR_NET_S_ANNOUNCE : 0);
	if (pairs)
		wake_pairs(s);
	return 0;
}

int net_control_start(struct net_server *s, struct vr_vu_queue *queue)
{
	struct vr_net_control_device_config config = {
		.struct_size = sizeof(config),
		.features = vr_vu_queue_vring(queue)->features,
		.queue = vr_vu_queue_device(queue),
		.space = &s->space,
		.settings = &s->settings,
		.apply = apply,
		.context = s,
	};
	size_t bytes = vr_net_control_device_size();

	s->control_state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!s->control_state ||
	    vr_net_control_device_init(s->control_state, bytes, &config, &s->control)) {
		net_control_stop(s);
		return -1;
	}
	s->control_queue = queue;
	return 0;
}

void net_control_stop(struct net_server *s)
{
	free(s->control_state);
	s->control_state = NULL;
	s->control = NULL;
	s->control_queue = NULL;
}

int net_control_work(struct net_server *s)
{
	return vr_net_control_device_run(s->control, COMMANDS);
}
