/* SPDX-License-Identifier: BSD-3-Clause */
/* virtring bench: what is measured, and what came out. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "roundtrip.h"
#include "stats.h"
#include "tool.h"
#include "topology.h"

enum party {
	PARTY_SELF,
	PARTY_DPDK
};
enum layout {
	LAYOUT_SPLIT,
	LAYOUT_PACKED,
	LAYOUTS
};
enum direction {
	DIRECTION_TX,
	DIRECTION_RX,
	DIRECTIONS
};

/* SCHED_RR priorities: of what polls, and of what must be able to stop it. */
#define BENCH_PRIORITY 10
#define BENCH_PRIORITY_CONTROL 11

/* What DPDK calls a path through its code, and where we know it from. */
#define BENCH_PATH 80u

/* Bounds of the options. */
#define BENCH_ROUNDS_MAX 1000u
#define BENCH_BURST_MAX 512u
#define BENCH_PACKET_MIN 60u
#define BENCH_PACKET_MAX 9216u

/**
 * struct bench_options - what the command line asks for
 * @party: who plays each side
 * @layout: which layouts are measured
 * @in_order: [0] without IN_ORDER, [1] with it
 * @direction: which directions are measured
 * @size: descriptors of a queue
 * @burst: packets at a time
 * @packet: bytes of a packet
 * @mergeable: MRG_RXBUF
 * @notify: our sides sleep when there is nothing to do, and are woken through event descriptors
 * @rotate: our driver has more slots than descriptors and takes them in turn, as DPDK's pool does
 * @vectorized: DPDK's driver is asked for its vectorized path
 * @realtime: both sides run under SCHED_RR, so that nothing else of this machine does meanwhile
 * @seconds: length of a round
 * @rounds: rounds of each row
 * @near_ns: largest round trip of a cache line that counts as near
 * @far_ns: smallest one that counts as far
 * @cpus: CPUs of driver, device and controller, -1: choose
 * @json: file for all samples, or NULL
 * @plot: file for a picture, or NULL
 */
struct bench_options {
	enum party party[SIDES];
	bool layout[LAYOUTS];
	bool in_order[2];
	bool direction[DIRECTIONS];
	unsigned int size;
	unsigned int burst;
	unsigned int packet;
	bool mergeable;
	bool notify;
	bool rotate;
	bool vectorized;
	bool realtime;
	double seconds;
	unsigned int rounds;
	double near_ns;
	double far_ns;
	int cpus[3];
	const char *json;
	const char *plot;
};

/**
 * bench_arguments() - read the command line
 * @options: filled, defaults included
 * @argc: as in main()
 * @argv: as in main()
 *
 * Ends the program with one line and status 2 when something is wrong, and after --help.
 */
void bench_arguments(struct bench_options *options, int argc, char **argv);

/**
 * struct bench_row - one row of the table
 * @layout: split or packed
 * @in_order: with or without
 * @direction: of the packets
 */
struct bench_row {
	enum layout layout;
	bool in_order;
	enum direction direction;
};

/**
 * struct bench_sample - one round of one row
 * @features: negotiated; 0: not known (DPDK on both sides, and it did not say)
 * @seconds: length that was measured
 * @packets: packets in that time
 * @sent: packets sent in all, warming up and draining included
 * @received: packets received in all
 * @dropped: packets that were sent or offered and are named as dropped
 * @checked: packets whose contents were looked into
 * @bad: how many of them were wrong
 * @entries: used entries written by our device in the measured time, 0: not known
 * @batched: buffers that came back to our driver without an entry of their own
 * @roundtrip_ns: of a cache line, before and after; negative: not measured
 * @distance: near or far, before and after
 * @kept: counts for the table; not when near has become far or the other way round, and not when
 *	a side under SCHED_RR had less of its CPU than it should have
 * @cpu: CPU time that each side had, as a part of the time measured; negative: not known
 * @found: polls of each side that found work, as a part of all; negative: not known
 * @path: the path that DPDK says it took, "" where a side is ours or did not say
 * @failed: the round is no good
 * @text: why
 */
struct bench_sample {
	uint64_t features;
	double seconds;
	uint64_t packets;
	uint64_t sent;
	uint64_t received;
	uint64_t dropped;
	uint64_t checked;
	uint64_t bad;
	uint64_t entries;
	uint64_t batched;
	double roundtrip_ns[2];
	enum distance distance[2];
	bool kept;
	double cpu[SIDES];
	double found[SIDES];
	char path[SIDES][BENCH_PATH];
	bool failed;
	char text[TOOL_TEXT];
};

/** bench_mpps() - millions of packets per second of a sample */
double bench_mpps(const struct bench_sample *sample);

/**
 * struct bench_result - a row with all its rounds
 * @row: which
 * @samples: the rounds, in time order
 * @count: number of rounds
 * @room: room in @samples
 */
struct bench_result {
	struct bench_row row;
	struct bench_sample *samples;
	unsigned int count;
	unsigned int room;
};

/**
 * struct bench_group - the samples of a row that are of one distance
 * @mpps: packets per second, in millions
 * @cpu: median CPU share of each side, negative: not known
 * @found: median share of each side's polls that found work, negative: not known
 * @roundtrip_ns: median round trip
 */
struct bench_group {
	struct stats mpps;
	double cpu[SIDES];
	double found[SIDES];
	double roundtrip_ns;
};

/**
 * bench_group() - sum up the kept samples of one distance
 * @result: a row
 * @distance: which ones; DISTANCES: all
 * @group: filled
 */
void bench_group(const struct bench_result *result, enum distance distance,
		 struct bench_group *group);

/**
 * bench_failure() - is a row failed, and why
 * @result: a row
 *
 * Return: the reason of the first round that failed, or that no round was kept; NULL: all is well.
 */
const char *bench_failure(const struct bench_result *result);

/** bench_dropped_rounds() - rounds that were not kept and did not fail */
unsigned int bench_dropped_rounds(const struct bench_result *result);

/**
 * struct bench_report - everything that came out
 * @options: what was asked for
 * @topology: the machine
 * @results: the rows
 * @count: number of rows
 * @page_bytes: pages of the memory that our driver shares, 0: it was not ours
 * @memory_note: what was done for want of huge pages, or ""
 * @dpdk: DPDK's version, or ""
 * @started: seconds since 1970
 * @took: seconds
 */
struct bench_report {
	const struct bench_options *options;
	const struct topology *topology;
	struct bench_result *results;
	unsigned int count;
	uint64_t page_bytes;
	char memory_note[TOOL_TEXT];
	char dpdk[64];
	long started;
	double took;
};

/** bench_cannot() - print why nothing can be measured; answers TOOL_CANNOT */
int bench_cannot(const char *text);

/** bench_writable() - can a file be written? Says so if not. */
bool bench_writable(const char *path);

/**
 * bench_die_of() - end as a program does that a signal ends, so that who waits for it knows
 * @number: of the signal
 *
 * Return: an exit status, when the signal did not end it.
 */
int bench_die_of(int number);

/** bench_direction_name() - "TX" or "RX" */
const char *bench_direction_name(enum direction direction);

/** bench_layout_name() - "split" or "packed" */
const char *bench_layout_name(enum layout layout);

/** bench_party_name() - "self" or "dpdk" */
const char *bench_party_name(enum party party);

/** bench_wanted() - the feature bits that a row asks for */
uint64_t bench_wanted(const struct bench_options *options, const struct bench_row *row);

#endif
