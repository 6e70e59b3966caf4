// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-FD and the messages that bring descriptors for a ring: kick, call and err. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "vu_traffic.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define NO_FD (1u << 8)
#define TIMEOUT 5000

static const uint32_t requests[] = { 12, 13, 14 };

static int event(void)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	CHECK(fd >= 0);
	return fd;
}

/* Kick, call or err of a ring; @fd -1: none is attached. Is it taken? */
static bool set(struct peer *peer, uint32_t request, uint64_t value, int fd)
{
	struct wire wire = wire_message(request, NEED_REPLY, 8), answer;

	wire_u64(&wire, value);
	wire.fd_count = fd >= 0;
	wire.fds[0] = fd;
	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer) == 0;
}

static void ready(struct peer *peer)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1);
	peer_memory(peer);
}

static void values_have_no_meaning(void **state)
{
	static const uint64_t values[] = { 1, 1ull << 40 };
	uint64_t value;
	struct peer peer;
	int pipes[2], fd;

	(void)state;
	CLAUSE("VU-FD-001");
	ready(&peer);
	peer_start(&peer, 0);
	fd = event();
	CHECK(set(&peer, 13, 0, fd));
	CHECK_EQ(vr_vu_notify(peer.rings[0].call_fd), 0);
	CHECK_EQ(read(fd, &value, sizeof(value)), 8);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		fd = event();
		CHECK(set(&peer, 12, 0, fd));
		CHECK_EQ(write(fd, &values[i], 8), 8);
		CHECK_EQ(vr_vu_drain(peer.rings[0].kick_fd), 1);
		CHECK_EQ(vr_vu_drain(peer.rings[0].kick_fd), 0);
		close(fd);
	}
	/* A pipe, and less than eight bytes of it. */
	CHECK_EQ(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	CHECK(set(&peer, 12, 0, pipes[0]));
	CHECK_EQ(write(pipes[1], "abc", 3), 3);
	CHECK_EQ(vr_vu_drain(peer.rings[0].kick_fd), 1);
	CHECK_EQ(vr_vu_drain(peer.rings[0].kick_fd), 0);
	close(pipes[0]);
	close(pipes[1]);
	peer_destroy(&peer);
}

static void bit_8(void **state)
{
	struct peer peer;
	int fd, before;

	(void)state;
	CLAUSE("VU-FD-002");
	ready(&peer);
	peer_start(&peer, 0);
	fd = event();
	before = count_fds();
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		step("request %u", requests[i]);
		CHECK(!set(&peer, requests[i], NO_FD, fd));
		CHECK(!set(&peer, requests[i], 0, -1));
		CHECK(!set(&peer, requests[i], PEER_RINGS, fd));
		CHECK(!set(&peer, requests[i], 255, fd));
		CHECK(!set(&peer, requests[i], 1u << 9, fd));
		CHECK(!set(&peer, requests[i], 1ull << 32, fd));
		CHECK_EQ(count_fds(), before);
	}
	close(fd);
	peer_destroy(&peer);
}

static void a_new_one_replaces_the_old_one(void **state)
{
	struct peer peer;
	int before;

	(void)state;
	CLAUSE("VU-FD-003");
	ready(&peer);
	peer_start(&peer, 0);
	CHECK(peer_ring_fd(&peer, VU_SET_VRING_ERR, 0, true).got);
	before = count_fds();
	for (int i = 0; i < 100; i++)
		for (size_t j = 0; j < ARRAY_SIZE(requests); j++) {
			const int fd = event();

			CHECK(set(&peer, requests[j], 0, fd));
			close(fd);
		}
	CHECK_EQ(count_fds(), before);
	peer_destroy(&peer);
}

/* With and without a kick, with and without a call descriptor: buffers go round in all four. */
static void polling(void **state)
{
	(void)state;
	CLAUSE("VU-FD-004");
	FOR_EACH_FORM(form)
	{
		for (int which = 0; which < 4; which++) {
			struct traffic t;

			context("%s, combination %d", form->name, which);
			traffic_open(&t, form->features);
			traffic_start(&t, 0, 8, traffic_fresh(&t));
			CHECK(peer_ring_fd(&t.peer, VU_SET_VRING_KICK, 0, which & 1).got);
			CHECK(peer_ring_fd(&t.peer, VU_SET_VRING_CALL, 0, which & 2).got);
			CHECK_EQ(t.peer.rings[0].kick_fd >= 0, which & 1);
			traffic_run(&t, 0, 100);
			CHECK_EQ(vr_vu_backend_vring(t.peer.backend, 0)->call_fd >= 0, which >> 1);
			traffic_close(&t);
		}
	}
}

static void kick(void **state)
{
	struct traffic t;
	int fd;

	(void)state;
	CLAUSE("VU-MSG-12");
	/* The message starts the ring; nobody has written to the descriptor. */
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	CHECK_EQ(t.peer.starts, 1);
	CHECK(t.peer.rings[0].running);
	traffic_run(&t, 0, 3);
	fd = event();
	CHECK(set(&t.peer, 12, 0, fd));
	CHECK_EQ(vr_vu_notify(fd), 0);
	CHECK_EQ(vr_vu_drain(t.peer.rings[0].kick_fd), 1);
	traffic_run(&t, 0, 3);
	CHECK(set(&t.peer, 12, NO_FD, -1));
	CHECK(t.peer.rings[0].running);
	traffic_run(&t, 0, 3);

	CLAUSE("VU-FD-006");
	/* Whoever holds the other end may kick; nothing is available, and nothing happens. */
	CHECK(set(&t.peer, 12, 0, fd));
	CHECK_EQ(vr_vu_notify(fd), 0);
	CHECK_EQ(vr_vu_drain(t.peer.rings[0].kick_fd), 1);
	CHECK_EQ(traffic_serve(&t, 0, 8), 0);
	traffic_send(&t, 0, 2);
	CHECK_EQ(vr_vu_notify(fd), 0);
	CHECK_EQ(vr_vu_drain(t.peer.rings[0].kick_fd), 1);
	CHECK_EQ(traffic_serve(&t, 0, 8), 2);
	CHECK_EQ(traffic_get(&t, 0), 2);
	close(fd);
	traffic_close(&t);
}

static void call(void **state)
{
	struct traffic t;
	int fds[2], before;

	(void)state;
	CLAUSE("VU-MSG-13");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	fds[0] = event();
	fds[1] = event();
	CHECK(set(&t.peer, 13, 0, fds[0]));
	before = count_fds();
	for (int i = 0; i < 50; i++) {
		traffic_send(&t, 0, 2);
		CHECK_EQ(traffic_serve(&t, 0, 1), 1);
		CHECK_EQ(vr_vu_drain(fds[i & 1]), 1);
		/* The next completion is signalled to the new one, and to it alone. */
		CHECK(set(&t.peer, 13, 0, fds[~i & 1]));
		CHECK_EQ(traffic_serve(&t, 0, 1), 1);
		CHECK_EQ(vr_vu_drain(fds[~i & 1]), 1);
		CHECK_EQ(vr_vu_drain(fds[i & 1]), 0);
		CHECK_EQ(traffic_get(&t, 0), 2);
	}
	CHECK_EQ(count_fds(), before);

	CLAUSE("VU-FD-007");
	vr_driver_disarm(t.rings[0].driver, NULL);
	traffic_run(&t, 0, 3);
	CHECK_EQ(vr_vu_drain(fds[0]) + vr_vu_drain(fds[1]), 0);
	CHECK(!vr_driver_arm(t.rings[0].driver, NULL));
	traffic_run(&t, 0, 3);
	CHECK_EQ(vr_vu_drain(fds[0]) + vr_vu_drain(fds[1]), 1);
	close(fds[0]);
	close(fds[1]);
	traffic_close(&t);
}

/* Full, and set to wait by the front end: the back end goes on, and the signal counts as given. */
static void a_full_descriptor_holds_nobody_up(void **state)
{
	const uint64_t full = UINT64_MAX - 1;
	struct traffic t;
	char page[4096] = { 0 };
	int pipes[2], fd;

	(void)state;
	CLAUSE("VU-FD-008");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	fd = eventfd(0, EFD_CLOEXEC);
	CHECK(set(&t.peer, 13, 0, fd));
	CHECK_EQ(write(fd, &full, 8), 8);
	traffic_run(&t, 0, 20);
	CHECK_EQ(vr_vu_drain(fd), 1);
	close(fd);
	CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
	CHECK(set(&t.peer, 13, 0, pipes[1]));
	while (write(pipes[1], page, sizeof(page)) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	traffic_run(&t, 0, 20);
	close(pipes[0]);
	close(pipes[1]);
	traffic_close(&t);
}

static void err(void **state)
{
	struct traffic t;
	int fd;

	(void)state;
	CLAUSE("VU-MSG-14");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	fd = event();
	CHECK(set(&t.peer, 14, 0, fd));
	/* A device that finds its ring broken, as it does here, signals it once. */
	traffic_send(&t, 0, 1);
	memset((char *)traffic_areas(&t, 0).driver.host + 2, 0x55, 2);
	CHECK_EQ(traffic_take(&t, 0, 1), 0);
	CHECK(vr_device_fault(t.rings[0].device, &(struct vr_fault){ 0 }));
	CHECK_EQ(vr_vu_notify(t.peer.rings[0].err_fd), 0);
	CHECK_EQ(vr_vu_drain(fd), 1);
	CHECK_EQ(traffic_take(&t, 0, 1), 0);
	close(fd);
	traffic_close(&t);
}

/* What the front end puts into the three messages. */
static void the_front_ends_messages(void **state)
{
	struct stub stub = { .features = VR_F_VERSION_1 };
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	int fd = event();

	(void)state;
	CLAUSE("VU-FD-002");
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, VR_F_VERSION_1, 0, &offer, TIMEOUT), 0);
	for (int none = 0; none < 2; none++) {
		const int with = none ? -1 : fd;

		CHECK_EQ(vr_vu_frontend_set_vring_kick(frontend, 255, with, TIMEOUT), 0);
		CHECK_EQ(vr_vu_frontend_set_vring_call(frontend, 255, with, TIMEOUT), 0);
		CHECK_EQ(vr_vu_frontend_set_vring_err(frontend, 255, with, TIMEOUT), 0);
		CHECK_EQ(vr_vu_frontend_set_vring_err(frontend, 256, with, TIMEOUT), -EINVAL);
	}
	stub_finish(&stub, frontend);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const struct stub_message *with = stub_find(&stub, requests[i], 0);
		const struct stub_message *without = stub_find(&stub, requests[i], 1);

		CHECK_EQ(with->fd_count, 1);
		CHECK_EQ(wire_get_u64(with->payload), 255);
		CHECK_EQ(without->fd_count, 0);
		CHECK_EQ(wire_get_u64(without->payload), 0x1ff);
		CHECK_EQ(stub_seen(&stub, requests[i]), 2);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_no_meaning),
		cmocka_unit_test(bit_8),
		cmocka_unit_test(a_new_one_replaces_the_old_one),
		cmocka_unit_test(polling),
		cmocka_unit_test(kick),
		cmocka_unit_test(call),
		cmocka_unit_test(a_full_descriptor_holds_nobody_up),
		cmocka_unit_test(err),
		cmocka_unit_test(the_front_ends_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
