// SPDX-License-Identifier: BSD-3-Clause
/* See vu_traffic.h. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"
#include "vu_traffic.h"

#define BURST 64u
/* Behind the rings, which take 0x8000 bytes each. */
#define BUFFERS 0x20000u

static void *state_memory(size_t bytes)
{
	void *state = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	CHECK(bytes && state);
	return state;
}

static struct traffic *traffic_of(struct peer *peer)
{
	return (struct traffic *)(void *)peer;
}

/* ---- the device ---- */

static void device_start(struct peer *peer, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct traffic_ring *r = &traffic_of(peer)->rings[vring->index];
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.ring = vring->ring,
		.queue_size = vring->size,
		.map = vr_mem_map(mem),
	};
	size_t bytes = vr_device_size(&config);

	r->mem = vr_mem_ref(mem);
	r->device_state = state_memory(bytes);
	CHECK_EQ(vr_device_init(r->device_state, bytes, &config, &r->device), 0);
	CHECK_EQ(vr_device_restore(r->device, vring->base), 0);
}

static void device_stop(struct peer *peer, uint32_t index, uint32_t *base)
{
	struct traffic_ring *r = &traffic_of(peer)->rings[index];

	CHECK_EQ(vr_device_save(r->device, r->forced, base), 0);
	free(r->device_state);
	r->device_state = NULL;
	r->device = NULL;
	vr_mem_put(r->mem);
}

/* ---- the device, on struct vr_vu_queue ---- */

static void queue_start(struct peer *peer, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct traffic_ring *r = &traffic_of(peer)->rings[vring->index];
	const struct vr_vu_queue_config config = {
		.struct_size = sizeof(config),
		.backend = peer->backend,
		.vring = vring,
		.mem = mem,
	};

	CHECK_EQ(vr_vu_queue_create(&config, &r->queue), 0);
	r->device = vr_vu_queue_device(r->queue);
}

static void queue_stop(struct peer *peer, uint32_t index, uint32_t *base)
{
	struct traffic_ring *r = &traffic_of(peer)->rings[index];

	vr_vu_queue_end(r->queue, base);
	r->queue = NULL;
	r->device = NULL;
}

void traffic_use_queues(struct traffic *t)
{
	t->peer.start = queue_start;
	t->peer.stop = queue_stop;
}

/* ---- what it does ---- */

unsigned int traffic_take(struct traffic *t, uint32_t index, unsigned int count)
{
	struct traffic_ring *r = &t->rings[index];
	struct vr_chain chain;
	struct vr_iovec piece;
	unsigned int taken = 0;

	while (taken < count && vr_device_pop(r->device, &chain, 1, &piece, 1) == 1) {
		CHECK_EQ(piece.len, TRAFFIC_BYTES);
		*(unsigned char *)piece.base += 1;
		taken++;
	}
	return taken;
}

unsigned int traffic_serve(struct traffic *t, uint32_t index, unsigned int count)
{
	struct traffic_ring *r = &t->rings[index];
	const uint32_t len = TRAFFIC_BYTES;
	unsigned int taken = traffic_take(t, index, count);

	for (unsigned int i = 0; i < taken; i++)
		CHECK_EQ(vr_device_complete_oldest(r->device, &len, 1), 1);
	if (vr_device_publish_and_verdict(r->device, NULL) == 1)
		CHECK_EQ(vr_vu_notify(t->peer.rings[index].call_fd), 0);
	r->served += taken;
	return taken;
}

/* ---- the driver ---- */

struct vr_ring traffic_areas(const struct traffic *t, uint32_t index)
{
	const struct vu_vring_addr addr = peer_addr(index);
	const uint64_t at[] = { addr.descriptors, addr.driver, addr.device };
	struct vr_ring_area area[3];

	for (int i = 0; i < 3; i++)
		area[i] = (struct vr_ring_area){ .host = t->memory + (at[i] - PEER_USER),
						 .addr = at[i] - PEER_USER + PEER_GUEST };
	return (struct vr_ring){ area[0], area[1], area[2] };
}

static void make_driver(struct traffic *t, uint32_t index, uint32_t size)
{
	struct traffic_ring *r = &t->rings[index];
	const struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = t->features,
		.ring = traffic_areas(t, index),
		.queue_size = size,
	};
	size_t bytes = vr_driver_size(&config);

	r->size = size;
	r->driver_state = state_memory(bytes);
	CHECK_EQ(vr_driver_init(r->driver_state, bytes, &config, &r->driver), 0);
}

void traffic_send(struct traffic *t, uint32_t index, unsigned int count)
{
	struct traffic_ring *r = &t->rings[index];
	struct vr_segment segment = {
		.addr = PEER_GUEST + BUFFERS + index * 0x1000,
		.len = TRAFFIC_BYTES,
	};
	struct vr_buffer buffer = { .segments = &segment, .writable = 1 };

	for (unsigned int i = 0; i < count; i++) {
		buffer.token = r->sent++;
		CHECK_EQ(vr_driver_add(r->driver, &buffer, 1), 1);
	}
	CHECK_EQ(vr_driver_publish(r->driver), (int)count);
}

unsigned int traffic_get(struct traffic *t, uint32_t index)
{
	struct traffic_ring *r = &t->rings[index];
	struct vr_used used[BURST];
	unsigned int all = 0;
	int got;

	while ((got = vr_driver_get(r->driver, used, BURST)) > 0) {
		for (int i = 0; i < got; i++) {
			CHECK_EQ(used[i].token, r->got++);
			CHECK_EQ(used[i].len, TRAFFIC_BYTES);
		}
		all += (unsigned int)got;
	}
	CHECK_EQ(got, 0);
	return all;
}

void traffic_run(struct traffic *t, uint32_t index, unsigned int count)
{
	const unsigned int most = t->rings[index].size < BURST ? t->rings[index].size : BURST;

	while (count) {
		unsigned int burst = count < most ? count : most;

		traffic_send(t, index, burst);
		CHECK_EQ(traffic_serve(t, index, burst), burst);
		CHECK_EQ(traffic_get(t, index), burst);
		count -= burst;
	}
}

/* ---- both ---- */

void traffic_open(struct traffic *t, uint64_t features)
{
	memset(t, 0, sizeof(*t));
	peer_create_with(&t->peer, features & VR_F_ACCESS_PLATFORM);
	t->peer.start = device_start;
	t->peer.stop = device_stop;
	t->features = VR_F_VERSION_1 | features;
	t->memory =
		mmap(NULL, PEER_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, t->peer.memory_fd, 0);
	CHECK(t->memory != MAP_FAILED);
	peer_negotiate(&t->peer, t->features);
	peer_memory(&t->peer);
}

void traffic_close(struct traffic *t)
{
	for (uint32_t i = 0; i < PEER_RINGS; i++) {
		t->rings[i].forced = true;
		free(t->rings[i].driver_state);
	}
	peer_destroy(&t->peer);
	munmap(t->memory, PEER_MEMORY);
}

uint32_t traffic_fresh(const struct traffic *t)
{
	return t->features & VR_F_RING_PACKED ? 0x80008000u : 0;
}

void traffic_prepare(struct traffic *t, uint32_t index, uint32_t size, uint32_t base)
{
	if (!t->rings[index].driver)
		make_driver(t, index, size);
	peer_ring(&t->peer, index, size, base);
}

void traffic_start(struct traffic *t, uint32_t index, uint32_t size, uint32_t base)
{
	traffic_prepare(t, index, size, base);
	CHECK(peer_ring_fd(&t->peer, VU_SET_VRING_CALL, index, true).got);
	CHECK(peer_ring_fd(&t->peer, VU_SET_VRING_KICK, index, true).got);
	CHECK(vr_vu_backend_vring(t->peer.backend, index)->running);
}

uint32_t traffic_stop(struct traffic *t, uint32_t index)
{
	const struct answer answer = peer_ask_state(&t->peer, VU_GET_VRING_BASE, index, 0);

	CHECK(answer.got);
	CHECK_EQ(answer.payload.state.index, index);
	return answer.payload.state.num;
}
