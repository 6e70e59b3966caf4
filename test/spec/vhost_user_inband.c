// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-INB: kicks, calls and errors as messages. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "vu_traffic.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define REPLY (WIRE_VERSION | WIRE_REPLY)
#define INBAND (1ull << 14 | 1u << 5 | 1u << 3)
#define VRING_CALL 4u
#define VRING_ERR 5u
#define TIMEOUT 5000

/* ---- the back end ---- */

/* A session with in-band notifications, a channel (the front end's end) and ring 0 ready to start. */
static int open_inband(struct traffic *t, uint64_t features)
{
	struct wire wire = wire_message(21, NEED_REPLY, 0), answer;
	int socks[2];

	traffic_open(t, features);
	peer_u64(&t->peer, 16, PEER_PROTOCOL | INBAND);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	wire.fd_count = 1;
	wire.fds[0] = socks[1];
	CHECK(peer_exchange(&t->peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 0);
	close(socks[1]);
	return socks[0];
}

static bool kick(struct traffic *t, uint32_t index)
{
	struct wire wire = wire_message(35, NEED_REPLY, 8), answer;

	wire_u32(&wire, index);
	wire_u32(&wire, 0);
	CHECK(peer_exchange(&t->peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer) == 0;
}

/* Takes a request from the channel and acknowledges it. False: there is none. */
static bool says(struct traffic *t, int channel, uint32_t request)
{
	struct wire wire, answer = wire_message(request, REPLY, 8);

	peer_run(&t->peer);
	if (!wire_take(channel, &wire))
		return false;
	CHECK_EQ(wire_get_u32(wire.bytes), request);
	CHECK_EQ(wire_get_u32(wire.bytes + 4), NEED_REPLY);
	CHECK_EQ(wire.size, WIRE_HEADER + 8);
	CHECK_EQ(wire_value(&wire), 0);
	wire_u64(&answer, 0);
	CHECK(wire_send(channel, &answer));
	peer_run(&t->peer);
	return true;
}

static void a_ring_without_descriptors(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct traffic t;
		int channel;

		context("%s", form->name);
		CLAUSE("VU-MSG-35");
		channel = open_inband(&t, form->features);
		traffic_prepare(&t, 0, 8, traffic_fresh(&t));
		CHECK(!t.peer.rings[0].running);
		CHECK(kick(&t, 0));
		CHECK(t.peer.rings[0].running);
		CHECK(!kick(&t, PEER_RINGS));
		traffic_send(&t, 0, 3);
		CHECK(kick(&t, 0));
		CHECK_EQ(vr_vu_drain(t.peer.rings[0].kick_fd), 1);

		CLAUSE("VU-BEM-04");
		CHECK(!says(&t, channel, VRING_CALL));
		CHECK_EQ(traffic_serve(&t, 0, 8), 3);
		CHECK(says(&t, channel, VRING_CALL));
		CHECK(!says(&t, channel, VRING_CALL));
		CHECK_EQ(traffic_get(&t, 0), 3);

		CLAUSE("VU-BEM-05");
		CHECK_EQ(vr_vu_notify(t.peer.rings[0].err_fd), 0);
		CHECK(says(&t, channel, VRING_ERR));
		close(channel);
		traffic_close(&t);
	}
}

/* In lock step: the answer to a kick comes when the device can see it, each time. */
static void lock_step(void **state)
{
	struct traffic t;
	int channel;

	(void)state;
	CLAUSE("VU-INB-002");
	channel = open_inband(&t, 0);
	traffic_prepare(&t, 0, 8, 0);
	CHECK(kick(&t, 0));
	vr_vu_drain(t.peer.rings[0].kick_fd);
	for (int i = 0; i < 100; i++) {
		traffic_send(&t, 0, 1);
		CHECK(kick(&t, 0));
		CHECK_EQ(vr_vu_drain(t.peer.rings[0].kick_fd), 1);
		CHECK_EQ(vr_vu_drain(t.peer.rings[0].kick_fd), 0);
		CHECK_EQ(traffic_serve(&t, 0, 8), 1);
		CHECK(says(&t, channel, VRING_CALL));
		CHECK_EQ(traffic_get(&t, 0), 1);
	}
	close(channel);
	traffic_close(&t);
}

static void a_descriptor_wins(void **state)
{
	const uint64_t index = 0;
	struct traffic t;
	int channel, fd;

	(void)state;
	CLAUSE("VU-FD-005");
	channel = open_inband(&t, 0);
	traffic_prepare(&t, 0, 8, 0);
	CHECK(kick(&t, 0));
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(peer_ask(&t.peer, VU_SET_VRING_CALL, &index, 8, &fd, 1).got);
	traffic_send(&t, 0, 2);
	CHECK_EQ(traffic_serve(&t, 0, 8), 2);
	CHECK_EQ(vr_vu_drain(fd), 1);
	CHECK(!says(&t, channel, VRING_CALL));
	CHECK_EQ(traffic_get(&t, 0), 2);
	close(fd);
	close(channel);
	traffic_close(&t);
}

static void what_it_needs(void **state)
{
	static const uint64_t wrong[] = { 1u << 14, 1u << 14 | 1u << 3, 1u << 14 | 1u << 5 };
	struct wire wire, answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-INB-001");
	peer_create(&peer);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		step("bits 0x%llx", (unsigned long long)wrong[i]);
		wire = wire_message(16, NEED_REPLY, 8);
		wire_u64(&wire, wrong[i]);
		CHECK(!peer_exchange(&peer, &wire, &answer));
		CHECK(wire_closed(peer.sock));
		peer_reconnect(&peer);
	}
	peer_destroy(&peer);
}

/* ---- the front end ---- */

static void count(void *context, uint32_t index)
{
	((unsigned int *)context)[index]++;
}

static void the_front_ends_side(void **state)
{
	const struct vr_vu_channel_ops ops = { .struct_size = sizeof(ops),
					       .ring_call = count,
					       .ring_error = count };
	struct stub stub = { .features = 1ull << 30, .protocol = INBAND };
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	unsigned int counts[8] = { 0 };
	struct vr_vu_offer offer;
	struct wire wire, answer;

	(void)state;
	CLAUSE("VU-MSG-35");
	frontend = stub_start(&stub, INBAND, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, 0, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_vring_kick(frontend, 5, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_open_channel(frontend, &ops, counts, TIMEOUT), 0);
	for (uint32_t request = VRING_CALL; request <= VRING_ERR; request++) {
		if (request == VRING_CALL)
			CLAUSE("VU-BEM-04");
		else
			CLAUSE("VU-BEM-05");
		wire = wire_message(request, NEED_REPLY, 8);
		wire_u32(&wire, request);
		wire_u32(&wire, 0);
		CHECK(wire_send(stub.channel, &wire));
		CHECK_EQ(vr_vu_frontend_channel_process(frontend), 0);
		CHECK_EQ(counts[request], 1);
		CHECK(wire_take(stub.channel, &answer));
		CHECK_EQ(wire_value(&answer), 0);
	}
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 35, 0);
	CHECK_EQ(sent->flags, NEED_REPLY);
	CHECK_EQ(sent->size, 8);
	CHECK_EQ(wire_get_u64(sent->payload), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_without_descriptors), cmocka_unit_test(lock_step),
		cmocka_unit_test(a_descriptor_wins),	      cmocka_unit_test(what_it_needs),
		cmocka_unit_test(the_front_ends_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
