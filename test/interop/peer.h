/* SPDX-License-Identifier: BSD-3-Clause */
/* Another project's program as the other end of a test: started, talked to, and ended. */
#ifndef VR_TEST_INTEROP_PEER_H
#define VR_TEST_INTEROP_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct program - a running program
 * @pid: its process
 * @in: its standard input
 * @out: its standard output and error
 * @text: all that it has printed, the start is dropped when it gets long
 * @length: of @text
 * @seen: how far program_wait() has looked
 */
struct program {
	pid_t pid;
	int in;
	int out;
	char text[65536];
	size_t length;
	size_t seen;
};

/* Ends the test program with 77 and `SKIP: ...` when @name is not installed. */
void need_program(const char *name);

/* Why there is no peer @name of ./dev peers; NULL if there is. The next call overwrites it. */
const char *peer_missing(const char *name);

/* Ends the test program with 77 and `SKIP: ...` when there is no peer @name. */
void need_peer(const char *name);

/*
 * The script that runs a program of peer @name: what follows it in the arguments are the program's
 * path in the peer's packages (/usr/bin/...) and its arguments.
 */
const char *peer_runner(const char *name);

/*
 * A file of peer @name: the last that @pattern, a path in its packages with wildcards, matches.
 * Ends the test program with 77 and `SKIP: ...` when there is none.
 */
const char *peer_file(const char *name, const char *pattern);

/* ./dev test interop-all: every version of every peer, however long it takes. */
bool all_peers_wanted(void);

/**
 * program_start() - start a program
 * @program: filled
 * @argv: name and arguments, NULL at the end; the name is looked up in PATH
 *
 * Its output is line buffered, and it is killed should this process die.
 */
void program_start(struct program *program, const char *const argv[]);

/* Types a line. */
void program_type(struct program *program, const char *line);

/*
 * Waits until it prints @text, from where the last wait ended. False after @timeout_ms milliseconds
 * or when it has ended.
 */
bool program_wait(struct program *program, const char *text, int timeout_ms);

/* Takes what it has printed, without waiting. */
void program_read(struct program *program);

/* Types @last (may be NULL), gives it 10 seconds to end, and kills it then. */
void program_stop(struct program *program, const char *last);

/* A folder of our own for sockets; a new one for each process. */
const char *test_folder(void);

#endif
