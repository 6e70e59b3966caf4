/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user device that is played to check whoever connects: it serves a small disk or a network
 * card that echoes, over raw messages and raw rings, and notes in a ledger what it sees. It shares
 * no code with the library.
 */
#ifndef CHECK_PLAY_H
#define CHECK_PLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger.h"

#define PLAY_REGIONS 32u
#define PLAY_RINGS 8u
#define PLAY_FDS 8u
#define PLAY_PAYLOAD 4096u
#define PLAY_TRANSCRIPT 8000u
#define PLAY_CONFIG_BYTES 60u

/* Feature bits (virtio 6, 5.1.3, 5.2.3; vhost-user). */
#define F_INDIRECT (1ull << 28)
#define F_EVENT (1ull << 29)
#define F_PROTOCOL (1ull << 30)
#define F_VERSION (1ull << 32)
#define F_PACKED (1ull << 34)
#define F_IN_ORDER (1ull << 35)
#define F_LOG (1ull << 26)
#define F_MRG_RXBUF (1ull << 15)

/* Bits that mean nothing today; a front end has to leave them alone. */
#define F_UNKNOWN (1ull << 45)
#define PF_UNKNOWN (1ull << 47)

/* Protocol feature bits. */
#define PF_MQ (1ull << 0)
#define PF_LOG_SHMFD (1ull << 1)
#define PF_REPLY_ACK (1ull << 3)
#define PF_BACKEND_REQ (1ull << 5)
#define PF_CONFIG (1ull << 9)
#define PF_INFLIGHT (1ull << 12)
#define PF_RESET (1ull << 13)
#define PF_INBAND (1ull << 14)
#define PF_SLOTS (1ull << 15)
#define PF_STATUS (1ull << 16)

enum play_type {
	PLAY_BLK,
	PLAY_NET,
};

/* What is sent against the rules, once, when enough buffers are there (play_attack.c). */
struct attack;
/* How an answer is falsified (play_message.c). */
enum play_lie {
	LIE_NONE,
	LIE_ID,
	LIE_SIZE_0,
	LIE_SIZE_HUGE,
	LIE_SIZE_SHORT,
	LIE_NO_REPLY_BIT,
	LIE_VERSION,
	LIE_FDS,
	LIE_ONES,
	LIE_ZEROES,
	LIE_HALF,
	LIE_CLOSE,
	LIE_TWICE,
};

/* When the device asks for kicks. */
enum play_kicks {
	KICKS_EACH, /* whenever it has nothing to do */
	KICKS_NONE, /* never: it looks by itself */
	KICKS_AHEAD, /* only after some more buffers (EVENT_IDX) */
};

/**
 * struct play_policy - legal behaviour of the device
 * @kicks: see there
 * @batch: buffers to hold before any is completed; 0: none; UINT32_MAX: all that there are; and
 *         PLAY_RISING: 1, 2, 3, ... up to the ring's size
 * @one_entry: in order, one used entry for all that is completed at once
 * @reverse: not in order: newest first
 * @hold_ms: at most so long is waited for a batch
 * @late_ms: each completion waits so long
 * @stray_calls: calls without a used entry
 * @stale_len: packed: no WRITE and an old length where nothing was written; flags left over
 * @hide_write: packed: no WRITE beside the length of what was written
 * @together: what is completed at once becomes visible at once, packed from back to front
 * @call_always: a call for each completion, wanted or not
 * @dribble: answers byte by byte
 * @config_changed: announces a change of the configuration space
 * @fail_every: blk: each so manyth read and write fails, 0: none
 * @lie: on the answer to @lie_request
 * @lie_request: see there
 * @attack: what is done against the rules, or NULL
 * @attack_after: buffers completed before it is
 * @channel_noise: kind of garbage on the back end's channel, 0: none
 */
struct play_policy {
	enum play_kicks kicks;
	uint32_t batch;
	bool one_entry;
	bool reverse;
	uint32_t hold_ms;
	uint32_t late_ms;
	bool stray_calls;
	bool stale_len;
	bool hide_write;
	bool together;
	bool call_always;
	bool dribble;
	bool config_changed;
	uint32_t fail_every;
	enum play_lie lie;
	uint32_t lie_request;
	const struct attack *attack;
	uint32_t attack_after;
	uint32_t channel_noise;
};

#define PLAY_RISING (UINT32_MAX - 1)

/**
 * struct play_region - memory of the front end
 * @host: where the region's first byte is
 * @map: what was mapped
 */
struct play_region {
	uint64_t guest;
	uint64_t size;
	uint64_t user;
	uint8_t *host;
	uint8_t *map;
	size_t map_bytes;
};

/* A piece of a buffer, here. */
struct play_piece {
	uint8_t *host;
	uint64_t addr;
	uint32_t len;
	bool write;
};

/**
 * struct play_chain - a buffer that was taken
 * @id: head (split) or buffer id (packed)
 * @slot: packed: its first descriptor
 * @wrap: packed: the wrap counter there
 * @descriptors: in the ring
 * @slots: which ones
 * @copy: what they said, 16 bytes each
 * @table: its indirect table, or NULL
 * @table_bytes: size of that
 * @table_copy: what that said
 * @pieces: of the buffer
 * @count: how many
 * @elements: as the driver counts them
 * @side_by_side: of those, such that could have been one with the one before
 * @readable: bytes
 * @writable: bytes
 * @done: it has been carried out
 * @group: it is the first of so many that belong together
 * @len: bytes written to it
 * @due: not to be completed before this time
 */
struct play_chain {
	uint16_t id;
	uint32_t slot;
	bool wrap;
	uint32_t descriptors;
	uint32_t *slots;
	uint8_t *copy;
	const uint8_t *table;
	uint32_t table_bytes;
	uint8_t *table_copy;
	struct play_piece *pieces;
	uint32_t count;
	uint32_t room;
	uint32_t elements;
	uint32_t side_by_side;
	uint64_t readable;
	uint64_t writable;
	bool done;
	uint32_t group;
	uint32_t len;
	int64_t due;
};

/**
 * struct play_ring - a ring of the session
 * @fresh: it has just begun, and no earlier life of it explains what is in its memory
 * @lived: it was started before, by a front end that may go on with it (QEMU resets the device to pause)
 * @avail: split: free-running index; packed: position
 * @avail_at: buffers (split) or descriptors (packed) since the ring's start, without an end
 * @used: likewise
 * @used_at: likewise
 * @called_at: @used_at at the last verdict
 * @held: buffers taken and not completed, oldest first
 * @busy: split: descriptors, packed: ids that are taken
 * @scribbled: packed: slots that the device has written since they were taken
 * @busy_descriptors: how many descriptors are
 * @next_slot: in order: where the next chain has to start, or UINT32_MAX
 * @broken: the front end broke it; it is left alone
 * @armed: a kick is asked for
 * @event: KICKS_AHEAD: in terms of @avail_at
 * @kicks: since the last look
 * @kicks_all: since the start
 * @waits_since: when something was seen that a kick should have told, or 0
 * @missed: a kick has been missed before
 */
struct play_ring {
	uint32_t index;
	uint32_t size;
	bool has_addr;
	bool has_base;
	bool started;
	bool enabled;
	bool broken;
	bool fresh;
	bool lived;
	bool packed;
	bool in_order;
	bool event_idx;
	int kick;
	int call;
	int err;
	uint32_t base;
	uint64_t addrs[3]; /* descriptors, driver's, device's */
	uint8_t *descriptors;
	uint8_t *driver;
	uint8_t *device;

	uint32_t avail;
	bool avail_wrap;
	uint64_t avail_at;
	uint32_t used;
	bool used_wrap;
	uint64_t used_at;
	uint64_t called_at;
	uint32_t next_slot;
	struct play_chain **held;
	uint32_t held_count;
	bool *busy;
	bool *scribbled;
	uint32_t busy_descriptors;

	bool armed;
	bool ahead;
	uint64_t event;
	uint64_t kicks;
	uint64_t kicks_all;
	uint64_t quiet_kicks;
	bool excused; /* kicks went off: one may have been decided on before */
	bool told; /* since its start: until then its word is the driver's zeroes, "kick" */
	uint64_t quiet_publications;
	int64_t waits_since;
	int64_t idle_since;
	uint32_t missed;
	uint32_t rising;
	uint64_t completed;
	uint64_t taken;
	uint64_t calls;
	uint64_t batched;
	uint32_t longest;
};

/**
 * struct play - a device, and its session
 * @ledger: where all that is seen goes
 * @offer: features, with bit 30
 * @offer_protocol: protocol features
 * @policy: of now
 * @close_broken: a ring that the front end broke ends the session
 * @kick_ms: a kick that is due may take so long; a guest's processor can be stalled
 * @sock: connection
 * @channel: to the front end, or -1
 * @closed: the front end has ended the session
 * @error: why the device ended it, or ""
 * @disk: content, of @disk_bytes
 * @transcript: PLAY_TRANSCRIPT bytes: the last of what was said, a line for each message
 */
struct play {
	struct ledger *ledger;
	enum play_type type;
	uint64_t offer;
	uint64_t offer_protocol;
	uint32_t queues;
	struct play_policy policy;
	bool close_broken;
	uint32_t kick_ms;

	int sock;
	int channel;
	bool closed;
	char error[LEDGER_TEXT];
	uint64_t features;
	uint64_t protocol;
	bool has_features;
	bool has_protocol;
	bool asked_protocol;
	bool offered;
	bool owned;
	bool vring_seen;
	uint8_t status;
	struct play_region regions[PLAY_REGIONS];
	uint32_t region_count;
	bool mem_set;
	struct play_ring rings[PLAY_RINGS];
	int inflight;
	uint64_t inflight_bytes;
	uint8_t *log;
	size_t log_bytes;

	uint8_t *disk;
	uint64_t disk_bytes;
	uint64_t requests;
	uint64_t data_bytes;
	uint64_t messages;
	uint64_t config_reads;
	uint64_t config_sent;
	uint64_t channel_acks;
	uint64_t sent_frames;
	int64_t frame_due;
	char *transcript;
	bool lied;
	bool attacked;
	bool attack_failed;
	int64_t attack_since;
	uint32_t noise_sent;
	int64_t last_progress;
};

/* Milliseconds of a clock that only goes forward. */
int64_t play_now(void);

/* A device of this type without a session. @disk_bytes: of a disk. Returns 0 or -errno. */
int play_open(struct play *play, enum play_type type, uint64_t disk_bytes, struct ledger *ledger);
void play_close(struct play *play);
/* Writes what a new disk holds. */
void play_renew(struct play *play);
/* The next front end has never been here: its rings are new. */
void play_forget(struct play *play);
/* Content of the disk, by sector: what a front end can compare with. */
void play_pattern(uint64_t sector, uint8_t *bytes);

/* Begins a session on a connection, which becomes the device's. */
void play_begin(struct play *play, int sock);
/* Ends it: all descriptors and mappings go. */
void play_end(struct play *play);

/**
 * play_run() - serve for a while
 * @play: a device with a session
 * @until: play_now() at the latest end
 * @enough: ends it earlier when it answers true; NULL: never
 *
 * Return: true when the session is still there.
 */
bool play_run(struct play *play, int64_t until, bool (*enough)(const struct play *play));
/* Completes all that was taken and can be, as a stop does. */
void play_settle(struct play *play);
/* Buffers completed, of all rings. */
uint64_t play_completed(const struct play *play);
/* Is any ring running? */
bool play_running(const struct play *play);
/* Ends the session with an error: the front end did something that cannot be gone on from. */
void play_fail(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
