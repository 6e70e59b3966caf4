/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring for one input: its memory, payload memory, and both halves. Every piece of memory is exactly
 * as large as it is said to be.
 */
#ifndef TEST_FUZZ_RING_STAGE_H
#define TEST_FUZZ_RING_STAGE_H

#include <virtring/device.h>
#include <virtring/driver.h>

#include "fuzz.h"

#define RING_SIZE_MAX 16u
#define RING_RANGES 5

/*
 * Device addresses. The second range follows the first but lies elsewhere in host memory; the last
 * one ends where addresses end.
 */
#define RING_BOTH 0x100000u
#define RING_NEXT 0x101000u
#define RING_READ 0x700000000000u
#define RING_TABLES 0x700000001000u
#define RING_WRITE 0xfffffffffffff000u

struct ring_stage {
	uint64_t features;
	uint32_t size;
	uint32_t entries; /* of an indirect table */
	uint32_t driver_flags;
	uint32_t device_flags;
	void *area[3];
	size_t area_bytes[3];
	void *memory[RING_RANGES];
	struct vr_map_range ranges[RING_RANGES];
	struct vr_map map;
	struct vr_driver *driver;
	struct vr_device *device;
	void *driver_state;
	void *device_state;
};

/* Everything, with a shape that the input chooses; @features fixes the form. */
void ring_stage_open(struct ring_stage *stage, struct fuzz *fuzz, uint64_t features);
void ring_stage_close(struct ring_stage *stage);
struct vr_ring ring_stage_areas(const struct ring_stage *stage);

/* Writes some bytes of ring memory or tables, as the input says. */
void ring_stage_poke(struct ring_stage *stage, struct fuzz *fuzz);

#define RING_SEGMENTS_MAX 6u

/* The features of any form, as the input says. */
uint64_t ring_stage_form(struct fuzz *fuzz);

/* Adds and publishes a buffer of any shape, if there is room. */
void ring_stage_send(struct ring_stage *stage, struct fuzz *fuzz);

/* Writes some bytes of payload memory, from its start on, as the input says. */
void ring_stage_fill(struct ring_stage *stage, struct fuzz *fuzz);

/* Takes back what was used, as an honest driver. */
void ring_stage_take_back(struct ring_stage *stage);

/* Fails unless these bytes of host memory may be accessed by the device. */
void ring_stage_check_access(const struct ring_stage *stage, const struct vr_iovec *piece,
			     uint32_t access);

/* The segments of a buffer, sane in most cases. Returns how many. */
unsigned int ring_stage_segments(struct fuzz *fuzz, struct vr_segment *segments,
				 struct vr_buffer *buffer);

/* What the writable segments of a buffer hold, or UINT64_MAX when it is one to be refused. */
uint64_t ring_stage_capacity(const struct vr_buffer *buffer);

/* How many descriptors the driver takes for it. */
unsigned int ring_stage_descriptors(const struct ring_stage *stage, const struct vr_buffer *buffer);

static inline bool ring_in_order(const struct ring_stage *stage)
{
	return stage->features & VR_F_IN_ORDER;
}

static inline bool ring_packed(const struct ring_stage *stage)
{
	return stage->features & VR_F_RING_PACKED;
}

#endif
