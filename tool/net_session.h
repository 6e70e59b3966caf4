/* SPDX-License-Identifier: BSD-3-Clause */
/* A session with somebody's network device: pairs of queues with packets on them. */
#ifndef NET_SESSION_H
#define NET_SESSION_H

#include <virtring/net_control.h>

#include "front.h"

#define NET_PAIRS_MAX 64u

/* Packets handled at a time. */
#define NET_BURST 32u

/**
 * struct net_session_options - how to talk to it
 * @path: the socket
 * @mask: feature bits not to be wanted
 * @pairs: pairs of queues
 * @size: descriptors of each queue
 * @ask_pairs: find out how many it has, also when one is enough
 * @control: use the control queue
 * @filter: with @control, take only what is for the device's address
 * @reconnect: seconds to wait for a back end that went away, 0: do not
 */
struct net_session_options {
	const char *path;
	uint64_t mask;
	uint32_t pairs;
	uint32_t size;
	bool ask_pairs;
	bool control;
	bool filter;
	double reconnect;
};

/**
 * struct net_link - a pair of queues
 * @tx: sends
 * @rx: receives
 * @tx_state: memory of @tx
 * @rx_state: memory of @rx
 */
struct net_link {
	struct vr_net_driver_tx *tx;
	struct vr_net_driver_rx *rx;
	void *tx_state;
	void *rx_state;
};

/**
 * struct net_session - an open session
 * @options: as given
 * @front: the session with the back end
 * @space: configuration space; what is not known has its default
 * @links: the pairs
 * @control: driver's half of the control queue, or NULL
 * @control_state: memory of @control
 * @set_up: @front.returns when the device was last told what is set through the control queue
 */
struct net_session {
	struct net_session_options options;
	struct front front;
	struct vr_net_space space;
	struct net_link links[NET_PAIRS_MAX];
	struct vr_net_control_driver *control;
	void *control_state;
	uint64_t set_up;
};

/**
 * net_session_open() - connect, negotiate, start the queues
 * @s: filled
 * @options: copied
 * @error: TOOL_TEXT bytes
 *
 * All receive buffers are available, and the pairs are in use.
 *
 * Return: 0, or -1 with @error set; then net_session_close() is still due.
 */
int net_session_open(struct net_session *s, const struct net_session_options *options, char *error);

/**
 * net_session_rest() - front_rest(); another device that has taken over is told what the first one was
 * @s: an open session
 * @ms: at most so long
 * @error: TOOL_TEXT bytes
 *
 * Return: as front_rest().
 */
int net_session_rest(struct net_session *s, int ms, char *error);

/** net_session_close() - stop, disconnect, free everything; of a zero session, nothing */
void net_session_close(struct net_session *s);

/** net_session_queue() - a pair's queue: transmit or receive */
struct front_queue *net_session_queue(struct net_session *s, uint32_t pair, bool tx);

#endif
