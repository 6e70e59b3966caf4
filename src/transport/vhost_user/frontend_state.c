// SPDX-License-Identifier: BSD-3-Clause
/* DEVICE_STATE: the front end begins a transfer of the device's internal state, and asks how it went. */
#include <errno.h>
#include <inttypes.h>

#include "transport/vhost_user/frontend.h"

/* Either an error, or a descriptor, or the word that there is none. */
static int take_answer(struct vr_vu_frontend *f, int *own_fd)
{
	const uint64_t value = f->rx.payload.u64;
	const bool no_fd = value & VU_STATE_NO_FD;

	if (value & VU_STATE_ERROR_MASK)
		return vri_frontend_refuse(f, -EREMOTEIO,
					   "SET_DEVICE_STATE_FD: the back end answered error %u",
					   (unsigned int)(value & VU_STATE_ERROR_MASK));
	if (f->rx.fd_count != !no_fd) {
		vri_frontend_refuse(f, -EPROTO,
				    "SET_DEVICE_STATE_FD: %u descriptors, but bit 8 is %d",
				    f->rx.fd_count, no_fd);
		vr_vu_frontend_disconnect(f);
		return -EPROTO;
	}
	*own_fd = no_fd ? -1 : vri_rx_take_fd(&f->rx, 0);
	return 0;
}

int vr_vu_frontend_set_device_state_fd(struct vr_vu_frontend *frontend, bool load, int fd,
				       int *own_fd, int timeout_ms)
{
	const struct vu_device_state state = {
		.direction = load ? VU_STATE_LOAD : VU_STATE_SAVE,
		.phase = VU_PHASE_STOPPED,
	};
	int ret;

	ret = vri_frontend_call(frontend, &(struct vu_call){
						  .request = VU_SET_DEVICE_STATE_FD,
						  .size = sizeof(state),
						  .payload = &state,
						  .fds = &fd,
						  .fd_count = 1,
						  .timeout_ms = timeout_ms,
					  });
	return ret ? ret : take_answer(frontend, own_fd);
}

int vr_vu_frontend_check_device_state(struct vr_vu_frontend *frontend, int timeout_ms)
{
	int ret;

	ret = vri_frontend_call(frontend, &(struct vu_call){
						  .request = VU_CHECK_DEVICE_STATE,
						  .timeout_ms = timeout_ms,
					  });
	if (!ret && frontend->rx.payload.u64)
		return vri_frontend_refuse(frontend, -EREMOTEIO,
					   "CHECK_DEVICE_STATE: the back end answered 0x%" PRIx64,
					   frontend->rx.payload.u64);
	return ret;
}
