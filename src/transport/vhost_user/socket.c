// SPDX-License-Identifier: BSD-3-Clause
/* Listening and connecting. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/vhost_user/socket.h"

bool vri_socket_path_valid(const char *path)
{
	return path && *path && strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

static int open_socket(const char *path, struct sockaddr_un *addr)
{
	int fd;

	if (!vri_socket_path_valid(path))
		return -EINVAL;
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int vri_connect(const char *path)
{
	struct sockaddr_un addr;
	int fd, error;

	fd = open_socket(path, &addr);
	if (fd < 0)
		return fd;
	if (!connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* A socket file stays behind when its program is killed: remove it if nobody answers. */
static int remove_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) || !S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = vri_connect(path);
	if (fd >= 0)
		close(fd);
	if (fd != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(path) ? -errno : 0;
}

static int bind_path(int fd, const struct sockaddr_un *addr)
{
	int ret;

	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	ret = remove_stale(addr->sun_path);
	if (ret)
		return ret;
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;
}

/* For the day when there are no more. */
static void keep_spare(struct vu_listener *listener)
{
	if (listener->spare < 0)
		listener->spare = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
}

int vri_listen(const char *path, struct vu_listener *listener)
{
	struct sockaddr_un addr;
	struct stat st = { 0 };
	int fd, ret;

	fd = open_socket(path, &addr);
	if (fd < 0)
		return fd;
	ret = bind_path(fd, &addr);
	if (!ret && (listen(fd, 8) || lstat(path, &st))) {
		ret = -errno;
		unlink(path);
	}
	if (ret) {
		close(fd);
		return ret;
	}
	listener->fd = fd;
	listener->spare = -1;
	keep_spare(listener);
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	memcpy(listener->path, addr.sun_path, sizeof(listener->path));
	return 0;
}

void vri_unlisten(struct vu_listener *listener)
{
	struct stat st;

	if (listener->fd < 0)
		return;
	/* Somebody may have put another socket in its place. */
	if (!lstat(listener->path, &st) && st.st_dev == listener->dev && st.st_ino == listener->ino)
		unlink(listener->path);
	if (listener->spare >= 0)
		close(listener->spare);
	close(listener->fd);
	listener->fd = listener->spare = -1;
}

static int accept_one(const struct vu_listener *listener)
{
	int fd;

	do
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? -errno : fd;
}

int vri_accept(struct vu_listener *listener)
{
	int fd = accept_one(listener);

	if ((fd == -EMFILE || fd == -ENFILE) && listener->spare >= 0) {
		close(listener->spare);
		listener->spare = -1;
		fd = accept_one(listener);
		if (fd >= 0) {
			close(fd);
			fd = -ECONNREFUSED;
		}
	}
	keep_spare(listener);
	return fd;
}
