// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * The burst calls of a driver half: which body runs depends on the form. Each form's body is a function
 * of its own, so that none saves or spills registers that only another one needs.
 */
#include "driver_packed.h"

static VR_NOINLINE int add_split(struct vr_driver *driver, const struct vr_buffer *buffers,
				 unsigned int count)
{
	return vr_split_add(driver, buffers, count, false);
}

static VR_NOINLINE int add_split_in_order(struct vr_driver *driver, const struct vr_buffer *buffers,
					  unsigned int count)
{
	return vr_split_add(driver, buffers, count, true);
}

static VR_NOINLINE int add_packed(struct vr_driver *driver, const struct vr_buffer *buffers,
				  unsigned int count)
{
	return vr_packed_add(driver, buffers, count, false);
}

static VR_NOINLINE int add_packed_in_order(struct vr_driver *driver,
					   const struct vr_buffer *buffers, unsigned int count)
{
	return vr_packed_add(driver, buffers, count, true);
}

VR_INLINE int add_in_order(struct vr_driver *driver, const struct vr_buffer *buffers,
			   unsigned int count)
{
	if (driver->form == VR_FORM_SPLIT_IN_ORDER)
		return add_split_in_order(driver, buffers, count);
	return add_packed_in_order(driver, buffers, count);
}

int vr_driver_add(struct vr_driver *driver, const struct vr_buffer *buffers, unsigned int count)
{
	uint32_t halted = vr_halted(&driver->halt);

	if (vr_unlikely(halted))
		return vr_halt_error(halted);
	/* The plain forms first: they are not to pay for the others. */
	if (driver->form == VR_FORM_SPLIT)
		return add_split(driver, buffers, count);
	if (driver->form == VR_FORM_PACKED)
		return add_packed(driver, buffers, count);
	return VR_WITH_IN_ORDER ? add_in_order(driver, buffers, count) : VR_E_INVAL;
}

int vr_driver_publish(struct vr_driver *driver)
{
	uint32_t halted = vr_halted(&driver->halt);
	int count = (int)(driver->added - driver->published);

	if (vr_unlikely(halted))
		return vr_halt_error(halted);
	if (count == 0)
		return 0;
	if (vr_form_is_packed(driver->form))
		vr_packed_publish(driver);
	else
		vr_split_publish(driver);
	return count;
}

bool vr_driver_must_notify(struct vr_driver *driver)
{
	bool wanted;

	if (driver->posted == driver->verdict)
		return false;
	/* The index or flags of the publish must be visible before the event word is read. */
	vr_fence(driver->platform);
	wanted = vr_form_is_packed(driver->form) ? vr_packed_verdict(driver) :
						   vr_split_verdict(driver);
	driver->verdict = driver->posted;
	return wanted;
}

int vr_driver_publish_and_verdict(struct vr_driver *driver)
{
	int count = vr_driver_publish(driver);

	return count < 0 ? count : vr_driver_must_notify(driver);
}

uint32_t vr_driver_notification_data(const struct vr_driver *driver, uint16_t queue_index)
{
	uint32_t next = vr_form_is_packed(driver->form) ?
				vr_position_encode(vr_packed_published(driver)) :
				(uint16_t)driver->published;

	return queue_index | next << 16;
}

static VR_NOINLINE int get_split(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	return vr_split_get(driver, used, count);
}

static VR_NOINLINE int get_packed(struct vr_driver *driver, struct vr_used *used,
				  unsigned int count)
{
	return vr_packed_get(driver, used, count);
}

static VR_NOINLINE int get_split_in_order(struct vr_driver *driver, struct vr_used *used,
					  unsigned int count)
{
	return vr_split_get_in_order(driver, used, count);
}

static VR_NOINLINE int get_packed_in_order(struct vr_driver *driver, struct vr_used *used,
					   unsigned int count)
{
	return vr_packed_get_in_order(driver, used, count);
}

VR_INLINE int get_in_order(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	if (driver->form == VR_FORM_SPLIT_IN_ORDER)
		return get_split_in_order(driver, used, count);
	return get_packed_in_order(driver, used, count);
}

int vr_driver_get(struct vr_driver *driver, struct vr_used *used, unsigned int count)
{
	uint32_t halted = vr_halted(&driver->halt);

	/* What was validated before is still handed out. */
	if (vr_unlikely(halted) && driver->batch_left == 0)
		return vr_halt_error(halted);
	if (driver->form == VR_FORM_SPLIT)
		return get_split(driver, used, count);
	if (driver->form == VR_FORM_PACKED)
		return get_packed(driver, used, count);
	return VR_WITH_IN_ORDER ? get_in_order(driver, used, count) : VR_E_INVAL;
}

int vr_packed_get_nothing(struct vr_driver *driver)
{
	uint64_t rest;

	if (!vr_packed_look(driver, &rest))
		return 0;
	return vr_halt_fault(&driver->halt, VR_FAULT_USED_ID_FREE, vr_packed_id(rest), 0);
}

unsigned int vr_driver_free(const struct vr_driver *driver)
{
	return driver->free;
}

unsigned int vr_driver_outstanding(const struct vr_driver *driver)
{
	return (unsigned int)(driver->added - driver->handed);
}

void vr_driver_break(struct vr_driver *driver)
{
	vr_halt_break(&driver->halt, VR_FAULT_CALLER);
}

bool vr_driver_fault(const struct vr_driver *driver, struct vr_fault *fault)
{
	return vr_halt_get(&driver->halt, fault);
}
