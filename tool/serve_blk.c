// SPDX-License-Identifier: BSD-3-Clause
/* virtring serve blk: a disk behind a vhost-user socket, in one thread. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/blk.h>
#include <virtring/features.h>
#include <virtring/memory.h>
#include <virtring/vhost_user_loop.h>

#include "dump_signal.h"
#include "interrupt.h"
#include "mask.h"
#include "sandbox.h"
#include "serve.h"
#include "signal_watch.h"

/*
 * Requests handled at a time: enough to share the cost of a system call among them, few enough that
 * driver and disk work at the same time instead of in turns.
 */
#define BATCH 8u

/* Data segments of a request that is not long; QEMU's and Linux's usual number. */
#define SEG_MAX 126u

/* 2 GiB: a range that is written with zeroes should not take minutes. */
#define RANGE_SECTORS (1u << 22)

/* All that a disk can use. Linux as a front end works only if it can give a back channel. */
#define PROTOCOL \
	(VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | \
	 VR_VU_PF_RESET_DEVICE | VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS | VR_VU_PF_QUEUE)

/* When the kernel takes no more for now, the time until it is asked again. */
#define RETRY_MS 1

struct queue {
	struct vr_vu_queue *queue;
	struct vr_blk_device *blk;
	void *blk_state;
	bool full; /* what is to be taken waits for a request to end */
};

struct server {
	const struct serve_options *options;
	struct vr_vu_loop *loop;
	struct dump_signal dump;
	struct signal_watch resize;
	struct vr_blk_disk *disk;
	struct vr_blk_space space;
	uint8_t wire[VR_BLK_SPACE_BYTES];
	uint64_t features;
	bool said; /* what was negotiated */
	uint64_t said_features;
	struct queue queues[SERVE_QUEUES_MAX];
};

static int cannot(const char *what, const char *why)
{
	fprintf(stderr, "virtring serve blk: %s: %s\n", what, why);
	return TOOL_CANNOT;
}

static void log_line(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "virtring serve blk: %s\n", text);
}

/* ---- life of a queue ---- */

static struct queue *queue_of(struct server *s, const struct vr_vu_queue *queue)
{
	return &s->queues[vr_vu_queue_vring(queue)->index];
}

static int make_blk(struct server *s, struct queue *q)
{
	const struct vr_vu_vring *vring = vr_vu_queue_vring(q->queue);
	struct vr_blk_device_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.queue = vr_vu_queue_device(q->queue),
		.space = &s->space,
		.read_only = s->options->read_only,
		.write_through = !s->space.writeback,
		.requests = vring->size < 256 ? vring->size : 256,
		.max_chain = vring->size < 1024 ? 1024 : vring->size,
	};
	const char *name = strrchr(s->options->image, '/');
	size_t bytes = vr_blk_device_size(&config);

	name = name ? name + 1 : s->options->image;
	memcpy(config.id, name, strnlen(name, sizeof(config.id)));
	q->blk_state = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
	return q->blk_state ? vr_blk_device_init(q->blk_state, bytes, &config, &q->blk) : -1;
}

static void say_negotiated(struct server *s, uint64_t features)
{
	char text[FEATURES_TEXT];

	/* A firmware may have used the disk before the kernel, through the same connection. */
	if (s->said && s->said_features == features)
		return;
	s->said = true;
	s->said_features = features;
	printf("front end: %s\n", features_text(features, VR_DEVICE_BLK, text));
	fflush(stdout);
}

static void queue_stop(void *context, struct vr_vu_queue *queue)
{
	struct queue *q = queue_of(context, queue);

	free(q->blk_state);
	*q = (struct queue){ .queue = NULL };
}

static int queue_start(void *context, struct vr_vu_queue *queue)
{
	struct server *s = context;
	struct queue *q = queue_of(s, queue);

	q->queue = queue;
	if (make_blk(s, q)) {
		queue_stop(s, queue);
		return -1;
	}
	say_negotiated(s, vr_vu_queue_vring(queue)->features);
	return 0;
}

static unsigned int queue_busy(void *context, struct vr_vu_queue *queue)
{
	return vr_blk_device_busy(queue_of(context, queue)->blk);
}

static void queue_broken(void *context, struct vr_vu_queue *queue)
{
	struct queue *q = queue_of(context, queue);
	struct vr_blk_stats stats;
	struct vr_fault fault;

	vr_blk_device_stats(q->blk, &stats);
	vr_device_fault(vr_vu_queue_device(queue), &fault);
	if (stats.fault)
		fprintf(stderr, "virtring serve blk: queue %u is broken: %s\n",
			vr_vu_queue_vring(queue)->index, vr_blk_fault_text(stats.fault));
	else
		fprintf(stderr,
			"virtring serve blk: queue %u is broken: %s (%#" PRIx64 ", bound %#" PRIx64
			")\n",
			vr_vu_queue_vring(queue)->index, vr_fault_text(fault.reason), fault.value,
			fault.limit);
}

/* The one field that a driver may write (5.2.5.1). */
static void set_writeback(struct server *s, bool writeback)
{
	s->space.writeback = writeback;
	vr_blk_space_encode(&s->space, s->features, s->wire);
	for (uint32_t i = 0; i < s->options->queues; i++)
		if (s->queues[i].blk)
			vr_blk_device_write_through(s->queues[i].blk, !writeback);
}

static void connected(void *context)
{
	struct server *s = context;

	s->said = false;
	set_writeback(s, !s->options->write_through);
}

/* A reset is the end of what the driver chose. */
static int status(void *context, uint8_t value)
{
	struct server *s = context;

	if (value == 0)
		set_writeback(s, !s->options->write_through);
	return 0;
}

static void disconnected(void *context, const char *error)
{
	(void)context;
	printf("front end gone%s%s\n", error ? ": " : "", error ? error : "");
	fflush(stdout);
}

static int config_read(void *context, uint32_t offset, void *data, uint32_t size)
{
	struct server *s = context;

	if (offset > sizeof(s->wire) || size > sizeof(s->wire) - offset)
		return -1;
	memcpy(data, s->wire + offset, size);
	return 0;
}

static int config_write(void *context, uint32_t offset, const void *data, uint32_t size,
			bool migration)
{
	struct server *s = context;
	uint8_t value;

	(void)migration;
	if (!(s->features & VR_BLK_F_CONFIG_WCE) || offset != VR_BLK_SPACE_WRITEBACK || size != 1)
		return -1;
	memcpy(&value, data, 1);
	set_writeback(s, value & 1);
	return 0;
}

/*
 * SIGHUP: the image has grown or shrunk. Who changed it says so: watching the file (inotify) would
 * wake us for each of our own writes, and tells nothing of a block device.
 */
static void resize(void *context)
{
	struct server *s = context;
	struct vr_blk_disk_info info;
	int error = vr_blk_disk_measure(s->disk);

	if (error) {
		(void)cannot(s->options->image, strerror(-error));
		return;
	}
	vr_blk_disk_info(s->disk, &info);
	printf("%s: %" PRIu64 " bytes, %s\n", s->options->image, info.sectors * VR_BLK_SECTOR,
	       info.sectors == s->space.capacity ? "as before" : "as of now");
	fflush(stdout);
	if (info.sectors == s->space.capacity)
		return;
	s->space.capacity = info.sectors;
	vr_blk_space_encode(&s->space, s->features, s->wire);
	for (uint32_t i = 0; i < s->options->queues; i++)
		if (s->queues[i].blk)
			vr_blk_device_resize(s->queues[i].blk, info.sectors);
	vr_vu_backend_config_changed(vr_vu_loop_backend(s->loop));
}

/* ---- work ---- */

static void finish(struct server *s, const struct vr_blk_done *done)
{
	struct queue *q = done->request->context;

	(void)vr_blk_device_done(q->blk, done->request, done->status);
	if (q->full)
		vr_vu_loop_again(s->loop, vr_vu_queue_vring(q->queue)->index);
}

/* Hands over to the kernel what was submitted, and takes what has ended; false: to be repeated. */
static bool exchange(struct server *s)
{
	struct vr_blk_done ended[BATCH];
	bool all;
	int got;

	/* Whether it went well is asked below. */
	(void)vr_blk_disk_start(s->disk);
	do {
		got = vr_blk_disk_reap(s->disk, ended, BATCH);
		for (int i = 0; i < got; i++)
			finish(s, &ended[i]);
		/* Nothing may have ended, and what was taken needs another step all the same. */
		all = vr_blk_disk_start(s->disk) == 0;
	} while (got == (int)BATCH);
	return all;
}

static int queue_work(void *context, struct vr_vu_queue *queue)
{
	struct server *s = context;
	struct queue *q = queue_of(s, queue);
	struct vr_blk_request *requests[BATCH];
	int got = vr_blk_device_take(q->blk, requests, BATCH);

	for (int i = 0; i < got; i++) {
		requests[i]->context = q;
		if (vr_blk_disk_submit(s->disk, requests[i]))
			(void)vr_blk_device_done(q->blk, requests[i], VR_BLK_S_IOERR);
	}
	q->full = got == VR_E_BUSY;
	if (got <= 0)
		return got;
	/* What is in the page cache has ended now. The driver goes on with it while we do the rest. */
	(void)exchange(s);
	(void)vr_vu_queue_flush(queue);
	return got;
}

static int turn(void *context)
{
	return exchange(context) ? -1 : RETRY_MS;
}

/* The disk has something: turn() takes it. */
static void disk_ready(void *context)
{
	(void)context;
}

static void stop(void *loop)
{
	vr_vu_loop_stop(loop);
}

static int run(struct server *s)
{
	int error;

	interrupt_calls(stop, s->loop);
	error = vr_vu_loop_run(s->loop);
	interrupt_calls(NULL, NULL);
	return error ? cannot(s->options->socket, strerror(-error)) : 0;
}

/* ---- beginning and end ---- */

static void describe(struct server *s)
{
	const struct serve_options *options = s->options;
	struct vr_blk_space *space = &s->space;
	struct vr_blk_disk_info info;

	vr_blk_disk_info(s->disk, &info);
	s->features = VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_INDIRECT_DESC |
		      VR_F_EVENT_IDX | VR_BLK_F_SEG_MAX | VR_BLK_F_BLK_SIZE | VR_BLK_F_TOPOLOGY |
		      VR_BLK_F_FLUSH | VR_BLK_F_CONFIG_WCE;
	s->features |= options->queues > 1 ? VR_BLK_F_MQ : 0;
	s->features |= options->read_only ? VR_BLK_F_RO : VR_BLK_F_DISCARD | VR_BLK_F_WRITE_ZEROES;
	s->features &= ~options->mask;
	*space = (struct vr_blk_space){
		.capacity = info.sectors,
		.seg_max = SEG_MAX,
		.blk_size = info.block_size,
		.min_io_size = (uint16_t)(info.physical_size / info.block_size),
		.writeback = !options->write_through,
		.num_queues = (uint16_t)options->queues,
		.max_discard_sectors = RANGE_SECTORS,
		.max_discard_seg = VR_BLK_RANGES_MAX,
		.discard_sector_alignment = info.physical_size / VR_BLK_SECTOR,
		.max_write_zeroes_sectors = RANGE_SECTORS,
		.max_write_zeroes_seg = VR_BLK_RANGES_MAX,
		.write_zeroes_may_unmap = 1,
	};
	while (info.block_size << space->physical_block_exp < info.physical_size)
		space->physical_block_exp++;
	vr_blk_space_encode(space, s->features, s->wire);
}

static int open_disk(struct server *s)
{
	const struct serve_options *options = s->options;
	struct vr_blk_disk_config config = {
		.struct_size = sizeof(config),
		.path = options->image,
		.flags = (options->read_only ? VR_BLK_DISK_READ_ONLY : 0) |
			 (options->direct ? VR_BLK_DISK_DIRECT : 0) |
			 (options->plain ? VR_BLK_DISK_PLAIN : 0),
	};
	struct vr_blk_disk_info info;
	int error = vr_blk_disk_open(&config, &s->disk);

	if (error == -EINVAL && options->direct)
		return cannot(options->image,
			      "its file system has no O_DIRECT: no --cache none or directsync");
	if (error == -ENOTBLK)
		return cannot(options->image, "neither a regular file nor a block device");
	if (error)
		return cannot(options->image, strerror(-error));
	vr_blk_disk_info(s->disk, &info);
	if (info.sectors == 0)
		return cannot(options->image, "not one sector of 512 bytes long");
	if (info.uring_error && !options->plain)
		fprintf(stderr, "virtring serve blk: no io_uring (%s): one request at a time\n",
			strerror(info.uring_error));
	describe(s);
	return 0;
}

static void watched(void *context, uint32_t index, enum vr_watch_what what, uint32_t value,
		    uint32_t bound)
{
	(void)context;
	fprintf(stderr, "virtring serve blk: queue %u: the driver: %s (%u, bound %u)\n", index,
		vr_watch_text(what), value, bound);
}

static int open_backend(struct server *s)
{
	static const struct vr_vu_backend_ops device = {
		.struct_size = sizeof(device),
		.connected = connected,
		.disconnected = disconnected,
		.status = status,
		.config_read = config_read,
		.config_write = config_write,
	};
	static const struct vr_vu_loop_ops queues = {
		.struct_size = sizeof(queues),
		.queue_start = queue_start,
		.queue_work = queue_work,
		.queue_busy = queue_busy,
		.queue_stop = queue_stop,
		.queue_broken = queue_broken,
		.turn = turn,
	};
	const struct vr_vu_backend_config backend = {
		.struct_size = sizeof(backend),
		.path = s->options->socket,
		.vrings = s->options->queues,
		.config_size = VR_BLK_SPACE_BYTES,
		.features = s->features,
		.protocol_features = PROTOCOL,
		.ops = &device,
		.context = s,
		.log = log_line,
	};
	const struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &queues,
		.watched = s->options->watch ? watched : NULL,
	};
	struct vr_vu_watch *watch;
	int error = vr_vu_loop_create(&config, &s->loop);

	if (!error)
		error = vr_vu_loop_watch(s->loop, vr_blk_disk_fd(s->disk), disk_ready, s, &watch);
	if (!error)
		error = dump_signal_watch(&s->dump, s->loop);
	if (!error)
		error = signal_watch_start(&s->resize, s->loop);
	if (!error)
		error = vr_vu_backend_open(vr_vu_loop_backend(s->loop));
	if (error == -ENOTSUP && s->options->watch)
		return cannot("--watch", "this build has no watcher (meson -Dwatch=true)");
	return error ? cannot(s->options->socket, strerror(-error)) : 0;
}

static int open_signals(struct server *s)
{
	int error;

	s->resize.seen = resize;
	s->resize.context = s;
	error = signal_watch_open(&s->resize, SIGHUP);
	if (error)
		return cannot("SIGHUP", strerror(-error));
	s->dump.device = "blk";
	s->dump.queues = s->options->queues;
	error = dump_signal_open(&s->dump, s->options->dump);
	return error ? cannot(s->options->dump, strerror(-error)) : 0;
}

int serve_blk(const struct serve_options *options)
{
	/* Large, and zero where nothing is set. */
	static struct server server;
	struct server *s = &server;
	char text[FEATURES_TEXT];
	int status;

	s->options = options;
	interrupt_setup();
	/* A front end that cuts its memory must not end this process. */
	(void)vr_sigbus_install();
	status = open_disk(s);
	if (!status)
		status = open_signals(s);
	if (!status)
		status = open_backend(s);
	/* All that has a name is open now; front ends are met without the right to open more. */
	if (!status)
		status = sandbox_serve(SANDBOX_BLK, "virtring serve blk", options->no_sandbox);
	if (!status) {
		printf("serving %s (%" PRIu64 " bytes%s) on %s\noffering: %s\n", options->image,
		       s->space.capacity * VR_BLK_SECTOR, options->read_only ? ", read-only" : "",
		       options->socket, features_text(s->features, VR_DEVICE_BLK, text));
		fflush(stdout);
		status = run(s);
	}
	dump_signal_close(&s->dump);
	signal_watch_close(&s->resize);
	vr_vu_loop_destroy(s->loop);
	vr_blk_disk_close(s->disk);
	(void)vr_sigbus_remove();
	return status;
}
