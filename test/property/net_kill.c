// SPDX-License-Identifier: BSD-3-Clause
/*
 * A network device in a process of its own is killed under load, and its successor goes on from the
 * record of buffers in flight: of the numbered packets in either direction none is lost; some may
 * come twice. VIRTRING_KILLS=N: kills in each form (15).
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/net.h>
#include <virtring/vhost_user_loop.h>

#include "form.h"
#include "vu_rig.h"

#define SIZE 32u
#define SEEN (1u << 22)
#define PACKET 100u /* bytes, the number first */
#define HEADER 12u

enum {
	RX,
	TX
};

/**
 * struct world - what outlives the device
 * @next: number of the packet to be delivered next
 * @seen: how often each packet was sent, as the device saw it
 */
struct world {
	_Atomic uint32_t next;
	atomic_uchar seen[SEEN];
};

static struct world *world;

/* ---- the device ---- */

/**
 * struct card - the device
 * @loop: what runs it
 * @rx: delivers
 * @tx: takes
 * @state: memory of both
 */
struct card {
	struct vr_vu_loop *loop;
	struct vr_net_device_rx *rx;
	struct vr_net_device_tx *tx;
	void *state[2];
};

static int queue_start(void *context, struct vr_vu_queue *queue)
{
	const struct vr_vu_vring *vring = vr_vu_queue_vring(queue);
	const struct vr_net_device_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.queue = vr_vu_queue_device(queue),
		.queue_size = vring->size,
	};
	const bool rx = vring->index == RX;
	const size_t bytes = rx ? vr_net_device_rx_size(&config) : vr_net_device_tx_size(&config);
	struct card *card = context;
	void *state = aligned_alloc(64, (bytes + 63) / 64 * 64);

	card->state[vring->index] = state;
	return rx ? vr_net_device_rx_init(state, bytes, &config, &card->rx) :
		    vr_net_device_tx_init(state, bytes, &config, &card->tx);
}

static void queue_stop(void *context, struct vr_vu_queue *queue)
{
	struct card *card = context;
	const uint32_t index = vr_vu_queue_vring(queue)->index;

	if (index == RX)
		(void)vr_net_device_rx_settle(card->rx);
	free(card->state[index]);
}

/* The number is counted up when the driver can see the packet: a kill in between sends it twice. */
static int deliver(struct card *card)
{
	uint32_t number = world->next;
	unsigned char bytes[PACKET] = { 0 };
	const struct vr_iovec piece = { .base = bytes, .len = sizeof(bytes) };
	const struct vr_net_packet packet = { .pieces = &piece, .piece_count = 1, .len = PACKET };
	int done;

	memcpy(bytes, &number, sizeof(number));
	done = vr_net_device_rx_deliver(card->rx, &packet, 1, NULL);
	if (done == 1)
		world->next = number + 1;
	return done;
}

static int take(struct card *card)
{
	struct vr_net_packet packets[8];
	const int got = vr_net_device_tx_burst(card->tx, packets, 8);
	int i;

	for (i = 0; i < got; i++) {
		uint32_t number;

		(void)vr_iov_read(packets[i].pieces, packets[i].piece_count, 0, &number,
				  sizeof(number));
		world->seen[number % SEEN] = 1;
	}
	(void)vr_net_device_tx_release(card->tx, NULL);
	return got;
}

static int queue_work(void *context, struct vr_vu_queue *queue)
{
	return vr_vu_queue_vring(queue)->index == RX ? deliver(context) : take(context);
}

/* The child: serves one session until it is killed. */
static void serve(int fd)
{
	static const struct vr_vu_backend_ops none = { .struct_size = sizeof(none) };
	static const struct vr_vu_loop_ops ops = {
		.struct_size = sizeof(ops),
		.queue_start = queue_start,
		.queue_work = queue_work,
		.queue_stop = queue_stop,
	};
	struct card card = { .loop = NULL };
	const struct vr_vu_backend_config backend = {
		.struct_size = sizeof(backend),
		.vrings = 2,
		.features = VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER | VR_F_EVENT_IDX,
		.ops = &none,
		.context = &card,
	};
	const struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &ops,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (vr_vu_loop_create(&config, &card.loop) ||
	    vr_vu_backend_adopt(vr_vu_loop_backend(card.loop), fd) || vr_vu_loop_run(card.loop))
		_exit(1);
	_exit(0);
}

/* ---- the driver ---- */

/**
 * struct load - both directions
 * @rig: front end and drivers
 * @inflight: the record
 * @child: the device
 * @sent: packets sent
 * @expected: number of the next packet received, unless one comes again
 * @again: packets that came more than once
 * @free: slots that are not out, of either ring
 * @free_count: how many
 */
struct load {
	struct vu_rig rig;
	struct vr_vu_inflight inflight;
	pid_t child;
	uint32_t sent;
	uint32_t expected;
	uint32_t again;
	uint32_t free[2][SIZE];
	uint32_t free_count[2];
};

static int fork_device(struct load *load)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	load->child = fork();
	assert_true(load->child >= 0);
	if (!load->child) {
		close(ends[0]);
		serve(ends[1]);
	}
	close(ends[1]);
	return ends[0];
}

/* The record is made once; the bases are where the drivers know the device to have been. */
static void connect_device(struct load *load, bool first)
{
	const struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.protocol_features = VR_VU_PF_REPLY_ACK | VR_VU_PF_INFLIGHT_SHMFD,
	};
	struct vu_rig *rig = &load->rig;
	uint32_t i;

	assert_int_equal(vr_vu_frontend_create(&config, &rig->frontend), 0);
	assert_int_equal(vr_vu_frontend_adopt(rig->frontend, fork_device(load)), 0);
	assert_int_equal(vr_vu_frontend_negotiate(rig->frontend, rig->features, rig->features,
						  &rig->offer, VU_RIG_MS),
			 0);
	assert_int_equal(vr_vu_frontend_set_features(rig->frontend, rig->offer.accepted, VU_RIG_MS),
			 0);
	if (first) {
		load->inflight = (struct vr_vu_inflight){ .queues = 2, .queue_size = SIZE };
		assert_int_equal(
			vr_vu_frontend_get_inflight(rig->frontend, &load->inflight, VU_RIG_MS), 0);
	}
	assert_int_equal(vr_vu_frontend_set_inflight(rig->frontend, &load->inflight, VU_RIG_MS), 0);
	for (i = 0; i < 2 && !first; i++)
		rig->queues[i].vring.base = vr_driver_base(rig->queues[i].driver);
	vu_rig_restart(rig);
}

static void kill_device(struct load *load)
{
	int status;

	kill(load->child, SIGKILL);
	assert_int_equal(waitpid(load->child, &status, 0), load->child);
	assert_true(WIFSIGNALED(status));
	vu_rig_disconnect(&load->rig);
}

static void received(struct load *load, uint32_t slot, uint32_t len)
{
	uint32_t number;

	assert_int_equal(len, HEADER + PACKET);
	memcpy(&number, vu_rig_in(&load->rig, RX, slot) + HEADER, sizeof(number));
	/* It may come again, but none is left out. */
	if (number > load->expected)
		fail_msg("packet %u after %u: some are lost", number, load->expected);
	if (number == load->expected)
		load->expected++;
	else
		load->again++;
}

static void collect(struct load *load, uint32_t queue)
{
	struct vr_used used;
	int got;

	while ((got = vr_driver_get(load->rig.queues[queue].driver, &used, 1)) == 1) {
		assert_in_range(used.token, 0, SIZE - 1);
		assert_true(load->free_count[queue] < SIZE);
		load->free[queue][load->free_count[queue]++] = (uint32_t)used.token;
		if (queue == RX)
			received(load, (uint32_t)used.token, used.len);
	}
	assert_int_equal(got, 0);
}

static void refill(struct load *load, bool send)
{
	struct vu_rig *rig = &load->rig;

	while (load->free_count[RX] &&
	       vu_rig_add(rig, RX, load->free[RX][load->free_count[RX] - 1], 0, 200))
		load->free_count[RX]--;
	vu_rig_kick(rig, RX);
	while (send && load->free_count[TX]) {
		const uint32_t slot = load->free[TX][load->free_count[TX] - 1];

		memset(vu_rig_out(rig, TX, slot), 0, HEADER + PACKET);
		memcpy(vu_rig_out(rig, TX, slot) + HEADER, &load->sent, sizeof(load->sent));
		if (!vu_rig_add(rig, TX, slot, HEADER + PACKET, 0))
			break;
		load->free_count[TX]--;
		load->sent++;
	}
	vu_rig_kick(rig, TX);
}

static void work(struct load *load, uint32_t turns)
{
	while (turns--) {
		collect(load, RX);
		collect(load, TX);
		refill(load, true);
		if (turns % 4 == 0)
			usleep(100);
	}
}

/* All that was sent has arrived: once its buffer is back, the device has seen it. */
static void finish(struct load *load)
{
	uint32_t i, waited;

	for (waited = 0; load->free_count[TX] < SIZE && waited < 60000; waited++) {
		collect(load, RX);
		collect(load, TX);
		refill(load, false);
		usleep(1000);
	}
	assert_int_equal(load->free_count[TX], SIZE);
	assert_true(load->sent < SEEN);
	for (i = 0; i < load->sent; i++)
		if (!world->seen[i])
			fail_msg("packet %u of %u was lost", i, load->sent);
}

static void killed(void **state)
{
	const char *text = getenv("VIRTRING_KILLS");
	const unsigned int kills = text ? (unsigned int)strtoul(text, NULL, 10) : 15;
	uint32_t random = 99, i;

	(void)state;
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_true(world != MAP_FAILED);
	FOR_EACH_FORM(form)
	{
		struct load load = {
			.rig = { .features = form->features, .size = SIZE, .count = 2 },
			.free_count = { SIZE, SIZE },
		};

		memset(world, 0, sizeof(*world));
		for (i = 0; i < SIZE; i++)
			load.free[RX][i] = load.free[TX][i] = i;
		vu_rig_create(&load.rig);
		connect_device(&load, true);
		for (i = 0; i < kills; i++) {
			random = random * 1664525u + 1013904223u;
			work(&load, (random >> 16) % 120);
			kill_device(&load);
			connect_device(&load, false);
		}
		work(&load, 100);
		finish(&load);
		printf("REPORT: net, %s: %u kills, %u packets sent, %u received, %u of them again\n",
		       form->name, kills, load.sent, load.expected, load.again);
		assert_true(load.sent > SIZE && load.expected > SIZE);
		kill_device(&load);
		close(load.inflight.fd);
		vu_rig_destroy(&load.rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
