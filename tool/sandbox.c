// SPDX-License-Identifier: BSD-3-Clause
/* The sandbox: a filter of system calls made from the list in sandbox_calls.c. */
#include "sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Numbers of system calls that have names in a message; there are fewer today. */
#define NUMBERS 512
#define NAME_BYTES 32u

/* Looked up beforehand, as a signal handler can neither allocate nor search. */
static char names[NUMBERS][NAME_BYTES];
static const char *program = "";

static void say(const char *text)
{
	/* Where that fails there is nobody left to tell. */
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

/* A call that is not on the list; it was not made. */
static void refused(int number, siginfo_t *info, void *context)
{
	char digits[12];
	char *at = &digits[sizeof(digits) - 1];
	unsigned int call = (unsigned int)info->si_syscall;

	(void)number;
	(void)context;
	*at = '\0';
	for (unsigned int rest = call; rest || !*at; rest /= 10)
		*--at = (char)('0' + rest % 10);
	say(program);
	say(": the sandbox refuses the system call ");
	say(call < NUMBERS && names[call][0] ? names[call] : "number");
	say(" (");
	say(at);
	say("); this is an attack or a fault of ours, --no-sandbox would let it pass\n");
	_exit(TOOL_CANNOT);
}

static void learn_names(void)
{
	for (int i = 0; i < NUMBERS; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		if (name && strlen(name) < NAME_BYTES)
			memcpy(names[i], name, strlen(name));
		free(name);
	}
}

static int allow(scmp_filter_ctx filter, const struct sandbox_call *call)
{
	int number = seccomp_syscall_resolve_name(call->name);

	/* Not on this machine, then nobody here can need it. */
	if (number < 0)
		return 0;
	if (call->mask == 0)
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
				SCMP_CMP(call->argument, SCMP_CMP_MASKED_EQ, call->mask,
					 call->value));
}

/* Loads it: into all threads, and without a way back through a set-user-ID program. */
static int load(scmp_filter_ctx filter, uint32_t user)
{
	unsigned int count;
	const struct sandbox_call *calls = sandbox_calls(&count);
	int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);

	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A tree instead of a list: what is called most must not pay for the length of the list. */
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (unsigned int i = 0; i < count && !error; i++)
		if (calls[i].users & user)
			error = allow(filter, &calls[i]);
	return error ? error : seccomp_load(filter);
}

int sandbox_enter(uint32_t user, const char *who, char *error)
{
	struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int code;

	if (!filter)
		return tool_text(error, "the sandbox cannot be made");
	program = who;
	learn_names();
	sigemptyset(&action.sa_mask);
	sigaction(SIGSYS, &action, NULL);
	code = load(filter, user);
	seccomp_release(filter);
	return code ? tool_text(error, "the kernel takes no sandbox: %s", strerror(-code)) : 0;
}

int sandbox_serve(uint32_t user, const char *who, bool without)
{
	char error[TOOL_TEXT];

	if (without) {
		fprintf(stderr,
			"%s: WARNING: no sandbox: whoever takes this process over can do all that its "
			"user can\n",
			who);
		return 0;
	}
	if (!sandbox_enter(user, who, error))
		return 0;
	fprintf(stderr, "%s: %s; --no-sandbox serves without\n", who, error);
	return TOOL_CANNOT;
}
