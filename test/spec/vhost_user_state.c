// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-DST and the two messages about a device's internal state. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "vu_traffic.h"

#define NO_FD 0x100u
#define SAVE 0u
#define LOAD 1u
#define TIMEOUT 5000

/* SET_DEVICE_STATE_FD; answers the u64 that came back. */
static uint64_t transfer(struct peer *peer, uint32_t direction, uint32_t phase, int fd)
{
	struct wire wire = wire_message(42, WIRE_VERSION, 8), answer;

	wire_u32(&wire, direction);
	wire_u32(&wire, phase);
	wire.fd_count = 1;
	wire.fds[0] = fd;
	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	CHECK_EQ(answer.fd_count, 0);
	return wire_value(&answer);
}

static uint64_t check(struct peer *peer)
{
	struct wire wire = wire_message(43, WIRE_VERSION, 0), answer;

	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer);
}

static void save_and_load(void **state)
{
	struct traffic t;
	int pipes[2];
	char text[8];

	(void)state;
	CLAUSE("VU-PAY-013");
	traffic_open(&t, 0);
	CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
	CHECK_EQ(transfer(&t.peer, 2, 0, pipes[1]), EINVAL | NO_FD);
	CHECK_EQ(transfer(&t.peer, SAVE, 1, pipes[1]), EINVAL | NO_FD);

	CLAUSE("VU-MSG-42");
	/* Not while a ring runs. */
	traffic_start(&t, 0, 8, 0);
	CHECK((transfer(&t.peer, SAVE, 0, pipes[1]) & 0xff) != 0);
	traffic_stop(&t, 0);
	CHECK_EQ(transfer(&t.peer, SAVE, 0, pipes[1]), NO_FD);
	CHECK(!t.peer.state_load);

	CLAUSE("VU-DST-001");
	CHECK_EQ(write(t.peer.state_fd, "state", 5), 5);
	close(t.peer.state_fd);
	close(pipes[1]);
	CHECK_EQ(read(pipes[0], text, sizeof(text)), 5);
	CHECK_EQ(read(pipes[0], text, sizeof(text)), 0);
	close(pipes[0]);
	CHECK_EQ(check(&t.peer), 0);
	CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
	CHECK_EQ(transfer(&t.peer, LOAD, 0, pipes[0]), NO_FD);
	CHECK(t.peer.state_load);
	CHECK_EQ(write(pipes[1], "state", 5), 5);
	close(pipes[1]);
	CHECK_EQ(read(t.peer.state_fd, text, sizeof(text)), 5);
	CHECK_EQ(read(t.peer.state_fd, text, sizeof(text)), 0);
	close(t.peer.state_fd);
	close(pipes[0]);

	CLAUSE("VU-MSG-43");
	CHECK_EQ(check(&t.peer), 0);
	t.peer.refuse_state = true;
	CHECK(check(&t.peer) != 0);
	CHECK(!wire_closed(t.peer.sock));
	traffic_close(&t);
}

/* Where it worked the driver goes on there, and where it did not it goes on here. */
static void the_driver_goes_on(void **state)
{
	(void)state;
	CLAUSE("VU-DST-002");
	FOR_EACH_FORM(form)
	{
		for (int fails = 0; fails < 2; fails++) {
			struct traffic t;
			uint32_t base;
			int pipes[2];

			context("%s, %s", form->name, fails ? "failed" : "loaded");
			CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
			traffic_open(&t, form->features);
			traffic_start(&t, 0, 8, traffic_fresh(&t));
			traffic_run(&t, 0, 13);
			traffic_send(&t, 0, 2);
			base = traffic_stop(&t, 0);
			t.peer.refuse_state = fails;
			if (!fails) {
				/* Another back end in the place of the first. */
				peer_reconnect(&t.peer);
				peer_negotiate(&t.peer, t.features);
				peer_memory(&t.peer);
			}
			CHECK_EQ(transfer(&t.peer, fails ? SAVE : LOAD, 0, pipes[fails]) & 0xff,
				 fails ? EIO : 0);
			if (!fails)
				close(t.peer.state_fd);
			traffic_start(&t, 0, 8, base);
			CHECK_EQ(traffic_serve(&t, 0, 8), 2);
			CHECK_EQ(traffic_get(&t, 0), 2);
			traffic_run(&t, 0, 13);
			traffic_close(&t);
			close(pipes[0]);
			close(pipes[1]);
		}
	}
}

static void the_front_ends_messages(void **state)
{
	struct stub stub = { .features = 1ull << 30, .protocol = 1ull << 19 | 8 };
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct vr_vu_offer offer;
	int own_fd = -7;

	(void)state;
	CLAUSE("VU-MSG-42");
	frontend = stub_start(&stub, VR_VU_PF_DEVICE_STATE | VR_VU_PF_REPLY_ACK, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, 0, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_check_device_state(frontend, TIMEOUT), 0);
	/* The stub's 0 means "use mine", and it sends none. */
	CHECK_EQ(vr_vu_frontend_set_device_state_fd(frontend, true, 0, &own_fd, TIMEOUT), -EPROTO);
	CHECK_EQ(own_fd, -7);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 42, 0);
	CHECK_EQ(sent->size, 8);
	CHECK_EQ(sent->fd_count, 1);
	CHECK_EQ(wire_get_u32(sent->payload), LOAD);
	CHECK_EQ(wire_get_u32(sent->payload + 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(save_and_load),
		cmocka_unit_test(the_driver_goes_on),
		cmocka_unit_test(the_front_ends_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
