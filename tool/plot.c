// SPDX-License-Identifier: BSD-3-Clause
/* The table as a picture, drawn by gnuplot. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"

bool plot_possible(void)
{
	const char *path = getenv("PATH");
	char list[4096];
	char *rest = list;
	const char *folder;

	snprintf(list, sizeof(list), "%s", path ? path : "/usr/bin");
	while ((folder = strsep(&rest, ":"))) {
		char file[4352];

		snprintf(file, sizeof(file), "%s/gnuplot", folder);
		if (!access(file, X_OK))
			return true;
	}
	return false;
}

void plot_quoted(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++)
		fprintf(to, *text == '\'' ? "''" : "%c", *text);
	fputc('\'', to);
}

/* One bar: a form at a distance, without or with IN_ORDER. */
static bool bar(FILE *to, const struct bench_result *result, enum distance distance, double at)
{
	struct bench_group group;

	bench_group(result, distance, &group);
	if (bench_failure(result) || group.mpps.count == 0)
		return false;
	fprintf(to, "%.2f %.3f %.3f %.3f\n", at, group.mpps.median, group.mpps.min, group.mpps.max);
	return true;
}

/* Is anything of this form at this distance to be drawn? */
static bool has(const struct bench_report *report, int direction, int layout, int distance)
{
	for (unsigned int i = 0; i < report->count; i++) {
		const struct bench_result *result = &report->results[i];
		struct bench_group group;

		bench_group(result, (enum distance)distance, &group);
		if ((int)result->row.direction == direction && (int)result->row.layout == layout &&
		    group.mpps.count > 0 && !bench_failure(result))
			return true;
	}
	return false;
}

/*
 * The bars without (0) or with (1) IN_ORDER; or the names under them (2). Returns how many places
 * there are on the axis.
 */
static int series(FILE *to, const struct bench_report *report, int which)
{
	int place = 0;
	const char *separator = "";

	for (int distance = 0; distance < DISTANCES; distance++)
		for (int direction = 0; direction < DIRECTIONS; direction++)
			for (int layout = 0; layout < LAYOUTS; layout++) {
				if (!has(report, direction, layout, distance))
					continue;
				if (which == 2) {
					fprintf(to, "%s\"%s %s\\n%s\" %d", separator,
						bench_direction_name((enum direction)direction),
						bench_layout_name((enum layout)layout),
						distance_name((enum distance)distance), place);
					separator = ", ";
				}
				for (unsigned int i = 0; i < report->count && which < 2; i++) {
					const struct bench_row *row = &report->results[i].row;

					if ((int)row->direction == direction &&
					    (int)row->layout == layout && row->in_order == which)
						bar(to, &report->results[i],
						    (enum distance)distance,
						    place + (which ? 0.2 : -0.2));
				}
				place++;
			}
	return place;
}

static void plot_title(FILE *to, const struct bench_report *report)
{
	const struct bench_options *options = report->options;
	char title[256];

	snprintf(title, sizeof(title),
		 "virtring bench: driver %s, device %s, queue %u, burst %u, %u-byte packets",
		 bench_party_name(options->party[SIDE_DRIVER]),
		 bench_party_name(options->party[SIDE_DEVICE]), options->size, options->burst,
		 options->packet);
	fputs("set title ", to);
	plot_quoted(to, title);
	fputc('\n', to);
}

void plot_script(FILE *to, const char *path, const struct bench_report *report)
{
	bool svg = strcmp(path + strlen(path) - 4, ".svg") == 0;

	fprintf(to, "set terminal %s noenhanced size 1000,520 font 'sans,11'\nset output ",
		svg ? "svg dynamic background 'white'" : "pngcairo");
	plot_quoted(to, path);
	fputc('\n', to);
	plot_title(to, report);
	fprintf(to, "set xlabel ");
	plot_quoted(to, report->topology->model);
	fputs(" offset 0,-0.6\nset pointintervalbox 0\nset ylabel 'million packets per second'\n"
	      "set yrange [0:*]\nset offsets 0, 0, graph 0.08, 0\nset boxwidth 0.36\n"
	      "set style fill solid 0.85 noborder\nset grid ytics lc rgb '#dddddd'\nset tics nomirror\n"
	      "set border 3\nset key outside top right\nset errorbars 0.6\n"
	      "$off << EOD\n",
	      to);
	series(to, report, 0);
	fputs("EOD\n$on << EOD\n", to);
	series(to, report, 1);
	fputs("EOD\nset xtics (", to);
	fprintf(to, ")\nset xrange [-0.7:%.1f]\nplot ", series(to, report, 2) - 0.3);
	for (int on = 0; on < 2; on++) {
		const char *data = on ? "$on" : "$off";

		if (!report->options->in_order[on])
			continue;
		fprintf(to,
			"%s%s using 1:2 with boxes lc rgb '%s' title 'in_order %s', "
			"%s using 1:2:3:4 with yerrorbars lc rgb '#333333' pt 0 ps 0 notitle, "
			"%s using 1:4:(sprintf('%%.1f', $2)) with labels offset 0,0.6 notitle",
			on && report->options->in_order[0] ? ", " : "", data,
			on ? "#1b6ca8" : "#b0b7c0", on ? "on" : "off", data, data);
	}
	fputc('\n', to);
}

/* Starts gnuplot; what is written to the stream is what it reads. */
static FILE *start_gnuplot(pid_t *pid)
{
	FILE *stream;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (*pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (dup2(ends[0], STDIN_FILENO) >= 0)
			execlp("gnuplot", "gnuplot", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	stream = *pid > 0 ? fdopen(ends[1], "w") : NULL;
	if (!stream)
		close(ends[1]);
	return stream;
}

int plot_draw(const char *path, plot_script_fn *script, const void *report, char *error)
{
	int status = -1;
	pid_t pid = -1;
	FILE *gnuplot = start_gnuplot(&pid);

	if (!gnuplot)
		return tool_text(error, "cannot start gnuplot: %s", strerror(errno));
	script(gnuplot, path, report);
	(void)fclose(gnuplot); /* what is amiss shows in its status, or in the file */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0 && access(path, R_OK) == 0)
		return 0;
	return tool_text(error, "gnuplot did not draw %s (status %d)", path,
			 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void script_of(FILE *to, const char *path, const void *report)
{
	plot_script(to, path, report);
}

int plot_write(const char *path, const struct bench_report *report, char *error)
{
	return plot_draw(path, script_of, report, error);
}
