// SPDX-License-Identifier: BSD-3-Clause
/* See testpmd.h. Without huge pages, so that it runs anywhere; both of its threads on one CPU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testpmd.h"

#define PROMPT "testpmd> "
#define START_MS 60000
#define COMMAND_MS 60000

void testpmd_start(struct program *program, const char *vdev, bool wait)
{
	char prefix[64];
	const char *const argv[] = {
		"dpdk-testpmd",
		"--lcores",
		"(0,1)@0",
		"--no-pci",
		"--no-telemetry",
		"--no-huge",
		"-m",
		"256",
		"--file-prefix",
		prefix,
		"--vdev",
		vdev,
		"--",
		"-i",
		"--total-num-mbufs=8192",
		"--nb-cores=1",
		NULL,
	};

	/* Several may run on one machine, and each keeps files by this name. */
	snprintf(prefix, sizeof(prefix), "virtring-%d", (int)getpid());
	program_start(program, argv);
	if (wait)
		testpmd_ready(program);
}

static void need_prompt(struct program *program, const char *what, int timeout_ms)
{
	if (program_wait(program, PROMPT, timeout_ms))
		return;
	printf("testpmd: no prompt after %s; it printed:\n%s\n", what, program->text);
	program_stop(program, "quit");
	exit(1);
}

void testpmd_ready(struct program *program)
{
	need_prompt(program, "the start", START_MS);
}

void testpmd_do(struct program *program, const char *command)
{
	program_type(program, command);
	need_prompt(program, command, COMMAND_MS);
}

unsigned long testpmd_counter(struct program *program, const char *name)
{
	const char *at, *last = NULL;

	testpmd_do(program, "show port stats 0");
	for (at = strstr(program->text, name); at; at = strstr(at + 1, name))
		last = at + strlen(name);
	if (!last) {
		printf("testpmd: no %s in its statistics\n", name);
		program_stop(program, "quit");
		exit(1);
	}
	return strtoul(last, NULL, 10);
}

void testpmd_stop(struct program *program)
{
	program_stop(program, "quit");
}
