/* SPDX-License-Identifier: BSD-3-Clause */
/* virtring blk: what its verbs have in common. */
#ifndef BLK_H
#define BLK_H

#include <stdio.h>

#include "blk_session.h"

/**
 * struct blk_options - the arguments
 * @session: how to talk to the device
 * @file: the file on this side, "-" for standard input or output
 * @to: copy: where to, another socket or a file; @file is where from
 * @offset: first byte on the disk, a multiple of 512
 * @length: bytes, 0: to the end of the disk (write: of the file)
 * @seconds: bench: how long
 * @inward: copy: from the file to the disk
 * @write: bench: writes instead of reads, which destroys what is on the disk
 * @sparse: zeroes are not sent or written where that is possible
 * @json: results as JSON
 */
struct blk_options {
	struct session_options session;
	const char *file;
	const char *to;
	uint64_t offset;
	uint64_t length;
	double seconds;
	bool inward;
	bool write;
	bool sparse;
	bool json;
};

/**
 * struct blk_outcome - what a verb did
 * @bytes: moved or compared
 * @zeroes: bytes of these that were not sent or written, as they are zeroes
 * @requests: that took
 * @seconds: and so long
 * @cpu_seconds: CPU time of this process in it
 * @latency: bench: sum of all requests' times, in seconds
 */
struct blk_outcome {
	uint64_t bytes;
	uint64_t zeroes;
	uint64_t requests;
	double seconds;
	double cpu_seconds;
	double latency;
};

/**
 * blk_move() - the disk to a file, a file to the disk, or the two compared
 * @s: an open session
 * @options: the arguments
 * @verb: "read", "write" or "verify"
 * @outcome: filled, as far as it went
 * @error: TOOL_TEXT bytes
 *
 * Return: 0; -1 with @error set when it could not be done; TOOL_FAILED with @error set when a
 * comparison found a difference.
 */
int blk_move(struct session *s, const struct blk_options *options, const char *verb,
	     struct blk_outcome *outcome, char *error);

/**
 * blk_copy() - one disk to another
 * @from: an open session
 * @to: another, of the same depth and block size
 * @options: the arguments
 * @outcome: filled, as far as it went
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int blk_copy(struct session *from, struct session *to, const struct blk_options *options,
	     struct blk_outcome *outcome, char *error);

/** blk_is_zero() - are these bytes all zero? */
bool blk_is_zero(const uint8_t *data, size_t bytes);

/** blk_flush() - what was written lasts now; 0, or -1 with @error set; nothing is in flight */
int blk_flush(struct session *s, char *error);

/** blk_bench() - requests at random places, as blk_move() */
int blk_bench(struct session *s, const struct blk_options *options, struct blk_outcome *outcome,
	      char *error);

#endif
