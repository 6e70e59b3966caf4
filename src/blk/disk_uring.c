// SPDX-License-Identifier: BSD-3-Clause
/* A disk by io_uring: each operation has one entry in the ring at a time. */
#define _GNU_SOURCE
#include <errno.h>

#include "blk/disk.h"

/* Completions taken in one look. */
#define BATCH 64u

int vr_blk_uring_open(struct vr_blk_disk *disk, uint32_t depth)
{
	return io_uring_queue_init(depth, &disk->uring, 0);
}

static void prepare(struct io_uring_sqe *sqe, const struct vr_blk_step *step)
{
	switch (step->call) {
	case VR_BLK_CALL_READ:
		io_uring_prep_readv2(sqe, step->fd, step->iov, step->iov_count, step->offset,
				     step->flags);
		break;
	case VR_BLK_CALL_WRITE:
		io_uring_prep_writev2(sqe, step->fd, step->iov, step->iov_count, step->offset,
				      step->flags);
		break;
	case VR_BLK_CALL_SYNC:
		io_uring_prep_fsync(sqe, step->fd, IORING_FSYNC_DATASYNC);
		break;
	case VR_BLK_CALL_ALLOCATE:
		io_uring_prep_fallocate(sqe, step->fd, step->flags, (off_t)step->offset,
					(off_t)step->length);
		break;
	}
}

void vr_blk_uring_run(struct vr_blk_disk *disk, struct vr_blk_op *op)
{
	struct io_uring_sqe *sqe;

	if (!vr_blk_op_next(disk, op)) {
		vr_blk_op_finish(disk, op);
		return;
	}
	sqe = io_uring_get_sqe(&disk->uring);
	if (!sqe) {
		/* The ring is full of what was not handed over; the kernel makes room. */
		(void)io_uring_submit(&disk->uring);
		sqe = io_uring_get_sqe(&disk->uring);
	}
	if (!sqe) {
		/* It would not take anything now; this one does not wait for that. */
		vr_blk_plain_run(disk, op);
		return;
	}
	prepare(sqe, &op->step);
	io_uring_sqe_set_data(sqe, op);
}

void vr_blk_uring_reap(struct vr_blk_disk *disk)
{
	struct io_uring_cqe *cqes[BATCH];
	unsigned int got = io_uring_peek_batch_cqe(&disk->uring, cqes, BATCH);

	for (unsigned int i = 0; i < got; i++) {
		struct vr_blk_op *op = io_uring_cqe_get_data(cqes[i]);

		vr_blk_op_result(op, cqes[i]->res);
		vr_blk_uring_run(disk, op);
	}
	io_uring_cq_advance(&disk->uring, got);
}
