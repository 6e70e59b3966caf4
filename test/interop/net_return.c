// SPDX-License-Identifier: BSD-3-Clause
/*
 * `virtring serve net --loop` is killed under a `virtring net send --reconnect`, again and again, and
 * its successor goes on: all that was sent comes back, some of it perhaps twice. With pairs, filters
 * and a queue so long that what is in flight is much.
 *
 * VIRTRING_KILLS=N: kills of the server in each form (4).
 */
#define _GNU_SOURCE
#include "command.h"

/* The client sends for a while after the last kill, too. */
#define KILL_MS 150u

static const char *const masks[] = { "RING_PACKED,IN_ORDER", "RING_PACKED", "IN_ORDER", "" };

static struct program server;
static struct program client;
static char path[128];

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/s", test_folder());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static int stop_both(void **state)
{
	(void)state;
	if (client.pid)
		program_stop(&client, NULL);
	if (server.pid)
		assert_int_equal(serve_stop(&server), 0);
	client.pid = server.pid = 0;
	return 0;
}

static unsigned int kills_wanted(void)
{
	const char *text = getenv("VIRTRING_KILLS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : 4;
}

__attribute__((format(printf, 1, 2))) static void start_client(const char *format, ...)
{
	char *words[COMMAND_WORDS];
	char text[1024];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	printf("virtring %s &\n", text);
	command_words(text, words);
	program_start(&client, (const char *const *)words);
}

/* What it says with --json; it has to end by itself, with 0. */
static json_object *client_json(void)
{
	json_object *json;
	int status = -1;

	for (int i = 0; i < 1200; i++) {
		if (waitpid(client.pid, &status, WNOHANG) == client.pid)
			break;
		usleep(50000);
	}
	program_read(&client);
	printf("%s", client.text);
	assert_int_equal(status, 0);
	client.pid = 0;
	close(client.in);
	close(client.out);
	json = json_tokener_parse(client.text);
	assert_non_null(json);
	return json;
}

static void start_server(void)
{
	serve_start(&server, "serve net --socket %s --loop --pairs 2", path);
}

static void kill_server(void)
{
	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	server.pid = 0;
	close(server.in);
	close(server.out);
}

/* Whole after @kills kills: nothing of what was sent is missing, and who took over was counted. */
static void check_outcome(json_object *json, unsigned int kills)
{
	uint64_t sent = json_count(json, "sent");

	assert_true(sent > 1000);
	assert_int_equal(json_count(json, "taken"), sent);
	assert_int_equal(json_count(json, "wrong"), 0);
	assert_int_equal(json_count(json, "missing"), 0);
	assert_int_equal(json_count(json, "received") - json_count(json, "late"), sent);
	assert_int_equal(json_count(json, "returns"), kills);
}

static void test_killed(void **state)
{
	const unsigned int kills = kills_wanted();

	(void)state;
	for (unsigned int form = 0; form < 4; form++) {
		json_object *json;

		start_server();
		start_client("net send --socket %s --json --mask=%s --generate=100 --seconds %.1f "
			     "--pairs 2 --control --size 1024 --answers /dev/null --wait 0.5 "
			     "--reconnect 60",
			     path, masks[form], (kills + 2) * 2 * KILL_MS / 1000.0);
		assert_true(program_wait(&server, "front end: ", 60000));
		for (unsigned int i = 0; i < kills; i++) {
			usleep((KILL_MS / 2 + 37 * i % KILL_MS) * 1000);
			kill_server();
			start_server();
			/* One that nobody has found yet would not count. */
			assert_true(program_wait(&server, "front end: ", 60000));
		}
		json = client_json();
		check_outcome(json, kills);
		json_object_put(json);
		assert_int_equal(stop_both(NULL), 0);
	}
}

/* Nobody comes back: said after the time that was given. */
static void test_nobody(void **state)
{
	int status = -1;

	(void)state;
	start_server();
	start_client("net send --socket %s --generate --seconds 60 --reconnect 0.5", path);
	assert_true(program_wait(&server, "front end: ", 60000));
	kill_server();
	assert_true(program_wait(&client, "did not come back", 60000));
	for (int i = 0; i < 1200 && waitpid(client.pid, &status, WNOHANG) != client.pid; i++)
		usleep(50000);
	assert_int_equal(WEXITSTATUS(status), 2);
	client.pid = 0;
	close(client.in);
	close(client.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_killed, stop_both),
		cmocka_unit_test_teardown(test_nobody, stop_both),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
