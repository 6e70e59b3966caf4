// SPDX-License-Identifier: BSD-3-Clause
/*
 * Messages about the memory for buffers in flight. This end makes it; the front end keeps it, and
 * gives it to whoever serves it next.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/mem.h"
#include "transport/vhost_user/backend.h"
#include "transport/vhost_user/inflight.h"

/* Larger rings than the front end said have a record if they have at most this size. */
#define LARGE_SIZE 1024u

/*
 * There is room for either layout: front ends ask before SET_FEATURES, or keep the memory when a firmware
 * that used a split ring is followed by a kernel that uses a packed one (QEMU).
 */
static uint64_t usual_room(const struct vu_inflight_memory *shape)
{
	return shape->queues * (uint64_t)vri_inflight_bytes(true, shape->queue_size);
}

/*
 * Behind it, a second place for each ring, should it turn out larger: QEMU 10 asks for 128 entries and
 * uses rings of 256. Other back ends know the first places only.
 */
static uint64_t all_room(const struct vu_inflight_memory *shape)
{
	return usual_room(shape) + shape->queues * (uint64_t)vri_inflight_bytes(true, LARGE_SIZE);
}

static int check_shape(struct vr_vu_backend *b)
{
	const struct vu_inflight_memory *shape = &b->rx.payload.inflight;

	if (!shape->queues || shape->queues > b->config.vrings)
		return vri_backend_refuse(b, -EINVAL, "%u rings, but the device has %u",
					  shape->queues, b->config.vrings);
	if (!shape->queue_size || shape->queue_size > VR_QUEUE_SIZE_MAX)
		return vri_backend_refuse(b, -EINVAL, "queue size %u", shape->queue_size);
	return 0;
}

static int make_memory(uint64_t bytes)
{
	const int fd = memfd_create("virtring-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, (off_t)bytes) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int vri_get_inflight_fd(struct vr_vu_backend *b)
{
	struct vu_inflight_memory shape = b->rx.payload.inflight;
	int fd;

	if (check_shape(b))
		return -EINVAL;
	shape.size = all_room(&shape);
	shape.offset = 0;
	fd = make_memory(shape.size);
	if (fd < 0)
		return vri_backend_refuse(b, fd, "%" PRIu64 " bytes of memory", shape.size);
	vri_reply(b, &shape, sizeof(shape));
	vri_reply_fd(b, fd);
	return 0;
}

void vri_inflight_close(struct vr_vu_backend *b)
{
	if (b->inflight.mapping)
		vri_mapping_put(b->inflight.mapping);
	b->inflight.mapping = NULL;
}

int vri_set_inflight_fd(struct vr_vu_backend *b)
{
	const struct vu_inflight_memory *shape = &b->rx.payload.inflight;
	const struct vr_mem_region region = {
		.size = shape->size,
		.mmap_offset = shape->offset,
		.fd = b->rx.fds[0],
	};
	struct mem_mapping *mapping;
	const char *why = "";
	uint32_t i;
	int ret;

	if (check_shape(b))
		return -EINVAL;
	if (vri_any_ring_runs(b))
		return vri_backend_refuse(b, -EBUSY, "a ring is running");
	if (!shape->size || shape->offset > INT64_MAX || shape->size > INT64_MAX - shape->offset ||
	    shape->offset % 8)
		return vri_backend_refuse(b, -EINVAL, "size 0x%" PRIx64 ", offset 0x%" PRIx64,
					  shape->size, shape->offset);
	ret = vri_mapping_create(&region, &mapping, &why);
	if (ret)
		return vri_backend_refuse(b, ret, "%s (size 0x%" PRIx64 " offset 0x%" PRIx64 ")",
					  why, shape->size, shape->offset);
	vri_inflight_close(b);
	b->inflight.mapping = mapping;
	b->inflight.shape = *shape;
	for (i = 0; i < b->config.vrings; i++)
		b->rings[i].recover = true;
	return 0;
}

bool vri_inflight_too_small(const struct vr_vu_backend *b, uint32_t index)
{
	const struct vu_inflight_memory *shape = &b->inflight.shape;
	const uint32_t size = b->rings[index].view.size;

	return b->inflight.mapping && index < shape->queues && size > shape->queue_size &&
	       (size > LARGE_SIZE || shape->size < all_room(shape));
}

int vri_inflight_view(struct vr_vu_backend *b, uint32_t index, void **memory)
{
	const struct vu_inflight_memory *shape = &b->inflight.shape;
	uint64_t bytes;

	*memory = NULL;
	if (!b->inflight.mapping || index >= shape->queues || vri_inflight_too_small(b, index))
		return 0;
	if (b->rings[index].view.size > shape->queue_size) {
		bytes = vri_inflight_bytes(true, LARGE_SIZE);
		*memory = b->inflight.mapping->base + usual_room(shape) + index * bytes;
		return 0;
	}
	bytes = vri_inflight_bytes(b->negotiated.accepted & VR_F_RING_PACKED, shape->queue_size);
	if (bytes > shape->size / (index + 1u))
		return vri_backend_refuse(
			b, -EINVAL, "ring %u: the memory for buffers in flight has no room for it",
			index);
	*memory = b->inflight.mapping->base + index * bytes;
	return 0;
}

void vri_inflight_forget(struct vr_vu_backend *b, uint32_t index)
{
	void *memory;

	if (b->rings[index].recover || vri_inflight_view(b, index, &memory) || !memory)
		return;
	/* In both layouts the version is behind the features, and 0 is that of no record. */
	__atomic_store_n((uint16_t *)memory + 4, 0, __ATOMIC_RELAXED);
}
