// SPDX-License-Identifier: BSD-3-Clause
/* See progress.h. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "tool.h"

#define BAR 30

void progress_begin(struct progress *progress)
{
	progress->terminal = isatty(STDERR_FILENO) == 1;
	progress->start = tool_now();
	progress->shown = 0;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total)
{
	double now = tool_now();
	double seconds = now - progress->start;
	double part = total ? (double)done / (double)total : 1;
	char bar[BAR + 1];

	if (!progress->terminal || seconds < 0.5 || now - progress->shown < 0.2)
		return;
	progress->shown = now;
	for (int i = 0; i < BAR; i++)
		bar[i] = i < (int)(part * BAR) ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(stderr, "\r%3.0f%% [%s] %" PRIu64 " of %" PRIu64 " MiB, %.0f MiB/s", part * 100,
		bar, done >> 20, total >> 20, (double)done / seconds / 1048576);
	if (done > 0)
		fprintf(stderr, ", %.0f s left", seconds / part - seconds);
	/* What is left of a longer line. */
	fputs("\033[K", stderr);
	fflush(stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->shown > 0)
		fputs("\r\033[K", stderr);
	progress->shown = 0;
}
