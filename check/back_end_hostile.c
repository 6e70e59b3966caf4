// SPDX-License-Identifier: BSD-3-Clause
/*
 * Back end: messages that the specification forbids. The peer has to refuse them, by a failure or by
 * closing the connection, and to live on.
 */
#include <inttypes.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "back_end.h"
#include "traffic.h"

#define SIZE 64u
#define PAGE 4096u

static void begin(struct link *link, struct check_run *run, uint64_t protocol)
{
	uint64_t offered;

	link_open(link, run);
	link_offer(link, &offered);
	link_negotiate_protocol(link, offered, protocol);
}

static void must_refuse(struct link *link, struct wire *wire, const char *clause)
{
	if (!link_refuses(link, wire))
		check_fail(link->run, clause, "%s succeeded, or was ignored",
			   wire_name(wire_get_u32(wire->bytes)));
}

/* Each on a connection of its own: the first refusal may have ended it. */
static void versions(struct check_run *run)
{
	static const uint32_t versions[] = { 0, 2, 3 };

	for (uint32_t i = 0; i < 3; i++) {
		struct link link;
		struct wire wire = wire_message(VU_GET_FEATURES, versions[i], 0);
		struct wire reply;

		begin(&link, run, 0);
		if (link_try(&link, &wire) &&
		    link_take(&link, &reply, run->target->answer_ms) == LINK_MESSAGE)
			check_fail(run, "VU-HDR-002: messages of version 1 only",
				   "one of version %u was answered", versions[i]);
		link_close(&link);
	}
}

static void unknown(struct check_run *run)
{
	static const uint32_t ids[] = { 0, 46, 200, UINT32_MAX };

	for (uint32_t i = 0; i < 4; i++) {
		struct link link;
		struct wire wire = link_message(ids[i]);

		begin(&link, run, 0);
		must_refuse(&link, &wire, "VU-MSG-99: unknown requests are refused");
		link_close(&link);
	}
}

/* Only requests whose success would be harmless, with payloads that are too short or too long. */
static void wrong_sizes(struct check_run *run)
{
	static const uint32_t ids[] = { VU_SET_FEATURES,   VU_SET_VRING_NUM,	VU_SET_VRING_ADDR,
					VU_SET_VRING_BASE, VU_SET_VRING_ENABLE, VU_SET_MEM_TABLE,
					VU_SET_VRING_CALL, VU_GET_VRING_BASE };

	for (uint32_t i = 0; i < 8; i++) {
		for (int32_t more = -1; more <= 1; more += 2) {
			const uint32_t size =
				(uint32_t)((int32_t)wire_requests[ids[i] - 1].size + more);
			struct wire wire = link_message(ids[i]);
			struct link link;

			begin(&link, run, 0);
			for (uint32_t k = 0; k < size; k++)
				wire_bytes(&wire, "", 1);
			if (ids[i] == VU_GET_VRING_BASE)
				link.acks = false;
			if (!link_refuses(&link, &wire))
				check_fail(run,
					   "VU-HDR-005: the size has to be that of the payload",
					   "%s with %u bytes of payload succeeded",
					   wire_name(ids[i]), size);
			link_close(&link);
		}
	}
}

static void huge_sizes(struct check_run *run)
{
	static const uint32_t sizes[] = { 4097, 1u << 20, 0x7fffffff, 0xffffffff };

	for (uint32_t i = 0; i < 4; i++) {
		const struct wire wire = wire_message(VU_SET_FEATURES, WIRE_VERSION, sizes[i]);
		unsigned char junk[8192] = { 0 };
		struct wire reply;
		struct link link;

		begin(&link, run, 0);
		link_bytes(&link, wire.bytes, WIRE_HEADER);
		for (uint32_t k = 0; k < 8 && link_bytes(&link, junk, sizeof(junk)); k++)
			;
		/* It must not believe the number; reading on and on would be as bad as crashing. */
		if (link_take(&link, &reply, run->target->answer_ms) != LINK_CLOSED)
			check_fail(run,
				   "VU-HDR-005: a size beyond all payloads ends the connection",
				   "it is still open after a size of %u", sizes[i]);
		link_close(&link);
	}
}

static void half_a_header(struct check_run *run)
{
	for (uint32_t i = 1; i < WIRE_HEADER; i += 3) {
		const struct wire wire = link_message(VU_GET_FEATURES);
		struct link link;

		begin(&link, run, 0);
		link_bytes(&link, wire.bytes, i);
		link_close(&link);
	}
}

static void stray_fds(struct check_run *run)
{
	static const uint32_t ids[] = { VU_SET_FEATURES, VU_SET_VRING_NUM, VU_SET_VRING_BASE,
					VU_SET_OWNER };

	for (uint32_t i = 0; i < 4; i++) {
		struct wire wire = link_message(ids[i]);
		struct link link;
		uint64_t offered;

		link_open(&link, run);
		/* A file that does not matter. */
		for (wire.fd_count = 0; wire.fd_count < 8; wire.fd_count++)
			wire.fds[wire.fd_count] = link.sock;
		if (ids[i] != VU_SET_OWNER) {
			link_offer(&link, &offered);
			link_negotiate_protocol(&link, offered, 0);
			wire_u64(&wire, ids[i] == VU_SET_VRING_NUM ? 64ull << 32 : 0);
		}
		must_refuse(
			&link, &wire,
			"VU-HDR-008: descriptors that a request has no use for make it invalid");
		link_close(&link);
	}
}

static void features_unoffered(struct check_run *run)
{
	struct wire wire = link_message(VU_SET_FEATURES);
	struct link link;

	begin(&link, run, 0);
	wire_u64(&wire, run->target->features | 1ull << 63);
	must_refuse(&link, &wire, "VU-MSG-02: only features that are offered");
}

static void protocol_unoffered(struct check_run *run)
{
	struct wire wire = link_message(VU_SET_PROTOCOL_FEATURES);
	struct link link;
	uint64_t offered;

	if (!run->target->protocol)
		check_skip(run, "not offered: PROTOCOL_FEATURES");
	link_open(&link, run);
	link_offer(&link, &offered);
	wire_u64(&wire, offered | 1ull << 62);
	must_refuse(&link, &wire, "VU-MSG-16: only protocol features that are offered");
}

static void inband_alone(struct check_run *run)
{
	struct wire wire = link_message(VU_SET_PROTOCOL_FEATURES);
	struct link link;
	uint64_t offered;

	link_open(&link, run);
	link_offer(&link, &offered);
	wire_u64(&wire, PF_INBAND);
	must_refuse(&link, &wire,
		    "VU-INB-001: in-band notifications need BACKEND_REQ and REPLY_ACK");
}

static void state_refused(struct check_run *run, uint32_t request, uint32_t index, uint32_t num,
			  const char *clause)
{
	struct session *s = session_connect(run, 0, 0);
	struct wire wire = link_message(request);

	wire_u32(&wire, index);
	wire_u32(&wire, num);
	must_refuse(&s->link, &wire, clause);
	link_close(&s->link);
}

static void queue_sizes(struct check_run *run)
{
	state_refused(run, VU_SET_VRING_NUM, 0, 0, "VU-MSG-08: a ring has descriptors");
	state_refused(run, VU_SET_VRING_NUM, 0, 32769, "VU-MSG-08: a ring has 32768 at most");
	state_refused(run, VU_SET_VRING_NUM, 0, 0x10000, "VU-MSG-08: a ring has 32768 at most");
	if (!(run->form & CHECK_ANY_PACKED))
		state_refused(run, VU_SET_VRING_NUM, 0, 3,
			      "VU-MSG-08: the size of a split ring is a power of two");
}

static void queue_indexes(struct check_run *run)
{
	static const uint32_t ids[] = { VU_SET_VRING_NUM, VU_SET_VRING_BASE, VU_SET_VRING_ENABLE };
	static const uint32_t indexes[] = { 256, 0x10000, 0x80000000, UINT32_MAX };

	for (uint32_t i = 0; i < 3; i++)
		for (uint32_t k = 0; k < 4; k++)
			state_refused(run, ids[i], indexes[k], ids[i] == VU_SET_VRING_NUM ? 64 : 1,
				      "VU-MSG-08, VU-MSG-10, VU-MSG-18: a ring that there is");
}

static void get_base_index(struct check_run *run)
{
	struct session *s = session_connect(run, 0, 0);
	struct wire wire = link_message(VU_GET_VRING_BASE);

	wire_u32(&wire, 0x7fff0000);
	wire_u32(&wire, 0);
	/* The answer to it, if there is one, is an answer. */
	link_try(&s->link, &wire);
}

static void address_index(struct check_run *run)
{
	struct session *s = session_new(run, 0, 0);
	struct wire wire = link_message(VU_SET_VRING_ADDR);

	session_alloc(s, 4096, 4096);
	wire_u32(&wire, 0x10001);
	wire_u32(&wire, 0);
	for (uint32_t i = 0; i < 4; i++)
		wire_u64(&wire, SESSION_USER);
	must_refuse(&s->link, &wire, "VU-MSG-09: a ring that there is");
}

static void flag_and_fd(struct check_run *run)
{
	static const uint32_t ids[] = { VU_SET_VRING_CALL, VU_SET_VRING_ERR, VU_SET_VRING_KICK };
	struct session *s = session_connect(run, 0, 0);
	struct wire wire = link_message(ids[run->check->variant / 2]);

	wire_u64(&wire, run->check->variant % 2 ? VU_NO_FD : 0);
	if (run->check->variant % 2)
		wire.fds[wire.fd_count++] = s->link.sock;
	must_refuse(&s->link, &wire, "VU-FD-002: a descriptor, or bit 8 and none");
}

/* ---- memory ---- */

static void put_region(struct wire *wire, uint64_t guest, uint64_t size, uint64_t user,
		       uint64_t offset, int fd)
{
	wire_u64(wire, guest);
	wire_u64(wire, size);
	wire_u64(wire, user);
	wire_u64(wire, offset);
	if (wire->fd_count < WIRE_FDS)
		wire->fds[wire->fd_count++] = fd;
}

enum table {
	TABLE_NINE,
	TABLE_FEW_FDS,
	TABLE_MANY_FDS,
	TABLE_OVERLAP_GUEST,
	TABLE_OVERLAP_USER,
	TABLE_WRAPS,
	TABLE_OFFSET_WRAPS
};

static void fill_table(struct wire *wire, enum table which, int fd)
{
	const uint64_t big = 0xfffffffffffff000ull;
	const uint32_t count = which == TABLE_NINE ? 9 :
			       which == TABLE_OVERLAP_GUEST || which == TABLE_OVERLAP_USER ||
					       which == TABLE_FEW_FDS ?
						     2 :
						     1;

	wire_u32(wire, count);
	wire_u32(wire, 0);
	for (uint32_t i = 0; i < (count < 8 ? count : 8); i++)
		put_region(wire,
			   SESSION_GUEST +
				   (which == TABLE_OVERLAP_GUEST ? i * PAGE : i * 0x10000ull) +
				   (which == TABLE_WRAPS ? big - SESSION_GUEST : 0),
			   0x10000,
			   SESSION_USER + (which == TABLE_OVERLAP_USER ? i * PAGE : i * 0x10000ull),
			   which == TABLE_OFFSET_WRAPS ? big : 0, fd);
	if (which == TABLE_FEW_FDS)
		wire->fd_count = 1;
	if (which == TABLE_MANY_FDS)
		wire->fds[wire->fd_count++] = fd;
}

static void bad_table(struct check_run *run)
{
	struct session *s = session_connect(run, 0, 0);
	struct wire wire = link_message(VU_SET_MEM_TABLE);

	session_alloc(s, 64, 64);
	fill_table(&wire, (enum table)run->check->variant, s->memfd);
	must_refuse(&s->link, &wire, "VU-MSG-05, VU-MEM-001, VU-PAY-006: a table that makes sense");
}

static void slots_overlap(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_MEM_SLOTS);

	session_alloc(s, 64, 64);
	for (uint32_t i = 0; i < 2; i++) {
		struct wire wire = link_message(VU_ADD_MEM_REG);

		wire_u64(&wire, 0);
		put_region(&wire, SESSION_GUEST + i * PAGE, 0x10000, SESSION_USER + i * PAGE, 0,
			   s->memfd);
		if (!i)
			link_succeeds(&s->link, &wire);
		else
			must_refuse(&s->link, &wire, "VU-MEM-001: regions do not overlap");
	}
}

static void slot_unknown(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_MEM_SLOTS);
	struct wire wire = link_message(VU_REM_MEM_REG);

	wire_u64(&wire, 0);
	put_region(&wire, SESSION_GUEST, PAGE, SESSION_USER, 0, -1);
	wire.fd_count = 0;
	must_refuse(&s->link, &wire, "VU-MEM-009: a region that there is");
}

static void slot_without_fd(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_MEM_SLOTS);
	struct wire wire = link_message(VU_ADD_MEM_REG);

	session_alloc(s, 64, 64);
	wire_u64(&wire, 0);
	put_region(&wire, SESSION_GUEST, PAGE, SESSION_USER, 0, s->memfd);
	wire.fd_count = 0;
	must_refuse(&s->link, &wire, "VU-MSG-37: a region has one descriptor");
}

/* The file is smaller than the region: refused, or not touched behind the file's end. */
static void memory_short(struct check_run *run)
{
	struct session *s = session_connect(run, 0, 0);
	struct wire wire = link_message(VU_SET_MEM_TABLE);

	session_alloc(s, 64, 64);
	if (ftruncate(s->memfd, (off_t)PAGE))
		check_skip(run, "the memory cannot be shrunk");
	wire_u32(&wire, 1);
	wire_u32(&wire, 0);
	session_region(s, &wire);
	link_refuses(&s->link, &wire);
}

/* ---- log and record ---- */

static void log_wraps(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_LOG_SHMFD);
	struct wire wire = link_message(VU_SET_LOG_BASE);
	struct wire reply;

	session_alloc(s, 64, 64);
	wire_u64(&wire, 0xfffffffffffff000ull);
	wire_u64(&wire, 0x2000);
	wire.fds[wire.fd_count++] = s->memfd;
	/* It has a reply of its own, so only the next answer shows what became of it. */
	if (link_try(&s->link, &wire) &&
	    link_take(&s->link, &reply, run->target->answer_ms) == LINK_MESSAGE &&
	    reply.size >= WIRE_HEADER + 8 && !wire_get_u64(reply.bytes + WIRE_HEADER))
		check_fail(run, "B27: a log whose end wraps is refused", "it was accepted");
}

static void flight_absurd(struct check_run *run)
{
	static const uint16_t numbers[][2] = {
		{ 0xffff, 0xffff }, { 0, 64 }, { 1, 0 }, { 257, 1024 }
	};

	for (uint32_t i = 0; i < 4; i++) {
		struct session *s = session_connect(run, 0, PF_INFLIGHT_SHMFD);
		struct wire wire = link_message(VU_GET_INFLIGHT_FD);
		struct wire reply;

		wire_u64(&wire, 0);
		wire_u64(&wire, 0);
		wire_u16(&wire, numbers[i][0]);
		wire_u16(&wire, numbers[i][1]);
		wire_u32(&wire, 0);
		/* Refused or answered: what counts is that it lives (B39). */
		if (link_try(&s->link, &wire))
			link_take(&s->link, &reply, run->target->answer_ms);
		link_close(&s->link);
	}
}

static void flight_garbage(struct check_run *run)
{
	struct session *s = session_new(run, 0, PF_INFLIGHT_SHMFD);
	struct wire wire = link_message(VU_SET_INFLIGHT_FD);

	/* The memory is poison: no version that there is, no size that there is. */
	wire_u64(&wire, 0x8000);
	wire_u64(&wire, session_alloc(s, 0x8000, PAGE));
	wire_u16(&wire, 1);
	wire_u16(&wire, SIZE);
	wire_u32(&wire, 0);
	wire.fds[wire.fd_count++] = s->memfd;
	link_refuses(&s->link, &wire);
}

static void config_beyond(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_CONFIG);
	struct wire wire = link_message(VU_GET_CONFIG);
	unsigned char zero[256] = { 0 };
	struct wire reply;

	wire_u32(&wire, 0xffffff00);
	wire_u32(&wire, 256);
	wire_u32(&wire, 0);
	wire_bytes(&wire, zero, sizeof(zero));
	if (link_try(&s->link, &wire) &&
	    link_take(&s->link, &reply, run->target->answer_ms) == LINK_MESSAGE &&
	    reply.size > WIRE_HEADER + 12)
		check_fail(run, "VU-MSG-24: an empty payload for what is beyond the space",
			   "%u bytes came", reply.size - WIRE_HEADER);
}

/* ---- on a running ring ---- */

static struct wire kick_message(const struct queue *q)
{
	struct wire wire = link_message(VU_SET_VRING_KICK);

	wire_u64(&wire, q->index);
	wire.fds[wire.fd_count++] = q->kick;
	return wire;
}

/* Refused at once, or when the ring is to be started, or the ring rests. */
static void base_beyond(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct link *link = &t->session->link;
	struct wire base = link_message(VU_SET_VRING_BASE);
	struct wire address = queue_address(t->q, 0);
	struct wire kick = kick_message(t->q);

	wire_u32(&base, t->q->index);
	wire_u32(&base, 0x7fff7fff);
	traffic_begin_other(t);
	link_send_fd(link, VU_SET_VRING_CALL, t->q->index, t->q->call);
	link_send_state(link, VU_SET_VRING_NUM, t->q->index, SIZE);
	if (link_refuses(link, &base) || link_refuses(link, &address) || link_refuses(link, &kick))
		return;
	link_send_state(link, VU_SET_VRING_ENABLE, t->q->index, 1);
	session_ready(t->session);
	queue_kick(t->q);
	check_sleep_ms(50);
}

static void size_while_running(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	struct wire wire = link_message(VU_SET_VRING_NUM);

	wire_u32(&wire, t->q->index);
	wire_u32(&wire, 1024);
	if (link_refuses(&t->session->link, &wire))
		return;
	/* B16: with another size it may read behind the ring. */
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	check_sleep_ms(50);
}

static void memory_taken_away(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	struct wire wire = link_message(VU_SET_MEM_TABLE);

	wire_u32(&wire, 1);
	wire_u32(&wire, 0);
	put_region(&wire, SESSION_GUEST + (1ull << 32), SESSION_BYTES, SESSION_USER + (1ull << 32),
		   0, t->session->memfd);
	link_refuses(&t->session->link, &wire);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	check_sleep_ms(50);
}

static void address_outside(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct link *link = &t->session->link;
	struct wire address = queue_address(t->q, 0);
	struct wire kick = kick_message(t->q);
	const uint64_t at = run->check->variant ? SESSION_USER + SESSION_BYTES - 16 : 0x1000;

	memcpy(address.bytes + WIRE_HEADER + 8, &at, sizeof(at));
	link_send_state(link, VU_SET_VRING_NUM, t->q->index, SIZE);
	link_send_state(link, VU_SET_VRING_BASE, t->q->index, queue_base(t->q));
	link_send_fd(link, VU_SET_VRING_CALL, t->q->index, t->q->call);
	if (link_refuses(link, &address))
		return;
	/* It may be noticed now, or when it is used. */
	if (link_refuses(link, &kick))
		return;
	link_send_state(link, VU_SET_VRING_ENABLE, t->q->index, 1);
	queue_kick(t->q);
	check_sleep_ms(50);
}

static void memory_shrinks(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	traffic_fill(t, 8, traffic_least(t), DIRECT);
	/* All of it goes while the device works; we do not touch it any more. */
	queue_go(t->q);
	if (ftruncate(t->session->memfd, 0))
		check_skip(run, "the memory cannot be shrunk");
	run->describe = NULL;
	queue_kick(t->q);
	check_sleep_ms(50);
}

#define HOSTILE(label, ids, about, function) \
	.name = label, .clauses = ids, .text = about, .hostile = true, .run = function

static const struct check checks[] = {
	{ HOSTILE("version-wrong", "VU-HDR-002", "versions other than 1", versions) },
	{ HOSTILE("request-unknown", "VU-MSG-99", "requests that there are not", unknown) },
	{ HOSTILE("size-wrong", "VU-HDR-005", "payloads a byte too short or too long",
		  wrong_sizes) },
	{ HOSTILE("size-huge", "VU-HDR-005", "sizes beyond all payloads", huge_sizes) },
	{ HOSTILE("half-a-header", "VU-HDR-006", "connections that end within a header",
		  half_a_header) },
	{ HOSTILE("stray-descriptors", "VU-HDR-008",
		  "descriptors with requests that have none (B27)", stray_fds) },
	{ HOSTILE("features-unoffered", "VU-MSG-02", "features that are not offered",
		  features_unoffered) },
	{ HOSTILE("protocol-unoffered", "VU-MSG-16 VU-PF-90",
		  "protocol features that are not offered", protocol_unoffered) },
	{ HOSTILE("inband-alone", "VU-INB-001 VU-PF-14",
		  "in-band notifications without what they need", inband_alone),
	  .protocol = PF_INBAND },
	{ HOSTILE("queue-size", "VU-MSG-08", "sizes that a ring cannot have (B06, B16)",
		  queue_sizes),
	  .forms = CHECK_SPLIT | CHECK_PACKED },
	{ HOSTILE("queue-index", "VU-MSG-08 VU-MSG-10 VU-MSG-18",
		  "rings that there are not (B02, B27)", queue_indexes) },
	{ HOSTILE("queue-index-base", "VU-MSG-11", "GET_VRING_BASE of a ring that there is not",
		  get_base_index) },
	{ HOSTILE("queue-index-address", "VU-MSG-09", "SET_VRING_ADDR of a ring that there is not",
		  address_index) },
	{ HOSTILE("call-without-descriptor", "VU-FD-002 VU-MSG-13",
		  "SET_VRING_CALL without descriptor and bit 8", flag_and_fd) },
	{ HOSTILE("call-flag-and-descriptor", "VU-FD-002 VU-MSG-13", "SET_VRING_CALL with both",
		  flag_and_fd),
	  .variant = 1 },
	{ HOSTILE("err-without-descriptor", "VU-FD-002 VU-MSG-14",
		  "SET_VRING_ERR without descriptor and bit 8", flag_and_fd),
	  .variant = 2 },
	{ HOSTILE("err-flag-and-descriptor", "VU-FD-002 VU-MSG-14", "SET_VRING_ERR with both",
		  flag_and_fd),
	  .variant = 3 },
	{ HOSTILE("kick-without-descriptor", "VU-FD-002 VU-MSG-12",
		  "SET_VRING_KICK without descriptor and bit 8", flag_and_fd),
	  .variant = 4 },
	{ HOSTILE("kick-flag-and-descriptor", "VU-FD-002 VU-MSG-12", "SET_VRING_KICK with both",
		  flag_and_fd),
	  .variant = 5 },
	{ HOSTILE("table-of-nine", "VU-PAY-006 VU-MSG-05", "a memory table of nine regions",
		  bad_table),
	  .variant = TABLE_NINE },
	{ HOSTILE("table-few-descriptors", "VU-MSG-05", "a memory table with too few descriptors",
		  bad_table),
	  .variant = TABLE_FEW_FDS },
	{ HOSTILE("table-many-descriptors", "VU-MSG-05 VU-HDR-008",
		  "a memory table with too many descriptors", bad_table),
	  .variant = TABLE_MANY_FDS },
	{ HOSTILE("table-overlap-guest", "VU-MEM-001", "regions that overlap for the guest",
		  bad_table),
	  .variant = TABLE_OVERLAP_GUEST },
	{ HOSTILE("table-overlap-user", "VU-MEM-001", "regions that overlap for the front end",
		  bad_table),
	  .variant = TABLE_OVERLAP_USER },
	{ HOSTILE("table-wraps", "VU-MEM-006", "a region whose addresses wrap", bad_table),
	  .variant = TABLE_WRAPS },
	{ HOSTILE("table-offset-wraps", "VU-MEM-006", "a region whose offset and size wrap",
		  bad_table),
	  .variant = TABLE_OFFSET_WRAPS },
	{ HOSTILE("slots-overlap", "VU-MEM-001 VU-MSG-37", "ADD_MEM_REG of a region that overlaps",
		  slots_overlap),
	  .protocol = PF_MEM_SLOTS },
	{ HOSTILE("slot-unknown", "VU-MEM-009 VU-MSG-38",
		  "REM_MEM_REG of a region that there is not", slot_unknown),
	  .protocol = PF_MEM_SLOTS },
	{ HOSTILE("slot-without-descriptor", "VU-MSG-37", "ADD_MEM_REG without a descriptor",
		  slot_without_fd),
	  .protocol = PF_MEM_SLOTS },
	{ HOSTILE("memory-short", "VU-MEM-002", "a file that is smaller than its region (B32)",
		  memory_short),
	  .forms = CHECK_SPLIT },
	{ HOSTILE("memory-shrinks", "VU-MEM-006",
		  "the shared file is cut off under a running ring (B32, B36)", memory_shrinks),
	  .forms = CHECK_FORMS },
	{ HOSTILE("memory-taken-away", "VU-MEM-007",
		  "the memory of a running ring is taken away (B29)", memory_taken_away),
	  .forms = CHECK_FORMS },
	{ HOSTILE("address-outside", "VU-MSG-09 VU-MEM-006", "a ring outside of the memory",
		  address_outside),
	  .forms = CHECK_FORMS },
	{ HOSTILE("address-at-the-end", "VU-MSG-09 VU-MEM-006",
		  "a ring that begins inside and ends outside", address_outside),
	  .forms = CHECK_FORMS, .variant = 1 },
	{ HOSTILE("base-beyond", "VU-BASE-004", "a position beyond the end of the ring (B36)",
		  base_beyond),
	  .forms = CHECK_ANY_PACKED },
	{ HOSTILE("size-while-running", "VU-MSG-08", "another size for a running ring (B16)",
		  size_while_running),
	  .forms = CHECK_FORMS },
	{ HOSTILE("log-wraps", "VU-MSG-06", "a log whose offset and size wrap (B27)", log_wraps),
	  .protocol = PF_LOG_SHMFD },
	{ HOSTILE("in-flight-absurd", "VU-MSG-31", "records for no ring and for too many (B39)",
		  flight_absurd),
	  .protocol = PF_INFLIGHT_SHMFD },
	{ HOSTILE("in-flight-garbage", "VU-INF-003 VU-MSG-32", "a record of garbage (B31)",
		  flight_garbage),
	  .protocol = PF_INFLIGHT_SHMFD, .forms = CHECK_SPLIT | CHECK_PACKED },
	{ HOSTILE("config-beyond", "VU-MSG-24 VU-PAY-009", "configuration beyond its end",
		  config_beyond),
	  .protocol = PF_CONFIG },
};

const struct check_list back_end_hostile_checks = CHECK_LIST(checks);
