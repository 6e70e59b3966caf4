// SPDX-License-Identifier: BSD-3-Clause
/* What a bench of the ring alone may vary, and the options that choose of it. */
#include "ring_cell.h"

#include <stdio.h>

#include <virtring/ring.h>

const char *const ring_form_names[RING_FORMS] = {
	"split",
	"split-in-order",
	"packed",
	"packed-in-order",
};

static const char *const table_names[] = { "direct", "indirect" };
static const char *const buffer_names[] = { "readable", "writable" };
static const char *const slot_names[] = { "kept", "rotating" };
static const char *const slot_words[] = { "keep", "rotate" };

enum key {
	KEY_FORMS = 600,
	KEY_SIZE,
	KEY_BURST,
	KEY_SEGMENTS,
	KEY_DESCRIPTORS,
	KEY_BUFFERS,
	KEY_SLOTS,
};

uint64_t ring_cell_features(const struct ring_cell *cell)
{
	static const uint64_t features[RING_FORMS] = {
		0,
		VR_F_IN_ORDER,
		VR_F_RING_PACKED,
		VR_F_RING_PACKED | VR_F_IN_ORDER,
	};

	return features[cell->form] | VR_F_VERSION_1 | (cell->indirect ? VR_F_INDIRECT_DESC : 0);
}

unsigned int ring_cell_descriptors(const struct ring_cell *cell)
{
	return cell->indirect ? 1 : cell->segments;
}

unsigned int ring_cell_used_bytes(const struct ring_cell *cell)
{
	return cell->writable ? cell->segments * RING_SEGMENT_BYTES - RING_LEFT_BYTES : 0;
}

const char *ring_cell_name(const struct ring_cell *cell, char *text)
{
	snprintf(text, 64, "%s %s, burst %u, %u %s", buffer_names[cell->writable],
		 slot_names[cell->rotate], cell->burst, cell->segments,
		 table_names[cell->indirect]);
	return text;
}

bool ring_cell_alike(const struct ring_cell *a, const struct ring_cell *b)
{
	return a->size == b->size && a->burst == b->burst && a->segments == b->segments &&
	       a->indirect == b->indirect && a->writable == b->writable && a->rotate == b->rotate;
}

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "What is measured (lists with commas, or all):", 1 },
	{ "forms", KEY_FORMS, "NAME,...", 0, "split, split-in-order, packed, packed-in-order (all)",
	  1 },
	{ "size", KEY_SIZE, "N,...", 0, "descriptors of the queue", 1 },
	{ "burst", KEY_BURST, "N,...", 0, "buffers at a time", 1 },
	{ "segments", KEY_SEGMENTS, "N,...", 0, "segments of a buffer (1)", 1 },
	{ "descriptors", KEY_DESCRIPTORS, "direct|indirect|all", 0,
	  "in the ring, or in a table for each buffer of more than one segment (direct)", 1 },
	{ "buffers", KEY_BUFFERS, "readable|writable|all", 0,
	  "what the device does with them; it fills none (all)", 1 },
	{ "slots", KEY_SLOTS, "keep|rotate|all", 0,
	  "the driver's buffers go round with the descriptors, or always move on", 1 },
	{ 0 },
};

static error_t take(int key, char *text, struct argp_state *state)
{
	struct ring_axes *axes = state->input;

	switch (key) {
	case KEY_FORMS:
		bench_names("forms", text, ring_form_names, RING_FORMS, &axes->forms);
		return 0;
	case KEY_SIZE:
		bench_wholes("size", text, 1, VR_QUEUE_SIZE_MAX, &axes->sizes);
		return 0;
	case KEY_BURST:
		bench_wholes("burst", text, 1, RING_BURST_MAX, &axes->bursts);
		return 0;
	case KEY_SEGMENTS:
		bench_wholes("segments", text, 1, RING_SEGMENTS_MAX, &axes->segments);
		return 0;
	case KEY_DESCRIPTORS:
		bench_names("descriptors", text, table_names, 2, &axes->tables);
		return 0;
	case KEY_BUFFERS:
		bench_names("buffers", text, buffer_names, 2, &axes->buffers);
		return 0;
	case KEY_SLOTS:
		bench_names("slots", text, slot_words, 2, &axes->slots);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp ring_axes_parser = { arguments, take, NULL, NULL, NULL, NULL, NULL };

static bool possible(const struct ring_cell *cell)
{
	if (cell->indirect && cell->segments == 1)
		return false;
	return vr_ring_bytes(ring_cell_features(cell), cell->size, VR_AREA_DESCRIPTORS) > 0 &&
	       cell->burst * ring_cell_descriptors(cell) <= cell->size;
}

/* Takes the next digit of @index, a number whose base is the length of the list. */
static unsigned int digit(unsigned int *index, const struct bench_list *list)
{
	unsigned int value = list->value[*index % list->count];

	*index /= list->count;
	return value;
}

int ring_axes_cells(const struct ring_axes *axes, struct ring_cell *cells, unsigned int room)
{
	unsigned int all = axes->forms.count * axes->sizes.count * axes->bursts.count *
			   axes->segments.count * axes->tables.count * axes->buffers.count *
			   axes->slots.count;
	unsigned int count = 0;

	for (unsigned int i = 0; i < all; i++) {
		unsigned int index = i;
		struct ring_cell cell;

		/* What is read first changes fastest. */
		cell.form = digit(&index, &axes->forms);
		cell.rotate = digit(&index, &axes->slots);
		cell.burst = digit(&index, &axes->bursts);
		cell.indirect = digit(&index, &axes->tables);
		cell.segments = digit(&index, &axes->segments);
		cell.writable = digit(&index, &axes->buffers);
		cell.size = digit(&index, &axes->sizes);
		if (!possible(&cell))
			continue;
		if (count == room)
			return -1;
		cells[count++] = cell;
	}
	return (int)count;
}
