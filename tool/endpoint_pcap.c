// SPDX-License-Identifier: BSD-3-Clause
/* Files of packets as endpoints. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "pcap_file.h"

struct reader {
	struct endpoint endpoint;
	struct pcap_in *in;
	const char *path;
	bool begun;
	bool ended;
	uint64_t packets;
	struct vr_iovec pieces[ENDPOINT_BURST];
	uint8_t bytes[ENDPOINT_BURST][PACKET_BYTES_MAX];
};

struct writer {
	struct endpoint endpoint;
	struct pcap_out *out;
	const char *path;
	uint64_t packets;
	bool dirty;
	bool said; /* that it cannot be written */
};

static void end(struct reader *r, const char *error)
{
	r->ended = true;
	if (error)
		fprintf(stderr, "virtring serve net: %s\n", error);
}

static int reader_receive(struct endpoint *e, uint32_t pair, struct vr_net_packet *packets,
			  unsigned int count)
{
	struct reader *r = (struct reader *)e;
	char error[TOOL_TEXT];
	unsigned int n;

	if (pair > 0)
		return -1;
	r->begun = true;
	for (n = 0; n < count && n < ENDPOINT_BURST && !r->ended; n++) {
		const uint8_t *data;
		uint32_t bytes;
		int got = pcap_in_next(r->in, &data, &bytes, error);

		if (got <= 0) {
			end(r, got < 0 ? error : NULL);
			break;
		}
		memcpy(r->bytes[n], data, bytes);
		r->pieces[n] = (struct vr_iovec){ r->bytes[n], bytes };
		packets[n] = (struct vr_net_packet){ .pieces = &r->pieces[n],
						     .piece_count = 1,
						     .len = bytes };
	}
	r->packets += n;
	return n > 0 ? (int)n : -1;
}

static void reader_restart(struct endpoint *e)
{
	struct reader *r = (struct reader *)e;
	char error[TOOL_TEXT];

	/* What is no file, but a pipe, can be read once. */
	if (!r->begun)
		return;
	r->begun = r->ended = false;
	if (pcap_in_rewind(r->in, error))
		end(r, error);
}

static void reader_report(struct endpoint *e, FILE *to)
{
	struct reader *r = (struct reader *)e;

	fprintf(to, "%s: %" PRIu64 " packets read, %" PRIu64 " skipped as they are not whole\n",
		r->path, r->packets, pcap_in_skipped(r->in));
}

static void reader_close(struct endpoint *e)
{
	struct reader *r = (struct reader *)e;

	pcap_in_close(r->in);
	free(r);
}

struct endpoint *endpoint_pcap_in(const char *path, char *error)
{
	static const struct endpoint_ops ops = {
		.receive = reader_receive,
		.restart = reader_restart,
		.report = reader_report,
		.close = reader_close,
	};
	struct reader *r = calloc(1, sizeof(*r));

	if (!r) {
		tool_text(error, "out of memory");
		return NULL;
	}
	r->endpoint.ops = &ops;
	r->path = path;
	r->in = pcap_in_open(path, error);
	if (!r->in) {
		free(r);
		return NULL;
	}
	return &r->endpoint;
}

static void writer_send(struct endpoint *e, uint32_t pair, const struct vr_net_packet *packets,
			unsigned int count)
{
	struct writer *w = (struct writer *)e;

	(void)pair;
	for (unsigned int i = 0; i < count; i++)
		pcap_out_put(w->out, &packets[i]);
	w->packets += count;
	w->dirty = true;
}

/* Who looks at the file when nothing goes on sees all of it. */
static void writer_idle(struct endpoint *e)
{
	struct writer *w = (struct writer *)e;
	char error[TOOL_TEXT];

	if (!w->dirty)
		return;
	w->dirty = false;
	if (!pcap_out_flush(w->out, error) || w->said)
		return;
	w->said = true;
	fprintf(stderr, "virtring serve net: %s\n", error);
}

static void writer_report(struct endpoint *e, FILE *to)
{
	struct writer *w = (struct writer *)e;

	fprintf(to, "%s: %" PRIu64 " packets written\n", w->path, w->packets);
}

static int writer_finish(struct endpoint *e, char *error)
{
	struct writer *w = (struct writer *)e;
	int result = pcap_out_close(w->out, error);

	w->out = NULL;
	return result;
}

static void writer_close(struct endpoint *e)
{
	struct writer *w = (struct writer *)e;
	char error[TOOL_TEXT];

	(void)pcap_out_close(w->out, error);
	free(w);
}

struct endpoint *endpoint_pcap_out(const char *path, char *error)
{
	static const struct endpoint_ops ops = {
		.send = writer_send,
		.idle = writer_idle,
		.report = writer_report,
		.finish = writer_finish,
		.close = writer_close,
	};
	struct writer *w = calloc(1, sizeof(*w));

	if (!w) {
		tool_text(error, "out of memory");
		return NULL;
	}
	w->endpoint.ops = &ops;
	w->path = path;
	w->out = pcap_out_open(path, error);
	if (!w->out) {
		free(w);
		return NULL;
	}
	return &w->endpoint;
}
