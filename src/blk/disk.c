// SPDX-License-Identifier: BSD-3-Clause
/* A disk to serve: opening it, and requests in and out. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk/disk.h"
#include "blk/wire.h"

#define FLAGS (VR_BLK_DISK_READ_ONLY | VR_BLK_DISK_DIRECT | VR_BLK_DISK_PLAIN)
#define PAGE 4096u
#define DEPTH_MAX 4096u

static bool is_block_size(uint32_t bytes)
{
	return bytes >= VR_BLK_SECTOR && bytes <= 65536 && (bytes & (bytes - 1)) == 0;
}

/* A block device says what its blocks are. */
static int measure_device(struct vr_blk_disk *disk)
{
	unsigned int physical = 0;
	uint64_t bytes;
	int logical = 0;

	if (ioctl(disk->fd, BLKGETSIZE64, &bytes) || ioctl(disk->fd, BLKSSZGET, &logical))
		return -errno;
	disk->info.sectors = bytes / VR_BLK_SECTOR;
	if (is_block_size((uint32_t)logical))
		disk->info.block_size = (uint32_t)logical;
	disk->info.physical_size = disk->info.block_size;
	disk->align = disk->info.block_size;
	if (!ioctl(disk->fd, BLKPBSZGET, &physical) && is_block_size(physical) &&
	    physical > disk->info.block_size)
		disk->info.physical_size = physical;
	return 0;
}

/* A file has sectors; what is aligned to its file system's blocks is merely faster. */
static void measure_file(struct vr_blk_disk *disk, const struct stat *about)
{
	struct statx more;

	disk->info.sectors = (uint64_t)about->st_size / VR_BLK_SECTOR;
	if (is_block_size((uint32_t)about->st_blksize))
		disk->info.physical_size = (uint32_t)about->st_blksize;
	/* Where the kernel does not say what O_DIRECT takes, a page is safe. */
	disk->align = PAGE;
	if (!statx(disk->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &more) &&
	    more.stx_mask & STATX_DIOALIGN && is_block_size(more.stx_dio_offset_align) &&
	    more.stx_dio_mem_align <= PAGE && is_block_size(more.stx_dio_mem_align | VR_BLK_SECTOR))
		disk->align = more.stx_dio_offset_align > more.stx_dio_mem_align ?
				      more.stx_dio_offset_align :
				      more.stx_dio_mem_align;
}

static int measure(struct vr_blk_disk *disk)
{
	struct stat about;

	if (fstat(disk->fd, &about))
		return -errno;
	disk->info.block_size = VR_BLK_SECTOR;
	disk->info.physical_size = VR_BLK_SECTOR;
	if (S_ISBLK(about.st_mode))
		return measure_device(disk);
	if (!S_ISREG(about.st_mode))
		return -ENOTBLK;
	measure_file(disk, &about);
	return 0;
}

static int open_files(struct vr_blk_disk *disk, const char *path)
{
	/* Not to be stopped by a FIFO; regular files and block devices do not care. */
	int mode = O_CLOEXEC | O_NONBLOCK |
		   (disk->flags & VR_BLK_DISK_READ_ONLY ? O_RDONLY : O_RDWR);
	bool direct = disk->flags & VR_BLK_DISK_DIRECT;

	disk->fd = open(path, mode | (direct ? O_DIRECT : 0));
	if (disk->fd < 0)
		return -errno;
	disk->buffered = direct ? open(path, mode) : disk->fd;
	return disk->buffered < 0 ? -errno : measure(disk);
}

static int open_engine(struct vr_blk_disk *disk, uint32_t depth)
{
	disk->info.uring_error = EOPNOTSUPP;
	if (!(disk->flags & VR_BLK_DISK_PLAIN))
		disk->info.uring_error = -vr_blk_uring_open(disk, depth);
	disk->has_uring = disk->info.uring_error == 0;
	if (disk->has_uring)
		return 0;
	/* Never readable, as nothing ends later than it was submitted. */
	disk->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return disk->event < 0 ? -errno : 0;
}

int vr_blk_disk_open(const struct vr_blk_disk_config *config, struct vr_blk_disk **disk)
{
	struct vr_blk_disk *d;
	int error;

	if (!config || config->struct_size < sizeof(*config) || !config->path || !disk ||
	    config->flags & ~FLAGS || config->depth > DEPTH_MAX)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->fd = d->buffered = d->event = -1;
	d->flags = config->flags;
	d->done_last = &d->done_first;
	error = open_files(d, config->path);
	if (!error)
		error = open_engine(d, config->depth ? config->depth : 256);
	if (error) {
		vr_blk_disk_close(d);
		return error;
	}
	*disk = d;
	return 0;
}

void vr_blk_disk_close(struct vr_blk_disk *disk)
{
	if (!disk)
		return;
	if (disk->has_uring)
		io_uring_queue_exit(&disk->uring);
	if (disk->event >= 0)
		close(disk->event);
	if (disk->buffered >= 0 && disk->buffered != disk->fd)
		close(disk->buffered);
	if (disk->fd >= 0)
		close(disk->fd);
	while (disk->free) {
		struct vr_blk_op *op = disk->free;

		disk->free = op->next;
		free(op->bounce);
		free(op);
	}
	free(disk);
}

int vr_blk_disk_measure(struct vr_blk_disk *disk)
{
	struct stat about;
	uint64_t bytes;

	if (fstat(disk->fd, &about))
		return -errno;
	bytes = (uint64_t)about.st_size;
	if (S_ISBLK(about.st_mode) && ioctl(disk->fd, BLKGETSIZE64, &bytes))
		return -errno;
	disk->info.sectors = bytes / VR_BLK_SECTOR;
	return 0;
}

void vr_blk_disk_info(const struct vr_blk_disk *disk, struct vr_blk_disk_info *info)
{
	*info = disk->info;
}

int vr_blk_disk_fd(const struct vr_blk_disk *disk)
{
	return disk->has_uring ? disk->uring.ring_fd : disk->event;
}

/* The last word on what is touched, whoever made the request. */
static bool within(const struct vr_blk_disk *disk, const struct vr_blk_request *request)
{
	if (!vr_blk_within(request->sector, request->bytes / VR_BLK_SECTOR, disk->info.sectors) &&
	    request->bytes)
		return false;
	for (uint32_t i = 0; i < request->range_count; i++)
		if (!vr_blk_within(request->ranges[i].sector, request->ranges[i].sectors,
				   disk->info.sectors))
			return false;
	return request->type == VR_BLK_T_IN || request->type == VR_BLK_T_FLUSH ||
	       !(disk->flags & VR_BLK_DISK_READ_ONLY);
}

static struct vr_blk_op *new_op(struct vr_blk_disk *disk)
{
	struct vr_blk_op *op = disk->free;
	uint8_t *bounce;

	if (!op)
		return calloc(1, sizeof(*op));
	disk->free = op->next;
	bounce = op->bounce;
	memset(op, 0, sizeof(*op));
	op->bounce = bounce;
	return op;
}

int vr_blk_disk_submit(struct vr_blk_disk *disk, struct vr_blk_request *request)
{
	struct vr_blk_op *op = new_op(disk);

	if (!op)
		return -ENOMEM;
	op->request = request;
	if (!within(disk, request))
		op->status = VR_BLK_S_IOERR;
	disk->busy++;
	if (disk->has_uring)
		vr_blk_uring_run(disk, op);
	else
		vr_blk_plain_run(disk, op);
	return 0;
}

int vr_blk_disk_start(struct vr_blk_disk *disk)
{
	int result;

	if (!disk->has_uring || io_uring_sq_ready(&disk->uring) == 0)
		return 0;
	result = io_uring_submit(&disk->uring);
	return result < 0 ? result : 0;
}

int vr_blk_disk_reap(struct vr_blk_disk *disk, struct vr_blk_done *done, unsigned int count)
{
	unsigned int got = 0;

	if (disk->has_uring)
		vr_blk_uring_reap(disk);
	while (got < count && disk->done_first) {
		struct vr_blk_op *op = disk->done_first;

		disk->done_first = op->next;
		if (!disk->done_first)
			disk->done_last = &disk->done_first;
		done[got++] = (struct vr_blk_done){ op->request, op->status };
		op->next = disk->free;
		disk->free = op;
		disk->busy--;
	}
	return (int)got;
}

unsigned int vr_blk_disk_busy(const struct vr_blk_disk *disk)
{
	return disk->busy;
}
