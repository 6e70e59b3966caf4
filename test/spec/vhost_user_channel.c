// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-BEC and the back end's requests, on the socket that is theirs. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vu_peer.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define REPLY (WIRE_VERSION | WIRE_REPLY)
#define BIT_PROTOCOL (1ull << 30)
#define CONFIG_CHANGE 2u
#define TIMEOUT 5000

/* ---- the back end ---- */

static void ready(struct peer *peer)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1);
	peer_memory(peer);
	peer_start(peer, 0);
}

/* SET_BACKEND_REQ_FD; answers the front end's end of the channel. */
static int give_channel(struct peer *peer)
{
	struct wire wire = wire_message(21, NEED_REPLY, 0), answer;
	int socks[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	wire.fd_count = 1;
	wire.fds[0] = socks[1];
	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 0);
	close(socks[1]);
	return socks[0];
}

static void acknowledge(struct peer *peer, int channel, uint32_t request, uint64_t value)
{
	struct wire wire = wire_message(request, REPLY, 8);

	wire_u64(&wire, value);
	CHECK(wire_send(channel, &wire));
	peer_run(peer);
}

static bool says_config_changed(struct peer *peer, int channel)
{
	struct wire wire;

	vr_vu_backend_config_changed(peer->backend);
	peer_run(peer);
	if (!wire_take(channel, &wire))
		return false;
	CHECK_EQ(wire.size, WIRE_HEADER);
	CHECK_EQ(wire_get_u32(wire.bytes), CONFIG_CHANGE);
	CHECK_EQ(wire_get_u32(wire.bytes + 4), NEED_REPLY);
	CHECK(!wire_take(peer->sock, &wire));
	return true;
}

static void a_socket_of_its_own(void **state)
{
	struct peer peer;
	int channel, other, fds;

	(void)state;
	CLAUSE("VU-BEC-001");
	ready(&peer);
	fds = count_fds();
	channel = give_channel(&peer);
	CHECK(says_config_changed(&peer, channel));
	acknowledge(&peer, channel, CONFIG_CHANGE, 0);

	CLAUSE("VU-MSG-21");
	other = give_channel(&peer);
	CHECK(wire_closed(channel));
	CHECK(says_config_changed(&peer, other));
	close(channel);

	CLAUSE("VU-BEC-004");
	close(other);
	peer_run(&peer);
	CHECK_EQ(count_fds(), fds);
	CHECK(vr_vu_backend_connected(peer.backend));
	CHECK(peer.rings[0].running);
	channel = give_channel(&peer);
	CHECK(peer_ask_state(&peer, VU_GET_VRING_BASE, 0, 0).got);
	/* Suspended: it is said when a ring runs again. */
	CHECK(!says_config_changed(&peer, channel));
	peer_start(&peer, 0);
	CHECK(says_config_changed(&peer, channel));
	close(channel);
	peer_destroy(&peer);
}

static void what_it_takes(void **state)
{
	struct wire wire = wire_message(21, NEED_REPLY, 0), answer;
	struct peer peer;
	int socks[2];

	(void)state;
	CLAUSE("VU-BEC-002");
	peer_create(&peer);
	peer_u64(&peer, 16, PEER_PROTOCOL & ~VR_VU_PF_BACKEND_REQ);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	wire.fd_count = 1;
	wire.fds[0] = socks[1];
	CHECK(peer_exchange(&peer, &wire, &answer));
	CHECK(wire_value(&answer) != 0);
	close(socks[1]);
	CHECK(wire_closed(socks[0]));
	close(socks[0]);
	peer_destroy(&peer);
}

static void *change_a_lot(void *arg)
{
	for (int i = 0; i < 2000; i++)
		vr_vu_backend_config_changed(arg);
	return NULL;
}

/* Threads that have something to say: whole requests, one at a time, each acknowledged before the next. */
static void several_threads(void **state)
{
	pthread_t threads[2];
	unsigned int said = 0;
	struct peer peer;
	struct wire wire;
	int channel;

	(void)state;
	CLAUSE("VU-BEC-005");
	ready(&peer);
	channel = give_channel(&peer);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, change_a_lot, peer.backend), 0);
	for (int i = 0; i < 500; i++) {
		peer_run(&peer);
		if (!wire_take(channel, &wire))
			continue;
		CHECK_EQ(wire.size, WIRE_HEADER);
		CHECK_EQ(wire_get_u32(wire.bytes), CONFIG_CHANGE);
		CHECK(!wire_take(channel, &wire));
		acknowledge(&peer, channel, CONFIG_CHANGE, 0);
		said++;
	}
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	/* The threads may have begun after all those turns. */
	peer_run(&peer);
	if (wire_take(channel, &wire))
		said++;
	CHECK(said >= 1);
	close(channel);
	peer_destroy(&peer);
}

/* ---- the front end ---- */

/* A front end, the back end's end of its connection and of its channel. */
struct front {
	struct vr_vu_frontend *frontend;
	int sock, channel;
	unsigned int changes;
	unsigned int closed;
};

static void on_change(void *context)
{
	((struct front *)context)->changes++;
}

static void on_close(void *context, const char *error)
{
	(void)error;
	((struct front *)context)->closed++;
}

static void put_value(int sock, uint32_t request, uint64_t value)
{
	struct wire wire = wire_message(request, REPLY, 8);

	wire_u64(&wire, value);
	CHECK(wire_send(sock, &wire));
}

/* Answers lie in the socket before they are asked for. */
static void open_front(struct front *f, uint64_t protocol)
{
	const struct vr_vu_frontend_config config = { .struct_size = sizeof(config),
						      .protocol_features = protocol };
	const struct vr_vu_channel_ops ops = { .struct_size = sizeof(ops),
					       .config_changed = on_change,
					       .closed = on_close };
	struct vr_vu_offer offer;
	struct wire wire;
	int socks[2];

	*f = (struct front){ .channel = -1 };
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	CHECK_EQ(vr_vu_frontend_create(&config, &f->frontend), 0);
	CHECK_EQ(vr_vu_frontend_adopt(f->frontend, socks[0]), 0);
	f->sock = socks[1];
	put_value(f->sock, 1, BIT_PROTOCOL);
	put_value(f->sock, 15, UINT64_MAX);
	if (protocol & VR_VU_PF_REPLY_ACK)
		put_value(f->sock, 21, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(f->frontend, 0, 0, &offer, TIMEOUT), 0);
	if (!(protocol & VR_VU_PF_BACKEND_REQ))
		return;
	CHECK_EQ(vr_vu_frontend_open_channel(f->frontend, &ops, f, TIMEOUT), 0);
	while (f->channel < 0) {
		CHECK(wire_take(f->sock, &wire));
		if (wire_get_u32(wire.bytes) != 21)
			continue;
		CHECK_EQ(wire.size, WIRE_HEADER);
		CHECK_EQ(wire.fd_count, 1);
		f->channel = wire.fds[0];
	}
}

static void close_front(struct front *f)
{
	vr_vu_frontend_destroy(f->frontend);
	close(f->sock);
	if (f->channel >= 0)
		close(f->channel);
}

/* A request on the channel, served. Its answer, or none. */
static bool serve(struct front *f, const struct wire *request, struct wire *answer)
{
	CHECK(wire_send(f->channel, request));
	CHECK_EQ(vr_vu_frontend_channel_process(f->frontend), 0);
	return wire_take(f->channel, answer);
}

static void requests_are_served(void **state)
{
	const uint64_t base = VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | VR_VU_PF_REPLY_ACK;
	struct wire wire, answer;
	struct front f;

	(void)state;
	CLAUSE("VU-BEM-02");
	open_front(&f, base);
	wire = wire_message(CONFIG_CHANGE, WIRE_VERSION, 0);
	CHECK(!serve(&f, &wire, &answer));
	CHECK_EQ(f.changes, 1);

	CLAUSE("VU-BEC-003");
	wire = wire_message(CONFIG_CHANGE, NEED_REPLY, 0);
	CHECK(serve(&f, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	CHECK_EQ(wire_get_u32(answer.bytes), CONFIG_CHANGE);
	CHECK_EQ(wire_get_u32(answer.bytes + 4), REPLY);
	CHECK_EQ(wire_value(&answer), 0);
	wire = wire_message(99, NEED_REPLY, 0);
	CHECK(serve(&f, &wire, &answer));
	CHECK(wire_value(&answer) != 0);
	CHECK(!wire_take(f.sock, &answer));
	close_front(&f);
	/* Without REPLY_ACK nobody is answered. */
	open_front(&f, base & ~VR_VU_PF_REPLY_ACK);
	wire = wire_message(CONFIG_CHANGE, NEED_REPLY, 0);
	CHECK(!serve(&f, &wire, &answer));
	CHECK_EQ(f.changes, 1);

	CLAUSE("VU-BEC-004");
	close(f.channel);
	f.channel = -1;
	CHECK_EQ(vr_vu_frontend_channel_process(f.frontend), -ENOTCONN);
	CHECK_EQ(f.closed, 1);
	CHECK(vr_vu_frontend_fd(f.frontend) >= 0);
	CHECK_EQ(vr_vu_frontend_set_owner(f.frontend, TIMEOUT), 0);
	close_front(&f);
}

static void descriptors_need_a_feature_too(void **state)
{
	const uint64_t base = VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | VR_VU_PF_REPLY_ACK;
	struct vr_vu_channel_ops ops = { .struct_size = sizeof(ops) };
	struct wire wire, answer;
	struct front f;
	int fds;

	(void)state;
	CLAUSE("VU-BEC-002");
	open_front(&f, VR_VU_PF_CONFIG);
	CHECK_EQ(vr_vu_frontend_open_channel(f.frontend, &ops, NULL, TIMEOUT), -EOPNOTSUPP);
	CHECK_EQ(vr_vu_frontend_channel_fd(f.frontend), -1);
	close_front(&f);

	CLAUSE("VU-PF-10");
	for (uint64_t with = 0; with < 2; with++) {
		open_front(&f, base | (with ? VR_VU_PF_BACKEND_SEND_FD : 0));
		fds = count_fds();
		/* No request of those that we serve has a descriptor: refused either way, and closed. */
		wire = wire_message(CONFIG_CHANGE, NEED_REPLY, 0);
		wire.fd_count = 8;
		for (uint32_t i = 0; i < wire.fd_count; i++)
			wire.fds[i] = f.sock;
		CHECK(serve(&f, &wire, &answer));
		CHECK(wire_value(&answer) != 0);
		CHECK_EQ(count_fds(), fds);
		CHECK_EQ(f.changes, 0);
		CHECK(strstr(vr_vu_frontend_error(f.frontend),
			     with ? "CONFIG_CHANGE_MSG" : "BACKEND_SEND_FD"));
		close_front(&f);
	}
}

/* The back end wants an answer of its own before it gives the one that is waited for. */
struct both_wait {
	int sock, channel;
};

static void *ask_before_answering(void *arg)
{
	const struct both_wait *b = arg;
	struct wire wire, answer;

	wire = wire_message(CONFIG_CHANGE, NEED_REPLY, 0);
	wire_send(b->channel, &wire);
	while (!wire_take(b->channel, &answer))
		usleep(1000);
	put_value(b->sock, 11, wire_value(&answer) << 32);
	return NULL;
}

static void nobody_waits_for_ever(void **state)
{
	struct both_wait both;
	pthread_t thread;
	struct front f;
	uint32_t base = 1;

	(void)state;
	CLAUSE("VU-ACK-006");
	open_front(&f, VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | VR_VU_PF_REPLY_ACK);
	both = (struct both_wait){ f.sock, f.channel };
	CHECK_EQ(pthread_create(&thread, NULL, ask_before_answering, &both), 0);
	CHECK_EQ(vr_vu_frontend_get_vring_base(f.frontend, 0, &base, TIMEOUT), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(base, 0);
	CHECK_EQ(f.changes, 1);
	close_front(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_of_its_own),
		cmocka_unit_test(what_it_takes),
		cmocka_unit_test(several_threads),
		cmocka_unit_test(requests_are_served),
		cmocka_unit_test(descriptors_need_a_feature_too),
		cmocka_unit_test(nobody_waits_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
