// SPDX-License-Identifier: BSD-3-Clause
/* See front_end.h: what is run in which session, and what comes out. */
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front_inner.h"

/* A way has been tried when so many buffers went through it. */
#define ENOUGH 64u
#define LITTLE 4u

/* After an offence a front end has so long to end, or to go on. */
#define AFTER_MS 3000

static void set(struct front *front, enum check_verdict verdict, const char *expected,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
static void set(struct front *front, enum check_verdict verdict, const char *expected,
		const char *format, ...)
{
	va_list list;

	front->outcome->verdict = verdict;
	(void)snprintf(front->outcome->expected, CHECK_TEXT, "%s", expected);
	va_start(list, format);
	(void)vsnprintf(front->outcome->seen, CHECK_TEXT, format, list);
	va_end(list);
}

static void add(struct front *front, const struct check *check, uint32_t form, int64_t since)
{
	enum check_verdict verdict = front->outcome->verdict;

	if (verdict == CHECK_FAIL || verdict == CHECK_LOST)
		(void)snprintf(front->outcome->notes, CHECK_NOTES, "%s", front->play.transcript);
	check_add(front->plan, front->results, check, form, front->outcome,
		  (double)(play_now() - since) / 1e3);
}

static void pass(struct front *front)
{
	memset(front->outcome, 0, sizeof(*front->outcome));
}

static bool concerns(const struct front *front, const struct check *check, uint32_t form)
{
	return check_chosen(front->plan, check) && (!form || check->forms & form) &&
	       (!check->device || check->device == front->plan->target->device);
}

/* ---- how a front end ended ---- */

/* A started one, after its session. False: that is a verdict. */
static bool ended_well(struct front *front, bool hostile)
{
	struct front_child *child = &front->child;
	bool knows = front->options->start && front->options->start->knows;
	/* One that is to go on, and one that says what it did, is waited for as long as for a session. */
	uint32_t stall_ms = hostile && !knows ? 0 : front->options->stall_ms;
	int code;

	if (!child->pid)
		return true;
	/* Where the device is through with it, it has to learn that. */
	if (front->play.closed)
		play_end(&front->play);
	if (!front_child_end(child, stall_ms > AFTER_MS ? stall_ms : AFTER_MS)) {
		if (hostile && !knows)
			return true;
		set(front, CHECK_LOST, "", "the front end does not end: %s", child->said);
		return false;
	}
	if (WIFSIGNALED(child->status)) {
		set(front, CHECK_LOST, "", "the front end died of signal %d: %s",
		    WTERMSIG(child->status), child->said);
		return false;
	}
	code = WEXITSTATUS(child->status);
	/* What a shell says of a command that died. */
	if (code > 128 && code < 128 + 65) {
		set(front, CHECK_LOST, "", "the front end died of signal %d: %s", code - 128,
		    child->said);
		return false;
	}
	if (code == 0 || (hostile && (!knows || (code >= FRONT_REFUSED && code <= FRONT_CHEATED))))
		return true;
	set(front, CHECK_FAIL, "a front end that goes on", "it ended with status %d: %s", code,
	    child->said);
	return false;
}

/* ---- looking on ---- */

/* A guest's firmware reads a sector or two long before its kernel starts. */
static bool some_buffers(const struct play *play)
{
	return play_completed(play) >= ENOUGH;
}

/* Serves until the front end has done what it wants, or for a while. */
static void watch(struct front *front)
{
	struct play *play = &front->play;

	if (front->options->start) {
		int64_t until = play_now() + front->options->watch_ms;

		(void)play_run(play, until, NULL);
		return;
	}
	if (play_run(play, play_now() + front->options->wait_ms, some_buffers))
		(void)play_run(play, play_now() + front->options->watch_ms, NULL);
}

static void judge_clause(struct front *front, enum seen seen, uint32_t form)
{
	const struct ledger_entry *entry = &front->ledger->entries[seen];
	const struct ledger_clause *clause = &ledger_clauses[seen];

	pass(front);
	if (entry->broken)
		set(front, CHECK_FAIL, clause->expected, "%s (%llu of %llu times)", entry->first,
		    (unsigned long long)entry->broken,
		    (unsigned long long)entry->broken + entry->held);
	else if (!entry->held)
		set(front, CHECK_SKIP, "", "it did nothing that this clause is about");
	(void)form;
}

static void judge_clauses(struct front *front, uint32_t form)
{
	for (uint32_t i = 0; i < SEEN_COUNT; i++) {
		const struct check *check = front_seen_check((enum seen)i);

		if (!concerns(front, check, form))
			continue;
		judge_clause(front, (enum seen)i, form);
		add(front, check, form, play_now());
	}
}

static void judge_watch(struct front *front)
{
	const struct play *play = &front->play;

	pass(front);
	if (!ended_well(front, false))
		return;
	if (play->error[0])
		set(front, CHECK_FAIL, "a session that can be served", "%s", play->error);
	else if (play_completed(play) < LITTLE)
		set(front, CHECK_LOST, "", "%llu messages, %llu buffers, then nothing (%s)",
		    (unsigned long long)play->messages, (unsigned long long)play_completed(play),
		    play->closed ? "it closed the connection" : "the connection is open");
}

/* ---- ways to behave ---- */

static uint64_t way_from;

static bool way_done(const struct play *play)
{
	return play_completed(play) >= way_from + ENOUGH;
}

/* A session that is there serves for all that is offered alike; else there has to be a new one. */
static bool way_session(struct front *front, const struct front_way *way, const struct check *check,
			uint32_t form)
{
	bool fresh = front->options->start || way->without;

	if (!fresh && front->live && !front->play.closed) {
		front->play.policy = way->policy;
		front->play.config_sent = front->play.channel_acks = 0;
		return true;
	}
	return front_session(front, form, check, way->without, &way->policy, false);
}

/* Nobody has to be content with less than a device usually offers. */
static bool declines(const struct front *front, const struct front_way *way)
{
	const struct play *play = &front->play;
	bool crashed = front->options->start && !WIFEXITED(front->child.status);
	bool knows = front->options->start && front->options->start->knows;

	return way->without & (F_PROTOCOL | F_MRG_RXBUF | F_EVENT | F_INDIRECT) && play->closed &&
	       play->requests == 0 && !play->error[0] && !crashed && !knows;
}

static void judge_way(struct front *front, const struct front_way *way, uint64_t count)
{
	const struct play *play = &front->play;
	const struct play_ring *ring = &play->rings[play->type == PLAY_NET ? 1 : 0];

	pass(front);
	if (!ended_well(front, false)) {
		if (declines(front, way))
			set(front, CHECK_SKIP, "", "it does not work with such a device: %.200s",
			    front->child.said);
		return;
	}
	if (play->error[0])
		set(front, CHECK_FAIL, "a session that can be served", "%s", play->error);
	else if (declines(front, way))
		set(front, CHECK_SKIP, "", "it does not work with such a device");
	else if (count < LITTLE && !front_lives(front))
		set(front, CHECK_LOST, "", "the front end is gone");
	else if (count < LITTLE)
		set(front, CHECK_SKIP, "", "only %llu buffers came meanwhile",
		    (unsigned long long)count);
	else if (!(way->forms & ~CHECK_ANY_IN_ORDER) && way->policy.one_entry && ring->batched == 0)
		set(front, CHECK_SKIP, "", "it never had two buffers outstanding");
	else if (way->policy.config_changed && play->channel < 0)
		set(front, CHECK_SKIP, "", "it gave no channel for the back end's requests");
	else if (way->policy.config_changed && play->config_reads == 0)
		set(front, CHECK_FAIL, "GET_CONFIG after CONFIG_CHANGE_MSG", "no GET_CONFIG");
}

static void try_way(struct front *front, uint32_t number, uint32_t form)
{
	const struct front_way *way = &front_ways[number];
	const struct check *check = front_way_check(number);
	int64_t since = play_now();
	uint32_t actual;

	pass(front);
	/* Who comes back has a guest that uses what was offered before (VU-REC-002). */
	if (way->without & ~F_UNKNOWN && !front->options->start) {
		set(front, CHECK_SKIP, "", "it needs a front end that is started anew (--run)");
		add(front, check, form, since);
		return;
	}
	if (!way_session(front, way, check, form)) {
		set(front, CHECK_SKIP, "", "nobody connected for it");
		ended_well(front, false);
		add(front, check, form, since);
		return;
	}
	way_from = play_completed(&front->play);
	if (way->policy.config_changed)
		front->play.config_reads = 0;
	(void)play_run(&front->play,
		       since + (front->options->start ? front->options->stall_ms :
							front->options->policy_ms),
		       front->options->start ? NULL : way_done);
	actual = front_form(front);
	if (front->play.has_features && !(actual & way->forms))
		set(front, CHECK_SKIP, "", "the front end took the form %s",
		    check_form_name(actual));
	else if (way->event_idx && !(front->play.features & F_EVENT))
		set(front, CHECK_SKIP, "", "the front end did not take EVENT_IDX");
	else
		judge_way(front, way, play_completed(&front->play) - way_from);
	add(front, check, form, since);
}

/* ---- against the rules ---- */

static bool offence_done(const struct play *play)
{
	return play->attacked || play->attack_failed || play->lied || play->noise_sent;
}

/* What the front end did about it. */
static void judge_offence(struct front *front, enum attack_notice notice)
{
	static const int wanted[] = { 0, FRONT_REFUSED, FRONT_CHEATED };
	struct play *play = &front->play;
	bool knows = front->options->start && front->options->start->knows;
	bool started = front->child.pid;
	int status;

	pass(front);
	if (!play->closed)
		(void)play_run(play,
			       play_now() + (started ? front->options->stall_ms : AFTER_MS / 3),
			       NULL);
	if (!ended_well(front, true))
		return;
	status = front->child.status;
	if (knows && notice && WIFEXITED(status) && WEXITSTATUS(status) != wanted[notice])
		set(front, CHECK_FAIL,
		    notice == NOTICE_HALF ? "the half notices it, and gives the queue up" :
					    "its user gets a buffer in which nothing was written",
		    "it ended with status %d: %s", WEXITSTATUS(status), front->child.said);
	else if (!started && !front_lives(front))
		set(front, CHECK_LOST, "", "the front end's process is gone");
}

static void offend(struct front *front, const struct check *check, const struct play_policy *policy,
		   uint32_t form, enum attack_notice notice)
{
	int64_t since = play_now();
	bool done;

	pass(front);
	if (!front_session(front, form, check, 0, policy, true)) {
		set(front, CHECK_SKIP, "", "nobody connected for it");
		(void)ended_well(front, true);
		add(front, check, form, since);
		return;
	}
	(void)play_run(&front->play,
		       since + (front->options->start ? front->options->stall_ms :
							front->options->policy_ms),
		       offence_done);
	done = front->play.attacked || front->play.lied || front->play.noise_sent;
	/* What could not be done is no reason to leave the front end alone. */
	if (!done && front->child.pid)
		(void)play_run(&front->play, play_now() + front->options->stall_ms, NULL);
	if (done || front->play.error[0]) {
		judge_offence(front, notice);
	} else if (ended_well(front, true)) {
		set(front, CHECK_SKIP, "",
		    policy->attack ? "there were never enough buffers for it" :
				     "the front end did not ask for it");
	}
	add(front, check, form, since);
	front_leave(front);
}

static void try_attack(struct front *front, uint32_t number, uint32_t form)
{
	const struct attack *attack = &attacks[number];
	struct play_policy policy = {
		.attack = attack,
		.attack_after = 3,
		.batch = attack->needs > 1 ? attack->needs : 0,
		.hold_ms = 5,
	};

	offend(front, front_attack_check(number), &policy, form, attack->notice);
}

/* ---- all of it ---- */

static void run_hostile(struct front *front, uint32_t form)
{
	for (uint32_t i = 0; i < attack_count; i++)
		if (concerns(front, front_attack_check(i), form))
			try_attack(front, i, form);
	for (uint32_t i = 0; i < front_lie_count; i++)
		if (concerns(front, front_lie_check(i), form))
			offend(front, front_lie_check(i), &front_lies[i].policy, form, NOTICE_NONE);
}

static bool any_chosen(struct front *front, uint32_t form, bool hostile)
{
	bool any = !hostile && concerns(front, &front_watch_check, form);

	for (uint32_t i = 0; i < SEEN_COUNT && !hostile; i++)
		any |= concerns(front, front_seen_check((enum seen)i), form);
	for (uint32_t i = 0; i < front_way_count && !hostile; i++)
		any |= concerns(front, front_way_check(i), form);
	return any;
}

/* Looks on, and tries what is legal. Answers the form that was checked, 0: nobody came. */
static uint32_t run_legal(struct front *front, uint32_t form)
{
	static const struct play_policy plain;
	int64_t since = play_now();
	uint32_t actual;

	memset(front->ledger, 0, sizeof(*front->ledger));
	if (!front_session(front, form, NULL, 0, &plain, false)) {
		set(front, CHECK_LOST, "", "nobody connected");
		(void)ended_well(front, false);
		add(front, &front_watch_check, form, since);
		return 0;
	}
	watch(front);
	actual = front_form(front);
	judge_watch(front);
	if (form && front->outcome->verdict == CHECK_PASS && actual != form) {
		set(front, CHECK_SKIP, "", "the front end took the form %s",
		    check_form_name(actual));
		add(front, &front_watch_check, form, since);
		front_leave(front);
		return actual;
	}
	if (front->outcome->verdict != CHECK_PASS || concerns(front, &front_watch_check, form))
		add(front, &front_watch_check, actual, since);
	for (uint32_t i = 0; i < front_way_count; i++)
		if (concerns(front, front_way_check(i), actual))
			try_way(front, i, form ? form : actual);
	front_leave(front);
	judge_clauses(front, actual);
	return actual;
}

static int run_form(struct front *front, uint32_t form)
{
	uint32_t actual = form;

	if (any_chosen(front, form, false))
		actual = run_legal(front, form);
	if (actual && (!form || actual == form) && front->plan->hostile)
		run_hostile(front, actual);
	return actual ? 0 : -1;
}

int front_end_all(const struct check_plan *plan, const struct front_options *options,
		  struct check_results *results)
{
	struct front front = { .plan = plan, .options = options, .results = results };
	int64_t since = play_now();
	uint32_t count;
	int status;

	signal(SIGPIPE, SIG_IGN);
	(void)front_end_lists(&count);
	status = count ? front_listen(&front) : -1;
	if (!status && options->one_form)
		status = run_form(&front, 0);
	for (uint32_t form = 1; !status && !options->one_form && form <= CHECK_FORMS; form <<= 1)
		if (form & plan->forms)
			status = run_form(&front, form);
	front_shut(&front);
	results->seconds += (double)(play_now() - since) / 1e3;
	return status;
}
