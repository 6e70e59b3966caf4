/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * virtring/ring.h - what both halves of a virtqueue share: features, errors, faults, ring memory.
 *
 * Freestanding: needs nothing but a C99 compiler's own headers. Section numbers are those of the
 * virtio specification, version 1.4: 2.7 is the split ring, 2.8 the packed one.
 */
#ifndef VIRTRING_RING_H
#define VIRTRING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest queue of either layout, in descriptors (2.7, 2.8.10.1). */
#define VR_QUEUE_SIZE_MAX 32768u

/* Feature bits that change what a queue does (6); all others are ignored by this room. */
#define VR_F_INDIRECT_DESC (1ull << 28)
#define VR_F_EVENT_IDX (1ull << 29)
#define VR_F_VERSION_1 (1ull << 32)
#define VR_F_ACCESS_PLATFORM (1ull << 33)
#define VR_F_RING_PACKED (1ull << 34)
#define VR_F_IN_ORDER (1ull << 35)
#define VR_F_ORDER_PLATFORM (1ull << 36)
#define VR_F_NOTIFICATION_DATA (1ull << 38)
#define VR_F_RING_RESET (1ull << 40)

/**
 * enum vr_error - what a call answers when it does not answer zero or a count
 * @VR_E_INVAL:    an argument is out of its bounds; nothing was done
 * @VR_E_TOO_LONG: the buffer has more segments than this queue can ever take
 * @VR_E_BROKEN:   the queue is broken; vr_driver_fault() and vr_device_fault() say why
 * @VR_E_BUSY:     buffers are in a state that the call cannot carry over
 * @VR_E_STALE:    the handle names no buffer that is popped and not completed
 * @VR_E_SEGMENTS: the caller's segment array is too small for the next buffer
 * @VR_E_MISS:     the map has no answer yet for an address; may be retried
 * @VR_E_STATE:    the call belongs to another state of the queue (stopped, not stopped)
 */
enum vr_error {
	VR_E_INVAL = -1,
	VR_E_TOO_LONG = -2,
	VR_E_BROKEN = -3,
	VR_E_BUSY = -4,
	VR_E_STALE = -5,
	VR_E_SEGMENTS = -6,
	VR_E_MISS = -7,
	VR_E_STATE = -8,
};

/**
 * vr_strerror() - the meaning of an error code
 * @error: a value of enum vr_error, or any other number
 *
 * Return: a static string, never NULL. Any thread.
 */
const char *vr_strerror(int error);

/**
 * enum vr_fault_reason - what broke a queue
 *
 * The first group is what a device did to a driver, the second what a driver did to a device.
 * @value and @limit of struct vr_fault carry the offending number and the bound it missed.
 */
enum vr_fault_reason {
	VR_FAULT_NONE = 0,
	VR_FAULT_CALLER, /* vr_driver_break() or vr_device_break() was called */

	VR_FAULT_USED_INDEX, /* used.idx moved past what is outstanding */
	VR_FAULT_USED_ID_RANGE, /* a used id is not below the queue size */
	VR_FAULT_USED_ID_FREE, /* a used id names no published outstanding buffer */
	VR_FAULT_USED_BATCH, /* a used id lies beyond the jump of used.idx */
	VR_FAULT_USED_LENGTH, /* strict: more bytes used than the buffer can take */

	VR_FAULT_AVAIL_INDEX, /* avail.idx moved past the queue size */
	VR_FAULT_HEAD_RANGE, /* a head is not below the queue size */
	VR_FAULT_HEAD_BUSY, /* a head was made available while it is in flight */
	VR_FAULT_HEAD_ORDER, /* in order: a head is not the one that must follow */
	VR_FAULT_NEXT_RANGE, /* a next field is not below the table size */
	VR_FAULT_NEXT_ORDER, /* in order: a next field is not the following slot */
	VR_FAULT_CHAIN_LENGTH, /* a chain has more descriptors than it may */
	VR_FAULT_CHAIN_BYTES, /* a chain has more bytes than 2^32 */
	VR_FAULT_CHAIN_ORDER, /* a readable element follows a writable one */
	VR_FAULT_INDIRECT_FEATURE, /* INDIRECT without the feature */
	VR_FAULT_INDIRECT_NEXT, /* INDIRECT together with NEXT */
	VR_FAULT_INDIRECT_NESTED, /* INDIRECT inside an indirect table */
	VR_FAULT_INDIRECT_SIZE, /* a table of zero bytes or of no whole number of entries */
	VR_FAULT_INDIRECT_SPLIT, /* a table entry straddles two regions of memory */
	VR_FAULT_UNMAPPED, /* an address that the map does not have */
	VR_FAULT_ACCESS, /* an address that the map forbids for this access */

	VR_FAULT_COUNT
};

/**
 * struct vr_fault - why a queue is broken
 * @reason: what happened
 * @reserved: zero
 * @value: the number that was wrong: an index, an id, a length, an address
 * @limit: the bound it missed, or the number that was expected
 */
struct vr_fault {
	enum vr_fault_reason reason;
	uint32_t reserved;
	uint64_t value;
	uint64_t limit;
};

/**
 * vr_fault_text() - a fault's reason in words, naming what @value and @limit are
 * @reason: any number
 *
 * Return: a static string, never NULL. Any thread.
 */
const char *vr_fault_text(enum vr_fault_reason reason);

/**
 * struct vr_ring_area - one of the three areas of a queue
 * @host: where this program sees it
 * @addr: where the device sees it; the core only keeps it for vr_ring consumers above it
 */
struct vr_ring_area {
	void *host;
	uint64_t addr;
};

/**
 * struct vr_ring - the memory of a queue, in any placement
 * @descriptors: descriptor table (2.7.5) or descriptor ring (2.8.13)
 * @driver: available ring (2.7.6) or driver event suppression (2.8.14)
 * @device: used ring (2.7.8) or device event suppression (2.8.14)
 */
struct vr_ring {
	struct vr_ring_area descriptors;
	struct vr_ring_area driver;
	struct vr_ring_area device;
};

/* The areas by number, as struct vr_stored_range and vr_ring_bytes() name them. */
enum vr_area {
	VR_AREA_DESCRIPTORS = 0,
	VR_AREA_DRIVER = 1,
	VR_AREA_DEVICE = 2
};

/**
 * vr_ring_bytes() - size of one area of a queue
 * @features: negotiated feature bits; RING_PACKED and EVENT_IDX matter
 * @queue_size: descriptors; split a power of two in 1..32768, packed any number in 1..32768
 * @area: which area
 *
 * Without EVENT_IDX a split ring has no event word and is two bytes shorter (2.7.6, 2.7.8).
 *
 * Return: bytes, or 0 when @queue_size or @area is out of bounds. Any thread. (2.7, 2.8.10)
 */
size_t vr_ring_bytes(uint64_t features, uint32_t queue_size, enum vr_area area);

/**
 * vr_ring_align() - alignment that the specification demands of one area
 * @features: negotiated feature bits; RING_PACKED matters
 * @area: which area
 *
 * Return: 16, 4 or 2 (bytes). Any thread. (2.7, 2.8.10)
 */
size_t vr_ring_align(uint64_t features, enum vr_area area);

/* Most ranges that one publish or arm can store to. */
#define VR_STORED_MAX 3

/**
 * struct vr_stored_range - bytes of ring memory that a call stored to
 * @area: an enum vr_area
 * @offset: first byte, from the area's start
 * @length: bytes
 */
struct vr_stored_range {
	uint32_t area;
	uint32_t offset;
	uint32_t length;
};

/**
 * struct vr_stored - all that a publish or an arm stored, for a dirty log
 * @count: ranges in use, 0..VR_STORED_MAX
 * @range: the ranges. Used entries are covered from the first to the last that was written; where
 *         entries of one publish are apart, the slots between them are covered too.
 */
struct vr_stored {
	uint32_t count;
	struct vr_stored_range range[VR_STORED_MAX];
};

/* What a device may do with memory: bits of struct vr_map_range.access. */
#define VR_ACCESS_READ 1u
#define VR_ACCESS_WRITE 2u

/**
 * struct vr_map_range - a piece of the device's address space
 * @addr: first device address
 * @size: bytes; addr + size must not exceed 2^64
 * @base: host address of the byte at @addr
 * @access: VR_ACCESS_* bits
 * @reserved: zero
 */
struct vr_map_range {
	uint64_t addr;
	uint64_t size;
	uintptr_t base;
	uint32_t access;
	uint32_t reserved;
};

/**
 * struct vr_map - how a device reaches the memory that a driver names
 * @ranges: sorted by address, not overlapping; immutable while a queue holds the map
 * @count: number of ranges
 * @reserved: zero
 * @miss: asked for what @ranges do not have; NULL: that does not exist. Answers 0 and fills @range
 *        with a piece that holds @addr, used for this lookup only; or VR_E_MISS when the answer
 *        will come later (the pop is given up unchanged and may be repeated); or any other
 *        negative number when the address is invalid, which breaks the queue. Called on the
 *        thread that pops; must not call into the queue.
 * @context: for @miss
 */
struct vr_map {
	const struct vr_map_range *ranges;
	uint32_t count;
	uint32_t reserved;
	int (*miss)(const struct vr_map *map, uint64_t addr, uint32_t access,
		    struct vr_map_range *range);
	void *context;
};

/**
 * struct vr_iovec - a piece of host memory, laid out as POSIX's struct iovec
 * @base: first byte
 * @len: bytes, never 0 in what a pop returns
 */
struct vr_iovec {
	void *base;
	size_t len;
};

#ifdef __cplusplus
}
#endif

#endif
