// SPDX-License-Identifier: BSD-3-Clause
/* The models behind ./dev bench --count, on sequences worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/bus.h"
#include "bench/layout.h"
#include "bench/mesi.h"

#define A 0u
#define B 1u

/* ---- two caches ---- */

struct step {
	unsigned int cache;
	bool store;
	uintptr_t address;
	enum mesi_event event;
	enum mesi_state state[MESI_CACHES]; /* of the line, afterwards */
};

static void follow(const struct step *steps, size_t count)
{
	struct mesi *mesi = mesi_new();

	assert_non_null(mesi);
	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];

		assert_int_equal(mesi_access(mesi, step->cache, step->address, step->store),
				 step->event);
		assert_int_equal(mesi_state(mesi, A, step->address), step->state[A]);
		assert_int_equal(mesi_state(mesi, B, step->address), step->state[B]);
	}
	mesi_free(mesi);
}

/* A writes, B reads, again and again: what an index does. */
static void test_mesi_index(void **state)
{
	static const struct step steps[] = {
		{ A, true, 64, MESI_MEMORY, { MESI_MODIFIED, MESI_INVALID } },
		{ A, true, 127, MESI_HIT, { MESI_MODIFIED, MESI_INVALID } },
		{ B, false, 100, MESI_READ, { MESI_SHARED, MESI_SHARED } },
		{ B, false, 64, MESI_HIT, { MESI_SHARED, MESI_SHARED } },
		{ A, false, 64, MESI_HIT, { MESI_SHARED, MESI_SHARED } },
		{ A, true, 64, MESI_UPGRADE, { MESI_MODIFIED, MESI_INVALID } },
		{ B, false, 64, MESI_READ, { MESI_SHARED, MESI_SHARED } },
	};

	(void)state;
	follow(steps, sizeof(steps) / sizeof(steps[0]));
}

/* Both write: what a packed descriptor does. */
static void test_mesi_both_write(void **state)
{
	static const struct step steps[] = {
		{ A, true, 0, MESI_MEMORY, { MESI_MODIFIED, MESI_INVALID } },
		{ B, true, 0, MESI_FETCH, { MESI_INVALID, MESI_MODIFIED } },
		{ A, false, 0, MESI_READ, { MESI_SHARED, MESI_SHARED } },
		{ B, true, 0, MESI_UPGRADE, { MESI_INVALID, MESI_MODIFIED } },
		{ A, true, 0, MESI_FETCH, { MESI_MODIFIED, MESI_INVALID } },
		{ A, true, 0, MESI_HIT, { MESI_MODIFIED, MESI_INVALID } },
	};

	(void)state;
	follow(steps, sizeof(steps) / sizeof(steps[0]));
}

/* Alone, a line is exclusive, and a store to it tells nobody. */
static void test_mesi_alone(void **state)
{
	static const struct step steps[] = {
		{ B, false, 4096, MESI_MEMORY, { MESI_INVALID, MESI_EXCLUSIVE } },
		{ B, true, 4096, MESI_HIT, { MESI_INVALID, MESI_MODIFIED } },
		{ A, false, 4160, MESI_MEMORY, { MESI_EXCLUSIVE, MESI_INVALID } },
		{ B, false, 4160, MESI_READ, { MESI_SHARED, MESI_SHARED } },
		{ B, true, 8192, MESI_MEMORY, { MESI_INVALID, MESI_MODIFIED } },
	};

	(void)state;
	follow(steps, sizeof(steps) / sizeof(steps[0]));
}

/* The table grows and forgets nothing. */
static void test_mesi_many_lines(void **state)
{
	struct mesi *mesi = mesi_new();

	(void)state;
	assert_non_null(mesi);
	for (uintptr_t i = 0; i < 20000; i++)
		assert_int_equal(mesi_access(mesi, i % 2, i * 64, true), MESI_MEMORY);
	for (uintptr_t i = 0; i < 20000; i++) {
		assert_int_equal(mesi_state(mesi, i % 2, i * 64), MESI_MODIFIED);
		assert_int_equal(mesi_access(mesi, 1 - i % 2, i * 64 + 63, false), MESI_READ);
	}
	mesi_free(mesi);
}

/* ---- a device behind a bus ---- */

static void test_bus_reads(void **state)
{
	struct bus bus = { .reads = 0 };

	(void)state;
	/* An index, and entries in its block: one read brings them all. */
	bus_load(&bus, 0x1002, 2, 1);
	bus_load(&bus, 0x1004, 2, 0);
	bus_load(&bus, 0x103e, 2, 0);
	assert_int_equal(bus.reads, 1);
	/* Entries behind it, and descriptors. */
	bus_load(&bus, 0x1040, 2, 0);
	bus_load(&bus, 0x2000, 8, 0);
	bus_load(&bus, 0x2038, 8, 0);
	assert_int_equal(bus.reads, 3);
	/* News in another block: all that was read before may be older. */
	bus_load(&bus, 0x3000, 8, 1);
	bus_load(&bus, 0x2000, 8, 0);
	assert_int_equal(bus.reads, 5);
	/* The second descriptor of a block is news that has been brought along. */
	bus_load(&bus, 0x3010, 8, 1);
	assert_int_equal(bus.reads, 5);
	/* Across two blocks. */
	bus_load(&bus, 0x407c, 8, 0);
	assert_int_equal(bus.reads, 7);
	bus_fence(&bus);
	bus_load(&bus, 0x3010, 8, 1);
	assert_int_equal(bus.reads, 8);
	assert_int_equal(bus.writes, 0);
}

static void test_bus_writes(void **state)
{
	struct bus bus = { .reads = 0 };

	(void)state;
	/* Elements of two blocks, then the index behind them, in the block of the first one. */
	bus_store(&bus, 0x1004, 4, 0);
	bus_store(&bus, 0x1008, 4, 0);
	bus_store(&bus, 0x103c, 8, 0);
	bus_store(&bus, 0x1002, 2, 1);
	assert_int_equal(bus.writes, 3);
	/* What is not published yet goes out in the end. */
	bus_store(&bus, 0x2000, 4, 0);
	assert_int_equal(bus.writes, 3);
	bus_fence(&bus);
	bus_fence(&bus);
	assert_int_equal(bus.writes, 4);
	assert_int_equal(bus.reads, 0);
}

/* ---- what a layout must cost ---- */

static void floor_is(struct ring_cell cell, uint64_t driver, uint64_t device, uint64_t reads,
		     uint64_t writes)
{
	struct layout_floor floor;

	/* One burst of a queue of 256, at the beginning of a lap. */
	assert_int_equal(layout_floor(&cell, 2 * cell.size / cell.burst, 1, &floor), 0);
	assert_int_equal(floor.buffers, cell.burst);
	assert_int_equal(floor.driver_lines, driver);
	assert_int_equal(floor.device_lines, device);
	assert_int_equal(floor.bus_reads, reads);
	assert_int_equal(floor.bus_writes, writes);
}

static void test_floor_split(void **state)
{
	struct ring_cell cell = { .form = 0, .size = 256, .burst = 32, .segments = 1 };

	(void)state;
	/* Two indices; 8 blocks of descriptors, and 2 entries that do not come with the index. */
	floor_is(cell, 1, 1, 1 + 1 + 8, 1);
	cell.form = 1;
	floor_is(cell, 1, 1, 1 + 8, 1);
	/* Other buffers: all descriptors are new. */
	cell.rotate = true;
	floor_is(cell, 1 + 8, 1, 1 + 8, 1);
	/* Chains: a lap is no whole number of buffers, so no descriptor keeps what it holds. */
	cell.rotate = false;
	cell.segments = 3;
	floor_is(cell, 1 + 24, 1, 1 + 24, 1);
	/* A table each, which stays as it is. */
	cell.indirect = true;
	floor_is(cell, 1, 1, 1 + 8 + 32, 1);
	cell.rotate = true;
	floor_is(cell, 1 + 32, 1, 1 + 8 + 32, 1);
}

/* Bursts that are cut otherwise on each lap: the element of a batch says something new. */
static void test_floor_split_uneven(void **state)
{
	struct ring_cell cell = { .form = 1, .size = 32, .burst = 24, .segments = 1 };
	struct layout_floor floor;

	(void)state;
	/* The second burst begins at slot 24, in line 3, which is news; the index. The sixth does again. */
	assert_int_equal(layout_floor(&cell, 1, 1, &floor), 0);
	assert_int_equal(floor.device_lines, 2);
	assert_int_equal(floor.bus_writes, 2);
	assert_int_equal(layout_floor(&cell, 5, 1, &floor), 0);
	assert_int_equal(floor.device_lines, 1);
	/* At slot 0 the element shares the line of the index. */
	assert_int_equal(layout_floor(&cell, 0, 1, &floor), 0);
	assert_int_equal(floor.device_lines, 1);
	assert_int_equal(floor.bus_writes, 2);
}

static void test_floor_packed(void **state)
{
	struct ring_cell cell = { .form = 2, .size = 256, .burst = 32, .segments = 1 };

	(void)state;
	/* Each lap has another wrap counter, so each descriptor is written by both sides. */
	floor_is(cell, 8, 8, 8, 8);
	cell.form = 3;
	floor_is(cell, 8, 1, 8, 1);
	cell.writable = true;
	floor_is(cell, 8, 8, 8, 8);
	cell.segments = 3;
	cell.writable = false;
	floor_is(cell, 24, 1, 24, 1);
	/* Used entries are a chain apart: 4 in 3 lines. */
	cell.form = 2;
	floor_is(cell, 24, 24, 24, 24);
	cell.indirect = true;
	floor_is(cell, 8, 8, 8 + 32, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mesi_index),   cmocka_unit_test(test_mesi_both_write),
		cmocka_unit_test(test_mesi_alone),   cmocka_unit_test(test_mesi_many_lines),
		cmocka_unit_test(test_bus_reads),    cmocka_unit_test(test_bus_writes),
		cmocka_unit_test(test_floor_split),  cmocka_unit_test(test_floor_split_uneven),
		cmocka_unit_test(test_floor_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
