// SPDX-License-Identifier: BSD-3-Clause
/*
 * A front end and whatever a back end may answer: the answers are there before the questions, right,
 * wrong, cut short, or with descriptors that nobody asked for.
 *
 * Held for every input: a call ends with an answer that was due or with an error that it names; what
 * is wrong closes the connection; no descriptor is left open.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "transport/vhost_user/message.h"

#define STEPS 30u
#define MEMORY 0x8000u
#define FEATURES (VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_VU_F_PROTOCOL_FEATURES)

/* The peer has answered in advance and is gone: what is not there now never comes. */
#define WAIT_MS 1000

struct run {
	struct fuzz fuzz;
	struct vr_vu_frontend *frontend;
	int memory_fd;
	uint8_t *memory;
	int kick_fd;
};

static void answer(int sock, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
		   int fd)
{
	struct vu_header header = { request, flags, size };
	uint8_t bytes[sizeof(header) + VU_PAYLOAD_MAX];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	size_t there = size <= VU_PAYLOAD_MAX ? size : 0;
	struct iovec piece = { bytes, sizeof(header) + there };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), payload, there);
	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	(void)sendmsg(sock, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The answers that a negotiation needs, so that inputs reach what lies behind it. */
static void answer_negotiation(struct run *run, int sock)
{
	static const uint32_t requests[] = {
		VU_GET_FEATURES,  VU_GET_PROTOCOL_FEATURES, VU_SET_PROTOCOL_FEATURES,
		VU_GET_QUEUE_NUM, VU_GET_MAX_MEM_SLOTS,
	};
	uint8_t how = fuzz_u8(&run->fuzz);
	uint64_t values[] = { FEATURES, VR_VU_PF_SUPPORTED, 0, 4, 8 };

	if (how & 0x80)
		values[1] = VR_VU_PF_STATUS | VR_VU_PF_CONFIG;
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t value = how >> i & 1 ? fuzz_u64(&run->fuzz) : values[i];

		/* Acknowledged only where that was negotiated. */
		if (i == 2 && !(values[1] & VR_VU_PF_REPLY_ACK))
			continue;
		answer(sock, requests[i], VU_VERSION | VU_FLAG_REPLY, &value, 8, -1);
	}
}

static void answer_anything(struct run *run, int sock)
{
	uint8_t count = fuzz_u8(&run->fuzz) % 16;

	for (uint8_t i = 0; i < count; i++) {
		uint32_t request = fuzz_u8(&run->fuzz) % (VU_REQUEST_COUNT + 2);
		uint8_t how = fuzz_u8(&run->fuzz);
		static const uint32_t sizes[] = { 8, 0, 12, 24, 40, 16, 268, 4 };
		uint32_t size = sizes[how & 7];
		uint8_t payload[VU_PAYLOAD_MAX];

		if ((how & 0xf8) == 0xf8)
			size = fuzz_u16(&run->fuzz);
		memset(payload, 0, sizeof(payload));
		if (how & 0x10)
			fuzz_bytes(&run->fuzz, payload, size < 64 ? size : 64);
		answer(sock, request, VU_VERSION | (how & 0x20 ? fuzz_u8(&run->fuzz) : 4u), payload,
		       size, how & 0x40 && how & 8 ? run->memory_fd : -1);
	}
}

static void start(struct run *run)
{
	uint32_t size = 16;
	struct vr_mem_region region = { 0x100000, MEMORY, (uintptr_t)run->memory, 0,
					run->memory_fd };
	struct vr_vu_vring rings[2];

	for (uint32_t i = 0; i < 2; i++) {
		uint8_t *at = run->memory + 0x1000 * i;

		rings[i] = (struct vr_vu_vring){ .index = i,
						 .size = size,
						 .enabled = true,
						 .kick_fd = run->kick_fd,
						 .call_fd = run->kick_fd,
						 .err_fd = -1 };
		rings[i].ring.descriptors.host = at;
		rings[i].ring.driver.host = at + 0x400;
		rings[i].ring.device.host = at + 0x800;
	}
	if (vr_vu_frontend_start(run->frontend, VR_F_VERSION_1, &region, 1, rings, 2, WAIT_MS) == 0)
		(void)vr_vu_frontend_stop(run->frontend, rings, 2, WAIT_MS);
}

static int call(struct run *run, unsigned int which)
{
	struct vr_vu_frontend *frontend = run->frontend;
	struct vr_vu_offer offer;
	uint8_t bytes[256] = { 0 };
	uint64_t value = 0;
	uint32_t base = 0;
	uint8_t status = 0;

	switch (which) {
	case 0:
	case 1:
		return vr_vu_frontend_negotiate(frontend, FEATURES, 0, &offer, WAIT_MS);
	case 2:
		start(run);
		return 0;
	case 3:
		return vr_vu_frontend_get_features(frontend, &value, WAIT_MS);
	case 4:
		return vr_vu_frontend_get_config(frontend, 0, bytes, 1 + fuzz_u8(&run->fuzz),
						 WAIT_MS);
	case 5:
		return vr_vu_frontend_get_vring_base(frontend, 1, &base, WAIT_MS);
	case 6:
		return vr_vu_frontend_get_status(frontend, &status, WAIT_MS);
	case 7:
		return vr_vu_frontend_set_config(frontend, 0, bytes, 8, false, WAIT_MS);
	case 8:
		return vr_vu_frontend_get_max_mem_slots(frontend, &value, WAIT_MS);
	case 9:
		return vr_vu_frontend_set_mtu(frontend, 1500, WAIT_MS);
	case 10:
		return vr_vu_frontend_reset_device(frontend, WAIT_MS);
	default:
		return vr_vu_frontend_get_queue_num(frontend, &value, WAIT_MS);
	}
}

static void session(struct run *run)
{
	int pair[2];

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	FUZZ_CHECK(!vr_vu_frontend_adopt(run->frontend, pair[0]));
	if (fuzz_flag(&run->fuzz))
		answer_negotiation(run, pair[1]);
	answer_anything(run, pair[1]);
	(void)shutdown(pair[1], SHUT_WR);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run->fuzz); i++) {
		int result = call(run, fuzz_below(&run->fuzz, 12));
		bool open = vr_vu_frontend_fd(run->frontend) >= 0;

		FUZZ_CHECK(result <= 0 && result != -ETIMEDOUT);
		if (result < 0)
			FUZZ_CHECK(vr_vu_frontend_error(run->frontend)[0]);
		if (result == -EPROTO || result == -ECONNRESET)
			FUZZ_CHECK(!open);
	}
	vr_vu_frontend_disconnect(run->frontend);
	close(pair[1]);
}

/* To make and map it for each input would take longer than most inputs do. */
static void keep_memory(struct run *run)
{
	FUZZ_CHECK(fcntl(0, F_GETFD) >= 0 || open("/dev/null", O_RDONLY) == 0);
	run->memory_fd = memfd_create("virtring-fuzz", MFD_CLOEXEC);
	run->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	FUZZ_CHECK(run->memory_fd >= 0 && run->kick_fd >= 0 && !ftruncate(run->memory_fd, MEMORY));
	/* A front end only passes it on. */
	run->memory = mmap(NULL, MEMORY, PROT_READ, MAP_SHARED, run->memory_fd, 0);
	FUZZ_CHECK(run->memory != MAP_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = VR_VU_PF_SUPPORTED & ~VR_VU_PF_BACKEND_REQ,
	};
	static struct run run;
	unsigned int descriptors;
	eventfd_t kicks;

	if (!run.memory)
		keep_memory(&run);
	descriptors = fuzz_open_descriptors();
	run.fuzz = fuzz_begin(data, size);
	(void)eventfd_read(run.kick_fd, &kicks);
	FUZZ_CHECK(!vr_vu_frontend_create(&config, &run.frontend));
	for (unsigned int i = 0; i < 3 && fuzz_left(&run.fuzz); i++)
		session(&run);
	vr_vu_frontend_destroy(run.frontend);
	FUZZ_CHECK(fuzz_open_descriptors() == descriptors);
	return 0;
}
