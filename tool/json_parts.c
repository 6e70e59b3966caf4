// SPDX-License-Identifier: BSD-3-Clause
/* What every JSON of the command has in it. */
#include "json_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STYLE (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)

/* Three digits behind the point are all that a figure is worth. */
json_object *json_number(double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.3f", value);
	return json_object_new_double_s(value, text);
}

json_object *json_count(uint64_t value)
{
	return json_object_new_uint64(value);
}

void json_put(json_object *to, const char *name, json_object *value)
{
	json_object_object_add(to, name, value);
}

void json_put_text(json_object *to, const char *name, const char *text)
{
	json_put(to, name, text ? json_object_new_string(text) : NULL);
}

void json_print(json_object *json)
{
	puts(json_object_to_json_string_ext(json, STYLE));
	json_object_put(json);
}

json_object *json_machine(const struct topology *topology)
{
	json_object *json = json_object_new_object();

	json_put_text(json, "processor", topology->model);
	json_put_text(json, "kernel", topology->kernel);
	json_put(json, "cpus", json_object_new_int(topology->online));
	json_put(json, "cpus_usable", json_object_new_int(topology->allowed));
	json_put(json, "driver_cpu", json_object_new_int(topology->cpu[SIDE_DRIVER]));
	json_put(json, "device_cpu", json_object_new_int(topology->cpu[SIDE_DEVICE]));
	json_put(json, "controller_cpu", json_object_new_int(topology->controller));
	json_put(json, "same_core", json_object_new_boolean(topology->siblings));
	json_put(json, "shared_cache_level", json_object_new_int(topology->shared_cache));
	json_put(json, "huge_pages_free", json_count(topology->huge_free));
	json_put(json, "huge_page_bytes", json_count(topology->huge_bytes));
	return json;
}

int json_file(const char *path, json_object *json, char *error)
{
	const char *text = json_object_to_json_string_ext(json, STYLE);
	FILE *file = fopen(path, "we");
	int result = 0;

	if (!file || fprintf(file, "%s\n", text) < 0 || fflush(file))
		result = tool_text(error, "cannot write %s: %s", path, strerror(errno));
	if (file && fclose(file) && !result)
		result = tool_text(error, "cannot write %s: %s", path, strerror(errno));
	return result;
}
