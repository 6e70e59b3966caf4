// SPDX-License-Identifier: BSD-3-Clause
/*
 * `virtring serve blk` is killed under load, again and again, and its successor goes on: no request
 * is lost, none ends twice, and each sector holds the generation that was written to it last. Clients
 * are killed, too, and leave nothing behind.
 *
 * VIRTRING_KILLS=N: kills of the server in each form (6).
 */
#define _GNU_SOURCE
#include "blk_peer.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "tool/blk_session.h"

#define QUEUES 2u
#define DEPTH 32u
#define AREA 16u /* sectors that one slot has for itself */
#define SECTOR 512u
#define POISON 0xa5

static const char *const names[] = { "split", "split in order", "packed", "packed in order" };
static const uint64_t masks[] = { VR_F_RING_PACKED | VR_F_IN_ORDER, VR_F_RING_PACKED, VR_F_IN_ORDER,
				  0 };

/* ---- the server, which a thread kills and starts again ---- */

/**
 * struct killer - the thread
 * @thread: the thread
 * @server: runs, but for a moment after each kill
 * @signal: what to send it; SIGTERM: it has to end by itself, with 0
 * @kills: how often yet
 * @done: of them
 * @ended: nothing is left to do
 * @over: nor for the last server
 */
struct killer {
	pthread_t thread;
	struct program server;
	int signal;
	unsigned int kills;
	atomic_uint done;
	atomic_bool ended;
	atomic_bool over;
};

static void start_server(struct program *server)
{
	const char *argv[] = { VIRTRING_TOOL, "serve",	  "blk",      "--socket", socket_path,
			       "--image",     image_path, "--queues", "2",	  NULL };

	program_start(server, argv);
	assert_true(program_wait(server, "offering: ", 60000));
}

static void reap(struct program *server, int number)
{
	int status;

	kill(server->pid, number);
	assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
	if (number == SIGTERM)
		assert_int_equal(status, 0);
	close(server->in);
	close(server->out);
}

static void *kill_all_the_time(void *context)
{
	struct killer *killer = context;
	uint32_t random = 12345 + killer->kills;

	while (killer->done < killer->kills) {
		random = random * 1664525u + 1013904223u;
		/* From "hardly begun" to "in the middle of it". */
		usleep(2000 + (random >> 16) % 60000);
		reap(&killer->server, killer->signal);
		start_server(&killer->server);
		killer->done++;
	}
	killer->ended = true;
	/* The last server dies with the thread that started it. */
	while (!killer->over)
		usleep(1000);
	reap(&killer->server, SIGKILL);
	return NULL;
}

/* ---- the load ---- */

/**
 * struct load - writes, each read back, in every slot's own sectors
 * @s: session
 * @generation: of each slot: what was written last, or is being written
 * @reading: it is being read back
 * @busy: the slot has a request
 * @requests: that ended
 */
struct load {
	struct session s;
	uint32_t generation[DEPTH];
	bool reading[DEPTH];
	bool busy[DEPTH];
	uint64_t requests;
};

/* Every word of a sector says whose it is, and when it was written. */
static void fill(uint8_t *data, uint32_t slot, uint32_t generation)
{
	uint32_t *words = (uint32_t *)(void *)data;

	for (uint32_t i = 0; i < AREA * SECTOR / 4; i += 2) {
		words[i] = slot << 16 | i;
		words[i + 1] = generation;
	}
}

static void check(const uint8_t *data, uint32_t slot, uint32_t generation, const char *where)
{
	const uint32_t *words = (const uint32_t *)(const void *)data;

	for (uint32_t i = 0; i < AREA * SECTOR / 4; i += 2)
		if (words[i] != (slot << 16 | i) || words[i + 1] != generation)
			fail_msg("%s: slot %u, word %u: %#x of generation %u, not %#x of %u", where,
				 slot, i, words[i], words[i + 1], slot << 16 | i, generation);
}

static void issue(struct load *load, uint32_t slot, bool read)
{
	uint8_t *data = session_block(&load->s, slot);

	load->reading[slot] = read;
	load->busy[slot] = true;
	if (read)
		memset(data, POISON, AREA * SECTOR);
	else
		fill(data, slot, ++load->generation[slot]);
	assert_int_equal(session_transfer(&load->s, slot, read ? VR_BLK_T_IN : VR_BLK_T_OUT,
					  (uint64_t)slot * AREA, AREA * SECTOR),
			 1);
}

/* Only a request that is out may come back. */
static void finish(struct load *load, const struct vr_blk_result *result)
{
	const uint32_t slot = (uint32_t)result->token;

	assert_true(slot < DEPTH);
	assert_true(load->busy[slot]);
	assert_int_equal(result->status, VR_BLK_S_OK);
	load->busy[slot] = false;
	load->requests++;
	if (load->reading[slot])
		check(session_block(&load->s, slot), slot, load->generation[slot], "read back");
}

static void take(struct load *load)
{
	struct vr_blk_result results[DEPTH];
	char error[TOOL_TEXT] = "";
	int got = session_wait(&load->s, results, DEPTH, error);

	if (got < 0)
		fail_msg("%s", error);
	for (int i = 0; i < got; i++)
		finish(load, &results[i]);
}

static bool any_busy(const struct load *load)
{
	for (uint32_t slot = 0; slot < DEPTH; slot++)
		if (load->busy[slot])
			return true;
	return false;
}

static void check_file(const struct load *load)
{
	static uint8_t data[AREA * SECTOR];
	int image = open(image_path, O_RDONLY | O_CLOEXEC);

	for (uint32_t slot = 0; slot < DEPTH; slot++) {
		assert_int_equal(pread(image, data, sizeof(data), (off_t)slot * AREA * SECTOR),
				 sizeof(data));
		check(data, slot, load->generation[slot], "the image");
	}
	close(image);
}

static void run(struct load *load, struct killer *killer)
{
	uint32_t after = 4 * DEPTH;

	for (uint32_t slot = 0; slot < DEPTH; slot++)
		issue(load, slot, false);
	/* A little further than the last kill. */
	while (any_busy(load)) {
		take(load);
		for (uint32_t slot = 0; slot < DEPTH; slot++) {
			if (load->busy[slot] || (killer->ended && !after))
				continue;
			issue(load, slot, !load->reading[slot]);
			after -= killer->ended;
		}
	}
}

static unsigned int kills_wanted(void)
{
	const char *text = getenv("VIRTRING_KILLS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : 6;
}

/* Ends the server @kills times in each form, under load. */
static void all_forms(int number, unsigned int kills)
{
	static struct load load;
	static struct killer killer;

	for (uint32_t form = 0; form < 4; form++) {
		const struct session_options options = {
			.path = socket_path,
			.mask = masks[form],
			.queues = QUEUES,
			.size = 64,
			.depth = DEPTH,
			.block = AREA * SECTOR,
			.segment = 3000,
		};
		char error[TOOL_TEXT] = "";

		memset(&load, 0, sizeof(load));
		killer.kills = kills;
		killer.signal = number;
		killer.done = 0;
		killer.ended = false;
		killer.over = false;
		start_server(&killer.server);
		if (session_open(&load.s, &options, error))
			fail_msg("%s", error);
		assert_true(load.s.inflight.fd >= 0);
		assert_int_equal(pthread_create(&killer.thread, NULL, kill_all_the_time, &killer),
				 0);
		run(&load, &killer);
		check_file(&load);
		printf("REPORT: %s: %u times %s, %lu returns seen, %lu requests, each ended once\n",
		       names[form], kills, number == SIGKILL ? "killed" : "ended by SIGTERM",
		       (unsigned long)load.s.returns, (unsigned long)load.requests);
		assert_true(load.s.returns > 0 || kills == 0);
		session_close(&load.s);
		killer.over = true;
		assert_int_equal(pthread_join(killer.thread, NULL), 0);
	}
}

static void killed_servers(void **state)
{
	(void)state;
	all_forms(SIGKILL, kills_wanted());
}

/* What was taken is finished, the exit status is 0, and the next server has the rest. */
static void ended_servers(void **state)
{
	(void)state;
	all_forms(SIGTERM, 3);
}

/* ---- clients that are killed ---- */

static unsigned int count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned int lines = 0;
	int c;

	assert_non_null(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static unsigned int count_entries(const char *path)
{
	DIR *folder = opendir(path);
	unsigned int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void killed_clients(void **state)
{
	static struct program server;
	unsigned int fds = 0, maps = 0;
	char fd_path[64], map_path[64];

	(void)state;
	start_server(&server);
	snprintf(fd_path, sizeof(fd_path), "/proc/%d/fd", (int)server.pid);
	snprintf(map_path, sizeof(map_path), "/proc/%d/maps", (int)server.pid);
	for (int i = 0; i < 8; i++) {
		const char *argv[] = { VIRTRING_TOOL, "blk", "bench",	  "--socket", socket_path,
				       "--queues",    "2",   "--seconds", "30",	      NULL };
		struct program bench;

		program_start(&bench, argv);
		assert_true(program_wait(&server, "front end: ", 60000));
		usleep(50000);
		kill(bench.pid, SIGKILL);
		program_stop(&bench, NULL);
		assert_true(program_wait(&server, "front end gone", 60000));
		/* What the first one brought about may stay: buffers of the C library, say. */
		if (i == 1) {
			fds = count_entries(fd_path);
			maps = count_lines(map_path);
		}
	}
	assert_int_equal(count_entries(fd_path), fds);
	assert_in_range(count_lines(map_path), 1, maps + 2);
	/* And the next one is served. */
	write_and_verify("", 2, 3);
	reap(&server, SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_servers),
		cmocka_unit_test(ended_servers),
		cmocka_unit_test(killed_clients),
	};

	return cmocka_run_group_tests(tests, blk_setup, blk_teardown);
}
