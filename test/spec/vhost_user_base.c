// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-BASE and the messages about positions: where a ring stops, and where it goes on. */
#define _GNU_SOURCE
#include "check.h"
#include "form.h"
#include "raw.h"
#include "vu_traffic.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define TIMEOUT 5000

static uint16_t used_idx(const struct traffic *t, uint32_t index)
{
	return le16((uint8_t *)traffic_areas(t, index).device.host + 2);
}

static void split_format(void **state)
{
	struct traffic t;

	(void)state;
	CLAUSE("VU-BASE-001");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 256, 0);
	traffic_run(&t, 0, 70000);
	CHECK_EQ(traffic_stop(&t, 0), 70000 & 0xffff);
	peer_ring(&t.peer, 0, 256, 0x10000 | (70000 & 0xffff));
	peer_ring_fd(&t.peer, VU_SET_VRING_KICK, 0, true);
	CHECK(!vr_vu_backend_vring(t.peer.backend, 0)->running);
	traffic_close(&t);
}

static void used_index_is_in_the_ring(void **state)
{
	struct vr_ring areas;
	struct traffic t;

	(void)state;
	CLAUSE("VU-BASE-002");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 16, 0);
	traffic_run(&t, 0, 498);
	traffic_send(&t, 0, 4);
	CHECK_EQ(traffic_take(&t, 0, 2), 2);
	t.rings[0].forced = true;
	traffic_stop(&t, 0);
	/* 498 and 499 are in flight, by the front end's word. */
	traffic_start(&t, 0, 16, 500);
	CHECK_EQ(used_idx(&t, 0), 498);
	CHECK_EQ(traffic_serve(&t, 0, 16), 2);
	CHECK_EQ(used_idx(&t, 0), 500);
	areas = traffic_areas(&t, 0);
	for (uint32_t i = 0; i < 2; i++) {
		const uint8_t *avail = (uint8_t *)areas.driver.host + 4 + 2 * ((500 + i) % 16);
		const uint8_t *used = (uint8_t *)areas.device.host + 4 + 8 * ((498 + i) % 16);

		CHECK_EQ(le32(used), le16(avail));
	}
	traffic_close(&t);
}

static void packed_format(void **state)
{
	static const uint32_t wrong[] = { 0x80038003, 0x00030000, 0x00000003, 0x7fff7fff };
	struct traffic t;

	(void)state;
	CLAUSE("VU-BASE-003");
	traffic_open(&t, VR_F_RING_PACKED);
	CHECK_EQ(traffic_stop(&t, 1), 0x80008000);
	traffic_start(&t, 0, 3, 0x80008000);
	CHECK_EQ(traffic_stop(&t, 0), 0x80008000);
	traffic_start(&t, 0, 3, 0x80008000);
	traffic_run(&t, 0, 1);
	CHECK_EQ(traffic_stop(&t, 0), 0x80018001);
	traffic_start(&t, 0, 3, 0x80018001);
	traffic_run(&t, 0, 3);
	/* N + 1: the second place of the second lap. */
	CHECK_EQ(traffic_stop(&t, 0), 0x00010001);

	CLAUSE("VU-BASE-004");
	traffic_start(&t, 0, 3, 0x00010001);
	for (int i = 0; i < 7; i++) {
		uint32_t base;

		traffic_run(&t, 0, 1);
		base = traffic_stop(&t, 0);
		CHECK((base & 0x7fff) < 3 && (base >> 16 & 0x7fff) < 3);
		traffic_start(&t, 0, 3, base);
	}
	traffic_stop(&t, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		step("base 0x%x", wrong[i]);
		peer_ring(&t.peer, 0, 3, wrong[i]);
		peer_ring_fd(&t.peer, VU_SET_VRING_KICK, 0, true);
		CHECK(!vr_vu_backend_vring(t.peer.backend, 0)->running);
	}
	traffic_close(&t);
}

static void a_stop_drains(void **state)
{
	(void)state;
	CLAUSE("VU-BASE-005");
	FOR_EACH_FORM(form)
	{
		struct traffic t;
		uint32_t base;

		context("%s", form->name);
		traffic_open(&t, form->features);
		base = traffic_fresh(&t);
		for (int i = 0; i < 40; i++) {
			traffic_start(&t, 0, 8, base);
			traffic_run(&t, 0, 1 + (unsigned int)i % 8);
			base = traffic_stop(&t, 0);
			if (is_packed(form->features))
				CHECK_EQ(base & 0xffff, base >> 16);
			else
				CHECK_EQ(base, used_idx(&t, 0));
		}
		traffic_close(&t);
	}
}

static void what_was_not_processed_stays(void **state)
{
	(void)state;
	CLAUSE("VU-BASE-006");
	FOR_EACH_FORM(form)
	{
		struct traffic t;
		uint32_t base;

		context("%s", form->name);
		traffic_open(&t, form->features);
		traffic_start(&t, 0, 16, traffic_fresh(&t));
		traffic_send(&t, 0, 10);
		CHECK_EQ(traffic_serve(&t, 0, 4), 4);
		base = traffic_stop(&t, 0);
		CHECK_EQ(base, is_packed(form->features) ? 0x80048004 : 4);
		traffic_start(&t, 0, 16, base);
		CHECK_EQ(traffic_serve(&t, 0, 16), 6);
		CHECK_EQ(traffic_get(&t, 0), 10);
		CHECK_EQ(t.memory[0x20000], 10);
		traffic_close(&t);
	}
}

static void the_message(void **state)
{
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct vr_vu_offer offer;
	struct wire wire, answer;
	struct traffic t;
	struct stub stub;
	uint32_t base;

	(void)state;
	CLAUSE("VU-BASE-007");
	traffic_open(&t, 0);
	for (uint32_t num = 0; num < 2; num++) {
		wire = wire_message(11, WIRE_VERSION, 8);
		wire_u32(&wire, 3);
		wire_u32(&wire, num);
		CHECK(peer_exchange(&t.peer, &wire, &answer));
		CHECK_EQ(answer.size, WIRE_HEADER + 8);
		CHECK_EQ(wire_get_u32(answer.bytes + WIRE_HEADER), 3);
		CHECK_EQ(wire_get_u32(answer.bytes + WIRE_HEADER + 4), 0);
	}

	CLAUSE("VU-MSG-10");
	traffic_start(&t, 0, 8, 0);
	peer_refuses_state(&t.peer, 10, 0, 1);
	traffic_run(&t, 0, 5);
	CHECK_EQ(traffic_stop(&t, 0), 5);
	peer_state(&t.peer, 10, 0, 5);
	traffic_start(&t, 0, 8, 5);
	traffic_run(&t, 0, 20);
	traffic_close(&t);

	stub = (struct stub){ .features = VR_F_VERSION_1, .bases = { 0, 0, 0x1234 } };
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, VR_F_VERSION_1, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_get_vring_base(frontend, 2, &base, TIMEOUT), 0);
	CHECK_EQ(base, 0x1234);
	CHECK_EQ(vr_vu_frontend_set_vring_base(frontend, 2, 0x4321, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 11, 0);
	CHECK_EQ(wire_get_u64(sent->payload), 2);
	sent = stub_find(&stub, 10, 0);
	CHECK_EQ(wire_get_u32(sent->payload + 4), 0x4321);
}

/* The answer waits for the device, and so do the messages behind it. */
static void the_answer_waits(void **state)
{
	const struct vu_vring_state base = { 0, 0 };
	struct wire answer;
	struct peer peer;

	(void)state;
	CLAUSE("VU-MSG-11");
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 0);
	peer.defer = true;
	CHECK(peer_send(&peer, 11, WIRE_VERSION, &base, 8, NULL, 0));
	CHECK(peer_send(&peer, 1, WIRE_VERSION, NULL, 0, NULL, 0));
	peer_run(&peer);
	CHECK(!wire_take(peer.sock, &answer));
	CHECK_EQ(vr_vu_backend_resume(peer.backend, 0, 77), 0);
	peer_run(&peer);
	CHECK(wire_take(peer.sock, &answer));
	CHECK_EQ(wire_get_u32(answer.bytes), 11);
	CHECK_EQ(wire_get_u32(answer.bytes + WIRE_HEADER + 4), 77);
	CHECK(wire_take(peer.sock, &answer));
	CHECK_EQ(wire_get_u32(answer.bytes), 1);
	CHECK(!vr_vu_backend_vring(peer.backend, 0)->running);
	peer.defer = false;
	peer_destroy(&peer);
}

/* ---- peers that have their own idea of it ---- */

static void halves_of_a_packed_base(void **state)
{
	struct vr_vu_vring vring = {
		.index = 0, .size = 8, .kick_fd = -1, .call_fd = -1, .err_fd = -1
	};
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct traffic t;
	struct stub stub;

	(void)state;
	CLAUSE("VU-INT-001");
	traffic_open(&t, VR_F_RING_PACKED);
	traffic_start(&t, 0, 8, 0x00008000);
	CHECK_EQ(t.peer.rings[0].base, 0x80008000);
	traffic_run(&t, 0, 13);
	CHECK_EQ(traffic_stop(&t, 0), 0x00050005);
	traffic_start(&t, 0, 8, 0x0005);
	CHECK_EQ(t.peer.rings[0].base, 0x00050005);
	traffic_run(&t, 0, 13);
	traffic_close(&t);

	stub = (struct stub){ .features = PACKED | 1ull << 30, .protocol = 8, .bases = { 0x8003 } };
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, PACKED, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_set_features(frontend, offer.accepted, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_stop(frontend, &vring, 1, TIMEOUT), 0);
	CHECK_EQ(vring.base, 0x80038003);
	stub_finish(&stub, frontend);
}

static void used_index_of_the_message(void **state)
{
	struct traffic t;
	uint32_t base;

	(void)state;
	CLAUSE("VU-INT-006");
	traffic_open(&t, 0);
	traffic_start(&t, 0, 8, 0);
	traffic_run(&t, 0, 21);
	base = traffic_stop(&t, 0);
	CHECK_EQ(base, used_idx(&t, 0));
	traffic_close(&t);
}

/* Chains of two descriptors: the base counts buffers, the heads count descriptors. */
static void predicted_heads_after_a_restart(void **state)
{
	struct vr_segment segments[2] = { { .addr = PEER_GUEST + 0x30000, .len = 8 },
					  { .addr = PEER_GUEST + 0x31000, .len = TRAFFIC_BYTES } };
	struct vr_buffer buffer = { .segments = segments, .readable = 1, .writable = 1 };
	struct vr_iovec pieces[2];
	struct vr_chain chain;
	struct vr_used used;
	struct traffic t;
	uint32_t base = 0;

	(void)state;
	CLAUSE("VU-INT-007");
	traffic_open(&t, VR_F_IN_ORDER);
	for (uint64_t i = 0; i < 30; i++) {
		traffic_start(&t, 0, 8, base);
		buffer.token = i;
		CHECK_EQ(vr_driver_add(t.rings[0].driver, &buffer, 1), 1);
		CHECK_EQ(vr_driver_publish(t.rings[0].driver), 1);
		CHECK_EQ(vr_device_pop(t.rings[0].device, &chain, 1, pieces, 2), 1);
		CHECK_EQ(pieces[1].len, TRAFFIC_BYTES);
		CHECK_EQ(vr_device_complete(t.rings[0].device, chain.handle, 3), 0);
		CHECK_EQ(vr_device_publish(t.rings[0].device, NULL), 1);
		CHECK_EQ(vr_driver_get(t.rings[0].driver, &used, 1), 1);
		CHECK_EQ(used.token, i);
		CHECK_EQ(used.len, 3);
		base = traffic_stop(&t, 0);
		CHECK_EQ(base, i + 1);
	}
	traffic_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_format),
		cmocka_unit_test(used_index_is_in_the_ring),
		cmocka_unit_test(packed_format),
		cmocka_unit_test(a_stop_drains),
		cmocka_unit_test(what_was_not_processed_stays),
		cmocka_unit_test(the_message),
		cmocka_unit_test(the_answer_waits),
		cmocka_unit_test(halves_of_a_packed_base),
		cmocka_unit_test(used_index_of_the_message),
		cmocka_unit_test(predicted_heads_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
