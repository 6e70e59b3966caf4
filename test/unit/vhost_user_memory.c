// SPDX-License-Identifier: BSD-3-Clause
/* The back end's memory messages: refused whole or done whole, with rings running. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_peer.h"

#define PAGE 4096u

static void ready(struct peer *peer)
{
	peer_create(peer);
	peer_negotiate(peer, VR_F_VERSION_1);
}

static uint32_t regions(const struct peer *peer)
{
	struct vr_vu_backend_state state;

	vr_vu_backend_state(peer->backend, &state);
	return state.regions;
}

static bool set_table(struct peer *peer, const struct vu_region *list, uint32_t count)
{
	struct vu_region_table table = { .count = count };
	struct answer answer;
	int fds[8];
	uint32_t i;

	for (i = 0; i < count; i++) {
		table.regions[i] = list[i];
		fds[i] = peer->memory_fd;
	}
	answer = peer_ask(peer, VU_SET_MEM_TABLE, &table, 8 + 32 * count, fds, count);
	assert_true(answer.got);
	return is_ok(&answer);
}

static bool single(struct peer *peer, uint32_t request, struct vu_region region, uint32_t fds)
{
	const struct vu_single_region payload = { .region = region };
	struct answer answer;

	answer = peer_ask(peer, request, &payload, sizeof(payload), &peer->memory_fd, fds);
	assert_true(answer.got);
	return is_ok(&answer);
}

static void tables(void **state)
{
	struct vu_region list[8];
	struct peer peer;
	uint32_t i;

	(void)state;
	ready(&peer);
	for (i = 0; i < 8; i++)
		list[i] = (struct vu_region){ i * 2 * PAGE, PAGE, i * 0x10000, i * PAGE };
	assert_true(set_table(&peer, list, 1));
	assert_int_equal(regions(&peer), 1);
	assert_true(set_table(&peer, list, 8));
	assert_int_equal(regions(&peer), 8);
	/* Each of these is refused and leaves the eight in place. */
	list[3].guest_addr = list[2].guest_addr;
	assert_false(set_table(&peer, list, 8));
	list[3].guest_addr = 0x100000;
	list[3].user_addr = list[2].user_addr + PAGE - 1;
	assert_false(set_table(&peer, list, 8));
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "region 3: user addresses"));
	list[3].user_addr = 0x900000;
	list[3].size = 0;
	assert_false(set_table(&peer, list, 8));
	list[3].size = UINT64_MAX;
	assert_false(set_table(&peer, list, 8));
	list[3].size = PAGE;
	list[3].guest_addr = UINT64_MAX - PAGE + 1;
	assert_false(set_table(&peer, list, 8));
	list[3].guest_addr = 0x100000;
	list[3].mmap_offset = PEER_MEMORY - PAGE + 1;
	assert_false(set_table(&peer, list, 8));
	list[3].mmap_offset = UINT64_MAX;
	assert_false(set_table(&peer, list, 8));
	list[3].mmap_offset = UINT64_MAX - PAGE + 1;
	assert_false(set_table(&peer, list, 8));
	assert_int_equal(regions(&peer), 8);
	list[3].mmap_offset = PEER_MEMORY - PAGE;
	assert_true(set_table(&peer, list, 8));
	peer_destroy(&peer);
}

static void counts_that_lie(void **state)
{
	struct vu_region_table table = { 0 };
	struct answer answer;
	struct peer peer;
	int fds[8], before;
	uint32_t i;

	(void)state;
	ready(&peer);
	for (i = 0; i < 8; i++) {
		fds[i] = peer.memory_fd;
		table.regions[i] = (struct vu_region){ i * PAGE, PAGE, i * PAGE, 0 };
	}
	before = count_fds();
	for (i = 0; i <= 9; i++) {
		static const uint32_t counts[] = {
			0, 1, 2, 7, 8, 9, 255, UINT32_MAX, 0x10000001, 3
		};

		/* Two descriptors and the payload of two regions, whatever is said. */
		table.count = counts[i];
		answer = peer_ask(&peer, VU_SET_MEM_TABLE, &table, 8 + 2 * 32, fds, 2);
		assert_int_equal(is_ok(&answer), counts[i] == 2);
		/* The whole structure is right too, if the descriptors are. */
		answer = peer_ask(&peer, VU_SET_MEM_TABLE, &table, sizeof(table), fds, 2);
		assert_int_equal(is_ok(&answer), counts[i] == 2);
	}
	assert_int_equal(regions(&peer), 2);
	assert_int_equal(count_fds(), before);
	peer_destroy(&peer);
}

static void slots(void **state)
{
	struct answer answer;
	struct peer peer;
	uint64_t i;
	int before;

	(void)state;
	ready(&peer);
	before = count_fds();
	answer = peer_ask(&peer, VU_GET_MAX_MEM_SLOTS, NULL, 0, NULL, 0);
	assert_int_equal(answer.payload.u64, 16);
	for (i = 0; i < 16; i++)
		assert_true(single(&peer, VU_ADD_MEM_REG,
				   (struct vu_region){ i * PAGE, PAGE, i * PAGE, i * PAGE }, 1));
	assert_false(single(&peer, VU_ADD_MEM_REG,
			    (struct vu_region){ 99 * PAGE, PAGE, 99 * PAGE, 0 }, 1));
	assert_int_equal(regions(&peer), 16);
	/* The offset plays no part, and a descriptor that comes along is closed. */
	assert_true(single(&peer, VU_REM_MEM_REG,
			   (struct vu_region){ 3 * PAGE, PAGE, 3 * PAGE, 12345 }, 0));
	assert_true(single(&peer, VU_REM_MEM_REG,
			   (struct vu_region){ 4 * PAGE, PAGE, 4 * PAGE, 4 * PAGE }, 1));
	assert_false(single(&peer, VU_REM_MEM_REG,
			    (struct vu_region){ 4 * PAGE, PAGE, 4 * PAGE, 4 * PAGE }, 0));
	assert_false(single(&peer, VU_REM_MEM_REG,
			    (struct vu_region){ 5 * PAGE, PAGE, 6 * PAGE, 0 }, 0));
	assert_false(single(&peer, VU_REM_MEM_REG,
			    (struct vu_region){ 5 * PAGE, 2 * PAGE, 5 * PAGE, 0 }, 0));
	assert_false(single(&peer, VU_ADD_MEM_REG,
			    (struct vu_region){ 5 * PAGE, PAGE, 99 * PAGE, 0 }, 1));
	assert_int_equal(regions(&peer), 14);
	assert_int_equal(count_fds(), before);
	peer_destroy(&peer);
}

/* Running rings follow their memory to where it is mapped now. */
static void rings_follow_their_memory(void **state)
{
	const struct vu_region moved = { PEER_GUEST * 4, PEER_MEMORY, PEER_USER, 0 };
	const struct vu_region elsewhere = { 0, PAGE, 0x1000, 0 };
	struct peer peer;
	void *host;

	(void)state;
	ready(&peer);
	peer_memory(&peer);
	peer_start(&peer, 0);
	peer_start(&peer, 1);
	host = peer.rings[1].ring.driver.host;
	assert_true(set_table(&peer, &moved, 1));
	assert_int_equal(peer.starts, 4);
	assert_int_equal(peer.last_stop, VR_VU_STOP_PAUSE);
	assert_ptr_not_equal(peer.rings[1].ring.driver.host, host);
	assert_int_equal(peer.rings[1].ring.driver.addr, PEER_GUEST * 4 + 0xc000);
	/* One more region: they learn of it. */
	assert_true(single(&peer, VU_ADD_MEM_REG, elsewhere, 1));
	assert_int_equal(peer.regions, 2);
	assert_true(single(&peer, VU_REM_MEM_REG, elsewhere, 0));
	assert_int_equal(peer.regions, 1);
	assert_int_equal(peer.starts, 8);
	peer_destroy(&peer);
}

/* Memory that a running ring needs does not go away below it. */
static void rings_keep_their_memory(void **state)
{
	const struct vu_region all = { PEER_GUEST, PEER_MEMORY, PEER_USER, 0 };
	struct vu_region list[2];
	struct peer peer;
	uint32_t starts;

	(void)state;
	ready(&peer);
	peer_memory(&peer);
	peer_start(&peer, 1);
	starts = peer.starts;
	assert_false(single(&peer, VU_REM_MEM_REG, all, 0));
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "ring 1 runs in that region"));
	list[0] = (struct vu_region){ PEER_GUEST, 0x8000, PEER_USER, 0 };
	assert_false(set_table(&peer, list, 1));
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "ring 1 runs in memory"));
	/* Neighbours in the front end's space, but the descriptors would be torn apart. */
	list[0] = (struct vu_region){ PEER_GUEST, 0x8010, PEER_USER, 0 };
	list[1] = (struct vu_region){ PEER_GUEST + 0x8010, PEER_MEMORY - 0x8010, PEER_USER + 0x8010,
				      0x8010 };
	assert_false(set_table(&peer, list, 2));
	/* Torn between areas is fine; an offset that unaligns them is not. */
	list[0].size = list[1].mmap_offset = 0xc000;
	list[1] = (struct vu_region){ PEER_GUEST + 0xc000, PEER_MEMORY - 0xc000, PEER_USER + 0xc000,
				      0xc000 };
	assert_true(set_table(&peer, list, 2));
	list[0].mmap_offset = 1;
	assert_false(set_table(&peer, list, 2));
	assert_int_equal(peer.starts, starts + 1);
	assert_true(peer.rings[1].running);
	/* A ring that is stopped needs nothing. */
	peer_ask_state(&peer, VU_GET_VRING_BASE, 1, 0);
	list[0] = (struct vu_region){ PEER_GUEST, PAGE, PEER_USER, 0 };
	assert_true(set_table(&peer, list, 1));
	peer_destroy(&peer);
}

static void many_exchanges_leak_nothing(void **state)
{
	struct peer peer;
	int before, i;

	(void)state;
	ready(&peer);
	peer_memory(&peer);
	peer_start(&peer, 0);
	before = count_fds();
	for (i = 0; i < 300; i++)
		peer_memory(&peer);
	assert_int_equal(count_fds(), before);
	assert_int_equal(peer.starts, 301);
	assert_int_equal(regions(&peer), 1);
	for (i = 0; i < 300; i++) {
		peer_reconnect(&peer);
		peer_negotiate(&peer, VR_F_VERSION_1);
		peer_memory(&peer);
		peer_start(&peer, (uint32_t)i % PEER_RINGS);
	}
	assert_int_equal(count_fds(), before);
	peer_destroy(&peer);
}

/* The front end takes the memory away: the device reads zeros, the session ends with a reason. */
static void truncated_memory(void **state)
{
	struct peer peer;

	(void)state;
	assert_int_equal(vr_sigbus_install(), 0);
	ready(&peer);
	peer_memory(&peer);
	peer_start(&peer, 0);
	assert_int_equal(ftruncate(peer.memory_fd, 0), 0);
	assert_int_equal(*(volatile char *)peer.rings[0].ring.driver.host, 0);
	vr_vu_backend_wake(peer.backend);
	peer_run(&peer);
	assert_false(vr_vu_backend_connected(peer.backend));
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "truncated"));
	assert_int_equal(peer.clean, 0);
	assert_int_equal(ftruncate(peer.memory_fd, PEER_MEMORY), 0);
	peer_reconnect(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 0);
	peer_destroy(&peer);
	assert_int_equal(vr_sigbus_remove(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(counts_that_lie),
		cmocka_unit_test(slots),
		cmocka_unit_test(rings_follow_their_memory),
		cmocka_unit_test(rings_keep_their_memory),
		cmocka_unit_test(many_exchanges_leak_nothing),
		cmocka_unit_test(truncated_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
