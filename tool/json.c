// SPDX-License-Identifier: BSD-3-Clause
/* Everything that a bench found out, as JSON. */
#include <errno.h>
#include <json.h>
#include <string.h>

#include <virtring/features.h>
#include <virtring/version.h>

#include "output.h"

/* Three digits behind the point are all that a figure is worth. */
static json_object *number(double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.3f", value);
	return json_object_new_double_s(value, text);
}

static json_object *count(uint64_t value)
{
	return json_object_new_uint64(value);
}

static void put(json_object *to, const char *name, json_object *value)
{
	json_object_object_add(to, name, value);
}

static void put_text(json_object *to, const char *name, const char *text)
{
	put(to, name, text ? json_object_new_string(text) : NULL);
}

static json_object *machine(const struct topology *topology)
{
	json_object *json = json_object_new_object();

	put_text(json, "processor", topology->model);
	put_text(json, "kernel", topology->kernel);
	put(json, "cpus", json_object_new_int(topology->online));
	put(json, "cpus_usable", json_object_new_int(topology->allowed));
	put(json, "driver_cpu", json_object_new_int(topology->cpu[SIDE_DRIVER]));
	put(json, "device_cpu", json_object_new_int(topology->cpu[SIDE_DEVICE]));
	put(json, "controller_cpu", json_object_new_int(topology->controller));
	put(json, "same_core", json_object_new_boolean(topology->siblings));
	put(json, "shared_cache_level", json_object_new_int(topology->shared_cache));
	put(json, "huge_pages_free", count(topology->huge_free));
	put(json, "huge_page_bytes", count(topology->huge_bytes));
	return json;
}

static json_object *options_of(const struct bench_options *options)
{
	json_object *json = json_object_new_object();

	put_text(json, "driver", bench_party_name(options->party[SIDE_DRIVER]));
	put_text(json, "device", bench_party_name(options->party[SIDE_DEVICE]));
	put(json, "size", json_object_new_int((int)options->size));
	put(json, "burst", json_object_new_int((int)options->burst));
	put(json, "packet", json_object_new_int((int)options->packet));
	put(json, "mergeable", json_object_new_boolean(options->mergeable));
	put(json, "notify", json_object_new_boolean(options->notify));
	put(json, "seconds", number(options->seconds));
	put(json, "rounds", json_object_new_int((int)options->rounds));
	put(json, "near_ns", number(options->near_ns));
	put(json, "far_ns", number(options->far_ns));
	return json;
}

static json_object *features_of(uint64_t features)
{
	json_object *list = json_object_new_array();

	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *name = vr_feature_name(VR_DEVICE_NET, bit);
		char text[16];

		if (!(features >> bit & 1))
			continue;
		snprintf(text, sizeof(text), "%u", bit);
		json_object_array_add(list, json_object_new_string(name ? name : text));
	}
	return list;
}

static json_object *share(double part)
{
	return part < 0 ? NULL : number(part);
}

static json_object *sample_of(const struct bench_sample *sample)
{
	json_object *json = json_object_new_object();

	put(json, "kept", json_object_new_boolean(sample->kept));
	put(json, "failed", json_object_new_boolean(sample->failed));
	if (sample->failed)
		put_text(json, "reason", sample->text);
	put_text(json, "distance_before", distance_name(sample->distance[0]));
	put_text(json, "distance_after", distance_name(sample->distance[1]));
	put(json, "roundtrip_ns_before", number(sample->roundtrip_ns[0]));
	put(json, "roundtrip_ns_after", number(sample->roundtrip_ns[1]));
	put(json, "mpps", number(bench_mpps(sample)));
	put(json, "seconds", number(sample->seconds));
	put(json, "packets", count(sample->packets));
	put(json, "sent", count(sample->sent));
	put(json, "received", count(sample->received));
	put(json, "dropped", count(sample->dropped));
	put(json, "checked", count(sample->checked));
	put(json, "wrong", count(sample->bad));
	put(json, "used_entries", count(sample->entries));
	put(json, "used_without_entry", count(sample->batched));
	put(json, "driver_cpu_share", share(sample->cpu[SIDE_DRIVER]));
	put(json, "device_cpu_share", share(sample->cpu[SIDE_DEVICE]));
	/* Between two peers nobody tells us what they agreed on. */
	put(json, "features", sample->features ? features_of(sample->features) : NULL);
	return json;
}

static json_object *groups_of(const struct bench_result *result)
{
	json_object *json = json_object_new_object();

	for (int distance = 0; distance < DISTANCES; distance++) {
		struct bench_group group;
		json_object *one;

		bench_group(result, (enum distance)distance, &group);
		if (group.mpps.count == 0)
			continue;
		one = json_object_new_object();
		put(one, "rounds", count(group.mpps.count));
		put(one, "mpps_median", number(group.mpps.median));
		put(one, "mpps_min", number(group.mpps.min));
		put(one, "mpps_max", number(group.mpps.max));
		put(one, "ns_per_packet", number(1000 / group.mpps.median));
		put(one, "roundtrip_ns", number(group.roundtrip_ns));
		put(json, distance_name((enum distance)distance), one);
	}
	return json;
}

static json_object *row_of(const struct bench_options *options, const struct bench_result *result)
{
	json_object *json = json_object_new_object();
	json_object *rounds = json_object_new_array();

	put_text(json, "direction", bench_direction_name(result->row.direction));
	put_text(json, "layout", bench_layout_name(result->row.layout));
	put(json, "in_order", json_object_new_boolean(result->row.in_order));
	put(json, "features_wanted", features_of(bench_wanted(options, &result->row)));
	put_text(json, "failure", bench_failure(result));
	put(json, "dropped_rounds", json_object_new_int((int)bench_dropped_rounds(result)));
	put(json, "results", groups_of(result));
	for (unsigned int i = 0; i < result->count; i++)
		json_object_array_add(rounds, sample_of(&result->samples[i]));
	put(json, "rounds", rounds);
	return json;
}

static json_object *report_of(const struct bench_report *report)
{
	json_object *json = json_object_new_object();
	json_object *rows = json_object_new_array();

	put_text(json, "virtring", vr_version());
	put_text(json, "dpdk", report->dpdk[0] ? report->dpdk : NULL);
	put(json, "started", json_object_new_int64(report->started));
	put(json, "took_seconds", number(report->took));
	put(json, "machine", machine(report->topology));
	put(json, "options", options_of(report->options));
	put(json, "memory_page_bytes", count(report->page_bytes));
	put_text(json, "memory_note", report->memory_note[0] ? report->memory_note : NULL);
	for (unsigned int i = 0; i < report->count; i++)
		json_object_array_add(rows, row_of(report->options, &report->results[i]));
	put(json, "rows", rows);
	return json;
}

int json_write(const char *path, const struct bench_report *report, char *error)
{
	json_object *json = report_of(report);
	int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = json_object_to_json_string_ext(json, flags);
	FILE *file = fopen(path, "we");
	int result = 0;

	if (!file || fprintf(file, "%s\n", text) < 0 || fflush(file))
		result = tool_text(error, "cannot write %s: %s", path, strerror(errno));
	if (file && fclose(file) && !result)
		result = tool_text(error, "cannot write %s: %s", path, strerror(errno));
	json_object_put(json);
	return result;
}
