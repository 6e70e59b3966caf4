// SPDX-License-Identifier: BSD-3-Clause
/* The messages about the device: status, reset, configuration, net's two, and unknown ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "check.h"
#include "vu_peer.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define TIMEOUT 5000

static void ready(struct peer *peer, uint64_t features)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1 | features);
}

static struct wire ask(struct peer *peer, const struct wire *message)
{
	struct wire answer;

	CHECK(peer_exchange(peer, message, &answer));
	return answer;
}

static bool set(struct peer *peer, uint32_t request, uint64_t value)
{
	struct wire wire = wire_message(request, NEED_REPLY, 8);

	wire_u64(&wire, value);
	wire = ask(peer, &wire);
	return wire_value(&wire) == 0;
}

static uint64_t get(struct peer *peer, uint32_t request)
{
	struct wire wire = wire_message(request, WIRE_VERSION, 0);

	wire = ask(peer, &wire);
	CHECK_EQ(wire.size, WIRE_HEADER + 8);
	return wire_value(&wire);
}

static bool reset(struct peer *peer)
{
	struct wire wire = wire_message(34, NEED_REPLY, 0);

	wire = ask(peer, &wire);
	return wire_value(&wire) == 0;
}

/* ---- status and reset ---- */

static void status(void **state)
{
	struct peer peer;

	(void)state;
	CLAUSE("VU-MSG-39");
	ready(&peer, 0);
	peer_memory(&peer);
	peer_start(&peer, 0);
	CHECK(set(&peer, 39, 0xf));
	CHECK_EQ(peer.status, 0xf);
	CHECK(!set(&peer, 39, 0x100));
	CHECK(set(&peer, 39, 0));
	CHECK_EQ(peer.status, 0);
	CHECK(!peer.rings[0].running);
	CHECK_EQ(peer.last_stop, VR_VU_STOP_RESET);

	CLAUSE("VU-MSG-40");
	CHECK_EQ(get(&peer, 40), 0);
	peer.refuse_status = 8;
	CHECK(set(&peer, 39, 0xb));
	CHECK_EQ(get(&peer, 40), 3);
	peer.refuse_status = 0;
	CHECK(set(&peer, 39, 0xb));
	CHECK_EQ(get(&peer, 40), 0xb);
	peer_destroy(&peer);
}

static void reset_device(void **state)
{
	struct vr_vu_backend_state now;
	struct peer peer;
	int fds;

	(void)state;
	CLAUSE("VU-MSG-34");
	ready(&peer, 0);
	peer_memory(&peer);
	fds = count_fds();
	for (uint32_t i = 0; i < PEER_RINGS; i++)
		peer_start(&peer, i);
	CHECK(reset(&peer));
	CHECK_EQ(peer.stops, PEER_RINGS);
	CHECK_EQ(count_fds(), fds);
	for (uint32_t i = 0; i < PEER_RINGS; i++) {
		const struct vr_vu_vring *ring = vr_vu_backend_vring(peer.backend, i);

		CHECK(!ring->running && !ring->enabled && !ring->size);
	}
	vr_vu_backend_state(peer.backend, &now);
	CHECK_EQ(now.status, 0);
	/* The session is the same one; memory and what was negotiated about it have stayed. */
	CHECK_EQ(now.sessions, 1);
	CHECK_EQ(now.regions, 1);
	CHECK_EQ(now.protocol_features, PEER_PROTOCOL);
	peer_u64(&peer, 2, VR_F_VERSION_1 | 1ull << 30);
	peer_start(&peer, 2);
	peer_destroy(&peer);
}

/* ---- configuration ---- */

static struct wire config(uint32_t request, uint32_t offset, uint32_t size, uint32_t flags)
{
	struct wire wire = wire_message(request, NEED_REPLY, 12 + size);

	wire_u32(&wire, offset);
	wire_u32(&wire, size);
	wire_u32(&wire, flags);
	memset(wire.bytes + wire.size, 'x', size);
	wire.size += size;
	return wire;
}

static void configuration(void **state)
{
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	unsigned char data[4];
	struct peer peer;
	struct stub stub;
	struct wire wire;

	(void)state;
	CLAUSE("VU-MSG-24");
	ready(&peer, 0);
	memcpy(peer.config, "0123456789abcdef", 16);
	for (uint32_t size = 1; size <= 16; size++) {
		wire = config(24, 16 - size, size, 0);
		wire = ask(&peer, &wire);
		CHECK_EQ(wire.size, WIRE_HEADER + 12 + size);
		CHECK_BYTES(wire.bytes + WIRE_HEADER + 12, peer.config + 16 - size, size);
	}
	wire = config(24, 16, 1, 0);
	wire = ask(&peer, &wire);
	CHECK_EQ(wire.size, WIRE_HEADER);
	wire = config(24, 0, 17, 0);
	wire = ask(&peer, &wire);
	CHECK_EQ(wire.size, WIRE_HEADER);
	CHECK(!wire_closed(peer.sock));

	CLAUSE("VU-MSG-25");
	/* The device's first byte is read-only. */
	wire = config(25, 0, 2, 0);
	wire = ask(&peer, &wire);
	CHECK(wire_value(&wire) != 0);
	CHECK_BYTES(peer.config, "01", 2);
	wire = config(25, 0, 2, 1);
	wire = ask(&peer, &wire);
	CHECK_EQ(wire_value(&wire), 0);
	CHECK_BYTES(peer.config, "xx2", 3);
	wire = config(25, 4, 2, 0);
	wire = ask(&peer, &wire);
	CHECK_EQ(wire_value(&wire), 0);
	CHECK_BYTES(peer.config, "xx23xx", 6);
	wire = config(25, 4, 2, 2);
	wire = ask(&peer, &wire);
	CHECK(wire_value(&wire) != 0);
	peer_destroy(&peer);

	stub = (struct stub){ .features = 1ull << 30, .protocol = VR_VU_PF_CONFIG };
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, 0, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_get_config(frontend, 8, data, 4, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_get_config(frontend, 8, data, 0, TIMEOUT), -EINVAL);
	CHECK_EQ(vr_vu_frontend_get_config(frontend, 8, data, 257, TIMEOUT), -EINVAL);
	CHECK_EQ(vr_vu_frontend_fd(frontend) >= 0, 1);
	stub_finish(&stub, frontend);
	CHECK_EQ(stub_seen(&stub, 24), 1);
}

/* ---- net ---- */

static void net(void **state)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct vr_vu_offer offer;
	struct peer peer;
	struct stub stub;
	struct wire wire;

	(void)state;
	CLAUSE("VU-MSG-19");
	ready(&peer, 1ull << 3);
	wire = wire_message(19, NEED_REPLY, 8);
	wire_bytes(&wire, mac, 6);
	wire_u16(&wire, 0);
	wire = ask(&peer, &wire);
	CHECK_EQ(wire_value(&wire), 0);
	CHECK_BYTES(peer.mac, mac, 6);

	CLAUSE("VU-MSG-20");
	CHECK(set(&peer, 20, 1500));
	CHECK_EQ(peer.mtu, 1500);
	CHECK(!set(&peer, 20, 0));
	CHECK(!set(&peer, 20, 65536));
	CHECK(!set(&peer, 20, 1ull << 32 | 1500));
	CHECK_EQ(peer.mtu, 1500);
	peer_destroy(&peer);
	/* The driver has to have asked for it. */
	ready(&peer, 0);
	CHECK(!set(&peer, 20, 1500));
	peer_destroy(&peer);

	stub = (struct stub){ .features = 1ull << 30 | 8, .protocol = 0x1c };
	frontend = stub_start(&stub, 0x1c, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, 8, 8, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_set_features(frontend, offer.accepted, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_send_rarp(frontend, mac, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_set_mtu(frontend, 9000, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 19, 0);
	CHECK_EQ(sent->size, 8);
	CHECK_BYTES(sent->payload, mac, 6);
	CHECK_EQ(wire_get_u64(stub_find(&stub, 20, 0)->payload), 9000);
}

/* ---- what nobody knows, and what is not for this library ---- */

/* Refused when there is a way to say so, otherwise the end; the descriptor is closed. */
static void refused_by_name(struct peer *peer, uint32_t id, uint32_t size)
{
	struct wire wire, answer;
	int fds;

	for (uint32_t flags = WIRE_VERSION; flags <= NEED_REPLY; flags += WIRE_NEED_REPLY) {
		const bool answered = id && id <= WIRE_REQUESTS && wire_requests[id - 1].answered;

		step("request %u, flags %u", id, flags);
		peer_reconnect(peer);
		peer_negotiate(peer, PEER_FEATURES);
		fds = count_fds();
		wire = wire_message(id, flags, size);
		wire.size += size;
		wire.fd_count = 1;
		wire.fds[0] = peer->memory_fd;
		if (flags == NEED_REPLY && !answered) {
			CHECK(peer_exchange(peer, &wire, &answer));
			CHECK(wire_value(&answer) != 0);
			CHECK_EQ(count_fds(), fds);
		} else {
			CHECK(!peer_exchange(peer, &wire, &answer));
			CHECK(wire_closed(peer->sock));
		}
		CHECK(strstr(vr_vu_backend_error(peer->backend),
			     id && id <= WIRE_REQUESTS ? vr_vu_request_name(id) : "unknown"));
	}
}

static void unknown_requests(void **state)
{
	static const uint32_t unknown[] = { 0, 46, 200, UINT32_MAX };
	struct peer peer;

	(void)state;
	CLAUSE("VU-MSG-99");
	peer_create(&peer);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		refused_by_name(&peer, unknown[i], 8);

	CLAUSE("VU-MSG-23");
	refused_by_name(&peer, 23, 8);
	CLAUSE("VU-MSG-26");
	refused_by_name(&peer, 26, 8);
	CLAUSE("VU-MSG-27");
	refused_by_name(&peer, 27, 8);
	CLAUSE("VU-MSG-33");
	refused_by_name(&peer, 33, 0);
	CLAUSE("VU-MSG-41");
	refused_by_name(&peer, 41, 16);
	CLAUSE("VU-MSG-44");
	refused_by_name(&peer, 44, 0);
	CLAUSE("VU-MSG-45");
	refused_by_name(&peer, 45, 8);
	peer_destroy(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status),	    cmocka_unit_test(reset_device),
		cmocka_unit_test(configuration),    cmocka_unit_test(net),
		cmocka_unit_test(unknown_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
