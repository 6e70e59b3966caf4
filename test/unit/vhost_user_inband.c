// SPDX-License-Identifier: BSD-3-Clause
/* Kicks, calls and errors as messages; the device cannot tell. Protocol features that need others. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/vhost_user/back_message.h"
#include "vu_peer.h"

#define INBAND \
	(VR_VU_PF_INBAND_NOTIFICATIONS | VR_VU_PF_BACKEND_REQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_MQ)
#define ACK (VU_VERSION | VU_FLAG_REPLY)

static void negotiate(struct peer *peer)
{
	peer_u64(peer, VU_SET_PROTOCOL_FEATURES, INBAND);
	peer_u64(peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	peer_memory(peer);
}

/* A ring that messages start and kick. */
static void start(struct peer *peer, uint32_t index)
{
	peer_ring(peer, index, 16, 0);
	peer_state(peer, VU_VRING_KICK, index, 0);
	assert_true(vr_vu_backend_vring(peer->backend, index)->running);
}

static void expect_message(struct peer *peer, int channel, uint32_t request, uint32_t index)
{
	struct answer answer;

	peer_run(peer);
	answer = take_message(channel);
	assert_true(answer.got);
	assert_int_equal(answer.header.request, request);
	assert_int_equal(answer.header.size, 8);
	assert_int_equal(answer.payload.state.index, index);
	assert_int_equal(answer.payload.state.num, 0);
	put_message(channel, request, ACK, &(uint64_t){ 0 }, 8, -1);
	peer_run(peer);
}

static void expect_nothing(struct peer *peer, int channel)
{
	peer_run(peer);
	assert_false(take_message(channel).got);
}

static void kicks(void **state)
{
	struct peer peer;

	(void)state;
	peer_create(&peer);
	negotiate(&peer);
	start(&peer, 2);
	assert_int_equal(peer.starts, 1);
	/* To the device it is a descriptor like others. */
	assert_int_equal(vr_vu_drain(peer.rings[2].kick_fd), 0);
	peer_state(&peer, VU_VRING_KICK, 2, 0);
	assert_int_equal(vr_vu_drain(peer.rings[2].kick_fd), 1);
	assert_int_equal(vr_vu_drain(peer.rings[2].kick_fd), 0);
	assert_int_equal(peer.starts, 1);
	/* Stopped by the one message, started again by the other. */
	peer_ask_state(&peer, VU_GET_VRING_BASE, 2, 0);
	assert_int_equal(peer.stops, 1);
	peer_state(&peer, VU_VRING_KICK, 2, 0);
	assert_int_equal(peer.starts, 2);
	/* Rings that do not exist, or are not set up. */
	peer_refuses_state(&peer, VU_VRING_KICK, PEER_RINGS, 0);
	peer_refuses_state(&peer, VU_VRING_KICK, UINT32_MAX, 0);
	peer_refuses_state(&peer, VU_VRING_KICK, 0, 0);
	peer_destroy(&peer);
}

static void calls_and_errors(void **state)
{
	struct peer peer;
	int channel, i;

	(void)state;
	peer_create(&peer);
	negotiate(&peer);
	start(&peer, 0);
	start(&peer, 3);
	/* Signalled before there is a channel: said when there is one. */
	assert_int_equal(vr_vu_notify(peer.rings[0].call_fd), 0);
	peer_run(&peer);
	channel = peer_channel(&peer);
	expect_message(&peer, channel, VU_BACK_VRING_CALL, 0);
	/* Errors before calls, several of a kind as one, every ring has its turn. */
	for (i = 0; i < 3; i++) {
		vr_vu_notify(peer.rings[0].call_fd);
		vr_vu_notify(peer.rings[0].err_fd);
		vr_vu_notify(peer.rings[3].call_fd);
	}
	expect_message(&peer, channel, VU_BACK_VRING_CALL, 3);
	expect_message(&peer, channel, VU_BACK_VRING_ERR, 0);
	expect_message(&peer, channel, VU_BACK_VRING_CALL, 0);
	expect_nothing(&peer, channel);
	/* The device's last call leaves before the ring has stopped. */
	peer_ask_state(&peer, VU_GET_VRING_BASE, 3, 0);
	vr_vu_notify(peer.rings[0].call_fd);
	peer_ask_state(&peer, VU_GET_VRING_BASE, 0, 0);
	expect_message(&peer, channel, VU_BACK_VRING_CALL, 0);
	close(channel);
	peer_destroy(&peer);
}

/* A descriptor that the front end names is preferred, and no descriptor means that it polls. */
static void named_descriptors(void **state)
{
	struct answer answer;
	struct peer peer;
	int channel, before;

	(void)state;
	peer_create(&peer);
	negotiate(&peer);
	channel = peer_channel(&peer);
	start(&peer, 1);
	before = count_fds();
	answer = peer_ring_fd(&peer, VU_SET_VRING_CALL, 1, true);
	assert_true(is_ok(&answer));
	vr_vu_notify(peer.rings[1].call_fd);
	expect_nothing(&peer, channel);
	answer = peer_ring_fd(&peer, VU_SET_VRING_ERR, 1, false);
	assert_true(is_ok(&answer));
	assert_int_equal(peer.rings[1].err_fd, -1);
	answer = peer_ring_fd(&peer, VU_SET_VRING_KICK, 1, true);
	assert_true(is_ok(&answer));
	assert_int_equal(count_fds(), before - 1);
	/* A message is a kick nevertheless. */
	vr_vu_drain(peer.rings[1].kick_fd);
	peer_state(&peer, VU_VRING_KICK, 1, 0);
	assert_int_equal(vr_vu_drain(peer.rings[1].kick_fd), 1);
	answer = peer_ring_fd(&peer, VU_SET_VRING_KICK, 1, false);
	assert_true(is_ok(&answer));
	assert_int_equal(peer.rings[1].kick_fd, -1);
	peer_state(&peer, VU_VRING_KICK, 1, 0);
	/* Polling was chosen, so it stays when the ring starts again. */
	peer_ask_state(&peer, VU_GET_VRING_BASE, 1, 0);
	peer_state(&peer, VU_VRING_KICK, 1, 0);
	assert_int_equal(peer.rings[1].kick_fd, -1);
	assert_int_equal(peer.rings[1].err_fd, -1);
	close(channel);
	peer_destroy(&peer);
}

/* A kick socket cannot be written to by us: the ring is started anew, which has it looked into. */
static void message_for_a_socket(void **state)
{
	const uint64_t index = 0;
	struct answer answer;
	struct peer peer;
	int socks[2];

	(void)state;
	peer_create(&peer);
	negotiate(&peer);
	peer_ring(&peer, 0, 16, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	answer = peer_ask(&peer, VU_SET_VRING_KICK, &index, sizeof(index), &socks[0], 1);
	assert_true(is_ok(&answer));
	peer_state(&peer, VU_VRING_KICK, 0, 0);
	assert_int_equal(peer.starts, 2);
	assert_int_equal(recv(socks[1], &answer, 1, MSG_DONTWAIT), -1);
	close(socks[0]);
	close(socks[1]);
	peer_destroy(&peer);
}

/* Resets and other sessions leave no descriptor behind, and no message. */
static void sessions(void **state)
{
	struct peer peer;
	int channel, i;

	(void)state;
	peer_create(&peer);
	for (i = 0; i < 5; i++) {
		negotiate(&peer);
		channel = peer_channel(&peer);
		expect_nothing(&peer, channel);
		start(&peer, 0);
		start(&peer, 1);
		vr_vu_notify(peer.rings[1].call_fd);
		close(channel);
		peer_reconnect(&peer);
	}
	peer_destroy(&peer);
}

/* ---- features that need others ---- */

static void orphans(void **state)
{
	static const uint64_t bits[] = {
		VR_VU_PF_INBAND_NOTIFICATIONS,
		VR_VU_PF_INBAND_NOTIFICATIONS | VR_VU_PF_REPLY_ACK,
		VR_VU_PF_INBAND_NOTIFICATIONS | VR_VU_PF_BACKEND_REQ,
	};
	struct vr_vu_frontend_config config = { .struct_size = sizeof(config) };
	struct vr_vu_frontend *f;
	struct answer answer;
	struct peer peer;
	size_t i;

	(void)state;
	assert_int_equal(vri_protocol_orphans(INBAND), 0);
	assert_int_equal(vri_protocol_orphans(VR_VU_PF_GET_VRING_BASE_INFLIGHT),
			 VR_VU_PF_GET_VRING_BASE_INFLIGHT);
	assert_int_equal(vri_protocol_orphans(VR_VU_PF_GET_VRING_BASE_SKIP_DRAIN |
					      VR_VU_PF_INFLIGHT_SHMFD),
			 VR_VU_PF_GET_VRING_BASE_SKIP_DRAIN);
	peer_create(&peer);
	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	for (i = 0; i < 3; i++) {
		peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_REPLY_ACK);
		answer = peer_ask_u64(&peer, VU_SET_PROTOCOL_FEATURES, bits[i]);
		assert_true(answer.closed);
		assert_non_null(strstr(vr_vu_backend_error(peer.backend), "0x4000 need others"));
		assert_int_equal(vr_vu_frontend_set_protocol_features(f, bits[i], 0), -EINVAL);
		assert_non_null(strstr(vr_vu_frontend_error(f), "0x4000 need others"));
		peer_reconnect(&peer);
	}
	vr_vu_frontend_destroy(f);
	peer_destroy(&peer);
}

/* ---- the front end ---- */

static struct answer take_request(int sock, uint32_t request)
{
	struct answer answer = take_message(sock);

	assert_true(answer.got);
	if (answer.header.request != request)
		fail_msg("%s, not %s", vr_vu_request_name(answer.header.request),
			 vr_vu_request_name(request));
	return answer;
}

/* What a front end sends that wants messages. Acknowledgements are not asked for: none is there. */
static void front_end(void **state)
{
	const uint64_t features = VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES, protocol = INBAND;
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = INBAND & ~VR_VU_PF_MQ,
	};
	struct vr_vu_vring vring = {
		.size = 8,
		.kick_fd = VR_VU_FD_INBAND,
		.call_fd = VR_VU_FD_INBAND,
		.err_fd = VR_VU_FD_INBAND,
	};
	static unsigned char memory[4096];
	struct vr_mem_region region = { 0, 4096, 0x10000, 0, -1 };
	static const uint32_t expected[] = { VU_SET_FEATURES,	VU_SET_MEM_TABLE,
					     VU_SET_VRING_NUM,	VU_SET_VRING_BASE,
					     VU_SET_VRING_ADDR, VU_SET_VRING_ENABLE,
					     VU_VRING_KICK };
	struct vr_vu_frontend *f;
	struct vr_vu_offer offer;
	int socks[2];
	size_t i;

	(void)state;
	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	assert_int_equal(vr_vu_frontend_adopt(f, socks[0]), 0);
	put_message(socks[1], VU_GET_FEATURES, ACK, &features, 8, -1);
	put_message(socks[1], VU_GET_PROTOCOL_FEATURES, ACK, &protocol, 8, -1);
	assert_int_equal(vr_vu_frontend_negotiate(f, VR_F_VERSION_1, 0, &offer, 1000), 0);
	assert_int_equal(offer.accepted_protocol, INBAND & ~VR_VU_PF_MQ);
	take_request(socks[1], VU_SET_OWNER);
	take_request(socks[1], VU_GET_FEATURES);
	take_request(socks[1], VU_GET_PROTOCOL_FEATURES);
	take_request(socks[1], VU_SET_PROTOCOL_FEATURES);
	vring.ring.descriptors.host = vring.ring.driver.host = vring.ring.device.host = memory;
	region.fd = socks[1];
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		put_message(socks[1], expected[i], ACK, &(uint64_t){ 0 }, 8, -1);
	assert_int_equal(vr_vu_frontend_start(f, features, &region, 1, &vring, 1, 1000), 0);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		take_request(socks[1], expected[i]);
	vr_vu_frontend_destroy(f);
	close(socks[1]);
}

/* A back end that has no use for it: the bit is left out, and rings must have descriptors. */
static void front_end_without(void **state)
{
	const uint64_t features = VR_VU_F_PROTOCOL_FEATURES;
	const uint64_t protocol = VR_VU_PF_INBAND_NOTIFICATIONS | VR_VU_PF_REPLY_ACK;
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = INBAND,
	};
	struct vr_vu_vring vring = { .size = 8, .kick_fd = VR_VU_FD_INBAND, .call_fd = -1 };
	const struct vr_mem_region region = { 0, 4096, 0x10000, 0, -1 };
	struct vr_vu_frontend *f;
	struct vr_vu_offer offer;
	int socks[2];

	(void)state;
	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	assert_int_equal(vr_vu_frontend_adopt(f, socks[0]), 0);
	put_message(socks[1], VU_GET_FEATURES, ACK, &features, 8, -1);
	put_message(socks[1], VU_GET_PROTOCOL_FEATURES, ACK, &protocol, 8, -1);
	assert_int_equal(vr_vu_frontend_negotiate(f, 0, 0, &offer, 1000), 0);
	assert_int_equal(offer.accepted_protocol, VR_VU_PF_REPLY_ACK);
	assert_int_equal(vr_vu_frontend_start(f, features, &region, 1, &vring, 1, 1000), -EINVAL);
	assert_non_null(strstr(vr_vu_frontend_error(f), "INBAND_NOTIFICATIONS"));
	assert_int_equal(vr_vu_frontend_vring_kick(f, 0, 1000), -EOPNOTSUPP);
	assert_int_equal(vr_vu_notify(VR_VU_FD_INBAND), 0);
	vr_vu_frontend_destroy(f);
	close(socks[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kicks),
		cmocka_unit_test(calls_and_errors),
		cmocka_unit_test(named_descriptors),
		cmocka_unit_test(message_for_a_socket),
		cmocka_unit_test(sessions),
		cmocka_unit_test(orphans),
		cmocka_unit_test(front_end),
		cmocka_unit_test(front_end_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
