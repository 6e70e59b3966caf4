// SPDX-License-Identifier: BSD-3-Clause
/* The table of virtring bench --versus as a picture. */
#include <string.h>

#include "output.h"
#include "versus.h"

/* Bars of a cell: each pairing in both its variants. */
#define BARS (PAIRINGS * VARIANTS)

static const struct {
	const char *name;
	const char *colour;
} bars[BARS] = {
	{ "dpdk-dpdk scalar", "#b0b7c0" },
	{ "dpdk-dpdk vector", "#7d8794" },
	{ "virtring-dpdk rotate", "#9cc9a8" },
	{ "virtring-dpdk keep", "#5fa777" },
	{ "dpdk-virtring scalar", "#f0c48a" },
	{ "dpdk-virtring vector", "#d9913a" },
	{ "virtring-virtring rotate", "#6aa7d6" },
	{ "virtring-virtring keep", "#1b6ca8" },
	{ "floor", "#d7d7d7" },
};

static bool drawn(const struct versus_cell *cell, enum distance distance, struct bench_group *group)
{
	if (cell->skipped[0] || bench_failure(&cell->result))
		return false;
	bench_group(&cell->result, distance, group);
	return group->mpps.count > 0;
}

/* Is anything drawn of the cells from @first up to @last? */
static bool any(const struct versus *versus, unsigned int first, unsigned int last,
		enum distance distance)
{
	struct bench_group group;

	for (unsigned int i = first; i < last; i++)
		if (drawn(&versus->cells[i], distance, &group))
			return true;
	return false;
}

static unsigned int end_of_cell(const struct versus *versus, unsigned int first)
{
	unsigned int last = first + 1;

	while (last < versus->count &&
	       versus_same_cell(&versus->cells[first], &versus->cells[last]))
		last++;
	return last;
}

/* One line of a kind of bar for each cell: its place, and median, least and most. */
static void series(FILE *to, const struct versus *versus, unsigned int kind, enum distance distance)
{
	unsigned int place = 0;
	unsigned int last;

	fprintf(to, "$d%dk%u << EOD\n", (int)distance, kind);
	for (unsigned int first = 0; first < versus->count; first = last) {
		last = end_of_cell(versus, first);
		if (!any(versus, first, last, distance))
			continue;
		for (unsigned int i = first; i < last; i++) {
			const struct versus_cell *cell = &versus->cells[i];
			struct bench_group group;

			if (cell->pairing * VARIANTS + cell->variant != kind ||
			    !drawn(cell, distance, &group))
				continue;
			fprintf(to, "%.3f %.3f %.3f %.3f\n",
				place + ((double)kind - (BARS - 1) / 2.0) * 0.09, group.mpps.median,
				group.mpps.min, group.mpps.max);
		}
		place++;
	}
	fputs("EOD\n", to);
}

static void names(FILE *to, const struct versus *versus, enum distance distance)
{
	const char *separator = "";
	unsigned int place = 0;
	unsigned int last;

	fputs("set xtics (", to);
	for (unsigned int first = 0; first < versus->count; first = last) {
		const struct versus_cell *cell = &versus->cells[first];
		const struct bench_row *row = &cell->result.row;

		last = end_of_cell(versus, first);
		if (!any(versus, first, last, distance))
			continue;
		fprintf(to, "%s\"%s %s\\nin_order %s\\n%u\" %u", separator,
			bench_direction_name(row->direction), bench_layout_name(row->layout),
			row->in_order ? "on" : "off", cell->options.size, place++);
		separator = ", ";
	}
	fprintf(to, ")\nset xrange [-0.6:%.1f]\n", place - 0.4);
}

/* Is there a bar of this kind at this distance? */
static bool has_kind(const struct versus *versus, unsigned int kind, enum distance distance)
{
	struct bench_group group;

	for (unsigned int i = 0; i < versus->count; i++)
		if (versus->cells[i].pairing * VARIANTS + versus->cells[i].variant == kind &&
		    drawn(&versus->cells[i], distance, &group))
			return true;
	return false;
}

static void panel(FILE *to, const struct versus *versus, enum distance distance)
{
	const char *separator = "plot ";

	for (unsigned int kind = 0; kind < BARS; kind++)
		series(to, versus, kind, distance);
	names(to, versus, distance);
	fprintf(to,
		"set title 'virtring bench --versus dpdk: %u-byte packets, burst %u, CPUs %s'\n",
		versus->options->base.packet, versus->options->base.burst, distance_name(distance));
	for (unsigned int kind = 0; kind < BARS; kind++) {
		if (!has_kind(versus, kind, distance))
			continue;
		fprintf(to,
			"%s$d%dk%u using 1:2 with boxes lc rgb '%s' title '%s', $d%dk%u using "
			"1:2:3:4 with yerrorbars lc rgb '#333333' pt 0 ps 0 notitle",
			separator, (int)distance, kind, bars[kind].colour, bars[kind].name,
			(int)distance, kind);
		separator = ", ";
	}
	fputc('\n', to);
}

void versus_script(FILE *to, const char *path, const struct versus *versus)
{
	bool svg = strcmp(path + strlen(path) - 4, ".svg") == 0;
	int panels = 0;

	for (int distance = 0; distance < DISTANCES; distance++)
		panels += any(versus, 0, versus->count, (enum distance)distance);
	fprintf(to, "set terminal %s noenhanced size 1500,%d font 'sans,10'\nset output ",
		svg ? "svg dynamic background 'white'" : "pngcairo", 520 * (panels ? panels : 1));
	plot_quoted(to, path);
	fputs("\nset ylabel 'million packets per second'\nset yrange [0:*]\nset boxwidth 0.08\n"
	      "set style fill solid 0.9 noborder\nset grid ytics lc rgb '#dddddd'\n"
	      "set tics nomirror\nset border 3\nset key outside right top\nset errorbars 0.3\nset bmargin 6\n"
	      "set xlabel ",
	      to);
	plot_quoted(to, versus->topology->model);
	fprintf(to, " offset 0,-1.5\nset multiplot layout %d,1\n", panels ? panels : 1);
	for (int distance = 0; distance < DISTANCES; distance++)
		if (any(versus, 0, versus->count, (enum distance)distance))
			panel(to, versus, (enum distance)distance);
	fputs("unset multiplot\n", to);
}
