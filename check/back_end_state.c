// SPDX-License-Identifier: BSD-3-Clause
/* Back end: the life of rings: started, stopped, enabled, their position, their descriptors. */
#include <dirent.h>
#include <inttypes.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "back_end.h"
#include "traffic.h"

#define SIZE 64u
#define QUIET_MS 30u

/* Fails if the device takes a buffer. */
static void must_rest(struct traffic *t, const char *clause)
{
	check_sleep_ms(QUIET_MS);
	if (queue_poll(t->q))
		check_fail(t->session->run, clause, "%u buffers came back", t->q->done_count);
}

static void go_on(struct traffic *t, uint32_t count)
{
	traffic_fill(t, count, traffic_least(t), DIRECT);
	traffic_finish(t);
}

/* What GET_VRING_BASE says when everything was used. */
static void check_base(struct traffic *t, uint32_t base)
{
	const struct queue *q = t->q;
	const uint32_t expected = queue_base(q);
	/* DPDK leaves the upper half out; whether that is right is a check of its own. */
	const uint32_t mask = q->ring.packed && !(base >> 16) ? 0xffff : 0xffffffff;

	if ((base & mask) != (expected & mask))
		check_fail(t->session->run,
			   "VU-BASE-001, VU-BASE-003: the position behind the last buffer used",
			   "0x%08x, not 0x%08x", base, expected);
}

static void stop_and_go(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 12; i++) {
		go_on(t, 3 + i);
		check_base(t, queue_stop(t->q));
		queue_start(t->q);
	}
}

/* All the way round, so that the wrap counters have both values. */
static void base_after_wrap(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, 16);

	for (uint32_t i = 0; i < 20; i++) {
		go_on(t, 1 + i % 7);
		check_base(t, queue_stop(t->q));
		queue_start(t->q);
	}
}

static void base_both_halves(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	uint32_t base;

	go_on(t, 5);
	base = queue_stop(t->q);
	if (base != queue_base(t->q))
		check_fail(run, "VU-BASE-003, VU-BASE-005: both positions, equal when all was used",
			   "0x%08x, not 0x%08x", base, queue_base(t->q));
}

/* A fresh ring that is stopped at once: where it was told to begin. */
static void base_unused(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	check_base(t, queue_stop(t->q));
	queue_start(t->q);
	go_on(t, 3);
}

static void stopped_rests(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	go_on(t, 3);
	queue_stop(t->q);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	must_rest(t, "VU-RING-002: a stopped ring is not touched");
	/* What was made available meanwhile is waiting there. */
	queue_start(t->q);
	traffic_finish(t);
}

static void other_messages_while_stopped(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	go_on(t, 3);
	queue_stop(t->q);
	if (t->rx) {
		queue_poll(t->rx);
		queue_stop(t->rx);
	}
	queue_calls(t->q, 1);
	if (link_ask_u64(&t->session->link, VU_GET_FEATURES) != run->target->features)
		check_fail(run, "the features as before", "others");
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	must_rest(t, "VU-RING-011: a suspended device rests");
	if (queue_calls(t->q, 1))
		check_fail(run, "VU-RING-011: a suspended device notifies of nothing", "it did");
}

/* The ring was made, its buffers are there, and it was enabled: but it was not started. */
static void not_started_rests(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct link *link = &t->session->link;

	traffic_begin_other(t);
	queue_configure(t->q, queue_base(t->q));
	if (t->session->features & F_PROTOCOL_FEATURES)
		link_send_state(link, VU_SET_VRING_ENABLE, t->q->index, 1);
	session_ready(t->session);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	must_rest(t, "VU-RING-001: a ring is stopped until it gets its kick descriptor");
}

/* Buffers that are there before SET_VRING_KICK need no kick. */
static void starts_by_message(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);

	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_publish(t->q);
	traffic_begin(t);
	queue_wait(t->q);
	traffic_verify(t);
}

static void starts_by_kick(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);

	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	traffic_begin(t);
	queue_wait(t->q);
	traffic_verify(t);
}

static void not_enabled_rests(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);

	if (!(t->session->features & F_PROTOCOL_FEATURES))
		check_skip(run, "not offered: PROTOCOL_FEATURES");
	traffic_begin_other(t);
	queue_configure(t->q, queue_base(t->q));
	link_send_fd(&t->session->link, VU_SET_VRING_KICK, t->q->index, t->q->kick);
	session_ready(t->session);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	must_rest(t, "VU-RING-009: a ring is disabled until it is enabled");
	link_send_state(&t->session->link, VU_SET_VRING_ENABLE, t->q->index, 1);
	queue_wait(t->q);
	traffic_verify(t);
}

/* A front end of before there were protocol features. */
static void enabled_without_bit_30(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct wire set = link_message(VU_SET_FEATURES);

	t->session->features &= ~F_PROTOCOL_FEATURES;
	wire_u64(&set, t->session->features);
	link_succeeds(&t->session->link, &set);
	traffic_begin(t);
	go_on(t, 3);
}

static void polls_without_kick(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct link *link = &t->session->link;

	traffic_begin_other(t);
	queue_configure(t->q, queue_base(t->q));
	link_send_fd(link, VU_SET_VRING_KICK, t->q->index, -1);
	if (t->session->features & F_PROTOCOL_FEATURES)
		link_send_state(link, VU_SET_VRING_ENABLE, t->q->index, 1);
	session_ready(t->session);
	check_sleep_ms(20);
	for (uint32_t i = 0; i < 5; i++) {
		traffic_fill(t, 2, traffic_least(t), DIRECT);
		queue_publish(t->q);
		queue_wait(t->q);
		traffic_verify(t);
		queue_forget(t->q);
	}
}

static void no_call(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	link_send_fd(&t->session->link, VU_SET_VRING_CALL, t->q->index, -1);
	for (uint32_t i = 0; i < 5; i++)
		go_on(t, 4);
}

static int new_event(struct check_run *run, uint32_t value)
{
	const int fd = eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		check_skip(run, "no eventfd");
	return fd;
}

static void call_replaced(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 50; i++) {
		const int old = t->q->call;

		t->q->call = new_event(run, 0);
		link_send_fd(&t->session->link, VU_SET_VRING_CALL, t->q->index, t->q->call);
		close(old);
		queue_want_all(t->q);
		queue_calls(t->q, 0);
		go_on(t, 2);
		if (!queue_calls(t->q, 1000))
			check_fail(run, "VU-MSG-13: the new descriptor is signalled",
				   "nothing came on descriptor number %u", i + 1);
	}
}

static void kick_replaced(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 20; i++) {
		queue_stop(t->q);
		close(t->q->kick);
		t->q->kick = new_event(run, 0);
		queue_start(t->q);
		go_on(t, 2);
	}
}

/* A driver that never takes its notifications must not stop the device. */
static void call_full(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	const uint64_t most = UINT64_MAX - 1;

	traffic_begin(t);
	if (write(t->q->call, &most, sizeof(most)) < 0)
		queue_calls(t->q, 0);
	queue_want_all(t->q);
	for (uint32_t i = 0; i < 10; i++)
		go_on(t, 4);
}

static void kick_values(struct check_run *run)
{
	static const uint64_t values[] = { 1, 2, 255, 1ull << 32, 1ull << 62 };
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 5; i++) {
		traffic_fill(t, 2, traffic_least(t), DIRECT);
		queue_publish(t->q);
		if (write(t->q->kick, &values[i], 8) != 8)
			queue_kick(t->q);
		queue_wait(t->q);
		traffic_verify(t);
		queue_forget(t->q);
	}
}

/* The messages of a ring that do not depend on each other, in another order. */
static void other_order(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct queue *q = t->q;
	struct link *link = &t->session->link;
	struct wire address = queue_address(q, 0);

	traffic_begin_other(t);
	link_send_state(link, VU_SET_VRING_NUM, q->index, q->ring.size);
	link_succeeds(link, &address);
	link_send_state(link, VU_SET_VRING_BASE, q->index, queue_base(q));
	link_send_fd(link, VU_SET_VRING_ERR, q->index, q->err);
	if (t->session->features & F_PROTOCOL_FEATURES)
		link_send_state(link, VU_SET_VRING_ENABLE, q->index, 1);
	link_send_fd(link, VU_SET_VRING_KICK, q->index, q->kick);
	link_send_fd(link, VU_SET_VRING_CALL, q->index, q->call);
	session_ready(t->session);
	go_on(t, 3);
}

/* SET_VRING_ADDR again, as migration does for its log flag. */
static void address_again(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 10; i++) {
		struct wire address = queue_address(t->q, 0);

		go_on(t, 3);
		link_succeeds(&t->session->link, &address);
	}
}

static void features_again(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 10; i++) {
		go_on(t, 3);
		link_send_u64(&t->session->link, VU_SET_FEATURES, t->session->features);
	}
}

static void owner_reset(struct check_run *run)
{
	struct wire reset = link_message(VU_RESET_OWNER);
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	go_on(t, 3);
	queue_stop(t->q);
	link_send(&t->session->link, &reset);
	if (!link_alive(&t->session->link))
		check_fail(run, "VU-MSG-04: the connection is kept", "it was closed");
}

/* Before DRIVER_OK the device works on nothing. */
static void before_driver_ok(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, PF_STATUS, SIZE);

	traffic_begin_other(t);
	queue_start(t->q);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	must_rest(t, "G-DEV-001: before DRIVER_OK no buffer is taken");
	session_ready(t->session);
	queue_kick(t->q);
	queue_wait(t->q);
	traffic_verify(t);
}

static void status_reset(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, PF_STATUS, SIZE);
	uint64_t status;

	go_on(t, 3);
	status = link_ask_u64(&t->session->link, VU_GET_STATUS);
	if (status != 15)
		check_fail(run, "VU-MSG-40: the status that was set", "0x%" PRIx64, status);
	link_send_u64(&t->session->link, VU_SET_STATUS, 0);
	status = link_ask_u64(&t->session->link, VU_GET_STATUS);
	if (status)
		check_fail(run, "G-DEV-009: a reset leads to 0", "0x%" PRIx64, status);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	must_rest(t, "G-DEV-010: after a reset the device stays away from the rings");
}

static void device_reset(struct check_run *run)
{
	struct wire reset = link_message(VU_RESET_DEVICE);
	struct traffic *t = traffic_start(run, 0, PF_RESET_DEVICE, SIZE);

	go_on(t, 3);
	link_succeeds(&t->session->link, &reset);
	traffic_fill(t, 3, traffic_least(t), DIRECT);
	queue_go(t->q);
	must_rest(t, "VU-MSG-34: a reset disables all rings");
}

/* Sessions again and again; none may be worse than the one before. */
static void sessions_again(struct check_run *run)
{
	for (uint32_t i = 0; i < 15; i++) {
		struct traffic *t = traffic_start(run, 0, 0, SIZE);

		go_on(t, 3);
		if (i % 2)
			session_end(t->session);
		else
			link_close(&t->session->link);
	}
}

/* Descriptors of the peer, as /proc has them; -1 if it does not show them to us. */
static int count_fds(const struct link *link)
{
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", link_peer(link));
	dir = opendir(path);
	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void nothing_leaks(struct check_run *run)
{
	int before = -1;

	for (uint32_t i = 0; i < 12; i++) {
		struct traffic *t = traffic_start(run, 0, 0, SIZE);
		int now;

		go_on(t, 1);
		for (uint32_t k = 0; k < 8; k++) {
			link_send_fd(&t->session->link, VU_SET_VRING_CALL, t->q->index, t->q->call);
			link_send_fd(&t->session->link, VU_SET_VRING_ERR, t->q->index, t->q->err);
		}
		link_alive(&t->session->link);
		now = count_fds(&t->session->link);
		if (now < 0)
			check_skip(run, "the peer's descriptors are not visible in /proc");
		if (i == 3)
			before = now;
		if (i > 3 && now > before + 2)
			check_fail(run, "VU-FD-003, VU-REC-006: as many descriptors as before",
				   "%d after 4 sessions, %d after %u", before, now, i + 1);
		link_close(&t->session->link);
		check_sleep_ms(5);
	}
}

static void second_ring_goes_on(struct check_run *run)
{
	struct traffic *t;
	struct queue *other;

	if (run->target->device == CHECK_BLK && run->target->queues < 2)
		check_skip(run, "the device has one queue");
	t = traffic_make(run, 0, 0, SIZE);
	other = t->rx ? t->rx : queue_make(t->session, 1, SIZE);
	traffic_begin(t);
	if (!t->rx)
		queue_start(other);
	go_on(t, 3);
	t->session->background = NULL;
	queue_stop(other);
	for (uint32_t i = 0; i < 5; i++)
		go_on(t, 3);
}

static const struct check checks[] = {
	{ .name = "stop-and-go",
	  .clauses =
		  "VU-RING-005 VU-RING-007 VU-BASE-001 VU-BASE-003 VU-BASE-005 VU-BASE-007 VU-MSG-11 VU-RING-015",
	  .text = "a ring is stopped and goes on where it was",
	  .forms = CHECK_FORMS,
	  .run = stop_and_go },
	{ .name = "base-after-wrap",
	  .clauses = "VU-BASE-003 VU-BASE-001 VU-BASE-004",
	  .text = "positions on both sides of the ring's end",
	  .forms = CHECK_FORMS,
	  .run = base_after_wrap },
	{ .name = "base-both-halves",
	  .clauses = "VU-BASE-003 VU-BASE-005 VU-INT-001",
	  .text = "GET_VRING_BASE has the used position, too",
	  .forms = CHECK_ANY_PACKED,
	  .run = base_both_halves },
	{ .name = "base-unused",
	  .clauses = "VU-BASE-001 VU-BASE-003 VU-MSG-10",
	  .text = "a ring that was not used is where it began",
	  .forms = CHECK_FORMS,
	  .run = base_unused },
	{ .name = "stopped-rests",
	  .clauses = "VU-RING-002 VU-RING-007 VU-BASE-006",
	  .text = "a stopped ring is left alone; buffers wait for the next start",
	  .forms = CHECK_FORMS,
	  .run = stopped_rests },
	{ .name = "suspended",
	  .clauses = "VU-RING-011 VU-LOG-009",
	  .text = "with all rings stopped the device rests, and answers",
	  .forms = CHECK_FORMS,
	  .run = other_messages_while_stopped },
	{ .name = "not-started-rests",
	  .clauses = "VU-RING-001 VU-RING-002",
	  .text = "a ring that was not started is left alone",
	  .forms = CHECK_FORMS,
	  .run = not_started_rests },
	{ .name = "starts-by-message",
	  .clauses = "VU-RING-005 VU-INT-010 VU-RING-006",
	  .text = "SET_VRING_KICK starts a ring without a kick",
	  .forms = CHECK_FORMS,
	  .run = starts_by_message },
	{ .name = "starts-by-kick",
	  .clauses = "VU-RING-006 VU-RING-005",
	  .text = "a kick that was written before the start counts",
	  .forms = CHECK_FORMS,
	  .run = starts_by_kick },
	{ .name = "not-enabled-rests",
	  .clauses = "VU-RING-009 VU-MSG-18",
	  .text = "a disk's ring rests until it is enabled",
	  .device = CHECK_BLK,
	  .forms = CHECK_FORMS,
	  .run = not_enabled_rests },
	{ .name = "enabled-without-bit-30",
	  .clauses = "VU-RING-008 VU-FB-030 VU-PF-91",
	  .text = "without PROTOCOL_FEATURES rings are enabled at once",
	  .forms = CHECK_FORMS,
	  .run = enabled_without_bit_30 },
	{ .name = "polls-without-kick",
	  .clauses = "VU-FD-004 VU-FD-002",
	  .text = "a ring without a kick descriptor is polled",
	  .forms = CHECK_FORMS,
	  .run = polls_without_kick },
	{ .name = "no-call",
	  .clauses = "VU-FD-004 VU-INT-002",
	  .text = "a ring without a call descriptor works",
	  .forms = CHECK_FORMS,
	  .run = no_call },
	{ .name = "call-replaced",
	  .clauses = "VU-FD-003 VU-MSG-13 VU-RING-010",
	  .text = "another call descriptor takes over at once",
	  .forms = CHECK_FORMS,
	  .run = call_replaced },
	{ .name = "kick-replaced",
	  .clauses = "VU-FD-003 VU-MSG-12",
	  .text = "another kick descriptor with each start",
	  .forms = CHECK_FORMS,
	  .run = kick_replaced },
	{ .name = "call-full",
	  .clauses = "VU-FD-008",
	  .text = "notifications that nobody takes do not stop the device",
	  .forms = CHECK_SPLIT,
	  .run = call_full },
	{ .name = "kick-values",
	  .clauses = "VU-FD-001",
	  .text = "what is written to the kick descriptor does not count",
	  .forms = CHECK_SPLIT,
	  .run = kick_values },
	{ .name = "other-order",
	  .clauses = "VU-RING-014 VU-INT-004 VU-RING-012",
	  .text = "settings may come in another order",
	  .forms = CHECK_FORMS,
	  .run = other_order },
	{ .name = "address-again",
	  .clauses = "VU-MSG-09 VU-RING-010",
	  .text = "addresses may be sent again while the ring runs",
	  .forms = CHECK_FORMS,
	  .run = address_again },
	{ .name = "features-again",
	  .clauses = "VU-MSG-02 VU-RING-010",
	  .text = "features may be sent again while the ring runs",
	  .forms = CHECK_FORMS,
	  .run = features_again },
	{ .name = "owner-reset",
	  .clauses = "VU-MSG-04",
	  .text = "RESET_OWNER does not end the connection",
	  .forms = CHECK_SPLIT,
	  .run = owner_reset },
	{ .name = "before-driver-ok",
	  .clauses = "G-DEV-001",
	  .text = "no buffer is taken before DRIVER_OK",
	  .forms = CHECK_FORMS,
	  .protocol = PF_STATUS,
	  .run = before_driver_ok },
	{ .name = "status-reset",
	  .clauses = "G-DEV-009 G-DEV-010 VU-MSG-39 VU-MSG-40 VU-PF-16",
	  .text = "status 0 resets the device",
	  .forms = CHECK_FORMS,
	  .protocol = PF_STATUS,
	  .run = status_reset },
	{ .name = "device-reset",
	  .clauses = "VU-MSG-34 VU-PF-13",
	  .text = "RESET_DEVICE disables the rings",
	  .forms = CHECK_FORMS,
	  .protocol = PF_RESET_DEVICE,
	  .run = device_reset },
	{ .name = "sessions-again",
	  .clauses = "VU-REC-001 VU-MSG-03 VU-RING-001",
	  .text = "sessions one after the other, ended in both ways",
	  .forms = CHECK_FORMS,
	  .run = sessions_again },
	{ .name = "nothing-leaks",
	  .clauses = "VU-REC-006 VU-FD-003 VU-RING-015",
	  .text = "the peer has no more descriptors after many sessions",
	  .forms = CHECK_SPLIT | CHECK_PACKED,
	  .run = nothing_leaks },
	{ .name = "second-ring-goes-on",
	  .clauses = "VU-RING-013",
	  .text = "stopping one ring leaves the other running",
	  .forms = CHECK_FORMS,
	  .run = second_ring_goes_on },
};

const struct check_list back_end_state_checks = CHECK_LIST(checks);
