/* SPDX-License-Identifier: BSD-3-Clause */
/* A folder for sockets and files that goes when its user does, however that ends. */
#ifndef KEEPER_H
#define KEEPER_H

#include <sys/types.h>

#define KEEPER_PATH 80

/**
 * struct keeper - a folder, and the process that removes it
 * @folder: its name
 * @pid: the process
 * @fd: its end tells the process that this one has ended
 */
struct keeper {
	char folder[KEEPER_PATH];
	pid_t pid;
	int fd;
};

/**
 * keeper_open() - make an empty folder below TMPDIR
 * @keeper: filled
 * @name: the first part of its name
 *
 * Children of this process that have not executed another program count as this one: the folder goes
 * when the last of them has ended.
 *
 * Return: 0, or a negative errno value and no folder.
 */
int keeper_open(struct keeper *keeper, const char *name);

/** keeper_close() - remove the folder with the files in it; returns when it is gone */
void keeper_close(struct keeper *keeper);

#endif
