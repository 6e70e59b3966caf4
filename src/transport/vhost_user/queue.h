/* SPDX-License-Identifier: BSD-3-Clause */
/* A started ring. */
#ifndef VR_SRC_VHOST_USER_QUEUE_H
#define VR_SRC_VHOST_USER_QUEUE_H

#include <virtring/vhost_user_queue.h>

#include "transport/vhost_user/record.h"

/**
 * struct vr_vu_queue - a started ring
 * @backend: whose ring it is
 * @vring: as it was started
 * @mem: the session's memory
 * @state: memory of @device
 * @device: the ring's device half
 * @record: what is written down of it
 * @reported: err_fd has been signalled
 */
struct vr_vu_queue {
	struct vr_vu_backend *backend;
	struct vr_vu_vring vring;
	struct vr_mem *mem;
	void *state;
	struct vr_device *device;
	struct vu_record record;
	bool reported;
};

#endif
