// SPDX-License-Identifier: BSD-3-Clause
/* Back end: notifications of used and of available buffers, wanted and unwanted. */
#include "back_end.h"
#include "traffic.h"

#define SIZE 64u

/* How long we look for a notification that is not owed. One that is may take as long as an answer. */
#define SILENT_MS 20u

/* Sends @count buffers and waits for them without touching what the driver wants. */
static void batch(struct traffic *t, uint32_t count, uint32_t pieces)
{
	traffic_fill(t, count, pieces, DIRECT);
	queue_go(t->q);
	queue_wait(t->q);
	traffic_verify(t);
	queue_forget(t->q);
}

static void must_call(struct traffic *t, const char *clause, const char *when)
{
	const uint32_t owed_ms = t->session->run->target->answer_ms;

	if (!queue_calls(t->q, owed_ms))
		check_fail(t->session->run, clause, "no notification within %u ms: %s", owed_ms,
			   when);
}

static void must_not_call(struct traffic *t, const char *clause, const char *when)
{
	if (queue_calls(t->q, SILENT_MS))
		check_fail(t->session->run, clause, "a notification came: %s", when);
}

static void wanted(struct check_run *run)
{
	struct traffic *t = traffic_start(run, run->check->features, 0, SIZE);

	queue_calls(t->q, SILENT_MS);
	for (uint32_t i = 0; i < 10; i++) {
		queue_want_all(t->q);
		batch(t, 1 + i, traffic_least(t));
		must_call(t,
			  "a notification once buffers were used that the driver wants to know "
			  "of",
			  "notifications are on");
		/* It may have sent more than one; none of them is of the next round. */
		queue_calls(t->q, 2);
	}
}

/*
 * A session with one notification behind it: a device that has just been started may not know what it
 * has notified of before, and then says so once too often (a check of its own).
 */
static struct traffic *after_the_first(struct check_run *run, uint64_t features, uint32_t size)
{
	struct traffic *t = traffic_start(run, features, 0, size);

	queue_want_all(t->q);
	batch(t, 1, traffic_least(t));
	queue_calls(t->q, run->target->answer_ms);
	return t;
}

static void unwanted_at_start(struct check_run *run)
{
	struct traffic *t = traffic_make(run, F_EVENT_IDX, 0, SIZE);

	queue_want_none(t->q);
	traffic_begin(t);
	queue_calls(t->q, SILENT_MS);
	batch(t, 1, traffic_least(t));
	must_not_call(t, "silence: the driver has said that it wants no notifications",
		      "the first buffer after the start");
}

static void unwanted(struct check_run *run)
{
	struct traffic *t = after_the_first(run, run->check->features, SIZE);

	queue_want_none(t->q);
	for (uint32_t i = 0; i < 5; i++) {
		batch(t, 1 + 2 * i, traffic_least(t));
		must_not_call(t, "silence: the driver has said that it wants no notifications",
			      "notifications are off");
	}
}

/* Without EVENT_IDX used_event is no word of the ring. */
static void used_event_ignored(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	queue_calls(t->q, SILENT_MS);
	queue_want_all(t->q);
	for (uint32_t i = 0; i < 5; i++) {
		ring_store16(at_used_event(&t->q->ring), (uint16_t)(0x4000 + 77 * i));
		batch(t, 2, traffic_least(t));
		must_call(t, "S-DEV-008: used_event does not count without EVENT_IDX",
			  "flags are 0 and used_event is far away");
	}
}

/* With EVENT_IDX the flag is no word of the driver's. */
static void flag_ignored(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_EVENT_IDX, 0, SIZE);

	queue_calls(t->q, SILENT_MS);
	for (uint32_t i = 0; i < 5; i++) {
		ring_store16(at_avail_flags(&t->q->ring), RING_NO_INTERRUPT);
		queue_want_all(t->q);
		batch(t, 2, traffic_least(t));
		must_call(t, "S-DEV-011: avail.flags does not count with EVENT_IDX",
			  "avail.flags is 1 and used_event was reached");
	}
}

/*
 * An event index at each place of a batch has to lead to a notification, whether the device uses the
 * buffers one by one or all with one entry.
 */
static void event_in_batch(struct check_run *run)
{
	const uint32_t size = run->form & CHECK_ANY_PACKED ? 50 : SIZE;
	struct traffic *t = traffic_start(run, F_EVENT_IDX, 0, size);
	const uint32_t each = traffic_least(t);

	queue_calls(t->q, SILENT_MS);
	for (uint32_t at = 0; at < 24; at++) {
		/* Packed: the event names a descriptor; that of a chain's head is reached in any case. */
		const uint32_t skip = (at % 12) * (t->q->ring.packed ? each : 1);

		queue_want_after(t->q, skip);
		batch(t, 12, each);
		must_call(t,
			  "S-DEV-012, P-FMT-019, IO-DEV-010, IO-DEV-011: a notification when the "
			  "event index was passed, and be it within a batch",
			  "the event index is in the batch");
		queue_calls(t->q, 2);
	}
}

static void event_far_away(struct check_run *run)
{
	struct traffic *t = after_the_first(run, F_EVENT_IDX, SIZE);
	const uint32_t each = traffic_least(t);

	for (uint32_t i = 0; i < 6; i++) {
		/* The next buffer but five, in descriptors or in buffers. */
		queue_want_after(t->q, 10 * each);
		batch(t, 5, each);
		must_not_call(t, "silence until the event index is passed",
			      "the event index lies behind the batch");
	}
}

/* Exactly at the entry that the event names, not one before or after it. */
static void event_exact(struct check_run *run)
{
	struct traffic *t = after_the_first(run, F_EVENT_IDX, SIZE);
	const uint32_t each = traffic_least(t);

	for (uint32_t i = 0; i < 8; i++) {
		queue_want_after(t->q, 2 * (t->q->ring.packed ? each : 1));
		for (uint32_t k = 0; k < 2; k++) {
			batch(t, 1, each);
			if (queue_calls(t->q, 5))
				check_fail(run, "silence until the event index is passed",
					   "a notification came with buffer %u of 3", k + 1);
		}
		batch(t, 1, each);
		must_call(t, "a notification when the event index is passed",
			  "the third buffer was used");
	}
}

/* The index that is compared wraps at 65536. */
static void event_index_wraps(struct check_run *run)
{
	struct traffic *t = traffic_make(run, F_EVENT_IDX, 0, SIZE);

	t->q->avail_idx = t->q->published_idx = t->q->used_idx = 65520;
	ring_store16(at_avail_idx(&t->q->ring), 65520);
	ring_store16(at_used_idx(&t->q->ring), 65520);
	traffic_begin(t);
	queue_calls(t->q, SILENT_MS);
	for (uint32_t i = 0; i < 8; i++) {
		queue_want_after(t->q, i % 5);
		batch(t, 5, traffic_least(t));
		must_call(t, "S-DEV-012: the event index is passed modulo 65536",
			  "the event index is in the batch");
		queue_calls(t->q, 2);
	}
}

/* The race that a driver has when it goes to sleep: it asks, and looks once more. */
static void sleep_and_wake(struct check_run *run)
{
	struct traffic *t = traffic_start(run, run->check->features, 0, SIZE);
	struct queue *q = t->q;

	for (uint32_t i = 0; i < 300; i++) {
		traffic_fill(t, 1 + i % 3, traffic_least(t), DIRECT);
		queue_go(q);
		while (q->order_count) {
			session_background(t->session);
			queue_want_all(q);
			if (queue_poll(q))
				continue;
			if (!queue_calls(q, run->target->answer_ms) && !queue_poll(q))
				check_fail(run,
					   "a notification for the buffers that are used after "
					   "the driver asked for one",
					   "none came, and %u buffers are outstanding",
					   q->order_count);
			queue_poll(q);
		}
		traffic_verify(t);
		queue_forget(q);
	}
}

/*
 * The driver kicks only when the words of the device ask for it. It meets a device that is asleep, one
 * that is about to sleep, and one that is awake.
 */
static void told_when_asked(struct check_run *run)
{
	const uint32_t size = run->form & CHECK_ANY_PACKED ? 50 : SIZE;
	struct traffic *t = traffic_start(run, run->check->features, 0, size);
	struct queue *q = t->q;
	uint32_t kicks = 0;

	for (uint32_t i = 0; i < 200; i++) {
		const uint32_t count = i % 3 ? 1 : 1 + i % 7;

		if (i % 8 == 0)
			check_sleep_ms(1);
		traffic_fill(t, count, traffic_least(t), DIRECT);
		kicks += queue_go_if_asked(q);
		if (!queue_wait_done(q, count, run->target->answer_ms))
			check_fail(run, "a device that asks for a kick, or looks by itself",
				   "after %u kicks that it asked for it asks for none, and %u "
				   "buffers are available and not used",
				   kicks, q->order_count);
		traffic_verify(t);
		queue_forget(q);
	}
}

static const struct check checks[] = {
	{ .name = "notified",
	  .clauses = "S-DEV-010 P-FMT-019 P-FMT-021 N-DEV-001 VU-MSG-13 VU-FD-001",
	  .text = "used buffers are notified of",
	  .forms = CHECK_FORMS,
	  .run = wanted },
	{ .name = "notified-event-idx",
	  .clauses = "S-DEV-012 P-FMT-019 P-FMT-021",
	  .text = "used buffers are notified of, with EVENT_IDX",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = wanted },
	{ .name = "unwanted",
	  .clauses = "S-DEV-009 P-FMT-019 VU-FD-007",
	  .text = "no notifications while they are off",
	  .forms = CHECK_FORMS,
	  .run = unwanted },
	{ .name = "unwanted-event-idx",
	  .clauses = "S-DEV-013 P-FMT-019 VU-FD-007",
	  .text = "no notifications while they are off, with EVENT_IDX",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = unwanted },
	{ .name = "unwanted-at-start",
	  .clauses = "S-DEV-013 P-FMT-019",
	  .text = "no notification while they are off, right after the start",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = unwanted_at_start },
	{ .name = "used-event-ignored",
	  .clauses = "S-DEV-008",
	  .text = "used_event does not count without EVENT_IDX",
	  .forms = CHECK_ANY_SPLIT,
	  .run = used_event_ignored },
	{ .name = "flag-ignored",
	  .clauses = "S-DEV-011",
	  .text = "avail.flags does not count with EVENT_IDX",
	  .forms = CHECK_ANY_SPLIT,
	  .features = F_EVENT_IDX,
	  .run = flag_ignored },
	{ .name = "event-in-batch",
	  .clauses = "S-DEV-012 IO-DEV-010 IO-DEV-011 P-FMT-019",
	  .text = "an event index anywhere in a batch is noticed",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = event_in_batch },
	{ .name = "event-far-away",
	  .clauses = "S-DEV-013 P-FMT-019",
	  .text = "no notification before the event index",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = event_far_away },
	{ .name = "event-exact",
	  .clauses = "S-DEV-013 S-DEV-012 P-FMT-019",
	  .text = "the notification comes with the entry that the event index names",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = event_exact },
	{ .name = "event-index-wraps",
	  .clauses = "S-DEV-012 IO-DEV-010",
	  .text = "the event index is compared modulo 65536",
	  .forms = CHECK_ANY_SPLIT,
	  .features = F_EVENT_IDX,
	  .run = event_index_wraps },
	{ .name = "told-when-asked",
	  .clauses = "VU-MSG-12 S-DEV-018 S-DEV-023 P-DEV-011 P-FMT-018",
	  .text = "kicks only when the device asks for them: no buffer stays behind",
	  .forms = CHECK_FORMS,
	  .run = told_when_asked },
	{ .name = "told-when-asked-event-idx",
	  .clauses = "VU-MSG-12 S-DEV-020 P-DEV-011 P-FMT-018",
	  .text = "likewise with EVENT_IDX",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = told_when_asked },
	{ .name = "sleep-and-wake",
	  .clauses = "S-DEV-010 P-FMT-021",
	  .text = "a driver that sleeps between buffers is always woken",
	  .forms = CHECK_FORMS,
	  .run = sleep_and_wake },
	{ .name = "sleep-and-wake-event-idx",
	  .clauses = "S-DEV-012 P-FMT-021",
	  .text = "likewise with EVENT_IDX",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = sleep_and_wake },
};

const struct check_list back_end_event_checks = CHECK_LIST(checks);
