/* SPDX-License-Identifier: BSD-3-Clause */
/* virtring net: what its verbs have in common. */
#ifndef NET_H
#define NET_H

#include "net_session.h"
#include "tally.h"

/**
 * struct net_options - the arguments
 * @session: how to talk to the device
 * @pcap: send: packets to send; receive: where to write them
 * @answers: send: where to write what comes meanwhile
 * @generate: send: bytes of numbered packets, 0: none
 * @count: packets to send on each pair, or to receive in all; 0: no limit
 * @repeat: send: so many times
 * @seconds: how long, 0: no limit
 * @wait: send: seconds for answers after the last packet was taken
 * @all_back: send: only until as many answers as packets have come
 * @send: packets are sent
 * @receive: what comes counts
 * @json: results as JSON
 */
struct net_options {
	struct net_session_options session;
	const char *pcap;
	const char *answers;
	uint32_t generate;
	uint64_t count;
	uint64_t repeat;
	double seconds;
	double wait;
	bool all_back;
	bool send;
	bool receive;
	bool json;
};

/**
 * struct net_outcome - what a verb did
 * @sent: packets made available to the device
 * @sent_bytes: their bytes
 * @taken: how many of them it has taken
 * @skipped: of the file: not whole, or too long for the device
 * @received: what came
 * @seconds: how long it took
 * @cpu_seconds: CPU time of this process in it
 */
struct net_outcome {
	uint64_t sent;
	uint64_t sent_bytes;
	uint64_t taken;
	uint64_t skipped;
	struct tally received;
	double seconds;
	double cpu_seconds;
};

/**
 * net_move() - send and receive as the arguments say
 * @s: an open session
 * @options: the arguments
 * @outcome: filled, as far as it went
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set. A signal ends it as the end of the time does.
 */
int net_move(struct net_session *s, const struct net_options *options, struct net_outcome *outcome,
	     char *error);

#endif
