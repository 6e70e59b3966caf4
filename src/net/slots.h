/* SPDX-License-Identifier: BSD-3-Clause */
/* The slots that the driver's two halves share: addresses, and a FIFO of those that are free. */
#ifndef VR_NET_SLOTS_H
#define VR_NET_SLOTS_H

#include <virtring/net.h>

/* Buffers that go to the queue in one call. */
#define VR_NET_STAGE 64u

/**
 * struct vr_net_fifo - numbers of slots, first in first out
 * @number: room for @size
 * @size: number of slots
 * @head: where the oldest is
 * @count: how many there are
 *
 * Slots that come back in the order in which they went, as in order they do, keep going round in
 * that order: each descriptor then meets the same slot on every lap.
 */
struct vr_net_fifo {
	uint16_t *number;
	uint32_t size;
	uint32_t head;
	uint32_t count;
};

static inline void vr_net_fifo_push(struct vr_net_fifo *fifo, uint32_t number)
{
	uint32_t at = fifo->head + fifo->count;

	if (at >= fifo->size)
		at -= fifo->size;
	fifo->number[at] = (uint16_t)number;
	fifo->count++;
}

/* Puts a number back in front, from where it was taken last. */
static inline void vr_net_fifo_unpop(struct vr_net_fifo *fifo, uint32_t number)
{
	fifo->head = fifo->head ? fifo->head - 1 : fifo->size - 1;
	fifo->number[fifo->head] = (uint16_t)number;
	fifo->count++;
}

/**
 * vr_net_ring_run() - how many of the next places of a ring lie one behind another
 * @size: places of the ring
 * @at: the first one
 * @count: wanted
 *
 * Loops over bursts go from run to run, so that they need not ask at each place.
 */
static inline uint32_t vr_net_ring_run(uint32_t size, uint32_t at, uint32_t count)
{
	return count < size - at ? count : size - at;
}

/* A place of a ring, of which only the sum may be beyond its end. */
static inline uint32_t vr_net_ring_at(uint32_t size, uint32_t at)
{
	return at >= size ? at - size : at;
}

/**
 * vr_net_fifo_fill() - have all slots in it, in the order in which they are first used
 * @fifo: empty, with room for @count
 * @count: slots, 1..65535
 */
void vr_net_fifo_fill(struct vr_net_fifo *fifo, uint32_t count);

static inline uint8_t *vr_net_slot_packet(const struct vr_net_slots *slots, uint32_t number)
{
	return (uint8_t *)slots->base + (size_t)number * slots->stride + VR_NET_HEADROOM;
}

static inline uint64_t vr_net_slot_addr(const struct vr_net_slots *slots, uint32_t number)
{
	return slots->addr + (uint64_t)number * slots->stride + VR_NET_HEADROOM;
}

/* Bytes of packet that a slot takes. */
static inline uint32_t vr_net_slot_room(const struct vr_net_slots *slots)
{
	return slots->stride - VR_NET_HEADROOM;
}

/**
 * vr_net_driver_config_ok() - judge what both halves have in common
 * @config: the configuration
 * @addresses: also the queue and the slots' addresses
 *
 * Return: true when it can be used.
 */
bool vr_net_driver_config_ok(const struct vr_net_driver_config *config, bool addresses);

/**
 * vr_net_slots_clear() - zero the headers of all slots
 * @slots: the slots
 */
void vr_net_slots_clear(const struct vr_net_slots *slots);

#endif
