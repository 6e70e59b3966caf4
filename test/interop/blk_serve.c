// SPDX-License-Identifier: BSD-3-Clause
/* `virtring serve blk` under our own client: all four forms, several queues, both caches. */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "tool/blk_session.h"

#define DEPTH 64u
#define AREA 32u /* sectors that one slot has for itself */

static const char *const masks[] = { "RING_PACKED,IN_ORDER", "RING_PACKED", "IN_ORDER", "" };
static const uint64_t mask_bits[] = { VR_F_RING_PACKED | VR_F_IN_ORDER, VR_F_RING_PACKED,
				      VR_F_IN_ORDER, 0 };

static struct program server;

/* Every case here runs in the sandbox; one that needs more ends with a line that names the call. */
static void check_sandboxed(void)
{
	char path[64];
	char line[128];
	bool filtered = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)server.pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		filtered = filtered || !strcmp(line, "Seccomp:\t2\n");
	fclose(file);
	assert_true(filtered);
}

static void start_server(const char *first, const char *second)
{
	const char *argv[] = { VIRTRING_TOOL, "serve",	  "blk", "--socket", socket_path, "--image",
			       image_path,    "--queues", "4",	 first,	     second,	  NULL };

	program_start(&server, argv);
	assert_true(program_wait(&server, "offering: ", 60000));
	check_sandboxed();
}

/* SIGTERM: it ends by itself, with 0. */
static int stop_server(void **state)
{
	int status = -1;

	(void)state;
	kill(server.pid, SIGTERM);
	for (int i = 0; i < 200; i++) {
		if (waitpid(server.pid, &status, WNOHANG) == server.pid)
			break;
		usleep(50000);
	}
	program_read(&server);
	fputs(server.text, stdout);
	close(server.in);
	close(server.out);
	return status == 0 ? 0 : -1;
}

static void all_forms(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		write_and_verify(masks[i], 1, 3 + i);
		write_and_verify(masks[i], 4, 8 + i);
	}
}

static void test_writeback(void **state)
{
	(void)state;
	start_server("--cache", "writeback");
	assert_int_equal(client("blk info --socket %s --json", socket_path), 0);
	all_forms();
}

static void test_direct(void **state)
{
	(void)state;
	start_server("--cache", "none");
	all_forms();
}

static void test_plain(void **state)
{
	(void)state;
	start_server("--no-uring", NULL);
	all_forms();
}

/* Without FLUSH every write lasts; without a thing beyond VERSION_1 it works too. */
static void test_bare(void **state)
{
	(void)state;
	start_server("--mask", "FLUSH,INDIRECT_DESC,EVENT_IDX,SEG_MAX,TOPOLOGY,BLK_SIZE,DISCARD");
	all_forms();
}

static void test_read_only(void **state)
{
	(void)state;
	start_server("--read-only", NULL);
	assert_int_equal(client("blk write --socket %s %s", socket_path, data_path), 2);
	assert_int_equal(client("blk verify --socket %s %s", socket_path, image_path), 0);
}

static void open_session(struct session *s)
{
	const struct session_options options = {
		.path = socket_path, .queues = 1, .size = 64, .depth = 1, .block = 4096
	};
	char error[TOOL_TEXT] = "";

	if (session_open(s, &options, error))
		fail_msg("%s", error);
}

static int write_space(struct session *s, uint32_t offset, const void *data, uint32_t size)
{
	return vr_vu_frontend_set_config(s->frontend, offset, data, size, false, 10000);
}

static uint8_t writeback_now(struct session *s)
{
	uint8_t value = 0xff;

	assert_int_equal(vr_vu_frontend_get_config(s->frontend, VR_BLK_SPACE_WRITEBACK, &value, 1,
						   10000),
			 0);
	return value;
}

/* The field of the configuration space that a driver may write, and those that it may not. */
static void test_write_through(void **state)
{
	static const uint8_t bytes[8] = { 1 };
	struct session s;

	(void)state;
	start_server("--cache", "writethrough");
	write_and_verify("", 1, 3);
	open_session(&s);
	assert_int_equal(s.space.writeback, 0);
	assert_int_equal(write_space(&s, VR_BLK_SPACE_WRITEBACK, bytes, 1), 0);
	assert_int_equal(writeback_now(&s), 1);
	assert_int_not_equal(write_space(&s, 0, bytes, 8), 0);
	session_close(&s);
	/* The next driver finds what the user chose, and the size that the image has. */
	open_session(&s);
	assert_int_equal(s.space.writeback, 0);
	assert_int_equal(session_bytes(&s), IMAGE_BYTES);
	assert_int_not_equal(write_space(&s, VR_BLK_SPACE_WRITEBACK, bytes, 2), 0);
	session_close(&s);
	write_and_verify("CONFIG_WCE", 1, 4);
}

static void test_direct_sync(void **state)
{
	(void)state;
	start_server("--cache", "directsync");
	write_and_verify("", 4, 3);
}

/* What each slot's sectors hold, by the number that was written to them last; 0: not yet. */
struct random_io {
	struct session s;
	uint8_t tag[DEPTH][AREA];
	uint32_t at[DEPTH];
	uint32_t count[DEPTH];
	bool write[DEPTH];
	uint8_t value[DEPTH];
	uint64_t random;
};

static uint32_t below(struct random_io *io, uint32_t bound)
{
	io->random = io->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(io->random >> 33) % bound;
}

static void issue(struct random_io *io, uint32_t slot)
{
	uint8_t *data = session_block(&io->s, slot);

	io->at[slot] = below(io, AREA);
	io->count[slot] = 1 + below(io, AREA - io->at[slot]);
	io->write[slot] = below(io, 2);
	io->value[slot] = (uint8_t)(1 + below(io, 255));
	memset(data, io->write[slot] ? io->value[slot] : 0, (size_t)io->count[slot] * 512);
	assert_int_equal(
		session_transfer(&io->s, slot, io->write[slot] ? VR_BLK_T_OUT : VR_BLK_T_IN,
				 (uint64_t)slot * AREA + io->at[slot], io->count[slot] * 512),
		1);
}

static void finish(struct random_io *io, uint32_t slot)
{
	const uint8_t *data = session_block(&io->s, slot);

	for (uint32_t i = 0; i < io->count[slot]; i++) {
		uint8_t *tag = &io->tag[slot][io->at[slot] + i];

		if (io->write[slot])
			*tag = io->value[slot];
		for (uint32_t byte = 0; byte < 512 && *tag && !io->write[slot]; byte++)
			assert_int_equal(data[i * 512 + byte], *tag);
	}
}

static void random_io(uint64_t mask)
{
	static struct random_io io;
	struct session_options options = { .path = socket_path,
					   .mask = mask,
					   .queues = 4,
					   .size = 128,
					   .depth = DEPTH,
					   .block = AREA * 512,
					   .segment = 1000 };
	struct vr_blk_result results[DEPTH];
	char error[TOOL_TEXT] = "";
	uint32_t left = 20000;
	uint32_t busy = DEPTH;

	memset(&io, 0, sizeof(io));
	io.random = mask + 7;
	if (session_open(&io.s, &options, error))
		fail_msg("%s", error);
	for (uint32_t slot = 0; slot < DEPTH; slot++)
		issue(&io, slot);
	while (busy > 0) {
		int got = session_wait(&io.s, results, DEPTH, error);

		if (got < 0)
			fail_msg("%s", error);
		for (int i = 0; i < got; i++) {
			assert_int_equal(results[i].status, VR_BLK_S_OK);
			finish(&io, (uint32_t)results[i].token);
			if (left > 0) {
				left--;
				issue(&io, (uint32_t)results[i].token);
			} else {
				busy--;
			}
		}
	}
	session_close(&io.s);
}

static void test_random(void **state)
{
	(void)state;
	start_server("--cache", "writeback");
	for (unsigned int i = 0; i < 4; i++)
		random_io(mask_bits[i]);
}

/* ---- copies ---- */

static char second_image[160];
static char second_socket[160];
static struct program second;

/* Another disk, full of ones, on a socket of its own. */
static void start_second(size_t bytes, const char *option)
{
	const char *argv[] = { VIRTRING_TOOL, "serve",	    "blk",  "--socket", second_socket,
			       "--image",     second_image, option, NULL };
	uint8_t *ones = malloc(bytes);
	FILE *file;

	snprintf(second_image, sizeof(second_image), "%s/second", test_folder());
	snprintf(second_socket, sizeof(second_socket), "%s/second.sock", test_folder());
	file = fopen(second_image, "we");
	assert_non_null(ones);
	assert_non_null(file);
	memset(ones, 0xff, bytes);
	assert_int_equal(fwrite(ones, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
	free(ones);
	program_start(&second, argv);
	assert_true(program_wait(&second, "offering: ", 60000));
}

static void stop_second(void)
{
	kill(second.pid, SIGTERM);
	program_stop(&second, NULL);
	second.pid = 0;
}

static int stop_both(void **state)
{
	if (second.pid)
		stop_second();
	unlink(second_image);
	make_file(image_path, IMAGE_BYTES, 1);
	return stop_server(state);
}

/* Do two files hold the same @bytes bytes from @offset on? */
static bool same(const char *one, const char *other, uint64_t offset, size_t bytes)
{
	uint8_t *here = calloc(2, bytes);
	int a = open(one, O_RDONLY | O_CLOEXEC);
	int b = open(other, O_RDONLY | O_CLOEXEC);
	bool equal;

	assert_non_null(here);
	assert_int_equal(pread(a, here, bytes, (off_t)offset), bytes);
	assert_int_equal(pread(b, here + bytes, bytes, (off_t)offset), bytes);
	equal = !memcmp(here, here + bytes, bytes);
	close(a);
	close(b);
	free(here);
	return equal;
}

/* Zeroes in the image: what a copy leaves out, and has to be zero nevertheless. */
static void make_gaps(void)
{
	static const uint8_t zeroes[3u << 20];
	int fd = open(image_path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, zeroes, sizeof(zeroes), 5u << 20), sizeof(zeroes));
	assert_int_equal(pwrite(fd, zeroes, 100000, 1), 100000);
	close(fd);
}

static void test_copy_disks(void **state)
{
	static const char *const options[] = { "", "--no-sparse", "--mask=WRITE_ZEROES",
					       "--mask=RING_PACKED --queues=1 --depth=3" };

	(void)state;
	make_gaps();
	start_server("--cache", "writeback");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		start_second(IMAGE_BYTES + 4096, NULL);
		assert_int_equal(client("blk copy %s %s --json %s", options[i], socket_path,
					second_socket),
				 0);
		assert_true(same(image_path, second_image, 0, IMAGE_BYTES));
		stop_second();
	}
	/* A part, and nothing beside it. */
	start_second(IMAGE_BYTES, NULL);
	assert_int_equal(
		client("blk copy %s %s --offset 4M --length 3M", socket_path, second_socket), 0);
	assert_true(same(image_path, second_image, 4u << 20, 3u << 20));
	assert_false(same(image_path, second_image, (4u << 20) - 512, 512));
	assert_false(same(image_path, second_image, 15u << 20, 512));
}

static void test_copy_refused(void **state)
{
	(void)state;
	start_server("--cache", "writeback");
	start_second(IMAGE_BYTES - 512, NULL);
	assert_int_equal(client("blk copy %s %s", socket_path, second_socket), 2);
	assert_int_equal(client("blk copy %s %s", socket_path, socket_path), 2);
	assert_int_equal(client("blk copy %s", socket_path), 2);
	assert_int_equal(client("blk copy %s %s x", socket_path, second_socket), 2);
	assert_int_equal(client("blk copy %s %s", image_path, data_path), 2);
	assert_int_equal(client("blk copy --json %s -", socket_path), 2);
	stop_second();
	start_second(IMAGE_BYTES, "--read-only");
	assert_int_equal(client("blk copy %s %s", socket_path, second_socket), 2);
	assert_int_equal(client("blk copy %s %s", data_path, second_socket), 2);
}

/* A disk to a file with holes, and that to another disk. */
static void test_copy_files(void **state)
{
	char path[160];
	struct stat about;

	(void)state;
	make_gaps();
	start_server("--cache", "writeback");
	start_second(IMAGE_BYTES, NULL);
	snprintf(path, sizeof(path), "%s/copy", test_folder());
	assert_int_equal(client("blk copy %s %s", socket_path, path), 0);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_size, IMAGE_BYTES);
	assert_true(same(image_path, path, 0, IMAGE_BYTES));
	/* What was left out takes no room, where a file system has holes. */
	printf("%lld of %u bytes have blocks\n", (long long)about.st_blocks * 512, IMAGE_BYTES);
	assert_true(about.st_blocks * 512 <= IMAGE_BYTES);
	assert_int_equal(client("blk copy %s %s", path, second_socket), 0);
	assert_true(same(image_path, second_image, 0, IMAGE_BYTES));
	assert_int_equal(client("blk copy --no-sparse --socket %s %s", socket_path, path), 0);
	assert_true(same(image_path, path, 0, IMAGE_BYTES));
	unlink(path);
}

/* A client that is killed leaves nothing behind; the next one is served. */
static void test_killed_client(void **state)
{
	char text[256];

	(void)state;
	start_server("--cache", "writeback");
	snprintf(text, sizeof(text), "%s", socket_path);
	for (int i = 0; i < 5; i++) {
		const char *argv[] = { VIRTRING_TOOL, "blk",	   "bench", "--socket",
				       text,	      "--seconds", "30",    NULL };
		struct program bench;

		program_start(&bench, argv);
		assert_true(program_wait(&server, "front end: ", 60000));
		usleep(100000);
		kill(bench.pid, SIGKILL);
		program_stop(&bench, NULL);
		assert_true(program_wait(&server, "front end gone", 60000));
	}
	write_and_verify("", 4, 3);
}

/* ---- another size ---- */

struct notice {
	unsigned int changes;
};

/* A device tells nothing before one of its rings runs: one that stays empty. */
static struct vr_shm *start_ring(struct vr_vu_frontend *f, uint64_t features)
{
	const struct vr_shm_config config = { .struct_size = sizeof(config),
					      .guest_addr = 1u << 30,
					      .size = 1u << 16 };
	struct vr_vu_vring vring = { .size = 16, .enabled = true, .err_fd = -1 };
	struct vr_ring_area *areas[] = { &vring.ring.descriptors, &vring.ring.driver,
					 &vring.ring.device };
	struct vr_mem_region region;
	struct vr_shm *shm;

	assert_int_equal(vr_shm_create(&config, &shm), 0);
	for (int i = 0; i < 3; i++) {
		areas[i]->host =
			vr_shm_alloc(shm, vr_ring_bytes(features, vring.size, (enum vr_area)i), 64);
		assert_non_null(areas[i]->host);
		areas[i]->addr = vr_shm_addr(shm, areas[i]->host);
	}
	vr_shm_region(shm, &region);
	vring.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vring.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(vr_vu_frontend_start(f, features, &region, 1, &vring, 1, 10000), 0);
	close(vring.kick_fd);
	close(vring.call_fd);
	return shm;
}

static void on_change(void *context)
{
	((struct notice *)context)->changes++;
}

/* Takes one notice; none is left. */
static void wait_for_change(struct vr_vu_frontend *f, struct notice *notice)
{
	for (int i = 0; i < 1000 && !notice->changes; i++) {
		assert_int_equal(vr_vu_frontend_channel_process(f), 0);
		usleep(10000);
	}
	assert_int_equal(notice->changes, 1);
	notice->changes = 0;
}

/* The image gets another size, and the server is told. */
static void resize_image(off_t bytes)
{
	char line[64];

	snprintf(line, sizeof(line), "%lld bytes, as of now", (long long)bytes);
	assert_int_equal(truncate(image_path, bytes), 0);
	kill(server.pid, SIGHUP);
	assert_true(program_wait(&server, line, 10000));
}

static uint64_t capacity_now(struct vr_vu_frontend *f)
{
	uint8_t wire[8];
	uint64_t sectors = 0;

	assert_int_equal(vr_vu_frontend_get_config(f, 0, wire, sizeof(wire), 10000), 0);
	for (int i = 7; i >= 0; i--)
		sectors = sectors << 8 | wire[i];
	return sectors * VR_BLK_SECTOR;
}

/* A front end that gave a channel is told, one without a channel finds it when it looks. */
static void test_resize_told(void **state)
{
	static const struct vr_vu_channel_ops ops = { .struct_size = sizeof(ops),
						      .config_changed = on_change };
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = socket_path,
		.protocol_features = VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | VR_VU_PF_REPLY_ACK,
	};
	struct vr_vu_frontend *f;
	struct notice notice = { 0 };
	struct vr_vu_offer offer;
	struct vr_shm *shm;

	(void)state;
	start_server("--cache", "writeback");
	assert_int_equal(vr_vu_frontend_create(&config, &f), 0);
	assert_int_equal(vr_vu_frontend_connect(f, 10000), 0);
	assert_int_equal(vr_vu_frontend_negotiate(f, VR_F_VERSION_1, VR_F_VERSION_1, &offer, 10000),
			 0);
	resize_image(2 * IMAGE_BYTES);
	assert_int_equal(capacity_now(f), 2 * IMAGE_BYTES);
	assert_int_equal(vr_vu_frontend_open_channel(f, &ops, &notice, 10000), 0);
	shm = start_ring(f, VR_F_VERSION_1);
	wait_for_change(f, &notice); /* of what came too early to be told */
	resize_image(3 * IMAGE_BYTES);
	wait_for_change(f, &notice);
	assert_int_equal(capacity_now(f), 3 * IMAGE_BYTES);
	/* Nothing has changed: nothing is said. */
	kill(server.pid, SIGHUP);
	assert_true(program_wait(&server, "as before", 10000));
	assert_int_equal(capacity_now(f), 3 * IMAGE_BYTES);
	assert_int_equal(vr_vu_frontend_channel_process(f), 0);
	assert_int_equal(notice.changes, 0);
	vr_vu_frontend_destroy(f);
	vr_shm_destroy(shm);
}

/* One sector, as a driver that takes the disk to be @bytes long sends it; the status. */
static uint8_t last_sector(struct session *s, uint32_t type, uint64_t bytes)
{
	struct vr_blk_result result;
	char error[TOOL_TEXT] = "";

	vr_blk_driver_resize(s->queues[0].blk, bytes / VR_BLK_SECTOR);
	assert_int_equal(session_transfer(s, 0, type, bytes / VR_BLK_SECTOR - 1, VR_BLK_SECTOR), 1);
	if (session_wait(s, &result, 1, error) != 1)
		fail_msg("%s", error);
	return result.status;
}

/* While another size comes again and again, a driver works on what was there all the time. */
static void test_resize_busy(void **state)
{
	const char *argv[] = { VIRTRING_TOOL, "blk",	 "bench",     "--socket", socket_path,
			       "--write",     "--block", "4K",	      "--queues", "4",
			       "--depth",     "64",	 "--seconds", "2",	  NULL };
	struct program bench;
	struct session s;
	int status;

	(void)state;
	start_server("--cache", "writeback");
	program_start(&bench, argv);
	assert_true(program_wait(&server, "front end: ", 10000));
	for (int i = 0; i < 20; i++)
		resize_image(IMAGE_BYTES + (off_t)(1 + i % 2) * 4096);
	assert_int_equal(waitpid(bench.pid, &status, 0), bench.pid);
	assert_int_equal(status, 0);
	program_read(&bench);
	fputs(bench.text, stdout);
	close(bench.in);
	close(bench.out);

	open_session(&s);
	resize_image(2 * IMAGE_BYTES);
	assert_int_equal(last_sector(&s, VR_BLK_T_OUT, 2 * IMAGE_BYTES), VR_BLK_S_OK);
	assert_int_equal(last_sector(&s, VR_BLK_T_OUT, 2 * IMAGE_BYTES + 512), VR_BLK_S_IOERR);
	resize_image(IMAGE_BYTES / 2);
	assert_int_equal(last_sector(&s, VR_BLK_T_OUT, 2 * IMAGE_BYTES), VR_BLK_S_IOERR);
	assert_int_equal(last_sector(&s, VR_BLK_T_IN, IMAGE_BYTES / 2 + 512), VR_BLK_S_IOERR);
	assert_int_equal(last_sector(&s, VR_BLK_T_IN, IMAGE_BYTES / 2), VR_BLK_S_OK);
	session_close(&s);
}

/* An image as it was for the others. */
static int stop_resized(void **state)
{
	int status = stop_server(state);

	make_file(image_path, IMAGE_BYTES, 1);
	return status;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_writeback, stop_server),
		cmocka_unit_test_teardown(test_direct, stop_server),
		cmocka_unit_test_teardown(test_write_through, stop_server),
		cmocka_unit_test_teardown(test_direct_sync, stop_server),
		cmocka_unit_test_teardown(test_plain, stop_server),
		cmocka_unit_test_teardown(test_bare, stop_server),
		cmocka_unit_test_teardown(test_read_only, stop_server),
		cmocka_unit_test_teardown(test_random, stop_server),
		cmocka_unit_test_teardown(test_copy_disks, stop_both),
		cmocka_unit_test_teardown(test_copy_refused, stop_both),
		cmocka_unit_test_teardown(test_copy_files, stop_both),
		cmocka_unit_test_teardown(test_killed_client, stop_server),
		cmocka_unit_test_teardown(test_resize_told, stop_resized),
		cmocka_unit_test_teardown(test_resize_busy, stop_resized),
	};

	return cmocka_run_group_tests(tests, blk_setup, blk_teardown);
}
