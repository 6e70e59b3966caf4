// SPDX-License-Identifier: BSD-3-Clause
/* The front end's life, its connection, and one message with its answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "transport/vhost_user/frontend.h"

/* Between two attempts to connect to a socket that does not answer yet. */
#define RETRY_MS 2
#define RETRY_MAX_MS 250

#define PROTOCOL_DEFAULT \
	(VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_MTU | VR_VU_PF_CONFIG | \
	 VR_VU_PF_RESET_DEVICE | VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS)

/* ---- time ---- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* When @timeout_ms from now is; -1 for never. */
static int64_t deadline_of(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

/* Milliseconds left, 0 if none, -1 without limit: what poll() takes. */
static int remaining(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - now_ms();
	return left > 0 ? (int)left : 0;
}

/* Waits until @fd is ready. 0, -ETIMEDOUT, or what poll() failed with. */
static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	int ret;

	do
		ret = poll(&pollfd, 1, remaining(deadline));
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

/* As wait_for(), for the connection; serves the back end's requests meanwhile. */
static int wait_serving(struct vr_vu_frontend *f, short events, int64_t deadline)
{
	struct pollfd pollfds[] = {
		{ .fd = f->sock, .events = (short)(events | vri_main_events(f)) },
		{ .fd = f->channel.sock, .events = vri_channel_events(f) },
	};
	int ret;

	do
		ret = poll(pollfds, 2, remaining(deadline));
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	vri_channel_serve(f, false);
	/* Requests without end are no reason to wait without end. */
	if (!pollfds[0].revents && !remaining(deadline))
		return -ETIMEDOUT;
	return 0;
}

/* ---- life ---- */

int vri_frontend_refuse(struct vr_vu_frontend *f, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(f->error, sizeof(f->error), format, args);
	va_end(args);
	return error;
}

int vr_vu_frontend_create(const struct vr_vu_frontend_config *config,
			  struct vr_vu_frontend **frontend)
{
	struct vr_vu_frontend *f;
	int ret;

	if (config->struct_size != sizeof(*config) ||
	    config->protocol_features & ~VR_VU_PF_SUPPORTED || (config->listen && !config->path) ||
	    (config->path && !vri_socket_path_valid(config->path)))
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->sock = f->listener.fd = f->channel.sock = -1;
	f->listen = config->listen;
	f->rings_per_queue = config->rings_per_queue;
	f->protocol_wanted = config->protocol_features ? config->protocol_features :
							 PROTOCOL_DEFAULT;
	if (config->path)
		(void)snprintf(f->path, sizeof(f->path), "%s", config->path);
	if (f->listen) {
		ret = vri_listen(f->path, &f->listener);
		if (ret) {
			free(f);
			return ret;
		}
	}
	*frontend = f;
	return 0;
}

void vr_vu_frontend_destroy(struct vr_vu_frontend *frontend)
{
	if (!frontend)
		return;
	vr_vu_frontend_disconnect(frontend);
	vri_unlisten(&frontend->listener);
	free(frontend);
}

static void use_socket(struct vr_vu_frontend *f, int sock)
{
	f->sock = sock;
	f->negotiated = (struct vu_negotiated){ 0 };
	f->queue_num = 0;
	f->status = 0;
	f->running = 0;
	f->error[0] = '\0';
}

void vr_vu_frontend_disconnect(struct vr_vu_frontend *frontend)
{
	if (frontend->sock < 0)
		return;
	close(frontend->sock);
	frontend->sock = -1;
	vri_rx_reset(&frontend->rx);
	frontend->tx.size = 0;
	vri_front_channel_close(frontend);
}

/* Until somebody listens there, and has room in its queue; the longer it takes, the rarer the looks. */
static int connect_until(const char *path, int64_t deadline)
{
	struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	int fd;

	for (;;) {
		fd = vri_connect(path);
		if (fd != -ENOENT && fd != -ECONNREFUSED && fd != -EAGAIN)
			return fd;
		if (!remaining(deadline))
			return fd;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < RETRY_MAX_MS * 1000000L)
			pause.tv_nsec *= 2;
	}
}

static int accept_until(struct vu_listener *listener, int64_t deadline)
{
	int fd, ret;

	for (;;) {
		fd = vri_accept(listener);
		if (fd != -EAGAIN)
			return fd == -ECONNREFUSED ? -EMFILE : fd;
		ret = wait_for(listener->fd, POLLIN, deadline);
		if (ret)
			return ret;
	}
}

int vr_vu_frontend_connect(struct vr_vu_frontend *frontend, int timeout_ms)
{
	const int64_t deadline = deadline_of(timeout_ms);
	int fd;

	if (frontend->sock >= 0)
		return -EISCONN;
	if (!*frontend->path)
		return vri_frontend_refuse(frontend, -EINVAL, "no socket path was given");
	if (frontend->listen)
		fd = accept_until(&frontend->listener, deadline);
	else
		fd = connect_until(frontend->path, deadline);
	if (fd < 0)
		return vri_frontend_refuse(frontend, fd, "%s: %s",
					   frontend->listen ? "nobody connects" : "cannot connect",
					   strerror(-fd));
	use_socket(frontend, fd);
	return 0;
}

int vr_vu_frontend_adopt(struct vr_vu_frontend *frontend, int fd)
{
	if (frontend->sock >= 0) {
		close(fd);
		return -EISCONN;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	use_socket(frontend, fd);
	return 0;
}

int vr_vu_frontend_fd(const struct vr_vu_frontend *frontend)
{
	return frontend->sock;
}

const char *vr_vu_frontend_error(const struct vr_vu_frontend *frontend)
{
	return frontend->error;
}

/* ---- one message ---- */

static int transmit(struct vr_vu_frontend *f, int64_t deadline)
{
	int ret;

	for (;;) {
		ret = vri_tx_flush(f->sock, &f->tx);
		if (ret != -EAGAIN)
			return ret == -EPIPE ? -ECONNRESET : ret;
		ret = wait_serving(f, POLLOUT, deadline);
		if (ret)
			return ret;
	}
}

/* An update that vri_channel_serve() began goes first: a message must not be cut in two. */
static int finish_update(struct vr_vu_frontend *f, int64_t deadline)
{
	int ret;

	for (;;) {
		ret = vri_channel_flush(f);
		if (ret != -EAGAIN)
			return ret == -EPIPE ? -ECONNRESET : ret;
		ret = wait_for(f->sock, POLLOUT, deadline);
		if (ret)
			return ret;
	}
}

static int receive(struct vr_vu_frontend *f, int64_t deadline)
{
	int ret;

	/* Of an answer that nobody waited for, the beginning may be there. */
	vri_rx_next(&f->rx);
	for (;;) {
		ret = vri_rx(f->sock, &f->rx, true);
		if (ret == VU_RX_DONE)
			return 0;
		if (ret == VU_RX_EOF)
			return -ECONNRESET;
		if (ret < 0)
			return ret;
		ret = wait_serving(f, POLLIN, deadline);
		if (ret)
			return ret;
	}
}

/* Does the answer look as it must? */
static bool answer_fits(const struct vr_vu_frontend *f, uint32_t request, enum vu_kind kind,
			uint32_t fds)
{
	const struct vu_header *header = &f->rx.header;
	uint32_t min, max;

	vri_payload_size(kind, &min, &max);
	/*
	 * No payload is how a configuration that cannot be read is answered, and DPDK says so that it
	 * has the log.
	 */
	if ((kind == VU_CONFIG || request == VU_SET_LOG_BASE) && !header->size)
		min = 0;
	return header->request == request && header->size >= min && header->size <= max &&
	       f->rx.fd_count <= fds && !f->rx.fd_problem;
}

/* After these nobody knows what the next bytes belong to. */
static int lose(struct vr_vu_frontend *f, const char *name, int error)
{
	const char *what = error == -ETIMEDOUT	? "no answer in time" :
			   error == -ECONNRESET ? "the back end closed the connection" :
			   f->rx.problem	? f->rx.problem :
						  strerror(-error);

	vri_frontend_refuse(f, error, "%s: %s", name, what);
	vr_vu_frontend_disconnect(f);
	return error;
}

static int wrong_answer(struct vr_vu_frontend *f, const char *name)
{
	vri_frontend_refuse(f, -EPROTO, "%s: answer to request %u, %u bytes, %u descriptors", name,
			    f->rx.header.request, f->rx.header.size, f->rx.fd_count);
	vr_vu_frontend_disconnect(f);
	return -EPROTO;
}

/* Answers come in the order of the messages; those to @updates that were sent before come first. */
static int receive_own(struct vr_vu_frontend *f, uint32_t request, uint32_t updates,
		       int64_t deadline)
{
	int ret;

	for (;;) {
		ret = receive(f, deadline);
		if (ret || (request == VU_IOTLB_MSG && !updates) || !vri_update_answered(f))
			return ret;
		updates -= updates > 0;
	}
}

static int await_answer(struct vr_vu_frontend *f, const struct vu_call *call, uint32_t updates,
			int64_t deadline)
{
	const struct vu_message *message = vri_message(call->request);
	const bool own = message->reply != VU_NONE;
	int ret;

	ret = receive_own(f, call->request, updates, deadline);
	if (ret)
		return lose(f, message->name, ret);
	if (!answer_fits(f, call->request, own ? message->reply : VU_U64, message->reply_fds))
		return wrong_answer(f, message->name);
	if (!own && f->rx.payload.u64)
		return vri_frontend_refuse(f, -EREMOTEIO, "%s: the back end answered 0x%" PRIx64,
					   message->name, f->rx.payload.u64);
	return 0;
}

int vri_frontend_call(struct vr_vu_frontend *f, const struct vu_call *call)
{
	const struct vu_message *message = vri_message(call->request);
	const bool ack = message->reply == VU_NONE && f->negotiated.protocol & VR_VU_PF_REPLY_ACK;
	const int64_t deadline = deadline_of(call->timeout_ms);
	const uint32_t updates = f->channel.unanswered;
	const char *why;
	int ret;

	if (f->channel.serving)
		return -EBUSY;
	if (f->sock < 0)
		return vri_frontend_refuse(f, -ENOTCONN, "%s: not connected", message->name);
	why = vri_message_gate(message, &f->negotiated);
	if (why)
		return vri_frontend_refuse(f, -EOPNOTSUPP, "%s: %s", message->name, why);
	ret = finish_update(f, deadline);
	if (ret)
		return lose(f, message->name, ret);
	vri_tx_set(&f->tx, call->request, ack ? VU_FLAG_NEED_REPLY : 0, call->payload, call->size,
		   call->fds, call->fd_count);
	ret = transmit(f, deadline);
	if (ret)
		return lose(f, message->name, ret);
	if (!ack && message->reply == VU_NONE)
		return 0;
	return await_answer(f, call, updates, deadline);
}
