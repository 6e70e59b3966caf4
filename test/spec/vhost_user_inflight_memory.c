// SPDX-License-Identifier: BSD-3-Clause
/* The messages about memory for buffers in flight, and the back end that finds it again. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "vu_traffic.h"

#define NEED_REPLY (WIRE_VERSION | WIRE_NEED_REPLY)
#define SIZE 16u
#define TIMEOUT 5000

static struct wire inflight(uint32_t request, uint64_t size, uint64_t offset, uint16_t queues,
			    uint16_t queue_size)
{
	struct wire wire = wire_message(request, NEED_REPLY, 24);

	wire_u64(&wire, size);
	wire_u64(&wire, offset);
	wire_u16(&wire, queues);
	wire_u16(&wire, queue_size);
	wire_u32(&wire, 0);
	CHECK_EQ(wire.size, WIRE_HEADER + 24);
	return wire;
}

static uint16_t get_u16(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* GET_INFLIGHT_FD for two rings; answers the memory and how large it is. */
static int get_memory(struct peer *peer, uint64_t *size)
{
	struct wire wire = inflight(31, 0, 0, 2, SIZE), answer;

	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 24);
	CHECK_EQ(answer.fd_count, 1);
	*size = wire_value(&answer);
	CHECK_EQ(wire_get_u64(answer.bytes + WIRE_HEADER + 8), 0);
	CHECK_EQ(get_u16(answer.bytes + WIRE_HEADER + 16), 2);
	CHECK_EQ(get_u16(answer.bytes + WIRE_HEADER + 18), SIZE);
	return answer.fds[0];
}

static bool set_memory(struct peer *peer, int fd, uint64_t size, uint16_t queue_size)
{
	struct wire wire = inflight(32, size, 0, 2, queue_size), answer;

	wire.fd_count = 1;
	wire.fds[0] = fd;
	CHECK(peer_exchange(peer, &wire, &answer));
	CHECK_EQ(answer.size, WIRE_HEADER + 8);
	return wire_value(&answer) == 0;
}

/* Two rings, at multiples of 64: a header and an entry for each descriptor. */
static uint64_t needed(uint64_t features)
{
	const uint64_t unit = is_packed(features) ? 32 : 16;

	return 2 * ((unit + SIZE * unit + 63) / 64 * 64);
}

static void memory_on_request(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		static const unsigned char zero[1 << 18];
		struct traffic t;
		uint64_t size;
		void *memory;
		int fd;

		context("%s", form->name);
		traffic_open(&t, form->features);
		traffic_use_queues(&t);
		CLAUSE("VU-PAY-011");
		fd = get_memory(&t.peer, &size);
		CLAUSE("VU-MSG-31");
		CHECK(size >= needed(form->features) && size <= sizeof(zero));
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		CHECK(memory != MAP_FAILED);
		CHECK_BYTES(memory, zero, size);
		CLAUSE("VU-MSG-32");
		CHECK(!set_memory(&t.peer, fd, 0, SIZE));
		CHECK(!set_memory(&t.peer, fd, UINT64_MAX, SIZE));
		CHECK(!set_memory(&t.peer, fd, size, 0));
		CHECK(set_memory(&t.peer, fd, size, SIZE));
		traffic_start(&t, 1, SIZE, traffic_fresh(&t));
		CHECK_EQ(get_u16((unsigned char *)memory + needed(form->features) / 2 + 8), 1);
		/* Before rings start. */
		CHECK(!set_memory(&t.peer, fd, size, SIZE));
		traffic_run(&t, 1, 100);
		munmap(memory, size);
		close(fd);
		traffic_close(&t);
	}
}

/* The session is lost with buffers in flight; the front end still has the memory. */
static void found_again(void **state)
{
	(void)state;
	CLAUSE("VU-INF-001");
	FOR_EACH_FORM(form)
	{
		struct traffic t;
		uint64_t size;
		int fd;

		context("%s", form->name);
		traffic_open(&t, form->features);
		traffic_use_queues(&t);
		fd = get_memory(&t.peer, &size);
		CHECK(set_memory(&t.peer, fd, size, SIZE));
		traffic_start(&t, 0, SIZE, traffic_fresh(&t));
		for (int i = 0; i < 20; i++) {
			traffic_run(&t, 0, 3);
			traffic_send(&t, 0, 6);
			CHECK_EQ(traffic_serve(&t, 0, 1), 1);
			CHECK_EQ(traffic_take(&t, 0, 3), 3);
			peer_reconnect(&t.peer);
			peer_negotiate(&t.peer, t.features);
			peer_memory(&t.peer);
			CHECK(set_memory(&t.peer, fd, size, SIZE));
			traffic_get(&t, 0);
			traffic_start(&t, 0, SIZE, vr_driver_base(t.rings[0].driver));
			/* Those three again, and the two that nobody had taken; see traffic_get(). */
			CHECK_EQ(traffic_serve(&t, 0, SIZE), 5);
			CHECK_EQ(traffic_get(&t, 0), 5);
		}
		close(fd);
		traffic_close(&t);
	}
}

static void the_front_ends_messages(void **state)
{
	struct stub stub = { .features = 1ull << 30, .protocol = 1u << 12 | 8 };
	struct vr_vu_inflight memory = { .queues = 3, .queue_size = 128 };
	struct vr_vu_frontend *frontend;
	const struct stub_message *sent;
	struct vr_vu_offer offer;

	(void)state;
	CLAUSE("VU-MSG-31");
	frontend = stub_start(&stub, VR_VU_PF_INFLIGHT_SHMFD | VR_VU_PF_REPLY_ACK, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, 0, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_get_inflight(frontend, &memory, TIMEOUT), 0);
	CHECK_EQ(memory.size, 4096);
	CHECK(memory.fd >= 0);
	CLAUSE("VU-MSG-32");
	CHECK_EQ(vr_vu_frontend_set_inflight(frontend, &memory, TIMEOUT), 0);
	close(memory.fd);
	stub_finish(&stub, frontend);
	sent = stub_find(&stub, 31, 0);
	CHECK_EQ(sent->size, 24);
	CHECK_EQ(sent->fd_count, 0);
	CHECK_EQ(get_u16(sent->payload + 16), 3);
	CHECK_EQ(get_u16(sent->payload + 18), 128);
	sent = stub_find(&stub, 32, 0);
	CHECK_EQ(sent->size, 24);
	CHECK_EQ(sent->fd_count, 1);
	CHECK_EQ(wire_get_u64(sent->payload), 4096);
	CHECK_EQ(get_u16(sent->payload + 16), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_on_request),
		cmocka_unit_test(found_again),
		cmocka_unit_test(the_front_ends_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
