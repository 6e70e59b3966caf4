// SPDX-License-Identifier: BSD-3-Clause
/* What a watcher says of memory alone, and that an ordinary build has no other. */
#include <errno.h>

#include <virtring/watch.h>

#include "rig.h"

struct told {
	int count;
	enum vr_watch_what what;
	uint32_t value;
};

static void tell(void *context, enum vr_watch_what what, uint32_t value, uint32_t bound)
{
	struct told *told = context;

	CHECK_EQ(bound, 8);
	told->count++;
	told->what = what;
	told->value = value;
}

static int look(const struct rig *rig, struct told *told)
{
	struct vr_ring ring = rig_driver_ring(rig);

	*told = (struct told){ 0 };
	return vr_watch_look(rig->shape.features, &ring, rig->shape.size, tell, told);
}

static void test_index(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct rig_shape shape = { .features = layouts[i], .size = 8 };
		struct told told;
		struct rig rig;

		rig_open_both(&rig, &shape);
		CHECK_EQ(look(&rig, &told), 0);
		for (uint64_t n = 0; n < 8; n++)
			rig_send(&rig, 0, 1, 16, n);
		CHECK_EQ(look(&rig, &told), 0);
		put_le16(at_avail_idx(&rig.raw), 9);
		CHECK_EQ(look(&rig, &told), 1);
		CHECK_EQ(told.what, VR_WATCH_INDEX);
		CHECK_EQ(told.value, 9);
		/* The device is ahead of the driver. */
		put_le16(at_avail_idx(&rig.raw), 0);
		put_le16(at_used_idx(&rig.raw), 1);
		CHECK_EQ(look(&rig, &told), 1);
		CHECK_EQ(told.what, VR_WATCH_INDEX);
		rig_close(&rig);
	}
}

static void test_entries(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct told told;
	struct rig rig;

	(void)state;
	rig_open_both(&rig, &shape);
	put_le16(at_avail_idx(&rig.raw), 3);
	put_le16(at_avail_slot(&rig.raw, 2), 8);
	CHECK_EQ(look(&rig, &told), 1);
	CHECK_EQ(told.what, VR_WATCH_BUFFER);
	put_le16(at_avail_slot(&rig.raw, 2), 7);
	CHECK_EQ(look(&rig, &told), 0);
	put_le16(at_used_idx(&rig.raw), 1);
	put_used_slot(&rig.raw, 0, 0x10000, 0);
	CHECK_EQ(look(&rig, &told), 1);
	CHECK_EQ(told.value, 0x10000);
	rig_close(&rig);
}

static void test_refused(void **state)
{
	const struct rig_shape shape = { .features = PACKED, .size = 8 };
	struct vr_watch_config config = {
		.struct_size = sizeof(config), .report = tell, .features = PACKED, .queue_size = 8
	};
	struct vr_watch *watch;
	struct vr_ring ring;
	struct told told;
	struct rig rig;

	(void)state;
	rig_open_both(&rig, &shape);
	CHECK_EQ(look(&rig, &told), -ENOTSUP);
	ring = rig_driver_ring(&rig);
	CHECK_EQ(vr_watch_look(SPLIT, &ring, 7, tell, &told), -EINVAL);
	CHECK_EQ(vr_watch_look(SPLIT, NULL, 8, tell, &told), -EINVAL);
	CHECK_EQ(vr_watch_look(SPLIT, &ring, 8, NULL, &told), -EINVAL);
	config.ring = ring;
	CHECK_EQ(vr_watch_possible(), VR_WATCH);
#if VR_WATCH
	CHECK_EQ(vr_watch_create(&config, &watch), 0);
	vr_watch_destroy(watch);
#else
	CHECK_EQ(vr_watch_create(&config, &watch), -ENOTSUP);
#endif
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
