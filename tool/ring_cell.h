/* SPDX-License-Identifier: BSD-3-Clause */
/* What a bench of the ring alone may vary, and the options that choose of it. */
#ifndef RING_CELL_H
#define RING_CELL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench_words.h"

#define RING_FORMS 4u
#define RING_BURST_MAX 256u
#define RING_SEGMENTS_MAX 16u
#define RING_CELLS_MAX 4096u

/**
 * struct ring_cell - one combination
 * @form: place in ring_form_names
 * @size: descriptors of the queue
 * @burst: buffers at a time
 * @segments: of each buffer
 * @indirect: a buffer's descriptors are in a table
 * @writable: the device writes the buffers, and fills none of them; else it reads them
 * @rotate: the driver has so many buffers that a slot never meets the same one on the next lap;
 *          else as many as the queue has descriptors, in turn
 */
struct ring_cell {
	unsigned int form;
	uint32_t size;
	unsigned int burst;
	unsigned int segments;
	bool indirect;
	bool writable;
	bool rotate;
};

/** ring_form_names - split, split-in-order, packed, packed-in-order */
extern const char *const ring_form_names[RING_FORMS];

/** ring_cell_features() - the feature bits of a cell's form */
uint64_t ring_cell_features(const struct ring_cell *cell);

/** ring_cell_descriptors() - descriptors of the ring that a buffer takes */
unsigned int ring_cell_descriptors(const struct ring_cell *cell);

/** ring_cell_used_bytes() - what the device says that it wrote into each buffer, 0: it only reads */
unsigned int ring_cell_used_bytes(const struct ring_cell *cell);

/** RING_SEGMENT_BYTES - of each segment; and how many fewer the device writes into a buffer */
#define RING_SEGMENT_BYTES 64u
#define RING_LEFT_BYTES 4u

/**
 * ring_cell_name() - all of it but the form and the size
 * @cell: which
 * @text: room for 64 bytes
 *
 * Return: @text.
 */
const char *ring_cell_name(const struct ring_cell *cell, char *text);

/** ring_cell_alike() - do two differ in nothing but their form? */
bool ring_cell_alike(const struct ring_cell *a, const struct ring_cell *b);

/**
 * struct ring_axes - what is chosen of each thing that varies
 * @forms: places in ring_form_names
 * @sizes: descriptors
 * @bursts: buffers at a time
 * @segments: of each buffer
 * @tables: 0 direct, 1 indirect
 * @buffers: 0 readable, 1 writable
 * @slots: 0 kept, 1 rotating
 */
struct ring_axes {
	struct bench_list forms;
	struct bench_list sizes;
	struct bench_list bursts;
	struct bench_list segments;
	struct bench_list tables;
	struct bench_list buffers;
	struct bench_list slots;
};

/** ring_axes_parser - reads them; its input is a struct ring_axes with the defaults set */
extern const struct argp ring_axes_parser;

/**
 * ring_axes_cells() - every combination that there is
 * @axes: what is chosen
 * @cells: filled, the forms of otherwise equal cells next to each other
 * @room: of @cells
 *
 * Left out are those where a burst does not fit the queue, tables for buffers of one segment (which
 * never take one), and split queues whose size is no power of two.
 *
 * Return: the number of cells, or -1 when there are more than @room.
 */
int ring_axes_cells(const struct ring_axes *axes, struct ring_cell *cells, unsigned int room);

#endif
