/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of somebody's half of a virtqueue, or of a vhost-user connection: what there is to be
 * checked, how it is run and what comes out.
 *
 * To add a check: write a function and a line in a table.
 *
 *	static void one_owner(struct check_run *run)
 *	{
 *		struct link *link = link_open(run);
 *
 *		link_send_u64(link, VU_SET_FEATURES, 0);
 *		if (link_ask_u64(link, VU_GET_FEATURES) != before)
 *			check_fail(run, "the same features as before", "0x%" PRIx64, ...);
 *	}
 *
 *	{ .name = "features-constant", .clauses = "VU-MSG-01 VU-ACK-003",
 *	  .text = "GET_FEATURES has one answer", .run = one_owner },
 *
 * A check that returns has passed. It ends early with check_fail(), check_skip() or check_lost(),
 * none of which returns: every check runs in a process of its own, with a connection of its own,
 * and what it had open goes with it. So it also may leave its memory and descriptors behind, and
 * nothing that it does can spoil the next one. What helps to understand a failure is noted with
 * check_note() as it happens (link.c does so for each message); the notes are shown only if the
 * check does not pass. A check that waits does so through check_left_ms(), so that it ends in time;
 * one that does not is killed and counts as LOST.
 *
 * .forms names the ring forms that it runs in, once in each that is offered (run->form says
 * which); a check without them runs once. .features and .protocol are what the peer has to offer,
 * and .device what it has to be: where that is not so the check is skipped and says why. A clause
 * that starts the list of .clauses gives the level. A hostile check sends what the specification
 * forbids and runs with --hostile only; the peer has to survive it: after it has passed, the runner
 * opens a new connection, and if nobody answers there, the check is LOST.
 *
 * Nothing in this room uses the library's ring or its vhost-user code: what checks them must not
 * share their mistakes.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum check_verdict {
	CHECK_PASS,
	CHECK_FAIL,
	CHECK_SKIP,
	CHECK_LOST
};
#define CHECK_VERDICTS 4u

enum check_device {
	CHECK_ANY,
	CHECK_NET,
	CHECK_BLK
};

/* Ring forms, as a mask; none stands for checks that need no ring. */
#define CHECK_SPLIT 1u
#define CHECK_PACKED 2u
#define CHECK_SPLIT_IN_ORDER 4u
#define CHECK_PACKED_IN_ORDER 8u
#define CHECK_FORMS 15u
#define CHECK_ANY_SPLIT (CHECK_SPLIT | CHECK_SPLIT_IN_ORDER)
#define CHECK_ANY_PACKED (CHECK_PACKED | CHECK_PACKED_IN_ORDER)
#define CHECK_ANY_IN_ORDER (CHECK_SPLIT_IN_ORDER | CHECK_PACKED_IN_ORDER)

#define CHECK_TEXT 512u
#define CHECK_NOTES 8192u

struct check_run;

/**
 * struct check - one check
 * @name: what it is called: a few words with hyphens, unique in its role
 * @clauses: ids, separated by spaces; the first one gives the level
 * @text: what it looks at, in a line
 * @device: what the peer has to be
 * @forms: ring forms that it runs in; 0: it runs once
 * @features: virtio features that the peer has to offer, besides those of the form
 * @protocol: protocol features that the peer has to offer
 * @hostile: it sends what the specification forbids
 * @writes: it changes what the device keeps, such as a disk
 * @seconds: time that it may take; 0: CHECK_SECONDS
 * @variant: which of the cases that share @run
 * @run: the check itself
 */
struct check {
	const char *name;
	const char *clauses;
	const char *text;
	enum check_device device;
	uint32_t forms;
	uint64_t features;
	uint64_t protocol;
	bool hostile;
	bool writes;
	uint32_t seconds;
	uint32_t variant;
	void (*run)(struct check_run *run);
};

#define CHECK_SECONDS 10u
/* Of a target that nothing else is said of; with more, checks have more time in proportion. */
#define CHECK_ANSWER_MS 2000u

/**
 * struct check_list - checks of one subject
 * @checks: the table
 * @count: its lines
 */
struct check_list {
	const struct check *checks;
	uint32_t count;
};

#define CHECK_LIST(table) \
	{ \
		table, sizeof(table) / sizeof((table)[0]) \
	}

/**
 * struct check_target - the peer
 * @path: its socket, or where we listen
 * @device: what it is, as far as that is known
 * @features: virtio features that it offers
 * @protocol: protocol features that it offers
 * @queues: how many rings it says that it has; 0: it does not say
 * @pid: process that listens, as far as that is known: one that was started again has another
 * @write: checks may change what it keeps
 * @strict: it uses nothing of a ring that was made wrong, although no clause says so
 * @answer_ms: how long it may take for an answer
 * @context: the role's own
 */
struct check_target {
	const char *path;
	enum check_device device;
	uint64_t features;
	uint64_t protocol;
	uint32_t queues;
	int pid;
	bool write;
	bool strict;
	uint32_t answer_ms;
	void *context;
};

/**
 * struct check_outcome - what comes out of a check, in memory shared with the process it runs in
 * @verdict: PASS unless something else was said
 * @expected: what the clause wants, for FAIL
 * @seen: what happened; for SKIP the reason, for LOST what is known
 * @notes: what check_note() wrote; when it is full the oldest lines go
 * @features: what a probe found, as in struct check_target; likewise for the others
 */
struct check_outcome {
	enum check_verdict verdict;
	char expected[CHECK_TEXT];
	char seen[CHECK_TEXT];
	char notes[CHECK_NOTES];
	uint64_t features;
	uint64_t protocol;
	uint32_t queues;
	int pid;
};

/**
 * struct check_run - a check in its own process
 * @check: which
 * @form: one of CHECK_SPLIT..., or 0
 * @target: the peer
 * @deadline: on check_now()'s clock
 * @outcome: where the verdict goes
 * @describe: adds the state of rings to the notes of a check that does not pass, or NULL
 * @described: its argument
 */
struct check_run {
	const struct check *check;
	uint32_t form;
	const struct check_target *target;
	double deadline;
	struct check_outcome *outcome;
	void (*describe)(struct check_run *run, void *described);
	void *described;
};

/**
 * check_fail() - the peer does not keep to the clause; ends the check
 * @run: the check
 * @expected: what the clause wants
 * @format: what was seen instead, as printf()
 */
_Noreturn __attribute__((format(printf, 3, 4))) void
check_fail(struct check_run *run, const char *expected, const char *format, ...);

/** check_skip() - it cannot be checked, for the reason that is printed; ends the check */
_Noreturn __attribute__((format(printf, 2, 3))) void check_skip(struct check_run *run,
								const char *format, ...);

/** check_lost() - the peer hangs or is gone; ends the check */
_Noreturn __attribute__((format(printf, 2, 3))) void check_lost(struct check_run *run,
								const char *format, ...);

/** check_note() - a line that is shown if the check does not pass */
__attribute__((format(printf, 2, 3))) void check_note(struct check_run *run, const char *format,
						      ...);

/** check_now() - seconds on the monotonic clock */
double check_now(void);

/** check_left_ms() - milliseconds until the check has to end, at most @most, at least 0 */
int check_left_ms(const struct check_run *run, uint32_t most);

/** check_sleep_ms() - wait, for peers that must not do something meanwhile */
void check_sleep_ms(uint32_t ms);

/** check_form_name() - "split", "packed", "split in order", "packed in order", or "-" for 0 */
const char *check_form_name(uint32_t form);

/** check_form_features() - virtio features that a form needs, and those that it forbids */
void check_form_features(uint32_t form, uint64_t *needs, uint64_t *forbids);

/** check_verdict_name() - "PASS" ... */
const char *check_verdict_name(enum check_verdict verdict);

/** check_level() - "MUST", "SHOULD" or "MAY", of a check's first clause */
const char *check_level(const struct check *check);

/** check_first_clause() - copies the first id of a check's clauses; 24 bytes */
void check_first_clause(const struct check *check, char *id);

/**
 * struct check_result - a verdict
 * @check: of which check
 * @subject: as in struct check_plan
 * @form: in which form
 * @verdict: what
 * @expected: as in struct check_outcome; these three are NULL when they are empty
 * @seen: likewise
 * @notes: likewise
 * @seconds: how long it took
 */
struct check_result {
	const struct check *check;
	const char *subject;
	uint32_t form;
	enum check_verdict verdict;
	char *expected;
	char *seen;
	char *notes;
	double seconds;
};

/**
 * struct check_results - the verdicts so far
 * @results: one for each check and form
 * @count: how many
 * @verdicts: how many of each
 * @seconds: how long it took altogether
 */
struct check_results {
	struct check_result *results;
	uint32_t count;
	uint32_t verdicts[CHECK_VERDICTS];
	double seconds;
};

/**
 * struct check_plan - what to run
 * @role: who is checked: "back-end", "front-end" or "self"
 * @subject: which part of it, where there are several; NULL: all
 * @lists: the role's checks
 * @list_count: how many lists
 * @patterns: globs for clauses and names, separated by commas; NULL: all. Those that begin with !
 *            leave out, and out of everything if the first one does
 * @hostile: run the hostile ones, too
 * @forms: ring forms to run in
 * @target: the peer; a probe fills in what it offers
 * @probe: tells whether the peer answers on a new connection, and what it offers: like a check's run
 * @patience_ms: how long a lost peer may take until it answers again
 * @done: told of each result as it comes, or NULL
 * @done_context: its first argument
 */
struct check_plan {
	const char *role;
	const char *subject;
	const struct check_list *const *lists;
	uint32_t list_count;
	const char *patterns;
	bool hostile;
	uint32_t forms;
	struct check_target *target;
	void (*probe)(struct check_run *run);
	uint32_t patience_ms;
	void (*done)(void *context, const struct check_result *result);
	void *done_context;
};

/** check_chosen() - does a plan include a check? */
bool check_chosen(const struct check_plan *plan, const struct check *check);

/**
 * check_all() - run what a plan names
 * @plan: what
 * @results: filled; check_results_free() is due
 *
 * Return: 0; -1 when the peer did not even answer the first probe: then the only result says so,
 * and has the check that stands for the probe.
 */
int check_all(const struct check_plan *plan, struct check_results *results);

/**
 * check_add() - add a verdict by hand, for roles that run many checks on one session
 * @plan: told to its @done
 * @results: where
 * @check: of which check
 * @form: in which form
 * @outcome: verdict and texts; they are copied
 * @seconds: how long it took
 */
void check_add(const struct check_plan *plan, struct check_results *results,
	       const struct check *check, uint32_t form, const struct check_outcome *outcome,
	       double seconds);

/** check_isolated() - run @run->check in a process of its own; its verdict is in @run->outcome */
void check_isolated(struct check_run *run, double seconds);

/** check_outcome_new() - memory for an outcome that a child process writes; NULL without memory */
struct check_outcome *check_outcome_new(void);

/** check_outcome_free() - gives it back */
void check_outcome_free(struct check_outcome *outcome);

/** check_results_join() - move what @from has to the end of @to; @from is free then */
void check_results_join(struct check_results *to, struct check_results *from);

/** check_results_free() - frees the texts and the list */
void check_results_free(struct check_results *results);

/* ---- reports ---- */

/** check_print_result() - one result as a line, and what belongs to it when it is no PASS */
void check_print_result(FILE *to, const struct check_result *result, bool verbose);

/** check_print_summary() - the last line */
void check_print_summary(FILE *to, const struct check_results *results);

/** check_print_list() - the checks that a plan includes, and the clauses that no check names */
void check_print_list(FILE *to, const struct check_plan *plan);

/** check_write_json() - everything, for programs; 0, or -1 if it could not be written */
int check_write_json(FILE *to, const struct check_plan *plan, const struct check_results *results);

/** check_write_junit() - everything, for those who collect test results; 0 or -1 */
int check_write_junit(FILE *to, const struct check_plan *plan, const struct check_results *results);

#endif
