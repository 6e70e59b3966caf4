// SPDX-License-Identifier: BSD-3-Clause
/* virtring serve blk: a disk behind a vhost-user socket, in one thread. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/blk.h>
#include <virtring/features.h>
#include <virtring/memory.h>
#include <virtring/vhost_user.h>

#include "interrupt.h"
#include "mask.h"
#include "serve.h"

/* Requests handled at a time. */
#define BATCH 64u

/* Turns that one queue gets before the others have theirs. */
#define TURNS 8

/* Data segments of a request that is not long; QEMU's and Linux's usual number. */
#define SEG_MAX 126u

/* 2 GiB: a range that is written with zeroes should not take minutes. */
#define RANGE_SECTORS (1u << 22)

/* All that a disk can use. Linux as a front end works only if it can give a back channel. */
#define PROTOCOL \
	(VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | \
	 VR_VU_PF_RESET_DEVICE | VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS)

/* When the kernel takes no more for now, the time until it is asked again. */
#define RETRY_MS 1

struct queue {
	struct vr_vu_vring vring;
	struct vr_mem *mem;
	struct vr_device *device;
	struct vr_blk_device *blk;
	void *device_state;
	void *blk_state;
	bool running;
	bool again; /* there may be something to take */
	bool full; /* what is to be taken waits for a request to end */
	bool dirty; /* something is to be published */
	bool broken; /* and that has been said */
	bool deferred; /* a stop is being waited for */
};

struct server {
	const struct serve_options *options;
	struct vr_vu_backend *backend;
	struct vr_blk_disk *disk;
	struct vr_blk_space space;
	uint8_t wire[VR_BLK_SPACE_BYTES];
	uint64_t features;
	bool retry; /* the kernel did not take all */
	bool said; /* what was negotiated */
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

static void free_queue(struct queue *q)
{
	free(q->device_state);
	free(q->blk_state);
	memset(q, 0, sizeof(*q));
}

static void *state_memory(size_t bytes)
{
	return bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
}

static int make_device(struct queue *q)
{
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = q->vring.features,
		.ring = q->vring.ring,
		.queue_size = q->vring.size,
		.map = vr_mem_map(q->mem),
	};
	size_t bytes = vr_device_size(&config);

	q->device_state = state_memory(bytes);
	if (!q->device_state || vr_device_init(q->device_state, bytes, &config, &q->device))
		return -1;
	return vr_device_restore(q->device, q->vring.base);
}

static int make_blk(struct server *s, struct queue *q)
{
	uint32_t size = q->vring.size;
	struct vr_blk_device_config config = {
		.struct_size = sizeof(config),
		.features = q->vring.features,
		.queue = q->device,
		.space = &s->space,
		.read_only = s->options->read_only,
		.requests = size < 256 ? size : 256,
		.max_chain = size < 1024 ? 1024 : size,
	};
	const char *name = strrchr(s->options->image, '/');
	size_t bytes = vr_blk_device_size(&config);

	name = name ? name + 1 : s->options->image;
	memcpy(config.id, name, strnlen(name, sizeof(config.id)));
	q->blk_state = state_memory(bytes);
	return q->blk_state ? vr_blk_device_init(q->blk_state, bytes, &config, &q->blk) : -1;
}

static void say_negotiated(struct server *s, uint64_t features)
{
	char text[FEATURES_TEXT];

	if (s->said)
		return;
	s->said = true;
	printf("front end: %s\n", features_text(features, VR_DEVICE_BLK, text));
	fflush(stdout);
}

static int ring_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct server *s = context;
	struct queue *q = &s->queues[vring->index];

	q->vring = *vring;
	q->mem = mem;
	if (make_device(q) || make_blk(s, q)) {
		free_queue(q);
		return -1;
	}
	q->running = true;
	q->again = true;
	say_negotiated(s, vring->features);
	return 0;
}

/* Nothing of it is in flight any more. */
static void finish_stop(struct queue *q, uint32_t *base)
{
	(void)vr_device_publish(q->device, NULL);
	/* A broken queue may hold what it could not publish; its position is that of the used. */
	(void)vr_device_save(q->device, true, base);
	free_queue(q);
}

static int ring_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct server *s = context;
	struct queue *q = &s->queues[index];

	(void)why;
	if (vr_blk_device_busy(q->blk) > 0) {
		q->deferred = true;
		return VR_VU_DEFER;
	}
	finish_stop(q, base);
	return 0;
}

static void ring_enable(void *context, uint32_t index, bool enabled)
{
	struct server *s = context;

	s->queues[index].vring.enabled = enabled;
	s->queues[index].again = enabled;
}

static void connected(void *context)
{
	struct server *s = context;

	s->said = false;
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

/* ---- work ---- */

static void say_broken(struct queue *q)
{
	struct vr_blk_stats stats;
	struct vr_fault fault;

	if (q->broken)
		return;
	q->broken = true;
	vr_blk_device_stats(q->blk, &stats);
	vr_device_fault(q->device, &fault);
	if (stats.fault)
		fprintf(stderr, "virtring serve blk: queue %u is broken: %s\n", q->vring.index,
			vr_blk_fault_text(stats.fault));
	else
		fprintf(stderr,
			"virtring serve blk: queue %u is broken: %s (%#" PRIx64 ", bound %#" PRIx64
			")\n",
			q->vring.index, vr_fault_text(fault.reason), fault.value, fault.limit);
	(void)vr_vu_notify(q->vring.err_fd);
}

static void publish(struct queue *q)
{
	int verdict = vr_device_publish_and_verdict(q->device, NULL);

	q->dirty = false;
	if (verdict == 1)
		(void)vr_vu_notify(q->vring.call_fd);
	else if (verdict < 0)
		say_broken(q);
}

/* Takes what there is; false when the queue is empty, armed, or can give nothing now. */
static bool take_some(struct server *s, struct queue *q)
{
	struct vr_blk_request *requests[BATCH];
	int got = vr_blk_device_take(q->blk, requests, BATCH);

	for (int i = 0; i < got; i++) {
		requests[i]->context = q;
		if (vr_blk_disk_submit(s->disk, requests[i]))
			(void)vr_blk_device_done(q->blk, requests[i], VR_BLK_S_IOERR);
	}
	if (vr_device_staged(q->device) > 0)
		q->dirty = true;
	if (got == VR_E_BUSY)
		q->full = true;
	else if (got < 0 && got != VR_E_MISS)
		say_broken(q);
	if (got != 0)
		return got > 0;
	return vr_device_arm(q->device, NULL) && !q->broken;
}

static void run_queue(struct server *s, struct queue *q)
{
	q->again = false;
	if (!q->running || q->deferred || q->broken || q->full || !q->vring.enabled)
		return;
	for (int turn = 0; turn < TURNS; turn++)
		if (!take_some(s, q))
			return;
	q->again = true;
}

static void take_done(struct server *s)
{
	struct vr_blk_done done[BATCH];
	int got;

	do {
		got = vr_blk_disk_reap(s->disk, done, BATCH);
		for (int i = 0; i < got; i++) {
			struct queue *q = done[i].request->context;

			(void)vr_blk_device_done(q->blk, done[i].request, done[i].status);
			q->dirty = true;
			q->again = q->again || q->full;
			q->full = false;
		}
		s->retry = vr_blk_disk_start(s->disk) < 0;
	} while (got == (int)BATCH);
}

static void resume(struct server *s, struct queue *q)
{
	uint32_t index = q->vring.index;
	uint32_t base = q->vring.base;

	finish_stop(q, &base);
	(void)vr_vu_backend_resume(s->backend, index, base);
}

static void work(struct server *s, bool take)
{
	for (uint32_t i = 0; i < s->options->queues && take; i++)
		if (s->queues[i].again)
			run_queue(s, &s->queues[i]);
	s->retry = vr_blk_disk_start(s->disk) < 0;
	take_done(s);
	for (uint32_t i = 0; i < s->options->queues; i++) {
		struct queue *q = &s->queues[i];

		if (!q->running)
			continue;
		if (q->dirty)
			publish(q);
		if (vr_mem_lost(q->mem))
			vr_vu_backend_wake(s->backend);
		if (q->deferred && vr_blk_device_busy(q->blk) == 0)
			resume(s, q);
	}
}

/* ---- the loop ---- */

/* What to wait for: [0] the back end, [1] the disk, then the queues. */
static int collect(struct server *s, struct pollfd *fds)
{
	int timeout = s->retry ? RETRY_MS : -1;

	fds[0] = (struct pollfd){ .fd = vr_vu_backend_fd(s->backend), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = vr_blk_disk_fd(s->disk), .events = POLLIN };
	for (uint32_t i = 0; i < s->options->queues; i++) {
		struct queue *q = &s->queues[i];
		bool listens = q->running && !q->deferred && !q->broken && q->vring.enabled;

		fds[2 + i] =
			(struct pollfd){ .fd = listens ? q->vring.kick_fd : -1, .events = POLLIN };
		/* A queue without a descriptor is polled. */
		if (listens && q->vring.kick_fd < 0 && !q->full)
			q->again = true;
		if (q->again)
			timeout = 0;
	}
	return timeout;
}

static int loop(struct server *s)
{
	struct pollfd fds[2 + SERVE_QUEUES_MAX];

	while (!interrupt_seen()) {
		int timeout = collect(s, fds);
		int error;

		if (interrupt_poll(fds, 2 + s->options->queues, timeout) < 0) {
			if (errno == EINTR)
				continue;
			return cannot("poll", strerror(errno));
		}
		for (uint32_t i = 0; i < s->options->queues; i++) {
			struct queue *q = &s->queues[i];

			if (!fds[2 + i].revents)
				continue;
			(void)vr_vu_drain(q->vring.kick_fd);
			q->again = true;
		}
		work(s, true);
		error = fds[0].revents ? vr_vu_backend_process(s->backend) : 0;
		if (error)
			return cannot(s->options->socket, strerror(-error));
	}
	return 0;
}

/* Ends what was begun; what the front end still has in its rings is for who comes next. */
static void drain(struct server *s)
{
	while (vr_blk_disk_busy(s->disk) > 0) {
		struct pollfd fd = { .fd = vr_blk_disk_fd(s->disk), .events = POLLIN };

		work(s, false);
		if (vr_blk_disk_busy(s->disk) > 0)
			(void)poll(&fd, 1, s->retry ? RETRY_MS : 1000);
	}
	work(s, false);
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
		      VR_BLK_F_FLUSH;
	s->features |= options->queues > 1 ? VR_BLK_F_MQ : 0;
	s->features |= options->read_only ? VR_BLK_F_RO : VR_BLK_F_DISCARD | VR_BLK_F_WRITE_ZEROES;
	s->features &= ~options->mask;
	*space = (struct vr_blk_space){
		.capacity = info.sectors,
		.seg_max = SEG_MAX,
		.blk_size = info.block_size,
		.min_io_size = (uint16_t)(info.physical_size / info.block_size),
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
		return cannot(options->image, "--cache none: its file system has no O_DIRECT");
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

static int open_backend(struct server *s)
{
	static const struct vr_vu_backend_ops ops = {
		.struct_size = sizeof(ops),
		.connected = connected,
		.disconnected = disconnected,
		.ring_start = ring_start,
		.ring_stop = ring_stop,
		.ring_enable = ring_enable,
		.config_read = config_read,
	};
	struct vr_vu_backend_config config = {
		.struct_size = sizeof(config),
		.path = s->options->socket,
		.vrings = s->options->queues,
		.config_size = VR_BLK_SPACE_BYTES,
		.features = s->features,
		.protocol_features = PROTOCOL,
		.ops = &ops,
		.context = s,
		.log = log_line,
	};
	int error = vr_vu_backend_create(&config, &s->backend);

	if (!error)
		error = vr_vu_backend_open(s->backend);
	return error ? cannot(s->options->socket, strerror(-error)) : 0;
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
		status = open_backend(s);
	if (!status) {
		printf("serving %s (%" PRIu64 " bytes%s) on %s\noffering: %s\n", options->image,
		       s->space.capacity * VR_BLK_SECTOR, options->read_only ? ", read-only" : "",
		       options->socket, features_text(s->features, VR_DEVICE_BLK, text));
		fflush(stdout);
		status = loop(s);
		drain(s);
	}
	vr_vu_backend_destroy(s->backend);
	vr_blk_disk_close(s->disk);
	(void)vr_sigbus_remove();
	return status;
}
