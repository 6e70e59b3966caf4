/* SPDX-License-Identifier: BSD-3-Clause */
/* How often each clause was kept and broken while a device was played, and what the first offence was. */
#ifndef CHECK_LEDGER_H
#define CHECK_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "front_clauses.h"

enum seen {
#define SEEN(name, ...) SEEN_##name,
	FRONT_CLAUSES(SEEN)
#undef SEEN
	SEEN_COUNT
};

#define LEDGER_TEXT 240u

/**
 * struct ledger_clause - a clause that is judged by looking on
 * @clause: of the table of clauses
 * @must: else SHOULD
 * @types: ON_* bits
 * @forms: IN_* bits
 * @expected: in words
 */
struct ledger_clause {
	const char *clause;
	bool must;
	uint32_t types;
	uint32_t forms;
	const char *expected;
};

extern const struct ledger_clause ledger_clauses[SEEN_COUNT];

/**
 * struct ledger_entry - one clause
 * @held: times that it was kept
 * @broken: times that it was not
 * @first: what was seen the first time
 */
struct ledger_entry {
	uint64_t held;
	uint64_t broken;
	char first[LEDGER_TEXT];
};

struct ledger {
	struct ledger_entry entries[SEEN_COUNT];
};

static inline void ledger_held(struct ledger *ledger, enum seen which)
{
	ledger->entries[which].held++;
}

/* Notes an offence. */
void ledger_broken(struct ledger *ledger, enum seen which, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Notes either; answers @good. The text is what is seen when it is broken. */
#define ledger_judge(ledger, which, good, ...) \
	((good) ? (ledger_held(ledger, which), true) : \
		  (ledger_broken(ledger, which, __VA_ARGS__), false))

/* Adds what @from has to @to. */
void ledger_add(struct ledger *to, const struct ledger *from);

#endif
