// SPDX-License-Identifier: BSD-3-Clause
/* A front end that the checks start themselves. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front_inner.h"

int front_command(void *context, const struct front_job *job)
{
	(void)job;
	execl("/bin/sh", "sh", "-c", (const char *)context, (char *)NULL);
	return 127;
}

static _Noreturn void child_main(const struct front_start *start, const struct front_job *job,
				 int error, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	/* Of its own group: a shell's children end with it. */
	setpgid(0, 0);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	dup2(error, STDERR_FILENO);
	_exit(start->run(start->context, job));
}

bool front_child_start(struct front_child *child, const struct front_start *start,
		       const struct front_job *job)
{
	pid_t parent = getpid();
	int fds[2];
	pid_t pid;

	memset(child, 0, sizeof(*child));
	if (pipe2(fds, O_CLOEXEC))
		return false;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child_main(start, job, fds[1], parent);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return false;
	}
	setpgid(pid, pid);
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	child->pid = pid;
	child->error = fds[0];
	return true;
}

/* Keeps the last of what it said. */
static void listen_to(struct front_child *child)
{
	char text[512];
	ssize_t got;

	while ((got = read(child->error, text, sizeof(text))) > 0) {
		size_t size = (size_t)got;
		size_t keep = sizeof(child->said) - 1;
		size_t from = size > keep ? size - keep : 0;

		memcpy(child->said, text + from, size - from);
		child->said[size - from] = '\0';
	}
	for (size_t end = strlen(child->said); end && child->said[end - 1] == '\n';)
		child->said[--end] = '\0';
}

bool front_child_ended(struct front_child *child)
{
	int status;

	if (!child->pid || child->ended)
		return true;
	listen_to(child);
	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return false;
	listen_to(child);
	child->ended = true;
	child->status = status;
	return true;
}

bool front_child_end(struct front_child *child, uint32_t ms)
{
	int64_t until = play_now() + ms;
	bool by_itself = true;

	if (!child->pid)
		return true;
	while (!front_child_ended(child) && play_now() < until)
		(void)poll(NULL, 0, 2);
	if (!child->ended) {
		by_itself = false;
		kill(-child->pid, SIGKILL);
		while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
			;
		child->ended = true;
	}
	close(child->error);
	child->pid = 0;
	return by_itself;
}
