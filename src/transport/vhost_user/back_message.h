/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of the back end, which go over a socket of their own (the channel that the front end hands
 * over with SET_BACKEND_REQ_FD). They have the same header as those of the front end.
 */
#ifndef VR_SRC_VHOST_USER_BACK_MESSAGE_H
#define VR_SRC_VHOST_USER_BACK_MESSAGE_H

#include "transport/vhost_user/message.h"

enum vu_back_request {
	VU_BACK_IOTLB_MSG = 1,
	VU_BACK_CONFIG_CHANGE_MSG = 2,
	VU_BACK_VRING_HOST_NOTIFIER_MSG = 3,
	VU_BACK_VRING_CALL = 4,
	VU_BACK_VRING_ERR = 5,
	VU_BACK_SHARED_OBJECT_ADD = 6,
	VU_BACK_SHARED_OBJECT_REMOVE = 7,
	VU_BACK_SHARED_OBJECT_LOOKUP = 8,
	VU_BACK_SHMEM_MAP = 9,
	VU_BACK_SHMEM_UNMAP = 10,
	VU_BACK_REQUEST_COUNT
};

/**
 * struct vu_back_message - a request of the back end
 * @name: as in the specification, without VHOST_USER_BACKEND_
 * @payload: of the request
 * @min_fds: descriptors that must come with it
 * @max_fds: and that may
 * @answered: also when no answer is asked for
 * @features: virtio features that must have been accepted
 * @protocol: protocol features that must have been set, beside BACKEND_REQ
 * @serve: what the front end does, in frontend_channel.c; NULL: not supported. 0 or -errno.
 */
struct vu_back_message {
	const char *name;
	enum vu_kind payload;
	uint8_t min_fds;
	uint8_t max_fds;
	bool answered;
	uint64_t features;
	uint64_t protocol;
	int (*serve)(struct vr_vu_frontend *frontend);
};

/* The request of a number, or NULL. */
const struct vu_back_message *vri_back_message(uint32_t request);

/* Its name, or "unknown". */
const char *vri_back_name(uint32_t request);

/* Why it must not be sent now, or NULL. */
const char *vri_back_gate(const struct vu_back_message *message, const struct vu_negotiated *n);

#endif
