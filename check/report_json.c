// SPDX-License-Identifier: BSD-3-Clause
/* Results for programs: JSON (json-c) and JUnit's XML. */
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

#include <virtring/version.h>

#include "check.h"

static void add_text(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_object_object_add(object, key, json_object_new_string(text));
}

static struct json_object *clauses_of(const struct check *check)
{
	struct json_object *list = json_object_new_array();
	const char *id = check->clauses;

	while (*id) {
		const size_t length = strcspn(id, " ");

		json_object_array_add(list, json_object_new_string_len(id, (int)length));
		id += length;
		id += strspn(id, " ");
	}
	return list;
}

static struct json_object *result_object(const struct check_result *result)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "check", result->check->name);
	json_object_object_add(object, "clauses", clauses_of(result->check));
	add_text(object, "level", check_level(result->check));
	add_text(object, "subject", result->subject);
	if (result->form)
		add_text(object, "form", check_form_name(result->form));
	json_object_object_add(object, "hostile", json_object_new_boolean(result->check->hostile));
	add_text(object, "text", result->check->text);
	add_text(object, "verdict", check_verdict_name(result->verdict));
	add_text(object, "expected", result->expected);
	add_text(object, result->verdict == CHECK_SKIP ? "reason" : "seen", result->seen);
	add_text(object, "notes", result->notes);
	json_object_object_add(object, "seconds", json_object_new_double(result->seconds));
	return object;
}

static void add_hex(struct json_object *object, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	add_text(object, key, text);
}

int check_write_json(FILE *to, const struct check_plan *plan, const struct check_results *results)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *summary = json_object_new_object();

	add_text(root, "virtring", vr_version());
	add_text(root, "role", plan->role);
	add_text(root, "peer", plan->target->path);
	add_hex(root, "features", plan->target->features);
	add_hex(root, "protocol_features", plan->target->protocol);
	for (uint32_t i = 0; i < results->count; i++)
		json_object_array_add(list, result_object(&results->results[i]));
	json_object_object_add(root, "results", list);
	for (uint32_t i = 0; i < CHECK_VERDICTS; i++)
		json_object_object_add(summary, check_verdict_name((enum check_verdict)i),
				       json_object_new_int64(results->verdicts[i]));
	json_object_object_add(root, "summary", summary);
	json_object_object_add(root, "seconds", json_object_new_double(results->seconds));
	fprintf(to, "%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
	json_object_put(root);
	return fflush(to) || ferror(to) ? -1 : 0;
}

/* XML has no way to write most control characters, and a peer may have sent any byte. */
static void put_xml(FILE *to, const char *text)
{
	for (; text && *text; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", to);
		else if (c == '<')
			fputs("&lt;", to);
		else if (c == '>')
			fputs("&gt;", to);
		else if (c == '"')
			fputs("&quot;", to);
		else if (c == '\n' || (c >= 0x20 && c < 0x7f))
			fputc(c, to);
		else
			fputc('?', to);
	}
}

static void put_verdict(FILE *to, const struct check_result *result)
{
	static const char *const elements[CHECK_VERDICTS] = {
		[CHECK_FAIL] = "failure", [CHECK_SKIP] = "skipped", [CHECK_LOST] = "error"
	};
	const char *element = elements[result->verdict];

	if (!element)
		return;
	fprintf(to, "<%s message=\"", element);
	put_xml(to, result->seen);
	fputs("\">", to);
	if (result->expected) {
		fputs("expected: ", to);
		put_xml(to, result->expected);
		fputc('\n', to);
	}
	put_xml(to, result->notes);
	fprintf(to, "</%s>", element);
}

static void put_case(FILE *to, const struct check_plan *plan, const struct check_result *result)
{
	char id[24];

	check_first_clause(result->check, id);
	fprintf(to, "    <testcase classname=\"virtring.%s.", plan->role);
	put_xml(to, id);
	fputs("\" name=\"", to);
	put_xml(to, result->check->name);
	if (result->form)
		fprintf(to, " (%s)", check_form_name(result->form));
	if (result->subject)
		fprintf(to, ", %s", result->subject);
	fprintf(to, "\" time=\"%.3f\">", result->seconds);
	put_verdict(to, result);
	fputs("</testcase>\n", to);
}

int check_write_junit(FILE *to, const struct check_plan *plan, const struct check_results *results)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", to);
	fprintf(to,
		"  <testsuite name=\"virtring check %s\" tests=\"%u\" failures=\"%u\" "
		"errors=\"%u\" skipped=\"%u\" time=\"%.3f\">\n",
		plan->role, results->count, results->verdicts[CHECK_FAIL],
		results->verdicts[CHECK_LOST], results->verdicts[CHECK_SKIP], results->seconds);
	for (uint32_t i = 0; i < results->count; i++)
		put_case(to, plan, &results->results[i]);
	fputs("  </testsuite>\n</testsuites>\n", to);
	return fflush(to) || ferror(to) ? -1 : 0;
}
