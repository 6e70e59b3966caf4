// SPDX-License-Identifier: BSD-3-Clause
/* The back end's messages about the device: features, answers, status, reset, configuration. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/features.h>

#include "vu_peer.h"

static void ready(struct peer *peer, uint64_t features)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1 | features);
}

static uint64_t get_u64(struct peer *peer, uint32_t request)
{
	const struct answer answer = peer_ask(peer, request, NULL, 0, NULL, 0);

	assert_true(answer.got);
	assert_int_equal(answer.header.size, 8);
	return answer.payload.u64;
}

/* Bytes on the wire, as the specification has them. */
static void golden_bytes(void **state)
{
	static const unsigned char request[] = { 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 };
	static const unsigned char expected[] = { 1, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0 };
	unsigned char answer[32];
	struct peer peer;

	(void)state;
	peer_create(&peer);
	assert_int_equal(send(peer.sock, request, 12, 0), 12);
	peer_run(&peer);
	assert_int_equal(recv(peer.sock, answer, sizeof(answer), MSG_DONTWAIT), 20);
	if (*(const uint16_t *)"\1" == 1)
		assert_memory_equal(answer, expected, 12);
	peer_destroy(&peer);
}

/* Exactly the requests that have an answer get one when none is asked for. */
static void who_is_answered(void **state)
{
	static const uint32_t silent[] = { VU_SET_OWNER, VU_RESET_OWNER, VU_RESET_DEVICE };
	static const uint32_t answered[] = { VU_GET_FEATURES, VU_GET_PROTOCOL_FEATURES,
					     VU_GET_QUEUE_NUM, VU_GET_MAX_MEM_SLOTS,
					     VU_GET_STATUS };
	struct answer answer;
	struct peer peer;
	size_t i, flag;

	(void)state;
	ready(&peer, 0);
	for (i = 0; i < 3; i++) {
		peer_send(&peer, silent[i], VU_VERSION, NULL, 0, NULL, 0);
		peer_run(&peer);
		answer = peer_receive(&peer);
		assert_false(answer.got || answer.closed);
		answer = peer_ask(&peer, silent[i], NULL, 0, NULL, 0);
		assert_true(is_ok(&answer));
	}
	for (i = 0; i < 5; i++)
		for (flag = 0; flag < 2; flag++) {
			peer_send(&peer, answered[i], flag ? 9 : 1, NULL, 0, NULL, 0);
			peer_run(&peer);
			answer = peer_receive(&peer);
			assert_true(answer.got);
			answer = peer_receive(&peer);
			assert_false(answer.got || answer.closed);
		}
	peer_destroy(&peer);
}

static void need_reply_needs_reply_ack(void **state)
{
	struct answer answer;
	struct peer peer;

	(void)state;
	peer_create(&peer);
	answer = peer_ask_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1);
	assert_false(answer.got || answer.closed);
	/* Without it a refusal is the end. */
	answer = peer_ask_state(&peer, VU_SET_VRING_NUM, 0, 0);
	assert_true(answer.closed);
	assert_int_equal(peer.disconnects, 1);
	assert_int_equal(peer.clean, 0);
	/* With it, but not asked for, as well. */
	peer_reconnect(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_send(&peer, VU_SET_VRING_NUM, VU_VERSION, NULL, 8, NULL, 0);
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_true(answer.closed);
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "size 0"));
	peer_destroy(&peer);
}

static void features(void **state)
{
	struct vr_vu_backend_state now;
	struct peer peer;

	(void)state;
	ready(&peer, 0);
	assert_int_equal(get_u64(&peer, VU_GET_FEATURES), PEER_OFFERED);
	assert_int_equal(get_u64(&peer, VU_GET_PROTOCOL_FEATURES), VR_VU_PF_SUPPORTED);
	assert_int_equal(get_u64(&peer, VU_GET_QUEUE_NUM), PEER_RINGS / 2);
	peer_refuses_u64(&peer, VU_SET_FEATURES, 1ull << 63);
	peer_refuses_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_SHMEM);
	peer.refuse_features = true;
	peer_refuses_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_F_IN_ORDER);
	vr_vu_backend_state(peer.backend, &now);
	assert_int_equal(now.features, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	assert_int_equal(now.protocol_features, PEER_PROTOCOL);
	assert_int_equal(now.sessions, 1);
	peer_destroy(&peer);
}

static void status(void **state)
{
	struct peer peer;

	(void)state;
	peer_create(&peer);
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_SUPPORTED);
	/* No features yet: FEATURES_OK does not stay. */
	peer_u64(&peer, VU_SET_STATUS, 0xb);
	assert_int_equal(get_u64(&peer, VU_GET_STATUS), 3);
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	peer_u64(&peer, VU_SET_STATUS, 0xb);
	assert_int_equal(get_u64(&peer, VU_GET_STATUS), 0xb);
	peer_refuses_u64(&peer, VU_SET_STATUS, 0x100);
	peer_refuses_u64(&peer, VU_SET_STATUS, 1ull << 40);
	/* The device cannot work like that. */
	peer.refuse_status = VR_STATUS_FEATURES_OK;
	peer_u64(&peer, VU_SET_STATUS, 0xb);
	assert_int_equal(get_u64(&peer, VU_GET_STATUS), 3);
	peer.refuse_status = VR_STATUS_DRIVER_OK;
	peer_refuses_u64(&peer, VU_SET_STATUS, 7);
	assert_int_equal(get_u64(&peer, VU_GET_STATUS), 3);
	peer.refuse_status = 0;
	peer_memory(&peer);
	peer_u64(&peer, VU_SET_STATUS, 0xf);
	assert_int_equal(peer.status, 0xf);
	peer_start(&peer, 0);
	peer_start(&peer, 3);
	/* 0 is a reset: everything stops. */
	peer_u64(&peer, VU_SET_STATUS, 0);
	assert_int_equal(peer.stops, 2);
	assert_int_equal(peer.last_stop, VR_VU_STOP_RESET);
	assert_int_equal(peer.status, 0);
	assert_int_equal(get_u64(&peer, VU_GET_STATUS), 0);
	peer_destroy(&peer);
}

/* A driver that tells its status gets nothing done before DRIVER_OK (virtio 2.1.2). */
static void rings_wait_for_driver(void **state)
{
	struct peer peer;

	(void)state;
	peer_create(&peer);
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_SUPPORTED);
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	peer_u64(&peer, VU_SET_STATUS, 0xb);
	peer_memory(&peer);
	for (uint32_t i = 0; i < 3; i++) {
		peer_ring(&peer, i, 16, 0);
		peer_ring_fd(&peer, VU_SET_VRING_KICK, i, true);
	}
	assert_int_equal(peer.starts, 0);
	/* One is stopped before it ever ran; and what is no DRIVER_OK changes nothing. */
	peer_ask_state(&peer, VU_GET_VRING_BASE, 1, 0);
	peer_u64(&peer, VU_SET_STATUS, 0xb);
	assert_int_equal(peer.starts, 0);
	peer_u64(&peer, VU_SET_STATUS, 0xf);
	assert_int_equal(peer.starts, 2);
	assert_true(vr_vu_backend_vring(peer.backend, 0)->running);
	assert_false(vr_vu_backend_vring(peer.backend, 1)->running);
	assert_true(vr_vu_backend_vring(peer.backend, 2)->running);
	/* Once is enough. */
	peer_u64(&peer, VU_SET_STATUS, 0xf);
	assert_int_equal(peer.starts, 2);
	peer_destroy(&peer);
}

static void reset_device(void **state)
{
	struct answer answer;
	struct peer peer;
	int before;

	(void)state;
	ready(&peer, 0);
	peer_memory(&peer);
	before = count_fds();
	peer_start(&peer, 0);
	peer_start(&peer, 1);
	peer_u64(&peer, VU_SET_STATUS, 0xf);
	answer = peer_ask(&peer, VU_RESET_DEVICE, NULL, 0, NULL, 0);
	assert_true(is_ok(&answer));
	assert_int_equal(peer.stops, 2);
	assert_int_equal(count_fds(), before);
	/* Rings have to be set up from the beginning, the session goes on. */
	answer = peer_ring_fd(&peer, VU_SET_VRING_KICK, 0, true);
	assert_true(is_refused(&answer));
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	answer = peer_ring_fd(&peer, VU_SET_VRING_KICK, 0, true);
	assert_true(is_refused(&answer));
	peer_start(&peer, 0);
	peer_destroy(&peer);
}

static struct answer config(struct peer *peer, uint32_t request, uint32_t offset, uint32_t size,
			    uint32_t flags, uint32_t bytes)
{
	struct vu_config payload = { offset, size, flags, "0123456789abcdef" };

	return peer_ask(peer, request, &payload, 12 + bytes, NULL, 0);
}

static void configuration(void **state)
{
	static const struct {
		uint32_t offset, size, bytes;
	} wrong[] = {
		{ 0, 17, 17 },
		{ 16, 1, 1 },
		{ 15, 2, 2 },
		{ UINT32_MAX, 1, 1 },
		{ UINT32_MAX, 16, 16 },
		{ 0, 0, 0 },
		{ 0, 4, 5 },
		{ 0, 4, 3 },
		{ 0, UINT32_MAX, 16 },
		{ 4, UINT32_MAX - 11, 0 },
	};
	struct answer answer;
	struct peer peer;
	size_t i;

	(void)state;
	ready(&peer, 0);
	memcpy(peer.config, "ABCDEFGHIJKLMNOP", 16);
	answer = config(&peer, VU_GET_CONFIG, 2, 5, 0, 5);
	assert_int_equal(answer.header.size, 17);
	assert_int_equal(answer.payload.config.offset, 2);
	assert_int_equal(answer.payload.config.size, 5);
	assert_memory_equal(answer.payload.config.data, "CDEFG", 5);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer = config(&peer, VU_GET_CONFIG, wrong[i].offset, wrong[i].size, 0,
				wrong[i].bytes);
		assert_true(answer.got);
		assert_int_equal(answer.header.size, 0);
		answer = config(&peer, VU_SET_CONFIG, wrong[i].offset, wrong[i].size, 0,
				wrong[i].bytes);
		assert_true(is_refused(&answer));
	}
	answer = config(&peer, VU_SET_CONFIG, 0, 2, 0, 2);
	assert_true(is_refused(&answer));
	answer = config(&peer, VU_SET_CONFIG, 0, 2, 2, 2);
	assert_true(is_refused(&answer));
	answer = config(&peer, VU_SET_CONFIG, 0, 2, 1, 2);
	assert_true(is_ok(&answer));
	answer = config(&peer, VU_SET_CONFIG, 14, 2, 0, 2);
	assert_true(is_ok(&answer));
	assert_memory_equal(peer.config, "01CDEFGHIJKLMN01", 16);
	peer_destroy(&peer);
}

static void net(void **state)
{
	static const unsigned char mac[8] = { 2, 0, 0, 1, 2, 3, 0, 0 };
	struct answer answer;
	struct peer peer;

	(void)state;
	ready(&peer, 1ull << 3);
	peer_u64(&peer, VU_NET_SET_MTU, 1500);
	assert_int_equal(peer.mtu, 1500);
	peer_u64(&peer, VU_NET_SET_MTU, 65535);
	peer_u64(&peer, VU_NET_SET_MTU, 68);
	peer_refuses_u64(&peer, VU_NET_SET_MTU, 0);
	peer_refuses_u64(&peer, VU_NET_SET_MTU, 67);
	peer_refuses_u64(&peer, VU_NET_SET_MTU, 65536);
	peer_refuses_u64(&peer, VU_NET_SET_MTU, 1ull << 32 | 1500);
	peer_refuses_u64(&peer, VU_NET_SET_MTU, 9999);
	answer = peer_ask(&peer, VU_SEND_RARP, mac, 8, NULL, 0);
	assert_true(is_ok(&answer));
	assert_memory_equal(peer.mac, mac, 6);
	peer_destroy(&peer);
	/* Without the feature of the device it is refused. */
	ready(&peer, 0);
	peer_refuses_u64(&peer, VU_NET_SET_MTU, 1500);
	peer_destroy(&peer);
}

static void names(void **state)
{
	uint32_t id;

	(void)state;
	for (id = 1; id < VU_REQUEST_COUNT; id++)
		assert_string_not_equal(vr_vu_request_name(id), "unknown");
	assert_string_equal(vr_vu_request_name(0), "unknown");
	assert_string_equal(vr_vu_request_name(VU_REQUEST_COUNT), "unknown");
	assert_string_equal(vr_vu_request_name(5), "SET_MEM_TABLE");
	assert_string_equal(vr_vu_request_name(45), "GET_VRING_BASE_SKIP_DRAIN");
	assert_string_equal(vr_feature_name(0, 35), "IN_ORDER");
	assert_string_equal(vr_feature_name(VR_DEVICE_NET, 15), "MRG_RXBUF");
	assert_string_equal(vr_feature_name(VR_DEVICE_BLK, 9), "FLUSH");
	assert_string_equal(vr_feature_name(VR_DEVICE_NET, 34), "RING_PACKED");
	assert_null(vr_feature_name(0, 15));
	assert_null(vr_feature_name(VR_DEVICE_NET, 64));
	assert_null(vr_feature_name(VR_DEVICE_BLK, UINT32_MAX));
	assert_string_equal(vr_vu_protocol_feature_name(3), "REPLY_ACK");
	assert_string_equal(vr_vu_protocol_feature_name(16), "STATUS");
	assert_null(vr_vu_protocol_feature_name(24));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(who_is_answered),
		cmocka_unit_test(need_reply_needs_reply_ack),
		cmocka_unit_test(features),
		cmocka_unit_test(status),
		cmocka_unit_test(rings_wait_for_driver),
		cmocka_unit_test(reset_device),
		cmocka_unit_test(configuration),
		cmocka_unit_test(net),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
