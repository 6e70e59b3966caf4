// SPDX-License-Identifier: BSD-3-Clause
/* Back end: headers, replies and the messages that need no ring. */
#include <inttypes.h>

#include "back_end.h"
#include "link.h"

/* A connection that has gone as far as the protocol features. */
static uint64_t begin(struct link *link, struct check_run *run, uint64_t protocol)
{
	uint64_t offered;

	link_open(link, run);
	link_offer(link, &offered);
	return link_negotiate_protocol(link, offered, protocol);
}

static void features_constant(struct check_run *run)
{
	uint64_t protocol, first, second;
	struct link link;

	link_open(&link, run);
	first = link_offer(&link, &protocol);
	second = link_ask_u64(&link, VU_GET_FEATURES);
	if (first != second)
		check_fail(run, "one answer for the whole connection",
			   "0x%" PRIx64 ", then 0x%" PRIx64, first, second);
}

static void version_1(struct check_run *run)
{
	if (!(run->target->features & F_VERSION_1))
		check_fail(run, "VERSION_1 (bit 32) is offered", "features 0x%" PRIx64,
			   run->target->features);
}

static void protocol_before_features(struct check_run *run)
{
	struct link link;

	if (!(run->target->features & F_PROTOCOL_FEATURES))
		check_skip(run, "not offered: PROTOCOL_FEATURES");
	link_open(&link, run);
	link_ask_u64(&link, VU_GET_PROTOCOL_FEATURES);
}

static void one_reply(struct check_run *run)
{
	struct wire ask = wire_message(VU_GET_FEATURES, WIRE_VERSION | WIRE_NEED_REPLY, 0);
	struct wire reply;
	struct link link;

	begin(&link, run, 0);
	link_ask(&link, &ask, &reply, 8);
	if (link_take(&link, &reply, 50) != LINK_SILENT)
		check_fail(run, "one reply to GET_FEATURES, need_reply or not",
			   "a second message came");
}

static void acknowledged(struct check_run *run)
{
	struct link link;

	begin(&link, run, 0);
	link_send_u64(&link, VU_SET_FEATURES, run->target->features & ~F_LOG_ALL);
}

static void silent_without_flag(struct check_run *run)
{
	struct wire set = link_message(VU_SET_FEATURES);
	struct wire reply;
	struct link link;

	begin(&link, run, 0);
	wire_u64(&set, run->target->features & ~F_LOG_ALL);
	link_send(&link, &set);
	if (link_take(&link, &reply, 50) == LINK_MESSAGE)
		check_fail(run, "no reply to SET_FEATURES without need_reply", "one came");
}

static void silent_without_feature(struct check_run *run)
{
	struct wire set = wire_message(VU_SET_FEATURES, WIRE_VERSION | WIRE_NEED_REPLY, 0);
	struct wire reply;
	struct link link;
	uint64_t protocol;

	link_open(&link, run);
	link_offer(&link, &protocol);
	wire_u64(&set, run->target->features & ~F_LOG_ALL);
	link_send(&link, &set);
	if (link_take(&link, &reply, 50) == LINK_MESSAGE)
		check_fail(run, "need_reply counts only if REPLY_ACK was negotiated",
			   "SET_FEATURES was answered without it");
}

static void byte_by_byte(struct check_run *run)
{
	struct wire ask = link_message(VU_GET_FEATURES);
	struct wire reply;
	struct link link;

	begin(&link, run, 0);
	for (uint32_t i = 0; i < ask.size; i++) {
		if (!link_bytes(&link, ask.bytes + i, 1))
			check_lost(run, "the connection was closed after %u bytes of a header", i);
		check_sleep_ms(1);
	}
	if (link_take(&link, &reply, run->target->answer_ms) != LINK_MESSAGE)
		check_fail(run, "a message that comes byte by byte is a message",
			   "GET_FEATURES was not answered");
}

static void several_at_once(struct check_run *run)
{
	struct wire two = link_message(VU_GET_FEATURES);
	struct wire reply;
	struct link link;

	begin(&link, run, 0);
	wire_bytes(&two, two.bytes, WIRE_HEADER);
	if (!link_bytes(&link, two.bytes, two.size))
		check_lost(run, "the connection was closed");
	for (int i = 0; i < 2; i++)
		if (link_take(&link, &reply, run->target->answer_ms) != LINK_MESSAGE)
			check_fail(run, "two requests in one segment have two replies",
				   "there were %d", i);
}

static void queue_num(struct check_run *run)
{
	struct link link;
	uint64_t num;

	begin(&link, run, PF_MQ);
	num = link_ask_u64(&link, VU_GET_QUEUE_NUM);
	if (!num || num > 65536)
		check_fail(run, "a number of queues", "GET_QUEUE_NUM says %" PRIu64, num);
}

static void connections_again(struct check_run *run)
{
	for (int i = 0; i < 20; i++) {
		struct link link;

		begin(&link, run, 0);
		link_ask_u64(&link, VU_GET_FEATURES);
		link_close(&link);
	}
}

static const struct check checks[] = {
	{ .name = "features-constant",
	  .clauses = "VU-MSG-01 VU-HDR-001 VU-HDR-003 VU-PAY-001",
	  .text = "GET_FEATURES has one answer, of 8 bytes",
	  .run = features_constant },
	{ .name = "version-1",
	  .clauses = "F-DEV-001",
	  .text = "VERSION_1 is offered",
	  .run = version_1 },
	{ .name = "protocol-before-features",
	  .clauses = "VU-MSG-15 VU-FB-030",
	  .text = "GET_PROTOCOL_FEATURES is answered as the first message",
	  .run = protocol_before_features },
	{ .name = "one-reply",
	  .clauses = "VU-ACK-003",
	  .text = "need_reply changes nothing where there is a reply",
	  .protocol = PF_REPLY_ACK,
	  .run = one_reply },
	{ .name = "acknowledged",
	  .clauses = "VU-ACK-002 VU-HDR-004 VU-PF-03",
	  .text = "need_reply is answered with 0",
	  .protocol = PF_REPLY_ACK,
	  .run = acknowledged },
	{ .name = "silent-without-flag",
	  .clauses = "VU-ACK-001",
	  .text = "requests without a reply of their own are silent",
	  .run = silent_without_flag },
	{ .name = "silent-without-reply-ack",
	  .clauses = "VU-HDR-004",
	  .text = "need_reply means nothing before REPLY_ACK is negotiated",
	  .run = silent_without_feature },
	{ .name = "byte-by-byte",
	  .clauses = "VU-HDR-006",
	  .text = "a header that comes byte by byte is put together",
	  .run = byte_by_byte },
	{ .name = "several-at-once",
	  .clauses = "VU-HDR-006",
	  .text = "two messages in one segment are two messages",
	  .run = several_at_once },
	{ .name = "queue-num",
	  .clauses = "VU-MSG-17 VU-PF-00",
	  .text = "GET_QUEUE_NUM is answered",
	  .protocol = PF_MQ,
	  .run = queue_num },
	{ .name = "connections-again",
	  .clauses = "VU-REC-001 VU-MSG-03",
	  .text = "each new connection starts the handshake afresh",
	  .run = connections_again },
};

const struct check_list back_end_message_checks = CHECK_LIST(checks);
