/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * virtring/driver.h - the driver half of a virtqueue: split or packed, in order or not.
 *
 * Three steps: vr_driver_add() stages buffers, vr_driver_publish() makes all of them visible with
 * one store, vr_driver_must_notify() says whether the device wants to be told. vr_driver_get()
 * takes back what the device has used.
 *
 * A driver half belongs to one thread at a time; vr_driver_break() alone may be called by another.
 * No call allocates, blocks or touches anything but the state, the ring and the indirect
 * tables that the caller gave.
 */
#ifndef VIRTRING_DRIVER_H
#define VIRTRING_DRIVER_H

#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vr_driver;

/* Flags of struct vr_driver_config. */
#define VR_DRIVER_ATTACH 1u /* the ring is live: start at .base and do not clear it */
#define VR_DRIVER_STRICT 2u /* a used length above the writable capacity breaks the queue */
#define VR_DRIVER_KEEP_SEGMENTS 4u /* remember segments for vr_driver_used_segments() */

/**
 * struct vr_driver_config - the shape of a driver half
 * @struct_size: sizeof(struct vr_driver_config)
 * @features: negotiated feature bits; unknown ones are ignored
 * @ring: the three areas; zeroed by init unless VR_DRIVER_ATTACH
 * @queue_size: descriptors; split a power of two in 1..32768, packed any number in 1..32768
 * @max_queue_size: what vr_driver_resize() may go up to; 0 means @queue_size
 * @flags: VR_DRIVER_* bits
 * @base: with VR_DRIVER_ATTACH, where to start, in the format of vr_driver_base()
 * @max_segments: most segments of a buffer that the device takes; 0 means @queue_size
 * @indirect_entries: entries of each indirect table, 0..32768; 0: no table is ever used
 * @indirect_min: fewest segments for which a table is used; 0 means 2, and a buffer of one segment
 *                never takes one
 * @reserved: zero
 * @indirect: with INDIRECT_DESC and @indirect_entries, memory for one table per descriptor of the
 *            largest queue: max_queue_size * indirect_entries * 16 bytes, aligned to 16. Buffers
 *            of more segments than @indirect_entries go direct.
 */
struct vr_driver_config {
	size_t struct_size;
	uint64_t features;
	struct vr_ring ring;
	uint32_t queue_size;
	uint32_t max_queue_size;
	uint32_t flags;
	uint32_t base;
	uint16_t max_segments;
	uint16_t indirect_entries;
	uint16_t indirect_min;
	uint16_t reserved;
	struct vr_ring_area indirect;
};

/**
 * struct vr_segment - a contiguous piece of a buffer
 * @addr: device address
 * @len: bytes, 1..2^32-1
 * @reserved: ignored
 */
struct vr_segment {
	uint64_t addr;
	uint32_t len;
	uint32_t reserved;
};

/**
 * struct vr_buffer - what vr_driver_add() takes
 * @segments: @readable segments that the device reads, then @writable that it writes
 * @readable: number of segments
 * @writable: number of segments
 * @reserved: ignored
 * @token: any value; comes back with the buffer
 * @context: any value; comes back with the buffer
 */
struct vr_buffer {
	const struct vr_segment *segments;
	uint16_t readable;
	uint16_t writable;
	uint32_t reserved;
	uint64_t token;
	uint64_t context;
};

/**
 * struct vr_used - what vr_driver_get() gives back
 * @token: as added
 * @context: as added
 * @len: bytes that the device wrote, from the start of the writable segments; what lies beyond
 *       is unknown (2.7.8.2). Never above the writable capacity. 0 from vr_driver_reclaim().
 * @kept: private
 * @segments: with VR_DRIVER_KEEP_SEGMENTS the number of segments, else 0
 * @descriptors: private
 * @cookie: private
 */
struct vr_used {
	uint64_t token;
	uint64_t context;
	uint32_t len;
	uint32_t kept;
	uint16_t segments;
	uint16_t descriptors;
	uint32_t cookie;
};

/**
 * struct vr_driver_stats - counters since init
 * @added: buffers staged
 * @used: buffers handed back by vr_driver_get()
 * @reclaimed: buffers handed back by vr_driver_reclaim()
 * @clamped: used lengths that exceeded the writable capacity and were cut
 * @batched: buffers that came back without a used entry of their own (in order)
 */
struct vr_driver_stats {
	uint64_t added;
	uint64_t used;
	uint64_t reclaimed;
	uint64_t clamped;
	uint64_t batched;
};

/**
 * vr_driver_size() - private memory that a queue of this shape needs
 * @config: need not have ring or indirect pointers yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_driver_size(const struct vr_driver_config *config);

/**
 * vr_driver_init() - make a driver half
 * @state: private memory, aligned to 64, that the other side must not be able to reach
 * @bytes: size of @state, at least vr_driver_size()
 * @config: copied
 * @result: set to the new half on success
 *
 * Clears the ring areas (used.flags must start at 0, 2.7.10.1; a packed ring starts zeroed, 2.8.13),
 * or leaves them alone with VR_DRIVER_ATTACH. Notifications start armed.
 *
 * Return: 0 or VR_E_INVAL (also for misaligned areas, 2.7, 2.8.10).
 */
int vr_driver_init(void *state, size_t bytes, const struct vr_driver_config *config,
		   struct vr_driver **result);

/**
 * vr_driver_add() - stage buffers, in this order
 * @driver: the queue
 * @buffers: what to add
 * @count: number of buffers
 *
 * Each buffer is taken whole or not at all; a refused one changes no byte of ring memory. Staged
 * buffers cannot be seen by the device before vr_driver_publish().
 *
 * Return: the number taken, which is short when the ring is full; or, when the first buffer
 * itself is refused, VR_E_INVAL (no segment, a zero length, more than 2^32-1 writable or 2^32 bytes in
 * all), VR_E_TOO_LONG (more segments than the queue or the device takes), VR_E_BROKEN,
 * VR_E_STATE (stopped). (2.7.13, 2.8.19)
 */
int vr_driver_add(struct vr_driver *driver, const struct vr_buffer *buffers, unsigned int count);

/**
 * vr_driver_publish() - make all staged buffers available, with one release store
 * @driver: the queue
 *
 * Split: the index (2.7.13.3); packed: the first staged descriptor's flags, last (2.8.6).
 *
 * Return: the number of buffers published, or VR_E_BROKEN, VR_E_STATE.
 */
int vr_driver_publish(struct vr_driver *driver);

/**
 * vr_driver_must_notify() - the verdict: does the device want a notification?
 * @driver: the queue
 *
 * Covers everything published since the last verdict and costs one full fence. Whoever polls on
 * the other side needs none, so it is a call of its own. (2.7.10, 2.8.14)
 *
 * Return: true when the transport has to notify the device.
 */
bool vr_driver_must_notify(struct vr_driver *driver);

/**
 * vr_driver_publish_and_verdict() - vr_driver_publish(), then vr_driver_must_notify()
 * @driver: the queue
 *
 * Return: 1 when the transport has to notify, 0 when not, or VR_E_BROKEN, VR_E_STATE.
 */
int vr_driver_publish_and_verdict(struct vr_driver *driver);

/**
 * vr_driver_notification_data() - what a notification carries with NOTIFICATION_DATA
 * @driver: the queue
 * @queue_index: the queue's number, 0..65535
 *
 * Return: queue number in bits 0-15, next_off in 16-30, next_wrap in 31. (2.9)
 */
uint32_t vr_driver_notification_data(const struct vr_driver *driver, uint16_t queue_index);

/**
 * vr_driver_get() - take back used buffers
 * @driver: the queue
 * @used: filled
 * @count: capacity of @used
 *
 * Never writes an event word. A device that breaks the rules breaks the queue; what was
 * validated before is still returned first.
 *
 * Return: the number of buffers, 0 when there is none, or VR_E_BROKEN. (2.7.14, 2.8.21)
 */
int vr_driver_get(struct vr_driver *driver, struct vr_used *used, unsigned int count);

/**
 * vr_driver_used_segments() - the segments of a buffer that vr_driver_get() or reclaim returned
 * @driver: the queue, with VR_DRIVER_KEEP_SEGMENTS
 * @used: as returned; valid until the next vr_driver_add()
 * @segments: filled in the order of the add
 * @count: capacity of @segments
 *
 * Return: the number written, the smaller of @count and @used->segments.
 */
unsigned int vr_driver_used_segments(const struct vr_driver *driver, const struct vr_used *used,
				     struct vr_segment *segments, unsigned int count);

/**
 * vr_driver_pending() - would vr_driver_get() find something?
 * @driver: the queue
 *
 * Counts the rest of a batch that is only partly handed out. Writes nothing.
 *
 * Return: true or false; true for a broken queue, so that a waiter wakes up and learns of it.
 */
bool vr_driver_pending(struct vr_driver *driver);

/**
 * vr_driver_arm() - ask for a notification of the next used buffer, and look again
 * @driver: the queue
 * @stored: what was stored to ring memory, or NULL
 *
 * Whoever sleeps without looking at the answer has a bug. (2.7.7, 2.8.14)
 *
 * Return: true when something arrived meanwhile (or the queue is broken): do not sleep.
 */
bool vr_driver_arm(struct vr_driver *driver, struct vr_stored *stored);

/**
 * vr_driver_arm_delayed() - ask for a notification once several buffers have been used
 * @driver: the queue
 * @buffers: how many; 0 means three quarters of what is outstanding; more than that is cut to it
 * @stored: what was stored to ring memory, or NULL
 *
 * With EVENT_IDX only; without it the same as vr_driver_arm(). A packed ring that is not in order counts
 * descriptors instead of buffers, and so may notify early. (2.7.7.1, 2.8.14)
 *
 * Return: true when that many have been used already, on a packed ring when any has (or the queue
 * is broken): do not sleep.
 */
bool vr_driver_arm_delayed(struct vr_driver *driver, unsigned int buffers,
			   struct vr_stored *stored);

/**
 * vr_driver_disarm() - ask for no notifications; a hint that the device may ignore
 * @driver: the queue
 * @stored: what was stored to ring memory, or NULL
 */
void vr_driver_disarm(struct vr_driver *driver, struct vr_stored *stored);

/**
 * vr_driver_free() - descriptors that are not in use
 * @driver: the queue
 *
 * Return: 0..queue size. One buffer takes one per segment, or one in all when it goes indirect.
 */
unsigned int vr_driver_free(const struct vr_driver *driver);

/**
 * vr_driver_outstanding() - buffers that were added and not handed back
 * @driver: the queue
 *
 * Return: 0..queue size; staged ones count, and validated ones that vr_driver_get() still holds.
 */
unsigned int vr_driver_outstanding(const struct vr_driver *driver);

/**
 * vr_driver_base() - where a device that is attached anew has to start
 * @driver: the queue
 *
 * The end of the last validated batch, not the hand-out cursor, in vhost-user's vring base format:
 * split the 16-bit index; packed the position in bits 0-14, the wrap counter in bit 15, and the
 * same again in bits 16-31.
 *
 * Return: the base.
 */
uint32_t vr_driver_base(const struct vr_driver *driver);

/**
 * vr_driver_break() - stop using this queue
 * @driver: the queue
 *
 * The one call that another thread may make. It latches: every later add, publish and get
 * answers VR_E_BROKEN, a get after handing out what it had validated.
 */
void vr_driver_break(struct vr_driver *driver);

/**
 * vr_driver_fault() - why the queue is broken
 * @driver: the queue
 * @fault: filled, also when nothing is wrong
 *
 * Return: true when the queue is broken.
 */
bool vr_driver_fault(const struct vr_driver *driver, struct vr_fault *fault);

/**
 * vr_driver_stop() - the caller's word that the device has been stopped
 * @driver: the queue
 *
 * Until then the device may still write to outstanding buffers. Afterwards add, publish and get
 * are refused, and vr_driver_reclaim() is allowed. (2.4, 3.3.1)
 */
void vr_driver_stop(struct vr_driver *driver);

/**
 * vr_driver_reclaim() - take back the buffers that the device did not use, each once
 * @driver: a stopped queue, broken or not
 * @used: filled with length 0, in the order of the adds where the form has one
 * @count: capacity of @used
 *
 * Return: the number of buffers, 0 when none is left, or VR_E_STATE when not stopped.
 */
int vr_driver_reclaim(struct vr_driver *driver, struct vr_used *used, unsigned int count);

/**
 * vr_driver_reset() - back to the start, on the same memory
 * @driver: a stopped queue without outstanding buffers
 *
 * Clears the ring, every cursor and the fault; counters stay. (2.6.1)
 *
 * Return: 0, VR_E_STATE when not stopped, VR_E_BUSY while a token is not reclaimed.
 */
int vr_driver_reset(struct vr_driver *driver);

/**
 * vr_driver_resize() - vr_driver_reset() onto new ring memory of another size
 * @driver: a stopped queue without outstanding buffers
 * @ring: the new areas
 * @queue_size: 1..max_queue_size of the configuration
 *
 * Return: as vr_driver_reset(), or VR_E_INVAL; then nothing has changed. (2.6.1.2)
 */
int vr_driver_resize(struct vr_driver *driver, const struct vr_ring *ring, uint32_t queue_size);

/**
 * vr_driver_stats() - counters
 * @driver: the queue
 * @stats: filled
 */
void vr_driver_stats(const struct vr_driver *driver, struct vr_driver_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
