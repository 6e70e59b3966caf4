// SPDX-License-Identifier: BSD-3-Clause
/* The back end's life: configuration, sockets, what to wait for. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport/vhost_user/backend.h"

/* Messages handled by one vr_vu_backend_process(), so that others get their turn. */
#define STEPS_MAX 64

#define F_NET_MTU (1ull << 3)

/* What is offered unless the program says otherwise. */
static uint64_t default_protocol(const struct vr_vu_backend_config *config,
				 const struct vr_vu_backend_ops *ops)
{
	uint64_t bits = VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_BACKEND_REQ |
			VR_VU_PF_BACKEND_SEND_FD | VR_VU_PF_RESET_DEVICE |
			VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS;

	if (config->config_size)
		bits |= VR_VU_PF_CONFIG;
	if (ops->rarp)
		bits |= VR_VU_PF_RARP;
	if (config->features & F_NET_MTU)
		bits |= VR_VU_PF_MTU;
	if (ops->state_transfer && ops->state_check)
		bits |= VR_VU_PF_DEVICE_STATE;
	return bits;
}

/* Programs may have been built when there were fewer operations; the first version ended with rarp. */
static bool take_ops(const struct vr_vu_backend_ops *from, struct vr_vu_backend_ops *ops)
{
	const size_t least = offsetof(struct vr_vu_backend_ops, rarp) + sizeof(from->rarp);

	memset(ops, 0, sizeof(*ops));
	if (!from || from->struct_size < least || from->struct_size > sizeof(*ops))
		return false;
	memcpy(ops, from, from->struct_size);
	return true;
}

static bool ops_valid(const struct vr_vu_backend_config *config,
		      const struct vr_vu_backend_ops *ops)
{
	if (!ops->ring_start || !ops->ring_stop)
		return false;
	if (config->config_size && !ops->config_read)
		return false;
	if (config->protocol_features & VR_VU_PF_CONFIG && !config->config_size)
		return false;
	if (config->protocol_features & VR_VU_PF_DEVICE_STATE &&
	    (!ops->state_transfer || !ops->state_check))
		return false;
	return ops->rarp || !(config->protocol_features & VR_VU_PF_RARP);
}

/* What is missing has to be asked for. */
static bool can_translate(const struct vr_vu_backend_config *config)
{
	return !(config->features & VR_F_ACCESS_PLATFORM) || !config->protocol_features ||
	       config->protocol_features & VR_VU_PF_BACKEND_REQ;
}

static bool config_valid(const struct vr_vu_backend_config *config,
			 const struct vr_vu_backend_ops *ops)
{
	const uint64_t never = VR_VU_F_LOG_ALL;

	return config->struct_size == sizeof(*config) && config->vrings &&
	       config->vrings <= VR_VU_MAX_VRINGS && config->max_queue_size <= VR_QUEUE_SIZE_MAX &&
	       config->max_regions <= VR_MEM_MAX_REGIONS && config->config_size <= VU_CONFIG_MAX &&
	       !(config->features & never) && can_translate(config) &&
	       !(config->protocol_features & ~VR_VU_PF_BACKEND_SUPPORTED) &&
	       !vri_protocol_orphans(config->protocol_features) &&
	       (!config->path || vri_socket_path_valid(config->path)) && ops_valid(config, ops);
}

void vri_backend_offer(struct vr_vu_backend *b, uint64_t protocol)
{
	b->config.protocol_features |= protocol;
	if (protocol & VR_VU_PF_LOG_SHMFD)
		b->negotiated.offered |= VR_VU_F_LOG_ALL;
}

static void copy_config(struct vr_vu_backend *b, const struct vr_vu_backend_config *config,
			const struct vr_vu_backend_ops *ops)
{
	b->config = *config;
	b->ops = *ops;
	if (!config->ring_context)
		b->config.ring_context = config->context;
	b->config.ops = NULL;
	b->config.path = NULL;
	if (config->path)
		(void)snprintf(b->path, sizeof(b->path), "%s", config->path);
	if (!config->queue_num)
		b->config.queue_num = config->vrings;
	if (!config->max_queue_size)
		b->config.max_queue_size = VR_QUEUE_SIZE_MAX;
	if (!config->max_regions)
		b->config.max_regions = VR_MEM_MAX_REGIONS;
	if (!config->protocol_features)
		b->config.protocol_features = default_protocol(config, ops);
	b->negotiated.offered = config->features | VR_VU_F_PROTOCOL_FEATURES;
	vri_backend_offer(b, b->config.protocol_features);
}

static int watch(struct vr_vu_backend *b, int op, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(b->epoll_fd, op, fd, &event) ? -errno : 0;
}

static int create_fds(struct vr_vu_backend *b)
{
	b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (b->epoll_fd < 0)
		return -errno;
	b->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->wake_fd < 0)
		return -errno;
	return watch(b, EPOLL_CTL_ADD, b->wake_fd, EPOLLIN);
}

static void free_backend(struct vr_vu_backend *b)
{
	uint32_t i;

	if (b->wake_fd >= 0)
		close(b->wake_fd);
	if (b->epoll_fd >= 0)
		close(b->epoll_fd);
	pthread_mutex_destroy(&b->resume.lock);
	pthread_mutex_destroy(&b->defer.lock);
	for (i = 0; i < b->config.vrings; i++)
		pthread_mutex_destroy(&b->misses[i].lock);
	free(b->misses);
	free(b->rings);
	free(b);
}

int vr_vu_backend_create(const struct vr_vu_backend_config *config, struct vr_vu_backend **backend)
{
	struct vr_vu_backend_ops ops;
	struct vr_vu_backend *b;
	uint32_t i;
	int ret;

	if (!take_ops(config->ops, &ops) || !config_valid(config, &ops))
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->rings = calloc(config->vrings, sizeof(*b->rings));
	b->misses = calloc(config->vrings, sizeof(*b->misses));
	if (!b->rings || !b->misses) {
		free(b->rings);
		free(b->misses);
		free(b);
		return -ENOMEM;
	}
	/* Of the default kind: these cannot fail. */
	pthread_mutex_init(&b->resume.lock, NULL);
	pthread_mutex_init(&b->defer.lock, NULL);
	b->epoll_fd = b->wake_fd = b->sock = b->channel.sock = b->listener.fd = b->fd = -1;
	b->log.fd = b->reply_fd = b->postcopy.uffd = -1;
	for (i = 0; i < config->vrings; i++) {
		b->rings[i].view.index = i;
		b->rings[i].view.kick_fd = b->rings[i].view.call_fd = -1;
		b->rings[i].view.err_fd = -1;
		b->misses[i].backend = b;
		pthread_mutex_init(&b->misses[i].lock, NULL);
	}
	copy_config(b, config, &ops);
	ret = create_fds(b);
	if (ret) {
		free_backend(b);
		return ret;
	}
	*backend = b;
	return 0;
}

int vri_backend_listen(struct vr_vu_backend *b, int fd, bool listen)
{
	return watch(b, listen ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, EPOLLIN);
}

int vri_backend_watch(struct vr_vu_backend *b, int fd, uint32_t *have, uint32_t want)
{
	int ret;

	if (want == *have)
		return 0;
	ret = watch(b, !want ? EPOLL_CTL_DEL : *have ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, want);
	if (!ret)
		*have = want;
	return ret;
}

/* Brings the epoll set in line with what could be done. */
static int update_events(struct vr_vu_backend *b)
{
	const bool listening = b->listener.fd >= 0 && b->sock < 0;
	uint32_t events = 0;
	int ret;

	if (listening != b->listening) {
		ret = watch(b, listening ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, b->listener.fd, EPOLLIN);
		if (ret)
			return ret;
		b->listening = listening;
	}
	/* While an answer is deferred the connection is left out: a hang-up would report for ever. */
	if (b->sock >= 0 && !vri_backend_waits(b))
		events = b->tx.size ? EPOLLOUT : EPOLLIN;
	ret = vri_backend_watch(b, b->sock, &b->sock_events, events);
	return ret ? ret : vri_channel_watch(b);
}

void vri_backend_forget_socket(struct vr_vu_backend *b)
{
	/* Closing would leave it in the set if another process has a copy of the descriptor. */
	(void)vri_backend_watch(b, b->sock, &b->sock_events, 0);
	close(b->sock);
	b->sock = -1;
}

void vri_backend_unlisten(struct vr_vu_backend *b)
{
	if (b->listening)
		(void)watch(b, EPOLL_CTL_DEL, b->listener.fd, 0);
	b->listening = false;
	vri_unlisten(&b->listener);
}

int vr_vu_backend_open(struct vr_vu_backend *backend)
{
	int fd;

	if (!*backend->path)
		return -EINVAL;
	if (backend->sock >= 0 || backend->listener.fd >= 0)
		return -EISCONN;
	if (backend->config.connect) {
		fd = vri_connect(backend->path);
		return fd < 0 ? fd : vr_vu_backend_adopt(backend, fd);
	}
	fd = vri_listen(backend->path, &backend->listener);
	return fd < 0 ? fd : update_events(backend);
}

int vr_vu_backend_adopt(struct vr_vu_backend *backend, int fd)
{
	int ret;

	if (backend->sock >= 0) {
		close(fd);
		return -EISCONN;
	}
	if (fcntl(fd, F_SETFD, FD_CLOEXEC)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = vri_session_begin(backend, fd);
	return ret ? ret : update_events(backend);
}

/* Want of memory or descriptors is the end of who comes, not of who listens: it may be over soon. */
static int accept_next(struct vr_vu_backend *b)
{
	int fd = vri_accept(&b->listener);
	int ret = fd;

	if (fd >= 0)
		ret = vri_session_begin(b, fd);
	if (fd < 0 && fd != -ECONNREFUSED)
		return fd;
	if (ret)
		vri_backend_log(b, ret == -ENOMEM ? "a front end was turned away: no memory" :
						    "a front end was turned away: no descriptors");
	return 0;
}

int vr_vu_backend_process(struct vr_vu_backend *backend)
{
	int i, ret = 0, updated;

	vr_vu_drain(backend->wake_fd);
	for (i = 0; i < STEPS_MAX; i++) {
		if (backend->sock >= 0) {
			if (!vri_session_step(backend))
				break;
			continue;
		}
		if (backend->listener.fd < 0)
			break;
		ret = accept_next(backend);
		if (ret)
			break;
	}
	vri_channel_run(backend);
	updated = update_events(backend);
	if (ret && ret != -EAGAIN)
		return ret;
	return updated;
}

int vr_vu_backend_close(struct vr_vu_backend *backend)
{
	int ret = vri_session_end(backend);
	int updated = update_events(backend);

	return ret ? ret : updated;
}

void vr_vu_backend_destroy(struct vr_vu_backend *backend)
{
	struct pollfd wake;

	if (!backend)
		return;
	vri_session_end(backend);
	wake = (struct pollfd){ .fd = backend->wake_fd, .events = POLLIN };
	while (backend->sock >= 0) {
		poll(&wake, 1, -1);
		vr_vu_drain(backend->wake_fd);
		vri_session_step(backend);
	}
	vri_unlisten(&backend->listener);
	free_backend(backend);
}

int vr_vu_backend_fd(const struct vr_vu_backend *backend)
{
	return backend->epoll_fd;
}

void vr_vu_backend_wake(struct vr_vu_backend *backend)
{
	vr_vu_notify(backend->wake_fd);
}

bool vr_vu_backend_connected(const struct vr_vu_backend *backend)
{
	return backend->sock >= 0;
}

const char *vr_vu_backend_error(const struct vr_vu_backend *backend)
{
	return backend->error;
}

const struct vr_vu_vring *vr_vu_backend_vring(const struct vr_vu_backend *backend, uint32_t index)
{
	return index < backend->config.vrings ? &backend->rings[index].view : NULL;
}

void vr_vu_backend_state(const struct vr_vu_backend *backend, struct vr_vu_backend_state *state)
{
	*state = (struct vr_vu_backend_state){
		.features = backend->negotiated.accepted,
		.protocol_features = backend->negotiated.protocol,
		.status = backend->status,
		.regions = backend->mem ? vr_mem_count(backend->mem) : 0,
		.messages = backend->messages,
		.sessions = backend->sessions,
		.mtu = backend->mtu,
	};
}
