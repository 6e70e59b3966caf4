// SPDX-License-Identifier: BSD-3-Clause
/*
 * The first implementation walked its outstanding buffers until one matched the id that the device
 * had written: a wrong id handed out every outstanding buffer. And it followed NEXT flags read from
 * memory that the device can write: a set flag made the walk endless.
 */
#include <unistd.h>

#include "bench.h"

static void expect_nothing_but_a_fault(struct driver_bench *b)
{
	struct vr_used used[8];

	CHECK_EQ(vr_driver_get(b->rig.driver, used, 8), VR_E_BROKEN);
	CHECK_EQ(vr_driver_outstanding(b->rig.driver), 4);
	vr_driver_stop(b->rig.driver);
	CHECK_EQ(vr_driver_reclaim(b->rig.driver, used, 8), 4);
	for (unsigned int i = 0; i < 4; i++)
		CHECK(used[i].token < 4);
	CHECK_EQ(vr_driver_reclaim(b->rig.driver, used, 8), 0);
}

static void use_split(const struct raw *raw, uint32_t id)
{
	put_used_slot(raw, 0, id, 8);
	put_le16(at_used_idx(raw), 4);
}

/* Every id there is, but the four that are right. */
static void a_wrong_id_hands_out_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 16 };

		for (uint32_t id = 0; id < 0x10000; id += id < 40 ? 1 : 4099) {
			struct driver_bench b;
			bool right = false;

			context("%s, id %u", form->name, id);
			driver_bench_open(&b, &shape);
			for (unsigned int i = 0; i < 4; i++) {
				rig_send(&b.rig, 1, 1, 8, i);
				right |= peer_device_take_one(&b.peer).id == id;
			}
			if (is_packed(form->features))
				put_packed_desc(b.rig.raw.descriptors, 0,
						(struct raw_desc){ .id = (uint16_t)id,
								   .flags = RAW_AVAIL | RAW_USED });
			else
				use_split(&b.rig.raw, id);
			if (!right)
				expect_nothing_but_a_fault(&b);
			driver_bench_close(&b);
		}
	}
}

/* NEXT everywhere, each descriptor pointing to itself, set after the add. */
static void flags_are_not_read_back(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l], .size = 8 };
		uint8_t table[16 * 8];
		struct driver_bench b;

		context("%s", form_name(layouts[l]));
		driver_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 10; lap++) {
			struct peer_chain chain;
			struct vr_used used;

			rig_send(&b.rig, 2, 1, 8, lap);
			chain = peer_device_take_one(&b.peer);
			memcpy(table, b.rig.descriptors.driver, sizeof(table));
			for (uint32_t i = 0; i < 8; i++)
				put_split_desc(b.rig.raw.descriptors, i,
					       (struct raw_desc){ 0, 0, RAW_NEXT, (uint16_t)i, 0 });
			peer_device_use(&b.peer, &chain, 0);
			CHECK_EQ(vr_driver_get(b.rig.driver, &used, 1), 1);
			CHECK_EQ(vr_driver_free(b.rig.driver), 8);
			memcpy(b.rig.descriptors.driver, table, sizeof(table));
		}
		driver_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_wrong_id_hands_out_nothing),
					    cmocka_unit_test(flags_are_not_read_back) };

	alarm(60); /* an endless walk fails, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
