// SPDX-License-Identifier: BSD-3-Clause
/*
 * Clauses VU-INF about the records of buffers in flight: what lies where in them, by offsets from the
 * text, and what a successor makes of them. (Kills at every store are test/property/inflight_kill.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "rig.h"

#include "transport/vhost_user/record.h"

#define MOST 8u

/* A queue whose device keeps a record. */
struct desk {
	struct rig rig;
	struct vu_record record;
	uint8_t *memory;
	size_t bytes;
	struct vr_chain chains[MOST];
	struct vr_iovec segments[MOST][4];
	unsigned int held;
};

static uint16_t get16(const struct desk *d, size_t at)
{
	uint16_t value;

	memcpy(&value, d->memory + at, sizeof(value));
	return value;
}

static uint64_t get64(const struct desk *d, size_t at)
{
	uint64_t value;

	memcpy(&value, d->memory + at, sizeof(value));
	return value;
}

static void put16(struct desk *d, size_t at, uint16_t value)
{
	memcpy(d->memory + at, &value, sizeof(value));
}

static void put64(struct desk *d, size_t at, uint64_t value)
{
	memcpy(d->memory + at, &value, sizeof(value));
}

/* A device that begins, or takes the record over. Answers what recovering it said. */
static int start_device(struct desk *d, uint32_t base)
{
	struct vr_device_config config = rig_device_config(&d->rig);
	const struct vr_ring ring = rig_device_ring(&d->rig);
	const bool packed = is_packed(d->rig.shape.features);
	const uint32_t size = d->rig.shape.size;
	uint32_t popped = 0;
	const char *why = NULL;
	int ret;

	CHECK_EQ(vri_record_create(&d->record, d->rig.shape.features, size), 0);
	config.observer = &d->record.observer;
	CHECK_EQ(rig_init_device(&d->rig, &config), 0);
	ret = vri_inflight_recover(&d->record.inflight, packed, size, d->memory, &ring, &base,
				   &popped, &why);
	CHECK(ret >= 0 || why);
	if (ret == 0)
		CHECK_EQ(vri_inflight_begin(&d->record.inflight, packed, size, d->memory, &ring,
					    base),
			 0);
	d->record.tracks = ret >= 0;
	if (ret >= 0) {
		CHECK_EQ(vr_device_restore_in_flight(d->rig.device, base, popped), 0);
		vri_record_at(&d->record, base, popped);
	}
	d->held = 0;
	return ret;
}

static void kill_device(struct desk *d)
{
	vri_record_free(&d->record);
}

static void open_desk(struct desk *d, uint64_t features, uint32_t size)
{
	const struct rig_shape shape = { .features = features, .size = size };

	memset(d, 0, sizeof(*d));
	d->bytes = vri_inflight_bytes(is_packed(features), size);
	d->memory = aligned_alloc(64, d->bytes);
	CHECK(d->memory);
	memset(d->memory, 0, d->bytes);
	rig_open(&d->rig, &shape);
	rig_start_driver(&d->rig);
	CHECK_EQ(start_device(d, is_packed(features) ? 0x80008000 : 0), 0);
}

static void close_desk(struct desk *d)
{
	kill_device(d);
	rig_close(&d->rig);
	free(d->memory);
}

static void pop(struct desk *d, unsigned int count)
{
	for (; count; count--, d->held++)
		CHECK_EQ(vr_device_pop(d->rig.device, &d->chains[d->held], 1, d->segments[d->held],
				       4),
			 1);
}

/* Completes what is held, in this order, and shows it at once. */
static void use_all(struct desk *d)
{
	for (unsigned int i = 0; i < d->held; i++)
		CHECK_EQ(vr_device_complete(d->rig.device, d->chains[i].handle, 0), 0);
	CHECK_EQ(vr_device_publish(d->rig.device, NULL), (int)d->held);
	d->held = 0;
}

/* ---- both layouts ---- */

static void sizes(void **state)
{
	(void)state;
	CLAUSE("VU-INF-002");
	CHECK_EQ(vri_inflight_bytes(false, 1), 64);
	CHECK_EQ(vri_inflight_bytes(false, 8), 192);
	CHECK_EQ(vri_inflight_bytes(false, 32768), 16 + 16 * 32768 + 48);
	CHECK_EQ(vri_inflight_bytes(true, 1), 64);
	CHECK_EQ(vri_inflight_bytes(true, 3), 128);
	CHECK_EQ(vri_inflight_bytes(true, 4), 192);
}

static void versions(void **state)
{
	struct desk d;

	(void)state;
	CLAUSE("VU-INF-003");
	for (int packed = 0; packed < 2; packed++) {
		open_desk(&d, packed ? PACKED : SPLIT, 8);
		CHECK_EQ(get64(&d, 0), 0);
		CHECK_EQ(get16(&d, 8), 1);
		CHECK_EQ(get16(&d, 10), 8);
		kill_device(&d);
		CHECK_EQ(start_device(&d, 0), 1);
		kill_device(&d);
		put16(&d, 8, 2);
		CHECK_EQ(start_device(&d, 0), -EINVAL);
		kill_device(&d);
		put16(&d, 8, 1);
		put16(&d, 10, 9);
		CHECK_EQ(start_device(&d, 0), -EINVAL);
		close_desk(&d);
	}
}

/* ---- split: 16 bytes, then 16 for each head ---- */

static size_t split_entry(unsigned int head)
{
	return 16 + 16 * (size_t)head;
}

static void split_layout(void **state)
{
	struct desk d;
	uint16_t first, second;

	(void)state;
	CLAUSE("VU-INF-S01");
	open_desk(&d, SPLIT, 8);
	for (unsigned int i = 0; i < 3; i++)
		rig_send(&d.rig, 1, 0, 8, i);
	pop(&d, 1);
	use_all(&d);
	CHECK_EQ(get16(&d, 12), d.chains[0].id);
	CHECK_EQ(get16(&d, 14), 1);

	CLAUSE("VU-INF-S02");
	pop(&d, 2);
	first = d.chains[0].id;
	second = d.chains[1].id;
	CHECK_EQ(d.memory[split_entry(first)], 1);
	CHECK_EQ(d.memory[split_entry(second)], 1);
	CHECK_EQ(get64(&d, split_entry(first) + 8), 1);
	CHECK_EQ(get64(&d, split_entry(second) + 8), 2);

	CLAUSE("VU-INF-S03");
	use_all(&d);
	CHECK_EQ(get16(&d, 12), second);
	CHECK_EQ(get16(&d, split_entry(second) + 6), first);
	CHECK_EQ(d.memory[split_entry(first)], 0);
	CHECK_EQ(d.memory[split_entry(second)], 0);
	CHECK_EQ(get16(&d, 14), 3);
	close_desk(&d);
}

static void split_last_batch(void **state)
{
	struct desk d;

	(void)state;
	CLAUSE("VU-INF-S04");
	for (unsigned int batch = 1; batch <= 7; batch += 6) {
		step("a batch of %u", batch);
		open_desk(&d, SPLIT, 8);
		kill_device(&d);
		/* Heads 1.. were shown, newest last, and the process died; 0 was not. */
		put16(&d, 12, (uint16_t)batch);
		for (unsigned int i = 0; i <= batch; i++) {
			d.memory[split_entry(i)] = 1;
			put16(&d, split_entry(i) + 6, (uint16_t)(i - 1));
		}
		put_le16(at_used_idx(&d.rig.raw), (uint16_t)batch);
		CHECK_EQ(start_device(&d, 0), 1);
		for (unsigned int i = 0; i <= batch; i++)
			CHECK_EQ(d.memory[split_entry(i)], i == 0);
		CHECK_EQ(get16(&d, 14), batch);
		CHECK_EQ(d.record.inflight.again_count, 1);
		CHECK_EQ(d.record.inflight.again[0].head, 0);
		close_desk(&d);
	}
	/* What cannot be is refused. */
	open_desk(&d, SPLIT, 8);
	kill_device(&d);
	put_le16(at_used_idx(&d.rig.raw), 9);
	CHECK_EQ(start_device(&d, 0), -EINVAL);
	kill_device(&d);
	put_le16(at_used_idx(&d.rig.raw), 1);
	put16(&d, 12, 8);
	CHECK_EQ(start_device(&d, 0), -EINVAL);
	close_desk(&d);
}

static void split_again(void **state)
{
	static const uint16_t order[] = { 2, 0, 1 };
	struct desk d;

	(void)state;
	CLAUSE("VU-INF-S06");
	open_desk(&d, SPLIT, 8);
	for (unsigned int i = 0; i < 5; i++)
		rig_send(&d.rig, 1, 0, 8, i);
	pop(&d, 3);
	kill_device(&d);

	CLAUSE("VU-INF-S05");
	for (uint64_t i = 0; i < 3; i++)
		put64(&d, split_entry(d.chains[order[i]].id) + 8, 100 + i);
	{
		const uint16_t ids[] = { d.chains[2].id, d.chains[0].id, d.chains[1].id };

		CHECK_EQ(start_device(&d, 0), 1);
		CHECK_EQ(d.record.inflight.used, 0);
		pop(&d, 3);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(d.chains[i].id, ids[i]);
	}
	CLAUSE("VU-INF-S06");
	/* Behind those that were taken: the fourth. */
	pop(&d, 2);
	CHECK_EQ(d.chains[3].id, le16(at_avail_slot(&d.rig.raw, 3)));
	CHECK_EQ(d.chains[4].id, le16(at_avail_slot(&d.rig.raw, 4)));
	close_desk(&d);
}

/* ---- packed: 32 bytes, then 32 for each descriptor ---- */

static size_t packed_entry(unsigned int i)
{
	return 32 + 32 * (size_t)i;
}

static void check_twins(const struct desk *d, size_t at, uint16_t value)
{
	CHECK_EQ(get16(d, at), value);
	CHECK_EQ(get16(d, at + 2), value);
}

static void packed_layout(void **state)
{
	struct vr_segment segments[3];
	struct vr_buffer buffer;
	struct vr_used used;
	struct desk d;

	(void)state;
	CLAUSE("VU-INF-P01");
	open_desk(&d, PACKED, 5);
	check_twins(&d, 12, 0);
	check_twins(&d, 16, 0);
	CHECK_EQ(d.memory[20], 1);
	CHECK_EQ(d.memory[21], 1);

	CLAUSE("VU-INF-P02");
	for (unsigned int i = 0; i < 4; i++)
		CHECK_EQ(get16(&d, packed_entry(i) + 2), i + 1);

	CLAUSE("VU-INF-P03");
	buffer = rig_buffer(segments, 2, 1, 24, 0, 9);
	CHECK_EQ(vr_driver_add(d.rig.driver, &buffer, 1), 1);
	CHECK_EQ(vr_driver_publish(d.rig.driver), 1);
	pop(&d, 1);
	CHECK_EQ(d.memory[packed_entry(0)], 1);
	CHECK_EQ(get16(&d, packed_entry(0) + 4), 2);
	CHECK_EQ(get16(&d, packed_entry(0) + 6), 3);
	CHECK_EQ(get64(&d, packed_entry(0) + 8), 0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct raw_desc desc = packed_desc(d.rig.raw.descriptors, i);
		uint32_t len;

		memcpy(&len, d.memory + packed_entry(i) + 20, sizeof(len));
		CHECK_EQ(get16(&d, packed_entry(i) + 16), desc.id);
		CHECK_EQ(get16(&d, packed_entry(i) + 18), desc.flags);
		CHECK_EQ(len, 24);
		CHECK_EQ(get64(&d, packed_entry(i) + 24), desc.addr);
	}
	check_twins(&d, 12, 3);
	check_twins(&d, 16, 0);

	CLAUSE("VU-INF-P04");
	use_all(&d);
	CHECK_EQ(get16(&d, packed_entry(2) + 2), 3);
	check_twins(&d, 12, 0);
	check_twins(&d, 16, 3);
	CHECK_EQ(d.memory[packed_entry(0)], 0);
	CHECK_EQ(vr_driver_get(d.rig.driver, &used, 1), 1);
	rig_send(&d.rig, 2, 1, 24, 10);
	pop(&d, 1);
	use_all(&d);
	/* 3 and 3 of 5: on the next lap. */
	check_twins(&d, 16, 1);
	CHECK_EQ(d.memory[20], 0);
	CHECK_EQ(d.memory[21], 0);
	close_desk(&d);
}

/* The process died between linking a buffer and catching up; was it shown, or not? */
static void packed_half_done(void **state)
{
	struct desk d;

	(void)state;
	CLAUSE("VU-INF-P05");
	for (int shown = 0; shown < 2; shown++) {
		step("%s", shown ? "shown" : "not shown");
		open_desk(&d, PACKED, 5);
		rig_send(&d.rig, 2, 1, 24, 1);
		pop(&d, 1);
		kill_device(&d);
		put16(&d, packed_entry(2) + 2, 3);
		put16(&d, 12, 0);
		put16(&d, 14, 3);
		put16(&d, 16, 3);
		put16(&d, 18, 0);
		if (shown)
			put_packed_desc(
				d.rig.raw.descriptors, 0,
				(struct raw_desc){ .id = packed_desc(d.rig.raw.descriptors, 0).id,
						   .flags = RAW_AVAIL | RAW_USED });
		CHECK_EQ(start_device(&d, 0x80008000), 1);
		check_twins(&d, 12, shown ? 0 : 3);
		check_twins(&d, 16, shown ? 3 : 0);
		CHECK_EQ(d.memory[packed_entry(0)], !shown);
		CHECK_EQ(d.record.inflight.again_count, !shown);
		close_desk(&d);
	}
}

static void packed_again(void **state)
{
	struct desk d;

	(void)state;
	CLAUSE("VU-INF-P06");
	open_desk(&d, PACKED, 8);
	for (unsigned int i = 0; i < 3; i++)
		rig_send(&d.rig, 1, 1, 8 + 4 * i, i);
	pop(&d, 3);
	kill_device(&d);
	/* The youngest first, says the record; the ring's descriptors have been written over. */
	for (unsigned int i = 0; i < 3; i++)
		put64(&d, packed_entry(2 * i) + 8, 10 - i);
	for (unsigned int i = 0; i < 6; i++)
		put_packed_desc(d.rig.raw.descriptors, i,
				(struct raw_desc){ .addr = 0xbad, .len = 77, .flags = 0 });
	{
		const uint16_t ids[] = { d.chains[2].id, d.chains[1].id, d.chains[0].id };

		CHECK_EQ(start_device(&d, 0), 1);
		pop(&d, 3);
		for (unsigned int i = 0; i < 3; i++) {
			CHECK_EQ(d.chains[i].id, ids[i]);
			CHECK_EQ(d.chains[i].readable, 1);
			CHECK_EQ(d.chains[i].writable_bytes, 8 + 4 * (2 - i));
		}
	}
	close_desk(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(versions),
		cmocka_unit_test(split_layout),
		cmocka_unit_test(split_last_batch),
		cmocka_unit_test(split_again),
		cmocka_unit_test(packed_layout),
		cmocka_unit_test(packed_half_done),
		cmocka_unit_test(packed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
