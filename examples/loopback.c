// SPDX-License-Identifier: BSD-3-Clause
/*
 * Both halves of one queue in one program, in each of the four forms: the driver sends a line, the
 * device reads it, the driver gets its buffer back. In real use the halves sit in two programs (or
 * a program and a machine) and share nothing but the memory.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/device.h>
#include <virtring/driver.h>

#define QUEUE_SIZE 8

/* What both sides see: three ring areas and one buffer. */
struct shared {
	_Alignas(64) unsigned char descriptors[16 * QUEUE_SIZE];
	_Alignas(64) unsigned char driver_area[256];
	_Alignas(64) unsigned char device_area[256];
	char text[64];
};

static struct shared shared;

/* Here a device address is simply the host's. */
static uint64_t address(const void *pointer)
{
	return (uintptr_t)pointer;
}

static struct vr_ring_area area(void *pointer)
{
	return (struct vr_ring_area){ .host = pointer, .addr = address(pointer) };
}

static struct vr_ring ring(void)
{
	return (struct vr_ring){
		.descriptors = area(shared.descriptors),
		.driver = area(shared.driver_area),
		.device = area(shared.device_area),
	};
}

/* The caller owns all memory: ask how much a half needs, hand it in. */
static struct vr_driver *make_driver(uint64_t features, void **state)
{
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = features,
		.ring = ring(),
		.queue_size = QUEUE_SIZE,
	};
	size_t size = (vr_driver_size(&config) + 63) & ~(size_t)63;
	struct vr_driver *driver;

	*state = aligned_alloc(64, size);
	if (!*state || vr_driver_init(*state, size, &config, &driver) != 0)
		return NULL;
	return driver;
}

static struct vr_device *make_device(uint64_t features, const struct vr_map *map, void **state)
{
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = features,
		.ring = ring(),
		.queue_size = QUEUE_SIZE,
		.map = map,
	};
	size_t size = (vr_device_size(&config) + 63) & ~(size_t)63;
	struct vr_device *device;

	*state = aligned_alloc(64, size);
	if (!*state || vr_device_init(*state, size, &config, &device) != 0)
		return NULL;
	return device;
}

static int send_line(struct vr_driver *driver, struct vr_device *device)
{
	struct vr_segment segment = { .addr = address(shared.text), .len = sizeof(shared.text) };
	struct vr_buffer buffer = { .segments = &segment, .readable = 1, .token = 42 };
	struct vr_iovec pieces[4];
	struct vr_chain chain;
	struct vr_used used;

	vr_driver_add(driver, &buffer, 1); /* stage: the device sees nothing yet */
	vr_driver_publish(driver); /* one release store makes all that is staged visible */

	if (vr_device_pop(device, &chain, 1, pieces, 4) != 1) /* reads, checks, translates */
		return -1;
	printf("the device reads: %.*s\n", (int)pieces[0].len, (const char *)pieces[0].base);
	vr_device_complete(device, chain.handle, 0); /* 0 bytes written */
	vr_device_publish(device, NULL);

	if (vr_driver_get(driver, &used, 1) != 1)
		return -1;
	printf("the driver has token %" PRIu64 " back\n", used.token);
	return 0;
}

static int try_form(const char *name, uint64_t features)
{
	const struct vr_map_range range = {
		.addr = address(&shared),
		.size = sizeof(shared),
		.base = (uintptr_t)&shared,
		.access = VR_ACCESS_READ | VR_ACCESS_WRITE,
	};
	const struct vr_map map = { .ranges = &range, .count = 1 };
	void *driver_state = NULL;
	void *device_state = NULL;
	struct vr_driver *driver = make_driver(VR_F_VERSION_1 | features, &driver_state);
	struct vr_device *device = make_device(VR_F_VERSION_1 | features, &map, &device_state);
	int result = -1;

	snprintf(shared.text, sizeof(shared.text), "hello, %s ring", name);
	if (driver && device)
		result = send_line(driver, device);
	free(driver_state);
	free(device_state);
	return result;
}

int main(void)
{
	int failed = 0;

	failed |= try_form("split", 0);
	failed |= try_form("split in-order", VR_F_IN_ORDER);
	failed |= try_form("packed", VR_F_RING_PACKED);
	failed |= try_form("packed in-order", VR_F_RING_PACKED | VR_F_IN_ORDER);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
