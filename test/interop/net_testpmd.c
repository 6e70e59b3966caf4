// SPDX-License-Identifier: BSD-3-Clause
/*
 * Packets to and from DPDK's testpmd, in both roles, in all four forms, with one and two queue pairs.
 *
 * testpmd forwards what it receives to where it came from, so every packet crosses a transmit and a
 * receive queue, is counted by both sides on both, and comes back to be compared byte for byte.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/memory.h>
#include <virtring/net.h>
#include <virtring/vhost_user.h>

#include "tool/testpmd.h"

#define SIZE 256u
#define PACKETS 20000u
#define LENGTH 64u
#define BURST 32u
#define PAIRS_MAX 2u
#define MESSAGE_MS 60000
#define SECONDS 60.0

/* On their way at a time: testpmd drops what finds no room, and there is room for this. */
#define AWAY (SIZE / 2)

struct setting {
	enum side peer;
	bool packed;
	bool in_order;
	unsigned int pairs;
};

/* One queue, of either side. */
struct queue {
	void *ring_state;
	void *net_state;
	struct vr_driver *driver;
	struct vr_device *device;
	struct vr_ring ring;
	bool running;
};

/* What goes out of a pair and comes back to it. */
struct pair {
	struct vr_net_driver_tx *driver_tx;
	struct vr_net_driver_rx *driver_rx;
	struct vr_net_device_tx *device_tx;
	struct vr_net_device_rx *device_rx;
	struct vr_net_generator generator;
	struct vr_net_sink sink;
};

struct session {
	const struct setting *setting;
	char folder[64];
	char path[80];
	struct testpmd testpmd;
	struct queue queues[2 * PAIRS_MAX];
	struct pair pairs[PAIRS_MAX];
	uint64_t features;
	/* Our driver */
	struct vr_vu_frontend *frontend;
	struct vr_shm *shm;
	/* Our device, which lives in a thread as testpmd wants answers while it starts */
	struct vr_vu_backend *backend;
	pthread_t thread;
	atomic_bool go;
	atomic_bool end;
	atomic_bool done;
};

static void *private_memory(size_t bytes)
{
	void *memory = NULL;

	if (bytes == 0 || posix_memalign(&memory, 64, bytes))
		abort();
	return memory;
}

static uint64_t wanted(const struct setting *setting)
{
	uint64_t features = VR_F_VERSION_1;

	if (setting->packed)
		features |= VR_F_RING_PACKED;
	if (setting->in_order)
		features |= VR_F_IN_ORDER;
	if (setting->pairs > 1)
		features |= VR_NET_F_MQ;
	return features;
}

static void reset_pairs(struct session *s)
{
	for (unsigned int i = 0; i < s->setting->pairs; i++) {
		/* Each pair has numbers of its own: a packet on the wrong one is found out. */
		s->pairs[i].generator = (struct vr_net_generator){ i * 1000000ull, LENGTH };
		s->pairs[i].sink = (struct vr_net_sink){
			.length = LENGTH,
			.interval = 1,
			.packets = i * 1000000ull,
			.next = i * 1000000ull,
		};
	}
}

static uint64_t sent(const struct session *s, unsigned int pair)
{
	return s->pairs[pair].generator.sequence - pair * 1000000ull;
}

static uint64_t back(const struct session *s, unsigned int pair)
{
	return s->pairs[pair].sink.packets - pair * 1000000ull;
}

static bool all_back(const struct session *s)
{
	for (unsigned int i = 0; i < s->setting->pairs; i++)
		if (back(s, i) < PACKETS)
			return false;
	return true;
}

/* How many packets of a pair may go out now. */
static unsigned int allowance(const struct session *s, unsigned int pair)
{
	uint64_t away = sent(s, pair) - back(s, pair);
	uint64_t left = PACKETS - sent(s, pair);
	uint64_t room = AWAY - away;

	if (room > BURST)
		room = BURST;
	return (unsigned int)(room < left ? room : left);
}

static void start_peer(struct session *s)
{
	struct testpmd_config config = {
		.side = s->setting->peer,
		.path = s->path,
		.cpu = sched_getcpu(),
		.huge = false,
		.forward = "io",
		.pairs = s->setting->pairs,
		.burst = BURST,
		.packet = LENGTH,
		.size = SIZE,
		.packed = s->setting->packed,
		.in_order = s->setting->in_order,
	};
	char error[TOOL_TEXT] = "";

	if (testpmd_start(&s->testpmd, &config, error))
		fail_msg("%s", error);
}

static void tell_peer(struct session *s, const char *command)
{
	char error[TOOL_TEXT] = "";

	if (testpmd_command(&s->testpmd, command, error))
		fail_msg("%s: %s", command, error);
}

/* Both sides have counted the same, and every packet was looked into. */
static void compare(struct session *s)
{
	uint64_t all = (uint64_t)PACKETS * s->setting->pairs;
	struct testpmd_counts counts;
	char error[TOOL_TEXT] = "";

	if (testpmd_counts(&s->testpmd, &counts, error))
		fail_msg("%s", error);
	assert_int_equal(counts.received, all);
	assert_int_equal(counts.sent, all);
	assert_int_equal(counts.lost, 0);
	for (unsigned int i = 0; i < s->setting->pairs; i++) {
		const struct vr_net_sink *sink = &s->pairs[i].sink;

		if (sink->bad)
			fail_msg("pair %u: %s", i, sink->wrong);
		assert_int_equal(back(s, i), PACKETS);
		assert_int_equal(sink->checked, PACKETS);
	}
}

/* ---- our driver, testpmd is the device ---- */

static void make_area(struct session *s, struct vr_ring_area *area, enum vr_area which)
{
	area->host = vr_shm_alloc(s->shm, vr_ring_bytes(s->features, SIZE, which), 64);
	assert_non_null(area->host);
	area->addr = vr_shm_addr(s->shm, area->host);
}

static void make_driver_queue(struct session *s, unsigned int index)
{
	struct queue *q = &s->queues[index];
	struct pair *pair = &s->pairs[index / 2];
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = s->features,
		.queue_size = SIZE,
	};
	struct vr_net_driver_config net = {
		.struct_size = sizeof(net),
		.features = s->features,
	};
	bool tx = index % 2;
	size_t bytes = vr_driver_size(&config);

	make_area(s, &q->ring.descriptors, VR_AREA_DESCRIPTORS);
	make_area(s, &q->ring.driver, VR_AREA_DRIVER);
	make_area(s, &q->ring.device, VR_AREA_DEVICE);
	config.ring = q->ring;
	q->ring_state = private_memory(bytes);
	assert_int_equal(vr_driver_init(q->ring_state, bytes, &config, &q->driver), 0);
	vr_driver_disarm(q->driver, NULL);
	net.queue = q->driver;
	net.slots.count = SIZE;
	net.slots.stride = vr_net_slot_bytes(1526);
	net.slots.base = vr_shm_alloc(s->shm, (uint64_t)SIZE * net.slots.stride, 64);
	assert_non_null(net.slots.base);
	net.slots.addr = vr_shm_addr(s->shm, net.slots.base);
	bytes = tx ? vr_net_driver_tx_size(&net) : vr_net_driver_rx_size(&net);
	q->net_state = private_memory(bytes);
	if (tx)
		assert_int_equal(vr_net_driver_tx_init(q->net_state, bytes, &net, &pair->driver_tx),
				 0);
	else
		assert_int_equal(vr_net_driver_rx_init(q->net_state, bytes, &net, &pair->driver_rx),
				 0);
}

static void connect_driver(struct session *s)
{
	struct vr_vu_frontend_config config = { .struct_size = sizeof(config), .path = s->path };
	struct vr_vu_offer offer;

	assert_int_equal(vr_vu_frontend_create(&config, &s->frontend), 0);
	assert_int_equal(vr_vu_frontend_connect(s->frontend, MESSAGE_MS), 0);
	if (vr_vu_frontend_negotiate(s->frontend, wanted(s->setting), wanted(s->setting), &offer,
				     MESSAGE_MS))
		fail_msg("negotiate: %s", vr_vu_frontend_error(s->frontend));
	assert_true(offer.queue_num >= s->setting->pairs);
	s->features = offer.accepted;
}

static void fill_vrings(const struct session *s, struct vr_vu_vring *vrings)
{
	for (uint32_t i = 0; i < 2 * s->setting->pairs; i++)
		vrings[i] = (struct vr_vu_vring){
			.index = i,
			.size = SIZE,
			.base = s->setting->packed ? VR_VU_BASE_FRESH_PACKED :
						     VR_VU_BASE_FRESH_SPLIT,
			.enabled = true,
			.ring = s->queues[i].ring,
			.kick_fd = -1,
			.call_fd = -1,
			.err_fd = -1,
		};
}

static void start_driver(struct session *s)
{
	struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.size = 8u << 20,
		.guest_addr = 0x100000000ull,
	};
	struct vr_vu_vring vrings[2 * PAIRS_MAX];
	struct vr_mem_region region;

	connect_driver(s);
	assert_int_equal(vr_shm_create(&config, &s->shm), 0);
	for (unsigned int i = 0; i < 2 * s->setting->pairs; i++)
		make_driver_queue(s, i);
	for (unsigned int i = 0; i < s->setting->pairs; i++)
		assert_int_equal(vr_net_driver_rx_fill(s->pairs[i].driver_rx), SIZE);
	vr_shm_region(s->shm, &region);
	fill_vrings(s, vrings);
	if (vr_vu_frontend_start(s->frontend, s->features, &region, 1, vrings,
				 2 * s->setting->pairs, MESSAGE_MS))
		fail_msg("start: %s", vr_vu_frontend_error(s->frontend));
}

static void driver_send(struct session *s, unsigned int index)
{
	struct pair *pair = &s->pairs[index];
	struct vr_net_slot slots[BURST];
	unsigned int count = allowance(s, index);
	int got = count ? vr_net_driver_tx_reserve(pair->driver_tx, slots, count) : 0;

	assert_true(got >= 0);
	for (int i = 0; i < got; i++) {
		vr_net_generate(&pair->generator, slots[i].data);
		slots[i].len = LENGTH;
	}
	if (got > 0)
		assert_int_equal(vr_net_driver_tx_send(pair->driver_tx, slots, (unsigned int)got),
				 got);
}

static int driver_receive(struct session *s, unsigned int index)
{
	struct pair *pair = &s->pairs[index];
	struct vr_net_packet packets[BURST];
	int got = vr_net_driver_rx_burst(pair->driver_rx, packets, BURST);

	assert_true(got >= 0);
	vr_net_sink_take(&pair->sink, packets, (unsigned int)got);
	if (got > 0)
		assert_true(vr_net_driver_rx_release(pair->driver_rx, (unsigned int)got) >= 0);
	return got;
}

static void play_driver(struct session *s)
{
	double end = tool_now() + SECONDS;

	start_peer(s);
	start_driver(s);
	tell_peer(s, "start");
	while (!all_back(s) && tool_now() < end)
		for (unsigned int i = 0; i < s->setting->pairs; i++) {
			driver_send(s, i);
			/* On one CPU it is testpmd's turn when there is nothing to do. */
			if (driver_receive(s, i) == 0)
				sched_yield();
		}
	tell_peer(s, "stop");
	compare(s);
	for (unsigned int i = 0; i < s->setting->pairs; i++) {
		assert_true(vr_net_driver_tx_reap(s->pairs[i].driver_tx) >= 0);
		assert_int_equal(vr_driver_outstanding(s->queues[2 * i + 1].driver), 0);
	}
}

/* ---- our device, testpmd is the driver ---- */

static int device_net(struct session *s, uint32_t index, uint64_t features)
{
	struct queue *q = &s->queues[index];
	struct pair *pair = &s->pairs[index / 2];
	struct vr_net_device_config config = {
		.struct_size = sizeof(config),
		.features = features,
		.queue = q->device,
		.queue_size = SIZE,
	};
	size_t bytes = index % 2 ? vr_net_device_tx_size(&config) : vr_net_device_rx_size(&config);

	q->net_state = private_memory(bytes);
	return index % 2 ? vr_net_device_tx_init(q->net_state, bytes, &config, &pair->device_tx) :
			   vr_net_device_rx_init(q->net_state, bytes, &config, &pair->device_rx);
}

static int ring_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct session *s = context;
	struct queue *q = &s->queues[vring->index];
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.ring = vring->ring,
		.queue_size = vring->size,
		.map = vr_mem_map(mem),
	};
	size_t bytes = vr_device_size(&config);

	q->ring_state = private_memory(bytes);
	if (vr_device_init(q->ring_state, bytes, &config, &q->device) ||
	    vr_device_restore(q->device, vring->base) ||
	    device_net(s, vring->index, vring->features))
		return -EINVAL;
	vr_device_disarm(q->device, NULL);
	s->features = vring->features;
	q->running = true;
	return 0;
}

static void drop_queue(struct queue *q)
{
	free(q->ring_state);
	free(q->net_state);
	memset(q, 0, sizeof(*q));
}

static int ring_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct session *s = context;
	struct queue *q = &s->queues[index];

	(void)why;
	if (index % 2 == 0)
		vr_net_device_rx_settle(s->pairs[index / 2].device_rx);
	(void)vr_device_save(q->device, true, base);
	drop_queue(q);
	return 0;
}

static void device_send(struct session *s, unsigned int index)
{
	struct pair *pair = &s->pairs[index];
	struct vr_net_packet packets[BURST];
	struct vr_iovec pieces[BURST];
	uint8_t bytes[BURST][LENGTH];
	unsigned int count = allowance(s, index);
	uint64_t first = pair->generator.sequence;
	int done;

	for (unsigned int i = 0; i < count; i++) {
		vr_net_generate(&pair->generator, bytes[i]);
		pieces[i] = (struct vr_iovec){ bytes[i], LENGTH };
		packets[i] = (struct vr_net_packet){ &pieces[i], 1, LENGTH, { 0 } };
	}
	done = vr_net_device_rx_deliver(pair->device_rx, packets, count, NULL);
	/* What found no room has its number again. */
	pair->generator.sequence = first + (done > 0 ? (unsigned int)done : 0);
}

static int device_receive(struct session *s, unsigned int index)
{
	struct pair *pair = &s->pairs[index];
	struct vr_net_packet packets[BURST];
	int got = vr_net_device_tx_burst(pair->device_tx, packets, BURST);

	if (got < 0)
		return got;
	vr_net_sink_take(&pair->sink, packets, (unsigned int)got);
	(void)vr_net_device_tx_release(pair->device_tx, NULL);
	return got;
}

static bool all_running(const struct session *s)
{
	for (unsigned int i = 0; i < 2 * s->setting->pairs; i++)
		if (!s->queues[i].running)
			return false;
	return true;
}

/* Queues and messages in turn, in one thread: that is all the locking there is. */
static void *device_thread(void *context)
{
	struct session *s = context;

	while (!atomic_load(&s->end)) {
		vr_vu_backend_process(s->backend);
		if (!atomic_load(&s->go) || !all_running(s) || all_back(s)) {
			atomic_store(&s->done, all_back(s));
			usleep(1000);
			continue;
		}
		for (unsigned int i = 0; i < s->setting->pairs; i++) {
			device_send(s, i);
			if (device_receive(s, i) <= 0)
				sched_yield();
		}
	}
	return NULL;
}

static void start_device(struct session *s)
{
	static const struct vr_vu_backend_ops ops = {
		.struct_size = sizeof(ops),
		.ring_start = ring_start,
		.ring_stop = ring_stop,
	};
	struct vr_vu_backend_config config = {
		.struct_size = sizeof(config),
		.path = s->path,
		.vrings = 2 * s->setting->pairs,
		.queue_num = s->setting->pairs,
		.features = wanted(s->setting),
		.ops = &ops,
		.context = s,
	};

	assert_int_equal(vr_vu_backend_create(&config, &s->backend), 0);
	assert_int_equal(vr_vu_backend_open(s->backend), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, device_thread, s), 0);
}

static void play_device(struct session *s)
{
	double end = tool_now() + SECONDS;

	start_device(s);
	start_peer(s);
	tell_peer(s, "start");
	atomic_store(&s->go, true);
	while (!atomic_load(&s->done) && tool_now() < end)
		usleep(1000);
	assert_true(atomic_load(&s->done));
	tell_peer(s, "stop");
	compare(s);
	/* testpmd took what it was to take: this is no test of a fallback. */
	assert_int_equal(s->features & (VR_F_RING_PACKED | VR_F_IN_ORDER),
			 wanted(s->setting) & (VR_F_RING_PACKED | VR_F_IN_ORDER));
}

/* ---- the cases ---- */

static int open_session(void **state)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->setting = *state;
	snprintf(s->folder, sizeof(s->folder), "/tmp/virtring-net.XXXXXX");
	if (!mkdtemp(s->folder))
		return -1;
	snprintf(s->path, sizeof(s->path), "%s/s", s->folder);
	reset_pairs(s);
	*state = s;
	return 0;
}

/* Whatever became of the test: no program, thread or file is left. */
static int close_session(void **state)
{
	struct session *s = *state;

	testpmd_end(&s->testpmd);
	if (s->thread) {
		atomic_store(&s->end, true);
		pthread_join(s->thread, NULL);
	}
	vr_vu_backend_destroy(s->backend);
	vr_vu_frontend_destroy(s->frontend);
	for (unsigned int i = 0; i < 2 * PAIRS_MAX; i++)
		drop_queue(&s->queues[i]);
	vr_shm_destroy(s->shm);
	unlink(s->path);
	rmdir(s->folder);
	free(s);
	return 0;
}

static void play(void **state)
{
	struct session *s = *state;

	if (s->setting->peer == SIDE_DEVICE)
		play_driver(s);
	else
		play_device(s);
}

int main(void)
{
	static struct setting settings[16];
	static char names[16][64];
	struct CMUnitTest tests[16];

	if (!testpmd_installed()) {
		puts("SKIP: dpdk-testpmd is not installed");
		return 77;
	}
	for (unsigned int i = 0; i < 16; i++) {
		settings[i] = (struct setting){
			.peer = i & 8 ? SIDE_DRIVER : SIDE_DEVICE,
			.packed = i & 4,
			.in_order = i & 2,
			.pairs = 1 + (i & 1),
		};
		snprintf(names[i], sizeof(names[i]), "testpmd is the %s, %s%s, %u pair%s",
			 i & 8 ? "driver" : "device", i & 4 ? "packed" : "split",
			 i & 2 ? " in order" : "", 1 + (i & 1), i & 1 ? "s" : "");
		tests[i] = (struct CMUnitTest){ names[i], play, open_session, close_session,
						&settings[i] };
	}
	return cmocka_run_group_tests_name("net with testpmd", tests, NULL, NULL);
}
