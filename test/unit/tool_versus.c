// SPDX-License-Identifier: BSD-3-Clause
/* virtring bench --versus: its cells, how they are compared, and what testpmd says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json.h>

#include "tool/testpmd.h"
#include "tool/versus.h"

/* ---- what testpmd says ---- */

static void test_found(void **state)
{
	static const char shown[] =
		"  ------- Forward statistics for port 0  -------\n"
		"  RX-packets: 1749940        RX-dropped: 0             RX-total: 1749940\n"
		"  RX-bursts : 222149806 [99% of 0 pkts + 0% of 32 pkts + 0% of 12 pkts + 1% of other]\n"
		"  TX-bursts : 10 [100% of 0 pkts]\n";

	(void)state;
	assert_true(testpmd_parse_found(shown, false) == 0.01);
	assert_true(testpmd_parse_found(shown, true) == 0);
	assert_true(testpmd_parse_found("RX-bursts : 3 [0% of 0 pkts + 100% of 32 pkts]\n",
					false) == 1);
	/* Not there, of no burst, and what no percentage is. */
	assert_true(testpmd_parse_found("", false) < 0);
	assert_true(testpmd_parse_found("RX-bursts : ", false) < 0);
	assert_true(testpmd_parse_found("RX-bursts : 0 [0% of 0 pkts]\n", false) < 0);
	assert_true(testpmd_parse_found("RX-bursts : 5 [200% of 0 pkts]\n", false) < 0);
	assert_true(testpmd_parse_found("RX-bursts : 5 [20% of 7 pkts]\n", false) < 0);
	assert_true(testpmd_parse_found("TX-bursts : 5 [20% of 0 pkts]\n", false) < 0);
}

static void test_path(void **state)
{
	static const char said[] =
		"virtio: using of nothing\n"
		"set_rxtx_funcs(): virtio: using packed ring vectorized Tx path on port 0\r\n"
		"set_rxtx_funcs(): virtio: using inorder Rx path on port 0\r\n";
	char path[TESTPMD_PATH] = "as before";
	char long_path[400];

	(void)state;
	assert_true(testpmd_parse_path(said, true, path));
	assert_string_equal(path, "packed ring vectorized");
	assert_true(testpmd_parse_path(said, false, path));
	assert_string_equal(path, "inorder");
	snprintf(path, sizeof(path), "as before");
	assert_false(testpmd_parse_path("", true, path));
	assert_false(testpmd_parse_path("virtio: using ", true, path));
	assert_false(testpmd_parse_path("virtio: using Tx path", true, path));
	/* The words must be on one line. */
	assert_false(testpmd_parse_path("virtio: using standard\n Tx path", true, path));
	assert_string_equal(path, "as before");
	/* Longer than its place: cut. */
	snprintf(long_path, sizeof(long_path), "virtio: using %0366d Rx path", 0);
	assert_true(testpmd_parse_path(long_path, false, path));
	assert_int_equal(strlen(path), TESTPMD_PATH - 1);
}

static void test_features(void **state)
{
	(void)state;
	assert_true(testpmd_parse_features("VHOST_CONFIG: (/s) negotiated Virtio features: 0x1\n"
					   "VHOST_CONFIG: (/s) negotiated Virtio features: "
					   "0xd10000000\n") == 0xd10000000);
	assert_true(testpmd_parse_features("negotiated Virtio features: 0x") == 0);
	assert_true(testpmd_parse_features("") == 0);
}

/* ---- cells ---- */

static struct versus_options all(void)
{
	return (struct versus_options){
		.base = {
			.layout = { true, true },
			.in_order = { true, true },
			.direction = { true, true },
			.rounds = 2,
			.burst = 32,
			.packet = 64,
			.seconds = 1,
			.near_ns = 100,
			.far_ns = 200,
		},
		.sizes = { { 256, 1024 }, 2 },
		.pairings = { { 0, 1, 2, 3, 4 }, PAIRINGS },
		.slots = { { 0, 1 }, 2 },
		.paths = { { 0, 1 }, 2 },
	};
}

static struct versus_cell *cells_of(const struct versus_options *options, unsigned int *count)
{
	struct versus_cell *cells = calloc(VERSUS_CELLS_MAX, sizeof(*cells));

	assert_non_null(cells);
	*count = versus_plan(options, cells);
	return cells;
}

static void test_plan(void **state)
{
	struct versus_options options = all();
	struct versus versus = { .options = &options };
	unsigned int skipped = 0;
	unsigned int groups = 0;

	(void)state;
	versus.cells = cells_of(&options, &versus.count);
	/* Each pairing in two ways, and the floor in one. */
	assert_int_equal(versus.count, 2 * 2 * 2 * 2 * 9);
	for (unsigned int i = 0; i < versus.count; i++) {
		const struct versus_cell *cell = &versus.cells[i];
		bool drives = cell->options.party[SIDE_DRIVER] == PARTY_DPDK;

		assert_true(!cell->skipped[0] || (drives && cell->variant == VARIANT_SECOND));
		assert_true(cell->options.vectorized == (drives && cell->variant));
		assert_true(cell->options.rotate == (!drives && !cell->variant));
		assert_true(cell->options.size == 256 || cell->options.size == 1024);
		skipped += cell->skipped[0] != '\0';
	}
	/* Of each size: split TX both ways, split RX in order, packed without: for two pairings. */
	assert_int_equal(skipped, 2 * (2 + 1 + 2) * 2);
	for (unsigned int first = 0; first < versus.count; groups++) {
		unsigned int count = versus_group(&versus, first);

		assert_int_equal(count, 18);
		first += count;
	}
	assert_int_equal(groups, 8);
	free(versus.cells);
}

static void test_restricted_plan(void **state)
{
	struct versus_options options = all();
	struct versus_cell *cells;
	unsigned int count;

	(void)state;
	options.base.layout[LAYOUT_SPLIT] = false;
	options.base.direction[DIRECTION_TX] = false;
	options.base.in_order[0] = false;
	options.sizes.count = 1;
	options.pairings = (struct bench_list){ { PAIRING_SELF_SELF, PAIRING_DPDK_DPDK }, 2 };
	options.slots.count = 1;
	options.paths = (struct bench_list){ { 1 }, 1 };
	cells = cells_of(&options, &count);
	assert_int_equal(count, 2);
	assert_int_equal(cells[0].pairing, PAIRING_DPDK_DPDK);
	assert_string_equal(versus_variant_name(&cells[0]), "vector");
	assert_string_equal(cells[0].skipped, "");
	assert_int_equal(cells[1].pairing, PAIRING_SELF_SELF);
	assert_string_equal(versus_variant_name(&cells[1]), "rotate");
	assert_int_equal(cells[1].options.size, 256);
	free(cells);
}

static void put(struct versus_cell *cell, double mpps, enum distance distance)
{
	struct bench_result *result = &cell->result;

	if (!result->samples)
		result->samples = calloc(4, sizeof(*result->samples));
	assert_non_null(result->samples);
	result->samples[result->count++] = (struct bench_sample){
		.features = 0x100000000,
		.seconds = 1,
		.packets = (uint64_t)(mpps * 1e6),
		.roundtrip_ns = { 50, 50 },
		.distance = { distance, distance },
		.kept = true,
		.cpu = { 1, 1 },
		.found = { 0.25, -1 },
		.path = { "inorder", "" },
	};
}

static struct versus_cell *find(struct versus *versus, bool in_order, enum pairing pairing,
				enum variant variant)
{
	for (unsigned int i = 0; i < versus->count; i++)
		if (versus->cells[i].result.row.in_order == in_order &&
		    versus->cells[i].pairing == pairing && versus->cells[i].variant == variant)
			return &versus->cells[i];
	fail_msg("there is no such cell");
	return NULL;
}

/* RX packed at 256: dpdk-dpdk 10 (off), 8 and 16 (on), ours 12 (off) and 32 (on), floor 64. */
static void make(struct versus *versus, struct versus_options *options)
{
	static const struct topology topology = { .model = "machine 'x'", .kernel = "k" };

	*options = all();
	options->base.layout[LAYOUT_SPLIT] = false;
	options->base.direction[DIRECTION_TX] = false;
	options->sizes.count = 1;
	*versus = (struct versus){ .options = options, .topology = &topology };
	versus->cells = cells_of(options, &versus->count);
	put(find(versus, false, PAIRING_DPDK_DPDK, VARIANT_FIRST), 10, DISTANCE_NEAR);
	put(find(versus, true, PAIRING_DPDK_DPDK, VARIANT_FIRST), 8, DISTANCE_NEAR);
	put(find(versus, true, PAIRING_DPDK_DPDK, VARIANT_SECOND), 16, DISTANCE_NEAR);
	put(find(versus, true, PAIRING_DPDK_DPDK, VARIANT_SECOND), 4, DISTANCE_FAR);
	put(find(versus, false, PAIRING_SELF_SELF, VARIANT_FIRST), 12, DISTANCE_NEAR);
	put(find(versus, true, PAIRING_SELF_SELF, VARIANT_FIRST), 32, DISTANCE_NEAR);
	put(find(versus, true, PAIRING_FLOOR, VARIANT_FIRST), 64, DISTANCE_NEAR);
}

static void drop(struct versus *versus)
{
	for (unsigned int i = 0; i < versus->count; i++)
		free(versus->cells[i].result.samples);
	free(versus->cells);
}

static void test_comparison(void **state)
{
	struct versus_options options;
	struct versus versus;
	const struct versus_cell *ours;
	char path[TOOL_TEXT];

	(void)state;
	make(&versus, &options);
	ours = find(&versus, true, PAIRING_SELF_SELF, VARIANT_FIRST);
	assert_true(versus_base(&versus, ours, DISTANCE_NEAR) == 16);
	assert_true(versus_base(&versus, ours, DISTANCE_FAR) == 4);
	assert_true(versus_base(&versus, ours, DISTANCE_BETWEEN) == 0);
	assert_true(versus_floor(&versus, ours, DISTANCE_NEAR) == 64);
	assert_ptr_equal(versus_off(&versus, ours),
			 find(&versus, false, PAIRING_SELF_SELF, VARIANT_FIRST));
	assert_null(versus_off(&versus, versus_off(&versus, ours)));
	/* The vectorized path only exists in order: its partner is the scalar one. */
	assert_ptr_equal(versus_off(&versus,
				    find(&versus, true, PAIRING_DPDK_DPDK, VARIANT_SECOND)),
			 find(&versus, false, PAIRING_DPDK_DPDK, VARIANT_FIRST));
	versus_path(ours, path);
	assert_string_equal(path, "");
	versus_path(find(&versus, true, PAIRING_DPDK_DPDK, VARIANT_FIRST), path);
	assert_non_null(strstr(path, "driver: inorder; device: packed"));
	versus_path(find(&versus, false, PAIRING_DPDK_SELF, VARIANT_FIRST), path);
	assert_string_equal(path, "driver: not logged");
	drop(&versus);
}

static void test_output(void **state)
{
	char name[] = "/tmp/virtring-versus.XXXXXX";
	char error[TOOL_TEXT];
	struct versus_options options;
	struct versus versus;
	char *text = NULL;
	size_t length;
	FILE *memory = open_memstream(&text, &length);
	json_object *json;
	json_object *cells;

	(void)state;
	assert_non_null(memory);
	make(&versus, &options);
	versus_head(memory, &versus);
	versus_table(memory, &versus);
	versus_script(memory, "a.svg", &versus);
	assert_int_equal(fclose(memory), 0);
	assert_non_null(strstr(text, "RX packed, in_order on, queue 256"));
	assert_non_null(strstr(text, "32.00   32.00-32.00     2.00   0.50   2.67"));
	assert_non_null(strstr(text, " 25 n/a   100 100"));
	assert_non_null(
		strstr(text, "skipped: DPDK has a vectorized packed path with in_order only"));
	assert_non_null(strstr(text, "FAILED: not measured"));
	assert_non_null(strstr(text, "machine ''x''"));
	free(text);
	close(mkstemp(name));
	assert_int_equal(versus_json(name, &versus, error), 0);
	json = json_object_from_file(name);
	assert_true(json_object_object_get_ex(json, "cells", &cells));
	assert_int_equal(json_object_array_length(cells), versus.count);
	json_object_put(json);
	unlink(name);
	assert_int_equal(versus_json("/nonexistent/a", &versus, error), -1);
	drop(&versus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),		cmocka_unit_test(test_path),
		cmocka_unit_test(test_features),	cmocka_unit_test(test_plan),
		cmocka_unit_test(test_restricted_plan), cmocka_unit_test(test_comparison),
		cmocka_unit_test(test_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
