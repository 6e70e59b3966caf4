/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/vhost_user_loop.h - a ready loop for a vhost-user back end.
 *
 * For a device that has no event loop of its own: it says how a queue is started, worked on and
 * stopped, and the loop does the rest in the caller's one thread: messages, kicks, arming and
 * looking again, publishing, notifications, queues that break, stops that have to wait for
 * requests in flight. Other descriptors (a disk's, a tap's) may join in.
 *
 * All calls belong to that one thread, but for vr_vu_loop_stop(). Return values are 0 or a
 * negative errno value.
 */
#ifndef VIRTRING_VHOST_USER_LOOP_H
#define VIRTRING_VHOST_USER_LOOP_H

#include "vhost_user.h"
#include "vhost_user_queue.h"
#include "watch.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vr_vu_loop;
struct vr_vu_watch;

/**
 * struct vr_vu_loop_ops - what a device does with its queues; all are called from
 *	vr_vu_loop_step() and from what calls that
 * @struct_size: sizeof(struct vr_vu_loop_ops)
 * @queue_start: a ring was started: make what the device needs on vr_vu_queue_device(). Negative:
 *	refused. Required.
 * @queue_work: take a bounded amount of work. Above 0: some was taken, call again. 0: the queue is
 *	empty: the loop arms it and waits for a kick. VR_E_BUSY: it waits for something else, the
 *	device calls vr_vu_loop_again() then; a kick has it called, too. VR_E_MISS: as the ring
 *	says. Other negative: the device cannot go on with it, and it is broken. What was completed
 *	is published and notified afterwards. Required.
 * @queue_drop: instead of @queue_work while the ring is disabled: take transmitted buffers and drop
 *	them. NULL: nothing is taken.
 * @queue_busy: requests that are being worked on, before whose end the queue cannot stop. NULL: none
 *	ever.
 * @queue_stop: the ring stops; nothing of it is being worked on. Put back what was popped in
 *	advance and free what @queue_start made. The rest is done by the loop. Required.
 * @queue_broken: the ring has just been found broken; nothing is taken from it until it is started
 *	again. May be NULL.
 * @turn: every queue had its turn: hand over to the kernel what was collected, and take what has
 *	ended. Answers the milliseconds until it wants to be called again at the latest, or -1.
 *	May be NULL.
 */
struct vr_vu_loop_ops {
	size_t struct_size;
	int (*queue_start)(void *context, struct vr_vu_queue *queue);
	int (*queue_work)(void *context, struct vr_vu_queue *queue);
	int (*queue_drop)(void *context, struct vr_vu_queue *queue);
	unsigned int (*queue_busy)(void *context, struct vr_vu_queue *queue);
	void (*queue_stop)(void *context, struct vr_vu_queue *queue);
	void (*queue_broken)(void *context, struct vr_vu_queue *queue);
	int (*turn)(void *context);
};

/**
 * struct vr_vu_loop_config - the shape of a back end with a loop
 * @struct_size: sizeof(struct vr_vu_loop_config)
 * @backend: as for vr_vu_backend_create(); in its ops ring_start, ring_stop and ring_enable are NULL,
 *	as the loop has them. Its context is that of @ops, too.
 * @ops: what the device does with its queues; copied
 * @flags: of every ring, as struct vr_device_config
 * @max_chain: of every ring, as struct vr_device_config
 * @watched: called with each thing that a driver does wrong, as struct vr_watch_config's report;
 *	in a build that can watch. NULL: nobody looks.
 */
struct vr_vu_loop_config {
	size_t struct_size;
	const struct vr_vu_backend_config *backend;
	const struct vr_vu_loop_ops *ops;
	uint32_t flags;
	uint32_t max_chain;
	void (*watched)(void *context, uint32_t index, enum vr_watch_what what, uint32_t value,
			uint32_t bound);
};

/**
 * vr_vu_loop_create() - make a back end with a loop
 * @config: copied
 * @loop: set on success
 *
 * It is not yet reachable: vr_vu_backend_open() or _adopt() it.
 *
 * Return: 0, -ENOTSUP when the build cannot watch, or as vr_vu_backend_create().
 */
int vr_vu_loop_create(const struct vr_vu_loop_config *config, struct vr_vu_loop **loop);

/**
 * vr_vu_loop_destroy() - finish what is being worked on, end the session, free everything
 * @loop: the loop, or NULL
 *
 * Takes nothing new, and waits for the requests in flight; what the driver still has in its rings
 * is for who serves it next. Watches that are left are freed.
 */
void vr_vu_loop_destroy(struct vr_vu_loop *loop);

/**
 * vr_vu_loop_backend() - the back end inside
 * @loop: the loop
 *
 * Return: the back end, to be opened and asked for its state; its descriptor and process call are
 * the loop's.
 */
struct vr_vu_backend *vr_vu_loop_backend(struct vr_vu_loop *loop);

/**
 * vr_vu_loop_run() - serve until vr_vu_loop_stop()
 * @loop: the loop
 *
 * Return: 0 when stopped, or as vr_vu_loop_step().
 */
int vr_vu_loop_run(struct vr_vu_loop *loop);

/**
 * vr_vu_loop_step() - wait until there is something to do, and do it once
 * @loop: the loop
 * @timeout_ms: how long to wait; 0: not at all; -1: for ever
 *
 * Return: 1 when vr_vu_loop_stop() was called, 0, or what poll() or vr_vu_backend_process() failed
 * with; a signal handler that ran is no failure.
 */
int vr_vu_loop_step(struct vr_vu_loop *loop, int timeout_ms);

/**
 * vr_vu_loop_stop() - end vr_vu_loop_run(), now or as soon as it is called
 * @loop: the loop
 *
 * Any thread, and signal handlers.
 */
void vr_vu_loop_stop(struct vr_vu_loop *loop);

/**
 * vr_vu_loop_queue() - a queue that runs
 * @loop: the loop
 * @index: number of the ring
 *
 * Return: the queue, from queue_start to queue_stop, else NULL.
 */
struct vr_vu_queue *vr_vu_loop_queue(const struct vr_vu_loop *loop, uint32_t index);

/**
 * vr_vu_loop_again() - have a queue's work called once more, though nobody kicks
 * @loop: the loop
 * @index: number of the ring; one that does not run is left alone
 */
void vr_vu_loop_again(struct vr_vu_loop *loop, uint32_t index);

/**
 * vr_vu_loop_watch() - wait for another descriptor, too
 * @loop: the loop
 * @fd: the descriptor; stays the caller's
 * @ready: called when it is readable, or has an error or a hang-up
 * @context: for @ready
 * @watch: set on success
 *
 * Return: 0 or -ENOMEM.
 */
int vr_vu_loop_watch(struct vr_vu_loop *loop, int fd, void (*ready)(void *context), void *context,
		     struct vr_vu_watch **watch);

/**
 * vr_vu_watch_enable() - wait for it, or leave it out for now
 * @watch: a watch, which begins enabled
 * @enabled: whether to wait
 */
void vr_vu_watch_enable(struct vr_vu_watch *watch, bool enabled);

/**
 * vr_vu_watch_end() - wait for it no more
 * @watch: the watch, freed; or NULL. Not from a @ready callback.
 */
void vr_vu_watch_end(struct vr_vu_watch *watch);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_VHOST_USER_LOOP_H */
