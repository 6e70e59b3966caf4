// SPDX-License-Identifier: BSD-3-Clause
/*
 * Back end: rings that a driver must not make. The device may break the ring, close the connection or
 * answer with an error; it may not die, hang, touch what it was not given, or use a buffer twice.
 */
#include "back_end.h"
#include "traffic.h"

#define SIZE 16u
#define OUTSIDE 0x123456789000ull

enum malformed {
	ADDR_OUTSIDE,
	ADDR_OVERFLOWS,
	LEN_HUGE,
	LEN_BEYOND_MEMORY,
	TOTAL_OVERFLOWS,
	ALL_EMPTY,
	EMPTY_OUTSIDE,
	TOO_SHORT,
	READABLE_AFTER_WRITABLE,
	WRITABLE_ONLY,
	INDIRECT_NOT_NEGOTIATED,
	TABLE_OUTSIDE,
	TABLE_EMPTY,
	TABLE_ODD,
	TABLE_HUGE,
	TABLE_AND_NEXT,
	TABLE_IN_TABLE,
	TABLE_NEXT_BEYOND,
	TABLE_LOOPS,
	TABLE_LONGER_THAN_RING,
	/* Split only. */
	HEAD_BEYOND,
	IDX_JUMPS,
	NEXT_BEYOND,
	NEXT_TO_ITSELF,
	NEXT_IN_A_RING,
	HEAD_TWICE,
	EMPTY_TO_ITSELF,
	/* Packed only. */
	NEXT_FOR_EVER,
	ID_BEYOND,
	ID_TWICE,
	FLAGS_WITHOUT_SENSE,
};

/* A ring of one descriptor that was made by hand. */
static void put_one(struct traffic *t, struct ring_desc d)
{
	struct queue *q = t->q;

	if (q->ring.packed) {
		packed_desc_put_body(q->ring.desc, 0, d);
		packed_desc_put_flags(q->ring.desc, 0, d.flags | packed_avail_flags(true));
		return;
	}
	split_desc_put(q->ring.desc, 0, d);
	ring_store16(at_avail_slot(&q->ring, 0), 0);
	ring_store16(at_avail_idx(&q->ring), 1);
}

/* Changes the descriptors of a chain that is right: @which of those in the ring. */
static void spoil(struct traffic *t, uint32_t which, struct ring_desc with, uint16_t keep)
{
	struct queue *q = t->q;
	uint32_t at = q->order[0].id;
	struct ring_desc d;

	if (q->ring.packed) {
		d = packed_desc_at(q->ring.desc, which);
		with.flags |= d.flags & (keep | RING_AVAIL | RING_USED);
		with.link = d.link;
		if (!which) {
			/* It is staged. */
			q->staged_flags = (uint16_t)(with.flags | packed_avail_flags(true));
			with.flags = 0;
		}
		packed_desc_put(q->ring.desc, which, with);
		return;
	}
	while (which--)
		at = split_desc_at(q->ring.desc, at).link;
	d = split_desc_at(q->ring.desc, at);
	with.flags |= d.flags & keep;
	with.link = d.link;
	split_desc_put(q->ring.desc, at, with);
}

#define KEEP (RING_NEXT | RING_WRITE)

static struct ring_desc desc(uint64_t addr, uint32_t len, uint16_t flags)
{
	return (struct ring_desc){ addr, len, flags, 0 };
}

/* The last piece is what the device writes (blk) or the last bytes of a packet (net). */
static void spoil_addresses(struct traffic *t, enum malformed which)
{
	const uint64_t end = SESSION_GUEST + SESSION_BYTES;
	const uint64_t inside = session_addr(t->pool);

	if (!traffic_add(t, 4, DIRECT))
		return;
	switch (which) {
	case ADDR_OUTSIDE:
		spoil(t, 3, desc(OUTSIDE, 1, 0), KEEP);
		spoil(t, 1, desc(OUTSIDE, 64, 0), KEEP);
		break;
	case ADDR_OVERFLOWS:
		spoil(t, 2, desc(UINT64_MAX - 15, 4096, 0), KEEP);
		break;
	case LEN_HUGE:
		spoil(t, 2, desc(inside, UINT32_MAX, 0), KEEP);
		break;
	case LEN_BEYOND_MEMORY:
		spoil(t, 2, desc(end - 16, 17, 0), KEEP);
		break;
	case TOTAL_OVERFLOWS:
		for (uint32_t i = 0; i < 4; i++)
			spoil(t, i, desc(SESSION_GUEST, 0x7fffffff, 0), KEEP);
		break;
	case ALL_EMPTY:
		for (uint32_t i = 0; i < 4; i++)
			spoil(t, i, desc(inside, 0, 0), KEEP);
		break;
	case EMPTY_OUTSIDE:
		spoil(t, 1, desc(OUTSIDE, 0, 0), KEEP);
		break;
	case READABLE_AFTER_WRITABLE:
		spoil(t, 0, desc(inside, 64, RING_WRITE), RING_NEXT);
		spoil(t, 3, desc(inside, 64, 0), 0);
		break;
	default:
		break;
	}
}

static void put_table(struct traffic *t, enum malformed which)
{
	struct session *s = t->session;
	const uint64_t offset = session_alloc(s, ring_desc_bytes(1024), 16);
	const uint64_t table = session_addr(offset);
	uint8_t *at = session_at(s, offset);
	const uint64_t inside = session_addr(t->pool);
	uint32_t len = (uint32_t)ring_desc_bytes(4);

	for (uint32_t i = 0; i < 1024; i++) {
		struct ring_desc d = { inside, 8, RING_NEXT, (uint16_t)(i + 1) };

		if (which == TABLE_IN_TABLE)
			d = (struct ring_desc){ table, len, RING_INDIRECT, 0 };
		if (which == TABLE_NEXT_BEYOND)
			d.link = 0x4000;
		if (which == TABLE_LOOPS)
			d.link = 0;
		if (t->q->ring.packed) {
			d.link = 0;
			packed_desc_put(at, i, d);
		} else {
			split_desc_put(at, i, d);
		}
	}
	if (which == TABLE_EMPTY)
		len = 0;
	if (which == TABLE_ODD)
		len = 40 + 7;
	if (which == TABLE_HUGE)
		len = 0xfffffff0;
	if (which == TABLE_LONGER_THAN_RING)
		len = (uint32_t)ring_desc_bytes(1024);
	put_one(t, desc(which == TABLE_OUTSIDE ? OUTSIDE : table, len,
			(uint16_t)(RING_INDIRECT | (which == TABLE_AND_NEXT ? RING_NEXT : 0))));
}

static void spoil_split(struct traffic *t, enum malformed which)
{
	struct queue *q = t->q;
	const uint64_t inside = session_addr(t->pool);

	for (uint32_t i = 0; i < SIZE; i++) {
		struct ring_desc d = { inside, which == EMPTY_TO_ITSELF ? 0 : 8, RING_NEXT,
				       (uint16_t)((i + 1) % SIZE) };

		if (which == NEXT_TO_ITSELF || which == EMPTY_TO_ITSELF)
			d.link = (uint16_t)i;
		split_desc_put(q->ring.desc, i, d);
		ring_store16(at_avail_slot(&q->ring, i), which == HEAD_BEYOND ? SIZE : 0);
	}
	if (which == HEAD_TWICE)
		split_desc_put(q->ring.desc, 0, desc(inside, 72, 0));
	ring_store16(at_avail_idx(&q->ring), which == HEAD_TWICE ? 4 : 1);
}

static void spoil_packed(struct traffic *t, enum malformed which)
{
	struct queue *q = t->q;
	const uint64_t inside = session_addr(t->pool);

	for (uint32_t i = 0; i < SIZE; i++) {
		struct ring_desc d = { inside, 72, 0, 0 };

		d.flags = packed_avail_flags(true);
		if (which == NEXT_FOR_EVER)
			d.flags |= RING_NEXT;
		if (which == ID_BEYOND)
			d.link = 0xffff;
		if (which == FLAGS_WITHOUT_SENSE)
			d.flags |= 0x7f78;
		packed_desc_put(q->ring.desc, i, d);
	}
}

/* Requests that are right, and more entries than the ring has, each of which names one of them. */
static void spoil_index(struct traffic *t)
{
	struct queue *q = t->q;
	const uint32_t count = SIZE / 2;

	traffic_fill(t, count, 2, DIRECT);
	for (uint32_t i = 0; i < SIZE; i++)
		ring_store16(at_avail_slot(&q->ring, i), (uint16_t)q->order[i % count].id);
	q->avail_idx = SIZE + 1;
}

/* A request that is right, but for its last descriptor, which lies behind the table. */
static void spoil_next(struct traffic *t)
{
	struct queue *q = t->q;
	struct ring_desc before;
	uint32_t at;

	traffic_fill(t, 1, 3, DIRECT);
	at = split_desc_at(q->ring.desc, q->order[0].id).link;
	before = split_desc_at(q->ring.desc, at);
	split_desc_put(q->ring.desc, SIZE, split_desc_at(q->ring.desc, before.link));
	before.link = SIZE;
	split_desc_put(q->ring.desc, at, before);
}

static void make_malformed(struct traffic *t, enum malformed which)
{
	const uint64_t inside = session_addr(t->pool);

	if (which == TOO_SHORT)
		put_one(t, desc(inside, 5, 0));
	else if (which == WRITABLE_ONLY)
		put_one(t, desc(inside, 5, RING_WRITE));
	else if (which < WRITABLE_ONLY)
		spoil_addresses(t, which);
	else if (which < HEAD_BEYOND)
		put_table(t, which);
	else if (which == IDX_JUMPS)
		spoil_index(t);
	else if (which == NEXT_BEYOND)
		spoil_next(t);
	else if (which < NEXT_FOR_EVER)
		spoil_split(t, which);
	else
		spoil_packed(t, which);
	/* What is staged becomes visible, and what was put by hand stays. */
	if (t->q->order_count)
		queue_publish(t->q);
	else
		ring_full_fence();
}

/* Where nothing was given to it, the device has written nothing. */
static void check_untouched(struct traffic *t, uint64_t canary)
{
	const uint8_t *at = session_at(t->session, canary);

	for (uint32_t i = 0; i < 4096; i++)
		if (at[i] != POISON)
			check_fail(
				t->session->run,
				"VU-MEM-006: only memory that was given to the device is written",
				"byte %u of a page that no descriptor names is 0x%02x", i, at[i]);
}

/*
 * What must not be believed, though each piece of it looks right. Whoever does believe it has used
 * something at the latest when it answers, or some time later.
 */
static void check_unused(struct traffic *t)
{
	const uint16_t used = ring_load16(at_used_idx(&t->q->ring));

	if (used)
		check_fail(t->session->run, "nothing of such a ring is used", "used.idx is %u",
			   used);
}

static void malformed(struct check_run *run)
{
	const enum malformed which = (enum malformed)run->check->variant;
	struct traffic *t = traffic_start(run, run->check->features, 0, SIZE);
	const uint64_t canary = session_alloc(t->session, 4096, 4096);
	struct wire ask = link_message(VU_GET_FEATURES);
	struct wire reply;

	make_malformed(t, which);
	queue_kick(t->q);
	check_sleep_ms(40);
	/* It may have closed the connection, but it may not be busy for ever. */
	if (link_try(&t->session->link, &ask) &&
	    link_take(&t->session->link, &reply, run->target->answer_ms) == LINK_SILENT)
		check_lost(run, "it neither answers nor closes the connection");
	check_untouched(t, canary);
	if (run->target->strict && (which == IDX_JUMPS || which == NEXT_BEYOND))
		check_unused(t);
}

/* Random words where the ring is, for a while. */
static void noise(struct check_run *run)
{
	struct traffic *t = traffic_start(run, run->check->features, 0, SIZE);
	uint64_t state = 88172645463325252ull + run->check->variant;
	struct wire ask = link_message(VU_GET_FEATURES);
	struct wire reply;

	for (uint32_t round = 0; round < 4000; round++) {
		uint8_t *area = round % 4 == 0 ? t->q->ring.driver : t->q->ring.desc;
		const size_t bytes = round % 4 == 0 ? ring_driver_bytes(SIZE, t->q->ring.packed) :
						      ring_desc_bytes(SIZE);

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		ring_store16(area + state % (bytes / 2) * 2,
			     (uint16_t)(state >> 40 & (round % 3 ? 0xffff : 0xf)));
		if (round % 16 == 0)
			queue_kick(t->q);
	}
	if (link_try(&t->session->link, &ask) &&
	    link_take(&t->session->link, &reply, run->target->answer_ms) == LINK_SILENT)
		check_lost(run, "it neither answers nor closes the connection");
}

/* The driver changes what the device has taken: only what was read once may count. */
static void changed_behind(struct check_run *run)
{
	struct traffic *t = traffic_start(run, 0, 0, SIZE);
	struct queue *q = t->q;

	for (uint32_t round = 0; round < 200 && link_alive(&t->session->link); round++) {
		uint8_t *at;

		while (traffic_add(t, 4, DIRECT))
			;
		queue_go(q);
		at = q->ring.desc + RING_DESC * (size_t)(round % SIZE);
		for (uint32_t i = 0; i < 50; i++)
			ring_store32(at + 8, i % 2 ? UINT32_MAX : 18);
		if (ring_load16(at_used_idx(&q->ring)) == 0 && round > 20)
			return;
		q->order_count = 0;
		q->published = 0;
		q->free = SIZE;
		memset(q->taken, 0, sizeof(q->taken));
		for (uint32_t i = 0; i < TRAFFIC_SLOTS; i++)
			t->requests[i].busy = false;
	}
}

#define MALFORMED(label, ids, about, which) \
	.name = label, .clauses = ids, .text = about, .variant = which, .hostile = true, \
	.run = malformed

#define ANY .forms = CHECK_FORMS
#define SPLIT .forms = CHECK_ANY_SPLIT
#define PACKED .forms = CHECK_ANY_PACKED
#define TABLE ANY, .features = F_INDIRECT_DESC

static const struct check checks[] = {
	{ MALFORMED("address-outside-memory", "VU-MEM-006", "a piece outside of the memory (B09)",
		    ADDR_OUTSIDE),
	  ANY },
	{ MALFORMED("address-overflows", "VU-MEM-006",
		    "a piece whose address and length wrap (B17)", ADDR_OVERFLOWS),
	  ANY },
	{ MALFORMED("length-huge", "VU-MEM-006 S-DRV-004", "a piece of 4 GiB (B10)", LEN_HUGE),
	  ANY },
	{ MALFORMED("length-beyond-memory", "VU-MEM-006", "a piece that ends a byte outside (B09)",
		    LEN_BEYOND_MEMORY),
	  ANY },
	{ MALFORMED("length-total-overflows", "S-DRV-004", "a chain of more than 4 GiB (B15)",
		    TOTAL_OVERFLOWS),
	  ANY },
	{ MALFORMED("length-all-zero", "S-FMT-012", "a chain of empty pieces (B10)", ALL_EMPTY),
	  ANY },
	{ MALFORMED("length-zero-outside", "VU-MEM-006",
		    "an empty piece outside of the memory (B10)", EMPTY_OUTSIDE),
	  ANY },
	{ MALFORMED("buffer-too-short", "S-DEV-001 BLK-DRV-001",
		    "a buffer shorter than a header (B11)", TOO_SHORT),
	  ANY },
	{ MALFORMED("writable-first", "S-DRV-002 P-DRV-008", "writable pieces before readable ones",
		    READABLE_AFTER_WRITABLE),
	  ANY },
	{ MALFORMED("writable-only", "S-DRV-002 BLK-DRV-001", "a buffer with nothing to read",
		    WRITABLE_ONLY),
	  ANY },
	{ MALFORMED("indirect-not-negotiated", "S-DRV-005 P-DRV-012",
		    "an indirect table without INDIRECT_DESC", INDIRECT_NOT_NEGOTIATED),
	  ANY },
	{ MALFORMED("table-outside", "VU-MEM-006 S-FMT-013",
		    "an indirect table outside of the memory (B09)", TABLE_OUTSIDE),
	  TABLE },
	{ MALFORMED("table-empty", "S-FMT-013", "an indirect table of no bytes (B17)", TABLE_EMPTY),
	  TABLE },
	{ MALFORMED("table-odd", "S-FMT-013", "an indirect table that is no multiple of 16 bytes",
		    TABLE_ODD),
	  TABLE },
	{ MALFORMED("table-huge", "S-FMT-013 S-DRV-007", "an indirect table of 4 GiB (B38)",
		    TABLE_HUGE),
	  TABLE },
	{ MALFORMED("table-and-next", "S-DRV-008 P-DRV-015", "INDIRECT and NEXT at once (B04)",
		    TABLE_AND_NEXT),
	  TABLE },
	{ MALFORMED("table-in-table", "S-DRV-006 P-DRV-013", "a table in a table", TABLE_IN_TABLE),
	  TABLE },
	{ MALFORMED("table-next-beyond", "S-FMT-013", "a link out of a table (B08)",
		    TABLE_NEXT_BEYOND),
	  .forms = CHECK_ANY_SPLIT, .features = F_INDIRECT_DESC },
	{ MALFORMED("table-loops", "S-FMT-013 S-DRV-004", "a table that loops (B08)", TABLE_LOOPS),
	  .forms = CHECK_ANY_SPLIT, .features = F_INDIRECT_DESC },
	{ MALFORMED("table-longer-than-ring", "S-DRV-007 P-DRV-014",
		    "a table of more entries than the ring has (B17)", TABLE_LONGER_THAN_RING),
	  TABLE },
	{ MALFORMED("head-beyond", "S-FMT-005", "an available head that is none (B06)",
		    HEAD_BEYOND),
	  SPLIT },
	{ MALFORMED("index-jumps", "S-FMT-005 S-DRV-009",
		    "an available index that jumps by more than the ring (B14)", IDX_JUMPS),
	  SPLIT },
	{ MALFORMED("next-beyond", "S-FMT-012", "a link out of the table (B06)", NEXT_BEYOND),
	  SPLIT },
	{ MALFORMED("next-to-itself", "S-DRV-004", "a descriptor that links to itself (B07)",
		    NEXT_TO_ITSELF),
	  SPLIT },
	{ MALFORMED("next-loops", "S-DRV-004", "a chain that is a ring (B07)", NEXT_IN_A_RING),
	  SPLIT },
	{ MALFORMED("empty-to-itself", "S-DRV-004",
		    "an empty descriptor that links to itself (B19)", EMPTY_TO_ITSELF),
	  SPLIT },
	{ MALFORMED("head-twice", "S-FMT-011", "a head that is available several times (B15)",
		    HEAD_TWICE),
	  SPLIT },
	{ MALFORMED("next-for-ever", "P-DRV-007", "a chain that never ends (B17)", NEXT_FOR_EVER),
	  PACKED },
	{ MALFORMED("id-beyond", "P-FMT-026", "buffer ids beyond the ring's size", ID_BEYOND),
	  PACKED },
	{ MALFORMED("id-twice", "P-FMT-026", "the same buffer id everywhere (B15)", ID_TWICE),
	  PACKED },
	{ MALFORMED("flags-without-sense", "P-FMT-014", "descriptor flags that there are not",
		    FLAGS_WITHOUT_SENSE),
	  PACKED },
	{ .name = "noise",
	  .clauses = "VU-MEM-006",
	  .text = "random words all over the ring",
	  .hostile = true,
	  ANY,
	  .run = noise },
	{ .name = "noise-indirect",
	  .clauses = "VU-MEM-006",
	  .text = "random words all over the ring, with indirect tables",
	  .hostile = true,
	  TABLE,
	  .variant = 1,
	  .run = noise },
	{ .name = "changed-behind",
	  .clauses = "VU-MEM-006 S-DRV-009",
	  .text = "lengths change while the device reads them (B12, B18)",
	  .hostile = true,
	  SPLIT,
	  .run = changed_behind },
};

const struct check_list back_end_malformed_checks = CHECK_LIST(checks);
