/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring image: a queue's memory at one moment, what is known of the private cursors of its halves,
 * and how it is printed, saved, read and compared.
 *
 * Needs vr_ring_bytes() of the library and nothing else of it, so that an image can be of anybody's
 * ring. What an image says is never believed: any bytes can be printed.
 */
#ifndef DUMP_IMAGE_H
#define DUMP_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <virtring/ring.h>

struct json_object;

#define RING_NAME 64
#define RING_ERROR 200

/**
 * enum ring_cursor - private positions of the two halves
 * @RING_AT_MADE: where the driver makes the next buffer available
 * @RING_AT_SEEN: where the driver looks for the next used buffer
 * @RING_AT_TAKEN: where the device takes the next available buffer
 * @RING_AT_USED: where the device shows the next used buffer
 *
 * Split: an index of 16 bits, never reduced to the queue size. Packed: a slot in bits 0-14, the wrap
 * counter in bit 15.
 */
enum ring_cursor {
	RING_AT_MADE,
	RING_AT_SEEN,
	RING_AT_TAKEN,
	RING_AT_USED,
	RING_CURSORS
};

/**
 * struct ring_part - one area of the queue
 * @addr: where the device sees it
 * @bytes: what was in it
 * @length: how many, as vr_ring_bytes() says
 */
struct ring_part {
	uint64_t addr;
	uint8_t *bytes;
	size_t length;
};

/**
 * struct ring_image - a queue at one moment
 * @name: what the reader calls it; printable
 * @broken: why its owner has given it up, or empty; printable
 * @features: negotiated feature bits
 * @size: descriptors
 * @moved: an index changed while the copy was made, so its parts may not fit together
 * @known: bit n set: @cursor[n] is known
 * @cursor: by enum ring_cursor
 * @part: by enum vr_area
 */
struct ring_image {
	char name[RING_NAME];
	char broken[RING_NAME];
	uint64_t features;
	uint32_t size;
	bool moved;
	unsigned int known;
	uint16_t cursor[RING_CURSORS];
	struct ring_part part[3];
};

/**
 * ring_image_init() - an image of zeros
 * @image: filled; ring_image_free() frees it
 * @name: cut to RING_NAME; what cannot be printed becomes '?'
 * @features: negotiated feature bits
 * @size: descriptors
 *
 * Return: 0, or -1 when no queue has that size, or without memory; then nothing is to be freed.
 */
int ring_image_init(struct ring_image *image, const char *name, uint64_t features, uint32_t size);

/** ring_image_free() - free what ring_image_init() or ring_image_read() made; all zero is fine */
void ring_image_free(struct ring_image *image);

/**
 * ring_image_take() - copy the memory of a live queue, whose other side may be writing to it
 * @image: from ring_image_init()
 * @ring: the areas, as large as the image's features and size say
 *
 * Nothing is stored to the ring. @moved says whether the copy can be one moment's.
 */
void ring_image_take(struct ring_image *image, const struct vr_ring *ring);

/** ring_image_cursor() - note a cursor, in the format of enum ring_cursor */
void ring_image_cursor(struct ring_image *image, enum ring_cursor cursor, uint16_t value);

/** ring_image_broken() - note why the queue was given up */
void ring_image_broken(struct ring_image *image, const char *why);

/** ring_image_is_packed() - which layout? */
static inline bool ring_image_is_packed(const struct ring_image *image)
{
	return image->features & VR_F_RING_PACKED;
}

/**
 * ring_image_write() - save
 * @to: where to; a file may hold several images, one behind the other
 * @image: what
 *
 * Return: 0, or -1 with errno set.
 */
int ring_image_write(FILE *to, const struct ring_image *image);

/**
 * struct ring_reader - reading images from a file
 * @from: the file
 * @line: of what was read last
 * @error: why ring_image_read() failed, the line included
 */
struct ring_reader {
	FILE *from;
	unsigned long line;
	char error[RING_ERROR];
};

/**
 * ring_image_read() - the next image of a file
 * @reader: @from is set and the rest zero at first
 * @image: filled; ring_image_free() frees it
 *
 * Return: 1, 0 at the end of the file, or -1 with @reader->error set and nothing to be freed.
 */
int ring_image_read(struct ring_reader *reader, struct ring_image *image);

/**
 * ring_text() - print as a person reads it
 * @to: where to
 * @image: what
 *
 * Descriptors of the driver, of which there is nothing to be said, are left out.
 *
 * Return: 0, or -1 with errno set.
 */
int ring_text(FILE *to, const struct ring_image *image);

/** ring_text_all() - as ring_text(), with nothing left out */
int ring_text_all(FILE *to, const struct ring_image *image);

/**
 * ring_diff() - print what differs
 * @to: where to
 * @a: before
 * @b: after
 *
 * Return: the number of lines that say so, 0 for the same, or -1 with errno set.
 */
int ring_diff(FILE *to, const struct ring_image *a, const struct ring_image *b);

/**
 * ring_json() - an image for programs; all slots, named as ring_text() names them
 * @image: what
 *
 * Return: an object of json-c's, to be put by the caller; NULL without memory.
 */
struct json_object *ring_json(const struct ring_image *image);

#endif
