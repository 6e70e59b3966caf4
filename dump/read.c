// SPDX-License-Identifier: BSD-3-Clause
/*
 * Images read. The file may come from anybody, so each line is judged: what is not the format is
 * named with its line, and a number that is out of its bounds with the bounds.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

/* The longest line that is one: a row of bytes, or a name. */
#define LINE 256

struct parse {
	struct ring_reader *reader;
	struct ring_image *image;
	char text[LINE]; /* the line, without its newline */
	struct ring_image head; /* what was said before the areas; no memory of its own */
	bool has_features;
	bool made; /* *image has memory */
	unsigned int areas; /* begun so far: they come in the order of enum vr_area */
	size_t at; /* end of the last row of the area */
};

__attribute__((format(printf, 2, 3))) static int wrong(struct parse *p, const char *format, ...)
{
	struct ring_reader *reader = p->reader;
	int used = snprintf(reader->error, sizeof(reader->error), "line %lu: ", reader->line);
	va_list list;

	va_start(list, format);
	vsnprintf(reader->error + used, sizeof(reader->error) - (size_t)used, format, list);
	va_end(list);
	return -1;
}

/* 1 with a line in @text, 0 at the end, -1. Empty lines and those with # in front say nothing. */
static int next_line(struct parse *p)
{
	size_t length;

	do {
		p->reader->line++;
		if (!fgets(p->text, sizeof(p->text), p->reader->from))
			return ferror(p->reader->from) ? wrong(p, "cannot be read") : 0;
		length = strlen(p->text);
		if (length == 0 || p->text[length - 1] != '\n') {
			if (length == sizeof(p->text) - 1)
				return wrong(p, "longer than %d characters", LINE - 2);
			return wrong(p, "no whole line, or no text");
		}
		p->text[--length] = '\0';
		if (length && p->text[length - 1] == '\r')
			p->text[--length] = '\0';
	} while (length == 0 || p->text[0] == '#');
	for (size_t i = 0; i < length; i++)
		if (p->text[i] < ' ' || p->text[i] > '~')
			return wrong(p, "a character that cannot be printed");
	return 1;
}

/* What follows "@word " in the line, or NULL. */
static const char *after(const struct parse *p, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(p->text, word, length) != 0 || p->text[length] != ' ')
		return NULL;
	return p->text + length + 1;
}

/* A number and nothing else, up to @end or the end of the line. */
static bool number(const char **text, char end, int base, uint64_t most, uint64_t *value)
{
	char *stop;

	/* strtoull() would take white space and signs, too. */
	if (!strchr("0123456789abcdefABCDEF", **text) || !**text)
		return false;
	*value = strtoull(*text, &stop, base);
	if (*stop != end || stop - *text > 18 || *value > most)
		return false;
	*text = *stop ? stop + 1 : stop;
	return true;
}

static int take_features(struct parse *p, const char *text)
{
	if (strncmp(text, "0x", 2) != 0 || !number(&text, '\0', 16, UINT64_MAX, &p->head.features))
		return wrong(p, "features takes one number in hexadecimal, as 0x100000000");
	p->has_features = true;
	return 0;
}

static int take_size(struct parse *p, const char *text)
{
	uint64_t value;

	if (!number(&text, '\0', 10, VR_QUEUE_SIZE_MAX, &value) || value == 0)
		return wrong(p, "size takes a number from 1 to %u", VR_QUEUE_SIZE_MAX);
	p->head.size = (uint32_t)value;
	return 0;
}

static int take_text(struct parse *p, char *to, const char *text)
{
	if (strlen(text) >= RING_NAME)
		return wrong(p, "more than %d characters", RING_NAME - 1);
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

/* The head is complete as soon as a line needs to know the form. */
static int need_form(struct parse *p)
{
	if (p->made)
		return 0;
	if (!p->has_features || !p->head.size)
		return wrong(p, "features and size have to come first");
	if (ring_image_init(p->image, "", p->head.features, p->head.size))
		return wrong(p, "no split queue has %u descriptors, or there is not enough memory",
			     p->head.size);
	p->made = true;
	return 0;
}

static int take_cursor(struct parse *p, const char *text)
{
	bool packed;
	uint64_t value, wrap = 0;

	if (need_form(p))
		return -1;
	packed = ring_image_is_packed(p->image);
	for (int i = 0; i < RING_CURSORS; i++) {
		size_t length = strlen(ring_cursor_names[i]);

		if (strncmp(text, ring_cursor_names[i], length) != 0 || text[length] != ' ')
			continue;
		text += length + 1;
		if (packed && number(&text, ' ', 10, p->image->size - 1, &value) &&
		    number(&text, '\0', 10, 1, &wrap))
			value |= wrap << 15;
		else if (packed || !number(&text, '\0', 10, UINT16_MAX, &value))
			return wrong(p, packed ? "a cursor takes a slot of the ring, and 0 or 1" :
						 "a cursor takes an index from 0 to 65535");
		ring_image_cursor(p->image, (enum ring_cursor)i, (uint16_t)value);
		return 0;
	}
	return wrong(p, "cursors are made, seen, taken and used");
}

static int take_area(struct parse *p, const char *text)
{
	size_t length;

	if (need_form(p))
		return -1;
	if (p->areas == 3)
		return wrong(p, "a fourth area");
	length = strlen(ring_area_names[p->areas]);
	if (strncmp(text, ring_area_names[p->areas], length) != 0 || text[length] != ' ')
		return wrong(p, "the area that has to follow is %s", ring_area_names[p->areas]);
	text += length + 1;
	if (strncmp(text, "0x", 2) != 0 ||
	    !number(&text, '\0', 16, UINT64_MAX, &p->image->part[p->areas].addr))
		return wrong(p, "an area has one address in hexadecimal, as 0x1000");
	p->areas++;
	p->at = 0;
	return 0;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* OFFSET: BYTE BYTE ... */
static int take_row(struct parse *p, const char *text)
{
	struct ring_part *part;
	uint64_t at;

	if (!p->areas)
		return wrong(p, "bytes of no area");
	part = &p->image->part[p->areas - 1];
	if (!number(&text, ':', 16, part->length, &at) || at < p->at)
		return wrong(p, "offsets go up, and end at %zx", part->length);
	for (p->at = at; *text; p->at++) {
		int high = text[0] == ' ' ? digit(text[1]) : -1;
		int low = high < 0 ? -1 : digit(text[2]);

		if (low < 0)
			return wrong(p, "bytes are two small hexadecimal digits each");
		if (p->at == part->length || p->at == at + RING_ROW)
			return wrong(p, "more bytes than the %s",
				     p->at == part->length ? "area has" : "16 of a row");
		part->bytes[p->at] = (uint8_t)((unsigned int)high << 4 | (unsigned int)low);
		text += 3;
	}
	return p->at == at ? wrong(p, "a row without bytes") : 0;
}

static int take_line(struct parse *p)
{
	static const struct {
		const char *word;
		int (*take)(struct parse *p, const char *text);
	} words[] = {
		{ "cursor", take_cursor },
		{ "area", take_area },
	};
	bool early = !p->made;
	const char *text;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		text = after(p, words[i].word);
		if (text)
			return words[i].take(p, text);
	}
	text = after(p, "features");
	if (text)
		return early ? take_features(p, text) : wrong(p, "features come first");
	text = after(p, "size");
	if (text)
		return early ? take_size(p, text) : wrong(p, "the size comes first");
	text = after(p, "name");
	if (text)
		return take_text(p, p->head.name, text);
	text = after(p, "broken");
	if (text)
		return take_text(p, p->head.broken, text);
	if (strcmp(p->text, "moved") == 0) {
		p->head.moved = true;
		return 0;
	}
	if (digit(p->text[0]) >= 0 && strchr(p->text, ':'))
		return take_row(p, p->text);
	return wrong(p, "no line of an image begins like this");
}

/* From the head to the end of one image. */
static int read_image(struct parse *p)
{
	int got;

	if (strcmp(p->text, RING_HEAD) != 0)
		return wrong(p, "no image begins with this; the first line is '%s'", RING_HEAD);
	while ((got = next_line(p)) > 0) {
		if (strcmp(p->text, "end") == 0)
			break;
		if (take_line(p))
			return -1;
	}
	if (got < 0)
		return -1;
	if (!got)
		return wrong(p, "the file ends within an image");
	if (p->areas < 3)
		return wrong(p, "an image without area %s", ring_area_names[p->areas]);
	memcpy(p->image->name, p->head.name, RING_NAME);
	memcpy(p->image->broken, p->head.broken, RING_NAME);
	p->image->moved = p->head.moved;
	return 1;
}

int ring_image_read(struct ring_reader *reader, struct ring_image *image)
{
	struct parse p = { .reader = reader, .image = image };
	int got = next_line(&p);

	if (got > 0)
		got = read_image(&p);
	if (got < 0 && p.made)
		ring_image_free(image);
	return got;
}
