/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the checks of a front end share. */
#ifndef CHECK_FRONT_INNER_H
#define CHECK_FRONT_INNER_H

#include "front_end.h"
#include "play_inner.h"

/**
 * struct front_way - a way to behave for a device, legal or not
 * @name: few words with hyphens
 * @clauses: as in struct check
 * @text: likewise
 * @types: ON_* bits
 * @forms: ring forms
 * @without: features that are not offered meanwhile
 * @event_idx: it says nothing without EVENT_IDX
 * @policy: the behaviour
 */
struct front_way {
	const char *name;
	const char *clauses;
	const char *text;
	uint32_t types;
	uint32_t forms;
	uint64_t without;
	bool event_idx;
	struct play_policy policy;
};

extern const struct front_way front_ways[];
extern const uint32_t front_way_count;
extern const struct front_way front_lies[];
extern const uint32_t front_lie_count;

/* The checks that belong to the tables. */
extern const struct check front_watch_check;
const struct check *front_seen_check(enum seen seen);
const struct check *front_way_check(uint32_t way);
const struct check *front_attack_check(uint32_t attack);
const struct check *front_lie_check(uint32_t lie);

/* ---- sessions (front_session.c) ---- */

/**
 * struct front - the checks at work
 * @listener: socket
 * @play: the device
 * @child: the front end, if it was started
 * @peer: its process, if it was not; 0: unknown
 * @live: there is a session
 * @alone: once nobody came; the next ones are not waited for so long
 * @ledgers: what was seen, by form
 */
struct front {
	const struct check_plan *plan;
	const struct front_options *options;
	struct check_results *results;
	int listener;
	struct play play;
	struct front_child child;
	pid_t peer;
	bool live;
	bool alone;
	struct ledger *ledger;
	struct check_outcome *outcome;
};

int front_listen(struct front *front);
void front_shut(struct front *front);
/*
 * A new session: offers what belongs to @form (0: everything), less @without, and waits for a front
 * end. False: nobody came.
 */
bool front_session(struct front *front, uint32_t form, const struct check *check, uint64_t without,
		   const struct play_policy *policy, bool hostile);
/* Ends it. */
void front_leave(struct front *front);
/* Which form was negotiated? */
uint32_t front_form(const struct front *front);
/* Is the front end's process still there? True if that is not known. */
bool front_lives(struct front *front);

#endif
