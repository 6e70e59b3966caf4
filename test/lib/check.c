// SPDX-License-Identifier: BSD-3-Clause
/* Checks that say where they stood. */
#include "check.h"

static char context_text[160];
static char step_text[160];
static char clause_text[16];
static const char *watched;

void context(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(context_text, sizeof(context_text), format, args);
	va_end(args);
	step_text[0] = '\0';
}

void step(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(step_text, sizeof(step_text), format, args);
	va_end(args);
}

void watch(const char *text)
{
	watched = text;
}

void clause(const char *id)
{
	snprintf(clause_text, sizeof(clause_text), "%s", id);
	context_text[0] = '\0';
	step_text[0] = '\0';
	print_message("clause %s\n", id);
}

static void failed(const char *file, int line)
{
	if (clause_text[0])
		print_error("  clause %s\n", clause_text);
	if (context_text[0])
		print_error("  in %s\n", context_text);
	if (step_text[0])
		print_error("  at %s\n", step_text);
	if (watched)
		print_error("  with %s\n", watched);
	print_error("  %s:%d\n", file, line);
	fail();
}

void check_true(const char *file, int line, const char *text, bool ok)
{
	if (ok)
		return;
	print_error("FAILED: %s\n", text);
	failed(file, line);
}

void check_equal(const char *file, int line, const char *text, long long got, long long want)
{
	if (got == want)
		return;
	print_error("FAILED: %s is %lld (0x%llx), not %lld (0x%llx)\n", text, got,
		    (unsigned long long)got, want, (unsigned long long)want);
	failed(file, line);
}

void check_bytes(const char *file, int line, const char *text, const void *got, const void *want,
		 size_t bytes)
{
	const uint8_t *a = got;
	const uint8_t *b = want;

	for (size_t i = 0; i < bytes; i++) {
		if (a[i] == b[i])
			continue;
		print_error("FAILED: %s byte %zu is 0x%02x, not 0x%02x\n", text, i, a[i], b[i]);
		failed(file, line);
	}
}
