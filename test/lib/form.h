/* SPDX-License-Identifier: BSD-3-Clause */
/* The four forms of a virtqueue, to run a test over all of them. */
#ifndef TEST_FORM_H
#define TEST_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include <virtring/ring.h>

struct form {
	const char *name;
	uint64_t features;
};

#define FORM_COUNT 4
extern const struct form forms[FORM_COUNT];

/* NOLINTNEXTLINE(bugprone-macro-parentheses): it declares its argument */
#define FOR_EACH_FORM(f) for (const struct form *f = forms; f < forms + FORM_COUNT; f++)

#define SPLIT (VR_F_VERSION_1)
#define SPLIT_IN_ORDER (VR_F_VERSION_1 | VR_F_IN_ORDER)
#define PACKED (VR_F_VERSION_1 | VR_F_RING_PACKED)
#define PACKED_IN_ORDER (VR_F_VERSION_1 | VR_F_RING_PACKED | VR_F_IN_ORDER)

static inline bool is_packed(uint64_t features)
{
	return features & VR_F_RING_PACKED;
}

static inline bool is_in_order(uint64_t features)
{
	return features & VR_F_IN_ORDER;
}

static inline bool has_event_idx(uint64_t features)
{
	return features & VR_F_EVENT_IDX;
}

/* "split", "packed in order with event index", … */
const char *form_name(uint64_t features);

#endif
