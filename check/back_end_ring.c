// SPDX-License-Identifier: BSD-3-Clause
/* Back end: what the device makes of descriptors, and what it writes into the ring. */
#include "back_end.h"
#include "traffic.h"

#define SIZE 64u

static void one_buffer(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 3; i++) {
		traffic_fill(t, 1, traffic_least(t), DIRECT);
		traffic_finish(t);
	}
}

static void many_buffers(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	const uint32_t each = traffic_least(t);

	for (uint32_t i = 0; i < 100; i++) {
		traffic_fill(t, i % (SIZE / each) + 1, each, DIRECT);
		traffic_finish(t);
	}
}

/* As a session that has run for long: the split indexes are about to wrap. */
static void index_wraps(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	const uint32_t each = traffic_least(t);

	t->q->avail_idx = t->q->published_idx = t->q->used_idx = 65500;
	ring_store16(at_avail_idx(&t->q->ring), 65500);
	ring_store16(at_used_idx(&t->q->ring), 65500);
	/* In order, descriptors are taken from the start of the table; a restart is one, too. */
	traffic_begin(t);
	for (uint32_t i = 0; i < 30; i++) {
		traffic_fill(t, 7, each, DIRECT);
		traffic_finish(t);
	}
}

static void exactly_full(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	const uint32_t each = traffic_least(t);

	/* The second time round begins in the middle of the ring. */
	for (uint32_t lap = 0; lap < 4; lap++) {
		while (traffic_add(t, each, DIRECT))
			;
		traffic_finish(t);
		traffic_fill(t, 3, each, DIRECT);
		traffic_finish(t);
	}
}

static void all_cuts(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t pieces = traffic_least(t); pieces <= SIZE; pieces++) {
		traffic_fill(t, 1, pieces, DIRECT);
		traffic_finish(t);
	}
}

/* Chains that lie across the end of the ring, at each of their descriptors. */
static void chains_wrap(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, 16);

	for (uint32_t i = 0; i < 48; i++) {
		traffic_fill(t, 3, 5, DIRECT);
		traffic_finish(t);
	}
}

static void whole_ring_chain(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, 16);

	for (uint32_t i = 0; i < 5; i++) {
		traffic_fill(t, 1, 16, DIRECT);
		traffic_finish(t);
		traffic_fill(t, 1, 3, DIRECT);
		traffic_finish(t);
	}
}

static void indirect(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, SIZE);

	for (uint32_t pieces = traffic_least(t); pieces <= SIZE; pieces += 3) {
		traffic_fill(t, 2, pieces, INDIRECT);
		traffic_finish(t);
	}
}

static void indirect_mixed(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, SIZE);

	for (uint32_t i = 0; i < 40; i++) {
		traffic_fill(t, 1, 2 + i % 5, DIRECT);
		traffic_fill(t, 1 + i % 3, 2 + i % 7, INDIRECT);
		traffic_fill(t, 1, 3, DIRECT);
		traffic_finish(t);
	}
}

static void indirect_full(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, SIZE);

	for (uint32_t lap = 0; lap < 3; lap++) {
		while (traffic_add(t, 3, INDIRECT))
			;
		traffic_finish(t);
		traffic_fill(t, 5, 3, INDIRECT);
		traffic_finish(t);
	}
}

static void chain_then_indirect(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, SIZE);

	for (uint32_t pieces = 2; pieces < 20; pieces++) {
		traffic_fill(t, 2, pieces, CHAIN_THEN_INDIRECT);
		traffic_finish(t);
	}
}

/* A table whose links go back and forth, by hand. */
static void indirect_permuted(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, SIZE);
	static const uint16_t order[6] = { 0, 4, 2, 5, 1, 3 };
	struct element elements[6];
	uint32_t token = traffic_prepare(t, BLK_IN, 6, elements);
	uint8_t *table;
	struct ring_desc ring;

	if (!queue_add(t->q, elements, 6, INDIRECT, token))
		check_skip(run, "the ring is full");
	ring = split_desc_at(t->q->ring.desc, t->q->order[0].id);
	table = session_at(t->session, ring.addr - SESSION_GUEST);
	for (uint32_t i = 0; i < 6; i++)
		split_desc_put(table, order[i],
			       (struct ring_desc){ elements[i].addr, elements[i].len,
						   (uint16_t)((elements[i].write ? RING_WRITE : 0) |
							      (i < 5 ? RING_NEXT : 0)),
						   i < 5 ? order[i + 1] : 0 });
	traffic_finish(t);
}

/* What has no meaning in and around an indirect table. */
static void indirect_meaningless(struct check_run *run)
{
	struct traffic *t = traffic_start(run, F_INDIRECT_DESC, 0, SIZE);
	struct element elements[4];
	const uint32_t token = traffic_prepare(t, BLK_IN, 4, elements);
	struct ring_desc ring;
	uint8_t *table;

	if (!queue_add(t->q, elements, 4, INDIRECT, token))
		check_skip(run, "the ring is full");
	if (t->q->ring.packed) {
		ring = packed_desc_at(t->q->ring.desc, 0);
		table = session_at(t->session, ring.addr - SESSION_GUEST);
		for (uint32_t i = 0; i < 4; i++) {
			struct ring_desc d = packed_desc_at(table, i);

			d.link = (uint16_t)(0x5a00 + i);
			d.flags |= RING_AVAIL;
			packed_desc_put(table, i, d);
		}
		t->q->staged_flags |= RING_WRITE;
	} else {
		ring = split_desc_at(t->q->ring.desc, t->q->order[0].id);
		ring.flags |= RING_WRITE;
		split_desc_put(t->q->ring.desc, t->q->order[0].id, ring);
	}
	traffic_finish(t);
}

/* Nothing but used entries may change, and nothing behind the areas. */
static void check_poison(struct traffic *t, const char *what, uint64_t offset, size_t bytes)
{
	const uint8_t *at = session_at(t->session, offset);

	for (size_t i = 0; i < bytes; i++)
		if (at[i] != POISON)
			check_fail(t->session->run, "only the ring's own words are written",
				   "byte %zu %s is 0x%02x", i, what, at[i]);
}

static void only_its_area(struct check_run *run)
{
	struct traffic *t = traffic_make(run, 0, 0, SIZE);
	struct queue *q = t->q;
	const size_t driver = ring_driver_bytes(SIZE, q->ring.packed);
	const size_t device = ring_device_bytes(SIZE, q->ring.packed);
	uint8_t before[6 + 2 * SIZE];

	/* Without EVENT_IDX there is no avail_event (split). */
	if (!q->ring.packed)
		ring_store16(at_avail_event(&q->ring), POISON * 0x101u);
	traffic_begin(t);
	for (uint32_t i = 0; i < 10; i++) {
		traffic_fill(t, 10, traffic_least(t), DIRECT);
		traffic_finish(t);
	}
	memcpy(before, q->ring.driver, driver);
	check_sleep_ms(10);
	if (memcmp(before, q->ring.driver, driver) != 0)
		check_fail(run, "the driver's area is the driver's", "it was written");
	check_poison(t, "behind the descriptors", q->area[0] + ring_desc_bytes(SIZE), 64);
	check_poison(t, "behind the driver's area", q->area[1] + driver, 64);
	check_poison(t, "behind the device's area", q->area[2] + device, 64);
	if (!q->ring.packed)
		check_poison(t, "of avail_event, without EVENT_IDX", q->area[2] + device - 2, 2);
}

/* The device only reads descriptors (split), and rewrites only those it uses (packed). */
static void descriptors_kept(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	struct ring_desc before[SIZE];
	const bool packed = t->q->ring.packed;
	uint32_t changed = 0;

	traffic_fill(t, 6, 5, DIRECT);
	for (uint32_t i = 0; i < 30; i++)
		before[i] = packed ? packed_desc_at(t->q->ring.desc, i) :
				     split_desc_at(t->q->ring.desc, i + SIZE - 30);
	if (packed)
		before[0].flags = t->q->staged_flags;
	traffic_finish(t);
	for (uint32_t i = 0; i < 30; i++) {
		const struct ring_desc now = packed ? packed_desc_at(t->q->ring.desc, i) :
						      split_desc_at(t->q->ring.desc, i + SIZE - 30);

		if (memcmp(&before[i], &now, sizeof(now)) == 0)
			continue;
		changed++;
		if (!packed || i % 5)
			check_fail(run,
				   packed ? "P-FMT-010: one used descriptor for each buffer; those "
					    "that are skipped stay as they are" :
					    "descriptors are the driver's",
				   "descriptor %u has changed", i);
	}
	if (packed && !changed)
		check_fail(run, "a used descriptor", "none has changed");
}

static void used_flags(struct check_run *run)
{
	struct traffic *t = traffic_start(run, run->check->features, 0, SIZE);
	const struct ring *r = &t->q->ring;

	for (uint32_t i = 0; i < 20; i++) {
		uint16_t flags;

		traffic_fill(t, 5, traffic_least(t), DIRECT);
		traffic_finish(t);
		flags = ring_load16(r->packed ? at_event_flags(r->device) : at_used_flags(r));
		if (r->packed && (flags > 2 || (flags == 2 && !t->q->event_idx)))
			check_fail(run, "0 or 1 in the device's event flags, 2 with EVENT_IDX",
				   "0x%x", flags);
		if (!r->packed && flags > (t->q->event_idx ? 0 : 1))
			check_fail(run,
				   t->q->event_idx ? "used.flags is 0 with EVENT_IDX" :
						     "used.flags is 0 or 1",
				   "0x%x", flags);
	}
}

static void kick_for_nothing(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);

	for (uint32_t i = 0; i < 20; i++) {
		queue_kick(t->q);
		check_sleep_ms(2);
		if (queue_poll(t->q))
			check_fail(run, "nothing", "%u buffers", t->q->done_count);
		traffic_fill(t, i % 3, traffic_least(t), DIRECT);
		traffic_finish(t);
	}
}

/* Sizes that are no power of two, and the smallest. */
static void sizes(struct check_run *run)
{
	static const uint32_t packed[] = { 5, 7, 100, 1000 };
	static const uint32_t split[] = { 4, 8, 128, 1024 };
	const uint32_t size = run->form & CHECK_ANY_PACKED ? packed[run->check->variant] :
							     split[run->check->variant];
	struct traffic *t = traffic_start(run, 0, 0, size);

	for (uint32_t i = 0; i < 12; i++) {
		while (traffic_add(t, traffic_least(t), DIRECT) && t->q->order_count < 200)
			;
		traffic_finish(t);
		traffic_fill(t, 1, 3, DIRECT);
		traffic_finish(t);
	}
}

static const struct check checks[] = {
	{ .name = "one-buffer",
	  .clauses =
		  "S-FMT-007 S-DEV-003 P-DEV-004 S-FMT-003 P-FMT-007 P-FMT-013 S-FMT-004 S-FMT-008 S-FMT-001 P-FMT-006 P-FMT-012 "
		  "P-FMT-001 VU-RING-004 VU-PAY-003 VU-PAY-002 VU-MSG-09",
	  .text = "a buffer comes back, with its head and length",
	  .forms = CHECK_FORMS,
	  .run = one_buffer },
	{ .name = "many-buffers",
	  .clauses =
		  "S-FMT-006 S-DRV-026 P-DRV-018 S-DEV-024 P-FMT-004 P-DEV-001 P-DEV-002 P-DEV-006 "
		  "P-DEV-007 S-DEV-014 S-DEV-015 VU-MSG-12 VU-MSG-08",
	  .text = "several thousand come back, in batches of all sizes",
	  .forms = CHECK_FORMS,
	  .run = many_buffers },
	{ .name = "index-wraps",
	  .clauses = "S-FMT-006 VU-BASE-001 VU-BASE-002 VU-MSG-10",
	  .text = "indexes go from 65535 to 0, after a start in between",
	  .forms = CHECK_ANY_SPLIT,
	  .run = index_wraps },
	{ .name = "exactly-full",
	  .clauses = "S-FMT-002 P-FMT-025 P-FMT-004 IO-DEV-004 IO-DEV-008",
	  .text = "a ring without a free descriptor is worked off",
	  .forms = CHECK_FORMS,
	  .run = exactly_full },
	{ .name = "all-cuts",
	  .clauses = "S-DEV-001 P-DEV-008 P-FMT-008 BLK-DRV-001",
	  .text = "a buffer is the same in any number of pieces",
	  .forms = CHECK_FORMS,
	  .run = all_cuts },
	{ .name = "chains-wrap",
	  .clauses = "P-FMT-009 P-FMT-010 P-FMT-004 S-FMT-012",
	  .text = "chains lie across the end of the ring",
	  .forms = CHECK_FORMS,
	  .run = chains_wrap },
	{ .name = "whole-ring-chain",
	  .clauses = "P-FMT-004 S-DRV-007 P-DRV-007",
	  .text = "one chain fills the whole ring",
	  .forms = CHECK_FORMS,
	  .run = whole_ring_chain },
	{ .name = "indirect",
	  .clauses = "S-FMT-013 P-FMT-015 S-DRV-005 P-DRV-012",
	  .text = "indirect tables of all lengths",
	  .forms = CHECK_FORMS,
	  .features = F_INDIRECT_DESC,
	  .run = indirect },
	{ .name = "indirect-mixed",
	  .clauses = "P-FMT-017 S-FMT-013 IO-DRV-012",
	  .text = "direct chains and indirect buffers side by side",
	  .forms = CHECK_FORMS,
	  .features = F_INDIRECT_DESC,
	  .run = indirect_mixed },
	{ .name = "indirect-full",
	  .clauses = "IO-DRV-012 P-FMT-004",
	  .text = "as many indirect buffers as the ring has descriptors",
	  .forms = CHECK_FORMS,
	  .features = F_INDIRECT_DESC,
	  .run = indirect_full },
	{ .name = "chain-then-indirect",
	  .clauses = "S-DEV-007",
	  .text = "a chain may end with an indirect descriptor",
	  .forms = CHECK_ANY_SPLIT,
	  .features = F_INDIRECT_DESC,
	  .run = chain_then_indirect },
	{ .name = "indirect-permuted",
	  .clauses = "S-FMT-013",
	  .text = "an indirect table is followed along its links",
	  .forms = CHECK_SPLIT,
	  .features = F_INDIRECT_DESC,
	  .run = indirect_permuted },
	{ .name = "indirect-meaningless",
	  .clauses = "S-DEV-006 P-FMT-015 P-FMT-016",
	  .text = "flags without a meaning in and at an indirect table are ignored",
	  .forms = CHECK_FORMS,
	  .features = F_INDIRECT_DESC,
	  .run = indirect_meaningless },
	{ .name = "only-its-area",
	  .clauses = "S-DEV-005 S-FMT-009 P-FMT-018",
	  .text = "nothing outside of the used entries is written",
	  .forms = CHECK_FORMS,
	  .run = only_its_area },
	{ .name = "descriptors-kept",
	  .clauses = "S-DEV-005 P-FMT-010 P-DEV-007",
	  .text = "descriptors that the device does not use for an entry stay as they are",
	  .forms = CHECK_SPLIT | CHECK_PACKED,
	  .run = descriptors_kept },
	{ .name = "used-flags",
	  .clauses = "S-DEV-017 P-FMT-018",
	  .text = "the device's flags have defined values",
	  .forms = CHECK_FORMS,
	  .run = used_flags },
	{ .name = "used-flags-event-idx",
	  .clauses = "S-DEV-019 P-FMT-018",
	  .text = "the device's flags have defined values with EVENT_IDX",
	  .forms = CHECK_FORMS,
	  .features = F_EVENT_IDX,
	  .run = used_flags },
	{ .name = "kick-for-nothing",
	  .clauses = "S-DEV-021 VU-FD-006",
	  .text = "a kick without a new buffer does no harm",
	  .forms = CHECK_FORMS,
	  .run = kick_for_nothing },
	{ .name = "size-smallest",
	  .clauses = "VU-MSG-08 P-FMT-002",
	  .text = "rings of 4, or of 5, descriptors",
	  .forms = CHECK_FORMS,
	  .run = sizes },
	{ .name = "size-small",
	  .clauses = "VU-MSG-08 P-FMT-002",
	  .text = "rings of 8, or of 7, descriptors",
	  .forms = CHECK_FORMS,
	  .variant = 1,
	  .run = sizes },
	{ .name = "size-hundred",
	  .clauses = "VU-MSG-08 P-FMT-002",
	  .text = "rings of 128, or of 100, descriptors",
	  .forms = CHECK_FORMS,
	  .variant = 2,
	  .run = sizes },
	{ .name = "size-thousand",
	  .clauses = "VU-MSG-08 P-FMT-002",
	  .text = "rings of 1024, or of 1000, descriptors",
	  .forms = CHECK_FORMS,
	  .variant = 3,
	  .run = sizes },
};

const struct check_list back_end_ring_checks = CHECK_LIST(checks);
