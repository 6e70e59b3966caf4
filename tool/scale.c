// SPDX-License-Identifier: BSD-3-Clause
/* Several queue pairs that one thread serves on each side. */
#include "scale.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* One in so many packets is looked into. */
#define CHECK_INTERVAL 251u
#define CLOCK_EVERY 64u /* turns between two looks at the clock */

/* What a side has of each pair beside the card: only one of the two is used. */
struct lane {
	struct vr_net_generator generator;
	struct vr_net_sink sink;
};

struct round {
	const struct scale_config *config;
	struct nic links[SCALE_PAIRS_MAX];
	/* Each side's own, away from the other's. */
	_Alignas(128) struct lane sending[SCALE_PAIRS_MAX];
	int send_error;
	uint8_t *packets; /* what a device delivers, a burst */
	_Alignas(128) struct lane receiving[SCALE_PAIRS_MAX];
	int receive_error;
	uint8_t copy[BENCH_PACKET_MAX];
	_Alignas(128) _Atomic bool stop;
};

/* ---- TX: the driver makes packets in its slots, the device copies them out ---- */

static int driver_sends(struct round *round, unsigned int pair)
{
	struct nic *nic = &round->links[pair];
	struct vr_net_generator *generator = &round->sending[pair].generator;
	struct vr_net_slot slots[BENCH_BURST_MAX];
	int got = vr_net_driver_tx_reserve(nic->driver_tx, slots, round->config->nic.burst);

	if (got <= 0)
		return got;
	for (int i = 0; i < got; i++) {
		vr_net_generate(generator, slots[i].data);
		slots[i].len = generator->length;
	}
	return vr_net_driver_tx_send(nic->driver_tx, slots, (unsigned int)got);
}

static int device_takes(struct round *round, unsigned int pair)
{
	struct nic *nic = &round->links[pair];
	struct vr_net_packet packets[BENCH_BURST_MAX];
	int got = vr_net_device_tx_burst(nic->device_tx, packets, round->config->nic.burst);

	if (got <= 0)
		return got;
	vr_net_sink_take(&round->receiving[pair].sink, packets, (unsigned int)got);
	return vr_net_device_tx_release(nic->device_tx, NULL);
}

/* ---- RX: the device copies packets in, the driver looks at them where they are ---- */

static int device_sends(struct round *round, unsigned int pair)
{
	struct nic *nic = &round->links[pair];
	struct vr_net_generator *generator = &round->sending[pair].generator;
	struct vr_net_packet packets[BENCH_BURST_MAX];
	struct vr_iovec pieces[BENCH_BURST_MAX];
	uint64_t first = generator->sequence;
	int done;

	for (unsigned int i = 0; i < round->config->nic.burst; i++) {
		uint8_t *data = round->packets + (size_t)i * vr_net_slot_bytes(generator->length);

		vr_net_generate(generator, data);
		pieces[i] = (struct vr_iovec){ data, generator->length };
		packets[i].pieces = &pieces[i];
		packets[i].piece_count = 1;
		packets[i].len = generator->length;
	}
	done = vr_net_device_rx_deliver(nic->device_rx, packets, round->config->nic.burst, NULL);
	/* Those for which there was no room are made again. */
	generator->sequence = first + (done > 0 ? (unsigned int)done : 0);
	return done;
}

static int driver_takes(struct round *round, unsigned int pair)
{
	struct nic *nic = &round->links[pair];
	struct vr_net_packet packets[BENCH_BURST_MAX];
	int got = vr_net_driver_rx_burst(nic->driver_rx, packets, round->config->nic.burst);
	int error;

	if (got <= 0)
		return got;
	vr_net_sink_take(&round->receiving[pair].sink, packets, (unsigned int)got);
	error = vr_net_driver_rx_release(nic->driver_rx, (unsigned int)got);
	return error < 0 ? error : got;
}

/* ---- the threads ---- */

/* Serves all pairs in turn until it is over; whose side is the driver's looks at the clock. */
static int turn_around(struct round *round, int (*serve)(struct round *round, unsigned int pair),
		       bool clock)
{
	double end = tool_now() + round->config->seconds;
	unsigned int turns = 0;

	while (!atomic_load_explicit(&round->stop, memory_order_relaxed)) {
		for (unsigned int pair = 0; pair < round->config->pairs; pair++) {
			int result = serve(round, pair);

			if (result < 0)
				return result;
		}
		if (clock && ++turns % CLOCK_EVERY == 0 && tool_now() >= end)
			break;
	}
	return 0;
}

static void play_driver(void *context)
{
	struct round *round = context;

	if (round->config->direction == DIRECTION_TX)
		round->send_error = turn_around(round, driver_sends, true);
	else
		round->receive_error = turn_around(round, driver_takes, true);
	atomic_store(&round->stop, true);
}

static void play_device(void *context)
{
	struct round *round = context;

	if (round->config->direction == DIRECTION_TX)
		round->receive_error = turn_around(round, device_takes, false);
	else
		round->send_error = turn_around(round, device_sends, false);
}

/* ---- a round ---- */

static int open_all(struct round *round)
{
	const struct scale_config *config = round->config;

	round->packets = aligned_alloc(64, (size_t)config->nic.burst *
						   vr_net_slot_bytes(config->nic.packet));
	if (!round->packets)
		return -1;
	for (unsigned int i = 0; i < config->pairs; i++) {
		if (nic_open(&round->links[i], &config->nic))
			return -1;
		round->sending[i].generator.length = config->nic.packet;
		round->receiving[i].sink = (struct vr_net_sink){
			.pattern = VR_NET_PATTERN_NUMBERED,
			.length = config->nic.packet,
			.interval = CHECK_INTERVAL,
			.copy = config->direction == DIRECTION_TX ? round->copy : NULL,
			.copy_bytes = sizeof(round->copy),
		};
	}
	return 0;
}

static void sum_up(const struct round *round, struct scale_figures *figures)
{
	figures->fewest = UINT64_MAX;
	for (unsigned int i = 0; i < round->config->pairs; i++) {
		const struct vr_net_sink *sink = &round->receiving[i].sink;

		figures->packets += sink->packets;
		figures->checked += sink->checked;
		if (sink->packets < figures->fewest)
			figures->fewest = sink->packets;
	}
	for (int i = 0; i < 2; i++) {
		const struct nic_queue *q = &round->links[0].queues[i];

		figures->ring_bytes += q->ring_bytes;
		figures->state_bytes += q->state_bytes;
		figures->slot_bytes += q->slot_bytes;
	}
}

static int judge(const struct round *round, const struct scale_figures *figures, char *error)
{
	int code = round->send_error < 0 ? round->send_error : round->receive_error;

	if (code < 0)
		return tool_text(error, "%s", vr_strerror(code));
	for (unsigned int i = 0; i < round->config->pairs; i++)
		if (round->receiving[i].sink.bad)
			return tool_text(error, "a packet of pair %u is wrong: %s", i,
					 round->receiving[i].sink.wrong);
	if (figures->fewest == 0)
		return tool_text(error, "a pair had no packets in %g s", round->config->seconds);
	return 0;
}

int scale_play(const struct scale_config *config, struct scale_figures *figures, char *error)
{
	struct round *round = aligned_alloc(128, (sizeof(*round) + 127) / 128 * 128);
	struct duel duel = {
		.play = { play_driver, play_device },
		.context = round,
		.cpu = { config->cpu[SIDE_DRIVER], config->cpu[SIDE_DEVICE] },
	};
	int result = -1;

	if (!round)
		return tool_text(error, "out of memory");
	memset(round, 0, sizeof(*round));
	memset(figures, 0, sizeof(*figures));
	round->config = config;
	if (open_all(round)) {
		tool_text(error, "out of memory, or of descriptors");
	} else if (!duel_play(&duel, &figures->duel, error)) {
		sum_up(round, figures);
		result = judge(round, figures, error);
	}
	for (unsigned int i = 0; i < config->pairs; i++)
		nic_close(&round->links[i]);
	free(round->packets);
	free(round);
	return result;
}
