/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network card of one queue pair within this process: both halves of both queues, for the
 * measurements in which two threads are enough.
 */
#ifndef NIC_H
#define NIC_H

#include <stdbool.h>

#include <virtring/device.h>
#include <virtring/driver.h>
#include <virtring/net.h>

/**
 * struct nic_config - what it is like
 * @features: ring and network features, VERSION_1 among them
 * @size: descriptors of a queue
 * @burst: packets at a time
 * @packet: largest packet
 */
struct nic_config {
	uint64_t features;
	unsigned int size;
	unsigned int burst;
	unsigned int packet;
};

/**
 * struct nic_queue - one of its queues; both sides have their half, and the network part above it
 * @driver: the driver half
 * @device: the device half
 * @kick: event descriptor that wakes the device
 * @call: the one that wakes the driver
 * @ring_bytes: of its three areas
 * @state_bytes: of both halves and what is above them
 * @slot_bytes: of its packet buffers
 */
struct nic_queue {
	struct vr_driver *driver;
	struct vr_device *device;
	int kick;
	int call;
	size_t ring_bytes;
	size_t state_bytes;
	size_t slot_bytes;
};

/* [0] receives, [1] sends, as the driver sees it. */
#define NIC_RX 0
#define NIC_TX 1

/**
 * struct nic - the pair
 * @queues: by direction
 * @driver_tx: sends
 * @driver_rx: receives; its buffers are with the device already
 * @device_tx: takes what is sent
 * @device_rx: delivers what is received
 */
struct nic {
	struct nic_queue queues[2];
	struct vr_net_driver_tx *driver_tx;
	struct vr_net_driver_rx *driver_rx;
	struct vr_net_device_tx *device_tx;
	struct vr_net_device_rx *device_rx;
	/* private */
	struct vr_map_range range;
	struct vr_map map;
	void *memory[24];
	unsigned int pieces;
};

/**
 * nic_open() - make one
 * @nic: filled; it must stay where it is
 * @config: in the bounds of the ring
 *
 * Nobody wants to be notified until they arm.
 *
 * Return: 0, or -1: out of memory or descriptors.
 */
int nic_open(struct nic *nic, const struct nic_config *config);

/** nic_close() - free all of it, also what was opened in part; a zero nic has nothing */
void nic_close(struct nic *nic);

#endif
