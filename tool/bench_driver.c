// SPDX-License-Identifier: BSD-3-Clause
/* The driver's side of a bench: memory, front end, and the loops that send and receive. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <virtring/memory.h>
#include <virtring/net.h>
#include <virtring/vhost_user.h>

#include "worker.h"

/* Time for each vhost-user message; a busy machine may take its time. */
#define MESSAGE_MS 10000

/* A device address that is no host address, so that one taken for the other is found out. */
#define GUEST_ADDR 0x100000000ull

/* Without merged buffers a receive buffer should hold this much (5.1.6.3.1). */
#define RX_PACKET_MIN 1526u

/* One in so many packets is looked into. */
#define CHECK_INTERVAL 251u

struct driver_queue {
	void *state;
	struct vr_driver *queue;
	struct vr_ring ring;
	void *net_state;
	struct vr_net_slots slots;
	int kick;
	int call;
};

struct driver_side {
	struct vr_vu_frontend *frontend;
	struct vr_shm *shm;
	uint64_t features;
	struct vr_vu_offer offer;
	struct driver_queue queues[2];
	struct vr_net_driver_tx *tx;
	struct vr_net_driver_rx *rx;
	bool started;
};

static int cannot(struct answer *answer, const char *what, int error)
{
	return tool_text(answer->text, "driver: %s: %s", what, strerror(-error));
}

static uint32_t slot_bytes(const struct player *player)
{
	uint32_t packet = player->options->packet;

	/* Merged, a packet may take several; alone, it has to fit. */
	if (player->options->mergeable || packet < RX_PACKET_MIN)
		packet = RX_PACKET_MIN;
	return vr_net_slot_bytes(packet);
}

static uint32_t tx_slot_bytes(const struct player *player)
{
	uint32_t bytes = vr_net_slot_bytes(player->options->packet);
	uint32_t usual = slot_bytes(player);

	return bytes > usual ? bytes : usual;
}

/* A driver which rotates its slots has a burst more than descriptors: DPDK's uses just so many. */
static uint32_t slot_count(const struct player *player)
{
	return player->options->size + (player->options->rotate ? player->options->burst : 0);
}

static uint64_t memory_bytes(const struct player *player, uint64_t features)
{
	uint64_t size = player->options->size;
	uint64_t ring = 12288; /* what the three areas lose by alignment, and more */

	for (int area = 0; area < 3; area++)
		ring += vr_ring_bytes(features, (uint32_t)size, (enum vr_area)area);
	return 2 * ring + 8192 +
	       (uint64_t)slot_count(player) * (slot_bytes(player) + tx_slot_bytes(player));
}

static int make_memory(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;
	struct vr_shm_config config = {
		.struct_size = sizeof(config),
		.flags = VR_SHM_HUGE | VR_SHM_POPULATE,
		.size = memory_bytes(player, player->job.features),
		.guest_addr = GUEST_ADDR,
	};
	struct vr_shm_info info;
	int error = vr_shm_create(&config, &side->shm);

	if (error)
		return cannot(answer, "shared memory", error);
	vr_shm_info(side->shm, &info);
	answer->page_bytes = info.page_size;
	answer->huge_error = info.huge_error;
	return 0;
}

static int area(struct driver_side *side, struct vr_ring_area *area, uint64_t bytes)
{
	/* A line pair to itself: the areas are written by different sides. */
	area->host = vr_shm_alloc(side->shm, bytes, 128);
	if (!area->host)
		return -ENOMEM;
	area->addr = vr_shm_addr(side->shm, area->host);
	return 0;
}

static int make_ring(struct driver_side *side, struct driver_queue *q, uint32_t size)
{
	struct vr_driver_config config = {
		.struct_size = sizeof(config),
		.features = side->features,
		.queue_size = size,
	};
	size_t bytes = vr_driver_size(&config);

	if (area(side, &q->ring.descriptors,
		 vr_ring_bytes(side->features, size, VR_AREA_DESCRIPTORS)) ||
	    area(side, &q->ring.driver, vr_ring_bytes(side->features, size, VR_AREA_DRIVER)) ||
	    area(side, &q->ring.device, vr_ring_bytes(side->features, size, VR_AREA_DEVICE)))
		return -ENOMEM;
	config.ring = q->ring;
	q->state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!q->state)
		return -ENOMEM;
	return vr_driver_init(q->state, bytes, &config, &q->queue) ? -EINVAL : 0;
}

static int make_net(struct player *player, bool tx)
{
	struct driver_side *side = player->state;
	struct driver_queue *q = &side->queues[tx];
	struct vr_net_driver_config config = {
		.struct_size = sizeof(config),
		.features = side->features,
		.queue = q->queue,
	};
	size_t bytes;

	q->slots.count = slot_count(player);
	q->slots.stride = tx ? tx_slot_bytes(player) : slot_bytes(player);
	q->slots.base = vr_shm_alloc(side->shm, (uint64_t)q->slots.count * q->slots.stride, 64);
	if (!q->slots.base)
		return -ENOMEM;
	q->slots.addr = vr_shm_addr(side->shm, q->slots.base);
	config.slots = q->slots;
	bytes = tx ? vr_net_driver_tx_size(&config) : vr_net_driver_rx_size(&config);
	q->net_state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!q->net_state)
		return -ENOMEM;
	if (tx)
		return vr_net_driver_tx_init(q->net_state, bytes, &config, &side->tx) ? -EINVAL : 0;
	return vr_net_driver_rx_init(q->net_state, bytes, &config, &side->rx) ? -EINVAL : 0;
}

static int make_queues(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;

	for (int i = 0; i < 2; i++) {
		struct driver_queue *q = &side->queues[i];
		int error = make_ring(side, q, player->options->size);

		if (!error)
			error = make_net(player, i);
		if (error)
			return cannot(answer, "queues", error);
		if (!player->options->notify)
			continue;
		q->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		q->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->kick < 0 || q->call < 0)
			return cannot(answer, "eventfd", -errno);
	}
	return 0;
}

static int start(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;
	struct vr_vu_vring vrings[2];
	struct vr_mem_region region;
	int error;

	vr_shm_region(side->shm, &region);
	for (uint32_t i = 0; i < 2; i++) {
		bool packed = side->features & VR_F_RING_PACKED;

		vrings[i] = (struct vr_vu_vring){
			.index = i,
			.size = player->options->size,
			.base = packed ? VR_VU_BASE_FRESH_PACKED : VR_VU_BASE_FRESH_SPLIT,
			.enabled = true,
			.ring = side->queues[i].ring,
			.kick_fd = side->queues[i].kick,
			.call_fd = side->queues[i].call,
			.err_fd = -1,
		};
	}
	error = vr_vu_frontend_start(side->frontend, side->features, &region, 1, vrings, 2,
				     MESSAGE_MS);
	if (error)
		return tool_text(answer->text, "driver: %s", vr_vu_frontend_error(side->frontend));
	side->started = true;
	return 0;
}

static int connect_to(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = player->job.path,
	};
	int error = vr_vu_frontend_create(&config, &side->frontend);

	if (error)
		return cannot(answer, "front end", error);
	error = vr_vu_frontend_connect(side->frontend, MESSAGE_MS);
	if (error)
		return cannot(answer, "connecting to the device", error);
	error = vr_vu_frontend_negotiate(side->frontend, player->job.features, VR_F_VERSION_1,
					 &side->offer, MESSAGE_MS);
	if (error)
		return tool_text(answer->text, "driver: %s", vr_vu_frontend_error(side->frontend));
	side->features = side->offer.accepted;
	return 0;
}

static void quiet(struct driver_side *side, const struct bench_options *options)
{
	/* Who polls wants no notification, ever. */
	for (int i = 0; i < 2 && !options->notify; i++)
		vr_driver_disarm(side->queues[i].queue, NULL);
}

static int driver_open(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;
	int filled;

	if (connect_to(player, answer) || make_memory(player, answer) ||
	    make_queues(player, answer))
		return -1;
	quiet(side, player->options);
	filled = vr_net_driver_rx_fill(side->rx);
	if (filled < 0)
		return tool_text(answer->text, "driver: receive buffers: %s", vr_strerror(filled));
	if (start(player, answer))
		return -1;
	answer->features = side->features;
	return 0;
}

static void driver_close(struct player *player)
{
	struct driver_side *side = player->state;

	if (side->started) {
		struct vr_vu_vring vrings[2] = { { .index = 0 }, { .index = 1 } };

		/* A device that is gone has stopped as well. */
		(void)vr_vu_frontend_stop(side->frontend, vrings, 2, MESSAGE_MS);
	}
	vr_vu_frontend_destroy(side->frontend);
	vr_shm_destroy(side->shm);
	for (int i = 0; i < 2; i++) {
		struct driver_queue *q = &side->queues[i];

		free(q->state);
		free(q->net_state);
		if (q->kick >= 0)
			close(q->kick);
		if (q->call >= 0)
			close(q->call);
	}
	memset(side, 0, sizeof(*side));
	for (int i = 0; i < 2; i++)
		side->queues[i].kick = side->queues[i].call = -1;
}

static int broken(struct driver_side *side, bool tx, struct answer *answer)
{
	struct vr_net_stats stats = { 0 };
	struct vr_fault fault;

	vr_driver_fault(side->queues[tx].queue, &fault);
	if (!tx)
		vr_net_driver_rx_stats(side->rx, &stats);
	if (stats.fault)
		return tool_text(answer->text, "driver: %s", vr_net_fault_text(stats.fault));
	return tool_text(answer->text, "driver: %s (%#llx, bound %#llx)",
			 vr_fault_text(fault.reason), (unsigned long long)fault.value,
			 (unsigned long long)fault.limit);
}

/* Nothing to do: sleeps if that is wanted, and nothing has arrived meanwhile. */
static void rest(const struct player *player, struct driver_queue *q)
{
	if (!player->options->notify)
		return;
	if (!vr_driver_arm(q->queue, NULL))
		player_sleep(player, q->call);
	vr_driver_disarm(q->queue, NULL);
}

static void tell(const struct player *player, struct driver_queue *q)
{
	if (player->options->notify && vr_driver_must_notify(q->queue))
		(void)vr_vu_notify(q->kick);
}

/* Sends one burst; the number of packets or an error. */
static int send_burst(struct player *player, struct vr_net_generator *generator)
{
	struct driver_side *side = player->state;
	struct vr_net_slot slots[BENCH_BURST_MAX];
	int got = vr_net_driver_tx_reserve(side->tx, slots, player->options->burst);

	if (got <= 0)
		return got;
	for (int i = 0; i < got; i++) {
		vr_net_generate(generator, slots[i].data);
		slots[i].len = generator->length;
	}
	got = vr_net_driver_tx_send(side->tx, slots, (unsigned int)got);
	if (got > 0)
		tell(player, &side->queues[1]);
	return got;
}

static int run_tx(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;
	struct driver_queue *q = &side->queues[1];
	struct vr_net_generator generator = { .length = player->options->packet };
	struct meter meter = { .phase = PHASE_IDLE };
	double deadline;

	while (meter_phase(&meter, player, answer) != PHASE_DRAIN) {
		int sent = send_burst(player, &generator);

		meter_poll(&meter, sent);
		if (sent < 0)
			return broken(side, true, answer);
		if (sent == 0)
			rest(player, q);
		meter.count += (unsigned int)sent;
	}
	answer->total = meter.count;
	atomic_store(&player->arena->sent, meter.count);
	deadline = tool_now() + DRAIN_SECONDS;
	while (vr_driver_outstanding(q->queue) > 0) {
		if (vr_net_driver_tx_reap(side->tx) < 0)
			return broken(side, true, answer);
		if (tool_now() > deadline)
			return tool_text(answer->text,
					 "driver: the device did not give back %u buffers",
					 vr_driver_outstanding(q->queue));
		if (vr_driver_outstanding(q->queue) > 0)
			rest(player, q);
	}
	return 0;
}

static struct vr_net_sink new_sink(const struct player *player)
{
	bool peer = player->options->party[SIDE_DEVICE] == PARTY_DPDK;

	return (struct vr_net_sink){
		.pattern = peer ? VR_NET_PATTERN_UDP : VR_NET_PATTERN_NUMBERED,
		.length = player->options->packet,
		.interval = CHECK_INTERVAL,
	};
}

static void judge_rx(const struct vr_net_sink *sink, const struct driver_side *side,
		     struct answer *answer)
{
	struct vr_net_stats stats;

	vr_net_driver_rx_stats(side->rx, &stats);
	answer->total = sink->packets;
	answer->dropped = stats.dropped_short + stats.dropped_long;
	answer->checked = sink->checked;
	answer->bad = sink->bad;
	if (sink->bad)
		tool_text(answer->text, "driver: %llu of %llu packets looked into are wrong: %s",
			  (unsigned long long)sink->bad, (unsigned long long)sink->checked,
			  sink->wrong);
}

static int run_rx(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;
	struct vr_net_packet packets[BENCH_BURST_MAX];
	struct vr_net_sink sink = new_sink(player);
	struct driver_queue *q = &side->queues[0];
	struct meter meter = { .phase = PHASE_IDLE };
	double deadline = 0;

	for (;;) {
		enum phase phase = meter_phase(&meter, player, answer);
		int got;

		if (phase == PHASE_DRAIN) {
			double now = tool_now();

			if (deadline == 0)
				deadline = now + 2 * DRAIN_SECONDS;
			if (meter.count == atomic_load(&player->arena->sent) || now > deadline)
				break;
		}
		got = vr_net_driver_rx_burst(side->rx, packets, player->options->burst);
		meter_poll(&meter, got);
		if (got < 0)
			return broken(side, false, answer);
		if (got == 0) {
			rest(player, q);
			continue;
		}
		vr_net_sink_take(&sink, packets, (unsigned int)got);
		meter.count += (unsigned int)got;
		if (vr_net_driver_rx_release(side->rx, (unsigned int)got) < 0)
			return broken(side, false, answer);
		tell(player, q);
	}
	judge_rx(&sink, side, answer);
	return 0;
}

static int driver_run(struct player *player, struct answer *answer)
{
	struct driver_side *side = player->state;
	struct vr_driver_stats stats;
	int result;

	if (!side->started)
		return tool_text(answer->text, "driver: the session is not open");
	if (player->job.row.direction == DIRECTION_TX)
		result = run_tx(player, answer);
	else
		result = run_rx(player, answer);
	vr_driver_stats(side->queues[player->job.row.direction == DIRECTION_TX].queue, &stats);
	answer->batched = stats.batched;
	answer->features = side->features;
	return result;
}

static int driver_poll_fd(struct player *player)
{
	(void)player;
	return -1;
}

static void driver_idle(struct player *player)
{
	(void)player;
}

void bench_driver_player(struct player *player)
{
	static struct driver_side side = {
		.queues = { { .kick = -1, .call = -1 }, { .kick = -1, .call = -1 } },
	};

	player->open = driver_open;
	player->run = driver_run;
	player->close = driver_close;
	player->poll_fd = driver_poll_fd;
	player->idle = driver_idle;
	player->state = &side;
}
