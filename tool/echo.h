/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that go to the device and come back: how long that takes, what it costs in CPU time, and
 * how often somebody has to be woken.
 */
#ifndef ECHO_H
#define ECHO_H

#include <stdbool.h>

#include "duel.h"
#include "histogram.h"
#include "nic.h"

/* Where a packet has the time when it was due, in nanoseconds: behind the Ethernet header. */
#define ECHO_TIME_AT 16u
#define ECHO_PACKET_MIN 60u
#define ECHO_BURST_MAX 512u

/**
 * struct echo_config - one round
 * @nic: the card
 * @notify: both sides sleep until notified or, the driver, until the next burst is due
 * @rate: packets a second, 0: as many as go
 * @seconds: length of the round
 * @cpu: of each side
 */
struct echo_config {
	struct nic_config nic;
	bool notify;
	double rate;
	double seconds;
	int cpu[SIDES];
};

/**
 * struct echo_figures - what came out
 * @duel: of the two threads
 * @sent: packets sent
 * @received: packets that came back within the round
 * @batches: [SIDE_DRIVER] bursts published by the driver, [SIDE_DEVICE] by the device
 * @notifications: [SIDE_DRIVER] kicks, [SIDE_DEVICE] calls
 * @times: from when a packet was due to when it was back, in nanoseconds: a sender that is late
 *	counts (no coordinated omission). As many as go: from when it was sent
 */
struct echo_figures {
	struct duel_figures duel;
	uint64_t sent;
	uint64_t received;
	uint64_t batches[SIDES];
	uint64_t notifications[SIDES];
	struct histogram times;
};

/**
 * echo_play() - one round
 * @config: in its bounds
 * @figures: filled
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int echo_play(const struct echo_config *config, struct echo_figures *figures, char *error);

#endif
