// SPDX-License-Identifier: BSD-3-Clause
#include "mesi.h"

#include <stdio.h>
#include <stdlib.h>

/* A table with open addressing, never more than half full. */
#define FIRST_ROOM 4096u

struct line {
	uintptr_t number; /* plus one; 0: nothing here */
	uint8_t state[MESI_CACHES];
};

struct mesi {
	struct line *lines;
	size_t room; /* a power of two */
	size_t count;
};

struct mesi *mesi_new(void)
{
	struct mesi *mesi = calloc(1, sizeof(*mesi));

	if (!mesi)
		return NULL;
	mesi->room = FIRST_ROOM;
	mesi->lines = calloc(mesi->room, sizeof(*mesi->lines));
	if (mesi->lines)
		return mesi;
	free(mesi);
	return NULL;
}

void mesi_free(struct mesi *mesi)
{
	if (!mesi)
		return;
	free(mesi->lines);
	free(mesi);
}

/* The place of a line: where it is, or where it would go. */
static struct line *find(struct line *lines, size_t room, uintptr_t number)
{
	size_t at = number & (room - 1);

	while (lines[at].number && lines[at].number != number)
		at = (at + 1) & (room - 1);
	return &lines[at];
}

static void grow(struct mesi *mesi)
{
	struct line *lines = calloc(2 * mesi->room, sizeof(*lines));

	if (!lines) {
		fputs("bench-ring_count: out of memory\n", stderr);
		exit(2);
	}
	for (size_t i = 0; i < mesi->room; i++)
		if (mesi->lines[i].number)
			*find(lines, 2 * mesi->room, mesi->lines[i].number) = mesi->lines[i];
	free(mesi->lines);
	mesi->lines = lines;
	mesi->room *= 2;
}

static struct line *line_of(struct mesi *mesi, uintptr_t address)
{
	uintptr_t number = address / MESI_LINE + 1;
	struct line *line = find(mesi->lines, mesi->room, number);

	if (line->number)
		return line;
	if (2 * (mesi->count + 1) > mesi->room) {
		grow(mesi);
		line = find(mesi->lines, mesi->room, number);
	}
	mesi->count++;
	line->number = number;
	return line;
}

static enum mesi_event load(uint8_t *mine, uint8_t *theirs)
{
	if (*mine != MESI_INVALID)
		return MESI_HIT;
	if (*theirs == MESI_INVALID) {
		*mine = MESI_EXCLUSIVE;
		return MESI_MEMORY;
	}
	*mine = *theirs = MESI_SHARED;
	return MESI_READ;
}

static enum mesi_event store(uint8_t *mine, uint8_t *theirs)
{
	enum mesi_event event = MESI_HIT;

	if (*mine == MESI_INVALID)
		event = *theirs == MESI_INVALID ? MESI_MEMORY : MESI_FETCH;
	else if (*mine == MESI_SHARED)
		event = MESI_UPGRADE;
	*mine = MESI_MODIFIED;
	*theirs = MESI_INVALID;
	return event;
}

enum mesi_event mesi_access(struct mesi *mesi, unsigned int cache, uintptr_t address, bool stores)
{
	struct line *line = line_of(mesi, address);
	uint8_t *mine = &line->state[cache];
	uint8_t *theirs = &line->state[1 - cache];

	return stores ? store(mine, theirs) : load(mine, theirs);
}

enum mesi_state mesi_state(const struct mesi *mesi, unsigned int cache, uintptr_t address)
{
	const struct line *line = find(mesi->lines, mesi->room, address / MESI_LINE + 1);

	return (enum mesi_state)line->state[cache];
}
