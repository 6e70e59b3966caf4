// SPDX-License-Identifier: BSD-3-Clause
/* virtring serve net: the arguments. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/features.h>

#include "mask.h"
#include "pcap_file.h"
#include "serve_net.h"

enum key {
	KEY_SOCKET = 's',
	KEY_TAP = 't',
	KEY_PAIRS = 'p',
	KEY_MAC = 'm',
	KEY_LOOP = 256,
	KEY_SINK,
	KEY_GENERATE,
	KEY_COUNT,
	KEY_PCAP_IN,
	KEY_PCAP_OUT,
	KEY_MTU,
	KEY_MASK,
	KEY_NO_SANDBOX,
	KEY_DUMP,
	KEY_WATCH,
};

static uint64_t number(struct argp_state *state, const char *option, const char *text,
		       uint64_t least, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		argp_error(state, "--%s takes a number from %llu to %llu, not '%s'", option,
			   (unsigned long long)least, (unsigned long long)most, text);
	return value;
}

static void take_mac(struct argp_state *state, const char *text)
{
	struct serve_net_options *options = state->input;
	const char *at = text;

	for (unsigned int i = 0; i < VR_NET_MAC_BYTES; i++) {
		char *end;
		unsigned long byte = strtoul(at, &end, 16);

		if (end != at + 2 || byte > 255 || *end != (i < 5 ? ':' : '\0'))
			argp_error(state,
				   "--mac takes six bytes such as 02:00:00:00:00:01, not '%s'",
				   text);
		options->mac[i] = (uint8_t)byte;
		at = end + 1;
	}
	if (options->mac[0] & 1)
		argp_error(state, "--mac: %s is the address of a group", text);
}

/* The same for the same socket, so that it stays when this program is started anew. */
static void make_mac(struct serve_net_options *options)
{
	uint32_t hash = 2166136261u;

	for (const char *c = options->socket; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	options->mac[0] = 0x02;
	options->mac[1] = 0x76;
	options->mac[2] = (uint8_t)(hash >> 24);
	options->mac[3] = (uint8_t)(hash >> 16);
	options->mac[4] = (uint8_t)(hash >> 8);
	options->mac[5] = (uint8_t)hash;
}

static void check(struct argp_state *state)
{
	struct serve_net_options *o = state->input;
	bool in = o->pcap_in || o->generate;
	bool out = o->pcap_out || o->sink;

	if (!o->socket)
		argp_error(state, "where to listen? --socket is missing");
	if (o->tap && (in || out || o->loop))
		argp_error(state, "--tap is both source and sink of packets: no other");
	if (o->loop && (in || out))
		argp_error(state, "--loop is both source and sink of packets: no other");
	if (o->pcap_in && o->generate)
		argp_error(state, "--pcap-in and --generate: one source is enough");
	if (o->pcap_out && o->sink)
		argp_error(state, "--pcap-out and --sink: one sink is enough");
	if (!o->tap && !o->loop && !in && !out)
		argp_error(state, "where do packets come from and go to? One of --tap, --loop, "
				  "--pcap-in, --generate, --pcap-out, --sink");
	if (o->mac[0] == 0)
		make_mac(o);
}

static error_t take_endpoint(int key, char *text, struct argp_state *state)
{
	struct serve_net_options *options = state->input;

	switch (key) {
	case KEY_TAP:
		options->tap = text;
		return 0;
	case KEY_LOOP:
		options->loop = true;
		return 0;
	case KEY_SINK:
		options->sink = true;
		return 0;
	case KEY_GENERATE:
		options->generate = text ? (uint32_t)number(state, "generate", text,
							    VR_NET_GENERATOR_MIN, 65535) :
					   64;
		return 0;
	case KEY_COUNT:
		options->count = number(state, "count", text, 1, UINT32_MAX);
		return 0;
	case KEY_PCAP_IN:
		options->pcap_in = text;
		return 0;
	case KEY_PCAP_OUT:
		options->pcap_out = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct serve_net_options *options = state->input;
	char error[TOOL_TEXT];

	switch (key) {
	case KEY_SOCKET:
		options->socket = text;
		return 0;
	case KEY_PAIRS:
		options->pairs = (uint32_t)number(state, "pairs", text, 1, SERVE_PAIRS_MAX);
		return 0;
	case KEY_MAC:
		take_mac(state, text);
		return 0;
	case KEY_MTU:
		options->mtu = (uint16_t)number(state, "mtu", text, 68, 65535);
		return 0;
	case KEY_MASK:
		if (mask_parse(text, VR_DEVICE_NET, &options->mask, error))
			argp_error(state, "--mask: %s", error);
		return 0;
	case KEY_DUMP:
		options->dump = text;
		return 0;
	case KEY_WATCH:
		options->watch = true;
		return 0;
	case KEY_NO_SANDBOX:
		options->no_sandbox = true;
		return 0;
	case ARGP_KEY_END:
		check(state);
		return 0;
	default:
		return take_endpoint(key, text, state);
	}
}

int serve_net_main(int argc, char **argv)
{
	static const struct argp_option arguments[] = {
		{ "socket", KEY_SOCKET, "PATH", 0, "where to listen", 0 },
		{ "tap", KEY_TAP, "NAME", 0, "a tap interface, made if there is none", 1 },
		{ "loop", KEY_LOOP, NULL, 0, "what is sent on a pair comes back on it", 1 },
		{ "pcap-in", KEY_PCAP_IN, "FILE", 0, "packets for the driver", 1 },
		{ "generate", KEY_GENERATE, "BYTES", OPTION_ARG_OPTIONAL,
		  "numbered packets for the driver (64)", 1 },
		{ "count", KEY_COUNT, "N", 0, "generate: as many on each pair", 1 },
		{ "pcap-out", KEY_PCAP_OUT, "FILE", 0, "what the driver sends, into a file", 1 },
		{ "sink", KEY_SINK, NULL, 0, "what the driver sends is counted", 1 },
		{ "pairs", KEY_PAIRS, "N", 0, "queue pairs (1)", 2 },
		{ "mac", KEY_MAC, "ADDRESS", 0, "the device's address", 2 },
		{ "mtu", KEY_MTU, "BYTES", 0, "tell the driver the MTU, and hold it", 2 },
		{ "mask", KEY_MASK, "BIT,...", 0, "feature bits not to offer, by name", 2 },
		{ "dump-on-signal", KEY_DUMP, "FILE", 0,
		  "with each SIGUSR1, append the memory of the queues to FILE, for virtring dump",
		  0 },
		{ "watch", KEY_WATCH, NULL, 0,
		  "print what drivers do wrong; needs a build with -Dwatch=true", 0 },
		{ "no-sandbox", KEY_NO_SANDBOX, NULL, 0,
		  "keep all that this user may do, for whoever takes this process over", 2 },
		{ 0 },
	};
	static const struct argp parser = {
		arguments,
		take,
		NULL,
		"Serves a network device to vhost-user front ends, one at a time, until SIGTERM.",
		NULL,
		NULL,
		NULL,
	};
	struct serve_net_options options = { .pairs = 1 };

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	return serve_net(&options);
}
