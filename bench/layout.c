// SPDX-License-Identifier: BSD-3-Clause
#include "layout.h"

#include <stdlib.h>
#include <string.h>

#include <virtring/ring.h>

#define LINE 64u
#define DESCRIPTOR 16u
#define ELEMENT 8u
#define ENTRY 2u
#define RING_AT 4u /* of the split used ring's elements, and the available ring's entries */

/*
 * One number for what each descriptor, table entry or element holds: equal numbers, equal contents.
 * A line is marked with the last turn in which it was changed, so that it counts once a turn.
 */
struct place {
	uint64_t *holds;
	uint64_t *marked;
};

enum what {
	DESCRIPTORS,
	TABLES,
	ELEMENTS,
	WHATS,
};

struct layout {
	const struct ring_cell *cell;
	bool packed;
	bool in_order;
	unsigned int each; /* ring descriptors of a buffer */
	unsigned int table_lines;
	uint64_t turn; /* one each time a side plays */
	uint64_t added; /* buffers */
	struct place place[WHATS];
	uint64_t lines; /* changed in this turn */
};

static int make_place(struct place *place, size_t count)
{
	place->holds = calloc(count, sizeof(*place->holds));
	place->marked = calloc(count, sizeof(*place->marked));
	return place->holds && place->marked ? 0 : -1;
}

static void count_line(struct layout *layout, struct place *place, size_t line)
{
	if (place->marked[line] == layout->turn)
		return;
	place->marked[line] = layout->turn;
	layout->lines++;
}

/* Puts something to place @at, which is at byte @offset; the line changes if that is news. */
static void put(struct layout *layout, enum what what, size_t at, size_t offset, uint64_t contents)
{
	struct place *place = &layout->place[what];

	if (place->holds[at] == contents)
		return;
	place->holds[at] = contents;
	count_line(layout, place, offset / LINE);
}

/* What stands for a segment of the buffer that is added as number @number. */
static uint64_t contents_of(const struct layout *layout, uint64_t number, unsigned int segment)
{
	const struct ring_cell *cell = layout->cell;
	uint64_t pool = cell->rotate ? 2ull * cell->size - 1 : cell->size;

	return 1 + (number % pool) * cell->segments + segment;
}

/* The table of a buffer, at the descriptor that names it. */
static void put_table(struct layout *layout, uint64_t number, size_t slot)
{
	size_t bytes = (size_t)layout->table_lines * LINE;
	unsigned int per_table = layout->table_lines * (LINE / DESCRIPTOR);

	for (unsigned int i = 0; i < layout->cell->segments; i++)
		put(layout, TABLES, slot * per_table + i, slot * bytes + (size_t)i * DESCRIPTOR,
		    contents_of(layout, number, i));
}

/* Descriptors are written in ring order; in a packed ring each lap has another wrap counter. */
static void put_buffer(struct layout *layout, uint64_t number)
{
	uint64_t size = layout->cell->size;

	for (unsigned int i = 0; i < layout->each; i++) {
		uint64_t position = number * layout->each + i;
		size_t slot = position % size;
		uint64_t contents = layout->cell->indirect ? 1 : contents_of(layout, number, i);

		if (layout->packed)
			contents = contents * 4 + (position / size) % 2;
		put(layout, DESCRIPTORS, slot, slot * DESCRIPTOR, contents);
		if (layout->cell->indirect)
			put_table(layout, number, slot);
	}
}

/* Does buffer @i of a burst need a used entry? One that was filled, or cannot be, is skipped. */
static bool has_entry(const struct layout *layout, unsigned int i)
{
	return !layout->in_order || layout->cell->writable || i == 0;
}

/*
 * A used entry. In order it names the last buffer of its batch and stands where the first one is, so
 * it only says something new if bursts are cut otherwise than on the last lap.
 */
static void put_used(struct layout *layout, uint64_t number)
{
	uint64_t size = layout->cell->size;
	bool batch = layout->in_order && !layout->cell->writable;
	uint64_t last = batch ? number + layout->cell->burst - 1 : number;

	if (layout->packed) {
		uint64_t position = number * layout->each;

		put(layout, DESCRIPTORS, position % size, position % size * DESCRIPTOR,
		    2 + (position / size) % 2);
		return;
	}
	put(layout, ELEMENTS, number % size, RING_AT + number % size * ELEMENT,
	    1 + last * layout->each % size);
}

static void begin(struct layout *layout)
{
	layout->turn++;
	layout->lines = 0;
}

/* The driver's turn: the lines that it changes. */
static uint64_t add(struct layout *layout)
{
	begin(layout);
	for (unsigned int i = 0; i < layout->cell->burst; i++)
		put_buffer(layout, layout->added + i);
	/* The index of the split ring; its entries are the same on every lap. */
	return layout->lines + !layout->packed;
}

/* The device's turn. */
static uint64_t use(struct layout *layout)
{
	begin(layout);
	for (unsigned int i = 0; i < layout->cell->burst; i++)
		if (has_entry(layout, i))
			put_used(layout, layout->added + i);
	return layout->lines;
}

/* The index is in the first line of the elements: no line of its own if one of those changed. */
static uint64_t use_index(struct layout *layout)
{
	if (!layout->packed)
		count_line(layout, &layout->place[ELEMENTS], 0);
	return layout->lines;
}

/* Blocks in which @count things of @bytes lie, in a row from number @first on, from @from on. */
static uint64_t blocks(uint64_t first, uint64_t count, uint64_t size, unsigned int at,
		       unsigned int bytes, uint64_t from)
{
	uint64_t found = 0;
	uint64_t last = UINT64_MAX;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t block = (at + (first + i) % size * bytes) / LINE;

		found += block != last && block >= from;
		last = block;
	}
	return found;
}

/* What a device behind a bus must read: all that it cannot know, as it has no cache to rely on. */
static uint64_t look(const struct layout *layout)
{
	const struct ring_cell *cell = layout->cell;
	uint64_t reads = blocks(layout->added * layout->each, (uint64_t)cell->burst * layout->each,
				cell->size, 0, DESCRIPTOR, 0);

	if (cell->indirect)
		reads += (uint64_t)cell->burst * layout->table_lines;
	if (layout->packed)
		return reads;
	/* The block of the index brings entries along; in order it knows them. */
	if (!layout->in_order)
		reads += blocks(layout->added, cell->burst, cell->size, RING_AT, ENTRY, 1);
	return reads + 1;
}

static void play(struct layout *layout, struct layout_floor *floor)
{
	uint64_t lines = add(layout);

	floor->driver_lines += lines;
	floor->bus_reads += look(layout);
	/* The index goes behind the elements, in a write of its own. */
	floor->bus_writes += use(layout) + !layout->packed;
	floor->device_lines += use_index(layout);
	layout->added += layout->cell->burst;
	floor->buffers += layout->cell->burst;
}

static int open_layout(struct layout *layout, const struct ring_cell *cell)
{
	uint64_t features = ring_cell_features(cell);
	size_t tables;

	memset(layout, 0, sizeof(*layout));
	layout->cell = cell;
	layout->packed = features & VR_F_RING_PACKED;
	layout->in_order = features & VR_F_IN_ORDER;
	layout->each = ring_cell_descriptors(cell);
	layout->table_lines = (cell->segments * DESCRIPTOR + LINE - 1) / LINE;
	tables = cell->indirect ? (size_t)layout->table_lines * (LINE / DESCRIPTOR) : 0;
	return make_place(&layout->place[DESCRIPTORS], cell->size) ||
	       make_place(&layout->place[TABLES], cell->size * tables + 1) ||
	       /* One line more: they begin behind the index. */
	       make_place(&layout->place[ELEMENTS], cell->size + 1);
}

static void close_layout(struct layout *layout)
{
	for (int what = 0; what < WHATS; what++) {
		free(layout->place[what].holds);
		free(layout->place[what].marked);
	}
}

int layout_floor(const struct ring_cell *cell, uint64_t warm, uint64_t bursts,
		 struct layout_floor *floor)
{
	struct layout layout;
	int result = open_layout(&layout, cell);

	if (!result) {
		for (uint64_t i = 0; i < warm; i++)
			play(&layout, floor);
		memset(floor, 0, sizeof(*floor));
		for (uint64_t i = 0; i < bursts; i++)
			play(&layout, floor);
	}
	close_layout(&layout);
	return result ? -1 : 0;
}
