// SPDX-License-Identifier: BSD-3-Clause
/* vr_driver_size() and vr_driver_init(): which shapes there are, and what starting one does. */
#include <stdlib.h>

#include "rig.h"

static const struct rig_shape plain = { .features = SPLIT, .size = 8 };

static void queue_sizes_are_those_of_the_layout(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t size;
		bool good;
	} rows[] = { { SPLIT, 1, true },	   { SPLIT, 2, true },
		     { SPLIT, 32768, true },	   { SPLIT, 0, false },
		     { SPLIT, 3, false },	   { SPLIT, 1000, false },
		     { SPLIT, 32767, false },	   { SPLIT, 65536, false },
		     { SPLIT_IN_ORDER, 1, true },  { SPLIT_IN_ORDER, 6, false },
		     { PACKED, 1, true },	   { PACKED, 3, true },
		     { PACKED, 1000, true },	   { PACKED, 32768, true },
		     { PACKED, 0, false },	   { PACKED, 32769, false },
		     { PACKED, 0x10001, false },   { PACKED_IN_ORDER, 7, true },
		     { PACKED_IN_ORDER, 0, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vr_driver_config config = { .struct_size = sizeof(config),
						   .features = rows[i].features,
						   .queue_size = rows[i].size };

		context("row %zu: %s, size %u", i, form_name(rows[i].features), rows[i].size);
		CHECK_EQ(vr_driver_size(&config) != 0, rows[i].good);
	}
}

static void the_largest_size_is_checked_like_the_size(void **state)
{
	struct vr_driver_config config = { .struct_size = sizeof(config),
					   .features = SPLIT,
					   .queue_size = 8,
					   .max_queue_size = 16 };
	size_t larger = vr_driver_size(&config);

	(void)state;
	config.max_queue_size = 0;
	CHECK(vr_driver_size(&config) > 0);
	CHECK(vr_driver_size(&config) < larger);
	config.max_queue_size = 4; /* below the size */
	CHECK_EQ(vr_driver_size(&config), 0);
	config.max_queue_size = 24;
	CHECK_EQ(vr_driver_size(&config), 0);
	config.max_queue_size = 65536;
	CHECK_EQ(vr_driver_size(&config), 0);
}

typedef void spoil(struct vr_driver_config *config);

static void no_struct_size(struct vr_driver_config *c)
{
	c->struct_size = 0;
}

static void short_struct_size(struct vr_driver_config *c)
{
	c->struct_size = sizeof(size_t);
}

static void long_struct_size(struct vr_driver_config *c)
{
	c->struct_size++;
}

static void bad_size(struct vr_driver_config *c)
{
	c->queue_size = 5;
}

static void unknown_flag(struct vr_driver_config *c)
{
	c->flags = 0x80000000u;
}

static void no_descriptors(struct vr_driver_config *c)
{
	c->ring.descriptors.host = NULL;
}

static void no_driver_area(struct vr_driver_config *c)
{
	c->ring.driver.host = NULL;
}

static void no_device_area(struct vr_driver_config *c)
{
	c->ring.device.host = NULL;
}

static void descriptors_off_by_8(struct vr_driver_config *c)
{
	c->ring.descriptors.host = (uint8_t *)c->ring.descriptors.host - 8;
}

static void driver_area_off_by_1(struct vr_driver_config *c)
{
	c->ring.driver.host = (uint8_t *)c->ring.driver.host - 1;
}

static void device_area_off_by_2(struct vr_driver_config *c)
{
	c->ring.device.host = (uint8_t *)c->ring.device.host - 2;
}

static void no_tables(struct vr_driver_config *c)
{
	c->features |= VR_F_INDIRECT_DESC;
	c->indirect_entries = 4;
	c->indirect.host = NULL;
}

static void tables_off_by_8(struct vr_driver_config *c)
{
	c->features |= VR_F_INDIRECT_DESC;
	c->indirect_entries = 1;
	c->indirect = (struct vr_ring_area){ (uint8_t *)c->ring.descriptors.host - 8, RIG_TABLES };
}

static void too_many_entries(struct vr_driver_config *c)
{
	c->features |= VR_F_INDIRECT_DESC;
	c->indirect_entries = 32769;
	c->indirect = c->ring.descriptors;
}

static void a_bad_configuration_is_refused(void **state)
{
	static spoil *const rows[] = {
		no_struct_size,	      short_struct_size,    bad_size,
		long_struct_size,     unknown_flag,	    no_descriptors,
		no_driver_area,	      no_device_area,	    descriptors_off_by_8,
		driver_area_off_by_1, device_area_off_by_2, no_tables,
		tables_off_by_8,      too_many_entries
	};
	struct vr_driver *driver;
	struct rig rig;

	(void)state;
	rig_open(&rig, &plain);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vr_driver_config config = rig_driver_config(&rig);
		size_t bytes = vr_driver_size(&config) + 65536;
		void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);

		context("row %zu", i);
		CHECK(memory);
		memset(rig.device_area.driver, 0xee, rig.device_area.bytes);
		rows[i](&config);
		CHECK_EQ(vr_driver_init(memory, bytes, &config, &driver), VR_E_INVAL);
		CHECK_EQ(rig.device_area.driver[0], 0xee);
		free(memory);
	}
	rig_close(&rig);
}

static void packed_event_areas_need_four(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 5 };
	struct vr_driver_config config;
	struct vr_driver *driver;
	struct rig rig;

	(void)state;
	rig_open(&rig, &shape);
	rig_start_driver(&rig);
	config = rig_driver_config(&rig);
	config.ring.driver.host = rig.driver_area.driver - 2;
	CHECK_EQ(vr_driver_init(rig.driver_state, vr_driver_size(&config), &config, &driver),
		 VR_E_INVAL);
	config = rig_driver_config(&rig);
	config.ring.device.host = rig.device_area.driver - 2;
	CHECK_EQ(vr_driver_init(rig.driver_state, vr_driver_size(&config), &config, &driver),
		 VR_E_INVAL);
	rig_close(&rig);
}

static void the_state_must_be_large_enough_and_aligned(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_driver_config config;
		struct vr_driver *driver;
		uint8_t *memory;
		struct rig rig;
		size_t bytes;

		context("%s", form->name);
		rig_open(&rig, &shape);
		config = rig_driver_config(&rig);
		bytes = vr_driver_size(&config);
		memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
		CHECK(memory);
		CHECK_EQ(vr_driver_init(memory, bytes - 1, &config, &driver), VR_E_INVAL);
		CHECK_EQ(vr_driver_init(memory + 8, bytes, &config, &driver), VR_E_INVAL);
		CHECK_EQ(vr_driver_init(NULL, bytes, &config, &driver), VR_E_INVAL);
		CHECK_EQ(vr_driver_init(memory, bytes, &config, &driver), 0);
		free(memory);
		rig_close(&rig);
	}
}

static void init_clears_dirty_ring_memory(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | VR_F_EVENT_IDX,
						 .size = 4 };
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		memset(rig.descriptors.driver, 0xff, rig.descriptors.bytes);
		memset(rig.driver_area.driver, 0xff, rig.driver_area.bytes);
		memset(rig.device_area.driver, 0xff, rig.device_area.bytes);
		rig_start_driver(&rig);
		for (size_t i = 0; i < rig.device_area.bytes; i++)
			CHECK_EQ(rig.device_area.driver[i], 0);
		if (is_packed(form->features))
			for (size_t i = 0; i < rig.descriptors.bytes; i++)
				CHECK_EQ(rig.descriptors.driver[i], 0);
		CHECK_EQ(le16(rig.driver_area.driver), 0);
		CHECK_EQ(le16(rig.driver_area.driver + 2), 0);
		CHECK_EQ(vr_driver_free(rig.driver), 4);
		CHECK_EQ(vr_driver_outstanding(rig.driver), 0);
		CHECK(!vr_driver_pending(rig.driver));
		CHECK(!vr_driver_fault(rig.driver, &(struct vr_fault){ 0 }));
		rig_close(&rig);
	}
}

static void unknown_features_are_ignored(void **state)
{
	const struct rig_shape shape = { .features = ~0ull & ~VR_F_INDIRECT_DESC, .size = 3 };
	struct rig rig;

	(void)state;
	rig_open_both(&rig, &shape);
	rig_send(&rig, 1, 0, 10, 7);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_sizes_are_those_of_the_layout),
		cmocka_unit_test(the_largest_size_is_checked_like_the_size),
		cmocka_unit_test(a_bad_configuration_is_refused),
		cmocka_unit_test(packed_event_areas_need_four),
		cmocka_unit_test(the_state_must_be_large_enough_and_aligned),
		cmocka_unit_test(init_clears_dirty_ring_memory),
		cmocka_unit_test(unknown_features_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
