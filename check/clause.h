/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The clauses of the specifications, from the tables in test/spec, and those that a role's checks
 * leave out, with the reason. tables.py turns the tables into C when the program is built.
 */
#ifndef CHECK_CLAUSE_H
#define CHECK_CLAUSE_H

#include <stdint.h>

/**
 * struct clause - one clause
 * @id: such as S-DEV-012 or VU-HDR-002
 * @kind: layout that it is about, or kind of thing (message, ring-state...)
 * @level: MUST, SHOULD or MAY
 * @text: what it says in short
 */
struct clause {
	const char *id;
	const char *kind;
	const char *level;
	const char *text;
};

extern const struct clause clauses[];
extern const uint32_t clause_count;

/**
 * struct clause_gap - a clause that no check of a role names
 * @role: back-end or front-end
 * @id: the clause
 * @reason: why
 */
struct clause_gap {
	const char *role;
	const char *id;
	const char *reason;
};

extern const struct clause_gap clause_gaps[];
extern const uint32_t clause_gap_count;

/**
 * struct offence - something that must not be done, or that others once fell over
 * @id: a clause, or the number of an old bug (B01 and on)
 * @text: what it is in short
 * @back_end: names of a back end's checks that do it; or "- " and why there is none
 * @front_end: likewise of a front end's
 */
struct offence {
	const char *id;
	const char *text;
	const char *back_end;
	const char *front_end;
};

extern const struct offence offences[];
extern const uint32_t offence_count;

/**
 * clause_find() - look a clause up
 * @id: begins with the id; it ends at a space or with the text
 *
 * Return: the clause, or NULL.
 */
const struct clause *clause_find(const char *id);

#endif
