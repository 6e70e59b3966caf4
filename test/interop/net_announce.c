// SPDX-License-Identifier: BSD-3-Clause
/*
 * A driver with a control queue whose card is killed, and which goes on with the next one: that one
 * asks it to announce itself, until it has.
 */
#define _GNU_SOURCE
#include "command.h"

#include <sys/eventfd.h>

#include <virtring/memory.h>
#include <virtring/net_control.h>
#include <virtring/vhost_user.h>

#define CONTROL_RING 2u
#define SIZE 16u
#define TIMEOUT 10000

#define FEATURES \
	(VR_F_VERSION_1 | VR_NET_F_STATUS | VR_NET_F_CTRL_VQ | VR_NET_F_CTRL_RX | \
	 VR_NET_F_GUEST_ANNOUNCE)

static struct program server;
static char path[128];

/* A driver that has nothing but the control queue. */
struct rig {
	struct vr_vu_frontend *frontend;
	struct vr_shm *shm;
	uint64_t features;
	struct vr_driver *driver;
	struct vr_net_control_driver *control;
	void *states[2];
	struct vr_vu_vring vring;
	unsigned int changes;
};

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/s", test_folder());
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	return serve_stop(&server);
}

static void start_server(void)
{
	serve_start(&server, "serve net --socket %s --sink", path);
}

static void *memory(size_t bytes)
{
	void *state = aligned_alloc(64, (bytes + 63) / 64 * 64);

	assert_non_null(state);
	return state;
}

static struct vr_ring_area area(struct rig *r, uint64_t bytes)
{
	struct vr_ring_area area = { .host = vr_shm_alloc(r->shm, bytes, 64) };

	assert_non_null(area.host);
	area.addr = vr_shm_addr(r->shm, area.host);
	return area;
}

static void make_driver(struct rig *r)
{
	struct vr_driver_config config = { .struct_size = sizeof(config),
					   .features = r->features,
					   .queue_size = SIZE };
	struct vr_net_control_driver_config control = { .struct_size = sizeof(control),
							.features = r->features,
							.max_pairs = 1 };

	config.ring.descriptors = area(r, vr_ring_bytes(r->features, SIZE, VR_AREA_DESCRIPTORS));
	config.ring.driver = area(r, vr_ring_bytes(r->features, SIZE, VR_AREA_DRIVER));
	config.ring.device = area(r, vr_ring_bytes(r->features, SIZE, VR_AREA_DEVICE));
	r->states[0] = memory(vr_driver_size(&config));
	assert_int_equal(vr_driver_init(r->states[0], vr_driver_size(&config), &config, &r->driver),
			 0);
	control.queue = r->driver;
	control.memory = area(r, VR_NET_CONTROL_BYTES);
	r->states[1] = memory(vr_net_control_driver_size());
	assert_int_equal(vr_net_control_driver_init(r->states[1], vr_net_control_driver_size(),
						    &control, &r->control),
			 0);
	r->vring = (struct vr_vu_vring){
		.index = CONTROL_RING,
		.size = SIZE,
		.enabled = true,
		.ring = config.ring,
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.err_fd = -1,
	};
}

static void on_change(void *context)
{
	((struct rig *)context)->changes++;
}

/* A connection; the driver's ring goes on where it is. */
static void run_ring(struct rig *r)
{
	struct vr_mem_region region;

	vr_shm_region(r->shm, &region);
	r->vring.base = vr_driver_base(r->driver);
	assert_int_equal(vr_vu_frontend_start(r->frontend, r->features, &region, 1, &r->vring, 1,
					      TIMEOUT),
			 0);
}

static void connect_rig(struct rig *r, bool channel)
{
	static const struct vr_vu_channel_ops ops = { .struct_size = sizeof(ops),
						      .config_changed = on_change };
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = path,
		.protocol_features = VR_VU_PF_BACKEND_REQ | VR_VU_PF_CONFIG | VR_VU_PF_REPLY_ACK,
	};
	struct vr_vu_offer offer;

	assert_int_equal(vr_vu_frontend_create(&config, &r->frontend), 0);
	assert_int_equal(vr_vu_frontend_connect(r->frontend, TIMEOUT), 0);
	assert_int_equal(vr_vu_frontend_negotiate(r->frontend, r->features, r->features, &offer,
						  TIMEOUT),
			 0);
	if (channel)
		assert_int_equal(vr_vu_frontend_open_channel(r->frontend, &ops, r, TIMEOUT), 0);
	run_ring(r);
}

static void open_rig(struct rig *r, uint64_t features)
{
	const struct vr_shm_config config = { .struct_size = sizeof(config),
					      .guest_addr = 1u << 30,
					      .size = 1u << 16 };

	memset(r, 0, sizeof(*r));
	r->features = features;
	assert_int_equal(vr_shm_create(&config, &r->shm), 0);
	make_driver(r);
	connect_rig(r, true);
}

static void close_rig(struct rig *r)
{
	vr_vu_frontend_destroy(r->frontend);
	close(r->vring.kick_fd);
	close(r->vring.call_fd);
	free(r->states[0]);
	free(r->states[1]);
	vr_shm_destroy(r->shm);
}

static unsigned int status_of(struct rig *r)
{
	uint8_t wire[2];

	assert_int_equal(vr_vu_frontend_get_config(r->frontend, 6, wire, 2, TIMEOUT), 0);
	return wire[0] | (unsigned int)wire[1] << 8;
}

/* Waits for the answer to a command that was given. */
static int answer(struct rig *r, int given)
{
	int result = 0;

	assert_int_equal(given, 0);
	for (int i = 0; i < 1000 && result == 0; i++) {
		if (vr_driver_must_notify(r->driver))
			assert_int_equal(vr_vu_notify(r->vring.kick_fd), 0);
		result = vr_net_control_driver_result(r->control);
		if (result == 0)
			usleep(10000);
	}
	return result;
}

static int rx_mode(struct rig *r)
{
	return answer(r, vr_net_control_driver_rx_mode(r->control, VR_NET_CTRL_RX_PROMISC, true));
}

/* The card goes and the next one comes; the driver goes on with it. */
static void replace_card(struct rig *r, bool channel)
{
	kill(server.pid, SIGKILL);
	waitpid(server.pid, NULL, 0);
	close(server.in);
	close(server.out);
	vr_vu_frontend_destroy(r->frontend);
	start_server();
	connect_rig(r, channel);
}

static void wait_for_change(struct rig *r)
{
	for (int i = 0; i < 1000 && !r->changes; i++) {
		assert_int_equal(vr_vu_frontend_channel_process(r->frontend), 0);
		usleep(10000);
	}
	assert_int_equal(r->changes, 1);
	r->changes = 0;
}

static void announced_in(uint64_t form)
{
	struct rig r;

	start_server();
	open_rig(&r, FEATURES | form);
	assert_int_equal(rx_mode(&r), 1);
	/* There is nothing to acknowledge, and a ring that pauses has not moved. */
	assert_int_equal(answer(&r, vr_net_control_driver_announced(r.control)), VR_E_INVAL);
	assert_int_equal(vr_vu_frontend_stop(r.frontend, &r.vring, 1, TIMEOUT), 0);
	run_ring(&r);
	assert_int_equal(rx_mode(&r), 1);
	assert_int_equal(status_of(&r), VR_NET_S_LINK_UP);

	replace_card(&r, true);
	wait_for_change(&r);
	assert_int_equal(status_of(&r), VR_NET_S_LINK_UP | VR_NET_S_ANNOUNCE);
	/* Whatever else happens, it stays until it is acknowledged. */
	assert_int_equal(rx_mode(&r), 1);
	assert_int_equal(vr_vu_frontend_stop(r.frontend, &r.vring, 1, TIMEOUT), 0);
	run_ring(&r);
	assert_int_equal(status_of(&r), VR_NET_S_LINK_UP | VR_NET_S_ANNOUNCE);
	assert_int_equal(answer(&r, vr_net_control_driver_announced(r.control)), 1);
	assert_int_equal(status_of(&r), VR_NET_S_LINK_UP);
	assert_int_equal(answer(&r, vr_net_control_driver_announced(r.control)), VR_E_INVAL);

	/* Who has no channel sees it when it looks. */
	replace_card(&r, false);
	assert_int_equal(rx_mode(&r), 1);
	assert_int_equal(status_of(&r), VR_NET_S_LINK_UP | VR_NET_S_ANNOUNCE);
	assert_int_equal(r.changes, 0);
	close_rig(&r);
	/* The next driver begins anew. */
	open_rig(&r, FEATURES | form);
	assert_int_equal(rx_mode(&r), 1);
	assert_int_equal(status_of(&r), VR_NET_S_LINK_UP);
	close_rig(&r);
}

static void test_split(void **state)
{
	(void)state;
	announced_in(0);
}

static void test_packed_in_order(void **state)
{
	(void)state;
	announced_in(VR_F_RING_PACKED | VR_F_IN_ORDER);
}

/* One that did not say that it can is not asked. */
static void test_not_negotiated(void **state)
{
	static const uint64_t without[] = { VR_NET_F_GUEST_ANNOUNCE, VR_NET_F_STATUS };

	(void)state;
	start_server();
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		struct rig r;

		open_rig(&r, FEATURES & ~without[i]);
		assert_int_equal(rx_mode(&r), 1);
		replace_card(&r, true);
		assert_int_equal(rx_mode(&r), 1);
		assert_int_equal(status_of(&r), VR_NET_S_LINK_UP);
		assert_int_equal(vr_vu_frontend_channel_process(r.frontend), 0);
		assert_int_equal(r.changes, 0);
		close_rig(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_split, stop_server),
		cmocka_unit_test_teardown(test_packed_in_order, stop_server),
		cmocka_unit_test_teardown(test_not_negotiated, stop_server),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
