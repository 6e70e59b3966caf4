/* SPDX-License-Identifier: BSD-3-Clause */
/* What every JSON of the command has in it. */
#ifndef JSON_PARTS_H
#define JSON_PARTS_H

#include <json.h>

#include "topology.h"

/** json_number() - a figure, with the three digits behind the point that it is worth */
json_object *json_number(double value);

/** json_count() - a whole number */
json_object *json_count(uint64_t value);

/** json_put() - a member, which then belongs to @to */
void json_put(json_object *to, const char *name, json_object *value);

/** json_put_text() - a member that is a text, or null */
void json_put_text(json_object *to, const char *name, const char *text);

/** json_print() - write it on standard output, and give it back */
void json_print(json_object *json);

/** json_machine() - the machine that was measured */
json_object *json_machine(const struct topology *topology);

/**
 * json_file() - write it
 * @path: the file
 * @json: what
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int json_file(const char *path, json_object *json, char *error);

#endif
