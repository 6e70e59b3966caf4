/* SPDX-License-Identifier: BSD-3-Clause */
/* Unix stream sockets by path, for both ends. All are non-blocking and close-on-exec. */
#ifndef VR_SRC_VHOST_USER_SOCKET_H
#define VR_SRC_VHOST_USER_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

/**
 * struct vu_listener - a listening socket and its file
 * @fd: socket, or -1
 * @path: its name
 * @dev: identity of the file, so that only our own is removed
 * @ino: likewise
 * @spare: a descriptor that is given up to turn a peer away when there is no other, or -1
 */
struct vu_listener {
	int fd;
	int spare;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev;
	ino_t ino;
};

/* Is @path usable: not NULL, not empty, not too long? */
bool vri_socket_path_valid(const char *path);
/* 0, -EINVAL, -EADDRINUSE or what the system said. Replaces a socket that nobody listens on. */
int vri_listen(const char *path, struct vu_listener *listener);
/* Closes it and removes its file. */
void vri_unlisten(struct vu_listener *listener);
/*
 * A connected socket or -errno; -EAGAIN when nobody is waiting, -ECONNREFUSED when somebody was turned
 * away because there are no descriptors left. (Who is not accepted stays readable for ever.)
 */
int vri_accept(struct vu_listener *listener);
/* A connected socket or -errno. */
int vri_connect(const char *path);

#endif
