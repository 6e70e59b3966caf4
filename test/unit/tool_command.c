// SPDX-License-Identifier: BSD-3-Clause
/* The command as its user meets it: exit statuses, one clear line each, nothing left behind. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json.h>

#define ARGUMENTS_MAX 24

/* How a run came out. */
struct outcome {
	int status; /* exit status, or 1000 + signal */
	char out[16384];
	char err[4096];
};

static char folder[] = "/tmp/virtring-command.XXXXXX";

static void read_all(const char *path, char *text, size_t room)
{
	FILE *file = fopen(path, "re");
	size_t got;

	assert_non_null(file);
	got = fread(text, 1, room - 1, file);
	text[got] = '\0';
	fclose(file);
}

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Starts the command with words separated by spaces; @one_cpu: on one CPU only. */
static pid_t start(const char *words, bool one_cpu)
{
	char program[] = VIRTRING_TOOL;
	char text[512];
	char *arguments[ARGUMENTS_MAX] = { program };
	char *rest = text;
	char *word;
	int count = 1;
	pid_t pid;

	snprintf(text, sizeof(text), "%s", words);
	while ((word = strsep(&rest, " ")) && count < ARGUMENTS_MAX - 1)
		if (*word)
			arguments[count++] = word;
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	if (one_cpu) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((size_t)sched_getcpu(), &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	if (!freopen(in_folder("out"), "w", stdout) || !freopen(in_folder("err"), "w", stderr))
		_exit(99);
	execv(program, arguments);
	_exit(98);
}

static void finish(pid_t pid, struct outcome *outcome)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
	read_all(in_folder("out"), outcome->out, sizeof(outcome->out));
	read_all(in_folder("err"), outcome->err, sizeof(outcome->err));
}

static void run(const char *words, struct outcome *outcome)
{
	finish(start(words, false), outcome);
}

/* Status 2, nothing on standard output, and one line that has @text in it. */
static void refused(const char *words, const char *text)
{
	struct outcome outcome;

	run(words, &outcome);
	if (outcome.status != 2 || !strstr(outcome.err, text) || outcome.out[0] ||
	    strchr(outcome.err, '\n') != outcome.err + strlen(outcome.err) - 1)
		fail_msg("'%s' gave %d, and said: %s%s", words, outcome.status, outcome.out,
			 outcome.err);
}

static bool two_cpus(void)
{
	cpu_set_t set;

	return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) >= 2;
}

static void need_two_cpus(void)
{
	if (two_cpus())
		return;
	puts("SKIP: only one CPU");
	skip();
}

static void test_verbs(void **state)
{
	struct outcome outcome;

	(void)state;
	run("--version", &outcome);
	assert_int_equal(outcome.status, 0);
	assert_memory_equal(outcome.out, "virtring ", 9);
	run("--help", &outcome);
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.out, "bench"));
	assert_non_null(strstr(outcome.out, "probe"));
	run("bench --help", &outcome);
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.out, "--in-order=off|on|both"));
	run("probe --help", &outcome);
	assert_int_equal(outcome.status, 0);
	run("", &outcome);
	assert_int_equal(outcome.status, 2);
	refused("measure", "no verb is called 'measure'");
}

static void test_wrong_arguments(void **state)
{
	(void)state;
	refused("bench --layout round", "--layout takes split, packed or both, not 'round'");
	refused("bench --in-order maybe", "--in-order takes");
	refused("bench --direction up", "--direction takes");
	refused("bench --driver linux", "--driver takes self or dpdk");
	refused("bench --device qemu", "--device takes self or dpdk");
	refused("bench --size 100", "--size 100 is no power of two");
	refused("bench --size 1", "--size takes a whole number from 2 to 32768");
	refused("bench --size 65536", "--size takes");
	refused("bench --size 12x", "not '12x'");
	refused("bench --burst 0", "--burst takes");
	refused("bench --burst 64 --size 32", "--burst 64 is above --size 32");
	refused("bench --packet 59", "--packet takes");
	refused("bench --packet 99999999999999999999", "--packet takes");
	refused("bench --seconds nan", "--seconds takes");
	refused("bench --seconds 0", "--seconds takes");
	refused("bench --rounds -1", "--rounds takes");
	refused("bench --near 300", "--near 300 is not below --far 200");
	refused("bench --cpus 0", "--cpus takes two or three");
	refused("bench --cpus 0,x", "--cpus takes two or three");
	refused("bench --cpus 0,1,2,3", "--cpus takes two or three");
	refused("bench --cpus 0,0", "both CPU 0");
	refused("bench --plot picture.gif", "--plot takes a file that ends with .svg or .png");
	refused("bench something", "no argument such as 'something'");
	refused("bench --device dpdk --packet 9000", "testpmd is run with packets of at most");
	refused("bench --driver dpdk --device dpdk --notify", "testpmd only polls");
	refused("bench --driver dpdk --layout packed --size 100", "DPDK's driver needs");
}

static void test_other_measurements(void **state)
{
	struct outcome outcome;

	(void)state;
	refused("bench --floor --burst 0", "--burst takes a whole number from 1 to 512, not '0'");
	refused("bench --floor --burst 1,,8", "--burst has an empty place in its list");
	refused("bench --floor --burst 64 --size 32", "every --burst is above every --size");
	refused("bench --floor --kind none", "--kind takes sent, dropped, received, or all");
	refused("bench --floor --near 300", "--near 300 is not below --far 200");
	refused("bench --floor something", "no argument such as 'something'");
	refused("bench --versus", "a peer is expected: dpdk");
	refused("bench --versus linux", "DPDK is the only peer");
	refused("bench --versus dpdk --size 100", "--size 100 is no power of two");
	refused("bench --versus dpdk --size 16", "--size takes a whole number from 32");
	refused("bench --versus dpdk --burst 64 --size 256,32", "--burst 64 is above --size 32");
	refused("bench --versus dpdk --pairing linux-dpdk", "--pairing takes dpdk-dpdk");
	refused("bench --versus dpdk --slots some", "--slots takes rotate, keep");
	refused("bench --versus dpdk --dpdk-path fast", "--dpdk-path takes scalar, vector");
	refused("bench --versus dpdk --packet 1515", "--packet takes a whole number from 64");
	refused("bench --versus dpdk --layout round", "--layout takes split, packed");
	refused("bench --versus dpdk --near 300", "--near 300 is not below --far 200");
	refused("bench --versus dpdk --plot a.gif", "--plot takes a file that ends");
	refused("bench --ring --forms round",
		"--forms takes split, split-in-order, packed, packed-in-order, or all, not 'round'");
	refused("bench --ring --burst 1,257", "--burst takes a whole number from 1 to 256");
	refused("bench --ring --segments 0", "--segments takes");
	refused("bench --ring --descriptors both", "--descriptors takes direct, indirect, or all");
	refused("bench --ring --threads three", "--threads takes two, one, or all");
	refused("bench --ring --size 100 --forms split", "no burst fits a queue");
	refused("bench --ring --size 32 --burst 16 --segments 3", "no burst fits a queue");
	refused("bench --ring --rounds 1001", "--rounds takes a whole number from 1 to 1000");
	refused("bench --latency --load 0", "--load takes a whole number from 1 to 100");
	refused("bench --latency --mode sleep", "--mode takes poll, notify");
	refused("bench --latency --size 100", "--size 100 is no power of two");
	refused("bench --latency --burst 64 --size 32", "--burst 64 is above --size 32");
	refused("bench --latency something", "no argument such as 'something'");
	refused("bench --scale --pairs 65", "--pairs takes a whole number from 1 to 64");
	refused("bench --scale --pairs 1,,2", "--pairs has an empty place in its list");
	refused("bench --scale --size 100", "--size 100 is no power of two");
	refused("bench --budget something", "no argument such as 'something'");
	refused("bench --budget --size 100", "--size 100 is no power of two");
	refused("bench --scale something", "no argument such as 'something'");
	refused("bench --floo", "in full words; see virtring bench --help");
	need_two_cpus();
	refused("bench --floor --cpus 0,4000", "may not use CPU 4000");
	run("bench --floor --rounds 1 --seconds 0.05 --near 1e5 --far 1e6", &outcome);
	if (outcome.status)
		fail_msg("status %d: %s%s", outcome.status, outcome.out, outcome.err);
	assert_non_null(strstr(outcome.out, "12 rounds, "));
	run("bench --ring --rounds 1 --seconds 0.01 --near 1e5 --far 1e6 --size 100,256", &outcome);
	if (outcome.status)
		fail_msg("status %d: %s%s", outcome.status, outcome.out, outcome.err);
	/* Bursts of 1 and 32, both kinds, both ways; split queues of 256 only. */
	assert_non_null(strstr(outcome.out, "48 rounds, "));
}

static void test_what_is_missing(void **state)
{
	struct outcome outcome;

	(void)state;
	need_two_cpus();
	refused("bench --cpus 0,4000", "may not use CPU 4000");
	refused("bench --json /nonexistent/a.json", "cannot write /nonexistent/a.json");
	finish(start("bench", true), &outcome);
	assert_int_equal(outcome.status, 2);
	assert_non_null(strstr(outcome.err, "two CPUs are needed"));
	setenv("PATH", "/nonexistent", 1);
	refused("bench --plot picture.svg", "needs gnuplot, which is not installed");
	refused("bench --device dpdk", "dpdk-testpmd is not installed");
	refused("bench --versus dpdk", "dpdk-testpmd is not installed");
	setenv("PATH", "/usr/bin:/bin", 1);
}

static void test_probe_finds_nobody(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char words[256];
	int fd;

	(void)state;
	refused("probe /nonexistent/socket", "No such file or directory");
	refused("probe --socket /nonexistent/socket", "/nonexistent/socket: No such file");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(words, sizeof(words), "probe %s", address.sun_path);
	refused(words, "nobody listens");
	/* Somebody who never says a word. */
	assert_int_equal(listen(fd, 1), 0);
	snprintf(words, sizeof(words), "probe --timeout 0.2 %s", address.sun_path);
	refused(words, address.sun_path);
	close(fd);
	unlink(address.sun_path);
}

/*
 * Runs a bench, which has to succeed. Where one of its processes did not get a CPU for all of a round, and
 * the command says so, the rounds have to be longer.
 */
static void bench(const char *options, struct outcome *outcome)
{
	char words[320];

	for (unsigned int ms = 250; ms < 20000; ms *= 4) {
		snprintf(words, sizeof(words), "bench --seconds %g --near 1e5 --far 1e6 %s",
			 ms / 1e3, options);
		run(words, outcome);
		if (!outcome->status || (!strstr(outcome->out, "no packet came through") &&
					 !strstr(outcome->err, "no packet came through")))
			break;
	}
	if (outcome->status)
		fail_msg("status %d: %s%s", outcome->status, outcome->out, outcome->err);
	assert_null(strstr(outcome->out, "FAILED"));
}

static void test_short_bench(void **state)
{
	struct outcome outcome;
	char words[256];
	json_object *json;
	json_object *rows;

	(void)state;
	need_two_cpus();
	snprintf(words, sizeof(words), "--rounds 2 --json %s/a.json", folder);
	bench(words, &outcome);
	json = json_object_from_file(in_folder("a.json"));
	assert_non_null(json);
	assert_true(json_object_object_get_ex(json, "rows", &rows));
	assert_int_equal(json_object_array_length(rows), 8);
	for (size_t i = 0; i < 8; i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		json_object *list;

		assert_true(json_object_object_get_ex(row, "rounds", &list));
		assert_true(json_object_array_length(list) >= 2);
	}
	json_object_put(json);
	unlink(in_folder("a.json"));
}

static void test_notified_and_merged(void **state)
{
	struct outcome outcome;

	(void)state;
	need_two_cpus();
	bench("--rounds 1 --notify --mergeable --packet 4000", &outcome);
}

/* The first two children of a process. */
static int children_of(pid_t pid, pid_t *children)
{
	char path[64];
	char text[128] = "";
	char *at = text;
	FILE *file;
	int count;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	for (count = 0; count < 2; count++) {
		children[count] = (pid_t)strtol(at, &at, 10);
		if (children[count] <= 0)
			break;
	}
	return count;
}

static void ended_by(int number)
{
	struct outcome outcome;
	pid_t children[2] = { 0, 0 };
	pid_t pid = start("bench --seconds 100 --near 1e5 --far 1e6", false);

	for (int i = 0; i < 6000 && children_of(pid, children) < 2; i++)
		usleep(10000);
	assert_true(children[0] > 0 && children[1] > 0);
	usleep(300000);
	assert_int_equal(kill(pid, number), 0);
	finish(pid, &outcome);
	assert_int_equal(outcome.status, 1000 + number);
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 6000 && kill(children[i], 0) == 0; j++)
			usleep(10000);
		assert_int_equal(kill(children[i], 0), -1);
	}
}

static void test_signals(void **state)
{
	(void)state;
	need_two_cpus();
	ended_by(SIGINT);
	ended_by(SIGTERM);
	/* Whoever cannot clean up takes the others along all the same. */
	ended_by(SIGKILL);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	return setenv("TMPDIR", folder, 1);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

/* Sockets and folders of the command are gone when it has ended, but for the one that was killed. */
static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_nothing_is_left(void **state)
{
	DIR *list = opendir(folder);
	const struct dirent *entry;

	(void)state;
	assert_non_null(list);
	while ((entry = readdir(list)))
		if (strncmp(entry->d_name, "virtring.", 9) == 0)
			fail_msg("%s is left", entry->d_name);
	closedir(list);
}

/* What the disk's verbs refuse, before and after they have looked at the other side. */
static void test_disk_refusals(void **state)
{
	(void)state;
	refused("serve", "which device?");
	refused("serve floppy", "no device is called 'floppy'");
	refused("serve blk --socket /tmp/x --image /nowhere/at/all", "No such file");
	refused("serve blk --socket /tmp/x --image /dev/null", "neither a regular file nor");
	refused("blk", "info, read, write, copy, verify or bench?");
	refused("blk info --socket /nowhere/at/all", "No such file");
}

/* As refused(), by argp, which adds a line of its own on where help is. */
static void wrong(const char *words, const char *text)
{
	struct outcome outcome;

	run(words, &outcome);
	if (outcome.status != 2 || !strstr(outcome.err, text) || outcome.out[0])
		fail_msg("'%s' gave %d, and said: %s%s", words, outcome.status, outcome.out,
			 outcome.err);
}

static void test_net_refusals(void **state)
{
	(void)state;
	wrong("serve net --loop", "where to listen?");
	wrong("serve net --socket /tmp/x", "where do packets come from");
	wrong("serve net --socket /tmp/x --loop --sink", "--loop is both");
	wrong("serve net --socket /tmp/x --tap t --generate", "--tap is both");
	wrong("serve net --socket /tmp/x --pcap-in a --generate", "one source is enough");
	wrong("serve net --socket /tmp/x --pcap-out a --sink", "one sink is enough");
	wrong("serve net --socket /tmp/x --loop --pairs 65", "--pairs takes a number from 1");
	wrong("serve net --socket /tmp/x --loop --mtu 67", "--mtu takes");
	wrong("serve net --socket /tmp/x --loop --mac 02:00:00:00:00", "--mac takes six bytes");
	wrong("serve net --socket /tmp/x --loop --mac 03:00:00:00:00:01", "of a group");
	wrong("serve net --socket /tmp/x --loop --mask NO_SUCH", "no feature bit is called");
	wrong("serve net --socket /tmp/x --generate=59", "--generate takes a number from 60");
	wrong("net send --socket /tmp/x", "what to send? --pcap or --generate");
	wrong("net send --socket /tmp/x --generate", "has no end without --count or --seconds");
	wrong("net send --socket /tmp/x --generate --pcap a", "what to send?");
	wrong("net receive --socket /tmp/x --generate", "--generate is for send and bench");
	wrong("net bench --socket /tmp/x --pcap a", "--pcap is for send and receive");
	wrong("net bench --socket /tmp/x --answers a", "are for send");
	wrong("net bench --socket /tmp/x --direction up", "--direction takes");
	wrong("net bench --socket /tmp/x --seconds nan", "--seconds takes");
	wrong("net info", "which device?");
	refused("net", "info, send, receive or bench?");
	refused("net info --socket /nowhere/at/all", "No such file");
	refused("serve net --socket /tmp/x --pcap-in /nowhere", "/nowhere");
	refused("serve net --socket /tmp/x --pcap-in /dev/null", "/dev/null");
	refused("serve net --socket /tmp/x --pcap-out /nowhere/at/all", "/nowhere/at/all");
	refused("serve net --socket /nowhere/at/all --loop", "/nowhere/at/all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk_refusals),
		cmocka_unit_test(test_net_refusals),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_wrong_arguments),
		cmocka_unit_test(test_other_measurements),
		cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_probe_finds_nobody),
		cmocka_unit_test(test_short_bench),
		cmocka_unit_test(test_notified_and_merged),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
