// SPDX-License-Identifier: BSD-3-Clause
/* An honest driver written from the specification. */
#include "peer_driver.h"

#include <stdlib.h>

void peer_driver_open(struct peer_driver *peer, const struct rig *rig, struct random *random)
{
	uint32_t size = rig->raw.size;

	memset(peer, 0, sizeof(*peer));
	peer->rig = rig;
	peer->raw = &rig->raw;
	peer->features = rig->shape.features;
	peer->random = random;
	peer->avail_wrap = true;
	peer->used_wrap = true;
	peer->free = calloc(size, sizeof(*peer->free));
	peer->buffer = calloc(size, sizeof(*peer->buffer));
	peer->order = calloc(size, sizeof(*peer->order));
	CHECK(peer->free && peer->buffer && peer->order);
	for (uint32_t i = 0; i < size; i++)
		peer->free[i] = (uint16_t)(size - 1 - i);
	peer->free_count = size;
	peer->slots_free = size;
}

void peer_driver_close(struct peer_driver *peer)
{
	for (uint32_t i = 0; i < peer->raw->size; i++)
		free(peer->buffer[i].slots);
	free(peer->free);
	free(peer->buffer);
	free(peer->order);
}

/* A free slot or id: the next one in ring order, or any when the driver may choose. */
static uint16_t take_free(struct peer_driver *peer)
{
	uint32_t pick = peer->free_count - 1;
	uint16_t value;

	if (peer->random && !(is_in_order(peer->features) && !is_packed(peer->features)))
		pick = random_below(peer->random, peer->free_count);
	value = peer->free[pick];
	peer->free[pick] = peer->free[--peer->free_count];
	return value;
}

/* Split in order: descriptors come back in the order they went out, so a rotation suffices. */
static void give_free(struct peer_driver *peer, uint16_t value)
{
	if (is_in_order(peer->features) && !is_packed(peer->features)) {
		memmove(peer->free + 1, peer->free, peer->free_count * sizeof(*peer->free));
		peer->free[0] = value;
		peer->free_count++;
		return;
	}
	peer->free[peer->free_count++] = value;
}

/* Fills the table that belongs to @slot; answers the descriptor that points to it. */
static struct raw_desc fill_table(struct peer_driver *peer, uint32_t slot,
				  const struct peer_element *elements, unsigned int count)
{
	uint32_t entries = peer->rig->shape.entries;
	uint8_t *table = peer->rig->tables.driver + 16 * (size_t)slot * entries;

	CHECK(count <= entries);
	for (unsigned int i = 0; i < count; i++) {
		struct raw_desc d = { .addr = elements[i].addr, .len = elements[i].len };

		d.flags = elements[i].write ? RAW_WRITE : 0;
		if (is_packed(peer->features)) {
			put_packed_desc(table, i, d);
			continue;
		}
		if (i + 1 < count) {
			d.flags |= RAW_NEXT;
			d.next = (uint16_t)(i + 1);
		}
		put_split_desc(table, i, d);
	}
	return (struct raw_desc){ .addr = RIG_TABLES + 16 * (uint64_t)slot * entries,
				  .len = 16 * count,
				  .flags = RAW_INDIRECT };
}

static void note(struct peer_driver *peer, uint16_t id, uint32_t descriptors,
		 const struct peer_element *elements, unsigned int count, uint16_t *slots)
{
	struct peer_buffer *b = &peer->buffer[id];

	b->used = false;
	b->id = id;
	b->descriptors = descriptors;
	b->capacity = 0;
	b->slots = slots;
	for (unsigned int i = 0; i < count; i++)
		b->capacity += elements[i].write ? elements[i].len : 0;
	peer->order[peer->outstanding++] = id;
}

static int add_split(struct peer_driver *peer, const struct peer_element *e, unsigned int count,
		     unsigned int direct)
{
	unsigned int need = direct + (direct < count ? 1 : 0);
	uint16_t *slots;

	if (peer->free_count < need)
		return -1;
	slots = calloc(need, sizeof(*slots));
	CHECK(slots);
	for (unsigned int i = 0; i < need; i++)
		slots[i] = take_free(peer);
	for (unsigned int i = 0; i < need; i++) {
		struct raw_desc d = { .addr = e[i].addr, .len = e[i].len };

		if (i == direct)
			d = fill_table(peer, slots[i], e + direct, count - direct);
		else
			d.flags = e[i].write ? RAW_WRITE : 0;
		if (i + 1 < need) {
			d.flags |= RAW_NEXT;
			d.next = slots[i + 1];
		}
		put_split_desc(peer->raw->descriptors, slots[i], d);
	}
	put_le16(at_avail_slot(peer->raw, peer->avail), slots[0]);
	peer->avail = (peer->avail + 1) & 0xffff;
	note(peer, slots[0], need, e, count, slots);
	return slots[0];
}

/* Writes one slot; the first of what is staged keeps its old flags until the publish. */
static void put_packed_slot(struct peer_driver *peer, struct raw_desc d)
{
	d.flags = (uint16_t)(d.flags | (peer->avail_wrap ? RAW_AVAIL : RAW_USED));
	if (!peer->staged) {
		peer->staged = true;
		peer->staged_slot = peer->avail;
		peer->staged_flags = d.flags;
		d.flags = packed_desc(peer->raw->descriptors, peer->avail).flags;
	}
	put_packed_desc(peer->raw->descriptors, peer->avail, d);
	if (++peer->avail == peer->raw->size) {
		peer->avail = 0;
		peer->avail_wrap = !peer->avail_wrap;
	}
}

static int add_packed(struct peer_driver *peer, const struct peer_element *e, unsigned int count,
		      bool indirect)
{
	unsigned int need = indirect ? 1 : count;
	uint16_t id;

	if (peer->slots_free < need || !peer->free_count)
		return -1;
	id = take_free(peer);
	peer->slots_free -= need;
	for (unsigned int i = 0; i < need; i++) {
		struct raw_desc d = { .addr = e[i].addr, .len = e[i].len };

		if (indirect)
			d = fill_table(peer, id, e, count);
		else
			d.flags = e[i].write ? RAW_WRITE : 0;
		if (i + 1 < need)
			d.flags |= RAW_NEXT;
		/* Only the last descriptor's id counts; the others carry something else. */
		d.id = i + 1 < need ? (uint16_t)~id : id;
		put_packed_slot(peer, d);
	}
	note(peer, id, need, e, count, NULL);
	return id;
}

int peer_driver_add(struct peer_driver *peer, const struct peer_element *elements,
		    unsigned int count, enum peer_shape shape, unsigned int direct)
{
	if (is_packed(peer->features))
		return add_packed(peer, elements, count, shape == PEER_INDIRECT);
	if (shape == PEER_DIRECT)
		direct = count;
	else if (shape == PEER_INDIRECT)
		direct = 0;
	return add_split(peer, elements, count, direct);
}

void peer_driver_publish(struct peer_driver *peer)
{
	struct raw_desc d;

	if (!is_packed(peer->features)) {
		put_le16(at_avail_idx(peer->raw), (uint16_t)peer->avail);
		return;
	}
	if (!peer->staged)
		return;
	d = packed_desc(peer->raw->descriptors, peer->staged_slot);
	d.flags = peer->staged_flags;
	put_packed_desc(peer->raw->descriptors, peer->staged_slot, d);
	peer->staged = false;
}

uint16_t peer_driver_send(struct peer_driver *peer, const struct peer_element *elements,
			  unsigned int count)
{
	int id = peer_driver_add(peer, elements, count, PEER_DIRECT, 0);

	CHECK(id >= 0);
	peer_driver_publish(peer);
	return (uint16_t)id;
}

/* The outstanding buffer @id leaves; answers its place in the order. */
static uint32_t place_of(const struct peer_driver *peer, uint32_t id)
{
	for (uint32_t i = 0; i < peer->outstanding; i++)
		if (peer->order[i] == id)
			return i;
	check_true(__FILE__, __LINE__, "the used id names an outstanding buffer", false);
	return 0;
}

static void retire(struct peer_driver *peer, uint32_t place)
{
	struct peer_buffer *b = &peer->buffer[peer->order[place]];

	if (is_packed(peer->features)) {
		give_free(peer, b->id);
		peer->slots_free += b->descriptors;
	} else {
		for (uint32_t i = 0; i < b->descriptors; i++)
			give_free(peer, b->slots[i]);
	}
	free(b->slots);
	b->slots = NULL;
	peer->outstanding--;
	memmove(peer->order + place, peer->order + place + 1,
		(peer->outstanding - place) * sizeof(*peer->order));
}

/* Looks at the next used entry; false when there is none. */
static bool next_used(struct peer_driver *peer, uint32_t *id, uint32_t *len)
{
	struct raw_desc d;

	if (!is_packed(peer->features)) {
		if (le16(at_used_idx(peer->raw)) == peer->used)
			return false;
		*id = le32(at_used_slot(peer->raw, peer->used));
		*len = le32(at_used_slot(peer->raw, peer->used) + 4);
		return true;
	}
	d = packed_desc(peer->raw->descriptors, peer->used);
	if (!!(d.flags & RAW_AVAIL) != peer->used_wrap || !!(d.flags & RAW_USED) != peer->used_wrap)
		return false;
	CHECK_EQ(d.flags & ~(RAW_WRITE | RAW_AVAIL | RAW_USED), 0);
	*id = d.id;
	*len = d.flags & RAW_WRITE ? d.len : 0;
	return true;
}

/* The used cursor passes one buffer. */
static void step_used(struct peer_driver *peer, const struct peer_buffer *b)
{
	if (!is_packed(peer->features)) {
		peer->used = (peer->used + 1) & 0xffff;
		return;
	}
	peer->used += b->descriptors;
	if (peer->used >= peer->raw->size) {
		peer->used -= peer->raw->size;
		peer->used_wrap = !peer->used_wrap;
	}
}

bool peer_driver_get(struct peer_driver *peer, uint16_t *id, uint32_t *len)
{
	struct peer_buffer *b;
	uint32_t used_id;
	uint32_t used_len;
	uint32_t place = 0;

	if (!peer->batch) {
		if (!next_used(peer, &used_id, &used_len))
			return false;
		place = place_of(peer, used_id);
		peer->batch = 1;
		peer->batch_len = used_len;
		if (is_in_order(peer->features)) {
			peer->batch = place + 1;
			place = 0;
			if (!is_packed(peer->features))
				CHECK(peer->batch <=
				      ((le16(at_used_idx(peer->raw)) - peer->used) & 0xffff));
		}
	}
	b = &peer->buffer[peer->order[place]];
	*id = b->id;
	*len = --peer->batch ? b->capacity : peer->batch_len;
	CHECK(*len <= b->capacity);
	step_used(peer, b);
	retire(peer, place);
	return true;
}
