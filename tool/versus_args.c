// SPDX-License-Identifier: BSD-3-Clause
/* The arguments of virtring bench --versus. */
#include <argp.h>
#include <string.h>

#include <virtring/ring.h>

#include "versus.h"

enum key {
	KEY_CPUS = 'c',
	KEY_LAYOUT = 256,
	KEY_IN_ORDER,
	KEY_DIRECTION,
	KEY_PAIRING,
	KEY_SLOTS,
	KEY_PATH,
	KEY_SIZE,
	KEY_BURST,
	KEY_PACKET,
	KEY_SECONDS,
	KEY_ROUNDS,
	KEY_REALTIME,
	KEY_NEAR,
	KEY_FAR,
	KEY_JSON,
	KEY_PLOT,
};

/* testpmd has rings of no other sizes, and what it makes is at least this long. */
#define SIZE_MIN 32u
#define PACKET_MIN 64u
#define PACKET_MAX 1514u

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "Which cells (lists have commas, or are the word all):", 1 },
	{ "layout", KEY_LAYOUT, "LIST", 0, "of split, packed (all)", 1 },
	{ "in-order", KEY_IN_ORDER, "LIST", 0, "of off, on (all)", 1 },
	{ "direction", KEY_DIRECTION, "LIST", 0, "of tx, rx (all)", 1 },
	{ "size", KEY_SIZE, "LIST", 0, "descriptors of each queue (256,1024)", 1 },
	{ "pairing", KEY_PAIRING, "LIST", 0,
	  "of dpdk-dpdk, virtring-dpdk, dpdk-virtring, virtring-virtring, the driver's side first, "
	  "and floor: what the same packets cost without any ring (all)",
	  1 },
	{ "slots", KEY_SLOTS, "LIST", 0,
	  "of rotate, keep: our driver takes its buffers in turn out of more than the queue holds, as "
	  "DPDK's pool does, or each descriptor keeps its own (all)",
	  1 },
	{ "dpdk-path", KEY_PATH, "LIST", 0, "of scalar, vector: of DPDK's driver (all)", 1 },
	{ NULL, 0, NULL, 0, "How:", 2 },
	{ "cpus", KEY_CPUS, "DRIVER,DEVICE[,CONTROLLER]", 0, "CPUs to run on (chosen)", 2 },
	{ "burst", KEY_BURST, "N", 0, "packets at a time (32)", 2 },
	{ "packet", KEY_PACKET, "BYTES", 0, "bytes of a packet (64)", 2 },
	{ "seconds", KEY_SECONDS, "S", 0, "length of a round (0.5)", 2 },
	{ "rounds", KEY_ROUNDS, "N", 0, "rounds of each cell, all pairings in turn (5)", 2 },
	{ "realtime", KEY_REALTIME, NULL, 0,
	  "all sides under SCHED_RR, so that nothing else takes their CPUs (needs CAP_SYS_NICE)",
	  2 },
	{ "near", KEY_NEAR, "NS", 0, "as without --versus (120)", 2 },
	{ "far", KEY_FAR, "NS", 0, "as without --versus (200)", 2 },
	{ NULL, 0, NULL, 0, "Output:", 3 },
	{ "json", KEY_JSON, "FILE", 0, "write everything, all samples included", 3 },
	{ "plot", KEY_PLOT, "FILE.svg|FILE.png", 0, "draw the table (needs gnuplot)", 3 },
	{ 0 },
};

static const char about[] =
	"Our driver and our device against DPDK's, over a vhost-user socket, in all four pairings, "
	"with the ratio to dpdk-dpdk of the same cell.\v"
	"Exit status: 0, 1 when a cell failed, 2 when there was nothing to measure with.";

/* Two flags out of a list of two names. */
static void both(const char *option, const char *text, const char *const *names, bool *flags)
{
	struct bench_list list;

	bench_names(option, text, names, 2, &list);
	flags[0] = flags[1] = false;
	for (unsigned int i = 0; i < list.count; i++)
		flags[list.value[i]] = true;
}

static error_t take_cells(int key, const char *text, struct versus_options *options)
{
	static const char *const layouts[] = { "split", "packed" };
	static const char *const orders[] = { "off", "on" };
	static const char *const directions[] = { "tx", "rx" };
	static const char *const slots[] = { "rotate", "keep" };
	static const char *const paths[] = { "scalar", "vector" };
	const char *pairings[PAIRINGS];

	switch (key) {
	case KEY_LAYOUT:
		both("layout", text, layouts, options->base.layout);
		return 0;
	case KEY_IN_ORDER:
		both("in-order", text, orders, options->base.in_order);
		return 0;
	case KEY_DIRECTION:
		both("direction", text, directions, options->base.direction);
		return 0;
	case KEY_PAIRING:
		for (unsigned int i = 0; i < PAIRINGS; i++)
			pairings[i] = versus_pairing_name((enum pairing)i);
		bench_names("pairing", text, pairings, PAIRINGS, &options->pairings);
		return 0;
	case KEY_SLOTS:
		bench_names("slots", text, slots, 2, &options->slots);
		return 0;
	case KEY_PATH:
		bench_names("dpdk-path", text, paths, 2, &options->paths);
		return 0;
	case KEY_SIZE:
		bench_wholes("size", text, SIZE_MIN, VR_QUEUE_SIZE_MAX, &options->sizes);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *plot_file(const char *name)
{
	size_t length = strlen(name);

	if (length < 5 ||
	    (strcmp(name + length - 4, ".svg") != 0 && strcmp(name + length - 4, ".png") != 0))
		bench_refuse("--plot takes a file that ends with .svg or .png, not '%s'", name);
	return name;
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct versus_options *options = state->input;
	struct bench_options *base = &options->base;

	switch (key) {
	case KEY_CPUS:
		bench_cpus(text, base->cpus);
		return 0;
	case KEY_BURST:
		base->burst = bench_whole("burst", text, 1, BENCH_BURST_MAX);
		return 0;
	case KEY_PACKET:
		base->packet = bench_whole("packet", text, PACKET_MIN, PACKET_MAX);
		return 0;
	case KEY_SECONDS:
		base->seconds = bench_number("seconds", text, 0.01, 3600);
		return 0;
	case KEY_ROUNDS:
		base->rounds = bench_whole("rounds", text, 1, BENCH_ROUNDS_MAX);
		return 0;
	case KEY_REALTIME:
		base->realtime = true;
		return 0;
	case KEY_NEAR:
		base->near_ns = bench_number("near", text, 1, 1e6);
		return 0;
	case KEY_FAR:
		base->far_ns = bench_number("far", text, 1, 1e6);
		return 0;
	case KEY_JSON:
		base->json = text;
		return 0;
	case KEY_PLOT:
		base->plot = plot_file(text);
		return 0;
	case ARGP_KEY_ARG:
		if (strcmp(text, "dpdk") != 0)
			bench_refuse("DPDK is the only peer that it knows, not '%s'", text);
		return 0;
	case ARGP_KEY_NO_ARGS:
		bench_refuse("a peer is expected: dpdk");
	default:
		return take_cells(key, text, options);
	}
}

static void judge(const struct versus_options *options)
{
	const struct bench_options *base = &options->base;

	for (unsigned int i = 0; i < options->sizes.count; i++) {
		unsigned int size = options->sizes.value[i];

		if (size & (size - 1))
			bench_refuse("--size %u is no power of two, which DPDK's driver needs",
				     size);
		if (base->burst > size)
			bench_refuse("--burst %u is above --size %u", base->burst, size);
	}
	if (base->near_ns >= base->far_ns)
		bench_refuse("--near %g is not below --far %g", base->near_ns, base->far_ns);
}

void versus_arguments(struct versus_options *options, int argc, char **argv)
{
	static const struct argp parser = { arguments, take, "dpdk", about, NULL, NULL, NULL };

	*options = (struct versus_options){
		.base = {
			.layout = { true, true },
			.in_order = { true, true },
			.direction = { true, true },
			.burst = 32,
			.packet = 64,
			.seconds = 0.5,
			.rounds = 5,
			.near_ns = 120,
			.far_ns = 200,
			.cpus = { -1, -1, -1 },
		},
		.sizes = { { 256, 1024 }, 2 },
		.pairings = { { 0, 1, 2, 3, 4 }, PAIRINGS },
		.slots = { { 0, 1 }, 2 },
		.paths = { { 0, 1 }, 2 },
	};
	argp_parse(&parser, argc, argv, 0, NULL, options);
	judge(options);
}
