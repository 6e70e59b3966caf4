// SPDX-License-Identifier: BSD-3-Clause
/* The device's half of the control queue: commands are judged, and change the settings (5.1.6.5). */
#include <string.h>

#include <virtring/memory.h>
#include <virtring/net_control.h>

#include "net/wire.h"

/* As many as the core lets a buffer have unless it is told otherwise. */
#define SEGMENTS 1024u

/* Class and command come before the data. */
#define HEAD_BYTES 2u
#define COUNT_BYTES 4u

struct vr_net_control_device {
	struct vr_device *queue;
	uint64_t features;
	uint32_t max_pairs;
	int (*apply)(void *context, const struct vr_net_settings *next);
	void *context;
	struct vr_net_settings now;
	struct vr_net_settings next;
	struct vr_net_control_stats stats;
	struct vr_iovec segments[SEGMENTS];
};

/* A command as it lies in the driver's memory; its bytes are read once each. */
struct command {
	const struct vr_chain *chain;
	uint8_t class;
	uint8_t number;
	uint64_t bytes; /* of data */
};

size_t vr_net_control_device_size(void)
{
	return sizeof(struct vr_net_control_device);
}

int vr_net_control_device_init(void *state, size_t bytes,
			       const struct vr_net_control_device_config *config,
			       struct vr_net_control_device **control)
{
	struct vr_net_control_device *c = state;

	if (!config || config->struct_size < sizeof(*config) || !config->queue || !config->space ||
	    !state || (uintptr_t)state % 64 || bytes < sizeof(*c) || !control)
		return VR_E_INVAL;
	memset(c, 0, sizeof(*c));
	c->queue = config->queue;
	c->features = config->features;
	c->max_pairs = config->features & VR_NET_F_MQ ? config->space->max_pairs : 1;
	c->apply = config->apply;
	c->context = config->context;
	vr_net_settings_reset(&c->now, c->features, config->space);
	if (config->settings)
		c->now = *config->settings;
	*control = c;
	return 0;
}

/* Copies data of a command; false when it has not that much. */
static bool read_data(const struct command *command, uint64_t at, void *to, uint32_t bytes)
{
	if (at > command->bytes || bytes > command->bytes - at)
		return false;
	vr_iov_read(command->chain->segments, command->chain->readable, HEAD_BYTES + (size_t)at, to,
		    bytes);
	/* The compiler must not go back to shared memory for what is about to be judged. */
	__asm__ volatile("" : : "r"(to) : "memory");
	return true;
}

/* The same, of data that is nothing but this. */
static bool read_all(const struct command *command, void *to, uint32_t bytes)
{
	return command->bytes == bytes && read_data(command, 0, to, bytes);
}

static bool has(const struct vr_net_control_device *c, uint64_t feature)
{
	return c->features & feature;
}

static bool set_rx_mode(struct vr_net_control_device *c, const struct command *command)
{
	bool *const modes[] = {
		&c->next.promiscuous,  &c->next.all_multicast, &c->next.all_unicast,
		&c->next.no_multicast, &c->next.no_unicast,    &c->next.no_broadcast,
	};
	bool extra = command->number > VR_NET_CTRL_RX_ALLMULTI;
	uint8_t on;

	if (command->number > VR_NET_CTRL_RX_NOBCAST ||
	    !has(c, extra ? VR_NET_F_CTRL_RX_EXTRA : VR_NET_F_CTRL_RX) ||
	    !read_all(command, &on, 1) || on > 1)
		return false;
	*modes[command->number] = on;
	return true;
}

/* One of the two tables; @at moves behind it. */
static bool read_table(const struct command *command, uint64_t *at, uint32_t *count,
		       uint8_t (*table)[VR_NET_MAC_BYTES])
{
	uint8_t wire[COUNT_BYTES];
	uint32_t entries;

	if (!read_data(command, *at, wire, COUNT_BYTES))
		return false;
	*at += COUNT_BYTES;
	entries = vr_net_get32(wire);
	if (entries > (command->bytes - *at) / VR_NET_MAC_BYTES)
		return false;
	*count = entries <= VR_NET_TABLE_MAX ? entries : VR_NET_TABLE_MAX + 1;
	if (entries <= VR_NET_TABLE_MAX &&
	    !read_data(command, *at, table, entries * VR_NET_MAC_BYTES))
		return false;
	*at += (uint64_t)entries * VR_NET_MAC_BYTES;
	return true;
}

static bool set_mac_table(struct vr_net_control_device *c, const struct command *command)
{
	uint64_t at = 0;

	return has(c, VR_NET_F_CTRL_RX) &&
	       read_table(command, &at, &c->next.unicast_count, c->next.unicast) &&
	       read_table(command, &at, &c->next.multicast_count, c->next.multicast) &&
	       at == command->bytes;
}

static bool set_mac(struct vr_net_control_device *c, const struct command *command)
{
	/* An address that stands for many is nobody's own. */
	return has(c, VR_NET_F_CTRL_MAC_ADDR) && read_all(command, c->next.mac, VR_NET_MAC_BYTES) &&
	       !(c->next.mac[0] & 1);
}

static bool set_vlan(struct vr_net_control_device *c, const struct command *command)
{
	uint8_t wire[2];
	uint32_t vlan;

	if (!has(c, VR_NET_F_CTRL_VLAN) || command->number > VR_NET_CTRL_VLAN_DEL ||
	    !read_all(command, wire, sizeof(wire)))
		return false;
	vlan = vr_net_get16(wire);
	if (vlan >= VR_NET_VLANS)
		return false;
	if (command->number == VR_NET_CTRL_VLAN_ADD)
		c->next.vlans[vlan / 32] |= 1u << vlan % 32;
	else
		c->next.vlans[vlan / 32] &= ~(1u << vlan % 32);
	return true;
}

static bool acknowledge(struct vr_net_control_device *c, const struct command *command)
{
	if (!has(c, VR_NET_F_GUEST_ANNOUNCE) || command->number != VR_NET_CTRL_ANNOUNCE_ACK ||
	    command->bytes > 0 || !c->now.announce)
		return false;
	c->next.announce = false;
	return true;
}

static bool set_pairs(struct vr_net_control_device *c, const struct command *command)
{
	uint8_t wire[2];

	if (!has(c, VR_NET_F_MQ) || command->number != VR_NET_CTRL_MQ_VQ_PAIRS_SET ||
	    !read_all(command, wire, sizeof(wire)))
		return false;
	c->next.pairs = vr_net_get16(wire);
	return c->next.pairs >= 1 && c->next.pairs <= c->max_pairs;
}

static bool set_offloads(struct vr_net_control_device *c, const struct command *command)
{
	uint8_t wire[8];

	if (!has(c, VR_NET_F_CTRL_GUEST_OFFLOADS) ||
	    command->number != VR_NET_CTRL_GUEST_OFFLOADS_SET ||
	    !read_all(command, wire, sizeof(wire)))
		return false;
	c->next.offloads = vr_net_get64(wire);
	return !(c->next.offloads & ~(c->features & VR_NET_GUEST_OFFLOADS));
}

/* Works out what the settings would be; false when the command is to be refused. */
static bool judge(struct vr_net_control_device *c, const struct command *command)
{
	switch (command->class) {
	case VR_NET_CTRL_RX:
		return set_rx_mode(c, command);
	case VR_NET_CTRL_MAC:
		if (command->number == VR_NET_CTRL_MAC_TABLE_SET)
			return set_mac_table(c, command);
		return command->number == VR_NET_CTRL_MAC_ADDR_SET && set_mac(c, command);
	case VR_NET_CTRL_VLAN:
		return set_vlan(c, command);
	case VR_NET_CTRL_ANNOUNCE:
		return acknowledge(c, command);
	case VR_NET_CTRL_MQ:
		return set_pairs(c, command);
	case VR_NET_CTRL_GUEST_OFFLOADS:
		return set_offloads(c, command);
	default:
		return false;
	}
}

static uint8_t carry_out(struct vr_net_control_device *c, const struct vr_chain *chain)
{
	struct command command = { .chain = chain };
	uint8_t head[HEAD_BYTES];

	if (chain->readable_bytes < HEAD_BYTES)
		return VR_NET_ERR;
	command.bytes = chain->readable_bytes - HEAD_BYTES;
	vr_iov_read(chain->segments, chain->readable, 0, head, sizeof(head));
	__asm__ volatile("" : : "r"(head) : "memory");
	command.class = head[0];
	command.number = head[1];
	c->next = c->now;
	if (!judge(c, &command))
		return VR_NET_ERR;
	if (c->apply && c->apply(c->context, &c->next) < 0)
		return VR_NET_ERR;
	c->now = c->next;
	return VR_NET_OK;
}

static void answer(struct vr_net_control_device *c, const struct vr_chain *chain)
{
	uint8_t ack;

	/* Who does not want to know whether it was done does not get it done. */
	if (chain->writable_bytes == 0) {
		c->stats.mute++;
		(void)vr_device_complete(c->queue, chain->handle, 0);
		return;
	}
	ack = carry_out(c, chain);
	c->stats.commands += ack == VR_NET_OK;
	c->stats.refused += ack == VR_NET_ERR;
	*(uint8_t *)chain->segments[chain->readable].base = ack;
	(void)vr_device_complete(c->queue, chain->handle, 1);
}

int vr_net_control_device_run(struct vr_net_control_device *control, unsigned int count)
{
	struct vr_chain chain;
	unsigned int done;
	int got = 0;

	for (done = 0; done < count; done++) {
		got = vr_device_pop(control->queue, &chain, 1, control->segments, SEGMENTS);
		if (got == VR_E_SEGMENTS) {
			vr_device_break(control->queue);
			got = VR_E_BROKEN;
		}
		if (got != 1)
			break;
		answer(control, &chain);
	}
	return done > 0 ? (int)done : got;
}

bool vr_net_control_device_announce(struct vr_net_control_device *control)
{
	control->now.announce = has(control, VR_NET_F_GUEST_ANNOUNCE);
	return control->now.announce;
}

const struct vr_net_settings *
vr_net_control_device_settings(const struct vr_net_control_device *control)
{
	return &control->now;
}

void vr_net_control_device_stats(const struct vr_net_control_device *control,
				 struct vr_net_control_stats *stats)
{
	*stats = control->stats;
}
