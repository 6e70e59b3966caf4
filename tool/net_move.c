// SPDX-License-Identifier: BSD-3-Clause
/* virtring net send, receive, bench: packets out of a file or a generator, and into a file. */
#include "net.h"

#include <string.h>

#include "interrupt.h"
#include "pcap_file.h"

/* A device that takes nothing for so long will not. */
#define STUCK_SECONDS 30.0

/* Turns of work between two looks at the clock. */
#define CLOCK_TURNS 64u

struct move {
	struct net_session *s;
	const struct net_options *options;
	struct net_outcome *outcome;
	struct pcap_in *in;
	struct pcap_out *out;
	uint64_t repeat; /* of the file: still to come */
	uint64_t count; /* of the file: packets sent */
	const uint8_t *frame; /* of the file: has been read, not yet sent */
	uint32_t frame_bytes;
	struct vr_net_generator generators[NET_PAIRS_MAX];
	bool source_ended;
	bool idle; /* nothing moved in this turn */
};

/* ---- sending ---- */

/* The next frame of the file that fits; false at the end. -1 in @result: it cannot be read. */
static bool next_frame(struct move *m, uint32_t room, int *result, char *error)
{
	uint64_t count = m->options->count;

	while (!m->frame && (count == 0 || m->count < count)) {
		int got = pcap_in_next(m->in, &m->frame, &m->frame_bytes, error);

		if (got < 0) {
			*result = -1;
			return false;
		}
		if (got == 0) {
			m->frame = NULL;
			if (--m->repeat == 0)
				return false;
			if (pcap_in_rewind(m->in, error)) {
				*result = -1;
				return false;
			}
		} else if (m->frame_bytes > room) {
			m->frame = NULL;
			m->outcome->skipped++;
		}
	}
	return m->frame;
}

/* Writes the next packet into a slot; false when there is none. */
static bool fill_slot(struct move *m, uint32_t pair, struct vr_net_slot *slot, int *result,
		      char *error)
{
	struct vr_net_generator *g = &m->generators[pair];
	uint64_t count = m->options->count;

	if (!m->in) {
		if (count > 0 && g->sequence - TALLY_FIRST(pair) >= count)
			return false;
		vr_net_generate(g, slot->data);
		slot->len = g->length;
		return true;
	}
	if (!next_frame(m, slot->len, result, error))
		return false;
	memcpy(slot->data, m->frame, m->frame_bytes);
	slot->len = m->frame_bytes;
	m->frame = NULL;
	m->count++;
	return true;
}

/* A burst on a pair: 1 when the source may have more, 0 when it has not, -1 with @error set. */
static int send_burst(struct move *m, uint32_t pair, char *error)
{
	struct vr_net_driver_tx *tx = m->s->links[pair].tx;
	struct front_queue *q = net_session_queue(m->s, pair, true);
	struct vr_net_slot slots[NET_BURST];
	int got = vr_net_driver_tx_reserve(tx, slots, NET_BURST);
	unsigned int n = 0;
	int result = 0;

	if (got < 0)
		return front_broken(q, error);
	while (n < (unsigned int)got && fill_slot(m, pair, &slots[n], &result, error))
		n++;
	if (n > 0 && vr_net_driver_tx_send(tx, slots, n) != (int)n)
		return front_broken(q, error);
	if (n > 0) {
		front_kick(&m->s->front, q);
		m->idle = false;
	}
	vr_net_driver_tx_cancel(tx, slots + n, (unsigned int)got - n);
	if (result)
		return -1;
	return n == (unsigned int)got;
}

static int send_some(struct move *m, char *error)
{
	uint32_t pairs = m->in ? 1 : m->s->options.pairs;
	bool more = false;

	for (uint32_t i = 0; i < pairs && !m->source_ended; i++) {
		int result = send_burst(m, i, error);

		if (result < 0)
			return -1;
		more = more || result;
	}
	m->source_ended = m->source_ended || !more;
	return 0;
}

/* Has the device taken all that was sent? -1: a queue is broken. */
static int all_taken(struct move *m, char *error)
{
	for (uint32_t i = 0; i < m->s->options.pairs; i++) {
		struct front_queue *q = net_session_queue(m->s, i, true);

		if (vr_net_driver_tx_reap(m->s->links[i].tx) < 0)
			return front_broken(q, error);
		if (vr_driver_outstanding(q->driver) > 0)
			return 0;
	}
	return 1;
}

/* ---- receiving ---- */

/* False when enough was received. */
static bool wants_more(const struct move *m)
{
	return m->options->send || m->options->count == 0 ||
	       m->outcome->received.packets < m->options->count;
}

static int receive_burst(struct move *m, uint32_t pair, char *error)
{
	struct vr_net_driver_rx *rx = m->s->links[pair].rx;
	struct front_queue *q = net_session_queue(m->s, pair, false);
	struct vr_net_packet packets[NET_BURST];
	uint64_t left = m->options->count - m->outcome->received.packets;
	unsigned int most = NET_BURST;
	int got;

	if (!m->options->send && m->options->count > 0 && left < most)
		most = (unsigned int)left;
	got = vr_net_driver_rx_burst(rx, packets, most);
	if (got < 0) {
		struct vr_net_stats stats;

		vr_net_driver_rx_stats(rx, &stats);
		if (stats.fault)
			return tool_text(error, "queue %u: %s", q->index,
					 vr_net_fault_text(stats.fault));
		return front_broken(q, error);
	}
	if (got == 0)
		return 0;
	tally_take(&m->outcome->received, packets, (unsigned int)got);
	for (int i = 0; i < got && m->out; i++)
		pcap_out_put(m->out, &packets[i]);
	if (vr_net_driver_rx_release(rx, (unsigned int)got) < 0)
		return front_broken(q, error);
	front_kick(&m->s->front, q);
	m->idle = false;
	return 0;
}

static int receive_some(struct move *m, char *error)
{
	for (uint32_t i = 0; i < m->s->options.pairs && wants_more(m); i++)
		if (receive_burst(m, i, error))
			return -1;
	return 0;
}

/* ---- the whole ---- */

/* Waits; who looks at the file meanwhile finds in it what has come. */
static int rest(struct move *m, int ms, char *error)
{
	if (m->out && pcap_out_flush(m->out, error))
		return -1;
	return net_session_rest(m->s, ms, error);
}

/* One turn in both directions. */
static int turn(struct move *m, char *error)
{
	m->idle = true;
	if (m->options->send && send_some(m, error))
		return -1;
	return receive_some(m, error);
}

/* Until the end of the time, of the source, or of what was wanted. */
static int run(struct move *m, double end, char *error)
{
	uint64_t turns = 0;

	while (!interrupt_seen()) {
		int ms = -1;

		if (turn(m, error))
			return -1;
		/* Nothing that would wake this up needs to come any more. */
		if (m->source_ended || !wants_more(m))
			return 0;
		if (!m->idle && ++turns % CLOCK_TURNS)
			continue;
		if (end > 0) {
			double left = end - tool_now();

			if (left <= 0)
				return 0;
			ms = (int)(left * 1000) + 1;
		}
		if (m->idle && rest(m, ms, error) < 0)
			return interrupt_seen() ? 0 : -1;
	}
	return 0;
}

/* Has an answer come to each packet that was sent? One that came twice counts once. */
static bool all_back(const struct move *m)
{
	const struct tally *received = &m->outcome->received;
	uint64_t sent = 0;

	for (uint32_t i = 0; i < m->s->options.pairs; i++) {
		struct vr_net_stats stats;

		vr_net_driver_tx_stats(m->s->links[i].tx, &stats);
		sent += stats.packets;
	}
	return received->packets - received->late >= sent;
}

/* The device has to take what was sent, and what it has to say to that is taken for a while. */
static int finish(struct move *m, double linger, char *error)
{
	double stuck = tool_now() + STUCK_SECONDS;
	double end = 0;

	m->source_ended = true;
	for (;;) {
		double now = tool_now();
		int taken;

		m->idle = true;
		if (receive_some(m, error))
			return -1;
		taken = all_taken(m, error);
		if (taken < 0)
			return -1;
		if (taken && end == 0)
			end = now + linger;
		if ((taken && now >= end) || interrupt_seen())
			return 0;
		if (taken && m->options->all_back && all_back(m))
			return 0;
		if (!taken && now > stuck)
			return tool_text(error, "the device has taken nothing for %d seconds",
					 (int)STUCK_SECONDS);
		if (m->idle &&
		    rest(m, (int)((taken ? end - now : stuck - now) * 1000) + 1, error) < 0)
			return interrupt_seen() ? 0 : -1;
	}
}

static int open_files(struct move *m, char *error)
{
	const struct net_options *o = m->options;
	const char *out = o->send ? o->answers : o->pcap;

	if (o->send && o->pcap) {
		m->in = pcap_in_open(o->pcap, error);
		if (!m->in)
			return -1;
	}
	if (out) {
		m->out = pcap_out_open(out, error);
		if (!m->out)
			return -1;
	}
	return 0;
}

/* What went out, as the queues' halves counted it. */
static void count(struct move *m)
{
	for (uint32_t i = 0; i < m->s->options.pairs; i++) {
		struct vr_net_stats stats;

		vr_net_driver_tx_stats(m->s->links[i].tx, &stats);
		m->outcome->sent += stats.packets;
		m->outcome->sent_bytes += stats.bytes;
		m->outcome->taken +=
			stats.packets -
			vr_driver_outstanding(net_session_queue(m->s, i, true)->driver);
	}
	m->outcome->skipped += m->in ? pcap_in_skipped(m->in) : 0;
}

int net_move(struct net_session *s, const struct net_options *options, struct net_outcome *outcome,
	     char *error)
{
	struct move m = { .s = s, .options = options, .outcome = outcome };
	double start = tool_now();
	double cpu = tool_cpu_seconds();
	int result;

	m.repeat = options->repeat;
	for (uint32_t i = 0; i < NET_PAIRS_MAX; i++)
		m.generators[i] = (struct vr_net_generator){ TALLY_FIRST(i), options->generate };
	result = open_files(&m, error);
	if (!result)
		result = run(&m, options->seconds > 0 ? start + options->seconds : 0, error);
	if (!result && options->send)
		result = finish(&m, options->wait, error);
	outcome->seconds = tool_now() - start;
	outcome->cpu_seconds = tool_cpu_seconds() - cpu;
	count(&m);
	pcap_in_close(m.in);
	if (pcap_out_close(m.out, error))
		result = -1;
	return result;
}
