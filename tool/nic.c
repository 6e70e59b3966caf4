// SPDX-License-Identifier: BSD-3-Clause
/* A network card of one queue pair within this process. */
#include "nic.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Areas of different writers must not share a line, nor the one that is fetched with it. */
#define ALIGN 128u

/* A receive buffer without merging should hold this much (5.1.6.3.1). */
#define RX_PACKET_MIN 1526u

static void *piece(struct nic *nic, size_t bytes)
{
	size_t whole = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	void *memory;

	if (nic->pieces == sizeof(nic->memory) / sizeof(nic->memory[0]))
		return NULL;
	memory = aligned_alloc(ALIGN, whole ? whole : ALIGN);
	if (memory)
		memset(memory, 0, whole);
	nic->memory[nic->pieces++] = memory;
	return memory;
}

static int make_ring(struct nic *nic, const struct nic_config *config, struct nic_queue *q,
		     struct vr_ring *ring)
{
	struct vr_ring_area *areas[] = { &ring->descriptors, &ring->driver, &ring->device };

	for (unsigned int i = 0; i < 3; i++) {
		size_t bytes = vr_ring_bytes(config->features, config->size, (enum vr_area)i);

		areas[i]->host = bytes ? piece(nic, bytes) : NULL;
		areas[i]->addr = (uintptr_t)areas[i]->host;
		if (!areas[i]->host)
			return -1;
		q->ring_bytes += bytes;
	}
	return 0;
}

static int make_halves(struct nic *nic, const struct nic_config *config, struct nic_queue *q)
{
	struct vr_driver_config driver = {
		.struct_size = sizeof(driver),
		.features = config->features,
		.queue_size = config->size,
	};
	struct vr_device_config device = {
		.struct_size = sizeof(device),
		.features = config->features,
		.queue_size = config->size,
		.map = &nic->map,
	};
	size_t bytes[2];
	void *state[2];

	if (make_ring(nic, config, q, &driver.ring))
		return -1;
	device.ring = driver.ring;
	bytes[0] = vr_driver_size(&driver);
	bytes[1] = vr_device_size(&device);
	state[0] = piece(nic, bytes[0]);
	state[1] = piece(nic, bytes[1]);
	q->state_bytes = bytes[0] + bytes[1];
	if (!state[0] || !state[1] || vr_driver_init(state[0], bytes[0], &driver, &q->driver) ||
	    vr_device_init(state[1], bytes[1], &device, &q->device))
		return -1;
	vr_driver_disarm(q->driver, NULL);
	vr_device_disarm(q->device, NULL);
	q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return q->kick < 0 || q->call < 0 ? -1 : 0;
}

static int make_driver_net(struct nic *nic, const struct nic_config *config, bool tx)
{
	struct nic_queue *q = &nic->queues[tx];
	uint32_t packet = config->packet > RX_PACKET_MIN ? config->packet : RX_PACKET_MIN;
	struct vr_net_driver_config net = {
		.struct_size = sizeof(net),
		.features = config->features,
		.queue = q->driver,
		.slots = { .count = config->size, .stride = vr_net_slot_bytes(packet) },
	};
	size_t bytes;
	void *state;

	q->slot_bytes = (size_t)net.slots.count * net.slots.stride;
	net.slots.base = piece(nic, q->slot_bytes);
	net.slots.addr = (uintptr_t)net.slots.base;
	if (!net.slots.base)
		return -1;
	bytes = tx ? vr_net_driver_tx_size(&net) : vr_net_driver_rx_size(&net);
	state = piece(nic, bytes);
	q->state_bytes += bytes;
	if (!state)
		return -1;
	return tx ? vr_net_driver_tx_init(state, bytes, &net, &nic->driver_tx) :
		    vr_net_driver_rx_init(state, bytes, &net, &nic->driver_rx);
}

static int make_device_net(struct nic *nic, const struct nic_config *config, bool tx)
{
	struct nic_queue *q = &nic->queues[tx];
	struct vr_net_device_config net = {
		.struct_size = sizeof(net),
		.features = config->features,
		.queue = q->device,
		.burst = config->burst,
		.queue_size = config->size,
		.flags = VR_NET_DEVICE_KEEP_HEADERS,
	};
	size_t bytes = tx ? vr_net_device_tx_size(&net) : vr_net_device_rx_size(&net);
	void *state = piece(nic, bytes);

	q->state_bytes += bytes;
	if (!state)
		return -1;
	return tx ? vr_net_device_tx_init(state, bytes, &net, &nic->device_tx) :
		    vr_net_device_rx_init(state, bytes, &net, &nic->device_rx);
}

int nic_open(struct nic *nic, const struct nic_config *config)
{
	memset(nic, 0, sizeof(*nic));
	for (int i = 0; i < 2; i++)
		nic->queues[i].kick = nic->queues[i].call = -1;
	/* Addresses are what they are: nobody here is anybody's guest. */
	nic->range = (struct vr_map_range){
		.size = UINT64_MAX,
		.access = VR_ACCESS_READ | VR_ACCESS_WRITE,
	};
	nic->map = (struct vr_map){ .ranges = &nic->range, .count = 1 };
	for (int i = 0; i < 2; i++)
		if (make_halves(nic, config, &nic->queues[i]) || make_driver_net(nic, config, i) ||
		    make_device_net(nic, config, i))
			return -1;
	return vr_net_driver_rx_fill(nic->driver_rx) > 0 ? 0 : -1;
}

void nic_close(struct nic *nic)
{
	for (int i = 0; i < 2 && nic->pieces; i++) {
		if (nic->queues[i].kick >= 0)
			close(nic->queues[i].kick);
		if (nic->queues[i].call >= 0)
			close(nic->queues[i].call);
	}
	for (unsigned int i = 0; i < nic->pieces; i++)
		free(nic->memory[i]);
	memset(nic, 0, sizeof(*nic));
}
