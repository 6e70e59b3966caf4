// SPDX-License-Identifier: BSD-3-Clause
/*
 * The framework of `virtring check`: verdicts, deadlines, patterns, reports, and that each clause
 * has a check or a reason; against checks that behave in all ways, and against a peer that does.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json.h>

#include "check/back_end.h"
#include "check/check.h"
#include "check/clause.h"
#include "check/front_end.h"
#include "check/link.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct check_target target;

/* ---- checks that behave in all ways ---- */

static void passes(struct check_run *run)
{
	check_note(run, "not shown");
}

static void fails(struct check_run *run)
{
	check_note(run, "a note");
	check_fail(run, "three & four", "<%d>", 5);
}

static void is_skipped(struct check_run *run)
{
	check_skip(run, "for a reason");
}

static void is_lost(struct check_run *run)
{
	check_lost(run, "gone");
}

static void sleeps(struct check_run *run)
{
	(void)run;
	check_sleep_ms(60000);
}

static void crashes(struct check_run *run)
{
	(void)run;
	raise(SIGKILL);
}

static void exits(struct check_run *run)
{
	(void)run;
	_exit(3);
}

static void knows_its_form(struct check_run *run)
{
	if (run->form != CHECK_PACKED)
		check_fail(run, "packed", "%s", check_form_name(run->form));
}

static const struct check zoo[] = {
	{ .name = "passes", .clauses = "S-FMT-001", .text = "passes", .run = passes },
	{ .name = "fails", .clauses = "S-DEV-009 S-FMT-002", .text = "fails", .run = fails },
	{ .name = "is-skipped", .clauses = "S-FMT-003", .text = "skips", .run = is_skipped },
	{ .name = "is-lost", .clauses = "S-FMT-003", .text = "loses", .run = is_lost },
	{ .name = "sleeps", .clauses = "P-FMT-003", .text = "sleeps", .seconds = 1, .run = sleeps },
	{ .name = "crashes", .clauses = "P-FMT-003", .text = "crashes", .run = crashes },
	{ .name = "exits", .clauses = "P-FMT-003", .text = "exits", .run = exits },
	{ .name = "hostile",
	  .clauses = "P-FMT-003",
	  .text = "is hostile",
	  .hostile = true,
	  .run = passes },
	{ .name = "forms",
	  .clauses = "P-FMT-001",
	  .text = "runs in a form",
	  .forms = CHECK_PACKED,
	  .run = knows_its_form },
	{ .name = "needs",
	  .clauses = "P-FMT-001",
	  .text = "needs",
	  .features = F_INDIRECT_DESC,
	  .run = passes },
	{ .name = "needs-protocol",
	  .clauses = "P-FMT-001",
	  .text = "needs",
	  .protocol = PF_STATUS,
	  .run = passes },
	{ .name = "needs-disk",
	  .clauses = "P-FMT-001",
	  .text = "needs",
	  .device = CHECK_BLK,
	  .run = passes },
	{ .name = "writes",
	  .clauses = "P-FMT-001",
	  .text = "writes",
	  .writes = true,
	  .run = passes },
};

static const struct check_list zoo_list = CHECK_LIST(zoo);
static const struct check_list *const zoo_lists[] = { &zoo_list };

static struct check_plan zoo_plan(const char *patterns)
{
	return (struct check_plan){
		.role = "back-end",
		.lists = zoo_lists,
		.list_count = 1,
		.patterns = patterns,
		.forms = CHECK_FORMS,
		.target = &target,
	};
}

/* A peer that offers packed rings and nothing else. */
static int set_up(void **state)
{
	(void)state;
	target = (struct check_target){
		.path = "/nowhere",
		.features = F_VERSION_1 | F_RING_PACKED,
		.answer_ms = 200,
	};
	return 0;
}

static const struct check_result *result_of(const struct check_results *results, const char *name)
{
	for (uint32_t i = 0; i < results->count; i++)
		if (strcmp(results->results[i].check->name, name) == 0)
			return &results->results[i];
	return NULL;
}

static void expect(const struct check_results *results, const char *name,
		   enum check_verdict verdict, const char *seen)
{
	const struct check_result *r = result_of(results, name);

	assert_non_null(r);
	assert_int_equal(r->verdict, verdict);
	if (seen)
		assert_string_equal(r->seen, seen);
	else
		assert_null(r->seen);
}

static void test_verdicts(void **state)
{
	struct check_plan plan = zoo_plan(NULL);
	struct check_results results;

	(void)state;
	assert_int_equal(check_all(&plan, &results), 0);
	assert_int_equal(results.count, COUNT(zoo) - 1);
	expect(&results, "passes", CHECK_PASS, NULL);
	expect(&results, "fails", CHECK_FAIL, "<5>");
	assert_string_equal(result_of(&results, "fails")->expected, "three & four");
	assert_string_equal(result_of(&results, "fails")->notes, "a note\n");
	assert_null(result_of(&results, "passes")->notes);
	expect(&results, "is-skipped", CHECK_SKIP, "for a reason");
	expect(&results, "is-lost", CHECK_LOST, "gone");
	expect(&results, "sleeps", CHECK_LOST, "the check did not end in its time");
	expect(&results, "crashes", CHECK_LOST, "the check died of signal 9");
	expect(&results, "exits", CHECK_LOST, "the check ended in the middle");
	expect(&results, "forms", CHECK_PASS, NULL);
	expect(&results, "needs", CHECK_SKIP, "not offered: INDIRECT_DESC");
	expect(&results, "needs-protocol", CHECK_SKIP, "not offered: STATUS");
	expect(&results, "needs-disk", CHECK_SKIP, "it is for blk devices (--type)");
	expect(&results, "writes", CHECK_SKIP, "it would write to the device (--write)");
	assert_null(result_of(&results, "hostile"));
	assert_int_equal(results.verdicts[CHECK_PASS], 2);
	assert_int_equal(results.verdicts[CHECK_FAIL], 1);
	assert_int_equal(results.verdicts[CHECK_SKIP], 5);
	assert_int_equal(results.verdicts[CHECK_LOST], 4);
	assert_true(results.seconds < 20);
	check_results_free(&results);
}

static uint32_t how_many(const char *patterns, bool hostile)
{
	struct check_plan plan = zoo_plan(patterns);
	uint32_t count = 0;

	plan.hostile = hostile;
	for (uint32_t i = 0; i < COUNT(zoo); i++)
		count += check_chosen(&plan, &zoo[i]);
	return count;
}

static void test_patterns(void **state)
{
	(void)state;
	assert_int_equal(how_many(NULL, false), COUNT(zoo) - 1);
	assert_int_equal(how_many(NULL, true), COUNT(zoo));
	assert_int_equal(how_many("S-*", false), 4);
	/* A clause that is not the first, and a name. */
	assert_int_equal(how_many("S-FMT-002", false), 1);
	assert_int_equal(how_many("S-FMT-002,crash*", false), 2);
	assert_int_equal(how_many("S-FMT-00[13]", false), 3);
	/* Patterns are for whole ids. */
	assert_int_equal(how_many("S-FMT", false), 0);
	assert_int_equal(how_many("P-FMT-003", false), 3);
	assert_int_equal(how_many("P-FMT-003", true), 4);
	assert_int_equal(how_many("", false), 0);
	/* What is left out stays out, wherever it is said. */
	assert_int_equal(how_many("!S-*", false), COUNT(zoo) - 1 - 4);
	assert_int_equal(how_many("S-*,!fails", false), 3);
	assert_int_equal(how_many("!crashes,P-FMT-003", true), COUNT(zoo) - 1);
}

static void test_levels(void **state)
{
	(void)state;
	assert_string_equal(check_level(&zoo[0]), "MUST");
	assert_string_equal(check_level(&zoo[1]), "SHOULD");
	assert_null(clause_find("S-FMT-00"));
	assert_null(clause_find("S-FMT-0011"));
	assert_non_null(clause_find("VU-HDR-001 S-FMT-001"));
}

/* Notes keep the latest lines. */
static void test_notes(void **state)
{
	struct check_outcome *outcome = check_outcome_new();
	struct check_run run = { .outcome = outcome };

	(void)state;
	for (uint32_t i = 0; i < 2000; i++)
		check_note(&run, "line %u", i);
	assert_non_null(strstr(outcome->notes, "\nline 1999\n"));
	assert_null(strstr(outcome->notes, "line 0\n"));
	assert_true(strncmp(outcome->notes, "line ", 5) == 0);
	check_outcome_free(outcome);
}

/* ---- reports ---- */

static char *report_text(int (*write)(FILE *to, const struct check_plan *plan,
				      const struct check_results *results))
{
	struct check_plan plan = zoo_plan("passes,fails,is-*,forms");
	struct check_results results;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_int_equal(check_all(&plan, &results), 0);
	assert_int_equal(write(file, &plan, &results), 0);
	fclose(file);
	check_results_free(&results);
	return text;
}

static void test_json(void **state)
{
	char *text = report_text(check_write_json);
	struct json_object *root = json_tokener_parse(text);
	struct json_object *list, *item, *value;

	(void)state;
	assert_non_null(root);
	assert_true(json_object_object_get_ex(root, "results", &list));
	assert_int_equal(json_object_array_length(list), 5);
	item = json_object_array_get_idx(list, 1);
	assert_true(json_object_object_get_ex(item, "verdict", &value));
	assert_string_equal(json_object_get_string(value), "FAIL");
	assert_true(json_object_object_get_ex(item, "clauses", &value));
	assert_int_equal(json_object_array_length(value), 2);
	assert_true(json_object_object_get_ex(item, "seen", &value));
	assert_string_equal(json_object_get_string(value), "<5>");
	item = json_object_array_get_idx(list, 2);
	assert_true(json_object_object_get_ex(item, "reason", &value));
	assert_true(json_object_object_get_ex(root, "summary", &item));
	assert_true(json_object_object_get_ex(item, "LOST", &value));
	assert_int_equal(json_object_get_int(value), 1);
	json_object_put(root);
	free(text);
}

/* Are all elements closed in their order? Answers how many there are, or -1. */
static int count_elements(const char *text)
{
	char open[8][32];
	int depth = 0, count = 0;

	for (const char *at = strchr(text, '<'); at; at = strchr(at + 1, '<')) {
		char name[32];

		if (at[1] == '?')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, " >"), at + 1);
		if (name[0] == '/') {
			if (!depth || strcmp(open[--depth], name + 1) != 0)
				return -1;
		} else {
			if (depth == 8)
				return -1;
			strcpy(open[depth++], name);
			count++;
		}
	}
	return depth ? -1 : count;
}

static void test_junit(void **state)
{
	char *text = report_text(check_write_junit);

	(void)state;
	/* Two around it all, five cases, one of each kind that is no pass. */
	assert_int_equal(count_elements(text), 2 + 5 + 3);
	assert_non_null(strstr(text, "tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\""));
	assert_non_null(strstr(text, "<failure message=\"&lt;5&gt;\">expected: three &amp; four"));
	assert_non_null(strstr(text, "name=\"forms (packed)\""));
	assert_int_equal(count_elements("<a><b></a></b>"), -1);
	free(text);
}

/* ---- every clause has a check of each role, or a reason ---- */

static bool names(const struct check *check, const char *id)
{
	const size_t length = strlen(id);

	for (const char *at = check->clauses; (at = strstr(at, id)); at += length)
		if ((at == check->clauses || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

/* The lists of a role. */
struct role {
	const char *name;
	const struct check_list *const *lists;
	uint32_t count;
};

static bool any_check_names(const struct role *role, const char *id)
{
	for (uint32_t i = 0; i < role->count; i++)
		for (uint32_t k = 0; k < role->lists[i]->count; k++)
			if (names(&role->lists[i]->checks[k], id))
				return true;
	return false;
}

static const struct clause_gap *gap_of(const char *role, const char *id)
{
	for (uint32_t i = 0; i < clause_gap_count; i++)
		if (!strcmp(clause_gaps[i].role, role) && !strcmp(clause_gaps[i].id, id))
			return &clause_gaps[i];
	return NULL;
}

static void cover(const struct role *role)
{
	for (uint32_t i = 0; i < clause_count; i++) {
		const bool checked = any_check_names(role, clauses[i].id);
		const struct clause_gap *gap = gap_of(role->name, clauses[i].id);

		if (checked == !!gap)
			fail_msg("%s: %s: %s", role->name, clauses[i].id,
				 checked ? "a check names it, and a reason why none does" :
					   "neither a check nor a reason");
		if (gap)
			assert_true(strlen(gap->reason) > 3);
	}
}

static struct role back_end_role(void)
{
	return (struct role){ "back-end", back_end_lists, back_end_list_count };
}

static struct role front_end_role(void)
{
	struct role role = { .name = "front-end" };

	role.lists = front_end_lists(&role.count);
	return role;
}

static void test_clauses_covered(void **state)
{
	const struct role back = back_end_role();
	const struct role front = front_end_role();

	(void)state;
	assert_true(clause_count > 500);
	cover(&back);
	cover(&front);
	for (uint32_t i = 0; i < clause_gap_count; i++)
		assert_non_null(clause_find(clause_gaps[i].id));
}

static void check_ids(const struct check *check)
{
	for (const char *id = check->clauses; *id; id += strspn(id, " ")) {
		if (!clause_find(id))
			fail_msg("%s: there is no clause %.12s", check->name, id);
		id += strcspn(id, " ");
	}
}

static const struct check *check_of_role(const struct role *role, const char *name, size_t length)
{
	for (uint32_t i = 0; i < role->count; i++)
		for (uint32_t k = 0; k < role->lists[i]->count; k++)
			if (strlen(role->lists[i]->checks[k].name) == length &&
			    !strncmp(role->lists[i]->checks[k].name, name, length))
				return &role->lists[i]->checks[k];
	return NULL;
}

/* The checks that an offence names, or its reason. */
static const char *answer_to(const struct offence *offence, const struct role *role)
{
	return strcmp(role->name, "back-end") ? offence->front_end : offence->back_end;
}

static void check_offence(const struct offence *offence, const struct role *role)
{
	const char *at = answer_to(offence, role);

	if (at[0] == '-') {
		assert_true(strlen(at) > 10);
		return;
	}
	for (; *at; at += strspn(at, " ")) {
		const size_t length = strcspn(at, " ");

		if (!check_of_role(role, at, length))
			fail_msg("%s: a %s has no check %.*s", offence->id, role->name, (int)length,
				 at);
		at += length;
	}
}

/* Does any offence, a clause or an old bug, name it? */
static bool is_offence(const struct role *role, const char *name)
{
	const size_t length = strlen(name);

	for (uint32_t i = 0; i < offence_count; i++) {
		const char *list = answer_to(&offences[i], role);

		for (const char *at = list; (at = strstr(at, name)); at += length)
			if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
				return true;
	}
	return false;
}

static void check_hostile(const struct role *role)
{
	for (uint32_t i = 0; i < offence_count; i++)
		check_offence(&offences[i], role);
	for (uint32_t i = 0; i < role->count; i++)
		for (uint32_t k = 0; k < role->lists[i]->count; k++)
			if (role->lists[i]->checks[k].hostile &&
			    !is_offence(role, role->lists[i]->checks[k].name))
				fail_msg("%s: hostile.tsv has no %s", role->name,
					 role->lists[i]->checks[k].name);
}

/* All that must not be done and all old bugs, with checks of either role or why there is none. */
static void test_offences(void **state)
{
	const struct role back = back_end_role();
	const struct role front = front_end_role();
	uint32_t bugs = 0;

	(void)state;
	check_hostile(&back);
	check_hostile(&front);
	for (uint32_t i = 0; i < offence_count; i++) {
		char number[8];

		if (offences[i].id[0] != 'B' || offences[i].id[1] == 'L') {
			assert_non_null(clause_find(offences[i].id));
			continue;
		}
		snprintf(number, sizeof(number), "B%02u", ++bugs);
		assert_string_equal(offences[i].id, number);
	}
	assert_int_equal(bugs, 39);
}

/* Is it the only one of its name? */
static void check_name(const struct role *role, const struct check *check)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < role->count; i++)
		for (uint32_t k = 0; k < role->lists[i]->count; k++)
			count += !strcmp(role->lists[i]->checks[k].name, check->name);
	if (count != 1)
		fail_msg("%s: %u checks are called %s", role->name, count, check->name);
}

static void check_role(const struct role *role, bool runs)
{
	for (uint32_t i = 0; i < role->count; i++) {
		for (uint32_t k = 0; k < role->lists[i]->count; k++) {
			const struct check *check = &role->lists[i]->checks[k];

			assert_true(!runs || check->run);
			check_ids(check);
			check_name(role, check);
		}
	}
}

static void test_checks_are_sound(void **state)
{
	const struct role back = back_end_role();
	const struct role front = front_end_role();

	(void)state;
	check_role(&back, true);
	check_role(&front, false);
}

/* ---- a peer that behaves in all ways ---- */

enum manner {
	HONEST,
	WRONG_ID,
	WRONG_FLAGS,
	WRONG_SIZE,
	SILENT,
	CLOSES,
	DIES
};

static char socket_path[64];
/* Shared: a check may start another one. */
static pid_t *peer;

static void reply_to(int sock, const struct wire *ask, enum manner manner)
{
	const uint32_t id = wire_get_u32(ask->bytes) + (manner == WRONG_ID);
	struct wire reply =
		wire_message(id, WIRE_VERSION | (manner == WRONG_FLAGS ? 0 : WIRE_REPLY), 0);

	if (manner == WRONG_SIZE)
		wire_u32(&reply, 7);
	else
		wire_u64(&reply, F_VERSION_1);
	wire_set_size(&reply);
	wire_send(sock, &reply);
}

/* Serves one connection; SET_OWNER is the only message that has no answer. */
static void serve_one(int sock, enum manner manner)
{
	struct wire ask = { .size = 0 };

	while (recv(sock, ask.bytes, WIRE_HEADER, MSG_WAITALL) == WIRE_HEADER) {
		if (wire_get_u32(ask.bytes) == VU_SET_OWNER)
			continue;
		if (manner == CLOSES)
			return;
		if (manner == DIES)
			_exit(0);
		if (manner == SILENT) {
			check_sleep_ms(2000);
			return;
		}
		reply_to(sock, &ask, manner);
	}
}

/* The first connection is honest: that is the probe. The second one has its manner. */
static void start_peer(enum manner manner)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	if (!socket_path[0])
		snprintf(socket_path, sizeof(socket_path), "/tmp/virtring-check.%d", (int)getpid());
	strcpy(address.sun_path, socket_path);
	unlink(socket_path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	pid = fork();
	if (pid == 0) {
		for (uint32_t i = 0;; i++) {
			const int sock = accept(listener, NULL, NULL);

			serve_one(sock, i == 1 ? manner : HONEST);
			close(sock);
		}
	}
	*peer = pid;
	close(listener);
}

static void stop_peer(void)
{
	kill(*peer, SIGKILL);
	waitpid(*peer, NULL, 0);
	unlink(socket_path);
}

static void asks(struct check_run *run)
{
	struct link link;
	uint64_t protocol;

	link_open(&link, run);
	link_offer(&link, &protocol);
}

static const struct check asking[] = {
	{ .name = "first", .clauses = "VU-MSG-01", .text = "asks", .run = asks },
	{ .name = "second", .clauses = "VU-MSG-01", .text = "asks", .run = asks },
};
static const struct check_list asking_list = CHECK_LIST(asking);
static const struct check_list *const asking_lists[] = { &asking_list };

/* Runs two checks; the first meets the manner, the second a peer that is well again. */
static struct check_results meet(enum manner manner, int expected)
{
	struct check_plan plan = zoo_plan(NULL);
	struct check_results results;

	start_peer(manner);
	target.path = socket_path;
	plan.lists = asking_lists;
	plan.probe = back_end_probe;
	plan.patience_ms = 3000;
	if (manner == DIES)
		plan.patience_ms = 300;
	assert_int_equal(check_all(&plan, &results), expected);
	stop_peer();
	return results;
}

static void test_manners(void **state)
{
	static const struct {
		enum manner manner;
		enum check_verdict verdict;
		const char *part;
	} cases[] = {
		{ HONEST, CHECK_PASS, NULL },
		{ WRONG_ID, CHECK_FAIL, "a message 2 (SET_FEATURES) came as the reply to 1" },
		{ WRONG_FLAGS, CHECK_FAIL, "the flags of the reply to GET_FEATURES are 0x1" },
		{ WRONG_SIZE, CHECK_FAIL, "has 4 bytes of payload, not 8" },
		{ SILENT, CHECK_LOST, "no reply to GET_FEATURES came" },
		{ CLOSES, CHECK_LOST, "closed instead of a reply to GET_FEATURES" },
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT(cases); i++) {
		struct check_results results = meet(cases[i].manner, 0);
		const struct check_result *first = &results.results[0];

		assert_int_equal(first->verdict, cases[i].verdict);
		if (cases[i].part)
			assert_non_null(strstr(first->seen, cases[i].part));
		assert_int_equal(results.results[1].verdict, CHECK_PASS);
		check_results_free(&results);
	}
}

static void test_peer_dies(void **state)
{
	struct check_results results = meet(DIES, 0);

	(void)state;
	assert_int_equal(results.verdicts[CHECK_LOST], 2);
	assert_string_equal(results.results[1].seen,
			    "the peer has not answered any more since first");
	check_results_free(&results);
}

/* Kills the peer and starts another one, as a supervisor does. */
static void replaces_peer(struct check_run *run)
{
	(void)run;
	kill(*peer, SIGKILL);
	start_peer(HONEST);
}

/* A peer that died and was started again was lost, and the run goes on. */
static void test_peer_replaced(void **state)
{
	static const struct check replacing[] = {
		{ .name = "replaces",
		  .clauses = "VU-MSG-01",
		  .text = "kills",
		  .hostile = true,
		  .run = replaces_peer },
		{ .name = "after", .clauses = "VU-MSG-01", .text = "asks", .run = asks },
	};
	static const struct check_list list = CHECK_LIST(replacing);
	static const struct check_list *const lists[] = { &list };
	struct check_plan plan = zoo_plan(NULL);
	struct check_results results;

	(void)state;
	start_peer(HONEST);
	target.path = socket_path;
	plan.lists = lists;
	plan.hostile = true;
	plan.probe = back_end_probe;
	plan.patience_ms = 3000;
	assert_int_equal(check_all(&plan, &results), 0);
	expect(&results, "replaces", CHECK_LOST,
	       "the peer's process has ended; another one listens now");
	expect(&results, "after", CHECK_PASS, NULL);
	check_results_free(&results);
	stop_peer();
}

static void test_nobody_there(void **state)
{
	struct check_plan plan = zoo_plan(NULL);
	struct check_results results;

	(void)state;
	plan.probe = back_end_probe;
	plan.patience_ms = 1;
	assert_int_equal(check_all(&plan, &results), -1);
	assert_int_equal(results.count, 1);
	assert_int_equal(results.results[0].verdict, CHECK_LOST);
	check_results_free(&results);
}

/* A list names every check once, and the clauses without one. */
static void test_list(void **state)
{
	struct check_plan plan = zoo_plan(NULL);
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	plan.lists = back_end_lists;
	plan.list_count = back_end_list_count;
	plan.hostile = true;
	check_print_list(file, &plan);
	fclose(file);
	assert_non_null(strstr(text, "\none-buffer "));
	assert_non_null(strstr(text, "(hostile)"));
	assert_non_null(strstr(text, "\nClauses that no check names:\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_verdicts, set_up),
		cmocka_unit_test_setup(test_patterns, set_up),
		cmocka_unit_test_setup(test_levels, set_up),
		cmocka_unit_test_setup(test_notes, set_up),
		cmocka_unit_test_setup(test_json, set_up),
		cmocka_unit_test_setup(test_junit, set_up),
		cmocka_unit_test_setup(test_clauses_covered, set_up),
		cmocka_unit_test_setup(test_checks_are_sound, set_up),
		cmocka_unit_test(test_offences),
		cmocka_unit_test_setup(test_manners, set_up),
		cmocka_unit_test_setup(test_peer_dies, set_up),
		cmocka_unit_test_setup(test_peer_replaced, set_up),
		cmocka_unit_test_setup(test_nobody_there, set_up),
		cmocka_unit_test_setup(test_list, set_up),
	};

	peer = mmap(NULL, sizeof(*peer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (peer == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
