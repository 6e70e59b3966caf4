// SPDX-License-Identifier: BSD-3-Clause
/*
 * The ready loop. A turn: wait, take the kicks, let every queue work that has reason to, let the
 * device collect its results, show the drivers what was done, end the queues whose stop waited for
 * that, and handle messages last, when nothing is half done.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport/vhost_user/backend.h"
#include "transport/vhost_user/loop.h"
#include "transport/vhost_user/queue.h"

/* Calls of queue_work() that one queue gets before the others have theirs. */
#define TURNS 8

/* ---- beginning and end of a queue ---- */

static void watched(void *context, enum vr_watch_what what, uint32_t value, uint32_t bound)
{
	const struct loop_queue *q = context;

	q->loop->watched(q->loop->context, vr_vu_queue_vring(q->queue)->index, what, value, bound);
}

/* A watcher that cannot be had is missed, and nothing else. */
static void watch_queue(struct vr_vu_loop *loop, struct loop_queue *q)
{
	const struct vr_vu_vring *vring = vr_vu_queue_vring(q->queue);
	struct vr_watch_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.ring = vring->ring,
		.queue_size = vring->size,
		.report = watched,
		.context = q,
	};

	if (!loop->watched)
		return;
	q->loop = loop;
	if (vr_device_save(vr_vu_queue_device(q->queue), false, &config.base))
		(void)vr_device_save(vr_vu_queue_device(q->queue), true, &config.base);
	(void)vr_watch_create(&config, &q->watch);
}

static int ring_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct vr_vu_loop *loop = context;
	struct loop_queue *q = &loop->queues[vring->index];
	const struct vr_vu_queue_config config = {
		.struct_size = sizeof(config),
		.backend = loop->backend,
		.vring = vring,
		.mem = mem,
		.flags = loop->flags,
		.max_chain = loop->max_chain,
	};

	*q = (struct loop_queue){ .again = true };
	if (vr_vu_queue_create(&config, &q->queue))
		return -1;
	if (loop->ops.queue_start(loop->context, q->queue) < 0) {
		vr_vu_queue_end(q->queue, NULL);
		q->queue = NULL;
		return -1;
	}
	watch_queue(loop, q);
	return 0;
}

static bool busy(const struct vr_vu_loop *loop, const struct loop_queue *q)
{
	return loop->ops.queue_busy && loop->ops.queue_busy(loop->context, q->queue) > 0;
}

static void end_queue(struct vr_vu_loop *loop, struct loop_queue *q, uint32_t *base)
{
	loop->ops.queue_stop(loop->context, q->queue);
	vr_vu_queue_end(q->queue, base);
	vr_watch_destroy(q->watch);
	*q = (struct loop_queue){ .queue = NULL };
}

static void ring_enable(void *context, uint32_t index, bool enabled)
{
	struct vr_vu_loop *loop = context;

	vr_vu_queue_enable(loop->queues[index].queue, enabled);
	loop->queues[index].again = true;
}

/* ---- work ---- */

static void broken(struct vr_vu_loop *loop, struct loop_queue *q)
{
	if (q->broken)
		return;
	q->broken = true;
	vr_vu_queue_break(q->queue);
	if (loop->ops.queue_broken)
		loop->ops.queue_broken(loop->context, q->queue);
}

/* Has the queue work once; true when there may be more. */
static bool work_once(struct vr_vu_loop *loop, struct loop_queue *q,
		      int (*work)(void *, struct vr_vu_queue *))
{
	const int ret = work(loop->context, q->queue);

	if (ret > 0)
		return true;
	if (ret == VR_E_BUSY)
		return false;
	/* The answer comes with a message, or has come. */
	if (ret == VR_E_MISS) {
		q->missed = true;
		return false;
	}
	if (ret < 0) {
		broken(loop, q);
		return false;
	}
	/* Also true for a queue that has just broken. */
	if (!vr_vu_queue_arm(q->queue))
		return false;
	return true;
}

static bool can_work(const struct loop_queue *q)
{
	return q->queue && !q->deferred && !q->broken;
}

static void work(struct vr_vu_loop *loop, struct loop_queue *q)
{
	int (*call)(void *, struct vr_vu_queue *) = loop->ops.queue_work;

	q->again = false;
	if (!can_work(q) || loop->draining)
		return;
	if (!vr_vu_queue_vring(q->queue)->enabled)
		call = loop->ops.queue_drop;
	if (!call)
		return;
	for (int turn = 0; turn < TURNS; turn++)
		if (!work_once(loop, q, call) || q->broken)
			return;
	q->again = true;
}

/* What a predecessor left, and nobody had time for yet, is not left behind by a stop, either. */
static void work_off_recorded(struct vr_vu_loop *loop, struct loop_queue *q)
{
	while (vri_record_again(&q->queue->record) && can_work(q) &&
	       vr_vu_queue_vring(q->queue)->enabled) {
		/* This is no turn: the device gets one before anybody waits for what it was given. */
		loop->turn_ms = 0;
		if (!work_once(loop, q, loop->ops.queue_work))
			return;
	}
}

static int ring_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct vr_vu_loop *loop = context;
	struct loop_queue *q = &loop->queues[index];

	(void)why;
	work_off_recorded(loop, q);
	if (busy(loop, q)) {
		q->deferred = true;
		return VR_VU_DEFER;
	}
	end_queue(loop, q, base);
	return 0;
}

static void finish_stop(struct vr_vu_loop *loop, struct loop_queue *q)
{
	const struct vr_vu_vring *vring = vr_vu_queue_vring(q->queue);
	const uint32_t index = vring->index;
	uint32_t base = vring->base;

	end_queue(loop, q, &base);
	(void)vr_vu_backend_resume(loop->backend, index, base);
}

static void finish_turn(struct vr_vu_loop *loop, struct loop_queue *q)
{
	if (!q->queue)
		return;
	if (vr_vu_queue_flush(q->queue))
		broken(loop, q);
	if (vri_backend_lost(loop->backend))
		vr_vu_backend_wake(loop->backend);
	if (q->deferred && !busy(loop, q))
		finish_stop(loop, q);
}

static void turn(struct vr_vu_loop *loop)
{
	uint32_t i;

	for (i = 0; i < loop->vrings; i++)
		if (loop->queues[i].again)
			work(loop, &loop->queues[i]);
	loop->turn_ms = loop->ops.turn ? loop->ops.turn(loop->context) : -1;
	for (i = 0; i < loop->vrings; i++)
		finish_turn(loop, &loop->queues[i]);
}

/* ---- waiting ---- */

enum {
	POLL_BACKEND,
	POLL_STOP,
	POLL_QUEUES
};

static bool listens(const struct loop_queue *q)
{
	return can_work(q) && !q->deaf;
}

/* What a disabled ring has to do may be nothing. */
static bool has_work(const struct vr_vu_loop *loop, const struct loop_queue *q)
{
	return loop->ops.queue_drop || vr_vu_queue_vring(q->queue)->enabled;
}

static int collect_queue(const struct vr_vu_loop *loop, struct loop_queue *q)
{
	int fd;

	if (!listens(q) || loop->draining || !has_work(loop, q))
		return -1;
	fd = vr_vu_queue_vring(q->queue)->kick_fd;
	/* A queue without a descriptor is polled. */
	if (fd < 0)
		q->again = true;
	return fd;
}

/* Fills the array; returns how long to wait. */
static int collect(struct vr_vu_loop *loop, int timeout_ms)
{
	struct pollfd *fds = loop->fds;
	struct vr_vu_watch *watch;
	uint32_t i;

	if (loop->turn_ms >= 0 && (timeout_ms < 0 || loop->turn_ms < timeout_ms))
		timeout_ms = loop->turn_ms;
	fds[POLL_BACKEND].fd = vr_vu_backend_fd(loop->backend);
	fds[POLL_STOP].fd = loop->stop_fd;
	fds += POLL_QUEUES;
	for (i = 0; i < loop->vrings; i++, fds++) {
		fds->fd = collect_queue(loop, &loop->queues[i]);
		if (loop->queues[i].again)
			timeout_ms = 0;
	}
	for (watch = loop->watches; watch; watch = watch->next, fds++)
		fds->fd = watch->enabled ? watch->fd : -1;
	loop->polled = (nfds_t)(fds - loop->fds);
	for (i = 0; i < loop->polled; i++) {
		loop->fds[i].events = POLLIN;
		loop->fds[i].revents = 0;
	}
	return timeout_ms;
}

static void take_kick(struct loop_queue *q, short events)
{
	const int fd = vr_vu_queue_vring(q->queue)->kick_fd;
	int drained;

	q->again = true;
	/* The other end of a pipe was closed: nobody kicks any more, and poll() would not wait. */
	drained = vr_vu_drain(fd);
	if (drained > 0 && q->watch)
		vr_watch_notified(q->watch);
	if (drained <= 0 && events & (POLLHUP | POLLERR | POLLNVAL))
		q->deaf = true;
}

static void take_events(struct vr_vu_loop *loop)
{
	struct vr_vu_watch *watch;
	nfds_t at = POLL_QUEUES;
	uint32_t i;

	for (i = 0; i < loop->vrings; i++, at++)
		if (loop->fds[at].revents)
			take_kick(&loop->queues[i], loop->fds[at].revents);
	/* One that is made meanwhile is put before these, and may move the array. */
	for (watch = loop->watches; watch; watch = watch->next, at++)
		if (loop->fds[at].revents && watch->enabled)
			watch->ready(watch->context);
}

/* Watches that were ended, when nobody walks along the list. */
static void bury_watches(struct vr_vu_loop *loop)
{
	struct vr_vu_watch **link = &loop->watches;

	while (*link) {
		struct vr_vu_watch *watch = *link;

		if (!watch->ended) {
			link = &watch->next;
			continue;
		}
		*link = watch->next;
		free(watch);
		loop->watch_count--;
	}
}

/* A message may have brought what a queue was waiting for. */
static int process(struct vr_vu_loop *loop)
{
	const int ret = vr_vu_backend_process(loop->backend);
	uint32_t i;

	for (i = 0; i < loop->vrings; i++) {
		struct loop_queue *q = &loop->queues[i];

		q->again = q->again || q->missed;
		q->missed = false;
	}
	return ret;
}

/*
 * Once for each stop. The descriptor is what wakes; should it not (its write failed), the signal from whose
 * handler the stop came has ended the wait all the same.
 */
static int is_stopped(struct vr_vu_loop *loop)
{
	(void)vr_vu_drain(loop->stop_fd);
	return atomic_exchange(&loop->stop, false);
}

int vr_vu_loop_step(struct vr_vu_loop *loop, int timeout_ms)
{
	int ret;

	bury_watches(loop);
	timeout_ms = collect(loop, timeout_ms);
	if (atomic_load(&loop->stop))
		timeout_ms = 0;
	if (poll(loop->fds, loop->polled, timeout_ms) < 0)
		return errno == EINTR ? is_stopped(loop) : -errno;
	take_events(loop);
	turn(loop);
	ret = loop->fds[POLL_BACKEND].revents ? process(loop) : 0;
	if (ret)
		return ret;
	return is_stopped(loop);
}

int vr_vu_loop_run(struct vr_vu_loop *loop)
{
	int ret;

	do
		ret = vr_vu_loop_step(loop, -1);
	while (ret == 0);
	return ret < 0 ? ret : 0;
}

void vr_vu_loop_stop(struct vr_vu_loop *loop)
{
	const int error = errno;

	atomic_store(&loop->stop, true);
	(void)vr_vu_notify(loop->stop_fd);
	errno = error;
}

/* ---- what a device may ask for ---- */

struct vr_vu_backend *vr_vu_loop_backend(struct vr_vu_loop *loop)
{
	return loop->backend;
}

struct vr_vu_queue *vr_vu_loop_queue(const struct vr_vu_loop *loop, uint32_t index)
{
	return index < loop->vrings ? loop->queues[index].queue : NULL;
}

void vr_vu_loop_again(struct vr_vu_loop *loop, uint32_t index)
{
	if (vr_vu_loop_queue(loop, index))
		loop->queues[index].again = true;
}

int vr_vu_loop_watch(struct vr_vu_loop *loop, int fd, void (*ready)(void *context), void *context,
		     struct vr_vu_watch **watch)
{
	const size_t room = POLL_QUEUES + loop->vrings + loop->watch_count + 1u;
	struct vr_vu_watch *w = malloc(sizeof(*w));
	struct pollfd *fds;

	if (!w)
		return -ENOMEM;
	fds = realloc(loop->fds, room * sizeof(*fds));
	if (!fds) {
		free(w);
		return -ENOMEM;
	}
	loop->fds = fds;
	loop->watch_count++;
	*w = (struct vr_vu_watch){
		.next = loop->watches,
		.fd = fd,
		.enabled = true,
		.ready = ready,
		.context = context,
	};
	loop->watches = w;
	*watch = w;
	return 0;
}

void vr_vu_watch_enable(struct vr_vu_watch *watch, bool enabled)
{
	watch->enabled = enabled && !watch->ended;
}

void vr_vu_watch_end(struct vr_vu_watch *watch)
{
	if (!watch)
		return;
	watch->enabled = false;
	watch->ended = true;
}

/* ---- beginning and end ---- */

static bool config_valid(const struct vr_vu_loop_config *config)
{
	const struct vr_vu_loop_ops *ops = config->ops;
	const struct vr_vu_backend_ops *rest;

	if (config->struct_size != sizeof(*config) || !config->backend || !config->backend->ops ||
	    !ops || ops->struct_size != sizeof(*ops))
		return false;
	/* The back end looks at this, too, but there is memory for each ring before it exists. */
	if (config->backend->vrings > VR_VU_MAX_VRINGS)
		return false;
	rest = config->backend->ops;
	return ops->queue_start && ops->queue_work && ops->queue_stop && !rest->ring_start &&
	       !rest->ring_stop && !rest->ring_enable;
}

static int create_backend(struct vr_vu_loop *loop, const struct vr_vu_backend_config *config)
{
	struct vr_vu_backend_config with_rings = *config;
	struct vr_vu_backend_ops ops = { .struct_size = sizeof(ops) };
	const size_t given = config->ops->struct_size;
	int ret;

	/* A program may have been built with fewer operations. */
	memcpy(&ops, config->ops, given < sizeof(ops) ? given : sizeof(ops));
	ops.struct_size = sizeof(ops);
	ops.ring_start = ring_start;
	ops.ring_stop = ring_stop;
	ops.ring_enable = ring_enable;
	with_rings.ops = &ops;
	with_rings.ring_context = loop;
	ret = vr_vu_backend_create(&with_rings, &loop->backend);
	if (!ret && !config->protocol_features)
		vri_backend_offer(loop->backend, VR_VU_PF_QUEUE);
	return ret;
}

static void free_loop(struct vr_vu_loop *loop)
{
	struct vr_vu_watch *watch;

	for (watch = loop->watches; watch; watch = watch->next)
		watch->ended = true;
	bury_watches(loop);
	if (loop->stop_fd >= 0)
		close(loop->stop_fd);
	free(loop->queues);
	free(loop->fds);
	free(loop);
}

/* What has to be there before the back end is. */
static int create_parts(struct vr_vu_loop *loop, uint32_t vrings)
{
	loop->queues = calloc(vrings + 1u, sizeof(*loop->queues));
	loop->fds = calloc(POLL_QUEUES + (size_t)vrings, sizeof(*loop->fds));
	if (!loop->queues || !loop->fds)
		return -ENOMEM;
	loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return loop->stop_fd < 0 ? -errno : 0;
}

int vr_vu_loop_create(const struct vr_vu_loop_config *config, struct vr_vu_loop **loop)
{
	struct vr_vu_loop *l;
	int ret;

	if (!config_valid(config))
		return -EINVAL;
	if (config->watched && !vr_watch_possible())
		return -ENOTSUP;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->ops = *config->ops;
	l->context = config->backend->context;
	l->vrings = config->backend->vrings;
	l->flags = config->flags;
	l->max_chain = config->max_chain;
	l->turn_ms = -1;
	l->watched = config->watched;
	l->stop_fd = -1;
	ret = create_parts(l, l->vrings);
	if (!ret)
		ret = create_backend(l, config->backend);
	if (ret) {
		free_loop(l);
		return ret;
	}
	*loop = l;
	return 0;
}

void vr_vu_loop_destroy(struct vr_vu_loop *loop)
{
	if (!loop)
		return;
	loop->draining = true;
	/* Or the front end that is told of the end is back before it has come. */
	vri_backend_unlisten(loop->backend);
	if (vr_vu_backend_close(loop->backend) == -EINPROGRESS)
		while (vr_vu_backend_connected(loop->backend))
			if (vr_vu_loop_step(loop, -1) < 0)
				break;
	vr_vu_backend_destroy(loop->backend);
	free_loop(loop);
}
