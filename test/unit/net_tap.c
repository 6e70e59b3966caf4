// SPDX-License-Identifier: BSD-3-Clause
/* A tap in a network namespace of our own; a packet socket is the wire's other end. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtring/net_tap.h>

#include "net_pair.h"

#define LENGTH 300u

static struct vr_net_tap *tap;
static int wire = -1;

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
	return true;
}

/* Up, without IPv6, whose own packets would be in the way; its number. */
static int interface_up(const char *name)
{
	struct ifreq request = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char path[128];
	int index;
	int file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	file = open(path, O_WRONLY);
	if (file >= 0) {
		assert_int_equal(write(file, "1", 1), 1);
		close(file);
	}
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	request.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	assert_int_equal(ioctl(fd, SIOCGIFINDEX, &request), 0);
	index = request.ifr_ifindex;
	close(fd);
	return index;
}

static int open_tap(uint32_t queues)
{
	struct vr_net_tap_config config = { .struct_size = sizeof(config), .queues = queues };
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };

	assert_int_equal(vr_net_tap_open(&config, &tap), 0);
	address.sll_ifindex = interface_up(vr_net_tap_name(tap));
	wire = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	assert_true(wire >= 0);
	return bind(wire, (struct sockaddr *)&address, sizeof(address));
}

static int close_tap(void **state)
{
	(void)state;
	vr_net_tap_close(tap);
	tap = NULL;
	if (wire >= 0)
		close(wire);
	wire = -1;
	return 0;
}

/* Our own frame on the wire, of type 0x88b5; anything else is passed over. */
static ssize_t take_frame(uint8_t *frame, size_t room, int timeout_ms)
{
	struct pollfd pollfd = { .fd = wire, .events = POLLIN };

	while (poll(&pollfd, 1, timeout_ms) == 1) {
		ssize_t got = recv(wire, frame, room, 0);

		assert_true(got > 14);
		if (frame[12] == 0x88 && frame[13] == 0xb5)
			return got;
	}
	return 0;
}

static void test_send(void **state)
{
	struct vr_net_generator generator = { .sequence = 7, .length = LENGTH };
	uint8_t sent[LENGTH];
	uint8_t got[2000];
	struct vr_iovec pieces[3] = { { sent, 1 }, { sent + 1, 99 }, { sent + 100, 200 } };
	struct vr_net_packet packet = { .pieces = pieces, .piece_count = 3, .len = LENGTH };
	struct vr_net_tap_stats stats;

	(void)state;
	assert_int_equal(open_tap(1), 0);
	vr_net_generate(&generator, sent);
	vr_net_tap_send(tap, 0, &packet, 1);
	assert_int_equal(take_frame(got, sizeof(got), 60000), LENGTH);
	assert_memory_equal(got, sent, LENGTH);
	/* Not agreed upon: unfinished. */
	packet.header.flags = VR_NET_HDR_NEEDS_CSUM;
	packet.header.csum_start = 34;
	vr_net_tap_send(tap, 0, &packet, 1);
	/* Agreed upon, and where the checksum is to be is outside of it. */
	assert_int_equal(vr_net_tap_offloads(tap, 0, VR_NET_F_GUEST_CSUM), 0);
	packet.header.csum_start = 60000;
	vr_net_tap_send(tap, 0, &packet, 1);
	/* Not even an Ethernet header. */
	packet.header.flags = 0;
	packet.piece_count = 1;
	vr_net_tap_send(tap, 0, &packet, 1);
	vr_net_tap_stats(tap, 0, &stats);
	assert_int_equal(stats.sent, 1);
	assert_int_equal(stats.sent_bytes, LENGTH);
	assert_int_equal(stats.refused, 3);
	packet.piece_count = 3;
	packet.header.flags = VR_NET_HDR_NEEDS_CSUM;
	packet.header.csum_start = 34;
	packet.header.csum_offset = 6;
	vr_net_tap_send(tap, 0, &packet, 1);
	vr_net_tap_stats(tap, 0, &stats);
	assert_int_equal(stats.sent, 2);
}

static void test_receive(void **state)
{
	struct vr_net_generator generator = { .length = LENGTH };
	struct vr_net_sink sink = { .length = LENGTH, .interval = 1 };
	struct vr_net_packet packets[VR_NET_TAP_BURST + 1];
	struct vr_net_tap_stats stats;
	uint8_t frame[LENGTH];
	int got;

	(void)state;
	assert_int_equal(open_tap(1), 0);
	assert_int_equal(vr_net_tap_receive(tap, 0, packets, 1), 0);
	for (unsigned int i = 0; i < 2 * VR_NET_TAP_BURST; i++) {
		vr_net_generate(&generator, frame);
		assert_int_equal(send(wire, frame, LENGTH, 0), LENGTH);
	}
	do {
		got = vr_net_tap_receive(tap, 0, packets, VR_NET_TAP_BURST + 1);
		assert_true(got >= 0 && got <= (int)VR_NET_TAP_BURST);
		vr_net_sink_take(&sink, packets, (unsigned int)got);
	} while (got > 0);
	assert_int_equal(sink.packets, 2 * VR_NET_TAP_BURST);
	assert_int_equal(sink.bad, 0);
	vr_net_tap_stats(tap, 0, &stats);
	assert_int_equal(stats.received, 2 * VR_NET_TAP_BURST);
	assert_int_equal(stats.received_bytes, 2 * VR_NET_TAP_BURST * LENGTH);
}

/* What is detached gets nothing. */
static void test_queues(void **state)
{
	struct vr_net_generator generator = { .length = LENGTH };
	struct vr_net_packet packets[VR_NET_TAP_BURST];
	uint8_t frame[LENGTH];
	unsigned int total = 0;

	(void)state;
	assert_int_equal(open_tap(3), 0);
	assert_int_equal(vr_net_tap_attach(tap, 0, false), 0);
	assert_int_equal(vr_net_tap_attach(tap, 2, false), 0);
	assert_int_equal(vr_net_tap_attach(tap, 2, false), 0);
	for (unsigned int i = 0; i < 20; i++) {
		vr_net_generate(&generator, frame);
		frame[5] = (uint8_t)i;
		assert_int_equal(send(wire, frame, LENGTH, 0), LENGTH);
	}
	for (uint32_t q = 0; q < 3; q++) {
		int got = vr_net_tap_receive(tap, q, packets, VR_NET_TAP_BURST);

		assert_int_equal(got > 0, q == 1);
		total += got > 0 ? (unsigned int)got : 0;
	}
	assert_int_equal(total, 20);
	assert_int_equal(vr_net_tap_attach(tap, 2, true), 0);
	assert_int_equal(vr_net_tap_receive(tap, 2, packets, 1), 0);
}

static void test_offloads(void **state)
{
	uint64_t features;

	(void)state;
	assert_int_equal(open_tap(1), 0);
	features = vr_net_tap_features(tap);
	assert_true(features & VR_NET_F_CSUM);
	assert_true(features & VR_NET_F_GUEST_TSO6);
	assert_true(features & VR_NET_F_HOST_TSO4);
	assert_int_equal(vr_net_tap_offloads(tap, features & VR_NET_GUEST_OFFLOADS,
					     vr_net_host_offloads(features)),
			 0);
	/* Bits that need others are left out, as a driver may negotiate what it likes. */
	for (unsigned int bit = 0; bit < 64; bit++)
		assert_int_equal(vr_net_tap_offloads(tap, 1ull << bit, 0), 0);
	assert_int_equal(vr_net_tap_offloads(tap, UINT64_MAX, 0), 0);
	assert_int_equal(vr_net_tap_offloads(tap, 0, 0), 0);
}

static void test_config(void **state)
{
	struct vr_net_tap_config config = { .struct_size = sizeof(config), .name = "lo" };
	struct vr_net_tap *other = NULL;

	(void)state;
	assert_int_equal(vr_net_tap_open(NULL, &other), -EINVAL);
	assert_int_equal(vr_net_tap_open(&config, &other), -EINVAL);
	config.name = "a-name-of-16-chars";
	assert_int_equal(vr_net_tap_open(&config, &other), -EINVAL);
	config.name = NULL;
	config.queues = VR_NET_TAP_QUEUES_MAX + 1;
	assert_int_equal(vr_net_tap_open(&config, &other), -EINVAL);
	config.queues = 1;
	config.reserved = 1;
	assert_int_equal(vr_net_tap_open(&config, &other), -EINVAL);
	config.reserved = 0;
	config.struct_size--;
	assert_int_equal(vr_net_tap_open(&config, &other), -EINVAL);
	config.struct_size++;
	/* Who has it with one queue has it alone. */
	assert_int_equal(open_tap(1), 0);
	config.name = vr_net_tap_name(tap);
	assert_true(vr_net_tap_open(&config, &other) < 0);
	assert_null(other);
	vr_net_tap_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_send, close_tap),
		cmocka_unit_test_teardown(test_receive, close_tap),
		cmocka_unit_test_teardown(test_queues, close_tap),
		cmocka_unit_test_teardown(test_offloads, close_tap),
		cmocka_unit_test_teardown(test_config, close_tap),
	};

	if (!enter_namespace())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
