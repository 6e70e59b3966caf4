// SPDX-License-Identifier: BSD-3-Clause
/* Endpoints without an outside world: numbered packets, and a sink. */
#include <inttypes.h>
#include <stdlib.h>

#include "endpoint.h"
#include "tally.h"

struct stream {
	struct vr_net_generator generator;
	struct vr_iovec pieces[ENDPOINT_BURST];
	uint8_t *bytes;
};

struct generate {
	struct endpoint endpoint;
	uint32_t pairs;
	uint32_t length;
	uint64_t count;
	struct stream streams[];
};

struct sink {
	struct endpoint endpoint;
	struct tally tally;
};

static uint64_t left_of(const struct generate *g, uint32_t pair)
{
	uint64_t made = g->streams[pair].generator.sequence - TALLY_FIRST(pair);

	return g->count == 0 ? UINT64_MAX : g->count - made;
}

static int generate_receive(struct endpoint *e, uint32_t pair, struct vr_net_packet *packets,
			    unsigned int count)
{
	struct generate *g = (struct generate *)e;
	struct stream *s = &g->streams[pair];
	uint64_t left = left_of(g, pair);

	if (count > ENDPOINT_BURST)
		count = ENDPOINT_BURST;
	if (count > left)
		count = (unsigned int)left;
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *bytes = s->bytes + (size_t)i * vr_net_slot_bytes(g->length);

		vr_net_generate(&s->generator, bytes);
		s->pieces[i] = (struct vr_iovec){ bytes, g->length };
		packets[i] = (struct vr_net_packet){ .pieces = &s->pieces[i],
						     .piece_count = 1,
						     .len = g->length };
	}
	return count > 0 ? (int)count : -1;
}

static void generate_restart(struct endpoint *e)
{
	struct generate *g = (struct generate *)e;

	for (uint32_t i = 0; i < g->pairs; i++)
		g->streams[i].generator = (struct vr_net_generator){ TALLY_FIRST(i), g->length };
}

static void generate_close(struct endpoint *e)
{
	struct generate *g = (struct generate *)e;

	for (uint32_t i = 0; i < g->pairs; i++)
		free(g->streams[i].bytes);
	free(g);
}

struct endpoint *endpoint_generate(uint32_t pairs, uint32_t length, uint64_t count, char *error)
{
	static const struct endpoint_ops ops = {
		.receive = generate_receive,
		.restart = generate_restart,
		.close = generate_close,
	};
	struct generate *g = calloc(1, sizeof(*g) + pairs * sizeof(g->streams[0]));
	bool whole = g;

	if (g)
		*g = (struct generate){ { &ops, 0 }, pairs, length, count };
	for (uint32_t i = 0; i < pairs && whole; i++) {
		g->streams[i].bytes = malloc((size_t)ENDPOINT_BURST * vr_net_slot_bytes(length));
		whole = g->streams[i].bytes;
	}
	if (whole) {
		generate_restart(&g->endpoint);
		return &g->endpoint;
	}
	tool_text(error, "out of memory");
	if (g)
		generate_close(&g->endpoint);
	return NULL;
}

static void sink_send(struct endpoint *e, uint32_t pair, const struct vr_net_packet *packets,
		      unsigned int count)
{
	(void)pair;
	tally_take(&((struct sink *)e)->tally, packets, count);
}

/* Another front end counts from the beginning. */
static void sink_restart(struct endpoint *e)
{
	struct tally *tally = &((struct sink *)e)->tally;

	for (uint32_t i = 0; i < TALLY_STREAMS; i++)
		tally->next[i] = 0;
}

static void sink_report(struct endpoint *e, FILE *to)
{
	const struct tally *t = &((struct sink *)e)->tally;

	fprintf(to,
		"sink: %" PRIu64 " packets, %" PRIu64 " numbered: %" PRIu64 " wrong, %" PRIu64
		" missing, %" PRIu64 " late or twice\n",
		t->packets, t->numbered, t->wrong, t->missing, t->late);
}

static void sink_close(struct endpoint *e)
{
	free(e);
}

struct endpoint *endpoint_sink(char *error)
{
	static const struct endpoint_ops ops = {
		.send = sink_send,
		.restart = sink_restart,
		.report = sink_report,
		.close = sink_close,
	};
	struct sink *s = calloc(1, sizeof(*s));

	if (!s) {
		tool_text(error, "out of memory");
		return NULL;
	}
	s->endpoint.ops = &ops;
	return &s->endpoint;
}
