// SPDX-License-Identifier: BSD-3-Clause
/* `virtring serve net --tap` in a network namespace of our own: the kernel answers. */
#define _GNU_SOURCE
#include "command.h"
#include "frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define TAP "vrtest0"
#define PINGS 50u
#define SOCKETS 32u
#define EACH 20u

static const char *const masks[] = { "RING_PACKED,IN_ORDER", "RING_PACKED", "IN_ORDER", "" };
static const uint8_t here[4] = { 10, 99, 0, 2 };
static const uint8_t kernel[4] = { 10, 99, 0, 1 };

static struct program server;
static char path[128];
static char file[2][128];
static int any_socket = -1;

static bool enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("SKIP: no network namespace: %s\n", strerror(errno));
		return false;
	}
	if (access("/dev/net/tun", R_OK | W_OK)) {
		printf("SKIP: /dev/net/tun: %s\n", strerror(errno));
		return false;
	}
	any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return any_socket >= 0;
}

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
	if (server.pid)
		assert_int_equal(serve_stop(&server), 0);
	server.pid = 0;
	return 0;
}

static struct sockaddr address_of(const uint8_t *ip)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr any;

	memcpy(&in.sin_addr, ip, 4);
	memcpy(&any, &in, sizeof(any));
	return any;
}

/* An address, a net of 256, and up. */
static void configure(void)
{
	static const uint8_t mask[4] = { 255, 255, 255, 0 };
	struct ifreq request = { .ifr_name = TAP };

	request.ifr_addr = address_of(kernel);
	assert_int_equal(ioctl(any_socket, SIOCSIFADDR, &request), 0);
	request.ifr_netmask = address_of(mask);
	assert_int_equal(ioctl(any_socket, SIOCSIFNETMASK, &request), 0);
	request.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(any_socket, SIOCSIFFLAGS, &request), 0);
}

/* The kernel need not ask where we are. */
static void add_neighbour(void)
{
	struct arpreq request = { .arp_flags = ATF_PERM | ATF_COM, .arp_dev = TAP };

	request.arp_pa = address_of(here);
	request.arp_ha.sa_family = ARPHRD_ETHER;
	memcpy(request.arp_ha.sa_data, our_mac, 6);
	assert_int_equal(ioctl(any_socket, SIOCSARP, &request), 0);
}

/* Whom do we talk to? The kernel says so itself. */
static void ask_address(const char *mask, uint8_t *mac)
{
	static struct frame frames[64];
	unsigned int count;

	make_arp(&frames[0], here, kernel);
	frames_write(file[0], frames, 1);
	assert_int_equal(command("net send --socket %s --mask=%s --pcap %s --answers %s --wait 0.5",
				 path, mask, file[0], file[1]),
			 0);
	count = frames_read(file[1], frames, 64);
	for (unsigned int i = 0; i < count && i < 64; i++)
		if (is_arp_reply(&frames[i], kernel, mac))
			return;
	fail_msg("no answer among %u frames", count);
}

/* Pings of all sizes come back, each to the last byte. */
static void ping(const char *mask)
{
	static struct frame out[PINGS];
	static struct frame in[4 * PINGS];
	unsigned int answered = 0;
	unsigned int count;
	uint8_t mac[6];

	ask_address(mask, mac);
	for (unsigned int i = 0; i < PINGS; i++)
		make_ping(&out[i], mac, here, kernel, i, 8 + 29 * i);
	frames_write(file[0], out, PINGS);
	assert_int_equal(command("net send --socket %s --mask=%s --pcap %s --answers %s --wait 0.5",
				 path, mask, file[0], file[1]),
			 0);
	count = frames_read(file[1], in, 4 * PINGS);
	for (unsigned int i = 0; i < count && i < 4 * PINGS; i++)
		answered += answered < PINGS && is_pong(&in[i], &out[answered]);
	assert_int_equal(answered, PINGS);
}

static void test_ping(void **state)
{
	(void)state;
	serve_start(&server, "serve net --socket %s --tap " TAP, path);
	configure();
	add_neighbour();
	for (unsigned int i = 0; i < 4; i++)
		ping(masks[i]);
	ping("MRG_RXBUF,EVENT_IDX");
}

/* Datagrams of many flows, which the kernel spreads over the queues. */
static void send_datagrams(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7777) };

	memcpy(&to.sin_addr, here, 4);
	for (unsigned int i = 0; i < SOCKETS; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		assert_true(fd >= 0);
		for (unsigned int j = 0; j < EACH; j++) {
			uint8_t payload[100];

			memset(payload, (int)(i * EACH + j), sizeof(payload));
			put16(payload, i * EACH + j);
			assert_int_equal(sendto(fd, payload, sizeof(payload), 0,
						(struct sockaddr *)&to, sizeof(to)),
					 sizeof(payload));
		}
		close(fd);
	}
}

static bool is_datagram(const struct frame *frame)
{
	return get16(frame->data + 12) == 0x0800 && frame->data[23] == 17 &&
	       get16(frame->data + 36) == 7777;
}

static bool all_datagrams(const struct frame *frames, unsigned int count)
{
	unsigned int datagrams = 0;

	for (unsigned int i = 0; i < count; i++)
		datagrams += is_datagram(&frames[i]);
	return datagrams >= SOCKETS * EACH;
}

static void check_datagrams(void)
{
	static struct frame frames[SOCKETS * EACH + 64];
	bool seen[SOCKETS * EACH] = { false };
	unsigned int count = frames_wait(file[0], frames, SOCKETS * EACH + 64, all_datagrams);

	for (unsigned int i = 0; i < count; i++) {
		const uint8_t *data = frames[i].data;
		unsigned int number = get16(data + 42);

		if (!is_datagram(&frames[i]))
			continue;
		assert_int_equal(frames[i].bytes, 142);
		assert_int_equal(checksum(data + 14, 20), 0);
		assert_true(number < SOCKETS * EACH && !seen[number]);
		for (unsigned int j = 44; j < 142; j++)
			assert_int_equal(data[j], number & 255);
		seen[number] = true;
	}
	for (unsigned int i = 0; i < SOCKETS * EACH; i++)
		assert_true(seen[i]);
}

static void test_queues(void **state)
{
	(void)state;
	serve_start(&server, "serve net --socket %s --tap " TAP " --pairs 4", path);
	configure();
	add_neighbour();
	for (unsigned int pairs = 1; pairs <= 4; pairs++) {
		char pairs_text[8];
		const char *argv[] = { VIRTRING_TOOL,
				       "net",
				       "receive",
				       "--socket",
				       path,
				       "--pcap",
				       file[0],
				       "--pairs",
				       pairs_text,
				       "--seconds",
				       "600",
				       "--mask=",
				       masks[pairs - 1],
				       pairs == 3 ? "--control" : NULL,
				       NULL };
		struct program client;

		/* One word. */
		char mask[64];

		snprintf(mask, sizeof(mask), "--mask=%s", masks[pairs - 1]);
		argv[11] = mask;
		argv[12] = pairs == 3 ? "--control" : NULL;
		argv[13] = NULL;
		snprintf(pairs_text, sizeof(pairs_text), "%u", pairs);
		program_start(&client, argv);
		assert_true(program_wait(&server, "front end: ", 60000));
		usleep(300000);
		send_datagrams();
		check_datagrams();
		kill(client.pid, SIGTERM);
		assert_true(program_wait(&client, "received ", 60000));
		program_stop(&client, NULL);
		assert_true(program_wait(&server, "front end gone", 60000));
	}
}

/* An interface that goes away takes nothing with it. */
static void test_interface_down(void **state)
{
	struct ifreq request = { .ifr_name = TAP };

	(void)state;
	serve_start(&server, "serve net --socket %s --tap " TAP, path);
	configure();
	ping("");
	request.ifr_flags = 0;
	assert_int_equal(ioctl(any_socket, SIOCSIFFLAGS, &request), 0);
	assert_int_equal(command("net send --socket %s --generate --count 100", path), 0);
	configure();
	ping("");
	stop_server(state);
	assert_non_null(strstr(server.text, " 100 refused"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_ping, stop_server),
		cmocka_unit_test_teardown(test_queues, stop_server),
		cmocka_unit_test_teardown(test_interface_down, stop_server),
	};

	if (!enter_namespace())
		return 77;
	return cmocka_run_group_tests(tests, setup, teardown);
}
