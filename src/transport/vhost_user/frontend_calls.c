// SPDX-License-Identifier: BSD-3-Clause
/* A function for each message that a front end can send. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "transport/vhost_user/frontend.h"

static int send_empty(struct vr_vu_frontend *f, uint32_t request, int timeout_ms)
{
	return vri_frontend_call(f, &(struct vu_call){
					    .request = request,
					    .timeout_ms = timeout_ms,
				    });
}

static int send_u64(struct vr_vu_frontend *f, uint32_t request, uint64_t value, int timeout_ms)
{
	return vri_frontend_call(f, &(struct vu_call){
					    .request = request,
					    .size = sizeof(value),
					    .payload = &value,
					    .timeout_ms = timeout_ms,
				    });
}

static int send_state(struct vr_vu_frontend *f, uint32_t request, uint32_t index, uint32_t num,
		      int timeout_ms)
{
	const struct vu_vring_state state = { index, num };

	if (index >= VR_VU_MAX_VRINGS)
		return vri_frontend_refuse(f, -EINVAL, "%s: ring %u is above 255",
					   vr_vu_request_name(request), index);
	return vri_frontend_call(f, &(struct vu_call){
					    .request = request,
					    .size = sizeof(state),
					    .payload = &state,
					    .timeout_ms = timeout_ms,
				    });
}

static int get_u64(struct vr_vu_frontend *f, uint32_t request, uint64_t *value, int timeout_ms)
{
	int ret = send_empty(f, request, timeout_ms);

	if (!ret)
		*value = f->rx.payload.u64;
	return ret;
}

/* ---- session and features ---- */

int vr_vu_frontend_get_features(struct vr_vu_frontend *frontend, uint64_t *features, int timeout_ms)
{
	int ret = get_u64(frontend, VU_GET_FEATURES, features, timeout_ms);

	if (!ret)
		frontend->negotiated.offered = *features;
	return ret;
}

int vr_vu_frontend_set_features(struct vr_vu_frontend *frontend, uint64_t features, int timeout_ms)
{
	const uint64_t never = features & ~frontend->negotiated.offered;
	int ret;

	if (never)
		return vri_frontend_refuse(frontend, -EINVAL,
					   "SET_FEATURES: bits 0x%" PRIx64 " are not offered",
					   never);
	ret = send_u64(frontend, VU_SET_FEATURES, features, timeout_ms);
	if (!ret)
		frontend->negotiated.accepted = features;
	return ret;
}

int vr_vu_frontend_set_owner(struct vr_vu_frontend *frontend, int timeout_ms)
{
	return send_empty(frontend, VU_SET_OWNER, timeout_ms);
}

int vr_vu_frontend_reset_owner(struct vr_vu_frontend *frontend, int timeout_ms)
{
	return send_empty(frontend, VU_RESET_OWNER, timeout_ms);
}

int vr_vu_frontend_reset_device(struct vr_vu_frontend *frontend, int timeout_ms)
{
	int ret = send_empty(frontend, VU_RESET_DEVICE, timeout_ms);

	if (!ret)
		frontend->status = 0;
	return ret;
}

int vr_vu_frontend_get_protocol_features(struct vr_vu_frontend *frontend, uint64_t *features,
					 int timeout_ms)
{
	return get_u64(frontend, VU_GET_PROTOCOL_FEATURES, features, timeout_ms);
}

int vr_vu_frontend_set_protocol_features(struct vr_vu_frontend *frontend, uint64_t features,
					 int timeout_ms)
{
	const uint64_t never = features & ~VR_VU_PF_SUPPORTED;
	const uint64_t orphans = vri_protocol_orphans(features);
	int ret;

	if (never)
		return vri_frontend_refuse(frontend, -EINVAL,
					   "SET_PROTOCOL_FEATURES: bits 0x%" PRIx64
					   " are not supported",
					   never);
	if (orphans)
		return vri_frontend_refuse(frontend, -EINVAL,
					   "SET_PROTOCOL_FEATURES: bits 0x%" PRIx64
					   " need others to be set",
					   orphans);
	ret = send_u64(frontend, VU_SET_PROTOCOL_FEATURES, features, timeout_ms);
	if (!ret)
		frontend->negotiated.protocol = features;
	return ret;
}

int vr_vu_frontend_get_queue_num(struct vr_vu_frontend *frontend, uint64_t *count, int timeout_ms)
{
	int ret = get_u64(frontend, VU_GET_QUEUE_NUM, count, timeout_ms);

	if (!ret)
		frontend->queue_num = *count;
	return ret;
}

/* ---- memory ---- */

static struct vu_region wire_region(const struct vr_mem_region *region)
{
	return (struct vu_region){
		.guest_addr = region->guest_addr,
		.size = region->size,
		.user_addr = region->user_addr,
		.mmap_offset = region->mmap_offset,
	};
}

int vr_vu_frontend_set_mem_table(struct vr_vu_frontend *frontend,
				 const struct vr_mem_region *regions, uint32_t count,
				 int timeout_ms)
{
	struct vu_region_table table = { .count = count };
	int fds[VU_TABLE_REGIONS];
	uint32_t i;

	if (!count || count > VU_TABLE_REGIONS)
		return vri_frontend_refuse(frontend, -EINVAL, "SET_MEM_TABLE: %u regions, not 1..8",
					   count);
	for (i = 0; i < count; i++) {
		table.regions[i] = wire_region(&regions[i]);
		fds[i] = regions[i].fd;
	}
	return vri_frontend_call(frontend,
				 &(struct vu_call){
					 .request = VU_SET_MEM_TABLE,
					 .size = 8 + count * (uint32_t)sizeof(table.regions[0]),
					 .payload = &table,
					 .fds = fds,
					 .fd_count = count,
					 .timeout_ms = timeout_ms,
				 });
}

int vr_vu_frontend_get_max_mem_slots(struct vr_vu_frontend *frontend, uint64_t *slots,
				     int timeout_ms)
{
	return get_u64(frontend, VU_GET_MAX_MEM_SLOTS, slots, timeout_ms);
}

static int send_region(struct vr_vu_frontend *f, uint32_t request,
		       const struct vr_mem_region *region, uint32_t fd_count, int timeout_ms)
{
	const struct vu_single_region single = { .region = wire_region(region) };

	return vri_frontend_call(f, &(struct vu_call){
					    .request = request,
					    .size = sizeof(single),
					    .payload = &single,
					    .fds = &region->fd,
					    .fd_count = fd_count,
					    .timeout_ms = timeout_ms,
				    });
}

int vr_vu_frontend_add_mem_region(struct vr_vu_frontend *frontend,
				  const struct vr_mem_region *region, int timeout_ms)
{
	return send_region(frontend, VU_ADD_MEM_REG, region, 1, timeout_ms);
}

int vr_vu_frontend_remove_mem_region(struct vr_vu_frontend *frontend,
				     const struct vr_mem_region *region, int timeout_ms)
{
	return send_region(frontend, VU_REM_MEM_REG, region, 0, timeout_ms);
}

/* ---- rings ---- */

int vr_vu_frontend_set_vring_num(struct vr_vu_frontend *frontend, uint32_t index, uint32_t size,
				 int timeout_ms)
{
	return send_state(frontend, VU_SET_VRING_NUM, index, size, timeout_ms);
}

int vr_vu_frontend_set_vring_base(struct vr_vu_frontend *frontend, uint32_t index, uint32_t base,
				  int timeout_ms)
{
	return send_state(frontend, VU_SET_VRING_BASE, index, base, timeout_ms);
}

int vr_vu_frontend_get_vring_base(struct vr_vu_frontend *frontend, uint32_t index, uint32_t *base,
				  int timeout_ms)
{
	int ret = send_state(frontend, VU_GET_VRING_BASE, index, 0, timeout_ms);

	if (ret)
		return ret;
	if (frontend->rx.payload.state.index != index) {
		vri_frontend_refuse(frontend, -EPROTO, "GET_VRING_BASE: answer for ring %u, not %u",
				    frontend->rx.payload.state.index, index);
		vr_vu_frontend_disconnect(frontend);
		return -EPROTO;
	}
	*base = frontend->rx.payload.state.num;
	return 0;
}

/* Rings have the addresses of the device if those are translated. */
static uint64_t ring_addr(const struct vr_vu_frontend *f, const struct vr_ring_area *area)
{
	if (f->negotiated.accepted & VR_F_ACCESS_PLATFORM)
		return area->addr;
	return (uint64_t)(uintptr_t)area->host;
}

static int set_vring_addr(struct vr_vu_frontend *f, uint32_t index, const struct vr_ring *ring,
			  bool log, int timeout_ms)
{
	const struct vu_vring_addr addr = {
		.index = index,
		.flags = log ? VU_VRING_ADDR_LOG : 0,
		.descriptors = ring_addr(f, &ring->descriptors),
		.driver = ring_addr(f, &ring->driver),
		.device = ring_addr(f, &ring->device),
		.log = log ? ring->device.addr : 0,
	};

	if (index >= VR_VU_MAX_VRINGS)
		return vri_frontend_refuse(f, -EINVAL, "SET_VRING_ADDR: ring %u is above 255",
					   index);
	return vri_frontend_call(f, &(struct vu_call){
					    .request = VU_SET_VRING_ADDR,
					    .size = sizeof(addr),
					    .payload = &addr,
					    .timeout_ms = timeout_ms,
				    });
}

int vr_vu_frontend_set_vring_addr(struct vr_vu_frontend *frontend, uint32_t index,
				  const struct vr_ring *ring, int timeout_ms)
{
	return set_vring_addr(frontend, index, ring, false, timeout_ms);
}

int vr_vu_frontend_log_vring(struct vr_vu_frontend *frontend, uint32_t index,
			     const struct vr_ring *ring, bool log, int timeout_ms)
{
	return set_vring_addr(frontend, index, ring, log, timeout_ms);
}

static int send_ring_fd(struct vr_vu_frontend *f, uint32_t request, uint32_t index, int fd,
			int timeout_ms)
{
	const uint64_t value = fd < 0 ? index | VU_VRING_NO_FD : index;

	if (index >= VR_VU_MAX_VRINGS)
		return vri_frontend_refuse(f, -EINVAL, "%s: ring %u is above 255",
					   vr_vu_request_name(request), index);
	return vri_frontend_call(f, &(struct vu_call){
					    .request = request,
					    .size = sizeof(value),
					    .payload = &value,
					    .fds = &fd,
					    .fd_count = fd >= 0,
					    .timeout_ms = timeout_ms,
				    });
}

int vr_vu_frontend_set_vring_kick(struct vr_vu_frontend *frontend, uint32_t index, int fd,
				  int timeout_ms)
{
	return send_ring_fd(frontend, VU_SET_VRING_KICK, index, fd, timeout_ms);
}

int vr_vu_frontend_vring_kick(struct vr_vu_frontend *frontend, uint32_t index, int timeout_ms)
{
	return send_state(frontend, VU_VRING_KICK, index, 0, timeout_ms);
}

int vr_vu_frontend_set_vring_call(struct vr_vu_frontend *frontend, uint32_t index, int fd,
				  int timeout_ms)
{
	return send_ring_fd(frontend, VU_SET_VRING_CALL, index, fd, timeout_ms);
}

int vr_vu_frontend_set_vring_err(struct vr_vu_frontend *frontend, uint32_t index, int fd,
				 int timeout_ms)
{
	return send_ring_fd(frontend, VU_SET_VRING_ERR, index, fd, timeout_ms);
}

int vr_vu_frontend_set_vring_enable(struct vr_vu_frontend *frontend, uint32_t index, bool enable,
				    int timeout_ms)
{
	return send_state(frontend, VU_SET_VRING_ENABLE, index, enable, timeout_ms);
}

/* ---- device ---- */

int vr_vu_frontend_get_status(struct vr_vu_frontend *frontend, uint8_t *status, int timeout_ms)
{
	uint64_t value = 0;
	int ret = get_u64(frontend, VU_GET_STATUS, &value, timeout_ms);

	if (!ret)
		*status = (uint8_t)value;
	return ret;
}

int vr_vu_frontend_set_status(struct vr_vu_frontend *frontend, uint8_t status, int timeout_ms)
{
	int ret = send_u64(frontend, VU_SET_STATUS, status, timeout_ms);

	if (!ret)
		frontend->status = status;
	return ret;
}

static int send_config(struct vr_vu_frontend *f, uint32_t request, const struct vu_config *config,
		       int timeout_ms)
{
	if (!config->size || config->size > VU_CONFIG_MAX)
		return vri_frontend_refuse(f, -EINVAL, "%s: %u bytes, not 1..%u",
					   vr_vu_request_name(request), config->size,
					   VU_CONFIG_MAX);
	return vri_frontend_call(f, &(struct vu_call){
					    .request = request,
					    .size = (uint32_t)VU_CONFIG_HEAD + config->size,
					    .payload = config,
					    .timeout_ms = timeout_ms,
				    });
}

int vr_vu_frontend_get_config(struct vr_vu_frontend *frontend, uint32_t offset, void *data,
			      uint32_t size, int timeout_ms)
{
	const struct vu_config config = { .offset = offset, .size = size };
	const struct vu_config *answer = &frontend->rx.payload.config;
	int ret;

	ret = send_config(frontend, VU_GET_CONFIG, &config, timeout_ms);
	if (ret)
		return ret;
	if (!frontend->rx.header.size)
		return vri_frontend_refuse(frontend, -EREMOTEIO,
					   "GET_CONFIG: the back end has no bytes %u+%u", offset,
					   size);
	if (frontend->rx.header.size != VU_CONFIG_HEAD + (uint64_t)size || answer->size != size ||
	    answer->offset != offset) {
		vri_frontend_refuse(frontend, -EPROTO, "GET_CONFIG: answer for %u+%u, not %u+%u",
				    answer->offset, answer->size, offset, size);
		vr_vu_frontend_disconnect(frontend);
		return -EPROTO;
	}
	memcpy(data, answer->data, size);
	return 0;
}

int vr_vu_frontend_set_config(struct vr_vu_frontend *frontend, uint32_t offset, const void *data,
			      uint32_t size, bool migration, int timeout_ms)
{
	struct vu_config config = {
		.offset = offset,
		.size = size,
		.flags = migration ? VU_CONFIG_MIGRATION : 0,
	};

	if (size <= VU_CONFIG_MAX)
		memcpy(config.data, data, size);
	return send_config(frontend, VU_SET_CONFIG, &config, timeout_ms);
}

int vr_vu_frontend_set_mtu(struct vr_vu_frontend *frontend, uint16_t mtu, int timeout_ms)
{
	return send_u64(frontend, VU_NET_SET_MTU, mtu, timeout_ms);
}

int vr_vu_frontend_send_rarp(struct vr_vu_frontend *frontend, const uint8_t *mac, int timeout_ms)
{
	uint64_t value = 0;

	memcpy(&value, mac, 6);
	return send_u64(frontend, VU_SEND_RARP, value, timeout_ms);
}
