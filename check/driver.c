// SPDX-License-Identifier: BSD-3-Clause
/* See session.h: the driver that plays on a ring. */
#include "session.h"

/* ---- adding ---- */

static uint64_t write_table(struct queue *q, const struct element *elements, uint32_t count)
{
	struct session *s = q->session;
	const uint64_t offset = session_alloc(s, ring_desc_bytes(count), 16);
	uint8_t *table = session_at(s, offset);

	for (uint32_t i = 0; i < count; i++) {
		const bool more = i + 1 < count;
		struct ring_desc d = { elements[i].addr, elements[i].len,
				       elements[i].write ? RING_WRITE : 0, 0 };

		/* A packed table is in order by itself; nothing but WRITE counts in it. */
		if (q->ring.packed) {
			packed_desc_put(table, i, d);
			continue;
		}
		d.flags |= more ? RING_NEXT : 0;
		d.link = (uint16_t)(more ? i + 1 : 0);
		split_desc_put(table, i, d);
	}
	return offset;
}

/* The next descriptor of a split table: in ring order, or whichever is free, from the end. */
static uint32_t take_desc(struct queue *q)
{
	uint32_t i;

	if (q->in_order) {
		i = q->next_avail;
		q->next_avail = (i + 1) % q->ring.size;
	} else {
		for (i = q->ring.size - 1; q->taken[i]; i--)
			;
	}
	q->taken[i] = true;
	return i;
}

static void add_split(struct queue *q, const struct ring_desc *ring, uint32_t slots,
		      struct outstanding *o)
{
	uint32_t at = take_desc(q);

	o->id = at;
	for (uint32_t i = 0; i < slots; i++) {
		const bool more = i + 1 < slots;
		const uint32_t next = more ? take_desc(q) : 0;
		struct ring_desc d = ring[i];

		d.flags |= more ? RING_NEXT : 0;
		d.link = (uint16_t)next;
		split_desc_put(q->ring.desc, at, d);
		at = next;
	}
	ring_store16(at_avail_slot(&q->ring, q->avail_idx), (uint16_t)o->id);
	q->avail_idx++;
}

static void add_packed(struct queue *q, const struct ring_desc *ring, uint32_t slots,
		       struct outstanding *o)
{
	uint32_t id;

	for (id = 0; q->taken[id]; id++)
		;
	q->taken[id] = true;
	o->id = id;
	for (uint32_t i = 0; i < slots; i++) {
		struct ring_desc d = ring[i];

		/* Only the last descriptor of a list has the id; the others may hold anything (2.8.6). */
		d.link = (uint16_t)(i + 1 < slots ? ~id : id);
		d.flags |= (uint16_t)((i + 1 < slots ? RING_NEXT : 0) |
				      packed_avail_flags(q->avail_wrap));
		packed_desc_put_body(q->ring.desc, q->next_avail, d);
		if (q->staged == UINT32_MAX) {
			q->staged = q->next_avail;
			q->staged_flags = d.flags;
		} else {
			packed_desc_put_flags(q->ring.desc, q->next_avail, d.flags);
		}
		if (++q->next_avail == q->ring.size) {
			q->next_avail = 0;
			q->avail_wrap = !q->avail_wrap;
		}
	}
}

/* Puts together what goes into the ring itself; answers how many descriptors that are. */
static uint32_t lay_out(struct queue *q, const struct element *elements, uint32_t count,
			enum layout layout, struct ring_desc *ring)
{
	const uint32_t direct = layout == DIRECT ? count : layout == CHAIN_THEN_INDIRECT ? 1 : 0;

	for (uint32_t i = 0; i < direct; i++)
		ring[i] = (struct ring_desc){ elements[i].addr, elements[i].len,
					      elements[i].write ? RING_WRITE : 0, 0 };
	if (direct == count)
		return direct;
	ring[direct] =
		(struct ring_desc){ session_addr(write_table(q, elements + direct, count - direct)),
				    (uint32_t)ring_desc_bytes(count - direct), RING_INDIRECT, 0 };
	return direct + 1;
}

bool queue_add(struct queue *q, const struct element *elements, uint32_t count, enum layout layout,
	       uint32_t token)
{
	struct ring_desc ring[SESSION_QUEUE_MAX + 1];
	struct outstanding *o = &q->order[q->order_count];
	const uint32_t needed = layout == DIRECT ? count : layout == CHAIN_THEN_INDIRECT ? 2 : 1;
	uint32_t slots;

	if (needed > q->free)
		return false;
	slots = lay_out(q, elements, count, layout, ring);
	*o = (struct outstanding){ .slots = slots, .token = token };
	for (uint32_t i = 0; i < count; i++)
		o->writable += elements[i].write ? elements[i].len : 0;
	if (q->ring.packed)
		add_packed(q, ring, slots, o);
	else
		add_split(q, ring, slots, o);
	q->free -= slots;
	q->order_count++;
	return true;
}

void queue_publish(struct queue *q)
{
	if (q->ring.packed && q->staged != UINT32_MAX)
		packed_desc_put_flags(q->ring.desc, q->staged, q->staged_flags);
	if (!q->ring.packed)
		ring_store16(at_avail_idx(&q->ring), q->avail_idx);
	q->staged = UINT32_MAX;
	q->published_idx = q->avail_idx;
	q->published = q->order_count;
	ring_full_fence();
}

/* ---- getting back ---- */

static void release(struct queue *q, const struct outstanding *o)
{
	uint32_t at = o->id;

	q->free += o->slots;
	if (q->ring.packed) {
		q->taken[at] = false;
		return;
	}
	for (uint32_t i = 0; i < o->slots; i++) {
		const uint16_t next = split_desc_at(q->ring.desc, at).link;

		q->taken[at] = false;
		at = next % q->ring.size;
	}
}

static void note_done(struct queue *q, const struct outstanding *o, uint32_t len, bool skipped)
{
	if (q->done_count < sizeof(q->done) / sizeof(q->done[0]))
		q->done[q->done_count] =
			(struct done){ o->token, skipped ? o->writable : len, skipped, q->entries };
	q->done_count++;
}

/* Takes @count buffers from position @at, the last of which has the entry. Answers their slots. */
static uint32_t retire(struct queue *q, uint32_t at, uint32_t count, uint32_t len)
{
	uint32_t slots = 0;

	for (uint32_t i = at; i < at + count; i++) {
		note_done(q, &q->order[i], len, i + 1 < at + count);
		slots += q->order[i].slots;
		release(q, &q->order[i]);
	}
	q->entries++;
	q->order_count -= count;
	q->published -= count;
	memmove(q->order + at, q->order + at + count, (q->order_count - at) * sizeof(q->order[0]));
	return slots;
}

/* Position of the published buffer with this head or id; fails the check if there is none. */
static uint32_t position(struct queue *q, uint32_t id, uint32_t len, uint32_t slot)
{
	for (uint32_t i = 0; i < q->published; i++) {
		if (q->order[i].id != id)
			continue;
		if (len > q->order[i].writable)
			check_fail(q->session->run,
				   "S-DEV-015, P-FMT-012: len is at most what the device can have "
				   "written",
				   "slot %u: id %u, len %u, where the buffer has room for %u", slot,
				   id, len, q->order[i].writable);
		return i;
	}
	check_fail(q->session->run,
		   q->ring.packed ? "P-FMT-026: the id of a buffer that the device has" :
				    "S-FMT-007: the head of a chain that the device has",
		   "the used %s in slot %u has id %u (len %u), and none such is outstanding",
		   q->ring.packed ? "descriptor" : "element", slot, id, len);
}

static void poll_split(struct queue *q)
{
	struct check_run *run = q->session->run;
	const uint16_t idx = ring_load16(at_used_idx(&q->ring));
	uint32_t left = (uint16_t)(idx - q->used_idx);

	if (left > q->published)
		check_fail(run, "S-FMT-006: used.idx counts the buffers that were used",
			   "it went from %u to %u with %u buffers available", q->used_idx, idx,
			   q->published);
	while (left) {
		const uint8_t *slot = at_used_slot(&q->ring, q->used_idx);
		const uint32_t id = ring_load32(slot);
		const uint32_t len = ring_load32(slot + 4);
		const uint32_t at = position(q, id, len, q->used_idx % q->ring.size);
		const uint32_t run_length = q->in_order ? at + 1 : 1;

		if (run_length > left)
			check_fail(run, "IO-DEV-004: used.idx rises by the length of the run",
				   "id %u ends a run of %u buffers, and the index has risen by %u",
				   id, run_length, left);
		retire(q, q->in_order ? 0 : at, run_length, len);
		q->used_idx = (uint16_t)(q->used_idx + run_length);
		left -= run_length;
	}
}

static bool poll_packed(struct queue *q)
{
	const struct ring_desc d = packed_desc_at(q->ring.desc, q->next_used);
	const uint32_t len = d.flags & RING_WRITE ? d.len : 0;
	uint32_t at, slots;

	if (!packed_is_used(d.flags, q->used_wrap))
		return false;
	at = position(q, d.link, len, q->next_used);
	slots = retire(q, q->in_order ? 0 : at, q->in_order ? at + 1 : 1, len);
	q->next_used += slots;
	if (q->next_used >= q->ring.size) {
		q->next_used -= q->ring.size;
		q->used_wrap = !q->used_wrap;
	}
	return true;
}

uint32_t queue_poll(struct queue *q)
{
	const uint32_t before = q->done_count;

	if (!q->ring.packed)
		poll_split(q);
	else
		while (poll_packed(q))
			;
	return q->done_count - before;
}
