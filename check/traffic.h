/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers that a device of a known type uses, with answers that can be checked: packets that are
 * sent, or sectors of a disk that are read.
 */
#ifndef CHECK_TRAFFIC_H
#define CHECK_TRAFFIC_H

#include "session.h"

#define TRAFFIC_SLOTS 1024u
#define TRAFFIC_SLOT_BYTES 640u
#define TRAFFIC_PIECES 64u
#define TRAFFIC_SECTORS 8u

/* Types of block requests. */
#define BLK_IN 0u
#define BLK_OUT 1u
#define BLK_FLUSH 4u
#define BLK_GET_ID 8u
#define BLK_NO_TYPE 0x7531u

#define BLK_OK 0u
#define BLK_IOERR 1u
#define BLK_UNSUPP 2u

#define NET_HEADER 12u
#define NET_FRAME 60u

/**
 * struct request - one buffer
 * @type: of a block request
 * @sector: likewise
 * @readable: bytes for the device to read
 * @writable: bytes for it to write
 * @poison: what they were filled with
 * @offset: where both are, one after the other
 * @busy: the device has it
 */
struct request {
	uint32_t type;
	uint64_t sector;
	uint32_t readable;
	uint32_t writable;
	uint8_t poison;
	uint64_t offset;
	bool busy;
};

/**
 * struct traffic - a session with a device that works
 * @session: the session
 * @q: the ring whose buffers the device uses by itself
 * @rx: net: the other one
 * @requests: one a slot, named by the tokens
 * @next: slot to try first
 * @pool: where their bytes are
 * @known: what is known of the first sectors
 * @sectors: the bytes of those
 */
struct traffic {
	struct session *session;
	struct queue *q;
	struct queue *rx;
	struct request requests[TRAFFIC_SLOTS];
	uint32_t next;
	uint64_t pool;
	bool known[TRAFFIC_SECTORS];
	uint8_t sectors[TRAFFIC_SECTORS][512];
};

/** traffic_start() - a session whose rings of @size descriptors are started */
struct traffic *traffic_start(struct check_run *run, uint64_t features, uint64_t protocol,
			      uint32_t size);

/** traffic_make() - the same, with the rings made but not started */
struct traffic *traffic_make(struct check_run *run, uint64_t features, uint64_t protocol,
			     uint32_t size);

/** traffic_begin() - start the rings that were made, and DRIVER_OK */
void traffic_begin(struct traffic *t);

/** traffic_begin_other() - start the other ring of a net device: some wait for the pair */
void traffic_begin_other(struct traffic *t);

/** traffic_least() - the smallest number of pieces that a buffer of the device can have */
uint32_t traffic_least(const struct traffic *t);

/**
 * traffic_prepare() - the bytes of a request, and its pieces
 * @t: the traffic
 * @type: BLK_*, for block devices
 * @pieces: in how many pieces; at most TRAFFIC_PIECES
 * @elements: filled with them
 *
 * Return: the request's token.
 */
uint32_t traffic_prepare(struct traffic *t, uint32_t type, uint32_t pieces,
			 struct element *elements);

/** traffic_add() - put a request that works into the ring; false when that is full */
bool traffic_add(struct traffic *t, uint32_t pieces, enum layout layout);

/** traffic_add_type() - likewise, of a type; for block devices */
bool traffic_add_type(struct traffic *t, uint32_t type, uint32_t pieces, enum layout layout);

/** traffic_fill() - add @count of them; they have to fit */
void traffic_fill(struct traffic *t, uint32_t count, uint32_t pieces, enum layout layout);

/** traffic_finish() - publish, kick, wait until all came back, verify them and forget them */
void traffic_finish(struct traffic *t);

/** traffic_verify() - verify those that came back; they are not forgotten */
void traffic_verify(struct traffic *t);

/** traffic_status() - status byte of a block request that came back */
uint8_t traffic_status(const struct traffic *t, uint32_t token);

#endif
