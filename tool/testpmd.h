/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's testpmd as a peer: started, told what to do, asked for its counters, ended. */
#ifndef TESTPMD_H
#define TESTPMD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tool.h"
#include "topology.h"

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
};

/**
 * struct testpmd - a testpmd that runs
 * @pid: its process, 0: none
 * @terminal: our end of its terminal
 * @prefix: DPDK's name for its files
 * @version: of DPDK
 * @length: bytes in @output
 * @output: what it said since the last command
 */
struct testpmd {
	pid_t pid;
	int terminal;
	char prefix[48];
	char version[64];
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

/* Kept apart from the running of it, for the tests. */

/**
 * testpmd_parse_counts() - find the counters in what `show port stats all` prints
 * @output: a string
 * @counts: filled
 *
 * Return: 0, or -1 when they are not there.
 */
int testpmd_parse_counts(const char *output, struct testpmd_counts *counts);

#endif
