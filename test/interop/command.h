/* SPDX-License-Identifier: BSD-3-Clause */
/* The command in a test: run to its end, or served in the background. */
#ifndef VR_TEST_INTEROP_COMMAND_H
#define VR_TEST_INTEROP_COMMAND_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json.h>

#include "peer.h"

#define COMMAND_WORDS 32

/* The words of a line, cut in place; the command itself comes first. */
static inline void command_words(char *text, char **words)
{
	static char program[] = VIRTRING_TOOL;
	char *word;
	int count = 1;

	words[0] = program;
	while ((word = strsep(&text, " ")) && count < COMMAND_WORDS - 1)
		if (*word)
			words[count++] = word;
	words[count] = NULL;
}

/* Runs it with words separated by spaces; its exit status. @out: file for its output, or NULL. */
static inline int command_run(const char *out, const char *format, va_list values)
{
	char *words[COMMAND_WORDS];
	char text[1024];
	int status;
	pid_t pid;

	vsnprintf(text, sizeof(text), format, values);
	printf("virtring %s\n", text);
	fflush(stdout);
	command_words(text, words);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = out ? open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600) : 1;

		if (fd < 0 || dup2(fd, 1) < 0)
			_exit(99);
		execv(words[0], words);
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

__attribute__((format(printf, 1, 2))) static inline int command(const char *format, ...)
{
	va_list values;
	int status;

	va_start(values, format);
	status = command_run(NULL, format, values);
	va_end(values);
	return status;
}

/* Runs it, which has to succeed, and gives what it says with --json. */
__attribute__((format(printf, 1, 2))) static inline json_object *command_json(const char *format,
									      ...)
{
	char path[160];
	json_object *json;
	va_list values;

	snprintf(path, sizeof(path), "%s/json", test_folder());
	va_start(values, format);
	assert_int_equal(command_run(path, format, values), 0);
	va_end(values);
	json = json_object_from_file(path);
	unlink(path);
	assert_non_null(json);
	printf("%s\n", json_object_to_json_string(json));
	return json;
}

/* A number of it. */
static inline uint64_t json_count(json_object *json, const char *name)
{
	json_object *value;

	assert_true(json_object_object_get_ex(json, name, &value));
	return json_object_get_uint64(value);
}

/* Starts `virtring serve` with words separated by spaces, and waits until it listens. */
__attribute__((format(printf, 2, 3))) static inline void serve_start(struct program *server,
								     const char *format, ...)
{
	char *words[COMMAND_WORDS];
	char text[1024];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("virtring %s &\n", text);
	command_words(text, words);
	program_start(server, (const char *const *)words);
	if (!program_wait(server, "offering: ", 60000))
		fail_msg("it does not serve: %s", server->text);
}

/* SIGTERM: it ends by itself; its exit status, with all that it printed in @server->text. */
static inline int serve_stop(struct program *server)
{
	int status = -1;

	kill(server->pid, SIGTERM);
	for (int i = 0; i < 1200; i++) {
		if (waitpid(server->pid, &status, WNOHANG) == server->pid)
			break;
		program_read(server);
		usleep(50000);
	}
	program_read(server);
	fputs(server->text, stdout);
	close(server->in);
	close(server->out);
	return status;
}

#endif
