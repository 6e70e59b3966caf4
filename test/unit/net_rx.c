// SPDX-License-Identifier: BSD-3-Clause
/* Packets from device to driver: delivered, received, and what a hostile device may try. */
#include "net_pair.h"

#define EACH_FORM(pair, extra) \
	for (size_t form = 0; \
	     form < PAIR_FORMS && (pair_open((pair), pair_forms[form] | (extra)), 1); \
	     pair_close(pair), form++)

static int deliver_numbered(struct vr_net_device_rx *device, struct vr_net_generator *generator)
{
	static uint8_t bytes[70000];
	struct vr_iovec pieces[3];
	struct vr_net_packet packet = { .pieces = pieces, .piece_count = 3 };
	uint32_t third = generator->length / 3;
	uint64_t number = generator->sequence;
	int done;

	/* In three pieces, as a packet that is passed on may be. */
	vr_net_generate(generator, bytes);
	pieces[0] = (struct vr_iovec){ bytes, third };
	pieces[1] = (struct vr_iovec){ bytes + third, third };
	pieces[2] = (struct vr_iovec){ bytes + 2 * third, generator->length - 2 * third };
	packet.len = generator->length;
	done = vr_net_device_rx_deliver(device, &packet, 1, NULL);
	if (done != 1)
		generator->sequence = number;
	return done;
}

/* Many laps: every packet arrives, in order, byte for byte. */
static void through(struct pair *pair, uint32_t slots, uint32_t slot, uint32_t length)
{
	struct vr_net_device_config config = pair_device_config(pair);
	struct vr_net_driver_rx *rx = pair_driver_rx(pair, slots, slot, 0);
	struct vr_net_device_rx *device = pair_device_rx(pair, &config);
	struct vr_net_generator generator = { .length = length };
	struct vr_net_sink sink = { .length = length, .interval = 1 };
	uint32_t room = vr_net_slot_bytes(slot) - VR_NET_HEADROOM + 12;
	uint32_t buffers = (length + 12 + room - 1) / room;
	struct vr_net_packet packets[PAIR_SIZE];
	struct vr_net_stats stats;

	assert_true(vr_net_driver_rx_fill(rx) > 0);
	for (unsigned int i = 0; i < 300; i++) {
		unsigned int sent = 0;
		int got;

		while (sent <= i % 4 && deliver_numbered(device, &generator) == 1)
			sent++;
		assert_true(sent > 0);
		got = vr_net_driver_rx_burst(rx, packets, PAIR_SIZE);
		assert_int_equal(got, (int)sent);
		for (int j = 0; j < got; j++) {
			assert_int_equal(packets[j].header.flags, 0); /* NET-DEV-007 */
			assert_int_equal(packets[j].header.gso_type, 0); /* NET-DEV-008 */
			assert_int_equal(packets[j].header.num_buffers, buffers); /* -001, -003 */
			assert_int_equal(packets[j].piece_count, buffers); /* NET-DRV-011 */
		}
		vr_net_sink_take(&sink, packets, (unsigned int)got);
		assert_true(vr_net_driver_rx_release(rx, (unsigned int)got) >= 0);
	}
	assert_int_equal(sink.bad, 0);
	assert_int_equal(sink.packets, generator.sequence);
	vr_net_driver_rx_stats(rx, &stats);
	assert_int_equal(stats.packets, sink.packets);
	assert_int_equal(stats.bytes, sink.bytes);
	vr_net_device_rx_stats(device, &stats);
	assert_int_equal(stats.packets, sink.packets);
}

static void test_through(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	through(&pair, PAIR_SIZE, 128, 100);
	EACH_FORM(&pair, 0)
	through(&pair, PAIR_SIZE + 9, 128, 128);
}

static void test_through_merged(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	through(&pair, PAIR_SIZE, 128, 100);
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	through(&pair, PAIR_SIZE, 128, 600);
	/* One that takes the whole queue, and one byte less than fits. */
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	through(&pair, PAIR_SIZE, 128, PAIR_SIZE * 140 - 12);
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	through(&pair, PAIR_SIZE, 128, PAIR_SIZE * 140 - 13);
}

/* NET-DEV-005, -006: all but the last are filled, and all become used together. */
static void test_merged_used_lengths(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_rx *device = pair_device_rx(&pair, &config);
		struct vr_net_generator generator = { .length = 200 };
		struct vr_segment segments[2] = { { PAIR_ADDR + 4096, 30, 0 },
						  { PAIR_ADDR + 8192, 70, 0 } };
		struct vr_used used[4];

		for (int i = 0; i < 3; i++) {
			pair_add(&pair, segments, 0, 2);
			segments[0].addr += 30;
			segments[1].addr += 70;
		}
		assert_int_equal(deliver_numbered(device, &generator), 1);
		assert_int_equal(vr_driver_get(pair.driver, used, 4), 3);
		assert_int_equal(used[0].len, 100);
		assert_int_equal(used[1].len, 100);
		assert_int_equal(used[2].len, 12);
		assert_int_equal(pair.memory[4096 + 10], 3);
	}
}

/* Not enough buffers for a packet now: none is used, and it comes through later. */
static void test_merged_waits(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_rx *device = pair_device_rx(&pair, &config);
		struct vr_net_generator generator = { .length = 200 };
		struct vr_segment segment = { PAIR_ADDR + 4096, 100, 0 };
		struct vr_used used[4];

		pair_add(&pair, &segment, 0, 1);
		pair_add(&pair, &segment, 0, 1);
		assert_int_equal(deliver_numbered(device, &generator), 0);
		assert_int_equal(vr_driver_get(pair.driver, used, 4), 0);
		pair_add(&pair, &segment, 0, 1);
		assert_int_equal(deliver_numbered(device, &generator), 1);
		assert_int_equal(vr_driver_get(pair.driver, used, 4), 3);
	}
}

/* A packet that no buffer can ever hold is dropped, and the next one comes through. */
static void test_too_large_is_dropped(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_driver_rx *rx = pair_driver_rx(&pair, PAIR_SIZE, 128, 0);
		struct vr_net_device_rx *device = pair_device_rx(&pair, &config);
		struct vr_net_generator generator = { .length = 129 };
		struct vr_net_packet packet;
		struct vr_net_stats stats;

		assert_int_equal(vr_net_driver_rx_fill(rx), PAIR_SIZE);
		assert_int_equal(deliver_numbered(device, &generator), 1);
		assert_int_equal(vr_net_driver_rx_burst(rx, &packet, 1), 0);
		generator.length = 128;
		assert_int_equal(deliver_numbered(device, &generator), 1);
		assert_int_equal(vr_net_driver_rx_burst(rx, &packet, 1), 1);
		vr_net_device_rx_stats(device, &stats);
		assert_int_equal(stats.dropped_long, 1);
		assert_int_equal(stats.packets, 1);
	}
}

static void test_merged_too_large_is_dropped(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_driver_rx *rx = pair_driver_rx(&pair, PAIR_SIZE, 128, 0);
		struct vr_net_device_rx *device;
		struct vr_net_generator generator = { .length = PAIR_SIZE * 140 - 11 };
		struct vr_net_stats stats;

		device = pair_device_rx(&pair, &config);
		assert_int_equal(vr_net_driver_rx_fill(rx), PAIR_SIZE);
		/* The whole queue is there, and it is not enough. */
		assert_int_equal(deliver_numbered(device, &generator), 1);
		vr_net_device_rx_stats(device, &stats);
		assert_int_equal(stats.dropped_long, 1);
		free(pair.net_state[1]);

		/* More buffers than the device takes for one packet. */
		vr_device_reset(pair.device);
		config.burst = 2;
		config.segments = 2;
		device = pair_device_rx(&pair, &config);
		generator.length = 280;
		assert_int_equal(deliver_numbered(device, &generator), 1);
		generator.length = 200;
		assert_int_equal(deliver_numbered(device, &generator), 1);
		vr_net_device_rx_stats(device, &stats);
		assert_int_equal(stats.dropped_long, 1);
		assert_int_equal(stats.packets, 1);
	}
}

static void test_empty_and_overlong_are_dropped(void **state)
{
	struct vr_net_packet packet = { .len = 0 };
	struct vr_net_generator generator = { .length = 64 };
	struct vr_net_device_config config;
	struct vr_net_device_rx *device;
	struct vr_net_stats stats;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	config = pair_device_config(&pair);
	config.max_packet = 63;
	device = pair_device_rx(&pair, &config);
	assert_int_equal(vr_net_device_rx_deliver(device, &packet, 1, NULL), 1);
	assert_int_equal(deliver_numbered(device, &generator), 1);
	vr_net_device_rx_stats(device, &stats);
	assert_int_equal(stats.dropped_long, 2);
	pair_close(&pair);
}

/* NET-DRV-007: a driver whose buffers do not take a header gets them back empty. */
static void test_small_buffers(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_rx *device = pair_device_rx(&pair, &config);
		struct vr_net_generator generator = { .length = 64 };
		struct vr_segment small = { PAIR_ADDR + 4096, 11, 0 };
		struct vr_segment good = { PAIR_ADDR + 8192, 76, 0 };
		struct vr_net_stats stats;
		struct vr_used used[4];

		pair_add(&pair, &small, 0, 1);
		pair_add(&pair, &small, 1, 0); /* nothing to write at all */
		assert_int_equal(deliver_numbered(device, &generator), 0);
		pair_add(&pair, &good, 0, 1);
		assert_int_equal(deliver_numbered(device, &generator), 1);
		vr_net_device_rx_stats(device, &stats);
		assert_int_equal(stats.small_buffers, 2);
		assert_int_equal(vr_driver_get(pair.driver, used, 4), 3);
		assert_int_equal(used[0].len, 0);
		assert_int_equal(used[1].len, 0);
		assert_int_equal(used[2].len, 76);
	}
}

/* A buffer may come in many segments, and the header may lie over them. */
static void test_header_over_segments(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_rx *device = pair_device_rx(&pair, &config);
		struct vr_net_generator generator = { .length = 60 };
		uint8_t *bytes = pair_alloc(&pair, 128);
		struct vr_segment segments[9];
		uint8_t expected[72] = { 0 };
		struct vr_used used;

		for (uint32_t i = 0; i < 9; i++)
			segments[i] = (struct vr_segment){ pair_addr(&pair, bytes + 8 * i), 8, 0 };
		pair_add(&pair, segments, 0, 9);
		assert_int_equal(deliver_numbered(device, &generator), 1);
		assert_int_equal(vr_driver_get(pair.driver, &used, 1), 1);
		assert_int_equal(used.len, 72);
		expected[10] = 1;
		generator.sequence = 0;
		vr_net_generate(&generator, expected + 12);
		assert_memory_equal(bytes, expected, 72);
	}
}

/* Buffers that are held in advance can be put back, and then taken again. */
static void test_settle(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_driver_rx *rx = pair_driver_rx(&pair, PAIR_SIZE, 128, 0);
		struct vr_net_device_rx *device = pair_device_rx(&pair, &config);
		struct vr_net_generator generator = { .length = 64 };
		struct vr_net_packet packets[2];
		uint32_t base;

		assert_int_equal(vr_net_driver_rx_fill(rx), PAIR_SIZE);
		assert_int_equal(deliver_numbered(device, &generator), 1);
		assert_int_equal(vr_device_save(pair.device, false, &base), VR_E_BUSY);
		assert_int_equal(vr_net_device_rx_settle(device), PAIR_SIZE - 1);
		assert_int_equal(vr_device_save(pair.device, false, &base), 0);
		assert_int_equal(deliver_numbered(device, &generator), 1);
		assert_int_equal(vr_net_driver_rx_burst(rx, packets, 2), 2);
	}
}

/* ---- what a device may lie about ---- */

/* A driver's half with all its buffers taken by a device that does as it pleases. */
struct liar {
	struct vr_net_driver_rx *rx;
	struct vr_chain chains[PAIR_SIZE];
	struct vr_iovec segments[PAIR_SIZE];
};

static void lie(struct pair *pair, struct liar *liar, uint32_t max_packet)
{
	liar->rx = pair_driver_rx(pair, PAIR_SIZE, 128, max_packet);
	assert_int_equal(vr_net_driver_rx_fill(liar->rx), PAIR_SIZE);
	assert_int_equal(vr_device_pop(pair->device, liar->chains, PAIR_SIZE, liar->segments,
				       PAIR_SIZE),
			 PAIR_SIZE);
}

static void use(struct pair *pair, struct liar *liar, int number, uint32_t len, uint16_t buffers)
{
	uint8_t *header = liar->chains[number].segments[0].base;

	memset(header, 0, 12);
	header[10] = (uint8_t)buffers;
	header[11] = (uint8_t)(buffers >> 8);
	assert_int_equal(vr_device_complete(pair->device, liar->chains[number].handle, len), 0);
}

static void test_used_length_without_packet(void **state)
{
	struct pair pair;

	(void)state;
	for (uint64_t extra = 0; extra <= VR_NET_F_MRG_RXBUF; extra += VR_NET_F_MRG_RXBUF) {
		EACH_FORM(&pair, extra)
		{
			struct vr_net_packet packets[8];
			struct vr_net_stats stats;
			struct liar liar;

			lie(&pair, &liar, 0);
			use(&pair, &liar, 0, 0, 1);
			use(&pair, &liar, 1, 11, 1);
			use(&pair, &liar, 2, 12, 1);
			use(&pair, &liar, 3, 13, 1);
			assert_int_equal(vr_device_publish(pair.device, NULL), 4);
			assert_int_equal(vr_net_driver_rx_burst(liar.rx, packets, 8), 1);
			assert_int_equal(packets[0].len, 1);
			vr_net_driver_rx_stats(liar.rx, &stats);
			assert_int_equal(stats.dropped_short, 3);
			/* Their slots are not lost. */
			assert_int_equal(vr_net_driver_rx_release(liar.rx, 1), 4);
		}
	}
}

static void test_no_buffers(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_packet packets[4];
		struct vr_net_stats stats;
		struct liar liar;

		lie(&pair, &liar, 0);
		use(&pair, &liar, 0, 76, 1);
		use(&pair, &liar, 1, 76, 0);
		use(&pair, &liar, 2, 76, 1);
		assert_int_equal(vr_device_publish(pair.device, NULL), 3);
		/* What came before the lie is handed out. */
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, packets, 4), 1);
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, packets, 4), VR_E_BROKEN);
		vr_net_driver_rx_stats(liar.rx, &stats);
		assert_int_equal(stats.fault, VR_NET_FAULT_NO_BUFFERS);
		assert_int_equal(vr_net_driver_rx_release(liar.rx, 1), VR_E_BROKEN);
	}
}

static void lying_count(uint16_t count, int used)
{
	struct pair pair;

	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_packet packets[PAIR_SIZE];
		struct vr_net_stats stats;
		struct liar liar;

		lie(&pair, &liar, 0);
		use(&pair, &liar, 0, 140, count);
		for (int i = 1; i < used; i++)
			use(&pair, &liar, i, 140, 1);
		assert_int_equal(vr_device_publish(pair.device, NULL), used);
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, packets, PAIR_SIZE), VR_E_BROKEN);
		vr_net_driver_rx_stats(liar.rx, &stats);
		assert_int_equal(stats.fault, VR_NET_FAULT_MISSING);
		assert_int_equal(stats.packets, 0);
	}
}

static void test_more_buffers_than_used(void **state)
{
	(void)state;
	lying_count(2, 1);
	lying_count(PAIR_SIZE, PAIR_SIZE - 1);
	lying_count(PAIR_SIZE + 1, PAIR_SIZE);
	lying_count(65535, PAIR_SIZE);
}

/* Without MRG_RXBUF the field means nothing. */
static void test_count_is_ignored_without_merging(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_packet packets[4];
		struct liar liar;

		lie(&pair, &liar, 0);
		use(&pair, &liar, 0, 76, 0);
		use(&pair, &liar, 1, 76, 9);
		assert_int_equal(vr_device_publish(pair.device, NULL), 2);
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, packets, 4), 2);
		assert_int_equal(packets[1].len, 64);
	}
}

/* A merged packet with empty continuations and one that is too long. */
static void test_odd_merged_packets(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_packet packets[8];
		struct vr_net_stats stats;
		struct liar liar;

		lie(&pair, &liar, 200);
		use(&pair, &liar, 0, 20, 3);
		use(&pair, &liar, 1, 0, 1);
		use(&pair, &liar, 2, 1, 1);
		use(&pair, &liar, 3, 140, 2);
		use(&pair, &liar, 4, 73, 1);
		use(&pair, &liar, 5, 140, 2);
		use(&pair, &liar, 6, 72, 1);
		assert_int_equal(vr_device_publish(pair.device, NULL), 7);
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, packets, 8), 2);
		assert_int_equal(packets[0].len, 9);
		assert_int_equal(packets[0].piece_count, 2);
		assert_int_equal(packets[1].len, 200);
		vr_net_driver_rx_stats(liar.rx, &stats);
		assert_int_equal(stats.dropped_long, 1);
		assert_int_equal(vr_net_driver_rx_release(liar.rx, 2), 7);
	}
}

/* A burst with less room than there are packets leaves the rest for the next one. */
static void test_small_bursts(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF)
	{
		struct vr_net_packet packet;
		struct liar liar;

		lie(&pair, &liar, 0);
		use(&pair, &liar, 0, 140, 2);
		use(&pair, &liar, 1, 20, 1);
		use(&pair, &liar, 2, 140, 3);
		use(&pair, &liar, 3, 140, 1);
		use(&pair, &liar, 4, 7, 1);
		assert_int_equal(vr_device_publish(pair.device, NULL), 5);
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, &packet, 1), 1);
		assert_int_equal(packet.len, 148);
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, &packet, 1), 1);
		assert_int_equal(packet.len, 275);
		assert_int_equal(vr_net_driver_rx_burst(liar.rx, &packet, 1), 0);
		/* Held longer than a burst, and released one by one. */
		assert_int_equal(vr_net_driver_rx_release(liar.rx, 1), 2);
		assert_int_equal(vr_net_driver_rx_release(liar.rx, 5), 3);
		assert_int_equal(vr_net_driver_rx_release(liar.rx, 1), 0);
	}
}

static void test_device_segments_fault(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_rx *device;
		struct vr_net_generator generator = { .length = 64 };
		struct vr_segment segments[3];
		struct vr_net_stats stats;

		config.burst = 2;
		config.segments = 2;
		device = pair_device_rx(&pair, &config);
		for (int i = 0; i < 3; i++)
			segments[i] = (struct vr_segment){ PAIR_ADDR + 4096, 64, 0 };
		pair_add(&pair, segments, 0, 3);
		assert_int_equal(deliver_numbered(device, &generator), VR_E_BROKEN);
		vr_net_device_rx_stats(device, &stats);
		assert_int_equal(stats.fault, VR_NET_FAULT_SEGMENTS);
	}
}

static void test_config(void **state)
{
	struct vr_net_driver_config driver;
	struct vr_net_device_config device;
	struct vr_net_driver_rx *rx;
	struct vr_net_device_rx *device_rx;
	struct pair pair;
	void *memory;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	driver = pair_driver_config(&pair, PAIR_SIZE, 64);
	device = pair_device_config(&pair);
	memory = pair_state(100000);
	assert_int_equal(vr_net_driver_rx_init(memory, vr_net_driver_rx_size(&driver) - 1, &driver,
					       &rx),
			 VR_E_INVAL);
	assert_int_equal(vr_net_device_rx_init(memory, vr_net_device_rx_size(&device) - 1, &device,
					       &device_rx),
			 VR_E_INVAL);
	driver.slots.stride = 100;
	assert_int_equal(vr_net_driver_rx_size(&driver), 0);
	device.flags = VR_NET_DEVICE_PASS_HEADERS << 1;
	assert_int_equal(vr_net_device_rx_size(&device), 0);
	device.flags = 0;
	device.burst = 5000;
	assert_int_equal(vr_net_device_rx_size(&device), 0);
	free(memory);
	pair_close(&pair);
}

/*
 * What stands where the header goes is never the header that the driver gets, be it looked at first
 * or not: here the buffers were used for something else meanwhile.
 */
static void test_header_over_rubbish(void **state)
{
	static const uint32_t flags[] = { 0, VR_NET_DEVICE_KEEP_HEADERS };
	static const uint64_t features[] = { 0, VR_F_VERSION_1 }; /* 10 and 12 bytes */

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct pair pair;
		struct vr_net_device_config config;
		struct vr_net_generator generator = { .length = 64 };
		struct vr_net_packet packets[2];
		struct vr_net_device_rx *device;
		struct vr_net_driver_rx *rx;
		uint32_t start;

		pair_open(&pair, features[i / 2]);
		config = pair_device_config(&pair);
		config.flags = flags[i % 2];
		start = pair.given;
		rx = pair_driver_rx(&pair, PAIR_SIZE, 64, 0);
		device = pair_device_rx(&pair, &config);
		for (unsigned int lap = 0; lap < 3 * PAIR_SIZE; lap++) {
			memset(pair.memory + start, (int)(lap % 3), pair.given - start);
			if (lap == 0)
				assert_true(vr_net_driver_rx_fill(rx) > 0);
			assert_int_equal(deliver_numbered(device, &generator), 1);
			assert_int_equal(vr_net_driver_rx_burst(rx, packets, 2), 1);
			assert_int_equal(packets[0].header.flags, 0);
			assert_int_equal(packets[0].header.gso_type, 0);
			assert_int_equal(packets[0].header.num_buffers, 1);
			assert_int_equal(vr_net_driver_rx_release(rx, 1), 1);
		}
		pair_close(&pair);
	}
}

/* With VR_NET_DEVICE_PASS_HEADERS: what the packets' headers say arrives, as far as it is wanted. */
static void pass_headers(struct pair *pair)
{
	struct vr_net_device_config config = pair_device_config(pair);
	struct vr_net_driver_rx *rx = pair_driver_rx(pair, PAIR_SIZE, 1526, 0);
	static uint8_t bytes[4000];
	struct vr_iovec piece = { bytes, sizeof(bytes) };
	struct vr_net_packet out = { .pieces = &piece, .piece_count = 1, .len = 4000 };
	struct vr_net_device_rx *device;
	struct vr_net_packet in;
	struct vr_net_stats stats;

	config.flags = VR_NET_DEVICE_PASS_HEADERS;
	config.max_packet = 1518;
	device = pair_device_rx(pair, &config);
	assert_true(vr_net_driver_rx_fill(rx) > 0);
	/* Too long as it is, but to be cut. */
	out.header = (struct vr_net_header){ .flags = 1 | 0x40,
					     .gso_type = VR_NET_GSO_TCPV4,
					     .hdr_len = 54,
					     .gso_size = 1448,
					     .csum_start = 34,
					     .csum_offset = 16,
					     .num_buffers = 77 };
	assert_int_equal(vr_net_device_rx_deliver(device, &out, 1, NULL), 1);
	assert_int_equal(vr_net_driver_rx_burst(rx, &in, 1), 1);
	assert_int_equal(in.header.flags, 1);
	assert_int_equal(in.header.gso_type, VR_NET_GSO_TCPV4);
	assert_int_equal(in.header.hdr_len, 54);
	assert_int_equal(in.header.gso_size, 1448);
	assert_int_equal(in.header.csum_start, 34);
	assert_int_equal(in.header.csum_offset, 16);
	assert_int_equal(in.header.num_buffers, 3);
	assert_int_equal(in.len, 4000);
	/* The driver does not want that any more. */
	vr_net_device_rx_offloads(device, VR_NET_F_GUEST_CSUM);
	assert_int_equal(vr_net_device_rx_deliver(device, &out, 1, NULL), 1);
	/* NET-DEV-011: above the MTU, and nobody will cut it. */
	out.header.gso_type = VR_NET_GSO_NONE;
	assert_int_equal(vr_net_device_rx_deliver(device, &out, 1, NULL), 1);
	assert_int_equal(vr_net_driver_rx_burst(rx, &in, 1), 0);
	vr_net_device_rx_stats(device, &stats);
	assert_int_equal(stats.packets, 1);
	assert_int_equal(stats.dropped_offload, 1);
	assert_int_equal(stats.dropped_long, 1);
	piece.len = out.len = 1518;
	assert_int_equal(vr_net_device_rx_deliver(device, &out, 1, NULL), 1);
	assert_int_equal(vr_net_driver_rx_burst(rx, &in, 1), 1);
	assert_int_equal(in.header.num_buffers, 1);
	assert_int_equal(in.len, 1518);
}

static void test_pass_headers(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, VR_NET_F_MRG_RXBUF | VR_NET_F_GUEST_CSUM | VR_NET_F_GUEST_TSO4)
	pass_headers(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_through),
		cmocka_unit_test(test_through_merged),
		cmocka_unit_test(test_merged_used_lengths),
		cmocka_unit_test(test_merged_waits),
		cmocka_unit_test(test_too_large_is_dropped),
		cmocka_unit_test(test_merged_too_large_is_dropped),
		cmocka_unit_test(test_empty_and_overlong_are_dropped),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_header_over_segments),
		cmocka_unit_test(test_header_over_rubbish),
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_used_length_without_packet),
		cmocka_unit_test(test_no_buffers),
		cmocka_unit_test(test_more_buffers_than_used),
		cmocka_unit_test(test_count_is_ignored_without_merging),
		cmocka_unit_test(test_odd_merged_packets),
		cmocka_unit_test(test_small_bursts),
		cmocka_unit_test(test_device_segments_fault),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_pass_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
