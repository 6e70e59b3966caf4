// SPDX-License-Identifier: BSD-3-Clause
/* See traffic.h. */
#include <stdlib.h>

#include "traffic.h"

#define RX_BYTES 2048u

/* ---- receiving, so that what loops packets back can go on ---- */

static void add_rx(struct traffic *t, uint64_t offset)
{
	const struct element element = { session_addr(offset), RX_BYTES, true };

	queue_add(t->rx, &element, 1, DIRECT, (uint32_t)offset);
}

static void receive(void *context)
{
	struct traffic *t = context;

	if (!t->rx->started || !queue_poll(t->rx))
		return;
	for (uint32_t i = 0; i < t->rx->done_count; i++)
		add_rx(t, t->rx->done[i].token);
	queue_forget(t->rx);
	queue_go(t->rx);
}

static void fill_rx(struct traffic *t)
{
	for (uint32_t i = 0; i < t->rx->ring.size && i < 256; i++)
		add_rx(t, session_alloc(t->session, RX_BYTES, 64));
	t->session->background = receive;
	t->session->background_context = t;
}

/* ---- sessions ---- */

struct traffic *traffic_make(struct check_run *run, uint64_t features, uint64_t protocol,
			     uint32_t size)
{
	struct traffic *t = calloc(1, sizeof(*t));

	if (!t)
		check_skip(run, "no memory");
	if (run->target->device == CHECK_ANY)
		check_skip(run, "what the device does with its rings is not known (--type)");
	t->session = session_new(run, features, protocol);
	if (run->target->device == CHECK_NET) {
		t->rx = queue_make(t->session, 0, size);
		t->q = queue_make(t->session, 1, size);
	} else {
		t->q = queue_make(t->session, 0, size);
	}
	t->pool = session_alloc(t->session, TRAFFIC_SLOTS * TRAFFIC_SLOT_BYTES, 64);
	return t;
}

void traffic_begin_other(struct traffic *t)
{
	if (!t->rx)
		return;
	fill_rx(t);
	queue_publish(t->rx);
	queue_start(t->rx);
	queue_kick(t->rx);
}

void traffic_begin(struct traffic *t)
{
	traffic_begin_other(t);
	queue_start(t->q);
	session_ready(t->session);
}

struct traffic *traffic_start(struct check_run *run, uint64_t features, uint64_t protocol,
			      uint32_t size)
{
	struct traffic *t = traffic_make(run, features, protocol, size);

	traffic_begin(t);
	return t;
}

/* ---- requests ---- */

uint32_t traffic_least(const struct traffic *t)
{
	return t->rx ? 1 : 2;
}

static uint32_t take_slot(struct traffic *t)
{
	for (uint32_t i = 0; i < TRAFFIC_SLOTS; i++) {
		const uint32_t slot = (t->next + i) % TRAFFIC_SLOTS;

		if (t->requests[slot].busy)
			continue;
		t->next = slot + 1;
		return slot;
	}
	check_skip(t->session->run, "the check has too many buffers at once");
}

/* An Ethernet frame of a type for experiments, from and to addresses that nobody has. */
static void fill_packet(struct traffic *t, struct request *r, uint32_t token)
{
	static const uint8_t addresses[14] = { 0x02, 0, 0, 0, 0,    0x02, 0x02,
					       0,    0, 0, 0, 0x01, 0x88, 0xb5 };
	uint8_t *at = session_at(t->session, r->offset);

	r->readable = NET_HEADER + NET_FRAME;
	memset(at, 0, r->readable);
	memcpy(at + NET_HEADER, addresses, sizeof(addresses));
	memcpy(at + NET_HEADER + sizeof(addresses), &token, sizeof(token));
}

static void put_header(uint8_t *at, const struct request *r)
{
	memset(at, 0, r->readable);
	ring_store32(at, r->type);
	ring_store64(at + 8, r->sector);
}

static void fill_block(struct traffic *t, struct request *r, uint32_t token)
{
	uint8_t *at = session_at(t->session, r->offset);
	const uint32_t data = r->type == BLK_GET_ID ? 20 : r->type == BLK_FLUSH ? 0 : 512;

	r->readable = 16;
	r->writable = data + 1;
	r->sector = r->type == BLK_FLUSH ? 0 : token % TRAFFIC_SECTORS;
	put_header(at, r);
	memset(at + r->readable, r->poison, r->writable);
}

/* Cuts @bytes at @offset into @pieces of about the same size. */
static void cut(struct element *elements, uint64_t offset, uint32_t bytes, uint32_t pieces,
		bool write)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < pieces; i++) {
		const uint32_t end = (uint32_t)((uint64_t)bytes * (i + 1) / pieces);

		elements[i] = (struct element){ session_addr(offset + done), end - done, write };
		done = end;
	}
}

uint32_t traffic_prepare(struct traffic *t, uint32_t type, uint32_t pieces,
			 struct element *elements)
{
	const uint32_t token = take_slot(t);
	struct request *r = &t->requests[token];
	uint32_t readable;

	*r = (struct request){
		.type = type,
		/* Another one each time: what was not written is told from what was. */
		.poison = (uint8_t)(POISON + 7 * t->next),
		.offset = t->pool + (uint64_t)token * TRAFFIC_SLOT_BYTES,
		.busy = true,
	};
	if (t->rx)
		fill_packet(t, r, token);
	else
		fill_block(t, r, token);
	readable = !r->writable ? pieces : pieces / 2 < 16 ? pieces / 2 : 16;
	cut(elements, r->offset, r->readable, readable, false);
	cut(elements + readable, r->offset + r->readable, r->writable, pieces - readable, true);
	return token;
}

bool traffic_add_type(struct traffic *t, uint32_t type, uint32_t pieces, enum layout layout)
{
	struct element elements[TRAFFIC_PIECES];
	const uint32_t token = traffic_prepare(t, type, pieces, elements);

	if (queue_add(t->q, elements, pieces, layout, token))
		return true;
	t->requests[token].busy = false;
	return false;
}

bool traffic_add(struct traffic *t, uint32_t pieces, enum layout layout)
{
	return traffic_add_type(t, BLK_IN, pieces, layout);
}

void traffic_fill(struct traffic *t, uint32_t count, uint32_t pieces, enum layout layout)
{
	for (uint32_t i = 0; i < count; i++)
		if (!traffic_add(t, pieces, layout))
			check_skip(t->session->run, "the check has more buffers than descriptors");
}

/* ---- what came back ---- */

uint8_t traffic_status(const struct traffic *t, uint32_t token)
{
	const struct request *r = &t->requests[token];

	return session_at(t->session, r->offset)[r->readable + r->writable - 1];
}

static void verify_data(struct traffic *t, const struct request *r)
{
	const uint8_t *data = session_at(t->session, r->offset + r->readable);
	const uint64_t sector = r->sector;

	if (!t->known[sector]) {
		memcpy(t->sectors[sector], data, 512);
		t->known[sector] = true;
	}
	for (uint32_t i = 0; i < 512; i++)
		if (data[i] != t->sectors[sector][i])
			check_fail(t->session->run,
				   "the same bytes, however the buffer is cut, and all of them "
				   "before the buffer is used",
				   "byte %u of sector %llu is 0x%02x, and was 0x%02x before%s", i,
				   (unsigned long long)sector, data[i], t->sectors[sector][i],
				   data[i] == r->poison ? " (what the driver had put there)" : "");
}

static void verify_block(struct traffic *t, const struct request *r, const struct done *d)
{
	const uint8_t status = traffic_status(t, d->token);
	const uint8_t expected = r->type == BLK_NO_TYPE ? BLK_UNSUPP : BLK_OK;

	if (status != expected)
		check_fail(t->session->run, "the request's status, in place when it is used",
			   "a request of type %u has status 0x%02x, not %u%s%s", r->type, status,
			   expected, d->skipped ? "; it was skipped in a batch" : "",
			   status == r->poison ? " (nothing was written there)" : "");
	if (r->type == BLK_IN && d->len != r->writable)
		check_fail(t->session->run,
			   "BLK-DEV-006: the used length of a read is its data "
			   "and the status byte",
			   "it is %u of %u", d->len, r->writable);
	if (r->type == BLK_IN)
		verify_data(t, r);
	if (r->type == BLK_NO_TYPE && d->skipped)
		check_fail(t->session->run,
			   "IO-DEV-005, IO-DEV-009: only buffers that were filled are skipped",
			   "a request that was not supported was skipped, with %u bytes of data",
			   r->writable - 1);
}

/* What the device may only read is as it was. */
static void verify_readable(struct traffic *t, const struct request *r)
{
	uint8_t *at = session_at(t->session, r->offset);
	struct request copy = *r;
	uint8_t before[NET_HEADER + NET_FRAME];

	memcpy(before, at, r->readable);
	if (t->rx)
		fill_packet(t, &copy, (uint32_t)(r - t->requests));
	else
		put_header(at, r);
	if (memcmp(before, at, r->readable) != 0)
		check_fail(t->session->run, "P-DEV-004: what is not for writing is never written",
			   "the bytes that the device had to read have changed");
}

void traffic_verify(struct traffic *t)
{
	for (uint32_t i = 0; i < t->q->done_count; i++) {
		const struct done *d = &t->q->done[i];
		struct request *r = &t->requests[d->token];

		if (!r->busy)
			continue;
		if (t->rx && d->len)
			check_fail(t->session->run,
				   "S-FMT-008: the length counts what was written, and a packet "
				   "that is sent has no room for that",
				   "it is %u", d->len);
		if (!t->rx)
			verify_block(t, r, d);
		verify_readable(t, r);
		r->busy = false;
	}
}

void traffic_finish(struct traffic *t)
{
	queue_go(t->q);
	queue_wait(t->q);
	traffic_verify(t);
	queue_forget(t->q);
}
