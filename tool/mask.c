// SPDX-License-Identifier: BSD-3-Clause
/* Feature bits by name. */
#include "mask.h"

#include <stdio.h>
#include <string.h>

#include <virtring/features.h>

#include "tool.h"

static int bit_named(const char *name, size_t length, uint32_t device)
{
	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *known = vr_feature_name(device, bit);

		if (known && strlen(known) == length && !strncmp(known, name, length))
			return (int)bit;
	}
	return -1;
}

int mask_parse(const char *text, uint32_t device, uint64_t *mask, char *error)
{
	*mask = 0;
	while (*text) {
		size_t length = strcspn(text, ",");
		int bit = bit_named(text, length, device);

		if (bit < 0)
			return tool_text(error, "no feature bit is called '%.*s'", (int)length,
					 text);
		*mask |= 1ull << bit;
		text += length;
		text += *text == ',';
	}
	return 0;
}

const char *features_text(uint64_t features, uint32_t device, char *text)
{
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *name = vr_feature_name(device, bit);
		char number[8];

		if (!(features >> bit & 1))
			continue;
		snprintf(number, sizeof(number), "%u", bit);
		snprintf(text + at, FEATURES_TEXT - at, "%s%s", at ? " " : "",
			 name ? name : number);
		at += strlen(text + at);
	}
	return text;
}
