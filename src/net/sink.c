// SPDX-License-Identifier: BSD-3-Clause
/* The end of the way for packets: counted, copied if wanted, and some looked into. */
#include <virtring/net.h>

#include "net/header.h"
#include "net/pattern.h"

/* testpmd's packets: IPv4 without options, UDP. */
#define ETHERTYPE_AT 12u
#define IP_AT 14u
#define IP_LENGTH_AT 16u
#define IP_PROTO_AT 23u
#define UDP_LENGTH_AT 38u
#define UDP_END 42u
#define PROTO_UDP 17u

/* Copies the front of a packet out of its pieces. */
static uint32_t front(const struct vr_net_packet *packet, uint8_t *to, uint32_t bytes)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < packet->piece_count && at < bytes; i++) {
		size_t part = packet->pieces[i].len;

		if (part > bytes - at)
			part = bytes - at;
		memcpy(to + at, packet->pieces[i].base, part);
		at += (uint32_t)part;
	}
	return at;
}

static unsigned int be16(const uint8_t *bytes)
{
	return (unsigned int)(bytes[0] << 8 | bytes[1]);
}

static const char *check_udp(const struct vr_net_packet *packet)
{
	uint8_t head[UDP_END];

	if (front(packet, head, UDP_END) < UDP_END)
		return "shorter than a UDP header";
	if (be16(head + ETHERTYPE_AT) != 0x0800 || head[IP_AT] != 0x45)
		return "not IPv4 without options";
	if (be16(head + IP_LENGTH_AT) != packet->len - IP_AT)
		return "wrong IPv4 length";
	if (head[IP_PROTO_AT] != PROTO_UDP)
		return "not UDP";
	if (be16(head + UDP_LENGTH_AT) != packet->len - (IP_AT + 20u))
		return "wrong UDP length";
	return NULL;
}

/* The byte at @at of the numbered packet @sequence. */
static uint8_t expected(uint64_t sequence, const uint8_t *head, size_t at)
{
	uint64_t word;
	uint8_t bytes[8];

	if (at < VR_NET_FRAME_HEAD)
		return head[at];
	word = at < VR_NET_FILL_AT ? sequence :
				     vr_net_fill_word(sequence, (at - VR_NET_FILL_AT) / 8);
	memcpy(bytes, &word, sizeof(word));
	return bytes[at % 8];
}

static const char *check_numbered(const struct vr_net_packet *packet, uint64_t sequence)
{
	uint8_t head[VR_NET_FRAME_HEAD];
	size_t at = 0;

	vr_net_frame_head(head);
	for (uint32_t i = 0; i < packet->piece_count; i++) {
		const uint8_t *bytes = packet->pieces[i].base;

		for (size_t j = 0; j < packet->pieces[i].len; j++, at++) {
			if (bytes[j] == expected(sequence, head, at))
				continue;
			if (at < VR_NET_NUMBER_AT)
				return "wrong Ethernet header";
			return at < VR_NET_FILL_AT ? "wrong number: lost or out of order" :
						     "wrong contents";
		}
	}
	return NULL;
}

bool vr_net_number(const struct vr_net_packet *packet, uint64_t *number)
{
	uint8_t expected_head[VR_NET_FRAME_HEAD];
	uint8_t head[VR_NET_FILL_AT];

	vr_net_frame_head(expected_head);
	if (front(packet, head, sizeof(head)) < sizeof(head) ||
	    memcmp(head, expected_head, sizeof(expected_head)) != 0)
		return false;
	memcpy(number, head + VR_NET_NUMBER_AT, sizeof(*number));
	return true;
}

static void check(struct vr_net_sink *sink, const struct vr_net_packet *packet)
{
	const char *wrong;

	sink->checked++;
	if (packet->len != sink->length)
		wrong = "wrong length";
	else if (sink->pattern == VR_NET_PATTERN_UDP)
		wrong = check_udp(packet);
	else
		wrong = check_numbered(packet, sink->packets);
	if (!wrong)
		return;
	sink->bad++;
	if (!sink->wrong)
		sink->wrong = wrong;
}

static void copy_out(const struct vr_net_sink *sink, const struct vr_net_packet *packet)
{
	uint8_t *to = sink->copy;

	if (packet->len > sink->copy_bytes)
		return;
	if (packet->piece_count == 1)
		vr_net_copy(to, packet->pieces->base, packet->pieces->len);
	for (uint32_t i = 0; packet->piece_count > 1 && i < packet->piece_count; i++) {
		vr_net_copy(to, packet->pieces[i].base, packet->pieces[i].len);
		to += packet->pieces[i].len;
	}
	/* Nobody reads the copy, and it has to be made all the same. */
	__asm__ volatile("" : : "r"(sink->copy) : "memory");
}

void vr_net_sink_take(struct vr_net_sink *sink, const struct vr_net_packet *packets,
		      unsigned int count)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < count; i++) {
		bytes += packets[i].len;
		if (sink->copy)
			copy_out(sink, &packets[i]);
		if (sink->interval && sink->packets == sink->next) {
			check(sink, &packets[i]);
			sink->next += sink->interval;
		}
		sink->packets++;
	}
	sink->bytes += bytes;
}
