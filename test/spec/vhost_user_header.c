// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-HDR: twelve bytes before each payload, and the descriptors that come with them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vu_peer.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define TIMEOUT 5000

static const unsigned char set_owner[] = { 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 };

static bool little_endian(void)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

static uint64_t handled(const struct peer *peer)
{
	struct vr_vu_backend_state state;

	vr_vu_backend_state(peer->backend, &state);
	return state.messages;
}

/* A front end and the raw other end of its connection. */
static struct vr_vu_frontend *open_frontend(int *sock)
{
	const struct vr_vu_frontend_config config = { .struct_size = sizeof(config) };
	struct vr_vu_frontend *frontend;
	int socks[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	CHECK_EQ(vr_vu_frontend_create(&config, &frontend), 0);
	CHECK_EQ(vr_vu_frontend_adopt(frontend, socks[0]), 0);
	*sock = socks[1];
	return frontend;
}

static void close_frontend(struct vr_vu_frontend *frontend, int sock)
{
	vr_vu_frontend_destroy(frontend);
	close(sock);
}

static void three_words(void **state)
{
	struct vr_vu_frontend *frontend;
	struct wire wire = { .size = 0 };
	struct peer peer;
	int sock;

	(void)state;
	CLAUSE("VU-HDR-001");
	peer_create(&peer);
	wire_bytes(&wire, set_owner, sizeof(set_owner));
	if (!little_endian())
		wire = wire_message(3, WIRE_VERSION, 0);
	CHECK(peer_silent(&peer, &wire));
	CHECK_EQ(handled(&peer), 1);
	peer_destroy(&peer);

	frontend = open_frontend(&sock);
	CHECK_EQ(vr_vu_frontend_set_owner(frontend, TIMEOUT), 0);
	CHECK(wire_take(sock, &wire));
	CHECK_EQ(wire.size, WIRE_HEADER);
	if (little_endian())
		CHECK_BYTES(wire.bytes, set_owner, sizeof(set_owner));
	CHECK_EQ(wire_get_u32(wire.bytes), 3);
	CHECK_EQ(wire_get_u32(wire.bytes + 4), 1);
	close_frontend(frontend, sock);
}

static void version_one(void **state)
{
	static const uint32_t wrong[] = { 0, 2, 3 };
	struct vr_vu_frontend *frontend;
	struct wire wire;
	struct peer peer;
	uint64_t features;
	int sock;

	(void)state;
	CLAUSE("VU-HDR-002");
	peer_create(&peer);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		step("version %u", wrong[i]);
		wire = wire_message(1, wrong[i], 0);
		CHECK(!peer_exchange(&peer, &wire, &wire));
		CHECK(wire_closed(peer.sock));
		CHECK_EQ(handled(&peer), 0);
		CHECK(strstr(vr_vu_backend_error(peer.backend), "version"));
		peer_reconnect(&peer);

		frontend = open_frontend(&sock);
		wire = wire_message(1, wrong[i] | WIRE_REPLY, 8);
		wire_u64(&wire, 0);
		CHECK(wire_send(sock, &wire));
		CHECK_EQ(vr_vu_frontend_get_features(frontend, &features, TIMEOUT), -EPROTO);
		CHECK_EQ(vr_vu_frontend_fd(frontend), -1);
		close_frontend(frontend, sock);
	}
	peer_destroy(&peer);
}

/* The back end's answers carry bit 2 and the number; the front end takes no other answer. */
static void replies_are_marked(void **state)
{
	static const uint32_t asked[] = { 1, 3, 8, 11, 15, 17, 24, 36, 40 };
	static const uint32_t wrong[][2] = { { 1, 1 }, { 1, 9 }, { 2, 5 }, { 15, 5 }, { 0, 5 } };
	struct vr_vu_frontend *frontend;
	struct wire wire, answer;
	struct peer peer;
	uint64_t features;
	int sock;

	(void)state;
	CLAUSE("VU-HDR-003");
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		const uint32_t size = wire_requests[asked[i] - 1].size;

		step("request %u", asked[i]);
		wire = wire_message(asked[i], NEED_REPLY, size);
		wire.size += size;
		CHECK(peer_exchange(&peer, &wire, &answer));
		CHECK_EQ(wire_get_u32(answer.bytes), asked[i]);
		CHECK_EQ(wire_get_u32(answer.bytes + 4), WIRE_VERSION | WIRE_REPLY);
	}
	peer_destroy(&peer);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		step("an answer with number %u and flags %u", wrong[i][0], wrong[i][1]);
		frontend = open_frontend(&sock);
		wire = wire_message(wrong[i][0], wrong[i][1], 8);
		wire_u64(&wire, 0);
		CHECK(wire_send(sock, &wire));
		CHECK_EQ(vr_vu_frontend_get_features(frontend, &features, TIMEOUT), -EPROTO);
		close_frontend(frontend, sock);
	}
}

static void need_reply_needs_reply_ack(void **state)
{
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct stub stub;
	struct wire wire, answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-HDR-004");
	wire = wire_message(2, NEED_REPLY, 8);
	wire_u64(&wire, VR_F_VERSION_1 | 1ull << 30);
	peer_create(&peer);
	CHECK(peer_silent(&peer, &wire));
	peer_u64(&peer, 16, 1u << 3);
	CHECK(peer_exchange(&peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 0);
	peer_destroy(&peer);

	for (uint64_t ack = 0; ack < 2; ack++) {
		stub = (struct stub){ .features = 1ull << 30, .protocol = ack << 3 };
		frontend = stub_start(&stub, 0, 0);
		CHECK_EQ(vr_vu_frontend_negotiate(frontend, 0, 0, &offer, TIMEOUT), 0);
		CHECK_EQ(vr_vu_frontend_set_features(frontend, 1ull << 30, TIMEOUT), 0);
		stub_finish(&stub, frontend);
		CHECK_EQ(stub_find(&stub, 2, 0)->flags, ack ? NEED_REPLY : WIRE_VERSION);
		CHECK_EQ(stub_find(&stub, 3, 0)->flags, WIRE_VERSION);
	}
}

/* ---- size and descriptors of every request ---- */

/* Everything negotiated, so that nothing but the shape is wrong. */
static void fresh_session(struct peer *peer)
{
	peer_reconnect(peer);
	peer_negotiate(peer, PEER_FEATURES);
	peer_memory(peer);
}

/* Refused (a configuration without bytes is that, too), or the end of the session. */
static bool is_error(struct peer *peer, const struct wire *message)
{
	struct wire answer;
	uint32_t size;

	if (!peer_exchange(peer, message, &answer))
		return wire_closed(peer->sock);
	wire_close_fds(&answer);
	size = answer.size - WIRE_HEADER;
	if (wire_get_u32(message->bytes) == 24)
		return size == 0;
	return size == 8 && wire_value(&answer) != 0;
}

static void sizes_that_are_wrong(void **state)
{
	struct wire wire;
	struct peer peer;
	int fds;

	(void)state;
	CLAUSE("VU-HDR-005");
	peer_create(&peer);
	for (size_t i = 0; i < WIRE_REQUESTS; i++) {
		const struct wire_request *request = &wire_requests[i];
		const uint32_t sizes[] = { 0, request->size - 1, request->size + 1,
					   WIRE_PAYLOAD + 1, UINT32_MAX };

		for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
			if (sizes[j] == request->size)
				continue;
			step("request %u with %u bytes", request->id, sizes[j]);
			fresh_session(&peer);
			fds = count_fds();
			wire = wire_message(request->id, NEED_REPLY, sizes[j]);
			wire.size += sizes[j] <= WIRE_PAYLOAD ? sizes[j] : 0;
			for (uint32_t k = 0; k < request->fds; k++)
				wire.fds[wire.fd_count++] = peer.memory_fd;
			CHECK(is_error(&peer, &wire));
			CHECK(count_fds() <= fds);
		}
	}
	peer_destroy(&peer);
}

static void a_stream_of_bytes(void **state)
{
	struct stub stub = {
		.features = 1ull << 30 | 5, .protocol = 0x9, .dribble = true, .queue_num = 3
	};
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-HDR-006");
	peer_create(&peer);
	peer.dribble = true;
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 1);
	CHECK(peer.rings[1].running);
	CHECK_EQ(peer.regions, 1);
	peer_destroy(&peer);

	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, 4, 4, &offer, TIMEOUT), 0);
	CHECK_EQ(offer.features, stub.features);
	CHECK_EQ(offer.queue_num, 3);
	CHECK_EQ(vr_vu_frontend_set_features(frontend, 4, TIMEOUT), 0);
	stub_finish(&stub, frontend);
}

static int send_first(int sock, const struct wire *wire, uint32_t bytes, int fd)
{
	struct wire part = *wire;

	part.size = bytes;
	part.fd_count = fd >= 0;
	part.fds[0] = fd;
	return wire_send(sock, &part);
}

static int send_rest(int sock, const struct wire *wire, uint32_t from, int fd)
{
	struct wire part = { .size = 0 };

	wire_bytes(&part, wire->bytes + from, wire->size - from);
	part.fd_count = fd >= 0;
	part.fds[0] = fd;
	return wire_send(sock, &part);
}

static void descriptors_come_with_the_first_byte(void **state)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct vr_vu_frontend *frontend;
	struct wire wire, answer;
	struct msghdr msg;
	struct peer peer;
	struct iovec iov;
	int fds[2], sock, before;

	(void)state;
	CLAUSE("VU-HDR-007");
	CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	wire = wire_message(13, NEED_REPLY, 8);
	wire_u64(&wire, 0);
	for (uint32_t first = 1; first < wire.size; first += 5) {
		step("%u bytes first", first);
		before = count_fds();
		CHECK(send_first(peer.sock, &wire, first, -1));
		peer_run(&peer);
		CHECK(send_rest(peer.sock, &wire, first, fds[1]));
		peer_run(&peer);
		CHECK(wire_take(peer.sock, &answer));
		CHECK(wire_value(&answer) != 0);
		CHECK_EQ(count_fds(), before);
	}
	step("with one byte");
	CHECK(send_first(peer.sock, &wire, 1, fds[1]));
	peer_run(&peer);
	CHECK(send_rest(peer.sock, &wire, 1, -1));
	peer_run(&peer);
	CHECK(wire_take(peer.sock, &answer));
	CHECK_EQ(wire_value(&answer), 0);
	peer_destroy(&peer);

	frontend = open_frontend(&sock);
	CHECK_EQ(vr_vu_frontend_set_vring_call(frontend, 0, fds[1], TIMEOUT), 0);
	iov = (struct iovec){ wire.bytes, 1 };
	msg = (struct msghdr){ .msg_iov = &iov,
			       .msg_iovlen = 1,
			       .msg_control = control,
			       .msg_controllen = sizeof(control) };
	CHECK_EQ(recvmsg(sock, &msg, MSG_DONTWAIT), 1);
	CHECK_EQ(msg.msg_controllen, CMSG_SPACE(sizeof(int)));
	CHECK_EQ(CMSG_FIRSTHDR(&msg)->cmsg_type, SCM_RIGHTS);
	memcpy(&before, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(before));
	close(before);
	close_frontend(frontend, sock);
	close(fds[0]);
	close(fds[1]);
}

static bool tolerated(const struct wire_request *request, uint32_t stray)
{
	/* REM_MEM_REG, see VU-INT-009; here the region is unknown, which is an error all the same. */
	return !stray || stray == request->fds;
}

static void stray_descriptors(void **state)
{
	struct vr_vu_frontend *frontend;
	struct wire wire;
	struct peer peer;
	uint64_t features;
	int fds, sock;

	(void)state;
	CLAUSE("VU-HDR-008");
	peer_create(&peer);
	for (size_t i = 0; i < WIRE_REQUESTS; i++) {
		const struct wire_request *request = &wire_requests[i];

		for (uint32_t stray = 1; stray <= WIRE_FDS; stray++) {
			if (tolerated(request, stray))
				continue;
			step("request %u with %u descriptors", request->id, stray);
			fresh_session(&peer);
			fds = count_fds();
			wire = wire_message(request->id, NEED_REPLY, request->size);
			wire.size += request->size;
			wire.fd_count = stray;
			for (uint32_t k = 0; k < stray; k++)
				wire.fds[k] = peer.memory_fd;
			CHECK(is_error(&peer, &wire));
			CHECK(count_fds() <= fds);
		}
	}
	fresh_session(&peer);
	peer_start(&peer, 0);
	CHECK(fcntl(peer.rings[0].kick_fd, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(peer.rings[0].call_fd, F_GETFD) & FD_CLOEXEC);
	peer_destroy(&peer);

	frontend = open_frontend(&sock);
	fds = count_fds();
	wire = wire_message(1, WIRE_VERSION | WIRE_REPLY, 8);
	wire_u64(&wire, 0);
	wire.fd_count = 1;
	wire.fds[0] = sock;
	CHECK(wire_send(sock, &wire));
	CHECK_EQ(vr_vu_frontend_get_features(frontend, &features, TIMEOUT), -EPROTO);
	CHECK_EQ(count_fds(), fds - 1);
	close_frontend(frontend, sock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_words),
		cmocka_unit_test(version_one),
		cmocka_unit_test(replies_are_marked),
		cmocka_unit_test(need_reply_needs_reply_ack),
		cmocka_unit_test(sizes_that_are_wrong),
		cmocka_unit_test(a_stream_of_bytes),
		cmocka_unit_test(descriptors_come_with_the_first_byte),
		cmocka_unit_test(stray_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
