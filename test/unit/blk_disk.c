// SPDX-License-Identifier: BSD-3-Clause
/* A disk by io_uring and by plain calls, through the page cache and past it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include <virtring/blk.h>

#define SECTORS 2048u
#define BYTES (SECTORS * 512u)

static char path[128];
static uint8_t model[BYTES + 100]; /* what the file must hold; it ends within a sector */
static uint8_t found[BYTES + 100];

/* The ways to open a disk. */
static const uint32_t ways[] = { 0, VR_BLK_DISK_PLAIN, VR_BLK_DISK_DIRECT,
				 VR_BLK_DISK_DIRECT | VR_BLK_DISK_PLAIN };

static int make_file(void **state)
{
	uint32_t number = 12345;
	int fd;

	(void)state;
	strcpy(path, "/var/tmp/virtring-disk.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	for (size_t i = 0; i < sizeof(model); i++) {
		number = number * 1664525 + 1013904223;
		model[i] = (uint8_t)(number >> 24);
	}
	if (write(fd, model, sizeof(model)) != (ssize_t)sizeof(model))
		return -1;
	return close(fd);
}

static void restore_file(void)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, model, sizeof(model)), sizeof(model));
	close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* NULL where the file system has no O_DIRECT. */
static struct vr_blk_disk *open_disk(uint32_t flags)
{
	struct vr_blk_disk_config config = {
		.struct_size = sizeof(config), .path = path, .flags = flags, .depth = 4
	};
	struct vr_blk_disk_info info;
	struct vr_blk_disk *disk = NULL;
	int error = vr_blk_disk_open(&config, &disk);

	if (error == -EINVAL && flags & VR_BLK_DISK_DIRECT) {
		puts("SKIP: this file system has no O_DIRECT");
		return NULL;
	}
	assert_int_equal(error, 0);
	vr_blk_disk_info(disk, &info);
	assert_int_equal(info.sectors, SECTORS);
	if (flags & VR_BLK_DISK_PLAIN)
		assert_int_equal(info.uring_error, EOPNOTSUPP);
	else if (info.uring_error)
		printf("SKIP: no io_uring here: %s\n", strerror(info.uring_error));
	return disk;
}

/* Waits for one, as a user of the disk would. */
static struct vr_blk_done wait_one(struct vr_blk_disk *disk)
{
	struct vr_blk_done done;

	for (int i = 0; i < 100; i++) {
		struct pollfd fd = { .fd = vr_blk_disk_fd(disk), .events = POLLIN };

		assert_int_equal(vr_blk_disk_start(disk), 0);
		if (vr_blk_disk_reap(disk, &done, 1) == 1)
			return done;
		assert_int_equal(vr_blk_disk_start(disk), 0);
		poll(&fd, 1, 1000);
	}
	fail_msg("nothing came back");
	return done;
}

static uint8_t carry_out(struct vr_blk_disk *disk, struct vr_blk_request *request)
{
	struct vr_blk_done done;

	assert_int_equal(vr_blk_disk_submit(disk, request), 0);
	done = wait_one(disk);
	assert_ptr_equal(done.request, request);
	assert_int_equal(vr_blk_disk_busy(disk), 0);
	return done.status;
}

static void check_file(const char *what)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat about;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &about), 0);
	if (about.st_size != (off_t)sizeof(model))
		fail_msg("%s: the file has %lld bytes", what, (long long)about.st_size);
	assert_int_equal(pread(fd, found, sizeof(found), 0), sizeof(found));
	close(fd);
	for (size_t i = 0; i < sizeof(model); i++)
		if (found[i] != model[i])
			fail_msg("%s: byte %zu is %u instead of %u", what, i, found[i], model[i]);
}

/* Cuts @data into pieces of @len bytes, from an address that is @skew bytes off. */
/* NOLINTNEXTLINE(readability-non-const-parameter): what is read is stored through the pieces */
static uint32_t cut(struct vr_iovec *pieces, uint8_t *data, size_t bytes, size_t len)
{
	uint32_t count = 0;

	for (size_t at = 0; at < bytes; at += len)
		pieces[count++] =
			(struct vr_iovec){ data + at, bytes - at < len ? bytes - at : len };
	return count;
}

/* Lengths and alignments that matter to O_DIRECT, to buffers and to IOV_MAX. */
static const struct {
	uint32_t sector;
	uint32_t bytes;
	uint32_t skew;
	uint32_t len;
} transfers[] = {
	{ 0, 512, 0, 512 },	    { 8, 4096, 0, 4096 },      { 8, 4096, 1, 4096 },
	{ 3, 1536, 7, 100 },	    { 16, 8192, 0, 512 },      { 16, 16384, 3, 4096 },
	{ 24, 4096, 0, 1 },	    { 0, 300 << 10, 9, 4096 }, { 64, 300 << 10, 0, 1000 },
	{ SECTORS - 1, 512, 5, 3 }, { 0, BYTES, 0, BYTES },
};

static void transfer_all(struct vr_blk_disk *disk, uint8_t *memory, struct vr_iovec *pieces)
{
	for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
		uint8_t *data = memory + transfers[i].skew;
		uint8_t *disk_data = model + (size_t)transfers[i].sector * 512;
		struct vr_blk_request request = { .sector = transfers[i].sector,
						  .bytes = transfers[i].bytes,
						  .pieces = pieces };

		request.type = VR_BLK_T_IN;
		request.piece_count = cut(pieces, data, request.bytes, transfers[i].len);
		memset(data, 0, request.bytes);
		data[request.bytes] = 0xcc;
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_OK);
		assert_memory_equal(data, disk_data, request.bytes);
		assert_int_equal(data[request.bytes], 0xcc);
		for (size_t at = 0; at < request.bytes; at++)
			disk_data[at] = data[at] = (uint8_t)(data[at] + 1 + i);
		request.type = VR_BLK_T_OUT;
		request.flags = i % 2 ? VR_BLK_STABLE : 0;
		request.piece_count = cut(pieces, data, request.bytes, transfers[i].len);
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_OK);
		check_file("after a write");
	}
}

static void test_transfers(void **state)
{
	struct vr_iovec *pieces = calloc(8192, sizeof(*pieces));
	uint8_t *memory = aligned_alloc(4096, BYTES + 8192);

	(void)state;
	assert_non_null(pieces);
	assert_non_null(memory);
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct vr_blk_disk *disk = open_disk(ways[way]);

		if (!disk)
			continue;
		transfer_all(disk, memory, pieces);
		vr_blk_disk_close(disk);
	}
	free(memory);
	free(pieces);
}

/* More in flight than the ring has entries. */
static void test_many(void **state)
{
	static uint8_t memory[64][4096];
	static struct vr_blk_request requests[64];
	static struct vr_iovec pieces[64];

	(void)state;
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct vr_blk_disk *disk = open_disk(ways[way]);
		uint64_t seen = 0;

		if (!disk)
			continue;
		for (unsigned int i = 0; i < 64; i++) {
			pieces[i] = (struct vr_iovec){ memory[i], 4096 };
			requests[i] = (struct vr_blk_request){ .type = VR_BLK_T_IN,
							       .sector = i * 9,
							       .bytes = 4096,
							       .pieces = &pieces[i],
							       .piece_count = 1 };
			assert_int_equal(vr_blk_disk_submit(disk, &requests[i]), 0);
		}
		assert_int_equal(vr_blk_disk_busy(disk), 64);
		for (unsigned int i = 0; i < 64; i++) {
			struct vr_blk_done done = wait_one(disk);

			assert_int_equal(done.status, VR_BLK_S_OK);
			seen |= 1ull << (done.request - requests);
		}
		assert_true(seen == UINT64_MAX);
		for (unsigned int i = 0; i < 64; i++)
			assert_memory_equal(memory[i], model + (size_t)i * 9 * 512, 4096);
		vr_blk_disk_close(disk);
	}
}

static void test_zeroes_and_discard(void **state)
{
	static const struct vr_blk_range ranges[3] = { { 100, 3, 0 },
						       { 200, 300, VR_BLK_UNMAP },
						       { SECTORS - 1, 1, 0 } };
	static const struct vr_blk_range nothing = { 5, 0, 0 };
	static const struct vr_blk_range hole = { 808, 64, 0 };

	(void)state;
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct vr_blk_request request = { .type = VR_BLK_T_WRITE_ZEROES,
						  .flags = way % 2 ? VR_BLK_STABLE : 0,
						  .ranges = ranges,
						  .range_count = 3 };
		struct vr_blk_disk *disk = open_disk(ways[way]);
		uint8_t status;

		if (!disk)
			continue;
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_OK);
		for (unsigned int i = 0; i < 3; i++)
			memset(model + ranges[i].sector * 512, 0, (size_t)ranges[i].sectors * 512);
		check_file("after zeroes");
		request.ranges = &nothing;
		request.range_count = 1;
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_OK);
		check_file("after zeroes of nothing");
		request.type = VR_BLK_T_DISCARD;
		request.ranges = &hole;
		status = carry_out(disk, &request);
		/* Not every file system can. */
		assert_true(status == VR_BLK_S_OK || status == VR_BLK_S_UNSUPP);
		if (status == VR_BLK_S_OK)
			memset(model + hole.sector * 512, 0, (size_t)hole.sectors * 512);
		check_file("after a discard");
		request = (struct vr_blk_request){ .type = VR_BLK_T_FLUSH };
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_OK);
		vr_blk_disk_close(disk);
	}
}

/* Whatever the caller says, nothing outside is touched, nor a read-only disk at all. */
static void test_bounds(void **state)
{
	static uint8_t data[1024];
	static const struct vr_blk_range outside = { SECTORS - 1, 2, 0 };
	static const struct vr_blk_range inside = { 0, 1, 0 };

	(void)state;
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct vr_iovec piece = { data, 1024 };
		struct vr_blk_request request = { .type = VR_BLK_T_OUT,
						  .sector = SECTORS - 1,
						  .bytes = 1024,
						  .pieces = &piece,
						  .piece_count = 1 };
		struct vr_blk_disk *disk = open_disk(ways[way]);

		if (!disk)
			continue;
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_IOERR);
		request.sector = UINT64_MAX / 512;
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_IOERR);
		request.type = VR_BLK_T_IN;
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_IOERR);
		request = (struct vr_blk_request){ .type = VR_BLK_T_WRITE_ZEROES,
						   .ranges = &outside,
						   .range_count = 1 };
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_IOERR);
		request.type = 99;
		request.range_count = 0;
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_UNSUPP);
		vr_blk_disk_close(disk);

		disk = open_disk(ways[way] | VR_BLK_DISK_READ_ONLY);
		request = (struct vr_blk_request){ .type = VR_BLK_T_DISCARD,
						   .ranges = &inside,
						   .range_count = 1 };
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_IOERR);
		request = (struct vr_blk_request){ .type = VR_BLK_T_FLUSH };
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_OK);
		vr_blk_disk_close(disk);
		check_file("after what is out of bounds");
	}
}

static uint8_t write_last(struct vr_blk_disk *disk, uint64_t sector)
{
	static uint8_t data[512];
	struct vr_iovec piece = { data, sizeof(data) };
	struct vr_blk_request request = { .type = VR_BLK_T_OUT,
					  .sector = sector,
					  .bytes = sizeof(data),
					  .pieces = &piece,
					  .piece_count = 1 };

	return carry_out(disk, &request);
}

/* Takes the size of a file that has now @bytes bytes. */
static void expect_size(struct vr_blk_disk *disk, off_t bytes)
{
	struct vr_blk_disk_info info;

	assert_int_equal(truncate(path, bytes), 0);
	assert_int_equal(vr_blk_disk_measure(disk), 0);
	vr_blk_disk_info(disk, &info);
	assert_int_equal(info.sectors, bytes / 512);
}

/* A new end counts from when it was looked at: no sector before, none beyond it after. */
static void test_measure(void **state)
{
	(void)state;
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct vr_blk_disk *disk = open_disk(ways[way]);

		if (!disk)
			continue;
		assert_int_equal(truncate(path, 2 * BYTES), 0);
		assert_int_equal(write_last(disk, SECTORS), VR_BLK_S_IOERR);
		expect_size(disk, 2 * BYTES + 511);
		assert_int_equal(write_last(disk, SECTORS), VR_BLK_S_OK);
		assert_int_equal(write_last(disk, 2 * SECTORS - 1), VR_BLK_S_OK);
		assert_int_equal(write_last(disk, 2 * SECTORS), VR_BLK_S_IOERR);
		expect_size(disk, 512);
		assert_int_equal(write_last(disk, 1), VR_BLK_S_IOERR);
		expect_size(disk, 0);
		assert_int_equal(write_last(disk, 0), VR_BLK_S_IOERR);
		vr_blk_disk_close(disk);
		/* As it was, for the others. */
		restore_file();
	}
}

/* A file that is cut while it is served. */
static void test_cut_file(void **state)
{
	static uint8_t data[4096];

	(void)state;
	for (size_t way = 0; way < 2; way++) {
		struct vr_iovec piece = { data, sizeof(data) };
		struct vr_blk_request request = { .type = VR_BLK_T_IN,
						  .sector = SECTORS - 8,
						  .bytes = sizeof(data),
						  .pieces = &piece,
						  .piece_count = 1 };
		struct vr_blk_disk *disk = open_disk(ways[way]);

		assert_int_equal(truncate(path, BYTES - 1000), 0);
		assert_int_equal(carry_out(disk, &request), VR_BLK_S_IOERR);
		vr_blk_disk_close(disk);
		assert_int_equal(truncate(path, BYTES + 100), 0);
		memset(model + BYTES - 1000, 0, 1100);
		check_file("after a cut");
	}
}

/* ---- a block device ---- */

/* A loop device over the file, or false where there is none to be had. */
static bool attach_loop(char *name, size_t room)
{
	char command[160];
	FILE *pipe;
	bool good;

	snprintf(command, sizeof(command), "losetup --show -f %s 2>/dev/null", path);
	/* NOLINTNEXTLINE(cert-env33-c): a test, and a name that it made itself */
	pipe = popen(command, "re");
	assert_non_null(pipe);
	good = fgets(name, (int)room, pipe) != NULL;
	name[strcspn(name, "\n")] = '\0';
	/* Its device number may be one that this place does not let us open. */
	return pclose(pipe) == 0 && good && access(name, R_OK | W_OK) == 0;
}

static void detach_loop(const char *name)
{
	char command[160];

	snprintf(command, sizeof(command), "losetup -d %s", name);
	/* NOLINTNEXTLINE(cert-env33-c): as above */
	assert_int_equal(system(command), 0);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): what is read is stored through the piece */
static uint8_t on_model(struct vr_blk_disk *disk, uint32_t type, uint64_t sector, uint8_t *data,
			size_t bytes)
{
	struct vr_iovec piece = { data, bytes };
	struct vr_blk_request request = {
		.type = type, .sector = sector, .bytes = bytes, .pieces = &piece, .piece_count = 1
	};

	return carry_out(disk, &request);
}

static void use_device(struct vr_blk_disk *disk, uint8_t *data)
{
	static const struct vr_blk_range ranges[2] = { { 100, 24, 0 }, { 128, 64, VR_BLK_UNMAP } };
	struct vr_blk_request zeroes = { .type = VR_BLK_T_WRITE_ZEROES,
					 .ranges = ranges,
					 .range_count = 2 };
	struct vr_blk_request flush = { .type = VR_BLK_T_FLUSH };

	/* Whole blocks and none, from memory that is aligned and that is not. */
	for (unsigned int i = 0; i < 40; i++) {
		uint64_t sector = i * 41 % (SECTORS - 16);
		size_t bytes = 512u << i % 4;
		uint8_t *from = data + i % 3 * 256;

		memset(from, (int)i + 1, bytes);
		assert_int_equal(on_model(disk, VR_BLK_T_OUT, sector, from, bytes), VR_BLK_S_OK);
		memset(model + sector * 512, (int)i + 1, bytes);
		memset(from, 0, bytes);
		assert_int_equal(on_model(disk, VR_BLK_T_IN, sector, from, bytes), VR_BLK_S_OK);
		assert_memory_equal(from, model + sector * 512, bytes);
	}
	assert_int_equal(carry_out(disk, &zeroes), VR_BLK_S_OK);
	for (unsigned int i = 0; i < 2; i++)
		memset(model + ranges[i].sector * 512, 0, (size_t)ranges[i].sectors * 512);
	assert_int_equal(on_model(disk, VR_BLK_T_IN, 96, data, 128 * 512u), VR_BLK_S_OK);
	assert_memory_equal(data, model + 96 * 512u, 128 * 512u);
	assert_int_equal(on_model(disk, VR_BLK_T_OUT, SECTORS, data, 512), VR_BLK_S_IOERR);
	assert_int_equal(carry_out(disk, &flush), VR_BLK_S_OK);
}

static void test_block_device(void **state)
{
	static uint8_t data[128u << 10] __attribute__((aligned(4096)));
	char name[128] = "";
	char file[128];

	(void)state;
	if (!attach_loop(name, sizeof(name))) {
		printf("SKIP: losetup gives no loop device here\n");
		skip();
	}
	strcpy(file, path);
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		struct vr_blk_disk_info info;
		struct vr_blk_disk *disk;

		strcpy(path, name);
		disk = open_disk(ways[way]);
		strcpy(path, file);
		assert_non_null(disk);
		vr_blk_disk_info(disk, &info);
		assert_true(info.block_size >= 512 && info.physical_size >= info.block_size);
		use_device(disk, data);
		vr_blk_disk_close(disk);
		check_file("under a block device");
	}
	detach_loop(name);
}

/* ---- what it cannot do ---- */

/* Nobody can make the ring do more than it was made for, not even its own process. */
static void test_restricted_ring(void **state)
{
	struct vr_blk_disk *disk = open_disk(0);
	struct vr_blk_disk_info info;

	(void)state;
	vr_blk_disk_info(disk, &info);
	if (info.uring_error) {
		vr_blk_disk_close(disk);
		skip();
	}
	/* 0: buffers; 2: files; 10: restrictions, again. */
	for (unsigned int what = 0; what <= 10; what += what ? 8 : 2) {
		struct iovec memory = { found, 4096 };

		assert_int_equal(
			syscall(SYS_io_uring_register, vr_blk_disk_fd(disk), what, &memory, 1), -1);
		assert_true(errno == EACCES || errno == EBADFD);
	}
	vr_blk_disk_close(disk);
}

static void cannot_open(const char *name, uint32_t flags, int error)
{
	struct vr_blk_disk_config config = { .struct_size = sizeof(config),
					     .path = name,
					     .flags = flags };
	struct vr_blk_disk *disk;

	assert_int_equal(vr_blk_disk_open(&config, &disk), error);
}

static void test_open(void **state)
{
	char fifo[144];

	(void)state;
	snprintf(fifo, sizeof(fifo), "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	cannot_open(fifo, 0, -ENOTBLK);
	unlink(fifo);
	cannot_open("/", VR_BLK_DISK_READ_ONLY, -ENOTBLK);
	cannot_open("/", 0, -EISDIR);
	cannot_open("/dev/null", 0, -ENOTBLK);
	cannot_open("/nowhere/at/all", 0, -ENOENT);
	cannot_open(NULL, 0, -EINVAL);
	cannot_open(path, 8, -EINVAL);
	vr_blk_disk_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_zeroes_and_discard),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_cut_file),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_restricted_ring),
		cmocka_unit_test(test_block_device),
		cmocka_unit_test(test_measure),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
