// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who owns which descriptor.
 *
 * A packed ring, and a split one in order, are used as they were made available: what is the
 * device's is the run between two cursors. A split ring out of order says it only in what both
 * rings hold of the past; where that is not enough, the answer is that it is not known.
 */
#include <stdlib.h>
#include <string.h>

#include "decode.h"

static void wrong(struct ring_owners *owners, const char *what, uint32_t at)
{
	if (owners->wrong)
		return;
	owners->wrong = what;
	owners->wrong_at = at;
}

/* ---- split ---- */

/* Gives a whole chain to its owner; the slot behind its last one, as in-order rings count. */
static uint32_t own_chain(const struct ring_image *image, struct ring_owners *owners, uint32_t head,
			  enum ring_owner owner)
{
	uint32_t slot = head;
	uint32_t left = image->size;

	if (head >= image->size) {
		wrong(owners, "a head that is no descriptor of this queue", head);
		return 0;
	}
	for (;;) {
		struct ring_desc desc = ring_desc_of(image, slot);

		owners->of[slot] = (uint8_t)owner;
		if (!(desc.flags & RING_NEXT))
			break;
		if (desc.id >= image->size) {
			wrong(owners, "a next field that is no descriptor of this queue", slot);
			break;
		}
		if (--left == 0) {
			wrong(owners, "a chain that does not end", head);
			break;
		}
		slot = desc.id;
	}
	return (slot + 1) % image->size;
}

/* What both rings hold of one head: how often it was made available, and used. */
struct tally {
	uint16_t made;
	uint16_t used;
};

/*
 * Out of order. Both rings are read over the same indexes, as far back as the available ring still
 * has its entries. Made available once more than used: the device's. When these are as many as
 * the indexes say, the story is complete, and all others are the driver's.
 */
static int find_out_of_order(const struct ring_image *image, struct ring_owners *owners)
{
	uint16_t used = ring_index_of(image, VR_AREA_DEVICE);
	uint32_t outstanding = (uint32_t)owners->outstanding;
	uint32_t back = image->size - outstanding;
	uint32_t found = 0;
	struct tally *tally = calloc(image->size, sizeof(*tally));

	if (!tally)
		return -1;
	/* An index that small has most probably not gone round yet. */
	if (back > used)
		back = used;
	for (uint32_t i = 0; i < back + outstanding; i++) {
		uint32_t head = ring_avail_entry(image, (uint16_t)(used - back + i));

		if (head < image->size)
			tally[head].made++;
	}
	for (uint32_t i = 0; i < back; i++) {
		uint32_t head = ring_used_entry(image, (uint16_t)(used - back + i)).id;

		if (head < image->size)
			tally[head].used++;
	}
	for (uint32_t i = 0; i < image->size; i++)
		found += tally[i].made > tally[i].used;
	owners->guessed = outstanding != 0;
	if (found != outstanding)
		memset(owners->of, RING_NOT_KNOWN, image->size);
	for (uint32_t i = 0; i < image->size; i++)
		if (tally[i].made > tally[i].used)
			own_chain(image, owners, i, RING_DEVICES);
	free(tally);
	return 0;
}

static void find_in_order(const struct ring_image *image, struct ring_owners *owners)
{
	uint16_t used = ring_index_of(image, VR_AREA_DEVICE);
	uint16_t avail = ring_index_of(image, VR_AREA_DRIVER);
	uint32_t i;

	/* The next buffer begins behind the newest, which may have been used already. */
	if (avail != 0 || used != 0)
		owners->next = (int32_t)own_chain(image, owners,
						  ring_avail_entry(image, (uint16_t)(avail - 1)),
						  RING_DRIVERS);
	else
		owners->next = 0;
	for (i = 0; i < (uint32_t)owners->outstanding; i++) {
		uint32_t end = own_chain(
			image, owners, ring_avail_entry(image, (uint16_t)(used + i)), RING_DEVICES);
		uint32_t next = ring_avail_entry(image, (uint16_t)(used + i + 1));

		if (i + 1 < (uint32_t)owners->outstanding && next != end)
			wrong(owners, "in order, a head that does not follow the chain before it",
			      next);
	}
}

/* Of what is the device's, the private cursors know which it has taken. */
static void refine_split(const struct ring_image *image, struct ring_owners *owners)
{
	uint16_t avail = ring_index_of(image, VR_AREA_DRIVER);
	uint16_t used = ring_index_of(image, VR_AREA_DEVICE);
	bool in_order = image->features & VR_F_IN_ORDER;
	uint16_t count;

	if (ring_has(image, RING_AT_TAKEN)) {
		count = (uint16_t)(avail - image->cursor[RING_AT_TAKEN]);
		if (count > (uint32_t)owners->outstanding) {
			wrong(owners, "the device has taken more than is available",
			      image->cursor[RING_AT_TAKEN]);
			count = 0;
		}
		for (uint32_t i = 0; i < image->size; i++)
			if (owners->of[i] == RING_DEVICES)
				owners->of[i] = RING_DEVICES_TAKEN;
		/* Where none is taken, those that wait are all. */
		if (count == (uint32_t)owners->outstanding) {
			owners->guessed = false;
			memset(owners->of, RING_DRIVERS, image->size);
		}
		for (uint16_t i = 0; i < count; i++)
			own_chain(image, owners, ring_avail_entry(image, (uint16_t)(avail - 1 - i)),
				  RING_DEVICES_WAITING);
	}
	if (!ring_has(image, RING_AT_SEEN))
		return;
	count = (uint16_t)(used - image->cursor[RING_AT_SEEN]);
	if (count > image->size) {
		wrong(owners, "the driver has seen more than was used",
		      image->cursor[RING_AT_SEEN]);
		return;
	}
	for (uint16_t i = 0; i < count; i++) {
		/* In order a used entry may speak for several, each of which is in the other ring. */
		uint16_t index = (uint16_t)(used - 1 - i);
		uint32_t head = in_order ? ring_avail_entry(image, index) :
					   ring_used_entry(image, index).id;

		own_chain(image, owners, head, RING_DRIVERS_USED);
	}
}

static int find_split(const struct ring_image *image, struct ring_owners *owners)
{
	uint16_t avail = ring_index_of(image, VR_AREA_DRIVER);
	uint16_t used = ring_index_of(image, VR_AREA_DEVICE);
	uint16_t count = (uint16_t)(avail - used);

	if (count > image->size) {
		wrong(owners,
		      "the available index is further ahead of the used one than the queue "
		      "is long",
		      count);
		memset(owners->of, RING_NOT_KNOWN, image->size);
		return 0;
	}
	owners->outstanding = count;
	if (image->features & VR_F_IN_ORDER)
		find_in_order(image, owners);
	else if (find_out_of_order(image, owners))
		return -1;
	refine_split(image, owners);
	return 0;
}

/* ---- packed ---- */

static bool avail_bit(const struct ring_image *image, uint32_t slot)
{
	return ring_desc_of(image, slot).flags & RING_AVAIL;
}

/*
 * Where the driver goes on. Whoever wrote a slot last, its AVAIL bit is the wrap counter of that lap:
 * so it changes once in the ring, there. False: it changes more often.
 */
static bool find_made(const struct ring_image *image, uint16_t *made)
{
	bool first = avail_bit(image, 0);
	uint32_t slot = 0;

	while (slot < image->size && avail_bit(image, slot) == first)
		slot++;
	*made = (uint16_t)(slot == image->size ? (first ? 0 : 0x8000) :
						 slot | (first ? 0x8000 : 0));
	for (; slot < image->size; slot++)
		if (avail_bit(image, slot) == first)
			return false;
	return true;
}

static uint32_t linear(const struct ring_image *image, uint16_t position)
{
	return (position & 0x7fffu) + (position & 0x8000u ? 0 : image->size);
}

/* Steps from one position to a later one, below two laps. */
static uint32_t distance(const struct ring_image *image, uint16_t from, uint16_t to)
{
	uint32_t laps = 2 * image->size;

	return (linear(image, to) + laps - linear(image, from)) % laps;
}

/* The run from one position to another; false: it would be longer than the ring. */
static bool own_run(const struct ring_image *image, struct ring_owners *owners, uint16_t from,
		    uint16_t to, enum ring_owner owner)
{
	uint32_t count = distance(image, from, to);

	if (count > image->size)
		return false;
	for (uint32_t i = 0; i < count; i++)
		owners->of[((from & 0x7fffu) + i) % image->size] = (uint8_t)owner;
	return true;
}

/* Nobody's cursors: a slot says for itself whether it was last written by the device. */
static void find_by_flags(const struct ring_image *image, struct ring_owners *owners)
{
	for (uint32_t i = 0; i < image->size; i++) {
		uint16_t flags = ring_desc_of(image, i).flags;
		bool available = !(flags & RING_AVAIL) != !(flags & RING_USED_BIT);

		owners->of[i] = available ? RING_NOT_KNOWN : RING_DRIVERS;
	}
}

static void refine_packed(const struct ring_image *image, struct ring_owners *owners, uint16_t used,
			  uint16_t made)
{
	if (ring_has(image, RING_AT_TAKEN)) {
		uint16_t taken = image->cursor[RING_AT_TAKEN];

		if (distance(image, used, taken) > distance(image, used, made)) {
			wrong(owners, "the device has taken more than is available",
			      taken & 0x7fffu);
		} else {
			own_run(image, owners, used, taken, RING_DEVICES_TAKEN);
			own_run(image, owners, taken, made, RING_DEVICES_WAITING);
		}
	}
	if (ring_has(image, RING_AT_SEEN) &&
	    !own_run(image, owners, image->cursor[RING_AT_SEEN], used, RING_DRIVERS_USED))
		wrong(owners, "the driver has seen more than was used",
		      image->cursor[RING_AT_SEEN] & 0x7fffu);
}

/*
 * The driver's cursors and not the device's: used descriptors appear from where the driver looks on,
 * one behind the other. With none there, all that is outstanding is the device's; behind one, what
 * looks available may have been skipped.
 */
static bool find_by_driver(const struct ring_image *image, struct ring_owners *owners,
			   uint16_t made)
{
	uint16_t seen = image->cursor[RING_AT_SEEN];
	uint16_t flags = ring_desc_of(image, seen & 0x7fffu).flags;
	bool wrap = seen & 0x8000u;
	bool used = !(flags & RING_AVAIL) == !wrap && !(flags & RING_USED_BIT) == !wrap;
	uint32_t count = distance(image, seen, made);

	if (!ring_has(image, RING_AT_MADE) || !ring_has(image, RING_AT_SEEN))
		return false;
	if (!own_run(image, owners, seen, made, used && count ? RING_NOT_KNOWN : RING_DEVICES))
		return false;
	if (used && count)
		owners->of[seen & 0x7fffu] = RING_DRIVERS_USED;
	else
		owners->outstanding = (int32_t)count;
	return true;
}

static void find_packed(const struct ring_image *image, struct ring_owners *owners)
{
	uint16_t made, used;

	if (ring_has(image, RING_AT_MADE)) {
		made = image->cursor[RING_AT_MADE];
	} else if (!find_made(image, &made)) {
		wrong(owners, "the AVAIL bit changes more than once in the ring", 0);
		find_by_flags(image, owners);
		return;
	}
	owners->next = made & 0x7fff;
	if (!ring_has(image, RING_AT_USED)) {
		if (!find_by_driver(image, owners, made))
			find_by_flags(image, owners);
		return;
	}
	used = image->cursor[RING_AT_USED];
	if (!own_run(image, owners, used, made, RING_DEVICES)) {
		wrong(owners, "more descriptors are available than the ring has", used & 0x7fffu);
		find_by_flags(image, owners);
		return;
	}
	owners->outstanding = (int32_t)distance(image, used, made);
	refine_packed(image, owners, used, made);
}

int ring_owners_find(const struct ring_image *image, struct ring_owners *owners)
{
	*owners = (struct ring_owners){ .outstanding = -1, .next = -1 };
	owners->of = calloc(image->size, 1);
	if (!owners->of)
		return -1;
	if (ring_image_is_packed(image)) {
		find_packed(image, owners);
		return 0;
	}
	if (find_split(image, owners)) {
		free(owners->of);
		owners->of = NULL;
		return -1;
	}
	return 0;
}

const char *ring_owner_text(enum ring_owner owner)
{
	switch (owner) {
	case RING_DRIVERS:
		return "driver";
	case RING_DRIVERS_USED:
		return "driver, used";
	case RING_DEVICES:
		return "device";
	case RING_DEVICES_WAITING:
		return "device, waiting";
	case RING_DEVICES_TAKEN:
		return "device, taken";
	case RING_NOT_KNOWN:
		break;
	}
	return "?";
}
