// SPDX-License-Identifier: BSD-3-Clause
/* Packets from driver to device: sent, taken, and what a hostile driver may try. */
#include "net_pair.h"

#define EACH_FORM(pair, extra) \
	for (size_t form = 0; \
	     form < PAIR_FORMS && (pair_open((pair), pair_forms[form] | (extra)), 1); \
	     pair_close(pair), form++)

static void send_numbered(struct vr_net_driver_tx *tx, struct vr_net_generator *generator,
			  unsigned int count)
{
	struct vr_net_slot slots[PAIR_SIZE];

	assert_int_equal(vr_net_driver_tx_reserve(tx, slots, count), (int)count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal((uintptr_t)slots[i].data % 64, 0);
		assert_true(slots[i].len >= generator->length);
		vr_net_generate(generator, slots[i].data);
		slots[i].len = generator->length;
	}
	assert_int_equal(vr_net_driver_tx_send(tx, slots, count), (int)count);
}

/* Many laps in bursts of changing size: every packet arrives, in order, byte for byte. */
static void through(struct pair *pair, uint32_t slots)
{
	struct vr_net_device_config config = pair_device_config(pair);
	struct vr_net_driver_tx *tx = pair_driver_tx(pair, slots, 200);
	struct vr_net_device_tx *device = pair_device_tx(pair, &config);
	struct vr_net_generator generator = { .length = 150 };
	struct vr_net_sink sink = { .length = 150, .interval = 1 };
	struct vr_net_packet packets[PAIR_SIZE];
	struct vr_net_stats stats;

	for (unsigned int i = 0; i < 500; i++) {
		unsigned int n = 1 + i % (slots < PAIR_SIZE ? slots : PAIR_SIZE);

		send_numbered(tx, &generator, n);
		assert_int_equal(vr_net_device_tx_burst(device, packets, PAIR_SIZE), (int)n);
		for (unsigned int j = 0; j < n; j++) {
			/* NET-DRV-002, -003, -004: the header asks for nothing. */
			assert_int_equal(packets[j].header.flags, 0);
			assert_int_equal(packets[j].header.gso_type, 0);
			assert_int_equal(packets[j].header.num_buffers, 0);
		}
		vr_net_sink_take(&sink, packets, n);
		assert_int_equal(vr_net_device_tx_release(device, NULL), (int)n);
	}
	assert_int_equal(sink.packets, generator.sequence);
	assert_int_equal(sink.checked, sink.packets);
	assert_int_equal(sink.bad, 0);
	vr_net_driver_tx_stats(tx, &stats);
	assert_int_equal(stats.packets, sink.packets);
	assert_int_equal(stats.bytes, sink.bytes);
	assert_true(vr_net_driver_tx_reap(tx) > 0);
	assert_int_equal(vr_driver_outstanding(pair->driver), 0);
}

static void test_through(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	through(&pair, PAIR_SIZE);
}

static void test_rotating_slots(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	through(&pair, 3 * PAIR_SIZE + 1);
}

static void test_fewer_slots_than_descriptors(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	through(&pair, 5);
}

/* In order, a descriptor meets the same slot on every lap (NET: slots that keep their buffers). */
static void test_slots_keep_descriptors(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_driver_tx *tx = pair_driver_tx(&pair, PAIR_SIZE, 64);
		struct vr_net_device_tx *device = pair_device_tx(&pair, &config);
		struct vr_net_packet packets[PAIR_SIZE];
		struct vr_net_slot slots[PAIR_SIZE];
		uint32_t first[PAIR_SIZE];

		if (!(pair.features & VR_F_IN_ORDER))
			continue;
		for (unsigned int i = 0; i < 10 * PAIR_SIZE; i++) {
			assert_int_equal(vr_net_driver_tx_reserve(tx, slots, 1), 1);
			if (i < PAIR_SIZE)
				first[i] = slots[0].index;
			assert_int_equal(slots[0].index, first[i % PAIR_SIZE]);
			slots[0].len = 60;
			assert_int_equal(vr_net_driver_tx_send(tx, slots, 1), 1);
			assert_int_equal(vr_net_device_tx_burst(device, packets, 1), 1);
			assert_int_equal(vr_net_device_tx_release(device, NULL), 1);
		}
	}
}

/* Each slot comes once a lap, and neither neighbour of a slot is the next one. */
static void test_slots_are_spread(void **state)
{
	struct pair pair;

	(void)state;
	for (uint32_t count = 1; count <= PAIR_SIZE; count++) {
		struct vr_net_driver_tx *tx;
		struct vr_net_slot slots[PAIR_SIZE];
		bool seen[PAIR_SIZE] = { false };

		pair_open(&pair, pair_forms[0]);
		tx = pair_driver_tx(&pair, count, 64);
		assert_int_equal(vr_net_driver_tx_reserve(tx, slots, count), (int)count);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t before = slots[i ? i - 1 : count - 1].index;

			assert_false(seen[slots[i].index]);
			seen[slots[i].index] = true;
			if (count > 7)
				assert_true(abs((int)slots[i].index - (int)before) > 1);
		}
		pair_close(&pair);
	}
}

static void test_full(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_driver_tx *tx = pair_driver_tx(&pair, PAIR_SIZE + 4, 64);
		struct vr_net_generator generator = { .length = 60 };
		struct vr_net_slot slots[PAIR_SIZE];

		send_numbered(tx, &generator, PAIR_SIZE - 1);
		assert_int_equal(vr_net_driver_tx_reserve(tx, slots, 4), 1);
		vr_net_driver_tx_cancel(tx, slots, 1);
		send_numbered(tx, &generator, 1);
		assert_int_equal(vr_net_driver_tx_reserve(tx, slots, 1), 0);
		assert_int_equal(vr_net_driver_tx_reap(tx), 0);
	}
}

static void test_cancelled_slots_come_again(void **state)
{
	struct vr_net_driver_tx *tx;
	struct vr_net_slot first[4];
	struct vr_net_slot again[4];
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	tx = pair_driver_tx(&pair, PAIR_SIZE, 64);
	assert_int_equal(vr_net_driver_tx_reserve(tx, first, 4), 4);
	vr_net_driver_tx_cancel(tx, first, 4);
	assert_int_equal(vr_net_driver_tx_reserve(tx, again, 4), 4);
	assert_memory_equal(first, again, sizeof(first));
	pair_close(&pair);
}

static void test_lengths_are_judged(void **state)
{
	struct vr_net_driver_tx *tx;
	struct vr_net_slot slots[3];
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	tx = pair_driver_tx(&pair, PAIR_SIZE, 64);
	assert_int_equal(vr_net_driver_tx_reserve(tx, slots, 3), 3);
	slots[0].len = 60;
	slots[1].len += 1;
	assert_int_equal(vr_net_driver_tx_send(tx, slots, 3), 1);
	assert_int_equal(vr_net_driver_tx_send(tx, slots + 1, 2), VR_E_INVAL);
	slots[1].len = 0;
	assert_int_equal(vr_net_driver_tx_send(tx, slots + 1, 2), VR_E_INVAL);
	slots[1].len = 1;
	slots[1].index = PAIR_SIZE;
	assert_int_equal(vr_net_driver_tx_send(tx, slots + 1, 2), VR_E_INVAL);
	assert_int_equal(vr_driver_outstanding(pair.driver), 1);
	pair_close(&pair);
}

static void test_copy(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_driver_tx *tx = pair_driver_tx(&pair, PAIR_SIZE, 100);
		struct vr_net_device_tx *device = pair_device_tx(&pair, &config);
		char text[] = "abcdefg";
		struct vr_iovec pieces[] = { { text, 3 }, { text + 3, 4 } };
		struct vr_iovec long_piece = { pair.memory, 4000 };
		struct vr_net_packet in[] = {
			{ .pieces = pieces, .piece_count = 2, .len = 7 },
			{ .pieces = &long_piece, .piece_count = 1, .len = 4000 },
			{ .pieces = NULL, .piece_count = 0, .len = 0 },
		};
		struct vr_net_packet out[2];

		assert_int_equal(vr_net_driver_tx_copy(tx, in, 2), 1);
		assert_int_equal(vr_net_driver_tx_copy(tx, in + 1, 1), VR_E_TOO_LONG);
		assert_int_equal(vr_net_driver_tx_copy(tx, in + 2, 1), VR_E_TOO_LONG);
		assert_int_equal(vr_net_device_tx_burst(device, out, 2), 1);
		assert_int_equal(out[0].len, 7);
		assert_int_equal(out[0].piece_count, 1);
		assert_memory_equal(out[0].pieces[0].base, "abcdefg", 7);
		for (unsigned int i = 0; i < PAIR_SIZE - 1; i++)
			assert_int_equal(vr_net_driver_tx_copy(tx, in, 1), 1);
		assert_int_equal(vr_net_driver_tx_copy(tx, in, 1), 0);
	}
}

/* A burst has to be released before the next one. */
static void test_release_is_demanded(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_driver_tx *tx = pair_driver_tx(&pair, PAIR_SIZE, 64);
		struct vr_net_device_tx *device = pair_device_tx(&pair, &config);
		struct vr_net_generator generator = { .length = 64 };
		struct vr_net_packet packets[4];
		struct vr_stored stored;

		assert_int_equal(vr_net_device_tx_burst(device, packets, 4), 0);
		assert_int_equal(vr_net_device_tx_release(device, &stored), 0);
		assert_int_equal(stored.count, 0);
		send_numbered(tx, &generator, 6);
		assert_int_equal(vr_net_device_tx_burst(device, packets, 4), 4);
		assert_int_equal(vr_net_device_tx_burst(device, packets, 4), VR_E_STATE);
		assert_int_equal(vr_net_device_tx_release(device, &stored), 4);
		assert_true(stored.count > 0);
		assert_int_equal(vr_net_device_tx_burst(device, packets, 4), 2);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 2);
	}
}

/* 2.7.4.2: nothing may be assumed about where the header ends. */
static void test_header_over_segments(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_tx *device = pair_device_tx(&pair, &config);
		uint8_t *bytes = pair_alloc(&pair, 64);
		struct vr_segment segments[14];
		struct vr_net_packet packet;
		struct vr_used used;

		for (uint32_t i = 0; i < 14; i++) {
			bytes[2 * i] = (uint8_t)i;
			segments[i] = (struct vr_segment){ pair_addr(&pair, bytes + 2 * i), 1, 0 };
		}
		pair_add(&pair, segments, 14, 0);
		assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), 1);
		assert_int_equal(packet.len, 2);
		assert_int_equal(packet.piece_count, 2);
		assert_int_equal(*(uint8_t *)packet.pieces[0].base, 12);
		assert_int_equal(packet.header.flags, 0);
		assert_int_equal(packet.header.gso_type, 1);
		assert_int_equal(packet.header.hdr_len, 0x0302);
		assert_int_equal(packet.header.gso_size, 0x0504);
		assert_int_equal(packet.header.csum_start, 0x0706);
		assert_int_equal(packet.header.csum_offset, 0x0908);
		assert_int_equal(packet.header.num_buffers, 0x0b0a);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 1);

		assert_int_equal(vr_driver_get(pair.driver, &used, 1), 1);

		/* The header alone in a segment, and split in the middle. */
		segments[0].len = 12;
		pair_add(&pair, segments, 2, 0);
		segments[2].len = 5;
		segments[3].len = 9;
		pair_add(&pair, segments + 2, 2, 0);
		assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), 1);
		assert_int_equal(packet.len, 1);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 1);
		assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), 1);
		assert_int_equal(packet.len, 2);
		assert_int_equal(packet.piece_count, 1);
		assert_ptr_equal(packet.pieces[0].base, bytes + 6 + 7);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 1);
	}
}

/* Without VERSION_1 and MRG_RXBUF the header has ten bytes. */
static void test_header_of_ten(void **state)
{
	struct vr_net_device_config config;
	struct vr_net_device_tx *device;
	struct vr_net_driver_tx *tx;
	struct vr_net_generator generator = { .length = 64 };
	struct vr_net_packet packet;
	struct pair pair;

	(void)state;
	pair_open(&pair, 0);
	config = pair_device_config(&pair);
	tx = pair_driver_tx(&pair, PAIR_SIZE, 64);
	device = pair_device_tx(&pair, &config);
	send_numbered(tx, &generator, 1);
	assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), 1);
	assert_int_equal(packet.len, 64);
	assert_int_equal(packet.header.num_buffers, 1);
	pair_close(&pair);
}

/* Buffers without a packet are used and counted, and those around them get through. */
static void test_short_buffers_are_dropped(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_tx *device = pair_device_tx(&pair, &config);
		struct vr_segment segment = { PAIR_ADDR, 12, 0 };
		struct vr_net_packet packets[8];
		struct vr_net_stats stats;
		struct vr_used used[8];

		pair_add(&pair, &segment, 1, 0);
		segment.len = 1;
		pair_add(&pair, &segment, 1, 0);
		segment.len = 13;
		pair_add(&pair, &segment, 1, 0);
		pair_add(&pair, &segment, 0, 1); /* nothing to read at all */
		assert_int_equal(vr_net_device_tx_burst(device, packets, 8), 1);
		assert_int_equal(packets[0].len, 1);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 4);
		vr_net_device_tx_stats(device, &stats);
		assert_int_equal(stats.packets, 1);
		assert_int_equal(stats.dropped_short, 3);
		assert_int_equal(vr_driver_get(pair.driver, used, 8), 4);

		pair_add(&pair, &segment, 0, 1);
		assert_int_equal(vr_net_device_tx_burst(device, packets, 8), 0);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 1);
		assert_int_equal(vr_driver_get(pair.driver, used, 8), 1);
	}
}

static void test_long_packets_are_dropped(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_tx *device;
		struct vr_segment segment = { PAIR_ADDR, 12 + 101, 0 };
		struct vr_net_packet packets[2];
		struct vr_net_stats stats;

		config.max_packet = 100;
		device = pair_device_tx(&pair, &config);
		pair_add(&pair, &segment, 1, 0);
		segment.len--;
		pair_add(&pair, &segment, 1, 0);
		assert_int_equal(vr_net_device_tx_burst(device, packets, 2), 1);
		assert_int_equal(packets[0].len, 100);
		vr_net_device_tx_stats(device, &stats);
		assert_int_equal(stats.dropped_long, 1);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 2);
	}
}

/* A buffer of more segments than there is room for ends the queue, with the reason. */
static void test_too_many_segments(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_device_tx *device;
		struct vr_segment segments[5];
		struct vr_net_packet packet;
		struct vr_net_stats stats;

		config.burst = 4;
		config.segments = 4;
		device = pair_device_tx(&pair, &config);
		for (int i = 0; i < 5; i++)
			segments[i] = (struct vr_segment){ PAIR_ADDR, 8, 0 };
		pair_add(&pair, segments, 4, 0);
		assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), 1);
		assert_int_equal(vr_net_device_tx_release(device, NULL), 1);
		pair_add(&pair, segments, 5, 0);
		assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), VR_E_BROKEN);
		vr_net_device_tx_stats(device, &stats);
		assert_int_equal(stats.fault, VR_NET_FAULT_SEGMENTS);
		assert_int_equal(vr_net_device_tx_burst(device, &packet, 1), VR_E_BROKEN);
	}
}

static void test_broken_queue_is_reported(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	{
		struct vr_net_driver_tx *tx = pair_driver_tx(&pair, PAIR_SIZE, 64);
		struct vr_net_slot slots[2];

		assert_int_equal(vr_net_driver_tx_reserve(tx, slots, 2), 2);
		slots[0].len = 60;
		vr_driver_break(pair.driver);
		assert_int_equal(vr_net_driver_tx_send(tx, slots, 1), VR_E_BROKEN);
		assert_int_equal(vr_net_driver_tx_reap(tx), VR_E_BROKEN);
	}
}

static void test_driver_config(void **state)
{
	struct vr_net_driver_config good;
	struct vr_net_driver_config bad;
	struct vr_net_driver_tx *tx;
	struct pair pair;
	void *memory;
	size_t bytes;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	good = pair_driver_config(&pair, PAIR_SIZE, 64);
	bytes = vr_net_driver_tx_size(&good);
	memory = pair_state(bytes);
	assert_int_equal(vr_net_driver_tx_init(memory, bytes - 1, &good, &tx), VR_E_INVAL);
	assert_int_equal(vr_net_driver_tx_init(NULL, bytes, &good, &tx), VR_E_INVAL);
	assert_int_equal(vr_net_driver_tx_init(memory, bytes, &good, NULL), VR_E_INVAL);
#define REFUSED(field, value) \
	do { \
		bad = good; \
		bad.field = (value); \
		assert_int_equal(vr_net_driver_tx_init(memory, bytes, &bad, &tx), VR_E_INVAL); \
	} while (0)
	REFUSED(struct_size, 8);
	REFUSED(queue, NULL);
	REFUSED(slots.count, 0);
	REFUSED(slots.count, 65536);
	REFUSED(slots.stride, 64);
	REFUSED(slots.stride, 191);
	REFUSED(slots.base, NULL);
	REFUSED(slots.base, (uint8_t *)good.slots.base + 4);
	REFUSED(slots.addr, UINT64_MAX - 100);
#undef REFUSED
	assert_int_equal(vr_net_driver_tx_init(memory, bytes, &good, &tx), 0);
	free(memory);
	pair_close(&pair);
}

static void test_device_config(void **state)
{
	struct vr_net_device_config good;
	struct vr_net_device_config bad;
	struct vr_net_device_tx *tx;
	struct pair pair;
	void *memory;
	size_t bytes;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	good = pair_device_config(&pair);
	bytes = vr_net_device_tx_size(&good);
	memory = pair_state(bytes);
	assert_int_equal(vr_net_device_tx_init(memory, bytes - 1, &good, &tx), VR_E_INVAL);
#define REFUSED(field, value) \
	do { \
		bad = good; \
		bad.field = (value); \
		assert_int_equal(vr_net_device_tx_init(memory, bytes, &bad, &tx), VR_E_INVAL); \
	} while (0)
	REFUSED(struct_size, 8);
	REFUSED(queue, NULL);
	REFUSED(burst, 1025);
	REFUSED(segments, 63);
	REFUSED(segments, (1u << 20) + 1);
#undef REFUSED
	free(memory);
	pair_close(&pair);
}

/* Of a burst with rubbish in between, some is done and the rest comes again. */
static void test_settle(void **state)
{
	struct pair pair;

	(void)state;
	EACH_FORM(&pair, 0)
	for (unsigned int done = 0; done <= 4; done++) {
		struct vr_net_device_config config = pair_device_config(&pair);
		struct vr_net_driver_tx *tx = pair_driver_tx(&pair, PAIR_SIZE, 200);
		struct vr_net_device_tx *device = pair_device_tx(&pair, &config);
		struct vr_net_generator generator = { .length = 100 };
		struct vr_net_sink sink = { .length = 100, .interval = 1 };
		struct vr_segment segment = { .addr = PAIR_ADDR, .len = 5 };
		struct vr_net_packet packets[PAIR_SIZE];
		struct vr_net_stats stats;
		uint32_t base;

		send_numbered(tx, &generator, 2);
		pair_add(&pair, &segment, 1, 0);
		send_numbered(tx, &generator, 2);
		assert_int_equal(vr_net_device_tx_burst(device, packets, PAIR_SIZE), 4);
		vr_net_sink_take(&sink, packets, done);
		/* The buffer without a packet goes with those before it. */
		assert_int_equal(vr_net_device_tx_settle(device, done, NULL),
				 (int)(done < 2 ? done : done + 1));
		vr_net_device_tx_stats(device, &stats);
		assert_int_equal(stats.packets, done);
		assert_int_equal(stats.bytes, done * 100);
		assert_int_equal(stats.dropped_short, done < 2 ? 0 : 1);
		assert_int_equal(vr_device_save(pair.device, false, &base), 0);
		assert_int_equal(vr_net_device_tx_burst(device, packets, PAIR_SIZE),
				 (int)(4 - done));
		vr_net_sink_take(&sink, packets, 4 - done);
		assert_int_equal(sink.packets, 4);
		assert_int_equal(sink.bad, 0);
		assert_true(vr_net_device_tx_settle(device, 4, NULL) >= 0);
		vr_net_device_tx_stats(device, &stats);
		assert_int_equal(stats.packets, 4);
		assert_int_equal(stats.dropped_short, 1);
		pair_close(&pair);
		pair_open(&pair, pair_forms[form]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_through),
		cmocka_unit_test(test_rotating_slots),
		cmocka_unit_test(test_fewer_slots_than_descriptors),
		cmocka_unit_test(test_slots_keep_descriptors),
		cmocka_unit_test(test_slots_are_spread),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_cancelled_slots_come_again),
		cmocka_unit_test(test_lengths_are_judged),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_release_is_demanded),
		cmocka_unit_test(test_header_over_segments),
		cmocka_unit_test(test_header_of_ten),
		cmocka_unit_test(test_short_buffers_are_dropped),
		cmocka_unit_test(test_long_packets_are_dropped),
		cmocka_unit_test(test_too_many_segments),
		cmocka_unit_test(test_broken_queue_is_reported),
		cmocka_unit_test(test_driver_config),
		cmocka_unit_test(test_device_config),
		cmocka_unit_test(test_settle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
