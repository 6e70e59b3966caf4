// SPDX-License-Identifier: BSD-3-Clause
/* See check_load_ring.h. */
#include "check_load_ring.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check/play.h"

#define GUEST_ADDR 0x100000000ull
/* The areas of a ring of any size, with their alignment. */
#define RING_BYTES (64u << 10)

uint32_t load_below(struct load_session *s, uint32_t bound)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (uint32_t)(((s->random * 0x2545f4914f6cdd1dull) >> 33) % bound);
}

int load_say(int status, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	(void)fputc('\n', stderr);
	return status;
}

int load_broken(const struct load_session *s, uint32_t ring)
{
	struct vr_fault fault;

	vr_driver_fault(s->drivers[ring], &fault);
	return load_say(s->job->hostile ? LOAD_REFUSED : LOAD_CORRUPT, "the queue is broken: %s",
			vr_fault_text(fault.reason));
}

/* A session that ends is the device's right, or what a hostile one is answered with. */
int load_lost(const struct load_session *s, int code)
{
	return load_say(s->job->hostile ? LOAD_ENDED : LOAD_FAILED, "%s (%s)",
			vr_vu_frontend_error(s->frontend), strerror(-code));
}

/* ---- setting up ---- */

static int read_config(struct load_session *s)
{
	uint8_t space[PLAY_CONFIG_BYTES];
	int code;

	if (!(s->offer.accepted_protocol & VR_VU_PF_CONFIG))
		return LOAD_OK;
	code = vr_vu_frontend_get_config(s->frontend, 0, space, sizeof(space), LOAD_MESSAGE_MS);
	return code ? load_lost(s, code) : LOAD_OK;
}

int load_connect(struct load_session *s, uint32_t rings)
{
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = s->job->path,
		.rings_per_queue = rings,
	};
	int code = vr_vu_frontend_create(&config, &s->frontend);

	if (!code)
		code = vr_vu_frontend_connect(s->frontend, LOAD_MESSAGE_MS);
	if (!code)
		code = vr_vu_frontend_negotiate(s->frontend, s->job->features, VR_F_VERSION_1,
						&s->offer, LOAD_MESSAGE_MS);
	return code ? load_lost(s, code) : read_config(s);
}

int load_make_memory(struct load_session *s, uint64_t bytes)
{
	uint64_t tables = (uint64_t)s->job->size * s->job->indirect * 16;
	struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.size = bytes + LOAD_RINGS * (RING_BYTES + tables),
		.guest_addr = GUEST_ADDR,
	};

	return vr_shm_create(&config, &s->shm) ? load_say(LOAD_FAILED, "no shared memory") :
						 LOAD_OK;
}

static bool area(struct load_session *s, struct vr_ring_area *ring_area, uint64_t bytes)
{
	ring_area->host = vr_shm_alloc(s->shm, bytes, 128);
	ring_area->addr = ring_area->host ? vr_shm_addr(s->shm, ring_area->host) : 0;
	return ring_area->host;
}

static bool ring_areas(struct load_session *s, struct vr_driver_config *config)
{
	struct vr_ring_area *areas[] = { &config->ring.descriptors, &config->ring.driver,
					 &config->ring.device };

	for (int i = 0; i < 3; i++) {
		size_t bytes = vr_ring_bytes(config->features, config->queue_size, (enum vr_area)i);

		if (!area(s, areas[i], bytes))
			return false;
		/* The half has to clear it itself (2.7.10.1). */
		memset(areas[i]->host, 0xa5, bytes);
	}
	return !s->job->indirect ||
	       area(s, &config->indirect, (uint64_t)s->job->size * s->job->indirect * 16);
}

int load_make_ring(struct load_session *s)
{
	uint32_t index = s->ring_count;
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = s->offer.accepted & s->job->features,
		.queue_size = s->job->size,
		.indirect_entries = s->job->indirect,
	};
	size_t bytes;

	if (!ring_areas(s, &config))
		return load_say(LOAD_FAILED, "no room for the ring");
	bytes = vr_driver_size(&config);
	s->states[index] = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!s->states[index] ||
	    vr_driver_init(s->states[index], bytes, &config, &s->drivers[index]))
		return load_say(LOAD_FAILED, "no driver half");
	s->vrings[index] = (struct vr_vu_vring){
		.index = index,
		.size = s->job->size,
		.base = config.features & VR_F_RING_PACKED ? VR_VU_BASE_FRESH_PACKED :
							     VR_VU_BASE_FRESH_SPLIT,
		.enabled = true,
		.ring = config.ring,
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.err_fd = -1,
	};
	s->ring_count++;
	return LOAD_OK;
}

static void config_changed(void *context)
{
	((struct load_session *)context)->config_reads++;
}

void load_open_channel(struct load_session *s)
{
	static const struct vr_vu_channel_ops ops = { .config_changed = config_changed };

	if (s->job->config && s->offer.accepted_protocol & VR_VU_PF_BACKEND_REQ)
		s->channel = !vr_vu_frontend_open_channel(s->frontend, &ops, s, LOAD_MESSAGE_MS);
}

int load_start(struct load_session *s)
{
	struct vr_mem_region region;
	int code;

	vr_shm_region(s->shm, &region);
	code = vr_vu_frontend_start(s->frontend, s->offer.accepted, &region, 1, s->vrings,
				    s->ring_count, LOAD_MESSAGE_MS);
	return code ? load_lost(s, code) : LOAD_OK;
}

int load_stop(struct load_session *s)
{
	int code = vr_vu_frontend_stop(s->frontend, s->vrings, s->ring_count, LOAD_MESSAGE_MS);

	return code ? load_lost(s, code) : LOAD_OK;
}

int load_go_on(struct load_session *s)
{
	for (uint32_t i = 0; i < s->ring_count; i++)
		if (s->vrings[i].base != vr_driver_base(s->drivers[i]))
			return load_say(
				LOAD_CORRUPT,
				"ring %u: the device stopped at 0x%x, the driver is at 0x%x", i,
				s->vrings[i].base, vr_driver_base(s->drivers[i]));
	return load_start(s);
}

void load_end(struct load_session *s)
{
	vr_vu_frontend_destroy(s->frontend);
	for (uint32_t i = 0; i < LOAD_RINGS; i++) {
		if (i < s->ring_count) {
			close(s->vrings[i].kick_fd);
			close(s->vrings[i].call_fd);
		}
		free(s->states[i]);
	}
	vr_shm_destroy(s->shm);
}

/* ---- waiting ---- */

static int serve_channel(struct load_session *s)
{
	int code = vr_vu_frontend_channel_process(s->frontend);

	/* Whatever happens on the channel, the session goes on. */
	if (code < 0)
		s->channel = false;
	if (!s->config_reads)
		return LOAD_OK;
	s->config_reads = 0;
	return read_config(s);
}

static int hung(const struct load_session *s)
{
	uint32_t outstanding = 0;
	bool pending = false;

	for (uint32_t i = 0; i < s->ring_count; i++) {
		outstanding += vr_driver_outstanding(s->drivers[i]);
		pending |= vr_driver_pending(s->drivers[i]);
	}
	return load_say(s->job->hostile ? LOAD_ENDED : LOAD_HUNG, "%u outstanding, %s", outstanding,
			pending ? "used, but no call came" : "none is used");
}

static int sleep_on(struct load_session *s, int64_t since)
{
	struct pollfd fds[2 + LOAD_RINGS] = {
		{ .fd = vr_vu_frontend_fd(s->frontend), .events = POLLRDHUP },
		{ .fd = s->channel ? vr_vu_frontend_channel_fd(s->frontend) : -1,
		  .events = POLLIN },
	};
	int got;

	for (uint32_t i = 0; i < s->ring_count; i++)
		fds[2 + i] = (struct pollfd){ .fd = s->vrings[i].call_fd, .events = POLLIN };
	got = poll(fds, 2 + s->ring_count, LOAD_HUNG_MS);
	if (fds[1].revents)
		return serve_channel(s);
	if (fds[0].revents)
		return load_say(s->job->hostile ? LOAD_ENDED : LOAD_FAILED, "the device is gone");
	for (uint32_t i = 0; i < s->ring_count; i++)
		if (got > 0 && fds[2 + i].revents)
			(void)vr_vu_drain(s->vrings[i].call_fd);
	if (got <= 0 || play_now() - since > 2L * LOAD_HUNG_MS)
		return hung(s);
	return LOAD_OK;
}

int load_rest(struct load_session *s, int64_t since)
{
	bool awake = load_below(s, 4) == 0;
	bool delayed = load_below(s, 3) == 0;

	for (uint32_t i = 0; i < s->ring_count; i++) {
		struct vr_driver *driver = s->drivers[i];

		if (awake) {
			vr_driver_disarm(driver, NULL);
		} else if (delayed) {
			unsigned int most = vr_driver_outstanding(driver);

			awake = vr_driver_arm_delayed(driver, load_below(s, most + 1), NULL);
		} else {
			awake = vr_driver_arm(driver, NULL);
		}
	}
	/* Looks again. */
	return awake ? LOAD_OK : sleep_on(s, since);
}

void load_kick(struct load_session *s, uint32_t ring)
{
	/* Several publications may have one verdict. */
	(void)vr_driver_publish(s->drivers[ring]);
	if (vr_driver_must_notify(s->drivers[ring]))
		(void)vr_vu_notify(s->vrings[ring].kick_fd);
}
