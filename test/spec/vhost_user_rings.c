// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-RING and the messages about rings: started or stopped, enabled or disabled. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "random.h"
#include "vu_traffic.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)

static const struct vr_vu_vring *ring(const struct traffic *t, uint32_t index)
{
	return vr_vu_backend_vring(t->peer.backend, index);
}

static bool taken(struct peer *peer, struct wire *wire)
{
	struct wire answer;

	wire_set_size(wire);
	CHECK(peer_exchange(peer, wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer) == 0;
}

static bool set_state(struct peer *peer, uint32_t request, uint32_t index, uint32_t num)
{
	struct wire wire = wire_message(request, NEED_REPLY, 0);

	wire_u32(&wire, index);
	wire_u32(&wire, num);
	return taken(peer, &wire);
}

static struct wire address(uint32_t index, uint32_t flags, uint64_t shift)
{
	const struct vu_vring_addr addr = peer_addr(index);
	struct wire wire = wire_message(9, NEED_REPLY, 0);

	wire_u32(&wire, index);
	wire_u32(&wire, flags);
	wire_u64(&wire, addr.descriptors + shift);
	wire_u64(&wire, addr.device + shift);
	wire_u64(&wire, addr.driver + shift);
	wire_u64(&wire, 0);
	return wire;
}

static bool start(struct traffic *t, uint32_t index)
{
	CHECK(peer_ring_fd(&t->peer, VU_SET_VRING_KICK, index, true).got);
	return ring(t, index)->running;
}

/* ---- size, addresses, enabled ---- */

static void sizes(void **state)
{
	struct traffic t;

	(void)state;
	CLAUSE("VU-MSG-08");
	traffic_open(&t, 0);
	CHECK(!set_state(&t.peer, 8, 0, 0));
	CHECK(!set_state(&t.peer, 8, 0, 3));
	CHECK(!set_state(&t.peer, 8, 0, 32769));
	CHECK(!set_state(&t.peer, 8, PEER_RINGS, 16));
	CHECK(set_state(&t.peer, 8, 0, 256));
	traffic_start(&t, 0, 16, 0);
	CHECK(!set_state(&t.peer, 8, 0, 16));
	traffic_close(&t);
	traffic_open(&t, VR_F_RING_PACKED);
	CHECK(set_state(&t.peer, 8, 0, 3));
	CHECK(!set_state(&t.peer, 8, 0, 0));
	CHECK(!set_state(&t.peer, 8, 0, 32769));
	traffic_close(&t);
}

static void addresses(void **state)
{
	static const uint64_t wrong[] = { 8, PEER_MEMORY, UINT64_MAX - PEER_USER, 1ull << 63 };
	struct traffic t;
	struct wire wire;

	(void)state;
	CLAUSE("VU-MSG-09");
	traffic_open(&t, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		peer_ring(&t.peer, 0, 16, 0);
		wire = address(0, 0, wrong[i]);
		CHECK(!taken(&t.peer, &wire) || !start(&t, 0));
	}
	traffic_start(&t, 0, 16, 0);
	/* Again on a live ring: the same is fine, another place is not. */
	wire = address(0, 0, 0);
	CHECK(taken(&t.peer, &wire));
	wire = address(0, 0, 16);
	CHECK(!taken(&t.peer, &wire));
	wire = address(0, 2, 0);
	CHECK(!taken(&t.peer, &wire));
	traffic_run(&t, 0, 40);
	traffic_close(&t);
}

static void enable(void **state)
{
	struct traffic t;

	(void)state;
	CLAUSE("VU-MSG-18");
	traffic_open(&t, 0);
	CHECK(set_state(&t.peer, 18, 0, 1));
	CHECK_EQ(t.peer.enables, 0);
	traffic_start(&t, 0, 16, 0);
	CHECK(t.peer.rings[0].enabled);
	CHECK(set_state(&t.peer, 18, 0, 0));
	CHECK(!t.peer.rings[0].enabled);
	CHECK(!set_state(&t.peer, 18, PEER_RINGS, 1));
	CHECK(!set_state(&t.peer, 18, UINT32_MAX, 1));
	CHECK(!set_state(&t.peer, 18, 0, 2));
	traffic_close(&t);
}

/* ---- the two attributes ---- */

static void both_off_at_first(void **state)
{
	const struct wire owner = wire_message(3, WIRE_VERSION, 0);
	struct traffic t;

	(void)state;
	CLAUSE("VU-RING-001");
	traffic_open(&t, 0);
	peer_reconnect(&t.peer);
	CHECK(peer_silent(&t.peer, &owner));
	for (uint32_t i = 0; i < PEER_RINGS; i++)
		CHECK(!ring(&t, i)->running && !ring(&t, i)->enabled);
	/* Each of the four combinations. */
	peer_negotiate(&t.peer, VR_F_VERSION_1);
	peer_memory(&t.peer);
	traffic_start(&t, 1, 8, 0);
	CHECK(set_state(&t.peer, 18, 2, 1));
	traffic_start(&t, 3, 8, 0);
	CHECK(set_state(&t.peer, 18, 3, 1));
	for (uint32_t i = 0; i < PEER_RINGS; i++) {
		CHECK_EQ(ring(&t, i)->running, i & 1);
		CHECK_EQ(ring(&t, i)->enabled, i >> 1);
	}
	traffic_close(&t);
}

static void a_stopped_ring_is_left_alone(void **state)
{
	struct traffic t;
	uint32_t base;

	(void)state;
	CLAUSE("VU-RING-002");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	traffic_run(&t, 0, 3);
	base = traffic_stop(&t, 0);
	traffic_send(&t, 0, 2);
	CHECK(set_state(&t.peer, 18, 0, 1));
	CHECK(set_state(&t.peer, 18, 0, 0));
	CHECK(set_state(&t.peer, 18, 0, 1));
	CHECK_EQ(t.peer.enables, 0);
	CHECK(!t.rings[0].device);
	traffic_start(&t, 0, 8, base);

	CLAUSE("VU-RING-004");
	CHECK(t.peer.rings[0].enabled);
	CHECK_EQ(traffic_serve(&t, 0, 8), 2);
	CHECK_EQ(traffic_get(&t, 0), 2);
	traffic_run(&t, 0, 1000);
	traffic_close(&t);
}

static void a_ring_starts_without_a_kick(void **state)
{
	(void)state;
	CLAUSE("VU-RING-005");
	FOR_EACH_FORM(form)
	{
		struct traffic t;
		uint32_t base;

		context("%s", form->name);
		traffic_open(&t, form->features);
		base = traffic_fresh(&t);
		for (int i = 0; i < 5; i++) {
			traffic_start(&t, 0, 8, base);
			CHECK_EQ(traffic_serve(&t, 0, 8), i ? 2 : 0);
			CHECK_EQ(traffic_get(&t, 0), i ? 2 : 0);
			traffic_run(&t, 0, 11);
			base = traffic_stop(&t, 0);
			traffic_send(&t, 0, 2);
		}
		traffic_close(&t);
	}
}

static void nothing_is_touched_after_a_stop(void **state)
{
	struct traffic t;
	uint32_t base;

	(void)state;
	CLAUSE("VU-RING-007");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	traffic_run(&t, 0, 5);
	base = traffic_stop(&t, 0);
	CHECK_EQ(base, 5);
	/* The file is empty now: whoever reads the mapping is killed by SIGBUS. */
	CHECK_EQ(ftruncate(t.peer.memory_fd, 0), 0);
	CHECK(set_state(&t.peer, 18, 0, 1));
	CHECK(set_state(&t.peer, 10, 0, base));
	CHECK(peer_ring_fd(&t.peer, VU_SET_VRING_CALL, 0, true).got);
	traffic_close(&t);
}

static void enabled_from_the_start_or_by_message(void **state)
{
	struct traffic t;

	(void)state;
	CLAUSE("VU-RING-008");
	traffic_open(&t, 0);
	peer_u64(&t.peer, 2, VR_F_VERSION_1);
	traffic_start(&t, 0, 8, 0);
	CHECK(t.peer.rings[0].enabled);
	traffic_run(&t, 0, 10);
	traffic_close(&t);

	CLAUSE("VU-RING-009");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	CHECK(!t.peer.rings[0].enabled);
	CHECK(set_state(&t.peer, 18, 0, 1));
	CHECK(t.peer.rings[0].enabled);
	traffic_close(&t);
}

/* ---- while rings run ---- */

static void change_something(struct traffic *t, uint32_t what)
{
	struct wire wire;

	switch (what) {
	case 0:
	case 1:
	case 2:
		CHECK(peer_ring_fd(&t->peer, 12 + what, 0, true).got);
		break;
	case 3:
		peer_memory(&t->peer);
		break;
	case 4:
		wire = address(0, 0, 0);
		CHECK(taken(&t->peer, &wire));
		break;
	default:
		peer_u64(&t->peer, 2, t->features | 1ull << 30);
	}
}

static void settings_change_on_the_fly(void **state)
{
	(void)state;
	CLAUSE("VU-RING-010");
	FOR_EACH_FORM(form)
	{
		struct random random;
		struct traffic t;
		unsigned int served = 0;

		context("%s", form->name);
		random_start(&random, 10);
		traffic_open(&t, form->features);
		traffic_start(&t, 0, 16, traffic_fresh(&t));
		for (int i = 0; i < 300; i++) {
			traffic_send(&t, 0, 3);
			served += traffic_serve(&t, 0, random_below(&random, 3));
			change_something(&t, random_below(&random, 6));
			served += traffic_serve(&t, 0, 16);
			traffic_get(&t, 0);
		}
		CHECK_EQ(served, 900);
		CHECK_EQ(t.rings[0].got, 900);
		traffic_close(&t);
	}
}

/* No ring runs: the library touches no memory and signals nobody, and goes on answering. */
static void a_suspended_device_is_silent(void **state)
{
	struct wire wire = wire_message(1, WIRE_VERSION, 0), answer;
	const uint64_t call = 0;
	struct traffic t;
	unsigned char *before;
	int fd;

	(void)state;
	CLAUSE("VU-RING-011");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	traffic_start(&t, 1, 8, 0);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(peer_ask(&t.peer, VU_SET_VRING_CALL, &call, 8, &fd, 1).got);
	traffic_run(&t, 0, 3);
	traffic_stop(&t, 0);
	traffic_stop(&t, 1);
	vr_vu_drain(fd);
	before = malloc(PEER_MEMORY);
	CHECK(before);
	memcpy(before, t.memory, PEER_MEMORY);
	for (int i = 0; i < 20; i++) {
		CHECK(peer_exchange(&t.peer, &wire, &answer));
		CHECK(set_state(&t.peer, 18, 0, i & 1));
	}
	CHECK_BYTES(t.memory, before, PEER_MEMORY);
	CHECK_EQ(vr_vu_drain(fd), 0);
	free(before);
	close(fd);
	traffic_close(&t);
}

static void what_a_start_needs(void **state)
{
	static const char *const missing[] = { "SET_VRING_NUM", "SET_VRING_BASE",
					       "SET_VRING_ADDR" };
	struct traffic t;
	struct wire wire;

	(void)state;
	CLAUSE("VU-RING-012");
	for (int left_out = 0; left_out < 3; left_out++) {
		step("without %s", missing[left_out]);
		traffic_open(&t, 0);
		wire = address(0, 0, 0);
		CHECK(left_out == 0 || set_state(&t.peer, 8, 0, 16));
		CHECK(left_out == 1 || set_state(&t.peer, 10, 0, 0));
		CHECK(left_out == 2 || taken(&t.peer, &wire));
		CHECK(!start(&t, 0));
		CHECK(strstr(vr_vu_backend_error(t.peer.backend), missing[left_out]));
		traffic_close(&t);
	}
	/* What did not change need not be sent again. */
	traffic_open(&t, 0);
	traffic_start(&t, 0, 16, 0);
	traffic_run(&t, 0, 5);
	traffic_stop(&t, 0);
	CHECK(start(&t, 0));
	CHECK_EQ(t.peer.rings[0].base, 5);
	traffic_run(&t, 0, 5);
	traffic_close(&t);
}

static void others_go_on(void **state)
{
	struct traffic t;
	uint32_t base = 0;

	(void)state;
	CLAUSE("VU-RING-013");
	traffic_open(&t, 0);
	for (uint32_t i = 0; i < PEER_RINGS; i++)
		traffic_start(&t, i, 8, 0);
	for (int i = 0; i < 50; i++) {
		for (uint32_t j = 0; j < PEER_RINGS; j++)
			traffic_send(&t, j, 2);
		if (i & 1) {
			base = traffic_stop(&t, 1);
			CHECK_EQ(base, 2 * i);
		}
		for (uint32_t j = 0; j < PEER_RINGS; j++)
			if (j != 1)
				CHECK_EQ(traffic_serve(&t, j, 8), 2);
		if (i & 1)
			traffic_start(&t, 1, 8, base);
		CHECK_EQ(traffic_serve(&t, 1, 8), 2);
		for (uint32_t j = 0; j < PEER_RINGS; j++)
			CHECK_EQ(traffic_get(&t, j), 2);
	}
	CHECK_EQ(t.peer.stops, 25);
	traffic_close(&t);
}

/* Settings that do not depend on each other, in any order: the ring that starts is the same. */
static void any_order_will_do(void **state)
{
	struct random random;
	struct traffic t;

	(void)state;
	CLAUSE("VU-RING-014");
	random_start(&random, 14);
	traffic_open(&t, 0);
	for (int round = 0; round < 60; round++) {
		uint32_t left = 0x3f;

		step("round %d", round);
		peer_reconnect(&t.peer);
		peer_u64(&t.peer, 16, PEER_PROTOCOL);
		while (left) {
			const uint32_t what = random_below(&random, 6);
			struct wire wire = address(0, 0, 0);

			if (!(left >> what & 1))
				continue;
			left &= ~(1u << what);
			if (what == 0)
				CHECK(set_state(&t.peer, 8, 0, 32));
			else if (what == 1)
				CHECK(set_state(&t.peer, 10, 0, 0));
			else if (what == 2)
				CHECK(taken(&t.peer, &wire));
			else if (what == 3)
				peer_memory(&t.peer);
			else if (what == 4)
				peer_u64(&t.peer, 2, VR_F_VERSION_1 | 1ull << 30);
			else
				CHECK(peer_ring_fd(&t.peer, VU_SET_VRING_CALL, 0, true).got);
		}
		CHECK(start(&t, 0));
		CHECK_EQ(t.peer.rings[0].size, 32);
		CHECK_EQ(t.peer.rings[0].base, 0);
		CHECK_EQ(t.peer.rings[0].features, VR_F_VERSION_1);
		CHECK_EQ(t.peer.rings[0].ring.driver.addr, PEER_GUEST + 0x4000);
		CHECK(t.peer.rings[0].call_fd >= 0);
	}
	traffic_close(&t);
}

static unsigned int mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int lines = 0;
	int c;

	CHECK(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static void many_stops_and_starts(void **state)
{
	unsigned int maps = 0;
	struct traffic t;
	uint32_t base = 0;
	int fds = 0;

	(void)state;
	CLAUSE("VU-RING-015");
	traffic_open(&t, 0);
	for (int i = 0; i < 1000; i++) {
		traffic_start(&t, 0, 8, base);
		CHECK(set_state(&t.peer, 18, 0, 1));
		traffic_run(&t, 0, 3);
		CHECK(set_state(&t.peer, 18, 0, 0));
		base = traffic_stop(&t, 0);
		if (i % 100 == 99) {
			peer_u64(&t.peer, 39, 0);
			peer_memory(&t.peer);
		}
		if (i == 200) {
			fds = count_fds();
			maps = mappings();
		}
	}
	CHECK_EQ(count_fds(), fds);
	CHECK(mappings() <= maps + 1);
	traffic_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(addresses),
		cmocka_unit_test(enable),
		cmocka_unit_test(both_off_at_first),
		cmocka_unit_test(a_stopped_ring_is_left_alone),
		cmocka_unit_test(a_ring_starts_without_a_kick),
		cmocka_unit_test(nothing_is_touched_after_a_stop),
		cmocka_unit_test(enabled_from_the_start_or_by_message),
		cmocka_unit_test(settings_change_on_the_fly),
		cmocka_unit_test(a_suspended_device_is_silent),
		cmocka_unit_test(what_a_start_needs),
		cmocka_unit_test(others_go_on),
		cmocka_unit_test(any_order_will_do),
		cmocka_unit_test(many_stops_and_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
