// SPDX-License-Identifier: BSD-3-Clause
/*
 * The folder is made and removed by a process that does nothing else, so there is no moment at which
 * a signal, SIGKILL included, would leave it behind.
 */
#include "keeper.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Files, but no folders: nobody makes any in there. */
static void remove_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	(void)rmdir(path);
}

/* What the other process is told: the name, or nothing but the error. */
struct answer {
	int error;
	char folder[KEEPER_PATH];
};

static _Noreturn void keep(int fd, const char *template)
{
	struct answer answer = { .error = 0 };
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	/* Whoever ends a whole group of processes leaves the work to this one. */
	(void)setsid();
	/* What this process holds open by chance is not what it is here for: another keeper's end. */
	fd = dup2(fd, STDERR_FILENO + 1);
	(void)close_range((unsigned int)fd + 1, ~0u, 0);
	memcpy(answer.folder, template, sizeof(answer.folder));
	if (!mkdtemp(answer.folder))
		answer.error = -errno;
	if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) == (ssize_t)sizeof(answer))
		(void)read(fd, &byte, 1);
	if (!answer.error)
		remove_folder(answer.folder);
	_exit(0);
}

int keeper_open(struct keeper *keeper, const char *name)
{
	const char *where = getenv("TMPDIR");
	char template[KEEPER_PATH] = "";
	struct answer answer;
	int socks[2];
	int length = snprintf(template, sizeof(template), "%s/%s-XXXXXX",
			      where && *where ? where : "/tmp", name);

	if (length < 0 || (size_t)length >= sizeof(template))
		return -ENAMETOOLONG;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return -errno;
	fflush(NULL);
	keeper->pid = fork();
	if (keeper->pid == 0)
		keep(socks[1], template);
	close(socks[1]);
	keeper->fd = socks[0];
	answer.error = -ECHILD;
	if (keeper->pid > 0 &&
	    recv(keeper->fd, &answer, sizeof(answer), MSG_WAITALL) != (ssize_t)sizeof(answer))
		answer.error = -ECHILD;
	if (answer.error)
		keeper_close(keeper);
	else
		memcpy(keeper->folder, answer.folder, sizeof(keeper->folder));
	return answer.error;
}

void keeper_close(struct keeper *keeper)
{
	close(keeper->fd);
	while (keeper->pid > 0 && waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	keeper->folder[0] = '\0';
}
