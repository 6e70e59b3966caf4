// SPDX-License-Identifier: BSD-3-Clause
/* See wire.h. */
#include <sys/socket.h>
#include <sys/uio.h>

#include "wire.h"

const struct wire_request wire_requests[WIRE_REQUESTS] = {
	{ 1, 0, 0, true, -1, false, "GET_FEATURES" },
	{ 2, 8, 0, false, -1, false, "SET_FEATURES" },
	{ 3, 0, 0, false, -1, false, "SET_OWNER" },
	{ 4, 0, 0, false, -1, false, "RESET_OWNER" },
	{ 5, 40, 1, false, -1, false, "SET_MEM_TABLE" },
	{ 6, 16, 1, true, 1, false, "SET_LOG_BASE" },
	{ 7, 0, 1, false, -1, false, "SET_LOG_FD" },
	{ 8, 8, 0, false, -1, false, "SET_VRING_NUM" },
	{ 9, 40, 0, false, -1, false, "SET_VRING_ADDR" },
	{ 10, 8, 0, false, -1, false, "SET_VRING_BASE" },
	{ 11, 8, 0, true, -1, false, "GET_VRING_BASE" },
	{ 12, 8, 1, false, -1, false, "SET_VRING_KICK" },
	{ 13, 8, 1, false, -1, false, "SET_VRING_CALL" },
	{ 14, 8, 1, false, -1, false, "SET_VRING_ERR" },
	{ 15, 0, 0, true, -1, false, "GET_PROTOCOL_FEATURES" },
	{ 16, 8, 0, false, -1, false, "SET_PROTOCOL_FEATURES" },
	{ 17, 0, 0, true, 0, false, "GET_QUEUE_NUM" },
	{ 18, 8, 0, false, -1, false, "SET_VRING_ENABLE" },
	{ 19, 8, 0, false, 2, false, "SEND_RARP" },
	{ 20, 8, 0, false, 4, false, "NET_SET_MTU" },
	{ 21, 0, 1, false, 5, false, "SET_BACKEND_REQ_FD" },
	{ 22, 32, 0, true, -1, false, "IOTLB_MSG" },
	{ 23, 8, 0, false, 6, true, "SET_VRING_ENDIAN" },
	{ 24, 13, 0, true, 9, false, "GET_CONFIG" },
	{ 25, 13, 0, false, 9, false, "SET_CONFIG" },
	{ 26, 8, 0, true, 7, true, "CREATE_CRYPTO_SESSION" },
	{ 27, 8, 0, false, 7, true, "CLOSE_CRYPTO_SESSION" },
	{ 28, 0, 0, true, 8, false, "POSTCOPY_ADVISE" },
	{ 29, 0, 0, false, 8, false, "POSTCOPY_LISTEN" },
	{ 30, 0, 0, true, 8, false, "POSTCOPY_END" },
	{ 31, 24, 0, true, 12, false, "GET_INFLIGHT_FD" },
	{ 32, 24, 1, false, 12, false, "SET_INFLIGHT_FD" },
	{ 33, 0, 1, false, -1, true, "GPU_SET_SOCKET" },
	{ 34, 0, 0, false, 13, false, "RESET_DEVICE" },
	{ 35, 8, 0, false, 14, false, "VRING_KICK" },
	{ 36, 0, 0, true, 15, false, "GET_MAX_MEM_SLOTS" },
	{ 37, 40, 1, false, 15, false, "ADD_MEM_REG" },
	{ 38, 40, 0, false, 15, false, "REM_MEM_REG" },
	{ 39, 8, 0, false, 16, false, "SET_STATUS" },
	{ 40, 0, 0, true, 16, false, "GET_STATUS" },
	{ 41, 16, 0, true, 18, true, "GET_SHARED_OBJECT" },
	{ 42, 8, 1, true, 19, false, "SET_DEVICE_STATE_FD" },
	{ 43, 0, 0, true, 19, false, "CHECK_DEVICE_STATE" },
	{ 44, 0, 0, true, 22, true, "GET_SHMEM_CONFIG" },
	{ 45, 8, 0, true, 23, true, "GET_VRING_BASE_SKIP_DRAIN" },
};

const char *wire_name(uint32_t request)
{
	return request && request <= WIRE_REQUESTS ? wire_requests[request - 1].name : "?";
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
};

bool wire_send(int sock, const struct wire *wire)
{
	struct iovec iov = { (void *)(uintptr_t)wire->bytes, wire->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	if (wire->fd_count) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(wire->fd_count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(wire->fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), wire->fds, wire->fd_count * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)wire->size;
}
