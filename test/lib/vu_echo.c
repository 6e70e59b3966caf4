// SPDX-License-Identifier: BSD-3-Clause
/* A device that answers with what it reads. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_echo.h"

void echo_answer(struct vr_vu_queue *queue, const struct vr_chain *chain)
{
	unsigned char bytes[2 * VU_RIG_SLOT];
	size_t len = vr_iov_read(chain->segments, chain->readable, 0, bytes, sizeof(bytes));

	len = vr_iov_write(chain->segments + chain->readable, chain->writable, 0, bytes, len);
	assert_int_equal(
		vr_device_complete(vr_vu_queue_device(queue), chain->handle, (uint32_t)len), 0);
}

static int queue_start(void *context, struct vr_vu_queue *queue)
{
	struct echo *echo = context;

	(void)queue;
	if (echo->refuse)
		return -1;
	echo->starts++;
	return 0;
}

static void queue_stop(void *context, struct vr_vu_queue *queue)
{
	struct echo *echo = context;

	(void)queue;
	echo->stops++;
}

static int queue_work(void *context, struct vr_vu_queue *queue)
{
	struct echo *echo = context;
	struct held *held = &echo->held[echo->held_count];
	int got;

	echo->works++;
	if (echo->fail)
		return echo->fail;
	got = vr_device_pop(vr_vu_queue_device(queue), &held->chain, 1, held->segments,
			    ECHO_PIECES);
	if (got <= 0)
		return got;
	if (echo->hold)
		echo->held_of[echo->held_count++] = queue;
	else
		echo_answer(queue, &held->chain);
	return 1;
}

static int queue_drop(void *context, struct vr_vu_queue *queue)
{
	struct echo *echo = context;
	struct held held;
	const int got = vr_device_pop(vr_vu_queue_device(queue), &held.chain, 1, held.segments,
				      ECHO_PIECES);

	if (got <= 0)
		return got;
	echo->dropped++;
	assert_int_equal(vr_device_complete(vr_vu_queue_device(queue), held.chain.handle, 0), 0);
	return 1;
}

static unsigned int queue_busy(void *context, struct vr_vu_queue *queue)
{
	struct echo *echo = context;
	unsigned int count = 0;
	uint32_t i;

	for (i = 0; i < echo->held_count; i++)
		count += echo->held_of[i] == queue;
	return count;
}

static void queue_broken(void *context, struct vr_vu_queue *queue)
{
	struct echo *echo = context;
	struct vr_fault fault;

	assert_true(vr_device_fault(vr_vu_queue_device(queue), &fault));
	echo->broken++;
}

/* Newest first, so that the forms that are in order have to wait for the last. */
static void release(void *context)
{
	struct echo *echo = context;

	(void)vr_vu_drain(echo->release_fd);
	while (echo->held_count) {
		echo->held_count--;
		echo_answer(echo->held_of[echo->held_count], &echo->held[echo->held_count].chain);
	}
}

const struct vr_vu_loop_ops echo_ops = {
	.struct_size = sizeof(echo_ops),
	.queue_start = queue_start,
	.queue_work = queue_work,
	.queue_drop = queue_drop,
	.queue_busy = queue_busy,
	.queue_stop = queue_stop,
	.queue_broken = queue_broken,
};

const struct vr_vu_backend_ops echo_no_rings = { .struct_size = sizeof(echo_no_rings) };

struct vr_vu_backend_config echo_backend(void *context)
{
	return (struct vr_vu_backend_config){
		.struct_size = sizeof(struct vr_vu_backend_config),
		.vrings = VU_RIG_QUEUES,
		.features = VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_EVENT_IDX,
		.ops = &echo_no_rings,
		.context = context,
	};
}

static void *run(void *context)
{
	struct echo *echo = context;

	assert_int_equal(vr_vu_loop_run(echo->loop), 0);
	return NULL;
}

void echo_create(struct echo *echo)
{
	const struct vr_vu_backend_config backend = echo_backend(echo);
	const struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &echo_ops,
	};
	struct vr_vu_watch *watch;

	memset(echo, 0, sizeof(*echo));
	echo->release_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(vr_vu_loop_create(&config, &echo->loop), 0);
	assert_int_equal(vr_vu_loop_watch(echo->loop, echo->release_fd, release, echo, &watch), 0);
}

void echo_run(struct echo *echo)
{
	assert_int_equal(pthread_create(&echo->thread, NULL, run, echo), 0);
}

void echo_serve(struct echo *echo, int fd)
{
	assert_int_equal(vr_vu_backend_adopt(vr_vu_loop_backend(echo->loop), fd), 0);
	echo_run(echo);
}

void echo_stop(struct echo *echo)
{
	vr_vu_loop_stop(echo->loop);
	assert_int_equal(pthread_join(echo->thread, NULL), 0);
}

void echo_destroy(struct echo *echo)
{
	vr_vu_loop_destroy(echo->loop);
	assert_int_equal(echo->starts, echo->stops);
	assert_int_equal(echo->held_count, 0);
	close(echo->release_fd);
}

void echo_begin(struct echo *echo, struct vu_rig *rig)
{
	int ends[2];

	echo_create(echo);
	vu_rig_create(rig);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	echo_serve(echo, ends[1]);
	vu_rig_start(rig, ends[0], rig->protocol);
}

void echo_end(struct echo *echo, struct vu_rig *rig)
{
	echo_stop(echo);
	echo_destroy(echo);
	vu_rig_destroy(rig);
}

static void fill(struct vu_rig *rig, uint32_t queue, uint32_t slot, uint32_t number)
{
	unsigned char *out = vu_rig_out(rig, queue, slot);
	uint32_t i;

	for (i = 0; i < VU_RIG_SLOT; i++)
		out[i] = (unsigned char)(number * 7 + i);
	memset(vu_rig_in(rig, queue, slot), 0, VU_RIG_SLOT);
}

void echo_put(struct vu_rig *rig, uint32_t queue, uint32_t slot, uint32_t number)
{
	fill(rig, queue, slot, number);
	assert_true(vu_rig_add(rig, queue, slot, 100, 100));
}

void echo_get(struct vu_rig *rig, uint32_t queue)
{
	struct vr_used used;

	assert_true(vu_rig_get(rig, queue, &used, VU_RIG_MS));
	assert_int_equal(used.len, 100);
	assert_memory_equal(vu_rig_in(rig, queue, (uint32_t)used.token),
			    vu_rig_out(rig, queue, (uint32_t)used.token), 100);
}

/* Some rounds of a few buffers each on every queue. */
void echo_exchange(struct vu_rig *rig, uint32_t rounds)
{
	uint32_t round, queue, i;

	for (round = 0; round < rounds; round++) {
		for (queue = 0; queue < rig->count; queue++) {
			for (i = 0; i < 4; i++)
				echo_put(rig, queue, i, round * 4 + i);
			vu_rig_kick(rig, queue);
		}
		for (queue = 0; queue < rig->count; queue++)
			for (i = 0; i < 4; i++)
				echo_get(rig, queue);
	}
}

struct vu_rig echo_rig(const struct form *form, uint32_t count)
{
	return (struct vu_rig){ .features = form->features, .size = ECHO_SIZE, .count = count };
}
