/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a started ring writes down: its buffers in flight, and the memory that was written. It watches
 * the device half, so that no device has to know of it.
 */
#ifndef VR_SRC_VHOST_USER_RECORD_H
#define VR_SRC_VHOST_USER_RECORD_H

#include "transport/vhost_user/dirty.h"
#include "transport/vhost_user/inflight.h"

/* Pieces of a buffer that there is room for without asking for memory. */
#define VU_NEAR_PIECES 4u

/**
 * struct vu_piece - memory that the device may write
 * @addr: guest-physical address
 * @bytes: how much
 */
struct vu_piece {
	uint64_t addr;
	uint64_t bytes;
};

/**
 * struct vu_popped - a buffer that is popped and not published
 * @handle: of the device half
 * @taken: in the record of buffers in flight
 * @near: what of it the device may write, if there are at most VU_NEAR_PIECES
 * @far: that, if there are more
 * @pieces: number of them, while there is a dirty log
 */
struct vu_popped {
	uint64_t handle;
	struct vu_taken taken;
	struct vu_piece near[VU_NEAR_PIECES];
	struct vu_piece *far;
	uint32_t pieces;
};

/**
 * struct vu_record - what is written down for a ring
 * @observer: to be given to the device half
 * @inflight: record of buffers in flight, if @tracks
 * @tracks: there is one
 * @in_order: buffers are published by age
 * @size: descriptors
 * @popped: as many buffers as can be in flight
 * @free: those that are not
 * @free_count: how many
 * @of_place: by the place in a handle: which buffer
 * @line: in order: the popped ones, by age; else the completed ones. A ring buffer.
 * @line_first: the oldest there
 * @line_count: how many there are
 * @slot: packed: where the next buffer is popped
 * @next_again: of what a recovery found, to be given again next
 * @logs: there is a dirty log
 * @dirty: where
 * @forgot: a piece could not be noted: from now on each publish marks all memory
 * @logs_ring: what is stored to the ring is logged, too
 * @ring_addr: of the areas that the device stores to, by enum vr_area
 */
struct vu_record {
	struct vr_device_observer observer;
	struct vu_inflight inflight;
	bool tracks;
	bool in_order;
	uint32_t size;
	struct vu_popped *popped;
	uint16_t *free;
	uint32_t free_count;
	uint16_t *of_place;
	uint16_t *line;
	uint32_t line_first;
	uint32_t line_count;
	uint32_t slot;
	uint32_t next_again;
	bool logs;
	struct vu_dirty dirty;
	bool forgot;
	bool logs_ring;
	uint64_t ring_addr[3];
};

/* Nothing is written down yet. 0 or -ENOMEM. */
int vri_record_create(struct vu_record *record, uint64_t features, uint32_t size);
/* Frees everything. */
void vri_record_free(struct vu_record *record);
/* Where the device half takes packed buffers from: @taken descriptors behind @base (vr_device_save()). */
void vri_record_at(struct vu_record *record, uint32_t base, uint32_t taken);
/* Are there buffers that a recovery found and that were not given again yet? */
bool vri_record_again(const struct vu_record *record);
/* Is anything in flight, or was not given again yet? Who starts the ring next has to recover. */
bool vri_record_in_flight(const struct vu_record *record);

#endif
