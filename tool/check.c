// SPDX-License-Identifier: BSD-3-Clause
/* virtring check: does this peer keep to the specification? */
#include <argp.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/back_end.h"
#include "check/check.h"
#include "check/front_end.h"
#include "check_self.h"
#include "tool.h"

struct check_options;

/* Who can be checked: by which checks, and how they are run. */
struct role {
	const char *name;
	const struct check_list *const *(*lists)(uint32_t *count);
	int (*run)(struct check_options *options, struct check_results *results);
	bool needs_socket;
};

struct check_options {
	const struct role *role;
	struct check_target target;
	struct front_options front;
	struct front_start start;
	struct check_plan plan;
	bool list;
	bool quiet;
	bool verbose;
	const char *part;
	const char *json;
	const char *junit;
};

static const struct check_list *const *lists_of_back_end(uint32_t *count)
{
	*count = back_end_list_count;
	return back_end_lists;
}

static int run_back_end(struct check_options *options, struct check_results *results)
{
	options->plan.probe = back_end_probe;
	return check_all(&options->plan, results);
}

static int run_front_end(struct check_options *options, struct check_results *results)
{
	if (options->start.context)
		options->front.start = &options->start;
	/* Whoever comes once chooses the form; else one after the other is offered. */
	options->front.one_form = !options->start.context && options->plan.forms == CHECK_FORMS;
	return front_end_all(&options->plan, &options->front, results);
}

/* Those of both roles. */
static const struct check_list *const *lists_of_self(uint32_t *count)
{
	static const struct check_list *lists[32];
	uint32_t front_count;
	const struct check_list *const *front = front_end_lists(&front_count);

	*count = 0;
	for (uint32_t i = 0; i < front_count && *count < 32; i++)
		lists[(*count)++] = front[i];
	for (uint32_t i = 0; i < back_end_list_count && *count < 32; i++)
		lists[(*count)++] = back_end_lists[i];
	return lists;
}

static int run_self(struct check_options *options, struct check_results *results)
{
	return check_self(&options->plan, options->part, results);
}

static const struct role roles[] = {
	{ "back-end", lists_of_back_end, run_back_end, true },
	{ "front-end", front_end_lists, run_front_end, true },
	{ "self", lists_of_self, run_self, false },
};

#define ROLES (sizeof(roles) / sizeof(roles[0]))

static uint32_t forms_of(const char *text)
{
	static const struct {
		const char *name;
		uint32_t form;
	} names[] = {
		{ "split", CHECK_SPLIT },
		{ "packed", CHECK_PACKED },
		{ "split-in-order", CHECK_SPLIT_IN_ORDER },
		{ "packed-in-order", CHECK_PACKED_IN_ORDER },
	};
	uint32_t forms = 0;

	while (*text) {
		const size_t length = strcspn(text, ",");
		uint32_t form = 0;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strlen(names[i].name) == length &&
			    strncmp(text, names[i].name, length) == 0)
				form = names[i].form;
		if (!form)
			return 0;
		forms |= form;
		text += length;
		text += *text == ',';
	}
	return forms;
}

static const struct role *role_of(const char *name)
{
	for (size_t i = 0; i < ROLES; i++)
		if (strcmp(roles[i].name, name) == 0)
			return &roles[i];
	return NULL;
}

static uint32_t take_seconds(struct argp_state *state, const char *option, const char *text)
{
	char *end;
	const double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds > 0 && seconds <= 3600))
		argp_error(state, "%s takes seconds up to 3600, not '%s'", option, text);
	return (uint32_t)(seconds * 1000) + 1;
}

enum {
	KEY_CLAUSES = 256,
	KEY_HOSTILE,
	KEY_JSON,
	KEY_JUNIT,
	KEY_LIST,
	KEY_WRITE,
	KEY_PATIENCE,
	KEY_RUN,
	KEY_WAIT,
	KEY_WATCH,
	KEY_PART
};

static error_t take_end(struct check_options *options, struct argp_state *state)
{
	if (!options->role) {
		argp_error(state, "who is to be checked?");
		return EINVAL;
	}
	if (options->role->needs_socket && !options->target.path && !options->list)
		argp_error(state, "which socket? (--socket)");
	if (options->role->run == run_front_end && !options->target.device && !options->list)
		argp_error(state, "which device is to be played? (--type)");
	return 0;
}

static error_t take_target(int key, char *text, struct argp_state *state)
{
	struct check_options *options = state->input;

	switch (key) {
	case 's':
		options->target.path = text;
		return 0;
	case 't':
		if (strcmp(text, "net") == 0)
			options->target.device = CHECK_NET;
		else if (strcmp(text, "blk") == 0)
			options->target.device = CHECK_BLK;
		else
			argp_error(state, "--type takes net or blk, not '%s'", text);
		return 0;
	case 'T':
		options->target.answer_ms = take_seconds(state, "--timeout", text);
		return 0;
	case KEY_PATIENCE:
		options->plan.patience_ms = take_seconds(state, "--patience", text);
		return 0;
	case KEY_WRITE:
		options->target.write = true;
		return 0;
	case KEY_PART:
		if (!check_self_part(text))
			argp_error(state, "no part is called '%s'", text);
		options->part = text;
		return 0;
	case KEY_RUN:
		options->start = (struct front_start){ .run = front_command, .context = text };
		return 0;
	case KEY_WAIT:
		options->front.wait_ms = take_seconds(state, "--wait", text);
		return 0;
	case KEY_WATCH:
		options->front.watch_ms = take_seconds(state, "--watch", text);
		return 0;
	case ARGP_KEY_ARG:
		if (options->role)
			argp_error(state, "one role is enough");
		options->role = role_of(text);
		if (!options->role)
			argp_error(state, "nobody is called '%s'", text);
		return 0;
	case ARGP_KEY_END:
		return take_end(options, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct check_options *options = state->input;

	switch (key) {
	case 'f':
		options->plan.forms = forms_of(text);
		if (!options->plan.forms)
			argp_error(state,
				   "--forms takes split, packed, split-in-order and "
				   "packed-in-order, not '%s'",
				   text);
		return 0;
	case KEY_CLAUSES:
		options->plan.patterns = text;
		return 0;
	case KEY_HOSTILE:
		options->plan.hostile = true;
		return 0;
	case KEY_JSON:
		options->json = text ? text : "-";
		return 0;
	case KEY_JUNIT:
		options->junit = text ? text : "-";
		return 0;
	case KEY_LIST:
		options->list = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	default:
		return take_target(key, text, state);
	}
}

static void print_one(void *context, const struct check_result *result)
{
	const struct check_options *options = context;

	if (options->quiet && (result->verdict == CHECK_PASS || result->verdict == CHECK_SKIP))
		return;
	check_print_result(stdout, result, options->verbose);
	fflush(stdout);
}

/* Writes a report to a file, or to standard output for "-". */
static int write_report(const char *path, const struct check_options *options,
			const struct check_results *results,
			int (*write)(FILE *to, const struct check_plan *plan,
				     const struct check_results *results))
{
	const bool out = strcmp(path, "-") == 0;
	FILE *file = out ? stdout : fopen(path, "we");
	int status = -1;

	if (file) {
		status = write(file, &options->plan, results);
		if (!out && fclose(file))
			status = -1;
	}
	if (status)
		fprintf(stderr, "virtring check: %s cannot be written\n", path);
	return status;
}

static bool on_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static int run(struct check_options *options)
{
	const bool report_only = on_stdout(options->json) || on_stdout(options->junit);
	struct check_results results = { 0 };
	int status = 0;

	options->plan.done = report_only ? NULL : print_one;
	options->plan.done_context = options;
	if (options->role->run(options, &results))
		status = TOOL_CANNOT;
	else if (results.verdicts[CHECK_FAIL] || results.verdicts[CHECK_LOST])
		status = TOOL_FAILED;
	if (!status && !results.count) {
		fputs("virtring check: no check has such a clause or name (--list)\n", stderr);
		status = TOOL_CANNOT;
	}
	if (!report_only)
		check_print_summary(stdout, &results);
	if (options->json && write_report(options->json, options, &results, check_write_json))
		status = TOOL_CANNOT;
	if (options->junit && write_report(options->junit, options, &results, check_write_junit))
		status = TOOL_CANNOT;
	check_results_free(&results);
	return status;
}

static const struct argp_option arguments[] = {
	{ "socket", 's', "PATH", 0, "where the back end listens; front-end: where to listen", 0 },
	{ "type", 't', "net|blk", 0, "what device it is; without, only messages are checked", 0 },
	{ "clauses", KEY_CLAUSES, "PATTERN,...", 0,
	  "only the checks with such a clause or name, as in S-DEV-* or wrap-*", 0 },
	{ "forms", 'f', "FORM,...", 0,
	  "only these ring forms: split, packed, split-in-order, packed-in-order", 0 },
	{ "hostile", KEY_HOSTILE, NULL, 0, "also send what the specification forbids", 0 },
	{ "write", KEY_WRITE, NULL, 0, "checks may write to the disk", 0 },
	{ "list", KEY_LIST, NULL, 0, "print the checks, and the clauses that have none", 0 },
	{ "json", KEY_JSON, "FILE", OPTION_ARG_OPTIONAL, "write a report for programs", 0 },
	{ "junit", KEY_JUNIT, "FILE", OPTION_ARG_OPTIONAL,
	  "write a report for those who collect test results", 0 },
	{ "quiet", 'q', NULL, 0, "print only what is FAIL or LOST, and the last line", 0 },
	{ "verbose", 'v', NULL, 0, "print messages and ring words with each FAIL and LOST", 0 },
	{ "timeout", 'T', "S", 0, "how long the peer may take for an answer (2)", 0 },
	{ "patience", KEY_PATIENCE, "S", 0,
	  "how long a peer that was lost may take to answer again (5)", 0 },
	{ "run", KEY_RUN, "COMMAND", 0,
	  "front-end: a shell command that starts one which connects, run for each session", 0 },
	{ "wait", KEY_WAIT, "S", 0,
	  "front-end: how long to wait for one to connect, and for 64 buffers (30)", 0 },
	{ "watch", KEY_WATCH, "S", 0,
	  "front-end: how long to look on after its first buffers; with --run, at most (10)", 0 },
	{ "part", KEY_PART, "NAME", 0,
	  "self: only driver-half, driver-net, blk, net, serve-blk or serve-net", 0 },
	{ 0 },
};

int check_main(int argc, char **argv)
{
	static const struct argp parser = {
		arguments,
		take,
		"back-end|front-end|self",
		"Checks clause by clause whether a vhost-user peer keeps to the virtio and "
		"vhost-user specifications.",
		NULL,
		NULL,
		NULL,
	};
	struct check_options options = {
		.target = { .answer_ms = CHECK_ANSWER_MS },
		.plan = { .forms = CHECK_FORMS, .patience_ms = 5000 },
		.front = { .wait_ms = 30000,
			   .watch_ms = 10000,
			   .policy_ms = 3000,
			   .stall_ms = 10000,
			   .disk_bytes = 16u << 20 },
	};

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	options.plan.role = options.role->name;
	options.plan.lists = options.role->lists(&options.plan.list_count);
	options.plan.target = &options.target;
	if (options.list) {
		check_print_list(stdout, &options.plan);
		return 0;
	}
	return run(&options);
}
