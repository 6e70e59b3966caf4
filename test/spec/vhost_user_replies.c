// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-ACK: who is answered, how often, and what a wrong answer leads to. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vu_peer.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define TIMEOUT 5000

static void fresh_session(struct peer *peer)
{
	peer_reconnect(peer);
	peer_negotiate(peer, PEER_FEATURES);
	peer_memory(peer);
}

/* A request that succeeds in a fresh session, or one with size 0 for what this library refuses. */
static struct wire good_request(const struct peer *peer, uint32_t id, uint32_t flags)
{
	struct wire wire = wire_message(id, flags, 0);

	switch (id) {
	case 2:
		wire_u64(&wire, PEER_FEATURES | 1ull << 30);
		break;
	case 5:
		wire_u64(&wire, 1);
		wire_u64(&wire, PEER_GUEST);
		wire_u64(&wire, PEER_MEMORY);
		wire_u64(&wire, PEER_USER);
		wire_u64(&wire, 0);
		wire.fds[wire.fd_count++] = peer->memory_fd;
		break;
	case 8:
		wire_u32(&wire, 0);
		wire_u32(&wire, 16);
		break;
	case 13:
	case 14:
		wire_u64(&wire, 1u << 8);
		break;
	case 16:
		wire_u64(&wire, PEER_PROTOCOL);
		break;
	case 20:
		wire_u64(&wire, 1500);
		break;
	case 24:
	case 25:
		wire_u32(&wire, 4);
		wire_u32(&wire, 1);
		wire.size += 5;
		break;
	case 39:
		wire_u64(&wire, 1);
		break;
	default:
		wire.size += wire_requests[id - 1].size;
	}
	wire_set_size(&wire);
	return wire;
}

/* Requests whose good case needs no more than a session with memory. */
static const uint32_t plain[] = { 1,  2,  3,  4,  5,  8,  9,  10, 11, 13, 14, 15,
				  16, 17, 18, 19, 20, 24, 25, 34, 36, 39, 40 };

static void who_is_always_answered(void **state)
{
	struct wire wire, answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-ACK-001");
	peer_create(&peer);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		step("request %u", plain[i]);
		fresh_session(&peer);
		wire = good_request(&peer, plain[i], WIRE_VERSION);
		CHECK_EQ(peer_exchange(&peer, &wire, &answer),
			 wire_requests[plain[i] - 1].answered);
		CHECK(!wire_take(peer.sock, &answer));
		CHECK(!wire_closed(peer.sock));
	}
	peer_destroy(&peer);
}

static void need_reply_asks_for_a_status(void **state)
{
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct stub stub;
	struct wire wire, answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-ACK-002");
	peer_create(&peer);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (wire_requests[plain[i] - 1].answered)
			continue;
		step("request %u", plain[i]);
		fresh_session(&peer);
		wire = good_request(&peer, plain[i], NEED_REPLY);
		CHECK(peer_exchange(&peer, &wire, &answer));
		CHECK_EQ(answer.size, WIRE_HEADER + 8);
		CHECK_EQ(wire_value(&answer), 0);
	}
	step("a size of 3");
	wire = wire_message(8, NEED_REPLY, 8);
	wire_u32(&wire, 0);
	wire_u32(&wire, 3);
	fresh_session(&peer);
	peer_u64(&peer, 2, VR_F_VERSION_1 | 1ull << 30);
	CHECK(peer_exchange(&peer, &wire, &answer));
	CHECK(wire_value(&answer) != 0);
	CHECK(!wire_closed(peer.sock));

	CLAUSE("VU-ACK-003");
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (!wire_requests[plain[i] - 1].answered)
			continue;
		step("request %u", plain[i]);
		fresh_session(&peer);
		wire = good_request(&peer, plain[i], NEED_REPLY);
		CHECK(peer_exchange(&peer, &wire, &answer));
		CHECK(!wire_take(peer.sock, &answer));
	}
	peer_destroy(&peer);

	step("the front end reports a refusal and keeps the connection");
	stub = (struct stub){ .features = 1ull << 30, .protocol = 8, .fail = 8 };
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, 0, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_set_vring_num(frontend, 0, 16, TIMEOUT), -EREMOTEIO);
	CHECK(strstr(vr_vu_frontend_error(frontend), "SET_VRING_NUM"));
	CHECK_EQ(vr_vu_frontend_set_vring_base(frontend, 0, 0, TIMEOUT), 0);
	stub_finish(&stub, frontend);
}

static void failures_without_need_reply(void **state)
{
	struct wire wire, answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-ACK-004");
	peer_create(&peer);
	fresh_session(&peer);
	wire = wire_message(8, WIRE_VERSION, 8);
	wire_u64(&wire, 0);
	CHECK(!peer_exchange(&peer, &wire, &answer));
	CHECK(wire_closed(peer.sock));
	CHECK_EQ(peer.disconnects - peer.clean, 1);
	CHECK(strstr(vr_vu_backend_error(peer.backend), "SET_VRING_NUM"));
	peer_destroy(&peer);
}

/* Wrong answers to GET_FEATURES: number, flags, size, and how many of those bytes come. */
static void wrong_answers(void **state)
{
	static const struct {
		uint32_t request, flags, size, bytes;
		int error;
	} wrong[] = {
		{ 2, 5, 8, 8, -EPROTO },	  { 1, 1, 8, 8, -EPROTO },
		{ 1, 5, 0, 0, -EPROTO },	  { 1, 5, 7, 7, -EPROTO },
		{ 1, 5, 9, 9, -EPROTO },	  { 1, 5, 16, 16, -EPROTO },
		{ 1, 5, UINT32_MAX, 8, -EPROTO }, { 1, 0xff00005, 8, 8, -EPROTO },
		{ 1, 5, 8, 4, -ECONNRESET },
	};
	const struct vr_vu_frontend_config config = { .struct_size = sizeof(config) };
	struct vr_vu_frontend *frontend;
	uint64_t features;
	struct wire wire;
	int socks[2];

	(void)state;
	CLAUSE("VU-ACK-005");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		step("answer %zu", i);
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
		CHECK_EQ(vr_vu_frontend_create(&config, &frontend), 0);
		CHECK_EQ(vr_vu_frontend_adopt(frontend, socks[0]), 0);
		wire = wire_message(wrong[i].request, wrong[i].flags, wrong[i].size);
		wire.size += wrong[i].bytes;
		CHECK(wire_send(socks[1], &wire));
		if (wrong[i].error == -ECONNRESET)
			CHECK_EQ(shutdown(socks[1], SHUT_WR), 0);
		CHECK_EQ(vr_vu_frontend_get_features(frontend, &features, TIMEOUT), wrong[i].error);
		CHECK(*vr_vu_frontend_error(frontend));
		CHECK_EQ(vr_vu_frontend_fd(frontend), -1);
		CHECK(wire_take(socks[1], &wire));
		CHECK(wire_closed(socks[1]));
		vr_vu_frontend_destroy(frontend);
		close(socks[1]);
	}
	step("a message that cannot be sent");
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	CHECK_EQ(vr_vu_frontend_create(&config, &frontend), 0);
	CHECK_EQ(vr_vu_frontend_adopt(frontend, socks[0]), 0);
	close(socks[1]);
	CHECK_EQ(vr_vu_frontend_set_owner(frontend, TIMEOUT), -ECONNRESET);
	CHECK_EQ(vr_vu_frontend_fd(frontend), -1);
	vr_vu_frontend_destroy(frontend);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_always_answered),
		cmocka_unit_test(need_reply_asks_for_a_status),
		cmocka_unit_test(failures_without_need_reply),
		cmocka_unit_test(wrong_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
