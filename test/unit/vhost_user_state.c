// SPDX-License-Identifier: BSD-3-Clause
/* The device's internal state: back end against raw bytes, front end against wrong answers, both. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_peer.h"

#define TIMEOUT 5000
#define ACK (VU_VERSION | VU_FLAG_REPLY)

static uint64_t begin(struct peer *peer, uint32_t direction, uint32_t phase, int fd)
{
	const struct vu_device_state state = { direction, phase };
	struct answer answer;

	answer = peer_ask(peer, VU_SET_DEVICE_STATE_FD, &state, sizeof(state), &fd, 1);
	assert_true(answer.got);
	assert_int_equal(answer.header.size, 8);
	return answer.payload.u64;
}

static uint64_t check(struct peer *peer)
{
	const struct answer answer = peer_ask(peer, VU_CHECK_DEVICE_STATE, NULL, 0, NULL, 0);

	assert_true(answer.got);
	return answer.payload.u64;
}

static void transfers(void **state)
{
	struct peer peer;
	int pipes[2], before;
	char text[8];

	(void)state;
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	before = count_fds();
	/* Saved: what the device writes can be read; the end of it is the end of the pipe. */
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(begin(&peer, VU_STATE_SAVE, 0, pipes[1]), VU_STATE_NO_FD);
	close(pipes[1]);
	assert_false(peer.state_load);
	assert_true(fcntl(peer.state_fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(peer.state_fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(peer.state_fd, "state", 5), 5);
	close(peer.state_fd);
	assert_int_equal(read(pipes[0], text, sizeof(text)), 5);
	assert_int_equal(read(pipes[0], text, sizeof(text)), 0);
	close(pipes[0]);
	assert_int_equal(check(&peer), 0);
	/* Loaded. */
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(begin(&peer, VU_STATE_LOAD, 0, pipes[0]), VU_STATE_NO_FD);
	close(pipes[0]);
	assert_true(peer.state_load);
	assert_int_equal(write(pipes[1], "state", 5), 5);
	close(pipes[1]);
	assert_int_equal(read(peer.state_fd, text, sizeof(text)), 5);
	assert_int_equal(read(peer.state_fd, text, sizeof(text)), 0);
	close(peer.state_fd);
	peer.refuse_state = true;
	assert_int_not_equal(check(&peer), 0);
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "CHECK_DEVICE_STATE"));
	assert_int_equal(count_fds(), before);
	peer_destroy(&peer);
}

static void refused(void **state)
{
	struct peer peer;
	int pipes[2], before;

	(void)state;
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(begin(&peer, 2, 0, pipes[1]), EINVAL | VU_STATE_NO_FD);
	assert_int_equal(begin(&peer, UINT32_MAX, 0, pipes[1]), EINVAL | VU_STATE_NO_FD);
	assert_int_equal(begin(&peer, 0, 1, pipes[1]), EINVAL | VU_STATE_NO_FD);
	assert_int_equal(begin(&peer, 0, 0, peer.memory_fd), EBADF | VU_STATE_NO_FD);
	peer.refuse_state = true;
	assert_int_equal(begin(&peer, 0, 0, pipes[1]), EIO | VU_STATE_NO_FD);
	peer.refuse_state = false;
	/* Not while a ring runs. */
	peer_memory(&peer);
	peer_start(&peer, 0);
	assert_int_equal(begin(&peer, 0, 0, pipes[1]), EBUSY | VU_STATE_NO_FD);
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "rings run"));
	peer_ask_state(&peer, VU_GET_VRING_BASE, 0, 0);
	assert_int_equal(peer.state_fd, -1);
	/* The device thinks about it, and refuses after all. */
	before = count_fds();
	peer.later = true;
	peer_send(&peer, VU_SET_DEVICE_STATE_FD, VU_VERSION, &(struct vu_device_state){ 0, 0 }, 8,
		  &pipes[1], 1);
	peer_run(&peer);
	assert_false(peer_receive(&peer).got);
	assert_int_equal(vr_vu_backend_answer(peer.backend, -1), 0);
	peer_run(&peer);
	assert_int_equal(peer_receive(&peer).payload.u64, EIO | VU_STATE_NO_FD);
	assert_int_equal(count_fds(), before);
	assert_true(vr_vu_backend_connected(peer.backend));
	close(pipes[0]);
	close(pipes[1]);
	peer_destroy(&peer);
}

/* ---- the front end ---- */

struct front {
	struct vr_vu_frontend *f;
	int sock;
};

static void open_front(struct front *front, uint64_t protocol)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = VR_VU_PF_DEVICE_STATE | VR_VU_PF_MQ,
	};
	const uint64_t features = VR_VU_F_PROTOCOL_FEATURES;
	struct vr_vu_offer offer;
	int socks[2];

	assert_int_equal(vr_vu_frontend_create(&config, &front->f), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	assert_int_equal(vr_vu_frontend_adopt(front->f, socks[0]), 0);
	front->sock = socks[1];
	put_message(front->sock, VU_GET_FEATURES, ACK, &features, 8, -1);
	put_message(front->sock, VU_GET_PROTOCOL_FEATURES, ACK, &protocol, 8, -1);
	assert_int_equal(vr_vu_frontend_negotiate(front->f, 0, 0, &offer, TIMEOUT), 0);
	while (take_message(front->sock).got)
		continue;
}

static void close_front(struct front *front)
{
	vr_vu_frontend_destroy(front->f);
	close(front->sock);
}

static void answers(void **state)
{
	static const struct {
		uint64_t value;
		bool with_fd;
		int result;
	} cases[] = {
		{ VU_STATE_NO_FD, false, 0 },
		{ 0, true, 0 },
		{ EIO | VU_STATE_NO_FD, false, -EREMOTEIO },
		{ EIO, true, -EREMOTEIO },
		{ EIO, false, -EREMOTEIO },
		{ VU_STATE_NO_FD, true, -EPROTO },
		{ 0, false, -EPROTO },
	};
	const int before = count_fds();
	struct front front;
	int own_fd;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_front(&front, VR_VU_PF_DEVICE_STATE);
		put_message(front.sock, VU_SET_DEVICE_STATE_FD, ACK, &cases[i].value, 8,
			    cases[i].with_fd ? front.sock : -1);
		own_fd = -7;
		assert_int_equal(vr_vu_frontend_set_device_state_fd(front.f, true, front.sock,
								    &own_fd, TIMEOUT),
				 cases[i].result);
		if (cases[i].result)
			assert_int_equal(own_fd, -7);
		else if (cases[i].with_fd)
			close(own_fd);
		else
			assert_int_equal(own_fd, -1);
		assert_int_equal(vr_vu_frontend_fd(front.f) < 0, cases[i].result == -EPROTO);
		close_front(&front);
		assert_int_equal(count_fds(), before);
	}
	open_front(&front, VR_VU_PF_DEVICE_STATE);
	put_message(front.sock, VU_CHECK_DEVICE_STATE, ACK, &(uint64_t){ 1 }, 8, -1);
	assert_int_equal(vr_vu_frontend_check_device_state(front.f, TIMEOUT), -EREMOTEIO);
	put_message(front.sock, VU_CHECK_DEVICE_STATE, ACK, &(uint64_t){ 0 }, 8, -1);
	assert_int_equal(vr_vu_frontend_check_device_state(front.f, TIMEOUT), 0);
	close_front(&front);
	open_front(&front, 0);
	assert_int_equal(vr_vu_frontend_check_device_state(front.f, TIMEOUT), -EOPNOTSUPP);
	assert_int_equal(vr_vu_frontend_set_device_state_fd(front.f, true, front.sock, &own_fd,
							    TIMEOUT),
			 -EOPNOTSUPP);
	close_front(&front);
}

/* ---- both ---- */

struct server {
	struct peer peer;
	pthread_t thread;
	atomic_bool stop;
};

static void *serve(void *arg)
{
	struct server *s = arg;

	while (!atomic_load(&s->stop)) {
		struct pollfd pollfd = { vr_vu_backend_fd(s->peer.backend), POLLIN, 0 };

		poll(&pollfd, 1, 20);
		if (vr_vu_backend_process(s->peer.backend))
			abort();
	}
	return NULL;
}

static void both_ends(void **state)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = VR_VU_PF_DEVICE_STATE,
	};
	struct vr_vu_frontend *f;
	struct vr_vu_offer offer;
	struct server s = { .stop = false };
	int pipes[2], own_fd;

	(void)state;
	peer_create(&s.peer);
	assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	assert_int_equal(vr_vu_frontend_adopt(f, s.peer.sock), 0);
	s.peer.sock = -1;
	assert_int_equal(vr_vu_frontend_negotiate(f, 0, 0, &offer, TIMEOUT), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(vr_vu_frontend_set_device_state_fd(f, true, pipes[0], &own_fd, TIMEOUT),
			 0);
	assert_int_equal(own_fd, -1);
	assert_int_equal(vr_vu_frontend_check_device_state(f, TIMEOUT), 0);
	close(pipes[0]);
	close(pipes[1]);
	vr_vu_frontend_destroy(f);
	atomic_store(&s.stop, true);
	pthread_join(s.thread, NULL);
	close(s.peer.state_fd);
	peer_destroy(&s.peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfers),
		cmocka_unit_test(refused),
		cmocka_unit_test(answers),
		cmocka_unit_test(both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
