// SPDX-License-Identifier: BSD-3-Clause
/* Images printed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

static void print_heads(FILE *to, const struct ring_view *view)
{
	char text[RING_LINE];

	fprintf(to, "%s\n", view->image->name[0] ? view->image->name : "queue");
	for (unsigned int i = 0; i < ring_heads(); i++) {
		ring_head_value(view, i, text);
		if (text[0])
			fprintf(to, "  %-11s %s\n", ring_head_label(i), text);
	}
}

static void print_left_out(FILE *to, uint32_t count)
{
	if (count)
		fprintf(to, "  (%" PRIu32 " more)\n", count);
}

static void print_table(FILE *to, const struct ring_view *view, enum ring_table table, bool all)
{
	char text[RING_LINE];
	uint32_t left_out = 0;

	fprintf(to, "  %s\n  %s\n", ring_table_title(table),
		ring_table_columns(view->image, table));
	for (uint32_t slot = 0; slot < view->image->size; slot++) {
		if (!all && !ring_row_matters(view, table, slot)) {
			left_out++;
			continue;
		}
		print_left_out(to, left_out);
		left_out = 0;
		ring_row(view, table, slot, text);
		fprintf(to, "  %s\n", text);
	}
	print_left_out(to, left_out);
}

static int print(FILE *to, const struct ring_image *image, bool all)
{
	struct ring_view view = { .image = image };

	if (ring_owners_find(image, &view.owners))
		return -1;
	print_heads(to, &view);
	for (unsigned int i = 0; i < ring_tables(image); i++)
		print_table(to, &view, (enum ring_table)i, all);
	free(view.owners.of);
	return ferror(to) ? -1 : 0;
}

int ring_text(FILE *to, const struct ring_image *image)
{
	return print(to, image, false);
}

int ring_text_all(FILE *to, const struct ring_image *image)
{
	return print(to, image, true);
}
