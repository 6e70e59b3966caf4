/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Device half: from completed buffers to used entries, for all four forms.
 *
 * Plain forms write an entry for each buffer as it is completed. In order, the buffers that are
 * complete from the oldest on form runs; one entry stands for a run and names its last buffer. Only a
 * buffer that was filled completely, or that has no writable part, may be inside a run, because the
 * driver takes the length of all but the last to be their capacity (2.7.9, 2.8.9).
 *
 * Nothing of this can be seen by the driver before vr_device_publish(): a split entry lies beyond
 * used.idx; of packed ones the first is held back, and the driver looks at the others only after it.
 */
#ifndef VR_RING_DEVICE_COMPLETE_H
#define VR_RING_DEVICE_COMPLETE_H

#include "device_state.h"

VR_INLINE void vr_split_entry(struct vr_device *device, uint64_t index, uint32_t id, uint32_t len)
{
	uint32_t slot = (uint32_t)index & (device->size - 1);
	struct vr_used_elem *elem = &device->used_ring->ring[slot];
	uint64_t value = id | (uint64_t)len << 32;

	if (device->used_shadow[slot] != value) {
		device->used_shadow[slot] = value;
		vr_st32(&elem->id, id);
		vr_st32(&elem->len, len);
	}
	vr_device_note_entries(device, slot, slot, 1);
}

/* An entry at the used position, which then moves on over all the descriptors it stands for. */
VR_INLINE void vr_packed_entry(struct vr_device *device, uint32_t id, uint32_t len,
			       uint32_t descriptors)
{
	uint32_t flags = vr_used_state(device->used.wrap) | (len ? VR_DESC_WRITE : 0);
	uint64_t rest = vr_packed_rest(len, id, flags);

	if (device->entries == 0) {
		device->held = rest;
		device->first = device->used;
	} else {
		vr_st64(&device->desc[device->used.slot].rest, rest);
	}
	vr_device_note_entries(device, device->used.slot, device->used.slot, 1);
	vr_advance(&device->used, descriptors, device->size);
	device->staged_descs += descriptors;
}

/* Plain: the buffer's own entry. */
VR_INLINE void vr_device_stage(struct vr_device *device, struct vr_device_record *record,
			       uint32_t len, bool packed)
{
	if (packed) {
		vr_packed_entry(device, record->id, len, record->descriptors);
		device->open--;
		device->free_places[device->size - 1 - device->open] =
			(uint16_t)(record->handle & VR_PLACE_MASK);
	} else {
		vr_split_entry(device, device->staged, record->id, len);
		device->open--;
	}
	vr_age_remove(device, record);
	record->handle = 0;
	device->staged++;
}

/* In order: writes the one entry of a run that ends before the buffer @end. */
VR_INLINE void vr_run_entry(struct vr_device *device, const struct vr_run *run, uint64_t end,
			    bool packed)
{
	if (packed)
		vr_packed_entry(device, run->id, run->len, run->descriptors);
	else
		vr_split_entry(device, end - run->buffers, run->id, run->len);
}

VR_INLINE void vr_run_close(struct vr_device *device, bool packed)
{
	vr_run_entry(device, &device->run, device->staged, packed);
	device->run.buffers = 0;
	device->run.descriptors = 0;
}

/* In order: the oldest buffer joins the run, and ends it unless it may be skipped. */
VR_INLINE void vr_run_join(struct vr_device *device, struct vr_device_record *record, uint32_t len,
			   bool packed)
{
	struct vr_run *run = &device->run;

	run->buffers++;
	run->descriptors += record->descriptors;
	run->id = record->id;
	run->len = len;
	record->handle = 0;
	device->stage_place = vr_next_place(device->stage_place, device->size);
	device->staged++;
	device->open--;
	if (len != record->capacity || device->entry_each)
		vr_run_close(device, packed);
}

/* In order: stages the oldest buffers as far as they are parked. */
VR_INLINE void vr_run_drain(struct vr_device *device, bool packed)
{
	while (device->open) {
		struct vr_device_record *oldest = &device->records[device->stage_place];

		if (!oldest->parked)
			break;
		oldest->parked = false;
		vr_run_join(device, oldest, oldest->len, packed);
	}
}

/* In order: parks what is too early; what is not takes along all that was waiting for it. */
VR_INLINE void vr_run_complete(struct vr_device *device, struct vr_device_record *record,
			       uint32_t len, bool packed)
{
	record->len = len;
	record->parked = true;
	vr_run_drain(device, packed);
}

/* The record behind a handle, if that names a buffer which is popped and not completed. */
VR_INLINE struct vr_device_record *vr_device_find(struct vr_device *device, uint64_t handle)
{
	uint32_t place = (uint32_t)(handle & VR_PLACE_MASK);
	struct vr_device_record *record;

	if (vr_unlikely(place >= device->size))
		return NULL;
	record = &device->records[place];
	return vr_likely(record->handle == handle && handle != 0 && !record->parked) ? record :
										       NULL;
}

VR_INLINE int vr_device_complete_plain(struct vr_device *device, uint64_t handle, uint32_t len,
				       bool packed)
{
	struct vr_device_record *record = vr_device_find(device, handle);

	if (vr_unlikely(!record))
		return VR_E_STALE;
	if (vr_unlikely(len > record->capacity))
		return VR_E_INVAL;
	vr_device_stage(device, record, len, packed);
	return 0;
}

VR_INLINE int vr_device_complete_in_order(struct vr_device *device, uint64_t handle, uint32_t len,
					  bool packed)
{
	struct vr_device_record *record = vr_device_find(device, handle);

	if (vr_unlikely(!record))
		return VR_E_STALE;
	if (vr_unlikely(len > record->capacity))
		return VR_E_INVAL;
	vr_run_complete(device, record, len, packed);
	return 0;
}

/* Plain: stages the oldest buffers, until one of them cannot have its length. */
VR_INLINE unsigned int vr_device_oldest_run(struct vr_device *device, const uint32_t *lens,
					    unsigned int count, bool packed)
{
	struct vr_device_record *records = device->records;
	uint32_t ends = device->max_size;
	uint32_t place = records[ends].newer;
	uint16_t *top = packed ? device->free_places + (device->size - device->open) : NULL;
	unsigned int i;

	for (i = 0; i < count && place != ends; i++) {
		struct vr_device_record *record = &records[place];
		uint32_t len = lens ? lens[i] : 0;

		if (vr_unlikely(len > record->capacity))
			break;
		if (packed) {
			vr_packed_entry(device, record->id, len, record->descriptors);
			top[i] = (uint16_t)place;
		} else {
			vr_split_entry(device, device->staged + i, record->id, len);
		}
		record->handle = 0;
		place = record->newer;
	}
	records[ends].newer = (uint16_t)place;
	records[place].older = (uint16_t)ends;
	device->staged += i;
	device->open -= i;
	return i;
}

VR_INLINE int vr_device_oldest_plain(struct vr_device *device, const uint32_t *lens,
				     unsigned int count, bool packed)
{
	unsigned int open = device->open;
	unsigned int done = vr_device_oldest_run(device, lens, count, packed);

	return done || done == vr_min(count, open) ? (int)done : VR_E_INVAL;
}

/*
 * In order: the run goes on over the oldest buffers, and ends at each that may not be skipped. Stops
 * before one that is parked or cannot have its length, and where something wraps.
 */
VR_INLINE unsigned int vr_run_extend(struct vr_device *device, const uint32_t *lens,
				     unsigned int count, bool packed)
{
	struct vr_device_record *record = &device->records[device->stage_place];
	struct vr_run run = device->run;
	bool each = device->entry_each;
	unsigned int i;

	count = vr_min(vr_min(count, device->open), device->size - device->stage_place);
	for (i = 0; i < count; i++) {
		uint32_t len = lens ? lens[i] : 0;

		if (vr_unlikely(len > record[i].capacity) || vr_unlikely(record[i].parked))
			break;
		record[i].handle = 0;
		run.buffers++;
		run.descriptors += record[i].descriptors;
		run.id = record[i].id;
		run.len = len;
		if (len == record[i].capacity && vr_likely(!each))
			continue;
		vr_run_entry(device, &run, device->staged + i + 1, packed);
		run.buffers = 0;
		run.descriptors = 0;
	}
	device->run = run;
	device->stage_place = device->stage_place + i == device->size ? 0 : device->stage_place + i;
	device->staged += i;
	device->open -= i;
	return i;
}

VR_INLINE int vr_device_oldest_in_order(struct vr_device *device, const uint32_t *lens,
					unsigned int count, bool packed)
{
	unsigned int done = 0;

	while (done < count && device->open) {
		unsigned int run =
			vr_run_extend(device, lens ? lens + done : NULL, count - done, packed);

		if (run == 0)
			return done ? (int)done : VR_E_INVAL;
		done += run;
		/* What was parked behind it is due; the caller's next length is for one further on. */
		if (device->open && device->records[device->stage_place].parked) {
			vr_run_drain(device, packed);
			break;
		}
	}
	return (int)done;
}

VR_INLINE void vr_split_device_publish(struct vr_device *device)
{
	/* Partner: the driver's acquire load in vr_split_look(). */
	vr_before_publish(device->platform);
	vr_st16_release(&device->used_ring->idx, (uint16_t)device->staged);
	device->posted += device->staged - device->published;
}

VR_INLINE void vr_packed_device_publish(struct vr_device *device)
{
	/* Partner: the driver's acquire load in vr_packed_look(). */
	vr_before_publish(device->platform);
	vr_st64_release(&device->desc[device->first.slot].rest, device->held);
	device->posted += device->staged_descs;
	device->in_flight_descs -= device->staged_descs;
	device->staged_descs = 0;
}

#endif
