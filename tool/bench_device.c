// SPDX-License-Identifier: BSD-3-Clause
/* The device's side of a bench: back end, and the loops that take packets and deliver them. */
#include <stdlib.h>
#include <string.h>

#include <virtring/memory.h>
#include <virtring/net.h>
#include <virtring/vhost_user.h>

#include "worker.h"

/* One in so many packets is looked into. */
#define CHECK_INTERVAL 251u

struct device_ring {
	bool running;
	struct vr_vu_vring vring;
	void *state;
	struct vr_device *queue;
	void *net_state;
};

struct device_side {
	struct player *player;
	struct vr_vu_backend *backend;
	struct device_ring rings[2];
	struct vr_net_device_tx *tx;
	struct vr_net_device_rx *rx;
	uint8_t *packets; /* what is delivered, one burst */
};

static int make_net(struct device_side *side, bool tx)
{
	struct device_ring *ring = &side->rings[tx];
	struct vr_net_device_config config = {
		.struct_size = sizeof(config),
		.features = ring->vring.features,
		.queue = ring->queue,
		.burst = side->player->options->burst,
		.queue_size = ring->vring.size,
		/* As DPDK's does. */
		.flags = VR_NET_DEVICE_KEEP_HEADERS,
	};
	size_t bytes;

	/* Merged, a packet may take more buffers than a burst has packets. */
	if (!tx && config.burst < 64)
		config.burst = 64;
	bytes = tx ? vr_net_device_tx_size(&config) : vr_net_device_rx_size(&config);
	ring->net_state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!ring->net_state)
		return -1;
	return tx ? vr_net_device_tx_init(ring->net_state, bytes, &config, &side->tx) :
		    vr_net_device_rx_init(ring->net_state, bytes, &config, &side->rx);
}

static void drop_ring(struct device_ring *ring)
{
	free(ring->state);
	free(ring->net_state);
	memset(ring, 0, sizeof(*ring));
}

static int ring_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	struct device_side *side = context;
	struct device_ring *ring = &side->rings[vring->index];
	struct vr_device_config config = {
		.struct_size = sizeof(config),
		.features = vring->features,
		.ring = vring->ring,
		.queue_size = vring->size,
		.map = vr_mem_map(mem),
	};
	size_t bytes = vr_device_size(&config);

	if (bytes == 0)
		return -1;
	ring->vring = *vring;
	ring->state = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!ring->state || vr_device_init(ring->state, bytes, &config, &ring->queue) ||
	    vr_device_restore(ring->queue, vring->base) || make_net(side, vring->index)) {
		drop_ring(ring);
		return -1;
	}
	/* Who polls wants no notification, ever. */
	if (!side->player->options->notify)
		vr_device_disarm(ring->queue, NULL);
	ring->running = true;
	return 0;
}

static int ring_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	struct device_side *side = context;
	struct device_ring *ring = &side->rings[index];

	(void)why;
	if (index == VR_NET_RX_QUEUE(0))
		vr_net_device_rx_settle(side->rx);
	else
		vr_net_device_tx_release(side->tx, NULL);
	(void)vr_device_save(ring->queue, true, base);
	drop_ring(ring);
	return 0;
}

static int device_open(struct player *player, struct answer *answer)
{
	static const struct vr_vu_backend_ops ops = {
		.struct_size = sizeof(ops),
		.ring_start = ring_start,
		.ring_stop = ring_stop,
	};
	struct device_side *side = player->state;
	struct vr_vu_backend_config config = {
		.struct_size = sizeof(config),
		.path = player->job.path,
		.vrings = 2,
		.queue_num = 1,
		.features = player->job.features,
		.ops = &ops,
		.context = side,
	};
	int error = vr_vu_backend_create(&config, &side->backend);

	side->player = player;
	if (!error)
		error = vr_vu_backend_open(side->backend);
	if (error)
		return tool_text(answer->text, "device: cannot listen on %s: %s", config.path,
				 strerror(-error));
	return 0;
}

static void device_close(struct player *player)
{
	struct device_side *side = player->state;

	vr_vu_backend_destroy(side->backend);
	side->backend = NULL;
}

static int broken(struct device_side *side, bool tx, struct answer *answer)
{
	struct vr_net_stats stats;
	struct vr_fault fault;

	vr_device_fault(side->rings[tx].queue, &fault);
	if (tx)
		vr_net_device_tx_stats(side->tx, &stats);
	else
		vr_net_device_rx_stats(side->rx, &stats);
	if (stats.fault)
		return tool_text(answer->text, "device: %s", vr_net_fault_text(stats.fault));
	return tool_text(answer->text, "device: %s (%#llx, bound %#llx)",
			 vr_fault_text(fault.reason), (unsigned long long)fault.value,
			 (unsigned long long)fault.limit);
}

/* Nothing to do: sleeps if that is wanted, and nothing has arrived meanwhile. */
static void rest(const struct player *player, struct device_ring *ring)
{
	if (!player->options->notify)
		return;
	if (!vr_device_arm(ring->queue, NULL))
		player_sleep(player, ring->vring.kick_fd);
	vr_device_disarm(ring->queue, NULL);
}

static void tell(const struct player *player, struct device_ring *ring)
{
	if (player->options->notify && vr_device_must_notify(ring->queue))
		(void)vr_vu_notify(ring->vring.call_fd);
}

static struct vr_net_sink new_sink(const struct player *player, void *copy)
{
	bool peer = player->options->party[SIDE_DRIVER] == PARTY_DPDK;

	return (struct vr_net_sink){
		.pattern = peer ? VR_NET_PATTERN_UDP : VR_NET_PATTERN_NUMBERED,
		.length = player->options->packet,
		.interval = CHECK_INTERVAL,
		.copy = copy,
		.copy_bytes = BENCH_PACKET_MAX,
	};
}

static void judge_tx(const struct vr_net_sink *sink, const struct device_side *side,
		     struct answer *answer)
{
	struct vr_net_stats stats;

	vr_net_device_tx_stats(side->tx, &stats);
	answer->total = sink->packets;
	answer->dropped = stats.dropped_short + stats.dropped_long;
	answer->checked = sink->checked;
	answer->bad = sink->bad;
	if (sink->bad)
		tool_text(answer->text, "device: %llu of %llu packets looked into are wrong: %s",
			  (unsigned long long)sink->bad, (unsigned long long)sink->checked,
			  sink->wrong);
}

/* The driver sends, packets are copied out and dropped. */
static int run_tx(struct player *player, struct answer *answer)
{
	static uint8_t copy[BENCH_PACKET_MAX];
	struct device_side *side = player->state;
	struct device_ring *ring = &side->rings[1];
	struct vr_net_packet packets[BENCH_BURST_MAX];
	struct vr_net_sink sink = new_sink(player, copy);
	struct meter meter = { .phase = PHASE_IDLE };
	double deadline = 0;

	for (;;) {
		enum phase phase = meter_phase(&meter, player, answer);
		int got;
		int used;

		if (phase == PHASE_DRAIN) {
			double now = tool_now();

			if (deadline == 0)
				deadline = now + 2 * DRAIN_SECONDS;
			if (meter.count == atomic_load(&player->arena->sent) || now > deadline)
				break;
		}
		got = vr_net_device_tx_burst(side->tx, packets, player->options->burst);
		meter_poll(&meter, got);
		if (got < 0)
			return broken(side, true, answer);
		vr_net_sink_take(&sink, packets, (unsigned int)got);
		meter.count += (unsigned int)got;
		used = vr_net_device_tx_release(side->tx, NULL);
		if (used < 0)
			return broken(side, true, answer);
		if (used > 0)
			tell(player, ring);
		else
			rest(player, ring);
	}
	judge_tx(&sink, side, answer);
	return 0;
}

/* One burst of packets, made in private memory. */
struct batch {
	struct vr_net_packet packets[BENCH_BURST_MAX];
	struct vr_iovec pieces[BENCH_BURST_MAX];
	unsigned int next;
	unsigned int count;
};

static void generate(struct batch *batch, struct device_side *side,
		     struct vr_net_generator *generator)
{
	/* Apart, as packets that are waiting somewhere would be. */
	uint32_t stride = vr_net_slot_bytes(generator->length);

	batch->count = side->player->options->burst;
	batch->next = 0;
	for (unsigned int i = 0; i < batch->count; i++) {
		uint8_t *data = side->packets + (size_t)i * stride;

		vr_net_generate(generator, data);
		batch->pieces[i] = (struct vr_iovec){ data, generator->length };
		batch->packets[i].pieces = &batch->pieces[i];
		batch->packets[i].piece_count = 1;
		batch->packets[i].len = generator->length;
	}
}

static int deliver_all(struct player *player, struct answer *answer, struct batch *batch)
{
	struct device_side *side = player->state;
	struct device_ring *ring = &side->rings[0];
	struct vr_net_generator generator = { .length = player->options->packet };
	struct meter meter = { .phase = PHASE_IDLE };

	while (meter_phase(&meter, player, answer) != PHASE_DRAIN) {
		int done;

		if (batch->next == batch->count)
			generate(batch, side, &generator);
		done = vr_net_device_rx_deliver(side->rx, &batch->packets[batch->next],
						batch->count - batch->next, NULL);
		meter_poll(&meter, done);
		if (done < 0)
			return broken(side, false, answer);
		batch->next += (unsigned int)done;
		meter.count += (unsigned int)done;
		if (done > 0)
			tell(player, ring);
		else
			rest(player, ring);
	}
	return 0;
}

/* The driver receives what is generated here. */
static int run_rx(struct player *player, struct answer *answer)
{
	struct device_side *side = player->state;
	struct batch *batch = calloc(1, sizeof(*batch));
	struct vr_net_stats stats;
	int result = -1;

	side->packets = aligned_alloc(64, (size_t)player->options->burst *
						  vr_net_slot_bytes(player->options->packet));
	if (batch && side->packets)
		result = deliver_all(player, answer, batch);
	else
		tool_text(answer->text, "device: out of memory");
	free(side->packets);
	free(batch);
	vr_net_device_rx_stats(side->rx, &stats);
	answer->total = stats.packets;
	answer->dropped = stats.dropped_long;
	atomic_store(&player->arena->sent, stats.packets);
	return result;
}

static int device_run(struct player *player, struct answer *answer)
{
	struct device_side *side = player->state;
	bool tx = player->job.row.direction == DIRECTION_TX;
	struct device_ring *ring = &side->rings[tx];
	struct vr_device_stats stats;
	int result;

	if (!side->backend || !ring->running) {
		const char *error = side->backend ? vr_vu_backend_error(side->backend) : "";

		return tool_text(answer->text, "device: the driver did not start queue %d%s%s", tx,
				 *error ? ": " : "", error);
	}
	answer->features = ring->vring.features;
	result = tx ? run_tx(player, answer) : run_rx(player, answer);
	vr_device_stats(ring->queue, &stats);
	answer->entries = stats.entries;
	return result;
}

static int device_poll_fd(struct player *player)
{
	struct device_side *side = player->state;

	return side->backend ? vr_vu_backend_fd(side->backend) : -1;
}

static void device_idle(struct player *player)
{
	struct device_side *side = player->state;

	if (vr_vu_backend_process(side->backend))
		vr_vu_backend_close(side->backend);
}

void bench_device_player(struct player *player)
{
	static struct device_side side;

	player->open = device_open;
	player->run = device_run;
	player->close = device_close;
	player->poll_fd = device_poll_fd;
	player->idle = device_idle;
	player->state = &side;
}
