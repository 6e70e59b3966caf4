// SPDX-License-Identifier: BSD-3-Clause
/* A started ring: its device half, and how the driver learns what was done. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/vhost_user/queue.h"

static int make_device(struct vr_vu_queue *q, const struct vr_vu_queue_config *config)
{
	struct vr_device_config device = {
		.struct_size = sizeof(device),
		.features = q->vring.features,
		.ring = q->vring.ring,
		.queue_size = q->vring.size,
		.flags = config->flags,
		.max_chain = config->max_chain,
		.map = vr_mem_map(q->mem),
	};
	const size_t bytes = vr_device_size(&device);
	int ret;

	if (!bytes)
		return VR_E_INVAL;
	q->state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!q->state)
		return -ENOMEM;
	ret = vr_device_init(q->state, bytes, &device, &q->device);
	return ret ? ret : vr_device_restore(q->device, q->vring.base);
}

static void free_queue(struct vr_vu_queue *q)
{
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
	q->vring = *config->vring;
	q->mem = config->mem;
	ret = make_device(q, config);
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
