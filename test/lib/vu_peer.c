// SPDX-License-Identifier: BSD-3-Clause
/* See vu_peer.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_peer.h"

static int fds_before;

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* ---- the device ---- */

static void dev_connected(void *context)
{
	((struct peer *)context)->connects++;
}

static void dev_disconnected(void *context, const char *error)
{
	struct peer *peer = context;

	peer->disconnects++;
	peer->clean += !error;
	if (error)
		assert_int_not_equal(*error, 0);
}

/* The answer of an operation, or that it will come. */
static int dev_answer(struct peer *peer, int answer)
{
	if (!peer->later)
		return answer;
	peer->deferred++;
	if (peer->at_once)
		assert_int_equal(vr_vu_backend_answer(peer->backend, answer), 0);
	return VR_VU_DEFER;
}

static int dev_features(void *context, uint64_t features)
{
	struct peer *peer = context;

	assert_int_equal(features & (VR_VU_F_LOG_ALL | VR_VU_F_PROTOCOL_FEATURES), 0);
	return dev_answer(peer, peer->refuse_features ? -1 : 0);
}

static int dev_ring_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct peer *peer = context;

	if (peer->refuse_start)
		return -1;
	assert_true(vring->running);
	assert_false(peer->rings[vring->index].running);
	peer->rings[vring->index] = *vring;
	peer->regions = vr_mem_count(mem);
	peer->mem[vring->index] = mem;
	peer->starts++;
	if (peer->start) {
		peer->start(peer, vring, mem);
		return 0;
	}
	/* What was promised about the memory holds: touch the ends of it. */
	*(volatile char *)vring->ring.descriptors.host = 0;
	((volatile char *)vring->ring.descriptors.host)[vring->size * 16 - 1] = 0;
	*(volatile char *)vring->ring.driver.host = 0;
	*(volatile char *)vring->ring.device.host = 0;
	return 0;
}

static int dev_ring_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct peer *peer = context;

	assert_true(peer->rings[index].running);
	peer->rings[index].running = false;
	peer->mem[index] = NULL;
	peer->stops++;
	peer->last_stop = why;
	if (peer->stop) {
		peer->stop(peer, index, base);
		return 0;
	}
	/* The memory is still there. */
	*(volatile char *)peer->rings[index].ring.descriptors.host = 1;
	if (peer->defer)
		return VR_VU_DEFER;
	if (peer->stop_base[index])
		*base = peer->stop_base[index];
	return 0;
}

static void dev_ring_enable(void *context, uint32_t index, bool enabled)
{
	struct peer *peer = context;

	assert_true(peer->rings[index].running);
	peer->rings[index].enabled = enabled;
	peer->enables++;
}

static int dev_status(void *context, uint8_t status)
{
	struct peer *peer = context;

	if (status & peer->refuse_status)
		return dev_answer(peer, -1);
	peer->status_resets += !status;
	peer->status_cleared += status && peer->status & ~status;
	peer->status = status;
	return dev_answer(peer, 0);
}

static int dev_config_read(void *context, uint32_t offset, void *data, uint32_t size)
{
	struct peer *peer = context;

	assert_true(offset + size <= sizeof(peer->config));
	peer->later_data = data;
	memcpy(data, peer->config + offset, size);
	return dev_answer(peer, 0);
}

/* The first byte is read-only. */
static int dev_config_write(void *context, uint32_t offset, const void *data, uint32_t size,
			    bool migration)
{
	struct peer *peer = context;

	assert_true(offset + size <= sizeof(peer->config));
	if (!offset && !migration)
		return dev_answer(peer, -1);
	memcpy(peer->config + offset, data, size);
	return dev_answer(peer, 0);
}

static int dev_mtu(void *context, uint16_t mtu)
{
	((struct peer *)context)->mtu = mtu;
	return dev_answer(context, mtu == 9999 ? -1 : 0);
}

static int dev_rarp(void *context, const uint8_t *mac)
{
	memcpy(((struct peer *)context)->mac, mac, 6);
	return dev_answer(context, 0);
}

static int dev_state_transfer(void *context, bool load, int fd)
{
	struct peer *peer = context;

	if (peer->refuse_state)
		return dev_answer(peer, -1);
	peer->state_load = load;
	peer->state_fd = fd;
	return dev_answer(peer, 0);
}

static int dev_state_check(void *context)
{
	struct peer *peer = context;

	return dev_answer(peer, peer->refuse_state ? -1 : 0);
}

static const struct vr_vu_backend_ops ops = {
	.struct_size = sizeof(ops),
	.connected = dev_connected,
	.disconnected = dev_disconnected,
	.features = dev_features,
	.ring_start = dev_ring_start,
	.ring_stop = dev_ring_stop,
	.ring_enable = dev_ring_enable,
	.status = dev_status,
	.config_read = dev_config_read,
	.config_write = dev_config_write,
	.mtu = dev_mtu,
	.rarp = dev_rarp,
	.state_transfer = dev_state_transfer,
	.state_check = dev_state_check,
};

/* ---- both ends ---- */

void peer_create(struct peer *peer)
{
	peer_create_with(peer, 0);
}

void peer_create_with(struct peer *peer, uint64_t features)
{
	peer_create_offering(peer, features, VR_VU_PF_SUPPORTED);
}

void peer_create_offering(struct peer *peer, uint64_t features, uint64_t protocol)
{
	const struct vr_vu_backend_config config = {
		.struct_size = sizeof(config),
		.vrings = PEER_RINGS,
		.queue_num = PEER_RINGS / 2,
		.max_queue_size = 1024,
		.max_regions = 16,
		.config_size = sizeof(peer->config),
		.features = PEER_FEATURES | features,
		.protocol_features = protocol,
		.ops = &ops,
		.context = peer,
	};

	fds_before = count_fds();
	memset(peer, 0, sizeof(*peer));
	peer->sock = peer->state_fd = -1;
	peer->memory_fd = memfd_create("peer", MFD_CLOEXEC);
	assert_true(peer->memory_fd >= 0);
	assert_int_equal(ftruncate(peer->memory_fd, PEER_MEMORY), 0);
	assert_int_equal(vr_vu_backend_create(&config, &peer->backend), 0);
	peer_reconnect(peer);
}

void peer_reconnect(struct peer *peer)
{
	const int before = count_fds() - (peer->sock >= 0);
	int socks[2];

	if (peer->sock >= 0)
		close(peer->sock);
	peer->sock = -1;
	peer_run(peer);
	assert_false(vr_vu_backend_connected(peer->backend));
	assert_true(count_fds() <= before);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	peer->sock = socks[0];
	assert_int_equal(vr_vu_backend_adopt(peer->backend, socks[1]), 0);
	memset(peer->rings, 0, sizeof(peer->rings));
}

void peer_destroy(struct peer *peer)
{
	if (peer->sock >= 0)
		close(peer->sock);
	vr_vu_backend_destroy(peer->backend);
	close(peer->memory_fd);
	assert_int_equal(peer->connects, peer->disconnects);
	assert_int_equal(count_fds(), fds_before);
}

void peer_run(struct peer *peer)
{
	int i;

	for (i = 0; i < 4; i++)
		assert_int_equal(vr_vu_backend_process(peer->backend), 0);
}

static bool send_piece(struct peer *peer, const void *bytes, size_t size, const int *fds,
		       uint32_t fd_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control;
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd_count) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	return sendmsg(peer->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

bool peer_send(struct peer *peer, uint32_t request, uint32_t flags, const void *payload,
	       uint32_t size, const int *fds, uint32_t fd_count)
{
	const struct vu_header header = { request, flags, size };
	unsigned char bytes[sizeof(header) + VU_PAYLOAD_MAX + 64];
	size_t i, total;

	/* A size that is a lie is not followed by that many bytes. */
	size = size > VU_PAYLOAD_MAX + 64 ? 0 : size;
	memcpy(bytes, &header, sizeof(header));
	if (payload)
		memcpy(bytes + sizeof(header), payload, size);
	else
		memset(bytes + sizeof(header), 0, size);
	total = sizeof(header) + size;
	if (!peer->dribble)
		return send_piece(peer, bytes, total, fds, fd_count);
	for (i = 0; i < total; i++) {
		if (!send_piece(peer, bytes + i, 1, fds, i ? 0 : fd_count))
			return false;
		peer_run(peer);
	}
	return true;
}

bool peer_exchange(struct peer *peer, const struct wire *message, struct wire *answer)
{
	assert_true(wire_send(peer->sock, message));
	peer_run(peer);
	return wire_take(peer->sock, answer);
}

bool peer_silent(struct peer *peer, const struct wire *message)
{
	struct wire answer;

	return !peer_exchange(peer, message, &answer) && !wire_closed(peer->sock);
}

struct answer peer_receive(struct peer *peer)
{
	struct answer answer = { .got = false };
	ssize_t got;

	got = recv(peer->sock, &answer.header, sizeof(answer.header), MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return answer;
	if (got <= 0) {
		answer.closed = true;
		return answer;
	}
	assert_int_equal(got, sizeof(answer.header));
	assert_true(answer.header.size <= VU_PAYLOAD_MAX);
	assert_int_equal(answer.header.flags, VU_VERSION | VU_FLAG_REPLY);
	got = recv(peer->sock, &answer.payload, answer.header.size, MSG_DONTWAIT);
	if (answer.header.size)
		assert_int_equal(got, answer.header.size);
	answer.got = true;
	return answer;
}

struct answer take_message(int sock)
{
	struct answer answer = { .got = false };
	ssize_t got = recv(sock, &answer.header, sizeof(answer.header), MSG_DONTWAIT);

	answer.closed = !got || (got < 0 && errno != EAGAIN);
	if (got <= 0)
		return answer;
	assert_int_equal(got, sizeof(answer.header));
	assert_true(answer.header.size <= VU_PAYLOAD_MAX);
	if (answer.header.size)
		assert_int_equal(recv(sock, &answer.payload, answer.header.size, MSG_DONTWAIT),
				 answer.header.size);
	answer.got = true;
	return answer;
}

void put_message(int sock, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
		 int fd)
{
	const struct vu_header header = { request, flags, size };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov[] = {
		{ (void *)(uintptr_t)&header, sizeof(header) },
		{ (void *)(uintptr_t)payload, payload ? size : 0 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (fd >= 0) {
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	assert_int_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), sizeof(header) + (payload ? size : 0));
}

struct answer peer_ask(struct peer *peer, uint32_t request, const void *payload, uint32_t size,
		       const int *fds, uint32_t fd_count)
{
	struct answer answer;

	peer_send(peer, request, VU_VERSION | VU_FLAG_NEED_REPLY, payload, size, fds, fd_count);
	peer_run(peer);
	answer = peer_receive(peer);
	if (answer.got)
		assert_int_equal(answer.header.request, request);
	return answer;
}

struct answer peer_ask_u64(struct peer *peer, uint32_t request, uint64_t value)
{
	return peer_ask(peer, request, &value, sizeof(value), NULL, 0);
}

struct answer peer_ask_state(struct peer *peer, uint32_t request, uint32_t index, uint32_t num)
{
	const struct vu_vring_state state = { index, num };

	return peer_ask(peer, request, &state, sizeof(state), NULL, 0);
}

bool is_ok(const struct answer *answer)
{
	return answer->got && answer->header.size == 8 && !answer->payload.u64;
}

bool is_refused(const struct answer *answer)
{
	return answer->got && answer->header.size == 8 && answer->payload.u64;
}

static void expect_ok(struct peer *peer, struct answer answer)
{
	if (!is_ok(&answer))
		fail_msg("refused: %s", vr_vu_backend_error(peer->backend));
}

void peer_u64(struct peer *peer, uint32_t request, uint64_t value)
{
	expect_ok(peer, peer_ask_u64(peer, request, value));
}

void peer_state(struct peer *peer, uint32_t request, uint32_t index, uint32_t num)
{
	expect_ok(peer, peer_ask_state(peer, request, index, num));
}

/* A refusal says what was wrong with which message, and the session goes on. */
static void expect_refused(struct peer *peer, struct answer answer, uint32_t request)
{
	const char *error = vr_vu_backend_error(peer->backend);
	const char *name = vr_vu_request_name(request);

	assert_true(is_refused(&answer));
	assert_memory_equal(error, name, strlen(name));
	assert_true(vr_vu_backend_connected(peer->backend));
}

void peer_refuses_u64(struct peer *peer, uint32_t request, uint64_t value)
{
	expect_refused(peer, peer_ask_u64(peer, request, value), request);
}

void peer_refuses_state(struct peer *peer, uint32_t request, uint32_t index, uint32_t num)
{
	expect_refused(peer, peer_ask_state(peer, request, index, num), request);
}

void peer_negotiate(struct peer *peer, uint64_t features)
{
	assert_true(peer_send(peer, VU_SET_OWNER, VU_VERSION, NULL, 0, NULL, 0));
	peer_u64(peer, VU_SET_PROTOCOL_FEATURES, PEER_PROTOCOL);
	peer_u64(peer, VU_SET_FEATURES, features | VR_VU_F_PROTOCOL_FEATURES);
}

int peer_channel(struct peer *peer)
{
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	expect_ok(peer, peer_ask(peer, VU_SET_BACKEND_REQ_FD, NULL, 0, &socks[1], 1));
	close(socks[1]);
	return socks[0];
}

void peer_memory(struct peer *peer)
{
	const struct vu_region_table table = {
		.count = 1,
		.regions = { { PEER_GUEST, PEER_MEMORY, PEER_USER, 0 } },
	};

	expect_ok(peer, peer_ask(peer, VU_SET_MEM_TABLE, &table, 40, &peer->memory_fd, 1));
}

struct vu_vring_addr peer_addr(uint32_t index)
{
	const uint64_t at = PEER_USER + index * 0x8000ull;

	return (struct vu_vring_addr){
		.index = index,
		.descriptors = at,
		.driver = at + 0x4000,
		.device = at + 0x6000,
	};
}

void peer_ring(struct peer *peer, uint32_t index, uint32_t size, uint32_t base)
{
	const struct vu_vring_addr addr = peer_addr(index);

	peer_state(peer, VU_SET_VRING_NUM, index, size);
	peer_state(peer, VU_SET_VRING_BASE, index, base);
	expect_ok(peer, peer_ask(peer, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0));
}

struct answer peer_ring_fd(struct peer *peer, uint32_t request, uint32_t index, bool with_fd)
{
	const uint64_t value = index | (with_fd ? 0 : VU_VRING_NO_FD);
	const int fd = with_fd ? eventfd(0, EFD_CLOEXEC) : -1;
	struct answer answer;

	answer = peer_ask(peer, request, &value, sizeof(value), &fd, with_fd);
	if (with_fd)
		close(fd);
	return answer;
}

void peer_start(struct peer *peer, uint32_t index)
{
	peer_ring(peer, index, 16, 0);
	expect_ok(peer, peer_ring_fd(peer, VU_SET_VRING_CALL, index, true));
	expect_ok(peer, peer_ring_fd(peer, VU_SET_VRING_KICK, index, true));
	assert_true(vr_vu_backend_vring(peer->backend, index)->running);
}
