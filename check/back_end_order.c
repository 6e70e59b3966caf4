// SPDX-License-Identifier: BSD-3-Clause
/*
 * Back end: rings in order. That an entry for a run of buffers names the last one, rises the index by
 * the run's length and stands for filled buffers only is checked with each entry (driver.c,
 * traffic.c); what is here brings it about.
 */
#include "back_end.h"
#include "traffic.h"

#define SIZE 64u

/* Did the buffers come back in the order in which they were made available? Tokens ascend. */
static void check_order(struct traffic *t, uint32_t first)
{
	for (uint32_t i = 0; i < t->q->done_count; i++)
		if (t->q->done[i].token != first + i)
			check_fail(t->session->run,
				   "IO-DEV-001: buffers are used in the order in which they were "
				   "made available",
				   "buffer %u came back as number %u", t->q->done[i].token - first,
				   i);
}

static void round_trip(struct traffic *t, uint32_t first)
{
	queue_go(t->q);
	queue_wait(t->q);
	check_order(t, first);
	traffic_verify(t);
	queue_forget(t->q);
}

/* All batches from one buffer to as many as the ring holds. */
static void batches(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	const uint32_t each = traffic_least(t);

	for (uint32_t count = 1; count <= SIZE / each; count++) {
		t->next = 0;
		traffic_fill(t, count, each, DIRECT);
		round_trip(t, 0);
	}
}

static void batches_of_chains(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t round = 0; round < 40; round++) {
		uint32_t pieces = traffic_least(t);

		t->next = 0;
		/* Chains of different lengths, until the ring is full. */
		while (traffic_add(t, pieces, DIRECT))
			pieces = traffic_least(t) + (pieces + round) % 6;
		round_trip(t, 0);
	}
}

static void batches_of_indirect(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, 16);

	for (uint32_t round = 0; round < 40; round++) {
		t->next = 0;
		for (uint32_t i = 0; i < 16; i++) {
			const bool table = (i + round) % 3;

			if (!traffic_add(t, 2 + i % 4, table ? INDIRECT : DIRECT))
				break;
		}
		round_trip(t, 0);
	}
}

/* Each batch begins one descriptor later, so that each position of the ring's end is in one. */
static void batches_wrap(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, 17 - (run->form & CHECK_ANY_SPLIT ? 1 : 0));
	const uint32_t each = traffic_least(t);

	for (uint32_t i = 0; i < 51; i++) {
		t->next = 0;
		traffic_fill(t, 5, each, DIRECT);
		if (i % 3 == 0)
			traffic_fill(t, 1, each + 1, DIRECT);
		round_trip(t, 0);
	}
}

/* One buffer a descriptor, N of them outstanding: the distance is N, not 0. */
static void exactly_n(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, 16);

	for (uint32_t round = 0; round < 8; round++) {
		t->next = 0;
		traffic_fill(t, 16, 3, INDIRECT);
		round_trip(t, 0);
		t->next = 0;
		traffic_fill(t, round, 3, INDIRECT);
		round_trip(t, 0);
	}
}

/* A device that knows no such request answers in its turn, with less than the buffer holds. */
static void failed_in_between(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t at = 0; at < 8; at++) {
		t->next = 0;
		for (uint32_t i = 0; i < 8; i++)
			traffic_add_type(t, i == at ? BLK_NO_TYPE : BLK_IN, 3, DIRECT);
		round_trip(t, 0);
	}
}

/* Requests that take different times still come back in order. */
static void mixed_requests(struct check_run *run)
{
	static const uint32_t types[] = { BLK_IN, BLK_GET_ID, BLK_NO_TYPE, BLK_GET_ID, BLK_IN };
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t round = 0; round < 20; round++) {
		t->next = 0;
		for (uint32_t i = 0; i < 20; i++)
			traffic_add_type(t, types[(i + round) % 5], 3, DIRECT);
		round_trip(t, 0);
	}
}

/* Buffers are added while others are on their way. */
static void trickle(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	const uint32_t each = traffic_least(t);
	uint32_t added = 0;

	t->next = 0;
	while (added < 900) {
		const double until = check_now() + run->target->answer_ms / 1e3;

		for (uint32_t i = 0; i <= added % 5 && traffic_add(t, each, DIRECT); i++)
			added++;
		queue_go(t->q);
		while (!queue_poll(t->q) && t->q->free < 8 * each && check_now() < until)
			session_background(t->session);
		if (check_now() > until)
			break;
	}
	queue_wait(t->q);
	check_order(t, 0);
	traffic_verify(t);
}

/*
 * A restart after chains: the next descriptor is not where the index says, but where the driver's
 * next buffer begins.
 */
static void restart_after_chains(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 8; i++) {
		t->next = 0;
		traffic_fill(t, 3 + i, 3 + i % 2, DIRECT);
		round_trip(t, 0);
		queue_stop(t->q);
		queue_start(t->q);
	}
}

static const struct check checks[] = {
	{ .name = "order-batches",
	  .clauses =
		  "IO-DEV-001 IO-DEV-003 IO-DEV-006 IO-DEV-002 IO-DEV-004 IO-DEV-005 IO-DEV-007 IO-DEV-008 IO-DEV-009 "
		  "IO-DEV-012 IO-DEV-014 IO-DEV-016",
	  .text = "batches of one buffer to as many as the ring holds",
	  .forms = CHECK_ANY_IN_ORDER,
	  .run = batches },
	{ .name = "order-chains",
	  .clauses = "IO-DEV-007 IO-DEV-004 IO-DRV-001 IO-DRV-002",
	  .text = "chains of different lengths in a batch",
	  .forms = CHECK_ANY_IN_ORDER,
	  .run = batches_of_chains },
	{ .name = "order-indirect",
	  .clauses = "IO-DRV-012 IO-DRV-003 IO-DEV-007 IO-DEV-004",
	  .text = "indirect buffers and chains in a batch",
	  .forms = CHECK_ANY_IN_ORDER,
	  .features = F_INDIRECT_DESC,
	  .run = batches_of_indirect },
	{ .name = "order-wrap",
	  .clauses = "IO-DEV-008 IO-DEV-004",
	  .text = "batches that lie across the end of the ring",
	  .forms = CHECK_ANY_IN_ORDER,
	  .run = batches_wrap },
	{ .name = "order-exactly-n",
	  .clauses = "IO-DEV-008 IO-DEV-004 IO-DRV-012",
	  .text = "as many buffers outstanding as the ring has descriptors",
	  .forms = CHECK_ANY_IN_ORDER,
	  .features = F_INDIRECT_DESC,
	  .run = exactly_n },
	{ .name = "order-failed",
	  .clauses = "IO-DEV-015 IO-DEV-005 IO-DEV-009 IO-DEV-012",
	  .text = "a failed request keeps its place and ends the batch",
	  .device = CHECK_BLK,
	  .forms = CHECK_ANY_IN_ORDER,
	  .run = failed_in_between },
	{ .name = "order-mixed",
	  .clauses = "IO-DEV-001 IO-DEV-002 IO-DEV-005",
	  .text = "requests of different kinds come back in order",
	  .device = CHECK_BLK,
	  .forms = CHECK_ANY_IN_ORDER,
	  .run = mixed_requests },
	{ .name = "order-trickle",
	  .clauses = "IO-DEV-001 IO-DEV-014 IO-DEV-016",
	  .text = "buffers are added while others are on their way",
	  .forms = CHECK_ANY_IN_ORDER,
	  .run = trickle },
	{ .name = "order-restart",
	  .clauses = "VU-INT-007 IO-DEV-013 VU-RING-005",
	  .text = "a restart after chains goes on with the right descriptor",
	  .forms = CHECK_ANY_IN_ORDER,
	  .run = restart_after_chains },
};

const struct check_list back_end_order_checks = CHECK_LIST(checks);
