/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a started ring writes down: its buffers in flight, and the memory that was written. It watches
 * the device half, so that no device has to know of it.
 */
#ifndef VR_SRC_VHOST_USER_RECORD_H
#define VR_SRC_VHOST_USER_RECORD_H

#include "transport/vhost_user/inflight.h"

/**
 * struct vu_popped - a buffer that is popped and not published
 * @handle: of the device half
 * @taken: in the record of buffers in flight
 */
struct vu_popped {
	uint64_t handle;
	struct vu_taken taken;
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
};

/* Nothing is written down yet. 0 or -ENOMEM. */
int vri_record_create(struct vu_record *record, uint64_t features, uint32_t size);
/* Frees everything. */
void vri_record_free(struct vu_record *record);
/* Where the device half takes packed buffers from; @base in the format of vr_device_save(). */
void vri_record_at(struct vu_record *record, uint32_t base, uint32_t popped);
/* Is anything in flight, or was not given again yet? Who starts the ring next has to recover. */
bool vri_record_in_flight(const struct vu_record *record);

#endif
