// SPDX-License-Identifier: BSD-3-Clause
/* A disk without io_uring: this thread makes the system calls and waits for them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "blk/disk.h"

static int run(const struct vr_blk_step *step)
{
	ssize_t result = 0;

	switch (step->call) {
	case VR_BLK_CALL_READ:
		result = preadv2(step->fd, step->iov, (int)step->iov_count, (off_t)step->offset,
				 step->flags);
		break;
	case VR_BLK_CALL_WRITE:
		result = pwritev2(step->fd, step->iov, (int)step->iov_count, (off_t)step->offset,
				  step->flags);
		break;
	case VR_BLK_CALL_SYNC:
		result = fdatasync(step->fd);
		break;
	case VR_BLK_CALL_ALLOCATE:
		result = fallocate(step->fd, step->flags, (off_t)step->offset, (off_t)step->length);
		break;
	}
	/* A call moves less than 2^31 bytes. */
	return result < 0 ? -errno : (int)result;
}

void vr_blk_plain_run(struct vr_blk_disk *disk, struct vr_blk_op *op)
{
	while (vr_blk_op_next(disk, op))
		vr_blk_op_result(op, run(&op->step));
	vr_blk_op_finish(disk, op);
}
