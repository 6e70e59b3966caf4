/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A piece of memory that driver and device see at different addresses, as two processes do. It ends
 * at (or, by the alignment, a few bytes before) an inaccessible page in both views; the bytes around
 * it carry a pattern that area_close() checks.
 */
#ifndef TEST_AREA_H
#define TEST_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct area {
	uint8_t *driver; /* first byte, as the driver sees it */
	uint8_t *device; /* the same byte, as the device sees it */
	size_t bytes;
	uint8_t *driver_map;
	uint8_t *device_map;
	size_t map_bytes;
};

/* @align: a power of two, at most 4096. The memory is zero. */
void area_open(struct area *area, size_t bytes, size_t align);

/* Makes one view read-only (a store there is a SIGSEGV) or writable again. */
void area_driver_read_only(struct area *area, bool read_only);
void area_device_read_only(struct area *area, bool read_only);

/* Fails the test when a byte around the area was stored to. */
void area_check(const struct area *area);
void area_close(struct area *area);

#endif
