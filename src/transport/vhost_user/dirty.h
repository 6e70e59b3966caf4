/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log: a bit for each page of 4096 bytes of guest-physical memory, in memory of the front
 * end, which clears bits while they are being set.
 */
#ifndef VR_SRC_VHOST_USER_DIRTY_H
#define VR_SRC_VHOST_USER_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include <virtring/memory.h>

#define VU_PAGE_BITS 12u

/**
 * struct vu_dirty - where a ring logs
 * @bits: the log
 * @pages: bits in it; pages beyond are left out
 * @mem: memory of the front end
 */
struct vu_dirty {
	unsigned char *bits;
	uint64_t pages;
	const struct vr_mem *mem;
};

/* Bytes from a guest-physical address on were written. */
void vri_dirty_mark(const struct vu_dirty *dirty, uint64_t addr, uint64_t bytes);
/* The guest-physical address of host memory that lies in one region; false if it is in none. */
bool vri_dirty_addr(const struct vu_dirty *dirty, const void *host, uint64_t *addr);
/* All regions were written. */
void vri_dirty_mark_all(const struct vu_dirty *dirty);

#endif
