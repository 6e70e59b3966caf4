// SPDX-License-Identifier: BSD-3-Clause
/* See guest_cell.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guest_cell.h"

#define CELLS_MAX 32

void guest_cell_need(const struct guest_cell *cell)
{
	const char *missing = guest_missing(&cell->kind);

	if (!missing)
		return;
	printf("SKIP: %s: %s\n", cell->name, missing);
	skip();
}

const char *guest_negotiated(const struct program *server)
{
	static char text[768];
	const char *line = NULL;

	for (const char *at = server->text; (at = strstr(at, "front end: ")); at++)
		line = at + strlen("front end: ");
	if (!line)
		return " nothing ";
	snprintf(text, sizeof(text), " %.*s ", (int)strcspn(line, "\n"), line);
	return text;
}

static bool has(const char *features, const char *name)
{
	char word[64];

	snprintf(word, sizeof(word), " %s ", name);
	return strstr(features, word);
}

void guest_cell_check(const struct guest_cell *cell, const struct program *server)
{
	const char *features = guest_negotiated(server);

	for (int i = 0; i < 4 && cell->taken[i]; i++)
		if (!has(features, cell->taken[i]))
			fail_msg("%s is not among%s", cell->taken[i], features);
	for (int i = 0; i < 4 && cell->refused[i]; i++)
		if (has(features, cell->refused[i]))
			fail_msg("%s is among%s", cell->refused[i], features);
}

int guest_cells_run(const struct guest_cell *cells, size_t count, void (*test)(void **state),
		    int (*after)(void **state), const char *only)
{
	struct CMUnitTest tests[CELLS_MAX];
	size_t chosen = 0;

	for (size_t i = 0; i < count && chosen < CELLS_MAX; i++) {
		if (only ? !strstr(cells[i].name, only) :
			   !cells[i].kind.always && !all_peers_wanted())
			continue;
		tests[chosen++] = (struct CMUnitTest){
			.name = cells[i].name,
			.test_func = test,
			.teardown_func = after,
			.initial_state = (void *)(uintptr_t)&cells[i],
		};
	}
	if (chosen < count && !only)
		printf("REPORT: %zu more guests in ./dev test interop-all\n", count - chosen);
	return _cmocka_run_group_tests("guests", tests, chosen, NULL, NULL);
}
