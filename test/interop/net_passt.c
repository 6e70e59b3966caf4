// SPDX-License-Identifier: BSD-3-Clause
/* passt as the back end of `virtring net`: its ARP and its DHCP answer. */
#define _GNU_SOURCE
#include "command.h"
#include "frames.h"

#include <sys/stat.h>

/* What passt takes when there is no network outside that it could copy. */
static const uint8_t assigned[4] = { 169, 254, 2, 1 };
static const uint8_t router[4] = { 169, 254, 2, 2 };

static struct program passt;
static char path[128];
static char repair[140];
static char file[2][128];

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/s", test_folder());
	snprintf(repair, sizeof(repair), "%s.repair", path);
	for (int i = 0; i < 2; i++)
		snprintf(file[i], sizeof(file[i]), "%s/%d.pcap", test_folder(), i);
	/* It changes to another user before it makes the socket. */
	return chmod(test_folder(), 0777);
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		unlink(file[i]);
	unlink(path);
	unlink(repair);
	return 0;
}

/* In a network namespace with nothing in it. */
static int start_passt(void **state)
{
	const char *argv[] = { "unshare",
			       "--net",
			       "sh",
			       "-c",
			       "exec \"$@\"",
			       "sh",
			       peer_runner("passt"),
			       "/usr/bin/passt",
			       "--vhost-user",
			       "-f",
			       "-4",
			       "-s",
			       path,
			       NULL };

	(void)state;
	program_start(&passt, argv);
	if (program_wait(&passt, "You can start qemu with:", 15000))
		return 0;
	printf("SKIP: passt does not start here: %s\n", passt.text);
	program_stop(&passt, NULL);
	exit(77);
}

static int stop_passt(void **state)
{
	(void)state;
	kill(passt.pid, SIGTERM);
	program_stop(&passt, NULL);
	return 0;
}

/* Sends one frame; the answers are in @in, their number is returned. */
static unsigned int exchange(const struct frame *out, struct frame *in, unsigned int most)
{
	unsigned int count;

	frames_write(file[0], out, 1);
	assert_int_equal(command("net send --socket %s --pcap %s --answers %s --wait 1", path,
				 file[0], file[1]),
			 0);
	count = frames_read(file[1], in, most);
	return count < most ? count : most;
}

static void test_arp(void **state)
{
	static struct frame frames[16];
	unsigned int count;
	bool answered = false;
	uint8_t mac[6];

	(void)state;
	make_arp(&frames[0], assigned, router);
	count = exchange(&frames[0], frames, 16);
	for (unsigned int i = 0; i < count; i++)
		answered = answered || is_arp_reply(&frames[i], router, mac);
	assert_true(answered);
}

static void make_discover(struct frame *f)
{
	static const uint8_t nowhere[4];
	static const uint8_t everywhere[4] = { 255, 255, 255, 255 };
	static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	static const uint8_t options[] = { 99, 130, 83, 99, 53, 1, 1, 255 };
	uint8_t *udp = f->data + 34;
	uint8_t *dhcp = udp + 8;

	memset(f, 0, sizeof(*f));
	put16(udp, 68);
	put16(udp + 2, 67);
	put16(udp + 4, 8 + 300);
	dhcp[0] = 1;
	dhcp[1] = 1;
	dhcp[2] = 6;
	put16(dhcp + 4, 0x7672);
	put16(dhcp + 6, 0x4242);
	memcpy(dhcp + 28, our_mac, 6);
	memcpy(dhcp + 236, options, sizeof(options));
	make_ip(f, broadcast, nowhere, everywhere, 17, 8 + 300);
}

/* An offer for us, of the address that it said it would assign. */
static bool is_offer(const struct frame *f, const struct frame *discover)
{
	const uint8_t *udp = f->data + 34;
	const uint8_t *dhcp = udp + 8;

	return f->bytes >= 34 + 8 + 243 && get16(f->data + 12) == 0x0800 && f->data[23] == 17 &&
	       checksum(f->data + 14, 20) == 0 && get16(udp) == 67 && get16(udp + 2) == 68 &&
	       dhcp[0] == 2 && !memcmp(dhcp + 4, discover->data + 46, 4) &&
	       !memcmp(dhcp + 16, assigned, 4) && !memcmp(dhcp + 28, our_mac, 6);
}

static void test_dhcp(void **state)
{
	static struct frame frames[16];
	static struct frame discover;
	unsigned int count;
	bool offered = false;

	(void)state;
	make_discover(&discover);
	count = exchange(&discover, frames, 16);
	for (unsigned int i = 0; i < count; i++)
		offered = offered || is_offer(&frames[i], &discover);
	assert_true(offered);
}

/* One session after the other, and what passt has no use for is taken all the same. */
static void test_many_packets(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		json_object *json = command_json("net send --socket %s --json --generate=1000 "
						 "--count 2000",
						 path);

		assert_int_equal(json_count(json, "taken"), 2000);
		json_object_put(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_arp, start_passt, stop_passt),
		cmocka_unit_test_setup_teardown(test_dhcp, start_passt, stop_passt),
		cmocka_unit_test_setup_teardown(test_many_packets, start_passt, stop_passt),
	};

	need_peer("passt");
	return cmocka_run_group_tests(tests, setup, teardown);
}
