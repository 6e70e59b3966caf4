// SPDX-License-Identifier: BSD-3-Clause
/* Clauses VU-REC: a connection is lost, a new one begins, and the rings go on where they were. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "form.h"
#include "raw.h"
#include "vu_traffic.h"

#define BIT_PROTOCOL (1ull << 30)
#define TIMEOUT 5000

/* ---- who listens, who connects ---- */

struct server {
	struct vr_vu_backend *backend;
	atomic_bool stop;
	bool connects;
	pthread_t thread;
};

static int nothing_to_start(void *context, const struct vr_vu_vring *vring, struct vr_mem *mem)
{
	(void)context;
	(void)vring;
	(void)mem;
	return 0;
}

static int nothing_to_stop(void *context, uint32_t index, enum vr_vu_stop why, uint32_t *base)
{
	(void)context;
	(void)index;
	(void)why;
	*base = 0;
	return 0;
}

static void *serve(void *arg)
{
	struct server *s = arg;

	while (!atomic_load(&s->stop)) {
		struct pollfd pollfd = { vr_vu_backend_fd(s->backend), POLLIN, 0 };

		/* Who connects tries again; who listens goes on listening. */
		if (s->connects && !vr_vu_backend_connected(s->backend))
			(void)vr_vu_backend_open(s->backend);
		poll(&pollfd, 1, 5);
		if (vr_vu_backend_process(s->backend))
			abort();
	}
	return NULL;
}

static void either_side_listens(void **state)
{
	static const struct vr_vu_backend_ops ops = {
		.struct_size = sizeof(ops),
		.ring_start = nothing_to_start,
		.ring_stop = nothing_to_stop,
	};
	char path[64];

	(void)state;
	CLAUSE("VU-REC-001");
	snprintf(path, sizeof(path), "/tmp/virtring-reconnect-%d", (int)getpid());
	for (int connects = 0; connects < 2; connects++) {
		const struct vr_vu_frontend_config front = { .struct_size = sizeof(front),
							     .path = path,
							     .listen = connects };
		const struct vr_vu_backend_config back = { .struct_size = sizeof(back),
							   .path = path,
							   .connect = connects,
							   .vrings = 1,
							   .features = VR_F_VERSION_1,
							   .ops = &ops };
		struct server s = { .connects = connects };
		struct vr_vu_frontend *frontend;
		struct vr_vu_offer offer;

		context("the back end %s", connects ? "connects" : "listens");
		CHECK_EQ(vr_vu_frontend_create(&front, &frontend), 0);
		CHECK_EQ(vr_vu_backend_create(&back, &s.backend), 0);
		if (!connects)
			CHECK_EQ(vr_vu_backend_open(s.backend), 0);
		CHECK_EQ(pthread_create(&s.thread, NULL, serve, &s), 0);
		for (int i = 0; i < 5; i++) {
			CHECK_EQ(vr_vu_frontend_connect(frontend, TIMEOUT), 0);
			CHECK_EQ(vr_vu_frontend_negotiate(frontend, VR_F_VERSION_1, VR_F_VERSION_1,
							  &offer, TIMEOUT),
				 0);
			vr_vu_frontend_disconnect(frontend);
		}
		vr_vu_frontend_destroy(frontend);
		atomic_store(&s.stop, true);
		CHECK_EQ(pthread_join(s.thread, NULL), 0);
		vr_vu_backend_destroy(s.backend);
		CHECK(access(path, F_OK) != 0);
	}
}

/* ---- what the front end does about it ---- */

static void fewer_features_than_before(void **state)
{
	struct stub stub = { .features = PACKED | BIT_PROTOCOL };
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;

	(void)state;
	CLAUSE("VU-REC-002");
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, PACKED, 0, &offer, TIMEOUT), 0);
	stub_finish(&stub, frontend);
	/* What is in use is required the next time. */
	stub.features = SPLIT | BIT_PROTOCOL;
	frontend = stub_start(&stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, PACKED, offer.accepted, &offer, TIMEOUT),
		 -EOPNOTSUPP);
	CHECK(*vr_vu_frontend_error(frontend));
	stub_finish(&stub, frontend);
	for (uint32_t i = 0; i < stub.count; i++)
		CHECK(stub.log[i].request != 2 &&
		      !(stub.log[i].request >= 8 && stub.log[i].request <= 14));
}

/*
 * The back end is gone without a word while @taken of @sent buffers were popped and @used of them
 * used; a new one starts where the driver's half says.
 */
static void lose_and_go_on(uint64_t features, unsigned int sent, unsigned int taken,
			   unsigned int used)
{
	struct traffic t;
	uint32_t base;

	traffic_open(&t, features);
	traffic_start(&t, 0, 16, traffic_fresh(&t));
	traffic_run(&t, 0, 23);
	traffic_send(&t, 0, sent);
	CHECK_EQ(traffic_serve(&t, 0, used), used);
	CHECK_EQ(traffic_take(&t, 0, taken - used), taken - used);
	t.rings[0].forced = true;
	peer_reconnect(&t.peer);
	CHECK(!t.rings[0].device);
	traffic_get(&t, 0);
	base = vr_driver_base(t.rings[0].driver);
	if (!is_packed(features))
		CHECK_EQ(base, le16((uint8_t *)traffic_areas(&t, 0).device.host + 2));
	peer_negotiate(&t.peer, t.features);
	peer_memory(&t.peer);
	traffic_start(&t, 0, 16, base);
	/* Each of those that were not used comes back once, in order; see traffic_get(). */
	CHECK_EQ(traffic_serve(&t, 0, 16), sent - used);
	CHECK_EQ(traffic_get(&t, 0), sent - used);
	traffic_run(&t, 0, 50);
	traffic_close(&t);
}

static void positions_after_a_loss(void **state)
{
	(void)state;
	CLAUSE("VU-REC-003");
	context("split");
	lose_and_go_on(SPLIT, 9, 5, 2);
	lose_and_go_on(SPLIT_IN_ORDER, 9, 5, 2);
	lose_and_go_on(SPLIT, 16, 16, 0);

	CLAUSE("VU-INF-004");
	lose_and_go_on(SPLIT_IN_ORDER, 16, 16, 0);
	lose_and_go_on(PACKED_IN_ORDER, 16, 16, 0);

	CLAUSE("VU-REC-004");
	context("packed");
	/* The driver keeps its own position; used in ring order, it is the device's as well. */
	lose_and_go_on(PACKED, 9, 5, 2);
	lose_and_go_on(PACKED_IN_ORDER, 9, 5, 2);
	lose_and_go_on(PACKED, 16, 16, 0);
}

/* ---- what is sent again, and what is left behind ---- */

static void a_session(struct stub *stub, struct vr_vu_vring *vring)
{
	const uint64_t features = VR_F_VERSION_1 | BIT_PROTOCOL | 1ull << 3;
	static unsigned char memory[4096];
	const struct vr_mem_region region = { .size = sizeof(memory),
					      .user_addr = (uintptr_t)memory,
					      .fd = vring->kick_fd };
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;

	*stub = (struct stub){
		.features = features, .queue_num = 1, .slots = 8, .protocol = VR_VU_PF_SUPPORTED
	};
	vring->ring.descriptors.host = memory;
	vring->ring.driver.host = memory + 1024;
	vring->ring.device.host = memory + 2048;
	frontend = stub_start(stub, 0, 0);
	CHECK_EQ(vr_vu_frontend_negotiate(frontend, features, 0, &offer, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_start(frontend, offer.accepted, &region, 1, vring, 1, TIMEOUT), 0);
	CHECK_EQ(vr_vu_frontend_set_mtu(frontend, 1500, TIMEOUT), 0);
	stub_finish(stub, frontend);
}

static void everything_is_sent_again(void **state)
{
	struct vr_vu_vring vring = { .size = 16, .enabled = true, .call_fd = -1, .err_fd = -1 };
	struct stub first, second;

	(void)state;
	CLAUSE("VU-REC-005");
	vring.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a_session(&first, &vring);
	CHECK_EQ(vr_vu_drain(vring.kick_fd), 1);
	vring.base = 5;
	a_session(&second, &vring);
	CHECK_EQ(second.count, first.count);
	for (uint32_t i = 0; i < first.count; i++) {
		const struct stub_message *a = &first.log[i], *b = &second.log[i];

		step("message %u, request %u", i, a->request);
		CHECK_EQ(b->request, a->request);
		CHECK_EQ(b->size, a->size);
		if (a->request == 10)
			CHECK_EQ(wire_get_u32(b->payload + 4), 5);
		else
			CHECK_BYTES(b->payload, a->payload, a->size);
	}

	CLAUSE("VU-REC-007");
	/* What was pending when the old back end went needs no new kick of the driver. */
	CHECK_EQ(vr_vu_drain(vring.kick_fd), 1);
	close(vring.kick_fd);
}

static unsigned int mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int lines = 0;
	int c;

	CHECK(file);
	while ((c = fgetc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static void nothing_is_left_of_a_session(void **state)
{
	unsigned int maps = 0;
	struct traffic t;
	int fds = 0;

	(void)state;
	CLAUSE("VU-REC-006");
	traffic_open(&t, 0);
	for (int i = 0; i < 1000; i++) {
		uint32_t base = t.rings[0].driver ? vr_driver_base(t.rings[0].driver) : 0;

		if (i == 100) {
			fds = count_fds();
			maps = mappings();
		}
		traffic_start(&t, 0, 16, base);
		traffic_run(&t, 0, 2);
		CHECK_EQ(t.peer.starts, i + 1);
		/* Now and then in the middle of a message. */
		if (i % 3 == 0)
			CHECK_EQ(write(t.peer.sock, "\1\0\0", 3), 3);
		peer_reconnect(&t.peer);
		CHECK_EQ(t.peer.stops, i + 1);
		CHECK_EQ(t.peer.last_stop, VR_VU_STOP_CLOSED);
		peer_negotiate(&t.peer, t.features);
		peer_memory(&t.peer);
	}
	CHECK_EQ(count_fds(), fds);
	CHECK(mappings() <= maps + 1);
	traffic_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_side_listens),
		cmocka_unit_test(fewer_features_than_before),
		cmocka_unit_test(positions_after_a_loss),
		cmocka_unit_test(everything_is_sent_again),
		cmocka_unit_test(nothing_is_left_of_a_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
