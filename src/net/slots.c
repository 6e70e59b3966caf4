// SPDX-License-Identifier: BSD-3-Clause
/* The slots that the driver's two halves share. */
#include "net/slots.h"

#include <string.h>

/* Lines of this size are what the layout is made for; a machine with others is only slower. */
#define LINE 64u

#define PACKET_MAX (1u << 30)

uint32_t vr_net_slot_bytes(uint32_t packet)
{
	uint32_t lines;

	if (packet == 0 || packet > PACKET_MAX)
		return 0;
	lines = (VR_NET_HEADROOM + packet + LINE - 1) / LINE;
	return (lines | 1) * LINE;
}

bool vr_net_driver_config_ok(const struct vr_net_driver_config *config, bool addresses)
{
	const struct vr_net_slots *slots;

	if (!config || config->struct_size < sizeof(*config))
		return false;
	slots = &config->slots;
	if (slots->count == 0 || slots->count > UINT16_MAX)
		return false;
	if (slots->stride % LINE || slots->stride <= VR_NET_HEADROOM ||
	    slots->stride > PACKET_MAX + 2 * LINE)
		return false;
	if (!addresses)
		return true;
	if (!config->queue || !slots->base || (uintptr_t)slots->base % LINE)
		return false;
	return slots->addr <= UINT64_MAX - (uint64_t)slots->count * slots->stride;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Steps of the golden section of the whole: what was used lately is far away. */
uint32_t vr_net_slot_step(uint32_t count)
{
	uint32_t step = (uint32_t)((uint64_t)count * 618 / 1000) + 1;

	while (count && common_divisor(step, count) > 1)
		step--;
	return step;
}

void vr_net_fifo_fill(struct vr_net_fifo *fifo, uint32_t count)
{
	uint32_t step = vr_net_slot_step(count);
	uint64_t at = 0;

	for (uint32_t i = 0; i < count; i++, at += step)
		vr_net_fifo_push(fifo, (uint32_t)(at % count));
}

void vr_net_slots_clear(const struct vr_net_slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++)
		memset(vr_net_slot_packet(slots, i) - VR_NET_HEADROOM, 0, VR_NET_HEADROOM);
}
