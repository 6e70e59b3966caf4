// SPDX-License-Identifier: BSD-3-Clause
/* virtring net: a client of anybody's vhost-user-net back end. */
#include "net.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/features.h>

#include "interrupt.h"
#include "json_parts.h"
#include "mask.h"

enum key {
	KEY_SOCKET = 's',
	KEY_PCAP = 'f',
	KEY_PAIRS = 'p',
	KEY_COUNT = 'c',
	KEY_MASK = 256,
	KEY_SIZE,
	KEY_CONTROL,
	KEY_FILTER,
	KEY_ANSWERS,
	KEY_GENERATE,
	KEY_REPEAT,
	KEY_SECONDS,
	KEY_WAIT,
	KEY_ALL_BACK,
	KEY_RECONNECT,
	KEY_DIRECTION,
	KEY_JSON,
};

static const char *the_verb;

static bool verb_is(const char *verb)
{
	return !strcmp(the_verb, verb);
}

static uint64_t number(struct argp_state *state, const char *option, const char *text,
		       uint64_t least, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		argp_error(state, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'",
			   option, least, most, text);
	return value;
}

static double seconds(struct argp_state *state, const char *option, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= 86400))
		argp_error(state, "--%s takes seconds, up to 86400, not '%s'", option, text);
	return value;
}

static void take_direction(struct argp_state *state, const char *text)
{
	struct net_options *options = state->input;

	options->send = strcmp(text, "rx") != 0;
	options->receive = strcmp(text, "tx") != 0;
	if (options->send && options->receive && strcmp(text, "both") != 0)
		argp_error(state, "--direction takes tx, rx or both, not '%s'", text);
}

static error_t take_session(int key, char *text, struct argp_state *state)
{
	struct net_session_options *session = &((struct net_options *)state->input)->session;
	char error[TOOL_TEXT];

	switch (key) {
	case KEY_SOCKET:
		session->path = text;
		return 0;
	case KEY_PAIRS:
		session->pairs = (uint32_t)number(state, "pairs", text, 1, NET_PAIRS_MAX);
		return 0;
	case KEY_SIZE:
		session->size = (uint32_t)number(state, "size", text, 2, VR_QUEUE_SIZE_MAX);
		return 0;
	case KEY_CONTROL:
		session->control = true;
		return 0;
	case KEY_FILTER:
		session->control = session->filter = true;
		return 0;
	case KEY_MASK:
		if (mask_parse(text, VR_DEVICE_NET, &session->mask, error))
			argp_error(state, "--mask: %s", error);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Each verb has options that would mean nothing to the others. */
static void check(struct argp_state *state)
{
	struct net_options *o = state->input;
	bool send = verb_is("send");
	bool moves = send || verb_is("receive");

	if (!o->session.path)
		argp_error(state, "which device? --socket is missing");
	if (o->pcap && !moves)
		argp_error(state, "--pcap is for send and receive");
	if ((o->answers || o->all_back || o->repeat != 1) && !send)
		argp_error(state, "--answers, --all-back and --repeat are for send");
	if (o->all_back && !o->answers)
		argp_error(state, "--all-back needs --answers");
	if (o->generate && !send && !verb_is("bench"))
		argp_error(state, "--generate is for send and bench");
	if (send && !o->pcap == !o->generate)
		argp_error(state, "what to send? --pcap or --generate");
	if (send && o->generate && o->count == 0 && o->seconds == 0)
		argp_error(state, "--generate has no end without --count or --seconds");
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct net_options *options = state->input;

	switch (key) {
	case KEY_PCAP:
		options->pcap = text;
		return 0;
	case KEY_ANSWERS:
		options->answers = text;
		return 0;
	case KEY_GENERATE:
		options->generate = text ? (uint32_t)number(state, "generate", text,
							    VR_NET_GENERATOR_MIN, 1514) :
					   64;
		return 0;
	case KEY_COUNT:
		options->count = number(state, "count", text, 1, INT64_MAX);
		return 0;
	case KEY_REPEAT:
		options->repeat = number(state, "repeat", text, 1, INT64_MAX);
		return 0;
	case KEY_SECONDS:
		options->seconds = seconds(state, "seconds", text);
		return 0;
	case KEY_RECONNECT:
		options->session.reconnect = seconds(state, "reconnect", text);
		return 0;
	case KEY_WAIT:
		options->wait = seconds(state, "wait", text);
		return 0;
	case KEY_ALL_BACK:
		options->all_back = true;
		return 0;
	case KEY_DIRECTION:
		take_direction(state, text);
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_END:
		check(state);
		return 0;
	default:
		return take_session(key, text, state);
	}
}

/* ---- what is printed ---- */

static int info(const struct net_session *s, const struct net_options *options)
{
	const struct vr_net_space *space = &s->space;
	char offered[FEATURES_TEXT];
	char accepted[FEATURES_TEXT];
	char mac[24];
	json_object *json;

	features_text(s->front.offer.features, VR_DEVICE_NET, offered);
	features_text(s->front.features, VR_DEVICE_NET, accepted);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", space->mac[0], space->mac[1],
		 space->mac[2], space->mac[3], space->mac[4], space->mac[5]);
	if (!options->json) {
		printf("%-12s%s\n%-12s%s\n%-12s%s\n%-12s%u\n%-12s%u\n%-12s%s%s\n", "offered",
		       offered, "features", accepted, "mac", mac, "pairs", space->max_pairs, "mtu",
		       space->mtu, "link", space->status & VR_NET_S_LINK_UP ? "up" : "down",
		       space->status & VR_NET_S_ANNOUNCE ? ", announce" : "");
		return 0;
	}
	json = json_object_new_object();
	json_put_text(json, "offered", offered);
	json_put_text(json, "features", accepted);
	json_put_text(json, "mac", mac);
	json_put(json, "pairs", json_count(space->max_pairs));
	json_put(json, "mtu", json_count(space->mtu));
	json_put(json, "status", json_count(space->status));
	json_print(json);
	return 0;
}

static void print_text(const struct net_options *options, const struct net_outcome *o)
{
	const struct tally *t = &o->received;
	double time = o->seconds > 0 ? o->seconds : 1e-9;

	printf("%s:", the_verb);
	if (options->send)
		printf(" sent %" PRIu64 " packets, %" PRIu64 " bytes%s", o->sent, o->sent_bytes,
		       options->receive ? ";" : "");
	if (options->receive)
		printf(" received %" PRIu64 " packets, %" PRIu64 " bytes", t->packets, t->bytes);
	printf(", %.3f s", o->seconds);
	if (verb_is("bench"))
		printf(", %.3f Mpps out, %.3f Mpps in", (double)o->taken / time / 1e6,
		       (double)t->packets / time / 1e6);
	putchar('\n');
	if (o->taken != o->sent)
		printf("not taken by the device: %" PRIu64 "\n", o->sent - o->taken);
	if (o->skipped)
		printf("skipped, not whole or too long: %" PRIu64 "\n", o->skipped);
	if (t->numbered)
		printf("numbered: %" PRIu64 ", %" PRIu64 " wrong, %" PRIu64 " missing, %" PRIu64
		       " late or twice\n",
		       t->numbered, t->wrong, t->missing, t->late);
}

static void print_outcome(const struct net_session *s, const struct net_options *options,
			  const struct net_outcome *o)
{
	char text[FEATURES_TEXT];
	json_object *json;

	if (!options->json) {
		print_text(options, o);
		if (s->front.returns)
			printf("back ends that took over: %" PRIu64 "\n", s->front.returns);
		return;
	}
	features_text(s->front.features, VR_DEVICE_NET, text);
	json = json_object_new_object();
	json_put_text(json, "verb", the_verb);
	json_put_text(json, "features", text);
	json_put(json, "sent", json_count(o->sent));
	json_put(json, "sent_bytes", json_count(o->sent_bytes));
	json_put(json, "taken", json_count(o->taken));
	json_put(json, "skipped", json_count(o->skipped));
	json_put(json, "received", json_count(o->received.packets));
	json_put(json, "received_bytes", json_count(o->received.bytes));
	json_put(json, "numbered", json_count(o->received.numbered));
	json_put(json, "wrong", json_count(o->received.wrong));
	json_put(json, "missing", json_count(o->received.missing));
	json_put(json, "late", json_count(o->received.late));
	json_put(json, "notifications", json_count(s->front.notifications));
	json_put(json, "returns", json_count(s->front.returns));
	json_put(json, "seconds", json_object_new_double(o->seconds));
	json_put(json, "cpu_seconds", json_object_new_double(o->cpu_seconds));
	json_print(json);
}

static int run(const struct net_options *options)
{
	struct net_outcome outcome = { 0 };
	char error[TOOL_TEXT] = "";
	/* Large. */
	static struct net_session s;
	int result;

	interrupt_setup();
	result = net_session_open(&s, &options->session, error);
	if (!result && verb_is("info")) {
		info(&s, options);
	} else if (!result) {
		result = net_move(&s, options, &outcome, error);
		if (!result)
			print_outcome(&s, options, &outcome);
	}
	net_session_close(&s);
	if (result) {
		fprintf(stderr, "virtring net %s: %s\n", the_verb, error);
		return TOOL_CANNOT;
	}
	return outcome.received.wrong ? TOOL_FAILED : 0;
}

static int verb_main(int argc, char **argv)
{
	static const struct argp_option arguments[] = {
		{ "socket", KEY_SOCKET, "PATH", 0, "where the back end listens", 0 },
		{ "pcap", KEY_PCAP, "FILE", 0, "send: what; receive: where to", 0 },
		{ "generate", KEY_GENERATE, "BYTES", OPTION_ARG_OPTIONAL,
		  "send: numbered packets of this size (64)", 0 },
		{ "answers", KEY_ANSWERS, "FILE", 0, "send: what comes meanwhile goes there", 0 },
		{ "wait", KEY_WAIT, "S", 0,
		  "send: so long after the last packet was taken (0; with --answers: 1)", 0 },
		{ "all-back", KEY_ALL_BACK, NULL, 0,
		  "send: wait no longer once as many have come back as were sent", 0 },
		{ "count", KEY_COUNT, "N", 0,
		  "send: at most so many packets (generated: on each pair); receive: until so many",
		  0 },
		{ "repeat", KEY_REPEAT, "N", 0, "send: the file so many times", 0 },
		{ "seconds", KEY_SECONDS, "S", 0, "at most so long (bench: 3)", 0 },
		{ "direction", KEY_DIRECTION, "tx|rx|both", 0, "bench: which (both)", 0 },
		{ "reconnect", KEY_RECONNECT, "S", 0,
		  "wait so long for a back end that goes away; another one then goes on from a record "
		  "of what is in flight (0: do not)",
		  0 },
		{ "pairs", KEY_PAIRS, "N", 0, "queue pairs to use (1)", 0 },
		{ "control", KEY_CONTROL, NULL, 0, "set pairs through the control queue", 0 },
		{ "filter", KEY_FILTER, NULL, 0,
		  "have the device filter by its address, through the control queue", 0 },
		{ "size", KEY_SIZE, "N", 0, "descriptors of each queue (256)", 0 },
		{ "mask", KEY_MASK, "BIT,...", 0, "feature bits not to accept, by name", 0 },
		{ "json", KEY_JSON, NULL, 0, "results as JSON", 0 },
		{ 0 },
	};
	static const struct argp parser = {
		arguments, take, NULL, "Talks to a vhost-user-net back end.", NULL, NULL, NULL,
	};
	struct net_options options = { .repeat = 1, .wait = -1 };

	options.session = (struct net_session_options){ .pairs = 1, .size = 256 };
	options.session.ask_pairs = verb_is("info");
	options.send = verb_is("send") || verb_is("bench");
	options.receive = verb_is("receive") || verb_is("bench");
	options.seconds = verb_is("bench") ? 3 : 0;
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (verb_is("bench") && !options.generate)
		options.generate = 64;
	if (options.answers)
		options.receive = true;
	/* What is on its way back when a bench ends is not lost. */
	if (options.wait < 0)
		options.wait = options.answers ? 1 : verb_is("bench") ? 0.2 : 0;
	return run(&options);
}

int net_main(int argc, char **argv)
{
	static const char *const verbs[] = { "info", "send", "receive", "bench" };
	static char full_name[32];
	const char *verb = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i]) != 0)
			continue;
		the_verb = verbs[i];
		snprintf(full_name, sizeof(full_name), "virtring net %s", the_verb);
		argv[1] = full_name;
		return verb_main(argc - 1, argv + 1);
	}
	if (!strcmp(verb, "--help")) {
		puts("usage: virtring net (info|send|receive|bench) --socket PATH [OPTION...]\n\n"
		     "`virtring net VERB --help` tells more.");
		return 0;
	}
	fprintf(stderr, "virtring net: info, send, receive or bench?\n");
	return TOOL_CANNOT;
}
