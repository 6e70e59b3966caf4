// SPDX-License-Identifier: BSD-3-Clause
/* DPDK's testpmd as the driver of `virtring serve net`, and as the device of `virtring net`. */
#define _GNU_SOURCE
#include "command.h"
#include "frames.h"

#include <sched.h>

#include <virtring/net.h>

#include "tool/tally.h"
#include "tool/testpmd.h"

#define PACKETS 20000u

static struct program server;
static struct testpmd testpmd;
static char path[128];
static char file[2][128];

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/s", test_folder());
	for (int i = 0; i < 2; i++)
		snprintf(file[i], sizeof(file[i]), "%s/%d.pcap", test_folder(), i);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		unlink(file[i]);
	unlink(path);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	testpmd_end(&testpmd);
	if (server.pid)
		assert_int_equal(serve_stop(&server), 0);
	server.pid = 0;
	return 0;
}

static void start_testpmd(enum side side, unsigned int form, unsigned int pairs,
			  const char *forward)
{
	struct testpmd_config config = {
		.side = side,
		.path = path,
		.cpu = sched_getcpu(),
		.forward = forward,
		.pairs = pairs,
		.burst = 32,
		.packet = 64,
		.size = 256,
		.packed = form & 2,
		.in_order = form & 1,
		.mergeable = pairs > 1,
	};
	char error[TOOL_TEXT] = "";

	if (testpmd_start(&testpmd, &config, error))
		fail_msg("%s", error);
}

static void tell(const char *command)
{
	char error[TOOL_TEXT] = "";

	if (testpmd_command(&testpmd, command, error))
		fail_msg("%s: %s", command, error);
}

static struct testpmd_counts counts(void)
{
	struct testpmd_counts now;
	char error[TOOL_TEXT] = "";

	if (testpmd_counts(&testpmd, &now, error))
		fail_msg("%s", error);
	return now;
}

/* Waits until testpmd has received so many. */
static void wait_received(uint64_t packets)
{
	for (int i = 0; i < 1200 && counts().received < packets; i++)
		usleep(100000);
	assert_int_equal(counts().received, packets);
}

/* Each negotiated what was asked for: this is no test of a fallback. */
static void check_form(unsigned int form)
{
	program_read(&server);
	assert_int_equal(!!strstr(strstr(server.text, "front end: "), "RING_PACKED"), !!(form & 2));
	assert_int_equal(!!strstr(strstr(server.text, "front end: "), "IN_ORDER"), form & 1);
}

/*
 * Numbered packets go to testpmd, all of them; what it forwards, and it drops what finds no room,
 * comes back right and in order. One pair: as DPDK starts, it enables the other pairs, flushes their
 * receive rings after that (virtio_dev_start()), and so throws away what came in between.
 */
static void generate_and_sink(unsigned int form)
{
	struct testpmd_counts done;
	char text[80];

	serve_start(&server, "serve net --socket %s --generate --count %u --sink", path, PACKETS);
	start_testpmd(SIDE_DRIVER, form, 1, "io");
	tell("start");
	wait_received(PACKETS);
	check_form(form);
	tell("stop");
	done = counts();
	stop_server(NULL);
	snprintf(text, sizeof(text), "sink: %u packets, %u numbered: 0 wrong, ",
		 (unsigned int)done.sent, (unsigned int)done.sent);
	if (!strstr(server.text, text))
		fail_msg("it should have said '%s'", text);
	assert_non_null(strstr(server.text, " missing, 0 late or twice"));
}

/* Packets that fit into testpmd's ring all come back. */
static void generate_few(unsigned int form)
{
	serve_start(&server, "serve net --socket %s --generate=500 --count 200 --sink", path);
	start_testpmd(SIDE_DRIVER, form, 1, "io");
	tell("start");
	wait_received(200);
	tell("stop");
	stop_server(NULL);
	assert_non_null(strstr(server.text, "sink: 200 packets, 200 numbered: 0 wrong, 0 missing, "
					    "0 late or twice"));
}

/* Some hundred packets run round in circles, none is lost. */
static void loop(unsigned int form)
{
	struct testpmd_counts done;

	serve_start(&server, "serve net --socket %s --loop", path);
	start_testpmd(SIDE_DRIVER, form, 1, "io");
	tell("start tx_first 4");
	for (int i = 0; i < 1200 && counts().received < PACKETS; i++)
		usleep(100000);
	tell("stop");
	done = counts();
	assert_true(done.received >= PACKETS);
	assert_true(done.sent >= done.received && done.sent - done.received <= 128);
	assert_int_equal(done.lost, 0);
	check_form(form);
}

/* testpmd's own packets, into a file: every one is what it should be. */
static void to_file(unsigned int form)
{
	static struct frame frames[3000];
	struct testpmd_counts done;
	unsigned int count;

	serve_start(&server, "serve net --socket %s --pcap-out %s", path, file[0]);
	start_testpmd(SIDE_DRIVER, form, 1, "txonly");
	tell("start");
	usleep(300000);
	tell("stop");
	/* What is in the ring is taken. */
	usleep(300000);
	done = counts();
	stop_server(NULL);
	count = frames_read(file[0], frames, 3000);
	assert_int_equal(count, done.sent);
	assert_true(count > 0);
	for (unsigned int i = 0; i < count && i < 3000; i++) {
		struct vr_net_sink sink = { .pattern = VR_NET_PATTERN_UDP,
					    .length = 64,
					    .interval = 1 };
		struct vr_iovec piece = { frames[i].data, frames[i].bytes };
		struct vr_net_packet packet = { .pieces = &piece,
						.piece_count = 1,
						.len = frames[i].bytes };

		vr_net_sink_take(&sink, &packet, 1);
		if (sink.bad)
			fail_msg("packet %u: %s", i, sink.wrong);
	}
}

static void test_driver(void **state)
{
	unsigned int form = (unsigned int)(uintptr_t)*state;

	generate_and_sink(form);
	loop(form);
	stop_server(NULL);
	if (form == 0)
		to_file(form);
	if (form == 3)
		generate_few(form);
}

static const char *const masks[] = { "RING_PACKED,IN_ORDER", "RING_PACKED", "IN_ORDER", "" };

/* Our client on testpmd's device. */
static void test_device(void **state)
{
	unsigned int form = (unsigned int)(uintptr_t)*state;
	const char *mask = masks[(form & 2) | (form & 1)];
	json_object *json;

	start_testpmd(SIDE_DEVICE, form, 2, "io");
	tell("start");
	json = command_json("net send --socket %s --json --mask=%s --generate=64 --count 200 "
			    "--pairs 2 --wait 60 --all-back --answers %s",
			    path, mask, file[0]);
	assert_int_equal(json_count(json, "sent"), 400);
	assert_int_equal(json_count(json, "received"), 400);
	assert_int_equal(json_count(json, "numbered"), 400);
	assert_int_equal(json_count(json, "wrong") + json_count(json, "missing"), 0);
	json_object_put(json);
	json = command_json("net bench --socket %s --json --mask=%s --seconds 0.5 --wait 1", path,
			    mask);
	assert_true(json_count(json, "received") > 1000);
	assert_int_equal(json_count(json, "received"), json_count(json, "numbered"));
	assert_int_equal(json_count(json, "wrong") + json_count(json, "late"), 0);
	json_object_put(json);
	tell("stop");
	tell("set fwd txonly");
	tell("start");
	json = command_json("net receive --socket %s --json --mask=%s --count 20000 --seconds 60 "
			    "--pcap %s",
			    path, mask, file[0]);
	assert_int_equal(json_count(json, "received"), 20000);
	assert_int_equal(json_count(json, "received_bytes"), 20000 * 64);
	json_object_put(json);
	assert_int_equal(frames_read(file[0], NULL, 0), 20000);
}

int main(void)
{
	static char names[8][64];
	struct CMUnitTest tests[8];

	if (!testpmd_installed()) {
		puts("SKIP: dpdk-testpmd is not installed");
		return 77;
	}
	for (unsigned int i = 0; i < 8; i++) {
		snprintf(names[i], sizeof(names[i]), "testpmd is the %s, %s%s",
			 i & 4 ? "device" : "driver", i & 2 ? "packed" : "split",
			 i & 1 ? " in order" : "");
		tests[i] = (struct CMUnitTest){ names[i], i & 4 ? test_device : test_driver, NULL,
						stop_server, (void *)(uintptr_t)(i & 3) };
	}
	return cmocka_run_group_tests_name("testpmd and the command", tests, setup, teardown);
}
