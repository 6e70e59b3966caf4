/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An honest driver written from the specification, for tests of the core's device half. It shares no
 * code with src/ring. Where it is free to choose (descriptor slots of a split queue that is not in
 * order, buffer ids of a packed one) it chooses at random when it was given a generator.
 */
#ifndef TEST_PEER_DRIVER_H
#define TEST_PEER_DRIVER_H

#include "peer_device.h"
#include "random.h"

/* How a buffer is laid out. PEER_TAIL (split only): @direct descriptors, then an indirect one. */
enum peer_shape {
	PEER_DIRECT,
	PEER_INDIRECT,
	PEER_TAIL
};

/* What the driver knows of an outstanding buffer. */
struct peer_buffer {
	bool used; /* seen as used */
	uint16_t id;
	uint32_t descriptors;
	uint32_t capacity;
	uint16_t *slots;
};

struct peer_driver {
	const struct rig *rig;
	const struct raw *raw;
	uint64_t features;
	struct random *random;
	uint32_t avail; /* split: index to be published; packed: position */
	uint32_t used;
	bool avail_wrap;
	bool used_wrap;
	uint32_t free_count;
	uint16_t *free; /* split: slots; packed: ids */
	uint32_t slots_free; /* packed: ring descriptors */
	struct peer_buffer *buffer; /* by head or id */
	uint16_t *order; /* outstanding heads or ids, oldest first */
	uint32_t outstanding;
	bool staged; /* packed: a head whose flags are held back */
	uint32_t staged_slot;
	uint16_t staged_flags;
	uint32_t batch; /* in order: buffers of a used run not yet handed out */
	uint32_t batch_len; /* the last one's length */
};

void peer_driver_open(struct peer_driver *peer, const struct rig *rig, struct random *random);
void peer_driver_close(struct peer_driver *peer);

/*
 * Stages a buffer of @count elements. @direct matters for PEER_TAIL only.
 * Answers its head or id, or -1 when there is no room.
 */
int peer_driver_add(struct peer_driver *peer, const struct peer_element *elements,
		    unsigned int count, enum peer_shape shape, unsigned int direct);

/* Makes all that is staged visible. */
void peer_driver_publish(struct peer_driver *peer);

/* Adds and publishes; there must be room. */
uint16_t peer_driver_send(struct peer_driver *peer, const struct peer_element *elements,
			  unsigned int count);

/* Takes one used buffer; fails when the device broke a rule. False when there is none. */
bool peer_driver_get(struct peer_driver *peer, uint16_t *id, uint32_t *len);

#endif
