// SPDX-License-Identifier: BSD-3-Clause
/* ./dev bench --count: the table of what each form of the ring costs in accesses, and a forecast. */
#include "ring_count.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_parts.h"

struct options {
	struct ring_axes axes;
	double cost_ns; /* 0: no forecast */
	double work_ns;
	bool figures;
	const char *json;
};

enum key {
	KEY_COST = 256,
	KEY_WORK,
	KEY_FIGURES,
	KEY_JSON,
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "Forecast of what in order gains:", 2 },
	{ "cost-ns", KEY_COST, "NS", 0,
	  "nanoseconds of a hand-over between caches, or of a read across a bus", 2 },
	{ "work-ns", KEY_WORK, "NS", 0, "of all else that the slower side does for a buffer (0)",
	  2 },
	{ NULL, 0, NULL, 0, "Output:", 3 },
	{ "json", KEY_JSON, "FILE", 0, "write everything", 3 },
	{ "figures", KEY_FIGURES, NULL, 0,
	  "all that test/unit/ring_count.txt holds, as it holds it; only that", 3 },
	{ 0 },
};

static const char about[] =
	"Accesses of both sides to the memory of a ring, on a core that tells of each of them: how "
	"many and how large, which cache lines they hand over between two caches (MESI, 64-byte "
	"lines, room for everything), and how often a device behind a bus reads (what has to come "
	"back) and writes (what is posted), 64 bytes at a time. Nothing is measured: the figures are "
	"the same every time and on every machine. The driver adds a burst, the device drains it, the "
	"driver takes it back; what the buffers hold is not touched. Without options: --size 256 "
	"--burst 32 --slots all.\v"
	"floor is what the layout must cost whoever plays, over is what is above it. A hand-over is "
	"a line that is read from the other side's cache, or taken away from it for a store.\n\n"
	"The forecast takes the slower side of the two to spend --cost-ns for each line read or "
	"taken, or the device to spend it for each read across its bus, besides --work-ns.";

static error_t take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->axes;
		return 0;
	case KEY_COST:
		options->cost_ns = bench_number("cost-ns", text, 0.001, 1e6);
		return 0;
	case KEY_WORK:
		options->work_ns = bench_number("work-ns", text, 0, 1e6);
		return 0;
	case KEY_FIGURES:
		options->figures = true;
		return 0;
	case KEY_JSON:
		options->json = text;
		return 0;
	case ARGP_KEY_ARG:
		bench_refuse("no argument such as '%s' is expected", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *const role_names[SIDES] = { "driver", "device" };

static double each(const struct ring_count *count, uint64_t number)
{
	return (double)number / (double)count->buffers;
}

/* Counted, the floor, and what is over it. */
static void against(const struct ring_count *count, uint64_t counted, uint64_t floor)
{
	printf("  %7.4f %7.4f %+8.4f", each(count, counted), each(count, floor),
	       each(count, counted) - each(count, floor));
}

/* What a side changes, it has to take; what the other one changes, it has to read. */
static uint64_t lines_of(const struct layout_floor *floor, int side)
{
	return side == SIDE_DRIVER ? floor->driver_lines : floor->device_lines;
}

static void row(const struct ring_cell *cell, const struct ring_count *count, int side)
{
	const struct role_count *role = &count->role[side];

	printf("%-16s %-6s %8.4f %8.4f %8.3f %8.3f", ring_form_names[cell->form], role_names[side],
	       each(count, role->loads), each(count, role->stores), each(count, role->load_bytes),
	       each(count, role->store_bytes));
	against(count, role->reads, lines_of(&count->floor, 1 - side));
	against(count, role->upgrades, lines_of(&count->floor, side));
	if (side == SIDE_DEVICE) {
		against(count, count->bus_reads, count->floor.bus_reads);
		against(count, count->bus_writes, count->floor.bus_writes);
	}
	putchar('\n');
}

static void heading(const struct ring_cell *cell)
{
	char text[64];

	printf("\nqueue %u, %s, each buffer:\n", cell->size, ring_cell_name(cell, text));
	printf("%-16s %-6s %8s %8s %8s %8s  %-24s  %-24s  %-24s  %s\n", "", "", "", "", "bytes",
	       "bytes", "lines read", "lines taken", "bus reads", "bus writes");
	printf("%-16s %-6s %8s %8s %8s %8s", "form", "side", "loads", "stores", "loaded", "stored");
	for (int i = 0; i < 4; i++)
		printf("  %7s %7s %8s", "counted", "floor", "over");
	putchar('\n');
}

/* ---- the forecast ---- */

/* Time of a buffer when a hand-over, or a read across the bus, costs something. */
static double slower_side(const struct options *options, const struct ring_count *count)
{
	double most = 0;

	for (int side = 0; side < SIDES; side++) {
		double lines = each(count, count->role[side].reads + count->role[side].upgrades);

		most = lines > most ? lines : most;
	}
	return options->work_ns + options->cost_ns * most;
}

static double behind_bus(const struct options *options, const struct ring_count *count)
{
	return options->work_ns + options->cost_ns * each(count, count->bus_reads);
}

static double gain(double off, double on)
{
	return on > 0 ? (off / on - 1) * 100 : 0;
}

/* The same cell without IN_ORDER. */
static const struct ring_count *without(const struct ring_cell *cells,
					const struct ring_count *counts, unsigned int count,
					unsigned int of)
{
	for (unsigned int i = 0; i < count; i++)
		if (ring_cell_alike(&cells[i], &cells[of]) && cells[i].form + 1 == cells[of].form &&
		    cells[of].form % 2)
			return &counts[i];
	return NULL;
}

static void forecast(const struct options *options, const struct ring_count *off,
		     const struct ring_count *on)
{
	double slow[2] = { slower_side(options, off), slower_side(options, on) };
	double bus[2] = { behind_bus(options, off), behind_bus(options, on) };

	printf("    in order at %g ns: hand-overs %.2f -> %.2f ns, %+.1f %%; behind a bus %.2f -> "
	       "%.2f ns, %+.1f %%\n",
	       options->cost_ns, slow[0], slow[1], gain(slow[0], slow[1]), bus[0], bus[1],
	       gain(bus[0], bus[1]));
}

/* ---- output ---- */

static void table(const struct options *options, const struct ring_cell *cells,
		  const struct ring_count *counts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct ring_count *off = without(cells, counts, count, i);

		if (i == 0 || !ring_cell_alike(&cells[i - 1], &cells[i]))
			heading(&cells[i]);
		for (int side = 0; side < SIDES; side++)
			row(&cells[i], &counts[i], side);
		if (options->cost_ns > 0 && off)
			forecast(options, off, &counts[i]);
	}
}

static json_object *side_json(const struct ring_count *count, int side)
{
	const struct role_count *role = &count->role[side];
	json_object *json = json_object_new_object();

	json_put(json, "loads", json_count(role->loads));
	json_put(json, "stores", json_count(role->stores));
	json_put(json, "bytes_loaded", json_count(role->load_bytes));
	json_put(json, "bytes_stored", json_count(role->store_bytes));
	json_put(json, "lines_read", json_count(role->reads));
	json_put(json, "lines_read_floor", json_count(lines_of(&count->floor, 1 - side)));
	json_put(json, "lines_taken", json_count(role->upgrades));
	json_put(json, "lines_taken_floor", json_count(lines_of(&count->floor, side)));
	return json;
}

static json_object *cell_json(const struct options *options, const struct ring_cell *cell,
			      const struct ring_count *count, const struct ring_count *off)
{
	json_object *json = json_object_new_object();

	json_put_text(json, "form", ring_form_names[cell->form]);
	json_put(json, "size", json_count(cell->size));
	json_put(json, "burst", json_count(cell->burst));
	json_put(json, "segments", json_count(cell->segments));
	json_put(json, "indirect", json_object_new_boolean(cell->indirect));
	json_put(json, "writable", json_object_new_boolean(cell->writable));
	json_put(json, "rotating", json_object_new_boolean(cell->rotate));
	json_put(json, "buffers", json_count(count->buffers));
	for (int side = 0; side < SIDES; side++)
		json_put(json, role_names[side], side_json(count, side));
	json_put(json, "bus_reads", json_count(count->bus_reads));
	json_put(json, "bus_reads_floor", json_count(count->floor.bus_reads));
	json_put(json, "bus_writes", json_count(count->bus_writes));
	json_put(json, "bus_writes_floor", json_count(count->floor.bus_writes));
	if (options->cost_ns <= 0 || !off)
		return json;
	json_put(json, "gain_hand_overs_percent",
		 json_number(gain(slower_side(options, off), slower_side(options, count))));
	json_put(json, "gain_bus_percent",
		 json_number(gain(behind_bus(options, off), behind_bus(options, count))));
	return json;
}

static int write_json(const struct options *options, const struct ring_cell *cells,
		      const struct ring_count *counts, unsigned int count)
{
	json_object *json = json_object_new_object();
	json_object *rows = json_object_new_array();
	char error[TOOL_TEXT];
	int result;

	json_put_text(json, "measured", "count");
	json_put(json, "cost_ns", json_number(options->cost_ns));
	json_put(json, "work_ns", json_number(options->work_ns));
	for (unsigned int i = 0; i < count; i++)
		json_object_array_add(rows, cell_json(options, &cells[i], &counts[i],
						      without(cells, counts, count, i)));
	json_put(json, "rows", rows);
	result = json_file(options->json, json, error);
	json_object_put(json);
	if (result)
		fprintf(stderr, "bench-ring_count: %s\n", error);
	return result;
}

/* What the test holds: wide enough to see a change wherever it may come from. */
static void choose_figures(struct options *options)
{
	options->axes = (struct ring_axes){
		.forms = { { 0, 1, 2, 3 }, 4 },
		.sizes = { { 256 }, 1 },
		.bursts = { { 1, 8, 32, 64 }, 4 },
		.segments = { { 1, 3 }, 2 },
		.tables = { { 0, 1 }, 2 },
		.buffers = { { 0, 1 }, 2 },
		.slots = { { 0, 1 }, 2 },
	};
	options->cost_ns = 0;
	puts("# SPDX-License-Identifier: BSD-3-Clause\n#\n"
	     "# What each form of the ring costs, to the digit. After a change that is meant:\n"
	     "# ./dev bench --count --figures >test/unit/ring_count.txt");
}

static int count_all(const struct options *options)
{
	static struct ring_cell cells[RING_CELLS_MAX];
	int count = ring_axes_cells(&options->axes, cells, RING_CELLS_MAX);
	struct ring_count *counts;
	int status = 0;

	if (count <= 0)
		bench_refuse(count ? "more than %u rows" :
				     "none of at most %u rows is possible: no burst fits a queue",
			     RING_CELLS_MAX);
	counts = calloc((size_t)count, sizeof(*counts));
	for (int i = 0; i < count && !status; i++)
		status = counts ? ring_count(&cells[i], &counts[i]) : -1;
	if (status) {
		fputs("bench-ring_count: a queue could not be set up, or lost buffers\n", stderr);
	} else {
		table(options, cells, counts, (unsigned int)count);
		if (options->json)
			status = write_json(options, cells, counts, (unsigned int)count);
	}
	free(counts);
	return status ? TOOL_CANNOT : 0;
}

int main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &ring_axes_parser, 0, NULL, 0 }, { 0 } };
	static const struct argp parser = { arguments, take, NULL, about, children, NULL, NULL };
	struct options options = {
		.axes = {
			.forms = { { 0, 1, 2, 3 }, 4 },
			.sizes = { { 256 }, 1 },
			.bursts = { { 32 }, 1 },
			.segments = { { 1 }, 1 },
			.tables = { { 0 }, 1 },
			.buffers = { { 0, 1 }, 2 },
			.slots = { { 0, 1 }, 2 },
		},
	};

	argp_err_exit_status = TOOL_CANNOT;
	bench_words_for("bench-ring_count", "./dev bench --count");
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.figures)
		choose_figures(&options);
	return count_all(&options);
}
