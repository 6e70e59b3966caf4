// SPDX-License-Identifier: BSD-3-Clause
/* A request to a disk, step by step. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/uio.h>

#include <virtring/memory.h>

#include "blk/disk.h"
#include "blk/wire.h"

/* Zeroes that are written at a time where they cannot be allocated. */
#define ZEROES (64u << 10)

/* A step that is interrupted more often than this has failed. */
#define TRIES 1000u

static const uint8_t zeroes[ZEROES];

_Static_assert(sizeof(struct vr_iovec) == sizeof(struct iovec), "one layout");
_Static_assert(offsetof(struct vr_iovec, len) == offsetof(struct iovec, iov_len), "one layout");

static uint64_t data_left(const struct vr_blk_op *op)
{
	return op->request->bytes - op->done;
}

/* How many of the next pieces O_DIRECT takes as they are; the last one may end anywhere. */
static uint32_t aligned_pieces(const struct vr_blk_disk *disk, const struct vr_blk_op *op,
			       uint32_t most)
{
	const struct vr_iovec *piece = &op->request->pieces[op->piece];
	uint32_t count = 0;

	while (count < most && (uintptr_t)piece[count].base % disk->align == 0 &&
	       piece[count].len % disk->align == 0)
		count++;
	return count;
}

/* Through a buffer of ours: O_DIRECT does not take the driver's memory as it lies. */
static bool bounce(struct vr_blk_op *op)
{
	const struct vr_blk_request *request = op->request;
	uint64_t left = data_left(op);

	if (!op->bounce)
		op->bounce = aligned_alloc(4096, VR_BLK_BOUNCE);
	if (!op->bounce) {
		op->status = VR_BLK_S_IOERR;
		return false;
	}
	op->bounced = left < VR_BLK_BOUNCE ? (uint32_t)left : VR_BLK_BOUNCE;
	if (request->type == VR_BLK_T_OUT)
		vr_iov_read(request->pieces + op->piece, request->piece_count - op->piece, 0,
			    op->bounce, op->bounced);
	op->one = (struct iovec){ op->bounce, op->bounced };
	op->step.iov = &op->one;
	op->step.iov_count = 1;
	return true;
}

static bool next_data(struct vr_blk_disk *disk, struct vr_blk_op *op)
{
	struct vr_blk_request *request = op->request;
	bool write = request->type == VR_BLK_T_OUT;
	uint32_t pieces = request->piece_count - op->piece;

	if (data_left(op) == 0)
		return false;
	if (pieces > IOV_MAX)
		pieces = IOV_MAX;
	op->bounced = 0;
	op->step = (struct vr_blk_step){
		.call = write ? VR_BLK_CALL_WRITE : VR_BLK_CALL_READ,
		.fd = disk->fd,
		.flags = write && request->flags & VR_BLK_STABLE ? RWF_DSYNC : 0,
		.offset = request->sector * VR_BLK_SECTOR + op->done,
		.iov = (const struct iovec *)(const void *)(request->pieces + op->piece),
		.iov_count = pieces,
	};
	if (!(disk->flags & VR_BLK_DISK_DIRECT))
		return true;
	if (op->step.offset % disk->align || data_left(op) % disk->align) {
		op->step.fd = disk->buffered;
		return true;
	}
	op->step.iov_count = aligned_pieces(disk, op, pieces);
	return op->step.iov_count > 0 || bounce(op);
}

static bool next_sync(struct vr_blk_disk *disk, struct vr_blk_op *op)
{
	if (op->synced || disk->flags & VR_BLK_DISK_READ_ONLY)
		return false;
	op->step = (struct vr_blk_step){ .call = VR_BLK_CALL_SYNC, .fd = disk->fd };
	return true;
}

static int allocate_mode(const struct vr_blk_request *request, const struct vr_blk_range *range)
{
	bool hole = request->type == VR_BLK_T_DISCARD || range->flags & VR_BLK_UNMAP;

	return FALLOC_FL_KEEP_SIZE | (hole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

static bool next_range(struct vr_blk_disk *disk, struct vr_blk_op *op)
{
	struct vr_blk_request *request = op->request;
	const struct vr_blk_range *range;
	uint64_t left;

	while (op->range < request->range_count &&
	       op->done == (uint64_t)request->ranges[op->range].sectors * VR_BLK_SECTOR) {
		op->range++;
		op->done = 0;
	}
	if (op->range == request->range_count)
		return request->flags & VR_BLK_STABLE && next_sync(disk, op);
	range = &request->ranges[op->range];
	left = (uint64_t)range->sectors * VR_BLK_SECTOR - op->done;
	op->step = (struct vr_blk_step){
		.call = VR_BLK_CALL_ALLOCATE,
		.fd = disk->fd,
		.flags = allocate_mode(request, range),
		.offset = range->sector * VR_BLK_SECTOR + op->done,
		.length = left,
	};
	if (!op->zeroes)
		return true;
	op->one.iov_base = (void *)(uintptr_t)zeroes;
	op->one.iov_len = left < ZEROES ? (size_t)left : ZEROES;
	op->step.call = VR_BLK_CALL_WRITE;
	op->step.fd = disk->buffered;
	op->step.flags = 0;
	op->step.iov = &op->one;
	op->step.iov_count = 1;
	return true;
}

bool vr_blk_op_next(struct vr_blk_disk *disk, struct vr_blk_op *op)
{
	if (op->status != VR_BLK_S_OK)
		return false;
	switch (op->request->type) {
	case VR_BLK_T_IN:
	case VR_BLK_T_OUT:
		return next_data(disk, op);
	case VR_BLK_T_FLUSH:
		return next_sync(disk, op);
	case VR_BLK_T_DISCARD:
	case VR_BLK_T_WRITE_ZEROES:
		return next_range(disk, op);
	default:
		op->status = VR_BLK_S_UNSUPP;
		return false;
	}
}

/* The pieces are the device half's own array, so they are cut where the step ended. */
static void advance_pieces(struct vr_blk_op *op, size_t bytes)
{
	while (bytes > 0) {
		struct vr_iovec *piece = &op->request->pieces[op->piece];

		if (piece->len > bytes) {
			piece->base = (uint8_t *)piece->base + bytes;
			piece->len -= bytes;
			return;
		}
		bytes -= piece->len;
		op->piece++;
	}
}

static void data_result(struct vr_blk_op *op, size_t bytes)
{
	if (op->bounced && op->request->type == VR_BLK_T_IN)
		vr_iov_write(op->request->pieces + op->piece, op->request->piece_count - op->piece,
			     0, op->bounce, bytes);
	op->done += bytes;
	advance_pieces(op, bytes);
}

static void failed(struct vr_blk_op *op, int error)
{
	const struct vr_blk_request *request = op->request;
	bool unknown = error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;

	if ((error == EINTR || error == EAGAIN) && op->tries++ < TRIES)
		return;
	if (op->step.call != VR_BLK_CALL_ALLOCATE || !unknown)
		op->status = VR_BLK_S_IOERR;
	else if (request->type == VR_BLK_T_WRITE_ZEROES)
		op->zeroes = true; /* what the file system cannot do is written */
	else
		op->status = VR_BLK_S_UNSUPP;
}

void vr_blk_op_result(struct vr_blk_op *op, int result)
{
	if (result < 0) {
		failed(op, -result);
		return;
	}
	switch (op->step.call) {
	case VR_BLK_CALL_SYNC:
		op->synced = true;
		return;
	case VR_BLK_CALL_ALLOCATE:
		op->done += op->step.length;
		return;
	default:
		break;
	}
	/* Nothing more where there should be: the file was cut behind our back. */
	if (result == 0)
		op->status = VR_BLK_S_IOERR;
	else if (op->request->range_count)
		op->done += (uint32_t)result;
	else
		data_result(op, (uint32_t)result);
}

void vr_blk_op_finish(struct vr_blk_disk *disk, struct vr_blk_op *op)
{
	op->next = NULL;
	*disk->done_last = op;
	disk->done_last = &op->next;
}
