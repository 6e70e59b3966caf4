// SPDX-License-Identifier: BSD-3-Clause
/* Configuration space, filters, and which headers may be handed over. */
#include <virtring/net_control.h>

#include "net_pair.h"

static void test_space(void **state)
{
	static const uint64_t bits[] = { VR_NET_F_MAC,		VR_NET_F_STATUS,
					 VR_NET_F_MQ,		VR_NET_F_MTU,
					 VR_NET_F_RSS,		VR_NET_F_HASH_REPORT,
					 VR_NET_F_SPEED_DUPLEX, VR_F_VERSION_1 };
	const struct vr_net_space space = {
		.mac = { 2, 3, 4, 5, 6, 7 },
		.status = VR_NET_S_LINK_UP | VR_NET_S_ANNOUNCE,
		.max_pairs = 0x1234,
		.mtu = 9000,
		.speed = 40000,
		.duplex = 1,
		.rss_max_key_size = 40,
		.rss_max_table_length = 128,
		.hash_types = 0x1ff,
	};
	static const uint8_t wire[VR_NET_SPACE_BYTES] = {
		2,    3,    4, 5, 6, 7,	 3,   0, 0x34, 0x12, 0x28, 0x23,
		0x40, 0x9c, 0, 0, 1, 40, 128, 0, 0xff, 1,    0,	   0
	};
	uint8_t got[VR_NET_SPACE_BYTES];

	(void)state;
	for (unsigned int set = 0; set < 256; set++) {
		struct vr_net_space back;
		uint64_t features = 0;

		for (unsigned int i = 0; i < 8; i++)
			features |= set >> i & 1 ? bits[i] : 0;
		vr_net_space_encode(&space, features, got);
		/* Nothing beyond what the features give a meaning, and no wrong byte before it. */
		for (uint32_t i = 0; i < VR_NET_SPACE_BYTES; i++) {
			if (got[i] == 0)
				continue;
			assert_true(i < vr_net_space_bytes(features));
			assert_int_equal(got[i], wire[i]);
		}
		vr_net_space_decode(&back, features, got);
		assert_int_equal(back.max_pairs,
				 features & (VR_NET_F_MQ | VR_NET_F_RSS) ? 0x1234 : 1);
		assert_int_equal(back.status, features & VR_NET_F_STATUS ? 3 : VR_NET_S_LINK_UP);
		assert_int_equal(back.mtu, features & VR_NET_F_MTU ? 9000 : 0);
		assert_int_equal(back.mac[5], features & VR_NET_F_MAC ? 7 : 0);
		assert_int_equal(back.speed, features & VR_NET_F_SPEED_DUPLEX ? 40000 : UINT32_MAX);
		assert_int_equal(back.duplex, features & VR_NET_F_SPEED_DUPLEX ? 1 : 255);
		assert_int_equal(back.rss_max_table_length, features & VR_NET_F_RSS ? 128 : 0);
	}
	vr_net_space_encode(&space, UINT64_MAX, got);
	assert_memory_equal(got, wire, sizeof(wire));
	assert_int_equal(vr_net_space_bytes(0), 0);
}

static void test_control_queue(void **state)
{
	(void)state;
	assert_int_equal(vr_net_control_queue(VR_NET_F_CTRL_VQ, 8), 2);
	assert_int_equal(vr_net_control_queue(VR_NET_F_CTRL_VQ | VR_NET_F_MQ, 8), 16);
	assert_int_equal(vr_net_control_queue(VR_NET_F_RSS, 1), 2);
}

/* Does a frame to @to pass, with a VLAN tag of @vlan unless that is negative? */
static bool passes(const struct vr_net_settings *s, uint8_t first, uint8_t last, int vlan)
{
	uint8_t frame[64] = { first, 0, 0, 0, 0, last };
	struct vr_iovec pieces[2] = { { frame, 3 }, { frame + 3, 61 } };
	struct vr_net_packet packet = { .pieces = pieces, .piece_count = 2, .len = 64 };

	if (first == 255)
		memset(frame, 255, 6);
	if (vlan >= 0) {
		frame[12] = 0x81;
		frame[14] = (uint8_t)(vlan >> 8 | 0xe0); /* priority bits are no part of it */
		frame[15] = (uint8_t)vlan;
	}
	return vr_net_settings_accept(s, &packet);
}

static void test_filters(void **state)
{
	const struct vr_net_space space = { .mac = { 2, 0, 0, 0, 0, 1 } };
	struct vr_net_settings s;

	(void)state;
	vr_net_settings_reset(&s, VR_NET_F_CTRL_VLAN, &space);
	assert_true(passes(&s, 2, 99, 5));
	s.promiscuous = false;
	assert_true(passes(&s, 2, 1, -1));
	assert_false(passes(&s, 2, 2, -1));
	assert_false(passes(&s, 1, 2, -1));
	assert_true(passes(&s, 255, 255, -1));
	assert_false(passes(&s, 2, 1, 5));
	s.vlans[0] = 1u << 5;
	assert_true(passes(&s, 2, 1, 5));
	assert_false(passes(&s, 2, 1, 6));
	s.filter_vlans = false;
	assert_true(passes(&s, 2, 1, 6));
	s.unicast_count = 1;
	memcpy(s.unicast[0], "\2\0\0\0\0\2", 6);
	assert_true(passes(&s, 2, 2, -1));
	assert_false(passes(&s, 2, 3, -1));
	s.unicast_count = VR_NET_TABLE_MAX + 1;
	assert_true(passes(&s, 2, 3, -1));
	assert_false(passes(&s, 1, 2, -1));
	s.multicast_count = 1;
	memcpy(s.multicast[0], "\1\0\0\0\0\2", 6);
	assert_true(passes(&s, 1, 2, -1));
	assert_false(passes(&s, 1, 3, -1));
	s.all_multicast = true;
	assert_true(passes(&s, 1, 3, -1));
	s.no_multicast = true;
	assert_false(passes(&s, 1, 2, -1));
	s.unicast_count = 0;
	s.all_unicast = true;
	assert_true(passes(&s, 2, 3, -1));
	s.no_unicast = true;
	assert_false(passes(&s, 2, 1, -1));
	s.no_broadcast = true;
	assert_false(passes(&s, 255, 255, -1));
}

/* A packet that ends before its address is to nobody. */
static void test_short_frames(void **state)
{
	const struct vr_net_space space = { .mac = { 2, 0, 0, 0, 0, 1 } };
	uint8_t frame[14] = { 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x81, 0 };
	struct vr_net_settings s;

	(void)state;
	vr_net_settings_reset(&s, VR_NET_F_CTRL_VLAN, &space);
	s.promiscuous = false;
	for (uint32_t bytes = 1; bytes <= 14; bytes++) {
		struct vr_iovec piece = { frame, bytes };
		struct vr_net_packet packet = { .pieces = &piece, .piece_count = 1, .len = bytes };

		assert_int_equal(vr_net_settings_accept(&s, &packet), bytes >= 6);
	}
}

#define CSUM VR_NET_F_GUEST_CSUM
#define TSO4 VR_NET_F_GUEST_TSO4
#define TSO6 VR_NET_F_GUEST_TSO6

static void test_headers(void **state)
{
	static const struct {
		uint8_t flags;
		uint8_t type;
		uint16_t size;
		uint64_t offloads;
		bool allowed;
		uint8_t left;
	} cases[] = {
		{ 0, 0, 0, 0, true, 0 },
		{ 0xfc, 0, 7, 0, true, 0 }, /* NET-DEV-009: unknown flags */
		{ 2, 0, 0, CSUM, true, 2 },
		{ 2, 0, 0, 0, true, 0 },
		{ 1, 0, 0, CSUM, true, 1 },
		{ 1, 0, 0, TSO4, false, 1 },
		{ 1, 1, 1448, CSUM | TSO4, true, 1 },
		{ 1, 1, 1448, CSUM | TSO6, false, 1 },
		{ 1, 1, 0, CSUM | TSO4, false, 1 }, /* segments of nothing */
		{ 0, 1, 1448, CSUM | TSO4, false, 0 }, /* NET-DRV-004: checksums to be made */
		{ 1, 4, 1448, CSUM | TSO6, true, 1 },
		{ 1, 0x81, 1448, CSUM | TSO4, false, 1 },
		{ 1, 0x81, 1448, CSUM | TSO4 | VR_NET_F_GUEST_ECN, true, 1 },
		{ 1, 0x84, 1448, CSUM | TSO6 | VR_NET_F_GUEST_ECN, true, 1 },
		{ 1, 0x80, 1448, CSUM | TSO4 | VR_NET_F_GUEST_ECN, false, 1 },
		{ 1, 0x83, 1448, CSUM | VR_NET_F_GUEST_UFO | VR_NET_F_GUEST_ECN, false, 1 },
		{ 1, 3, 1448, CSUM | VR_NET_F_GUEST_UFO, true, 1 },
		{ 1, 5, 1448, CSUM | VR_NET_F_GUEST_USO4, true, 1 },
		{ 1, 5, 1448, CSUM | VR_NET_F_GUEST_UFO, false, 1 },
		{ 1, 2, 1448, UINT64_MAX, false, 1 },
		{ 1, 0x7f, 1448, UINT64_MAX, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vr_net_header header = { .flags = cases[i].flags,
						.gso_type = cases[i].type,
						.gso_size = cases[i].size };

		if (vr_net_header_allow(&header, cases[i].offloads) != cases[i].allowed)
			fail_msg("header %zu", i);
		assert_int_equal(header.flags, cases[i].left);
	}
	assert_int_equal(vr_net_host_offloads(VR_NET_F_CSUM | VR_NET_F_HOST_TSO6 |
					      VR_NET_F_GUEST_UFO),
			 CSUM | TSO6);
	assert_int_equal(vr_net_host_offloads(UINT64_MAX), VR_NET_GUEST_OFFLOADS);
	assert_int_equal(vr_net_host_offloads(VR_NET_GUEST_OFFLOADS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space),	cmocka_unit_test(test_control_queue),
		cmocka_unit_test(test_filters), cmocka_unit_test(test_short_frames),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
