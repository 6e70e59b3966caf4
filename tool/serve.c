// SPDX-License-Identifier: BSD-3-Clause
/* virtring serve: the arguments. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/features.h>

#include "mask.h"
#include "serve.h"

enum key {
	KEY_SOCKET = 's',
	KEY_IMAGE = 'i',
	KEY_READ_ONLY = 'r',
	KEY_QUEUES = 'q',
	KEY_CACHE = 256,
	KEY_MASK,
	KEY_NO_URING,
	KEY_NO_SANDBOX,
};

static void take_cache(const char *text, struct argp_state *state)
{
	struct serve_options *options = state->input;

	options->direct = !strcmp(text, "none");
	if (!options->direct && strcmp(text, "writeback") != 0)
		argp_error(state, "--cache takes none or writeback, not '%s'", text);
}

static void take_queues(const char *text, struct argp_state *state)
{
	struct serve_options *options = state->input;
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > SERVE_QUEUES_MAX)
		argp_error(state, "--queues takes a number from 1 to %u, not '%s'",
			   SERVE_QUEUES_MAX, text);
	options->queues = (uint32_t)value;
}

static void check(struct argp_state *state)
{
	const struct serve_options *options = state->input;

	if (!options->socket)
		argp_error(state, "where to listen? --socket is missing");
	if (!options->image)
		argp_error(state, "which disk? --image is missing");
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct serve_options *options = state->input;
	char error[TOOL_TEXT];

	switch (key) {
	case KEY_SOCKET:
		options->socket = text;
		return 0;
	case KEY_IMAGE:
		options->image = text;
		return 0;
	case KEY_READ_ONLY:
		options->read_only = true;
		return 0;
	case KEY_QUEUES:
		take_queues(text, state);
		return 0;
	case KEY_CACHE:
		take_cache(text, state);
		return 0;
	case KEY_MASK:
		if (mask_parse(text, VR_DEVICE_BLK, &options->mask, error))
			argp_error(state, "--mask: %s", error);
		return 0;
	case KEY_NO_URING:
		options->plain = true;
		return 0;
	case KEY_NO_SANDBOX:
		options->no_sandbox = true;
		return 0;
	case ARGP_KEY_END:
		check(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int serve_blk_main(int argc, char **argv)
{
	static const struct argp_option arguments[] = {
		{ "socket", KEY_SOCKET, "PATH", 0, "where to listen", 0 },
		{ "image", KEY_IMAGE, "FILE", 0, "raw file or block device", 0 },
		{ "read-only", KEY_READ_ONLY, NULL, 0, "refuse all writes", 0 },
		{ "queues", KEY_QUEUES, "N", 0, "request queues (1)", 0 },
		{ "cache", KEY_CACHE, "none|writeback", 0,
		  "past the page cache of this machine, or through it (writeback)", 0 },
		{ "mask", KEY_MASK, "BIT,...", 0, "feature bits not to offer, by name", 0 },
		{ "no-uring", KEY_NO_URING, NULL, 0, "plain system calls, one at a time", 0 },
		{ "no-sandbox", KEY_NO_SANDBOX, NULL, 0,
		  "keep all that this user may do, for whoever takes this process over", 0 },
		{ 0 },
	};
	static const struct argp parser = {
		arguments, take,
		NULL,	   "Serves a disk to vhost-user front ends, one at a time, until SIGTERM.",
		NULL,	   NULL,
		NULL,
	};
	struct serve_options options = { .queues = 1 };

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	return serve_blk(&options);
}

int serve_main(int argc, char **argv)
{
	static char full_name[] = "virtring serve blk";
	const char *device = argc > 1 ? argv[1] : "";

	if (!strcmp(device, "blk")) {
		argv[1] = full_name;
		return serve_blk_main(argc - 1, argv + 1);
	}
	if (!strcmp(device, "--help")) {
		puts("usage: virtring serve blk --socket PATH --image FILE [OPTION...]\n\n"
		     "`virtring serve blk --help` tells more.");
		return 0;
	}
	fprintf(stderr, "virtring serve: %s%s%s; see virtring serve --help\n",
		*device ? "no device is called '" : "which device?", device, *device ? "'" : "");
	return TOOL_CANNOT;
}
