// SPDX-License-Identifier: BSD-3-Clause
/*
 * What front ends did to other back ends: numbers of queues, memory, records of what is in flight,
 * and the dirty log. Each test says where it happened; bugs.tsv has the whole list.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "vu_echo.h"
#include "vu_peer.h"
#include "vu_traffic.h"

#include "transport/vhost_user/inflight.h"

#define PAGE 4096u

/* Mappings of shared memory; what a sanitizer does for itself is not among them. */
static unsigned int count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int count = 0;
	char line[512];

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, "memfd:") != NULL;
	fclose(file);
	return count;
}

/*
 * B02, QEMU CVE-2011-2512: a negative number of a queue. B15, Cloud Hypervisor #7918, B27, DPDK
 * CVE-2020-10723: a number that is only right in its lower bits.
 */
static void numbers_of_queues(void **state)
{
	static const uint32_t numbers[] = { PEER_RINGS,	 0xff,	     0x100,	 0x101,
					    0x10000,	 0x10001,    0x7fffffff, 0x80000000u,
					    0xfffffffeu, 0xffffffffu };
	static const uint32_t requests[] = { VU_SET_VRING_NUM, VU_SET_VRING_BASE,
					     VU_SET_VRING_ENABLE, VU_GET_VRING_BASE,
					     VU_VRING_KICK };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers) * ARRAY_SIZE(requests); i++) {
		const uint32_t number = numbers[i / ARRAY_SIZE(requests)];
		const uint32_t request = requests[i % ARRAY_SIZE(requests)];
		struct answer answer;
		struct peer peer;

		context("request %u for ring %u", request, number);
		peer_create(&peer);
		peer_negotiate(&peer, VR_F_VERSION_1);
		peer_memory(&peer);
		peer_start(&peer, 0);
		answer = peer_ask_state(&peer, request, number, 1);
		CHECK(answer.closed || is_refused(&answer));
		CHECK(strlen(vr_vu_backend_error(peer.backend)) > 0);
		for (uint32_t ring = 1; ring < PEER_RINGS; ring++)
			CHECK(!vr_vu_backend_vring(peer.backend, ring)->running);
		peer_destroy(&peer);
	}
}

/* B27, DPDK 7cc4f260bf: 257 queues in an array of 256; the message has eight bits for the number. */
static void more_queues_than_can_be(void **state)
{
	struct vr_vu_backend_config backend = echo_backend(NULL);
	const struct vr_vu_loop_config config = {
		.struct_size = sizeof(config),
		.backend = &backend,
		.ops = &echo_ops,
	};
	struct vr_vu_loop *loop;

	(void)state;
	backend.vrings = VR_VU_MAX_VRINGS;
	CHECK(backend.vrings <= 256);
	CHECK_EQ(vr_vu_loop_create(&config, &loop), 0);
	vr_vu_loop_destroy(loop);
	for (backend.vrings = VR_VU_MAX_VRINGS + 1; backend.vrings; backend.vrings <<= 1)
		CHECK_EQ(vr_vu_loop_create(&config, &loop), -EINVAL);
}

static struct answer get_inflight(struct peer *peer, uint16_t queues, uint16_t queue_size)
{
	const struct vu_inflight_memory shape = { .queues = queues, .queue_size = queue_size };

	return peer_ask(peer, VU_GET_INFLIGHT_FD, &shape, sizeof(shape), NULL, 0);
}

/*
 * B27: asked for again and again. DPDK CVE-2020-10726: each GET_INFLIGHT_FD leaked memory and a
 * descriptor; CVE-2019-14818: each SET_VRING_NUM leaked a ring.
 */
static void asked_for_again_and_again(void **state)
{
	struct mallinfo2 before;
	unsigned int mappings = 0;
	struct peer peer;
	int fds = 0;

	(void)state;
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	for (unsigned int i = 0; i < 2000; i++) {
		struct wire ask = wire_message(VU_GET_INFLIGHT_FD, VU_VERSION, 0), answer;
		const struct vu_inflight_memory shape = { .queues = 1, .queue_size = 1024 };

		wire_bytes(&ask, &shape, sizeof(shape));
		wire_set_size(&ask);
		CHECK(peer_exchange(&peer, &ask, &answer));
		CHECK_EQ(answer.fd_count, 1);
		wire_close_fds(&answer);
		peer_state(&peer, VU_SET_VRING_NUM, 0, 1u << i % 11);
		if (i == 10) {
			before = mallinfo2();
			mappings = count_mappings();
			fds = count_fds();
		}
	}
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(count_mappings(), mappings);
	CHECK(mallinfo2().uordblks <= before.uordblks + 4096);
	peer_destroy(&peer);
}

/* B39, DPDK CVE-2021-3839: the number of queues of a record; B27: and its sizes. */
static void shapes_of_records(void **state)
{
	static const uint16_t bad[][2] = { { 0, 16 },	   { PEER_RINGS + 1, 16 },
					   { 0xffff, 16 }, { 0xffff, 0xffff },
					   { 1, 0 },	   { 1, 0xffff } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct answer answer;
		struct peer peer;

		context("%u queues of %u", bad[i][0], bad[i][1]);
		peer_create(&peer);
		peer_negotiate(&peer, VR_F_VERSION_1);
		answer = get_inflight(&peer, bad[i][0], bad[i][1]);
		CHECK(answer.closed || is_refused(&answer));
		peer_destroy(&peer);
	}
}

/*
 * B03, QEMU CVE-2021-3748: a header was written after its region had gone. B29, SPDK #3132: the table
 * was replaced while a worker ran. What was popped stays where it is until it has been used.
 */
static void memory_goes_while_buffers_are_out(void **state)
{
	const int other = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	CHECK_EQ(ftruncate(other, PEER_MEMORY), 0);
	for (size_t i = 0; i < 2 * FORM_COUNT; i++) {
		const bool replaced = i >= FORM_COUNT;
		const struct form *form = &forms[i % FORM_COUNT];
		struct vu_region_table table = { .count = 1 };
		struct vr_iovec pieces[4];
		struct vr_chain chains[4];
		struct answer answer;
		struct vr_mem *mem;
		struct traffic t;

		context("%s, %s", form->name, replaced ? "replaced" : "removed");
		traffic_open(&t, form->features);
		traffic_start(&t, 0, 16, traffic_fresh(&t));
		traffic_send(&t, 0, 4);
		CHECK_EQ(vr_device_pop(t.rings[0].device, chains, 4, pieces, 4), 4);
		/* As whoever pops has to: until the buffers are used. */
		mem = vr_mem_ref(t.rings[0].mem);
		t.rings[0].forced = true;
		table.regions[0] = (struct vu_region){ PEER_GUEST, PEER_MEMORY, PEER_USER, 0 };
		if (replaced)
			answer = peer_ask(&t.peer, VU_SET_MEM_TABLE, &table, sizeof(table), &other,
					  1);
		else
			answer = peer_ask(&t.peer, VU_SET_MEM_TABLE, &(uint64_t){ 0 }, 8, NULL, 0);
		CHECK(answer.got);
		for (unsigned int n = 0; n < 4; n++) {
			memset(pieces[n].base, 0x5a, pieces[n].len);
			CHECK_EQ(*((unsigned char *)pieces[n].base + pieces[n].len - 1), 0x5a);
		}
		vr_mem_put(mem);
		traffic_close(&t);
	}
	close(other);
}

/* B03, QEMU CVE-2022-26353, B38, DPDK: what had been made before a failure was left behind. */
static void a_table_that_fails_halfway(void **state)
{
	const int small = memfd_create("small", MFD_CLOEXEC);
	unsigned int mappings;
	struct peer peer;
	int fds;

	(void)state;
	CHECK_EQ(ftruncate(small, PAGE), 0);
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	fds = count_fds();
	mappings = count_mappings();
	for (unsigned int bad = 1; bad < VU_TABLE_REGIONS; bad++) {
		struct vu_region_table table = { .count = VU_TABLE_REGIONS };
		int files[VU_TABLE_REGIONS];
		struct answer answer;

		context("region %u", bad);
		for (unsigned int i = 0; i < VU_TABLE_REGIONS; i++) {
			table.regions[i] = (struct vu_region){ i * 0x100000ull, 2 * PAGE,
							       PEER_USER + i * 0x100000ull, 0 };
			files[i] = i == bad ? small : peer.memory_fd;
		}
		answer = peer_ask(&peer, VU_SET_MEM_TABLE, &table, sizeof(table), files,
				  VU_TABLE_REGIONS);
		CHECK(is_refused(&answer));
		CHECK_EQ(count_fds(), fds);
		CHECK_EQ(count_mappings(), mappings);
	}
	peer_destroy(&peer);
	close(small);
}

/*
 * B30, rust-vmm/vhost #227, #247, #343, #374: a kick was lost when it came before the ring was enabled,
 * or before the state was restored: buffers lay there, and nobody was told again.
 */
static void kicked_too_early(void **state)
{
	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vr_vu_loop_ops disk = echo_ops;
		struct vu_rig rig = echo_rig(form, 1);
		struct echo echo = { .release_fd = -1 };
		const struct vr_vu_backend_config backend = echo_backend(&echo);
		const struct vr_vu_loop_config config = {
			.struct_size = sizeof(config),
			.backend = &backend,
			.ops = &disk,
		};
		int ends[2];

		context("%s", form->name);
		/* Unlike a network card, it does not drop what comes before it is enabled. */
		disk.queue_drop = NULL;
		CHECK_EQ(vr_vu_loop_create(&config, &echo.loop), 0);
		vu_rig_create(&rig);
		CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		echo_serve(&echo, ends[1]);
		vu_rig_start(&rig, ends[0], 0);
		for (unsigned int i = 0; i < 5; i++) {
			/* Published while it is stopped and disabled: the start has to look. */
			vu_rig_stop(&rig);
			echo_put(&rig, 0, 0, i);
			CHECK_EQ(vr_driver_publish(rig.queues[0].driver), 1);
			vu_rig_restart(&rig);
			echo_get(&rig, 0);
		}
		echo_stop(&echo);
		vr_vu_loop_destroy(echo.loop);
		vu_rig_destroy(&rig);
	}
}

/* B07, Linux CVE-2019-14835: a chain of more elements than the array that the log had. */
static void a_long_chain_is_logged(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2 * FORM_COUNT; f++) {
		const struct form *form = &forms[f % FORM_COUNT];
		const unsigned int count = f < FORM_COUNT ? 1024 : 1;
		const int log = memfd_create("log", MFD_CLOEXEC);
		const struct vu_log base = { .size = PAGE };
		static struct vr_segment segments[1024];
		struct vr_buffer buffer = { .segments = segments, .writable = (uint16_t)count };
		static struct vr_iovec pieces[1024];
		struct vr_chain chain;
		struct answer answer;
		uint8_t *bits;
		struct traffic t;

		context("%s, %u elements", form->name, count);
		CHECK_EQ(ftruncate(log, PAGE), 0);
		bits = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, log, 0);
		CHECK(bits != MAP_FAILED);
		traffic_open(&t, form->features);
		traffic_use_queues(&t);
		traffic_start(&t, 0, 1024, traffic_fresh(&t));
		answer = peer_ask(&t.peer, VU_SET_LOG_BASE, &base, sizeof(base), &log, 1);
		CHECK(answer.got);
		peer_u64(&t.peer, VU_SET_FEATURES,
			 t.features | VR_VU_F_PROTOCOL_FEATURES | VR_VU_F_LOG_ALL);
		for (unsigned int i = 0; i < count; i++)
			segments[i] = (struct vr_segment){
				PEER_GUEST + 0x20000 + i * 37ull % 32 * PAGE + i, 1, 0
			};
		CHECK_EQ(vr_driver_add(t.rings[0].driver, &buffer, 1), 1);
		CHECK_EQ(vr_driver_publish(t.rings[0].driver), 1);
		CHECK_EQ(vr_device_pop(t.rings[0].device, &chain, 1, pieces, 1024), 1);
		CHECK_EQ(chain.writable, count);
		for (unsigned int i = 0; i < count; i++)
			*(uint8_t *)pieces[i].base = 1;
		CHECK_EQ(vr_device_complete(t.rings[0].device, chain.handle, count), 0);
		CHECK_EQ(vr_device_publish(t.rings[0].device, NULL), 1);
		for (unsigned int i = 0; i < count; i++) {
			const uint64_t page = segments[i].addr / PAGE;

			CHECK(bits[page / 8] & 1u << page % 8);
		}
		traffic_close(&t);
		munmap(bits, PAGE);
		close(log);
	}
}

/*
 * B29, SPDK #3766: memory for a record that nobody has written yet has a used index of 0. Taken as
 * said, a ring further on had used buffers since, and an entry of the first batch was cleared. B28,
 * DPDK e4a01eea66: after a reboot of the guest, what an old record named was submitted once more.
 */
static void a_fresh_record(void **state)
{
	uint64_t descriptors[2 * 8] = { 0 };
	uint64_t record[(32 + 32 * 8) / 8];
	uint16_t driver[4 + 8] = { 0 };
	uint16_t device[4 + 4 * 8] = { 0, 700 };
	const struct vr_ring ring = { { descriptors, 0 }, { driver, 0 }, { device, 0 } };
	const struct vr_chain chain = { .id = 3, .descriptors = 1 };

	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		uint32_t base = packed ? VR_VU_BASE_FRESH_PACKED : 700, popped = 77;
		struct vu_inflight inflight;
		const char *why = NULL;
		struct vu_inflight again;

		context("packed %u", packed);
		memset(record, 0, sizeof(record));
		memset(&inflight, 0, sizeof(inflight));
		CHECK_EQ(vri_inflight_recover(&inflight, packed, 8, record, &ring, &base, &popped,
					      &why),
			 0);
		CHECK_EQ(vri_inflight_begin(&inflight, packed, 8, record, &ring, base), 0);
		vri_inflight_take(&inflight, &chain, 0);
		/* Killed now: the one buffer is found again, whatever the used index was. */
		memset(&again, 0, sizeof(again));
		CHECK_EQ(vri_inflight_recover(&again, packed, 8, record, &ring, &base, &popped,
					      &why),
			 1);
		CHECK_EQ(again.again_count, 1);
		vri_inflight_free(&again);
		vri_inflight_free(&inflight);
		/* And the next guest's record, begun anew, has none of it. */
		memset(record, 0, sizeof(record));
		memset(&again, 0, sizeof(again));
		CHECK_EQ(vri_inflight_recover(&again, packed, 8, record, &ring, &base, &popped,
					      &why),
			 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_queues),
		cmocka_unit_test(more_queues_than_can_be),
		cmocka_unit_test(asked_for_again_and_again),
		cmocka_unit_test(shapes_of_records),
		cmocka_unit_test(memory_goes_while_buffers_are_out),
		cmocka_unit_test(a_table_that_fails_halfway),
		cmocka_unit_test(kicked_too_early),
		cmocka_unit_test(a_long_chain_is_logged),
		cmocka_unit_test(a_fresh_record),
	};

	alarm(120); /* what waits for ever fails, too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
