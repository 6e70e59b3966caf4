// SPDX-License-Identifier: BSD-3-Clause
/* Postcopy in the back end: a handler of page faults in this same program plays the front end's. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/vhost_user/channel.h"
#include "vu_peer.h"

#define PROTOCOL (VR_VU_PF_PAGEFAULT | VR_VU_PF_REPLY_ACK)
#define OFFER (VR_VU_PF_BACKEND_SUPPORTED)

/* From here on pages have this byte in them, below zeros: rings are there. */
#define DATA 0x20000u
#define BYTE 0x5a

static void create(struct peer *peer)
{
	peer_create_offering(peer, 0, OFFER);
	peer_u64(peer, VU_SET_PROTOCOL_FEATURES, PROTOCOL);
	peer_u64(peer, VU_SET_FEATURES, VR_F_VERSION_1 | VR_VU_F_PROTOCOL_FEATURES);
}

/* POSTCOPY_ADVISE; the userfaultfd, or -1 when there is none to be had here. */
static int advise(struct peer *peer)
{
	struct vu_rx rx = { 0 };
	int fd;

	peer_send(peer, VU_POSTCOPY_ADVISE, VU_VERSION, NULL, 0, NULL, 0);
	peer_run(peer);
	if (!vr_vu_backend_connected(peer->backend)) {
		const char *error = vr_vu_backend_error(peer->backend);

		if (!strstr(error, "no userfaultfd"))
			fail_msg("%s", error);
		printf("SKIP: %s\n", error);
		return -1;
	}
	assert_int_equal(vri_rx(peer->sock, &rx, true), VU_RX_DONE);
	assert_int_equal(rx.header.request, VU_POSTCOPY_ADVISE);
	assert_int_equal(rx.header.size, 0);
	assert_int_equal(rx.fd_count, 1);
	fd = vri_rx_take_fd(&rx, 0);
	vri_rx_reset(&rx);
	return fd;
}

static void skip_without(struct peer *peer, int uffd)
{
	if (uffd >= 0)
		return;
	peer_destroy(peer);
	skip();
}

static struct answer ask(struct peer *peer, uint32_t request)
{
	return peer_ask(peer, request, NULL, 0, NULL, 0);
}

/* SET_MEM_TABLE; where the back end has the memory. Nothing uses it before the acknowledgement. */
static unsigned char *table(struct peer *peer)
{
	const struct vu_region_table memory = {
		.count = 1,
		.regions = { { PEER_GUEST, PEER_MEMORY, PEER_USER, 0 } },
	};
	struct vr_vu_backend_state before, after;
	struct answer answer;

	vr_vu_backend_state(peer->backend, &before);
	peer_send(peer, VU_SET_MEM_TABLE, VU_VERSION, &memory, 40, &peer->memory_fd, 1);
	peer_run(peer);
	answer = peer_receive(peer);
	assert_true(answer.got);
	assert_int_equal(answer.header.request, VU_SET_MEM_TABLE);
	assert_int_equal(answer.header.size, 40);
	assert_int_equal(answer.payload.table.regions[0].guest_addr, PEER_GUEST);
	assert_int_equal(answer.payload.table.regions[0].size, PEER_MEMORY);
	vr_vu_backend_state(peer->backend, &after);
	assert_int_equal(after.regions, before.regions);
	return (unsigned char *)(uintptr_t)answer.payload.table.regions[0].user_addr;
}

static void acknowledge(struct peer *peer, uint32_t size)
{
	peer_send(peer, VU_SET_MEM_TABLE, VU_VERSION, NULL, size, NULL, 0);
	peer_run(peer);
	assert_false(peer_receive(peer).got);
	assert_true(vr_vu_backend_connected(peer->backend));
}

/**
 * struct pager - who puts pages in
 * @uffd: where faults are reported
 * @stop: an eventfd would do, too
 * @base: of the memory
 * @faults: pages that were put in
 */
struct pager {
	int uffd;
	atomic_bool stop;
	unsigned char *base;
	atomic_uint faults;
	pthread_t thread;
};

static void put_page(struct pager *pager, uint64_t address)
{
	static const size_t size = 4096;
	_Alignas(4096) unsigned char page[4096];
	struct uffdio_copy copy = {
		.dst = address & ~(uint64_t)(size - 1),
		.src = (uintptr_t)page,
		.len = size,
	};

	memset(page, copy.dst - (uintptr_t)pager->base >= DATA ? BYTE : 0, size);
	/* Counted first: who waits goes on during the call. */
	pager->faults++;
	if (ioctl(pager->uffd, UFFDIO_COPY, &copy) && errno != EEXIST)
		abort();
}

static void *page_in(void *arg)
{
	struct pager *pager = arg;

	while (!atomic_load(&pager->stop)) {
		struct pollfd pollfd = { pager->uffd, POLLIN, 0 };
		struct uffd_msg message;

		if (poll(&pollfd, 1, 10) <= 0 ||
		    read(pager->uffd, &message, sizeof(message)) != sizeof(message))
			continue;
		if (message.event != UFFD_EVENT_PAGEFAULT)
			abort();
		put_page(pager, message.arg.pagefault.address);
	}
	return NULL;
}

static void start_pager(struct pager *pager, int uffd, unsigned char *base)
{
	memset(pager, 0, sizeof(*pager));
	pager->uffd = uffd;
	pager->base = base;
	assert_int_equal(pthread_create(&pager->thread, NULL, page_in, pager), 0);
}

static void stop_pager(struct pager *pager)
{
	atomic_store(&pager->stop, true);
	pthread_join(pager->thread, NULL);
}

static void pages_come_later(uint32_t ack_size)
{
	struct answer answer;
	struct pager pager;
	struct peer peer;
	unsigned char *base;
	int uffd;

	create(&peer);
	uffd = advise(&peer);
	skip_without(&peer, uffd);
	answer = ask(&peer, VU_POSTCOPY_LISTEN);
	assert_true(is_ok(&answer));
	base = table(&peer);
	start_pager(&pager, uffd, base);
	acknowledge(&peer, ack_size);
	assert_int_equal(pager.faults, 0);
	assert_int_equal(*(volatile unsigned char *)(base + DATA + 5), BYTE);
	assert_int_equal(pager.faults, 1);
	/* A ring whose memory is not there yet. */
	peer_start(&peer, 0);
	assert_true(pager.faults > 1);
	/* Once more, with the memory that is there. */
	base = table(&peer);
	pager.base = base;
	acknowledge(&peer, ack_size);
	assert_true(vr_vu_backend_vring(peer.backend, 0)->running);
	assert_int_equal(*(volatile unsigned char *)(base + DATA + 5), BYTE);
	answer = ask(&peer, VU_POSTCOPY_END);
	assert_true(is_ok(&answer));
	/* What was never put in is empty now, and nobody waits. */
	assert_int_equal(*(volatile unsigned char *)(base + DATA + 0x10000), 0);
	stop_pager(&pager);
	answer = ask(&peer, VU_POSTCOPY_END);
	assert_true(is_refused(&answer));
	close(uffd);
	peer_destroy(&peer);
}

static void acknowledged_by_nothing(void **state)
{
	(void)state;
	pages_come_later(0);
}

static void acknowledged_by_zero(void **state)
{
	(void)state;
	pages_come_later(8);
}

static void *touch(void *arg)
{
	(void)*(volatile unsigned char *)arg;
	return NULL;
}

/* The front end dies while somebody waits for a page of it: the wait ends with the session. */
static void ends_with_the_session(void **state)
{
	struct answer answer;
	struct pager pager;
	struct peer peer;
	struct vr_mem *mem;
	pthread_t thread;
	unsigned char *base;
	int uffd;

	(void)state;
	create(&peer);
	uffd = advise(&peer);
	skip_without(&peer, uffd);
	answer = ask(&peer, VU_POSTCOPY_LISTEN);
	assert_true(is_ok(&answer));
	base = table(&peer);
	start_pager(&pager, uffd, base);
	acknowledge(&peer, 0);
	peer_start(&peer, 0);
	stop_pager(&pager);
	/* As a worker does: it holds on to what it reads from. */
	mem = vr_mem_ref(peer.mem[0]);
	assert_int_equal(pthread_create(&thread, NULL, touch, base + DATA), 0);
	assert_int_equal(poll(&(struct pollfd){ uffd, POLLIN, 0 }, 1, 60000), 1);
	close(peer.sock);
	peer.sock = -1;
	peer_run(&peer);
	assert_false(vr_vu_backend_connected(peer.backend));
	pthread_join(thread, NULL);
	vr_mem_put(mem);
	close(uffd);
	peer_destroy(&peer);
}

static void refused(void **state)
{
	static const uint32_t messages[] = { VU_POSTCOPY_ADVISE, VU_POSTCOPY_LISTEN,
					     VU_POSTCOPY_END };
	struct answer answer;
	struct peer peer;
	size_t i;

	(void)state;
	create(&peer);
	/* Out of order. */
	answer = ask(&peer, VU_POSTCOPY_LISTEN);
	assert_true(is_refused(&answer));
	assert_non_null(strstr(vr_vu_backend_error(peer.backend), "POSTCOPY_ADVISE"));
	answer = ask(&peer, VU_POSTCOPY_END);
	assert_true(is_refused(&answer));
	/* Not with memory slots, and not without its feature. */
	for (i = 0; i < 6; i++) {
		peer_reconnect(&peer);
		peer_u64(&peer, VU_SET_PROTOCOL_FEATURES,
			 i < 3 ? PROTOCOL | VR_VU_PF_CONFIGURE_MEM_SLOTS : VR_VU_PF_REPLY_ACK);
		answer = ask(&peer, messages[i % 3]);
		assert_true(answer.closed || is_refused(&answer));
		assert_non_null(strstr(vr_vu_backend_error(peer.backend),
				       vr_vu_request_name(messages[i % 3])));
		if (i < 3)
			assert_non_null(strstr(vr_vu_backend_error(peer.backend), "MEM_SLOTS"));
	}
	peer_destroy(&peer);
}

/* After a table only its acknowledgement may come. */
static void wrong_acknowledgements(void **state)
{
	static const struct {
		uint32_t request, size;
		uint64_t value;
		bool with_fd;
	} cases[] = {
		{ VU_GET_FEATURES, 0, 0, false },  { VU_SET_MEM_TABLE, 8, 1, false },
		{ VU_SET_MEM_TABLE, 4, 0, false }, { VU_SET_MEM_TABLE, 40, 1, true },
		{ VU_SET_MEM_TABLE, 0, 0, true },  { 99, 0, 0, false },
	};
	unsigned char payload[40] = { 0 };
	struct answer answer;
	struct peer peer;
	size_t i;
	int uffd;

	(void)state;
	create(&peer);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (i) {
			peer_reconnect(&peer);
			peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, PROTOCOL);
		}
		uffd = advise(&peer);
		skip_without(&peer, uffd);
		close(uffd);
		answer = ask(&peer, VU_POSTCOPY_LISTEN);
		assert_true(is_ok(&answer));
		table(&peer);
		memcpy(payload, &cases[i].value, 8);
		peer_send(&peer, cases[i].request, VU_VERSION | VU_FLAG_NEED_REPLY, payload,
			  cases[i].size, &peer.memory_fd, cases[i].with_fd);
		peer_run(&peer);
		answer = peer_receive(&peer);
		assert_true(answer.closed);
	}
	/* The session ends in between. */
	peer_reconnect(&peer);
	peer_u64(&peer, VU_SET_PROTOCOL_FEATURES, PROTOCOL);
	close(advise(&peer));
	answer = ask(&peer, VU_POSTCOPY_LISTEN);
	assert_true(is_ok(&answer));
	table(&peer);
	peer_destroy(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledged_by_nothing), cmocka_unit_test(acknowledged_by_zero),
		cmocka_unit_test(ends_with_the_session),   cmocka_unit_test(refused),
		cmocka_unit_test(wrong_acknowledgements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
