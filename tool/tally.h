/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts packets, and checks those that carry a number: all there, in order, right to the byte. */
#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>

#include <virtring/net.h>

/* Streams of numbers: the stream is in the upper bits of a packet's number. */
#define TALLY_STREAMS 64u
#define TALLY_STREAM(number) ((number) >> 48)
#define TALLY_FIRST(stream) ((uint64_t)(stream) << 48)

/**
 * struct tally - what was seen
 * @packets: all
 * @bytes: their bytes
 * @numbered: those with a number
 * @wrong: numbered ones with wrong contents
 * @missing: numbers that were left out, up to the highest seen
 * @late: numbers that came after a higher one, or twice
 * @next: for each stream, the number that comes next
 */
struct tally {
	uint64_t packets;
	uint64_t bytes;
	uint64_t numbered;
	uint64_t wrong;
	uint64_t missing;
	uint64_t late;
	uint64_t next[TALLY_STREAMS];
};

/** tally_take() - look at every packet */
void tally_take(struct tally *tally, const struct vr_net_packet *packets, unsigned int count);

/** tally_good() - is there no numbered packet that is wrong, missing or late? */
bool tally_good(const struct tally *tally);

#endif
