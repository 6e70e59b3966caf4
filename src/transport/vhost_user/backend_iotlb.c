// SPDX-License-Identifier: BSD-3-Clause
/*
 * ACCESS_PLATFORM: what a driver calls an address has to be translated first. The device's map asks
 * the cache; what is not there is asked of the front end, and the device tries again when it is
 * kicked. A translation is taken away only while no ring that may have used it runs.
 */
#include <errno.h>
#include <inttypes.h>

#include "transport/vhost_user/backend.h"

/* Translations that are kept; as many as DPDK's. */
#define TRANSLATIONS_MAX 2048u

/* Misses within one page need one answer. */
#define PAGE(address) ((address) >> 12)

bool vri_has_iommu(const struct vr_vu_backend *b)
{
	return b->negotiated.accepted & VR_F_ACCESS_PLATFORM;
}

int vri_iotlb_begin(struct vr_vu_backend *b)
{
	return b->iotlb ? 0 : vri_iotlb_create(TRANSLATIONS_MAX, &b->iotlb);
}

static void forget(struct vu_miss *miss)
{
	pthread_mutex_lock(&miss->lock);
	miss->wanted = miss->sent = miss->refused = miss->denied = false;
	pthread_mutex_unlock(&miss->lock);
}

void vri_iotlb_end(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++)
		forget(&b->misses[i]);
	vri_iotlb_destroy(b->iotlb);
	b->iotlb = NULL;
}

/* ---- what is missing; any thread ---- */

/* VR_E_MISS: it will be asked for, or has been; VR_E_INVAL: the front end said that there is none. */
static int want(struct vu_miss *miss, uint64_t iova, uint32_t access)
{
	bool refused, ask;

	pthread_mutex_lock(&miss->lock);
	refused = miss->refused && miss->iova == iova && miss->access == access;
	ask = !refused && (!miss->wanted || miss->iova != iova || miss->access != access);
	if (ask) {
		miss->wanted = true;
		miss->sent = miss->refused = false;
		miss->iova = iova;
		miss->access = access;
	}
	pthread_mutex_unlock(&miss->lock);
	if (ask)
		vr_vu_backend_wake(miss->backend);
	return refused ? VR_E_INVAL : VR_E_MISS;
}

/* It has come while it was being asked for. */
static void unwant(struct vu_miss *miss)
{
	pthread_mutex_lock(&miss->lock);
	miss->wanted = miss->sent = miss->refused = false;
	pthread_mutex_unlock(&miss->lock);
}

static void deny(struct vu_miss *miss, uint64_t iova, uint32_t access)
{
	pthread_mutex_lock(&miss->lock);
	miss->denied = true;
	miss->iova = iova;
	miss->access = access;
	pthread_mutex_unlock(&miss->lock);
	vr_vu_backend_wake(miss->backend);
}

/* struct vr_map.miss of a ring's view. */
static int look_up(const struct vr_map *map, uint64_t addr, uint32_t access,
		   struct vr_map_range *range)
{
	struct vu_miss *miss = map->context;
	int ret;

	if (vri_iotlb_find(miss->backend->iotlb, addr, range)) {
		ret = want(miss, addr, access);
		/* Since the first look it may have come, when nobody knew that it was wanted. */
		if (vri_iotlb_find(miss->backend->iotlb, addr, range))
			return ret;
		unwant(miss);
	}
	/* The queue breaks when it sees what it may not do; the front end is told. */
	if (!(range->access & access))
		deny(miss, addr, access);
	return 0;
}

struct vr_mem *vri_iotlb_view(struct vr_vu_backend *b, struct vu_ring *ring)
{
	if (!vri_has_iommu(b))
		return vr_mem_ref(b->mem);
	return vri_mem_view(b->mem, look_up, &b->misses[ring->view.index]);
}

void vri_iotlb_release(struct vr_vu_backend *b, struct vu_ring *ring)
{
	ring->awaiting = false;
	vr_mem_put(ring->mem);
	ring->mem = NULL;
	forget(&b->misses[ring->view.index]);
}

int vri_iotlb_area(struct vr_vu_backend *b, struct vu_ring *ring, uint64_t iova, size_t bytes,
		   uint32_t access, void **host)
{
	uint64_t at = iova;
	int ret;

	if (iova > UINT64_MAX - (bytes - 1))
		return vri_backend_refuse(b, -EFAULT, "ring %u: 0x%" PRIx64 "+%zu wraps around",
					  ring->view.index, iova, bytes);
	ret = vri_iotlb_ptr(b->iotlb, &at, bytes, access, host);
	if (!ret)
		return 0;
	if (ret == -ENOENT && want(&b->misses[ring->view.index], at, access) == VR_E_MISS)
		return VU_PENDING;
	return vri_backend_refuse(b, ret, "ring %u: 0x%" PRIx64 "+%zu at 0x%" PRIx64 ": %s",
				  ring->view.index, iova, bytes, at,
				  ret == -EACCES ? "access is forbidden" :
				  ret == -ENOENT ? "no translation" :
						   "not in one piece");
}

/* ---- asking ---- */

/* Has the same been asked for another ring? The answer will do for both. */
static bool asked_already(struct vr_vu_backend *b, const struct vu_miss *miss)
{
	uint32_t i;
	bool same = false;

	for (i = 0; i < b->config.vrings && !same; i++) {
		struct vu_miss *other = &b->misses[i];

		if (other == miss)
			continue;
		pthread_mutex_lock(&other->lock);
		same = other->wanted && other->sent && PAGE(other->iova) == PAGE(miss->iova) &&
		       other->access == miss->access;
		pthread_mutex_unlock(&other->lock);
	}
	return same;
}

/* What is to be said about one ring, as type of the message; 0: nothing. */
static uint8_t take_due(struct vu_miss *miss, struct vu_miss *copy)
{
	uint8_t type = 0;

	pthread_mutex_lock(&miss->lock);
	if (miss->denied)
		type = VU_IOTLB_ACCESS_FAIL;
	else if (miss->wanted && !miss->sent)
		type = VU_IOTLB_MISS;
	miss->denied = false;
	miss->sent = miss->sent || type == VU_IOTLB_MISS;
	copy->iova = miss->iova;
	copy->access = miss->access;
	pthread_mutex_unlock(&miss->lock);
	return type;
}

bool vri_iotlb_next(struct vr_vu_backend *b, struct vu_iotlb *message)
{
	struct vu_miss copy;
	uint32_t i;

	for (i = 0; i < b->config.vrings && vri_has_iommu(b); i++) {
		struct vu_miss *miss = &b->misses[i];
		uint8_t type = take_due(miss, &copy);

		if (!type || (type == VU_IOTLB_MISS && asked_already(b, miss)))
			continue;
		*message = (struct vu_iotlb){
			.iova = copy.iova,
			.access = (uint8_t)copy.access,
			.type = type,
		};
		b->channel.miss_awaited = type == VU_IOTLB_MISS;
		b->channel.miss = copy.iova;
		return true;
	}
	return false;
}

void vri_iotlb_resend(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++) {
		pthread_mutex_lock(&b->misses[i].lock);
		b->misses[i].sent = false;
		pthread_mutex_unlock(&b->misses[i].lock);
	}
}

/* ---- when there is something new ---- */

void vri_start_awaiting(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++)
		if (b->rings[i].awaiting && vri_ring_start(b, &b->rings[i])) {
			vri_iotlb_release(b, &b->rings[i]);
			(void)vr_vu_notify(b->rings[i].view.err_fd);
		}
}

/* Is there an answer to what the worker of a running ring waits for? */
static bool has_answer(struct vr_vu_backend *b, struct vu_ring *ring)
{
	struct vu_miss *miss = &b->misses[ring->view.index];
	struct vr_map_range range;
	bool answered;

	pthread_mutex_lock(&miss->lock);
	answered = miss->wanted && (miss->refused || !vri_iotlb_find(b->iotlb, miss->iova, &range));
	pthread_mutex_unlock(&miss->lock);
	return answered && ring->view.running;
}

/* Who has no kick descriptor polls; what is no eventfd cannot be written to by us. */
static bool can_wake(const struct vu_ring *ring)
{
	return ring->view.kick_fd < 0 || vri_kick_is_eventfd(ring);
}

static void wake_running(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++) {
		struct vu_miss *miss = &b->misses[i];

		if (!has_answer(b, &b->rings[i]) || !can_wake(&b->rings[i]))
			continue;
		/* A refusal stays until it has been seen. */
		pthread_mutex_lock(&miss->lock);
		miss->wanted = miss->sent = false;
		pthread_mutex_unlock(&miss->lock);
		(void)vr_vu_notify(b->rings[i].view.kick_fd);
	}
}

static int wake_all(struct vr_vu_backend *b)
{
	wake_running(b);
	vri_start_awaiting(b);
	return 0;
}

/* Can a ring be woken only by starting it anew? */
static bool must_pause_to_wake(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings; i++)
		if (has_answer(b, &b->rings[i]) && !can_wake(&b->rings[i]))
			return true;
	return false;
}

void vri_iotlb_refused(struct vr_vu_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.vrings && b->channel.miss_awaited; i++) {
		struct vu_miss *miss = &b->misses[i];

		pthread_mutex_lock(&miss->lock);
		if (miss->wanted && miss->sent && PAGE(miss->iova) == PAGE(b->channel.miss))
			miss->refused = true;
		pthread_mutex_unlock(&miss->lock);
	}
	wake_running(b);
	/* Not while a message waits for rings to stop. */
	if (!vri_backend_waits(b))
		vri_start_awaiting(b);
}

/* ---- the front end's messages ---- */

/* There is always an answer: a session does not end over a translation. */
static int answer(struct vr_vu_backend *b, uint64_t value)
{
	vri_reply(b, &value, sizeof(value));
	return 0;
}

/* All of the address space, as Linux has it. */
static bool means_everything(const struct vu_iotlb *message)
{
	return !message->iova && !message->size;
}

static bool wraps(const struct vu_iotlb *message)
{
	return !message->size || message->iova > UINT64_MAX - (message->size - 1);
}

static int refuse(struct vr_vu_backend *b, const char *why)
{
	const struct vu_iotlb *message = &b->rx.payload.iotlb;

	vri_backend_refuse(b, 0,
			   "type %u, 0x%" PRIx64 "+0x%" PRIx64 " access %u user 0x%" PRIx64 ": %s",
			   message->type, message->iova, message->size, message->access,
			   message->user_addr, why);
	return answer(b, 1);
}

static int invalidate(struct vr_vu_backend *b)
{
	const struct vu_iotlb *message = &b->rx.payload.iotlb;

	if (means_everything(message)) {
		vri_iotlb_invalidate(b->iotlb, 0, UINT64_MAX);
		vri_iotlb_invalidate(b->iotlb, UINT64_MAX, 1);
	} else {
		vri_iotlb_invalidate(b->iotlb, message->iova, message->size);
	}
	return answer(b, 0);
}

static int update(struct vr_vu_backend *b)
{
	const struct vu_iotlb *message = &b->rx.payload.iotlb;
	int ret;

	ret = vri_iotlb_update(b->iotlb, b->mem, message->iova, message->size, message->user_addr,
			       message->access);
	if (ret)
		return refuse(b, ret == -EFAULT ? "in no region" : "no translation");
	answer(b, 0);
	/* Who waits for it and looked in vain did so before it was there: there are no more now. */
	if (must_pause_to_wake(b))
		return vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_PAUSE, wake_all);
	return wake_all(b);
}

static int apply(struct vr_vu_backend *b)
{
	return b->rx.payload.iotlb.type == VU_IOTLB_UPDATE ? update(b) : invalidate(b);
}

/* No ring runs. */
static int apply_rested(struct vr_vu_backend *b)
{
	vri_iotlb_rested(b->iotlb);
	return apply(b);
}

int vri_iotlb_msg(struct vr_vu_backend *b)
{
	const struct vu_iotlb *message = &b->rx.payload.iotlb;
	const bool everything = means_everything(message);

	if (message->type != VU_IOTLB_UPDATE && message->type != VU_IOTLB_INVALIDATE)
		return refuse(b, "neither update nor invalidate");
	if (wraps(message) && !(everything && message->type == VU_IOTLB_INVALIDATE))
		return refuse(b, "no range");
	/* What is taken away, or replaced, may be in use, and so may the areas of a ring. */
	if (vri_iotlb_in_use(b->iotlb, message->iova, everything ? UINT64_MAX : message->size))
		return vri_stop_rings(b, 0, b->config.vrings, VR_VU_STOP_PAUSE, apply_rested);
	return apply(b);
}
