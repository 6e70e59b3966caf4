// SPDX-License-Identifier: BSD-3-Clause
/* What drivers did to other network cards. Each test says where; bugs.tsv has the whole list. */
#include <unistd.h>

#include <virtring/net_control.h>

#include "unit/net_pair.h"

#define HEADER 12u

/*
 * B11, DPDK CVE-2022-2132: a header over more than two descriptors, or a chain that is shorter than
 * the header. Each length up to two bytes of a packet, cut into pieces of each size.
 */
static void headers_in_pieces(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		for (uint32_t length = 1; length <= HEADER + 2; length++) {
			for (uint32_t piece = 1; piece <= length; piece++) {
				struct vr_segment segments[HEADER + 2];
				struct vr_net_device_config config;
				struct vr_net_device_tx *device;
				struct vr_net_packet packet;
				struct vr_used used;
				uint16_t count = 0;
				struct pair pair;
				uint8_t *bytes;
				int got;

				pair_open(&pair, pair_forms[form]);
				config = pair_device_config(&pair);
				device = pair_device_tx(&pair, &config);
				bytes = pair_alloc(&pair, 64);
				memset(bytes, 0, 64);
				for (uint32_t at = 0; at < length; at += piece)
					segments[count++] = (struct vr_segment){
						pair_addr(&pair, bytes + at),
						length - at < piece ? length - at : piece, 0
					};
				pair_add(&pair, segments, count, 0);
				got = vr_net_device_tx_burst(device, &packet, 1);
				assert_int_equal(got, length > HEADER);
				if (got)
					assert_int_equal(packet.len, length - HEADER);
				assert_int_equal(vr_net_device_tx_release(device, NULL), 1);
				assert_int_equal(vr_driver_get(pair.driver, &used, 1), 1);
				pair_close(&pair);
			}
		}
	}
}

/*
 * B12, DPDK 285e6b8b18, CVE-2024-11614: offsets of the checksum that lie behind the packet were used
 * for a store. Ours are handed on as numbers; the packet is as it was.
 */
static void offsets_behind_the_packet(void **state)
{
	static const uint16_t offsets[] = { 0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff };

	(void)state;
	for (size_t i = 0; i < PAIR_FORMS * 49; i++) {
		const uint16_t start = offsets[i / PAIR_FORMS % 7], offset = offsets[i / 28];
		struct vr_net_device_config config;
		struct vr_net_device_tx *device;
		struct vr_net_packet packet;
		struct vr_segment segment;
		struct pair pair;
		uint8_t *bytes;

		pair_open(&pair, pair_forms[i % PAIR_FORMS]);
		config = pair_device_config(&pair);
		device = pair_device_tx(&pair, &config);
		bytes = pair_alloc(&pair, 14);
		memset(bytes, 0, 14);
		bytes[0] = VR_NET_HDR_NEEDS_CSUM;
		memcpy(bytes + 6, (uint8_t[]){ (uint8_t)start, (uint8_t)(start >> 8) }, 2);
		memcpy(bytes + 8, (uint8_t[]){ (uint8_t)offset, (uint8_t)(offset >> 8) }, 2);
		bytes[12] = 0x17;
		bytes[13] = 0x71;
		segment = (struct vr_segment){ pair_addr(&pair, bytes), 14, 0 };
		pair_add(&pair, &segment, 1, 0);
		assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), 1);
		assert_int_equal(packet.header.csum_start, start);
		assert_int_equal(packet.header.csum_offset, offset);
		assert_int_equal(packet.len, 2);
		assert_memory_equal(packet.pieces[0].base, ((uint8_t[]){ 0x17, 0x71 }), 2);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 1);
		pair_close(&pair);
	}
}

/*
 * B07, Linux CVE-2019-3900: vhost_net went on for as long as a driver sent what is no packet. A burst
 * looks at as many buffers as it may return packets, whatever they are.
 */
static void nothing_but_rubbish(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		const struct vr_segment segment = { PAIR_ADDR, 1, 0 };
		struct vr_net_device_config config;
		struct vr_net_device_tx *device;
		struct vr_net_packet packets[4];
		struct pair pair;
		struct vr_used used[PAIR_SIZE];

		pair_open(&pair, pair_forms[form]);
		config = pair_device_config(&pair);
		device = pair_device_tx(&pair, &config);
		for (unsigned int lap = 0; lap < 1000; lap++) {
			while (vr_driver_outstanding(pair.driver) < PAIR_SIZE)
				pair_add(&pair, &segment, 1, 0);
			assert_int_equal(vr_net_device_tx_burst(device, packets, 4), 0);
			assert_int_equal(vr_net_device_tx_release(device, NULL), 4);
			assert_int_equal(vr_driver_get(pair.driver, used, PAIR_SIZE), 4);
		}
		pair_close(&pair);
	}
}

static int take_it(void *context, const struct vr_net_settings *next)
{
	(void)context;
	(void)next;
	return 0;
}

/*
 * B13, DPDK 6ec1778134, 38e6400387: a command over a chain without bound, and an index of the control
 * queue that was not taken modulo its size. Many laps of commands over all descriptors.
 */
static void commands_over_the_whole_queue(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		const struct vr_net_space space = { .max_pairs = 1 };
		struct vr_net_control_device_config config = {
			.struct_size = sizeof(config),
			.features = pair_forms[form] | VR_NET_F_CTRL_VQ | VR_NET_F_CTRL_RX,
			.space = &space,
			.apply = take_it,
		};
		struct vr_segment segments[PAIR_SIZE];
		struct vr_net_control_device *device;
		struct pair pair;
		uint8_t *bytes;
		size_t size;

		pair_open(&pair, pair_forms[form]);
		config.queue = pair.device;
		size = vr_net_control_device_size();
		pair.net_state[1] = pair_state(size);
		assert_int_equal(
			vr_net_control_device_init(pair.net_state[1], size, &config, &device), 0);
		bytes = pair_alloc(&pair, PAIR_SIZE);
		for (uint32_t lap = 0; lap < 0x10010; lap++) {
			struct vr_used used;

			/* Promiscuous mode on, then bytes too many; a byte for the answer. */
			memset(bytes, 0, PAIR_SIZE - 1);
			bytes[2] = 1;
			bytes[PAIR_SIZE - 1] = 0x77;
			for (uint32_t i = 0; i < PAIR_SIZE; i++)
				segments[i] =
					(struct vr_segment){ pair_addr(&pair, bytes + i), 1, 0 };
			pair_add(&pair, segments, PAIR_SIZE - 1, 1);
			assert_int_equal(vr_net_control_device_run(device, 8), 1);
			assert_int_equal(vr_device_publish(pair.device, NULL), 1);
			assert_int_equal(vr_driver_get(pair.driver, &used, 1), 1);
			assert_int_equal(bytes[PAIR_SIZE - 1], 1);
		}
		pair_close(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_in_pieces),
		cmocka_unit_test(offsets_behind_the_packet),
		cmocka_unit_test(nothing_but_rubbish),
		cmocka_unit_test(commands_over_the_whole_queue),
	};

	alarm(60); /* an endless loop fails, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
