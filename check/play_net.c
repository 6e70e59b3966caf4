// SPDX-License-Identifier: BSD-3-Clause
/* The played network card (virtio 5.1): it sends back what it gets, and frames of its own. */
#include <stdlib.h>

#include "play_inner.h"

#define F_CSUM 1ull
#define F_MAC (1ull << 5)
#define F_STATUS_BIT (1ull << 16)
#define F_HOST_GSO (1ull << 11 | 1ull << 12 | 1ull << 13 | 1ull << 14 | 1ull << 56)

#define FRAME_MAX 65550u
#define FRAME_OWN 64u
#define FRAMES_AT_ONCE 8u
#define FRAMES_MS 1

uint64_t play_net_features(void)
{
	return F_MAC | F_STATUS_BIT | F_MRG_RXBUF;
}

void play_net_config(const struct play *play, uint8_t *space)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0xc4, 0xec, 0x01 };

	(void)play;
	memcpy(space, mac, 6);
	space[6] = 1; /* link up */
	space[8] = 1; /* one pair */
}

static uint32_t header_bytes(const struct play *play)
{
	return play->features & (F_VERSION | F_MRG_RXBUF) ? 12 : 10;
}

static void judge_header(struct play *play, const uint8_t *header)
{
	struct ledger *l = play->ledger;

	if (header_bytes(play) == 12)
		(void)ledger_judge(l, SEEN_NET_DRV_2, le16_at(header + 10) == 0,
				   "num_buffers %u in a transmit header", le16_at(header + 10));
	if (!(play->features & F_CSUM))
		(void)ledger_judge(l, SEEN_NET_DRV_3, header[0] == 0,
				   "flags 0x%02x in a transmit header", header[0]);
	if (!(play->features & F_HOST_GSO))
		(void)ledger_judge(l, SEEN_NET_DRV_4, header[1] == 0,
				   "gso_type 0x%02x in a transmit header", header[1]);
}

/* The next receive buffer that nothing is in yet. */
static struct play_chain *empty_one(struct play_ring *ring, uint32_t *nth)
{
	while (*nth < ring->held_count && ring->held[*nth]->done)
		++*nth;
	return *nth < ring->held_count ? ring->held[*nth] : NULL;
}

static uint64_t room_from(const struct play *play, const struct play_ring *ring, uint32_t nth)
{
	uint64_t room = 0;

	if (!(play->features & F_MRG_RXBUF))
		return ring->held[nth]->writable;
	for (uint32_t i = nth; i < ring->held_count; i++)
		room += ring->held[i]->writable;
	return room;
}

static bool deliver(struct play *play, struct play_ring *ring, const uint8_t *frame, uint32_t len)
{
	uint32_t head = header_bytes(play);
	uint8_t *bytes;
	uint32_t total = head + len;
	uint32_t done = 0;
	uint32_t nth = 0;
	uint32_t buffers = 0;
	struct play_chain *first = empty_one(ring, &nth);

	if (!ring->started || !ring->enabled || !first || room_from(play, ring, nth) < total)
		return false;
	bytes = calloc(1, total);
	if (!bytes)
		return false;
	memcpy(bytes + head, frame, len);
	for (uint32_t i = nth; done < total; i++, buffers++) {
		struct play_chain *chain = ring->held[i];

		chain->len = (uint32_t)play_scatter(play, chain, 0, bytes + done, total - done);
		chain->done = true;
		chain->due = play->policy.late_ms ? play_now() + play->policy.late_ms : 0;
		done += chain->len;
	}
	first->group = buffers;
	if (head == 12) {
		const uint8_t count[2] = { (uint8_t)buffers, (uint8_t)(buffers >> 8) };

		(void)play_scatter(play, first, 10, count, 2);
	}
	free(bytes);
	play->sent_frames++;
	return true;
}

void play_net_transmit(struct play *play, struct play_ring *ring, struct play_chain *chain)
{
	uint32_t head = header_bytes(play);
	uint64_t len = chain->readable - head;
	uint8_t header[12] = { 0 };
	uint8_t *frame;
	uint8_t mac[6];

	play->requests++;
	chain->done = true;
	chain->len = 0;
	if (!ledger_judge(play->ledger, SEEN_NET_DRV_1,
			  chain->readable >= head + 14 && chain->writable == 0 && len <= FRAME_MAX,
			  "a transmit buffer of %llu readable and %llu writable bytes",
			  (unsigned long long)chain->readable, (unsigned long long)chain->writable))
		return;
	(void)play_gather(chain, 0, header, head);
	judge_header(play, header);
	play->data_bytes += len;
	frame = malloc(len);
	if (!frame)
		return;
	(void)play_gather(chain, head, frame, len);
	memcpy(mac, frame, 6);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, mac, 6);
	(void)deliver(play, ring - 1, frame, (uint32_t)len);
	free(frame);
}

void play_net_receive_seen(struct play *play, const struct play_chain *chain)
{
	uint32_t head = header_bytes(play);

	if (play->features & F_MRG_RXBUF)
		(void)ledger_judge(play->ledger, SEEN_NET_DRV_7,
				   chain->writable >= head && chain->readable == 0,
				   "a receive buffer of %llu writable bytes",
				   (unsigned long long)chain->writable);
	else
		(void)ledger_judge(play->ledger, SEEN_NET_DRV_6,
				   chain->writable >= 1526 && chain->readable == 0,
				   "a receive buffer of %llu writable bytes",
				   (unsigned long long)chain->writable);
}

void play_net_tick(struct play *play)
{
	uint8_t frame[FRAME_OWN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52,
				     0x54, 0,	 0xc4, 0xec, 2,	   0x88, 0xb5 };

	if (play_now() < play->frame_due)
		return;
	play->frame_due = play_now() + FRAMES_MS;
	for (uint32_t i = 0; i < FRAMES_AT_ONCE; i++) {
		memcpy(frame + 16, &play->sent_frames, sizeof(play->sent_frames));
		if (!deliver(play, &play->rings[0], frame, sizeof(frame)))
			return;
	}
}
