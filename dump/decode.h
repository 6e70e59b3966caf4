/* SPDX-License-Identifier: BSD-3-Clause */
/* The fields of an image, in the machine's byte order (2.7, 2.8), and who owns which descriptor. */
#ifndef DUMP_DECODE_H
#define DUMP_DECODE_H

#include "image.h"

#define RING_NEXT 1u
#define RING_WRITE 2u
#define RING_INDIRECT 4u
/* Packed only. */
#define RING_AVAIL 0x80u
#define RING_USED_BIT 0x8000u

/**
 * struct ring_desc - a descriptor of either layout
 * @addr: device address
 * @len: bytes
 * @flags: as they are
 * @id: packed: the buffer id; split: the next field
 */
struct ring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t id;
};

/** struct ring_used_entry - an element of a split used ring */
struct ring_used_entry {
	uint32_t id;
	uint32_t len;
};

struct ring_desc ring_desc_of(const struct ring_image *image, uint32_t slot);

/* Split. An entry may be named by an index that was never reduced. */
uint16_t ring_flags_of(const struct ring_image *image, enum vr_area area);
uint16_t ring_index_of(const struct ring_image *image, enum vr_area area);
uint16_t ring_avail_entry(const struct ring_image *image, uint32_t index);
struct ring_used_entry ring_used_entry(const struct ring_image *image, uint32_t index);
/* The event word behind the ring of an area; only with EVENT_IDX. */
uint16_t ring_event_of(const struct ring_image *image, enum vr_area area);

/* Packed: the two halves of an event suppression structure (2.8.14). */
uint16_t ring_event_position(const struct ring_image *image, enum vr_area area);
uint16_t ring_event_mode(const struct ring_image *image, enum vr_area area);

static inline bool ring_has(const struct ring_image *image, enum ring_cursor cursor)
{
	return image->known >> cursor & 1;
}

/* The flags by name, blank between them; what has no name in hexadecimal. At least 80 bytes. */
#define RING_FLAGS_TEXT 80
const char *ring_flags_text(uint16_t flags, bool packed, char *text);

/**
 * enum ring_owner - whose a descriptor is
 * @RING_DRIVERS: free, or what is in it is over
 * @RING_DRIVERS_USED: the device gave it back, and the driver has not looked at it
 * @RING_DEVICES: made available; whether the device has taken it is not known
 * @RING_DEVICES_WAITING: made available and not taken
 * @RING_DEVICES_TAKEN: taken and not given back
 * @RING_NOT_KNOWN: the memory alone does not tell
 */
enum ring_owner {
	RING_DRIVERS,
	RING_DRIVERS_USED,
	RING_DEVICES,
	RING_DEVICES_WAITING,
	RING_DEVICES_TAKEN,
	RING_NOT_KNOWN
};

const char *ring_owner_text(enum ring_owner owner);

/**
 * struct ring_owners - who owns what
 * @of: by slot, as many as the queue has
 * @outstanding: split: buffers that are the device's; packed: descriptors; -1: not known
 * @next: in order: the descriptor, or slot, that the next buffer has to begin with; -1: not known
 * @guessed: split, out of order: it is the simplest story that both rings tell, not the only one
 * @wrong: what in the ring contradicts itself, or NULL
 * @wrong_at: index or slot of it
 */
struct ring_owners {
	uint8_t *of;
	int32_t outstanding;
	int32_t next;
	bool guessed;
	const char *wrong;
	uint32_t wrong_at;
};

/** ring_owners_find() - work it out; @owners->of is to be freed; 0, or -1 without memory */
int ring_owners_find(const struct ring_image *image, struct ring_owners *owners);

#endif
