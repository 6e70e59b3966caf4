// SPDX-License-Identifier: BSD-3-Clause
/* A session: one message after another, answers, errors, the end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory/mem.h"
#include "transport/vhost_user/backend.h"

void vri_backend_log(struct vr_vu_backend *b, const char *text)
{
	if (b->config.log)
		b->config.log(b->config.context, text);
}

int vri_backend_refuse(struct vr_vu_backend *b, int error, const char *format, ...)
{
	const uint32_t request = b->rx.header.request;
	va_list args;
	int len;

	if (vri_message(request))
		len = snprintf(b->error, sizeof(b->error), "%s: ", vr_vu_request_name(request));
	else
		len = snprintf(b->error, sizeof(b->error), "request %u: ", request);
	va_start(args, format);
	(void)vsnprintf(b->error + len, sizeof(b->error) - (size_t)len, format, args);
	va_end(args);
	vri_backend_log(b, b->error);
	return error;
}

void vri_backend_fail(struct vr_vu_backend *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(b->error, sizeof(b->error), format, args);
	va_end(args);
	vri_backend_log(b, b->error);
	b->failed = true;
	vri_session_end(b);
}

void vri_reply(struct vr_vu_backend *b, const void *payload, uint32_t size)
{
	if (size)
		memcpy(b->reply.bytes, payload, size);
	b->reply_size = size;
}

void vri_reply_fd(struct vr_vu_backend *b, int fd)
{
	if (b->reply_fd >= 0)
		close(b->reply_fd);
	b->reply_fd = fd;
	b->reply_has_fd = fd >= 0;
}

bool vri_backend_lost(const struct vr_vu_backend *b)
{
	const struct mem_mapping *others[] = { b->log.mapping, b->inflight.mapping };
	int i;

	for (i = 0; i < 2; i++)
		if (others[i] && atomic_load_explicit(&others[i]->lost, memory_order_relaxed))
			return true;
	return vr_mem_lost(b->mem);
}

int vri_session_begin(struct vr_vu_backend *b, int sock)
{
	int ret;

	ret = vri_memory_reset(b);
	if (ret) {
		close(sock);
		return ret;
	}
	b->sock = sock;
	b->closing = false;
	b->failed = false;
	b->negotiated.accepted = 0;
	b->negotiated.protocol = 0;
	b->features_set = false;
	b->status = 0;
	b->mtu = 0;
	b->messages = 0;
	b->sessions++;
	b->error[0] = '\0';
	atomic_store(&b->channel.config_changed, false);
	if (b->ops.connected)
		b->ops.connected(b->config.context);
	return 0;
}

/* All rings are still: let go of everything. */
static int session_ended(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++)
		vri_ring_clear(&b->rings[i]);
	vri_channel_close(b);
	vri_iotlb_end(b);
	vri_log_close(b);
	vri_inflight_close(b);
	vri_reply_fd(b, -1);
	vri_rx_reset(&b->rx);
	b->tx.size = 0;
	vr_mem_put(b->mem);
	b->mem = NULL;
	vr_mem_table_destroy(b->table);
	b->table = NULL;
	vri_backend_forget_socket(b);
	b->closing = false;
	if (b->ops.disconnected)
		b->ops.disconnected(b->config.context, b->failed ? b->error : NULL);
	return 0;
}

int vri_session_end(struct vr_vu_backend *b)
{
	if (b->sock < 0)
		return 0;
	b->closing = true;
	/* Workers that wait for a page of this front end would wait for ever. */
	vri_postcopy_close(b);
	/* What is under way comes first; vri_session_step() sees @closing after it. */
	if (vri_backend_waits(b))
		return -EINPROGRESS;
	if (vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_CLOSED, session_ended) == VU_PENDING)
		return -EINPROGRESS;
	return 0;
}

static const char *wrong_shape(const struct vu_message *message, const struct vu_rx *rx)
{
	uint32_t min, max;

	vri_payload_size(message->payload, &min, &max);
	if (rx->header.size < min || rx->header.size > max)
		return "wrong payload size";
	if (rx->fd_count < message->min_fds)
		return "a descriptor is missing";
	if (rx->fd_count > message->max_fds)
		return "too many descriptors";
	return NULL;
}

static int handle(struct vr_vu_backend *b, const struct vu_message *message)
{
	const char *why;

	if (vri_postcopy_awaits(b))
		return vri_postcopy_ack(b);
	if (!message)
		return vri_backend_refuse(b, -EOPNOTSUPP, "unknown request");
	if (b->rx.fd_problem)
		return vri_backend_refuse(b, -EINVAL, "%s", b->rx.fd_problem);
	if (!message->handle)
		return vri_backend_refuse(b, -EOPNOTSUPP, "not supported");
	why = wrong_shape(message, &b->rx);
	if (why)
		return vri_backend_refuse(b, -EINVAL, "%s (%u bytes, %u descriptors)", why,
					  b->rx.header.size, b->rx.fd_count);
	why = vri_message_gate(message, &b->negotiated);
	if (why)
		return vri_backend_refuse(b, -EPERM, "%s", why);
	return message->handle(b);
}

/* The result of a message: its answer, an acknowledgement, nothing, or the end of the session. */
static void finish(struct vr_vu_backend *b, const struct vu_message *message, int result)
{
	const uint32_t request = b->rx.header.request;
	const bool own_reply = message && message->reply != VU_NONE;
	const bool ack = b->rx.header.flags & VU_FLAG_NEED_REPLY &&
			 b->negotiated.protocol & VR_VU_PF_REPLY_ACK;
	const uint64_t verdict = result < 0;

	b->messages++;
	vri_rx_reset(&b->rx);
	if (result < 0 && (own_reply || !ack))
		b->failed = true;
	if (b->failed || b->closing) {
		vri_session_end(b);
		return;
	}
	if (own_reply || b->reply_now)
		vri_tx_set(&b->tx, request, VU_FLAG_REPLY, &b->reply, b->reply_size, &b->reply_fd,
			   b->reply_has_fd);
	else if (ack)
		vri_tx_set(&b->tx, request, VU_FLAG_REPLY, &verdict, sizeof(verdict), NULL, 0);
	b->reply_has_fd = b->reply_now = false;
}

/* A deferred stop has been answered: go on with what waited for it. */
static bool continue_stop(struct vr_vu_backend *b)
{
	const bool ending = b->stop.why == VR_VU_STOP_CLOSED;
	const struct vu_message *message = vri_message(b->rx.header.request);
	int ret;

	ret = vri_stop_continue(b);
	if (ret == VU_PENDING)
		return false;
	if (!ending)
		finish(b, message, ret);
	return true;
}

/* Likewise for any other answer. */
static bool continue_deferred(struct vr_vu_backend *b)
{
	const struct vu_message *message = vri_message(b->rx.header.request);
	int ret;

	ret = vri_defer_continue(b);
	if (ret == VU_PENDING)
		return false;
	finish(b, message, ret);
	return true;
}

static void receive_failed(struct vr_vu_backend *b, int result)
{
	if (result == VU_RX_EOF)
		vri_session_end(b);
	else if (result == -EPROTO)
		vri_backend_fail(b, "request %u: %s (flags 0x%x, size %u)", b->rx.header.request,
				 b->rx.problem, b->rx.header.flags, b->rx.header.size);
	else if (result == -ECONNRESET && b->rx.have)
		vri_backend_fail(b, "connection closed within a message, after %zu bytes",
				 b->rx.have);
	else
		vri_backend_fail(b, "receiving: %s", strerror(-result));
}

static bool flush(struct vr_vu_backend *b)
{
	int ret = vri_tx_flush(b->sock, &b->tx);

	if (ret == -EAGAIN)
		return false;
	if (ret)
		vri_backend_fail(b, "sending a reply: %s", strerror(-ret));
	return true;
}

bool vri_session_step(struct vr_vu_backend *b)
{
	const struct vu_message *message;
	int ret;

	if (b->stop.active)
		return continue_stop(b);
	if (b->defer.then)
		return continue_deferred(b);
	if (vri_backend_lost(b)) {
		vri_backend_fail(b, "the front end truncated its memory");
		return true;
	}
	if (b->tx.size)
		return flush(b);
	ret = vri_rx(b->sock, &b->rx, false);
	if (ret == VU_RX_MORE)
		return false;
	if (ret != VU_RX_DONE) {
		receive_failed(b, ret);
		return true;
	}
	message = vri_message(b->rx.header.request);
	ret = handle(b, message);
	if (ret != VU_PENDING)
		finish(b, message, ret);
	return ret != VU_PENDING;
}
