/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver's and a device's half of one queue in one process, for the tests of the net room. */
#ifndef TEST_NET_PAIR_H
#define TEST_NET_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <virtring/net.h>

#define PAIR_SIZE 16u
#define PAIR_ADDR 0x70000000ull
#define PAIR_BYTES 262144u

/* The forms that each test goes through. */
static const uint64_t pair_forms[] = {
	VR_F_VERSION_1,
	VR_F_VERSION_1 | VR_F_IN_ORDER,
	VR_F_VERSION_1 | VR_F_RING_PACKED,
	VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER,
};

#define PAIR_FORMS (sizeof(pair_forms) / sizeof(pair_forms[0]))

struct pair {
	uint64_t features;
	uint8_t *memory;
	uint32_t given;
	struct vr_ring ring;
	struct vr_map_range range;
	struct vr_map map;
	void *driver_state;
	void *device_state;
	struct vr_driver *driver;
	struct vr_device *device;
	void *net_state[2];
};

/* A piece of the memory that both see. */
static inline void *pair_alloc(struct pair *pair, uint32_t bytes)
{
	uint8_t *piece = pair->memory + pair->given;

	pair->given += (bytes + 127) / 128 * 128;
	assert_true(pair->given <= PAIR_BYTES);
	return piece;
}

static inline uint64_t pair_addr(const struct pair *pair, const void *host)
{
	return PAIR_ADDR + (uint64_t)((const uint8_t *)host - pair->memory);
}

static inline struct vr_ring_area pair_area(struct pair *pair, enum vr_area area)
{
	struct vr_ring_area result;

	result.host = pair_alloc(pair, (uint32_t)vr_ring_bytes(pair->features, PAIR_SIZE, area));
	result.addr = pair_addr(pair, result.host);
	return result;
}

/* Private memory, exactly as large as it was asked for, so that a sanitizer sees the end. */
static inline void *pair_state(size_t bytes)
{
	void *state = NULL;

	assert_true(bytes > 0);
	assert_int_equal(posix_memalign(&state, 64, bytes), 0);
	return state;
}

static inline void pair_open(struct pair *pair, uint64_t features)
{
	struct vr_driver_config driver = { .struct_size = sizeof(driver), .features = features };
	struct vr_device_config device = { .struct_size = sizeof(device), .features = features };

	memset(pair, 0, sizeof(*pair));
	pair->features = features;
	pair->memory = pair_state(PAIR_BYTES);
	memset(pair->memory, 0xa5, PAIR_BYTES);
	pair->ring.descriptors = pair_area(pair, VR_AREA_DESCRIPTORS);
	pair->ring.driver = pair_area(pair, VR_AREA_DRIVER);
	pair->ring.device = pair_area(pair, VR_AREA_DEVICE);
	pair->range = (struct vr_map_range){
		.addr = PAIR_ADDR,
		.size = PAIR_BYTES,
		.base = (uintptr_t)pair->memory,
		.access = VR_ACCESS_READ | VR_ACCESS_WRITE,
	};
	pair->map = (struct vr_map){ .ranges = &pair->range, .count = 1 };
	driver.ring = pair->ring;
	driver.queue_size = PAIR_SIZE;
	device.ring = pair->ring;
	device.queue_size = PAIR_SIZE;
	device.map = &pair->map;
	pair->driver_state = pair_state(vr_driver_size(&driver));
	pair->device_state = pair_state(vr_device_size(&device));
	assert_int_equal(vr_driver_init(pair->driver_state, vr_driver_size(&driver), &driver,
					&pair->driver),
			 0);
	assert_int_equal(vr_device_init(pair->device_state, vr_device_size(&device), &device,
					&pair->device),
			 0);
}

static inline void pair_close(struct pair *pair)
{
	free(pair->net_state[0]);
	free(pair->net_state[1]);
	free(pair->driver_state);
	free(pair->device_state);
	free(pair->memory);
}

static inline struct vr_net_driver_config pair_driver_config(struct pair *pair, uint32_t count,
							     uint32_t packet)
{
	struct vr_net_driver_config config = {
		.struct_size = sizeof(config),
		.features = pair->features,
		.queue = pair->driver,
	};

	config.slots.count = count;
	config.slots.stride = vr_net_slot_bytes(packet);
	config.slots.base = pair_alloc(pair, count * config.slots.stride);
	config.slots.addr = pair_addr(pair, config.slots.base);
	return config;
}

static inline struct vr_net_driver_tx *pair_driver_tx(struct pair *pair, uint32_t count,
						      uint32_t packet)
{
	struct vr_net_driver_config config = pair_driver_config(pair, count, packet);
	struct vr_net_driver_tx *tx;
	size_t bytes = vr_net_driver_tx_size(&config);

	pair->net_state[0] = pair_state(bytes);
	assert_int_equal(vr_net_driver_tx_init(pair->net_state[0], bytes, &config, &tx), 0);
	return tx;
}

static inline struct vr_net_driver_rx *pair_driver_rx(struct pair *pair, uint32_t count,
						      uint32_t packet, uint32_t max_packet)
{
	struct vr_net_driver_config config = pair_driver_config(pair, count, packet);
	struct vr_net_driver_rx *rx;
	size_t bytes;

	config.max_packet = max_packet;
	bytes = vr_net_driver_rx_size(&config);
	pair->net_state[0] = pair_state(bytes);
	assert_int_equal(vr_net_driver_rx_init(pair->net_state[0], bytes, &config, &rx), 0);
	return rx;
}

static inline struct vr_net_device_config pair_device_config(struct pair *pair)
{
	return (struct vr_net_device_config){
		.struct_size = sizeof(struct vr_net_device_config),
		.features = pair->features,
		.queue = pair->device,
		.queue_size = PAIR_SIZE,
	};
}

static inline struct vr_net_device_tx *pair_device_tx(struct pair *pair,
						      const struct vr_net_device_config *config)
{
	struct vr_net_device_tx *tx;
	size_t bytes = vr_net_device_tx_size(config);

	pair->net_state[1] = pair_state(bytes);
	assert_int_equal(vr_net_device_tx_init(pair->net_state[1], bytes, config, &tx), 0);
	return tx;
}

static inline struct vr_net_device_rx *pair_device_rx(struct pair *pair,
						      const struct vr_net_device_config *config)
{
	struct vr_net_device_rx *rx;
	size_t bytes = vr_net_device_rx_size(config);

	pair->net_state[1] = pair_state(bytes);
	assert_int_equal(vr_net_device_rx_init(pair->net_state[1], bytes, config, &rx), 0);
	return rx;
}

/* Adds one buffer of the driver as it is, without the net room. */
static inline void pair_add(struct pair *pair, const struct vr_segment *segments, uint16_t readable,
			    uint16_t writable)
{
	struct vr_buffer buffer = {
		.segments = segments,
		.readable = readable,
		.writable = writable,
		.token = 77,
	};

	assert_int_equal(vr_driver_add(pair->driver, &buffer, 1), 1);
	assert_int_equal(vr_driver_publish(pair->driver), 1);
}

#endif
