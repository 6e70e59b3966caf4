// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the command reads besides its options: names of feature bits, patterns of checks, what another
 * program prints, files of packets.
 *
 * Held for every input: bits that were read are printed and read again as the same; a pattern and its
 * opposite never choose the same check; a part is a part, a name ends within its room; a packet has
 * the bytes that it is said to have, and there are as many of them the second time.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtring/features.h>

#include "check/check.h"
#include "fuzz.h"
#include "tool/mask.h"
#include "tool/pcap_file.h"
#include "tool/testpmd.h"
#include "tool/tool.h"

static void mask(const char *text, uint32_t device)
{
	char names[FEATURES_TEXT];
	char error[TOOL_TEXT] = "";
	uint64_t bits;
	uint64_t again;

	if (mask_parse(text, device, &bits, error)) {
		FUZZ_CHECK(strlen(error) > 0 && strlen(error) < sizeof(error));
		return;
	}
	features_text(bits, device, names);
	for (char *at = names; (at = strchr(at, ' '));)
		*at = ',';
	FUZZ_CHECK(!mask_parse(names, device, &again, error) && again == bits);
}

static void mask_net(const char *text)
{
	mask(text, VR_DEVICE_NET);
}

static void mask_blk(const char *text)
{
	mask(text, VR_DEVICE_BLK);
}

/* One pattern and its opposite; of a list, what comes first need not decide. */
static void pattern(const char *text)
{
	static const struct check check = { .name = "used-index-back",
					    .clauses = "R-USED-1 R-USED-2" };
	struct check_plan plan = { .patterns = text, .hostile = true };
	char opposite[512];
	bool chosen = check_chosen(&plan, &check);

	if (strlen(text) + 2 > sizeof(opposite) || strchr(text, ',') || !*text || *text == '!')
		return;
	snprintf(opposite, sizeof(opposite), "!%s", text);
	plan.patterns = opposite;
	FUZZ_CHECK(chosen != check_chosen(&plan, &check));
}

static void testpmd(const char *text)
{
	struct testpmd_counts counts;
	char path[TESTPMD_PATH];

	testpmd_parse_counts(text, &counts);
	testpmd_parse_features(text);
	for (int sends = 0; sends < 2; sends++) {
		double found = testpmd_parse_found(text, sends);

		FUZZ_CHECK(found == -1 || (found >= 0 && found <= 1));
		if (testpmd_parse_path(text, sends, path))
			FUZZ_CHECK(strnlen(path, sizeof(path)) < sizeof(path) &&
				   strstr(text, path));
	}
}

/* Returns the bytes of all packets, in @packets their number; an end with an error is an end. */
static uint64_t read_packets(struct pcap_in *in, uint64_t *packets)
{
	char error[TOOL_TEXT] = "";
	const uint8_t *data;
	uint64_t sum = 0;
	uint32_t bytes;
	int got;

	*packets = 0;
	while ((got = pcap_in_next(in, &data, &bytes, error)) == 1) {
		FUZZ_CHECK(bytes > 0 && bytes <= PACKET_BYTES_MAX);
		for (uint32_t i = 0; i < bytes; i++)
			sum += data[i];
		*packets += 1;
	}
	FUZZ_CHECK(got == 0 || *error);
	return sum;
}

static void pcap(const uint8_t *data, size_t size)
{
	char error[TOOL_TEXT] = "";
	char path[64];
	uint64_t packets[2];
	uint64_t skipped;
	struct pcap_in *in;
	int fd = memfd_create("packets", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in = pcap_in_open(path, error);
	if (in) {
		uint64_t sum = read_packets(in, &packets[0]);

		skipped = pcap_in_skipped(in);
		FUZZ_CHECK(!pcap_in_rewind(in, error));
		FUZZ_CHECK(read_packets(in, &packets[1]) == sum && packets[0] == packets[1]);
		FUZZ_CHECK(pcap_in_skipped(in) == 2 * skipped);
	} else {
		FUZZ_CHECK(*error);
	}
	pcap_in_close(in);
	close(fd);
}

/* An input is what it is, and then its bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *text) = { mask_net, mask_blk, pattern, testpmd };
	const size_t count = sizeof(readers) / sizeof(readers[0]);
	char *text;

	if (size < 1)
		return 0;
	if (data[0] % (count + 1) == count) {
		pcap(data + 1, size - 1);
		return 0;
	}
	text = malloc(size);
	FUZZ_CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	readers[data[0] % (count + 1)](text);
	free(text);
	return 0;
}
