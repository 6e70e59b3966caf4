// SPDX-License-Identifier: BSD-3-Clause
/* A front end's session with somebody's back end. */
#include "front.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "comeback.h"
#include "interrupt.h"

/* A device address that is no host address, so that one taken for the other is found out. */
#define GUEST_ADDR 0x100000000ull

#define ALIGN 128u

#define PROTOCOL \
	(VR_VU_PF_MQ | VR_VU_PF_REPLY_ACK | VR_VU_PF_MTU | VR_VU_PF_CONFIG | \
	 VR_VU_PF_RESET_DEVICE | VR_VU_PF_CONFIGURE_MEM_SLOTS | VR_VU_PF_STATUS)

static int refused(struct front *f, char *error, int code)
{
	const char *text = f->frontend ? vr_vu_frontend_error(f->frontend) : "";

	if (code == -ECONNREFUSED)
		text = "nobody listens";
	return tool_text(error, "%s: %s", f->path, *text ? text : strerror(-code));
}

int front_open(struct front *f, const char *path, uint64_t wanted, double patience, char *error)
{
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = path,
		/* A record costs the device time: only for who wants to use it. */
		.protocol_features = PROTOCOL | (patience > 0 ? VR_VU_PF_INFLIGHT_SHMFD : 0),
	};
	int code;

	memset(f, 0, sizeof(*f));
	f->path = path;
	f->patience = patience;
	f->inflight.fd = -1;
	for (uint32_t i = 0; i < FRONT_QUEUES_MAX; i++)
		f->queues[i].kick = f->queues[i].call = -1;
	code = vr_vu_frontend_create(&config, &f->frontend);
	if (!code)
		code = vr_vu_frontend_connect(f->frontend, 0);
	if (!code)
		code = vr_vu_frontend_negotiate(f->frontend, wanted, VR_F_VERSION_1, &f->offer,
						FRONT_MESSAGE_MS);
	if (code)
		return refused(f, error, code);
	f->features = f->offer.accepted & wanted;
	if (patience > 0 && !(f->offer.accepted_protocol & VR_VU_PF_INFLIGHT_SHMFD))
		return tool_text(error,
				 "%s: it keeps no record of what is in flight, so that no "
				 "other one could go on",
				 path);
	return 0;
}

int front_config(struct front *f, uint8_t *wire, uint32_t bytes, char *error)
{
	int code;

	if (!(f->offer.accepted_protocol & VR_VU_PF_CONFIG) || bytes == 0)
		return 0;
	code = vr_vu_frontend_get_config(f->frontend, 0, wire, bytes, FRONT_MESSAGE_MS);
	return code ? refused(f, error, code) : 1;
}

uint64_t front_ring_bytes(const struct front *f, uint32_t size)
{
	uint64_t bytes = 0;

	for (int area = 0; area < 3; area++)
		bytes += vr_ring_bytes(f->features, size, (enum vr_area)area) + ALIGN;
	return bytes;
}

int front_memory(struct front *f, uint64_t bytes, char *error)
{
	struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.size = bytes,
		.guest_addr = GUEST_ADDR,
	};
	int code = vr_shm_create(&config, &f->shm);

	return code ? tool_text(error, "shared memory: %s", strerror(-code)) : 0;
}

int front_area(struct front *f, struct vr_ring_area *area, uint64_t bytes)
{
	area->host = vr_shm_alloc(f->shm, bytes, ALIGN);
	area->addr = vr_shm_addr(f->shm, area->host);
	return area->host ? 0 : -1;
}

static int make_driver(struct front *f, struct front_queue *q)
{
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = f->features,
		.queue_size = q->size,
	};
	struct vr_ring_area *areas[3] = { &q->ring.descriptors, &q->ring.driver, &q->ring.device };
	size_t bytes;

	for (int i = 0; i < 3; i++)
		if (front_area(f, areas[i], vr_ring_bytes(f->features, q->size, (enum vr_area)i)))
			return -1;
	config.ring = q->ring;
	bytes = vr_driver_size(&config);
	q->state = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
	return q->state ? vr_driver_init(q->state, bytes, &config, &q->driver) : -1;
}

int front_queue(struct front *f, uint32_t index, uint32_t size, char *error)
{
	struct front_queue *q = &f->queues[index];

	q->index = index;
	q->size = size;
	if (f->count <= index)
		f->count = index + 1;
	q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->kick < 0 || q->call < 0)
		return tool_text(error, "eventfd: %s", strerror(errno));
	return make_driver(f, q) ? tool_text(error, "cannot make queue %u", index) : 0;
}

static int give_record(struct front *f)
{
	f->inflight.queues = (uint16_t)f->count;
	for (uint32_t i = 0; i < f->count; i++)
		if (f->inflight.queue_size < f->queues[i].size)
			f->inflight.queue_size = (uint16_t)f->queues[i].size;
	return comeback_give_record(f->frontend, &f->offer, &f->inflight, FRONT_MESSAGE_MS);
}

static int start_rings(void *context)
{
	struct front *f = context;
	struct vr_vu_vring vrings[FRONT_QUEUES_MAX];
	struct vr_mem_region region;
	uint32_t n = 0;
	int code = f->patience > 0 ? give_record(f) : 0;

	if (code)
		return code;
	vr_shm_region(f->shm, &region);
	for (uint32_t i = 0; i < f->count; i++) {
		const struct front_queue *q = &f->queues[i];

		if (q->size == 0)
			continue;
		vrings[n++] = (struct vr_vu_vring){
			.index = i,
			.size = q->size,
			/* The end of what it is known to have used. */
			.base = vr_driver_base(q->driver),
			.enabled = true,
			.ring = q->ring,
			.kick_fd = q->kick,
			.call_fd = q->call,
			.err_fd = -1,
		};
	}
	return vr_vu_frontend_start(f->frontend, f->offer.accepted, &region, 1, vrings, n,
				    FRONT_MESSAGE_MS);
}

static int await_return(struct front *f, char *error)
{
	const struct comeback comeback = {
		.path = f->path,
		.frontend = f->frontend,
		.offer = &f->offer,
		.features = f->features,
		.start = start_rings,
		.context = f,
	};

	if (!(f->patience > 0))
		return tool_text(error, "%s: it closed the connection", f->path);
	if (comeback_await(&comeback, f->patience, FRONT_MESSAGE_MS, error))
		return -1;
	f->returns++;
	return 1;
}

int front_start(struct front *f, char *error)
{
	int code = start_rings(f);

	/* It may be gone again already. */
	if (code == -ECONNRESET && f->patience > 0)
		code = await_return(f, error) < 0 ? -1 : 0;
	else if (code)
		code = refused(f, error, code);
	if (code)
		return -1;
	f->started = true;
	return 0;
}

void front_kick(struct front *f, struct front_queue *q)
{
	if (!vr_driver_must_notify(q->driver))
		return;
	f->notifications++;
	if (!f->kick_error)
		f->kick_error = vr_vu_notify(q->kick);
}

int front_broken(const struct front_queue *q, char *error)
{
	struct vr_fault fault;

	vr_driver_fault(q->driver, &fault);
	return tool_text(error, "the device broke queue %u: %s", q->index,
			 vr_fault_text(fault.reason));
}

int front_rest(struct front *f, int ms, char *error)
{
	struct pollfd fds[FRONT_QUEUES_MAX + 1];
	int got;

	if (f->kick_error)
		return tool_text(error, "%s: the device cannot be notified: %s", f->path,
				 strerror(-f->kick_error));
	for (uint32_t i = 0; i < f->count; i++) {
		struct front_queue *q = &f->queues[i];
		bool waits = q->size && vr_driver_outstanding(q->driver) > 0;

		if (waits && vr_driver_arm(q->driver, NULL))
			return 1;
		fds[i] = (struct pollfd){ .fd = waits ? q->call : -1, .events = POLLIN };
	}
	fds[f->count] =
		(struct pollfd){ .fd = vr_vu_frontend_fd(f->frontend), .events = POLLRDHUP };
	got = interrupt_poll(fds, f->count + 1, ms);
	if (got < 0)
		return tool_text(error, errno == EINTR ? "interrupted" : "poll fails");
	if (fds[f->count].revents)
		return await_return(f, error);
	for (uint32_t i = 0; i < f->count; i++)
		if (fds[i].revents)
			(void)vr_vu_drain(f->queues[i].call);
	return got > 0;
}

void front_close(struct front *f)
{
	/* A device that is gone has stopped. */
	for (uint32_t i = 0; i < f->count && f->started; i++) {
		struct vr_vu_vring vring = { .index = i };

		if (f->queues[i].size)
			(void)vr_vu_frontend_stop(f->frontend, &vring, 1, FRONT_MESSAGE_MS);
	}
	vr_vu_frontend_destroy(f->frontend);
	for (uint32_t i = 0; i < f->count; i++) {
		struct front_queue *q = &f->queues[i];

		free(q->state);
		if (q->kick >= 0)
			close(q->kick);
		if (q->call >= 0)
			close(q->call);
	}
	/* A session that was never opened is zero all over. */
	if (f->path && f->inflight.fd >= 0)
		close(f->inflight.fd);
	vr_shm_destroy(f->shm);
	memset(f, 0, sizeof(*f));
}
