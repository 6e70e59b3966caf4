// SPDX-License-Identifier: BSD-3-Clause
/* The watcher: silent over honest traffic of all forms; each violation is reported, and once. */
#include <virtring/watch.h>

#include "peer_driver.h"
#include "random.h"

#define REPORTS 32
#define SEGMENTS 64

struct told {
	unsigned int count;
	enum vr_watch_what what[REPORTS];
	uint32_t value[REPORTS];
};

static void tell(void *context, enum vr_watch_what what, uint32_t value, uint32_t bound)
{
	struct told *told = context;

	(void)bound;
	if (told->count < REPORTS) {
		told->what[told->count] = what;
		told->value[told->count] = value;
	}
	told->count++;
}

static void only(struct told *told, enum vr_watch_what what)
{
	CHECK_EQ(told->count, 1);
	CHECK_EQ(told->what[0], what);
	told->count = 0;
}

static struct vr_watch *watch_one(const struct rig *rig, bool driver, struct told *told)
{
	struct vr_watch_config config = {
		.struct_size = sizeof(config),
		.features = rig->shape.features,
		.ring = driver ? rig_driver_ring(rig) : rig_device_ring(rig),
		.queue_size = rig->shape.size,
		.driver = driver,
		.base = is_packed(rig->shape.features) ? 0x80008000u : 0,
		.report = tell,
		.context = told,
	};
	struct vr_watch *watch;

	if (driver && rig->shape.entries) {
		config.tables = (struct vr_ring_area){ rig->tables.driver, RIG_TABLES };
		config.table_bytes = rig->tables.bytes;
	}
	CHECK_EQ(vr_watch_create(&config, &watch), 0);
	return watch;
}

/* ---- honest traffic ---- */

struct pair {
	struct rig rig;
	struct random random;
	struct vr_watch *driver;
	struct vr_watch *device;
	struct told told;
	struct vr_iovec segments[64][SEGMENTS];
	struct vr_chain open[64];
	unsigned int open_count;
};

static void send(struct pair *p)
{
	struct vr_segment segments[4];
	unsigned int readable = random_below(&p->random, 3);
	unsigned int writable = random_below(&p->random, 2) + !readable;
	struct vr_buffer buffer = rig_buffer(segments, readable, writable, 100, 0, 1);

	(void)vr_driver_add(p->rig.driver, &buffer, 1);
	if (random_chance(&p->random, 1, 3))
		return;
	CHECK(vr_driver_publish(p->rig.driver) >= 0);
	if (vr_driver_must_notify(p->rig.driver))
		vr_watch_notified(p->device);
}

static void take(struct pair *p)
{
	unsigned int n = p->open_count;
	int got;

	if (n == ARRAY_SIZE(p->open))
		return;
	/* Too little room leaves the buffer where it is: it is looked at twice then. */
	got = vr_device_pop(p->rig.device, &p->open[n], 1, p->segments[n],
			    random_chance(&p->random, 1, 4) ? 1 : SEGMENTS);
	CHECK(got >= 0 || got == VR_E_SEGMENTS);
	if (got > 0)
		p->open_count++;
}

static void use(struct pair *p)
{
	unsigned int which;
	uint32_t room;

	if (p->open_count) {
		which = random_below(&p->random, p->open_count);
		room = p->open[which].writable_bytes;
		if (room && random_chance(&p->random, 1, 3))
			room = random_below(&p->random, room);
		CHECK_EQ(vr_device_complete(p->rig.device, p->open[which].handle, room), 0);
		p->open[which] = p->open[--p->open_count];
	}
	if (random_chance(&p->random, 1, 2))
		return;
	CHECK(vr_device_publish(p->rig.device, NULL) >= 0);
	if (vr_device_must_notify(p->rig.device))
		vr_watch_notified(p->driver);
}

static void get(struct pair *p)
{
	struct vr_used used[3];

	CHECK(vr_driver_get(p->rig.driver, used, 1 + random_below(&p->random, 3)) >= 0);
}

/* Sleeps of a side that has asked and found nothing; or it asks for nothing. */
static void rest(struct pair *p)
{
	if (random_chance(&p->random, 1, 2)) {
		vr_driver_disarm(p->rig.driver, NULL);
		vr_device_disarm(p->rig.device, NULL);
		return;
	}
	if (!vr_driver_arm(p->rig.driver, NULL))
		vr_watch_quiet(p->driver);
	if (!vr_device_arm(p->rig.device, NULL))
		vr_watch_quiet(p->device);
}

static void play(struct pair *p)
{
	static void (*const moves[])(struct pair *) = { send, send, take, take, use,
							use,  get,  get,  rest };

	struct vr_driver_stats stats;

	for (unsigned int i = 0; i < 20000; i++) {
		step("move %u", i);
		moves[random_below(&p->random, ARRAY_SIZE(moves))](p);
		CHECK_EQ(p->told.count, 0);
	}
	vr_driver_stats(p->rig.driver, &stats);
	CHECK(stats.used > 500);
}

static void test_honest(void **state)
{
	static const uint32_t sizes[] = { 1, 4, 16, 7 };
	static struct pair p;

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int i = 0; i < 16; i++) {
			struct rig_shape shape = { .features = form->features,
						   .size = sizes[i / 4],
						   .wide = true };

			shape.features |= i & 1 ? VR_F_EVENT_IDX : 0;
			if (i & 2) {
				shape.features |= VR_F_INDIRECT_DESC;
				shape.entries = 4;
			}
			if (!is_packed(form->features) && shape.size == 7)
				continue;
			context("%s, %u, tables %u", form_name(shape.features), shape.size,
				shape.entries);
			memset(&p, 0, sizeof(p));
			random_start(&p.random, i + 1);
			rig_open_both(&p.rig, &shape);
			p.driver = watch_one(&p.rig, true, &p.told);
			p.device = watch_one(&p.rig, false, &p.told);
			play(&p);
			vr_watch_destroy(p.driver);
			vr_watch_destroy(p.device);
			rig_close(&p.rig);
		}
	}
}

/* ---- what a device does wrong ---- */

struct device_scene {
	struct rig rig;
	struct peer_device peer;
	struct vr_watch *watch;
	struct told told;
	struct vr_used used[8];
};

static void device_scene_open(struct device_scene *s, uint64_t features)
{
	const struct rig_shape shape = { .features = features, .size = 8 };

	memset(s, 0, sizeof(*s));
	context("%s", form_name(features));
	rig_open(&s->rig, &shape);
	rig_start_driver(&s->rig);
	peer_device_open(&s->peer, &s->rig);
	s->watch = watch_one(&s->rig, true, &s->told);
}

static void device_scene_close(struct device_scene *s)
{
	vr_watch_destroy(s->watch);
	peer_device_close(&s->peer);
	rig_close(&s->rig);
}

/* The driver looks, more than once. */
static void device_did(struct device_scene *s, enum vr_watch_what what)
{
	for (int i = 0; i < 3; i++) {
		(void)vr_driver_pending(s->rig.driver);
		(void)vr_driver_get(s->rig.driver, s->used, 8);
	}
	only(&s->told, what);
	device_scene_close(s);
}

static void test_used_index(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };
	struct device_scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		device_scene_open(&s, layouts[i]);
		rig_send(&s.rig, 0, 1, 16, 1);
		put_le16(at_used_idx(&s.rig.raw), 2);
		device_did(&s, VR_WATCH_INDEX);

		device_scene_open(&s, layouts[i]);
		rig_send(&s.rig, 0, 1, 16, 1);
		put_le16(at_used_idx(&s.rig.raw), 0xffff);
		device_did(&s, VR_WATCH_INDEX);
	}
}

/* A used entry of any content. */
static void plant_used(struct device_scene *s, uint32_t slot, uint16_t id, uint32_t len)
{
	struct raw_desc desc = { .len = len, .id = id };

	if (is_packed(s->rig.shape.features)) {
		desc.flags = RAW_AVAIL | RAW_USED | RAW_WRITE;
		put_packed_desc(s->rig.raw.descriptors, slot, desc);
		return;
	}
	put_used_slot(&s->rig.raw, slot, id, len);
	put_le16(at_used_idx(&s->rig.raw), (uint16_t)(slot + 1));
}

static void test_used_buffer(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		static const uint16_t ids[] = { 5, 8, 0xffff };
		struct device_scene s;

		for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
			device_scene_open(&s, form->features);
			rig_send(&s.rig, 0, 1, 16, 1);
			plant_used(&s, 0, ids[i], 0);
			device_did(&s, VR_WATCH_BUFFER);
		}
	}
}

static void test_used_length(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct peer_chain chain;
		struct device_scene s;

		device_scene_open(&s, form->features);
		rig_send(&s.rig, 1, 2, 16, 1);
		chain = peer_device_take_one(&s.peer);
		plant_used(&s, 0, chain.id, 33);
		device_did(&s, VR_WATCH_LENGTH);
	}
}

/* The second buffer, by an index that covers the first only. */
static void test_used_order(void **state)
{
	struct peer_chain chain;
	struct device_scene s;

	(void)state;
	device_scene_open(&s, SPLIT_IN_ORDER);
	rig_send(&s.rig, 0, 1, 16, 1);
	rig_send(&s.rig, 0, 1, 16, 2);
	(void)peer_device_take_one(&s.peer);
	chain = peer_device_take_one(&s.peer);
	plant_used(&s, 0, chain.id, 16);
	device_did(&s, VR_WATCH_ORDER);
}

static void test_used_wrap(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct raw_desc desc = { .len = 16 };
		struct device_scene s;

		device_scene_open(&s, layouts[i]);
		rig_send(&s.rig, 0, 1, 16, 1);
		desc.flags = RAW_WRITE;
		put_packed_desc(s.rig.raw.descriptors, 0, desc);
		device_did(&s, VR_WATCH_WRAP);
	}
}

/* Uses one buffer, honestly. */
static void use_one(struct device_scene *s)
{
	struct peer_chain chain;

	rig_send(&s->rig, 0, 1, 16, 1);
	chain = peer_device_take_one(&s->peer);
	peer_device_use(&s->peer, &chain, 16);
}

static void test_calls(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (int event_idx = 0; event_idx < 2; event_idx++) {
			uint64_t features = form->features | (event_idx ? VR_F_EVENT_IDX : 0);
			struct device_scene s;

			device_scene_open(&s, features);
			vr_driver_disarm(s.rig.driver, NULL);
			use_one(&s);
			CHECK_EQ(vr_driver_get(s.rig.driver, s.used, 8), 1);
			/* Two may have been on their way. */
			vr_watch_notified(s.watch);
			vr_watch_notified(s.watch);
			CHECK_EQ(s.told.count, 0);
			vr_watch_notified(s.watch);
			only(&s.told, VR_WATCH_SUPPRESSED);

			/* Asked for, and there is nothing: all is well. Then there is. */
			CHECK(!vr_driver_arm(s.rig.driver, NULL));
			vr_watch_quiet(s.watch);
			vr_watch_notified(s.watch);
			CHECK_EQ(s.told.count, 0);
			use_one(&s);
			vr_watch_quiet(s.watch);
			vr_watch_quiet(s.watch);
			only(&s.told, VR_WATCH_MISSED);
			device_scene_close(&s);
		}
	}
}

/* ---- what a driver does wrong ---- */

struct driver_scene {
	struct rig rig;
	struct vr_watch *watch;
	struct told told;
	struct vr_chain chains[8];
	struct vr_iovec segments[SEGMENTS];
};

static void driver_scene_open(struct driver_scene *s, uint64_t features)
{
	const struct rig_shape shape = { .features = features, .size = 8, .wide = true };

	memset(s, 0, sizeof(*s));
	context("%s", form_name(features));
	rig_open(&s->rig, &shape);
	rig_start_device(&s->rig);
	s->watch = watch_one(&s->rig, false, &s->told);
}

static void driver_scene_close(struct driver_scene *s)
{
	vr_watch_destroy(s->watch);
	rig_close(&s->rig);
}

static void driver_did(struct driver_scene *s, enum vr_watch_what what)
{
	for (int i = 0; i < 3; i++) {
		(void)vr_device_pending(s->rig.device);
		(void)vr_device_pop(s->rig.device, s->chains, 8, s->segments, SEGMENTS);
	}
	only(&s->told, what);
	driver_scene_close(s);
}

/* A buffer of one writable descriptor in a slot of the table, made available as number @index. */
static void plant_split(struct driver_scene *s, uint16_t index, uint16_t head)
{
	struct raw_desc desc = { .addr = RIG_IN, .len = 16, .flags = RAW_WRITE };

	if (head < 8)
		put_split_desc(s->rig.raw.descriptors, head, desc);
	put_le16(at_avail_slot(&s->rig.raw, index), head);
	put_le16(at_avail_idx(&s->rig.raw), (uint16_t)(index + 1));
}

static void plant_packed(struct driver_scene *s, uint32_t slot, uint16_t id, uint16_t state)
{
	struct raw_desc desc = { .addr = RIG_IN, .len = 16, .id = id };

	desc.flags = (uint16_t)(RAW_WRITE | state);
	put_packed_desc(s->rig.raw.descriptors, slot, desc);
}

static void test_available_index(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };
	struct driver_scene s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		driver_scene_open(&s, layouts[i]);
		put_le16(at_avail_idx(&s.rig.raw), 9);
		driver_did(&s, VR_WATCH_INDEX);

		driver_scene_open(&s, layouts[i]);
		plant_split(&s, 0, 0);
		CHECK_EQ(vr_device_pop(s.rig.device, s.chains, 8, s.segments, SEGMENTS), 1);
		put_le16(at_avail_idx(&s.rig.raw), 0);
		driver_did(&s, VR_WATCH_INDEX);
	}
}

static void test_available_buffer(void **state)
{
	struct driver_scene s;

	(void)state;
	driver_scene_open(&s, SPLIT);
	plant_split(&s, 0, 8);
	driver_did(&s, VR_WATCH_BUFFER);

	driver_scene_open(&s, SPLIT);
	plant_split(&s, 0, 3);
	plant_split(&s, 1, 3);
	driver_did(&s, VR_WATCH_BUFFER);

	driver_scene_open(&s, PACKED);
	plant_packed(&s, 1, 3, RAW_AVAIL);
	plant_packed(&s, 0, 3, RAW_AVAIL);
	driver_did(&s, VR_WATCH_BUFFER);
}

static void test_available_order(void **state)
{
	struct driver_scene s;

	(void)state;
	driver_scene_open(&s, SPLIT_IN_ORDER);
	plant_split(&s, 0, 1);
	driver_did(&s, VR_WATCH_ORDER);

	driver_scene_open(&s, SPLIT_IN_ORDER);
	plant_split(&s, 0, 0);
	plant_split(&s, 1, 2);
	driver_did(&s, VR_WATCH_ORDER);
}

static void test_available_wrap(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct driver_scene s;

		driver_scene_open(&s, layouts[i]);
		plant_packed(&s, 0, 0, RAW_USED);
		driver_did(&s, VR_WATCH_WRAP);

		driver_scene_open(&s, layouts[i]);
		plant_packed(&s, 0, 0, RAW_AVAIL | RAW_USED);
		driver_did(&s, VR_WATCH_WRAP);
	}
}

static void plant_next(struct driver_scene *s, unsigned int n)
{
	if (is_packed(s->rig.shape.features))
		plant_packed(s, n, (uint16_t)n, RAW_AVAIL);
	else
		plant_split(s, (uint16_t)n, (uint16_t)n);
}

static void test_kicks(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (int event_idx = 0; event_idx < 2; event_idx++) {
			uint64_t features = form->features | (event_idx ? VR_F_EVENT_IDX : 0);
			struct driver_scene s;

			driver_scene_open(&s, features);
			vr_device_disarm(s.rig.device, NULL);
			plant_next(&s, 0);
			CHECK_EQ(vr_device_pop(s.rig.device, s.chains, 8, s.segments, SEGMENTS), 1);
			vr_watch_notified(s.watch);
			vr_watch_notified(s.watch);
			CHECK_EQ(s.told.count, 0);
			vr_watch_notified(s.watch);
			only(&s.told, VR_WATCH_SUPPRESSED);
			CHECK(!vr_device_arm(s.rig.device, NULL));
			vr_watch_quiet(s.watch);
			vr_watch_notified(s.watch);
			CHECK_EQ(s.told.count, 0);
			plant_next(&s, 1);
			vr_watch_quiet(s.watch);
			vr_watch_quiet(s.watch);
			only(&s.told, VR_WATCH_MISSED);
			driver_scene_close(&s);
		}
	}
}

/* ---- the watcher itself ---- */

static void test_config(void **state)
{
	struct driver_scene s;
	struct vr_watch_config config = { .struct_size = sizeof(config) };
	struct vr_watch *watch;

	(void)state;
	driver_scene_open(&s, SPLIT);
	CHECK(vr_watch_create(NULL, &watch) < 0);
	CHECK(vr_watch_create(&config, &watch) < 0);
	config.ring = rig_device_ring(&s.rig);
	config.report = tell;
	CHECK(vr_watch_create(&config, &watch) < 0);
	config.queue_size = 6;
	CHECK(vr_watch_create(&config, &watch) < 0);
	config.features = VR_F_RING_PACKED;
	config.base = 6;
	CHECK(vr_watch_create(&config, &watch) < 0);
	config.base = 0x80008000u;
	CHECK_EQ(vr_watch_create(&config, &watch), 0);
	CHECK(vr_watch_create(&config, NULL) < 0);
	CHECK(vr_watch_possible());
	vr_watch_destroy(watch);
	vr_watch_destroy(NULL);
	for (int i = 0; i < 10; i++)
		CHECK(strlen(vr_watch_text((enum vr_watch_what)i)) > 5);
	driver_scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest),
		cmocka_unit_test(test_used_index),
		cmocka_unit_test(test_used_buffer),
		cmocka_unit_test(test_used_length),
		cmocka_unit_test(test_used_order),
		cmocka_unit_test(test_used_wrap),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_available_index),
		cmocka_unit_test(test_available_buffer),
		cmocka_unit_test(test_available_order),
		cmocka_unit_test(test_available_wrap),
		cmocka_unit_test(test_kicks),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
