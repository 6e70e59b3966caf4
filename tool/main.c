// SPDX-License-Identifier: BSD-3-Clause
/* The command: finds the verb. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include <virtring/version.h>

#include "tool.h"

static const struct verb {
	const char *name;
	const char *full_name;
	int (*run)(int argc, char **argv);
	const char *about;
} verbs[] = {
	{ "bench", "virtring bench", bench_main, "measure the ring forms between two processes" },
	{ "blk", "virtring blk", blk_main, "use somebody's vhost-user disk" },
	{ "check", "virtring check", check_main,
	  "check whether a peer keeps to the specification" },
	{ "dump", "virtring dump", dump_main, "print a saved queue as a person reads it" },
	{ "net", "virtring net", net_main, "use somebody's vhost-user network card" },
	{ "probe", "virtring probe", probe_main, "print what a vhost-user back end offers" },
	{ "serve", "virtring serve", serve_main,
	  "be a disk or a network card for a vhost-user front end" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *to)
{
	fputs("usage: virtring VERB [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].about);
	fputs("\n`virtring VERB --help` tells more; `virtring --version` prints the version.\n",
	      to);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	/* Wrong arguments end with the status that stands for all that could not even start. */
	argp_err_exit_status = TOOL_CANNOT;
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		printf("virtring %s\n", vr_version());
		return 0;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return 0;
	}
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(name, verbs[i].name) != 0)
			continue;
		/* argp and the messages name the whole command. */
		argv[1] = (char *)verbs[i].full_name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	if (*name)
		fprintf(stderr, "virtring: no verb is called '%s'; see virtring --help\n", name);
	else
		usage(stderr);
	return TOOL_CANNOT;
}
