/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processes of a bench: one for each side, pinned to its CPU. The controlling process gives
 * them orders over a socket and sleeps; what they share while a round runs is struct arena.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <sys/types.h>

#include "bench.h"

/* A round's phases, set by the controller. */
enum phase {
	PHASE_IDLE,
	PHASE_WARM,
	PHASE_MEASURE,
	PHASE_DRAIN
};

/* Not yet known how many packets were sent. */
#define SENT_UNKNOWN UINT64_MAX

/**
 * struct arena - memory of all three processes
 * @line: for the round trip
 * @phase: enum phase
 * @sent: how many packets the sending side has sent in this round, once it has stopped
 */
struct arena {
	struct roundtrip line;
	_Alignas(ROUNDTRIP_ALIGN) _Atomic unsigned int phase;
	_Alignas(ROUNDTRIP_ALIGN) _Atomic uint64_t sent;
};

/**
 * enum order - what a worker can be told
 * @ORDER_OPEN: make the session ready; the device answers when it listens, the driver when the
 *	device runs
 * @ORDER_RUN: run a round; the answer comes when it is drained
 * @ORDER_CLOSE: end the session
 * @ORDER_ROUNDTRIP: measure the round trip together with the other worker
 */
enum order {
	ORDER_OPEN,
	ORDER_RUN,
	ORDER_CLOSE,
	ORDER_ROUNDTRIP
};

/**
 * struct job - what a round is about
 * @options: as they are for this round
 * @row: form and direction
 * @features: to be offered and wanted
 * @path: the vhost-user socket
 */
struct job {
	struct bench_options options;
	struct bench_row row;
	uint64_t features;
	char path[108];
};

struct message {
	enum order order;
	struct job job;
};

/**
 * struct answer - what a worker says
 * @failed: it did not work, @text says why
 * @features: ORDER_OPEN of the driver, ORDER_RUN: negotiated
 * @page_bytes: ORDER_OPEN of the driver: pages of the shared memory
 * @huge_error: errno why these are no huge pages
 * @roundtrip_ns: ORDER_ROUNDTRIP
 * @seconds: ORDER_RUN: time that was measured
 * @cpu_seconds: CPU time in it
 * @packets: sent or received in it
 * @polls: times that the side looked for work in it
 * @found: times that there was some
 * @total: in the whole round
 * @dropped: named as dropped in the whole round
 * @checked: packets looked into
 * @bad: wrong ones
 * @entries: used entries written in the whole round (device)
 * @batched: buffers that came back without an entry of their own (driver)
 */
struct answer {
	bool failed;
	char text[TOOL_TEXT];
	uint64_t features;
	uint64_t page_bytes;
	int huge_error;
	double roundtrip_ns;
	double seconds;
	double cpu_seconds;
	uint64_t packets;
	uint64_t polls;
	uint64_t found;
	uint64_t total;
	uint64_t dropped;
	uint64_t checked;
	uint64_t bad;
	uint64_t entries;
	uint64_t batched;
};

/**
 * struct worker - a worker as the controller knows it
 * @pid: its process, 0: none
 * @socket: orders and answers
 * @doorbell: event descriptor that wakes it when the phase changes
 */
struct worker {
	pid_t pid;
	int socket;
	int doorbell;
};

/**
 * worker_start() - make a worker
 * @worker: filled
 * @side: which side it plays
 * @cpu: where
 * @options: the bench
 * @arena: shared memory
 * @error: TOOL_TEXT bytes
 *
 * Under SCHED_RR if @options say so. The worker ends when its socket is closed, or this process ends.
 *
 * Return: 0, or -1 with @error set.
 */
int worker_start(struct worker *worker, enum side side, int cpu,
		 const struct bench_options *options, struct arena *arena, char *error);

/** worker_stop() - end a worker, at once if need be */
void worker_stop(struct worker *worker);

/* ---- within a worker ---- */

/**
 * struct meter - the times of a round, taken by one side
 * @phase: the one last seen
 * @count: packets so far
 * @start: when measuring began
 * @cpu_start: CPU time then
 * @count_start: packets then
 * @polls: times that the side looked for work
 * @found: times that there was some
 * @polls_start: @polls when measuring began
 * @found_start: @found then
 */
struct meter {
	enum phase phase;
	uint64_t count;
	double start;
	double cpu_start;
	uint64_t count_start;
	uint64_t polls;
	uint64_t found;
	uint64_t polls_start;
	uint64_t found_start;
};

/** meter_poll() - count a look for work that had this many packets for an answer */
static inline void meter_poll(struct meter *meter, int packets)
{
	meter->polls++;
	meter->found += packets > 0;
}

/**
 * struct player - a side as its worker runs it
 * @options: of the session that is open; before that, the bench's
 * @arena: shared memory
 * @doorbell: readable when the phase has changed
 * @job: the session that is open
 * @open: make the session ready, answer 0 or -1 with a text
 * @run: play a round
 * @close: end the session, also one that was never ready
 * @poll_fd: what to wait for between orders, -1: nothing
 * @idle: called when it is readable
 * @state: the side's own
 */
struct player {
	const struct bench_options *options;
	struct arena *arena;
	int doorbell;
	struct job job;
	int (*open)(struct player *player, struct answer *answer);
	int (*run)(struct player *player, struct answer *answer);
	void (*close)(struct player *player);
	int (*poll_fd)(struct player *player);
	void (*idle)(struct player *player);
	void *state;
};

/** bench_driver_player() - how the driver is played */
void bench_driver_player(struct player *player);

/** bench_device_player() - how the device is played */
void bench_device_player(struct player *player);

/**
 * meter_phase() - see whether the phase has changed, and take times if so
 * @meter: zero at the start of a round, @count kept up to date by the caller
 * @player: the side
 * @answer: times and counts are stored to it at the end of measuring
 *
 * Return: the phase.
 */
enum phase meter_phase(struct meter *meter, const struct player *player, struct answer *answer);

/* How long a side waits for the rest of the packets at the end of a round, in seconds. */
#define DRAIN_SECONDS 3.0

/**
 * player_sleep() - wait until notified, or the phase changes, or 20 ms have passed
 * @player: the side
 * @fd: the notification, or -1
 */
void player_sleep(const struct player *player, int fd);

#endif
