// SPDX-License-Identifier: BSD-3-Clause
/*
 * DPDK's testpmd as a peer. It talks over a socket rather than a terminal: what goes through a
 * terminal waits for a thread of the kernel's, which waits for what polls under --realtime.
 */
#include "testpmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "interrupt.h"

#define PROGRAM "dpdk-testpmd"
#define PROMPT "testpmd> "

/* A busy machine may take its time. */
#define START_MS 60000
#define COMMAND_MS 20000
#define END_MS 5000

#define ARGUMENTS 40
#define ARGUMENT 192

/* The arguments, with the memory that they lie in. */
struct arguments {
	char text[ARGUMENTS][ARGUMENT];
	char *list[ARGUMENTS + 1];
	int count;
};

__attribute__((format(printf, 2, 3))) static void argument(struct arguments *to, const char *format,
							   ...)
{
	va_list values;

	if (to->count == ARGUMENTS)
		return;
	va_start(values, format);
	vsnprintf(to->text[to->count], ARGUMENT, format, values);
	va_end(values);
	to->list[to->count] = to->text[to->count];
	to->count++;
}

bool testpmd_installed(void)
{
	const char *path = getenv("PATH");
	char list[4096];
	char *rest = list;
	const char *folder;

	snprintf(list, sizeof(list), "%s", path ? path : "/usr/bin");
	while ((folder = strsep(&rest, ":"))) {
		char file[4352];

		snprintf(file, sizeof(file), "%s/" PROGRAM, folder);
		if (!access(file, X_OK))
			return true;
	}
	return false;
}

static unsigned int buffers(const struct testpmd_config *config)
{
	unsigned int rings = 4 * config->size * config->pairs;

	return rings > 4096 ? rings : 4096;
}

unsigned int testpmd_memory(const struct testpmd_config *config)
{
	/* An mbuf is 2304 bytes here; the rest is rings, and what DPDK wants for itself. */
	return 64 + buffers(config) / 256 * 2304 / 4096 * 4;
}

static void build_arguments(struct arguments *to, const struct testpmd_config *config,
			    const char *prefix)
{
	memset(to, 0, sizeof(*to));
	/* It would keep back what it says until it has said a lot. */
	argument(to, "stdbuf");
	argument(to, "-o0");
	argument(to, PROGRAM);
	argument(to, "-v");
	argument(to, "--lcores=(0,1)@%d", config->cpu);
	argument(to, "--no-pci");
	argument(to, "--no-telemetry");
	argument(to, "--file-prefix=%s", prefix);
	argument(to, "-m");
	argument(to, "%u", testpmd_memory(config));
	if (config->vectorized)
		argument(to, "--force-max-simd-bitwidth=512");
	argument(to, "--log-level=pmd.net.virtio.*:info");
	argument(to, "--log-level=lib.vhost.config:info");
	if (config->huge) {
		/* One region of memory, as eight is all that SET_MEM_TABLE carries. */
		argument(to, "--in-memory");
		argument(to, "--single-file-segments");
	} else {
		argument(to, "--no-huge");
	}
	if (config->side == SIDE_DEVICE)
		argument(to, "--vdev=net_vhost0,iface=%s,queues=%u", config->path, config->pairs);
	else
		argument(to,
			 "--vdev=net_virtio_user0,path=%s,queues=%u,queue_size=%u,packed_vq=%d,"
			 "in_order=%d,mrg_rxbuf=%d,vectorized=%d%s",
			 config->path, config->pairs, config->size, config->packed,
			 config->in_order, config->mergeable, config->vectorized,
			 config->pairs > 1 ? ",cq=1" : "");
	argument(to, "--");
	argument(to, "-i");
	argument(to, "--total-num-mbufs=%u", buffers(config));
	argument(to, "--nb-cores=1");
	argument(to, "--rxq=%u", config->pairs);
	argument(to, "--txq=%u", config->pairs);
	argument(to, "--burst=%u", config->burst);
	argument(to, "--txpkts=%u", config->packet);
	argument(to, "--forward-mode=%s", config->forward);
	argument(to, "--record-burst-stats");
	argument(to, "--disable-link-check");
	/* What is there before it starts is not thrown away. */
	argument(to, "--no-flush-rx");
}

__attribute__((noreturn)) static void become(const struct arguments *arguments, int end,
					     pid_t parent, bool realtime)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* All its threads inherit that; the one that polls is put below the others later. */
	if (realtime && topology_realtime(0, BENCH_PRIORITY_CONTROL))
		_exit(127);
	if (dup2(end, 0) < 0 || dup2(end, 1) < 0 || dup2(end, 2) < 0)
		_exit(127);
	closefrom(3);
	execvp(arguments->list[0], arguments->list);
	_exit(127);
}

/* Keeps the newest part of what is said. */
static void keep(struct testpmd *testpmd, const char *bytes, size_t count)
{
	size_t room = sizeof(testpmd->output) - 1;

	if (testpmd->length + count > room) {
		size_t half = testpmd->length / 2;

		memmove(testpmd->output, testpmd->output + half, testpmd->length - half);
		testpmd->length -= half;
	}
	memcpy(testpmd->output + testpmd->length, bytes, count);
	testpmd->length += count;
	testpmd->output[testpmd->length] = '\0';
}

/* The line that says most about a failure. */
static void explain(const struct testpmd *testpmd, char *error, const char *what)
{
	static const char *const words[] = { "Error", "Cause", "ailed", "annot", "nvalid" };
	const char *line = testpmd->output;
	char best[200] = "";

	while (*line) {
		size_t length = strcspn(line, "\r\n");

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			char copy[200];

			snprintf(copy, sizeof(copy), "%.*s", (int)length, line);
			if (strstr(copy, words[i]))
				memcpy(best, copy, sizeof(best));
		}
		line += length;
		line += strspn(line, "\r\n");
	}
	tool_text(error, "testpmd %s%s%s", what, *best ? ": " : "", best);
}

/* Reads until the prompt comes. */
static int wait_for_prompt(struct testpmd *testpmd, int ms, char *error)
{
	double end = tool_now() + ms / 1000.0;

	for (;;) {
		struct pollfd fd = { .fd = testpmd->socket, .events = POLLIN };
		char bytes[4096];
		double left = end - tool_now();
		ssize_t got;

		if (testpmd->length >= strlen(PROMPT) &&
		    strcmp(testpmd->output + testpmd->length - strlen(PROMPT), PROMPT) == 0)
			return 0;
		if (left <= 0) {
			explain(testpmd, error, "does not answer");
			return -1;
		}
		if (interrupt_poll(&fd, 1, (int)(left * 1000) + 1) < 0)
			return tool_text(error, "interrupted");
		if (!fd.revents)
			continue;
		got = read(testpmd->socket, bytes, sizeof(bytes));
		if (got <= 0) {
			explain(testpmd, error, "has ended");
			return -1;
		}
		keep(testpmd, bytes, (size_t)got);
	}
}

static void find_version(struct testpmd *testpmd)
{
	static const char mark[] = "RTE Version: '";
	const char *at = strstr(testpmd->output, mark);

	if (at)
		snprintf(testpmd->version, sizeof(testpmd->version), "%.*s",
			 (int)strcspn(at + sizeof(mark) - 1, "'\r\n"), at + sizeof(mark) - 1);
}

/*
 * The thread that polls would keep the others of its CPU from running, the one that takes commands
 * among them.
 */
static int set_pollers(const struct testpmd *testpmd, int priority)
{
	char path[64];
	struct dirent *entry;
	DIR *folder;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)testpmd->pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		char file[384];
		char name[32] = "";
		FILE *comm;

		snprintf(file, sizeof(file), "%s/%s/comm", path, entry->d_name);
		comm = fopen(file, "re");
		if (!comm)
			continue;
		if (fgets(name, sizeof(name), comm) && strstr(name, "worker") &&
		    !topology_realtime((pid_t)strtol(entry->d_name, NULL, 10), priority))
			count++;
		fclose(comm);
	}
	if (folder)
		closedir(folder);
	return count > 0 ? 0 : -1;
}

/* Keeps what it says by itself, before the next command's answer takes its place. */
static void learn(struct testpmd *testpmd)
{
	uint64_t features = testpmd_parse_features(testpmd->output);

	for (int sends = 0; sends < 2; sends++)
		testpmd_parse_path(testpmd->output, sends, testpmd->path[sends]);
	if (features)
		testpmd->features = features;
}

int testpmd_start(struct testpmd *testpmd, const struct testpmd_config *config, char *error)
{
	static unsigned int number;
	struct arguments arguments;
	pid_t parent = getpid();
	int ends[2];

	memset(testpmd, 0, sizeof(*testpmd));
	snprintf(testpmd->prefix, sizeof(testpmd->prefix), "virtring-%d-%u", (int)parent, number++);
	build_arguments(&arguments, config, testpmd->prefix);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return tool_text(error, "no socket for testpmd: %s", strerror(errno));
	testpmd->socket = ends[0];
	testpmd->pid = fork();
	if (testpmd->pid == 0)
		become(&arguments, ends[1], parent, config->realtime);
	close(ends[1]);
	if (testpmd->pid < 0) {
		testpmd->pid = 0;
		close(testpmd->socket);
		return tool_text(error, "cannot start testpmd: %s", strerror(errno));
	}
	if (wait_for_prompt(testpmd, START_MS, error)) {
		testpmd_end(testpmd);
		return -1;
	}
	find_version(testpmd);
	testpmd->realtime = config->realtime;
	if (config->realtime && set_pollers(testpmd, BENCH_PRIORITY)) {
		testpmd_end(testpmd);
		return tool_text(error, "testpmd has no thread that polls");
	}
	return 0;
}

int testpmd_command(struct testpmd *testpmd, const char *command, char *error)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "%s\n", command);

	learn(testpmd);
	testpmd->length = 0;
	testpmd->output[0] = '\0';
	if (send(testpmd->socket, line, (size_t)length, MSG_NOSIGNAL) != length)
		return tool_text(error, "testpmd takes no commands: %s", strerror(errno));
	return wait_for_prompt(testpmd, COMMAND_MS, error);
}

int testpmd_stop(struct testpmd *testpmd, char *error)
{
	/* Who gives the command spins until the poller has seen it, so both must run in turn. */
	if (testpmd->realtime && set_pollers(testpmd, BENCH_PRIORITY_CONTROL))
		return tool_text(error, "testpmd has no thread that polls");
	return testpmd_command(testpmd, "stop", error);
}

int testpmd_counts(struct testpmd *testpmd, struct testpmd_counts *counts, char *error)
{
	if (testpmd_command(testpmd, "show port stats all", error))
		return -1;
	if (testpmd_parse_counts(testpmd->output, counts))
		return tool_text(error, "testpmd shows no counters");
	return 0;
}

int testpmd_found(struct testpmd *testpmd, bool sends, double *found, char *error)
{
	if (testpmd_command(testpmd, "show fwd stats all", error))
		return -1;
	*found = testpmd_parse_found(testpmd->output, sends);
	learn(testpmd);
	return 0;
}

double testpmd_cpu_seconds(const struct testpmd *testpmd)
{
	struct timespec time;
	clockid_t clock;

	if (testpmd->pid <= 0 || clock_getcpuclockid(testpmd->pid, &clock) ||
	    clock_gettime(clock, &time))
		return -1;
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Waits for the process, reading what it still says, as a full socket would hold it up. */
static bool gone(const struct testpmd *testpmd, int ms)
{
	for (double end = tool_now() + ms / 1000.0; tool_now() < end;) {
		struct pollfd fd = { .fd = testpmd->socket, .events = POLLIN };
		struct timespec pause = { .tv_nsec = 2000000 };
		char bytes[1024];

		if (waitpid(testpmd->pid, NULL, WNOHANG) != 0)
			return true;
		if (poll(&fd, 1, 2) <= 0 || read(testpmd->socket, bytes, sizeof(bytes)) <= 0)
			nanosleep(&pause, NULL);
	}
	return false;
}

static void remove_files(const char *prefix)
{
	static const char *const names[] = { "/config", "/fbarray_memzone", "/fbarray_nohugemem",
					     "" };
	const char *runtime = getuid() == 0 ? "/var/run" : getenv("XDG_RUNTIME_DIR");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/dpdk/%s%s", runtime ? runtime : "/tmp", prefix,
			 names[i]);
		(void)remove(path);
	}
}

void testpmd_end(struct testpmd *testpmd)
{
	if (testpmd->pid <= 0)
		return;
	if (send(testpmd->socket, "quit\n", 5, MSG_NOSIGNAL) != 5 || !gone(testpmd, END_MS)) {
		kill(testpmd->pid, SIGKILL);
		while (waitpid(testpmd->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(testpmd->socket);
	remove_files(testpmd->prefix);
	testpmd->pid = 0;
}
