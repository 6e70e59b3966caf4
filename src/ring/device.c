// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/* The burst calls of a device half: one switch selects the form, whose body is inlined here. */
#include "device_complete.h"
#include "device_packed.h"
#include "device_split.h"

/* Buffers that were recorded come first, as they are the oldest. */
static int pop_again(struct vr_device *device, struct vr_chain *chains, unsigned int count,
		     struct vr_iovec *segments, unsigned int room)
{
	const struct vr_device_observer *observer = device->observer;
	unsigned int done = 0;

	while (done < count && device->resubmit_left) {
		struct vr_chain *chain = &chains[done];
		int got = observer->again(observer->context, device, chain, segments, room);

		if (got <= 0)
			return done ? (int)done : got;
		done++;
		segments += chain->readable + chain->writable;
		room -= chain->readable + chain->writable;
	}
	return (int)done;
}

VR_INLINE int pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
		  struct vr_iovec *segments, unsigned int room)
{
	struct vr_pop pop;

	if (vr_unlikely(vr_halted(&device->halt)))
		return VR_E_BROKEN;
	pop.chains = chains;
	pop.segments = segments;
	pop.count = count;
	pop.room = room;
	pop.done = 0;
	switch (device->form) {
	case VR_FORM_SPLIT:
		return vr_split_pop(device, &pop, false);
	case VR_FORM_SPLIT_IN_ORDER:
		if (vr_unlikely(device->resubmit_left))
			return VR_E_BUSY;
		return vr_split_pop(device, &pop, true);
	case VR_FORM_PACKED:
		return vr_packed_pop(device, &pop, false);
	case VR_FORM_PACKED_IN_ORDER:
		if (vr_unlikely(device->resubmit_left))
			return VR_E_BUSY;
		return vr_packed_pop(device, &pop, true);
	}
	return VR_E_INVAL;
}

VR_COLD static int pop_observed(struct vr_device *device, struct vr_chain *chains,
				unsigned int count, struct vr_iovec *segments,
				unsigned int segment_count)
{
	const struct vr_device_observer *observer = device->observer;
	int got;

	if (device->resubmit_left && observer->again && !vr_halted(&device->halt))
		return pop_again(device, chains, count, segments, segment_count);
	got = pop(device, chains, count, segments, segment_count);
	if (got > 0)
		observer->popped(observer->context, chains, (unsigned int)got);
	return got;
}

int vr_device_pop(struct vr_device *device, struct vr_chain *chains, unsigned int count,
		  struct vr_iovec *segments, unsigned int segment_count)
{
	if (vr_unlikely(device->observer != NULL))
		return pop_observed(device, chains, count, segments, segment_count);
	return pop(device, chains, count, segments, segment_count);
}

static int complete(struct vr_device *device, uint64_t handle, uint32_t len)
{
	switch (device->form) {
	case VR_FORM_SPLIT:
		return vr_device_complete_one(device, handle, len, false, false);
	case VR_FORM_SPLIT_IN_ORDER:
		return vr_device_complete_one(device, handle, len, false, true);
	case VR_FORM_PACKED:
		return vr_device_complete_one(device, handle, len, true, false);
	case VR_FORM_PACKED_IN_ORDER:
		return vr_device_complete_one(device, handle, len, true, true);
	}
	return VR_E_INVAL;
}

/* Before it is staged: a packed entry may go over descriptors that the record has to have by then. */
VR_COLD static int complete_observed(struct vr_device *device, uint64_t handle, uint32_t len)
{
	const struct vr_device_observer *observer = device->observer;

	if (!vr_device_owns(device, handle, vr_form_is_in_order(device->form)))
		return VR_E_STALE;
	if (len > device->records[handle & VR_PLACE_MASK].capacity)
		return VR_E_INVAL;
	observer->completed(observer->context, handle);
	return complete(device, handle, len);
}

int vr_device_complete(struct vr_device *device, uint64_t handle, uint32_t len)
{
	if (vr_unlikely(device->observer != NULL))
		return complete_observed(device, handle, len);
	return complete(device, handle, len);
}

/* The oldest buffer that is popped and neither completed nor staged; there is one. */
static uint64_t oldest(struct vr_device *device)
{
	if (vr_form_is_in_order(device->form))
		return device->records[device->stage_place].owner;
	vr_ages_skip(device);
	return device->ages[device->age_head];
}

/* One by one, as each has to be told of. */
VR_COLD static int oldest_observed(struct vr_device *device, const uint32_t *lens,
				   unsigned int count)
{
	unsigned int done;

	for (done = 0; done < count && device->open; done++) {
		uint64_t staged = device->staged;
		int error = complete_observed(device, oldest(device), lens ? lens[done] : 0);

		if (error)
			return done ? (int)done : error;
		/* What was parked behind it went along; the next length is for one further on. */
		if (device->staged - staged > 1)
			return (int)done + 1;
	}
	return (int)done;
}

VR_APART int oldest_plain(struct vr_device *device, const uint32_t *lens, unsigned int count)
{
	if (device->form == VR_FORM_SPLIT)
		return lens ? vr_device_oldest_plain(device, lens, count, false) :
			      vr_device_oldest_plain(device, NULL, count, false);
	return lens ? vr_device_oldest_plain(device, lens, count, true) :
		      vr_device_oldest_plain(device, NULL, count, true);
}

VR_APART int oldest_in_order(struct vr_device *device, const uint32_t *lens, unsigned int count)
{
	return device->form == VR_FORM_SPLIT_IN_ORDER ?
		       vr_device_oldest_in_order(device, lens, count, false) :
		       vr_device_oldest_in_order(device, lens, count, true);
}

int vr_device_complete_oldest(struct vr_device *device, const uint32_t *lens, unsigned int count)
{
	if (vr_unlikely(device->observer != NULL))
		return oldest_observed(device, lens, count);
	if (!vr_form_is_in_order(device->form))
		return oldest_plain(device, lens, count);
	if (!lens && vr_row_simple(device))
		return (int)vr_run_extend_simple(device, count);
	return oldest_in_order(device, lens, count);
}

/* Says where entries and index went. */
static void report(const struct vr_device *device, struct vr_stored *stored)
{
	if (vr_form_is_packed(device->form)) {
		vr_stored_entries(stored, VR_AREA_DESCRIPTORS, 0, sizeof(struct vr_desc),
				  device->first_slot, device->last_slot, device->size);
		return;
	}
	vr_stored_entries(stored, VR_AREA_DEVICE, offsetof(struct vr_used_ring, ring),
			  sizeof(struct vr_used_elem), device->first_slot, device->last_slot,
			  device->size);
	vr_stored_add(stored, VR_AREA_DEVICE, offsetof(struct vr_used_ring, idx),
		      sizeof(struct vr_le16));
}

VR_INLINE int publish_form(struct vr_device *device, struct vr_stored *stored, bool packed)
{
	uint32_t count = (uint32_t)(device->staged - device->published);

	if (count == 0)
		return 0;
	if (device->run.buffers)
		vr_run_close(device, packed);
	if (packed)
		vr_packed_device_publish(device);
	else
		vr_split_device_publish(device);
	if (stored)
		report(device, stored);
	device->published = device->staged;
	device->stats.published += count;
	device->stats.entries += device->entries;
	device->entries = 0;
	return (int)count;
}

static int publish(struct vr_device *device, struct vr_stored *stored)
{
	if (stored)
		stored->count = 0;
	if (vr_unlikely(vr_halted(&device->halt)))
		return VR_E_BROKEN;
	return vr_form_is_packed(device->form) ? publish_form(device, stored, true) :
						 publish_form(device, stored, false);
}

VR_COLD static int publish_observed(struct vr_device *device, struct vr_stored *stored)
{
	const struct vr_device_observer *observer = device->observer;
	unsigned int count = vr_device_staged(device);
	struct vr_stored own;
	int done;

	if (!stored)
		stored = &own;
	if (count && !vr_halted(&device->halt))
		observer->publishing(observer->context, count);
	done = publish(device, stored);
	if (done > 0) {
		observer->published(observer->context, count);
		observer->stored(observer->context, stored);
	}
	return done;
}

int vr_device_publish(struct vr_device *device, struct vr_stored *stored)
{
	if (vr_unlikely(device->observer != NULL))
		return publish_observed(device, stored);
	return publish(device, stored);
}

/* Where the driver stands that has taken all that is published. */
static struct vr_position published_position(const struct vr_device *device)
{
	return device->entries ? device->first : device->used;
}

bool vr_device_must_notify(struct vr_device *device)
{
	uint64_t steps = device->posted - device->verdict;

	if (steps == 0)
		return false;
	/* The index or flags of the publish must be visible before the event word is read. */
	vr_fence(device->platform);
	device->verdict = device->posted;
	if (vr_form_is_packed(device->form))
		return vr_packed_event_wants(vr_ld32(&device->driver_event->word),
					     device->event_idx, steps, published_position(device),
					     device->size);
	if (!device->event_idx)
		return !(vr_ld16(&device->avail_ring->flags) & VR_AVAIL_NO_INTERRUPT);
	return vr_split_event_passed(steps, (uint16_t)device->published,
				     vr_ld16(vr_used_event(device->avail_ring, device->size)));
}

int vr_device_publish_and_verdict(struct vr_device *device, struct vr_stored *stored)
{
	int count = vr_device_publish(device, stored);

	return count < 0 ? count : vr_device_must_notify(device);
}

/* Is it the newest that was popped? In plain forms an entry of one that was completed says no. */
static bool newest(const struct vr_device *device, uint64_t handle, bool in_order)
{
	if (!in_order)
		return device->age_tail && device->ages[device->age_tail - 1] == handle;
	return vr_next_place((uint32_t)(handle & VR_PLACE_MASK), device->size) == device->pop_place;
}

/* Takes a buffer out of what is popped, as if it had never been. */
static void forget_newest(struct vr_device *device, uint32_t place, bool in_order)
{
	device->popped--;
	device->open--;
	device->unpop_left--;
	device->records[place].owner = 0;
	if (in_order) {
		device->pop_place = place;
		device->head = device->records[place].id;
		if (device->special > device->popped)
			device->special = device->popped;
		return;
	}
	device->age_tail--;
	if (device->form == VR_FORM_PACKED)
		device->free_places[device->size - 1 - device->open] = (uint16_t)place;
}

int vr_device_unpop(struct vr_device *device, uint64_t handle)
{
	uint32_t place = (uint32_t)(handle & VR_PLACE_MASK);
	bool in_order = vr_form_is_in_order(device->form);

	if (!vr_device_owns(device, handle, in_order) || device->unpop_left == 0 ||
	    !newest(device, handle, in_order))
		return VR_E_STALE;
	if (vr_form_is_packed(device->form)) {
		uint32_t descriptors = device->records[place].descriptors;

		vr_retreat(&device->next, descriptors, device->size);
		device->in_flight_descs -= descriptors;
	}
	device->avail--;
	forget_newest(device, place, in_order);
	if (device->observer)
		device->observer->unpopped(device->observer->context, handle);
	return 0;
}

void vr_device_need(const struct vr_device *device, struct vr_need *need)
{
	*need = device->need;
}

unsigned int vr_device_staged(const struct vr_device *device)
{
	return (unsigned int)(device->staged - device->published);
}

unsigned int vr_device_in_flight(const struct vr_device *device)
{
	return device->open + vr_device_staged(device);
}

void vr_device_set_map(struct vr_device *device, const struct vr_map *map)
{
	device->map = map;
	device->hit.size = 0;
}

void vr_device_break(struct vr_device *device)
{
	vr_halt_break(&device->halt, VR_FAULT_CALLER);
}

bool vr_device_fault(const struct vr_device *device, struct vr_fault *fault)
{
	return vr_halt_get(&device->halt, fault);
}

void vr_device_stats(const struct vr_device *device, struct vr_device_stats *stats)
{
	*stats = device->stats;
	stats->popped = device->popped;
}
