// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-MEM and the messages about memory: which regions there may be, what is found where. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "vu_traffic.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define TIMEOUT 5000

/* A region on the wire; @fd -1: it is not attached. */
struct part {
	uint64_t guest, size, user, offset;
	int fd;
};

static void put_part(struct wire *wire, const struct part *part)
{
	wire_u64(wire, part->guest);
	wire_u64(wire, part->size);
	wire_u64(wire, part->user);
	wire_u64(wire, part->offset);
	if (part->fd >= 0)
		wire->fds[wire->fd_count++] = part->fd;
}

static bool taken(struct peer *peer, struct wire *wire)
{
	struct wire answer;

	wire_set_size(wire);
	CHECK(peer_exchange(peer, wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer) == 0;
}

static bool set_table(struct peer *peer, const struct part *parts, uint32_t count)
{
	struct wire wire = wire_message(5, NEED_REPLY, 0);

	wire_u32(&wire, count);
	wire_u32(&wire, 0);
	for (uint32_t i = 0; i < count; i++)
		put_part(&wire, &parts[i]);
	return taken(peer, &wire);
}

/* ADD_MEM_REG (37) or REM_MEM_REG (38). */
static bool change(struct peer *peer, uint32_t request, struct part part)
{
	struct wire wire = wire_message(request, NEED_REPLY, 0);

	wire_u64(&wire, 0);
	put_part(&wire, &part);
	return taken(peer, &wire);
}

static uint32_t regions(const struct peer *peer)
{
	struct vr_vu_backend_state state;

	vr_vu_backend_state(peer->backend, &state);
	return state.regions;
}

static void ready(struct peer *peer, uint64_t features)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1 | features);
}

static void no_overlap(void **state)
{
	struct peer peer;
	struct part one, two[2];

	(void)state;
	CLAUSE("VU-MEM-001");
	ready(&peer, 0);
	one = (struct part){ 0x10000, 0x2000, 0x7000000, 0, peer.memory_fd };
	for (int where = 0; where < 4; where++) {
		/* Above and below, in the one space and in the other. */
		const uint64_t guest = where == 0 ? 0x11fff : where == 1 ? 0xe001 : 0x90000;
		const uint64_t user = where == 2 ? 0x7001fff : where == 3 ? 0x6ffe001 : 0x90000000;

		step("case %d", where);
		two[0] = one;
		two[1] = (struct part){ guest, 0x2000, user, 0, peer.memory_fd };
		CHECK(!set_table(&peer, two, 2));
		CHECK_EQ(regions(&peer), 0);
		CHECK(set_table(&peer, &one, 1));
		CHECK(!change(&peer, 37, two[1]));
		CHECK_EQ(regions(&peer), 1);
		CHECK(change(&peer, 38, one));
	}
	two[1] = (struct part){ 0x12000, 0x2000, 0x7002000, 0, peer.memory_fd };
	CHECK(set_table(&peer, two, 2));
	peer_destroy(&peer);
}

static void put_ring(struct peer *peer, uint32_t index, uint64_t user)
{
	struct wire wire = wire_message(9, NEED_REPLY, 0);

	wire_u32(&wire, index);
	wire_u32(&wire, 0);
	wire_u64(&wire, user);
	wire_u64(&wire, user + 0x400);
	wire_u64(&wire, user + 0x800);
	wire_u64(&wire, 0);
	CHECK(taken(peer, &wire));
	peer_state(peer, 8, index, 16);
	peer_state(peer, 10, index, 0);
}

/* Where bytes of the file are found: by user address, by guest address, with any mmap offset. */
static void offsets_and_addresses(void **state)
{
	static const uint64_t offsets[] = { 0, 0x1000, 0x5000, 0x1230 };
	const struct vr_vu_vring *ring;
	const uint32_t mark = 0xc0ffee;
	struct peer peer;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		const struct part part = { 0x40000000, 0x8000, 0xdead0000000 + offsets[i],
					   offsets[i], 0 };
		struct part with_fd = part;

		CLAUSE("VU-MEM-002");
		step("offset 0x%llx", (unsigned long long)offsets[i]);
		ready(&peer, 0);
		with_fd.fd = peer.memory_fd;
		CHECK_EQ(pwrite(peer.memory_fd, &mark, 4, (off_t)(offsets[i] + 0x2000 + 0x804)), 4);
		CHECK(set_table(&peer, &with_fd, 1));
		CLAUSE("VU-MEM-003");
		put_ring(&peer, 0, part.user + 0x2000);
		peer_ring_fd(&peer, VU_SET_VRING_KICK, 0, true);
		ring = vr_vu_backend_vring(peer.backend, 0);
		CHECK(ring->running);
		CHECK_EQ(ring->ring.descriptors.addr, part.guest + 0x2000);
		CHECK_EQ(ring->ring.driver.addr, part.guest + 0x2800);
		CHECK_BYTES((char *)ring->ring.driver.host + 4, &mark, 4);
		CLAUSE("VU-MEM-008");
		/* Nothing is mapped where the front end has it, and nothing looks there. */
		CHECK((uintptr_t)ring->ring.descriptors.host != part.user + 0x2000);
		peer_destroy(&peer);
	}
}

static void ranges_at_the_edges(void **state)
{
	struct vr_segment segment = { .addr = PEER_GUEST + 0x3f000, .len = 0x2000 };
	struct vr_buffer buffer = { .segments = &segment, .writable = 1 };
	struct vr_iovec pieces[3];
	struct vr_chain chain;
	struct traffic t;
	struct part next;
	int popped;

	(void)state;
	CLAUSE("VU-MEM-005");
	traffic_open(&t, 0);
	next = (struct part){ PEER_GUEST + PEER_MEMORY, 0x1000, PEER_USER + PEER_MEMORY, 0,
			      t.peer.memory_fd };
	CHECK(change(&t.peer, 37, next));
	traffic_start(&t, 0, 8, 0);
	CHECK_EQ(vr_driver_add(t.rings[0].driver, &buffer, 1), 1);
	CHECK_EQ(vr_driver_publish(t.rings[0].driver), 1);
	CHECK_EQ(vr_device_pop(t.rings[0].device, &chain, 1, pieces, 3), 1);
	CHECK_EQ(chain.writable, 2);
	CHECK_EQ(pieces[0].len, 0x1000);
	CHECK_EQ(pieces[1].len, 0x1000);
	CHECK((char *)pieces[0].base + 0x1000 != pieces[1].base);
	/* A ring across the two would not be in one piece. */
	put_ring(&t.peer, 1, PEER_USER + PEER_MEMORY - 0x80);
	peer_ring_fd(&t.peer, VU_SET_VRING_KICK, 1, true);
	CHECK(!vr_vu_backend_vring(t.peer.backend, 1)->running);
	CHECK(strstr(vr_vu_backend_error(t.peer.backend), "in no region"));
	put_ring(&t.peer, 1, PEER_USER + PEER_MEMORY);
	peer_ring_fd(&t.peer, VU_SET_VRING_KICK, 1, true);
	CHECK(vr_vu_backend_vring(t.peer.backend, 1)->running);
	traffic_close(&t);

	CLAUSE("VU-MEM-006");
	for (int i = 0; i < 4; i++) {
		static const struct vr_segment outside[] = {
			{ .addr = PEER_GUEST + PEER_MEMORY, .len = 1 },
			{ .addr = PEER_GUEST + PEER_MEMORY - 1, .len = 2 },
			{ .addr = PEER_GUEST - 1, .len = 1 },
			{ .addr = UINT64_MAX - 1, .len = 8 },
		};

		step("segment %d", i);
		traffic_open(&t, 0);
		traffic_start(&t, 0, 8, 0);
		segment = outside[i];
		CHECK_EQ(vr_driver_add(t.rings[0].driver, &buffer, 1), 1);
		CHECK_EQ(vr_driver_publish(t.rings[0].driver), 1);
		popped = vr_device_pop(t.rings[0].device, &chain, 1, pieces, 3);
		CHECK(popped == VR_E_MISS || popped == VR_E_BROKEN);
		traffic_close(&t);
	}
}

static void rings_follow_their_memory(void **state)
{
	const struct part home = { PEER_GUEST, PEER_MEMORY, PEER_USER, 0, 0 };

	(void)state;
	CLAUSE("VU-MEM-007");
	FOR_EACH_FORM(form)
	{
		struct part part = home;
		const void *host;
		struct traffic t;

		context("%s", form->name);
		traffic_open(&t, form->features);
		part.fd = t.peer.memory_fd;
		traffic_start(&t, 0, 8, traffic_fresh(&t));
		traffic_run(&t, 0, 5);
		traffic_send(&t, 0, 3);
		host = t.peer.rings[0].ring.descriptors.host;
		CHECK(set_table(&t.peer, &part, 1));
		CHECK(t.peer.rings[0].ring.descriptors.host != host);
		CHECK_EQ(traffic_serve(&t, 0, 8), 3);
		CHECK_EQ(traffic_get(&t, 0), 3);
		/* Not without the memory that it is in. */
		CHECK(!change(&t.peer, 38, part));
		part.user += 0x1000000;
		CHECK(!set_table(&t.peer, &part, 1));
		CHECK(t.peer.rings[0].running);
		traffic_run(&t, 0, 30);
		traffic_close(&t);
	}
}

static void regions_are_known_by_three_fields(void **state)
{
	struct part part;
	struct peer peer;
	int fds;

	(void)state;
	ready(&peer, 0);
	part = (struct part){ 0x1000, 0x2000, 0x3000, 0x1000, peer.memory_fd };
	fds = count_fds();
	CHECK(change(&peer, 37, part));
	CLAUSE("VU-MEM-009");
	CHECK(!change(&peer, 38, (struct part){ 0x1001, 0x2000, 0x3000, 0x1000, -1 }));
	CHECK(!change(&peer, 38, (struct part){ 0x1000, 0x2001, 0x3000, 0x1000, -1 }));
	CHECK(!change(&peer, 38, (struct part){ 0x1000, 0x2000, 0x3001, 0x1000, -1 }));
	CHECK_EQ(regions(&peer), 1);

	CLAUSE("VU-MSG-38");
	CHECK(change(&peer, 38, (struct part){ 0x1000, 0x2000, 0x3000, 0x777, -1 }));
	CHECK_EQ(regions(&peer), 0);
	CHECK(!change(&peer, 38, (struct part){ 0x1000, 0x2000, 0x3000, 0x777, -1 }));

	CLAUSE("VU-INT-009");
	CHECK(change(&peer, 37, part));
	CHECK(change(&peer, 38, part));
	CHECK_EQ(regions(&peer), 0);
	CHECK_EQ(count_fds(), fds);
	peer_destroy(&peer);
}

static void memory_slots(void **state)
{
	struct wire wire, answer;
	struct part part;
	struct peer peer;
	int fds;

	(void)state;
	CLAUSE("VU-MSG-36");
	ready(&peer, 0);
	fds = count_fds();
	wire = wire_message(36, WIRE_VERSION, 0);
	CHECK(peer_exchange(&peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 16);
	part = (struct part){ 0, 0x1000, 1ull << 32, 0, peer.memory_fd };
	for (uint64_t i = 0; i < 16; i++) {
		part.guest = i << 16;
		part.user = 1ull << 32 | i << 20;
		CHECK(change(&peer, 37, part));
	}
	part.guest = 1ull << 40;
	part.user = 1ull << 41;
	CHECK(!change(&peer, 37, part));
	CHECK_EQ(regions(&peer), 16);

	CLAUSE("VU-MSG-37");
	peer_reconnect(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	CHECK(change(&peer, 37, part));
	/* Another piece of the file in its place; the same again is only counted, as QEMU 7.2 has it. */
	part.offset = 0x1000;
	CHECK(!change(&peer, 37, part));
	part.offset = 0;
	CHECK(change(&peer, 37, part));
	CHECK_EQ(regions(&peer), 1);
	part.fd = -1;
	part.guest = 0;
	part.user = 0;
	CHECK(!change(&peer, 37, part));
	wire = wire_message(37, NEED_REPLY, 0);
	part.fd = peer.memory_fd;
	wire_u64(&wire, 0);
	put_part(&wire, &part);
	wire.fds[wire.fd_count++] = peer.memory_fd;
	CHECK(!taken(&peer, &wire));
	part.size = 0;
	CHECK(!change(&peer, 37, part));
	part.size = UINT64_MAX;
	CHECK(!change(&peer, 37, part));
	CHECK_EQ(regions(&peer), 1);
	CHECK_EQ(count_fds(), fds);
	peer_destroy(&peer);
}

/* A file of its own with a pattern, for a table that replaces another one. */
static int other_memory(void)
{
	const int fd = memfd_create("other", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, PEER_MEMORY), 0);
	return fd;
}

static void a_table_replaces_the_other(void **state)
{
	struct part parts[9];
	struct wire wire;
	struct peer peer;
	int fds;

	(void)state;
	CLAUSE("VU-MSG-05");
	ready(&peer, 0);
	for (uint32_t i = 0; i < 9; i++)
		parts[i] =
			(struct part){ i << 16, 0x1000, 1ull << 32 | i << 16, 0, other_memory() };
	fds = count_fds();
	CHECK(set_table(&peer, parts, 8));
	CHECK_EQ(regions(&peer), 8);
	CHECK(set_table(&peer, parts + 8, 1));
	CHECK_EQ(regions(&peer), 1);
	CHECK_EQ(count_fds(), fds);
	/* More and fewer descriptors than regions. */
	for (int more = -1; more <= 1; more += 2) {
		wire = wire_message(5, NEED_REPLY, 0);
		wire_u32(&wire, 3);
		wire_u32(&wire, 0);
		for (uint32_t i = 0; i < 3; i++)
			put_part(&wire, &parts[i]);
		wire.fd_count += (uint32_t)more;
		wire.fds[3] = parts[3].fd;
		CHECK(!taken(&peer, &wire));
		CHECK_EQ(regions(&peer), 1);
		CHECK_EQ(count_fds(), fds);
	}
	for (uint32_t i = 0; i < 9; i++)
		close(parts[i].fd);
	peer_destroy(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_overlap),
		cmocka_unit_test(offsets_and_addresses),
		cmocka_unit_test(ranges_at_the_edges),
		cmocka_unit_test(rings_follow_their_memory),
		cmocka_unit_test(regions_are_known_by_three_fields),
		cmocka_unit_test(memory_slots),
		cmocka_unit_test(a_table_replaces_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
