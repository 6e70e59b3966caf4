// SPDX-License-Identifier: BSD-3-Clause
/* vr_driver_add() and vr_driver_publish(): what ends up in ring memory, and what is refused. */
#include "peer_device.h"

#define WITH_INDIRECT (VR_F_INDIRECT_DESC)

/* Adds without publishing; answers what the call answered. */
static int add(struct rig *rig, unsigned int readable, unsigned int writable, uint64_t token)
{
	struct vr_segment segments[40];
	struct vr_buffer buffer;

	CHECK(readable + writable <= ARRAY_SIZE(segments));
	buffer = rig_buffer(segments, readable, writable, 100, 0, token);
	return vr_driver_add(rig->driver, &buffer, 1);
}

static void a_chain_reaches_the_device_as_added(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct peer_device peer;
		struct peer_chain chain;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		CHECK(!peer_device_take(&peer, &chain));
		rig_send(&rig, 2, 3, 100, 1);
		chain = peer_device_take_one(&peer);
		CHECK_EQ(chain.descriptors, 5);
		CHECK_EQ(chain.count, 5);
		CHECK_EQ(chain.capacity, 300);
		for (unsigned int i = 0; i < 5; i++) {
			uint64_t want = i < 2 ? RIG_OUT + 100 * i : RIG_IN + 100 * (i - 2);

			step("element %u", i);
			CHECK(chain.element[i].addr == want);
			CHECK_EQ(chain.element[i].len, 100);
			CHECK_EQ(chain.element[i].write, i >= 2);
		}
		CHECK(!peer_device_take(&peer, &chain));
		CHECK_EQ(vr_driver_free(rig.driver), 3);
		CHECK_EQ(vr_driver_outstanding(rig.driver), 1);
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

/* What stands in the ring is not stored again; each part of a descriptor may be what is new. */
static void a_descriptor_may_change_in_one_part_only(void **state)
{
	static const struct {
		uint32_t offset;
		uint32_t len;
		bool write;
	} laps[] = { { 0, 16, false }, { 64, 16, false }, { 64, 32, false }, { 64, 32, false },
		     { 0, 32, false }, { 64, 32, true },  { 128, 32, true } };

	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 1 };
		struct peer_device peer;
		struct rig rig;

		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		for (size_t i = 0; i < ARRAY_SIZE(laps); i++) {
			struct vr_segment segment;
			struct vr_buffer buffer = rig_buffer(&segment, !laps[i].write,
							     laps[i].write, laps[i].len,
							     laps[i].offset, i);
			struct peer_chain chain;
			struct vr_used used;

			context("%s, lap %zu", form->name, i);
			CHECK_EQ(vr_driver_add(rig.driver, &buffer, 1), 1);
			CHECK_EQ(vr_driver_publish(rig.driver), 1);
			chain = peer_device_take_one(&peer);
			CHECK(chain.element[0].addr == segment.addr);
			CHECK_EQ(chain.element[0].len, segment.len);
			CHECK_EQ(chain.element[0].write, laps[i].write);
			peer_device_use(&peer, &chain, 0);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
		}
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

static void what_is_staged_cannot_be_seen(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct peer_device peer;
		struct peer_chain chain;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		CHECK_EQ(vr_driver_publish(rig.driver), 0);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(add(&rig, 1, 1, i), 1);
		CHECK(!peer_device_take(&peer, &chain));
		CHECK_EQ(vr_driver_outstanding(rig.driver), 3);
		CHECK_EQ(vr_driver_publish(rig.driver), 3);
		for (unsigned int i = 0; i < 3; i++)
			CHECK(peer_device_take(&peer, &chain));
		CHECK(!peer_device_take(&peer, &chain));
		CHECK_EQ(vr_driver_publish(rig.driver), 0);
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

enum bad {
	EMPTY,
	ZERO_READABLE,
	ZERO_WRITABLE,
	WRITABLE_4G,
	TOTAL_ABOVE_4G,
	TOO_MANY
};

/* A buffer that has to be refused, and the code. */
static int bad_buffer(enum bad kind, struct vr_segment *segments, struct vr_buffer *buffer)
{
	switch (kind) {
	case EMPTY:
		*buffer = rig_buffer(segments, 0, 0, 0, 0, 9);
		return VR_E_INVAL;
	case ZERO_READABLE:
		*buffer = rig_buffer(segments, 2, 1, 8, 0, 9);
		segments[1].len = 0;
		return VR_E_INVAL;
	case ZERO_WRITABLE:
		*buffer = rig_buffer(segments, 1, 2, 8, 0, 9);
		segments[2].len = 0;
		return VR_E_INVAL;
	case WRITABLE_4G:
		*buffer = rig_buffer(segments, 0, 2, 0x80000000u, 0, 9);
		return VR_E_INVAL;
	case TOTAL_ABOVE_4G:
		*buffer = rig_buffer(segments, 2, 1, 0x80000000u, 0, 9);
		segments[2].len = 1;
		return VR_E_INVAL;
	case TOO_MANY:
		*buffer = rig_buffer(segments, 5, 4, 8, 0, 9);
		return VR_E_TOO_LONG;
	}
	return 0;
}

static void a_refused_buffer_changes_nothing(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | WITH_INDIRECT,
						 .size = 8,
						 .entries = 8,
						 .indirect_min = 9 };
		struct rig_image image;
		struct rig rig;

		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		rig_send(&rig, 1, 1, 100, 5);
		for (int kind = EMPTY; kind <= TOO_MANY; kind++) {
			struct vr_segment segments[16] = { 0 };
			struct vr_buffer buffer;
			int want = bad_buffer((enum bad)kind, segments, &buffer);

			context("%s, kind %d", form->name, kind);
			rig_image_take(&image, &rig);
			CHECK_EQ(vr_driver_add(rig.driver, &buffer, 1), want);
			rig_image_same(&image, &rig);
			CHECK_EQ(vr_driver_free(rig.driver), 6);
			CHECK_EQ(vr_driver_outstanding(rig.driver), 1);
			CHECK_EQ(vr_driver_publish(rig.driver), 0);
		}
		rig_close(&rig);
	}
}

static void a_burst_stops_before_a_buffer_that_is_refused(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_segment segments[3][2];
		struct vr_buffer buffers[3];
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		for (unsigned int i = 0; i < 3; i++)
			buffers[i] = rig_buffer(segments[i], 1, 1, 8, 8 * i, i);
		segments[2][1].len = 0;
		CHECK_EQ(vr_driver_add(rig.driver, buffers, 3), 2);
		CHECK_EQ(vr_driver_add(rig.driver, buffers + 2, 1), VR_E_INVAL);
		CHECK_EQ(vr_driver_add(rig.driver, buffers, 0), 0);
		CHECK_EQ(vr_driver_publish(rig.driver), 2);
		CHECK_EQ(vr_driver_free(rig.driver), 4);
		rig_close(&rig);
	}
}

static void the_longest_totals_are_accepted(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_segment segments[3];
		struct vr_buffer buffer;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		/* 2^32-1 writable bytes, and 2^32 in all. */
		buffer = rig_buffer(segments, 1, 2, 1, 0, 1);
		segments[1].len = 0x80000000u;
		segments[2].len = 0x7fffffffu;
		CHECK_EQ(vr_driver_add(rig.driver, &buffer, 1), 1);
		buffer = rig_buffer(segments, 2, 0, 0x80000000u, 0, 2);
		CHECK_EQ(vr_driver_add(rig.driver, &buffer, 1), 1);
		rig_close(&rig);
	}
}

static void a_full_ring_refuses_and_keeps_its_bytes(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 4, 8, 3, 7 };

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			const struct rig_shape shape = { .features = form->features,
							 .size = sizes[s] };
			struct rig_image image;
			struct rig rig;

			context("%s, size %u", form->name, sizes[s]);
			if (!is_packed(form->features) && (sizes[s] & (sizes[s] - 1)))
				continue;
			rig_open(&rig, &shape);
			rig_start_driver(&rig);
			for (uint32_t i = 0; i < sizes[s]; i++)
				rig_send(&rig, i % 2, !(i % 2), 50, i);
			CHECK_EQ(vr_driver_free(rig.driver), 0);
			CHECK_EQ(vr_driver_outstanding(rig.driver), sizes[s]);
			rig_image_take(&image, &rig);
			CHECK_EQ(add(&rig, 1, 0, 99), 0);
			CHECK_EQ(vr_driver_publish(rig.driver), 0);
			rig_image_same(&image, &rig);
			rig_close(&rig);
		}
	}
}

/* N buffers outstanding, used one by one and re-added, for several laps. */
static void exactly_n_outstanding_goes_round(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 4, 3, 5 };

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			const struct rig_shape shape = { .features = form->features,
							 .size = sizes[s] };
			struct peer_device peer;
			struct vr_used used;
			struct rig rig;

			context("%s, size %u", form->name, sizes[s]);
			if (!is_packed(form->features) && (sizes[s] & (sizes[s] - 1)))
				continue;
			rig_open(&rig, &shape);
			rig_start_driver(&rig);
			peer_device_open(&peer, &rig);
			for (uint32_t i = 0; i < sizes[s]; i++)
				rig_send(&rig, 0, 1, 50, i);
			for (uint64_t i = 0; i < 5 * sizes[s]; i++) {
				struct peer_chain chain = peer_device_take_one(&peer);

				step("buffer %llu", (unsigned long long)i);
				CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 0);
				peer_device_use(&peer, &chain, 50);
				CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
				CHECK(used.token == i);
				CHECK(used.context == ~i);
				CHECK_EQ(used.len, 50);
				rig_send(&rig, 0, 1, 50, i + sizes[s]);
				CHECK_EQ(vr_driver_free(rig.driver), 0);
			}
			peer_device_close(&peer);
			rig_close(&rig);
		}
	}
}

/* A burst of one kind through the ring, added, used and taken back at once. */
static void pass_burst(struct rig *rig, struct peer_device *peer, unsigned int count,
		       unsigned int segments, bool write)
{
	struct vr_segment pieces[8][2];
	struct vr_buffer buffers[8] = { 0 };
	struct peer_chain chains[8];
	struct vr_used used[8];
	uint32_t len = write ? segments * 100 : 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		buffers[i] = rig_buffer(pieces[i], write ? 0 : segments, write ? segments : 0, 100,
					200 * i, i);
	CHECK_EQ(vr_driver_add(rig->driver, buffers, count), count);
	CHECK_EQ(vr_driver_publish(rig->driver), count);
	for (i = 0; i < count; i++) {
		chains[i] = peer_device_take_one(peer);
		CHECK_EQ(chains[i].count, segments);
		CHECK_EQ(chains[i].capacity, len);
		CHECK(chains[i].element[0].addr == pieces[i][0].addr);
	}
	if (is_in_order(peer->features))
		peer_device_use_run(peer, chains, count, len);
	for (i = 0; i < count && !is_in_order(peer->features); i++)
		peer_device_use(peer, &chains[i], len);
	CHECK_EQ(vr_driver_get(rig->driver, used, 8), count);
	for (i = 0; i < count; i++) {
		CHECK(used[i].token == i);
		CHECK_EQ(used[i].len, len);
	}
}

/* What the last lap left in ring and records holds for the next one only if that is like it. */
static void a_lap_may_be_unlike_the_last_one(void **state)
{
	static const struct {
		const char *what;
		struct {
			unsigned int count, segments;
			bool write;
		} burst[5];
	} cases[] = {
		{ "a chain after a lap", { { 8, 1, false }, { 1, 2, false }, { 4, 1, false } } },
		{ "a chain, then all but one buffer of a lap",
		  { { 1, 2, false }, { 7, 1, false }, { 4, 1, false }, { 4, 1, false } } },
		{ "readable after writable", { { 8, 1, true }, { 8, 1, false } } },
		{ "a lap each",
		  { { 8, 1, false }, { 8, 1, true }, { 8, 1, false }, { 4, 2, true } } },
		{ "readable after writable chains",
		  { { 4, 2, true }, { 4, 2, true }, { 8, 1, false }, { 8, 1, false } } },
		{ "a writable chain after a lap",
		  { { 8, 1, true }, { 1, 2, true }, { 4, 1, true } } },
	};

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t c = 0; c < 2 * ARRAY_SIZE(cases); c++) {
			const bool tables = c % 2;
			const struct rig_shape shape = {
				.features = form->features | (tables ? WITH_INDIRECT : 0),
				.size = 8,
				.entries = tables ? 2 : 0,
			};
			struct peer_device peer;
			struct rig rig;

			context("%s, %s, tables %d", form->name, cases[c / 2].what, tables);
			rig_open(&rig, &shape);
			rig_start_driver(&rig);
			peer_device_open(&peer, &rig);
			for (size_t i = 0; i < 5 && cases[c / 2].burst[i].count; i++) {
				step("burst %zu", i);
				pass_burst(&rig, &peer, cases[c / 2].burst[i].count,
					   cases[c / 2].burst[i].segments,
					   cases[c / 2].burst[i].write);
			}
			peer_device_close(&peer);
			rig_close(&rig);
		}
	}
}

static void a_chain_as_long_as_the_ring_fits_an_empty_one_only(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 4 };
		struct peer_device peer;
		struct peer_chain chain;
		struct vr_used used;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		for (uint64_t lap = 0; lap < 4; lap++) {
			step("lap %d", (int)lap);
			CHECK_EQ(add(&rig, 5, 0, 9), VR_E_TOO_LONG);
			rig_send(&rig, 2, 2, 10, lap);
			CHECK_EQ(add(&rig, 1, 0, 9), 0);
			chain = peer_device_take_one(&peer);
			CHECK_EQ(chain.descriptors, 4);
			peer_device_use(&peer, &chain, 20);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
			CHECK(used.token == lap);
			CHECK_EQ(vr_driver_free(rig.driver), 4);
			/* One buffer of one descriptor shifts the next lap's start. */
			rig_send(&rig, 1, 0, 10, 100);
			CHECK_EQ(add(&rig, 2, 2, 9), 0);
			chain = peer_device_take_one(&peer);
			peer_device_use(&peer, &chain, 0);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
		}
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

static void max_segments_is_what_the_device_takes(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | WITH_INDIRECT,
						 .size = 8,
						 .max_segments = 3,
						 .entries = 8 };
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		CHECK_EQ(add(&rig, 2, 2, 9), VR_E_TOO_LONG);
		CHECK_EQ(add(&rig, 2, 1, 9), 1);
		rig_close(&rig);
	}
}

struct indirect_row {
	uint16_t entries;
	uint16_t min;
	unsigned int segments;
	bool table;
};

static void indirect_tables_are_used_where_they_pay_and_fit(void **state)
{
	static const struct indirect_row rows[] = {
		{ 4, 0, 1, false }, { 4, 0, 2, true },	{ 4, 0, 4, true },   { 4, 0, 5, false },
		{ 4, 3, 2, false }, { 4, 3, 3, true },	{ 4, 1, 1, false },  { 0, 0, 4, false },
		{ 1, 1, 1, false }, { 1, 0, 2, false }, { 16, 2, 16, true },
	};

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const struct rig_shape shape = { .features = form->features | WITH_INDIRECT,
							 .size = 16,
							 .entries = rows[i].entries,
							 .indirect_min = rows[i].min };
			unsigned int want = rows[i].table ? 1 : rows[i].segments;
			struct peer_device peer;
			struct peer_chain chain;
			struct rig rig;

			context("%s, row %zu", form->name, i);
			rig_open(&rig, &shape);
			rig_start_driver(&rig);
			peer_device_open(&peer, &rig);
			rig_send(&rig, 1, rows[i].segments - 1, 20, 1);
			chain = peer_device_take_one(&peer);
			CHECK_EQ(chain.indirect, rows[i].table);
			CHECK_EQ(chain.descriptors, want);
			CHECK_EQ(chain.count, rows[i].segments);
			CHECK_EQ(chain.capacity, 20 * (rows[i].segments - 1));
			CHECK(chain.element[0].addr == RIG_OUT);
			CHECK_EQ(vr_driver_free(rig.driver), 16 - want);
			peer_device_close(&peer);
			rig_close(&rig);
		}
	}
}

/* A free slot implies a free table: N tables at once, each with contents of its own. */
static void every_slot_can_have_a_table(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | WITH_INDIRECT,
						 .size = 4,
						 .entries = 3 };
		struct peer_device peer;
		struct peer_chain chain[4];
		struct vr_used used;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		for (unsigned int i = 0; i < 4; i++) {
			struct vr_segment segments[3];
			struct vr_buffer b = rig_buffer(segments, 1, 2, 10, 100 * i, i);

			CHECK_EQ(vr_driver_add(rig.driver, &b, 1), 1);
		}
		CHECK_EQ(vr_driver_publish(rig.driver), 4);
		for (unsigned int i = 0; i < 4; i++) {
			chain[i] = peer_device_take_one(&peer);
			CHECK(chain[i].element[0].addr == RIG_OUT + 100 * i);
			CHECK(chain[i].element[2].addr == RIG_IN + 100 * i + 10);
		}
		for (unsigned int lap = 0; lap < 12; lap++) {
			peer_device_use(&peer, &chain[lap % 4], 20);
			CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
			CHECK_EQ(used.len, 20);
			rig_send(&rig, 2, 1, 20, lap);
			chain[lap % 4] = peer_device_take_one(&peer);
			CHECK_EQ(chain[lap % 4].count, 3);
		}
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

static void without_the_feature_no_table_is_used(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = {
			.features = form->features, .size = 8, .entries = 8, .indirect_min = 1
		};
		struct peer_device peer;
		struct peer_chain chain;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		rig_send(&rig, 2, 2, 20, 1);
		chain = peer_device_take_one(&peer);
		CHECK(!chain.indirect);
		CHECK_EQ(chain.descriptors, 4);
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

static void publish_moves_the_index_once(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct rig rig;

	(void)state;
	rig_open(&rig, &shape);
	rig_start_driver(&rig);
	for (unsigned int i = 0; i < 5; i++) {
		CHECK_EQ(add(&rig, 1, 0, i), 1);
		CHECK_EQ(le16(at_avail_idx(&rig.raw)), 0);
	}
	CHECK_EQ(vr_driver_publish(rig.driver), 5);
	CHECK_EQ(le16(at_avail_idx(&rig.raw)), 5);
	CHECK_EQ(le16(at_avail_flags(&rig.raw)), 0);
	rig_close(&rig);
}

static void kept_segments_come_back(void **state)
{
	static const uint64_t more[] = { 0, WITH_INDIRECT };

	(void)state;
	FOR_EACH_FORM(form)
	{
		for (size_t m = 0; m < ARRAY_SIZE(more); m++) {
			const struct rig_shape shape = { .features = form->features | more[m],
							 .size = 8,
							 .entries = 4,
							 .driver_flags = VR_DRIVER_KEEP_SEGMENTS };
			struct vr_segment segments[3];
			struct vr_segment back[4] = { 0 };
			struct peer_device peer;
			struct peer_chain chain;
			struct vr_used used;
			struct vr_buffer b;
			struct rig rig;

			context("%s, row %zu", form->name, m);
			rig_open(&rig, &shape);
			rig_start_driver(&rig);
			peer_device_open(&peer, &rig);
			for (uint32_t lap = 0; lap < 7; lap++) {
				b = rig_buffer(segments, 1, 2, 10 + lap, 64 * lap, lap);
				CHECK_EQ(vr_driver_add(rig.driver, &b, 1), 1);
				CHECK_EQ(vr_driver_publish(rig.driver), 1);
				chain = peer_device_take_one(&peer);
				/* What the peer does to the ring must not matter. */
				if (!is_packed(form->features))
					put_split_desc(rig.raw.descriptors, chain.slot,
						       (struct raw_desc){ 666, 6, 7, 9, 0 });
				peer_device_use(&peer, &chain, 5);
				CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
				CHECK_EQ(used.segments, 3);
				CHECK_EQ(vr_driver_used_segments(rig.driver, &used, back, 4), 3);
				for (unsigned int i = 0; i < 3; i++) {
					CHECK(back[i].addr == segments[i].addr);
					CHECK_EQ(back[i].len, segments[i].len);
				}
				back[1].addr = 1;
				CHECK_EQ(vr_driver_used_segments(rig.driver, &used, back, 1), 1);
				CHECK(back[1].addr == 1);
			}
			peer_device_close(&peer);
			rig_close(&rig);
		}
	}
}

static void without_keep_there_are_no_segments(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 4 };
		struct vr_segment back[4];
		struct peer_device peer;
		struct peer_chain chain;
		struct vr_used used;
		struct rig rig;

		context("%s", form->name);
		rig_open(&rig, &shape);
		rig_start_driver(&rig);
		peer_device_open(&peer, &rig);
		rig_send(&rig, 1, 1, 10, 3);
		chain = peer_device_take_one(&peer);
		peer_device_use(&peer, &chain, 10);
		CHECK_EQ(vr_driver_get(rig.driver, &used, 1), 1);
		CHECK_EQ(used.segments, 0);
		CHECK_EQ(vr_driver_used_segments(rig.driver, &used, back, 4), 0);
		peer_device_close(&peer);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_reaches_the_device_as_added),
		cmocka_unit_test(a_descriptor_may_change_in_one_part_only),
		cmocka_unit_test(what_is_staged_cannot_be_seen),
		cmocka_unit_test(a_refused_buffer_changes_nothing),
		cmocka_unit_test(a_burst_stops_before_a_buffer_that_is_refused),
		cmocka_unit_test(the_longest_totals_are_accepted),
		cmocka_unit_test(a_full_ring_refuses_and_keeps_its_bytes),
		cmocka_unit_test(exactly_n_outstanding_goes_round),
		cmocka_unit_test(a_lap_may_be_unlike_the_last_one),
		cmocka_unit_test(a_chain_as_long_as_the_ring_fits_an_empty_one_only),
		cmocka_unit_test(max_segments_is_what_the_device_takes),
		cmocka_unit_test(indirect_tables_are_used_where_they_pay_and_fit),
		cmocka_unit_test(every_slot_can_have_a_table),
		cmocka_unit_test(without_the_feature_no_table_is_used),
		cmocka_unit_test(publish_moves_the_index_once),
		cmocka_unit_test(kept_segments_come_back),
		cmocka_unit_test(without_keep_there_are_no_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
