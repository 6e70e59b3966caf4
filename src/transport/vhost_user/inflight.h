/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record of a ring's buffers in flight (vhost-user, "Inflight I/O tracking"). It lies in memory that the
 * front end keeps while the back end is gone, so that its successor finds what was taken and not
 * used. The layout is that of libvhost-user and DPDK.
 *
 *   inflight.c         life of a record; which layout
 *   inflight_split.c   an entry for each head
 *   inflight_packed.c  copies of descriptors, from a free list
 *
 * The memory is the peer's to write: nothing in it is read back while the queue runs, and what a
 * recovery reads is copied once and judged in the copy.
 */
#ifndef VR_SRC_VHOST_USER_INFLIGHT_H
#define VR_SRC_VHOST_USER_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtring/device.h>

/**
 * struct vu_taken - a buffer in a record
 * @head: entry that stands for it
 * @last: packed: entry of its last descriptor
 * @count: packed: its descriptors
 * @saved: packed, after a recovery: its first descriptor in vu_inflight.saved
 * @counter: after a recovery: age
 */
struct vu_taken {
	uint16_t head;
	uint16_t last;
	uint16_t count;
	uint16_t saved;
	uint64_t counter;
};

/**
 * struct vu_inflight - a ring's record
 * @packed: layout
 * @size: descriptors of the ring
 * @memory: the record's memory, of vri_inflight_bytes()
 * @ring: the ring's areas
 * @counter: what the next buffer gets
 * @last_batch: split: newest head of the list of the last batch
 * @used: split: used index; packed: used position
 * @wrap: packed: used wrap counter
 * @free_head: packed: first free entry, or @size
 * @old_used: packed: @used before the buffers that are being linked
 * @old_wrap: packed: @wrap before them
 * @old_free_head: packed: @free_head before them
 * @next: packed: next[i] is the entry behind i; a private copy
 * @again: what a recovery found, oldest first
 * @again_count: how many
 * @saved: packed: their descriptors
 */
struct vu_inflight {
	bool packed;
	uint32_t size;
	void *memory;
	struct vr_ring ring;
	uint64_t counter;
	uint16_t last_batch;
	uint16_t used;
	bool wrap;
	uint16_t free_head;
	uint16_t old_used;
	bool old_wrap;
	uint16_t old_free_head;
	uint16_t *next;
	struct vu_taken *again;
	uint32_t again_count;
	struct vr_descriptor *saved;
};

/* Bytes of a ring's record, a multiple of 64: where the next ring's begins. */
size_t vri_inflight_bytes(bool packed, uint32_t size);

/*
 * Begins a record of nothing, at a position in the format of vr_device_save(). 0 or -ENOMEM.
 * @memory is aligned to 8.
 */
int vri_inflight_begin(struct vu_inflight *f, bool packed, uint32_t size, void *memory,
		       const struct vr_ring *ring, uint32_t base);

/*
 * Takes over a record that a predecessor left: settles what it was about, sets @base to the used
 * position and @popped to what vr_device_restore_in_flight() wants, and fills @again. Returns 1; 0 when
 * it is fresh memory (begin it); -ENOMEM; or -EINVAL, with @why, when it makes no sense.
 */
int vri_inflight_recover(struct vu_inflight *f, bool packed, uint32_t size, void *memory,
			 const struct vr_ring *ring, uint32_t *base, uint32_t *popped,
			 const char **why);

/* Frees the private parts. */
void vri_inflight_free(struct vu_inflight *f);

/* A buffer was popped; packed: from position @slot. */
struct vu_taken vri_inflight_take(struct vu_inflight *f, const struct vr_chain *chain,
				  uint32_t slot);
/* The newest buffer was put back. */
void vri_inflight_put_back(struct vu_inflight *f, const struct vu_taken *taken);
/* One of the buffers that the next store to the ring shows as used. */
void vri_inflight_link(struct vu_inflight *f, const struct vu_taken *taken);
/* All of them were linked. */
void vri_inflight_linked(struct vu_inflight *f);
/* That store was made: one of them is out of the record. */
void vri_inflight_clear(struct vu_inflight *f, const struct vu_taken *taken);
/* All of them are. */
void vri_inflight_cleared(struct vu_inflight *f, uint32_t count);

/* The layouts, see above. */
void vri_inflight_split_begin(struct vu_inflight *f);
int vri_inflight_split_recover(struct vu_inflight *f, uint32_t *base, uint32_t *popped,
			       const char **why);
struct vu_taken vri_inflight_split_take(struct vu_inflight *f, const struct vr_chain *chain);
void vri_inflight_split_put_back(struct vu_inflight *f, const struct vu_taken *taken);
void vri_inflight_split_link(struct vu_inflight *f, const struct vu_taken *taken);
void vri_inflight_split_clear(struct vu_inflight *f, const struct vu_taken *taken);
void vri_inflight_split_cleared(struct vu_inflight *f, uint32_t count);

void vri_inflight_packed_begin(struct vu_inflight *f);
int vri_inflight_packed_recover(struct vu_inflight *f, uint32_t *base, uint32_t *popped,
				const char **why);
struct vu_taken vri_inflight_packed_take(struct vu_inflight *f, const struct vr_chain *chain,
					 uint32_t slot);
void vri_inflight_packed_put_back(struct vu_inflight *f, const struct vu_taken *taken);
void vri_inflight_packed_link(struct vu_inflight *f, const struct vu_taken *taken);
void vri_inflight_packed_linked(struct vu_inflight *f);
void vri_inflight_packed_clear(struct vu_inflight *f, const struct vu_taken *taken);
void vri_inflight_packed_cleared(struct vu_inflight *f);

/* Layout: sizes for vri_inflight_bytes(). */
#define VU_INFLIGHT_SPLIT_HEAD 16u
#define VU_INFLIGHT_SPLIT_ENTRY 16u
#define VU_INFLIGHT_PACKED_HEAD 32u
#define VU_INFLIGHT_PACKED_ENTRY 32u

#endif
