// SPDX-License-Identifier: BSD-3-Clause
/* Where the time of a packet goes. */
#include "budget.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define CLOCK_EVERY 64u /* turns between two looks at the clock */

struct round {
	const struct budget_config *config;
	struct nic nic;
	/* Each side's own, away from the other's. */
	_Alignas(128) struct budget_side side[SIDES][2]; /* [0] is used, [1] keeps them apart */
	int error[SIDES];
	_Alignas(128) struct vr_net_generator generator;
	uint8_t *packets; /* what a device delivers, a burst */
	_Alignas(128) struct vr_net_sink sink;
	uint8_t copy[BENCH_PACKET_MAX];
	_Alignas(128) _Atomic bool stop;
};

static inline uint64_t cycles_now(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

const char *budget_step_name(enum direction direction, enum side side, unsigned int step)
{
	static const char *const names[DIRECTIONS][SIDES][BUDGET_STEPS + 1] = {
		[DIRECTION_TX] = { { "reap, reserve", "make packets", "add, publish", "wait" },
				   { "pop, read headers", "copy out", "complete, publish",
				     "wait" } },
		[DIRECTION_RX] = { { "get, read headers", "count", "refill, publish", "wait" },
				   { "make packets", "pop, copy in, complete, publish", "-",
				     "wait" } },
	};

	return names[direction][side][step <= BUDGET_STEPS ? step : BUDGET_WAIT];
}

/* Notes what a burst cost: @at are the times between its steps. */
static void note(struct budget_side *side, const uint64_t *at, int packets)
{
	for (unsigned int i = 0; i < BUDGET_STEPS; i++)
		side->cycles[i] += at[i + 1] - at[i];
	side->packets += (unsigned int)packets;
	side->bursts++;
}

static int driver_sends(struct round *round)
{
	struct budget_side *side = &round->side[SIDE_DRIVER][0];
	struct vr_net_driver_tx *tx = round->nic.driver_tx;
	struct vr_net_slot slots[BENCH_BURST_MAX];
	uint64_t at[BUDGET_STEPS + 1];
	int got;

	at[0] = cycles_now();
	got = vr_net_driver_tx_reserve(tx, slots, round->config->nic.burst);
	at[1] = cycles_now();
	if (got <= 0) {
		side->cycles[BUDGET_WAIT] += at[1] - at[0];
		return got;
	}
	for (int i = 0; i < got; i++) {
		vr_net_generate(&round->generator, slots[i].data);
		slots[i].len = round->generator.length;
	}
	at[2] = cycles_now();
	got = vr_net_driver_tx_send(tx, slots, (unsigned int)got);
	at[3] = cycles_now();
	if (got > 0)
		note(side, at, got);
	return got;
}

static int device_takes(struct round *round)
{
	struct budget_side *side = &round->side[SIDE_DEVICE][0];
	struct vr_net_device_tx *tx = round->nic.device_tx;
	struct vr_net_packet packets[BENCH_BURST_MAX];
	uint64_t at[BUDGET_STEPS + 1];
	int error;
	int got;

	at[0] = cycles_now();
	got = vr_net_device_tx_burst(tx, packets, round->config->nic.burst);
	at[1] = cycles_now();
	if (got <= 0) {
		side->cycles[BUDGET_WAIT] += at[1] - at[0];
		return got;
	}
	vr_net_sink_take(&round->sink, packets, (unsigned int)got);
	at[2] = cycles_now();
	error = vr_net_device_tx_release(tx, NULL);
	at[3] = cycles_now();
	note(side, at, got);
	return error < 0 ? error : got;
}

static int device_sends(struct round *round)
{
	struct budget_side *side = &round->side[SIDE_DEVICE][0];
	struct vr_net_generator *generator = &round->generator;
	struct vr_net_packet packets[BENCH_BURST_MAX];
	struct vr_iovec pieces[BENCH_BURST_MAX];
	unsigned int burst = round->config->nic.burst;
	uint64_t first = generator->sequence;
	uint64_t at[BUDGET_STEPS + 1];
	int done;

	at[0] = cycles_now();
	for (unsigned int i = 0; i < burst; i++) {
		uint8_t *data = round->packets + (size_t)i * vr_net_slot_bytes(generator->length);

		vr_net_generate(generator, data);
		pieces[i] = (struct vr_iovec){ data, generator->length };
		packets[i].pieces = &pieces[i];
		packets[i].piece_count = 1;
		packets[i].len = generator->length;
	}
	at[1] = cycles_now();
	done = vr_net_device_rx_deliver(round->nic.device_rx, packets, burst, NULL);
	at[2] = at[3] = cycles_now();
	/* Those for which there was no room are made again. */
	generator->sequence = first + (done > 0 ? (unsigned int)done : 0);
	if (done > 0)
		note(side, at, done);
	else
		side->cycles[BUDGET_WAIT] += at[2] - at[0];
	return done;
}

static int driver_takes(struct round *round)
{
	struct budget_side *side = &round->side[SIDE_DRIVER][0];
	struct vr_net_driver_rx *rx = round->nic.driver_rx;
	struct vr_net_packet packets[BENCH_BURST_MAX];
	uint64_t at[BUDGET_STEPS + 1];
	int error;
	int got;

	at[0] = cycles_now();
	got = vr_net_driver_rx_burst(rx, packets, round->config->nic.burst);
	at[1] = cycles_now();
	if (got <= 0) {
		side->cycles[BUDGET_WAIT] += at[1] - at[0];
		return got;
	}
	vr_net_sink_take(&round->sink, packets, (unsigned int)got);
	at[2] = cycles_now();
	error = vr_net_driver_rx_release(rx, (unsigned int)got);
	at[3] = cycles_now();
	note(side, at, got);
	return error < 0 ? error : got;
}

static int serve(struct round *round, enum side side)
{
	if (round->config->direction == DIRECTION_TX)
		return side == SIDE_DRIVER ? driver_sends(round) : device_takes(round);
	return side == SIDE_DRIVER ? driver_takes(round) : device_sends(round);
}

static void play(struct round *round, enum side side, bool both)
{
	double end = tool_now() + round->config->seconds;
	unsigned int turns = 0;

	while (!atomic_load_explicit(&round->stop, memory_order_relaxed)) {
		int result = serve(round, side);

		if (result >= 0 && both)
			result = serve(round, (enum side)(1 - side));
		if (result < 0) {
			round->error[side] = result;
			break;
		}
		if (side == SIDE_DRIVER && ++turns % CLOCK_EVERY == 0 && tool_now() >= end)
			break;
	}
}

static void play_driver(void *context)
{
	struct round *round = context;

	play(round, SIDE_DRIVER, round->config->threads == 1);
	atomic_store(&round->stop, true);
}

static void play_device(void *context)
{
	play(context, SIDE_DEVICE, false);
}

static int open_round(struct round *round)
{
	const struct budget_config *config = round->config;

	round->packets = aligned_alloc(64, (size_t)config->nic.burst *
						   vr_net_slot_bytes(config->nic.packet));
	round->generator.length = config->nic.packet;
	round->sink = (struct vr_net_sink){
		.pattern = VR_NET_PATTERN_NUMBERED,
		.length = config->nic.packet,
		.copy = config->direction == DIRECTION_TX ? round->copy : NULL,
		.copy_bytes = sizeof(round->copy),
	};
	return !round->packets || nic_open(&round->nic, &config->nic) ? -1 : 0;
}

static int judge(const struct round *round, struct budget_figures *figures, char *error)
{
	for (int side = 0; side < SIDES; side++) {
		if (round->error[side])
			return tool_text(error, "%s", vr_strerror(round->error[side]));
		figures->side[side] = round->side[side][0];
		if (!figures->side[side].packets)
			return tool_text(error, "no packet came through in %g s",
					 round->config->seconds);
	}
	if (!figures->duel.cycles)
		return tool_text(error, "this processor has no time stamp counter that is known");
	return 0;
}

int budget_play(const struct budget_config *config, struct budget_figures *figures, char *error)
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
	if (open_round(round))
		tool_text(error, "out of memory, or of descriptors");
	else if (config->threads == 1 ? !duel_alone(&duel, &figures->duel, error) :
					!duel_play(&duel, &figures->duel, error))
		result = judge(round, figures, error);
	nic_close(&round->nic);
	free(round->packets);
	free(round);
	return result;
}
