/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtring bench --versus: our halves and a peer's in all four pairings, each form, direction and
 * queue size, in rounds that take turns.
 */
#ifndef VERSUS_H
#define VERSUS_H

#include <stdio.h>

#include "bench.h"
#include "bench_words.h"

enum pairing {
	PAIRING_DPDK_DPDK,
	PAIRING_SELF_DPDK, /* the driver's side is named first */
	PAIRING_DPDK_SELF,
	PAIRING_SELF_SELF,
	PAIRING_FLOOR, /* no ring at all: what the lines of packets and an index a burst must cost */
	PAIRINGS
};

/* What a pairing can do in more than one way: DPDK's driver, or the slots of ours. */
enum variant {
	VARIANT_FIRST, /* DPDK's scalar path; slots that rotate, as those of DPDK's pool do */
	VARIANT_SECOND, /* its vectorized path; slots that keep their buffers */
	VARIANTS
};

/* Two directions, layouts, in_order off and on, and the sizes of a list. */
#define VERSUS_CELLS_MAX ((size_t)2 * 2u * 2u * BENCH_LIST_MAX * PAIRINGS * VARIANTS)

/**
 * struct versus_options - what the command line asks for
 * @base: what all cells have in common
 * @sizes: descriptors of a queue
 * @pairings: enum pairing
 * @slots: 0: rotate, 1: keep
 * @paths: 0: scalar, 1: vector
 */
struct versus_options {
	struct bench_options base;
	struct bench_list sizes;
	struct bench_list pairings;
	struct bench_list slots;
	struct bench_list paths;
};

/**
 * struct versus_cell - one line of the table
 * @pairing: who plays with whom
 * @variant: in which way
 * @options: as a bench of this pairing alone would have them
 * @result: form, direction and rounds; @room 0: it is not played
 * @skipped: why it is not played, or ""
 */
struct versus_cell {
	enum pairing pairing;
	enum variant variant;
	struct bench_options options;
	struct bench_result result;
	char skipped[TOOL_TEXT];
};

/**
 * struct versus - everything that came out
 * @options: what was asked for
 * @topology: the machine
 * @cells: the lines in the order of the table
 * @count: number of lines
 * @huge: testpmd had huge pages
 * @page_bytes: pages of our driver's memory
 * @dpdk: DPDK's version, or ""
 * @started: seconds since 1970
 * @took: seconds
 */
struct versus {
	const struct versus_options *options;
	const struct topology *topology;
	struct versus_cell *cells;
	unsigned int count;
	bool huge;
	uint64_t page_bytes;
	char dpdk[64];
	long started;
	double took;
};

/** versus_arguments() - as bench_arguments() */
void versus_arguments(struct versus_options *options, int argc, char **argv);

/**
 * versus_plan() - lay the cells out
 * @options: what was asked for
 * @cells: VERSUS_CELLS_MAX of them, zero
 *
 * What DPDK has no path for is among them, with its reason.
 *
 * Return: their number.
 */
unsigned int versus_plan(const struct versus_options *options, struct versus_cell *cells);

/**
 * versus_group() - cells that take turns: all pairings of a direction, a layout and a size
 * @versus: the cells
 * @first: the group's first one
 *
 * Return: the number of cells in it.
 */
unsigned int versus_group(const struct versus *versus, unsigned int first);

/** versus_same_cell() - do two lines differ in pairing and variant only? */
bool versus_same_cell(const struct versus_cell *a, const struct versus_cell *b);

/**
 * versus_base() - dpdk<->dpdk of the same cell, the better one of its paths
 * @versus: the cells
 * @cell: whose
 * @distance: only rounds of this distance are compared
 *
 * Return: million packets per second, or 0 when it was not measured.
 */
double versus_base(const struct versus *versus, const struct versus_cell *cell,
		   enum distance distance);

/**
 * versus_floor() - the floor of the same cell
 * @versus: the cells
 * @cell: whose
 * @distance: as for versus_base()
 *
 * Return: million packets per second, or 0 when it was not measured.
 */
double versus_floor(const struct versus *versus, const struct versus_cell *cell,
		    enum distance distance);

/**
 * versus_off() - the same line without IN_ORDER
 * @versus: the cells
 * @cell: a line with IN_ORDER
 *
 * With the same slots; of DPDK's paths, the scalar one, as the vectorized ones exist in one only.
 *
 * Return: it, or NULL.
 */
const struct versus_cell *versus_off(const struct versus *versus, const struct versus_cell *cell);

/** versus_pairing_name() - "virtring-dpdk" and so on, the driver's side first, or "floor" */
const char *versus_pairing_name(enum pairing pairing);

/** versus_variant_name() - "vector", "keep" and so on; "" where there is but one way */
const char *versus_variant_name(const struct versus_cell *cell);

/**
 * versus_path() - the path that DPDK took in a cell, and how we know
 * @cell: a cell
 * @text: TOOL_TEXT bytes; "" when DPDK plays no side
 */
void versus_path(const struct versus_cell *cell, char *text);

/** versus_head() - print what is measured, and on what */
void versus_head(FILE *to, const struct versus *versus);

/** versus_table() - print the table, and under it what the reader has to know */
void versus_table(FILE *to, const struct versus *versus);

/** versus_json() - write everything, as json_write() */
int versus_json(const char *path, const struct versus *versus, char *error);

/** versus_script() - what gnuplot is told, as plot_script() */
void versus_script(FILE *to, const char *path, const struct versus *versus);

#endif
