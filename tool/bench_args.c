// SPDX-License-Identifier: BSD-3-Clause
/* The arguments of virtring bench. */
#include <argp.h>
#include <string.h>

#include <virtring/ring.h>

#include "bench.h"
#include "bench_mode.h"
#include "bench_words.h"

enum key {
	KEY_CPUS = 'c',
	KEY_NEAR = 256,
	KEY_FAR,
	KEY_LAYOUT,
	KEY_IN_ORDER,
	KEY_DIRECTION,
	KEY_SIZE,
	KEY_BURST,
	KEY_PACKET,
	KEY_MERGEABLE,
	KEY_NOTIFY,
	KEY_SECONDS,
	KEY_ROUNDS,
	KEY_DRIVER,
	KEY_DEVICE,
	KEY_JSON,
	KEY_PLOT,
};

static const struct argp_option arguments[] = {
	{ NULL, 0, NULL, 0, "What is measured:", 1 },
	{ "layout", KEY_LAYOUT, "split|packed|both", 0, "ring layouts (both)", 1 },
	{ "in-order", KEY_IN_ORDER, "off|on|both", 0, "without and with IN_ORDER (both)", 1 },
	{ "direction", KEY_DIRECTION, "tx|rx|both", 0,
	  "tx: the driver sends; rx: the device does (both)", 1 },
	{ NULL, 0, NULL, 0, "Between whom:", 2 },
	{ "driver", KEY_DRIVER, "self|dpdk", 0, "who plays the driver (self)", 2 },
	{ "device", KEY_DEVICE, "self|dpdk", 0, "who plays the device (self)", 2 },
	{ "cpus", KEY_CPUS, "DRIVER,DEVICE[,CONTROLLER]", 0, "CPUs to run on (chosen)", 2 },
	{ NULL, 0, NULL, 0, "How:", 3 },
	{ "size", KEY_SIZE, "N", 0, "descriptors of each queue (256)", 3 },
	{ "burst", KEY_BURST, "N", 0, "packets at a time (32)", 3 },
	{ "packet", KEY_PACKET, "BYTES", 0, "bytes of a packet (64)", 3 },
	{ "mergeable", KEY_MERGEABLE, NULL, 0, "negotiate MRG_RXBUF", 3 },
	{ "notify", KEY_NOTIFY, NULL, 0, "sleep until notified, instead of polling", 3 },
	{ "seconds", KEY_SECONDS, "S", 0, "length of a round (1)", 3 },
	{ "rounds", KEY_ROUNDS, "N", 0, "rounds of each row, off and on in turn (5)", 3 },
	{ "near", KEY_NEAR, "NS", 0,
	  "CPUs are near when a cache line that both write in turn goes there and back in at most "
	  "so many nanoseconds (120)",
	  3 },
	{ "far", KEY_FAR, "NS", 0, "and far when it takes at least so many (200)", 3 },
	{ NULL, 0, NULL, 0, "Output:", 4 },
	{ "json", KEY_JSON, "FILE", 0, "write everything, all samples included", 4 },
	{ "plot", KEY_PLOT, "FILE.svg|FILE.png", 0, "draw the table (needs gnuplot)", 4 },
	{ 0 },
};

static const char about[] =
	"Packets per second between two processes over a vhost-user socket, for each form of the "
	"ring. Driver and device run on two CPUs of their own and poll.\v"
	"Exit status: 0, 1 when a row failed (a packet lost or wrong, for instance), 2 when there "
	"was nothing to measure with.";

/* Which of two, or both of them. */
static void either(const char *option, const char *text, const char *first, const char *second,
		   bool *chosen)
{
	bool both = strcmp(text, "both") == 0;

	chosen[0] = both || strcmp(text, first) == 0;
	chosen[1] = both || strcmp(text, second) == 0;
	if (!chosen[0] && !chosen[1])
		bench_refuse("--%s takes %s, %s or both, not '%s'", option, first, second, text);
}

static enum party party(const char *option, const char *text)
{
	if (strcmp(text, "self") == 0)
		return PARTY_SELF;
	if (strcmp(text, "dpdk") != 0)
		bench_refuse("--%s takes self or dpdk, not '%s'", option, text);
	return PARTY_DPDK;
}

static const char *plot_file(const char *name)
{
	size_t length = strlen(name);

	if (length < 5 ||
	    (strcmp(name + length - 4, ".svg") != 0 && strcmp(name + length - 4, ".png") != 0))
		bench_refuse("--plot takes a file that ends with .svg or .png, not '%s'", name);
	return name;
}

static error_t take_measured(int key, char *text, struct bench_options *options)
{
	switch (key) {
	case KEY_LAYOUT:
		either("layout", text, "split", "packed", options->layout);
		return 0;
	case KEY_IN_ORDER:
		either("in-order", text, "off", "on", options->in_order);
		return 0;
	case KEY_DIRECTION:
		either("direction", text, "tx", "rx", options->direction);
		return 0;
	case KEY_DRIVER:
		options->party[SIDE_DRIVER] = party("driver", text);
		return 0;
	case KEY_DEVICE:
		options->party[SIDE_DEVICE] = party("device", text);
		return 0;
	case KEY_CPUS:
		bench_cpus(text, options->cpus);
		return 0;
	case KEY_JSON:
		options->json = text;
		return 0;
	case KEY_PLOT:
		options->plot = plot_file(text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct bench_options *options = state->input;

	switch (key) {
	case KEY_SIZE:
		options->size = bench_whole("size", text, 2, VR_QUEUE_SIZE_MAX);
		return 0;
	case KEY_BURST:
		options->burst = bench_whole("burst", text, 1, BENCH_BURST_MAX);
		return 0;
	case KEY_PACKET:
		options->packet = bench_whole("packet", text, BENCH_PACKET_MIN, BENCH_PACKET_MAX);
		return 0;
	case KEY_MERGEABLE:
		options->mergeable = true;
		return 0;
	case KEY_NOTIFY:
		options->notify = true;
		return 0;
	case KEY_SECONDS:
		options->seconds = bench_number("seconds", text, 0.01, 3600);
		return 0;
	case KEY_ROUNDS:
		options->rounds = bench_whole("rounds", text, 1, BENCH_ROUNDS_MAX);
		return 0;
	case KEY_NEAR:
		options->near_ns = bench_number("near", text, 1, 1e6);
		return 0;
	case KEY_FAR:
		options->far_ns = bench_number("far", text, 1, 1e6);
		return 0;
	case ARGP_KEY_ARG:
		bench_refuse("no argument such as '%s' is expected", text);
	default:
		return take_measured(key, text, options);
	}
}

static void judge(const struct bench_options *options)
{
	bool dpdk = options->party[0] == PARTY_DPDK || options->party[1] == PARTY_DPDK;

	if (options->layout[LAYOUT_SPLIT] && (options->size & (options->size - 1)))
		bench_refuse(
			"--size %u is no power of two, which a split queue needs; --layout packed "
			"takes it",
			options->size);
	if (options->near_ns >= options->far_ns)
		bench_refuse("--near %g is not below --far %g", options->near_ns, options->far_ns);
	if (options->burst > options->size)
		bench_refuse("--burst %u is above --size %u", options->burst, options->size);
	if (options->notify && options->party[0] == PARTY_DPDK && options->party[1] == PARTY_DPDK)
		bench_refuse("--notify needs a side of our own: testpmd only polls");
	if (options->party[SIDE_DRIVER] == PARTY_DPDK && (options->size & (options->size - 1)))
		bench_refuse("--size %u is no power of two, which DPDK's driver needs",
			     options->size);
	if (dpdk && options->packet > 1514)
		bench_refuse("--packet %u: testpmd is run with packets of at most 1514 bytes",
			     options->packet);
	if (dpdk && options->packet < 64)
		bench_refuse("--packet %u: testpmd is run with packets of at least 64 bytes",
			     options->packet);
}

void bench_arguments(struct bench_options *options, int argc, char **argv)
{
	static const struct argp parser = { arguments, take, NULL, about, bench_modes, NULL, NULL };

	*options = (struct bench_options){
		.layout = { true, true },
		.in_order = { true, true },
		.direction = { true, true },
		.size = 256,
		.burst = 32,
		.packet = 64,
		.seconds = 1,
		.rounds = 5,
		.near_ns = 120,
		.far_ns = 200,
		.cpus = { -1, -1, -1 },
	};
	argp_parse(&parser, argc, argv, 0, NULL, options);
	judge(options);
}
