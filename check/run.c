// SPDX-License-Identifier: BSD-3-Clause
/* Runs checks, each in a process of its own. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <virtring/features.h>

#include "check.h"

struct check_outcome *check_outcome_new(void)
{
	void *memory = mmap(NULL, sizeof(struct check_outcome), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void check_outcome_free(struct check_outcome *outcome)
{
	if (outcome)
		munmap(outcome, sizeof(*outcome));
}

static _Noreturn void child(struct check_run *run, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	signal(SIGPIPE, SIG_IGN);
	run->check->run(run);
	_exit(0);
}

static void set_lost(struct check_outcome *outcome, const char *what)
{
	outcome->verdict = CHECK_LOST;
	snprintf(outcome->seen, CHECK_TEXT, "%s", what);
}

/* Waits for a process; it is killed when the time is over. Answers whether it was. */
static bool wait_or_kill(pid_t pid, double seconds, int *status)
{
	struct pollfd pollfd = { (int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0 };
	const double until = check_now() + seconds;
	bool over = false;

	while (pollfd.fd >= 0) {
		const double left = until - check_now();
		const int n = poll(&pollfd, 1, left > 0 ? (int)(left * 1e3) + 1 : 0);

		if (n > 0)
			break;
		if (n == 0 || errno != EINTR) {
			over = true;
			break;
		}
	}
	if (over)
		kill(pid, SIGKILL);
	if (pollfd.fd >= 0)
		close(pollfd.fd);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return over;
}

void check_isolated(struct check_run *run, double seconds)
{
	struct check_outcome *outcome = run->outcome;
	const pid_t parent = getpid();
	int status = 0;
	pid_t pid;

	memset(outcome, 0, sizeof(*outcome));
	run->deadline = check_now() + seconds;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(run, parent);
	if (pid < 0) {
		set_lost(outcome, "no process could be started for it");
		return;
	}
	/* Its own deadline comes first: then it can say what it was waiting for. */
	if (wait_or_kill(pid, seconds + 2, &status)) {
		set_lost(outcome, "the check did not end in its time");
	} else if (WIFSIGNALED(status)) {
		char text[64];

		snprintf(text, sizeof(text), "the check died of signal %d", WTERMSIG(status));
		set_lost(outcome, text);
	} else if (WEXITSTATUS(status)) {
		set_lost(outcome, "the check ended in the middle");
	}
}

static char *copy(const char *text)
{
	return *text ? strdup(text) : NULL;
}

void check_add(const struct check_plan *plan, struct check_results *results,
	       const struct check *check, uint32_t form, const struct check_outcome *outcome,
	       double seconds)
{
	const bool passed = outcome->verdict == CHECK_PASS;
	struct check_result *grown =
		realloc(results->results, (results->count + 1) * sizeof(*grown));
	struct check_result *result;

	if (!grown)
		abort();
	results->results = grown;
	result = &grown[results->count++];
	*result = (struct check_result){
		.check = check,
		.subject = plan->subject,
		.form = form,
		.verdict = outcome->verdict,
		.expected = passed ? NULL : copy(outcome->expected),
		.seen = passed ? NULL : copy(outcome->seen),
		.notes = passed || outcome->verdict == CHECK_SKIP ? NULL : copy(outcome->notes),
		.seconds = seconds,
	};
	results->verdicts[outcome->verdict]++;
	if (plan->done)
		plan->done(plan->done_context, result);
}

void check_results_join(struct check_results *to, struct check_results *from)
{
	struct check_result *grown =
		realloc(to->results, (to->count + from->count + 1) * sizeof(*grown));

	if (!grown)
		abort();
	to->results = grown;
	if (from->count)
		memcpy(grown + to->count, from->results, from->count * sizeof(*grown));
	to->count += from->count;
	to->seconds += from->seconds;
	for (uint32_t i = 0; i < CHECK_VERDICTS; i++)
		to->verdicts[i] += from->verdicts[i];
	free(from->results);
	*from = (struct check_results){ 0 };
}

void check_results_free(struct check_results *results)
{
	for (uint32_t i = 0; i < results->count; i++) {
		free(results->results[i].expected);
		free(results->results[i].seen);
		free(results->results[i].notes);
	}
	free(results->results);
	*results = (struct check_results){ 0 };
}

/* ---- what is needed ---- */

/* Names the bits of @missing in @text. */
static void name_bits(char *text, size_t size, uint64_t missing, uint32_t device, bool protocol)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *name = protocol ? vr_vu_protocol_feature_name(bit) :
					      vr_feature_name(device, bit);

		if (!(missing >> bit & 1) || used >= size)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
					 name ? name : "an unnamed bit");
	}
}

static uint32_t device_type(enum check_device device)
{
	return device == CHECK_NET ? VR_DEVICE_NET : device == CHECK_BLK ? VR_DEVICE_BLK : 0;
}

/* Fills in why a check cannot be run, if so. */
static bool cannot_run(const struct check_run *run)
{
	const struct check *check = run->check;
	const struct check_target *target = run->target;
	char *seen = run->outcome->seen;
	uint64_t needs, forbids;
	char names[CHECK_TEXT - 32];

	check_form_features(run->form, &needs, &forbids);
	needs = (needs | check->features) & ~target->features;
	if (check->device && check->device != target->device) {
		snprintf(seen, CHECK_TEXT, "it is for %s devices (--type)",
			 check->device == CHECK_NET ? "net" : "blk");
		return true;
	}
	if (check->writes && !target->write) {
		snprintf(seen, CHECK_TEXT, "it would write to the device (--write)");
		return true;
	}
	if (needs) {
		name_bits(names, sizeof(names), needs, device_type(target->device), false);
		snprintf(seen, CHECK_TEXT, "not offered: %s", names);
		return true;
	}
	if (check->protocol & ~target->protocol) {
		name_bits(names, sizeof(names), check->protocol & ~target->protocol, 0, true);
		snprintf(seen, CHECK_TEXT, "not offered: %s", names);
		return true;
	}
	return false;
}

/* ---- the run ---- */

static const struct check probe_check = {
	.name = "answers",
	.clauses = "VU-MSG-01",
	.text = "the peer answers on a new connection",
};

/* Asks the peer whether it is there, for at most @patience_ms; fills in what it offers. */
static bool answers(const struct check_plan *plan, struct check_outcome *outcome)
{
	const double until = check_now() + plan->patience_ms / 1e3;
	struct check check = probe_check;
	struct check_run run = { .check = &check, .target = plan->target, .outcome = outcome };

	if (!plan->probe)
		return true;
	check.run = plan->probe;
	for (;;) {
		check_isolated(&run, plan->target->answer_ms / 1e3 + 1);
		if (outcome->verdict == CHECK_PASS) {
			plan->target->features = outcome->features;
			plan->target->protocol = outcome->protocol;
			plan->target->queues = outcome->queues;
			plan->target->pid = outcome->pid;
			return true;
		}
		if (check_now() > until)
			return false;
		check_sleep_ms(100);
	}
}

/* Who waits longer than usual for an answer has to wait longer for all of it. */
static double time_of(const struct check *check, const struct check_target *target)
{
	const double seconds = check->seconds ? check->seconds : CHECK_SECONDS;

	return target->answer_ms > CHECK_ANSWER_MS ? seconds * target->answer_ms / CHECK_ANSWER_MS :
						     seconds;
}

/*
 * Does the peer live on? If not, what comes after has no chance, and @outcome says so. One that died
 * and that somebody has started again does not live on, but what comes after has its chance.
 */
static void look_after(const struct check_plan *plan, const struct check_run *run, bool *gone)
{
	struct check_outcome *probe = check_outcome_new();
	const int pid = plan->target->pid;

	if (!probe)
		abort();
	*gone = !answers(plan, probe);
	if (*gone && run->outcome->verdict == CHECK_PASS) {
		run->outcome->verdict = CHECK_LOST;
		snprintf(run->outcome->seen, CHECK_TEXT,
			 "afterwards nobody answers on a new connection: %.400s", probe->seen);
	}
	if (!*gone && plan->target->pid != pid) {
		run->outcome->verdict = CHECK_LOST;
		snprintf(run->outcome->seen, CHECK_TEXT,
			 "the peer's process has ended; another one listens now");
	}
	check_outcome_free(probe);
}

static void run_one(const struct check_plan *plan, struct check_results *results,
		    const struct check *check, uint32_t form, struct check_outcome *outcome,
		    const struct check **killer)
{
	struct check_run run = {
		.check = check, .form = form, .target = plan->target, .outcome = outcome
	};
	const double start = check_now();
	bool gone = false;

	memset(outcome, 0, sizeof(*outcome));
	if (cannot_run(&run)) {
		outcome->verdict = CHECK_SKIP;
	} else if (*killer) {
		outcome->verdict = CHECK_LOST;
		snprintf(outcome->seen, CHECK_TEXT, "the peer has not answered any more since %s",
			 (*killer)->name);
	} else {
		check_isolated(&run, time_of(check, plan->target));
		if (check->hostile || outcome->verdict == CHECK_LOST ||
		    outcome->verdict == CHECK_FAIL)
			look_after(plan, &run, &gone);
		if (gone)
			*killer = check;
	}
	check_add(plan, results, check, form, outcome, check_now() - start);
}

static void run_check(const struct check_plan *plan, struct check_results *results,
		      const struct check *check, struct check_outcome *outcome,
		      const struct check **killer)
{
	if (!check->forms) {
		run_one(plan, results, check, 0, outcome, killer);
		return;
	}
	for (uint32_t form = 1; form <= CHECK_FORMS; form <<= 1)
		if (form & check->forms & plan->forms)
			run_one(plan, results, check, form, outcome, killer);
}

int check_all(const struct check_plan *plan, struct check_results *results)
{
	struct check_outcome *outcome = check_outcome_new();
	const struct check *killer = NULL;
	const double start = check_now();
	const bool there = outcome && answers(plan, outcome);

	*results = (struct check_results){ 0 };
	if (!outcome)
		return -1;
	if (!there) {
		outcome->verdict = CHECK_LOST;
		check_add(plan, results, &probe_check, 0, outcome, check_now() - start);
	}
	for (uint32_t i = 0; there && i < plan->list_count; i++)
		for (uint32_t k = 0; k < plan->lists[i]->count; k++)
			if (check_chosen(plan, &plan->lists[i]->checks[k]))
				run_check(plan, results, &plan->lists[i]->checks[k], outcome,
					  &killer);
	results->seconds = check_now() - start;
	check_outcome_free(outcome);
	return there ? 0 : -1;
}
