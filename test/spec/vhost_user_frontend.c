// SPDX-License-Identifier: BSD-3-Clause
/* What the front end sends, in which order, and what back ends of others make of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "vu_peer.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define BIT_PROTOCOL (1ull << 30)
#define TIMEOUT 5000

/* Two rings: one with a call and an err descriptor, one whose driver polls. */
struct plant {
	unsigned char memory[4096];
	struct vr_mem_region region;
	struct vr_vu_vring vrings[2];
	struct stub stub;
	struct vr_vu_frontend *frontend;
};

static int event(void)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	CHECK(fd >= 0);
	return fd;
}

static void open_plant(struct plant *p, uint64_t protocol)
{
	*p = (struct plant){ .stub = { .features = VR_F_VERSION_1 | BIT_PROTOCOL,
				       .protocol = protocol,
				       .queue_num = 1,
				       .slots = 8,
				       .bases = { 7, 9 } } };
	p->region = (struct vr_mem_region){ .size = sizeof(p->memory),
					    .user_addr = (uintptr_t)p->memory,
					    .fd = event() };
	for (uint32_t i = 0; i < 2; i++) {
		unsigned char *at = p->memory + 2048 * (size_t)i;

		p->vrings[i] = (struct vr_vu_vring){ .index = i,
						     .size = 16,
						     .enabled = true,
						     .kick_fd = event(),
						     .call_fd = i ? -1 : event(),
						     .err_fd = i ? -1 : event() };
		p->vrings[i].ring.descriptors.host = at;
		p->vrings[i].ring.driver.host = at + 1024;
		p->vrings[i].ring.device.host = at + 1536;
	}
	p->frontend = stub_start(&p->stub, 0, 2);
}

static void run_plant(struct plant *p, int times)
{
	struct vr_vu_offer offer;

	CHECK_EQ(vr_vu_frontend_negotiate(p->frontend, VR_F_VERSION_1, 0, &offer, TIMEOUT), 0);
	for (int i = 0; i < times; i++) {
		CHECK_EQ(vr_vu_frontend_start(p->frontend, offer.accepted, &p->region, 1, p->vrings,
					      2, TIMEOUT),
			 0);
		if (i + 1 < times)
			CHECK_EQ(vr_vu_frontend_stop(p->frontend, p->vrings, 2, TIMEOUT), 0);
	}
}

static void close_plant(struct plant *p)
{
	for (int i = 0; i < 2; i++) {
		close(p->vrings[i].kick_fd);
		if (p->vrings[i].call_fd >= 0)
			close(p->vrings[i].call_fd);
		if (p->vrings[i].err_fd >= 0)
			close(p->vrings[i].err_fd);
	}
	close(p->region.fd);
}

/* The order of what came, from the message at @from on. */
static void check_order(const struct stub *stub, uint32_t from, const uint32_t *expected,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		step("message %u", from + i);
		CHECK(from + i < stub->count);
		CHECK_EQ(stub->log[from + i].request, expected[i]);
	}
}

static void the_usual_order(void **state)
{
	static const uint32_t expected[] = { 3, 1, 15, 16, 17, 36, 13, 14, 13, 39, 2,  39, 40,
					     5, 8, 10, 9,  12, 8,  10, 9,  12, 18, 18, 39 };
	struct plant p;

	(void)state;
	CLAUSE("VU-RING-014");
	open_plant(&p, UINT64_MAX);
	run_plant(&p, 1);
	stub_finish(&p.stub, p.frontend);
	check_order(&p.stub, 0, expected, ARRAY_SIZE(expected));
	CHECK_EQ(p.stub.count, ARRAY_SIZE(expected));

	CLAUSE("VU-RING-006");
	CHECK_EQ(vr_vu_drain(p.vrings[0].kick_fd), 1);
	CHECK_EQ(vr_vu_drain(p.vrings[1].kick_fd), 1);

	CLAUSE("VU-INT-010");
	CHECK_EQ(stub_find(&p.stub, 12, 0)->fd_count, 1);
	CHECK_EQ(stub_find(&p.stub, 12, 1)->fd_count, 1);
	close_plant(&p);
}

/* Addresses, kick and call of each ring, with or without a descriptor; then DRIVER_OK. */
static void all_that_makes_a_ring_ready(void **state)
{
	struct plant p;

	(void)state;
	CLAUSE("VU-INT-002");
	open_plant(&p, VR_VU_PF_STATUS);
	run_plant(&p, 1);
	stub_finish(&p.stub, p.frontend);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_EQ(wire_get_u32(stub_find(&p.stub, 9, i)->payload), i);
		CHECK_EQ(wire_get_u64(stub_find(&p.stub, 12, i)->payload), i);
		CHECK_EQ(wire_get_u64(stub_find(&p.stub, 13, i)->payload), i ? 0x101 : 0);
		CHECK_EQ(wire_get_u32(stub_find(&p.stub, 18, i)->payload + 4), 1);
	}
	CHECK_EQ(p.stub.log[p.stub.count - 1].request, 39);
	CHECK_EQ(wire_get_u64(p.stub.log[p.stub.count - 1].payload), 0xf);

	CLAUSE("VU-INT-004");
	/* The first message that names a ring is its call descriptor. */
	for (uint32_t i = 0; i < p.stub.count; i++) {
		const uint32_t request = p.stub.log[i].request;

		if ((request >= 8 && request <= 14) || request == 18) {
			CHECK_EQ(request, 13);
			break;
		}
	}
	close_plant(&p);
}

static void everything_again_after_a_stop(void **state)
{
	static const uint32_t ring_messages[] = { 8, 9, 10, 12, 13, 14, 18 };
	struct plant p;

	(void)state;
	CLAUSE("VU-INT-003");
	open_plant(&p, 0);
	run_plant(&p, 3);
	stub_finish(&p.stub, p.frontend);
	CHECK_EQ(stub_seen(&p.stub, 11), 4);
	for (size_t i = 0; i < ARRAY_SIZE(ring_messages); i++) {
		const uint32_t request = ring_messages[i];
		const uint32_t rings = request == 14 ? 1 : 2;

		step("request %u", request);
		/* Stops disable, which is two more for each of them. */
		CHECK_EQ(stub_seen(&p.stub, request), 3 * rings + (request == 18 ? 4 : 0));
	}
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_EQ(wire_get_u64(stub_find(&p.stub, 10, i)->payload), i);
		/* Where the back end said that it had stopped. */
		CHECK_EQ(wire_get_u32(stub_find(&p.stub, 10, 2 + i)->payload + 4), i ? 9 : 7);
	}
	close_plant(&p);
}

/* Our own back end takes any message about a ring as the first one. */
static void any_first_message(void **state)
{
	static const uint32_t firsts[] = { 8, 9, 10, 11, 12, 13, 14, 18 };
	struct wire wire, answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-INT-004");
	peer_create(&peer);
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		step("request %u", firsts[i]);
		peer_reconnect(&peer);
		peer_u64(&peer, 16, 1u << 3);
		wire = wire_message(firsts[i], NEED_REPLY, 0);
		if (firsts[i] == 9)
			wire.size += 40;
		else if (firsts[i] >= 12 && firsts[i] <= 14)
			wire_u64(&wire, 0x100);
		else
			wire_u64(&wire, firsts[i] == 8 ? 16ull << 32 : 0);
		wire_set_size(&wire);
		CHECK(peer_exchange(&peer, &wire, &answer));
		/* A kick starts, for which there is not enough yet; the session goes on. */
		CHECK_EQ(wire_value(&answer) != 0, firsts[i] == 12);
		CHECK(!wire_closed(peer.sock));
	}
	peer_destroy(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_order),
		cmocka_unit_test(all_that_makes_a_ring_ready),
		cmocka_unit_test(everything_again_after_a_stop),
		cmocka_unit_test(any_first_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
