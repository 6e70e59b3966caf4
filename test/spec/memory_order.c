// SPDX-License-Identifier: BSD-3-Clause
/*
 * The order in which the core touches ring memory, from a core that writes down every access. What is
 * stored before the publishing store, and that a full fence stands before a verdict's load, cannot be
 * seen on the result; test/property/stress_threads looks at the same from the other side.
 */
#include "bench.h"
#include "trace.h"

struct access {
	enum trace_kind kind;
	enum vr_area area;
	size_t offset;
};

static struct access trace[256];
static unsigned int logged;
static const struct rig *watched_rig;

void trace_note(enum trace_kind kind, const void *field, size_t bytes)
{
	const uint8_t *at = field;
	struct access *a = &trace[logged % ARRAY_SIZE(trace)];
	const struct area *areas[3];

	*a = (struct access){ .kind = kind };
	if (!watched_rig)
		return;
	areas[0] = &watched_rig->descriptors;
	areas[1] = &watched_rig->driver_area;
	areas[2] = &watched_rig->device_area;
	logged++;
	for (int i = 0; i < 3 && bytes; i++) {
		if (at >= areas[i]->driver && at < areas[i]->driver + areas[i]->bytes) {
			a->area = (enum vr_area)i;
			a->offset = (size_t)(at - areas[i]->driver);
		}
	}
}

static bool is_store(const struct access *a)
{
	return a->kind == TRACE_STORE || a->kind == TRACE_STORE_RELEASE;
}

static void start(const struct rig *rig)
{
	watched_rig = rig;
	logged = 0;
}

static void stop(void)
{
	watched_rig = NULL;
	CHECK(logged < ARRAY_SIZE(trace));
}

/* The only release store is the last store, and it goes to @area at @offset. */
static void one_release_store_last(enum vr_area area, size_t offset)
{
	unsigned int last = logged;

	for (unsigned int i = 0; i < logged; i++)
		if (is_store(&trace[i]))
			last = i;
	CHECK(last < logged);
	CHECK_EQ(trace[last].kind, TRACE_STORE_RELEASE);
	CHECK_EQ(trace[last].area, area);
	CHECK_EQ(trace[last].offset, offset);
	for (unsigned int i = 0; i < last; i++)
		CHECK(trace[i].kind != TRACE_STORE_RELEASE);
}

/* A verdict is a full fence, then loads of the other side's suppression area only. */
static void fence_then_loads_of(enum vr_area area, size_t from)
{
	CHECK(logged >= 2);
	CHECK_EQ(trace[0].kind, TRACE_FENCE);
	for (unsigned int i = 1; i < logged; i++) {
		CHECK_EQ(trace[i].kind, TRACE_LOAD);
		CHECK_EQ(trace[i].area, area);
		CHECK(trace[i].offset == from || trace[i].offset == 0);
	}
}

static bool stored_to(enum vr_area area, size_t offset)
{
	for (unsigned int i = 0; i < logged; i++)
		if (is_store(&trace[i]) && trace[i].area == area && trace[i].offset == offset)
			return true;
	return false;
}

static void open_both(struct rig *rig, uint64_t features)
{
	const struct rig_shape shape = {
		.features = features, .size = 8, .entries = 4, .one_view = true
	};

	rig_open_both(rig, &shape);
}

static void add_two(struct rig *rig)
{
	struct vr_segment segments[2];
	struct vr_buffer buffer = rig_buffer(segments, 1, 1, 8, 0, 1);

	CHECK_EQ(vr_driver_add(rig->driver, &buffer, 1), 1);
	CHECK_EQ(vr_driver_add(rig->driver, &buffer, 1), 1);
}

static void split_driver(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < 2 * ARRAY_SIZE(layouts); l++) {
		uint64_t event = l / 2 ? VR_F_EVENT_IDX : 0;
		struct rig rig;

		open_both(&rig, layouts[l % 2] | event);
		start(&rig);
		add_two(&rig);
		CHECK_EQ(vr_driver_publish(rig.driver), 2);
		stop();
		CLAUSE("S-FMT-010");
		CLAUSE("S-DRV-024");
		one_release_store_last(VR_AREA_DRIVER, 2);
		CHECK(stored_to(VR_AREA_DESCRIPTORS, 0));
		CHECK(stored_to(VR_AREA_DRIVER, 4 + 2)); /* the second slot */
		start(&rig);
		vr_driver_must_notify(rig.driver);
		stop();
		CLAUSE("S-DRV-025");
		fence_then_loads_of(VR_AREA_DEVICE, event ? 4 + 8 * 8 : 0);
		rig_close(&rig);
	}
}

static void packed_driver(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < 2 * ARRAY_SIZE(layouts); l++) {
		struct rig rig;

		open_both(&rig, layouts[l % 2] | (l / 2 ? VR_F_EVENT_IDX : 0));
		start(&rig);
		add_two(&rig);
		CHECK_EQ(vr_driver_publish(rig.driver), 2);
		stop();
		CLAUSE("P-DRV-016");
		CLAUSE("P-DRV-011");
		CLAUSE("P-FMT-009");
		one_release_store_last(VR_AREA_DESCRIPTORS, 8); /* flags of slot 0 */
		for (size_t slot = 1; slot < 4; slot++)
			CHECK(stored_to(VR_AREA_DESCRIPTORS, 16 * slot + 8));
		CLAUSE("P-DRV-017");
		CLAUSE("P-FMT-021");
		start(&rig);
		vr_driver_must_notify(rig.driver);
		stop();
		fence_then_loads_of(VR_AREA_DEVICE, 0);
		rig_close(&rig);
	}
}

/* Two buffers completed and published; answers with the log of it. */
static void use_two(struct rig *rig)
{
	struct vr_iovec segments[4];
	struct vr_chain chains[2];

	add_two(rig);
	CHECK_EQ(vr_driver_publish(rig->driver), 2);
	CHECK_EQ(vr_device_pop(rig->device, chains, 2, segments, 4), 2);
	start(rig);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(vr_device_complete(rig->device, chains[i].handle, 5), 0);
	CHECK_EQ(vr_device_publish(rig->device, NULL), 2);
	stop();
}

static void split_device(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct rig rig;

		open_both(&rig, layouts[l] | VR_F_EVENT_IDX);
		use_two(&rig);
		CLAUSE("S-DEV-014");
		if (l)
			CLAUSE("IO-DEV-014");
		if (l)
			CLAUSE("IO-DEV-016");
		one_release_store_last(VR_AREA_DEVICE, 2);
		CHECK(stored_to(VR_AREA_DEVICE, 4));
		CHECK(stored_to(VR_AREA_DEVICE, 4 + 8));
		start(&rig);
		vr_device_must_notify(rig.device);
		stop();
		fence_then_loads_of(VR_AREA_DRIVER, 4 + 2 * 8);
		rig_close(&rig);
	}
}

static void packed_device(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct rig rig;

		open_both(&rig, layouts[l] | VR_F_EVENT_IDX);
		use_two(&rig);
		CLAUSE("P-DEV-007");
		if (l)
			CLAUSE("IO-DEV-016");
		one_release_store_last(VR_AREA_DESCRIPTORS, 8);
		CHECK(stored_to(VR_AREA_DESCRIPTORS, 16 * 2 + 8)); /* the second list's slot */
		CHECK(!stored_to(VR_AREA_DESCRIPTORS, 0)); /* addresses stay */
		CLAUSE("P-FMT-021");
		start(&rig);
		vr_device_must_notify(rig.device);
		stop();
		fence_then_loads_of(VR_AREA_DRIVER, 0);
		rig_close(&rig);
	}
}

/* Arming: the event word, a full fence, then an acquire load of what publishes. */
static void arming(void **state)
{
	(void)state;
	CLAUSE("S-DRV-027");
	CLAUSE("P-DRV-019");
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);
		struct rig rig;

		context("%s", form->name);
		open_both(&rig, form->features | VR_F_EVENT_IDX);
		for (int side = 0; side < 2; side++) {
			vr_driver_disarm(rig.driver, NULL);
			vr_device_disarm(rig.device, NULL);
			start(&rig);
			if (side)
				vr_device_arm(rig.device, NULL);
			else
				vr_driver_arm(rig.driver, NULL);
			stop();
			CHECK_EQ(logged, 3);
			CHECK_EQ(trace[0].kind, TRACE_STORE);
			CHECK_EQ(trace[0].area, side ? VR_AREA_DEVICE : VR_AREA_DRIVER);
			CHECK_EQ(trace[1].kind, TRACE_FENCE);
			CHECK_EQ(trace[2].kind, TRACE_LOAD_ACQUIRE);
			CHECK_EQ(trace[2].area, packed ? VR_AREA_DESCRIPTORS :
						side   ? VR_AREA_DRIVER :
							 VR_AREA_DEVICE);
		}
		rig_close(&rig);
	}
}

static unsigned int count_of(enum trace_kind kind)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < logged; i++)
		count += trace[i].kind == kind;
	return count;
}

/* With ORDER_PLATFORM the barriers are the platform's, without it there is none of those. */
static void barriers_for_real_devices(void **state)
{
	(void)state;
	CLAUSE("F-DRV-008");
	FOR_EACH_FORM(form)
	{
		for (int strong = 0; strong < 2; strong++) {
			uint64_t more = strong ? VR_F_ORDER_PLATFORM : 0;
			struct vr_used used[2];
			struct rig rig;

			context("%s, order platform %d", form->name, strong);
			open_both(&rig, form->features | more);
			start(&rig);
			add_two(&rig);
			CHECK_EQ(vr_driver_publish(rig.driver), 2);
			vr_driver_must_notify(rig.driver);
			stop();
			CHECK_EQ(count_of(TRACE_PLATFORM_STORES), strong);
			CHECK_EQ(count_of(TRACE_PLATFORM_FULL), strong);
			CHECK_EQ(count_of(TRACE_FENCE), !strong);
			CHECK_EQ(vr_device_pop(rig.device, (struct vr_chain[2]){ { 0 } }, 2,
					       (struct vr_iovec[4]){ { 0 } }, 4),
				 2);
			start(&rig);
			CHECK_EQ(vr_device_complete_oldest(rig.device, NULL, 2), 2);
			CHECK_EQ(vr_device_publish_and_verdict(rig.device, NULL), 1);
			stop();
			CHECK_EQ(count_of(TRACE_PLATFORM_STORES), strong);
			CHECK_EQ(count_of(TRACE_PLATFORM_FULL), strong);
			start(&rig);
			CHECK_EQ(vr_driver_get(rig.driver, used, 2), 2);
			stop();
			CHECK_EQ(count_of(TRACE_PLATFORM_LOADS) > 0, strong);
			rig_close(&rig);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_driver), cmocka_unit_test(packed_driver),
		cmocka_unit_test(split_device), cmocka_unit_test(packed_device),
		cmocka_unit_test(arming),	cmocka_unit_test(barriers_for_real_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
