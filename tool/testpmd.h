/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's testpmd as a peer: started, told what to do, asked for its counters, ended. */
#ifndef TESTPMD_H
#define TESTPMD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tool.h"
#include "topology.h"

/* A path through DPDK's code, as it calls it. */
#define TESTPMD_PATH 64

/**
 * struct testpmd_config - how testpmd is to be run
 * @side: SIDE_DRIVER: virtio-user; SIDE_DEVICE: the vhost driver
 * @path: the socket; the device listens
 * @cpu: where all its threads run
 * @huge: with huge pages; else without
 * @forward: "rxonly", "txonly" or "io"
 * @pairs: queue pairs
 * @burst: packets at a time
 * @packet: bytes of a packet that it makes
 * @size: descriptors of a queue (driver)
 * @packed: layout (driver)
 * @in_order: IN_ORDER (driver)
 * @mergeable: MRG_RXBUF (driver)
 * @vectorized: ask for the vectorized path (driver), and allow vectors of 512 bits (both)
 * @realtime: what polls runs under SCHED_RR
 */
struct testpmd_config {
	enum side side;
	const char *path;
	int cpu;
	bool huge;
	const char *forward;
	unsigned int pairs;
	unsigned int burst;
	unsigned int packet;
	unsigned int size;
	bool packed;
	bool in_order;
	bool mergeable;
	bool vectorized;
	bool realtime;
};

/**
 * struct testpmd - a testpmd that runs
 * @pid: its process, 0: none
 * @socket: what it reads and writes
 * @prefix: DPDK's name for its files
 * @version: of DPDK
 * @path: the path that it said it takes, [0] to receive, [1] to send; "": it did not say (device)
 * @features: negotiated, as its vhost driver logs it; 0: it has not said so (yet, or driver)
 * @realtime: as configured
 * @length: bytes in @output
 * @output: what it said since the last command
 */
struct testpmd {
	pid_t pid;
	int socket;
	char prefix[48];
	char version[64];
	char path[2][TESTPMD_PATH];
	uint64_t features;
	bool realtime;
	size_t length;
	char output[1 << 16];
};

/**
 * struct testpmd_counts - its counters, all ports and queues together
 * @received: RX-packets
 * @sent: TX-packets
 * @lost: RX-missed, RX-errors and RX-nombuf
 */
struct testpmd_counts {
	uint64_t received;
	uint64_t sent;
	uint64_t lost;
};

/**
 * testpmd_installed() - is there a testpmd?
 *
 * Return: true when PATH has dpdk-testpmd.
 */
bool testpmd_installed(void);

/**
 * testpmd_memory() - memory that one testpmd reserves
 * @config: @size and @pairs matter
 *
 * Return: MiB.
 */
unsigned int testpmd_memory(const struct testpmd_config *config);

/**
 * testpmd_start() - start it and wait for its prompt
 * @testpmd: filled
 * @config: how
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set; then nothing runs.
 */
int testpmd_start(struct testpmd *testpmd, const struct testpmd_config *config, char *error);

/**
 * testpmd_command() - give a command and wait for the next prompt
 * @testpmd: what it says is in @output
 * @command: without end of line
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int testpmd_command(struct testpmd *testpmd, const char *command, char *error);

/**
 * testpmd_stop() - have it stop forwarding
 * @testpmd: which
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int testpmd_stop(struct testpmd *testpmd, char *error);

/**
 * testpmd_counts() - ask for its counters
 * @testpmd: which
 * @counts: filled
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int testpmd_counts(struct testpmd *testpmd, struct testpmd_counts *counts, char *error);

/**
 * testpmd_cpu_seconds() - CPU time that it has had
 * @testpmd: which
 *
 * Return: seconds, or a negative number.
 */
double testpmd_cpu_seconds(const struct testpmd *testpmd);

/**
 * testpmd_end() - end it, at once if it does not go by itself, and remove its files
 * @testpmd: which
 */
void testpmd_end(struct testpmd *testpmd);

/**
 * testpmd_found() - ask what part of its polls found packets, since the last start
 * @testpmd: which
 * @sends: of its sending rather than its receiving
 * @found: filled: 0..1 in hundredths, as it tells no more; negative when it does not say
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int testpmd_found(struct testpmd *testpmd, bool sends, double *found, char *error);

/* Kept apart from the running of it, for the tests. */

/**
 * testpmd_parse_counts() - find the counters in what `show port stats all` prints
 * @output: a string
 * @counts: filled
 *
 * Return: 0, or -1 when they are not there.
 */
int testpmd_parse_counts(const char *output, struct testpmd_counts *counts);

/**
 * testpmd_parse_found() - find the spread of bursts in what `show fwd stats all` prints
 * @output: a string
 * @sends: of TX-bursts rather than RX-bursts
 *
 * Return: part of the bursts that had packets in them, or -1 when it is not there.
 */
double testpmd_parse_found(const char *output, bool sends);

/**
 * testpmd_parse_path() - find the path that DPDK's driver logs
 * @output: a string
 * @sends: the path for sending rather than for receiving
 * @path: TESTPMD_PATH bytes; untouched when it is not there
 *
 * Return: true when it is there.
 */
bool testpmd_parse_path(const char *output, bool sends, char *path);

/**
 * testpmd_parse_features() - find the features that DPDK's vhost driver logs
 * @output: a string
 *
 * Return: the bits, the last time that they were logged, or 0.
 */
uint64_t testpmd_parse_features(const char *output);

#endif
