// SPDX-License-Identifier: BSD-3-Clause
/*
 * What hostile or buggy drivers did to other devices. Each test is named after what happened and
 * says where; bugs.tsv has the whole list.
 */
#include <unistd.h>

#include "bench.h"

static const struct peer_element out[] = { { RIG_OUT, 4, false },
					   { RIG_OUT, 4, false },
					   { RIG_OUT, 4, false },
					   { RIG_OUT, 4, false } };

static void expect_device_fault(struct device_bench *b, enum vr_fault_reason reason)
{
	struct vr_chain chain;

	CHECK_EQ(vr_device_pop(b->rig.device, &chain, 1, b->segment, 64), VR_E_BROKEN);
	CHECK_EQ(rig_device_fault(&b->rig).reason, reason);
}

/* A descriptor of either layout at slot 0, made available. */
static void offer(struct device_bench *b, struct raw_desc d)
{
	if (is_packed(b->rig.shape.features)) {
		d.flags |= RAW_AVAIL;
		put_packed_desc(b->rig.raw.descriptors, 0, d);
		return;
	}
	put_split_desc(b->rig.raw.descriptors, 0, d);
	put_le16(at_avail_idx(&b->rig.raw), 1);
}

static void put_table(const struct rig *rig, uint32_t entry, struct raw_desc d)
{
	if (is_packed(rig->shape.features))
		put_packed_desc(rig->tables.driver, entry, d);
	else
		put_split_desc(rig->tables.driver, entry, d);
}

/* B01, QEMU CVE-2016-5403: buffers without end, all of them popped, none used. */
static void buffers_without_end(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct vr_chain chains[64];
		struct device_bench b;

		context("%s", form->name);
		device_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 8; i++)
			peer_driver_send(&b.peer, out, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, chains, 64, b.segment, 64), 8);
		if (is_packed(form->features)) {
			/* The next lap, though nothing was used. */
			for (uint32_t i = 0; i < 8; i++)
				put_packed_desc(b.rig.raw.descriptors, i,
						(struct raw_desc){ RIG_OUT, 4, RAW_USED, 0, 0 });
			expect_device_fault(&b, VR_FAULT_CHAIN_LENGTH);
		} else {
			put_le16(at_avail_idx(&b.rig.raw), 9);
			expect_device_fault(&b, VR_FAULT_AVAIL_INDEX);
		}
		CHECK_EQ(vr_device_in_flight(b.rig.device), 8);
		device_bench_close(&b);
	}
}

/*
 * B05, QEMU [read in the code]: the packed "unpop" went back by one slot, however long the chain.
 * B33, Linux vhost: in order, a discard left the predicted head where it was.
 */
static void put_back_and_taken_again(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		struct device_bench b;

		context("%s", form->name);
		device_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 20; lap++) {
			struct vr_chain first = device_bench_send(&b, out, 3);
			struct vr_chain second = device_bench_send(&b, out, 1 + lap % 4);
			struct vr_chain again[2];

			CHECK_EQ(vr_device_unpop(b.rig.device, second.handle), 0);
			CHECK_EQ(vr_device_unpop(b.rig.device, first.handle), 0);
			CHECK_EQ(vr_device_in_flight(b.rig.device), 0);
			CHECK_EQ(vr_device_pop(b.rig.device, again, 2, b.segment, 64), 2);
			CHECK_EQ(again[0].id, first.id);
			CHECK_EQ(again[0].descriptors, 3);
			CHECK_EQ(again[1].id, second.id);
			CHECK_EQ(again[1].descriptors, 1 + lap % 4);
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 2), 2);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 2);
			CHECK_EQ(device_bench_get(&b), 0);
			CHECK_EQ(device_bench_get(&b), 0);
		}
		device_bench_close(&b);
	}
}

/*
 * B06, QEMU CVE-2026-50626: a queue size above the maximum. B16, Firecracker: 0x10000 became 0 in 16
 * bits. B21, DPDK 92ed77dce6: a packed size that is no power of two was refused.
 */
static void queue_sizes(void **state)
{
	static const uint32_t bad[] = { 0, 17, 32, 0x8001, 0x10000, 0x10010, 0xffffffff };

	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 16 };
		struct vr_ring ring;
		struct rig rig;

		context("%s", form->name);
		rig_open_both(&rig, &shape);
		ring = rig_device_ring(&rig);
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			struct vr_device_config device = rig_device_config(&rig);
			struct vr_driver_config driver = rig_driver_config(&rig);

			step("size %u", bad[i]);
			CHECK_EQ(vr_device_resize(rig.device, &ring, bad[i]), VR_E_INVAL);
			device.queue_size = driver.queue_size = bad[i];
			if (bad[i] - 1 < VR_QUEUE_SIZE_MAX)
				continue;
			CHECK_EQ(vr_device_size(&device), 0);
			CHECK_EQ(vr_driver_size(&driver), 0);
			CHECK_EQ(vr_ring_bytes(form->features, bad[i], VR_AREA_DESCRIPTORS), 0);
		}
		CHECK_EQ(vr_device_resize(rig.device, &ring, 15),
			 is_packed(form->features) ? 0 : VR_E_INVAL);
		rig_close(&rig);
	}
}

/* B09, DPDK CVE-2018-1059: addresses were translated without their length. */
static void only_the_first_byte_is_mapped(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		bool fits;
	} rows[] = {
		{ RIG_OUT + 65535, 1, true },
		{ RIG_OUT + 65535, 2, false },
		{ RIG_OUT, 65536, true },
		{ RIG_OUT, 65537, false },
		{ RIG_OUT + 1, 0xffffffff, false },
		{ RIG_OUT - 1, 2, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, 2, false },
		{ UINT64_MAX - 15, 0xffffffff, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * FORM_COUNT; i++) {
		const struct form *form = &forms[i % FORM_COUNT];
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		const size_t row = i / FORM_COUNT;
		struct vr_chain chain;
		struct device_bench b;

		context("%s, row %zu", form->name, row);
		device_bench_open(&b, &shape);
		offer(&b, (struct raw_desc){ rows[row].addr, rows[row].len, 0, 0, 0 });
		if (rows[row].fits) {
			chain = device_bench_pop(&b);
			CHECK_EQ(chain.readable_bytes, rows[row].len);
		} else {
			expect_device_fault(&b, VR_FAULT_UNMAPPED);
		}
		device_bench_close(&b);
	}
}

/*
 * B09, DPDK CVE-2018-1059: sizes of tables were unchecked; B17, OpenVMM 9a3e3335b: a size of 0 made
 * the index of the last entry wrap; DPDK: a table whose last byte is not mapped.
 */
static void sizes_of_tables(void **state)
{
	static const struct {
		uint32_t offset; /* from the last entry of the tables */
		uint32_t bytes;
		enum vr_fault_reason reason;
	} rows[] = {
		{ 0, 0, VR_FAULT_INDIRECT_SIZE },
		{ 0, 1, VR_FAULT_INDIRECT_SIZE },
		{ 0, 15, VR_FAULT_INDIRECT_SIZE },
		{ 0, 17, VR_FAULT_INDIRECT_SIZE },
		{ 0, 0xffffffff, VR_FAULT_INDIRECT_SIZE },
		{ 0, 16, VR_FAULT_NONE },
		{ 0, 32, VR_FAULT_UNMAPPED },
		{ 16, 16, VR_FAULT_UNMAPPED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows) * FORM_COUNT; i++) {
		const struct form *form = &forms[i % FORM_COUNT];
		const struct rig_shape shape = { .features = form->features | VR_F_INDIRECT_DESC,
						 .size = 8,
						 .entries = 4 };
		const size_t row = i / FORM_COUNT;
		const uint64_t last = RIG_TABLES + 16 * (8 * 4 - 1);
		struct device_bench b;

		context("%s, row %zu", form->name, row);
		device_bench_open(&b, &shape);
		put_table(&b.rig, 31, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
		/* Split: a chain that would go on, so that the second entry is wanted. */
		if (rows[row].bytes == 32)
			put_table(&b.rig, 31, (struct raw_desc){ RIG_OUT, 4, RAW_NEXT, 1, 0 });
		offer(&b, (struct raw_desc){ last + rows[row].offset, rows[row].bytes, RAW_INDIRECT,
					     0, 0 });
		if (rows[row].reason == VR_FAULT_NONE)
			CHECK_EQ(device_bench_pop(&b).readable_bytes, 4);
		else
			expect_device_fault(&b, rows[row].reason);
		device_bench_close(&b);
	}
}

/* B10, DPDK CVE-2020-10725: length zero with an address that is nowhere, in a batch of good ones. */
static void nothing_at_a_bad_address(void **state)
{
	static const uint64_t addrs[] = { 0, 1, RIG_OUT - 1, RIG_OUT + 65536, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addrs) * FORM_COUNT; i++) {
		const struct form *form = &forms[i % FORM_COUNT];
		const struct rig_shape shape = { .features = form->features, .size = 8 };
		const struct peer_element nothing = { addrs[i / FORM_COUNT], 0, false };
		struct vr_chain chains[8];
		struct device_bench b;

		context("%s, address %llx", form->name, (unsigned long long)nothing.addr);
		device_bench_open(&b, &shape);
		for (unsigned int n = 0; n < 4; n++)
			peer_driver_send(&b.peer, n == 2 ? &nothing : out, 1);
		CHECK_EQ(vr_device_pop(b.rig.device, chains, 8, b.segment, 64), 4);
		for (unsigned int n = 0; n < 4; n++) {
			CHECK_EQ(chains[n].readable, n != 2);
			CHECK_EQ(chains[n].readable_bytes, n == 2 ? 0 : 4);
		}
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 4), 4);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 4);
		for (unsigned int n = 0; n < 4; n++)
			device_bench_get(&b);
		device_bench_close(&b);
	}
}

/*
 * B10, B12, B18, B38: DPDK CVE-2020-14375, 134228ca39, 93ed2f49de, bhyve SA-24:17: a length was read, judged,
 * and read again. Here the driver changes all that it can when an address is being looked up.
 */
static int change_on_miss(const struct vr_map *map, uint64_t addr, uint32_t access,
			  struct vr_map_range *range)
{
	struct device_bench *b = map->context;
	const bool packed = is_packed(b->rig.shape.features);

	(void)access;
	for (uint32_t i = 0; i < 8; i++) {
		const uint8_t *at = b->rig.raw.descriptors + 16 * i;
		struct raw_desc d = { 0xdead0000, 0x7fffffff, RAW_NEXT | RAW_WRITE, 0xffff,
				      0xffff };

		if (packed) {
			d.flags |= packed_desc(at, 0).flags & (RAW_AVAIL | RAW_USED);
			put_packed_desc(b->rig.raw.descriptors, i, d);
		} else {
			put_split_desc(b->rig.raw.descriptors, i, d);
		}
	}
	for (uint32_t i = 0; i < 32 && b->rig.tables.bytes && addr >= RIG_OUT; i++)
		put_table(&b->rig, i, (struct raw_desc){ 0xdead0000, 0x7fffffff, RAW_WRITE, 9, 9 });
	for (uint32_t i = 0; i < 3; i++)
		if (addr - b->rig.ranges[i].addr < b->rig.ranges[i].size) {
			*range = b->rig.ranges[i];
			return 0;
		}
	return VR_E_INVAL;
}

static void changed_between_two_reads(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2 * FORM_COUNT; i++) {
		const struct form *form = &forms[i % FORM_COUNT];
		const bool indirect = i >= FORM_COUNT;
		const struct rig_shape shape = {
			.features = form->features | (indirect ? VR_F_INDIRECT_DESC : 0),
			.size = 8,
			.entries = 4,
		};
		struct vr_map map = { .miss = change_on_miss };
		struct device_bench b;
		struct vr_chain chain;

		context("%s%s", form->name, indirect ? ", indirect" : "");
		device_bench_open(&b, &shape);
		map.context = &b;
		vr_device_set_map(b.rig.device, &map);
		if (indirect)
			put_table(&b.rig, 0, (struct raw_desc){ RIG_OUT, 24, 0, 0, 0 });
		if (indirect)
			offer(&b, (struct raw_desc){ RIG_TABLES, 16, RAW_INDIRECT, 0, 3 });
		else
			offer(&b, (struct raw_desc){ RIG_OUT, 24, 0, 0, 3 });
		chain = device_bench_pop(&b);
		CHECK_EQ(chain.readable, 1);
		CHECK_EQ(chain.readable_bytes, 24);
		CHECK_EQ(chain.segments[0].len, 24);
		CHECK_EQ(chain.id, is_packed(form->features) ? 3 : 0);
		CHECK_EQ(chain.descriptors, 1);
		device_bench_close(&b);
	}
}

/* B14, firecracker#3149, vm-virtio#196: the available index jumps by more than the queue size. */
static void an_index_ahead_of_the_queue(void **state)
{
	static const uint64_t layouts[] = { SPLIT, SPLIT_IN_ORDER };
	static const uint16_t jumps[] = { 9, 10, 255, 256, 0x7fff, 0x8000, 0xffff };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(jumps) * 4; i++) {
		const struct rig_shape shape = { .features = layouts[i % 2], .size = 8 };
		const unsigned int before = i / 2 % 2 ? 5 : 0;
		struct device_bench b;

		context("%s: %u after %u", form_name(shape.features), jumps[i / 4], before);
		device_bench_open(&b, &shape);
		for (unsigned int n = 0; n < before; n++) {
			struct vr_chain chain = device_bench_send(&b, out, 1);

			rig_use(&b.rig, &chain, 0);
			device_bench_get(&b);
		}
		put_le16(at_avail_idx(&b.rig.raw), (uint16_t)(before + jumps[i / 4]));
		CHECK(vr_device_pending(b.rig.device));
		expect_device_fault(&b, VR_FAULT_AVAIL_INDEX);
		device_bench_close(&b);
	}
}

/* B15, Cloud Hypervisor 730677730: the same head twice in flight; in order it is the wrong head. */
static void the_same_head_twice(void **state)
{
	const struct rig_shape shape = { .features = SPLIT, .size = 8 };
	struct vr_chain chain;
	struct device_bench b;

	(void)state;
	device_bench_open(&b, &shape);
	put_split_desc(b.rig.raw.descriptors, 3, (struct raw_desc){ RIG_OUT, 4, 0, 0, 0 });
	for (uint32_t i = 0; i < 4; i++)
		put_le16(at_avail_slot(&b.rig.raw, i), 3);
	put_le16(at_avail_idx(&b.rig.raw), 4);
	chain = device_bench_pop(&b);
	expect_device_fault(&b, VR_FAULT_HEAD_BUSY);
	CHECK_EQ(vr_device_complete(b.rig.device, chain.handle, 0), 0);
	CHECK_EQ(vr_device_complete(b.rig.device, chain.handle, 0), VR_E_STALE);
	CHECK_EQ(vr_device_in_flight(b.rig.device), 1);
	device_bench_close(&b);
}

/* B17, OpenVMM 9a3e3335b: NEXT within a packed table means nothing; the table's size counts. */
static void next_within_a_packed_table(void **state)
{
	static const uint64_t layouts[] = { PACKED, PACKED_IN_ORDER };

	(void)state;
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		const struct rig_shape shape = { .features = layouts[l] | VR_F_INDIRECT_DESC,
						 .size = 8,
						 .entries = 4 };
		struct device_bench b;
		struct vr_chain chain;

		context("%s", form_name(layouts[l]));
		device_bench_open(&b, &shape);
		for (uint32_t i = 0; i < 4; i++)
			put_table(&b.rig, i, (struct raw_desc){ RIG_OUT + i, 1, RAW_NEXT, 0, 77 });
		offer(&b, (struct raw_desc){ RIG_TABLES, 16 * 3, RAW_INDIRECT, 0, 5 });
		chain = device_bench_pop(&b);
		CHECK_EQ(chain.readable_bytes, 3);
		CHECK_EQ(chain.descriptors, 1);
		CHECK_EQ(chain.id, 5);
		device_bench_close(&b);
	}
}

/* B17, OpenVMM f9af2c13d: reading a table replaced the size of the queue. */
static void a_table_of_another_size(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features | VR_F_INDIRECT_DESC,
						 .size = 4,
						 .entries = 8 };
		struct device_bench b;

		context("%s", form->name);
		device_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 30; i++) {
			struct peer_element many[8];
			const unsigned int count = i % 2 ? 8 : 1;

			for (unsigned int n = 0; n < 8; n++)
				many[n] = out[0];
			CHECK(peer_driver_add(&b.peer, many, count,
					      count > 1 ? PEER_INDIRECT : PEER_DIRECT, 0) >= 0);
			peer_driver_publish(&b.peer);
			CHECK_EQ(device_bench_pop(&b).readable, count);
			CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 1), 1);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
			device_bench_get(&b);
		}
		device_bench_close(&b);
	}
}

/*
 * B28, DPDK 14962a9c4f: more was put into the shadow of the used ring than it holds. Whatever the
 * caller repeats, the same buffer is completed once.
 */
static void completed_more_often_than_popped(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		const struct rig_shape shape = { .features = form->features, .size = 4 };
		struct vr_chain chain[4];
		struct device_bench b;

		context("%s", form->name);
		device_bench_open(&b, &shape);
		for (unsigned int i = 0; i < 4; i++)
			chain[i] = device_bench_send(&b, out, 1);
		for (unsigned int i = 0; i < 40; i++)
			CHECK_EQ(vr_device_complete(b.rig.device, chain[i % 4].handle, 0),
				 i < 4 ? 0 : VR_E_STALE);
		CHECK_EQ(vr_device_complete_oldest(b.rig.device, NULL, 4), 0);
		CHECK_EQ(vr_device_publish(b.rig.device, NULL), 4);
		for (unsigned int i = 0; i < 4; i++)
			device_bench_get(&b);
		CHECK(!peer_driver_get(&b.peer, &(uint16_t){ 0 }, &(uint32_t){ 0 }));
		device_bench_close(&b);
	}
}

/*
 * B33, Linux vhost: after a restart the predicted head was the base index, which is wrong as soon as
 * a buffer took two descriptors. B28, DPDK 2f706027c8: the index that was signalled last was stale.
 * SPDK dbe47004e5: nobody was told of what was used right after the restart.
 */
static void restarted_in_the_middle(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2 * FORM_COUNT; i++) {
		const uint64_t features = forms[i % FORM_COUNT].features |
					  (i >= FORM_COUNT ? VR_F_EVENT_IDX : 0);
		const struct rig_shape shape = { .features = features, .size = 8 };
		struct device_bench b;

		context("%s", form_name(features));
		device_bench_open(&b, &shape);
		for (unsigned int lap = 0; lap < 20; lap++) {
			struct vr_chain chain;
			uint32_t base;

			for (unsigned int n = 0; n < 3; n++) {
				chain = device_bench_send(&b, out, 2);
				rig_use(&b.rig, &chain, 0);
				device_bench_get(&b);
			}
			CHECK_EQ(vr_device_save(b.rig.device, false, &base), 0);
			if (lap % 2)
				rig_start_device(&b.rig);
			CHECK_EQ(vr_device_restore(b.rig.device, base), 0);
			/* The driver sleeps, and waits for the very next one. */
			if (features & VR_F_EVENT_IDX && !is_packed(features))
				put_le16(b.rig.raw.driver + 4 + 2 * 8,
					 le16(at_used_idx(&b.rig.raw)));
			chain = device_bench_send(&b, out, 2);
			CHECK_EQ(vr_device_complete(b.rig.device, chain.handle, 0), 0);
			CHECK_EQ(vr_device_publish(b.rig.device, NULL), 1);
			CHECK(vr_device_must_notify(b.rig.device));
			device_bench_get(&b);
		}
		device_bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_without_end),
		cmocka_unit_test(put_back_and_taken_again),
		cmocka_unit_test(queue_sizes),
		cmocka_unit_test(only_the_first_byte_is_mapped),
		cmocka_unit_test(sizes_of_tables),
		cmocka_unit_test(nothing_at_a_bad_address),
		cmocka_unit_test(changed_between_two_reads),
		cmocka_unit_test(an_index_ahead_of_the_queue),
		cmocka_unit_test(the_same_head_twice),
		cmocka_unit_test(next_within_a_packed_table),
		cmocka_unit_test(a_table_of_another_size),
		cmocka_unit_test(completed_more_often_than_popped),
		cmocka_unit_test(restarted_in_the_middle),
	};

	alarm(60); /* an endless walk fails, too */
	return RIG_RUN_TESTS(tests);
}
