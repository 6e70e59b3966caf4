// SPDX-License-Identifier: BSD-3-Clause
/* What a check says, in its own process: verdict, texts, notes. */
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

double check_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int check_left_ms(const struct check_run *run, uint32_t most)
{
	const double left = (run->deadline - check_now()) * 1e3;

	if (left <= 0)
		return 0;
	return left < most ? (int)left + 1 : (int)most;
}

void check_sleep_ms(uint32_t ms)
{
	const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&time, NULL);
}

/* The process ends here: streams and exit handlers belong to the one that it was forked from. */
static _Noreturn void end(struct check_run *run, enum check_verdict verdict)
{
	if (run->describe && (verdict == CHECK_FAIL || verdict == CHECK_LOST)) {
		void (*describe)(struct check_run *, void *) = run->describe;

		/* What describes may itself find the peer gone. */
		run->describe = NULL;
		describe(run, run->described);
	}
	run->outcome->verdict = verdict;
	_exit(0);
}

void check_fail(struct check_run *run, const char *expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->outcome->seen, CHECK_TEXT, format, args);
	va_end(args);
	snprintf(run->outcome->expected, CHECK_TEXT, "%s", expected);
	end(run, CHECK_FAIL);
}

void check_skip(struct check_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->outcome->seen, CHECK_TEXT, format, args);
	va_end(args);
	end(run, CHECK_SKIP);
}

void check_lost(struct check_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->outcome->seen, CHECK_TEXT, format, args);
	va_end(args);
	end(run, CHECK_LOST);
}

/* Drops lines at the start until there is room for @length bytes more. */
static void make_room(char *notes, size_t length)
{
	size_t used = strlen(notes);

	while (used && used + length + 2 > CHECK_NOTES) {
		const char *next = strchr(notes, '\n');
		const size_t drop = next ? (size_t)(next - notes) + 1 : used;

		memmove(notes, notes + drop, used - drop + 1);
		used -= drop;
	}
}

void check_note(struct check_run *run, const char *format, ...)
{
	char line[1024];
	char *notes = run->outcome->notes;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	make_room(notes, strlen(line));
	snprintf(notes + strlen(notes), CHECK_NOTES - strlen(notes), "%s\n", line);
}
