// SPDX-License-Identifier: BSD-3-Clause
/*
 * Linux guests on a network card that `virtring serve net` serves, with a tap interface in a network
 * namespace of the test's own: pings in both directions, a file over TCP to the guest and back. One
 * case for each guest and ring form.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_cell.h"

#define TAP "virtring0"
#define HOST "10.77.0.1"
#define GUEST "10.77.0.2"
#define FILE_BYTES (32u << 20)
#define MODULES "virtio_pci? virtio_net"
/* QEMU 7.2 ends when a vhost-user network card with MSI-X is started. */
#define INTX ",vectors=0"

static const struct guest_cell cells[] = {
	{ "QEMU 7.2, Linux 6.1, split",
	  QEMU7_LINUX6,
	  INTX,
	  ALL_FORMS,
	  { "EVENT_IDX", "MRG_RXBUF", "HOST_TSO4" },
	  { "RING_PACKED", "IN_ORDER" },
	  1 },
	{ "QEMU 7.2, Linux 6.1, packed, 2 pairs",
	  QEMU7_LINUX6_LATER,
	  INTX ",packed=on",
	  ALL_FORMS,
	  { "RING_PACKED", "MQ" },
	  { "IN_ORDER" },
	  2 },
	{ "UML 7, split", UML7_LATER, "", SPLIT, { "EVENT_IDX" }, { "RING_PACKED", "IN_ORDER" }, 1 },
	{ "UML 7, split in order", UML7, "", SPLIT_IN_ORDER, { "IN_ORDER" }, { "RING_PACKED" }, 1 },
	{ "UML 7, packed", UML7_LATER, "", PACKED, { "RING_PACKED" }, { "IN_ORDER" }, 1 },
	{ "UML 7, packed in order", UML7, "", ALL_FORMS, { "RING_PACKED", "IN_ORDER" }, { 0 }, 1 },
	{ "UML 6.1, split", UML6, "", SPLIT, { "EVENT_IDX" }, { "RING_PACKED" }, 1 },
	{ "UML 6.12, packed", UML612, "", PACKED, { "RING_PACKED" }, { "IN_ORDER" }, 1 },
	{ "QEMU 10, Linux 7, split",
	  QEMU10_LINUX7,
	  "",
	  ALL_FORMS,
	  { "EVENT_IDX" },
	  { "RING_PACKED", "IN_ORDER" },
	  1 },
	{ "QEMU 10, Linux 7, split in order",
	  QEMU10_LINUX7,
	  ",in_order=on",
	  ALL_FORMS,
	  { "IN_ORDER" },
	  { "RING_PACKED" },
	  1 },
	{ "QEMU 10, Linux 7, packed",
	  QEMU10_LINUX7,
	  ",packed=on",
	  ALL_FORMS,
	  { "RING_PACKED" },
	  { "IN_ORDER" },
	  1 },
	{ "QEMU 11, Linux 7, packed in order, 2 pairs",
	  QEMU11_LINUX7,
	  ",packed=on,in_order=on",
	  ALL_FORMS,
	  { "RING_PACKED", "IN_ORDER", "MQ" },
	  { 0 },
	  2 },
};

#define CELLS (sizeof(cells) / sizeof(cells[0]))

/**
 * struct host - what the guest connects to
 * @listeners: for what the guest takes, what it brings back, and the end
 * @data: what it takes
 * @back: what it brought
 * @got: of it, in bytes
 * @thread: that serves them, one after the other
 */
struct host {
	int listeners[3];
	uint8_t *data;
	uint8_t *back;
	size_t got;
	pthread_t thread;
};

static struct program server;
static struct program guest;
static struct program script;
static struct host host;
static char initrd_path[128];
static char socket_path[128];

static int listen_on(uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
		return -1;
	return fd;
}

static void give(int fd)
{
	size_t sent = 0;

	while (sent < FILE_BYTES) {
		ssize_t some = send(fd, host.data + sent, FILE_BYTES - sent, MSG_NOSIGNAL);

		if (some <= 0)
			return;
		sent += (size_t)some;
	}
}

static void take(int fd)
{
	while (host.got <= FILE_BYTES) {
		ssize_t some = recv(fd, host.back + host.got, FILE_BYTES + 1 - host.got, 0);

		if (some <= 0)
			return;
		host.got += (size_t)some;
	}
}

/* Both connections in turn; what goes wrong shows in what has come back. */
static void *serve_file(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		int fd = accept4(host.listeners[i], NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		if (i == 0)
			give(fd);
		else
			take(fd);
		close(fd);
	}
	return NULL;
}

static void start_host(void)
{
	uint64_t seed = 1;

	host.got = 0;
	memset(host.back, 0, FILE_BYTES);
	for (size_t i = 0; i < FILE_BYTES / 8; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		memcpy(host.data + i * 8, &seed, 8);
	}
	for (int i = 0; i < 3; i++) {
		host.listeners[i] = listen_on((uint16_t)(5001 + i));
		assert_true(host.listeners[i] >= 0);
	}
	assert_int_equal(pthread_create(&host.thread, NULL, serve_file, NULL), 0);
}

/* shutdown() wakes whoever waits in accept(). */
static void stop_host(void)
{
	if (!host.thread)
		return;
	for (int i = 0; i < 3; i++)
		shutdown(host.listeners[i], SHUT_RDWR);
	pthread_join(host.thread, NULL);
	for (int i = 0; i < 3; i++)
		close(host.listeners[i]);
	host.thread = 0;
}

static int stop_all(void **state)
{
	(void)state;
	if (guest.pid)
		guest_stop(&guest);
	if (server.pid) {
		kill(server.pid, SIGTERM);
		program_stop(&server, NULL);
		fputs(server.text, stdout);
	}
	guest.pid = server.pid = 0;
	stop_host();
	unlink(initrd_path);
	return 0;
}

static void start_server(const struct guest_cell *cell)
{
	char pairs[8];
	const char *argv[] = { VIRTRING_TOOL, "serve",	 "net", "--socket", socket_path,    "--tap",
			       TAP,	      "--pairs", pairs, "--mask",   cell->withheld, NULL };
	const char *const address[] = { TAP, HOST "/24", NULL };

	snprintf(pairs, sizeof(pairs), "%u", cell->queues);
	if (!*cell->withheld)
		argv[9] = NULL;
	program_start(&server, argv);
	if (!program_wait(&server, "offering: ", 60000))
		fail_msg("no server: %s", server.text);
	assert_int_equal(run_script(&script, "net_up.sh", address, 60000), 0);
}

static void boot(const struct guest_cell *cell)
{
	const struct guest_device device = {
		.socket = socket_path,
		.type = GUEST_NET,
		.queues = cell->queues,
		.options = cell->options,
		.cpus = cell->queues,
	};

	assert_int_equal(guest_initrd(&cell->kind, initrd_path, "guest_net.sh", MODULES, ""), 0);
	start_server(cell);
	start_host();
	guest_start(&guest, &cell->kind, &device, initrd_path);
}

/* The guest waits for this, connected to the third port. */
static void ping_guest(void)
{
	const char *const address[] = { GUEST, NULL };
	int fd = accept4(host.listeners[2], NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(run_script(&script, "net_ping.sh", address, 300000), 0);
	close(fd);
}

static double rate(const char *hundredths)
{
	long value = strtol(hundredths, NULL, 10);

	return value > 0 ? (double)FILE_BYTES / (1 << 20) / ((double)value / 100) : 0;
}

static void report(const struct guest_cell *cell)
{
	const char *seconds = strstr(guest.text, "GUEST hundredths ");
	char kernel[64];

	word_after(&guest, "GUEST kernel ", kernel, sizeof(kernel));
	assert_non_null(seconds);
	seconds += strlen("GUEST hundredths ");
	printf("REPORT: %s (%s): negotiated%s\n", cell->name, kernel, guest_negotiated(&server));
	printf("REPORT: %s: 5 pings each way; 32 MiB over TCP to the guest (%.1f MiB/s) and back "
	       "(%.1f MiB/s), equal\n",
	       cell->name, rate(seconds), rate(strchr(seconds, ' ') ? strchr(seconds, ' ') : ""));
}

static void test_guest(void **state)
{
	const struct guest_cell *cell = *state;
	char word[64];

	guest_cell_need(cell);
	boot(cell);
	if (!program_wait(&guest, "GUEST hundredths", GUEST_MS))
		fail_msg("the guest said: %s", guest.text);
	ping_guest();
	if (!program_wait(&guest, "GUEST end", GUEST_MS))
		fail_msg("the guest said: %s", guest.text);
	assert_true(program_wait(&server, "front end gone", GUEST_MS));
	stop_host();
	assert_int_equal(host.got, FILE_BYTES);
	assert_memory_equal(host.back, host.data, FILE_BYTES);
	word_after(&guest, "GUEST pinged ", word, sizeof(word));
	assert_string_equal(word, "5");
	word_after(&guest, "GUEST queues ", word, sizeof(word));
	assert_int_equal(strtoul(word, NULL, 10), cell->queues);
	guest_cell_check(cell, &server);
	report(cell);
}

/* A part of a name as argument chooses among all. */
int main(int argc, char **argv)
{
	int failed;

	need_program("busybox");
	need_program("setsid");
	if (unshare(CLONE_NEWNET)) {
		printf("SKIP: no network namespace: %s\n", strerror(errno));
		return 77;
	}
	snprintf(initrd_path, sizeof(initrd_path), "%s/initrd", test_folder());
	snprintf(socket_path, sizeof(socket_path), "%s/net", test_folder());
	host.data = malloc(FILE_BYTES);
	host.back = malloc(FILE_BYTES + 1);
	if (!host.data || !host.back)
		return 1;
	failed = guest_cells_run(cells, CELLS, test_guest, stop_all, argc > 1 ? argv[1] : NULL);
	free(host.data);
	free(host.back);
	return failed;
}
