// SPDX-License-Identifier: BSD-3-Clause
/*
 * Requests of the back end, on a socket of their own, and the translations that it misses. They are
 * served when the program says so and while a call waits for its answer: the back end may need the
 * one to give the other. An update goes over the main connection without waiting for its answer,
 * which is told from that of a call by order.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/vhost_user/back_message.h"
#include "transport/vhost_user/frontend.h"

/* Steps of one call, so that a back end that never ends keeps nobody. */
#define STEPS_MAX 64

#define ACCESS_BOTH (VR_ACCESS_READ | VR_ACCESS_WRITE)

/* ---- life ---- */

void vri_front_channel_close(struct vr_vu_frontend *f)
{
	struct vu_front_channel *channel = &f->channel;

	channel->update_due = false;
	channel->update_tx.size = 0;
	channel->unanswered = 0;
	if (channel->sock < 0)
		return;
	close(channel->sock);
	channel->sock = -1;
	vri_rx_reset(&channel->rx);
	channel->tx.size = 0;
}

static bool take_ops(struct vr_vu_channel_ops *to, const struct vr_vu_channel_ops *from)
{
	memset(to, 0, sizeof(*to));
	if (from->struct_size < sizeof(from->struct_size) || from->struct_size > sizeof(*to))
		return false;
	memcpy(to, from, from->struct_size);
	return true;
}

int vr_vu_frontend_open_channel(struct vr_vu_frontend *frontend,
				const struct vr_vu_channel_ops *ops, void *context, int timeout_ms)
{
	struct vr_vu_channel_ops own;
	int socks[2], ret;

	if (!take_ops(&own, ops))
		return vri_frontend_refuse(frontend, -EINVAL, "operations of another size");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return vri_frontend_refuse(frontend, -errno, "no channel can be made");
	ret = vri_frontend_call(frontend, &(struct vu_call){
						  .request = VU_SET_BACKEND_REQ_FD,
						  .fds = &socks[1],
						  .fd_count = 1,
						  .timeout_ms = timeout_ms,
					  });
	close(socks[1]);
	if (ret) {
		close(socks[0]);
		return ret;
	}
	if (frontend->channel.sock >= 0)
		close(frontend->channel.sock);
	vri_rx_reset(&frontend->channel.rx);
	frontend->channel.tx.size = 0;
	frontend->channel.sock = socks[0];
	frontend->channel.ops = own;
	frontend->channel.context = context;
	return 0;
}

int vr_vu_frontend_channel_fd(const struct vr_vu_frontend *frontend)
{
	return frontend->channel.sock;
}

/* The session goes on without it. */
static void lost(struct vr_vu_frontend *f, const char *error)
{
	struct vu_front_channel *channel = &f->channel;

	if (error)
		vri_frontend_refuse(f, 0, "channel of the back end: %s", error);
	close(channel->sock);
	channel->sock = -1;
	vri_rx_reset(&channel->rx);
	channel->tx.size = 0;
	if (channel->ops.closed) {
		channel->serving = true;
		channel->ops.closed(channel->context, error ? f->error : NULL);
		channel->serving = false;
	}
}

/* ---- translations ---- */

short vri_main_events(const struct vr_vu_frontend *f)
{
	return f->channel.update_tx.size ? POLLOUT : 0;
}

short vri_channel_events(const struct vr_vu_frontend *f)
{
	/* Nothing is received while an update or an acknowledgement is stuck. */
	if (f->channel.update_due || f->channel.update_tx.size)
		return 0;
	return f->channel.tx.size ? POLLOUT : POLLIN;
}

int vri_channel_flush(struct vr_vu_frontend *f)
{
	struct vu_front_channel *channel = &f->channel;
	int ret;

	if (!channel->update_tx.size)
		return 0;
	ret = vri_tx_flush(f->sock, &channel->update_tx);
	if (!ret)
		channel->unanswered++;
	return ret;
}

bool vri_update_answered(struct vr_vu_frontend *f)
{
	const struct vu_rx *rx = &f->rx;

	if (rx->header.request != VU_IOTLB_MSG || rx->header.size != sizeof(uint64_t) ||
	    rx->fd_count || !f->channel.unanswered)
		return false;
	f->channel.unanswered--;
	if (rx->payload.u64)
		vri_frontend_refuse(f, 0, "IOTLB_MSG: the back end answered 0x%" PRIx64,
				    rx->payload.u64);
	return true;
}

/* Nobody else reads the connection now: take the answers that are there. */
static void take_answers(struct vr_vu_frontend *f)
{
	while (f->channel.unanswered) {
		int ret;

		vri_rx_next(&f->rx);
		ret = vri_rx(f->sock, &f->rx, true);
		if (ret == VU_RX_MORE)
			return;
		if (ret != VU_RX_DONE || !vri_update_answered(f)) {
			vr_vu_frontend_disconnect(f);
			vri_frontend_refuse(f, 0, "IOTLB_MSG: the connection is lost");
			return;
		}
	}
}

static bool valid_translation(const struct vr_vu_translation *t)
{
	return t->size && t->iova <= UINT64_MAX - (t->size - 1) &&
	       t->user_addr <= UINT64_MAX - (t->size - 1) && t->access &&
	       !(t->access & ~ACCESS_BOTH);
}

static struct vu_iotlb wire_update(const struct vr_vu_translation *t)
{
	return (struct vu_iotlb){
		.iova = t->iova,
		.size = t->size,
		.user_addr = t->user_addr,
		.access = (uint8_t)t->access,
		.type = VU_IOTLB_UPDATE,
	};
}

static int send_iotlb(struct vr_vu_frontend *f, const struct vu_iotlb *iotlb, int timeout_ms)
{
	int ret;

	ret = vri_frontend_call(f, &(struct vu_call){
					   .request = VU_IOTLB_MSG,
					   .size = sizeof(*iotlb),
					   .payload = iotlb,
					   .timeout_ms = timeout_ms,
				   });
	if (!ret && f->rx.payload.u64)
		return vri_frontend_refuse(f, -EREMOTEIO,
					   "IOTLB_MSG: the back end answered 0x%" PRIx64,
					   f->rx.payload.u64);
	return ret;
}

int vr_vu_frontend_iotlb_update(struct vr_vu_frontend *frontend,
				const struct vr_vu_translation *translation, int timeout_ms)
{
	const struct vu_iotlb iotlb = wire_update(translation);

	if (!valid_translation(translation))
		return vri_frontend_refuse(frontend, -EINVAL,
					   "IOTLB_MSG: 0x%" PRIx64 "+0x%" PRIx64 " access %u",
					   translation->iova, translation->size,
					   translation->access);
	return send_iotlb(frontend, &iotlb, timeout_ms);
}

int vr_vu_frontend_iotlb_invalidate(struct vr_vu_frontend *frontend, uint64_t iova, uint64_t size,
				    int timeout_ms)
{
	const struct vu_iotlb iotlb = {
		.iova = iova,
		.size = size,
		.type = VU_IOTLB_INVALIDATE,
	};

	if (!size || iova > UINT64_MAX - (size - 1))
		return vri_frontend_refuse(frontend, -EINVAL,
					   "IOTLB_MSG: invalidating 0x%" PRIx64 "+0x%" PRIx64, iova,
					   size);
	return send_iotlb(frontend, &iotlb, timeout_ms);
}

/* ---- requests ---- */

static int refuse(struct vr_vu_frontend *f, const char *why)
{
	vri_frontend_refuse(f, 0, "the back end's %s: %s",
			    vri_back_name(f->channel.rx.header.request), why);
	return -EINVAL;
}

static int serve_miss(struct vr_vu_frontend *f, const struct vu_iotlb *miss)
{
	struct vu_front_channel *channel = &f->channel;
	struct vr_vu_translation answer = { 0 };

	if (!miss->access || miss->access & ~ACCESS_BOTH)
		return refuse(f, "permissions that do not exist");
	if (!channel->ops.miss)
		return refuse(f, "nobody translates");
	if (channel->ops.miss(channel->context, miss->iova, miss->access, &answer) < 0)
		return refuse(f, "no such address");
	if (!valid_translation(&answer) || miss->iova - answer.iova >= answer.size)
		return refuse(f, "the program's translation is not one");
	channel->update = wire_update(&answer);
	channel->update_due = true;
	return 0;
}

int vri_serve_iotlb(struct vr_vu_frontend *f)
{
	struct vu_front_channel *channel = &f->channel;
	const struct vu_iotlb *iotlb = &channel->rx.payload.iotlb;

	if (iotlb->type == VU_IOTLB_MISS)
		return serve_miss(f, iotlb);
	if (iotlb->type != VU_IOTLB_ACCESS_FAIL)
		return refuse(f, "neither a miss nor a failed access");
	if (channel->ops.access_failed)
		channel->ops.access_failed(channel->context, iotlb->iova, iotlb->access);
	return 0;
}

int vri_serve_config_change(struct vr_vu_frontend *f)
{
	if (f->channel.ops.config_changed)
		f->channel.ops.config_changed(f->channel.context);
	return 0;
}

static int serve_ring(struct vr_vu_frontend *f, void (*op)(void *context, uint32_t index))
{
	const uint32_t index = f->channel.rx.payload.state.index;

	if (index >= VR_VU_MAX_VRINGS)
		return refuse(f, "a ring above 255");
	if (op)
		op(f->channel.context, index);
	return 0;
}

int vri_serve_vring_call(struct vr_vu_frontend *f)
{
	return serve_ring(f, f->channel.ops.ring_call);
}

int vri_serve_vring_err(struct vr_vu_frontend *f)
{
	return serve_ring(f, f->channel.ops.ring_error);
}

/* ---- serving ---- */

static const char *wrong_shape(const struct vu_back_message *message, const struct vu_rx *rx)
{
	uint32_t min, max;

	vri_payload_size(message->payload, &min, &max);
	if (rx->header.size < min || rx->header.size > max)
		return "wrong payload size";
	if (rx->fd_count < message->min_fds)
		return "a descriptor is missing";
	if (rx->fd_count > message->max_fds)
		return "too many descriptors";
	return rx->fd_problem;
}

static int handle(struct vr_vu_frontend *f, const struct vu_back_message *message)
{
	struct vu_rx *rx = &f->channel.rx;
	const char *why;

	if (!message)
		return refuse(f, "unknown request");
	if (rx->fd_count && !(f->negotiated.protocol & VR_VU_PF_BACKEND_SEND_FD))
		return refuse(f, "descriptors, but BACKEND_SEND_FD was not set");
	if (!message->serve)
		return refuse(f, "not supported");
	why = wrong_shape(message, rx);
	if (!why)
		why = vri_back_gate(message, &f->negotiated);
	return why ? refuse(f, why) : message->serve(f);
}

static void serve_one(struct vr_vu_frontend *f)
{
	struct vu_front_channel *channel = &f->channel;
	const struct vu_header header = channel->rx.header;
	const struct vu_back_message *message = vri_back_message(header.request);
	uint64_t verdict;
	bool answer;

	channel->serving = true;
	verdict = handle(f, message) < 0;
	channel->serving = false;
	answer = (header.flags & VU_FLAG_NEED_REPLY &&
		  f->negotiated.protocol & VR_VU_PF_REPLY_ACK) ||
		 (message && message->answered);
	vri_rx_reset(&channel->rx);
	if (answer)
		vri_tx_set(&channel->tx, header.request, VU_FLAG_REPLY, &verdict, sizeof(verdict),
			   NULL, 0);
}

/* True when there may be more. */
static bool receive(struct vr_vu_frontend *f)
{
	struct vu_front_channel *channel = &f->channel;
	int ret = vri_rx(channel->sock, &channel->rx, false);

	if (ret == VU_RX_MORE)
		return false;
	if (ret == VU_RX_DONE)
		serve_one(f);
	else if (ret == VU_RX_EOF)
		lost(f, NULL);
	else
		lost(f, channel->rx.problem ? channel->rx.problem : strerror(-ret));
	return channel->sock >= 0;
}

/* The translation goes out before its miss is acknowledged. False: it has to wait. */
static bool send_update(struct vr_vu_frontend *f)
{
	struct vu_front_channel *channel = &f->channel;

	if (channel->update_due && !channel->update_tx.size) {
		/* A message is on its way there: after it. */
		if (f->tx.size)
			return false;
		vri_tx_set(&channel->update_tx, VU_IOTLB_MSG, 0, &channel->update,
			   sizeof(channel->update), NULL, 0);
		channel->update_due = false;
	}
	return !vri_channel_flush(f);
}

static bool step(struct vr_vu_frontend *f)
{
	struct vu_front_channel *channel = &f->channel;
	int ret;

	if (!send_update(f))
		return false;
	if (!channel->tx.size)
		return receive(f);
	ret = vri_tx_flush(channel->sock, &channel->tx);
	if (ret && ret != -EAGAIN)
		lost(f, strerror(-ret));
	return !ret;
}

void vri_channel_serve(struct vr_vu_frontend *f, bool idle)
{
	int i;

	for (i = 0; i < STEPS_MAX && f->channel.sock >= 0; i++) {
		if (idle)
			take_answers(f);
		if (f->channel.sock < 0 || !step(f))
			break;
	}
}

int vr_vu_frontend_channel_process(struct vr_vu_frontend *frontend)
{
	if (frontend->channel.serving)
		return -EBUSY;
	if (frontend->channel.sock < 0)
		return -ENOTCONN;
	vri_channel_serve(frontend, true);
	return frontend->channel.sock < 0 ? -ENOTCONN : 0;
}
