// SPDX-License-Identifier: BSD-3-Clause
/*
 * A front end that keeps to nothing: every message in every wrong shape. The back end names what is
 * wrong, refuses or closes, leaks nothing and serves the next one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_peer.h"

#define NEED_REPLY (VU_VERSION | VU_FLAG_NEED_REPLY)

/* Requests that are tried: all of the table, and what is not in it. */
#define LAST_REQUEST 60u

static void fresh(struct peer *peer)
{
	peer_reconnect(peer);
	peer_negotiate(peer, VR_F_VERSION_1);
}

/* Refused by an acknowledgement, or by the end of the session. */
static void expect_refusal(struct peer *peer, uint32_t request, const char *what)
{
	const struct answer answer = peer_receive(peer);

	if (!answer.closed && !is_refused(&answer) && !(answer.got && !answer.header.size))
		fail_msg("request %u: %s was accepted", request, what);
	assert_int_not_equal(*vr_vu_backend_error(peer->backend), 0);
	if (answer.closed) {
		assert_false(vr_vu_backend_connected(peer->backend));
		fresh(peer);
	}
}

static void wrong_sizes(void **state)
{
	static const uint32_t sizes[] = { 0,  1,  7,  8,  9,   11,  12,	  15,  16,
					  24, 39, 40, 41, 264, 265, 2055, 2056 };
	struct peer peer;
	uint32_t request, min, max;
	size_t i;

	(void)state;
	peer_create(&peer);
	fresh(&peer);
	for (request = 1; request <= LAST_REQUEST; request++) {
		const struct vu_message *message = vri_message(request);

		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			if (message) {
				vri_payload_size(message->payload, &min, &max);
				if (message->handle && sizes[i] >= min && sizes[i] <= max)
					continue;
			}
			peer_send(&peer, request, NEED_REPLY, NULL, sizes[i], NULL, 0);
			peer_run(&peer);
			expect_refusal(&peer, request, "a wrong size");
		}
	}
	peer_destroy(&peer);
}

static void wrong_headers(void **state)
{
	static const struct {
		const char *what;
		uint32_t flags;
		uint32_t size;
	} cases[] = {
		{ "version 0", 0, 0 },
		{ "version 2", 2, 0 },
		{ "version 3", 3, 0 },
		{ "a reply", VU_VERSION | VU_FLAG_REPLY, 0 },
		{ "unknown flags", VU_VERSION | 0x10, 0 },
		{ "unknown flags", VU_VERSION | 0x80000000, 0 },
		{ "a size above all", VU_VERSION, VU_PAYLOAD_MAX + 1 },
		{ "the largest size", VU_VERSION, UINT32_MAX },
	};
	struct peer peer;
	uint32_t request;
	size_t i;

	(void)state;
	peer_create(&peer);
	for (request = 0; request <= LAST_REQUEST; request++) {
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct answer answer;

			fresh(&peer);
			peer_send(&peer, request, cases[i].flags, NULL, cases[i].size, NULL, 0);
			peer_run(&peer);
			answer = peer_receive(&peer);
			if (!answer.closed)
				fail_msg("request %u: %s did not end the session", request,
					 cases[i].what);
		}
	}
	peer_destroy(&peer);
}

static uint32_t payload_of(uint32_t request, union vu_payload *payload)
{
	const struct vu_message *message = vri_message(request);
	uint32_t min = 8, max;

	memset(payload, 0, sizeof(*payload));
	if (message)
		vri_payload_size(message->payload, &min, &max);
	return min;
}

/* Every message with every number of descriptors that it must not have. */
static void wrong_descriptors(void **state)
{
	union vu_payload payload;
	struct peer peer;
	uint32_t request, count;
	int fds[40], before;
	size_t i;

	(void)state;
	peer_create(&peer);
	for (i = 0; i < 40; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	fresh(&peer);
	before = count_fds();
	for (request = 0; request <= LAST_REQUEST; request++) {
		const struct vu_message *message = vri_message(request);
		const uint32_t size = payload_of(request, &payload);

		for (count = 0; count <= 40; count += count < 9 ? 1 : 8) {
			if (message && message->handle && count >= message->min_fds &&
			    count <= message->max_fds)
				continue;
			peer_send(&peer, request, NEED_REPLY, &payload, size, fds, count);
			peer_run(&peer);
			expect_refusal(&peer, request, "a wrong number of descriptors");
			assert_int_equal(count_fds(), before);
		}
	}
	for (i = 0; i < 40; i++)
		close(fds[i]);
	peer_destroy(&peer);
}

/* What was not negotiated is not served. */
static void not_negotiated(void **state)
{
	union vu_payload payload;
	struct peer peer;
	uint32_t request;

	(void)state;
	peer_create(&peer);
	for (request = 1; request < VU_REQUEST_COUNT; request++) {
		const struct vu_message *message = vri_message(request);
		const int fds[] = { peer.memory_fd };
		struct answer answer;

		if (!message->handle || (!message->protocol && message->gate != VU_GATE_ACCEPTED))
			continue;
		peer_reconnect(&peer);
		peer_send(&peer, request, VU_VERSION, &payload, payload_of(request, &payload), fds,
			  message->min_fds);
		peer_run(&peer);
		answer = peer_receive(&peer);
		assert_true(answer.closed);
		assert_non_null(strstr(vr_vu_backend_error(peer.backend), message->name));
	}
	peer_destroy(&peer);
}

/* Unknown and unsupported: refused where an answer is asked for, the end of the session if not. */
static void unknown_requests(void **state)
{
	struct peer peer;
	uint32_t request;
	struct answer answer;

	(void)state;
	peer_create(&peer);
	for (request = 0; request <= LAST_REQUEST; request++) {
		const struct vu_message *message = vri_message(request);

		if (message && message->handle)
			continue;
		fresh(&peer);
		answer = peer_ask(&peer, request, NULL, 0, NULL, 0);
		assert_true(message && message->reply != VU_NONE ? answer.closed :
								   is_refused(&answer));
		fresh(&peer);
		peer_send(&peer, request, VU_VERSION, NULL, 0, NULL, 0);
		peer_run(&peer);
		answer = peer_receive(&peer);
		assert_true(answer.closed);
		assert_non_null(strstr(vr_vu_backend_error(peer.backend),
				       message ? message->name : "unknown request"));
	}
	peer_destroy(&peer);
}

/* Every per-ring message with an index that the device does not have. */
static void wrong_index(void **state)
{
	static const uint32_t requests[] = { VU_SET_VRING_NUM, VU_SET_VRING_BASE,
					     VU_SET_VRING_ENABLE };
	static const uint32_t indexes[] = { PEER_RINGS, 255, 256, 0x10000, UINT32_MAX };
	static const uint32_t fd_requests[] = { VU_SET_VRING_KICK, VU_SET_VRING_CALL,
						VU_SET_VRING_ERR };
	struct vu_vring_addr addr = { 0 };
	struct answer answer;
	struct peer peer;
	size_t i, j;

	(void)state;
	peer_create(&peer);
	fresh(&peer);
	for (i = 0; i < 5; i++) {
		for (j = 0; j < 3; j++)
			peer_refuses_state(&peer, requests[j], indexes[i], 1);
		addr.index = indexes[i];
		answer = peer_ask(&peer, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
		assert_true(is_refused(&answer));
	}
	for (j = 0; j < 3; j++) {
		peer_refuses_u64(&peer, fd_requests[j], PEER_RINGS | VU_VRING_NO_FD);
		peer_refuses_u64(&peer, fd_requests[j], 255 | VU_VRING_NO_FD);
		/* Bits above the ninth mean nothing yet, so they must not be set. */
		peer_refuses_u64(&peer, fd_requests[j], 0x200 | VU_VRING_NO_FD);
		peer_refuses_u64(&peer, fd_requests[j], 1ull << 63 | VU_VRING_NO_FD);
		/* A descriptor is announced and missing. */
		peer_refuses_u64(&peer, fd_requests[j], 0);
	}
	answer = peer_ask_state(&peer, VU_GET_VRING_BASE, PEER_RINGS, 0);
	assert_true(answer.closed);
	peer_destroy(&peer);
}

/* Descriptors that come behind the first byte are closed and make the message invalid. */
static void late_descriptors(void **state)
{
	const struct vu_header header = { VU_SET_VRING_CALL, NEED_REPLY, 8 };
	unsigned char bytes[20] = { 0 };
	struct answer answer;
	struct peer peer;
	size_t at;

	(void)state;
	memcpy(bytes, &header, sizeof(header));
	peer_create(&peer);
	fresh(&peer);
	for (at = 1; at < 20; at++) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec iov = { bytes + at, 20 - at };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		const int before = count_fds();

		assert_int_equal(send(peer.sock, bytes, at, 0), at);
		peer_run(&peer);
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &peer.memory_fd, sizeof(int));
		assert_int_equal(sendmsg(peer.sock, &msg, 0), 20 - at);
		peer_run(&peer);
		answer = peer_receive(&peer);
		assert_true(is_refused(&answer));
		assert_non_null(strstr(vr_vu_backend_error(peer.backend), "first byte"));
		assert_int_equal(count_fds(), before);
	}
	peer_destroy(&peer);
}

/* The connection ends after every single byte of a message. */
static void ends_within_a_message(void **state)
{
	const struct vu_header header = { VU_SET_VRING_NUM, VU_VERSION, 8 };
	unsigned char bytes[20] = { 0 };
	struct peer peer;
	size_t at;

	(void)state;
	memcpy(bytes, &header, sizeof(header));
	peer_create(&peer);
	for (at = 1; at < 20; at++) {
		fresh(&peer);
		assert_int_equal(send(peer.sock, bytes, at, 0), at);
		peer_run(&peer);
		assert_true(vr_vu_backend_connected(peer.backend));
		close(peer.sock);
		peer.sock = -1;
		peer_run(&peer);
		assert_false(vr_vu_backend_connected(peer.backend));
		assert_non_null(strstr(vr_vu_backend_error(peer.backend), "within a message"));
	}
	peer_destroy(&peer);
}

/* A whole session of single bytes ends up the same. */
static void dribbled(void **state)
{
	struct answer answer;
	struct peer peer;

	(void)state;
	peer_create(&peer);
	peer.dribble = true;
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 0);
	peer_start(&peer, 1);
	assert_int_equal(peer.starts, 2);
	answer = peer_ask_state(&peer, VU_GET_VRING_BASE, 1, 0);
	assert_true(answer.got);
	assert_int_equal(answer.payload.state.index, 1);
	peer_destroy(&peer);
}

/* Many messages at once, and a peer that does not read its answers. */
static void does_not_read(void **state)
{
	struct answer answer;
	struct peer peer;
	int sent = 0, got = 0, small = 4096;

	(void)state;
	peer_create(&peer);
	fresh(&peer);
	setsockopt(peer.sock, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (sent < 100000 && peer_send(&peer, VU_GET_FEATURES, VU_VERSION, NULL, 0, NULL, 0)) {
		sent++;
		if (sent % 16 == 0)
			peer_run(&peer);
	}
	/* It never waited, and holds no more than one answer. */
	assert_true(sent > 0 && sent < 100000);
	assert_true(vr_vu_backend_connected(peer.backend));
	for (;;) {
		answer = peer_receive(&peer);
		if (!answer.got) {
			peer_run(&peer);
			answer = peer_receive(&peer);
		}
		if (!answer.got)
			break;
		assert_int_equal(answer.payload.u64, PEER_OFFERED);
		got++;
	}
	assert_int_equal(got, sent);
	peer_destroy(&peer);
}

static void stray_bytes(void **state)
{
	unsigned char bytes[4096];
	unsigned int seed = 1;
	struct peer peer;
	int round;
	size_t i;

	(void)state;
	peer_create(&peer);
	for (round = 0; round < 2000; round++) {
		peer_reconnect(&peer);
		for (i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1103515245 + 12345;
			bytes[i] = (unsigned char)(seed >> 16);
		}
		/* Some with a header that is right, so that they get further. */
		if (round % 2) {
			const struct vu_header header = { (uint32_t)round % 48, VU_VERSION,
							  (uint32_t)round / 48 * 8 };

			memcpy(bytes, &header, sizeof(header));
		}
		assert_int_equal(send(peer.sock, bytes, sizeof(bytes), 0), sizeof(bytes));
		peer_run(&peer);
	}
	peer_destroy(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_sizes),	     cmocka_unit_test(wrong_headers),
		cmocka_unit_test(wrong_descriptors), cmocka_unit_test(not_negotiated),
		cmocka_unit_test(unknown_requests),  cmocka_unit_test(wrong_index),
		cmocka_unit_test(late_descriptors),  cmocka_unit_test(ends_within_a_message),
		cmocka_unit_test(dribbled),	     cmocka_unit_test(does_not_read),
		cmocka_unit_test(stray_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
