// SPDX-License-Identifier: BSD-3-Clause
/* Messages about the device as a whole: features, status, reset, configuration. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "transport/vhost_user/backend.h"

/* Smallest MTU of IPv4. */
#define MTU_MIN 68u

static void reply_u64(struct vr_vu_backend *b, uint64_t value)
{
	vri_reply(b, &value, sizeof(value));
}

int vri_get_features(struct vr_vu_backend *b)
{
	reply_u64(b, b->negotiated.offered);
	return 0;
}

/* What the driver knows of the features in the message. */
static uint64_t visible_features(const struct vr_vu_backend *b)
{
	return b->rx.payload.u64 & ~(VR_VU_F_LOG_ALL | VR_VU_F_PROTOCOL_FEATURES);
}

static int features_answered(struct vr_vu_backend *b, int answer)
{
	const uint64_t features = b->rx.payload.u64;
	const uint64_t visible = visible_features(b);
	uint32_t i;

	if (answer < 0)
		return vri_backend_refuse(b, -EINVAL, "the device refuses 0x%" PRIx64, visible);
	if (features & VR_F_ACCESS_PLATFORM && vri_iotlb_begin(b))
		return vri_backend_refuse(b, -ENOMEM, "no memory for translations");
	b->negotiated.accepted = features;
	b->features_set = true;
	for (i = 0; i < b->config.vrings; i++) {
		b->rings[i].view.features = visible;
		/* Without SET_VRING_ENABLE there is nobody else to do it. */
		if (!(features & VR_VU_F_PROTOCOL_FEATURES))
			vri_ring_enable(b, &b->rings[i], true);
	}
	return 0;
}

/* Every running ring is still: from the next start on they log, or do not. */
static int switch_logging(struct vr_vu_backend *b)
{
	b->negotiated.accepted = b->rx.payload.u64;
	return 0;
}

int vri_set_features(struct vr_vu_backend *b)
{
	const uint64_t features = b->rx.payload.u64;

	if (features & ~b->negotiated.offered)
		return vri_backend_refuse(b, -EINVAL, "bits 0x%" PRIx64 " are not offered",
					  features & ~b->negotiated.offered);
	if ((features ^ b->negotiated.accepted) == VR_VU_F_LOG_ALL && vri_any_ring_runs(b))
		return vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_PAUSE, switch_logging);
	if (features != b->negotiated.accepted && vri_any_ring_runs(b))
		return vri_backend_refuse(b, -EBUSY, "bits 0x%" PRIx64 " change while rings run",
					  features ^ b->negotiated.accepted);
	if (!b->ops.features)
		return features_answered(b, 0);
	vri_defer_expect(b);
	return vri_defer_settle(b, b->ops.features(b->config.context, visible_features(b)),
				features_answered);
}

int vri_set_owner(struct vr_vu_backend *b)
{
	/* Each connection is a session of its own: nothing is left of another owner. */
	(void)b;
	return 0;
}

int vri_reset_owner(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++)
		vri_ring_enable(b, &b->rings[i], false);
	return 0;
}

/* Tells the device its new status, if it wants to know. */
static int tell_status(struct vr_vu_backend *b, uint8_t status,
		       int (*then)(struct vr_vu_backend *, int answer))
{
	if (!b->ops.status)
		return then(b, 0);
	vri_defer_expect(b);
	return vri_defer_settle(b, b->ops.status(b->config.context, status), then);
}

/* A reset cannot be refused. */
static int reset_answered(struct vr_vu_backend *b, int answer)
{
	(void)b;
	(void)answer;
	return 0;
}

static int device_reset(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++)
		vri_ring_clear(&b->rings[i]);
	vri_iotlb_end(b);
	b->negotiated.accepted &= VR_VU_F_PROTOCOL_FEATURES;
	b->features_set = false;
	b->status = 0;
	b->mtu = 0;
	return tell_status(b, 0, reset_answered);
}

int vri_reset_device(struct vr_vu_backend *b)
{
	return vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_RESET, device_reset);
}

int vri_get_protocol_features(struct vr_vu_backend *b)
{
	reply_u64(b, b->config.protocol_features);
	return 0;
}

int vri_set_protocol_features(struct vr_vu_backend *b)
{
	const uint64_t bits = b->rx.payload.u64;

	if (bits & ~b->config.protocol_features)
		return vri_backend_refuse(b, -EINVAL, "bits 0x%" PRIx64 " are not offered",
					  bits & ~b->config.protocol_features);
	if (vri_protocol_orphans(bits)) {
		/* The specification wants the connection closed, not only a refusal. */
		b->failed = true;
		return vri_backend_refuse(b, -EINVAL, "bits 0x%" PRIx64 " need others to be set",
					  vri_protocol_orphans(bits));
	}
	b->negotiated.protocol = bits;
	return 0;
}

int vri_get_queue_num(struct vr_vu_backend *b)
{
	reply_u64(b, b->config.queue_num);
	return 0;
}

int vri_get_status(struct vr_vu_backend *b)
{
	reply_u64(b, b->status);
	return 0;
}

static int status_reset(struct vr_vu_backend *b)
{
	b->status = 0;
	return tell_status(b, 0, reset_answered);
}

/* FEATURES_OK that does not stay is how a device says that it cannot work like that. */
static uint8_t possible_status(const struct vr_vu_backend *b)
{
	const uint8_t status = (uint8_t)b->rx.payload.u64;

	return b->features_set ? status : status & (uint8_t)~VR_STATUS_FEATURES_OK;
}

static int status_answered(struct vr_vu_backend *b, int answer)
{
	uint8_t status = possible_status(b);

	if (answer < 0 && !(status & VR_STATUS_FEATURES_OK))
		return vri_backend_refuse(b, -EINVAL, "the device refuses 0x%x", status);
	if (answer < 0)
		status &= (uint8_t)~VR_STATUS_FEATURES_OK;
	b->status = status;
	vri_start_awaiting(b);
	return 0;
}

int vri_set_status(struct vr_vu_backend *b)
{
	const uint64_t value = b->rx.payload.u64;

	if (value > UINT8_MAX)
		return vri_backend_refuse(b, -EINVAL, "status 0x%" PRIx64 " has more than 8 bits",
					  value);
	if (!value)
		return vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_RESET, status_reset);
	return tell_status(b, possible_status(b), status_answered);
}

/* Does a GET_CONFIG or SET_CONFIG name bytes that exist, and bring as many as it names? */
static bool config_in_bounds(const struct vr_vu_backend *b)
{
	const struct vu_config *config = &b->rx.payload.config;

	return b->rx.header.size == VU_CONFIG_HEAD + (uint64_t)config->size && config->size &&
	       config->size <= b->config.config_size &&
	       config->offset <= b->config.config_size - config->size;
}

static int config_was_read(struct vr_vu_backend *b, int answer)
{
	const struct vu_config *config = &b->reply.config;

	if (answer >= 0) {
		b->reply_size = (uint32_t)VU_CONFIG_HEAD + config->size;
		return 0;
	}
	b->reply_size = 0;
	return vri_backend_refuse(b, 0, "the device cannot read %u+%u", config->offset,
				  config->size);
}

int vri_get_config(struct vr_vu_backend *b)
{
	struct vu_config *config = &b->reply.config;

	/* An error has an answer of its own here: one without payload. */
	*config = b->rx.payload.config;
	b->reply_size = 0;
	if (!config_in_bounds(b))
		return vri_backend_refuse(b, 0, "bytes %u+%u of a configuration space of %u",
					  config->offset, config->size, b->config.config_size);
	memset(config->data, 0, sizeof(config->data));
	vri_defer_expect(b);
	return vri_defer_settle(b,
				b->ops.config_read(b->config.context, config->offset, config->data,
						   config->size),
				config_was_read);
}

static int config_was_written(struct vr_vu_backend *b, int answer)
{
	const struct vu_config *config = &b->rx.payload.config;

	if (answer >= 0)
		return 0;
	return vri_backend_refuse(b, -EPERM, "bytes %u+%u are not writable", config->offset,
				  config->size);
}

int vri_set_config(struct vr_vu_backend *b)
{
	const struct vu_config *config = &b->rx.payload.config;

	if (!config_in_bounds(b))
		return vri_backend_refuse(b, -EINVAL, "bytes %u+%u of a configuration space of %u",
					  config->offset, config->size, b->config.config_size);
	if (config->flags > VU_CONFIG_MIGRATION)
		return vri_backend_refuse(b, -EINVAL, "unknown flags 0x%x", config->flags);
	if (!b->ops.config_write)
		return config_was_written(b, -EPERM);
	vri_defer_expect(b);
	return vri_defer_settle(b,
				b->ops.config_write(b->config.context, config->offset, config->data,
						    config->size,
						    config->flags == VU_CONFIG_MIGRATION),
				config_was_written);
}

static int mtu_answered(struct vr_vu_backend *b, int answer)
{
	const uint64_t mtu = b->rx.payload.u64;

	if (answer < 0)
		return vri_backend_refuse(b, -EINVAL, "the device refuses MTU %" PRIu64, mtu);
	b->mtu = (uint16_t)mtu;
	return 0;
}

int vri_net_set_mtu(struct vr_vu_backend *b)
{
	const uint64_t mtu = b->rx.payload.u64;

	if (mtu < MTU_MIN || mtu > UINT16_MAX)
		return vri_backend_refuse(b, -EINVAL, "MTU %" PRIu64 " is not in 68..65535", mtu);
	if (!b->ops.mtu)
		return mtu_answered(b, 0);
	vri_defer_expect(b);
	return vri_defer_settle(b, b->ops.mtu(b->config.context, (uint16_t)mtu), mtu_answered);
}

static int rarp_answered(struct vr_vu_backend *b, int answer)
{
	return answer < 0 ? vri_backend_refuse(b, -EIO, "the device failed") : 0;
}

int vri_send_rarp(struct vr_vu_backend *b)
{
	/* The first six bytes of the integer as it lies in memory are the address. */
	vri_defer_expect(b);
	return vri_defer_settle(b, b->ops.rarp(b->config.context, b->rx.payload.bytes),
				rarp_answered);
}
