// SPDX-License-Identifier: BSD-3-Clause
/*
 * Both device halves of a network card and buffers of any shape, with headers of any content, in
 * memory that changes meanwhile.
 *
 * Held for every input: packets to be sent lie in memory that may be read and are as long as they
 * say; what is delivered is written to memory that may be written (a sanitizer sees the rest); counts
 * of packets add up.
 */
#include <stdlib.h>
#include <string.h>

#include <virtring/net.h>

#include "ring_peer.h"
#include "ring_stage.h"

#define STEPS 100u
#define BURST 4u
#define PACKET_MAX 3000u

struct run {
	struct fuzz fuzz;
	struct ring_stage stage;
	struct vr_net_device_tx *tx; /* one of the two */
	struct vr_net_device_rx *rx;
	void *state;
	unsigned int taken; /* packets of the burst that is not released */
	bool burst;
	uint8_t *packet;
};

static void check_packet(const struct run *run, const struct vr_net_packet *packet)
{
	uint64_t bytes = 0;

	FUZZ_CHECK(packet->piece_count >= 1 && packet->len >= 1);
	for (uint32_t i = 0; i < packet->piece_count; i++) {
		ring_stage_check_access(&run->stage, &packet->pieces[i], VR_ACCESS_READ);
		bytes += packet->pieces[i].len;
	}
	FUZZ_CHECK(bytes == packet->len);
}

static void take(struct run *run)
{
	struct vr_net_packet packets[BURST];
	int got;

	RING_CALL(&run->fuzz, got, vr_net_device_tx_burst(run->tx, packets, BURST));
	/* A burst of buffers without a packet in them has to be released, too. */
	if (run->taken || (run->burst && got == VR_E_STATE)) {
		FUZZ_CHECK(got == VR_E_STATE || got == VR_E_BROKEN);
		return;
	}
	FUZZ_CHECK(got <= (int)BURST && (got >= 0 || got == VR_E_BROKEN));
	for (int i = 0; i < got; i++)
		check_packet(run, &packets[i]);
	run->taken = got > 0 ? (unsigned int)got : 0;
	run->burst = got >= 0;
}

static void release(struct run *run)
{
	unsigned int done = fuzz_below(&run->fuzz, BURST + 1);
	int result;

	if (done <= run->taken && fuzz_flag(&run->fuzz))
		RING_CALL(&run->fuzz, result, vr_net_device_tx_settle(run->tx, done, NULL));
	else
		RING_CALL(&run->fuzz, result, vr_net_device_tx_release(run->tx, NULL));
	FUZZ_CHECK(result >= 0 || result == VR_E_BROKEN || result == VR_E_STATE);
	run->taken = 0;
	run->burst = false;
}

static void deliver(struct run *run)
{
	struct vr_net_packet packets[BURST] = { 0 };
	struct vr_iovec pieces[BURST][2];
	unsigned int count = 1 + fuzz_below(&run->fuzz, BURST);
	struct vr_net_stats before, after;
	int done;

	for (unsigned int i = 0; i < count; i++) {
		uint32_t len = fuzz_u16(&run->fuzz) % PACKET_MAX;

		pieces[i][0] = (struct vr_iovec){ run->packet, len / 3 };
		pieces[i][1] = (struct vr_iovec){ run->packet + len / 3, len - len / 3 };
		packets[i].pieces = pieces[i];
		packets[i].piece_count = 2;
		packets[i].len = len;
		fuzz_bytes(&run->fuzz, &packets[i].header, fuzz_u8(&run->fuzz) & 8);
	}
	vr_net_device_rx_stats(run->rx, &before);
	RING_CALL(&run->fuzz, done, vr_net_device_rx_deliver(run->rx, packets, count, NULL));
	vr_net_device_rx_stats(run->rx, &after);
	FUZZ_CHECK(done <= (int)count && (done >= 0 || done == VR_E_BROKEN));
	if (done >= 0)
		FUZZ_CHECK(after.packets + after.dropped_long + after.dropped_offload -
				   before.packets - before.dropped_long - before.dropped_offload ==
			   (uint64_t)done);
}

static void settle(struct run *run)
{
	uint32_t base;

	if (run->rx) {
		FUZZ_CHECK(vr_net_device_rx_settle(run->rx) >= 0);
		vr_net_device_rx_offloads(run->rx, fuzz_u64(&run->fuzz));
	} else if (run->burst) {
		release(run);
	}
	(void)vr_device_save(run->stage.device, false, &base);
}

static void step(struct run *run)
{
	switch (fuzz_below(&run->fuzz, 10)) {
	case 0:
	case 1:
	case 2:
		ring_stage_send(&run->stage, &run->fuzz);
		break;
	case 3:
		ring_stage_fill(&run->stage, &run->fuzz);
		break;
	case 4:
		ring_stage_poke(&run->stage, &run->fuzz);
		break;
	case 5:
	case 6:
		if (run->tx)
			take(run);
		else
			deliver(run);
		break;
	case 7:
		if (run->tx)
			release(run);
		else
			deliver(run);
		break;
	case 8:
		settle(run);
		break;
	default:
		ring_stage_take_back(&run->stage);
		break;
	}
}

static void open_net(struct run *run)
{
	static const uint64_t extra = VR_NET_F_MRG_RXBUF | VR_NET_F_GUEST_CSUM |
				      VR_NET_F_GUEST_TSO4 | VR_NET_F_CSUM | VR_NET_F_HOST_TSO4;
	uint8_t how = fuzz_u8(&run->fuzz);
	struct vr_net_device_config config = {
		.struct_size = sizeof(config),
		.features = run->stage.features | (how & 1 ? extra : 0),
		.queue = run->stage.device,
		.burst = 1 + (how >> 1 & 7),
		.segments = how & 0x10 ? 9 : 0,
		.max_packet = how & 0x20 ? 1514 : 0,
		.queue_size = how & 8 ? run->stage.size : 0,
		.flags = how >> 6,
	};
	size_t bytes;

	if (fuzz_flag(&run->fuzz)) {
		bytes = vr_net_device_tx_size(&config);
		FUZZ_CHECK(bytes > 0);
		run->state = fuzz_memory(bytes);
		FUZZ_CHECK(!vr_net_device_tx_init(run->state, bytes, &config, &run->tx));
	} else {
		bytes = vr_net_device_rx_size(&config);
		FUZZ_CHECK(bytes > 0);
		run->state = fuzz_memory(bytes);
		FUZZ_CHECK(!vr_net_device_rx_init(run->state, bytes, &config, &run->rx));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .fuzz = fuzz_begin(data, size) };

	ring_stage_open(&run.stage, &run.fuzz, ring_stage_form(&run.fuzz));
	open_net(&run);
	run.packet = fuzz_memory(PACKET_MAX);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	ring_stage_close(&run.stage);
	free(run.state);
	free(run.packet);
	return 0;
}
