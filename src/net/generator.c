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

void vr_net_generate(struct vr_net_generator *generator, void *data)
{
	uint64_t sequence = generator->sequence++;

	/* The usual length is known to the compiler, which then needs no loop. */
	if (generator->length == 64)
		write_packet(data, sequence, 64);
	else
		write_packet(data, sequence, generator->length);
}
