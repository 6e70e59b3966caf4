// SPDX-License-Identifier: BSD-3-Clause
/* An honest device written from the specification. */
#include "peer_device.h"

#include <stdlib.h>

void peer_device_open(struct peer_device *peer, const struct rig *rig)
{
	memset(peer, 0, sizeof(*peer));
	peer->rig = rig;
	peer->raw = &rig->raw;
	peer->features = rig->shape.features;
	peer->avail_wrap = true;
	peer->used_wrap = true;
	peer->busy = calloc(rig->raw.size, sizeof(*peer->busy));
	peer->next = calloc(rig->raw.size, sizeof(*peer->next));
	CHECK(peer->busy && peer->next);
}

void peer_device_close(struct peer_device *peer)
{
	free(peer->busy);
	free(peer->next);
}

/* One element; readable before writable, never empty, at most 2^32 bytes in all. */
static void gather(struct peer_device *peer, struct peer_chain *chain, const struct raw_desc *d)
{
	bool write = d->flags & RAW_WRITE;

	CHECK(d->len > 0);
	if (!write)
		CHECK_EQ(chain->capacity, 0);
	else
		chain->capacity += d->len;
	peer->bytes += d->len;
	CHECK(peer->bytes <= 1ull << 32);
	if (chain->count < PEER_ELEMENTS)
		chain->element[chain->count] = (struct peer_element){ d->addr, d->len, write };
	chain->count++;
}

/* The table that @d points to, in the memory that the driver was given for tables. */
static const uint8_t *table_of(const struct peer_device *peer, const struct raw_desc *d)
{
	const struct rig *rig = peer->rig;

	CHECK(peer->features & VR_F_INDIRECT_DESC);
	CHECK_EQ(d->flags & RAW_NEXT, 0);
	CHECK(d->len > 0);
	CHECK_EQ(d->len % 16, 0);
	CHECK(d->addr >= RIG_TABLES);
	CHECK_EQ(d->addr % 16, 0);
	CHECK(d->addr - RIG_TABLES + d->len <= rig->tables.bytes);
	return rig->tables.driver + (d->addr - RIG_TABLES);
}

static void gather_split_table(struct peer_device *peer, struct peer_chain *chain,
			       const struct raw_desc *outer)
{
	const uint8_t *table = table_of(peer, outer);
	uint32_t entries = outer->len / 16;
	uint32_t i = 0;

	for (uint32_t steps = 0;; steps++) {
		struct raw_desc d = split_desc(table, i);

		CHECK(steps < entries);
		CHECK_EQ(d.flags & ~(RAW_NEXT | RAW_WRITE), 0);
		gather(peer, chain, &d);
		if (!(d.flags & RAW_NEXT))
			break;
		CHECK(d.next < entries);
		if (is_in_order(peer->features))
			CHECK_EQ(d.next, i + 1);
		i = d.next;
	}
	chain->indirect = true;
}

static void take_split(struct peer_device *peer, struct peer_chain *chain)
{
	const struct raw *raw = peer->raw;
	uint32_t i = le16(at_avail_slot(raw, peer->avail));

	if (is_in_order(peer->features))
		CHECK_EQ(i, peer->next_slot);
	chain->id = (uint16_t)i;
	chain->slot = (uint16_t)i;
	for (;;) {
		struct raw_desc d;

		CHECK(i < raw->size);
		CHECK(!peer->busy[i]);
		peer->busy[i] = true;
		d = split_desc(raw->descriptors, i);
		peer->next[i] = d.next;
		chain->descriptors++;
		CHECK_EQ(d.flags & ~(RAW_NEXT | RAW_WRITE | RAW_INDIRECT), 0);
		if (d.flags & RAW_INDIRECT)
			gather_split_table(peer, chain, &d);
		else
			gather(peer, chain, &d);
		if (!(d.flags & RAW_NEXT))
			break;
		if (is_in_order(peer->features))
			CHECK_EQ(d.next, (i + 1) % raw->size);
		i = d.next;
	}
	peer->next_slot = (chain->id + chain->descriptors) % raw->size;
	peer->avail = (peer->avail + 1) & 0xffff;
}

static bool packed_available(const struct peer_device *peer, uint16_t flags)
{
	return !!(flags & RAW_AVAIL) == peer->avail_wrap &&
	       !!(flags & RAW_USED) != peer->avail_wrap;
}

static void gather_packed_table(struct peer_device *peer, struct peer_chain *chain,
				const struct raw_desc *outer)
{
	const uint8_t *table = table_of(peer, outer);

	for (uint32_t i = 0; i < outer->len / 16; i++) {
		struct raw_desc d = packed_desc(table, i);

		CHECK_EQ(d.flags & ~RAW_WRITE, 0);
		gather(peer, chain, &d);
	}
	chain->indirect = true;
}

static void take_packed(struct peer_device *peer, struct peer_chain *chain)
{
	const struct raw *raw = peer->raw;
	struct raw_desc d;

	chain->slot = (uint16_t)peer->avail;
	do {
		d = packed_desc(raw->descriptors, peer->avail);
		CHECK(packed_available(peer, d.flags));
		CHECK_EQ(d.flags & ~(RAW_NEXT | RAW_WRITE | RAW_INDIRECT | RAW_AVAIL | RAW_USED),
			 0);
		CHECK(chain->descriptors < raw->size);
		chain->descriptors++;
		if (d.flags & RAW_INDIRECT) {
			CHECK_EQ(chain->descriptors, 1);
			gather_packed_table(peer, chain, &d);
		} else {
			gather(peer, chain, &d);
		}
		if (++peer->avail == raw->size) {
			peer->avail = 0;
			peer->avail_wrap = !peer->avail_wrap;
		}
	} while (d.flags & RAW_NEXT);
	chain->id = d.id;
	CHECK(chain->id < raw->size);
	CHECK(!peer->busy[chain->id]);
	peer->busy[chain->id] = true;
}

bool peer_device_take(struct peer_device *peer, struct peer_chain *chain)
{
	memset(chain, 0, sizeof(*chain));
	peer->bytes = 0;
	if (is_packed(peer->features)) {
		if (!packed_available(peer, packed_desc(peer->raw->descriptors, peer->avail).flags))
			return false;
		take_packed(peer, chain);
		return true;
	}
	if (le16(at_avail_idx(peer->raw)) == peer->avail)
		return false;
	take_split(peer, chain);
	return true;
}

struct peer_chain peer_device_take_one(struct peer_device *peer)
{
	struct peer_chain chain;

	CHECK(peer_device_take(peer, &chain));
	return chain;
}

static void forget(struct peer_device *peer, const struct peer_chain *chain)
{
	uint32_t i = chain->slot;

	if (is_packed(peer->features)) {
		peer->busy[chain->id] = false;
		return;
	}
	for (uint32_t n = 0; n < chain->descriptors; n++) {
		peer->busy[i] = false;
		i = peer->next[i];
	}
}

uint16_t peer_device_used_flags(const struct peer_device *peer, bool wrote)
{
	unsigned int flags = peer->used_wrap ? RAW_AVAIL | RAW_USED : 0;

	return (uint16_t)(flags | (wrote ? RAW_WRITE : 0));
}

static void use_packed(struct peer_device *peer, uint16_t id, uint32_t skip, uint32_t len)
{
	struct raw_desc d = packed_desc(peer->raw->descriptors, peer->used);

	d.id = id;
	d.len = len;
	d.flags = peer_device_used_flags(peer, len > 0);
	put_packed_desc(peer->raw->descriptors, peer->used, d);
	peer->used += skip;
	if (peer->used >= peer->raw->size) {
		peer->used -= peer->raw->size;
		peer->used_wrap = !peer->used_wrap;
	}
}

void peer_device_use_run(struct peer_device *peer, const struct peer_chain *chains,
			 unsigned int count, uint32_t len)
{
	const struct peer_chain *last = &chains[count - 1];
	uint32_t skip = 0;

	for (unsigned int i = 0; i < count; i++) {
		skip += chains[i].descriptors;
		forget(peer, &chains[i]);
	}
	if (is_packed(peer->features)) {
		use_packed(peer, last->id, skip, len);
		return;
	}
	put_used_slot(peer->raw, peer->used, last->id, len);
	peer->used = (peer->used + count) & 0xffff;
	put_le16(at_used_idx(peer->raw), (uint16_t)peer->used);
}

void peer_device_use(struct peer_device *peer, const struct peer_chain *chain, uint32_t len)
{
	peer_device_use_run(peer, chain, 1, len);
}
