// SPDX-License-Identifier: BSD-3-Clause
/* Values of the options of virtring bench: judged, or refused in one line. */
#include "bench_words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const char *program_name = "virtring bench";
static const char *command_name = "virtring bench";

void bench_words_for(const char *program, const char *command)
{
	program_name = program;
	command_name = command;
}

void bench_refuse(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	fprintf(stderr, "%s: ", program_name);
	vfprintf(stderr, format, values);
	fprintf(stderr, "; see %s --help\n", command_name);
	va_end(values);
	exit(TOOL_CANNOT);
}

void bench_judge_queue(unsigned int size, unsigned int burst)
{
	if (size & (size - 1))
		bench_refuse("--size %u is no power of two, which a split queue needs", size);
	if (burst > size)
		bench_refuse("--burst %u is above --size %u", burst, size);
}

double bench_number(const char *option, const char *text, double least, double most)
{
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !(value >= least && value <= most))
		bench_refuse("--%s takes a number from %g to %g, not '%s'", option, least, most,
			     text);
	return value;
}

unsigned int bench_whole(const char *option, const char *text, unsigned int least,
			 unsigned int most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < (long)least || value > (long)most)
		bench_refuse("--%s takes a whole number from %u to %u, not '%s'", option, least,
			     most, text);
	return (unsigned int)value;
}

/* The next word of a list, cut out of @rest; NULL behind the last one. */
static const char *next_word(const char *option, char **rest)
{
	const char *word = strsep(rest, ",");

	if (word && !*word)
		bench_refuse("--%s has an empty place in its list", option);
	return word;
}

static void append(const char *option, struct bench_list *list, unsigned int value)
{
	unsigned int i = 0;

	while (i < list->count && list->value[i] != value)
		i++;
	if (i == BENCH_LIST_MAX)
		bench_refuse("--%s takes at most %u values", option, BENCH_LIST_MAX);
	list->value[i] = value;
	if (i == list->count)
		list->count++;
}

/* A list is cut up in a copy. */
static void copy_list(const char *option, const char *text, char *copy, size_t room)
{
	size_t length = strlen(text);

	if (length >= room)
		bench_refuse("--%s: the list is too long", option);
	memcpy(copy, text, length + 1);
}

void bench_wholes(const char *option, const char *text, unsigned int least, unsigned int most,
		  struct bench_list *list)
{
	char copy[256];
	char *rest = copy;
	const char *word;

	copy_list(option, text, copy, sizeof(copy));
	list->count = 0;
	while ((word = next_word(option, &rest)))
		append(option, list, bench_whole(option, word, least, most));
}

/* "a, b or c" */
static void refuse_name(const char *option, const char *word, const char *const *names,
			size_t count)
{
	char known[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < count && at < sizeof(known); i++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s, ", names[i]);
	bench_refuse("--%s takes %sor all, not '%s'", option, known, word);
}

static void append_name(const char *option, const char *word, const char *const *names,
			size_t count, struct bench_list *list)
{
	size_t i = 0;

	while (i < count && strcmp(word, names[i]) != 0)
		i++;
	if (i == count)
		refuse_name(option, word, names, count);
	append(option, list, (unsigned int)i);
}

void bench_names(const char *option, const char *text, const char *const *names, size_t count,
		 struct bench_list *list)
{
	char copy[256];
	char *rest = copy;
	const char *word;

	copy_list(option, text, copy, sizeof(copy));
	list->count = 0;
	if (strcmp(text, "all") == 0) {
		for (unsigned int i = 0; i < count; i++)
			append(option, list, i);
		return;
	}
	while ((word = next_word(option, &rest)))
		append_name(option, word, names, count, list);
}

void bench_cpus(const char *text, int *list)
{
	const char *at = text;
	int count = 0;

	for (;;) {
		char *end;
		long cpu;

		errno = 0;
		cpu = strtol(at, &end, 10);
		if (errno || end == at || cpu < 0 || cpu > 65535 || count == 3)
			break;
		list[count++] = (int)cpu;
		at = end;
		if (*at != ',')
			break;
		at++;
	}
	if (count < 2 || *at)
		bench_refuse("--cpus takes two or three CPU numbers such as 0,1, not '%s'", text);
	if (list[0] == list[1])
		bench_refuse("--cpus: driver and device need a CPU each, not both CPU %d", list[0]);
}
