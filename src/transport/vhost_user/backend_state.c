// SPDX-License-Identifier: BSD-3-Clause
/*
 * DEVICE_STATE: what a device knows beyond its rings, through a pipe to where it continues. The device
 * does the reading and writing; the front end says when, and asks whether it worked.
 */
#include <errno.h>

#include "transport/vhost_user/backend.h"

static int answer(struct vr_vu_backend *b, uint64_t value)
{
	vri_reply(b, &value, sizeof(value));
	return 0;
}

/* The answer is an error number, as far as eight bits go. */
static int refuse(struct vr_vu_backend *b, uint64_t error, const char *why)
{
	const struct vu_device_state *state = &b->rx.payload.device_state;

	vri_backend_refuse(b, 0, "direction %u, phase %u: %s", state->direction, state->phase, why);
	return answer(b, error | VU_STATE_NO_FD);
}

static int transfer_begun(struct vr_vu_backend *b, int result)
{
	if (result < 0)
		return refuse(b, EIO, "the device refuses");
	/* It is the device's now. */
	vri_rx_take_fd(&b->rx, 0);
	return answer(b, VU_STATE_NO_FD);
}

int vri_set_device_state_fd(struct vr_vu_backend *b)
{
	const struct vu_device_state *state = &b->rx.payload.device_state;

	if (state->direction > VU_STATE_LOAD || state->phase != VU_PHASE_STOPPED)
		return refuse(b, EINVAL, "unknown");
	if (vri_any_ring_runs(b))
		return refuse(b, EBUSY, "rings run");
	if (!vri_make_nonblocking(b->rx.fds[0]))
		return refuse(b, EBADF, "the descriptor is neither a pipe nor a socket");
	vri_defer_expect(b);
	return vri_defer_settle(b,
				b->ops.state_transfer(b->config.context,
						      state->direction == VU_STATE_LOAD,
						      b->rx.fds[0]),
				transfer_begun);
}

static int transfer_checked(struct vr_vu_backend *b, int result)
{
	if (result < 0)
		vri_backend_refuse(b, 0, "the device says that it failed");
	return answer(b, result < 0);
}

int vri_check_device_state(struct vr_vu_backend *b)
{
	vri_defer_expect(b);
	return vri_defer_settle(b, b->ops.state_check(b->config.context), transfer_checked);
}
