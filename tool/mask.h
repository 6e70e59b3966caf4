/* SPDX-License-Identifier: BSD-3-Clause */
/* Feature bits by name, on the command line and in what is printed. */
#ifndef MASK_H
#define MASK_H

#include <stddef.h>
#include <stdint.h>

/* Room for all names of a set of features. */
#define FEATURES_TEXT 512

/**
 * mask_parse() - bits from names such as "RING_PACKED,IN_ORDER"
 * @text: names separated by commas, or "" for none
 * @device: VR_DEVICE_*, whose names are known besides the common ones
 * @mask: set
 * @error: TOOL_TEXT bytes
 *
 * Return: 0, or -1 with @error set.
 */
int mask_parse(const char *text, uint32_t device, uint64_t *mask, char *error);

/**
 * features_text() - names of bits, separated by spaces
 * @features: the bits; those without a name are given by number
 * @device: VR_DEVICE_*
 * @text: FEATURES_TEXT bytes
 *
 * Return: @text.
 */
const char *features_text(uint64_t features, uint32_t device, char *text);

#endif
