// SPDX-License-Identifier: BSD-3-Clause
/* The usual order: negotiate, start, stop. */
#include <errno.h>
#include <inttypes.h>

#include "transport/vhost_user/frontend.h"

/* ---- negotiation ---- */

static int negotiate_protocol(struct vr_vu_frontend *f, struct vr_vu_offer *offer, int timeout_ms)
{
	int ret;

	if (!(offer->features & VR_VU_F_PROTOCOL_FEATURES))
		return 0;
	ret = vr_vu_frontend_get_protocol_features(f, &offer->protocol_features, timeout_ms);
	if (ret)
		return ret;
	offer->accepted_protocol = offer->protocol_features & f->protocol_wanted;
	offer->accepted_protocol &= ~vri_protocol_orphans(offer->accepted_protocol);
	ret = vr_vu_frontend_set_protocol_features(f, offer->accepted_protocol, timeout_ms);
	if (!ret && offer->accepted_protocol & VR_VU_PF_MQ)
		ret = vr_vu_frontend_get_queue_num(f, &offer->queue_num, timeout_ms);
	if (!ret && offer->accepted_protocol & VR_VU_PF_CONFIGURE_MEM_SLOTS)
		ret = vr_vu_frontend_get_max_mem_slots(f, &offer->mem_slots, timeout_ms);
	return ret;
}

int vr_vu_frontend_negotiate(struct vr_vu_frontend *frontend, uint64_t wanted, uint64_t required,
			     struct vr_vu_offer *offer, int timeout_ms)
{
	const uint64_t own = VR_VU_F_LOG_ALL | VR_VU_F_PROTOCOL_FEATURES;
	int ret;

	*offer = (struct vr_vu_offer){ .queue_num = 1, .mem_slots = VU_TABLE_REGIONS };
	ret = vr_vu_frontend_set_owner(frontend, timeout_ms);
	if (!ret)
		ret = vr_vu_frontend_get_features(frontend, &offer->features, timeout_ms);
	if (!ret)
		ret = negotiate_protocol(frontend, offer, timeout_ms);
	if (ret)
		return ret;
	offer->accepted = (offer->features & wanted & ~own) |
			  (offer->features & VR_VU_F_PROTOCOL_FEATURES);
	if (required & ~offer->features)
		return vri_frontend_refuse(frontend, -EOPNOTSUPP,
					   "the back end does not offer features 0x%" PRIx64,
					   required & ~offer->features);
	return 0;
}

/* ---- start ---- */

struct start {
	struct vr_vu_frontend *f;
	const struct vr_vu_vring *vrings;
	uint32_t vring_count;
	int timeout_ms;
};

static bool has_status(const struct vr_vu_frontend *f)
{
	return f->negotiated.protocol & VR_VU_PF_STATUS;
}

static bool is_inband(const struct vr_vu_vring *vring)
{
	return vring->kick_fd == VR_VU_FD_INBAND || vring->call_fd == VR_VU_FD_INBAND ||
	       vring->err_fd == VR_VU_FD_INBAND;
}

static int check_ring(struct vr_vu_frontend *f, const struct vr_vu_vring *vring)
{
	const uint64_t most = f->queue_num * f->rings_per_queue;

	if (vring->index >= VR_VU_MAX_VRINGS)
		return vri_frontend_refuse(f, -EINVAL, "ring %u is above 255", vring->index);
	if (most && vring->index >= most)
		return vri_frontend_refuse(f, -EINVAL, "ring %u, but the back end has %" PRIu64,
					   vring->index, most);
	if (!vring->size || vring->size > VR_QUEUE_SIZE_MAX)
		return vri_frontend_refuse(f, -EINVAL, "ring %u: size %u is not in 1..%u",
					   vring->index, vring->size, VR_QUEUE_SIZE_MAX);
	if (is_inband(vring) && !(f->negotiated.protocol & VR_VU_PF_INBAND_NOTIFICATIONS))
		return vri_frontend_refuse(f, -EINVAL, "ring %u: INBAND_NOTIFICATIONS was not set",
					   vring->index);
	return 0;
}

static int check_start(const struct start *s, uint32_t region_count)
{
	struct vr_vu_frontend *f = s->f;
	uint32_t i;
	int ret;

	if (!s->vring_count || !region_count)
		return vri_frontend_refuse(f, -EINVAL, "%u rings and %u regions to start with",
					   s->vring_count, region_count);
	if (region_count > VU_TABLE_REGIONS &&
	    !(f->negotiated.protocol & VR_VU_PF_CONFIGURE_MEM_SLOTS))
		return vri_frontend_refuse(f, -EINVAL, "%u regions, but the back end takes 8",
					   region_count);
	for (i = 0; i < s->vring_count; i++) {
		ret = check_ring(f, &s->vrings[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/* Before the features: some back ends make a ring when its first message comes, and expect this. */
static int send_signals(const struct start *s)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < s->vring_count && !ret; i++) {
		const struct vr_vu_vring *vring = &s->vrings[i];

		if (vring->call_fd != VR_VU_FD_INBAND)
			ret = vr_vu_frontend_set_vring_call(s->f, vring->index, vring->call_fd,
							    s->timeout_ms);
		if (!ret && vring->err_fd >= 0)
			ret = vr_vu_frontend_set_vring_err(s->f, vring->index, vring->err_fd,
							   s->timeout_ms);
	}
	return ret;
}

/* Bits are added one after the other, and go with a reset only (virtio 2.1.1). */
static int add_status(const struct start *s, uint8_t bits)
{
	const uint8_t status = s->f->status | bits;

	if (!has_status(s->f) || status == s->f->status)
		return 0;
	return vr_vu_frontend_set_status(s->f, status, s->timeout_ms);
}

/*
 * A device that has been stopped starts anew, with a reset (virtio 3.1.1). One that has rings running
 * only gets more of them.
 */
static int send_reset(const struct start *s)
{
	if (!has_status(s->f) || !s->f->status || s->f->running)
		return 0;
	return vr_vu_frontend_set_status(s->f, 0, s->timeout_ms);
}

/* A device that cannot work with the features does not keep FEATURES_OK (virtio 3.1.1). */
static int send_features_ok(const struct start *s)
{
	uint8_t answer = 0;
	int ret;

	if (!has_status(s->f))
		return 0;
	ret = add_status(s, VR_STATUS_FEATURES_OK);
	if (!ret)
		ret = vr_vu_frontend_get_status(s->f, &answer, s->timeout_ms);
	if (!ret && !(answer & VR_STATUS_FEATURES_OK))
		ret = vri_frontend_refuse(
			s->f, -EOPNOTSUPP,
			"GET_STATUS: the back end refuses the features, status 0x%x", answer);
	return ret;
}

static int send_features(const struct start *s, uint64_t features)
{
	int ret = add_status(s, VR_STATUS_ACKNOWLEDGE | VR_STATUS_DRIVER);

	if (!ret)
		ret = vr_vu_frontend_set_features(s->f, features, s->timeout_ms);
	return ret ? ret : send_features_ok(s);
}

static int send_memory(const struct start *s, const struct vr_mem_region *regions, uint32_t count)
{
	const uint32_t first = count < VU_TABLE_REGIONS ? count : VU_TABLE_REGIONS;
	uint32_t i;
	int ret;

	ret = vr_vu_frontend_set_mem_table(s->f, regions, first, s->timeout_ms);
	for (i = first; i < count && !ret; i++)
		ret = vr_vu_frontend_add_mem_region(s->f, &regions[i], s->timeout_ms);
	return ret;
}

static int send_ring(const struct start *s, const struct vr_vu_vring *vring)
{
	int ret;

	ret = vr_vu_frontend_set_vring_num(s->f, vring->index, vring->size, s->timeout_ms);
	if (!ret)
		ret = vr_vu_frontend_set_vring_base(s->f, vring->index, vring->base, s->timeout_ms);
	if (!ret)
		ret = vr_vu_frontend_set_vring_addr(s->f, vring->index, &vring->ring,
						    s->timeout_ms);
	if (!ret && vring->kick_fd != VR_VU_FD_INBAND)
		ret = vr_vu_frontend_set_vring_kick(s->f, vring->index, vring->kick_fd,
						    s->timeout_ms);
	return ret;
}

static int send_rings(const struct start *s)
{
	const bool enable = s->f->negotiated.accepted & VR_VU_F_PROTOCOL_FEATURES;
	uint32_t i;
	int ret = 0;

	s->f->running += s->vring_count;
	for (i = 0; i < s->vring_count && !ret; i++)
		ret = send_ring(s, &s->vrings[i]);
	for (i = 0; i < s->vring_count && enable && !ret; i++)
		ret = vr_vu_frontend_set_vring_enable(s->f, s->vrings[i].index,
						      s->vrings[i].enabled, s->timeout_ms);
	return ret;
}

static int send_driver_ok(const struct start *s)
{
	int ret = add_status(s, VR_STATUS_DRIVER_OK);
	uint32_t i;

	for (i = 0; i < s->vring_count && !ret; i++)
		ret = s->vrings[i].kick_fd == VR_VU_FD_INBAND ?
			      vr_vu_frontend_vring_kick(s->f, s->vrings[i].index, s->timeout_ms) :
			      vr_vu_notify(s->vrings[i].kick_fd);
	return ret;
}

int vr_vu_frontend_start(struct vr_vu_frontend *frontend, uint64_t features,
			 const struct vr_mem_region *regions, uint32_t region_count,
			 const struct vr_vu_vring *vrings, uint32_t vring_count, int timeout_ms)
{
	const struct start s = { frontend, vrings, vring_count, timeout_ms };
	int ret;

	ret = check_start(&s, region_count);
	if (!ret)
		ret = send_reset(&s);
	if (!ret)
		ret = send_signals(&s);
	if (!ret)
		ret = send_features(&s, features);
	if (!ret)
		ret = send_memory(&s, regions, region_count);
	if (!ret)
		ret = send_rings(&s);
	if (!ret)
		ret = send_driver_ok(&s);
	return ret;
}

/* ---- stop ---- */

int vr_vu_frontend_stop(struct vr_vu_frontend *frontend, struct vr_vu_vring *vrings,
			uint32_t vring_count, int timeout_ms)
{
	const uint64_t accepted = frontend->negotiated.accepted;
	uint32_t i, base = 0;
	int ret = 0;

	for (i = 0; i < vring_count && accepted & VR_VU_F_PROTOCOL_FEATURES && !ret; i++)
		ret = vr_vu_frontend_set_vring_enable(frontend, vrings[i].index, false, timeout_ms);
	for (i = 0; i < vring_count && !ret; i++) {
		ret = vr_vu_frontend_get_vring_base(frontend, vrings[i].index, &base, timeout_ms);
		if (ret)
			break;
		/* A drained ring has both positions equal; DPDK sends the available one only. */
		if (accepted & VR_F_RING_PACKED && !(base >> 16))
			base |= base << 16;
		vrings[i].base = base;
		frontend->running -= frontend->running > 0;
	}
	return ret;
}
