// SPDX-License-Identifier: BSD-3-Clause
/* The four forms of a virtqueue. */
#include "form.h"

#include <stdio.h>

const struct form forms[FORM_COUNT] = {
	{ "split", SPLIT },
	{ "packed", PACKED },
	{ "split in order", SPLIT_IN_ORDER },
	{ "packed in order", PACKED_IN_ORDER },
};

const char *form_name(uint64_t features)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s%s%s%s", is_packed(features) ? "packed" : "split",
		 is_in_order(features) ? " in order" : "",
		 has_event_idx(features) ? " with event index" : "",
		 features & VR_F_INDIRECT_DESC ? " with indirect" : "");
	return text;
}
