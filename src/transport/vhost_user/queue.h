/* SPDX-License-Identifier: BSD-3-Clause */
/* A started ring. */
#ifndef VR_SRC_VHOST_USER_QUEUE_H
#define VR_SRC_VHOST_USER_QUEUE_H

#include <virtring/vhost_user_queue.h>

/**
 * struct vr_vu_queue - a started ring
 * @vring: as it was started
 * @mem: the session's memory
 * @state: memory of @device
 * @device: the ring's device half
 * @reported: err_fd has been signalled
 */
struct vr_vu_queue {
	struct vr_vu_vring vring;
	struct vr_mem *mem;
	void *state;
	struct vr_device *device;
	bool reported;
};

#endif
