// SPDX-License-Identifier: BSD-3-Clause
/* What the command makes of its figures: statistics, groups, the table, JSON, the plot. */
#include <pthread.h>
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

#include "tool/output.h"
#include "tool/testpmd.h"

static void test_stats(void **state)
{
	double none[1] = { 7 };
	double odd[] = { 3, 1, 2 };
	double even[] = { 4, 1, 2, 3 };
	struct stats stats;

	(void)state;
	stats = stats_of(none, 0);
	assert_int_equal(stats.count, 0);
	assert_true(stats.median == 0);
	stats = stats_of(odd, 3);
	assert_true(stats.median == 2 && stats.min == 1 && stats.max == 3);
	stats = stats_of(even, 4);
	assert_true(stats.median == 2.5 && stats.min == 1 && stats.max == 4);
	assert_true(stats_gain(15, 10) == 50);
	assert_true(stats_gain(5, 10) == -50);
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(roundtrip_distance(80, 80, 200), DISTANCE_NEAR);
	assert_int_equal(roundtrip_distance(80.1, 80, 200), DISTANCE_BETWEEN);
	assert_int_equal(roundtrip_distance(200, 80, 200), DISTANCE_FAR);
	assert_int_equal(roundtrip_distance(-1, 80, 200), DISTANCE_UNKNOWN);
	for (int i = 0; i < DISTANCES; i++)
		assert_true(strlen(distance_name((enum distance)i)) > 2);
	assert_string_equal(distance_name(DISTANCES), "unknown");
}

static void *serve(void *line)
{
	static double result;

	result = roundtrip_measure(line, 1, 200);
	return &result;
}

static void test_roundtrip(void **state)
{
	static struct roundtrip line;
	pthread_t thread;
	double *server = NULL;
	double result;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, serve, &line), 0);
	result = roundtrip_measure(&line, 0, 200);
	pthread_join(thread, (void **)&server);
	assert_true(result > 0 && result < 1e9);
	assert_true(*server > 0 && *server < 1e9);
	/* Nobody plays on the other side. */
	line.ball = 0;
	assert_true(roundtrip_measure(&line, 0, 0.05) < 0);
}

static void test_testpmd_counts(void **state)
{
	static const char shown[] =
		"  ###### NIC statistics for port 0  ######\r\n"
		"  RX-packets: 123        RX-missed: 4          RX-bytes:  0\r\n"
		"  RX-errors: 5\r\n"
		"  RX-nombuf:  6         \r\n"
		"  TX-packets: 18446744073709551615   TX-errors: 0          TX-bytes:  9\r\n";
	struct testpmd_counts counts;

	(void)state;
	assert_int_equal(testpmd_parse_counts(shown, &counts), 0);
	assert_int_equal(counts.received, 123);
	assert_int_equal(counts.lost, 15);
	assert_true(counts.sent == UINT64_MAX);
	assert_int_equal(testpmd_parse_counts("Command not found\n", &counts), -1);
	assert_int_equal(testpmd_parse_counts("", &counts), -1);
}

/* ---- a report made up of known rounds ---- */

struct made {
	struct bench_options options;
	struct topology topology;
	struct bench_result results[2];
	struct bench_sample samples[2][4];
	struct bench_report report;
};

static void add(struct bench_result *result, double mpps, enum distance before, enum distance after)
{
	struct bench_sample *sample = &result->samples[result->count++];

	*sample = (struct bench_sample){
		.features = 0x300000000,
		.seconds = 2,
		.packets = (uint64_t)(mpps * 2e6),
		.sent = 1000,
		.received = 990,
		.dropped = 10,
		.checked = 5,
		.roundtrip_ns = { before == DISTANCE_NEAR ? 50 : 300,
				  after == DISTANCE_NEAR ? 50 : 300 },
		.distance = { before, after },
		.kept = before == after,
		.cpu = { 0.99, 0.98 },
	};
}

/* TX split, without IN_ORDER (two near, one far, one moved) and with it (two near). */
static struct made *make(void)
{
	struct made *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	made->options = (struct bench_options){
		.in_order = { true, true },
		.size = 256,
		.burst = 32,
		.packet = 64,
		.rounds = 2,
		.seconds = 2,
		.near_ns = 100,
		.far_ns = 200,
	};
	snprintf(made->topology.model, sizeof(made->topology.model), "A 'quoted' processor");
	made->topology.controller = -1;
	for (int i = 0; i < 2; i++) {
		made->results[i].row.in_order = i;
		made->results[i].samples = made->samples[i];
		made->results[i].room = 4;
	}
	add(&made->results[0], 10, DISTANCE_NEAR, DISTANCE_NEAR);
	add(&made->results[0], 4, DISTANCE_FAR, DISTANCE_FAR);
	add(&made->results[0], 77, DISTANCE_NEAR, DISTANCE_FAR);
	add(&made->results[0], 12, DISTANCE_NEAR, DISTANCE_NEAR);
	add(&made->results[1], 22, DISTANCE_NEAR, DISTANCE_NEAR);
	add(&made->results[1], 22, DISTANCE_NEAR, DISTANCE_NEAR);
	made->report.options = &made->options;
	made->report.topology = &made->topology;
	made->report.results = made->results;
	made->report.count = 2;
	return made;
}

static void test_groups(void **state)
{
	struct made *made = make();
	struct bench_group group;

	(void)state;
	bench_group(&made->results[0], DISTANCE_NEAR, &group);
	assert_int_equal(group.mpps.count, 2);
	assert_true(group.mpps.median == 11 && group.mpps.min == 10 && group.mpps.max == 12);
	assert_true(group.roundtrip_ns == 50);
	bench_group(&made->results[0], DISTANCE_FAR, &group);
	assert_int_equal(group.mpps.count, 1);
	bench_group(&made->results[0], DISTANCES, &group);
	assert_int_equal(group.mpps.count, 3);
	assert_int_equal(bench_dropped_rounds(&made->results[0]), 1);
	assert_null(bench_failure(&made->results[0]));
	free(made);
}

static void test_failure(void **state)
{
	struct made *made = make();
	struct bench_result nothing = { .count = 0 };
	struct bench_result moved = { .count = 1, .samples = &made->samples[0][2] };

	(void)state;
	assert_string_equal(bench_failure(&nothing), "not measured");
	assert_non_null(strstr(bench_failure(&moved), "in no round"));
	made->samples[0][1].failed = true;
	strcpy(made->samples[0][1].text, "one packet is gone");
	assert_string_equal(bench_failure(&made->results[0]), "one packet is gone");
	free(made);
}

static char *table_of(const struct bench_report *report)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	assert_non_null(to);
	table_head(to, report);
	table_rows(to, report);
	fclose(to);
	return text;
}

static void test_table(void **state)
{
	struct made *made = make();
	char *text = table_of(&made->report);

	(void)state;
	assert_non_null(strstr(text, "TX  split   off      near"));
	assert_non_null(strstr(text, "TX  split   off      far"));
	/* Near is compared with near. */
	assert_non_null(strstr(text, "+100.0 %"));
	assert_null(strstr(text, "FAILED"));
	assert_non_null(strstr(text, "6 rounds, 1 dropped because"));
	assert_non_null(strstr(text, "6000 sent, 5940 received, 60 dropped; 30 looked into"));
	/* What was not taken is named: IN_ORDER in the second row. */
	assert_non_null(strstr(text, "ran without IN_ORDER"));
	free(text);

	made->samples[1][0].failed = true;
	strcpy(made->samples[1][0].text, "packets are missing");
	text = table_of(&made->report);
	assert_non_null(strstr(text, "TX  split   on       FAILED: packets are missing"));
	free(text);

	made->options.party[SIDE_DEVICE] = PARTY_DPDK;
	made->options.direction[DIRECTION_TX] = true;
	made->samples[0][0].cpu[0] = made->samples[0][1].cpu[0] = made->samples[0][3].cpu[0] = 0.5;
	text = table_of(&made->report);
	assert_non_null(strstr(text, "TX: the peer counts the packets"));
	assert_non_null(strstr(text, "a side had only 50 % of its CPU"));
	free(text);
	free(made);
}

static json_object *at(json_object *json, const char *name)
{
	json_object *value;

	assert_true(json_object_object_get_ex(json, name, &value));
	return value;
}

static void test_json(void **state)
{
	struct made *made = make();
	char path[] = "/tmp/virtring-json.XXXXXX";
	char error[TOOL_TEXT] = "";
	int fd = mkstemp(path);
	json_object *json;
	json_object *row;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(json_write(path, &made->report, error), 0);
	json = json_object_from_file(path);
	assert_non_null(json);
	assert_int_equal(json_object_array_length(at(json, "rows")), 2);
	row = json_object_array_get_idx(at(json, "rows"), 0);
	assert_string_equal(json_object_get_string(at(row, "layout")), "split");
	assert_int_equal(json_object_array_length(at(row, "rounds")), 4);
	assert_true(json_object_get_double(at(at(at(row, "results"), "near"), "mpps_median")) ==
		    11);
	assert_string_equal(json_object_get_string(at(at(json, "machine"), "processor")),
			    "A 'quoted' processor");
	json_object_put(json);
	unlink(path);
	assert_int_equal(json_write("/nonexistent/file.json", &made->report, error), -1);
	assert_non_null(strstr(error, "/nonexistent/file.json"));
	free(made);
}

static void test_plot(void **state)
{
	struct made *made = make();
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	(void)state;
	assert_non_null(to);
	plot_script(to, "it's.svg", &made->report);
	fclose(to);
	assert_non_null(strstr(text, "set terminal svg"));
	assert_non_null(strstr(text, "set output 'it''s.svg'"));
	assert_non_null(strstr(text, "'A ''quoted'' processor'"));
	assert_non_null(strstr(text, "-0.20 11.000 10.000 12.000"));
	assert_non_null(strstr(text, "0.20 22.000 22.000 22.000"));
	assert_non_null(strstr(text, "0.80 4.000 4.000 4.000"));
	free(text);
	free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stats),	  cmocka_unit_test(test_distance),
		cmocka_unit_test(test_roundtrip), cmocka_unit_test(test_testpmd_counts),
		cmocka_unit_test(test_groups),	  cmocka_unit_test(test_failure),
		cmocka_unit_test(test_table),	  cmocka_unit_test(test_json),
		cmocka_unit_test(test_plot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
