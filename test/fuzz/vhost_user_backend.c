// SPDX-License-Identifier: BSD-3-Clause
/*
 * A back end and whatever a front end may send: messages of any kind in any order, with any payload and
 * any descriptors; rings in memory that changes; memory that is cut off.
 *
 * Held for every input: each message is handled, refused or ends the session with a reason; rings are
 * started and stopped in turn; no descriptor is left open; the next front end is served.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtring/device.h>

#include "fuzz.h"
#include "transport/vhost_user/message.h"

#define STEPS 80u
#define RINGS 3u
#define MEMORY 0x10000u
#define GUEST 0x100000u
#define USER 0x7f0000000000ull

#define FEATURES \
	(VR_F_VERSION_1 | VR_F_INDIRECT_DESC | VR_F_EVENT_IDX | VR_F_RING_PACKED | VR_F_IN_ORDER)

struct ring {
	bool running;
	bool deferred;
	void *state;
	struct vr_device *device;
};

struct run {
	struct fuzz fuzz;
	struct vr_vu_backend *backend;
	struct ring rings[RINGS];
	int sock;
	bool defer;
	bool connected;
	/* Kept from one input to the next, and cleared. */
	int memory_fd;
	uint8_t *memory;
};

/* ---- the device ---- */

static void connected(void *context)
{
	struct run *run = context;

	FUZZ_CHECK(!run->connected);
	run->connected = true;
}

static void disconnected(void *context, const char *error)
{
	struct run *run = context;

	FUZZ_CHECK(run->connected);
	FUZZ_CHECK(!error || error[0]);
	for (unsigned int i = 0; i < RINGS; i++)
		FUZZ_CHECK(!run->rings[i].running);
	run->connected = false;
}

static int ring_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct run *run = context;
	struct ring *ring = &run->rings[vring->index];
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.ring = vring->ring,
		.queue_size = vring->size,
		.map = vr_mem_map(mem),
	};
	size_t bytes = vr_device_size(&config);

	FUZZ_CHECK(vring->index < RINGS && !ring->running);
	if (bytes == 0)
		return -1;
	ring->state = fuzz_memory(bytes);
	if (vr_device_init(ring->state, bytes, &config, &ring->device) ||
	    vr_device_restore(ring->device, vring->base)) {
		free(ring->state);
		return -1;
	}
	ring->running = true;
	return 0;
}

static void finish_ring(struct ring *ring, uint32_t *base)
{
	(void)vr_device_save(ring->device, true, base);
	free(ring->state);
	ring->running = false;
	ring->deferred = false;
}

static int ring_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct run *run = context;
	struct ring *ring = &run->rings[index];

	(void)why;
	FUZZ_CHECK(index < RINGS && ring->running && !ring->deferred);
	if (run->defer) {
		ring->deferred = true;
		return VR_VU_DEFER;
	}
	finish_ring(ring, base);
	return 0;
}

static int config_read(void *context, uint32_t offset, void *data, uint32_t size)
{
	(void)context;
	FUZZ_CHECK(offset <= 32 && size <= 32 - offset);
	memset(data, 7, size);
	return 0;
}

static int config_write(void *context, uint32_t offset, const void *data, uint32_t size,
			bool migration)
{
	uint8_t copy[32];

	(void)context;
	(void)migration;
	FUZZ_CHECK(offset <= 32 && size <= 32 - offset);
	memcpy(copy, data, size);
	return size && copy[0] == 0xff ? -1 : 0;
}

static int mtu(void *context, uint16_t value)
{
	(void)context;
	return value > 9000 ? -1 : 0;
}

static int rarp(void *context, const uint8_t *mac)
{
	(void)context;
	return mac[0] & 1 ? -1 : 0;
}

/* ---- the front end ---- */

static void run_backend(struct run *run)
{
	/* Once is enough for a message, and what goes on is done at the next one. */
	FUZZ_CHECK(vr_vu_backend_process(run->backend) == 0);
}

static int some_descriptor(struct run *run, uint8_t how)
{
	switch (how & 7) {
	case 0:
	case 1:
	case 2:
		return dup(run->memory_fd);
	case 3:
	case 4:
		return eventfd(0, EFD_CLOEXEC | (how & 8 ? EFD_NONBLOCK : 0));
	case 5:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	default:
		return memfd_create("virtring-fuzz-other", MFD_CLOEXEC);
	}
}

static void send_bytes(struct run *run, const void *bytes, size_t size, const int *fds,
		       unsigned int fd_count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(10 * sizeof(int))];
	} control;
	struct iovec piece = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (fd_count) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	}
	(void)sendmsg(run->sock, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_message(struct run *run, uint32_t request, uint32_t flags, const void *payload,
			 uint32_t size, uint8_t descriptors)
{
	struct vu_header header = { request, flags, size };
	uint8_t bytes[sizeof(header) + VU_PAYLOAD_MAX];
	unsigned int fd_count = descriptors >> 4 & 3;
	char trash[4096];
	int fds[10];

	if (descriptors >> 6 == 3)
		fd_count = 9;
	for (unsigned int i = 0; i < fd_count; i++)
		fds[i] = some_descriptor(run, descriptors);
	memcpy(bytes, &header, sizeof(header));
	if (size && size <= VU_PAYLOAD_MAX)
		memcpy(bytes + sizeof(header), payload, size);
	send_bytes(run, bytes, sizeof(header) + (size <= VU_PAYLOAD_MAX ? size : 0), fds, fd_count);
	for (unsigned int i = 0; i < fd_count; i++)
		close(fds[i]);
	run_backend(run);
	/* Whatever it answers; descriptors in it are closed by not being asked for. */
	(void)recv(run->sock, trash, sizeof(trash), MSG_DONTWAIT);
}

static void send_u64(struct run *run, uint32_t request, uint64_t value)
{
	send_message(run, request, VU_VERSION | VU_FLAG_NEED_REPLY, &value, 8, 0);
}

static void send_state(struct run *run, uint32_t request, uint32_t index, uint32_t num)
{
	struct vu_vring_state state = { index, num };

	send_message(run, request, VU_VERSION, &state, sizeof(state), 0);
}

/* Any message at all: what the table says it looks like, filled from the input, or not even that. */
static void any_message(struct run *run)
{
	uint32_t request = fuzz_u8(&run->fuzz) % (VU_REQUEST_COUNT + 4);
	const struct vu_message *message = vri_message(request);
	uint8_t how = fuzz_u8(&run->fuzz);
	uint8_t descriptors = fuzz_u8(&run->fuzz);
	uint32_t flags = VU_VERSION | (how & 1 ? VU_FLAG_NEED_REPLY : 0);
	uint32_t min = 0, max = 0, size;
	union vu_payload payload;

	if (message)
		vri_payload_size(message->payload, &min, &max);
	size = min;
	if (how & 2)
		size = max;
	if ((how & 0xf0) == 0xf0) {
		size = fuzz_u32(&run->fuzz);
		flags ^= how & 0xc;
	}
	if (message && (how & 0xc) == 0 && !(descriptors & 0x80))
		descriptors = (uint8_t)((descriptors & 0xf) | message->min_fds << 4);
	fuzz_bytes(&run->fuzz, &payload, size < 300 ? size : 300);
	send_message(run, request, flags, &payload, size, descriptors);
}

static void negotiate(struct run *run)
{
	uint8_t how = fuzz_u8(&run->fuzz);
	uint64_t features = VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES;

	features |= how & 1 ? VR_F_RING_PACKED : 0;
	features |= how & 2 ? VR_F_IN_ORDER : 0;
	features |= how & 4 ? VR_F_EVENT_IDX : 0;
	features |= how & 8 ? VR_F_INDIRECT_DESC : 0;
	send_message(run, VU_SET_OWNER, VU_VERSION, NULL, 0, 0);
	send_u64(run, VU_SET_PROTOCOL_FEATURES, how & 0x10 ? VR_VU_PF_SUPPORTED : 0x8008);
	send_u64(run, VU_SET_FEATURES, features);
}

static void share_memory(struct run *run)
{
	struct vu_region_table table = {
		.count = 1,
		.regions = { { GUEST, MEMORY, USER, 0 } },
	};

	send_message(run, VU_SET_MEM_TABLE, VU_VERSION | VU_FLAG_NEED_REPLY, &table, 40, 0x10);
}

static void set_up_ring(struct run *run)
{
	uint8_t how = fuzz_u8(&run->fuzz);
	uint32_t index = how % RINGS;
	uint64_t at = USER + 0x1000u * (1 + index);
	struct vu_vring_addr addr = { index, 0, at, at + 0x800, at + 0x400, 0 };
	uint64_t value = index;

	send_state(run, VU_SET_VRING_NUM, index, how & 0x40 ? 8 : 16);
	send_state(run, VU_SET_VRING_BASE, index, how & 0x80 ? 0x80008000u : 0);
	send_message(run, VU_SET_VRING_ADDR, VU_VERSION, &addr, sizeof(addr), 0);
	send_message(run, VU_SET_VRING_CALL, VU_VERSION, &value, 8, 0x13);
	send_message(run, VU_SET_VRING_KICK, VU_VERSION, &value, 8, 0x13);
	send_state(run, VU_SET_VRING_ENABLE, index, 1);
}

static void poke(struct run *run)
{
	size_t offset = fuzz_u16(&run->fuzz) % (MEMORY - 16);

	/* Most of what matters is at the start of each ring's page. */
	if (offset & 1)
		offset = 0x1000 * (1 + offset / 2 % RINGS) + offset / 8 % 0x900;
	fuzz_bytes(&run->fuzz, run->memory + offset, 1 + offset / 64 % 16);
}

/* ---- both ---- */

static void work(struct run *run)
{
	struct vr_iovec pieces[16];
	struct vr_chain chains[4];

	for (unsigned int i = 0; i < RINGS; i++) {
		struct ring *ring = &run->rings[i];
		int got;

		if (!ring->running || ring->deferred)
			continue;
		got = vr_device_pop(ring->device, chains, 4, pieces, 16);
		for (int k = 0; k < got; k++) {
			if (chains[k].writable)
				memset(chains[k].segments[chains[k].readable].base, 1, 1);
			FUZZ_CHECK(!vr_device_complete(ring->device, chains[k].handle, 0));
		}
		(void)vr_device_publish_and_verdict(ring->device, NULL);
	}
}

/* Answers what was deferred. */
static void resume(struct run *run)
{
	for (unsigned int i = 0; i < RINGS; i++) {
		struct ring *ring = &run->rings[i];
		uint32_t base = 0;

		if (!ring->deferred)
			continue;
		finish_ring(ring, &base);
		FUZZ_CHECK(!vr_vu_backend_resume(run->backend, i, base));
	}
	run_backend(run);
}

static void connect_anew(struct run *run)
{
	int pair[2];

	run->defer = false;
	if (run->sock >= 0)
		close(run->sock);
	for (int i = 0; i < 8 && vr_vu_backend_connected(run->backend); i++) {
		run_backend(run);
		resume(run);
	}
	FUZZ_CHECK(!vr_vu_backend_connected(run->backend) && !run->connected);
	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	run->sock = pair[0];
	FUZZ_CHECK(!vr_vu_backend_adopt(run->backend, pair[1]));
	FUZZ_CHECK(run->connected);
}

static void truncate_memory(struct run *run)
{
	/* The front end's own mapping must not fault, so it is touched no more. */
	if (ftruncate(run->memory_fd, fuzz_u16(&run->fuzz)) == 0)
		FUZZ_CHECK(!ftruncate(run->memory_fd, MEMORY));
}

static void step(struct run *run)
{
	switch (fuzz_below(&run->fuzz, 16)) {
	case 0:
		negotiate(run);
		break;
	case 1:
		share_memory(run);
		break;
	case 2:
	case 3:
		set_up_ring(run);
		break;
	case 4:
		work(run);
		break;
	case 5:
		poke(run);
		break;
	case 6:
		run->defer = fuzz_flag(&run->fuzz);
		break;
	case 7:
		resume(run);
		break;
	case 8:
		connect_anew(run);
		break;
	case 9:
		truncate_memory(run);
		break;
	default:
		any_message(run);
		break;
	}
}

static void open_all(struct run *run)
{
	static const struct vr_vu_backend_ops ops = {
		.struct_size = sizeof(ops),
		.connected = connected,
		.disconnected = disconnected,
		.ring_start = ring_start,
		.ring_stop = ring_stop,
		.config_read = config_read,
		.config_write = config_write,
		.mtu = mtu,
		.rarp = rarp,
	};
	struct vr_vu_backend_config config = {
		.struct_size = sizeof(config),
		.vrings = RINGS,
		.max_queue_size = 64,
		.config_size = 32,
		.features = FEATURES,
		.ops = &ops,
		.context = run,
	};

	/* Without its pages it reads as zero again. */
	FUZZ_CHECK(!ftruncate(run->memory_fd, 0) && !ftruncate(run->memory_fd, MEMORY));
	FUZZ_CHECK(!vr_vu_backend_create(&config, &run->backend));
	run->sock = -1;
	connect_anew(run);
}

static void close_all(struct run *run)
{
	connect_anew(run);
	vr_vu_backend_destroy(run->backend);
	FUZZ_CHECK(!run->connected);
	close(run->sock);
}

/* To make and map it for each input would take longer than most inputs do. */
static void keep_memory(struct run *run)
{
	FUZZ_CHECK(vr_sigbus_install() == 0);
	FUZZ_CHECK(fcntl(0, F_GETFD) >= 0 || open("/dev/null", O_RDONLY) == 0);
	run->memory_fd = memfd_create("virtring-fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(run->memory_fd >= 0 && !ftruncate(run->memory_fd, MEMORY));
	run->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, run->memory_fd, 0);
	FUZZ_CHECK(run->memory != MAP_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run run;
	unsigned int descriptors;

	if (!run.memory)
		keep_memory(&run);
	descriptors = fuzz_open_descriptors();
	memset(&run, 0, offsetof(struct run, memory_fd));
	run.fuzz = fuzz_begin(data, size);
	open_all(&run);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	close_all(&run);
	FUZZ_CHECK(fuzz_open_descriptors() == descriptors);
	return 0;
}
