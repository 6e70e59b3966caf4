// SPDX-License-Identifier: BSD-3-Clause
/* A source of packets that can be told apart and checked byte by byte. */
#include <virtring/net.h>

#include "net/pattern.h"

static inline void write_packet(uint8_t *to, uint64_t sequence, uint32_t length)
{
	uint64_t word = vr_net_fill_word(sequence, 0);
	uint32_t at;

	vr_net_frame_head(to);
	memcpy(to + VR_NET_NUMBER_AT, &sequence, sizeof(sequence));
	for (at = VR_NET_FILL_AT; at + sizeof(word) <= length; at += sizeof(word)) {
		memcpy(to + at, &word, sizeof(word));
		word += VR_NET_FILL_STEP;
	}
	if (at < length)
		memcpy(to + at, &word, length - at);
}

/*
 * A packet of the usual 64 bytes, in four stores: they wait in the processor's queue until the line is
 * here, so their number says how many packets can be waited for at a time.
 */
static inline void write_line(uint8_t *to, uint64_t sequence)
{
	uint64_t word = vr_net_fill_word(sequence, 0);
	uint64_t __attribute__((vector_size(16))) part = { sequence, word };

	vr_net_frame_head(to);
	memcpy(to + VR_NET_NUMBER_AT, &part, sizeof(part));
	part[0] = word + VR_NET_FILL_STEP;
	part[1] = word + 2 * VR_NET_FILL_STEP;
	memcpy(to + 32, &part, sizeof(part));
	part += 2 * VR_NET_FILL_STEP;
	memcpy(to + 48, &part, sizeof(part));
}

void vr_net_generate(struct vr_net_generator *generator, void *data)
{
	uint64_t sequence = generator->sequence++;

	if (generator->length == 64)
		write_line(data, sequence);
	else
		write_packet(data, sequence, generator->length);
}
