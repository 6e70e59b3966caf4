/* SPDX-License-Identifier: BSD-3-Clause */
/* One half of the core against the honest peer of the other side, ready to use. */
#ifndef TEST_BENCH_H
#define TEST_BENCH_H

#include "peer_driver.h"

/* The core's driver half. */
struct driver_bench {
	struct rig rig;
	struct peer_device peer;
};

static inline void driver_bench_open(struct driver_bench *b, const struct rig_shape *shape)
{
	rig_open(&b->rig, shape);
	rig_start_driver(&b->rig);
	peer_device_open(&b->peer, &b->rig);
}

static inline void driver_bench_close(struct driver_bench *b)
{
	peer_device_close(&b->peer);
	rig_close(&b->rig);
}

/* The honest device takes the next buffer and uses it with @len; the driver gets it. */
static inline struct vr_used driver_bench_turn(struct driver_bench *b, uint32_t len)
{
	struct peer_chain chain = peer_device_take_one(&b->peer);
	struct vr_used used = { 0 };

	peer_device_use(&b->peer, &chain, len);
	CHECK_EQ(vr_driver_get(b->rig.driver, &used, 1), 1);
	return used;
}

/* Adds without publishing; answers what the call answered. */
static inline int driver_bench_add(struct driver_bench *b, unsigned int readable,
				   unsigned int writable)
{
	struct vr_segment segments[40];
	struct vr_buffer buffer;

	CHECK(readable + writable <= ARRAY_SIZE(segments));
	buffer = rig_buffer(segments, readable, writable, 100, 0, 1);
	return vr_driver_add(b->rig.driver, &buffer, 1);
}

/* The core's device half; pops go to @segment. */
struct device_bench {
	struct rig rig;
	struct peer_driver peer;
	struct vr_iovec segment[64];
};

static inline void device_bench_open(struct device_bench *b, const struct rig_shape *shape)
{
	rig_open(&b->rig, shape);
	rig_start_device(&b->rig);
	peer_driver_open(&b->peer, &b->rig, NULL);
}

static inline void device_bench_close(struct device_bench *b)
{
	peer_driver_close(&b->peer);
	rig_close(&b->rig);
}

static inline struct vr_chain device_bench_pop(struct device_bench *b)
{
	return rig_pop(&b->rig, b->segment, ARRAY_SIZE(b->segment));
}

/* The honest driver makes a buffer available; the device pops it. */
static inline struct vr_chain
device_bench_send(struct device_bench *b, const struct peer_element *elements, unsigned int count)
{
	peer_driver_send(&b->peer, elements, count);
	return device_bench_pop(b);
}

/* The honest driver takes the next used buffer; answers its length. */
static inline uint32_t device_bench_get(struct device_bench *b)
{
	uint32_t len = 0;
	uint16_t id;

	CHECK(peer_driver_get(&b->peer, &id, &len));
	return len;
}

#endif
