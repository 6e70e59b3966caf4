// SPDX-License-Identifier: BSD-3-Clause
/* virtring blk bench: requests of one size at random places, a fixed number of them in flight. */
#include <stdlib.h>
#include <string.h>

#include "blk.h"

struct bench {
	struct session *s;
	uint32_t type;
	uint64_t places;
	uint64_t random;
	double begun[SESSION_DEPTH_MAX];
};

/* xorshift64*: good enough to spread requests, and the same each time. */
static uint64_t next_place(struct bench *b)
{
	b->random ^= b->random >> 12;
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return (b->random * 0x2545f4914f6cdd1dull >> 11) % b->places;
}

static int issue(struct bench *b, uint32_t slot, double now, char *error)
{
	uint32_t block = b->s->options.block;
	uint64_t sector = next_place(b) * (block / VR_BLK_SECTOR);
	int taken = session_transfer(b->s, slot, b->type, sector, block);

	b->begun[slot] = now;
	if (taken == 1)
		return 0;
	return tool_text(error, "a request is refused: %s",
			 taken ? vr_strerror(taken) : "the queue is smaller than --depth");
}

static int run(struct bench *b, const struct blk_options *options, struct blk_outcome *outcome,
	       char *error)
{
	double start = tool_now();
	uint32_t busy = b->s->options.depth;

	for (uint32_t slot = 0; slot < busy; slot++)
		if (issue(b, slot, start, error))
			return -1;
	while (busy > 0) {
		struct vr_blk_result results[SESSION_DEPTH_MAX];
		int got = session_wait(b->s, results, SESSION_DEPTH_MAX, error);
		double now = tool_now();

		if (got < 0)
			return -1;
		for (int i = 0; i < got; i++) {
			uint32_t slot = (uint32_t)results[i].token;

			if (results[i].status != VR_BLK_S_OK)
				return tool_text(error, "a request failed with status %u",
						 results[i].status);
			outcome->requests++;
			outcome->bytes += results[i].bytes;
			outcome->latency += now - b->begun[slot];
			if (now - start >= options->seconds)
				busy--;
			else if (issue(b, slot, now, error))
				return -1;
		}
	}
	return 0;
}

int blk_bench(struct session *s, const struct blk_options *options, struct blk_outcome *outcome,
	      char *error)
{
	struct bench b = { .s = s, .random = 0x9e3779b97f4a7c15ull };

	b.type = options->write ? VR_BLK_T_OUT : VR_BLK_T_IN;
	b.places = session_bytes(s) / s->options.block;
	if (b.places == 0)
		return tool_text(error, "the disk is smaller than one request");
	if (options->write && s->features & VR_BLK_F_RO)
		return tool_text(error, "the disk is read-only");
	return run(&b, options, outcome, error);
}
