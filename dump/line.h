/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image as lines, each with a place of its own: what is printed, and what is compared. Two images
 * of the same layout and size have the same lines in the same order.
 */
#ifndef DUMP_LINE_H
#define DUMP_LINE_H

#include "decode.h"

#define RING_LINE 256

/**
 * struct ring_view - an image and what was worked out of it
 */
struct ring_view {
	const struct ring_image *image;
	struct ring_owners owners;
};

/* Heads: a label and a value, which may be empty. */
unsigned int ring_heads(void);
const char *ring_head_label(unsigned int head);
void ring_head_value(const struct ring_view *view, unsigned int head, char *text);

/* Tables: one of descriptors; a split queue has two more, one for each ring. */
enum ring_table {
	RING_TABLE_DESCRIPTORS,
	RING_TABLE_AVAILABLE,
	RING_TABLE_USED,
	RING_TABLES
};

unsigned int ring_tables(const struct ring_image *image);
const char *ring_table_title(enum ring_table table);
const char *ring_table_columns(const struct ring_image *image, enum ring_table table);
void ring_row(const struct ring_view *view, enum ring_table table, uint32_t slot, char *text);
/* Is there anything to be said about this slot? */
bool ring_row_matters(const struct ring_view *view, enum ring_table table, uint32_t slot);

#endif
