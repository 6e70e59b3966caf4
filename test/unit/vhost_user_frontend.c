// SPDX-License-Identifier: BSD-3-Clause
/* The front end against our own back end in another thread, and against answers that are wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/vhost_user/channel.h"
#include "vu_peer.h"

#define TIMEOUT 5000
#define QUEUE 8u

static struct vr_vu_frontend *make_frontend(uint64_t protocol)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = protocol,
		.rings_per_queue = 2,
	};
	struct vr_vu_frontend *f;

	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	return f;
}

/* ---- with our own back end ---- */

struct server {
	struct peer peer;
	pthread_t thread;
	atomic_bool stop;
	struct vr_vu_frontend *f;
	struct vr_shm *shm;
	struct vr_mem_region region;
	struct vr_vu_vring vrings[2];
	int fds;
};

static void *serve(void *arg)
{
	struct server *s = arg;

	while (!atomic_load(&s->stop)) {
		struct pollfd pollfd = { vr_vu_backend_fd(s->peer.backend), POLLIN, 0 };

		poll(&pollfd, 1, 20);
		if (vr_vu_backend_process(s->peer.backend))
			abort();
	}
	return NULL;
}

static void make_ring(struct server *s, uint32_t index, uint32_t base)
{
	struct vr_vu_vring *vring = &s->vrings[index];

	*vring = (struct vr_vu_vring){
		.index = index,
		.size = QUEUE,
		.base = base,
		.enabled = true,
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call_fd = index ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.err_fd = index ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1,
	};
	vring->ring.descriptors.host = vr_shm_alloc(s->shm, 16 * QUEUE, 16);
	vring->ring.driver.host = vr_shm_alloc(s->shm, 6 + 2 * QUEUE, 4);
	vring->ring.device.host = vr_shm_alloc(s->shm, 6 + 8 * QUEUE, 4);
}

static void start_server(struct server *s, uint64_t protocol, uint32_t base)
{
	const struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.size = 65536,
		.guest_addr = 0x10000,
	};

	memset(s, 0, sizeof(*s));
	s->fds = count_fds();
	peer_create(&s->peer);
	s->f = make_frontend(protocol);
	assert_int_equal(vr_vu_frontend_adopt(s->f, s->peer.sock), 0);
	s->peer.sock = -1;
	assert_int_equal(vr_shm_create(&config, &s->shm), 0);
	vr_shm_region(s->shm, &s->region);
	make_ring(s, 0, base);
	make_ring(s, 1, base);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop_server(struct server *s)
{
	int i;

	vr_vu_frontend_destroy(s->f);
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	vr_shm_destroy(s->shm);
	for (i = 0; i < 2; i++) {
		close(s->vrings[i].kick_fd);
		if (s->vrings[i].call_fd >= 0)
			close(s->vrings[i].call_fd);
		if (s->vrings[i].err_fd >= 0)
			close(s->vrings[i].err_fd);
	}
	/* The peer notes how many descriptors there were: there are as many again. */
	peer_destroy(&s->peer);
	assert_int_equal(count_fds(), s->fds);
}

static void negotiates_starts_and_stops(uint64_t protocol, uint64_t want, uint32_t fresh,
					uint32_t later)
{
	struct vr_vu_offer offer;
	struct server s;
	int i;

	start_server(&s, protocol, fresh);
	assert_int_equal(vr_vu_frontend_negotiate(s.f, want, VR_F_VERSION_1, &offer, TIMEOUT), 0);
	assert_int_equal(offer.features, PEER_OFFERED);
	assert_int_equal(offer.accepted, want | VR_VU_F_PROTOCOL_FEATURES);
	assert_int_equal(offer.protocol_features, VR_VU_PF_SUPPORTED);
	for (i = 0; i < 50; i++) {
		if (vr_vu_frontend_start(s.f, offer.accepted, &s.region, 1, s.vrings, 2, TIMEOUT))
			fail_msg("%s", vr_vu_frontend_error(s.f));
		s.peer.stop_base[0] = s.peer.stop_base[1] = later;
		if (vr_vu_frontend_stop(s.f, s.vrings, 2, TIMEOUT))
			fail_msg("%s", vr_vu_frontend_error(s.f));
		assert_int_equal(s.vrings[0].base, later);
		assert_int_equal(s.vrings[1].base, later);
		/* The older rule of back ends: one kick for each ring. */
		assert_int_equal(vr_vu_drain(s.vrings[0].kick_fd), 1);
		assert_int_equal(vr_vu_drain(s.vrings[1].kick_fd), 1);
	}
	assert_int_equal(s.peer.rings[0].features, want);
	assert_int_equal(s.peer.rings[0].ring.descriptors.addr,
			 vr_shm_addr(s.shm, s.vrings[0].ring.descriptors.host));
	stop_server(&s);
	/* A start after a stop begins with a reset; otherwise no bit of the status goes. */
	if (!protocol) {
		assert_int_equal(s.peer.status_resets, 49);
		assert_int_equal(s.peer.status_cleared, 0);
	}
	assert_int_equal(s.peer.starts, 100);
	assert_int_equal(s.peer.stops, 100);
	assert_int_equal(s.peer.clean, 1);
}

static void split_with_everything(void **state)
{
	(void)state;
	negotiates_starts_and_stops(0, VR_F_VERSION_1 | VR_F_EVENT_IDX, VR_VU_BASE_FRESH_SPLIT, 77);
}

static void packed_with_everything(void **state)
{
	(void)state;
	negotiates_starts_and_stops(0, VR_F_VERSION_1 | VR_F_RING_PACKED, VR_VU_BASE_FRESH_PACKED,
				    0x00030003);
}

static void without_reply_ack(void **state)
{
	(void)state;
	negotiates_starts_and_stops(VR_VU_PF_MQ, VR_F_VERSION_1, VR_VU_BASE_FRESH_SPLIT, 1);
}

static void single_calls(void **state)
{
	const uint64_t want = VR_F_VERSION_1 | 1ull << 3;
	uint8_t mac[6] = { 2, 3, 4, 5, 6, 7 }, status, data[300];
	struct vr_mem_region extra;
	struct vr_vu_offer offer;
	struct server s;
	uint64_t slots;

	(void)state;
	start_server(&s, VR_VU_PF_SUPPORTED, 0);
	assert_int_equal(vr_vu_frontend_negotiate(s.f, want, want, &offer, TIMEOUT), 0);
	assert_int_equal(offer.queue_num, PEER_RINGS / 2);
	assert_int_equal(offer.mem_slots, 16);
	assert_int_equal(
		vr_vu_frontend_start(s.f, offer.accepted, &s.region, 1, s.vrings, 2, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_get_status(s.f, &status, TIMEOUT), 0);
	assert_int_equal(status, 15);
	assert_int_equal(vr_vu_frontend_set_mtu(s.f, 1500, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_set_mtu(s.f, 67, TIMEOUT), -EREMOTEIO);
	assert_int_equal(vr_vu_frontend_send_rarp(s.f, mac, TIMEOUT), 0);
	assert_memory_equal(s.peer.mac, mac, 6);
	assert_int_equal(vr_vu_frontend_set_config(s.f, 4, "abcd", 4, false, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_set_config(s.f, 0, "x", 1, false, TIMEOUT), -EREMOTEIO);
	assert_int_equal(vr_vu_frontend_set_config(s.f, 0, "x", 1, true, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_set_config(s.f, 0, data, 0, true, TIMEOUT), -EINVAL);
	assert_int_equal(vr_vu_frontend_set_config(s.f, 0, data, 257, true, TIMEOUT), -EINVAL);
	assert_int_equal(vr_vu_frontend_get_config(s.f, 0, data, 16, TIMEOUT), 0);
	assert_memory_equal(data, "x\0\0\0abcd", 8);
	assert_int_equal(vr_vu_frontend_get_config(s.f, 8, data, 9, TIMEOUT), -EREMOTEIO);
	assert_int_equal(vr_vu_frontend_get_config(s.f, 0, data, 257, TIMEOUT), -EINVAL);
	assert_int_equal(vr_vu_frontend_get_max_mem_slots(s.f, &slots, TIMEOUT), 0);
	assert_int_equal(slots, 16);
	extra = s.region;
	extra.guest_addr = 0x1000000;
	extra.user_addr = 0x1000;
	assert_int_equal(vr_vu_frontend_add_mem_region(s.f, &extra, TIMEOUT), 0);
	/* Another one that overlaps it. */
	extra.size /= 2;
	assert_int_equal(vr_vu_frontend_add_mem_region(s.f, &extra, TIMEOUT), -EREMOTEIO);
	extra.size *= 2;
	assert_int_equal(vr_vu_frontend_remove_mem_region(s.f, &extra, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_remove_mem_region(s.f, &extra, TIMEOUT), -EREMOTEIO);
	assert_int_equal(vr_vu_frontend_reset_owner(s.f, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_reset_device(s.f, TIMEOUT), 0);
	stop_server(&s);
}

static void start_refuses_bad_arguments(void **state)
{
	struct vr_vu_offer offer;
	struct server s;
	uint64_t all;

	(void)state;
	start_server(&s, 0, 0);
	assert_int_equal(vr_vu_frontend_negotiate(s.f, 1ull << 50, 1ull << 50, &offer, TIMEOUT),
			 -EOPNOTSUPP);
	assert_non_null(strstr(vr_vu_frontend_error(s.f), "0x4000000000000"));
	all = offer.accepted | VR_F_VERSION_1;
	assert_int_equal(vr_vu_frontend_start(s.f, all, &s.region, 1, s.vrings, 0, TIMEOUT),
			 -EINVAL);
	assert_int_equal(vr_vu_frontend_start(s.f, all, &s.region, 0, s.vrings, 2, TIMEOUT),
			 -EINVAL);
	/* The back end reported two pairs. */
	s.vrings[1].index = 4;
	assert_int_equal(vr_vu_frontend_start(s.f, all, &s.region, 1, s.vrings, 2, TIMEOUT),
			 -EINVAL);
	s.vrings[1].index = 256;
	assert_int_equal(vr_vu_frontend_start(s.f, all, &s.region, 1, s.vrings, 2, TIMEOUT),
			 -EINVAL);
	s.vrings[1].index = 1;
	s.vrings[1].size = 0;
	assert_int_equal(vr_vu_frontend_start(s.f, all, &s.region, 1, s.vrings, 2, TIMEOUT),
			 -EINVAL);
	s.vrings[1].size = QUEUE;
	assert_int_equal(vr_vu_frontend_set_vring_num(s.f, 256, 1, TIMEOUT), -EINVAL);
	assert_int_equal(vr_vu_frontend_set_vring_kick(s.f, 256, -1, TIMEOUT), -EINVAL);
	assert_int_equal(vr_vu_frontend_set_vring_addr(s.f, 256, &s.vrings[0].ring, TIMEOUT),
			 -EINVAL);
	assert_int_equal(vr_vu_frontend_set_features(s.f, 1ull << 50, TIMEOUT), -EINVAL);
	assert_int_equal(vr_vu_frontend_set_protocol_features(s.f, VR_VU_PF_SHMEM, TIMEOUT),
			 -EINVAL);
	assert_int_equal(vr_vu_frontend_set_mem_table(s.f, &s.region, 9, TIMEOUT), -EINVAL);
	assert_int_equal(vr_vu_frontend_send_rarp(s.f, (const uint8_t *)"123456", TIMEOUT),
			 -EOPNOTSUPP);
	/* The back end refuses, the session goes on, and it works after all. */
	s.vrings[1].base = 0x10000;
	assert_int_equal(vr_vu_frontend_start(s.f, all, &s.region, 1, s.vrings, 2, TIMEOUT),
			 -EREMOTEIO);
	assert_non_null(strstr(vr_vu_frontend_error(s.f), "SET_VRING_KICK"));
	assert_int_equal(vr_vu_frontend_stop(s.f, s.vrings, 2, TIMEOUT), 0);
	s.vrings[1].base = 0;
	assert_int_equal(vr_vu_frontend_start(s.f, all, &s.region, 1, s.vrings, 2, TIMEOUT), 0);
	stop_server(&s);
}

static void features_ok_that_does_not_stay(void **state)
{
	struct vr_vu_offer offer;
	struct server s;

	(void)state;
	start_server(&s, 0, 0);
	s.peer.refuse_status = VR_STATUS_FEATURES_OK;
	assert_int_equal(vr_vu_frontend_negotiate(s.f, VR_F_VERSION_1, 0, &offer, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_start(s.f, offer.accepted, &s.region, 1, s.vrings, 2,
					      TIMEOUT),
			 -EOPNOTSUPP);
	assert_non_null(strstr(vr_vu_frontend_error(s.f), "refuses the features"));
	stop_server(&s);
}

/* ---- with wrong answers ---- */

struct script {
	struct vr_vu_frontend *f;
	int sock;
};

static struct script open_script(void)
{
	struct script s = { .f = make_frontend(0) };
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	s.sock = socks[0];
	assert_int_equal(vr_vu_frontend_adopt(s.f, socks[1]), 0);
	return s;
}

static void close_script(struct script *s)
{
	vr_vu_frontend_destroy(s->f);
	close(s->sock);
}

/* Answers lie in the socket before they are asked for: one thread is enough. */
static void put_answer(const struct script *s, uint32_t request, uint32_t flags, uint32_t size,
		       uint64_t value, int fd)
{
	struct {
		struct vu_header header;
		unsigned char payload[16];
	} message = { { request, flags, size }, { 0 } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { &message, 12 + (size > 16 ? 0 : size) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(message.payload, &value, sizeof(value));
	if (fd >= 0) {
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	assert_int_equal(sendmsg(s->sock, &msg, 0), iov.iov_len);
}

static void wrong_answers(void **state)
{
	static const struct {
		uint32_t request;
		uint32_t flags;
		uint32_t size;
		bool with_fd;
	} cases[] = {
		{ VU_GET_STATUS, 5, 8, false }, /* another request's answer */
		{ 0, 5, 8, false }, /* of none */
		{ VU_GET_FEATURES, 1, 8, false }, /* no reply */
		{ VU_GET_FEATURES, 4, 8, false }, /* version 0 */
		{ VU_GET_FEATURES, 6, 8, false }, /* version 2 */
		{ VU_GET_FEATURES, 21, 8, false }, /* unknown flags */
		{ VU_GET_FEATURES, 5, 0, false }, /* wrong sizes */
		{ VU_GET_FEATURES, 5, 7, false },
		{ VU_GET_FEATURES, 5, 16, false },
		{ VU_GET_FEATURES, 5, UINT32_MAX, false },
		{ VU_GET_FEATURES, 5, 8, true }, /* a descriptor */
	};
	const int before = count_fds();
	uint64_t features = 42;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script s = open_script();

		put_answer(&s, cases[i].request, cases[i].flags, cases[i].size, 1,
			   cases[i].with_fd ? s.sock : -1);
		assert_int_equal(vr_vu_frontend_get_features(s.f, &features, TIMEOUT), -EPROTO);
		assert_non_null(strstr(vr_vu_frontend_error(s.f), "GET_FEATURES"));
		/* Nothing that follows can be trusted: the connection is gone. */
		assert_int_equal(vr_vu_frontend_fd(s.f), -1);
		assert_int_equal(vr_vu_frontend_get_features(s.f, &features, TIMEOUT), -ENOTCONN);
		assert_int_equal(features, 42);
		close_script(&s);
	}
	assert_int_equal(count_fds(), before);
}

static void no_answer(void **state)
{
	struct script s = open_script();
	uint64_t features;

	(void)state;
	assert_int_equal(vr_vu_frontend_get_features(s.f, &features, 30), -ETIMEDOUT);
	assert_int_equal(vr_vu_frontend_fd(s.f), -1);
	close_script(&s);
	s = open_script();
	/* Half an answer is none. */
	assert_int_equal(send(s.sock, "\1\0\0\0\5", 5, 0), 5);
	assert_int_equal(vr_vu_frontend_get_features(s.f, &features, 30), -ETIMEDOUT);
	close_script(&s);
	s = open_script();
	shutdown(s.sock, SHUT_RDWR);
	assert_int_equal(vr_vu_frontend_get_features(s.f, &features, TIMEOUT), -ECONNRESET);
	close_script(&s);
	s = open_script();
	assert_int_equal(send(s.sock, "\1\0\0\0\5", 5, 0), 5);
	shutdown(s.sock, SHUT_WR);
	assert_int_equal(vr_vu_frontend_get_features(s.f, &features, TIMEOUT), -ECONNRESET);
	close_script(&s);
}

/* A back end of the first days: no protocol features, so nothing that belongs to them is sent. */
static void back_end_without_protocol_features(void **state)
{
	const int fd = memfd_create("memory", MFD_CLOEXEC);
	const struct vr_mem_region region = { 0, 4096, 0x10000, 0, fd };
	static unsigned char memory[4096];
	struct vr_vu_vring vring = { .size = 8, .kick_fd = -1, .call_fd = -1, .err_fd = -1 };
	static const uint32_t expected[] = {
		VU_SET_OWNER,	   VU_GET_FEATURES,   VU_SET_VRING_CALL,
		VU_SET_FEATURES,   VU_SET_MEM_TABLE,  VU_SET_VRING_NUM,
		VU_SET_VRING_BASE, VU_SET_VRING_ADDR, VU_SET_VRING_KICK,
	};
	struct script s = open_script();
	struct vr_vu_offer offer;
	uint64_t value;
	size_t i;

	(void)state;
	vring.ring.descriptors.host = vring.ring.driver.host = vring.ring.device.host = memory;
	put_answer(&s, VU_GET_FEATURES, 5, 8, VR_F_VERSION_1, -1);
	assert_int_equal(vr_vu_frontend_negotiate(s.f, VR_F_VERSION_1, 0, &offer, TIMEOUT), 0);
	assert_int_equal(offer.accepted, VR_F_VERSION_1);
	assert_int_equal(offer.protocol_features, 0);
	assert_int_equal(vr_vu_frontend_get_protocol_features(s.f, &value, TIMEOUT), -EOPNOTSUPP);
	assert_int_equal(vr_vu_frontend_set_vring_enable(s.f, 0, true, TIMEOUT), -EOPNOTSUPP);
	assert_int_equal(vr_vu_frontend_start(s.f, offer.accepted, &region, 1, &vring, 1, TIMEOUT),
			 0);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		unsigned char payload[VU_PAYLOAD_MAX];
		struct vu_header header;

		assert_int_equal(recv(s.sock, &header, sizeof(header), 0), sizeof(header));
		assert_int_equal(header.request, expected[i]);
		assert_int_equal(header.flags, VU_VERSION);
		if (header.size)
			assert_int_equal(recv(s.sock, payload, header.size, 0), header.size);
	}
	assert_int_equal(recv(s.sock, &value, 1, MSG_DONTWAIT), -1);
	close_script(&s);
	close(fd);
}

static void answers_for_another_ring(void **state)
{
	struct script s = open_script();
	uint32_t base;

	(void)state;
	put_answer(&s, VU_GET_VRING_BASE, 5, 8, 3, -1);
	assert_int_equal(vr_vu_frontend_get_vring_base(s.f, 2, &base, TIMEOUT), -EPROTO);
	assert_non_null(strstr(vr_vu_frontend_error(s.f), "ring 3"));
	close_script(&s);
}

/* As DPDK's vhost answers on a packed ring: without the used half. */
static void packed_base_without_used_half(void **state)
{
	struct script s = open_script();
	struct vr_vu_vring vrings[2] = { { .index = 0 }, { .index = 1 } };
	struct vr_vu_offer offer;
	int i;

	(void)state;
	put_answer(&s, VU_GET_FEATURES, 5, 8, VR_F_RING_PACKED, -1);
	assert_int_equal(vr_vu_frontend_negotiate(s.f, VR_F_RING_PACKED, 0, &offer, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_set_features(s.f, VR_F_RING_PACKED, TIMEOUT), 0);
	for (i = 0; i < 2; i++)
		put_answer(&s, VU_GET_VRING_BASE, 5, 8,
			   (uint64_t)(i ? 0x80010002u : 0x8003u) << 32 | (uint64_t)i, -1);
	assert_int_equal(vr_vu_frontend_stop(s.f, vrings, 2, TIMEOUT), 0);
	assert_int_equal(vrings[0].base, 0x80038003);
	assert_int_equal(vrings[1].base, 0x80010002);
	close_script(&s);
}

/* A message that leaves in pieces has its descriptors with the first byte only. */
static void descriptors_go_with_the_first_byte(void **state)
{
	const uint64_t value = 3;
	int socks[2], before;
	struct vu_tx tx = { 0 };
	struct vu_rx rx = { 0 };

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	before = count_fds();
	vri_tx_set(&tx, VU_SET_VRING_CALL, 0, &value, sizeof(value), socks, 1);
	assert_int_equal(vri_tx_flush(socks[0], &tx), 0);
	assert_int_equal(vri_rx(socks[1], &rx, false), VU_RX_DONE);
	assert_int_equal(rx.fd_count, 1);
	vri_rx_reset(&rx);
	/* The first five bytes have gone. */
	vri_tx_set(&tx, VU_SET_VRING_CALL, 0, &value, sizeof(value), socks, 1);
	assert_int_equal(send(socks[0], tx.bytes, 5, 0), 5);
	assert_int_equal(vri_rx(socks[1], &rx, false), VU_RX_MORE);
	tx.done = 5;
	assert_int_equal(vri_tx_flush(socks[0], &tx), 0);
	assert_int_equal(vri_rx(socks[1], &rx, false), VU_RX_DONE);
	assert_int_equal(rx.fd_count, 0);
	assert_null(rx.fd_problem);
	assert_int_equal(rx.payload.u64, 3);
	vri_rx_reset(&rx);
	assert_int_equal(count_fds(), before);
	close(socks[0]);
	close(socks[1]);
}

static void bad_config(void **state)
{
	struct vr_vu_frontend_config config = { .struct_size = sizeof(config) };
	struct vr_vu_frontend *f;
	char path[200];
	int socks[2];

	(void)state;
	config.struct_size--;
	assert_int_equal(vr_vu_frontend_create(&config, &f), -EINVAL);
	config.struct_size++;
	config.protocol_features = VR_VU_PF_SHMEM;
	assert_int_equal(vr_vu_frontend_create(&config, &f), -EINVAL);
	config.protocol_features = 0;
	config.listen = true;
	assert_int_equal(vr_vu_frontend_create(&config, &f), -EINVAL);
	config.listen = false;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	config.path = path;
	assert_int_equal(vr_vu_frontend_create(&config, &f), -EINVAL);
	config.path = NULL;
	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	assert_int_equal(vr_vu_frontend_connect(f, 0), -EINVAL);
	assert_int_equal(vr_vu_frontend_set_owner(f, 0), -ENOTCONN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	assert_int_equal(vr_vu_frontend_adopt(f, socks[0]), 0);
	assert_int_equal(vr_vu_frontend_connect(f, 0), -EISCONN);
	assert_int_equal(vr_vu_frontend_adopt(f, socks[1]), -EISCONN);
	vr_vu_frontend_disconnect(f);
	vr_vu_frontend_destroy(f);
	vr_vu_frontend_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_with_everything),
		cmocka_unit_test(packed_with_everything),
		cmocka_unit_test(without_reply_ack),
		cmocka_unit_test(single_calls),
		cmocka_unit_test(start_refuses_bad_arguments),
		cmocka_unit_test(features_ok_that_does_not_stay),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(back_end_without_protocol_features),
		cmocka_unit_test(answers_for_another_ring),
		cmocka_unit_test(packed_base_without_used_half),
		cmocka_unit_test(descriptors_go_with_the_first_byte),
		cmocka_unit_test(bad_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
