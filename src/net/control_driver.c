// SPDX-License-Identifier: BSD-3-Clause
/* The driver's half of the control queue: one command at a time (5.1.6.5). */
#include <string.h>

#include <virtring/net_control.h>

#include "net/wire.h"

/* The answer has the last byte of the memory, the command the others. */
#define ACK_AT (VR_NET_CONTROL_BYTES - 1)

#define HEAD_BYTES 2u
#define TABLE_BYTES (4u + VR_NET_TABLE_MAX * VR_NET_MAC_BYTES)

_Static_assert(HEAD_BYTES + 2 * TABLE_BYTES < VR_NET_CONTROL_BYTES, "room for both tables");

struct vr_net_control_driver {
	struct vr_driver *queue;
	uint64_t features;
	struct vr_ring_area memory;
	uint32_t max_pairs;
	bool busy;
};

size_t vr_net_control_driver_size(void)
{
	return sizeof(struct vr_net_control_driver);
}

int vr_net_control_driver_init(void *state, size_t bytes,
			       const struct vr_net_control_driver_config *config,
			       struct vr_net_control_driver **control)
{
	struct vr_net_control_driver *c = state;

	if (!config || config->struct_size < sizeof(*config) || !config->queue ||
	    !config->memory.host || !(config->features & VR_NET_F_CTRL_VQ) || !state ||
	    (uintptr_t)state % 64 || bytes < sizeof(*c) || !control)
		return VR_E_INVAL;
	memset(c, 0, sizeof(*c));
	c->queue = config->queue;
	c->features = config->features;
	c->memory = config->memory;
	c->max_pairs = config->max_pairs;
	*control = c;
	return 0;
}

/* The command's data goes here. */
static uint8_t *data_of(const struct vr_net_control_driver *c)
{
	return (uint8_t *)c->memory.host + HEAD_BYTES;
}

/* May a command that takes @feature be written now? */
static int ready(const struct vr_net_control_driver *c, uint64_t feature)
{
	if (!(c->features & feature))
		return VR_E_INVAL;
	return c->busy ? VR_E_BUSY : 0;
}

/* Makes the command whose data is written available. */
static int give(struct vr_net_control_driver *c, uint8_t class, uint8_t command, uint32_t bytes)
{
	uint8_t *memory = c->memory.host;
	struct vr_segment segments[2] = {
		{ .addr = c->memory.addr, .len = HEAD_BYTES + bytes },
		{ .addr = c->memory.addr + ACK_AT, .len = 1 },
	};
	struct vr_buffer buffer = { .segments = segments, .readable = 1, .writable = 1 };
	int result;

	memory[0] = class;
	memory[1] = command;
	memory[ACK_AT] = VR_NET_ERR;
	result = vr_driver_add(c->queue, &buffer, 1);
	if (result == 0)
		return VR_E_BUSY;
	if (result > 0)
		result = vr_driver_publish(c->queue);
	c->busy = result > 0;
	return result < 0 ? result : 0;
}

int vr_net_control_driver_result(struct vr_net_control_driver *control)
{
	const volatile uint8_t *ack = (const uint8_t *)control->memory.host + ACK_AT;
	struct vr_used used;
	int got;

	if (!control->busy)
		return VR_E_STATE;
	got = vr_driver_get(control->queue, &used, 1);
	if (got <= 0)
		return got;
	control->busy = false;
	/* An answer that was not written is none; older devices give the length 0 all the same. */
	return *ack == VR_NET_OK ? 1 : VR_E_INVAL;
}

int vr_net_control_driver_rx_mode(struct vr_net_control_driver *control, uint8_t mode, bool on)
{
	bool extra = mode > VR_NET_CTRL_RX_ALLMULTI;
	int error = ready(control, extra ? VR_NET_F_CTRL_RX_EXTRA : VR_NET_F_CTRL_RX);

	if (error || mode > VR_NET_CTRL_RX_NOBCAST)
		return error ? error : VR_E_INVAL;
	*data_of(control) = on;
	return give(control, VR_NET_CTRL_RX, mode, 1);
}

static uint8_t *put_table(uint8_t *to, const uint8_t *table, uint32_t count)
{
	vr_net_put32(to, count);
	if (count > 0)
		memcpy(to + 4, table, (size_t)count * VR_NET_MAC_BYTES);
	return to + 4 + (size_t)count * VR_NET_MAC_BYTES;
}

int vr_net_control_driver_mac_table(struct vr_net_control_driver *control, const uint8_t *unicast,
				    uint32_t unicast_count, const uint8_t *multicast,
				    uint32_t multicast_count)
{
	int error = ready(control, VR_NET_F_CTRL_RX);
	uint8_t *data = data_of(control);
	uint8_t *end;

	if (error || unicast_count > VR_NET_TABLE_MAX || multicast_count > VR_NET_TABLE_MAX)
		return error ? error : VR_E_INVAL;
	end = put_table(data, unicast, unicast_count);
	end = put_table(end, multicast, multicast_count);
	return give(control, VR_NET_CTRL_MAC, VR_NET_CTRL_MAC_TABLE_SET, (uint32_t)(end - data));
}

int vr_net_control_driver_mac(struct vr_net_control_driver *control, const uint8_t *mac)
{
	int error = ready(control, VR_NET_F_CTRL_MAC_ADDR);

	if (error)
		return error;
	memcpy(data_of(control), mac, VR_NET_MAC_BYTES);
	return give(control, VR_NET_CTRL_MAC, VR_NET_CTRL_MAC_ADDR_SET, VR_NET_MAC_BYTES);
}

int vr_net_control_driver_vlan(struct vr_net_control_driver *control, uint16_t vlan, bool pass)
{
	int error = ready(control, VR_NET_F_CTRL_VLAN);
	uint8_t command = VR_NET_CTRL_VLAN_DEL;

	if (error || vlan >= VR_NET_VLANS)
		return error ? error : VR_E_INVAL;
	if (pass)
		command = VR_NET_CTRL_VLAN_ADD;
	vr_net_put16(data_of(control), vlan);
	return give(control, VR_NET_CTRL_VLAN, command, 2);
}

int vr_net_control_driver_announced(struct vr_net_control_driver *control)
{
	int error = ready(control, VR_NET_F_GUEST_ANNOUNCE);

	return error ? error : give(control, VR_NET_CTRL_ANNOUNCE, VR_NET_CTRL_ANNOUNCE_ACK, 0);
}

int vr_net_control_driver_pairs(struct vr_net_control_driver *control, uint32_t pairs)
{
	int error = ready(control, VR_NET_F_MQ);

	if (error || pairs < 1 || pairs > control->max_pairs || pairs > VR_NET_PAIRS_MAX)
		return error ? error : VR_E_INVAL;
	vr_net_put16(data_of(control), (uint16_t)pairs);
	return give(control, VR_NET_CTRL_MQ, VR_NET_CTRL_MQ_VQ_PAIRS_SET, 2);
}

int vr_net_control_driver_offloads(struct vr_net_control_driver *control, uint64_t offloads)
{
	int error = ready(control, VR_NET_F_CTRL_GUEST_OFFLOADS);

	if (error || offloads & ~(control->features & VR_NET_GUEST_OFFLOADS))
		return error ? error : VR_E_INVAL;
	vr_net_put64(data_of(control), offloads);
	return give(control, VR_NET_CTRL_GUEST_OFFLOADS, VR_NET_CTRL_GUEST_OFFLOADS_SET, 8);
}
