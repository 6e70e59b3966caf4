/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets in files, by libpcap. */
#ifndef PCAP_FILE_H
#define PCAP_FILE_H

#include <stdint.h>

#include <virtring/net.h>

/* The longest packet that is read or written: one to be segmented, with header and VLAN tags. */
#define PACKET_BYTES_MAX 65557u

struct pcap_in;
struct pcap_out;

/**
 * pcap_in_open() - open a file of Ethernet frames for reading
 * @path: pcap or pcapng; "-": standard input
 * @error: TOOL_TEXT bytes
 *
 * Return: the file, or NULL with @error set.
 */
struct pcap_in *pcap_in_open(const char *path, char *error);

/**
 * pcap_in_next() - the next frame
 * @in: the file
 * @data: set to its bytes, valid until the next call
 * @bytes: set, 1..PACKET_BYTES_MAX
 * @error: TOOL_TEXT bytes
 *
 * Frames of which the file has only a part, or that are too long, are passed over and counted.
 *
 * Return: 1; 0 at the end of the file; -1 with @error set.
 */
int pcap_in_next(struct pcap_in *in, const uint8_t **data, uint32_t *bytes, char *error);

/**
 * pcap_in_rewind() - begin again
 * @in: the file
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int pcap_in_rewind(struct pcap_in *in, char *error);

/** pcap_in_skipped() - frames that were passed over */
uint64_t pcap_in_skipped(const struct pcap_in *in);

/** pcap_in_close() - close it; NULL: nothing */
void pcap_in_close(struct pcap_in *in);

/**
 * pcap_out_open() - make a file of Ethernet frames
 * @path: the file; what it held is lost; "-": standard output
 * @error: TOOL_TEXT bytes
 *
 * Return: the file, or NULL with @error set.
 */
struct pcap_out *pcap_out_open(const char *path, char *error);

/** pcap_out_put() - write a packet, stamped with the time of now; longer ones are cut */
void pcap_out_put(struct pcap_out *out, const struct vr_net_packet *packet);

/**
 * pcap_out_flush() - have what was put in the file
 * @out: the file
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set: something could not be written, now or before.
 */
int pcap_out_flush(struct pcap_out *out, char *error);

/** pcap_out_close() - pcap_out_flush(), and close it; NULL: 0 */
int pcap_out_close(struct pcap_out *out, char *error);

#endif
