// SPDX-License-Identifier: BSD-3-Clause
/* The back end's own channel, both ends of it, each against raw bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/vhost_user/back_message.h"
#include "transport/vhost_user/channel.h"
#include "vu_peer.h"

#define TIMEOUT 5000
#define ACK (VU_VERSION | VU_FLAG_REPLY)
/* All but what negotiation would ask about. */
#define PROTOCOL (VR_VU_PF_SUPPORTED & ~(VR_VU_PF_MQ | VR_VU_PF_CONFIGURE_MEM_SLOTS))
#define NEED_REPLY (VU_VERSION | VU_FLAG_NEED_REPLY)

/* ---- the back end ---- */

static bool silent(struct peer *peer, int channel)
{
	struct answer answer;

	peer_run(peer);
	answer = take_message(channel);
	return !answer.got && !answer.closed;
}

static void acknowledge(struct peer *peer, int channel, uint32_t request, uint64_t value)
{
	put_message(channel, request, ACK, &value, sizeof(value), -1);
	peer_run(peer);
}

static void expect_config_change(struct peer *peer, int channel)
{
	static const unsigned char golden[12] = { 2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0 };
	struct answer answer;

	peer_run(peer);
	answer = take_message(channel);
	assert_true(answer.got);
	if (*(const uint16_t *)"\1" == 1)
		assert_memory_equal(&answer.header, golden, 12);
}

static void running(struct peer *peer)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1);
	peer_memory(peer);
	peer_start(peer, 0);
}

static void configuration_changes(void **state)
{
	struct peer peer;
	int channel;

	(void)state;
	running(&peer);
	channel = peer_channel(&peer);
	vr_vu_backend_config_changed(peer.backend);
	vr_vu_backend_config_changed(peer.backend);
	expect_config_change(&peer, channel);
	/* One at a time, and what happens meanwhile is said once. */
	vr_vu_backend_config_changed(peer.backend);
	vr_vu_backend_config_changed(peer.backend);
	assert_true(silent(&peer, channel));
	acknowledge(&peer, channel, VU_BACK_CONFIG_CHANGE_MSG, 0);
	expect_config_change(&peer, channel);
	acknowledge(&peer, channel, VU_BACK_CONFIG_CHANGE_MSG, 1);
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "CONFIG_CHANGE_MSG"));
	assert_true(silent(&peer, channel));
	assert_true(vr_vu_backend_connected(peer.backend));
	close(channel);
	peer_destroy(&peer);
}

/* Before there is a channel, and while the device is suspended, nothing is said, nothing is lost. */
static void suspended(void **state)
{
	struct peer peer;
	int channel;

	(void)state;
	running(&peer);
	vr_vu_backend_config_changed(peer.backend);
	peer_run(&peer);
	channel = peer_channel(&peer);
	expect_config_change(&peer, channel);
	acknowledge(&peer, channel, VU_BACK_CONFIG_CHANGE_MSG, 0);
	peer_ask_state(&peer, VU_GET_VRING_BASE, 0, 0);
	vr_vu_backend_config_changed(peer.backend);
	assert_true(silent(&peer, channel));
	peer_start(&peer, 1);
	expect_config_change(&peer, channel);
	/* What one front end was not told is not for the next one. */
	vr_vu_backend_config_changed(peer.backend);
	close(channel);
	peer_reconnect(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	channel = peer_channel(&peer);
	peer_memory(&peer);
	peer_start(&peer, 0);
	assert_true(silent(&peer, channel));
	close(channel);
	peer_destroy(&peer);
}

static void not_negotiated(void **state)
{
	struct answer answer;
	struct peer peer;
	int channel, socks[2];

	(void)state;
	peer_create(&peer);
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_REPLY_ACK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	answer = peer_ask(&peer, VU_SET_BACKEND_REQ_FD, NULL, 0, &socks[1], 1);
	assert_true(is_refused(&answer));
	close(socks[0]);
	close(socks[1]);
	/* A channel, but no CONFIG: then nobody reads the configuration. */
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, VR_VU_PF_REPLY_ACK | VR_VU_PF_BACKEND_REQ);
	peer_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	channel = peer_channel(&peer);
	peer_memory(&peer);
	peer_start(&peer, 0);
	vr_vu_backend_config_changed(peer.backend);
	assert_true(silent(&peer, channel));
	close(channel);
	peer_destroy(&peer);
}

static void without_reply_ack(void **state)
{
	const uint64_t protocol = VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG;
	struct answer answer;
	struct peer peer;
	int channel, i;

	(void)state;
	running(&peer);
	channel = peer_channel(&peer);
	peer_send(&peer, VU_SET_PROTOCOL_FEATURES, VU_VERSION, &protocol, 8, NULL, 0);
	for (i = 0; i < 3; i++) {
		vr_vu_backend_config_changed(peer.backend);
		peer_run(&peer);
		answer = take_message(channel);
		assert_true(answer.got);
		assert_int_equal(answer.header.flags, VU_VERSION);
	}
	close(channel);
	peer_destroy(&peer);
}

/* Whatever comes that is no acknowledgement of what was sent ends the channel, and only that. */
static void wrong_acknowledgements(void **state)
{
	static const struct {
		uint32_t request, flags, size;
		bool with_fd;
	} cases[] = {
		{ VU_BACK_VRING_CALL, ACK, 8, false },
		{ VU_BACK_CONFIG_CHANGE_MSG, ACK, 4, false },
		{ VU_BACK_CONFIG_CHANGE_MSG, ACK, 0, false },
		{ VU_BACK_CONFIG_CHANGE_MSG, ACK, VU_PAYLOAD_MAX + 1, false },
		{ VU_BACK_CONFIG_CHANGE_MSG, VU_VERSION, 8, false },
		{ VU_BACK_CONFIG_CHANGE_MSG, VU_FLAG_REPLY, 8, false },
		{ VU_BACK_CONFIG_CHANGE_MSG, ACK, 8, true },
	};
	static const unsigned char payload[VU_PAYLOAD_MAX + 1];
	struct answer answer;
	struct peer peer;
	int before, channel;
	size_t i;

	(void)state;
	running(&peer);
	before = count_fds();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		channel = peer_channel(&peer);
		vr_vu_backend_config_changed(peer.backend);
		expect_config_change(&peer, channel);
		put_message(channel, cases[i].request, cases[i].flags, payload, cases[i].size,
			    cases[i].with_fd ? peer.memory_fd : -1);
		peer_run(&peer);
		answer = take_message(channel);
		assert_true(answer.closed);
		close(channel);
		assert_non_null(strstr(vr_vu_backend_error(peer.backend), "channel"));
		assert_true(vr_vu_backend_connected(peer.backend));
		assert_int_equal(count_fds(), before);
	}
	/* An answer to nothing. */
	channel = peer_channel(&peer);
	acknowledge(&peer, channel, VU_BACK_CONFIG_CHANGE_MSG, 0);
	answer = take_message(channel);
	assert_true(answer.closed);
	close(channel);
	assert_int_equal(peer.starts, 1);
	peer_destroy(&peer);
}

static void channels_come_and_go(void **state)
{
	struct answer answer;
	struct peer peer;
	int before, channel, next, i;

	(void)state;
	running(&peer);
	before = count_fds();
	for (i = 0; i < 10; i++) {
		channel = peer_channel(&peer);
		next = peer_channel(&peer);
		assert_true(take_message(channel).closed);
		close(channel);
		vr_vu_backend_config_changed(peer.backend);
		peer_run(&peer);
		/* Closed while an acknowledgement is due. */
		close(next);
		peer_run(&peer);
		assert_int_equal(count_fds(), before);
		assert_true(vr_vu_backend_connected(peer.backend));
	}
	answer = peer_ask(&peer, VU_SET_BACKEND_REQ_FD, NULL, 0, &peer.memory_fd, 1);
	assert_true(is_refused(&answer));
	answer = peer_ask(&peer, VU_SET_BACKEND_REQ_FD, NULL, 0, NULL, 0);
	assert_true(is_refused(&answer));
	channel = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	answer = peer_ask(&peer, VU_SET_BACKEND_REQ_FD, NULL, 0, &channel, 1);
	assert_true(is_refused(&answer));
	close(channel);
	assert_int_equal(count_fds(), before);
	peer_destroy(&peer);
}

/* ---- the front end ---- */

/**
 * struct front - a front end, raw bytes on the main connection and on the channel
 * @f: the front end
 * @main: the back end's end of the connection
 * @sock: the back end's end of the channel, 0 if there is none
 * @changes: calls of config_changed
 * @ring: last ring that was called for or broken
 * @missed: last address that was missed
 * @failed: last address that may not be accessed so
 * @closed: calls of closed
 * @busy: what a call from within an operation answered
 * @answer: of the next miss
 */
struct front {
	struct vr_vu_frontend *f;
	int main;
	int sock;
	int changes;
	uint32_t ring;
	uint64_t missed;
	uint64_t failed;
	int closed;
	int busy;
	struct vr_vu_translation answer;
};

static void on_change(void *context)
{
	struct front *front = context;

	front->changes++;
	front->busy = vr_vu_frontend_set_owner(front->f, 0);
	assert_int_equal(vr_vu_frontend_channel_process(front->f), -EBUSY);
}

static void on_call(void *context, uint32_t index)
{
	((struct front *)context)->ring = index;
}

static void on_error(void *context, uint32_t index)
{
	((struct front *)context)->ring = 1000 + index;
}

static int on_miss(void *context, uint64_t iova, uint32_t access, struct vr_vu_translation *answer)
{
	struct front *front = context;

	front->missed = iova;
	*answer = front->answer;
	return access & front->answer.access || !front->answer.access ? 0 : -1;
}

static void on_failed(void *context, uint64_t iova, uint32_t access)
{
	((struct front *)context)->failed = iova + access;
}

static void on_closed(void *context, const char *error)
{
	((struct front *)context)->closed += error ? 100 : 1;
}

static const struct vr_vu_channel_ops front_ops = {
	.struct_size = sizeof(front_ops),
	.config_changed = on_change,
	.ring_call = on_call,
	.ring_error = on_error,
	.miss = on_miss,
	.access_failed = on_failed,
	.closed = on_closed,
};

static void drop_messages(int sock)
{
	while (take_message(sock).got)
		continue;
}

/* Takes the descriptor that a message brings. */
static int take_fd(int sock)
{
	struct vu_rx rx = { 0 };
	int fd;

	assert_int_equal(vri_rx(sock, &rx, false), VU_RX_DONE);
	assert_int_equal(rx.header.request, VU_SET_BACKEND_REQ_FD);
	assert_int_equal(rx.fd_count, 1);
	fd = vri_rx_take_fd(&rx, 0);
	vri_rx_reset(&rx);
	return fd;
}

static void open_channel(struct front *front, const struct vr_vu_channel_ops *ops, uint64_t ack)
{
	if (ack)
		put_message(front->main, VU_SET_BACKEND_REQ_FD, ACK, &(uint64_t){ 0 }, 8, -1);
	assert_int_equal(vr_vu_frontend_open_channel(front->f, ops, front, TIMEOUT), 0);
	front->sock = take_fd(front->main);
}

static void make_front(struct front *front, uint64_t protocol)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = VR_VU_PF_SUPPORTED,
	};
	const uint64_t features = VR_F_VERSION_1 | VR_F_ACCESS_PLATFORM | VR_VU_F_PROTOCOL_FEATURES;
	const uint64_t ack = protocol & VR_VU_PF_REPLY_ACK;
	struct vr_vu_offer offer;
	int socks[2];

	memset(front, 0, sizeof(*front));
	assert_int_equal(vr_vu_frontend_create(&config, &front->f), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	assert_int_equal(vr_vu_frontend_adopt(front->f, socks[0]), 0);
	front->main = socks[1];
	put_message(front->main, VU_GET_FEATURES, ACK, &features, 8, -1);
	put_message(front->main, VU_GET_PROTOCOL_FEATURES, ACK, &protocol, 8, -1);
	assert_int_equal(vr_vu_frontend_negotiate(front->f, ~0ull, 0, &offer, TIMEOUT), 0);
	if (ack)
		put_message(front->main, VU_SET_FEATURES, ACK, &(uint64_t){ 0 }, 8, -1);
	assert_int_equal(vr_vu_frontend_set_features(front->f, features, TIMEOUT), 0);
	drop_messages(front->main);
	open_channel(front, &front_ops, ack);
}

static void destroy_front(struct front *front)
{
	vr_vu_frontend_destroy(front->f);
	close(front->main);
	close(front->sock);
}

/* Sends a request, has it served; the answer, if one came. */
static struct answer request(struct front *front, uint32_t id, uint32_t flags, const void *payload,
			     uint32_t size, int fd)
{
	put_message(front->sock, id, flags, payload, size, fd);
	vr_vu_frontend_channel_process(front->f);
	return take_message(front->sock);
}

static void expect_status(struct answer answer, uint32_t id, bool ok)
{
	assert_true(answer.got);
	assert_int_equal(answer.header.request, id);
	assert_int_equal(answer.header.flags, ACK);
	assert_int_equal(answer.header.size, 8);
	assert_int_equal(!answer.payload.u64, ok);
}

static void expect_silence(struct answer answer)
{
	assert_false(answer.got || answer.closed);
}

static void requests_are_served(void **state)
{
	const struct vu_vring_state ring = { .index = 7 }, far = { .index = 256 };
	struct front front;

	(void)state;
	make_front(&front, PROTOCOL);
	expect_status(request(&front, VU_BACK_CONFIG_CHANGE_MSG, NEED_REPLY, NULL, 0, -1),
		      VU_BACK_CONFIG_CHANGE_MSG, true);
	assert_int_equal(front.changes, 1);
	assert_int_equal(front.busy, -EBUSY);
	expect_silence(request(&front, VU_BACK_CONFIG_CHANGE_MSG, VU_VERSION, NULL, 0, -1));
	assert_int_equal(front.changes, 2);
	expect_silence(request(&front, VU_BACK_CONFIG_CHANGE_MSG, VU_VERSION, "x", 1, -1));
	assert_non_null(strstr(vr_vu_frontend_error(front.f), "CONFIG_CHANGE_MSG"));
	assert_int_equal(front.changes, 2);
	if (VR_VU_PF_SUPPORTED & VR_VU_PF_INBAND_NOTIFICATIONS) {
		expect_status(request(&front, VU_BACK_VRING_CALL, NEED_REPLY, &ring, 8, -1),
			      VU_BACK_VRING_CALL, true);
		assert_int_equal(front.ring, 7);
		expect_status(request(&front, VU_BACK_VRING_ERR, NEED_REPLY, &ring, 8, -1),
			      VU_BACK_VRING_ERR, true);
		assert_int_equal(front.ring, 1007);
		expect_status(request(&front, VU_BACK_VRING_CALL, NEED_REPLY, &far, 8, -1),
			      VU_BACK_VRING_CALL, false);
	}
	destroy_front(&front);
}

/* Not supported, unknown, of a wrong shape: refused by name, descriptors closed, session unharmed. */
static void requests_are_refused(void **state)
{
	static const uint32_t sizes[] = { 0, 8, 16, 24, 32, 40 };
	const int before = count_fds();
	static const unsigned char payload[64];
	struct front front;
	struct answer answer;
	uint32_t id;
	size_t i;
	int fd;

	(void)state;
	make_front(&front, PROTOCOL);
	for (id = 0; id < 20; id++) {
		const struct vu_back_message *message = vri_back_message(id);

		if (message && message->serve)
			continue;
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (fd = 0; fd < 2; fd++) {
				expect_status(request(&front, id, NEED_REPLY, payload, sizes[i],
						      fd ? front.main : -1),
					      id, false);
				assert_non_null(
					strstr(vr_vu_frontend_error(front.f), vri_back_name(id)));
				answer = request(&front, id, VU_VERSION, payload, sizes[i], -1);
				if (message && message->answered)
					expect_status(answer, id, false);
				else
					expect_silence(answer);
			}
	}
	assert_string_equal(vri_back_name(VU_BACK_VRING_HOST_NOTIFIER_MSG),
			    "VRING_HOST_NOTIFIER_MSG");
	assert_int_equal(front.closed, 0);
	destroy_front(&front);
	assert_int_equal(count_fds(), before);
}

static void requests_that_were_not_negotiated(void **state)
{
	const struct vu_vring_state ring = { .index = 7 };
	struct front front;

	(void)state;
	make_front(&front, VR_VU_PF_REPLY_ACK | VR_VU_PF_BACKEND_REQ);
	expect_status(request(&front, VU_BACK_CONFIG_CHANGE_MSG, NEED_REPLY, NULL, 0, -1),
		      VU_BACK_CONFIG_CHANGE_MSG, false);
	expect_status(request(&front, VU_BACK_VRING_CALL, NEED_REPLY, &ring, 8, -1),
		      VU_BACK_VRING_CALL, false);
	expect_status(request(&front, VU_BACK_SHMEM_MAP, NEED_REPLY, NULL, 0, front.main),
		      VU_BACK_SHMEM_MAP, false);
	assert_non_null(strstr(vr_vu_frontend_error(front.f), "BACKEND_SEND_FD"));
	assert_int_equal(front.changes, 0);
	assert_int_equal(vr_vu_frontend_open_channel(
				 front.f, &(struct vr_vu_channel_ops){ .struct_size = 3 }, NULL,
				 TIMEOUT),
			 -EINVAL);
	destroy_front(&front);
	/* Without REPLY_ACK the wish for an answer is not heard. */
	make_front(&front, VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG);
	expect_silence(request(&front, VU_BACK_CONFIG_CHANGE_MSG, NEED_REPLY, NULL, 0, -1));
	assert_int_equal(front.changes, 1);
	destroy_front(&front);
}

/* What cannot be a request ends the channel; the session goes on and a new one can be had. */
static void channels_end(void **state)
{
	static const struct {
		uint32_t flags, size;
	} cases[] = { { 0, 0 },
		      { 2, 0 },
		      { ACK, 8 },
		      { VU_VERSION | 16, 0 },
		      { VU_VERSION, VU_PAYLOAD_MAX + 1 },
		      { VU_VERSION, UINT32_MAX } };
	struct front front;
	size_t i;

	(void)state;
	make_front(&front, PROTOCOL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(request(&front, 2, cases[i].flags, NULL, cases[i].size, -1).closed);
		assert_int_equal(front.closed, 100 * (i + 1));
		assert_int_equal(vr_vu_frontend_channel_fd(front.f), -1);
		assert_int_equal(vr_vu_frontend_channel_process(front.f), -ENOTCONN);
		assert_true(vr_vu_frontend_fd(front.f) >= 0);
		close(front.sock);
		open_channel(&front, &front_ops, true);
	}
	front.closed = 0;
	assert_int_equal(send(front.sock, "\2\0\0", 3, 0), 3);
	assert_int_equal(vr_vu_frontend_channel_process(front.f), 0);
	shutdown(front.sock, SHUT_WR);
	assert_int_equal(vr_vu_frontend_channel_process(front.f), -ENOTCONN);
	assert_int_equal(front.closed, 100);
	close(front.sock);
	open_channel(&front, &front_ops, true);
	shutdown(front.sock, SHUT_WR);
	assert_int_equal(vr_vu_frontend_channel_process(front.f), -ENOTCONN);
	assert_int_equal(front.closed, 101);
	destroy_front(&front);
}

/* A back end that wants something before it answers: both get what they want. */
static void served_while_waiting(void **state)
{
	const struct vu_vring_state base = { 3, 77 };
	struct front front;
	uint32_t got = 0;

	(void)state;
	make_front(&front, PROTOCOL);
	put_message(front.sock, VU_BACK_CONFIG_CHANGE_MSG, NEED_REPLY, NULL, 0, -1);
	/* No answer at first: the request is served while it is waited for. */
	assert_int_equal(vr_vu_frontend_get_vring_base(front.f, 3, &got, 50), -ETIMEDOUT);
	assert_int_equal(front.changes, 1);
	destroy_front(&front);
	make_front(&front, PROTOCOL);
	put_message(front.sock, VU_BACK_CONFIG_CHANGE_MSG, NEED_REPLY, NULL, 0, -1);
	vr_vu_frontend_channel_process(front.f);
	put_message(front.main, VU_GET_VRING_BASE, ACK, &base, sizeof(base), -1);
	assert_int_equal(vr_vu_frontend_get_vring_base(front.f, 3, &got, TIMEOUT), 0);
	assert_int_equal(got, 77);
	expect_status(take_message(front.sock), VU_BACK_CONFIG_CHANGE_MSG, true);
	destroy_front(&front);
}

static struct answer miss(struct front *front, uint64_t iova, uint8_t access, uint8_t type)
{
	const struct vu_iotlb iotlb = { .iova = iova, .access = access, .type = type };

	return request(front, VU_BACK_IOTLB_MSG, NEED_REPLY, &iotlb, sizeof(iotlb), -1);
}

static void misses_are_answered(void **state)
{
	static const uint64_t zero;
	struct front front;
	struct answer update;
	uint32_t base;

	(void)state;
	make_front(&front, PROTOCOL);
	front.answer = (struct vr_vu_translation){ 0x1000, 0x2000, 0x7000, VR_ACCESS_READ };
	expect_status(miss(&front, 0x1fff, 1, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, true);
	assert_int_equal(front.missed, 0x1fff);
	update = take_message(front.main);
	assert_true(update.got);
	assert_int_equal(update.header.request, VU_IOTLB_MSG);
	assert_int_equal(update.header.size, 32);
	assert_int_equal(update.payload.iotlb.iova, 0x1000);
	assert_int_equal(update.payload.iotlb.size, 0x2000);
	assert_int_equal(update.payload.iotlb.user_addr, 0x7000);
	assert_int_equal(update.payload.iotlb.access, 1);
	assert_int_equal(update.payload.iotlb.type, VU_IOTLB_UPDATE);
	/* Its answer comes before that of a call, and is told from it. */
	put_message(front.main, VU_IOTLB_MSG, ACK, &zero, 8, -1);
	put_message(front.main, VU_GET_VRING_BASE, ACK, &(struct vu_vring_state){ 1, 5 }, 8, -1);
	assert_int_equal(vr_vu_frontend_get_vring_base(front.f, 1, &base, TIMEOUT), 0);
	assert_int_equal(base, 5);
	drop_messages(front.main);
	/* Before that of an update that somebody waits for, too. */
	expect_status(miss(&front, 0x1000, 1, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, true);
	put_message(front.main, VU_IOTLB_MSG, ACK, &zero, 8, -1);
	put_message(front.main, VU_IOTLB_MSG, ACK, &(uint64_t){ 9 }, 8, -1);
	assert_int_equal(vr_vu_frontend_iotlb_invalidate(front.f, 0x1000, 0x1000, TIMEOUT),
			 -EREMOTEIO);
	drop_messages(front.main);
	/* And taken when nobody waits. */
	expect_status(miss(&front, 0x1000, 1, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, true);
	put_message(front.main, VU_IOTLB_MSG, ACK, &(uint64_t){ 1 }, 8, -1);
	assert_int_equal(vr_vu_frontend_channel_process(front.f), 0);
	assert_non_null(strstr(vr_vu_frontend_error(front.f), "answered 0x1"));
	expect_status(miss(&front, 0x1234, 2, VU_IOTLB_ACCESS_FAIL), VU_BACK_IOTLB_MSG, true);
	assert_int_equal(front.failed, 0x1236);
	destroy_front(&front);
}

static void misses_are_refused(void **state)
{
	static const struct vr_vu_translation wrong[] = {
		{ 0x2000, 0x1000, 0x7000, 1 }, /* somewhere else */
		{ 0x1000, 0, 0x7000, 1 },	   { 0x1000, 0x1000, 0x7000, 0 },
		{ 0x1000, 0x1000, 0x7000, 5 },	   { 0x1000, UINT64_MAX, 0x7000, 1 },
		{ 0x1000, 0x1000, UINT64_MAX, 1 },
	};
	struct front front;
	size_t i;

	(void)state;
	make_front(&front, PROTOCOL);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		front.answer = wrong[i];
		expect_status(miss(&front, 0x1000, 1, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, false);
		assert_int_equal(vr_vu_frontend_iotlb_update(front.f, &wrong[i], 0),
				 i ? -EINVAL : -ETIMEDOUT);
		if (i)
			continue;
		destroy_front(&front);
		make_front(&front, PROTOCOL);
	}
	front.answer = (struct vr_vu_translation){ 0x1000, 0x2000, 0x7000, VR_ACCESS_READ };
	expect_status(miss(&front, 0x1000, 2, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, false);
	expect_status(miss(&front, 0x1000, 0, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, false);
	expect_status(miss(&front, 0x1000, 4, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, false);
	expect_status(miss(&front, 0x1000, 1, VU_IOTLB_UPDATE), VU_BACK_IOTLB_MSG, false);
	expect_status(miss(&front, 0x1000, 1, 0), VU_BACK_IOTLB_MSG, false);
	assert_int_equal(vr_vu_frontend_iotlb_invalidate(front.f, 0x1000, 0, 0), -EINVAL);
	assert_int_equal(vr_vu_frontend_iotlb_invalidate(front.f, 2, UINT64_MAX, 0), -EINVAL);
	drop_messages(front.main);
	/* An answer that nobody asked for. */
	front.answer.iova = 0;
	expect_status(miss(&front, 0x1000, 1, VU_IOTLB_MISS), VU_BACK_IOTLB_MSG, true);
	put_message(front.main, VU_GET_FEATURES, ACK, &(uint64_t){ 0 }, 8, -1);
	assert_int_equal(vr_vu_frontend_channel_process(front.f), -ENOTCONN);
	assert_int_equal(vr_vu_frontend_fd(front.f), -1);
	destroy_front(&front);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configuration_changes),
		cmocka_unit_test(suspended),
		cmocka_unit_test(not_negotiated),
		cmocka_unit_test(without_reply_ack),
		cmocka_unit_test(wrong_acknowledgements),
		cmocka_unit_test(channels_come_and_go),
		cmocka_unit_test(requests_are_served),
		cmocka_unit_test(requests_are_refused),
		cmocka_unit_test(requests_that_were_not_negotiated),
		cmocka_unit_test(channels_end),
		cmocka_unit_test(served_while_waiting),
		cmocka_unit_test(misses_are_answered),
		cmocka_unit_test(misses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
