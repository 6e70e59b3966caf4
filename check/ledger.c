// SPDX-License-Identifier: BSD-3-Clause
/* See ledger.h. */
#include "ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MUST true
#define SHOULD false

const struct ledger_clause ledger_clauses[SEEN_COUNT] = {
#define ROW(name, clause, level, types, forms, expected) \
	[SEEN_##name] = { clause, level, types, forms, expected },
	FRONT_CLAUSES(ROW)
#undef ROW
};

void ledger_broken(struct ledger *ledger, enum seen which, const char *format, ...)
{
	struct ledger_entry *entry = &ledger->entries[which];
	va_list list;

	if (entry->broken++)
		return;
	va_start(list, format);
	(void)vsnprintf(entry->first, sizeof(entry->first), format, list);
	va_end(list);
}

void ledger_add(struct ledger *to, const struct ledger *from)
{
	for (int i = 0; i < SEEN_COUNT; i++) {
		if (!to->entries[i].broken)
			memcpy(to->entries[i].first, from->entries[i].first, LEDGER_TEXT);
		to->entries[i].held += from->entries[i].held;
		to->entries[i].broken += from->entries[i].broken;
	}
}
