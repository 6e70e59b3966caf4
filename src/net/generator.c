// SPDX-License-Identifier: BSD-3-Clause
/* A source of packets that can be told apart and checked byte by byte. */
#include <virtring/net.h>

#include "net/pattern.h"

void vr_net_generate(struct vr_net_generator *generator, void *data)
{
	uint64_t sequence = generator->sequence++;
	uint64_t word = vr_net_fill_word(sequence, 0);
	uint8_t *to = data;
	uint32_t at;

	vr_net_frame_head(to);
	memcpy(to + VR_NET_NUMBER_AT, &sequence, sizeof(sequence));
	for (at = VR_NET_FILL_AT; at + sizeof(word) <= generator->length; at += sizeof(word)) {
		memcpy(to + at, &word, sizeof(word));
		word += VR_NET_FILL_STEP;
	}
	if (at < generator->length)
		memcpy(to + at, &word, generator->length - at);
}
