// SPDX-License-Identifier: BSD-3-Clause
/* Records of buffers in flight: layout, what a recovery refuses, and both ends' messages. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "random.h"
#include "vu_echo.h"
#include "vu_peer.h"

#include "transport/vhost_user/inflight.h"

#define SIZE 8u

/* Ring memory, as far as a record looks at it. */
struct ring_memory {
	uint64_t descriptors[2 * SIZE];
	uint16_t driver[4 + SIZE];
	uint16_t device[4 + 4 * SIZE];
};

static struct vr_ring ring_of(struct ring_memory *memory)
{
	return (struct vr_ring){
		.descriptors.host = memory->descriptors,
		.driver.host = memory->driver,
		.device.host = memory->device,
	};
}

/* A record with room for SIZE, and its ring. */
struct place {
	struct ring_memory ring;
	uint64_t record[(32 + 32 * SIZE) / 8];
	struct vu_inflight inflight;
};

static uint16_t get16(const struct place *p, size_t offset)
{
	uint16_t value;

	memcpy(&value, (const char *)p->record + offset, 2);
	return value;
}

static void put16(struct place *p, size_t offset, uint16_t value)
{
	memcpy((char *)p->record + offset, &value, 2);
}

static uint8_t get8(const struct place *p, size_t offset)
{
	return ((const uint8_t *)p->record)[offset];
}

static void begin(struct place *p, bool packed)
{
	struct vr_ring ring;

	memset(p, 0, sizeof(*p));
	ring = ring_of(&p->ring);
	assert_int_equal(vri_inflight_begin(&p->inflight, packed, SIZE, p->record, &ring,
					    packed ? VR_VU_BASE_FRESH_PACKED : 0),
			 0);
}

static int recover(struct place *p, bool packed, uint32_t *base, uint32_t *popped, const char **why)
{
	struct vr_ring ring = ring_of(&p->ring);

	vri_inflight_free(&p->inflight);
	*why = "";
	return vri_inflight_recover(&p->inflight, packed, SIZE, p->record, &ring, base, popped,
				    why);
}

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(vri_inflight_bytes(false, 1), 64);
	assert_int_equal(vri_inflight_bytes(false, 3), 64);
	assert_int_equal(vri_inflight_bytes(false, 4), 128);
	assert_int_equal(vri_inflight_bytes(false, 256), 4160);
	assert_int_equal(vri_inflight_bytes(true, 1), 64);
	assert_int_equal(vri_inflight_bytes(true, 2), 128);
	assert_int_equal(vri_inflight_bytes(true, 256), 8256);
}

static void split_layout(void **state)
{
	const struct vr_chain chain = { .id = 5, .descriptors = 2 };
	struct vu_taken taken;
	struct place p;

	(void)state;
	begin(&p, false);
	assert_int_equal(get16(&p, 8), 1);
	assert_int_equal(get16(&p, 10), SIZE);
	taken = vri_inflight_take(&p.inflight, &chain, 0);
	assert_int_equal(taken.head, 5);
	assert_int_equal(get8(&p, 16 + 5 * 16), 1);
	taken = vri_inflight_take(&p.inflight, &(struct vr_chain){ .id = 2 }, 0);
	/* The second one: counter 1. */
	assert_int_equal(get8(&p, 16 + 2 * 16 + 8), 1);
	vri_inflight_link(&p.inflight, &taken);
	vri_inflight_linked(&p.inflight);
	assert_int_equal(get16(&p, 12), 2);
	assert_int_equal(get8(&p, 16 + 2 * 16), 1);
	vri_inflight_clear(&p.inflight, &taken);
	vri_inflight_cleared(&p.inflight, 1);
	assert_int_equal(get8(&p, 16 + 2 * 16), 0);
	assert_int_equal(get16(&p, 14), 1);
	vri_inflight_free(&p.inflight);
}

static void packed_layout(void **state)
{
	const struct vr_chain chain = { .id = 7, .descriptors = 2 };
	struct vu_taken taken;
	struct place p;
	uint32_t i;

	(void)state;
	begin(&p, true);
	for (i = 0; i < SIZE; i++)
		assert_int_equal(get16(&p, 32 + i * 32 + 2), i + 1);
	p.ring.descriptors[12] = 0x1122334455667788;
	p.ring.descriptors[13] = 0x0081000700000040; /* NEXT, id 7, 64 bytes */
	p.ring.descriptors[14] = 0x99;
	p.ring.descriptors[15] = 0x0082000700000010;
	taken = vri_inflight_take(&p.inflight, &chain, 6);
	assert_int_equal(taken.head, 0);
	assert_int_equal(taken.last, 1);
	assert_int_equal(get8(&p, 32), 1);
	assert_int_equal(get16(&p, 32 + 4), 1);
	assert_int_equal(get16(&p, 32 + 6), 2);
	assert_int_equal(get16(&p, 32 + 16), 7);
	assert_int_equal(get16(&p, 32 + 18), 0x81);
	assert_int_equal(get16(&p, 32 + 20), 0x40);
	assert_int_equal(get16(&p, 32 + 24), 0x7788);
	assert_int_equal(get16(&p, 64 + 24), 0x99);
	/* Both heads of the free list. */
	assert_int_equal(get16(&p, 12), 2);
	assert_int_equal(get16(&p, 14), 2);
	vri_inflight_link(&p.inflight, &taken);
	vri_inflight_linked(&p.inflight);
	assert_int_equal(get16(&p, 12), 0);
	assert_int_equal(get16(&p, 14), 2);
	assert_int_equal(get16(&p, 16), 2);
	assert_int_equal(get16(&p, 18), 0);
	vri_inflight_clear(&p.inflight, &taken);
	vri_inflight_cleared(&p.inflight, 1);
	assert_int_equal(get8(&p, 32), 0);
	assert_int_equal(get16(&p, 14), 0);
	assert_int_equal(get16(&p, 18), 2);
	assert_int_equal(get8(&p, 20), 1);
	assert_int_equal(get8(&p, 21), 1);
	vri_inflight_free(&p.inflight);
}

/* Oldest first, by their counters. */
static void in_their_order(void **state)
{
	static const uint16_t heads[] = { 6, 1, 4 };
	uint32_t base, popped, i;
	const char *why;
	struct place p;

	(void)state;
	begin(&p, false);
	for (i = 0; i < 3; i++)
		vri_inflight_take(&p.inflight, &(struct vr_chain){ .id = heads[i] }, 0);
	p.ring.device[1] = 0;
	assert_int_equal(recover(&p, false, &base, &popped, &why), 1);
	assert_int_equal(base, 0);
	assert_int_equal(popped, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(p.inflight.again[i].head, heads[i]);
	assert_int_equal(p.inflight.counter, 3);
	vri_inflight_free(&p.inflight);
}

/* ---- what makes no sense ---- */

struct damage {
	bool packed;
	size_t offset;
	uint16_t value;
	const char *why;
};

static void damaged(void **state)
{
	static const struct damage rows[] = {
		{ false, 8, 2, "version" },
		{ false, 10, 4, "queue size" },
		{ false, 14, 100, "larger than the ring" },
		{ true, 8, 7, "version" },
		{ true, 10, 9, "queue size" },
		{ true, 12, 9, "beyond the ring" },
		{ true, 14, 0xffff, "beyond the ring" },
		{ true, 16, 8, "beyond the ring" },
		{ true, 18, 0x8000, "beyond the ring" },
		{ true, 20, 0x0201, "beyond the ring" },
		/* Free list: a circle; a leak. */
		{ true, 32 + 3 * 32 + 2, 2, "free and used" },
		{ true, 32 + 3 * 32 + 2, 8, "free and used" },
		/* In flight: no descriptor; too many; a link into the free list. */
		{ true, 32 + 6, 0, "cannot be its" },
		{ true, 32 + 6, 9, "cannot be its" },
		{ true, 32 + 6, 3, "cannot be its" },
		{ true, 32 + 2, 5, "cannot be its" },
		{ true, 32 + 2, 0xffff, "cannot be its" },
	};
	const struct vr_chain chain = { .id = 1, .descriptors = 2 };
	uint32_t base, popped;
	const char *why;
	struct place p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&p, rows[i].packed);
		vri_inflight_take(&p.inflight, &chain, 0);
		put16(&p, rows[i].offset, rows[i].value);
		if (recover(&p, rows[i].packed, &base, &popped, &why) != -EINVAL ||
		    !strstr(why, rows[i].why))
			fail_msg("row %zu: '%s'", i, why);
	}
	/* A batch whose list leads out of the record. */
	begin(&p, false);
	vri_inflight_take(&p.inflight, &chain, 0);
	put16(&p, 12, SIZE);
	p.ring.device[1] = 1;
	assert_int_equal(recover(&p, false, &base, &popped, &why), -EINVAL);
	assert_non_null(strstr(why, "beyond the ring"));
	/* Fresh memory is no record. */
	memset(&p, 0, sizeof(p));
	assert_int_equal(recover(&p, false, &base, &popped, &why), 0);
	assert_int_equal(recover(&p, true, &base, &popped, &why), 0);
}

/* Whatever it takes from a record, it can work with: nothing outside is touched (ASan looks). */
static void random_records(void **state)
{
	const uint64_t seed = random_seed(5);
	uint32_t good = 0, i, n;
	struct random random;

	(void)state;
	random_start(&random, seed);
	for (i = 0; i < 40000; i++) {
		const bool packed = i % 2;
		uint32_t base, popped;
		const char *why;
		struct place p;

		begin(&p, packed);
		for (n = 0; n < 3; n++)
			vri_inflight_take(&p.inflight,
					  &(struct vr_chain){ .id = (uint16_t)n, .descriptors = 1 },
					  n);
		for (n = random_below(&random, 4); n; n--)
			((uint8_t *)p.record)[random_below(&random, sizeof(p.record))] =
				(uint8_t)random_below(&random, random_below(&random, 2) ? 9 : 256);
		for (n = 0; n < sizeof(p.ring); n++)
			((uint8_t *)&p.ring)[n] = (uint8_t)random_next(&random);
		if (recover(&p, packed, &base, &popped, &why) != 1)
			continue;
		good++;
		assert_in_range(popped, 0, SIZE);
		assert_in_range(p.inflight.again_count, 0, popped);
		/* All that there is room for, and all of it back. */
		for (n = popped; n < SIZE; n++)
			vri_inflight_take(&p.inflight,
					  &(struct vr_chain){ .id = (uint16_t)n, .descriptors = 1 },
					  n);
		for (n = 0; n < p.inflight.again_count; n++)
			vri_inflight_link(&p.inflight, &p.inflight.again[n]);
		vri_inflight_linked(&p.inflight);
		vri_inflight_free(&p.inflight);
	}
	assert_in_range(good, 1000, 40000);
}

/* ---- messages ---- */

static struct answer send_shape(struct peer *peer, uint32_t request, uint64_t size, uint64_t offset,
				uint16_t queues, uint16_t queue_size, int fd)
{
	const struct vu_inflight_memory shape = {
		.size = size, .offset = offset, .queues = queues, .queue_size = queue_size
	};

	return peer_ask(peer, request, &shape, sizeof(shape), &fd, fd >= 0);
}

static void bad_messages(void **state)
{
	static const struct {
		uint64_t size;
		uint64_t offset;
		uint16_t queues;
		uint16_t queue_size;
		bool ok;
	} rows[] = {
		{ 4096, 0, 1, 16, true },	 { 2048, 2048, 1, 16, true },
		{ 0, 0, 1, 16, false },		 { 4096, 8, 1, 16, false },
		{ 4097, 0, 1, 16, false },	 { 1024, 4, 1, 16, false },
		{ UINT64_MAX, 0, 1, 16, false }, { 4096, UINT64_MAX - 7, 1, 16, false },
		{ 4096, 0, 0, 16, false },	 { 4096, 0, PEER_RINGS + 1, 16, false },
		{ 4096, 0, 1, 0, false },	 { 4096, 0, 1, 0xffff, false },
	};
	const int fd = memfd_create("inflight", MFD_CLOEXEC);
	struct answer answer;
	struct peer peer;
	size_t i;

	(void)state;
	assert_int_equal(ftruncate(fd, 4096), 0);
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer = send_shape(&peer, VU_SET_INFLIGHT_FD, rows[i].size, rows[i].offset,
				    rows[i].queues, rows[i].queue_size, fd);
		if (rows[i].ok ? !is_ok(&answer) : !is_refused(&answer))
			fail_msg("row %zu: %s", i, vr_vu_backend_error(peer.backend));
	}
	peer_memory(&peer);
	peer_start(&peer, 0);
	answer = send_shape(&peer, VU_SET_INFLIGHT_FD, 4096, 0, 1, 16, fd);
	assert_true(is_refused(&answer));
	answer = send_shape(&peer, VU_GET_INFLIGHT_FD, 0, 0, PEER_RINGS + 1, 16, -1);
	assert_true(answer.closed);
	peer_destroy(&peer);
	close(fd);
}

/* ---- both ends ---- */

static const uint64_t protocol = VR_VU_PF_REPLY_ACK | VR_VU_PF_INFLIGHT_SHMFD;

static uint8_t *map(const struct vr_vu_inflight *inflight)
{
	void *memory = mmap(NULL, inflight->size, PROT_READ | PROT_WRITE, MAP_SHARED, inflight->fd,
			    (off_t)inflight->offset);

	assert_true(memory != MAP_FAILED);
	return memory;
}

/* How many buffers a ring's record has. */
static uint32_t marked(const uint8_t *record, bool packed)
{
	const size_t head = packed ? 32 : 16, entry = packed ? 32 : 16;
	uint32_t count = 0, i;

	for (i = 0; i < ECHO_SIZE; i++)
		count += record[head + i * entry] == 1;
	return count;
}

static void with_record(struct vu_rig *rig, struct vr_vu_inflight *inflight)
{
	vu_rig_stop(rig);
	assert_int_equal(vr_vu_frontend_get_inflight(rig->frontend, inflight, VU_RIG_MS), 0);
	assert_int_equal(vr_vu_frontend_set_inflight(rig->frontend, inflight, VU_RIG_MS), 0);
	vu_rig_restart(rig);
}

/* What is in flight is in the record, in the second ring's place, and then it is not. */
static void recorded(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		const bool packed = is_packed(form->features);
		struct vr_vu_inflight inflight = { .queues = 2, .queue_size = ECHO_SIZE };
		struct vu_rig rig = echo_rig(form, 2);
		uint8_t *memory, *record;
		uint32_t i;

		rig.protocol = protocol;
		echo_begin(&echo, &rig);
		echo_exchange(&rig, 3);
		with_record(&rig, &inflight);
		assert_true(inflight.size >= 2 * vri_inflight_bytes(packed, ECHO_SIZE));
		memory = map(&inflight);
		record = memory + vri_inflight_bytes(packed, ECHO_SIZE);
		echo_exchange(&rig, 10);
		assert_int_equal(marked(record, packed), 0);
		echo.hold = true;
		for (i = 0; i < 4; i++)
			echo_put(&rig, 1, i, i);
		vu_rig_kick(&rig, 1);
		while (echo.held_count < 4)
			usleep(1000);
		assert_int_equal(marked(record, packed), 4);
		assert_int_equal(marked(memory, packed), 0);
		echo.hold = false;
		assert_int_equal(vr_vu_notify(echo.release_fd), 0);
		for (i = 0; i < 4; i++)
			echo_get(&rig, 1);
		/* The answer comes before the record is cleared. */
		for (i = 0; i < VU_RIG_MS && marked(record, packed); i++)
			usleep(1000);
		assert_int_equal(marked(record, packed), 0);
		/* Stopped and started again, with it: nothing is taken twice. */
		vu_rig_stop(&rig);
		vu_rig_restart(&rig);
		echo_exchange(&rig, 10);
		munmap(memory, inflight.size);
		close(inflight.fd);
		echo_end(&echo, &rig);
	}
}

/* A record that makes no sense: the ring is refused, and the back end serves the next one. */
static void refused(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_vu_inflight inflight = { .queues = 1, .queue_size = ECHO_SIZE };
		struct vu_rig rig = echo_rig(form, 1);
		const int kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		uint8_t *memory;

		rig.protocol = protocol;
		echo_begin(&echo, &rig);
		with_record(&rig, &inflight);
		vu_rig_stop(&rig);
		memory = map(&inflight);
		memory[8] = 9;
		assert_int_equal(vr_vu_frontend_set_inflight(rig.frontend, &inflight, VU_RIG_MS),
				 0);
		assert_int_equal(vr_vu_frontend_set_vring_kick(rig.frontend, 0, kick, VU_RIG_MS),
				 -EREMOTEIO);
		memory[8] = 1;
		assert_int_equal(vr_vu_frontend_set_inflight(rig.frontend, &inflight, VU_RIG_MS),
				 0);
		vu_rig_restart(&rig);
		echo_exchange(&rig, 3);
		munmap(memory, inflight.size);
		close(inflight.fd);
		close(kick);
		echo_end(&echo, &rig);
	}
}

/* A firmware with a split ring, then a kernel with a packed one, and one memory for both (QEMU). */
static void fits_the_next_layout(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_vu_inflight inflight = { .queues = 1, .queue_size = ECHO_SIZE };
		struct vu_rig rig = echo_rig(form, 1);
		uint8_t *memory;

		rig.protocol = protocol;
		echo_begin(&echo, &rig);
		with_record(&rig, &inflight);
		assert_true(inflight.size >= vri_inflight_bytes(true, ECHO_SIZE));
		memory = map(&inflight);
		assert_int_equal(memory[8], 1);
		vu_rig_stop(&rig);
		assert_int_equal(memory[8], 0);
		vu_rig_restart(&rig);
		echo_exchange(&rig, 3);
		munmap(memory, inflight.size);
		close(inflight.fd);
		echo_end(&echo, &rig);
	}
}

/* QEMU 10: it asks for fewer entries than its rings have. The record has a place of its own then. */
static void larger_ring(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_vu_inflight inflight = { .queues = 2, .queue_size = ECHO_SIZE / 2 };
		const uint64_t usual = 2 * vri_inflight_bytes(true, ECHO_SIZE / 2);
		struct vu_rig rig = echo_rig(form, 2);
		uint8_t *memory;

		rig.protocol = protocol;
		echo_begin(&echo, &rig);
		with_record(&rig, &inflight);
		echo_exchange(&rig, 3);
		memory = map(&inflight);
		for (uint64_t i = 0; i < usual; i++)
			assert_int_equal(memory[i], 0);
		assert_int_equal(memory[usual + 8], 1);
		assert_int_equal(memory[usual + vri_inflight_bytes(true, 1024) + 8], 1);
		munmap(memory, inflight.size);
		close(inflight.fd);
		echo_end(&echo, &rig);
	}
}

/* The same in memory of another back end, which has no such place. */
static void larger_ring_runs_without(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_vu_inflight inflight = { .queues = 1, .queue_size = ECHO_SIZE / 2 };
		struct vu_rig rig = echo_rig(form, 1);
		uint8_t *memory;

		rig.protocol = protocol;
		echo_begin(&echo, &rig);
		vu_rig_stop(&rig);
		assert_int_equal(vr_vu_frontend_get_inflight(rig.frontend, &inflight, VU_RIG_MS),
				 0);
		inflight.size = vri_inflight_bytes(true, ECHO_SIZE / 2);
		assert_int_equal(vr_vu_frontend_set_inflight(rig.frontend, &inflight, VU_RIG_MS),
				 0);
		vu_rig_restart(&rig);
		echo_exchange(&rig, 3);
		memory = map(&inflight);
		for (uint64_t i = 0; i < inflight.size; i++)
			assert_int_equal(memory[i], 0);
		munmap(memory, inflight.size);
		close(inflight.fd);
		echo_end(&echo, &rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits_the_next_layout),
		cmocka_unit_test(larger_ring),
		cmocka_unit_test(larger_ring_runs_without),
		cmocka_unit_test(sizes),
		cmocka_unit_test(split_layout),
		cmocka_unit_test(packed_layout),
		cmocka_unit_test(in_their_order),
		cmocka_unit_test(damaged),
		cmocka_unit_test(random_records),
		cmocka_unit_test(bad_messages),
		cmocka_unit_test(recorded),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
