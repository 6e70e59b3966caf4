// SPDX-License-Identifier: BSD-3-Clause
/* virtring dump and --dump-on-signal: a live disk's queues, in a file, printed. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Attempts of 20 ms: how long anything may take. */
#define PATIENCE 1500

static char folder[] = "/tmp/virtring-dump.XXXXXX";
static char text[1 << 20];

static void write_file(const char *name, const char *content)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static pid_t start(const char *out, const char *const *arguments)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	/* A test that failed leaves nothing running behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen(out, "w", stdout) || !freopen("err", "w", stderr))
		_exit(99);
	execv(VIRTRING_TOOL, (char *const *)(uintptr_t)arguments);
	_exit(98);
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Runs `virtring dump` with one or two arguments; what it printed is in @text. */
static int dump(const char *first, const char *second, const char *out)
{
	const char *arguments[] = { "virtring", "dump", first, second, NULL };
	int status = finish(start("out", arguments));
	FILE *file = fopen(out, "re");
	size_t got;

	assert_non_null(file);
	got = fread(text, 1, sizeof(text) - 1, file);
	text[got] = '\0';
	fclose(file);
	return status;
}

static void has(const char *what)
{
	if (!strstr(text, what))
		fail_msg("'%s' is not in: %s", what, text);
}

static bool exists(const char *name)
{
	struct stat status;

	return stat(name, &status) == 0 && (S_ISSOCK(status.st_mode) || status.st_size > 0);
}

/* Until the file is there and not empty, with a signal before each look. */
static void until(const char *name, pid_t pid, int number)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (number)
			kill(pid, number);
		usleep(20000);
		if (exists(name))
			return;
	}
	fail_msg("%s did not come", name);
}

/*
 * Until the newest two images differ. How many signals that takes is the scheduler's choice: server or
 * driver may not have run between two of them.
 */
static void until_moved(pid_t server)
{
	for (int i = 0; i < PATIENCE; i++) {
		kill(server, SIGUSR1);
		usleep(20000);
		if (dump("--diff", "rings", "out") == 1) {
			has("\n+ ");
			return;
		}
	}
	fail_msg("the rings did not change");
}

/* Serves a disk that is in use, with one form of the ring, and dumps it twice. */
static void dump_form(const char *mask, const char *form)
{
	const char *serve[] = { "virtring", "serve",   "blk",  "--socket",
				"s",	    "--image", "disk", "--dump-on-signal",
				"rings",    "--mask",  mask,   NULL };
	const char *bench[] = { "virtring", "blk",	 "bench", "--socket",
				"s",	    "--seconds", "600",	  NULL };
	pid_t server, driver;

	unlink("rings");
	unlink("s");
	server = start("serve", serve);
	until("s", server, 0);
	driver = start("bench", bench);
	until("rings", server, SIGUSR1);
	until_moved(server);
	kill(driver, SIGTERM);
	finish(driver);
	kill(server, SIGTERM);
	assert_int_equal(finish(server), 0);
	assert_int_equal(dump("rings", NULL, "out"), 0);
	has("blk queue 0");
	has(form);
	has("128 descriptors");
	has("shows used next at");
	assert_int_equal(dump("--json", "rings", "out"), 0);
	has("\"name\":\"blk queue 0\"");
}

static void test_forms(void **state)
{
	(void)state;
	dump_form("RING_PACKED,IN_ORDER", "  split, ");
	dump_form("RING_PACKED", "  split in order, ");
	dump_form("IN_ORDER", "  packed, ");
	dump_form("EVENT_IDX", "  packed in order, ");
}

static void test_refusals(void **state)
{
	(void)state;
	assert_int_equal(dump("/nowhere/at/all", NULL, "err"), 2);
	has("No such file");
	write_file("bad", "virtring-ring 1\nfeatures 0x0\nsize 3\nend\n");
	assert_int_equal(dump("bad", NULL, "err"), 2);
	has("bad: line 4: ");
	write_file("empty", "");
	assert_int_equal(dump("empty", NULL, "err"), 2);
	has("no image in it");
	assert_int_equal(dump("--diff", "empty", "err"), 2);
	assert_int_equal(dump("a", "b", "err"), 2);
	has("two files are for --diff");
}

static void test_same(void **state)
{
	(void)state;
	write_file("one", "virtring-ring 1\nfeatures 0x0\nsize 2\n"
			  "area descriptors 0x0\narea driver 0x0\narea device 0x0\nend\n");
	assert_int_equal(dump("one", NULL, "out"), 0);
	has("split, 2 descriptors");
	assert_int_equal(dump("--all", "one", "out"), 0);
	assert_int_equal(dump("--diff", "one", "err"), 2);
	has("no queue is in the file twice");
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || chdir(folder))
		return -1;
	write_file("disk", "");
	return truncate("disk", 1 << 20);
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "bad", "bench", "disk",  "empty", "err",
					     "one", "out",   "rings", "s",     "serve" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	return chdir("/") || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
