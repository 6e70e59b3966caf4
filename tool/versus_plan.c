// SPDX-License-Identifier: BSD-3-Clause
/* The cells of virtring bench --versus: which there are, and how they are compared. */
#include <stdio.h>
#include <string.h>

#include "versus.h"

static const struct {
	enum party party[SIDES];
	const char *name;
} pairings[PAIRINGS] = {
	[PAIRING_DPDK_DPDK] = { { PARTY_DPDK, PARTY_DPDK }, "dpdk-dpdk" },
	[PAIRING_SELF_DPDK] = { { PARTY_SELF, PARTY_DPDK }, "virtring-dpdk" },
	[PAIRING_DPDK_SELF] = { { PARTY_DPDK, PARTY_SELF }, "dpdk-virtring" },
	[PAIRING_SELF_SELF] = { { PARTY_SELF, PARTY_SELF }, "virtring-virtring" },
	[PAIRING_FLOOR] = { { PARTY_SELF, PARTY_SELF }, "floor" },
};

const char *versus_pairing_name(enum pairing pairing)
{
	return (unsigned int)pairing < PAIRINGS ? pairings[pairing].name : "unknown";
}

static bool dpdk_drives(const struct versus_cell *cell)
{
	return cell->options.party[SIDE_DRIVER] == PARTY_DPDK;
}

const char *versus_variant_name(const struct versus_cell *cell)
{
	if (cell->pairing == PAIRING_FLOOR)
		return "";
	if (dpdk_drives(cell))
		return cell->variant == VARIANT_FIRST ? "scalar" : "vector";
	return cell->variant == VARIANT_FIRST ? "rotate" : "keep";
}

/* DPDK's driver has few vectorized paths, and each wants IN_ORDER its own way. */
static void judge(struct versus_cell *cell)
{
	const struct bench_row *row = &cell->result.row;

	if (!cell->options.vectorized)
		return;
	if (row->layout == LAYOUT_SPLIT && row->direction == DIRECTION_TX)
		tool_text(cell->skipped, "DPDK's vectorized split path is for receiving only");
	else if (row->layout == LAYOUT_PACKED && !row->in_order)
		tool_text(cell->skipped, "DPDK has a vectorized packed path with in_order only");
	else if (row->layout == LAYOUT_SPLIT && row->in_order)
		tool_text(cell->skipped, "DPDK has a vectorized split path without in_order only");
}

static bool chosen(const struct bench_list *list, unsigned int value)
{
	for (unsigned int i = 0; i < list->count; i++)
		if (list->value[i] == value)
			return true;
	return false;
}

static unsigned int add_pairing(const struct versus_options *options, struct versus_cell *cells,
				const struct bench_row *row, unsigned int size,
				enum pairing pairing)
{
	unsigned int count = 0;

	for (unsigned int variant = 0; variant < VARIANTS; variant++) {
		struct versus_cell *cell = &cells[count];
		bool drives = pairings[pairing].party[SIDE_DRIVER] == PARTY_DPDK;

		if (pairing == PAIRING_FLOOR ?
			    variant != VARIANT_FIRST :
			    !chosen(drives ? &options->paths : &options->slots, variant))
			continue;
		cell->pairing = pairing;
		cell->variant = (enum variant)variant;
		cell->options = options->base;
		memcpy(cell->options.party, pairings[pairing].party, sizeof(cell->options.party));
		cell->options.size = size;
		cell->options.vectorized = drives && variant == VARIANT_SECOND;
		cell->options.rotate = !drives && variant == VARIANT_FIRST;
		cell->result.row = *row;
		judge(cell);
		count++;
	}
	return count;
}

static unsigned int add_group(const struct versus_options *options, struct versus_cell *cells,
			      struct bench_row row, unsigned int size)
{
	unsigned int count = 0;

	for (int in_order = 0; in_order < 2; in_order++) {
		if (!options->base.in_order[in_order])
			continue;
		row.in_order = in_order;
		for (unsigned int i = 0; i < PAIRINGS; i++)
			if (chosen(&options->pairings, i))
				count += add_pairing(options, cells + count, &row, size,
						     (enum pairing)i);
	}
	return count;
}

unsigned int versus_plan(const struct versus_options *options, struct versus_cell *cells)
{
	unsigned int count = 0;

	for (int direction = 0; direction < DIRECTIONS; direction++)
		for (int layout = 0; layout < LAYOUTS; layout++)
			for (unsigned int i = 0; i < options->sizes.count; i++) {
				const struct bench_row row = {
					.layout = (enum layout)layout,
					.direction = (enum direction)direction,
				};

				if (options->base.direction[direction] &&
				    options->base.layout[layout])
					count += add_group(options, cells + count, row,
							   options->sizes.value[i]);
			}
	return count;
}

static bool same_group(const struct versus_cell *a, const struct versus_cell *b)
{
	return a->result.row.direction == b->result.row.direction &&
	       a->result.row.layout == b->result.row.layout && a->options.size == b->options.size;
}

unsigned int versus_group(const struct versus *versus, unsigned int first)
{
	unsigned int count = 1;

	while (first + count < versus->count &&
	       same_group(&versus->cells[first], &versus->cells[first + count]))
		count++;
	return count;
}

bool versus_same_cell(const struct versus_cell *a, const struct versus_cell *b)
{
	return same_group(a, b) && a->result.row.in_order == b->result.row.in_order;
}

/* The best median of a pairing in the same cell. */
static double best_of(const struct versus *versus, const struct versus_cell *cell,
		      enum pairing pairing, enum distance distance)
{
	double best = 0;

	for (unsigned int i = 0; i < versus->count; i++) {
		const struct versus_cell *base = &versus->cells[i];
		struct bench_group group;

		if (base->pairing != pairing || !versus_same_cell(base, cell) || base->skipped[0] ||
		    bench_failure(&base->result))
			continue;
		bench_group(&base->result, distance, &group);
		if (group.mpps.count > 0 && group.mpps.median > best)
			best = group.mpps.median;
	}
	return best;
}

double versus_base(const struct versus *versus, const struct versus_cell *cell,
		   enum distance distance)
{
	return best_of(versus, cell, PAIRING_DPDK_DPDK, distance);
}

double versus_floor(const struct versus *versus, const struct versus_cell *cell,
		    enum distance distance)
{
	return best_of(versus, cell, PAIRING_FLOOR, distance);
}

const struct versus_cell *versus_off(const struct versus *versus, const struct versus_cell *cell)
{
	enum variant variant = dpdk_drives(cell) ? VARIANT_FIRST : cell->variant;

	for (unsigned int i = 0; i < versus->count && cell->result.row.in_order; i++) {
		const struct versus_cell *off = &versus->cells[i];

		if (same_group(off, cell) && !off->result.row.in_order &&
		    off->pairing == cell->pairing && off->variant == variant)
			return off;
	}
	return NULL;
}

/* DPDK's vhost driver does not log what it does, but there is one function for each layout. */
static const char *device_path(const struct bench_row *row)
{
	if (row->layout == LAYOUT_SPLIT)
		return "split, in_order has no path (from the features)";
	if (row->direction == DIRECTION_RX)
		return "packed by cache line, in_order has no path (from the features)";
	return row->in_order ? "packed by cache line, in-order used entries (from the features)" :
			       "packed by cache line (from the features)";
}

/* What the driver logged in the first round that has it. */
static const char *driver_path(const struct versus_cell *cell)
{
	for (unsigned int i = 0; i < cell->result.count; i++)
		if (cell->result.samples[i].path[SIDE_DRIVER][0])
			return cell->result.samples[i].path[SIDE_DRIVER];
	return "not logged";
}

void versus_path(const struct versus_cell *cell, char *text)
{
	bool driver = dpdk_drives(cell);
	bool device = cell->options.party[SIDE_DEVICE] == PARTY_DPDK;

	text[0] = '\0';
	if (driver && device)
		tool_text(text, "driver: %s; device: %s", driver_path(cell),
			  device_path(&cell->result.row));
	else if (driver)
		tool_text(text, "driver: %s", driver_path(cell));
	else if (device)
		tool_text(text, "device: %s", device_path(&cell->result.row));
}
