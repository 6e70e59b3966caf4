// SPDX-License-Identifier: BSD-3-Clause
/* The driver's half of virtio-blk: what it refuses, what it sends, what it makes of answers. */
#include "blk_pair.h"

/* The clauses that are held here: BLK-DRV-001 to -008 and -011. */

struct refused {
	const char *what;
	struct vr_blk_command command;
	uint64_t add; /* features */
	uint64_t drop;
	int error;
};

static const struct vr_segment sector_0 = { .addr = PAIR_ADDR, .len = 512 };
static const struct vr_segment odd = { .addr = PAIR_ADDR, .len = 511 };
static const struct vr_segment large = { .addr = PAIR_ADDR, .len = 1024 };
static const struct vr_segment many[11] = {
	{ .addr = PAIR_ADDR, .len = 512 }, { .addr = PAIR_ADDR, .len = 512 },
	{ .addr = PAIR_ADDR, .len = 512 }, { .addr = PAIR_ADDR, .len = 512 },
	{ .addr = PAIR_ADDR, .len = 512 }, { .addr = PAIR_ADDR, .len = 512 },
	{ .addr = PAIR_ADDR, .len = 512 }, { .addr = PAIR_ADDR, .len = 512 },
	{ .addr = PAIR_ADDR, .len = 512 }, { .addr = PAIR_ADDR, .len = 512 },
	{ .addr = PAIR_ADDR, .len = 512 },
};
static const struct vr_blk_range ranges[5] = { { 0, 1, 0 }, { 1, 1, 0 }, { 2, 1, 0 }, { 3, 1, 0 } };
static const struct vr_blk_range unmap = { 0, 1, VR_BLK_UNMAP };
static const struct vr_blk_range flag = { 0, 1, 2 };
static const struct vr_blk_range too_long = { 0, 65, 0 };
static const struct vr_blk_range outside = { DISK_SECTORS - 1, 2, 0 };

#define DATA(kind, at, list, count) \
	{ \
		.type = (kind), .sector = (at), .segments = (list), .segment_count = (count) \
	}
#define RANGES(kind, list, count) \
	{ \
		.type = (kind), .ranges = (list), .range_count = (count) \
	}

static const struct refused refusals[] = {
	{ "read beyond the end", DATA(VR_BLK_T_IN, DISK_SECTORS, &sector_0, 1), 0, 0, VR_E_INVAL },
	{ "write across the end", DATA(VR_BLK_T_OUT, DISK_SECTORS - 1, &large, 1), 0, 0,
	  VR_E_INVAL },
	{ "sector 2^64-1", DATA(VR_BLK_T_IN, UINT64_MAX, &sector_0, 1), 0, 0, VR_E_INVAL },
	{ "511 bytes", DATA(VR_BLK_T_IN, 0, &odd, 1), 0, 0, VR_E_INVAL },
	{ "no data", DATA(VR_BLK_T_OUT, 0, &sector_0, 0), 0, 0, VR_E_INVAL },
	{ "data NULL", DATA(VR_BLK_T_OUT, 0, NULL, 1), 0, 0, VR_E_INVAL },
	{ "11 segments where 10 are taken", DATA(VR_BLK_T_IN, 0, many, 11), 0, 0, VR_E_TOO_LONG },
	{ "a segment above size_max", DATA(VR_BLK_T_IN, 0, &large, 1), VR_BLK_F_SIZE_MAX, 0,
	  VR_E_INVAL },
	{ "write to a read-only disk", DATA(VR_BLK_T_OUT, 0, &sector_0, 1), VR_BLK_F_RO, 0,
	  VR_E_INVAL },
	{ "flush with a sector", { .type = VR_BLK_T_FLUSH, .sector = 1 }, 0, 0, VR_E_INVAL },
	{ "flush with data", DATA(VR_BLK_T_FLUSH, 0, &sector_0, 1), 0, 0, VR_E_INVAL },
	{ "flush, not negotiated", { .type = VR_BLK_T_FLUSH }, 0, VR_BLK_F_FLUSH, VR_E_INVAL },
	{ "discard, not negotiated", RANGES(VR_BLK_T_DISCARD, ranges, 1), 0, VR_BLK_F_DISCARD,
	  VR_E_INVAL },
	{ "discard of 5 ranges", RANGES(VR_BLK_T_DISCARD, ranges, 5), 0, 0, VR_E_INVAL },
	{ "discard of no range", RANGES(VR_BLK_T_DISCARD, ranges, 0), 0, 0, VR_E_INVAL },
	{ "discard, unmap", RANGES(VR_BLK_T_DISCARD, &unmap, 1), 0, 0, VR_E_INVAL },
	{ "discard of too much", RANGES(VR_BLK_T_DISCARD, &too_long, 1), 0, 0, VR_E_INVAL },
	{ "discard beyond the end", RANGES(VR_BLK_T_DISCARD, &outside, 1), 0, 0, VR_E_INVAL },
	{ "discard on a read-only disk", RANGES(VR_BLK_T_DISCARD, ranges, 1), VR_BLK_F_RO, 0,
	  VR_E_INVAL },
	{ "zeroes with flag 1", RANGES(VR_BLK_T_WRITE_ZEROES, &flag, 1), 0, 0, VR_E_INVAL },
	{ "zeroes of 5 ranges", RANGES(VR_BLK_T_WRITE_ZEROES, ranges, 5), 0, 0, VR_E_INVAL },
	{ "an unknown type", { .type = 14 }, 0, 0, VR_E_INVAL },
};

static void test_refusals(void **state)
{
	struct vr_blk_space space = disk_space;

	(void)state;
	space.size_max = 512;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refused *r = &refusals[i];
		struct vr_blk_driver_config config = {
			.features = (ALL_FEATURES & ~r->drop) | r->add, .space = &space
		};
		struct vr_blk_driver *driver;
		struct pair pair;
		int got;

		pair_open(&pair, VR_F_VERSION_1);
		driver = pair_blk_driver(&pair, &config);
		got = vr_blk_driver_add(driver, &r->command, 1);
		if (got != r->error)
			fail_msg("%s: %d instead of %d", r->what, got, r->error);
		assert_int_equal(vr_blk_driver_busy(driver), 0);
		assert_int_equal(vr_driver_outstanding(pair.driver), 0);
		pair_close(&pair);
	}
}

struct both {
	struct pair pair;
	struct vr_blk_driver *driver;
	struct vr_blk_device *device;
};

static void both_open(struct both *both, uint64_t form)
{
	struct vr_blk_driver_config driver = { .features = ALL_FEATURES };
	struct vr_blk_device_config device = { .features = ALL_FEATURES };

	pair_open(&both->pair, form);
	both->driver = pair_blk_driver(&both->pair, &driver);
	both->device = pair_blk_device(&both->pair, &device);
}

static void add(struct both *both, const struct vr_blk_command *command)
{
	assert_int_equal(vr_blk_driver_add(both->driver, command, 1), 1);
	assert_int_equal(vr_driver_publish(both->pair.driver), 1);
}

static struct vr_blk_request *take(struct both *both)
{
	struct vr_blk_request *request;

	assert_int_equal(vr_blk_device_take(both->device, &request, 1), 1);
	return request;
}

static struct vr_blk_result finish(struct both *both, struct vr_blk_request *request,
				   uint8_t status)
{
	struct vr_blk_result result;

	if (request)
		assert_int_equal(vr_blk_device_done(both->device, request, status), 0);
	assert_int_equal(vr_device_publish(both->pair.device, NULL), 1);
	assert_int_equal(vr_blk_driver_get(both->driver, &result, 1), 1);
	return result;
}

/* Reads and writes arrive as they were sent, in each form. */
static void transfer(uint64_t form, uint32_t type)
{
	struct vr_segment segments[2];
	struct vr_blk_command command = {
		.type = type, .sector = 5, .segments = segments, .segment_count = 2, .token = 0
	};
	struct vr_blk_request *request;
	struct vr_blk_result result;
	struct both both;
	uint8_t *data;

	both_open(&both, form);
	data = pair_alloc(&both.pair, 2048);
	segments[0] = (struct vr_segment){ .addr = pair_addr(&both.pair, data), .len = 100 };
	segments[1] = (struct vr_segment){ .addr = pair_addr(&both.pair, data + 200), .len = 924 };
	add(&both, &command);
	request = take(&both);
	assert_int_equal(request->type, type);
	assert_int_equal(request->sector, 5);
	assert_int_equal(request->bytes, 1024);
	assert_int_equal(request->piece_count, 2);
	assert_ptr_equal(request->pieces[0].base, data);
	assert_ptr_equal(request->pieces[1].base, data + 200);
	result = finish(&both, request, VR_BLK_S_OK);
	assert_int_equal(result.token, 0);
	assert_int_equal(result.status, VR_BLK_S_OK);
	assert_int_equal(result.bytes, 1024);
	command.token = UINT64_MAX;
	add(&both, &command);
	result = finish(&both, take(&both), VR_BLK_S_IOERR);
	assert_true(result.token == UINT64_MAX);
	assert_int_equal(result.status, VR_BLK_S_IOERR);
	assert_int_equal(result.bytes, 0);
	assert_int_equal(vr_blk_driver_busy(both.driver), 0);
	pair_close(&both.pair);
}

static void test_transfers(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		transfer(pair_forms[form], VR_BLK_T_IN);
		transfer(pair_forms[form], VR_BLK_T_OUT);
	}
}

static void test_other_commands(void **state)
{
	static const struct vr_blk_range zeroes[2] = { { 3, 4, VR_BLK_UNMAP }, { 9, 1, 0 } };
	struct vr_blk_command command = { .type = VR_BLK_T_GET_ID };
	struct vr_blk_request *request;
	struct vr_blk_result result;
	struct both both;

	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		both_open(&both, pair_forms[form]);
		command = (struct vr_blk_command){ .type = VR_BLK_T_GET_ID };
		add(&both, &command);
		assert_int_equal(vr_blk_device_take(both.device, &request, 1), 0);
		result = finish(&both, NULL, 0);
		assert_int_equal(result.status, VR_BLK_S_OK);
		assert_string_equal(result.id, "a disk for the tests");
		command = (struct vr_blk_command){ .type = VR_BLK_T_WRITE_ZEROES,
						   .ranges = zeroes,
						   .range_count = 2 };
		add(&both, &command);
		request = take(&both);
		assert_int_equal(request->range_count, 2);
		assert_memory_equal(request->ranges, zeroes, sizeof(zeroes));
		assert_int_equal(finish(&both, request, VR_BLK_S_UNSUPP).status, VR_BLK_S_UNSUPP);
		command = (struct vr_blk_command){ .type = VR_BLK_T_FLUSH };
		add(&both, &command);
		request = take(&both);
		assert_int_equal(request->type, VR_BLK_T_FLUSH);
		assert_int_equal(finish(&both, request, VR_BLK_S_OK).status, VR_BLK_S_OK);
		pair_close(&both.pair);
	}
}

/* A device that writes no status, or one that does not exist, has failed. */
static void test_wrong_status(void **state)
{
	static const int writes[] = { -1, 3, 0xff };
	const struct vr_blk_command command = { .type = VR_BLK_T_FLUSH };

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		struct vr_iovec segments[4];
		struct vr_blk_result result;
		struct vr_chain chain;
		struct both both;

		both_open(&both, VR_F_VERSION_1);
		add(&both, &command);
		assert_int_equal(vr_device_pop(both.pair.device, &chain, 1, segments, 4), 1);
		assert_int_equal(chain.readable_bytes, 16);
		assert_int_equal(chain.writable_bytes, 1);
		if (writes[i] >= 0)
			*(uint8_t *)segments[chain.readable].base = (uint8_t)writes[i];
		vr_device_complete(both.pair.device, chain.handle, 1);
		assert_int_equal(vr_device_publish(both.pair.device, NULL), 1);
		assert_int_equal(vr_blk_driver_get(both.driver, &result, 1), 1);
		assert_int_equal(result.status, VR_BLK_S_IOERR);
		pair_close(&both.pair);
	}
}

/* Devices of old put anything into the used length: the status alone says how it went. */
static void test_wrong_length(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 512, 513 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct vr_iovec segments[4];
		struct vr_blk_result result;
		struct vr_chain chain;
		struct both both;
		struct vr_segment data;
		struct vr_blk_command command = { .type = VR_BLK_T_IN,
						  .segments = &data,
						  .segment_count = 1 };

		both_open(&both, VR_F_VERSION_1);
		data.addr = pair_addr(&both.pair, pair_alloc(&both.pair, 512));
		data.len = 512;
		add(&both, &command);
		assert_int_equal(vr_device_pop(both.pair.device, &chain, 1, segments, 4), 1);
		assert_int_equal(chain.writable_bytes, 513);
		memset(segments[chain.readable].base, 0x5a, 512);
		*(uint8_t *)segments[chain.readable + 1].base = VR_BLK_S_OK;
		vr_device_complete(both.pair.device, chain.handle, lengths[i]);
		assert_int_equal(vr_device_publish(both.pair.device, NULL), 1);
		assert_int_equal(vr_blk_driver_get(both.driver, &result, 1), 1);
		assert_int_equal(result.status, VR_BLK_S_OK);
		assert_int_equal(result.bytes, 512);
		pair_close(&both.pair);
	}
}

/* As many as there are slots; then none; and what comes back makes room. */
static void test_slots(void **state)
{
	struct vr_blk_command commands[6];
	struct vr_blk_request *requests[6];
	struct vr_blk_result results[6];
	struct both both;

	(void)state;
	for (uint64_t i = 0; i < 6; i++)
		commands[i] = (struct vr_blk_command){ .type = VR_BLK_T_FLUSH, .token = i };
	both_open(&both, VR_F_VERSION_1);
	assert_int_equal(vr_blk_driver_add(both.driver, commands, 6), 4);
	assert_int_equal(vr_blk_driver_add(both.driver, commands + 4, 2), 0);
	vr_driver_publish(both.pair.driver);
	assert_int_equal(vr_blk_device_take(both.device, requests, 6), 4);
	vr_blk_device_done(both.device, requests[2], VR_BLK_S_OK);
	vr_device_publish(both.pair.device, NULL);
	assert_int_equal(vr_blk_driver_get(both.driver, results, 6), 1);
	assert_int_equal(results[0].token, 2);
	/* The bad one behind it is found when it is the first. */
	commands[5].sector = 1;
	assert_int_equal(vr_blk_driver_add(both.driver, commands + 4, 2), 1);
	assert_int_equal(vr_blk_driver_add(both.driver, commands + 5, 1), VR_E_INVAL);
	assert_int_equal(vr_blk_driver_busy(both.driver), 4);
	pair_close(&both.pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),       cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_other_commands), cmocka_unit_test(test_wrong_status),
		cmocka_unit_test(test_wrong_length),   cmocka_unit_test(test_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
