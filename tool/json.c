// SPDX-License-Identifier: BSD-3-Clause
/* Everything that a bench found out, as JSON. */
#include <json.h>
#include <string.h>

#include <virtring/features.h>
#include <virtring/version.h>

#include "json_parts.h"
#include "output.h"

static json_object *options_of(const struct bench_options *options)
{
	json_object *json = json_object_new_object();

	json_put_text(json, "driver", bench_party_name(options->party[SIDE_DRIVER]));
	json_put_text(json, "device", bench_party_name(options->party[SIDE_DEVICE]));
	json_put(json, "size", json_object_new_int((int)options->size));
	json_put(json, "burst", json_object_new_int((int)options->burst));
	json_put(json, "packet", json_object_new_int((int)options->packet));
	json_put(json, "mergeable", json_object_new_boolean(options->mergeable));
	json_put(json, "notify", json_object_new_boolean(options->notify));
	json_put(json, "seconds", json_number(options->seconds));
	json_put(json, "rounds", json_object_new_int((int)options->rounds));
	json_put(json, "near_ns", json_number(options->near_ns));
	json_put(json, "far_ns", json_number(options->far_ns));
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
	return part < 0 ? NULL : json_number(part);
}

static json_object *sample_of(const struct bench_sample *sample)
{
	json_object *json = json_object_new_object();

	json_put(json, "kept", json_object_new_boolean(sample->kept));
	json_put(json, "failed", json_object_new_boolean(sample->failed));
	if (sample->failed)
		json_put_text(json, "reason", sample->text);
	json_put_text(json, "distance_before", distance_name(sample->distance[0]));
	json_put_text(json, "distance_after", distance_name(sample->distance[1]));
	json_put(json, "roundtrip_ns_before", json_number(sample->roundtrip_ns[0]));
	json_put(json, "roundtrip_ns_after", json_number(sample->roundtrip_ns[1]));
	json_put(json, "mpps", json_number(bench_mpps(sample)));
	json_put(json, "seconds", json_number(sample->seconds));
	json_put(json, "packets", json_count(sample->packets));
	json_put(json, "sent", json_count(sample->sent));
	json_put(json, "received", json_count(sample->received));
	json_put(json, "dropped", json_count(sample->dropped));
	json_put(json, "checked", json_count(sample->checked));
	json_put(json, "wrong", json_count(sample->bad));
	json_put(json, "used_entries", json_count(sample->entries));
	json_put(json, "used_without_entry", json_count(sample->batched));
	json_put(json, "driver_cpu_share", share(sample->cpu[SIDE_DRIVER]));
	json_put(json, "device_cpu_share", share(sample->cpu[SIDE_DEVICE]));
	json_put(json, "driver_polls_found", share(sample->found[SIDE_DRIVER]));
	json_put(json, "device_polls_found", share(sample->found[SIDE_DEVICE]));
	/* Between two peers nobody tells us what they agreed on. */
	json_put(json, "features", sample->features ? features_of(sample->features) : NULL);
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
		json_put(one, "rounds", json_count(group.mpps.count));
		json_put(one, "mpps_median", json_number(group.mpps.median));
		json_put(one, "mpps_min", json_number(group.mpps.min));
		json_put(one, "mpps_max", json_number(group.mpps.max));
		json_put(one, "ns_per_packet", json_number(1000 / group.mpps.median));
		json_put(one, "roundtrip_ns", json_number(group.roundtrip_ns));
		json_put(json, distance_name((enum distance)distance), one);
	}
	return json;
}

json_object *json_row(const struct bench_options *options, const struct bench_result *result)
{
	json_object *json = json_object_new_object();
	json_object *rounds = json_object_new_array();

	json_put_text(json, "direction", bench_direction_name(result->row.direction));
	json_put_text(json, "layout", bench_layout_name(result->row.layout));
	json_put(json, "in_order", json_object_new_boolean(result->row.in_order));
	json_put(json, "features_wanted", features_of(bench_wanted(options, &result->row)));
	json_put_text(json, "failure", bench_failure(result));
	json_put(json, "dropped_rounds", json_object_new_int((int)bench_dropped_rounds(result)));
	json_put(json, "results", groups_of(result));
	for (unsigned int i = 0; i < result->count; i++)
		json_object_array_add(rounds, sample_of(&result->samples[i]));
	json_put(json, "rounds", rounds);
	return json;
}

static json_object *report_of(const struct bench_report *report)
{
	json_object *json = json_object_new_object();
	json_object *rows = json_object_new_array();

	json_put_text(json, "virtring", vr_version());
	json_put_text(json, "dpdk", report->dpdk[0] ? report->dpdk : NULL);
	json_put(json, "started", json_object_new_int64(report->started));
	json_put(json, "took_seconds", json_number(report->took));
	json_put(json, "machine", json_machine(report->topology));
	json_put(json, "options", options_of(report->options));
	json_put(json, "memory_page_bytes", json_count(report->page_bytes));
	json_put_text(json, "memory_note", report->memory_note[0] ? report->memory_note : NULL);
	for (unsigned int i = 0; i < report->count; i++)
		json_object_array_add(rows, json_row(report->options, &report->results[i]));
	json_put(json, "rows", rows);
	return json;
}

int json_write(const char *path, const struct bench_report *report, char *error)
{
	json_object *json = report_of(report);
	int result = json_file(path, json, error);

	json_object_put(json);
	return result;
}
