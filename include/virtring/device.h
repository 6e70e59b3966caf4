/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * virtring/device.h - the device half of a virtqueue: split or packed, in order or not.
 *
 * vr_device_pop() takes available buffers, vr_device_complete() stages used ones in any order,
 * vr_device_publish() makes all that may be shown visible with one store, and
 * vr_device_must_notify() says whether the driver wants to be told. With IN_ORDER negotiated the
 * core parks what is completed too early and shows it when its turn has come.
 *
 * A device half belongs to one thread at a time; vr_device_break() alone may be called by another.
 * No call allocates or blocks.
 */
#ifndef VIRTRING_DEVICE_H
#define VIRTRING_DEVICE_H

#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vr_device;

/* Flags of struct vr_device_config. */
#define VR_DEVICE_ENTRY_EACH 1u /* in order: a used entry for every buffer, no batches */
#define VR_DEVICE_CHECK_HEADS 2u /* split in order: compare predicted heads with the ring */

struct vr_chain;

/**
 * struct vr_device_observer - who keeps a record of what a device half does
 *
 * For a transport that records buffers in flight, or memory that was written. All are called on the
 * queue's thread, in the order of what they tell, and none may call the queue, but for @again.
 *
 * @popped: buffers were popped, in this order; nothing was written to the ring since
 * @unpopped: the newest popped buffer was put back
 * @completed: a buffer is about to be completed; the device has written its data
 * @publishing: the next store shows @count buffers as used: in order the oldest that are popped and
 *              not published, else all that were completed since the last publish
 * @published: they can be seen
 * @stored: a publish, an arm or a disarm stored to ring memory, always the latest
 * @again: vr_device_pop() asks for the next recorded buffer while there are some, see
 *         vr_device_restore_in_flight(): to be answered with vr_device_resubmit_split() or
 *         _packed(). NULL: whoever uses the queue resubmits them.
 * @context: for all of them
 */
struct vr_device_observer {
	void (*popped)(void *context, const struct vr_chain *chains, unsigned int count);
	void (*unpopped)(void *context, uint64_t handle);
	void (*completed)(void *context, uint64_t handle);
	void (*publishing)(void *context, unsigned int count);
	void (*published)(void *context, unsigned int count);
	void (*stored)(void *context, const struct vr_stored *stored);
	int (*again)(void *context, struct vr_device *device, struct vr_chain *chain,
		     struct vr_iovec *segments, unsigned int segment_count);
	void *context;
};

/**
 * struct vr_device_config - the shape of a device half
 * @struct_size: sizeof(struct vr_device_config)
 * @features: negotiated feature bits; unknown ones are ignored
 * @ring: the three areas; init does not touch them
 * @queue_size: descriptors; split a power of two in 1..32768, packed any number in 1..32768
 * @max_queue_size: what vr_device_resize() may go up to; 0 means @queue_size
 * @flags: VR_DEVICE_* bits
 * @max_chain: most elements of one buffer, table entries included; 0 means the larger of
 *             @queue_size and 1024. A longer one breaks the queue.
 * @map: how to reach the driver's memory; must outlive its use
 * @observer: who is told of every step, or NULL; must outlive the queue
 */
struct vr_device_config {
	size_t struct_size;
	uint64_t features;
	struct vr_ring ring;
	uint32_t queue_size;
	uint32_t max_queue_size;
	uint32_t flags;
	uint32_t max_chain;
	const struct vr_map *map;
	const struct vr_device_observer *observer;
};

/**
 * struct vr_chain - a popped buffer
 * @handle: names it in later calls; never used twice in the life of the state. Its low 16 bits are
 *          below the queue size and differ among buffers that are popped and not completed.
 * @segments: @readable pieces to read, then @writable to write, in the caller's array; elements of
 *            length zero are left out
 * @readable: number of pieces
 * @writable: number of pieces
 * @readable_bytes: their sum
 * @writable_bytes: their sum
 * @id: split: the head; packed: the buffer id
 * @descriptors: ring descriptors that it takes
 */
struct vr_chain {
	uint64_t handle;
	struct vr_iovec *segments;
	uint32_t readable;
	uint32_t writable;
	uint64_t readable_bytes;
	uint32_t writable_bytes;
	uint16_t id;
	uint16_t descriptors;
};

/**
 * struct vr_need - what a pop lacked
 * @segments: after VR_E_SEGMENTS, the number of segments that the next buffer takes
 * @access: after VR_E_MISS, the VR_ACCESS_* bit that was wanted
 * @addr: after VR_E_MISS, the device address
 */
struct vr_need {
	uint32_t segments;
	uint32_t access;
	uint64_t addr;
};

/**
 * struct vr_descriptor - a packed descriptor as kept by who resubmits a buffer
 * @addr: device address
 * @len: bytes
 * @id: buffer id; that of the last descriptor counts
 * @flags: NEXT, WRITE and INDIRECT as the driver set them
 */
struct vr_descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

/**
 * struct vr_device_stats - counters since init
 * @popped: buffers handed out, those put back not counted
 * @published: buffers made visible as used
 * @entries: used entries written; fewer than @published where in-order batches saved some
 */
struct vr_device_stats {
	uint64_t popped;
	uint64_t published;
	uint64_t entries;
};

/**
 * vr_device_size() - private memory that a queue of this shape needs
 * @config: need not have ring or map pointers yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_device_size(const struct vr_device_config *config);

/**
 * vr_device_init() - make a device half
 * @state: private memory, aligned to 64, that the other side must not be able to reach
 * @bytes: size of @state, at least vr_device_size()
 * @config: copied; the map is kept by reference
 * @result: set to the new half on success
 *
 * Starts at the beginning of a fresh ring; vr_device_restore() moves it elsewhere.
 *
 * Return: 0 or VR_E_INVAL (also for misaligned areas).
 */
int vr_device_init(void *state, size_t bytes, const struct vr_device_config *config,
		   struct vr_device **result);

/**
 * vr_device_set_map() - another view of the driver's memory, from the next pop on
 * @device: the queue
 * @map: must outlive its use; segments popped under the old map are the caller's to keep alive
 */
void vr_device_set_map(struct vr_device *device, const struct vr_map *map);

/**
 * vr_device_pop() - take available buffers, in ring order
 * @device: the queue
 * @chains: filled
 * @count: capacity of @chains
 * @segments: memory for their pieces
 * @segment_count: capacity of @segments
 *
 * Every shared byte is read once and validated on the private copy. Never writes ring memory.
 *
 * Return: the number of buffers popped, 0 when there is none; or, when the first one cannot be
 * had, VR_E_SEGMENTS or VR_E_MISS (nothing has moved, vr_device_need() says what is lacking, the
 * call may be repeated), VR_E_BROKEN, or VR_E_BUSY in order while recorded buffers are still to be
 * resubmitted. (2.7.13, 2.8.20)
 */
int vr_device_pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
		  struct vr_iovec *segments, unsigned int segment_count);

/**
 * vr_device_need() - details of the last VR_E_SEGMENTS or VR_E_MISS
 * @device: the queue
 * @need: filled
 */
void vr_device_need(const struct vr_device *device, struct vr_need *need);

/**
 * vr_device_unpop() - put back the newest popped buffer
 * @device: the queue
 * @handle: of the newest one; only a run of newest uncompleted ones can be put back, newest first
 *
 * Return: 0 or VR_E_STALE, then nothing has changed.
 */
int vr_device_unpop(struct vr_device *device, uint64_t handle);

/**
 * vr_device_complete() - stage one buffer as used
 * @device: the queue
 * @handle: from vr_device_pop(); any order, in every form
 * @len: bytes written from the start of its writable part, without gaps; 0..writable_bytes
 *
 * In order, one that was filled completely or has no writable part may be covered by the entry
 * of a later one; a short one gets its own entry. (2.7.9, 2.8.9)
 *
 * Return: 0, VR_E_STALE, or VR_E_INVAL for a length above writable_bytes (the buffer stays popped).
 */
int vr_device_complete(struct vr_device *device, uint64_t handle, uint32_t len);

/**
 * vr_device_complete_oldest() - stage the oldest popped buffers as used, for devices that are FIFO
 * @device: the queue
 * @lens: a length for each, or NULL for 0 each
 * @count: number of buffers
 *
 * Return: the number completed, short when fewer are popped or the next one was completed out of
 * order before, or VR_E_INVAL when the first length is above its writable_bytes.
 */
int vr_device_complete_oldest(struct vr_device *device, const uint32_t *lens, unsigned int count);

/**
 * vr_device_staged() - buffers that the next vr_device_publish() makes visible
 * @device: the queue
 *
 * In order these are the oldest ones popped, else the latest ones completed. Parked ones do not
 * count. For who keeps an inflight record: link before the publish, clear after it.
 *
 * Return: 0..queue size.
 */
unsigned int vr_device_staged(const struct vr_device *device);

/**
 * vr_device_publish() - make what is staged visible, with one release store
 * @device: the queue
 * @stored: what was stored to ring memory since the last publish, or NULL
 *
 * Split: used.idx (2.7.8.2); packed: the first staged descriptor, last (2.8.8).
 *
 * Return: the number of buffers published, or VR_E_BROKEN.
 */
int vr_device_publish(struct vr_device *device, struct vr_stored *stored);

/**
 * vr_device_must_notify() - the verdict: does the driver want a notification?
 * @device: the queue
 *
 * Covers everything published since the last verdict, skipped buffers included, and costs one full
 * fence. (2.7.7.2, 2.8.14)
 *
 * Return: true when the transport has to notify the driver.
 */
bool vr_device_must_notify(struct vr_device *device);

/**
 * vr_device_publish_and_verdict() - vr_device_publish(), then vr_device_must_notify()
 * @device: the queue
 * @stored: as vr_device_publish()
 *
 * Return: 1 when the transport has to notify, 0 when not, or VR_E_BROKEN.
 */
int vr_device_publish_and_verdict(struct vr_device *device, struct vr_stored *stored);

/**
 * vr_device_pending() - would vr_device_pop() find something?
 * @device: the queue
 *
 * Return: true or false; true for a broken queue.
 */
bool vr_device_pending(struct vr_device *device);

/**
 * vr_device_arm() - ask the driver to notify of the next available buffer, and look again
 * @device: the queue
 * @stored: what was stored to ring memory, or NULL
 *
 * Return: true when something arrived meanwhile (or the queue is broken): do not sleep.
 * (2.7.10, 2.8.14)
 */
bool vr_device_arm(struct vr_device *device, struct vr_stored *stored);

/**
 * vr_device_disarm() - ask for no notifications; a hint that the driver may ignore
 * @device: the queue
 * @stored: what was stored to ring memory, or NULL
 */
void vr_device_disarm(struct vr_device *device, struct vr_stored *stored);

/**
 * vr_device_in_flight() - buffers popped and not published, parked and staged ones included
 * @device: the queue
 *
 * Return: 0..queue size.
 */
unsigned int vr_device_in_flight(const struct vr_device *device);

/**
 * vr_device_save() - the position, to be restored later, here or elsewhere
 * @device: the queue, broken or not
 * @force: give the used position even though buffers are in flight; they count as not taken
 * @base: set, in vhost-user's vring base format: split the next available index; packed the
 *        available position in bits 0-14 and its wrap counter in bit 15, the used ones in 16-31
 *
 * Return: 0, or VR_E_BUSY while anything is popped, parked or unpublished and @force is not set.
 */
int vr_device_save(const struct vr_device *device, bool force, uint32_t *base);

/**
 * vr_device_restore() - continue from a saved position
 * @device: the queue; all handles become stale, and a fault is cleared
 * @base: as vr_device_save() gave it; from the peer, so it is checked
 *
 * Split: the used index is read from ring memory, once. In order, the predicted head is read from
 * the available ring at the next pop that finds something.
 *
 * Return: 0, or VR_E_INVAL when the base is impossible for this queue; then nothing has changed.
 */
int vr_device_restore(struct vr_device *device, uint32_t base);

/**
 * vr_device_restore_in_flight() - continue from a record of buffers that were in flight
 * @device: the queue; all handles become stale, and a fault is cleared
 * @base: the used position, in the format of vr_device_save()
 * @popped: what had been taken beyond it: buffers (split), descriptors (packed)
 *
 * The available cursor starts behind what had been taken; each such buffer has to be resubmitted
 * before the first pop when in order, oldest first, and at any time when not; an observer's @again
 * has it done by the pop itself.
 *
 * Packed: entries that were written and not published before are marked as not used again, or the
 * driver would take them as soon as the one before them is published.
 *
 * Return: 0, or VR_E_INVAL; then nothing has changed.
 */
int vr_device_restore_in_flight(struct vr_device *device, uint32_t base, uint32_t popped);

/**
 * vr_device_resubmit_split() - take a recorded buffer again, without moving the available cursor
 * @device: a split queue
 * @head: its head descriptor
 * @chain: filled
 * @segments: memory for its pieces
 * @segment_count: capacity of @segments
 *
 * Return: 1, or an error as vr_device_pop(), or VR_E_STATE on a packed queue, or VR_E_BUSY when no
 * recorded buffer is left to be resubmitted.
 */
int vr_device_resubmit_split(struct vr_device *device, uint16_t head, struct vr_chain *chain,
			     struct vr_iovec *segments, unsigned int segment_count);

/**
 * vr_device_resubmit_packed() - as vr_device_resubmit_split(), from saved descriptors
 * @device: a packed queue
 * @descriptors: as they stood in the ring; they are judged as the driver's would be
 * @descriptor_count: 1..queue size
 * @chain: filled
 * @segments: memory for its pieces
 * @segment_count: capacity of @segments
 *
 * Return: as vr_device_resubmit_split(), VR_E_STATE on a split queue.
 */
int vr_device_resubmit_packed(struct vr_device *device, const struct vr_descriptor *descriptors,
			      unsigned int descriptor_count, struct vr_chain *chain,
			      struct vr_iovec *segments, unsigned int segment_count);

/**
 * vr_device_reset() - back to the start of a fresh ring
 * @device: the queue; all handles become stale, the fault is cleared, counters stay
 */
void vr_device_reset(struct vr_device *device);

/**
 * vr_device_resize() - vr_device_reset() onto other ring memory
 * @device: the queue
 * @ring: the new areas
 * @queue_size: 1..max_queue_size of the configuration
 *
 * Return: 0 or VR_E_INVAL; then nothing has changed.
 */
int vr_device_resize(struct vr_device *device, const struct vr_ring *ring, uint32_t queue_size);

/**
 * vr_device_break() - stop using this queue
 * @device: the queue
 *
 * The one call that another thread may make; it latches until a reset.
 */
void vr_device_break(struct vr_device *device);

/**
 * vr_device_fault() - why the queue is broken
 * @device: the queue
 * @fault: filled, also when nothing is wrong
 *
 * Return: true when the queue is broken.
 */
bool vr_device_fault(const struct vr_device *device, struct vr_fault *fault);

/**
 * vr_device_stats() - counters
 * @device: the queue
 * @stats: filled
 */
void vr_device_stats(const struct vr_device *device, struct vr_device_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
