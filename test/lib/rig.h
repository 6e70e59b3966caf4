/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue on a test bench: ring memory, payload memory and indirect tables, each seen twice, and
 * the core's driver half, its device half, or both on top. What a side must not write is read-only
 * in its view.
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include <virtring/device.h>
#include <virtring/driver.h>

#include "area.h"
#include "check.h"
#include "form.h"
#include "raw.h"

/* Device addresses of the payload and of the tables: far apart, none equal to a host address. */
#define RIG_TABLES 0x0000000000040000u
#define RIG_OUT 0x0000000710000000u
#define RIG_IN 0xfffffff000000000u

/**
 * struct rig_shape - what a rig looks like; zero means the default
 * @features: negotiated features
 * @size: queue size
 * @max_size: for resizes
 * @driver_flags: VR_DRIVER_* bits
 * @device_flags: VR_DEVICE_* bits
 * @max_segments: of the driver's configuration
 * @entries: indirect entries; the table memory exists with INDIRECT_DESC only
 * @indirect_min: of the driver's configuration
 * @max_chain: of the device's configuration
 * @base: of the driver's configuration
 * @payload: bytes of each payload area, 65536 by default
 * @wide: the map allows reading and writing everywhere, as a guest's memory does; the core has a
 *        short way for that. Otherwise each range allows what its payload is for.
 * @one_view: both sides use the driver's addresses, so that a sanitizer sees what they share
 */
struct rig_shape {
	uint64_t features;
	uint32_t size;
	uint32_t max_size;
	uint32_t driver_flags;
	uint32_t device_flags;
	uint16_t max_segments;
	uint16_t entries;
	uint16_t indirect_min;
	uint32_t max_chain;
	uint32_t base;
	size_t payload;
	bool wide;
	bool one_view;
};

/* All maps are wide, whatever their shapes say. */
extern bool rig_wide;

/* Runs a group of tests with narrow maps, then with wide ones. */
#define RIG_RUN_TESTS(tests) \
	(cmocka_run_group_tests_name("narrow maps", tests, NULL, NULL) + \
	 ((rig_wide = true), cmocka_run_group_tests_name("wide maps", tests, NULL, NULL)))

struct rig {
	struct rig_shape shape;
	struct area descriptors;
	struct area driver_area;
	struct area device_area;
	struct area tables;
	struct area out;
	struct area in;
	struct raw raw; /* the driver's view */
	struct vr_map map;
	struct vr_map_range ranges[3];
	struct vr_driver *driver;
	struct vr_device *device;
	void *driver_state;
	void *device_state;
};

/* Memory only; nothing of the core. */
void rig_open(struct rig *rig, const struct rig_shape *shape);

/* rig_open(), then both halves. */
void rig_open_both(struct rig *rig, const struct rig_shape *shape);

void rig_start_driver(struct rig *rig);
void rig_start_device(struct rig *rig);

/* The configurations that these use, to be changed before rig_init_driver(), rig_init_device(). */
struct vr_driver_config rig_driver_config(const struct rig *rig);
struct vr_device_config rig_device_config(const struct rig *rig);
int rig_init_driver(struct rig *rig, const struct vr_driver_config *config);
int rig_init_device(struct rig *rig, const struct vr_device_config *config);

/* Checks every guard byte and frees everything. */
void rig_close(struct rig *rig);

/* The ring areas as one side sees them, for a configuration. */
struct vr_ring rig_driver_ring(const struct rig *rig);
struct vr_ring rig_device_ring(const struct rig *rig);

/* All ring memory and all tables at one moment. */
struct rig_image {
	uint8_t *bytes;
	size_t count;
};
void rig_image_take(struct rig_image *image, const struct rig *rig);
/* Fails when anything differs; frees the image. */
void rig_image_same(struct rig_image *image, const struct rig *rig);

/*
 * A buffer of @readable and @writable segments of @len bytes each, put at @offset of the payload
 * areas; @segments must have room for them.
 */
struct vr_buffer rig_buffer(struct vr_segment *segments, unsigned int readable,
			    unsigned int writable, uint32_t len, uint32_t offset, uint64_t token);

/* Adds and publishes one such buffer, which must succeed. */
void rig_send(struct rig *rig, unsigned int readable, unsigned int writable, uint32_t len,
	      uint64_t token);

/* Pops exactly one chain with the core's device half. */
struct vr_chain rig_pop(struct rig *rig, struct vr_iovec *segments, unsigned int count);

/* Completes and publishes one. */
void rig_use(struct rig *rig, const struct vr_chain *chain, uint32_t len);

/* The fault of a broken half; fails when it is not broken. */
struct vr_fault rig_driver_fault(const struct rig *rig);
struct vr_fault rig_device_fault(const struct rig *rig);

#endif
