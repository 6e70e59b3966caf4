// SPDX-License-Identifier: BSD-3-Clause
/* Everything that virtring bench --versus found out, as JSON. */
#include <virtring/version.h>

#include "json_parts.h"
#include "output.h"
#include "versus.h"

static json_object *options_of(const struct versus *versus)
{
	const struct bench_options *base = &versus->options->base;
	json_object *json = json_object_new_object();

	json_put(json, "burst", json_count(base->burst));
	json_put(json, "packet", json_count(base->packet));
	json_put(json, "seconds", json_number(base->seconds));
	json_put(json, "rounds", json_count(base->rounds));
	json_put(json, "realtime", json_object_new_boolean(base->realtime));
	json_put(json, "spare_slots", json_count(base->burst));
	json_put(json, "near_ns", json_number(base->near_ns));
	json_put(json, "far_ns", json_number(base->far_ns));
	return json;
}

/* The ratios at each distance; the figures themselves are in the row's results. */
static json_object *ratios_of(const struct versus *versus, const struct versus_cell *cell,
			      double (*of)(const struct versus *versus,
					   const struct versus_cell *cell, enum distance distance))
{
	json_object *json = json_object_new_object();

	for (int distance = 0; distance < DISTANCES; distance++) {
		double base = of(versus, cell, (enum distance)distance);
		struct bench_group group;

		bench_group(&cell->result, (enum distance)distance, &group);
		if (group.mpps.count > 0 && base > 0)
			json_put(json, distance_name((enum distance)distance),
				 json_number(group.mpps.median / base));
	}
	return json;
}

static json_object *cell_of(const struct versus *versus, const struct versus_cell *cell)
{
	char path[TOOL_TEXT];
	json_object *json = json_row(&cell->options, &cell->result);

	versus_path(cell, path);
	json_put_text(json, "pairing", versus_pairing_name(cell->pairing));
	json_put_text(json, "variant", versus_variant_name(cell));
	json_put(json, "size", json_count(cell->options.size));
	json_put_text(json, "dpdk_path", path[0] ? path : NULL);
	json_put_text(json, "skipped", cell->skipped[0] ? cell->skipped : NULL);
	if (cell->skipped[0])
		json_put(json, "failure", NULL);
	json_put(json, "ratio_to_dpdk", ratios_of(versus, cell, versus_base));
	json_put(json, "share_of_floor", ratios_of(versus, cell, versus_floor));
	return json;
}

int versus_json(const char *path, const struct versus *versus, char *error)
{
	json_object *json = json_object_new_object();
	json_object *cells = json_object_new_array();
	int result;

	json_put_text(json, "virtring", vr_version());
	json_put_text(json, "dpdk", versus->dpdk[0] ? versus->dpdk : NULL);
	json_put(json, "started", json_object_new_int64(versus->started));
	json_put(json, "took_seconds", json_number(versus->took));
	json_put(json, "machine", json_machine(versus->topology));
	json_put(json, "options", options_of(versus));
	json_put(json, "dpdk_huge_pages", json_object_new_boolean(versus->huge));
	json_put(json, "memory_page_bytes", json_count(versus->page_bytes));
	for (unsigned int i = 0; i < versus->count; i++)
		json_object_array_add(cells, cell_of(versus, &versus->cells[i]));
	json_put(json, "cells", cells);
	result = json_file(path, json, error);
	json_object_put(json);
	return result;
}
