/* SPDX-License-Identifier: BSD-3-Clause */
/* What the writer and the reader of images agree on. */
#ifndef DUMP_FORMAT_H
#define DUMP_FORMAT_H

#include "image.h"

/* The first line of each image; the number is the format's version. */
#define RING_HEAD "virtring-ring 1"

/* Bytes in a row that is written; read are rows of one to that many. */
#define RING_ROW 16u

extern const char *const ring_cursor_names[RING_CURSORS];
extern const char *const ring_area_names[3];

#endif
