/* SPDX-License-Identifier: BSD-3-Clause */
/* The ready loop. */
#ifndef VR_SRC_VHOST_USER_LOOP_H
#define VR_SRC_VHOST_USER_LOOP_H

#include <poll.h>
#include <stdatomic.h>

#include <virtring/vhost_user_loop.h>
#include <virtring/watch.h>

struct vr_vu_loop;

/**
 * struct loop_queue - a ring
 * @queue: it runs; or NULL
 * @again: there may be something to take
 * @missed: it waits for an address to be known
 * @broken: and the device has been told
 * @deferred: its stop waits for the requests in flight
 * @deaf: nobody can kick it any more
 * @watch: who looks at the driver, or NULL
 * @loop: for @watch
 */
struct loop_queue {
	struct vr_vu_queue *queue;
	bool again;
	bool missed;
	bool broken;
	bool deferred;
	bool deaf;
	struct vr_watch *watch;
	struct vr_vu_loop *loop;
};

/**
 * struct vr_vu_watch - another descriptor
 * @next: in the loop's list
 * @fd: what is waited for
 * @enabled: now
 * @ended: to be freed
 * @ready: what to call
 * @context: and with what
 */
struct vr_vu_watch {
	struct vr_vu_watch *next;
	int fd;
	bool enabled;
	bool ended;
	void (*ready)(void *context);
	void *context;
};

/**
 * struct vr_vu_loop - a back end and its queues
 * @ops: what the device does
 * @context: for @ops
 * @vrings: number of queues
 * @flags: of every ring
 * @max_chain: of every ring
 * @watched: whom to tell what the drivers do wrong, or NULL
 * @backend: the back end
 * @queues: @vrings of them
 * @stop_fd: eventfd of vr_vu_loop_stop(), which wakes
 * @stop: vr_vu_loop_stop() was called
 * @watches: other descriptors
 * @watch_count: their number
 * @fds: room for all that is waited for
 * @polled: how many there are
 * @turn_ms: what the device's turn() answered
 * @draining: nothing new is taken
 */
struct vr_vu_loop {
	struct vr_vu_loop_ops ops;
	void *context;
	uint32_t vrings;
	uint32_t flags;
	uint32_t max_chain;
	void (*watched)(void *context, uint32_t index, enum vr_watch_what what, uint32_t value,
			uint32_t bound);
	struct vr_vu_backend *backend;
	struct loop_queue *queues;
	int stop_fd;
	atomic_bool stop;
	struct vr_vu_watch *watches;
	uint32_t watch_count;
	struct pollfd *fds;
	nfds_t polled;
	int turn_ms;
	bool draining;
};

#endif
