// SPDX-License-Identifier: BSD-3-Clause
/* Counts packets, and checks those that carry a number. */
#include "tally.h"

/* Right in itself: all that can be told from the number that it has. */
static bool intact(const struct vr_net_packet *packet, uint64_t number)
{
	struct vr_net_sink sink = {
		.length = packet->len,
		.interval = 1,
		.packets = number,
		.next = number,
	};

	vr_net_sink_take(&sink, packet, 1);
	return sink.bad == 0;
}

static void take_number(struct tally *tally, uint64_t number)
{
	uint64_t stream = TALLY_STREAM(number);
	uint64_t *next;
	uint64_t count = number - TALLY_FIRST(stream);

	if (stream >= TALLY_STREAMS) {
		tally->wrong++;
		return;
	}
	next = &tally->next[stream];
	if (count < *next) {
		tally->late++;
		return;
	}
	tally->missing += count - *next;
	*next = count + 1;
}

void tally_take(struct tally *tally, const struct vr_net_packet *packets, unsigned int count)
{
	tally->packets += count;
	for (unsigned int i = 0; i < count; i++) {
		uint64_t number;

		tally->bytes += packets[i].len;
		if (!vr_net_number(&packets[i], &number))
			continue;
		tally->numbered++;
		if (!intact(&packets[i], number))
			tally->wrong++;
		else
			take_number(tally, number);
	}
}

bool tally_good(const struct tally *tally)
{
	return tally->wrong == 0 && tally->missing == 0 && tally->late == 0;
}
