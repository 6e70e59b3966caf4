// SPDX-License-Identifier: BSD-3-Clause
/*
 * The checks of a front end, with front ends of bytes: one that does everything right, and ones that
 * do one thing wrong each. The clause that it is about has to be FAIL, and the others must not.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "check/front_end.h"
#include "check/wire.h"
#include "lib/raw.h"

#define MEMORY 0x10000u
#define GUEST 0x100000u
#define USER 0x7f0000000000ull
#define SIZE 8u
#define REQUESTS 20u

#define AT_DRIVER 0x1000u
#define AT_DEVICE 0x2000u
#define AT_DATA 0x4000u
#define AT_TABLE 0x8000u

#define IN_ORDER (1ull << 35)
#define INDIRECT (1ull << 28)
#define VERSION (1ull << 32)
#define PACKED (1ull << 34)

enum fault {
	NONE,
	VERSION_2,
	REPLY_BIT,
	NEED_REPLY,
	LONG_PAYLOAD,
	FOREIGN_FEATURE,
	ORPHAN,
	NO_VERSION,
	UNGATED,
	UNKNOWN,
	SIZE_3,
	MISALIGNED,
	BASE_HIGH,
	ENABLE_5,
	ENABLE_EARLY,
	NO_ADDRESSES,
	RING_OF_NOBODY,
	OVERLAP,
	SHORT_FILE,
	DIRTY_FLAGS,
	FLAG_BIT,
	WRITABLE_FIRST,
	LOOP,
	LINK_OUTSIDE,
	HEAD_OUTSIDE,
	INDIRECT_NEXT,
	TABLE_OF_17,
	INDEX_BACK,
	AVAIL_FLAGS,
	OTHER_HEAD,
	OTHER_LINK,
	CHANGED,
	REUSED,
	NO_KICK,
	OUTSIDE,
	FLUSH_SECTOR,
	NO_STATUS,
	DATA_OF_511,
	BEYOND,
	STATUS_5,
	CRASH,
	HANG,
	PAUSE, /* no fault */
	LAPS, /* no fault, packed */
};

/**
 * struct fake - a front end of bytes
 * @fault: what it does wrong
 * @features: what it takes
 * @memory: what it shares
 * @base: where its ring starts
 */
struct fake {
	enum fault fault;
	uint64_t features;
	int sock;
	uint8_t *memory;
	int memory_fd;
	int kick;
	int call;
	struct raw raw;
	uint16_t avail;
	uint32_t base;
};

static void nap(void)
{
	const struct timespec time = { 0, 1000000 };

	nanosleep(&time, NULL);
}

/* In a process of its own, so it ends where a test would fail. */
static void must(bool good)
{
	if (!good)
		_exit(9);
}

static void dial(struct fake *f, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, path);
	f->sock = socket(AF_UNIX, SOCK_STREAM, 0);
	must(connect(f->sock, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static struct wire request(const struct fake *f, uint32_t id)
{
	uint32_t flags = WIRE_VERSION;

	if (id == 2 && f->fault == VERSION_2)
		flags = 2;
	if (id == 2 && f->fault == REPLY_BIT)
		flags |= WIRE_REPLY;
	if (id == 2 && f->fault == NEED_REPLY)
		flags |= WIRE_NEED_REPLY;
	return wire_message(id, flags, 0);
}

static void put(struct fake *f, struct wire *wire)
{
	wire_set_size(wire);
	/* Where the other side has closed, that is what the test is about. */
	if (!wire_send(f->sock, wire))
		_exit(0);
}

static void put_u64(struct fake *f, uint32_t id, uint64_t value)
{
	struct wire wire = request(f, id);

	wire_u64(&wire, value);
	if (id == 2 && f->fault == LONG_PAYLOAD)
		wire_u64(&wire, 0);
	put(f, &wire);
}

static void put_state(struct fake *f, uint32_t id, uint32_t index, uint32_t num)
{
	put_u64(f, id, index | (uint64_t)num << 32);
}

static void put_fd(struct fake *f, uint32_t id, int fd)
{
	struct wire wire = request(f, id);

	wire_u64(&wire, 0);
	wire.fds[0] = fd;
	wire.fd_count = 1;
	put(f, &wire);
}

static uint64_t ask(struct fake *f, uint32_t id)
{
	struct wire wire = request(f, id);
	uint8_t answer[20];

	put(f, &wire);
	must(recv(f->sock, answer, sizeof(answer), MSG_WAITALL) == sizeof(answer));
	return wire_get_u64(answer + 12);
}

static void negotiate(struct fake *f)
{
	struct wire owner = request(f, 3);
	uint64_t offer;

	put(f, &owner);
	offer = ask(f, 1);
	f->features = offer & (VERSION | IN_ORDER | INDIRECT);
	if (f->fault == LAPS)
		f->features = offer & (VERSION | PACKED);
	if (f->fault == NO_VERSION)
		f->features &= ~VERSION;
	if (f->fault == ORPHAN)
		f->features = offer & IN_ORDER;
	if (f->fault == ENABLE_EARLY)
		put_state(f, 18, 0, 1);
	put_u64(f, 2, f->features | (f->fault == FOREIGN_FEATURE ? 1ull << 24 : 0));
	if (f->fault == UNGATED)
		put_u64(f, 39, 1);
	if (f->fault == UNKNOWN)
		put_u64(f, 77, 1);
}

static void share(struct fake *f)
{
	uint32_t count = f->fault == OVERLAP ? 2 : 1;
	struct wire wire = request(f, 5);

	f->memory_fd = memfd_create("fake", MFD_CLOEXEC);
	must(ftruncate(f->memory_fd, MEMORY) == 0);
	f->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, f->memory_fd, 0);
	must(f->memory != MAP_FAILED);
	wire_u32(&wire, count);
	wire_u32(&wire, 0);
	for (uint32_t i = 0; i < count; i++) {
		wire_u64(&wire, GUEST + i * 0x1000);
		wire_u64(&wire, f->fault == SHORT_FILE ? 2 * MEMORY : MEMORY);
		wire_u64(&wire, USER + i * MEMORY);
		wire_u64(&wire, 0);
		wire.fds[i] = f->memory_fd;
	}
	wire.fd_count = count;
	put(f, &wire);
	f->raw = (struct raw){ SIZE, f->memory, f->memory + AT_DRIVER, f->memory + AT_DEVICE };
}

static void start(struct fake *f)
{
	uint32_t ring = f->fault == RING_OF_NOBODY ? 3 : 0;
	struct wire wire = request(f, 9);

	put_state(f, 8, ring, f->fault == SIZE_3 ? 3 : SIZE);
	put_state(f, 10, ring, f->fault == BASE_HIGH ? 0x10000 : f->base);
	wire_u32(&wire, ring);
	wire_u32(&wire, 0);
	wire_u64(&wire, f->fault == MISALIGNED ? USER + 8 : USER);
	wire_u64(&wire, USER + AT_DEVICE);
	wire_u64(&wire, USER + AT_DRIVER);
	wire_u64(&wire, 0);
	if (f->fault != NO_ADDRESSES)
		put(f, &wire);
	if (f->fault == ENABLE_5)
		put_state(f, 18, ring, 5);
	if (f->fault == DIRTY_FLAGS)
		put_le16(at_used_flags(&f->raw), 1);
	f->kick = eventfd(0, 0);
	f->call = eventfd(0, 0);
	put_fd(f, 13, f->call);
	put_fd(f, 12, f->kick);
	must(write(f->kick, &(uint64_t){ 1 }, 8) == 8);
}

/* Header, data, status: three descriptors in a row, whose data is read if it is there. */
static void place(struct fake *f, uint32_t slot, uint32_t type, uint32_t data)
{
	uint8_t *bytes = f->memory + AT_DATA + 0x800u * (slot / 4);
	uint64_t addr = GUEST + AT_DATA + 0x800u * (slot / 4);
	uint32_t second = data ? slot + 1 : slot + 2;
	struct raw_desc head = { addr, 16, RAW_NEXT, (uint16_t)second, 0 };
	struct raw_desc middle = { addr + 64, data, RAW_NEXT | RAW_WRITE, (uint16_t)(slot + 2), 0 };
	struct raw_desc tail = { addr + 32, 1, RAW_WRITE, 0, 0 };

	memset(bytes, 0, 16);
	put_le32(bytes, type);
	if (f->fault == FLUSH_SECTOR || f->fault == BEYOND)
		put_le64(bytes + 8, f->fault == BEYOND ? 1ull << 40 : 1);
	if (f->fault == FLAG_BIT)
		head.flags |= 0x100;
	if (f->fault == WRITABLE_FIRST)
		head.flags |= RAW_WRITE, tail.flags = 0;
	if (f->fault == LOOP)
		tail.flags |= RAW_NEXT, tail.next = (uint16_t)slot;
	if (f->fault == LINK_OUTSIDE)
		head.next = SIZE;
	if (f->fault == INDIRECT_NEXT)
		head.flags |= RAW_INDIRECT;
	if (f->fault == OUTSIDE)
		tail.addr = GUEST + MEMORY;
	if (f->fault == NO_STATUS)
		tail.flags = 0;
	put_split_desc(f->raw.descriptors, slot, head);
	if (data)
		put_split_desc(f->raw.descriptors, slot + 1, middle);
	put_split_desc(f->raw.descriptors, slot + 2, tail);
}

/* In order every descriptor has its turn, so a request has three that follow each other, or four. */
static void place_in_order(struct fake *f, uint32_t slot)
{
	uint32_t x = slot;

	place(f, slot, 0, 512);
	/* The fourth one of a group is taken, too: a status that is longer than one byte's place. */
	put_split_desc(f->raw.descriptors, x + 2,
		       (struct raw_desc){ GUEST + AT_DATA + 0x800u * (slot / 4) + 1024, 512,
					  RAW_NEXT | RAW_WRITE, (uint16_t)(x + 3), 0 });
	put_split_desc(f->raw.descriptors, x + 3,
		       (struct raw_desc){ GUEST + AT_DATA + 0x800u * (slot / 4) + 32, 1, RAW_WRITE,
					  0, 0 });
	if (f->fault == OTHER_LINK) {
		put_split_desc(f->raw.descriptors, x + 1,
			       (struct raw_desc){ GUEST + AT_DATA + 0x800u * (slot / 4) + 64, 512,
						  RAW_NEXT | RAW_WRITE, (uint16_t)(x + 3), 0 });
	}
}

static void table_of_17(struct fake *f, uint32_t slot)
{
	put_split_desc(f->raw.descriptors, slot,
		       (struct raw_desc){ GUEST + AT_TABLE, 17, RAW_INDIRECT, 0, 0 });
}

static void offer_one(struct fake *f, uint32_t slot)
{
	uint32_t head = slot;

	if (f->fault == HEAD_OUTSIDE)
		head = SIZE;
	if (f->fault == OTHER_HEAD && f->avail == 1)
		head = slot ^ 4;
	put_le16(at_avail_slot(&f->raw, f->avail), (uint16_t)head);
	f->avail = (uint16_t)(f->avail + (f->fault == INDEX_BACK && f->avail == 3 ? -9 : 1));
	if (f->fault == AVAIL_FLAGS)
		put_le16(at_avail_flags(&f->raw), 2);
	__atomic_store_n((uint16_t *)(void *)at_avail_idx(&f->raw), f->avail, __ATOMIC_SEQ_CST);
	if (f->fault != NO_KICK)
		must(write(f->kick, &(uint64_t){ 1 }, 8) == 8);
}

/* False: the device has closed the session. */
static bool wait_used(struct fake *f)
{
	while (__atomic_load_n((uint16_t *)(void *)at_used_idx(&f->raw), __ATOMIC_ACQUIRE) !=
	       f->avail) {
		struct pollfd fd = { .fd = f->sock, .events = POLLRDHUP };

		if (poll(&fd, 1, 0) > 0)
			return false;
		nap();
	}
	return true;
}

/* While a device holds a request: changes its descriptor, or uses that for another one. */
static void meddle(struct fake *f, uint32_t slot)
{
	if (f->fault == CHANGED)
		put_le32(f->raw.descriptors + 16 * (size_t)slot + 8, 17);
	if (f->fault == REUSED)
		offer_one(f, slot);
}

/* To go on where the device says. */
static void stop(struct fake *f)
{
	uint8_t reply[20];

	put_state(f, 11, 0, 0);
	must(recv(f->sock, reply, sizeof(reply), MSG_WAITALL) == sizeof(reply));
	f->base = le32(reply + 16);
	close(f->kick);
	close(f->call);
}

/* Stopped before its first buffer, a ring starts again at 0, with flags of its first life. */
static void pause_ring(struct fake *f)
{
	stop(f);
	put_le16(at_used_flags(&f->raw), 1);
	start(f);
}

/* A flush of three descriptors, from the position on; has it come back? */
static bool flush_packed(struct fake *f, uint32_t position)
{
	uint64_t addr = GUEST + AT_DATA;
	const uint8_t *flags = f->raw.descriptors + 16 * (size_t)(position % SIZE) + 14;
	bool wrap = position / SIZE % 2 == 0;
	struct pollfd fd = { .fd = f->sock, .events = POLLRDHUP };

	memset(f->memory + AT_DATA, 0, 64);
	put_le32(f->memory + AT_DATA, 4);
	/* From the back, so that the first one makes all of them available. */
	for (uint32_t i = 3; i--;) {
		struct raw_desc d = { addr + 8 * i, i < 2 ? 8 : 1, i < 2 ? RAW_NEXT : RAW_WRITE, 0,
				      0 };

		d.flags |= (position + i) / SIZE % 2 ? RAW_USED : RAW_AVAIL;
		put_packed_desc(f->raw.descriptors, (position + i) % SIZE, d);
	}
	must(write(f->kick, &(uint64_t){ 1 }, 8) == 8);
	while (!!(__atomic_load_n((const uint16_t *)(const void *)flags, __ATOMIC_ACQUIRE) &
		  RAW_USED) != wrap) {
		if (poll(&fd, 1, 0) > 0)
			return false;
		nap();
	}
	return true;
}

/*
 * Stops after three laps: at 0 with a wrap counter of 0, with nothing but AVAIL in a descriptor that was
 * in the middle of a list. So looks a fresh ring whose front end knows of no wrap counters.
 */
static int lap_front(struct fake *f)
{
	for (uint32_t i = 0; i < 16; i++) {
		if (i == 8) {
			stop(f);
			start(f);
			/* Answered after the start. */
			(void)ask(f, 1);
		}
		if (!flush_packed(f, 3 * i))
			return 7;
	}
	return 0;
}

static int fake_front(void *context, const struct front_job *job)
{
	struct fake f = { .fault = *(const enum fault *)context };
	uint32_t type = f.fault == DATA_OF_511 || f.fault == BEYOND ? 0 : 4;
	uint32_t data = f.fault == DATA_OF_511 ? 511 : f.fault == BEYOND ? 512 : 0;

	if (f.fault == CRASH)
		abort();
	dial(&f, job->path);
	negotiate(&f);
	share(&f);
	f.base = f.features & PACKED ? 0x80008000 : 0;
	start(&f);
	if (f.fault == LAPS)
		return lap_front(&f);
	if (f.fault == PAUSE)
		pause_ring(&f);
	if (f.fault == HANG)
		pause();
	for (uint32_t i = 0; i < REQUESTS; i++) {
		uint32_t slot = i % 2 * 4;

		if (f.features & IN_ORDER)
			place_in_order(&f, slot);
		else
			place(&f, slot, type, data);
		if (f.fault == TABLE_OF_17)
			table_of_17(&f, slot);
		offer_one(&f, slot);
		if (f.fault == CHANGED || f.fault == REUSED) {
			nap();
			meddle(&f, slot);
		}
		if (!wait_used(&f))
			return 0;
	}
	return f.fault == STATUS_5 ? 5 : 0;
}

/* ---- running the checks ---- */

struct outcome {
	struct check_results results;
	int status;
};

static struct outcome run_checks(enum fault fault, uint32_t form, const char *patterns,
				 bool hostile)
{
	static enum fault current;
	const struct front_start start_it = { .run = fake_front, .context = &current };
	struct front_options options = {
		.start = &start_it,
		.wait_ms = 3000,
		.watch_ms = fault == NO_KICK ? 5000 : 1500,
		.stall_ms = 1000,
		.disk_bytes = 65536,
	};
	char path[64];
	struct check_target target = { .path = path, .device = CHECK_BLK };
	struct check_plan plan = {
		.role = "front-end",
		.patterns = patterns,
		.hostile = hostile,
		.forms = form,
		.target = &target,
	};
	struct outcome outcome = { .results = { 0 } };

	current = fault;
	snprintf(path, sizeof(path), "/tmp/check-front-%d", (int)getpid());
	plan.lists = front_end_lists(&plan.list_count);
	outcome.status = front_end_all(&plan, &options, &outcome.results);
	return outcome;
}

static const struct check_result *find(const struct outcome *outcome, const char *name)
{
	for (uint32_t i = 0; i < outcome->results.count; i++)
		if (!strcmp(outcome->results.results[i].check->name, name))
			return &outcome->results.results[i];
	fail_msg("no result of %s", name);
	return NULL;
}

static void print_others(const struct outcome *outcome, const char *name)
{
	for (uint32_t i = 0; i < outcome->results.count; i++) {
		const struct check_result *result = &outcome->results.results[i];

		if (result->verdict == CHECK_FAIL || result->verdict == CHECK_LOST)
			print_message("%s: %s %s: %s\n", name, check_verdict_name(result->verdict),
				      result->check->name, result->seen ? result->seen : "");
	}
}

/* Does this fault, and nothing else, make the check fail? */
static void finds(enum fault fault, uint32_t form, const char *name)
{
	struct outcome outcome = run_checks(fault, form, "sees-*,works", false);
	const struct check_result *result = find(&outcome, name);

	if (result->verdict != CHECK_FAIL)
		print_others(&outcome, name);
	assert_int_equal(result->verdict, CHECK_FAIL);
	assert_non_null(result->seen);
	assert_non_null(result->expected);
	check_results_free(&outcome.results);
}

static void finds_nothing(enum fault fault, uint32_t form)
{
	struct outcome outcome = run_checks(fault, form, "sees-*,works", false);

	print_others(&outcome, "nothing wrong");
	assert_int_equal(outcome.results.verdicts[CHECK_FAIL], 0);
	assert_int_equal(outcome.results.verdicts[CHECK_LOST], 0);
	assert_true(outcome.results.verdicts[CHECK_PASS] > 40);
	check_results_free(&outcome.results);
}

static void test_sound(void **state)
{
	(void)state;
	finds_nothing(NONE, CHECK_SPLIT);
	finds_nothing(NONE, CHECK_SPLIT_IN_ORDER);
	finds_nothing(PAUSE, CHECK_SPLIT);
}

/* A front end that goes on says where; 0 is a position like any other. */
static void test_goes_on_at_0(void **state)
{
	struct outcome outcome = run_checks(LAPS, CHECK_PACKED, "works", false);
	const struct check_result *works = find(&outcome, "works");

	(void)state;
	if (works->verdict != CHECK_PASS)
		print_others(&outcome, "after three laps");
	assert_int_equal(works->verdict, CHECK_PASS);
	check_results_free(&outcome.results);
}

static void test_messages(void **state)
{
	static const struct {
		enum fault fault;
		const char *name;
	} cases[] = {
		{ VERSION_2, "sees-VU-HDR-002" },      { REPLY_BIT, "sees-VU-HDR-003" },
		{ NEED_REPLY, "sees-VU-HDR-004" },     { LONG_PAYLOAD, "sees-VU-HDR-005" },
		{ FOREIGN_FEATURE, "sees-VU-MSG-02" }, { FOREIGN_FEATURE, "sees-G-DRV-005" },
		{ NO_VERSION, "sees-F-DRV-001" },      { UNGATED, "sees-VU-PF-90" },
		{ UNKNOWN, "sees-VU-MSG-99" },	       { SIZE_3, "sees-VU-MSG-08" },
		{ MISALIGNED, "sees-S-DRV-001" },      { MISALIGNED, "sees-VU-MSG-09" },
		{ BASE_HIGH, "sees-VU-BASE-001" },     { ENABLE_5, "sees-VU-MSG-18" },
		{ NO_ADDRESSES, "sees-VU-RING-012" },  { RING_OF_NOBODY, "sees-VU-RING-016" },
		{ OVERLAP, "sees-VU-MEM-001" },	       { SHORT_FILE, "sees-VU-MEM-002" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		finds(cases[i].fault, CHECK_SPLIT, cases[i].name);
	finds(ORPHAN, CHECK_SPLIT_IN_ORDER, "sees-G-DRV-006");
}

static void test_rings(void **state)
{
	static const struct {
		enum fault fault;
		const char *name;
	} cases[] = {
		{ DIRTY_FLAGS, "sees-S-DRV-017" },    { FLAG_BIT, "sees-S-FMT-004" },
		{ WRITABLE_FIRST, "sees-S-DRV-002" }, { LOOP, "sees-G-DRV-018" },
		{ LINK_OUTSIDE, "sees-S-FMT-012" },   { HEAD_OUTSIDE, "sees-S-FMT-005" },
		{ INDIRECT_NEXT, "sees-S-DRV-008" },  { TABLE_OF_17, "sees-S-FMT-013" },
		{ INDEX_BACK, "sees-S-DRV-009" },     { AVAIL_FLAGS, "sees-S-DRV-010" },
		{ NO_KICK, "sees-S-DRV-020" },	      { OUTSIDE, "sees-VU-MEM-003" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		finds(cases[i].fault, CHECK_SPLIT, cases[i].name);
	finds(OTHER_HEAD, CHECK_SPLIT_IN_ORDER, "sees-IO-DRV-001");
	finds(OTHER_LINK, CHECK_SPLIT_IN_ORDER, "sees-IO-DRV-002");
}

static void test_requests(void **state)
{
	(void)state;
	finds(FLUSH_SECTOR, CHECK_SPLIT, "sees-BLK-DRV-003");
	finds(NO_STATUS, CHECK_SPLIT, "sees-BLK-DRV-001");
	finds(DATA_OF_511, CHECK_SPLIT, "sees-BLK-DRV-004");
	finds(BEYOND, CHECK_SPLIT, "sees-BLK-DRV-002");
}

/* What is wrong with a message, but clear, does not end the session. */
static void test_goes_on(void **state)
{
	struct outcome outcome = run_checks(ENABLE_EARLY, CHECK_SPLIT, "sees-*,works", false);

	(void)state;
	assert_int_equal(find(&outcome, "sees-VU-MSG-18")->verdict, CHECK_FAIL);
	assert_int_equal(find(&outcome, "works")->verdict, CHECK_PASS);
	check_results_free(&outcome.results);
}

/* What a front end says when it ends, and how it ends. */
static void test_ends(void **state)
{
	struct outcome outcome = run_checks(STATUS_5, CHECK_SPLIT, "works,calls-always", false);

	(void)state;
	assert_int_equal(find(&outcome, "works")->verdict, CHECK_FAIL);
	assert_non_null(strstr(find(&outcome, "works")->seen, "status 5"));
	assert_int_equal(find(&outcome, "calls-always")->verdict, CHECK_FAIL);
	check_results_free(&outcome.results);

	outcome = run_checks(CRASH, CHECK_SPLIT, "works", false);
	assert_int_equal(find(&outcome, "works")->verdict, CHECK_LOST);
	check_results_free(&outcome.results);

	outcome = run_checks(HANG, CHECK_SPLIT, "calls-always", false);
	assert_int_equal(find(&outcome, "calls-always")->verdict, CHECK_LOST);
	check_results_free(&outcome.results);
}

/* A buffer that is changed, or used again, while the device holds it. */
static void test_outstanding(void **state)
{
	struct outcome outcome;

	(void)state;
	outcome = run_checks(CHANGED, CHECK_SPLIT, "sees-*,uses-late", false);
	assert_int_equal(find(&outcome, "sees-G-DRV-018")->verdict, CHECK_FAIL);
	check_results_free(&outcome.results);
	outcome = run_checks(REUSED, CHECK_SPLIT, "sees-*,uses-late", false);
	assert_int_equal(find(&outcome, "sees-G-DRV-018")->verdict, CHECK_FAIL);
	check_results_free(&outcome.results);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),	cmocka_unit_test(test_messages),
		cmocka_unit_test(test_rings),	cmocka_unit_test(test_requests),
		cmocka_unit_test(test_ends),	cmocka_unit_test(test_outstanding),
		cmocka_unit_test(test_goes_on), cmocka_unit_test(test_goes_on_at_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
