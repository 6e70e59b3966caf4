/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disk that is served: requests become operations, operations become steps, a step is one system
 * call. What the next step is (disk_op.c) does not depend on who makes the call: io_uring
 * (disk_uring.c) or this thread, which waits for it (disk_plain.c).
 */
#ifndef VR_BLK_DISK_H
#define VR_BLK_DISK_H

#include <liburing.h>
#include <sys/uio.h>

#include <virtring/blk.h>

/* Bytes that go through a buffer of our own at a time. */
#define VR_BLK_BOUNCE (128u << 10)

enum vr_blk_call {
	VR_BLK_CALL_READ,
	VR_BLK_CALL_WRITE,
	VR_BLK_CALL_SYNC,
	VR_BLK_CALL_ALLOCATE
};

/**
 * struct vr_blk_step - one system call
 * @call: which
 * @fd: on what
 * @iov: READ, WRITE: the memory
 * @iov_count: READ, WRITE: number of elements
 * @flags: WRITE: RWF_*; ALLOCATE: FALLOC_*
 * @offset: first byte
 * @length: ALLOCATE: bytes
 */
struct vr_blk_step {
	enum vr_blk_call call;
	int fd;
	const struct iovec *iov;
	unsigned int iov_count;
	int flags;
	uint64_t offset;
	uint64_t length;
};

/**
 * struct vr_blk_op - a request on its way
 * @next: in the list of those that are free, or done
 * @request: what is carried out
 * @step: what is being done for it
 * @one: memory of a step that does not use the request's pieces
 * @bounce: a buffer of VR_BLK_BOUNCE bytes, or NULL
 * @bounced: bytes in it that the step is about, 0: it does not use it
 * @done: bytes finished, of the request or of the range
 * @piece: first piece that is not finished
 * @range: first range that is not finished
 * @tries: how often the step was interrupted
 * @status: the outcome, as far as it is known
 * @zeroes: ranges are written with zeroes, as the file system knows no other way
 * @synced: the last step of a request that flushes is done
 */
struct vr_blk_op {
	struct vr_blk_op *next;
	struct vr_blk_request *request;
	struct vr_blk_step step;
	struct iovec one;
	uint8_t *bounce;
	uint32_t bounced;
	uint64_t done;
	uint32_t piece;
	uint32_t range;
	uint32_t tries;
	uint8_t status;
	bool zeroes;
	bool synced;
};

struct vr_blk_disk {
	int fd;
	int buffered; /* the same file through the page cache; @fd itself unless O_DIRECT */
	int event; /* without io_uring: what to poll */
	uint32_t flags;
	uint32_t align; /* of offsets, lengths and memory under O_DIRECT */
	struct vr_blk_disk_info info;
	unsigned int busy;
	struct vr_blk_op *free;
	struct vr_blk_op *done_first;
	struct vr_blk_op **done_last;
	struct io_uring uring;
	bool has_uring;
};

/**
 * vr_blk_op_next() - decide on the next step
 * @disk: the disk
 * @op: the operation; its @step is set
 *
 * Return: true, or false when there is nothing more to do and @op->status is the outcome.
 */
bool vr_blk_op_next(struct vr_blk_disk *disk, struct vr_blk_op *op);

/**
 * vr_blk_op_result() - take the outcome of a step
 * @op: the operation
 * @result: what the system call returned, negative errno for a failure
 */
void vr_blk_op_result(struct vr_blk_op *op, int result);

/** vr_blk_op_finish() - put an operation, its status known, to those that are done */
void vr_blk_op_finish(struct vr_blk_disk *disk, struct vr_blk_op *op);

/** vr_blk_plain_run() - carry an operation out, step by step */
void vr_blk_plain_run(struct vr_blk_disk *disk, struct vr_blk_op *op);

/**
 * vr_blk_uring_open() - set an io_uring up
 * @disk: the disk
 * @depth: entries
 *
 * Return: 0 or a negative errno value.
 */
int vr_blk_uring_open(struct vr_blk_disk *disk, uint32_t depth);

/** vr_blk_uring_run() - queue the next step of an operation, or finish it */
void vr_blk_uring_run(struct vr_blk_disk *disk, struct vr_blk_op *op);

/** vr_blk_uring_reap() - take what the kernel has finished, and go on with it */
void vr_blk_uring_reap(struct vr_blk_disk *disk);

#endif
