// SPDX-License-Identifier: BSD-3-Clause
/*
 * Answers that the device gives later, from any thread: VR_VU_DEFER and vr_vu_backend_answer(). The
 * message stays where it is, and no other one is read, until the answer is there.
 */
#include <errno.h>

#include "transport/vhost_user/backend.h"

void vri_defer_expect(struct vr_vu_backend *b)
{
	pthread_mutex_lock(&b->defer.lock);
	b->defer.expected = true;
	b->defer.done = false;
	pthread_mutex_unlock(&b->defer.lock);
}

/* Takes the answer if it is there. With @cancel set it is no longer waited for. */
static bool take_answer(struct vr_vu_backend *b, int *answer, bool cancel)
{
	bool done;

	pthread_mutex_lock(&b->defer.lock);
	done = b->defer.done;
	if (done)
		*answer = b->defer.answer;
	if (done || cancel)
		b->defer.expected = b->defer.done = false;
	pthread_mutex_unlock(&b->defer.lock);
	return done;
}

int vri_defer_settle(struct vr_vu_backend *b, int answer,
		     int (*then)(struct vr_vu_backend *, int answer))
{
	int ignored;

	if (answer == VR_VU_DEFER) {
		b->defer.then = then;
		return vri_defer_continue(b);
	}
	take_answer(b, &ignored, true);
	return then(b, answer);
}

int vri_defer_continue(struct vr_vu_backend *b)
{
	int (*then)(struct vr_vu_backend *, int) = b->defer.then;
	int answer;

	if (!take_answer(b, &answer, false))
		return VU_PENDING;
	b->defer.then = NULL;
	return then(b, answer);
}

bool vri_backend_waits(const struct vr_vu_backend *b)
{
	return b->stop.active || b->defer.then;
}

int vr_vu_backend_answer(struct vr_vu_backend *backend, int answer)
{
	struct vu_defer *defer = &backend->defer;
	bool ours;

	if (answer == VR_VU_DEFER)
		return -EINVAL;
	pthread_mutex_lock(&defer->lock);
	ours = defer->expected && !defer->done;
	if (ours) {
		defer->done = true;
		defer->answer = answer;
		/* With the lock held: without it the back end could be destroyed by now. */
		vr_vu_backend_wake(backend);
	}
	pthread_mutex_unlock(&defer->lock);
	return ours ? 0 : -EINVAL;
}
