// SPDX-License-Identifier: BSD-3-Clause
/* The table of virtring bench --versus. */
#include <string.h>

#include <virtring/ring.h>
#include <virtring/version.h>

#include "output.h"
#include "versus.h"

/* A side that had less of its CPU than this was disturbed. */
#define CPU_ENOUGH 0.95

void versus_head(FILE *to, const struct versus *versus)
{
	const struct bench_options *base = &versus->options->base;

	fprintf(to, "virtring %s against DPDK: burst %u, %u-byte packets, polling%s\n",
		vr_version(), base->burst, base->packet, base->realtime ? ", SCHED_RR" : "");
	table_machine(to, versus->topology);
	fprintf(to,
		"%u rounds of %g s each, all pairings in turn; near: round trip of a cache line at "
		"most %g ns, far: at least %g ns\n",
		base->rounds, base->seconds, base->near_ns, base->far_ns);
}

static void ratio(FILE *to, double value, double base)
{
	if (base > 0)
		fprintf(to, " %6.2f", value / base);
	else
		fputs("      -", to);
}

static void share(FILE *to, double part)
{
	if (part < 0)
		fputs(" n/a", to);
	else
		fprintf(to, " %3.0f", part * 100);
}

static void gain(FILE *to, const struct versus *versus, const struct versus_cell *cell,
		 enum distance distance, double mpps)
{
	const struct versus_cell *off = cell->pairing == PAIRING_FLOOR ? NULL :
									 versus_off(versus, cell);
	struct bench_group group = { .mpps = { 0 } };

	if (off && !off->skipped[0] && !bench_failure(&off->result))
		bench_group(&off->result, distance, &group);
	ratio(to, mpps, group.mpps.count > 0 ? group.mpps.median : 0);
}

static void name(FILE *to, const struct versus_cell *cell)
{
	fprintf(to, "  %-17s %-6s ", versus_pairing_name(cell->pairing), versus_variant_name(cell));
}

static void figures(FILE *to, const struct versus *versus, const struct versus_cell *cell,
		    enum distance distance)
{
	char path[TOOL_TEXT];
	struct bench_group group;

	bench_group(&cell->result, distance, &group);
	if (group.mpps.count == 0)
		return;
	name(to, cell);
	fprintf(to, "%-7s %4.0f %7.2f %7.2f-%-7.2f", distance_name(distance), group.roundtrip_ns,
		group.mpps.median, group.mpps.min, group.mpps.max);
	ratio(to, group.mpps.median, versus_base(versus, cell, distance));
	ratio(to, group.mpps.median, versus_floor(versus, cell, distance));
	gain(to, versus, cell, distance, group.mpps.median);
	fprintf(to, " %3zu  ", group.mpps.count);
	for (int side = 0; side < SIDES; side++)
		share(to, group.found[side]);
	fputs("  ", to);
	for (int side = 0; side < SIDES; side++)
		share(to, group.cpu[side]);
	versus_path(cell, path);
	fprintf(to, "  %s\n", path);
}

static void line(FILE *to, const struct versus *versus, const struct versus_cell *cell)
{
	const char *failure = bench_failure(&cell->result);

	if (cell->skipped[0] || failure) {
		name(to, cell);
		fprintf(to, "%s: %s\n", cell->skipped[0] ? "skipped" : "FAILED",
			cell->skipped[0] ? cell->skipped : failure);
		return;
	}
	for (int distance = 0; distance < DISTANCES; distance++)
		figures(to, versus, cell, (enum distance)distance);
}

static void cell_head(FILE *to, const struct versus_cell *cell)
{
	const struct bench_row *row = &cell->result.row;

	fprintf(to, "\n%s %s, in_order %s, queue %u\n", bench_direction_name(row->direction),
		bench_layout_name(row->layout), row->in_order ? "on" : "off", cell->options.size);
	fputs("  driver-device            CPUs    RTT    Mpps     min-max     /dpdk /floor on/off  n   "
	      "found %    CPU %   path of DPDK\n",
	      to);
}

/* Bits that one round or another of a cell had. */
static uint64_t features_of(const struct versus_cell *cell)
{
	uint64_t features = 0;

	for (unsigned int i = 0; i < cell->result.count; i++)
		features |= cell->result.samples[i].features;
	return features;
}

/* Bits that lines of this pairing had and were not asked for, or the other way round. */
static void note_features(FILE *to, const struct versus *versus, enum pairing pairing)
{
	uint64_t more = 0;
	uint64_t less = 0;
	bool known = false;

	for (unsigned int i = 0; i < versus->count; i++) {
		const struct versus_cell *cell = &versus->cells[i];
		uint64_t wanted = bench_wanted(&cell->options, &cell->result.row);
		uint64_t got = features_of(cell);

		if (cell->pairing != pairing || !got)
			continue;
		known = true;
		more |= got & ~wanted;
		less |= wanted & ~got;
	}
	if (!known || (!more && !less))
		return;
	fprintf(to, "note: %s: ", versus_pairing_name(pairing));
	if (more) {
		fputs("also negotiates ", to);
		table_features(to, more);
	}
	if (less) {
		fprintf(to, "%sruns without ", more ? ", " : "");
		table_features(to, less);
	}
	fputc('\n', to);
}

static void note_equal_work(FILE *to, const struct versus *versus)
{
	const struct bench_options *base = &versus->options->base;

	fprintf(to,
		"equal work: each packet of %u bytes is written by its sender and copied once by the "
		"device; no EVENT_IDX, no MRG_RXBUF; nobody notifies\n",
		base->packet);
	fprintf(to,
		"rotate: our driver has a burst of %u buffers more than the queue holds, so that a descriptor "
		"meets another one on each lap, as with DPDK's driver and pool; keep: each descriptor keeps its buffer, which no line of DPDK's does\n",
		base->burst);
	fputs("differences: testpmd makes and frees an mbuf for each packet, as its pool wants it; its "
	      "receiver does not look into packets, ours looks into one in 251\n",
	      to);
	fprintf(to, "memory: testpmd %s huge pages, our driver in pages of %llu bytes\n",
		versus->huge ? "in" : "without", (unsigned long long)versus->page_bytes);
}

static void note_rounds(FILE *to, const struct versus *versus)
{
	unsigned int dropped = 0;
	unsigned int all = 0;
	double least = 1;

	for (unsigned int i = 0; i < versus->count; i++) {
		const struct bench_result *result = &versus->cells[i].result;

		dropped += bench_dropped_rounds(result);
		all += result->count;
		for (unsigned int j = 0; j < result->count; j++)
			for (int side = 0; side < SIDES; side++)
				if (result->samples[j].cpu[side] >= 0 &&
				    result->samples[j].cpu[side] < least)
					least = result->samples[j].cpu[side];
	}
	if (least < CPU_ENOUGH && !versus->options->base.realtime)
		fprintf(to, "note: in some round a side had only %.0f %% of its CPU\n",
			least * 100);
	fprintf(to, "%u rounds, %u dropped because the CPUs' distance changed%s, %.0f s\n", all,
		dropped,
		versus->options->base.realtime ? " or a side had less than 95 % of its CPU" : "",
		versus->took);
}

void versus_table(FILE *to, const struct versus *versus)
{
	for (unsigned int i = 0; i < versus->count; i++) {
		if (i == 0 || !versus_same_cell(&versus->cells[i - 1], &versus->cells[i]))
			cell_head(to, &versus->cells[i]);
		line(to, versus, &versus->cells[i]);
	}
	fputs("\n/dpdk: to dpdk-dpdk of the same cell, the better of its paths; /floor: to the floor, see virtring bench --floor; on/off: to the same line "
	      "without IN_ORDER (DPDK's driver: to its scalar path)\n"
	      "found %, CPU %: driver, device; polls that found work, and CPU time that the side had; "
	      "testpmd tells whole per cents\n",
	      to);
	note_equal_work(to, versus);
	for (unsigned int i = 0; i < PAIRINGS; i++)
		note_features(to, versus, (enum pairing)i);
	if (versus->dpdk[0])
		fprintf(to, "%s\n", versus->dpdk);
	note_rounds(to, versus);
}
