// SPDX-License-Identifier: BSD-3-Clause
/*
 * INBAND_NOTIFICATIONS: messages instead of kick, call and err descriptors. A device does not see the
 * difference: it gets eventfds of ours. A descriptor that the front end names is preferred.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport/vhost_user/backend.h"

static int *slot_of(struct vu_ring *ring, uint8_t bit)
{
	return bit == VU_KICK ? &ring->view.kick_fd :
	       bit == VU_CALL ? &ring->view.call_fd :
				&ring->view.err_fd;
}

static int make_own(struct vr_vu_backend *b, struct vu_ring *ring, uint8_t bit)
{
	int *slot = slot_of(ring, bit);
	int fd, ret = 0;

	if (ring->told_fds & bit || *slot >= 0)
		return 0;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* The device waits for kicks, we wait for what the device signals. */
	if (bit != VU_KICK)
		ret = vri_backend_listen(b, fd, true);
	if (ret) {
		close(fd);
		return ret;
	}
	*slot = fd;
	ring->own_fds |= bit;
	return 0;
}

int vri_inband_start(struct vr_vu_backend *b, struct vu_ring *ring)
{
	static const uint8_t bits[] = { VU_KICK, VU_CALL, VU_ERR };
	int i, ret = 0;

	if (!(b->negotiated.protocol & VR_VU_PF_INBAND_NOTIFICATIONS))
		return 0;
	for (i = 0; i < 3 && !ret; i++)
		ret = make_own(b, ring, bits[i]);
	if (ret)
		vri_backend_refuse(b, ret, "ring %u: no eventfd: %s", ring->view.index,
				   strerror(-ret));
	return ret;
}

void vri_inband_told(struct vr_vu_backend *b, struct vu_ring *ring, uint8_t bit)
{
	ring->told_fds |= bit;
	if (!(ring->own_fds & bit))
		return;
	ring->own_fds &= (uint8_t)~bit;
	ring->due &= (uint8_t)~bit;
	/* It is closed or replaced next; the device writes to it until then. */
	if (bit != VU_KICK)
		(void)vri_backend_listen(b, *slot_of(ring, bit), false);
}

void vri_inband_collect(struct vr_vu_backend *b)
{
	uint32_t i;

	if (!(b->negotiated.protocol & VR_VU_PF_INBAND_NOTIFICATIONS))
		return;
	for (i = 0; i < b->config.vrings; i++) {
		struct vu_ring *ring = &b->rings[i];

		if (ring->own_fds & VU_CALL && vr_vu_drain(ring->view.call_fd) > 0)
			ring->due |= VU_CALL;
		if (ring->own_fds & VU_ERR && vr_vu_drain(ring->view.err_fd) > 0)
			ring->due |= VU_ERR;
	}
}

uint32_t vri_inband_next(struct vr_vu_backend *b, struct vu_vring_state *state)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++) {
		/* From where the last one was on, so that every ring has its turn. */
		struct vu_ring *ring = &b->rings[(b->channel.turn + i) % b->config.vrings];
		const uint8_t bit = ring->due & VU_ERR ? VU_ERR : VU_CALL;

		if (!(ring->due & bit))
			continue;
		ring->due &= (uint8_t)~bit;
		b->channel.turn = ring->view.index + 1;
		*state = (struct vu_vring_state){ .index = ring->view.index };
		return bit == VU_ERR ? VU_BACK_VRING_ERR : VU_BACK_VRING_CALL;
	}
	return 0;
}

int vri_vring_kick(struct vr_vu_backend *b)
{
	struct vu_ring *ring = vri_find_ring(b, b->rx.payload.state.index);

	if (!ring)
		return -EINVAL;
	return ring->view.running ? vri_ring_poke(b, ring) : vri_ring_start(b, ring);
}
