/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program that serves hostile peers gives up before it meets the first one. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* Who needs a system call; bits. */
#define SANDBOX_BLK 1u
#define SANDBOX_NET 2u
#define SANDBOX_ALL (SANDBOX_BLK | SANDBOX_NET)

/**
 * struct sandbox_call - a system call that stays possible
 * @name: the kernel's; one that this machine does not have is left out
 * @users: SANDBOX_* bits
 * @mask: 0, or: the call is possible only where argument @argument, cut to these bits, ...
 * @value: ... is this
 * @argument: number of the argument, 0..5
 * @why: what it is needed for
 */
struct sandbox_call {
	const char *name;
	uint32_t users;
	uint64_t mask;
	uint64_t value;
	uint32_t argument;
	const char *why;
};

/**
 * sandbox_calls() - the list
 * @count: set to its length
 *
 * Return: the first entry; one name may have several.
 */
const struct sandbox_call *sandbox_calls(unsigned int *count);

/**
 * sandbox_enter() - from here on only what is on the list, in all threads, for good
 * @user: SANDBOX_BLK or SANDBOX_NET
 * @who: name in the message that a refused call ends the process with; stays the caller's
 * @error: TOOL_TEXT bytes
 *
 * Privileges cannot be gained any more (no_new_privs). A call that is not on the list is not made:
 * one line on standard error names it, and the process exits with TOOL_CANNOT.
 *
 * Return: 0, or -1 with @error set; then nothing has changed that matters.
 */
int sandbox_enter(uint32_t user, const char *who, char *error);

/**
 * sandbox_serve() - enter it, or say loudly that this is left out
 * @user: SANDBOX_BLK or SANDBOX_NET
 * @who: as above
 * @without: the user wants none
 *
 * Return: 0, or TOOL_CANNOT after one line on standard error.
 */
int sandbox_serve(uint32_t user, const char *who, bool without);

#endif
