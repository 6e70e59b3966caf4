// SPDX-License-Identifier: BSD-3-Clause
/* The control queue: commands that are right, and all the ways in which they can be wrong. */
#include <virtring/net_control.h>

#include "net_pair.h"

#define FEATURES \
	(VR_NET_F_CTRL_VQ | VR_NET_F_CTRL_RX | VR_NET_F_CTRL_RX_EXTRA | VR_NET_F_CTRL_VLAN | \
	 VR_NET_F_CTRL_MAC_ADDR | VR_NET_F_MQ | VR_NET_F_STATUS | VR_NET_F_GUEST_ANNOUNCE | \
	 VR_NET_F_CTRL_GUEST_OFFLOADS | VR_NET_F_GUEST_CSUM | VR_NET_F_GUEST_TSO4)

#define PAIRS 4u

struct control {
	struct pair pair;
	struct vr_net_space space;
	struct vr_net_control_driver *driver;
	struct vr_net_control_device *device;
	const struct vr_net_settings *settings;
	int refuse; /* what apply answers */
	unsigned int applied;
};

static int apply(void *context, const struct vr_net_settings *next)
{
	struct control *c = context;

	assert_non_null(next);
	c->applied++;
	return c->refuse;
}

static void control_open(struct control *c, uint64_t features)
{
	struct vr_net_control_driver_config driver = {
		.struct_size = sizeof(driver),
		.features = features,
		.max_pairs = PAIRS,
	};
	struct vr_net_control_device_config device = {
		.struct_size = sizeof(device),
		.features = features,
		.space = &c->space,
		.apply = apply,
		.context = c,
	};
	size_t bytes;

	memset(c, 0, sizeof(*c));
	pair_open(&c->pair, features);
	c->space = (struct vr_net_space){ .mac = { 2, 0, 0, 0, 0, 1 }, .max_pairs = PAIRS };
	driver.queue = c->pair.driver;
	driver.memory.host = pair_alloc(&c->pair, VR_NET_CONTROL_BYTES);
	driver.memory.addr = pair_addr(&c->pair, driver.memory.host);
	bytes = vr_net_control_driver_size();
	c->pair.net_state[0] = pair_state(bytes);
	assert_int_equal(
		vr_net_control_driver_init(c->pair.net_state[0], bytes, &driver, &c->driver), 0);
	device.queue = c->pair.device;
	bytes = vr_net_control_device_size();
	c->pair.net_state[1] = pair_state(bytes);
	assert_int_equal(
		vr_net_control_device_init(c->pair.net_state[1], bytes, &device, &c->device), 0);
	c->settings = vr_net_control_device_settings(c->device);
}

#define EACH_FORM(c, features) \
	for (size_t form = 0; \
	     form < PAIR_FORMS && (control_open((c), pair_forms[form] | (features)), 1); \
	     pair_close(&(c)->pair), form++)

/* The device does what there is; how the driver's command came out. */
static int outcome(struct control *c)
{
	assert_int_equal(vr_net_control_driver_result(c->driver), 0);
	assert_int_equal(vr_net_control_device_run(c->device, 8), 1);
	assert_int_equal(vr_device_publish(c->pair.device, NULL), 1);
	return vr_net_control_driver_result(c->driver);
}

#define done(c, call) \
	do { \
		assert_int_equal(call, 0); \
		assert_int_equal(outcome(c), 1); \
	} while (0)

static void test_commands(void **state)
{
	static const uint8_t mac[6] = { 2, 3, 4, 5, 6, 7 };
	static const uint8_t unicast[2][6] = { { 2, 1 }, { 2, 2 } };
	static const uint8_t multicast[3][6] = { { 1, 1 }, { 1, 2 }, { 1, 3 } };
	struct control c;

	(void)state;
	EACH_FORM(&c, FEATURES)
	{
		const struct vr_net_settings *s = c.settings;

		assert_int_equal(s->pairs, 1);
		assert_true(s->promiscuous);
		assert_true(s->filter_vlans);
		assert_int_equal(s->offloads, VR_NET_F_GUEST_CSUM | VR_NET_F_GUEST_TSO4);
		assert_memory_equal(s->mac, c.space.mac, 6);
		done(&c, vr_net_control_driver_pairs(c.driver, PAIRS));
		assert_int_equal(s->pairs, PAIRS);
		done(&c, vr_net_control_driver_mac(c.driver, mac));
		assert_memory_equal(s->mac, mac, 6);
		done(&c, vr_net_control_driver_rx_mode(c.driver, VR_NET_CTRL_RX_PROMISC, false));
		assert_false(s->promiscuous);
		done(&c, vr_net_control_driver_rx_mode(c.driver, VR_NET_CTRL_RX_ALLMULTI, true));
		assert_true(s->all_multicast);
		done(&c, vr_net_control_driver_rx_mode(c.driver, VR_NET_CTRL_RX_ALLUNI, true));
		assert_true(s->all_unicast);
		done(&c, vr_net_control_driver_rx_mode(c.driver, VR_NET_CTRL_RX_NOMULTI, true));
		assert_true(s->no_multicast);
		done(&c, vr_net_control_driver_rx_mode(c.driver, VR_NET_CTRL_RX_NOUNI, true));
		assert_true(s->no_unicast);
		done(&c, vr_net_control_driver_rx_mode(c.driver, VR_NET_CTRL_RX_NOBCAST, true));
		assert_true(s->no_broadcast);
		done(&c, vr_net_control_driver_mac_table(c.driver, unicast[0], 2, multicast[0], 3));
		assert_int_equal(s->unicast_count, 2);
		assert_int_equal(s->multicast_count, 3);
		assert_memory_equal(s->unicast, unicast, sizeof(unicast));
		assert_memory_equal(s->multicast, multicast, sizeof(multicast));
		done(&c, vr_net_control_driver_mac_table(c.driver, NULL, 0, NULL, 0));
		assert_int_equal(s->unicast_count + s->multicast_count, 0);
		done(&c, vr_net_control_driver_vlan(c.driver, 4095, true));
		assert_int_equal(s->vlans[127], 1u << 31);
		done(&c, vr_net_control_driver_vlan(c.driver, 4095, false));
		assert_int_equal(s->vlans[127], 0);
		done(&c, vr_net_control_driver_offloads(c.driver, VR_NET_F_GUEST_CSUM));
		assert_int_equal(s->offloads, VR_NET_F_GUEST_CSUM);
		assert_true(vr_net_control_device_announce(c.device));
		assert_true(s->announce);
		done(&c, vr_net_control_driver_announced(c.driver));
		assert_false(s->announce);
		assert_int_equal(c.applied, 14);
	}
}

/* A full table, and one that is larger than what is kept. */
static void test_tables(void **state)
{
	static uint8_t macs[VR_NET_TABLE_MAX][6];
	struct control c;

	(void)state;
	for (unsigned int i = 0; i < VR_NET_TABLE_MAX; i++)
		macs[i][5] = (uint8_t)i;
	EACH_FORM(&c, FEATURES)
	{
		done(&c, vr_net_control_driver_mac_table(c.driver, macs[0], VR_NET_TABLE_MAX,
							 macs[0], VR_NET_TABLE_MAX));
		assert_int_equal(c.settings->unicast_count, VR_NET_TABLE_MAX);
		assert_memory_equal(c.settings->multicast, macs, sizeof(macs));
		assert_int_equal(vr_net_control_driver_mac_table(c.driver, macs[0],
								 VR_NET_TABLE_MAX + 1, NULL, 0),
				 VR_E_INVAL);
	}
}

/* What was not negotiated is refused by the driver's half before the device hears of it. */
static void test_driver_refuses(void **state)
{
	static const uint8_t mac[6] = { 2 };
	struct control c;

	(void)state;
	EACH_FORM(&c, VR_NET_F_CTRL_VQ)
	{
		struct vr_net_control_driver *d = c.driver;

		assert_int_equal(vr_net_control_driver_result(d), VR_E_STATE);
		assert_int_equal(vr_net_control_driver_pairs(d, 1), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_mac(d, mac), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_mac_table(d, NULL, 0, NULL, 0), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_rx_mode(d, 0, true), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_rx_mode(d, 5, true), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_vlan(d, 1, true), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_announced(d), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_offloads(d, 0), VR_E_INVAL);
		assert_false(vr_net_control_device_announce(c.device));
		assert_int_equal(vr_driver_outstanding(c.pair.driver), 0);
	}
	EACH_FORM(&c, FEATURES)
	{
		struct vr_net_control_driver *d = c.driver;

		assert_int_equal(vr_net_control_driver_pairs(d, 0), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_pairs(d, PAIRS + 1), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_vlan(d, 4096, true), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_rx_mode(d, 6, true), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_offloads(d, VR_NET_F_GUEST_UFO), VR_E_INVAL);
		assert_int_equal(vr_net_control_driver_pairs(d, 2), 0);
		assert_int_equal(vr_net_control_driver_pairs(d, 2), VR_E_BUSY);
	}
}

/* The owner of the device has the last word. */
static void test_apply_refuses(void **state)
{
	struct vr_net_control_stats stats;
	struct control c;

	(void)state;
	EACH_FORM(&c, FEATURES)
	{
		c.refuse = -1;
		assert_int_equal(vr_net_control_driver_pairs(c.driver, 2), 0);
		assert_int_equal(outcome(&c), VR_E_INVAL);
		assert_int_equal(c.settings->pairs, 1);
		vr_net_control_device_stats(c.device, &stats);
		assert_int_equal(stats.refused, 1);
		assert_int_equal(stats.commands, 0);
	}
}

/* The answer to bytes that are a command or not; cut into segments of @cut. */
static uint8_t answer_to(struct control *c, const uint8_t *bytes, uint32_t count, uint32_t cut)
{
	struct vr_segment segments[PAIR_SIZE];
	uint32_t given = c->pair.given;
	uint8_t *memory = pair_alloc(&c->pair, 1024);
	struct vr_used used;
	uint16_t n = 0;
	uint8_t ack;

	memcpy(memory, bytes, count);
	memory[1023] = 0xee;
	for (uint32_t at = 0; at < count; at += cut)
		segments[n++] = (struct vr_segment){ .addr = pair_addr(&c->pair, memory + at),
						     .len = cut < count - at ? cut : count - at };
	segments[n].addr = pair_addr(&c->pair, memory + 1023);
	segments[n].len = 1;
	pair_add(&c->pair, segments, n, 1);
	assert_int_equal(vr_net_control_device_run(c->device, 8), 1);
	assert_int_equal(vr_device_publish(c->pair.device, NULL), 1);
	assert_int_equal(vr_driver_get(c->pair.driver, &used, 1), 1);
	assert_int_equal(used.len, 1);
	ack = memory[1023];
	c->pair.given = given;
	return ack;
}

/* Each command, too short, too long, and with values that make no sense. */
static void test_malformed(void **state)
{
	static const struct {
		uint8_t bytes[24];
		uint32_t count;
	} bad[] = {
		{ { 0 }, 1 }, /* not even a header */
		{ { 0, 0 }, 2 }, /* rx mode: no value */
		{ { 0, 0, 2 }, 3 }, /* neither on nor off */
		{ { 0, 0, 1, 0 }, 4 },
		{ { 0, 6, 1 }, 3 }, /* no such mode */
		{ { 0, 255, 1 }, 3 },
		{ { 1, 0 }, 2 }, /* table: no count */
		{ { 1, 0, 0, 0, 0 }, 5 },
		{ { 1, 0, 0, 0, 0, 0 }, 6 }, /* no second table */
		{ { 1, 0, 1, 0, 0, 0, 2, 2, 2, 2, 2, 2 }, 12 },
		{ { 1, 0, 1, 0, 0, 0, 0, 0, 0, 0 }, 10 }, /* an address is missing */
		{ { 1, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0 }, 10 },
		{ { 1, 0, 0, 0, 0, 0, 0xab, 0xaa, 0xaa, 0x2a }, 10 }, /* 6 times it wraps */
		{ { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 11 }, /* one byte too much */
		{ { 1, 1, 2, 2, 2, 2, 2 }, 7 },
		{ { 1, 1, 2, 2, 2, 2, 2, 2, 2 }, 9 },
		{ { 1, 1, 3, 2, 2, 2, 2, 2 }, 8 }, /* a multicast address of its own */
		{ { 1, 2, 2, 2, 2, 2, 2, 2 }, 8 },
		{ { 2, 0, 1 }, 3 },
		{ { 2, 0, 0, 0x10 }, 4 }, /* VLAN 4096 */
		{ { 2, 0, 0xff, 0xff }, 4 },
		{ { 2, 2, 1, 0 }, 4 },
		{ { 3, 0 }, 2 }, /* nothing was announced */
		{ { 3, 1 }, 2 },
		{ { 4, 0, 1 }, 3 },
		{ { 4, 0, 0, 0 }, 4 }, /* no pair */
		{ { 4, 0, PAIRS + 1, 0 }, 4 },
		{ { 4, 0, 1, 0x80 }, 4 },
		{ { 4, 0, 1, 0, 0 }, 5 },
		{ { 4, 1, 1, 0 }, 4 }, /* RSS was not negotiated */
		{ { 5, 0, 2, 0, 0, 0, 0, 0, 0 }, 9 },
		{ { 5, 0, 2, 1, 0, 0, 0, 0, 0, 0 }, 10 }, /* TSO6 was not negotiated */
		{ { 5, 0, 0, 0, 0, 0, 0, 0, 0, 0x80 }, 10 },
		{ { 5, 1, 2, 0, 0, 0, 0, 0, 0, 0 }, 10 },
		{ { 6, 0, 1, 0 }, 4 }, /* no such class */
		{ { 255, 255 }, 2 },
	};
	struct control c;

	(void)state;
	EACH_FORM(&c, FEATURES)
	{
		struct vr_net_settings before = *c.settings;
		struct vr_net_control_stats stats;

		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			for (uint32_t cut = 2; cut <= 24; cut += 22)
				if (answer_to(&c, bad[i].bytes, bad[i].count, cut) != VR_NET_ERR)
					fail_msg("command %zu was carried out", i);
		assert_memory_equal(&before, c.settings, sizeof(before));
		assert_int_equal(c.applied, 0);
		vr_net_control_device_stats(c.device, &stats);
		assert_int_equal(stats.refused, 2 * sizeof(bad) / sizeof(bad[0]));
	}
}

/* Bytes of a command may lie over any number of segments (2.7.4.2). */
static void test_scattered(void **state)
{
	static const uint8_t table[] = { 1, 0, 1, 0, 0, 0, 2, 7, 7, 7, 7, 7, 0, 0, 0, 0 };
	static const uint8_t pairs[] = { 4, 0, 3, 0 };
	struct control c;

	(void)state;
	EACH_FORM(&c, FEATURES)
	{
		assert_int_equal(answer_to(&c, table, sizeof(table), 2), VR_NET_OK);
		assert_int_equal(c.settings->unicast_count, 1);
		assert_int_equal(answer_to(&c, pairs, sizeof(pairs), 1), VR_NET_OK);
		assert_int_equal(c.settings->pairs, 3);
	}
}

/* More addresses than are kept: all of that kind pass, and the other table is read all the same. */
static void test_long_table(void **state)
{
	uint8_t bytes[2 + 4 + 65 * 6 + 4 + 6] = { 1, 0, 65 };
	struct control c;

	(void)state;
	bytes[2 + 4 + 65 * 6] = 1;
	bytes[2 + 4 + 65 * 6 + 4] = 0x33;
	EACH_FORM(&c, FEATURES)
	{
		assert_int_equal(answer_to(&c, bytes, sizeof(bytes), sizeof(bytes)), VR_NET_OK);
		assert_int_equal(c.settings->unicast_count, VR_NET_TABLE_MAX + 1);
		assert_int_equal(c.settings->multicast_count, 1);
		assert_int_equal(c.settings->multicast[0][0], 0x33);
	}
}

/* What was not negotiated gets an error, whatever it says. */
static void test_not_negotiated(void **state)
{
	static const struct {
		uint64_t without;
		uint8_t bytes[24];
		uint32_t count;
	} all[] = {
		{ VR_NET_F_CTRL_RX, { 0, 0, 1 }, 3 },
		{ VR_NET_F_CTRL_RX_EXTRA, { 0, 2, 1 }, 3 },
		{ VR_NET_F_CTRL_RX, { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10 },
		{ VR_NET_F_CTRL_MAC_ADDR, { 1, 1, 2, 2, 2, 2, 2, 2 }, 8 },
		{ VR_NET_F_CTRL_VLAN, { 2, 0, 1, 0 }, 4 },
		{ VR_NET_F_GUEST_ANNOUNCE, { 3, 0 }, 2 },
		{ VR_NET_F_MQ, { 4, 0, 1, 0 }, 4 },
		{ VR_NET_F_CTRL_GUEST_OFFLOADS, { 5, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 10 },
	};
	struct control c;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		control_open(&c, (VR_F_VERSION_1 | FEATURES) & ~all[i].without);
		(void)vr_net_control_device_announce(c.device);
		assert_int_equal(answer_to(&c, all[i].bytes, all[i].count, 24), VR_NET_ERR);
		pair_close(&c.pair);
		control_open(&c, VR_F_VERSION_1 | FEATURES);
		(void)vr_net_control_device_announce(c.device);
		assert_int_equal(answer_to(&c, all[i].bytes, all[i].count, 24), VR_NET_OK);
		pair_close(&c.pair);
	}
}

/* Without a byte for the answer nothing is done, and the buffer comes back. */
static void test_mute(void **state)
{
	struct vr_net_control_stats stats;
	struct control c;

	(void)state;
	EACH_FORM(&c, FEATURES)
	{
		static const uint8_t pairs[] = { 4, 0, 3, 0 };
		uint8_t *memory = pair_alloc(&c.pair, 4);
		struct vr_segment segment = { .addr = pair_addr(&c.pair, memory), .len = 4 };
		struct vr_used used;

		memcpy(memory, pairs, 4);
		pair_add(&c.pair, &segment, 1, 0);
		assert_int_equal(vr_net_control_device_run(c.device, 8), 1);
		assert_int_equal(vr_device_publish(c.pair.device, NULL), 1);
		assert_int_equal(vr_driver_get(c.pair.driver, &used, 1), 1);
		assert_int_equal(used.len, 0);
		assert_int_equal(c.settings->pairs, 1);
		vr_net_control_device_stats(c.device, &stats);
		assert_int_equal(stats.mute, 1);
		assert_int_equal(vr_net_control_device_run(c.device, 8), 0);
	}
}

/* A device that answers rubbish has not said that it was done. */
static void test_wrong_answers(void **state)
{
	struct control c;

	(void)state;
	EACH_FORM(&c, FEATURES)
	{
		struct vr_iovec pieces[4];
		struct vr_chain chain;

		for (unsigned int ack = 1; ack < 256; ack += 127) {
			assert_int_equal(vr_net_control_driver_pairs(c.driver, 2), 0);
			assert_int_equal(vr_device_pop(c.pair.device, &chain, 1, pieces, 4), 1);
			assert_int_equal(chain.readable_bytes, 4);
			*(uint8_t *)pieces[chain.readable].base = (uint8_t)ack;
			assert_int_equal(vr_device_complete(c.pair.device, chain.handle, 1), 0);
			assert_int_equal(vr_device_publish(c.pair.device, NULL), 1);
			assert_int_equal(vr_net_control_driver_result(c.driver), VR_E_INVAL);
		}
		vr_driver_break(c.pair.driver);
		assert_int_equal(vr_net_control_driver_pairs(c.driver, 2), VR_E_BROKEN);
	}
}

static void test_config(void **state)
{
	struct vr_net_control_driver_config driver = { .struct_size = sizeof(driver) };
	struct vr_net_control_device_config device = { .struct_size = sizeof(device) };
	struct vr_net_control_driver *d;
	struct vr_net_control_device *v;
	struct vr_net_space space = { .max_pairs = 1 };
	struct vr_net_settings settings;
	struct control c;
	void *memory = pair_state(65536);

	(void)state;
	control_open(&c, VR_F_VERSION_1 | FEATURES);
	assert_int_equal(vr_net_control_driver_init(memory, 65536, &driver, &d), VR_E_INVAL);
	driver.queue = c.pair.driver;
	driver.memory.host = c.pair.memory;
	assert_int_equal(vr_net_control_driver_init(memory, 65536, &driver, &d), VR_E_INVAL);
	driver.features = VR_NET_F_CTRL_VQ;
	assert_int_equal(vr_net_control_driver_init(memory, 8, &driver, &d), VR_E_INVAL);
	assert_int_equal(vr_net_control_driver_init(memory, 65536, &driver, &d), 0);
	assert_int_equal(vr_net_control_device_init(memory, 65536, &device, &v), VR_E_INVAL);
	device.queue = c.pair.device;
	assert_int_equal(vr_net_control_device_init(memory, 65536, &device, &v), VR_E_INVAL);
	device.space = &space;
	assert_int_equal(vr_net_control_device_init(memory, 64, &device, &v), VR_E_INVAL);
	assert_int_equal(vr_net_control_device_init(memory, 65536, &device, &v), 0);
	/* After a pause it goes on with what was set. */
	vr_net_settings_reset(&settings, 0, &space);
	settings.pairs = 7;
	device.settings = &settings;
	assert_int_equal(vr_net_control_device_init(memory, 65536, &device, &v), 0);
	assert_int_equal(vr_net_control_device_settings(v)->pairs, 7);
	pair_close(&c.pair);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),       cmocka_unit_test(test_tables),
		cmocka_unit_test(test_driver_refuses), cmocka_unit_test(test_apply_refuses),
		cmocka_unit_test(test_malformed),      cmocka_unit_test(test_scattered),
		cmocka_unit_test(test_long_table),     cmocka_unit_test(test_not_negotiated),
		cmocka_unit_test(test_mute),	       cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
