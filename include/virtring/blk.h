/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring/blk.h - disks over virtqueues, both halves, and a disk to serve (virtio 5.2).
 *
 *   struct vr_blk_driver   the driver's half: reads, writes, flushes, discards, ...
 *   struct vr_blk_device   the device's half: takes requests, judges them, answers them
 *   struct vr_blk_disk     a file or block device that carries requests out, by io_uring
 *
 * The halves do not allocate, block or notify. The caller makes the queue (driver.h, device.h),
 * publishes on it, asks it for the notification verdict, and arms it; one thread at a time may use
 * an object and its queue. Their return values are those of ring.h: 0 or a count, or a negative
 * enum vr_error. Those of a disk are 0, a count, or a negative errno value.
 *
 * The other side is not trusted. The device copies headers and ranges once, out of whatever
 * pieces they lie in, and judges the copy; data stays in shared memory, where the driver may
 * go on changing it.
 */
#ifndef VIRTRING_BLK_H
#define VIRTRING_BLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"
#include "driver.h"
#include "ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Feature bits of a block device (5.2.3). */
#define VR_BLK_F_SIZE_MAX (1ull << 1)
#define VR_BLK_F_SEG_MAX (1ull << 2)
#define VR_BLK_F_RO (1ull << 5)
#define VR_BLK_F_BLK_SIZE (1ull << 6)
#define VR_BLK_F_FLUSH (1ull << 9)
#define VR_BLK_F_TOPOLOGY (1ull << 10)
#define VR_BLK_F_CONFIG_WCE (1ull << 11)
#define VR_BLK_F_MQ (1ull << 12)
#define VR_BLK_F_DISCARD (1ull << 13)
#define VR_BLK_F_WRITE_ZEROES (1ull << 14)

/* What this room can do in either half, and what is in its configuration space. */
#define VR_BLK_FEATURES \
	(VR_BLK_F_SIZE_MAX | VR_BLK_F_SEG_MAX | VR_BLK_F_RO | VR_BLK_F_BLK_SIZE | VR_BLK_F_FLUSH | \
	 VR_BLK_F_TOPOLOGY | VR_BLK_F_CONFIG_WCE | VR_BLK_F_MQ | VR_BLK_F_DISCARD | \
	 VR_BLK_F_WRITE_ZEROES)

/* Bytes of a sector, the unit of every request whatever the block size (5.2.4). */
#define VR_BLK_SECTOR 512u

/* Request types (5.2.6). */
#define VR_BLK_T_IN 0u
#define VR_BLK_T_OUT 1u
#define VR_BLK_T_FLUSH 4u
#define VR_BLK_T_GET_ID 8u
#define VR_BLK_T_DISCARD 11u
#define VR_BLK_T_WRITE_ZEROES 13u

/* Status bytes (5.2.6). */
#define VR_BLK_S_OK 0u
#define VR_BLK_S_IOERR 1u
#define VR_BLK_S_UNSUPP 2u

/* What GET_ID gives: a string that ends with a zero byte only when it is shorter. */
#define VR_BLK_ID_BYTES 20u

/* Most ranges of one DISCARD or WRITE_ZEROES. */
#define VR_BLK_RANGES_MAX 16u

/* ---- configuration space ---- */

/* All that the specification has, up to the fields of zoned devices. */
#define VR_BLK_SPACE_BYTES 96u

/* Where the one field is that a driver may write (CONFIG_WCE). */
#define VR_BLK_SPACE_WRITEBACK 32u

/**
 * struct vr_blk_space - configuration space, in this machine's byte order (5.2.4)
 * @capacity: sectors of 512 bytes
 * @size_max: SIZE_MAX: most bytes of a segment
 * @seg_max: SEG_MAX: most data segments of a request
 * @blk_size: BLK_SIZE: bytes of a block
 * @physical_block_exp: TOPOLOGY: log2 of the blocks of a physical block
 * @alignment_offset: TOPOLOGY: blocks before the first aligned one
 * @min_io_size: TOPOLOGY: blocks
 * @opt_io_size: TOPOLOGY: blocks
 * @writeback: CONFIG_WCE: 1: what was written lasts after a flush; 0: as soon as it is answered
 * @num_queues: MQ: request queues
 * @max_discard_sectors: DISCARD: most sectors of a range
 * @max_discard_seg: DISCARD: most ranges of a request
 * @discard_sector_alignment: DISCARD: sectors
 * @max_write_zeroes_sectors: WRITE_ZEROES: most sectors of a range
 * @max_write_zeroes_seg: WRITE_ZEROES: most ranges of a request
 * @write_zeroes_may_unmap: WRITE_ZEROES: the unmap flag may have an effect
 */
struct vr_blk_space {
	uint64_t capacity;
	uint32_t size_max;
	uint32_t seg_max;
	uint32_t blk_size;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
};

/**
 * vr_blk_space_bytes() - how much of the space a set of features gives a meaning
 * @features: feature bits
 *
 * Return: 8..60 bytes. Any thread.
 */
uint32_t vr_blk_space_bytes(uint64_t features);

/**
 * vr_blk_space_encode() - as a driver reads it
 * @space: the fields
 * @features: offered; fields that none of them implies stay zero
 * @wire: VR_BLK_SPACE_BYTES bytes
 */
void vr_blk_space_encode(const struct vr_blk_space *space, uint64_t features, uint8_t *wire);

/**
 * vr_blk_space_decode() - from what a driver read
 * @space: filled; without the feature blk_size is 512, num_queues 1 and the others are 0
 * @features: negotiated; without CONFIG_WCE writeback is what FLUSH says
 * @wire: vr_blk_space_bytes(@features) bytes
 */
void vr_blk_space_decode(struct vr_blk_space *space, uint64_t features, const uint8_t *wire);

/**
 * struct vr_blk_range - what DISCARD and WRITE_ZEROES apply to
 * @sector: the first
 * @sectors: how many
 * @flags: bit 0: unmap (WRITE_ZEROES only)
 */
struct vr_blk_range {
	uint64_t sector;
	uint32_t sectors;
	uint32_t flags;
};

/* Bit of struct vr_blk_range.flags. */
#define VR_BLK_UNMAP 1u

/* ---- the device's half ---- */

struct vr_blk_device;

/* Flags of struct vr_blk_request. */
#define VR_BLK_STABLE 1u /* to be on persistent storage before it is answered */

/**
 * struct vr_blk_request - a request that was found good, to be carried out
 * @type: VR_BLK_T_IN, _OUT, _FLUSH, _DISCARD or _WRITE_ZEROES
 * @flags: VR_BLK_* bits
 * @sector: IN, OUT: the first; the whole request lies within the capacity
 * @bytes: IN, OUT: a multiple of 512, not 0
 * @pieces: IN, OUT: data in the driver's memory, any alignment; who carries the request out may
 *	advance them
 * @piece_count: number of pieces
 * @range_count: DISCARD, WRITE_ZEROES: 1..VR_BLK_RANGES_MAX
 * @ranges: DISCARD, WRITE_ZEROES: a private copy, each within the capacity
 * @context: the caller's
 */
struct vr_blk_request {
	uint32_t type;
	uint32_t flags;
	uint64_t sector;
	uint64_t bytes;
	struct vr_iovec *pieces;
	uint32_t piece_count;
	uint32_t range_count;
	const struct vr_blk_range *ranges;
	void *context;
};

/**
 * enum vr_blk_fault - what made the device's half break a queue
 * @VR_BLK_FAULT_NONE: nothing; the queue may still be broken, see vr_device_fault()
 * @VR_BLK_FAULT_STATUS: a buffer without a writable byte, so that it cannot be answered
 * @VR_BLK_FAULT_SEGMENTS: a buffer of more pieces than there is room for
 */
enum vr_blk_fault {
	VR_BLK_FAULT_NONE = 0,
	VR_BLK_FAULT_STATUS,
	VR_BLK_FAULT_SEGMENTS,
	VR_BLK_FAULT_COUNT
};

/**
 * vr_blk_fault_text() - a fault in words
 * @fault: any number
 *
 * Return: a static string, never NULL. Any thread.
 */
const char *vr_blk_fault_text(enum vr_blk_fault fault);

/**
 * struct vr_blk_device_config - the shape of a device's half
 * @struct_size: sizeof(struct vr_blk_device_config)
 * @features: negotiated feature bits
 * @queue: a queue of its own with nothing popped
 * @space: configuration space as offered; copied
 * @read_only: writes, discards and zeroes are answered with IOERR
 * @write_through: what was written lasts before it is answered, FLUSH or not
 * @requests: most requests taken at a time, 1..32768; 0 means 128
 * @segments: pieces that there is room for in each, 3..32770; 0 means 128
 * @max_chain: pieces of the longest buffer, @max_chain of the queue's configuration; 0 means 1024.
 *	There is room for one request with more than @segments at a time; others wait for it.
 * @id: answer to GET_ID, padded with zeroes
 */
struct vr_blk_device_config {
	size_t struct_size;
	uint64_t features;
	struct vr_device *queue;
	const struct vr_blk_space *space;
	bool read_only;
	bool write_through;
	uint32_t requests;
	uint32_t segments;
	uint32_t max_chain;
	uint8_t id[VR_BLK_ID_BYTES];
};

/**
 * struct vr_blk_stats - counters since init
 * @reads: IN requests that ended well
 * @writes: OUT requests that ended well
 * @others: other requests that ended well, GET_ID included
 * @read_bytes: their data
 * @written_bytes: their data
 * @malformed: requests refused with IOERR because of what they said
 * @unsupported: requests refused with UNSUPP
 * @failed: good requests that the disk answered with something else than OK
 * @fault: why this room broke the queue
 */
struct vr_blk_stats {
	uint64_t reads;
	uint64_t writes;
	uint64_t others;
	uint64_t read_bytes;
	uint64_t written_bytes;
	uint64_t malformed;
	uint64_t unsupported;
	uint64_t failed;
	enum vr_blk_fault fault;
};

/**
 * vr_blk_device_size() - private memory that it needs
 * @config: queue and space need not be there yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_blk_device_size(const struct vr_blk_device_config *config);

/**
 * vr_blk_device_init() - make a device's half
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_blk_device_size()
 * @config: copied
 * @device: set on success
 *
 * Return: 0 or VR_E_INVAL.
 */
int vr_blk_device_init(void *state, size_t bytes, const struct vr_blk_device_config *config,
		       struct vr_blk_device **device);

/**
 * vr_blk_device_take() - take requests from the queue
 * @device: the half
 * @requests: filled with requests to carry out; each is to be given to vr_blk_device_done(), in
 *	any order
 * @count: capacity of @requests
 *
 * What is malformed, out of bounds, not supported, or needs no disk is answered here: publish
 * also when the answer is 0. Looks at a bounded number of buffers. (5.2.6)
 *
 * Return: the number of requests; 0 when there is none among those looked at, which
 * vr_device_arm() tells from an empty queue; VR_E_BUSY when the next buffer has to wait until a
 * request is done, VR_E_MISS (the map has no answer yet; call again) or VR_E_BROKEN.
 */
int vr_blk_device_take(struct vr_blk_device *device, struct vr_blk_request **requests,
		       unsigned int count);

/**
 * vr_blk_device_done() - answer a request
 * @device: the half
 * @request: from vr_blk_device_take(); it is gone afterwards
 * @status: VR_BLK_S_*
 *
 * Stages it as used: with its data and the status byte, or without the data where it failed. To be
 * followed by vr_device_publish(). (5.2.6.2)
 *
 * Return: 0, VR_E_STALE when it was answered before, or as vr_device_complete().
 */
int vr_blk_device_done(struct vr_blk_device *device, struct vr_blk_request *request,
		       uint8_t status);

/**
 * vr_blk_device_write_through() - the driver has written the writeback field, or was reset
 * @device: the half
 * @through: as @write_through of the configuration, for requests taken from now on (5.2.5.1)
 */
void vr_blk_device_write_through(struct vr_blk_device *device, bool through);

/**
 * vr_blk_device_resize() - the disk has another size
 * @device: the half
 * @capacity: in sectors, for requests taken from now on; those taken before are not looked at again
 *
 * The driver learns it from the configuration space, when it is told that this has changed. (5.2.4)
 */
void vr_blk_device_resize(struct vr_blk_device *device, uint64_t capacity);

/**
 * vr_blk_device_busy() - requests that were taken and not answered
 * @device: the half
 *
 * Return: 0..config.requests + 1.
 */
unsigned int vr_blk_device_busy(const struct vr_blk_device *device);

/**
 * vr_blk_device_stats() - counters
 * @device: the half
 * @stats: filled
 */
void vr_blk_device_stats(const struct vr_blk_device *device, struct vr_blk_stats *stats);

/* ---- the driver's half ---- */

struct vr_blk_driver;

/* Shared memory that a request needs besides its data, aligned to 64. */
#define VR_BLK_SLOT_BYTES 320u

/**
 * struct vr_blk_driver_config - the shape of a driver's half
 * @struct_size: sizeof(struct vr_blk_driver_config)
 * @features: negotiated feature bits
 * @queue: a queue of its own with nothing outstanding; the object uses its tokens
 * @space: configuration space as read; copied
 * @slots: shared memory, @requests * VR_BLK_SLOT_BYTES bytes, aligned to 64
 * @requests: most requests in flight, 1..32768
 * @segments: most data segments of a request, 1..32766; 0 means 126. SEG_MAX may lower it.
 */
struct vr_blk_driver_config {
	size_t struct_size;
	uint64_t features;
	struct vr_driver *queue;
	const struct vr_blk_space *space;
	struct vr_ring_area slots;
	uint32_t requests;
	uint32_t segments;
};

/**
 * struct vr_blk_command - what the driver wants
 * @type: VR_BLK_T_*
 * @segment_count: IN, OUT: number of segments; else 0
 * @sector: IN, OUT: the first; else 0
 * @segments: IN, OUT: the data, a multiple of 512 bytes in all; else NULL
 * @ranges: DISCARD, WRITE_ZEROES: what they apply to; else NULL
 * @range_count: DISCARD, WRITE_ZEROES: 1..what the device takes, at most VR_BLK_RANGES_MAX
 * @token: any value; comes back with the result
 */
struct vr_blk_command {
	uint32_t type;
	uint32_t segment_count;
	uint64_t sector;
	const struct vr_segment *segments;
	const struct vr_blk_range *ranges;
	uint32_t range_count;
	uint64_t token;
};

/**
 * struct vr_blk_result - how a command ended
 * @token: of the command
 * @type: of the command
 * @status: VR_BLK_S_*; IOERR also when the device wrote another value, or none
 * @bytes: IN, OUT: bytes of data that went through: all or, unless @status is OK, 0
 * @id: GET_ID: the answer, with a zero byte behind it
 */
struct vr_blk_result {
	uint64_t token;
	uint32_t type;
	uint8_t status;
	uint64_t bytes;
	char id[VR_BLK_ID_BYTES + 1];
};

/**
 * vr_blk_driver_size() - private memory that it needs
 * @config: queue, space and slots need not be there yet
 *
 * Return: bytes, or 0 when the shape is invalid. Any thread.
 */
size_t vr_blk_driver_size(const struct vr_blk_driver_config *config);

/**
 * vr_blk_driver_init() - make a driver's half
 * @state: private memory, aligned to 64
 * @bytes: its size, at least vr_blk_driver_size()
 * @config: copied
 * @driver: set on success
 *
 * Return: 0 or VR_E_INVAL.
 */
int vr_blk_driver_init(void *state, size_t bytes, const struct vr_blk_driver_config *config,
		       struct vr_blk_driver **driver);

/**
 * vr_blk_driver_add() - stage commands, in this order
 * @driver: the half
 * @commands: what to do
 * @count: number of commands
 *
 * Each is checked against capacity, features and limits of the device. To be followed by
 * vr_driver_publish(). (5.2.6.1)
 *
 * Return: the number taken, short when slots or descriptors are used up or the next command is
 * bad; or, when that is the first one, VR_E_INVAL (beyond the capacity, no whole sectors, a
 * write to a read-only device, flags or counts that the device does not take, a type whose feature
 * was not negotiated), VR_E_TOO_LONG (too many segments), VR_E_BROKEN or VR_E_STATE.
 */
int vr_blk_driver_add(struct vr_blk_driver *driver, const struct vr_blk_command *commands,
		      unsigned int count);

/**
 * vr_blk_driver_get() - take back commands that have ended
 * @driver: the half
 * @results: filled
 * @count: capacity of @results
 *
 * Return: the number, 0 when there is none, or VR_E_BROKEN.
 */
int vr_blk_driver_get(struct vr_blk_driver *driver, struct vr_blk_result *results,
		      unsigned int count);

/**
 * vr_blk_driver_resize() - the device said that its configuration has changed
 * @driver: the half
 * @capacity: in sectors, as read again; for commands added from now on (5.2.4)
 */
void vr_blk_driver_resize(struct vr_blk_driver *driver, uint64_t capacity);

/**
 * vr_blk_driver_busy() - commands that have not been taken back
 * @driver: the half
 *
 * Return: 0..config.requests.
 */
unsigned int vr_blk_driver_busy(const struct vr_blk_driver *driver);

/* ---- a disk to serve ---- */

struct vr_blk_disk;

/* Flags of struct vr_blk_disk_config. */
#define VR_BLK_DISK_READ_ONLY 1u
#define VR_BLK_DISK_DIRECT 2u /* past the page cache (O_DIRECT) */
#define VR_BLK_DISK_PLAIN 4u /* plain system calls instead of io_uring */

/**
 * struct vr_blk_disk_config - which disk, and how
 * @struct_size: sizeof(struct vr_blk_disk_config)
 * @path: a regular file or a block device
 * @flags: VR_BLK_DISK_* bits
 * @depth: entries of the io_uring, 1..4096; 0 means 256. More requests than that may be in flight.
 */
struct vr_blk_disk_config {
	size_t struct_size;
	const char *path;
	uint32_t flags;
	uint32_t depth;
};

/**
 * struct vr_blk_disk_info - what was opened
 * @sectors: its size; an incomplete last sector is left out
 * @block_size: bytes of a logical block, at least 512
 * @physical_size: bytes of a physical block, at least @block_size
 * @uring_error: 0, or the errno value why there is no io_uring; then every request is carried out
 *	before vr_blk_disk_submit() returns
 */
struct vr_blk_disk_info {
	uint64_t sectors;
	uint32_t block_size;
	uint32_t physical_size;
	int uring_error;
};

/**
 * struct vr_blk_done - a request that has been carried out
 * @request: as submitted
 * @status: VR_BLK_S_*
 */
struct vr_blk_done {
	struct vr_blk_request *request;
	uint8_t status;
};

/**
 * vr_blk_disk_open() - open a disk
 * @config: copied
 * @disk: set on success
 *
 * Its size is taken now, and nothing beyond it is ever touched; vr_blk_disk_measure() takes it again.
 *
 * Return: 0, -EINVAL (config, or O_DIRECT where the file system has none), -ENOTBLK (neither
 * regular file nor block device), -ENOMEM, or what open() failed with.
 */
int vr_blk_disk_open(const struct vr_blk_disk_config *config, struct vr_blk_disk **disk);

/**
 * vr_blk_disk_close() - close a disk
 * @disk: a disk with nothing in flight and nothing to be reaped, or NULL
 */
void vr_blk_disk_close(struct vr_blk_disk *disk);

/**
 * vr_blk_disk_measure() - take the size again: the file or the block device has grown or shrunk
 * @disk: the disk; requests may be in flight
 *
 * Requests submitted from now on are checked against the new size. Those in flight are finished as
 * they were: writes that a file has been cut under make it longer again.
 *
 * Return: 0 (vr_blk_disk_info() has the size), or a negative errno value, and nothing has changed.
 */
int vr_blk_disk_measure(struct vr_blk_disk *disk);

/**
 * vr_blk_disk_info() - what was opened
 * @disk: the disk
 * @info: filled
 */
void vr_blk_disk_info(const struct vr_blk_disk *disk, struct vr_blk_disk_info *info);

/**
 * vr_blk_disk_fd() - what to poll
 * @disk: the disk
 *
 * Before waiting for it, call vr_blk_disk_start() and then vr_blk_disk_reap() until that answers
 * 0: what ended at once does not make it readable.
 *
 * Return: a descriptor that is readable when something submitted has ended.
 */
int vr_blk_disk_fd(const struct vr_blk_disk *disk);

/**
 * vr_blk_disk_submit() - have a request carried out
 * @disk: the disk
 * @request: stays the caller's; pieces and the memory behind them must stay until it is reaped.
 *	Checked against the size of the disk once more.
 *
 * Under O_DIRECT what is not aligned goes through buffers of the disk's own, and what is no whole
 * block through the page cache. Requests of any length are split as the system needs it.
 *
 * Return: 0 (the outcome comes from vr_blk_disk_reap()), or -ENOMEM.
 */
int vr_blk_disk_submit(struct vr_blk_disk *disk, struct vr_blk_request *request);

/**
 * vr_blk_disk_start() - hand all that was submitted to the kernel, with one call
 * @disk: the disk
 *
 * Return: 0, or what the system said; then call again.
 */
int vr_blk_disk_start(struct vr_blk_disk *disk);

/**
 * vr_blk_disk_reap() - learn what has been carried out
 * @disk: the disk
 * @done: filled
 * @count: capacity of @done
 *
 * Requests that need another step take it here; call vr_blk_disk_start() afterwards.
 *
 * Return: the number, 0 when there is none yet.
 */
int vr_blk_disk_reap(struct vr_blk_disk *disk, struct vr_blk_done *done, unsigned int count);

/**
 * vr_blk_disk_busy() - requests submitted and not reaped
 * @disk: the disk
 *
 * Return: the number.
 */
unsigned int vr_blk_disk_busy(const struct vr_blk_disk *disk);

#ifdef __cplusplus
}
#endif

#endif
