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

#include "device_age.h"

/* An element of the used ring, unless it is there already. */
VR_INLINE void vr_split_element(struct vr_used_elem *elem, uint64_t *shadow, uint32_t id,
				uint32_t len)
{
	uint64_t value = id | (uint64_t)len << 32;

	if (*shadow == value)
		return;
	*shadow = value;
	vr_st32(&elem->id, id);
	vr_st32(&elem->len, len);
}

VR_INLINE void vr_split_entry(struct vr_device *device, uint64_t index, uint32_t id, uint32_t len)
{
	uint32_t slot = (uint32_t)index & (device->size - 1);

	vr_split_element(&device->used_ring->ring[slot], &device->used_shadow[slot], id, len);
	vr_device_note_entries(device, slot, slot, 1);
}

/* The first entry of a publish is not stored before it. */
VR_INLINE void vr_packed_hold(struct vr_device *device, uint64_t rest)
{
	device->held = rest;
	device->first = device->used;
}

/*
 * Used descriptors, written one behind the other. What the loops around it change is kept here and not in
 * the queue, so that it can stay in registers.
 */
struct vr_packed_writer {
	struct vr_desc *desc;
	uint32_t size;
	uint32_t slot; /* where the next one goes */
	uint32_t last; /* where the last one went */
	uint32_t descriptors; /* stood for so far */
	uint32_t entries;
	uint64_t state; /* flags of used descriptors, as in the second word */
};

VR_INLINE void vr_packed_write_begin(const struct vr_device *device,
				     struct vr_packed_writer *writer)
{
	writer->desc = device->desc;
	writer->size = device->size;
	writer->slot = device->used.slot;
	writer->last = 0;
	writer->descriptors = 0;
	writer->entries = 0;
	writer->state = vr_packed_rest(0, 0, vr_used_state(device->used.wrap));
}

/* An entry for so many descriptors. The first one of a publish is not stored before it. */
VR_INLINE void vr_packed_write(struct vr_device *device, struct vr_packed_writer *writer,
			       uint32_t id, uint32_t len, uint32_t descriptors)
{
	uint64_t rest = writer->state | vr_packed_rest(len, id, len ? VR_DESC_WRITE : 0);

	if (vr_unlikely((device->entries | writer->entries) == 0))
		vr_packed_hold(device, rest);
	else
		vr_st64(&writer->desc[writer->slot].rest, rest);
	writer->last = writer->slot;
	writer->entries++;
	writer->descriptors += descriptors;
	writer->slot += descriptors;
	if (vr_unlikely(writer->slot >= writer->size)) {
		writer->slot -= writer->size;
		writer->state ^= vr_packed_rest(0, 0, VR_DESC_STATE);
	}
}

VR_INLINE void vr_packed_write_end(struct vr_device *device, const struct vr_packed_writer *writer)
{
	if (writer->entries == 0)
		return;
	vr_device_note_entries(device, device->used.slot, writer->last, writer->entries);
	device->used.slot = (uint16_t)writer->slot;
	device->used.wrap = vr_packed_flags(writer->state) != 0;
	device->staged_descs += writer->descriptors;
}

/* One entry at the used position. */
VR_INLINE void vr_packed_entry(struct vr_device *device, uint32_t id, uint32_t len,
			       uint32_t descriptors)
{
	struct vr_packed_writer writer;

	vr_packed_write_begin(device, &writer);
	vr_packed_write(device, &writer, id, len, descriptors);
	vr_packed_write_end(device, &writer);
}

/* Plain: the buffer's own entry. */
VR_INLINE void vr_device_stage(struct vr_device *device, uint32_t place, uint32_t len, bool packed)
{
	const struct vr_device_record *record = &device->records[place];

	device->open--;
	device->records[place].owner = 0;
	if (packed) {
		vr_packed_entry(device, record->id, len, record->descriptors);
		device->free_places[device->size - 1 - device->open] = (uint16_t)place;
	} else {
		vr_split_entry(device, device->staged, place, len);
	}
	device->staged++;
	vr_ages_rest(device);
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

/* In order: so many of the oldest buffers are staged. */
VR_INLINE void vr_row_shorten(struct vr_device *device, uint32_t count)
{
	device->stage_place = vr_later_place(device->stage_place, count, device->size);
	device->staged += count;
	device->open -= count;
}

/* In order: the oldest buffer joins the run, and ends it unless it may be skipped. */
VR_INLINE void vr_run_join(struct vr_device *device, uint32_t len, bool packed)
{
	const struct vr_device_record *record = &device->records[device->stage_place];
	struct vr_run *run = &device->run;

	run->buffers++;
	run->descriptors += record->descriptors;
	run->id = record->id;
	run->len = len;
	vr_row_shorten(device, 1);
	if (len != record->capacity || device->entry_each)
		vr_run_close(device, packed);
}

/* In order: stages the oldest buffers as far as they are parked. */
VR_INLINE void vr_run_drain(struct vr_device *device, bool packed)
{
	while (device->open && device->parked[device->stage_place]) {
		uint32_t len = (uint32_t)device->parked[device->stage_place];

		device->parked[device->stage_place] = 0;
		device->parked_count--;
		vr_run_join(device, len, packed);
	}
}

/* In order: parks what is too early; what is not takes along all that was waiting for it. */
VR_INLINE void vr_run_complete(struct vr_device *device, uint32_t place, uint32_t len, bool packed)
{
	device->parked[place] = VR_PARKED | len;
	device->parked_count++;
	vr_run_drain(device, packed);
}

VR_INLINE int vr_device_complete_one(struct vr_device *device, uint64_t handle, uint32_t len,
				     bool packed, bool in_order)
{
	uint32_t place = (uint32_t)(handle & VR_PLACE_MASK);

	if (vr_unlikely(!vr_device_owns(device, handle, in_order)))
		return VR_E_STALE;
	if (vr_unlikely(len > device->records[place].capacity))
		return VR_E_INVAL;
	if (in_order)
		vr_run_complete(device, place, len, packed);
	else
		vr_device_stage(device, place, len, packed);
	return 0;
}

/* Plain: does the entry of the age queue name a buffer that may be completed with this length? */
VR_INLINE bool vr_age_takes(const struct vr_device_record *record, uint64_t handle,
			    const uint32_t *len)
{
	return vr_likely(record->owner == handle) && (!len || vr_likely(*len <= record->capacity));
}

/*
 * Buffers that have an entry each: all of a plain form, and in order the short ones. This is what the loop
 * over them moves on; pointers stand at the next one, or at the first of a group.
 */
struct vr_split_singles {
	const struct vr_device_record *record; /* in order */
	const uint64_t *age; /* plain */
	const uint32_t *len; /* or NULL */
	struct vr_used_elem *element;
	uint64_t *shadow;
};

/* Plain: stages the @i-th buffer of a group, unless it was completed or cannot have its length. */
VR_INLINE bool vr_split_stage_plain(struct vr_device *device,
				    const struct vr_split_singles *singles, uint32_t i)
{
	uint32_t len = singles->len ? singles->len[i] : 0;
	uint64_t handle = singles->age[i];
	uint32_t place = (uint32_t)(handle & VR_PLACE_MASK);
	struct vr_device_record *record;

	VR_OPERAND(device->records);
	record = &device->records[place];
	if (!vr_age_takes(record, handle, singles->len ? &len : NULL))
		return false;
	record->owner = 0;
	vr_split_element(&singles->element[i], &singles->shadow[i], place, len);
	return true;
}

/* In order: stages the @i-th buffer of a group, if it is a short one. */
VR_INLINE bool vr_split_stage_short(const struct vr_split_singles *singles, uint32_t i)
{
	const struct vr_device_record *record = &singles->record[i];

	if (vr_unlikely(singles->len[i] >= record->capacity))
		return false;
	vr_split_element(&singles->element[i], &singles->shadow[i], record->id, singles->len[i]);
	return true;
}

VR_INLINE bool vr_split_stage_one(struct vr_device *device, const struct vr_split_singles *singles,
				  uint32_t i, bool in_order)
{
	return in_order ? vr_split_stage_short(singles, i) :
			  vr_split_stage_plain(device, singles, i);
}

VR_INLINE void vr_split_singles_step(struct vr_split_singles *singles, uint32_t count,
				     bool in_order)
{
	singles->element += count;
	singles->shadow += count;
	if (singles->len)
		singles->len += count;
	if (in_order)
		singles->record += count;
	else
		singles->age += count;
}

VR_INLINE uint32_t vr_split_stage_run(struct vr_device *device, struct vr_split_singles *singles,
				      uint32_t count, bool in_order)
{
	uint32_t done, i;

	for (done = 0; count - done >= VR_GROUP; done += VR_GROUP) {
		VR_UNROLL_4
		for (i = 0; i < VR_GROUP; i++)
			if (!vr_split_stage_one(device, singles, i, in_order))
				return done + i;
		vr_split_singles_step(singles, VR_GROUP, in_order);
	}
	for (; done < count; done++) {
		if (!vr_split_stage_one(device, singles, 0, in_order))
			return done;
		vr_split_singles_step(singles, 1, in_order);
	}
	return done;
}

/* Stages the oldest buffers as far as they have an entry each and nothing wraps. */
VR_INLINE unsigned int vr_split_stage_singles(struct vr_device *device, const uint32_t *lens,
					      unsigned int count, bool in_order)
{
	uint32_t slot = (uint32_t)device->staged & (device->size - 1);
	struct vr_split_singles singles = {
		.record = in_order ? device->records + device->stage_place : NULL,
		.age = in_order ? NULL : device->ages + device->age_head,
		.len = lens,
		.element = &device->used_ring->ring[slot],
		.shadow = device->used_shadow + slot,
	};

	count = vr_min(count, device->size - slot);
	count = vr_split_stage_run(device, &singles, count, in_order);
	if (count)
		vr_device_note_entries(device, slot, slot + count - 1, count);
	return count;
}

/*
 * The common buffers, of one descriptor, and written to if the caller gives lengths, have a path of their
 * own, as they do in the pop. This is what its loop needs; pointers stand at the next buffer.
 */
struct vr_packed_singles {
	struct vr_device_record *record; /* in order */
	const uint64_t *age; /* plain */
	uint16_t *free_place; /* plain */
	const uint32_t *len; /* or NULL */
	struct vr_desc *desc; /* where its entry goes */
	uint64_t state; /* flags of all entries, as in the second word */
	uint64_t rest; /* the entry last made */
};

VR_INLINE void vr_packed_singles_begin(const struct vr_device *device,
				       struct vr_packed_singles *singles, const uint32_t *lens,
				       bool in_order)
{
	uint32_t flags = vr_used_state(device->used.wrap) | (lens ? VR_DESC_WRITE : 0u);

	singles->record = device->records + (in_order ? device->stage_place : 0);
	singles->age = in_order ? NULL : device->ages + device->age_head;
	singles->free_place = in_order ? NULL : device->free_places + (device->size - device->open);
	singles->len = lens;
	singles->desc = &device->desc[device->used.slot];
	singles->state = vr_packed_rest(0, 0, flags);
	singles->rest = 0;
}

VR_INLINE void vr_packed_singles_step(struct vr_packed_singles *singles, uint32_t count,
				      bool in_order)
{
	singles->desc += count;
	if (singles->len)
		singles->len += count;
	if (in_order) {
		singles->record += count;
	} else {
		singles->age += count;
		singles->free_place += count;
	}
}

/*
 * Makes the entry of the @i-th buffer of a group, if it is a common one. In order only short ones are: they
 * have an entry each.
 */
VR_INLINE bool vr_packed_stage_one(struct vr_device *device, struct vr_packed_singles *singles,
				   uint32_t i, bool in_order)
{
	uint32_t len = singles->len ? singles->len[i] : 0;
	struct vr_device_record *record = &singles->record[i];
	uint64_t handle = 0;

	if (!in_order) {
		handle = singles->age[i];
		VR_OPERAND(device->records);
		record = &device->records[handle & VR_PLACE_MASK];
		if (vr_unlikely(record->owner != handle))
			return false;
	}
	if (singles->len &&
	    (vr_unlikely(len == 0) ||
	     vr_unlikely(in_order ? len >= record->capacity : len > record->capacity)))
		return false;
	if (vr_unlikely(record->descriptors != 1))
		return false;
	singles->rest = vr_packed_rest(len, record->id, 0) + singles->state;
	if (!in_order) {
		record->owner = 0;
		singles->free_place[i] = (uint16_t)handle;
	}
	return true;
}

/* Takes a group of common buffers, or those before another one. The entry of the first may have to wait. */
VR_INLINE uint32_t vr_packed_stage_group(struct vr_device *device,
					 struct vr_packed_singles *singles, bool hold,
					 bool in_order)
{
	uint32_t i;

	VR_UNROLL_4
	for (i = 0; i < VR_GROUP; i++) {
		if (!vr_packed_stage_one(device, singles, i, in_order))
			return i;
		if (hold && i == 0)
			vr_packed_hold(device, singles->rest);
		else
			vr_st64(&singles->desc[i].rest, singles->rest);
	}
	vr_packed_singles_step(singles, VR_GROUP, in_order);
	return VR_GROUP;
}

/* Takes common buffers until another one comes. */
VR_INLINE uint32_t vr_packed_stage_run(struct vr_device *device, struct vr_packed_singles *singles,
				       uint32_t count, bool in_order)
{
	bool hold = device->entries == 0;
	uint32_t done = 0;

	if (hold && vr_likely(count >= VR_GROUP)) {
		done = vr_packed_stage_group(device, singles, true, in_order);
		if (vr_unlikely(done < VR_GROUP))
			return done;
		hold = false;
	}
	while (count - done >= VR_GROUP) {
		uint32_t taken = vr_packed_stage_group(device, singles, false, in_order);

		done += taken;
		if (vr_unlikely(taken < VR_GROUP))
			return done;
	}
	for (; done < count; done++) {
		if (!vr_packed_stage_one(device, singles, 0, in_order))
			return done;
		if (hold)
			vr_packed_hold(device, singles->rest);
		else
			vr_st64(&singles->desc->rest, singles->rest);
		hold = false;
		vr_packed_singles_step(singles, 1, in_order);
	}
	return done;
}

/* Stages the oldest buffers as far as they are common and the ring does not wrap. */
VR_INLINE unsigned int vr_packed_stage_singles(struct vr_device *device, const uint32_t *lens,
					       unsigned int count, bool in_order)
{
	uint32_t slot = device->used.slot;
	struct vr_packed_singles singles;
	unsigned int done;

	vr_packed_singles_begin(device, &singles, lens, in_order);
	count = vr_min(count, device->size - slot);
	done = vr_packed_stage_run(device, &singles, count, in_order);
	if (done == 0)
		return 0;
	vr_device_note_entries(device, slot, slot + done - 1, done);
	vr_advance(&device->used, done, device->size);
	device->staged_descs += done;
	return done;
}

/* Plain: stages the oldest buffers, of whatever shape. */
VR_INLINE unsigned int vr_packed_ages_take_any(struct vr_device *device, const uint32_t *lens,
					       unsigned int count)
{
	uint16_t *free_place = device->free_places + (device->size - device->open);
	const uint64_t *ages = device->ages + device->age_head;
	struct vr_device_record *records = device->records;
	struct vr_packed_writer writer;
	unsigned int i;

	vr_packed_write_begin(device, &writer);
	for (i = 0; i < count; i++) {
		uint32_t place = (uint32_t)(ages[i] & VR_PLACE_MASK);

		if (!vr_age_takes(&records[place], ages[i], lens ? &lens[i] : NULL))
			break;
		records[place].owner = 0;
		free_place[i] = (uint16_t)place;
		vr_packed_write(device, &writer, records[place].id, lens ? lens[i] : 0,
				records[place].descriptors);
	}
	vr_packed_write_end(device, &writer);
	return i;
}

VR_INLINE unsigned int vr_packed_oldest_run(struct vr_device *device, const uint32_t *lens,
					    unsigned int count)
{
	unsigned int run = vr_packed_stage_singles(device, lens, count, false);

	return vr_likely(run) ? run : vr_packed_ages_take_any(device, lens, count);
}

VR_INLINE int vr_device_oldest_plain(struct vr_device *device, const uint32_t *lens,
				     unsigned int count, bool packed)
{
	unsigned int done = 0;

	count = vr_min(count, device->open);
	while (done < count) {
		const uint32_t *rest = lens ? lens + done : NULL;
		unsigned int run;

		run = packed ? vr_packed_oldest_run(device, rest, count - done) :
			       vr_split_stage_singles(device, rest, count - done, false);
		device->age_head += run;
		device->staged += run;
		device->open -= run;
		if (vr_unlikely(run == 0) && !vr_ages_skip(device))
			return done ? (int)done : VR_E_INVAL;
		done += run;
	}
	vr_ages_rest(device);
	return (int)done;
}

/*
 * In order: the run goes on over the oldest buffers, and ends at each that may not be skipped. Stops
 * before one that is parked or cannot have its length, and where something wraps.
 */
VR_INLINE unsigned int vr_run_extend(struct vr_device *device, const uint32_t *lens,
				     unsigned int count, bool packed)
{
	const struct vr_device_record *records = &device->records[device->stage_place];
	const uint64_t *parked = &device->parked[device->stage_place];
	struct vr_packed_writer writer;
	struct vr_run run = device->run;
	bool each = device->entry_each;
	unsigned int i;

	vr_packed_write_begin(device, &writer);
	count = vr_min(vr_min(count, device->open), device->size - device->stage_place);
	for (i = 0; i < count; i++) {
		uint32_t len = lens ? lens[i] : 0;

		if (vr_unlikely(len > records[i].capacity) || vr_unlikely(parked[i]))
			break;
		run.buffers++;
		run.descriptors += records[i].descriptors;
		run.id = records[i].id;
		run.len = len;
		if (len == records[i].capacity && vr_likely(!each))
			continue;
		if (packed)
			vr_packed_write(device, &writer, run.id, len, run.descriptors);
		else
			vr_split_entry(device, device->staged + i + 1 - run.buffers, run.id, len);
		run.buffers = 0;
		run.descriptors = 0;
	}
	if (packed)
		vr_packed_write_end(device, &writer);
	device->run = run;
	vr_row_shorten(device, i);
	return i;
}

/*
 * In order: as far as the oldest buffers are short, what most received packets are. Nothing is looked
 * up for each of them that is known of all: that no run is open, nothing is parked and nothing wraps.
 */
VR_INLINE unsigned int vr_run_short(struct vr_device *device, const uint32_t *lens,
				    unsigned int count, bool packed)
{
	if (!lens || device->run.buffers || device->parked_count)
		return 0;
	count = vr_min(vr_min(count, device->open), device->size - device->stage_place);
	count = packed ? vr_packed_stage_singles(device, lens, count, true) :
			 vr_split_stage_singles(device, lens, count, true);
	vr_row_shorten(device, count);
	return count;
}

/* In order: none of the buffers in the row has a writable part, several descriptors or was completed. */
VR_INLINE bool vr_row_simple(const struct vr_device *device)
{
	return device->popped - device->special >= device->open &&
	       (device->parked_count | device->entry_each) == 0;
}

/* So the run goes on over all of them at once. */
VR_INLINE unsigned int vr_run_extend_simple(struct vr_device *device, unsigned int count)
{
	struct vr_run *run = &device->run;
	uint32_t last;

	count = vr_min(count, device->open);
	if (count == 0)
		return 0;
	last = vr_later_place(device->stage_place, count - 1, device->size);
	run->buffers += count;
	run->descriptors += count;
	run->id = device->records[last].id;
	run->len = 0;
	vr_row_shorten(device, count);
	return count;
}

VR_INLINE int vr_device_oldest_in_order(struct vr_device *device, const uint32_t *lens,
					unsigned int count, bool packed)
{
	unsigned int done = 0;

	while (done < count && device->open) {
		const uint32_t *rest = lens ? lens + done : NULL;
		unsigned int run = vr_run_short(device, rest, count - done, packed);

		if (run == 0)
			run = vr_run_extend(device, rest, count - done, packed);
		if (run == 0)
			return done ? (int)done : VR_E_INVAL;
		done += run;
		/* What was parked behind it is due; the caller's next length is for one further on. */
		if (device->open && device->parked[device->stage_place]) {
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
