// SPDX-License-Identifier: BSD-3-Clause
/*
 * Our own requests to the front end. What is to be said is kept as flags, not as a list: whatever
 * happens again before it could be said is said once, and nothing grows. One request at a time is
 * under way, so acknowledgements cannot be mixed up. Losing this channel is not losing the session.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/vhost_user/backend.h"

/* Requests and acknowledgements handled by one call. */
#define STEPS_MAX 16

void vri_channel_close(struct vr_vu_backend *b)
{
	struct vu_back_channel *channel = &b->channel;

	if (channel->sock < 0)
		return;
	(void)vri_backend_watch(b, channel->sock, &channel->sock_events, 0);
	close(channel->sock);
	channel->sock = -1;
	vri_rx_reset(&channel->rx);
	channel->tx.size = 0;
	channel->awaited = 0;
	vri_iotlb_resend(b);
}

static void lost(struct vr_vu_backend *b, const char *why)
{
	(void)snprintf(b->error, sizeof(b->error), "channel for our requests: %s", why);
	vri_backend_log(b, b->error);
	vri_channel_close(b);
}

int vri_channel_watch(struct vr_vu_backend *b)
{
	struct vu_back_channel *channel = &b->channel;

	if (channel->sock < 0)
		return 0;
	return vri_backend_watch(b, channel->sock, &channel->sock_events,
				 channel->tx.size ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

int vri_set_backend_req_fd(struct vr_vu_backend *b)
{
	int type = 0;
	socklen_t length = sizeof(type);

	if (getsockopt(b->rx.fds[0], SOL_SOCKET, SO_TYPE, &type, &length) || type != SOCK_STREAM)
		return vri_backend_refuse(b, -EINVAL, "the descriptor is no stream socket");
	vri_channel_close(b);
	b->channel.sock = vri_rx_take_fd(&b->rx, 0);
	return 0;
}

/* ---- receiving ---- */

static void acknowledged(struct vr_vu_backend *b)
{
	struct vu_back_channel *channel = &b->channel;
	const struct vu_rx *rx = &channel->rx;

	if (!channel->awaited || rx->header.request != channel->awaited ||
	    rx->header.size != sizeof(uint64_t) || rx->fd_count || rx->fd_problem) {
		lost(b, "an answer that fits no request");
		return;
	}
	if (rx->payload.u64) {
		(void)snprintf(b->error, sizeof(b->error), "%s: the front end refuses it",
			       vri_back_name(channel->awaited));
		vri_backend_log(b, b->error);
		if (channel->awaited == VU_BACK_IOTLB_MSG)
			vri_iotlb_refused(b);
	}
	channel->awaited = 0;
	vri_rx_reset(&channel->rx);
}

/* True when something came. */
static bool receive(struct vr_vu_backend *b)
{
	int ret = vri_rx(b->channel.sock, &b->channel.rx, true);

	if (ret == VU_RX_MORE)
		return false;
	if (ret == VU_RX_DONE)
		acknowledged(b);
	else if (ret == VU_RX_EOF || ret == -ECONNRESET)
		lost(b, "the front end closed it");
	else
		lost(b, b->channel.rx.problem ? b->channel.rx.problem : strerror(-ret));
	return b->channel.sock >= 0;
}

/* ---- sending ---- */

static void send_request(struct vr_vu_backend *b, uint32_t request, const void *payload,
			 uint32_t size)
{
	const bool ack = b->negotiated.protocol & VR_VU_PF_REPLY_ACK;

	vri_tx_set(&b->channel.tx, request, ack ? VU_FLAG_NEED_REPLY : 0, payload, size, NULL, 0);
	b->channel.awaited = ack ? request : 0;
}

static bool may_send(const struct vr_vu_backend *b, uint32_t request)
{
	return !vri_back_gate(vri_back_message(request), &b->negotiated);
}

/* Prepares the next request; false when there is none. */
static bool next_request(struct vr_vu_backend *b)
{
	struct vu_back_channel *channel = &b->channel;
	struct vu_vring_state state;
	struct vu_iotlb iotlb;
	uint32_t request;

	/* A suspended device says nothing; it will when a ring runs again. */
	if (channel->awaited || !vri_any_ring_runs(b))
		return false;
	if (vri_iotlb_next(b, &iotlb)) {
		send_request(b, VU_BACK_IOTLB_MSG, &iotlb, sizeof(iotlb));
		return true;
	}
	request = vri_inband_next(b, &state);
	if (request) {
		send_request(b, request, &state, sizeof(state));
		return true;
	}
	if (!atomic_exchange(&channel->config_changed, false) ||
	    !may_send(b, VU_BACK_CONFIG_CHANGE_MSG))
		return false;
	send_request(b, VU_BACK_CONFIG_CHANGE_MSG, NULL, 0);
	return true;
}

static bool flush(struct vr_vu_backend *b)
{
	int ret = vri_tx_flush(b->channel.sock, &b->channel.tx);

	if (ret == -EPIPE)
		lost(b, "the front end closed it");
	else if (ret && ret != -EAGAIN)
		lost(b, strerror(-ret));
	return !ret;
}

static bool step(struct vr_vu_backend *b)
{
	if (b->channel.tx.size)
		return flush(b);
	return receive(b) || (b->channel.sock >= 0 && next_request(b));
}

void vri_channel_run(struct vr_vu_backend *b)
{
	int i;

	vri_inband_collect(b);
	for (i = 0; i < STEPS_MAX && b->channel.sock >= 0; i++)
		if (!step(b))
			break;
	/* An acknowledgement may be what let us say the next thing: come back for it. */
	if (i == STEPS_MAX)
		vr_vu_backend_wake(b);
}

void vr_vu_backend_config_changed(struct vr_vu_backend *backend)
{
	atomic_store(&backend->channel.config_changed, true);
	vr_vu_backend_wake(backend);
}
