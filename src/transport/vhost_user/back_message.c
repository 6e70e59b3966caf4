// SPDX-License-Identifier: BSD-3-Clause
/* The table of the back end's requests. */
#include "transport/vhost_user/back_message.h"
#include "transport/vhost_user/frontend.h"

#define PF(name) .protocol = VR_VU_PF_##name

static const struct vu_back_message messages[VU_BACK_REQUEST_COUNT] = {
	[VU_BACK_IOTLB_MSG] = { "IOTLB_MSG", VU_IOTLB, .features = VR_F_ACCESS_PLATFORM,
				.serve = vri_serve_iotlb },
	[VU_BACK_CONFIG_CHANGE_MSG] = { "CONFIG_CHANGE_MSG", PF(CONFIG),
					.serve = vri_serve_config_change },
	[VU_BACK_VRING_HOST_NOTIFIER_MSG] = { "VRING_HOST_NOTIFIER_MSG", VU_AREA, .max_fds = 1,
					      PF(HOST_NOTIFIER) },
	[VU_BACK_VRING_CALL] = { "VRING_CALL", VU_STATE, PF(INBAND_NOTIFICATIONS),
				 .serve = vri_serve_vring_call },
	[VU_BACK_VRING_ERR] = { "VRING_ERR", VU_STATE, PF(INBAND_NOTIFICATIONS),
				.serve = vri_serve_vring_err },
	[VU_BACK_SHARED_OBJECT_ADD] = { "SHARED_OBJECT_ADD", VU_UUID, PF(SHARED_OBJECT) },
	[VU_BACK_SHARED_OBJECT_REMOVE] = { "SHARED_OBJECT_REMOVE", VU_UUID, PF(SHARED_OBJECT) },
	[VU_BACK_SHARED_OBJECT_LOOKUP] = { "SHARED_OBJECT_LOOKUP", VU_UUID, .answered = true,
					   PF(SHARED_OBJECT) },
	[VU_BACK_SHMEM_MAP] = { "SHMEM_MAP", VU_MMAP, 1, 1, PF(SHMEM) },
	[VU_BACK_SHMEM_UNMAP] = { "SHMEM_UNMAP", VU_MMAP, PF(SHMEM) },
};

const struct vu_back_message *vri_back_message(uint32_t request)
{
	if (request >= VU_BACK_REQUEST_COUNT || !messages[request].name)
		return NULL;
	return &messages[request];
}

const char *vri_back_name(uint32_t request)
{
	const struct vu_back_message *message = vri_back_message(request);

	return message ? message->name : "unknown";
}

const char *vri_back_gate(const struct vu_back_message *message, const struct vu_negotiated *n)
{
	if (message->features & ~n->accepted)
		return "the virtio feature that it belongs to was not accepted";
	if ((message->protocol | VR_VU_PF_BACKEND_REQ) & ~n->protocol)
		return "the protocol feature that it belongs to was not set";
	return NULL;
}
