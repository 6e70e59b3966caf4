// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-IOT and the IOTLB messages of both ends, byte by byte. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/vhost_types.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vu_peer.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define REPLY (WIRE_VERSION | WIRE_REPLY)
#define IOVA 0xabc0000000ull
#define PAGE 0x1000u
#define MISS 1u
#define UPDATE 2u
#define INVALIDATE 3u
#define ACCESS_FAIL 4u
#define TIMEOUT 5000

static void put_iotlb(struct wire *wire, uint64_t iova, uint64_t size, uint64_t user,
		      uint8_t access, uint8_t type)
{
	static const uint8_t padding[6];

	wire_u64(wire, iova);
	wire_u64(wire, size);
	wire_u64(wire, user);
	wire_bytes(wire, &access, 1);
	wire_bytes(wire, &type, 1);
	wire_bytes(wire, padding, sizeof(padding));
}

/* Sends one and answers what came back, which has to be there, asked for or not. */
static uint64_t tell(struct peer *peer, uint32_t flags, uint64_t iova, uint64_t size, uint64_t user,
		     uint8_t access, uint8_t type)
{
	struct wire wire = wire_message(22, flags, 32), answer;

	put_iotlb(&wire, iova, size, user, access, type);
	CHECK_EQ(wire.size, WIRE_HEADER + 32);
	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer);
}

static int ready(struct peer *peer)
{
	struct wire wire = wire_message(21, NEED_REPLY, 0), answer;
	int socks[2];

	peer_create_with(peer, VR_F_ACCESS_PLATFORM);
	peer_negotiate(peer, VR_F_VERSION_1 | VR_F_ACCESS_PLATFORM);
	peer_memory(peer);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	wire.fd_count = 1;
	wire.fds[0] = socks[1];
	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 0);
	close(socks[1]);
	return socks[0];
}

/* The back end's next request is about this address; it is acknowledged with success. */
static void expect_request(struct peer *peer, int channel, uint64_t iova, uint8_t access,
			   uint8_t type)
{
	struct wire wire, answer = wire_message(1, REPLY, 8);

	peer_run(peer);
	CHECK(wire_take(channel, &wire));
	CHECK_EQ(wire.size, WIRE_HEADER + 32);
	CHECK_EQ(wire_get_u32(wire.bytes), 1);
	CHECK_EQ(wire_get_u32(wire.bytes + 4), NEED_REPLY);
	CHECK_EQ(wire_value(&wire), iova);
	CHECK_EQ(wire.bytes[WIRE_HEADER + 24], access);
	CHECK_EQ(wire.bytes[WIRE_HEADER + 25], type);
	wire_u64(&answer, 0);
	CHECK(wire_send(channel, &answer));
	peer_run(peer);
}

/* Ring 0 with device addresses; it waits for those that have no translation yet. */
static void start_ring(struct peer *peer)
{
	const struct vu_vring_addr addr = peer_addr(0);
	struct wire wire = wire_message(9, NEED_REPLY, 40), answer;

	peer_state(peer, 8, 0, 16);
	peer_state(peer, 10, 0, 0);
	wire_u64(&wire, 0);
	wire_u64(&wire, addr.descriptors - PEER_USER + IOVA);
	wire_u64(&wire, addr.device - PEER_USER + IOVA);
	wire_u64(&wire, addr.driver - PEER_USER + IOVA);
	wire_u64(&wire, 0);
	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 0);
	CHECK(peer_ring_fd(peer, VU_SET_VRING_KICK, 0, true).got);
}

static bool runs(const struct peer *peer)
{
	return vr_vu_backend_vring(peer->backend, 0)->running;
}

static int look_up(const struct peer *peer, uint64_t iova, uint32_t access)
{
	const struct vr_map *map = vr_mem_map(peer->mem[0]);
	struct vr_map_range range;

	CHECK_EQ(map->count, 0);
	return map->miss(map, iova, access, &range);
}

static void the_payload(void **state)
{
	struct peer peer;
	int channel;

	(void)state;
	CLAUSE("VU-PAY-008");
	CHECK_EQ(sizeof(struct vhost_iotlb_msg), 32);
	CHECK_EQ(offsetof(struct vhost_iotlb_msg, iova), 0);
	CHECK_EQ(offsetof(struct vhost_iotlb_msg, size), 8);
	CHECK_EQ(offsetof(struct vhost_iotlb_msg, uaddr), 16);
	CHECK_EQ(offsetof(struct vhost_iotlb_msg, perm), 24);
	CHECK_EQ(offsetof(struct vhost_iotlb_msg, type), 25);
	CHECK_EQ(VHOST_IOTLB_MISS, MISS);
	CHECK_EQ(VHOST_IOTLB_UPDATE, UPDATE);
	CHECK_EQ(VHOST_IOTLB_INVALIDATE, INVALIDATE);
	CHECK_EQ(VHOST_IOTLB_ACCESS_FAIL, ACCESS_FAIL);

	CLAUSE("VU-MSG-22");
	channel = ready(&peer);
	/* Within known memory, and nowhere else; answered without being asked. */
	CHECK_EQ(tell(&peer, WIRE_VERSION, IOVA, PEER_MEMORY, PEER_USER, 3, UPDATE), 0);
	CHECK(tell(&peer, WIRE_VERSION, IOVA, PEER_MEMORY + 1, PEER_USER, 3, UPDATE) != 0);
	CHECK(tell(&peer, WIRE_VERSION, IOVA, PAGE, PEER_GUEST, 3, UPDATE) != 0);
	CHECK(tell(&peer, WIRE_VERSION, IOVA, 0, PEER_USER, 3, UPDATE) != 0);
	CHECK(tell(&peer, WIRE_VERSION, IOVA, PAGE, PEER_USER, 3, MISS) != 0);
	CHECK_EQ(tell(&peer, NEED_REPLY, IOVA, PAGE, 0, 0, INVALIDATE), 0);
	close(channel);
	peer_destroy(&peer);
}

static void the_front_ends_messages(void **state)
{
	const struct vr_vu_translation translation = {
		.iova = IOVA, .size = 0x3000, .user_addr = PEER_USER, .access = 2
	};
	const uint64_t features = VR_F_VERSION_1 | VR_F_ACCESS_PLATFORM;
	struct stub stub = { .features = features };
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct vr_vu_offer offer;

	(void)state;
	CLAUSE("VU-MSG-22");
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, features, features, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_iotlb_update(frontend, &translation, TIMEOUT), -EOPNOTSUPP);
	CHECK_EQ(vr_vu_frontend_set_features(frontend, features, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_iotlb_update(frontend, &translation, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_iotlb_invalidate(frontend, IOVA, PAGE, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	CHECK_EQ(stub_seen(&stub, 22), 2);
	sent = stub_find(&stub, 22, 0);
	CHECK_EQ(sent->size, 32);
	CHECK_EQ(wire_get_u64(sent->payload), IOVA);
	CHECK_EQ(wire_get_u64(sent->payload + 8), 0x3000);
	CHECK_EQ(wire_get_u64(sent->payload + 16), PEER_USER);
	CHECK_EQ(sent->payload[24], 2);
	CHECK_EQ(sent->payload[25], UPDATE);
	sent = stub_find(&stub, 22, 1);
	CHECK_EQ(wire_get_u64(sent->payload + 8), PAGE);
	CHECK_EQ(sent->payload[25], INVALIDATE);
}

/* The same ring as user addresses would give, though guest addresses are nonsense here. */
static void rings_by_device_address(void **state)
{
	const struct vr_vu_vring *ring;
	struct peer peer;
	int channel;

	(void)state;
	CLAUSE("VU-BEM-01");
	channel = ready(&peer);
	start_ring(&peer);
	CHECK(!runs(&peer));
	expect_request(&peer, channel, IOVA, 1, MISS);
	CHECK_EQ(tell(&peer, WIRE_VERSION, IOVA, 0x4000, PEER_USER, 3, UPDATE), 0);
	expect_request(&peer, channel, IOVA + 0x4000, 1, MISS);
	CHECK_EQ(tell(&peer, WIRE_VERSION, IOVA + 0x4000, 0x4000, PEER_USER + 0x4000, 3, UPDATE),
		 0);

	CLAUSE("VU-MEM-004");
	CHECK(runs(&peer));
	ring = vr_vu_backend_vring(peer.backend, 0);
	CHECK_EQ(ring->ring.descriptors.addr, IOVA);
	CHECK_EQ((uintptr_t)ring->ring.driver.host - (uintptr_t)ring->ring.descriptors.host,
		 0x4000);
	CHECK_EQ(look_up(&peer, PEER_GUEST, 1), VR_E_MISS);
	expect_request(&peer, channel, PEER_GUEST, 1, MISS);

	CLAUSE("VU-IOT-003");
	CHECK_EQ(tell(&peer, WIRE_VERSION, IOVA + 0x10000, PAGE, PEER_USER + 0x10000, 1, UPDATE),
		 0);
	CHECK_EQ(look_up(&peer, IOVA + 0x10000, 1), 0);
	(void)look_up(&peer, IOVA + 0x10010, 2);
	expect_request(&peer, channel, IOVA + 0x10010, 2, ACCESS_FAIL);

	CLAUSE("VU-IOT-001");
	/* What may be in use is taken away while the ring is paused; the answer comes after that. */
	CHECK_EQ(peer.stops, 0);
	CHECK_EQ(tell(&peer, WIRE_VERSION, IOVA + 0x10000, PAGE, 0, 0, INVALIDATE), 0);
	CHECK_EQ(peer.stops, 1);
	CHECK_EQ(peer.last_stop, VR_VU_STOP_PAUSE);
	CHECK(runs(&peer));
	CHECK_EQ(look_up(&peer, IOVA + 0x10000, 1), VR_E_MISS);
	close(channel);
	peer_destroy(&peer);
}

static void addresses_of_the_wrong_kind(void **state)
{
	struct wire wire = wire_message(9, NEED_REPLY, 40), answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-PAY-004");
	/* Without ACCESS_PLATFORM a ring has user addresses, and no guest address will do. */
	peer_create_with(&peer, VR_F_ACCESS_PLATFORM);
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_ring(&peer, 0, 16, 0);
	CHECK(peer_ring_fd(&peer, VU_SET_VRING_KICK, 0, true).got);
	CHECK(runs(&peer));
	peer_ask_state(&peer, VU_GET_VRING_BASE, 0, 0);
	wire_u64(&wire, 0);
	wire_u64(&wire, PEER_GUEST);
	wire_u64(&wire, PEER_GUEST + 0x6000);
	wire_u64(&wire, PEER_GUEST + 0x4000);
	wire_u64(&wire, 0);
	CHECK(peer_exchange(&peer, &wire, &answer));
	CHECK(peer_ring_fd(&peer, VU_SET_VRING_KICK, 0, true).got);
	CHECK(!runs(&peer));
	peer_destroy(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_payload),
		cmocka_unit_test(the_front_ends_messages),
		cmocka_unit_test(rings_by_device_address),
		cmocka_unit_test(addresses_of_the_wrong_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
