/* SPDX-License-Identifier: BSD-3-Clause */
/* virtring serve net: what its files share. */
#ifndef SERVE_NET_H
#define SERVE_NET_H

#include <virtring/net_control.h>
#include <virtring/vhost_user_loop.h>

#include "dump_signal.h"
#include "endpoint.h"

/* Most queue pairs. */
#define SERVE_PAIRS_MAX 64u

/**
 * struct serve_net_options - what is served
 * @socket: where to listen
 * @tap: name of an interface
 * @pcap_in: file to send to the driver
 * @pcap_out: file for what the driver sends
 * @dump: file for the memory of the queues, with each SIGUSR1; or NULL
 * @loop: what the driver sends goes back to it
 * @sink: what the driver sends is counted
 * @generate: bytes of numbered packets for the driver, 0: none
 * @count: how many of them, 0: no end
 * @pairs: queue pairs
 * @mtu: what the driver is told, 0: nothing
 * @mac: the device's address
 * @mask: feature bits that are not offered
 * @watch: print what drivers do wrong
 * @no_sandbox: with all that this process may do
 */
struct serve_net_options {
	const char *socket;
	const char *tap;
	const char *pcap_in;
	const char *pcap_out;
	const char *dump;
	bool loop;
	bool sink;
	uint32_t generate;
	uint64_t count;
	uint32_t pairs;
	uint16_t mtu;
	uint8_t mac[VR_NET_MAC_BYTES];
	uint64_t mask;
	bool watch;
	bool no_sandbox;
};

/**
 * struct net_counts - packets of a pair, or of all
 * @taken: from the driver
 * @taken_bytes: their bytes
 * @given: to the driver
 * @given_bytes: their bytes
 * @dropped: without a header, too long, with a header that was not agreed upon, or for nobody
 * @filtered: not given to the driver, as it did not want them
 */
struct net_counts {
	uint64_t taken;
	uint64_t taken_bytes;
	uint64_t given;
	uint64_t given_bytes;
	uint64_t dropped;
	uint64_t filtered;
};

/* Packets on their way: from @next to @count. */
struct net_batch {
	struct vr_net_packet packets[ENDPOINT_BURST];
	unsigned int next;
	unsigned int count;
};

/**
 * struct net_pair - a pair of queues
 * @index: its number
 * @rx_queue: what the driver receives from, if it runs
 * @tx_queue: what the driver sends to, if it runs
 * @rx: the half on @rx_queue
 * @tx: the half on @tx_queue
 * @rx_state: memory of @rx
 * @tx_state: memory of @tx
 * @watch: of the endpoint's descriptor, or NULL
 * @out: for the driver, waiting for its buffers
 * @back: loop: what the driver sent, waiting for its buffers
 * @pieces: loop: of @back
 * @copy: loop: private memory for @back, as the driver could make its buffers overlap
 * @counts: since the start, without the halves that run
 */
struct net_pair {
	uint32_t index;
	struct vr_vu_queue *rx_queue;
	struct vr_vu_queue *tx_queue;
	struct vr_net_device_rx *rx;
	struct vr_net_device_tx *tx;
	void *rx_state;
	void *tx_state;
	struct vr_vu_watch *watch;
	struct net_batch out;
	struct net_batch back;
	struct vr_iovec pieces[ENDPOINT_BURST];
	uint8_t *copy;
	struct net_counts counts;
};

/**
 * struct net_server - all of it
 * @options: as given
 * @loop: the back end
 * @dump: the queues, for who sends a signal
 * @source: where packets for the driver come from, or NULL
 * @sink: where those from the driver go to, or NULL
 * @space: configuration space
 * @offered: feature bits
 * @negotiated: what the front end took of them
 * @settings: what the driver has set
 * @control_queue: the control queue, if it runs
 * @control: the half on it
 * @control_state: memory of @control
 * @said: what was negotiated was printed
 * @unset: in this session the driver has set nothing yet
 * @moved: the driver came here with rings in use, and has not been asked to announce itself
 * @met: rings that this front end has started before
 * @pairs: the pairs
 */
struct net_server {
	const struct serve_net_options *options;
	struct vr_vu_loop *loop;
	struct dump_signal dump;
	struct endpoint *source;
	struct endpoint *sink;
	struct vr_net_space space;
	uint64_t offered;
	uint64_t negotiated;
	struct vr_net_settings settings;
	struct vr_vu_queue *control_queue;
	struct vr_net_control_device *control;
	void *control_state;
	bool said;
	bool unset;
	bool moved;
	bool met[2 * SERVE_PAIRS_MAX + 1];
	struct net_pair pairs[SERVE_PAIRS_MAX];
};

/** serve_net_main() - virtring serve net, as bench_main() */
int serve_net_main(int argc, char **argv);

/** serve_net() - serve a network device until told to stop; exit status */
int serve_net(const struct serve_net_options *options);

/* ---- a pair ---- */

/** net_pair_start() - make the half for a queue that was started; 0, or -1 */
int net_pair_start(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue);

/** net_pair_stop() - put back what is not done, and free the half */
void net_pair_stop(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue);

/** net_pair_work() - struct vr_vu_loop_ops.queue_work */
int net_pair_work(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue);

/** net_pair_drop() - struct vr_vu_loop_ops.queue_drop */
int net_pair_drop(struct net_server *s, struct net_pair *pair, struct vr_vu_queue *queue);

/** net_pair_counts() - counters, of halves that run too */
void net_pair_counts(const struct net_pair *pair, struct net_counts *counts);

/** net_pair_reset() - forget packets on their way: there is another front end */
void net_pair_reset(struct net_pair *pair);

/** net_pair_ready() - the endpoint has packets for this struct net_pair */
void net_pair_wake(struct net_server *s, struct net_pair *pair);

/* ---- the control queue ---- */

/** net_control_start() - as net_pair_start() */
int net_control_start(struct net_server *s, struct vr_vu_queue *queue);

/** net_control_stop() - as net_pair_stop() */
void net_control_stop(struct net_server *s);

/** net_control_work() - as net_pair_work() */
int net_control_work(struct net_server *s);

/** net_control_offloads() - agree with the endpoint upon what the driver takes now; 0, or -1 */
int net_control_offloads(struct net_server *s, uint64_t offloads);

/** net_control_reset() - settings of a driver that has set nothing */
void net_control_reset(struct net_server *s);

/**
 * net_control_go_on() - settings of a driver that has set a card which is gone now
 *
 * What it was cannot be asked. Nothing may get lost, so all pairs are in use and nothing is filtered.
 */
void net_control_go_on(struct net_server *s);

/**
 * net_control_announce() - ask a driver that has moved to announce itself, once it can be asked
 *
 * It takes the control queue for the answer. A front end that keeps that queue to itself, as QEMU
 * does, asks its driver itself.
 */
void net_control_announce(struct net_server *s);

#endif
