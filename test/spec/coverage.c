// SPDX-License-Identifier: BSD-3-Clause
/*
 * Which clause is tested where: the lists of clauses against the CLAUSE() lines of the programs in
 * this folder and the exceptions beside each list. Fails when a clause has neither, when it has both,
 * when an exception names a program that is not there, and when a test names a clause that is not
 * there.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "paths.h"

#define FOLDER TEST_SOURCE_DIR "/spec"
#define MAX_CLAUSES 512
#define WHERE 160

/* One list of clauses, and what no CLAUSE() names of it. */
struct list {
	const char *about;
	const char *clauses;
	const char *exceptions;
};

static const struct list lists[] = {
	{ "the ring", FOLDER "/clauses.tsv", FOLDER "/coverage.tsv" },
	{ "vhost-user", FOLDER "/vhost_user_clauses.tsv", FOLDER "/vhost_user_coverage.tsv" },
	{ "block devices", FOLDER "/blk_clauses.tsv", FOLDER "/blk_coverage.tsv" },
};

struct entry {
	const struct list *list;
	char id[16];
	char where[WHERE]; /* programs, or "not here" */
	char why[100];
	bool tested;
	bool excepted;
};

static struct entry entries[MAX_CLAUSES];
static unsigned int count;
static const struct list *reading;

static struct entry *find(const char *id)
{
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(entries[i].id, id))
			return &entries[i];
	return NULL;
}

/* The fields of a line, cut in place at the tabs; answers how many. */
static unsigned int fields_of(char *line, char **field, unsigned int most)
{
	unsigned int n = 0;

	line[strcspn(line, "\n")] = '\0';
	while (line && n < most) {
		field[n++] = line;
		line = strchr(line, '\t');
		if (line)
			*line++ = '\0';
	}
	return n;
}

/* Calls @take for each line of a table that is no comment. */
static void each_line(const char *path, void (*take)(char **field, unsigned int columns))
{
	FILE *file = fopen(path, "r");
	char line[512];
	char *field[8] = { line, line, line, line, line, line, line, line };

	context("%s", path);
	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#')
			continue;
		step("%.60s", line);
		take(field, fields_of(line, field, ARRAY_SIZE(field)));
	}
	fclose(file);
}

/* Id, kind (the ring's list has a level, too), what it says. */
static void take_clause(char **field, unsigned int columns)
{
	CHECK(columns == 3 || columns == 4);
	CHECK(count < MAX_CLAUSES);
	CHECK(!find(field[0]));
	entries[count].list = reading;
	snprintf(entries[count].id, sizeof(entries[count].id), "%s", field[0]);
	count++;
}

static void take_exception(char **field, unsigned int columns)
{
	struct entry *e = find(field[0]);
	char path[512];

	CHECK_EQ(columns, 3);
	CHECK(e);
	CHECK(e->list == reading);
	CHECK(!e->excepted);
	CHECK(strlen(field[2]) > 0);
	e->excepted = true;
	snprintf(e->where, sizeof(e->where), "%s", field[1]);
	snprintf(e->why, sizeof(e->why), "%s", field[2]);
	if (!strcmp(field[1], "not here"))
		return;
	snprintf(path, sizeof(path), "%s/%s.c", TEST_SOURCE_DIR, field[1]);
	CHECK_EQ(access(path, R_OK), 0);
}

/* Adds @program to where the clause is tested, once. */
static void note_test(const char *id, const char *program)
{
	struct entry *e = find(id);
	size_t length;

	step("%s in %s", id, program);
	CHECK(e);
	if (e->tested && strstr(e->where, program))
		return;
	CHECK(!e->excepted);
	length = strlen(e->where);
	snprintf(e->where + length, sizeof(e->where) - length, "%s%s", e->tested ? ", " : "",
		 program);
	e->tested = true;
}

/* Every string in a CLAUSE() line of one source; a line may hold two to choose from. */
static void read_source(const char *name)
{
	char path[512];
	char line[512];
	char program[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
	snprintf(program, sizeof(program), "spec/%.*s", (int)(strlen(name) - 2), name);
	file = fopen(path, "r");
	context("%s", path);
	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		char *at = strstr(line, "CLAUSE(");

		while (at && (at = strchr(at, '"'))) {
			char *end = strchr(at + 1, '"');

			if (!end)
				break;
			*end = '\0';
			note_test(at + 1, program);
			at = end + 1;
		}
	}
	fclose(file);
}

static void read_sources(void)
{
	DIR *folder = opendir(FOLDER);
	const struct dirent *entry;
	unsigned int sources = 0;

	CHECK(folder);
	while ((entry = readdir(folder))) {
		size_t length = strlen(entry->d_name);

		if (length < 3 || strcmp(entry->d_name + length - 2, ".c") != 0 ||
		    !strcmp(entry->d_name, "coverage.c"))
			continue;
		read_source(entry->d_name);
		sources++;
	}
	closedir(folder);
	CHECK(sources >= 10);
}

static void report(const struct list *list)
{
	unsigned int clauses = 0;
	unsigned int tested = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct entry *e = &entries[i];

		if (e->list != list)
			continue;
		print_message("REPORT: %-10s %s%s%s\n", e->id, e->where, e->excepted ? ": " : "",
			      e->why);
		clauses++;
		tested += e->tested || strcmp(e->where, "not here") != 0;
	}
	print_message("REPORT: %u clauses of %s, %u tested, %u not here\n", clauses, list->about,
		      tested, clauses - tested);
}

static void every_clause_has_its_test_or_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		reading = &lists[i];
		each_line(reading->clauses, take_clause);
		each_line(reading->exceptions, take_exception);
	}
	read_sources();
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		report(&lists[i]);
	context("coverage");
	for (unsigned int i = 0; i < count; i++) {
		step("%s", entries[i].id);
		CHECK(entries[i].tested || entries[i].excepted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_clause_has_its_test_or_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
