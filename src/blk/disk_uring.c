// SPDX-License-Identifier: BSD-3-Clause
/*
 * A disk by io_uring: each operation has one entry in the ring at a time. Linux 5.10 or newer; older
 * ones cannot restrict a ring, and get plain system calls.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "blk/disk.h"

/* Completions taken in one look. */
#define BATCH 64u

/* Places of the disk's files in the ring's own table. */
#define FILE_DISK 0
#define FILE_BUFFERED 1

/*
 * What the ring will ever do: these operations, on the files of the disk. A filter of system calls
 * does not see what goes through a ring, so without this a program that gave up opening files could
 * still do it here.
 */
static int restrict_to_disk(struct io_uring *uring)
{
	static const uint8_t operations[] = {
		IORING_OP_READ,	  IORING_OP_READV, IORING_OP_WRITE,
		IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE
	};
	enum {
		OPERATIONS = sizeof(operations)
	};
	struct io_uring_restriction rules[OPERATIONS + 1] = { 0 };

	for (unsigned int i = 0; i < OPERATIONS; i++) {
		rules[i].opcode = IORING_RESTRICTION_SQE_OP;
		rules[i].sqe_op = operations[i];
	}
	rules[OPERATIONS].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
	rules[OPERATIONS].sqe_flags = IOSQE_FIXED_FILE;
	/* The library's own calls for these two are missing from the shared liburing 2.3. */
	return io_uring_register((unsigned int)uring->ring_fd, IORING_REGISTER_RESTRICTIONS, rules,
				 OPERATIONS + 1);
}

int vr_blk_uring_open(struct vr_blk_disk *disk, uint32_t depth)
{
	const int files[] = { [FILE_DISK] = disk->fd, [FILE_BUFFERED] = disk->buffered };
	int error = io_uring_queue_init(depth, &disk->uring, IORING_SETUP_R_DISABLED);

	if (error)
		return error;
	error = io_uring_register_files(&disk->uring, files, 2);
	if (!error)
		error = restrict_to_disk(&disk->uring);
	if (!error)
		error = io_uring_register((unsigned int)disk->uring.ring_fd,
					  IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (error)
		io_uring_queue_exit(&disk->uring);
	return error;
}

/* One piece of memory costs the kernel less than a list of one. */
static void prepare_data(struct io_uring_sqe *sqe, const struct vr_blk_step *step, int file)
{
	const struct iovec *iov = step->iov;
	bool read = step->call == VR_BLK_CALL_READ;

	if (step->iov_count == 1 && iov->iov_len <= INT32_MAX) {
		if (read)
			io_uring_prep_read(sqe, file, iov->iov_base, (unsigned int)iov->iov_len,
					   step->offset);
		else
			io_uring_prep_write(sqe, file, iov->iov_base, (unsigned int)iov->iov_len,
					    step->offset);
		sqe->rw_flags = step->flags;
	} else if (read) {
		io_uring_prep_readv2(sqe, file, iov, step->iov_count, step->offset, step->flags);
	} else {
		io_uring_prep_writev2(sqe, file, iov, step->iov_count, step->offset, step->flags);
	}
}

static void prepare(const struct vr_blk_disk *disk, struct io_uring_sqe *sqe,
		    const struct vr_blk_step *step)
{
	int file = step->fd == disk->fd ? FILE_DISK : FILE_BUFFERED;

	switch (step->call) {
	case VR_BLK_CALL_READ:
	case VR_BLK_CALL_WRITE:
		prepare_data(sqe, step, file);
		break;
	case VR_BLK_CALL_SYNC:
		io_uring_prep_fsync(sqe, file, IORING_FSYNC_DATASYNC);
		break;
	case VR_BLK_CALL_ALLOCATE:
		/* liburing says off_t before 2.5 and __u64 since; the kernel's fields are one. */
		io_uring_prep_fallocate(sqe, file, step->flags, 0, 0);
		sqe->off = step->offset;
		sqe->addr = step->length;
		break;
	}
	sqe->flags |= IOSQE_FIXED_FILE;
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
	prepare(disk, sqe, &op->step);
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
