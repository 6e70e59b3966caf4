/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks of a front end: we play the device for whoever connects.
 *
 * A front end is precious: a guest boots for a minute and connects once. So most clauses are judged
 * by looking on, in sessions where its buffers are served (ledger.h); what a device may do and seldom
 * does is tried in the same session, one way after the other. What is against the rules has a session
 * of its own each, for which the front end has to come back, or be started anew.
 */
#ifndef CHECK_FRONT_END_H
#define CHECK_FRONT_END_H

#include <stddef.h>
#include <sys/types.h>

#include "check.h"

/**
 * struct front_job - which front end is wanted
 * @path: where to connect
 * @type: device
 * @form: ring form that will be offered
 * @check: what for: NULL for looking on
 * @hostile: the device will break the rules
 * @number: of the session, made from form and check
 */
struct front_job {
	const char *path;
	enum check_device type;
	uint32_t form;
	const struct check *check;
	bool hostile;
	uint32_t number;
};

/*
 * How a front end that front_start.run() started may end in a hostile session without fault: its half of
 * the queue refused what the device did; or it let it through, and could not go on; or what it got is
 * not right.
 */
#define FRONT_REFUSED 3
#define FRONT_ENDED 4
#define FRONT_CHEATED 5

/**
 * struct front_start - how a front end is started
 * @run: does it, in a process of its own; its answer is the exit status
 * @context: its first argument
 * @knows: it compares all data, and ends with FRONT_REFUSED where it noticed what the device did, or
 *         with FRONT_ENDED or FRONT_CHEATED; any other status but 0 is a failure then
 */
struct front_start {
	int (*run)(void *context, const struct front_job *job);
	void *context;
	bool knows;
};

/**
 * struct front_options - beside the plan
 * @start: how front ends are started; NULL: they come by themselves
 * @one_form: one session offers all, and the front end chooses the form
 * @wait_ms: how long to wait for one to connect, and then for 64 buffers
 * @watch_ms: how long to look on, from the 64th buffer
 * @policy_ms: how long each way to behave is tried
 * @stall_ms: a front end that was started hangs, when a session takes so long
 * @kick_ms: a kick that is due may take so long; 0: three seconds
 * @disk_bytes: size of the disk
 */
struct front_options {
	const struct front_start *start;
	bool one_form;
	uint32_t wait_ms;
	uint32_t watch_ms;
	uint32_t policy_ms;
	uint32_t stall_ms;
	uint32_t kick_ms;
	uint64_t disk_bytes;
};

/** front_end_lists() - the checks; the tables are made at the first call */
const struct check_list *const *front_end_lists(uint32_t *count);

/**
 * front_end_all() - run what a plan names
 * @plan: what; @plan->target has the path to listen at and the device to play
 * @options: how
 * @results: what comes is added
 *
 * Return: 0, or -1 when it is impossible to listen, or nobody ever connected.
 */
int front_end_all(const struct check_plan *plan, const struct front_options *options,
		  struct check_results *results);

/** front_command() - a front_start.run() that runs a shell command, its context */
int front_command(void *context, const struct front_job *job);

/* ---- a peer that was started (front_child.c) ---- */

/**
 * struct front_child - its process
 * @pid: 0: none
 * @error: reads what it says on standard error
 * @ended: and @status is known
 * @said: the last of that
 */
struct front_child {
	pid_t pid;
	int error;
	bool ended;
	int status;
	char said[256];
};

bool front_child_start(struct front_child *child, const struct front_start *start,
		       const struct front_job *job);
/* Looks after it, without waiting; has it ended? */
bool front_child_ended(struct front_child *child);
/* Waits for its end, at most @ms, then ends it. False: it did not end by itself. */
bool front_child_end(struct front_child *child, uint32_t ms);

#endif
