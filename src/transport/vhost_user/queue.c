// SPDX-License-Identifier: BSD-3-Clause
/* A started ring: its device half, and how the driver learns what was done. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/vhost_user/backend.h"
#include "transport/vhost_user/queue.h"

/* ---- beginning ---- */

/* Bits are set for what the device writes, and for what is stored to the ring if that is wanted. */
static void begin_log(struct vr_vu_queue *q, struct vu_ring *ring)
{
	struct vu_record *r = &q->record;
	const struct vr_ring *areas = &q->vring.ring;

	r->logs = vri_log_view(q->backend, &r->dirty);
	if (!r->logs)
		return;
	r->logs_ring = ring->addr.flags & VU_VRING_ADDR_LOG;
	r->ring_addr[VR_AREA_DESCRIPTORS] = areas->descriptors.addr;
	(void)vri_dirty_addr(&r->dirty, areas->descriptors.host,
			     &r->ring_addr[VR_AREA_DESCRIPTORS]);
	r->ring_addr[VR_AREA_DEVICE] = ring->addr.log;
}

/* Takes over what a predecessor left, or begins anew. */
static int begin_inflight(struct vr_vu_queue *q, struct vu_ring *ring)
{
	const bool packed = q->vring.features & VR_F_RING_PACKED;
	struct vu_inflight *inflight = &q->record.inflight;
	uint32_t base = q->vring.base, popped = 0;
	const char *why = "no memory";
	void *memory;
	int ret = vri_inflight_view(q->backend, q->vring.index, &memory);

	if (!ret && !memory && vri_inflight_too_small(q->backend, q->vring.index))
		vri_backend_log(q->backend, "a ring is larger than its record of buffers in "
					    "flight: none is kept");
	if (ret || !memory)
		return ret ? ret : vr_device_restore(q->device, base);
	if (ring->recover)
		ret = vri_inflight_recover(inflight, packed, q->vring.size, memory, &q->vring.ring,
					   &base, &popped, &why);
	if (ret < 0)
		return vri_backend_refuse(q->backend, ret,
					  "ring %u: record of buffers in flight: %s",
					  q->vring.index, why);
	if (ret == 0 &&
	    vri_inflight_begin(inflight, packed, q->vring.size, memory, &q->vring.ring, base))
		return -ENOMEM;
	q->record.tracks = true;
	ring->recover = true;
	vri_record_at(&q->record, base, popped);
	return ret ? vr_device_restore_in_flight(q->device, base, popped) :
		     vr_device_restore(q->device, base);
}

static int make_device(struct vr_vu_queue *q, const struct vr_vu_queue_config *config,
		       const struct vr_device_observer *observer)
{
	struct vr_device_config device = {
		.struct_size = sizeof(device),
		.features = q->vring.features,
		.ring = q->vring.ring,
		.queue_size = q->vring.size,
		.flags = config->flags,
		.max_chain = config->max_chain,
		.map = vr_mem_map(q->mem),
		.observer = observer,
	};
	const size_t bytes = vr_device_size(&device);

	if (!bytes)
		return VR_E_INVAL;
	q->state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!q->state)
		return -ENOMEM;
	return vr_device_init(q->state, bytes, &device, &q->device);
}

/* Nothing is written down: the device half need not be watched. */
static bool unwatched(const struct vr_vu_queue *q)
{
	return !vri_log_view(q->backend, &(struct vu_dirty){ .pages = 0 }) &&
	       !q->backend->inflight.mapping;
}

static int begin(struct vr_vu_queue *q, const struct vr_vu_queue_config *config)
{
	struct vu_ring *ring = &q->backend->rings[q->vring.index];
	int ret;

	if (unwatched(q)) {
		ret = make_device(q, config, NULL);
		return ret ? ret : vr_device_restore(q->device, q->vring.base);
	}
	ret = vri_record_create(&q->record, q->vring.features, q->vring.size);
	if (!ret)
		ret = make_device(q, config, &q->record.observer);
	if (ret)
		return ret;
	begin_log(q, ring);
	ret = begin_inflight(q, ring);
	/* A recovery may have touched any of the descriptors. */
	if (!ret && q->record.logs_ring && q->record.tracks)
		vri_dirty_mark(&q->record.dirty, q->record.ring_addr[VR_AREA_DESCRIPTORS],
			       vr_ring_bytes(q->vring.features, q->vring.size,
					     VR_AREA_DESCRIPTORS));
	return ret;
}

static void free_queue(struct vr_vu_queue *q)
{
	vri_record_free(&q->record);
	free(q->state);
	free(q);
}

int vr_vu_queue_create(const struct vr_vu_queue_config *config, struct vr_vu_queue **queue)
{
	struct vr_vu_queue *q;
	int ret;

	if (config->struct_size != sizeof(*config) || !config->backend || !config->vring ||
	    !config->mem)
		return VR_E_INVAL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->backend = config->backend;
	q->vring = *config->vring;
	q->mem = config->mem;
	ret = begin(q, config);
	if (ret) {
		free_queue(q);
		return ret;
	}
	*queue = q;
	return 0;
}

void vr_vu_queue_end(struct vr_vu_queue *queue, uint32_t *base)
{
	uint32_t ignored;

	if (!queue)
		return;
	(void)vr_vu_queue_flush(queue);
	/*
	 * What is in flight all the same is in the record, if there is one: the next start finds it there.
	 * The thread of the back end looks at this only after it was told of the stop.
	 */
	queue->backend->rings[queue->vring.index].recover = vri_record_in_flight(&queue->record);
	/* A broken queue may hold what it could not publish; its position is that of the used. */
	(void)vr_device_save(queue->device, true, base ? base : &ignored);
	free_queue(queue);
}

struct vr_device *vr_vu_queue_device(const struct vr_vu_queue *queue)
{
	return queue->device;
}

const struct vr_vu_vring *vr_vu_queue_vring(const struct vr_vu_queue *queue)
{
	return &queue->vring;
}

struct vr_mem *vr_vu_queue_mem(const struct vr_vu_queue *queue)
{
	return queue->mem;
}

void vr_vu_queue_enable(struct vr_vu_queue *queue, bool enabled)
{
	queue->vring.enabled = enabled;
}

/* Who looks at err_fd is told once for each start. */
static int report_broken(struct vr_vu_queue *queue)
{
	if (!queue->reported)
		(void)vr_vu_notify(queue->vring.err_fd);
	queue->reported = true;
	return VR_E_BROKEN;
}

int vr_vu_queue_flush(struct vr_vu_queue *queue)
{
	const int verdict = vr_device_publish_and_verdict(queue->device, NULL);

	if (verdict < 0)
		return report_broken(queue);
	/* A driver that has closed its end of a pipe is gone; the session will tell. */
	if (verdict)
		(void)vr_vu_notify(queue->vring.call_fd);
	return 0;
}

void vr_vu_queue_break(struct vr_vu_queue *queue)
{
	struct vr_fault fault;

	if (!vr_device_fault(queue->device, &fault))
		vr_device_break(queue->device);
	(void)report_broken(queue);
}

bool vr_vu_queue_arm(struct vr_vu_queue *queue)
{
	return vr_device_arm(queue->device, NULL);
}
