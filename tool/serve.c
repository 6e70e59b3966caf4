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
#include "serve_net.h"

enum key {
	KEY_SOCKET = 's',
	KEY_IMAGE = 'i',
	KEY_READ_ONLY = 'r',
	KEY_QUEUES = 'q',
	KEY_CACHE = 256,
	KEY_MASK,
	KEY_NO_URING,
	KEY_NO_SANDBOX,
	KEY_DUMP,
	KEY_WATCH,
};

static void take_cache(const char *text, struct argp_state *state)
{
	struct serve_options *options = state->input;

	static const struct {
		const char *name;
		bool direct;
		bool through;
	} modes[] = {
		{ "none", true, false },
		{ "writeback", false, false },
		{ "writethrough", false, true },
		{ "directsync", true, true },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(text, modes[i].name) != 0)
			continue;
		options->direct = modes[i].direct;
		options->write_through = modes[i].through;
		return;
	}
	argp_error(state, "--cache takes none, writeback, writethrough or directsync, not '%s'",
		   text);
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
	case KEY_DUMP:
		options->dump = text;
		return 0;
	case KEY_WATCH:
		options->watch = true;
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
		{ "cache", KEY_CACHE, "MODE", 0,
		  "writeback: through the page cache of this machine (default); none: past it; "
		  "writethrough, directsync: the same two, and each write lasts before it is "
		  "answered",
		  0 },
		{ "mask", KEY_MASK, "BIT,...", 0, "feature bits not to offer, by name", 0 },
		{ "no-uring", KEY_NO_URING, NULL, 0, "plain system calls, one at a time", 0 },
		{ "dump-on-signal", KEY_DUMP, "FILE", 0,
		  "with each SIGUSR1, append the memory of the queues to FILE, for virtring dump",
		  0 },
		{ "watch", KEY_WATCH, NULL, 0,
		  "print what drivers do wrong; needs a build with -Dwatch=true", 0 },
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
	static char blk_name[] = "virtring serve blk";
	static char net_name[] = "virtring serve net";
	const char *device = argc > 1 ? argv[1] : "";

	if (!strcmp(device, "blk")) {
		argv[1] = blk_name;
		return serve_blk_main(argc - 1, argv + 1);
	}
	if (!strcmp(device, "net")) {
		argv[1] = net_name;
		return serve_net_main(argc - 1, argv + 1);
	}
	if (!strcmp(device, "--help")) {
		puts("usage: virtring serve blk --socket PATH --image FILE [OPTION...]\n"
		     "       virtring serve net --socket PATH (--tap NAME | --loop | --pcap-in FILE | "
		     "...)\n\n"
		     "`virtring serve DEVICE --help` tells more.");
		return 0;
	}
	fprintf(stderr, "virtring serve: %s%s%s; see virtring serve --help\n",
		*device ? "no device is called '" : "which device?", device, *device ? "'" : "");
	return TOOL_CANNOT;
}
