// SPDX-License-Identifier: BSD-3-Clause
/* vr_device_size(), vr_device_init(), vr_device_reset() and vr_device_resize(). */
#include <stdlib.h>

#include "peer_driver.h"

static void queue_sizes_are_those_of_the_layout(void **state)
{
	static const struct {
		uint64_t features;
		uint32_t size;
		uint32_t max;
		bool good;
	} rows[] = { { SPLIT, 1, 0, true },
		     { SPLIT, 32768, 0, true },
		     { SPLIT, 0, 0, false },
		     { SPLIT, 3, 0, false },
		     { SPLIT, 65536, 0, false },
		     { SPLIT_IN_ORDER, 256, 1024, true },
		     { SPLIT_IN_ORDER, 12, 0, false },
		     { PACKED, 1, 0, true },
		     { PACKED, 1000, 0, true },
		     { PACKED, 32768, 0, true },
		     { PACKED, 0, 0, false },
		     { PACKED, 32769, 0, false },
		     { PACKED_IN_ORDER, 7, 9, true },
		     { SPLIT, 8, 4, false },
		     { SPLIT, 8, 24, false },
		     { PACKED, 8, 7, false },
		     { PACKED, 8, 32769, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vr_device_config config = { .struct_size = sizeof(config),
						   .features = rows[i].features,
						   .queue_size = rows[i].size,
						   .max_queue_size = rows[i].max };

		context("row %zu: %s, size %u", i, form_name(rows[i].features), rows[i].size);
		CHECK_EQ(vr_device_size(&config) != 0, rows[i].good);
	}
}

enum spoiled {
	STRUCT_SIZE,
	SIZE,
	FLAGS,
	DESCRIPTORS,
	DRIVER_AREA,
	DEVICE_AREA,
	ALIGN_16,
	ALIGN_2,
	ALIGN_4,
	MAP,
	SPOILED
};

static void spoil(struct vr_device_config *c, enum spoiled what)
{
	switch (what) {
	case STRUCT_SIZE:
		c->struct_size = 1;
		break;
	case SIZE:
		c->queue_size = 0x10000;
		break;
	case FLAGS:
		c->flags = 0x40000000;
		break;
	case DESCRIPTORS:
		c->ring.descriptors.host = NULL;
		break;
	case DRIVER_AREA:
		c->ring.driver.host = NULL;
		break;
	case DEVICE_AREA:
		c->ring.device.host = NULL;
		break;
	case ALIGN_16:
		c->ring.descriptors.host = (uint8_t *)c->ring.descriptors.host - 8;
		break;
	case ALIGN_2:
		c->ring.driver.host = (uint8_t *)c->ring.driver.host - 1;
		break;
	case ALIGN_4:
		c->ring.device.host = (uint8_t *)c->ring.device.host - 2;
		break;
	case MAP:
		c->map = NULL;
		break;
	case SPOILED:
		break;
	}
}

static void a_bad_configuration_is_refused(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_device *device;
		struct rig rig;
		void *memory;
		size_t bytes;

		rig_open(&rig, &shape);
		rig_start_device(&rig);
		bytes = 1 << 20;
		memory = aligned_alloc(64, bytes);
		CHECK(memory);
		for (int what = STRUCT_SIZE; what < SPOILED; what++) {
			struct vr_device_config config = rig_device_config(&rig);

			context("%s, row %d", form->name, what);
			spoil(&config, (enum spoiled)what);
			CHECK_EQ(vr_device_init(memory, bytes, &config, &device), VR_E_INVAL);
		}
		free(memory);
		rig_close(&rig);
	}
}

static void the_state_must_be_large_enough_and_aligned(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_device_config config;
		struct vr_device *device;
		uint8_t *memory;
		struct rig rig;
		size_t bytes;

		context("%s", form->name);
		rig_open(&rig, &shape);
		config = rig_device_config(&rig);
		bytes = vr_device_size(&config);
		memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
		CHECK(memory);
		CHECK_EQ(vr_device_init(memory, bytes - 1, &config, &device), VR_E_INVAL);
		CHECK_EQ(vr_device_init(memory + 8, bytes, &config, &device), VR_E_INVAL);
		CHECK_EQ(vr_device_init(NULL, bytes, &config, &device), VR_E_INVAL);
		CHECK_EQ(vr_device_init(memory, bytes, &config, &device), 0);
		free(memory);
		rig_close(&rig);
	}
}

static void init_does_not_touch_the_ring(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct rig_image image;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		memset(rig.device_area.driver, 0xee, rig.device_area.bytes);
		rig_image_take(&image, &rig);
		rig_start_device(&rig);
		rig_image_same(&image, &rig);
		rig_close(&rig);
	}
}

static const struct peer_element one[] = { { RIG_OUT, 8, false } };

/* @count buffers through, each popped, completed, published and seen by the honest driver. */
static void traffic(struct rig *rig, struct peer_driver *peer, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint16_t id = peer_driver_send(peer, one, 1);
		struct vr_iovec segment;
		struct vr_chain chain;
		uint16_t back;
		uint32_t len;

		step("buffer %u", i);
		chain = rig_pop(rig, &segment, 1);
		CHECK_EQ(chain.id, id);
		rig_use(rig, &chain, 0);
		CHECK(peer_driver_get(peer, &back, &len));
		CHECK_EQ(back, id);
	}
}

static void clear_ring(struct rig *rig)
{
	memset(rig->descriptors.driver, 0, rig->descriptors.bytes);
	memset(rig->driver_area.driver, 0, rig->driver_area.bytes);
	memset(rig->device_area.driver, 0, rig->device_area.bytes);
}

static void a_reset_starts_from_the_beginning(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int before = 0; before < 12; before++) {
			const struct rig_shape shape = { .features = form->features, .size = 4 };
			struct vr_device_stats stats;
			struct peer_driver peer;
			struct vr_iovec segment;
			struct vr_chain chain;
			struct rig rig;

			context("%s, %u before", form->name, before);
			rig_open(&rig, &shape);
			rig_start_device(&rig);
			peer_driver_open(&peer, &rig, NULL);
			traffic(&rig, &peer, before);
			/* One popped, one completed and not published. */
			peer_driver_send(&peer, one, 1);
			peer_driver_send(&peer, one, 1);
			chain = rig_pop(&rig, &segment, 1);
			CHECK_EQ(vr_device_complete(rig.device, chain.handle, 0), 0);
			chain = rig_pop(&rig, &segment, 1);
			vr_device_break(rig.device);
			vr_device_reset(rig.device);
			CHECK(!vr_device_fault(rig.device, &(struct vr_fault){ 0 }));
			CHECK_EQ(vr_device_complete(rig.device, chain.handle, 0), VR_E_STALE);
			CHECK_EQ(vr_device_unpop(rig.device, chain.handle), VR_E_STALE);
			CHECK_EQ(vr_device_staged(rig.device), 0);
			CHECK_EQ(vr_device_in_flight(rig.device), 0);
			vr_device_stats(rig.device, &stats);
			CHECK_EQ(stats.popped, before + 2);
			CHECK_EQ(stats.published, before);
			clear_ring(&rig);
			CHECK(!vr_device_pending(rig.device));
			peer_driver_close(&peer);
			peer_driver_open(&peer, &rig, NULL);
			traffic(&rig, &peer, 13);
			peer_driver_close(&peer);
			rig_close(&rig);
		}
	}
}

static void a_resize_changes_the_memory_and_the_size(void **state)
{
	static const uint32_t sizes[] = { 16, 1, 8, 2, 4, 16 };

	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features,
						 .size = 4,
						 .max_size = 16 };
		struct peer_driver peer;
		struct vr_ring ring;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_device(&rig);
		peer_driver_open(&peer, &rig, NULL);
		traffic(&rig, &peer, 5);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			ring = rig_device_ring(&rig);
			CHECK_EQ(vr_device_resize(rig.device, &ring, sizes[i]), 0);
			clear_ring(&rig);
			peer_driver_close(&peer);
			rig.raw.size = sizes[i];
			peer_driver_open(&peer, &rig, NULL);
			traffic(&rig, &peer, 3 * sizes[i] + 1);
		}
		peer_driver_close(&peer);
		rig_close(&rig);
	}
}

static void a_bad_resize_changes_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features,
						 .size = 4,
						 .max_size = 8 };
		struct peer_driver peer;
		struct vr_iovec segment;
		struct vr_chain chain;
		struct vr_ring ring;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_device(&rig);
		peer_driver_open(&peer, &rig, NULL);
		traffic(&rig, &peer, 5);
		peer_driver_send(&peer, one, 1);
		chain = rig_pop(&rig, &segment, 1);
		ring = rig_device_ring(&rig);
		CHECK_EQ(vr_device_resize(rig.device, &ring, 0), VR_E_INVAL);
		CHECK_EQ(vr_device_resize(rig.device, &ring, 16), VR_E_INVAL);
		if (!is_packed(form->features))
			CHECK_EQ(vr_device_resize(rig.device, &ring, 6), VR_E_INVAL);
		ring.device.host = (uint8_t *)ring.device.host + 2;
		CHECK_EQ(vr_device_resize(rig.device, &ring, 4), VR_E_INVAL);
		ring.device.host = NULL;
		CHECK_EQ(vr_device_resize(rig.device, &ring, 4), VR_E_INVAL);
		rig_use(&rig, &chain, 0);
		traffic(&rig, &peer, 0);
		peer_driver_close(&peer);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_sizes_are_those_of_the_layout),
		cmocka_unit_test(a_bad_configuration_is_refused),
		cmocka_unit_test(the_state_must_be_large_enough_and_aligned),
		cmocka_unit_test(init_does_not_touch_the_ring),
		cmocka_unit_test(a_reset_starts_from_the_beginning),
		cmocka_unit_test(a_resize_changes_the_memory_and_the_size),
		cmocka_unit_test(a_bad_resize_changes_nothing),
	};

	return RIG_RUN_TESTS(tests);
}
