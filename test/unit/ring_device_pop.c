// SPDX-License-Identifier: BSD-3-Clause
/* vr_device_pop(): honest chains in every shape, translation, and the answers that move nothing. */
#include "peer_driver.h"

#define SEGMENTS 32

/* A device of @size slots against the honest driver. */
struct bench {
	struct rig rig;
	struct peer_driver peer;
	struct vr_iovec segment[SEGMENTS];
};

static void bench_open(struct bench *b, uint64_t features, uint32_t size)
{
	const struct rig_shape shape = { .features = features | VR_F_INDIRECT_DESC,
					 .size = size,
					 .entries = 8 };

	rig_open(&b->rig, &shape);
	rig_start_device(&b->rig);
	peer_driver_open(&b->peer, &b->rig, NULL);
}

static void bench_close(struct bench *b)
{
	peer_driver_close(&b->peer);
	rig_close(&b->rig);
}

/* What the device must see of an element. */
static void *host_of(const struct rig *rig, const struct peer_element *e)
{
	return e->write ? rig->in.device + (e->addr - RIG_IN) :
			  rig->out.device + (e->addr - RIG_OUT);
}

/* @chain holds exactly @elements, those of length zero left out. */
static void expect_chain(const struct rig *rig, const struct vr_chain *chain,
			 const struct peer_element *elements, unsigned int count)
{
	uint64_t bytes[2] = { 0, 0 };
	uint32_t pieces[2] = { 0, 0 };

	for (unsigned int i = 0; i < count; i++) {
		const struct peer_element *e = &elements[i];
		const struct vr_iovec *v = &chain->segments[pieces[0] + pieces[1]];

		if (!e->len)
			continue;
		step("element %u", i);
		CHECK(v->base == host_of(rig, e));
		CHECK_EQ(v->len, e->len);
		pieces[e->write]++;
		bytes[e->write] += e->len;
	}
	CHECK_EQ(chain->readable, pieces[0]);
	CHECK_EQ(chain->writable, pieces[1]);
	CHECK_EQ(chain->readable_bytes, bytes[0]);
	CHECK_EQ(chain->writable_bytes, bytes[1]);
}

static const struct peer_element mixed[] = {
	{ RIG_OUT, 12, false },	    { RIG_OUT + 100, 1, false }, { RIG_IN + 8, 512, true },
	{ RIG_IN + 4096, 7, true }, { RIG_IN, 1, true },
};

static const struct peer_element only_out[] = { { RIG_OUT, 1, false }, { RIG_OUT + 7, 9, false } };
static const struct peer_element only_in[] = { { RIG_IN + 65535, 1, true } };
static const struct peer_element with_empty[] = {
	{ RIG_OUT, 0, false },	   { RIG_OUT + 5, 6, false }, { RIG_OUT + 1, 0, false },
	{ RIG_IN + 100, 0, true }, { RIG_IN + 3, 4, true },   { RIG_IN, 0, true },
};

/* Nothing but empty elements, at addresses that nobody has: legal, and nothing to translate. */
static const struct peer_element all_empty[] = { { 0, 0, false }, { 0xdead0000, 0, true } };

static const struct {
	const struct peer_element *elements;
	unsigned int count;
} chains[] = {
	{ mixed, 5 }, { only_out, 2 }, { only_in, 1 }, { with_empty, 6 }, { all_empty, 2 },
};

/* One chain of each kind, at every starting slot, in every layout of its elements. */
static void shapes_of(uint64_t features, uint32_t size, enum peer_shape shape)
{
	struct bench b;

	bench_open(&b, features, size);
	for (unsigned int lap = 0; lap < 5 * size; lap++) {
		unsigned int which = lap % ARRAY_SIZE(chains);
		unsigned int count = chains[which].count;
		unsigned int direct = shape == PEER_TAIL ? lap % count : count;
		unsigned int descriptors = direct + (direct < count);
		struct vr_chain chain;
		uint16_t id;
		uint32_t len;
		int added;

		context("%s, shape %d, lap %u", form_name(features), (int)shape, lap);
		added = peer_driver_add(&b.peer, chains[which].elements, count, shape, direct);
		CHECK(added >= 0);
		CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS), 0);
		CHECK(!vr_device_pending(b.rig.device));
		peer_driver_publish(&b.peer);
		CHECK(vr_device_pending(b.rig.device));
		chain = rig_pop(&b.rig, b.segment, SEGMENTS);
		expect_chain(&b.rig, &chain, chains[which].elements, count);
		CHECK_EQ(chain.id, added);
		CHECK_EQ(chain.descriptors, shape == PEER_INDIRECT ? 1 : descriptors);
		CHECK_EQ(vr_device_in_flight(b.rig.device), 1);
		rig_use(&b.rig, &chain, chain.writable_bytes);
		CHECK(peer_driver_get(&b.peer, &id, &len));
		CHECK_EQ(id, added);
		CHECK_EQ(len, chain.writable_bytes);
	}
	bench_close(&b);
}

static void every_shape_is_gathered(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		bool packed = is_packed(form->features);

		shapes_of(form->features, packed ? 7 : 8, PEER_DIRECT);
		shapes_of(form->features, packed ? 7 : 8, PEER_INDIRECT);
		shapes_of(form->features, 1, PEER_INDIRECT);
		if (!packed)
			shapes_of(form->features, 8, PEER_TAIL);
	}
}

static void a_burst_takes_what_fits(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain[8];
		struct vr_need need;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 16);
		for (unsigned int i = 0; i < 5; i++)
			peer_driver_send(&b.peer, only_out, 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 0, b.segment, SEGMENTS), 0);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 2, b.segment, SEGMENTS), 2);
		CHECK(chain[0].segments == b.segment);
		CHECK(chain[1].segments == b.segment + 2);
		CHECK(chain[0].handle != chain[1].handle);
		/* Room for one and a half. */
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 8, b.segment, 3), 1);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 8, b.segment, 1), VR_E_SEGMENTS);
		vr_device_need(b.rig.device, &need);
		CHECK_EQ(need.segments, 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 8, b.segment, 0), VR_E_SEGMENTS);
		CHECK_EQ(vr_device_in_flight(b.rig.device), 3);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 8, b.segment, SEGMENTS), 2);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 8, b.segment, SEGMENTS), 0);
		CHECK_EQ(vr_device_in_flight(b.rig.device), 5);
		bench_close(&b);
	}
}

/* The need is exact for every shape: with one less it fails, with as many it works. */
static void too_few_segments_is_told_exactly(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t i = 0; i < ARRAY_SIZE(chains) * 2; i++) {
			enum peer_shape shape = i % 2 ? PEER_INDIRECT : PEER_DIRECT;
			struct vr_chain chain;
			struct vr_need need;
			struct bench b;
			int result;

			context("%s, row %zu", form->name, i);
			bench_open(&b, form->features, 8);
			CHECK(peer_driver_add(&b.peer, chains[i / 2].elements, chains[i / 2].count,
					      shape, 0) >= 0);
			peer_driver_publish(&b.peer);
			result = vr_device_pop(b.rig.device, &chain, 1, b.segment, 0);
			if (chains[i / 2].elements == all_empty) {
				CHECK_EQ(result, 1);
				bench_close(&b);
				continue;
			}
			CHECK_EQ(result, VR_E_SEGMENTS);
			vr_device_need(b.rig.device, &need);
			CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment,
					       need.segments - 1),
				 VR_E_SEGMENTS);
			CHECK_EQ(vr_device_in_flight(b.rig.device), 0);
			chain = rig_pop(&b.rig, b.segment, need.segments);
			CHECK_EQ(chain.readable + chain.writable, need.segments);
			expect_chain(&b.rig, &chain, chains[i / 2].elements, chains[i / 2].count);
			bench_close(&b);
		}
	}
}

/* Cuts the payload ranges of the map in pieces that touch in device space only. */
static void cut_map(struct rig *rig, struct vr_map_range *ranges, struct vr_map *map,
		    const uint8_t *far)
{
	*map = rig->map;
	ranges[0] = rig->ranges[0];
	ranges[1] =
		(struct vr_map_range){ RIG_OUT, 16, (uintptr_t)rig->out.device, VR_ACCESS_READ, 0 };
	ranges[2] = (struct vr_map_range){ RIG_OUT + 16, 16, (uintptr_t)far, VR_ACCESS_READ, 0 };
	ranges[3] = (struct vr_map_range){ RIG_OUT + 32, 32, (uintptr_t)rig->out.device + 32,
					   VR_ACCESS_READ, 0 };
	ranges[4] = rig->ranges[2];
	map->ranges = ranges;
	map->count = 5;
}

static void an_element_over_several_ranges_is_cut(void **state)
{
	static const struct {
		struct peer_element element;
		unsigned int pieces;
		size_t lens[3];
	} rows[] = {
		{ { RIG_OUT, 16, false }, 1, { 16 } },
		{ { RIG_OUT, 17, false }, 2, { 16, 1 } },
		{ { RIG_OUT + 15, 2, false }, 2, { 1, 1 } },
		{ { RIG_OUT + 16, 16, false }, 1, { 16 } },
		{ { RIG_OUT + 8, 40, false }, 3, { 8, 16, 16 } },
		{ { RIG_OUT, 64, false }, 3, { 16, 16, 32 } },
		{ { RIG_OUT + 63, 1, false }, 1, { 1 } },
	};

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_map_range ranges[5];
		uint8_t far[16];
		struct vr_map map;
		struct bench b;

		bench_open(&b, form->features, 8);
		cut_map(&b.rig, ranges, &map, far);
		vr_device_set_map(b.rig.device, &map);
		for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
			struct vr_chain chain;
			struct vr_need need;
			uint16_t id;
			uint32_t len;

			context("%s, row %zu", form->name, i);
			CHECK(peer_driver_add(&b.peer, &rows[i / 2].element, 1,
					      i % 2 ? PEER_INDIRECT : PEER_DIRECT, 0) >= 0);
			peer_driver_publish(&b.peer);
			CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment,
					       rows[i / 2].pieces - 1),
				 VR_E_SEGMENTS);
			vr_device_need(b.rig.device, &need);
			CHECK_EQ(need.segments, rows[i / 2].pieces);
			chain = rig_pop(&b.rig, b.segment, SEGMENTS);
			CHECK_EQ(chain.readable, rows[i / 2].pieces);
			for (unsigned int n = 0; n < rows[i / 2].pieces; n++)
				CHECK_EQ(b.segment[n].len, rows[i / 2].lens[n]);
			if (rows[i / 2].element.addr == RIG_OUT && rows[i / 2].pieces > 1)
				CHECK(b.segment[1].base == far);
			rig_use(&b.rig, &chain, 0);
			CHECK(peer_driver_get(&b.peer, &id, &len));
		}
		bench_close(&b);
	}
}

struct fault_row {
	struct peer_element element;
	enum vr_fault_reason reason;
	uint64_t value;
};

static void an_address_that_is_not_there_breaks(void **state)
{
	static const struct fault_row rows[] = {
		{ { 0, 1, false }, VR_FAULT_UNMAPPED, 0 },
		{ { RIG_OUT - 1, 1, false }, VR_FAULT_UNMAPPED, RIG_OUT - 1 },
		{ { RIG_OUT - 1, 2, false }, VR_FAULT_UNMAPPED, RIG_OUT - 1 },
		{ { RIG_OUT + 65536, 1, false }, VR_FAULT_UNMAPPED, RIG_OUT + 65536 },
		{ { RIG_OUT + 65535, 2, false }, VR_FAULT_UNMAPPED, RIG_OUT + 65536 },
		{ { RIG_OUT, 0xffffffff, false }, VR_FAULT_UNMAPPED, RIG_OUT + 65536 },
		{ { RIG_IN + 65535, 2, true }, VR_FAULT_UNMAPPED, RIG_IN + 65536 },
		{ { 0xffffffffffffffff, 1, false }, VR_FAULT_UNMAPPED, 0xffffffffffffffff },
		{ { 0xffffffffffffffff, 2, true }, VR_FAULT_UNMAPPED, 0xffffffffffffffff },
		{ { RIG_IN, 1, false }, VR_FAULT_ACCESS, RIG_IN },
		{ { RIG_OUT + 9, 1, true }, VR_FAULT_ACCESS, RIG_OUT + 9 },
	};

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
			struct vr_fault fault;
			struct vr_chain chain;
			struct bench b;

			context("%s, row %zu", form->name, i);
			if (rig_wide && rows[i / 2].reason == VR_FAULT_ACCESS)
				continue; /* nothing is forbidden there */
			bench_open(&b, form->features, 8);
			CHECK(peer_driver_add(&b.peer, &rows[i / 2].element, 1,
					      i % 2 ? PEER_INDIRECT : PEER_DIRECT, 0) >= 0);
			peer_driver_publish(&b.peer);
			CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS),
				 VR_E_BROKEN);
			fault = rig_device_fault(&b.rig);
			CHECK_EQ(fault.reason, rows[i / 2].reason);
			CHECK(fault.value == rows[i / 2].value);
			bench_close(&b);
		}
	}
}

/* A range that ends at 2^64 exactly. */
static void the_last_byte_of_the_address_space_can_be_reached(void **state)
{
	static uint8_t memory[16];
	static const struct vr_map_range range = { .addr = 0xfffffffffffffff0,
						   .size = 16,
						   .access = VR_ACCESS_READ | VR_ACCESS_WRITE };
	static const struct peer_element last = { 0xffffffffffffffff, 1, true };
	static const struct peer_element beyond = { 0xffffffffffffffff, 2, true };

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_map_range ranges[1] = { range };
		struct vr_map map = { .ranges = ranges, .count = 1 };
		struct vr_chain chain;
		struct bench b;

		context("%s", form->name);
		ranges[0].base = (uintptr_t)memory;
		bench_open(&b, form->features, 8);
		vr_device_set_map(b.rig.device, &map);
		peer_driver_send(&b.peer, &last, 1);
		chain = rig_pop(&b.rig, b.segment, SEGMENTS);
		CHECK(b.segment[0].base == memory + 15);
		CHECK_EQ(chain.writable_bytes, 1);
		peer_driver_send(&b.peer, &beyond, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS), VR_E_BROKEN);
		CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_UNMAPPED);
		bench_close(&b);
	}
}

/* A map that answers misses: @pending times "later", then what @answer says. */
struct misser {
	struct vr_map map;
	unsigned int pending;
	unsigned int calls;
	int answer;
	struct vr_map_range range;
	uint64_t addr;
	uint32_t access;
};

static int answer_miss(const struct vr_map *map, uint64_t addr, uint32_t access,
		       struct vr_map_range *range)
{
	struct misser *misser = map->context;

	misser->calls++;
	misser->addr = addr;
	misser->access = access;
	if (misser->pending) {
		misser->pending--;
		return VR_E_MISS;
	}
	if (!misser->answer)
		*range = misser->range;
	return misser->answer;
}

static void misser_open(struct misser *misser, const struct rig *rig, unsigned int pending,
			int answer)
{
	*misser = (struct misser){ .pending = pending, .answer = answer };
	/* The writable payload is what the map lacks. */
	misser->map = (struct vr_map){
		.ranges = rig->ranges, .count = 2, .miss = answer_miss, .context = misser
	};
	misser->range = rig->ranges[2];
}

static void a_miss_can_be_answered_at_once(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain;
		struct misser misser;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		misser_open(&misser, &b.rig, 0, 0);
		vr_device_set_map(b.rig.device, &misser.map);
		peer_driver_send(&b.peer, mixed, 5);
		chain = rig_pop(&b.rig, b.segment, SEGMENTS);
		expect_chain(&b.rig, &chain, mixed, 5);
		CHECK(misser.calls > 0);
		CHECK_EQ(misser.access, VR_ACCESS_WRITE);
		bench_close(&b);
	}
}

static void a_miss_moves_nothing_and_can_be_repeated(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain[2];
		struct misser misser;
		struct vr_need need;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 16);
		misser_open(&misser, &b.rig, 2, 0);
		vr_device_set_map(b.rig.device, &misser.map);
		peer_driver_send(&b.peer, only_out, 2);
		peer_driver_send(&b.peer, mixed, 5);
		/* The first is had, the second has to wait. */
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 2, b.segment, SEGMENTS), 1);
		CHECK_EQ(vr_device_pop(b.rig.device, chain + 1, 1, b.segment, SEGMENTS), VR_E_MISS);
		vr_device_need(b.rig.device, &need);
		CHECK(need.addr == RIG_IN + 8);
		CHECK_EQ(need.access, VR_ACCESS_WRITE);
		CHECK_EQ(vr_device_in_flight(b.rig.device), 1);
		CHECK(vr_device_pending(b.rig.device));
		chain[1] = rig_pop(&b.rig, b.segment, SEGMENTS);
		expect_chain(&b.rig, &chain[1], mixed, 5);
		bench_close(&b);
	}
}

static void a_miss_that_is_refused_breaks(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain;
		struct misser misser;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 8);
		misser_open(&misser, &b.rig, 0, VR_E_INVAL);
		vr_device_set_map(b.rig.device, &misser.map);
		peer_driver_send(&b.peer, mixed, 5);
		CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS), VR_E_BROKEN);
		CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_UNMAPPED);
		CHECK(rig_device_fault(&b.rig).value == RIG_IN + 8);
		bench_close(&b);
	}
}

/* A callback that answers with a range that does not hold the address, or forbids the access. */
static void a_wrong_answer_to_a_miss_breaks(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (int kind = 0; kind < 5; kind++) {
			struct vr_chain chain;
			struct misser misser;
			struct bench b;

			context("%s, kind %d", form->name, kind);
			bench_open(&b, form->features, 8);
			misser_open(&misser, &b.rig, 0, 0);
			if (kind == 0)
				misser.range.addr += 4096;
			if (kind == 1)
				misser.range.size = 8; /* ends right before the element */
			if (kind == 2)
				misser.range.size = 0;
			if (kind == 3)
				misser.range.access = VR_ACCESS_READ;
			if (kind == 4)
				misser.range = b.rig.ranges[1];
			vr_device_set_map(b.rig.device, &misser.map);
			peer_driver_send(&b.peer, mixed, 5);
			CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS),
				 VR_E_BROKEN);
			CHECK_EQ(rig_device_fault(&b.rig).reason,
				 kind == 3 ? VR_FAULT_ACCESS : VR_FAULT_UNMAPPED);
			bench_close(&b);
		}
	}
}

/* The tables need no alignment and may lie across ranges, as long as no entry is cut. */
static void a_table_at_any_address(void **state)
{
	static const unsigned int shifts[] = { 0, 1, 2, 4, 8, 15 };

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
			struct raw_desc d;
			struct vr_chain chain;
			struct bench b;
			uint8_t copy[80];

			context("%s, shift %u", form->name, shifts[i]);
			bench_open(&b, form->features, 4);
			CHECK(peer_driver_add(&b.peer, mixed, 5, PEER_INDIRECT, 0) >= 0);
			memcpy(copy, b.rig.tables.driver, sizeof(copy));
			memmove(b.rig.tables.driver + shifts[i], copy, sizeof(copy));
			if (is_packed(form->features)) {
				d = packed_desc(b.rig.raw.descriptors, 0);
				d.addr += shifts[i];
				put_packed_desc(b.rig.raw.descriptors, 0, d);
			} else {
				d = split_desc(b.rig.raw.descriptors, 0);
				d.addr += shifts[i];
				put_split_desc(b.rig.raw.descriptors, 0, d);
			}
			peer_driver_publish(&b.peer);
			chain = rig_pop(&b.rig, b.segment, SEGMENTS);
			expect_chain(&b.rig, &chain, mixed, 5);
			bench_close(&b);
		}
	}
}

static void a_table_over_two_ranges(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		for (unsigned int cut = 16; cut <= 64; cut += 8) {
			struct vr_map_range ranges[4];
			struct vr_map map;
			struct vr_chain chain;
			struct bench b;
			uint8_t far[80];

			context("%s, cut at %u", form->name, cut);
			bench_open(&b, form->features, 4);
			CHECK(peer_driver_add(&b.peer, mixed, 5, PEER_INDIRECT, 0) >= 0);
			memcpy(far, b.rig.tables.driver, sizeof(far));
			memset(b.rig.tables.driver + cut, 0xff, 80 - cut);
			map = (struct vr_map){ .ranges = ranges, .count = 4 };
			ranges[0] = b.rig.ranges[0];
			ranges[0].size = cut;
			ranges[1] = (struct vr_map_range){ RIG_TABLES + cut, 80 - cut,
							   (uintptr_t)far + cut, VR_ACCESS_READ,
							   0 };
			ranges[2] = b.rig.ranges[1];
			ranges[3] = b.rig.ranges[2];
			vr_device_set_map(b.rig.device, &map);
			peer_driver_publish(&b.peer);
			if (cut % 16) {
				CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment,
						       SEGMENTS),
					 VR_E_BROKEN);
				CHECK_EQ(rig_device_fault(&b.rig).reason, VR_FAULT_INDIRECT_SPLIT);
			} else {
				chain = rig_pop(&b.rig, b.segment, SEGMENTS);
				expect_chain(&b.rig, &chain, mixed, 5);
			}
			bench_close(&b);
		}
	}
}

/* A table whose memory the device has not been told of yet. */
static void a_table_can_miss(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain;
		struct misser misser;
		struct vr_need need;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 4);
		misser_open(&misser, &b.rig, 1, 0);
		misser.map.ranges = b.rig.ranges + 1;
		misser.range = b.rig.ranges[0];
		vr_device_set_map(b.rig.device, &misser.map);
		CHECK(peer_driver_add(&b.peer, mixed, 5, PEER_INDIRECT, 0) >= 0);
		peer_driver_publish(&b.peer);
		CHECK_EQ(vr_device_pop(b.rig.device, &chain, 1, b.segment, SEGMENTS), VR_E_MISS);
		vr_device_need(b.rig.device, &need);
		CHECK(need.addr == RIG_TABLES);
		CHECK_EQ(need.access, VR_ACCESS_READ);
		chain = rig_pop(&b.rig, b.segment, SEGMENTS);
		expect_chain(&b.rig, &chain, mixed, 5);
		bench_close(&b);
	}
}

/* 2^32 bytes in all are allowed (2.7.5); what a length cannot say is not. */
static void the_longest_chain(void **state)
{
	static const struct peer_element e[] = { { RIG_OUT, 0x80000000, false },
						 { RIG_IN, 0x80000000, true } };

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_chain chain;
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features, 4);
		b.rig.ranges[1].size = 1ull << 33;
		b.rig.ranges[2].size = 1ull << 33;
		peer_driver_send(&b.peer, e, 2);
		chain = rig_pop(&b.rig, b.segment, SEGMENTS);
		CHECK(chain.readable_bytes == 0x80000000);
		CHECK(chain.writable_bytes == 0x80000000);
		bench_close(&b);
	}
}

static void a_pop_writes_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct rig_image image;
		struct vr_chain chain[4];
		struct bench b;

		context("%s", form->name);
		bench_open(&b, form->features | VR_F_EVENT_IDX, 16);
		peer_driver_send(&b.peer, mixed, 5);
		peer_driver_send(&b.peer, only_in, 1);
		rig_image_take(&image, &b.rig);
		CHECK_EQ(vr_device_pop(b.rig.device, chain, 4, b.segment, SEGMENTS), 2);
		CHECK_EQ(vr_device_unpop(b.rig.device, chain[1].handle), 0);
		rig_image_same(&image, &b.rig);
		bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shape_is_gathered),
		cmocka_unit_test(a_burst_takes_what_fits),
		cmocka_unit_test(too_few_segments_is_told_exactly),
		cmocka_unit_test(an_element_over_several_ranges_is_cut),
		cmocka_unit_test(an_address_that_is_not_there_breaks),
		cmocka_unit_test(the_last_byte_of_the_address_space_can_be_reached),
		cmocka_unit_test(a_miss_can_be_answered_at_once),
		cmocka_unit_test(a_miss_moves_nothing_and_can_be_repeated),
		cmocka_unit_test(a_miss_that_is_refused_breaks),
		cmocka_unit_test(a_wrong_answer_to_a_miss_breaks),
		cmocka_unit_test(a_table_at_any_address),
		cmocka_unit_test(a_table_over_two_ranges),
		cmocka_unit_test(a_table_can_miss),
		cmocka_unit_test(the_longest_chain),
		cmocka_unit_test(a_pop_writes_nothing),
	};

	return RIG_RUN_TESTS(tests);
}
