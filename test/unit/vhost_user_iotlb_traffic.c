// SPDX-License-Identifier: BSD-3-Clause
/*
 * ACCESS_PLATFORM end to end, in all four forms: our front end with drivers, our back end with a
 * device that echoes, and translations of single pages that come and go while buffers travel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/vhost_user_loop.h>

#include "vu_rig.h"

#define SIZE 64u
#define PAGE 4096u
#define BUFFERS 1000u
#define PIECES 8u

/* ---- the device ---- */

struct device {
	struct vr_vu_loop *loop;
	pthread_t thread;
	atomic_uint starts;
	atomic_uint misses;
	atomic_uint broken;
};

static int queue_start(void *context, struct vr_vu_queue *queue)
{
	(void)queue;
	((struct device *)context)->starts++;
	return 0;
}

static void queue_stop(void *context, struct vr_vu_queue *queue)
{
	(void)context;
	(void)queue;
}

static void queue_broken(void *context, struct vr_vu_queue *queue)
{
	(void)queue;
	((struct device *)context)->broken++;
}

static int queue_work(void *context, struct vr_vu_queue *queue)
{
	struct device *device = context;
	struct vr_iovec segments[PIECES];
	unsigned char bytes[2 * VU_RIG_SLOT];
	struct vr_chain chain;
	size_t len;
	int got;

	got = vr_device_pop(vr_vu_queue_device(queue), &chain, 1, segments, PIECES);
	device->misses += got == VR_E_MISS;
	if (got <= 0)
		return got;
	len = vr_iov_read(chain.segments, chain.readable, 0, bytes, sizeof(bytes));
	len = vr_iov_write(chain.segments + chain.readable, chain.writable, 0, bytes, len);
	assert_int_equal(vr_device_complete(vr_vu_queue_device(queue), chain.handle, (uint32_t)len),
			 0);
	return 1;
}

static void *run(void *arg)
{
	assert_int_equal(vr_vu_loop_run(((struct device *)arg)->loop), 0);
	return NULL;
}

static void create_device(struct device *device, int fd)
{
	static const struct vr_vu_backend_ops ops = { .struct_size = sizeof(ops) };
	static const struct vr_vu_loop_ops loop_ops = {
		.struct_size = sizeof(loop_ops),
		.queue_start = queue_start,
		.queue_work = queue_work,
		.queue_stop = queue_stop,
		.queue_broken = queue_broken,
	};
	const struct vr_vu_backend_config backend = {
		.struct_size = sizeof(backend),
		.vrings = 2,
		.features = VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_EVENT_IDX |
			    VR_F_ACCESS_PLATFORM,
		.ops = &ops,
		.context = device,
	};
	const struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &loop_ops,
	};

	memset(device, 0, sizeof(*device));
	assert_int_equal(vr_vu_loop_create(&config, &device->loop), 0);
	assert_int_equal(vr_vu_backend_adopt(vr_vu_loop_backend(device->loop), fd), 0);
	assert_int_equal(pthread_create(&device->thread, NULL, run, device), 0);
}

static void destroy_device(struct device *device)
{
	vr_vu_loop_stop(device->loop);
	pthread_join(device->thread, NULL);
	vr_vu_loop_destroy(device->loop);
}

/* ---- the driver's side ---- */

/**
 * struct side - the driver's side
 * @rig: drivers and session
 * @device: the other side
 * @region: its memory
 * @asked: misses that were answered
 * @denied: accesses that were said to have failed
 * @read_only: translations allow no more
 * @nothing: there are no translations
 */
struct side {
	struct vu_rig rig;
	struct device device;
	struct vr_mem_region region;
	uint32_t asked;
	uint32_t denied;
	bool read_only;
	bool nothing;
};

/* One page at a time; device addresses are those of the rig's memory. */
static int translate(void *context, uint64_t iova, uint32_t access,
		     struct vr_vu_translation *translation)
{
	struct side *side = context;
	const uint64_t base = vr_shm_addr(side->rig.shm, (void *)(uintptr_t)side->region.user_addr);
	const uint64_t at = (iova - base) & ~(uint64_t)(PAGE - 1);

	(void)access;
	if (side->nothing || at >= side->region.size)
		return -1;
	side->asked++;
	*translation = (struct vr_vu_translation){
		.iova = base + at,
		.size = PAGE,
		.user_addr = side->region.user_addr + at,
		.access = side->read_only ? VR_ACCESS_READ : VR_ACCESS_READ | VR_ACCESS_WRITE,
	};
	return 0;
}

static void access_failed(void *context, uint64_t iova, uint32_t access)
{
	(void)iova;
	assert_int_equal(access, VR_ACCESS_WRITE);
	((struct side *)context)->denied++;
}

static const struct vr_vu_channel_ops channel_ops = {
	.struct_size = sizeof(channel_ops),
	.miss = translate,
	.access_failed = access_failed,
};

static void start(struct side *side)
{
	struct vr_vu_vring vrings[2] = { side->rig.queues[0].vring, side->rig.queues[1].vring };

	if (vr_vu_frontend_start(side->rig.frontend, side->rig.offer.accepted, &side->region, 1,
				 vrings, 2, VU_RIG_MS))
		fail_msg("%s", vr_vu_frontend_error(side->rig.frontend));
}

static void create(struct side *side, uint64_t form)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = VR_VU_PF_REPLY_ACK | VR_VU_PF_BACKEND_REQ,
	};
	struct vu_rig *rig = &side->rig;
	int socks[2];

	memset(side, 0, sizeof(*side));
	rig->features = VR_F_VERSION_1 | VR_F_EVENT_IDX | VR_F_ACCESS_PLATFORM | form;
	rig->size = SIZE;
	rig->count = 2;
	vu_rig_create(rig);
	vr_shm_region(rig->shm, &side->region);
	/* Guest addresses mean nothing here. */
	side->region.guest_addr = 0x123000;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	create_device(&side->device, socks[1]);
	assert_int_equal(vr_vu_frontend_create(&config, &rig->frontend), 0);
	assert_int_equal(vr_vu_frontend_adopt(rig->frontend, socks[0]), 0);
	assert_int_equal(vr_vu_frontend_negotiate(rig->frontend, rig->features, rig->features,
						  &rig->offer, VU_RIG_MS),
			 0);
	assert_int_equal(vr_vu_frontend_open_channel(rig->frontend, &channel_ops, side, VU_RIG_MS),
			 0);
	start(side);
}

static void destroy(struct side *side)
{
	vu_rig_disconnect(&side->rig);
	destroy_device(&side->device);
	vu_rig_destroy(&side->rig);
}

/* Serves the back end until something happens: a call, an error, or the end of patience. */
static bool wait(struct side *side, int fd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = vr_vu_frontend_channel_fd(side->rig.frontend), .events = POLLIN },
	};

	assert_true(poll(fds, 2, VU_RIG_MS) > 0);
	if (fds[1].revents)
		assert_int_equal(vr_vu_frontend_channel_process(side->rig.frontend), 0);
	return fds[0].revents;
}

static void get(struct side *side, uint32_t queue, struct vr_used *used)
{
	const int call_fd = side->rig.queues[queue].vring.call_fd;

	while (!vu_rig_get(&side->rig, queue, used, 0))
		if (wait(side, call_fd))
			(void)vr_vu_drain(call_fd);
}

static void send_one(struct side *side, uint32_t queue, uint32_t number)
{
	const uint32_t slot = number % SIZE;

	memset(vu_rig_out(&side->rig, queue, slot), (int)(number % 251), VU_RIG_SLOT);
	memset(vu_rig_in(&side->rig, queue, slot), 0xff, VU_RIG_SLOT);
	assert_true(vu_rig_add(&side->rig, queue, slot, VU_RIG_SLOT, VU_RIG_SLOT));
	vu_rig_kick(&side->rig, queue);
}

static void receive_one(struct side *side, uint32_t queue, uint32_t number)
{
	unsigned char expected[VU_RIG_SLOT];
	struct vr_used used;

	get(side, queue, &used);
	assert_int_equal(used.token, number % SIZE);
	assert_int_equal(used.len, VU_RIG_SLOT);
	memset(expected, (int)(number % 251), sizeof(expected));
	assert_memory_equal(vu_rig_in(&side->rig, queue, number % SIZE), expected, VU_RIG_SLOT);
}

/* A few on their way in each ring; every now and then, pages are taken away under them. */
static void traffic(struct side *side)
{
	const uint64_t base = vr_shm_addr(side->rig.shm, (void *)(uintptr_t)side->region.user_addr);
	const uint32_t pages = (uint32_t)(side->region.size / PAGE);
	uint32_t number, queue;

	for (number = 0; number < BUFFERS; number++) {
		for (queue = 0; queue < 2; queue++) {
			if (number >= 10)
				receive_one(side, queue, number - 10);
			send_one(side, queue, number);
		}
		if (number % 50 == 49)
			assert_int_equal(vr_vu_frontend_iotlb_invalidate(
						 side->rig.frontend,
						 base + number * 7 % pages * PAGE, PAGE, VU_RIG_MS),
					 0);
	}
	for (number = BUFFERS - 10; number < BUFFERS; number++)
		for (queue = 0; queue < 2; queue++)
			receive_one(side, queue, number);
	assert_int_equal(side->device.broken, 0);
	assert_true(side->asked > pages / 2);
	assert_true(side->device.misses > 0);
}

static void all_forms(void **state)
{
	static const uint64_t forms[] = { 0, VR_F_IN_ORDER, VR_F_RING_PACKED,
					  VR_F_RING_PACKED | VR_F_IN_ORDER };
	struct side side;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		create(&side, forms[i]);
		traffic(&side);
		vu_rig_stop(&side.rig);
		/* And once more from where it stopped. */
		start(&side);
		traffic(&side);
		vu_rig_stop(&side.rig);
		destroy(&side);
	}
}

static void wait_until_broken(struct side *side, uint32_t queue)
{
	const int err_fd = side->rig.queues[queue].vring.err_fd;

	while (!wait(side, err_fd))
		continue;
	assert_int_equal(vr_vu_drain(err_fd), 1);
	/* The device is told after us. */
	while (!side->device.broken)
		(void)usleep(1000);
	assert_int_equal(side->device.broken, 1);
}

/* What may only be read is not written to: nothing is stored, the queue breaks, we are told. */
static void forbidden(void **state)
{
	struct vr_used used;
	struct side side;
	uint32_t queue;

	(void)state;
	create(&side, 0);
	/* Both rings run before anything is read only: a ring that may not be written does not start. */
	for (queue = 0; queue < 2; queue++) {
		send_one(&side, queue, 1);
		receive_one(&side, queue, 1);
	}
	/* Slots of the upper half are in pages that nobody has touched. */
	side.read_only = true;
	send_one(&side, 0, SIZE / 2);
	wait_until_broken(&side, 0);
	while (!side.denied)
		wait(&side, -1);
	assert_int_equal(side.denied, 1);
	assert_int_equal(*vu_rig_in(&side.rig, 0, SIZE / 2), 0xff);
	assert_false(vu_rig_get(&side.rig, 0, &used, 0));
	/* The other ring goes on. */
	side.read_only = false;
	send_one(&side, 1, 2);
	receive_one(&side, 1, 2);
	destroy(&side);
}

static void no_such_address(void **state)
{
	struct side side;

	(void)state;
	create(&side, VR_F_RING_PACKED);
	send_one(&side, 1, 1);
	receive_one(&side, 1, 1);
	side.nothing = true;
	send_one(&side, 1, SIZE / 2);
	wait_until_broken(&side, 1);
	destroy(&side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms),
		cmocka_unit_test(forbidden),
		cmocka_unit_test(no_such_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
