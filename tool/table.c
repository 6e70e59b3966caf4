// SPDX-License-Identifier: BSD-3-Clause
/* The table. */
#include <string.h>

#include <virtring/features.h>
#include <virtring/version.h>

#include "output.h"

/* A side that had less of its CPU than this was disturbed. */
#define CPU_ENOUGH 0.95

void table_machine(FILE *to, const struct topology *topology)
{
	fprintf(to, "%s, %d CPUs (%d usable), %s\n", topology->model, topology->online,
		topology->allowed, topology->kernel);
	fprintf(to, "driver on CPU %d, device on CPU %d", topology->cpu[SIDE_DRIVER],
		topology->cpu[SIDE_DEVICE]);
	if (topology->siblings)
		fputs(", threads of one core", to);
	else if (topology->package[0] >= 0 && topology->package[0] == topology->package[1])
		fputs(", one socket", to);
	else if (topology->package[0] >= 0)
		fputs(", two sockets", to);
	if (topology->shared_cache)
		fprintf(to, ", shared L%d", topology->shared_cache);
	if (topology->controller >= 0)
		fprintf(to, ", controller on CPU %d", topology->controller);
	fputc('\n', to);
}

void table_head(FILE *to, const struct bench_report *report)
{
	const struct bench_options *options = report->options;

	fprintf(to,
		"virtring %s: driver %s, device %s, queue %u, burst %u, %u-byte packets%s, %s\n",
		vr_version(), bench_party_name(options->party[SIDE_DRIVER]),
		bench_party_name(options->party[SIDE_DEVICE]), options->size, options->burst,
		options->packet, options->mergeable ? ", mergeable" : "",
		options->notify ? "notified" : "polling");
	table_machine(to, report->topology);
	fprintf(to,
		"%u rounds of %g s each; near: round trip of a cache line at most %g ns, far: at "
		"least %g ns\n",
		options->rounds, options->seconds, options->near_ns, options->far_ns);
}

static void share(FILE *to, double part)
{
	if (part < 0)
		fputs("  -", to);
	else
		fprintf(to, "%3.0f", part * 100);
}

/* The same row without IN_ORDER. */
static const struct bench_result *partner(const struct bench_report *report,
					  const struct bench_row *row)
{
	for (unsigned int i = 0; i < report->count; i++) {
		const struct bench_row *other = &report->results[i].row;

		if (row->in_order && !other->in_order && other->layout == row->layout &&
		    other->direction == row->direction)
			return &report->results[i];
	}
	return NULL;
}

static void gain(FILE *to, const struct bench_report *report, const struct bench_result *result,
		 enum distance distance, const struct bench_group *group)
{
	const struct bench_result *off = partner(report, &result->row);
	struct bench_group base;

	if (off && !bench_failure(off)) {
		bench_group(off, distance, &base);
		if (base.mpps.count > 0 && base.mpps.median > 0) {
			fprintf(to, "%+7.1f %%", stats_gain(group->mpps.median, base.mpps.median));
			return;
		}
	}
	fputs("         ", to);
}

static void row_name(FILE *to, const struct bench_row *row)
{
	fprintf(to, "%-3s %-7s %-9s", bench_direction_name(row->direction),
		bench_layout_name(row->layout), row->in_order ? "on" : "off");
}

static void line(FILE *to, const struct bench_report *report, const struct bench_result *result,
		 enum distance distance)
{
	struct bench_group group;

	bench_group(result, distance, &group);
	if (group.mpps.count == 0)
		return;
	row_name(to, &result->row);
	fprintf(to, "%-8s %5.0f %8.2f %7.2f-%-7.2f %8.1f", distance_name(distance),
		group.roundtrip_ns, group.mpps.median, group.mpps.min, group.mpps.max,
		1000 / group.mpps.median);
	gain(to, report, result, distance, &group);
	fprintf(to, " %4zu    ", group.mpps.count);
	share(to, group.cpu[SIDE_DRIVER]);
	fputc('/', to);
	share(to, group.cpu[SIDE_DEVICE]);
	fputc('\n', to);
}

void table_features(FILE *to, uint64_t features)
{
	const char *separator = "";

	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *name;

		if (!(features >> bit & 1))
			continue;
		name = vr_feature_name(VR_DEVICE_NET, bit);
		if (name)
			fprintf(to, "%s%s", separator, name);
		else
			fprintf(to, "%sbit %u", separator, bit);
		separator = " ";
	}
}

/* Bits that a row asked for and did not get, in any of its rounds. */
static uint64_t refused(const struct bench_report *report, const struct bench_result *result)
{
	uint64_t wanted = bench_wanted(report->options, &result->row);
	uint64_t got = wanted;

	for (unsigned int i = 0; i < result->count; i++)
		if (result->samples[i].features)
			got &= result->samples[i].features;
	return wanted & ~got;
}

static void note_refused(FILE *to, const struct bench_report *report)
{
	uint64_t first = report->count ? refused(report, &report->results[0]) : 0;
	bool same = true;

	for (unsigned int i = 0; i < report->count; i++)
		same &= refused(report, &report->results[i]) == first;
	for (unsigned int i = 0; i < (same ? first != 0 : report->count); i++) {
		uint64_t bits = refused(report, &report->results[i]);

		if (!bits)
			continue;
		fputs("note: ", to);
		if (same)
			fputs("all rows ", to);
		else
			row_name(to, &report->results[i].row);
		fputs("ran without ", to);
		table_features(to, bits);
		fputs(", which the peer does not take\n", to);
	}
}

/* Where the contents were not looked into, as it is DPDK that received. */
static void note_counted_only(FILE *to, const struct bench_report *report)
{
	const struct bench_options *options = report->options;

	if (options->direction[DIRECTION_TX] && options->party[SIDE_DEVICE] == PARTY_DPDK)
		fputs("note: TX: the peer counts the packets, it does not look into them\n", to);
	if (options->direction[DIRECTION_RX] && options->party[SIDE_DRIVER] == PARTY_DPDK)
		fputs("note: RX: the peer counts the packets, it does not look into them\n", to);
}

static void note_disturbed(FILE *to, const struct bench_report *report)
{
	double least = 1;

	if (report->options->notify)
		return;
	for (unsigned int i = 0; i < report->count; i++) {
		struct bench_group group;

		bench_group(&report->results[i], DISTANCES, &group);
		for (int side = 0; side < SIDES && group.mpps.count > 0; side++)
			if (group.cpu[side] >= 0 && group.cpu[side] < least)
				least = group.cpu[side];
	}
	if (least < CPU_ENOUGH)
		fprintf(to,
			"note: a side had only %.0f %% of its CPU: something else runs on this "
			"machine\n",
			least * 100);
}

static void note_rounds(FILE *to, const struct bench_report *report)
{
	unsigned int dropped = 0;
	unsigned int all = 0;

	for (unsigned int i = 0; i < report->count; i++) {
		dropped += bench_dropped_rounds(&report->results[i]);
		all += report->results[i].count;
	}
	fprintf(to, "%u rounds, %u dropped because the CPUs' distance changed, %.0f s\n", all,
		dropped, report->took);
}

static void note_checked(FILE *to, const struct bench_report *report)
{
	uint64_t sent = 0;
	uint64_t received = 0;
	uint64_t dropped = 0;
	uint64_t checked = 0;

	for (unsigned int i = 0; i < report->count; i++)
		for (unsigned int j = 0; j < report->results[i].count; j++) {
			const struct bench_sample *sample = &report->results[i].samples[j];

			sent += sample->sent;
			received += sample->received;
			dropped += sample->dropped;
			checked += sample->checked;
		}
	fprintf(to, "packets: %llu sent, %llu received, %llu dropped; %llu looked into\n",
		(unsigned long long)sent, (unsigned long long)received, (unsigned long long)dropped,
		(unsigned long long)checked);
	if (dropped)
		fputs("dropped by our side are buffers without a packet in them, and packets too long "
		      "for any buffer; by testpmd what it calls missed, errors and nombuf\n",
		      to);
}

void table_rows(FILE *to, const struct bench_report *report)
{
	fputs("\n            in_order CPUs      RTT     Mpps     min-max    ns/packet    gain "
	      "rounds CPU %\n",
	      to);
	for (unsigned int i = 0; i < report->count; i++) {
		const struct bench_result *result = &report->results[i];
		const char *failure = bench_failure(result);

		if (failure) {
			row_name(to, &result->row);
			fprintf(to, "FAILED: %s\n", failure);
			continue;
		}
		for (int distance = 0; distance < DISTANCES; distance++)
			line(to, report, result, (enum distance)distance);
	}
	fputc('\n', to);
	note_refused(to, report);
	note_counted_only(to, report);
	note_disturbed(to, report);
	if (report->memory_note[0])
		fprintf(to, "note: %s\n", report->memory_note);
	if (report->dpdk[0])
		fprintf(to, "%s\n", report->dpdk);
	note_checked(to, report);
	note_rounds(to, report);
}
