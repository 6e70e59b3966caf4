/* SPDX-License-Identifier: BSD-3-Clause */
/* A front end's session of a check: features, memory, and rings that a driver plays on. */
#ifndef CHECK_SESSION_H
#define CHECK_SESSION_H

#include "link.h"
#include "ring.h"

/* Where memory lies; the three numbers differ, so that taking one for another is noticed. */
#define SESSION_GUEST 0x40000000ull
#define SESSION_USER 0x7a0000000000ull
#define SESSION_BYTES (4ull << 20)

#define SESSION_QUEUE_MAX 1024u
#define SESSION_QUEUES 4u
#define POISON 0xa5u

struct session;

/**
 * struct element - a piece of a buffer
 * @addr: device address
 * @len: bytes
 * @write: for the device to write
 */
struct element {
	uint64_t addr;
	uint32_t len;
	bool write;
};

/** enum layout - how a buffer is put into the ring */
enum layout {
	DIRECT,
	INDIRECT,
	CHAIN_THEN_INDIRECT
};

/**
 * struct outstanding - a buffer that the device has
 * @id: head (split) or buffer id (packed)
 * @slots: descriptors of the ring that it takes
 * @writable: bytes that the device may write
 * @token: the check's own number for it
 */
struct outstanding {
	uint32_t id;
	uint32_t slots;
	uint32_t writable;
	uint32_t token;
};

/**
 * struct done - a buffer that came back
 * @token: which
 * @len: bytes written, as reported; of a skipped buffer, what it could hold
 * @skipped: it had no entry of its own
 * @entry: number of the entry that reported it, from 0
 */
struct done {
	uint32_t token;
	uint32_t len;
	bool skipped;
	uint32_t entry;
};

/**
 * struct queue - a ring, and the driver that we play on it
 * @session: whose
 * @index: number of the ring
 * @ring: its words
 * @area: offsets of the three areas
 * @in_order: IN_ORDER was negotiated
 * @event_idx: EVENT_IDX was
 * @kick: written when buffers are available
 * @call: the device writes to it
 * @err: likewise
 * @started: SET_VRING_KICK was sent
 * @avail_idx: split: index of the next available entry
 * @published_idx: split: what the device sees
 * @used_idx: split: index of the next used entry
 * @next_avail: packed: slot of the next descriptor made available; split in order: the next free
 * @avail_wrap: packed: wrap counter that belongs to it
 * @next_used: packed: slot of the next used descriptor
 * @used_wrap: packed: wrap counter that belongs to it
 * @staged: packed: slot of the first descriptor that is not published, or UINT32_MAX
 * @staged_flags: packed: its flags
 * @free: descriptors that are free
 * @taken: split: which are not; packed: ids that are not
 * @order: buffers that the device has, oldest first
 * @order_count: how many of them
 * @published: how many of them the device can see
 * @done: buffers that came back since queue_forget()
 * @done_count: how many
 * @entries: used entries since then
 */
struct queue {
	struct session *session;
	uint32_t index;
	struct ring ring;
	uint64_t area[3];
	bool in_order;
	bool event_idx;
	int kick;
	int call;
	int err;
	bool started;
	uint16_t avail_idx;
	uint16_t published_idx;
	uint16_t used_idx;
	uint32_t next_avail;
	bool avail_wrap;
	uint32_t next_used;
	bool used_wrap;
	uint32_t staged;
	uint16_t staged_flags;
	uint32_t free;
	bool taken[SESSION_QUEUE_MAX];
	struct outstanding order[SESSION_QUEUE_MAX];
	uint32_t order_count;
	uint32_t published;
	struct done done[4096];
	uint32_t done_count;
	uint32_t entries;
};

/**
 * struct session - a session
 * @run: the check
 * @link: the connection
 * @features: virtio features that were negotiated
 * @protocol: protocol features that were negotiated
 * @memfd: memory that the back end sees
 * @base: where we see it
 * @used: bytes of it that were given out
 * @queues: rings by index, or NULL
 * @background: called while a check waits, or NULL
 * @background_context: its argument
 */
struct session {
	struct check_run *run;
	struct link link;
	uint64_t features;
	uint64_t protocol;
	int memfd;
	uint8_t *base;
	uint64_t used;
	struct queue *queues[SESSION_QUEUES];
	void (*background)(void *context);
	void *background_context;
};

/**
 * session_new() - connect, negotiate the form's features and more, share memory
 * @run: the check; its form is what is negotiated
 * @features: more features; of those that are not offered the check must not ask
 * @protocol: protocol features, of which the offered ones are taken
 *
 * Return: a session. It ends with the check.
 */
struct session *session_new(struct check_run *run, uint64_t features, uint64_t protocol);

/** session_connect() - only connect and negotiate: no memory yet */
struct session *session_connect(struct check_run *run, uint64_t features, uint64_t protocol);

/** session_share() - SET_MEM_TABLE with all of the memory */
void session_share(struct session *s);

/** session_region() - append the description of the memory region to a message */
void session_region(const struct session *s, struct wire *wire);

/** session_alloc() - a piece of the memory, poisoned; its offset */
uint64_t session_alloc(struct session *s, uint64_t bytes, uint64_t align);

/** session_at() - where we see an offset */
static inline uint8_t *session_at(const struct session *s, uint64_t offset)
{
	return s->base + offset;
}

/** session_addr() - the device address of an offset */
static inline uint64_t session_addr(uint64_t offset)
{
	return SESSION_GUEST + offset;
}

/** session_ready() - DRIVER_OK, if there is a status; after the rings are started */
void session_ready(struct session *s);

/** session_background() - what has to go on while a check waits by itself */
static inline void session_background(struct session *s)
{
	if (s->background)
		s->background(s->background_context);
}

/** session_end() - stop the rings and close the connection, as a front end that leaves */
void session_end(struct session *s);

/** queue_make() - memory and driver of a ring; nothing is sent yet */
struct queue *queue_make(struct session *s, uint32_t index, uint32_t size);

/** queue_start() - SET_VRING_CALL, ERR, NUM, BASE, ADDR, KICK and ENABLE */
void queue_start(struct queue *q);

/** queue_configure() - the same without KICK and ENABLE; @base as in SET_VRING_BASE */
void queue_configure(struct queue *q, uint32_t base);

/** queue_address() - the message SET_VRING_ADDR of a ring */
struct wire queue_address(const struct queue *q, uint32_t flags);

/** queue_base() - what SET_VRING_BASE has to say for the driver's position */
uint32_t queue_base(const struct queue *q);

/** queue_stop() - GET_VRING_BASE; answers what it said */
uint32_t queue_stop(struct queue *q);

/**
 * queue_add() - put a buffer into the ring, without showing it to the device
 * @q: the ring
 * @elements: its pieces, readable ones first
 * @count: how many
 * @layout: how
 * @token: comes back with it
 *
 * Return: true, or false when the ring is full.
 */
bool queue_add(struct queue *q, const struct element *elements, uint32_t count, enum layout layout,
	       uint32_t token);

/** queue_publish() - show the device all that was added, at once */
void queue_publish(struct queue *q);

/** queue_kick() - tell the device, wanted or not */
void queue_kick(struct queue *q);

/** queue_go() - publish and kick */
void queue_go(struct queue *q);

/** queue_go_if_asked() - publish, and kick if the device wants to be told; answers that */
bool queue_go_if_asked(struct queue *q);

/**
 * queue_poll() - take what the device has used
 * @q: the ring
 *
 * Each entry is checked: whether its buffer was available, in which order, how long it says that
 * it is. A wrong one fails the check and names the clause.
 *
 * Return: how many buffers came back.
 */
uint32_t queue_poll(struct queue *q);

/** queue_wait() - wait until the device has nothing any more; fails the check if that takes too long */
void queue_wait(struct queue *q);

/** queue_wait_done() - wait at most @ms until @count buffers came back; false: not in time */
bool queue_wait_done(struct queue *q, uint32_t count, uint32_t ms);

/** queue_forget() - forget the buffers that came back */
void queue_forget(struct queue *q);

/** queue_calls() - take the notifications that are there, waiting at most @ms for one; how many */
uint64_t queue_calls(struct queue *q, uint32_t ms);

/** queue_errors() - likewise for the ring's errors */
uint64_t queue_errors(struct queue *q, uint32_t ms);

/** queue_note() - write the ring's words into the notes */
void queue_note(struct queue *q);

/* ---- the driver's side of notifications ---- */

/** queue_want_none() - no notifications, as far as the ring can say so */
void queue_want_none(struct queue *q);

/** queue_want_all() - a notification for each buffer (with EVENT_IDX: for the next one) */
void queue_want_all(struct queue *q);

/** queue_want_after() - EVENT_IDX: one when the @skip + 1st slot from here (split: buffer) is used */
void queue_want_after(struct queue *q, uint32_t skip);

#endif
