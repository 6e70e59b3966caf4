// SPDX-License-Identifier: BSD-3-Clause
/* Back end: what is particular to disks and network cards, and messages about the device. */
#include <inttypes.h>
#include <sys/socket.h>
#include <unistd.h>

#include "back_end.h"
#include "traffic.h"

#define SIZE 64u

#define BLK_F_RO (1ull << 5)
#define BLK_F_FLUSH (1ull << 9)
#define BLK_F_WRITE_ZEROES (1ull << 14)
#define NET_F_MTU (1ull << 3)
#define PF_RARP (1ull << 2)
#define PF_MTU (1ull << 4)

#define VU_SEND_RARP 19u
#define VU_NET_SET_MTU 20u

#define BLK_WRITE_ZEROES 13u

/* ---- disks ---- */

/* One request, given by hand: @data bytes that the device reads or writes. */
static uint8_t request(struct traffic *t, uint32_t type, uint64_t sector, uint32_t data, bool write,
		       uint64_t *where, uint32_t *used)
{
	struct session *s = t->session;
	const uint64_t at = session_alloc(s, 16 + data + 1, 16);
	const struct element elements[3] = {
		{ session_addr(at), 16, false },
		{ session_addr(at + 16), data, write },
		{ session_addr(at + 16 + data), 1, true },
	};
	const struct element *list = elements;

	memset(session_at(s, at), 0, 16);
	ring_store32(session_at(s, at), type);
	ring_store64(session_at(s, at) + 8, sector);
	if (*where)
		memcpy(session_at(s, at + 16), session_at(s, *where), data);
	*where = at + 16;
	if (!data) {
		static struct element two[2];

		two[0] = elements[0];
		two[1] = elements[2];
		list = two;
	}
	if (!queue_add(t->q, list, data ? 3 : 2, DIRECT, 0))
		check_skip(s->run, "the ring is full");
	queue_go(t->q);
	queue_wait(t->q);
	*used = t->q->done[0].len;
	queue_forget(t->q);
	return *(session_at(s, at + 16 + data));
}

static uint64_t capacity(struct traffic *t)
{
	struct wire wire = link_message(VU_GET_CONFIG);
	unsigned char zero[8] = { 0 };
	struct wire reply;

	if (!(t->session->protocol & PF_CONFIG))
		check_skip(t->session->run, "not offered: CONFIG");
	wire_u32(&wire, 0);
	wire_u32(&wire, 8);
	wire_u32(&wire, 0);
	wire_bytes(&wire, zero, 8);
	link_ask(&t->session->link, &wire, &reply, 20);
	return wire_get_u64(reply.bytes + WIRE_HEADER + 12);
}

static void config_read(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, PF_CONFIG, SIZE);
	const uint64_t sectors = capacity(t);

	if (!sectors)
		check_fail(run, "the disk's capacity", "0 sectors");
	if (capacity(t) != sectors)
		check_fail(run, "the same answer again", "another one");
}

static void blk_cuts(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	struct element whole[TRAFFIC_PIECES];

	/* The border of two pieces at each byte of header and data, and of data and status. */
	for (uint32_t cut = 1; cut < 16; cut++) {
		const uint32_t token = traffic_prepare(t, BLK_IN, 2, whole);
		const uint64_t at = whole[0].addr;
		const struct element elements[4] = {
			{ at, cut, false },
			{ at + cut, 16 - cut, false },
			{ at + 16, 513 - 3 * cut, true },
			{ at + 16 + 513 - 3 * cut, 3 * cut, true },
		};

		if (!queue_add(t->q, elements, 4, DIRECT, token))
			check_skip(run, "the ring is full");
		traffic_finish(t);
	}
}

static void blk_id(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	traffic_add_type(t, BLK_GET_ID, 3, DIRECT);
	traffic_add_type(t, BLK_GET_ID, 2, DIRECT);
	traffic_finish(t);
}

static void blk_flush(struct check_run *run)
{
	struct traffic *t = traffic_start(run, BLK_F_FLUSH, 0, SIZE);
	uint64_t where = 0;
	uint32_t used;

	if (request(t, BLK_FLUSH, 0, 0, false, &where, &used) != BLK_OK || used != 1)
		check_fail(run, "status 0, used length 1", "used length %u", used);
}

static void blk_unsupported(struct check_run *run)
{
	static const uint32_t types[] = { 2, 3, 5, 6, 7, 9, 10, 15, 17, 18, 20, 22, 24, 26, 0x1000 };
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		uint64_t where = 0;
		uint32_t used;
		const uint8_t status = request(t, types[i], 0, 512, true, &where, &used);

		if (status != BLK_UNSUPP)
			check_fail(run, "BLK-DEV-005: UNSUPP (2) for requests that there are not",
				   "type %u has status %u", types[i], status);
	}
}

static void blk_beyond(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, PF_CONFIG, SIZE);
	const uint64_t sectors = capacity(t);
	const uint64_t first[] = { sectors, sectors - 1, UINT64_MAX, UINT64_MAX / 512, 1ull << 55 };

	for (uint32_t i = 0; i < 5; i++) {
		uint64_t where = 0;
		uint32_t used;
		const uint8_t status =
			request(t, BLK_IN, first[i], i == 1 ? 1024 : 512, true, &where, &used);

		if (status != BLK_IOERR)
			check_fail(run, "BLK-DRV-002: IOERR (1) for what lies beyond the capacity",
				   "sector %" PRIu64 " of %" PRIu64 " has status %u", first[i],
				   sectors, status);
	}
}

static void blk_odd_length(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	uint64_t where = 0;
	uint32_t used;

	if (request(t, BLK_IN, 0, 511, true, &where, &used) == BLK_OK)
		check_fail(run, "BLK-DRV-004: no success for 511 bytes", "status 0");
}

static void blk_read_only(struct check_run *run)
{
	struct traffic *t = traffic_start(run, BLK_F_RO, 0, SIZE);
	uint64_t where = 0;
	uint32_t used;

	if (request(t, BLK_OUT, 0, 512, false, &where, &used) != BLK_IOERR || used != 1)
		check_fail(run, "BLK-DEV-001: IOERR for a write to a read-only disk",
			   "another status, used length %u", used);
}

/* With FLUSH a write need not wait for the disk, which takes seconds on a busy machine. */
static uint64_t lasting(const struct check_run *run)
{
	return run->target->features & BLK_F_FLUSH;
}

/* Writes other bytes to a sector, reads them back, and puts the old ones there again. */
static void blk_write(struct check_run *run)
{
	struct traffic *t = traffic_start(run, lasting(run), 0, SIZE);
	uint64_t old = 0, pattern, back = 0, again;
	uint32_t used;

	if (run->target->features & BLK_F_RO)
		check_skip(run, "the disk is read-only");
	if (request(t, BLK_IN, 3, 512, true, &old, &used) != BLK_OK)
		check_fail(run, "a sector", "it cannot be read");
	again = old;
	pattern = session_alloc(t->session, 512, 16);
	memset(session_at(t->session, pattern), 0x3c, 512);
	if (request(t, BLK_OUT, 3, 512, false, &pattern, &used) != BLK_OK || used != 1)
		check_fail(run, "BLK-DEV-006: status 0 and used length 1 for a write",
			   "another status, or used length %u", used);
	request(t, BLK_IN, 3, 512, true, &back, &used);
	request(t, BLK_OUT, 3, 512, false, &again, &used);
	if (memcmp(session_at(t->session, back), session_at(t->session, pattern), 512) != 0)
		check_fail(run, "what was written", "something else was read");
}

static void blk_write_zeroes(struct check_run *run)
{
	struct traffic *t = traffic_start(run, lasting(run) | BLK_F_WRITE_ZEROES, 0, SIZE);
	uint64_t old = 0, range, back = 0, again;
	uint32_t used;
	uint8_t status;

	if (run->target->features & BLK_F_RO)
		check_skip(run, "the disk is read-only");
	request(t, BLK_IN, 5, 512, true, &old, &used);
	again = old;
	range = session_alloc(t->session, 16, 16);
	memset(session_at(t->session, range), 0, 16);
	ring_store64(session_at(t->session, range), 5);
	ring_store32(session_at(t->session, range) + 8, 1);
	status = request(t, BLK_WRITE_ZEROES, 0, 16, false, &range, &used);
	request(t, BLK_IN, 5, 512, true, &back, &used);
	request(t, BLK_OUT, 5, 512, false, &again, &used);
	for (uint32_t i = 0; status == BLK_OK && i < 512; i++)
		if (session_at(t->session, back)[i])
			check_fail(run, "BLK-DEV-003: zeros", "byte %u is 0x%02x", i,
				   session_at(t->session, back)[i]);
	if (status != BLK_OK)
		check_fail(run, "status 0", "%u", status);
}

/* ---- network cards ---- */

/* Flags and types in a packet's header that were not negotiated. */
static void net_header_junk(struct check_run *run)
{
	struct traffic *t = traffic_start(run, lasting(run), 0, SIZE);
	struct element element;
	uint32_t token = traffic_prepare(t, 0, 1, &element);

	*session_at(t->session, t->requests[token].offset) = 0xf8;
	ring_store16(session_at(t->session, t->requests[token].offset) + 10, 0xffff);
	if (!queue_add(t->q, &element, 1, DIRECT, token))
		check_skip(run, "the ring is full");
	queue_go(t->q);
	queue_wait(t->q);
}

static void net_cuts(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	struct element whole;

	for (uint32_t cut = 1; cut < NET_HEADER + NET_FRAME; cut++) {
		const uint32_t token = traffic_prepare(t, 0, 1, &whole);
		const struct element elements[2] = {
			{ whole.addr, cut, false },
			{ whole.addr + cut, whole.len - cut, false },
		};

		if (!queue_add(t->q, elements, 2, DIRECT, token))
			check_skip(run, "the ring is full");
		traffic_finish(t);
	}
}

/* A receive ring gives nothing back by itself; what comes has a header that makes sense. */
static void net_receive(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	const double until = check_now() + 0.3;

	t->session->background = NULL;
	traffic_fill(t, 4, 1, DIRECT);
	queue_go(t->q);
	while (!queue_poll(t->rx) && check_now() < until)
		check_sleep_ms(1);
	if (!t->rx->done_count)
		check_skip(run, "the device has sent nothing");
	for (uint32_t i = 0; i < t->rx->done_count; i++) {
		const uint8_t *at = session_at(t->session, t->rx->done[i].token);
		const uint32_t len = t->rx->done[i].len;

		if (len < NET_HEADER + 14)
			check_fail(run, "a header and a frame", "%u bytes", len);
		if (at[0] & 1 || at[1])
			check_fail(
				run,
				"NET-DEV-007, NET-DEV-008: no checksum or segmentation is left to "
				"do",
				"flags 0x%x, gso_type 0x%x", at[0], at[1]);
		if (ring_load16(at + 10) != 1)
			check_fail(run, "NET-DEV-003: num_buffers 1 without MRG_RXBUF", "%u",
				   ring_load16(at + 10));
	}
}

static void net_disabled_drops(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	if (!(t->session->features & F_PROTOCOL_FEATURES))
		check_skip(run, "not offered: PROTOCOL_FEATURES");
	traffic_fill(t, 2, 1, DIRECT);
	traffic_finish(t);
	link_send_state(&t->session->link, VU_SET_VRING_ENABLE, t->q->index, 0);
	traffic_fill(t, 4, 1, DIRECT);
	traffic_finish(t);
}

static void net_mtu(struct check_run *run)
{
	static const uint64_t values[] = { 0, 67, 65536, UINT64_MAX };

	for (uint32_t i = 0; i < 4; i++) {
		struct session *s = session_connect(run, NET_F_MTU, PF_MTU);
		struct wire wire = link_message(VU_NET_SET_MTU);

		wire_u64(&wire, values[i]);
		if (!link_refuses(&s->link, &wire))
			check_fail(run, "VU-MSG-20: an MTU that cannot be is refused",
				   "%" PRIu64 " was taken", values[i]);
		link_close(&s->link);
	}
}

static void net_rarp(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_RARP);

	link_send_u64(&s->link, VU_SEND_RARP, 0x010000000002ull);
	if (!link_alive(&s->link))
		check_fail(run, "SEND_RARP is accepted", "the connection was closed");
}

/* ---- messages about the device ---- */

static void channel(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, PF_BACKEND_REQ, SIZE);

	for (uint32_t i = 0; i < 4; i++) {
		struct wire wire = link_message(VU_SET_BACKEND_REQ_FD);
		int socks[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
			check_skip(run, "no socket pair");
		wire.fds[wire.fd_count++] = socks[1];
		link_succeeds(&t->session->link, &wire);
		close(socks[1]);
		/* Its loss is not that of the session. */
		close(socks[0]);
	}
	traffic_begin(t);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	traffic_finish(t);
}

static void log_fd(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_LOG_SHMFD);
	struct wire wire = link_message(VU_SET_LOG_FD);
	int socks[2];

	if (pipe(socks))
		check_skip(run, "no pipe");
	wire.fds[wire.fd_count++] = socks[1];
	link_succeeds(&s->link, &wire);
}

/* Descriptors come with the first byte, whatever comes later. */
static void fds_with_first_byte(struct check_run *run)
{
	struct session *s = session_new(run, 0, 0);
	struct wire wire = link_message(VU_SET_VRING_CALL);
	struct wire first;
	int ends[2];

	if (pipe(ends))
		check_skip(run, "no pipe");
	wire_u64(&wire, 0);
	wire_set_size(&wire);
	first = wire;
	first.size = 1;
	first.fds[first.fd_count++] = ends[1];
	if (!wire_send(s->link.sock, &first))
		check_lost(run, "the connection was closed");
	check_sleep_ms(5);
	if (!link_bytes(&s->link, wire.bytes + 1, wire.size - 1) || !link_alive(&s->link))
		check_fail(run, "VU-HDR-007: the descriptors of a message come with its first byte",
			   "the connection was closed");
}

/* Without need_reply a failure can only be shown by closing the connection. */
static void failure_closes(struct check_run *run)
{
	struct session *s = session_connect(run, 0, 0);
	struct wire wire = link_message(VU_SET_VRING_NUM);

	wire_u32(&wire, 0);
	wire_u32(&wire, 0);
	s->link.acks = false;
	if (!link_refuses(&s->link, &wire))
		check_fail(
			run,
			"VU-ACK-004: a request that fails without need_reply ends the connection",
			"SET_VRING_NUM of 0 was sent, and the connection goes on");
}

/* What has been offered needs what it depends on. */
static void prerequisites(struct check_run *run)
{
	static const struct {
		enum check_device device;
		uint32_t bit;
		uint64_t any_of;
	} needs[] = {
		{ CHECK_NET, 7, 1ull << 1 },   { CHECK_NET, 8, 1ull << 1 },
		{ CHECK_NET, 9, 3ull << 7 },   { CHECK_NET, 10, 1ull << 1 },
		{ CHECK_NET, 11, 1ull << 0 },  { CHECK_NET, 12, 1ull << 0 },
		{ CHECK_NET, 13, 3ull << 11 }, { CHECK_NET, 14, 1ull << 0 },
		{ CHECK_NET, 18, 1ull << 17 }, { CHECK_NET, 19, 1ull << 17 },
		{ CHECK_NET, 21, 1ull << 17 }, { CHECK_NET, 22, 1ull << 17 },
		{ CHECK_NET, 23, 1ull << 17 }, { CHECK_NET, 60, 1ull << 17 },
	};

	for (uint32_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (run->target->device == needs[i].device &&
		    run->target->features >> needs[i].bit & 1 &&
		    !(run->target->features & needs[i].any_of))
			check_fail(run, "G-DEV-004: a feature is offered with what it needs",
				   "bit %u is offered, and none of 0x%" PRIx64, needs[i].bit,
				   needs[i].any_of);
}

#define BLK(label, ids, about, function) \
	.name = label, .clauses = ids, .text = about, .device = CHECK_BLK, .run = function
#define NET(label, ids, about, function) \
	.name = label, .clauses = ids, .text = about, .device = CHECK_NET, .run = function

static const struct check checks[] = {
	{ .name = "prerequisites",
	  .clauses = "G-DEV-004",
	  .text = "features come with what they depend on",
	  .run = prerequisites },
	{ .name = "channel",
	  .clauses = "VU-MSG-21 VU-BEC-001 VU-BEC-004 VU-PF-05",
	  .text = "the back end's own channel comes and goes",
	  .forms = CHECK_SPLIT,
	  .protocol = PF_BACKEND_REQ,
	  .run = channel },
	{ .name = "log-descriptor",
	  .clauses = "VU-MSG-07",
	  .text = "SET_LOG_FD is accepted",
	  .protocol = PF_LOG_SHMFD,
	  .run = log_fd },
	{ .name = "descriptors-first-byte",
	  .clauses = "VU-HDR-007",
	  .text = "descriptors come with the first byte of a message",
	  .run = fds_with_first_byte },
	{ .name = "failure-closes",
	  .clauses = "VU-ACK-004",
	  .text = "failures without need_reply end the connection",
	  .hostile = true,
	  .run = failure_closes },
	{ BLK("blk-config", "VU-MSG-24 VU-PF-09 VU-PAY-009", "the capacity is in the configuration",
	      config_read),
	  .forms = CHECK_SPLIT, .protocol = PF_CONFIG },
	{ BLK("blk-cuts", "BLK-DRV-001 S-DEV-001", "header, data and status are cut anywhere",
	      blk_cuts),
	  .forms = CHECK_FORMS },
	{ BLK("blk-id", "BLK-DRV-006", "GET_ID has 20 bytes", blk_id), .forms = CHECK_FORMS },
	{ BLK("blk-flush", "BLK-DRV-003 BLK-DEV-006", "FLUSH is done", blk_flush),
	  .forms = CHECK_FORMS, .features = BLK_F_FLUSH },
	{ BLK("blk-unsupported", "BLK-DEV-005 BLK-DEV-006",
	      "requests that there are not, zones too", blk_unsupported),
	  .forms = CHECK_FORMS },
	{ BLK("blk-read-only", "BLK-DEV-001", "a read-only disk is not written", blk_read_only),
	  .forms = CHECK_FORMS, .features = BLK_F_RO },
	{ BLK("blk-write", "BLK-DEV-006 BLK-DRV-004", "what is written is read back", blk_write),
	  .forms = CHECK_FORMS, .writes = true },
	{ BLK("blk-write-zeroes", "BLK-DEV-003 BLK-DRV-005", "WRITE_ZEROES leaves zeros",
	      blk_write_zeroes),
	  .forms = CHECK_FORMS, .features = BLK_F_WRITE_ZEROES, .writes = true },
	{ BLK("blk-beyond", "BLK-DRV-002", "reads beyond the capacity", blk_beyond),
	  .forms = CHECK_FORMS, .protocol = PF_CONFIG, .hostile = true },
	{ BLK("blk-odd-length", "BLK-DRV-004", "a read of 511 bytes", blk_odd_length),
	  .forms = CHECK_FORMS, .hostile = true },
	{ NET("net-cuts", "S-DEV-001 NET-DRV-001", "header and frame are cut anywhere", net_cuts),
	  .forms = CHECK_FORMS },
	{ NET("net-header-junk", "NET-DEV-009 NET-DEV-010", "unknown bits in a packet's header",
	      net_header_junk),
	  .forms = CHECK_FORMS },
	{ NET("net-receive", "NET-DEV-003 NET-DEV-002 NET-DEV-007 NET-DEV-008",
	      "headers of packets that are received", net_receive),
	  .forms = CHECK_FORMS },
	{ NET("net-disabled-drops", "VU-RING-003", "a disabled transmit ring drops packets",
	      net_disabled_drops),
	  .forms = CHECK_FORMS },
	{ NET("net-mtu", "VU-MSG-20 VU-PF-04", "impossible MTUs are refused", net_mtu),
	  .features = NET_F_MTU, .protocol = PF_MTU | PF_REPLY_ACK },
	{ NET("net-rarp", "VU-MSG-19 VU-PF-02", "SEND_RARP is accepted", net_rarp),
	  .protocol = PF_RARP },
};

const struct check_list back_end_device_checks = CHECK_LIST(checks);
