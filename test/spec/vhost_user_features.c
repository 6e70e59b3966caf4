// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-FB, VU-PF and the messages about features: what is offered, chosen, and needed by whom. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "random.h"
#include "vu_peer.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define BIT_LOG_ALL (1ull << 26)
#define BIT_PROTOCOL (1ull << 30)
#define REPLY_ACK (1ull << 3)
#define TIMEOUT 5000

static uint64_t get(struct peer *peer, uint32_t request)
{
	struct wire wire = wire_message(request, WIRE_VERSION, 0), answer;

	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer);
}

static struct wire with_u64(uint32_t request, uint64_t value)
{
	struct wire wire = wire_message(request, NEED_REPLY, 8);

	wire_u64(&wire, value);
	return wire;
}

/* The answer to a message: 0 success, 1 refused or the connection is closed. */
static int verdict(struct peer *peer, const struct wire *message)
{
	struct wire answer;
	uint32_t size;

	if (!peer_exchange(peer, message, &answer)) {
		CHECK(wire_closed(peer->sock));
		return 1;
	}
	wire_close_fds(&answer);
	size = answer.size - WIRE_HEADER;
	if (wire_requests[wire_get_u32(message->bytes) - 1].answered)
		return size == 0;
	CHECK_EQ(size, 8);
	return wire_value(&answer) != 0;
}

static bool set(struct peer *peer, uint32_t request, uint64_t value)
{
	const struct wire wire = with_u64(request, value);

	return verdict(peer, &wire) == 0;
}

static struct vr_vu_backend_state state_of(const struct peer *peer)
{
	struct vr_vu_backend_state state;

	vr_vu_backend_state(peer->backend, &state);
	return state;
}

/* ---- virtio features ---- */

static void features_of_the_device(void **state)
{
	struct peer peer;

	(void)state;
	CLAUSE("VU-MSG-01");
	peer_create(&peer);
	CHECK_EQ(get(&peer, 1) & ~BIT_LOG_ALL, PEER_FEATURES | BIT_PROTOCOL);

	CLAUSE("VU-MSG-15");
	/* Before SET_FEATURES. */
	CHECK_EQ(get(&peer, 15), VR_VU_PF_SUPPORTED);

	CLAUSE("VU-MSG-16");
	CHECK(set(&peer, 16, REPLY_ACK));
	CHECK_EQ(state_of(&peer).protocol_features, REPLY_ACK);
	CHECK(!set(&peer, 16, REPLY_ACK | 1ull << 63));
	CHECK_EQ(state_of(&peer).protocol_features, REPLY_ACK);

	CLAUSE("VU-MSG-02");
	CHECK(!set(&peer, 2, VR_F_VERSION_1 | 1ull << 60));
	CHECK_EQ(state_of(&peer).features, 0);
	CHECK(set(&peer, 2, VR_F_VERSION_1 | BIT_PROTOCOL));
	for (uint32_t i = 0; i < PEER_RINGS; i++)
		CHECK(!vr_vu_backend_vring(peer.backend, i)->enabled);
	CHECK(set(&peer, 2, VR_F_VERSION_1));
	for (uint32_t i = 0; i < PEER_RINGS; i++)
		CHECK(vr_vu_backend_vring(peer.backend, i)->enabled);
	peer_destroy(&peer);
}

static void sessions_of_owners(void **state)
{
	const struct wire owner = wire_message(3, WIRE_VERSION, 0);
	const struct wire disowner = wire_message(4, NEED_REPLY, 0);
	struct peer peer;
	int fds;

	(void)state;
	CLAUSE("VU-MSG-03");
	peer_create(&peer);
	fds = count_fds();
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 0);
	peer_reconnect(&peer);
	CHECK(peer_silent(&peer, &owner));
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(state_of(&peer).features, 0);
	CHECK_EQ(state_of(&peer).protocol_features, 0);
	CHECK_EQ(state_of(&peer).regions, 0);
	CHECK(!vr_vu_backend_vring(peer.backend, 0)->running);
	CHECK_EQ(vr_vu_backend_vring(peer.backend, 0)->size, 0);

	CLAUSE("VU-MSG-04");
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 0);
	peer_state(&peer, 18, 0, 1);
	CHECK_EQ(verdict(&peer, &disowner), 0);
	CHECK(!peer.rings[0].enabled);
	CHECK(peer.rings[0].running);
	CHECK_EQ(state_of(&peer).regions, 1);
	peer_state(&peer, 18, 0, 1);
	CHECK(peer.rings[0].enabled);
	CHECK_EQ(peer.starts, 2);
	peer_destroy(&peer);
}

/* Bits 26 and 30 are the transport's: neither the device's half nor the driver's sees them. */
static void bits_of_the_transport(void **state)
{
	const uint64_t all = VR_F_VERSION_1 | BIT_LOG_ALL | BIT_PROTOCOL;
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct stub stub = { .features = all, .protocol = REPLY_ACK };
	struct peer peer;

	(void)state;
	CLAUSE("VU-FB-030");
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 0);
	CHECK_EQ(peer.rings[0].features, VR_F_VERSION_1);
	CHECK_EQ(state_of(&peer).features, VR_F_VERSION_1 | BIT_PROTOCOL);
	CHECK(!peer.rings[0].enabled);
	peer_reconnect(&peer);
	peer_u64(&peer, 16, PEER_PROTOCOL);
	peer_u64(&peer, 2, VR_F_VERSION_1);
	CHECK(vr_vu_backend_vring(peer.backend, 0)->enabled);
	peer_destroy(&peer);
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, all, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(offer.accepted, VR_F_VERSION_1 | BIT_PROTOCOL);
	stub_finish(&stub, frontend);
}

/* ---- protocol features ---- */

/* What makes a request of the right shape sensible, so that only its gate can be wrong. */
static struct wire sensible(const struct peer *peer, uint32_t id)
{
	const struct wire_request *request = &wire_requests[id - 1];
	struct wire wire = wire_message(id, NEED_REPLY, 0);
	int socks[2];

	if (id == 20) {
		wire_u64(&wire, 1500);
	} else if (id == 24 || id == 25) {
		wire_u32(&wire, 4);
		wire_u32(&wire, 1);
		wire.size += 5;
	} else if (id == 37 || id == 38) {
		wire_u64(&wire, 0);
		wire_u64(&wire, PEER_GUEST + (id == 37 ? 1u << 24 : 0));
		wire_u64(&wire, PEER_MEMORY);
		wire_u64(&wire, PEER_USER + (id == 37 ? 1u << 24 : 0));
		wire_u64(&wire, 0);
	} else if (id == 39) {
		wire_u64(&wire, 1);
	} else if (id == 6) {
		wire_u64(&wire, 4096);
		wire_u64(&wire, 0);
	} else if (id == 31 || id == 32) {
		wire_u64(&wire, id == 32 ? 4096 : 0);
		wire_u64(&wire, 0);
		wire_u16(&wire, 1);
		wire_u16(&wire, 16);
		wire_u32(&wire, 0);
	} else {
		wire.size += request->size;
	}
	wire_set_size(&wire);
	if (id == 21) {
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
		close(socks[1]);
		wire.fds[wire.fd_count++] = socks[0];
	} else if (request->fds) {
		wire.fds[wire.fd_count++] = dup(peer->memory_fd);
	}
	return wire;
}

/* A session with these protocol features, and the verdict about one request in it. */
static int asked_with(struct peer *peer, uint64_t protocol, uint32_t id)
{
	struct wire wire;
	int result;

	peer_reconnect(peer);
	CHECK(set(peer, 16, REPLY_ACK));
	peer_u64(peer, 2, PEER_FEATURES | BIT_PROTOCOL);
	peer_memory(peer);
	peer_ring(peer, 0, 16, 0);
	CHECK(set(peer, 16, protocol));
	wire = sensible(peer, id);
	result = verdict(peer, &wire);
	wire_close_fds(&wire);
	return result;
}

/* A set without those of its bits that need others which are not in it. */
static uint64_t complete(uint64_t protocol)
{
	const uint64_t inband = VR_VU_PF_BACKEND_REQ | VR_VU_PF_REPLY_ACK;

	return inband & ~protocol ? protocol & ~VR_VU_PF_INBAND_NOTIFICATIONS : protocol;
}

/* Back end: a bit that we implement opens its requests and its absence closes them. */
static void gates_of_the_back_end(uint32_t bit)
{
	const bool ours = VR_VU_PF_SUPPORTED >> bit & 1;
	struct peer peer;

	peer_create(&peer);
	for (size_t i = 0; i < WIRE_REQUESTS; i++) {
		const struct wire_request *request = &wire_requests[i];

		if (request->feature != (int)bit)
			continue;
		step("request %u", request->id);
		CHECK_EQ(asked_with(&peer, complete(VR_VU_PF_SUPPORTED & ~(1ull << bit)),
				    request->id),
			 1);
		if (ours)
			CHECK_EQ(asked_with(&peer, VR_VU_PF_SUPPORTED, request->id), 0);
	}
	if (!ours) {
		peer_reconnect(&peer);
		CHECK(set(&peer, 16, REPLY_ACK));
		CHECK(!set(&peer, 16, REPLY_ACK | 1ull << bit));
	}
	peer_destroy(&peer);
}

static int call_with_log(struct vr_vu_frontend *frontend)
{
	struct vr_vu_log *log;
	int ret;

	CHECK_EQ(vr_vu_log_create(4096, &log), 0);
	ret = vr_vu_frontend_set_log(frontend, log, TIMEOUT);
	vr_vu_log_destroy(log);
	return ret;
}

static int call_for_inflight(struct vr_vu_frontend *frontend)
{
	struct vr_vu_inflight inflight = { .queues = 1, .queue_size = 16 };
	int ret = vr_vu_frontend_get_inflight(frontend, &inflight, TIMEOUT);

	if (!ret)
		close(inflight.fd);
	return ret;
}

/* The front end's calls that need a bit, each with what makes it sensible. */
static int call(struct vr_vu_frontend *frontend, uint32_t bit)
{
	const struct vr_mem_region region = { .size = 4096 };
	const uint8_t mac[6] = { 2 };
	uint8_t status;
	uint64_t value;

	switch (bit) {
	case 0:
		return vr_vu_frontend_get_queue_num(frontend, &value, TIMEOUT);
	case 1:
		return call_with_log(frontend);
	case 2:
		return vr_vu_frontend_send_rarp(frontend, mac, TIMEOUT);
	case 4:
		return vr_vu_frontend_set_mtu(frontend, 1500, TIMEOUT);
	case 9:
		return vr_vu_frontend_get_config(frontend, 0, &status, 1, TIMEOUT);
	case 12:
		return call_for_inflight(frontend);
	case 13:
		return vr_vu_frontend_reset_device(frontend, TIMEOUT);
	case 14:
		return vr_vu_frontend_vring_kick(frontend, 0, TIMEOUT);
	case 15:
		return vr_vu_frontend_remove_mem_region(frontend, &region, TIMEOUT);
	case 16:
		return vr_vu_frontend_get_status(frontend, &status, TIMEOUT);
	case 19:
		return vr_vu_frontend_check_device_state(frontend, TIMEOUT);
	default:
		return 1;
	}
}

static void gates_of_the_front_end(uint32_t bit)
{
	const uint64_t features = VR_F_VERSION_1 | 1ull << 3 | BIT_PROTOCOL;
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct stub stub;
	uint32_t sent;

	for (uint64_t on = 0; on < 2; on++) {
		/* Whatever is offered: only what this library knows is chosen. */
		stub = (struct stub){
			.features = features, .queue_num = 1, .slots = 8, .protocol = UINT64_MAX
		};
		if (!on)
			stub.protocol &= ~(1ull << bit);
		frontend = stub_start(&stub, VR_VU_PF_SUPPORTED, 0);
		CHECK_EQ(vr_vu_frontend_negotiate(frontend, features, 0, &offer, TIMEOUT), 0);
		CHECK_EQ(vr_vu_frontend_set_features(frontend, features, TIMEOUT), 0);
		CHECK_EQ(offer.accepted_protocol, complete(stub.protocol & VR_VU_PF_SUPPORTED));
		if (!(VR_VU_PF_SUPPORTED >> bit & 1))
			CHECK_EQ(vr_vu_frontend_set_protocol_features(frontend, 1ull << bit,
								      TIMEOUT),
				 -EINVAL);
		else if (call(frontend, bit) <= 0)
			CHECK_EQ(call(frontend, bit), on ? 0 : -EOPNOTSUPP);
		stub_finish(&stub, frontend);
		sent = 0;
		for (uint32_t i = 0; i < stub.count; i++)
			sent += wire_requests[stub.log[i].request - 1].feature == (int)bit;
		CHECK(on || !sent);
		CHECK_EQ(wire_get_u64(stub_find(&stub, 16, 0)->payload), offer.accepted_protocol);
	}
}

static void gates(uint32_t bit)
{
	context("protocol feature %u", bit);
	gates_of_the_back_end(bit);
	gates_of_the_front_end(bit);
}

static void what_each_protocol_feature_opens(void **state)
{
	(void)state;
	CLAUSE("VU-PF-00");
	gates(0);
	CLAUSE("VU-PF-01");
	gates(1);
	CLAUSE("VU-PF-02");
	gates(2);
	CLAUSE("VU-PF-04");
	gates(4);
	CLAUSE("VU-PF-05");
	gates(5);
	CLAUSE("VU-PF-09");
	gates(9);
	CLAUSE("VU-PF-12");
	gates(12);
	CLAUSE("VU-PF-13");
	gates(13);
	CLAUSE("VU-PF-14");
	gates(14);
	CLAUSE("VU-PF-15");
	gates(15);
	CLAUSE("VU-PF-16");
	gates(16);
	CLAUSE("VU-PF-19");
	gates(19);
}

/* Without its implementation there is nothing to open: never offered, never chosen, refused. */
static void what_is_not_ours_stays_closed(void **state)
{
	(void)state;
	CLAUSE("VU-PF-06");
	gates(6);
	CLAUSE("VU-PF-07");
	gates(7);
	CLAUSE("VU-PF-11");
	gates(11);
	CLAUSE("VU-PF-17");
	gates(17);
	CLAUSE("VU-PF-18");
	gates(18);
	CLAUSE("VU-PF-20");
	gates(20);
	CLAUSE("VU-PF-21");
	gates(21);
	CLAUSE("VU-PF-22");
	gates(22);
	CLAUSE("VU-PF-23");
	gates(23);
	CLAUSE("VU-INT-008");
	CHECK_EQ(VR_VU_PF_SUPPORTED & (3u << 21), 0);
}

static void acknowledgements(void **state)
{
	struct wire wire, answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-PF-03");
	peer_create(&peer);
	wire = with_u64(16, PEER_PROTOCOL & ~REPLY_ACK);
	CHECK(peer_silent(&peer, &wire));
	wire = wire_message(3, NEED_REPLY, 0);
	CHECK(peer_silent(&peer, &wire));
	wire = with_u64(16, PEER_PROTOCOL);
	CHECK(peer_exchange(&peer, &wire, &answer));
	wire = wire_message(3, NEED_REPLY, 0);
	CHECK(peer_exchange(&peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 0);
	peer_destroy(&peer);
}

/* Whatever is offered and wanted, nothing goes out whose bit was not set. */
static void only_what_was_negotiated(void **state)
{
	const uint64_t features = VR_F_VERSION_1 | 1ull << 3 | BIT_PROTOCOL;
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct random random;
	struct stub stub;

	(void)state;
	CLAUSE("VU-PF-90");
	random_start(&random, 90);
	for (int round = 0; round < 40; round++) {
		const uint64_t wanted = random_next(&random) & VR_VU_PF_SUPPORTED;

		stub = (struct stub){ .features = features,
				      .queue_num = 1,
				      .slots = 8,
				      .protocol = random_next(&random) };
		context("offered 0x%llx, wanted 0x%llx", (unsigned long long)stub.protocol,
			(unsigned long long)wanted);
		frontend = stub_start(&stub, wanted ? wanted : REPLY_ACK, 0);
		CHECK_EQ(vr_vu_frontend_negotiate(frontend, features, 0, &offer, TIMEOUT), 0);
		CHECK_EQ(vr_vu_frontend_set_features(frontend, features, TIMEOUT), 0);
		for (uint32_t bit = 0; bit < 24; bit++)
			(void)call(frontend, bit);
		stub_finish(&stub, frontend);
		for (uint32_t i = 0; i < stub.count; i++) {
			const struct wire_request *r = &wire_requests[stub.log[i].request - 1];

			CHECK(r->feature < 0 || offer.accepted_protocol >> r->feature & 1);
			if (!(offer.accepted_protocol & REPLY_ACK))
				CHECK_EQ(stub.log[i].flags, WIRE_VERSION);
		}
	}
}

/* A peer from before the protocol features. */
static void a_peer_without_bit_30(void **state)
{
	static const uint32_t expected[] = { 3, 1 };
	struct stub stub = { .features = VR_F_VERSION_1, .protocol = UINT64_MAX };
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct wire wire;
	struct peer peer;

	(void)state;
	CLAUSE("VU-PF-91");
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, UINT64_MAX, VR_F_VERSION_1, &offer, TIMEOUT),
		 0);
	CHECK_EQ(offer.protocol_features, 0);
	CHECK_EQ(offer.accepted, VR_F_VERSION_1);
	CHECK_EQ(vr_vu_frontend_set_vring_enable(frontend, 0, true, TIMEOUT), -EOPNOTSUPP);
	stub_finish(&stub, frontend);
	CHECK_EQ(stub.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		CHECK_EQ(stub.log[i].request, expected[i]);

	peer_create(&peer);
	wire = wire_message(2, WIRE_VERSION, 8);
	wire_u64(&wire, VR_F_VERSION_1);
	CHECK(peer_silent(&peer, &wire));
	for (uint32_t i = 0; i < PEER_RINGS; i++)
		CHECK(vr_vu_backend_vring(peer.backend, i)->enabled);
	peer_destroy(&peer);
}

static void number_of_queues(void **state)
{
	struct vr_vu_vring vring = {
		.index = 4, .size = 8, .kick_fd = -1, .call_fd = -1, .err_fd = -1
	};
	struct stub stub = { .features = VR_F_VERSION_1 | BIT_PROTOCOL,
			     .protocol = 1,
			     .queue_num = 2 };
	const struct vr_mem_region region = { .size = 4096 };
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-MSG-17");
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	CHECK_EQ(get(&peer, 17), PEER_RINGS / 2);
	peer_destroy(&peer);
	CLAUSE("VU-RING-016");
	frontend = stub_start(&stub, 0, 2);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, VR_F_VERSION_1, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(offer.queue_num, 2);
	CHECK_EQ(vr_vu_frontend_start(frontend, offer.accepted, &region, 1, &vring, 1, TIMEOUT),
		 -EINVAL);
	stub_finish(&stub, frontend);
	/* Nothing about that ring, or any, was sent. */
	CHECK_EQ(stub.count, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_of_the_device),
		cmocka_unit_test(sessions_of_owners),
		cmocka_unit_test(bits_of_the_transport),
		cmocka_unit_test(what_each_protocol_feature_opens),
		cmocka_unit_test(what_is_not_ours_stays_closed),
		cmocka_unit_test(acknowledgements),
		cmocka_unit_test(only_what_was_negotiated),
		cmocka_unit_test(a_peer_without_bit_30),
		cmocka_unit_test(number_of_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
