// SPDX-License-Identifier: BSD-3-Clause
/* ACCESS_PLATFORM in the back end, against a front end made of raw bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/vhost_user/back_message.h"
#include "vu_peer.h"

#define ACK (VU_VERSION | VU_FLAG_REPLY)
#define PAGE 0x1000u
#define RW 3u

/* Device addresses are far from guest and user addresses. */
#define IOVA 0xabc0000000ull

static void ready(struct peer *peer, int *channel)
{
	peer_create_with(peer, VR_F_ACCESS_PLATFORM);
	peer_negotiate(peer, VR_F_VERSION_1 | VR_F_ACCESS_PLATFORM);
	peer_memory(peer);
	*channel = peer_channel(peer);
}

/* Sends an IOTLB_MSG; 0: accepted. */
static uint64_t tell(struct peer *peer, uint8_t type, uint64_t iova, uint64_t size, uint64_t user,
		     uint8_t access)
{
	const struct vu_iotlb iotlb = { iova, size, user, access, type, { 0 } };
	struct answer answer;

	answer = peer_ask(peer, VU_IOTLB_MSG, &iotlb, sizeof(iotlb), NULL, 0);
	assert_true(answer.got);
	assert_int_equal(answer.header.size, 8);
	return answer.payload.u64;
}

/* Memory at @offset is at IOVA + @offset. */
static void map(struct peer *peer, uint64_t offset, uint64_t size, uint8_t access)
{
	assert_int_equal(
		tell(peer, VU_IOTLB_UPDATE, IOVA + offset, size, PEER_USER + offset, access), 0);
}

static void unmap(struct peer *peer, uint64_t offset, uint64_t size)
{
	assert_int_equal(tell(peer, VU_IOTLB_INVALIDATE, IOVA + offset, size, 0, 0), 0);
}

/* NUM, BASE, ADDR and KICK with device addresses. */
static bool start(struct peer *peer, uint32_t index)
{
	struct vu_vring_addr addr = peer_addr(index);
	struct answer answer;

	addr.descriptors += IOVA - PEER_USER;
	addr.driver += IOVA - PEER_USER;
	addr.device += IOVA - PEER_USER;
	peer_state(peer, VU_SET_VRING_NUM, index, 16);
	peer_state(peer, VU_SET_VRING_BASE, index, 0);
	answer = peer_ask(peer, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	assert_true(is_ok(&answer));
	answer = peer_ring_fd(peer, VU_SET_VRING_ERR, index, true);
	assert_true(is_ok(&answer));
	answer = peer_ring_fd(peer, VU_SET_VRING_KICK, index, true);
	return is_ok(&answer);
}

static bool runs(const struct peer *peer, uint32_t index)
{
	return vr_vu_backend_vring(peer->backend, index)->running;
}

/* The next message of the channel is this one; it is acknowledged with @value. */
static void expect_asked(struct peer *peer, int channel, uint8_t type, uint64_t iova,
			 uint8_t access, uint64_t value)
{
	struct answer answer;

	peer_run(peer);
	answer = take_message(channel);
	assert_true(answer.got);
	assert_int_equal(answer.header.request, VU_BACK_IOTLB_MSG);
	assert_int_equal(answer.header.size, 32);
	assert_int_equal(answer.payload.iotlb.type, type);
	assert_int_equal(answer.payload.iotlb.iova, iova);
	assert_int_equal(answer.payload.iotlb.access, access);
	put_message(channel, VU_BACK_IOTLB_MSG, ACK, &value, 8, -1);
	peer_run(peer);
}

static void expect_miss(struct peer *peer, int channel, uint64_t iova, uint8_t access)
{
	expect_asked(peer, channel, VU_IOTLB_MISS, iova, access, 0);
}

static void expect_silence(struct peer *peer, int channel)
{
	peer_run(peer);
	assert_false(take_message(channel).got);
}

/* As the device half of ring @index would. */
static int look_up(struct peer *peer, uint32_t index, uint64_t iova, uint32_t access,
		   struct vr_map_range *range)
{
	const struct vr_map *own = vr_mem_map(peer->mem[index]);

	assert_int_equal(own->count, 0);
	return own->miss(own, iova, access, range);
}

/* A ring is started with nothing there: it asks for one area after the other, and then it runs. */
static void ring_waits_for_its_areas(void **state)
{
	struct peer peer;
	int channel;

	(void)state;
	ready(&peer, &channel);
	assert_true(start(&peer, 1));
	assert_false(runs(&peer, 1));
	expect_miss(&peer, channel, IOVA + 0x8000, 1);
	/* What was asked for is not asked for again. */
	expect_silence(&peer, channel);
	map(&peer, 0x8000, PAGE, RW);
	expect_miss(&peer, channel, IOVA + 0xc000, 1);
	assert_false(runs(&peer, 1));
	map(&peer, 0xc000, PAGE, RW);
	expect_miss(&peer, channel, IOVA + 0xe000, 3);
	map(&peer, 0xe000, PAGE, RW);
	assert_true(runs(&peer, 1));
	assert_int_equal(peer.starts, 1);
	assert_int_equal(peer.rings[1].ring.descriptors.addr, IOVA + 0x8000);
	assert_int_equal(peer.regions, 1);
	expect_silence(&peer, channel);
	close(channel);
	peer_destroy(&peer);
}

/* What a waiting ring must not have changed, and how it is given up. */
static void waiting_ring(void **state)
{
	struct answer answer;
	struct peer peer;
	int channel;

	(void)state;
	ready(&peer, &channel);
	assert_true(start(&peer, 0));
	peer_refuses_state(&peer, VU_SET_VRING_NUM, 0, 8);
	peer_refuses_state(&peer, VU_SET_VRING_BASE, 0, 8);
	peer_refuses_u64(&peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
	answer = peer_ask_state(&peer, VU_GET_VRING_BASE, 0, 0);
	assert_true(answer.got);
	assert_int_equal(answer.payload.state.num, 0);
	map(&peer, 0, 0x10000, RW);
	assert_false(runs(&peer, 0));
	assert_int_equal(peer.starts, 0);
	peer_state(&peer, VU_SET_VRING_NUM, 0, 8);
	/* An area that may only be read, or that is not in one piece. */
	unmap(&peer, 0, 0x10000);
	map(&peer, 0, 0x4000, VR_ACCESS_READ);
	map(&peer, 0x4000, 0x4000, VR_ACCESS_READ);
	assert_false(start(&peer, 0));
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "forbidden"));
	unmap(&peer, 0, 0x8000);
	assert_int_equal(tell(&peer, VU_IOTLB_UPDATE, IOVA, 16, PEER_USER, RW), 0);
	assert_int_equal(tell(&peer, VU_IOTLB_UPDATE, IOVA + 16, PAGE, PEER_USER, RW), 0);
	assert_false(start(&peer, 0));
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "one piece"));
	close(channel);
	peer_destroy(&peer);
}

static void wrong_messages(void **state)
{
	static const struct vu_iotlb wrong[] = {
		{ IOVA, PAGE, PEER_USER, RW, 0, { 0 } },
		{ IOVA, PAGE, PEER_USER, RW, VU_IOTLB_MISS, { 0 } },
		{ IOVA, PAGE, PEER_USER, RW, VU_IOTLB_ACCESS_FAIL, { 0 } },
		{ IOVA, PAGE, PEER_USER, RW, 5, { 0 } },
		{ IOVA, PAGE, PEER_USER, RW, 255, { 0 } },
		{ IOVA, 0, PEER_USER, RW, VU_IOTLB_UPDATE, { 0 } },
		{ 0, 0, PEER_USER, RW, VU_IOTLB_UPDATE, { 0 } },
		{ UINT64_MAX, 2, PEER_USER, RW, VU_IOTLB_UPDATE, { 0 } },
		{ UINT64_MAX, 2, 0, 0, VU_IOTLB_INVALIDATE, { 0 } },
		{ 1, 0, 0, 0, VU_IOTLB_INVALIDATE, { 0 } },
		{ IOVA, PAGE, PEER_USER, 0, VU_IOTLB_UPDATE, { 0 } },
		{ IOVA, PAGE, PEER_USER, 4, VU_IOTLB_UPDATE, { 0 } },
		{ IOVA, PAGE, PEER_USER, 0x83, VU_IOTLB_UPDATE, { 0 } },
		{ IOVA, PAGE, PEER_GUEST, RW, VU_IOTLB_UPDATE, { 0 } },
		{ IOVA, PAGE, UINT64_MAX - 5, RW, VU_IOTLB_UPDATE, { 0 } },
		{ IOVA, PEER_MEMORY + 1, PEER_USER, RW, VU_IOTLB_UPDATE, { 0 } },
		{ IOVA, PAGE, PEER_USER - 1, RW, VU_IOTLB_UPDATE, { 0 } },
		{ IOVA, UINT64_MAX - IOVA, PEER_USER, RW, VU_IOTLB_UPDATE, { 0 } },
	};
	struct answer answer;
	struct peer peer;
	int channel;
	size_t i;

	(void)state;
	ready(&peer, &channel);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		answer = peer_ask(&peer, VU_IOTLB_MSG, &wrong[i], sizeof(wrong[i]), NULL, 0);
		assert_true(is_refused(&answer));
		assert_non_null(strstr(vr_vu_backend_error(peer.backend), "IOTLB_MSG"));
	}
	assert_true(vr_vu_backend_connected(peer.backend));
	/* There is always one answer, wanted or not. */
	peer_send(&peer, VU_IOTLB_MSG, VU_VERSION, &wrong[0], sizeof(wrong[0]), NULL, 0);
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_true(is_refused(&answer));
	assert_false(peer_receive(&peer).got);
	close(channel);
	/* Without the feature there are no such messages. */
	peer_reconnect(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	answer = peer_ask(&peer, VU_IOTLB_MSG, &wrong[0], sizeof(wrong[0]), NULL, 0);
	assert_true(answer.closed);
	peer_destroy(&peer);
}

static void device_misses(void **state)
{
	struct vr_map_range range;
	struct peer peer;
	int channel;

	(void)state;
	ready(&peer, &channel);
	map(&peer, 0, 0x20000, RW);
	assert_true(start(&peer, 0) && start(&peer, 1));
	assert_int_equal(look_up(&peer, 0, IOVA + 0x123, 1, &range), 0);
	assert_int_equal(range.addr, IOVA);
	assert_int_equal(range.size, 0x20000);
	/* Two rings miss the same page: one question, one answer, both are woken. */
	assert_int_equal(look_up(&peer, 0, IOVA + 0x20010, 2, &range), VR_E_MISS);
	assert_int_equal(look_up(&peer, 1, IOVA + 0x20020, 2, &range), VR_E_MISS);
	assert_int_equal(look_up(&peer, 0, IOVA + 0x20010, 2, &range), VR_E_MISS);
	expect_miss(&peer, channel, IOVA + 0x20010, 2);
	expect_silence(&peer, channel);
	assert_int_equal(vr_vu_drain(peer.rings[0].kick_fd), 0);
	map(&peer, 0x20000, PAGE, RW);
	assert_int_equal(vr_vu_drain(peer.rings[0].kick_fd), 1);
	assert_int_equal(vr_vu_drain(peer.rings[1].kick_fd), 1);
	assert_int_equal(look_up(&peer, 1, IOVA + 0x20020, 2, &range), 0);
	/* Something else comes: nobody is woken for it. */
	assert_int_equal(look_up(&peer, 0, IOVA + 0x30000, 1, &range), VR_E_MISS);
	expect_miss(&peer, channel, IOVA + 0x30000, 1);
	map(&peer, 0x38000, PAGE, RW);
	assert_int_equal(vr_vu_drain(peer.rings[0].kick_fd), 0);
	map(&peer, 0x30000, PAGE, VR_ACCESS_READ);
	assert_int_equal(vr_vu_drain(peer.rings[0].kick_fd), 1);
	/* Reading is allowed there, writing is not; the front end is told, the queue will break. */
	assert_int_equal(look_up(&peer, 0, IOVA + 0x30004, 1, &range), 0);
	assert_int_equal(look_up(&peer, 0, IOVA + 0x30004, 2, &range), 0);
	assert_int_equal(range.access, VR_ACCESS_READ);
	expect_asked(&peer, channel, VU_IOTLB_ACCESS_FAIL, IOVA + 0x30004, 2, 1);
	expect_silence(&peer, channel);
	assert_int_equal(peer.stops, 0);
	close(channel);
	peer_destroy(&peer);
}

/* A front end that has no such address: the device learns it when it looks again. */
static void refused_misses(void **state)
{
	struct vr_map_range range;
	struct peer peer;
	int channel;

	(void)state;
	ready(&peer, &channel);
	map(&peer, 0, 0x10000, RW);
	assert_true(start(&peer, 0));
	assert_int_equal(look_up(&peer, 0, 5, 1, &range), VR_E_MISS);
	expect_asked(&peer, channel, VU_IOTLB_MISS, 5, 1, 1);
	assert_int_equal(vr_vu_drain(peer.rings[0].kick_fd), 1);
	assert_int_equal(look_up(&peer, 0, 5, 1, &range), VR_E_INVAL);
	expect_silence(&peer, channel);
	/* Another channel: what was asked on the old one is asked again. */
	assert_int_equal(look_up(&peer, 0, 0x9005, 1, &range), VR_E_MISS);
	peer_run(&peer);
	assert_true(take_message(channel).got);
	close(channel);
	channel = peer_channel(&peer);
	expect_miss(&peer, channel, 0x9005, 1);
	/* A ring that waits for its areas in vain says so. */
	assert_true(start(&peer, 3));
	expect_asked(&peer, channel, VU_IOTLB_MISS, IOVA + 0x18000, 1, 1);
	assert_int_equal(vr_vu_drain(vr_vu_backend_vring(peer.backend, 3)->err_fd), 1);
	map(&peer, 0x10000, 0x10000, RW);
	assert_false(runs(&peer, 3));
	close(channel);
	peer_destroy(&peer);
}

/* What may be in use is taken away when no ring runs; what is not, is at once. */
static void invalidation(void **state)
{
	struct vr_map_range range;
	struct answer answer;
	struct peer peer;
	int channel;

	(void)state;
	ready(&peer, &channel);
	map(&peer, 0, 0x10000, RW);
	map(&peer, 0x20000, PAGE, RW);
	assert_true(start(&peer, 0));
	unmap(&peer, 0x30000, PAGE);
	assert_int_equal(peer.stops, 0);
	unmap(&peer, 0x20000, PAGE);
	assert_int_equal(peer.stops, 1);
	assert_int_equal(peer.last_stop, VR_VU_STOP_PAUSE);
	assert_true(runs(&peer, 0));
	assert_int_equal(look_up(&peer, 0, IOVA + 0x20000, 1, &range), VR_E_MISS);
	/* The device takes its time: so does the answer. */
	map(&peer, 0x20000, PAGE, RW);
	peer.defer = true;
	peer_send(&peer, VU_IOTLB_MSG, VU_VERSION,
		  &(struct vu_iotlb){ IOVA + 0x20000, 1, 0, 0, VU_IOTLB_INVALIDATE, { 0 } }, 32,
		  NULL, 0);
	peer_run(&peer);
	assert_false(peer_receive(&peer).got);
	assert_int_equal(vr_vu_backend_resume(peer.backend, 0, 7), 0);
	peer.defer = false;
	peer_run(&peer);
	answer = peer_receive(&peer);
	assert_true(is_ok(&answer));
	assert_int_equal(peer.rings[0].base, 0);
	/* The ring's own areas: it waits for them, and goes on where it was. */
	peer.stop_base[0] = 0;
	assert_int_equal(tell(&peer, VU_IOTLB_INVALIDATE, 0, 0, 0, 0), 0);
	assert_false(runs(&peer, 0));
	expect_miss(&peer, channel, IOVA, 1);
	map(&peer, 0, 0x10000, RW);
	assert_true(runs(&peer, 0));
	close(channel);
	peer_destroy(&peer);
}

/* More than is kept: all are accepted, and what was dropped is as good as in use. */
static void more_than_is_kept(void **state)
{
	struct vr_map_range range;
	struct peer peer;
	int channel, found = 0;
	uint64_t i;

	(void)state;
	ready(&peer, &channel);
	map(&peer, 0, 0x10000, RW);
	assert_true(start(&peer, 0));
	for (i = 0; i < 3000; i++)
		assert_int_equal(tell(&peer, VU_IOTLB_UPDATE, i * PAGE, PAGE, PEER_USER, RW), 0);
	for (i = 0; i < 3000; i++)
		found += !look_up(&peer, 0, i * PAGE, 1, &range);
	assert_true(found > 1000 && found < 3000);
	assert_true(peer.stops < 3000);
	i = peer.stops;
	unmap(&peer, 0x100000000, PAGE);
	assert_int_equal(peer.stops, i + 1);
	close(channel);
	peer_destroy(&peer);
}

/* A kick socket cannot be written to by us: such a ring is woken by starting it anew. */
static void kick_that_is_a_socket(void **state)
{
	struct vr_map_range range;
	struct answer answer;
	struct peer peer;
	int channel, socks[2];

	(void)state;
	ready(&peer, &channel);
	map(&peer, 0, 0x10000, RW);
	assert_true(start(&peer, 0));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	answer = peer_ask(&peer, VU_SET_VRING_KICK, &(uint64_t){ 0 }, 8, &socks[0], 1);
	assert_true(is_ok(&answer));
	assert_int_equal(look_up(&peer, 0, IOVA + 0x20000, 1, &range), VR_E_MISS);
	expect_miss(&peer, channel, IOVA + 0x20000, 1);
	assert_int_equal(peer.starts, 2);
	map(&peer, 0x20000, PAGE, RW);
	assert_int_equal(peer.starts, 3);
	assert_int_equal(recv(socks[1], &answer, 1, MSG_DONTWAIT), -1);
	close(socks[0]);
	close(socks[1]);
	close(channel);
	peer_destroy(&peer);
}

/* Other memory: translations lead to it, and rings whose memory is gone wait. */
static void other_memory(void **state)
{
	const struct vu_region_table moved = {
		.count = 1,
		/* The guest address plays no part. */
		.regions = { { 0x777000, PEER_MEMORY, PEER_USER, 0 } },
	};
	const struct vu_region_table elsewhere = {
		.count = 1,
		.regions = { { PEER_GUEST, PEER_MEMORY, 0x1000, 0 } },
	};
	struct answer answer;
	struct peer peer;
	void *before;
	int channel;

	(void)state;
	ready(&peer, &channel);
	map(&peer, 0, 0x10000, RW);
	assert_true(start(&peer, 0));
	before = peer.rings[0].ring.descriptors.host;
	answer = peer_ask(&peer, VU_SET_MEM_TABLE, &moved, 40, &peer.memory_fd, 1);
	assert_true(is_ok(&answer));
	assert_int_equal(peer.starts, 2);
	assert_ptr_not_equal(peer.rings[0].ring.descriptors.host, before);
	answer = peer_ask(&peer, VU_SET_MEM_TABLE, &elsewhere, 40, &peer.memory_fd, 1);
	assert_true(is_ok(&answer));
	assert_false(runs(&peer, 0));
	expect_miss(&peer, channel, IOVA, 1);
	assert_int_equal(tell(&peer, VU_IOTLB_UPDATE, IOVA, 0x10000, 0x1000, RW), 0);
	assert_true(runs(&peer, 0));
	close(channel);
	peer_destroy(&peer);
}

/* Nothing of it is left in the next session, nor after a reset. */
static void ends(void **state)
{
	struct peer peer;
	int channel, i;

	(void)state;
	ready(&peer, &channel);
	for (i = 0; i < 3; i++) {
		map(&peer, 0, 0x10000, RW);
		assert_true(start(&peer, 0));
		assert_true(start(&peer, 2));
		assert_true(runs(&peer, 0));
		assert_false(runs(&peer, 2));
		if (i == 1) {
			peer_send(&peer, VU_RESET_DEVICE, VU_VERSION, NULL, 0, NULL, 0);
			peer_u64(&peer, VU_SET_FEATURES,
				 VR_F_VERSION_1 | VR_F_ACCESS_PLATFORM | VR_VU_F_PROTOCOL_FEATURES);
		} else {
			close(channel);
			peer_reconnect(&peer);
			peer_negotiate(&peer, VR_F_VERSION_1 | VR_F_ACCESS_PLATFORM);
			peer_memory(&peer);
			channel = peer_channel(&peer);
		}
		assert_true(start(&peer, 0));
		assert_false(runs(&peer, 0));
		peer_ask_state(&peer, VU_GET_VRING_BASE, 0, 0);
	}
	close(channel);
	peer_destroy(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_waits_for_its_areas),
		cmocka_unit_test(waiting_ring),
		cmocka_unit_test(wrong_messages),
		cmocka_unit_test(device_misses),
		cmocka_unit_test(refused_misses),
		cmocka_unit_test(invalidation),
		cmocka_unit_test(more_than_is_kept),
		cmocka_unit_test(kick_that_is_a_socket),
		cmocka_unit_test(other_memory),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
