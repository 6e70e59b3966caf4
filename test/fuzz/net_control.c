// SPDX-License-Identifier: BSD-3-Clause
/*
 * The device's half of a control queue and commands of any shape and any content, in memory that
 * changes meanwhile.
 *
 * Held for every input: what is set makes sense whatever the driver wrote; a command that is refused
 * by the device sets nothing; each command is answered once.
 */
#include <stdlib.h>
#include <string.h>

#include <virtring/net_control.h>

#include "ring_peer.h"
#include "ring_stage.h"

#define STEPS 100u
#define PAIRS 5u

struct run {
	struct fuzz fuzz;
	struct ring_stage stage;
	struct vr_net_control_device *control;
	void *state;
	struct vr_net_settings settings; /* as last accepted */
	bool refuse;
};

static void check_settings(const struct vr_net_settings *settings)
{
	FUZZ_CHECK(settings->pairs >= 1 && settings->pairs <= PAIRS);
	FUZZ_CHECK(settings->unicast_count <= VR_NET_TABLE_MAX + 1);
	FUZZ_CHECK(settings->multicast_count <= VR_NET_TABLE_MAX + 1);
}

/* Are these the settings that the device accepted last? */
static void check_same(const struct vr_net_settings *a, const struct vr_net_settings *b)
{
	FUZZ_CHECK(a->pairs == b->pairs && a->offloads == b->offloads);
	FUZZ_CHECK(a->promiscuous == b->promiscuous && a->all_multicast == b->all_multicast);
	FUZZ_CHECK(a->unicast_count == b->unicast_count);
	FUZZ_CHECK(a->multicast_count == b->multicast_count);
	FUZZ_CHECK(!memcmp(a->mac, b->mac, sizeof(a->mac)));
	FUZZ_CHECK(!memcmp(a->unicast, b->unicast, sizeof(a->unicast)));
	FUZZ_CHECK(!memcmp(a->multicast, b->multicast, sizeof(a->multicast)));
	FUZZ_CHECK(!memcmp(a->vlans, b->vlans, sizeof(a->vlans)));
}

static int apply(void *context, const struct vr_net_settings *next)
{
	struct run *run = context;

	check_settings(next);
	if (run->refuse)
		return -1;
	run->settings = *next;
	return 0;
}

/* A command as it should be, but for what the input makes of it. */
static void send_command(struct run *run)
{
	uint8_t how = fuzz_u8(&run->fuzz);
	uint8_t *memory = run->stage.memory[0];
	struct vr_segment segments[3] = {
		{ RING_BOTH, 2, 0 },
		{ RING_BOTH + 16, fuzz_u8(&run->fuzz), 0 },
		{ RING_BOTH + 8, 1, 0 },
	};
	struct vr_buffer buffer = { .segments = segments, .readable = 2, .writable = 1 };

	memory[0] = how & 7;
	memory[1] = how >> 3 & 7;
	if (segments[1].len == 0)
		segments[1].len = 1;
	fuzz_bytes(&run->fuzz, memory + 16, segments[1].len < 32 ? segments[1].len : 32);
	(void)vr_driver_add(run->stage.driver, &buffer, 1);
	(void)vr_driver_publish(run->stage.driver);
}

static void carry_out(struct run *run)
{
	struct vr_net_control_stats before, after;
	int got;

	run->refuse = fuzz_flag(&run->fuzz);
	run->settings = *vr_net_control_device_settings(run->control);
	vr_net_control_device_stats(run->control, &before);
	RING_CALL(&run->fuzz, got,
		  vr_net_control_device_run(run->control, 1 + fuzz_below(&run->fuzz, 4)));
	FUZZ_CHECK(got >= 0 || got == VR_E_BROKEN);
	vr_net_control_device_stats(run->control, &after);
	if (got >= 0)
		FUZZ_CHECK(after.commands + after.refused + after.mute - before.commands -
				   before.refused - before.mute ==
			   (uint64_t)got);
	check_same(&run->settings, vr_net_control_device_settings(run->control));
	(void)vr_device_publish(run->stage.device, NULL);
}

static void filter(struct run *run)
{
	uint8_t bytes[32];
	struct vr_iovec piece = { bytes, sizeof(bytes) };
	struct vr_net_packet packet = { .pieces = &piece, .piece_count = 1 };

	fuzz_bytes(&run->fuzz, bytes, sizeof(bytes));
	packet.len = 1 + fuzz_u8(&run->fuzz) % 32;
	piece.len = packet.len;
	(void)vr_net_settings_accept(vr_net_control_device_settings(run->control), &packet);
}

static void step(struct run *run)
{
	switch (fuzz_below(&run->fuzz, 10)) {
	case 0:
	case 1:
	case 2:
		send_command(run);
		break;
	case 3:
		ring_stage_send(&run->stage, &run->fuzz);
		break;
	case 4:
		ring_stage_fill(&run->stage, &run->fuzz);
		break;
	case 5:
		ring_stage_poke(&run->stage, &run->fuzz);
		break;
	case 6:
		filter(run);
		break;
	case 7:
		(void)vr_net_control_device_announce(run->control);
		break;
	case 8:
		ring_stage_take_back(&run->stage);
		break;
	default:
		carry_out(run);
		break;
	}
}

static void open_control(struct run *run)
{
	static const uint64_t most =
		VR_NET_F_CTRL_VQ | VR_NET_F_CTRL_RX | VR_NET_F_CTRL_VLAN | VR_NET_F_CTRL_RX_EXTRA |
		VR_NET_F_GUEST_ANNOUNCE | VR_NET_F_MQ | VR_NET_F_CTRL_MAC_ADDR |
		VR_NET_F_CTRL_GUEST_OFFLOADS | VR_NET_F_GUEST_CSUM | VR_NET_F_GUEST_TSO4;
	static const struct vr_net_space space = { .mac = { 2, 0, 0, 0, 0, 1 },
						   .max_pairs = PAIRS };
	uint64_t without = fuzz_flag(&run->fuzz) ? fuzz_u64(&run->fuzz) : 0;
	struct vr_net_control_device_config config = {
		.struct_size = sizeof(config),
		.features = run->stage.features | VR_NET_F_CTRL_VQ | (most & ~without),
		.queue = run->stage.device,
		.space = &space,
		.apply = apply,
		.context = run,
	};
	size_t bytes = vr_net_control_device_size();

	run->state = fuzz_memory(bytes);
	FUZZ_CHECK(!vr_net_control_device_init(run->state, bytes, &config, &run->control));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .fuzz = fuzz_begin(data, size) };

	ring_stage_open(&run.stage, &run.fuzz, ring_stage_form(&run.fuzz));
	open_control(&run);
	for (unsigned int i = 0; i < STEPS && fuzz_left(&run.fuzz); i++)
		step(&run);
	ring_stage_close(&run.stage);
	free(run.state);
	return 0;
}
