// SPDX-License-Identifier: BSD-3-Clause
/* The sandbox of `virtring serve`: what stays possible, what does not, and what is said then. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool/sandbox.h"
#include "tool/tool.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
#ifdef VR_COVERAGE
#define COVERED 1
#else
#define COVERED 0
#endif

static int image = -1;
static char text[4096];

/* Runs @act inside; returns the exit status, or 1000 + signal, and reads what was said. */
static int inside(uint32_t user, void (*act)(void))
{
	int out[2];
	size_t length = 0;
	ssize_t got;
	int status;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char error[TOOL_TEXT];

		dup2(out[1], 2);
		if (sandbox_enter(user, "the test", error)) {
			fprintf(stderr, "%s\n", error);
			_exit(70);
		}
		act();
		_exit(0);
	}
	close(out[1]);
	while ((got = read(out[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* ---- what does not go ---- */

static void act_open(void)
{
	(void)open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void act_execute(void)
{
	execl("/bin/true", "true", NULL);
}

static void act_socket(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static void act_fork(void)
{
	(void)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void act_trace(void)
{
	(void)ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static void act_signal(void)
{
	(void)kill(getppid(), 0);
}

static void act_user(void)
{
	(void)syscall(SYS_setuid, 0);
}

static void act_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void act_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void act_ring(void)
{
	(void)syscall(SYS_io_uring_setup, 1, NULL);
}

static void act_terminal(void)
{
	char byte = 'x';

	(void)ioctl(0, TIOCSTI, &byte);
}

static void act_fcntl(void)
{
	(void)fcntl(image, F_SETOWN, getpid());
}

static void refuses(void (*act)(void), const char *name)
{
	char wanted[128];

	assert_int_equal(inside(SANDBOX_BLK, act), TOOL_CANNOT);
	snprintf(wanted, sizeof(wanted), "the test: the sandbox refuses the system call %s (",
		 name);
	assert_non_null(strstr(text, wanted));
	assert_non_null(strstr(text, "--no-sandbox"));
}

static void test_refused(void **state)
{
	(void)state;
	refuses(act_execute, "execve");
	refuses(act_socket, "socket");
	refuses(act_signal, SANITIZED ? "kill" : "getppid");
	refuses(act_user, "setuid");
	refuses(act_code, "mmap");
	refuses(act_make_code, "mprotect");
	refuses(act_ring, "io_uring_setup");
	refuses(act_terminal, "ioctl");
	/* Counters of coverage are locked files. */
	if (!COVERED)
		refuses(act_fcntl, "fcntl");
}

/* What only a build with a sanitizer needs. */
static void test_refused_plain(void **state)
{
	(void)state;
	if (SANITIZED || COVERED) {
		printf("SKIP: a sanitizer, or coverage, opens files\n");
		skip();
	}
	refuses(act_open, "openat");
	refuses(act_fork, "clone");
	refuses(act_trace, "getppid");
}

/* ---- what goes ---- */

static void need(bool good)
{
	if (!good)
		_exit(71);
}

static void act_disk(void)
{
	char data[512] = "sector";
	struct iovec iov = { data, sizeof(data) };

	need(pwritev2(image, &iov, 1, 512, 0) == 512);
	need(preadv2(image, &iov, 1, 512, 0) == 512);
	need(fdatasync(image) == 0);
	need(fallocate(image, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096) == 0 ||
	     errno == EOPNOTSUPP);
}

static void act_memory(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *map;

	need(fd >= 0 && ftruncate(fd, 8192) == 0);
	need(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0 && fcntl(fd, F_GET_SEALS) > 0);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(map != MAP_FAILED);
	map[0] = 1;
	need(munmap(map, 8192) == 0 && close(fd) == 0);
	/* Large enough for the allocator to ask the kernel, each time. */
	for (size_t bytes = 1; bytes < 64u << 20; bytes *= 2) {
		char *volatile memory = malloc(bytes);

		need(memory != NULL);
		memory[bytes - 1] = 1;
		memory = realloc(memory, 3 * bytes);
		need(memory != NULL);
		free(memory);
	}
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* More than older C libraries sort on the stack; what a killed device had in flight may be that. */
static void act_sort(void)
{
	static int values[10000];

	for (int i = 0; i < 10000; i++)
		values[i] = 7919 * i % 10007;
	qsort(values, 10000, sizeof(values[0]), compare);
	for (int i = 1; i < 10000; i++)
		need(values[i - 1] <= values[i]);
}

static void act_abort(void)
{
	abort();
}

static void test_allowed(void **state)
{
	(void)state;
	assert_int_equal(inside(SANDBOX_BLK, act_disk), 0);
	assert_string_equal(text, "");
	assert_int_equal(inside(SANDBOX_BLK, act_memory), 0);
	assert_string_equal(text, "");
	assert_int_equal(inside(SANDBOX_BLK, act_sort), 0);
	assert_string_equal(text, "");
	/* The C library's own end is not mistaken for an attack. */
	assert_int_equal(inside(SANDBOX_BLK, act_abort), 1000 + SIGABRT);
}

/* A network card has no business with disks, nor the other way round. */
static void test_users(void **state)
{
	(void)state;
	assert_int_equal(inside(SANDBOX_NET, act_disk), TOOL_CANNOT);
	assert_non_null(strstr(text, "pwritev2"));
}

static void test_no_new_privileges(void **state)
{
	char error[TOOL_TEXT];
	char path[64];
	char line[128];
	bool no_new = false, filtered = false;
	FILE *file;
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		/* Read from outside: prctl() is not on the list. */
		if (!sandbox_enter(SANDBOX_BLK, "the test", error))
			raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		no_new = no_new || !strcmp(line, "NoNewPrivs:\t1\n");
		filtered = filtered || !strcmp(line, "Seccomp:\t2\n");
	}
	fclose(file);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(no_new);
	assert_true(filtered);
}

/* Each entry says what it is for, and none is there twice. */
static void test_list(void **state)
{
	unsigned int count;
	const struct sandbox_call *calls = sandbox_calls(&count);

	(void)state;
	assert_true(count > 30);
	for (unsigned int i = 0; i < count; i++) {
		assert_non_null(calls[i].why);
		assert_true(strlen(calls[i].why) > 3);
		assert_true(calls[i].users & SANDBOX_ALL);
		for (unsigned int j = 0; j < i; j++)
			assert_false(!strcmp(calls[i].name, calls[j].name) &&
				     calls[i].value == calls[j].value);
	}
}

static int setup(void **state)
{
	char path[] = "/tmp/virtring-sandbox.XXXXXX";

	(void)state;
	image = mkostemp(path, O_CLOEXEC);
	if (image < 0 || ftruncate(image, 1 << 20))
		return -1;
	return unlink(path);
}

static int teardown(void **state)
{
	(void)state;
	return close(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),		  cmocka_unit_test(test_refused_plain),
		cmocka_unit_test(test_allowed),		  cmocka_unit_test(test_users),
		cmocka_unit_test(test_no_new_privileges), cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
