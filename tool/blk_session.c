// SPDX-License-Identifier: BSD-3-Clause
/* A session with somebody's block device. */
#include "blk_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "comeback.h"
#include "interrupt.h"

/* Time for each vhost-user message, and for a result. */
#define MESSAGE_MS 10000
#define RESULT_MS 30000

/* Time for a back end to come back. */
#define RETURN_SECONDS 20

/* A device address that is no host address, so that one taken for the other is found out. */
#define GUEST_ADDR 0x100000000ull

#define WANTED \
	(VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_INDIRECT_DESC | VR_F_EVENT_IDX | \
	 VR_BLK_FEATURES)

/* What a disk may need, and a record of what is in flight, for a back end that comes back. */
#define PROTOCOL \
	(VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_CONFIG | VR_VU_PF_RESET_DEVICE | \
	 VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS | VR_VU_PF_INFLIGHT_SHMFD)

static int refused(struct session *s, char *error, int code)
{
	const char *text = s->frontend ? vr_vu_frontend_error(s->frontend) : "";

	if (code == -ECONNREFUSED)
		text = "nobody listens";
	return tool_text(error, "%s: %s", s->options.path, *text ? text : strerror(-code));
}

/* Segments of one command. */
static uint32_t segments_of(const struct session *s)
{
	uint32_t segment = s->options.segment;

	return segment ? (s->options.block + segment - 1) / segment : 1;
}

static uint32_t per_queue(const struct session *s)
{
	return (s->options.depth + s->options.queues - 1) / s->options.queues;
}

static int read_space(struct session *s, char *error)
{
	uint32_t bytes = vr_blk_space_bytes(s->features);
	uint8_t wire[VR_BLK_SPACE_BYTES] = { 0 };
	int code;

	if (!(s->offer.accepted_protocol & VR_VU_PF_CONFIG))
		return tool_text(error, "%s: it has no configuration space, so no known size",
				 s->options.path);
	code = vr_vu_frontend_get_config(s->frontend, 0, wire, bytes, MESSAGE_MS);
	if (code)
		return refused(s, error, code);
	vr_blk_space_decode(&s->space, s->features, wire);
	return 0;
}

static int judge_offer(struct session *s, char *error)
{
	uint32_t segment = s->options.block;

	if (s->options.queues > s->offer.queue_num || s->options.queues > s->space.num_queues)
		return tool_text(error, "%s: --queues %u, but it has %u", s->options.path,
				 s->options.queues, s->space.num_queues);
	if (s->features & VR_BLK_F_SIZE_MAX && s->space.size_max && s->space.size_max < segment)
		segment = s->space.size_max;
	if (s->options.segment == 0 || s->options.segment > segment)
		s->options.segment = segment;
	if (s->features & VR_BLK_F_SEG_MAX && s->space.seg_max && segments_of(s) > s->space.seg_max)
		return tool_text(error, "%s: a request of %u segments, but it takes %u",
				 s->options.path, segments_of(s), s->space.seg_max);
	if (!(s->features & VR_F_INDIRECT_DESC) && segments_of(s) + 2 > s->options.size)
		return tool_text(error, "%s: a request of %u segments in a queue of %u",
				 s->options.path, segments_of(s), s->options.size);
	return 0;
}

static int negotiate(struct session *s, char *error)
{
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = s->options.path,
		.protocol_features = PROTOCOL,
	};
	int code = vr_vu_frontend_create(&config, &s->frontend);

	if (!code)
		code = vr_vu_frontend_connect(s->frontend, 0);
	if (!code)
		code = vr_vu_frontend_negotiate(s->frontend, WANTED & ~s->options.mask,
						VR_F_VERSION_1, &s->offer, MESSAGE_MS);
	if (code)
		return refused(s, error, code);
	s->features = s->offer.accepted & WANTED;
	return read_space(s, error) || judge_offer(s, error) ? -1 : 0;
}

static uint64_t table_bytes(const struct session *s)
{
	return (uint64_t)s->options.size * (segments_of(s) + 2) * 16;
}

static int make_memory(struct session *s, char *error)
{
	struct vr_shm_config config = { .struct_size = sizeof(config), .guest_addr = GUEST_ADDR };
	uint64_t queue = 4 * 4096ull + table_bytes(s) + (uint64_t)per_queue(s) * VR_BLK_SLOT_BYTES;
	int code;

	for (int area = 0; area < 3; area++)
		queue += vr_ring_bytes(s->features, s->options.size, (enum vr_area)area);
	config.size =
		s->options.queues * queue + (uint64_t)s->options.depth * s->options.block + 4096;
	code = vr_shm_create(&config, &s->shm);
	if (code)
		return tool_text(error, "shared memory: %s", strerror(-code));
	s->data = vr_shm_alloc(s->shm, (uint64_t)s->options.depth * s->options.block, 4096);
	return s->data ? 0 : tool_text(error, "shared memory is too small");
}

static int area(struct session *s, struct vr_ring_area *area, uint64_t bytes)
{
	area->host = vr_shm_alloc(s->shm, bytes, 128);
	area->addr = vr_shm_addr(s->shm, area->host);
	return area->host ? 0 : -1;
}

static int make_driver(struct session *s, struct session_queue *q)
{
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = s->features,
		.queue_size = s->options.size,
		.max_segments = (uint16_t)(segments_of(s) + 2),
	};
	size_t bytes;

	for (int i = 0; i < 3; i++) {
		struct vr_ring_area *areas[3] = { &q->ring.descriptors, &q->ring.driver,
						  &q->ring.device };

		if (area(s, areas[i], vr_ring_bytes(s->features, s->options.size, (enum vr_area)i)))
			return -1;
	}
	config.ring = q->ring;
	if (s->features & VR_F_INDIRECT_DESC) {
		config.indirect_entries = (uint16_t)(segments_of(s) + 2);
		if (area(s, &config.indirect, table_bytes(s)))
			return -1;
	}
	bytes = vr_driver_size(&config);
	q->driver_state = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
	return q->driver_state ? vr_driver_init(q->driver_state, bytes, &config, &q->driver) : -1;
}

static int make_blk(struct session *s, struct session_queue *q)
{
	struct vr_blk_driver_config config = {
		.struct_size = sizeof(config),
		.features = s->features,
		.queue = q->driver,
		.space = &s->space,
		.requests = per_queue(s),
		.segments = segments_of(s),
	};
	size_t bytes;

	if (area(s, &config.slots, (uint64_t)config.requests * VR_BLK_SLOT_BYTES))
		return -1;
	bytes = vr_blk_driver_size(&config);
	q->blk_state = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
	return q->blk_state ? vr_blk_driver_init(q->blk_state, bytes, &config, &q->blk) : -1;
}

/* Where the device is to begin: at the end of what it is known to have used. */
static uint32_t base_of(const struct session *s, const struct session_queue *q)
{
	if (s->started)
		return vr_driver_base(q->driver);
	return s->features & VR_F_RING_PACKED ? VR_VU_BASE_FRESH_PACKED : VR_VU_BASE_FRESH_SPLIT;
}

static int start_rings(struct session *s)
{
	struct vr_vu_vring vrings[SESSION_QUEUES_MAX];
	struct vr_mem_region region;
	int code = 0;

	if (s->offer.accepted_protocol & VR_VU_PF_INFLIGHT_SHMFD) {
		s->inflight.queues = (uint16_t)s->options.queues;
		s->inflight.queue_size = (uint16_t)s->options.size;
		code = comeback_give_record(s->frontend, &s->offer, &s->inflight, MESSAGE_MS);
	}
	if (code)
		return code;
	vr_shm_region(s->shm, &region);
	for (uint32_t i = 0; i < s->options.queues; i++)
		vrings[i] = (struct vr_vu_vring){
			.index = i,
			.size = s->options.size,
			.base = base_of(s, &s->queues[i]),
			.enabled = true,
			.ring = s->queues[i].ring,
			.kick_fd = s->queues[i].kick,
			.call_fd = s->queues[i].call,
			.err_fd = -1,
		};
	return vr_vu_frontend_start(s->frontend, s->offer.accepted, &region, 1, vrings,
				    s->options.queues, MESSAGE_MS);
}

static int start(struct session *s, char *error)
{
	int code = start_rings(s);

	if (code)
		return refused(s, error, code);
	s->started = true;
	return 0;
}

static int watch(struct session *s, int fd, uint32_t events, bool connection)
{
	struct epoll_event event = { .events = events, .data.u32 = connection };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Edges of the call descriptors are enough: nobody has to read them, which saves a system call. */
static int make_epoll(struct session *s, char *error)
{
	int code;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	code = s->epoll < 0 ? -1 : watch(s, vr_vu_frontend_fd(s->frontend), EPOLLRDHUP, true);
	for (uint32_t i = 0; i < s->options.queues && !code; i++)
		code = watch(s, s->queues[i].call, EPOLLIN | EPOLLET, false);
	return code ? tool_text(error, "epoll: %s", strerror(errno)) : 0;
}

int session_open(struct session *s, const struct session_options *options, char *error)
{
	memset(s, 0, sizeof(*s));
	s->options = *options;
	s->epoll = -1;
	s->inflight.fd = -1;
	for (uint32_t i = 0; i < SESSION_QUEUES_MAX; i++)
		s->queues[i].kick = s->queues[i].call = -1;
	if (negotiate(s, error) || make_memory(s, error))
		return -1;
	for (uint32_t i = 0; i < s->options.queues; i++) {
		struct session_queue *q = &s->queues[i];

		if (make_driver(s, q) || make_blk(s, q))
			return tool_text(error, "cannot make queue %u", i);
		q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->kick < 0 || q->call < 0)
			return tool_text(error, "eventfd: %s", strerror(errno));
	}
	return make_epoll(s, error) || start(s, error) ? -1 : 0;
}

void session_close(struct session *s)
{
	struct vr_vu_vring vring = { .index = 0 };

	/* A device that is gone has stopped. */
	for (uint32_t i = 0; i < s->options.queues && s->started; i++) {
		vring.index = i;
		(void)vr_vu_frontend_stop(s->frontend, &vring, 1, MESSAGE_MS);
	}
	vr_vu_frontend_destroy(s->frontend);
	/* A session that was never opened is zero all over. */
	if (s->frontend && s->epoll >= 0)
		close(s->epoll);
	if (s->frontend && s->inflight.fd >= 0)
		close(s->inflight.fd);
	for (uint32_t i = 0; i < s->options.queues; i++) {
		struct session_queue *q = &s->queues[i];

		free(q->driver_state);
		free(q->blk_state);
		if (q->kick >= 0)
			close(q->kick);
		if (q->call >= 0)
			close(q->call);
	}
	vr_shm_destroy(s->shm);
	memset(s, 0, sizeof(*s));
}

uint8_t *session_block(const struct session *s, uint32_t slot)
{
	return s->data + (size_t)slot * s->options.block;
}

int session_transfer(struct session *s, uint32_t slot, uint32_t type, uint64_t sector,
		     uint32_t bytes)
{
	struct session_queue *q = &s->queues[slot % s->options.queues];
	struct vr_segment segments[1024];
	struct vr_blk_command command = {
		.type = type, .sector = sector, .segments = segments, .token = slot
	};
	uint64_t addr = vr_shm_addr(s->shm, session_block(s, slot));
	int taken;

	while (bytes > 0) {
		uint32_t part = bytes < s->options.segment ? bytes : s->options.segment;

		if (command.segment_count == 1024)
			return VR_E_TOO_LONG;
		segments[command.segment_count++] =
			(struct vr_segment){ .addr = addr, .len = part };
		addr += part;
		bytes -= part;
	}
	taken = vr_blk_driver_add(q->blk, &command, 1);
	q->added = q->added || taken > 0;
	return taken;
}

int session_zero(struct session *s, uint32_t slot, uint64_t sector, uint32_t bytes)
{
	struct session_queue *q = &s->queues[slot % s->options.queues];
	const struct vr_blk_range range = {
		.sector = sector,
		.sectors = bytes / VR_BLK_SECTOR,
		.flags = s->space.write_zeroes_may_unmap ? VR_BLK_UNMAP : 0,
	};
	const struct vr_blk_command command = {
		.type = VR_BLK_T_WRITE_ZEROES, .ranges = &range, .range_count = 1, .token = slot
	};
	int taken;

	if (!(s->features & VR_BLK_F_WRITE_ZEROES) ||
	    range.sectors > s->space.max_write_zeroes_sectors)
		return 0;
	taken = vr_blk_driver_add(q->blk, &command, 1);
	q->added = q->added || taken > 0;
	return taken;
}

static int broken(const struct session_queue *q, char *error)
{
	struct vr_fault fault;

	vr_driver_fault(q->driver, &fault);
	return tool_text(error, "the device broke the queue: %s", vr_fault_text(fault.reason));
}

static int publish(struct session *s, char *error)
{
	for (uint32_t i = 0; i < s->options.queues; i++) {
		struct session_queue *q = &s->queues[i];
		int verdict, code;

		if (!q->added)
			continue;
		q->added = false;
		verdict = vr_driver_publish_and_verdict(q->driver);
		if (verdict < 0)
			return broken(q, error);
		if (verdict == 0)
			continue;
		s->notifications++;
		code = vr_vu_notify(q->kick);
		if (code)
			return tool_text(error, "the device cannot be notified: %s",
					 strerror(-code));
	}
	return 0;
}

static int take(struct session *s, struct vr_blk_result *results, unsigned int count, char *error)
{
	unsigned int done = 0;

	for (uint32_t i = 0; i < s->options.queues && done < count; i++) {
		int got = vr_blk_driver_get(s->queues[i].blk, results + done, count - done);

		if (got < 0)
			return broken(&s->queues[i], error);
		done += (unsigned int)got;
	}
	return (int)done;
}

/*
 * Waking up costs more than a request, so half of what is in flight is waited for; the other half
 * keeps the device busy meanwhile. True when there is something already.
 */
static bool arm(const struct session_queue *q)
{
	unsigned int busy = vr_blk_driver_busy(q->blk);

	return busy > 0 && vr_driver_arm_delayed(q->driver, (busy + 1) / 2, NULL);
}

static int start_again(void *context)
{
	struct session *s = context;
	int code = start_rings(s);

	if (!code && watch(s, vr_vu_frontend_fd(s->frontend), EPOLLRDHUP, true))
		code = -errno;
	return code;
}

/* The back end is gone. With a record of what is in flight another one can take over. */
static int await_return(struct session *s, char *error)
{
	const struct comeback comeback = {
		.path = s->options.path,
		.frontend = s->frontend,
		.offer = &s->offer,
		.features = s->features,
		.start = start_again,
		.context = s,
	};

	if (s->inflight.fd < 0)
		return tool_text(error, "%s: it closed the connection", s->options.path);
	if (comeback_await(&comeback, RETURN_SECONDS, MESSAGE_MS, error))
		return -1;
	s->returns++;
	return 0;
}

/* Sleeps until one of the queues may have something. */
static int rest(struct session *s, char *error)
{
	struct epoll_event events[SESSION_QUEUES_MAX + 1];
	int got;

	for (uint32_t i = 0; i < s->options.queues; i++)
		if (arm(&s->queues[i]))
			return 0;
	got = interrupt_epoll(s->epoll, events, SESSION_QUEUES_MAX + 1, RESULT_MS);
	if (got < 0)
		return tool_text(error, errno == EINTR ? "interrupted" : "waiting fails");
	if (got == 0)
		return tool_text(error, "%s: no answer for %d seconds", s->options.path,
				 RESULT_MS / 1000);
	for (int i = 0; i < got; i++)
		if (events[i].data.u32)
			return await_return(s, error);
	return 0;
}

int session_look(struct session *s, struct vr_blk_result *results, unsigned int count, char *error)
{
	if (publish(s, error))
		return -1;
	return take(s, results, count, error);
}

int session_wait(struct session *s, struct vr_blk_result *results, unsigned int count, char *error)
{
	if (publish(s, error))
		return -1;
	for (;;) {
		int got = take(s, results, count, error);

		if (got != 0)
			return got;
		if (rest(s, error))
			return -1;
	}
}

int session_command(struct session *s, const struct vr_blk_command *command,
		    struct vr_blk_result *result, char *error)
{
	struct session_queue *q = &s->queues[0];
	int taken = vr_blk_driver_add(q->blk, command, 1);

	if (taken != 1)
		return tool_text(error, "the command is refused: %s", vr_strerror(taken));
	q->added = true;
	return session_wait(s, result, 1, error) == 1 ? 0 : -1;
}

uint64_t session_bytes(const struct session *s)
{
	return s->space.capacity * VR_BLK_SECTOR;
}
