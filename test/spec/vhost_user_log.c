// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-LOG and the messages about the dirty log, down to the bit. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "vu_traffic.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define LOG_ALL (1ull << 26)
#define TIMEOUT 5000

/* The log has a bit for each page up to the end of the peer's memory, and begins at this offset. */
#define LOG_BYTES ((PEER_GUEST + PEER_MEMORY) / 4096 / 8)
#define LOG_OFFSET 0x800u
#define LOG_FILE 0x2000u

/* Ring 0's buffers, its used ring, and an address that is in no region: pages of guest memory. */
#define PAGE_BUFFERS ((PEER_GUEST + 0x20000u) / 4096)
#define PAGE_DESCRIPTORS (PEER_GUEST / 4096)
#define PAGE_DEVICE ((PEER_GUEST + 0x6000u) / 4096)
#define PAGE_NOWHERE 0x42u

static unsigned char *bits; /* the whole file */
static int log_fd;

/* ---- a device that logs ---- */

static void open_log(struct traffic *t, uint64_t features)
{
	traffic_open(t, features);
	traffic_use_queues(t);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	CHECK(log_fd >= 0);
	CHECK_EQ(ftruncate(log_fd, LOG_FILE), 0);
	bits = mmap(NULL, LOG_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, log_fd, 0);
	CHECK(bits != MAP_FAILED);
}

static void close_log(struct traffic *t)
{
	munmap(bits, LOG_FILE);
	close(log_fd);
	traffic_close(t);
}

/* SET_LOG_BASE: is it answered, once? Otherwise the session is over. */
static bool set_log(struct peer *peer, uint64_t size, uint64_t offset)
{
	struct wire wire = wire_message(6, WIRE_VERSION, 16), answer;

	wire_u64(&wire, size);
	wire_u64(&wire, offset);
	wire.fd_count = 1;
	wire.fds[0] = log_fd;
	if (!peer_exchange(peer, &wire, &answer)) {
		CHECK(wire_closed(peer->sock));
		return false;
	}
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	CHECK(!wire_take(peer->sock, &answer));
	return true;
}

/* SET_VRING_ADDR with the log flag and address. */
static bool log_ring(struct peer *peer, bool on, uint64_t address)
{
	const struct vu_vring_addr addr = peer_addr(0);
	struct wire wire = wire_message(9, NEED_REPLY, 40), answer;

	wire_u32(&wire, 0);
	wire_u32(&wire, on);
	wire_u64(&wire, addr.descriptors);
	wire_u64(&wire, addr.device);
	wire_u64(&wire, addr.driver);
	wire_u64(&wire, address);
	CHECK(peer_exchange(peer, &wire, &answer));
	return wire_value(&answer) == 0;
}

static void log_data(struct traffic *t, bool on)
{
	peer_u64(&t->peer, 2, t->features | 1ull << 30 | (on ? LOG_ALL : 0));
}

/* Are exactly these pages marked, and nothing before or behind the log? Wipes it. */
static bool marked(const uint32_t *pages, unsigned int count)
{
	static unsigned char expected[LOG_FILE];
	bool same;

	memset(expected, 0, sizeof(expected));
	for (unsigned int i = 0; i < count; i++)
		expected[LOG_OFFSET + pages[i] / 8] |= (unsigned char)(1u << pages[i] % 8);
	same = memcmp(bits, expected, LOG_FILE) == 0;
	memset(bits, 0, LOG_FILE);
	return same;
}

/* ---- messages ---- */

static void where_the_log_is(void **state)
{
	static const uint64_t wrong[][2] = {
		{ 0, 0 }, { LOG_FILE + 1, 0 }, { LOG_FILE, 1 }, { UINT64_MAX, 1 }, { 1, UINT64_MAX }
	};
	struct traffic t;

	(void)state;
	CLAUSE("VU-PAY-007");
	open_log(&t, 0);
	traffic_start(&t, 0, 16, 0);
	CHECK(set_log(&t.peer, LOG_BYTES, LOG_OFFSET));
	log_data(&t, true);
	traffic_run(&t, 0, 3);
	CHECK(marked((uint32_t[]){ PAGE_BUFFERS }, 1));

	CLAUSE("VU-MSG-06");
	/* Another one in its place. */
	CHECK(set_log(&t.peer, LOG_BYTES, LOG_OFFSET + 0x100));
	traffic_run(&t, 0, 3);
	CHECK_EQ(bits[LOG_OFFSET + 0x100 + PAGE_BUFFERS / 8], 1u << PAGE_BUFFERS % 8);
	bits[LOG_OFFSET + 0x100 + PAGE_BUFFERS / 8] = 0;
	CHECK(marked(NULL, 0));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		step("size 0x%llx, offset 0x%llx", (unsigned long long)wrong[i][0],
		     (unsigned long long)wrong[i][1]);
		peer_reconnect(&t.peer);
		peer_negotiate(&t.peer, t.features);
		CHECK(!set_log(&t.peer, wrong[i][0], wrong[i][1]));
	}
	close_log(&t);
}

static void the_signal(void **state)
{
	struct wire wire, answer;
	struct peer peer;
	int fds, fd;

	(void)state;
	CLAUSE("VU-MSG-07");
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	fd = eventfd(0, EFD_CLOEXEC);
	fds = count_fds();
	for (int i = 0; i < 5; i++) {
		wire = wire_message(7, NEED_REPLY, 0);
		wire.fd_count = 1;
		wire.fds[0] = fd;
		CHECK(peer_exchange(&peer, &wire, &answer));
		CHECK_EQ(wire_value(&answer), 0);
		CHECK_EQ(count_fds(), fds + 1);
	}
	close(fd);
	/* Closed with the session: peer_destroy() counts. */
	peer_destroy(&peer);
}

static void the_front_ends_messages(void **state)
{
	static const uint32_t sizes[] = { 0, 8 };
	const struct vr_vu_frontend_config config = { .struct_size = sizeof(config),
						      .protocol_features = VR_VU_PF_LOG_SHMFD };
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	struct vr_vu_log *log;
	struct wire wire;
	int socks[2];

	(void)state;
	CHECK_EQ(vr_vu_log_create(1 << 20, &log), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLAUSE("VU-INT-005");
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
		CHECK_EQ(vr_vu_frontend_create(&config, &frontend), 0);
		CHECK_EQ(vr_vu_frontend_adopt(frontend, socks[0]), 0);
		for (uint32_t request = 1; request <= 15; request += 14) {
			wire = wire_message(request, WIRE_VERSION | WIRE_REPLY, 8);
			wire_u64(&wire, UINT64_MAX);
			CHECK(wire_send(socks[1], &wire));
		}
		CHECK_EQ(vr_vu_frontend_negotiate(frontend, 0, 0, &offer, TIMEOUT), 0);
		wire = wire_message(6, WIRE_VERSION | WIRE_REPLY, sizes[i]);
		wire.size += sizes[i];
		CHECK(wire_send(socks[1], &wire));
		CHECK_EQ(vr_vu_frontend_set_log(frontend, log, TIMEOUT), 0);
		CLAUSE("VU-MSG-06");
		do
			CHECK(wire_take(socks[1], &wire));
		while (wire_get_u32(wire.bytes) != 6);
		CHECK_EQ(wire.size, WIRE_HEADER + 16);
		CHECK_EQ(wire.fd_count, 1);
		CHECK(wire_value(&wire) >= (1 << 20) / 4096 / 8);
		CHECK_EQ(wire_get_u64(wire.bytes + WIRE_HEADER + 8), 0);
		wire_close_fds(&wire);
		vr_vu_frontend_destroy(frontend);
		close(socks[1]);
	}
	vr_vu_log_destroy(log);
}

/* ---- bits ---- */

static void what_is_marked(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct traffic t;
		uint32_t base;

		context("%s", form->name);
		open_log(&t, form->features);
		CLAUSE("VU-LOG-001");
		CLAUSE("VU-LOG-002");
		traffic_start(&t, 0, 16, traffic_fresh(&t));
		CHECK(set_log(&t.peer, LOG_BYTES, LOG_OFFSET));
		traffic_run(&t, 0, 3);
		CHECK(marked(NULL, 0));

		CLAUSE("VU-FB-026");
		log_data(&t, true);
		CHECK_EQ(t.peer.rings[0].features, t.features);
		traffic_run(&t, 0, 3);
		CLAUSE("VU-LOG-004");
		CHECK(marked((uint32_t[]){ PAGE_BUFFERS }, 1));

		CLAUSE("VU-LOG-005");
		CHECK(log_ring(&t.peer, true, PEER_GUEST + 0x6000));
		traffic_run(&t, 0, 3);
		CLAUSE("VU-LOG-010");
		if (is_packed(form->features))
			CHECK(marked((uint32_t[]){ PAGE_BUFFERS, PAGE_DESCRIPTORS }, 2));
		else
			CHECK(marked((uint32_t[]){ PAGE_BUFFERS, PAGE_DEVICE }, 2));
		/* The log's own address for the ring need be in no region, but in the log. */
		CHECK(log_ring(&t.peer, true, PAGE_NOWHERE * 4096));
		traffic_run(&t, 0, 3);
		if (is_packed(form->features))
			memset(bits, 0, LOG_FILE);
		else
			CHECK(marked((uint32_t[]){ PAGE_BUFFERS, PAGE_NOWHERE }, 2));
		CHECK(!log_ring(&t.peer, true, PEER_GUEST + PEER_MEMORY));

		CLAUSE("VU-LOG-009");
		base = traffic_stop(&t, 0);
		memset(bits, 0, LOG_FILE);
		peer_state(&t.peer, 18, 0, 1);
		traffic_send(&t, 0, 2);
		CHECK(marked(NULL, 0));

		CLAUSE("VU-LOG-007");
		traffic_start(&t, 0, 16, base);
		CHECK_EQ(traffic_serve(&t, 0, 16), 2);
		CHECK_EQ(traffic_get(&t, 0), 2);
		memset(bits, 0, LOG_FILE);
		for (int i = 0; i < 100; i++) {
			log_data(&t, i & 1);
			CHECK(log_ring(&t.peer, i & 2, PEER_GUEST + 0x6000));
			traffic_run(&t, 0, 3);
			/* Without LOG_ALL nothing is marked, whatever the ring's flag says. */
			if (i & 1)
				memset(bits, 0, LOG_FILE);
			else
				CHECK(marked(NULL, 0));
		}
		close_log(&t);
	}
}

/* ---- translated addresses ---- */

/* UPDATE: these device addresses are that memory of the front end. */
static void translate(struct traffic *t, uint64_t iova, uint64_t size, uint64_t user)
{
	static const uint8_t access_and_type[8] = { 3, 2 };
	struct wire wire = wire_message(22, WIRE_VERSION, 32), answer;

	wire_u64(&wire, iova);
	wire_u64(&wire, size);
	wire_u64(&wire, user);
	wire_bytes(&wire, access_and_type, sizeof(access_and_type));
	CHECK(peer_exchange(&t->peer, &wire, &answer));
	CHECK_EQ(wire_value(&answer), 0);
}

/* The ring's own device addresses are those that it would have as the front end's. */
static void open_translated(struct traffic *t, uint64_t features)
{
	open_log(t, features | VR_F_ACCESS_PLATFORM);
	CHECK(set_log(&t->peer, LOG_BYTES, LOG_OFFSET));
	log_data(t, true);
	translate(t, PEER_USER, 0x8000, PEER_USER);
}

/* The driver writes the same device address each time; what is marked is where it leads to. */
static void where_it_leads(void **state)
{
	static const uint32_t targets[] = { 0x30000, 0x3f000, 0x2a000 };

	(void)state;
	CLAUSE("VU-LOG-008");
	FOR_EACH_FORM(form)
	{
		struct traffic t;

		context("%s", form->name);
		open_translated(&t, form->features);
		translate(&t, PAGE_BUFFERS * 4096, 4096, PEER_USER + targets[0]);
		traffic_start(&t, 0, 16, traffic_fresh(&t));
		for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
			const uint32_t page = (PEER_GUEST + targets[i]) / 4096;
			const uint32_t ring = is_packed(form->features) ? PAGE_DESCRIPTORS :
									  PAGE_DEVICE;
			unsigned char before = t.memory[targets[i]];

			translate(&t, PAGE_BUFFERS * 4096, 4096, PEER_USER + targets[i]);
			CHECK(log_ring(&t.peer, false, 0));
			traffic_run(&t, 0, 3);
			CHECK_EQ(t.memory[targets[i]], (unsigned char)(before + 3));
			CHECK(marked(&page, 1));
			/* The used ring's address in the log is a guest's as it is. */
			CHECK(log_ring(&t.peer, true, PEER_GUEST + 0x6000));
			traffic_run(&t, 0, 3);
			CHECK(marked((uint32_t[]){ page, ring }, 2));
		}
		close_log(&t);
	}
}

/* One buffer, two pages of device addresses, two pages of memory that lie apart. */
static void two_pages(void **state)
{
	const uint64_t iova = 0xabc0000000ull;
	const struct vr_segment segment = { .addr = iova + 4000, .len = 200 };
	const struct vr_buffer buffer = { .segments = &segment, .writable = 1 };
	struct vr_iovec pieces[4];
	struct traffic_ring *r;
	struct vr_chain chain;
	struct traffic t;

	(void)state;
	CLAUSE("VU-LOG-008");
	open_translated(&t, 0);
	translate(&t, iova, 4096, PEER_USER + 0x3f000);
	translate(&t, iova + 4096, 4096, PEER_USER + 0x30000);
	traffic_start(&t, 0, 16, 0);
	r = &t.rings[0];
	CHECK_EQ(vr_driver_add(r->driver, &buffer, 1), 1);
	CHECK_EQ(vr_driver_publish(r->driver), 1);
	CHECK_EQ(vr_device_pop(r->device, &chain, 1, pieces, ARRAY_SIZE(pieces)), 1);
	CHECK_EQ(chain.writable, 2);
	CHECK(marked(NULL, 0));
	CHECK_EQ(vr_device_complete(r->device, chain.handle, 200), 0);
	CHECK_EQ(vr_device_publish(r->device, NULL), 1);
	CHECK(marked((uint32_t[]){ (PEER_GUEST + 0x3f000) / 4096, (PEER_GUEST + 0x30000) / 4096 },
		     2));
	close_log(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_the_log_is),	   cmocka_unit_test(the_signal),
		cmocka_unit_test(the_front_ends_messages), cmocka_unit_test(what_is_marked),
		cmocka_unit_test(where_it_leads),	   cmocka_unit_test(two_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
