// SPDX-License-Identifier: BSD-3-Clause
/* A device that answers later: the message waits, and so does all that follows. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_peer.h"

#define F_NET_MTU (1ull << 3)

static bool has_work(const struct peer *peer)
{
	struct pollfd pollfd = { vr_vu_backend_fd(peer->backend), POLLIN, 0 };

	return poll(&pollfd, 1, 0) > 0;
}

/* Sends a message that the device will think about, and sees that nothing happens meanwhile. */
static void ask_later(struct peer *peer, uint32_t request, const void *payload, uint32_t size)
{
	const uint32_t before = peer->deferred;
	struct answer answer;

	peer_send(peer, request, VU_VERSION | VU_FLAG_NEED_REPLY, payload, size, NULL, 0);
	peer_send(peer, VU_GET_STATUS, VU_VERSION, NULL, 0, NULL, 0);
	peer_run(peer);
	assert_int_equal(peer->deferred, before + 1);
	answer = peer_receive(peer);
	assert_false(answer.got || answer.closed);
	/* Nothing is there to do: a program that polls is not kept busy. */
	assert_false(has_work(peer));
}

/* The device answers; the answer to the message, and that the next message was read. */
static struct answer finish(struct peer *peer, int answer)
{
	struct answer first, second;

	assert_int_equal(vr_vu_backend_answer(peer->backend, answer), 0);
	assert_int_equal(vr_vu_backend_answer(peer->backend, answer), -EINVAL);
	assert_true(has_work(peer));
	peer_run(peer);
	first = peer_receive(peer);
	second = peer_receive(peer);
	assert_true(first.got);
	assert_true(second.got);
	assert_int_equal(second.header.request, VU_GET_STATUS);
	return first;
}

static void ready(struct peer *peer)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1 | F_NET_MTU);
	peer->later = true;
}

static void features(void **state)
{
	const uint64_t more = VR_F_VERSION_1 | F_NET_MTU | VR_F_EVENT_IDX |
			      VR_VU_F_PROTOCOL_FEATURES;
	struct vr_vu_backend_state now;
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer);
	ask_later(&peer, VU_SET_FEATURES, &more, 8);
	vr_vu_backend_state(peer.backend, &now);
	assert_int_not_equal(now.features, more);
	answer = finish(&peer, 0);
	assert_true(is_ok(&answer));
	vr_vu_backend_state(peer.backend, &now);
	assert_int_equal(now.features, more);
	ask_later(&peer, VU_SET_FEATURES, &more, 8);
	answer = finish(&peer, -1);
	assert_true(is_refused(&answer));
	peer_destroy(&peer);
}

static void status_and_mtu(void **state)
{
	const uint64_t status = 11, mtu = 1500;
	struct vr_vu_backend_state now;
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer);
	ask_later(&peer, VU_SET_STATUS, &status, 8);
	answer = finish(&peer, 0);
	assert_true(is_ok(&answer));
	/* FEATURES_OK that does not stay. */
	ask_later(&peer, VU_SET_STATUS, &status, 8);
	answer = finish(&peer, -1);
	assert_true(is_ok(&answer));
	vr_vu_backend_state(peer.backend, &now);
	assert_int_equal(now.status, 3);
	ask_later(&peer, VU_NET_SET_MTU, &mtu, 8);
	answer = finish(&peer, -1);
	assert_true(is_refused(&answer));
	ask_later(&peer, VU_NET_SET_MTU, &mtu, 8);
	answer = finish(&peer, 0);
	assert_true(is_ok(&answer));
	vr_vu_backend_state(peer.backend, &now);
	assert_int_equal(now.mtu, 1500);
	ask_later(&peer, VU_SEND_RARP, "\2\3\4\5\6\7\0", 8);
	answer = finish(&peer, 0);
	assert_true(is_ok(&answer));
	assert_memory_equal(peer.mac, "\2\3\4\5\6\7", 6);
	peer_destroy(&peer);
}

static void configuration(void **state)
{
	struct vu_config config = { .offset = 4, .size = 4 };
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer);
	ask_later(&peer, VU_GET_CONFIG, &config, VU_CONFIG_HEAD + 4);
	/* What the device was given to write to is still there. */
	memcpy(peer.later_data, "late", 4);
	answer = finish(&peer, 0);
	assert_int_equal(answer.header.size, VU_CONFIG_HEAD + 4);
	assert_int_equal(answer.payload.config.offset, 4);
	assert_memory_equal(answer.payload.config.data, "late", 4);
	ask_later(&peer, VU_GET_CONFIG, &config, VU_CONFIG_HEAD + 4);
	answer = finish(&peer, -1);
	assert_int_equal(answer.header.size, 0);
	memcpy(config.data, "abcd", 4);
	ask_later(&peer, VU_SET_CONFIG, &config, VU_CONFIG_HEAD + 4);
	answer = finish(&peer, 0);
	assert_true(is_ok(&answer));
	ask_later(&peer, VU_SET_CONFIG, &config, VU_CONFIG_HEAD + 4);
	answer = finish(&peer, -1);
	assert_true(is_refused(&answer));
	peer_destroy(&peer);
}

/* First its rings take their time, then the device itself. */
static void reset_in_two_steps(void **state)
{
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer);
	peer_memory(&peer);
	peer_start(&peer, 1);
	peer.defer = true;
	peer_send(&peer, VU_RESET_DEVICE, VU_VERSION | VU_FLAG_NEED_REPLY, NULL, 0, NULL, 0);
	peer_run(&peer);
	assert_int_equal(peer.deferred, 0);
	assert_int_equal(vr_vu_backend_answer(peer.backend, 0), -EINVAL);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 1, 7), 0);
	peer_run(&peer);
	assert_int_equal(peer.deferred, 1);
	answer = peer_receive(&peer);
	assert_false(answer.got);
	assert_int_equal(vr_vu_backend_answer(peer.backend, -1), 0);
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_true(is_ok(&answer));
	peer_destroy(&peer);
}

/* The answer comes before the operation has returned. */
static void answered_at_once(void **state)
{
	const uint64_t mtu = 9999;
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer);
	peer.at_once = true;
	peer_u64(&peer, VU_SET_STATUS, 1);
	answer = peer_ask(&peer, VU_NET_SET_MTU, &mtu, 8, NULL, 0);
	assert_true(is_refused(&answer));
	assert_int_equal(peer.deferred, 2);
	peer_destroy(&peer);
}

static void *answer_soon(void *arg)
{
	struct peer *peer = arg;

	usleep(20000);
	assert_int_equal(vr_vu_backend_answer(peer->backend, 0), 0);
	return NULL;
}

/* The end of the session waits for the answer, which comes from another thread. */
static void closed_meanwhile(void **state)
{
	const uint64_t status = 1;
	pthread_t thread;
	struct peer peer;

	(void)state;
	ready(&peer);
	ask_later(&peer, VU_SET_STATUS, &status, 8);
	close(peer.sock);
	peer.sock = -1;
	peer_run(&peer);
	assert_true(vr_vu_backend_connected(peer.backend));
	assert_int_equal(vr_vu_backend_close(peer.backend), -EINPROGRESS);
	assert_int_equal(pthread_create(&thread, NULL, answer_soon, &peer), 0);
	peer_destroy(&peer);
	pthread_join(thread, NULL);
}

static int never_starts(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	(void)context;
	(void)vring;
	(void)mem;
	return -1;
}

static int never_stops(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	(void)context;
	(void)index;
	(void)why;
	*base = 0;
	return -1;
}

/* Operations of a program that was built when there were fewer; and sizes that never were. */
static void operations_of_other_versions(void **state)
{
	static const struct vr_vu_backend_ops none = { .struct_size = sizeof(none) };
	struct vr_vu_backend_ops ops = none;
	struct vr_vu_backend_config config = {
		.struct_size = sizeof(config),
		.vrings = 1,
		.ops = &ops,
	};
	struct vr_vu_backend *backend;

	(void)state;
	assert_int_equal(vr_vu_backend_create(&config, &backend), -EINVAL);
	ops.ring_start = never_starts;
	ops.ring_stop = never_stops;
	assert_int_equal(vr_vu_backend_create(&config, &backend), 0);
	vr_vu_backend_destroy(backend);
	ops.struct_size = offsetof(struct vr_vu_backend_ops, rarp) + sizeof(ops.rarp);
	assert_int_equal(vr_vu_backend_create(&config, &backend), 0);
	vr_vu_backend_destroy(backend);
	ops.struct_size--;
	assert_int_equal(vr_vu_backend_create(&config, &backend), -EINVAL);
	ops.struct_size = sizeof(ops) + 8;
	assert_int_equal(vr_vu_backend_create(&config, &backend), -EINVAL);
	config.ops = NULL;
	assert_int_equal(vr_vu_backend_create(&config, &backend), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features),
		cmocka_unit_test(status_and_mtu),
		cmocka_unit_test(configuration),
		cmocka_unit_test(reset_in_two_steps),
		cmocka_unit_test(answered_at_once),
		cmocka_unit_test(closed_meanwhile),
		cmocka_unit_test(operations_of_other_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
