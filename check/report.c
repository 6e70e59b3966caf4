// SPDX-License-Identifier: BSD-3-Clause
/* Results for people. */
#include <string.h>

#include "check.h"
#include "clause.h"

/* Prints @text with every line indented. */
static void print_block(FILE *to, const char *text)
{
	while (*text) {
		const size_t length = strcspn(text, "\n");

		fprintf(to, "      | %.*s\n", (int)length, text);
		text += length;
		text += *text == '\n';
	}
}

void check_print_result(FILE *to, const struct check_result *result, bool verbose)
{
	char id[24];

	check_first_clause(result->check, id);
	if (result->subject)
		fprintf(to, "%-12s  ", result->subject);
	fprintf(to, "%-4s  %-11s %-6s %-16s %-30s %s\n", check_verdict_name(result->verdict), id,
		check_level(result->check), check_form_name(result->form), result->check->name,
		result->verdict == CHECK_SKIP && result->seen ? result->seen : result->check->text);
	if (result->verdict == CHECK_PASS || result->verdict == CHECK_SKIP)
		return;
	fprintf(to, "      clauses:  %s\n", result->check->clauses);
	if (result->expected)
		fprintf(to, "      expected: %s\n", result->expected);
	if (result->seen)
		fprintf(to, "      seen:     %s\n", result->seen);
	if (result->notes && verbose)
		print_block(to, result->notes);
}

void check_print_summary(FILE *to, const struct check_results *results)
{
	fprintf(to, "%u results: %u PASS, %u FAIL, %u SKIP, %u LOST in %.1f s\n", results->count,
		results->verdicts[CHECK_PASS], results->verdicts[CHECK_FAIL],
		results->verdicts[CHECK_SKIP], results->verdicts[CHECK_LOST], results->seconds);
}

static void print_forms(FILE *to, uint32_t forms)
{
	const char *separator = "";

	if (!forms)
		fputs("once", to);
	for (uint32_t form = 1; form <= CHECK_FORMS; form <<= 1) {
		if (!(form & forms))
			continue;
		fprintf(to, "%s%s", separator, check_form_name(form));
		separator = ", ";
	}
}

static void print_check(FILE *to, const struct check *check)
{
	fprintf(to, "%-30s %-6s %s%s%s\n      %s\n      ", check->name, check_level(check),
		check->clauses, check->hostile ? " (hostile)" : "",
		check->writes ? " (writes)" : "", check->text);
	print_forms(to, check->forms);
	if (check->device)
		fprintf(to, "; %s", check->device == CHECK_NET ? "net" : "blk");
	fputc('\n', to);
}

static void print_offences(FILE *to, const char *role)
{
	bool back = !strcmp(role, "back-end");

	fputs("\nWhat must not be done, and what others fell over (B01...), with the checks:\n",
	      to);
	for (uint32_t i = 0; i < offence_count; i++)
		fprintf(to, "%-11s %s\n            %s\n", offences[i].id, offences[i].text,
			back ? offences[i].back_end : offences[i].front_end);
}

static void print_gaps(FILE *to, const char *role)
{
	uint32_t gaps = 0;

	fputs("\nClauses that no check names:\n", to);
	for (uint32_t i = 0; i < clause_gap_count; i++) {
		if (strcmp(clause_gaps[i].role, role) != 0)
			continue;
		fprintf(to, "%-11s %s\n", clause_gaps[i].id, clause_gaps[i].reason);
		gaps++;
	}
	fprintf(to, "%u of %u clauses\n", gaps, clause_count);
}

void check_print_list(FILE *to, const struct check_plan *plan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->list_count; i++) {
		for (uint32_t k = 0; k < plan->lists[i]->count; k++) {
			const struct check *check = &plan->lists[i]->checks[k];

			if (!check_chosen(plan, check))
				continue;
			print_check(to, check);
			count++;
		}
	}
	fprintf(to, "%u checks of a %s\n", count, plan->role);
	if (plan->patterns)
		return;
	if (plan->hostile)
		print_offences(to, plan->role);
	print_gaps(to, plan->role);
}
