// SPDX-License-Identifier: BSD-3-Clause
/* A folder that goes with its user, whatever ends that. */
#include <dirent.h>
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool/keeper.h"

/* Where the folders are to be made. */
static char base[] = "/tmp/virtring-keep-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(base) && !setenv("TMPDIR", base, 1) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(base);
}

static unsigned int entries(void)
{
	DIR *folder = opendir(base);
	const struct dirent *entry;
	unsigned int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void wait_for(unsigned int count)
{
	for (int i = 0; i < 3000 && entries() != count; i++)
		usleep(10000);
	assert_int_equal(entries(), count);
}

static void put_file(const struct keeper *keeper)
{
	char path[KEEPER_PATH + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/file", keeper->folder);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void test_closed(void **state)
{
	struct keeper one, two;

	(void)state;
	assert_int_equal(keeper_open(&one, "one"), 0);
	assert_int_equal(keeper_open(&two, "two"), 0);
	assert_string_not_equal(one.folder, two.folder);
	assert_int_equal(entries(), 2);
	put_file(&one);
	keeper_close(&one);
	assert_int_equal(entries(), 1);
	keeper_close(&two);
	assert_int_equal(entries(), 0);
}

static void test_refused(void **state)
{
	struct keeper keeper;
	char name[2 * KEEPER_PATH];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(keeper_open(&keeper, name), -ENAMETOOLONG);
	assert_int_equal(keeper_open(&keeper, "no/where"), -ENOENT);
	assert_int_equal(entries(), 0);
}

static void test_signals(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGKILL };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			struct keeper keeper;

			/* As if the signal came from a terminal. */
			setpgid(0, 0);
			if (keeper_open(&keeper, "signal"))
				_exit(1);
			put_file(&keeper);
			kill(0, signals[i]);
			for (;;)
				pause();
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		wait_for(0);
	}
}

/* The command that needs a folder, killed in the middle. */
static void test_check_self(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGKILL };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

			dup2(null, STDOUT_FILENO);
			execl(VIRTRING_TOOL, "virtring", "check", "self", "--part", "serve-blk",
			      (char *)NULL);
			_exit(98);
		}
		wait_for(1);
		kill(pid, signals[i]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		wait_for(0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_check_self),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
