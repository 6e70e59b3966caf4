// SPDX-License-Identifier: BSD-3-Clause
/* The device's half of virtio-blk: every way to cut a request, and every way to get one wrong. */
#include "blk_pair.h"

/* The clauses that are held here: BLK-DRV-001, BLK-DEV-001, -002, -005, -006. */

#define NOBODY 0xeeu

/* A request in shared memory: what is readable, then what is writable. */
struct raw_request {
	uint8_t *out;
	uint8_t *in;
	uint32_t out_bytes;
	uint32_t in_bytes;
};

static struct raw_request make(struct pair *pair, uint32_t type, uint64_t sector, uint32_t more,
			       uint32_t in_bytes)
{
	struct raw_request raw = { .out_bytes = 16 + more, .in_bytes = in_bytes };

	raw.out = pair_alloc(pair, raw.out_bytes);
	raw.in = pair_alloc(pair, in_bytes + 1);
	memset(raw.out, 0x5a, raw.out_bytes);
	memset(raw.in, NOBODY, in_bytes + 1);
	put_header(raw.out, type, sector);
	return raw;
}

/* One or two segments; the second one begins at @cut. */
static uint16_t cut_at(const struct pair *pair, struct vr_segment *segments, const uint8_t *data,
		       uint32_t bytes, uint32_t cut)
{
	uint64_t addr = pair_addr(pair, data);

	if (bytes == 0)
		return 0;
	if (cut == 0 || cut >= bytes) {
		segments[0] = (struct vr_segment){ .addr = addr, .len = bytes };
		return 1;
	}
	segments[0] = (struct vr_segment){ .addr = addr, .len = cut };
	segments[1] = (struct vr_segment){ .addr = addr + cut, .len = bytes - cut };
	return 2;
}

static void send_cut(struct pair *pair, const struct raw_request *raw, uint32_t out_cut,
		     uint32_t in_cut)
{
	struct vr_segment segments[4];
	uint16_t out = cut_at(pair, segments, raw->out, raw->out_bytes, out_cut);
	uint16_t in = cut_at(pair, segments + out, raw->in, raw->in_bytes, in_cut);

	pair_add(pair, segments, out, in);
}

static uint32_t used_length(struct pair *pair)
{
	struct vr_used used;

	assert_int_equal(vr_device_publish(pair->device, NULL), 1);
	assert_int_equal(vr_driver_get(pair->driver, &used, 1), 1);
	return used.len;
}

static uint64_t pieces_total(const struct vr_blk_request *request)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < request->piece_count; i++)
		sum += request->pieces[i].len;
	return sum;
}

/* A write whose header and data are cut at every byte. */
static void write_cut(uint64_t features, uint32_t cut)
{
	struct vr_blk_device_config config = { .features = features | ALL_FEATURES };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;

	pair_open(&pair, features);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, VR_BLK_T_OUT, 7, 512, 1);
	send_cut(&pair, &raw, cut, 0);
	assert_int_equal(vr_blk_device_take(device, &request, 1), 1);
	assert_int_equal(request->type, VR_BLK_T_OUT);
	assert_int_equal(request->sector, 7);
	assert_int_equal(request->bytes, 512);
	assert_int_equal(request->flags, 0);
	assert_int_equal(pieces_total(request), 512);
	assert_ptr_equal(request->pieces[0].base, raw.out + 16);
	assert_int_equal(raw.in[0], NOBODY);
	assert_int_equal(vr_blk_device_done(device, request, VR_BLK_S_OK), 0);
	assert_int_equal(raw.in[0], VR_BLK_S_OK);
	assert_int_equal(used_length(&pair), 1);
	assert_int_equal(vr_blk_device_done(device, request, VR_BLK_S_OK), VR_E_STALE);
	assert_int_equal(vr_blk_device_busy(device), 0);
	pair_close(&pair);
}

/* A read whose data and status are cut at every byte; the status is always the last one. */
static void read_cut(uint64_t features, uint32_t cut)
{
	struct vr_blk_device_config config = { .features = features | ALL_FEATURES };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;

	pair_open(&pair, features);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, VR_BLK_T_IN, DISK_SECTORS - 1, 0, 513);
	send_cut(&pair, &raw, cut % 16, cut);
	assert_int_equal(vr_blk_device_take(device, &request, 1), 1);
	assert_int_equal(request->bytes, 512);
	assert_int_equal(pieces_total(request), 512);
	for (uint32_t i = 0; i < request->piece_count; i++)
		memset(request->pieces[i].base, 0x11, request->pieces[i].len);
	assert_int_equal(raw.in[512], NOBODY);
	vr_blk_device_done(device, request, VR_BLK_S_OK);
	assert_int_equal(raw.in[511], 0x11);
	assert_int_equal(raw.in[512], VR_BLK_S_OK);
	assert_int_equal(raw.in[513], NOBODY);
	assert_int_equal(used_length(&pair), 513);
	pair_close(&pair);
}

static void test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		for (uint32_t cut = 1; cut <= 16 + 512; cut++)
			write_cut(pair_forms[form], cut);
		for (uint32_t cut = 1; cut <= 513; cut++)
			read_cut(pair_forms[form], cut);
	}
}

/* What is wrong with a request, and what it gets. */
struct bad {
	const char *what;
	uint32_t type;
	uint64_t sector;
	uint32_t more; /* readable bytes behind the header */
	uint32_t in; /* writable bytes, the status included */
	uint8_t status;
	uint32_t length;
};

static const struct bad bad_requests[] = {
	{ "read of 511 bytes", VR_BLK_T_IN, 0, 0, 512, VR_BLK_S_IOERR, 0 },
	{ "read of 513 bytes", VR_BLK_T_IN, 0, 0, 514, VR_BLK_S_IOERR, 0 },
	{ "write of 511 bytes", VR_BLK_T_OUT, 0, 511, 1, VR_BLK_S_IOERR, 1 },
	{ "read at the end", VR_BLK_T_IN, DISK_SECTORS, 0, 513, VR_BLK_S_IOERR, 0 },
	{ "read across the end", VR_BLK_T_IN, DISK_SECTORS - 1, 0, 1025, VR_BLK_S_IOERR, 0 },
	{ "write at the end", VR_BLK_T_OUT, DISK_SECTORS, 512, 1, VR_BLK_S_IOERR, 1 },
	{ "write across the end", VR_BLK_T_OUT, DISK_SECTORS - 1, 1024, 1, VR_BLK_S_IOERR, 1 },
	{ "sector 2^64-1", VR_BLK_T_IN, UINT64_MAX, 0, 513, VR_BLK_S_IOERR, 0 },
	{ "sector whose byte offset is 2^64", VR_BLK_T_OUT, 1ull << 55, 512, 1, VR_BLK_S_IOERR, 1 },
	{ "sector that becomes 0 with its length", VR_BLK_T_OUT, UINT64_MAX, 1024, 1,
	  VR_BLK_S_IOERR, 1 },
	{ "nothing, beyond the end", VR_BLK_T_IN, DISK_SECTORS + 1, 0, 1, VR_BLK_S_IOERR, 1 },
	{ "nothing, at the end", VR_BLK_T_IN, DISK_SECTORS, 0, 1, VR_BLK_S_OK, 1 },
	{ "read with data to write", VR_BLK_T_IN, 0, 512, 513, VR_BLK_S_IOERR, 0 },
	{ "write with room to read", VR_BLK_T_OUT, 0, 512, 513, VR_BLK_S_IOERR, 0 },
	{ "flush with data", VR_BLK_T_FLUSH, 0, 512, 1, VR_BLK_S_IOERR, 1 },
	{ "flush with room", VR_BLK_T_FLUSH, 0, 0, 9, VR_BLK_S_IOERR, 0 },
	{ "identity of 19 bytes", VR_BLK_T_GET_ID, 0, 0, 20, VR_BLK_S_IOERR, 0 },
	{ "identity of 21 bytes", VR_BLK_T_GET_ID, 0, 0, 22, VR_BLK_S_IOERR, 0 },
	{ "identity", VR_BLK_T_GET_ID, 0, 0, 21, VR_BLK_S_OK, 21 },
	{ "discard of nothing", VR_BLK_T_DISCARD, 0, 0, 1, VR_BLK_S_IOERR, 1 },
	{ "discard of 15 bytes", VR_BLK_T_DISCARD, 0, 15, 1, VR_BLK_S_IOERR, 1 },
	{ "discard of 5 ranges", VR_BLK_T_DISCARD, 0, 80, 1, VR_BLK_S_IOERR, 1 },
	{ "zeroes of 17 bytes", VR_BLK_T_WRITE_ZEROES, 0, 17, 1, VR_BLK_S_IOERR, 1 },
	{ "secure erase", 14, 0, 16, 1, VR_BLK_S_UNSUPP, 1 },
	{ "zone append", 15, 0, 512, 9, VR_BLK_S_UNSUPP, 0 },
	{ "zone report", 16, 0, 0, 513, VR_BLK_S_UNSUPP, 0 },
	{ "zone reset of all", 26, 0, 0, 1, VR_BLK_S_UNSUPP, 1 },
	{ "SCSI command", 2, 0, 96, 1, VR_BLK_S_UNSUPP, 1 },
	{ "type 2^32-1", UINT32_MAX, 0, 0, 1, VR_BLK_S_UNSUPP, 1 },
};

static void refuse_one(const struct bad *bad, uint64_t features)
{
	struct vr_blk_device_config config = { .features = features | ALL_FEATURES };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;
	uint32_t length;

	pair_open(&pair, features);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, bad->type, bad->sector, bad->more, bad->in);
	send_cut(&pair, &raw, 5, 0);
	if (vr_blk_device_take(device, &request, 1) != 0)
		fail_msg("%s was taken", bad->what);
	length = used_length(&pair);
	if (raw.in[bad->in - 1] != bad->status || length != bad->length)
		fail_msg("%s: status %u, length %u", bad->what, raw.in[bad->in - 1], length);
	pair_close(&pair);
}

static void test_bad_requests(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++)
		for (size_t i = 0; i < sizeof(bad_requests) / sizeof(bad_requests[0]); i++)
			refuse_one(&bad_requests[i], pair_forms[form]);
}

/* A header of fewer than 16 bytes has a status all the same. */
static void test_short_header(void **state)
{
	(void)state;
	for (uint32_t bytes = 0; bytes < 16; bytes++) {
		struct vr_blk_device_config config = { .features = ALL_FEATURES };
		struct vr_blk_request *request;
		struct vr_blk_device *device;
		struct vr_blk_stats stats;
		struct raw_request raw;
		struct pair pair;

		pair_open(&pair, VR_F_VERSION_1);
		device = pair_blk_device(&pair, &config);
		raw = make(&pair, VR_BLK_T_FLUSH, 0, 0, 1);
		raw.out_bytes = bytes;
		send_cut(&pair, &raw, 0, 0);
		assert_int_equal(vr_blk_device_take(device, &request, 1), 0);
		assert_int_equal(used_length(&pair), 1);
		assert_int_equal(raw.in[0], VR_BLK_S_IOERR);
		vr_blk_device_stats(device, &stats);
		assert_int_equal(stats.malformed, 1);
		pair_close(&pair);
	}
}

/* Who cannot be answered breaks the queue, and what is in flight can still be put away. */
static void test_no_status(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		struct vr_blk_device_config config = { .features = ALL_FEATURES };
		struct vr_blk_request *requests[4];
		struct vr_blk_device *device;
		struct vr_blk_stats stats;
		struct raw_request raw;
		struct vr_fault fault;
		struct pair pair;

		pair_open(&pair, pair_forms[form]);
		device = pair_blk_device(&pair, &config);
		raw = make(&pair, VR_BLK_T_FLUSH, 0, 0, 1);
		send_cut(&pair, &raw, 0, 0);
		raw = make(&pair, VR_BLK_T_OUT, 0, 512, 0);
		send_cut(&pair, &raw, 0, 0);
		assert_int_equal(vr_blk_device_take(device, requests, 4), 1);
		assert_int_equal(vr_blk_device_take(device, requests + 1, 3), VR_E_BROKEN);
		vr_blk_device_stats(device, &stats);
		assert_int_equal(stats.fault, VR_BLK_FAULT_STATUS);
		assert_string_not_equal(vr_blk_fault_text(stats.fault), "unknown fault");
		assert_true(vr_device_fault(pair.device, &fault));
		assert_int_equal(vr_blk_device_busy(device), 1);
		vr_blk_device_done(device, requests[0], VR_BLK_S_OK);
		assert_int_equal(vr_blk_device_busy(device), 0);
		assert_int_equal(vr_device_publish(pair.device, NULL), VR_E_BROKEN);
		pair_close(&pair);
	}
}

/* Readable after writable is refused by the core; nothing of it is looked at. */
static void test_readable_after_writable(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++) {
		struct vr_blk_device_config config = { .features = ALL_FEATURES };
		bool packed = pair_forms[form] & VR_F_RING_PACKED;
		struct vr_blk_request *request;
		struct vr_blk_device *device;
		struct raw_request raw;
		struct pair pair;
		uint8_t *flags;

		pair_open(&pair, pair_forms[form]);
		device = pair_blk_device(&pair, &config);
		raw = make(&pair, VR_BLK_T_FLUSH, 0, 0, 1);
		send_cut(&pair, &raw, 0, 0);
		flags = (uint8_t *)pair.ring.descriptors.host + (packed ? 14 : 12);
		flags[0] |= 2;
		flags[16] &= (uint8_t)~2u;
		assert_int_equal(vr_blk_device_take(device, &request, 1), VR_E_BROKEN);
		assert_int_equal(vr_blk_device_busy(device), 0);
		pair_close(&pair);
	}
}

/* One range of a discard or of zeroes, and what it gets. */
struct range_case {
	const char *what;
	struct vr_blk_range range;
	uint64_t features; /* left out of ALL_FEATURES */
	uint32_t type;
	bool read_only;
	uint8_t status; /* OK: taken */
};

static const struct range_case range_cases[] = {
	{ "discard", { 10, 64, 0 }, 0, VR_BLK_T_DISCARD, false, VR_BLK_S_OK },
	{ "discard of the end", { 999, 1, 0 }, 0, VR_BLK_T_DISCARD, false, VR_BLK_S_OK },
	{ "discard beyond the end", { 999, 2, 0 }, 0, VR_BLK_T_DISCARD, false, VR_BLK_S_IOERR },
	{ "discard far away", { UINT64_MAX, 2, 0 }, 0, VR_BLK_T_DISCARD, false, VR_BLK_S_IOERR },
	{ "discard of too much", { 0, 65, 0 }, 0, VR_BLK_T_DISCARD, false, VR_BLK_S_IOERR },
	{ "discard, unmap", { 0, 1, 1 }, 0, VR_BLK_T_DISCARD, false, VR_BLK_S_UNSUPP },
	{ "discard, flag 31", { 0, 1, 1u << 31 }, 0, VR_BLK_T_DISCARD, false, VR_BLK_S_UNSUPP },
	{ "discard, not negotiated",
	  { 0, 1, 0 },
	  VR_BLK_F_DISCARD,
	  VR_BLK_T_DISCARD,
	  false,
	  VR_BLK_S_UNSUPP },
	{ "discard, read-only", { 0, 1, 0 }, 0, VR_BLK_T_DISCARD, true, VR_BLK_S_IOERR },
	{ "zeroes", { 0, 64, 0 }, 0, VR_BLK_T_WRITE_ZEROES, false, VR_BLK_S_OK },
	{ "zeroes, unmap", { 0, 64, 1 }, 0, VR_BLK_T_WRITE_ZEROES, false, VR_BLK_S_OK },
	{ "zeroes, flag 1", { 0, 64, 2 }, 0, VR_BLK_T_WRITE_ZEROES, false, VR_BLK_S_UNSUPP },
	{ "zeroes of too much", { 0, 65, 0 }, 0, VR_BLK_T_WRITE_ZEROES, false, VR_BLK_S_IOERR },
	{ "zeroes, not negotiated",
	  { 0, 1, 0 },
	  VR_BLK_F_WRITE_ZEROES,
	  VR_BLK_T_WRITE_ZEROES,
	  false,
	  VR_BLK_S_UNSUPP },
	{ "zeroes, read-only", { 0, 1, 0 }, 0, VR_BLK_T_WRITE_ZEROES, true, VR_BLK_S_IOERR },
};

static void one_range(const struct range_case *c)
{
	struct vr_blk_device_config config = { .features = ALL_FEATURES & ~c->features,
					       .read_only = c->read_only };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;
	int got;

	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, c->type, 0, 16, 1);
	put64(raw.out + 16, c->range.sector);
	put32(raw.out + 24, c->range.sectors);
	put32(raw.out + 28, c->range.flags);
	send_cut(&pair, &raw, 21, 0);
	got = vr_blk_device_take(device, &request, 1);
	if (got != (c->status == VR_BLK_S_OK))
		fail_msg("%s: take answered %d, status %u", c->what, got, raw.in[0]);
	if (got == 1) {
		/* What is carried out is the copy; the driver may write what it likes. */
		memset(raw.out, 0xff, raw.out_bytes);
		assert_int_equal(request->range_count, 1);
		assert_memory_equal(&request->ranges[0], &c->range, sizeof(c->range));
		vr_blk_device_done(device, request, VR_BLK_S_OK);
	}
	assert_int_equal(used_length(&pair), 1);
	if (raw.in[0] != c->status)
		fail_msg("%s: status %u", c->what, raw.in[0]);
	pair_close(&pair);
}

static void test_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(range_cases) / sizeof(range_cases[0]); i++)
		one_range(&range_cases[i]);
}

static void test_read_only_and_stable(void **state)
{
	struct vr_blk_device_config config = { .read_only = true };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, VR_BLK_T_OUT, 0, 512, 1);
	send_cut(&pair, &raw, 0, 0);
	assert_int_equal(vr_blk_device_take(device, &request, 1), 0);
	assert_int_equal(raw.in[0], VR_BLK_S_IOERR);
	assert_int_equal(used_length(&pair), 1);
	pair_close(&pair);

	/* Without FLUSH a write is only done when it lasts. */
	config.read_only = false;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, VR_BLK_T_OUT, 0, 512, 1);
	send_cut(&pair, &raw, 0, 0);
	assert_int_equal(vr_blk_device_take(device, &request, 1), 1);
	assert_int_equal(request->flags, VR_BLK_STABLE);
	vr_blk_device_done(device, request, VR_BLK_S_IOERR);
	assert_int_equal(raw.in[0], VR_BLK_S_IOERR);
	assert_int_equal(used_length(&pair), 1);
	pair_close(&pair);
}

/* Sends a write of the last sector and tells whether it is to be carried out. */
static bool takes_sector(struct pair *pair, struct vr_blk_device *device, uint64_t sector,
			 struct raw_request *raw, struct vr_blk_request **request)
{
	*raw = make(pair, VR_BLK_T_OUT, sector, 512, 1);
	send_cut(pair, raw, 0, 0);
	return vr_blk_device_take(device, request, 1) == 1;
}

/* What was taken before is finished, what comes after is judged by the new size. */
static void test_resize(void **state)
{
	struct vr_blk_device_config config = { .features = ALL_FEATURES };
	struct vr_blk_request *request, *other;
	struct vr_blk_device *device;
	struct raw_request raw, next;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	assert_false(takes_sector(&pair, device, DISK_SECTORS, &raw, &request));
	assert_int_equal(raw.in[0], VR_BLK_S_IOERR);
	vr_blk_device_resize(device, DISK_SECTORS + 1);
	assert_true(takes_sector(&pair, device, DISK_SECTORS, &raw, &request));
	vr_blk_device_resize(device, DISK_SECTORS);
	assert_false(takes_sector(&pair, device, DISK_SECTORS, &next, &other));
	assert_int_equal(next.in[0], VR_BLK_S_IOERR);
	vr_blk_device_resize(device, 0);
	assert_false(takes_sector(&pair, device, 0, &next, &other));
	assert_int_equal(vr_blk_device_busy(device), 1);
	assert_int_equal(vr_blk_device_done(device, request, VR_BLK_S_OK), 0);
	assert_int_equal(raw.in[0], VR_BLK_S_OK);
	pair_close(&pair);
}

/* A driver that can flush decides by the writeback field, if it has been told of it. */
static void test_write_through(void **state)
{
	struct vr_blk_device_config config = { .features = ALL_FEATURES, .write_through = true };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	for (unsigned int i = 0; i < 3; i++) {
		if (i > 0)
			vr_blk_device_write_through(device, i == 2);
		raw = make(&pair, VR_BLK_T_OUT, 0, 512, 1);
		send_cut(&pair, &raw, 0, 0);
		assert_int_equal(vr_blk_device_take(device, &request, 1), 1);
		assert_int_equal(request->flags, i == 1 ? 0 : VR_BLK_STABLE);
		vr_blk_device_done(device, request, VR_BLK_S_OK);
		assert_int_equal(raw.in[0], VR_BLK_S_OK);
		assert_int_equal(used_length(&pair), 1);
	}
	pair_close(&pair);
}

/* Answered in reverse; each driver gets its own status, in order or not. */
static void any_order(uint64_t features)
{
	struct vr_blk_device_config config = { .features = ALL_FEATURES };
	struct vr_blk_request *requests[4];
	struct raw_request raw[4];
	struct vr_blk_device *device;
	struct vr_blk_stats stats;
	struct vr_used used[4];
	struct pair pair;

	pair_open(&pair, features);
	device = pair_blk_device(&pair, &config);
	for (unsigned int i = 0; i < 4; i++) {
		raw[i] = make(&pair, VR_BLK_T_IN, i, 0, 513);
		send_cut(&pair, &raw[i], 0, 100);
	}
	assert_int_equal(vr_blk_device_take(device, requests, 4), 4);
	for (unsigned int i = 4; i-- > 0;)
		vr_blk_device_done(device, requests[i], i == 2 ? VR_BLK_S_IOERR : VR_BLK_S_OK);
	assert_int_equal(vr_device_publish(pair.device, NULL), 4);
	assert_int_equal(vr_driver_get(pair.driver, used, 4), 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(raw[i].in[512], i == 2 ? VR_BLK_S_IOERR : VR_BLK_S_OK);
	assert_int_equal((uint64_t)used[0].len + used[1].len + used[2].len + used[3].len, 3 * 513);
	vr_blk_device_stats(device, &stats);
	assert_int_equal(stats.reads, 3);
	assert_int_equal(stats.read_bytes, 3 * 512);
	assert_int_equal(stats.failed, 1);
	pair_close(&pair);
}

static void test_any_order(void **state)
{
	(void)state;
	for (size_t form = 0; form < PAIR_FORMS; form++)
		any_order(pair_forms[form]);
}

/* Room for one long request at a time; a second one waits, and one beyond all bounds is refused. */
static void test_long_chains(void **state)
{
	struct vr_blk_device_config config = {
		.features = ALL_FEATURES, .requests = 4, .segments = 3, .max_chain = 7
	};
	struct vr_blk_request *requests[4];
	struct vr_segment segments[8];
	struct vr_blk_device *device;
	struct vr_blk_stats stats;
	struct raw_request raw;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, VR_BLK_T_OUT, 0, 512, 1);
	segments[0] = (struct vr_segment){ .addr = pair_addr(&pair, raw.out), .len = 16 };
	for (unsigned int i = 1; i < 7; i++)
		segments[i] = (struct vr_segment){ .addr = segments[0].addr + 16 + 128 * (i - 1),
						   .len = 128 };
	segments[5] = (struct vr_segment){ .addr = pair_addr(&pair, raw.in), .len = 1 };
	pair_add(&pair, segments, 5, 1);
	pair_add(&pair, segments, 5, 1);
	assert_int_equal(vr_blk_device_take(device, requests, 4), 1);
	assert_int_equal(requests[0]->piece_count, 4);
	assert_int_equal(vr_blk_device_take(device, requests + 1, 3), VR_E_BUSY);
	vr_blk_device_done(device, requests[0], VR_BLK_S_OK);
	assert_int_equal(vr_blk_device_take(device, requests + 1, 3), 1);
	vr_blk_device_done(device, requests[1], VR_BLK_S_OK);
	pair_close(&pair);

	config.max_chain = 5;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	pair_add(&pair, segments, 5, 1);
	assert_int_equal(vr_blk_device_take(device, requests, 4), VR_E_BROKEN);
	vr_blk_device_stats(device, &stats);
	assert_int_equal(stats.fault, VR_BLK_FAULT_SEGMENTS);
	pair_close(&pair);
}

static void test_no_room(void **state)
{
	struct vr_blk_device_config config = { .features = ALL_FEATURES, .requests = 1 };
	struct vr_blk_request *requests[4];
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	assert_int_equal(vr_blk_device_take(device, requests, 4), 0);
	raw = make(&pair, VR_BLK_T_FLUSH, 0, 0, 1);
	send_cut(&pair, &raw, 0, 0);
	send_cut(&pair, &raw, 0, 0);
	assert_int_equal(vr_blk_device_take(device, requests, 4), 1);
	assert_int_equal(vr_blk_device_take(device, requests + 1, 3), VR_E_BUSY);
	vr_blk_device_done(device, requests[0], VR_BLK_S_OK);
	assert_int_equal(vr_blk_device_take(device, requests, 4), 1);
	pair_close(&pair);
}

/* Types that are not offered: lifetimes, secure erase, zones, SCSI, and what nobody knows. */
static void test_unknown_types(void **state)
{
	static const uint32_t types[] = { 2,  3,  10, 14, 15, 16, 17,
					  18, 20, 22, 24, 26, 99, UINT32_MAX };
	struct vr_blk_device_config config = { .features = ALL_FEATURES };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct vr_blk_stats stats;
	struct raw_request raw;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		raw = make(&pair, types[i], 0, 0, 1);
		send_cut(&pair, &raw, 0, 0);
		assert_int_equal(vr_blk_device_take(device, &request, 1), 0);
		assert_int_equal(raw.in[0], VR_BLK_S_UNSUPP);
		assert_int_equal(used_length(&pair), 1);
	}
	vr_blk_device_stats(device, &stats);
	assert_int_equal(stats.unsupported, sizeof(types) / sizeof(types[0]));
	pair_close(&pair);
}

/* However many bad requests wait, one take looks at a bounded number. */
static void test_bounded(void **state)
{
	struct vr_blk_device_config config = { .features = ALL_FEATURES };
	struct vr_blk_request *request;
	struct vr_blk_device *device;
	struct raw_request raw;
	struct pair pair;

	(void)state;
	pair_open(&pair, VR_F_VERSION_1);
	device = pair_blk_device(&pair, &config);
	raw = make(&pair, 99, 0, 0, 1);
	for (unsigned int i = 0; i < 8; i++)
		send_cut(&pair, &raw, 0, 0);
	assert_int_equal(vr_blk_device_take(device, &request, 1), 0);
	assert_int_equal(vr_device_publish(pair.device, NULL), 4);
	assert_true(vr_device_arm(pair.device, NULL));
	assert_int_equal(vr_blk_device_take(device, &request, 1), 0);
	assert_int_equal(vr_device_publish(pair.device, NULL), 4);
	assert_false(vr_device_arm(pair.device, NULL));
	pair_close(&pair);
}

static void test_config(void **state)
{
	struct vr_blk_device_config config = { .struct_size = sizeof(config) };
	struct vr_blk_device *device;
	_Alignas(64) static uint8_t memory[1 << 17];

	(void)state;
	assert_true(vr_blk_device_size(&config) > 0);
	assert_int_equal(vr_blk_device_init(memory, sizeof(memory), &config, &device), VR_E_INVAL);
	config.segments = 2;
	assert_int_equal(vr_blk_device_size(&config), 0);
	config.segments = 32771;
	assert_int_equal(vr_blk_device_size(&config), 0);
	config.segments = 0;
	config.requests = 32769;
	assert_int_equal(vr_blk_device_size(&config), 0);
	config.requests = 0;
	config.struct_size--;
	assert_int_equal(vr_blk_device_size(&config), 0);
}

static void test_space(void **state)
{
	const uint64_t all = VR_BLK_FEATURES;
	struct vr_blk_space space = { .capacity = 0x0123456789abcdef,
				      .size_max = 0x11121314,
				      .seg_max = 0x21222324,
				      .blk_size = 4096,
				      .physical_block_exp = 3,
				      .alignment_offset = 4,
				      .min_io_size = 0x3132,
				      .opt_io_size = 0x41424344,
				      .writeback = 1,
				      .num_queues = 0x5152,
				      .max_discard_sectors = 0x61626364,
				      .max_discard_seg = 7,
				      .discard_sector_alignment = 8,
				      .max_write_zeroes_sectors = 0x71727374,
				      .max_write_zeroes_seg = 9,
				      .write_zeroes_may_unmap = 1 };
	uint8_t wire[VR_BLK_SPACE_BYTES];
	uint8_t again[VR_BLK_SPACE_BYTES];
	struct vr_blk_space back;

	(void)state;
	vr_blk_space_encode(&space, all, wire);
	assert_int_equal(wire[0], 0xef);
	assert_int_equal(wire[8], 0x14);
	assert_int_equal(wire[24], 3);
	assert_int_equal(wire[VR_BLK_SPACE_WRITEBACK], 1);
	assert_int_equal(wire[34], 0x52);
	assert_int_equal(wire[56], 1);
	vr_blk_space_decode(&back, all, wire);
	vr_blk_space_encode(&back, all, again);
	assert_memory_equal(again, wire, sizeof(wire));
	assert_int_equal(back.max_write_zeroes_sectors, space.max_write_zeroes_sectors);
	vr_blk_space_encode(&space, 0, wire);
	for (unsigned int i = 8; i < sizeof(wire); i++)
		assert_int_equal(wire[i], 0);
	vr_blk_space_decode(&back, 0, wire);
	assert_int_equal(back.capacity, space.capacity);
	assert_int_equal(back.blk_size, 512);
	assert_int_equal(back.num_queues, 1);
	assert_int_equal(back.writeback, 0);
	/* Who can flush and not ask has a cache. */
	vr_blk_space_decode(&back, VR_BLK_F_FLUSH, wire);
	assert_int_equal(back.writeback, 1);
	vr_blk_space_decode(&back, VR_BLK_F_FLUSH | VR_BLK_F_CONFIG_WCE, wire);
	assert_int_equal(back.writeback, 0);
	assert_int_equal(back.max_discard_seg, 0);
	assert_int_equal(vr_blk_space_bytes(0), 8);
	assert_int_equal(vr_blk_space_bytes(VR_BLK_F_MQ | VR_BLK_F_SEG_MAX), 36);
	assert_int_equal(vr_blk_space_bytes(VR_BLK_F_CONFIG_WCE | VR_BLK_F_TOPOLOGY), 33);
	assert_int_equal(vr_blk_space_bytes(all), 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_short_header),
		cmocka_unit_test(test_no_status),
		cmocka_unit_test(test_readable_after_writable),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_read_only_and_stable),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_write_through),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_long_chains),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
