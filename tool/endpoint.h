/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets of `virtring serve net` come from and go to, one file for each kind. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stdint.h>
#include <stdio.h>

#include <virtring/net_control.h>

#include "tool.h"

/* Packets that an endpoint is asked for at a time. */
#define ENDPOINT_BURST 32u

struct endpoint;

/**
 * struct endpoint_ops - what an endpoint does; all may be NULL but @close
 * @send: take packets that the driver sent on a pair
 * @receive: fill in packets for the driver on a pair, up to ENDPOINT_BURST; they are valid until the
 *	next call for this pair. Answers their number, or -1 when there will be no more for now.
 * @fd: what to poll for packets on a pair, or -1
 * @attach: the driver takes packets on a pair, or does not
 * @offloads: what the driver takes, and what it gives, as VR_NET_F_GUEST_* bits. Answers -1 when that
 *	is not possible.
 * @restart: another front end: from the beginning
 * @idle: there is nothing to do
 * @report: one line of what was seen
 * @finish: nothing more comes; answers -1, with a text, when something went wrong that could be told
 *	only now
 * @close: free it
 */
struct endpoint_ops {
	void (*send)(struct endpoint *e, uint32_t pair, const struct vr_net_packet *packets,
		     unsigned int count);
	int (*receive)(struct endpoint *e, uint32_t pair, struct vr_net_packet *packets,
		       unsigned int count);
	int (*fd)(struct endpoint *e, uint32_t pair);
	void (*attach)(struct endpoint *e, uint32_t pair, bool attached);
	int (*offloads)(struct endpoint *e, uint64_t receive, uint64_t send);
	void (*restart)(struct endpoint *e);
	void (*idle)(struct endpoint *e);
	void (*report)(struct endpoint *e, FILE *to);
	int (*finish)(struct endpoint *e, char *error);
	void (*close)(struct endpoint *e);
};

/**
 * struct endpoint - an endpoint
 * @ops: what it does
 * @features: feature bits that it adds to what is offered
 */
struct endpoint {
	const struct endpoint_ops *ops;
	uint64_t features;
};

/**
 * endpoint_tap() - a tap interface, both ways
 * @name: of the interface
 * @pairs: queues that it is to have
 * @error: TOOL_TEXT bytes
 *
 * Return: the endpoint, or NULL with @error set. Likewise for the others.
 */
struct endpoint *endpoint_tap(const char *name, uint32_t pairs, char *error);

/** endpoint_pcap_in() - packets of a file, once for each front end, on the first pair */
struct endpoint *endpoint_pcap_in(const char *path, char *error);

/** endpoint_pcap_out() - packets into a file */
struct endpoint *endpoint_pcap_out(const char *path, char *error);

/** endpoint_generate() - numbered packets of @length bytes, each pair a stream, @count on each or 0 */
struct endpoint *endpoint_generate(uint32_t pairs, uint32_t length, uint64_t count, char *error);

/** endpoint_sink() - packets are counted, numbered ones checked */
struct endpoint *endpoint_sink(char *error);

#endif
