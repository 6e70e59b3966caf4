// SPDX-License-Identifier: BSD-3-Clause
/*
 * Stopping rings. The device may need time to finish what it has popped and then answers later, from
 * any thread; until then no message is read. What follows a stop (a reply, other memory, a reset, the
 * end of the session) is a function that runs when the last ring is still.
 */
#include <errno.h>

#include "transport/vhost_user/backend.h"

/* The answer may come before the operation has returned: expect it first. */
static void resume_expect(struct vr_vu_backend *b, uint32_t index)
{
	pthread_mutex_lock(&b->resume.lock);
	b->resume.expected = true;
	b->resume.done = false;
	b->resume.index = index;
	pthread_mutex_unlock(&b->resume.lock);
}

/* Takes the answer if it is there. With @cancel set it is no longer waited for. */
static bool resume_take(struct vr_vu_backend *b, uint32_t *base, bool cancel)
{
	bool done;

	pthread_mutex_lock(&b->resume.lock);
	done = b->resume.done;
	if (done)
		*base = b->resume.base;
	if (done || cancel)
		b->resume.expected = b->resume.done = false;
	pthread_mutex_unlock(&b->resume.lock);
	return done;
}

int vr_vu_backend_resume(struct vr_vu_backend *backend, uint32_t index, uint32_t base)
{
	struct vu_resume *resume = &backend->resume;
	bool ours;

	pthread_mutex_lock(&resume->lock);
	ours = resume->expected && !resume->done && resume->index == index;
	if (ours) {
		resume->done = true;
		resume->base = base;
		/* With the lock held: without it the back end could be destroyed by now. */
		vr_vu_backend_wake(backend);
	}
	pthread_mutex_unlock(&resume->lock);
	return ours ? 0 : -EINVAL;
}

static void ring_stopped(struct vr_vu_backend *b, struct vu_ring *ring, uint32_t base)
{
	/* Calls for what was completed last: when no ring runs any more, nothing can be sent. */
	if (b->stop.why == VR_VU_STOP_REQUEST) {
		vri_channel_run(b);
		vri_inflight_forget(b, ring->view.index);
	}
	ring->base = base;
	ring->base_set = true;
	ring->view.base = base;
	ring->view.running = false;
	vri_iotlb_release(b, ring);
	ring->paused = b->stop.why == VR_VU_STOP_PAUSE;
}

/* Asks the device to stop a ring; false when its answer is still to come. */
static bool stop_one(struct vr_vu_backend *b, struct vu_ring *ring)
{
	uint32_t base = ring->view.base, ignored;
	int ret;

	if (!b->stop.waiting) {
		resume_expect(b, ring->view.index);
		ret = b->ops.ring_stop(b->config.ring_context, ring->view.index, b->stop.why,
				       &base);
		if (ret != VR_VU_DEFER) {
			resume_take(b, &ignored, true);
			ring_stopped(b, ring, base);
			return true;
		}
	}
	b->stop.waiting = !resume_take(b, &base, false);
	if (!b->stop.waiting)
		ring_stopped(b, ring, base);
	return !b->stop.waiting;
}

/* Rings that were only paused run again, whether what was tried meanwhile worked or not. */
static int start_paused(struct vr_vu_backend *b)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < b->config.vrings; i++) {
		if (!b->rings[i].paused)
			continue;
		b->rings[i].paused = false;
		if (!ret)
			ret = vri_ring_start(b, &b->rings[i]);
	}
	return ret;
}

int vri_stop_continue(struct vr_vu_backend *b)
{
	struct vu_stop *stop = &b->stop;
	int ret, restarted;

	for (; stop->next < stop->end; stop->next++)
		if (b->rings[stop->next].view.running && !stop_one(b, &b->rings[stop->next]))
			return VU_PENDING;
	stop->active = false;
	ret = stop->then(b);
	restarted = start_paused(b);
	if (restarted && !ret) {
		ret = restarted;
		/* What a front end was promised cannot be kept: an answer is not enough. */
		b->failed = true;
	}
	return ret;
}

int vri_stop_rings(struct vr_vu_backend *b, uint32_t first, uint32_t end, enum vr_vu_stop why,
		   int (*then)(struct vr_vu_backend *))
{
	b->stop = (struct vu_stop){
		.active = true,
		.why = why,
		.next = first,
		.end = end,
		.then = then,
	};
	return vri_stop_continue(b);
}
