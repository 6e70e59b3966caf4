// SPDX-License-Identifier: BSD-3-Clause
/* The table of messages. A message that is added to the library gets its handler here. */
#include "transport/vhost_user/message.h"
#include "transport/vhost_user/backend.h"

#define PF(name) .protocol = VR_VU_PF_##name
#define F_NET_MTU (1ull << 3)

static const struct vu_message messages[VU_REQUEST_COUNT] = {
	[VU_GET_FEATURES] = { "GET_FEATURES", .reply = VU_U64, .handle = vri_get_features },
	[VU_SET_FEATURES] = { "SET_FEATURES", VU_U64, .handle = vri_set_features },
	[VU_SET_OWNER] = { "SET_OWNER", .handle = vri_set_owner },
	[VU_RESET_OWNER] = { "RESET_OWNER", .handle = vri_reset_owner },
	[VU_SET_MEM_TABLE] = { "SET_MEM_TABLE", VU_TABLE, .min_fds = 1, .max_fds = VU_TABLE_REGIONS,
			       .handle = vri_set_mem_table },
	[VU_SET_LOG_BASE] = { "SET_LOG_BASE", VU_LOG, VU_U64, 1, 1, PF(LOG_SHMFD),
			      .handle = vri_set_log_base },
	[VU_SET_LOG_FD] = { "SET_LOG_FD", .min_fds = 1, .max_fds = 1, .handle = vri_set_log_fd },
	[VU_SET_VRING_NUM] = { "SET_VRING_NUM", VU_STATE, .handle = vri_set_vring_num },
	[VU_SET_VRING_ADDR] = { "SET_VRING_ADDR", VU_ADDR, .handle = vri_set_vring_addr },
	[VU_SET_VRING_BASE] = { "SET_VRING_BASE", VU_STATE, .handle = vri_set_vring_base },
	[VU_GET_VRING_BASE] = { "GET_VRING_BASE", VU_STATE, VU_STATE,
				.handle = vri_get_vring_base },
	[VU_SET_VRING_KICK] = { "SET_VRING_KICK", VU_U64, .max_fds = 1,
				.handle = vri_set_vring_kick },
	[VU_SET_VRING_CALL] = { "SET_VRING_CALL", VU_U64, .max_fds = 1,
				.handle = vri_set_vring_call },
	[VU_SET_VRING_ERR] = { "SET_VRING_ERR", VU_U64, .max_fds = 1, .handle = vri_set_vring_err },
	[VU_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", .reply = VU_U64,
				       .gate = VU_GATE_OFFERED,
				       .handle = vri_get_protocol_features },
	[VU_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", VU_U64, .gate = VU_GATE_OFFERED,
				       .handle = vri_set_protocol_features },
	[VU_GET_QUEUE_NUM] = { "GET_QUEUE_NUM", .reply = VU_U64, PF(MQ),
			       .handle = vri_get_queue_num },
	[VU_SET_VRING_ENABLE] = { "SET_VRING_ENABLE", VU_STATE, .gate = VU_GATE_OFFERED,
				  .handle = vri_set_vring_enable },
	[VU_SEND_RARP] = { "SEND_RARP", VU_U64, .gate = VU_GATE_ACCEPTED, PF(RARP),
			   .handle = vri_send_rarp },
	[VU_NET_SET_MTU] = { "NET_SET_MTU", VU_U64, .gate = VU_GATE_ACCEPTED, .features = F_NET_MTU,
			     PF(MTU), .handle = vri_net_set_mtu },
	[VU_SET_BACKEND_REQ_FD] = { "SET_BACKEND_REQ_FD", .min_fds = 1, .max_fds = 1,
				    .gate = VU_GATE_OFFERED, PF(BACKEND_REQ),
				    .handle = vri_set_backend_req_fd },
	[VU_IOTLB_MSG] = { "IOTLB_MSG", VU_IOTLB, VU_U64, .features = VR_F_ACCESS_PLATFORM,
			   .handle = vri_iotlb_msg },
	[VU_SET_VRING_ENDIAN] = { "SET_VRING_ENDIAN", VU_STATE, PF(CROSS_ENDIAN) },
	[VU_GET_CONFIG] = { "GET_CONFIG", VU_CONFIG, VU_CONFIG, PF(CONFIG),
			    .handle = vri_get_config },
	[VU_SET_CONFIG] = { "SET_CONFIG", VU_CONFIG, PF(CONFIG), .handle = vri_set_config },
	[VU_CREATE_CRYPTO_SESSION] = { "CREATE_CRYPTO_SESSION", VU_CRYPTO, VU_CRYPTO,
				       PF(CRYPTO_SESSION) },
	[VU_CLOSE_CRYPTO_SESSION] = { "CLOSE_CRYPTO_SESSION", VU_U64, PF(CRYPTO_SESSION) },
	/* The answer to this one is a descriptor and nothing else. */
	[VU_POSTCOPY_ADVISE] = { "POSTCOPY_ADVISE", .reply = VU_EMPTY, PF(PAGEFAULT),
				 .reply_fds = 1, .handle = vri_postcopy_advise },
	[VU_POSTCOPY_LISTEN] = { "POSTCOPY_LISTEN", PF(PAGEFAULT), .handle = vri_postcopy_listen },
	[VU_POSTCOPY_END] = { "POSTCOPY_END", .reply = VU_U64, PF(PAGEFAULT),
			      .handle = vri_postcopy_end },
	[VU_GET_INFLIGHT_FD] = { "GET_INFLIGHT_FD", VU_INFLIGHT, VU_INFLIGHT, PF(INFLIGHT_SHMFD),
				 .handle = vri_get_inflight_fd, .reply_fds = 1 },
	[VU_SET_INFLIGHT_FD] = { "SET_INFLIGHT_FD", VU_INFLIGHT, .min_fds = 1, .max_fds = 1,
				 PF(INFLIGHT_SHMFD), .handle = vri_set_inflight_fd },
	[VU_GPU_SET_SOCKET] = { "GPU_SET_SOCKET", .min_fds = 1, .max_fds = 1 },
	[VU_RESET_DEVICE] = { "RESET_DEVICE", PF(RESET_DEVICE), .handle = vri_reset_device },
	[VU_VRING_KICK] = { "VRING_KICK", VU_STATE, PF(INBAND_NOTIFICATIONS),
			    .handle = vri_vring_kick },
	[VU_GET_MAX_MEM_SLOTS] = { "GET_MAX_MEM_SLOTS", .reply = VU_U64, PF(CONFIGURE_MEM_SLOTS),
				   .handle = vri_get_max_mem_slots },
	[VU_ADD_MEM_REG] = { "ADD_MEM_REG", VU_SINGLE, .min_fds = 1, .max_fds = 1,
			     PF(CONFIGURE_MEM_SLOTS), .handle = vri_add_mem_reg },
	/* Some front ends attach a descriptor that has no use here. */
	[VU_REM_MEM_REG] = { "REM_MEM_REG", VU_SINGLE, .max_fds = 1, PF(CONFIGURE_MEM_SLOTS),
			     .handle = vri_rem_mem_reg },
	[VU_SET_STATUS] = { "SET_STATUS", VU_U64, PF(STATUS), .handle = vri_set_status },
	[VU_GET_STATUS] = { "GET_STATUS", .reply = VU_U64, PF(STATUS), .handle = vri_get_status },
	[VU_GET_SHARED_OBJECT] = { "GET_SHARED_OBJECT", VU_UUID, VU_U64, PF(SHARED_OBJECT) },
	[VU_SET_DEVICE_STATE_FD] = { "SET_DEVICE_STATE_FD", VU_DEVICE_STATE, VU_U64, 1, 1,
				     PF(DEVICE_STATE), .reply_fds = 1,
				     .handle = vri_set_device_state_fd },
	[VU_CHECK_DEVICE_STATE] = { "CHECK_DEVICE_STATE", .reply = VU_U64, PF(DEVICE_STATE),
				    .handle = vri_check_device_state },
	[VU_GET_SHMEM_CONFIG] = { "GET_SHMEM_CONFIG", .reply = VU_SHMEM, PF(SHMEM) },
	[VU_GET_VRING_BASE_SKIP_DRAIN] = { "GET_VRING_BASE_SKIP_DRAIN", VU_STATE, VU_STATE,
					   PF(GET_VRING_BASE_SKIP_DRAIN) },
};

const struct vu_message *vri_message(uint32_t request)
{
	if (request >= VU_REQUEST_COUNT || !messages[request].name)
		return NULL;
	return &messages[request];
}

const char *vr_vu_request_name(uint32_t id)
{
	const struct vu_message *message = vri_message(id);

	return message ? message->name : "unknown";
}

void vri_payload_size(enum vu_kind kind, uint32_t *min, uint32_t *max)
{
	static const struct {
		uint16_t min;
		uint16_t max;
	} sizes[VU_KIND_COUNT] = {
		[VU_NONE] = { 0, 0 },
		[VU_EMPTY] = { 0, 0 },
		[VU_U64] = { 8, 8 },
		[VU_STATE] = { 8, 8 },
		[VU_ADDR] = { 40, 40 },
		[VU_TABLE] = { 8 + 32, 8 + 32 * VU_TABLE_REGIONS },
		[VU_SINGLE] = { 40, 40 },
		[VU_LOG] = { 16, 16 },
		[VU_IOTLB] = { 32, 32 },
		[VU_CONFIG] = { VU_CONFIG_HEAD, VU_CONFIG_HEAD + VU_CONFIG_MAX },
		[VU_CRYPTO] = { 8, VU_PAYLOAD_MAX },
		[VU_INFLIGHT] = { 24, 24 },
		[VU_UUID] = { 16, 16 },
		[VU_AREA] = { 24, 24 },
		[VU_MMAP] = { 40, 40 },
		[VU_DEVICE_STATE] = { 8, 8 },
		[VU_SHMEM] = { VU_PAYLOAD_MAX, VU_PAYLOAD_MAX },
	};

	*min = sizes[kind].min;
	*max = sizes[kind].max;
}

uint64_t vri_protocol_orphans(uint64_t protocol)
{
	static const struct {
		uint64_t bit;
		uint64_t needs;
	} rules[] = {
		{ VR_VU_PF_INBAND_NOTIFICATIONS, VR_VU_PF_BACKEND_REQ | VR_VU_PF_REPLY_ACK },
		{ VR_VU_PF_GET_VRING_BASE_INFLIGHT, VR_VU_PF_INFLIGHT_SHMFD },
		{ VR_VU_PF_GET_VRING_BASE_SKIP_DRAIN,
		  VR_VU_PF_INFLIGHT_SHMFD | VR_VU_PF_GET_VRING_BASE_INFLIGHT },
	};
	uint64_t orphans = 0;
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (protocol & rules[i].bit && rules[i].needs & ~protocol)
			orphans |= rules[i].bit;
	return orphans;
}

const char *vri_message_gate(const struct vu_message *message, const struct vu_negotiated *n)
{
	uint64_t need = message->gate == VU_GATE_NONE ? 0 : VR_VU_F_PROTOCOL_FEATURES;

	if (need & ~n->offered)
		return "protocol features are not offered";
	if (message->gate == VU_GATE_ACCEPTED && need & ~n->accepted)
		return "the protocol features bit was not accepted";
	if (message->features & ~n->accepted)
		return "the virtio feature that it belongs to was not accepted";
	if (message->protocol & ~n->protocol)
		return "the protocol feature that it belongs to was not set";
	return NULL;
}
