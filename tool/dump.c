// SPDX-License-Identifier: BSD-3-Clause
/* virtring dump: a queue's memory as a person reads it. */
#include <argp.h>
#include <errno.h>
#include <json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dump/image.h"
#include "json_parts.h"
#include "tool.h"

struct dump_options {
	const char *path[2];
	unsigned int paths;
	bool all;
	bool diff;
	bool json;
};

/* All images of a file. */
struct album {
	struct ring_image *images;
	size_t count;
};

static int cannot(const char *what, const char *why)
{
	fprintf(stderr, "virtring dump: %s: %s\n", what, why);
	return TOOL_CANNOT;
}

static void album_free(struct album *album)
{
	for (size_t i = 0; i < album->count; i++)
		ring_image_free(&album->images[i]);
	free(album->images);
}

static int album_read(struct ring_reader *reader, struct album *album)
{
	struct ring_image image;
	int got;

	while ((got = ring_image_read(reader, &image)) > 0) {
		struct ring_image *more =
			reallocarray(album->images, album->count + 1, sizeof(*more));

		if (!more) {
			ring_image_free(&image);
			snprintf(reader->error, sizeof(reader->error), "%s", strerror(ENOMEM));
			return -1;
		}
		album->images = more;
		album->images[album->count++] = image;
	}
	if (!got && !album->count)
		snprintf(reader->error, sizeof(reader->error), "no image in it");
	return !got && album->count ? 0 : -1;
}

static int album_open(const char *path, struct album *album)
{
	bool standard = strcmp(path, "-") == 0;
	struct ring_reader reader = { .from = standard ? stdin : fopen(path, "re") };
	int status = 0;

	if (!reader.from)
		return cannot(path, strerror(errno));
	if (album_read(&reader, album))
		status = cannot(path, reader.error);
	if (!standard)
		fclose(reader.from);
	return status;
}

static int print_json(const struct album *album)
{
	json_object *json = json_object_new_array();

	for (size_t i = 0; i < album->count; i++)
		json_object_array_add(json, ring_json(&album->images[i]));
	json_print(json);
	return 0;
}

static int print(const struct dump_options *options, const struct album *album)
{
	if (options->json)
		return print_json(album);
	for (size_t i = 0; i < album->count; i++) {
		const struct ring_image *image = &album->images[i];

		if (i)
			putchar('\n');
		if (options->all ? ring_text_all(stdout, image) : ring_text(stdout, image))
			return cannot("standard output", strerror(errno));
	}
	return 0;
}

/* Prints what is different, under the name of the queue; status. */
static int compare(const struct ring_image *a, const struct ring_image *b, bool *different)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	int lines = to ? ring_diff(to, a, b) : -1;

	if (to)
		fclose(to);
	if (lines > 0)
		printf("%s\n%s", b->name[0] ? b->name : "queue", text);
	*different |= lines != 0;
	free(text);
	return lines < 0 ? cannot(b->name, strerror(ENOMEM)) : 0;
}

/* The newest image of a queue, up to and without number @end. */
static const struct ring_image *newest(const struct album *album, const char *name, size_t end)
{
	while (end--)
		if (strcmp(album->images[end].name, name) == 0)
			return &album->images[end];
	return NULL;
}

/* Each queue's newest image in @b with its newest in @a, or with the one before it in one file. */
static int diff(const struct album *a, const struct album *b)
{
	bool different = false;
	unsigned int pairs = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct ring_image *now = &b->images[i];
		const struct ring_image *before = newest(a, now->name, a == b ? i : a->count);

		if (!before || newest(b, now->name, b->count) != now)
			continue;
		pairs++;
		if (compare(before, now, &different))
			return TOOL_CANNOT;
	}
	if (!pairs)
		return cannot("--diff", a == b ? "no queue is in the file twice" :
						 "no queue is in both files");
	return different ? TOOL_FAILED : 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): argp's type */
static error_t take(int key, char *text, struct argp_state *state)
{
	struct dump_options *options = state->input;

	switch (key) {
	case 'a':
		options->all = true;
		return 0;
	case 'd':
		options->diff = true;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->paths == 2)
			argp_error(state, "two files are enough");
		options->path[options->paths++] = text;
		return 0;
	case ARGP_KEY_END:
		if (!options->paths)
			argp_error(state, "which file?");
		if (options->paths == 2 && !options->diff)
			argp_error(state, "two files are for --diff");
		if (options->diff && (options->json || options->all))
			argp_error(state, "--diff prints differences; it has no --json, no --all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run(const struct dump_options *options)
{
	struct album first = { .count = 0 };
	struct album second = { .count = 0 };
	int status = album_open(options->path[0], &first);

	if (!status && options->path[1])
		status = album_open(options->path[1], &second);
	if (!status && options->diff)
		status = diff(&first, options->path[1] ? &second : &first);
	else if (!status)
		status = print(options, &first);
	album_free(&first);
	album_free(&second);
	return status;
}

int dump_main(int argc, char **argv)
{
	static const struct argp_option arguments[] = {
		{ "all", 'a', NULL, 0, "every slot, also those of which nothing is to be said", 0 },
		{ "diff", 'd', NULL, 0,
		  "only what differs between the newest images of each queue in two files, or its "
		  "two newest in one; status 1 when anything does",
		  0 },
		{ "json", 'j', NULL, 0, "for programs", 0 },
		{ 0 },
	};
	static const struct argp parser = {
		arguments,
		take,
		"FILE\n--diff FILE [FILE]",
		"Prints the memory of queues as a person reads it, from a file that --dump-on-signal "
		"of `virtring serve` wrote: descriptors, both rings, wrap counters, events, and who "
		"owns what. FILE - is standard input.",
		NULL,
		NULL,
		NULL,
	};
	struct dump_options options = { .path = { NULL } };

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	return run(&options);
}
