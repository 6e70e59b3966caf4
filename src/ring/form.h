/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What both halves need to know of a queue's form: layout, order, size, fault, event verdicts. */
#ifndef VR_RING_FORM_H
#define VR_RING_FORM_H

#include "wire.h"

#include <virtring/ring.h>

enum vr_form {
	VR_FORM_SPLIT,
	VR_FORM_SPLIT_IN_ORDER,
	VR_FORM_PACKED,
	VR_FORM_PACKED_IN_ORDER,
};

enum vr_form vr_form_of(uint64_t features);
bool vr_queue_size_valid(uint64_t features, uint32_t queue_size);
bool vr_ring_valid(uint64_t features, const struct vr_ring *ring);

VR_INLINE bool vr_form_is_packed(enum vr_form form)
{
	return form == VR_FORM_PACKED || form == VR_FORM_PACKED_IN_ORDER;
}

/* A test builds a core without the in-order forms, to show that they cost the plain ones nothing. */
#ifdef VR_WITHOUT_IN_ORDER
#define VR_WITH_IN_ORDER 0
#else
#define VR_WITH_IN_ORDER 1
#endif

VR_INLINE bool vr_form_is_in_order(enum vr_form form)
{
	return VR_WITH_IN_ORDER &&
	       (form == VR_FORM_SPLIT_IN_ORDER || form == VR_FORM_PACKED_IN_ORDER);
}

VR_INLINE uint32_t vr_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The accessors of a test may ask for room between the parts of private state, to watch it. */
#ifndef VR_CARVE_GAP
#define VR_CARVE_GAP(from) 0u
#endif

/* Private state is one piece of memory; this gives out its parts, each on a cache line of its own. */
static inline size_t vr_carve(size_t *end, size_t count, size_t each)
{
	size_t start = (*end + VR_CARVE_GAP(*end) + 63) & ~(size_t)63;

	*end = start + count * each;
	return start;
}

/*
 * Why a queue has halted: an enum vr_fault_reason, and whether its caller has stopped it. Private
 * state, but another thread may break the queue: so the word is atomic, and the first reason stays.
 */
#define VR_HALT_REASON 0xffffu
#define VR_HALT_STOPPED 0x10000u

struct vr_halt {
	uint32_t word;
	uint32_t reserved;
	uint64_t value;
	uint64_t limit;
};

VR_INLINE uint32_t vr_halted(const struct vr_halt *halt)
{
	return __atomic_load_n(&halt->word, __ATOMIC_RELAXED);
}

/* Does a halt word speak of a fault? */
VR_INLINE bool vr_halt_broken(uint32_t word)
{
	return (word & VR_HALT_REASON) != 0;
}

/* The answer of a call that a halted queue refuses. */
static inline int vr_halt_error(uint32_t word)
{
	return vr_halt_broken(word) ? VR_E_BROKEN : VR_E_STATE;
}

bool vr_halt_break(struct vr_halt *halt, enum vr_fault_reason reason);
VR_COLD void vr_halt_detail(struct vr_halt *halt, enum vr_fault_reason reason, uint64_t value,
			    uint64_t limit);
void vr_halt_stop(struct vr_halt *halt);
void vr_halt_clear(struct vr_halt *halt);
bool vr_halt_get(const struct vr_halt *halt, struct vr_fault *fault);

/* The owner's own verdict on its peer, ready to be returned. */
static inline int vr_halt_fault(struct vr_halt *halt, enum vr_fault_reason reason, uint64_t value,
				uint64_t limit)
{
	vr_halt_detail(halt, reason, value, limit);
	return VR_E_BROKEN;
}

/* A position in a packed ring and the wrap counter that goes with it. */
struct vr_position {
	uint16_t slot;
	bool wrap;
};

/* Moves on by 0..size descriptors; exactly one lap flips the wrap counter once. */
VR_INLINE void vr_advance(struct vr_position *position, uint32_t count, uint32_t size)
{
	uint32_t slot = position->slot + count;

	if (slot >= size) {
		slot -= size;
		position->wrap = !position->wrap;
	}
	position->slot = (uint16_t)slot;
}

/* And back. */
static inline void vr_retreat(struct vr_position *position, uint32_t count, uint32_t size)
{
	if (position->slot < count) {
		position->slot = (uint16_t)(position->slot + size);
		position->wrap = !position->wrap;
	}
	position->slot = (uint16_t)(position->slot - count);
}

VR_INLINE uint32_t vr_position_encode(struct vr_position position)
{
	return position.slot | (position.wrap ? 0x8000u : 0);
}

static inline struct vr_position vr_position_decode(uint32_t code)
{
	struct vr_position position = { (uint16_t)(code & 0x7fff), (code & 0x8000) != 0 };

	return position;
}

/* A position as a number below two laps, so that differences can be taken. */
static inline uint32_t vr_position_linear(struct vr_position position, uint32_t size)
{
	return position.slot + (position.wrap ? 0 : size);
}

/*
 * Steps from one position to a later one, fewer than two laps. By comparison, not by division:
 * where a machine has none in hardware, that would be a call into the compiler's library.
 */
static inline uint32_t vr_position_distance(struct vr_position from, struct vr_position to,
					    uint32_t size)
{
	uint32_t laps = 2 * size;
	uint32_t steps = vr_position_linear(to, size) + laps - vr_position_linear(from, size);

	return steps < laps ? steps : steps - laps;
}

/*
 * Was the event index passed by the last @count index steps, which ended at @now? (2.7.7.2,
 * 2.7.10.2) A verdict may cover more steps than 16 bits can tell apart.
 */
static inline bool vr_split_event_passed(uint64_t count, uint16_t now, uint16_t event)
{
	return count > 0xffff || (uint16_t)(now - event - 1) < (uint16_t)count;
}

bool vr_packed_event_wants(uint32_t event, bool event_idx, uint64_t count, struct vr_position now,
			   uint32_t size);

/* Reports bytes @first to @last, entry by entry, of a ring that may have wrapped between them. */
void vr_stored_entries(struct vr_stored *stored, enum vr_area area, uint32_t start, uint32_t each,
		       uint32_t first, uint32_t last, uint32_t size);
void vr_stored_add(struct vr_stored *stored, enum vr_area area, size_t offset, size_t length);

/* The last event word stored by us, so that an unchanged one is not stored again. */
#define VR_EVENT_UNKNOWN UINT32_MAX

#endif
