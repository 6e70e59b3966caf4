// SPDX-License-Identifier: BSD-3-Clause
/* Back end: memory regions, the dirty log, the record of buffers in flight. */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "back_end.h"
#include "traffic.h"

#define SIZE 64u
#define PAGE 4096u

static void go_on(struct traffic *t, uint32_t count)
{
	traffic_fill(t, count, traffic_least(t), DIRECT);
	traffic_finish(t);
}

static void table_again(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 10; i++) {
		go_on(t, 3);
		session_share(t->session);
	}
	go_on(t, 3);
}

static void put_region(struct wire *wire, uint64_t guest, uint64_t size, uint64_t user,
		       uint64_t offset)
{
	wire_u64(wire, guest);
	wire_u64(wire, size);
	wire_u64(wire, user);
	wire_u64(wire, offset);
}

/* The memory as two regions that touch; buffers lie across the border. */
static void share_in_two(struct session *s, uint64_t at, uint64_t second_user)
{
	struct wire wire = link_message(VU_SET_MEM_TABLE);

	wire_u32(&wire, 2);
	wire_u32(&wire, 0);
	put_region(&wire, SESSION_GUEST, at, SESSION_USER, 0);
	put_region(&wire, SESSION_GUEST + at, SESSION_BYTES - at, second_user, at);
	wire.fd_count = 2;
	wire.fds[0] = wire.fds[1] = s->memfd;
	link_succeeds(&s->link, &wire);
}

static void across_regions(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct element elements[TRAFFIC_PIECES];
	uint64_t border;
	uint32_t token;

	/* A page boundary behind everything else, in the middle of a request. */
	border = (t->session->used + 3 * PAGE) / PAGE * PAGE;
	session_alloc(t->session, border + PAGE - t->session->used, 1);
	t->pool = border - 30 - 16;
	/* The slot before the border ends 30 bytes behind it in its header or data. */
	share_in_two(t->session, border, SESSION_USER + border);
	traffic_begin(t);
	token = traffic_prepare(t, BLK_IN, traffic_least(t), elements);
	if (!queue_add(t->q, elements, traffic_least(t), DIRECT, token))
		check_skip(run, "the ring is full");
	traffic_finish(t);
}

static void more_regions(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	uint64_t half;

	half = t->pool = session_alloc(t->session, TRAFFIC_SLOTS * TRAFFIC_SLOT_BYTES, PAGE);
	/* Rings in one region, buffers in another that lies elsewhere in the front end's space. */
	share_in_two(t->session, half, SESSION_USER + (1ull << 40));
	traffic_begin(t);
	go_on(t, 5);
}

static struct wire region_message(uint32_t request, const struct session *s)
{
	struct wire wire = link_message(request);

	wire_u64(&wire, 0);
	session_region(s, &wire);
	if (request == VU_REM_MEM_REG)
		wire.fd_count = 0;
	return wire;
}

/* A session whose memory comes by ADD_MEM_REG. */
static struct session *by_slots(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_MEM_SLOTS);
	struct wire add;

	session_alloc(s, 64, 64);
	add = region_message(VU_ADD_MEM_REG, s);
	link_succeeds(&s->link, &add);
	return s;
}

static void slots(struct check_run *run)
{
	struct session *s = session_connect(run, 0, PF_MEM_SLOTS);
	const uint64_t count = link_ask_u64(&s->link, VU_GET_MAX_MEM_SLOTS);

	if (!count || count > 65536)
		check_fail(run, "a number of memory slots", "%" PRIu64, count);
}

static void add_and_remove(struct check_run *run)
{
	struct session *s = by_slots(run);

	for (uint32_t i = 0; i < 20; i++) {
		struct wire remove = region_message(VU_REM_MEM_REG, s);
		struct wire add = region_message(VU_ADD_MEM_REG, s);

		link_succeeds(&s->link, &remove);
		link_succeeds(&s->link, &add);
	}
}

/* Identity of a region is where it lies, not where it is in its file; a descriptor is tolerated. */
static void remove_loosely(struct check_run *run)
{
	struct session *s = by_slots(run);
	struct wire remove = link_message(VU_REM_MEM_REG);

	wire_u64(&remove, 0);
	put_region(&remove, SESSION_GUEST, SESSION_BYTES, SESSION_USER, 0x7000);
	if (run->check->variant) {
		remove.fds[0] = s->memfd;
		remove.fd_count = 1;
	}
	link_succeeds(&s->link, &remove);
}

/* ---- the dirty log ---- */

static uint8_t *log_on(struct session *s, int *fd)
{
	const uint64_t bytes = (SESSION_GUEST + SESSION_BYTES) / PAGE / 8;
	struct wire wire = link_message(VU_SET_LOG_BASE);
	struct wire reply;
	void *log;

	*fd = memfd_create("virtring-check-log", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, (off_t)(bytes + PAGE)))
		check_skip(s->run, "no memory for a log: %s", strerror(errno));
	log = mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (log == MAP_FAILED)
		check_skip(s->run, "no memory for a log: %s", strerror(errno));
	wire_u64(&wire, bytes);
	wire_u64(&wire, PAGE);
	wire.fds[wire.fd_count++] = *fd;
	/* DPDK answers without a payload. */
	link_ask(&s->link, &wire, &reply, UINT32_MAX);
	return (uint8_t *)log + PAGE;
}

static bool is_dirty(const uint8_t *log, uint64_t guest)
{
	const uint64_t page = guest / PAGE;

	return __atomic_load_n(&log[page / 8], __ATOMIC_ACQUIRE) >> page % 8 & 1;
}

static void log_answer(struct check_run *run)
{
	struct session *s = session_new(run, 0, PF_LOG_SHMFD);
	struct wire reply;
	int fd;

	session_alloc(s, 64, 64);
	log_on(s, &fd);
	if (link_take(&s->link, &reply, 50) == LINK_MESSAGE)
		check_fail(run, "VU-MSG-06: one reply to SET_LOG_BASE", "a second one came");
}

/* Pages of the log before @from, and after the memory, are of no concern to a device that writes. */
static void check_only_ours(struct traffic *t, const uint8_t *log)
{
	for (uint64_t i = 0; i < SESSION_GUEST / PAGE / 8; i++)
		if (log[i])
			check_fail(
				t->session->run,
				"VU-LOG-001: bit page %% 8 of byte page / 8, for pages that were "
				"written",
				"byte %" PRIu64 " of the log is 0x%02x, where no memory lies", i,
				log[i]);
}

static uint32_t count_dirty(const uint8_t *log)
{
	uint32_t count = 0;

	for (uint64_t at = 0; at < SESSION_GUEST + SESSION_BYTES; at += PAGE)
		count += is_dirty(log, at);
	return count;
}

static void log_writes(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, PF_LOG_SHMFD, SIZE);
	struct wire address = queue_address(t->q, 1);
	const uint64_t used = session_addr(t->q->area[2]);
	const uint64_t log_at = t->q->ring.packed ? session_addr(t->q->area[0]) : used;
	uint8_t *log;
	int fd;

	log = log_on(t->session, &fd);
	go_on(t, 2);
	if (is_dirty(log, used))
		check_fail(run, "VU-LOG-007: nothing is logged before LOG_ALL is set", "it is");
	memcpy(address.bytes + WIRE_HEADER + 32, &log_at, sizeof(log_at));
	/* In either order. */
	if (run->check->variant)
		link_succeeds(&t->session->link, &address);
	link_send_u64(&t->session->link, VU_SET_FEATURES, t->session->features | F_LOG_ALL);
	if (!run->check->variant)
		link_succeeds(&t->session->link, &address);
	go_on(t, 6);
	queue_stop(t->q);
	if (!is_dirty(log, log_at))
		check_fail(run, "VU-LOG-005: the page of the used entries is marked",
			   "page 0x%" PRIx64 " is not; %u pages are", log_at / PAGE,
			   count_dirty(log));
	if (!t->rx)
		for (uint32_t i = 2; i < 8; i++) {
			const struct request *r = &t->requests[i];
			const uint64_t status =
				session_addr(r->offset) + r->readable + r->writable - 1;

			if (!is_dirty(log, status))
				check_fail(run, "VU-LOG-004: each page that is written is marked",
					   "page 0x%" PRIx64 " is not", status / PAGE);
		}
	check_only_ours(t, log);
}

/* ---- in flight ---- */

#define FLIGHT_HEADER_SPLIT 16u
#define FLIGHT_HEADER_PACKED 32u

struct flight {
	uint64_t size;
	uint64_t offset;
	uint16_t queues;
	uint16_t entries;
	int fd;
	uint8_t *at;
};

static struct flight get_flight(struct session *s, uint16_t queues, uint16_t entries)
{
	struct wire wire = link_message(VU_GET_INFLIGHT_FD);
	struct flight f = { .queues = queues, .entries = entries };
	struct wire reply;
	void *map;

	wire_u64(&wire, 0);
	wire_u64(&wire, 0);
	wire_u16(&wire, queues);
	wire_u16(&wire, entries);
	wire_u32(&wire, 0);
	link_ask(&s->link, &wire, &reply, 24);
	if (reply.fd_count != 1)
		check_fail(s->run, "VU-MSG-31: the reply brings one descriptor", "%u",
			   reply.fd_count);
	f.fd = reply.fds[0];
	f.size = wire_get_u64(reply.bytes + WIRE_HEADER);
	f.offset = wire_get_u64(reply.bytes + WIRE_HEADER + 8);
	map = mmap(NULL, f.size, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, (off_t)f.offset);
	if (map == MAP_FAILED)
		check_fail(s->run, "VU-MSG-31: memory of the size and at the offset that it says",
			   "size %" PRIu64 ", offset %" PRIu64 ": %s", f.size, f.offset,
			   strerror(errno));
	f.at = map;
	return f;
}

static void set_flight(struct session *s, const struct flight *f)
{
	struct wire wire = link_message(VU_SET_INFLIGHT_FD);

	wire_u64(&wire, f->size);
	wire_u64(&wire, f->offset);
	wire_u16(&wire, f->queues);
	wire_u16(&wire, f->entries);
	wire_u32(&wire, 0);
	wire.fds[wire.fd_count++] = f->fd;
	link_succeeds(&s->link, &wire);
}

static void flight_memory(struct check_run *run)
{
	struct session *s = session_new(run, 0, PF_INFLIGHT_SHMFD);
	const bool packed = s->features & F_RING_PACKED;
	const uint64_t least = packed ? FLIGHT_HEADER_PACKED + 32 * SIZE :
					FLIGHT_HEADER_SPLIT + 16 * SIZE;
	const struct flight f = get_flight(s, 1, SIZE);

	if (f.size < least)
		check_fail(run, "room for the record of the ring",
			   "%" PRIu64 " bytes; it takes %" PRIu64, f.size, least);
	for (uint64_t i = 0; i < f.size; i++)
		if (f.at[i])
			check_fail(run, "VU-MSG-31: fresh memory is zero",
				   "byte %" PRIu64 " is 0x%02x", i, f.at[i]);
}

static void flight_record(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, PF_INFLIGHT_SHMFD, SIZE);
	const bool packed = t->q->ring.packed;
	/* The record of a net device's second ring lies behind that of the first. */
	const struct flight f = get_flight(t->session, t->rx ? 2 : 1, SIZE);
	const uint8_t *at = f.at;
	uint32_t left = 0;

	set_flight(t->session, &f);
	traffic_begin(t);
	go_on(t, 20);
	/* Whether all is written down when used.idx is seen is not said; it is when it is quiet. */
	check_sleep_ms(5);
	if (t->rx)
		at += ((packed ? FLIGHT_HEADER_PACKED + 32 * SIZE :
				 FLIGHT_HEADER_SPLIT + 16 * SIZE) +
		       63) /
		      64 * 64;
	if (ring_load16(at + 8) != 1 || ring_load16(at + 10) != SIZE)
		check_fail(run, "VU-INF-003: version 1 and the size of the ring in the record",
			   "version %u, size %u", ring_load16(at + 8), ring_load16(at + 10));
	for (uint32_t i = 0; i < SIZE; i++)
		left += packed ? at[FLIGHT_HEADER_PACKED + 32 * i] :
				 at[FLIGHT_HEADER_SPLIT + 16 * i];
	if (left)
		check_fail(run, "nothing is in flight when everything has come back",
			   "%u buffers are recorded", left);
	if (!packed && ring_load16(at + 14) != t->q->used_idx)
		check_fail(run, "VU-INF-S03: used_idx of the record is that of the ring",
			   "%u, not %u", ring_load16(at + 14), t->q->used_idx);
}

/* A back end that died with buffers in flight is followed by one that finishes them, once. */
static void flight_resubmitted(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, PF_INFLIGHT_SHMFD, SIZE);
	const struct flight f = get_flight(t->session, t->rx ? 2 : 1, SIZE);
	uint8_t *at = f.at;

	if (t->rx)
		at += (FLIGHT_HEADER_SPLIT + 16 * SIZE + 63) / 64 * 64;
	/* As if three had been taken and not finished; the fourth was not taken. */
	traffic_fill(t, 4, traffic_least(t), DIRECT);
	queue_publish(t->q);
	ring_store16(at + 8, 1);
	ring_store16(at + 10, SIZE);
	for (uint32_t i = 0; i < 3; i++) {
		uint8_t *entry = at + FLIGHT_HEADER_SPLIT + 16 * (size_t)t->q->order[i].id;

		entry[0] = 1;
		ring_store64(entry + 8, i + 1);
	}
	set_flight(t->session, &f);
	traffic_begin(t);
	queue_kick(t->q);
	queue_wait(t->q);
	traffic_verify(t);
	queue_forget(t->q);
	go_on(t, 5);
}

static const struct check checks[] = {
	{ .name = "table-again",
	  .clauses = "VU-MSG-05 VU-MEM-007 VU-RING-010",
	  .text = "the memory table is replaced while rings run",
	  .forms = CHECK_FORMS,
	  .run = table_again },
	{ .name = "across-regions",
	  .clauses = "VU-MEM-005 VU-MEM-002 VU-MEM-003",
	  .text = "a buffer lies in two regions that touch",
	  .forms = CHECK_FORMS,
	  .run = across_regions },
	{ .name = "more-regions",
	  .clauses = "VU-MEM-003 VU-MEM-008 VU-PAY-005 VU-PAY-006 VU-PAY-004",
	  .text = "rings by user addresses, buffers by guest addresses",
	  .forms = CHECK_FORMS,
	  .run = more_regions },
	{ .name = "memory-slots",
	  .clauses = "VU-MSG-36 VU-PF-15",
	  .text = "GET_MAX_MEM_SLOTS is answered",
	  .protocol = PF_MEM_SLOTS,
	  .run = slots },
	{ .name = "add-and-remove",
	  .clauses = "VU-MSG-37 VU-MSG-38",
	  .text = "regions come and go one by one",
	  .protocol = PF_MEM_SLOTS,
	  .run = add_and_remove },
	{ .name = "remove-other-offset",
	  .clauses = "VU-MEM-009 VU-MSG-38",
	  .text = "a region is removed by its addresses, whatever its offset",
	  .protocol = PF_MEM_SLOTS,
	  .run = remove_loosely },
	{ .name = "remove-with-descriptor",
	  .clauses = "VU-INT-009 VU-MSG-38",
	  .text = "REM_MEM_REG may bring a descriptor",
	  .protocol = PF_MEM_SLOTS,
	  .variant = 1,
	  .run = remove_loosely },
	{ .name = "log-answer",
	  .clauses = "VU-MSG-06 VU-PF-01 VU-PAY-007 VU-INT-005",
	  .text = "SET_LOG_BASE is answered once",
	  .protocol = PF_LOG_SHMFD,
	  .run = log_answer },
	{ .name = "log-writes",
	  .clauses =
		  "VU-LOG-001 VU-LOG-002 VU-LOG-004 VU-LOG-005 VU-LOG-006 VU-LOG-007 VU-FB-026 VU-LOG-010",
	  .text = "what the device writes is marked in the log",
	  .forms = CHECK_FORMS,
	  .features = F_LOG_ALL,
	  .protocol = PF_LOG_SHMFD,
	  .run = log_writes },
	{ .name = "log-address-first",
	  .clauses = "VU-LOG-007",
	  .text = "likewise when the addresses are sent before LOG_ALL is set",
	  .forms = CHECK_FORMS,
	  .features = F_LOG_ALL,
	  .protocol = PF_LOG_SHMFD,
	  .variant = 1,
	  .run = log_writes },
	{ .name = "in-flight-memory",
	  .clauses = "VU-MSG-31 VU-PAY-011 VU-PF-12 VU-INF-001 VU-INF-002",
	  .text = "memory for the record of buffers in flight",
	  .forms = CHECK_FORMS,
	  .protocol = PF_INFLIGHT_SHMFD,
	  .run = flight_memory },
	{ .name = "in-flight-record",
	  .clauses = "VU-INF-003 VU-MSG-32 VU-INF-S01 VU-INF-S03 VU-INF-P01",
	  .text = "the record is kept",
	  .forms = CHECK_SPLIT | CHECK_PACKED,
	  .protocol = PF_INFLIGHT_SHMFD,
	  .run = flight_record },
	{ .name = "in-flight-resubmitted",
	  .clauses = "VU-INF-S05 VU-INF-S06 VU-INF-005 VU-REC-007 VU-MSG-32",
	  .text = "what was in flight is done again after a restart",
	  .forms = CHECK_SPLIT,
	  .protocol = PF_INFLIGHT_SHMFD,
	  .run = flight_resubmitted },
};

const struct check_list back_end_memory_checks = CHECK_LIST(checks);
