/* SPDX-License-Identifier: BSD-3-Clause */
/* Linux as the front end of a back end of ours: as a guest of QEMU, or as a process of its own. */
#ifndef VR_TEST_INTEROP_GUEST_H
#define VR_TEST_INTEROP_GUEST_H

#include <stdbool.h>

#include "peer.h"

/* A guest that is slow to start is still starting: emulated processors on a busy machine. */
#define GUEST_MS 400000

/**
 * struct guest_kind - which guest
 * @emulator: a peer of ./dev peers that has a QEMU; "" is this machine's; NULL: none, @kernel is a User
 *	Mode Linux
 * @kernel: a peer of ./dev peers that has a kernel; "" (User Mode Linux only) is this machine's
 * @always: it runs in ./dev test interop, too
 */
struct guest_kind {
	const char *emulator;
	const char *kernel;
	bool always;
};

/* virtio device types */
#define GUEST_NET 1u
#define GUEST_BLK 2u

/**
 * struct guest_device - the vhost-user device of a guest
 * @socket: of the back end
 * @type: GUEST_NET or GUEST_BLK
 * @queues: of the disk, or pairs of the network card (QEMU)
 * @options: more of QEMU's device, ",packed=on", or ""
 * @cpus: virtual processors (QEMU), 0 is one
 * @monitor: path of the socket of QEMU's monitor, or NULL
 * @incoming: where QEMU waits for another's state, or NULL
 * @chardev: more options of the socket ("reconnect=1"), or NULL
 */
struct guest_device {
	const char *socket;
	unsigned int type;
	unsigned int queues;
	const char *options;
	unsigned int cpus;
	const char *monitor;
	const char *incoming;
	const char *chardev;
};

/* Why there can be no such guest here; NULL if there can. */
const char *guest_missing(const struct guest_kind *kind);

/**
 * guest_initrd() - what a guest boots into
 * @kind: whose kernel gets its modules
 * @path: the file to write
 * @init: a script in this folder, the first process
 * @modules: kernel modules, separated by spaces; those that the kernel has built in are left out
 * @programs: programs of this machine, separated by spaces
 *
 * Return: 0, or -1 after printing why not.
 */
int guest_initrd(const struct guest_kind *kind, const char *path, const char *init,
		 const char *modules, const char *programs);

/* Boots; what the guest prints is in @guest->text. */
void guest_start(struct program *guest, const struct guest_kind *kind,
		 const struct guest_device *device, const char *initrd);

/* Kills it, all its processes. */
void guest_stop(struct program *guest);

/* Runs a script of this folder with arguments until it has printed SHELL-OK; its output in @program. */
int run_script(struct program *program, const char *name, const char *const arguments[],
	       int timeout_ms);

/* The word behind @label in what a program printed; "" if there is none. */
void word_after(const struct program *program, const char *label, char *word, size_t room);

#endif
