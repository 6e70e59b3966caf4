// SPDX-License-Identifier: BSD-3-Clause
/* Header sizes, slots, the generator and the sink. */
#include "net_pair.h"

static void test_header_bytes(void **state)
{
	(void)state;
	/* NET-LEG-001, NET-DRV-008 */
	assert_int_equal(vr_net_header_bytes(0), 10);
	assert_int_equal(vr_net_header_bytes(VR_NET_F_MRG_RXBUF), 12);
	assert_int_equal(vr_net_header_bytes(VR_F_VERSION_1), 12);
	assert_int_equal(vr_net_header_bytes(VR_F_VERSION_1 | VR_NET_F_HASH_REPORT), 20);
	assert_int_equal(vr_net_header_bytes(VR_F_VERSION_1 | VR_NET_F_HOST_UDP_TUNNEL_GSO), 24);
	assert_int_equal(vr_net_header_bytes(VR_F_VERSION_1 | VR_NET_F_GUEST_UDP_TUNNEL_GSO |
					     VR_NET_F_HASH_REPORT),
			 24);
}

static void test_slot_bytes(void **state)
{
	(void)state;
	assert_int_equal(vr_net_slot_bytes(0), 0);
	assert_int_equal(vr_net_slot_bytes((1u << 30) + 1), 0);
	for (uint32_t packet = 1; packet < 10000; packet++) {
		uint32_t bytes = vr_net_slot_bytes(packet);

		assert_true(bytes >= packet + VR_NET_HEADROOM);
		assert_true(bytes < packet + VR_NET_HEADROOM + 128);
		assert_int_equal(bytes / 64 % 2, 1);
		assert_int_equal(bytes % 64, 0);
	}
}

static void test_fault_texts(void **state)
{
	(void)state;
	for (int fault = 0; fault < VR_NET_FAULT_COUNT; fault++)
		assert_string_not_equal(vr_net_fault_text((enum vr_net_fault)fault),
					"unknown fault");
	assert_string_equal(vr_net_fault_text(VR_NET_FAULT_COUNT), "unknown fault");
}

/* Takes one packet cut into pieces of @cut bytes; what the sink says of it. */
static const char *verdict(enum vr_net_pattern pattern, uint64_t expected, const uint8_t *bytes,
			   uint32_t len, uint32_t cut)
{
	struct vr_net_sink sink = {
		.pattern = pattern,
		.length = len,
		.interval = 1,
		.packets = expected,
		.next = expected,
	};
	struct vr_iovec pieces[2000];
	struct vr_net_packet packet = { .pieces = pieces, .len = len };

	for (uint32_t at = 0; at < len; at += cut)
		pieces[packet.piece_count++] =
			(struct vr_iovec){ (uint8_t *)bytes + at, cut < len - at ? cut : len - at };
	vr_net_sink_take(&sink, &packet, 1);
	assert_int_equal(sink.checked, 1);
	assert_int_equal(sink.bad, sink.wrong ? 1 : 0);
	return sink.wrong;
}

static void test_every_byte_is_checked(void **state)
{
	uint8_t bytes[1514];

	(void)state;
	for (uint32_t length = 60; length < 75; length++) {
		struct vr_net_generator generator = { .sequence = 12345, .length = length };

		memset(bytes, 0, sizeof(bytes));
		vr_net_generate(&generator, bytes);
		assert_int_equal(generator.sequence, 12346);
		assert_int_equal(bytes[length], 0);
		for (uint32_t at = 0; at < length; at++) {
			bytes[at] ^= 0x10;
			assert_non_null(verdict(VR_NET_PATTERN_NUMBERED, 12345, bytes, length, 7));
			bytes[at] ^= 0x10;
		}
		assert_null(verdict(VR_NET_PATTERN_NUMBERED, 12345, bytes, length, 7));
		assert_null(verdict(VR_NET_PATTERN_NUMBERED, 12345, bytes, length, 1));
		assert_null(verdict(VR_NET_PATTERN_NUMBERED, 12345, bytes, length, length));
		assert_string_equal(verdict(VR_NET_PATTERN_NUMBERED, 12346, bytes, length, length),
				    "wrong number: lost or out of order");
	}
}

static void test_udp(void **state)
{
	/* As testpmd makes them. */
	uint8_t frame[64] = { 2,    0, 0,   0,	0, 0, 2, 0, 0,	0,  0, 1, 8,   0,
			      0x45, 0, 0,   50, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18,
			      0,    1, 198, 18, 0, 2, 0, 9, 0,	9,  0, 30 };

	(void)state;
	assert_null(verdict(VR_NET_PATTERN_UDP, 0, frame, 64, 64));
	assert_null(verdict(VR_NET_PATTERN_UDP, 7, frame, 64, 5));
	frame[39]++;
	assert_string_equal(verdict(VR_NET_PATTERN_UDP, 0, frame, 64, 64), "wrong UDP length");
	frame[23] = 6;
	assert_string_equal(verdict(VR_NET_PATTERN_UDP, 0, frame, 64, 64), "not UDP");
	frame[17]++;
	assert_string_equal(verdict(VR_NET_PATTERN_UDP, 0, frame, 64, 64), "wrong IPv4 length");
	frame[14] = 0x46;
	assert_string_equal(verdict(VR_NET_PATTERN_UDP, 0, frame, 64, 64),
			    "not IPv4 without options");
	assert_string_equal(verdict(VR_NET_PATTERN_UDP, 0, frame, 41, 41),
			    "shorter than a UDP header");
}

/* The wrong length is noticed, the interval kept, the copy made. */
static void test_sink(void **state)
{
	struct vr_net_generator generator = { .length = 80 };
	struct vr_net_packet packets[10];
	struct vr_iovec pieces[10];
	uint8_t bytes[10][80];
	uint8_t copy[80];
	struct vr_net_sink sink = {
		.length = 80,
		.interval = 4,
		.copy = copy,
		.copy_bytes = sizeof(copy),
	};

	(void)state;
	for (int i = 0; i < 10; i++) {
		vr_net_generate(&generator, bytes[i]);
		pieces[i] = (struct vr_iovec){ bytes[i], 80 };
		packets[i] = (struct vr_net_packet){ &pieces[i], 1, 80, { 0 } };
	}
	vr_net_sink_take(&sink, packets, 10);
	assert_int_equal(sink.packets, 10);
	assert_int_equal(sink.bytes, 800);
	assert_int_equal(sink.checked, 3); /* 0, 4, 8 */
	assert_int_equal(sink.bad, 0);
	assert_memory_equal(copy, bytes[9], 80);
	packets[2].len = 79;
	vr_net_sink_take(&sink, packets, 10);
	assert_string_equal(sink.wrong, "wrong length");
}

static void test_number(void **state)
{
	struct vr_net_generator generator = { .sequence = 0x123456789abcdef0, .length = 60 };
	uint8_t bytes[60];
	struct vr_iovec pieces[2] = { { bytes, 17 }, { bytes + 17, 43 } };
	struct vr_net_packet packet = { .pieces = pieces, .piece_count = 2, .len = 60 };
	uint64_t number = 0;

	(void)state;
	vr_net_generate(&generator, bytes);
	assert_true(vr_net_number(&packet, &number));
	assert_true(number == 0x123456789abcdef0);
	bytes[13] ^= 1;
	assert_false(vr_net_number(&packet, &number));
	bytes[13] ^= 1;
	pieces[1].len = 6;
	assert_false(vr_net_number(&packet, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_bytes), cmocka_unit_test(test_slot_bytes),
		cmocka_unit_test(test_fault_texts),  cmocka_unit_test(test_every_byte_is_checked),
		cmocka_unit_test(test_udp),	     cmocka_unit_test(test_sink),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
