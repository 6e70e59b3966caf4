/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user on the wire: the messages, what each looks like and when it may be sent. One table for
 * both ends. All integers are in host byte order.
 */
#ifndef VR_SRC_VHOST_USER_MESSAGE_H
#define VR_SRC_VHOST_USER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtring/vhost_user.h>

enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_RESET_OWNER = 4,
	VU_SET_MEM_TABLE = 5,
	VU_SET_LOG_BASE = 6,
	VU_SET_LOG_FD = 7,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_SEND_RARP = 19,
	VU_NET_SET_MTU = 20,
	VU_SET_BACKEND_REQ_FD = 21,
	VU_IOTLB_MSG = 22,
	VU_SET_VRING_ENDIAN = 23,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG = 25,
	VU_CREATE_CRYPTO_SESSION = 26,
	VU_CLOSE_CRYPTO_SESSION = 27,
	VU_POSTCOPY_ADVISE = 28,
	VU_POSTCOPY_LISTEN = 29,
	VU_POSTCOPY_END = 30,
	VU_GET_INFLIGHT_FD = 31,
	VU_SET_INFLIGHT_FD = 32,
	VU_GPU_SET_SOCKET = 33,
	VU_RESET_DEVICE = 34,
	VU_VRING_KICK = 35,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG = 37,
	VU_REM_MEM_REG = 38,
	VU_SET_STATUS = 39,
	VU_GET_STATUS = 40,
	VU_GET_SHARED_OBJECT = 41,
	VU_SET_DEVICE_STATE_FD = 42,
	VU_CHECK_DEVICE_STATE = 43,
	VU_GET_SHMEM_CONFIG = 44,
	VU_GET_VRING_BASE_SKIP_DRAIN = 45,
	VU_REQUEST_COUNT
};

#define VU_VERSION 1u
#define VU_FLAG_VERSION 3u
#define VU_FLAG_REPLY 4u
#define VU_FLAG_NEED_REPLY 8u

/* Payload of SET_VRING_KICK, _CALL and _ERR: index and "no descriptor attached". */
#define VU_VRING_INDEX_MASK 0xffu
#define VU_VRING_NO_FD 0x100u

/* VHOST_VRING_F_LOG of SET_VRING_ADDR. */
#define VU_VRING_ADDR_LOG 1u

#define VU_TABLE_REGIONS 8u
#define VU_CONFIG_MAX 256u
#define VU_MAX_FDS 8u
#define VU_PAYLOAD_MAX 2056u

struct vu_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct vu_vring_state {
	uint32_t index;
	uint32_t num;
};

/* Used before available: the order on the wire. */
struct vu_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t descriptors;
	uint64_t device;
	uint64_t driver;
	uint64_t log;
};

struct vu_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct vu_region_table {
	uint32_t count;
	uint32_t padding;
	struct vu_region regions[VU_TABLE_REGIONS];
};

struct vu_single_region {
	uint64_t padding;
	struct vu_region region;
};

struct vu_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	unsigned char data[VU_CONFIG_MAX];
};

/* Types of struct vu_iotlb; its permissions are VR_ACCESS_* bits. */
#define VU_IOTLB_MISS 1u
#define VU_IOTLB_UPDATE 2u
#define VU_IOTLB_INVALIDATE 3u
#define VU_IOTLB_ACCESS_FAIL 4u

/* As Linux's struct vhost_iotlb_msg. */
struct vu_iotlb {
	uint64_t iova;
	uint64_t size;
	uint64_t user_addr;
	uint8_t access;
	uint8_t type;
	uint8_t padding[6];
};

struct vu_log {
	uint64_t size;
	uint64_t offset;
};

/* Peers send the whole of it, its padding included. */
struct vu_inflight_memory {
	uint64_t size;
	uint64_t offset;
	uint16_t queues;
	uint16_t queue_size;
	uint32_t padding;
};

#define VU_CONFIG_HEAD offsetof(struct vu_config, data)
#define VU_CONFIG_MIGRATION 1u

struct vu_device_state {
	uint32_t direction;
	uint32_t phase;
};

#define VU_STATE_SAVE 0u
#define VU_STATE_LOAD 1u
#define VU_PHASE_STOPPED 0u

/* Answer of SET_DEVICE_STATE_FD: an error, or whether a descriptor comes with it. */
#define VU_STATE_ERROR_MASK 0xffu
#define VU_STATE_NO_FD 0x100u

union vu_payload {
	uint64_t u64;
	struct vu_vring_state state;
	struct vu_vring_addr addr;
	struct vu_region_table table;
	struct vu_single_region single;
	struct vu_config config;
	struct vu_iotlb iotlb;
	struct vu_device_state device_state;
	struct vu_log log;
	struct vu_inflight_memory inflight;
	unsigned char bytes[VU_PAYLOAD_MAX];
};

_Static_assert(sizeof(struct vu_header) == 12, "header");
_Static_assert(sizeof(struct vu_vring_state) == 8, "vring state");
_Static_assert(sizeof(struct vu_vring_addr) == 40, "vring address");
_Static_assert(sizeof(struct vu_region) == 32, "region");
_Static_assert(sizeof(struct vu_region_table) == 8 + 8 * 32, "region table");
_Static_assert(sizeof(struct vu_single_region) == 40, "single region");
_Static_assert(VU_CONFIG_HEAD == 12, "config");
_Static_assert(sizeof(struct vu_iotlb) == 32, "iotlb");
_Static_assert(sizeof(struct vu_device_state) == 8, "device state");
_Static_assert(sizeof(struct vu_log) == 16, "log");
_Static_assert(sizeof(struct vu_inflight_memory) == 24, "inflight");

/* What a payload consists of; vri_payload_size() has the bytes. */
enum vu_kind {
	VU_NONE,
	VU_EMPTY, /* an answer without payload */
	VU_U64,
	VU_STATE,
	VU_ADDR,
	VU_TABLE,
	VU_SINGLE,
	VU_LOG,
	VU_IOTLB,
	VU_CONFIG,
	VU_CRYPTO,
	VU_INFLIGHT,
	VU_UUID,
	VU_AREA,
	VU_MMAP,
	VU_DEVICE_STATE,
	VU_SHMEM,
	VU_KIND_COUNT
};

/* What must have been negotiated beside the bits in struct vu_message. */
enum vu_gate {
	VU_GATE_NONE,
	VU_GATE_OFFERED, /* the protocol features bit offered */
	VU_GATE_ACCEPTED, /* and accepted by SET_FEATURES */
};

struct vr_vu_backend;

/**
 * struct vu_message - a request of the front end
 * @name: as in the specification, without VHOST_USER_
 * @payload: of the request
 * @reply: of the answer; VU_NONE: it has none of its own
 * @min_fds: descriptors that must come with it
 * @max_fds: and that may
 * @gate: see there
 * @features: virtio features that must have been accepted
 * @protocol: protocol features that must have been set
 * @reply_fds: descriptors that may come with the answer
 * @handle: what the back end does, in backend_*.c; NULL: not supported. Returns 0, -errno after
 *	vri_backend_refuse(), or VU_PENDING.
 */
struct vu_message {
	const char *name;
	enum vu_kind payload;
	enum vu_kind reply;
	uint8_t min_fds;
	uint8_t max_fds;
	enum vu_gate gate;
	uint64_t features;
	uint64_t protocol;
	uint8_t reply_fds;
	int (*handle)(struct vr_vu_backend *backend);
};

/* The message of a number, or NULL. */
const struct vu_message *vri_message(uint32_t request);

/* Smallest and largest size of a payload, in bytes. */
void vri_payload_size(enum vu_kind kind, uint32_t *min, uint32_t *max);

/**
 * struct vu_negotiated - what a session has agreed on
 * @offered: virtio features that the back end offers
 * @accepted: those that the front end set
 * @protocol: protocol features that the front end set
 */
struct vu_negotiated {
	uint64_t offered;
	uint64_t accepted;
	uint64_t protocol;
};

/* Those of @protocol that make no sense without others that are not there; 0 if all is well. */
uint64_t vri_protocol_orphans(uint64_t protocol);

/* Why a message must not be sent now, or NULL. */
const char *vri_message_gate(const struct vu_message *message, const struct vu_negotiated *n);

#endif
