/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the played device share. */
#ifndef CHECK_PLAY_INNER_H
#define CHECK_PLAY_INNER_H

#include <endian.h>
#include <string.h>

#include "play.h"

/* ---- bytes of the wire and of the rings ---- */

static inline uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint16_t le16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t le32_at(const uint8_t *at)
{
	return le16_at(at) | (uint32_t)le16_at(at + 2) << 16;
}

static inline uint64_t le64_at(const uint8_t *at)
{
	return le32_at(at) | (uint64_t)le32_at(at + 4) << 32;
}

/* A word that both sides use, read once, with all that the other side wrote before it. */
static inline uint16_t shared16(const uint8_t *at)
{
	return le16toh(__atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE));
}

static inline void share16(uint8_t *at, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)at, htole16(value), __ATOMIC_RELEASE);
}

static inline void share32(uint8_t *at, uint32_t value)
{
	__atomic_store_n((uint32_t *)(void *)at, htole32(value), __ATOMIC_RELAXED);
}

/* ---- messages (play_wire.c) ---- */

/**
 * struct play_message - a request
 * @first_fds: descriptors that came with its first byte; @late_fds: with another one
 */
struct play_message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	uint8_t payload[PLAY_PAYLOAD];
	int fds[PLAY_FDS];
	uint32_t fd_count;
	uint32_t late_fds;
};

/* 1: a message, 0: the front end has closed, -1: an error that play->error names. */
int play_receive(struct play *play, int sock, struct play_message *message);
bool play_send(struct play *play, int sock, uint32_t request, uint32_t flags, const void *payload,
	       uint32_t size, int fd);
/* The answer to a request, with the policy's lie. */
void play_answer(struct play *play, const struct play_message *message, const void *payload,
		 uint32_t size, int fd);
void play_close_fds(struct play_message *message);

/* ---- requests (play_message.c, play_setup.c) ---- */

void play_dispatch(struct play *play, struct play_message *message);
/* Says how a request went, if that is asked for. */
void play_acknowledge(struct play *play, const struct play_message *message, bool done);
void play_setup_ring(struct play *play, struct play_message *message);
/* Serves the back end's channel: answers to what was sent there. */
void play_channel(struct play *play);
bool play_announce(struct play *play);

/* ---- memory (play_memory.c) ---- */

bool play_memory_add(struct play *play, const uint8_t *wire, int fd);
bool play_memory_remove(struct play *play, const uint8_t *wire);
void play_memory_clear(struct play *play);
/* NULL: not (wholly) in one region. */
uint8_t *play_user(struct play *play, uint64_t addr, uint64_t len);
uint8_t *play_guest(struct play *play, uint64_t addr, uint64_t len, uint64_t *got);
/* Notes in the dirty log what was written. */
void play_dirty(struct play *play, uint64_t guest, uint64_t len);

/* ---- rings ---- */

/* Starts a ring, or finds its areas again when it runs. */
bool play_ring_start(struct play *play, struct play_ring *ring);
/* Positions and private memory of a ring whose areas are known. */
bool play_ring_begin(struct play *play, struct play_ring *ring);
void play_ring_stop(struct play *play, struct play_ring *ring, uint32_t *base);
void play_ring_free(struct play_ring *ring);
/* 1: taken to the end of @held, 0: there is none, -1: the ring is broken. */
int play_ring_take(struct play *play, struct play_ring *ring);
int play_split_take(struct play *play, struct play_ring *ring, struct play_chain *chain);
int play_packed_take(struct play *play, struct play_ring *ring, struct play_chain *chain);
/* Adds an element of a buffer; false: it is not in the memory. */
bool play_piece(struct play *play, struct play_ring *ring, struct play_chain *chain, uint64_t addr,
		uint32_t len, bool write);
/* How far has the driver published, in terms of @avail_at? */
uint64_t play_published(const struct play_ring *ring);
/* Uses the @nth held buffer, alone. */
void play_use(struct play *play, struct play_ring *ring, uint32_t nth);
/* In order: one used entry for the @count oldest held buffers. */
void play_use_run(struct play *play, struct play_ring *ring, uint32_t count);
/* An entry for each of the @count oldest held buffers; they become visible together. */
void play_use_group(struct play *play, struct play_ring *ring, uint32_t count);
/* The words of a used entry, without letting go of anything. */
void play_split_use(struct play_ring *ring, const struct play_chain *chain, uint32_t buffers);
void play_split_publish(struct play_ring *ring);
void play_packed_use(struct play *play, struct play_ring *ring, uint32_t slot, bool wrap,
		     const struct play_chain *chain);
void play_packed_write(struct play_ring *ring, uint32_t slot, bool wrap, uint16_t id, uint32_t len,
		       uint16_t more_flags);
void play_packed_pass(struct play_ring *ring, uint32_t descriptors);
/* Have the descriptors of a held buffer stayed as they were? */
void play_unchanged(struct play *play, struct play_ring *ring, const struct play_chain *chain);
void play_chain_free(struct play_chain *chain);

/* ---- notifications (play_notify.c) ---- */

void play_kicked(struct play *play, struct play_ring *ring);
/* Asks for kicks; true: something has been published meanwhile. */
bool play_arm(struct play *play, struct play_ring *ring);
void play_disarm(struct play_ring *ring);
/* May the device look into the ring now? Judges kicks. */
bool play_may_look(struct play *play, struct play_ring *ring);
void play_call(struct play *play, struct play_ring *ring);
/* A call whether or not it is wanted. */
void play_call_now(struct play_ring *ring);

/* ---- devices ---- */

void play_blk_do(struct play *play, struct play_ring *ring, struct play_chain *chain);
void play_blk_config(const struct play *play, uint8_t *space);
uint64_t play_blk_features(void);
void play_net_transmit(struct play *play, struct play_ring *ring, struct play_chain *chain);
void play_net_tick(struct play *play);
void play_net_config(const struct play *play, uint8_t *space);
uint64_t play_net_features(void);
void play_net_receive_seen(struct play *play, const struct play_chain *chain);

/* Copies from the readable, or to the writable part of a buffer; returns bytes. */
uint64_t play_gather(const struct play_chain *chain, uint64_t offset, void *to, uint64_t len);
uint64_t play_scatter(struct play *play, const struct play_chain *chain, uint64_t offset,
		      const void *from, uint64_t len);

/* ---- against the rules (play_attack.c) ---- */

/*
 * Who notices it, where the front end knows what should come back: nobody has to, its half of the queue,
 * or its user, who gets something else.
 */
enum attack_notice {
	NOTICE_NONE,
	NOTICE_HALF,
	NOTICE_USER,
};

/**
 * struct attack - something that the specification forbids a device
 * @name: a few words with hyphens
 * @clause: which clause it breaks, or the one that says what the driver does then
 * @text: what the device does
 * @forms: where it applies
 * @needs: buffers that have to be outstanding
 * @receive: net: on the receiving queue
 * @notice: by whom; a driver that goes on has taken a buffer for used that was not
 * @run: does it to a ring with so many done buffers; false: it cannot be done with these
 */
struct attack {
	const char *name;
	const char *clause;
	const char *text;
	uint32_t forms;
	uint32_t needs;
	bool receive;
	enum attack_notice notice;
	bool (*run)(struct play *play, struct play_ring *ring);
};

extern const struct attack attacks[];
extern const uint32_t attack_count;

/* Does what the policy wants to be done, if it is time; true: it was done just now. */
bool play_attack(struct play *play, struct play_ring *ring);
/* Are buffers being collected for it? */
bool play_attack_waits(struct play *play, const struct play_ring *ring);

#endif
