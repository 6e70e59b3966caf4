/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings that carry something: the peer of vu_peer.h with a driver half in its memory and a device
 * half in the back end's mapping of it. Buffers are served in order, one test step at a time.
 */
#ifndef TEST_VU_TRAFFIC_H
#define TEST_VU_TRAFFIC_H

#include <virtring/device.h>
#include <virtring/driver.h>
#include <virtring/vhost_user_queue.h>

#include "vu_peer.h"

/* Bytes of each buffer, and what the device does to the first of them. */
#define TRAFFIC_BYTES 16u

/**
 * struct traffic_ring - one of the peer's rings, both halves
 * @driver: made at the first start
 * @driver_state: its memory
 * @device: made at each start
 * @queue: with traffic_use_queues(): what it is part of
 * @device_state: its memory
 * @mem: the snapshot that the device uses
 * @size: descriptors
 * @sent: buffers published
 * @got: buffers back
 * @served: buffers used by the device
 * @forced: stop without waiting for what was popped
 */
struct traffic_ring {
	struct vr_driver *driver;
	void *driver_state;
	struct vr_device *device;
	struct vr_vu_queue *queue;
	void *device_state;
	struct vr_mem *mem;
	uint32_t size;
	uint64_t sent;
	uint64_t got;
	uint64_t served;
	bool forced;
};

/**
 * struct traffic - a peer and its rings
 * @peer: the two ends of the connection; first, as its operations find the rest from it
 * @features: negotiated
 * @memory: the front end's own mapping
 * @rings: by index
 */
struct traffic {
	struct peer peer;
	uint64_t features;
	unsigned char *memory;
	struct traffic_ring rings[PEER_RINGS];
};

/* A session with these features (VERSION_1 is added) and memory, no ring yet. */
void traffic_open(struct traffic *t, uint64_t features);
void traffic_close(struct traffic *t);
/* From the next start on devices are made with struct vr_vu_queue, which logs and records for them. */
void traffic_use_queues(struct traffic *t);

/* The ring of this index as the driver sees it. */
struct vr_ring traffic_areas(const struct traffic *t, uint32_t index);
/* The base of a ring that was never used, in this layout. */
uint32_t traffic_fresh(const struct traffic *t);
/* NUM, BASE, ADDR; the driver half is made if there is none yet. */
void traffic_prepare(struct traffic *t, uint32_t index, uint32_t size, uint32_t base);
/* The same, then CALL and KICK. */
void traffic_start(struct traffic *t, uint32_t index, uint32_t size, uint32_t base);
/* GET_VRING_BASE. */
uint32_t traffic_stop(struct traffic *t, uint32_t index);

/* The driver publishes @count writable buffers; there must be room. */
void traffic_send(struct traffic *t, uint32_t index, unsigned int count);
/* The device takes up to @count and uses them; answers how many. */
unsigned int traffic_serve(struct traffic *t, uint32_t index, unsigned int count);
/* The device takes up to @count and keeps them. */
unsigned int traffic_take(struct traffic *t, uint32_t index, unsigned int count);
/* The driver takes back all there is and checks that it is what is due, once; how many. */
unsigned int traffic_get(struct traffic *t, uint32_t index);
/* Sends, serves and gets @count buffers, in bursts. */
void traffic_run(struct traffic *t, uint32_t index, unsigned int count);

#endif
