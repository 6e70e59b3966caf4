// SPDX-License-Identifier: BSD-3-Clause
/* Packets in files. */
#include "pcap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <virtring/memory.h>

#include "tool.h"

struct pcap_in {
	pcap_t *pcap;
	int fd; /* of the file; libpcap closes the one that it is given */
	const char *path;
	uint64_t skipped;
};

struct pcap_out {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	const char *path;
	uint8_t bytes[PACKET_BYTES_MAX];
};

/* Reads the head of the file, from its beginning. In a sandbox nothing can be opened any more. */
static int begin(struct pcap_in *in, char *error)
{
	char why[PCAP_ERRBUF_SIZE];
	int fd = fcntl(in->fd, F_DUPFD_CLOEXEC, 0);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file) {
		if (fd >= 0)
			close(fd);
		return tool_text(error, "%s: %s", in->path, strerror(errno));
	}
	in->pcap = pcap_fopen_offline(file, why);
	if (!in->pcap) {
		fclose(file);
		return tool_text(error, "%s: %s", in->path, why);
	}
	if (pcap_datalink(in->pcap) == DLT_EN10MB)
		return 0;
	return tool_text(error, "%s: its packets are no Ethernet frames, but of type %d", in->path,
			 pcap_datalink(in->pcap));
}

struct pcap_in *pcap_in_open(const char *path, char *error)
{
	struct pcap_in *in = calloc(1, sizeof(*in));
	int result;

	if (!in) {
		tool_text(error, "out of memory");
		return NULL;
	}
	in->path = path;
	in->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (in->fd < 0)
		result = tool_text(error, "%s: %s", path, strerror(errno));
	else
		result = begin(in, error);
	if (!result)
		return in;
	pcap_in_close(in);
	return NULL;
}

int pcap_in_next(struct pcap_in *in, const uint8_t **data, uint32_t *bytes, char *error)
{
	struct pcap_pkthdr *about;
	int got;

	/* A rewind that failed. */
	if (!in->pcap)
		return 0;
	while ((got = pcap_next_ex(in->pcap, &about, data)) == 1) {
		if (about->caplen == about->len && about->len > 0 &&
		    about->len <= PACKET_BYTES_MAX) {
			*bytes = about->len;
			return 1;
		}
		in->skipped++;
	}
	if (got == PCAP_ERROR_BREAK)
		return 0;
	return tool_text(error, "%s: %s", in->path, pcap_geterr(in->pcap));
}

int pcap_in_rewind(struct pcap_in *in, char *error)
{
	if (lseek(in->fd, 0, SEEK_SET) < 0)
		return tool_text(error, "%s: %s", in->path, strerror(errno));
	pcap_close(in->pcap);
	in->pcap = NULL;
	return begin(in, error);
}

uint64_t pcap_in_skipped(const struct pcap_in *in)
{
	return in->skipped;
}

void pcap_in_close(struct pcap_in *in)
{
	if (!in)
		return;
	if (in->pcap)
		pcap_close(in->pcap);
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	free(in);
}

struct pcap_out *pcap_out_open(const char *path, char *error)
{
	struct pcap_out *out = calloc(1, sizeof(*out));

	if (out)
		out->pcap = pcap_open_dead(DLT_EN10MB, PACKET_BYTES_MAX);
	if (!out || !out->pcap) {
		free(out);
		tool_text(error, "out of memory");
		return NULL;
	}
	out->path = path;
	out->dumper = pcap_dump_open(out->pcap, path);
	if (!out->dumper) {
		/* libpcap's text has the path already. */
		tool_text(error, "%s", pcap_geterr(out->pcap));
		pcap_close(out->pcap);
		free(out);
		return NULL;
	}
	return out;
}

void pcap_out_put(struct pcap_out *out, const struct vr_net_packet *packet)
{
	struct pcap_pkthdr about = { .len = packet->len };

	gettimeofday(&about.ts, NULL);
	/* A driver could still change what lies in its memory. */
	about.caplen = (uint32_t)vr_iov_read(packet->pieces, packet->piece_count, 0, out->bytes,
					     sizeof(out->bytes));
	pcap_dump((u_char *)out->dumper, &about, out->bytes);
}

int pcap_out_flush(struct pcap_out *out, char *error)
{
	errno = 0;
	if (!pcap_dump_flush(out->dumper) && !ferror(pcap_dump_file(out->dumper)))
		return 0;
	return tool_text(error, "%s: %s", out->path, errno ? strerror(errno) : "cannot be written");
}

int pcap_out_close(struct pcap_out *out, char *error)
{
	int result;

	if (!out)
		return 0;
	result = pcap_out_flush(out, error);
	pcap_dump_close(out->dumper);
	pcap_close(out->pcap);
	free(out);
	return result;
}
