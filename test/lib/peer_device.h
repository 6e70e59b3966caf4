/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An honest device written from the specification, for tests of the core's driver half. It shares no
 * code with src/ring and fails the test when the driver breaks a rule that a device can see.
 */
#ifndef TEST_PEER_DEVICE_H
#define TEST_PEER_DEVICE_H

#include "rig.h"

#define PEER_ELEMENTS 40

struct peer_element {
	uint64_t addr;
	uint32_t len;
	bool write;
};

/**
 * struct peer_chain - a buffer as the device found it
 * @id: head (split) or buffer id (packed)
 * @slot: first descriptor
 * @descriptors: ring descriptors
 * @count: elements, of which the first PEER_ELEMENTS are kept
 * @capacity: writable bytes
 * @indirect: through a table
 */
struct peer_chain {
	uint16_t id;
	uint16_t slot;
	uint32_t descriptors;
	uint32_t count;
	uint32_t capacity;
	bool indirect;
	struct peer_element element[PEER_ELEMENTS];
};

struct peer_device {
	const struct rig *rig;
	const struct raw *raw;
	uint64_t features;
	uint32_t avail; /* split: index; packed: position */
	uint32_t used;
	bool avail_wrap;
	bool used_wrap;
	uint32_t next_slot; /* in order: where the next chain must start */
	uint64_t bytes; /* of the chain being gathered */
	bool *busy; /* split: descriptor is in a chain; packed: id is taken */
	uint16_t *next; /* split: the links as they were when taken */
};

void peer_device_open(struct peer_device *peer, const struct rig *rig);
void peer_device_close(struct peer_device *peer);

/* False when nothing is available. */
bool peer_device_take(struct peer_device *peer, struct peer_chain *chain);

/* As above, but there must be one. */
struct peer_chain peer_device_take_one(struct peer_device *peer);

/* Writes one used entry for one chain and makes it visible. */
void peer_device_use(struct peer_device *peer, const struct peer_chain *chain, uint32_t len);

/* In order: one used entry for the run of @count oldest chains; @len is the last one's. */
void peer_device_use_run(struct peer_device *peer, const struct peer_chain *chains,
			 unsigned int count, uint32_t len);

/* The flags word that marks a packed descriptor used at the current position. */
uint16_t peer_device_used_flags(const struct peer_device *peer, bool wrote);

#endif
