// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-PAY: where each field of a payload is, on the way in and on the way out. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/eventfd.h>
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

static struct wire begin(uint32_t request)
{
	return wire_message(request, NEED_REPLY, 0);
}

/* Is it acknowledged with success? Otherwise it must be refused. */
static bool accepted(struct peer *peer, struct wire *message)
{
	struct wire answer;

	wire_set_size(message);
	CHECK(peer_exchange(peer, message, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer) == 0;
}

/* A front end without acknowledgements: what it sends stays in the socket of a stub. */
static struct vr_vu_frontend *quiet_frontend(struct stub *stub)
{
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;

	*stub = (struct stub){ .features = UINT64_MAX, .protocol = UINT64_MAX, .slots = 8 };
	frontend = stub_start(
		stub,
		VR_VU_PF_MQ | VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_CONFIG | VR_VU_PF_STATUS, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, VR_F_VERSION_1, 0, &offer, TIMEOUT), 0);
	return frontend;
}

static void one_integer(void **state)
{
	struct vr_vu_backend_state now;
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct peer peer;
	struct wire wire;
	struct stub stub;

	(void)state;
	CLAUSE("VU-PAY-001");
	peer_create(&peer);
	wire = wire_message(16, WIRE_VERSION, 8);
	wire_u64(&wire, VR_VU_PF_STATUS | 8);
	CHECK(peer_silent(&peer, &wire));
	vr_vu_backend_state(peer.backend, &now);
	CHECK_EQ(now.protocol_features, 0x10008);
	peer_destroy(&peer);

	frontend = quiet_frontend(&stub);
	CHECK_EQ(vr_vu_frontend_set_features(frontend, 0x140000001, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 2, 0);
	CHECK_EQ(sent->size, 8);
	CHECK_EQ(wire_get_u64(sent->payload), 0x140000001);
}

static void vring_state(void **state)
{
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct peer peer;
	struct wire wire;
	struct stub stub;

	(void)state;
	CLAUSE("VU-PAY-002");
	ready(&peer, 0);
	wire = begin(8);
	wire_u32(&wire, 2);
	wire_u32(&wire, 64);
	CHECK(accepted(&peer, &wire));
	CHECK_EQ(vr_vu_backend_vring(peer.backend, 2)->size, 64);
	peer_destroy(&peer);

	frontend = quiet_frontend(&stub);
	CHECK_EQ(vr_vu_frontend_set_vring_num(frontend, 3, 256, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 8, 0);
	CHECK_EQ(sent->size, 8);
	CHECK_EQ(wire_get_u32(sent->payload), 3);
	CHECK_EQ(wire_get_u32(sent->payload + 4), 256);
}

/* Index, flags, descriptors, used, available, log: used stands before available. */
static void vring_address(void **state)
{
	static const unsigned char order[3] = { 8, 16, 24 };
	const struct vr_vu_vring *ring;
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct vr_ring areas = { 0 };
	struct peer peer;
	struct wire wire;
	struct stub stub;

	(void)state;
	CLAUSE("VU-PAY-003");
	for (int packed = 0; packed < 2; packed++) {
		ready(&peer, packed ? VR_F_RING_PACKED : 0);
		peer_memory(&peer);
		peer_ring(&peer, 1, 16, packed ? 0x80008000 : 0);
		wire = begin(9);
		wire_u32(&wire, 1);
		wire_u32(&wire, 0);
		wire_u64(&wire, PEER_USER + 0x1000);
		wire_u64(&wire, PEER_USER + 0x2000);
		wire_u64(&wire, PEER_USER + 0x3000);
		wire_u64(&wire, 0);
		CHECK_EQ(wire.size, WIRE_HEADER + 40);
		CHECK(accepted(&peer, &wire));
		peer_ring_fd(&peer, 12, 1, true);
		ring = vr_vu_backend_vring(peer.backend, 1);
		CHECK(ring->running);
		CHECK_EQ(ring->ring.descriptors.addr, PEER_GUEST + 0x1000);
		CHECK_EQ(ring->ring.device.addr, PEER_GUEST + 0x2000);
		CHECK_EQ(ring->ring.driver.addr, PEER_GUEST + 0x3000);
		peer_destroy(&peer);
	}

	areas.descriptors.host = (void *)(uintptr_t)0x10000;
	areas.device.host = (void *)(uintptr_t)0x20000;
	areas.driver.host = (void *)(uintptr_t)0x30000;
	frontend = quiet_frontend(&stub);
	CHECK_EQ(vr_vu_frontend_set_vring_addr(frontend, 5, &areas, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 9, 0);
	CHECK_EQ(sent->size, 40);
	CHECK_EQ(wire_get_u32(sent->payload), 5);
	CHECK_EQ(wire_get_u32(sent->payload + 4), 0);
	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(wire_get_u64(sent->payload + order[i]), 0x10000 * (i + 1));
	CHECK_EQ(wire_get_u64(sent->payload + 32), 0);
}

/* ---- memory ---- */

static void put_region(struct wire *wire, uint64_t guest, uint64_t size, uint64_t user,
		       uint64_t offset)
{
	wire_u64(wire, guest);
	wire_u64(wire, size);
	wire_u64(wire, user);
	wire_u64(wire, offset);
}

/* A table that says it has @count regions and has @put of them, a page each. */
static struct wire table_of(const struct peer *peer, uint32_t count, uint32_t put)
{
	struct wire wire = begin(5);

	wire_u32(&wire, count);
	wire_u32(&wire, 0);
	for (uint32_t i = 0; i < put; i++) {
		put_region(&wire, PEER_GUEST + 0x10000 * i, 0x1000, PEER_USER + 0x20000 * i,
			   0x1000 * i);
		if (wire.fd_count < WIRE_FDS)
			wire.fds[wire.fd_count++] = peer->memory_fd;
	}
	return wire;
}

static void one_region(void **state)
{
	static const char mark[] = "a region's bytes";
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct vr_mem_region region;
	struct peer peer;
	struct wire wire;
	struct stub stub;

	(void)state;
	CLAUSE("VU-PAY-005");
	ready(&peer, 0);
	CHECK_EQ(pwrite(peer.memory_fd, mark, sizeof(mark), 0x5001), (ssize_t)sizeof(mark));
	wire = begin(37);
	wire_u64(&wire, 0);
	put_region(&wire, 0x900000, 0x10000, 0x123450000, 0x3000);
	CHECK_EQ(wire.size, WIRE_HEADER + 40);
	wire.fd_count = 1;
	wire.fds[0] = peer.memory_fd;
	CHECK(accepted(&peer, &wire));
	wire = begin(9);
	wire_u64(&wire, 0);
	wire_u64(&wire, 0x123450000);
	wire_u64(&wire, 0x123451000);
	wire_u64(&wire, 0x123452000);
	wire_u64(&wire, 0);
	CHECK(accepted(&peer, &wire));
	peer_state(&peer, 8, 0, 16);
	peer_state(&peer, 10, 0, 0);
	peer_ring_fd(&peer, 12, 0, true);
	CHECK(peer.rings[0].running);
	CHECK_EQ(peer.rings[0].ring.driver.addr, 0x902000);
	CHECK_BYTES((char *)peer.rings[0].ring.driver.host + 1, mark, sizeof(mark));
	peer_destroy(&peer);

	region = (struct vr_mem_region){ .guest_addr = 1ull << 40,
					 .size = 0x2000,
					 .user_addr = 3ull << 40,
					 .mmap_offset = 0x7000,
					 .fd = 0 };
	frontend = quiet_frontend(&stub);
	CHECK_EQ(vr_vu_frontend_add_mem_region(frontend, &region, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 37, 0);
	CHECK_EQ(sent->size, 40);
	CHECK_EQ(sent->fd_count, 1);
	CHECK_EQ(wire_get_u64(sent->payload), 0);
	CHECK_EQ(wire_get_u64(sent->payload + 8), 1ull << 40);
	CHECK_EQ(wire_get_u64(sent->payload + 16), 0x2000);
	CHECK_EQ(wire_get_u64(sent->payload + 24), 3ull << 40);
	CHECK_EQ(wire_get_u64(sent->payload + 32), 0x7000);
}

static void a_table_of_regions(void **state)
{
	struct vr_mem_region regions[8];
	struct vr_vu_frontend *frontend;
	struct vr_vu_backend_state now;
	const struct stub_message *sent;
	struct peer peer;
	struct wire wire;
	struct stub stub;

	(void)state;
	CLAUSE("VU-PAY-006");
	ready(&peer, 0);
	wire = table_of(&peer, 1, 1);
	CHECK(accepted(&peer, &wire));
	wire = table_of(&peer, 8, 8);
	CHECK_EQ(wire.size, WIRE_HEADER + 264);
	CHECK(accepted(&peer, &wire));
	vr_vu_backend_state(peer.backend, &now);
	CHECK_EQ(now.regions, 8);
	wire = table_of(&peer, 9, 8);
	CHECK(!accepted(&peer, &wire));
	wire = table_of(&peer, 9, 9);
	CHECK(!accepted(&peer, &wire));
	wire = table_of(&peer, 0, 1);
	CHECK(!accepted(&peer, &wire));
	vr_vu_backend_state(peer.backend, &now);
	CHECK_EQ(now.regions, 8);
	peer_destroy(&peer);

	for (uint32_t i = 0; i < 8; i++)
		regions[i] = (struct vr_mem_region){ .guest_addr = i,
						     .size = 0x1000 + i,
						     .user_addr = 0x100 + i,
						     .mmap_offset = 7 - i };
	for (uint32_t count = 1; count <= 8; count += 7) {
		frontend = quiet_frontend(&stub);
		CHECK_EQ(vr_vu_frontend_set_mem_table(frontend, regions, count, TIMEOUT), 0);
		CHECK_EQ(vr_vu_frontend_set_mem_table(frontend, regions, 9, TIMEOUT), -EINVAL);
		stub_finish(&stub, frontend);
		CHECK_EQ(stub_seen(&stub, 5), 1);
		sent = stub_find(&stub, 5, 0);
		CHECK_EQ(sent->size, 8 + 32 * count);
		CHECK_EQ(sent->fd_count, count);
		CHECK_EQ(wire_get_u32(sent->payload), count);
		for (uint32_t i = 0; i < count; i++) {
			CHECK_EQ(wire_get_u64(sent->payload + 8 + 32 * i), i);
			CHECK_EQ(wire_get_u64(sent->payload + 16 + 32 * i), 0x1000 + i);
			CHECK_EQ(wire_get_u64(sent->payload + 24 + 32 * i), 0x100 + i);
			CHECK_EQ(wire_get_u64(sent->payload + 32 + 32 * i), 7 - i);
		}
	}
}

/* ---- configuration ---- */

static struct wire config(uint32_t request, uint32_t offset, uint32_t size, uint32_t flags)
{
	struct wire wire = begin(request);

	wire_u32(&wire, offset);
	wire_u32(&wire, size);
	wire_u32(&wire, flags);
	wire_bytes(&wire, "abcdefghijklmnop", 16);
	wire.size = WIRE_HEADER + 12 + (size > 16 ? 16 : size);
	wire_set_size(&wire);
	return wire;
}

static void configuration(void **state)
{
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct wire wire, answer;
	unsigned char data[3];
	struct peer peer;
	struct stub stub;

	(void)state;
	CLAUSE("VU-PAY-009");
	ready(&peer, 0);
	wire = config(25, 3, 4, 0);
	CHECK(accepted(&peer, &wire));
	CHECK_BYTES(peer.config + 3, "abcd", 4);
	wire = config(24, 2, 6, 0);
	CHECK(peer_exchange(&peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 12 + 6);
	CHECK_EQ(wire_get_u32(answer.bytes + WIRE_HEADER), 2);
	CHECK_EQ(wire_get_u32(answer.bytes + WIRE_HEADER + 4), 6);
	CHECK_BYTES(answer.bytes + WIRE_HEADER + 12, "\0abcd\0", 6);
	/* The space has 16 bytes. */
	wire = config(25, 13, 4, 0);
	CHECK(!accepted(&peer, &wire));
	wire = config(25, UINT32_MAX, 4, 0);
	CHECK(!accepted(&peer, &wire));
	peer_destroy(&peer);

	frontend = quiet_frontend(&stub);
	CHECK_EQ(vr_vu_frontend_set_config(frontend, 9, "xyz", 3, true, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_get_config(frontend, 9, data, 3, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 25, 0);
	CHECK_EQ(sent->size, 15);
	CHECK_EQ(wire_get_u32(sent->payload), 9);
	CHECK_EQ(wire_get_u32(sent->payload + 4), 3);
	CHECK_EQ(wire_get_u32(sent->payload + 8), 1);
	CHECK_BYTES(sent->payload + 12, "xyz", 3);
	sent = stub_find(&stub, 24, 0);
	CHECK_EQ(sent->size, 15);
	CHECK_EQ(wire_get_u32(sent->payload + 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_integer),	      cmocka_unit_test(vring_state),
		cmocka_unit_test(vring_address),      cmocka_unit_test(one_region),
		cmocka_unit_test(a_table_of_regions), cmocka_unit_test(configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
