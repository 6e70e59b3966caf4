// SPDX-License-Identifier: BSD-3-Clause
/* `virtring serve blk` under our own client: all four forms, several queues, both caches. */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <signal.h>

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
	assert_true(program_wait(&server, "offering: ", 10000));
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
		assert_true(program_wait(&server, "front end: ", 10000));
		usleep(100000);
		kill(bench.pid, SIGKILL);
		program_stop(&bench, NULL);
		assert_true(program_wait(&server, "front end gone", 10000));
	}
	write_and_verify("", 4, 3);
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
		cmocka_unit_test_teardown(test_killed_client, stop_server),
	};

	return cmocka_run_group_tests(tests, blk_setup, blk_teardown);
}
