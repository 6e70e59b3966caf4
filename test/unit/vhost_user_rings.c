// SPDX-License-Identifier: BSD-3-Clause
/* The back end's rings: what it takes to start one, what may change when, and how one is stopped. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_peer.h"

static const struct vr_vu_vring *ring(const struct peer *peer, uint32_t index)
{
	return vr_vu_backend_vring(peer->backend, index);
}

static bool error_has(const struct peer *peer, const char *text)
{
	return strstr(vr_vu_backend_error(peer->backend), text);
}

static void ready(struct peer *peer, uint64_t features)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1 | features);
	peer_memory(peer);
}

static uint32_t get_base(struct peer *peer, uint32_t index)
{
	const struct answer answer = peer_ask_state(peer, VU_GET_VRING_BASE, index, 0);

	assert_true(answer.got);
	assert_int_equal(answer.header.size, 8);
	assert_int_equal(answer.payload.state.index, index);
	return answer.payload.state.num;
}

static bool kick(struct peer *peer, uint32_t index)
{
	const struct answer answer = peer_ring_fd(peer, VU_SET_VRING_KICK, index, true);

	assert_true(answer.got);
	return is_ok(&answer);
}

static struct answer set_addr(struct peer *peer, const struct vu_vring_addr *addr)
{
	return peer_ask(peer, VU_SET_VRING_ADDR, addr, sizeof(*addr), NULL, 0);
}

static void begins_stopped_and_disabled(void **state)
{
	struct peer peer;
	uint32_t i;

	(void)state;
	ready(&peer, 0);
	for (i = 0; i < PEER_RINGS; i++) {
		assert_false(ring(&peer, i)->running);
		assert_false(ring(&peer, i)->enabled);
		assert_int_equal(ring(&peer, i)->kick_fd, -1);
	}
	assert_null(ring(&peer, PEER_RINGS));
	assert_null(ring(&peer, UINT32_MAX));
	peer_destroy(&peer);
}

static void sizes(void **state)
{
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 0);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 3);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 2048);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 65535);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 0x10000);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 0x10010);
	peer_state(&peer, VU_SET_VRING_NUM, 0, 1);
	peer_state(&peer, VU_SET_VRING_NUM, 0, 1024);
	peer_destroy(&peer);
	ready(&peer, VR_F_RING_PACKED);
	peer_state(&peer, VU_SET_VRING_NUM, 0, 3);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 1025);
	peer_destroy(&peer);
	/* Before SET_FEATURES nobody knows the layout: the start finds out. */
	peer_create(&peer);
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_SUPPORTED);
	peer_ring(&peer, 0, 3, 0);
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1);
	peer_memory(&peer);
	assert_false(kick(&peer, 0));
	assert_true(error_has(&peer, "power of two"));
	peer_destroy(&peer);
}

static void start_needs_everything(void **state)
{
	const struct vu_vring_addr addr = peer_addr(0);
	struct answer answer;
	struct peer peer;

	(void)state;
	peer_create(&peer);
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_SUPPORTED);
	assert_false(kick(&peer, 0));
	assert_true(error_has(&peer, "no SET_FEATURES"));
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1);
	assert_false(kick(&peer, 0));
	assert_true(error_has(&peer, "no SET_VRING_NUM"));
	peer_state(&peer, VU_SET_VRING_NUM, 0, 16);
	assert_false(kick(&peer, 0));
	assert_true(error_has(&peer, "no SET_VRING_BASE"));
	peer_state(&peer, VU_SET_VRING_BASE, 0, 0);
	assert_false(kick(&peer, 0));
	assert_true(error_has(&peer, "no SET_VRING_ADDR"));
	answer = set_addr(&peer, &addr);
	assert_true(is_ok(&answer));
	assert_false(kick(&peer, 0));
	assert_true(error_has(&peer, "in no region"));
	peer_memory(&peer);
	/* A descriptor of a start that failed is not kept. */
	assert_int_equal(ring(&peer, 0)->kick_fd, -1);
	assert_true(kick(&peer, 0));
	assert_int_equal(peer.starts, 1);
	peer_destroy(&peer);
}

/* The settings of a ring are independent: any order will do. */
static void any_order(void **state)
{
	static const char orders[][4] = { "nba", "nab", "bna", "ban", "anb", "abn" };
	struct peer peer;
	size_t i, j;

	(void)state;
	ready(&peer, 0);
	for (i = 0; i < 6; i++) {
		const struct vu_vring_addr addr = peer_addr(1);
		struct answer answer;

		for (j = 0; j < 3; j++) {
			if (orders[i][j] == 'n')
				peer_state(&peer, VU_SET_VRING_NUM, 1, 32);
			else if (orders[i][j] == 'b')
				peer_state(&peer, VU_SET_VRING_BASE, 1, 0);
			else
				answer = set_addr(&peer, &addr);
		}
		assert_true(is_ok(&answer));
		assert_true(kick(&peer, 1));
		assert_int_equal(peer.rings[1].size, 32);
		assert_int_equal(peer.rings[1].ring.descriptors.addr, PEER_GUEST + 0x8000);
		assert_int_equal(peer.rings[1].ring.driver.addr, PEER_GUEST + 0xc000);
		assert_int_equal(peer.rings[1].ring.device.addr, PEER_GUEST + 0xe000);
		peer_reconnect(&peer);
		peer_negotiate(&peer, VR_F_VERSION_1);
		peer_memory(&peer);
	}
	peer_destroy(&peer);
}

static void addresses_that_are_nowhere(void **state)
{
	const uint64_t end = PEER_USER + PEER_MEMORY;
	/* Ring of 16: 256, 38 and 134 bytes, aligned to 16, 2 and 4. */
	const struct {
		uint64_t descriptors, driver, device;
		bool fits;
	} cases[] = {
		{ PEER_USER, PEER_USER + 0x1000, PEER_USER + 0x2000, true },
		{ end - 256, PEER_USER, PEER_USER, true },
		{ end - 240, PEER_USER, PEER_USER, false },
		{ PEER_USER, end - 38, PEER_USER, true },
		{ PEER_USER, end - 36, PEER_USER, false },
		{ PEER_USER, PEER_USER, end - 136, true },
		{ PEER_USER, PEER_USER, end - 132, false },
		{ PEER_USER - 16, PEER_USER, PEER_USER, false },
		{ 0, PEER_USER, PEER_USER, false },
		{ PEER_USER, 0, PEER_USER, false },
		{ PEER_USER, PEER_USER, 0, false },
		{ UINT64_MAX - 15, PEER_USER, PEER_USER, false },
		{ PEER_USER, UINT64_MAX - 1, PEER_USER, false },
		{ PEER_USER, PEER_USER, UINT64_MAX - 3, false },
		{ PEER_GUEST, PEER_USER, PEER_USER, false },
		{ PEER_USER + 8, PEER_USER, PEER_USER, false },
		{ PEER_USER, PEER_USER + 1, PEER_USER, false },
		{ PEER_USER, PEER_USER, PEER_USER + 2, false },
	};
	struct answer answer;
	struct peer peer;
	size_t i;

	(void)state;
	ready(&peer, VR_F_EVENT_IDX);
	peer_ring(&peer, 0, 16, 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct vu_vring_addr addr = { .descriptors = cases[i].descriptors,
						    .driver = cases[i].driver,
						    .device = cases[i].device };

		answer = set_addr(&peer, &addr);
		assert_true(is_ok(&answer));
		if (kick(&peer, 0) != cases[i].fits)
			fail_msg("case %zu: %s", i, vr_vu_backend_error(peer.backend));
		get_base(&peer, 0);
	}
	/* Of the flags only that of the dirty log is known. */
	answer = set_addr(&peer, &(struct vu_vring_addr){ .flags = 3 });
	assert_true(is_refused(&answer));
	peer_destroy(&peer);
}

static void running_ring_keeps_its_shape(void **state)
{
	struct vu_vring_addr addr = peer_addr(0);
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	peer_start(&peer, 0);
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 16);
	peer_refuses_state(&peer, VU_SET_VRING_BASE, 0, 0);
	peer_refuses_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_F_RING_PACKED);
	answer = set_addr(&peer, &addr);
	assert_true(is_ok(&answer));
	addr.descriptors += 16;
	answer = set_addr(&peer, &addr);
	assert_true(is_refused(&answer));
	/* The same features again change nothing. */
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	/* Another ring is not concerned. */
	peer_start(&peer, 1);
	assert_int_equal(peer.starts, 2);
	assert_int_equal(peer.stops, 0);
	peer_destroy(&peer);
}

static void enable_is_independent_of_start(void **state)
{
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	peer_state(&peer, VU_SET_VRING_ENABLE, 0, 1);
	assert_true(ring(&peer, 0)->enabled);
	assert_int_equal(peer.enables, 0);
	peer_start(&peer, 0);
	assert_true(peer.rings[0].enabled);
	peer_state(&peer, VU_SET_VRING_ENABLE, 0, 0);
	assert_false(peer.rings[0].enabled);
	peer_state(&peer, VU_SET_VRING_ENABLE, 0, 0);
	assert_int_equal(peer.enables, 1);
	peer_refuses_state(&peer, VU_SET_VRING_ENABLE, 0, 2);
	peer_refuses_state(&peer, VU_SET_VRING_ENABLE, 0, UINT32_MAX);
	peer_start(&peer, 1);
	assert_false(peer.rings[1].enabled);
	/* RESET_OWNER disables, no more. */
	peer_state(&peer, VU_SET_VRING_ENABLE, 0, 1);
	peer_ask(&peer, VU_RESET_OWNER, NULL, 0, NULL, 0);
	assert_false(peer.rings[0].enabled);
	assert_true(peer.rings[0].running);
	peer_destroy(&peer);
}

static void without_protocol_features_all_are_enabled(void **state)
{
	struct answer answer;
	struct peer peer;
	uint32_t i;

	(void)state;
	peer_create(&peer);
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_REPLY_ACK);
	/* Before the features: DPDK begins that way when it comes back. */
	peer_state(&peer, VU_SET_VRING_ENABLE, 0, 0);
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1);
	for (i = 0; i < PEER_RINGS; i++)
		assert_true(ring(&peer, i)->enabled);
	answer = peer_ask_state(&peer, VU_SET_VRING_ENABLE, 0, 1);
	assert_true(is_refused(&answer));
	peer_destroy(&peer);
}

static void stops_and_goes_on(void **state)
{
	struct peer peer;
	int i;

	(void)state;
	ready(&peer, 0);
	assert_int_equal(get_base(&peer, 0), 0);
	peer_start(&peer, 0);
	peer_start(&peer, 1);
	for (i = 0; i < 100; i++) {
		peer.stop_base[0] = (uint32_t)i % 16 + 1;
		assert_int_equal(get_base(&peer, 0), peer.stop_base[0]);
		assert_int_equal(peer.last_stop, VR_VU_STOP_REQUEST);
		assert_false(peer.rings[0].running);
		assert_true(peer.rings[1].running);
		/* Nobody waits for an answer that came at once. */
		assert_int_equal(vr_vu_backend_resume(peer.backend, 0, 9), -EINVAL);
		/* Asked again it answers the same and stops nothing. */
		assert_int_equal(get_base(&peer, 0), peer.stop_base[0]);
		assert_int_equal(peer.stops, i + 1);
		/* Where it stopped, the driver has got to as well. */
		((uint16_t *)peer.rings[0].ring.device.host)[1] = (uint16_t)peer.stop_base[0];
		((uint16_t *)peer.rings[0].ring.driver.host)[1] = (uint16_t)peer.stop_base[0];
		assert_true(kick(&peer, 0));
		assert_int_equal(peer.rings[0].base, peer.stop_base[0]);
	}
	peer_destroy(&peer);
}

static void split_bases(void **state)
{
	/* Ring of 16; what lies in the ring, what is asked for, what is started with. */
	static const struct {
		uint64_t features;
		uint16_t used, avail;
		uint32_t base, start;
	} cases[] = {
		{ 0, 0, 0, 0, 0 },
		{ 0, 498, 510, 500, 500 }, /* two in flight */
		{ 0, 65530, 4, 65535, 65535 },
		{ 0, 100, 100, 0, 100 }, /* lost: DPDK asks for 0 */
		{ 0, 100, 120, 117, 100 },
		{ 0, 100, 130, 110, 100 },
		{ VR_F_IN_ORDER, 498, 510, 500, 498 },
		{ VR_F_IN_ORDER, 498, 510, 498, 498 },
	};
	struct peer peer;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct vu_vring_addr addr = peer_addr(0);
		const off_t driver = (off_t)(addr.driver - PEER_USER) + 2;
		const off_t device = (off_t)(addr.device - PEER_USER) + 2;

		ready(&peer, cases[i].features);
		assert_int_equal(pwrite(peer.memory_fd, &cases[i].used, 2, device), 2);
		assert_int_equal(pwrite(peer.memory_fd, &cases[i].avail, 2, driver), 2);
		peer_ring(&peer, 0, 16, cases[i].base);
		assert_true(kick(&peer, 0));
		assert_int_equal(peer.rings[0].base, cases[i].start);
		peer_destroy(&peer);
	}
	ready(&peer, 0);
	peer_ring(&peer, 0, 16, 0x10000);
	assert_false(kick(&peer, 0));
	assert_true(error_has(&peer, "above 0xffff"));
	peer_destroy(&peer);
}

static void packed_bases(void **state)
{
	/* Ring of 5. */
	static const struct {
		uint32_t base, start;
		bool fits;
	} cases[] = {
		{ 0x80008000, 0x80008000, true }, { 0x8000, 0x80008000, true }, /* DPDK */
		{ 0x0003, 0x00030003, true },	  { 0x8004, 0x80048004, true },
		{ 0x80040002, 0x80040002, true }, { 0x8005, 0, false },
		{ 0x00058000, 0, false },	  { 0xffff, 0, false },
		{ 0x7fff8000, 0, false },	  { 0xffffffff, 0, false },
	};
	struct peer peer;
	size_t i;

	(void)state;
	ready(&peer, VR_F_RING_PACKED);
	assert_int_equal(get_base(&peer, 0), VR_VU_BASE_FRESH_PACKED);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		peer_ring(&peer, 0, 5, cases[i].base);
		assert_int_equal(kick(&peer, 0), cases[i].fits);
		if (cases[i].fits)
			assert_int_equal(peer.rings[0].base, cases[i].start);
		else
			assert_true(error_has(&peer, "beyond its size"));
		get_base(&peer, 0);
	}
	peer_destroy(&peer);
}

/* User Mode Linux gives 0 as base of a new packed ring; after a lap it is a position like others. */
static void packed_base_zero(void **state)
{
	/* A slot: cleared; available and used in the first lap; both in the second. */
	static const struct {
		uint16_t flags;
		uint64_t addr;
		uint32_t start;
	} cases[] = {
		{ 0, 0, 0x80008000 },  { 0x0080, 0x1000, 0x80008000 },
		{ 0x8080, 0x1000, 0 }, { 0x8000, 0x1000, 0 },
		{ 0, 0x1000, 0 },      { 2, 0, 0 },
		{ 0, 0, 0x80008000 },
	};
	struct peer peer;
	size_t i, slot;

	(void)state;
	ready(&peer, VR_F_RING_PACKED);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (slot = 0; slot < 5; slot++) {
			const uint16_t flags = htole16(cases[i].flags);
			const uint64_t addr = htole64(cases[i].addr);
			const off_t at = (off_t)slot * 16;
			static const uint8_t none[80];

			assert_int_equal(pwrite(peer.memory_fd, none, 80, 0), 80);
			assert_int_equal(pwrite(peer.memory_fd, &addr, 8, at), 8);
			assert_int_equal(pwrite(peer.memory_fd, &flags, 2, at + 14), 2);
			peer_ring(&peer, 0, 5, 0);
			assert_true(kick(&peer, 0));
			assert_int_equal(peer.rings[0].base, cases[i].start);
			get_base(&peer, 0);
		}
	peer_destroy(&peer);
}

static void device_refuses_to_start(void **state)
{
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	peer_ring(&peer, 0, 16, 0);
	peer.refuse_start = true;
	assert_false(kick(&peer, 0));
	assert_false(ring(&peer, 0)->running);
	peer.refuse_start = false;
	assert_true(kick(&peer, 0));
	/* Refusing to go on with another descriptor ends the session: there is no way back. */
	peer.refuse_start = true;
	peer_ring_fd(&peer, VU_SET_VRING_KICK, 0, true);
	assert_false(vr_vu_backend_connected(peer.backend));
	peer.refuse_start = false;
	peer_destroy(&peer);
}

/* ---- descriptors ---- */

static void exchanged_descriptors(void **state)
{
	static const uint32_t requests[] = { VU_SET_VRING_CALL, VU_SET_VRING_ERR,
					     VU_SET_VRING_KICK };
	struct answer answer;
	struct peer peer;
	int before, i, call_fd;
	size_t j;

	(void)state;
	ready(&peer, 0);
	peer_start(&peer, 0);
	answer = peer_ring_fd(&peer, VU_SET_VRING_ERR, 0, true);
	assert_true(is_ok(&answer));
	before = count_fds();
	call_fd = peer.rings[0].call_fd;
	for (i = 0; i < 100; i++)
		for (j = 0; j < 3; j++) {
			answer = peer_ring_fd(&peer, requests[j], 0, true);
			assert_true(is_ok(&answer));
		}
	assert_int_equal(count_fds(), before);
	/* Only the kick needed a pause, beside the first err; the call's number is the same. */
	assert_int_equal(peer.stops, 101);
	assert_int_equal(peer.last_stop, VR_VU_STOP_PAUSE);
	assert_int_equal(peer.rings[0].call_fd, call_fd);
	assert_true(fcntl(call_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(call_fd, F_GETFL) & O_NONBLOCK);
	/* To polling and back. */
	for (j = 0; j < 3; j++) {
		answer = peer_ring_fd(&peer, requests[j], 0, false);
		assert_true(is_ok(&answer));
	}
	assert_int_equal(peer.rings[0].call_fd, -1);
	assert_int_equal(peer.rings[0].kick_fd, -1);
	assert_int_equal(peer.rings[0].err_fd, -1);
	assert_int_equal(count_fds(), before - 3);
	peer_destroy(&peer);
}

static void new_call_descriptor_is_the_one_that_is_signalled(void **state)
{
	const uint64_t index = 0;
	struct answer answer;
	struct peer peer;
	uint64_t value;
	int fd;

	(void)state;
	ready(&peer, 0);
	peer_start(&peer, 0);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	answer = peer_ask(&peer, VU_SET_VRING_CALL, &index, 8, &fd, 1);
	assert_true(is_ok(&answer));
	assert_int_equal(vr_vu_notify(peer.rings[0].call_fd), 0);
	assert_int_equal(read(fd, &value, 8), 8);
	/* Full: nobody waits, and the signal is there. */
	value = UINT64_MAX - 1;
	assert_int_equal(write(fd, &value, 8), 8);
	assert_int_equal(vr_vu_notify(peer.rings[0].call_fd), 0);
	assert_int_equal(vr_vu_drain(fd), 1);
	assert_int_equal(vr_vu_drain(fd), 0);
	assert_int_equal(vr_vu_drain(-1), 0);
	assert_int_equal(vr_vu_notify(-1), 0);
	assert_int_equal(vr_vu_notify(9999), -EBADF);
	assert_int_equal(vr_vu_drain(9999), -EBADF);
	close(fd);
	peer_destroy(&peer);
}

static void wrong_descriptors(void **state)
{
	const uint64_t with_fd = 0, without_fd = VU_VRING_NO_FD;
	struct answer answer;
	struct peer peer;
	int before, pipes[2];

	(void)state;
	ready(&peer, 0);
	before = count_fds();
	/* A file. */
	answer = peer_ask(&peer, VU_SET_VRING_CALL, &with_fd, 8, &peer.memory_fd, 1);
	assert_true(is_refused(&answer));
	assert_true(error_has(&peer, "neither an eventfd, a pipe nor a socket"));
	/* Announced and not there, there and not announced. */
	answer = peer_ask(&peer, VU_SET_VRING_CALL, &with_fd, 8, NULL, 0);
	assert_true(is_refused(&answer));
	answer = peer_ask(&peer, VU_SET_VRING_CALL, &without_fd, 8, &peer.memory_fd, 1);
	assert_true(is_refused(&answer));
	assert_int_equal(count_fds(), before);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	answer = peer_ask(&peer, VU_SET_VRING_CALL, &with_fd, 8, &pipes[1], 1);
	assert_true(is_ok(&answer));
	close(pipes[0]);
	close(pipes[1]);
	peer_destroy(&peer);
}

/* ---- deferred stops ---- */

static void deferred_stop_holds_messages_back(void **state)
{
	const struct vu_vring_state base = { 0, 0 };
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	peer_start(&peer, 0);
	peer.defer = true;
	assert_int_equal(vr_vu_backend_resume(peer.backend, 0, 1), -EINVAL);
	peer_send(&peer, VU_GET_VRING_BASE, VU_VERSION, &base, sizeof(base), NULL, 0);
	peer_send(&peer, VU_GET_FEATURES, VU_VERSION, NULL, 0, NULL, 0);
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_false(answer.got || answer.closed);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 1, 7), -EINVAL);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 0, 7), 0);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 0, 8), -EINVAL);
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_int_equal(answer.header.request, VU_GET_VRING_BASE);
	assert_int_equal(answer.payload.state.num, 7);
	answer = peer_receive(&peer);
	assert_int_equal(answer.header.request, VU_GET_FEATURES);
	peer.defer = false;
	peer_destroy(&peer);
}

/* Memory is exchanged only when the last ring has let go of it. */
static void deferred_pause(void **state)
{
	const struct vu_region_table table = {
		.count = 1,
		.regions = { { PEER_GUEST, PEER_MEMORY, PEER_USER, 0 } },
	};
	struct answer answer;
	struct peer peer;
	const void *old[2];

	(void)state;
	ready(&peer, 0);
	peer_start(&peer, 0);
	peer_start(&peer, 2);
	old[0] = peer.rings[0].ring.descriptors.host;
	old[1] = peer.rings[2].ring.descriptors.host;
	peer.defer = true;
	answer = peer_ask(&peer, VU_SET_MEM_TABLE, &table, 40, &peer.memory_fd, 1);
	assert_false(answer.got);
	assert_int_equal(peer.stops, 1);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 0, 0), 0);
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_false(answer.got);
	assert_int_equal(peer.stops, 2);
	/* The old mapping is there until the second one answers. */
	*(volatile char *)(uintptr_t)old[1] = 1;
	assert_int_equal(vr_vu_backend_resume(peer.backend, 2, 0), 0);
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_true(is_ok(&answer));
	assert_true(peer.rings[0].running && peer.rings[2].running);
	assert_ptr_not_equal(peer.rings[0].ring.descriptors.host, old[0]);
	peer.defer = false;
	peer_destroy(&peer);
}

/* The front end goes away while its message waits. */
static void hangs_up_during_a_deferred_stop(void **state)
{
	const struct vu_vring_state base = { 0, 0 };
	struct pollfd pollfd = { .events = POLLIN };
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	pollfd.fd = vr_vu_backend_fd(peer.backend);
	peer_start(&peer, 0);
	peer_start(&peer, 1);
	peer.defer = true;
	peer_send(&peer, VU_GET_VRING_BASE, VU_VERSION, &base, sizeof(base), NULL, 0);
	peer_run(&peer);
	close(peer.sock);
	peer.sock = -1;
	peer_run(&peer);
	assert_true(vr_vu_backend_connected(peer.backend));
	/* Nothing to do until then: a hang-up must not keep the program busy. */
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 0, 0), 0);
	assert_int_equal(poll(&pollfd, 1, 0), 1);
	peer_run(&peer);
	/* Now the other ring is stopped for the end of the session. */
	assert_int_equal(peer.stops, 2);
	assert_int_equal(peer.last_stop, VR_VU_STOP_CLOSED);
	assert_true(vr_vu_backend_connected(peer.backend));
	assert_int_equal(vr_vu_backend_close(peer.backend), -EINPROGRESS);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 1, 0), 0);
	peer_run(&peer);
	assert_false(vr_vu_backend_connected(peer.backend));
	assert_int_equal(peer.disconnects, 1);
	peer.defer = false;
	peer_reconnect(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_destroy(&peer);
}

static void *resume_later(void *arg)
{
	struct peer *peer = arg;

	while (vr_vu_backend_resume(peer->backend, 0, 0))
		usleep(1000);
	return NULL;
}

static void destroy_waits_for_a_deferred_stop(void **state)
{
	pthread_t thread;
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	peer_start(&peer, 0);
	peer.defer = true;
	assert_int_equal(pthread_create(&thread, NULL, resume_later, &peer), 0);
	assert_int_equal(vr_vu_backend_close(peer.backend), -EINPROGRESS);
	pthread_join(thread, NULL);
	peer_destroy(&peer);
	assert_int_equal(peer.disconnects, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_stopped_and_disabled),
		cmocka_unit_test(sizes),
		cmocka_unit_test(start_needs_everything),
		cmocka_unit_test(any_order),
		cmocka_unit_test(addresses_that_are_nowhere),
		cmocka_unit_test(running_ring_keeps_its_shape),
		cmocka_unit_test(enable_is_independent_of_start),
		cmocka_unit_test(without_protocol_features_all_are_enabled),
		cmocka_unit_test(stops_and_goes_on),
		cmocka_unit_test(split_bases),
		cmocka_unit_test(packed_bases),
		cmocka_unit_test(packed_base_zero),
		cmocka_unit_test(device_refuses_to_start),
		cmocka_unit_test(exchanged_descriptors),
		cmocka_unit_test(new_call_descriptor_is_the_one_that_is_signalled),
		cmocka_unit_test(wrong_descriptors),
		cmocka_unit_test(deferred_stop_holds_messages_back),
		cmocka_unit_test(deferred_pause),
		cmocka_unit_test(hangs_up_during_a_deferred_stop),
		cmocka_unit_test(destroy_waits_for_a_deferred_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
