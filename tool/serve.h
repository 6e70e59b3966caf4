/* SPDX-License-Identifier: BSD-3-Clause */
/* virtring serve: devices for front ends of others. */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tool.h"

/**
 * struct serve_options - what is served
 * @socket: where to listen
 * @image: file or block device
 * @dump: file for the memory of the queues, with each SIGUSR1; or NULL
 * @watch: print what drivers do wrong
 * @queues: request queues
 * @mask: feature bits that are not offered
 * @read_only: no writes
 * @direct: past the page cache
 * @write_through: writes last before they are answered
 * @plain: without io_uring
 * @no_sandbox: keep all system calls
 */
struct serve_options {
	const char *socket;
	const char *image;
	const char *dump;
	uint32_t queues;
	uint64_t mask;
	bool read_only;
	bool direct;
	bool write_through;
	bool plain;
	bool watch;
	bool no_sandbox;
};

/* Most request queues. */
#define SERVE_QUEUES_MAX 64u

/**
 * serve_blk() - serve a disk until told to stop
 * @options: what and where
 *
 * Return: exit status.
 */
int serve_blk(const struct serve_options *options);

#endif
