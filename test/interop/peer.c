// SPDX-License-Identifier: BSD-3-Clause
/* See peer.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define STOP_MS 60000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static bool in_path(const char *name)
{
	const char *list = getenv("PATH");
	char *path = strdup(list ? list : "/usr/bin:/bin"), *rest, *dir;
	bool found = false;

	if (!path)
		give_up("strdup");
	for (dir = strtok_r(path, ":", &rest); dir && !found; dir = strtok_r(NULL, ":", &rest)) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", dir, name);
		found = !access(file, X_OK);
	}
	free(path);
	return found;
}

void need_program(const char *name)
{
	if (in_path(name))
		return;
	printf("SKIP: %s is not installed\n", name);
	exit(77);
}

static const char *peer_folder(const char *name)
{
	static char path[4096];
	const char *cache = getenv("VIRTRING_CACHE"), *base = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (cache && *cache)
		snprintf(path, sizeof(path), "%s/peers/%s", cache, name);
	else if (base && *base)
		snprintf(path, sizeof(path), "%s/virtring/peers/%s", base, name);
	else
		snprintf(path, sizeof(path), "%s/.cache/virtring/peers/%s", home ? home : "", name);
	return path;
}

static const char *in_peer(const char *name, const char *file)
{
	static char paths[4][4096];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", peer_folder(name), file);
	return path;
}

const char *peer_runner(const char *name)
{
	return in_peer(name, "run");
}

const char *peer_missing(const char *name)
{
	static char text[256];
	char why[128] = "";
	FILE *file;

	if (!access(in_peer(name, "run"), X_OK))
		return NULL;
	snprintf(text, sizeof(text), "%s.why", peer_folder(name));
	file = fopen(text, "re");
	if (!file || !fgets(why, sizeof(why), file))
		snprintf(why, sizeof(why), "./dev peers %s fetches it", name);
	if (file)
		fclose(file);
	snprintf(text, sizeof(text), "there is no %s: %.*s", name, (int)strcspn(why, "\n"), why);
	return text;
}

void need_peer(const char *name)
{
	const char *why = peer_missing(name);

	if (!why)
		return;
	printf("SKIP: %s\n", why);
	exit(77);
}

const char *peer_file(const char *name, const char *pattern)
{
	static char paths[4][4096];
	static unsigned int next;
	char *path = paths[next++ % 4];
	char wanted[4096];
	glob_t found;

	need_peer(name);
	snprintf(wanted, sizeof(wanted), "%s/root%s", peer_folder(name), pattern);
	if (glob(wanted, 0, NULL, &found) || found.gl_pathc == 0) {
		printf("SKIP: %s has no %s\n", name, pattern);
		exit(77);
	}
	snprintf(path, sizeof(paths[0]), "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return path;
}

bool all_peers_wanted(void)
{
	const char *wanted = getenv("VIRTRING_INTEROP");

	return wanted && !strcmp(wanted, "all");
}

static void become(const char *const argv[], int in, int out)
{
	const char *line_buffered[64] = { "stdbuf", "-oL" };
	size_t i;

	for (i = 0; argv[i] && i < 60; i++)
		line_buffered[i + 2] = argv[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	/* execvp() writes to none of them; its type is older than const. */
	execvp(line_buffered[0], (char *const *)(uintptr_t)line_buffered);
	perror(line_buffered[0]);
	_exit(127);
}

void program_start(struct program *program, const char *const argv[])
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		give_up("pipe2");
	signal(SIGPIPE, SIG_IGN);
	program->length = program->seen = 0;
	program->text[0] = '\0';
	fflush(NULL);
	program->pid = fork();
	if (program->pid < 0)
		give_up("fork");
	if (!program->pid)
		become(argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	program->in = in[1];
	program->out = out[0];
	fcntl(program->out, F_SETFL, O_NONBLOCK);
}

void program_type(struct program *program, const char *line)
{
	if (dprintf(program->in, "%s\n", line) < 0)
		fprintf(stderr, "cannot type `%s`: %s\n", line, strerror(errno));
}

/* False when there is nothing more for now; *ended when there never will be. */
static bool read_some(struct program *p, bool *ended)
{
	ssize_t got;

	if (p->length > sizeof(p->text) / 2) {
		const size_t drop = p->seen < p->length / 2 ? p->seen : p->length / 2;

		memmove(p->text, p->text + drop, p->length - drop);
		p->length -= drop;
		p->seen -= drop;
	}
	got = read(p->out, p->text + p->length, sizeof(p->text) - 1 - p->length);
	*ended = !got || (got < 0 && errno != EAGAIN && errno != EINTR);
	if (got <= 0)
		return false;
	p->length += (size_t)got;
	p->text[p->length] = '\0';
	return true;
}

void program_read(struct program *program)
{
	bool ended;

	while (read_some(program, &ended))
		continue;
}

bool program_wait(struct program *program, const char *text, int timeout_ms)
{
	const int64_t deadline = now_ms() + timeout_ms;
	struct pollfd pollfd = { .fd = program->out, .events = POLLIN };

	for (;;) {
		const char *at = strstr(program->text + program->seen, text);
		int64_t left = deadline - now_ms();
		bool ended;

		if (at) {
			program->seen = (size_t)(at - program->text) + strlen(text);
			return true;
		}
		if (left <= 0)
			return false;
		poll(&pollfd, 1, (int)left);
		if (!read_some(program, &ended) && ended)
			return false;
	}
}

void program_stop(struct program *program, const char *last)
{
	const int64_t deadline = now_ms() + STOP_MS;
	const struct timespec pause = { .tv_nsec = 20000000 };
	int status;

	if (last)
		program_type(program, last);
	close(program->in);
	while (waitpid(program->pid, &status, WNOHANG) == 0) {
		/* It must not wait for somebody to read what it prints. */
		program_read(program);
		if (now_ms() > deadline) {
			kill(program->pid, SIGKILL);
			waitpid(program->pid, &status, 0);
			break;
		}
		nanosleep(&pause, NULL);
	}
	program_read(program);
	close(program->out);
}

static char folder[] = "/tmp/virtring-test.XXXXXX";

static void remove_folder(void)
{
	rmdir(folder);
}

const char *test_folder(void)
{
	static bool made;

	if (!made) {
		if (!mkdtemp(folder))
			give_up(folder);
		atexit(remove_folder);
		made = true;
	}
	return folder;
}
