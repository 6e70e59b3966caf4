/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/vhost_user_queue.h - a started ring of a vhost-user session, ready for a device.
 *
 * What lies between a back end's ring_start and ring_stop is the same for every device: make the
 * device half of the ring, and after each piece of work publish, ask for the verdict and notify.
 * struct vr_vu_queue does it. vhost_user_loop.h has a loop that calls it; a device with threads of
 * its own makes the object in ring_start, hands it to a thread and ends it there.
 *
 * A queue belongs to one thread at a time. Return values are those of ring.h.
 */
#ifndef VIRTRING_VHOST_USER_QUEUE_H
#define VIRTRING_VHOST_USER_QUEUE_H

#include "device.h"
#include "vhost_user.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vr_vu_queue;

/**
 * struct vr_vu_queue_config - what a queue is made of
 * @struct_size: sizeof(struct vr_vu_queue_config)
 * @backend: the back end whose ring it is
 * @vring: as ring_start was given it; copied, the descriptors stay the session's
 * @mem: as ring_start was given it; has to stay until the queue has ended
 * @flags: as struct vr_device_config
 * @max_chain: as struct vr_device_config
 */
struct vr_vu_queue_config {
	size_t struct_size;
	struct vr_vu_backend *backend;
	const struct vr_vu_vring *vring;
	struct vr_mem *mem;
	uint32_t flags;
	uint32_t max_chain;
};

/**
 * vr_vu_queue_create() - begin with a ring, at its base
 * @config: copied
 * @queue: set on success
 *
 * For ring_start: reads what the session knows of the ring, on the thread of the back end.
 *
 * Return: 0, VR_E_INVAL (config, or an impossible base), or -ENOMEM.
 */
int vr_vu_queue_create(const struct vr_vu_queue_config *config, struct vr_vu_queue **queue);

/**
 * vr_vu_queue_end() - publish what is staged and leave the ring
 * @queue: the queue, freed; or NULL
 * @base: set to the position for ring_stop or vr_vu_backend_resume(); may be NULL
 *
 * All that was popped should have been completed or put back; what was not counts as not taken.
 */
void vr_vu_queue_end(struct vr_vu_queue *queue, uint32_t *base);

/**
 * vr_vu_queue_device() - the ring's device half
 * @queue: the queue
 *
 * To pop from, complete on and publish with; arm and disarm it through the calls below or its own.
 *
 * Return: the half, as long as the queue lives.
 */
struct vr_device *vr_vu_queue_device(const struct vr_vu_queue *queue);

/**
 * vr_vu_queue_vring() - the ring, as it was started
 * @queue: the queue
 *
 * Return: the ring; @enabled is what vr_vu_queue_enable() was told last.
 */
const struct vr_vu_vring *vr_vu_queue_vring(const struct vr_vu_queue *queue);

/**
 * vr_vu_queue_mem() - the memory of the session
 * @queue: the queue
 *
 * Return: the snapshot that the queue was made with.
 */
struct vr_mem *vr_vu_queue_mem(const struct vr_vu_queue *queue);

/**
 * vr_vu_queue_enable() - note that the enabled attribute has changed
 * @queue: the queue
 * @enabled: its new value
 */
void vr_vu_queue_enable(struct vr_vu_queue *queue, bool enabled);

/**
 * vr_vu_queue_flush() - show the driver what was done: publish, verdict, notification
 * @queue: the queue
 *
 * Covers what the device published itself, too. Costs next to nothing when there is nothing to show.
 *
 * Return: 0, or VR_E_BROKEN; then err_fd has been signalled, once.
 */
int vr_vu_queue_flush(struct vr_vu_queue *queue);

/**
 * vr_vu_queue_break() - the device can not go on with this ring
 * @queue: the queue
 *
 * Breaks the device half, unless it is broken already, and signals err_fd, once.
 */
void vr_vu_queue_break(struct vr_vu_queue *queue);

/**
 * vr_vu_queue_arm() - ask to be kicked, and look again
 * @queue: the queue
 *
 * Return: as vr_device_arm(): true when there is something already.
 */
bool vr_vu_queue_arm(struct vr_vu_queue *queue);

#ifdef __cplusplus
}
#endif

#endif /* VIRTRING_VHOST_USER_QUEUE_H */
