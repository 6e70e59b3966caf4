// SPDX-License-Identifier: BSD-3-Clause
#include "ring_pair.h"

#include <stdlib.h>
#include <string.h>

const struct ring_form ring_forms[RING_FORMS] = {
	{ "split", 0 },
	{ "split-in-order", VR_F_IN_ORDER },
	{ "packed", VR_F_RING_PACKED },
	{ "packed-in-order", VR_F_RING_PACKED | VR_F_IN_ORDER },
};

static void *page_aligned(size_t bytes)
{
	size_t whole = (bytes + 4095) & ~(size_t)4095;
	void *memory = aligned_alloc(4096, whole);

	if (memory)
		memset(memory, 0, whole);
	return memory;
}

void ring_pair_close(struct ring_pair *pair)
{
	size_t i;

	for (i = 0; i < sizeof(pair->memory) / sizeof(pair->memory[0]); i++)
		free(pair->memory[i]);
}

static int make_halves(struct ring_pair *pair, uint64_t features, uint32_t queue_size)
{
	struct vr_driver_config driver = { .struct_size = sizeof(driver) };
	struct vr_device_config device = { .struct_size = sizeof(device) };
	int i;

	for (i = 0; i < 3; i++) {
		pair->memory[i] =
			page_aligned(vr_ring_bytes(features, queue_size, (enum vr_area)i));
		if (!pair->memory[i])
			return -1;
	}
	driver.features = features;
	driver.queue_size = queue_size;
	driver.ring.descriptors.host = pair->memory[VR_AREA_DESCRIPTORS];
	driver.ring.driver.host = pair->memory[VR_AREA_DRIVER];
	driver.ring.device.host = pair->memory[VR_AREA_DEVICE];
	device.features = features;
	device.queue_size = queue_size;
	device.ring = driver.ring;
	device.map = &pair->map;
	pair->memory[3] = page_aligned(vr_driver_size(&driver));
	pair->memory[4] = page_aligned(vr_device_size(&device));
	if (!pair->memory[3] || !pair->memory[4] ||
	    vr_driver_init(pair->memory[3], vr_driver_size(&driver), &driver, &pair->driver) ||
	    vr_device_init(pair->memory[4], vr_device_size(&device), &device, &pair->device))
		return -1;
	return 0;
}

int ring_pair_open(struct ring_pair *pair, uint64_t features, uint32_t queue_size)
{
	memset(pair, 0, sizeof(*pair));
	pair->range.size = UINT64_MAX;
	pair->range.access = VR_ACCESS_READ | VR_ACCESS_WRITE;
	pair->map.ranges = &pair->range;
	pair->map.count = 1;
	if (vr_ring_bytes(features, queue_size, VR_AREA_DESCRIPTORS) &&
	    make_halves(pair, features, queue_size) == 0)
		return 0;
	ring_pair_close(pair);
	return -1;
}
