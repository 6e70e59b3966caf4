// SPDX-License-Identifier: BSD-3-Clause
/* virtring blk: a client of anybody's vhost-user-blk back end. */
#include "blk.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <virtring/features.h>

#include "interrupt.h"
#include "json_parts.h"
#include "mask.h"

enum key {
	KEY_SOCKET = 's',
	KEY_QUEUES = 'q',
	KEY_DEPTH = 'd',
	KEY_BLOCK = 'b',
	KEY_MASK = 256,
	KEY_SIZE,
	KEY_SEGMENT,
	KEY_OFFSET,
	KEY_LENGTH,
	KEY_SECONDS,
	KEY_WRITE,
	KEY_NO_SPARSE,
	KEY_JSON,
};

static const char *the_verb;

/* A number with K, M, G behind it, within bounds and a multiple of @unit. */
static uint64_t number(struct argp_state *state, const char *option, const char *text,
		       uint64_t least, uint64_t most, uint64_t unit)
{
	unsigned int shift = 0;
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end && strchr("KMG", *end))
		shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 30;
	if (errno || end == text || *text == '-' || end[shift ? 1 : 0] || value > most >> shift ||
	    value << shift < least || (value << shift) % unit)
		argp_error(state,
			   "--%s takes a number from %" PRIu64 " to %" PRIu64
			   ", a multiple of %" PRIu64 ", not '%s'",
			   option, least, most, unit, text);
	return value << shift;
}

static error_t take_session(int key, char *text, struct argp_state *state)
{
	struct session_options *session = &((struct blk_options *)state->input)->session;
	char error[TOOL_TEXT];

	switch (key) {
	case KEY_SOCKET:
		session->path = text;
		return 0;
	case KEY_QUEUES:
		session->queues = (uint32_t)number(state, "queues", text, 1, SESSION_QUEUES_MAX, 1);
		return 0;
	case KEY_DEPTH:
		session->depth = (uint32_t)number(state, "depth", text, 1, SESSION_DEPTH_MAX, 1);
		return 0;
	case KEY_BLOCK:
		session->block = (uint32_t)number(state, "block", text, 512, 1u << 20, 512);
		return 0;
	case KEY_SIZE:
		session->size = (uint32_t)number(state, "size", text, 2, VR_QUEUE_SIZE_MAX, 1);
		return 0;
	case KEY_SEGMENT:
		session->segment = (uint32_t)number(state, "segment", text, 1, 1u << 20, 1);
		return 0;
	case KEY_MASK:
		if (mask_parse(text, VR_DEVICE_BLK, &session->mask, error))
			argp_error(state, "--mask: %s", error);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool is_socket(const char *name)
{
	struct stat about;

	return name && !stat(name, &about) && S_ISSOCK(about.st_mode);
}

static bool is_same(const char *one, const char *other)
{
	struct stat a, b;

	return !stat(one, &a) && !stat(other, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* What is a socket in the file system is a disk, everything else is a file. */
static void check_copy(struct argp_state *state)
{
	struct blk_options *options = state->input;
	const char *from = options->session.path ? options->session.path : options->file;
	const char *to = options->session.path ? options->file : options->to;

	if (options->session.path && options->to)
		argp_error(state, "--socket is where from, and one more name is enough");
	if (!from || !to) {
		argp_error(state, "from where, and where to?");
		return;
	}
	if (is_same(from, to))
		argp_error(state, "'%s' and '%s' are the same", from, to);
	options->to = NULL;
	options->session.path = from;
	options->file = to;
	if (is_socket(from) && is_socket(to)) {
		options->to = to;
		options->file = NULL;
	} else if (is_socket(to)) {
		options->session.path = to;
		options->file = from;
		options->inward = true;
	} else if (!is_socket(from)) {
		argp_error(state, "neither '%s' nor '%s' is a socket", from, to);
	}
	if (options->json && options->file && !strcmp(options->file, "-") && !options->inward)
		argp_error(state, "standard output cannot take both the disk and --json");
}

static void check(struct argp_state *state)
{
	const struct blk_options *options = state->input;
	bool file = strcmp(the_verb, "info") != 0 && strcmp(the_verb, "bench") != 0;

	if (!strcmp(the_verb, "copy")) {
		check_copy(state);
		return;
	}
	if (!options->session.path)
		argp_error(state, "which device? --socket is missing");
	if (!options->file) {
		if (file)
			argp_error(state, "which file?");
		return;
	}
	if (!file)
		argp_error(state, "no file is expected, such as '%s'", options->file);
	if (options->json && !strcmp(options->file, "-") && !strcmp(the_verb, "read"))
		argp_error(state, "standard output cannot take both the disk and --json");
}

static error_t take(int key, char *text, struct argp_state *state)
{
	struct blk_options *options = state->input;

	switch (key) {
	case KEY_OFFSET:
		options->offset = number(state, "offset", text, 0, INT64_MAX, 512);
		return 0;
	case KEY_LENGTH:
		options->length = number(state, "length", text, 512, INT64_MAX, 512);
		return 0;
	case KEY_SECONDS:
		options->seconds = (double)number(state, "seconds", text, 1, 3600, 1);
		return 0;
	case KEY_WRITE:
		options->write = true;
		return 0;
	case KEY_NO_SPARSE:
		options->sparse = false;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->to || (options->file && strcmp(the_verb, "copy") != 0))
			argp_error(state, "'%s' is one name too many", text);
		*(options->file ? &options->to : &options->file) = text;
		return 0;
	case ARGP_KEY_END:
		check(state);
		return 0;
	default:
		return take_session(key, text, state);
	}
}

/* ---- what is printed ---- */

static int info(struct session *s, const struct blk_options *options, char *error)
{
	const struct vr_blk_command command = { .type = VR_BLK_T_GET_ID };
	const struct vr_blk_space *space = &s->space;
	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {
		{ "bytes", session_bytes(s) },
		{ "block_size", space->blk_size },
		{ "physical_block_exp", space->physical_block_exp },
		{ "alignment_offset", space->alignment_offset },
		{ "min_io_size", space->min_io_size },
		{ "opt_io_size", space->opt_io_size },
		{ "writeback", space->writeback },
		{ "queues", space->num_queues },
		{ "seg_max", space->seg_max },
		{ "size_max", space->size_max },
		{ "max_discard_sectors", space->max_discard_sectors },
		{ "max_discard_seg", space->max_discard_seg },
		{ "discard_sector_alignment", space->discard_sector_alignment },
		{ "max_write_zeroes_sectors", space->max_write_zeroes_sectors },
		{ "max_write_zeroes_seg", space->max_write_zeroes_seg },
		{ "write_zeroes_may_unmap", space->write_zeroes_may_unmap },
	};
	char text[FEATURES_TEXT];
	struct vr_blk_result result;
	json_object *json;

	if (session_command(s, &command, &result, error))
		return -1;
	features_text(s->features, VR_DEVICE_BLK, text);
	json = json_object_new_object();
	json_put_text(json, "id", result.status == VR_BLK_S_OK ? result.id : "");
	json_put_text(json, "features", text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		json_put(json, lines[i].name, json_count(lines[i].value));
	if (options->json) {
		json_print(json);
		return 0;
	}
	json_object_put(json);
	printf("%-26s%s\n%-26s%s\n", "id", result.status == VR_BLK_S_OK ? result.id : "(none)",
	       "features", text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		printf("%-26s%" PRIu64 "\n", lines[i].name, lines[i].value);
	return 0;
}

static void print_outcome(const struct session *s, const struct blk_options *options,
			  const struct blk_outcome *o)
{
	double requests = o->requests ? (double)o->requests : 1;
	FILE *to = options->file && !strcmp(options->file, "-") ? stderr : stdout;
	char text[FEATURES_TEXT];
	json_object *json;

	features_text(s->features, VR_DEVICE_BLK, text);
	if (!options->json) {
		fprintf(to, "%s: %" PRIu64 " bytes, %" PRIu64 " requests, %.3f s, %.1f MiB/s",
			the_verb, o->bytes, o->requests, o->seconds,
			(double)o->bytes / o->seconds / 1048576);
		if (o->zeroes > 0)
			fprintf(to, ", %" PRIu64 " bytes of zeroes left out", o->zeroes);
		if (o->latency > 0)
			fprintf(to, ", %.0f requests/s, %.1f us each, %.2f us of our CPU",
				requests / o->seconds, o->latency / requests * 1e6,
				o->cpu_seconds / requests * 1e6);
		fputc('\n', to);
		return;
	}
	json = json_object_new_object();
	json_put_text(json, "verb", the_verb);
	json_put_text(json, "features", text);
	json_put(json, "bytes", json_count(o->bytes));
	json_put(json, "zero_bytes_left_out", json_count(o->zeroes));
	json_put(json, "requests", json_count(o->requests));
	json_put(json, "notifications", json_count(s->notifications));
	json_put(json, "seconds", json_object_new_double(o->seconds));
	json_put(json, "cpu_seconds", json_object_new_double(o->cpu_seconds));
	if (o->latency > 0)
		json_put(json, "mean_latency_seconds",
			 json_object_new_double(o->latency / requests));
	json_print(json);
}

static int copy_disks(struct session *s, const struct blk_options *options,
		      struct blk_outcome *outcome, char *error)
{
	struct session_options second = options->session;
	struct session *to = calloc(1, sizeof(*to));
	int result;

	if (!to)
		return tool_text(error, "out of memory");
	second.path = options->to;
	result = session_open(to, &second, error);
	if (!result)
		result = blk_copy(s, to, options, outcome, error);
	session_close(to);
	free(to);
	return result;
}

static int move(struct session *s, const struct blk_options *options, struct blk_outcome *outcome,
		char *error)
{
	const char *verb = the_verb;

	if (options->to)
		return copy_disks(s, options, outcome, error);
	if (!strcmp(verb, "copy"))
		verb = options->inward ? "write" : "read";
	return blk_move(s, options, verb, outcome, error);
}

/* A verb that takes its time, and how it went. */
static int run_timed(struct session *s, const struct blk_options *options, char *error)
{
	struct blk_outcome outcome = { 0 };
	double cpu = tool_cpu_seconds();
	double start = tool_now();
	int result;

	if (!strcmp(the_verb, "bench"))
		result = blk_bench(s, options, &outcome, error);
	else
		result = move(s, options, &outcome, error);
	outcome.seconds = tool_now() - start;
	outcome.cpu_seconds = tool_cpu_seconds() - cpu;
	if (!result)
		print_outcome(s, options, &outcome);
	return result;
}

static int run(const struct blk_options *options)
{
	char error[TOOL_TEXT] = "";
	struct session s;
	int result;

	interrupt_setup();
	result = session_open(&s, &options->session, error);
	if (!result)
		result = !strcmp(the_verb, "info") ? info(&s, options, error) :
						     run_timed(&s, options, error);
	session_close(&s);
	if (!result)
		return 0;
	fprintf(stderr, "virtring blk %s: %s\n", the_verb, error);
	return result == TOOL_FAILED ? TOOL_FAILED : TOOL_CANNOT;
}

static int verb_main(int argc, char **argv)
{
	static const struct argp_option arguments[] = {
		{ "socket", KEY_SOCKET, "PATH", 0, "where the back end listens", 0 },
		{ "queues", KEY_QUEUES, "N", 0, "request queues to use (1)", 0 },
		{ "depth", KEY_DEPTH, "N", 0, "requests in flight (16; bench: 32)", 0 },
		{ "block", KEY_BLOCK, "BYTES", 0, "bytes of a request (64K; bench: 4K)", 0 },
		{ "segment", KEY_SEGMENT, "BYTES", 0, "cut requests into pieces of this size", 0 },
		{ "size", KEY_SIZE, "N", 0, "descriptors of each queue (128)", 0 },
		{ "mask", KEY_MASK, "BIT,...", 0, "feature bits not to accept, by name", 0 },
		{ "offset", KEY_OFFSET, "BYTES", 0, "first byte on the disk (0)", 0 },
		{ "length", KEY_LENGTH, "BYTES", 0, "how much (all)", 0 },
		{ "seconds", KEY_SECONDS, "S", 0, "bench: how long (3)", 0 },
		{ "write", KEY_WRITE, NULL, 0, "bench: write, which destroys what is there", 0 },
		{ "no-sparse", KEY_NO_SPARSE, NULL, 0, "send and write zeroes like other data", 0 },
		{ "json", KEY_JSON, NULL, 0, "results as JSON", 0 },
		{ 0 },
	};
	static const struct argp parser = {
		arguments, take, "[FILE...]", "Talks to a vhost-user-blk back end.",
		NULL,	   NULL, NULL,
	};
	bool bench = !strcmp(the_verb, "bench");
	struct blk_options options = { .seconds = 3, .sparse = true };

	options.session = (struct session_options){
		.queues = 1, .size = 128, .depth = bench ? 32 : 16, .block = bench ? 4096 : 65536
	};
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.session.depth < options.session.queues)
		options.session.depth = options.session.queues;
	return run(&options);
}

int blk_main(int argc, char **argv)
{
	static const char *const verbs[] = { "info", "read", "write", "copy", "verify", "bench" };
	static char full_name[32];
	const char *verb = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i]) != 0)
			continue;
		the_verb = verbs[i];
		snprintf(full_name, sizeof(full_name), "virtring blk %s", the_verb);
		argv[1] = full_name;
		return verb_main(argc - 1, argv + 1);
	}
	if (!strcmp(verb, "--help")) {
		puts("usage: virtring blk (info|read|write|verify|bench) --socket PATH [FILE]\n"
		     "       virtring blk copy FROM TO\n\n"
		     "`virtring blk VERB --help` tells more.");
		return 0;
	}
	fprintf(stderr, "virtring blk: info, read, write, copy, verify or bench?\n");
	return TOOL_CANNOT;
}
