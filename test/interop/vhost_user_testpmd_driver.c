// SPDX-License-Identifier: BSD-3-Clause
/*
 * Our back end and device against testpmd's virtio-user driver, in each form of the ring, as the one
 * who listens and as the one who connects: it transmits and receives, and where we connect the session
 * is closed and made again in between; every packet is counted on both sides.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/device.h>
#include <virtring/vhost_user.h>

#include "testpmd.h"

#define PAIRS_MAX 2u
#define RINGS (2 * PAIRS_MAX)
#define RX 0
#define F_NET_MQ (1ull << 22)
#define BURST 32
#define HEADER 12u
#define PACKET 64u
#define INJECT 1000u

/**
 * struct dev - a device that drops what is sent and injects packets when asked to
 * @backend: its back end
 * @thread: does everything but this
 * @stop: asks it to end
 * @close: asks it to close the session
 * @device: by ring, NULL while that is stopped
 * @enabled: by ring
 * @sent: packets taken from the driver
 * @dropped: likewise, from a ring that is not enabled
 * @sent_second: both, from the second pair
 * @inject: packets still to be given to it
 * @starts: ring starts
 * @in_order: what was negotiated, to be looked at
 * @features: likewise
 * @faults: queues that broke
 * @error: of the last session that did not just end, "" if all did
 */
struct dev {
	struct vr_vu_backend *backend;
	pthread_t thread;
	atomic_bool stop;
	atomic_bool close;
	struct vr_device *device[RINGS];
	bool enabled[RINGS];
	atomic_ulong sent;
	atomic_ulong dropped;
	atomic_ulong sent_second;
	atomic_ulong inject;
	atomic_ulong starts;
	_Atomic uint64_t features;
	atomic_ulong faults;
	char error[256];
};

static struct program testpmd;
static struct dev the_device;
static char path[128];
static uint32_t pairs;

static int ring_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	const struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.ring = vring->ring,
		.queue_size = vring->size,
		.map = vr_mem_map(mem),
	};
	const size_t size = (vr_device_size(&config) + 63) / 64 * 64;
	struct dev *dev = context;
	void *state = aligned_alloc(64, size);

	struct vr_device *device;

	if (!state || vr_device_init(state, size, &config, &device) ||
	    vr_device_restore(device, vring->base)) {
		free(state);
		return -1;
	}
	dev->device[vring->index] = device;
	dev->enabled[vring->index] = vring->enabled;
	atomic_store(&dev->features, vring->features);
	atomic_fetch_add(&dev->starts, 1);
	return 0;
}

static int ring_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct dev *dev = context;

	(void)why;
	/* Whatever was popped has been published: nothing is forced. */
	if (vr_device_save(dev->device[index], false, base))
		atomic_fetch_add(&dev->faults, 1);
	free(dev->device[index]);
	dev->device[index] = NULL;
	return 0;
}

static void ring_enable(void *context, uint32_t index, bool enabled)
{
	((struct dev *)context)->enabled[index] = enabled;
}

static void disconnected(void *context, const char *error)
{
	struct dev *dev = context;

	if (error)
		snprintf(dev->error, sizeof(dev->error), "%s", error);
}

static void drop_transmitted(struct dev *dev, uint32_t ring)
{
	struct vr_device *device = dev->device[ring];
	struct vr_iovec segments[BURST * 8];
	struct vr_chain chains[BURST];
	int got, i;

	if (!device)
		return;
	got = vr_device_pop(device, chains, BURST, segments, BURST * 8);
	if (got < 0)
		atomic_fetch_add(&dev->faults, 1);
	for (i = 0; i < got; i++)
		vr_device_complete(device, chains[i].handle, 0);
	if (got > 0 && vr_device_publish_and_verdict(device, NULL) == 1)
		vr_vu_notify(vr_vu_backend_vring(dev->backend, ring)->call_fd);
	if (got <= 0)
		return;
	/* The message that enables a ring is not waited for: it may be behind the first packets. */
	atomic_fetch_add(dev->enabled[ring] ? &dev->sent : &dev->dropped, (unsigned long)got);
	if (ring > 1)
		atomic_fetch_add(&dev->sent_second, (unsigned long)got);
}

static void inject_one(struct dev *dev)
{
	/* virtio-net header with num_buffers 1, then a broadcast frame. */
	unsigned char frame[HEADER + PACKET] = { [10] = 1, [HEADER] = 0xff };
	struct vr_device *device = dev->device[RX];
	struct vr_iovec segments[8];
	struct vr_chain chain;

	if (!device || !dev->enabled[RX] || !atomic_load(&dev->inject))
		return;
	if (vr_device_pop(device, &chain, 1, segments, 8) != 1)
		return;
	vr_iov_write(segments + chain.readable, chain.writable, 0, frame, sizeof(frame));
	vr_device_complete(device, chain.handle, sizeof(frame));
	if (vr_device_publish_and_verdict(device, NULL) == 1)
		vr_vu_notify(vr_vu_backend_vring(dev->backend, RX)->call_fd);
	atomic_fetch_sub(&dev->inject, 1);
}

static void *run(void *arg)
{
	struct dev *dev = arg;

	while (!atomic_load(&dev->stop)) {
		struct pollfd pollfd = { vr_vu_backend_fd(dev->backend), POLLIN, 0 };

		if (atomic_exchange(&dev->close, false))
			vr_vu_backend_close(dev->backend);
		if (!vr_vu_backend_connected(dev->backend))
			vr_vu_backend_open(dev->backend);
		if (poll(&pollfd, 1, dev->device[RX] ? 0 : 10) > 0)
			vr_vu_backend_process(dev->backend);
		drop_transmitted(dev, 1);
		drop_transmitted(dev, 3);
		inject_one(dev);
	}
	return NULL;
}

static void log_line(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "back end: %s\n", text);
}

static void start_device(struct dev *dev, bool connect)
{
	static const struct vr_vu_backend_ops ops = {
		.struct_size = sizeof(ops),
		.disconnected = disconnected,
		.ring_start = ring_start,
		.ring_stop = ring_stop,
		.ring_enable = ring_enable,
	};
	const struct vr_vu_backend_config config = {
		.struct_size = sizeof(config),
		.path = path,
		.connect = connect,
		.vrings = 2 * pairs,
		.queue_num = pairs,
		.features = (pairs > 1 ? F_NET_MQ : 0) | VR_F_VERSION_1 | VR_F_INDIRECT_DESC |
			    VR_F_EVENT_IDX | VR_F_IN_ORDER | VR_F_RING_PACKED,
		.ops = &ops,
		.context = dev,
		.log = log_line,
	};

	*dev = (struct dev){ .backend = NULL };
	assert_int_equal(vr_vu_backend_create(&config, &dev->backend), 0);
	if (!connect)
		assert_int_equal(vr_vu_backend_open(dev->backend), 0);
	assert_int_equal(pthread_create(&dev->thread, NULL, run, dev), 0);
}

static void stop_device(struct dev *dev)
{
	atomic_store(&dev->stop, true);
	pthread_join(dev->thread, NULL);
	vr_vu_backend_destroy(dev->backend);
}

static unsigned long taken(struct dev *dev)
{
	return atomic_load(&dev->sent) + atomic_load(&dev->dropped);
}

static void wait_until_counted(struct dev *dev, unsigned long expected)
{
	const time_t deadline = time(NULL) + 60;
	const struct timespec pause = { .tv_nsec = 5000000 };

	while (taken(dev) != expected && time(NULL) < deadline)
		nanosleep(&pause, NULL);
	if (taken(dev) != expected)
		fail_msg("testpmd sent %lu, %lu came and %lu were dropped, %lu faults", expected,
			 atomic_load(&dev->sent), atomic_load(&dev->dropped),
			 atomic_load(&dev->faults));
}

/* It transmits for a while; what it says that it sent, we have got. */
static void transmit(struct dev *dev)
{
	const unsigned long before = atomic_load(&dev->sent);
	const time_t deadline = time(NULL) + 60;

	testpmd_do(&testpmd, "set fwd txonly");
	testpmd_do(&testpmd, "start");
	while (atomic_load(&dev->sent) < before + 2000 && time(NULL) < deadline)
		usleep(10000);
	testpmd_do(&testpmd, "stop");
	wait_until_counted(dev, testpmd_counter(&testpmd, "TX-packets:"));
	assert_true(atomic_load(&dev->sent) >= before + 2000);
}

static void receive(struct dev *dev)
{
	const time_t deadline = time(NULL) + 60;

	testpmd_do(&testpmd, "set fwd rxonly");
	testpmd_do(&testpmd, "start");
	atomic_store(&dev->inject, INJECT);
	while (testpmd_counter(&testpmd, "RX-packets:") < INJECT && time(NULL) < deadline)
		usleep(10000);
	assert_int_equal(testpmd_counter(&testpmd, "RX-packets:"), INJECT);
	testpmd_do(&testpmd, "stop");
}

/* Whatever became of the test: neither program nor thread is left. */
static int end_session(void **state)
{
	(void)state;
	if (testpmd.pid)
		testpmd_stop(&testpmd);
	testpmd.pid = 0;
	stop_device(&the_device);
	return 0;
}

/* testpmd starts its rings anew when it gets another connection. */
static void close_and_come_back(struct dev *dev)
{
	const unsigned long before = atomic_load(&dev->starts);
	const time_t deadline = time(NULL) + 60;

	atomic_store(&dev->close, true);
	while (atomic_load(&dev->starts) < before + 2 * pairs && time(NULL) < deadline)
		usleep(10000);
	assert_int_equal(atomic_load(&dev->starts), before + 2 * pairs);
	/* It is told of its link by a timer of its own. */
	sleep(2);
}

static void use_pairs(void)
{
	testpmd_do(&testpmd, "port stop 0");
	testpmd_do(&testpmd, "port config all rxq 2");
	testpmd_do(&testpmd, "port config all txq 2");
	testpmd_do(&testpmd, "port start 0");
}

static void session(bool is_packed, bool in_order, bool connect)
{
	const uint64_t form = (is_packed ? VR_F_RING_PACKED : 0) | (in_order ? VR_F_IN_ORDER : 0);
	static unsigned int number;
	char vdev[256];

	snprintf(path, sizeof(path), "%s/virtio%u", test_folder(), number++);
	snprintf(vdev, sizeof(vdev),
		 "net_virtio_user0,path=%s,queue_size=256,packed_vq=%d,in_order=%d,mrg_rxbuf=0%s%s",
		 path, is_packed, in_order, connect ? ",server=1" : "",
		 pairs > 1 ? ",queues=2,cq=1" : "");
	start_device(&the_device, connect);
	testpmd_start(&testpmd, vdev, true);
	if (pairs > 1)
		use_pairs();
	assert_int_equal(atomic_load(&the_device.features) & (VR_F_RING_PACKED | VR_F_IN_ORDER),
			 form);
	transmit(&the_device);
	assert_int_equal(atomic_load(&the_device.starts), 2 * pairs);
	assert_true(pairs == 1 || atomic_load(&the_device.sent_second) > 0);
	if (connect) {
		close_and_come_back(&the_device);
		transmit(&the_device);
	}
	receive(&the_device);
	testpmd_stop(&testpmd);
	testpmd.pid = 0;
	assert_int_equal(atomic_load(&the_device.faults), 0);
	assert_string_equal(the_device.error, "");
	unlink(path);
}

static void split(void **state)
{
	(void)state;
	session(false, false, false);
}

static void split_in_order(void **state)
{
	(void)state;
	session(false, true, false);
}

static void packed(void **state)
{
	(void)state;
	session(true, false, false);
}

static void packed_in_order(void **state)
{
	(void)state;
	session(true, true, false);
}

static void split_connecting(void **state)
{
	(void)state;
	session(false, false, true);
}

static void packed_in_order_connecting(void **state)
{
	(void)state;
	session(true, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(split, end_session),
		cmocka_unit_test_teardown(split_in_order, end_session),
		cmocka_unit_test_teardown(packed, end_session),
		cmocka_unit_test_teardown(packed_in_order, end_session),
		cmocka_unit_test_teardown(split_connecting, end_session),
		cmocka_unit_test_teardown(packed_in_order_connecting, end_session),
	};
	int ret = 0;

	need_program("dpdk-testpmd");
	for (pairs = 1; pairs <= PAIRS_MAX; pairs++)
		ret += cmocka_run_group_tests(tests, NULL, NULL);
	if (ret)
		printf("testpmd printed:\n%s\n", testpmd.text);
	return ret;
}
