// SPDX-License-Identifier: BSD-3-Clause
/* The dirty log: bits, both ends, every form, and what may change while rings run. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "vu_echo.h"
#include "vu_peer.h"

#include "transport/vhost_user/dirty.h"

#define PAGE 4096u

/* ---- bits ---- */

static void page_of_a_byte(void **state)
{
	unsigned char bits[4] = { 0 };
	const struct vu_dirty dirty = { .bits = bits, .pages = 32 };

	(void)state;
	vri_dirty_mark(&dirty, 0x5001, 1);
	assert_memory_equal(bits, "\x20\0\0\0", 4);
	vri_dirty_mark(&dirty, 0x5fff, 2);
	assert_memory_equal(bits, "\x60\0\0\0", 4);
	vri_dirty_mark(&dirty, 0, 0);
	assert_memory_equal(bits, "\x60\0\0\0", 4);
	vri_dirty_mark(&dirty, 3 * PAGE, 18 * PAGE);
	assert_memory_equal(bits, "\xf8\xff\x1f\0", 4);
}

/* What lies beyond is left out, whatever the numbers are. */
static void beyond_the_end(void **state)
{
	unsigned char bits[4] = { 0 };
	const struct vu_dirty dirty = { .bits = bits, .pages = 24 };

	(void)state;
	vri_dirty_mark(&dirty, 24 * PAGE, PAGE);
	vri_dirty_mark(&dirty, UINT64_MAX, UINT64_MAX);
	assert_memory_equal(bits, "\0\0\0\0", 4);
	vri_dirty_mark(&dirty, 23 * PAGE + 1, UINT64_MAX);
	assert_memory_equal(bits, "\0\0\x80\0", 4);
	vri_dirty_mark(&dirty, 22 * PAGE, UINT64_MAX - 22 * PAGE);
	assert_memory_equal(bits, "\0\0\xc0\0", 4);
}

static void taking_pages(void **state)
{
	struct vr_vu_log *log;

	(void)state;
	assert_int_equal(vr_vu_log_create(0, &log), -EINVAL);
	assert_int_equal(vr_vu_log_create(100 * PAGE + 1, &log), 0);
	assert_int_equal(vr_vu_log_take(log, 0), UINT64_MAX);
	assert_int_equal(vr_vu_log_take(log, UINT64_MAX), UINT64_MAX);
	vr_vu_log_destroy(log);
	vr_vu_log_destroy(NULL);
}

/* ---- both ends ---- */

static uint64_t end_of(const struct vu_rig *rig)
{
	struct vr_mem_region region;

	vr_shm_region(rig->shm, &region);
	return region.guest_addr + region.size;
}

static bool is_dirty(struct vu_rig *rig, const bool *pages, const void *host)
{
	return pages[vr_shm_addr(rig->shm, host) / PAGE];
}

/* Takes all pages that are dirty. */
static uint32_t take(struct vr_vu_log *log, bool *pages, uint64_t end)
{
	uint32_t count = 0;
	uint64_t addr = 0;

	memset(pages, 0, end / PAGE * sizeof(*pages));
	while ((addr = vr_vu_log_take(log, addr)) != UINT64_MAX) {
		assert_in_range(addr, 0, end - 1);
		pages[addr / PAGE] = true;
		count++;
	}
	return count;
}

static void log_rings(struct vu_rig *rig, bool on)
{
	uint32_t i;

	for (i = 0; i < rig->count; i++)
		assert_int_equal(vr_vu_frontend_log_vring(rig->frontend, i, &rig->queues[i].ring,
							  on, VU_RIG_MS),
				 0);
}

static void log_all(struct vu_rig *rig, bool on)
{
	assert_int_equal(vr_vu_frontend_set_features(
				 rig->frontend, rig->offer.accepted | (on ? VR_VU_F_LOG_ALL : 0),
				 VU_RIG_MS),
			 0);
}

static const uint64_t protocol = VR_VU_PF_REPLY_ACK | VR_VU_PF_LOG_SHMFD | VR_VU_PF_INFLIGHT_SHMFD;

static void begin(struct echo *echo, struct vu_rig *rig)
{
	rig->protocol = protocol;
	echo_begin(echo, rig);
}

/* What the device writes is in the log, what it only reads is not. */
static void data_and_rings(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);
		struct vr_vu_log *log;
		uint64_t end;
		bool *pages;
		uint32_t i;

		begin(&echo, &rig);
		end = end_of(&rig);
		pages = malloc(end / PAGE * sizeof(*pages));
		assert_int_equal(vr_vu_log_create(end, &log), 0);
		assert_int_equal(vr_vu_frontend_set_log(rig.frontend, log, VU_RIG_MS), 0);
		echo_exchange(&rig, 3);
		assert_int_equal(take(log, pages, end), 0);
		log_all(&rig, true);
		echo_exchange(&rig, 3);
		take(log, pages, end);
		for (i = 0; i < 2; i++) {
			assert_true(is_dirty(&rig, pages, vu_rig_in(&rig, i, 0)));
			assert_false(is_dirty(&rig, pages, vu_rig_out(&rig, i, 0)));
			assert_false(is_dirty(&rig, pages, rig.queues[i].ring.device.host));
			assert_false(is_dirty(&rig, pages, rig.queues[i].ring.descriptors.host));
		}
		log_rings(&rig, true);
		echo_exchange(&rig, 3);
		take(log, pages, end);
		for (i = 0; i < 2; i++) {
			assert_true(is_dirty(&rig, pages, vu_rig_in(&rig, i, 0)));
			assert_true(is_dirty(&rig, pages, rig.queues[i].ring.device.host));
			assert_false(is_dirty(&rig, pages, rig.queues[i].ring.driver.host));
			assert_int_equal(is_dirty(&rig, pages, rig.queues[i].ring.descriptors.host),
					 is_packed(form->features));
		}
		/* After the last stop nothing is written any more. */
		vu_rig_stop(&rig);
		take(log, pages, end);
		assert_int_equal(take(log, pages, end), 0);
		log_all(&rig, false);
		log_rings(&rig, false);
		vu_rig_restart(&rig);
		echo_exchange(&rig, 3);
		assert_int_equal(take(log, pages, end), 0);
		vr_vu_log_destroy(log);
		free(pages);
		echo_end(&echo, &rig);
	}
}

/* Every page that has changed is in the log, when pages are taken all the time, too. */
static void no_page_is_missed(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);
		struct vr_vu_log *log;
		uint64_t end;
		bool *pages;
		uint32_t i;

		begin(&echo, &rig);
		end = end_of(&rig);
		pages = malloc(end / PAGE * sizeof(*pages));
		assert_int_equal(vr_vu_log_create(end, &log), 0);
		assert_int_equal(vr_vu_frontend_set_log(rig.frontend, log, VU_RIG_MS), 0);
		log_rings(&rig, true);
		log_all(&rig, true);
		for (i = 0; i < 100; i++) {
			/* One round writes to the first page of each queue's data. */
			echo_exchange(&rig, 1);
			/* The ring's page is marked behind the store that ends the round; an answer comes later. */
			log_all(&rig, true);
			take(log, pages, end);
			assert_true(is_dirty(&rig, pages, vu_rig_in(&rig, 0, 0)));
			assert_true(is_dirty(&rig, pages, vu_rig_in(&rig, 1, 0)));
			/* The packed event words stay as they are at times. */
			assert_true(is_dirty(&rig, pages,
					     is_packed(form->features) ?
						     rig.queues[1].ring.descriptors.host :
						     rig.queues[1].ring.device.host));
		}
		vr_vu_log_destroy(log);
		free(pages);
		echo_end(&echo, &rig);
	}
}

static void *toggle(void *context)
{
	struct vu_rig *rig = context;
	struct vr_vu_log *logs[2];
	uint32_t i;

	assert_int_equal(vr_vu_log_create(end_of(rig), &logs[0]), 0);
	assert_int_equal(vr_vu_log_create(end_of(rig), &logs[1]), 0);
	for (i = 0; i < 100; i++) {
		assert_int_equal(vr_vu_frontend_set_log(rig->frontend, logs[i % 2], VU_RIG_MS), 0);
		log_rings(rig, i & 2);
		log_all(rig, i & 1);
	}
	vr_vu_log_destroy(logs[0]);
	vr_vu_log_destroy(logs[1]);
	return NULL;
}

/* On, off and exchanged under load: nothing is lost, nothing comes twice. */
static void toggled_under_load(void **state)
{
	static struct echo echo;

	(void)state;
	FOR_EACH_FORM(form)
	{
		struct vu_rig rig = echo_rig(form, 2);
		pthread_t toggler;

		begin(&echo, &rig);
		assert_int_equal(pthread_create(&toggler, NULL, toggle, &rig), 0);
		echo_exchange(&rig, 300);
		assert_int_equal(pthread_join(toggler, NULL), 0);
		echo_exchange(&rig, 3);
		echo_end(&echo, &rig);
	}
}

/* ---- what a front end can do wrong ---- */

static struct answer set_base(struct peer *peer, uint64_t size, uint64_t offset, int fd)
{
	const struct vu_log log = { .size = size, .offset = offset };

	return peer_ask(peer, VU_SET_LOG_BASE, &log, sizeof(log), &fd, 1);
}

static void bad_logs(void **state)
{
	static const struct {
		uint64_t size;
		uint64_t offset;
		bool ok;
	} cases[] = {
		{ PAGE, 0, true },
		{ 2 * PAGE, 0, true },
		{ PAGE, PAGE, true },
		{ 100, 3, true },
		{ 0, 0, false },
		{ PAGE, PAGE + 1, false },
		{ 2 * PAGE + 1, 0, false },
		{ UINT64_MAX, 0, false },
		{ PAGE, UINT64_MAX, false },
		{ UINT64_MAX / 2, UINT64_MAX / 2 + 2, false },
		{ UINT64_MAX >> 14, 0, false },
	};
	const int fd = memfd_create("log", MFD_CLOEXEC);
	struct peer peer;
	size_t i;

	(void)state;
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer answer;

		peer_create(&peer);
		peer_negotiate(&peer, VR_F_VERSION_1);
		peer_memory(&peer);
		peer_start(&peer, 0);
		answer = set_base(&peer, cases[i].size, cases[i].offset, fd);
		if (cases[i].ok != (answer.got && !answer.closed && !answer.payload.u64))
			fail_msg("case %zu: %s", i, vr_vu_backend_error(peer.backend));
		/* It has an answer of its own: what is wrong ends the session. */
		assert_int_equal(answer.closed, !cases[i].ok);
		peer_destroy(&peer);
	}
	close(fd);
}

static void ring_address_outside(void **state)
{
	const int fd = memfd_create("log", MFD_CLOEXEC);
	struct vu_vring_addr addr = peer_addr(0);
	struct answer answer;
	struct peer peer;

	(void)state;
	assert_int_equal(ftruncate(fd, PAGE), 0);
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	peer_memory(&peer);
	peer_start(&peer, 0);
	answer = set_base(&peer, PAGE, 0, fd);
	assert_true(answer.got);
	addr.flags = VU_VRING_ADDR_LOG;
	/* A log of one page has bits for 32768; the used ring is 6 + 8 * 16 bytes. */
	addr.log = 32768ull * PAGE - 134;
	answer = peer_ask(&peer, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	assert_true(is_ok(&answer));
	addr.log = 32768ull * PAGE;
	answer = peer_ask(&peer, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	assert_true(is_refused(&answer));
	addr.log = UINT64_MAX;
	answer = peer_ask(&peer, VU_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
	assert_true(is_refused(&answer));
	peer_destroy(&peer);
	close(fd);
}

static void log_fd(void **state)
{
	const int fd = eventfd(0, EFD_CLOEXEC);
	struct answer answer;
	struct peer peer;
	int i;

	(void)state;
	peer_create(&peer);
	peer_negotiate(&peer, VR_F_VERSION_1);
	for (i = 0; i < 3; i++) {
		answer = peer_ask(&peer, VU_SET_LOG_FD, NULL, 0, &fd, 1);
		assert_true(is_ok(&answer));
	}
	answer = peer_ask(&peer, VU_SET_LOG_FD, NULL, 0, NULL, 0);
	assert_true(is_refused(&answer));
	/* Counts descriptors. */
	peer_destroy(&peer);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_of_a_byte),
		cmocka_unit_test(beyond_the_end),
		cmocka_unit_test(taking_pages),
		cmocka_unit_test(data_and_rings),
		cmocka_unit_test(no_page_is_missed),
		cmocka_unit_test(toggled_under_load),
		cmocka_unit_test(bad_logs),
		cmocka_unit_test(ring_address_outside),
		cmocka_unit_test(log_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
