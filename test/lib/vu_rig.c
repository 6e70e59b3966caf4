// SPDX-License-Identifier: BSD-3-Clause
/* A front end with drivers. */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_rig.h"

/* No host address, so that one taken for the other is found out. */
#define GUEST 0x40000000ull

static void area(struct vu_rig *rig, struct vr_ring_area *area, size_t bytes)
{
	/* Pages of their own: a dirty log can tell them apart. */
	area->host = vr_shm_alloc(rig->shm, (bytes + 4095) / 4096 * 4096, 4096);
	assert_non_null(area->host);
	area->addr = vr_shm_addr(rig->shm, area->host);
}

/* Of one half of all buffers. */
static uint64_t data_bytes(const struct vu_rig *rig)
{
	return ((uint64_t)rig->size * VU_RIG_SLOT + 4095) / 4096 * 4096;
}

static void create_driver(struct vu_rig *rig, struct vu_rig_queue *q)
{
	const struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = rig->features,
		.ring = q->ring,
		.queue_size = rig->size,
	};
	const size_t bytes = vr_driver_size(&config);

	q->state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	assert_non_null(q->state);
	assert_int_equal(vr_driver_init(q->state, bytes, &config, &q->driver), 0);
	q->vring.size = rig->size;
	q->vring.base = rig->features & VR_F_RING_PACKED ? VR_VU_BASE_FRESH_PACKED :
							   VR_VU_BASE_FRESH_SPLIT;
}

static void create_queue(struct vu_rig *rig, uint32_t index)
{
	struct vu_rig_queue *q = &rig->queues[index];

	area(rig, &q->ring.descriptors,
	     vr_ring_bytes(rig->features, rig->size, VR_AREA_DESCRIPTORS));
	area(rig, &q->ring.driver, vr_ring_bytes(rig->features, rig->size, VR_AREA_DRIVER));
	area(rig, &q->ring.device, vr_ring_bytes(rig->features, rig->size, VR_AREA_DEVICE));
	q->out = vr_shm_alloc(rig->shm, data_bytes(rig), 4096);
	q->in = vr_shm_alloc(rig->shm, data_bytes(rig), 4096);
	assert_non_null(q->out);
	assert_non_null(q->in);
	q->vring = (struct vr_vu_vring){
		.index = index,
		.enabled = true,
		.ring = q->ring,
		.kick_fd = rig->poll ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	create_driver(rig, q);
}

void vu_rig_resize(struct vu_rig *rig, uint32_t size)
{
	uint32_t i;

	rig->size = size;
	for (i = 0; i < rig->count; i++) {
		free(rig->queues[i].state);
		create_driver(rig, &rig->queues[i]);
	}
}

void vu_rig_create(struct vu_rig *rig)
{
	struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.size = rig->count * (2 * data_bytes(rig) + rig->size * 32ull + 4 * 4096),
		.guest_addr = GUEST,
	};
	uint32_t i;

	assert_int_equal(vr_shm_create(&config, &rig->shm), 0);
	for (i = 0; i < rig->count; i++)
		create_queue(rig, i);
}

void vu_rig_restart(struct vu_rig *rig)
{
	struct vr_vu_vring vrings[VU_RIG_QUEUES];
	struct vr_mem_region region;
	uint32_t i;

	vr_shm_region(rig->shm, &region);
	for (i = 0; i < rig->count; i++)
		vrings[i] = rig->queues[i].vring;
	assert_int_equal(vr_vu_frontend_start(rig->frontend, rig->offer.accepted, &region, 1,
					      vrings, rig->count, VU_RIG_MS),
			 0);
}

void vu_rig_start(struct vu_rig *rig, int fd, uint64_t protocol)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = protocol,
	};

	assert_int_equal(vr_vu_frontend_create(&config, &rig->frontend), 0);
	assert_int_equal(vr_vu_frontend_adopt(rig->frontend, fd), 0);
	assert_int_equal(vr_vu_frontend_negotiate(rig->frontend, rig->features, rig->features,
						  &rig->offer, VU_RIG_MS),
			 0);
	vu_rig_restart(rig);
}

void vu_rig_stop(struct vu_rig *rig)
{
	uint32_t i;

	for (i = 0; i < rig->count; i++)
		assert_int_equal(
			vr_vu_frontend_stop(rig->frontend, &rig->queues[i].vring, 1, VU_RIG_MS), 0);
}

void vu_rig_disconnect(struct vu_rig *rig)
{
	vr_vu_frontend_destroy(rig->frontend);
	rig->frontend = NULL;
}

void vu_rig_destroy(struct vu_rig *rig)
{
	uint32_t i;

	vu_rig_disconnect(rig);
	for (i = 0; i < rig->count; i++) {
		struct vr_vu_vring *vring = &rig->queues[i].vring;

		if (vring->kick_fd >= 0)
			close(vring->kick_fd);
		close(vring->call_fd);
		close(vring->err_fd);
		free(rig->queues[i].state);
	}
	vr_shm_destroy(rig->shm);
}

unsigned char *vu_rig_out(struct vu_rig *rig, uint32_t queue, uint32_t slot)
{
	return rig->queues[queue].out + (size_t)slot * VU_RIG_SLOT;
}

unsigned char *vu_rig_in(struct vu_rig *rig, uint32_t queue, uint32_t slot)
{
	return rig->queues[queue].in + (size_t)slot * VU_RIG_SLOT;
}

bool vu_rig_add(struct vu_rig *rig, uint32_t queue, uint32_t slot, uint32_t out, uint32_t in)
{
	const uint64_t addr = vr_shm_addr(rig->shm, vu_rig_out(rig, queue, slot));
	const uint32_t first = out > 1 ? out / 2 : out;
	struct vr_segment segments[3];
	struct vr_buffer buffer = { .segments = segments, .token = slot };

	if (first)
		segments[buffer.readable++] = (struct vr_segment){ .addr = addr, .len = first };
	if (out > first)
		segments[buffer.readable++] =
			(struct vr_segment){ .addr = addr + first, .len = out - first };
	if (in)
		segments[buffer.readable + buffer.writable++] = (struct vr_segment){
			.addr = vr_shm_addr(rig->shm, vu_rig_in(rig, queue, slot)), .len = in
		};
	return vr_driver_add(rig->queues[queue].driver, &buffer, 1) == 1;
}

void vu_rig_kick(struct vu_rig *rig, uint32_t queue)
{
	const int verdict = vr_driver_publish_and_verdict(rig->queues[queue].driver);

	assert_true(verdict >= 0);
	if (verdict)
		assert_int_equal(vr_vu_notify(rig->queues[queue].vring.kick_fd), 0);
}

bool vu_rig_get(struct vu_rig *rig, uint32_t queue, struct vr_used *used, int timeout_ms)
{
	struct vu_rig_queue *q = &rig->queues[queue];
	struct pollfd fd = { .fd = q->vring.call_fd, .events = POLLIN };

	for (;;) {
		const int got = vr_driver_get(q->driver, used, 1);

		assert_true(got >= 0);
		if (got)
			return true;
		if (vr_driver_arm(q->driver, NULL))
			continue;
		if (poll(&fd, 1, timeout_ms) <= 0)
			return vr_driver_get(q->driver, used, 1) == 1;
		(void)vr_vu_drain(fd.fd);
	}
}
