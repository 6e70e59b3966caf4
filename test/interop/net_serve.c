// SPDX-License-Identifier: BSD-3-Clause
/* `virtring serve net` under our own client: all four forms, several pairs, every endpoint. */
#define _GNU_SOURCE
#include "command.h"
#include "frames.h"

static const char *const masks[] = { "RING_PACKED,IN_ORDER", "RING_PACKED", "IN_ORDER", "" };

static struct program server;
static char path[128];
static char file[3][128];

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/s", test_folder());
	for (int i = 0; i < 3; i++)
		snprintf(file[i], sizeof(file[i]), "%s/%d.pcap", test_folder(), i);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		unlink(file[i]);
	unlink(path);
	return 0;
}

/* Ends it, whatever became of the test. */
static int stop_server(void **state)
{
	(void)state;
	if (server.pid)
		assert_int_equal(serve_stop(&server), 0);
	server.pid = 0;
	return 0;
}

/* Everything that was sent came back once, in order, and right to the byte. */
static void check_back(json_object *json, uint64_t packets, uint64_t length)
{
	assert_int_equal(json_count(json, "sent"), packets);
	assert_int_equal(json_count(json, "taken"), packets);
	assert_int_equal(json_count(json, "sent_bytes"), packets * length);
	assert_int_equal(json_count(json, "received"), packets);
	assert_int_equal(json_count(json, "received_bytes"), packets * length);
	assert_int_equal(json_count(json, "numbered"), packets);
	assert_int_equal(json_count(json, "wrong"), 0);
	assert_int_equal(json_count(json, "missing"), 0);
	assert_int_equal(json_count(json, "late"), 0);
	json_object_put(json);
}

static void test_loop(void **state)
{
	static const char *const more[] = { "", "MRG_RXBUF,", "EVENT_IDX,", "INDIRECT_DESC," };

	(void)state;
	serve_start(&server, "serve net --socket %s --loop --pairs 3", path);
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int pairs = 1 + i % 3;
		unsigned int length = 60 + 96 * i;

		check_back(
			command_json("net send --socket %s --json --pairs %u %s --generate=%u "
				     "--count 3000 --wait 60 --all-back --mask=%s%s --answers %s",
				     path, pairs, pairs == 3 ? "--control" : "", length,
				     more[i / 4], masks[i % 4], file[0]),
			3000 * pairs, length);
		assert_int_equal(frames_read(file[0], NULL, 0), 3000 * pairs);
		assert_true(program_wait(&server, "front end gone", 60000));
	}
}

/* In small rings, which are full all the time. */
static void test_small_rings(void **state)
{
	(void)state;
	serve_start(&server, "serve net --socket %s --loop", path);
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int size = 2; size <= 16; size *= 2)
			check_back(
				command_json(
					"net send --socket %s --json --size %u "
					"--generate=1514 --count 500 --wait 60 --all-back --mask=%s "
					"--answers /dev/null",
					path, size, masks[i]),
				500, 1514);
}

static void test_generate_and_sink(void **state)
{
	(void)state;
	serve_start(&server, "serve net --socket %s --generate=200 --count 4000 --sink --pairs 2",
		    path);
	for (unsigned int i = 0; i < 4; i++) {
		json_object *json = command_json("net receive --socket %s --json --pairs 2 "
						 "--count 8000 --seconds 60 --mask=%s",
						 path, masks[i]);

		assert_int_equal(json_count(json, "received"), 8000);
		assert_int_equal(json_count(json, "received_bytes"), 8000 * 200);
		assert_int_equal(json_count(json, "numbered"), 8000);
		assert_int_equal(json_count(json, "wrong"), 0);
		assert_int_equal(json_count(json, "missing"), 0);
		json_object_put(json);
		assert_int_equal(command("net send --socket %s --pairs 2 --generate=300 "
					 "--count 5000 --mask=%s",
					 path, masks[i]),
				 0);
	}
	stop_server(state);
	assert_non_null(strstr(server.text, "from the driver: 40000 packets, 12000000 bytes"));
	assert_non_null(strstr(server.text, "sink: 40000 packets, 40000 numbered: 0 wrong, 0 "
					    "missing, 0 late or twice"));
}

/* What goes in comes out: a file through the ring into a file. */
static void test_files(void **state)
{
	static struct frame in[300];
	static struct frame out[300];

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		in[i].bytes = 14 + i * 5;
		for (uint32_t j = 0; j < in[i].bytes; j++)
			in[i].data[j] = (uint8_t)(i * 31 + j);
	}
	frames_write(file[0], in, 300);
	serve_start(&server, "serve net --socket %s --pcap-in %s --pcap-out %s", path, file[0],
		    file[1]);
	for (unsigned int i = 0; i < 4; i++) {
		/* Each front end gets it from the beginning. */
		assert_int_equal(command("net receive --socket %s --pcap %s --count 300 "
					 "--seconds 60 --mask=%s",
					 path, file[2], masks[i]),
				 0);
		memset(out, 0, sizeof(out));
		assert_int_equal(frames_read(file[2], out, 300), 300);
		assert_memory_equal(in, out, sizeof(in));
	}
	assert_int_equal(
		command("net send --socket %s --pcap %s --repeat 3 --count 700", path, file[0]), 0);
	stop_server(state);
	assert_int_equal(frames_read(file[1], out, 300), 700);
	assert_memory_equal(in, out, sizeof(in));
}

/* A file that is no file of packets, or holds only parts of them. */
static void test_bad_files(void **state)
{
	static struct frame frames[2] = { { .bytes = 60 }, { .bytes = 100 } };
	FILE *f;

	(void)state;
	frames_write(file[0], frames, 2);
	f = fopen(file[0], "r+e");
	assert_non_null(f);
	/* The first one says that it was longer. */
	assert_int_equal(fseek(f, 24 + 12, SEEK_SET), 0);
	assert_int_equal(fputc(61, f), 61);
	fclose(f);
	serve_start(&server, "serve net --socket %s --sink", path);
	assert_int_equal(command("net send --socket %s --pcap %s", path, file[0]), 0);
	/* The last one is cut off: what came before it was sent, and it is said. */
	assert_int_equal(truncate(file[0], 24 + 16 + 60 + 16 + 50), 0);
	assert_int_equal(command("net send --socket %s --pcap %s", path, file[0]), 2);
	assert_int_equal(truncate(file[0], 3), 0);
	assert_int_equal(command("net send --socket %s --pcap %s", path, file[0]), 2);
	stop_server(state);
	assert_non_null(strstr(server.text, "from the driver: 1 packets, 100 bytes"));
}

static bool is_the_last(const struct frame *frames, unsigned int count)
{
	return count > 0 && get16(frames[count - 1].data + 14) == 999;
}

/* The device leaves out what is not for the driver, from the moment on when it is told. */
static void test_filter(void **state)
{
	static const uint8_t own[6] = { 2, 0, 0, 0, 0, 0x77 };
	static struct frame in[1000];
	static struct frame out[1000];
	const char *argv[] = { VIRTRING_TOOL, "net",	"receive", "--socket", path,
			       "--filter",    "--pcap", file[1],   NULL };
	struct program client;
	unsigned int count;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		in[i].bytes = 64;
		memcpy(in[i].data, own, 6);
		in[i].data[5] = i % 2 ? 0x77 : 0x78;
		put16(in[i].data + 14, i);
	}
	frames_write(file[0], in, 1000);
	serve_start(&server, "serve net --socket %s --pcap-in %s --mac 02:00:00:00:00:77", path,
		    file[0]);
	program_start(&client, argv);
	count = frames_wait(file[1], out, 1000, is_the_last);
	kill(client.pid, SIGTERM);
	program_stop(&client, NULL);
	assert_true(count >= 500 && count < 1000);
	/* Behind what was in the ring before. */
	for (unsigned int i = count / 2; i < count; i++)
		if (get16(out[i].data + 14) > 600)
			assert_int_equal(out[i].data[5], 0x77);
	assert_int_equal(get16(out[count - 1].data + 14), 999);
	assert_true(program_wait(&server, "filtered: ", 60000));
}

/* Frames above the MTU are not given to a driver that knows it. */
static void test_mtu(void **state)
{
	static struct frame in[3] = { { .bytes = 1000 + 18 },
				      { .bytes = 1000 + 19 },
				      { .bytes = 60 } };
	json_object *json;

	(void)state;
	frames_write(file[0], in, 3);
	serve_start(&server, "serve net --socket %s --pcap-in %s --mtu 1000", path, file[0]);
	json = command_json("net receive --socket %s --count 2 --json", path);
	assert_int_equal(json_count(json, "received_bytes"), 1018 + 60);
	json_object_put(json);
	json = command_json("net receive --socket %s --count 3 --json --mask MTU", path);
	assert_int_equal(json_count(json, "received_bytes"), 1018 + 1019 + 60);
	json_object_put(json);
	json = command_json("net info --socket %s --json", path);
	assert_int_equal(json_count(json, "mtu"), 1000);
	json_object_put(json);
}

/* A client that is killed leaves nothing behind; the next one is served. */
static void test_killed_client(void **state)
{
	(void)state;
	serve_start(&server, "serve net --socket %s --loop --pairs 2", path);
	for (int i = 0; i < 5; i++) {
		const char *argv[] = { VIRTRING_TOOL, "net",	   "bench", "--socket",
				       path,	      "--pairs",   "2",	    "--mask",
				       masks[i % 4],  "--seconds", "30",    NULL };
		struct program bench;

		program_start(&bench, argv);
		assert_true(program_wait(&server, "front end: ", 60000));
		usleep(100000);
		kill(bench.pid, SIGKILL);
		program_stop(&bench, NULL);
		assert_true(program_wait(&server, "front end gone", 60000));
	}
	check_back(command_json("net send --socket %s --json --pairs 2 --generate=700 --count 2000 "
				"--wait 60 --all-back --answers /dev/null",
				path),
		   4000, 700);
}

/* Ended in the middle of traffic: by itself, with 0, and the client hears of it. */
static void test_term(void **state)
{
	const char *argv[] = { VIRTRING_TOOL, "net",	   "bench", "--socket",
			       path,	      "--seconds", "30",    NULL };
	struct program bench;

	(void)state;
	serve_start(&server, "serve net --socket %s --loop", path);
	program_start(&bench, argv);
	assert_true(program_wait(&server, "front end: ", 60000));
	usleep(200000);
	stop_server(state);
	assert_true(program_wait(&bench, "it closed the connection", 40000));
	program_stop(&bench, NULL);
}

/* With next to nothing. */
static void test_bare(void **state)
{
	(void)state;
	serve_start(&server,
		    "serve net --socket %s --loop --mask RING_PACKED,IN_ORDER,INDIRECT_DESC,"
		    "EVENT_IDX,MRG_RXBUF,CTRL_VQ,CTRL_RX,CTRL_RX_EXTRA,CTRL_VLAN,CTRL_MAC_ADDR,"
		    "GUEST_ANNOUNCE,STATUS,MAC",
		    path);
	check_back(command_json("net send --socket %s --json --generate=500 --count 5000 --wait "
				"60 --all-back --answers /dev/null",
				path),
		   5000, 500);
	assert_int_equal(command("net info --socket %s --control", path), 2);
	assert_int_equal(command("net info --socket %s --pairs 2", path), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_loop, stop_server),
		cmocka_unit_test_teardown(test_small_rings, stop_server),
		cmocka_unit_test_teardown(test_generate_and_sink, stop_server),
		cmocka_unit_test_teardown(test_files, stop_server),
		cmocka_unit_test_teardown(test_bad_files, stop_server),
		cmocka_unit_test_teardown(test_filter, stop_server),
		cmocka_unit_test_teardown(test_mtu, stop_server),
		cmocka_unit_test_teardown(test_killed_client, stop_server),
		cmocka_unit_test_teardown(test_term, stop_server),
		cmocka_unit_test_teardown(test_bare, stop_server),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
