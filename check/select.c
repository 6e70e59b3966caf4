// SPDX-License-Identifier: BSD-3-Clause
/* Names of forms, levels and verdicts, and which checks a plan includes. */
#include <fnmatch.h>
#include <string.h>

#include "check.h"
#include "clause.h"

#define F_IN_ORDER (1ull << 35)
#define F_RING_PACKED (1ull << 34)
#define F_VERSION_1 (1ull << 32)

const char *check_form_name(uint32_t form)
{
	switch (form) {
	case CHECK_SPLIT:
		return "split";
	case CHECK_PACKED:
		return "packed";
	case CHECK_SPLIT_IN_ORDER:
		return "split in order";
	case CHECK_PACKED_IN_ORDER:
		return "packed in order";
	default:
		return "-";
	}
}

void check_form_features(uint32_t form, uint64_t *needs, uint64_t *forbids)
{
	*needs = form ? F_VERSION_1 : 0;
	if (form & CHECK_ANY_PACKED)
		*needs |= F_RING_PACKED;
	if (form & CHECK_ANY_IN_ORDER)
		*needs |= F_IN_ORDER;
	*forbids = (F_RING_PACKED | F_IN_ORDER) & ~*needs;
}

const char *check_verdict_name(enum check_verdict verdict)
{
	static const char *const names[CHECK_VERDICTS] = { "PASS", "FAIL", "SKIP", "LOST" };

	return names[verdict];
}

const struct clause *clause_find(const char *id)
{
	const size_t length = strcspn(id, " ");

	for (uint32_t i = 0; i < clause_count; i++)
		if (strncmp(clauses[i].id, id, length) == 0 && !clauses[i].id[length])
			return &clauses[i];
	return NULL;
}

const char *check_level(const struct check *check)
{
	const struct clause *clause = clause_find(check->clauses);

	return clause ? clause->level : "MUST";
}

void check_first_clause(const struct check *check, char *id)
{
	snprintf(id, 24, "%.*s", (int)strcspn(check->clauses, " "), check->clauses);
}

/* Does @pattern match @text, or the word at its start? */
static bool matches(const char *pattern, size_t length, const char *text)
{
	char glob[128];
	char word[64];

	snprintf(glob, sizeof(glob), "%.*s", (int)length, pattern);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, " "), text);
	return fnmatch(glob, word, 0) == 0;
}

static bool pattern_chooses(const char *pattern, size_t length, const struct check *check)
{
	const char *id = check->clauses;

	if (matches(pattern, length, check->name))
		return true;
	while (*id) {
		if (matches(pattern, length, id))
			return true;
		id += strcspn(id, " ");
		id += strspn(id, " ");
	}
	return false;
}

bool check_chosen(const struct check_plan *plan, const struct check *check)
{
	const char *pattern = plan->patterns;
	/* Patterns that only leave out leave out of everything. */
	bool chosen = !pattern || *pattern == '!';

	if (check->hostile && !plan->hostile)
		return false;
	while (pattern && *pattern) {
		const size_t length = strcspn(pattern, ",");

		if (*pattern == '!' && pattern_chooses(pattern + 1, length - 1, check))
			return false;
		if (*pattern != '!' && pattern_chooses(pattern, length, check))
			chosen = true;
		pattern += length;
		pattern += *pattern == ',';
	}
	return chosen;
}
