// SPDX-License-Identifier: BSD-3-Clause
/*
 * Both driver halves of a network card and a device that writes headers, lengths and ring memory as
 * it likes.
 *
 * Held for every input: a packet received lies within slots that were given to the device and is not
 * handed out twice, and has no more buffers than its header says - as many, as long as each brings
 * bytes; a slot reserved for sending is nobody else's; nothing else breaks than the queue.
 */
#include <stdlib.h>
#include <string.h>

#include <virtring/net.h>

#include "ring_peer.h"
#include "ring_stage.h"

#define STEPS 120u
#define BURST 4u
#define SLOTS 6u

struct run {
	struct fuzz fuzz;
	struct ring_stage stage;
	struct vr_net_driver_tx *tx; /* one of the two */
	struct vr_net_driver_rx *rx;
	void *state;
	uint32_t stride;
	struct vr_net_slot reserved[SLOTS];
	unsigned int reserved_count;
	unsigned int held; /* packets received and not released */
	bool mergeable;
	bool plain; /* each buffer so far brought some bytes, and nothing was changed behind our back */
};

/* The device: takes buffers, writes to them, and says that it wrote as much as the input says. */
static void device(struct run *run)
{
	struct vr_iovec pieces[16];
	struct vr_chain chains[BURST];
	int count = vr_device_pop(run->stage.device, chains, BURST, pieces, 16);

	for (int i = 0; i < count; i++) {
		uint8_t how = fuzz_u8(&run->fuzz);
		uint32_t len = fuzz_u8(&run->fuzz);

		if (chains[i].writable) {
			struct vr_iovec *piece = &chains[i].segments[chains[i].readable];
			size_t bytes = piece->len < 16 ? piece->len : 16;

			if (how & 1)
				fuzz_bytes(&run->fuzz, piece->base, bytes);
			else
				memset(piece->base, 0, bytes);
			/* num_buffers, small for the most part */
			if (!(how & 2) && bytes >= 12)
				((uint8_t *)piece->base)[10] = 1 + (how >> 2 & 3);
		}
		if (len > chains[i].writable_bytes || how & 0x80)
			len = chains[i].writable_bytes;
		run->plain &= len > 0;
		(void)vr_device_complete(run->stage.device, chains[i].handle, len);
	}
	(void)vr_device_publish(run->stage.device, NULL);
}

static bool in_slots(const struct run *run, const void *at, size_t len)
{
	uintptr_t start = (uintptr_t)run->stage.memory[0];

	return (uintptr_t)at - start < (size_t)SLOTS * run->stride &&
	       len <= (size_t)SLOTS * run->stride - ((uintptr_t)at - start);
}

static void receive(struct run *run)
{
	struct vr_net_packet packets[BURST];
	struct vr_net_stats stats;
	int got;

	RING_CALL(&run->fuzz, got, vr_net_driver_rx_burst(run->rx, packets, BURST));
	run->plain &= !ring_peer_changed();
	FUZZ_CHECK(got <= (int)BURST && (got >= 0 || got == VR_E_BROKEN));
	for (int i = 0; i < got; i++) {
		uint64_t bytes = 0;

		FUZZ_CHECK(packets[i].piece_count >= 1 && packets[i].piece_count <= SLOTS);
		for (uint32_t k = 0; k < packets[i].piece_count; k++) {
			const struct vr_iovec *piece = &packets[i].pieces[k];

			FUZZ_CHECK(in_slots(run, piece->base, piece->len));
			FUZZ_CHECK(piece->len <= run->stride);
			bytes += piece->len;
		}
		FUZZ_CHECK(bytes == packets[i].len);
		if (run->mergeable)
			FUZZ_CHECK(packets[i].piece_count <= packets[i].header.num_buffers);
		if (run->mergeable && run->plain)
			FUZZ_CHECK(packets[i].piece_count == packets[i].header.num_buffers);
	}
	if (got > 0)
		run->held += (unsigned int)got;
	FUZZ_CHECK(run->held <= SLOTS);
	vr_net_driver_rx_stats(run->rx, &stats);
	FUZZ_CHECK(vr_net_fault_text(stats.fault)[0]);
}

static void release(struct run *run)
{
	unsigned int count = fuzz_below(&run->fuzz, BURST + 1);
	int result;

	if (count > run->held)
		count = run->held;
	RING_CALL(&run->fuzz, result, vr_net_driver_rx_release(run->rx, count));
	run->plain &= !ring_peer_changed();
	FUZZ_CHECK(result >= 0 || result == VR_E_BROKEN || result == VR_E_STATE);
	run->held -= count;
}

static void reserve(struct run *run)
{
	unsigned int count = 1 + fuzz_below(&run->fuzz, SLOTS);
	int got;

	if (run->reserved_count)
		return;
	RING_CALL(&run->fuzz, got, vr_net_driver_tx_reserve(run->tx, run->reserved, count));
	FUZZ_CHECK(got <= (int)count && (got >= 0 || got == VR_E_BROKEN));
	for (int i = 0; i < got; i++) {
		FUZZ_CHECK(in_slots(run, run->reserved[i].data, run->reserved[i].len));
		for (int k = 0; k < i; k++)
			FUZZ_CHECK(run->reserved[k].index != run->reserved[i].index);
		memset(run->reserved[i].data, 1, run->reserved[i].len);
	}
	run->reserved_count = got > 0 ? (unsigned int)got : 0;
}

static void send(struct run *run)
{
	int sent;

	for (unsigned int i = 0; i < run->reserved_count; i++)
		if (fuzz_u8(&run->fuzz) < 0xf0)
			run->reserved[i].len = 1 + fuzz_u8(&run->fuzz) % 64;
	RING_CALL(&run->fuzz, sent,
		  vr_net_driver_tx_send(run->tx, run->reserved, run->reserved_count));
	FUZZ_CHECK(sent <= (int)run->reserved_count);
	if (sent < 0)
		sent = 0;
	vr_net_driver_tx_cancel(run->tx, run->reserved + sent,
				run->reserved_count - (unsigned int)sent);
	run->reserved_count = 0;
}

static void step(struct run *run)
{
	int result;

	switch (fuzz_below(&run->fuzz, 8)) {
	case 0:
	case 1:
		device(run);
		break;
	case 2:
		ring_stage_poke(&run->stage, &run->fuzz);
		run->plain = false;
		break;
	case 3:
		if (run->rx)
			RING_CALL(&run->fuzz, result, vr_net_driver_rx_fill(run->rx));
		else
			RING_CALL(&run->fuzz, result, vr_net_driver_tx_reap(run->tx));
		FUZZ_CHECK(result >= 0 || result == VR_E_BROKEN);
		run->plain &= !ring_peer_changed();
		break;
	case 4:
	case 5:
		if (run->rx)
			receive(run);
		else
			reserve(run);
		break;
	default:
		if (run->rx)
			release(run);
		else
			send(run);
		break;
	}
}

static void open_net(struct run *run)
{
	uint8_t how = fuzz_u8(&run->fuzz);
	struct vr_net_driver_config config = {
		.struct_size = sizeof(config),
		.features = run->stage.features | (how & 1 ? VR_NET_F_MRG_RXBUF : 0),
		.queue = run->stage.driver,
		.max_packet = how & 2 ? 100 : 0,
	};
	size_t bytes;

	run->mergeable = how & 1;
	run->plain = true;
	run->stride = vr_net_slot_bytes(64);
	config.slots = (struct vr_net_slots){ run->stage.memory[0], RING_BOTH, SLOTS, run->stride };
	FUZZ_CHECK((uint64_t)SLOTS * run->stride <= RING_NEXT - RING_BOTH);
	if (how & 4) {
		bytes = vr_net_driver_tx_size(&config);
		FUZZ_CHECK(bytes > 0);
		run->state = fuzz_memory(bytes);
		FUZZ_CHECK(!vr_net_driver_tx_init(run->state, bytes, &config, &run->tx));
	} else {
		bytes = vr_net_driver_rx_size(&config);
		FUZZ_CHECK(bytes > 0);
		run->state = fuzz_memory(bytes);
		FUZZ_CHECK(!vr_net_driver_rx_init(run->state, bytes, &config, &run->rx));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .fuzz = fuzz_begin(data, size) };

	ring_stage_open(&run.stage, &run.fuzz, ring_stage_form(&run.fuzz));
	open_net(&run);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	ring_stage_close(&run.stage);
	free(run.state);
	return 0;
}
