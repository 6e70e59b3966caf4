// SPDX-License-Identifier: BSD-3-Clause
/* What DPDK's testpmd says, read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testpmd.h"

/* Adds up the numbers behind @name. */
static bool add_up(const char *output, const char *name, uint64_t *sum)
{
	const char *at = output;
	bool found = false;

	while ((at = strstr(at, name))) {
		at += strlen(name);
		*sum += strtoull(at, NULL, 10);
		found = true;
	}
	return found;
}

int testpmd_parse_counts(const char *output, struct testpmd_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	if (!add_up(output, "RX-packets:", &counts->received) ||
	    !add_up(output, "TX-packets:", &counts->sent) ||
	    !add_up(output, "RX-missed:", &counts->lost))
		return -1;
	add_up(output, "RX-errors:", &counts->lost);
	add_up(output, "RX-nombuf:", &counts->lost);
	return 0;
}

/*
 *   RX-bursts : 222149806 [99% of 0 pkts + 1% of 32 pkts + 0% of other]
 *
 * The first item is always that of no packets.
 */
double testpmd_parse_found(const char *output, bool sends)
{
	static const char behind[] = "% of 0 pkts";
	const char *at = strstr(output, sends ? "TX-bursts : " : "RX-bursts : ");
	unsigned long long bursts;
	unsigned long empty;
	char *end;

	if (!at)
		return -1;
	bursts = strtoull(at + strlen("RX-bursts : "), &end, 10);
	if (bursts == 0 || strncmp(end, " [", 2) != 0)
		return -1;
	empty = strtoul(end + 2, &end, 10);
	if (empty > 100 || strncmp(end, behind, strlen(behind)) != 0)
		return -1;
	return (double)(100 - empty) / 100;
}

bool testpmd_parse_path(const char *output, bool sends, char *path)
{
	static const char mark[] = "virtio: using ";
	const char *end_mark = sends ? " Tx path" : " Rx path";

	for (const char *at = output; (at = strstr(at, mark));) {
		const char *end;
		size_t length;

		at += sizeof(mark) - 1;
		length = strcspn(at, "\r\n");
		end = strstr(at, end_mark);
		if (end && end < at + length && end > at) {
			snprintf(path, TESTPMD_PATH, "%.*s", (int)(end - at), at);
			return true;
		}
		at += length;
	}
	return false;
}

uint64_t testpmd_parse_features(const char *output)
{
	static const char mark[] = "negotiated Virtio features: 0x";
	uint64_t features = 0;

	for (const char *at = output; (at = strstr(at, mark));) {
		at += sizeof(mark) - 1;
		features = strtoull(at, NULL, 16);
	}
	return features;
}
