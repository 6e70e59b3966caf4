// SPDX-License-Identifier: BSD-3-Clause
/* Two images compared, line by line. */
#include <stdlib.h>
#include <string.h>

#include "line.h"

static int differ(FILE *to, const char *label, const char *a, const char *b)
{
	if (strcmp(a, b) == 0)
		return 0;
	if (a[0])
		fprintf(to, "- %-11s %s\n", label, a);
	if (b[0])
		fprintf(to, "+ %-11s %s\n", label, b);
	return 1;
}

static int diff_heads(FILE *to, const struct ring_view *a, const struct ring_view *b)
{
	char before[RING_LINE];
	char after[RING_LINE];
	int lines = 0;

	for (unsigned int i = 0; i < ring_heads(); i++) {
		ring_head_value(a, i, before);
		ring_head_value(b, i, after);
		lines += differ(to, ring_head_label(i), before, after);
	}
	return lines;
}

static int diff_table(FILE *to, const struct ring_view *a, const struct ring_view *b,
		      enum ring_table table)
{
	char before[RING_LINE];
	char after[RING_LINE];
	int lines = 0;

	for (uint32_t slot = 0; slot < a->image->size; slot++) {
		ring_row(a, table, slot, before);
		ring_row(b, table, slot, after);
		if (strcmp(before, after) == 0)
			continue;
		if (lines++ == 0)
			fprintf(to, "  %s\n  %s\n", ring_table_title(table),
				ring_table_columns(a->image, table));
		fprintf(to, "- %s\n+ %s\n", before, after);
	}
	return lines;
}

static int diff(FILE *to, const struct ring_view *a, const struct ring_view *b)
{
	int lines = diff_heads(to, a, b);

	/* Slots of different queues have nothing to do with each other. */
	if (a->image->size != b->image->size ||
	    ring_image_is_packed(a->image) != ring_image_is_packed(b->image))
		return lines;
	for (unsigned int i = 0; i < ring_tables(a->image); i++)
		lines += diff_table(to, a, b, (enum ring_table)i);
	return lines;
}

int ring_diff(FILE *to, const struct ring_image *a, const struct ring_image *b)
{
	struct ring_view before = { .image = a };
	struct ring_view after = { .image = b };
	int lines = -1;

	if (!ring_owners_find(a, &before.owners) && !ring_owners_find(b, &after.owners))
		lines = diff(to, &before, &after);
	free(before.owners.of);
	free(after.owners.of);
	return ferror(to) ? -1 : lines;
}
