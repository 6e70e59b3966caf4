// SPDX-License-Identifier: BSD-3-Clause
/* The ready loop and its queues: what a device is asked, in every form; and queues without a loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/vhost_user/loop.h"
#include "vu_echo.h"
#include "vu_peer.h"

static void all_forms(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 3);

		echo_begin(&echo, &rig);
		echo_exchange(&rig, 50);
		echo_end(&echo, &rig);
	}
}

static void without_kicks(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);

		rig.poll = true;
		echo_begin(&echo, &rig);
		echo_exchange(&rig, 20);
		echo_end(&echo, &rig);
	}
}

/* A kick descriptor whose other end is gone: the loop must neither spin nor end. */
static void kicker_gone(void **state)
{
	static struct echo echo;
	struct vu_rig rig = echo_rig(&forms[0], 1);
	unsigned int before;
	int pipe_ends[2];

	(void)state;
	echo_begin(&echo, &rig);
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(vr_vu_frontend_set_vring_kick(rig.frontend, 0, pipe_ends[0], VU_RIG_MS),
			 0);
	close(pipe_ends[0]);
	echo_put(&rig, 0, 0, 1);
	assert_true(vr_driver_publish_and_verdict(rig.queues[0].driver) >= 0);
	assert_int_equal(write(pipe_ends[1], "x", 1), 1);
	echo_get(&rig, 0);
	close(pipe_ends[1]);
	/* It may learn of that at any time: once. */
	before = echo.works;
	usleep(100000);
	assert_in_range(echo.works, before, before + 2);
	echo_end(&echo, &rig);
}

/* GET_VRING_BASE is answered when what is in flight has been used; then it goes on from there. */
static void stop_waits(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);
		uint32_t base;
		uint32_t i;

		echo_begin(&echo, &rig);
		echo_exchange(&rig, 3);
		echo.hold = true;
		for (i = 0; i < 4; i++)
			echo_put(&rig, 0, i, i);
		vu_rig_kick(&rig, 0);
		while (echo.held_count < 4)
			usleep(1000);
		assert_int_equal(vr_vu_frontend_get_vring_base(rig.frontend, 0, &base, 200),
				 -ETIMEDOUT);
		/* That ended the session: its rings stop, too, when the four have been used. */
		assert_int_equal(vr_vu_notify(echo.release_fd), 0);
		for (i = 0; i < 4; i++)
			echo_get(&rig, 0);
		echo_end(&echo, &rig);
	}
}

static void *release_later(void *context)
{
	struct echo *echo = context;

	usleep(100000);
	(void)vr_vu_notify(echo->release_fd);
	return NULL;
}

static void stop_and_go_on(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);
		pthread_t later;
		uint32_t i;

		echo_begin(&echo, &rig);
		echo_exchange(&rig, 3);
		echo.hold = true;
		for (i = 0; i < 4; i++)
			echo_put(&rig, 1, i, i);
		vu_rig_kick(&rig, 1);
		while (echo.held_count < 4)
			usleep(1000);
		assert_int_equal(pthread_create(&later, NULL, release_later, &echo), 0);
		vu_rig_stop(&rig);
		assert_int_equal(pthread_join(later, NULL), 0);
		assert_int_equal(echo.held_count, 0);
		for (i = 0; i < 4; i++)
			echo_get(&rig, 1);
		if (is_packed(form->features))
			assert_int_equal(rig.queues[1].vring.base >> 16,
					 rig.queues[1].vring.base & 0xffff);
		else
			assert_int_equal(rig.queues[1].vring.base, 16);
		echo.hold = false;
		vu_rig_restart(&rig);
		echo_exchange(&rig, 10);
		echo_end(&echo, &rig);
	}
}

/* Destroying it answers what was taken, and takes no more. */
static void destroy_finishes(void **state)
{
	static struct echo echo;
	struct vu_rig rig = echo_rig(&forms[1], 1);
	struct vr_used used;

	(void)state;
	echo_begin(&echo, &rig);
	echo.hold = true;
	echo_put(&rig, 0, 0, 1);
	vu_rig_kick(&rig, 0);
	while (echo.held_count < 1)
		usleep(1000);
	echo_stop(&echo);
	echo_put(&rig, 0, 1, 2);
	vu_rig_kick(&rig, 0);
	assert_int_equal(vr_vu_notify(echo.release_fd), 0);
	vr_vu_loop_destroy(echo.loop);
	assert_int_equal(echo.stops, 1);
	echo_get(&rig, 0);
	assert_false(vu_rig_get(&rig, 0, &used, 0));
	close(echo.release_fd);
	vu_rig_destroy(&rig);
}

static void disabled_drops(void **state)
{
	static struct echo echo;
	struct vu_rig rig = echo_rig(&forms[0], 1);
	struct vr_used used;

	(void)state;
	echo_begin(&echo, &rig);
	assert_int_equal(vr_vu_frontend_set_vring_enable(rig.frontend, 0, false, VU_RIG_MS), 0);
	echo_put(&rig, 0, 0, 1);
	vu_rig_kick(&rig, 0);
	assert_true(vu_rig_get(&rig, 0, &used, VU_RIG_MS));
	assert_int_equal(used.len, 0);
	assert_int_equal(echo.dropped, 1);
	assert_int_equal(vr_vu_frontend_set_vring_enable(rig.frontend, 0, true, VU_RIG_MS), 0);
	echo_exchange(&rig, 2);
	assert_int_equal(echo.dropped, 1);
	echo_end(&echo, &rig);
}

/* A driver that breaks the rules loses that queue, is told, and nothing else happens. */
static void broken_queue(void **state)
{
	static struct echo echo;
	struct vu_rig rig = echo_rig(&forms[0], 2);
	struct pollfd fd;

	(void)state;
	echo_begin(&echo, &rig);
	echo_exchange(&rig, 1);
	/* The available index, far beyond what the ring can hold. */
	((uint16_t *)rig.queues[0].ring.driver.host)[1] = 5000;
	assert_int_equal(vr_vu_notify(rig.queues[0].vring.kick_fd), 0);
	fd = (struct pollfd){ .fd = rig.queues[0].vring.err_fd, .events = POLLIN };
	assert_int_equal(poll(&fd, 1, VU_RIG_MS), 1);
	assert_int_equal(vr_vu_notify(rig.queues[0].vring.kick_fd), 0);
	echo_put(&rig, 1, 0, 1);
	vu_rig_kick(&rig, 1);
	echo_get(&rig, 1);
	assert_int_equal(echo.broken, 1);
	echo_end(&echo, &rig);
}

/* What the device itself cannot go on with is a broken queue, too. */
static void failing_device(void **state)
{
	static struct echo echo;
	struct vu_rig rig = echo_rig(&forms[2], 1);
	struct pollfd fd;

	(void)state;
	echo_begin(&echo, &rig);
	echo.fail = VR_E_INVAL;
	echo_put(&rig, 0, 0, 1);
	vu_rig_kick(&rig, 0);
	fd = (struct pollfd){ .fd = rig.queues[0].vring.err_fd, .events = POLLIN };
	assert_int_equal(poll(&fd, 1, VU_RIG_MS), 1);
	echo_end(&echo, &rig);
	assert_int_equal(echo.broken, 1);
}

/* One that waits for something else is called again when it says so. */
static void waits_for_something_else(void **state)
{
	static struct echo echo;
	struct vu_rig rig = echo_rig(&forms[3], 1);
	struct vr_used used;
	unsigned int before;

	(void)state;
	echo_begin(&echo, &rig);
	echo.fail = VR_E_BUSY;
	echo_put(&rig, 0, 0, 1);
	vu_rig_kick(&rig, 0);
	while (echo.works == 0)
		usleep(1000);
	assert_false(vu_rig_get(&rig, 0, &used, 50));
	/* Started and kicked: it may be on its way to the second look, and that is all. */
	before = echo.works;
	usleep(50000);
	assert_in_range(echo.works, before, before + 1);
	echo_stop(&echo);
	echo.fail = 0;
	vr_vu_loop_again(echo.loop, 0);
	vr_vu_loop_again(echo.loop, 1);
	vr_vu_loop_again(echo.loop, UINT32_MAX);
	echo_run(&echo);
	echo_get(&rig, 0);
	echo_end(&echo, &rig);
}

static void refused_start(void **state)
{
	static struct echo echo;
	struct vu_rig rig = echo_rig(&forms[0], 1);
	const int eventfds[1] = { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };

	(void)state;
	echo_begin(&echo, &rig);
	vu_rig_stop(&rig);
	echo.refuse = true;
	assert_int_equal(vr_vu_frontend_set_vring_kick(rig.frontend, 0, eventfds[0], VU_RIG_MS),
			 -EREMOTEIO);
	echo.refuse = false;
	vu_rig_restart(&rig);
	echo_exchange(&rig, 2);
	close(eventfds[0]);
	echo_end(&echo, &rig);
}

static void end_watch(void *context)
{
	struct vr_vu_watch **watch = context;

	vr_vu_watch_end(*watch);
	*watch = NULL;
}

static void watches(void **state)
{
	static struct echo echo;
	struct vr_vu_watch *watch;
	const int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	(void)state;
	echo_create(&echo);
	assert_int_equal(vr_vu_loop_watch(echo.loop, fd, end_watch, &watch, &watch), 0);
	vr_vu_watch_enable(watch, false);
	assert_int_equal(vr_vu_loop_step(echo.loop, 0), 0);
	assert_non_null(watch);
	vr_vu_watch_enable(watch, true);
	assert_int_equal(vr_vu_loop_step(echo.loop, -1), 0);
	assert_null(watch);
	assert_int_equal(vr_vu_loop_step(echo.loop, 0), 0);
	vr_vu_watch_end(NULL);
	vr_vu_loop_stop(echo.loop);
	assert_int_equal(vr_vu_loop_step(echo.loop, -1), 1);
	assert_null(vr_vu_loop_queue(echo.loop, 0));
	assert_null(vr_vu_loop_queue(echo.loop, VU_RIG_QUEUES));
	vr_vu_loop_destroy(echo.loop);
	vr_vu_loop_destroy(NULL);
	close(echo.release_fd);
	close(fd);
}

/* Stopped, given another size, and started again, many times. */
static void other_sizes(void **state)
{
	static const uint32_t sizes[] = { 16, 64, 32, 16, 32 };
	static struct echo echo;
	size_t i;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);

		rig.size = 64;
		echo_begin(&echo, &rig);
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			echo_exchange(&rig, 7);
			vu_rig_stop(&rig);
			vu_rig_resize(&rig, is_packed(form->features) ? sizes[i] - 3 : sizes[i]);
			vu_rig_restart(&rig);
		}
		echo_exchange(&rig, 7);
		echo_end(&echo, &rig);
	}
}

static void *plug(void *context)
{
	struct vu_rig *rig = context;
	const struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.size = 1u << 20,
		.guest_addr = 0x900000000ull,
	};
	struct vr_mem_region region;
	struct vr_shm *shm;
	int i;

	assert_int_equal(vr_shm_create(&config, &shm), 0);
	vr_shm_region(shm, &region);
	for (i = 0; i < 100; i++) {
		assert_int_equal(vr_vu_frontend_add_mem_region(rig->frontend, &region, VU_RIG_MS),
				 0);
		assert_int_equal(
			vr_vu_frontend_remove_mem_region(rig->frontend, &region, VU_RIG_MS), 0);
	}
	vr_shm_destroy(shm);
	return NULL;
}

/* Memory comes and goes while all rings are busy. */
static void memory_slots_under_load(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);
		pthread_t plugger;

		echo_begin(&echo, &rig);
		assert_int_equal(pthread_create(&plugger, NULL, plug, &rig), 0);
		echo_exchange(&rig, 300);
		assert_int_equal(pthread_join(plugger, NULL), 0);
		echo_exchange(&rig, 3);
		echo_end(&echo, &rig);
	}
}

static void bad_config(void **state)
{
	struct vr_vu_backend_config backend = echo_backend(NULL);
	struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &echo_ops,
	};
	struct vr_vu_loop_ops ops = echo_ops;
	struct vr_vu_backend_ops rest = echo_no_rings;
	struct vr_vu_loop *loop;

	(void)state;
	config.struct_size--;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
	config.struct_size++;
	config.ops = &ops;
	ops.queue_work = NULL;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
	ops = echo_ops;
	ops.struct_size = 0;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
	ops = echo_ops;
	backend.vrings = 0;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
	backend.vrings = VR_VU_MAX_VRINGS + 1;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
	backend.vrings = UINT32_MAX;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
	backend.vrings = 1;
	backend.ops = NULL;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
	/* Ring operations are the loop's. */
	rest.ring_enable = (void (*)(void *, uint32_t, bool))abort;
	backend.ops = &rest;
	assert_int_equal(vr_vu_loop_create(&config, &loop), -EINVAL);
}

/* ---- a thread for each queue, on the raw back end ---- */

/**
 * struct worker - a queue's thread
 * @owner: whose it is
 * @queue: the queue
 * @thread: its thread
 * @stop_fd: tells it to end; answered with vr_vu_backend_resume()
 * @running: it has to be joined
 */
struct worker {
	struct crew *owner;
	struct vr_vu_queue *queue;
	pthread_t thread;
	int stop_fd;
	bool running;
};

/**
 * struct crew - a device with a thread for each queue
 * @backend: raw, processed in a thread of its own
 * @thread: that
 * @end_fd: ends it
 * @workers: of the queues
 * @deferred: stops that were answered later
 */
struct crew {
	struct vr_vu_backend *backend;
	pthread_t thread;
	int end_fd;
	struct worker workers[VU_RIG_QUEUES];
	unsigned int deferred;
};

static void work_off(struct worker *worker)
{
	struct vr_device *device = vr_vu_queue_device(worker->queue);
	struct held held;

	do {
		while (vr_device_pop(device, &held.chain, 1, held.segments, ECHO_PIECES) == 1)
			echo_answer(worker->queue, &held.chain);
		assert_int_equal(vr_vu_queue_flush(worker->queue), 0);
	} while (vr_vu_queue_arm(worker->queue));
}

static void *worker_main(void *context)
{
	struct worker *worker = context;
	const struct vr_vu_vring *vring = vr_vu_queue_vring(worker->queue);
	const uint32_t index = vring->index;
	struct pollfd fds[2] = {
		{ .fd = vring->kick_fd, .events = POLLIN },
		{ .fd = worker->stop_fd, .events = POLLIN },
	};
	uint32_t base;

	work_off(worker);
	while (!fds[1].revents) {
		assert_true(poll(fds, 2, -1) > 0);
		(void)vr_vu_drain(vring->kick_fd);
		if (!fds[1].revents)
			work_off(worker);
	}
	vr_vu_queue_end(worker->queue, &base);
	assert_int_equal(vr_vu_backend_resume(worker->owner->backend, index, base), 0);
	return NULL;
}

static int crew_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct crew *crew = context;
	struct worker *worker = &crew->workers[vring->index];
	const struct vr_vu_queue_config config = {
		.struct_size = sizeof(config),
		.backend = crew->backend,
		.vring = vring,
		.mem = mem,
	};

	if (worker->running) {
		assert_int_equal(pthread_join(worker->thread, NULL), 0);
		close(worker->stop_fd);
		worker->running = false;
	}
	if (vr_vu_queue_create(&config, &worker->queue))
		return -1;
	worker->owner = crew;
	worker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(pthread_create(&worker->thread, NULL, worker_main, worker), 0);
	worker->running = true;
	return 0;
}

/* The type is that of struct vr_vu_backend_ops. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static int crew_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct crew *crew = context;

	(void)why;
	(void)base;
	crew->deferred++;
	assert_int_equal(vr_vu_notify(crew->workers[index].stop_fd), 0);
	return VR_VU_DEFER;
}

static void *crew_main(void *context)
{
	struct crew *crew = context;
	struct pollfd fds[2] = {
		{ .fd = vr_vu_backend_fd(crew->backend), .events = POLLIN },
		{ .fd = crew->end_fd, .events = POLLIN },
	};

	while (!fds[1].revents) {
		assert_true(poll(fds, 2, -1) > 0);
		assert_int_equal(vr_vu_backend_process(crew->backend), 0);
	}
	return NULL;
}

static void thread_per_queue(void **state)
{
	static const struct vr_vu_backend_ops ops = {
		.struct_size = sizeof(ops),
		.ring_start = crew_start,
		.ring_stop = crew_stop,
	};

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, VU_RIG_QUEUES);
		struct crew crew = { .end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
		struct vr_vu_backend_config config = echo_backend(&crew);
		const int fds = count_fds();
		int ends[2];
		int i;

		config.ops = &ops;
		assert_int_equal(vr_vu_backend_create(&config, &crew.backend), 0);
		vu_rig_create(&rig);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		assert_int_equal(vr_vu_backend_adopt(crew.backend, ends[1]), 0);
		assert_int_equal(pthread_create(&crew.thread, NULL, crew_main, &crew), 0);
		vu_rig_start(&rig, ends[0], 0);
		for (i = 0; i < 5; i++) {
			echo_exchange(&rig, 20);
			vu_rig_stop(&rig);
			vu_rig_restart(&rig);
		}
		vu_rig_disconnect(&rig);
		assert_int_equal(vr_vu_notify(crew.end_fd), 0);
		assert_int_equal(pthread_join(crew.thread, NULL), 0);
		vr_vu_backend_destroy(crew.backend);
		for (i = 0; i < (int)VU_RIG_QUEUES; i++) {
			assert_int_equal(pthread_join(crew.workers[i].thread, NULL), 0);
			close(crew.workers[i].stop_fd);
		}
		assert_true(crew.deferred >= 5 * VU_RIG_QUEUES);
		vu_rig_destroy(&rig);
		assert_int_equal(count_fds(), fds);
		close(crew.end_fd);
	}
}

/* A queue cannot be made from nothing. */
static void bad_queue(void **state)
{
	struct vr_vu_queue_config config = { .struct_size = sizeof(config) };
	struct vr_vu_queue *queue;

	(void)state;
	assert_int_equal(vr_vu_queue_create(&config, &queue), VR_E_INVAL);
	vr_vu_queue_end(NULL, NULL);
}

static struct vr_vu_loop *to_stop;

static void stop_it(int number)
{
	(void)number;
	vr_vu_loop_stop(to_stop);
}

/* The descriptor that wakes the loop could not be written: the signal did wake it. */
static void stop_in_a_signal(void **state)
{
	static struct echo echo;
	struct sigaction action = { .sa_handler = stop_it };

	(void)state;
	echo_create(&echo);
	close(echo.loop->stop_fd);
	echo.loop->stop_fd = -1;
	to_stop = echo.loop;
	sigaction(SIGUSR1, &action, NULL);
	echo_run(&echo);
	/* It may not wait yet when the first ones come. */
	while (pthread_tryjoin_np(echo.thread, NULL) == EBUSY) {
		pthread_kill(echo.thread, SIGUSR1);
		usleep(1000);
	}
	signal(SIGUSR1, SIG_DFL);
	echo_destroy(&echo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms),	  cmocka_unit_test(without_kicks),
		cmocka_unit_test(kicker_gone),	  cmocka_unit_test(stop_waits),
		cmocka_unit_test(stop_and_go_on), cmocka_unit_test(destroy_finishes),
		cmocka_unit_test(disabled_drops), cmocka_unit_test(broken_queue),
		cmocka_unit_test(failing_device), cmocka_unit_test(waits_for_something_else),
		cmocka_unit_test(refused_start),  cmocka_unit_test(watches),
		cmocka_unit_test(other_sizes),	  cmocka_unit_test(memory_slots_under_load),
		cmocka_unit_test(bad_config),	  cmocka_unit_test(thread_per_queue),
		cmocka_unit_test(bad_queue),	  cmocka_unit_test(stop_in_a_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
