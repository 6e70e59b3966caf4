// SPDX-License-Identifier: BSD-3-Clause
/*
 * virtring blk copy from one disk to another: reads of the one and writes of the other are in flight
 * at the same time. The disks are two back ends with a memory of their own each, so data is moved
 * once, from a block of the one to the same block of the other.
 */
#include <inttypes.h>
#include <string.h>

#include "blk.h"
#include "progress.h"

struct copy {
	struct session *from;
	struct session *to;
	bool sparse;
	uint64_t offset;
	uint64_t length;
	uint64_t issued; /* bytes */
	uint32_t reading; /* slots */
	uint32_t writing;
	uint32_t idle[SESSION_DEPTH_MAX]; /* slots, as a stack */
	uint32_t idle_count;
	uint64_t at[SESSION_DEPTH_MAX]; /* byte that a slot is about */
	uint32_t bytes[SESSION_DEPTH_MAX];
	struct progress progress;
	struct blk_outcome *outcome;
};

static int failed(const struct copy *c, uint32_t slot, const char *what, uint8_t status,
		  char *error)
{
	return tool_text(error, "%s at byte %" PRIu64 ": the device answers %s", what, c->at[slot],
			 status == VR_BLK_S_IOERR ? "IOERR" : "UNSUPP");
}

static int read_more(struct copy *c, char *error)
{
	while (c->issued < c->length && c->idle_count > 0) {
		uint32_t slot = c->idle[c->idle_count - 1];
		uint64_t left = c->length - c->issued;
		uint32_t block = c->from->options.block;
		int taken;

		c->at[slot] = c->offset + c->issued;
		c->bytes[slot] = left < block ? (uint32_t)left : block;
		taken = session_transfer(c->from, slot, VR_BLK_T_IN, c->at[slot] / VR_BLK_SECTOR,
					 c->bytes[slot]);
		if (taken < 0)
			return tool_text(error, "a read at byte %" PRIu64 ": %s", c->at[slot],
					 vr_strerror(taken));
		if (taken == 0)
			return 0;
		c->idle_count--;
		c->issued += c->bytes[slot];
		c->reading++;
	}
	return 0;
}

/* A slot that was read goes to the other disk. */
static int write_slot(struct copy *c, uint32_t slot, char *error)
{
	const uint8_t *data = session_block(c->from, slot);
	uint64_t sector = c->at[slot] / VR_BLK_SECTOR;
	int taken = 0;

	if (c->sparse && blk_is_zero(data, c->bytes[slot]))
		taken = session_zero(c->to, slot, sector, c->bytes[slot]);
	if (taken > 0) {
		c->outcome->zeroes += c->bytes[slot];
	} else if (taken == 0) {
		memcpy(session_block(c->to, slot), data, c->bytes[slot]);
		taken = session_transfer(c->to, slot, VR_BLK_T_OUT, sector, c->bytes[slot]);
	}
	/* Each slot has a place of its own in the queue: a full one is an error, too. */
	if (taken <= 0)
		return tool_text(error, "a write at byte %" PRIu64 ": %s", c->at[slot],
				 taken ? vr_strerror(taken) : "the queue is too small for --depth");
	c->writing++;
	return 0;
}

static int take_reads(struct copy *c, const struct vr_blk_result *results, int count, char *error)
{
	for (int i = 0; i < count; i++) {
		uint32_t slot = (uint32_t)results[i].token;

		c->reading--;
		if (results[i].status != VR_BLK_S_OK)
			return failed(c, slot, "reading", results[i].status, error);
		if (write_slot(c, slot, error))
			return -1;
	}
	return 0;
}

static int take_writes(struct copy *c, const struct vr_blk_result *results, int count, char *error)
{
	for (int i = 0; i < count; i++) {
		uint32_t slot = (uint32_t)results[i].token;

		c->writing--;
		if (results[i].status != VR_BLK_S_OK)
			return failed(c, slot, "writing", results[i].status, error);
		c->outcome->bytes += c->bytes[slot];
		c->outcome->requests++;
		c->idle[c->idle_count++] = slot;
	}
	return 0;
}

/* One look at both disks; it sleeps only for the one that has to end something before more is done. */
static int step(struct copy *c, char *error)
{
	struct vr_blk_result results[SESSION_DEPTH_MAX];
	int got;

	if (read_more(c, error))
		return -1;
	if (c->reading > 0) {
		got = session_wait(c->from, results, SESSION_DEPTH_MAX, error);
		if (got < 0 || take_reads(c, results, got, error))
			return -1;
	}
	/* While there is something to read, a look is enough. */
	got = c->reading > 0 || (c->issued < c->length && c->idle_count > 0) ?
		      session_look(c->to, results, SESSION_DEPTH_MAX, error) :
		      session_wait(c->to, results, SESSION_DEPTH_MAX, error);
	if (got < 0)
		return -1;
	return take_writes(c, results, got, error);
}

static int find_length(struct copy *c, const struct blk_options *options, char *error)
{
	uint64_t from = session_bytes(c->from);
	uint64_t to = session_bytes(c->to);

	if (c->to->features & VR_BLK_F_RO)
		return tool_text(error, "%s: the disk is read-only", c->to->options.path);
	if (c->offset > from)
		return tool_text(error,
				 "--offset %" PRIu64 " is beyond the disk's %" PRIu64 " bytes",
				 c->offset, from);
	c->length = options->length ? options->length : from - c->offset;
	if (c->length > from - c->offset)
		return tool_text(error,
				 "%" PRIu64 " bytes from %" PRIu64
				 " on end beyond the disk's %" PRIu64,
				 c->length, c->offset, from);
	if (c->offset + c->length > to)
		return tool_text(error,
				 "%s: the disk has %" PRIu64 " bytes, which is %" PRIu64 " too few",
				 c->to->options.path, to, c->offset + c->length - to);
	return 0;
}

int blk_copy(struct session *from, struct session *to, const struct blk_options *options,
	     struct blk_outcome *outcome, char *error)
{
	struct copy c = {
		.from = from,
		.to = to,
		.sparse = options->sparse,
		.offset = options->offset,
		.outcome = outcome,
	};
	int result = find_length(&c, options, error);

	while (c.idle_count < from->options.depth) {
		c.idle[c.idle_count] = c.idle_count;
		c.idle_count++;
	}
	progress_begin(&c.progress);
	while (!result && outcome->bytes < c.length) {
		result = step(&c, error);
		progress_show(&c.progress, outcome->bytes, c.length);
	}
	progress_end(&c.progress);
	return result ? result : blk_flush(to, error);
}
